r"""Points of a printed Kaplan-Meier curve as one ordered multinomial.

A printed median or limit is an *order statistic*: the time is random, the rank is known. A
landmark is a *fixed time*: the time is known, the count is random. Both are points of the same
curve, so they enter as one chain of conditional cells: with :math:`N_p` patients entering the
interval before point :math:`p`, :math:`e_p` events inside it, :math:`d_p` the event at the point
itself (1 for an order statistic, 0 for a landmark) and :math:`s_p = N_p - e_p - d_p` beyond it,

.. math::
   \log p = \sum_p \log\frac{N_p!}{e_p!\,s_p!} + e_p \log\{S_{p-1} - S_p\} + d_p \log f_p
            + s_p \log S_p - N_p \log S_{p-1}.

A rounded time is an average over its rounding interval, by Gauss-Legendre nodes: one node (the
density at the printed time) where the interval is narrow beside the spread of the order statistic,
more where it is not. Points are tied through the cells between them, so the average is taken along
the chain. Where two order statistics are printed alike, each has one node more than the one before
it: nodes of neighbouring numbers interlace, and the sum over the pairs in order is the integral
over half of a square. A time that rounds to nothing is averaged over what rounds to it.

With constant numbers at risk this is the joint density of order statistics (David & Nagaraja,
*Order Statistics*, 3rd ed., eq. 2.2.2) times the binomial cells of the landmarks. A landmark with
a printed interval has fewer patients behind it than the arm (censoring); the difference leaves
the chain at the point before, as patients censored there. Where the numbers at risk are printed
under a curve, those censored between two points leave half at the one and half at the other
(Guyot et al. 2012, doi 10.1186/1471-2288-12-9).

A median that was not reached by the median follow-up says that more than half were event-free then.
It ends the chain with a binomial tail, :math:`P\{\mathrm{Bin}(N, S/S_{p-1}) \ge c\}`, of three
quarters of the patients: half are followed for less, and a censored patient counts for half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

METHODS = ("plain", "log", "log-log")

# A landmark is printed to two or three digits and a rank is a whole patient: two points of one
# curve may disagree by this many patients before they contradict each other.
_PATIENTS_OF_SLACK = 1.5

# Quadrature nodes, and the coarsest resolution (see `_node_count`) for which they suffice.
_NODES = ((1, 0.1), (3, 0.6), (5, 1.5), (9, 4.0), (15, 8.0), (31, np.inf))

# Nodes of the first of several order statistics that are printed alike, at least; and of one whose
# rounding interval a landmark has cut.
_ALIKE, _CUT = 6, 5

_EARLIEST = 1e-3  # months; a time printed as 0 is early, not impossible


_legendre = lru_cache(np.polynomial.legendre.leggauss)


class Ranks(NamedTuple):
    """Ranks of lower limit, median and upper limit; ``None`` where a limit is not reached."""

    lower: float | None
    median: float
    upper: float | None


def median_rank(n: float) -> float:
    """Rank of the sample median of ``n`` times: ``(n + 1)/2``, half ranks where ``n`` is even.

    ``n`` may be fractional: an effective size.
    """
    return (n + 1.0) / 2.0


@lru_cache(maxsize=4096)
def interval_ranks(n: int, method: str, level: float = 0.95) -> Ranks:
    r"""Ranks of a Kaplan-Meier median and its limits among ``n`` uncensored times.

    A median and the limits found by inverting a confidence band of the Kaplan-Meier curve are event
    times. Without censoring their ranks depend only on the number of patients and on the
    transformation behind the band (Brookmeyer & Crowley 1982, doi 10.2307/2530286): with :math:`S_j
    = 1 - j/n` and Greenwood's variance :math:`S_j(1 - S_j)/n`,

    - ``plain``: :math:`S \pm z\,\mathrm{se}`,
    - ``log``: :math:`S \exp(\pm z\,\mathrm{se}/S)`,
    - ``log-log``: :math:`S^{\exp(\pm z\,\mathrm{se}/(S \log S))}`.

    The lower limit is the first event time at which the lower band is at or below one half, the
    upper limit the first at which the upper band is.

    The median has the rank :math:`(n + 1)/2`, which is a half rank where ``n`` is even. What is
    printed then is the mean of the two times in the middle, or the first time at which the curve is
    at or below one half, which is the earlier of them; a report does not tell which. The half rank
    stands for the mean. The earlier time lies on average :math:`2/(n k)` below it on the log scale,
    for log-logistic times of shape `k`: with `k` = 1.3 a quarter of a log unit for six patients,
    and 0.08 for twenty.

    Parameters
    ----------
    n : int
        Number of patients, at least one.
    method : {"plain", "log", "log-log"}
        The transformation behind the band.
    level : float
        Confidence level, ``0 < level < 1``.

    Raises
    ------
    ValueError
        If ``n``, ``method`` or ``level`` is out of range.
    """
    if n < 1 or method not in METHODS or not 0.0 < level < 1.0:
        raise ValueError(f"no ranks for n={n!r}, method={method!r}, level={level!r}")
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    # The bands cross one half within about z sqrt(n)/2 ranks of the median.
    reach = int(4.0 * (z + 1.0) * np.sqrt(n)) + 1
    j = np.arange(max(n // 2 - reach, 0) + 1, min(n // 2 + reach, n) + 1)
    lower, upper = (_first_at_or_below_half(band, j) for band in _bands(1.0 - j / n, n, z, method))
    return Ranks(lower, median_rank(n), upper)


def _bands(s: np.ndarray, n: int, z: float, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper band at each event time; NaN where the transformation is undefined."""
    half_width = z * np.sqrt(s * (1.0 - s) / n)
    if method == "plain":
        return s - half_width, s + half_width
    lower, upper = np.full_like(s, np.nan), np.full_like(s, np.nan)
    inside = (s > 0.0) & (s < 1.0)
    p, h = s[inside], half_width[inside]
    if method == "log":
        lower[inside], upper[inside] = p * np.exp(-h / p), p * np.exp(h / p)
    else:
        # log S < 0, so the sign of the exponent decides which power is the lower band
        power = h / (p * np.log(p))
        lower[inside], upper[inside] = p ** np.exp(-power), p ** np.exp(power)
    return lower, upper


def _first_at_or_below_half(band: np.ndarray, ranks: np.ndarray) -> float | None:
    # 1e-12: a band that is one half in exact arithmetic must not miss it by rounding
    at_or_below = np.flatnonzero(band <= 0.5 + 1e-12)
    return float(ranks[at_or_below[0]]) if at_or_below.size else None


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
    """The event time of known rank among the patients.

    ``usual_rank`` is that of a limit whose rank depends on the transformation of its interval,
    averaged over them: it puts the limit before or behind a landmark within its rounding interval,
    the same for all.
    """

    reading: Reading
    rank: float
    usual_rank: float | None = None


@dataclass(frozen=True)
class FixedTime:
    """Survival at a fixed time: ``months``, survival in [0, 1], relative variance if printed.

    ``log_variance`` is the variance of log survival derived from the printed interval, or
    ``None`` where no interval is printed; ``at_risk`` the patients at risk printed for that time.
    """

    months: float
    survival: float
    log_variance: float | None = None
    at_risk: float | None = None


@dataclass(frozen=True)
class Survivors:
    """``count`` patients or more of ``size`` were event-free at ``months``.

    What a median that is not reached says, with the follow-up at which it was not. It ends a
    chain: where a point at that time or later is known, that says more. Without a size all
    patients were followed so long.
    """

    months: float
    count: float
    size: float = np.inf


Point = OrderStatistic | FixedTime | Survivors


@dataclass(frozen=True)
class Chain:
    """Conditional cells of one arm, one entry a point in order of time."""

    time: np.ndarray
    """Months, ``(points,)``, increasing; equal only where order statistics are printed alike."""
    cell: np.ndarray
    """Exponent of :math:`S_{p-1} - S_p`, ``(points,)``."""
    density: np.ndarray
    """Exponent of :math:`f_p`, ``(points,)``."""
    beyond: np.ndarray
    """Exponent of :math:`S_p`, ``(points,)``."""
    log_constant: float
    """The multinomial coefficients: needed when chains with different ranks are mixed."""
    nodes: tuple[np.ndarray, ...]
    """For each point the months at which it is evaluated, increasing: the printed time, or
    quadrature nodes over its rounding interval."""
    node_weights: tuple[np.ndarray, ...]
    """Their weights, adding up to one, or to the part of a rounding interval that a landmark inside
    it leaves."""
    survivors: float = 0.0
    size: float = 0.0
    """Of the binomial tail that ends the chain: ``survivors`` or more of ``size``; both 0 where
    there is none."""


class ContradictionError(ValueError):
    """Two printed points of one arm cannot belong to one survival curve."""


def chain(points: Sequence[Point], n: float) -> Chain:
    """Order the printed points of one arm, and count the patients between them.

    The points may come in any order, ``n`` patients (an effective number where the events are
    printed) are behind them. `ContradictionError` if survival would rise from one point to the next
    by more than rounding allows.
    """
    from scipy.special import gammaln  # points alone are read without it

    ordered = require_falling(points, n)
    at_risk, level, variance, log_constant = float(n), 1.0, 0.0, 0.0
    rows: list[_Row] = []
    for point in ordered:
        if isinstance(point, Survivors):
            if rows:
                rows[-1].beyond += at_risk
            size = min(point.size * at_risk / n, at_risk)
            rows.append(_Row(point.months, 0.0, survivors=min(point.count, size), size=size))
            at_risk = 0.0
            break
        if level <= 0.0 and isinstance(point, FixedTime) and point.survival <= 0.0:
            # nobody was left before it: it says nothing, but keeps its place in every chain
            rows.append(_Row(point.months, 0.0))
            continue
        before, after, variance_here = _levels(point, n)
        ratio = min(before / level, 1.0)
        entering, leaving = _entering(point, at_risk, ratio, variance)
        if rows:
            rows[-1].beyond += at_risk - entering
        event = 1.0 if isinstance(point, OrderStatistic) else 0.0
        cell = entering * (1.0 - ratio)
        at_risk = max(entering - cell - event, 0.0)
        log_constant += float(
            gammaln(entering + 1.0) - gammaln(cell + 1.0) - gammaln(at_risk + 1.0)
        )
        rows.append(_row(point, cell, n, ordered))
        rows[-1].beyond += min(leaving, at_risk)
        at_risk = max(at_risk - leaving, 0.0)
        level, variance = after, variance_here
    rows[-1].beyond += at_risk
    return _assemble(rows, log_constant)


def require_falling(points: Sequence[Point], n: float) -> list[Point]:
    """Points in order, without those that say nothing; parameters and errors of :func:`chain`."""
    ordered, level = _without_idle(_in_order(points, n)), 1.0
    for point in ordered:
        if isinstance(point, Survivors):
            break
        if level <= 0.0 and isinstance(point, FixedTime) and point.survival <= 0.0:
            continue
        before, after, _ = _levels(point, n)
        slack = _PATIENTS_OF_SLACK / max(n * level, 1.0)
        if level <= 0.0 or before / level > 1.0 + slack:
            raise ContradictionError(
                f"survival {before:.3g} at {_position(point)[0]:.3g} months follows {level:.3g} "
                "at the point before it"
            )
        level = after
    return ordered


@dataclass
class _Row:
    """One point of a chain under construction."""

    time: float
    cell: float
    density: float = 0.0
    beyond: float = 0.0
    half_unit: float = 0.0
    node_count: int = 1
    part: float = 1.0
    survivors: float = 0.0
    size: float = 0.0


def _in_order(points: Sequence[Point], n: float) -> list[Point]:
    """Points in the order in which the curve passes them.

    Of a landmark within the rounding interval of an order statistic, survival says on which side.
    """
    ordered: list[Point] = sorted(
        (point for point in points if isinstance(point, OrderStatistic)), key=_position
    )
    others = [point for point in points if not isinstance(point, OrderStatistic)]
    for point in sorted(others, key=_position):
        before = [i for i, other in enumerate(ordered) if _precedes(other, point, n)]
        ordered.insert(before[-1] + 1 if before else 0, point)
    return ordered


def _without_idle(ordered: Sequence[Point]) -> list[Point]:
    """Points without a median not reached by a time at which, or behind which, another says more.

    Another may have the same time or round to it.
    """
    others = [point for point in ordered if not isinstance(point, Survivors)]
    latest = [p.reading.edges[1] if isinstance(p, OrderStatistic) else p.months for p in others]
    last = ordered[-1]
    if not isinstance(last, Survivors) or (others and last.months <= max(latest)):
        return others
    return [*others, last]


def _precedes(other: Point, point: FixedTime | Survivors, n: float) -> bool:
    if isinstance(other, OrderStatistic) and isinstance(point, FixedTime):
        low, high = other.reading.edges
        if low < point.months < high:
            rank = other.rank if other.usual_rank is None else other.usual_rank
            return 1.0 - (rank - 0.5) / n >= point.survival
    return _position(other)[0] <= point.months


def _row(point: Point, cell: float, n: float, ordered: Sequence[Point]) -> _Row:
    if not isinstance(point, OrderStatistic):
        return _Row(max(point.months, _EARLIEST), cell)
    low, high, part = _open_interval(point, ordered)
    time, half = (low + high) / 2.0, (high - low) / 2.0
    count = max(_node_count(half / time * np.sqrt(n)), _CUT if part < 1.0 else 1)
    statistics = [other for other in ordered if isinstance(other, OrderStatistic)]
    alike = [p.rank for p in statistics if p.reading.months == point.reading.months]
    if len(alike) > 1:
        count = max(count, _ALIKE) + sum(rank < point.rank for rank in alike)
    return _Row(time, cell, density=1.0, half_unit=half, node_count=count, part=part)


def _open_interval(point: OrderStatistic, ordered: Sequence[Point]) -> tuple[float, float, float]:
    """Rounding interval of an order statistic between its landmarks, and the part that is left."""
    months, half = point.reading.months, point.reading.half_unit
    rounds_to_nothing = half >= months
    lowest, highest = point.reading.edges if rounds_to_nothing else (months - half, months + half)
    at = next(i for i, other in enumerate(ordered) if other is point)
    fixed = [(i, other.months) for i, other in enumerate(ordered) if isinstance(other, FixedTime)]
    inside = [(i, landmark) for i, landmark in fixed if lowest < landmark < highest]
    low = max([lowest, *(landmark for i, landmark in inside if i < at)])
    high = min([highest, *(landmark for i, landmark in inside if i > at)])
    return low, high, (high - low) / (highest - lowest) if inside else 1.0


def _node_count(resolution: float) -> int:
    """Nodes that average over a rounding interval to about a thousandth of a log unit.

    A single node does so to about a hundredth far from the printed time; shapes above 1.2 lose a
    digit. ``resolution`` is half of the interval over the time, times the root of the patients:
    about 1.3 times half of the interval over the standard deviation of the order statistic.
    """
    return next((count for count, most in _NODES if resolution <= most), _NODES[-1][0])


def _assemble(rows: Sequence[_Row], log_constant: float) -> Chain:
    """Merge points that rounding has put at or before the one before them."""
    from scipy.special import gammaln

    merged = [rows[0]]
    for row in rows[1:]:
        last = merged[-1]
        if row.time + row.half_unit > last.time - last.half_unit:
            merged.append(row)
        else:
            # one cell instead of two has another multinomial coefficient
            joined = last.cell + row.cell + row.density
            log_constant += float(gammaln(last.cell + 1.0) + gammaln(row.cell + 1.0))
            log_constant -= float(gammaln(joined + 1.0))
            last.cell = joined
            last.beyond += row.beyond
            last.survivors, last.size = row.survivors, row.size
    names = ("time", "cell", "density", "beyond")
    columns = (np.array([getattr(row, name) for row in merged]) for name in names)
    rules = [(row, *_legendre(row.node_count)) for row in merged]
    nodes = tuple(row.time + row.half_unit * x for row, x, _ in rules)
    weights = tuple(row.part * weight / 2.0 for row, _, weight in rules)
    last = merged[-1]
    return Chain(*columns, log_constant, nodes, weights, last.survivors, last.size)


def _position(point: Point) -> tuple[float, float]:
    if isinstance(point, OrderStatistic):
        return point.reading.months, point.rank
    return point.months, np.inf


def _levels(point: OrderStatistic | FixedTime, n: float) -> tuple[float, float, float]:
    """Survival just before and after the point, and the variance of log survival after it."""
    if isinstance(point, OrderStatistic):
        before, after = 1.0 - (point.rank - 1.0) / n, max(1.0 - point.rank / n, 0.0)
    else:
        before = after = point.survival
        if point.log_variance is not None:
            return before, after, point.log_variance
    return before, after, (1.0 - after) / (after * n) if after > 0.0 else np.inf


def _entering(
    point: OrderStatistic | FixedTime, at_risk: float, ratio: float, variance_before: float
) -> tuple[float, float]:
    """Patients entering the interval before a point, and those leaving at it, censored.

    Fewer enter than are left where a landmark's interval says so (Greenwood: the variance of log
    survival grows by ``(1 - ratio)/(ratio N)`` over an interval), or its number at risk: with
    ``c`` censored between ``N`` and ``R`` at risk, ``(N - c/2)(1 - ratio)`` had the event.
    """
    if isinstance(point, OrderStatistic):
        return at_risk, 0.0
    if point.at_risk is not None:
        events = (at_risk + point.at_risk) * (1.0 - ratio) / (1.0 + ratio)
        censored = max(at_risk - events - point.at_risk, 0.0)
        return at_risk - censored / 2.0, censored / 2.0
    if point.log_variance is None or not 0.0 < ratio < 1.0:
        return at_risk, 0.0
    growth = point.log_variance - variance_before
    if growth <= 0.0:
        return at_risk, 0.0
    return min((1.0 - ratio) / (ratio * growth), at_risk), 0.0


@dataclass(frozen=True)
class PrintedMedian:
    """A printed median with its interval, in months."""

    median: Reading | None
    """``None``: not reached, while a limit of it is printed."""
    lower: Reading | None = None
    upper: Reading | None = None
    """Of either limit ``None``: not printed, not reached, or no event time (symmetric interval)."""
    level: float = 0.95
    """Confidence level of the interval."""
    method: str | None = None
    """Transformation behind the interval where the report or its software names it."""


def candidate_chains(
    printed: PrintedMedian | None, landmarks: Sequence[FixedTime | Survivors], n: float
) -> list[tuple[str, Chain]]:
    """Chains of :func:`candidate_points`, each with its method."""
    readings = candidate_points(printed, landmarks, n)
    return [(method, chain(points, n)) for method, points in readings]


def candidate_points(
    printed: PrintedMedian | None, landmarks: Sequence[FixedTime | Survivors], n: float
) -> list[tuple[str, list[Point]]]:
    """Every reading of the printed points that the data allow, each with its method.

    With the transformation of the interval unknown there is one chain a transformation; the
    model averages over them, with weights that all arms share. A transformation that cannot have
    produced the print (its limit would not exist, or its ranks contradict a landmark) is left out.
    The method is one of :data:`METHODS`, ``"median"`` where only the median's rank is used, or
    ``"landmarks"``. `ContradictionError` if even median and landmarks alone contradict each other.
    """
    printed = printed or PrintedMedian(None)
    limits = printed.lower is not None or printed.upper is not None
    readings = []
    for method in ((printed.method,) if printed.method else METHODS) if limits else ():
        points = _order_statistics(printed, method, n)
        if points is None:
            continue
        try:
            readings.append((method, require_falling([*points, *landmarks], n)))
        except ContradictionError:
            continue
    if readings:
        return readings
    if printed.median is not None:
        alone = OrderStatistic(printed.median, median_rank(n))
        return [("median", require_falling([alone, *landmarks], n))]
    if not landmarks:
        raise ContradictionError("no transformation gives the printed limit of the median")
    return [("landmarks", require_falling(landmarks, n))]


def _order_statistics(printed: PrintedMedian, method: str, n: float) -> list[OrderStatistic] | None:
    ranks = {m: interval_ranks(max(round(n), 1), m, printed.level) for m in METHODS}
    points = []
    if printed.median is not None:
        points.append(OrderStatistic(printed.median, median_rank(n)))
    for name in ("lower", "upper"):
        reading, rank = getattr(printed, name), getattr(ranks[method], name)
        if reading is None:
            continue
        if rank is None:
            return None
        known = [own for own in (getattr(r, name) for r in ranks.values()) if own is not None]
        points.append(OrderStatistic(reading, rank, float(np.mean(known))))
    return points


def log_survival_variance(
    survival: float, lower: float, upper: float, level: float = 0.95
) -> float | None:
    r"""Variance of log survival behind a printed interval of a landmark.

    The interval is read on the scale on which it is most nearly symmetric: plain
    (:math:`S \pm z\,\mathrm{se}`), log, or log-log, with
    :math:`\mathrm{se}(\log S) = \mathrm{se}(S)/S = |\log S|\,\mathrm{se}(\log(-\log S))`. A limit
    at 0 or 1 was cut there, one at the survival is rounded, and the other half is used on the plain
    scale. ``None`` if survival is 0 or 1, where an interval says nothing about a variance.
    """
    if not 0.0 < survival < 1.0:
        return None
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    if lower <= 0.0 or upper >= 1.0 or survival in (lower, upper):
        below = lower <= 0.0 or survival == lower
        half = (upper - survival) if below and upper < 1.0 else (survival - lower)
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
