"""A figure as a sheet of paper, and the one frame of every figure.

Text is measured and set in points from the upper left corner: positions run to the right and
downwards, both at final size. `Frame` holds what stands around every figure: title above, legend
and foot below.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Transform

from synthesis.plots.marks import Brush, Sample
from synthesis.plots.style import INK, MUTED, STYLE, Sheet

MARGIN = 3.0

# Half the height of a capital, in parts of the type size: sets a baseline so that text looks
# centred on a line whatever letters it holds.
_HALF_CAPITAL = 0.36

_SAMPLE = 17.0
_MEASURED_AT = 100.0


@dataclass(frozen=True)
class Page:
    """A figure of fixed size, and the transform from points (rightwards, downwards) to it."""

    figure: Figure
    width: float
    height: float
    transform: Transform

    def brush(self, hue: str = INK) -> Brush:
        """A brush for marks outside of any axes."""
        return Brush(self.figure, self.transform, hue)


@dataclass(frozen=True)
class LegendEntry:
    """One explained mark: what it means, and what draws a sample of it."""

    text: str
    draw: Sample


@dataclass(frozen=True)
class Frame:
    """Title, legend and foot of a figure, set in lines.

    Attributes
    ----------
    sheet : Sheet
    title : tuple of str
        Lines above everything.
    legend : tuple
        Lines of pairs (left edge in points, entry).
    foot : tuple of str
        Lines below everything.
    """

    sheet: Sheet
    title: tuple[str, ...]
    legend: tuple[tuple[tuple[float, LegendEntry], ...], ...]
    foot: tuple[str, ...]

    @property
    def top(self) -> float:
        """Where the figure proper begins, in points."""
        return MARGIN + len(self.title) * 1.35 * self.sheet.title + (3 if self.title else 0)

    @property
    def below(self) -> float:
        """Height in points of legend and foot with the white space above them."""
        lines = len(self.legend) * self._legend_pitch + len(self.foot) * self.sheet.small_pitch
        return lines + (5 if self.legend else 0) + (2 if self.foot else 0) + MARGIN

    @property
    def _legend_pitch(self) -> float:
        return 1.5 * self.sheet.small

    def open(self, bottom: float) -> Page:
        """Make the figure; its own drawing reaches from `top` to `bottom` points.

        Returns
        -------
        Page
            Outside pyplot, with title, legend and foot in place.
        """
        sheet = self.sheet
        page = _open_page(sheet.width, bottom + self.below)
        put_lines(
            page, MARGIN, MARGIN, self.title, sheet.title, pitch=1.35 * sheet.title, weight="bold"
        )
        top = bottom + (5 if self.legend else 0)
        for line in self.legend:
            middle = top + self._legend_pitch / 2
            for left, entry in line:
                x = MARGIN + left
                entry.draw(page.brush(), x + _SAMPLE / 2, middle)
                put_text(page, x + _SAMPLE + 3, middle, entry.text, sheet.small)
            top += self._legend_pitch
        put_lines(
            page, MARGIN, top + 2, self.foot, sheet.small, pitch=sheet.small_pitch, color=MUTED
        )
        return page


def make_frame(
    sheet: Sheet, title: str | None, legend: Sequence[LegendEntry] = (), foot: str = ""
) -> Frame:
    """Set title, legend and foot in lines of the width of a sheet."""
    inner = sheet.width - 2 * MARGIN
    return Frame(
        sheet,
        wrap(title or "", sheet.title, inner, "bold"),
        _flow(legend, sheet.small, inner),
        wrap(foot, sheet.small, inner),
    )


def _flow(
    entries: Sequence[LegendEntry], size: float, width: float
) -> tuple[tuple[tuple[float, LegendEntry], ...], ...]:
    """Distribute legend entries over as few lines as fit `width` points."""
    lines: list[list[tuple[float, LegendEntry]]] = [[]]
    left = 0.0
    for entry in entries:
        needed = _SAMPLE + 3 + text_width(entry.text, size)
        if lines[-1] and left + needed > width:
            lines.append([])
            left = 0.0
        lines[-1].append((left, entry))
        left += needed + 1.6 * size
    return tuple(tuple(line) for line in lines if line)


def _open_page(width: float, height: float) -> Page:
    figure = Figure(figsize=(width / 72, height / 72), layout="none")
    FigureCanvasAgg(figure)
    to_inches = Affine2D().scale(1 / 72, -1 / 72).translate(0, height / 72)
    return Page(figure, width, height, to_inches + figure.dpi_scale_trans)


def add_axes(
    page: Page, left: float, top: float, width: float, height: float, label: str = ""
) -> Axes:
    """Place axes on a page; position of the upper left corner and size in points."""
    box = (
        left / page.width,
        1 - (top + height) / page.height,
        width / page.width,
        height / page.height,
    )
    axes = page.figure.add_axes(box, facecolor="none")
    axes.set_label(label)
    return axes


@lru_cache(maxsize=20_000)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line of text in points.

    Measured on the outlines of the bundled font, without hinting: the width in the vector files
    and, to a fraction of a pixel, in the raster.
    """
    return _width_at_100(text, weight) * size / _MEASURED_AT


@lru_cache(maxsize=20_000)
def _width_at_100(text: str, weight: str) -> float:
    font = _font(weight)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


@lru_cache(maxsize=2)
def _font(weight: str) -> FontProperties:
    return FontProperties(family=STYLE["font.family"], size=_MEASURED_AT, weight=weight)


def widest(texts: Iterable[str], size: float, weight: str = "normal") -> float:
    """Width in points of the widest of some texts; 0 when there are none."""
    return max((text_width(text, size, weight) for text in texts), default=0.0)


def wrap(text: str, size: float, width: float, weight: str = "normal") -> tuple[str, ...]:
    """Break text into lines no wider than `width` points.

    Lines break at spaces; a single word that is too wide is shortened and ends in an ellipsis.
    """
    lines: list[str] = []
    for word in text.split():
        candidate = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(candidate, size, weight) <= width:
            lines[-1] = candidate
        else:
            lines.append(_shorten(word, size, width, weight))
    return tuple(lines)


def _shorten(word: str, size: float, width: float, weight: str) -> str:
    if text_width(word, size, weight) <= width:
        return word
    kept = word
    while kept and text_width(f"{kept}…", size, weight) > width:
        kept = kept[:-1]
    return f"{kept}…"


def put_text(
    page: Page,
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    weight: str = "normal",
    color: str = INK,
    align: str = "left",
    gid: str | None = None,
) -> Text:
    """Set one line of text, its capitals centred on height `y`."""
    return page.figure.text(
        x,
        y + _HALF_CAPITAL * size,
        text,
        size=size,
        weight=weight,
        color=color,
        ha=align,
        va="baseline",
        transform=page.transform,
        gid=gid,
    )


def put_lines(
    page: Page,
    x: float,
    top: float,
    lines: Sequence[str],
    size: float,
    *,
    pitch: float,
    weight: str = "normal",
    color: str = INK,
    align: str = "left",
    gid: str | None = None,
) -> float:
    """Set lines of text one under the other and return where the next would begin."""
    for number, line in enumerate(lines):
        name = f"{gid}-{number}" if gid else None
        centre = top + (number + 0.5) * pitch
        put_text(page, x, centre, line, size, weight=weight, color=color, align=align, gid=name)
    return top + len(lines) * pitch


def put_upright_text(page: Page, x: float, y: float, text: str, size: float) -> None:
    """Set one line of text that runs upwards, centred on a point."""
    page.figure.text(
        x, y, text, size=size, rotation=90, ha="center", va="center", transform=page.transform
    )


def put_rule(page: Page, left: float, right: float, y: float, thickness: float) -> None:
    """Draw a horizontal rule across part of the page."""
    rule = Line2D([left, right], [y, y], lw=thickness, color=INK, solid_capstyle="butt")
    rule.set_transform(page.transform)
    page.figure.add_artist(rule)


def put_box(
    page: Page, left: float, top: float, width: float, height: float, hue: str, *, zorder: float
) -> None:
    """Fill a rectangle; axes are drawn at height 0."""
    box = Rectangle((left, top), width, height, fc=hue, ec="none", transform=page.transform)
    box.set_zorder(zorder)
    page.figure.add_artist(box)
