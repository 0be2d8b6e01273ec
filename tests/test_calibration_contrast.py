"""The contrast of two arms of unlike shapes: its quadrature, and what reports print of it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from calibration import contrast as contrasts
from calibration import fits, lattice, papers

from priors import load_priors
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.families import family
from synthesis.model.likelihoods import chain_log_likelihood
from synthesis.model.records import read_arm
from synthesis.questions.influence import weighted_quantiles

LOG_LOGISTIC = lattice.make_lattice(load_priors(), family("log-logistic"))


def two_arms(rng, *, ratio, follow=None):
    """Both papers of one report and how they compare."""
    style = papers.Style("log-log", told=True)
    truth = papers.TRUTHS["log-logistic"]
    arms = [
        papers.draw_patients(rng, n, log_median=a, shape=k, truth=truth, follow=follow)
        for n, a, k in ((9, 2.0, 1.6), (10, 1.4, 1.1))
    ]
    printed = {name: papers.print_arm(arm, style) for name, arm in zip("ab", arms, strict=True)}
    return printed, papers.print_comparison(*arms, tuple(printed), ratio=ratio)


def test_without_data_the_contrast_is_its_prior():
    flat = lattice.ArmTable(np.zeros((1, 1, *(own.size for own in LOG_LOGISTIC.knots))))
    sd = contrasts.contrast_sd(LOG_LOGISTIC.priors)
    for reports in (1, 3):
        middle, lower, upper = contrasts.contrast(
            [contrasts.TwoArms(flat, flat)] * reports, LOG_LOGISTIC
        )
        assert middle == pytest.approx(0.0, abs=1e-6)
        assert (lower, upper) == pytest.approx((-1.96 * sd, 1.96 * sd), rel=0.01)


@pytest.mark.parametrize("ratios", [[True], [True, False]])
def test_the_contrast_against_weighted_draws_of_its_prior(ratios):
    """Every parameter drawn from its prior and weighted by the likelihood as it is written."""
    rng = np.random.default_rng(8)
    follow = papers.Follow(5.0, 1.0)
    printed = [two_arms(rng, ratio=ratio, follow=follow) for ratio in ratios]
    entered = [fits.entered(*own) for own in printed]
    assert [own.reading.kind == "hazard ratio" for own in entered] == ratios
    priors, n = LOG_LOGISTIC.priors, 150_000
    effect = contrasts.contrast_sd(priors) * rng.standard_normal(n)
    place = priors["overall_median"]
    centre = rng.normal(place.location, place.scale, n)
    spread = abs(rng.normal(0.0, priors["study_sd"].scale, n)) * (len(ratios) > 1)
    sigma = abs(rng.normal(0.0, priors["shape_sd"].scale, n))
    shape = LOG_LOGISTIC.shape_prior
    kappa = rng.normal(shape.location, shape.scale, n)
    kappa = kappa + priors["shape_treatment_sd"].scale * rng.standard_normal((2, n))
    log_weight = np.zeros(n)
    for (arms, _), comparison in zip(printed, entered, strict=True):
        own = centre + spread * rng.standard_normal(n)
        places = [
            Place(own + side * effect, kappa[i] + sigma * rng.standard_normal(n))
            for i, side in enumerate((0.5, -0.5))
        ]
        for paper, at in zip(arms.values(), places, strict=True):
            (chain,) = read_arm(paper.outcome, paper.landmarks, paper.n).chains
            log_weight += chain_log_likelihood(chain, *at[:2], LOG_LOGISTIC.family)
        log_weight += comparison_log_likelihood(comparison, *places, LOG_LOGISTIC.family)
    weight = np.exp(log_weight - log_weight.max())
    expected = weighted_quantiles(effect, weight, (0.5, 0.025, 0.975))
    reports = []
    for (arms, _), comparison in zip(printed, entered, strict=True):
        tables = (lattice.paper_table(paper, LOG_LOGISTIC) for paper in arms.values())
        reports.append(contrasts.TwoArms(*tables, comparison))
    found = contrasts.contrast(reports, LOG_LOGISTIC)
    # the draws are worth some thousands: a limit is known to some hundredths of the width
    assert weight.sum() ** 2 / (weight**2).sum() > 1500
    assert found == pytest.approx(expected, abs=0.03 * (expected[2] - expected[1]))


def test_a_hazard_ratio_is_the_peak_of_the_partial_likelihood():
    """Five patients, written out: the terms of four deaths, the last of which says nothing."""
    first = papers.Patients(np.array([2.0, 5.0]), np.array([True, True]))
    second = papers.Patients(np.array([1.0, 3.0, 6.0]), np.array([True, False, True]))
    beta, error = papers.cox(first, second)
    grid = np.linspace(-3.0, 3.0, 60_001)
    r = np.exp(grid)
    log_likelihood = 2.0 * grid - np.log((2 * r + 3) * (2 * r + 2) * (r + 1))
    peak = log_likelihood.argmax()
    assert beta == pytest.approx(grid[peak], abs=2e-4)
    curvature = np.gradient(np.gradient(log_likelihood, grid), grid)[peak]
    assert error == pytest.approx((-curvature) ** -0.5, rel=1e-3)


def test_where_one_group_dies_out_first_a_p_value_is_printed():
    first, second = (
        papers.Patients(t, np.ones(4, bool)) for t in (np.arange(4.0), np.arange(9.0, 13.0))
    )
    assert papers.cox(first, second) is None
    printed = papers.print_comparison(first, second, ("a", "b"), ratio=True)
    assert (printed.hr, printed.p) == (None, Decimal("0.007"))
