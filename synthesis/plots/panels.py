"""Rows of words and marks beside each other: figures with several axes over the same rows.

A figure is a list of rows and a list of columns, some of words and some with an axis. Widths are
measured, heights follow from the lines of each row, and what is drawn on the axes is the business
of the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter

from synthesis.plots.cells import as_number, signs
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
    text_width,
    widest,
    wrap,
)
from synthesis.plots.scales import Scale, apply_scale
from synthesis.plots.style import INK, MUTED, Sheet

MINUS = "\N{MINUS SIGN}"

_CLEAR, _BETWEEN, _AXIS_ROOM = 3.0, 3.0, 4.0
_STRIPE, _INDENT = 1.8, 5.0
# White space beside an axis in points; room for half a label at its end, in parts of the type size.
_ASIDE, _LAST_LABEL = 3.0, 0.8


@dataclass(frozen=True)
class Words:
    """A column of words; its lines stand in the rows under its name."""

    name: str
    head: tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """A column with an axis.

    Attributes
    ----------
    name : str
        Label of the Axes.
    head : tuple of str
        Above it.
    unit : str
        Below it.
    scale : callable
        Width in points -> scale.
    null : float or None
        Where a line of no difference stands.
    part : float
        Of the width that the axes share.
    """

    name: str
    head: tuple[str, ...]
    unit: str
    scale: Callable[[float], Scale]
    null: float | None = None
    part: float = 1.0


@dataclass(frozen=True)
class Row:
    """One row before it is laid out.

    Attributes
    ----------
    label, detail : str
        What it is; `detail` in smaller type below.
    texts : mapping
        Name of a column of words -> lines.
    hue : str
        Of the stripe before the label; empty for none.
    least : float
        Least height in points.
    heading : bool
        Bold, over the whole width, with room above.
    """

    label: str
    detail: str = ""
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hue: str = ""
    least: float = 0.0
    heading: bool = False


@dataclass(frozen=True)
class Place:
    """Where a row stands, in points below the first."""

    top: float
    height: float

    @property
    def middle(self) -> float:
        """Height of its centre."""
        return self.top + self.height / 2


@dataclass(frozen=True)
class Drawn:
    """A figure with its words, ready for marks.

    Attributes
    ----------
    page : Page
    axes : mapping
        Name of a column -> Axes; vertical positions are points below the first row.
    scales : mapping
    places : tuple of Place
        Of the rows.
    """

    page: Page
    axes: Mapping[str, Axes]
    scales: Mapping[str, Scale]
    places: tuple[Place, ...]

    @property
    def figure(self) -> Figure:
        """The figure drawn on."""
        return self.page.figure


@dataclass(frozen=True)
class _Column:
    """A column with its place; `values` for words, `scale` for an axis."""

    spec: Words | Axis
    left: float
    right: float
    values: ValueColumn | None = None
    scale: Scale | None = None


def draw_rows(
    rows: Sequence[Row],
    columns: Sequence[Words | Axis],
    sheet: Sheet,
    *,
    head: str,
    label_share: float,
    title: str | None = None,
    legend: Sequence[LegendEntry] = (),
    foot: str = "",
) -> Drawn:
    """Lay a figure out and set its words; marks are drawn on what it returns.

    Parameters
    ----------
    rows : sequence of Row
    columns : sequence of Words and Axis
        From left to right; the labels of the rows stand before them.
    sheet : Sheet
    head : str
        Above the labels.
    label_share : float
        Of the width that labels may take.
    title, legend, foot
        Above and below.
    """
    size, inner = sheet.body, sheet.width - 2 * MARGIN
    indent, label_width = _fit_labels(rows, head, label_share, sheet)
    placed = _place_columns(rows, columns, sheet, MARGIN + label_width)
    set_rows = [_set(row, label_width - indent, sheet) for row in rows]
    places = _stack([height for _, _, height in set_rows])
    height = places[-1].top + places[-1].height + _CLEAR

    titles = wrap(title or "", sheet.title, inner, "bold")
    top = MARGIN + len(titles) * 1.4 * sheet.title + (3 if titles else 0)
    pitch = 1.22 * size
    head_lines = max([1, *(len(column.spec.head) for column in placed)])
    rows_top = top + 4 + head_lines * pitch + 3
    lines = flow_legend(legend, sheet.small, inner)
    unit_top = rows_top + height + _AXIS_ROOM + 1.5 * size
    unit_lines = {c.spec.name: _unit(c, sheet) for c in placed if isinstance(c.spec, Axis)}
    legend_top = unit_top + max(map(len, unit_lines.values()), default=0) * pitch + 5
    foot_lines = wrap(foot, sheet.small, inner)
    foot_top = legend_top + len(lines) * legend_pitch(sheet.small) + 2
    page = open_page(
        sheet.width, foot_top + len(foot_lines) * 1.3 * sheet.small + (MARGIN if foot else 0) + 1
    )
    put_lines(page, MARGIN, MARGIN, titles, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    put_rule(page, MARGIN, page.width - MARGIN, top + 1, 0.8)
    put_text(page, MARGIN, rows_top - 3 - pitch / 2, head, size, weight="bold")
    for column in placed:
        start = rows_top - 3 - len(column.spec.head) * pitch
        put_lines(page, column.left, start, column.spec.head, size, pitch=pitch, weight="bold")
    put_rule(page, MARGIN, page.width - MARGIN, rows_top - 1, 0.5)
    axes, scales = {}, {}
    for column in placed:
        if isinstance(column.spec, Axis):
            name, centre = column.spec.name, (column.left + column.right) / 2
            axes[name] = _open_axes(page, column, rows_top, height, size)
            scales[name] = column.scale
            put_lines(page, centre, unit_top, unit_lines[name], size, pitch=pitch, align="center")
    for row, place, (label, detail, _) in zip(rows, places, set_rows, strict=True):
        _put_row(page, row, place, (label, detail), placed, sheet, (rows_top, indent))
    put_legend(page, MARGIN, legend_top, lines, sheet.small)
    put_lines(page, MARGIN, foot_top, foot_lines, sheet.small, pitch=1.3 * sheet.small, color=MUTED)
    return Drawn(page, axes, scales, places)


def _fit_labels(
    rows: Sequence[Row], head: str, label_share: float, sheet: Sheet
) -> tuple[float, float]:
    """Indent of the labels, and the width that they take with it."""
    indent = _INDENT if any(row.hue for row in rows) else 0.0
    plain = [row for row in rows if not row.heading]
    labels = widest([row.label for row in plain], sheet.body)
    details = widest([row.detail for row in plain], sheet.small)
    width = min(max(labels, details) + indent, label_share * sheet.width)
    return indent, max(width, widest([head], sheet.body, "bold"))


def _place_columns(
    rows: Sequence[Row], columns: Sequence[Words | Axis], sheet: Sheet, left: float
) -> tuple[_Column, ...]:
    """Measure the words; the axes share what these leave of the width."""
    size = sheet.body
    fitted = {
        spec.name: fit_signed(
            [text for row in rows for text in row.texts.get(spec.name, ())], spec.head, size
        )
        for spec in columns
        if isinstance(spec, Words)
    }
    # an axis keeps clear of the words on either side; the last of its labels needs room
    count = len(columns) - len(fitted)
    end_room = _LAST_LABEL * size if isinstance(columns[-1], Axis) else 0.0
    spare = sheet.width - MARGIN - left - sheet.gap * len(columns) - end_room
    spare -= sum(own.width for own in fitted.values()) + 2 * _ASIDE * count
    parts = sum(spec.part for spec in columns if isinstance(spec, Axis))
    placed, edge = [], left
    for spec in columns:
        edge += sheet.gap
        if isinstance(spec, Words):
            values = replace(fitted[spec.name], left=edge)
            placed.append(_Column(spec, edge, edge + values.width, values=values))
        else:
            start = edge + _ASIDE
            end = start + max(spare * spec.part / parts, widest(spec.head, size, "bold"))
            placed.append(_Column(spec, start, end, scale=spec.scale(end - start)))
        edge = placed[-1].right + (_ASIDE if isinstance(spec, Axis) else 0.0)
    return tuple(placed)


def _set(row: Row, width: float, sheet: Sheet) -> tuple[tuple[str, ...], tuple[str, ...], float]:
    """Lines of label and detail, and the height of a row."""
    if row.heading:
        label = wrap(row.label, sheet.body, sheet.width - 2 * MARGIN, "bold")
        return label, (), len(label) * sheet.pitch + 4.0
    label = wrap(row.label, sheet.body, width)
    detail = wrap(row.detail, sheet.small, width)
    words = len(label) * sheet.pitch + len(detail) * 1.2 * sheet.small
    texts = max(map(len, row.texts.values()), default=0) * sheet.pitch
    return label, detail, max(words, texts, row.least) + _BETWEEN


def _stack(heights: Sequence[float]) -> tuple[Place, ...]:
    places, top = [], _CLEAR
    for height in heights:
        places.append(Place(top, height))
        top += height
    return tuple(places)


def _unit(column: _Column, sheet: Sheet) -> tuple[str, ...]:
    """Lines of the unit, which may be a little wider than the axis."""
    return wrap(column.spec.unit, sheet.body, column.right - column.left + sheet.gap)


def _open_axes(page: Page, column: _Column, top: float, height: float, size: float) -> Axes:
    axes = add_axes(page, column.left, top, column.right - column.left, height)
    axes.set_label(column.spec.name)
    axes.set_ylim(height, 0)
    axes.yaxis.set_visible(False)
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    apply_scale(axes, column.scale, size)
    axes.xaxis.set_major_formatter(FixedFormatter([signs(x) for x in column.scale.labels]))
    if column.spec.null is not None:
        null = axes.axvline(column.spec.null, color=INK, lw=0.6, zorder=0.9)
        null.set_gid(f"{column.spec.name}-null")
    return axes


def _put_row(
    page: Page,
    row: Row,
    place: Place,
    lines: tuple[tuple[str, ...], tuple[str, ...]],
    columns: Sequence[_Column],
    sheet: Sheet,
    offsets: tuple[float, float],
) -> None:
    """Set the words of one row; `offsets` are those of the rows and of the labels."""
    (label, detail), (rows_top, indent), size = lines, offsets, sheet.body
    middle = rows_top + place.middle
    if row.heading:
        # nothing of the axes behind the words
        corner = MARGIN, rows_top + place.top + 0.8
        size_of = page.width - 2 * MARGIN, place.height - 0.8
        blank = Rectangle(corner, *size_of, fc="white", ec="none", transform=page.transform)
        blank.set_zorder(1)
        page.figure.add_artist(blank)
        start = rows_top + place.top + place.height - len(label) * sheet.pitch
        put_lines(page, MARGIN, start, label, size, pitch=sheet.pitch, weight="bold")
        return
    if row.hue:
        box = (MARGIN, rows_top + place.top + 0.8), _STRIPE, place.height - 1.6
        stripe = Rectangle(*box, fc=row.hue, ec="none", transform=page.transform)
        page.figure.add_artist(stripe)
    tall = len(label) * sheet.pitch + len(detail) * 1.2 * sheet.small
    left = MARGIN + indent
    below = put_lines(page, left, middle - tall / 2, label, size, pitch=sheet.pitch)
    put_lines(page, left, below, detail, sheet.small, pitch=1.2 * sheet.small, color=MUTED)
    for column in columns:
        texts = row.texts.get(column.spec.name, ()) if column.values else ()
        start = middle - len(texts) * sheet.pitch / 2
        for number, text in enumerate(texts):
            written = signs(text)
            x = start_signed(column.values, written, size)
            put_text(page, x, start + (number + 0.5) * sheet.pitch, written, size)


def fit_signed(texts: Sequence[str], head: tuple[str, ...], size: float) -> ValueColumn:
    """Fit a column of figures of which some have a minus sign before them."""
    shown = [signs(text) for text in texts]
    fitted = fit_values([text.removeprefix(MINUS) for text in shown], head, size)
    sign = text_width(MINUS, size) if any(text.startswith(MINUS) for text in shown) else 0.0
    return ValueColumn(
        0.0, max(fitted.width + sign, widest(head, size, "bold")), fitted.point + sign
    )


def start_signed(column: ValueColumn, text: str, size: float) -> float:
    """Where a figure begins so that points stand below each other, signs before them."""
    sign = text_width(MINUS, size) if text.startswith(MINUS) else 0.0
    return column.start(text.removeprefix(MINUS), size) - sign


def numbers(record: Mapping[str, object], *names: str) -> tuple[float, ...]:
    """Read several cells of a row as numbers."""
    return tuple(as_number(record[name]) for name in names)
