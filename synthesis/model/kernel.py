r"""The likelihood of printed figures as one PyTensor operation with its gradient.

The equations are those of :mod:`synthesis.model.likelihoods`, which is the readable definition and
the oracle of this module's tests. Here they run as one compiled loop that returns the value and its
gradient together: a graph of elementary operations for the same sums takes minutes to compile.

The work is in three steps: every *node* (an arm at one time) is evaluated once, with its
derivatives in the parameters of the arm; the chains of printed points are summed forward and
weighed backward, which leaves the slope of the total in log S and log f of each node; the slopes
are added up by arm.

A chain is a Markov chain over the nodes of its points: the log sum of everything up to a node is
carried forward; on the way back the share of each node in the total is split over the nodes before
it, and the slope of the total is the weighted sum of the slopes of the pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import numba_funcify
from pytensor.tensor import TensorVariable

from synthesis.model.arrays import OF_COMPARISON
from synthesis.model.comparisons import WIDEST, WIDEST_SHAPE, WIDEST_TAIL
from synthesis.model.families import LN2, compiled, curve_at, prepare_tail

#: What is differentiated, in the order of the operation's inputs: location (log median), log
#: shape, tail, shift and share of the second kind of patients, each (A,); and the log weights of
#: the interval conventions, (C,).
PARAMETERS = ("location", "log_shape", "tail", "shift", "second_share", "log_convention")

#: Data of the operation, in the order of its inputs after the parameters: the family, the printed
#: points, the listed patients, the comparisons.
DATA = (
    *("family", "tail_terms"),
    *("point_arm", "point_start", "point_stop", "cell", "density", "beyond", "survivors", "size"),
    *("convention_free", "log_weight", "node_log_time", "node_log_weight"),
    *("patient_arm", "patient_log_time", "patient_event", "patient_weight"),
    *(f"comparison_{name}" for name in OF_COMPARISON),
)

_LOG_2PI = math.log(2.0 * math.pi)

_NARROWEST = -1e-12
_IMPOSSIBLE = -1e300
_NO_CHAIN = -1e5  # log weight below which an arm does not have a convention

# Rows of an evaluated node: value of log S, then its derivatives in location, log shape, tail,
# shift and share; the same of log f.
_S, _F, _ROWS = 0, 6, 12


@compiled
def _evaluate(row, log_t, code, parameters, prepared, a):
    """Fill the row of one node of arm ``a``."""
    location, log_shape, tail = parameters[0, a], parameters[1, a], parameters[2, a]
    shift, share = parameters[3, a], parameters[4, a]
    w_below, w_at, w_above = prepared[a, 0], prepared[a, 1], prepared[a, 2]
    k = math.exp(log_shape)
    z = k * (log_t - location)
    log_s, log_f, s_z, f_z, s_tail, f_tail = curve_at(code, z, tail, w_below, w_at, w_above)
    log_f += log_shape - log_t
    row[_S], row[_S + 1], row[_S + 2], row[_S + 3] = log_s, -k * s_z, z * s_z, s_tail
    row[_F], row[_F + 1], row[_F + 2], row[_F + 3] = log_f, -k * f_z, 1.0 + z * f_z, f_tail
    if share == 0.0:
        row[4], row[5], row[10], row[11] = 0.0, 0.0, 0.0, 0.0
        return
    z = k * (log_t - location - shift)
    other_s, other_f, s_z, f_z, s_tail, f_tail = curve_at(code, z, tail, w_below, w_at, w_above)
    other_f += log_shape - log_t
    second = (-k * s_z, z * s_z, s_tail), (-k * f_z, 1.0 + z * f_z, f_tail)
    for start, other, slopes in ((_S, other_s, second[0]), (_F, other_f, second[1])):
        peak = max(row[start], other)
        one, two = math.exp(row[start] - peak), math.exp(other - peak)
        total = (1.0 - share) * one + share * two
        part = share * two / total
        row[start] = peak + math.log(total)
        row[start + 4] = part * slopes[0]
        row[start + 5] = (two - one) / total
        for i in range(3):
            row[start + 1 + i] = (1.0 - part) * row[start + 1 + i] + part * slopes[i]


@compiled
def _add_row(row, by_s, by_f, arm, gradient):
    """Add the slopes in log S and log f of a node to the gradient of its arm."""
    for i in range(5):
        gradient[i, arm] += by_s * row[1 + i] + by_f * row[7 + i]


# --- Chains --------------------------------------------------------------------------------------


@compiled
def _log_at_least(c, n, log_p):
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


@compiled
def _beta_fraction(a, b, x):
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


@compiled
def _pair_table(log_s, point_arm, start, stop, log_time):
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
def _log_sum(values, count):
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


@compiled
def _forward(c, log_s, log_f, points, log_weight, log_node_weight, first, table, ahead, totals):
    """Fill ``ahead`` with the log sum up to each node, ``totals`` with that of each arm's chain."""
    point_arm, start, stop, cell, density, beyond, survivors, size = points
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


@compiled
def _shares_of_last_nodes(point_arm, start, stop, posterior, ahead, totals):
    """Share of each node of a chain's last point in the likelihood of its arm."""
    shares = np.zeros(ahead.size)
    for p in range(point_arm.size):
        a = point_arm[p]
        is_last = p + 1 == point_arm.size or point_arm[p + 1] != a
        if a >= 0 and is_last and posterior[a] > 0.0:
            for i in range(start[p], stop[p]):
                shares[i] = posterior[a] * math.exp(ahead[i] - totals[a])
    return shares


@compiled
def _backward(
    c, log_s, log_f, points, posterior, log_node_weight, first, table, ahead, totals, slopes
):
    """Add the slopes of one convention's chains in log S and log f.

    The share of a node in the sum of its chain is split over the nodes before it in proportion to
    what each of them added.
    """
    point_arm, start, stop, cell, density, beyond, survivors, size = points
    after = _shares_of_last_nodes(point_arm, start, stop, posterior[c], ahead[c], totals[c])
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


@compiled
def _weigh(log_weight, totals, posterior):
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


@compiled
def _sum_chains(log_s, log_f, points, log_weight, log_time, log_node_weight, slopes):
    """Log likelihood of all arms, and the posterior weight of each convention in each arm.

    ``log_s``, ``log_f``, ``log_time`` and ``log_node_weight`` are ``(M,)`` of the nodes,
    ``log_weight`` is ``(C, A)``; slopes in log S and log f are added to ``slopes``, ``(2, M)``.
    """
    first, table = _pair_table(log_s, points[0], points[1], points[2], log_time)
    ahead = np.full((log_weight.shape[0], log_s.size), _IMPOSSIBLE)
    totals = np.full(log_weight.shape, _IMPOSSIBLE)
    posterior = np.zeros(log_weight.shape)
    for c in range(log_weight.shape[0]):
        _forward(c, log_s, log_f, points, log_weight, log_node_weight, first, table, ahead, totals)
    value = _weigh(log_weight, totals, posterior)
    for c in range(log_weight.shape[0]):
        _backward(
            c, log_s, log_f, points, posterior, log_node_weight, first, table, ahead, totals, slopes
        )
    return value, posterior


# --- Everything that is printed ------------------------------------------------------------------


@compiled
def _printed(parameters, log_convention, code, prepared, data, gradient, by_convention):
    """Add the printed points: value returned, gradients added to."""
    points = data[:8]
    point_arm, start, stop = points[0], points[1], points[2]
    free, log_weight, log_time, log_node_weight = data[8:]
    rows = np.zeros((log_time.size, _ROWS))
    for p in range(point_arm.size):
        if point_arm[p] >= 0:
            for i in range(start[p], stop[p]):
                _evaluate(rows[i], log_time[i], code, parameters, prepared, point_arm[p])
    weights = log_weight + np.outer(log_convention, free)
    slopes = np.zeros((2, log_time.size))
    value, posterior = _sum_chains(
        rows[:, _S], rows[:, _F], points, weights, log_time, log_node_weight, slopes
    )
    for p in range(point_arm.size):
        a = point_arm[p]
        if a >= 0:
            for i in range(start[p], stop[p]):
                _add_row(rows[i], slopes[0, i], slopes[1, i], a, gradient)
    for c in range(weights.shape[0]):
        for a in range(weights.shape[1]):
            by_convention[c] += free[a] * posterior[c, a]
    return value


@compiled
def _patients(parameters, code, prepared, data, gradient):
    """Add individually listed patients."""
    arm, log_time, event, weight = data
    value, row = 0.0, np.zeros(_ROWS)
    for i in range(arm.size):
        if weight[i] == 0.0:
            continue
        a = arm[i]
        _evaluate(row, log_time[i], code, parameters, prepared, a)
        value += weight[i] * (event[i] * row[_F] + (1.0 - event[i]) * row[_S])
        _add_row(row, weight[i] * (1.0 - event[i]), weight[i] * event[i], a, gradient)
    return value


@compiled
def _chebyshev(x, value, slope):
    """Fill the values and slopes of the polynomials of Chebyshev at ``x`` in [-1, 1]."""
    value[0], slope[0] = 1.0, 0.0
    if value.size > 1:
        value[1], slope[1] = x, 1.0
    for n in range(2, value.size):
        value[n] = 2.0 * x * value[n - 1] - value[n - 2]
        slope[n] = 2.0 * value[n - 1] + 2.0 * x * slope[n - 1] - slope[n - 2]


@compiled
def _sum_series(series, basis, slopes, tail_terms, totals):
    """Fill a series, and its slopes in contrast, contrast of shapes, and tail."""
    totals[:] = 0.0
    for i in range(series.shape[0]):
        value = by_shape = by_tail = 0.0
        for j in range(series.shape[1]):
            own = own_slope = 0.0
            for k in range(tail_terms):
                own += series[i, j, k] * basis[2, k]
                own_slope += series[i, j, k] * slopes[2, k]
            value += own * basis[1, j]
            by_shape += own * slopes[1, j]
            by_tail += own_slope * basis[1, j]
        totals[0] += value * basis[0, i]
        totals[1] += value * slopes[0, i]
        totals[2] += by_shape * basis[0, i]
        totals[3] += by_tail * basis[0, i]


@compiled
def _mean(series, tail_terms, parameters, arms, slopes, basis, basis_slopes):
    """Mean of an estimate; fills its slopes in location, log shape and tail, ``(2, 3)``."""
    a, b = arms
    shape = math.exp(0.5 * (parameters[1, a] + parameters[1, b]))
    delta = shape * (parameters[0, a] - parameters[0, b])
    apart = parameters[1, a] - parameters[1, b]
    tail = 0.5 * (parameters[2, a] + parameters[2, b])
    inside = min(max(delta, -WIDEST), WIDEST)
    y, w = apart / WIDEST_SHAPE, tail / WIDEST_TAIL
    at = (inside / WIDEST, min(max(y, -1.0), 1.0), min(max(w, -1.0), 1.0))
    for axis in range(3):
        _chebyshev(at[axis], basis[axis], basis_slopes[axis])
    totals = np.empty(4)
    _sum_series(series, basis, basis_slopes, tail_terms, totals)
    by_delta = totals[1] / WIDEST
    by_apart = totals[2] / WIDEST_SHAPE if abs(y) < 1.0 else 0.0
    by_tail = 0.5 * totals[3] / WIDEST_TAIL if abs(w) < 1.0 else 0.0
    for j in range(2):
        sign = 1.0 if j == 0 else -1.0
        slopes[j, 0] = sign * by_delta * shape
        slopes[j, 1] = 0.5 * by_delta * delta + sign * by_apart
        slopes[j, 2] = by_tail
    return totals[0] + by_delta * (delta - inside)


@compiled
def _log_normal_mass(low, high):
    """Log of the mass of a standard normal between two ends, and its slope if both move up."""
    if low > 0.0:
        value, slope = _log_normal_mass_below(-high, -low)
        return value, -slope
    return _log_normal_mass_below(low, high)


@compiled
def _log_normal_mass_below(low, high):
    if high < -30.0:  # the ratio of Mills
        x = 1.0 / high**2
        value = -0.5 * high**2 - 0.5 * _LOG_2PI - math.log(-high) + math.log1p(-x + 3.0 * x**2)
        return value, -high
    mass = 0.5 * (math.erfc(-high / math.sqrt(2.0)) - math.erfc(-low / math.sqrt(2.0)))
    mass = max(mass, 1e-300)
    slope = math.exp(-0.5 * high**2 - 0.5 * _LOG_2PI) - math.exp(-0.5 * low**2 - 0.5 * _LOG_2PI)
    return math.log(mass), slope / mass


@compiled
def _log_probability(low, high, mean, variance):
    """Log density of a number, or log probability of a range, and its slope in the mean."""
    sd = math.sqrt(variance)
    if low == high:
        z = (low - mean) / sd
        return -0.5 * z**2 - math.log(sd) - 0.5 * _LOG_2PI, z / sd
    value, slope = _log_normal_mass((low - mean) / sd, (high - mean) / sd)
    return value, -slope / sd


@compiled
def _log_of_print(low, high, mean, variance, either_sign):
    """The same where the sign may be unknown: then both are added."""
    log_p, by_mean = _log_probability(low, high, mean, variance)
    if not either_sign:
        return log_p, by_mean
    other, by_other = _log_probability(low, high, -mean, variance)
    top = max(log_p, other)
    one, two = math.exp(log_p - top), math.exp(other - top)
    return top + math.log(one + two), (one * by_mean - two * by_other) / (one + two)


@compiled
def _away(arms, medians, code, parameters, prepared, slopes):
    """By how much printed medians move the mean; adds its slopes in both places, ``(2, 3)``."""
    total = 0.0
    for j in range(2):
        a, sign = arms[j], -1.0 if j == 0 else 1.0
        curve = curve_at(
            code, 0.0, parameters[2, a], prepared[a, 0], prepared[a, 1], prepared[a, 2]
        )
        slope = 2.0 * LN2 * math.exp(curve[1] + parameters[1, a])
        away = sign * slope * (medians[j] - parameters[0, a])
        slopes[j, 0] -= sign * slope
        slopes[j, 1] += away
        slopes[j, 2] += away * curve[5]
        total += away
    return total


@compiled
def _comparisons(parameters, tail_terms, code, prepared, data, gradient):
    """Add printed comparisons, given what was used of both groups."""
    first, second, low, high, variance, either, given, first_median, second_median = data[:9]
    series, weight = data[9:]
    value, slopes = 0.0, np.zeros((2, 3))
    basis, basis_slopes = np.zeros((3, series.shape[1])), np.zeros((3, series.shape[1]))
    for i in range(first.size):
        if weight[i] == 0.0:
            continue
        arms, medians = (first[i], second[i]), (first_median[i], second_median[i])
        mean = _mean(series[i], tail_terms, parameters, arms, slopes, basis, basis_slopes)
        if given[i] > 0.0:
            mean += _away(arms, medians, code, parameters, prepared, slopes)
        log_p, by_mean = _log_of_print(low[i], high[i], mean, variance[i], either[i] > 0.0)
        value += weight[i] * log_p
        for j in range(2):
            for parameter in range(3):
                gradient[parameter, arms[j]] += weight[i] * by_mean * slopes[j, parameter]
    return value


@compiled
def value_and_gradient(*inputs):
    """Log likelihood of all printed figures, and its gradient in each of :data:`PARAMETERS`.

    ``inputs`` are the :data:`PARAMETERS`, then the :data:`DATA`.
    """
    location, log_shape, tail, shift, second_share, log_convention = inputs[:6]
    family, tail_terms = inputs[6:8]
    code = family.item()
    parameters = np.empty((5, location.size))
    parameters[0], parameters[1], parameters[2] = location, log_shape, tail
    parameters[3], parameters[4] = shift, second_share
    prepared = np.zeros((location.size, 3))
    for a in range(location.size):
        if a > 0 and tail[a] == tail[a - 1]:
            prepared[a] = prepared[a - 1]
        else:
            prepared[a, 0], prepared[a, 1], prepared[a, 2] = prepare_tail(code, tail[a])
    gradient, by_convention = np.zeros((5, location.size)), np.zeros(log_convention.size)
    value = _printed(
        parameters, log_convention, code, prepared, inputs[8:20], gradient, by_convention
    )
    value += _patients(parameters, code, prepared, inputs[20:24], gradient)
    value += _comparisons(parameters, tail_terms.item(), code, prepared, inputs[24:], gradient)
    slopes = gradient[0].copy(), gradient[1].copy(), gradient[2].copy(), gradient[3].copy()
    return np.asarray(value), *slopes, gradient[4].copy(), by_convention


class Compiled(Op):
    """A compiled function of tensors, and of nothing else."""

    __props__ = ()
    function: Callable[..., tuple[np.ndarray, ...]]

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Any]]) -> None:
        """Evaluate outside of compiled graphs."""
        results = self.function(*(np.asarray(i) for i in inputs))
        for storage, result in zip(outputs, results, strict=True):
            storage[0] = np.asarray(result)


@numba_funcify.register(Compiled)
def _compiled_function(op: Compiled, **_: Any) -> Callable[..., tuple[np.ndarray, ...]]:
    return op.function


class PrintedFigures(Compiled):
    """Log likelihood of printed figures; outputs the value and its gradient in each parameter."""

    function = staticmethod(value_and_gradient)

    def make_node(self, *inputs: Any) -> Apply:
        """Take the parameters named by :data:`PARAMETERS` and the data named by :data:`DATA`."""
        inputs = [pt.as_tensor_variable(i) for i in inputs]
        expected = len(PARAMETERS) + len(DATA)
        if len(inputs) != expected:
            raise ValueError(f"expected {expected} inputs, found {len(inputs)}")
        slopes = [i.type() for i in inputs[: len(PARAMETERS)]]
        return Apply(self, inputs, [pt.dscalar(), *slopes])

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Gradient: the operation has computed it already."""
        slopes = [cotangents[0] * slope for slope in outputs[1:]]
        return [*slopes, *(disconnected_type() for _ in DATA)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the parameters are differentiated, only the value is."""
        rest = [False] * len(PARAMETERS)
        return [[i < len(PARAMETERS), *rest] for i in range(len(node.inputs))]


def log_likelihood(
    parameters: dict[str, TensorVariable], data: dict[str, TensorVariable]
) -> TensorVariable:
    """Scalar log likelihood of all printed figures, from tensors under their names."""
    inputs = [parameters[name] for name in PARAMETERS] + [data[name] for name in DATA]
    return PrintedFigures()(*inputs)[0]
