"""The map of :mod:`synthesis.model.placing` as one PyTensor operation, and its pullback as another.

As a graph of Cholesky factors and triangular solutions it takes minutes to compile. The design is
sparse: entries of nought are passed over.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.tensor import TensorVariable

from synthesis.model.families import compiled
from synthesis.model.kernel import Compiled


@compiled
def _solve(factor, more, vector):
    """Solution of ``(L + more I) x = vector``."""
    x = np.empty(vector.size)
    for i in range(vector.size):
        total = vector[i]
        for j in range(i):
            total -= factor[i, j] * x[j]
        x[i] = total / (factor[i, i] + more)
    return x


@compiled
def _solve_transposed(factor, more, vector):
    """Solution of ``(L + more I)' x = vector``."""
    x = vector.copy()
    for i in range(vector.size - 1, -1, -1):
        x[i] /= factor[i, i] + more
        for j in range(i):
            x[j] -= factor[i, j] * x[i]
    return x


@compiled
def _factor_of(design, scale):
    """Cholesky factor of ``B B' + I``."""
    factor = np.eye(design.shape[0])
    for p in range(scale.size):
        for i in range(design.shape[0]):
            if design[i, p] != 0.0:
                for j in range(i + 1):
                    factor[i, j] += design[i, p] * design[j, p] * scale[p] ** 2
    for j in range(design.shape[0]):
        for k in range(j):
            for i in range(j, design.shape[0]):
                factor[i, j] -= factor[i, k] * factor[j, k]
        factor[j, j] = math.sqrt(factor[j, j])
        for i in range(j + 1, design.shape[0]):
            factor[i, j] /= factor[j, j]
            factor[j, i] = 0.0
    return factor


@compiled
def _down(design, scale, vector):
    """``B vector``."""
    found = np.zeros(design.shape[0])
    for i in range(design.shape[0]):
        for p in range(scale.size):
            if design[i, p] != 0.0:
                found[i] += design[i, p] * scale[p] * vector[p]
    return found


@compiled
def _up(design, scale, vector):
    """``B' vector``."""
    found = np.zeros(scale.size)
    for i in range(design.shape[0]):
        for p in range(scale.size):
            if design[i, p] != 0.0:
                found[p] += design[i, p] * scale[p] * vector[i]
    return found


@compiled
def place_effects(sampled, scale, design, gap):
    """Effects, ``(P,)``, log determinant of the map, and the factor ``L``, ``(K, K)``.

    ``sampled`` and ``scale`` are ``(P,)``, ``design`` is ``(K, P)``, ``gap`` ``(K,)``.
    """
    factor = _factor_of(design, scale)
    step = _solve(factor, 0.0, gap) - _solve(factor, 1.0, _down(design, scale, sampled))
    effects = sampled + _up(design, scale, _solve_transposed(factor, 0.0, step))
    log_determinant = 0.0
    for i in range(gap.size):
        log_determinant -= math.log(factor[i, i])
    return effects, np.asarray(log_determinant), factor


@compiled
def _before_factor(factor, slopes):
    """Turn slopes in the factor into those in the lower half of ``B B'`` (Smith 1995)."""
    for k in range(factor.shape[0] - 1, -1, -1):
        for j in range(k + 1, factor.shape[0]):
            for i in range(j, factor.shape[0]):
                slopes[i, k] -= slopes[i, j] * factor[j, k]
                slopes[j, k] -= slopes[i, j] * factor[i, k]
        for j in range(k + 1, factor.shape[0]):
            slopes[j, k] /= factor[k, k]
            slopes[k, k] -= factor[j, k] * slopes[j, k]
        slopes[k, k] *= 0.5 / factor[k, k]


@compiled
def pull_back(sampled, scale, design, gap, factor, by_effects, by_determinant):
    """Slopes in what is sampled and in the scales, each ``(P,)``, from those in the results."""
    room = gap.size
    first = _solve(factor, 0.0, gap)
    second = _solve(factor, 1.0, _down(design, scale, sampled))
    moved = _solve_transposed(factor, 0.0, first - second)
    by_step = _solve(factor, 0.0, _down(design, scale, by_effects))
    by_gap = _solve_transposed(factor, 0.0, by_step)
    by_sum = -_solve_transposed(factor, 1.0, by_step)
    slopes = np.zeros((room, room))
    for i in range(room):
        for j in range(i + 1):
            slopes[i, j] = -moved[i] * by_step[j] - by_gap[i] * first[j] - by_sum[i] * second[j]
        slopes[i, i] -= by_determinant.item() / factor[i, i]
    _before_factor(factor, slopes)
    by_scale = np.zeros(scale.size)
    for i in range(room):
        for p in range(scale.size):
            if design[i, p] != 0.0:
                own = moved[i] * by_effects[p] + by_sum[i] * sampled[p]
                for j in range(room):
                    half = slopes[i, j] if j < i else slopes[j, i]
                    if j == i:
                        half *= 2.0
                    own += half * design[j, p] * scale[p]
                by_scale[p] += own * design[i, p]
    return by_effects + _up(design, scale, by_sum), by_scale


class Placing(Compiled):
    """The map: outputs of :func:`place_effects`, of which the factor is not differentiated."""

    function = staticmethod(place_effects)

    def make_node(self, *inputs: Any) -> Apply:
        """Take the inputs of :func:`place_effects`."""
        inputs = [pt.as_tensor_variable(i) for i in inputs]
        return Apply(self, inputs, [pt.dvector(), pt.dscalar(), pt.dmatrix()])

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Slopes in what is sampled and in the scales."""
        slopes = Pullback()(*inputs, outputs[2], *cotangents[:2])
        return [*slopes, disconnected_type(), disconnected_type()]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only what is sampled and the scales are differentiated."""
        return [[i < 2, i < 2, False] for i in range(4)]


class Pullback(Compiled):
    """The slopes of :func:`pull_back`."""

    function = staticmethod(pull_back)

    def make_node(self, *inputs: Any) -> Apply:
        """Take the inputs of :func:`pull_back`."""
        inputs = [pt.as_tensor_variable(i) for i in inputs]
        return Apply(self, inputs, [pt.dvector(), pt.dvector()])


def place(
    sampled: TensorVariable, scale: TensorVariable, design: TensorVariable, gap: TensorVariable
) -> tuple[TensorVariable, TensorVariable]:
    """Effects from what is sampled, and the log determinant of the map."""
    effects, log_determinant, _ = Placing()(sampled, scale, design, gap)
    return effects, log_determinant
