"""The marks of all figures: what a symbol looks like is decided here and nowhere else.

Shape and fill carry the meaning, so that every mark survives a grey copy; the hue only repeats
it. Positions are in the coordinates of the transform given, sizes in points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT
from matplotlib.patches import Polygon, Rectangle
from matplotlib.transforms import ScaledTranslation, Transform

from synthesis.plots.style import INK, tint

DASHES = (0, (2.4, 1.5))
AREA_SHARE = 0.28

_ARROW = 3.4
_DIAMOND_HALF, _BAR = 3.1, 2.8

# Area of a square is proportional to the number of patients between these sides (points).
# Fixed numbers rather than the largest cohort of a table: squares compare between figures.
_SQUARE_SMALLEST, _SQUARE_LARGEST = 2.0, 5.0
SQUARE_FULL_AT = 100

# Marker and size of each shape: a circle holds more ink than a diamond.
_SHAPES = {"dot": ("o", 3.5), "diamond": ("D", 3.1), "square": ("s", 3.4)}


@dataclass(frozen=True)
class Brush:
    """Where marks go, and in which hue; `name` begins the identifiers, e.g. ``forest-os-3``."""

    host: Axes | Figure
    transform: Transform
    hue: str = INK
    name: str = ""

    def shifted(self, right: float) -> Brush:
        """The same brush displaced by points on paper."""
        offset = ScaledTranslation(right / 72, 0.0, self.host.figure.dpi_scale_trans)
        return replace(self, transform=self.transform + offset)

    def named(self, role: str) -> Brush:
        """The same brush for artists of another name."""
        return replace(self, name=f"{self.name}-{role}" if self.name else "")

    def coloured(self, hue: str) -> Brush:
        """The same brush in another hue."""
        return replace(self, hue=hue)


def square_side(patients: float) -> float:
    """Side in points of the square of a cohort: area by its patients, as far as the scale goes."""
    if math.isnan(patients):
        return _SQUARE_SMALLEST
    side = _SQUARE_LARGEST * math.sqrt(max(patients, 0) / SQUARE_FULL_AT)
    return min(max(side, _SQUARE_SMALLEST), _SQUARE_LARGEST)


def put_square(brush: Brush, x: float, y: float, side: float, *, see_through: bool = False) -> None:
    """Draw an open square: a value as reported."""
    fill = "none" if see_through else "white"
    put_marker(brush, "reported", x, y, "s", side, mfc=fill, mew=0.8)


def put_point(
    brush: Brush, x: float, y: float, role: str = "estimate", *, shape: str = "dot", fill=True
) -> None:
    """Draw an estimate of the model: a dot, diamond or square; open where `fill` is false."""
    marker, size = _SHAPES[shape]
    look = {"mew": 0.3} if fill else {"mfc": "white", "mew": 0.8}
    put_marker(brush, role, x, y, marker, size, **look)


def put_landmark(
    brush: Brush, x: float, y: float, span: tuple[float, float] = (math.nan, math.nan)
) -> None:
    """Draw a dot with a white edge on its interval: reported survival at a fixed time."""
    if not any(map(math.isnan, span)):
        put_upright(brush, "landmark", x, span)
    put_marker(brush, "landmark", x, y, "o", 3.4, mew=0.4, mec="white")


def put_line(
    brush: Brush,
    role: str,
    x: tuple[float, float],
    y: float,
    *,
    thickness: float = 0.9,
    dashed: bool = False,
    ends: tuple[bool, bool] = (False, False),
    arrows: tuple[bool, bool] = (False, False),
) -> None:
    """Draw a horizontal interval: dashed for a prior or what no report supports.

    At the left and right, an upright stroke is a reported limit (`ends`), and an arrow head says
    that it goes on beyond the axis (`arrows`).
    """
    line = Line2D(x, (y, y), lw=thickness, color=brush.hue, ls=DASHES if dashed else "-")
    line.set(solid_capstyle="butt", zorder=3)
    put(brush, line, f"{role}-line")
    put_arrows(brush, role, x, y, arrows)
    for side, place, stroke, arrow in zip(("left", "right"), x, ends, arrows, strict=True):
        if stroke and not arrow:
            put_marker(brush, f"{role}-end-{side}", place, y, "|", 2.8)


def put_upright(brush: Brush, role: str, x: float, y: tuple[float, float]) -> None:
    """Draw a vertical stroke or interval."""
    line = Line2D((x, x), y, lw=0.7, color=brush.hue, solid_capstyle="butt", zorder=3)
    put(brush, line, f"{role}-line")


def put_arrows(
    brush: Brush, role: str, x: tuple[float, float], y: float, arrows: tuple[bool, bool]
) -> None:
    """Draw arrow heads at the left and right end of what goes on beyond the axis."""
    heads = (("left", CARETLEFT), ("right", CARETRIGHT))
    for (side, head), place, arrow in zip(heads, x, arrows, strict=True):
        if arrow:
            name = f"{role}-arrow-{side}"
            put_marker(brush, name, place, y, head, _ARROW, mec="none")


def put_diamond(brush: Brush, x: tuple[float, float, float], y: float) -> None:
    """Draw a diamond from lower to upper limit, widest at the estimate: the average study."""
    lower, middle, upper = x
    corners = [(lower, y), (middle, y - _DIAMOND_HALF), (upper, y), (middle, y + _DIAMOND_HALF)]
    shape = Polygon(corners, closed=True, fc=brush.hue, ec=brush.hue, lw=0.4, joinstyle="miter")
    shape.set_zorder(4)
    put(brush, shape, "mean-study")


def put_bar(brush: Brush, x: tuple[float, float, float], y: float) -> None:
    """Draw a pale bar with a stroke at the estimate: prediction for a new study."""
    lower, middle, upper = x
    bar = Rectangle((lower, y - _BAR / 2), upper - lower, _BAR, lw=0.5, zorder=3)
    bar.set(fc=tint(brush.hue, 0.3), ec=brush.hue)
    put(brush, bar, "new-study")
    put_marker(brush, "new-study-middle", middle, y, "|", _BAR + 2)


def put_area(
    brush: Brush, x: tuple[float, float], y: float, height: float, share: float = AREA_SHARE
) -> None:
    """Draw a rectangle in a paler hue."""
    area = Rectangle((x[0], y - height / 2), x[1] - x[0], height, fc=tint(brush.hue, share))
    area.set(ec="none", zorder=2)
    put(brush, area, "area")


def put_marker(
    brush: Brush, role: str, x: float, y: float, marker: Any, size: float, **look: Any
) -> None:
    """Draw a marker of matplotlib, in the hue of the brush where `look` says no other."""
    look = {"mfc": brush.hue, "mec": brush.hue, "mew": 0.6} | look
    level = 3.5 if marker == "|" else 5
    put(brush, Line2D([x], [y], marker=marker, ls="none", ms=size, zorder=level, **look), role)


def put(brush: Brush, artist: Artist, role: str) -> None:
    """Add any artist where a brush draws."""
    # Rows lie inside their axes; an arrow head at the very end must not lose half of itself.
    artist.set(clip_on=False, transform=brush.transform)
    if brush.name:
        artist.set_gid(f"{brush.name}-{role}")
    brush.host.add_artist(artist)
    artist.set_clip_path(None)


# --- Samples for legends: called with a brush and the centre of their place in points -------------

Sample = Callable[[Brush, float, float], None]


def line_sample(*points: Sample, hue: str = INK, **line: Any) -> Sample:
    """An interval with what stands on it."""

    def draw(brush: Brush, x: float, y: float) -> None:
        brush = brush.coloured(hue)
        put_line(brush, "", (x - 8, x + 8), y, **line)
        for point in points:
            point(brush, x, y)

    return draw


def point_sample(shape: str = "dot", hue: str = INK, *, fill: bool = True) -> Sample:
    """A single estimate."""
    return lambda brush, x, y: put_point(brush.coloured(hue), x, y, shape=shape, fill=fill)


def estimate_sample(shape: str = "dot", hue: str = INK, *, extrapolated: bool = False) -> Sample:
    """An estimate with its interval, open and dashed where no report supports it."""
    point = point_sample(shape, hue, fill=not extrapolated)
    return line_sample(point, hue=hue, dashed=extrapolated)


def square_sample(brush: Brush, x: float, y: float) -> None:
    """A reported value."""
    put_square(brush, x, y, 4.0)


def reported_sample(hue: str = INK) -> Sample:
    """A reported value with its limits."""
    return line_sample(square_sample, hue=hue, thickness=0.6, ends=(True, True))


ARROW: Sample = line_sample(thickness=0.6, arrows=(False, True))
PRIOR: Sample = line_sample(dashed=True)


def wide_sample(put_wide: Callable[[Brush, tuple[float, float, float], float], None]) -> Sample:
    """What `put_diamond` or `put_bar` draws."""
    return lambda brush, x, y: put_wide(brush, (x - 8, x, x + 8), y)


def area_sample(share: float = AREA_SHARE) -> Sample:
    """A filled area."""
    return lambda brush, x, y: put_area(brush, (x - 8, x + 8), y, 5.0, share)
