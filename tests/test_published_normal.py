r"""The sampler and the priors against published normal-normal meta-analyses solved by quadrature.

The study effects are integrated out of what is sampled, :math:`y_i \sim N(\mu, s_i^2 + \tau^2)`,
and drawn from their exact conditional distribution (Roever 2020, doi 10.18637/jss.v093.i06,
section 2.4). The model stands here: no report pools printed effects.
"""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from monte_carlo import assert_agrees, deviations, reference

from priors import MEAN_PRIOR, Prior, prior_data
from synthesis.model.arrays import Sizes
from synthesis.model.graphs import MODELS, realise, unpack
from synthesis.model.sampler import Problem, SamplerSettings, diagnose, run

SETTINGS = SamplerSettings(draws=4000, tune=1000, chains=4, seed=11)

KEEP = {"mu": (), "tau": (), "theta": ("study",), "theta_new": ()}

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


def half_normal(scale):
    words = dict.fromkeys(("role", "rationale", "source"), "of this test")
    return Prior(name="sd", family="half_normal", scale=scale, reads_as="factor", **words)


def effects_model(values, families, sizes):
    with pm.Model(coords={"study": np.arange(sizes["study"])}) as model:
        d = unpack(values)
        mu, tau = (realise(family, name, d) for name, family in families.items())
        total = d["se"] ** 2 + tau**2
        density = -0.5 * (pm.math.log(2.0 * np.pi * total) + (d["y"] - mu) ** 2 / total)
        pm.Potential("effects", d["weight"] * density, dims="study")
        shrinkage = d["se"] ** 2 / total
        raw = pm.Normal("theta_raw", 0.0, 1.0, dims="study")
        centre = shrinkage * mu + (1.0 - shrinkage) * d["y"]
        pm.Deterministic("theta", centre + tau * pm.math.sqrt(shrinkage) * raw, dims="study")
        pm.Deterministic("theta_new", mu + tau * pm.Normal("theta_new_raw", 0.0, 1.0))
    return model


def pooled(effect, error, studies, tau_scale, mu_scale):
    """Draws of the hierarchy; all meta-analyses share one compiled model of 16 studies."""
    priors = {
        "mu": MEAN_PRIOR.model_copy(update={"scale": mu_scale}),
        "tau": half_normal(tau_scale),
    }
    room = 16
    values = {"y": np.zeros(room), "weight": np.zeros(room), "se": np.ones(room)}
    values["y"][: len(studies)], values["se"][: len(studies)] = effect, error
    values["weight"][: len(studies)] = 1.0
    for name, prior in priors.items():
        values |= {key: np.asarray(value) for key, value in prior_data(prior, name).items()}

    families = {name: prior.family for name, prior in priors.items()}
    sizes = Sizes((("study", room),))
    problem = Problem("effects", families, sizes, values, KEEP, {"study": tuple(studies)})
    with pytest.MonkeyPatch.context() as patch:  # a model that only this process can compile
        patch.setitem(MODELS, "effects", effects_model)
        draws = run(problem, SETTINGS, cache=False)
    assert diagnose(draws.tree).verdict == "PASS"
    return draws.tree["posterior"]


def pooled_from(stored, tau_scale, mu_scale):
    data = stored["data"]
    return pooled(data["yi"], data["sei"], data["study"], tau_scale, mu_scale)


@pytest.fixture(scope="module", params=CASES)
def fitted(request):
    stored = reference(request.param)
    return pooled_from(stored, *CASES[request.param]), stored


@pytest.mark.parametrize("name", ["mu", "tau", "theta_new"])
def test_mean_heterogeneity_and_prediction(fitted, name):
    posterior, stored = fitted
    assert_agrees(posterior[name], stored["exact_quadrature"]["hn05_flat"][name], name)


def test_each_study_is_shrunk_as_it_should(fitted):
    posterior, stored = fitted
    exact = stored["exact_quadrature"]["hn05_flat"]["shrinkage"]
    assert posterior["theta"].sizes["study"] == len(exact)
    for study, own in zip(stored["data"]["study"], exact, strict=True):
        assert_agrees(posterior["theta"].sel(study=study), own, study)


def test_the_comparison_sees_another_prior():
    """Teeth: draws under half-normal(0.5) are far from the exact result under half-Cauchy."""
    stored = reference("nnhm_crins2014")
    other = stored["exact_quadrature"]["hc05_flat"]["tau"]
    assert max(deviations(pooled_from(stored, 0.5, 30.0)["tau"], other).values()) > 8.0


def test_one_study_leaves_heterogeneity_at_its_prior():
    """One effect under a wide mean says nothing about the SD between studies."""
    posterior = pooled([0.4], [0.2], ["alone"], 0.5, 100.0)
    prior = {"mean": 0.5 * np.sqrt(2.0 / np.pi), "median": half_normal(0.5).quantile(0.5)}
    assert_agrees(posterior["tau"], prior, "tau")
