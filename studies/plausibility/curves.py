"""Whether the printed points of a survival curve make one that so many patients can have."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from studies.figures import counts_that_fit, half_step, in_months
from studies.plausibility.laws import (
    binomial_at_most,
    log_log_interval,
    wald_interval,
    wilson_interval,
)
from studies.plausibility.question import Arm, Path, Surroundings, arms, level_of, months, timed
from studies.problems import Finding, show
from studies.schema import Characteristic, Landmark, Study

# Weibull shapes of a whole curve. Steeper than 4 is a cohort whose patients nearly all die within
# one season; flatter than 0.35 before the median, a cohort half of which dies at once.
_STEEPEST, _FLATTEST = 4.0, 0.35
_LONGEST = 1e6  # times further apart are a slip of another kind, and overflow
_RARE = 0.001
# Of the intervals in use for a survival probability, none is narrower than three quarters of the
# narrowest one of a binomial count without censoring. Where three of four patients left
# observation early, none is wider than 1.25 times the widest of the quarter that is left.
_NARROWEST, _WIDEST, _LEFT = 0.75, 1.25, 0.25
_FEWEST = 8
# Patients whose event ties with the time of a landmark are at risk but no survivors.
_TIED = 0.05
_MISREAD = 0.02  # of a survival that was read off a curve
_ALIVE = re.compile(r"alive (?:at|after|beyond|for more than) (\d+) (day|week|month|year)s?")


@dataclass(frozen=True)
class _Point:
    """A printed point of a curve: its time and survival, each with its rounding."""

    earliest: float
    latest: float
    survival: float
    blur: float
    words: str
    path: Path


# --- landmark-median -----------------------------------------------------------------------------


def curve_shapes(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the curve through median and landmarks falls at a rate that curves have.

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
    """Return the labels that tell several curves of one endpoint apart."""
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


# --- landmark-interval ---------------------------------------------------------------------------


def landmark_intervals(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the interval of a survival probability has a width that its patients allow."""
    for arm, path, _ in arms(study):
        if arm.n is None or arm.n < _FEWEST:
            continue
        for place, mark in enumerate(arm.landmarks):
            if mark.ci is not None and 0 < mark.survival < 1:
                yield from _landmark_width(mark, arm.n, (*path, "landmarks", place, "ci"))


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


# --- landmark-count ------------------------------------------------------------------------------


def landmark_counts(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether a counted number of survivors agrees with the survival printed for that time.

    More survivors than the curve has are impossible. Fewer are what censoring leaves, except where
    every printed survival of the arm is a whole number of its patients: then nobody was censored.
    Patients at risk are survivors who are still followed, and so no more than the curve has.
    """
    for arm, path, _ in arms(study):
        yield from _at_risk(arm, path)
        for printed in arm.characteristics:
            alive = _ALIVE.fullmatch(printed.name)
            if alive is None or printed.statistic != "count" or printed.group is not None:
                continue
            of, time = printed.of or arm.n, in_months(Decimal(alive[1]), f"{alive[2]}s")
            for place, mark in enumerate(arm.landmarks):
                same = abs(in_months(mark.time, mark.unit) - time) < 0.1
                if same and of and mark.endpoint == "os":
                    here = (*path, "landmarks", place, "survival")
                    yield from _count_against(printed, mark, of, here, _uncensored(arm))


def _at_risk(arm: Arm, path: Path) -> Iterator[Finding]:
    """Yield the numbers at risk that are more than the survival printed for their time leaves.

    Whoever has the event at that very time is at risk still: times in whole months tie several.
    """
    for place, mark in enumerate(arm.landmarks):
        if not arm.n or mark.at_risk is None:
            continue
        rounding = float(half_step(mark.survival)) + _misread(mark)
        most = arm.n * (float(mark.survival) + rounding + _TIED)
        if mark.at_risk > most + 1.0:
            found = f"{mark.at_risk} at risk of {arm.n} patients"
            moment = timed(mark.time, mark.unit)
            expected = (
                f"no more than about {arm.n * float(mark.survival):.0f}, since the survival at "
                f"{moment} is {mark.survival}"
            )
            here = (*path, "landmarks", place, "at_risk")
            yield Finding(here, found, expected, "correct one of the two, or the time")


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
