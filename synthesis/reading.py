"""Printed records into the model's terms: months, effective sizes, shares, log hazard ratios.

Every unit conversion and every decision about what a printed figure may say is taken here, with
the words that tell a reader what was taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from studies.figures import (
    half_step,
    histology_of,
    in_months,
    is_symmetric,
    splits_histology,
)
from studies.schema import NOT_REACHED, Cohort, Landmark, SurvivalOutcome, Unit
from synthesis.printed_curve import (
    Chain,
    FixedTime,
    PrintedMedian,
    Reading,
    Survivors,
    candidate_chains,
    log_survival_variance,
)
from synthesis.ranks import METHODS

_DEFAULT_LEVEL = 0.95


def reading(value: Decimal, unit: Unit) -> Reading:
    """A printed time in months with its rounding."""
    return Reading(in_months(value, unit), in_months(half_step(value), unit))


@dataclass(frozen=True)
class ArmReading:
    """What one arm contributes.

    Attributes
    ----------
    chains : tuple of Chain
        One for each transformation that can have produced the printed interval.
    methods : tuple of str
        The transformation of each chain; ``"median"`` or ``"landmarks"`` where no limit entered.
    told : bool
        Whether the report names the transformation, or none is needed.
    entered_as : str
        In words, what entered and what did not.
    """

    chains: tuple[Chain, ...]
    methods: tuple[str, ...]
    told: bool
    entered_as: str


def read_arm(
    outcome: SurvivalOutcome | None, landmarks: Sequence[Landmark], n: int
) -> ArmReading | None:
    """Read the printed survival figures of one arm.

    Returns
    -------
    ArmReading or None
        ``None`` if nothing of it can enter a likelihood.

    Raises
    ------
    ContradictionError
        If the printed points cannot belong to one curve.
    """
    fixed: list[FixedTime | Survivors] = [read_landmark(landmark) for landmark in landmarks]
    words = [_landmark_words(landmarks)] if landmarks else []
    printed, effective = None, effective_size(outcome, n)
    if outcome is not None and outcome.median is not None:
        printed, said = read_median(outcome)
        if said:
            words.insert(0, said)
        if outcome.median == NOT_REACHED:
            fixed += _beyond_follow_up(outcome, effective, words)
    if printed is None and not fixed:
        return None
    found = candidate_chains(printed, fixed, effective)
    methods = tuple(method for method, _ in found)
    limits = printed is not None and (printed.lower or printed.upper)
    if limits:
        words.append(_convention_words(methods))
    if effective < n:
        words.append(f"effective size {effective:g} from {outcome.events} events")
    told = not limits or printed.method is not None or methods[0] not in METHODS
    return ArmReading(tuple(c for _, c in found), methods, told, "; ".join(words))


def effective_size(outcome: SurvivalOutcome | None, n: int) -> float:
    """Patients that a median of ``n`` is worth: fewer where not all had the event."""
    if outcome is None or outcome.events is None or outcome.events >= n:
        return float(n)
    return (n + outcome.events) / 2.0  # actuarial: a censored patient counts for half


def read_landmark(landmark: Landmark) -> FixedTime:
    """A printed survival probability, with the variance that its interval implies."""
    s = float(landmark.survival)
    variance = None
    if landmark.ci is not None:
        level = float(landmark.level) if landmark.level else _DEFAULT_LEVEL
        variance = log_survival_variance(s, float(landmark.ci[0]), float(landmark.ci[1]), level)
    months = in_months(landmark.time, landmark.unit)
    return FixedTime(months, s, variance, landmark.at_risk)


def _landmark_words(landmarks: Sequence[Landmark]) -> str:
    times = ", ".join(f"{landmark.time} {landmark.unit}" for landmark in landmarks)
    return f"survival at {times} as a binomial cell"


def _beyond_follow_up(outcome: SurvivalOutcome, n: float, words: list[str]) -> list[Survivors]:
    """A median not reached within a stated follow-up: more than half were event-free by then."""
    if outcome.follow_up is None:
        return []
    words.append(f"median not reached within {outcome.follow_up} {outcome.unit} of follow-up")
    return [Survivors(in_months(outcome.follow_up, outcome.unit), math.floor(n / 2.0) + 1.0)]


def median_months(outcome: SurvivalOutcome) -> float:
    """A printed median that was reached, months.

    One that rounds to nothing is the middle of what does so: a time is above 0.
    """
    own = reading(outcome.median, outcome.unit)
    return own.months if own.months > 0.0 else sum(own.edges) / 2.0


def read_median(outcome: SurvivalOutcome) -> tuple[PrintedMedian | None, str]:
    """A median or its limits, those that are event times, and in words what was taken."""
    median, unit = outcome.median, outcome.unit
    middle = None if median == NOT_REACHED else reading(median, unit)
    level = float(outcome.level) if outcome.level else _DEFAULT_LEVEL
    if outcome.ci is None:
        taken = None if middle is None else PrintedMedian(middle)
        return taken, "median as an order statistic" if taken else ""
    if middle is None:
        lower = reading(outcome.ci[0], unit)
        only = PrintedMedian(None, lower, None, level, outcome.ci_method)
        return only, "median not reached; its lower limit as an order statistic"
    lower, upper = outcome.ci
    reached = upper != NOT_REACHED
    if is_symmetric(outcome):
        return PrintedMedian(middle), (
            "median as an order statistic; the interval is symmetric, so its limits are not event "
            "times and are shown only"
        )
    which = "both limits" if reached else "lower limit"
    words = f"median and {which} as order statistics"
    if not reached:
        words += "; upper limit not reached"
    if outcome.level is None:
        words += "; level taken as 95 %"
    return (
        PrintedMedian(
            middle,
            reading(lower, unit),
            reading(upper, unit) if reached else None,
            level,
            outcome.ci_method,
        ),
        words,
    )


def _convention_words(methods: Sequence[str]) -> str:
    if methods[0] not in METHODS:
        return "limits contradict the other figures under every transformation: left out"
    if len(methods) == 1:
        return f"interval by the {methods[0]} transformation"
    return f"transformation of the interval unknown: {', '.join(methods)} averaged"


def mixed_share(cohort: Cohort, *, use_read_as: bool) -> float | None:
    """Share of mixed histology of a cohort, 0 to 1, or ``None`` where it is not printed."""
    histology = histology_of(cohort, use_read_as=use_read_as)
    if histology is not None:
        return 1.0 if histology == "mixed" else 0.0
    split = cohort.histology
    if not splits_histology(split):
        return None
    if (split.pure is not None and split.mixed is not None) or split.assessed is not None:
        return _part(split.mixed, split.pure, split.assessed)
    return _part(split.mixed_percent, split.pure_percent, Decimal(100))


def _part(mixed: Decimal | int | None, pure: Decimal | int | None, whole: Any) -> float:
    """Share of the mixed among those known to be pure or mixed."""
    if mixed is None:
        return 1.0 - float(pure) / float(whole)
    return float(mixed) / float(whole if pure is None else mixed + pure)
