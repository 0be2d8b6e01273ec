"""Predictive checks: printed figures on what the fitted model would print."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from synthesis.plots import marks, samples
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
    put_rule,
    put_text,
    wrap,
)
from synthesis.plots.predictive_rows import (
    STRIP,
    Columns,
    Line,
    Mark,
    finite,
    fit_columns,
    make_lines,
    split_rows,
)
from synthesis.plots.scales import Scale, apply_scale, month_scale, percent_scale
from synthesis.plots.style import (
    BAND,
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

PREDICTIVE_COLUMNS: tuple[str, ...] = (
    "endpoint",
    "study",
    "cohort",
    "label",
    "treatment",
    "treatment_class",
    "histology",
    "n",
    "figure",
    "printed",
    "value",
    "predicted",
    "lower",
    "upper",
    "lower_50",
    "upper_50",
    "pit",
    "within",
)
POSITION_COLUMNS: tuple[str, ...] = ("position", "share", "lower", "upper")

_HEADS: Mapping[str, str] = {
    "os": "Median overall survival",
    "pfs": "Median progression-free survival",
}
# Shares of ink in the bands and their heights in points: 95 % thin, 50 % thick; of limits fainter.
_THIN, _THICK = (0.24, 2.0), (0.4, 4.4)
_FAINT_THIN, _FAINT_THICK = (0.1, 1.6), (0.2, 1.6)
_AXIS_ROOM, _CLEAR = 4.0, 2.0
# Rows from which the axis is repeated at the top: the bottom one is out of sight.
_LONG = 45
# Length of an axis, in parts of the type size, on which every tick of 0 to 100 % has room.
_ROOMY = 14.0
_SPREAD_HEIGHT, _SPREAD_WIDTH = 92.0, 120.0


def plot_predictive(
    table: pd.DataFrame,
    positions: pd.DataFrame,
    *,
    endpoint: str = "os",
    width: Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the printed figures of one endpoint on what the fitted model would print.

    A row a cohort under its treatment: the prediction of its median as a grey band (95 % thin,
    50 % thick), the printed median as a dot, open where it lies outside the band; above and below
    it the printed limits as strokes on fainter bands. Shares of the patients stand on an axis in
    per cent. Beside each row the position of every figure in its prediction, 0 to 1; below, how
    the positions are spread, with the band that holds the whole line. Nothing is computed but
    places on the paper.

    Parameters
    ----------
    table : DataFrame
        Columns `PREDICTIVE_COLUMNS`, rows in display order; months, or fractions of 1. Figures
        are median, lower limit, upper limit, survival at some time, response rate; an infinite
        ``value`` was not reached.
    positions : DataFrame
        Columns `POSITION_COLUMNS`, each from 0 to 1.
    endpoint : str
        os, pfs or response.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column the printed
        values are left out.
    title : str, optional
        Set above the columns.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        Axes ``times`` and ``shares`` as far as there are such figures, each with its ``positions``,
        and ``spread``. The height follows from the number of rows.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, the endpoint or the width is unknown, or a class
        has no hue.
    """
    require_columns(table, PREDICTIVE_COLUMNS, "plot_predictive")
    require_columns(positions, POSITION_COLUMNS, "plot_predictive, positions")
    if endpoint not in ("os", "pfs", "response"):
        raise ValueError(
            f"plot_predictive: endpoint is {endpoint!r}; expected one of os, pfs, response"
        )
    sheet = find_sheet(width)
    hues = choose_hues(hues, table["treatment_class"], "plot_predictive")
    with style_context():
        return _draw(_make_plan(table, positions, sheet, endpoint, title, hues))


@dataclass(frozen=True)
class _Block:
    """Rows that share an axis."""

    name: str
    head: str
    unit: str
    lines: tuple[Line, ...]
    scale: Scale

    @property
    def height(self) -> float:
        return self.lines[-1].top + self.lines[-1].height + 2 * _CLEAR

    @property
    def long(self) -> bool:
        return len(self.lines) >= _LONG


@dataclass(frozen=True)
class _Plan:
    """Everything decided before the first artist is made."""

    endpoint: str
    title: str | None
    sheet: Sheet
    columns: Columns
    blocks: tuple[_Block, ...]
    positions: pd.DataFrame
    hues: Mapping[str, str]
    legend: tuple[LegendEntry, ...]


def _make_plan(
    table: pd.DataFrame,
    positions: pd.DataFrame,
    sheet: Sheet,
    endpoint: str,
    title: str | None,
    hues: Mapping[str, str],
) -> _Plan:
    times, shares = split_rows(table)
    columns = fit_columns([*times, *shares], sheet)
    blocks = []
    if times:
        lines = make_lines(times, columns, sheet)
        scale = _month_scale(lines, columns, sheet)
        blocks.append(_Block("times", _HEADS[endpoint], "Months (log scale)", lines, scale))
    if shares:
        head = "Objective response" if endpoint == "response" else "Survival at fixed times"
        lines = make_lines(shares, columns, sheet)
        scale = percent_scale()
        if columns.plot_right - columns.plot_left < _ROOMY * sheet.body:
            scale = replace(scale, ticks=(0, 50, 100))
        blocks.append(_Block("shares", head, "%", lines, scale))
    legend = tuple(_legend_entries(bool(times), bool(shares), endpoint))
    return _Plan(endpoint, title, sheet, columns, tuple(blocks), positions, hues, legend)


def _month_scale(lines: Sequence[Line], columns: Columns, sheet: Sheet) -> Scale:
    every = [mark for line in lines for mark in line.marks]
    inside = finite([x for m in every for x in (m.printed, m.predicted)])
    ends = finite([end for m in every if m.offset == 0.0 for end in (m.lower, m.upper)])
    return month_scale(inside, ends, columns.plot_right - columns.plot_left, sheet.body)


def _draw(plan: _Plan) -> Figure:
    sheet = plan.sheet
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    start = MARGIN + len(title) * 1.4 * sheet.title + (2 if title else 0)
    tops, bottom = [], start
    for block in plan.blocks:
        tops.append(bottom)
        bottom += _block_height(block, sheet) + 4
    aside = sheet.name != "one-column"
    legend_left = MARGIN + _SPREAD_WIDTH + 70 if aside else MARGIN
    legend = flow_legend(plan.legend, sheet.small, sheet.width - MARGIN - legend_left)
    legend_height = len(legend) * legend_pitch(sheet.small)
    spread_height = _SPREAD_HEIGHT + _AXIS_ROOM + 3.2 * sheet.body + 1.5 * sheet.body
    below = max(spread_height, legend_height) if aside else spread_height + legend_height + 4
    page = open_page(sheet.width, bottom + below + MARGIN + 2)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    for top, block in zip(tops, plan.blocks, strict=True):
        _draw_block(page, plan, block, top)
    _draw_spread(page, plan, bottom)
    legend_top = bottom + (1.5 * sheet.body + 4 if aside else spread_height + 4)
    put_legend(page, legend_left, legend_top, legend, sheet.small)
    return page.figure


def _rows_offset(block: _Block, sheet: Sheet) -> float:
    """Distance in points from the top of a block to its axes."""
    return 1.3 * sheet.body + 8 + (_AXIS_ROOM + 1.2 * sheet.body if block.long else 0)


def _block_height(block: _Block, sheet: Sheet) -> float:
    return _rows_offset(block, sheet) + block.height + _AXIS_ROOM + 2.9 * sheet.body


def _draw_block(page: Page, plan: _Plan, block: _Block, top: float) -> None:
    sheet, columns, size = plan.sheet, plan.columns, plan.sheet.body
    put_rule(page, MARGIN, page.width - MARGIN, top, 0.8)
    centre = (columns.plot_left + columns.plot_right) / 2
    middle = top + 3 + 0.65 * size
    position = (columns.position_left + columns.position_right) / 2
    heads = [(columns.label_left, "Study (n)", "left"), (centre, block.head, "center")]
    if columns.shows_printed:
        heads.append((columns.printed.left, "As printed", "left"))
    heads.append((position, "Position", "center"))
    for x, words, align in heads:
        put_text(page, x, middle, words, size, weight="bold", align=align)
    put_rule(page, MARGIN, page.width - MARGIN, top + 1.3 * size + 6, 0.5)
    rows_top = top + _rows_offset(block, sheet)
    width = columns.plot_right - columns.plot_left
    axes = add_axes(page, columns.plot_left, rows_top, width, block.height)
    beside = add_axes(
        page,
        columns.position_left,
        rows_top,
        columns.position_right - columns.position_left,
        block.height,
    )
    axes.set_label(block.name)
    beside.set_label(f"positions of {block.name}")
    for own in (axes, beside):
        _dress(own, block)
    apply_scale(axes, block.scale, size, top=block.long)
    _position_scale(beside, size, block.long)
    for line in block.lines:
        _draw_words(page, plan, line, rows_top + _CLEAR)
        for mark in line.marks:
            _draw_mark(axes, beside, plan, block, line, mark)
    unit = rows_top + block.height + _AXIS_ROOM + 1.9 * size
    put_text(page, centre, unit, block.unit, size, align="center")
    put_text(page, position, unit, "share below", size, align="center")


def _dress(axes: Axes, block: _Block) -> None:
    axes.set_ylim(block.height - _CLEAR, -_CLEAR)
    axes.yaxis.set_visible(False)
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(side == "top" and block.long)


def _position_scale(axes: Axes, size: float, top: bool = False) -> None:
    """Positions from 0 to 1 with their middle half shaded."""
    axes.set_xlim(0.0, 1.0)
    axes.xaxis.set_major_locator(FixedLocator([0.0, 0.5, 1.0]))
    axes.xaxis.set_major_formatter(FixedFormatter(["0", "0.5", "1"]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(
        axis="x",
        length=2.5,
        width=0.6,
        pad=1.5,
        labelsize=size,
        color=INK,
        labelcolor=INK,
        top=top,
        labeltop=top,
    )
    axes.axvspan(0.25, 0.75, fc=BAND, ec="none", zorder=0)
    for at in (0.025, 0.5, 0.975):
        axes.axvline(at, color=GRID, lw=0.5, zorder=0.5)


def _draw_words(page: Page, plan: _Plan, line: Line, rows_top: float) -> None:
    sheet, columns, size = plan.sheet, plan.columns, plan.sheet.body
    top, middle = rows_top + line.top, rows_top + line.middle
    left = columns.label_left + 5
    start = middle - len(line.label) * sheet.pitch / 2
    if line.is_heading:
        for edge, wide, hue in ((MARGIN, page.width - 2 * MARGIN, BAND), (MARGIN, 1.8, None)):
            band = Rectangle(
                (edge, top),
                wide,
                line.height,
                fc=hue or plan.hues[line.treatment_class],
                ec="none",
                transform=page.transform,
                zorder=1 if hue else 1.1,
            )
            page.figure.add_artist(band)
        put_lines(page, left, start, line.label, size, pitch=sheet.pitch, weight="bold")
        return
    put_lines(page, left, start, line.label, size, pitch=sheet.pitch)
    for text in line.printed:
        # figures align at their points; of a share the time stands first, and words do not align
        at = columns.printed.left if ":" in text else columns.printed.start(text, size)
        put_text(page, at, middle, text, size)


def _draw_mark(
    axes: Axes, beside: Axes, plan: _Plan, block: _Block, line: Line, mark: Mark
) -> None:
    """Draw a figure on its prediction, and its position beside."""
    y, scale = line.middle + mark.offset, block.scale
    role = mark.figure.split(" ")[0]
    gid = f"predictive-{plan.endpoint}-{block.name}-{line.index}-{role}"
    is_limit = mark.offset != 0.0
    thin, thick = (_FAINT_THIN, _FAINT_THICK) if is_limit else (_THIN, _THICK)
    outer, beyond = scale.clip(mark.lower, mark.upper)
    inner, _ = scale.clip(mark.lower_50, mark.upper_50)
    for ends, (share, height), name in ((outer, thin, "95"), (inner, thick, "50")):
        brush = marks.Brush(axes, axes.transData, INK, f"{gid}-{name}")
        marks.put_area(brush, ends, y, height, share)
    grey = marks.Brush(axes, axes.transData, tint(INK, (thin if is_limit else thick)[0]), gid)
    marks.put_arrows(grey, "beyond", outer, y, beyond)
    hue = plan.hues[line.treatment_class]
    brush = marks.Brush(axes, axes.transData, hue, gid)
    _put_printed(brush, scale, mark, y)
    place = marks.Brush(beside, beside.transData, hue, f"{gid}-position")
    if is_limit:
        arrows = (mark.offset < 0.0, mark.offset > 0.0)
        marks.put_arrows(place, "limit", (mark.pit, mark.pit), y, arrows)
    else:
        (marks.put_dot if mark.within else marks.put_ring)(place, mark.pit, y)


def _put_printed(brush: marks.Brush, scale: Scale, mark: Mark, y: float) -> None:
    if math.isinf(mark.printed):
        shaft = (scale.at_share(0.9), scale.upper)
        marks.put_line(brush, "printed", shaft, y, thickness=0.6, arrows=(False, True))
    elif mark.offset:
        marks.put_upright(brush, "printed", mark.printed, (y - 2.3, y + 2.3))
    elif mark.within:
        marks.put_dot(brush, mark.printed, y, "printed")
    else:
        marks.put_ring(brush, mark.printed, y, "printed")


def _draw_spread(page: Page, plan: _Plan, top: float) -> None:
    """Draw how the positions are spread: their distribution in its band."""
    size = plan.sheet.body
    put_rule(page, MARGIN, page.width - MARGIN, top, 0.8)
    left = MARGIN + 3.4 * size
    head = "Spread of the positions: % of figures at or below"
    put_text(page, MARGIN, top + 3 + 0.65 * size, head, size, weight="bold")
    own_top = top + 1.5 * size + 6
    axes = add_axes(page, left, own_top, _SPREAD_WIDTH, _SPREAD_HEIGHT - 6)
    axes.set_label("spread")
    axes.set_facecolor("none")
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
    _position_scale(axes, size)
    axes.patches[0].remove()
    p = plan.positions
    axes.set_ylim(0.0, 1.0)
    axes.yaxis.set_major_locator(FixedLocator([0.0, 0.5, 1.0]))
    axes.yaxis.set_major_formatter(FixedFormatter(["0", "50", "100"]))
    axes.tick_params(axis="y", length=2.5, width=0.6, pad=1.5, labelsize=size, color=INK)
    band = axes.fill_between(
        p["position"], p["lower"], p["upper"], step="post", fc=tint(INK, 0.2), ec="none", zorder=1
    )
    band.set_gid(f"predictive-{plan.endpoint}-spread-band")
    axes.add_line(Line2D([0, 1], [0, 1], color=MUTED, lw=0.6, ls=(0, (2.2, 1.6)), zorder=2))
    (line,) = axes.step(p["position"], p["share"], where="post", color=INK, lw=1.1, zorder=3)
    line.set_gid(f"predictive-{plan.endpoint}-spread-line")
    bottom = own_top + _SPREAD_HEIGHT - 6 + _AXIS_ROOM + 1.9 * size
    put_text(page, left + _SPREAD_WIDTH / 2, bottom, "Position", size, align="center")


def _legend_entries(times: bool, shares: bool, endpoint: str) -> list[LegendEntry]:
    printed = {"response": "printed response rate"}.get(endpoint, "printed median")
    if times and shares:
        printed = "printed median or share"
    elif shares and endpoint != "response":
        printed = "printed share"
    entries = [
        LegendEntry(f"{printed}, inside its 95% prediction", sample_dot),
        LegendEntry("the same, outside", sample_open),
        LegendEntry("predicted: 95% thin, 50% thick", sample_prediction),
    ]
    if times:
        entries.append(LegendEntry("printed limits on their predictions", sample_limits))
        entries.append(LegendEntry("position of a lower and an upper limit", sample_carets))
        entries.append(LegendEntry("not reached or beyond the axis", samples.sample_arrow))
    entries.append(LegendEntry("spread of the positions", _sample_line))
    entries.append(LegendEntry("95% of registries drawn from the model", _sample_band))
    return entries


def _brush(page: Page, hue: str = INK) -> marks.Brush:
    return marks.Brush(page.figure, page.transform, hue)


def sample_dot(page: Page, x: float, y: float) -> None:
    """Draw a printed figure inside its prediction: sample for the legend."""
    marks.put_dot(_brush(page), x, y)


def sample_open(page: Page, x: float, y: float) -> None:
    """Draw a printed figure outside its prediction."""
    marks.put_ring(_brush(page), x, y)


def sample_prediction(page: Page, x: float, y: float) -> None:
    """Draw a prediction."""
    marks.put_area(_brush(page), (x - 8, x + 8), y, _THIN[1], _THIN[0])
    marks.put_area(_brush(page), (x - 3.5, x + 3.5), y, _THICK[1], _THICK[0])


def sample_limits(page: Page, x: float, y: float) -> None:
    """Draw two printed limits on their predictions."""
    for left, down in ((x - 8, -0.55 * STRIP), (x - 2, 0.55 * STRIP)):
        marks.put_area(_brush(page), (left, left + 10), y + down, *reversed(_FAINT_THIN))
        marks.put_area(_brush(page), (left + 2.5, left + 7.5), y + down, *reversed(_FAINT_THICK))
        marks.put_upright(_brush(page), "", left + 4, (y + down - 1.9, y + down + 1.9))


def sample_carets(page: Page, x: float, y: float) -> None:
    """Draw the positions of two limits."""
    marks.put_arrows(_brush(page), "", (x - 3, x + 3), y, (True, True))


def _sample_line(page: Page, x: float, y: float) -> None:
    marks.put_line(_brush(page), "", (x - 8, x + 8), y, thickness=1.1)


def _sample_band(page: Page, x: float, y: float) -> None:
    marks.put_area(_brush(page), (x - 8, x + 8), y, 5.2, 0.2)
