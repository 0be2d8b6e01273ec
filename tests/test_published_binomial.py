"""The response model against binomial-logit hierarchies solved by quadrature."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from monte_carlo import assert_agrees, deviations, reference

from priors import load_priors
from studies.responses import ResponseCount
from studies.selection import CohortRef
from synthesis.estimands import Group, response_rate
from synthesis.fits import fit_response_data
from synthesis.model.response import response_data
from synthesis.model.sampler import SamplerSettings

SETTINGS = SamplerSettings(draws=4000, tune=1000, chains=4, seed=101)

# SD of class and treatment effects that stands for none. Their variance adds 2e-8 to that of mu,
# some 0.07: the relative change of 3e-7 is far below the Monte Carlo error.
NONE = 1e-4

# Reports in both registries, so that they share a compiled model. Those that are added have no
# evaluable patients and so say nothing.
REPORTS = 21


@pytest.fixture(scope="module", params=["binlogit_pritz1997", "binlogit_sim_k20"])
def fitted(request):
    stored = reference(request.param)
    names, r, n = (stored["data"][key] for key in ("study", "r", "n"))
    # the model reads identifiers only: each report has one cohort under the one treatment
    arm = SimpleNamespace(id="arm", treatment="only")
    empty = [f"empty{i}" for i in range(REPORTS - len(names))]
    refs = [CohortRef(SimpleNamespace(id=i), arm, "one", "systemic") for i in [*names, *empty]]
    counts = [ResponseCount(*pair, "printed") for pair in zip(r, n, strict=True)]
    counts += [ResponseCount(0, 0, "none evaluable") for _ in empty]
    priors = load_priors().replace("response_overall", location=0.0, scale=2.0)
    priors = priors.replace("response_study_sd", scale=0.5)
    for level in ("class", "treatment"):
        priors = priors.replace(f"response_{level}_sd", scale=NONE)
    data = response_data(refs, counts, ["one"])
    fit = fit_response_data(data, priors=priors, settings=SETTINGS)
    return fit, names, stored["exact_quadrature"]["hn05"]


def test_mean_and_heterogeneity(fitted):
    fit, _, exact = fitted
    assert fit.diagnosis.verdict == "PASS"
    assert_agrees(fit.tree["posterior"]["mu"], exact["mu"], "mu")
    assert_agrees(fit.tree["posterior"]["study_sd"], exact["tau"], "tau")


def test_rates_of_the_mean_and_of_a_new_study(fitted):
    """The estimands of the report; they thin the draws, and the error follows the thinning."""
    fit, _, exact = fitted
    for target, key in (("mean_study", "p_mu"), ("new_study", "p_new")):
        rate = response_rate(fit, Group(0, 0), target).reshape(fit.draws.settings.chains, -1)
        assert_agrees(rate, exact[key], key)


def test_each_study_is_shrunk_as_it_should(fitted):
    fit, names, exact = fitted
    log_odds = fit.tree["posterior"]["log_odds"]
    for name, own in zip(names, exact["shrinkage"], strict=True):
        draws = log_odds.sel(cohort=f"{name}:arm")
        assert_agrees(draws, own["logit"], name)
        rate = 1.0 / (1.0 + np.exp(-draws.to_numpy()))
        assert_agrees(rate, {"mean": own["p_mean"]}, name)


def test_a_report_without_evaluable_patients_is_a_new_study(fitted):
    fit, _, exact = fitted
    draws = fit.tree["posterior"]["log_odds"].sel(cohort="empty0:arm")
    assert_agrees(draws, exact["theta_new"], "theta_new")


def test_the_comparison_sees_another_prior(fitted):
    """Teeth: the exact result under a half-normal of twice the scale is told apart."""
    fit, names, _ = fitted
    name = "binlogit_pritz1997" if len(names) == 14 else "binlogit_sim_k20"
    other = reference(name)["exact_quadrature"]["hn1"]["tau"]
    assert max(deviations(fit.tree["posterior"]["study_sd"], other).values()) > 8.0
