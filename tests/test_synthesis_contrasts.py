"""Contrasts of two survival curves against closed forms, quadrature and simulated patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from synthesis.estimands import Curve
from synthesis.model.families import FAMILIES, quantile, survival
from synthesis.questions.contrasts import (
    GAIN,
    HAZARD_HORIZON,
    RESPONSE_CONTRASTS,
    SURVIVAL_CONTRASTS,
    average_hazard_ratios,
    gain_curve,
    ranks,
    survival_contrast,
)

# The same closed forms on the same numbers: rounding only.
EXACT = 1e-12
# The hazard ratio is a sum over 128 steps: of second order, so relative errors of about
# (1/128)^2 = 6e-5 times the curvature, which is largest where hazards start infinite.
STEPS = 2e-3

RNG = np.random.default_rng(11)
COUNT = 30
FIRST = RNG.uniform(2.0, 12.0, COUNT), RNG.uniform(0.7, 1.5, COUNT)
SECOND = RNG.uniform(1.0, 6.0, COUNT), RNG.uniform(0.7, 1.5, COUNT)


def curves(name="weibull", tail=0.0):
    tails = np.full(COUNT, tail)
    return Curve(*FIRST, name, tails), Curve(*SECOND, name, tails)


# --- Each contrast -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_contrasts_of_medians_and_restricted_means(name):
    first, second = curves(name, 0.2)
    ratio = survival_contrast(first, second, "ratio_of_medians")
    np.testing.assert_allclose(ratio, FIRST[0] / SECOND[0], rtol=EXACT)
    months = survival_contrast(first, second, GAIN)
    np.testing.assert_allclose(months, FIRST[0] - SECOND[0], rtol=EXACT)
    for horizon in (12, 24):
        found = survival_contrast(first, second, f"difference_rmst_{horizon}m")
        for i in (0, 7, 19):
            area = [
                integrate.quad(
                    lambda t, m=m, k=k: float(survival(t, m, k, name, 0.2)), 0.0, horizon, limit=200
                )[0]
                for m, k in ((FIRST[0][i], FIRST[1][i]), (SECOND[0][i], SECOND[1][i]))
            ]
            # families without a closed form take a quadrature of their own, good to about 1e-4
            assert found[i] == pytest.approx(area[0] - area[1], abs=2e-3)


def test_where_hazards_are_proportional_the_average_is_their_ratio():
    """Weibull curves of one shape: the ratio of hazards is (m0/m1)^k at every time."""
    shape = np.linspace(0.6, 1.6, COUNT)
    first, second = Curve(FIRST[0], shape, "weibull"), Curve(SECOND[0], shape, "weibull")
    expected = (SECOND[0] / FIRST[0]) ** shape
    for horizon in (6.0, HAZARD_HORIZON):
        found = average_hazard_ratios(first, second, horizon)[:, 0, 0]
        np.testing.assert_allclose(found, expected, rtol=STEPS)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_average_hazard_ratio_is_an_integral_over_deaths(name):
    first, second = curves(name, 0.3)
    found = survival_contrast(first, second, "average_hazard_ratio")
    for i in (2, 11, 23):

        def alive(which, t, i=i):
            middle, shape = (FIRST, SECOND)[which]
            return float(survival(t, middle[i], shape[i], name, 0.3))

        def dead_first(which, i=i):
            # over the deaths u of one, the share of the other that is alive then
            middle, shape = (FIRST, SECOND)[which]

            def still(u):
                time = float(quantile(np.array(u), middle[i], shape[i], name, 0.3))
                return alive(1 - which, time)

            return integrate.quad(still, 0.0, 1.0 - alive(which, 24.0), limit=200)[0]

        assert found[i] == pytest.approx(dead_first(0) / dead_first(1), rel=STEPS)


def test_it_is_the_odds_that_one_of_two_patients_dies_first():
    """Log-logistic curves of different shapes, whose hazards are not proportional."""
    rng = np.random.default_rng(3)
    pairs = 400_000
    (m1, k1), (m0, k0) = (8.0, 1.3), (4.0, 0.9)
    first, second = (
        m * (u / (1.0 - u)) ** (1.0 / k)
        for m, k, u in ((m1, k1, rng.uniform(size=pairs)), (m0, k0, rng.uniform(size=pairs)))
    )
    treated = ((first < second) & (first < HAZARD_HORIZON)).mean()
    control = ((second < first) & (second < HAZARD_HORIZON)).mean()
    found = survival_contrast(
        Curve(np.array([m1]), np.array([k1]), "log-logistic"),
        Curve(np.array([m0]), np.array([k0]), "log-logistic"),
        "average_hazard_ratio",
    )
    # the log odds of two shares of about a third and a half have an SD of 1/sqrt(pairs) * 2.3
    error = 4.0 * 2.3 / np.sqrt(pairs)
    assert np.log(found[0]) == pytest.approx(np.log(treated / control), abs=error + STEPS)


@pytest.mark.parametrize("name", SURVIVAL_CONTRASTS)
def test_turning_a_contrast_round_turns_its_sign(name):
    first, second = curves("log-logistic")
    there, back = (survival_contrast(*pair, name) for pair in ((first, second), (second, first)))
    if SURVIVAL_CONTRASTS[name].unit == "ratio":
        np.testing.assert_allclose(there * back, 1.0, rtol=EXACT)
    else:
        np.testing.assert_allclose(there, -back, rtol=EXACT)
    same = survival_contrast(first, first, name)
    np.testing.assert_allclose(same, SURVIVAL_CONTRASTS[name].null, atol=EXACT)


def test_a_longer_curve_is_favoured_by_every_contrast():
    shape = np.ones(COUNT)
    first, second = Curve(2.0 * SECOND[0], shape, "weibull"), Curve(SECOND[0], shape, "weibull")
    for name, contrast in SURVIVAL_CONTRASTS.items():
        assert contrast.favours(survival_contrast(first, second, name)) == 1.0
        assert contrast.favours(survival_contrast(second, first, name)) == 0.0


def test_favours_counts_what_exceeds_delta_in_the_direction_of_benefit():
    gain, hazard = SURVIVAL_CONTRASTS[GAIN], SURVIVAL_CONTRASTS["average_hazard_ratio"]
    months = np.array([-1.0, 0.5, 1.0, 1.5, 3.0])
    assert gain.favours(months) == pytest.approx(0.8)
    assert gain.favours(months, 1.0) == pytest.approx(0.4)
    assert gain.favours(months, -1.0) == pytest.approx(0.8)
    assert hazard.favours(np.array([0.5, 0.9, 1.0, 1.2])) == pytest.approx(0.5)
    assert RESPONSE_CONTRASTS["difference_response_rate"].favours(np.array([-0.1, 0.1])) == 0.5


def test_an_unknown_contrast_is_refused():
    with pytest.raises(KeyError, match="hazard_of_sorts"):
        survival_contrast(*curves(), "hazard_of_sorts")


# --- Curves of gain, and ranks -------------------------------------------------------------------


def test_the_curve_of_gains_is_the_share_above_each_value():
    draws = np.round(RNG.normal(2.0, 3.0, 500), 1)  # with ties: above, not at
    deltas = np.round(np.linspace(-6.0, 12.0, 37), 1)
    found = gain_curve(draws, deltas)
    np.testing.assert_allclose(found, [(draws > d).mean() for d in deltas], rtol=EXACT)
    assert (np.diff(found) <= 0.0).all()
    at_one = gain_curve(draws, np.array([1.0]))[0]
    assert at_one == pytest.approx(SURVIVAL_CONTRASTS[GAIN].favours(draws, 1.0), rel=EXACT)


def test_ranks_are_those_of_scipy_with_ties_in_their_order():
    values = RNG.normal(size=(200, 7))
    values[:50, 2] = values[:50, 5]
    found = ranks(values)
    np.testing.assert_array_equal(found, stats.rankdata(-values, axis=1, method="ordinal"))
    np.testing.assert_array_equal(np.sort(found, axis=1), np.tile(np.arange(1, 8), (200, 1)))
