"""A prior of a new study: draws as bars, the mixture fitted to them as a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator

from synthesis.plots import marks
from synthesis.plots.cells import require_columns
from synthesis.plots.page import (
    MARGIN,
    LegendEntry,
    Page,
    add_axes,
    flow_legend,
    legend_pitch,
    open_page,
    put_legend,
    put_lines,
    wrap,
)
from synthesis.plots.scales import Scale, apply_scale, month_scale, percent_scale
from synthesis.plots.style import HUES, INK, Sheet, Width, find_sheet, style_context, tint

HISTORICAL_COLUMNS: tuple[str, ...] = ("series", "lower", "upper", "density")
SCALES = ("share", "months", "rate")

DRAWS = "draws"
_ASPECT: Mapping[str, float] = {"one-column": 0.6, "two-column": 0.42, "slide": 0.42}
_BARS = tint(HUES[0], 0.28)
_DASHES: Mapping[str, object] = {"fitted": "-", "robust": (0, (4.0, 1.6))}
_HUES: Mapping[str, str] = {"fitted": HUES[0], "robust": INK}
_LINE = 1.3
_HALF = 8.0


def plot_historical(
    table: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    axis: str,
    scale: str,
    width: Width = "one-column",
    title: str | None = None,
) -> Figure:
    """Draw a prior of a new study: draws as bars, mixtures as lines over them.

    Parameters
    ----------
    table : DataFrame
        Columns `HISTORICAL_COLUMNS`: ``series`` is draws (a bar from ``lower`` to ``upper``),
        fitted or robust (points of a line at ``lower``).
    labels : mapping of str to str
        What each series is, for the legend, in order.
    axis : str
        Words below the horizontal axis.
    scale : {"share", "months", "rate"}
        Shares stand in per cent, months on a log scale.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the axis.

    Returns
    -------
    Figure
        One Axes, labelled ``historical``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, a series has no label, or the scale or the width is
        unknown.
    """
    require_columns(table, HISTORICAL_COLUMNS, "plot_historical")
    if scale not in SCALES:
        raise ValueError(f"plot_historical: scale is {scale!r}; expected {', '.join(SCALES)}")
    unnamed = sorted(set(table["series"]) - set(labels))
    if unnamed:
        raise ValueError(f"plot_historical: no label for {', '.join(map(str, unnamed))}")
    sheet = find_sheet(width)
    if scale == "share":
        table = table.assign(lower=100 * table["lower"], upper=100 * table["upper"])
        axis = f"{axis}, %"
    with style_context():
        return _draw(_Plan(table, labels, axis, scale, sheet, title))


@dataclass(frozen=True)
class _Plan:
    table: pd.DataFrame
    labels: Mapping[str, str]
    axis: str
    scale: str
    sheet: Sheet
    title: str | None


def _draw(plan: _Plan) -> Figure:
    sheet, size = plan.sheet, plan.sheet.body
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    legend = flow_legend(_legend(plan), sheet.small, inner)
    left = MARGIN + 2.0 * size
    plot_width = sheet.width - MARGIN - 0.9 * size - left
    plot_height = _ASPECT[sheet.name] * plot_width
    top = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0)
    plot_top = top + len(legend) * legend_pitch(sheet.small) + 0.5 * size
    words_top = plot_top + plot_height + 4 + 1.5 * size
    page = open_page(sheet.width, words_top + sheet.pitch + MARGIN)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    put_legend(page, left, top, legend, sheet.small)
    axes = add_axes(page, left, plot_top, plot_width, plot_height)
    axes.set_label("historical")
    _dress(axes, plan, plot_width)
    _put_series(axes, plan)
    middle = left + plot_width / 2
    put_lines(page, middle, words_top, (plan.axis,), size, pitch=sheet.pitch, align="center")
    page.figure.text(
        MARGIN + 0.6 * size,
        plot_top + plot_height / 2,
        "Density",
        size=size,
        rotation=90,
        ha="center",
        va="center",
        transform=page.transform,
    )
    return page.figure


def _put_series(axes: Axes, plan: _Plan) -> None:
    for name, own in plan.table.groupby("series", sort=False):
        heights = own["density"].to_numpy(float)
        if name == DRAWS:
            lower, upper = own["lower"].to_numpy(float), own["upper"].to_numpy(float)
            bars = axes.stairs(
                heights, np.append(lower, upper[-1]), fill=True, color=_BARS, linewidth=0, zorder=2
            )
            bars.set_gid("historical-draws")
            continue
        (line,) = axes.plot(
            own["lower"].to_numpy(float),
            heights,
            color=_HUES[str(name)],
            ls=_DASHES[str(name)],
            lw=_LINE,
            zorder=3,
        )
        line.set_gid(f"historical-{name}")


def _dress(axes: Axes, plan: _Plan, width: float) -> None:
    table, size = plan.table, plan.sheet.body
    low, high = float(table["lower"].min()), float(table["upper"].max())
    apply_scale(axes, _scale(plan, low, high, width), size)
    axes.set_ylim(0.0, 1.06 * float(table["density"].max()))
    axes.yaxis.set_major_locator(FixedLocator([]))
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)


def _scale(plan: _Plan, low: float, high: float, width: float) -> Scale:
    """Months and shares on the axes of every figure, cut to what is drawn; rates on round ticks."""
    if plan.scale == "months":
        made = month_scale([low, high], (), width, plan.sheet.body)
        return Scale(min(low, made.ticks[0]), max(high, made.ticks[-1]), made.ticks, log=True)
    if plan.scale == "share":
        steps = percent_scale().ticks if high - low > 75 else tuple(range(0, 101, 10))
        return Scale(low, high, tuple(t for t in steps if low <= t <= high), log=False)
    ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high)
    return Scale(low, high, tuple(round(t, 10) for t in ticks if low <= t <= high), log=False)


def _legend(plan: _Plan) -> list[LegendEntry]:
    shown = set(plan.table["series"])
    return [LegendEntry(text, _Sample(name)) for name, text in plan.labels.items() if name in shown]


@dataclass(frozen=True)
class _Sample:
    """Sample of a series for the legend."""

    series: str

    def __call__(self, page: Page, x: float, y: float) -> None:
        ends = (x - _HALF, x + _HALF)
        if self.series == DRAWS:
            brush = marks.Brush(page.figure, page.transform, _BARS)
            marks.put_area(brush, ends, y, 4.6, 1.0)
            return
        line = Line2D(
            ends,
            (y, y),
            color=_HUES[self.series],
            ls=_DASHES[self.series],
            lw=_LINE,
            transform=page.transform,
        )
        page.figure.add_artist(line)
