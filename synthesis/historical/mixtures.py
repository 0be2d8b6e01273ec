r"""Mixtures of beta, normal or gamma distributions: the form in which trial software reads a prior.

A mixture of distributions that are conjugate to the data of a trial,

.. math::
   p(\theta) = \sum_k w_k\, p_k(\theta),

stays one after every observation (Schmidli et al. 2014, doi 10.1111/biom.12242). Parameters are
those of the R package RBesT: a beta has ``a`` and ``b``, a gamma has shape ``a`` and rate ``b``, a
normal has mean ``m`` and standard deviation ``s``.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from scipy import optimize, special, stats

Kind = Literal["beta", "normal", "gamma"]

#: Names of the two parameters of a component.
PARAMETERS = MappingProxyType({"beta": ("a", "b"), "normal": ("m", "s"), "gamma": ("a", "b")})

#: Standard deviation of one event on the scale of a log median or a log hazard: a prior of standard
#: deviation ``s`` is worth ``(UNIT_SD / s)**2`` events. See :mod:`synthesis.questions.control.mixtures`.
UNIT_SD = 1.0


@dataclass(frozen=True)
class Mixture:
    """A mixture of distributions of one kind.

    Attributes
    ----------
    kind : {"beta", "normal", "gamma"}
    weights : tuple of float
        Of the components, adding up to one.
    first, second : tuple of float
        Parameters of the components: :data:`PARAMETERS`.
    """

    kind: Kind
    weights: tuple[float, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what is no mixture.

        Raises
        ------
        ValueError
            Names what was found and what is expected.
        """
        if self.kind not in PARAMETERS:
            raise ValueError(f"kind: found {self.kind!r}, expected {', '.join(PARAMETERS)}")
        sizes = {len(self.weights), len(self.first), len(self.second)}
        if sizes == {0} or len(sizes) > 1:
            raise ValueError("components: expected at least one, each of a weight and two numbers")
        if min(self.weights) < 0.0 or not np.isclose(sum(self.weights), 1.0, atol=1e-9):
            found = ", ".join(f"{weight:g}" for weight in self.weights)
            raise ValueError(f"weights: found {found}, expected shares that add up to one")
        positive = self.second if self.kind == "normal" else (*self.first, *self.second)
        if not np.isfinite([*self.first, *self.second]).all() or min(positive) <= 0.0:
            names = " and ".join(PARAMETERS[self.kind])
            expected = "numbers, s above 0" if self.kind == "normal" else "numbers above 0"
            raise ValueError(f"{self.kind} parameters {names}: expected finite {expected}")

    @property
    def components(self) -> tuple[tuple[float, float, float], ...]:
        """Weight and parameters of each component."""
        return tuple(zip(self.weights, self.first, self.second, strict=True))

    @property
    def mean(self) -> float:
        """Mean of the mixture."""
        means, _ = self._moments()
        return float(self._w @ means)

    @property
    def sd(self) -> float:
        """Standard deviation of the mixture."""
        means, variances = self._moments()
        # about the mean of all, not E[x^2] less a square: no digits are lost
        return float(np.sqrt(self._w @ (variances + (means - self.mean) ** 2)))

    def log_densities(self, x: np.ndarray) -> np.ndarray:
        """Log of weight times density of each component, shape ``(..., components)``."""
        with np.errstate(divide="ignore"):
            return np.log(self._w) + self.distributions().logpdf(
                np.asarray(x, dtype=float)[..., None]
            )

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Log density at `x`, of the same shape."""
        return special.logsumexp(self.log_densities(x), axis=-1)

    def density(self, x: np.ndarray) -> np.ndarray:
        """Density at `x`, of the same shape."""
        return np.exp(self.log_density(x))

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """Distribution function at `x`, of the same shape."""
        return self.distributions().cdf(np.asarray(x, dtype=float)[..., None]) @ self._w

    def quantile(self, p: np.ndarray) -> np.ndarray:
        """Quantiles at probabilities `p`, strictly between 0 and 1, of the same shape."""
        p = np.asarray(p, dtype=float)
        of_each = self.distributions().ppf(p[..., None])

        def solve(own: float, low: float, high: float) -> float:
            # the quantile of a mixture lies between those of its components
            if low == high:
                return low
            return optimize.brentq(lambda x: float(self.cdf(x)) - own, low, high, xtol=1e-13)

        found = np.vectorize(solve)(p, of_each.min(axis=-1), of_each.max(axis=-1))
        return np.asarray(found, dtype=float)

    @property
    def _w(self) -> np.ndarray:
        return np.array(self.weights)

    def distributions(self) -> stats.rv_frozen:
        """The components, in an array of the last dimension."""
        first, second = np.array(self.first), np.array(self.second)
        if self.kind == "beta":
            return stats.beta(first, second)
        if self.kind == "gamma":
            return stats.gamma(first, scale=1.0 / second)
        return stats.norm(first, second)

    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        return self.distributions().mean(), self.distributions().var()


def vague(kind: Kind, mean: float) -> tuple[float, float]:
    """Parameters of the vague component of a robust prior.

    Those of ``robustify`` of RBesT: uniform for a rate, and for the others the information of one
    event about the mean. A normal has the reference standard deviation of one event, which is one;
    a gamma is exponential.

    Parameters
    ----------
    kind : {"beta", "normal", "gamma"}
    mean : float
        Of the prior that is made robust.
    """
    if kind == "beta":
        return 1.0, 1.0
    return (mean, UNIT_SD) if kind == "normal" else (1.0, 1.0 / mean)


def robustify(mixture: Mixture, weight: float) -> Mixture:
    """Add a vague component, last, to a mixture.

    It lets data that disagree with the past speak for themselves (Schmidli et al. 2014,
    doi 10.1111/biom.12242).

    Parameters
    ----------
    mixture : Mixture
    weight : float
        Of the vague component, above 0 and below 1.

    Raises
    ------
    ValueError
        If the weight is not a share.
    """
    if not 0.0 < weight < 1.0:
        raise ValueError(f"weight: found {weight:g}, expected a share above 0 and below 1")
    first, second = vague(mixture.kind, mixture.mean)
    return Mixture(
        mixture.kind,
        (*((1.0 - weight) * own for own in mixture.weights), weight),
        (*mixture.first, first),
        (*mixture.second, second),
    )
