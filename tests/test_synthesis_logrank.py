"""What a log-rank test estimates: its constants by quadrature, its mean by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from synthesis.model import logrank
from synthesis.model.families import (
    FAMILIES,
    LN2,
    family,
    log_survival,
    quantile,
)
from synthesis.model.likelihoods import RHO, comparison_given_medians

SIMULATED = ("weibull", "log-logistic", "log-normal")
K = 0.8  # shape of the simulated patients
SIZES = (150, 80)
SHARE = SIZES[0] / sum(SIZES)


# --- Constants -----------------------------------------------------------------------------------


def mean_of(function, name, tail=0.0):
    """Mean of a function of z over the family's own distribution."""

    def integrand(z):
        return function(z) * float(np.exp(family(name).log_density(z, tail)))

    parts = [(-60.0, -20.0), (-20.0, -5.0), (-5.0, 0.0), (0.0, 3.0), (3.0, 10.0), (10.0, 60.0)]
    return sum(quad(integrand, *part, epsabs=1e-9, epsrel=1e-7, limit=300)[0] for part in parts)


def hazard_slope(name, tail=0.0):
    """Derivative of the log hazard of z, by central differences of step 1e-5."""
    curve = family(name)

    def log_hazard(z):
        return float(curve.log_density(z, tail) - log_survival(z, curve, tail))

    def slope(z):
        if float(log_survival(z, curve, tail)) < -500.0:  # nobody is left
            return 0.0
        return (log_hazard(z + 1e-5) - log_hazard(z - 1e-5)) / 2e-5

    return slope


@pytest.mark.parametrize("name", FAMILIES)
def test_the_slope_is_the_mean_rise_of_the_log_hazard(name):
    # the differences are good to about 1e-9
    expected = mean_of(hazard_slope(name), name)
    assert family(name).logrank_slope == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_weight_of_the_medians_is_a_covariance_over_a_variance(name):
    """Cov of the martingale residual 1 + ln U with 1{U < 1/2}, against the density at the median.

    The influence of a patient on the sample median is 1{dead before it}/f less its mean, on the
    log-rank estimate the residual; the ratio of covariance and variance, 1/4 f^2, is the weight.
    """
    covariance = quad(lambda u: 1.0 + np.log(u), 0.0, 0.5, epsabs=1e-14)[0]
    assert covariance == pytest.approx(0.5 * np.log(0.5), abs=1e-9)
    density = float(np.exp(family(name).log_density(np.zeros(1), 0.0)[0]))
    expected = -covariance / density / (0.25 / density**2)
    # at Q = 0 the density of the generalised gamma is interpolated to ten digits
    assert family(name).median_weight == pytest.approx(expected, rel=1e-8)
    # correlation squared, the same in every family
    assert covariance**2 / 0.25 == pytest.approx(RHO, rel=1e-8)


def test_the_average_log_hazard_ratio_under_proportional_odds_is_half_the_log_odds_ratio():
    """The slope of the log-logistic, from its hazards alone: exact for any size of effect."""
    theta = 1.3
    u = (np.arange(200_000) + 0.5) / 200_000  # probabilities of death at evenly spaced deaths

    def other(p, sign):
        odds = np.exp(sign * theta) * p / (1.0 - p)
        return odds / (1.0 + odds)

    # hazard of a log-logistic: k F / t, so the hazard ratio at one time is a ratio of F
    first, second = np.log(other(u, 1) / u), np.log(u / other(u, -1))
    average = (first.mean() + second.mean()) / 2.0
    # midpoint rule with 2e5 cells on a bounded, smooth function
    assert average == pytest.approx(family("log-logistic").logrank_slope * theta, abs=1e-6)


@pytest.mark.parametrize("name", ["generalised gamma", "long-tail"])
@pytest.mark.parametrize("tail", [-2.0, -0.7, -0.1, 0.0, 0.4, 1.0, 1.8])
def test_slope_and_weight_follow_the_tail(name, tail):
    slopes, weights = logrank.tail_series(name)
    curve = family(name)
    slope = curve.logrank_slope * logrank.tail_factor(slopes, tail)
    # a series of twelve terms over a range of five
    assert slope == pytest.approx(mean_of(hazard_slope(name, tail), name, tail), abs=5e-4)
    density = float(np.exp(curve.log_density(np.zeros(1), tail)[0]))
    weight = curve.median_weight * logrank.tail_factor(weights, tail)
    assert weight == pytest.approx(2.0 * LN2 * density, abs=2e-4)


def test_at_one_the_generalised_gamma_has_the_constants_of_the_weibull():
    slopes, weights = logrank.tail_series("generalised gamma")
    gamma, weibull = family("generalised gamma"), family("weibull")
    found = gamma.logrank_slope * logrank.tail_factor(slopes, 1.0)
    assert found == pytest.approx(weibull.logrank_slope, abs=5e-4)
    found = gamma.median_weight * logrank.tail_factor(weights, 1.0)
    assert found == pytest.approx(weibull.median_weight, abs=2e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_without_a_tail_do_not_know_one(name):
    factors = [logrank.tail_factor(s, 0.7) for s in logrank.tail_series(name)]
    assert (factors == [1.0, 1.0]) is (not family(name).has_tail)


# --- The mean ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.65])
def test_small_effects_are_the_slope(name, share):
    series = logrank.mean_series(family(name), share)
    rise = (logrank.evaluate(series, 0.02) - logrank.evaluate(series, -0.02)) / 0.04
    # a series of 24 terms over a range of twelve: the largest error, of the Weibull, is 0.0016
    assert rise == pytest.approx(-family(name).logrank_slope, rel=0.002)
    assert logrank.evaluate(series, 0.0) == pytest.approx(0.0, abs=0.002)


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize("share", [0.35, 0.65])
def test_swapping_the_groups_changes_the_sign(name, share):
    one, other = (logrank.mean_series(family(name), s) for s in (share, 1.0 - share))
    for delta in (0.3, 1.1, 2.5, 5.0):
        swapped = -logrank.evaluate(other, -delta)
        assert logrank.evaluate(one, delta) == pytest.approx(swapped, abs=1e-9)  # rounding


def test_large_effects_saturate_and_a_hazard_ratio_does_not():
    own = family("weibull")
    series = logrank.mean_series(own, 0.5)
    slopes = -np.diff(logrank.evaluate(series, np.array([0.0, 1.0, 2.0, 3.0, 4.0])))
    assert (np.diff(slopes) < 0.0).all()
    ratio = logrank.mean_series(own, None)
    np.testing.assert_allclose(
        logrank.evaluate(ratio, np.array([-9.0, 0.4, 5.0])), [9.0, -0.4, -5.0], rtol=1e-12
    )


def test_beyond_the_range_of_the_series_it_goes_on_straight():
    series = logrank.mean_series(family("log-logistic"), 0.4)
    at = logrank.WIDEST + np.array([0.0, 1.0, 2.0])
    found = logrank.evaluate(series, at)
    assert found[1] - found[0] == pytest.approx(found[2] - found[1], rel=1e-9)
    near = logrank.evaluate(series, np.array([logrank.WIDEST - 1e-6, logrank.WIDEST]))
    assert (near[1] - near[0]) / 1e-6 == pytest.approx(found[1] - found[0], rel=1e-3)


# --- By simulation -------------------------------------------------------------------------------


def simulate(name, effect, sizes, replicates, tail=0.0):
    """Log-rank log hazard ratios and differences of sample log medians.

    Every patient dies at a time of its own; the first group's median is ``e^effect`` times the
    second's.
    """
    draws = np.random.default_rng(11).uniform(size=(replicates, sum(sizes)))
    first = np.arange(sum(sizes)) < sizes[0]
    log_time = np.log(quantile(draws, 1.0, 1.0, name, tail)) / K + effect * first
    medians = np.median(log_time[:, first], axis=1) - np.median(log_time[:, ~first], axis=1)
    of_first = first[np.argsort(log_time, axis=1)].astype(float)
    at_risk = np.arange(sum(sizes), 0, -1)
    share = np.cumsum(of_first[:, ::-1], axis=1)[:, ::-1] / at_risk
    score, information = (of_first - share).sum(1), (share * (1.0 - share)).sum(1)
    variance = sum(1.0 / n for n in sizes)
    return score / np.sqrt(information) * np.sqrt(variance), medians, variance


def stated(name, effect, sizes, tail=0.0):
    """Mean at the true medians, weight of the medians, and variance that the likelihood takes."""
    curve, share = family(name), sizes[0] / sum(sizes)
    v = sum(1.0 / n for n in sizes)

    def log_p(estimate, medians):
        return float(
            comparison_given_medians(
                effect,
                np.log(K),
                curve,
                tail,
                estimate=estimate,
                variance=v,
                medians=medians,
                share=share,
            )
        )

    def mean(medians):  # of a normal, from three values of its log density
        up, middle, down = (log_p(x, medians) for x in (1.0, 0.0, -1.0))
        return (up - down) / 2.0 / (2.0 * middle - up - down)

    up, middle, down = (log_p(x, effect) for x in (1.0, 0.0, -1.0))
    return mean(effect), mean(effect + 1.0) - mean(effect), 1.0 / (2.0 * middle - up - down)


def measured(name, effect, sizes, replicates, tail=0.0):
    """The same from simulated patients, with the Monte Carlo error of the mean."""
    estimate, medians, _ = simulate(name, effect, sizes, replicates, tail)
    weight, mean = np.polyfit(medians - effect, estimate, 1)
    residual = estimate - mean - weight * (medians - effect)
    error = residual.std() / np.sqrt(replicates)
    return mean, weight, residual.var(), error, error / medians.std()


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize("effect", [0.0, 0.8, 1.5])
def test_the_mean_of_the_logrank_estimate_of_large_groups(name, effect):
    """150 against 80 patients; times up to 4.5 times as long, where the statistic saturates."""
    found, _, _, error, _ = measured(name, effect, SIZES, 4000)
    expected = stated(name, effect, SIZES)[0]
    # four Monte Carlo errors of about 0.0016, and 0.008 for sizes that are finite: the statistic
    # is a ratio of two sums over 230 patients
    assert found == pytest.approx(expected, abs=4.0 * error + 0.008)


@pytest.mark.parametrize("name", SIMULATED)
def test_a_mean_without_saturation_would_not_do(name):
    """Teeth: at the largest effect a straight line is off by more than the simulation allows."""
    found, _, _, error, _ = measured(name, 1.5, SIZES, 4000)
    straight = -family(name).logrank_slope * K * 1.5
    if name == "log-logistic":  # its slope hardly changes at this share: 0.61 against 0.60
        assert abs(stated(name, 1.5, SIZES)[0] - straight) < 0.03
    else:
        assert abs(found - straight) > 4.0 * error + 0.02


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize("effect", [0.0, 0.8, 1.5])
def test_the_regression_of_the_logrank_estimate_on_the_medians(name, effect):
    _, found, _, _, error = measured(name, effect, SIZES, 4000)
    expected = stated(name, effect, SIZES)[1]
    # four Monte Carlo errors (each about 2.5 % of the slope), and 6 % for sizes that are finite:
    # sample medians are only asymptotically linear
    assert found == pytest.approx(expected, abs=4.0 * error + 0.06 * abs(expected))


@pytest.mark.parametrize("name", SIMULATED)
def test_the_variance_without_an_effect(name):
    found, expected = measured(name, 0.0, SIZES, 4000)[2], stated(name, 0.0, SIZES)[2]
    # variance of a variance: sqrt(2 / 4000) is 2.2 %, four of them
    assert found == pytest.approx(expected, rel=0.09)


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize("effect", [0.0, 0.8, 1.5])
@pytest.mark.parametrize("sizes", [(15, 8), (8, 15)])
def test_the_term_of_small_groups_is_calibrated(name, effect, sizes):
    """15 against 8 patients: how often the estimate falls within 1.96 of its stated SD.

    The mean of groups this small is off by up to a quarter of that SD, and the variance is taken
    as that without an effect: too small where the larger group lives longer, too large where the
    smaller does. Both together leave 0.90 to 0.98.
    """
    estimate, medians, _ = simulate(name, effect, sizes, 4000)
    mean, weight, variance = stated(name, effect, sizes)
    score = (estimate - mean - weight * (medians - effect)) / np.sqrt(variance)
    inside = np.mean(np.abs(score) < 1.96)
    # four Monte Carlo errors of 0.0035 to 0.005 beside the range above
    assert 0.88 < inside < 0.995
    assert abs(score.mean()) < 0.33


@pytest.mark.parametrize(
    ("name", "tail"), [("generalised gamma", -0.5), ("generalised gamma", 0.6), ("long-tail", -0.6)]
)
@pytest.mark.parametrize("effect", [0.0, 0.8])
def test_the_mean_of_families_with_a_tail(name, tail, effect):
    """Slope times the mean at tail 0: right without an effect, to 4 % at time ratios of 2.2."""
    found, weight, _, error, of_weight = measured(name, effect, SIZES, 4000, tail)
    mean, expected_weight, _ = stated(name, effect, SIZES, tail)
    assert found == pytest.approx(mean, abs=4.0 * error + 0.004 + 0.04 * abs(mean))
    assert weight == pytest.approx(expected_weight, abs=4.0 * of_weight + 0.1 * abs(weight))
