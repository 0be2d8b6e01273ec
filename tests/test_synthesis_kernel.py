"""The compiled likelihood against its readable definition, and its gradient."""

from __future__ import annotations

import math
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from likelihood_arrays import chains_of, total

from studies.selection import CohortRef
from synthesis.model import kernel, printed
from synthesis.model.arrays import Sizes, padded, sizes_for
from synthesis.model.comparisons import TAIL_TERMS, mean_series
from synthesis.model.families import FAMILIES, family
from synthesis.model.kernel import DATA, PARAMETERS, value_and_gradient
from synthesis.model.observations import Arm, ArmComparison, ListedPatient, SurvivalData
from synthesis.model.printed import FixedTime, PrintedMedian, Reading, Survivors, candidate_chains
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
    candidate_chains(
        None, [FixedTime(6.0, 0.6, at_risk=14.0), FixedTime(12.0, 0.4, at_risk=8.0)], 30
    ),
    candidate_chains(PrintedMedian(None, Reading(5.1, 0.05)), [Survivors(10.0, 9.0)], 16),
    [("log", printed.chain([printed.OrderStatistic(Reading(3.0, 0.05), 4), LANDMARK], 11))],
    [],
)
UNTOLD = (True, True, False, True, False, False)
PATIENTS = ((5, 2.2, True), (5, 8.0, False), (5, 3.4, True))


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
    compared(2, 0, -math.inf, -0.9, 0.4, either_sign=True),
    compared(0, 4, 0.0, math.inf, 0.5, medians=(1.4, 1.5)),
)

#: One cohort of a report, whose arms have these prints and patients.
REF = CohortRef(
    SimpleNamespace(id="report", design="retrospective"),
    SimpleNamespace(id="cohort", treatment="only", n=300),
    *("one", "systemic"),
)
OBSERVED = SurvivalData(
    *("os", ("one",), ("only",), ("report",), (0,), (REF,)),
    arms=tuple(
        Arm(0, "whole", 40, 0.4, tuple(own for _, own in found), "", methods, not untold)
        for found, untold in zip(PRINTED, UNTOLD, strict=True)
        for methods in (tuple(method for method, _ in found),)
    ),
    patients=tuple(ListedPatient(*own) for own in PATIENTS),
    comparisons=COMPARISONS,
)
ROOM = {"point": 2, "node": 3, "patient": 1, "comparison": 1}


@cache
def data_for(name):
    """The arrays of the operation, with padding at every end."""
    exact, curve = sizes_for([OBSERVED], spare=False), family(name)
    d = padded(OBSERVED, Sizes(tuple((key, own + ROOM.get(key, 0)) for key, own in exact.room)))
    d["family"] = np.asarray(curve.code, dtype="int64")
    d["tail_terms"] = np.asarray(TAIL_TERMS if curve.has_tail else 1)
    for i, item in enumerate(COMPARISONS):
        d["comparison_mean"][i] = mean_series(curve, item.reading)
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
    *numbers, shift, share, convention = values
    return total(
        *(data_for(name), family(name), *numbers, convention),
        shift=shift,
        share=share,
        comparisons=COMPARISONS,
    )


def test_the_arrays_hold_what_is_printed():
    arrays = data_for("weibull")
    for arm, expected in enumerate(PRINTED):
        held = [own for _, own in chains_of(arrays, arm)]
        assert len(held) == len(expected)
        for own, (_, chain) in zip(held, expected, strict=True):
            for name in ("cell", "density", "beyond", "log_constant", "survivors", "size"):
                assert getattr(own, name) == pytest.approx(getattr(chain, name)), name
            for name in ("nodes", "node_weights"):
                for one, other in zip(getattr(own, name), getattr(chain, name), strict=True):
                    assert one == pytest.approx(other), name
    who = arrays["patient_weight"] > 0
    listed = (arrays[f"patient_{name}"][who].tolist() for name in ("arm", "log_time", "event"))
    assert [(arm, math.exp(t), bool(died)) for arm, t, died in zip(*listed, strict=True)] == [
        (arm, pytest.approx(months), died) for arm, months, died in PATIENTS
    ]


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
    value = kernel.log_likelihood(at, tensors)
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
        kernel.PrintedFigures()(np.zeros(2), np.zeros(2))
