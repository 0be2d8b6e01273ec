r"""What a printed comparison of two groups says of their curves.

The first group is the part :math:`a_1` of the patients, the second :math:`a_2 = 1 - a_1`, and a
part :math:`e_j` of each had the event. Those censored are taken to be so with a hazard in
proportion to that of the event (Koziol & Green 1976, doi 10.1093/biomet/63.3.465). With
:math:`c_j = 1/e_j - 1` there are, of all patients, at risk :math:`y_j = a_j S_j^{1 + c_j}` and
dying :math:`d_j = a_j f_j S_j^{c_j}` in group ``j``. With :math:`p = y_1/(y_1 + y_2)`

- the log hazard ratio read from a log-rank test, :math:`\hat\beta = Z \sqrt V` with
  :math:`V = 1/D_1 + 1/D_2` and :math:`D_j` the numbers of events (Tierney et al. 2007,
  doi 10.1186/1745-6215-8-16), has in large samples the mean

.. math::
   h = \sqrt{\frac{1}{a_1 e_1} + \frac{1}{a_2 e_2}}\;
       \frac{\int d_1 (1 - p) - d_2\,p}{\sqrt{\int (d_1 + d_2)\,p (1 - p)}} ;

- the estimate of a proportional hazards model has the mean :math:`\beta` that solves
  :math:`\int d_1 - p_\beta (d_1 + d_2) = 0`, with
  :math:`p_\beta = y_1 e^\beta/(y_1 e^\beta + y_2)` (Struthers & Kalbfleisch 1986,
  doi 10.1093/biomet/73.2.363).

Nothing is asked of the two curves: they may differ in median and shape, though both are given the
mean of their tails.

A comparison and the medians are views of the same patients. Given both sample medians
:math:`\hat m_j`, with :math:`w_j = 2 \ln 2\; k_j g(0)` and ``g`` the density of the family's ``z``,

.. math::
   \hat\beta \mid \hat m \sim \mathrm{Normal}\{h - w_1 \ln(\hat m_1/m_1) + w_2 \ln(\hat m_2/m_2),
   \ V(1 - \rho)\}, \qquad \rho = (\ln 2)^2 .

Limits and landmarks of the two groups were used before it, too. The part :math:`R` of its
information that all used points hold (:func:`part_told`) is taken off: the variance is
:math:`V (1 - \rho)^2/(1 - R)`, and :math:`V/(1 - R)` where no medians are printed, which leaves in
all :math:`1 - R` of its information.

A report may say less than a number. What it says is a range of :math:`\hat\beta`, and enters with
the probability of that range: *p > 0.05* is :math:`|\hat\beta| < 1.96 \sqrt V`, *p < 0.001* what
lies beyond a limit, a bare direction one side of nought. A p value says how far the curves are
apart and not which is above. Where nothing else does, both signs are added.

The ratio of an adjusted analysis may be off by what adjustment leaves: its bias is normal with the
SD of the prior ``adjusted_bias``, which is added to the variance.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import log_ndtr

from synthesis.model.families import FAMILIES, LN2, Family, log_survival
from synthesis.model.printed import Chain

if TYPE_CHECKING:
    from synthesis.model.observations import ArmComparison
    from synthesis.model.records import ComparisonReading

#: Part of the information of a log-rank test that two medians hold, the same in every family.
RHO = LN2**2

#: The largest part that used points are taken to hold: in small groups with curves far apart the
#: large-sample figure promises more.
MOST_TOLD = 0.75

#: The mean is kept as a series in the contrast of log medians times the shape, in the contrast of
#: log shapes, and in the tail, up to these; beyond the first it is linear, beyond the others
#: constant. And the numbers of terms.
WIDEST, WIDEST_SHAPE, WIDEST_TAIL = 6.0, 1.5, 2.5
TERMS, SHAPE_TERMS, TAIL_TERMS = 24, 10, 8

# Points in time of the integrals, and deaths, as a part, that may lie before and behind them.
_NODES, _OUTSIDE = 96, 1e-6
_Z = np.linspace(-60.0, 60.0, 2401)
_NEWTON_STEPS, _LONGEST_STEP = 15, 1.0


class Place(NamedTuple):
    """Log median, log shape and tail of a group: arrays that broadcast."""

    location: Any
    log_shape: Any
    tail: Any = 0.0


def exact_mean(
    first: Place, second: Place, family: Family, reading: ComparisonReading
) -> np.ndarray:
    """Mean of a printed log hazard ratio of the first group against the second, by quadrature.

    Places are arrays of any shapes that broadcast; the mean has their common shape. Of the reading
    count its ``kind``, ``share`` and ``events``.
    """
    arrays = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (*first, *second)))
    places = Place(*arrays[:3]), Place(*arrays[3:])
    tails = np.unique([np.unique(place.tail) for place in places])
    ends = np.array([_ends(family, tail) for tail in tails]).T
    below, above = (
        [
            place.location + np.exp(-place.log_shape) * np.interp(place.tail, tails, row)
            for place in places
        ]
        for row in ends
    )
    low, high = np.minimum(*below), np.maximum(*above)
    log_time = low[..., None] + (high - low)[..., None] * np.linspace(0.0, 1.0, _NODES)
    at_risk, deaths = [], []
    parts = zip(places, (reading.share, 1.0 - reading.share), reading.events, strict=True)
    for place, share, events in parts:
        k, tail = np.exp(place.log_shape)[..., None], place.tail[..., None]
        z = k * (log_time - place.location[..., None])
        log_s, log_f = log_survival(z, family, tail), family.log_density(z, tail) + np.log(k)
        censoring = 1.0 / events - 1.0
        at_risk.append(share * np.exp((1.0 + censoring) * log_s))
        deaths.append(share * np.exp(log_f + censoring * log_s))
    width = (high - low) / (_NODES - 1.0)
    beta = np.zeros(low.shape)
    for _ in range(1 if reading.kind == "p" else _NEWTON_STEPS):
        odds = np.exp(beta)[..., None] * at_risk[0]
        p = odds / np.maximum(odds + at_risk[1], 1e-300)
        score = width * (deaths[0] * (1.0 - p) - deaths[1] * p).sum(axis=-1)
        information = width * ((deaths[0] + deaths[1]) * p * (1.0 - p)).sum(axis=-1)
        information = np.maximum(information, 1e-12)
        if reading.kind == "p":
            return score / np.sqrt(information) * spread_of(reading)
        beta = beta + np.clip(score / information, -_LONGEST_STEP, _LONGEST_STEP)
    return beta


def _ends(family: Family, tail: float) -> np.ndarray:
    """Where on the scale of ``z`` a curve begins and ends."""
    survival = np.exp(log_survival(_Z, family, tail))
    inside = np.flatnonzero((survival < 1.0 - _OUTSIDE) & (survival > _OUTSIDE))
    return _Z[inside[[0, -1]]]


def mean_series(family: Family, reading: ComparisonReading) -> np.ndarray:
    r"""Chebyshev coefficients of the mean of an estimate.

    In :math:`\bar k D` with :math:`\bar k` the geometric mean of both shapes and ``D`` the contrast
    of log medians, in the contrast of log shapes, and in the mean of both tails, each over its
    widest value: ``(TERMS, SHAPE_TERMS, TAIL_TERMS)``. But for the first, the terms of the tail are
    0 for a family that has none.
    """
    return _mean_series(family.name, reading.kind, round(reading.share, 6), reading.events)


@lru_cache(maxsize=512)
def _mean_series(
    name: str, kind: Literal["hazard ratio", "p"], share: float, events: tuple[float, float]
) -> np.ndarray:
    from synthesis.model.records import ComparisonReading

    family = FAMILIES[name]
    reading = ComparisonReading(0.0, 0.0, 1.0, kind, share, "", events=events)
    counts = (TERMS, SHAPE_TERMS, TAIL_TERMS if family.has_tail else 1)
    # values at the points of Chebyshev, then the transform along each axis
    points = [np.cos(np.pi * (np.arange(n) + 0.5) / n) for n in counts]
    delta, apart, tail = np.meshgrid(*points, indexing="ij")
    half = 0.5 * WIDEST_SHAPE * apart
    tail = WIDEST_TAIL * tail if family.has_tail else np.zeros(tail.shape)
    value = exact_mean(Place(WIDEST * delta, half, tail), Place(0.0, -half, tail), family, reading)
    for axis, (n, at) in enumerate(zip(counts, points, strict=True)):
        basis = chebyshev.chebvander(at, n - 1) * np.where(np.arange(n) == 0, 1.0, 2.0) / n
        value = np.moveaxis(np.tensordot(basis, value, axes=(0, axis)), 0, axis)
    series = np.zeros((TERMS, SHAPE_TERMS, TAIL_TERMS))
    series[:, :, : counts[2]] = value
    return series


def comparison_mean(
    first: Place, second: Place, family: Family, reading: ComparisonReading
) -> np.ndarray:
    """The same as :func:`exact_mean` by its series, with one tail for both groups: their mean."""
    series = mean_series(family, reading)[..., : TAIL_TERMS if family.has_tail else 1]
    apart = np.subtract(first.log_shape, second.log_shape)
    shape = np.exp(0.5 * np.add(first.log_shape, second.log_shape))
    delta = shape * np.subtract(first.location, second.location)
    tail = 0.5 * np.add(first.tail, second.tail)
    inside = np.clip(delta, -WIDEST, WIDEST)
    places = np.broadcast_arrays(apart, tail)
    of_shape, of_tail = (
        chebyshev.chebvander(value.ravel().clip(-widest, widest) / widest, count - 1).T
        for value, widest, count in zip(
            places, (WIDEST_SHAPE, WIDEST_TAIL), series.shape[1:], strict=True
        )
    )
    terms = (of_shape[:, None] * of_tail).reshape(len(of_shape) * len(of_tail), places[0].size)
    of_delta = (series.reshape(TERMS, -1) @ terms).reshape(TERMS, *places[0].shape)
    mean = chebyshev.chebval(inside / WIDEST, of_delta, tensor=False)
    beyond = delta - inside
    if np.any(beyond):
        slope = chebyshev.chebval(inside / WIDEST, chebyshev.chebder(of_delta), tensor=False)
        mean = mean + slope / WIDEST * beyond
    return mean


def spread_of(reading: ComparisonReading) -> float:
    r""":math:`\sqrt{1/(a_1 e_1) + 1/(a_2 e_2)}` of a log-rank test."""
    parts = zip((reading.share, 1.0 - reading.share), reading.events, strict=True)
    return float(np.sqrt(sum(1.0 / (share * events) for share, events in parts)))


def part_told(chains: tuple[Chain | None, Chain | None], share: float, variance: float) -> float:
    r"""Part of the information of a log-rank test that the used points of both groups hold.

    A fall of log survival by :math:`\lambda` between two points, of :math:`N` patients at risk, has
    the variance :math:`q/\{(1 - q) N\}` with :math:`q = 1 - e^{-\lambda}`, and the covariance
    :math:`(1 - a) \lambda` with the score of the test, ``a`` the group's share of the patients.

    Of either group the used points, if any; the first group's share of the patients; and the
    variance of the log hazard ratio of the test.
    """
    told = 0.0
    for chain, other in zip(chains, (1.0 - share, share), strict=True):
        if chain is None:
            continue
        at_risk = float(np.sum(chain.cell + chain.density + chain.beyond))
        for cell, event, beyond in zip(chain.cell, chain.density, chain.beyond, strict=True):
            q = (cell + 0.5 * event) / max(at_risk, 1.0)
            if 0.0 < q < 1.0:
                told += other**2 * np.log1p(-q) ** 2 * at_risk * (1.0 - q) / q
            at_risk -= cell + event + beyond
    return float(min(told * variance, MOST_TOLD))


def comparison_log_likelihood(
    comparison: ArmComparison, first: Place, second: Place, family: Family, *, bias_sd: float = 0.0
) -> np.ndarray:
    """Log likelihood of a printed comparison, conditional on all that was used of both groups.

    Places are arrays of any shapes that broadcast; if both shapes and tails are the same, only the
    contrast of the locations matters. `bias_sd` is that of an adjusted ratio; no other takes it.
    """
    reading, medians = comparison.reading, comparison.log_medians
    mean = comparison_mean(first, second, family, reading)
    if medians is not None:
        for sign, place, median in zip((-1.0, 1.0), (first, second), medians, strict=True):
            density = np.exp(family.log_density(np.zeros(np.shape(place.tail)), place.tail))
            slope = 2.0 * LN2 * density * np.exp(place.log_shape)
            mean = mean + sign * slope * (median - place.location)
    variance = comparison.variance + (bias_sd**2 if reading.adjusted else 0.0)
    value = _log_probability(reading, mean, variance)
    if reading.either_sign:
        value = np.logaddexp(value, _log_probability(reading, -mean, variance))
    return value


def _log_probability(reading: ComparisonReading, mean: np.ndarray, variance: float) -> np.ndarray:
    """Log density of the estimate, or log probability of the range in which it lies."""
    sd = np.sqrt(variance)
    low, high = ((end - mean) / sd for end in (reading.low, reading.high))
    if reading.low == reading.high:
        return -0.5 * low**2 - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
    swap = low > 0.0  # of two upper tails, the lower ones: no digits are lost
    low, high = np.where(swap, -high, low), np.where(swap, -low, high)
    return log_ndtr(high) + np.log1p(-np.exp(log_ndtr(low) - log_ndtr(high)))
