r"""One difference between pure and mixed tumours by itself.

The two medians and their comparison enter the likelihood of the pool (order statistics;
the log-rank p given the medians), with next to nothing believed beforehand: the log ratio of
medians :math:`\beta \sim \mathrm{Normal}(0, 2^2)`, the mean of both log medians within the same
spread of that of any cohort, log shape and tail as of any cohort before data. On a lattice of log
medians :math:`a`,

.. math::
   p(\beta \mid y) \propto p(\beta)\, e^{\beta^2/8s^2} \int L_c(\beta, k) \int
   L_\mathrm{pure}(a, k)\, \varphi(a)\, L_\mathrm{mixed}(a + \beta, k)\, \varphi(a + \beta)\,da\;
   p(k)\,dk, \qquad \varphi(a) = e^{-(a - \mu_0)^2/4s^2},

(the product of both :math:`\varphi` and the factor before is the prior of the mean, of SD ``s``), a
correlation of two curves at each Gauss-Hermite node of shape and tail; no sampler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from priors import MEAN_PRIOR, Prior, Priors
from studies.selection import CohortRef
from synthesis.fits import PooledSurvival
from synthesis.model.families import FAMILIES, Family
from synthesis.model.likelihoods import arm_log_likelihood, comparison_given_medians
from synthesis.model.observations import Arm, ArmComparison
from synthesis.model.survival import SHAPE_PRIOR, TAIL_PRIOR

# The lattice of log medians, months: far beyond any curve on either side.
_STEP = 0.02
_LATTICE = np.arange(np.log(0.02), np.log(2000.0), _STEP)
_SHAPE_NODES, _TAIL_NODES = 15, 7


@dataclass(frozen=True)
class Pair:
    """The two arms of one cohort and their comparison."""

    pure: Arm
    mixed: Arm
    comparison: ArmComparison | None


def pair_of(fit: PooledSurvival, ref: CohortRef) -> Pair:
    """Arms of a cohort whose pure and mixed patients entered apart."""
    index = fit.data.cohorts.index(ref)
    arms = {a.histology: (i, a) for i, a in enumerate(fit.data.arms) if a.cohort == index}
    (i, mixed), (_, pure) = arms["mixed"], arms["pure"]
    compared = [item for item in fit.data.comparisons if item.first == i]
    return Pair(pure, mixed, compared[0] if compared else None)


def log_ratios() -> np.ndarray:
    """Log ratios at which :func:`ratio_alone` gives the density."""
    return _STEP * np.arange(-(_LATTICE.size - 1), _LATTICE.size)


def ratio_alone(pair: Pair, family: Family, priors: Priors) -> np.ndarray:
    """Posterior density of the log ratio of medians by one result alone.

    Parameters
    ----------
    pair : Pair
    family : Family
    priors : Priors
        For location, shape and tail of a cohort.

    Returns
    -------
    ndarray
        At :func:`log_ratios`, per unit of the log ratio.
    """
    beta = log_ratios()
    centre = priors["overall_median"].location
    # half of the prior of the mean of both log medians with either, as derived above
    log_a = -0.25 * ((_LATTICE - centre) / MEAN_PRIOR.scale) ** 2
    total = np.full(beta.size, -np.inf)
    for log_shape, log_shape_weight in _shape_nodes(family, priors):
        for tail, log_tail_weight in _tail_nodes(family, priors):
            pure, mixed = (
                _arm(arm, _LATTICE, log_shape, family, tail) for arm in (pair.pure, pair.mixed)
            )
            value = (
                _log_correlation(pure + log_a, mixed + log_a) + log_shape_weight + log_tail_weight
            )
            total = np.logaddexp(total, value + _compared(pair, beta, log_shape, family, tail))
    total = total + 0.125 * (beta / MEAN_PRIOR.scale) ** 2
    total = total - 0.5 * ((beta - MEAN_PRIOR.location) / MEAN_PRIOR.scale) ** 2
    density = np.exp(total - total.max())
    return density / (density.sum() * _STEP)


def _arm(
    arm: Arm, location: np.ndarray, log_shape: float, family: Family, tail: float
) -> np.ndarray:
    # without the pool every transformation behind an interval is as likely as the others
    weights = [0.0 if arm.told else -np.log(len(arm.chains))] * len(arm.chains)
    return arm_log_likelihood(arm.chains, weights, location, log_shape, family, tail)


def _compared(
    pair: Pair, beta: np.ndarray, log_shape: float, family: Family, tail: float
) -> np.ndarray | float:
    item = pair.comparison
    if item is None:
        return 0.0
    return comparison_given_medians(
        beta,
        log_shape,
        family,
        tail,
        estimate=item.reading.estimate,
        variance=item.reading.variance,
        medians=item.log_median_ratio,
        share=item.reading.share if item.reading.kind == "p" else None,
        either_sign=item.reading.either_sign,
    )


def _log_correlation(pure: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """Log of the sum over ``a`` of two exponentials, the second at ``a`` plus each lag."""
    peaks = pure.max(), mixed.max()
    total = np.correlate(np.exp(mixed - peaks[1]), np.exp(pure - peaks[0]), mode="full")
    return np.log(np.maximum(total, 1e-300)) + sum(peaks)


def _shape_nodes(family: Family, priors: Priors) -> list[tuple[float, float]]:
    """Log shape of a cohort before data: that of the mean cohort, of its treatment, its own."""
    if not family.has_shape:
        return [(0.0, 0.0)]
    own = (priors[SHAPE_PRIOR[family.name]], priors["shape_treatment_sd"], priors["shape_sd"])
    return _nodes(own, _SHAPE_NODES)


def _tail_nodes(family: Family, priors: Priors) -> list[tuple[float, float]]:
    if not family.has_tail:
        return [(0.0, 0.0)]
    return _nodes((priors[TAIL_PRIOR[family.name]], priors["tail_treatment_sd"]), _TAIL_NODES)


def _nodes(priors: Sequence[Prior], count: int) -> list[tuple[float, float]]:
    """Nodes of a mean plus deviations whose SDs have half-normal priors, with log weights.

    A normal of the same mean and variance stands for it.
    """
    sd = np.sqrt(sum(prior.scale**2 for prior in priors))
    x, weight = np.polynomial.hermite_e.hermegauss(count)
    return list(zip(priors[0].location + sd * x, np.log(weight / weight.sum()), strict=True))


def alone_table(
    densities: dict[str, np.ndarray], weights: dict[str, float], together: np.ndarray
) -> pd.DataFrame:
    """Ratios of medians by one result alone, under each family and weighted as in the pool."""
    rows = [
        {"family": FAMILIES[name].label, "weight": weights[name], **_of_density(density)}
        for name, density in densities.items()
    ]
    if len(rows) > 1:
        rows.append({"family": "stacked", "weight": 1.0, **_of_density(together)})
    return pd.DataFrame(rows)


def _of_density(density: np.ndarray) -> dict[str, float]:
    beta = log_ratios()
    reached = np.cumsum(density) * _STEP - 0.5 * density * _STEP
    middle, low, high = np.exp(np.interp((0.5, 0.025, 0.975), reached, beta))
    limits = {"estimate": float(middle), "lower": float(low), "upper": float(high)}
    return {**limits, "p_above_one": float(1.0 - np.interp(0.0, beta, reached))}
