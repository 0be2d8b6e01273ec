"""What the answers rest on: where the figures come from, cohorts used, and cohorts left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from studies import Cohort, Registry, Study
from studies.figures import study_label
from studies.plausibility import review
from studies.problems import Problem
from studies.selection import OVERLAP_RULE
from synthesis.endpoints import endpoint_of, label_of
from synthesis.numbers import LEVEL, MISSING, count, interval, is_missing, value
from synthesis.result import Cell, Column, Finding, Result, Table, make_table, table_of

if TYPE_CHECKING:
    from synthesis.run import Analysis

VERIFIED, OVERLAP = "verified", "overlap"
# Kinds of exclusion in the order in which the page shows them: what a reader would contest first.
_KINDS = {
    "not_pooled": "Must not be pooled",
    "formed_by_outcome": "Formed by the outcome: by survival or by frailty",
    "not_one_treatment": "Not one systemic or supportive treatment{histology}",
    "other_disease": "Not {subject}, or not only",
    "no_n": "Number of patients not reported",
    "subgroup_only": "Figures of subgroups only",
    "response_not_a_count": "Response does not resolve to a count",
    "event_status": "Deaths and survivors not told apart",
    "not_verified": "Figures not verified",
    "no_figure": "No usable figure of the endpoint",
    OVERLAP: "Shares patients with a cohort that is counted",
}
_COHORT_OF_FIELD = re.compile(r"cohorts\[(\d+)\]")


def knows_histology(analysis: Analysis) -> bool:
    """Whether any estimate is by histology; where none is, the page speaks of neither kind."""
    return bool(analysis.pooled["histology"].isin(("pure", "mixed")).any())


def or_nothing(entry: object) -> str:
    """A text as it is; nothing where it is missing."""
    return "" if is_missing(entry) else str(entry)


def _reference(study: str) -> str:
    """Where a link to the reference of a study leads."""
    return f"#study-{study}"


def _study_link(registry: Registry, study: str, cohort: str = "", *, used: bool = True) -> Cell:
    """Name a study, or one of its cohorts, with a link to its reference where it is used."""
    label = study_label(registry.studies[study]) if study in registry.studies else study
    return Cell(f"{label} · {cohort}" if cohort else label, href=_reference(study) if used else "")


# --- How far this can be trusted -----------------------------------------------------------------


def trust(analysis: Analysis) -> Result:
    """Say what limits the answers: screening, single arms, contradictions, overlap, sources."""
    none = "No pooled median lies outside the range of the medians reported by its own cohorts."
    disagree = tuple(f"- {text}" for text in analysis.contradictions) or (none,)
    findings = (
        *_screening(analysis),
        _single_arms(analysis),
        Finding("Where model and reports disagree", disagree),
        _overlap(analysis),
        *_sources(analysis),
        _odd_figures(analysis),
    )
    tables = {"figures": analysis.figures}
    return Result("trust", "How sure one can be", findings=findings, tables=tables)


def _screening(analysis: Analysis) -> Iterator[Finding]:
    registry = analysis.registry
    used, encoded = analysis.cohorts["study"].nunique(), len(registry.studies)
    out = registry.excluded
    yield Finding(
        "Reports screened",
        (
            f"{count(encoded + len(out), 'report')} were screened. The figures of {encoded:,} were "
            f"encoded; {len(out):,} {'was' if len(out) == 1 else 'were'} left out, each for a "
            f"stated reason. Of those encoded {used:,} entered this analysis; why the cohorts of "
            "the others did not stands below, under the cohorts left out.",
        ),
    )
    if out:
        columns = (
            ("Report", "wide", lambda each: Cell(study_label(each), each.citation.title or "")),
            ("Patients", "num", lambda each: ", ".join(f"{n:,}" for n in each.n)),
            ("Reason", "wide", lambda each: each.reason),
        )
        heading = f"Left out at screening ({count(len(out), 'report')})"
        yield Finding(heading, tables=(table_of("", out, columns),), folded=True)


def _cohorts_of(registry: Registry, frame: pd.DataFrame) -> list[tuple[Study, Cohort]]:
    """Look the cohorts of a table up, each once."""
    names = dict.fromkeys(zip(frame["study"], frame["cohort"], strict=True))
    return [
        (registry.studies[study], cohort)
        for study, name in names
        for cohort in registry.studies[study].cohorts
        if cohort.id == name
    ]


def _single_arms(analysis: Analysis) -> Finding:
    registry = analysis.registry
    studies = [registry.studies[name] for name in sorted(set(analysis.cohorts["study"]))]
    designs = Counter(study.design.replace("_", " ") for study in studies)
    timed = ~analysis.cohorts["endpoint"].map(lambda name: endpoint_of(name).is_response)
    cohorts = _cohorts_of(registry, analysis.cohorts[timed])
    origins = Counter(_time_origin(cohort) for _, cohort in cohorts)
    randomised = designs["randomised"]
    tables = (
        _counts("Designs of the reports used.", "Design", designs),
        _counts("Time origin of the cohorts used for survival.", "Time runs from", origins),
    )
    return Finding(
        "Single arms, compared across studies",
        (
            f"{count(len(studies), 'report')} entered; {randomised} of them "
            f"{'is' if randomised == 1 else 'are'} randomised. Every other comparison between "
            "treatments is a comparison between studies: patients were chosen by different people, "
            "in different years, for different reasons, and a difference between treatments may be "
            "a difference between patients. No contrast of this kind is evidence that one "
            "treatment causes longer survival than another.",
        ),
        tuple(table for table in tables if table.rows),
    )


def _time_origin(cohort: Cohort) -> str:
    presumed = " (presumed)" if cohort.time_origin_presumed else ""
    return "not reported" if cohort.time_origin is None else f"{cohort.time_origin}{presumed}"


def _counts(title: str, head: str, counts: Mapping[str, int]) -> Table:
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return make_table(title, [Column(head), Column("Number", "num")], ordered, narrow=True)


def _overlap(analysis: Analysis) -> Finding:
    known, some = knows_histology(analysis), bool((analysis.left_out["kind"] == OVERLAP).any())
    none = "Among the cohorts of these endpoints none share patients."
    rule = (
        "Of cohorts that share patients one is counted. The order of precedence, applied in turn:"
    )
    order = (f"- {text}" for text in OVERLAP_RULE if known or "histology" not in text)
    return Finding(
        "Patients reported more than once",
        (*(() if some else (none,)), rule, *order),
        (_left_out_table(analysis, OVERLAP),) if some else (),
    )


def _sources(analysis: Analysis) -> Iterator[Finding]:
    """Where the figures were seen, figure by figure, and which cohorts carry a caution."""
    figures, vocabulary = analysis.figures, analysis.registry.vocabulary
    # the histology of a cohort counts once, though it enters for two endpoints
    once = figures["endpoint"].where(figures["kind"] != "histology", "")
    status = figures.assign(endpoint=once).drop_duplicates()["status"]
    verified = int((status == VERIFIED).sum())
    cautions = [
        f"- {study_label(study)}, {cohort.id}: {cohort.caution}"
        for study, cohort in _cohorts_of(analysis.registry, analysis.cohorts)
        if cohort.caution
    ]
    lead = ["Cohorts that are pooled, and of which a reader must know more:"] if cautions else []
    seen = (
        f"{count(len(status), 'reported figure')} entered: {verified:,} seen in the report itself "
        f"(verified), {len(status) - verified:,} in another source about it only (secondary)."
    )
    secondary = figures[figures["status"] != VERIFIED]
    table = _status_table(analysis, secondary)
    yield Finding("Sources and cautions", (seen, *lead, *cautions), (table,))
    if len(secondary):
        columns = (
            (
                *("Cohort", "keep"),
                lambda row: Cell(f"{row.label} · {row.cohort}", href=_reference(row.study)),
            ),
            ("Endpoint", "keep", lambda row: label_of(row.endpoint, vocabulary)),
            ("Figure", "keep", lambda row: f"{row.kind}, {row.group}".removesuffix(", whole")),
            ("As it entered", "wide", lambda row: row.printed),
        )
        table = table_of("", secondary.itertuples(), columns)
        yield Finding(f"Secondary figures ({len(secondary)})", tables=(table,), folded=True)


def _status_table(analysis: Analysis, secondary: pd.DataFrame) -> Table:
    entered, other = Counter(analysis.figures["endpoint"]), Counter(secondary["endpoint"])
    touched = Counter(secondary.drop_duplicates(["endpoint", "study", "cohort"])["endpoint"])
    columns = (
        ("Endpoint", "keep", lambda name: label_of(name, analysis.registry.vocabulary)),
        ("Figures", "num", lambda name: entered[name]),
        ("Verified", "num", lambda name: entered[name] - other[name]),
        ("Secondary", "num", lambda name: other[name]),
        ("Cohorts with a secondary figure", "num", lambda name: touched[name]),
    )
    title = "Where the figures were seen."
    return table_of(title, analysis.settings.endpoints, columns, narrow=True)


def _odd_figures(analysis: Analysis) -> Finding:
    """Figures of the cohorts used that look odd, and why each stays as it is."""
    looked_at = review(analysis.registry)
    reasons = [*looked_at.acknowledged, *((warning, MISSING) for warning in looked_at.warnings)]
    rows = [
        (where, Cell(f"{warning.found}; expected {warning.expected}", more=warning.field), reason)
        for warning, reason in reasons
        if (where := _where(analysis, warning)) is not None
    ]
    heading = "Figures that look odd"
    if not rows:
        none = "No figure of the cohorts used looks odd to the checks of the registry."
        return Finding(heading, (none,))
    columns = [Column("Cohort", "keep"), Column("Found", "wide"), Column("Why it stays", "wide")]
    table = make_table(f"Odd figures of the cohorts used ({len(rows)}).", columns, rows)
    lead = (
        "The registry is checked for figures that look like a slip. Each that was found in the "
        "cohorts used was looked at again and stays as reported, for the reason given; where no "
        "reason is given it has not been looked at yet."
    )
    return Finding(heading, (lead,), (table,))


def _where(analysis: Analysis, warning: Problem) -> Cell | None:
    """Name the cohort of a warning; None where the analysis does not use it."""
    study = analysis.registry.studies.get(warning.file.removesuffix(".toml"))
    used = set(zip(analysis.cohorts["study"], analysis.cohorts["cohort"], strict=True))
    if study is None or study.id not in {name for name, _ in used}:
        return None
    place = _COHORT_OF_FIELD.match(warning.field)
    if place is None:
        return _study_link(analysis.registry, study.id)
    cohort = study.cohorts[int(place[1])].id
    return _study_link(analysis.registry, study.id, cohort) if (study.id, cohort) in used else None


# --- Cohorts used, cohorts left out --------------------------------------------------------------


def cohorts(analysis: Analysis) -> Result:
    """Every cohort that entered, one table an endpoint, grouped by treatment."""
    lead = (
        "Every cohort that entered, as its report has it and as the model sees it. An estimate "
        "that differs from the reported figure has been drawn towards the other cohorts of its "
        "treatment, the more so the fewer patients stand behind it."
    )
    by_endpoint = dict(tuple(analysis.cohorts.groupby("endpoint", sort=False)))
    tables = tuple(
        _cohort_table(analysis, name, by_endpoint[name])
        for name in analysis.settings.endpoints
        if name in by_endpoint
    )
    findings = (Finding("", tables=tables),)
    return Result("cohorts", "Cohorts used", (lead,), findings, {"cohorts": analysis.cohorts})


def _cohort_table(analysis: Analysis, name: str, frame: pd.DataFrame) -> Table:
    endpoint = endpoint_of(name)
    # as in the forest plot: by treatment, then by year and label
    treatments = dict.fromkeys(analysis.forest[name]["treatment"].dropna())
    place = frame["treatment"].map({t: number for number, t in enumerate(treatments)})
    order = ["place", "year", "label"]
    frame = frame.assign(place=place).sort_values(order, na_position="last")
    twice = set(frame["label"][frame["label"].duplicated()])
    known = any(words not in (MISSING, "not printed") for words in frame["histology"].map(value))
    columns = [
        (
            *("Cohort", "keep"),
            lambda row: Cell(
                row.label, row.cohort if row.label in twice else "", _reference(row.study)
            ),
        ),
        ("Histology", "keep", lambda row: row.histology),
        ("n", "num", lambda row: row.n),
        ("Reported", "keep", lambda row: row.printed),
        (
            *(f"Estimate, {endpoint.unit} ({LEVEL})", "num"),
            lambda row: interval(row.estimate, row.lower, row.upper, endpoint.write),
        ),
        ("What entered", "wide", lambda row: Cell(value(row.entered_as), or_nothing(row.note))),
        ("Source", "keep", lambda row: row.status),
    ]
    size = f"{count(len(frame), 'cohort')}, {count(int(frame['n'].sum()), 'patient')}"
    return table_of(
        f"{endpoint.name(analysis.registry.vocabulary)}: {size}.",
        frame.itertuples(index=False),
        [each for each in columns if known or each[0] != "Histology"],
        note="Reported: with its unit. Estimate: this cohort under the model.",
        group=lambda row: ": ".join(dict.fromkeys((row.treatment_class, row.treatment))),
    )


def left_out(analysis: Analysis) -> Result:
    """Every other cohort with the reason, one table a kind; overlap has its place in `trust`."""
    frame = analysis.left_out
    shared = frame[frame["kind"] == OVERLAP].drop_duplicates(["study", "cohort"])
    lead = (
        "Every other cohort of the registry, with the reason. A cohort may be used for one "
        "endpoint and left out for another. Cohorts that share patients with a counted one "
        f"({len(shared)}) are listed in the section on how sure one can be."
    )
    present = set(frame["kind"]) - {OVERLAP}
    kinds = [*(kind for kind in _KINDS if kind in present), *sorted(present - set(_KINDS))]
    tables = tuple(_left_out_table(analysis, kind) for kind in kinds)
    findings = (Finding("", tables=tables),)
    return Result("left-out", "Cohorts left out", (lead,), findings, {"left_out": frame})


def _left_out_table(analysis: Analysis, kind: str) -> Table:
    """One kind of exclusion; endpoints that share a reason share a row."""
    registry, used = analysis.registry, set(analysis.cohorts["study"])
    frame = analysis.left_out[analysis.left_out["kind"] == kind]
    keys = ["study", "cohort", "label", "reason", "gave_way_to"]
    texts = frame[[*keys, "endpoint"]].map(or_nothing)
    merged = texts.groupby(keys, sort=False)["endpoint"].agg(list).reset_index()
    columns = [
        ("Cohort", "keep", lambda row: f"{row.label} · {row.cohort}"),
        ("Endpoint", "", lambda row: _endpoints(analysis, row.endpoint)),
        ("Reason", "wide", lambda row: row.reason),
    ]
    if merged["gave_way_to"].any():

        def instead(row: Any) -> Cell:
            study, _, cohort = row.gave_way_to.partition(":")
            return _study_link(registry, study, cohort, used=study in used)

        columns.append(("Counted instead", "keep", instead))
    heading = _KINDS.get(kind, kind.replace("_", " ").capitalize()).format(
        subject=registry.vocabulary.subject_words,
        histology=", and no figures by histology" if knows_histology(analysis) else "",
    )
    size = count(len(frame[["study", "cohort"]].drop_duplicates()), "cohort")
    return table_of(f"{heading} ({size}).", merged.itertuples(), columns)


def _endpoints(analysis: Analysis, names: list[str]) -> str:
    if len(names) > 1 and set(names) == set(analysis.settings.endpoints):
        return "all"
    return ", ".join(label_of(name, analysis.registry.vocabulary) for name in names)
