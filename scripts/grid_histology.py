"""Posterior of an effect of histology that all studies share, by summation over a grid.

As in :mod:`grid_posterior`, with one axis more. The location of a group is that of its study plus
``eta (x - x0)``, ``x`` being 0 for pure and 1 for mixed; where the split is not printed ``x`` has
the prior of the model and shifts the location only. The lattice stands for a study at the centre
``x0``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from grid_posterior import (
    EQUAL,
    Arm,
    Conventions,
    Fineness,
    Hyper,
    Posterior,
    convention_points,
    local_hyper,
    log_posterior,
    log_sum,
    quantiles,
)
from grid_tables import STEP, ArmTable, Lattice

from synthesis.comparisons import ComparisonReading
from synthesis.likelihoods import comparison_given_medians
from synthesis.survival import centre_share

_ETA_STEP = 0.1
_ETA_COARSE = 0.4 * np.arange(-7, 8)
_FINENESS = Fineness(mean_step=1.0, sd_step=1.0, reach=4.5)


@dataclass(frozen=True)
class HistologyStudy:
    """Tables of one study: of its pure and its mixed patients, or of the whole.

    Attributes
    ----------
    pure, mixed : ArmTable or None
        Each group; both or neither, and without conventions.
    whole : ArmTable or None
        All patients where the split is not printed.
    comparison : ComparisonReading or None
        The printed log-rank result.
    medians : float or None
        Log ratio of the printed medians, mixed over pure; None takes the comparison as if it were
        independent of them, which is too sure.
    share : float
        Share of the mixed patients.
    """

    pure: ArmTable | None = None
    mixed: ArmTable | None = None
    whole: ArmTable | None = None
    comparison: ComparisonReading | None = None
    medians: float | None = None
    share: float = 0.5

    def arms(self, etas: np.ndarray, lattice: Lattice) -> list[Arm]:
        """Likelihood of the study at its centre, for each value of the effect."""
        x0 = centre_share(lattice.priors)
        if self.whole is not None:
            own = Arm.on(self.whole, lattice)
            matrices = (_share_matrix(float(eta), lattice) for eta in etas)
            found = (np.maximum(matrix @ own.likelihood, 0.0) for matrix in matrices)
            return [Arm(likelihood, own.conventions, own.log_peak) for likelihood in found]
        pure, mixed = (lattice.across(own.knots) for own in (self.pure, self.mixed))
        return [
            Arm.of(
                lattice.shifted(pure, -eta * x0)
                + lattice.shifted(mixed, eta * (1.0 - x0))
                + self._compared(eta, lattice)
            )
            for eta in map(float, etas)
        ]

    def _compared(self, eta: float, lattice: Lattice) -> np.ndarray | float:
        """Log likelihood of the log-rank result, ``(tail, 1, k)``; nought where there is none."""
        if self.comparison is None:
            return 0.0
        return comparison_given_medians(
            eta,
            lattice.k,
            lattice.family,
            lattice.tails[:, None, None],
            estimate=self.comparison.estimate,
            variance=self.comparison.variance,
            medians=self.medians,
            share=self.share,
            either_sign=self.comparison.either_sign,
        )


_MATRICES: dict[tuple[int, float], np.ndarray] = {}


def _share_matrix(eta: float, lattice: Lattice) -> np.ndarray:
    """Matrix that averages a likelihood over the prior of an unknown share: ``(a, a)``."""
    key = id(lattice), round(eta, 9)
    if key not in _MATRICES:
        prior, x0 = lattice.priors["mixed_share"], centre_share(lattice.priors)
        nodes, weights = np.polynomial.hermite_e.hermegauss(9)
        shares = 1.0 / (1.0 + np.exp(-(prior.location + prior.scale * nodes)))
        _MATRICES[key] = sum(
            w * lattice.moved(eta * (x - x0))
            for x, w in zip(shares, weights / weights.sum(), strict=True)
        )
    return _MATRICES[key]


def histology_effect(
    studies: Sequence[HistologyStudy], lattice: Lattice
) -> tuple[float, float, float]:
    """Posterior median and 95 % limits of the effect, log ratio of medians mixed over pure."""
    hyper = Hyper(
        mu=lattice.a[12:-12:5],
        tau=STEP * np.array([0.0, 4.0, 8.0, 12.0, 16.0, 20.0]),
        kappa=lattice.k[10:-10:5],
        sigma=STEP * np.array([0.0, 4.0, 8.0, 12.0]),
    )
    totals, joint = _over(_ETA_COARSE, studies, lattice, hyper, EQUAL)
    weights = np.exp(totals - log_sum(totals))
    mean = weights @ _ETA_COARSE
    sd = max(np.sqrt(weights @ (_ETA_COARSE - mean) ** 2), 0.1)
    step = _ETA_STEP * max(int(0.7 * sd / _ETA_STEP), 1)
    half = int(np.ceil(max(4.5 * sd, 0.5) / step))
    eta = step * (round(mean / step) + np.arange(-half, half + 1))
    hyper = local_hyper(Posterior(lattice, hyper, joint), _FINENESS)
    untold = any(study.whole is not None and study.whole.conventions for study in studies)
    totals, _ = _over(eta, studies, lattice, hyper, convention_points() if untold else EQUAL)
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
