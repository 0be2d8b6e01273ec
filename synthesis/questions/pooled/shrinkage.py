r"""Where a pooled answer is not what the cohorts of its treatment report, which is said.

Each endpoint has a hierarchy of its own, whose spreads between classes, treatments and studies are
learned from its cohorts. The average study of a treatment with one cohort, which tells it with the
variance :math:`s^2` of its own, is drawn towards its class: with known spreads the cohort has the
weight

.. math::
   w = \frac{\sigma_T^2}{\sigma_T^2 + \sigma_S^2 + s^2}

and its class the rest, however many patients it has: an average study is asked for, and one study
tells it no closer than :math:`\sigma_S`. A treatment is called *shrunk* where that leads out of
what its cohorts report: its average study lies above the interval of each of them, or below each
(of response the exact interval), and so does the average study of their own population and
histology. Then neither the reference population nor differences between its own cohorts explain it,
but what other treatments tell.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.figures import in_months
from studies.plausibility.counts import exact_interval
from studies.schema import NOT_REACHED
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Fit, NamedGroup, flat
from synthesis.fits import ResponseFit
from synthesis.model.arrays import shared_parts
from synthesis.numbers import listed

#: What a table, a plot and a page call it.
SHRUNK = "shrunk towards the other treatments"


def is_shrunk(fit: Fit, group: NamedGroup, estimate: float) -> bool:
    """Whether the cohorts of a treatment, taken by themselves, contradict its average study.

    Cohorts that report no interval are not asked; where none reports one the answer is no.
    """
    ids = {ref.id for ref in group.cohorts}
    sides = set()
    for index, ref in enumerate(fit.data.cohorts):
        limits = own_interval(fit, index) if ref.id in ids else None
        if limits is not None:
            sides |= {_side(value, limits) for value in (estimate, _average_there(fit, index))}
    return sides in ({-1}, {1})


def own_interval(fit: Fit, index: int) -> tuple[float, float] | None:
    """What cohort ``index`` reports by itself: months, or shares; None where it has no interval."""
    if isinstance(fit, ResponseFit):
        count = fit.data.counts[index]
        return exact_interval(count.responders, count.evaluable)
    outcome = fit.data.records[index].whole.outcome
    if outcome is None or outcome.ci is None:
        return None
    lower, upper = outcome.ci
    end = math.inf if upper == NOT_REACHED else in_months(upper, outcome.unit)
    return in_months(lower, outcome.unit), end


def _side(value: float, limits: tuple[float, float]) -> int:
    """-1 below an interval, 1 above it, 0 within."""
    return int(value > limits[1]) - int(value < limits[0])


def _average_there(fit: Fit, index: int) -> float:
    """Posterior median of an average study of the treatment in the population of a cohort."""
    ref = fit.data.cohorts[index]
    if isinstance(fit, ResponseFit):
        study = flat(fit, "study_effect")[:, fit.data.studies.index(ref.study.id)]
        return float(1.0 / (1.0 + np.exp(-np.median(flat(fit, "log_odds")[:, index] - study))))
    place = fit.data.hierarchy.studies.index(ref.study.id)
    shared = shared_parts(fit.data)[index]
    effect = np.sqrt(shared) * flat(fit, "study_effect")[:, place]
    effect = effect + np.sqrt(1.0 - shared) * flat(fit, "cohort_effect")[:, index]
    arms = {i: arm.n for i, arm in enumerate(fit.data.arms) if arm.cohort == index}
    location = flat(fit, "log_median")[:, list(arms)]
    return float(np.exp(np.median(np.average(location, axis=1, weights=[*arms.values()]) - effect)))


def contradictions(
    cohorts: pd.DataFrame, pooled: pd.DataFrame, vocabulary: Vocabulary
) -> tuple[str, ...]:
    """Treatments whose pooled answer is not what their cohorts report, and why, a sentence each.

    Those that are shrunk, and those whose pooled median lies outside the range of the medians that
    two or more cohorts report.
    """
    principal = [endpoint_of(row.endpoint).estimand == row.estimand for row in pooled.itertuples()]
    pooled = pooled[principal]
    medians = pooled[(pooled["histology"] == "reference") & (pooled["target"] == "mean_study")]
    medians = medians.set_index(["endpoint", "treatment"])
    sentences = []
    for (name, treatment), group in cohorts.groupby(["endpoint", "treatment"], sort=False):
        if (name, treatment) not in medians.index:
            continue
        reported = group.dropna(subset=["printed_value"])
        endpoint, row = endpoint_of(name), medians.loc[(name, treatment)]
        if row["shrunk"]:
            own = listed(f"{each.label}: {each.printed}" for each in group.itertuples())
            sentences.append(
                f"{treatment}, {endpoint.words(vocabulary)}: the average study of "
                f"{numbers.interval(*row[['estimate', 'lower', 'upper']], endpoint.write)} "
                f"{endpoint.unit} lies outside what its cohorts report by themselves ({own}): it "
                f"is {SHRUNK}."
            )
            continue
        if endpoint.is_response or len(reported) < 2:
            continue
        low, high = reported["printed_value"].min(), reported["printed_value"].max()
        estimate = float(row["estimate"])
        if not low <= estimate <= high:
            sentences.append(
                f"{treatment}, {endpoint.words(vocabulary)}: the pooled median of "
                f"{numbers.months(estimate)} months lies outside the reported medians of its "
                f"cohorts ({numbers.months(low)} to {numbers.months(high)} months). "
                f"{len(reported)} of {numbers.count(len(group), 'cohort')} report a median, of "
                f"{int(reported['n'].sum())} patients, so the estimate is drawn towards the other "
                "figures and treatments of the class."
            )
    return tuple(sentences)
