"""Model data as two vectors, one of numbers and one of indices.

The sampler compiles a piece of code for each shared array that a model reads, afresh in every
process: with fifty arrays that takes two minutes, with two a few seconds. What the arrays mean
stays with the model, which gets each of them back by its name as a slice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pymc as pm
from pytensor.tensor import TensorVariable

NUMBERS, INDICES = "numbers", "indices"


@dataclass(frozen=True)
class Sizes(Mapping[str, int]):
    """Room in a compiled model, by dimension name."""

    room: tuple[tuple[str, int], ...]

    def __getitem__(self, name: str) -> int:
        return dict(self.room)[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.room)

    def __len__(self) -> int:
        return len(self.room)


def pack(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put arrays one behind the other, in their order.

    Parameters
    ----------
    values : mapping of str to ndarray
        Arrays of any shape, of floats or of integers.

    Returns
    -------
    dict
        ``numbers``, a vector of floats, and ``indices``, a vector of integers; each only where
        there is one to hold.
    """
    flat: dict[str, list[np.ndarray]] = {NUMBERS: [], INDICES: []}
    for value in values.values():
        array = np.asarray(value)
        flat[_vector_of(array)].append(array.ravel())
    kinds = {NUMBERS: float, INDICES: "int64"}
    return {name: np.concatenate(own).astype(kinds[name]) for name, own in flat.items() if own}


def unpack(values: Mapping[str, np.ndarray]) -> dict[str, TensorVariable]:
    """Add the two vectors to the model in context, and return the arrays by name.

    Parameters
    ----------
    values : mapping of str to ndarray
        As in :func:`pack`; other values of the same names, order, shapes and kinds can be set in
        the compiled model.

    Returns
    -------
    dict
        One tensor a name, of the shape of its array.
    """
    vectors = {name: pm.Data(name, vector) for name, vector in pack(values).items()}
    start = dict.fromkeys(vectors, 0)
    tensors = {}
    for name, value in values.items():
        array = np.asarray(value)
        own = _vector_of(array)
        stop = start[own] + math.prod(array.shape)
        piece = vectors[own][start[own] : stop]
        tensors[name] = piece.reshape(array.shape) if array.ndim != 1 else piece
        start[own] = stop
    return tensors


def _vector_of(array: np.ndarray) -> str:
    return INDICES if array.dtype.kind in "iu" else NUMBERS
