"""How long patients live under each treatment: the pooled estimates, and what they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from priors import Priors
from studies import Registry
from studies.figures import study_label
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import Endpoint, endpoint_of
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
from synthesis.numbers import LEVEL, count, in_sentence, interval, listed, percent
from synthesis.questions.compare import Comparison
from synthesis.questions.pooled.families import (
    COHORTS_SHOWN,
    family_findings,
    heading_of,
    interval_of,
    population_findings,
)
from synthesis.questions.pooled.tables import (
    cohorts_table,
    covariates_table,
    curve_tables,
    diagnostics_table,
    families_table,
    figures_table,
    forest_table,
    heterogeneity_words,
    left_out_table,
    model_choice_table,
    pooled_table,
    priors_table,
)
from synthesis.result import Cell, Column, Finding, Picture, Result, make_table
from synthesis.settings import Settings
from synthesis.stacking import FamilyFits

__all__ = [
    "Answer",
    "Pooled",
    "answers",
    "cohorts_table",
    "contradictions",
    "covariates_table",
    "curve_tables",
    "diagnostics_table",
    "families_table",
    "figures_table",
    "forest_table",
    "left_out_table",
    "model_choice_table",
    "pool",
    "pooled_table",
    "priors_table",
    "result",
]

BEYOND_RESPONSE = (
    "Shares of the evaluable patients. Disease control: a complete or partial response, or a "
    "disease that stayed stable for as long as each report asks for. Complete response: no sign of "
    "the tumour is left. Both build on the response rate and on the cohorts that report them, "
    "whose number stands below each estimate; where none does, the estimate is what the other "
    "treatments lead to expect."
)
UNTOLD = (
    "No counted cohort tells pure from mixed tumours: the data say nothing on it, and no estimate "
    "here is by histology but what the prior alone says."
)
_TARGET_WORDS = {"mean_study": "Mean study", "new_study": "New study"}


@dataclass(frozen=True)
class Pooled:
    """Pooled estimates of every endpoint, and what they rest on.

    Attributes
    ----------
    settings : Settings
    fits : mapping
        Endpoint -> what answers are read from: a fit, or several stacked.
    survival : mapping
        Survival endpoint -> its fits by family, and how they compare.
    comparison : Comparison
        Of the same fits: gains over a reference.
    pooled, cohorts, figures, left_out, diagnostics, priors, families, covariates, model_choice
        Tables, as of :mod:`synthesis.questions.pooled.tables`.
    forest : mapping
        Endpoint -> forest table.
    curves : mapping
        Survival endpoint -> (curves, points).
    """

    settings: Settings
    fits: Mapping[str, Fit]
    survival: Mapping[str, FamilyFits]
    comparison: Comparison
    pooled: pd.DataFrame = field(repr=False)
    cohorts: pd.DataFrame = field(repr=False)
    figures: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    diagnostics: pd.DataFrame = field(repr=False)
    priors: pd.DataFrame = field(repr=False)
    families: pd.DataFrame = field(repr=False)
    covariates: pd.DataFrame = field(repr=False)
    model_choice: pd.DataFrame = field(repr=False)
    forest: Mapping[str, pd.DataFrame] = field(repr=False)
    curves: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]] = field(repr=False)


TABLES = (
    "pooled",
    "families",
    "model_choice",
    "covariates",
    "cohorts",
    "figures",
    "left_out",
    "diagnostics",
    "priors",
)


def pool(
    registry: Registry,
    fits: Mapping[str, Fit],
    survival: Mapping[str, FamilyFits],
    comparison: Comparison,
    settings: Settings,
    priors: Priors,
) -> Pooled:
    """Make every table of the fits.

    Parameters
    ----------
    registry : Registry
    fits : mapping
        Endpoint -> fit.
    survival : mapping
        Survival endpoint -> its fits by family.
    comparison : Comparison
        Of the same fits; empty where nothing was compared.
    settings : Settings
    priors : Priors
        Of the fits.
    """
    vocabulary, mix = registry.vocabulary, settings.reference_mix
    sampled = sampled_fits(fits, survival)
    labels = {study.id: study_label(study) for study in registry}
    pooled = {name: families.pooled for name, families in survival.items()}
    return Pooled(
        settings=settings,
        fits=fits,
        survival=survival,
        comparison=comparison,
        pooled=pooled_table(fits, vocabulary, mix),
        cohorts=cohorts_table(fits, vocabulary),
        figures=figures_table(fits),
        left_out=left_out_table({name: fit.left_out for name, fit in fits.items()}, labels),
        diagnostics=diagnostics_table(sampled),
        priors=priors_table(priors, used_priors(sampled)),
        families=families_table(survival, vocabulary, mix),
        covariates=covariates_table(pooled),
        model_choice=model_choice_table(survival),
        forest={name: forest_table(fit, vocabulary, mix) for name, fit in fits.items()},
        curves={name: curve_tables(fit, vocabulary, mix) for name, fit in pooled.items()},
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
    """Say what the pooled estimates are.

    Parameters
    ----------
    pooled : Pooled
    registry : Registry
        The reports that they rest on.
    """
    vocabulary = registry.vocabulary
    findings = [
        _answer_finding(answer, pooled, vocabulary) for answer in answers(pooled, vocabulary)
    ]
    first = pooled.fits.get("os")
    if first is not None and vocabulary.histologies and not tells_histology(first):
        findings.append(Finding("Do mixed tumours fare better than pure ones?", (UNTOLD,)))
    findings += _drawn(pooled, vocabulary)
    findings += [_estimates(pooled, endpoint, vocabulary) for endpoint in pooled.fits]
    findings += family_findings(pooled.survival, pooled.families, pooled.pooled, vocabulary)
    findings += population_findings(pooled.covariates, vocabulary)
    return Result(
        name="pooled",
        title="Pooled estimates",
        findings=tuple(findings),
        tables={name: getattr(pooled, name) for name in TABLES},
        verdicts=dict(zip(pooled.diagnostics["fit"], pooled.diagnostics["verdict"], strict=True)),
    )


# --- Answers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """A question that people come with, and its answer.

    Attributes
    ----------
    question : str
    sentences : tuple of str
        What is estimated, in whom.
    rows : tuple of mapping
        A treatment each, its numbers as text.
    endpoint : str
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
    return tuple(
        Answer(
            endpoint_of(name).question,
            tuple(_opening(fit, pooled, endpoint_of(name), vocabulary)),
            tuple(_answer_rows(fit, pooled, endpoint_of(name), vocabulary)),
            name,
        )
        for name, fit in pooled.fits.items()
    )


def _opening(fit: Fit, pooled: Pooled, endpoint: Endpoint, vocabulary: Vocabulary) -> Iterator[str]:
    """What is estimated, in whom, and what gains are over."""
    quantity = numbers.capitalised(endpoint.quantity(vocabulary))
    each = f"posterior median ({LEVEL} interval) for the average study, then for a new one."
    if isinstance(fit, ResponseFit):
        yield f"{quantity} in {vocabulary.subject_words}, per cent of evaluable patients: {each}"
    else:
        yield (
            f"{quantity} in {vocabulary.subject_words}, months from the time origin of each study "
            f"({time_origins(fit)}): {each}"
        )
        if tells_histology(fit):
            share = percent(pooled.settings.reference_mix)
            yield f"The estimates are for patients of whom {share} % have mixed histology."
            yield from declared_words(fit)
    over = pooled.comparison.references.get(endpoint.id)
    if over is not None:
        yield f"Gains are over {in_sentence(over.label)} ({_size(over.group)}), average study."


def declared_words(fit: PooledSurvival) -> tuple[str, ...]:
    """Which reports' own groups are read as pure and mixed by declaration; empty for none."""
    declared = [
        ref.label
        for ref in fit.data.cohorts
        if fit.data.use_read_as
        if ref.cohort.read_as or any(group.read_as for group in ref.cohort.subgroups)
    ]
    if not declared:
        return ()
    names = listed(dict.fromkeys(declared))
    return (f"Groups of {names} are read as pure and mixed, as declared.",)


def time_origins(fit: PooledSurvival) -> str:
    """Time origins of the cohorts of a fit, with how many have each."""
    origins = [ref.cohort.time_origin or "not reported" for ref in fit.data.cohorts]
    return ", ".join(f"{name}: {n}" for name, n in pd.Series(origins).value_counts().items())


def _size(group: NamedGroup) -> str:
    return f"{count(len(group.cohorts), 'cohort')}, {count(group.patients, 'patient')}"


def _answer_rows(
    fit: Fit, pooled: Pooled, endpoint: Endpoint, vocabulary: Vocabulary
) -> Iterator[dict[str, str]]:
    """Estimates, gains and what carries them, a row a treatment.

    Treatments are those that the comparison shows; without one, all with several cohorts.
    """
    estimates = pooled.pooled.query("endpoint == @endpoint.id and estimand == @endpoint.estimand")
    estimates = estimates[estimates["histology"] == "reference"]
    by = {(row.treatment, row.target): row for row in estimates.itertuples()}
    compared = pooled.comparison.forest
    compared = compared[compared["endpoint"] == endpoint.id].set_index("treatment")
    for group in named_groups(fit, vocabulary):
        several = len(group.cohorts) >= COHORTS_SHOWN and not _is_background(group)
        if not (group.label in compared.index if len(compared) else several):
            continue
        row = {"treatment": group.label}
        for target in TARGETS:
            row[target] = interval_of(by[group.label, target], endpoint.write)
        row |= dict.fromkeys(("gain", "p_gain", "carried_by"), "")
        if len(compared):
            row |= _gain(compared.loc[group.label], endpoint)
        yield row | {"cohorts": str(len(group.cohorts)), "patients": str(group.patients)}


def _gain(row: pd.Series, endpoint: Endpoint) -> dict[str, str]:
    if row["is_reference"]:
        return {"carried_by": "reference"}
    prefix = "" if endpoint.gain == endpoint.contrast else "gain_"
    ends = (row[name] for name in (prefix[:-1] or "estimate", f"{prefix}lower", f"{prefix}upper"))
    known = not numbers.is_missing(row["p_gain"])
    return {
        "gain": interval(*ends, endpoint.write_gain),
        "p_gain": numbers.chance(row["p_gain"]) if known else "",
        "carried_by": row["carried_by"],
    }


def _is_background(group: NamedGroup) -> bool:
    return all(ref.role == "mixed" for ref in group.cohorts)


def _answer_finding(answer: Answer, pooled: Pooled, vocabulary: Vocabulary) -> Finding:
    """A question with its table: which treatment, by how much, how sure, carried by what."""
    endpoint = endpoint_of(answer.endpoint)
    estimated = "Responding, %" if endpoint.is_response else "Median, months"
    columns = {
        "treatment": Column("Treatment", "keep"),
        "mean_study": Column(f"{estimated} ({LEVEL})", "num"),
        "new_study": Column("In a new study", "num"),
        "gain": Column(f"Gain, {endpoint.unit_of_gain}", "num"),
        "p_gain": Column(f"P(gain > {pooled.settings.delta:g} mo)", "num"),
        "carried_by": Column("Carried by", "keep"),
        "size": Column("Cohorts (patients)", "num"),
    }
    rows = [row | {"size": f"{row['cohorts']} ({row['patients']})"} for row in answer.rows]
    filled = [name for name in columns if any(row[name] for row in rows)]
    cells = [[row[name] for name in filled] for row in rows]
    table = make_table(f"{endpoint.name(vocabulary)}.", [columns[name] for name in filled], cells)
    return Finding(answer.question, answer.sentences, (table,) if rows else ())


# --- Pictures ------------------------------------------------------------------------------------


def _drawn(pooled: Pooled, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Forest plots and curves of each endpoint."""
    for name, fit in pooled.fits.items():
        endpoint = endpoint_of(name)
        pictures = list(_forest_pictures(pooled, fit, endpoint, vocabulary))
        if name in pooled.curves and _has_curves(*pooled.curves[name]):
            pictures.append(_curves_picture(pooled, fit, endpoint, vocabulary))
        heading = f"{endpoint.name(vocabulary)}: every cohort and treatment"
        yield Finding(heading, pictures=tuple(pictures))


def _forest_pictures(
    pooled: Pooled, fit: Fit, endpoint: Endpoint, vocabulary: Vocabulary
) -> Iterator[Picture]:
    """The forest plot, in numbered parts where it is too long for a page."""
    from synthesis.plots.forest import parts_of, plot_forest

    table = pooled.forest[endpoint.id]
    parts = parts_of(table, endpoint=endpoint.id)
    for number, part in enumerate(parts, start=1):
        title, stem = endpoint.name(vocabulary), f"forest_{endpoint.id}"
        arguments = {"table": part, "endpoint": endpoint.id}
        shown = table[table["treatment_class"].isin(set(part["treatment_class"]))]
        if len(parts) > 1:
            title = f"{title}, part {number} of {len(parts)}"
            stem = stem if number == 1 else f"{stem}_{number}"
            arguments["part"] = (number, len(parts))
        yield Picture(
            stem,
            title,
            _forest_caption(fit, pooled, endpoint, vocabulary),
            plot_forest,
            arguments,
            tuple(dict.fromkeys(filter(None, shown["study_id"]))),
            _pooled_words(shown, endpoint, vocabulary),
            endpoint.id,
        )


def _pooled_words(table: pd.DataFrame, endpoint: Endpoint, vocabulary: Vocabulary) -> str:
    """What a forest plot shows, for a reader who cannot see it."""
    rows = table[table["kind"] == "mean_study"].sort_values("estimate", ascending=False)
    values = [f"{row.treatment} {interval_of(row, endpoint.write)}" for row in rows.itertuples()]
    quantity = numbers.capitalised(endpoint.quantity(vocabulary))
    return f"{quantity}, {endpoint.unit}, average study: {'; '.join(values)}."


def _has_curves(curves: pd.DataFrame, points: pd.DataFrame) -> bool:
    """Whether a treatment has enough behind it to be drawn, and a reported figure to be drawn by.

    Patients listed one by one leave no figure.
    """
    from synthesis.plots.curves import COHORTS, PATIENTS

    enough = (curves["cohorts"] >= COHORTS) | (curves["patients"] >= PATIENTS)
    return bool(enough.any()) and not points.empty


def _curves_picture(
    pooled: Pooled, fit: PooledSurvival, endpoint: Endpoint, vocabulary: Vocabulary
) -> Picture:
    from synthesis.plots.curves import plot_curves

    curves, points = pooled.curves[endpoint.id]
    name, over = endpoint.name(vocabulary), pooled.comparison.references.get(endpoint.id)
    reference = "" if over is None else over.label
    return Picture(
        f"curves_{endpoint.id}",
        f"{name}: curves",
        _curves_caption(fit, pooled, endpoint, vocabulary),
        plot_curves,
        {"curves": curves, "points": points, "endpoint": endpoint.id, "reference": reference},
        tuple(dict.fromkeys(points["study_id"])),
        _pooled_words(pooled.forest[endpoint.id], endpoint, vocabulary),
        endpoint.id,
    )


def size_words(fit: Fit) -> str:
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


def _forest_caption(fit: Fit, pooled: Pooled, endpoint: Endpoint, vocabulary: Vocabulary) -> str:
    marks = (
        "Open squares: reported value with its reported interval, area by number of patients; "
        f"filled dots: the model's estimate of the same cohort with its {LEVEL} interval; "
        f"diamonds: average study of the treatment; bars: {LEVEL} prediction for a new study."
    )
    if isinstance(fit, ResponseFit):
        return (
            f"Objective response rate in {vocabulary.subject_words}, per cent. {size_words(fit)}. "
            f"Binomial-logit hierarchy of classes, treatments and studies. {marks} "
            f"{heterogeneity_words(fit)}"
        )
    mix = numbers.mixed_share(pooled.settings.reference_mix)
    rows = f"Pooled rows: {mix}. " if tells_histology(fit) else ""
    return (
        f"{endpoint.name(vocabulary)} in {vocabulary.subject_words}, median in months (log scale), "
        f"from the time origin of each study ({time_origins(fit)}). {size_words(fit)}. "
        f"Survival hierarchy of classes, treatments and studies, {family_words(fit)}; reported "
        "medians, limits and landmarks enter as order statistics and binomial cells. "
        f"{rows}{marks} Arrows: not reached. {heterogeneity_words(fit)}"
    )


def _curves_caption(
    fit: PooledSurvival, pooled: Pooled, endpoint: Endpoint, vocabulary: Vocabulary
) -> str:
    mix = numbers.mixed_share(pooled.settings.reference_mix)
    return (
        f"{endpoint.name(vocabulary)} in {vocabulary.subject_words} under each treatment: pooled "
        f"curve of the average study with its {LEVEL} band"
        f"{f', {mix}' if tells_histology(fit) else ''}, {family_words(fit)}. Open squares: "
        "reported medians with their intervals; dots: reported survival at fixed times. Faded: "
        f"beyond twice the last reported point. {size_words(fit)}."
    )


# --- Estimates as tables -------------------------------------------------------------------------


def _estimates(pooled: Pooled, endpoint: str, vocabulary: Vocabulary) -> Finding:
    """Every estimand of every treatment; what differs by histology is another question."""
    fit, about = pooled.fits[endpoint], endpoint_of(endpoint)
    frame = pooled.pooled.query("endpoint == @endpoint and histology == 'reference'")
    names = list(dict.fromkeys(frame["estimand"]))
    by = {(row.treatment, row.target, row.estimand): row for row in frame.itertuples()}
    columns = [Column("Treatment", "keep"), Column("Cohorts (patients)", "num")]
    columns += [Column("For", "keep"), *(Column(heading_of(name), "num") for name in names)]
    rows, classes = [], []
    for group in named_groups(fit, vocabulary):
        size = f"{len(group.cohorts)} ({group.patients})"
        for number, (target, label) in enumerate(_TARGET_WORDS.items()):
            span = 0 if number else len(TARGETS)
            cells = [Cell(group.label, rows=span), Cell(size, rows=span), Cell(label)]
            for name in names:
                row = by[group.label, target, name]
                more = _behind(row) if about.is_response and not number else ""
                cells.append(Cell(interval_of(row, ESTIMANDS[name].write), more))
            rows.append(cells)
            classes.append(group.class_label)
    mix = numbers.mixed_share(pooled.settings.reference_mix)
    title = f"Pooled estimates{f', {mix}' if tells_histology(fit) else ''} ({LEVEL} interval)."
    note = BEYOND_RESPONSE if about.is_response and len(names) > 1 else ""
    table = make_table(title, columns, rows, note=note, groups=classes)
    return Finding(f"{about.name(vocabulary)}: pooled estimates", tables=(table,), folded=True)


def _behind(row: Any) -> str:
    """How many cohorts tell an estimand."""
    if not row.cohorts:
        return "no cohort"
    return f"{count(row.cohorts, 'cohort')}, {count(row.patients, 'patient')}"


# --- Where model and reports disagree ------------------------------------------------------------


def contradictions(
    cohorts: pd.DataFrame, pooled: pd.DataFrame, vocabulary: Vocabulary
) -> tuple[str, ...]:
    """Treatments whose pooled median lies outside the range of their own reported medians, and why.

    Only treatments of which two or more cohorts report a median are judged.
    """
    medians = pooled[(pooled["histology"] == "reference") & (pooled["target"] == "mean_study")]
    medians = medians[medians["estimand"] == "median_months"]
    medians = medians.set_index(["endpoint", "treatment"])["estimate"]
    told = []
    for (name, treatment), group in cohorts.groupby(["endpoint", "treatment"], sort=False):
        reported = group.dropna(subset=["printed_value"])
        if endpoint_of(name).is_response or len(reported) < 2:
            continue
        low, high = reported["printed_value"].min(), reported["printed_value"].max()
        estimate = float(medians[name, treatment])
        if not low <= estimate <= high:
            told.append(
                f"{treatment}, {endpoint_of(name).words(vocabulary)}: the pooled median of "
                f"{numbers.months(estimate)} months lies outside the reported medians of its "
                f"cohorts ({numbers.months(low)} to {numbers.months(high)} months). "
                f"{_why_outside(group, reported)}"
            )
    return tuple(told)


def _why_outside(group: pd.DataFrame, reported: pd.DataFrame) -> str:
    reasons = []
    without = len(group) - len(reported)
    if without:
        enters = "enters" if without == 1 else "enter"
        further = count(without, "further cohort")
        reasons.append(f"{further} {enters} by other figures than a median")
    if not (group["histology"] == "not printed").all():
        reasons.append("some cohorts report a mix of histologies other than the reference mix")
    reasons.append(
        f"the {len(reported)} medians rest on {int(reported['n'].sum())} patients, so the estimate "
        "is drawn towards the other treatments of the class"
    )
    width = np.log(reported["printed_value"].max() / reported["printed_value"].min())
    if width < np.log(1.25):
        reasons.append(
            "they lie so close together that rounding and sampling error exceed their range"
        )
    return "Why: " + "; ".join(reasons) + "."
