"""Normal-normal hierarchy against published meta-analyses solved by quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from monte_carlo import assert_agrees, deviations, reference

from synthesis.effects import (
    HETEROGENEITY_PRIOR,
    MEAN_PRIOR,
    effects_data,
    effects_problem,
    fit_effects,
)
from synthesis.fit import SamplerSettings

SETTINGS = SamplerSettings(draws=4000, tune=1000, chains=4, seed=11)

# Scale of the half-normal prior of tau behind `hn05_flat`, and a scale of the normal prior of mu
# that stands for the flat one. With a posterior SD s, a prior of scale S at zero moves the mean by
# mu (s/S)^2. Crins: 1.6 (0.33/30)^2 = 2e-4; schools: 8 (4.4/1000)^2 = 2e-4; BCG:
# 0.7 (0.19/30)^2 = 3e-5. The Monte Carlo errors of 16 000 draws are s/126 = 3e-3, 4e-2 and 1.5e-3
# at best: more than ten times that.
CASES = {
    "nnhm_crins2014": (0.5, 30.0),
    "nnhm_eight_schools": (5.0, 1000.0),
    "nnhm_dat_bcg": (0.5, 30.0),
}


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    stored = reference(request.param)
    tau_scale, mu_scale = CASES[request.param]
    fit = fit_effects(
        stored["data"]["yi"],
        stored["data"]["sei"],
        stored["data"]["study"],
        mean_prior=MEAN_PRIOR.model_copy(update={"scale": mu_scale}),
        heterogeneity_prior=HETEROGENEITY_PRIOR.model_copy(update={"scale": tau_scale}),
        settings=SETTINGS,
    )
    return fit, stored["exact_quadrature"]["hn05_flat"]


@pytest.mark.parametrize("name", ["mu", "tau", "theta_new"])
def test_mean_heterogeneity_and_prediction(fitted, name):
    fit, exact = fitted
    assert fit.diagnosis.verdict == "PASS"
    assert_agrees(fit.tree["posterior"][name], exact[name], name)


def test_each_study_is_shrunk_as_it_should(fitted):
    fit, exact = fitted
    theta = fit.tree["posterior"]["theta"]
    assert theta.sizes["study"] == len(exact["shrinkage"])
    for study, own in zip(fit.data.studies, exact["shrinkage"], strict=True):
        assert_agrees(theta.sel(study=study), own, study)


def test_the_comparison_sees_another_prior():
    """Teeth: draws under half-normal(0.5) are far from the exact result under half-Cauchy."""
    stored = reference("nnhm_crins2014")
    fit = fit_effects(
        stored["data"]["yi"],
        stored["data"]["sei"],
        stored["data"]["study"],
        mean_prior=MEAN_PRIOR.model_copy(update={"scale": 30.0}),
        settings=SETTINGS,
    )
    other = stored["exact_quadrature"]["hc05_flat"]["tau"]
    assert max(deviations(fit.tree["posterior"]["tau"], other).values()) > 8.0


def test_one_study_leaves_heterogeneity_at_its_prior():
    """One effect under a wide mean says nothing about the SD between studies."""
    mean_prior = MEAN_PRIOR.model_copy(update={"scale": 100.0})
    fit = fit_effects([0.4], [0.2], ["alone"], mean_prior=mean_prior, settings=SETTINGS)
    prior = {"mean": 0.5 * np.sqrt(2.0 / np.pi), "median": HETEROGENEITY_PRIOR.quantile(0.5)}
    assert_agrees(fit.tree["posterior"]["tau"], prior, "tau")


def test_problems_of_like_size_share_a_compiled_model():
    small = effects_data([0.1], [0.2], ["a"])
    large = effects_data([0.1, 0.2], [0.2, 0.1], ["a", "b"])
    kinds = {effects_problem(d, MEAN_PRIOR, HETEROGENEITY_PRIOR).kind for d in (small, large)}
    assert len(kinds) == 1


@pytest.mark.parametrize(
    ("effect", "error", "studies", "words"),
    [
        ([], [], [], "found 0 effects"),
        ([0.1], [0.2, 0.3], ["a"], "2 standard errors"),
        ([0.1, 0.2], [0.2, 0.3], ["a", "a"], "'a' is there twice"),
        ([float("nan")], [0.2], ["a"], "effect of 'a' must be a finite number"),
        ([0.1], [0.0], ["a"], "standard error of 'a' must be above zero, found 0.0"),
        ([0.1], [float("inf")], ["a"], "must be above zero, found inf"),
    ],
)
def test_effects_that_cannot_be_pooled(effect, error, studies, words):
    with pytest.raises(ValueError, match=words):
        effects_data(effect, error, studies)
