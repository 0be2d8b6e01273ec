"""How the printed figures of new studies compare with what a fit without them expected."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from studies.figures import View, histology_groups, histology_of, landmarks_of, outcome_of
from studies.schema import Cohort, Subgroup
from studies.selection import CohortRef
from studies.vocabulary import Vocabulary
from synthesis.estimands import Fit, cohort_labels
from synthesis.fits import ResponseFit, SurvivalFit
from synthesis.model.observations import SurvivalData
from synthesis.model.response import ResponseData
from synthesis.predictive import (
    Crowd,
    Figure,
    NewCohort,
    Place,
    Surprise,
    count_alike,
    judge,
    listed_median,
    place_of,
    predict_curve,
    predict_rate,
    printed_figures,
    unknown_share,
    verdict,
)

SURPRISE_COLUMNS = (
    "endpoint",
    "study",
    "cohort",
    "label",
    "treatment",
    "treatment_class",
    "group",
    "figure",
    "n",
    "mix",
    "printed",
    "value",
    "predicted",
    "lower",
    "upper",
    "lower_50",
    "upper_50",
    "predicted_printed",
    "percentile",
    "p",
    "verdict",
    "headline",
    "entered",
    "basis",
    "note",
)

# Predictions of each figure: a percentile is then good to half a point.
_PREDICTIONS = 20_000


def surprise_table(
    fit: Fit,
    data: SurvivalData | ResponseData,
    cohorts: Collection[str],
    vocabulary: Vocabulary,
    notes: Mapping[str, str],
) -> pd.DataFrame:
    """Each printed figure of new cohorts against what a fit without them expects.

    Parameters
    ----------
    fit : SurvivalFit or ResponseFit
        Fitted without the cohorts.
    data : SurvivalData or ResponseData
        Observations that hold them.
    cohorts : collection of str
        Which cohorts, ``study:cohort``.
    vocabulary : Vocabulary
    notes : mapping of str to str
        Cohort -> why it is not quite new to the fit.

    Returns
    -------
    DataFrame
        :data:`SURPRISE_COLUMNS`; months and fractions of one, ``predicted_printed`` in the printed
        unit. ``headline`` marks the figure of each cohort that speaks for it.
    """
    rng = np.random.default_rng([fit.seed, 11])
    rows: list[dict[str, Any]] = []
    labels = cohort_labels([ref for ref in data.cohorts if ref.id in cohorts])
    for index, ref in enumerate(data.cohorts):
        if ref.id not in cohorts:
            continue
        place = place_of(fit, ref.treatment, ref.treatment_class)
        if isinstance(fit, ResponseFit):
            own = _response_rows(fit, data, index, place, rng)
        else:
            own = _survival_rows(fit, data, index, place, rng)
        about = {
            "endpoint": data.endpoint,
            "study": ref.study.id,
            "cohort": ref.cohort.id,
            "label": labels[ref.id],
            "treatment": vocabulary.treatment(ref.treatment).label,
            "treatment_class": vocabulary.treatment_class(ref.treatment_class).label,
            "basis": place.words,
            "note": notes.get(ref.id, ""),
        }
        rows += [about | row for row in _with_headline(list(own))]
    return pd.DataFrame(rows, columns=list(SURPRISE_COLUMNS))


def _with_headline(rows: list[tuple[Figure, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Mark the figure that speaks for a cohort: of the whole before a group, a median first."""

    def order(number: int) -> tuple[bool, bool, float]:
        figure, row = rows[number]
        away = 0.0 if np.isnan(figure.at) else abs(figure.at - 12.0)
        return row["group"] != "whole", figure.name != "median", away

    first = min(range(len(rows)), key=order, default=None)
    return [row | {"headline": number == first} for number, (_, row) in enumerate(rows)]


def _survival_rows(
    fit: SurvivalFit,
    data: SurvivalData,
    index: int,
    place: Place,
    rng: np.random.Generator,
) -> Iterator[tuple[Figure, dict[str, Any]]]:
    ref, view = data.cohorts[index], data.view
    arms = [arm for arm in data.arms if arm.cohort == index]
    repeats = max(_PREDICTIONS // fit.flat("mu").size, 1)
    seeds = (int(rng.integers(2**32)), int(rng.integers(2**32)))  # arms of one cohort
    known = data.covariates[index] if data.covariates else ()
    cohort = NewCohort(*seeds, covariates=known)
    curves = []
    for arm in arms:
        share = unknown_share(fit, repeats, rng) if arm.share is None else arm.share
        curves.append(predict_curve(fit, place, share, cohort, repeats))
    crowd = Crowd(tuple(arm.n for arm in arms), tuple(curves))
    split = len(arms) > 1
    about = {"group": "whole", "entered": not split}
    about["mix"] = "its pure and mixed patients" if split else _mix_words(arms[0].share)
    yield from _group_rows(ref, ref.cohort, crowd, about, view, rng)
    if not arms[0].chains:
        listed = [patient for patient in data.patients if data.arms[patient.arm] is arms[0]]
        found = listed_median([p.months for p in listed], [p.event for p in listed])
        if found is not None:
            figure, law = found
            yield figure, _row(figure, judge(law(crowd, rng), figure.alike), crowd.n) | about
    if not split:
        return
    for arm, group, own in zip(arms, histology_groups(ref, view), curves, strict=True):
        name = histology_of(group, use_read_as=view.use_read_as)
        about = {"group": name, "entered": True, "mix": _mix_words(arm.share)}
        yield from _group_rows(ref, group, Crowd((arm.n,), (own,)), about, view, rng)


def _group_rows(
    ref: CohortRef,
    holder: Cohort | Subgroup,
    crowd: Crowd,
    about: Mapping[str, Any],
    view: View,
    rng: np.random.Generator,
) -> Iterator[tuple[Figure, dict[str, Any]]]:
    keep = view.keep(ref.study)
    outcome = outcome_of(holder, view.endpoint, keep)
    marks = landmarks_of(holder, view.endpoint, keep)
    for figure, law in printed_figures(outcome, marks, crowd.n):
        found = judge(law(crowd, rng), figure.alike)
        yield figure, _row(figure, found, crowd.n) | about


def _response_rows(
    fit: ResponseFit, data: ResponseData, index: int, place: Place, rng: np.random.Generator
) -> Iterator[tuple[Figure, dict[str, Any]]]:
    count = data.counts[index]
    n = count.evaluable
    repeats = max(_PREDICTIONS // fit.flat("mu").size, 1)
    predictions = rng.binomial(n, predict_rate(fit, place, rng, repeats)) / n
    alike = count_alike(count.responders, n)
    figure = Figure("responders", f"{count.responders}/{n}", count.responders / n, alike)
    row = _row(figure, judge(predictions, alike), n)
    yield figure, row | {"group": "whole", "entered": True, "mix": ""}


def _mix_words(share: float | None) -> str:
    return "not printed" if share is None else f"{100 * share:.0f} % mixed"


def _row(figure: Figure, found: Surprise, n: int) -> dict[str, Any]:
    return {
        "figure": figure.name,
        "n": n,
        "printed": figure.printed,
        "value": figure.value,
        **vars(found),
        "predicted_printed": _as_printed(figure, found, n),
        "verdict": verdict(found.p),
    }


def _as_printed(figure: Figure, found: Surprise, n: int) -> str:
    """The prediction as the report would have printed it."""
    values = (found.predicted, found.lower, found.upper)
    if figure.name == "responders":
        middle, low, high = (f"{value * n:.0f}" for value in values)
        return f"{middle} ({low}-{high}) of {n}"
    if figure.months_per_unit is None:
        middle, low, high = (f"{value:.2f}" for value in values)
        return f"{middle} ({low}-{high})"
    own = [value / figure.months_per_unit for value in values]
    middle, low, high = (f"{v:.1f}" if v < 99.95 else f"{v:.0f}" for v in own)
    return f"{middle} ({low}-{high}) {figure.unit}"
