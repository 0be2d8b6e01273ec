r"""Survival families by median and shape.

Every family is a distribution of log time with location ``log m`` (the log median) and
shape ``k > 0``. With :math:`z = k(\log t - \log m)`,

============  =====================================  ==========================
family        survival                               printed as
============  =====================================  ==========================
Weibull       :math:`S(t) = \exp(-\ln 2\, e^{z})`    ``"weibull"``
log-logistic  :math:`S(t) = 1/(1 + e^{z})`           ``"log-logistic"``
============  =====================================  ==========================

Everything here is numpy; :mod:`synthesis.kernel` holds the same two curves for the sampler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import special

LN2 = float(np.log(2.0))

# Beyond z = 30 a Weibull survival is exp(-7e12): the cap keeps gradients finite, nothing else.
_LARGEST_Z = 30.0


@dataclass(frozen=True)
class Family:
    r"""What the model needs to know about a survival family.

    Attributes
    ----------
    name : str
        ``"weibull"`` or ``"log-logistic"``.
    code : int
        The switch that selects the family inside a compiled model.
    label : str
        The name in running text.
    logrank_slope : float
        The log hazard ratio that a log-rank test estimates, per unit of
        :math:`-k\,\Delta\log m`. One for the Weibull (proportional hazards). One half for the
        log-logistic: under proportional odds with log odds ratio :math:`\theta` the log hazard
        ratio, averaged over the deaths of both groups, is exactly :math:`\theta/2`.
    median_weight : float
        Regression of the log-rank estimate on the difference of two sample log medians, per unit
        of :math:`-k`: :math:`\mathrm{Cov}(\hat\beta, \hat D)/\mathrm{Var}(\hat D)`. It follows
        from the covariance :math:`\tfrac12\ln\tfrac12` of the martingale residual
        :math:`1 + \ln U` with :math:`1\{U < 1/2\}`; it is :math:`(\ln 2)^2` for the Weibull and
        :math:`\tfrac12 \ln 2` for the log-logistic.
    """

    name: str
    code: int
    label: str
    logrank_slope: float
    median_weight: float


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "weibull": Family("weibull", 0, "Weibull", 1.0, LN2**2),
        "log-logistic": Family("log-logistic", 1, "log-logistic", 0.5, LN2 / 2),
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


def log_survival(z: np.ndarray, family: Family) -> np.ndarray:
    r"""Log survival at the standardised log time :math:`z = k(\log t - \log m)`, any shape."""
    if family.code == 0:
        return -LN2 * np.exp(np.minimum(z, _LARGEST_Z))
    return -np.logaddexp(0.0, z)


def log_density(
    z: np.ndarray, log_shape: np.ndarray, log_t: np.ndarray, family: Family
) -> np.ndarray:
    r"""Log density of the time itself (per month): :math:`\log f(t) = \log(-dS/dt)`.

    Parameters
    ----------
    z, log_shape, log_t : arrays that broadcast
        Standardised log time, :math:`\log k`, :math:`\log t`.
    family : Family
    """
    log_s = log_survival(z, family)
    if family.code == 0:
        return log_shape - log_t + np.log(LN2) + np.minimum(z, _LARGEST_Z) + log_s
    return log_shape - log_t + z + 2.0 * log_s


def survival(t: Any, median: Any, shape: Any, name: str) -> np.ndarray:
    """Survival at time ``t`` (same unit as ``median``); arguments broadcast.

    Raises
    ------
    ValueError
        If the family is unknown.
    """
    t, median, shape = (np.asarray(a, dtype=float) for a in (t, median, shape))
    with np.errstate(divide="ignore"):
        z = shape * (np.log(t) - np.log(median))
    return np.exp(log_survival(z, family(name)))


def quantile(p: Any, median: Any, shape: Any, name: str) -> np.ndarray:
    """Time by which a share ``p`` has had the event, ``0 < p < 1``; arguments broadcast."""
    p, median, shape = (np.asarray(a, dtype=float) for a in (p, median, shape))
    cumulative = -np.log1p(-p)
    ratio = cumulative / LN2 if family(name).code == 0 else np.expm1(cumulative)
    return median * ratio ** (1.0 / shape)


def restricted_mean(horizon: Any, median: Any, shape: Any, name: str) -> np.ndarray:
    r"""Restricted mean survival time :math:`\int_0^\tau S(t)\,dt`, in the unit of ``median``.

    Weibull: :math:`\lambda^{-1/k}\,\gamma(1/k, \lambda\tau^k)/k` with
    :math:`\lambda = \ln 2/m^k`. Log-logistic:
    :math:`\tau\,{}_2F_1(1, 1/k; 1 + 1/k; -(\tau/m)^k)`, valid for every ``k > 0``.
    """
    tau, median, shape = (np.asarray(a, dtype=float) for a in (horizon, median, shape))
    power = (tau / median) ** shape
    if family(name).code == 0:
        scale = median / LN2 ** (1.0 / shape)
        return scale * special.gamma(1.0 + 1.0 / shape) * special.gammainc(1.0 / shape, LN2 * power)
    return tau * special.hyp2f1(1.0, 1.0 / shape, 1.0 + 1.0 / shape, -power)
