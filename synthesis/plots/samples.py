"""Samples of the marks for legends, drawn with the marks themselves.

Each sample is called with a page and the centre of its place in points.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.lines import Line2D

from synthesis.plots import marks
from synthesis.plots.page import Page
from synthesis.plots.style import INK, tint

_HALF = 8.0
_SQUARE = 4.0


@dataclass(frozen=True)
class Swatch:
    """Sample of the hue of a treatment class."""

    hue: str

    def __call__(self, page: Page, x: float, y: float) -> None:
        """Draw a small field of the hue."""
        brush = marks.Brush(page.figure, page.transform, self.hue)
        marks.put_area(brush, _across(x), y, 4.4, 1.0)


def sample_square(page: Page, x: float, y: float) -> None:
    """Draw a printed value without interval."""
    marks.put_square(_brush(page), x, y, _SQUARE)


def sample_printed(page: Page, x: float, y: float) -> None:
    """Draw a printed value with its interval."""
    marks.put_line(_brush(page), "", _across(x), y, thickness=0.6, ends=(True, True))
    sample_square(page, x, y)


def sample_landmark(page: Page, x: float, y: float) -> None:
    """Draw printed survival at a fixed time with its interval."""
    marks.put_upright(_brush(page), "", x, (y - 4, y + 4))
    marks.put_landmark(_brush(page), x, y)


def sample_model(page: Page, x: float, y: float) -> None:
    """Draw an estimate of the model with its interval."""
    marks.put_line(_brush(page), "", _across(x), y)
    marks.put_dot(_brush(page), x, y)


def sample_ring(page: Page, x: float, y: float) -> None:
    """Draw an estimate for pure tumours with its interval."""
    marks.put_line(_brush(page), "", _across(x), y)
    marks.put_ring(_brush(page), x, y)


def sample_diamond(page: Page, x: float, y: float) -> None:
    """Draw a pooled estimate, mean study."""
    marks.put_diamond(_brush(page), (x - _HALF, x, x + _HALF), y)


def sample_bar(page: Page, x: float, y: float) -> None:
    """Draw a prediction for a new study."""
    marks.put_bar(_brush(page), (x - _HALF, x, x + _HALF), y)


def sample_arrow(page: Page, x: float, y: float) -> None:
    """Draw what was not reached or goes beyond the axis."""
    marks.put_line(_brush(page), "", _across(x), y, thickness=0.6, arrows=(False, True))


def sample_prior_outline(page: Page, x: float, y: float) -> None:
    """Draw the outline of a prior density."""
    marks.put_line(_brush(page), "", _across(x), y, dashed=True)


def sample_area(page: Page, x: float, y: float) -> None:
    """Draw the area under a posterior density."""
    marks.put_area(_brush(page), _across(x), y, 5.0, marks.AREA_SHARE)


def sample_curve(page: Page, x: float, y: float) -> None:
    """Draw a pooled curve in its band."""
    _sample_band(page, x, y, marks.BAND_SHARE, INK, "-")


def sample_faded_curve(page: Page, x: float, y: float) -> None:
    """Draw a pooled curve in its band far from any printed point."""
    faded = tint(INK, marks.FADED_CURVE_SHARE)
    _sample_band(page, x, y, marks.FADED_BAND_SHARE, faded, marks.FADED_DASHES)


def _brush(page: Page) -> marks.Brush:
    return marks.Brush(page.figure, page.transform, INK)


def _across(x: float) -> tuple[float, float]:
    return (x - _HALF, x + _HALF)


def _sample_band(page: Page, x: float, y: float, share: float, hue: str, style: object) -> None:
    marks.put_area(_brush(page), _across(x), y, 5.2, share)
    line = Line2D(
        _across(x),
        (y, y),
        color=hue,
        lw=marks.CURVE_WIDTH,
        ls=style,
        transform=page.transform,
    )
    page.figure.add_artist(line)
