r"""How many patients or events a prior is worth.

Two definitions, those of the R package RBesT. With :math:`i(p(\theta)) = -(\log p)''(\theta)`, the
information of the prior at :math:`\theta`, and :math:`i_F(\theta)` the Fisher information of one
observation, the *expected local information ratio* (ELIR; Neuenschwander et al. 2020,
doi 10.1111/biom.13252) is

.. math::
   \mathrm{ELIR} = E_p\left[\frac{i(p(\theta))}{i_F(\theta)}\right].

It is predictively consistent: the ELIR of the posterior after :math:`n` observations, expected over
data that the prior predicts, is :math:`n` larger. *Moment matching* replaces the mixture by the one
conjugate distribution of the same mean and variance and counts its observations; a heavy tail makes
it small.

=========  =============================  ==================  ==========================  ==========
kind       observation                    :math:`1/i_F`       one component, ELIR         by moments
=========  =============================  ==================  ==========================  ==========
beta       patient, response or survival  :math:`\theta(1-    :math:`a + b`               same
                                          \theta)`
normal     event, with SD :math:`\sigma`  :math:`\sigma^2`    :math:`\sigma^2/s^2`        same
gamma      event, of an exponential time  :math:`\theta^2`    :math:`a - 1`               :math:`a`
=========  =============================  ==================  ==========================  ==========

The two differ by one for a gamma, as ELIR depends on the scale on which a parameter is written: on
that of the log hazard it would be :math:`a`.

The standard deviation :math:`\sigma` of one event is 1 on the scale of a log median: where survival
is exponential, :math:`d` deaths give the log median (and the log hazard) a standard error of
:math:`1/\sqrt d`. A Weibull curve of known shape :math:`k` gives :math:`1/(k\sqrt d)`; the median
of a Kaplan-Meier curve of :math:`n` patients followed to death, asymptotically
:math:`1/(k \ln 2\,\sqrt n)`, so that an event tells about half as much there and the same prior
is worth :math:`1/(\ln 2)^2 = 2.1` times as many of them.

With :math:`J = 1/i_F` the integral is taken by parts, which leaves a square and a constant where
the definition subtracts large numbers:

.. math::
   \mathrm{ELIR} = E_p\left[\{(\log p)'\}^2 J\right] - E_p[J''] + \left[p\,J'\right],

the last term at the ends of the range. For a beta that is :math:`2 - p(0) - p(1)` besides the
expectation, for a gamma :math:`-2`, for a normal nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from scipy import integrate, special

from synthesis.questions.control.mixtures import UNIT_SD, Mixture

#: What one observation is.
UNITS = {"beta": "patients", "normal": "events", "gamma": "events"}

# Beyond it a gamma density has long been zero; its square would not be a number.
_LARGEST_LOG = 300.0

# Between these quantiles of the components the integrand is smooth and not small.
_BREAKS = (1e-6, 0.01, 0.25, 0.75, 0.99, 1.0 - 1e-6)


def effective_size(mixture: Mixture, *, sigma: float = UNIT_SD) -> float:
    """Observations that a prior is worth by the expected local information ratio.

    Parameters
    ----------
    mixture : Mixture
        Components of a beta need parameters of at least one, else the integral has no end.
    sigma : float
        Standard deviation of one observation; for a normal only.

    Raises
    ------
    ValueError
        For a beta component with a parameter below one.
    """
    if mixture.kind == "beta":
        if min(*mixture.first, *mixture.second) < 1.0:
            raise ValueError(
                "the effective sample size by ELIR does not exist for a beta component with a "
                "parameter below 1"
            )
        ends = mixture.density(np.array([0.0, 1.0]))
        return _expected_square(mixture) + 2.0 - float(ends.sum())
    if mixture.kind == "gamma":
        return _expected_square(mixture) - 2.0
    return sigma**2 * _expected_square(mixture)


def moment_size(mixture: Mixture, *, sigma: float = UNIT_SD) -> float:
    """Observations of the conjugate distribution of the same mean and variance.

    Parameters are those of :func:`effective_size`.
    """
    mean, variance = mixture.mean, mixture.sd**2
    if mixture.kind == "beta":
        return mean * (1.0 - mean) / variance - 1.0
    return (mean**2 if mixture.kind == "gamma" else sigma**2) / variance


def _expected_square(mixture: Mixture) -> float:
    r"""The integral of the squared score on the scale where the range has no ends.

    That is the logit of a rate and the log of a hazard: with :math:`\theta = g(x)` and
    :math:`u = (\log p)' J^{1/2}`, of :math:`u^2 p\, g'`. The score itself is the mean of those of
    the components, weighted by their densities.
    """
    first, second = np.array(mixture.first), np.array(mixture.second)

    def integrand(x: float) -> float:
        if mixture.kind == "beta":
            # (log p)' J of a component, and p without the factors that J takes away
            scores = (first - 1.0) * special.expit(-x) - (second - 1.0) * special.expit(x)
            logs = -special.betaln(first, second)
            logs += (first - 1.0) * special.log_expit(x) + (second - 1.0) * special.log_expit(-x)
        elif mixture.kind == "gamma":
            hazard = np.exp(min(x, _LARGEST_LOG))
            scores = first - 1.0 - second * hazard
            logs = first * np.log(second) + first * x - second * hazard - special.gammaln(first)
        else:
            scores = (first - x) / second**2
            logs = -0.5 * ((x - first) / second) ** 2 - np.log(second * np.sqrt(2.0 * np.pi))
        parts = np.exp(logs) * np.array(mixture.weights)
        total = parts.sum()
        return float((parts @ scores) ** 2 / total) if total > 0.0 else 0.0

    return _integral(integrand, _breaks(mixture))


def _breaks(mixture: Mixture) -> np.ndarray:
    """Points between which the integral is taken, on the scale without ends."""
    of_each = mixture.distributions().ppf(np.array(_BREAKS)[:, None]).ravel()
    if mixture.kind == "beta":
        of_each = special.logit(np.clip(of_each, 1e-12, 1.0 - 1e-12))
    elif mixture.kind == "gamma":
        of_each = np.log(np.maximum(of_each, 1e-300))
    return np.unique(np.round(of_each, 9))


def _integral(integrand: Callable[[float], float], breaks: np.ndarray) -> float:
    pairs = itertools.pairwise([-np.inf, *breaks, np.inf])
    # 1e-9 of a patient a piece
    return sum(integrate.quad(integrand, *pair, epsabs=1e-9, limit=200)[0] for pair in pairs)
