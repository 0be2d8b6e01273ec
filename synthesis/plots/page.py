"""A figure as a sheet of paper: text measured and set in points from its upper left corner.

Columns of text, headings and legends of all figures are laid out here. Horizontal positions run
to the right, vertical positions downwards, both in points at final size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Transform

from synthesis.plots.cells import split_at_point
from synthesis.plots.style import INK

MARGIN = 3.0

# Half the height of a capital, in parts of the type size: sets a baseline so that text looks
# centred on a line whatever letters it holds.
_HALF_CAPITAL = 0.365

_LEGEND_SAMPLE = 17.0


@dataclass(frozen=True)
class Page:
    """A figure of fixed size, and the transform from points (rightwards, downwards) to it."""

    figure: Figure
    width: float
    height: float
    transform: Transform


@dataclass(frozen=True)
class LegendEntry:
    """One explained mark.

    Attributes
    ----------
    text : str
        What the mark means.
    draw : callable
        Draws a sample: called with the page and the centre of the sample (x, y in points).
    """

    text: str
    draw: Callable[[Page, float, float], None]


def open_page(width: float, height: float) -> Page:
    """Make an empty figure of `width` by `height` points, outside pyplot."""
    figure = Figure(figsize=(width / 72, height / 72), layout="none")
    FigureCanvasAgg(figure)
    to_inches = Affine2D().scale(1 / 72, -1 / 72).translate(0, height / 72)
    return Page(figure, width, height, to_inches + figure.dpi_scale_trans)


def add_axes(page: Page, left: float, top: float, width: float, height: float) -> Axes:
    """Place axes on a page; position of the upper left corner and size in points."""
    box = (
        left / page.width,
        1 - (top + height) / page.height,
        width / page.width,
        height / page.height,
    )
    return page.figure.add_axes(box)


@lru_cache(maxsize=20_000)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line of text in points.

    Measured on the outlines of the first font of the style sheet, without hinting: the width in
    the vector files and, to a fraction of a pixel, in the raster.
    """
    font = FontProperties(family="sans-serif", size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


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


def put_rule(page: Page, left: float, right: float, y: float, thickness: float) -> None:
    """Draw a horizontal rule across part of the page."""
    rule = Line2D(
        [left, right],
        [y, y],
        lw=thickness,
        color=INK,
        solid_capstyle="butt",
        transform=page.transform,
    )
    page.figure.add_artist(rule)


def flow_legend(
    entries: Sequence[LegendEntry], size: float, width: float
) -> tuple[tuple[tuple[float, LegendEntry], ...], ...]:
    """Distribute legend entries over as few lines as fit `width` points.

    Returns
    -------
    tuple of lines
        Each line holds pairs (left edge in points, entry).
    """
    lines: list[list[tuple[float, LegendEntry]]] = [[]]
    left = 0.0
    for entry in entries:
        needed = _LEGEND_SAMPLE + 3 + text_width(entry.text, size)
        if lines[-1] and left + needed > width:
            lines.append([])
            left = 0.0
        lines[-1].append((left, entry))
        left += needed + 1.6 * size
    return tuple(tuple(line) for line in lines if line)


def put_legend(
    page: Page,
    left: float,
    top: float,
    lines: Sequence[Sequence[tuple[float, LegendEntry]]],
    size: float,
) -> float:
    """Draw a legend laid out by `flow_legend` and return where the next line would begin."""
    pitch = legend_pitch(size)
    for number, line in enumerate(lines):
        y = top + (number + 0.5) * pitch
        for x, entry in line:
            entry.draw(page, left + x + _LEGEND_SAMPLE / 2, y)
            put_text(page, left + x + _LEGEND_SAMPLE + 3, y, entry.text, size)
    return top + len(lines) * pitch


def legend_pitch(size: float) -> float:
    """Distance between two legend lines in points."""
    return 1.55 * size


def point_offset(text: str, size: float, weight: str = "normal") -> float:
    """Width in points of what stands before the decimal point; 0 for text that has none."""
    parts = split_at_point(text)
    return text_width(parts[0], size, weight) if parts else 0.0
