"""Rounded times against brute-force quadrature over what rounds to them.

Every likelihood here is compared with the joint density of order statistics (David & Nagaraja eq.
2.2.2), averaged over the rounding intervals on a fine grid.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from synthesis.model.families import family, log_density, survival
from synthesis.model.likelihoods import chain_log_likelihood
from synthesis.model.printed import (
    _NODES,
    METHODS,
    FixedTime,
    OrderStatistic,
    PrintedMedian,
    Reading,
    candidate_chains,
    chain,
    interval_ranks,
    median_rank,
)

# What several nodes may miss, in log units, at shapes up to 1.2 and everywhere within 2.6 standard
# deviations of the print; the largest error found is 0.0011.
SEVERAL_NODES = 2e-3
# What one node may miss: 0.014 is the largest, of five patients 2.6 standard deviations away.
ONE_NODE = 0.015

FINE = np.polynomial.legendre.leggauss(60)


def evaluate(points, n, median, shape, name):
    """Log likelihood of printed points, by the chain of the package."""
    return float(
        chain_log_likelihood(chain(points, n), np.log(median), np.log(shape), family(name))
    )


def curves(t, median, shape, name):
    """Log survival and log density at times."""
    z = shape * (np.log(t) - np.log(median))
    log_f = log_density(z, np.log(shape), np.log(t), family(name))
    return np.log(survival(t, median, shape, name)), log_f


def log_joint(times, ranks, n, median, shape, name):
    """Log joint density of order statistics; times broadcast against each other, increasing."""
    edges, total = [0, *ranks, n + 1], gammaln(n + 1)
    log_s, log_f = zip(*(curves(t, median, shape, name) for t in times), strict=True)
    alive = [np.ones(1), *(np.exp(own) for own in log_s), np.zeros(1)]
    for (a, b), (upper, lower) in zip(pairwise(edges), pairwise(alive), strict=True):
        total = total - gammaln(b - a)
        if b - a > 1:
            total = total + (b - a - 1) * np.log(upper - lower)
    return total + sum(log_f)


def log_average(log_values, weights):
    peak = log_values.max()
    return float(peak + np.log((weights * np.exp(log_values - peak)).sum()))


def places(printed, half):
    """Fine places over a rounding interval, with weights that add up to one."""
    return printed + half * FINE[0], FINE[1] / 2.0


def locations(printed, n, shape):
    """Medians up to 2.6 standard deviations of the sample median from a printed one."""
    spread = 1.3 / (np.sqrt(n) * shape)
    return printed * np.exp(spread * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))


# --- One time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [5, 8, 15, 36, 100, 321, 1000])
@pytest.mark.parametrize(
    ("printed", "half"), [(3.1, 0.05), (1.2, 0.05), (12.0, 0.5), (4.0, 0.5), (2.0, 0.5), (1.0, 0.5)]
)
def test_a_rounded_median_is_the_average_over_its_rounding_interval(n, printed, half):
    point = OrderStatistic(Reading(printed, half), median_rank(n))
    (nodes,) = chain([point], n).nodes
    allowed = ONE_NODE if nodes.size == 1 else SEVERAL_NODES
    times, weights = places(printed, half)
    for name in ("weibull", "log-logistic", "log-normal"):
        for shape in (0.4, 0.8, 1.2):
            for median in locations(printed, n, shape):
                exact = log_joint([times], [median_rank(n)], n, median, shape, name)
                found = evaluate([point], n, median, shape, name)
                assert found == pytest.approx(log_average(exact, weights), abs=allowed)


def test_finer_print_takes_fewer_nodes():
    def nodes(printed, half, n):
        return chain([OrderStatistic(Reading(printed, half), 1.0)], n).nodes[0].size

    assert nodes(12.0, 0.05, 36) == 1
    assert nodes(4.0, 0.05, 1000) == 3
    counts = [nodes(4.0, 0.5, n) for n in (1, 20, 100, 900, 4000, 40_000)]
    assert counts == sorted(counts)
    assert set(counts) == {count for count, _ in _NODES if count > 1}


def test_one_node_would_not_do_for_a_coarse_median():
    """Teeth: the density at the printed time instead of its average, 100 patients."""
    times, weights = places(3.0, 0.5)
    exact = log_average(log_joint([times], [50.5], 100, 3.0, 1.2, "weibull"), weights)
    single = float(log_joint([np.array([3.0])], [50.5], 100, 3.0, 1.2, "weibull")[0])
    assert single - exact > 100 * SEVERAL_NODES


# --- Three times ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("n", "printed", "half"),
    [
        (15, (2.0, 4.0, 9.0), 0.5),
        (36, (3.0, 4.0, 6.0), 0.5),
        (100, (3.0, 4.0, 5.0), 0.5),
        (321, (3.0, 4.0, 5.0), 0.5),
        (36, (2.1, 3.5, 6.2), 0.05),
    ],
)
def test_rounding_of_median_and_limits_is_averaged_jointly(method, n, printed, half):
    """On a grid in the three times: neighbouring intervals may touch."""
    lower, middle, upper = printed
    limits = PrintedMedian(*(Reading(t, half) for t in (middle, lower, upper)), method=method)
    ((found, own),) = candidate_chains(limits, [], n)
    assert found == method
    ranks = interval_ranks(n, method)
    grid, weights = zip(*(places(t, half) for t in printed), strict=True)
    times = [axis.reshape([-1 if i == j else 1 for j in range(3)]) for i, axis in enumerate(grid)]
    joint = np.einsum("i,j,k->ijk", *weights)
    single = any(nodes.size == 1 for nodes in own.nodes)
    for shape in (0.6, 1.1):
        for median in (0.8 * middle, middle, 1.2 * middle):
            exact = log_average(log_joint(times, ranks, n, median, shape, "weibull"), joint)
            value = chain_log_likelihood(own, np.log(median), np.log(shape), family("weibull"))
            assert float(value) == pytest.approx(exact, abs=ONE_NODE if single else 0.005)


# --- Times printed alike -------------------------------------------------------------------------


def alike(n, ranks, printed, half, median, shape):
    """Log density of two order statistics within one rounding interval, over half of its square."""
    low, high = max(printed - half, 1e-3), printed + half
    x, weight = FINE
    first = low + (high - low) * (x + 1.0) / 2.0
    later = first[:, None] + (high - first[:, None]) * (x + 1.0) / 2.0
    area = np.outer(weight, weight) / 4.0 * ((high - first) / (high - low))[:, None]
    exact = log_joint([first[:, None], later], ranks, n, median, shape, "weibull")
    return log_average(exact, area)


@pytest.mark.parametrize("n", [8, 15, 40, 100])
@pytest.mark.parametrize("method", ["plain", "log-log"])
@pytest.mark.parametrize(("printed", "half"), [(3.0, 0.05), (3.0, 0.5), (1.0, 0.5)])
def test_a_limit_printed_like_the_median_lies_before_it(n, method, printed, half):
    lower, middle, _ = interval_ranks(n, method)
    points = [OrderStatistic(Reading(printed, half), rank) for rank in (lower, middle)]
    for shape in (0.6, 1.0):
        for median in (0.7 * printed, printed, 1.3 * printed):
            exact = alike(n, (lower, middle), printed, half, median, shape)
            # a triangle by interlacing nodes: 0.009 is the largest error, of eight patients
            found = evaluate(points, n, median, shape, "weibull")
            assert found == pytest.approx(exact, abs=0.01)


def test_three_times_printed_alike():
    """Drawn: how often three order statistics of 41 all round to three months."""
    ranks, draws = interval_ranks(41, "plain"), 100_000
    assert ranks.median == 21.0
    points = [OrderStatistic(Reading(3.0, 0.5), rank) for rank in ranks]
    times = np.random.default_rng(9).exponential(size=(draws, 41)) / np.log(2.0)
    times = np.sort(3.1 * times ** (1.0 / 2.5), axis=1)[:, [int(rank) - 1 for rank in ranks]]
    share = np.mean(((times >= 2.5) & (times <= 3.5)).all(axis=1))
    error = np.sqrt(share * (1.0 - share) / draws)
    # averaged over a cube of one cubic month it is the probability; four Monte Carlo errors, and
    # half a hundredth of three interlacing sets of nodes
    found = np.exp(evaluate(points, 41, 3.1, 2.5, "weibull"))
    assert 0.1 < share < 0.9
    assert found == pytest.approx(share, abs=4.0 * error + 0.005 * share)


def test_the_same_month_to_another_digit_is_possible():
    points = [OrderStatistic(Reading(36.0, 0.05), 5), OrderStatistic(Reading(36.0, 0.5), 8)]
    assert evaluate(points, 15, 30.0, 0.9, "weibull") > -20.0


# --- Times that round to nothing -----------------------------------------------------------------


@pytest.mark.parametrize("n", [8, 15, 40])
@pytest.mark.parametrize("shape", [0.6, 1.0])
def test_a_time_that_rounds_to_nothing_is_averaged_over_what_does(n, shape):
    lower, middle, _ = interval_ranks(n, "plain")
    points = [OrderStatistic(Reading(0.0, 0.5), lower), OrderStatistic(Reading(3.5, 0.005), middle)]
    times, weights = places(0.2505, 0.2495)
    for median in (1.5, 3.0, 5.0):
        exact = log_joint([times, np.array([3.5])], [lower, middle], n, median, shape, "weibull")
        found = evaluate(points, n, median, shape, "weibull")
        # the density starts from nought with a root
        assert found == pytest.approx(log_average(exact, weights), abs=0.01)


# --- Beside landmarks ----------------------------------------------------------------------------


def test_a_landmark_beyond_a_coarse_median():
    """Printed as three months, then four of the seven left outlive twelve."""
    points = [OrderStatistic(Reading(3.0, 0.5), 8), FixedTime(12.0, 4 / 15)]
    times, weights = places(3.0, 0.5)
    log_s, _ = curves(times, 4.0, 0.85, "weibull")
    later = np.exp(curves(np.array([12.0]), 4.0, 0.85, "weibull")[0] - log_s)
    exact = log_joint([times], [8], 15, 4.0, 0.85, "weibull") + stats.binom.logpmf(4, 7, later)
    found = evaluate(points, 15, 4.0, 0.85, "weibull")
    assert found == pytest.approx(log_average(exact, weights), abs=SEVERAL_NODES)


def rounded_beside_landmark(low, high, months, before, between, beyond, median):
    """Log of: one death within the interval, so many before, up to the landmark and later."""
    t, weights = places((low + high) / 2.0, (high - low) / 2.0)
    log_s, log_f = curves(t, median, 0.85, "weibull")
    at = float(np.exp(curves(np.array([months]), median, 0.85, "weibull")[0][0]))
    first, second = (1.0, np.exp(log_s)), (np.exp(log_s), at)
    if months <= low:
        first, second = (1.0, at), (at, np.exp(log_s))
    total = gammaln(before + between + beyond + 2) - gammaln(before + 1) - gammaln(between + 1)
    total = total - gammaln(beyond + 1) + log_f
    total = total + before * np.log(first[0] - first[1]) + between * np.log(second[0] - second[1])
    last = log_s if months <= low else np.log(at)
    return log_average(total + beyond * last, weights)


@pytest.mark.parametrize("median", [9.0, 12.0, 16.0])
def test_a_landmark_at_the_printed_median_may_follow_it(median):
    """Of 15, the eighth died in 11.5-12 months and six outlived these: one died in between."""
    points = [OrderStatistic(Reading(12.0, 0.5), 8), FixedTime(12.0, 0.4)]
    exact = rounded_beside_landmark(11.5, 12.0, 12.0, 7, 1, 6, median) + np.log(0.5)
    assert evaluate(points, 15, median, 0.85, "weibull") == pytest.approx(exact, abs=SEVERAL_NODES)


@pytest.mark.parametrize("median", [9.0, 12.0, 16.0])
def test_a_landmark_at_the_printed_median_may_come_before_it(median):
    """Of 13, eight outlived 12 months; one more died before the seventh did, in 12-12.5."""
    points = [OrderStatistic(Reading(12.0, 0.5), 7), FixedTime(12.0, 8 / 13)]
    exact = rounded_beside_landmark(12.0, 12.5, 12.0, 5, 1, 6, median) + np.log(0.5)
    assert evaluate(points, 13, median, 0.85, "weibull") == pytest.approx(exact, abs=SEVERAL_NODES)


def test_a_landmark_beside_a_limit_has_one_place_under_every_transformation():
    """The ranks of a limit differ, its points do not: chains of one arm share their nodes."""
    printed = PrintedMedian(Reading(12.0, 0.5), Reading(6.0, 0.5), Reading(24.0, 0.5))
    for survival_ in np.arange(0.70, 0.90, 0.01):
        found = candidate_chains(printed, [FixedTime(6.0, float(survival_))], 15)
        assert len({tuple(own.time) for _, own in found}) == 1
        assert len({tuple(own.density) for _, own in found}) == 1


def test_a_reading_knows_what_rounds_to_it():
    assert Reading(3.0, 0.5).edges == (2.5, 3.5)
    low, high = Reading(0.0, 0.0).edges
    assert 0.0 < low < high
