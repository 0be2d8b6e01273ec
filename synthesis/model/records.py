"""Printed records into the model's terms: months, effective sizes, shares, log hazard ratios.

Every unit conversion and every decision about what a printed figure may say is taken here, with
the words that say what was taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import NormalDist
from typing import Literal, NamedTuple

from studies.figures import in_months, is_symmetric, p_range
from studies.kinds import half_step
from studies.schema import NOT_REACHED, Comparison, Landmark, SurvivalOutcome, Unit
from synthesis.model import printed as points
from synthesis.model.printed import METHODS, Chain, FixedTime, PrintedMedian, Reading, Survivors

_DEFAULT_LEVEL = 0.95
_RANK_TEST = re.compile(r"log.?rank|mantel", re.IGNORECASE)
# A comparison "at 1 year", as its text says, is of two proportions and not of two curves.
_ONE_TIME = re.compile(r"at \S", re.IGNORECASE)

# Half of the patients are followed for less than the median follow-up, and a censored patient
# counts for half.
_FOLLOWED = 0.75

Pair = tuple[int, int]


def reading(value: Decimal, unit: Unit) -> Reading:
    """A printed time in months with its rounding."""
    return Reading(in_months(value, unit), in_months(half_step(value), unit))


class ArmReading(NamedTuple):
    """What one arm contributes."""

    chains: tuple[Chain, ...]
    """One for each transformation that can have produced the printed interval."""
    entered_as: str
    """In words, what entered and what did not."""
    methods: tuple[str, ...]
    """The transformation of each chain; "median" or "landmarks" where no limit entered."""
    told: bool
    """Whether the report names the transformation, or none is needed."""


def contradiction(
    outcome: SurvivalOutcome | None, landmarks: Sequence[Landmark], n: int
) -> str | None:
    """Say why the printed points of one arm cannot belong to one curve; ``None`` if they can."""
    printed, fixed, effective, _ = _points(outcome, landmarks, n)
    try:
        if printed is not None or fixed:
            points.candidate_points(printed, fixed, effective)
    except points.ContradictionError as error:
        return str(error)
    return None


def read_arm(
    outcome: SurvivalOutcome | None, landmarks: Sequence[Landmark], n: int
) -> ArmReading | None:
    """Read the printed survival figures of one arm; ``None`` if none can enter a likelihood.

    `ContradictionError` if the printed points cannot belong to one curve.
    """
    printed, fixed, effective, words = _points(outcome, landmarks, n)
    if printed is None and not fixed:
        return None
    methods, chains = zip(*points.candidate_chains(printed, fixed, effective), strict=True)
    limits = printed is not None and (printed.lower or printed.upper)
    if limits:
        words.append(_convention_words(methods))
    if effective < n:
        words.append(f"effective size {effective:g} from {outcome.events} events")
    told = not limits or printed.method is not None or methods[0] not in METHODS
    return ArmReading(chains, "; ".join(words), methods, told)


def _points(
    outcome: SurvivalOutcome | None, landmarks: Sequence[Landmark], n: int
) -> tuple[PrintedMedian | None, list[FixedTime | Survivors], float, list[str]]:
    """Printed points of one arm, what its median is worth in patients, and what was taken."""
    fixed: list[FixedTime | Survivors] = [read_landmark(landmark) for landmark in landmarks]
    times = ", ".join(f"{landmark.time} {landmark.unit}" for landmark in landmarks)
    words = [f"survival at {times} as a binomial cell"] if landmarks else []
    printed, effective = None, effective_size(outcome, n)
    if outcome is not None and outcome.median is not None:
        printed, median_words = read_median(outcome)
        words = [median_words, *words] if median_words else words
        if outcome.median == NOT_REACHED:
            fixed += _beyond_follow_up(outcome, min(effective, _FOLLOWED * n), words)
    return printed, fixed, effective, words


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
        variance = points.log_survival_variance(s, *map(float, landmark.ci), level)
    months = in_months(landmark.time, landmark.unit)
    return FixedTime(months, s, variance, landmark.at_risk)


def _beyond_follow_up(outcome: SurvivalOutcome, n: float, words: list[str]) -> list[Survivors]:
    """A median not reached within a median follow-up: more than half were event-free by then."""
    if outcome.follow_up is None:
        return []
    words.append(f"median not reached within {outcome.follow_up} {outcome.unit} of follow-up")
    return [Survivors(in_months(outcome.follow_up, outcome.unit), math.floor(n / 2.0) + 1.0, n)]


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
    if outcome.ci is None:
        return (PrintedMedian(middle), "median as an order statistic") if middle else (None, "")
    lower, upper = outcome.ci
    level = float(outcome.level) if outcome.level else _DEFAULT_LEVEL
    if middle is None and is_symmetric(outcome):
        return None, "its interval is symmetric, so its limits are not event times"
    if middle is None:
        limit = PrintedMedian(None, reading(lower, unit), None, level, outcome.ci_method)
        return limit, "median not reached; its lower limit as an order statistic"
    if is_symmetric(outcome):
        return PrintedMedian(middle), (
            "median as an order statistic; the interval is symmetric, so its limits are not event "
            "times and are shown only"
        )
    reached = upper != NOT_REACHED
    words = f"median and {'both limits' if reached else 'lower limit'} as order statistics"
    words += "" if reached else "; upper limit not reached"
    words += "" if outcome.level else "; level taken as 95 %"
    last = reading(upper, unit) if reached else None
    return PrintedMedian(middle, reading(lower, unit), last, level, outcome.ci_method), words


def _convention_words(methods: Sequence[str]) -> str:
    if methods[0] not in METHODS:
        return "limits contradict the other figures under every transformation: left out"
    if len(methods) == 1:
        return f"interval by the {methods[0]} transformation"
    return f"transformation of the interval unknown: {', '.join(methods)} averaged"


# --- Comparisons ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class ComparisonReading:
    """What a printed comparison says of the first group against the second."""

    low: float
    high: float
    """`low` and `high` are the ends of the range in which the log hazard ratio lies, equal where it
    is a number; negative where the first group lives longer."""
    variance: float
    """Variance of the log hazard ratio, above 0."""
    kind: Literal["hazard ratio", "p"]
    """What was printed: the Wald estimate of a proportional hazards model, or the log-rank test."""
    share: float
    """The first group's share of the patients, 0 to 1."""
    entered_as: str
    """What was taken, in words."""
    printed: Comparison | None = None
    either_sign: bool = False
    """Whether the report does not say which group lives longer, so that the sign may be wrong."""
    events: tuple[float, float] = (1.0, 1.0)
    """Part of the patients of each group who had the event, above 0 up to 1."""
    adjusted: bool = False
    """Whether the ratio is adjusted for covariates."""


def find_comparison(
    comparisons: Iterable[Comparison],
    endpoint: str,
    first: Collection[str],
    second: Collection[str],
    sizes: Pair,
    first_lives_longer: bool | None = None,
    events: tuple[int | None, int | None] = (None, None),
) -> ComparisonReading | None:
    r"""Find the printed comparison of two groups: a log hazard ratio, or its range.

    A hazard ratio with its interval says both the ratio and its variance. A log-rank p value says
    them together with the numbers of events; a bound of one, "not significant" and a direction
    say a range (:mod:`synthesis.model.comparisons`). What says none of it, or speaks of something
    else, is left out: an adjusted ratio compares patients who are alike otherwise.

    Parameters
    ----------
    comparisons : iterable of Comparison
        Those of one report.
    endpoint : str
    first, second : set of str
        The names under which either group may appear; case does not matter. A name in both is
        passed over.
    sizes : (int, int)
        Patients of either group, 1 or more.
    first_lives_longer : bool or None
        Direction of a p value, from the printed medians; a printed hazard ratio, or a report that
        names the group with the longer survival, says it itself. None: not known.
    events : (int or None, int or None)
        Printed numbers of events; None: taken as all patients of the group.

    Returns
    -------
    ComparisonReading or None
        The first hazard ratio with an interval, else the first p value, else the first range,
        else ``None``.
    """
    sides = _folded(first), _folded(second)
    died = tuple(n if d is None else d for d, n in zip(events, sizes, strict=True))
    if min(died) < 1:
        return None
    groups = _Groups(sizes, died, first_lives_longer)
    usable = [
        (own, _reverse(own, sides))
        for own in comparisons
        if own.endpoint == endpoint and not own.adjusted and not _ONE_TIME.match(own.text or "")
    ]
    readings = (
        read(own, groups, reverse)
        for read in (_from_hazard_ratio, _from_p, _from_range)
        for own, reverse in usable
        if reverse is not None
    )
    return next((found for found in readings if found is not None), None)


class _Groups(NamedTuple):
    """Two compared groups: patients, events, and whether the first lives longer by the medians."""

    sizes: Pair
    died: Pair
    first_lives_longer: bool | None

    def reading(
        self, ends: tuple[float, float], printed: Comparison, words: str, either_sign: bool = False
    ) -> ComparisonReading:
        """What a log-rank test of these groups says."""
        parts = tuple(min(d / n, 1.0) for d, n in zip(self.died, self.sizes, strict=True))
        of_test = self.variance, "p", self.sizes[0] / sum(self.sizes)
        return ComparisonReading(*ends, *of_test, words, printed, either_sign, parts)

    @property
    def variance(self) -> float:
        """Variance of the log hazard ratio of a log-rank test."""
        return sum(1.0 / d for d in self.died)


def _folded(names: Iterable[str]) -> list[str]:
    return [" ".join(name.split()).casefold() for name in names]


def _reverse(comparison: Comparison, sides: tuple[list[str], list[str]]) -> bool | None:
    """Whether the groups are named the other way round; ``None`` where they are not these."""
    roles = [tuple(name in side for side in sides) for name in _folded(comparison.groups)]
    if roles not in ([(True, False), (False, True)], [(False, True), (True, False)]):
        return None
    return roles[0][1]


def _from_hazard_ratio(
    comparison: Comparison, groups: _Groups, reverse: bool
) -> ComparisonReading | None:
    variance = _variance(comparison)
    if variance is None:
        return None
    estimate = math.log(comparison.hr) * (-1.0 if reverse else 1.0)
    read = groups.reading((estimate, estimate), comparison, f"hazard ratio {comparison.hr}")
    return replace(read, variance=variance, kind="hazard ratio")


def read_adjusted(comparison: Comparison) -> ComparisonReading | None:
    """Read the adjusted hazard ratio of two treatments; ``None`` where its variance is not told.

    The variance is that of the interval, else that at which the ratio has the printed p value. The
    sizes of the groups are not told: they are taken to be alike, and to have died.
    """
    if comparison.hr is None or comparison.hr <= 0:
        return None
    estimate, variance, p = math.log(comparison.hr), _variance(comparison), _number(comparison.p)
    if comparison.hr_ci is None and p is not None and 0.0 < p < 1.0 and estimate:
        variance = (estimate / NormalDist().inv_cdf(p / 2.0)) ** 2
    if variance is None:
        return None
    words, numbers = f"adjusted hazard ratio {comparison.hr}", (estimate, estimate, variance)
    return ComparisonReading(*numbers, "hazard ratio", 0.5, words, comparison, adjusted=True)


def _variance(comparison: Comparison) -> float | None:
    """Variance of a log hazard ratio by its interval; ``None`` where that does not say."""
    level = _DEFAULT_LEVEL if comparison.level is None else float(comparison.level)
    hr = comparison.hr
    if hr is None or hr <= 0 or comparison.hr_ci is None or not 0.0 < level < 1.0:
        return None
    lower, upper = comparison.hr_ci
    if upper == NOT_REACHED or upper <= 0:
        return None
    if lower <= half_step(lower):  # rounded to nothing: the upper half of the interval says
        width = 2.0 * (math.log(upper) - math.log(hr))
    else:
        width = math.log(upper) - math.log(lower)
    if width <= 0.0:
        return None
    return (width / (2.0 * NormalDist().inv_cdf(0.5 + level / 2.0))) ** 2


def _longer(comparison: Comparison, groups: _Groups, reverse: bool) -> tuple[bool | None, bool]:
    """Whether the first group lives longer, and whether the comparison itself says so."""
    if comparison.longer is not None:
        return (comparison.longer == comparison.groups[0]) != reverse, True
    if comparison.hr is not None and comparison.hr != 1:
        return (comparison.hr < 1) != reverse, True
    return groups.first_lives_longer, False


def _from_p(comparison: Comparison, groups: _Groups, reverse: bool) -> ComparisonReading | None:
    p = _number(comparison.p)
    if p is None or _is_other_test(comparison):
        return None
    tail = min(p, 1.0 - p) if comparison.sided == 1 else p / 2.0
    longer, told = _longer(comparison, groups, reverse)
    if not 0.0 < tail <= 0.5 or longer is None:
        return None
    size = abs(NormalDist().inv_cdf(tail)) * math.sqrt(groups.variance)
    estimate = -size if longer else size
    sided = " (one-sided)" if comparison.sided == 1 else ""
    sign = "" if told else ", either sign"
    words = f"{_test_words(comparison)} = {comparison.p}{sided}{sign}"
    return groups.reading((estimate, estimate), comparison, words, either_sign=not told)


def _from_range(comparison: Comparison, groups: _Groups, reverse: bool) -> ComparisonReading | None:
    """A bound of a p value, "not significant", or a direction."""
    if _is_other_test(comparison) or _number(comparison.p) is not None:
        return None
    longer, told = _longer(comparison, groups, reverse)
    limits = p_range(comparison.p)
    if limits is None or comparison.sided == 1:
        if comparison.longer is None:
            return None
        ends = (-math.inf, 0.0) if longer else (0.0, math.inf)
        return groups.reading(ends, comparison, f"longer in {comparison.longer}")
    least, largest = limits
    limit = least or largest
    size = abs(NormalDist().inv_cdf(limit / 2.0)) * math.sqrt(groups.variance)
    if least:
        return groups.reading((-size, size), comparison, f"{_test_words(comparison)} > {limit:g}")
    ends = (size, math.inf) if longer is False else (-math.inf, -size)
    words = f"{_test_words(comparison)} < {limit:g}" + ("" if told else ", either sign")
    return groups.reading(ends, comparison, words, either_sign=not told)


def _number(p: Decimal | str | None) -> float | None:
    """A p value that is a number; ``None`` where none or only a range is printed."""
    limits = p_range(p)
    return limits[0] if limits and limits[0] == limits[1] else None


def _is_other_test(comparison: Comparison) -> bool:
    return bool(comparison.test and not _RANK_TEST.search(comparison.test))


def _test_words(comparison: Comparison) -> str:
    return "log-rank p" if comparison.test else "p (test not named, taken as log-rank)"
