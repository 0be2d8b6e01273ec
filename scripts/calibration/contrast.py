r"""Posterior of the contrast of two arms of unlike shapes, by summation over a grid.

Report ``i`` allocated its patients at random to two arms, and prints how they compare:

.. math::
   a_{i1}, a_{i2} = c_i \pm D / 2, \quad c_i \sim \mathrm{Normal}(c, \tau^2), \qquad
   k_{ij} \sim \mathrm{Normal}(\kappa_j, \sigma^2), \quad
   \kappa_j \sim \mathrm{Normal}(\kappa, \sigma_Q^2)

are log medians and log shapes. The contrast ``D`` is normal as that of two treatments of two
classes, :math:`2 (s_C^2 + s_T^2)` its variance; that of the shapes of two treatments is
:math:`\sigma_Q^2 = s_Q^2`: ``s`` are the scales of the priors of the SDs, their root mean squares.
All else has the priors of a report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.hierarchy import Arm, log_weights, normal_weights, quantiles
from calibration.lattice import STEP, ArmTable, Lattice
from priors import Priors
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.observations import ArmComparison

#: Distance of two points of the contrast, of the spreads and log medians, and of the log shapes:
#: about the least posterior standard deviation of each, so that sums are integrals.
_STEPS = {"contrast": 0.3, "level": 0.25, "shape": 0.25}
# Points to either side: of the contrast, of a mean log median, of that of a report, of a mean log
# shape, of that of an arm; and points of the two spreads.
_CONTRASTS, _CENTRES, _OWN_CENTRES, _SHAPES, _OWN_SHAPES = 12, 10, 12, 5, 6
_SPREADS, _SHAPE_SPREADS = 7, 4


def contrast_sd(priors: Priors) -> float:
    """Prior SD of the contrast of log medians of two treatments of two classes."""
    return float(np.sqrt(2.0) * np.hypot(priors["class_sd"].scale, priors["treatment_sd"].scale))


@dataclass(frozen=True)
class TwoArms:
    """What one report prints: both arms, and how they compare, the first against the second.

    The tables have no conventions: their transformation is told.
    """

    first: ArmTable
    second: ArmTable
    comparison: ArmComparison | None = None

    def likelihood(self, lattice: Lattice) -> np.ndarray:
        """Less its peak: ``(contrasts, own centres, shapes of the first, of the second)``."""
        contrasts, centres = _points("contrast", _CONTRASTS), _points("level", _OWN_CENTRES)
        shapes = _points("shape", _OWN_SHAPES)
        k = lattice.k[_index(lattice.k, shapes)]
        middle = lattice.a[lattice.a.size // 2]
        total = self._compared(contrasts, middle + centres, k, lattice)
        for table, side, axis in ((self.first, 0.5, 3), (self.second, -0.5, 2)):
            arm = lattice.spread(table.knots)[0, 0][:, _index(lattice.k, shapes)]
            own = arm[_index(lattice.a, centres + side * contrasts[:, None])]
            total = total + np.expand_dims(own, axis)
        return Arm.of(total).likelihood

    def _compared(
        self, contrasts: np.ndarray, centres: np.ndarray, k: np.ndarray, lattice: Lattice
    ) -> np.ndarray | float:
        """Log likelihood of what is printed of both arms together."""
        if self.comparison is None:
            return 0.0
        half = 0.5 * contrasts[:, None, None, None]
        first, second = Place(half, k[:, None]), Place(-half, k)
        # the centre is taken off the medians: the same, and the mean is that of every centre
        medians = self.comparison.log_medians
        if medians is not None:
            medians = tuple(median - centres[:, None, None] for median in medians)
        own = replace(self.comparison, log_medians=medians)
        return comparison_log_likelihood(own, first, second, lattice.family)


def _points(name: str, each_side: int) -> np.ndarray:
    """Evenly spaced points about nought."""
    return _STEPS[name] * np.arange(-each_side, each_side + 1)


def _index(axis: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Where on an axis of the lattice what lies so far from its middle is; the end beyond it."""
    return np.clip(axis.size // 2 + np.rint(away / STEP).astype(int), 0, axis.size - 1)


def contrast(reports: Sequence[TwoArms], lattice: Lattice) -> tuple[float, float, float]:
    """Posterior median and 95 % limits of the contrast, log ratio of medians first over second.

    Reports of one registry differ in the centre of their arms; a single one has that of the mean.
    """
    priors = lattice.priors
    taus = _STEPS["level"] * np.arange(_SPREADS if len(reports) > 1 else 1)
    contrasts, centres = _points("contrast", _CONTRASTS), _points("level", _CENTRES)
    shapes = _points("shape", _SHAPES)
    level = normal_weights(_points("level", _OWN_CENTRES), centres, taus)
    middle = priors["overall_median"].location
    places = log_weights(middle + centres, priors["overall_median"])[:, None]
    places = (places + log_weights(taus, priors["study_sd"])).ravel()
    shared, own = lattice.shape_prior.scale, priors["shape_treatment_sd"].scale
    covariance = shared**2 + own**2 * np.eye(2)
    pair = np.stack(np.meshgrid(shapes, shapes, indexing="ij"), axis=-1)
    pairs = -0.5 * np.einsum("...i,ij,...j", pair, np.linalg.inv(covariance), pair).ravel()
    likelihoods = [report.likelihood(lattice) for report in reports]
    total = np.zeros(contrasts.size)
    sigmas = _STEPS["shape"] * np.arange(_SHAPE_SPREADS)
    for sigma, log_weight in zip(sigmas, log_weights(sigmas, priors["shape_sd"]), strict=True):
        to_shapes = normal_weights(_points("shape", _OWN_SHAPES), shapes, np.array([sigma]))
        product = np.exp(places[:, None] + pairs + log_weight)[None]
        for likelihood in likelihoods:
            of_shapes = to_shapes @ likelihood @ to_shapes.T
            product = product * (level @ of_shapes.reshape(*of_shapes.shape[:2], -1))
        total += product.sum(axis=(1, 2))
    prior = -0.5 * (contrasts / contrast_sd(priors)) ** 2
    return quantiles(contrasts, np.log(np.maximum(total, 1e-300)) + prior)
