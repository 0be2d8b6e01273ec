"""Whether a printed interval of a median can be a confidence interval of that many patients.

Two kinds of interval are printed. Limits read off a confidence band are event times, whose ratio
has a known law (`studies.plausibility.laws`). Limits that lie symmetrically about the median were
made as median ± z standard errors, and only their distance has one.

Every choice leans towards silence: the shape of the curve may be anything from `SHAPES`, the limits
may be one rank further out or in (`RANK_SLACK`), rounding is granted, and an interval is flagged
only beyond the 0.1 % point that remains. What is found then is not a remarkable sample but another
kind of range, another number of patients, or a slip.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from studies.figures import half_step, is_symmetric
from studies.plausibility.laws import (
    FEWEST,
    RANK_SLACK,
    log_ratio_quantile,
    median_interval_ranks,
    z_of,
)
from studies.plausibility.question import Arm, Path, Surroundings, arms, level_of
from studies.problems import Finding, show
from studies.schema import NOT_REACHED, Study, SurvivalOutcome

# Weibull shapes that the middle of a survival curve may have. In this disease it is 0.7 to 0.9;
# the intervals of the registry fit 0.55 to 2. A shape of 0.55 is a hazard that falls nearly by half
# whenever the time fourfolds, one of 2.5 a cohort whose patients mostly die within a few months of
# each other.
SHAPES = (0.55, 2.5)
# Progression is found at visits: many patients have the same time, and the limits may be one visit
# apart, or the same. How narrow such an interval may be, no law says.
_SEEN_AT_VISITS = {"pfs", "ttp", "ttf", "lpfs", "dor"}
_SMALLEST = Decimal("1e-6")  # a limit of nothing has no logarithm
_RARE = 0.001
_RARE_Z = 3.09
# The slope of the curve that a symmetric interval needs is read off between the survivals 0.55
# and 0.45, through which one patient in ten passes.
_SLOPE_SHARE = 0.1


@dataclass(frozen=True)
class _Limits:
    """A printed interval as floats, in its own unit, each limit with its rounding."""

    lower: float
    upper: float
    steps: tuple[float, float]
    n: int
    least: float
    level: float

    @property
    def log_ratios(self) -> tuple[float, float]:
        """Least and greatest log ratio of the limits that round to the printed ones."""
        low = self.lower - self.steps[0]
        least = (self.upper - self.steps[1]) / (self.lower + self.steps[0])
        greatest = math.inf if low <= 0.0 else math.log((self.upper + self.steps[1]) / low)
        return math.log(max(least, 1e-9)), greatest


def interval_widths(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the interval of a median has a width that its patients allow."""
    for arm, path, _ in arms(study):
        for place, outcome in enumerate(arm.survival):
            limits = _limits(outcome, arm)
            if limits is None:
                continue
            half = outcome.ci is not None and outcome.ci[1] == NOT_REACHED
            span = _distances(limits) if is_symmetric(outcome) else _ratios(limits, half=half)
            yield from _judge(outcome, limits, span, (*path, "survival", place, "ci"))


def _limits(outcome: SurvivalOutcome, arm: Arm) -> _Limits | None:
    """Return the limits to be judged: those printed, or lower and median where upper is open."""
    if outcome.ci is None or outcome.median is None or arm.n is None or arm.n < FEWEST:
        return None
    lower, upper = outcome.ci
    if upper == NOT_REACHED:
        upper = outcome.median
    if not isinstance(upper, Decimal) or not _SMALLEST < lower < upper:
        return None
    steps = float(half_step(lower)), float(half_step(upper))
    # Patients who leave observation early make an interval wide. Where the events are printed they
    # are the number that counts at worst.
    least = max(outcome.events if outcome.events is not None else arm.n, FEWEST)
    return _Limits(float(lower), float(upper), steps, arm.n, float(least), level_of(outcome.level))


def _ratios(limits: _Limits, *, half: bool) -> tuple[float, float, float, float]:
    """Printed log ratio, least and greatest with rounding, and the bounds of the law."""
    narrow, wide = [], []
    for n, bounds, slack in ((limits.n, narrow, -RANK_SLACK), (limits.least, wide, RANK_SLACK)):
        lower, upper = median_interval_ranks(n, limits.level)
        if half:
            upper = (n + 1.0) / 2.0
        lower, upper = max(lower - slack, 1.0), min(upper + slack, n)
        if lower >= upper:
            lower, upper = (lower + upper - 1.0) / 2.0, (lower + upper + 1.0) / 2.0
        probability = _RARE if slack < 0 else 1.0 - _RARE
        bounds.append(log_ratio_quantile(n, lower, upper, probability))
    least, greatest = limits.log_ratios
    return least, greatest, narrow[0] / SHAPES[1], wide[0] / SHAPES[0]


def _distances(limits: _Limits) -> tuple[float, float, float, float]:
    r"""Half width over the median, and its bounds where it is :math:`z` standard errors.

    The standard error of a median is :math:`1/(2 f \sqrt{n})`, with the density at the median
    :math:`f = k \log(2)/(2 m)`.
    """
    middle = (limits.lower + limits.upper) / 2.0
    width, rounding = limits.upper - limits.lower, sum(limits.steps)
    scale = z_of(limits.level) / math.log(2.0)
    low = scale / (SHAPES[1] * math.sqrt(limits.n)) * math.exp(-_slope_error(limits.n))
    high = scale / (SHAPES[0] * math.sqrt(limits.least)) * math.exp(_slope_error(limits.least))
    return (width - rounding) / 2 / middle, (width + rounding) / 2 / middle, low, high


def _slope_error(n: float) -> float:
    return _RARE_Z / math.sqrt(max(_SLOPE_SHARE * n, 1.0))


def _judge(
    outcome: SurvivalOutcome, limits: _Limits, span: tuple[float, float, float, float], path: Path
) -> Iterator[Finding]:
    """Yield a finding where the printed width lies outside of the bounds of the law."""
    least, greatest, low, high = span
    patients = f"{limits.n} patients"
    if limits.least < limits.n:
        patients += f" with {outcome.events} events"
    found = f"an interval of {show(outcome.ci)} around {outcome.median} for {patients}"
    if greatest < low and outcome.endpoint not in _SEEN_AT_VISITS:
        expected = f"a wider one, {_bound(low, outcome, limits)} at least"
        action = (
            "correct the limits, their level or the number of patients (a standard error on either "
            "side, or the interval of a larger cohort, would be as narrow)"
        )
    elif least > high:
        expected = f"a narrower one, {_bound(high, outcome, limits)} at most"
        action = f"correct it ({_other_range(limits)})"
    else:
        return
    yield Finding(path, found, expected, action)


def _bound(bound: float, outcome: SurvivalOutcome, limits: _Limits) -> str:
    """Return the widest or narrowest interval in the words of its kind."""
    if is_symmetric(outcome):
        return f"{outcome.median} ± {bound * (limits.lower + limits.upper) / 2.0:.2g}"
    return f"its limits a factor of {math.exp(bound):.3g} apart"


def _other_range(limits: _Limits) -> str:
    """Return what else so wide a pair of limits may be."""
    # Quartiles of a Weibull time lie a factor of 4.82 ** (1 / shape) apart, whatever the number of
    # patients.
    shape = math.log(math.log(4.0) / math.log(4.0 / 3.0)) / math.log(limits.upper / limits.lower)
    if SHAPES[0] <= shape <= SHAPES[1]:
        return "as an interquartile range it would be usual: write it as iqr"
    return "a range, another unit of one limit, or another number of patients would explain it"
