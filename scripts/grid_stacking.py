"""Several survival families stacked on the grid: as a report does it, without a sampler.

The density of an arm given all others is exact here: with weights ``w`` of the grid given all arms
and ``l`` the likelihood of the arm at its points, ``sum(w) / sum(w / l)``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from grid_posterior import (
    EQUAL,
    Arm,
    Posterior,
    convention_points,
    log_conditional,
    log_sum,
    pooled,
    weighted_quantiles,
)
from grid_tables import ArmTable, Lattice

from synthesis.loo import stacking_weights

_LEAST = 1e-280


def stacked(
    tables: Sequence[Sequence[ArmTable]], lattices: Sequence[Lattice]
) -> dict[str, tuple[float, float, float]]:
    """Posterior median and 95 % limits of ``mu``, ``s12`` and ``tau`` over the families.

    Parameters
    ----------
    tables : sequence of sequence of ArmTable
        For each family, those of the same arms.
    lattices : sequence of Lattice
        One a family.
    """
    posteriors = [pooled(own, lattice) for own, lattice in zip(tables, lattices, strict=True)]
    densities = np.column_stack(
        [
            left_out_densities(own, posterior)
            for own, posterior in zip(tables, posteriors, strict=True)
        ]
    )
    shares = stacking_weights(densities)
    found = {}
    for quantity in ("mu", "s12", "tau"):
        points = [posterior.points(quantity) for posterior in posteriors]
        values = np.concatenate([own for own, _ in points])
        weights = np.concatenate(
            [share * own / own.sum() for share, (_, own) in zip(shares, points, strict=True)]
        )
        found[quantity] = weighted_quantiles(values, weights)
    return found


def left_out_densities(tables: Sequence[ArmTable], posterior: Posterior) -> np.ndarray:
    """Log predictive density of every arm given all others: ``(arms,)``."""
    lattice, hyper = posterior.lattice, posterior.hyper
    arms = [Arm.on(table, lattice) for table in tables]
    untold = any(arm.conventions for arm in arms)
    conventions = convention_points() if untold else EQUAL
    level, shape = hyper.level_weights(lattice), hyper.shape_weights(lattice)
    whole = log_conditional(arms, hyper, lattice, conventions)
    own = [np.log(np.maximum(arm.marginal(level, shape, conventions[0]), _LEAST)) for arm in arms]
    total = log_sum(whole)
    return np.array(
        [
            total - log_sum(whole - values) + arm.log_peak
            for arm, values in zip(arms, own, strict=True)
        ]
    )
