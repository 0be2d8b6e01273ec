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

The density of an arm given all others is exact here: with weights ``w`` of the grid given all arms
and ``l`` the likelihood of the arm at its points, ``sum(w) / sum(w / l)``.

An effect of histology is one axis more. The location of a group is that of its study plus
``eta (x - x0)``, ``x`` being 0 for pure and 1 for mixed; where the split is not printed ``x`` has
the prior of the model and shifts the location only. The lattice stands for a study at the centre
``x0``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline, RectBivariateSpline

from calibration.lattice import STEP, ArmTable, Lattice
from priors import Prior
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.families import survival
from synthesis.model.observations import ArmComparison
from synthesis.model.printed import METHODS
from synthesis.model.survival import centre_share
from synthesis.questions.influence import weighted_quantiles
from synthesis.stacking import stacking_weights

_FLOOR = 1e-300
# Nought beyond these: products of what is nothing anyway are denormal numbers, and very slow.
_FURTHEST, _LEAST = 12.0, -150.0
_PRODUCT = 8  # arms multiplied before a logarithm is taken
_LIMITS = (0.5, 0.025, 0.975)
AXES = ("tail", "mu", "tau", "kappa", "sigma")


@dataclass(frozen=True)
class Hyper:
    """Points of the hyper-parameters, each axis evenly spaced.

    They are the mean and SD of log medians, and the mean and SD of log shapes.
    """

    mu: np.ndarray
    tau: np.ndarray
    kappa: np.ndarray
    sigma: np.ndarray

    def log_prior(self, lattice: Lattice) -> np.ndarray:
        """Log prior weights: ``(tail, mu, tau, kappa, sigma)``."""
        priors = lattice.priors
        mu = log_weights(self.mu, priors["overall_median"])
        tau = log_weights(self.tau, priors["study_sd"])
        kappa = log_weights(self.kappa, lattice.shape_prior)
        sigma = log_weights(self.sigma, priors["shape_sd"])
        tail = lattice.tail_log_weights[:, None, None, None, None]
        return tail + mu[:, None, None, None] + tau[:, None, None] + kappa[:, None] + sigma

    def weights(self, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
        """Probability of log medians ``(mu * tau, a)`` and of log shapes ``(kappa * sigma, k)``."""
        return (
            normal_weights(lattice.a, self.mu, self.tau),
            normal_weights(lattice.k, self.kappa, self.sigma),
        )


def log_weights(points: np.ndarray, prior: Prior) -> np.ndarray:
    """Log prior of evenly spaced points, not normalised; the end of a half-normal counts half."""
    log_weight = -0.5 * ((points - prior.location) / prior.scale) ** 2
    if prior.family == "half_normal" and points[0] == 0.0 and points.size > 1:
        log_weight[0] -= np.log(2.0)
    return log_weight


def normal_weights(lattice: np.ndarray, means: np.ndarray, sds: np.ndarray) -> np.ndarray:
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
    """Likelihood of one arm on the lattice, ``(readings, tails, a, k)``, less its peak.

    The conventions are those of its :class:`~calibration.lattice.ArmTable`.
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


def conventions_of(tables: Sequence[ArmTable]) -> Conventions:
    """Points of the weights if the convention of some arm is not told; one point otherwise."""
    return convention_points() if any(table.conventions for table in tables) else EQUAL


def log_posterior(
    arms: Sequence[Arm], hyper: Hyper, lattice: Lattice, conventions: Conventions
) -> np.ndarray:
    """Log posterior weights, not normalised: ``(tail, mu, tau, kappa, sigma)``."""
    shape = hyper.log_prior(lattice).shape
    return log_sum(log_conditional(arms, hyper, lattice, conventions), (0,)).reshape(shape)


def log_conditional(
    arms: Sequence[Arm], hyper: Hyper, lattice: Lattice, conventions: Conventions
) -> np.ndarray:
    """The same for every point of the conventions: ``(points, tail, mu tau, kappa sigma)``."""
    level, shape = hyper.weights(lattice)
    weights, log_weights = conventions
    prior = hyper.log_prior(lattice).reshape(lattice.tails.size, len(level), len(shape))
    total = prior + log_weights[:, None, None, None]
    total += sum(arm.log_peak for arm in arms)
    for start in range(0, len(arms), _PRODUCT):
        product = np.ones_like(total)
        for arm in arms[start : start + _PRODUCT]:
            product *= arm.marginal(level, shape, weights)
        total += np.log(np.maximum(product, _FLOOR))
    return total


def log_sum(log_weights: np.ndarray, axis: tuple[int, ...] | None = None) -> np.ndarray:
    """Log of the sum of exponentials; what is nothing beside the largest of all is cut."""
    peak = log_weights.max()
    return peak + np.log(np.maximum(np.exp(log_weights - peak).sum(axis=axis), _FLOOR))


@dataclass(frozen=True)
class Posterior:
    """Log weights over the grid, ``(tail, mu, tau, kappa, sigma)``; every margin is read here."""

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
            return tuple(weighted_quantiles(*self._survival(12.0), _LIMITS))
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


def quantiles(
    points: np.ndarray, log_density: np.ndarray, even: bool = False
) -> tuple[float, float, float]:
    """Median and 95 % limits of a density; parameters as in :func:`fine_density`."""
    fine, density = fine_density(points, log_density, even)
    cumulative = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2.0)])
    return tuple(np.interp(_LIMITS, cumulative / cumulative[-1], fine))


def fine_density(
    points: np.ndarray, log_density: np.ndarray, even: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """A density known at evenly spaced points on a finer grid, by a spline of its log.

    It is not normalised; ``even`` says that it is an even function of a quantity that starts at
    the first point.
    """
    log_density = np.maximum(log_density - log_density.max(), -60.0)
    if points.size < 4:
        raise ValueError(f"{points.size} points are no density")
    ends = ((1, 0.0), "not-a-knot") if even else "not-a-knot"
    fine = np.linspace(points[0], points[-1], 2001)
    return fine, np.exp(CubicSpline(points, log_density, bc_type=ends)(fine))


# --- Where the posterior lies --------------------------------------------------------------------


class Fineness(NamedTuple):
    """How the second grid is spaced and how far it goes to either side, in posterior SDs.

    The points of a mean and of a standard deviation are whole steps of the lattice apart.
    """

    mean_step: float = 0.75
    sd_step: float = 0.9
    reach: float = 4.5


FINE = Fineness()


def coarse_hyper(lattice: Lattice, step: int = 4, taus: Sequence[int] = range(0, 28, 3)) -> Hyper:
    """A grid over all that the priors allow, so many steps of the lattice apart."""
    return Hyper(
        mu=lattice.a[12:-12:step],
        tau=STEP * np.array(taus),
        kappa=lattice.k[10:-10:step],
        sigma=STEP * np.arange(0, 13, 4),
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
    log_weights = log_posterior(arms, hyper, lattice, conventions_of(tables))
    return Posterior(lattice, hyper, log_weights)


def one_arm(table: ArmTable, lattice: Lattice) -> Posterior:
    """Posterior of a single arm: no differences between studies, the priors of the mean.

    The weights of its conventions are equal on average over their prior.
    """
    nought = np.zeros(1)
    hyper = Hyper(lattice.a, nought, lattice.k, nought)
    log_likelihood = np.log(np.maximum(Arm.on(table, lattice).averaged(), _FLOOR))
    log_weights = hyper.log_prior(lattice) + log_likelihood[:, :, None, :, None]
    return Posterior(lattice, hyper, log_weights)


# --- Several families, stacked as a report does it -----------------------------------------------

_SMALLEST = 1e-280


def stacked(
    tables: Sequence[Sequence[ArmTable]], lattices: Sequence[Lattice]
) -> dict[str, tuple[float, float, float]]:
    """Posterior median and 95 % limits of ``mu``, ``s12`` and ``tau`` over the families.

    For each family there is a lattice, and the tables of the same arms.
    """
    posteriors = [pooled(own, lattice) for own, lattice in zip(tables, lattices, strict=True)]
    densities = [left_out_densities(*own) for own in zip(tables, posteriors, strict=True)]
    shares = stacking_weights(np.column_stack(densities))
    found = {}
    for quantity in ("mu", "s12", "tau"):
        points, weights = zip(*(own.points(quantity) for own in posteriors), strict=True)
        weights = [share * own / own.sum() for share, own in zip(shares, weights, strict=True)]
        values = np.concatenate(points), np.concatenate(weights)
        found[quantity] = tuple(weighted_quantiles(*values, _LIMITS))
    return found


def left_out_densities(tables: Sequence[ArmTable], posterior: Posterior) -> np.ndarray:
    """Log predictive density of every arm given all others: ``(arms,)``."""
    lattice, hyper = posterior.lattice, posterior.hyper
    arms = [Arm.on(table, lattice) for table in tables]
    conventions = conventions_of(tables)
    level, shape = hyper.weights(lattice)
    whole = log_conditional(arms, hyper, lattice, conventions)
    found = []
    for arm in arms:
        own = np.log(np.maximum(arm.marginal(level, shape, conventions[0]), _SMALLEST))
        found.append(log_sum(whole) - log_sum(whole - own) + arm.log_peak)
    return np.array(found)


# --- An effect of histology that all studies share -----------------------------------------------

_ETA_STEP = 0.1
_ETA_COARSE = 0.4 * np.arange(-7, 8)
_EFFECT_FINENESS = Fineness(mean_step=1.0, sd_step=1.0, reach=4.5)


@dataclass(frozen=True)
class HistologyStudy:
    """Tables of one study: of its pure and its mixed patients, or of the whole.

    Both groups are given or neither, without conventions; the whole where the split is not
    printed. The comparison is the printed log-rank result of mixed against pure.
    """

    pure: ArmTable | None = None
    mixed: ArmTable | None = None
    whole: ArmTable | None = None
    comparison: ArmComparison | None = None

    def arms(self, etas: np.ndarray, lattice: Lattice) -> list[Arm]:
        """Likelihood of the study at its centre, for each value of the effect."""
        x0 = centre_share(lattice.priors)
        if self.whole is not None:
            own = Arm.on(self.whole, lattice)
            matrices = (_share_matrix(round(float(eta), 9), lattice) for eta in etas)
            found = (np.maximum(matrix @ own.likelihood, 0.0) for matrix in matrices)
            return [Arm(likelihood, own.conventions, own.log_peak) for likelihood in found]
        pure, mixed = (lattice.across(own.knots) for own in (self.pure, self.mixed))
        return [
            Arm.of(
                lattice.shifted(pure, -eta * x0)
                + lattice.shifted(mixed, eta * (1.0 - x0))
                + compared
            )
            for eta, compared in zip(map(float, etas), self._compared(etas, lattice), strict=True)
        ]

    def _compared(self, etas: np.ndarray, lattice: Lattice) -> np.ndarray:
        """Log likelihood of the log-rank result, ``(eta, tail, 1, k)``; nought where none is."""
        if self.comparison is None:
            return np.zeros(etas.size)
        # only the contrast matters, as both groups have one shape: pure patients are put at nought
        tails = lattice.tails[:, None, None]
        mixed, pure = (Place(at, lattice.k, tails) for at in (etas[:, None, None, None], 0.0))
        return comparison_log_likelihood(self.comparison, mixed, pure, lattice.family)


@lru_cache(maxsize=512)
def _share_matrix(eta: float, lattice: Lattice) -> np.ndarray:
    """Matrix that averages a likelihood over the prior of an unknown share: ``(a, a)``."""
    prior, x0 = lattice.priors["mixed_share"], centre_share(lattice.priors)
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    shares = 1.0 / (1.0 + np.exp(-(prior.location + prior.scale * nodes)))
    return sum(
        w * lattice.moved(eta * (x - x0))
        for x, w in zip(shares, weights / weights.sum(), strict=True)
    )


def histology_effect(
    studies: Sequence[HistologyStudy], lattice: Lattice
) -> tuple[float, float, float]:
    """Posterior median and 95 % limits of the effect, log ratio of medians mixed over pure."""
    hyper = coarse_hyper(lattice, step=5, taus=range(0, 21, 4))
    totals, joint = _over(_ETA_COARSE, studies, lattice, hyper, EQUAL)
    mean, sd = _moments(_ETA_COARSE, totals)
    sd = max(sd, 0.1)
    step = _ETA_STEP * max(int(0.7 * sd / _ETA_STEP), 1)
    half = int(np.ceil(max(4.5 * sd, 0.5) / step))
    eta = step * (round(mean / step) + np.arange(-half, half + 1))
    hyper = local_hyper(Posterior(lattice, hyper, joint), _EFFECT_FINENESS)
    conventions = conventions_of([study.whole for study in studies if study.whole is not None])
    totals, _ = _over(eta, studies, lattice, hyper, conventions)
    return quantiles(eta, totals)


def _over(
    etas: np.ndarray,
    studies: Sequence[HistologyStudy],
    lattice: Lattice,
    hyper: Hyper,
    conventions: Conventions,
) -> tuple[np.ndarray, np.ndarray]:
    """Log weight of each effect, and log weights of the hyper-parameters summed over them."""
    prior = lattice.priors["histology_prognostic"]
    rows = []
    arms = [study.arms(etas, lattice) for study in studies]
    for i, eta in enumerate(etas):
        found = log_posterior([own[i] for own in arms], hyper, lattice, conventions)
        rows.append(found - 0.5 * ((eta - prior.location) / prior.scale) ** 2)
    return np.array([log_sum(row) for row in rows]), log_sum(np.stack(rows), (0,))
