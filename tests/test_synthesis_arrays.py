"""Observations as the arrays of a compiled model: every figure in its place, room to spare."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from likelihood_arrays import chains_of, total

from synthesis.fits import survival_observations
from synthesis.model.arrays import (
    DIMS,
    INDICES,
    NUMBERS,
    OF_COMPARISON,
    SHARED_WITHIN_REPORT,
    counts,
    pack,
    padded,
    shared_parts,
    sizes_for,
)
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, family
from synthesis.model.graphs import unpack
from synthesis.model.likelihoods import arm_log_likelihood
from synthesis.model.printed import METHODS


@pytest.fixture(scope="module")
def observed(shipped):
    """Observations of each endpoint from the shipped registry."""
    found = survival_observations(shipped)
    return {name: data for name, (data, _) in found.items()}


@pytest.fixture(scope="module", params=["os", "pfs"])
def data(observed, request):
    return observed[request.param]


@pytest.fixture(scope="module")
def arrays(data):
    return exact_arrays(data)


def exact_arrays(data):
    return padded(data, sizes_for([data], spare=False))


# --- Places --------------------------------------------------------------------------------------


def test_arms_point_at_their_cohort_study_treatment_and_class(data):
    arrays = exact_arrays(data)
    levels = data.hierarchy
    for i, arm in enumerate(data.groups):
        ref = data.refs[arm.cohort]
        assert arrays["arm_cohort"][i] == arm.cohort
        assert levels.treatments[arrays["arm_treatment"][i]] == ref.treatment
        assert levels.classes[arrays["arm_class"][i]] == ref.treatment_class
        assert levels.studies[arrays["arm_study"][i]] == ref.study.id
        assert (arrays["share_known"][i], arrays["share"][i]) == (
            (0.0, 0.0) if arm.share is None else (1.0, arm.share)
        )
    for j, ref in enumerate(data.refs):
        assert levels.treatments[arrays["cohort_treatment"][j]] == ref.treatment
    assert levels.treatments[: len(data.treatments)] == data.treatments
    assert levels.classes[: len(data.classes)] == data.classes


def test_histology_differs_between_reports_that_tell_pure_from_mixed(data, arrays):
    groups_of = {}
    for arm in data.groups:
        groups_of.setdefault(arm.cohort, set()).add(arm.histology)
    apart = [float({"pure", "mixed"} <= groups_of[arm.cohort]) for arm in data.groups]
    assert arrays["histology_apart"].tolist() == apart
    assert 0.0 < sum(apart) < len(apart)


def test_every_chain_is_found_again_at_its_convention(data, arrays):
    for i, arm in enumerate(data.arms):
        found = dict(chains_of(arrays, i))
        places = range(len(arm.chains)) if arm.told else map(METHODS.index, arm.methods)
        assert arrays["convention_free"][i] == float(not arm.told)
        if not arm.chains:
            assert found == {}
            continue
        assert list(found) == sorted(found)
        for place, own in zip(places, arm.chains, strict=True):
            read = found.pop(place)
            for name in ("cell", "density", "beyond"):
                np.testing.assert_array_equal(getattr(read, name), getattr(own, name))
            assert (read.log_constant, read.survivors, read.size) == (
                own.log_constant,
                own.survivors,
                own.size,
            )
            for nodes, weights, p in zip(
                read.nodes, read.node_weights, range(own.time.size), strict=True
            ):
                np.testing.assert_allclose(nodes, own.nodes[p], rtol=1e-14)
                np.testing.assert_allclose(weights, own.node_weights[p], rtol=1e-14)
        assert found == {}


def test_patients_and_comparisons_are_found_again(data, arrays):
    for i, patient in enumerate(data.patients):
        assert arrays["patient_arm"][i] == patient.arm
        assert np.exp(arrays["patient_log_time"][i]) == pytest.approx(patient.months, rel=1e-12)
        assert arrays["patient_event"][i] == float(patient.event)
    for i, item in enumerate(data.comparisons):
        read = item.reading
        assert [arrays[f"comparison_{name}"][i] for name in OF_COMPARISON if name != "mean"] == [
            item.first,
            item.second,
            read.low,
            min(read.high, 1e6),  # as far as an array goes
            item.variance,
            float(read.either_sign),
            float(item.log_medians is not None),
            *(item.log_medians or (0.0, 0.0)),
            1.0,
        ]


def test_a_range_without_an_end_ends_beyond_every_ratio(observed):
    data = observed["os"]
    own = data.comparisons[0]
    beyond = [
        replace(own, reading=replace(own.reading, low=low, high=high))
        for low, high in ((-math.inf, -1.0), (0.0, math.inf))
    ]
    arrays = exact_arrays(replace(data, comparisons=tuple(beyond)))
    assert arrays["comparison_low"][0] < -1000.0 < 1000.0 < arrays["comparison_high"][1]
    assert (arrays["comparison_high"][0], arrays["comparison_low"][1]) == (-1.0, 0.0)
    assert np.isfinite(arrays["comparison_low"]).all()
    assert np.isfinite(arrays["comparison_high"]).all()


def test_a_comparison_without_printed_medians_is_given_nothing(observed):
    data = observed["os"]
    bare = replace(data, comparisons=(replace(data.comparisons[0], log_medians=None),))
    arrays = exact_arrays(bare)
    assert arrays["comparison_given"].tolist() == [0.0]
    for name in ("first_median", "second_median"):
        assert arrays[f"comparison_{name}"].tolist() == [0.0]


def test_covariates_stand_beside_their_cohort(data, arrays):
    assert arrays["cohort_covariates"].shape == (len(data.refs), len(COVARIATES))
    told = len(data.covariates)
    np.testing.assert_array_equal(arrays["cohort_covariates"][:told], np.array(data.covariates))
    # of the others only a contrast within themselves counts, which tells of origin alone
    others = slice(len(data.cohorts), min([len(data.refs), *data.origin]))
    assert (arrays["cohort_covariates"][others] == 0.0).all()


def test_cohorts_of_one_report_share_a_part_of_the_study_effect(data):
    parts = dict(zip((ref.id for ref in data.refs), shared_parts(data), strict=True))
    assert len(parts) == len(data.refs)
    for ref in data.refs:
        others = [other for other in data.refs if other.study.id == ref.study.id]
        alone, randomised = len(others) == 1, ref.study.design == "randomised"
        assert parts[ref.id] == (1.0 if alone or randomised else SHARED_WITHIN_REPORT)
    assert 0.0 < SHARED_WITHIN_REPORT < 1.0
    np.testing.assert_array_equal(exact_arrays(data)["cohort_shared"], list(parts.values()))


# --- Room to spare -------------------------------------------------------------------------------


def parameters(arms, name):
    """Arbitrary but fixed parameters of each arm."""
    at = np.arange(arms)
    tail = 0.4 * np.sin(2.0 + at) if family(name).has_tail else np.zeros(arms)
    return 1.5 + 0.3 * np.sin(at), 0.2 * np.cos(at) - 0.1, tail


def log_likelihood(data, sizes, name):
    """Total of the readable likelihood, from the arrays of these sizes."""
    location, log_shape, tail = parameters(sizes["arm"], name)
    arrays = padded(data, sizes)
    convention = np.log([0.2, 0.5, 0.3])
    return total(
        *(arrays, family(name), location, log_shape, tail, convention),
        comparisons=data.comparisons,
        bias_sd=0.2,
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_room_to_spare_changes_nothing(name, data, observed):
    exact, shared = sizes_for([data], spare=False), sizes_for(list(observed.values()))
    assert all(shared[key] >= exact[key] for key in exact)
    assert shared["point"] > exact["point"]
    assert shared["node"] > exact["node"]
    tight = log_likelihood(data, exact, name)
    # the same sum with zeros added
    assert log_likelihood(data, shared, name) == pytest.approx(tight, rel=1e-12)


def test_the_arrays_say_what_the_arms_say(data):
    """Arm by arm from the observations, never through the arrays."""
    name, convention = "long-tail", np.log([0.2, 0.5, 0.3])
    location, log_shape, tail = parameters(len(data.arms), name)
    expected = 0.0
    for i, arm in enumerate(data.arms):
        if arm.chains:
            own = [0.0 if arm.told else convention[METHODS.index(m)] for m in arm.methods]
            expected += float(
                arm_log_likelihood(
                    arm.chains, own, location[i], log_shape[i], family(name), tail[i]
                )
            )
    bare = replace(data, patients=(), comparisons=())
    found = log_likelihood(bare, sizes_for([bare], spare=False), name)
    # weights and nodes went through a logarithm and back
    assert found == pytest.approx(expected, rel=1e-11)


def test_padding_has_no_weight_and_points_nowhere(observed):
    data, sizes = observed["pfs"], sizes_for(list(observed.values()))
    arrays, used = padded(data, sizes), counts(data)
    assert (arrays["point_arm"][used["point"] :] == -1).all()
    for name in ("cell", "beyond", "survivors", "size"):
        assert (arrays[name][:, used["point"] :] == 0.0).all()
    for name in ("patient", "comparison"):
        assert (arrays[f"{name}_weight"][used[name] :] == 0.0).all()
    # a variance of nought would make a nan of no weight
    assert (arrays["comparison_variance"] > 0.0).all()
    assert (arrays["cohort_shared"] > 0.0).all()


def test_sizes_hold_every_dataset_in_steps(observed):
    sizes = sizes_for(list(observed.values()))
    for data in observed.values():
        assert all(sizes[name] >= count for name, count in counts(data).items())
    assert (sizes["convention"], sizes["covariate"]) == (len(METHODS), len(COVARIATES))
    assert (sizes["arm"] % 16, sizes["point"] % 32, sizes["node"] % 64) == (0, 0, 0)
    assert sizes == sizes_for(list(observed.values())[::-1])


def test_a_dataset_without_room_is_not_cut_in_silence(observed):
    small = sizes_for([observed["pfs"]], spare=False)
    with pytest.raises((IndexError, ValueError)):
        padded(observed["os"], small)


def test_arrays_have_the_shape_of_their_dimensions(observed):
    data, sizes = observed["os"], sizes_for(list(observed.values()))
    arrays = padded(data, sizes)
    assert {k: a.shape for k, a in arrays.items()} == {
        k: tuple(sizes[d] for d in own) for k, own in DIMS.items()
    }
    assert all(np.isfinite(a).all() for a in arrays.values())


# --- Two vectors ---------------------------------------------------------------------------------

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
