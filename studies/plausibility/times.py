"""Whether printed times are in the unit that is said, and in their natural order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations, product
from typing import get_args

from studies.figures import enrolment_years, in_months
from studies.plausibility.curves import FEWEST
from studies.plausibility.question import Arm, Around, Path, arms, months, timed, timed_in_months
from studies.problems import Finding, show
from studies.schema import NOT_REACHED, Landmark, Study, SurvivalOutcome, Unit

# A visit every week is the finest that survival is read at, and nobody is followed for 40 years.
_LANDMARK_TIMES = (0.2, 480.0)
# Less than two weeks of follow-up is no study.
_FOLLOW_UPS = (0.5, 480.0)
# Every event of the first endpoint is one of the second, or comes before it, so that its curve
# cannot run higher. A time to progression does not count deaths: above overall survival it says
# that most patients died before they progressed, which is possible but has to be looked at.
_NOT_LATER = (("pfs", "os"), ("ttf", "os"), ("ttp", "os"), ("pfs", "ttp"), ("os", "dss"))


def unit_slips(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether times are usual and possible: days entered as months outweigh a whole pool."""
    window = _window(study)
    for arm, path, cohort in arms(study):
        usual = around.usual_medians if around.of_main_disease(cohort) else {}
        for place, outcome in enumerate(arm.survival):
            unit, here = outcome.unit, (*path, "survival", place)
            if outcome.endpoint in usual:
                yield from _unusual_median(outcome, here, usual[outcome.endpoint])
            yield from _out_of(outcome.follow_up, unit, (*here, "follow_up"), _FOLLOW_UPS)
            for key in ("median", "follow_up", "ci", "iqr", "range"):
                time = getattr(outcome, key)
                latest = time[1] if isinstance(time, tuple) else time
                yield from _out_of(latest, unit, (*here, key), *window)
        for place, mark in enumerate(arm.landmarks):
            here = (*path, "landmarks", place, "time")
            yield from _out_of(mark.time, mark.unit, here, _LANDMARK_TIMES)
            yield from _out_of(mark.time, mark.unit, here, *window)


def _out_of(
    time: Decimal | str | None,
    unit: Unit | None,
    path: Path,
    limits: tuple[float, float],
    expected: str = "",
    action: str = "correct the figure or its unit",
) -> Iterator[Finding]:
    """Yield a finding where a printed time lies outside limits in months."""
    span = months(time, unit)
    if span is not None and (span[1] < limits[0] or span[0] > limits[1]):
        expected = expected or f"a time between {limits[0]:g} and {limits[1]:g} months"
        yield Finding(path, timed_in_months(time, unit), expected, action)


def _unusual_median(
    outcome: SurvivalOutcome, path: Path, usual: tuple[float, float]
) -> Iterator[Finding]:
    expected = f"a median of {outcome.endpoint} between {usual[0]:g} and {usual[1]:g} months"
    for found in _out_of(outcome.median, outcome.unit, (*path, "median"), usual, expected):
        better = _better_unit(outcome.median, usual)
        if better is None:
            yield found
            continue
        unit, as_months = better
        words = "would be usual" if unit == "months" else f"are {as_months:.1f} months"
        action = f"correct the unit ({timed(outcome.median, unit)} {words})"
        yield found._replace(action=action)


def _better_unit(median: Decimal, usual: tuple[float, float]) -> tuple[str, float] | None:
    """Return the unit in which a median is most usual, where there is one."""
    middle = math.sqrt(max(usual[0], 0.1) * usual[1])
    printed = ((unit, in_months(median, unit)) for unit in get_args(Unit))
    fitting = [each for each in printed if max(usual[0], 1e-9) <= each[1] <= usual[1]]
    return min(fitting, key=lambda choice: abs(math.log(choice[1] / middle)), default=None)


def _window(study: Study) -> tuple[tuple[float, float], str, str]:
    """Return the longest time between enrolment and report in months, what is told, what to do."""
    years, published = enrolment_years(study.enrolment), study.citation.year
    if years is None or published is None or published < years[0]:
        return (0.0, math.inf), "", ""
    longest = 12.0 * (published + 1 - years[0])
    expected = (
        f"no more than the {longest:.0f} months from enrolment in {years[0]} to the report of "
        f"{published}"
    )
    return (0.0, longest), expected, "correct the figure, its unit or the years"


def endpoint_order(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether endpoints end in their order: else two are exchanged, or in other units."""
    for arm, path, _ in arms(study):
        for first, second in _NOT_LATER:
            yield from _medians_in_order(arm, path, first, second)
            yield from _landmarks_in_order(arm, path, first, second)


def _medians_in_order(arm: Arm, path: Path, first: str, second: str) -> Iterator[Finding]:
    for (place, early), (other, late) in product(
        _of(arm.survival, first), _of(arm.survival, second)
    ):
        start, end = months(early.median, early.unit), months(late.median, late.unit)
        never = start is None and early.median == NOT_REACHED
        if end is not None and (never or (start is not None and start[0] > end[1])):
            yield Finding(
                (*path, "survival", place, "median"),
                f"{first} {timed(early.median, early.unit)}",
                f"no more than the {second} of {timed(late.median, late.unit)} ({{other}})",
                "correct one of the two, or its unit",
                (*path, "survival", other),
            )


def _landmarks_in_order(arm: Arm, path: Path, first: str, second: str) -> Iterator[Finding]:
    later = {in_months(own.time, own.unit): (n, own) for n, own in _of(arm.landmarks, second)}
    for place, mark in _of(arm.landmarks, first):
        number, other = later.get(in_months(mark.time, mark.unit), (0, None))
        # Half a point of each is rounding.
        if other is not None and float(mark.survival) > float(other.survival) + 0.011:
            yield Finding(
                (*path, "landmarks", place, "survival"),
                f"{first} {mark.survival} at {timed(mark.time, mark.unit)}",
                f"no more than the {second} of {other.survival} at that time ({{other}})",
                "correct one of the two",
                (*path, "landmarks", number),
            )


def _of(figures: tuple, endpoint: str) -> list[tuple[int, SurvivalOutcome | Landmark]]:
    return [(n, figure) for n, figure in enumerate(figures) if figure.endpoint == endpoint]


def repeated_figures(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether an interval or a result was copied: it is wrong in one of the two places."""
    for arm, path, cohort in arms(study):
        printed = [(p, outcome) for p, outcome in enumerate(arm.survival) if outcome.ci is not None]
        for (before, other), (place, outcome) in combinations(printed, 2):
            same = (other.ci, other.unit) == (outcome.ci, outcome.unit)
            if same and other.median != outcome.median:
                found = f"{show(outcome.ci)} around {outcome.endpoint} {outcome.median}"
                expected = f"another interval than that around {other.endpoint} {other.median}"
                here, there = ((*path, "survival", number, "ci") for number in (place, before))
                fix = "correct one of the two"
                yield Finding(here, found, f"{expected} ({{other}})", fix, there)
        for place, outcome in printed if arm is not cohort else ():
            here = (*path, "survival", place, "ci")
            yield from _whole_repeated(arm, outcome, here, cohort, path[:2])


def _whole_repeated(
    group: Arm, outcome: SurvivalOutcome, path: Path, cohort: Arm, whole_path: Path
) -> Iterator[Finding]:
    """Yield a finding where a part of a cohort has the very result of the whole.

    In a handful of patients the two are the same by chance.
    """
    if group.n is None or cohort.n is None or not FEWEST <= group.n < cohort.n:
        return
    for place, whole in enumerate(cohort.survival):
        same = (whole.endpoint, whole.median, whole.ci, whole.unit)
        if same == (outcome.endpoint, outcome.median, outcome.ci, outcome.unit):
            yield Finding(
                path,
                f"{outcome.endpoint} {outcome.median} {show(outcome.ci)} for {group.n} patients",
                f"another result than that of all {cohort.n} patients ({{other}})",
                "correct one of the two",
                (*whole_path, "survival", place, "ci"),
            )
