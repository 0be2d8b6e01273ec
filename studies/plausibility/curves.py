"""Whether the printed points of a curve, and their intervals, are those of so many patients.

Two kinds of interval of a median are printed. Limits read off a confidence band are event times,
whose ratio has a known law. Limits that lie symmetrically about the median were made as median ± z
standard errors, and only their distance has one.

Every choice leans towards silence: the shape of the curve may be anything from `SHAPES`, the limits
may be one rank further out or in (`RANK_SLACK`), rounding is granted, and an interval is flagged
only beyond the 0.1 % point that remains. What is found then is not a remarkable sample but another
kind of range, another number of patients, or a slip.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from studies.figures import counts_that_fit, half_step, in_months, is_symmetric
from studies.plausibility.question import (
    FEWEST,
    RANK_SLACK,
    Arm,
    Path,
    Surroundings,
    arms,
    binomial_at_most,
    figures,
    level_of,
    log_log_interval,
    log_ratio_quantile,
    median_interval_ranks,
    months,
    timed,
    wald_interval,
    wilson_interval,
    z_of,
)
from studies.problems import Finding, show
from studies.schema import NOT_REACHED, Characteristic, Landmark, Study, SurvivalOutcome

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
# Weibull shapes of a whole curve. Steeper than 4 is a cohort whose patients nearly all die within
# one season; flatter than 0.35 before the median, a cohort half of which dies at once.
_STEEPEST, _FLATTEST = 4.0, 0.35
_LONGEST = 1e6  # times further apart are a slip of another kind, and overflow
# Of the intervals in use for a survival probability, none is narrower than three quarters of the
# narrowest one of a binomial count without censoring. Where three of four patients left
# observation early, none is wider than 1.25 times the widest of the quarter that is left.
_NARROWEST, _WIDEST, _LEFT = 0.75, 1.25, 0.25
# Patients whose event ties with the time of a landmark are at risk but no survivors.
_TIED = 0.05
_MISREAD = 0.02  # of a survival that was read off a curve
_ALIVE = re.compile(r"alive (?:at|after|beyond|for more than) (\d+) (day|week|month|year)s?")


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
    """Ask whether the interval of a median has a width that its patients allow.

    The width of an interval weighs a cohort: a standard error or an interquartile range in its
    place makes a cohort too sure or too unsure.
    """
    for arm, path, outcome in figures(study, "survival"):
        limits = _limits(outcome, arm)
        if limits is not None:
            half = outcome.ci is not None and outcome.ci[1] == NOT_REACHED
            span = _distances(limits) if is_symmetric(outcome) else _ratios(limits, half=half)
            yield from _judge(outcome, limits, span, (*path, "ci"))


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


@dataclass(frozen=True)
class _Point:
    """A printed point of a curve: its time and survival, each with its rounding."""

    earliest: float
    latest: float
    survival: float
    blur: float
    words: str
    path: Path


def curve_shapes(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the curve through median and landmarks falls at a rate that curves have.

    A slip in the time or the value of a point bends the whole curve of a cohort.

    Between two neighbouring points, the survivors of the first are followed to the second: their
    number is binomial, with a probability that a Weibull curve through the first point gives for
    the steepest and the flattest shape. A flat tail is asked nothing: it is what a few long
    survivors make.
    """
    for arm, path, _ in arms(study):
        for endpoint in dict.fromkeys(mark.endpoint for mark in arm.landmarks):
            for label in _labels(arm, endpoint):
                points, n = _points(arm, path, endpoint, label)
                if n is None:
                    continue
                for one, other in pairwise(points):
                    yield from _fall(one, other, n, endpoint)


def _labels(arm: Arm, endpoint: str) -> list[str | None]:
    figures = [*arm.survival, *arm.landmarks]
    labels = {figure.label for figure in figures if figure.endpoint == endpoint}
    return sorted(labels - {None}) or [None]


def _points(
    arm: Arm, path: Path, endpoint: str, label: str | None
) -> tuple[list[_Point], int | None]:
    """Return the points of one curve in the order of time, and how many patients it is of."""
    points, n = [], arm.n
    for place, outcome in enumerate(arm.survival):
        span = months(outcome.median, outcome.unit)
        if span is None or outcome.endpoint != endpoint or outcome.label not in (None, label):
            continue
        # The curve steps across one half at its median, by a patient or more.
        blur = 0.0 if not arm.n else 1.0 / arm.n
        words = f"the median of {timed(outcome.median, outcome.unit)}"
        points.append(_Point(*span, 0.5, blur, words, (*path, "survival", place, "median")))
        n = outcome.events if outcome.events is not None else n
        break
    for place, mark in enumerate(arm.landmarks):
        if mark.endpoint != endpoint or mark.label not in (None, label):
            continue
        time = in_months(mark.time, mark.unit)
        blur = min(float(half_step(mark.survival)), 0.05) + _misread(mark)
        words = f"the survival of {mark.survival} at {timed(mark.time, mark.unit)}"
        here = (*path, "landmarks", place, "survival")
        points.append(_Point(time, time, float(mark.survival), blur, words, here))
    return sorted(points, key=lambda point: point.earliest), n


def _misread(mark: Landmark) -> float:
    return _MISREAD if mark.digitised else 0.0


def _fall(one: _Point, other: _Point, n: int, endpoint: str) -> Iterator[Finding]:
    start, end = one.survival, other.survival
    if not 0.0 < start < 1.0 or end > start or one.earliest <= 0.0:
        return
    at_risk = max(round(n * start), 1)
    longest = min(other.latest / one.earliest, _LONGEST)
    shortest = max(other.earliest / max(one.latest, 1e-9), 1.0)
    steep = (start - one.blur) ** (longest**_STEEPEST) / start if start > one.blur else 0.0
    flat = start ** (shortest**_FLATTEST - 1.0)
    fewest = math.floor(at_risk * (end + other.blur) / start + 1e-9)
    most = math.ceil(at_risk * (end - other.blur) / start - 1e-9)
    if binomial_at_most(fewest, at_risk, steep) < _RARE:
        manner = f"a curve that falls more slowly after {one.words} ({{other}})"
    elif end >= 0.5 and 1.0 - binomial_at_most(most - 1, at_risk, flat) < _RARE:
        manner = f"a curve that goes on falling after {one.words} ({{other}})"
    else:
        return
    found = f"{endpoint}: {other.words}"
    yield Finding(
        other.path, found, manner, "correct one of the two, or the unit of its time", one.path
    )


def landmark_intervals(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the interval of a survival probability has a width that its patients allow.

    A standard error printed as an interval counts the patients four times.
    """
    for arm, path, mark in figures(study, "landmarks"):
        if (arm.n or 0) >= FEWEST and mark.ci is not None and 0 < mark.survival < 1:
            yield from _landmark_width(mark, arm.n, (*path, "ci"))


def _landmark_width(mark: Landmark, n: int, path: Path) -> Iterator[Finding]:
    share, level = float(mark.survival), level_of(mark.level)
    width = float(mark.ci[1] - mark.ci[0])
    # The limits of one interval are printed to one digit: a zero lost at an end is no rounding.
    rounding = 2.0 * float(min(half_step(limit) for limit in (*mark.ci, mark.survival)))
    intervals = (wald_interval, wilson_interval, log_log_interval)
    complete = [_width(interval(share, n, level)) for interval in intervals]
    left = [_width(interval(share, max(n * _LEFT, 1.0), level)) for interval in intervals]
    found = f"an interval of {show(mark.ci)} around {mark.survival} for {n} patients"
    if width + rounding < _NARROWEST * min(complete):
        low, high = wald_interval(share, n, level)
        digits = max(-int(mark.survival.as_tuple().exponent), 1)
        expected = f"a wider one, about {low:.{digits}f} to {high:.{digits}f}"
        action = "correct it, its level or the number of patients"
        one_error = wald_interval(share, n, 0.6827)
        if 0.7 < width / _width(one_error) < 1.6:
            action += " (a standard error on either side would be as narrow)"
        yield Finding(path, found, expected, action)
    elif width - rounding > _WIDEST * max(left):
        expected = f"a narrower one, no wider than {max(left):.2f} even if most patients left early"
        yield Finding(path, found, expected, "correct it or the number of patients")


def _width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


def landmark_counts(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether a counted number of survivors agrees with the survival printed for that time.

    Where the two disagree, one of the printed figures is wrong, and the report does not say which.

    More survivors than the curve has are impossible. Fewer are what censoring leaves, except where
    every printed survival of the arm is a whole number of its patients: then nobody was censored.
    Patients at risk are survivors who are still followed, and so no more than the curve has.
    """
    for arm, path, mark in figures(study, "landmarks"):
        yield from _at_risk(mark, arm.n, (*path, "at_risk"))
        for printed in arm.characteristics if mark.endpoint == "os" else ():
            alive = _ALIVE.fullmatch(printed.name)
            if alive is None or printed.statistic != "count" or printed.group is not None:
                continue
            of, time = printed.of or arm.n, in_months(Decimal(alive[1]), f"{alive[2]}s")
            if of and abs(in_months(mark.time, mark.unit) - time) < 0.1:
                here = (*path, "survival")
                yield from _count_against(printed, mark, of, here, _uncensored(arm))


def _at_risk(mark: Landmark, n: int | None, path: Path) -> Iterator[Finding]:
    """Yield a number at risk that is more than the survival printed for its time leaves.

    Whoever has the event at that very time is at risk still: times in whole months tie several.
    """
    if not n or mark.at_risk is None:
        return
    survival, rounding = float(mark.survival), float(half_step(mark.survival)) + _misread(mark)
    if mark.at_risk > n * (survival + rounding + _TIED) + 1.0:
        found, moment = f"{mark.at_risk} at risk of {n} patients", timed(mark.time, mark.unit)
        expected = f"no more than about {n * survival:.0f}, since the survival at {moment} is"
        action = "correct one of the two, or the time"
        yield Finding(path, found, f"{expected} {mark.survival}", action)


def _uncensored(arm: Arm) -> bool:
    """Whether the printed survivals are whole numbers of patients, and not by chance."""
    marks = [mark for mark in arm.landmarks if mark.endpoint == "os"]
    if not marks or not arm.n:
        return False
    chance = math.prod(min(2 * float(half_step(mark.survival)) * arm.n, 1.0) for mark in marks)
    return chance < 0.01 and all(counts_that_fit(mark.survival.scaleb(2), arm.n) for mark in marks)


def _count_against(
    printed: Characteristic, mark: Landmark, of: int, path: Path, uncensored: bool
) -> Iterator[Finding]:
    share, step = float(printed.value) / of, float(half_step(mark.survival)) + _misread(mark)
    above = share > float(mark.survival) + step
    below = share < float(mark.survival) - step
    if above or (below and uncensored):
        found = f"a survival of {mark.survival} at {timed(mark.time, mark.unit)}"
        expected = (
            f"{share:.3f}, since {printed.value} of {of} patients are counted as {printed.name}"
        )
        yield Finding(path, found, expected, "correct one of the two")
