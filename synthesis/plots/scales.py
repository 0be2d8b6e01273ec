"""Axes: limits, ticks where clinicians think, and what happens beyond the end."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from synthesis import numbers
from synthesis.plots.page import text_width
from synthesis.plots.style import GRID, INK, Face

MONTH_TICKS: tuple[float, ...] = (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96)
RATIO_TICKS: tuple[float, ...] = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32)

# Labels that stay when not all fit: those of the first set, then of the second and so on.
_FEWER: Sequence[tuple[float, ...]] = (
    *((0.5, 1, 3, 6, 12, 24, 48), (1, 3, 12, 48), (0.5, 1, 2, 4, 8, 16), (0.25, 1, 4, 16)),
    *((1, 12), (1, 3), (1, 6), (1, 4)),
)

# An interval may stretch the axis to these values and no further (months, ratios, differences);
# estimates and reported values always lie inside.
_MONTH_REACH = (0.45, 50.0)
_RATIO_REACH = (0.2, 40.0)
_DIFFERENCE_REACH = (-12.0, 24.0)

# Distance between two ticks of a linear axis: the first that leaves room for the labels.
_DIFFERENCE_STEPS = (1, 2, 3, 6, 12, 24, 48)
_PERCENT_STEPS = (20, 25, 50, 100)
# Share of its length by which an axis in per cent goes on, so that a mark at 0 stays whole.
_MARGIN = 0.025


@dataclass(frozen=True)
class Scale:
    """An axis: its ends, where labelled ticks stand, and whether it is logarithmic."""

    lower: float
    upper: float
    ticks: tuple[float, ...]
    log: bool

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
    """Logarithmic axis in months.

    Parameters
    ----------
    inside : iterable of float
        Values that must lie on the axis; NaN and infinite ones are ignored.
    ends : iterable of float
        Limits of intervals, which may be cut.
    width : float
        Length of the axis in points.
    face : Face
        Of the tick labels.

    Raises
    ------
    ValueError
        If no value is left to fit the axis to.
    """
    return _log_scale(list(inside), list(ends), MONTH_TICKS, _MONTH_REACH, width, face)


def ratio_scale(inside: Iterable[float], ends: Iterable[float], width: float, face: Face) -> Scale:
    """Logarithmic axis for ratios, always with 1 on it; parameters as in `month_scale`."""
    return _log_scale([*inside, 1.0], list(ends), RATIO_TICKS, _RATIO_REACH, width, face)


def difference_scale(
    inside: Iterable[float], ends: Iterable[float], width: float, face: Face
) -> Scale:
    """Linear axis for differences in months, always with 0 on it; parameters as in `month_scale`.

    Raises
    ------
    ValueError
        If a value that must lie on the axis is not finite.
    """
    core = [value for value in [*inside, 0.0] if not math.isnan(value)]
    if not all(map(math.isfinite, core)):
        raise ValueError("a difference that is not finite cannot lie on an axis")
    rest = [value for value in ends if math.isfinite(value)]
    lower = min(min(core), max(_DIFFERENCE_REACH[0], min(core + rest)))
    upper = max(max(core), min(_DIFFERENCE_REACH[1], max(core + rest)))
    room = 0.04 * max(upper - lower, 1.0)
    lower, upper = lower - room, upper + room
    return Scale(lower, upper, _steps(lower, upper, _DIFFERENCE_STEPS, width, face), log=False)


def percent_scale(width: float, face: Face, lower: float = 0.0, upper: float = 100.0) -> Scale:
    """Linear axis in per cent (or points), a little longer than its ticks."""
    room = _MARGIN * (upper - lower)
    ticks = _steps(lower, upper, _PERCENT_STEPS, width, face)
    return Scale(lower - room, upper + room, ticks, log=False)


def _steps(
    lower: float, upper: float, steps: Sequence[float], width: float, face: Face
) -> tuple[float, ...]:
    """Round ticks between two ends, as close to each other as the labels allow."""
    for step in steps:
        first, last = math.ceil(lower / step), math.floor(upper / step)
        if (last - first + 1) * 2.2 * face.size <= width:
            break
    return tuple(float(step * number) for number in range(first, last + 1))


def apply_scale(axes: Axes, scale: Scale, face: Face, *, top: bool = False) -> None:
    """Give axes a horizontal scale with labelled ticks and faint grid lines."""
    axes.set_xscale("log" if scale.log else "linear")
    axes.set_xlim(scale.lower, scale.upper)
    dress_ticks(axes, "x", face, scale.ticks, top=top, labeltop=top)


def dress_ticks(
    axes: Axes,
    axis: str,
    face: Face,
    ticks: Sequence[float],
    *,
    grid: bool = True,
    labels: Sequence[str] = (),
    **more: object,
) -> None:
    """Set the ticks of an axis, labelled by their values or by `labels`, and faint grid lines."""
    own = axes.xaxis if axis == "x" else axes.yaxis
    own.set_major_locator(FixedLocator(ticks))
    own.set_major_formatter(FixedFormatter(labels or [numbers.value(float(t)) for t in ticks]))
    own.set_minor_locator(NullLocator())
    # Ticks are made when the figure is drawn, outside the style context: say all they need.
    sizes = {"length": 2.5, "width": 0.6, "pad": 1.5, "labelsize": face.size}
    axes.tick_params(axis=axis, color=INK, labelcolor=INK, **sizes, **more)
    if grid:
        axes.grid(axis=axis, color=GRID, linewidth=0.5, linestyle="-")


def _log_scale(
    inside: list[float],
    ends: list[float],
    marks: tuple[float, ...],
    reach: tuple[float, float],
    width: float,
    face: Face,
) -> Scale:
    core = [value for value in inside if math.isfinite(value) and value > 0]
    rest = [value for value in ends if math.isfinite(value) and value > 0]
    if not core:
        raise ValueError("no finite positive value to fit a logarithmic axis to")
    lower = min(min(core), max(reach[0], min(core + rest))) / 1.08
    upper = max(max(core), min(reach[1], max(core + rest))) * 1.08
    ticks = _inside(marks, lower, upper)
    while len(ticks) < 3:
        above = [mark for mark in marks if mark > upper]
        if above:
            upper = above[0] * 1.04
        else:
            lower = max(mark for mark in marks if mark < lower) / 1.04
        ticks = _inside(marks, lower, upper)
    return Scale(lower, upper, _thin(ticks, lower, upper, width, face), log=True)


def _inside(marks: Sequence[float], lower: float, upper: float) -> tuple[float, ...]:
    return tuple(mark for mark in marks if lower <= mark <= upper)


def _thin(
    ticks: tuple[float, ...], lower: float, upper: float, width: float, face: Face
) -> tuple[float, ...]:
    """Keep labels whose neighbours are at least half a figure apart, as many as fit."""
    per_point = math.log(upper / lower) / width
    sets = [ticks, *(tuple(tick for tick in ticks if tick in kept) for kept in _FEWER)]
    pairs = itertools.combinations(ticks, 2)
    fitting = [
        kept for kept in [*sets, *pairs] if len(kept) > 1 and _far_enough(kept, per_point, face)
    ]
    return max(fitting, key=len) if fitting else ticks[:1]


def _label_room(left: float, right: float, face: Face) -> float:
    """What two neighbouring tick labels need between their ticks."""
    widths = (text_width(numbers.value(float(tick)), face) for tick in (left, right))
    return sum(widths) / 2 + 0.45 * face.size


def _far_enough(ticks: tuple[float, ...], per_point: float, face: Face) -> bool:
    return all(
        math.log(right / left) / per_point >= _label_room(left, right, face)
        for left, right in itertools.pairwise(ticks)
    )
