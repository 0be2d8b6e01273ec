"""How long patients live under each treatment: the pooled estimates, and what they rest on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from priors import Priors
from studies import Registry
from studies.figures import reads
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, Endpoint, endpoint_of
from synthesis.estimands import (
    ESTIMANDS,
    TARGETS,
    Fit,
    NamedGroup,
    named_groups,
    patients_of,
    tells_histology,
)
from synthesis.fits import PooledSurvival, ResponseFit, SurvivalFit, used_priors
from synthesis.numbers import LEVEL, count, listed, percent, written
from synthesis.questions.certainty import PRIOR as CONFOUNDED
from synthesis.questions.compare import Comparison, chance_heading
from synthesis.questions.contrasts import RANDOMISED, Reference
from synthesis.questions.pooled import tables
from synthesis.questions.pooled.shrinkage import SHRUNK, contradictions
from synthesis.result import Cell, Finding, Picture, Result, Table, table_of
from synthesis.settings import Settings
from synthesis.stacking import HIGH_K, LEAST_COHORTS, FamilyFits, ModelChoice

__all__ = ["Answer", "Pooled", "answers", "contradictions", "pool", "result"]

BEYOND_RESPONSE = (
    "Shares of the evaluable patients. Disease control: a complete or partial response, or a "
    "disease that stayed stable for as long as each report asks for. Complete response: no sign of "
    "the tumour is left. Below each estimate stands the number of cohorts that report it; where "
    "none does, the estimate is what the other treatments lead to expect."
)
UNTOLD = (
    "No counted cohort tells pure from mixed tumours: the data say nothing on it, and no estimate "
    "here is by histology but what the prior alone says."
)
_FAMILIES = (
    "Reports give a few points of a curve; what lies between and beyond them depends on the "
    "survival family. Several families are fitted to the same figures. Each is judged by how well "
    "it predicts every cohort from all the others. Their weights make the mixture that predicts "
    "best, and the answers are those of the mixture. The weights are not probabilities: a family "
    "that adds nothing to the others gets hardly any. So that chance does not decide a near tie, "
    "they are chosen as if one further cohort spoke for all families alike."
)
_POPULATION = (
    "Reports differ in design, line of treatment, time origin and share of mutated tumours. Their "
    "effects on the median are estimated along with the rest. Pooled estimates are those of a "
    "prospective study of first-line treatment, with time from its start. A posterior that lies "
    "on its prior has learned nothing from these cohorts."
)
_TARGET_WORDS = {"mean_study": "Mean study", "new_study": "New study"}

# A treatment is spoken of where at least this many cohorts stand behind it.
_COHORTS_SHOWN = 2
# Estimands on which families are compared.
_COMPARED = ("median_months", "survival_12m", "rmst_12m")


@dataclass(frozen=True)
class Pooled:
    """Pooled estimates of every endpoint, and what they rest on."""

    settings: Settings
    fits: Mapping[str, Fit]
    """Endpoint -> what answers are read from: a fit, or several stacked."""
    survival: Mapping[str, FamilyFits] = field(repr=False)
    """Survival endpoint -> its fits by family, and how they compare."""
    comparison: Comparison
    """Of the same fits: gains over a reference."""
    pooled: pd.DataFrame = field(repr=False)
    cohorts: pd.DataFrame = field(repr=False)
    figures: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    diagnostics: pd.DataFrame = field(repr=False)
    priors: pd.DataFrame = field(repr=False)
    families: pd.DataFrame = field(repr=False)
    covariates: pd.DataFrame = field(repr=False)
    model_choice: pd.DataFrame = field(repr=False)
    """The tables from `pooled` on are those of :mod:`synthesis.questions.pooled.tables`."""
    forest: Mapping[str, pd.DataFrame] = field(repr=False)
    """Endpoint -> forest table."""
    curves: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]] = field(repr=False)
    """Survival endpoint -> (curves, points)."""

    @property
    def verdicts(self) -> Mapping[str, str]:
        """Name of a fit -> PASS, REVIEW or FAIL."""
        return dict(zip(self.diagnostics["fit"], self.diagnostics["verdict"], strict=True))


TABLES = ("pooled", "families", "model_choice", "covariates", "cohorts", "figures", "left_out")
TABLES += ("diagnostics", "priors")


def pool(
    registry: Registry,
    fits: Mapping[str, Fit],
    survival: Mapping[str, FamilyFits],
    comparison: Comparison,
    settings: Settings,
    priors: Priors,
) -> Pooled:
    """Make every table of the fits, by endpoint, and of those by family.

    The comparison is of the same fits, and empty where nothing was compared.
    """
    vocabulary, mix = registry.vocabulary, settings.reference_mix
    sampled = sampled_fits(fits, survival)
    pooled = {name: families.pooled for name, families in survival.items()}
    left_out = {name: fit.left_out for name, fit in fits.items()}
    used = [*used_priors(sampled), *[CONFOUNDED] * (not comparison.is_empty)]
    return Pooled(
        settings=settings,
        fits=fits,
        survival=survival,
        comparison=comparison,
        pooled=tables.pooled_table(fits, vocabulary, mix),
        cohorts=tables.cohorts_table(fits, vocabulary),
        figures=tables.figures_table(fits),
        left_out=tables.left_out_table(left_out, registry.labels),
        diagnostics=tables.diagnostics_table(sampled),
        priors=tables.priors_table(priors, used),
        families=tables.families_table(survival, vocabulary, mix),
        covariates=tables.covariates_table(pooled),
        model_choice=tables.model_choice_table(survival),
        forest={name: tables.forest_table(fit, vocabulary, mix) for name, fit in fits.items()},
        curves={name: tables.curve_tables(fit, vocabulary, mix) for name, fit in pooled.items()},
    )


def sampled_fits(
    fits: Mapping[str, Fit], survival: Mapping[str, FamilyFits]
) -> dict[str, SurvivalFit | ResponseFit]:
    """Every fit that was sampled: ``os`` under one family, ``os, Weibull`` among several."""
    named = {}
    for endpoint, fit in fits.items():
        single = survival[endpoint].by_family if endpoint in survival else {}
        if len(single) > 1:
            named |= {f"{endpoint}, {one.family.label}": one for one in single.values()}
        else:
            named[endpoint] = fit
    return named


def result(pooled: Pooled, registry: Registry) -> Result:
    """Say what the pooled estimates are, by the reports that they rest on."""
    vocabulary, parts = registry.vocabulary, _parts(pooled, registry.vocabulary)
    findings = [_question(part) for part in parts]
    first = pooled.fits.get(next(iter(ENDPOINTS)))
    if first is not None and vocabulary.histologies and not tells_histology(first):
        findings.append(Finding("Do mixed tumours fare better than pure ones?", (UNTOLD,)))
    findings += map(_drawn, parts)
    findings += map(_estimates, parts)
    findings += _family_findings(pooled, vocabulary)
    findings += _population_findings(pooled.covariates, vocabulary)
    kept = {name: getattr(pooled, name) for name in TABLES}
    if drawn := [own.assign(endpoint=name) for name, (own, _) in pooled.curves.items()]:
        kept["curves"] = pd.concat(drawn, ignore_index=True)
    title, verdicts = "Pooled estimates", pooled.verdicts
    return Result("pooled", title, findings=tuple(findings), tables=kept, verdicts=verdicts)


class _Part(NamedTuple):
    """One endpoint of the pooled estimates."""

    pooled: Pooled
    fit: Fit
    endpoint: Endpoint
    vocabulary: Vocabulary

    @property
    def name(self) -> str:
        return self.endpoint.name(self.vocabulary)

    @property
    def quantity(self) -> str:
        return numbers.capitalised(self.endpoint.quantity(self.vocabulary))

    @property
    def reference(self) -> Reference | None:
        """What gains are over, where something is compared."""
        return self.pooled.comparison.references.get(self.endpoint.id)

    @property
    def mix(self) -> str:
        """The reference mix where the fit knows of one, else nothing."""
        share = self.pooled.settings.reference_mix
        return numbers.mixed_share(share) if tells_histology(self.fit) else ""


def _parts(pooled: Pooled, vocabulary: Vocabulary) -> list[_Part]:
    return [_Part(pooled, fit, endpoint_of(n), vocabulary) for n, fit in pooled.fits.items()]


# --- Answers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """A question that people come with: what is estimated in whom, and a row a treatment.

    Numbers of the rows are texts.
    """

    question: str
    sentences: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    endpoint: str

    @property
    def text(self) -> str:
        """The sentences, a paragraph a line."""
        return "\n".join(self.sentences)


def answers(pooled: Pooled, vocabulary: Vocabulary) -> tuple[Answer, ...]:
    """Answer the question of each endpoint."""
    return tuple(map(_answer, _parts(pooled, vocabulary)))


def _answer(part: _Part) -> Answer:
    about = part.endpoint
    return Answer(about.question, tuple(_opening(part)), tuple(_answer_rows(part)), about.id)


def _opening(part: _Part) -> Iterator[str]:
    """What is estimated, in whom, and what gains are over."""
    each = f"posterior median ({LEVEL} interval) for the average study, then for a new one."
    who = f"{part.quantity} in {part.vocabulary.subject_words}"
    if part.endpoint.is_response:
        yield f"{who}, per cent of evaluable patients: {each}"
    else:
        origins = time_origins(part.fit)
        yield f"{who}, months from the time origin of each study ({origins}): {each}"
        if part.mix:
            share = percent(part.pooled.settings.reference_mix)
            yield f"The estimates are for patients of whom {share} % have mixed histology."
            yield from declared_words(part.fit)
    if (over := part.reference) is not None:
        yield f"Gains are over {over.words}, {over.why}; average study."
        if not part.endpoint.is_response:
            yield part.pooled.comparison.confounding.words


def declared_words(fit: PooledSurvival) -> tuple[str, ...]:
    """Which reports' own groups are read as pure and mixed by declaration; empty for none."""
    declared = [
        ref.label
        for ref in fit.data.cohorts
        if reads("groups", fit.data.use_read_as)
        if ref.cohort.read_as or any(group.read_as for group in ref.cohort.subgroups)
    ]
    names = listed(dict.fromkeys(declared))
    return (f"Groups of {names} are read as pure and mixed, as declared.",) if declared else ()


def time_origins(fit: PooledSurvival) -> str:
    """Time origins of the cohorts of a fit, with how many have each."""
    origins = [ref.cohort.time_origin or "not reported" for ref in fit.data.cohorts]
    return ", ".join(f"{name}: {n}" for name, n in pd.Series(origins).value_counts().items())


def _answer_rows(part: _Part) -> Iterator[dict[str, str]]:
    """Estimates, gains and what carries them, a row a treatment.

    Treatments are those that the comparison shows; without one, all with several cohorts.
    """
    pooled, endpoint = part.pooled, part.endpoint
    estimates = pooled.pooled.query("endpoint == @endpoint.id and estimand == @endpoint.estimand")
    estimates = estimates[estimates["histology"] == "reference"]
    by = {(row.treatment, row.target): row for row in estimates.itertuples()}
    compared = pooled.comparison.forest
    compared = compared[compared["endpoint"] == endpoint.id].set_index("treatment")
    for group in named_groups(part.fit, part.vocabulary):
        background = all(ref.role == "mixed" for ref in group.cohorts)
        several = len(group.cohorts) >= _COHORTS_SHOWN and not background
        if not (group.label in compared.index if len(compared) else several):
            continue
        gain = _gain(compared.loc[group.label], endpoint) if len(compared) else {}
        yield {
            "treatment": group.label,
            "shrunk": SHRUNK if by[group.label, "mean_study"].shrunk else "",
            **{t: written(by[group.label, t], endpoint.write) for t in TARGETS},
            **dict.fromkeys(_GAIN, ""),
            **gain,
            "cohorts": str(len(group.cohorts)),
            "patients": numbers.patients(group.patients, group.compared),
            "size": numbers.size(*group.sizes),
        }


_JUDGED = ("evidence", "certainty", "certainty_reasons")
_GAIN = ("gain", "gain_adjusted", "p_gain", "p_gain_adjusted", *_JUDGED)


def _gain(row: pd.Series, endpoint: Endpoint) -> dict[str, str]:
    if row["is_reference"]:
        return {"evidence": "reference"}
    words = {name: row[name] for name in _JUDGED}
    if endpoint.is_response:
        return words | {"gain": written(row, endpoint.write_gain)}
    gains = {name: written(row, numbers.months, name) for name in ("gain", "gain_adjusted")}
    chances = {name: numbers.chance(row[name]) for name in ("p_gain", "p_gain_adjusted")}
    return gains | chances | words


def _question(part: _Part) -> Finding:
    """A question with its table: which treatment, by how much, how sure, carried by what."""
    answer, endpoint = _answer(part), part.endpoint
    estimated = "Responding, %" if endpoint.is_response else "Median, months"
    columns = {
        "treatment": ("Treatment", "keep"),
        "mean_study": (f"{estimated} ({LEVEL})", "num"),
        "new_study": ("In a new study", "num"),
        "gain": (f"Gain, {endpoint.unit_of_gain}", "num"),
        "p_gain": (chance_heading(part.pooled.settings.delta), "num"),
        "evidence": ("Evidence", "keep"),
        "size": ("Cohorts (patients)", "num"),
    }
    filled = [
        (*about, lambda row, name=name: Cell(row[name], more=_beside(row, name)))
        for name, about in columns.items()
        if any(row[name] for row in answer.rows)
    ]
    table = table_of(f"{part.name}.", answer.rows, filled)
    return Finding(answer.question, answer.sentences, (table,) if answer.rows else ())


def _beside(row: Mapping[str, str], name: str) -> str:
    """The second line of a cell: shrinkage, what a gain is allowing for confounding, certainty."""
    if name == "mean_study":
        return row["shrunk"]
    if name == "evidence" and row["certainty"]:
        return f"certainty: {row['certainty']}"
    adjusted = row.get(f"{name}_adjusted", "")
    needed = adjusted and row["evidence"] != RANDOMISED
    return f"{adjusted} allowing for confounding" if needed else ""


# --- Pictures ------------------------------------------------------------------------------------


def _drawn(part: _Part) -> Finding:
    """Forest plot, in numbered parts where it is too long for a page, and curves of an endpoint."""
    from synthesis.plots.curves import plot_curves
    from synthesis.plots.forest import parts_of, plot_forest

    pooled, endpoint = part.pooled, part.endpoint
    table, caption = pooled.forest[endpoint.id], _forest_caption(part)
    parts = parts_of(table, endpoint=endpoint.id)
    pictures = []
    for number, rows in enumerate(parts, start=1):
        title, stem = part.name, f"forest_{endpoint.id}"
        arguments = {"table": rows, "endpoint": endpoint.id}
        shown = table[table["treatment_class"].isin(set(rows["treatment_class"]))]
        if len(parts) > 1:
            title = f"{title}, part {number} of {len(parts)}"
            stem = stem if number == 1 else f"{stem}_{number}"
            arguments["part"] = (number, len(parts))
        studies = tuple(dict.fromkeys(filter(None, shown["study_id"])))
        words = _pooled_words(part, shown)
        pictures.append(
            Picture(stem, title, caption, plot_forest, arguments, studies, words, endpoint.id)
        )
    if endpoint.id in pooled.curves and _has_curves(*pooled.curves[endpoint.id]):
        curves, points = pooled.curves[endpoint.id]
        reference = part.reference.label if part.reference else ""
        pictures.append(
            Picture(
                f"curves_{endpoint.id}",
                f"{part.name}: curves",
                _curves_caption(part),
                plot_curves,
                dict(curves=curves, points=points, endpoint=endpoint.id, reference=reference),
                tuple(dict.fromkeys(points["study_id"])),
                _pooled_words(part, table),
                endpoint.id,
            )
        )
    return Finding(f"{part.name}: every cohort and treatment", pictures=tuple(pictures))


def _pooled_words(part: _Part, table: pd.DataFrame) -> str:
    """What a forest plot shows, for a reader who cannot see it."""
    rows = table[table["kind"] == "mean_study"].sort_values("estimate", ascending=False)
    write = part.endpoint.write
    values = [f"{row.treatment} {written(row, write)}" for row in rows.itertuples()]
    return f"{part.quantity}, {part.endpoint.unit}, average study: {'; '.join(values)}."


def _has_curves(curves: pd.DataFrame, points: pd.DataFrame) -> bool:
    """Whether a treatment has enough behind it, and a reported figure, to be drawn by."""
    from synthesis.plots.curves import COHORTS, PATIENTS

    enough = (curves["cohorts"] >= COHORTS) | (curves["patients"] >= PATIENTS)
    return bool(enough.any()) and not points.empty


def _size(fit: Fit) -> str:
    """Cohorts, reports and patients behind a fit."""
    refs = fit.data.cohorts
    reports = count(len({ref.study.id for ref in refs}), "report")
    patients = count(sum(patients_of(fit).values()), "patient")
    return f"{count(len(refs), 'cohort')} of {reports}, {patients}"


def family_words(fit: PooledSurvival) -> str:
    """The survival family of a fit, or the families over which it is stacked."""
    weights = fit.family_weights
    if len(weights) == 1:
        return f"{next(iter(weights))} family"
    parts = [f"{name} {percent(weight)} %" for name, weight in weights.items()]
    return f"stacked over survival families ({', '.join(parts)})"


def _forest_caption(part: _Part) -> str:
    fit, subject = part.fit, part.vocabulary.subject_words
    marks = (
        "Open squares: reported value with its reported interval, area by number of patients; "
        f"filled dots: the model's estimate of the same cohort with its {LEVEL} interval; "
        f"diamonds: average study of the treatment; bars: {LEVEL} prediction for a new study."
    )
    if part.endpoint.is_response:
        return (
            f"Objective response rate in {subject}, per cent. {_size(fit)}. "
            f"Binomial-logit hierarchy of classes, treatments and studies. {marks} "
            f"{tables.heterogeneity_words(fit)}"
        )
    return (
        f"{part.name} in {subject}, median in months (log scale), "
        f"from the time origin of each study ({time_origins(fit)}). {_size(fit)}. "
        f"Survival hierarchy of classes, treatments and studies, {family_words(fit)}; reported "
        "medians, limits and landmarks enter as order statistics and binomial cells. "
        f"{f'Pooled rows: {part.mix}. ' if part.mix else ''}{marks} Arrows: not reached. "
        f"{tables.heterogeneity_words(fit)}"
    )


def _curves_caption(part: _Part) -> str:
    mix = f", {part.mix}" if part.mix else ""
    return (
        f"{part.name} in {part.vocabulary.subject_words} under each treatment: pooled curve of the "
        f"average study with its {LEVEL} band{mix}, {family_words(part.fit)}. Open squares: "
        "reported medians with their intervals; dots: reported survival at fixed times"
        f"{'; steps: patients listed one by one' if part.fit.data.patients else ''}. Faded: "
        f"beyond twice the last reported point. {_size(part.fit)}."
    )


# --- Estimates as tables -------------------------------------------------------------------------


def _estimates(part: _Part) -> Finding:
    """Every estimand of every treatment; what differs by histology is another question."""
    endpoint = part.endpoint
    frame = part.pooled.pooled.query("endpoint == @endpoint.id and histology == 'reference'")
    by = {(row.treatment, row.target, row.estimand): row for row in frame.itertuples()}
    names = list(dict.fromkeys(frame["estimand"]))
    groups = named_groups(part.fit, part.vocabulary)

    def once(row: tuple[NamedGroup, str], text: str) -> Cell:
        return Cell(text, rows=len(TARGETS) if row[1] == TARGETS[0] else 0)

    def estimate(row: tuple[NamedGroup, str], name: str) -> Cell:
        own = by[row[0].label, row[1], name]
        behind = endpoint.is_response and row[1] == TARGETS[0]
        return Cell(written(own, ESTIMANDS[name].write), _behind(own) if behind else "")

    mix = f", {part.mix}" if part.mix else ""
    table = table_of(
        f"Pooled estimates{mix} ({LEVEL} interval).",
        itertools.product(groups, TARGETS),
        [
            ("Treatment", "keep", lambda row: once(row, row[0].label)),
            ("Cohorts (patients)", "num", lambda row: once(row, numbers.size(*row[0].sizes))),
            ("For", "keep", lambda row: _TARGET_WORDS[row[1]]),
            *((_heading(n), "num", lambda row, n=n: estimate(row, n)) for n in names),
        ],
        note=BEYOND_RESPONSE if endpoint.is_response and len(names) > 1 else "",
        group=lambda row: row[0].class_label,
    )
    return Finding(f"{part.name}: pooled estimates", tables=(table,), folded=True)


def _heading(estimand: str) -> str:
    return f"{ESTIMANDS[estimand].label}, {ESTIMANDS[estimand].unit}"


def _behind(row: Any) -> str:
    """How many cohorts tell an estimand."""
    if not row.cohorts:
        return "no cohort"
    return numbers.size_words(row.cohorts, row.patients)


# --- Survival families ---------------------------------------------------------------------------


def _family_findings(pooled: Pooled, vocabulary: Vocabulary) -> Iterator[Finding]:
    """How the families of each endpoint compare and what each says, where several were fitted."""
    for name, fits in pooled.survival.items():
        if fits.choice is None:
            continue
        every, each = (
            _shown(table[table["endpoint"] == name]) for table in (pooled.pooled, pooled.families)
        )
        each = each[each["treatment"].isin(every["treatment"])]
        known = [estimand for estimand in _COMPARED if (every["estimand"] == estimand).any()]
        items = [f"- {_apart_words(disagreement(each, every, estimand))}" for estimand in known]
        words = (_FAMILIES, _choice_words(fits.choice), "The families lie furthest apart here:")
        yield Finding(
            f"Survival families: {endpoint_of(name).words(vocabulary)}",
            (*words, *items),
            (_choice_table(fits.choice), _family_table(each, every)),
            folded=True,
        )


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The average study of each treatment with several cohorts, or of all if none has."""
    frame = frame[(frame["histology"] == "reference") & (frame["target"] == "mean_study")]
    frame = frame[~frame["treatment"].str.endswith("(any)")]
    main = frame[frame["cohorts"] >= _COHORTS_SHOWN]
    return frame if main.empty else main


class Disagreement(NamedTuple):
    """Where the families lie furthest apart in one estimand.

    ``share`` is the distance between the lowest and the highest estimate as a part of the width of
    the 95 % interval of the pooled answer, on the log scale for times.
    """

    estimand: str
    treatment: str
    lowest: float
    highest: float
    lowest_family: str
    highest_family: str
    share: float


def disagreement(families: pd.DataFrame, pooled: pd.DataFrame, estimand: str) -> Disagreement:
    """The treatment on which the families differ most, beside the width of its interval.

    Rows are of one endpoint, histology and target, and of the same treatments.
    """
    scale = np.log if ESTIMANDS[estimand].unit == "months" else np.asarray
    each = families[families["estimand"] == estimand]
    apart = []
    for row in pooled[pooled["estimand"] == estimand].itertuples(index=False):
        ordered = each[each["treatment"] == row.treatment].sort_values("estimate", kind="stable")
        low, high = ordered.iloc[0], ordered.iloc[-1]
        distance = scale(high["estimate"]) - scale(low["estimate"])
        share = float(distance / (scale(row.upper) - scale(row.lower)))
        ends = low["estimate"], high["estimate"], low["family"], high["family"]
        apart.append(Disagreement(estimand, row.treatment, *ends, share))
    return max(apart, key=lambda pair: pair.share)


def _apart_words(pair: Disagreement) -> str:
    about = ESTIMANDS[pair.estimand]
    return (
        f"{about.label}: {pair.treatment}, {about.write(pair.lowest)} ({pair.lowest_family}) to "
        f"{about.write(pair.highest)} {about.unit} ({pair.highest_family}), that is "
        f"{percent(pair.share)} % of the width of its {LEVEL} interval."
    )


def _choice_words(choice: ModelChoice) -> str:
    best, *others = choice.table.itertuples(index=False)
    weights = ", ".join(f"{row.family} {percent(row.weight)} %" for row in (best, *others))
    cohorts = count(choice.cohorts, "cohort")
    if not choice.stacked:
        return (
            f"{cohorts} cannot tell families apart: with fewer than {LEAST_COHORTS} the weights "
            f"are equal ({weights})."
        )
    far = [row.family for row in others if -row.elpd_difference > 2.0 * row.se_difference]
    words = (
        f"Over {cohorts} the {best.family} predicts best. Behind it by more than two standard "
        f"errors: {listed(far) or 'none'}. Weights: {weights}."
    )
    doubtful = int(choice.table["high_k"].max())
    if doubtful:
        unlike = f"{count(doubtful, 'cohort')} unlike the rest (Pareto k above {HIGH_K:g})"
        words += f" The predictive density is uncertain for up to {unlike}."
    return words


def _choice_table(choice: ModelChoice) -> Table:
    one = numbers.decimal

    def with_error(value: float, se: float) -> str:
        return f"{one(value, 1)} ({one(se, 1)})"

    def behind(row: Any) -> str:
        return with_error(abs(row.elpd_difference), row.se_difference)

    return table_of(
        "How well each family predicts.",
        choice.table.itertuples(index=False),
        [
            ("Family", "keep", lambda row: row.family),
            ("Log predictive density (SE)", "num", lambda row: with_error(row.elpd, row.se)),
            ("Behind the best (SE)", "num", behind),
            ("Effective parameters", "num", lambda row: one(row.p_loo, 1)),
            ("Largest Pareto k", "num", lambda row: one(row.largest_k, 2)),
            (f"Cohorts with k above {HIGH_K:g}", "num", lambda row: row.high_k),
            ("Weight, %", "num", lambda row: percent(row.weight)),
        ],
        note="Density: the sum over cohorts of the log density that the family, fitted to all "
        "other cohorts, gives to what the cohort reports. Behind the best: more than twice the "
        "standard error (SE) is a clear difference.",
    )


def _family_table(families: pd.DataFrame, pooled: pd.DataFrame) -> Table:
    names = list(dict.fromkeys(families["family"]))
    by = {(row.estimand, row.treatment, row.family): row for row in families.itertuples()}
    rows = [
        row
        for estimand in _COMPARED
        for row in pooled[pooled["estimand"] == estimand].itertuples(index=False)
    ]

    def own(row: Any, family: str) -> str:
        return written(by[row.estimand, row.treatment, family], ESTIMANDS[row.estimand].write)

    return table_of(
        "The same estimates under each family, average study.",
        rows,
        [
            ("Treatment", "keep", lambda row: row.treatment),
            (f"Stacked ({LEVEL})", "num", lambda row: written(row, ESTIMANDS[row.estimand].write)),
            *((name, "num", lambda row, name=name: own(row, name)) for name in names),
        ],
        group=lambda row: _heading(row.estimand),
    )


def _population_findings(covariates: pd.DataFrame, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Prior and posterior of what kind of study and population makes, a table an endpoint."""
    made = tuple(
        _effects_table(endpoint_of(endpoint).name(vocabulary), effects)
        for endpoint, effects in covariates.groupby("endpoint", sort=False)
    )
    if made:
        yield Finding("Effect of design and population", (_POPULATION,), made, folded=True)


def _effects_table(name: str, effects: pd.DataFrame) -> Table:
    sides = [effects[effects["which"] == which] for which in ("prior", "posterior")]

    def left(pair: Any) -> str:
        return percent(pair[1].log_sd / pair[0].log_sd)

    return table_of(
        f"{name}: ratio of medians.",
        zip(*(side.itertuples(index=False) for side in sides), strict=True),
        [
            ("Effect", "", lambda pair: pair[0].label),
            ("Cohorts that tell of it", "num", lambda pair: pair[0].cohorts),
            (f"Prior ({LEVEL})", "num", lambda pair: written(pair[0], numbers.ratio)),
            (f"Posterior ({LEVEL})", "num", lambda pair: written(pair[1], numbers.ratio)),
            ("Posterior SD, % of the prior's", "num", left),
        ],
        note="What a report does not state counts as half way, and tells nothing.",
    )
