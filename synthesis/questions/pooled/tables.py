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
from studies.figures import figure_status, in_months
from studies.plausibility.counts import exact_interval
from studies.schema import NOT_REACHED, Landmark, SurvivalOutcome
from studies.selection import CohortRef, LeftOut
from studies.vocabulary import Vocabulary, load_vocabulary
from synthesis import numbers
from synthesis.estimands import (
    TARGETS,
    Fit,
    NamedGroup,
    Summary,
    cohort_labels,
    curve,
    estimands_of,
    flat,
    histologies,
    named_groups,
    patients_of,
    quantiles,
    reference_share,
    summaries,
    summarise,
    tells,
    tells_apart,
    tells_mutation,
)
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.model.covariates import COVARIATE_LABELS, COVARIATES
from synthesis.model.observations import Arm, Record
from synthesis.model.response import STAGES, trials
from synthesis.model.survival import PRIOR_OF
from synthesis.predictive import Patients, kaplan_meier
from synthesis.questions.contrasts import kind_of_one
from synthesis.questions.pooled.shrinkage import is_shrunk
from synthesis.reported import landmark_words, median_words
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
    apart, shrunk = tells_apart(fit, named.cohorts), _shrunk(fit, named, reference_mix)
    sizes = {name: _size_behind(fit, named, name) for name in estimands_of(fit)}
    for target in TARGETS:
        for histology, share in histologies(fit, reference_mix).items():
            for name, size in sizes.items():
                estimate = vars(summaries(fit, name, target, share)[named.group]).values()
                extrapolated = histology != "reference" and not apart
                kind = kind_of_one(named.cohorts, extrapolated=extrapolated)
                yield (
                    named.label,
                    histology,
                    name,
                    target,
                    *estimate,
                    *size,
                    extrapolated,
                    kind,
                    shrunk,
                )


def _shrunk(fit: Fit, named: NamedGroup, reference_mix: float) -> bool:
    """Whether a treatment is drawn beyond what its cohorts report; a class is an average anyway."""
    share = histologies(fit, reference_mix)["reference"]
    average = summaries(fit, estimands_of(fit)[0], "mean_study", share)[named.group]
    return not named.is_class and is_shrunk(fit, named, average.estimate)


def _size_behind(fit: Fit, named: NamedGroup, estimand: str) -> tuple[int, int]:
    """Cohorts of a group that tell an estimand, and their patients."""
    if not isinstance(fit, ResponseFit):
        return len(named.cohorts), named.patients
    ids = {ref.id for ref in named.cohorts}
    telling = [
        count.evaluable
        for ref, count in zip(fit.data.cohorts, fit.data.counts, strict=True)
        if ref.id in ids and tells(count, estimand)
    ]
    return len(telling), sum(telling)


# --- Cohorts -------------------------------------------------------------------------------------


class Printed(NamedTuple):
    """A cohort's own figure for an endpoint, as text and in months (or fractions)."""

    text: str
    value: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    not_reached: bool = False
    upper_not_reached: bool = False
    events: int | None = None
    status: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """What tables show of it."""
        columns = names("printed printed_value printed_lower printed_upper")
        return dict(zip(columns, self, strict=False))


def printed_figure(fit: Fit, index: int) -> Printed:
    """The figure of cohort ``index`` of a fit that a forest plot shows."""
    ref = fit.data.cohorts[index]
    if isinstance(fit, ResponseFit):
        count = fit.data.counts[index]
        status = figure_status(ref.cohort.response, ref.study)
        rate = count.responders / count.evaluable
        return Printed(f"{count.responders}/{count.evaluable}", rate, status=status)
    outcome = fit.data.records[index].whole.outcome
    if outcome is None:
        return _printed_otherwise(fit, index)
    limits = outcome.ci or (None, None)
    return Printed(
        median_words(outcome, brief=True),
        *(
            np.nan if value in (None, NOT_REACHED) else in_months(value, outcome.unit)
            for value in (outcome.median, *limits)
        ),
        not_reached=outcome.median == NOT_REACHED,
        upper_not_reached=limits[1] == NOT_REACHED,
        events=outcome.events,
        status=figure_status(outcome, ref.study),
    )


def _printed_otherwise(fit: PooledSurvival, index: int) -> Printed:
    """Figures by histology, else the landmark nearest to one year, else listed patients."""
    study, record = fit.data.cohorts[index].study, fit.data.records[index]
    figures = [(group.histology, _figure_of(group)) for group in record.groups]
    if figures:
        parts = [f"{name}: {_in_words(figure)}" for name, figure in figures]
        statuses = {figure_status(figure, study) for _, figure in figures}
        status = "verified" if statuses == {"verified"} else "secondary"
        return Printed("; ".join(sorted(parts, reverse=True)), status=status)
    figure = _figure_of(record.whole)
    if figure is None:
        return Printed("patients listed", status=study.status)
    return Printed(_in_words(figure), status=figure_status(figure, study))


def _figure_of(record: Record) -> SurvivalOutcome | Landmark | None:
    """The median of a group, else its landmark nearest to one year."""
    if record.outcome is not None:
        return record.outcome
    return min(record.landmarks, key=lambda m: abs(in_months(m.time, m.unit) - 12.0), default=None)


def _in_words(figure: SurvivalOutcome | Landmark) -> str:
    is_share = isinstance(figure, Landmark)
    return landmark_words(figure) if is_share else median_words(figure, brief=True)


def arms_of(fit: PooledSurvival, index: int) -> dict[int, Arm]:
    """Arms of a cohort by their index."""
    return {i: arm for i, arm in enumerate(fit.data.arms) if arm.cohort == index}


def cohort_estimate(fit: Fit, index: int) -> Summary:
    """The model's estimate of a cohort: its median in months at its own mix, or its rate."""
    if isinstance(fit, ResponseFit):
        return summarise(1.0 / (1.0 + np.exp(-flat(fit, "log_odds")[:, index])))
    arms = arms_of(fit, index)
    sizes = [arm.n for arm in arms.values()]
    # location is linear in the share, so the mean over pure and mixed is that of their mix
    location = np.average(flat(fit, "log_median")[:, list(arms)], axis=1, weights=sizes)
    return summarise(np.exp(location))


def _entered_as(fit: Fit, index: int) -> str:
    """What of a cohort entered the likelihood."""
    if isinstance(fit, ResponseFit):
        return fit.data.counts[index].entered_as
    arms = arms_of(fit, index).values()
    parts = [f"{arm.histology} ({arm.n}): {arm.entered_as}" for arm in arms]
    return "; ".join(parts) if len(parts) > 1 else next(iter(arms)).entered_as


def _histology(fit: Fit, index: int) -> str:
    if isinstance(fit, ResponseFit):
        return ""
    first, *others = arms_of(fit, index).values()
    if others:
        return "pure and mixed apart"
    return "not printed" if first.share is None else f"{100 * first.share:.0f} % mixed"


def cohorts_table(fits: Mapping[str, Fit], vocabulary: Vocabulary) -> pd.DataFrame:
    """Each counted cohort: what it prints, what entered the likelihood, and its estimate.

    ``n`` are the patients behind its figures, as of :func:`synthesis.estimands.patients_of`.
    """
    sizes = {endpoint: patients_of(fit) for endpoint, fit in fits.items()}

    def row(endpoint: str, fit: Fit, index: int, ref: CohortRef) -> dict[str, Any]:
        printed = printed_figure(fit, index)
        return {
            "endpoint": endpoint,
            "study": ref.study.id,
            "cohort": ref.cohort.id,
            "label": ref.label,
            "year": ref.study.citation.year,
            "treatment": vocabulary.treatment(ref.treatment).label,
            "treatment_class": vocabulary.treatment_class(ref.treatment_class).label,
            "histology": _histology(fit, index),
            "n": sizes[endpoint][ref.id],
            **printed.columns,
            **vars(cohort_estimate(fit, index)),
            "entered_as": _entered_as(fit, index),
            "note": ref.cohort.caution or "",
            "status": printed.status,
        }

    rows = [
        row(endpoint, fit, index, ref)
        for endpoint, fit in fits.items()
        for index, ref in enumerate(fit.data.cohorts)
    ]
    return pd.DataFrame(rows).astype({"year": "Int64", "n": "Int64"})


def figures_table(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Printed figures behind each fit, by endpoint: :data:`FIGURE_COLUMNS`.

    ``status`` is verified where the figure was seen in the report itself, else secondary. A figure
    without a mark of its own has that of its study.
    """
    rows = [
        (endpoint, ref.study.id, ref.cohort.id, ref.label, *row)
        for endpoint, fit in fits.items()
        for index, ref in enumerate(fit.data.cohorts)
        for row in _figures(fit, index, ref)
    ]
    return pd.DataFrame(rows, columns=list(FIGURE_COLUMNS))


# Group, kind of figure, its words and its status.
_Row = tuple[str, str, str, str]


def _figures(fit: Fit, index: int, ref: CohortRef) -> Iterator[_Row]:
    if isinstance(fit, ResponseFit):
        yield from _figures_of_response(fit, index, ref)
        return
    arms = arms_of(fit, index)
    for arm in arms.values():
        yield from _figures_of_arm(arm, ref)
    for comparison in fit.data.comparisons:
        if comparison.first in arms and comparison.printed is not None:
            both = comparison.second in arms
            status = figure_status(comparison.printed, ref.study)
            words = comparison.reading.entered_as
            yield "pure and mixed" if both else "whole", "comparison", words, status


def _figures_of_response(fit: ResponseFit, index: int, ref: CohortRef) -> Iterator[_Row]:
    """The counts of the stages that a cohort enters: one without trials tells nothing."""
    count = fit.data.counts[index]
    status = figure_status(ref.cohort.response, ref.study)
    figures = (
        (STAGES[0], count.responders, count.derivation),
        ("disease control", count.control, count.control_derivation),
        ("complete response", count.complete, count.complete_derivation),
    )
    entered = trials(count)
    for stage, (kind, number, derivation) in zip(STAGES, figures, strict=True):
        if entered.get(stage, (0, 0))[1]:
            yield "whole", kind, f"{number}/{count.evaluable}: {derivation}", status


def _figures_of_arm(arm: Arm, ref: CohortRef) -> Iterator[_Row]:
    outcome = arm.outcome
    # a median that was not reached enters only with the time up to which it was not
    if outcome is not None and (outcome.median != NOT_REACHED or outcome.follow_up is not None):
        yield arm.histology, "median", median_words(outcome), figure_status(outcome, ref.study)
    for landmark in arm.landmarks:
        status = figure_status(landmark, ref.study)
        yield arm.histology, "survival probability", landmark_words(landmark), status
    if not arm.chains:
        yield arm.histology, "listed patients", arm.entered_as, ref.study.status
    if arm.histology == "whole" and arm.share is not None:
        yield "whole", "histology", f"{100 * arm.share:.0f} % mixed", ref.study.status


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


def _prior_and_posterior(prior: Prior, draws: np.ndarray) -> Iterator[dict[str, Any]]:
    """Two rows on a log ratio: ``which, estimate, lower, upper`` as ratios, and ``log_sd``."""
    low, high = prior.implied()
    median = prior.natural(prior.quantile(0.5))
    before = {"which": "prior", "estimate": median, "lower": low, "upper": high}
    yield before | {"log_sd": prior.scale}
    yield {"which": "posterior", **vars(summarise(np.exp(draws))), "log_sd": float(np.std(draws))}


def covariates_table(fits: Mapping[str, PooledSurvival]) -> pd.DataFrame:
    """Effects of design, line, time origin and mutation status as ratios of medians, by endpoint.

    Of each effect a row with its prior and one with its posterior; ``cohorts`` counts those that
    differ from the reference and so tell something of it; ``log_sd`` is on the log scale. Mutation
    has no row where no cohort reports it.
    """
    rows = []
    for endpoint, fit in fits.items():
        if not fit.variant.covariates:
            continue
        for name, draws in zip(COVARIATES, flat(fit, "covariate_effect").T, strict=True):
            cohorts = len(fit.data.telling(name))
            if name == "braf_mutated" and not tells_mutation(fit):
                continue
            about = {"endpoint": endpoint, "covariate": name, "label": COVARIATE_LABELS[name]}
            sides = _prior_and_posterior(fit.priors[PRIOR_OF[name]], draws)
            rows += [about | {"cohorts": cohorts} | side for side in sides]
    return pd.DataFrame(rows, columns=list(COVARIATE_COLUMNS))


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
_VALUES = ("printed_value", "printed_lower", "printed_upper", "estimate", "lower", "upper")
_EMPTY_ROW = {
    **dict.fromkeys(("study_id", "cohort_id", "design", "country", "printed", "note"), ""),
    **dict.fromkeys(("year", "n", "events"), None),
    **dict.fromkeys(_VALUES, np.nan),
    **dict.fromkeys(("printed_not_reached", "printed_upper_not_reached", "shrunk"), False),
}


def forest_table(fit: Fit, vocabulary: Vocabulary, reference_mix: float) -> pd.DataFrame:
    """Rows of the forest plot of one endpoint, at a share of mixed histology.

    ``kind`` is class, treatment, cohort, mean_study, new_study or heterogeneity. Treatments stand
    by class, then by pooled estimate; cohorts by year. A class of several treatments has the
    estimate of its average treatment. Months, or fractions for response, of which reported limits
    are those of an exact interval. ``shrunk``: as of :func:`pooled_table`, of pooled rows.
    """
    share = histologies(fit, reference_mix)["reference"]
    principal = estimands_of(fit)[0]
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
    index = {ref.id: i for i, ref in enumerate(fit.data.cohorts)}
    counted = [ref for ref in group.cohorts if ref.id in index]
    labels = cohort_labels(counted)
    for ref in sorted(counted, key=lambda ref: (ref.study.citation.year or 0, ref.id)):
        yield _row("cohort", *about, labels[ref.id], **_cohort_figures(fit, index[ref.id], ref))
    shrunk = is_shrunk(fit, group, pooled["mean_study"].estimate)
    who = "evaluable patient" if isinstance(fit, ResponseFit) else "patient"
    size = numbers.size_words(*group.sizes, who)
    for target, words in _TARGET_LABELS.items():
        label = f"{words} ({size})" if target == "mean_study" else words
        yield _row(target, *about, label, **vars(pooled[target]), shrunk=shrunk)


def _cohort_figures(fit: Fit, index: int, ref: CohortRef) -> dict[str, Any]:
    printed = printed_figure(fit, index)
    if isinstance(fit, ResponseFit):
        count = fit.data.counts[index]
        lower, upper = exact_interval(count.responders, count.evaluable)
        printed = printed._replace(lower=lower, upper=upper)
    return {
        "study_id": ref.study.id,
        "cohort_id": ref.cohort.id,
        "year": ref.study.citation.year,
        "design": ref.study.design.replace("_", " "),
        "country": ", ".join(ref.study.countries),
        "n": patients_of(fit)[ref.id],
        "events": printed.events,
        **printed.columns,
        "printed_not_reached": printed.not_reached,
        "printed_upper_not_reached": printed.upper_not_reached,
        "note": ref.cohort.caution or "",
        **vars(cohort_estimate(fit, index)),
    }


def heterogeneity_words(fit: Fit) -> str:
    """Between-study SD in words: what it is, and the factor that it means."""
    what, of, prior = "medians", "median", "study_sd"
    if isinstance(fit, ResponseFit):
        what, of, prior = "odds", "odds", "response_study_sd"
    ends = list(vars(summarise(flat(fit, "study_sd"))).values())
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
    share = reference_share(fit, reference_mix)
    every = slice(None, None, max(flat(fit, "mu").size // _CURVE_DRAWS, 1))
    index = {ref.id: i for i, ref in enumerate(fit.data.cohorts)}
    curves, points = [], []
    for named in named_groups(fit, vocabulary):
        if named.is_class:
            continue
        printed = [
            {"treatment": named.label} | row
            for ref in named.cohorts
            if ref.id in index
            for row in _points(fit, index[ref.id], ref)
        ]
        points += printed
        drawn = curve(fit, named.group, share, "mean_study").rows(every)
        middle, lower, upper = quantiles(drawn.survival(np.maximum(times, 1e-6)))
        ends = [row[key] for row in printed for key in ("time", "time_upper")]
        about = {"treatment": named.label, "treatment_class": named.class_label}
        about |= {"histology": "reference", "time": times}
        about |= {"survival": middle, "lower": lower, "upper": upper}
        about["last_printed"] = max(filter(np.isfinite, ends), default=12.0)
        about |= dict(zip(("cohorts", "patients", "compared"), named.sizes, strict=True))
        curves.append(pd.DataFrame(about))
    columns = names("treatment study_id cohort_id label n") + _POINT
    return pd.concat(curves, ignore_index=True), pd.DataFrame(points, columns=columns)


def _points(fit: PooledSurvival, index: int, ref: CohortRef) -> Iterator[dict[str, Any]]:
    """Printed figures of a cohort, or of its pure and mixed patients where only they print any."""
    record = fit.data.records[index]
    holders = {ref.label: record.whole}
    if not (record.whole.outcome or record.whole.landmarks):
        holders = {f"{ref.label}, {group.holder.level}": group for group in record.groups}
    for label, printed in holders.items():
        about = {"study_id": ref.study.id, "cohort_id": ref.cohort.id, "label": label}
        about["n"] = printed.holder.n
        if printed.outcome is not None:
            yield about | _median_point(printed.outcome)
        for mark in printed.landmarks:
            time, limits = in_months(mark.time, mark.unit), mark.ci or (np.nan, np.nan)
            values = (time, np.nan, np.nan, *map(float, (mark.survival, *limits)))
            yield about | dict(zip(_POINT, ("landmark", *values), strict=True))
    for i, arm in arms_of(fit, index).items():
        if not arm.chains:
            label = ref.label if arm.histology == "whole" else f"{ref.label}, {arm.histology}"
            about = {"study_id": ref.study.id, "cohort_id": ref.cohort.id, "label": label}
            for time, survival in _listed_steps(fit, i):
                values = ("listed", time, np.nan, np.nan, survival, np.nan, np.nan)
                yield about | {"n": arm.n} | dict(zip(_POINT, values, strict=True))


def _listed_steps(fit: PooledSurvival, arm: int) -> list[tuple[float, float]]:
    """Kaplan-Meier curve of the listed patients of an arm, from 0 to the last time."""
    own = [patient for patient in fit.data.patients if patient.arm == arm]
    months, event = (np.array([getattr(p, name) for p in own]) for name in ("months", "event"))
    steps = kaplan_meier(Patients(months, event.astype(bool)))
    times, survival = [0.0, *steps.time], [1.0, *steps.survival]
    return [*zip(times, survival, strict=True), (float(months.max()), survival[-1])]


_POINT = names("kind time time_lower time_upper survival survival_lower survival_upper")


def _median_point(outcome: SurvivalOutcome) -> dict[str, Any]:
    def months(value: Any) -> float:
        return np.inf if value == NOT_REACHED else in_months(value, outcome.unit)

    limits = [months(value) for value in outcome.ci or ()] or [np.nan, np.nan]
    values = ("median", months(outcome.median), *limits, 0.5, np.nan, np.nan)
    return dict(zip(_POINT, values, strict=True))
