"""The laws behind the checks hold in simulated samples, and against published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from studies.plausibility.counts import (
    binomial_at_most,
    exact_interval,
    log_log_interval,
    wald_interval,
    wilson_interval,
)
from studies.plausibility.curves import (
    RANK_SLACK,
    SHAPES,
    log_ratio_quantile,
    median_interval_ranks,
)
from synthesis.model.printed import METHODS, interval_ranks

SIZES = (8, 12, 23, 50, 120, 200)
SAMPLES = 20_000


def log_ratios(n, lower, upper, seed):
    """Log ratios of two order statistics of n exponential times."""
    times = np.sort(np.random.default_rng(seed).exponential(size=(SAMPLES, n)), axis=1)
    return np.log(times[:, upper - 1] / times[:, lower - 1])


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("probability", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_quantiles_of_the_ratio_of_two_order_statistics(n, probability):
    lower, upper = (round(rank) for rank in median_interval_ranks(n))
    quantile = log_ratio_quantile(n, lower, upper, probability)
    covered = np.mean(log_ratios(n, lower, upper, seed=n) < quantile)
    error = 4.0 * math.sqrt(probability * (1.0 - probability) / SAMPLES)
    # The approximation errs towards wider bounds in small samples, by half of the tail at most.
    tail = min(probability, 1.0 - probability)
    assert abs(covered - probability) < error + 0.5 * tail * (n < 20) + 0.1 * tail


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_limits_of_every_band_lie_where_the_formula_expects_them(n, method):
    ranks, formula = interval_ranks(n, method), median_interval_ranks(n)
    for rank, expected in zip((ranks.lower, ranks.upper), formula, strict=True):
        if rank is not None:
            assert abs(rank - expected) < 2.0


# The log band of few patients has no upper limit.
BOTH_LIMITS = [
    (n, method) for n in SIZES for method in METHODS if interval_ranks(n, method).upper is not None
]


@pytest.mark.parametrize(("n", "method"), BOTH_LIMITS)
def test_real_limits_of_a_sound_sample_are_hardly_ever_outside_of_the_bounds(n, method):
    ranks = interval_ranks(n, method)
    lower, upper = median_interval_ranks(n)
    inner = log_ratio_quantile(n, lower + RANK_SLACK, upper - RANK_SLACK, 0.001)
    outer = log_ratio_quantile(n, max(lower - RANK_SLACK, 1.0), min(upper + RANK_SLACK, n), 0.999)
    ratios = log_ratios(n, int(ranks.lower), int(ranks.upper), seed=100 + n)
    # Whatever the shape k of the curve, its ratio is that of shape 1 over k.
    outside = max(
        np.mean((ratios / k < inner / SHAPES[1]) | (ratios / k > outer / SHAPES[0]))
        for k in (SHAPES[0], 0.8, 1.0, SHAPES[1])
    )
    assert outside < 0.005


def test_a_rank_need_not_be_whole():
    quantiles = [log_ratio_quantile(40, rank, 28.0, 0.5) for rank in (12.0, 12.5, 13.0)]
    assert quantiles == sorted(quantiles, reverse=True)
    assert quantiles[1] == pytest.approx((quantiles[0] + quantiles[2]) / 2.0, abs=0.005)


# Clopper and Pearson 1934, and Newcombe 1998 (doi 10.1002/(SICI)1097-0258(19980430)17:8<857), table
# I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
PROPORTIONS = [
    (81, 263, (0.2527, 0.3676), (0.2553, 0.3662)),
    (15, 148, (0.0578, 0.1617), (0.0624, 0.1605)),
    (0, 20, (0.0000, 0.1684), (0.0000, 0.1611)),
    (1, 29, (0.0009, 0.1776), (0.0061, 0.1718)),
]


@pytest.mark.parametrize(("count", "of", "exact", "score"), PROPORTIONS)
def test_intervals_of_a_proportion_are_the_published_ones(count, of, exact, score):
    assert exact_interval(count, of) == pytest.approx(exact, abs=6e-5)
    assert wilson_interval(count / of, of) == pytest.approx(score, abs=6e-5)


def test_all_of_them_is_an_interval_up_to_one():
    low, high = exact_interval(20, 20)
    assert (low, high) == (pytest.approx(1 - 0.1684, abs=6e-5), 1.0)


def test_intervals_of_a_survival_probability():
    # 0.5 of 100 patients: a standard error of 0.05, and 0.144 on the scale of log(-log S).
    assert wald_interval(0.5, 100) == pytest.approx((0.402, 0.598), abs=1e-3)
    power = 1.959964 * 0.05 / (0.5 * math.log(2.0))
    expected = (0.5 ** math.exp(power), 0.5 ** math.exp(-power))
    assert log_log_interval(0.5, 100) == pytest.approx(expected, abs=1e-6)
    assert log_log_interval(1.0, 100) == (1.0, 1.0)


@pytest.mark.parametrize("of", [1, 7, 60])
@pytest.mark.parametrize("probability", [0.02, 0.5, 0.97])
def test_binomial_probabilities_add_up(of, probability):
    ways = [
        math.comb(of, k) * probability**k * (1.0 - probability) ** (of - k) for k in range(of + 1)
    ]
    for count in range(-1, of + 1):
        expected = sum(ways[: count + 1])
        assert binomial_at_most(count, of, probability) == pytest.approx(expected, abs=1e-9)


def test_a_count_of_very_many_patients_is_normal_and_takes_no_time():
    assert binomial_at_most(500_000_000, 10**9, 0.5) == pytest.approx(0.5, abs=1e-4)
    assert binomial_at_most(3, 10**9, 1e-9) == pytest.approx(0.981012, abs=1e-5)
    low = binomial_at_most(2800, 6000, 0.4999)
    exact = sum(
        math.exp(
            math.lgamma(6001)
            - math.lgamma(k + 1)
            - math.lgamma(6001 - k)
            + k * math.log(0.4999)
            + (6000 - k) * math.log(0.5001)
        )
        for k in range(2801)
    )
    assert low == pytest.approx(exact, rel=0.05)
