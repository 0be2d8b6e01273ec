"""A figure as a sheet of paper, the frame of every figure, and its axes.

Text is measured and set in points from the upper left corner, to the right and downwards, at final
size. A `Scale` has its ticks where clinicians think, and cuts what goes on beyond it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT, TICKUP
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox, ScaledTranslation, Transform

from synthesis import numbers
from synthesis.plots.marks import Brush, Sample
from synthesis.plots.style import EM, GRID, INK, Face, Sheet, families, outlines, printable, starts

MARGIN = 3.0

# Half the height of a capital, in parts of the type size: sets a baseline so that text looks
# centred on a line whatever letters it holds.
_HALF_CAPITAL = 0.36
# Share of a line that stands before its place.
_BEFORE = {"left": 0.0, "center": 0.5, "right": 1.0}
_SAMPLE = 17.0
# How far the font reaches above and below a baseline, in parts of its size; the length of a tick
# and the distance of its label from the axis, in points.
_ASCENT, _DESCENT = 0.728, 0.2104
_TICK, _TICK_PAD = 2.5, 4.0

#: One explained mark: what it means, and what draws a sample of it.
LegendEntry = tuple[str, Sample]


@dataclass(frozen=True)
class Page:
    """A figure of fixed size, and the transform from points (rightwards, downwards) to it.

    Where `axes` are given, they are the page, and belong to a figure of somebody else.
    """

    figure: Figure | SubFigure
    width: float
    height: float
    transform: Transform
    axes: Axes | None = None

    @property
    def host(self) -> Figure | SubFigure | Axes:
        """What holds everything that is drawn."""
        return self.axes or self.figure


@dataclass(frozen=True)
class Frame:
    """Title, legend (entries with their left edge) and foot of a figure, set in lines.

    `least` is its least height in points.
    """

    sheet: Sheet
    title: tuple[str, ...]
    legend: tuple[tuple[tuple[float, LegendEntry], ...], ...]
    foot: tuple[str, ...]
    least: float = 0.0

    @property
    def top(self) -> float:
        """Where the figure proper begins, in points."""
        return MARGIN + len(self.title) * self.sheet.title.pitch + (3 if self.title else 0)

    @property
    def below(self) -> float:
        """Height in points of legend and foot."""
        sheet = self.sheet
        lines = len(self.legend) * sheet.key.pitch + len(self.foot) * sheet.note.pitch
        return lines + (5 if self.legend else 0) + (2 if self.foot else 0) + MARGIN

    def open(self, bottom: float, axes: Axes | None = None) -> Page:
        """Make the figure outside pyplot, or draw into axes; from `top` to `bottom` points."""
        sheet, height = self.sheet, max(bottom + self.below, self.least)
        if axes is None:
            left, upper = 0.0, height / 72
            figure = Figure(figsize=(sheet.width / 72, upper), layout="none")
            FigureCanvasAgg(figure)
        else:
            figure = axes.get_figure(root=False)
            left, upper = axes.bbox.x0 / figure.dpi, axes.bbox.y1 / figure.dpi
        to_inches = Affine2D().scale(1 / 72, -1 / 72).translate(left, upper)
        page = Page(figure, sheet.width, height, to_inches + figure.dpi_scale_trans, axes)
        put_lines(page, MARGIN, MARGIN, self.title, sheet.title)
        top = bottom + (5 if self.legend else 0)
        brush = Brush(page.host, page.transform)
        for line in self.legend:
            for left, (text, draw) in line:
                middle = top + sheet.key.pitch / 2
                draw(brush, MARGIN + left + _SAMPLE / 2, middle)
                put_text(page, MARGIN + left + _SAMPLE + 3, middle, text, sheet.key)
            top += sheet.key.pitch
        put_lines(page, MARGIN, top + 2, self.foot, sheet.note)
        return page


def make_frame(
    sheet: Sheet, title: str | None, legend: Sequence[LegendEntry] = (), foot: str = ""
) -> Frame:
    """Set title, legend and foot in as few lines as fit the sheet."""
    inner = sheet.width - 2 * MARGIN
    lines: list[list[tuple[float, LegendEntry]]] = [[]]
    left = 0.0
    for entry in legend:
        needed = _SAMPLE + 3 + text_width(entry[0], sheet.key)
        if lines[-1] and left + needed > inner:
            lines.append([])
            left = 0.0
        lines[-1].append((left, entry))
        left += needed + 1.6 * sheet.small
    entries = tuple(tuple(line) for line in lines if line)
    return Frame(
        sheet, wrap(title or "", sheet.title, inner), entries, wrap(foot, sheet.note, inner)
    )


# --- Text and shapes -----------------------------------------------------------------------------


def text_width(text: str, face: Face) -> float:
    """Width of one line of text in points."""
    return starts(text, face.weight)[-1] * face.size / EM


def widest(texts: Iterable[str], face: Face) -> float:
    """Width in points of the widest of some texts; 0 when there are none."""
    return max((text_width(text, face) for text in texts), default=0.0)


def wrap(text: str, face: Face, width: float) -> tuple[str, ...]:
    """Break text at blanks into lines of at most `width` points; a word too wide is shortened.

    It is not broken at a no-break space.
    """
    lines: list[str] = []
    for word in filter(None, text.replace("\n", " ").split(" ")):
        candidate = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(candidate, face) <= width:
            lines[-1] = candidate
        else:
            lines.append(_shorten(word, face, width))
    return tuple(lines)


def _shorten(word: str, face: Face, width: float) -> str:
    if text_width(word, face) <= width:
        return word
    starts = (f"{word[:end]}…" for end in range(len(word), 0, -1))
    return next((start for start in starts if text_width(start, face) <= width), "…")


class _Line(Text):
    """One level line of text on a figure or axes, set at its baseline: it needs no layout."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw it as text, on a raster as outlines."""
        if not self.get_visible():
            return
        text, weight, pixels = self.get_text(), self.get_weight(), renderer.points_to_pixels(1.0)
        scale = pixels * self.get_size() / EM
        x, y = self.get_transform().transform(self.get_position())
        x -= _BEFORE[self.get_ha()] * scale * starts(text, weight)[-1]
        gc = renderer.new_gc()
        gc.set_foreground(self.get_color())
        renderer.open_group("text", self.get_gid())
        if isinstance(renderer, RendererAgg):
            gc.set_linewidth(0)
            gc.set_snap(False)
            place = Affine2D().scale(scale).translate(x, y)
            renderer.draw_path(gc, outlines(text, weight), place, gc.get_rgb())
        else:
            y = renderer.height - y if renderer.flipy() else y
            text = text if renderer.flipy() else printable(text)  # an SVG leaves it to its reader
            renderer.draw_text(gc, x, y, text, self.get_fontproperties(), 0, mtext=self)
        renderer.close_group("text")
        gc.restore()


def _put_line(
    host: Figure | SubFigure | Axes,
    place: tuple[float, float],
    text: str,
    face: Face,
    align: str,
    transform: Transform,
    gid: str = "",
) -> None:
    look = {"size": face.size, "weight": face.weight, "color": face.color, "ha": align}
    line = _Line(*place, text, family=families(text), transform=transform, **look)
    line.set_gid(gid or None)
    if isinstance(host, Axes):
        host.add_artist(line)
        line.set_clip_on(False)
    else:
        line.set_figure(host)
        host.texts.append(line)


def put_text(
    page: Page, x: float, y: float, text: str, face: Face, *, align: str = "left", gid: str = ""
) -> None:
    """Set one line of text, its capitals centred on height `y`."""
    if text:
        place = (x, y + _HALF_CAPITAL * face.size)
        _put_line(page.host, place, text, face, align, page.transform, gid)


def put_lines(
    page: Page,
    x: float,
    top: float,
    lines: Sequence[str],
    face: Face,
    *,
    align: str = "left",
    gid: str = "",
) -> float:
    """Set lines of text below each other; return where the next would begin."""
    for place, line in enumerate(lines):
        name = f"{gid}-{place}" if gid else ""
        put_text(page, x, top + (place + 0.5) * face.pitch, line, face, align=align, gid=name)
    return top + len(lines) * face.pitch


def put_upright_text(page: Page, x: float, y: float, text: str, face: Face) -> None:
    """Set one line of text that runs upwards, centred on a point."""
    place = {"rotation": 90, "ha": "center", "va": "center", "transform": page.transform}
    page.figure.text(x, y, text, size=face.size, **place)


def put_rule(page: Page, y: float, thickness: float) -> None:
    """Draw a horizontal rule across the page."""
    rule = Line2D((MARGIN, page.width - MARGIN), (y, y), lw=thickness, color=INK)
    rule.set(solid_capstyle="butt", transform=page.transform, clip_on=False)
    page.host.add_artist(rule)


def put_box(
    page: Page, left: float, top: float, width: float, height: float, hue: str, *, zorder: float
) -> None:
    """Fill a rectangle; axes are drawn at height 0."""
    box = Rectangle((left, top), width, height, fc=hue, ec="none", transform=page.transform)
    box.set(zorder=zorder, clip_on=False)
    page.host.add_artist(box)


# --- Axes ----------------------------------------------------------------------------------------

MONTH_TICKS: tuple[float, ...] = (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 192, 384)
_RATIO_TICKS: tuple[float, ...] = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)

# Labels that stay when not all fit: those of the first set, then of the second and so on.
_FEWER: Sequence[tuple[float, ...]] = (
    *((0.5, 1, 3, 6, 12, 24, 48, 96, 192, 384), (1, 3, 12, 48, 192)),
    *((0.5, 1, 2, 4, 8, 16, 32, 64, 128), (0.25, 1, 4, 16, 64)),
    *((1, 12), (1, 3), (1, 6), (1, 4)),
)

# An interval may stretch the axis to these values (months, ratios), or half as far again as the
# furthest estimate; estimates and reported values always lie inside.
_MONTH_REACH, _RATIO_REACH = (0.45, 50.0), (0.2, 40.0)
# Share of its length by which an axis in per cent goes on, so that a mark at 0 stays whole.
_BEYOND = 0.025


@dataclass(frozen=True)
class Scale:
    """An axis: its ends, where ticks stand, whether it is logarithmic, and what the ticks say.

    By default a tick is labelled by its value; empty `labels` are none.
    """

    lower: float
    upper: float
    ticks: Sequence[float] = ()
    log: bool = False
    labels: Sequence[str] | None = None

    def clip(self, lower: float, upper: float) -> tuple[tuple[float, float], tuple[bool, bool]]:
        """Cut an interval to the axis; the flags say at which ends (left, right) it goes on."""
        beyond = (lower < self.lower, upper > self.upper)
        return (max(lower, self.lower), min(upper, self.upper)), beyond

    def at_share(self, share: float) -> float:
        """Value that stands at a share of the length of the axis, 0 (left) to 1 (right)."""
        if self.log:
            return self.lower * (self.upper / self.lower) ** share
        return self.lower + share * (self.upper - self.lower)


def month_scale(inside: Iterable[float], ends: Iterable[float], width: float, face: Face) -> Scale:
    """Logarithmic axis in months, `width` points long, its labels in `face`.

    The values `inside` lie on the axis, `ends` of intervals may be cut; NaN and infinite ones are
    ignored. Raises ValueError if no value is left.
    """
    return _log_scale(inside, ends, MONTH_TICKS, _MONTH_REACH, width, face)


def ratio_scale(inside: Iterable[float], ends: Iterable[float], width: float, face: Face) -> Scale:
    """Logarithmic axis for ratios, always with 1 on it; parameters as in `month_scale`."""
    return _log_scale([*inside, 1.0], ends, _RATIO_TICKS, _RATIO_REACH, width, face)


def difference_scale(
    inside: Iterable[float],
    ends: Iterable[float],
    width: float,
    face: Face,
    *,
    steps: Sequence[float] = (1, 2, 3, 6, 12, 24, 48),
    reach: tuple[float, float] = (-12.0, 24.0),
    least: float = 1.0,
) -> Scale:
    """Linear axis for differences in months, always with 0 on it; parameters as in `month_scale`.

    Of another unit are the `steps` between ticks, rising, how far intervals `reach`, and the
    `least` length of the axis.

    Raises ValueError if a value that must lie on the axis is infinite.
    """
    core = [value for value in [*inside, 0.0] if not math.isnan(value)]
    if not all(map(math.isfinite, core)):
        raise ValueError("a difference that is not finite cannot lie on an axis")
    rest = [value for value in ends if math.isfinite(value)]
    lower = min(min(core), max(min(reach[0], 1.5 * min(core)), min(core + rest)))
    upper = max(max(core), min(max(reach[1], 1.5 * max(core)), max(core + rest)))
    room = 0.04 * max(upper - lower, least)
    lower, upper = lower - room, upper + room
    return Scale(lower, upper, _steps(lower, upper, steps, width, face))


def percent_scale(lower: float, upper: float, width: float, face: Face) -> Scale:
    """Linear axis in per cent (or points), a little longer than its ticks."""
    room, ticks = _BEYOND * (upper - lower), _steps(lower, upper, (20, 25, 50, 100), width, face)
    return Scale(lower - room, upper + room, ticks)


def _steps(
    lower: float, upper: float, steps: Sequence[float], width: float, face: Face
) -> tuple[float, ...]:
    """Ticks between two ends, at the first of the `steps` that leaves room for the labels."""
    for step in steps:
        first, last = math.ceil(lower / step), math.floor(upper / step)
        if (last - first + 1) * 2.2 * face.size <= width:
            break
    return tuple(float(step * number) for number in range(first, last + 1))


def _log_scale(
    inside: Iterable[float],
    ends: Iterable[float],
    marks: Sequence[float],
    reach: tuple[float, float],
    width: float,
    face: Face,
) -> Scale:
    core, rest = (
        [value for value in values if math.isfinite(value) and value > 0]
        for values in (inside, ends)
    )
    if not core:
        raise ValueError("no finite positive value to fit a logarithmic axis to")
    lower = min(min(core), max(reach[0], min(core + rest))) / 1.08
    upper = max(max(core), min(max(reach[1], 1.5 * max(core)), max(core + rest))) * 1.08
    while sum(lower <= mark <= upper for mark in marks) < 3:
        if marks[-1] > upper:
            upper = min(mark for mark in marks if mark > upper) * 1.04
        else:
            lower = max(mark for mark in marks if mark < lower) / 1.04
    ticks = tuple(mark for mark in marks if lower <= mark <= upper)
    return Scale(lower, upper, _thin(ticks, math.log(upper / lower) / width, face), log=True)


def _thin(ticks: tuple[float, ...], per_point: float, face: Face) -> tuple[float, ...]:
    """Keep labels whose neighbours are at least half a figure apart, as many as fit."""

    def has_room(kept: tuple[float, ...]) -> bool:
        return len(kept) > 1 and all(
            math.log(right / left) / per_point
            >= (widths[left] + widths[right]) / 2 + 0.45 * face.size
            for left, right in itertools.pairwise(kept)
        )

    widths = {tick: text_width(numbers.value(float(tick)), face) for tick in ticks}
    sets = [ticks, *(tuple(tick for tick in ticks if tick in kept) for kept in _FEWER)]
    return max(
        filter(has_room, [*sets, *itertools.combinations(ticks, 2)]), key=len, default=ticks[:1]
    )


def add_axes(
    page: Page,
    corner: tuple[float, float],
    size: tuple[float, float],
    label: str,
    face: Face,
    x: Scale,
    y: Scale,
    *,
    grid: bool = True,
    top: bool = False,
) -> Axes:
    """Place axes on a page, with labelled ticks and faint grid lines, on request also at the top.

    Upper left corner and size are in points. Axes that are themselves the page move to their place.
    """
    (left, upper), (width, height) = corner, size
    if page.axes is None:
        place = (left / page.width, 1 - (upper + height) / page.height)
        place = (*place, width / page.width, height / page.height)
        axes = page.figure.add_axes(place, facecolor="none", label=label)
    else:
        axes = page.axes
        ends = page.transform.transform([(left, upper + height), (left + width, upper)])
        place = page.figure.transSubfigure.inverted().transform_bbox(Bbox(ends))
        axes.set(position=place, facecolor="none", aspect="auto")
        axes.spines[:].set(color=INK, lw=0.6)
    axes.spines[["right", "top"]].set_visible(False)
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    for name, scale in (("x", x), ("y", y)):
        kind, ends = "log" if scale.log else "linear", (scale.lower, scale.upper)
        axes.set(**{f"{name}scale": kind, f"{name}lim": ends})
        if len(scale.ticks):
            _put_ticks(axes, page.host, name, scale, face, grid=grid, top=top and name == "x")
    return axes


def _put_ticks(
    axes: Axes,
    host: Figure | SubFigure | Axes,
    axis: str,
    scale: Scale,
    face: Face,
    *,
    grid: bool,
    top: bool,
) -> None:
    across, ticks, labels = axis == "x", scale.ticks, scale.labels
    transform = axes.get_xaxis_transform() if across else axes.get_yaxis_transform()
    if labels is None:
        labels = [numbers.value(float(tick)) for tick in ticks]

    def put(along: Sequence[float], share: Sequence[float], **look: object) -> None:
        x, y = (along, share) if across else (share, along)
        axes.add_line(Line2D(x, y, transform=transform, zorder=0.5, **look))

    if grid:
        lines = np.repeat(np.asarray(ticks, float), 3)
        put(lines, np.tile((0.0, 1.0, np.nan), len(ticks)), color=GRID, lw=0.5)
    for end in (0.0, 1.0) if top else (0.0,):
        outwards = (TICKUP if end else TICKDOWN) if across else TICKLEFT
        look = {"marker": outwards, "ms": _TICK, "mew": 0.6, "color": INK, "clip_on": False}
        put(ticks, [end] * len(ticks), ls="none", **look)
        lift = _TICK_PAD + _DESCENT * face.size if end else -_TICK_PAD - _ASCENT * face.size
        shift = (0.0, lift) if across else (-_TICK_PAD, -_ASCENT / 2 * face.size)
        points = ScaledTranslation(shift[0] / 72, shift[1] / 72, axes.figure.dpi_scale_trans)
        for tick, label in zip(ticks, labels, strict=False):
            place, align = ((tick, end), "center") if across else ((end, tick), "right")
            _put_line(host, place, label, face, align, transform + points)
