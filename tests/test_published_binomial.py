"""The response model against binomial-logit hierarchies solved by quadrature.

A registry in which only one stage is uncertain is such a hierarchy, whichever stage it is.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from fits import stage_rates
from monte_carlo import assert_agrees, deviations, reference

from priors import load_priors
from studies.responses import BestResponses, ResponseCount
from studies.selection import CohortRef
from synthesis.estimands import Group
from synthesis.fits import fit_response_data
from synthesis.model.response import STAGES, response_data, variable
from synthesis.model.sampler import SamplerSettings

SETTINGS = SamplerSettings(draws=4000, tune=1000, chains=4, seed=101)

# SD of class and treatment effects that stands for none. Their variance adds 2e-8 to that of mu,
# some 0.07: the relative change of 3e-7 is far below the Monte Carlo error.
NONE = 1e-4

# Reports in every registry, so that they share a compiled model. Those that are added have no
# evaluable patients and so say nothing.
REPORTS = 21

#: Stage -> a cohort with r successes of n in it; in a later one everyone or nobody responded.
COUNTS = {
    "response": lambda r, n: ResponseCount(r, n, "printed"),
    "control": lambda r, n: BestResponses(0, n, "printed", control=r),
    "complete": lambda r, n: BestResponses(n, n, "printed", complete=r),
}
CASES = [("binlogit_sim_k20", "response"), *(("binlogit_pritz1997", stage) for stage in COUNTS)]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def fitted(request):
    """Return the stage, its fit, the names of the reports and all exact results."""
    (file, stage), count = request.param, COUNTS[request.param[1]]
    stored = reference(file)
    names, r, n = (stored["data"][key] for key in ("study", "r", "n"))
    # the model reads identifiers only: each report has one cohort under the one treatment
    arm = SimpleNamespace(id="arm", treatment="only")
    empty = [f"empty{i}" for i in range(REPORTS - len(names))]
    refs = [CohortRef(SimpleNamespace(id=i), arm, "one", "systemic") for i in [*names, *empty]]
    counts = [count(*pair) for pair in zip(r, n, strict=True)] + [count(0, 0) for _ in empty]
    priors = load_priors().replace(f"{stage}_overall", location=0.0, scale=2.0)
    priors = priors.replace(f"{stage}_study_sd", scale=0.5)
    for level in ("class", "treatment"):
        priors = priors.replace(f"{stage}_{level}_sd", scale=NONE)
    fit = fit_response_data(response_data(refs, counts, ["one"]), priors=priors, settings=SETTINGS)
    return stage, fit, names, stored["exact_quadrature"]


def draws_of(fitted, name):
    """Return draws of a variable of the stage."""
    stage, fit, *_ = fitted
    return fit.tree["posterior"][variable(stage, name)]


def test_mean_and_heterogeneity(fitted):
    _, fit, _, exact = fitted
    assert fit.diagnosis.verdict == "PASS"
    assert_agrees(draws_of(fitted, "mu"), exact["hn05"]["mu"], "mu")
    assert_agrees(draws_of(fitted, "study_sd"), exact["hn05"]["tau"], "tau")


def test_rates_of_the_mean_and_of_a_new_study(fitted):
    """The estimands of the report; they thin the draws, and the error follows the thinning."""
    stage, fit, _, exact = fitted
    for target, key in (("mean_study", "p_mu"), ("new_study", "p_new")):
        rate = stage_rates(fit, Group(0, 0), target)[STAGES.index(stage)]
        assert_agrees(rate.reshape(fit.draws.settings.chains, -1), exact["hn05"][key], key)


def test_each_study_is_shrunk_as_it_should(fitted):
    _, _, names, exact = fitted
    for name, own in zip(names, exact["hn05"]["shrinkage"], strict=True):
        draws = draws_of(fitted, "log_odds").sel(cohort=f"{name}:arm")
        assert_agrees(draws, own["logit"], name)
        rate = 1.0 / (1.0 + np.exp(-draws.to_numpy()))
        assert_agrees(rate, {"mean": own["p_mean"]}, name)


def test_a_report_without_evaluable_patients_is_a_new_study(fitted):
    draws = draws_of(fitted, "log_odds").sel(cohort="empty0:arm")
    assert_agrees(draws, fitted[-1]["hn05"]["theta_new"], "theta_new")


def test_the_comparison_sees_another_prior(fitted):
    """Teeth: the exact result under a half-normal of twice the scale is told apart."""
    other = fitted[-1]["hn1"]["tau"]
    assert max(deviations(draws_of(fitted, "study_sd"), other).values()) > 8.0
