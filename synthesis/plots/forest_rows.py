"""The layout of a forest plot: columns measured and divided over the width, rows in lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from synthesis.plots.cells import split_at_point
from synthesis.plots.forest_entries import (
    Entry,
    PlaceStyle,
    label_text,
    place_text,
    shorten_design,
)
from synthesis.plots.page import MARGIN, point_offset, text_width, widest, wrap
from synthesis.plots.scales import Scale
from synthesis.plots.style import Sheet

INDENT = 5.0

# White space in points between the first and last row and the lines of the axis.
CLEAR = 2.0

# Number of rows of a long figure.
LONG = 45

# From roomy to narrow: the first that leaves the plot its share of the width is taken.
_PLACE_STYLES: tuple[PlaceStyle, ...] = ("full", "short design", "short", "none")
_PLOT_SHARES: Mapping[str, float] = {"two-column": 0.21, "slide": 0.3}

# Text columns never take more than these shares of the width; longer text goes to a second line.
_LABEL_SHARE, _STACKED_LABEL_SHARE = 0.22, 0.34
_VALUE_SHARE, _STACKED_VALUE_SHARE = 0.165, 0.29


@dataclass(frozen=True)
class ValueColumn:
    """A column of figures aligned at the decimal point; positions in points."""

    left: float
    width: float
    point: float

    def start(self, text: str, size: float, weight: str = "normal") -> float:
        """Where a text begins so that its decimal point falls on the common one."""
        if split_at_point(text) is None:
            return self.left
        return self.left + self.point - point_offset(text, size, weight)


@dataclass(frozen=True)
class Columns:
    """Horizontal layout of a forest plot in points.

    `stacked` (one column): the printed value stands above the model's in one text column, the
    number of patients follows the label, and design and country are left out.
    """

    stacked: bool
    label_left: float
    label_width: float
    place_style: PlaceStyle
    place_left: float
    n_left: float
    n_right: float
    plot_left: float
    plot_right: float
    printed: ValueColumn
    estimate: ValueColumn

    @property
    def span(self) -> float:
        """Width for labels that may run over the columns left of the plot."""
        return self.plot_left - 6 - self.label_left - INDENT


@dataclass(frozen=True)
class Row:
    """One row set in lines; `top` and `height` in points below the first row."""

    entry: Entry
    top: float
    height: float
    label: tuple[str, ...]
    place: str
    printed: tuple[str, ...]
    estimate: tuple[str, ...]

    @property
    def middle(self) -> float:
        """Height of the centre of the row."""
        return self.top + self.height / 2


def list_abbreviations(entries: Sequence[Entry], columns: Columns) -> list[str]:
    """Explain what was shortened in the figure, in reading order, each once."""
    found: dict[str, None] = {"CrI, credible interval": None}
    if columns.place_style not in ("full", "none"):
        for entry in entries:
            short = shorten_design(entry.design)
            if short != entry.design:
                found[f"{short}, {entry.design.lower()}"] = None
    if columns.place_style == "short" and any(
        re.search(r"[,;]", entry.country) for entry in entries
    ):
        found["+n, and n further countries"] = None
    if any("NR" in entry.printed or entry.values.not_reached for entry in entries):
        found["NR, not reached"] = None
    return list(found)


@dataclass(frozen=True)
class Plan:
    """Everything decided before the first artist is made; `words` stand at the foot."""

    endpoint: str
    title: str | None
    level: float
    sheet: Sheet
    columns: Columns
    rows: tuple[Row, ...]
    scale: Scale
    hues: Mapping[str, str]
    words: tuple[str, ...]

    @property
    def percent(self) -> bool:
        """Whether the axis is in percent rather than months."""
        return self.endpoint == "response"

    @property
    def long(self) -> bool:
        """Whether the axis is repeated at the top: the bottom one is out of sight."""
        return len(self.rows) >= LONG


def header_lines(
    stacked: bool, place: bool, percent: bool, level: float
) -> dict[str, tuple[str, ...]]:
    """Headings of the text columns, by column."""
    interval = f"({100 * level:g}% CrI)"
    if stacked:
        above = "Responders" if percent else "As printed"
        return {"label": ("Study (n)",), "estimate": (above, f"Model {interval}")}
    return {
        "label": ("Study",),
        "place": ("Design,", "country") if place else (),
        "printed": ("Responders /", "evaluable") if percent else ("As printed", "(interval)"),
        "estimate": ("Model, %" if percent else "Model, months", interval),
    }


def fit_columns(entries: Sequence[Entry], sheet: Sheet, percent: bool, level: float) -> Columns:
    """Measure the text and divide the width; what does not fit is shortened, then left out."""
    if sheet.name == "one-column":
        return _stacked_columns(entries, sheet, percent, level)
    for style in _PLACE_STYLES:
        columns = _side_by_side(entries, sheet, style, percent, level)
        if columns.plot_right - columns.plot_left >= _PLOT_SHARES[sheet.name] * sheet.width:
            break
    return columns


def _stacked_columns(
    entries: Sequence[Entry], sheet: Sheet, percent: bool, level: float
) -> Columns:
    cohorts = [label_text(entry, True) for entry in entries if entry.kind == "cohort"]
    label_width = _capped(widest(cohorts, sheet.body) + INDENT, sheet, _STACKED_LABEL_SHARE)
    texts = [text for entry in entries for text in (entry.printed, entry.estimate)]
    headings = header_lines(True, False, percent, level)["estimate"]
    values = _value_column(texts, headings, sheet, _STACKED_VALUE_SHARE)
    left = sheet.width - MARGIN - values.width
    values = ValueColumn(left, values.width, values.point)
    return Columns(
        stacked=True,
        label_left=MARGIN,
        label_width=label_width,
        place_style="none",
        place_left=MARGIN,
        n_left=MARGIN,
        n_right=MARGIN,
        plot_left=MARGIN + label_width + sheet.gap,
        plot_right=left - sheet.gap - 2,
        printed=values,
        estimate=values,
    )


def _side_by_side(
    entries: Sequence[Entry], sheet: Sheet, style: PlaceStyle, percent: bool, level: float
) -> Columns:
    cohorts = [entry for entry in entries if entry.kind == "cohort"]
    label_width = _capped(
        widest([entry.label for entry in cohorts], sheet.body) + INDENT, sheet, _LABEL_SHARE
    )
    place_left = MARGIN + label_width + sheet.gap
    places = [place_text(entry, style) for entry in cohorts]
    headings = header_lines(False, style != "none", percent, level)
    place_width = max(widest(places, sheet.body), widest(headings["place"], sheet.body, "bold"))
    n_width, events_width = n_widths(cohorts, sheet.body)
    n_left = place_left + (place_width + sheet.gap if place_width else 0)
    heading_width = widest(n_heading(cohorts), sheet.body, "bold")
    slack = max(0.0, heading_width - n_width - events_width)
    plot_left = n_left + n_width + events_width + slack + sheet.gap

    estimate = _value_column(
        [entry.estimate for entry in entries], headings["estimate"], sheet, _VALUE_SHARE, "bold"
    )
    estimate_left = sheet.width - MARGIN - estimate.width
    printed = _value_column(
        [entry.printed for entry in entries], headings["printed"], sheet, _VALUE_SHARE
    )
    printed_left = estimate_left - sheet.gap - printed.width
    return Columns(
        stacked=False,
        label_left=MARGIN,
        label_width=label_width,
        place_style=style,
        place_left=place_left,
        n_left=n_left,
        n_right=n_left + n_width + slack / 2,
        plot_left=plot_left,
        plot_right=printed_left - sheet.gap - 2,
        printed=ValueColumn(printed_left, printed.width, printed.point),
        estimate=ValueColumn(estimate_left, estimate.width, estimate.point),
    )


def n_heading(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Heading of the column of patients: events only where some report prints them."""
    return ("n", "(events)") if any(entry.events for entry in entries) else ("n",)


def n_widths(entries: Sequence[Entry], size: float) -> tuple[float, float]:
    """Widths in points of the numbers of patients and of the events in brackets."""
    events = [f" ({entry.events})" for entry in entries if entry.events]
    return widest([entry.n for entry in entries], size), widest(events, size)


def fit_values(
    texts: Iterable[str], headings: Sequence[str], size: float, weight: str = "normal"
) -> ValueColumn:
    """Width of a column of figures and where its decimal points stand; not yet placed."""
    before = after = loose = 0.0
    for text in texts:
        parts = split_at_point(text)
        if parts is None:
            loose = max(loose, text_width(text, size, weight))
        else:
            before = max(before, text_width(parts[0], size, weight))
            after = max(after, text_width(parts[1], size, weight))
    return ValueColumn(0.0, max(before + after, loose, widest(headings, size, "bold")), before)


def _value_column(
    texts: Iterable[str],
    headings: Sequence[str],
    sheet: Sheet,
    share: float,
    weight: str = "normal",
) -> ValueColumn:
    fitted = fit_values(texts, headings, sheet.body, weight)
    return ValueColumn(0.0, _capped(fitted.width, sheet, share), fitted.point)


def _capped(width: float, sheet: Sheet, share: float) -> float:
    return min(width, share * sheet.width)


def make_rows(entries: Sequence[Entry], columns: Columns, sheet: Sheet) -> tuple[Row, ...]:
    """Set every row in lines and stack the rows; the height follows from the number of lines."""
    rows: list[Row] = []
    top = 0.0
    for entry in entries:
        if entry.level < 2 and rows:
            top += 3.0 if entry.level == 0 else 1.5
        row = _make_row(entry, columns, sheet, top)
        rows.append(row)
        top += row.height
    return tuple(rows)


def _make_row(entry: Entry, columns: Columns, sheet: Sheet, top: float) -> Row:
    size = sheet.body
    if entry.level < 2:
        label = wrap(entry.label, size, sheet.width - 2 * MARGIN - INDENT, "bold")
        padding = 2.0 if entry.level == 0 else 0.5
        return Row(entry, top, len(label) * sheet.pitch + padding, label, "", (), ())
    label = _row_label(entry, columns, size)
    printed = wrap(entry.printed, size, columns.printed.width)
    estimate = wrap(entry.estimate, size, columns.estimate.width, estimate_weight(entry))
    if columns.stacked:
        lines = max(len(label), len(printed) + len(estimate))
        height = lines * 0.92 * sheet.pitch + 1.5
    else:
        height = max(len(label), len(printed), len(estimate), 1) * sheet.pitch
    place = place_text(entry, columns.place_style)
    return Row(entry, top, height, label, place, printed, estimate)


def _row_label(entry: Entry, columns: Columns, size: float) -> tuple[str, ...]:
    label = label_text(entry, columns.stacked)
    if entry.kind == "cohort":
        return wrap(label, size, columns.label_width - INDENT)
    if not columns.stacked:
        return wrap(label, size, columns.span)
    width = columns.label_width - INDENT
    if text_width(label, size) <= width:
        return (label,)
    # A count in brackets reads better on a line of its own.
    parts = re.split(r"\s+(?=\()", label)
    return tuple(line for part in parts for line in wrap(part, size, width))


def estimate_weight(entry: Entry) -> str:
    """Bold for the pooled estimate, which the eye looks for."""
    return "bold" if entry.kind == "mean_study" else "normal"
