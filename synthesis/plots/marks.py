"""The marks of all figures: what a symbol looks like is decided here and nowhere else.

Shape and fill carry the meaning, so that every mark survives a grey copy; the hue only repeats
the treatment class. Positions are in the coordinates of the transform given, sizes in points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT
from matplotlib.patches import Polygon, Rectangle
from matplotlib.transforms import ScaledTranslation, Transform

from synthesis.plots.style import tint

DOT = 3.2
RING = 3.8
DIAMOND_HALF_HEIGHT = 3.0
BAR_HEIGHT = 2.6
ARROW = 3.2

# Area of a square is proportional to the number of patients between these sides (points).
# Fixed numbers rather than the largest cohort of a table: squares compare between figures.
_SQUARE_SMALLEST = 1.9
_SQUARE_LARGEST = 4.8
SQUARE_FULL_AT = 100

# Curves: share of the hue in the band and in what is far from any printed point.
CURVE_WIDTH = 1.2
BAND_SHARE = 0.25
FADED_CURVE_SHARE = 0.5
FADED_BAND_SHARE = 0.1
FADED_DASHES = (0, (2.5, 1.5))
AREA_SHARE = 0.28

_SIDES = ("left", "right")


@dataclass(frozen=True)
class Brush:
    """Where marks go and in which hue.

    Attributes
    ----------
    host : Axes or Figure
        What the artists are added to.
    transform : Transform
        Coordinates of the positions.
    hue : str
        Colour of the treatment class.
    name : str
        Beginning of the identifiers of the artists, e.g. ``forest-os-3``; empty for none.
    """

    host: Axes | Figure
    transform: Transform
    hue: str
    name: str = ""

    def shifted(self, right: float, down: float) -> Brush:
        """Give the same brush displaced by points on paper."""
        scale = self.figure.dpi_scale_trans
        offset = ScaledTranslation(right / 72, -down / 72, scale)
        return Brush(self.host, self.transform + offset, self.hue, self.name)

    @property
    def figure(self) -> Figure:
        """The figure drawn on."""
        return self.host if isinstance(self.host, Figure) else self.host.figure


def square_side(patients: float) -> float:
    """Side in points of the square of a cohort: area proportional to its patients.

    Smaller and larger cohorts than the scale can show get its smallest and largest square, an
    unknown size (NaN) the smallest.
    """
    if math.isnan(patients):
        return _SQUARE_SMALLEST
    side = _SQUARE_LARGEST * math.sqrt(max(patients, 0) / SQUARE_FULL_AT)
    return min(max(side, _SQUARE_SMALLEST), _SQUARE_LARGEST)


def put_square(brush: Brush, x: float, y: float, side: float) -> None:
    """Draw an open square: a value as printed."""
    _put_marker(brush, "printed", x, y, "s", side, filled=False)


def put_dot(brush: Brush, x: float, y: float, role: str = "model") -> None:
    """Draw a filled dot: an estimate of the model."""
    _put_marker(brush, role, x, y, "o", DOT, filled=True)


def put_ring(brush: Brush, x: float, y: float, role: str = "ring") -> None:
    """Draw an open circle: an estimate of the model for pure tumours, or a prior."""
    _put_marker(brush, role, x, y, "o", RING, filled=False)


def put_landmark(brush: Brush, x: float, y: float) -> None:
    """Draw a filled dot with a white edge: printed survival at a fixed time."""
    mark = Line2D(
        [x],
        [y],
        marker="o",
        ls="none",
        ms=DOT,
        mfc=brush.hue,
        mec="white",
        mew=0.4,
        transform=brush.transform,
        zorder=5,
    )
    _add(brush, mark, "landmark")


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
    """Draw a horizontal interval.

    Parameters
    ----------
    brush : Brush
        Where and in which hue.
    role : str
        What it is, for the identifier.
    x : pair of float
        Where the line begins and ends.
    y : float
        Height.
    thickness : float
        Line width in points.
    dashed : bool
        Broken line: a prior.
    ends : pair of bool
        Small upright stroke at the left and right end: a printed limit.
    arrows : pair of bool
        Arrow head, its tip at the left and right end: it goes on beyond the axis.
    """
    line = Line2D(
        x,
        (y, y),
        lw=thickness,
        color=brush.hue,
        solid_capstyle="butt",
        ls=(0, (2.2, 1.6)) if dashed else "-",
        transform=brush.transform,
        zorder=3,
    )
    _add(brush, line, f"{role}-line")
    put_arrows(brush, role, x, y, arrows)
    for side, place, stroke, arrow in zip(_SIDES, x, ends, arrows, strict=True):
        if stroke and not arrow:
            _put_end(brush, f"{role}-end-{side}", place, y, "|", 2.6)


def put_upright(brush: Brush, role: str, x: float, y: tuple[float, float]) -> None:
    """Draw a vertical interval: printed limits of survival at a fixed time."""
    line = Line2D(
        (x, x),
        y,
        lw=0.7,
        color=brush.hue,
        solid_capstyle="butt",
        transform=brush.transform,
        zorder=3,
    )
    _add(brush, line, f"{role}-line")


def put_arrows(
    brush: Brush, role: str, x: tuple[float, float], y: float, arrows: tuple[bool, bool]
) -> None:
    """Draw arrow heads at the left and right end of something that goes on beyond the axis."""
    for side, place, arrow in zip(_SIDES, x, arrows, strict=True):
        if arrow:
            head = CARETLEFT if side == "left" else CARETRIGHT
            _put_end(brush, f"{role}-arrow-{side}", place, y, head, ARROW)


def put_diamond(brush: Brush, x: tuple[float, float, float], y: float, scale: float = 1) -> None:
    """Draw a diamond from lower to upper limit, widest at the estimate: the mean study.

    `scale` is the length of one point in the vertical coordinate of the brush.
    """
    lower, middle, upper = x
    half = DIAMOND_HALF_HEIGHT * scale
    corners = [(lower, y), (middle, y - half), (upper, y), (middle, y + half)]
    shape = Polygon(
        corners,
        closed=True,
        fc=brush.hue,
        ec=brush.hue,
        lw=0.4,
        joinstyle="miter",
        transform=brush.transform,
        zorder=4,
    )
    _add(brush, shape, "mean-study")


def put_bar(brush: Brush, x: tuple[float, float, float], y: float, scale: float = 1) -> None:
    """Draw a pale bar with an outline and a stroke at the estimate: prediction for a new study."""
    lower, middle, upper = x
    height = BAR_HEIGHT * scale
    bar = Rectangle(
        (lower, y - height / 2),
        upper - lower,
        height,
        fc=tint(brush.hue, 0.3),
        ec=brush.hue,
        lw=0.5,
        transform=brush.transform,
        zorder=3,
    )
    _add(brush, bar, "new-study")
    _put_end(brush, "new-study-middle", middle, y, "|", BAR_HEIGHT + 1.8)


def put_area(brush: Brush, x: tuple[float, float], y: float, height: float, share: float) -> None:
    """Draw a rectangle in a pale hue: legend sample of a filled area."""
    area = Rectangle(
        (x[0], y - height / 2),
        x[1] - x[0],
        height,
        fc=tint(brush.hue, share),
        ec="none",
        transform=brush.transform,
        zorder=2,
    )
    _add(brush, area, "area")


def _put_end(brush: Brush, role: str, x: float, y: float, marker: object, size: float) -> None:
    mark = Line2D(
        [x],
        [y],
        marker=marker,
        ls="none",
        ms=size,
        color=brush.hue,
        mew=0.6,
        mec="none" if marker in (CARETLEFT, CARETRIGHT) else brush.hue,
        transform=brush.transform,
        zorder=3.5,
    )
    _add(brush, mark, role)


def _put_marker(
    brush: Brush, role: str, x: float, y: float, marker: str, size: float, *, filled: bool
) -> None:
    edge = 0.3 if filled else 0.8
    mark = Line2D(
        [x],
        [y],
        marker=marker,
        ls="none",
        ms=size,
        mec=brush.hue,
        mew=edge,
        mfc=brush.hue if filled else "white",
        transform=brush.transform,
        zorder=5,
    )
    _add(brush, mark, role)


def _add(brush: Brush, artist: Artist, role: str) -> None:
    # Rows lie inside their axes; an arrow head at the very end must not lose half of itself.
    artist.set_clip_on(False)
    if brush.name:
        artist.set_gid(f"{brush.name}-{role}")
    brush.host.add_artist(artist)
    artist.set_clip_path(None)
