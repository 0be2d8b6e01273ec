"""Printed records into the model's terms: months, effective sizes, shares, log hazard ratios.

Every unit conversion and every decision about what a printed figure may say is taken here, with
the words that tell a reader what was taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Any

from studies.figures import (
    half_step,
    histology_of,
    in_months,
    is_symmetric,
    splits_histology,
)
from studies.schema import Cohort, Comparison, Landmark, SurvivalOutcome
from studies.values import NOT_REACHED, Unit
from synthesis.printed_curve import (
    Chain,
    FixedTime,
    PrintedMedian,
    Reading,
    Survivors,
    candidate_chains,
    log_survival_variance,
)
from synthesis.ranks import median_rank

_DEFAULT_LEVEL = 0.95


def reading(value: Decimal, unit: Unit) -> Reading:
    """A printed time in months with its rounding."""
    return Reading(in_months(value, unit), in_months(half_step(value), unit))


@dataclass(frozen=True)
class ArmReading:
    """What one arm contributes: its chains, and in words what entered and what did not."""

    chains: tuple[Chain, ...]
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
    if outcome is not None:
        if outcome.median == NOT_REACHED:
            fixed += _beyond_follow_up(outcome, n, words)
        elif outcome.median is not None:
            printed, said = read_median(outcome)
            words.insert(0, said)
    if printed is None and not fixed:
        return None
    chains = candidate_chains(printed, fixed, effective)
    methods = [method for method, _ in chains]
    if printed is not None and (printed.lower or printed.upper):
        words.append(_convention_words(methods))
    if effective < n:
        words.append(f"effective size {effective:g} from {outcome.events} events")
    return ArmReading(tuple(c for _, c in chains), "; ".join(words))


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
    return FixedTime(in_months(landmark.time, landmark.unit), s, variance)


def _landmark_words(landmarks: Sequence[Landmark]) -> str:
    times = ", ".join(f"{landmark.time} {landmark.unit}" for landmark in landmarks)
    return f"survival at {times} as a binomial cell"


def _beyond_follow_up(outcome: SurvivalOutcome, n: int, words: list[str]) -> list[Survivors]:
    """A median not reached within a stated follow-up: ``n - rank`` were event-free by then."""
    if outcome.follow_up is None:
        return []
    words.append(f"median not reached within {outcome.follow_up} {outcome.unit} of follow-up")
    return [Survivors(in_months(outcome.follow_up, outcome.unit), n - median_rank(n))]


def read_median(outcome: SurvivalOutcome) -> tuple[PrintedMedian, str]:
    """A median that was reached, with the limits that are event times, and what was taken."""
    median, unit = outcome.median, outcome.unit
    middle = reading(median, unit)
    if outcome.ci is None:
        return PrintedMedian(middle), "median as an order statistic"
    lower, upper = outcome.ci
    reached = upper != NOT_REACHED
    if is_symmetric(outcome):
        return PrintedMedian(middle), (
            "median as an order statistic; the interval is symmetric, so its limits are not event "
            "times and are shown only"
        )
    level = float(outcome.level) if outcome.level else _DEFAULT_LEVEL
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
    if methods == ["median"]:
        return "limits contradict the other figures under every transformation: median only"
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


@dataclass(frozen=True)
class ComparisonReading:
    """Log hazard ratio mixed against pure, its variance, and what it came from."""

    estimate: float
    variance: float
    entered_as: str


_P_TESTS = ("log-rank", "logrank", "log rank")


def read_comparison(
    comparisons: Iterable[Comparison],
    endpoint: str,
    names: dict[str, set[str]],
    sizes: dict[str, int],
    mixed_lives_longer: bool,
) -> ComparisonReading | None:
    """Find and read the printed comparison of mixed against pure histology.

    Parameters
    ----------
    comparisons : iterable of Comparison
    endpoint : str
    names : dict
        The words that stand for ``"mixed"`` and for ``"pure"`` in this report.
    sizes : dict
        Patients of each: the deaths are taken as all of them where they are not printed.
    mixed_lives_longer : bool
        Direction of a p value, from the printed medians.
    """
    for comparison in comparisons:
        if comparison.endpoint != endpoint or len(comparison.groups) != 2:
            continue
        roles = [
            next((role for role in ("mixed", "pure") if group.lower() in names[role]), None)
            for group in comparison.groups
        ]
        if set(roles) != {"mixed", "pure"}:
            continue
        if comparison.hr is not None and comparison.hr_ci is not None:
            return _from_hazard_ratio(comparison, reverse=roles[0] == "pure")
        test = (comparison.test or "").lower()
        if isinstance(comparison.p, Decimal) and comparison.p > 0:
            if test and not any(name in test for name in _P_TESTS):
                continue
            return _from_p(comparison, sizes, mixed_lives_longer, named=bool(test))
    return None


def _from_hazard_ratio(comparison: Comparison, *, reverse: bool) -> ComparisonReading | None:
    lower, upper = comparison.hr_ci
    if upper == NOT_REACHED:
        return None
    level = float(comparison.level) if comparison.level else _DEFAULT_LEVEL
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    sd = (math.log(upper) - math.log(lower)) / (2.0 * z)
    estimate = math.log(comparison.hr) * (-1.0 if reverse else 1.0)
    return ComparisonReading(estimate, sd**2, f"hazard ratio {comparison.hr} given the medians")


def _from_p(
    comparison: Comparison, sizes: dict[str, int], mixed_lives_longer: bool, *, named: bool
) -> ComparisonReading:
    tail = float(comparison.p) / comparison.sided
    z = NormalDist().inv_cdf(1.0 - tail)
    variance = 1.0 / sizes["mixed"] + 1.0 / sizes["pure"]
    sign = -1.0 if mixed_lives_longer else 1.0
    test = "log-rank p" if named else "p (test not named, taken as log-rank)"
    words = f"{test} = {comparison.p} given the medians"
    return ComparisonReading(sign * z * math.sqrt(variance), variance, words)
