r"""Posteriors of small hierarchies by summation over a grid, without a sampler.

For arms of one treatment with log median :math:`a_i` and log shape :math:`\kappa_i`

.. math::
   a_i \sim \mathrm{Normal}(\mu, \tau^2), \qquad \kappa_i \sim \mathrm{Normal}(\kappa, \sigma^2),

the likelihood of an arm enters as a table over :math:`(a, \kappa)`, made by the definition in
:mod:`synthesis.likelihoods`. A posterior takes milliseconds, so that coverage can be measured over
thousands of simulated registries; that the sampler gives the same is a test of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import logsumexp
from simulated_papers import Paper, Patients

from priors import Priors
from synthesis.families import Family, log_density, log_survival, survival
from synthesis.likelihoods import logrank_given_medians, printed_curves
from synthesis.printed_curve import Chain
from synthesis.reading import ComparisonReading, read_arm
from synthesis.survival import SHAPE_PRIOR, centre_share

A_STEP = 0.05


@dataclass(frozen=True)
class Grid:
    """Points and log prior weights of every parameter.

    Attributes
    ----------
    a : ndarray
        Log median of an arm, log months, evenly spaced by ``A_STEP``.
    k : ndarray
        Log shape of an arm.
    mu, tau, kappa, sigma, eta : ndarray
        Mean and SD of log medians, mean and SD of log shapes, histology effect.
    priors : Priors
    family : Family
    """

    a: np.ndarray
    k: np.ndarray
    mu: np.ndarray
    tau: np.ndarray
    kappa: np.ndarray
    sigma: np.ndarray
    eta: np.ndarray
    priors: Priors
    family: Family

    @cached_property
    def log_prior(self) -> np.ndarray:
        """Log prior of ``mu, tau, kappa, sigma``: ``(mu, tau, kappa, sigma)``."""
        own = {
            "mu": _log_density_of(self.priors["overall_median"], self.mu),
            "tau": _log_density_of(self.priors["study_sd"], self.tau),
            "kappa": _log_density_of(self.priors[SHAPE_PRIOR[self.family.name]], self.kappa),
            "sigma": _log_density_of(self.priors["shape_sd"], self.sigma),
        }
        return (
            own["mu"][:, None, None, None]
            + own["tau"][:, None, None]
            + own["kappa"][:, None]
            + own["sigma"]
        )

    @cached_property
    def level_weights(self) -> np.ndarray:
        """Probability of each ``a`` given ``mu, tau``: ``(mu * tau, a)``."""
        means = np.repeat(self.mu, self.tau.size)
        sds = np.tile(self.tau, self.mu.size)
        return _normal_weights(self.a, means, sds)

    @cached_property
    def shape_weights(self) -> np.ndarray:
        """Probability of each ``k`` given ``kappa, sigma``: ``(kappa * sigma, k)``."""
        means = np.repeat(self.kappa, self.sigma.size)
        sds = np.tile(self.sigma, self.kappa.size)
        return _normal_weights(self.k, means, sds)


def make_grid(priors: Priors, family: Family, *, coarse: bool = False) -> Grid:
    """Grid that covers the priors of one treatment; a coarse one where histology adds an axis."""
    centre = priors["overall_median"].location
    shape = priors[SHAPE_PRIOR[family.name]]
    return Grid(
        a=np.round(centre / A_STEP) * A_STEP + A_STEP * np.arange(-80, 81),
        k=shape.location + np.linspace(-1.3, 1.3, 40),
        mu=centre + np.linspace(-2.1, 2.1, 43 if coarse else 85),
        tau=np.concatenate([[0.01, 0.04, 0.08], np.arange(0.13, 1.4, 0.16 if coarse else 0.08)]),
        kappa=shape.location + np.linspace(-1.0, 1.0, 13 if coarse else 25),
        sigma=np.array([0.05, 0.2, 0.4] if coarse else [0.02, 0.1, 0.2, 0.3, 0.45, 0.65]),
        eta=2.0 * A_STEP * np.arange(-22, 23),
        priors=priors,
        family=family,
    )


def _log_density_of(prior: object, x: np.ndarray) -> np.ndarray:
    """Log prior weight of grid points, spacing included; not normalised."""
    spacing = np.gradient(x) if x.size > 1 else np.ones(1)
    location = 0.0 if prior.family == "half_normal" else prior.location
    return -0.5 * ((x - location) / prior.scale) ** 2 + np.log(spacing)


def _normal_weights(points: np.ndarray, means: np.ndarray, sds: np.ndarray) -> np.ndarray:
    """Probability of grid points under normal distributions, rows adding up to one.

    A distribution narrower than the grid is interpolated between its two neighbours, which keeps
    the mean.
    """
    step = points[1] - points[0]
    wide = np.sqrt(np.maximum(sds**2 - step**2 / 6.0, 1e-12))
    z = (points[None, :] - means[:, None]) / wide[:, None]
    smooth = np.exp(-0.5 * np.minimum(z**2, 1400.0))
    hat = np.maximum(1.0 - np.abs(points[None, :] - means[:, None]) / step, 0.0)
    weights = np.where((sds < 0.75 * step)[:, None], hat, smooth)
    total = weights.sum(axis=1, keepdims=True)
    return weights / np.where(total > 0.0, total, 1.0)


def paper_table(paper: Paper, grid: Grid) -> np.ndarray | None:
    """Log likelihood ``(a, k)`` of a printed arm by the order statistics; None: nothing printed."""
    read = read_arm(paper.outcome, paper.landmarks, paper.n)
    return None if read is None else _chains_table(read.chains, grid)


def _chains_table(chains: tuple[Chain, ...], grid: Grid) -> np.ndarray:
    a, k = (own.ravel() for own in np.meshgrid(grid.a, grid.k, indexing="ij"))
    points = chains[0].time.size
    total = printed_curves(
        a,
        k,
        grid.family,
        point_arm=np.repeat(np.arange(a.size), points),
        log_time=np.tile(np.log(chains[0].time), a.size),
        cell=np.stack([np.tile(chain.cell, a.size) for chain in chains]),
        density=np.tile(chains[0].density, a.size),
        beyond=np.stack([np.tile(chain.beyond, a.size) for chain in chains]),
        log_weight=np.stack(
            [np.full(a.size, chain.log_constant - np.log(len(chains))) for chain in chains]
        ),
    )
    return total.reshape(grid.a.size, grid.k.size)


def patients_table(patients: Patients, grid: Grid) -> np.ndarray:
    """Log likelihood ``(a, k)`` of the patients themselves."""
    log_t = np.log(np.maximum(patients.months, 1e-3))[None, None, :]
    a, k = grid.a[:, None, None], grid.k[None, :, None]
    z = np.exp(k) * (log_t - a)
    density = log_density(z, k, log_t, grid.family)
    return np.where(patients.event, density, log_survival(z, grid.family)).sum(axis=2)


def interval_table(paper: Paper, grid: Grid) -> np.ndarray | None:
    """Log likelihood ``(a, k)`` by the log-normal approximation: log median and its interval.

    The standard error is the width of the interval on the log scale over 2 x 1.96, or its lower
    half over 1.96 where the upper limit is not reached. The shape is left to its prior.
    """
    found = log_median_and_error(paper)
    if found is None:
        return None
    own = -0.5 * ((grid.a - found[0]) / found[1]) ** 2
    return np.repeat(own[:, None], grid.k.size, axis=1)


def log_median_and_error(paper: Paper) -> tuple[float, float] | None:
    """Log of the printed median and its standard error from the printed interval."""
    outcome = paper.outcome
    if outcome is None or outcome.ci is None or outcome.ci[0] <= 0:
        return None
    middle, lower = float(outcome.median), float(outcome.ci[0])
    if outcome.ci[1] == "not reached":
        error = np.log(middle / lower) / 1.959964
    else:
        error = np.log(float(outcome.ci[1]) / lower) / (2.0 * 1.959964)
    return (np.log(middle), error) if error > 0.0 else None


@dataclass(frozen=True)
class Posterior:
    """Weights over the grid; every margin is read from them.

    Attributes
    ----------
    grid : Grid
    weights : ndarray, shape (mu, tau, kappa, sigma)
    eta : ndarray or None
        Weights of the histology effect.
    """

    grid: Grid
    weights: np.ndarray
    eta: np.ndarray | None = None

    def interval(self, quantity: str) -> tuple[float, float, float]:
        """Posterior median and 95 % limits of ``mu``, ``tau``, ``s12`` or ``eta``."""
        grid = self.grid
        if quantity == "eta":
            return _quantiles(grid.eta, self.eta)
        if quantity == "mu":
            return _quantiles(grid.mu, self.weights.sum(axis=(1, 2, 3)))
        if quantity == "tau":
            return _quantiles(grid.tau, self.weights.sum(axis=(0, 2, 3)), least=0.0)
        joint = self.weights.sum(axis=(1, 3))
        months, shapes = np.exp(grid.mu)[:, None], np.exp(grid.kappa)[None, :]
        values = survival(12.0, months, shapes, grid.family.name)
        order = np.argsort(values, axis=None)
        cumulative = np.cumsum(joint.ravel()[order])
        sorted_values = values.ravel()[order]
        middle, lower, upper = np.interp(
            [0.5, 0.025, 0.975], cumulative - 0.5 * joint.ravel()[order], sorted_values
        )
        return float(middle), float(lower), float(upper)


def _quantiles(
    points: np.ndarray, weights: np.ndarray, least: float | None = None
) -> tuple[float, float, float]:
    """Median and 95 % limits of a margin, the density taken as piecewise constant."""
    edges = np.concatenate(
        [
            [points[0] - (points[1] - points[0]) / 2.0 if least is None else least],
            (points[1:] + points[:-1]) / 2.0,
            [points[-1] + (points[-1] - points[-2]) / 2.0],
        ]
    )
    cumulative = np.concatenate([[0.0], np.cumsum(weights)])
    middle, lower, upper = np.interp([0.5, 0.025, 0.975], cumulative / cumulative[-1], edges)
    return float(middle), float(lower), float(upper)


def pooled(tables: list[np.ndarray], grid: Grid) -> Posterior:
    """Posterior of the hierarchy from the tables of its arms."""
    log_weight = grid.log_prior.copy()
    shape = log_weight.shape
    for table in tables:
        peak = table.max()
        marginal = grid.level_weights @ np.exp(table - peak) @ grid.shape_weights.T
        log_weight += np.log(np.maximum(marginal, 1e-300)).reshape(shape)
    return Posterior(grid, np.exp(log_weight - logsumexp(log_weight)))


def one_arm(table: np.ndarray, grid: Grid) -> Posterior:
    """Posterior of a single arm: no differences between studies, the priors of the mean."""
    alone = replace(grid, mu=grid.a, tau=np.array([0.0]), sigma=np.array([0.0]), kappa=grid.k)
    log_weight = alone.log_prior + table[:, None, :, None]
    return Posterior(alone, np.exp(log_weight - logsumexp(log_weight)))


@dataclass(frozen=True)
class HistologyStudy:
    """Tables of one study: of its pure and its mixed patients, or of the whole.

    Attributes
    ----------
    pure, mixed : ndarray or None
        Log likelihood ``(a, k)`` of each group; both or neither.
    whole : ndarray or None
        Of all patients where the split is not printed.
    comparison : ComparisonReading or None
        The printed log-rank result.
    medians : float or None
        Log ratio of the printed medians, mixed over pure; None takes the comparison as if it were
        independent of them, which is too sure.
    """

    pure: np.ndarray | None = None
    mixed: np.ndarray | None = None
    whole: np.ndarray | None = None
    comparison: ComparisonReading | None = None
    medians: float | None = None


def pooled_by_histology(studies: list[HistologyStudy], grid: Grid) -> Posterior:
    """Posterior with an effect of histology that all studies share.

    The location of a group is that of its study plus ``eta (x - x0)``; where the split is not
    printed, ``x`` has the prior of the model and shifts the location only. ``a`` stands for the
    study at the centre ``x0``.
    """
    log_prior = _log_density_of(grid.priors["histology_prognostic"], grid.eta)
    total = np.empty(grid.eta.size)
    rows = []
    for i, eta in enumerate(grid.eta):
        posterior_log = grid.log_prior.copy()
        for study in studies:
            table = _study_table(study, eta, grid)
            peak = table.max()
            marginal = grid.level_weights @ np.exp(table - peak) @ grid.shape_weights.T
            posterior_log += peak + np.log(np.maximum(marginal, 1e-300)).reshape(
                grid.log_prior.shape
            )
        total[i] = logsumexp(posterior_log)
        rows.append(posterior_log)
    log_eta = total + log_prior
    weights = np.exp(log_eta - logsumexp(log_eta))
    joint = sum(w * np.exp(row - logsumexp(row)) for w, row in zip(weights, rows, strict=True))
    return Posterior(grid, joint, weights)


def _study_table(study: HistologyStudy, eta: float, grid: Grid) -> np.ndarray:
    """Log likelihood ``(a, k)`` of a study at its centre, for one value of the effect."""
    x0 = centre_share(grid.priors)
    if study.whole is not None:
        prior = grid.priors["mixed_share"]
        nodes, weights = np.polynomial.hermite_e.hermegauss(9)
        shares = 1.0 / (1.0 + np.exp(-(prior.location + prior.scale * nodes)))
        shifted = [
            np.log(w) + _shift(study.whole, eta * (x - x0), grid)
            for x, w in zip(shares, weights / weights.sum(), strict=True)
        ]
        return logsumexp(shifted, axis=0)
    table = _shift(study.pure, -eta * x0, grid) + _shift(study.mixed, eta * (1.0 - x0), grid)
    if study.comparison is not None and study.medians is None:
        mean = -grid.family.logrank_slope * np.exp(grid.k) * eta
        table = table - (study.comparison.estimate - mean) ** 2 / (2.0 * study.comparison.variance)
    elif study.comparison is not None:
        table = table + logrank_given_medians(
            np.full(grid.k.size, eta),
            grid.k,
            grid.family,
            estimate=study.comparison.estimate,
            variance=study.comparison.variance,
            printed_contrast=np.full(grid.k.size, study.medians),
        )
    return table


def _shift(table: np.ndarray, by: float, grid: Grid) -> np.ndarray:
    """Log likelihood at ``a + by``, linear between the points of the grid."""
    position = by / A_STEP
    whole = int(np.floor(position))
    part = position - whole
    index = np.clip(np.arange(grid.a.size) + whole, 0, grid.a.size - 1)
    following = np.clip(index + 1, 0, grid.a.size - 1)
    return (1.0 - part) * table[index] + part * table[following]
