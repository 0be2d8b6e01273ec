"""Points that were read off the picture of a Kaplan-Meier curve, as landmarks of a study file.

Programs that read plots write a time and a survival in each row, and differ in all else: header or
none, comma or semicolon, per cent or fractions, points that rise by the width of a line. `clean`
makes one falling curve of them (isotonic regression; Barlow et al. 1972), `landmarks` takes it at
times of an even grid: between two of them a patient or more had the event.
"""

from __future__ import annotations

import csv
import io
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from studies.checks import study_findings
from studies.documents import toml_of
from studies.figures import in_months, landmarks_of, outcome_of
from studies.files import lines_of_text, placed, validate
from studies.problems import Problem, RegistryError, show
from studies.schema import Cohort, Landmark, Study, Subgroup, Unit
from synthesis.model.printed import ContradictionError
from synthesis.model.records import read_arm

#: A point may lie beside the falling curve by so much survival, and a row go back by such a part of
#: the axis of time: more is no slip of the hand.
MOST_ASIDE = 0.05
# Patients of a cohort that does not tell its number.
_PRESUMED = 100
# The grid of times has steps of 1, 2 or 5 times a power of ten: the largest of which at least so
# many fit.
_STEPS, _FEWEST = (1, 2, 5), 42

_CALIBRATE = "calibrate the axes of the picture again"


class Point(NamedTuple):
    """One row: time, survival and patients at risk as written; None where a cell is empty."""

    line: int
    time: float
    survival: float | None
    at_risk: int | None


@dataclass(frozen=True)
class Curve:
    """A falling curve: `survival[i]`, a fraction, from `time[i]` to the next time."""

    time: np.ndarray
    survival: np.ndarray
    at_risk: Mapping[Decimal, int] = field(default_factory=dict)
    """Patients at risk by printed time."""

    def at(self, times: Any) -> np.ndarray:
        """Return survival at some times."""
        return self.survival[np.searchsorted(self.time, times, side="right") - 1]

    @property
    def median(self) -> float | None:
        """First time at which survival is one half or less; None where that is not reached."""
        below = np.flatnonzero(self.survival <= 0.5)
        return float(self.time[below[0]]) if below.size else None


# --- Reading -------------------------------------------------------------------------------------


def read_points(text: str, name: str) -> list[Point]:
    """Read a time, a survival and, where there are, patients at risk from each row.

    Rows before the first number are a header. `RegistryError` with every row that is none.
    """
    text = text.removeprefix("\ufeff")
    head = text.partition("\n")[0]
    mark = next((mark for mark in ";\t," if mark in head), ",")
    points, problems = [], []
    for line, record in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=mark), 1):
        cells = [cell.strip() for cell in record]
        if mark != ",":  # there a comma is that of decimals
            cells = [cell.replace(",", ".") for cell in cells]
        numbers = [_number(cell) for cell in cells]
        told = any(n is not None and math.isfinite(n) for n in numbers)
        if not any(cells) or not (told or points):
            continue
        time, survival, at_risk = [*numbers, None, None][:3]
        wrong = [cell for cell, n in zip(cells, numbers, strict=True) if n is math.nan]
        whole = at_risk is None or (at_risk >= 0 and at_risk % 1 == 0)
        if wrong or len(cells) > 3 or time is None or survival is at_risk is None or not whole:
            found = show(wrong[0]) if wrong else show(mark.join(record))
            expected = "a time, a survival and, where printed, a number at risk"
            action = "correct the row, or remove it"
            problems.append(Problem(name, f"row {line}", found, expected, action, line))
        else:
            points.append(Point(line, time, survival, None if at_risk is None else round(at_risk)))
    if problems:
        raise RegistryError(problems)
    return points


def _number(cell: str) -> float | None:
    """Return the number of a cell; None where it is empty, NaN where it is no finite number."""
    if not cell:
        return None
    try:
        number = float(cell)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


# --- Cleaning ------------------------------------------------------------------------------------


def clean(points: Sequence[Point], name: str, n: int | None = None) -> Curve:
    """Make one falling curve of the points of `n` patients, which begins with 1 at time 0.

    `RegistryError` says which row cannot belong to such a curve, and what to do.
    """
    read = [point for point in points if point.survival is not None]
    if len(read) < 2 or max(point.time for point in read) <= 0.0:
        found, action = f"{len(read)} with a survival", "read more points off the curve"
        raise _refused(name, found, "two points or more, up to a time above 0", action)
    scale = _scale(read, name)
    time = np.array([point.time for point in read])
    survival = np.array([point.survival for point in read]) / scale
    outside = (survival < -MOST_ASIDE) | (time < -MOST_ASIDE * time.max())
    if outside.any():
        point = read[int(np.argmax(outside))]
        found = f"{point.time:g}, {point.survival:g}"
        raise _refused(name, found, "0 or more", _CALIBRATE, point)
    back = np.maximum.accumulate(time) - time
    if back.max() > MOST_ASIDE * time.max():  # the rows do not follow the curve
        order = np.lexsort((-survival, time))
        time, survival, read = time[order], survival[order], [read[i] for i in order]
    time = np.maximum.accumulate(np.maximum(time, 0.0))
    fitted = isotonic_regression(np.clip(survival, 0.0, 1.0), increasing=False).x
    aside = np.abs(survival - fitted)
    if aside.max() > MOST_ASIDE:
        point = read[int(np.argmax(aside))]
        action = "remove the points of another curve, or read it again"
        expected = f"a survival within {MOST_ASIDE:g} of a falling curve"
        raise _refused(name, f"survival {point.survival:g}", expected, action, point)
    last = np.append(time[1:] > time[:-1], True)  # of one time the lowest
    time, fitted = time[last], fitted[last]
    if time[0] > 0.0:
        time, fitted = np.insert(time, 0, 0.0), np.insert(fitted, 0, 1.0)
    fitted[0] = 1.0 if fitted[0] >= 1.0 - MOST_ASIDE else fitted[0]  # a slip at the corner
    return Curve(time, fitted, _at_risk(points, name, n, float(time[-1])))


def _scale(points: Sequence[Point], name: str) -> float:
    """Return 1 where survival is a fraction, 100 where it is a percentage."""
    largest = max(points, key=lambda point: point.survival)
    for scale, least in ((1.0, 0.0), (100.0, 2.0)):
        if least <= largest.survival <= scale * (1.0 + MOST_ASIDE):
            return scale
    expected = "fractions up to 1, or percentages up to 100"
    raise _refused(name, f"survival {largest.survival:g}", expected, _CALIBRATE, largest)


def _at_risk(points: Iterable[Point], name: str, n: int | None, last: float) -> dict[Decimal, int]:
    """Return the patients at risk by time; they must not rise, nor be more than `n`."""
    found: dict[Decimal, int] = {}
    before, expected = n, f"no more than the {n} patients of the cohort"
    for point in sorted(points, key=lambda point: point.time):
        if point.at_risk is None:
            continue
        if before is not None and point.at_risk > before:
            action = "look at the numbers below the curve again"
            raise _refused(name, f"{point.at_risk} at risk", expected, action, point)
        before, expected = point.at_risk, f"no more than the {point.at_risk} at risk before"
        if 0.0 < point.time <= last:
            found[Decimal(f"{point.time:g}")] = point.at_risk
    return found


def _refused(
    name: str, found: str, expected: str, action: str, point: Point | None = None
) -> RegistryError:
    place, line = ("", None) if point is None else (f"row {point.line}", point.line)
    return RegistryError([Problem(name, place, found, expected, action, line)])


# --- Landmarks -----------------------------------------------------------------------------------


def landmarks(
    curve: Curve, arm: Cohort | Subgroup, endpoint: str, unit: Unit
) -> list[dict[str, Any]]:
    """Return the curve of an arm as digitised landmarks of its study file, times in `unit`.

    A time of the grid stays where survival fell before or after it by a quarter of a patient, and
    every time with a printed number at risk; none at which the report prints survival itself.
    """
    last = float(curve.time[-1])
    power = math.floor(math.log10(last / _FEWEST))
    steps = [Decimal(step).scaleb(power) for step in _STEPS]
    step = max(step for step in steps if float(step) <= last / _FEWEST)
    grid = [step * k for k in range(1, int(last / float(step)) + 1)]
    times = sorted({*grid, *curve.at_risk})
    values = curve.at([float(time) for time in times])
    fell = -np.diff(np.concatenate(([1.0], values, values[-1:]))) >= 0.25 / (arm.n or _PRESUMED)
    kept = fell[:-1] | fell[1:]
    kept[-1] |= not kept.any()  # that all are alive at the end tells, too
    printed = {in_months(m.time, m.unit) for m in _printed(arm, endpoint)}
    marks = []
    for time, survival, keep in zip(times, values, kept, strict=True):
        if (keep or time in curve.at_risk) and in_months(time, unit) not in printed:
            mark = {"endpoint": endpoint, "time": time, "unit": unit}
            mark["survival"] = Decimal(f"{survival:.3f}")
            if time in curve.at_risk:
                mark["at_risk"] = curve.at_risk[time]
            marks.append(mark | {"digitised": True})
    return marks


def _printed(arm: Cohort | Subgroup, endpoint: str) -> list[Landmark]:
    """Return survival that the report prints in words or in a table."""
    return [mark for mark in landmarks_of(arm, endpoint) if not mark.digitised]


# --- The study file ------------------------------------------------------------------------------


def with_landmarks(
    text: str, name: str, place: tuple[int, int | None], marks: Sequence[Mapping[str, Any]]
) -> str:
    """Return the text of a study file with these digitised landmarks in place of earlier ones.

    All else stays as it is, comments too. `place` is the cohort and, where the curve is of one,
    the subgroup. `RegistryError` where the tables stand on one line, or the file would not be
    sound.
    """
    if not marks:
        found, expected = "a curve that adds nothing to what is printed", "points between"
        raise _refused(name, found, expected, "read more of them off the curve")
    cohort, group = place
    holder = f"cohorts[{cohort}]" + ("" if group is None else f".subgroups[{group}]")
    header = "cohorts.landmarks" if group is None else "cohorts.subgroups.landmarks"
    lines, starts = re.split(r"(?<=\n)", text), lines_of_text(text)
    tables = tomllib.loads(text, parse_float=Decimal)["cohorts"][cohort]
    known = (tables if group is None else tables["subgroups"][group]).get("landmarks", [])
    for key in (holder, *(f"{holder}.landmarks[{i}]" for i in range(len(known)))):
        if not lines[starts[key] - 1].lstrip().startswith("[["):
            expected, action = "a table below a header", "give it a header, [[cohorts...]]"
            found = "a table behind a key"
            raise RegistryError([Problem(name, key, found, expected, action, starts[key])])
    gone = {
        line
        for i, mark in enumerate(known)
        if mark.get("digitised") and mark["endpoint"] == marks[0]["endpoint"]
        for line in _block(lines, starts[f"{holder}.landmarks[{i}]"] - 1)
    }
    inside = (f"{holder}.", f"{holder}[")
    others = (line for key, line in starts.items() if not f"{key}.".startswith(inside))
    end = min((line for line in others if line > starts[holder]), default=len(lines) + 1) - 1
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    head = "".join(line for number, line in enumerate(lines[:end]) if number not in gone)
    new = (f"\n[[{header}]]\n{toml_of(mark, Landmark)}" for mark in marks)
    made = "".join([head, *([] if head.endswith("\n") else ["\n"]), *new, *lines[end:]])
    made = made.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in text else made
    _require_sound(made, name, place, marks[0]["endpoint"])
    return made


def _block(lines: Sequence[str], start: int) -> range:
    """Return the numbers of the lines of a table, with the empty one before it."""
    end = start + 1
    while end < len(lines) and lines[end].strip() and lines[end].lstrip()[0] not in "[#":
        end += 1
    return range(start - 1 if start and not lines[start - 1].strip() else start, end)


def _require_sound(text: str, name: str, place: tuple[int, int | None], endpoint: str) -> None:
    """Refuse a study file with a problem, or with figures of which no curve can be."""
    validated = validate(tomllib.loads(text, parse_float=Decimal), Study, name)
    problems = [*validated.problems]
    if validated.record is not None:
        problems += placed(study_findings(validated.record), validated, name)
    if problems:
        raise RegistryError(problems)
    cohort, group = place
    arm: Cohort | Subgroup = validated.record.cohorts[cohort]
    arm = arm if group is None else arm.subgroups[group]
    try:
        read_arm(outcome_of(arm, endpoint), landmarks_of(arm, endpoint), arm.n or _PRESUMED)
    except ContradictionError as error:
        action = "look at the points, their unit and the printed figures again"
        expected = "a curve that goes through the printed figures"
        raise _refused(name, str(error), expected, action) from None


# --- Beside what is printed ----------------------------------------------------------------------


def against_printed(
    curve: Curve, arm: Cohort | Subgroup, endpoint: str, unit: Unit, name: str
) -> list[str]:
    """Say what the curve and the report give for the median and for survival at a time.

    `RegistryError` where the median of the curve is twice the printed one or half of it: the unit,
    the axes or the curve is another.
    """
    words = []
    outcome, median = outcome_of(arm, endpoint), curve.median
    if outcome is not None and isinstance(outcome.median, Decimal) and median is not None:
        ratio = in_months(Decimal(median), unit) / in_months(outcome.median, outcome.unit)
        if not 0.5 < ratio < 2.0:
            found = f"a median of {median:.3g} {unit} on the curve"
            expected = f"about {outcome.median} {outcome.unit}, as printed"
            action = "look at --unit, at the axes, and at which curve was read"
            raise _refused(name, found, expected, action)
        words.append(f"median {median:.3g} {unit}, printed {outcome.median} {outcome.unit}")
    for mark in _printed(arm, endpoint):
        at = _time_in(mark.time, mark.unit, unit)
        if at <= curve.time[-1]:
            own = float(curve.at(at))
            words.append(f"{mark.time} {mark.unit}: {own:.3f}, printed {mark.survival}")
    return words


def _time_in(time: Decimal | str, given: Unit, unit: Unit) -> float:
    """Return a printed time in another unit; infinity where it was not reached."""
    if not isinstance(time, Decimal):
        return math.inf
    return in_months(time, given) / in_months(Decimal(1), unit)


def tables_of(
    points: Iterable[Point], curve: Curve, arm: Cohort | Subgroup, endpoint: str, unit: Unit
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return what `synthesis.plots.plot_digitised` draws: curve, points, patients at risk."""
    read = [point for point in points if point.survival is not None]
    scale = _scale(read, "")
    rows = [("read", point.time, np.nan, np.nan, point.survival / scale) for point in read]
    outcome = outcome_of(arm, endpoint)
    if outcome is not None:
        limits = (_time_in(limit, outcome.unit, unit) for limit in outcome.ci or ())
        low, high = [*limits] or (np.nan, np.nan)
        rows.append(("median", _time_in(outcome.median, outcome.unit, unit), low, high, 0.5))
    for mark in _printed(arm, endpoint):
        at = _time_in(mark.time, mark.unit, unit)
        rows.append(("landmark", at, np.nan, np.nan, float(mark.survival)))
    names = ["kind", "time", "time_lower", "time_upper", "survival"]
    drawn = pd.DataFrame({"time": curve.time, "survival": curve.survival})
    times = [float(time) for time in curve.at_risk]
    at_risk = pd.DataFrame({"time": times, "n": [*curve.at_risk.values()]})
    return drawn, pd.DataFrame(rows, columns=names), at_risk
