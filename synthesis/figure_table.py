"""Every printed figure that entered a fit, with where it was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from studies.figures import (
    figure_status,
    histology_groups,
    landmarks_of,
    outcome_of,
    printed_landmark,
    printed_median,
)
from studies.schema import NOT_REACHED, Cohort, Subgroup
from studies.selection import CohortRef
from synthesis.models import PooledSurvival, ResponseFit
from synthesis.observations import Arm
from synthesis.response import trials
from synthesis.tables import Fit

FIGURE_COLUMNS = ("endpoint", "study", "cohort", "label", "group", "kind", "printed", "status")

# Group, kind of figure, its words and its status.
_Row = tuple[str, str, str, str]


def figures_table(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """List the printed figures behind each fit.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit.

    Returns
    -------
    DataFrame
        Columns :data:`FIGURE_COLUMNS`. ``kind`` is median, survival probability, response, disease
        control, complete response, listed patients, comparison or histology; ``status`` is
        verified where the figure was seen in the report itself, else secondary. A figure without
        a mark of its own has that of its study.
    """
    rows = [
        (endpoint, ref.study.id, ref.cohort.id, ref.label, *row)
        for endpoint, fit in fits.items()
        for index, ref in enumerate(fit.data.cohorts)
        for row in _figures(fit, index, ref)
    ]
    return pd.DataFrame(rows, columns=list(FIGURE_COLUMNS))


def _figures(fit: Fit, index: int, ref: CohortRef) -> Iterator[_Row]:
    if isinstance(fit, ResponseFit):
        yield from _figures_of_response(fit, index, ref)
        return
    numbers = [i for i, arm in enumerate(fit.data.arms) if arm.cohort == index]
    arms = [fit.data.arms[i] for i in numbers]
    if arms[0].histology == "whole":
        yield from _figures_of_whole(fit, ref, arms[0])
    else:  # arms stand in the order of the groups that they come from
        for arm, group in zip(arms, histology_groups(ref, fit.data.view), strict=True):
            yield from _figures_of_holder(fit, ref, group, arm.histology)
    for comparison in fit.data.comparisons:
        if comparison.first in numbers and comparison.printed is not None:
            status = figure_status(comparison.printed, ref.study)
            both = comparison.second in numbers
            yield (
                "pure and mixed" if both else "whole",
                "comparison",
                comparison.reading.entered_as,
                status,
            )


def _figures_of_response(fit: ResponseFit, index: int, ref: CohortRef) -> Iterator[_Row]:
    """The counts of the stages that a cohort enters: one without trials tells nothing."""
    count = fit.data.counts[index]
    status = figure_status(ref.cohort.response, ref.study)
    entered = {stage for stage, (_, of) in trials(count).items() if of}
    for stage, kind, number, derivation in (
        ("response", "response", count.responders, count.derivation),
        ("control", "disease control", count.control, count.control_derivation),
        ("complete", "complete response", count.complete, count.complete_derivation),
    ):
        if stage in entered:
            yield "whole", kind, f"{number}/{count.evaluable}: {derivation}", status


def _figures_of_whole(fit: PooledSurvival, ref: CohortRef, arm: Arm) -> Iterator[_Row]:
    if arm.chains:
        yield from _figures_of_holder(fit, ref, ref.cohort, arm.histology)
    else:
        yield arm.histology, "listed patients", arm.entered_as, ref.study.status
    if arm.share is not None:
        yield arm.histology, "histology", f"{100 * arm.share:.0f} % mixed", ref.study.status


def _figures_of_holder(
    fit: PooledSurvival, ref: CohortRef, holder: Cohort | Subgroup, group: str
) -> Iterator[_Row]:
    view, keep = fit.data.view, fit.data.view.keep(ref.study)
    outcome = outcome_of(holder, view.endpoint, keep)
    # a median that was not reached enters only with the time up to which it was not
    if outcome is not None and (outcome.median != NOT_REACHED or outcome.follow_up is not None):
        yield group, "median", printed_median(outcome), figure_status(outcome, ref.study)
    for landmark in landmarks_of(holder, view.endpoint, keep):
        status = figure_status(landmark, ref.study)
        yield group, "survival probability", printed_landmark(landmark), status
