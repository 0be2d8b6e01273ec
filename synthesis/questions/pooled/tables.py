"""Fits to tidy tables: the numbers that page, figures and command line show.

Each number is computed once, here or in :mod:`synthesis.estimands`; whatever shows it reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from priors import Prior, Priors, load_priors
from studies.figures import in_months
from studies.schema import NOT_REACHED
from studies.selection import LeftOut
from studies.vocabulary import Vocabulary, load_vocabulary
from synthesis import estimands, numbers
from synthesis.estimands import TARGETS, Fit, NamedGroup, Summary, flat, named_groups, summaries
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.predictive import Patients, kaplan_meier
from synthesis.questions.contrasts import kind_of_one
from synthesis.questions.effects import covariate_effects, effects_table
from synthesis.questions.pooled.cohorts import ResponseCohort, SurvivalCohort, cohort_of, cohorts_of
from synthesis.questions.pooled.shrinkage import is_shrunk
from synthesis.result import names
from synthesis.settings import REFERENCE_MIX
from synthesis.stacking import CHOICE_COLUMNS, FamilyFits, stack

POOLED_COLUMNS = names(
    "endpoint treatment histology estimand target estimate lower upper cohorts patients "
    "extrapolated evidence shrunk"
)
FAMILY_COLUMNS = ("endpoint", "family", *POOLED_COLUMNS[1:])
FIGURE_COLUMNS = names("endpoint study cohort label group kind printed status")
LEFT_OUT_COLUMNS = names("endpoint study cohort label kind reason gave_way_to")
COVARIATE_COLUMNS = names("endpoint covariate label which estimate lower upper log_sd cohorts")
_PRINTED = names("printed printed_value printed_lower printed_upper")

# --- Pooled estimates ----------------------------------------------------------------------------


def pooled_table(
    fits: Mapping[str, Fit], vocabulary: Vocabulary, reference_mix: float
) -> pd.DataFrame:
    """Pooled estimates of every treatment and class: :data:`POOLED_COLUMNS`.

    Months, or fractions of one for survival and response. Cohorts and patients are those that
    report the estimand; what no cohort reports has no row. ``extrapolated``: pure or mixed where no
    report of the treatment tells them apart. ``evidence``: whether one report or several are behind
    it, or it is extrapolated. ``shrunk``: the cohorts of the treatment, taken by themselves,
    contradict its average study (:func:`~synthesis.questions.pooled.shrinkage.is_shrunk`).
    """
    rows = [
        (endpoint, *row)
        for endpoint, fit in fits.items()
        for named in named_groups(fit, vocabulary)
        for row in _pooled_rows(fit, named, reference_mix)
    ]
    return pd.DataFrame(rows, columns=list(POOLED_COLUMNS))


def pooled(
    fit: Fit, vocabulary: Vocabulary | None = None, reference_mix: float = REFERENCE_MIX
) -> pd.DataFrame:
    """Pooled estimates of one fit, as of :func:`pooled_table`; the shipped vocabulary if none."""
    return pooled_table({fit.data.endpoint: fit}, vocabulary or load_vocabulary(), reference_mix)


def _pooled_rows(fit: Fit, named: NamedGroup, reference_mix: float) -> Iterator[tuple[Any, ...]]:
    shares = estimands.histologies(fit, reference_mix)
    sizes = {name: _size_behind(fit, named, name) for name in estimands.estimands_of(fit)}
    principal = summaries(fit, next(iter(sizes)), "mean_study", shares["reference"])
    # a class is an average anyway
    shrunk = not named.is_class and is_shrunk(fit, named, principal[named.group].estimate)
    apart = estimands.tells_apart(fit, named.cohorts)
    for target in TARGETS:
        for histology, share in shares.items():
            extrapolated = histology != "reference" and not apart
            kind = kind_of_one(named.cohorts, extrapolated=extrapolated)
            for name, size in sizes.items():
                values = vars(summaries(fit, name, target, share)[named.group]).values()
                about = (named.label, histology, name, target)
                yield (*about, *values, *size, extrapolated, kind, shrunk)


def _size_behind(fit: Fit, named: NamedGroup, estimand: str) -> tuple[int, int]:
    """Cohorts of a group that tell an estimand, and their patients."""
    if not isinstance(fit, ResponseFit):
        return len(named.cohorts), named.patients
    ids = {ref.id for ref in named.cohorts}
    telling = [
        own.n
        for own in cohorts_of(fit)
        if own.ref.id in ids and estimands.tells(own.count, estimand)
    ]
    return len(telling), sum(telling)


# --- Cohorts -------------------------------------------------------------------------------------


def cohorts_table(fits: Mapping[str, Fit], vocabulary: Vocabulary) -> pd.DataFrame:
    """Each counted cohort: what it prints, what entered the likelihood, and its estimate.

    ``n`` are the patients behind its figures, as of :func:`synthesis.estimands.patients_of`.
    """
    rows = [
        {
            "endpoint": endpoint,
            "study": own.ref.study.id,
            "cohort": own.ref.cohort.id,
            "label": own.ref.label,
            "year": own.ref.study.citation.year,
            "treatment": vocabulary.treatment(own.ref.treatment).label,
            "treatment_class": vocabulary.treatment_class(own.ref.treatment_class).label,
            "histology": own.histology,
            "n": own.n,
            **dict(zip(_PRINTED, own.printed, strict=False)),
            **vars(own.estimate),
            "entered_as": own.entered_as,
            "note": own.ref.cohort.caution or "",
            "status": own.printed.status,
        }
        for endpoint, fit in fits.items()
        for own in cohorts_of(fit)
    ]
    return pd.DataFrame(rows).astype({"year": "Int64", "n": "Int64"})


def figures_table(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Printed figures behind each fit, by endpoint: :data:`FIGURE_COLUMNS`.

    ``status`` is verified where the figure was seen in the report itself, else secondary. A figure
    without a mark of its own has that of its study.
    """
    rows = [
        (endpoint, own.ref.study.id, own.ref.cohort.id, own.ref.label, *row)
        for endpoint, fit in fits.items()
        for own in cohorts_of(fit)
        for row in own.figures()
    ]
    return pd.DataFrame(rows, columns=list(FIGURE_COLUMNS))


def left_out_table(
    left_out: Mapping[str, Sequence[LeftOut]], labels: Mapping[str, str]
) -> pd.DataFrame:
    """Each cohort that is not counted, by endpoint, with the reason and what it gave way to.

    ``labels``: study identifier -> label.
    """
    rows = [
        (name, o.study_id, o.cohort_id, labels[o.study_id], o.kind, o.reason, o.gave_way_to or "")
        for name, cohorts in left_out.items()
        for o in cohorts
    ]
    return pd.DataFrame(rows, columns=list(LEFT_OUT_COLUMNS))


# --- Fits ----------------------------------------------------------------------------------------


def diagnostics_table(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """The diagnosis of each fit, by its name."""
    return pd.DataFrame([{"fit": name, **asdict(fit.diagnosis)} for name, fit in fits.items()])


_PRIOR_UNITS = {"ratio": "ratio of medians", "factor": "factor at 1.96 SD", "value": ""}


def priors_table(priors: Priors, used: Sequence[str]) -> pd.DataFrame:
    """Priors of the analysis with the 95 % range that each implies.

    ``instead_of`` holds the default where the analysis has a distribution of its own.
    """

    def row(prior: Prior, usual: Prior) -> dict[str, str]:
        low, high = prior.implied()
        same = prior.family == usual.family and prior.parameters == usual.parameters
        return {
            **{name: getattr(prior, name) for name in ("name", "role", "family", "parameters")},
            "implied_95": f"{low:.2g} to {high:.2g}",
            "unit": _PRIOR_UNITS.get(prior.reads_as, prior.reads_as),
            "instead_of": "" if same else usual.parameters,
            "rationale": prior.rationale,
            "source": prior.source,
        }

    usual = load_priors()
    return pd.DataFrame([row(priors[name], usual[name]) for name in used])


def covariates_table(fits: Mapping[str, PooledSurvival]) -> pd.DataFrame:
    """Effects of design, line, time origin and mutation status as ratios of medians, by endpoint.

    Of each effect a row with its prior and one with its posterior; ``cohorts`` counts those that
    differ from the reference and so tell something of it; ``log_sd`` is on the log scale. Mutation
    has no row where no cohort reports it.
    """
    effects = {}
    for endpoint, fit in fits.items():
        untold = () if estimands.tells_mutation(fit) else ("braf_mutated",)
        effects[endpoint] = [own for own in covariate_effects(fit) if own.name not in untold]
    table = effects_table(effects).rename(columns={"effect": "covariate"})
    return table[list(COVARIATE_COLUMNS)]


# Draws of each family: enough beside the pooled answer, and a tail needs time for restricted means.
_FAMILY_DRAWS = 1000


def families_table(
    survival: Mapping[str, FamilyFits], vocabulary: Vocabulary, reference_mix: float
) -> pd.DataFrame:
    """Pooled estimates under each family, one after the other: :data:`FAMILY_COLUMNS`."""
    frames = [pd.DataFrame(columns=list(FAMILY_COLUMNS))]
    for endpoint, fits in survival.items():
        for name, fit in fits.by_family.items():
            thinned = stack({name: fit}, {name: 1.0}, draws=_FAMILY_DRAWS)
            table = pooled_table({endpoint: thinned}, vocabulary, reference_mix)
            frames.append(table.assign(family=fit.family.label)[list(FAMILY_COLUMNS)])
    return pd.concat(frames[1:] or frames, ignore_index=True)


def model_choice_table(survival: Mapping[str, FamilyFits]) -> pd.DataFrame:
    """How well the families predict, where several were fitted: `CHOICE_COLUMNS` of stacking."""
    empty = pd.DataFrame(columns=list(CHOICE_COLUMNS))
    tables = [fits.choice.table for fits in survival.values() if fits.choice is not None]
    return pd.concat(tables or [empty], ignore_index=True)


# --- Forest plots --------------------------------------------------------------------------------

_TARGET_LABELS = {"mean_study": "Pooled, mean study", "new_study": "New study (prediction)"}
_EMPTY_ROW = {
    **dict.fromkeys(names("study_id cohort_id design country printed note"), ""),
    **dict.fromkeys(names("year n events"), None),
    **dict.fromkeys((*_PRINTED[1:], *names("estimate lower upper")), np.nan),
    **dict.fromkeys(names("printed_not_reached printed_upper_not_reached shrunk"), False),
}


def forest_table(fit: Fit, vocabulary: Vocabulary, reference_mix: float) -> pd.DataFrame:
    """Rows of the forest plot of one endpoint, at a share of mixed histology.

    ``kind`` is class, treatment, cohort, mean_study, new_study or heterogeneity. Treatments stand
    by class, then by pooled estimate; cohorts by year. A class of several treatments has the
    estimate of its average treatment. Months, or fractions for response, of which reported limits
    are those of an exact interval. ``shrunk``: as of :func:`pooled_table`, of pooled rows.
    """
    share = estimands.histologies(fit, reference_mix)["reference"]
    principal = estimands.estimands_of(fit)[0]
    pooled = {target: summaries(fit, principal, target, share) for target in TARGETS}
    mean = pooled["mean_study"]
    by_class: dict[str, list[NamedGroup]] = {}
    for group in named_groups(fit, vocabulary):
        by_class.setdefault(group.class_label, []).append(group)
    rows: list[dict[str, Any]] = []
    for label, groups in by_class.items():
        average = next((vars(mean[group.group]) for group in groups if group.is_class), {})
        rows.append(_row("class", label, "", label, **average))
        for group in sorted(groups, key=lambda group: -mean[group.group].estimate):
            if not group.is_class:
                rows += _group_rows(fit, group, {k: of[group.group] for k, of in pooled.items()})
    rows.append(_row("heterogeneity", "", "", heterogeneity_words(fit)))
    return pd.DataFrame(rows).astype({"year": "Int64", "n": "Int64", "events": "Int64"})


def _row(kind: str, class_label: str, treatment: str, label: str, **more: Any) -> dict[str, Any]:
    about = {"kind": kind, "treatment_class": class_label, "treatment": treatment, "label": label}
    return about | _EMPTY_ROW | more


def _group_rows(
    fit: Fit, group: NamedGroup, pooled: Mapping[str, Summary]
) -> Iterator[dict[str, Any]]:
    about = group.class_label, group.label
    yield _row("treatment", *about, group.label)
    counted = {own.ref.id: own for own in cohorts_of(fit)}
    refs = [ref for ref in group.cohorts if ref.id in counted]
    labels = estimands.cohort_labels(refs)
    for ref in sorted(refs, key=lambda ref: (ref.study.citation.year or 0, ref.id)):
        yield _row("cohort", *about, labels[ref.id], **_cohort_figures(counted[ref.id]))
    shrunk = is_shrunk(fit, group, pooled["mean_study"].estimate)
    who = "evaluable patient" if isinstance(fit, ResponseFit) else "patient"
    size = numbers.size_words(*group.sizes, who)
    for target, words in _TARGET_LABELS.items():
        label = f"{words} ({size})" if target == "mean_study" else words
        yield _row(target, *about, label, **vars(pooled[target]), shrunk=shrunk)


def _cohort_figures(own: SurvivalCohort | ResponseCohort) -> dict[str, Any]:
    printed, study = own.printed, own.ref.study
    if isinstance(own, ResponseCohort):
        lower, upper = own.interval
        printed = printed._replace(lower=lower, upper=upper)
    return {
        "study_id": study.id,
        "cohort_id": own.ref.cohort.id,
        "year": study.citation.year,
        "design": study.design.replace("_", " "),
        "country": ", ".join(study.countries),
        "n": own.n,
        "events": printed.events,
        **dict(zip(_PRINTED, printed, strict=False)),
        "printed_not_reached": printed.not_reached,
        "printed_upper_not_reached": printed.upper_not_reached,
        "note": own.ref.cohort.caution or "",
        **vars(own.estimate),
    }


def heterogeneity_words(fit: Fit) -> str:
    """Between-study SD in words: what it is, and the factor that it means."""
    what, of, prior = "medians", "median", "study_sd"
    if isinstance(fit, ResponseFit):
        what, of, prior = "odds", "odds", "response_study_sd"
    ends = list(vars(estimands.summarise(flat(fit, "study_sd"))).values())
    factor = numbers.interval(*np.exp(ends), numbers.ratio)
    return (
        f"Between studies of one treatment: SD of log {what} "
        f"{numbers.interval(*ends, numbers.ratio)}, that is a factor of {factor} in the {of} for a "
        f"study one SD above the mean; prior {fit.priors[prior].parameters}."
    )


# --- Curves --------------------------------------------------------------------------------------

_HORIZON = 36.0  # months
_STEP = 0.5
_CURVE_DRAWS = 2000  # enough for a band; keeps the grid small


class Point(NamedTuple):
    """A printed point of a curve, and whose it is: months, and fractions of one."""

    study_id: str
    cohort_id: str
    label: str
    n: int
    kind: str
    time: float
    time_lower: float = np.nan
    time_upper: float = np.nan
    survival: float = 0.5
    survival_lower: float = np.nan
    survival_upper: float = np.nan


def curve_tables(
    fit: PooledSurvival, vocabulary: Vocabulary, reference_mix: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Curves of the mean study with their 95 % band, and printed medians and landmarks.

    Returns
    -------
    curves : DataFrame
        ``treatment, treatment_class, histology, time`` (months), ``survival, lower, upper,
        last_printed, cohorts, patients``.
    points : DataFrame
        ``treatment, study_id, cohort_id, label, n, kind`` (median, landmark, or listed: a step of
        the Kaplan-Meier curve of listed patients), and values with limits of ``time`` and
        ``survival``.
    """
    times = np.arange(0.0, _HORIZON + _STEP, _STEP)
    share = estimands.reference_share(fit, reference_mix)
    every = slice(None, None, max(flat(fit, "mu").size // _CURVE_DRAWS, 1))
    index = {ref.id: i for i, ref in enumerate(fit.data.cohorts)}
    curves, points = [], []
    for named in named_groups(fit, vocabulary):
        if named.is_class:
            continue
        counted = [index[ref.id] for ref in named.cohorts if ref.id in index]
        printed = [point for i in counted for point in printed_points(fit, i)]
        points += [(named.label, *point) for point in printed]
        drawn = estimands.curve(fit, named.group, share, "mean_study").rows(every)
        middle, lower, upper = estimands.quantiles(drawn.survival(np.maximum(times, 1e-6)))
        ends = [end for point in printed for end in (point.time, point.time_upper)]
        about = {
            "treatment": named.label,
            "treatment_class": named.class_label,
            "histology": "reference",
            "time": times,
            "survival": middle,
            "lower": lower,
            "upper": upper,
            "last_printed": max(filter(np.isfinite, ends), default=12.0),
        }
        sizes = zip(names("cohorts patients compared"), named.sizes, strict=True)
        curves.append(pd.DataFrame(about | dict(sizes)))
    columns = ["treatment", *Point._fields]
    return pd.concat(curves, ignore_index=True), pd.DataFrame(points, columns=columns)


def printed_points(fit: PooledSurvival, index: int) -> Iterator[Point]:
    """Printed figures of a cohort, or of its pure and mixed patients where only they print any."""
    own = cohort_of(fit, index)
    about = own.ref.study.id, own.ref.cohort.id
    holders = {own.ref.label: own.record.whole}
    if not (own.record.whole.outcome or own.record.whole.landmarks):
        holders = {f"{own.ref.label}, {g.holder.level}": g for g in own.record.groups}
    for label, printed in holders.items():
        who = (*about, label, printed.holder.n)
        if (outcome := printed.outcome) is not None:
            ends = (outcome.median, *(outcome.ci or ()))
            months = [np.inf if v == NOT_REACHED else in_months(v, outcome.unit) for v in ends]
            yield Point(*who, "median", *months)
        for mark in printed.landmarks:
            values = map(float, (mark.survival, *(mark.ci or ())))
            time = in_months(mark.time, mark.unit), np.nan, np.nan
            yield Point(*who, "landmark", *time, *values)
    for i, arm in own.arms.items():
        if not arm.chains:
            label = own.ref.label + ("" if arm.histology == "whole" else f", {arm.histology}")
            for time, survival in _listed_steps(fit, i):
                yield Point(*about, label, arm.n, "listed", time, survival=survival)


def _listed_steps(fit: PooledSurvival, arm: int) -> list[tuple[float, float]]:
    """Kaplan-Meier curve of the listed patients of an arm, from 0 to the last time."""
    own = [patient for patient in fit.data.patients if patient.arm == arm]
    months, event = (np.array([getattr(p, name) for p in own]) for name in ("months", "event"))
    steps = kaplan_meier(Patients(months, event.astype(bool)))
    times, survival = [0.0, *steps.time], [1.0, *steps.survival]
    return [*zip(times, survival, strict=True), (float(months.max()), survival[-1])]
