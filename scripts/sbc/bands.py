r"""Simultaneous bands of rank ECDFs.

In each of ``N`` replicates the true value has a rank among ``L`` posterior draws; under a right
model and sampler the ranks are uniform on ``0, ..., L``. At each :math:`z_k = (k + 1)/(L + 1)` the
number of ranks :math:`\le k` is binomial, :math:`R_k \sim \mathrm{Bin}(N, z_k)`. The statistic of
Säilynoja, Bürkner & Vehtari (2022, doi 10.1007/s11222-022-10090-6) is the smallest pointwise tail
probability

.. math::
   \gamma = 2 \min_k \min\{P(\mathrm{Bin} \le R_k),\ P(\mathrm{Bin} \ge R_k)\},

and the band that holds a whole ECDF with probability 0.95 is made of the binomial quantiles at the
value of :math:`\gamma` that uniform ranks fall below with probability 0.05, found by simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import binom

LEVEL = 0.95
_SIMULATED = 20000
_SEED = 99


def smallest_tail(ranks: np.ndarray, draws: int) -> np.ndarray:
    """The statistic of sets of ranks, each 0 to ``draws``: ``(..., replicates)`` to ``(...)``."""
    ranks = np.asarray(ranks)
    n = ranks.shape[-1]
    below = np.stack([(ranks <= k).sum(axis=-1) for k in range(draws)], axis=-1)
    z = np.arange(1, draws + 1) / (draws + 1)
    counts = np.arange(n + 1)[:, None]
    tails = np.minimum(binom.cdf(counts, n, z), binom.sf(counts - 1, n, z))
    return 2.0 * tails[below, np.arange(draws)].min(axis=-1)


@dataclass(frozen=True)
class Band:
    """What uniform ranks do.

    Their statistic falls below the threshold with probability 0.05. The band of the ECDF at ``z``
    is ``(draws,)``; the simulated statistics stand in order.
    """

    threshold: float
    z: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    simulated: np.ndarray

    def p_value(self, statistic: float) -> float:
        """Probability that uniform ranks have so small a statistic."""
        below = int(np.searchsorted(self.simulated, statistic, side="right"))
        return (below + 1) / (self.simulated.size + 1)


@lru_cache(maxsize=8)
def band(replicates: int, draws: int) -> Band:
    """Simulate uniform ranks and find the band that holds 95 % of their ECDFs."""
    rng = np.random.default_rng(_SEED)
    parts = [
        smallest_tail(rng.integers(0, draws + 1, size=(1000, replicates)), draws)
        for _ in range(_SIMULATED // 1000)
    ]
    simulated = np.sort(np.concatenate(parts))
    threshold = float(np.quantile(simulated, 1.0 - LEVEL))
    z = np.arange(1, draws + 1) / (draws + 1)
    lower = binom.ppf(threshold / 2.0, replicates, z) / replicates
    upper = binom.isf(threshold / 2.0, replicates, z) / replicates
    return Band(threshold, z, lower, upper, simulated)


def most_outside(quantities: int) -> int:
    """How many of so many quantities may leave their own 95 % band: more do once in a hundred.

    As if they were independent; those of one model are not quite, which makes the bound a little
    too strict or too lax, but a single one beyond the band of Bonferroni tells as well.
    """
    return int(binom.ppf(0.99, quantities, 1.0 - LEVEL))


def least_p(quantities: int) -> float:
    """Smallest p value that all quantities together are allowed (Bonferroni at 0.05)."""
    return (1.0 - LEVEL) / quantities
