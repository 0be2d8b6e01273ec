"""Rows of words and marks beside each other: the one engine of every figure that has rows.

A figure is a stack of blocks; a block has columns, of words or with an axis, and rows, each with
the function that draws its marks. Widths are measured, heights follow from the lines.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis.endpoints import Endpoint
from synthesis.numbers import LEVEL, MINUS, columns_of, is_missing, size
from synthesis.plots import marks, page
from synthesis.plots.marks import Brush
from synthesis.plots.style import BAND, INK, PLAIN, Face, Sheet, tint

#: Below the heading of a column of estimates.
INTERVAL = f"({LEVEL} CrI)"

_CLEAR, _AXIS_ROOM, _STRIPE, _INDENT = 2.5, 4.0, 1.8, 5.0
_BETWEEN_BLOCKS = 7.0
# White space beside an axis in points; room for half a label at its end, in parts of the type size.
_ASIDE, _LAST_LABEL = 3.0, 0.8
# Height of a block from which its axis is repeated at the top, in points.
_LONG = 330.0
# A density is drawn where it exceeds the first, and stretches the axis where it exceeds the second
# share of its peak.
_DRAWN, _VISIBLE = 0.002, 0.01


# --- Reading tables ------------------------------------------------------------------------------


def require(
    table: pd.DataFrame,
    columns: Iterable[str],
    what: str,
    *,
    unique: Sequence[str] = (),
    known: Mapping[str, Iterable[str]] | None = None,
    may_be_empty: bool = False,
) -> None:
    """Check what a figure asks of a table.

    Raises ValueError with the name of the table: for every missing column, for no row, for two rows
    that agree in the columns `unique`, and for a word that is not `known` in its column.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        there = ", ".join(map(str, table.columns)) or "none"
        lacking = ", ".join(missing)
        raise ValueError(f"{what}: the table lacks the columns {lacking} (found: {there})")
    if table.empty and not may_be_empty:
        raise ValueError(f"{what}: the table has no rows; there is nothing to draw")
    twice = table[table.duplicated(list(unique))] if unique else table.head(0)
    if not twice.empty:
        first = ", ".join(f"{column} {twice.iloc[0][column]!s}" for column in unique)
        raise ValueError(f"{what}: two rows for {first}; expected one")
    for column, words in (known or {}).items():
        strange = [value for value in table[column] if word(value) not in words]
        if strange:
            expected = ", ".join(filter(None, words))
            raise ValueError(f"{what}: {column} is {strange[0]!r}; expected one of {expected}")


def number(value: Any) -> float:
    """A cell as a number; a missing one is NaN."""
    return math.nan if is_missing(value) else float(value)


def flag(value: Any) -> bool:
    """A cell as yes or no; a missing one is no."""
    return not is_missing(value) and bool(value)


def size_of(record: Mapping[str, Any], write: Callable[..., str] = size) -> str:
    """Cohorts and patients of a treatment: columns ``cohorts``, ``patients``, ``compared``."""
    return write(*(int(record[name]) for name in ("cohorts", "patients", "compared")))


def word(value: Any) -> str:
    """A cell as text; a missing one is empty."""
    return "" if is_missing(value) else str(value).strip()


def interval_of(
    record: Mapping[str, Any], name: str = "", factor: float = 1.0
) -> tuple[float, float, float]:
    """An estimate and its limits times `factor`, from the columns that `columns_of` names."""
    middle, lower, upper = (factor * number(record[column]) for column in columns_of(name))
    return middle, lower, upper


def spans(
    records: Iterable[Mapping[str, Any]], *names: str
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The estimates of some rows, which an axis must hold, and their limits, which may be cut."""
    found = [interval_of(record, name) for record in records for name in names or ("",)]
    middles, lower, upper = zip(*found, strict=True)
    return middles, lower + upper


def factor_of(endpoint: Endpoint) -> float:
    """What estimates are multiplied by to stand on an axis."""
    return 100.0 if endpoint.is_response else 1.0


# --- What a figure is made of --------------------------------------------------------------------


class Quiet(str):
    """A line of words that stands back."""


@dataclass(frozen=True)
class Words:
    """A column of words: rows give their lines under its name; `head` stands above it.

    Decimal points (`align` point) stand below each other, words left, counts right. A line wider
    than the share `most` of the sheet goes on in the next.
    """

    name: str
    head: tuple[str, ...]
    align: str = "point"
    most: float = 1.0


@dataclass(frozen=True)
class Axis:
    """A column with an axis on which rows draw by its name.

    `unit` stands below it, `head` above; `scale` makes its scale from its width in points and the
    face of its labels; at `null` stands a line of no difference.
    """

    name: str
    unit: str
    scale: Callable[[float, Face], page.Scale]
    head: str = ""
    null: float | None = None


def value_axis(
    inside: Iterable[float], ends: Iterable[float], *, is_share: bool, head: str = ""
) -> Axis:
    """The column ``values``: 0 to 100 %, or months on a log scale (as of `month_scale`)."""
    if is_share:
        return Axis("values", "%", partial(page.percent_scale, 0.0, 100.0), head)
    return Axis("values", "Months (log scale)", partial(page.month_scale, inside, ends), head)


@dataclass(frozen=True)
class Spot:
    """Where the marks of a row go: axes and scales by the name of their column.

    `top` is in points below the first row, `pitch` the distance of two lines of text; identifiers
    of the artists begin with `gid`.
    """

    axes: Mapping[str, Axes]
    scales: Mapping[str, page.Scale]
    top: float
    height: float
    pitch: float
    gid: str

    @property
    def middle(self) -> float:
        """Height of the centre."""
        return self.top + self.height / 2

    def line(self, place: int, of: int) -> float:
        """Height of one of several lines."""
        return self.middle + (place - (of - 1) / 2) * self.pitch

    def brush(self, column: str, hue: str = INK, role: str = "") -> Brush:
        """A brush for the axis of a column."""
        axes = self.axes[column]
        return Brush(axes, axes.transData, hue, f"{self.gid}-{role}" if role else self.gid)


Draw = Callable[[Spot], None]


@dataclass(frozen=True)
class Row:
    """One row before it is laid out.

    `detail` stands in small type after the label where there is room, below otherwise; `texts` has
    lines by column; `hue` is that of the stripe before the label. Of the kinds, a head is bold, a
    band stands on grey. `level` counts the steps by which the label is set in, `least` is the least
    height in points.
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
    def is_heading(self) -> bool:
        """Whether there is nothing but its label, which may use the whole width."""
        return self.kind != "row" and self.draw is None and not any(self.texts.values())

    def face(self, sheet: Sheet) -> Face:
        """How its words are set."""
        return sheet.text if self.kind == "row" else sheet.text.bold

    def lines(self, column: str) -> tuple[str, ...]:
        """Its lines in a column of words."""
        text = self.texts.get(column, ())
        return (text,) if isinstance(text, str) else text


@dataclass(frozen=True)
class Block:
    """Rows that share their columns, from left to right after the labels, and their axes.

    `name` begins the labels of the axes and the identifiers of the artists; `head` stands above the
    labels of the rows, `title` above the block.
    """

    name: str
    rows: Sequence[Row]
    columns: Sequence[Words | Axis]
    head: str
    title: str = ""

    @property
    def heads(self) -> tuple[object, ...]:
        """All column headings."""
        return self.head, *(column.head for column in self.columns)

    def indent(self, row: Row) -> float:
        """How far the label of a row is set in, in points."""
        return (row.level + any(other.hue for other in self.rows)) * _INDENT

    def wrapped(self, sheet: Sheet) -> Block:
        """The same with lines broken that are too wide for their column."""
        narrow = [own for own in self.columns if isinstance(own, Words) and own.most < 1.0]

        def wrapped(row: Row) -> Row:
            texts = dict(row.texts)
            for own in narrow:
                texts[own.name] = tuple(
                    type(line)(part)
                    for line in row.lines(own.name)
                    for part in page.wrap(line, row.face(sheet), own.most * sheet.width)
                )
            return replace(row, texts=texts)

        return replace(self, rows=[wrapped(row) for row in self.rows])


@dataclass(frozen=True)
class Panels:
    """What stands above the rows of a figure: its height, its letters, and what draws it.

    `draw` takes the page, its top, and the left and right end of the first axis below it.
    """

    height: float
    count: int
    draw: Callable[[page.Page, float, tuple[float, float]], None]


# --- Layout --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """A column with its place, the lines above and below it, and the room before decimal points."""

    spec: Words | Axis
    left: float
    right: float
    head: tuple[str, ...]
    unit: tuple[str, ...] = ()
    before: float = 0.0

    def start(self, line: str = "", face: Face | None = None) -> tuple[float, str]:
        """Where a line begins or is centred or ends, and which of these."""
        if isinstance(self.spec, Axis):
            return (self.left + self.right) / 2, "center"
        if self.spec.align == "right":
            return self.right, "right"
        lead = _lead(line, self.spec)
        return self.left + (self.before - page.text_width(lead, face) if lead else 0.0), "left"


@dataclass(frozen=True)
class _Set:
    """A row set in lines, in points below the first row of its block."""

    row: Row
    label: tuple[str, ...]
    detail: tuple[str, ...]
    inline: bool
    indent: float
    top: float
    height: float


@dataclass(frozen=True)
class _Placed:
    """A block laid out: lines of its title and number of those of its heads, columns, rows.

    Heights are in points; `offset` is that from the top to the first row. A long block repeats its
    axes at the top.
    """

    block: Block
    sheet: Sheet
    title: tuple[str, ...]
    heads: int
    columns: tuple[_Column, ...]
    rows: tuple[_Set, ...]

    @property
    def rows_height(self) -> float:
        return self.rows[-1].top + self.rows[-1].height + _CLEAR

    @property
    def is_long(self) -> bool:
        return self.rows_height > _LONG

    @property
    def axis_height(self) -> float:
        return _AXIS_ROOM + 1.25 * self.sheet.body

    @property
    def offset(self) -> float:
        above = len(self.title) * self.sheet.section.pitch
        heads = 7 + self.heads * self.sheet.text.pitch if self.heads else 2
        return above + heads + (self.axis_height if self.is_long else 0.0)

    @property
    def height(self) -> float:
        units = max(len(column.unit) for column in self.columns)
        below = self.axis_height + units * self.sheet.text.pitch
        return self.offset + self.rows_height + below


@dataclass(frozen=True)
class Layout:
    """A figure laid out: its frame, its blocks, and what stands above them; nothing is drawn."""

    frame: page.Frame
    blocks: tuple[_Placed, ...]
    above: Panels | None = None

    @property
    def bottom(self) -> float:
        """Where the lowest block ends, in points."""
        between = _BETWEEN_BLOCKS * (len(self.blocks) - 1)
        panels = self.above.height if self.above else 0.0
        return self.frame.top + (panels + sum(block.height for block in self.blocks) + between)

    @property
    def height(self) -> float:
        """Height in points of the whole figure."""
        return self.bottom + self.frame.below


def lay_out(
    blocks: Sequence[Block],
    sheet: Sheet,
    title: str | None,
    legend: Sequence[page.LegendEntry] = (),
    foot: str = "",
    *,
    shares: tuple[float, float, float],
    between: float = 3.0,
    above: Panels | None = None,
) -> Layout:
    """Measure the words and divide the width; columns of one name are as wide in all blocks.

    Labels may take a share of the width: `shares` are those of one column, of two columns and of a
    slide. Two rows are `between` points apart.
    """
    blocks = [block.wrapped(sheet) for block in blocks]
    label_width = _label_width(blocks, sheet.choose(*shares), sheet)
    rooms = _measure(blocks, sheet)
    placed, first = [], above.count if above else 0
    lettered = first + len(blocks) > 1
    for place, block in enumerate(blocks):
        name = f"{chr(ord('A') + first + place)} {block.title}" if lettered else block.title
        wide = sheet.width - 2 * page.MARGIN
        lines = page.wrap(name, sheet.section, wide) if block.title else ()
        columns = _place_columns(block.columns, rooms, sheet, page.MARGIN + label_width)
        repeated = place > 0 and block.heads == blocks[place - 1].heads
        heads = 0 if repeated else max([1, *(len(column.head) for column in columns)])
        rows = _set_rows(block, label_width, sheet, between)
        placed.append(_Placed(block, sheet, lines, heads, columns, rows))
    return Layout(page.make_frame(sheet, title, legend, foot), tuple(placed), above)


def _label_width(blocks: Sequence[Block], share: float, sheet: Sheet) -> float:
    least = page.widest([block.head for block in blocks], sheet.text.bold)
    needed = [
        page.text_width(row.label, row.face(sheet))
        + (4 + page.text_width(row.detail, sheet.note) if row.detail else 0.0)
        + block.indent(row)
        for block in blocks
        for row in block.rows
        if not row.is_heading
    ]
    return max(min(max([least, *needed]), share * sheet.width), least)


def _measure(blocks: Sequence[Block], sheet: Sheet) -> dict[str, tuple[float, float]]:
    """Room of the columns of words over all blocks: before the decimal point, and altogether."""
    loose, before, after = (defaultdict(float) for _ in range(3))
    columns = [(block, own) for block in blocks for own in block.columns if isinstance(own, Words)]
    for block, spec in columns:
        name = spec.name
        loose[name] = max(loose[name], page.widest(spec.head, sheet.text.bold))
        lines = ((line, row.face(sheet)) for row in block.rows for line in row.lines(name))
        for line, face in lines:
            whole, lead = page.text_width(line, face), _lead(line, spec)
            if lead:
                start = page.text_width(lead, face)
                before[name] = max(before[name], start)
                after[name] = max(after[name], whole - start)
            else:
                loose[name] = max(loose[name], whole)
    return {name: (before[name], max(before[name] + after[name], loose[name])) for name in loose}


def _lead(line: str, spec: Words) -> str:
    """The part of a number before its decimal point; empty where words stand."""
    head = line.partition(" ")[0].partition(".")[0]
    digits = head[1:] if head[:1] in (MINUS, "<", ">") else head
    aligned = spec.align == "point" and (digits.isdecimal() or head == "NR")
    return head if aligned else ""


def _place_columns(
    specs: Sequence[Words | Axis],
    rooms: Mapping[str, tuple[float, float]],
    sheet: Sheet,
    left: float,
) -> tuple[_Column, ...]:
    """Give the columns of words their widths; the axes share what these leave."""
    axes = sum(isinstance(spec, Axis) for spec in specs)
    words = sum(rooms[spec.name][1] for spec in specs if isinstance(spec, Words))
    # an axis keeps clear of the words on either side; the last of its labels needs room
    end_room = _LAST_LABEL * sheet.body if isinstance(specs[-1], Axis) else 0.0
    spare = sheet.width - page.MARGIN - left - sheet.gap * len(specs) - end_room - words
    width = spare / axes - 2 * _ASIDE
    placed, edge = [], left
    for spec in specs:
        edge += sheet.gap
        if isinstance(spec, Words):
            before, room = rooms[spec.name]
            placed.append(_Column(spec, edge, edge + room, spec.head, before=before))
            edge += room
        else:
            head = page.wrap(spec.head, sheet.text.bold, width)
            # the words may be a little wider than the axis
            unit = page.wrap(spec.unit, sheet.text, width + 2 * sheet.gap)
            placed.append(_Column(spec, edge + _ASIDE, edge + _ASIDE + width, head, unit))
            edge += width + 2 * _ASIDE
    return tuple(placed)


def _set_rows(block: Block, label_width: float, sheet: Sheet, between: float) -> tuple[_Set, ...]:
    placed, top = [], _CLEAR
    for row in block.rows:
        face, note, indent = row.face(sheet), sheet.note, block.indent(row)
        width = (sheet.width - 2 * page.MARGIN if row.is_heading else label_width) - indent
        label = page.wrap(row.label, face, width)
        room = width - page.text_width(label[-1], face) - 4 if label else width
        inline = bool(row.detail) and page.text_width(row.detail, note) <= room
        detail = (row.detail,) if inline else page.wrap(row.detail, note, width)
        tall = len(label) * face.pitch + (0 if inline else len(detail) * note.pitch)
        texts = max((len(row.lines(name)) for name in row.texts), default=0) * face.pitch
        height = max(tall, texts, row.least) + between
        if row.kind == "band" and placed:
            top += 2.0
        placed.append(_Set(row, label, detail, inline, indent, top, height))
        top += height
    return tuple(placed)


# --- Drawing -------------------------------------------------------------------------------------


def draw_blocks(layout: Layout, axes: Axes | None = None) -> Figure:
    """Draw a figure of blocks, each with its letter where there are several.

    A figure with one axis can be drawn into axes, which become that axis.
    """
    paper, top = layout.frame.open(layout.bottom, axes), layout.frame.top
    if layout.above:
        axis = next(own for own in layout.blocks[0].columns if isinstance(own.spec, Axis))
        layout.above.draw(paper, top, (axis.left, axis.right))
        top += layout.above.height
    for block in layout.blocks:
        _draw_block(paper, block, top)
        top += block.height + _BETWEEN_BLOCKS
    return paper.figure


def _draw_block(paper: page.Page, placed: _Placed, top: float) -> None:
    sheet, rows_top = placed.sheet, top + placed.offset
    top = page.put_lines(paper, page.MARGIN, top, placed.title, sheet.section)
    page.put_rule(paper, top + 1, 0.8)
    if placed.heads:
        bottom = top + 4 + placed.heads * sheet.text.pitch
        _put_heads(paper, placed, bottom)
        page.put_rule(paper, bottom + 2, 0.5)
    axes, scales = {}, {}
    for column in placed.columns:
        if isinstance(column.spec, Axis):
            name = column.spec.name
            scales[name] = column.spec.scale(column.right - column.left, sheet.text)
            axes[name] = _open_axes(paper, placed, column, scales[name], rows_top)
            below, (x, align) = rows_top + placed.rows_height + placed.axis_height, column.start()
            page.put_lines(paper, x, below, column.unit, sheet.text, align=align)
    for place, own in enumerate(placed.rows):
        gid = f"{placed.block.name}-{place}"
        _put_row(paper, own, placed, rows_top, gid)
        if own.row.draw is not None:
            own.row.draw(Spot(axes, scales, own.top, own.height, sheet.text.pitch, gid))


def _put_heads(paper: page.Page, placed: _Placed, bottom: float) -> None:
    """Set the column headings, their last lines on one height."""
    face = placed.sheet.text.bold
    page.put_text(paper, page.MARGIN, bottom - face.pitch / 2, placed.block.head, face)
    for column in placed.columns:
        x, align = column.start()
        top = bottom - len(column.head) * face.pitch
        for line in column.head:
            top = page.put_lines(paper, x, top, (line,), _face_of(line, face), align=align)


def _face_of(line: str, face: Face) -> Face:
    return face.quiet if isinstance(line, Quiet) else face


def _open_axes(
    paper: page.Page, placed: _Placed, column: _Column, scale: page.Scale, top: float
) -> Axes:
    name, spec, height = placed.block.name, column.spec, placed.rows_height
    place, heights = (column.left, top), page.Scale(height, 0.0)
    size, face = (column.right - column.left, height), placed.sheet.text
    label = f"{name} {spec.name}"
    axes = page.add_axes(paper, place, size, label, face, scale, heights, top=placed.is_long)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(bool(scale.ticks))
    axes.spines["top"].set_visible(placed.is_long)
    if spec.null is not None:
        axes.axvline(spec.null, color=INK, lw=0.6, zorder=0.9, gid=f"{name}-{spec.name}-null")
    return axes


def _put_row(paper: page.Page, own: _Set, placed: _Placed, rows_top: float, gid: str) -> None:
    """Set the words of one row."""
    row, sheet, face = own.row, placed.sheet, own.row.face(placed.sheet)
    top, middle = rows_top + own.top, rows_top + own.top + own.height / 2
    if row.kind == "band":
        wide, level = paper.width - 2 * page.MARGIN, 1 if row.is_heading else -1
        page.put_box(paper, page.MARGIN, top, wide, own.height, BAND, zorder=level)
    elif row.is_heading:  # nothing of the axes behind the words
        wide = page.widest(own.label, face) + 2 * _ASIDE
        page.put_box(paper, page.MARGIN + own.indent, top, wide, own.height, "white", zorder=1)
    if row.hue:
        page.put_box(paper, page.MARGIN, top + 0.4, _STRIPE, own.height - 0.8, row.hue, zorder=1.1)
    below = 0.0 if own.inline else len(own.detail) * sheet.note.pitch
    left, start = page.MARGIN + own.indent, middle - (len(own.label) * face.pitch + below) / 2
    end = page.put_lines(paper, left, start, own.label, face, gid=f"{gid}-label")
    name, note = f"{gid}-detail", sheet.note
    if own.inline:
        after = left + page.text_width(own.label[-1], face) + 4
        page.put_text(paper, after, end - face.pitch / 2, row.detail, note, gid=name)
    else:
        page.put_lines(paper, left, end, own.detail, note, gid=name)
    for column in placed.columns:
        lines = row.lines(column.spec.name) if isinstance(column.spec, Words) else ()
        start = middle - len(lines) * face.pitch / 2
        for place, line in enumerate(lines):
            x, align = column.start(line, face)
            y, name = start + (place + 0.5) * face.pitch, f"{gid}-{column.spec.name}-{place}"
            page.put_text(paper, x, y, line, _face_of(line, face), align=align, gid=name)


# --- What several figures share ------------------------------------------------------------------


def free_lines(spans: Iterable[tuple[float, float]], apart: float) -> list[int]:
    """Lines, counted from 0, for spans in order: the first on which one touches none before it."""
    lines: list[int] = []
    ends: list[float] = []
    for left, right in spans:
        free = (line for line, end in enumerate(ends) if left - end >= apart)
        lines.append(next(free, len(ends)))
        ends[lines[-1] : lines[-1] + 1] = [right]
    return lines


def put_estimate(
    spot: Spot,
    column: str,
    values: Sequence[float],
    *,
    y: float | None = None,
    hue: str = PLAIN,
    name: str = "",
    shape: str = "dot",
    fill: bool = True,
    extrapolated: bool = False,
    roles: tuple[str, str] = ("interval", "estimate"),
) -> None:
    """Draw an estimate with its interval, by default in the middle of a row.

    The interval ends in arrows where it goes on beyond the axis. Of what is missing nothing is
    drawn; what no report supports is open and dashed.
    """
    middle, lower, upper = values
    brush, y = spot.brush(column, hue, name), spot.middle if y is None else y
    if math.isnan(middle):
        return
    if not math.isnan(lower):
        span, beyond = spot.scales[column].clip(lower, upper)
        marks.put_line(brush, roles[0], span, y, dashed=extrapolated, arrows=beyond)
    marks.put_point(brush, middle, y, roles[1], shape=shape, fill=fill and not extrapolated)


def put_densities(spot: Spot, *, column: str, density: pd.DataFrame) -> None:
    """Draw prior (broken outline) and posterior (filled), on one vertical scale.

    `density` has the columns ``which``, ``x`` and ``density``; what lies beyond the axis is left
    out.
    """
    peak = float(density["density"].max())
    axes, scale = spot.axes[column], spot.scales[column]
    base, most = spot.top + spot.height - 1, spot.height - 4
    for which, dashes in (("posterior", "-"), ("prior", marks.DASHES)):
        curve = density[(density["which"] == which) & (density["density"] >= _DRAWN * peak)]
        curve = curve[curve["x"].between(scale.lower, scale.upper)].sort_values("x")
        x = curve["x"].to_numpy(dtype=float)
        y = base - most * curve["density"].to_numpy(dtype=float) / peak
        if which == "posterior" and len(x):
            area = axes.fill_between(x, y, base, fc=tint(INK, marks.AREA_SHARE), ec="none", lw=0)
            area.set(gid=f"{spot.gid}-posterior-area", zorder=2)
        axes.plot(x, y, color=INK, lw=0.9, ls=dashes, zorder=3, gid=f"{spot.gid}-{which}")


def visible(density: pd.DataFrame) -> list[float]:
    """Where densities are high enough to be seen: what an axis should hold."""
    peaks = density.groupby(["parameter", "which"])["density"].transform("max")
    return density.loc[density["density"] >= _VISIBLE * peaks, "x"].astype(float).tolist()
