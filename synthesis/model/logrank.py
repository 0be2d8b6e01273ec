r"""What a log-rank test estimates when two groups differ in location, for every family.

Two groups whose times have log medians :math:`D` apart and the same shape ``k`` differ by
:math:`\delta = kD` on the scale of ``z``. The log hazard ratio read from a log-rank statistic,
:math:`\hat\beta = Z/\sqrt{n a (1 - a)}` with ``a`` the share of the first group, has in large
samples, every patient followed to the event, the mean

.. math::
   h(\delta) = \frac{1}{\sqrt{a(1-a)}}
   \frac{\int (S_2 f_1 - S_1 f_2)\, a(1-a)/\bar S}
   {\sqrt{\int \bar f\, a(1-a) S_1 S_2/\bar S^2}},
   \qquad \bar S = aS_1 + (1-a)S_2.

At small effects this is :math:`-c\,\delta` with ``c`` the family's
:attr:`~synthesis.model.families.Family.logrank_slope`; at large ones it saturates, as the log-rank
statistic does (no p value is small enough for a handful of patients).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from synthesis.model.families import FAMILIES, LN2, Family, log_survival

#: Effects on the scale of ``z`` between which the mean is kept as a series; linear beyond.
WIDEST = 6.0
TERMS = 24

#: Values of the tail between which its constants are kept as a series; constant beyond.
WIDEST_TAIL = 2.5
TAIL_TERMS = 12

_Z = np.linspace(-60.0, 30.0, 6001)


def mean_series(family: Family, share: float | None) -> np.ndarray:
    r"""Chebyshev coefficients of the mean of an estimate over :math:`\delta/` :data:`WIDEST`.

    Parameters
    ----------
    family : Family
        At tail 0.
    share : float or None
        The first group's share of the patients; ``None`` for a hazard ratio from a regression,
        which does not saturate.

    Returns
    -------
    ndarray, shape (TERMS,)
    """
    if share is None:
        return np.r_[0.0, -family.logrank_slope * WIDEST, np.zeros(TERMS - 2)]
    return _mean_series(family.without_tail or family.name, round(share, 6))


@lru_cache(maxsize=256)
def _mean_series(name: str, share: float) -> np.ndarray:
    return chebyshev.chebinterpolate(
        lambda x: np.array([_mean(FAMILIES[name], WIDEST * d, share) for d in x]), TERMS - 1
    )


def _mean(family: Family, delta: float, share: float) -> float:
    """Mean of the log-rank estimate at one effect; the first group is later by ``delta``."""
    z1, z2 = _Z - delta, _Z
    s1, s2 = (np.exp(log_survival(z, family)) for z in (z1, z2))
    f1, f2 = (np.exp(family.log_density(z, 0.0)) for z in (z1, z2))
    at_risk = np.maximum(share * s1 + (1.0 - share) * s2, 1e-300)
    weight = share * (1.0 - share) / at_risk
    score = np.trapezoid((s2 * f1 - s1 * f2) * weight, _Z)
    deaths = share * f1 + (1.0 - share) * f2
    information = np.trapezoid(deaths * weight * s1 * s2 / at_risk, _Z)
    return float(score / np.sqrt(information * share * (1.0 - share)))


def evaluate(series: np.ndarray, delta: np.ndarray) -> np.ndarray:
    r"""Mean of an estimate at effects :math:`\delta`: the series, linear beyond its ends."""
    inside = np.clip(delta, -WIDEST, WIDEST)
    slope = chebyshev.chebval(inside / WIDEST, chebyshev.chebder(series)) / WIDEST
    return chebyshev.chebval(inside / WIDEST, series) + slope * (delta - inside)


@lru_cache(maxsize=16)
def tail_series(name: str) -> tuple[np.ndarray, np.ndarray]:
    """How the slope and the weight of the median change with the tail, as factors of tail 0.

    Returns
    -------
    (ndarray, ndarray), each of shape (TAIL_TERMS,)
        Chebyshev coefficients over the tail as a part of :data:`WIDEST_TAIL`; one where the
        family has no tail.
    """
    family = FAMILIES[name]
    if not family.has_tail:
        return tuple(np.r_[1.0, np.zeros(TAIL_TERMS - 1)] for _ in range(2))

    def series(constant: Callable[[Family, float], float], unit: float) -> np.ndarray:
        return chebyshev.chebinterpolate(
            lambda x: np.array([constant(family, WIDEST_TAIL * float(t)) / unit for t in x]),
            TAIL_TERMS - 1,
        )

    return series(slope, family.logrank_slope), series(weight, family.median_weight)


def tail_factor(series: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """Evaluate a series of :func:`tail_series`."""
    return chebyshev.chebval(np.clip(np.asarray(tail) / WIDEST_TAIL, -1.0, 1.0), series)


def slope(family: Family, tail: float = 0.0) -> float:
    r"""Log hazard ratio of a log-rank test per unit of :math:`-\delta`, small effects."""
    log_f = family.log_density(_Z, tail)
    log_hazard = log_f - log_survival(_Z, family, tail)
    return float(np.trapezoid(np.gradient(log_hazard, _Z) * np.exp(log_f), _Z))


def weight(family: Family, tail: float = 0.0) -> float:
    """Regression of the log-rank estimate on the sample medians: ``2 f(0) ln 2``."""
    return float(2.0 * LN2 * np.exp(family.log_density(np.zeros(1), tail)[0]))
