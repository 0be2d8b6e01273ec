"""Rows of words and marks beside each other: the one engine of every figure that has rows.

A figure is a stack of blocks; a block has columns, some of words and some with an axis, and rows.
Widths are measured, heights follow from the lines of each row, and every row brings the function
that draws its marks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis.numbers import MINUS
from synthesis.plots import marks
from synthesis.plots.marks import Brush
from synthesis.plots.page import (
    MARGIN,
    LegendEntry,
    Page,
    add_axes,
    make_frame,
    put_box,
    put_lines,
    put_rule,
    put_text,
    text_width,
    widest,
    wrap,
)
from synthesis.plots.scales import Scale, apply_scale
from synthesis.plots.style import BAND, INK, MUTED, POINTS_PER_MM, Sheet, tint

if TYPE_CHECKING:
    import pandas as pd

_CLEAR, _AXIS_ROOM, _STRIPE, _INDENT = 2.5, 4.0, 1.8, 5.0
_BETWEEN_BLOCKS = 7.0
# White space beside an axis in points; room for half a label at its end, in parts of the type size.
_ASIDE, _LAST_LABEL = 3.0, 0.8
# Height of a block from which its axis is repeated at the top, in points.
_LONG = 330.0

#: A density is drawn, and stretches the axis, where it exceeds this share of its peak.
VISIBLE = 0.01


class Quiet(str):
    """A line of words that stands back."""


@dataclass(frozen=True)
class Words:
    """A column of words.

    Attributes
    ----------
    name : str
        Rows give their lines under it.
    head : tuple of str
        Above it.
    align : {"point", "left", "right"}
        Numbers stand with their decimal points below each other; words left, counts right.
    """

    name: str
    head: tuple[str, ...]
    align: str = "point"


@dataclass(frozen=True)
class Axis:
    """A column with an axis.

    Attributes
    ----------
    name : str
        Rows draw on it by its name.
    unit : str
        Below it.
    scale : callable
        Width in points -> scale.
    head : tuple of str
        Above it.
    note : str
        In small type below the unit.
    null : float or None
        Where a line of no difference stands.
    part : float
        Of the width that the axes share.
    """

    name: str
    unit: str
    scale: Callable[[float], Scale]
    head: tuple[str, ...] = ()
    note: str = ""
    null: float | None = None
    part: float = 1.0


@dataclass(frozen=True)
class Spot:
    """Where the marks of a row go; vertical positions are points below the first row.

    Attributes
    ----------
    axes, scales : mapping
        By the name of the column.
    top, height : float
    pitch : float
        Distance between two lines of text.
    gid : str
        Beginning of the identifiers of its artists.
    """

    axes: Mapping[str, Axes]
    scales: Mapping[str, Scale]
    top: float
    height: float
    pitch: float
    gid: str

    @property
    def middle(self) -> float:
        """Height of its centre."""
        return self.top + self.height / 2

    def line(self, number: int, of: int) -> float:
        """Height of one of several lines."""
        return self.middle + (number - (of - 1) / 2) * self.pitch

    def brush(self, column: str, hue: str = INK, role: str = "") -> Brush:
        """A brush for the axis of a column."""
        axes = self.axes[column]
        return Brush(axes, axes.transData, hue, f"{self.gid}-{role}" if role else self.gid)


Draw = Callable[[Spot], None]


@dataclass(frozen=True)
class Row:
    """One row before it is laid out.

    Attributes
    ----------
    label, detail : str
        What it is; `detail` in small type after it where there is room, below otherwise.
    texts : mapping
        Name of a column of words -> one line, or several.
    draw : callable or None
        Draws its marks.
    hue : str
        Of the stripe before the label; empty for none.
    kind : {"row", "head", "band"}
        A head is bold, a band stands on grey; both may have words and marks.
    level : int
        Steps by which the label is set in.
    least : float
        Least height in points.
    """

    label: str
    detail: str = ""
    texts: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    draw: Draw | None = None
    hue: str = ""
    kind: str = "row"
    level: int = 0
    least: float = 0.0

    @property
    def weight(self) -> str:
        """Weight of its type."""
        return "normal" if self.kind == "row" else "bold"

    @property
    def is_heading(self) -> bool:
        """Whether there is nothing but its label, which may use the whole width."""
        return self.kind != "row" and not self.texts and self.draw is None

    def lines(self, column: str) -> tuple[str, ...]:
        """Its lines in a column of words."""
        text = self.texts.get(column, ())
        return (text,) if isinstance(text, str) else text


@dataclass(frozen=True)
class Block:
    """Rows that share their columns and axes.

    Attributes
    ----------
    name : str
        Beginning of the labels of its axes and of the identifiers of its artists.
    rows : sequence of Row
    columns : sequence of Words and Axis
        From left to right; the labels of the rows stand before them.
    head : str
        Above the labels.
    title : str
        Above the block, after its letter.
    """

    name: str
    rows: Sequence[Row]
    columns: Sequence[Words | Axis]
    head: str
    title: str = ""


@dataclass(frozen=True)
class Panels:
    """What stands above the rows of a figure: its height, and what draws it from a top."""

    height: float
    draw: Callable[[Page, float], None]


# --- Layout --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fit:
    """Widths of a column of words: before and after the decimal point, and of what has none."""

    before: float = 0.0
    after: float = 0.0
    loose: float = 0.0

    @property
    def width(self) -> float:
        """Width over all."""
        return max(self.before + self.after, self.loose)


@dataclass(frozen=True)
class _Column:
    """A column with its place."""

    spec: Words | Axis
    left: float
    right: float
    fit: _Fit = _Fit()

    def start(self, text: str, size: float, weight: str) -> tuple[float, str]:
        """Where a line begins (or ends), and how it is aligned."""
        if self.spec.align == "right":
            return self.right, "right"
        lead = _lead(text) if self.spec.align == "point" else ""
        shift = self.fit.before - text_width(lead, size, weight) if lead else 0.0
        return self.left + shift, "left"


@dataclass(frozen=True)
class _Set:
    """A row set in lines, in points below the first row of its block."""

    row: Row
    label: tuple[str, ...]
    detail: tuple[str, ...]
    inline: bool
    top: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Blocks laid out on a sheet: nothing is drawn yet.

    Attributes
    ----------
    sheet : Sheet
    blocks : tuple
        Each with its columns and its rows in lines.
    first_letter : int
        Panels before the first block that have a letter.
    """

    sheet: Sheet
    blocks: tuple[tuple[Block, tuple[_Column, ...], tuple[_Set, ...]], ...]
    first_letter: int = 0

    def height(self, number: int) -> float:
        """Height in points of the rows of a block."""
        last = self.blocks[number][2][-1]
        return last.top + last.height + _CLEAR


def lay_out(
    blocks: Sequence[Block],
    sheet: Sheet,
    *,
    label_share: float,
    between: float = 3.0,
    first_letter: int = 0,
) -> Layout:
    """Measure the words and divide the width.

    Parameters
    ----------
    blocks : sequence of Block
        Columns of words that have one name have one width in all of them.
    sheet : Sheet
    label_share : float
        Of the width that labels may take.
    between : float
        White space in points between two rows.
    first_letter : int
        Panels before the first block that have a letter.
    """
    blocks = [_without_stripes(block) for block in blocks]
    rows = [row for block in blocks for row in block.rows]
    label_width = _label_width(rows, [block.head for block in blocks], label_share, sheet)
    fits = _fit_words(blocks, sheet.body)
    placed = []
    for block in blocks:
        columns = _place_columns(block.columns, fits, sheet, MARGIN + label_width)
        placed.append((block, columns, _set_rows(block.rows, label_width, sheet, between)))
    return Layout(sheet, tuple(placed), first_letter)


def _indent(row: Row, rows: Iterable[Row]) -> float:
    return (_INDENT if any(other.hue for other in rows) else 0.0) + row.level * _INDENT


def _without_stripes(block: Block) -> Block:
    """Stripes tell classes apart: where all are alike they say nothing, and go."""
    if len({row.hue for row in block.rows if row.hue}) > 1:
        return block
    return replace(block, rows=[replace(row, hue="") for row in block.rows])


def _label_width(rows: Sequence[Row], heads: Sequence[str], share: float, sheet: Sheet) -> float:
    needed = [widest(heads, sheet.body, "bold")]
    for row in rows:
        if not row.is_heading:
            label = text_width(row.label, sheet.body, row.weight)
            if row.detail:
                label += 4 + text_width(row.detail, sheet.small)
            needed.append(label + _indent(row, rows))
    return max(min(max(needed), share * sheet.width), needed[0])


def _fit_words(blocks: Sequence[Block], size: float) -> dict[str, _Fit]:
    """Measure the columns of words over all blocks."""
    fits: dict[str, _Fit] = {}
    for block in blocks:
        for spec in block.columns:
            if not isinstance(spec, Words):
                continue
            fit = fits.get(spec.name, _Fit())
            loose = max(fit.loose, widest(spec.head, size, "bold"))
            fits[spec.name] = replace(fit, loose=loose)
            for row in block.rows:
                for line in row.lines(spec.name):
                    fits[spec.name] = _widened(fits[spec.name], line, row, spec, size)
    return fits


def _widened(fit: _Fit, line: str, row: Row, spec: Words, size: float) -> _Fit:
    whole = text_width(line, size, row.weight)
    lead = _lead(line) if spec.align == "point" else ""
    if not lead:
        return replace(fit, loose=max(fit.loose, whole))
    before = text_width(lead, size, row.weight)
    return replace(fit, before=max(fit.before, before), after=max(fit.after, whole - before))


def _lead(text: str) -> str:
    """The part of a number before its decimal point; empty where words stand."""
    head = text.partition(" ")[0].partition(".")[0]
    digits = head[1:] if head[:1] in (MINUS, "<", ">") else head
    return head if digits.isdecimal() or head == "NR" else ""


def _place_columns(
    specs: Sequence[Words | Axis], fits: Mapping[str, _Fit], sheet: Sheet, left: float
) -> tuple[_Column, ...]:
    """Give the columns of words their widths; the axes share what these leave."""
    axes = [spec for spec in specs if isinstance(spec, Axis)]
    words = sum(fits[spec.name].width for spec in specs if isinstance(spec, Words))
    # an axis keeps clear of the words on either side; the last of its labels needs room
    end_room = _LAST_LABEL * sheet.body if isinstance(specs[-1], Axis) else 0.0
    spare = sheet.width - MARGIN - left - sheet.gap * len(specs) - end_room
    spare -= words + 2 * _ASIDE * len(axes)
    parts = sum(spec.part for spec in axes)
    placed, edge = [], left
    for spec in specs:
        edge += sheet.gap
        if isinstance(spec, Words):
            fit = fits[spec.name]
            placed.append(_Column(spec, edge, edge + fit.width, fit))
            edge += fit.width
        else:
            width = spare * spec.part / parts
            placed.append(_Column(spec, edge + _ASIDE, edge + _ASIDE + width))
            edge += width + 2 * _ASIDE
    return tuple(placed)


def _set_rows(
    rows: Sequence[Row], label_width: float, sheet: Sheet, between: float
) -> tuple[_Set, ...]:
    placed, top = [], _CLEAR
    for row in rows:
        width = sheet.width - 2 * MARGIN if row.is_heading else label_width
        width -= _indent(row, rows)
        label = wrap(row.label, sheet.body, width, row.weight)
        room = width - text_width(label[-1], sheet.body, row.weight) - 4 if label else width
        inline = bool(row.detail) and text_width(row.detail, sheet.small) <= room
        detail = (row.detail,) if inline else wrap(row.detail, sheet.small, width)
        tall = len(label) * sheet.pitch + (0 if inline else len(detail) * sheet.small_pitch)
        texts = max((len(row.lines(name)) for name in row.texts), default=0) * sheet.pitch
        height = max(tall, texts, row.least) + between
        if row.kind == "band" and placed:
            top += 2.0
        placed.append(_Set(row, label, detail, inline, top, height))
        top += height
    return tuple(placed)


# --- Drawing -------------------------------------------------------------------------------------


def draw_blocks(
    layout: Layout,
    *,
    title: str | None = None,
    legend: Sequence[LegendEntry] = (),
    foot: str = "",
    above: Panels | None = None,
) -> Figure:
    """Draw a figure of blocks, each with its letter where there are several.

    Parameters
    ----------
    layout : Layout
    title, legend, foot
        Around the blocks.
    above : Panels, optional
        What is drawn between title and blocks.
    """
    sheet = layout.sheet
    frame = make_frame(sheet, title, legend, foot)
    tops, bottom = [], frame.top + (above.height if above else 0.0)
    for number in range(len(layout.blocks)):
        tops.append(bottom)
        bottom += _block_height(layout, number) + _BETWEEN_BLOCKS
    page = frame.open(bottom - _BETWEEN_BLOCKS)
    if above is not None:
        above.draw(page, frame.top)
    for number, top in enumerate(tops):
        _draw_block(page, layout, number, top)
    return page.figure


def figure_height(
    layout: Layout, *, title: str | None = None, legend: Sequence[LegendEntry] = (), foot: str = ""
) -> float:
    """Height in millimetres of the figure that `draw_blocks` makes of the same."""
    frame = make_frame(layout.sheet, title, legend, foot)
    heights = [_block_height(layout, number) for number in range(len(layout.blocks))]
    between = _BETWEEN_BLOCKS * (len(heights) - 1)
    return (frame.top + sum(heights) + between + frame.below) / POINTS_PER_MM


def _title_lines(layout: Layout, number: int) -> tuple[str, ...]:
    block, sheet = layout.blocks[number][0], layout.sheet
    place = layout.first_letter + number
    letter = f"{chr(ord('A') + place)}  " if place or len(layout.blocks) > 1 else ""
    title = f"{letter}{block.title}" if block.title else ""
    return wrap(title, sheet.body + 0.5, sheet.width - 2 * MARGIN, "bold")


def _offset(layout: Layout, number: int) -> float:
    """Distance in points from the top of a block to its first row."""
    sheet = layout.sheet
    above = len(_title_lines(layout, number)) * 1.3 * (sheet.body + 0.5)
    axis = _AXIS_ROOM + 1.2 * sheet.body if _is_long(layout, number) else 0.0
    heads = _head_lines(layout, number)
    return above + (4 + heads * 1.2 * sheet.body + 3 if heads else 2) + axis


def _head_lines(layout: Layout, number: int) -> int:
    """Lines of the column headings; none where those of the block above say the same."""
    heads = [(block.head, *(spec.head for spec in block.columns)) for block, _, _ in layout.blocks]
    if number and heads[number] == heads[number - 1]:
        return 0
    return max([1, *map(len, heads[number][1:])])


def _is_long(layout: Layout, number: int) -> bool:
    return layout.height(number) > _LONG


def _under(column: _Column, sheet: Sheet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Lines of unit and note below an axis, which may be a little wider than it."""
    if isinstance(column.spec, Words):
        return (), ()
    width = column.right - column.left + 2 * sheet.gap
    return wrap(column.spec.unit, sheet.body, width), wrap(column.spec.note, sheet.small, width)


def _block_height(layout: Layout, number: int) -> float:
    sheet = layout.sheet
    under = [_under(column, sheet) for column in layout.blocks[number][1]]
    below = max(len(unit) * sheet.pitch + len(note) * sheet.small_pitch for unit, note in under)
    axis = _AXIS_ROOM + 1.25 * sheet.body
    return _offset(layout, number) + layout.height(number) + axis + below


def _draw_block(page: Page, layout: Layout, number: int, top: float) -> None:
    block, columns, rows = layout.blocks[number]
    sheet, size = layout.sheet, layout.sheet.body
    titles = _title_lines(layout, number)
    top = put_lines(page, MARGIN, top, titles, size + 0.5, pitch=1.3 * (size + 0.5), weight="bold")
    right, pitch = page.width - MARGIN, 1.2 * size
    heads = _head_lines(layout, number)
    rows_top = top + 2
    put_rule(page, MARGIN, right, top + 1, 0.8)
    if heads:
        head_bottom = top + 4 + heads * pitch
        put_text(page, MARGIN, head_bottom - pitch / 2, block.head, size, weight="bold")
        for column in columns:
            _put_head(page, column, head_bottom - len(column.spec.head) * pitch, size, pitch)
        put_rule(page, MARGIN, right, head_bottom + 2, 0.5)
        rows_top = head_bottom + 3
    if _is_long(layout, number):
        rows_top += _AXIS_ROOM + 1.2 * size
    axes, scales = {}, {}
    height = layout.height(number)
    for column in columns:
        if isinstance(column.spec, Axis):
            name = column.spec.name
            scales[name] = column.spec.scale(column.right - column.left)
            axes[name] = _open_axes(page, block, column, scales[name], (rows_top, height), sheet)
            _put_under(page, column, rows_top + height, sheet)
    every = [row.row for row in rows]
    for index, placed in enumerate(rows):
        gid = f"{block.name}-{index}"
        _put_row(page, placed, columns, rows_top, _indent(placed.row, every), sheet, gid)
        if placed.row.draw is not None:
            placed.row.draw(Spot(axes, scales, placed.top, placed.height, sheet.pitch, gid))


def _put_head(page: Page, column: _Column, top: float, size: float, pitch: float) -> None:
    x, align = column.left, "left"
    if isinstance(column.spec, Axis):
        x, align = (column.left + column.right) / 2, "center"
    elif column.spec.align == "right":
        x, align = column.right, "right"
    for line in column.spec.head:
        color = MUTED if isinstance(line, Quiet) else INK
        lines = (line,)
        top = put_lines(
            page, x, top, lines, size, pitch=pitch, weight="bold", align=align, color=color
        )


def _open_axes(
    page: Page,
    block: Block,
    column: _Column,
    scale: Scale,
    span: tuple[float, float],
    sheet: Sheet,
) -> Axes:
    top, height = span
    label = f"{block.name} {column.spec.name}"
    axes = add_axes(page, column.left, top, column.right - column.left, height, label)
    axes.set_ylim(height, 0)
    axes.yaxis.set_visible(False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    is_long = height > _LONG
    axes.spines["top"].set_visible(is_long)
    apply_scale(axes, scale, sheet.body, top=is_long)
    if column.spec.null is not None:
        null = axes.axvline(column.spec.null, color=INK, lw=0.6, zorder=0.9)
        null.set_gid(f"{block.name}-{column.spec.name}-null")
    return axes


def _put_under(page: Page, column: _Column, top: float, sheet: Sheet) -> None:
    unit, note = _under(column, sheet)
    centre = (column.left + column.right) / 2
    top += _AXIS_ROOM + 1.25 * sheet.body
    top = put_lines(page, centre, top, unit, sheet.body, pitch=sheet.pitch, align="center")
    put_lines(
        page,
        centre,
        top,
        note,
        sheet.small,
        pitch=sheet.small_pitch,
        align="center",
        color=MUTED,
    )


def _put_row(
    page: Page,
    placed: _Set,
    columns: Sequence[_Column],
    rows_top: float,
    indent: float,
    sheet: Sheet,
    gid: str,
) -> None:
    """Set the words of one row."""
    row, size = placed.row, sheet.body
    top, middle = rows_top + placed.top, rows_top + placed.top + placed.height / 2
    if row.kind != "row":
        # Nothing of the axes behind a heading that runs over them.
        hue, zorder = (BAND, -1) if row.kind == "band" else ("white", 1)
        if row.kind == "band" or row.is_heading:
            zorder = 1 if row.is_heading else zorder
            wide = page.width - 2 * MARGIN
            put_box(page, MARGIN, top, wide, placed.height, hue, zorder=zorder)
    if row.hue:
        put_box(page, MARGIN, top + 0.4, _STRIPE, placed.height - 0.8, row.hue, zorder=1.1)
    tall = len(placed.label) * sheet.pitch
    tall += 0 if placed.inline else len(placed.detail) * sheet.small_pitch
    left, start = MARGIN + indent, middle - tall / 2
    below = put_lines(
        page, left, start, placed.label, size, pitch=sheet.pitch, weight=row.weight,
        gid=f"{gid}-label",
    )  # fmt: skip
    if placed.inline:
        after = left + text_width(placed.label[-1], size, row.weight) + 4
        y = below - sheet.pitch / 2
        put_text(page, after, y, row.detail, sheet.small, color=MUTED, gid=f"{gid}-detail")
    else:
        put_lines(
            page, left, below, placed.detail, sheet.small, pitch=sheet.small_pitch, color=MUTED,
            gid=f"{gid}-detail",
        )  # fmt: skip
    for column in columns:
        lines = row.lines(column.spec.name) if isinstance(column.spec, Words) else ()
        start = middle - len(lines) * sheet.pitch / 2
        for number, line in enumerate(lines):
            x, align = column.start(line, size, row.weight)
            y = start + (number + 0.5) * sheet.pitch
            color = MUTED if isinstance(line, Quiet) else INK
            put_text(
                page, x, y, line, size, weight=row.weight, color=color, align=align,
                gid=f"{gid}-{column.spec.name}-{number}",
            )  # fmt: skip


# --- Marks that several figures share ------------------------------------------------------------


def put_estimate(
    brush: Brush,
    scale: Scale,
    values: Sequence[float],
    y: float,
    *,
    shape: str = "dot",
    extrapolated: bool = False,
    fill: bool = True,
) -> None:
    """Draw an estimate with its interval, which ends in arrows where it goes on beyond the axis.

    Nothing is drawn of an estimate that is missing; one that no report supports is open, its
    interval dashed.
    """
    middle, lower, upper = values
    if math.isnan(middle):
        return
    if not math.isnan(lower):
        span, beyond = scale.clip(lower, upper)
        marks.put_line(brush, "interval", span, y, dashed=extrapolated, arrows=beyond)
    marks.put_point(brush, middle, y, shape=shape, fill=fill and not extrapolated)


def put_prediction(
    brush: Brush, scale: Scale, outer: tuple[float, float], inner: tuple[float, float], y: float
) -> None:
    """Draw a prediction as a pale bar (95 %) with a darker one (50 %) inside."""
    ends, beyond = scale.clip(*outer)
    marks.put_area(brush.named("95"), ends, y, 6.0, 0.2)
    marks.put_area(brush.named("50"), scale.clip(*inner)[0], y, 6.0, 0.5)
    marks.put_arrows(brush, "expected", ends, y, beyond)


def put_densities(spot: Spot, column: str, density: pd.DataFrame) -> None:
    """Draw prior (broken outline) and posterior (filled) of one quantity, on one vertical scale.

    Parameters
    ----------
    spot : Spot
    column : str
        Name of the axis; what lies beyond it is left out.
    density : DataFrame
        Columns ``which`` (prior, posterior), ``x``, ``density`` of one quantity.
    """
    peak = float(density["density"].max())
    axes, scale = spot.axes[column], spot.scales[column]
    base, most = spot.top + spot.height - 1, spot.height - 4
    for which in ("posterior", "prior"):
        curve = density[(density["which"] == which) & (density["density"] >= 0.002 * peak)]
        curve = curve[curve["x"].between(scale.lower, scale.upper)].sort_values("x")
        if curve.empty:
            continue
        x = curve["x"].to_numpy(dtype=float)
        y = base - most * curve["density"].to_numpy(dtype=float) / peak
        if which == "posterior":
            area = axes.fill_between(x, y, base, fc=tint(INK, marks.AREA_SHARE), ec="none", lw=0)
            area.set(gid=f"{spot.gid}-posterior-area", zorder=2)
        style = "-" if which == "posterior" else marks.DASHES
        (line,) = axes.plot(x, y, color=INK, lw=0.9, ls=style, zorder=3)
        line.set_gid(f"{spot.gid}-{which}")


def visible(density: pd.DataFrame, by: Sequence[str]) -> list[float]:
    """Where densities are high enough to be seen: what an axis should hold."""
    peaks = density.groupby(list(by))["density"].transform("max")
    return density.loc[density["density"] >= VISIBLE * peaks, "x"].astype(float).tolist()
