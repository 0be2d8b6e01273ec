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

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, roots_genlaguerre

from synthesis.cohort_terms import CohortLikelihood, Point, Terms
from synthesis.models import SurvivalFit
from synthesis.survival import ROBUST_FREEDOM

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
_NARROWEST = 1e-4  # SD: no draw of a spread is quite nought


def cohort_log_likelihood(
    fit: SurvivalFit, *, draws: int = DRAWS, nodes: tuple[int, int] = NODES
) -> np.ndarray:
    """Log likelihood of each cohort given the draws of everything but its own effects.

    A printed comparison belongs to the later of its two cohorts.

    Parameters
    ----------
    fit : SurvivalFit
    draws : int
        Draws that are used, evenly spaced.
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
    comparisons = likelihood.fit.data.comparisons
    compared = {id(c): likelihood.compared(c) for c in comparisons}
    own = Terms(
        likelihood.arms(cohort),
        tuple(c for c in comparisons if max(compared[id(c)]) == cohort),
    )
    rest = Terms(
        tuple(i for k in likelihood.companions(cohort) for i in likelihood.arms(k)),
        tuple(c for c in comparisons if min(compared[id(c)]) == cohort < max(compared[id(c)])),
    )
    value = _integral(likelihood, cohort, own + rest, nodes)
    return value - _integral(likelihood, cohort, rest, nodes) if rest else value


@dataclass(frozen=True)
class _Prior:
    """Prior of displacement and log shape of a cohort at each draw.

    The displacement is a mixture of normals: ``mean`` plus one of the ``shifts`` that the share of
    mixed histology may make, with one of the standard deviations ``sd``.

    Attributes
    ----------
    mean, shape_mean, shape_sd : ndarray, shape (draws,)
    sd : ndarray, shape (draws, K)
    sd_weights : ndarray, shape (K,)
    shifts : ndarray, shape (draws, M)
    shift_weights : ndarray, shape (M,)
    """

    mean: np.ndarray
    sd: np.ndarray
    sd_weights: np.ndarray
    shape_mean: np.ndarray
    shape_sd: np.ndarray
    shifts: np.ndarray
    shift_weights: np.ndarray

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
