"""Model data in two vectors: every array comes back as it was, and can be exchanged."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

from synthesis.model.arrays import INDICES, NUMBERS, pack, unpack

VALUES = {
    "scale": np.asarray(0.5),
    "arm": np.array([2, 0, 1]),
    "log_weight": np.arange(6.0).reshape(2, 3),
    "family": np.asarray(1),
    "none": np.zeros(0),
    "time": np.array([1.5, 2.5]),
}


def evaluated(values, other=None):
    """Return the unpacked arrays, after other values were set in the model."""
    with pm.Model() as model:
        tensors = unpack(values)
        if other is not None:
            pm.set_data(pack(other), model=model)
    return {name: tensor.eval() for name, tensor in tensors.items()}


def test_floats_and_integers_stand_in_a_vector_each():
    packed = pack(VALUES)
    assert packed[NUMBERS].tolist() == [0.5, 0, 1, 2, 3, 4, 5, 1.5, 2.5]
    assert packed[INDICES].tolist() == [2, 0, 1, 1]
    assert [vector.dtype.kind for vector in packed.values()] == ["f", "i"]


def test_every_array_comes_back_by_its_name():
    found = evaluated(VALUES)
    assert list(found) == list(VALUES)
    for name, value in VALUES.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype.kind == value.dtype.kind


def test_other_values_of_the_same_shapes_can_be_set():
    other = {name: value + 1 for name, value in VALUES.items()}
    found = evaluated(VALUES, other)
    for name, value in other.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(("name", "absent"), [("scale", INDICES), ("arm", NUMBERS)])
def test_a_vector_without_entries_is_not_made(name, absent):
    assert absent not in pack({name: VALUES[name]})
    np.testing.assert_array_equal(evaluated({name: VALUES[name]})[name], VALUES[name])
