r"""The likelihood of printed figures as one PyTensor operation with its gradient.

The equations are those of :mod:`synthesis.likelihoods`, which is the readable definition and the
oracle of this module's tests. Here they run as one compiled loop that returns the value and its
gradient together: a graph of elementary operations for the same sums takes minutes to compile.

With :math:`z = k(\log t - \log m)`: :math:`\partial z/\partial \log m = -k` and
:math:`\partial z/\partial \log k = z`, so every term needs its derivative in ``z`` only.
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

#: Data of the operation, in the order of its inputs after location and log shape.
DATA = (
    "family",
    "logrank_slope",
    "median_weight",
    "point_arm",
    "log_time",
    "cell",
    "density",
    "beyond",
    "log_weight",
    "patient_arm",
    "patient_log_time",
    "patient_event",
    "patient_weight",
    "comparison_mixed",
    "comparison_pure",
    "comparison_estimate",
    "comparison_variance",
    "comparison_medians",
    "comparison_weight",
)

# Raise when the kernel changes: compiled code is kept on disk under this number.
_VERSION = 2

_LN2 = math.log(2.0)
_LOG_LN2 = math.log(_LN2)
_RHO = _LN2 * _LN2
_LARGEST_Z = 30.0
_NARROWEST = -1e-12


@numba.njit(inline="always")
def _log_survival(z, code):  # pragma: no cover - compiled
    """Log survival at ``z`` and its derivative."""
    if code == 0:
        slope = -_LN2 * math.exp(min(z, _LARGEST_Z))
        return slope, slope
    if z > 0.0:
        e = math.exp(-z)
        return -z - math.log1p(e), -1.0 / (1.0 + e)
    e = math.exp(z)
    return -math.log1p(e), -e / (1.0 + e)


@numba.njit(inline="always")
def _log_density(z, log_s, slope, code):  # pragma: no cover - compiled
    """``log f`` less ``log k - log t``, and its derivative, from log survival at ``z``."""
    if code == 0:
        return _LOG_LN2 + min(z, _LARGEST_Z) + log_s, 1.0 + slope
    return z + 2.0 * log_s, 1.0 + 2.0 * slope


@numba.njit
def _curve_at_points(  # pragma: no cover - compiled
    location, log_shape, code, point_arm, log_time, density
):
    """Rows for each point: z, log S, dlog S/dz, log f, dlog f/dz, log cell, odds of surviving it.

    The odds are those in ``d log(S_before - S) = (1 + odds) d log S_before - odds d log S``.
    """
    rows = np.zeros((7, log_time.size))
    for p in range(log_time.size):
        a = point_arm[p]
        if a < 0:
            continue
        z = math.exp(log_shape[a]) * (log_time[p] - location[a])
        log_s, slope = _log_survival(z, code)
        rows[0, p], rows[1, p], rows[2, p] = z, log_s, slope
        if density[p] > 0.0:
            log_f, slope_f = _log_density(z, log_s, slope, code)
            rows[3, p], rows[4, p] = log_f + log_shape[a] - log_time[p], slope_f
        follows = p > 0 and point_arm[p - 1] == a
        before = rows[1, p - 1] if follows else 0.0
        drop = min(log_s - before, _NARROWEST)
        rows[5, p] = before + math.log(-math.expm1(drop))
        rows[6, p] = -math.exp(drop) / math.expm1(drop)
    return rows


@numba.njit
def _weigh_conventions(  # pragma: no cover - compiled
    rows, point_arm, cell, density, beyond, log_weight
):
    """Log likelihood of all arms, and the posterior weight of each convention in each arm."""
    total = log_weight.copy()
    for p in range(point_arm.size):
        if point_arm[p] >= 0:
            for c in range(total.shape[0]):
                total[c, point_arm[p]] += (
                    cell[c, p] * rows[5, p] + beyond[c, p] * rows[1, p] + density[p] * rows[3, p]
                )
    value = 0.0
    for a in range(total.shape[1]):
        peak = total[:, a].max()
        total[:, a] = np.exp(total[:, a] - peak)
        weight_sum = total[:, a].sum()
        total[:, a] /= weight_sum
        value += peak + math.log(weight_sum)
    return value, total


@numba.njit
def _printed(  # pragma: no cover - compiled
    location, log_shape, code, point_arm, log_time, cell, density, beyond, log_weight, d_loc, d_k
):
    """Add the printed points: value returned, gradient added to ``d_loc`` and ``d_k``."""
    rows = _curve_at_points(location, log_shape, code, point_arm, log_time, density)
    value, weight = _weigh_conventions(rows, point_arm, cell, density, beyond, log_weight)
    for p in range(log_time.size):
        a = point_arm[p]
        if a < 0:
            continue
        cells, tail = 0.0, 0.0
        for c in range(weight.shape[0]):
            cells += weight[c, a] * cell[c, p]
            tail += weight[c, a] * beyond[c, p]
        by_z = (tail - cells * rows[6, p]) * rows[2, p] + density[p] * rows[4, p]
        k = math.exp(log_shape[a])
        d_loc[a] -= k * by_z
        d_k[a] += rows[0, p] * by_z + density[p]
        if p > 0 and point_arm[p - 1] == a:
            by_z = cells * (1.0 + rows[6, p]) * rows[2, p - 1]
            d_loc[a] -= k * by_z
            d_k[a] += rows[0, p - 1] * by_z
    return value


@numba.njit
def _patients(  # pragma: no cover - compiled
    location, log_shape, code, arm, log_time, event, weight, d_loc, d_k
):
    """Add individually listed patients."""
    value = 0.0
    for i in range(arm.size):
        if weight[i] == 0.0:
            continue
        a = arm[i]
        k = math.exp(log_shape[a])
        z = k * (log_time[i] - location[a])
        log_s, slope = _log_survival(z, code)
        log_f, slope_f = _log_density(z, log_s, slope, code)
        log_f += log_shape[a] - log_time[i]
        by_z = weight[i] * (event[i] * slope_f + (1.0 - event[i]) * slope)
        value += weight[i] * (event[i] * log_f + (1.0 - event[i]) * log_s)
        d_loc[a] -= k * by_z
        d_k[a] += z * by_z + weight[i] * event[i]
    return value


@numba.njit
def _comparisons(  # pragma: no cover - compiled
    location, log_shape, c, g, mixed, pure, estimate, variance, medians, weight, d_loc, d_k
):
    """Add log-rank results given the medians."""
    value = 0.0
    for i in range(mixed.size):
        if weight[i] == 0.0:
            continue
        k = math.exp(log_shape[mixed[i]])
        contrast = location[mixed[i]] - location[pure[i]]
        mean = -c * k * contrast - g * k * (medians[i] - contrast)
        v = variance[i] * (1.0 - _RHO)
        residual = estimate[i] - mean
        value += weight[i] * (-0.5 * math.log(2.0 * math.pi * v) - 0.5 * residual**2 / v)
        by_mean = weight[i] * residual / v
        d_loc[mixed[i]] += by_mean * k * (g - c)
        d_loc[pure[i]] -= by_mean * k * (g - c)
        d_k[mixed[i]] += by_mean * mean  # the mean is proportional to k
    return value


@numba.njit
def value_and_gradient(
    location,
    log_shape,
    family,
    logrank_slope,
    median_weight,
    point_arm,
    log_time,
    cell,
    density,
    beyond,
    log_weight,
    patient_arm,
    patient_log_time,
    patient_event,
    patient_weight,
    comparison_mixed,
    comparison_pure,
    comparison_estimate,
    comparison_variance,
    comparison_medians,
    comparison_weight,
):
    """Log likelihood of all printed figures and its gradient in location and log shape.

    Returns
    -------
    (float, ndarray (A,), ndarray (A,))
    """
    code = family.item()
    d_loc, d_k = np.zeros(location.size), np.zeros(location.size)
    value = _printed(
        location, log_shape, code, point_arm, log_time, cell, density, beyond, log_weight,
        d_loc, d_k,
    )  # fmt: skip
    value += _patients(
        location, log_shape, code, patient_arm, patient_log_time, patient_event, patient_weight,
        d_loc, d_k,
    )  # fmt: skip
    value += _comparisons(
        location, log_shape, logrank_slope.item(), median_weight.item(), comparison_mixed,
        comparison_pure, comparison_estimate, comparison_variance, comparison_medians,
        comparison_weight, d_loc, d_k,
    )  # fmt: skip
    return np.asarray(value), d_loc, d_k


class PrintedFigures(Op):
    """Log likelihood of printed figures; outputs value, gradient in location, in log shape."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Take location, log shape and the data named by :data:`DATA`."""
        inputs = [pt.as_tensor_variable(i) for i in inputs]
        if len(inputs) != len(DATA) + 2:
            raise ValueError(f"expected {len(DATA) + 2} inputs, found {len(inputs)}")
        return Apply(self, inputs, [pt.dscalar(), inputs[0].type(), inputs[1].type()])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Any]]) -> None:
        """Evaluate outside of compiled graphs."""
        arrays = [np.asarray(i) for i in inputs]
        for storage, result in zip(outputs, value_and_gradient(*arrays), strict=True):
            storage[0] = np.asarray(result)

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Gradient: the operation has computed it already."""
        value = cotangents[0]
        _, by_location, by_log_shape = outputs
        return [value * by_location, value * by_log_shape, *(disconnected_type() for _ in DATA)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only location and log shape are differentiated, only the value is."""
        return [[i < 2, False, False] for i in range(len(node.inputs))]


@register_funcify_default_op_cache_key(PrintedFigures)
def _compiled_printed_figures(op: PrintedFigures, node: Apply, **_: Any) -> tuple[Any, int]:
    @numba_basic.numba_njit
    def printed_figures(*inputs):  # pragma: no cover - compiled
        return value_and_gradient(*inputs)

    return printed_figures, _VERSION


def log_likelihood(
    location: TensorVariable, log_shape: TensorVariable, data: dict[str, TensorVariable]
) -> TensorVariable:
    """Scalar log likelihood of all printed figures.

    Parameters
    ----------
    location, log_shape : (A,) log median in log months and log shape of each arm
    data : dict
        Tensors named by :data:`DATA`.
    """
    return PrintedFigures()(location, log_shape, *(data[name] for name in DATA))[0]
