"""Likelihood terms against formulas written out by hand, and the log-rank term by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from synthesis.families import FAMILIES, family, log_density, log_survival
from synthesis.likelihoods import (
    listed_patients,
    log_difference,
    logrank_given_medians,
    printed_curves,
)
from synthesis.printed_curve import OrderStatistic, PrintedMedian, Reading, candidate_chains, chain

RHO = np.log(2.0) ** 2

# Sums of a few logarithms of order ten: closed forms agree to rounding.
EXACT = 1e-10


def one_chain(found, location, log_shape, curve):
    """Log likelihood of one arm with one chain."""
    return printed_curves(
        np.array([location]),
        np.array([log_shape]),
        curve,
        point_arm=np.zeros(found.time.size, int),
        log_time=np.log(found.time),
        cell=found.cell[None],
        density=found.density,
        beyond=found.beyond[None],
        log_weight=np.array([[found.log_constant]]),
    )[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_conventions_are_averaged_as_probabilities(name):
    printed = PrintedMedian(Reading(3.5, 0.05), Reading(2.1, 0.05), Reading(9.1, 0.05))
    chains = [found for _, found in candidate_chains(printed, [], 15)]
    assert len(chains) == 3
    location, log_shape = np.log(4.0), np.log(0.8)
    averaged = printed_curves(
        np.array([location]),
        np.array([log_shape]),
        family(name),
        point_arm=np.zeros(3, int),
        log_time=np.log(chains[0].time),
        cell=np.array([c.cell for c in chains]),
        density=chains[0].density,
        beyond=np.array([c.beyond for c in chains]),
        log_weight=np.array([[c.log_constant - np.log(3.0)] for c in chains]),
    )
    each = [np.exp(one_chain(c, location, log_shape, family(name))) for c in chains]
    assert averaged == pytest.approx([np.log(np.mean(each))], abs=EXACT)


def test_arms_do_not_mix_and_padding_carries_nothing():
    first = chain([OrderStatistic(Reading(3.5, 0.05), 8)], 15)
    second = chain([OrderStatistic(Reading(2.0, 0.05), 2)], 5)
    location, log_shape = np.log([4.0, 2.5, 9.0]), np.log([0.8, 1.1, 1.0])
    curve = family("weibull")
    both = printed_curves(
        location,
        log_shape,
        curve,
        point_arm=np.array([0, 1, -1, -1]),
        log_time=np.log([3.5, 2.0, 1.0, 1.0]),
        cell=np.array([[first.cell[0], second.cell[0], 0.0, 0.0]]),
        density=np.array([1.0, 1.0, 0.0, 0.0]),
        beyond=np.array([[first.beyond[0], second.beyond[0], 0.0, 0.0]]),
        log_weight=np.array([[first.log_constant, second.log_constant, 0.0]]),
    )
    alone = [one_chain(c, location[i], log_shape[i], curve) for i, c in enumerate((first, second))]
    assert both == pytest.approx([*alone, 0.0], abs=EXACT)


def test_log_difference():
    np.testing.assert_allclose(log_difference(np.log(0.7), np.log(0.2)), np.log(0.5), rtol=1e-14)
    assert np.isfinite(log_difference(np.array(-0.3), np.array(-0.3)))


@pytest.mark.parametrize("name", FAMILIES)
def test_listed_patients_are_density_or_survival(name):
    location, log_shape = np.log([3.0, 3.0]), np.log([0.9, 0.9])
    log_time, curve = np.log([2.0, 5.0]), family(name)
    z = 0.9 * (log_time - location)
    found = listed_patients(
        location, log_shape, curve, log_time=log_time, event=np.array([1.0, 0.0])
    )
    assert found[0] == log_density(z, log_shape, log_time, curve)[0]
    assert found[1] == log_survival(z, curve)[1]


# --- The log-rank term ---------------------------------------------------------------------------


def logrank(contrast, estimate, printed, name, k=0.8, variance=0.2):
    """Log likelihood of one log-rank result."""
    return logrank_given_medians(
        np.array([contrast]),
        np.array([np.log(k)]),
        family(name),
        estimate=np.array([estimate]),
        variance=np.array([variance]),
        printed_contrast=np.array([printed]),
    )[0]


@pytest.mark.parametrize(
    ("name", "slope", "weight"), [("weibull", 1.0, RHO), ("log-logistic", 0.5, np.log(2.0) / 2)]
)
def test_the_logrank_term_is_the_stated_normal(name, slope, weight):
    contrast, printed, estimate, k, variance = 0.9, 0.6, -0.7, 0.8, 0.2
    mean = -slope * k * contrast - weight * k * (printed - contrast)
    v = variance * (1.0 - RHO)
    expected = -0.5 * np.log(2.0 * np.pi * v) - 0.5 * (estimate - mean) ** 2 / v
    assert logrank(contrast, estimate, printed, name) == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_longer_median_goes_with_a_hazard_ratio_below_one(name):
    assert logrank(0.9, -0.5, 0.9, name) > logrank(-0.9, -0.5, -0.9, name)


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


def simulate(name, k, sizes, replicates, seed):
    """Log-rank log hazard ratios and differences of sample log medians without any effect."""
    draws = np.random.default_rng(seed).uniform(size=(replicates, sum(sizes)))
    cumulative = -np.log1p(-draws)
    log_time = np.log(cumulative / np.log(2.0) if name == "weibull" else np.expm1(cumulative)) / k
    second = np.arange(sum(sizes)) >= sizes[0]
    medians = np.median(log_time[:, second], axis=1) - np.median(log_time[:, ~second], axis=1)
    order = np.argsort(log_time, axis=1)
    of_second = second[order].astype(float)
    at_risk = np.arange(sum(sizes), 0, -1)
    share = np.cumsum(of_second[:, ::-1], axis=1)[:, ::-1] / at_risk
    score, information = (of_second - share).sum(1), (share * (1.0 - share)).sum(1)
    variance = sum(1.0 / n for n in sizes)
    return score / np.sqrt(information) * np.sqrt(variance), medians, variance


@pytest.mark.parametrize("name", FAMILIES)
def test_the_regression_of_the_logrank_estimate_on_the_medians(name):
    k, sizes = 0.8, (150, 80)
    estimate, medians, variance = simulate(name, k, sizes, replicates=4000, seed=11)
    slope, intercept = np.polyfit(medians, estimate, 1)
    residual = estimate - slope * medians - intercept
    error = residual.std() / (medians.std() * np.sqrt(medians.size))
    # Four Monte Carlo errors (each about 2.5 % of the slope), and 3 % for sizes that are finite:
    # sample medians are only asymptotically linear.
    expected = -family(name).median_weight * k
    assert slope == pytest.approx(expected, abs=4.0 * error + 0.03 * abs(expected))
    # variance of a variance: sqrt(2 / 4000) is 2.2 %, again four of them
    assert residual.var() == pytest.approx(variance * (1.0 - RHO), rel=0.09)
    assert intercept == pytest.approx(0.0, abs=4.0 * residual.std() / np.sqrt(medians.size))
