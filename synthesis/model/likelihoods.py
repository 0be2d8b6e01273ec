r"""Log likelihoods of what papers print, given location (log median), shape, tail and family.

The readable definition: :mod:`synthesis.model.kernel` computes the same inside the sampler, and is
tested against it. Location, log shape and tail are arrays of any shapes that broadcast; results
have their common shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from synthesis.model.families import Family, log_density, log_survival
from synthesis.model.printed import Chain

# A cell of zero width may only carry a zero exponent; the floor keeps 0 * log(0) from being NaN.
_NARROWEST = -1e-12

_IMPOSSIBLE = -1e300


def log_difference(log_a: np.ndarray, log_b: np.ndarray) -> np.ndarray:
    """``log(exp(log_a) - exp(log_b))`` for ``log_a >= log_b``, finite where they are equal."""
    return log_a + np.log(-np.expm1(np.minimum(log_b - log_a, _NARROWEST)))


def chain_log_likelihood(
    chain: Chain,
    location: Any,
    log_shape: Any,
    family: Family,
    tail: Any = 0.0,
    *,
    shift: Any = 0.0,
    share: Any = 0.0,
) -> np.ndarray:
    r"""Log likelihood of the printed points of one arm, under one reading of its interval.

    With one node a point

    .. math::
       \sum_p e_p \log(S_{p-1} - S_p) + d_p \log f_p + s_p \log S_p
       + \log P\{\mathrm{Bin}(N, S_P/S_{P-1}) \ge c\} + \text{constant},

    the last term only where the chain ends with a median that was not reached. Where a point has
    several nodes (rounding), the sum over nodes is carried along the chain: the value of a node is
    its own term plus the log of the weighted sum of the nodes before it.

    Location (log median, log months), log shape, tail, shift and share are arrays that broadcast.
    The last two are for an arm of two kinds of patients, with the curve
    :math:`(1 - x) S(t; m) + x S(t; m e^{s})`: the shift ``s`` of the log median and the share ``x``
    of the second kind, 0 to 1.
    """
    location, log_shape, tail, shift, share = np.broadcast_arrays(
        *(np.asarray(a, dtype=float) for a in (location, log_shape, tail, shift, share))
    )
    before: list[np.ndarray] = [np.zeros(location.shape)]  # log S at the nodes of the point before
    sums: list[np.ndarray] = [np.zeros(location.shape)]
    months: Sequence[float] = [0.0]
    last = chain.time.size - 1
    for p in range(chain.time.size):
        here, terms = [], []
        for t, node_weight in zip(chain.nodes[p], chain.node_weights[p], strict=True):
            log_s, log_f = _curve(np.log(t), location, log_shape, family, tail, shift, share)
            own = np.log(node_weight) + chain.beyond[p] * log_s + chain.density[p] * log_f
            steps = []
            for at, log_s_before, total in zip(months, before, sums, strict=True):
                if at >= t:
                    continue
                step = total
                if chain.cell[p]:
                    step = step + chain.cell[p] * log_difference(log_s_before, log_s)
                if p == last and chain.size:
                    step = step + log_at_least(chain.survivors, chain.size, log_s - log_s_before)
                steps.append(step)
            here.append(log_s)
            terms.append(
                own + np.logaddexp.reduce(steps, axis=0)
                if steps
                else np.full(location.shape, _IMPOSSIBLE)
            )
        before, sums, months = here, terms, chain.nodes[p]
    return chain.log_constant + np.logaddexp.reduce(sums, axis=0)


def _curve(
    log_t: float, location: Any, log_shape: Any, family: Family, tail: Any, shift: Any, share: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Log survival and log density of an arm at one time."""
    curves = []
    for at in (location, location + shift) if share.any() else (location,):
        z = np.exp(log_shape) * (log_t - at)
        log_f = log_density(z, log_shape, log_t, family, tail)
        curves.append((log_survival(z, family, tail), log_f))
    if len(curves) == 1:
        return curves[0]
    with np.errstate(divide="ignore"):
        weights = np.log1p(-share), np.log(share)
    return tuple(
        np.logaddexp(weights[0] + one, weights[1] + two) for one, two in zip(*curves, strict=True)
    )


def log_at_least(count: float, size: float, log_p: np.ndarray) -> np.ndarray:
    """Log probability of ``count`` or more out of ``size``, each with probability ``exp(log_p)``.

    By the incomplete beta function, so that effective numbers need not be whole.
    """
    p = np.exp(np.minimum(log_p, _NARROWEST))
    return np.log(np.maximum(special.betainc(count, size - count + 1.0, p), 1e-300))


def arm_log_likelihood(
    chains: Sequence[Chain],
    log_weights: Sequence[Any],
    location: Any,
    log_shape: Any,
    family: Family,
    tail: Any = 0.0,
    *,
    shift: Any = 0.0,
    share: Any = 0.0,
) -> np.ndarray:
    """Log likelihood of an arm, averaged over the readings of its interval.

    The log probability of each reading is a number, or an array that broadcasts with the
    parameters, which are those of :func:`chain_log_likelihood`.
    """
    each = [
        weight
        + chain_log_likelihood(chain, location, log_shape, family, tail, shift=shift, share=share)
        for chain, weight in zip(chains, log_weights, strict=True)
    ]
    return np.logaddexp.reduce(np.broadcast_arrays(*each), axis=0)


def listed_patients(
    location: np.ndarray,
    log_shape: np.ndarray,
    family: Family,
    *,
    log_time: np.ndarray,
    event: np.ndarray,
    tail: Any = 0.0,
) -> np.ndarray:
    """Log likelihood of individually listed patients: ``log f`` for a death, ``log S`` else.

    All arrays broadcast; ``event`` is 1 for an event, 0 for a censored time.
    """
    z = np.exp(log_shape) * (log_time - location)
    log_f = log_density(z, log_shape, log_time, family, tail)
    return event * log_f + (1.0 - event) * log_survival(z, family, tail)
