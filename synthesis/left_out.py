r"""Likelihood of each cohort with its own effects integrated out, for leave-one-cohort-out.

A cohort has a study effect and a shape deviation of its own, and often an unknown share of mixed
histology. Given these, its likelihood says how well the model describes the cohort, not how well
it would have predicted it: with one arm a study the effects follow the arm, and leaving the arm out
cannot be reached from there by weights. So they are integrated out for each draw of everything else
(Merkle, Furr & Rabe-Hesketh 2019, doi 10.1007/s11336-019-09679-0):

.. math::
   L_j = \frac{\int\!\!\int L(y_j \mid v, \kappa)\, R(v, \kappa)\, p(v)\, p(\kappa)\,dv\,d\kappa}
              {\int\!\!\int R(v, \kappa)\, p(v)\, p(\kappa)\,dv\,d\kappa},

with :math:`v` the sum of the effects of the cohort on its log median, :math:`\kappa` its log
shape, and :math:`R` whatever else the registry prints that depends on them: the other arms of a
randomised report, which share the study effect, and comparisons that are counted with a later
cohort of the report. :math:`R` is one for most cohorts. The effects of a treatment or class that no
other cohort has are effects of the cohort, too: nothing else is known of them.

The integrals are sums over Gauss-Hermite nodes, which are laid for each draw where the integrand
is (Naylor & Smith 1982, doi 10.2307/2347995), by its second-order expansion.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, roots_genlaguerre

from synthesis.fits import SurvivalFit, bias_spread
from synthesis.model.arrays import shared_parts
from synthesis.model.likelihoods import (
    arm_log_likelihood,
    comparison_given_medians,
    listed_patients,
)
from synthesis.model.observations import ArmComparison
from synthesis.model.printed import METHODS
from synthesis.model.sampler import kept_beside
from synthesis.model.survival import ROBUST_FREEDOM, is_retrospective

#: Draws that are used, evenly spaced over the chains.
DRAWS = 500

#: Gauss-Hermite nodes for the log median and for the log shape.
NODES = (7, 5)

# The share of mixed histology is summed over an even grid of its logit, in standard deviations.
_SHARE_GRID = np.linspace(-4.0, 4.0, 41)

# A Student-t is a normal whose precision is drawn from a gamma distribution: nodes of the latter.
_PRECISIONS = 15

_STEP = 0.05  # of the differences behind the expansion of a log likelihood

# Newton steps to where an integrand is: how many, the longest, and one that is short enough.
_NEWTON_STEPS, _LONGEST_STEP, _SHORT_STEP = 6, 1.0, 0.02
_PARTS = np.array([1.0, 0.5, 0.2, 0.05, 0.0])  # of a step, of which the best is taken
_NARROWEST = 1e-4  # SD: no draw of a spread is quite zero


# Draws from which on the largest weights can be smoothed.
_LEAST_DRAWS = 25

_EARLIEST = 1e-3  # months, as in the arrays of the model


@dataclass(frozen=True)
class LeftOutDensities:
    """Predictive densities of one fit.

    Attributes
    ----------
    elpd : ndarray, shape (cohorts,)
        Log predictive density of each cohort given all others.
    pareto_k : ndarray, shape (cohorts,)
        Infinite where there are too few draws to say.
    p_loo : float
    log_likelihood : ndarray, shape (draws, cohorts)
        From :func:`~synthesis.left_out.cohort_log_likelihood`.
    """

    elpd: np.ndarray
    pareto_k: np.ndarray
    p_loo: float
    log_likelihood: np.ndarray = field(repr=False)


def leave_one_out(
    fit: SurvivalFit, *, draws: int = DRAWS, nodes: tuple[int, int] = NODES
) -> LeftOutDensities:
    """Log predictive density of each cohort of a fit given all others.

    It takes seconds, and is kept beside the draws of the fit. Parameters are those of
    :func:`cohort_log_likelihood`.
    """
    name = f"left_out_{draws}_{nodes[0]}x{nodes[1]}_{_source_digest()}"
    kept = kept_beside(fit.draws, name, lambda: _leave_one_out(fit, draws, nodes))
    return LeftOutDensities(**kept | {"p_loo": float(kept["p_loo"])})


@cache
def _source_digest() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


def _leave_one_out(fit: SurvivalFit, draws: int, nodes: tuple[int, int]) -> dict[str, np.ndarray]:
    """The arrays of :class:`LeftOutDensities`."""
    values = cohort_log_likelihood(fit, draws=draws, nodes=nodes)
    if len(values) < _LEAST_DRAWS:  # too few for a tail: their weights stay as they are
        elpd, pareto_k = -_log_mean(-values), np.full(values.shape[1], np.inf)
        p_loo = np.sum(_log_mean(values) - elpd)
    else:
        from arviz import from_dict, loo  # only what is not stored pays for it

        tree = from_dict({"log_likelihood": {"cohort_figures": values[None]}})
        with warnings.catch_warnings():
            # a high Pareto k stands in the table, and one cohort has no standard error
            warnings.simplefilter("ignore")
            result = loo(tree, pointwise=True, reff=1.0)
        elpd, pareto_k, p_loo = result.elpd_i.to_numpy(), result.pareto_k.to_numpy(), result.p
    arrays = {"elpd": elpd, "pareto_k": pareto_k, "p_loo": p_loo, "log_likelihood": values}
    return {name: np.asarray(value, dtype=float) for name, value in arrays.items()}


def _log_mean(values: np.ndarray) -> np.ndarray:
    """Log of the mean of exponentials over the draws."""
    peak = values.max(axis=0)
    return peak + np.log(np.exp(values - peak).mean(axis=0))


def cohort_log_likelihood(
    fit: SurvivalFit, *, draws: int = DRAWS, nodes: tuple[int, int] = NODES
) -> np.ndarray:
    """Log likelihood of each cohort given the draws of everything but its own effects.

    A printed comparison belongs to the later of its two cohorts.

    Parameters
    ----------
    fit : SurvivalFit
    draws : int
        How many are used.
    nodes : (int, int)
        Quadrature nodes for the log median and for the log shape.

    Returns
    -------
    ndarray, shape (draws, cohorts)
    """
    likelihood = CohortLikelihood(fit, spaced(fit.flat("mu").size, draws))
    return np.column_stack([_leave_out(likelihood, j, nodes) for j in range(len(fit.data.cohorts))])


def spaced(size: int, wanted: int) -> np.ndarray:
    """Indices of the draws that are used: so many of ``size`` as are wanted, evenly spaced."""
    return np.linspace(0, size - 1, min(wanted, size)).round().astype(int)


def _leave_out(likelihood: CohortLikelihood, cohort: int, nodes: tuple[int, int]) -> np.ndarray:
    """Log likelihood of a cohort given all others, ``(draws,)``."""
    compared = [(c, likelihood.compared(c)) for c in likelihood.fit.data.comparisons]
    own = Terms(likelihood.arms(cohort), tuple(c for c, pair in compared if max(pair) == cohort))
    rest = Terms(
        tuple(i for k in likelihood.companions(cohort) for i in likelihood.arms(k)),
        tuple(c for c, pair in compared if min(pair) == cohort < max(pair)),
    )
    value = _integral(likelihood, cohort, own + rest, nodes)
    return value - _integral(likelihood, cohort, rest, nodes) if rest else value


@dataclass(frozen=True)
class _Prior:
    """Prior of displacement and log shape of a cohort at each draw.

    The displacement is a mixture of normals: ``mean`` plus one of the ``shifts`` that the share of
    mixed histology may make, with one of the standard deviations ``sd``.
    """

    mean: np.ndarray  # (draws,)
    sd: np.ndarray  # (draws, K)
    sd_weights: np.ndarray  # (K,)
    shape_mean: np.ndarray  # (draws,)
    shape_sd: np.ndarray  # (draws,)
    shifts: np.ndarray  # (draws, M)
    shift_weights: np.ndarray  # (M,)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the displacement."""
        shift = self.shifts @ self.shift_weights
        spread = np.square(self.shifts - shift[:, None]) @ self.shift_weights
        return self.mean + shift, np.square(self.sd) @ self.sd_weights + spread

    def log_density(self, displacement: np.ndarray) -> np.ndarray:
        """Log density of displacements, ``(draws, nodes)``."""
        # neighbouring shares must overlap, or their sum is a row of peaks
        gaps = np.abs(np.diff(self.shifts, axis=1)).max(axis=1, initial=0.0)
        away = displacement - self.mean[:, None]
        away = away[:, :, None] - self.shifts[:, None, :]
        parts = []
        for sd, weight in zip(self.sd.T, self.sd_weights, strict=True):
            wide = np.maximum(sd, gaps)[:, None, None]
            log_p = _log_normal(away / wide) - np.log(wide) + np.log(weight * self.shift_weights)
            parts.append(_log_sum(np.moveaxis(log_p, 2, 0)))
        return _log_sum(np.stack(parts))

    def log_shape_density(self, log_shape: np.ndarray) -> np.ndarray:
        """Log density of log shapes, ``(draws, nodes)``."""
        sd = self.shape_sd[:, None]
        return _log_normal((log_shape - self.shape_mean[:, None]) / sd) - np.log(sd)


def _log_sum(values: np.ndarray) -> np.ndarray:
    """Log of the sum of exponentials over the first axis; faster than by pairs."""
    peak = values.max(axis=0)
    return peak + np.log(np.exp(values - peak).sum(axis=0))


def _log_normal(z: np.ndarray) -> np.ndarray:
    return -0.5 * np.square(z) - 0.5 * np.log(2.0 * np.pi)


def _prior(likelihood: CohortLikelihood, cohort: int) -> _Prior:
    fit, draws = likelihood.fit, likelihood.draws
    treatment = likelihood.treatment(cohort)
    held = likelihood.held(cohort)
    mean = np.sqrt(held) * likelihood.study[:, cohort]
    precisions, weights = np.ones(1), np.ones(1)
    if fit.variant.study_effects == "student-t":
        half = ROBUST_FREEDOM / 2.0
        precisions, weights = roots_genlaguerre(_PRECISIONS, half - 1.0)
        precisions = precisions / half
    variance = (1.0 - held) * likelihood.study_variance(cohort)[:, None] / precisions
    shape_mean, shape_variance = draws("shape_mean"), draws("shape_sd") ** 2
    if likelihood.sole("treatment", cohort):
        variance = variance + draws("treatment_sd")[:, None] ** 2
        shape_variance = shape_variance + draws("shape_treatment_sd") ** 2
    else:
        shape_mean = shape_mean + draws("shape_treatment_effect")[:, treatment]
    if likelihood.sole("class", cohort):
        variance = variance + draws("class_sd")[:, None] ** 2
    shifts, shift_weights = np.zeros((mean.size, 1)), np.ones(1)
    if likelihood.share_is_free(cohort):
        prior = fit.priors["mixed_share"]
        away = expit(prior.location + prior.scale * _SHARE_GRID) - fit.centre_share
        shifts = likelihood.slope[:, treatment][:, None] * away
        shift_weights = np.exp(_log_normal(_SHARE_GRID))
    return _Prior(
        mean=mean,
        sd=np.maximum(np.sqrt(variance), _NARROWEST),
        sd_weights=weights / weights.sum(),
        shape_mean=shape_mean * fit.has_shape,
        shape_sd=np.maximum(np.sqrt(shape_variance) * fit.has_shape, _NARROWEST),
        shifts=shifts,
        shift_weights=shift_weights / shift_weights.sum(),
    )


def _integral(
    likelihood: CohortLikelihood, cohort: int, terms: Terms, nodes: tuple[int, int]
) -> np.ndarray:
    """Log of the mean of some terms over the prior of a cohort's own effects, ``(draws,)``."""
    prior = _prior(likelihood, cohort)
    mean, covariance = _laid(likelihood, cohort, terms, prior)
    (x, log_x), (y, log_y) = (_hermite(count) for count in nodes)
    width = np.sqrt(covariance[:, 0, 0])[:, None]
    slope = covariance[:, 0, 1][:, None] / width
    height = np.sqrt(np.maximum(covariance[:, 1, 1][:, None] - slope**2, _NARROWEST**4))
    displacement = mean[:, :1] + width * x
    log_shape = mean[:, 1:, None] + (slope * x)[:, :, None] + height[:, :, None] * y
    # prior over the density by which the nodes were laid
    across = prior.log_density(displacement) - _log_normal(x) + np.log(width) + log_x
    flat = log_shape.reshape(len(mean), -1)
    along = prior.log_shape_density(flat).reshape(log_shape.shape)
    log_ratio = across[..., None] + along
    log_ratio = log_ratio - _log_normal(y) + np.log(height)[..., None] + log_y
    wide = np.repeat(displacement, y.size, axis=1)
    value = likelihood.of(terms, Point(cohort, wide, flat))
    return _log_sum((value + log_ratio.reshape(flat.shape)).T)


def _hermite(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of a standard normal, and the logs of their weights, which add up to one."""
    x, weight = np.polynomial.hermite_e.hermegauss(count)
    return x, np.log(weight / weight.sum())


def _laid(
    likelihood: CohortLikelihood, cohort: int, terms: Terms, prior: _Prior
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the integrand at each draw, to second order.

    Newton steps from the effects as drawn, all draws at once; where the log likelihood bends
    upwards it counts as flat.
    """
    centre, variance = prior.moments()
    about = np.stack([centre, prior.shape_mean], axis=1)
    own = np.stack([1.0 / variance, 1.0 / prior.shape_sd**2], axis=1)
    at = likelihood.drawn(cohort)
    for _ in range(_NEWTON_STEPS):
        slope, bend = _expansion(likelihood, cohort, terms, at)
        precision = bend + own[:, :, None] * np.eye(2)
        covariance = np.linalg.inv(precision)
        step = (covariance @ (slope + own * (about - at))[..., None])[..., 0]
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        tried = at[:, None, :] + _PARTS[:, None] * step[:, None, :]
        value = likelihood.of(terms, Point(cohort, tried[..., 0], tried[..., 1]))
        value = value - 0.5 * (own[:, None, :] * np.square(tried - about[:, None, :])).sum(axis=2)
        best = tried[np.arange(len(at)), value.argmax(axis=1)]
        moved, at = np.abs(best - at).max(), best
        if moved < _SHORT_STEP:
            break
    return at, covariance


def _expansion(
    likelihood: CohortLikelihood, cohort: int, terms: Terms, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slope, ``(draws, 2)``, and negative curvature, ``(draws, 2, 2)``, of the log likelihood."""
    steps = _STEP * (np.indices((3, 3)).reshape(2, 9) - 1)
    point = Point(cohort, at[:, :1] + steps[0], at[:, 1:] + steps[1])
    value = likelihood.of(terms, point).reshape(-1, 3, 3)
    slope = np.stack([value[:, 2, 1] - value[:, 0, 1], value[:, 1, 2] - value[:, 1, 0]], axis=1)
    across = value[:, 2, 1] - 2.0 * value[:, 1, 1] + value[:, 0, 1]
    along = value[:, 1, 2] - 2.0 * value[:, 1, 1] + value[:, 1, 0]
    twist = (value[:, 2, 2] - value[:, 2, 0] - value[:, 0, 2] + value[:, 0, 0]) / 4.0
    bend = -np.stack([across, twist, twist, along], axis=1).reshape(-1, 2, 2) / _STEP**2
    values, vectors = np.linalg.eigh(bend)
    flat = vectors * np.maximum(values, 0.0)[:, None, :]
    return slope / (2.0 * _STEP), flat @ vectors.transpose(0, 2, 1)


# --- Likelihood of one cohort --------------------------------------------------------------------


@dataclass(frozen=True)
class Terms:
    """Factors of the likelihood that depend on what is integrated out."""

    arms: tuple[int, ...]
    comparisons: tuple[ArmComparison, ...]

    def __add__(self, other: Terms) -> Terms:
        return Terms(self.arms + other.arms, self.comparisons + other.comparisons)

    def __bool__(self) -> bool:
        return bool(self.arms or self.comparisons)


@dataclass(frozen=True)
class Point:
    """Displacement and log shape of one cohort at which to evaluate, ``(draws, nodes)`` each."""

    cohort: int
    displacement: np.ndarray
    log_shape: np.ndarray


@dataclass(frozen=True)
class CohortLikelihood:
    """The terms of the likelihood at those draws of a fit whose indices are ``rows``."""

    fit: SurvivalFit
    rows: np.ndarray

    @cached_property
    def draws(self) -> Callable[[str], np.ndarray]:
        """Draws of a variable that are used, by its name: ``(draws, ...)``."""
        return cache(lambda name: self.fit.flat(name)[self.rows])

    @cached_property
    def tail(self) -> np.ndarray:
        """Tail of the treatments, ``(draws, treatments)``."""
        return self.draws("tail_mean")[:, None] + self.draws("tail_treatment_effect")

    @cached_property
    def slope(self) -> np.ndarray:
        """Effect of mixed histology under each treatment, ``(draws, treatments)``."""
        return self.draws("prognostic")[:, None] + self.draws("predictive")

    @cached_property
    def log_convention(self) -> np.ndarray:
        """Log probability of the transformations, ``(draws, conventions)``."""
        logits = self.draws("convention_logits")
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    @cached_property
    def shared(self) -> tuple[float, ...]:
        """Part of the variance between studies that each cohort shares with its report."""
        return shared_parts(self.fit.data)

    @cached_property
    def study(self) -> np.ndarray:
        """Effect of the report of each cohort, ``(draws, cohorts)``."""
        data = self.fit.data
        return self.draws("study_effect")[:, [data.studies.index(r.study.id) for r in data.cohorts]]

    @cached_property
    def effect(self) -> np.ndarray:
        """Whole study effect of the cohorts as drawn, ``(draws, cohorts)``."""
        shared = np.array(self.shared)
        return np.sqrt(shared) * self.study + np.sqrt(1.0 - shared) * self.draws("cohort_effect")

    def study_variance(self, cohort: int) -> np.ndarray:
        """Variance of the study effect of a cohort, ``(draws,)``: with that of its own bias."""
        variance = self.draws("study_sd") ** 2
        known = self.fit.data.covariates
        if known and is_retrospective(known[cohort]):
            variance = variance + bias_spread(self.fit)[self.rows] ** 2
        return variance

    def treatment(self, cohort: int) -> int:
        """Index of the treatment of a cohort."""
        return self.fit.data.treatments.index(self.fit.data.cohorts[cohort].treatment)

    def arms(self, cohort: int) -> tuple[int, ...]:
        """Indices of the arms of a cohort."""
        return tuple(i for i, arm in enumerate(self.fit.data.arms) if arm.cohort == cohort)

    def cohort(self, arm: int) -> int:
        """Index of the cohort of an arm."""
        return self.fit.data.arms[arm].cohort

    def compared(self, comparison: ArmComparison) -> tuple[int, int]:
        """Indices of the cohorts of a comparison, which may be one."""
        return self.cohort(comparison.first), self.cohort(comparison.second)

    def sole(self, level: str, cohort: int) -> bool:
        """Whether no other cohort is of its treatment, or of its class."""
        refs = self.fit.data.cohorts
        names = [ref.treatment if level == "treatment" else ref.treatment_class for ref in refs]
        return names.count(names[cohort]) == 1

    def companions(self, cohort: int) -> tuple[int, ...]:
        """Cohorts that were randomised beside this one and share its study effect.

        None where the effect of its treatment must be separated: then the study effect stays
        as drawn, of which the companions know.
        """
        refs = self.fit.data.cohorts
        if self.shared[cohort] < 1.0 or self.sole("treatment", cohort):
            return ()
        report = refs[cohort].study.id
        return tuple(k for k, r in enumerate(refs) if r.study.id == report and k != cohort)

    def held(self, cohort: int) -> float:
        """Part of the variance between studies whose effect stays as drawn: others know of it."""
        refs = self.fit.data.cohorts
        alone = sum(ref.study.id == refs[cohort].study.id for ref in refs) == 1
        return 0.0 if alone or self.companions(cohort) else self.shared[cohort]

    def share_is_free(self, cohort: int) -> bool:
        """Whether the share of mixed histology is integrated out.

        It stays as drawn where the study effect must be separated from it (cohorts randomised side
        by side share the one and not the other), and where it makes a mixture of two curves.
        """
        unknown = all(self.fit.data.arms[i].share is None for i in self.arms(cohort))
        shifts = self.fit.data.tells_histology and not self.fit.variant.is_mixture
        return unknown and shifts and not self.companions(cohort)

    def base(self, arm: int, cohort: int) -> np.ndarray:
        """Log median of an arm less what the displacement of a cohort stands for, ``(draws,)``."""
        own = self.cohort(arm)
        value = self.draws("log_median")[:, arm]
        if own != cohort and own not in self.companions(cohort):
            return value
        value = value - self.effect[:, own]
        treatment = self.treatment(own)
        if own == cohort and self.sole("treatment", own):
            value = value - self.draws("treatment_effect")[:, treatment]
        if own == cohort and self.sole("class", own):
            group = self.fit.data.treatment_class[treatment]
            value = value - self.draws("class_effect")[:, group]
        if own == cohort and self.share_is_free(own):
            away = self.draws("mixed_share")[:, arm] - self.fit.centre_share
            value = value - self.slope[:, treatment] * away
        return value

    def drawn(self, cohort: int) -> np.ndarray:
        """Displacement and log shape of a cohort as drawn, ``(draws, 2)``."""
        arm = self.arms(cohort)[0]
        displacement = self.draws("log_median")[:, arm] - self.base(arm, cohort)
        return np.stack([displacement, self.draws("log_shape")[:, cohort]], axis=1)

    def location(self, arm: int, at: Point) -> np.ndarray:
        """Log median of an arm, ``(draws, nodes or 1)``."""
        own = self.cohort(arm)
        moves = own == at.cohort or own in self.companions(at.cohort)
        return self.base(arm, at.cohort)[:, None] + (at.displacement if moves else 0.0)

    def shape(self, arm: int, at: Point) -> np.ndarray:
        """Log shape of an arm, ``(draws, nodes or 1)``."""
        own = self.cohort(arm)
        return at.log_shape if own == at.cohort else self.draws("log_shape")[:, own][:, None]

    def of(self, terms: Terms, at: Point) -> np.ndarray:
        """Log likelihood of some terms, ``(draws, nodes)``."""
        value = np.zeros(at.displacement.shape)
        for arm in terms.arms:
            value = value + self.of_arm(arm, self.location(arm, at), self.shape(arm, at))
        for comparison in terms.comparisons:
            value = value + self.of_comparison(comparison, at)
        return value

    def of_arm(self, arm: int, location: np.ndarray, log_shape: np.ndarray) -> np.ndarray:
        """Log likelihood of what an arm prints, ``(draws, nodes)``."""
        printed, family = self.fit.data.arms[arm], self.fit.family
        treatment = self.treatment(printed.cohort)
        tail = self.tail[:, treatment][:, None]
        if not printed.chains:
            listed = [patient for patient in self.fit.data.patients if patient.arm == arm]
            return listed_patients(
                location[..., None],
                log_shape[..., None],
                family,
                log_time=np.log([max(patient.months, _EARLIEST) for patient in listed]),
                event=np.array([float(patient.event) for patient in listed]),
                tail=tail[..., None],
            ).sum(axis=-1)
        weights = [
            0.0 if printed.told else self.log_convention[:, METHODS.index(method)][:, None]
            for method in printed.methods
        ]
        second: dict[str, Any] = {}
        if printed.share is None and self.fit.variant.is_mixture:
            share = self.draws("mixed_share")[:, arm][:, None]
            second = {"shift": self.slope[:, treatment][:, None], "share": share}
            location = location - second["shift"] * share
        return arm_log_likelihood(
            printed.chains, weights, location, log_shape, family, tail, **second
        )

    def of_comparison(self, comparison: ArmComparison, at: Point) -> np.ndarray:
        """Log likelihood of a printed comparison, given the medians that entered."""
        first = self.cohort(comparison.first)
        return comparison_given_medians(
            self.location(comparison.first, at) - self.location(comparison.second, at),
            self.shape(comparison.first, at),
            self.fit.family,
            self.tail[:, self.treatment(first)][:, None],
            estimate=comparison.reading.estimate,
            variance=comparison.reading.variance,
            medians=comparison.log_median_ratio,
            share=comparison.reading.patients_share,
            either_sign=comparison.reading.either_sign,
        )
