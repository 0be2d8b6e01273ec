r"""A conjugate distribution of the moments of draws, with a vague component, and what it is worth.

The *effective sample size* counts the observations of the conjugate distribution of that mean and
variance: :math:`a + b` patients of a beta, :math:`\sigma^2/s^2` events of a normal, ``a`` events of
a gamma. The standard deviation :math:`\sigma` of one event is 1 on the scale of a log median: where
survival is exponential, :math:`d` deaths give the log median (and the log hazard) a standard error
of :math:`1/\sqrt d`. A Weibull curve of known shape :math:`k` gives :math:`1/(k\sqrt d)`; the
median of a Kaplan-Meier curve of :math:`n` patients followed to death, asymptotically
:math:`1/(k \ln 2\,\sqrt n)`: an event tells about half as much there, and the same prior is worth
:math:`1/(\ln 2)^2 = 2.1` times as many of them.

Closer mixtures are left to ``automixfit`` of RBesT, which reads the draws. Moments are the careful
choice: they give the prior of its vignette 24 patients, where the expected local information ratio
(Neuenschwander et al. 2020, doi 10.1111/biom.13252) gives 38. That ratio does not exist for a beta
component with a parameter below one, and becomes thousands of patients where rates pile up at zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from scipy import optimize, stats

Kind = Literal["beta", "normal", "gamma"]

#: Name of the vague component.
VAGUE = "vague"

#: Standard deviation of one event on the scale of a log median or a log hazard.
UNIT_SD = 1.0


class Law(NamedTuple):
    """A kind of distribution: its two parameters, what one observation is, and how RBesT has it.

    `further` is what RBesT is told besides the components: a name and its value.
    """

    parameters: tuple[str, str]
    unit: str
    rbest: str
    further: tuple[str, str] | None = None


LAWS: Mapping[str, Law] = MappingProxyType(
    {
        "beta": Law(("a", "b"), "patients", "beta"),
        "normal": Law(("m", "s"), "events", "norm", ("sigma", repr(UNIT_SD))),
        "gamma": Law(("a", "b"), "events", "gamma", ("likelihood", '"exp"')),
    }
)


@dataclass(frozen=True)
class Mixture:
    r"""A mixture of distributions of one kind, :math:`p(\theta) = \sum_k w_k\, p_k(\theta)`.

    Attributes
    ----------
    kind : {"beta", "normal", "gamma"}
    weights : tuple of float
        Adding up to one.
    first, second : tuple of float
        Parameters of the components, named in :data:`LAWS`; a gamma has a rate.
    is_robust : bool
        Whether the last component is a vague one.
    """

    kind: Kind
    weights: tuple[float, ...]
    first: tuple[float, ...]
    second: tuple[float, ...]
    is_robust: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no mixture: ValueError with what was found and what is expected."""
        if self.kind not in LAWS:
            raise ValueError(f"kind: found {self.kind!r}, expected {', '.join(LAWS)}")
        sizes = {len(self.weights), len(self.first), len(self.second)}
        if sizes == {0} or len(sizes) > 1:
            raise ValueError("components: expected at least one, each of a weight and two numbers")
        if min(self.weights) < 0.0 or not np.isclose(sum(self.weights), 1.0, atol=1e-9):
            listed = ", ".join(f"{weight:g}" for weight in self.weights)
            raise ValueError(f"weights: found {listed}, expected shares that add up to one")
        positive = self.second if self.kind == "normal" else (*self.first, *self.second)
        if not np.isfinite([*self.first, *self.second]).all() or min(positive) <= 0.0:
            names = " and ".join(LAWS[self.kind].parameters)
            expected = "numbers, s above 0" if self.kind == "normal" else "numbers above 0"
            raise ValueError(f"{self.kind} parameters {names}: expected finite {expected}")

    @property
    def components(self) -> dict[str, tuple[float, float, float]]:
        """Weight and parameters of each component; by number, ``vague`` for one of `robustify`."""
        names = [f"{number}" for number in range(1, len(self.weights) + 1)]
        names[-1:] = [VAGUE] if self.is_robust else names[-1:]
        values = zip(self.weights, self.first, self.second, strict=True)
        return dict(zip(names, values, strict=True))

    @cached_property
    def _parts(self) -> stats.rv_frozen:
        first, second = np.array(self.first), np.array(self.second)
        if self.kind == "beta":
            return stats.beta(first, second)
        if self.kind == "gamma":
            return stats.gamma(first, scale=1.0 / second)
        return stats.norm(first, second)

    @property
    def mean(self) -> float:
        """Mean of the mixture."""
        return float(np.dot(self.weights, self._parts.mean()))

    @property
    def sd(self) -> float:
        """Standard deviation of the mixture."""
        away = self._parts.mean() - self.mean
        return float(np.sqrt(np.dot(self.weights, self._parts.var() + away**2)))

    def size(self, sigma: float = UNIT_SD) -> float:
        """Effective sample size by moments; ``sigma``: SD of a normal's event."""
        mean, variance = self.mean, self.sd**2
        if self.kind == "beta":
            return mean * (1.0 - mean) / variance - 1.0
        return (mean**2 if self.kind == "gamma" else sigma**2) / variance

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """Distribution function at `x`, of the same shape."""
        return self._parts.cdf(np.asarray(x, dtype=float)[..., None]) @ np.array(self.weights)

    def quantile(self, p: Sequence[float]) -> np.ndarray:
        """Quantiles at probabilities strictly between 0 and 1, shape ``(p,)``."""
        of_each = self._parts.ppf(np.asarray(p, dtype=float)[:, None])
        return np.array(
            [
                # the quantile of a mixture lies between those of its components
                low
                if low == high
                else optimize.brentq(lambda x, q=q: float(self.cdf(x)) - q, low, high, xtol=1e-13)
                for q, low, high in zip(p, of_each.min(axis=1), of_each.max(axis=1), strict=True)
            ]
        )


def matched(draws: np.ndarray, kind: Kind) -> Mixture:
    """The one distribution of a kind with the mean and the variance of draws, ``(draws,)``.

    Raises
    ------
    ValueError
        If the draws cannot be those of such a distribution, or do not vary: a beta has rates from
        0 to 1, a gamma positive numbers.
    """
    x = np.asarray(draws, dtype=float).ravel()
    if x.size < 10 or not np.isfinite(x).all():
        raise ValueError("draws: expected at least 10 finite numbers")
    low, high, mean, variance = (float(v) for v in (x.min(), x.max(), x.mean(), x.var()))
    if kind == "beta" and not 0.0 <= low <= high <= 1.0:
        raise ValueError(f"draws: found {low:g} to {high:g}, expected rates from 0 to 1")
    if kind == "gamma" and low <= 0.0:
        raise ValueError(f"draws: found {low:g}, expected positive numbers")
    # a spread that is rounding only is none
    if high - low <= 1e-9 * max(abs(mean), 1e-9):
        raise ValueError("draws: all are the same, and a distribution cannot be fitted to them")
    size = mean * (1.0 - mean) / variance - 1.0
    first, second = {
        "beta": (mean * size, (1.0 - mean) * size),
        "normal": (mean, math.sqrt(variance)),
        "gamma": (mean**2 / variance, mean / variance),
    }[kind]
    return Mixture(kind, (1.0,), (first,), (second,))


def robustify(mixture: Mixture, weight: float) -> Mixture:
    """Add a vague component of a weight above 0 and below 1, last, to a mixture.

    Uniform for a rate, for the others the information of one event about the mean.

    Raises
    ------
    ValueError
        If the weight is not a share.
    """
    if not 0.0 < weight < 1.0:
        raise ValueError(f"weight: found {weight:g}, expected a share above 0 and below 1")
    vague = {
        "beta": (1.0, 1.0),
        "normal": (mixture.mean, UNIT_SD),
        "gamma": (1.0, 1.0 / mixture.mean),
    }[mixture.kind]
    return Mixture(
        mixture.kind,
        (*((1.0 - weight) * share for share in mixture.weights), weight),
        (*mixture.first, vague[0]),
        (*mixture.second, vague[1]),
        is_robust=True,
    )
