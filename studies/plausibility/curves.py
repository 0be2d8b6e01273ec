r"""Whether the printed points of curves, and comparisons, are those of so many patients.

Two kinds of interval of a median are printed. Limits read off a confidence band are event times,
whose ratio has a known law. Limits that lie symmetrically about the median were made as median ± z
standard errors, and only their distance has one.

**Limits of a median.** The limits of a Kaplan-Meier median are event times. Among :math:`n`
uncensored times they are the order statistics of about the ranks
:math:`(n + 1)/2 \mp z\sqrt{n}/2` (Brookmeyer & Crowley 1982, doi 10.2307/2530286); which whole
number each rank becomes depends on the transformation behind the band, by about `RANK_SLACK`.
Where survival is Weibull with shape :math:`k`, :math:`T^k` is exponential, so that
:math:`k \log(U/L)` is the log of the ratio of two exponential order statistics, whatever the
median and the shape. The lower one, :math:`E_a`, and the step :math:`D` from it to the upper one
are independent sums of exponentials (Rényi 1953), each close to a gamma variable of the same mean
and variance, so that :math:`D/E_a` is close to a multiple of an F variable.

Every choice leans towards silence: the shape of the curve may be anything from `SHAPES`, the limits
may be one rank further out or in (`RANK_SLACK`), rounding is granted, and an interval is flagged
only beyond the 0.1 % point that remains. What is found then is not a remarkable sample but another
kind of range, another number of patients, or a slip.

Two printed views of one comparison (medians, p value, hazard ratio, its interval) are compared on
the scale of the log hazard ratio. Their difference has a known spread: with
:math:`V = 1/d_1 + 1/d_2` for the events of the two groups, a log-rank test estimates the log hazard
ratio with variance :math:`V`, and two medians, :math:`-k \log(m_1/m_2)`, with variance
:math:`V/\rho`, :math:`\rho = (\log 2)^2`; the log-rank estimate is the efficient one, so that
their difference has variance :math:`V/\rho - V`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from studies.figures import P_VALUE, in_months, is_symmetric
from studies.kinds import half_step
from studies.plausibility.counts import (
    NORMAL,
    binomial_at_most,
    log_log_interval,
    wald_interval,
    wilson_interval,
    z_of,
)
from studies.plausibility.question import Arm, Around, Path, arms, figures, level_of, months, timed
from studies.problems import Finding, show
from studies.responses import counts_that_fit
from studies.schema import NOT_REACHED, Characteristic, Comparison, Landmark, Study, SurvivalOutcome

# Weibull shapes that the middle of a survival curve may have. In this disease it is 0.7 to 0.9;
# the intervals of the registry fit 0.55 to 2. A shape of 0.55 is a hazard that falls nearly by half
# whenever the time fourfolds, one of 2.5 a cohort whose patients mostly die within a few months of
# each other.
SHAPES = (0.55, 2.5)
FEWEST = 8  # below, the ranks of the limits leave the sample for one transformation or another
# Bands of 8 to 200 times put both limits, or their distance, about a rank from the formula; what
# is left (a log-log lower limit of 8 times, a log upper one) moves the tails too little to matter.
RANK_SLACK = 1.0
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
_QUARTILES = "as an interquartile range it would be usual: write it as iqr"
# Of fewer patients the limits of a median may be as far apart as quartiles are; and the least shape
# of a usual curve.
_QUARTILES_FROM, _USUAL_SHAPE = 30, 0.7
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


def interval_widths(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether patients allow the width: a standard error makes a cohort too sure."""
    for arm, path, outcome in figures(study, "survival"):
        limits = _limits(outcome, arm)
        if limits is not None:
            half = outcome.ci is not None and outcome.ci[1] == NOT_REACHED
            span = _distances(limits) if is_symmetric(outcome) else _ratios(limits, half=half)
            here = (*path, "ci")
            judged = [*_judge(outcome, limits, span, here)]
            yield from judged or _quartiles(outcome, limits, here)


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
    narrow = _log_ratio_bound(limits.n, limits.level, -RANK_SLACK, _RARE, half=half)
    wide = _log_ratio_bound(limits.least, limits.level, RANK_SLACK, 1.0 - _RARE, half=half)
    return *limits.log_ratios, narrow / SHAPES[1], wide / SHAPES[0]


def _log_ratio_bound(
    n: float, level: float, slack: float, probability: float, *, half: bool = False
) -> float:
    """Quantile of the log ratio of the upper to the lower limit, each `slack` ranks further out.

    With `half` it is that of the median to the lower limit.
    """
    lower, upper = median_interval_ranks(n, level)
    if half:
        upper = (n + 1.0) / 2.0
    lower, upper = max(lower - slack, 1.0), min(upper + slack, n)
    if lower >= upper:
        lower, upper = (lower + upper - 1.0) / 2.0, (lower + upper + 1.0) / 2.0
    return log_ratio_quantile(n, lower, upper, probability)


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


def _quartiles(outcome: SurvivalOutcome, limits: _Limits, path: Path) -> Iterator[Finding]:
    """Yield limits that are wide for a usual curve, and as far apart as its quartiles.

    Of 100 patients most quartiles are found out, of 60 few. Of 30 they are as far apart as the
    limits of a median may be.
    """
    if limits.n < _QUARTILES_FROM or is_symmetric(outcome) or outcome.ci[1] == NOT_REACHED:
        return
    most = _log_ratio_bound(limits.least, limits.level, RANK_SLACK, 1.0 - _RARE) / _USUAL_SHAPE
    if limits.log_ratios[0] > most and _other_range(limits) == _QUARTILES:
        found = f"an interval of {show(outcome.ci)} around {outcome.median} for {limits.n} patients"
        expected = f"a narrower one, as a rule: {_bound(most, outcome, limits)} at most"
        yield Finding(path, found, expected, f"correct it ({_other_range(limits)})")


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
        return _QUARTILES
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


def curve_shapes(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether a curve falls at a possible rate: a slip of one point bends all of it.

    Between two neighbouring points, the survivors of the first are followed to the second: their
    number is binomial, with a probability that a Weibull curve through the first point gives for
    the steepest and the flattest shape. A flat tail is asked nothing: it is what a few long
    survivors make.
    """
    for arm, path, _ in arms(study):
        for endpoint in dict.fromkeys(mark.endpoint for mark in arm.landmarks):
            printed = [own for own in (*arm.survival, *arm.landmarks) if own.endpoint == endpoint]
            labels = {figure.label for figure in printed}
            for label in sorted(labels - {None}) or [None]:
                points, n = _points(arm, path, endpoint, label)
                for one, other in pairwise(points) if n is not None else ():
                    yield from _fall(one, other, n, endpoint)


def _points(
    arm: Arm, path: Path, endpoint: str, label: str | None
) -> tuple[list[_Point], int | None]:
    """Return the points of one curve in the order of time, and how many patients it is of."""
    points, n = [], arm.n
    for place, outcome in enumerate(arm.survival):
        span = months(outcome.median, outcome.unit)
        if span and outcome.endpoint == endpoint and outcome.label in (None, label):
            # The curve steps across one half at its median, by a patient or more.
            blur = 1.0 / arm.n if arm.n else 0.0
            words = f"the median of {timed(outcome.median, outcome.unit)}"
            points.append(_Point(*span, 0.5, blur, words, (*path, "survival", place, "median")))
            n = outcome.events if outcome.events is not None else n
            break
    for place, mark in enumerate(arm.landmarks):
        if mark.endpoint == endpoint and mark.label in (None, label):
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
    action = "correct one of the two, or the unit of its time"
    yield Finding(other.path, f"{endpoint}: {other.words}", manner, action, one.path)


def landmark_intervals(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether patients allow its width: a standard error counts patients four times."""
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


def landmark_counts(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether counted survivors agree with the curve: else one of the figures is wrong.

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


_RHO = math.log(2.0) ** 2
# Beyond 3.5 standard errors two views of one comparison contradict each other. Patients without
# an event make V larger; where the events are not printed, as few as half of the patients.
_MOST_ERRORS, _FEWEST_EVENTS = 3.5, 0.5
# A log-rank and a Wald test of the same groups differ by a few tenths of a standard error, and by
# more where the groups are small and far apart.
_TEST_DIFFERENCE, _TEST_SHARE = 0.4, 0.15
# The hazard ratio stands in the middle of its interval on the log scale; an interval by profile
# likelihood, or of a penalised model, is off by less than a fifth of its half width.
_OFF_CENTRE = 0.2
_RANK_TESTS = re.compile(r"log.?rank|kaplan|cox|mantel", re.IGNORECASE)


class _Range(NamedTuple):
    low: float
    high: float


def p_values(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether medians allow p value and ratio: a contradiction would inform a model."""
    named = _named(study)
    for place, comparison in enumerate(study.comparisons):
        groups = [named.get(name.casefold()) for name in comparison.groups]
        if len(groups) != 2 or None in groups or not _of_whole_curves(comparison):
            continue
        medians = [_median(arm, comparison.endpoint) for arm in groups]
        if None not in medians and all(arm.n for arm in groups):
            path: Path = ("comparisons", place)
            events = [_events(arm, comparison.endpoint) for arm in groups]
            yield from _p_against_medians(comparison, groups, medians, events, path)
            yield from _hr_against_medians(comparison, medians, events, path)


def _named(study: Study) -> dict[str, Arm | None]:
    """Return cohorts and subgroups by the names that comparisons call them; None: ambiguous."""
    named: dict[str, Arm | None] = {}
    for arm, _, cohort in arms(study):
        name = (arm.id if arm is cohort else arm.level).casefold()
        named[name] = None if name in named else arm
    return named


def _of_whole_curves(comparison: Comparison) -> bool:
    if comparison.adjusted or (comparison.text or "").startswith("at "):
        return False
    return comparison.test is None or bool(_RANK_TESTS.search(comparison.test))


def _median(arm: Arm, endpoint: str) -> _Range | None:
    spans = (months(own.median, own.unit) for own in arm.survival if own.endpoint == endpoint)
    span = next(spans, None)
    return None if span is None or span[0] <= 0.0 else _Range(*span)


def _log_ratio(medians: list[_Range]) -> _Range:
    """Return the range of the log of the first median over the second that rounding leaves."""
    (low, high), (other_low, other_high) = (map(math.log, median) for median in medians)
    return _Range(low - other_high, high - other_low)


def _size(value: _Range) -> _Range:
    """Return the range of the absolute value."""
    near, far = sorted(map(abs, value))
    return _Range(0.0 if value.low <= 0.0 <= value.high else near, far)


def _apart(one: _Range, other: _Range) -> float:
    """Return the distance between two ranges, nothing where they meet."""
    return max(one.low - other.high, other.low - one.high, 0.0)


def _events(arm: Arm, endpoint: str) -> tuple[float, float]:
    """Return the most and the fewest events that an arm may have."""
    for outcome in arm.survival:
        if outcome.endpoint == endpoint and outcome.events:
            return outcome.events, outcome.events
    return arm.n, max(arm.n * _FEWEST_EVENTS, 1.0)


def _p_against_medians(
    comparison: Comparison,
    groups: list[Arm],
    medians: list[_Range],
    events: list[tuple[float, float]],
    path: Path,
) -> Iterator[Finding]:
    z = _deviates(comparison)
    if z is None:
        return
    v_least, v_most = (sum(1.0 / count[i] for count in events) for i in (0, 1))
    size, spread = _size(_log_ratio(medians)), math.sqrt(1.0 / _RHO - 1.0)
    # Difference between medians and test in standard errors of the difference, at the shape and
    # the number of events that bring them closest.
    too_small = (z.low - SHAPES[1] * size.high / math.sqrt(v_least)) / spread
    too_large = (SHAPES[0] * size.low / math.sqrt(v_most) - z.high) / spread
    if max(too_small, too_large) <= _MOST_ERRORS:
        return
    which, manner = "a larger", "so close together"
    if too_large > too_small:
        which, manner = "a smaller", "so far apart"
    patients = " and ".join(str(arm.n) for arm in groups)
    expected = f"{which} one, since the medians of {patients} patients lie {manner}"
    action = "correct the p value, a median or a number"
    yield Finding((*path, "p"), f"p {comparison.p}", expected, action)


def _hr_against_medians(
    comparison: Comparison, medians: list[_Range], events: list[tuple[float, float]], path: Path
) -> Iterator[Finding]:
    """Yield a finding where a hazard ratio points the other way than the medians, or far beyond."""
    if comparison.hr is None:
        return
    spread = math.sqrt(sum(1.0 / count[1] for count in events) * (1.0 / _RHO - 1.0))
    log_hr = _log(comparison.hr)
    # -k times the log ratio of the medians, for every shape and rounding.
    ends = [-shape * end for shape in SHAPES for end in _log_ratio(medians)]
    implied = _Range(min(ends), max(ends))
    if _apart(implied, _Range(log_hr, log_hr)) <= _MOST_ERRORS * spread:
        return
    first, second = (f"{math.sqrt(m.low * m.high):.2g}" for m in medians)
    found = f"a hazard ratio of {comparison.hr} of {comparison.groups[0]}"
    expected = (
        f"one that agrees with medians of {first} against {second} months, between "
        f"{math.exp(implied.low):.2g} and {math.exp(implied.high):.2g}"
    )
    action = "correct it, or name the groups in the order in which the ratio is taken"
    yield Finding((*path, "hr"), found, expected, action)


def hazard_ratios(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether ratio, interval and p value agree: they are one result in three forms."""
    for place, comparison in enumerate(study.comparisons):
        limits = comparison.hr_ci
        if comparison.hr is None or limits is None or limits[1] == NOT_REACHED:
            continue
        if all(limit > half_step(limit) for limit in limits):  # rounded to nothing: no logarithm
            both, path = [_log_range(limit) for limit in limits], ("comparisons", place)
            yield from _off_centre(comparison, *both, path)
            yield from _p_against_interval(comparison, *both, path)


def _off_centre(comparison: Comparison, low: _Range, high: _Range, path: Path) -> Iterator[Finding]:
    if comparison.hr <= half_step(comparison.hr):
        return
    middle = _Range((low.low + high.low) / 2.0, (low.high + high.high) / 2.0)
    if _apart(middle, _log_range(comparison.hr)) > _OFF_CENTRE * (high.low - low.high) / 2.0:
        centre = math.exp(sum(middle) / 2.0)
        expected = f"limits around {comparison.hr} on the log scale, whose middle is {centre:.2g}"
        found = show(comparison.hr_ci)
        yield Finding((*path, "hr_ci"), found, expected, "correct the ratio or a limit")


def _p_against_interval(
    comparison: Comparison, low: _Range, high: _Range, path: Path
) -> Iterator[Finding]:
    test = _deviates(comparison)
    if test is None or high.low <= low.high:  # limits so coarse that their distance is unknown
        return
    size = _size(_log_range(comparison.hr))
    reach = 2.0 * z_of(level_of(comparison.level))
    wald = _Range(
        size.low * reach / (high.high - low.low), size.high * reach / (high.low - low.high)
    )
    most = _TEST_DIFFERENCE + _TEST_SHARE * max(wald.low, min(test.low, 6.0))
    if _apart(test, wald) <= most:
        return
    p = math.erfc(sum(wald) / 2.0 / math.sqrt(2.0))
    found = f"p {comparison.p}"
    expected = f"about {p:.1g}, since the hazard ratio is {comparison.hr} {show(comparison.hr_ci)}"
    yield Finding((*path, "p"), found, expected, "correct the p value, the ratio or a limit")


def _deviates(comparison: Comparison) -> _Range | None:
    """Return the absolute normal deviates that a printed p value may stand for."""
    written = P_VALUE.fullmatch(str(comparison.p).strip())
    if written is None:
        return None
    value, relation = Decimal(written[2]), written[1] or "="
    step = half_step(value)
    scale = 2.0 if comparison.sided == 1 else 1.0  # a one-sided p value counts one tail only
    low, high = float(max(value - step, Decimal(0))), float(min(value + step, Decimal(1)))
    if relation in ("<", "<=", "≤"):
        low = 0.0
    elif relation in (">", ">=", "≥"):
        high = 1.0
    if high <= 0.0:
        return None
    # Those below a bound have no greatest deviate.
    greatest = math.inf if low <= 0.0 else _z_of_p(min(low * scale, 1.0))
    return _Range(_z_of_p(min(high * scale, 1.0)), greatest)


def _log_range(value: Decimal) -> _Range:
    step = half_step(value)
    return _Range(_log(value - step), _log(value + step))


def _log(value: Decimal) -> float:
    """Log of a printed ratio; one that is rounded to nothing is taken as tiny."""
    return math.log(max(float(value), 1e-9))


def _z_of_p(p: float) -> float:
    """Return the absolute normal deviate of a two-sided p value, 0 < p <= 1."""
    return NORMAL.inv_cdf(1.0 - max(p, 1e-15) / 2.0)


# --- Laws of a median ----------------------------------------------------------------------------


def median_interval_ranks(n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the ranks of the limits of a median among ``n`` uncensored times."""
    reach = z_of(level) * math.sqrt(n) / 2.0
    middle = (n + 1.0) / 2.0
    return max(middle - reach, 1.0), min(middle + reach, n)


def log_ratio_quantile(n: float, lower: float, upper: float, probability: float) -> float:
    """Return a quantile of the log ratio of two exponential order statistics."""
    first = _exponential_step(n, 0.0, lower)
    step = _exponential_step(n, lower, upper)
    shape_first, shape_step = first[0] ** 2 / first[1], step[0] ** 2 / step[1]
    ratio = _f_quantile(2.0 * shape_step, 2.0 * shape_first, probability)
    return math.log1p(ratio * step[0] / first[0])


def _exponential_step(n: float, lower: float, upper: float) -> tuple[float, float]:
    """Mean and variance of the step between two order statistics of ``n`` unit exponentials."""
    high, low = n - lower + 1.0, n - upper + 1.0
    return _digamma(high) - _digamma(low), _trigamma(low) - _trigamma(high)


def _f_quantile(first: float, second: float, probability: float) -> float:
    """Quantile of the F distribution by Paulson's normal approximation to its cube root."""
    z = NORMAL.inv_cdf(probability)
    a, b = 2.0 / (9.0 * first), 2.0 / (9.0 * second)
    # ((1 - b) x - (1 - a)) / sqrt(b x^2 + a) = z, solved for the cube root x
    square, linear = (1.0 - b) ** 2 - z * z * b, (1.0 - a) * (1.0 - b)
    if square <= 0.0:
        return math.inf if z > 0.0 else 0.0
    root = math.sqrt(max(linear**2 - square * ((1.0 - a) ** 2 - z * z * a), 0.0))
    return max((linear + math.copysign(root, z)) / square, 0.0) ** 3


@lru_cache(maxsize=4096)
def _digamma(x: float) -> float:
    shift = 0.0
    while x < 6.0:
        shift -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    return shift + math.log(x) - 0.5 / x - r * (1 / 12 - r * (1 / 120 - r / 252))


@lru_cache(maxsize=4096)
def _trigamma(x: float) -> float:
    shift = 0.0
    while x < 6.0:
        shift += 1.0 / (x * x)
        x += 1.0
    r = 1.0 / (x * x)
    return shift + 1.0 / x + r / 2.0 + r / x * (1 / 6 - r * (1 / 30 - r / 42))
