r"""Posteriors of small hierarchies by summation over a grid, without a sampler.

For arms of one treatment with log median :math:`a_i` and log shape :math:`k_i`

.. math::
   a_i \sim \mathrm{Normal}(\mu, \tau^2), \qquad k_i \sim \mathrm{Normal}(\kappa, \sigma^2),

and weights of the interval conventions that all arms share, softmax of :math:`\mathrm{Normal}(0,
1)` logits. A coarse grid over everything finds where the posterior lies, a second one covers that.
Sums over evenly spaced points are integrals to many digits here: the integrand is smooth, has died
at both ends, and is even in the standard deviations, whose first point counts half. A posterior
takes a few hundredths of a second, so that coverage can be measured over thousands of simulated
registries; that the sampler gives the same is a test of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from grid_tables import STEP, ArmTable, Lattice
from scipy.interpolate import CubicSpline, RectBivariateSpline

from priors import Prior
from synthesis.families import survival
from synthesis.ranks import METHODS

_FLOOR = 1e-300
# Nought beyond these: products of what is nothing anyway are denormal numbers, and very slow.
_FURTHEST, _LEAST = 12.0, -150.0
_PRODUCT = 8  # arms multiplied before a logarithm is taken
AXES = ("tail", "mu", "tau", "kappa", "sigma")


@dataclass(frozen=True)
class Hyper:
    """Points of the hyper-parameters, each axis evenly spaced.

    Attributes
    ----------
    mu, tau, kappa, sigma : ndarray
        Mean and SD of log medians, mean and SD of log shapes.
    """

    mu: np.ndarray
    tau: np.ndarray
    kappa: np.ndarray
    sigma: np.ndarray

    def log_prior(self, lattice: Lattice) -> np.ndarray:
        """Log prior weights: ``(tail, mu, tau, kappa, sigma)``."""
        priors = lattice.priors
        mu = _log_weights(self.mu, priors["overall_median"])
        tau = _log_weights(self.tau, priors["study_sd"])
        kappa = _log_weights(self.kappa, lattice.shape_prior)
        sigma = _log_weights(self.sigma, priors["shape_sd"])
        tail = lattice.tail_log_weights[:, None, None, None, None]
        return tail + mu[:, None, None, None] + tau[:, None, None] + kappa[:, None] + sigma

    def level_weights(self, lattice: Lattice) -> np.ndarray:
        """Probability of each log median of the lattice: ``(mu * tau, a)``."""
        return _normal_weights(lattice.a, self.mu, self.tau)

    def shape_weights(self, lattice: Lattice) -> np.ndarray:
        """Probability of each log shape of the lattice: ``(kappa * sigma, k)``."""
        return _normal_weights(lattice.k, self.kappa, self.sigma)


def _log_weights(points: np.ndarray, prior: Prior) -> np.ndarray:
    """Log prior of evenly spaced points, not normalised; the end of a half-normal counts half."""
    log_weight = -0.5 * ((points - prior.location) / prior.scale) ** 2
    if prior.family == "half_normal" and points[0] == 0.0 and points.size > 1:
        log_weight[0] -= np.log(2.0)
    return log_weight


def _normal_weights(lattice: np.ndarray, means: np.ndarray, sds: np.ndarray) -> np.ndarray:
    """Probability of lattice points under normal distributions, rows adding up to one.

    Means are lattice points and standard deviations at least a step, or nought: then all is at
    the mean, and otherwise sums over the lattice are integrals.
    """
    apart = lattice[None, None, :] - means[:, None, None]
    z = apart / np.maximum(sds, STEP / 100.0)[None, :, None]
    weights = np.where(z**2 < _FURTHEST**2, np.exp(-0.5 * z**2), 0.0)
    return (weights / weights.sum(axis=2, keepdims=True)).reshape(-1, lattice.size)


@lru_cache(maxsize=8)
def convention_points(radii: int = 3, angles: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Points on the simplex of convention weights, and their log prior weights.

    Three independent standard normal logits have one direction without effect; the two others are
    an angle, evenly spaced, and a squared radius, twice exponential: Gauss-Laguerre. An odd
    multiple of three angles treats the conventions alike and doubles no direction.

    Returns
    -------
    (ndarray (points, 3), ndarray (points,))
    """
    half_square, weight = np.polynomial.laguerre.laggauss(radii)
    turn = np.arange(angles) * 2.0 * np.pi / angles
    radius, turn = (own.ravel() for own in np.meshgrid(np.sqrt(2.0 * half_square), turn))
    plane = np.array([[2.0, -1.0, -1.0], [0.0, 1.0, -1.0]]) / np.sqrt([[6.0], [2.0]])
    logits = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1) @ plane
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return weights, np.log(np.tile(weight, angles) / angles)


EQUAL = np.full((1, len(METHODS)), 1.0 / len(METHODS)), np.zeros(1)

Conventions = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Arm:
    """Likelihood of one arm on the lattice, less its peak.

    Attributes
    ----------
    likelihood : ndarray, shape (readings, tails, a, k)
    conventions : tuple of int
        As in :class:`~grid_tables.ArmTable`.
    log_peak : float
    """

    likelihood: np.ndarray
    conventions: tuple[int, ...]
    log_peak: float

    @classmethod
    def on(cls, table: ArmTable, lattice: Lattice) -> Arm:
        """Carry the table of an arm to the lattice."""
        return cls.of(lattice.spread(table.knots), table.conventions)

    @classmethod
    def of(cls, log_likelihood: np.ndarray, conventions: tuple[int, ...] = ()) -> Arm:
        """From log likelihoods on the lattice."""
        peak = float(log_likelihood.max())
        below = log_likelihood - peak
        return cls(np.where(below > _LEAST, np.exp(below), 0.0), conventions, peak)

    def averaged(self) -> np.ndarray:
        """Likelihood at equal weights of the conventions: ``(tail, a, k)``."""
        return self.likelihood.sum(axis=0)

    def marginal(self, level: np.ndarray, shape: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Likelihood of the hyper-parameters: ``(points or 1, tail, mu * tau, kappa * sigma)``."""
        found = level @ self.likelihood @ shape.T
        if not self.conventions:
            return found
        return np.tensordot(weights[:, list(self.conventions)], found, axes=1)


def log_posterior(
    arms: Sequence[Arm], hyper: Hyper, lattice: Lattice, conventions: Conventions
) -> np.ndarray:
    """Log posterior weights, not normalised: ``(tail, mu, tau, kappa, sigma)``."""
    prior = hyper.log_prior(lattice)
    total = _log_likelihood(arms, hyper, lattice, conventions)
    return prior + log_sum(total, axis=(0,)).reshape(prior.shape)


def log_conditional(
    arms: Sequence[Arm], hyper: Hyper, lattice: Lattice, conventions: Conventions
) -> np.ndarray:
    """The same for every point of the conventions: ``(points, tail, mu tau, kappa sigma)``."""
    total = _log_likelihood(arms, hyper, lattice, conventions)
    return hyper.log_prior(lattice).reshape(total.shape[1:]) + total


def _log_likelihood(
    arms: Sequence[Arm], hyper: Hyper, lattice: Lattice, conventions: Conventions
) -> np.ndarray:
    """Log likelihood, and log prior of the points: ``(points, tail, mu tau, kappa sigma)``."""
    level, shape = hyper.level_weights(lattice), hyper.shape_weights(lattice)
    weights, log_weights = conventions
    size = lattice.tails.size, level.shape[0], shape.shape[0]
    total = np.broadcast_to(log_weights[:, None, None, None], (log_weights.size, *size)).copy()
    total += sum(arm.log_peak for arm in arms)
    product = np.empty_like(total)
    for start in range(0, len(arms), _PRODUCT):
        product.fill(1.0)
        for arm in arms[start : start + _PRODUCT]:
            product *= arm.marginal(level, shape, weights)
        np.maximum(product, _FLOOR, out=product)
        total += np.log(product, out=product)
    return total


def log_sum(log_weights: np.ndarray, axis: tuple[int, ...] | None = None) -> np.ndarray:
    """Log of the sum of exponentials; what is nothing beside the largest of all is cut."""
    peak = log_weights.max()
    return peak + np.log(np.maximum(np.exp(log_weights - peak).sum(axis=axis), _FLOOR))


@dataclass(frozen=True)
class Posterior:
    """Log weights over the grid; every margin is read from them.

    Attributes
    ----------
    lattice : Lattice
    hyper : Hyper
    log_weights : ndarray, shape (tail, mu, tau, kappa, sigma)
    """

    lattice: Lattice
    hyper: Hyper
    log_weights: np.ndarray

    def margin(self, axis: str) -> np.ndarray:
        """Log weights of one axis, not normalised."""
        others = tuple(i for i, name in enumerate(AXES) if name != axis)
        return log_sum(self.log_weights, others)

    def interval(self, quantity: str) -> tuple[float, float, float]:
        """Posterior median and 95 % limits of ``mu``, ``tau`` or ``s12``."""
        if quantity == "s12":
            return weighted_quantiles(*self._survival(12.0))
        return quantiles(*self._density(quantity))

    def points(self, quantity: str) -> tuple[np.ndarray, np.ndarray]:
        """Values of ``mu``, ``tau`` or ``s12`` and their weights: ``(n,)`` each."""
        if quantity == "s12":
            return self._survival(12.0)
        return fine_density(*self._density(quantity))

    def _density(self, quantity: str) -> tuple[np.ndarray, np.ndarray, bool]:
        points, margin = getattr(self.hyper, quantity), self.margin(quantity)
        even = quantity == "tau" and points[0] == 0.0
        if even:
            margin[0] += np.log(2.0)  # a density again: half of it lay on the other side
        return points, margin, even

    def _survival(self, months: float) -> tuple[np.ndarray, np.ndarray]:
        """Of the mean study, from the joint weights of mean log median, mean log shape and tail."""
        joint = log_sum(self.log_weights, (2, 4))
        joint -= joint.max()
        mu, kappa = self.hyper.mu, self.hyper.kappa
        values, weights = [], []
        for tail, own in zip(self.lattice.tails, joint, strict=True):
            a, k, log_weight = _finer(mu, kappa, np.maximum(own, -60.0))
            at = survival(months, np.exp(a)[:, None], np.exp(k), self.lattice.family.name, tail)
            values.append(at.ravel())
            weights.append(np.exp(log_weight).ravel())
        return np.concatenate(values), np.concatenate(weights)


def _finer(
    x: np.ndarray, y: np.ndarray, log_weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A surface on a finer grid, by splines."""
    if min(x.size, y.size) > 40:  # fine already
        return x, y, log_weight
    fine = [np.linspace(own[0], own[-1], 81) for own in (x, y)]
    return *fine, RectBivariateSpline(x, y, log_weight)(*fine)


def weighted_quantiles(values: np.ndarray, weights: np.ndarray) -> tuple[float, float, float]:
    """Median and 95 % limits of weighted points."""
    order = np.argsort(values)
    own = weights[order]
    cumulative = (np.cumsum(own) - 0.5 * own) / own.sum()
    middle, lower, upper = np.interp([0.5, 0.025, 0.975], cumulative, values[order])
    return float(middle), float(lower), float(upper)


def quantiles(
    points: np.ndarray, log_density: np.ndarray, even: bool = False
) -> tuple[float, float, float]:
    """Median and 95 % limits of a density; parameters as in :func:`fine_density`."""
    fine, density = fine_density(points, log_density, even)
    cumulative = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0)])
    middle, lower, upper = np.interp([0.5, 0.025, 0.975], cumulative / cumulative[-1], fine)
    return float(middle), float(lower), float(upper)


def fine_density(
    points: np.ndarray, log_density: np.ndarray, even: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """A density known at evenly spaced points on a finer grid, by a spline of its log.

    Parameters
    ----------
    points, log_density : ndarray, shape (n,)
        The density is not normalised.
    even : bool
        Whether it is an even function of a quantity that starts at the first point.
    """
    log_density = np.maximum(log_density - log_density.max(), -60.0)
    if points.size < 4:
        raise ValueError(f"{points.size} points are no density")
    ends = ((1, 0.0), "not-a-knot") if even else "not-a-knot"
    fine = np.linspace(points[0], points[-1], 2001)
    return fine, np.exp(CubicSpline(points, log_density, bc_type=ends)(fine))


# --- Where the posterior lies --------------------------------------------------------------------


@dataclass(frozen=True)
class Fineness:
    """How the second grid is spaced.

    Attributes
    ----------
    mean_step, sd_step : float
        Distance of the points of a mean and of a standard deviation, in posterior standard
        deviations; whole steps of the lattice are taken, at least one.
    reach : float
        How far the grid goes to either side, in posterior standard deviations.
    """

    mean_step: float = 0.75
    sd_step: float = 0.9
    reach: float = 4.5


FINE = Fineness()


def coarse_hyper(lattice: Lattice, step: int = 4) -> Hyper:
    """A grid over all that the priors allow, ``step`` steps of the lattice apart."""
    return Hyper(
        mu=lattice.a[12:-12:step],
        tau=STEP * np.array([0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0, 27.0]),
        kappa=lattice.k[10:-10:step],
        sigma=STEP * np.array([0.0, 4.0, 8.0, 12.0]),
    )


def local_hyper(posterior: Posterior, fineness: Fineness = FINE) -> Hyper:
    """A grid over where a coarse one found the posterior."""
    lattice, coarse = posterior.lattice, posterior.hyper
    own = {}
    for name, points in (("mu", lattice.a), ("kappa", lattice.k)):
        gap = getattr(coarse, name)[1] - getattr(coarse, name)[0]
        mean, sd = _moments(getattr(coarse, name), posterior.margin(name))
        step = max(round(fineness.mean_step * sd / STEP), 1)
        half = int(np.ceil(max(fineness.reach * sd, 1.5 * gap) / (step * STEP)))
        centre = round((mean - points[0]) / STEP)
        at = centre + step * np.arange(-half, half + 1)
        own[name] = points[at[(at >= 0) & (at < points.size)]]
    for name, most in (("tau", 2.0), ("sigma", 0.9)):
        gap = getattr(coarse, name)[1]
        mean, sd = _moments(getattr(coarse, name), posterior.margin(name))
        step = STEP * max(round(fineness.sd_step * sd / STEP), 1)
        low = int(max(mean - fineness.reach * sd - gap, 0.0) / step)
        high = int(np.ceil(min(mean + fineness.reach * sd + gap / 2.0, most) / step))
        own[name] = step * np.arange(low, max(high, low + 4) + 1)
    return Hyper(**own)


def _moments(points: np.ndarray, log_weights: np.ndarray) -> tuple[float, float]:
    weights = np.exp(log_weights - log_sum(log_weights))
    mean = float(weights @ points)
    return mean, float(np.sqrt(weights @ (points - mean) ** 2))


def pooled(tables: Sequence[ArmTable], lattice: Lattice, fineness: Fineness = FINE) -> Posterior:
    """Posterior of the hierarchy from the tables of its arms."""
    arms = [Arm.on(table, lattice) for table in tables]
    told = [arm if not arm.conventions else Arm(arm.averaged()[None], (), 0.0) for arm in arms]
    hyper = coarse_hyper(lattice)
    first = Posterior(lattice, hyper, log_posterior(told, hyper, lattice, EQUAL))
    hyper = local_hyper(first, fineness)
    untold = any(arm.conventions for arm in arms)
    conventions = convention_points() if untold else EQUAL
    return Posterior(lattice, hyper, log_posterior(arms, hyper, lattice, conventions))


def one_arm(table: ArmTable, lattice: Lattice) -> Posterior:
    """Posterior of a single arm: no differences between studies, the priors of the mean.

    The weights of its conventions are equal on average over their prior.
    """
    nought = np.zeros(1)
    hyper = Hyper(lattice.a, nought, lattice.k, nought)
    log_likelihood = np.log(np.maximum(Arm.on(table, lattice).averaged(), _FLOOR))
    log_weights = hyper.log_prior(lattice) + log_likelihood[:, :, None, :, None]
    return Posterior(lattice, hyper, log_weights)
