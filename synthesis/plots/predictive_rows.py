"""The layout of the picture of predictive checks: its columns measured, its rows in lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from synthesis.plots.cells import as_flag, as_number, as_text, dashes
from synthesis.plots.forest_rows import ValueColumn, fit_values
from synthesis.plots.page import MARGIN, widest, wrap
from synthesis.plots.style import Sheet

#: Distance in points of the strips of the limits from that of the median, above and below.
STRIP = 3.9

# White space in points above a heading and below its last row, and below each row.
_ABOVE_HEADING, _BETWEEN = 1.8, 0.9

_INDENT = 5.0
_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.42, "two-column": 0.29, "slide": 0.27}
_POSITION_WIDTH: Mapping[str, float] = {"one-column": 40.0, "two-column": 66.0, "slide": 90.0}

_SHORT_UNITS: Mapping[str, str] = {"day": "d", "week": "wk", "month": "mo", "year": "y"}

_TIMES: Mapping[str, float] = {"lower limit": -STRIP, "median": 0.0, "upper limit": STRIP}


@dataclass(frozen=True)
class Mark:
    """A printed figure on its prediction; NaN for what is not there, infinite for not reached.

    `offset` is the distance of its strip from the middle of its row in points.
    """

    figure: str
    printed: float
    predicted: float
    lower: float
    upper: float
    lower_50: float
    upper_50: float
    pit: float
    within: bool
    offset: float = 0.0


@dataclass(frozen=True)
class Line:
    """One row set in lines; `top` and `height` in points below the first row of its axes.

    A heading, of a treatment, has a label only.
    """

    label: tuple[str, ...]
    printed: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    treatment_class: str = ""
    is_heading: bool = False
    index: int = 0
    top: float = 0.0
    height: float = 0.0

    @property
    def middle(self) -> float:
        """Height of the centre of the row."""
        return self.top + self.height / 2


@dataclass(frozen=True)
class Columns:
    """Horizontal layout in points; without a column of printed values its width is zero."""

    label_left: float
    label_width: float
    plot_left: float
    plot_right: float
    printed: ValueColumn
    position_left: float
    position_right: float

    @property
    def shows_printed(self) -> bool:
        """Whether the printed values stand in a column of their own."""
        return self.printed.width > 0.0


def is_time(figure: str) -> bool:
    """Whether a figure is a time rather than a share of the patients."""
    return figure in _TIMES


def fit_columns(rows: Sequence[Mapping[str, object]], sheet: Sheet) -> Columns:
    """Measure the text and divide the width."""
    labels = [_label(row, sheet) for row in rows]
    share = _LABEL_SHARES[sheet.name] * sheet.width
    label_width = min(widest(labels, sheet.body) + _INDENT, share)
    position_left = sheet.width - MARGIN - _POSITION_WIDTH[sheet.name] - 4
    right = position_left - max(sheet.gap + 4, 12)
    printed = ValueColumn(right, 0.0, 0.0)
    if sheet.name != "one-column":
        texts = [_printed(row) for row in rows]
        fitted = fit_values(texts, ("As printed",), sheet.body)
        printed = replace(fitted, left=right - fitted.width)
        right = printed.left - sheet.gap - 3
    return Columns(
        label_left=MARGIN,
        label_width=label_width,
        plot_left=MARGIN + label_width + sheet.gap,
        plot_right=right,
        printed=printed,
        position_left=position_left,
        position_right=sheet.width - MARGIN - 4,
    )


def make_lines(
    rows: Sequence[Mapping[str, object]], columns: Columns, sheet: Sheet
) -> tuple[Line, ...]:
    """Set arms in lines under a heading for each treatment.

    The median and the limits of an arm stand in one line; each share has its own.
    """
    lines: list[Line] = []
    last = None
    for arm in _arms(rows):
        first = arm[0]
        treatment = as_text(first["treatment"])
        if treatment != last:
            lines.append(_heading(treatment, as_text(first["treatment_class"]), columns, sheet))
        last = treatment
        lines.append(_line(arm, columns, sheet))
    return _stack(lines)


def _arms(rows: Sequence[Mapping[str, object]]) -> Iterator[list[Mapping[str, object]]]:
    """Figures that share a line."""
    arm: list[Mapping[str, object]] = []
    for row in rows:
        if arm and not (is_time(as_text(row["figure"])) and _whose(row) == _whose(arm[0])):
            yield arm
            arm = []
        arm.append(row)
    if arm:
        yield arm


def _whose(row: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(as_text(row[name]) for name in ("study", "cohort", "histology"))


def _line(arm: Sequence[Mapping[str, object]], columns: Columns, sheet: Sheet) -> Line:
    main = next((row for row in arm if as_text(row["figure"]) == "median"), arm[0])
    marks = tuple(_mark(row) for row in arm)
    label = wrap(_label(main, sheet), sheet.body, columns.label_width - _INDENT)
    strips = max(abs(mark.offset) for mark in marks)
    height = max(len(label) * sheet.pitch, 2.0 * strips + 4.6) + _BETWEEN
    printed = (_printed(main),) if columns.shows_printed else ()
    own = as_text(main["treatment_class"])
    return Line(label, printed, marks, own, height=height)


def _heading(words: str, treatment_class: str, columns: Columns, sheet: Sheet) -> Line:
    label = wrap(words, sheet.body, sheet.width - 2 * MARGIN - _INDENT, "bold")
    height = len(label) * sheet.pitch + 0.8
    return Line(label, treatment_class=treatment_class, is_heading=True, height=height)


def _stack(lines: Sequence[Line]) -> tuple[Line, ...]:
    stacked: list[Line] = []
    top = 0.0
    for index, line in enumerate(lines):
        if line.is_heading and stacked:
            top += _ABOVE_HEADING
        stacked.append(replace(line, index=index, top=top))
        top += line.height
    return tuple(stacked)


def _mark(row: Mapping[str, object]) -> Mark:
    figure = as_text(row["figure"])
    factor = 1.0 if is_time(figure) else 100.0
    ends = ("value", "predicted", "lower", "upper", "lower_50", "upper_50")
    values = [factor * as_number(row[name]) for name in ends]
    pit, within = as_number(row["pit"]), as_flag(row["within"])
    return Mark(figure, *values, pit, within, _TIMES.get(figure, 0.0))


def _label(row: Mapping[str, object], sheet: Sheet) -> str:
    """Cohort, its histology where it has one of its own, its patients, and when a share was read.

    The time is left out where the printed value beside it says so.
    """
    histology = as_text(row["histology"])
    own = f", {histology}" if histology in ("pure", "mixed") else ""
    figure = as_text(row["figure"])
    time = ""
    if figure.startswith("survival at ") and sheet.name == "one-column":
        number, unit = figure.removeprefix("survival at ").split(maxsplit=1)
        time = f", {number} {_SHORT_UNITS.get(unit.removesuffix('s'), unit)}"
    return f"{as_text(row['label'])}{own}{time} ({as_text(row['n'])})"


def _printed(row: Mapping[str, object]) -> str:
    # of a median not reached the words about follow-up stay in the table
    return dashes(as_text(row["printed"]).partition(", followed")[0].partition(" from ")[0])


def split_rows(
    table: pd.DataFrame,
) -> tuple[list[Mapping[str, object]], list[Mapping[str, object]]]:
    """Times, and shares of the patients."""
    rows = table.to_dict("records")
    times = [row for row in rows if is_time(as_text(row["figure"]))]
    return times, [row for row in rows if not is_time(as_text(row["figure"]))]


def finite(values: Sequence[float]) -> list[float]:
    """Values that can stand on an axis."""
    return [value for value in values if math.isfinite(value)]
