"""The counted cohorts of a fit: what each reports, what of it entered, what the fit says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from studies.figures import figure_status, in_months
from studies.plausibility.counts import exact_interval
from studies.responses import BestResponses
from studies.schema import NOT_REACHED, Landmark, SurvivalOutcome
from studies.selection import CohortRef
from synthesis.estimands import Fit, Summary, flat, summarise
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.model.arrays import shared_parts
from synthesis.model.observations import Arm, CohortRecord, Record
from synthesis.model.response import STAGES, trials
from synthesis.numbers import percent
from synthesis.reported import landmark_words, median_words

#: An interval of months, or of shares.
Limits = tuple[float, float]
#: Group, kind of figure, its words and its status.
Row = tuple[str, str, str, str]


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


@dataclass(frozen=True, eq=False)
class _Cohort:
    """A counted cohort of a fit, by its index there."""

    fit: Fit
    index: int

    @property
    def ref(self) -> CohortRef:
        """The cohort with its study."""
        return self.fit.data.cohorts[self.index]


class ResponseCohort(_Cohort):
    """A cohort of a response fit, with the members of :class:`SurvivalCohort`."""

    fit: ResponseFit
    histology = ""

    @property
    def count(self) -> BestResponses:
        """Its best responses."""
        return self.fit.data.counts[self.index]

    @property
    def n(self) -> int:
        """Evaluable patients."""
        return self.count.evaluable

    @property
    def entered_as(self) -> str:
        """What of it entered the likelihood."""
        return self.count.entered_as

    @property
    def status(self) -> str:
        """Whether its responses were seen in the report itself."""
        return figure_status(self.ref.cohort.response, self.ref.study)

    @cached_property
    def printed(self) -> Printed:
        """Its responders among the evaluable patients."""
        text = f"{self.count.responders}/{self.n}"
        return Printed(text, self.count.responders / self.n, status=self.status)

    @property
    def interval(self) -> Limits:
        """The exact interval of its rate."""
        return exact_interval(self.count.responders, self.n)

    @property
    def estimate(self) -> Summary:
        """The model's estimate of its rate."""
        return summarise(1.0 / (1.0 + np.exp(-self._log_odds)))

    @property
    def average(self) -> float:
        """Posterior median of the rate in an average study of its treatment."""
        study = self.fit.data.studies.index(self.ref.study.id)
        away = flat(self.fit, "study_effect")[:, study]
        return float(1.0 / (1.0 + np.exp(-np.median(self._log_odds - away))))

    @property
    def _log_odds(self) -> np.ndarray:
        return flat(self.fit, "log_odds")[:, self.index]

    def figures(self) -> Iterator[Row]:
        """The counts of the stages that it enters: one without trials tells nothing."""
        count, entered = self.count, trials(self.count)
        figures = (
            (STAGES[0], count.responders, count.derivation),
            ("disease control", count.control, count.control_derivation),
            ("complete response", count.complete, count.complete_derivation),
        )
        for stage, (kind, number, derivation) in zip(STAGES, figures, strict=True):
            if entered.get(stage, (0, 0))[1]:
                yield "whole", kind, f"{number}/{self.n}: {derivation}", self.status


class SurvivalCohort(_Cohort):
    """A cohort of a survival fit; its arms are known by their index in the fit."""

    fit: PooledSurvival

    @property
    def record(self) -> CohortRecord:
        """What its report prints of it."""
        return self.fit.data.records[self.index]

    @cached_property
    def arms(self) -> Mapping[int, Arm]:
        """Its arms by their index in the fit."""
        return {i: arm for i, arm in enumerate(self.fit.data.arms) if arm.cohort == self.index}

    @property
    def n(self) -> int:
        """Patients of its arms."""
        return sum(arm.n for arm in self.arms.values())

    @property
    def histology(self) -> str:
        """What is known of its histology."""
        first, *others = self.arms.values()
        return "pure and mixed apart" if others else mix_words(first)

    @property
    def entered_as(self) -> str:
        """What of it entered the likelihood."""
        first, *others = self.arms.values()
        if not others:
            return first.entered_as
        parts = (f"{arm.histology} ({arm.n}): {arm.entered_as}" for arm in (first, *others))
        return "; ".join(parts)

    @cached_property
    def printed(self) -> Printed:
        """Its median, else the figures by histology, a landmark, or that patients are listed."""
        outcome, study = self.record.whole.outcome, self.ref.study
        if outcome is not None:
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
                status=figure_status(outcome, study),
            )
        if by_histology := [(own.histology, _figure_of(own)) for own in self.record.groups]:
            parts = [f"{name}: {_in_words(figure)}" for name, figure in by_histology]
            statuses = {figure_status(figure, study) for _, figure in by_histology}
            status = "verified" if statuses == {"verified"} else "secondary"
            return Printed("; ".join(sorted(parts, reverse=True)), status=status)
        figure = _figure_of(self.record.whole)
        if figure is None:
            return Printed("patients listed", status=study.status)
        return Printed(_in_words(figure), status=figure_status(figure, study))

    @property
    def interval(self) -> Limits | None:
        """The reported interval of its median, months; None where it has none."""
        outcome = self.record.whole.outcome
        if outcome is None or outcome.ci is None:
            return None
        lower, upper = outcome.ci
        end = np.inf if upper == NOT_REACHED else in_months(upper, outcome.unit)
        return in_months(lower, outcome.unit), end

    @property
    def estimate(self) -> Summary:
        """The model's estimate of its median at its own mix, months."""
        return summarise(np.exp(self._log_median))

    @property
    def average(self) -> float:
        """Posterior median of the median in an average study of its treatment and population."""
        place = self.fit.data.hierarchy.studies.index(self.ref.study.id)
        shared = shared_parts(self.fit.data)[self.index]
        effect = np.sqrt(shared) * flat(self.fit, "study_effect")[:, place]
        effect = effect + np.sqrt(1.0 - shared) * flat(self.fit, "cohort_effect")[:, self.index]
        return float(np.exp(np.median(self._log_median - effect)))

    @property
    def _log_median(self) -> np.ndarray:
        """Draws at its own mix: linear in the share, so the mean over pure and mixed patients."""
        sizes = [arm.n for arm in self.arms.values()]
        return np.average(flat(self.fit, "log_median")[:, list(self.arms)], axis=1, weights=sizes)

    def figures(self) -> Iterator[Row]:
        """The figures of its arms, and comparisons of two groups, that entered."""
        for arm in self.arms.values():
            yield from self._figures_of(arm)
        for own in self.fit.data.comparisons:
            if own.first in self.arms and own.printed is not None:
                group = "pure and mixed" if own.second in self.arms else "whole"
                status = figure_status(own.printed, self.ref.study)
                yield group, "comparison", own.reading.entered_as, status

    def _figures_of(self, arm: Arm) -> Iterator[Row]:
        study, outcome, group = self.ref.study, arm.outcome, arm.histology
        # a median that was not reached enters only with the time up to which it was not
        if outcome is not None and (outcome.median != NOT_REACHED or outcome.follow_up is not None):
            yield group, "median", median_words(outcome), figure_status(outcome, study)
        for mark in arm.landmarks:
            status = figure_status(mark, study)
            yield group, "survival probability", landmark_words(mark), status
        if not arm.chains:
            yield group, "listed patients", arm.entered_as, study.status
        if group == "whole" and arm.share is not None:
            yield group, "histology", mix_words(arm), study.status


def cohort_of(fit: Fit, index: int) -> SurvivalCohort | ResponseCohort:
    """Cohort `index` of a fit."""
    kind = ResponseCohort if isinstance(fit, ResponseFit) else SurvivalCohort
    return kind(fit, index)


def cohorts_of(fit: Fit) -> list[SurvivalCohort | ResponseCohort]:
    """Every counted cohort of a fit."""
    return [cohort_of(fit, index) for index in range(len(fit.data.cohorts))]


def mix_words(arm: Arm) -> str:
    """The share of mixed histology of an arm, in words."""
    return "not printed" if arm.share is None else f"{percent(arm.share)} % mixed"


def _figure_of(record: Record) -> SurvivalOutcome | Landmark | None:
    """The median of a group, else its landmark nearest to one year."""
    if record.outcome is not None:
        return record.outcome
    return min(record.landmarks, key=lambda m: abs(in_months(m.time, m.unit) - 12.0), default=None)


def _in_words(figure: SurvivalOutcome | Landmark) -> str:
    is_share = isinstance(figure, Landmark)
    return landmark_words(figure) if is_share else median_words(figure, brief=True)
