r"""Whether medians, p value, hazard ratio and its interval of two groups agree.

Two printed views of one comparison are compared on the scale of the log hazard ratio. Their
difference has a known spread: with :math:`V = 1/d_1 + 1/d_2` for the events of the two groups, a
log-rank test estimates the log hazard ratio with variance :math:`V`, and two medians,
:math:`-k \log(m_1/m_2)`, with variance :math:`V/\rho`, :math:`\rho = (\log 2)^2`; the log-rank
estimate is the efficient one, so that their difference has variance :math:`V/\rho - V`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from studies.figures import half_step
from studies.plausibility.curves import SHAPES
from studies.plausibility.question import (
    Arm,
    Path,
    Surroundings,
    arms,
    level_of,
    months,
    z_of,
    z_of_p,
)
from studies.problems import Finding, show
from studies.schema import Comparison, Study

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
_P = re.compile(r"[pP]?\s*(<=|>=|[<>=≤≥~])?\s*(\d*\.?\d+(?:[eE]-?\d+)?)")
_RANK_TESTS = re.compile(r"log.?rank|kaplan|cox|mantel", re.IGNORECASE)


class _Range(NamedTuple):
    low: float
    high: float


def p_values(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether a p value or a hazard ratio can come from groups with the printed medians.

    Medians and p value inform a model together: a contradiction between them would be read as
    information.
    """
    named = _named(study)
    for place, comparison in enumerate(study.comparisons):
        path: Path = ("comparisons", place)
        groups = [named.get(name.casefold()) for name in comparison.groups]
        if len(groups) != 2 or None in groups or not _of_whole_curves(comparison):
            continue
        medians = [_median(arm, comparison.endpoint) for arm in groups]
        if None in medians or not all(arm.n for arm in groups):
            continue
        yield from _p_against_medians(comparison, groups, medians, path)
        yield from _hr_against_medians(comparison, groups, medians, path)


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
    for outcome in arm.survival:
        if outcome.endpoint == endpoint:
            span = months(outcome.median, outcome.unit)
            return None if span is None or span[0] <= 0.0 else _Range(*span)
    return None


def _log_ratio(medians: list[_Range]) -> _Range:
    """Return the range of the log of the first median over the second that rounding leaves."""
    one, other = medians
    return _Range(
        math.log(one.low) - math.log(other.high), math.log(one.high) - math.log(other.low)
    )


def _events(arm: Arm, endpoint: str) -> tuple[float, float]:
    """Return the most and the fewest events that an arm may have."""
    for outcome in arm.survival:
        if outcome.endpoint == endpoint and outcome.events:
            return outcome.events, outcome.events
    return arm.n, max(arm.n * _FEWEST_EVENTS, 1.0)


def _p_against_medians(
    comparison: Comparison, groups: list[Arm], medians: list[_Range], path: Path
) -> Iterator[Finding]:
    span = _p_range(comparison)
    if span is None:
        return
    events = [_events(arm, comparison.endpoint) for arm in groups]
    v_least, v_most = (sum(1.0 / count[i] for count in events) for i in (0, 1))
    ratio = _log_ratio(medians)
    sizes = sorted((abs(ratio.low), abs(ratio.high)))
    if ratio.low <= 0.0 <= ratio.high:
        sizes[0] = 0.0
    spread = math.sqrt(1.0 / _RHO - 1.0)
    z_low, z_high = z_of_p(span.high), _least_p(span)
    # Difference between medians and test in standard errors of the difference, at the shape and
    # the number of events that bring them closest.
    too_small = (z_low - SHAPES[1] * sizes[1] / math.sqrt(v_least)) / spread
    too_large = (SHAPES[0] * sizes[0] / math.sqrt(v_most) - z_high) / spread
    if max(too_small, too_large) <= _MOST_ERRORS:
        return
    manner = "so far apart" if too_large > too_small else "so close together"
    one, other = groups
    found = f"p {comparison.p}"
    expected = (
        f"{'a smaller' if too_large > too_small else 'a larger'} one, since the medians of "
        f"{one.n} and {other.n} patients lie {manner}"
    )
    yield Finding((*path, "p"), found, expected, "correct the p value, a median or a number")


def _hr_against_medians(
    comparison: Comparison, groups: list[Arm], medians: list[_Range], path: Path
) -> Iterator[Finding]:
    """Yield a finding where a hazard ratio points the other way than the medians, or far beyond."""
    if comparison.hr is None:
        return
    events = [_events(arm, comparison.endpoint) for arm in groups]
    spread = math.sqrt(sum(1.0 / count[1] for count in events) * (1.0 / _RHO - 1.0))
    log_hr, ratio = _log(comparison.hr), _log_ratio(medians)
    # -k times the log ratio of the medians, for every shape and rounding.
    implied = [-shape * end for shape in SHAPES for end in ratio]
    distance = max(min(implied) - log_hr, log_hr - max(implied), 0.0)
    if distance <= _MOST_ERRORS * spread:
        return
    first, second = (f"{math.sqrt(m.low * m.high):.2g}" for m in medians)
    found = f"a hazard ratio of {comparison.hr} of {comparison.groups[0]}"
    expected = (
        f"one that agrees with medians of {first} against {second} months, between "
        f"{math.exp(min(implied)):.2g} and {math.exp(max(implied)):.2g}"
    )
    action = "correct it, or name the groups in the order in which the ratio is taken"
    yield Finding((*path, "hr"), found, expected, action)


def hazard_ratios(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether hazard ratio, interval and p value of one comparison agree.

    The three are one result in three forms: where they differ, one is misprinted.
    """
    for place, comparison in enumerate(study.comparisons):
        path: Path = ("comparisons", place)
        interval = _log_interval(comparison)
        if comparison.hr is None or interval is None:
            continue
        low, high = interval
        yield from _off_centre(comparison, low, high, path)
        yield from _p_against_interval(comparison, low, high, path)


def _log_interval(comparison: Comparison) -> tuple[_Range, _Range] | None:
    if comparison.hr_ci is None or not isinstance(comparison.hr_ci[1], Decimal):
        return None
    limits = []
    for limit in comparison.hr_ci:
        step = half_step(limit)
        if limit <= step:  # rounded to nothing: no logarithm
            return None
        limits.append(_Range(_log(limit - step), _log(limit + step)))
    return limits[0], limits[1]


def _off_centre(comparison: Comparison, low: _Range, high: _Range, path: Path) -> Iterator[Finding]:
    step = half_step(comparison.hr)
    if comparison.hr <= step:
        return
    ratio = _Range(_log(comparison.hr - step), _log(comparison.hr + step))
    least, greatest = (low.low + high.low) / 2.0, (low.high + high.high) / 2.0
    distance = max(least - ratio.high, ratio.low - greatest, 0.0)
    if distance > _OFF_CENTRE * (high.low - low.high) / 2.0:
        centre = math.exp((least + greatest) / 2.0)
        expected = f"limits around {comparison.hr} on the log scale, whose middle is {centre:.2g}"
        found = show(comparison.hr_ci)
        yield Finding((*path, "hr_ci"), found, expected, "correct the ratio or a limit")


def _p_against_interval(
    comparison: Comparison, low: _Range, high: _Range, path: Path
) -> Iterator[Finding]:
    span = _p_range(comparison)
    if span is None or high.low <= low.high:  # limits so coarse that their distance is unknown
        return
    step = half_step(comparison.hr)
    log_hr = sorted(abs(_log(comparison.hr + sign * step)) for sign in (-1, 1))
    if comparison.hr - step < 1 < comparison.hr + step:
        log_hr[0] = 0.0
    reach = 2.0 * z_of(level_of(comparison.level))
    z_wald = _Range(
        log_hr[0] * reach / (high.high - low.low), log_hr[1] * reach / (high.low - low.high)
    )
    z_test = _Range(z_of_p(span.high), _least_p(span))
    distance = max(z_test.low - z_wald.high, z_wald.low - z_test.high, 0.0)
    if distance <= _TEST_DIFFERENCE + _TEST_SHARE * max(z_wald.low, min(z_test.low, 6.0)):
        return
    p = math.erfc((z_wald.low + z_wald.high) / 2.0 / math.sqrt(2.0))
    found = f"p {comparison.p}"
    expected = f"about {p:.1g}, since the hazard ratio is {comparison.hr} {show(comparison.hr_ci)}"
    yield Finding((*path, "p"), found, expected, "correct the p value, the ratio or a limit")


def _p_range(comparison: Comparison) -> _Range | None:
    """Return the two-sided p values that a printed one may stand for."""
    if comparison.p is None:
        return None
    written = _P.fullmatch(str(comparison.p).strip())
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
    high = min(high * scale, 1.0)
    return None if high <= 0.0 else _Range(min(low * scale, 1.0), high)


def _least_p(span: _Range) -> float:
    """Return the greatest deviate of a range of p values; those below a bound have none."""
    return math.inf if span.low <= 0.0 else z_of_p(span.low)


def _log(value: Decimal) -> float:
    """Log of a printed ratio; one that is rounded to nothing is taken as tiny."""
    return math.log(max(float(value), 1e-9))
