"""The sections of the page as tables and sentences, made from the tables of the analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from studies import Registry, UnknownWordError
from studies.figures import study_label
from synthesis.choices import STACKED
from synthesis.model.families import family
from synthesis.plots.cells import signs
from synthesis.report.references import anchor
from synthesis.report.view import (
    LEVEL,
    MISSING,
    Cell,
    Column,
    Table,
    count,
    dashes,
    interval,
    is_missing,
    make_table,
    months,
    percent,
    text,
)

if TYPE_CHECKING:
    from synthesis.questions.pooled import Answer
    from synthesis.run import Analysis

RESPONSE = "response"
SYMBOLS = {"PASS": "✓", "REVIEW": "!", "FAIL": "✕"}
OVERLAP = "overlap"
NOT_PRINTED = "not printed"
HISTOLOGIES = ("pure", "mixed")
TARGETS = {"mean_study": "Mean study", "new_study": "New study"}
# Kinds of exclusion in the order in which the page shows them: what a reader would contest first.
LEFT_OUT_KINDS = {
    "not_pooled": "Must not be pooled",
    "not_one_treatment": "Not one systemic or supportive treatment{histology}",
    "other_disease": "Not {subject}, or not only",
    "no_n": "Number of patients not printed",
    "subgroup_only": "Figures of subgroups only",
    "response_not_a_count": "Response does not resolve to a count",
    "event_status": "Deaths and survivors not told apart",
    "not_verified": "Figures not verified",
    "no_figure": "No usable figure of the endpoint",
}


@dataclass(frozen=True)
class Part:
    """A paragraph, or a list."""

    text: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    """A question with its answer; a table stands behind the first paragraph."""

    question: str
    parts: tuple[Part, ...]
    table: Table | None = None


@dataclass(frozen=True)
class Verdict:
    """Verdict of one fit, for the strip at the top."""

    name: str
    verdict: str
    symbol: str


@dataclass(frozen=True)
class Alarm:
    """A loud box at the top: fits that did not pass their checks."""

    kind: str
    headline: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A headed part of a section."""

    label: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()


def endpoint_label(registry: Registry, endpoint: str) -> str:
    """Name an endpoint in the words of the vocabulary."""
    try:
        return registry.vocabulary.endpoint(endpoint).label
    except UnknownWordError:  # a registry's own vocabulary need not name the response
        return endpoint.capitalize()


def tells_histology(analysis: Analysis, endpoint: str | None = None) -> bool:
    """Tell whether an endpoint, or any, has estimates for pure and for mixed histology.

    Where no counted cohort tells its histology, the page speaks of neither.
    """
    frame = analysis.pooled
    if endpoint is not None:
        frame = frame[frame["endpoint"] == endpoint]
    return bool(frame["histology"].isin(HISTOLOGIES).any())


def cohort_label(registry: Registry, name: str) -> str:
    """Name a cohort, given as "study:cohort", for a reader."""
    study, _, cohort = name.partition(":")
    if study not in registry.studies:
        return name
    return f"{study_label(registry.studies[study])} · {cohort}"


def answers(analysis: Analysis) -> tuple[Answered, ...]:
    """Lay out the answers: each line a paragraph, lines that begin with "- " a list."""
    laid_out = []
    for answer in analysis.answers:
        parts: list[Part] = []
        for line in filter(None, map(str.strip, dashes(answer.text).splitlines())):
            item = line.removeprefix("- ")
            if item != line and answer.rows:
                continue  # the table says it
            if item == line:
                parts.append(Part(text=line))
            elif parts and parts[-1].items:
                parts[-1] = Part(items=(*parts[-1].items, item))
            else:
                parts.append(Part(items=(item,)))
        table = _answer_table(analysis, answer) if answer.rows else None
        laid_out.append(Answered(answer.question, tuple(parts), table))
    return tuple(laid_out)


def _answer_table(analysis: Analysis, answer: Answer) -> Table:
    """Which treatment, by how much, how sure, and carried by what."""
    response = answer.endpoint == RESPONSE
    estimated = "Responding, %" if response else "Median, months"
    columns = {
        "treatment": Column("Treatment", "keep"),
        "mean_study": Column(f"{estimated} ({LEVEL})", "num"),
        "new_study": Column("In a new study", "num"),
        "gain": Column(f"Gain, {'points' if response else 'months'}", "num"),
        "p_gain": Column(f"P(gain > {analysis.settings.delta:g} mo)", "num"),
        "carried_by": Column("Carried by", "keep"),
        "size": Column("Cohorts (patients)", "num"),
    }
    sized = [row | {"size": f"{row['cohorts']} ({row['patients']})"} for row in answer.rows]
    told = [name for name in columns if any(row[name] for row in sized)]
    rows = [[signs(row[name]) for name in told] for row in sized]
    label = endpoint_label(analysis.registry, answer.endpoint)
    return make_table(f"{label}.", [columns[name] for name in told], rows)


def fit_label(analysis: Analysis, name: str) -> str:
    """Name a fit in words: "os, Weibull" is that of overall survival under that family."""
    endpoint, _, variant = name.partition(", ")
    label = endpoint_label(analysis.registry, endpoint)
    single = analysis.settings.family != STACKED and endpoint != RESPONSE
    if not variant and single and endpoint in analysis.settings.endpoints:
        variant = family(analysis.settings.family).label
    return f"{label}, {variant}" if variant else label


def verdicts(analysis: Analysis) -> tuple[Verdict, ...]:
    """List the verdict of each fit."""
    return tuple(
        Verdict(fit_label(analysis, name), verdict, SYMBOLS.get(verdict, "?"))
        for name, verdict in analysis.verdicts.items()
    )


def alarms(analysis: Analysis) -> tuple[Alarm, ...]:
    """Say loudly which fits did not pass; one alarm for FAIL, one for REVIEW."""
    advice = dict(zip(analysis.diagnostics["fit"], analysis.diagnostics["advice"], strict=True))
    headlines = {
        "FAIL": "These fits FAILED their checks. Do not use or quote what rests on them.",
        "REVIEW": "These fits need a REVIEW before what rests on them is used or quoted.",
    }
    made = []
    for verdict, headline in headlines.items():
        names = [name for name, found in analysis.verdicts.items() if found == verdict]
        items = tuple(_with_advice(fit_label(analysis, name), advice.get(name)) for name in names)
        if items:
            made.append(Alarm(verdict.lower(), headline, items))
    return tuple(made)


def _with_advice(name: str, advice: object) -> str:
    return name if is_missing(advice) else f"{name}: {text(advice)}"


def diagnostics(analysis: Analysis) -> Table:
    """Tabulate what was checked of each fit."""
    columns = {
        "fit": Column("Fit", "keep"),
        "verdict": Column("Verdict", "verdict"),
        "max_rhat": Column("Largest R-hat", "num"),
        "worst_parameter": Column("of parameter", "mono"),
        "min_ess_bulk": Column("Least bulk ESS", "num"),
        "min_ess_tail": Column("Least tail ESS", "num"),
        "divergences": Column("Divergences", "num"),
        "min_bfmi": Column("Least E-BFMI", "num"),
        "sampled": Column("Chains × draws", "num"),
        "advice": Column("Advice", "wide"),
    }
    frame = analysis.diagnostics.copy()
    frame["fit"] = [fit_label(analysis, name) for name in frame["fit"]]
    frame["sampled"] = [f"{c} × {d}" for c, d in zip(frame["chains"], frame["draws"], strict=True)]
    for name, digits in (("max_rhat", 3), ("min_bfmi", 2)):
        frame[name] = [MISSING if is_missing(x) else f"{x:.{digits}f}" for x in frame[name]]
    for name in ("min_ess_bulk", "min_ess_tail"):
        frame[name] = [MISSING if is_missing(x) else f"{x:.0f}" for x in frame[name]]
    return make_table(
        "Checks of the sampler.",
        list(columns.values()),
        frame[list(columns)].itertuples(index=False),
        note="ESS is the effective number of independent draws; "
        "E-BFMI tells how well the sampler moves between energy levels.",
    )


def cohorts(analysis: Analysis) -> tuple[Table, ...]:
    """Tabulate the cohorts used, one table per endpoint, grouped by treatment."""
    return tuple(
        _cohort_table(analysis, endpoint, frame)
        for endpoint in analysis.settings.endpoints
        if len(frame := analysis.cohorts[analysis.cohorts["endpoint"] == endpoint])
    )


def _in_order(analysis: Analysis, endpoint: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Put cohorts in the order of the forest plot: by treatment, then by year and label."""
    treatments = analysis.forest[endpoint]["treatment"].dropna()
    place = {name: number for number, name in enumerate(dict.fromkeys(treatments))}
    keys = frame["treatment"].map(place)
    return frame.assign(place=keys).sort_values(["place", "year", "label"], na_position="last")


def _cohort_table(analysis: Analysis, endpoint: str, frame: pd.DataFrame) -> Table:
    frame = _in_order(analysis, endpoint, frame)
    shows_histology = any(text(words) not in (MISSING, NOT_PRINTED) for words in frame["histology"])
    write, unit = (percent, "%") if endpoint == RESPONSE else (months, "months")
    columns = [
        Column("Cohort", "keep"),
        *([Column("Histology", "keep")] if shows_histology else []),
        Column("n", "num"),
        Column("Printed", "keep"),
        Column(f"Estimate, {unit} ({LEVEL})", "num"),
        Column("What entered", "wide"),
        Column("Source", "keep"),
    ]
    twice = set(frame["label"][frame["label"].duplicated()])
    rows = [
        (
            Cell(
                row.label,
                href=f"#{anchor(row.study)}",
                more=row.cohort if row.label in twice else "",
            ),
            *([row.histology] if shows_histology else []),
            row.n,
            row.printed,
            interval(row.estimate, row.lower, row.upper, write),
            Cell(text(row.entered_as), more="" if is_missing(row.note) else text(row.note)),
            row.status,
        )
        for row in frame.itertuples(index=False)
    ]
    label = endpoint_label(analysis.registry, endpoint)
    return make_table(
        f"{label}: {count(len(frame), 'cohort')}, {count(int(frame['n'].sum()), 'patient')}.",
        columns,
        rows,
        note="Printed: as in the report, with its unit. Estimate: this cohort under the model.",
        group_by=[_within(row.treatment_class, row.treatment) for row in frame.itertuples()],
    )


def _within(treatment_class: str, treatment: str) -> str:
    same = treatment_class == treatment
    return treatment if same else f"{treatment_class}: {treatment}"


def left_out(analysis: Analysis) -> tuple[Table, ...]:
    """Tabulate the cohorts left out with their reasons, one table per kind of reason.

    Overlap has its place in `trust`.
    """
    frame = analysis.left_out
    known = [kind for kind in LEFT_OUT_KINDS if (frame["kind"] == kind).any()]
    others = sorted(set(frame["kind"]) - set(known) - {OVERLAP})
    return tuple(
        left_out_table(analysis, kind, frame[frame["kind"] == kind]) for kind in [*known, *others]
    )


def left_out_table(analysis: Analysis, kind: str, frame: pd.DataFrame) -> Table:
    """Tabulate one kind of exclusion; endpoints that share a reason share a row."""
    columns = [
        Column("Cohort", "keep"),
        Column("Endpoint"),
        Column("Reason", "wide"),
        Column("Counted instead", "keep"),
    ]
    keys = ["study", "cohort", "label", "reason", "gave_way_to"]
    if not frame["gave_way_to"].map(lambda x: not is_missing(x)).any():
        columns.pop()
    merged: dict[tuple[str, ...], list[str]] = {}
    for row in frame[[*keys, "endpoint"]].itertuples(index=False):
        key = tuple("" if is_missing(x) else str(x) for x in row[:-1])
        merged.setdefault(key, []).append(row.endpoint)
    rows = [
        (f"{label} · {cohort}", _endpoints(analysis, ends), reason, _instead(analysis, instead))[
            : len(columns)
        ]
        for (_, cohort, label, reason, instead), ends in merged.items()
    ]
    headings = {OVERLAP: "Shares patients with a cohort that is counted", **LEFT_OUT_KINDS}
    heading = headings.get(kind, kind.replace("_", " ").capitalize()).format(
        subject=analysis.registry.vocabulary.subject_words,
        histology=", and no figures by histology" if tells_histology(analysis) else "",
    )
    size = count(len(frame[["study", "cohort"]].drop_duplicates()), "cohort")
    return make_table(f"{heading} ({size}).", columns, rows)


def _instead(analysis: Analysis, name: str) -> Cell:
    used = name and name.partition(":")[0] in set(analysis.cohorts["study"])
    href = f"#{anchor(name.partition(':')[0])}" if used else ""
    return Cell(cohort_label(analysis.registry, name) if name else MISSING, href=href)


def _endpoints(analysis: Analysis, endpoints: list[str]) -> str:
    if len(endpoints) > 1 and set(endpoints) == set(analysis.settings.endpoints):
        return "all"
    return ", ".join(endpoint_label(analysis.registry, name) for name in endpoints)


def priors(analysis: Analysis) -> Table:
    """Tabulate the priors: what each is, what it implies and why."""
    rows = [
        (
            Cell(text(row.role), more=row.name),
            Cell(
                text(row.parameters),
                more="" if is_missing(row.instead_of) else f"instead of {row.instead_of}",
            ),
            f"{text(row.implied_95)} {'' if is_missing(row.unit) else row.unit}",
            Cell(text(row.rationale), more=row.source),
        )
        for row in analysis.priors.itertuples(index=False)
    ]
    columns = [
        Column("Of what", "wide"),
        Column("Prior", "keep"),
        Column(f"Implied {LEVEL} range", "keep"),
        Column("Why, and from where", "wide"),
    ]
    own = int(analysis.priors["instead_of"].map(lambda usual: not is_missing(usual)).sum())
    note = f"{count(own, 'prior')} differ{'s' if own == 1 else ''} from the default." if own else ""
    return make_table("What was believed before.", columns, rows, note=note)


def ratio(value: float) -> str:
    """Write a ratio: two decimals below one, one above."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}"
