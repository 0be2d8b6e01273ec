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
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Transform

from synthesis.plots.marks import Brush, Sample
from synthesis.plots.style import INK, Face, Sheet, families

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


@dataclass(frozen=True)
class LegendEntry:
    """One explained mark: what it means, and what draws a sample of it."""

    text: str
    draw: Sample


@dataclass(frozen=True)
class Frame:
    """Title, legend (entries with their left edge) and foot of a figure, set in lines."""

    sheet: Sheet
    title: tuple[str, ...]
    legend: tuple[tuple[tuple[float, LegendEntry], ...], ...]
    foot: tuple[str, ...]

    @property
    def top(self) -> float:
        """Where the figure proper begins, in points."""
        return MARGIN + len(self.title) * self.sheet.title.pitch + (3 if self.title else 0)

    @property
    def below(self) -> float:
        """Height in points of legend and foot with the white space above them."""
        sheet = self.sheet
        lines = len(self.legend) * sheet.key.pitch + len(self.foot) * sheet.note.pitch
        return lines + (5 if self.legend else 0) + (2 if self.foot else 0) + MARGIN

    def open(self, bottom: float) -> Page:
        """Make the figure; its own drawing reaches from `top` to `bottom` points.

        Returns
        -------
        Page
            Outside pyplot, with title, legend and foot in place.
        """
        sheet, height = self.sheet, bottom + self.below
        figure = Figure(figsize=(sheet.width / 72, height / 72), layout="none")
        FigureCanvasAgg(figure)
        to_inches = Affine2D().scale(1 / 72, -1 / 72).translate(0, height / 72)
        page = Page(figure, sheet.width, height, to_inches + figure.dpi_scale_trans)
        put_lines(page, MARGIN, MARGIN, self.title, sheet.title)
        top = bottom + (5 if self.legend else 0)
        for line in self.legend:
            for left, entry in line:
                middle = top + sheet.key.pitch / 2
                brush = Brush(figure, page.transform)
                entry.draw(brush, MARGIN + left + _SAMPLE / 2, middle)
                put_text(page, MARGIN + left + _SAMPLE + 3, middle, entry.text, sheet.key)
            top += sheet.key.pitch
        put_lines(page, MARGIN, top + 2, self.foot, sheet.note)
        return page


def make_frame(
    sheet: Sheet, title: str | None, legend: Sequence[LegendEntry] = (), foot: str = ""
) -> Frame:
    """Set title, legend and foot in as few lines as fit the width of a sheet."""
    inner = sheet.width - 2 * MARGIN
    lines: list[list[tuple[float, LegendEntry]]] = [[]]
    left = 0.0
    for entry in legend:
        needed = _SAMPLE + 3 + text_width(entry.text, sheet.key)
        if lines[-1] and left + needed > inner:
            lines.append([])
            left = 0.0
        lines[-1].append((left, entry))
        left += needed + 1.6 * sheet.small
    entries = tuple(tuple(line) for line in lines if line)
    return Frame(
        sheet, wrap(title or "", sheet.title, inner), entries, wrap(foot, sheet.note, inner)
    )


def add_axes(
    page: Page, left: float, top: float, width: float, height: float, label: str = ""
) -> Axes:
    """Place axes on a page; position of the upper left corner and size in points."""
    corner = left / page.width, 1 - (top + height) / page.height
    size = width / page.width, height / page.height
    axes = page.figure.add_axes((*corner, *size), facecolor="none")
    axes.set_label(label)
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
    return axes


def text_width(text: str, face: Face) -> float:
    """Width of one line of text in points.

    Measured on the outlines of the bundled font, without hinting: the width in the vector files
    and, to a fraction of a pixel, in the raster.
    """
    return _width_at_100(text, face.weight) * face.size / _MEASURED_AT


@lru_cache(maxsize=20_000)
def _width_at_100(text: str, weight: str) -> float:
    font = FontProperties(family=families(text), size=_MEASURED_AT, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def widest(texts: Iterable[str], face: Face) -> float:
    """Width in points of the widest of some texts; 0 when there are none."""
    return max((text_width(text, face) for text in texts), default=0.0)


def wrap(text: str, face: Face, width: float) -> tuple[str, ...]:
    """Break text into lines no wider than `width` points.

    Lines break at spaces; a single word that is too wide is shortened and ends in an ellipsis.
    """
    lines: list[str] = []
    for word in text.split():
        candidate = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(candidate, face) <= width:
            lines[-1] = candidate
        else:
            lines.append(_shorten(word, face, width))
    return tuple(lines)


def _shorten(word: str, face: Face, width: float) -> str:
    if text_width(word, face) <= width:
        return word
    kept = word
    while kept and text_width(f"{kept}…", face) > width:
        kept = kept[:-1]
    return f"{kept}…"


def put_text(
    page: Page, x: float, y: float, text: str, face: Face, *, align: str = "left", gid: str = ""
) -> None:
    """Set one line of text, its capitals centred on height `y`."""
    page.figure.text(
        x,
        y + _HALF_CAPITAL * face.size,
        text,
        size=face.size,
        family=families(text),
        weight=face.weight,
        color=face.color,
        ha=align,
        va="baseline",
        transform=page.transform,
        gid=gid or None,
    )


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
    """Set lines of text one under the other and return where the next would begin."""
    for place, line in enumerate(lines):
        name = f"{gid}-{place}" if gid else ""
        put_text(page, x, top + (place + 0.5) * face.pitch, line, face, align=align, gid=name)
    return top + len(lines) * face.pitch


def put_upright_text(page: Page, x: float, y: float, text: str, face: Face) -> None:
    """Set one line of text that runs upwards, centred on a point."""
    page.figure.text(
        x, y, text, size=face.size, rotation=90, ha="center", va="center", transform=page.transform
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
