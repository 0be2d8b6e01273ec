"""What a printed comparison says of two curves: by quadrature, by simulated patients, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from synthesis.model.comparisons import (
    MOST_TOLD,
    RHO,
    Place,
    comparison_log_likelihood,
    comparison_mean,
    exact_mean,
    part_told,
)
from synthesis.model.families import FAMILIES, family, log_survival, quantile
from synthesis.model.observations import ArmComparison
from synthesis.model.printed import FixedTime, OrderStatistic, Reading, chain
from synthesis.model.records import ComparisonReading

SIMULATED = ("weibull", "log-logistic", "log-normal")
K = 0.8  # shape of the simulated patients
SIZES = (150, 80)


def printed(low, high=None, *, kind="p", share=0.5, variance=0.2, medians=None, told=0.0, **more):
    """A comparison of the first two groups."""
    high = low if high is None else high
    reading = ComparisonReading(low, high, variance, kind, share, "", **more)
    return ArmComparison(0, 1, reading, medians, told)


# --- The mean ------------------------------------------------------------------------------------


@pytest.mark.parametrize("events", [(1.0, 1.0), (0.4, 0.7)])
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_under_proportional_hazards_a_regression_estimates_their_ratio(share, events):
    reading = printed(0.0, kind="hazard ratio", share=share, events=events).reading
    for contrast in (-1.5, 0.0, 0.4, 2.0):
        places = Place(1.0 + contrast, np.log(K)), Place(1.0, np.log(K))
        mean = exact_mean(*places, family("weibull"), reading)
        # quadrature with 96 points
        assert mean == pytest.approx(-K * contrast, abs=2e-4)


def hazard_slope(name):
    """Mean of the derivative of the log hazard of z: the slope of every small effect."""
    curve = family(name)

    def log_hazard(z):
        return float(curve.log_density(z, 0.0) - log_survival(z, curve, 0.0))

    def integrand(z):
        if float(log_survival(z, curve, 0.0)) < -500.0:  # nobody is left
            return 0.0
        slope = (log_hazard(z + 1e-5) - log_hazard(z - 1e-5)) / 2e-5
        return slope * float(np.exp(curve.log_density(z, 0.0)))

    parts = [(-60.0, -20.0), (-20.0, -5.0), (-5.0, 0.0), (0.0, 3.0), (3.0, 10.0), (10.0, 60.0)]
    return sum(quad(integrand, *part, epsabs=1e-9, epsrel=1e-7, limit=300)[0] for part in parts)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", ["p", "hazard ratio"])
@pytest.mark.parametrize("share", [0.2, 0.65])
def test_small_effects_are_the_mean_rise_of_the_log_hazard(name, kind, share):
    reading = printed(0.0, kind=kind, share=share).reading
    means = [
        exact_mean(Place(1.0 + x, np.log(K)), Place(1.0, np.log(K)), family(name), reading)
        for x in (0.01, -0.01)
    ]
    # truncation of the integrals at a millionth of the deaths, and of the difference
    assert (means[0] - means[1]) / 0.02 == pytest.approx(-K * hazard_slope(name), rel=2e-3)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", ["p", "hazard ratio"])
def test_swapping_the_groups_changes_the_sign(name, kind):
    tail = 0.4 if family(name).has_tail else 0.0
    one = printed(0.0, kind=kind, share=0.35, events=(0.6, 0.9)).reading
    other = replace(one, share=0.65, events=(0.9, 0.6))
    first, second = Place(1.7, np.log(1.1), tail), Place(1.2, np.log(0.7), tail)
    for mean in (exact_mean, comparison_mean):
        found = mean(first, second, family(name), one)
        swapped = mean(second, first, family(name), other)
        assert found == pytest.approx(-swapped, abs=1e-6)


def test_large_effects_saturate_and_a_hazard_ratio_does_not():
    contrasts = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    for kind, saturates in (("p", True), ("hazard ratio", False)):
        reading = printed(0.0, kind=kind).reading
        means = comparison_mean(Place(contrasts, 0.0), Place(0.0, 0.0), family("weibull"), reading)
        slopes = -np.diff(means)
        assert (np.diff(slopes) < -0.01).all() == saturates
        assert np.allclose(slopes, 1.0, atol=0.01) != saturates


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", ["p", "hazard ratio"])
def test_the_series_is_the_quadrature(name, kind):
    rng = np.random.default_rng(5)
    reading = printed(0.0, kind=kind, share=0.35, events=(0.6, 0.9)).reading
    tail = rng.normal(-0.2, 0.4, 200) if family(name).has_tail else np.zeros(200)
    first, second = (
        Place(rng.normal(1.5, 0.5, 200), rng.normal(0.0, 0.25, 200), tail) for _ in range(2)
    )
    error = comparison_mean(first, second, family(name), reading)
    error = error - exact_mean(first, second, family(name), reading)
    # beside standard errors of 0.1 and more; a tail costs digits
    assert np.sqrt(np.mean(error**2)) < (0.01 if family(name).has_tail else 0.004)


# --- By simulation -------------------------------------------------------------------------------


def simulate(name, places, sizes, replicates, tail=0.0, end=None):
    """Log-rank log hazard ratios, log medians of both samples, and the part who had the event.

    Follow-up ends evenly between nought and ``end`` months, or never.
    """
    rng = np.random.default_rng(11)
    draws = rng.uniform(size=(replicates, sum(sizes)))
    first = np.arange(sum(sizes)) < sizes[0]
    location = np.where(first, places[0][0], places[1][0])
    shape = np.exp(np.where(first, places[0][1], places[1][1]))
    log_time = np.log(quantile(draws, 1.0, 1.0, name, tail)) / shape + location
    limit = np.inf if end is None else np.log(end * rng.uniform(size=draws.shape))
    event, followed = log_time <= limit, np.minimum(log_time, limit)
    medians = np.median(log_time[:, first], axis=1), np.median(log_time[:, ~first], axis=1)
    order = np.argsort(followed, axis=1)
    of_first, died = first[order].astype(float), np.take_along_axis(event, order, axis=1)
    at_risk = np.arange(sum(sizes), 0, -1)
    share = np.cumsum(of_first[:, ::-1], axis=1)[:, ::-1] / at_risk
    score = ((of_first - share) * died).sum(1)
    information = (share * (1.0 - share) * died).sum(1)
    counts = event[:, first].sum(1), event[:, ~first].sum(1)
    estimate = score / np.sqrt(information) * np.sqrt(sum(1.0 / d for d in counts))
    return estimate, medians, tuple(d.mean() / n for d, n in zip(counts, sizes, strict=True))


def places_of(effect, ratio=1.0):
    """Two groups ``effect`` log months apart, the shape of the first ``ratio`` times the other."""
    return Place(effect, np.log(K * ratio**0.5)), Place(0.0, np.log(K * ratio**-0.5))


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize(
    ("effect", "ratio"), [(0.0, 1.0), (0.8, 1.0), (1.5, 1.0), (0.0, 1.5), (0.8, 1.5), (0.8, 0.67)]
)
def test_the_mean_of_the_logrank_estimate_of_large_groups(name, effect, ratio):
    """150 against 80 patients; medians up to 4.5 times as long, shapes half as large again."""
    places = places_of(effect, ratio)
    found, *_ = simulate(name, places, SIZES, 4000)
    reading = printed(0.0, share=SIZES[0] / sum(SIZES)).reading
    error = found.std() / np.sqrt(4000)
    # four Monte Carlo errors of about 0.0016, and 0.01 for sizes that are finite: the statistic
    # is a ratio of two sums over 230 patients
    expected = exact_mean(*places, family(name), reading)
    assert found.mean() == pytest.approx(expected, abs=4.0 * error + 0.01)


@pytest.mark.parametrize("name", SIMULATED)
def test_one_shape_for_both_groups_would_not_do(name):
    """Teeth: with a shape half as large again, and no effect, one shape expects nought."""
    found, *_ = simulate(name, places_of(0.0, 1.5), SIZES, 4000)
    assert found.mean() > 0.1


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_the_mean_where_a_third_is_censored(name, effect):
    """Censored evenly, where the model takes a hazard in proportion: right to 0.06."""
    places = places_of(effect)
    found, _, events = simulate(name, places, SIZES, 4000, end=6.0)
    assert 0.55 < np.mean(events) < 0.8
    reading = printed(0.0, share=SIZES[0] / sum(SIZES), events=events).reading
    assert found.mean() == pytest.approx(exact_mean(*places, family(name), reading), abs=0.06)
    if name == "log-logistic" and effect:  # teeth: as if all had died
        whole = exact_mean(*places, family(name), replace(reading, events=(1.0, 1.0)))
        assert abs(found.mean() - whole) > 0.1


def stated(name, places, sizes):
    """Mean given the true medians, slope in that of the first, and variance of the likelihood."""
    share = sizes[0] / sum(sizes)
    variance = sum(1.0 / n for n in sizes)

    def log_p(estimate, moved):
        medians = places[0].location + moved, places[1].location
        own = printed(estimate, share=share, variance=variance, medians=medians, told=RHO)
        return float(comparison_log_likelihood(own, *places, family(name)))

    def mean(moved):  # of a normal, from three values of its log density
        up, middle, down = (log_p(x, moved) for x in (1.0, 0.0, -1.0))
        return (up - down) / 2.0 / (2.0 * middle - up - down)

    up, middle, down = (log_p(x, 0.0) for x in (1.0, 0.0, -1.0))
    return mean(0.0), mean(1.0) - mean(0.0), 1.0 / (2.0 * middle - up - down)


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize("effect", [0.0, 0.8, 1.5])
def test_the_regression_of_the_logrank_estimate_on_the_medians(name, effect):
    places = places_of(effect)
    estimate, medians, _ = simulate(name, places, SIZES, 4000)
    contrast = medians[0] - medians[1] - effect
    found, mean = np.polyfit(contrast, estimate, 1)
    residual = estimate - mean - found * contrast
    expected, variance = stated(name, places, SIZES)[1:]
    # four Monte Carlo errors (each about 2.5 % of the slope), and 6 % for sizes that are finite:
    # sample medians are only asymptotically linear
    error = residual.std() / np.sqrt(4000) / medians[0].std()
    assert found == pytest.approx(expected, abs=4.0 * error + 0.06 * abs(expected))
    if effect == 0.0:  # variance of a variance: sqrt(2 / 4000) is 2.2 %, four of them
        assert residual.var() == pytest.approx(variance, rel=0.09)


@pytest.mark.parametrize("name", SIMULATED)
@pytest.mark.parametrize("effect", [0.0, 0.8, 1.5])
@pytest.mark.parametrize("sizes", [(15, 8), (8, 15)])
def test_the_term_of_small_groups_is_calibrated(name, effect, sizes):
    """15 against 8 patients: how often the estimate falls within 1.96 of its stated SD.

    The mean of groups this small is off by up to a quarter of that SD, and the variance is taken
    as that without an effect: too small where the larger group lives longer, too large where the
    smaller does. Both together leave 0.90 to 0.98.
    """
    places = places_of(effect)
    estimate, medians, _ = simulate(name, places, sizes, 4000)
    mean, weight, variance = stated(name, places, sizes)
    score = (estimate - mean - weight * (medians[0] - medians[1] - effect)) / np.sqrt(variance)
    # four Monte Carlo errors of 0.0035 to 0.005 beside the range above
    assert 0.88 < np.mean(np.abs(score) < 1.96) < 0.995
    assert abs(score.mean()) < 0.33


# --- What is used of it --------------------------------------------------------------------------

PLACES = Place(1.9, np.log(K)), Place(1.2, np.log(K))


def moments(name="weibull"):
    """Mean and SD that a comparison without medians has at :data:`PLACES`."""
    mean = comparison_mean(*PLACES, family(name), printed(0.0).reading)
    return float(mean), math.sqrt(0.2)


def log_p(own, **more):
    return float(comparison_log_likelihood(own, *PLACES, family("weibull"), **more))


def test_a_number_is_a_density_and_a_range_its_probability():
    normal = stats.norm(*moments())
    assert log_p(printed(-0.7)) == pytest.approx(normal.logpdf(-0.7), abs=1e-12)
    cases = {
        (-0.9, 0.9): normal.cdf(0.9) - normal.cdf(-0.9),
        (-math.inf, -1.2): normal.cdf(-1.2),
        (0.0, math.inf): normal.sf(0.0),
        (2.9, 3.1): normal.sf(2.9) - normal.sf(3.1),
    }
    for ends, probability in cases.items():
        assert log_p(printed(*ends)) == pytest.approx(np.log(probability), rel=1e-6), ends
    # far out, where the two ends are the same number of double precision
    assert log_p(printed(8.0, 9.0)) == pytest.approx(normal.logsf(8.0), rel=1e-3)


def test_of_an_unknown_sign_both_are_added():
    normal = stats.norm(*moments())
    found = log_p(printed(-0.7, either_sign=True))
    assert found == pytest.approx(np.log(normal.pdf(-0.7) + normal.pdf(0.7)), abs=1e-12)
    found = log_p(printed(-math.inf, -0.7, either_sign=True))
    assert found == pytest.approx(np.log(normal.cdf(-0.7) + normal.sf(0.7)), abs=1e-12)


def test_an_adjusted_ratio_may_be_biased_and_no_other():
    mean, _ = moments()
    wider = stats.norm(mean, math.sqrt(0.2 + 0.3**2))
    assert log_p(printed(-0.7, adjusted=True), bias_sd=0.3) == pytest.approx(wider.logpdf(-0.7))
    assert log_p(printed(-0.7), bias_sd=0.3) == log_p(printed(-0.7))


def test_no_significant_difference_speaks_for_curves_close_together():
    null = printed(-0.4, 0.4, variance=0.02)
    near, far = (Place(1.2 + x, np.log(K)) for x in (0.05, 1.2))
    close, apart = (
        comparison_log_likelihood(null, first, PLACES[1], family("log-logistic"))
        for first in (near, far)
    )
    assert close > apart + 1.0


def test_a_median_alone_tells_the_same_of_every_test():
    """The median of 21 patients: (ln 2)^2 of the information of a log-rank test."""
    own = chain([OrderStatistic(Reading(3.0, 0.05), 11)], 21)
    variance = 1.0 / 21 + 1.0 / 21
    assert part_told((own, own), 0.5, variance) == pytest.approx(RHO, rel=1e-9)
    assert part_told((own, None), 0.5, variance) == pytest.approx(RHO / 2.0, rel=1e-9)
    assert part_told((None, None), 0.5, variance) == 0.0


def test_more_points_tell_more_and_never_all():
    few = chain([FixedTime(6.0, 0.5)], 40)
    many = chain([FixedTime(t, s) for t, s in ((2.0, 0.8), (6.0, 0.5), (12.0, 0.2))], 40)
    parts = [part_told((own, own), 0.5, 0.05) for own in (few, many)]
    assert parts[0] < parts[1] <= MOST_TOLD
    dense = chain([FixedTime(float(t), 1.0 - t / 21.0) for t in range(1, 21)], 4000)
    assert part_told((dense, dense), 0.5, 0.0005) == MOST_TOLD


def test_what_was_told_before_is_taken_off_the_information():
    assert printed(-0.7).variance == 0.2
    assert printed(-0.7, told=0.6).variance == pytest.approx(0.2 / 0.4)
    medians = (1.9, 1.2)
    assert printed(-0.7, medians=medians, told=RHO).variance == pytest.approx(0.2 * (1.0 - RHO))
    more = printed(-0.7, medians=medians, told=0.7)
    assert more.variance == pytest.approx(0.2 * (1.0 - RHO) ** 2 / 0.3)
