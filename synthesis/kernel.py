r"""The likelihood of printed figures as one PyTensor operation with its gradient.

The equations are those of :mod:`synthesis.likelihoods`, which is the readable definition and the
oracle of this module's tests. Here they run as one compiled loop that returns the value and its
gradient together: a graph of elementary operations for the same sums takes minutes to compile.

The work is in three steps: every *node* (an arm at one time) is evaluated once, with its
derivatives in the parameters of the arm; the chains of printed points are summed forward and
weighed backward, which leaves the slope of the total in log S and log f of each node; the slopes
are added up by arm.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic as numba_basic
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key
from pytensor.tensor import TensorVariable

from synthesis import logrank
from synthesis.kernel_chains import sum_chains
from synthesis.kernel_curves import curve_at, prepare_tail

#: What is differentiated, in the order of the operation's inputs: location (log median), log
#: shape, tail, shift and share of the second kind of patients, each (A,); and the log weights of
#: the interval conventions, (C,).
PARAMETERS = ("location", "log_shape", "tail", "shift", "second_share", "log_convention")

#: Data of the operation, in the order of its inputs after the parameters.
DATA = (
    "family",
    "slope_series",
    "weight_series",
    "median_weight",
    "point_arm",
    "point_start",
    "point_stop",
    "cell",
    "density",
    "beyond",
    "survivors",
    "size",
    "convention_free",
    "log_weight",
    "node_log_time",
    "node_log_weight",
    "patient_arm",
    "patient_log_time",
    "patient_event",
    "patient_weight",
    "comparison_first",
    "comparison_second",
    "comparison_estimate",
    "comparison_variance",
    "comparison_medians",
    "comparison_given",
    "comparison_either_sign",
    "comparison_mean",
    "comparison_weight",
)

# Raise when the kernel changes: compiled code is kept on disk under this number.
_VERSION = 4

_RHO = math.log(2.0) ** 2
_WIDEST = logrank.WIDEST
_WIDEST_TAIL = logrank.WIDEST_TAIL

# Rows of an evaluated node: value of log S, then its derivatives in location, log shape, tail,
# shift and share; the same of log f.
_S, _F, _ROWS = 0, 6, 12


@numba.njit(error_model="numpy")
def _evaluate(  # pragma: no cover - compiled
    row, log_t, location, log_shape, tail, shift, share, code, w_below, w_at, w_above
):
    """Fill the row of one node."""
    k = math.exp(log_shape)
    z = k * (log_t - location)
    log_s, log_f, s_z, f_z, s_tail, f_tail = curve_at(z, tail, code, w_below, w_at, w_above)
    log_f += log_shape - log_t
    row[_S], row[_S + 1], row[_S + 2], row[_S + 3] = log_s, -k * s_z, z * s_z, s_tail
    row[_F], row[_F + 1], row[_F + 2], row[_F + 3] = log_f, -k * f_z, 1.0 + z * f_z, f_tail
    if share == 0.0:
        row[4], row[5], row[10], row[11] = 0.0, 0.0, 0.0, 0.0
        return
    z = k * (log_t - location - shift)
    other_s, other_f, s_z, f_z, s_tail, f_tail = curve_at(z, tail, code, w_below, w_at, w_above)
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


@numba.njit(error_model="numpy")
def _evaluate_nodes(  # pragma: no cover - compiled
    rows, parameters, code, prepared, point_arm, start, stop, log_time
):
    for p in range(point_arm.size):
        a = point_arm[p]
        if a < 0:
            continue
        for i in range(start[p], stop[p]):
            _evaluate(
                rows[i], log_time[i], parameters[0, a], parameters[1, a], parameters[2, a],
                parameters[3, a], parameters[4, a], code, prepared[a, 0], prepared[a, 1],
                prepared[a, 2],
            )  # fmt: skip


@numba.njit(error_model="numpy")
def _add_row(row, by_s, by_f, arm, gradient):  # pragma: no cover - compiled
    """Add the slopes in log S and log f of a node to the gradient of its arm."""
    for i in range(5):
        gradient[i, arm] += by_s * row[1 + i] + by_f * row[7 + i]


@numba.njit(error_model="numpy")
def _printed(  # pragma: no cover - compiled
    parameters, log_convention, code, prepared, data, gradient, by_convention
):
    """Add the printed points: value returned, gradients added to."""
    (
        point_arm, start, stop, cell, density, beyond, survivors, size, free, log_weight,
        node_log_time, node_log_weight,
    ) = data  # fmt: skip
    rows = np.zeros((node_log_time.size, _ROWS))
    _evaluate_nodes(rows, parameters, code, prepared, point_arm, start, stop, node_log_time)
    weights = log_weight.copy()
    for c in range(weights.shape[0]):
        for a in range(weights.shape[1]):
            weights[c, a] += free[a] * log_convention[c]
    slopes = np.zeros((2, node_log_time.size))
    value, posterior = sum_chains(
        rows[:, _S], rows[:, _F], point_arm, start, stop, cell, density, beyond, survivors, size,
        weights, node_log_time, node_log_weight, slopes,
    )  # fmt: skip
    for p in range(point_arm.size):
        a = point_arm[p]
        if a >= 0:
            for i in range(start[p], stop[p]):
                _add_row(rows[i], slopes[0, i], slopes[1, i], a, gradient)
    for c in range(weights.shape[0]):
        for a in range(weights.shape[1]):
            by_convention[c] += free[a] * posterior[c, a]
    return value


@numba.njit(error_model="numpy")
def _patients(parameters, code, prepared, data, gradient):  # pragma: no cover - compiled
    """Add individually listed patients."""
    arm, log_time, event, weight = data
    value, row = 0.0, np.zeros(_ROWS)
    for i in range(arm.size):
        if weight[i] == 0.0:
            continue
        a = arm[i]
        _evaluate(
            row, log_time[i], parameters[0, a], parameters[1, a], parameters[2, a],
            parameters[3, a], parameters[4, a], code, prepared[a, 0], prepared[a, 1],
            prepared[a, 2],
        )  # fmt: skip
        value += weight[i] * (event[i] * row[_F] + (1.0 - event[i]) * row[_S])
        _add_row(row, weight[i] * (1.0 - event[i]), weight[i] * event[i], a, gradient)
    return value


@numba.njit(error_model="numpy")
def _chebyshev(series, x):  # pragma: no cover - compiled
    """Value and derivative of a Chebyshev series at ``x`` in [-1, 1]."""
    value, slope = series[0] + series[1] * x, series[1]
    t0, t1, u0, u1 = 1.0, x, 1.0, 2.0 * x
    for n in range(2, series.size):
        t0, t1 = t1, 2.0 * x * t1 - t0
        value += series[n] * t1
        slope += series[n] * n * u1
        u0, u1 = u1, 2.0 * x * u1 - u0
    return value, slope


@numba.njit(error_model="numpy")
def _tail_factor(series, tail):  # pragma: no cover - compiled
    x = tail / _WIDEST_TAIL
    value, slope = _chebyshev(series, min(max(x, -1.0), 1.0))
    return value, slope / _WIDEST_TAIL if abs(x) < 1.0 else 0.0


@numba.njit(error_model="numpy")
def _comparisons(  # pragma: no cover - compiled
    parameters, slope_series, weight_series, median_weight, data, gradient
):
    """Add log-rank results and hazard ratios, given the medians."""
    first, second, estimate, variance, medians, given, either, mean_series, weight = data
    value = 0.0
    for i in range(first.size):
        if weight[i] == 0.0:
            continue
        a, b = first[i], second[i]
        k = math.exp(parameters[1, a])
        contrast = parameters[0, a] - parameters[0, b]
        delta = k * contrast
        inside = min(max(delta, -_WIDEST), _WIDEST)
        h, h_slope = _chebyshev(mean_series[i], inside / _WIDEST)
        h_slope /= _WIDEST
        h += h_slope * (delta - inside)
        c, c_slope = _tail_factor(slope_series, parameters[2, a])
        g, g_slope = _tail_factor(weight_series, parameters[2, a])
        from_medians = given[i] * median_weight * k * (medians[i] - contrast)
        mean = c * h - g * from_medians
        v = variance[i] * (1.0 - given[i] * _RHO)
        residual = estimate[i] - mean
        value += weight[i] * (-0.5 * math.log(2.0 * math.pi * v) - 0.5 * residual**2 / v)
        if either[i] > 0.0:  # log of what the other sign adds, and the mean of the two residuals
            odds = -2.0 * estimate[i] * mean / v
            value += weight[i] * (max(odds, 0.0) + math.log1p(math.exp(-abs(odds))))
            residual -= 2.0 * estimate[i] / (1.0 + math.exp(-odds))
        by_mean = weight[i] * residual / v
        by_contrast = by_mean * k * (c * h_slope + given[i] * g * median_weight)
        gradient[0, a] += by_contrast
        gradient[0, b] -= by_contrast
        gradient[1, a] += by_mean * (c * h_slope * delta - g * from_medians)
        gradient[2, a] += by_mean * (c_slope * h - g_slope * from_medians)
    return value


@numba.njit(error_model="numpy")
def value_and_gradient(  # pragma: no cover - compiled
    location, log_shape, tail, shift, second_share, log_convention,
    family, slope_series, weight_series, median_weight,
    point_arm, point_start, point_stop, cell, density, beyond, survivors, size,
    convention_free, log_weight, node_log_time, node_log_weight,
    patient_arm, patient_log_time, patient_event, patient_weight,
    comparison_first, comparison_second, comparison_estimate, comparison_variance,
    comparison_medians, comparison_given, comparison_either_sign, comparison_mean,
    comparison_weight,
):  # fmt: skip
    """Log likelihood of all printed figures and its gradient.

    Returns
    -------
    tuple
        The value, and its gradient in each of :data:`PARAMETERS`.
    """
    code = family.item()
    parameters = np.empty((5, location.size))
    parameters[0], parameters[1], parameters[2] = location, log_shape, tail
    parameters[3], parameters[4] = shift, second_share
    prepared = np.zeros((location.size, 3))
    for a in range(location.size):
        if a > 0 and tail[a] == tail[a - 1]:
            prepared[a] = prepared[a - 1]
        else:
            prepared[a, 0], prepared[a, 1], prepared[a, 2] = prepare_tail(tail[a], code)
    gradient, by_convention = np.zeros((5, location.size)), np.zeros(log_convention.size)
    value = _printed(
        parameters, log_convention, code, prepared,
        (point_arm, point_start, point_stop, cell, density, beyond, survivors, size,
         convention_free, log_weight, node_log_time, node_log_weight),
        gradient, by_convention,
    )  # fmt: skip
    value += _patients(
        parameters, code, prepared,
        (patient_arm, patient_log_time, patient_event, patient_weight), gradient,
    )  # fmt: skip
    value += _comparisons(
        parameters, slope_series, weight_series, median_weight.item(),
        (comparison_first, comparison_second, comparison_estimate, comparison_variance,
         comparison_medians, comparison_given, comparison_either_sign, comparison_mean,
         comparison_weight),
        gradient,
    )  # fmt: skip
    return (
        np.asarray(value), gradient[0].copy(), gradient[1].copy(), gradient[2].copy(),
        gradient[3].copy(), gradient[4].copy(), by_convention,
    )  # fmt: skip


class PrintedFigures(Op):
    """Log likelihood of printed figures; outputs the value and its gradient in each parameter."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Take the parameters named by :data:`PARAMETERS` and the data named by :data:`DATA`."""
        inputs = [pt.as_tensor_variable(i) for i in inputs]
        expected = len(PARAMETERS) + len(DATA)
        if len(inputs) != expected:
            raise ValueError(f"expected {expected} inputs, found {len(inputs)}")
        slopes = [i.type() for i in inputs[: len(PARAMETERS)]]
        return Apply(self, inputs, [pt.dscalar(), *slopes])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Any]]) -> None:
        """Evaluate outside of compiled graphs."""
        arrays = [np.asarray(i) for i in inputs]
        for storage, result in zip(outputs, value_and_gradient(*arrays), strict=True):
            storage[0] = np.asarray(result)

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Gradient: the operation has computed it already."""
        slopes = [cotangents[0] * slope for slope in outputs[1:]]
        return [*slopes, *(disconnected_type() for _ in DATA)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the parameters are differentiated, only the value is."""
        rest = [False] * len(PARAMETERS)
        return [[i < len(PARAMETERS), *rest] for i in range(len(node.inputs))]


@register_funcify_default_op_cache_key(PrintedFigures)
def _compiled_printed_figures(op: PrintedFigures, node: Apply, **_: Any) -> tuple[Any, int]:
    @numba_basic.numba_njit
    def printed_figures(*inputs):  # pragma: no cover - compiled
        return value_and_gradient(*inputs)

    return printed_figures, _VERSION


def log_likelihood(
    parameters: dict[str, TensorVariable], data: dict[str, TensorVariable]
) -> TensorVariable:
    """Scalar log likelihood of all printed figures.

    Parameters
    ----------
    parameters : dict
        Tensors named by :data:`PARAMETERS`.
    data : dict
        Tensors named by :data:`DATA`.
    """
    inputs = [parameters[name] for name in PARAMETERS] + [data[name] for name in DATA]
    return PrintedFigures()(*inputs)[0]
