r"""Chains of printed points, summed forward over their nodes and weighed backward.

The equations are those of :func:`synthesis.likelihoods.chain_log_likelihood`. A chain is a Markov
chain over the nodes of its points: the log sum of everything up to a node is carried forward; on
the way back the share of each node in the total is split over the nodes before it, and the slope of
the total is the weighted sum of the slopes of the pairs.
"""

from __future__ import annotations

import math

import numba
import numpy as np

_NARROWEST = -1e-12
_IMPOSSIBLE = -1e300
_NO_CHAIN = -1e5  # log weight below which an arm does not have a convention


@numba.njit(error_model="numpy")
def _log_at_least(c, n, log_p):  # pragma: no cover - compiled
    """Log P(Bin(n, p) >= c) for real c and n, and its slope in log p.

    The regularised incomplete beta function I_p(c, n - c + 1) by Lentz's continued fraction.
    """
    log_p = min(log_p, _NARROWEST)
    p = math.exp(log_p)
    a, b = c, n - c + 1.0
    log_q = math.log(-math.expm1(log_p))
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = a * log_p + b * log_q - log_beta
    if p < (a + 1.0) / (a + b + 2.0):
        value = front + math.log(_beta_fraction(a, b, p) / a)
    else:
        other = front + math.log(_beta_fraction(b, a, 1.0 - p) / b)
        value = math.log(-math.expm1(min(other, _NARROWEST)))
    value = max(value, -690.0)
    return value, math.exp(front - log_q - value)


@numba.njit(error_model="numpy")
def _beta_fraction(a, b, x):  # pragma: no cover - compiled
    tiny = 1e-300
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    h = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 + even * d
        c = 1.0 + even / c
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = c if abs(c) > tiny else tiny
        h *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 + odd * d
        c = 1.0 + odd / c
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = c if abs(c) > tiny else tiny
        step = d * c
        h *= step
        if abs(step - 1.0) < 1e-15:
            break
    return h


@numba.njit(error_model="numpy")
def _pair_table(  # pragma: no cover - compiled
    log_s, point_arm, start, stop, log_time
):
    """Log of the cell between each node and each node of the point before it, and its odds.

    The odds are those in ``d log(S_before - S) = (1 + odds) d log S_before - odds d log S``. They
    serve every convention. The pairs of a point begin at ``first[p]``.
    """
    points = point_arm.size
    first = np.zeros(points + 1, dtype=np.int64)
    for p in range(points):
        count = stop[p] - start[p]
        if p > 0 and point_arm[p] == point_arm[p - 1]:
            count *= stop[p - 1] - start[p - 1]
        first[p + 1] = first[p] + (count if point_arm[p] >= 0 else 0)
    table = np.empty((3, first[points]))
    for p in range(points):
        if point_arm[p] < 0:
            continue
        q = first[p]
        follows = p > 0 and point_arm[p] == point_arm[p - 1]
        j0, j1 = (start[p - 1], stop[p - 1]) if follows else (0, 1)
        for i in range(start[p], stop[p]):
            for j in range(j0, j1):
                before = log_s[j] if follows else 0.0
                drop = min(log_s[i] - before, _NARROWEST)
                fall = -math.expm1(drop)
                table[0, q] = before + math.log(fall)
                table[1, q] = 1.0 / fall - 1.0
                table[2, q] = drop
                if follows and log_time[j] >= log_time[i]:
                    table[0, q] = _IMPOSSIBLE
                q += 1
    return first, table


@numba.njit(inline="always", error_model="numpy")
def _log_sum(values, count):  # pragma: no cover - compiled
    if count == 1:
        return values[0]
    peak = values[0]
    for i in range(1, count):
        peak = max(peak, values[i])
    if peak <= _IMPOSSIBLE:
        return _IMPOSSIBLE
    total = 0.0
    for i in range(count):
        total += math.exp(values[i] - peak)
    return peak + math.log(total)


@numba.njit(error_model="numpy")
def _forward(  # pragma: no cover - compiled
    c, log_s, log_f, point_arm, start, stop, cell, density, beyond, survivors, size, log_weight,
    log_node_weight, first, table, ahead, totals,
):  # fmt: skip
    """Fill ``ahead`` with the log sum up to each node, ``totals`` with that of each arm's chain."""
    scratch = np.empty(log_s.size + 1)
    for p in range(point_arm.size):
        a = point_arm[p]
        if a < 0 or log_weight[c, a] <= _NO_CHAIN:
            continue
        follows = p > 0 and point_arm[p - 1] == a
        j0, j1 = (start[p - 1], stop[p - 1]) if follows else (0, 1)
        q, e, of = first[p], cell[c, p], size[c, p]
        for i in range(start[p], stop[p]):
            own = log_node_weight[i] + beyond[c, p] * log_s[i] + density[p] * log_f[i]
            count = 0
            for j in range(j0, j1):
                total = ahead[c, j] if follows else 0.0
                if table[0, q] > _IMPOSSIBLE and total > _IMPOSSIBLE:
                    total += e * table[0, q]
                    if of > 0.0:
                        total += _log_at_least(survivors[c, p], of, table[2, q])[0]
                    scratch[count] = total
                    count += 1
                q += 1
            ahead[c, i] = own + _log_sum(scratch, count) if count else _IMPOSSIBLE
        if p + 1 == point_arm.size or point_arm[p + 1] != a:
            count = 0
            for i in range(start[p], stop[p]):
                scratch[count] = ahead[c, i]
                count += 1
            totals[c, a] = _log_sum(scratch, count)


@numba.njit(error_model="numpy")
def _shares_of_last_nodes(  # pragma: no cover - compiled
    c, point_arm, start, stop, posterior, ahead, totals
):
    """Share of each node of a chain's last point in the likelihood of its arm."""
    shares = np.zeros(ahead.shape[1])
    for p in range(point_arm.size):
        a = point_arm[p]
        is_last = p + 1 == point_arm.size or point_arm[p + 1] != a
        if a >= 0 and is_last and posterior[c, a] > 0.0:
            for i in range(start[p], stop[p]):
                shares[i] = posterior[c, a] * math.exp(ahead[c, i] - totals[c, a])
    return shares


@numba.njit(error_model="numpy")
def _backward(  # pragma: no cover - compiled
    c, log_s, log_f, point_arm, start, stop, cell, density, beyond, survivors, size, posterior,
    log_node_weight, first, table, ahead, totals, slopes,
):  # fmt: skip
    """Add the slopes of one convention's chains in log S and log f.

    The share of a node in the sum of its chain is split over the nodes before it in proportion to
    what each of them added.
    """
    after = _shares_of_last_nodes(c, point_arm, start, stop, posterior, ahead, totals)
    for p in range(point_arm.size - 1, -1, -1):
        a = point_arm[p]
        if a < 0 or posterior[c, a] == 0.0:
            continue
        follows = p > 0 and point_arm[p - 1] == a
        j0, j1 = (start[p - 1], stop[p - 1]) if follows else (0, 1)
        q, e, of = first[p], cell[c, p], size[c, p]
        for i in range(start[p], stop[p]):
            part = after[i]
            slopes[0, i] += part * beyond[c, p]
            slopes[1, i] += part * density[p]
            own = log_node_weight[i] + beyond[c, p] * log_s[i] + density[p] * log_f[i]
            for j in range(j0, j1):
                share, tail, slope = part, 0.0, 0.0
                if of > 0.0:
                    tail, slope = _log_at_least(survivors[c, p], of, table[2, q])
                if j1 - j0 > 1:
                    share = 0.0
                    if part > 0.0 and table[0, q] > _IMPOSSIBLE and ahead[c, j] > _IMPOSSIBLE:
                        step = ahead[c, j] + e * table[0, q] + tail + own - ahead[c, i]
                        share = part * math.exp(step)
                slopes[0, i] += share * (slope - e * table[1, q])
                if follows:
                    slopes[0, j] += share * (e * (1.0 + table[1, q]) - slope)
                    after[j] += share
                q += 1


@numba.njit(error_model="numpy")
def _weigh(log_weight, totals, posterior):  # pragma: no cover - compiled
    """Fill the posterior weight of each convention in each arm; return the log sum of all arms."""
    value = 0.0
    for a in range(totals.shape[1]):
        peak = _IMPOSSIBLE
        for c in range(totals.shape[0]):
            if totals[c, a] > _IMPOSSIBLE:
                peak = max(peak, totals[c, a] + log_weight[c, a])
        if peak <= _IMPOSSIBLE:
            continue  # no printed points, or none that any convention allows
        total = 0.0
        for c in range(totals.shape[0]):
            if totals[c, a] > _IMPOSSIBLE:
                posterior[c, a] = math.exp(totals[c, a] + log_weight[c, a] - peak)
                total += posterior[c, a]
        value += peak + math.log(total)
        for c in range(totals.shape[0]):
            posterior[c, a] /= total
    return value


@numba.njit(error_model="numpy")
def sum_chains(  # pragma: no cover - compiled
    log_s, log_f, point_arm, start, stop, cell, density, beyond, survivors, size, log_weight,
    log_time, log_node_weight, slopes,
):  # fmt: skip
    """Log likelihood of all arms, and the posterior weight of each convention in each arm.

    Parameters
    ----------
    log_s, log_f : (M,) of the nodes
    point_arm, start, stop : (N,) arm of a point (-1: padding) and the range of its nodes
    cell, beyond, survivors, size : (C, N); density : (N,)
    log_weight : (C, A)
    log_time, log_node_weight : (M,)
    slopes : (2, M), added to: slopes of the value in log S and log f

    Returns
    -------
    (float, ndarray (C, A))
    """
    first, table = _pair_table(log_s, point_arm, start, stop, log_time)
    ahead = np.full((log_weight.shape[0], log_s.size), _IMPOSSIBLE)
    totals = np.full(log_weight.shape, _IMPOSSIBLE)
    posterior = np.zeros(log_weight.shape)
    for c in range(log_weight.shape[0]):
        _forward(
            c, log_s, log_f, point_arm, start, stop, cell, density, beyond, survivors, size,
            log_weight, log_node_weight, first, table, ahead, totals,
        )  # fmt: skip
    value = _weigh(log_weight, totals, posterior)
    for c in range(log_weight.shape[0]):
        _backward(
            c, log_s, log_f, point_arm, start, stop, cell, density, beyond, survivors, size,
            posterior, log_node_weight, first, table, ahead, totals, slopes,
        )  # fmt: skip
    return value, posterior
