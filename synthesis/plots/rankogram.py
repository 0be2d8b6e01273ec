"""Ranks of the treatments with all their uncertainty: rankogram and cumulative probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from synthesis.plots import samples
from synthesis.plots.cells import as_number, as_text, require_columns, require_unique
from synthesis.plots.forest_rows import ValueColumn, fit_values
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
    put_rule,
    put_text,
    widest,
    wrap,
)
from synthesis.plots.style import (
    GRID,
    INK,
    MUTED,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
    tint,
)

RANK_COLUMNS: tuple[str, ...] = (
    "treatment",
    "treatment_class",
    "of",
    "rank",
    "probability",
    "cumulative",
    "mean_rank",
    "lower",
    "upper",
    "cohorts",
    "patients",
)

_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.33, "two-column": 0.27, "slide": 0.26}
_INDENT, _CLEAR, _BETWEEN = 5.0, 2.0, 3.0
# Height of a row in parts of the type size: room for bars that can be told apart.
_ROW = 2.5
_BEST: Mapping[str, str] = {
    "os": "the longest median overall survival",
    "pfs": "the longest median progression-free survival",
    "response": "the highest response rate",
}


def plot_ranks(
    table: pd.DataFrame,
    *,
    endpoint: str = "os",
    level: float = 0.95,
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw how likely each rank of each treatment is.

    A row a treatment, by mean rank: bars for the probability of each rank (A), and the cumulative
    probability of that rank or a better one (B); every row of A has the same vertical scale, and B
    runs from 0 to 1. In one column B is left out. Nothing is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `RANK_COLUMNS`, a row for each treatment and rank, 1 the best; treatments in order
        of display.
    endpoint : str
        os, pfs or response.
    level : float
        Level of the interval of the rank, for its heading.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the columns.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        Axes ``ranks`` and, but for one column, ``cumulative``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, a treatment has two rows of one rank, the endpoint
        or the width is unknown, or a class has no hue.
    """
    require_columns(table, RANK_COLUMNS, "plot_ranks")
    require_unique(table, ("treatment", "rank"), "plot_ranks")
    if endpoint not in _BEST:
        raise ValueError(f"plot_ranks: endpoint is {endpoint!r}; expected one of os, pfs, response")
    sheet = find_sheet(width)
    hues = choose_hues(hues, table["treatment_class"], "plot_ranks")
    with style_context():
        return _draw(_make_plan(table, sheet, endpoint, level, title, hues))


@dataclass(frozen=True)
class _Row:
    """One treatment; `top` and `height` in points below the first row."""

    label: tuple[str, ...]
    mean: str
    treatment_class: str
    probability: np.ndarray
    cumulative: np.ndarray
    top: float
    height: float

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


@dataclass(frozen=True)
class _Plan:
    """Everything decided before the first artist is made; plots are pairs (left, right)."""

    endpoint: str
    sheet: Sheet
    title: str | None
    hues: Mapping[str, str]
    rows: tuple[_Row, ...]
    mean: ValueColumn
    mean_head: tuple[str, ...]
    plots: tuple[tuple[float, float], ...]

    @property
    def height(self) -> float:
        return self.rows[-1].top + self.rows[-1].height + _CLEAR

    @property
    def ranks(self) -> int:
        return self.rows[0].probability.size


def _make_plan(
    table: pd.DataFrame,
    sheet: Sheet,
    endpoint: str,
    level: float,
    title: str | None,
    hues: Mapping[str, str],
) -> _Plan:
    size, gap = sheet.body, sheet.gap + 2
    treatments = list(dict.fromkeys(table["treatment"]))
    room = _LABEL_SHARES[sheet.name] * sheet.width
    label_width = min(widest(map(str, treatments), size) + _INDENT, room)
    rows, top = [], _CLEAR
    for treatment in treatments:
        own = table[table["treatment"] == treatment].sort_values("rank")
        first = own.iloc[0]
        label = wrap(str(treatment), size, room - _INDENT)
        height = max(_ROW * size, len(label) * sheet.pitch) + _BETWEEN
        low, high = as_number(first["lower"]), as_number(first["upper"])
        rows.append(
            _Row(
                label,
                f"{as_number(first['mean_rank']):.1f} ({low:.0f}\N{EN DASH}{high:.0f})",
                as_text(first["treatment_class"]),
                own["probability"].to_numpy(float),
                own["cumulative"].to_numpy(float),
                top,
                height,
            )
        )
        top += height
    head = ("Mean rank", f"({100 * level:g}% CrI)")
    fitted = fit_values([row.mean for row in rows], head, size)
    mean = ValueColumn(MARGIN + label_width + gap, fitted.width, fitted.point)
    left = mean.left + mean.width + gap + 4
    plots = [(left, sheet.width - MARGIN - 4)]
    if sheet.name != "one-column":
        middle = (left + sheet.width - MARGIN) / 2
        plots = [(left, middle - gap), (middle + gap, sheet.width - MARGIN - 4)]
    return _Plan(endpoint, sheet, title, hues, tuple(rows), mean, head, tuple(plots))


def _draw(plan: _Plan) -> Figure:
    sheet, size = plan.sheet, plan.sheet.body
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    top = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0)
    pitch = 1.22 * size
    heads = _heads(plan)
    head_lines = max(2, *(len(head) for head in heads))
    rows_top = top + 4 + head_lines * pitch + 4
    classes = dict.fromkeys(row.treatment_class for row in plan.rows)
    entries = [LegendEntry(label, samples.Swatch(plan.hues[label])) for label in classes]
    legend = flow_legend(entries, sheet.small, inner)
    legend_top = rows_top + plan.height + 4 + 2.9 * size + 3
    foot = wrap(f"Rank 1: {_BEST[plan.endpoint]}. CrI, credible interval.", sheet.small, inner)
    foot_top = legend_top + len(legend) * legend_pitch(sheet.small) + 2
    page = open_page(sheet.width, foot_top + len(foot) * 1.3 * sheet.small + MARGIN)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    put_rule(page, MARGIN, page.width - MARGIN, top + 1, 0.8)
    columns = [(MARGIN, ("Treatment",)), (plan.mean.left, plan.mean_head)]
    columns += [(plot[0], head) for plot, head in zip(plan.plots, heads, strict=True)]
    for left, head in columns:
        start = top + 4 + (head_lines - len(head)) * pitch
        put_lines(page, left, start, head, size, pitch=pitch, weight="bold")
    put_rule(page, MARGIN, page.width - MARGIN, rows_top - 2, 0.5)
    for row in plan.rows:
        _draw_words(page, plan, row, rows_top)
    for name, (left, right) in zip(("ranks", "cumulative"), plan.plots, strict=False):
        axes = add_axes(page, left, rows_top, right - left, plan.height)
        axes.set_label(name)
        _dress(axes, plan, right - left)
        draw = _draw_bars if name == "ranks" else _draw_steps
        draw(axes, plan)
        unit = rows_top + plan.height + 4 + 1.9 * size
        put_text(page, (left + right) / 2, unit, "Rank", size, align="center")
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    put_lines(page, MARGIN, foot_top, foot, sheet.small, pitch=1.3 * sheet.small, color=MUTED)
    return page.figure


def _heads(plan: _Plan) -> list[tuple[str, ...]]:
    size = plan.sheet.body
    words = ("Probability of each rank", "Probability of this rank or a better one")
    if len(plan.plots) == 1:
        left, right = plan.plots[0]
        return [wrap(words[0], size, right - left, "bold")]
    return [
        wrap(f"{letter}  {text}", size, right - left, "bold")
        for letter, text, (left, right) in zip("AB", words, plan.plots, strict=True)
    ]


def _draw_words(page: Page, plan: _Plan, row: _Row, rows_top: float) -> None:
    sheet, size = plan.sheet, plan.sheet.body
    middle = rows_top + row.middle
    stripe = Rectangle(
        (MARGIN, rows_top + row.top + 0.8),
        1.8,
        row.height - 1.6,
        fc=plan.hues[row.treatment_class],
        ec="none",
        transform=page.transform,
    )
    page.figure.add_artist(stripe)
    start = middle - len(row.label) * sheet.pitch / 2
    put_lines(page, MARGIN + _INDENT, start, row.label, size, pitch=sheet.pitch)
    put_text(page, plan.mean.start(row.mean, size), middle, row.mean, size)


def _dress(axes: Axes, plan: _Plan, width: float) -> None:
    axes.set_xlim(0.4, plan.ranks + 0.6)
    axes.set_ylim(plan.height, 0)
    axes.set_facecolor("none")
    axes.yaxis.set_visible(False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    ticks = _ticks(plan.ranks, width, plan.sheet.body)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter([str(tick) for tick in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(
        axis="x",
        length=2.5,
        width=0.6,
        pad=1.5,
        labelsize=plan.sheet.body,
        color=INK,
        labelcolor=INK,
    )
    for row in plan.rows:
        axes.axhline(row.top + row.height - _BETWEEN / 2, color=GRID, lw=0.5, zorder=0.5)


def _ticks(ranks: int, width: float, size: float) -> Sequence[int]:
    """Every rank where there is room, else every other one, else the first and every fifth."""
    for step in (1, 2, 5, 10):
        if step * width / ranks >= 1.9 * size:
            return [1, *range(step, ranks + 1, step)] if step > 2 else range(1, ranks + 1, step)
    return [1, ranks]


def _draw_bars(axes: Axes, plan: _Plan) -> None:
    """Draw the probability of each rank, all rows on one scale."""
    peak = max(float(row.probability.max()) for row in plan.rows)
    for index, row in enumerate(plan.rows):
        room = row.height - _BETWEEN - 1.0
        base = row.top + row.height - _BETWEEN / 2
        hue = plan.hues[row.treatment_class]
        for rank, share in enumerate(row.probability, start=1):
            high = room * share / peak
            bar = Rectangle(
                (rank - 0.4, base - high), 0.8, high, fc=tint(hue, 0.75), ec="none", zorder=2
            )
            bar.set_gid(f"ranks-{plan.endpoint}-{index}-{rank}")
            axes.add_patch(bar)


def _draw_steps(axes: Axes, plan: _Plan) -> None:
    """Draw the cumulative probability, from 0 at the foot of a row to 1 at its head."""
    for index, row in enumerate(plan.rows):
        room = row.height - _BETWEEN - 1.0
        base = row.top + row.height - _BETWEEN / 2
        hue = plan.hues[row.treatment_class]
        edges = np.repeat(np.arange(plan.ranks + 1) + 0.5, 2)[1:-1]
        heights = base - room * np.repeat(row.cumulative, 2)
        area = axes.fill_between(edges, heights, base, fc=tint(hue, 0.28), ec="none", lw=0)
        area.set_gid(f"cumulative-{plan.endpoint}-{index}-area")
        line = Line2D(edges, heights, color=hue, lw=0.9, zorder=2)
        line.set_gid(f"cumulative-{plan.endpoint}-{index}")
        axes.add_line(line)
