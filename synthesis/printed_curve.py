r"""Points of a printed Kaplan-Meier curve as one ordered multinomial.

A printed median or limit is an *order statistic*: the time is random, the rank is known. A
landmark is a *fixed time*: the time is known, the count is random. Both are points of the same
curve, so they enter as one chain of conditional cells: with :math:`N_p` patients entering the
interval before point :math:`p`, :math:`e_p` events inside it, :math:`d_p` the event at the point
itself (1 for an order statistic, 0 for a landmark) and :math:`s_p = N_p - e_p - d_p` beyond it,

.. math::
   \log p = \sum_p \log\frac{N_p!}{e_p!\,s_p!} + e_p \log\{S_{p-1} - S_p\} + d_p \log f_p
            + s_p \log S_p - N_p \log S_{p-1}.

A rounded time enters as the density at the printed time: the midpoint rule over its rounding
interval. Only where that fails (two order statistics printed alike, a time that rounds to nothing)
does the interval become a cell. It must not be one elsewhere: a cell of one event would say that
nobody else of the whole arm had the event within the rounding interval.

With constant numbers at risk this is the joint density of order statistics (David & Nagaraja,
*Order Statistics*, 3rd ed., eq. 2.2.2) times the binomial cells of the landmarks. A landmark with
a printed interval has fewer patients behind it than the arm (censoring); the difference leaves
the chain at the point before, as patients censored there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import gammaln

from synthesis.ranks import METHODS, interval_ranks, median_rank

# A landmark is printed to two or three digits and a rank is a whole patient: two points of one
# curve may disagree by this many patients before they contradict each other.
_PATIENTS_OF_SLACK = 1.5

_EARLIEST = 1e-3  # months; a time printed as 0 is early, not impossible


@dataclass(frozen=True)
class Reading:
    """A printed time in months, with half of its printed unit: 3.1 is anything in 3.05-3.15."""

    months: float
    half_unit: float

    @property
    def edges(self) -> tuple[float, float]:
        """Lower and upper end, in months, of what rounds to the printed time."""
        low = max(self.months - self.half_unit, _EARLIEST)
        return low, max(self.months + self.half_unit, 2.0 * _EARLIEST)


@dataclass(frozen=True)
class OrderStatistic:
    """The event time of known rank among the patients."""

    reading: Reading
    rank: float


@dataclass(frozen=True)
class FixedTime:
    """Survival at a fixed time: ``months``, survival in [0, 1], relative variance if printed.

    ``log_variance`` is the variance of log survival derived from the printed interval, or
    ``None`` where no interval is printed.
    """

    months: float
    survival: float
    log_variance: float | None = None


@dataclass(frozen=True)
class Survivors:
    """At least ``count`` patients were event-free at ``months``; nothing is known of the others.

    What a median that is not reached says, with the follow-up at which it was not.
    """

    months: float
    count: float


Point = OrderStatistic | FixedTime | Survivors


@dataclass(frozen=True)
class Chain:
    """Conditional cells of one arm, one entry a point in order of time.

    Attributes
    ----------
    time : ndarray, shape (points,)
        Months, strictly increasing.
    cell, density, beyond : ndarray, shape (points,)
        Exponents of :math:`S_{p-1} - S_p`, :math:`f_p` and :math:`S_p`.
    log_constant : float
        The multinomial coefficients: needed when chains with different ranks are mixed.
    """

    time: np.ndarray
    cell: np.ndarray
    density: np.ndarray
    beyond: np.ndarray
    log_constant: float


class ContradictionError(ValueError):
    """Two printed points of one arm cannot belong to one survival curve."""


def chain(points: Sequence[Point], n: float) -> Chain:
    """Order the printed points of one arm and count the patients between them.

    Parameters
    ----------
    points : sequence of OrderStatistic, FixedTime or Survivors
        In any order.
    n : float
        Patients of the arm (an effective number where the events are printed).

    Raises
    ------
    ContradictionError
        If survival would rise from one point to the next by more than rounding allows.
    """
    ordered = sorted(points, key=_position)
    coarse = _coarse(ordered)
    at_risk, level, variance, log_constant = float(n), 1.0, 0.0, 0.0
    rows: list[_Row] = []
    for point in ordered:
        before, after, variance_here = _levels(point, n, level, variance)
        slack = _PATIENTS_OF_SLACK / max(n * level, 1.0)
        if level <= 0.0 or before / level > 1.0 + slack:
            raise ContradictionError(
                f"survival {before:.3g} at {_position(point)[0]:.3g} months follows {level:.3g} "
                "at the point before it"
            )
        ratio = min(before / level, 1.0)
        entering = _entering(point, at_risk, ratio, variance)
        if rows:
            rows[-1].beyond += at_risk - entering
        event = 1.0 if isinstance(point, OrderStatistic) else 0.0
        cell = 0.0 if isinstance(point, Survivors) else entering * (1.0 - ratio)
        at_risk = max(entering - cell - event, 0.0)
        log_constant += _log_choose(entering, cell, at_risk)
        rows += _rows(point, cell, coarse=point in coarse)
        level, variance = after, variance_here
    rows[-1].beyond += at_risk
    return _assemble(rows, log_constant)


@dataclass
class _Row:
    """One point of a chain under construction."""

    time: float
    cell: float
    density: float = 0.0
    beyond: float = 0.0


def _coarse(points: Sequence[Point]) -> set[Point]:
    """Order statistics without a density of their own: printed alike, or rounding to nothing."""
    statistics = [point for point in points if isinstance(point, OrderStatistic)]
    times = [point.reading.months for point in statistics]
    return {
        point
        for point in statistics
        if point.reading.half_unit > point.reading.months or times.count(point.reading.months) > 1
    }


def _rows(point: Point, cell: float, *, coarse: bool) -> list[_Row]:
    time = max(_position(point)[0], _EARLIEST)
    if not isinstance(point, OrderStatistic):
        return [_Row(time, cell)]
    if not coarse:
        return [_Row(time, cell, density=1.0)]
    low, high = point.reading.edges
    # a time that rounds to nothing: everyone up to it falls within its rounding interval
    return [_Row(high if low <= _EARLIEST else low, cell), _Row(high, 1.0)]


def _assemble(rows: Sequence[_Row], log_constant: float) -> Chain:
    """Merge points that rounding has put at or before the one before them."""
    merged = [rows[0]]
    for row in rows[1:]:
        last = merged[-1]
        if row.time > last.time:
            merged.append(row)
        else:
            # one cell instead of two has another multinomial coefficient
            joined = last.cell + row.cell + row.density
            log_constant += float(gammaln(last.cell + 1.0) + gammaln(row.cell + 1.0))
            log_constant -= float(gammaln(joined + 1.0))
            last.cell = joined
            last.beyond += row.beyond
    columns = ([getattr(r, name) for r in merged] for name in ("time", "cell", "density", "beyond"))
    return Chain(*(np.array(column) for column in columns), log_constant)


def _log_choose(entering: float, cell: float, beyond: float) -> float:
    """Log of ``entering! / (cell! beyond!)``, for effective numbers too."""
    return float(gammaln(entering + 1.0) - gammaln(cell + 1.0) - gammaln(beyond + 1.0))


def _position(point: Point) -> tuple[float, float]:
    if isinstance(point, OrderStatistic):
        return point.reading.months, point.rank
    return point.months, np.inf


def _levels(
    point: Point, n: float, level: float, variance_before: float
) -> tuple[float, float, float]:
    """Survival just before and after the point, and the variance of log survival after it."""
    if isinstance(point, Survivors):
        return level, level, variance_before
    if isinstance(point, OrderStatistic):
        before, after = 1.0 - (point.rank - 1.0) / n, max(1.0 - point.rank / n, 0.0)
        variance = None
    else:
        before = after = point.survival
        variance = point.log_variance
    if variance is None:
        variance = (1.0 - after) / (after * n) if after > 0.0 else np.inf
    return before, after, variance


def _entering(point: Point, at_risk: float, ratio: float, variance_before: float) -> float:
    """Patients entering the interval: fewer than are left where a landmark's interval says so.

    Greenwood: the variance of log survival grows by ``(1 - ratio)/(ratio N)`` over an interval.
    """
    if isinstance(point, Survivors):
        return min(point.count, at_risk)
    if isinstance(point, OrderStatistic) or point.log_variance is None or not 0.0 < ratio < 1.0:
        return at_risk
    growth = point.log_variance - variance_before
    if growth <= 0.0:
        return at_risk
    return min((1.0 - ratio) / (ratio * growth), at_risk)


@dataclass(frozen=True)
class PrintedMedian:
    """A printed median with its interval, in months.

    Attributes
    ----------
    median : Reading
    lower, upper : Reading or None
        ``None``: not printed, not reached, or not an event time (symmetric interval).
    level : float
        Confidence level of the interval.
    method : str or None
        Transformation behind the interval where the report or its software names it.
    """

    median: Reading
    lower: Reading | None = None
    upper: Reading | None = None
    level: float = 0.95
    method: str | None = None


def candidate_chains(
    printed: PrintedMedian | None, landmarks: Sequence[FixedTime | Survivors], n: float
) -> list[tuple[str, Chain]]:
    """Every reading of the printed points that the data allow, with equal prior weight.

    With the transformation of the interval unknown there is one chain a transformation; the
    model averages over them. A transformation that cannot have produced the print (its limit
    would not exist, or its ranks contradict a landmark) is left out.

    Returns
    -------
    list of (method, Chain)
        ``method`` is a name of :data:`~synthesis.ranks.METHODS`, ``"median"`` where only the
        median's rank is used, or ``"landmarks"``.

    Raises
    ------
    ContradictionError
        If even median and landmarks alone contradict each other.
    """
    if printed is None:
        return [("landmarks", chain(landmarks, n))]
    if printed.lower is not None or printed.upper is not None:
        found = []
        for method in (printed.method,) if printed.method else METHODS:
            points = _order_statistics(printed, method, n)
            if points is None:
                continue
            try:
                found.append((method, chain([*points, *landmarks], n)))
            except ContradictionError:
                continue
        if found:
            return found
    alone = OrderStatistic(printed.median, median_rank(n))
    return [("median", chain([alone, *landmarks], n))]


def _order_statistics(printed: PrintedMedian, method: str, n: float) -> list[OrderStatistic] | None:
    ranks = interval_ranks(max(round(n), 1), method, printed.level)
    points = [OrderStatistic(printed.median, median_rank(n))]
    for reading, rank in ((printed.lower, ranks.lower), (printed.upper, ranks.upper)):
        if reading is None:
            continue
        if rank is None:
            return None
        points.append(OrderStatistic(reading, rank))
    return points


def log_survival_variance(
    survival: float, lower: float, upper: float, level: float = 0.95
) -> float | None:
    r"""Variance of log survival behind a printed interval of a landmark.

    The interval is read on the scale on which it is most nearly symmetric: plain
    (:math:`S \pm z\,\mathrm{se}`), log, or log-log, with
    :math:`\mathrm{se}(\log S) = \mathrm{se}(S)/S = |\log S|\,\mathrm{se}(\log(-\log S))`. A limit
    at 0 or 1 was cut there, and the other half is used on the plain scale.

    Returns
    -------
    float or None
        ``None`` if survival is 0 or 1, where an interval says nothing about a variance.
    """
    if not 0.0 < survival < 1.0:
        return None
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    if lower <= 0.0 or upper >= 1.0:
        half = (upper - survival) if lower <= 0.0 and upper < 1.0 else (survival - lower)
        return float((half / z / survival) ** 2)
    log_s = np.log(survival)
    scales = {
        "plain": ((survival - lower) / survival, (upper - survival) / survival),
        "log": (log_s - np.log(lower), np.log(upper) - log_s),
        "log-log": tuple(
            abs(log_s) * abs(np.log(-np.log(limit)) - np.log(-log_s)) for limit in (lower, upper)
        ),
    }
    low, high = min(scales.values(), key=lambda halves: abs(np.log(halves[0] / halves[1])))
    return float(((low + high) / 2.0 / z) ** 2)
