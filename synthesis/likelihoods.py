r"""Log likelihoods of what papers print, given location (log median), shape and family.

The readable definition: :mod:`synthesis.kernel` computes the same inside the sampler, and is
tested against it. Dimensions: ``arm`` A, ``point`` N (of all arms, one after the other; padding
belongs to arm -1), ``convention`` C.
"""

from __future__ import annotations

import numpy as np

from synthesis.families import Family, log_density, log_survival

# A cell of zero width may only carry a zero exponent; the floor keeps 0 * log(0) from being NaN.
_NARROWEST = -1e-12


def log_difference(log_a: np.ndarray, log_b: np.ndarray) -> np.ndarray:
    """``log(exp(log_a) - exp(log_b))`` for ``log_a >= log_b``, finite where they are equal."""
    return log_a + np.log(-np.expm1(np.minimum(log_b - log_a, _NARROWEST)))


def printed_curves(
    location: np.ndarray,
    log_shape: np.ndarray,
    family: Family,
    *,
    point_arm: np.ndarray,
    log_time: np.ndarray,
    cell: np.ndarray,
    density: np.ndarray,
    beyond: np.ndarray,
    log_weight: np.ndarray,
) -> np.ndarray:
    r"""Log likelihood of each arm's printed points, averaged over interval conventions.

    .. math::
       \log \sum_c w_c \exp\Big\{\sum_p e_{cp} \log(S_{p-1} - S_p)
       + d_p \log f_p + s_{cp} \log S_p\Big\}

    Parameters
    ----------
    location, log_shape : (A,) log median (log months) and log shape of each arm
    family : Family
    point_arm : (N,) index of the arm of each point, -1 for padding
    log_time : (N,) log months, increasing within an arm
    cell, beyond : (C, N) exponents of the cell before a point and of survival at it
    density : (N,) one where the point is an order statistic
    log_weight : (C, A) log prior weight of each convention plus its multinomial constant

    Returns
    -------
    (A,) log likelihood
    """
    z = np.exp(log_shape[point_arm]) * (log_time - location[point_arm])
    here = log_survival(z, family)
    follows = np.r_[False, point_arm[1:] == point_arm[:-1]]
    before = np.where(follows, np.r_[0.0, here[:-1]], 0.0)
    log_f = log_density(z, log_shape[point_arm], log_time, family)
    terms = cell * log_difference(before, here) + beyond * here + density * log_f
    total = log_weight.copy()
    real = point_arm >= 0
    for c, own in enumerate(terms):
        np.add.at(total[c], point_arm[real], own[real])
    return np.logaddexp.reduce(total, axis=0)


def listed_patients(
    location: np.ndarray,
    log_shape: np.ndarray,
    family: Family,
    *,
    log_time: np.ndarray,
    event: np.ndarray,
) -> np.ndarray:
    """Log likelihood of individually listed patients: ``log f`` for a death, ``log S`` else.

    Parameters
    ----------
    location, log_shape, log_time, event : (N,)
        ``event`` is 1 for an event, 0 for a censored time.

    Returns
    -------
    (N,) log likelihood
    """
    z = np.exp(log_shape) * (log_time - location)
    log_f = log_density(z, log_shape, log_time, family)
    return event * log_f + (1.0 - event) * log_survival(z, family)


def logrank_given_medians(
    contrast: np.ndarray,
    log_shape: np.ndarray,
    family: Family,
    *,
    estimate: np.ndarray,
    variance: np.ndarray,
    printed_contrast: np.ndarray,
) -> np.ndarray:
    r"""Log likelihood of a log-rank result, conditional on the two medians already used.

    A log-rank p and two medians are views of the same patients. The log hazard ratio from the p
    value, :math:`\hat\beta = \pm z(p)\sqrt V` with :math:`V = 1/d_1 + 1/d_2` (Tierney et al.
    2007, doi 10.1186/1745-6215-8-16), given the difference of sample log medians :math:`\hat D`:

    .. math::
       \hat\beta \mid \hat D \sim \mathrm{Normal}\{-c k D - g k(\hat D - D),\ V(1 - \rho)\},
       \qquad \rho = (\ln 2)^2,

    with :math:`D` the model's difference of log medians, :math:`c` and :math:`g` the family's
    :attr:`~synthesis.families.Family.logrank_slope` and
    :attr:`~synthesis.families.Family.median_weight`.

    Parameters
    ----------
    contrast, log_shape, estimate, variance, printed_contrast : (M,)

    Returns
    -------
    (M,) log likelihood
    """
    k = np.exp(log_shape)
    mean = -family.logrank_slope * k * contrast
    mean -= family.median_weight * k * (printed_contrast - contrast)
    v = variance * (1.0 - np.log(2.0) ** 2)
    return -0.5 * np.log(2.0 * np.pi * v) - 0.5 * (estimate - mean) ** 2 / v
