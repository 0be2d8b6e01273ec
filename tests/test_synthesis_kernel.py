"""The compiled likelihood against its readable definition, and its gradient."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from synthesis.families import FAMILIES, family
from synthesis.kernel import DATA, PrintedFigures, log_likelihood, value_and_gradient
from synthesis.likelihoods import listed_patients, logrank_given_medians, printed_curves

ARMS, CONVENTIONS = 4, 3


def random_data(name, seed):
    """Arms of 2, 3, 1 and 0 points (the last one: patients only), padding at every end."""
    rng = np.random.default_rng(seed)
    curve = family(name)
    point_arm = np.array([0, 0, 1, 1, 1, 2, -1, -1, -1])
    times = np.concatenate([np.sort(rng.uniform(0.5, 20.0, size)) for size in (2, 3, 1)])
    real = point_arm >= 0
    cell = np.where(real, rng.uniform(0.0, 6.0, (CONVENTIONS, real.size)), 0.0)
    cell[0, 0] = 0.0
    log_weight = rng.normal(0.0, 2.0, (CONVENTIONS, ARMS))
    log_weight[2, 1] = -1e6  # a convention that an arm does not have
    return {
        "family": np.asarray(curve.code, dtype="int64"),
        "logrank_slope": np.asarray(curve.logrank_slope),
        "median_weight": np.asarray(curve.median_weight),
        "point_arm": point_arm,
        "log_time": np.concatenate([np.log(times), np.zeros(3)]),
        "cell": cell,
        "density": np.where(real, np.array([1, 0, 1, 1, 0, 1, 0, 0, 0]), 0).astype(float),
        "beyond": np.where(real, rng.uniform(0.0, 5.0, (CONVENTIONS, real.size)), 0.0),
        "log_weight": log_weight,
        "patient_arm": np.array([3, 3, 3, 0]),
        "patient_log_time": np.array([*np.log(rng.uniform(1.0, 9.0, 3)), 0.0]),
        "patient_event": np.array([1.0, 0.0, 1.0, 0.0]),
        "patient_weight": np.array([1.0, 1.0, 1.0, 0.0]),
        "comparison_mixed": np.array([1, 2, 0]),
        "comparison_pure": np.array([0, 3, 0]),
        "comparison_estimate": np.array([-0.8, 0.3, 0.0]),
        "comparison_variance": np.array([0.2, 0.4, 1.0]),
        "comparison_medians": np.array([0.7, -0.1, 0.0]),
        "comparison_weight": np.array([1.0, 1.0, 0.0]),
    }


def parameters(seed):
    """Location and log shape of each arm."""
    rng = np.random.default_rng(seed)
    return rng.normal(1.5, 0.4, ARMS), rng.normal(-0.1, 0.2, ARMS)


def by_definition(location, log_shape, data, name):
    """The sum of the three parts of the readable likelihood."""
    curve = family(name)
    points = ("point_arm", "log_time", "cell", "density", "beyond", "log_weight")
    total = printed_curves(location, log_shape, curve, **{key: data[key] for key in points}).sum()
    arm = data["patient_arm"]
    patients = listed_patients(
        location[arm],
        log_shape[arm],
        curve,
        log_time=data["patient_log_time"],
        event=data["patient_event"],
    )
    mixed, pure = data["comparison_mixed"], data["comparison_pure"]
    comparisons = logrank_given_medians(
        location[mixed] - location[pure],
        log_shape[mixed],
        curve,
        estimate=data["comparison_estimate"],
        variance=data["comparison_variance"],
        printed_contrast=data["comparison_medians"],
    )
    total += (data["patient_weight"] * patients).sum()
    return total + (data["comparison_weight"] * comparisons).sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", FAMILIES)
def test_the_value_is_that_of_the_definition(name, seed):
    data, (location, log_shape) = random_data(name, seed), parameters(100 + seed)
    value, _, _ = value_and_gradient(location, log_shape, *(data[key] for key in DATA))
    # the same sums in another order: rounding only
    assert value == pytest.approx(by_definition(location, log_shape, data, name), rel=1e-10)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", FAMILIES)
def test_the_gradient_is_that_of_finite_differences(name, seed):
    data, (location, log_shape) = random_data(name, seed), parameters(200 + seed)
    _, by_location, by_log_shape = value_and_gradient(
        location, log_shape, *(data[key] for key in DATA)
    )
    step = 1e-5
    for gradient, which in ((by_location, 0), (by_log_shape, 1)):
        for arm in range(ARMS):
            ends = []
            for sign in (1.0, -1.0):
                moved = [location.copy(), log_shape.copy()]
                moved[which][arm] += sign * step
                ends.append(by_definition(*moved, data, name))
            slope = (ends[0] - ends[1]) / (2.0 * step)
            # a value near 100 carries rounding of 1e-14, so a difference over 2e-5 about 1e-9;
            # truncation is step^2 times a third derivative of up to a thousand
            assert gradient[arm] == pytest.approx(slope, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_far_from_the_data_value_and_gradient_stay_finite(name):
    data = random_data(name, 0)
    for location in (-8.0, 12.0):
        found = value_and_gradient(
            np.full(ARMS, location), np.full(ARMS, 0.5), *(data[key] for key in DATA)
        )
        assert all(np.isfinite(part).all() for part in found)


def test_the_operation_and_its_gradient_in_a_compiled_graph():
    data, (location, log_shape) = random_data("weibull", 1), parameters(1)
    tensors = {key: pt.as_tensor_variable(data[key]) for key in DATA}
    at = pt.dvector("location"), pt.dvector("log_shape")
    value = log_likelihood(*at, tensors)
    # doubled, so that the gradient has something to pass through
    graph = [value, *pytensor.grad(2.0 * value, list(at))]
    # FAST_COMPILE runs the operation itself; whole models compile it in the sampler's own tests
    compiled = pytensor.function(list(at), graph, mode="FAST_COMPILE")
    found = compiled(location, log_shape)
    expected = value_and_gradient(location, log_shape, *(data[key] for key in DATA))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)  # the same function twice
    np.testing.assert_allclose(found[1], 2.0 * expected[1], rtol=1e-12)
    np.testing.assert_allclose(found[2], 2.0 * expected[2], rtol=1e-12)


def test_a_wrong_number_of_inputs_is_refused():
    with pytest.raises(ValueError, match=f"expected {len(DATA) + 2} inputs, found 2"):
        PrintedFigures()(np.zeros(2), np.zeros(2))
