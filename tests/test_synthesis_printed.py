"""Points of a printed curve against closed forms of their joint probability.

Times here are printed finely; rounding has tests of its own (`test_synthesis_printed_rounding`).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from kaplan_meier import curve_of, of_patients, sixty_patients, survival_at
from scipy import stats
from scipy.integrate import quad
from scipy.special import gammaln

from synthesis.model.families import family, log_density, quantile, survival
from synthesis.model.likelihoods import chain_log_likelihood
from synthesis.model.printed import (
    METHODS,
    ContradictionError,
    FixedTime,
    OrderStatistic,
    PrintedMedian,
    Ranks,
    Reading,
    Survivors,
    candidate_chains,
    chain,
    interval_ranks,
    log_survival_variance,
    median_rank,
)

MEDIAN, SHAPE, NAME = 4.0, 0.85, "weibull"

# Sums of a few logarithms of order ten: closed forms agree to rounding.
EXACT = 1e-10


def evaluate(found, median=MEDIAN, shape=SHAPE):
    """Log likelihood of one chain, its constant included."""
    return float(chain_log_likelihood(found, np.log(median), np.log(shape), family(NAME)))


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


def joint(times, ranks, n, *more, log_probability=0.0):
    """Order statistics of n patients, what else is printed, and the log probability of both."""
    points = [fine(t, r) for t, r in zip(times, ranks, strict=True)]
    return [*more, *points], n, log_joint(times, ranks, n) + log_probability


THREE = (2.11, 3.52, 9.07)
# of the 12 at risk at one month the fifth dies at the median
FIFTH = gammaln(13) - gammaln(5) - gammaln(8) + 4 * np.log((s(1.0) - s(3.52)) / s(1.0))
FIFTH += np.log(f(3.52) / s(1.0)) + 7 * np.log(s(3.52) / s(1.0))
CELLS = [1 - s(3.0), s(3.0) - s(6.0), s(6.0) - s(12.0), s(12.0)]
MARKS = ((12.0, 0.1, 2.0), (3.0, 0.6, 12.0), (6.0, 0.3, 6.0))
MULTINOMIAL = stats.multinomial.logpmf([8, 6, 4, 2], 20, CELLS)
#: What is printed of how many patients, and its log probability.
CLOSED_FORMS = {
    **{f"limits by {own}": joint(THREE, interval_ranks(15, own), 15) for own in METHODS},
    "half ranks": joint((1.04, 3.52, 9.07), interval_ranks(8, "plain"), 8),
    "no upper limit": joint(THREE[:2], interval_ranks(15, "log")[:2], 15),
    "points in any order": joint(
        THREE,
        (5, 8, 11),
        15,
        FixedTime(12.0, 0.2),
        log_probability=stats.binom.logpmf(3, 4, s(12.0) / s(9.07)),
    ),
    # 15 patients: 7 before the median, the median, 4 of the 7 others before 12 months
    "a median and a landmark": joint(
        [3.52],
        [8],
        15,
        FixedTime(12.0, 0.2),
        log_probability=stats.binom.logpmf(3, 7, s(12.0) / s(3.52)),
    ),
    "a landmark before the median": (
        [FixedTime(1.0, 0.8), fine(3.52, 8)],
        15,
        stats.binom.logpmf(12, 15, s(1.0)) + FIFTH,
    ),
    "a landmark": ([FixedTime(6.0, 0.3)], 20, stats.binom.logpmf(6, 20, s(6.0))),
    "landmarks": ([FixedTime(t, own) for t, own, _ in MARKS], 20, MULTINOMIAL),
    "at risk without censoring": (
        [FixedTime(t, own, at_risk=left) for t, own, left in MARKS],
        20,
        MULTINOMIAL,
    ),
    **{
        f"{own} of {n} survivors": ([Survivors(12.0, own)], n, stats.binom.logsf(own - 1, n, s(12)))
        for own, n in ((1, 1), (8, 15), (7, 15), (19, 36), (36, 36))
    },
    "survivors beyond a landmark": (
        [FixedTime(6.0, 0.8), Survivors(12.0, 5.0)],
        10,
        stats.binom.logpmf(8, 10, s(6.0)) + stats.binom.logsf(4, 8, s(12.0) / s(6.0)),
    ),
    "no more survivors than were left": (
        [FixedTime(6.0, 0.5), Survivors(12.0, 9.0)],
        10,
        stats.binom.logpmf(5, 10, s(6.0)) + 5 * np.log(s(12.0) / s(6.0)),
    ),
    "a later point says more than survivors": (
        [Survivors(6.0, 5.0), FixedTime(12.0, 0.7)],
        10,
        stats.binom.logpmf(7, 10, s(12.0)),
    ),
    "the interval of all at risk": (
        [FixedTime(6.0, 0.3, (1 - 0.3) / (0.3 * 20))],
        20,
        stats.binom.logpmf(6, 20, s(6.0)),
    ),
    "the wide interval of fewer at risk": (
        [FixedTime(6.0, 0.3, (1 - 0.3) / (0.3 * 10))],
        20,
        stats.binom.logpmf(3, 10, s(6.0)),
    ),
}


@pytest.mark.parametrize(("points", "n", "expected"), CLOSED_FORMS.values(), ids=CLOSED_FORMS)
def test_what_is_printed_has_its_closed_form(points, n, expected):
    assert evaluate(chain(points, n)) == pytest.approx(expected, abs=EXACT)


def test_a_lower_limit_and_a_median_not_reached():
    """The fifth of sixteen died at 5.1 months, nine or more of the eleven left outlived 10."""
    printed = PrintedMedian(None, Reading(5.1, 0.005), method="plain")
    rank = interval_ranks(16, "plain").lower
    assert rank == 5
    ((method, found),) = candidate_chains(printed, [Survivors(10.0, 9.0)], 16)
    assert method == "plain"
    expected = log_joint([5.1], [rank], 16) + stats.binom.logsf(8, 11, s(10.0) / s(5.1))
    assert evaluate(found) == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("follow_up", [9.96, 10.0, 10.04])
def test_a_follow_up_that_ends_with_the_lower_limit_adds_nothing(follow_up):
    """The limit is an event seen by then; what rounds to one time is no contradiction."""
    printed = PrintedMedian(None, Reading(10.0, 0.05), method="log-log")
    ((_, found),) = candidate_chains(printed, [Survivors(follow_up, 9.0)], 16)
    ((_, alone),) = candidate_chains(printed, [], 16)
    np.testing.assert_equal(vars(found), vars(alone))
    assert evaluate(found) > -100.0


def test_a_follow_up_that_ends_with_a_landmark_adds_nothing():
    """The landmark says how many were left then, the median only that more than half were."""
    landmarks = [FixedTime(6.0, 0.8), FixedTime(12.0, 0.6)]
    found = chain([*landmarks, Survivors(12.0, 9.0)], 16)
    np.testing.assert_equal(vars(found), vars(chain(landmarks, 16)))


# --- Probabilities add up to one -----------------------------------------------------------------


def of_one(n, alive):
    return [[FixedTime(9.0, left / n)] for left in alive]


OUTCOMES = {
    "a landmark": (of_one(7, range(8)), 7),
    "two landmarks": (
        [
            [FixedTime(3.0, first / 6), FixedTime(9.0, later / 6)]
            for first in range(7)
            for later in range(first + 1)
        ],
        6,
    ),
    "reached and not reached": ([*of_one(9, range(5)), [Survivors(9.0, 5.0)]], 9),
}


@pytest.mark.parametrize(("outcomes", "n"), OUTCOMES.values(), ids=OUTCOMES)
def test_all_outcomes_add_up_to_one(outcomes, n):
    total = sum(np.exp(evaluate(chain(points, n))) for points in outcomes)
    assert total == pytest.approx(1.0, abs=EXACT)


def sharp(months, rank):
    """An order statistic printed with every digit."""
    return OrderStatistic(Reading(months, 1e-9), rank)


def test_a_median_at_any_time_with_any_landmark_has_probability_one():
    """Five patients: the third dies at t; of those alive at six months any number is possible."""

    def density(t):
        counts = range(3) if t < 6.0 else range(3, 6)
        points = (chain([sharp(t, 3), FixedTime(6.0, alive / 5)], 5) for alive in counts)
        return sum(np.exp(evaluate(own)) for own in points)

    parts = [(1e-9, 0.5), (0.5, 5.9999999), (6.0000001, 20.0), (20.0, 400.0)]
    total = sum(quad(density, *part, epsabs=1e-10, limit=200)[0] for part in parts)
    assert total == pytest.approx(1.0, abs=2e-7)  # 2e-7 months about the landmark are left out


def test_a_limit_and_a_median_at_any_times_have_probability_one():
    """The second and the fourth of six, on a grid in the two shares who died before them."""
    x, weight = np.polynomial.legendre.leggauss(12)
    x, weight = (x + 1.0) / 2.0, weight / 2.0
    total = 0.0
    for later, w_later in zip(x, weight, strict=True):  # share dead before the fourth
        for part, w_part in zip(x, weight, strict=True):  # of them, dead before the second
            times = quantile(np.array([later * part, later]), MEDIAN, SHAPE, NAME)
            density = evaluate(chain([sharp(times[0], 2), sharp(times[1], 4)], 6))
            volume = later / (f(times[0]) * f(times[1]))
            total += w_later * w_part * np.exp(density) * volume
    # a polynomial of degree six in the shares
    assert total == pytest.approx(1.0, abs=1e-8)


# --- Numbers at risk -----------------------------------------------------------------------------


def test_those_who_leave_before_a_landmark_count_up_to_the_point_before_it():
    # 10 of 20 alive at 6 months; the interval at 12 months is that of 5 at risk (Greenwood)
    first, ratio = (1 - 0.5) / (0.5 * 20), 0.4
    later = FixedTime(12.0, 0.2, first + (1 - ratio) / (ratio * 5))
    found = chain([FixedTime(6.0, 0.5), later], 20)
    assert found.cell == pytest.approx([10.0, 3.0], abs=EXACT)
    assert found.beyond == pytest.approx([5.0, 2.0], abs=EXACT)


def test_numbers_at_risk_are_conditional_binomials():
    """30 patients; 14 at risk at six months with survival 0.6, 8 at twelve with 0.4.

    With c censored between N and R at risk, half of them left at either end, so that
    ``N - c/2`` entered and ``(N - c/2)(1 - ratio)`` died, where ``N - c - died = R``.
    """
    found = chain([FixedTime(6.0, 0.6, at_risk=14.0), FixedTime(12.0, 0.4, at_risk=8.0)], 30)
    expected = 0.0
    for before, left, ratio, alive in (
        (30.0, 14.0, 0.6, s(6.0)),
        (14.0, 8.0, 0.4 / 0.6, s(12.0) / s(6.0)),
    ):
        died = (before + left) * (1.0 - ratio) / (1.0 + ratio)
        entered = before - (before - died - left) / 2.0
        assert died == pytest.approx(entered * (1.0 - ratio), abs=EXACT)
        expected += gammaln(entered + 1) - gammaln(died + 1) - gammaln(entered - died + 1)
        expected += died * np.log(1.0 - alive) + (entered - died) * np.log(alive)
    assert evaluate(found) == pytest.approx(expected, abs=EXACT)


def test_more_at_risk_than_can_be_left_counts_as_no_censoring():
    # survival to one digit: 0.3 of 20 is 6, while 7 are printed
    told = chain([FixedTime(6.0, 0.3, at_risk=7.0)], 20)
    died = (20.0 + 7.0) * 0.7 / 1.3
    assert died > 20.0 - 7.0
    assert told.cell[0] == pytest.approx(20.0 * 0.7, abs=EXACT)


LOG_MEDIAN, LOG_SHAPE = (
    axis[None] if i else axis[:, None]
    for i, axis in enumerate((np.linspace(0.3, 2.9, 131), np.linspace(-1.1, 0.7, 91)))
)


def posterior(log_likelihood):
    """Means and SDs of log median and log shape under flat priors."""
    weight = np.exp(log_likelihood - log_likelihood.max())
    weight /= weight.sum()
    means = [(weight * axis).sum() for axis in (LOG_MEDIAN, LOG_SHAPE)]
    squares = [(weight * axis**2).sum() for axis in (LOG_MEDIAN, LOG_SHAPE)]
    sds = np.sqrt(np.array(squares) - np.square(means))
    return np.array(means), sds


def test_a_digitised_curve_with_numbers_at_risk_is_worth_nearly_the_patients():
    """Sixty patients, a third censored, read off the curve every half month.

    The deaths within the first half month are lost, which tell the shape. In units of the
    patients' own posterior SD, with 30 replicates.
    """
    rng = np.random.default_rng(5)
    moved, wider = [], []
    for _ in range(30):
        times, died = sixty_patients(rng, MEDIAN, SHAPE)
        own = curve_of(times, died, "log")
        points = [
            FixedTime(t, survival_at(own, t)[0], at_risk=float((times > t).sum()))
            for t in np.arange(0.5, 17.0, 0.5)
            if (times > t).sum() >= 3
        ]
        read = chain_log_likelihood(chain(points, 60), LOG_MEDIAN, LOG_SHAPE, family(NAME))
        patients = of_patients(times, died, LOG_MEDIAN, LOG_SHAPE)
        (mean, sd), (exact, exact_sd) = posterior(read), posterior(patients)
        moved.append((mean - exact) / exact_sd)
        wider.append(sd / exact_sd)
    (of_median, of_shape), (more, more_of_shape) = np.mean(moved, axis=0), np.mean(wider, axis=0)
    # Monte Carlo errors 0.03 and 0.08 of the means
    assert abs(of_median) < 0.12
    assert abs(of_shape) < 0.45
    assert 0.98 < more < 1.1
    assert 0.98 < more_of_shape < 1.25


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


@pytest.mark.parametrize(
    ("first", "later", "told"),
    [
        (0.3, 0.6, r"survival 0\.6 at 12 months follows 0\.3 at the point before it"),
        (0.0, 0.1, "follows 0 at the point before it"),
    ],
)
def test_a_rising_curve_is_refused_with_both_levels(first, later, told):
    with pytest.raises(ContradictionError, match=told):
        chain([FixedTime(6.0, first), FixedTime(12.0, later)], 30)


def test_a_curve_that_has_reached_zero_says_nothing_more():
    twice = chain([FixedTime(3.0, 0.2), FixedTime(6.0, 0.0), FixedTime(12.0, 0.0)], 30)
    once = chain([FixedTime(3.0, 0.2), FixedTime(6.0, 0.0)], 30)
    assert evaluate(twice) == evaluate(once)


@pytest.mark.parametrize("n", range(2, 12))
@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("survival_", [0.0, 0.1, 0.3])
def test_chains_of_one_arm_have_the_same_points(n, level, survival_):
    """By some transformation the upper limit is the last of few patients, by others it is not."""
    limits = [Reading(t, 0.05) for t in (3.5, 2.1, 9.1)]
    found = candidate_chains(PrintedMedian(*limits, level), [FixedTime(12.0, survival_)], n)
    first = found[0][1]
    for _, own in found:
        assert own.time.tolist() == first.time.tolist()
        assert own.density.tolist() == first.density.tolist()
        assert [nodes.tolist() for nodes in own.nodes] == [nodes.tolist() for nodes in first.nodes]
        assert np.isfinite(evaluate(own))


def test_rounding_may_cost_a_patient():
    # 0.53 of 15 at the time of the median, after which 7 of 15 are left: half a patient apart
    found = chain([fine(3.52, 8), FixedTime(4.0, 0.53)], 15)
    assert found.cell[-1] == 0.0


def with_limits(points, n, **more):
    printed = PrintedMedian(*(Reading(t, 0.05) for t in (3.5, 2.1, 9.1)), **more)
    return dict(candidate_chains(printed, points, n))


def test_conventions_are_kept_unless_they_contradict_the_other_figures():
    found = with_limits([], 15)
    assert list(found) == list(METHODS)
    for method, own in found.items():
        expected = log_joint((2.1, 3.5, 9.1), interval_ranks(15, method), 15)
        assert evaluate(own) == pytest.approx(expected, abs=EXACT)
    # by "log" only 2 of 15 are left at the upper limit, a third at 10 months
    assert list(with_limits([FixedTime(10.0, 0.34)], 15)) == ["plain", "log-log"]
    # where every convention fails the median is left
    ((method, found),) = with_limits([], 8, method="log").items()
    assert method == "median"
    assert evaluate(found) == pytest.approx(log_joint([3.5], [4.5], 8), abs=EXACT)


def test_figures_that_contradict_the_median_itself_are_refused():
    printed = PrintedMedian(Reading(3.5, 0.05), Reading(2.1, 0.05))
    with pytest.raises(ContradictionError):
        candidate_chains(printed, [FixedTime(6.0, 0.9)], 40)


# --- Ranks ---------------------------------------------------------------------------------------

# Lower limit, median, upper limit among uncensored times 1..n, from R's survival package.
FROM_R = {
    8: {"plain": (2, 4.5, 7), "log": (3, 4.5, None), "log-log": (1, 4.5, 7)},
    15: {"plain": (5, 8, 11), "log": (5, 8, 13), "log-log": (3, 8, 11)},
    23: {"plain": (8, 12, 16), "log": (8, 12, 18), "log-log": (7, 12, 16)},
    36: {"plain": (13, 18.5, 24), "log": (13, 18.5, 25), "log-log": (12, 18.5, 24)},
}


@pytest.mark.parametrize("n", FROM_R)
@pytest.mark.parametrize("method", METHODS)
def test_ranks_are_those_of_r(n, method):
    assert interval_ranks(n, method) == Ranks(*FROM_R[n][method])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", range(3, 81))
def test_limits_lie_on_either_side_of_the_median(n, method):
    lower, median, upper = interval_ranks(n, method)
    assert lower is not None
    assert 1 <= lower < median
    assert upper is None or median < upper <= n


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [5, 15, 40])
def test_a_higher_level_never_narrows_the_interval(n, method):
    narrow, wide = interval_ranks(n, method, 0.8), interval_ranks(n, method, 0.95)
    assert (wide.lower or 0) <= narrow.lower
    if wide.upper is not None:
        assert narrow.upper <= wide.upper


@pytest.mark.parametrize(("n", "rank"), [(1, 1.0), (2, 1.5), (15, 8.0), (18.5, 9.75)])
def test_median_rank(n, rank):
    assert median_rank(n) == rank


@pytest.mark.parametrize(
    ("n", "method", "level"),
    [(0, "log", 0.95), (10, "arcsine", 0.95), (10, "plain", 1.0), (10, "plain", 0.0)],
)
def test_bad_arguments_are_named(n, method, level):
    with pytest.raises(ValueError, match=f"n={n}, method='{method}', level={level}"):
        interval_ranks(n, method, level)
