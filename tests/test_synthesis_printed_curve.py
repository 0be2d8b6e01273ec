"""Points of a printed curve against closed forms of their joint probability."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import dblquad, quad
from scipy.special import gammaln

from synthesis.families import family, log_density, survival
from synthesis.likelihoods import printed_curves
from synthesis.printed_curve import (
    ContradictionError,
    FixedTime,
    OrderStatistic,
    PrintedMedian,
    Reading,
    Survivors,
    candidate_chains,
    chain,
    log_survival_variance,
)
from synthesis.ranks import METHODS, interval_ranks

MEDIAN, SHAPE, NAME = 4.0, 0.85, "weibull"

# Sums of a few logarithms of order ten: closed forms agree to rounding.
EXACT = 1e-10


def evaluate(found, median=MEDIAN, shape=SHAPE):
    """Log likelihood of one chain, its constant included."""
    return printed_curves(
        np.array([np.log(median)]),
        np.array([np.log(shape)]),
        family(NAME),
        point_arm=np.zeros(found.time.size, int),
        log_time=np.log(found.time),
        cell=found.cell[None],
        density=found.density,
        beyond=found.beyond[None],
        log_weight=np.array([[found.log_constant]]),
    )[0]


def s(t, median=MEDIAN, shape=SHAPE):
    return float(survival(t, median, shape, NAME))


def f(t, median=MEDIAN, shape=SHAPE):
    z = shape * (np.log(t) - np.log(median))
    return float(np.exp(log_density(z, np.log(shape), np.log(t), family(NAME))))


def fine(months, rank):
    """An order statistic printed to a hundredth of a month."""
    return OrderStatistic(Reading(months, 0.005), rank)


def log_joint(times, ranks, n):
    """Joint density of order statistics, David & Nagaraja eq. 2.2.2, with its constant."""
    edges, survivals = [0, *ranks, n + 1], [1.0, *(s(t) for t in times), 0.0]
    total = gammaln(n + 1)
    for (a, b), (upper, lower) in zip(pairwise(edges), pairwise(survivals), strict=True):
        total += (b - a - 1) * np.log(upper - lower) - gammaln(b - a)
    return total + sum(np.log(f(t)) for t in times)


# --- Closed forms --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_median_and_limits_have_the_joint_density_of_order_statistics(method):
    times, ranks = (2.11, 3.52, 9.07), interval_ranks(15, method)
    found = chain([fine(t, r) for t, r in zip(times, ranks, strict=True)], 15)
    assert evaluate(found) == pytest.approx(log_joint(times, ranks, 15), abs=EXACT)


def test_half_ranks_go_into_the_same_formula():
    times, ranks = (1.04, 3.52, 9.07), interval_ranks(8, "plain")
    assert ranks.median == 4.5
    found = chain([fine(t, r) for t, r in zip(times, ranks, strict=True)], 8)
    assert evaluate(found) == pytest.approx(log_joint(times, ranks, 8), abs=EXACT)


def test_a_missing_upper_limit_drops_its_point():
    times, ranks = (2.11, 3.52), interval_ranks(15, "log")[:2]
    found = chain([fine(t, r) for t, r in zip(times, ranks, strict=True)], 15)
    assert evaluate(found) == pytest.approx(log_joint(times, ranks, 15), abs=EXACT)


def test_the_order_of_the_points_does_not_matter():
    points = [fine(9.07, 11), FixedTime(12.0, 0.2), fine(2.11, 5), fine(3.52, 8)]
    assert evaluate(chain(points, 15)) == evaluate(chain(sorted(points, key=str), 15))


def test_a_landmark_is_a_binomial_count():
    expected = stats.binom.logpmf(6, 20, s(6.0))
    assert evaluate(chain([FixedTime(6.0, 0.3)], 20)) == pytest.approx(expected, abs=EXACT)


def test_landmarks_are_one_multinomial():
    found = chain([FixedTime(12.0, 0.1), FixedTime(3.0, 0.6), FixedTime(6.0, 0.3)], 20)
    cells = [1 - s(3.0), s(3.0) - s(6.0), s(6.0) - s(12.0), s(12.0)]
    expected = stats.multinomial.logpmf([8, 6, 4, 2], 20, cells)
    assert evaluate(found) == pytest.approx(expected, abs=EXACT)


def test_a_median_and_a_landmark_are_counted_together():
    # 15 patients: 7 before the median, the median, 4 of the 7 others before 12 months
    found = chain([fine(3.52, 8), FixedTime(12.0, 0.2)], 15)
    expected = log_joint([3.52], [8], 15)
    expected += stats.binom.logpmf(3, 7, s(12.0) / s(3.52))
    assert evaluate(found) == pytest.approx(expected, abs=EXACT)


def test_a_landmark_before_the_median_splits_those_before_it():
    found = chain([FixedTime(1.0, 0.8), fine(3.52, 8)], 15)
    expected = stats.binom.logpmf(12, 15, s(1.0))
    # of the 12 at risk at one month the fifth dies at the median
    later = gammaln(13) - gammaln(5) - gammaln(8) + 4 * np.log((s(1.0) - s(3.52)) / s(1.0))
    later += np.log(f(3.52) / s(1.0)) + 7 * np.log(s(3.52) / s(1.0))
    assert evaluate(found) == pytest.approx(expected + later, abs=EXACT)


def test_survivors_say_nothing_of_the_others():
    found = chain([Survivors(12.0, 7.0)], 15)
    assert evaluate(found) == pytest.approx(7 * np.log(s(12.0)), abs=EXACT)


def test_survivors_beyond_a_landmark():
    found = chain([FixedTime(6.0, 0.8), Survivors(12.0, 5.0)], 10)
    expected = stats.binom.logpmf(8, 10, s(6.0)) + 5 * np.log(s(12.0) / s(6.0))
    assert evaluate(found) == pytest.approx(expected, abs=EXACT)


# --- Rounding ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [8, 15, 36])
@pytest.mark.parametrize("shape", [0.5, 0.8, 1.2])
@pytest.mark.parametrize("median", [2.4, 3.0, 3.8])
def test_a_coarse_median_is_worth_the_integral_over_its_rounding_interval(n, shape, median):
    """Printed as 3: the density at 3 stands for its integral over 2.5-3.5 (midpoint rule)."""
    rank = (n + 1) / 2.0
    constant = gammaln(n + 1) - 2 * gammaln(rank)

    def density(t):
        own = s(t, median, shape)
        middle = (rank - 1) * np.log(own * (1 - own))
        return np.exp(constant + middle) * f(t, median, shape)

    integral = np.log(quad(density, 2.5, 3.5)[0])
    found = evaluate(chain([OrderStatistic(Reading(3.0, 0.5), rank)], n), median, shape)
    # The midpoint rule is off by (width^2 / 24) times the relative curvature of the density: about
    # n d^2 / 6 with d = S(2.5) - S(3.5) < 0.14 here, 0.12 at most.
    assert found == pytest.approx(integral, abs=0.12)


def test_a_coarse_median_does_not_empty_its_rounding_interval():
    """Of 100 patients many more than one die within the month that rounds to the median."""
    point = OrderStatistic(Reading(3.0, 0.5), 50.5)
    flat, steep = (evaluate(chain([point], 100), 3.0, shape) for shape in (0.4, 1.2))
    # the median of a steeper curve varies less, so it is the likelier to be printed at its place
    assert steep > flat


@pytest.mark.parametrize("method", ["plain", "log-log"])
@pytest.mark.parametrize("median", [2.2, 3.0, 4.2])
def test_a_limit_printed_like_the_median_is_a_cell(method, median):
    lower, middle, _ = interval_ranks(15, method)
    reading = Reading(3.0, 0.05)
    found = chain([OrderStatistic(reading, lower), OrderStatistic(reading, middle)], 15)
    assert found.density.sum() == 0.0
    between = middle - lower - 1
    constant = gammaln(16) - gammaln(lower) - gammaln(between + 1) - gammaln(16 - middle)

    def density(y, x):
        below, above = s(x, median), s(y, median)
        cells = (1 - below) ** (lower - 1) * (below - above) ** between * above ** (15 - middle)
        return np.exp(constant) * cells * f(x, median) * f(y, median)

    integral = np.log(dblquad(density, 2.95, 3.05, lambda x: x, 3.05)[0])
    # the cell puts the others at the ends of the interval: about n times half its probability
    assert evaluate(found, median) == pytest.approx(integral, abs=0.08)


def test_a_time_that_rounds_to_nothing_is_a_cell_from_the_start():
    found = chain([OrderStatistic(Reading(0.0, 0.5), 3), fine(3.52, 8)], 15)
    assert found.time.tolist() == [0.5, 3.52]
    assert found.cell == pytest.approx([3.0, 4.0], abs=EXACT)
    # three events up to half a month, then the order statistic of the twelve left
    expected = stats.binom.logpmf(12, 15, s(0.5)) + gammaln(13) - gammaln(5) - gammaln(8)
    expected += 4 * np.log(s(0.5) - s(3.52)) + np.log(f(3.52)) + 7 * np.log(s(3.52))
    expected -= 12 * np.log(s(0.5))
    assert evaluate(found) == pytest.approx(expected, abs=EXACT)


def test_a_reading_knows_what_rounds_to_it():
    assert Reading(3.0, 0.5).edges == (2.5, 3.5)
    low, high = Reading(0.0, 0.0).edges
    assert 0.0 < low < high


# --- Numbers at risk -----------------------------------------------------------------------------


def test_an_interval_without_censoring_leaves_the_number_at_risk_alone():
    variance = (1 - 0.3) / (0.3 * 20)
    whole, own = chain([FixedTime(6.0, 0.3)], 20), chain([FixedTime(6.0, 0.3, variance)], 20)
    assert evaluate(own) == pytest.approx(evaluate(whole), abs=EXACT)


def test_a_wide_interval_says_that_fewer_were_at_risk():
    variance = (1 - 0.3) / (0.3 * 10)
    found = chain([FixedTime(6.0, 0.3, variance)], 20)
    assert evaluate(found) == pytest.approx(stats.binom.logpmf(3, 10, s(6.0)), abs=EXACT)


def test_those_who_leave_before_a_landmark_count_up_to_the_point_before_it():
    # 10 of 20 alive at 6 months; the interval at 12 months is that of 5 at risk (Greenwood)
    first, ratio = (1 - 0.5) / (0.5 * 20), 0.4
    later = FixedTime(12.0, 0.2, first + (1 - ratio) / (ratio * 5))
    found = chain([FixedTime(6.0, 0.5), later], 20)
    assert found.cell == pytest.approx([10.0, 3.0], abs=EXACT)
    assert found.beyond == pytest.approx([5.0, 2.0], abs=EXACT)


@pytest.mark.parametrize("n", [15, 40])  # large enough for limits between 0 and 1 on every scale
@pytest.mark.parametrize("survival_", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("method", METHODS)
def test_the_interval_of_a_landmark_gives_back_its_number_of_patients(n, survival_, method):
    z = stats.norm.ppf(0.95)
    error = np.sqrt(survival_ * (1 - survival_) / n)
    if method == "plain":
        limits = survival_ - z * error, survival_ + z * error
    elif method == "log":
        limits = (survival_ * np.exp(sign * z * error / survival_) for sign in (-1, 1))
    else:
        power = z * error / (survival_ * abs(np.log(survival_)))
        limits = (survival_ ** np.exp(sign * power) for sign in (1, -1))
    variance = log_survival_variance(survival_, *limits, level=0.9)
    assert (1 - survival_) / (survival_ * variance) == pytest.approx(n, rel=1e-9)


@pytest.mark.parametrize(("lower", "upper"), [(0.0, 0.3), (0.1, 1.0)])
def test_a_limit_that_was_cut_leaves_the_other_half(lower, upper):
    # 0.1 to either side before the cut, so the standard error is 0.1 / 1.96
    survival_ = 0.2
    variance = log_survival_variance(survival_, lower, upper)
    assert variance == pytest.approx((0.1 / stats.norm.ppf(0.975) / survival_) ** 2, rel=1e-9)


@pytest.mark.parametrize("survival_", [0.0, 1.0])
def test_the_interval_of_a_certain_landmark_says_nothing(survival_):
    assert log_survival_variance(survival_, 0.0, 1.0) is None


# --- Contradictions and conventions --------------------------------------------------------------


def test_a_rising_curve_is_refused_with_both_levels():
    message = r"survival 0\.6 at 12 months follows 0\.3 at the point before it"
    with pytest.raises(ContradictionError, match=message):
        chain([FixedTime(6.0, 0.3), FixedTime(12.0, 0.6)], 30)


def test_nobody_can_follow_a_curve_that_has_reached_zero():
    with pytest.raises(ContradictionError, match="follows 0 at the point before it"):
        chain([FixedTime(6.0, 0.0), FixedTime(12.0, 0.0)], 30)


def test_rounding_may_cost_a_patient():
    # 0.53 of 15 at the time of the median, after which 7 of 15 are left: half a patient apart
    found = chain([fine(3.52, 8), FixedTime(4.0, 0.53)], 15)
    assert found.cell[-1] == 0.0


def test_unknown_conventions_are_all_kept():
    printed = PrintedMedian(Reading(3.5, 0.05), Reading(2.1, 0.05), Reading(9.1, 0.05))
    found = candidate_chains(printed, [], 15)
    assert [method for method, _ in found] == list(METHODS)
    for method, own in found:
        expected = log_joint((2.1, 3.5, 9.1), interval_ranks(15, method), 15)
        assert evaluate(own) == pytest.approx(expected, abs=EXACT)


def test_a_convention_that_cannot_print_the_limit_is_dropped():
    printed = PrintedMedian(Reading(3.5, 0.05), Reading(2.1, 0.05), Reading(9.1, 0.05))
    assert interval_ranks(8, "log").upper is None
    assert [method for method, _ in candidate_chains(printed, [], 8)] == ["plain", "log-log"]


def test_a_convention_that_contradicts_a_landmark_is_dropped():
    # by "log" only 2 of 15 are left at the upper limit, a third at 10 months
    printed = PrintedMedian(Reading(3.5, 0.05), Reading(2.1, 0.05), Reading(9.1, 0.05))
    found = candidate_chains(printed, [FixedTime(10.0, 0.34)], 15)
    assert [method for method, _ in found] == ["plain", "log-log"]


def test_a_named_convention_is_the_only_one():
    printed = PrintedMedian(
        Reading(3.5, 0.05), Reading(2.1, 0.05), Reading(9.1, 0.05), method="log"
    )
    assert [method for method, _ in candidate_chains(printed, [], 15)] == ["log"]


def test_where_every_convention_fails_the_median_is_left():
    printed = PrintedMedian(
        Reading(3.5, 0.05), Reading(2.1, 0.05), Reading(9.1, 0.05), method="log"
    )
    ((method, found),) = candidate_chains(printed, [], 8)
    assert method == "median"
    assert evaluate(found) == pytest.approx(log_joint([3.5], [4.5], 8), abs=EXACT)


def test_landmarks_alone():
    ((method, found),) = candidate_chains(None, [FixedTime(6.0, 0.3)], 20)
    assert method == "landmarks"
    assert found.time.tolist() == [6.0]


def test_figures_that_contradict_the_median_itself_are_refused():
    printed = PrintedMedian(Reading(3.5, 0.05), Reading(2.1, 0.05))
    with pytest.raises(ContradictionError):
        candidate_chains(printed, [FixedTime(6.0, 0.9)], 40)
