r"""Survival families by median and shape.

Every family is a distribution of log time with location ``log m`` (the log median) and
shape ``k > 0``. With :math:`z = k(\log t - \log m)`,

=====================  ===================================================================
family                 survival
=====================  ===================================================================
exponential            the Weibull with ``k = 1``
Weibull                :math:`S(t) = \exp(-\ln 2\, e^{z})`
log-logistic           :math:`S(t) = 1/(1 + e^{z})`
log-normal             :math:`S(t) = \Phi(-z)`
generalised gamma      :math:`S(t) = \Gamma(a, a e^{Qw})/\Gamma(a)` for ``Q > 0``, one less that
                       for ``Q < 0``; :math:`a = Q^{-2}`, :math:`w = z + w_Q` with
                       :math:`w_Q` such that :math:`S(m) = 1/2`
long-tail              :math:`S(t) = \exp(-\ln 2\, e^{g(z)})`,
                       :math:`g(z) = z + (e^{\theta} - 1)\, s\, [\ln(1 + e^{z/s}) - \ln 2]`
=====================  ===================================================================

The last two have one more shape, the *tail*. For the generalised gamma it is :math:`Q` of
Prentice (1974, doi 10.1093/biomet/61.3.539): 0 is the log-normal, 1 the Weibull, negative values
have longer tails. For the long-tail family it is :math:`\theta`, the log ratio of the late to the
early slope of the log cumulative hazard: a spline of one knot at the median (Royston & Parmar 2002,
doi 10.1002/sim.1203) with its bend smoothed over ``s`` = 1/2, so that it can never turn. 0 is the
Weibull; a negative :math:`\theta` leaves a few long survivors without touching the early fall.

Everything here is numpy; :mod:`synthesis.kernel` holds the same curves for the sampler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import special

LN2 = float(np.log(2.0))

# Beyond z = 30 a Weibull survival is exp(-7e12): the cap keeps gradients finite, nothing else.
LARGEST_Z = 30.0

#: Width over which the long-tail family bends, in units of ``z``: from about the quartile of the
#: longest survivors to that of the shortest.
BEND = 0.5

#: Nearer to nought than the innermost of these values of Prentice's Q a curve is interpolated
#: between them: the gamma functions of a huge argument lose digits, and the curve is smooth.
Q_NODES = (-0.06, -0.04, -0.02, 0.02, 0.04, 0.06)

WEIBULL, LOG_LOGISTIC, LOG_NORMAL, GENERALISED_GAMMA, LONG_TAIL = range(5)


@dataclass(frozen=True)
class Family:
    r"""What the model needs to know about a survival family.

    Attributes
    ----------
    name : str
        A key of :data:`FAMILIES`.
    code : int
        The switch that selects the curve inside a compiled model.
    label : str
        The name in running text.
    logrank_slope : float
        The log hazard ratio that a log-rank test estimates, per unit of
        :math:`-k\,\Delta\log m`, at small effects (and at tail 0):
        :math:`E[(\ln\lambda)'(Z)]` with :math:`\lambda` the hazard on the scale of ``z``. One for
        the Weibull (proportional hazards), one half for the log-logistic (proportional odds),
        0.903 for the log-normal.
    median_weight : float
        Regression of the log-rank estimate on the difference of two sample log medians, per unit
        of :math:`-k`: :math:`\mathrm{Cov}(\hat\beta, \hat D)/\mathrm{Var}(\hat D) = 2 f_0 \ln 2`,
        with :math:`f_0` the density of ``z`` at the median. It follows from the covariance
        :math:`\tfrac12\ln\tfrac12` of the martingale residual :math:`1 + \ln U` with
        :math:`1\{U < 1/2\}`.
    has_shape, has_tail : bool
        Whether the shape is free, and whether there is a tail.
    """

    name: str
    code: int
    label: str
    logrank_slope: float
    median_weight: float
    has_shape: bool = True
    has_tail: bool = False


# The mean hazard of the standard normal, by quadrature.
_NORMAL_SLOPE = 0.9031972855686256
_NORMAL_WEIGHT = 2.0 * LN2 / float(np.sqrt(2.0 * np.pi))

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "exponential": Family("exponential", WEIBULL, "exponential", 1.0, LN2**2, has_shape=False),
        "weibull": Family("weibull", WEIBULL, "Weibull", 1.0, LN2**2),
        "log-logistic": Family("log-logistic", LOG_LOGISTIC, "log-logistic", 0.5, LN2 / 2),
        "log-normal": Family("log-normal", LOG_NORMAL, "log-normal", _NORMAL_SLOPE, _NORMAL_WEIGHT),
        "generalised gamma": Family(
            "generalised gamma",
            GENERALISED_GAMMA,
            "generalised gamma",
            _NORMAL_SLOPE,
            _NORMAL_WEIGHT,
            has_tail=True,
        ),
        "long-tail": Family(
            "long-tail", LONG_TAIL, "long-tail Weibull", 1.0, LN2**2, has_tail=True
        ),
    }
)


def family(name: str) -> Family:
    """Look a family up by name.

    Raises
    ------
    ValueError
        If there is no such family; the message lists those there are.
    """
    try:
        return FAMILIES[name]
    except KeyError:
        raise ValueError(
            f"unknown survival family {name!r}: choose one of {', '.join(FAMILIES)}"
        ) from None


def log_survival(z: np.ndarray, family: Family, tail: Any = 0.0) -> np.ndarray:
    r"""Log survival at the standardised log time :math:`z = k(\log t - \log m)`, any shape.

    Parameters
    ----------
    z, tail : arrays that broadcast
    family : Family
    """
    if family.code == WEIBULL:
        return -LN2 * np.exp(np.minimum(z, LARGEST_Z))
    if family.code == LOG_LOGISTIC:
        return -np.logaddexp(0.0, z)
    if family.code == LOG_NORMAL:
        return special.log_ndtr(-np.asarray(z, dtype=float))
    if family.code == GENERALISED_GAMMA:
        return _by_q(_gamma_log_survival, z, tail)
    return -LN2 * np.exp(np.minimum(_bent(z, tail), LARGEST_Z))


def log_density(
    z: np.ndarray, log_shape: np.ndarray, log_t: np.ndarray, family: Family, tail: Any = 0.0
) -> np.ndarray:
    r"""Log density of the time itself (per month): :math:`\log f(t) = \log(-dS/dt)`.

    Parameters
    ----------
    z, log_shape, log_t, tail : arrays that broadcast
        Standardised log time, :math:`\log k`, :math:`\log t`, tail.
    family : Family
    """
    return log_shape - log_t + standard_log_density(z, family, tail)


def standard_log_density(z: np.ndarray, family: Family, tail: Any = 0.0) -> np.ndarray:
    """Log density of ``z`` itself."""
    if family.code == WEIBULL:
        return np.log(LN2) + np.minimum(z, LARGEST_Z) + log_survival(z, family)
    if family.code == LOG_LOGISTIC:
        return z + 2.0 * log_survival(z, family)
    if family.code == LOG_NORMAL:
        return -0.5 * np.square(z) - 0.5 * np.log(2.0 * np.pi)
    if family.code == GENERALISED_GAMMA:
        return _by_q(_gamma_log_density, z, tail)
    rise = np.expm1(tail) * special.expit(np.asarray(z) / BEND)
    bent = np.minimum(_bent(z, tail), LARGEST_Z)
    return np.log(LN2) + bent + np.log1p(rise) - LN2 * np.exp(bent)


def _bent(z: Any, tail: Any) -> np.ndarray:
    """Log cumulative hazard of the long-tail family, less that at the median."""
    z = np.asarray(z, dtype=float)
    return z + np.expm1(tail) * BEND * (np.logaddexp(0.0, z / BEND) - LN2)


def _by_q(curve: Callable[[np.ndarray, np.ndarray], np.ndarray], x: Any, q: Any) -> np.ndarray:
    """Evaluate a curve of Prentice's ``Q``, interpolated where ``Q`` is all but nought."""
    x, q = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(q, dtype=float))
    small = np.abs(q) < Q_NODES[3]
    found = curve(x, np.where(small, Q_NODES[3], q))
    if small.any():
        x, q = x[small], q[small]
        near = np.zeros(x.shape)
        for node in Q_NODES:
            others = [other for other in Q_NODES if other != node]
            weight = np.prod([(q - other) / (node - other) for other in others], axis=0)
            near += weight * curve(x, np.full(x.shape, node))
        found = np.array(found)
        found[small] = near
    return found


def gamma_median(q: Any) -> np.ndarray:
    """Median of Prentice's standard variable ``w`` at the shape ``Q``."""
    q = np.asarray(q, dtype=float)
    a = q**-2.0
    return np.log(special.gammaincinv(a, 0.5) / a) / q


def _gamma_log_survival(z: np.ndarray, q: np.ndarray) -> np.ndarray:
    a = q**-2.0
    x = a * np.exp(np.clip(q * (z + gamma_median(q)), -700.0, LARGEST_Z))
    upper, lower = special.gammaincc(a, x), special.gammainc(a, x)
    return np.log(np.maximum(np.where(q > 0.0, upper, lower), 1e-300))


def _gamma_log_density(z: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Stirling's form, which does not cancel where ``a`` is large."""
    a = q**-2.0
    u = np.clip(q * (z + gamma_median(q)), -700.0, LARGEST_Z)
    series = 1.0 / (12.0 * a) - 1.0 / (360.0 * a**3) + 1.0 / (1260.0 * a**5)
    exact = special.gammaln(a) - (a - 0.5) * np.log(a) + a - 0.5 * np.log(2.0 * np.pi)
    stirling = np.where(a > 50.0, series, exact)
    return np.log(np.abs(q)) + 0.5 * np.log(a / (2.0 * np.pi)) - stirling - a * (np.expm1(u) - u)


def survival(t: Any, median: Any, shape: Any, name: str, tail: Any = 0.0) -> np.ndarray:
    """Survival at time ``t`` (same unit as ``median``); arguments broadcast.

    Raises
    ------
    ValueError
        If the family is unknown.
    """
    t, median, shape = (np.asarray(a, dtype=float) for a in (t, median, shape))
    with np.errstate(divide="ignore"):
        log_t = np.maximum(np.log(t), -700.0)
    return np.exp(log_survival(shape * (log_t - np.log(median)), family(name), tail))


def quantile(p: Any, median: Any, shape: Any, name: str, tail: Any = 0.0) -> np.ndarray:
    """Time by which a share ``p`` has had the event, ``0 < p < 1``; arguments broadcast."""
    p, median, shape = (np.asarray(a, dtype=float) for a in (p, median, shape))
    return median * np.exp(_standard_quantile(p, family(name), tail) / shape)


def _standard_quantile(p: np.ndarray, family: Family, tail: Any) -> np.ndarray:
    cumulative = -np.log1p(-p)
    if family.code == WEIBULL:
        return np.log(cumulative / LN2)
    if family.code == LOG_LOGISTIC:
        return np.log(np.expm1(cumulative))
    if family.code == LOG_NORMAL:
        return special.ndtri(p)
    if family.code == GENERALISED_GAMMA:
        return _by_q(_gamma_quantile, p, tail)
    return _straightened(np.log(cumulative / LN2), tail)


def _gamma_quantile(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    a = q**-2.0
    x = np.where(q > 0.0, special.gammaincinv(a, p), special.gammainccinv(a, p))
    return np.log(x / a) / q - gamma_median(q)


def _straightened(bent: np.ndarray, tail: Any) -> np.ndarray:
    """Inverse of :func:`_bent`, by Newton steps on a rising curve that is convex or concave."""
    bent = np.clip(np.asarray(bent, dtype=float), -700.0, 700.0)
    bent, tail = np.broadcast_arrays(bent, np.asarray(tail, dtype=float))
    z = np.where(bent > 0.0, bent * np.exp(-tail), bent)
    for _ in range(60):
        slope = 1.0 + np.expm1(tail) * special.expit(z / BEND)
        step = (_bent(z, tail) - bent) / slope
        z = z - step
        if np.max(np.abs(step), initial=0.0) < 1e-13 * (1.0 + np.max(np.abs(z), initial=0.0)):
            break
    return z


# Gauss-Legendre nodes of the restricted mean where it has no closed form, and the share of the
# longest survivors that it leaves out: what follows them is nought, and would waste the nodes.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_NOBODY = 1e-14


def restricted_mean(
    horizon: Any, median: Any, shape: Any, name: str, tail: Any = 0.0
) -> np.ndarray:
    r"""Restricted mean survival time :math:`\int_0^\tau S(t)\,dt`, in the unit of ``median``.

    Weibull: :math:`\lambda^{-1/k}\,\gamma(1/k, \lambda\tau^k)/k` with
    :math:`\lambda = \ln 2/m^k`. Log-logistic:
    :math:`\tau\,{}_2F_1(1, 1/k; 1 + 1/k; -(\tau/m)^k)`, valid for every ``k > 0``. Log-normal:
    :math:`\tau\Phi(-z) + m e^{1/2k^2}\Phi(z - 1/k)`. The others: Gauss-Legendre quadrature after
    :math:`t = \tau v^3`, which smooths the start of the curve.
    """
    tau, median, shape = (np.asarray(a, dtype=float) for a in (horizon, median, shape))
    power = (tau / median) ** shape
    code = family(name).code
    if code == WEIBULL:
        scale = median / LN2 ** (1.0 / shape)
        return scale * special.gamma(1.0 + 1.0 / shape) * special.gammainc(1.0 / shape, LN2 * power)
    if code == LOG_LOGISTIC:
        return tau * special.hyp2f1(1.0, 1.0 / shape, 1.0 + 1.0 / shape, -power)
    if code == LOG_NORMAL:
        z = np.log(power)
        # exp(a) Phi(b) in logs: the mean of all times overflows where the shape is small
        early = 0.5 / shape**2 + special.log_ndtr(z - 1.0 / shape)
        return tau * special.ndtr(-z) + median * np.exp(early)
    tail = np.asarray(tail, dtype=float)
    v = 0.5 * (_NODES + 1.0)
    end = np.minimum(tau, quantile(1.0 - _NOBODY, median, shape, name, tail))
    times = end[..., None] * v**3
    alive = survival(times, median[..., None], shape[..., None], name, tail[..., None])
    return end * np.sum(alive * 1.5 * v**2 * _WEIGHTS, axis=-1)
