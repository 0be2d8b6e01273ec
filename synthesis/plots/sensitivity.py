"""A specification curve: one conclusion under every choice, and the choices below it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from synthesis.plots import marks
from synthesis.plots.inputs import number, require_columns, require_known, require_unique, word
from synthesis.plots.page import (
    MARGIN,
    Frame,
    LegendEntry,
    Page,
    add_axes,
    make_frame,
    put_box,
    put_lines,
    put_text,
    text_width,
    widest,
    wrap,
)
from synthesis.plots.scales import Scale, difference_scale, dress_ticks, month_scale, ratio_scale
from synthesis.plots.style import BAND, HUES, INK, MUTED, Sheet, Width, find_sheet, style_context

if TYPE_CHECKING:
    import pandas as pd

SPECIFICATION_COLUMNS: tuple[str, ...] = (
    "specification",
    "group",
    "heading",
    "aspect",
    "direction",
    "label",
    "kind",
    "estimate",
    "lower",
    "upper",
    "changes",
    "mark",
)

#: Name of the specification that all others are set against.
BASE = "base"

_CHANGED = HUES[6]  # what it says is said by the fill, too
_QUIET = "#8c8c8c"
_HEIGHT = 150.0  # of the curve, points
_MARKERS: Mapping[int, str] = {-1: "v", 0: "o", 1: "^"}
_UNITS: Mapping[str, str] = {
    "ratio_of_medians": "Ratio of medians",
    "prognostic_ratio": "Ratio of medians",
    "predictive_ratio": "Ratio of ratios",
    "difference_median_months": "Difference, months",
    "median_months": "Median, months",
    "p_gain": "Probability",
}
_CHANCES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class _Choice:
    """One specification at its place from left to right."""

    place: float
    order: int
    name: str
    heading: str
    aspect: str
    label: str
    direction: int
    estimate: float
    lower: float
    upper: float
    changes: bool
    mark: str

    @property
    def is_base(self) -> bool:
        return self.name == BASE


@dataclass(frozen=True)
class _Row:
    """One line of the matrix: a heading, or an aspect with its wrapped label."""

    lines: tuple[str, ...]
    top: float
    height: float
    aspect: tuple[str, str] | None

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


@dataclass(frozen=True)
class _Plan:
    """Where everything goes, in points."""

    sheet: Sheet
    choices: tuple[_Choice, ...]
    rows: tuple[_Row, ...]
    scale: Scale
    unit: str
    left: float
    curve_top: float
    levels: Mapping[str, int]

    @property
    def right(self) -> float:
        return self.sheet.width - MARGIN

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def matrix_top(self) -> float:
        return self.curve_top + _HEIGHT + 5

    @property
    def matrix_height(self) -> float:
        return self.rows[-1].top + self.rows[-1].height

    @property
    def limits(self) -> tuple[float, float]:
        return -1.0, float(len(self.choices))

    def across(self, place: float) -> float:
        """Horizontal position of a choice on the page."""
        low, high = self.limits
        return self.left + self.width * (place - low) / (high - low)


def plot_specification(
    table: pd.DataFrame, *, width: Width = "two-column", title: str | None = None
) -> Figure:
    """Draw one conclusion under every choice, and what is chosen otherwise.

    Above: estimates in order with their intervals, a line through that of the base, and where
    there is one the value of no effect. Below: one row for each aspect of the analysis, with a
    mark under every estimate for which that aspect is chosen otherwise. Nothing is computed but
    positions (Simonsohn, Simmons & Nelson 2020, doi 10.1038/s41562-020-0912-z).

    Parameters
    ----------
    table : DataFrame
        Columns `SPECIFICATION_COLUMNS`, one row a choice, one of them named `BASE`; ratios, months
        or probabilities (without limits). ``mark`` is a number that names a choice in the key, or
        empty.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the curve.

    Returns
    -------
    Figure
        Axes labelled ``curve`` and ``matrix``; their horizontal coordinate is the place of a choice
        in order of the estimates.

    Raises
    ------
    ValueError
        If a column is missing, a choice is there twice, the base is not there or has no estimate,
        or the width or the kind of conclusion is unknown.
    """
    what = "plot_specification"
    require_columns(table, SPECIFICATION_COLUMNS, what)
    require_unique(table, ["specification"], what)
    sheet = find_sheet(width)
    choices = _in_order(table)
    if not any(choice.is_base for choice in choices):
        raise ValueError(f"{what}: found no row named {BASE!r} with an estimate; add the base")
    kind = word(table["kind"].iloc[0])
    require_known([kind], _UNITS, f"{what}: kind")
    with style_context():
        key = "; ".join(f"{choice.mark} {choice.label}" for choice in _numbered(choices))
        frame = make_frame(sheet, title, _legend(choices), key)
        return _draw(_lay_out(choices, kind, frame), frame)


def _numbered(choices: Sequence[_Choice]) -> list[_Choice]:
    return sorted((c for c in choices if c.mark), key=lambda c: (len(c.mark), c.mark))


def _in_order(table: pd.DataFrame) -> tuple[_Choice, ...]:
    rows = [
        (order, row)
        for order, row in enumerate(table.to_dict("records"))
        if not math.isnan(number(row["estimate"]))
    ]
    rows.sort(key=lambda pair: (pair[1]["estimate"], pair[1]["specification"] != BASE))
    return tuple(
        _Choice(
            float(place),
            order,
            word(row["specification"]),
            word(row["heading"]),
            word(row["aspect"]),
            word(row["label"]),
            int(row["direction"]),
            number(row["estimate"]),
            number(row["lower"]),
            number(row["upper"]),
            bool(row["changes"]),
            word(row["mark"]),
        )
        for place, (order, row) in enumerate(rows)
    )


def _lay_out(choices: tuple[_Choice, ...], kind: str, frame: Frame) -> _Plan:
    sheet = frame.sheet
    size, pitch = sheet.small, 1.22 * sheet.small
    listed = sorted((c for c in choices if not c.is_base), key=lambda c: c.order)
    order = dict.fromkeys((c.heading, c.aspect) for c in listed)
    room = min(widest((aspect for _, aspect in order), size), 0.42 * (sheet.width - 2 * MARGIN))
    scale = _scale(choices, kind, size)
    left = MARGIN + room + sheet.gap
    rows: list[_Row] = []
    top = 1.0
    for heading in dict.fromkeys(c.heading for c in listed):
        rows.append(_Row((heading,), top, 1.35 * pitch, None))
        top += 1.35 * pitch
        for key in order:
            if key[0] == heading:
                lines = wrap(key[1], size, room)
                rows.append(_Row(lines, top, len(lines) * pitch, key))
                top += len(lines) * pitch
    plan = _Plan(sheet, choices, tuple(rows), scale, _UNITS[kind], left, 0.0, {})
    levels = _levels(plan)
    above = frame.top + 1.4 * sheet.body
    above += (max(levels.values(), default=-1) + 1) * 1.15 * size
    return replace(plan, curve_top=above, levels=levels)


def _scale(choices: Sequence[_Choice], kind: str, size: float) -> Scale:
    inside = [choice.estimate for choice in choices]
    ends = [end for choice in choices for end in (choice.lower, choice.upper)]
    if kind == "p_gain":
        return Scale(-0.03, 1.03, _CHANCES, log=False)
    make = {"difference_median_months": difference_scale, "median_months": month_scale}
    return make.get(kind, ratio_scale)(inside, ends, _HEIGHT, size)


def _levels(plan: _Plan) -> dict[str, int]:
    """On which line above the curve the number of a choice stands, so that none touch."""
    ends: list[float] = []
    found = {}
    for choice in plan.choices:
        if not choice.mark:
            continue
        half = text_width(choice.mark, plan.sheet.small) / 2
        x = plan.across(choice.place)
        level = next((i for i, end in enumerate(ends) if x - half > end + 1.5), len(ends))
        ends[level : level + 1] = [x + half]
        found[choice.name] = level
    return found


def _draw(plan: _Plan, frame: Frame) -> Figure:
    page = frame.open(plan.matrix_top + plan.matrix_height)
    _draw_curve(page, plan)
    _draw_matrix(page, plan)
    return page.figure


def _draw_curve(page: Page, plan: _Plan) -> None:
    sheet = plan.sheet
    axes = add_axes(page, plan.left, plan.curve_top, plan.width, _HEIGHT, "curve")
    axes.set_xlim(*plan.limits)
    axes.xaxis.set_visible(False)
    for side in ("right", "top", "bottom"):
        axes.spines[side].set_visible(False)
    _apply_vertical(axes, plan.scale, sheet.small)
    low, high = plan.limits
    base = next(choice for choice in plan.choices if choice.is_base)
    null = 1.0 if plan.scale.log else 0.0
    if plan.unit.startswith(("Ratio", "Difference")):
        axes.add_line(Line2D([low, high], [null, null], color=INK, lw=0.7, gid="null"))
    line = Line2D([low, high], [base.estimate] * 2, color=MUTED, lw=0.7, gid="base-line")
    line.set_linestyle((0, (3, 2)))
    axes.add_line(line)
    for choice in plan.choices:
        _draw_choice(axes, plan, choice)
    put_text(page, MARGIN, plan.curve_top + 0.5 * sheet.body, plan.unit, sheet.small)
    for choice in plan.choices:
        if choice.mark:
            level = plan.levels[choice.name]
            y = plan.curve_top - (level + 0.8) * 1.15 * sheet.small
            put_text(page, plan.across(choice.place), y, choice.mark, sheet.small, align="center")


def _apply_vertical(axes: Axes, scale: Scale, size: float) -> None:
    """Give axes a vertical scale with labelled ticks and faint grid lines."""
    axes.set_yscale("log" if scale.log else "linear")
    axes.set_ylim(scale.lower, scale.upper)
    axes.yaxis.set_major_locator(FixedLocator(scale.ticks))
    axes.yaxis.set_major_formatter(FixedFormatter(scale.labels))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    dress_ticks(axes, "y", size)


def _draw_choice(axes: Axes, plan: _Plan, choice: _Choice) -> None:
    hue = INK if choice.is_base else _CHANGED if choice.changes else _QUIET
    if not math.isnan(choice.lower):
        ends, _ = plan.scale.clip(choice.lower, choice.upper)
        thick = min(1.4 if choice.is_base or choice.changes else 0.8, 0.55 * _spacing(plan))
        bar = Line2D([choice.place] * 2, ends, color=hue, lw=thick, solid_capstyle="butt")
        bar.set_gid(f"{choice.name}-interval")
        axes.add_line(bar)
    marker = "D" if choice.is_base else "o"
    _put(axes, choice, "mark", choice.estimate, marker, 3.2 if choice.is_base else _size(plan))


def _spacing(plan: _Plan) -> float:
    """Distance of two neighbouring choices in points."""
    return plan.width / (len(plan.choices) + 1)


def _size(plan: _Plan) -> float:
    """Marks that do not touch their neighbours, as far as they can be seen."""
    return min(3.0, max(1.5, 0.85 * _spacing(plan)))


def _put(axes: Axes, choice: _Choice, role: str, y: float, marker: str, size: float) -> None:
    filled = choice.is_base or choice.changes
    hue = _CHANGED if choice.changes else INK
    mark = Line2D([choice.place], [y], marker=marker, ms=size, ls="none", mec=hue, mew=0.5)
    mark.set_markerfacecolor(hue if filled else "white")
    mark.set_zorder(4)
    mark.set_gid(f"{choice.name}-{role}")
    axes.add_line(mark)


def _draw_matrix(page: Page, plan: _Plan) -> None:
    size = plan.sheet.small
    axes = add_axes(page, plan.left, plan.matrix_top, plan.width, plan.matrix_height, "matrix")
    axes.set_xlim(*plan.limits)
    axes.set_ylim(plan.matrix_height, 0)
    axes.set_axis_off()
    base = next(choice for choice in plan.choices if choice.is_base)
    shaded = False
    for row in plan.rows:
        if row.aspect is None:
            put_text(
                page,
                MARGIN,
                plan.matrix_top + row.top + 0.8 * row.height - 0.4 * size,
                row.lines[0],
                size,
                weight="bold",
            )
            shaded = False
            continue
        if shaded:
            across = (plan.left, plan.matrix_top + row.top, plan.width, row.height)
            put_box(page, *across, BAND, zorder=-1)
        shaded = not shaded
        put_lines(page, MARGIN, plan.matrix_top + row.top, row.lines, size, pitch=1.22 * size)
        for choice in plan.choices:
            if not choice.is_base and (choice.heading, choice.aspect) == row.aspect:
                _put(axes, choice, "choice", row.middle, _MARKERS[choice.direction], _size(plan))
    line = Line2D([base.place] * 2, [0, plan.matrix_height], color=MUTED, lw=0.6, zorder=1)
    line.set_linestyle((0, (3, 2)))
    line.set_gid("base-place")
    axes.add_line(line)


def _legend(choices: Sequence[_Choice]) -> list[LegendEntry]:
    entries = [
        LegendEntry("base", _sample("D", INK, filled=True)),
        LegendEntry("same conclusion", _sample("o", INK, filled=False)),
    ]
    if any(choice.changes for choice in choices):
        entries.append(LegendEntry("conclusion changes", _sample("o", _CHANGED, filled=True)))
    if any(choice.direction for choice in choices):
        entries.append(LegendEntry("less", _sample("v", INK, filled=False)))
        entries.append(LegendEntry("more", _sample("^", INK, filled=False)))
    return entries


def _sample(marker: str, hue: str, *, filled: bool) -> marks.Sample:
    def draw(brush: marks.Brush, x: float, y: float) -> None:
        mark = Line2D([x], [y], marker=marker, ms=3.2, ls="none", mec=hue, mew=0.5)
        mark.set(markerfacecolor=hue if filled else "white", transform=brush.transform)
        brush.host.add_artist(mark)

    return draw
