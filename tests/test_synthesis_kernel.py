"""The compiled likelihood against its readable definition, and its gradient."""

from __future__ import annotations

import math

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from synthesis.model.arrays import comparison_arrays
from synthesis.model.comparisons import (
    TAIL_TERMS,
    Place,
    comparison_log_likelihood,
    mean_series,
)
from synthesis.model.families import FAMILIES, family
from synthesis.model.kernel import (
    DATA,
    PARAMETERS,
    PrintedFigures,
    log_likelihood,
    value_and_gradient,
)
from synthesis.model.likelihoods import arm_log_likelihood, listed_patients
from synthesis.model.observations import ArmComparison
from synthesis.model.printed import (
    METHODS,
    FixedTime,
    OrderStatistic,
    PrintedMedian,
    Reading,
    Survivors,
    candidate_chains,
    chain,
)
from synthesis.model.records import ComparisonReading

ARMS = 6
LANDMARK = FixedTime(12.0, 0.3)

#: Chains of each arm by convention: fine rounding, coarse rounding (several nodes, many patients),
#: numbers at risk, a median not reached after its lower limit, one convention told, no print.
PRINTED = (
    candidate_chains(
        PrintedMedian(Reading(4.2, 0.05), Reading(2.6, 0.05), Reading(9.1, 0.05)), [LANDMARK], 20
    ),
    candidate_chains(
        PrintedMedian(Reading(4.0, 0.5), Reading(3.5, 0.5), Reading(5.0, 0.5)), [], 300
    ),
    [
        (
            "landmarks",
            chain([FixedTime(6.0, 0.6, at_risk=14.0), FixedTime(12.0, 0.4, at_risk=8.0)], 30),
        )
    ],
    candidate_chains(PrintedMedian(None, Reading(5.1, 0.05)), [Survivors(10.0, 9.0)], 16),
    [("log", chain([OrderStatistic(Reading(3.0, 0.05), 4), LANDMARK], 11))],
    [],
)
UNTOLD = (True, True, False, True, False, False)
PATIENTS = ((5, 2.2, True), (5, 8.0, False), (5, 3.4, True))
INFINITE = math.inf


def compared(first, second, low, high, share, *, medians=None, kind="p", **more):
    """A comparison of two arms, with numbers of no report."""
    more = {"variance": 0.2, "entered_as": "", "events": (0.8, 1.0)} | more
    reading = ComparisonReading(low, high, kind=kind, share=share, **more)
    return ArmComparison(first, second, reading, medians, told=0.55)


#: A number of either sign, a number without medians, a hazard ratio, no significant difference, a
#: bound of either sign, a direction.
COMPARISONS = (
    compared(1, 0, -0.8, -0.8, 0.35, medians=(1.9, 1.2), either_sign=True),
    compared(2, 3, 0.3, 0.3, 0.5, variance=0.4, events=(1.0, 1.0)),
    compared(4, 0, -0.4, -0.4, 0.6, medians=(1.4, 1.5), kind="hazard ratio"),
    compared(3, 1, -0.7, 0.7, 0.4),
    compared(2, 0, -INFINITE, -0.9, 0.4, either_sign=True),
    compared(0, 4, 0.0, INFINITE, 0.5, medians=(1.4, 1.5)),
)


def data_for(name):
    """The arrays of the operation, with padding at every end."""
    curve = family(name)
    chains = [own[0][1] for own in PRINTED if own]
    points = sum(c.time.size for c in chains) + 2
    nodes = sum(n.size for c in chains for n in c.nodes) + 3
    d = {
        "family": np.asarray(curve.code, dtype="int64"),
        "convention_free": np.array(UNTOLD, dtype=float),
        "log_weight": np.full((len(METHODS), ARMS), -1e6),
        "node_log_time": np.zeros(nodes),
        "node_log_weight": np.zeros(nodes),
        "point_arm": np.full(points, -1),
        "density": np.zeros(points),
    }
    d["log_weight"][0, 5] = 0.0
    d["tail_terms"] = np.asarray(TAIL_TERMS if curve.has_tail else 1)
    d |= {key: np.zeros(points, dtype="int64") for key in ("point_start", "point_stop")}
    d |= {key: np.zeros((3, points)) for key in ("cell", "beyond", "survivors", "size")}
    point = node = 0
    for arm, found in enumerate(PRINTED):
        for method, own in found:
            at = METHODS.index(method) if method in METHODS else 0
            rows = slice(point, point + own.time.size)
            d["cell"][at, rows], d["beyond"][at, rows] = own.cell, own.beyond
            d["survivors"][at, rows.stop - 1] = own.survivors
            d["size"][at, rows.stop - 1] = own.size
            d["log_weight"][at, arm] = own.log_constant
        if found:
            d["point_arm"][rows], d["density"][rows] = arm, own.density
            for p, (months, weights) in enumerate(zip(own.nodes, own.node_weights, strict=True)):
                stop = node + months.size
                d["point_start"][point + p], d["point_stop"][point + p] = node, stop
                d["node_log_time"][node:stop] = np.log(months)
                d["node_log_weight"][node:stop] = np.log(weights)
                node = stop
            point = rows.stop
    arm, months, died = zip(*PATIENTS, strict=True)
    d["patient_arm"] = np.array([*arm, 0])
    d["patient_log_time"] = np.array([*np.log(months), 0.0])
    d["patient_event"] = np.array([*died, 0], dtype=float)
    d["patient_weight"] = np.array([1.0, 1.0, 1.0, 0.0])
    d |= comparison_arrays(COMPARISONS, len(COMPARISONS) + 1)
    series = [mean_series(curve, item.reading) for item in COMPARISONS]
    d["comparison_mean"] = np.stack([*series, np.zeros_like(series[0])])
    return d


def parameters(seed, name, *, mixture=False):
    """Arbitrary parameters of each arm, in the order of the operation."""
    rng = np.random.default_rng(seed)
    has_tail = family(name).has_tail
    found = {
        "location": rng.normal(1.5, 0.4, ARMS),
        "log_shape": rng.normal(-0.1, 0.2, ARMS),
        "tail": rng.normal(0.0, 0.6, ARMS) if has_tail else np.zeros(ARMS),
        "shift": rng.normal(0.5, 0.5, ARMS) if mixture else np.zeros(ARMS),
        "second_share": rng.uniform(0.2, 0.6, ARMS) if mixture else np.zeros(ARMS),
        "log_convention": np.log(rng.dirichlet(np.ones(3))),
    }
    return [found[key] for key in PARAMETERS]


def by_definition(values, name):
    """The sum of the three parts of the readable likelihood."""
    curve = family(name)
    location, log_shape, tail, shift, share, log_convention = values
    total = 0.0
    for arm, found in enumerate(PRINTED):
        if found:
            weights = [
                log_convention[METHODS.index(method)] if UNTOLD[arm] else 0.0 for method, _ in found
            ]
            total += arm_log_likelihood(
                [own for _, own in found],
                weights,
                location[arm],
                log_shape[arm],
                curve,
                tail[arm],
                shift=shift[arm],
                share=share[arm],
            )
    for arm, months, died in PATIENTS:
        mixed = [(1.0 - share[arm], location[arm]), (share[arm], location[arm] + shift[arm])]
        parts = [
            np.log(weight)
            + listed_patients(
                at, log_shape[arm], curve, log_time=np.log(months), event=died, tail=tail[arm]
            )
            for weight, at in mixed
            if weight > 0.0
        ]
        total += np.logaddexp.reduce(parts)
    for item in COMPARISONS:
        places = (
            Place(location[arm], log_shape[arm], tail[arm]) for arm in (item.first, item.second)
        )
        total += comparison_log_likelihood(item, *places, curve)
    return float(total)


@pytest.fixture(scope="module", params=FAMILIES)
def name(request):
    return request.param


@pytest.mark.parametrize("mixture", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_value_is_that_of_the_definition(name, seed, mixture):
    data, values = data_for(name), parameters(100 + seed, name, mixture=mixture)
    found = value_and_gradient(*values, *(data[key] for key in DATA))[0]
    # the same sums in another order: rounding, and for the generalised gamma two different
    # evaluations of the incomplete gamma function
    assert found == pytest.approx(by_definition(values, name), rel=1e-9)


@pytest.mark.parametrize("mixture", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_the_gradient_is_that_of_finite_differences(name, seed, mixture):
    data, values = data_for(name), parameters(200 + seed, name, mixture=mixture)
    gradient = value_and_gradient(*values, *(data[key] for key in DATA))[1:]
    step = 1e-5
    for which, key in enumerate(PARAMETERS):
        if key == "second_share" and not mixture:
            continue  # a share of nought is the end of its range: nobody asks for a slope there
        for i in range(values[which].size):
            ends = []
            for sign in (1.0, -1.0):
                moved = [value.copy() for value in values]
                moved[which][i] += sign * step
                ends.append(by_definition(moved, name))
            slope = (ends[0] - ends[1]) / (2.0 * step)
            # a value near a thousand carries rounding of 1e-13, so a difference over 2e-5 about
            # 1e-8; truncation is step^2 times a third derivative of up to ten thousand
            assert gradient[which][i] == pytest.approx(slope, rel=2e-6, abs=2e-6), (key, i)


def test_a_generalised_gamma_near_the_log_normal_has_a_gradient():
    data = data_for("generalised gamma")
    values = parameters(7, "generalised gamma")
    step = 1e-4
    for tail in (-0.019, -0.004, 0.0, 0.011):
        values[2] = np.full(ARMS, tail)
        gradient = value_and_gradient(*values, *(data[key] for key in DATA))[3]
        ends = []
        for sign in (1.0, -1.0):
            moved = [value.copy() for value in values]
            moved[2][0] += sign * step
            ends.append(by_definition(moved, "generalised gamma"))
        # the value is interpolated in Q there; its rounding of 1e-9 over 2e-4 is about 1e-5
        assert gradient[0] == pytest.approx((ends[0] - ends[1]) / (2.0 * step), rel=1e-4, abs=2e-5)


def test_far_from_the_data_value_and_gradient_stay_finite(name):
    data = data_for(name)
    for location in (-8.0, 12.0):
        values = parameters(0, name)
        values[0], values[1] = np.full(ARMS, location), np.full(ARMS, 0.5)
        found = value_and_gradient(*values, *(data[key] for key in DATA))
        assert all(np.isfinite(part).all() for part in found)


def test_the_operation_and_its_gradient_in_a_compiled_graph():
    data, values = data_for("weibull"), parameters(1, "weibull", mixture=True)
    tensors = {key: pt.as_tensor_variable(data[key]) for key in DATA}
    at = {key: pt.dvector(key) for key in PARAMETERS}
    value = log_likelihood(at, tensors)
    # doubled, so that the gradient has something to pass through
    graph = [value, *pytensor.grad(2.0 * value, list(at.values()))]
    # FAST_COMPILE runs the operation itself; whole models compile it in the sampler's own tests
    compiled = pytensor.function(list(at.values()), graph, mode="FAST_COMPILE")
    found = compiled(*values)
    expected = value_and_gradient(*values, *(data[key] for key in DATA))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)  # the same function twice
    for own, other in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_allclose(own, 2.0 * other, rtol=1e-12)


def test_a_wrong_number_of_inputs_is_refused():
    expected = len(PARAMETERS) + len(DATA)
    with pytest.raises(ValueError, match=f"expected {expected} inputs, found 2"):
        PrintedFigures()(np.zeros(2), np.zeros(2))
