"""Mixture priors: fitted to draws, and what they are worth, against laws and published numbers."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from scipy import integrate, special, stats
from synthesis.questions.control.mixtures import (
    UNIT_SD,
    Mixture,
    effective_size,
    moment_size,
    robustify,
)

from synthesis.historical.fitting import (
    CLOSE,
    LEAST,
    PENALTY,
    fit_mixture,
    largest_difference,
)

# The prior of the vignette "Getting started with RBesT (binary)" of RBesT 1.9-0, as printed there
# (ankylosing spondylitis, placebo arms of eight trials).
AS = Mixture(
    "beta",
    (0.4612914, 0.1917812, 0.1893896, 0.1575378),
    (33.9513487, 19.4400089, 12.2692310, 2.2521243),
    (103.0146367, 41.5205219, 55.9202833, 5.4812202),
)
# The examples of the help page of `ess` of RBesT.
BETA = Mixture("beta", (0.2, 0.8), (1.0, 10.0), (1.0, 2.0))
NORMAL = Mixture("normal", (0.5, 0.5), (0.0, 3.0), (2.0, 4.0))
GAMMA = Mixture("gamma", (0.3, 0.7), (20.0, 50.0), (4.0, 10.0))


def one(kind, first, second):
    return Mixture(kind, (1.0,), (first,), (second,))


def drawn(mixture, size, seed):
    """Independent draws."""
    rng = np.random.default_rng(seed)
    which = rng.choice(len(mixture.weights), size=size, p=mixture.weights)
    every = mixture.distributions().rvs(size=(size, len(mixture.weights)), random_state=rng)
    return every[np.arange(size), which]


# --- Published numbers ---------------------------------------------------------------------------


def test_sizes_are_those_that_rbest_prints_for_its_vignette():
    # printed rounded to a whole number
    assert round(effective_size(AS)) == 38
    assert round(moment_size(AS)) == 24
    assert round(effective_size(robustify(AS, 0.2))) == 27


def test_summary_is_that_of_the_vignette():
    # weights and parameters are printed to seven decimals: what follows agrees to five figures
    printed = (0.25545885, 0.08662045, 0.10730400, 0.24758768, 0.46276759)
    found = (AS.mean, AS.sd, *AS.quantile(np.array([0.025, 0.5, 0.975])))
    # the quantiles there come from a root finder of about four figures
    np.testing.assert_allclose(found, printed, rtol=1e-4)


@pytest.mark.parametrize(
    ("size", "printed"),
    [
        (effective_size(BETA), 7.65152),
        (moment_size(BETA), 3.161034),
        (effective_size(NORMAL, sigma=10.0), 10.82796),
        (moment_size(NORMAL, sigma=10.0), 8.163265),
        (effective_size(NORMAL, sigma=20.0), 43.31185),
        (effective_size(GAMMA), 34.93388),
    ],
)
def test_sizes_are_those_of_the_help_page_of_rbest(size, printed):
    assert size == pytest.approx(printed, rel=5e-7)  # all digits that are printed


# --- Laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (1.0, 6.5), (3.5, 11.0), (80.0, 240.0)])
def test_one_beta_is_worth_the_sum_of_its_parameters(a, b):
    # a parameter of exactly one carries no curvature of its own: the sum, less one for each
    flat = (a == 1.0) + (b == 1.0)
    expected = {0: a + b, 1: None, 2: 0.0}[flat]
    if expected is None:  # (log p)'' = -(b - 1)/(1 - x)^2 against x(1 - x), by the definition
        expected = stats.beta(a, b).expect(lambda x: (b - 1.0) * x / (1.0 - x))
    assert effective_size(one("beta", a, b)) == pytest.approx(expected, abs=1e-7)
    assert moment_size(one("beta", a, b)) == pytest.approx(a + b, rel=1e-12)


def test_one_normal_is_worth_the_ratio_of_the_variances():
    assert effective_size(one("normal", 1.3, 0.25)) == pytest.approx(16.0, abs=1e-7)
    assert moment_size(one("normal", 1.3, 0.25)) == pytest.approx(16.0, rel=1e-12)
    assert effective_size(one("normal", 1.3, 0.25), sigma=2.0) == pytest.approx(64.0, abs=1e-6)
    assert UNIT_SD == 1.0  # an exponential: the log of the mean of d times has variance 1/d


def test_one_gamma_is_worth_its_shape_by_moments_and_one_event_less_by_elir():
    for shape, rate in product((0.4, 1.0, 12.0), (0.5, 40.0)):
        assert moment_size(one("gamma", shape, rate)) == pytest.approx(shape, rel=1e-12)
        assert effective_size(one("gamma", shape, rate)) == pytest.approx(shape - 1.0, abs=1e-7)


def information(mixture, x):
    """Minus the second derivative of the log density, from those of the components."""
    a, b = np.array(mixture.first), np.array(mixture.second)
    if mixture.kind == "beta":
        score = (a - 1.0) / x - (b - 1.0) / (1.0 - x)
        bend = -(a - 1.0) / x**2 - (b - 1.0) / (1.0 - x) ** 2
    elif mixture.kind == "gamma":
        score, bend = (a - 1.0) / x - b, -(a - 1.0) / x**2
    else:
        score, bend = -(x - a) / b**2, -1.0 / b**2
    shares = np.exp(mixture.log_densities(x) - mixture.log_density(x))
    return (shares @ score) ** 2 - shares @ (bend + score**2)


@pytest.mark.parametrize("mixture", [AS, BETA, NORMAL, GAMMA, robustify(GAMMA, 0.3)])
def test_the_size_is_the_expectation_of_its_definition(mixture):
    """With the curvature itself, which the integral by parts does without."""
    inverse = {"beta": lambda x: x * (1.0 - x), "normal": lambda x: 1.0, "gamma": lambda x: x**2}

    def integrand(x):
        return float(mixture.density(x)) * information(mixture, x) * inverse[mixture.kind](x)

    edges = mixture.quantile(np.array([1e-12, 1e-3, 0.2, 0.5, 0.8, 0.999, 1.0 - 1e-12]))
    found = sum(integrate.quad(integrand, *pair, limit=200)[0] for pair in pairwise(edges))
    # what 1e-12 of either end holds, and the digits that large numbers lose in their difference
    assert effective_size(mixture) == pytest.approx(found, abs=1e-6)


def test_no_size_where_the_integral_has_no_end():
    with pytest.raises(ValueError, match="does not exist for a beta component"):
        effective_size(one("beta", 0.7, 3.0))


# --- Predictive consistency ----------------------------------------------------------------------


def weighted(mixture, logs, first, second):
    """Posterior with the marginal likelihood of each component."""
    parts = np.log(mixture.weights) + logs
    weights = np.exp(parts - special.logsumexp(parts))
    return Mixture(mixture.kind, tuple(weights), tuple(first), tuple(second))


@pytest.mark.parametrize("mixture", [AS, robustify(AS, 0.2), BETA])
def test_the_expected_size_after_n_patients_is_n_larger(mixture):
    n, expected = 7, 0.0
    a, b = np.array(mixture.first), np.array(mixture.second)
    for r in range(n + 1):
        chances = stats.betabinom(n, a, b).logpmf(r)
        posterior = weighted(mixture, chances, a + r, b + n - r)
        expected += np.exp(special.logsumexp(np.log(mixture.weights) + chances)) * effective_size(
            posterior
        )
    # outcomes are summed exactly: what is left is the quadrature of each size, 1e-9 a piece
    assert expected - n == pytest.approx(effective_size(mixture), abs=1e-6)


def test_the_expected_size_after_n_events_is_n_larger_for_a_normal():
    n, sigma = 5, 1.0
    mixture = robustify(Mixture("normal", (0.7, 0.3), (1.0, 1.4), (0.2, 0.4)), 0.2)
    m, s = np.array(mixture.first), np.array(mixture.second)
    precision = 1.0 / s**2 + n / sigma**2

    def integrand(y):
        logs = stats.norm(m, np.sqrt(s**2 + sigma**2 / n)).logpdf(y)
        mean = (m / s**2 + n * y / sigma**2) / precision
        size = effective_size(weighted(mixture, logs, mean, 1.0 / np.sqrt(precision)))
        return np.exp(special.logsumexp(np.log(mixture.weights) + logs)) * size

    # beyond nine of its widest standard deviations the predictive is below 1e-18
    y = np.linspace(-9.0, 11.5, 141)
    expected = integrate.trapezoid([integrand(value) for value in y], x=y)
    assert expected - n == pytest.approx(effective_size(mixture, sigma=sigma), abs=1e-5)


def test_the_expected_size_after_n_events_is_n_larger_for_a_gamma():
    n = 4
    mixture = Mixture("gamma", (0.6, 0.4), (9.0, 3.0), (30.0, 14.0))
    a, b = np.array(mixture.first), np.array(mixture.second)

    def integrand(log_time):
        # the total time of n events, predicted: gamma over gamma
        time = np.exp(log_time)
        logs = stats.betaprime(n, a, scale=b).logpdf(time)
        size = effective_size(weighted(mixture, logs, a + n, b + time))
        return np.exp(special.logsumexp(np.log(mixture.weights) + logs)) * size * time

    # of the tail beyond, which falls like the cube of the time, 2e-7 is left out
    x = np.linspace(-4.0, 12.0, 141)
    expected = integrate.trapezoid([integrand(value) for value in x], x=x)
    assert expected - n == pytest.approx(effective_size(mixture), abs=1e-4)


# --- A mixture -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mixture", [AS, NORMAL, GAMMA, robustify(GAMMA, 0.2)])
def test_quantiles_invert_the_distribution_function(mixture):
    p = np.array([0.001, 0.025, 0.5, 0.9, 0.999])
    np.testing.assert_allclose(mixture.cdf(mixture.quantile(p)), p, atol=1e-11)
    low, high = mixture.quantile(np.array([1e-9, 1.0 - 1e-9]))
    x = np.linspace(low, high, 20_001)
    density = mixture.density(x)
    assert integrate.simpson(density, x=x) == pytest.approx(1.0, abs=1e-6)
    assert integrate.simpson(x * density, x=x) == pytest.approx(mixture.mean, rel=1e-6)
    square = integrate.simpson((x - mixture.mean) ** 2 * density, x=x)
    assert np.sqrt(square) == pytest.approx(mixture.sd, rel=1e-5)


def test_the_vague_component():
    assert robustify(AS, 0.2).components[-1] == (0.2, 1.0, 1.0)
    assert robustify(NORMAL, 0.1).components[-1] == (0.1, NORMAL.mean, 1.0)
    weight, shape, rate = robustify(GAMMA, 0.1).components[-1]
    assert (weight, shape) == (0.1, 1.0)
    assert shape / rate == pytest.approx(GAMMA.mean, rel=1e-14)
    # one event, whichever way it is counted: variance over information
    assert moment_size(one("normal", NORMAL.mean, 1.0)) == pytest.approx(1.0)
    assert moment_size(one("gamma", shape, rate)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="found 1, expected a share above 0 and below 1"):
        robustify(AS, 1.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (("cauchy", (1.0,), (1.0,), (1.0,)), "kind: found 'cauchy', expected beta, normal, gamma"),
        (("beta", (0.5, 0.4), (1.0, 2.0), (1.0, 2.0)), "weights: found 0.5, 0.4"),
        (
            ("beta", (1.0,), (0.0,), (1.0,)),
            "beta parameters a and b: expected finite numbers above 0",
        ),
        (
            ("normal", (1.0,), (np.inf,), (1.0,)),
            "normal parameters m and s: expected finite numbers, s above 0",
        ),
        (("gamma", (1.0,), (1.0, 2.0), (1.0,)), "expected at least one"),
        (("gamma", (), (), ()), "expected at least one"),
    ],
)
def test_what_is_no_mixture_is_refused(content, words):
    with pytest.raises(ValueError, match=words):
        Mixture(*content)


# --- Fitted to draws -----------------------------------------------------------------------------

KNOWN = {
    "beta": Mixture("beta", (0.65, 0.35), (40.0, 6.0), (60.0, 40.0)),
    "normal": Mixture("normal", (0.7, 0.3), (0.0, 1.5), (0.3, 0.6)),
    "gamma": Mixture("gamma", (0.6, 0.4), (60.0, 4.0), (100.0, 20.0)),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_a_known_mixture_is_found_again(kind):
    truth = KNOWN[kind]
    found = fit_mixture(drawn(truth, 6000, seed=11), kind)
    assert len(found.mixture.weights) == 2
    # components lie apart: standard errors of a weight are 0.006, of a component's mean and SD
    # below 2 %; four of them
    np.testing.assert_allclose(found.mixture.weights, truth.weights, atol=0.025)
    theirs, ours = truth.distributions(), found.mixture.distributions()
    np.testing.assert_allclose(ours.mean(), theirs.mean(), rtol=0.08, atol=0.03)
    np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.08)
    assert found.mixture.weights[0] > found.mixture.weights[1]
    assert found.difference < CLOSE


@pytest.mark.parametrize(
    "truth", [one("beta", 3.0, 14.0), one("normal", 1.0, 0.4), one("gamma", 6.0, 20.0)]
)
def test_one_distribution_needs_one_component(truth):
    x = drawn(truth, 4000, seed=5)
    found = fit_mixture(x, truth.kind)
    assert len(found.mixture.weights) == 1
    # 4000 draws tell a parameter to about 2 %
    np.testing.assert_allclose(found.mixture.components, truth.components, rtol=0.1)
    # scipy climbs the same likelihood by another way
    if truth.kind == "normal":
        other = stats.norm.fit(x)
    elif truth.kind == "gamma":
        shape, _, scale = stats.gamma.fit(x, floc=0.0)
        other = (shape, 1.0 / scale)
    else:
        other = stats.beta.fit(x, floc=0.0, fscale=1.0)[:2]
    np.testing.assert_allclose(found.mixture.components[0][1:], other, rtol=1e-4)


def test_the_criterion_chooses_and_a_number_can_be_given():
    x = drawn(KNOWN["normal"], 3000, seed=2)
    chosen = fit_mixture(x, "normal")
    assert min(chosen.criteria, key=chosen.criteria.get) == len(chosen.mixture.weights)
    value = -2.0 * chosen.log_likelihood + PENALTY * (3 * len(chosen.mixture.weights) - 1)
    assert chosen.criteria[len(chosen.mixture.weights)] == pytest.approx(value)
    assert chosen.log_likelihood == pytest.approx(chosen.mixture.log_density(x).sum(), rel=1e-9)
    three = fit_mixture(x, "normal", components=3)
    assert len(three.mixture.weights) == 3
    assert list(three.criteria) == [3]
    assert three.log_likelihood > chosen.log_likelihood - 0.1  # EM ends at a gain of a hundredth


def test_rates_near_nought_keep_parameters_above_one():
    x = np.random.default_rng(4).beta(0.6, 30.0, 3000)
    found = fit_mixture(x, "beta", components=1)
    assert found.mixture.first == (LEAST,)
    # the best of those with the least parameter: the derivative of the likelihood is zero
    (b,) = found.mixture.second
    slope = np.log1p(-x).mean() - special.digamma(b) + special.digamma(b + LEAST)
    assert slope == pytest.approx(0.0, abs=1e-9)
    assert effective_size(found.mixture) == pytest.approx(LEAST + b, abs=1e-6)


def test_rates_that_pile_up_at_nought_do_not_become_thousands_of_patients():
    """Nine in ten of these rates no trial could tell from nought."""
    x = special.expit(np.random.default_rng(6).normal(-11.0, 3.0, 3000))
    found = fit_mixture(x, "beta")
    sizes = np.add(found.mixture.first, found.mixture.second)
    assert sizes.max() < 1000.0
    assert effective_size(found.mixture) < 1000.0
    assert found.difference > CLOSE  # which is told
    with pytest.raises(ValueError, match="components: found 4, expected fewer"):
        fit_mixture(x, "beta", components=4)


def test_the_check_of_a_fit_is_that_of_kolmogorov():
    x = drawn(KNOWN["beta"], 500, seed=8)
    poor = one("beta", 2.0, 3.0)
    expected = stats.kstest(x, poor.cdf).statistic
    assert largest_difference(x, poor) == pytest.approx(expected, abs=1e-12)
    assert expected > 5 * CLOSE


def test_the_same_draws_give_the_same_mixture():
    x = drawn(KNOWN["gamma"], 1500, seed=3)
    first, again = fit_mixture(x, "gamma"), fit_mixture(x.copy(), "gamma")
    assert first.mixture == again.mixture
    assert first.quantiles.equals(again.quantiles)


@pytest.mark.parametrize(
    ("draws", "kind", "words"),
    [
        (np.full(50, 0.3), "beta", "all are the same"),
        (np.linspace(0.1, 1.2, 50), "beta", "found 0.1 to 1.2, expected rates from 0 to 1"),
        (np.linspace(-1.0, 1.0, 50), "gamma", "found -1, expected positive numbers"),
        (np.array([0.1, np.nan] * 20), "normal", "expected at least 10 finite numbers"),
        (np.array([0.1, 0.2]), "normal", "expected at least 10 finite numbers"),
    ],
)
def test_draws_that_cannot_be_fitted_are_refused(draws, kind, words):
    with pytest.raises(ValueError, match=words):
        fit_mixture(draws, kind)


def test_a_number_of_components_that_cannot_be_is_refused():
    x = drawn(KNOWN["normal"], 200, seed=1)
    with pytest.raises(ValueError, match="components: found 5, expected 1 to 4"):
        fit_mixture(x, "normal", components=5)
    with pytest.raises(ValueError, match="components: found 4, expected fewer"):
        fit_mixture(x[:20], "normal", components=4)
