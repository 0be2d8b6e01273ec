"""The quadrature of the calibration against direct, dense integration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from calibration import hierarchy as quadrature
from calibration import lattice as lattices
from calibration import papers
from scipy.special import logsumexp
from scipy.stats import norm, weibull_min

from priors import load_priors
from synthesis.model.families import family
from synthesis.model.likelihoods import chain_log_likelihood
from synthesis.model.records import read_arm
from synthesis.model.survival import centre_share
from synthesis.questions.influence import weighted_quantiles

LIMITS = (0.5, 0.025, 0.975)


@pytest.fixture(scope="module")
def lattice():
    """Lattice of the Weibull hierarchy."""
    return lattices.make_lattice(load_priors(), family("weibull"))


def normal_arm(lattice, mean, error):
    """An arm that says only its log median, with a normal likelihood."""
    _, a, k = lattice.points
    return lattices.ArmTable((norm.logpdf(a, mean, error) + 0.0 * k)[None])


def cohort(rng, n, style, *, log_median=1.6, follow=None):
    """A simulated cohort in print."""
    return papers.print_arm(patients_of(rng, n, log_median, follow), style)


def patients_of(rng, n, log_median, follow):
    truth = papers.TRUTHS["weibull"]
    return papers.draw_patients(
        rng, n, log_median=log_median, shape=truth.shape, truth=truth, follow=follow
    )


def assert_alike(found, expected, *, most=0.01):
    """Median and limits differ by no more than that part of the interval's width."""
    assert found == pytest.approx(expected, abs=most * (expected[2] - expected[1]))


def tables_of(papers, lattice):
    return [lattices.paper_table(paper, lattice) for paper in papers]


# --- Arms ----------------------------------------------------------------------------------------


def test_the_table_of_patients_is_their_log_likelihood_between_the_knots_too(lattice):
    patients = patients_of(np.random.default_rng(1), 40, 1.5, papers.Follow(3.0, 0.5))
    table = lattice.spread(lattices.patients_table(patients, lattice).knots)[0, 0]
    for i, j in itertools.product((70, 77, 78, 83), (26, 31, 34, 40)):
        k = np.exp(lattice.k[j])
        law = weibull_min(k, scale=np.exp(lattice.a[i]) / np.log(2.0) ** (1.0 / k))
        died = law.logpdf(patients.months[patients.event]).sum()
        lived = law.logsf(patients.months[~patients.event]).sum()
        # a hundredth of a log unit is nothing to a likelihood; most points are far closer
        assert table[i, j] == pytest.approx(died + lived, abs=0.01)


def test_a_printed_arm_moved_to_the_side_is_evaluated_there(lattice):
    paper = cohort(np.random.default_rng(2), 30, papers.Style("log", landmark=12.0))
    table = lattices.paper_table(paper, lattice)
    read = read_arm(paper.outcome, paper.landmarks, paper.n)
    assert table.conventions == (0, 1, 2)
    for shift in (0.0, 0.137, -0.32):
        moved = lattice.spread(table.knots, shift)
        for c, (i, j) in itertools.product(range(3), ((78, 30), (81, 33), (84, 35))):
            exact = chain_log_likelihood(
                read.chains[c], lattice.a[i] + shift, lattice.k[j], lattice.family
            )
            assert moved[c, 0, i, j] == pytest.approx(float(exact), abs=0.01)


# --- Pooling -------------------------------------------------------------------------------------


def test_pooling_normal_estimates_is_the_normal_normal_model(lattice):
    """Against direct summation of the marginal likelihood over a fine grid of mean and spread."""
    y, s = np.array([0.9, 1.4, 1.9, 1.2, 2.1]), np.array([0.25, 0.2, 0.3, 0.22, 0.35])
    tables = [normal_arm(lattice, m, e) for m, e in zip(y, s, strict=True)]
    posterior = quadrature.pooled(tables, lattice)
    prior, spread = lattice.priors["overall_median"], lattice.priors["study_sd"]
    mu = np.linspace(-1.0, 4.0, 1001)[:, None]
    tau = np.linspace(0.0, 2.5, 1001)[None, :]
    log_weight = norm.logpdf(mu, prior.location, prior.scale) + norm.logpdf(tau, 0.0, spread.scale)
    for m, e in zip(y, s, strict=True):
        log_weight = log_weight + norm.logpdf(m, mu, np.hypot(e, tau))
    weight = np.exp(log_weight - log_weight.max())
    margins = {"mu": (mu.ravel(), weight.sum(axis=1)), "tau": (tau.ravel(), weight.sum(axis=0))}
    for name, (points, margin) in margins.items():
        assert_alike(posterior.interval(name), weighted_quantiles(points, margin, LIMITS))


def _directly(readings, lattice, mu, tau, kappa, sigma):
    """Log posterior by direct integration over each arm, at given points."""
    x = np.linspace(-6.0, 6.0, 97)
    log_w = norm.logpdf(x) + np.log(x[1] - x[0])
    priors, shape = lattice.priors, lattice.shape_prior
    total = norm.logpdf(mu, priors["overall_median"].location, priors["overall_median"].scale)
    total = total + norm.logpdf(tau, 0.0, priors["study_sd"].scale)
    total = total + norm.logpdf(kappa, shape.location, shape.scale)
    total = total + norm.logpdf(sigma, 0.0, priors["shape_sd"].scale)
    a = (mu + tau * x[:, None])[:, None]
    k = (kappa + sigma * x[:, None])[None, :]
    for read in readings:
        inside = chain_log_likelihood(read.chains[0], a, k, lattice.family)
        total = total + logsumexp(inside + log_w[:, None, None] + log_w[None, :, None], axis=(0, 1))
    return total


def test_a_printed_registry_against_direct_integration(lattice):
    """The same log posterior up to one constant, at points drawn from where it lies."""
    rng = np.random.default_rng(3)
    follow = papers.Follow(5.0, 1.0)
    own = [
        cohort(rng, n, papers.Style("log-log", told=True), log_median=m, follow=follow)
        for n, m in ((12, 1.4), (25, 1.9), (36, 1.6))
    ]
    posterior = quadrature.pooled(tables_of(own, lattice), lattice)
    hyper = posterior.hyper
    # what is integrated is the density: points at nought of a spread count half of it
    density = posterior.log_weights[0].copy()
    density[:, hyper.tau == 0.0] += np.log(2.0)
    density[..., hyper.sigma == 0.0] += np.log(2.0)
    weights = np.exp(density - density.max()).ravel()
    chosen = np.unravel_index(
        rng.choice(weights.size, 60, replace=False, p=weights / weights.sum()), density.shape
    )
    readings = [read_arm(paper.outcome, paper.landmarks, paper.n) for paper in own]
    assert [len(read.chains) for read in readings] == [1, 1, 1]
    axes = (hyper.mu, hyper.tau, hyper.kappa, hyper.sigma)
    at = [points[index] for points, index in zip(axes, chosen, strict=True)]
    difference = density[chosen] - _directly(readings, lattice, *at)
    # points far out, where the lattice ends within a wide spread, are a few hundredths off
    apart = np.abs(difference - np.median(difference))
    assert apart.mean() < 0.005
    assert apart.max() < 0.15


def test_intervals_do_not_change_with_a_finer_grid(lattice):
    """By less than a hundredth of the interval's width."""
    rng = np.random.default_rng(4)
    own = [cohort(rng, 10 + 4 * i, papers.Style("log")) for i in range(6)]
    tables = tables_of(own, lattice)
    usual = quadrature.pooled(tables, lattice)
    finer = quadrature.pooled(tables, lattice, quadrature.Fineness(0.5, 0.5, 6.0))
    assert finer.log_weights.size > 4 * usual.log_weights.size
    for name in ("mu", "tau", "s12"):
        assert_alike(usual.interval(name), finer.interval(name))


# --- Conventions ---------------------------------------------------------------------------------


def test_points_of_the_convention_weights_have_the_moments_of_their_prior():
    weights, log_weights = quadrature.convention_points()
    own = np.exp(log_weights)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert own.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(own @ weights, 1.0 / 3.0, atol=1e-9)
    logits = np.random.default_rng(6).standard_normal((400_000, 3))
    drawn = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for power in (2, 3, 6):
        expected = (drawn**power).mean(axis=0).mean()
        np.testing.assert_allclose(own @ weights**power, expected, rtol=0.02)


def test_many_arms_of_one_convention_teach_its_weight(lattice):
    """Three readings of an arm that differ by a shift, of which the middle one is right."""
    rng = np.random.default_rng(7)
    readings = (-0.6, 0.0, 0.6)

    def arm(mean):
        knots = np.stack([normal_arm(lattice, mean + by, 0.15).knots[0] for by in readings])
        # the wrong readings fit each arm a little worse, as asymmetric intervals do
        worse = np.array([1.0, 0.0, 1.0])[:, None, None, None]
        return lattices.ArmTable(knots - worse, (0, 1, 2))

    arms = [quadrature.Arm.on(arm(m), lattice) for m in 1.6 + 0.1 * rng.standard_normal(12)]
    hyper = quadrature.coarse_hyper(lattice)
    found = [
        logsumexp(quadrature.log_posterior(arms, hyper, lattice, (weights[None], np.zeros(1))))
        for weights in (np.array([0.1, 0.8, 0.1]), np.array([0.8, 0.1, 0.1]))
    ]
    assert found[0] > found[1] + 5.0


def test_an_arm_is_not_rescaled_to_the_conventions_that_it_allows(lattice):
    table = normal_arm(lattice, 1.5, 0.2)
    arms = [quadrature.Arm.on(lattices.ArmTable(table.knots, (1,)), lattice)]
    hyper = quadrature.coarse_hyper(lattice)
    sure, half = (
        quadrature.log_posterior(arms, hyper, lattice, (np.array([weights]), np.zeros(1)))
        for weights in ([0.0, 1.0, 0.0], [0.25, 0.5, 0.25])
    )
    likely = sure > sure.max() - 50.0
    assert likely.sum() > 1000
    np.testing.assert_allclose((sure - half)[likely], np.log(2.0))


# --- Histology -----------------------------------------------------------------------------------


def test_without_data_the_effect_of_histology_is_its_prior(lattice):
    flat = lattices.ArmTable(np.zeros((1, 1, *(own.size for own in lattice.knots))))
    study = quadrature.HistologyStudy(pure=flat, mixed=flat)
    middle, lower, upper = quadrature.histology_effect([study], lattice)
    scale = lattice.priors["histology_prognostic"].scale
    assert middle == pytest.approx(0.0, abs=1e-6)
    assert (lower, upper) == pytest.approx((-1.96 * scale, 1.96 * scale), rel=0.01)


def test_two_groups_with_normal_likelihoods_give_the_normal_posterior(lattice):
    """Location and effect are jointly normal given the spread, over which it is summed."""
    pure, mixed, error = 1.3, 2.0, 0.3
    study = quadrature.HistologyStudy(
        normal_arm(lattice, pure, error), normal_arm(lattice, mixed, error)
    )
    found = quadrature.histology_effect([study], lattice)
    priors, x0 = lattice.priors, centre_share(lattice.priors)
    place, effect = priors["overall_median"], priors["histology_prognostic"]
    eta = np.linspace(-3.0, 3.0, 1201)
    tau = np.linspace(0.0, 2.5, 251)
    weight = np.zeros_like(eta)
    design = np.array([[1.0, -x0], [1.0, 1.0 - x0]])
    for spread in tau:
        own = norm.pdf(spread, 0.0, priors["study_sd"].scale)
        variance = place.scale**2 + spread**2
        shared = variance * np.ones((2, 2)) + error**2 * np.eye(2)
        residual = np.array([pure, mixed])[:, None] - place.location - design[:, 1:] * eta
        quadratic = (residual * np.linalg.solve(shared, residual)).sum(axis=0)
        weight += own * np.exp(-0.5 * quadratic) / np.sqrt(np.linalg.det(shared))
    weight *= norm.pdf(eta, 0.0, effect.scale)
    assert_alike(found, weighted_quantiles(eta, weight, LIMITS))


def test_an_unknown_share_shifts_the_location_over_its_prior(lattice):
    """The matrix that averages over shares against a fine sum of shifted normal likelihoods."""
    eta, prior = 0.8, lattice.priors["mixed_share"]
    study = quadrature.HistologyStudy(whole=normal_arm(lattice, 1.7, 0.3))
    (arm,) = study.arms(np.array([eta]), lattice)
    logits = prior.location + prior.scale * np.linspace(-6.0, 6.0, 2001)
    weight = norm.pdf(logits, prior.location, prior.scale)
    shift = eta * (1.0 / (1.0 + np.exp(-logits)) - centre_share(lattice.priors))
    at = lattice.a[60:110]
    exact = (norm.pdf(at[:, None] + shift, 1.7, 0.3) * weight).sum(axis=1) / weight.sum()
    own = arm.likelihood[0, 0, 60:110, 30] * np.exp(arm.log_peak)
    np.testing.assert_allclose(own, exact, atol=2e-4 * exact.max())


# --- Families stacked ----------------------------------------------------------------------------


def some_papers():
    rng = np.random.default_rng(7)
    style = papers.Style("log", landmark=12.0)
    return [cohort(rng, n, style) for n in (12, 20, 31, 17, 25)]


def test_a_left_out_density_is_the_ratio_of_two_evidences(lattice):
    """With all arms and without the one, on the same points."""
    tables = tables_of(some_papers(), lattice)
    posterior = quadrature.pooled(tables, lattice)
    arms = [quadrature.Arm.on(table, lattice) for table in tables]
    points = quadrature.convention_points()

    def evidence(own):
        return logsumexp(quadrature.log_conditional(own, posterior.hyper, lattice, points))

    found = quadrature.left_out_densities(tables, posterior)
    for i, value in enumerate(found):
        exact = evidence(arms) - evidence(arms[:i] + arms[i + 1 :])
        assert value == pytest.approx(exact, abs=1e-6)  # what is cut as nothing


def test_the_stack_of_one_family_is_that_family(lattice):
    tables = tables_of(some_papers(), lattice)
    posterior = quadrature.pooled(tables, lattice)
    for quantity, found in quadrature.stacked([tables, tables], [lattice, lattice]).items():
        # weights at points for an integral between them
        assert_alike(found, posterior.interval(quantity), most=0.005)
