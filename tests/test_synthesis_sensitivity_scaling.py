"""Log densities behind power-scaling against readable sums, and what the diagnostic says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arviz import from_dict, psense
from fits import choice_registry, drawn_fit, means, observations
from loo_by_hand import DESIGNS, ByHand, drawn, every_kind
from scipy import stats
from scipy.special import logit
from small_registry import write_registry

from studies import load_registry
from synthesis.left_out import log_likelihood_as_drawn
from synthesis.model.sampler import SamplerSettings
from synthesis.questions.sensitivity.runner import ALL, Job, log_priors, power_scaling
from synthesis.questions.sensitivity.specifications import EVERYTHING, Base, ask, observe


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scaling") / "registry"
    return observations(load_registry(write_registry(folder, *every_kind(), vocabulary=DESIGNS)))


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    registry = choice_registry(tmp_path_factory)
    question = ask(observe(registry, "os", EVERYTHING), registry.vocabulary)
    (base,), _ = Job(registry, Base(), question, ()).prepare()
    settings = SamplerSettings(draws=500, chains=4, seed=3)
    return drawn_fit(base, settings, at=means(base)), question


@pytest.mark.parametrize("family", ["weibull", "log-logistic", "long-tail", "exponential"])
def test_the_likelihood_of_the_cohorts_is_that_of_all_arms_and_comparisons(data, family):
    own, fit = drawn(data, family)
    found = log_likelihood_as_drawn(fit)
    assert found.shape == (3, len(data.cohorts))
    for s in range(3):
        hand = ByHand(own, fit, s)
        location, shape = own["log_median"][s], own["log_shape"][s]
        shapes = [shape[arm.cohort] for arm in data.arms]
        total = sum(
            float(np.squeeze(hand.arm(i, location[i : i + 1], np.array([shapes[i]]))))
            for i in range(len(data.arms))
        )
        for item in data.comparisons:
            groups = [item.first, item.second]
            at, own_shapes = location[groups], [shapes[i] for i in groups]
            total += float(np.squeeze(hand.comparison(item, at, own_shapes)))
        # sums of a few hundred in double precision
        assert found[s].sum() == pytest.approx(total, abs=1e-8)


def test_priors_have_their_densities_up_to_a_constant(made_up):
    fit, _ = made_up
    found, priors = log_priors(fit), fit.priors
    exact = {
        "overall_median": stats.norm.logpdf(
            fit.flat("mu"), priors["overall_median"].location, priors["overall_median"].scale
        ),
        "study_sd": stats.halfnorm.logpdf(fit.flat("study_sd"), scale=priors["study_sd"].scale),
        "histology_predictive": stats.norm.logpdf(
            fit.flat("predictive"), 0.0, priors["histology_predictive"].scale
        ).sum(axis=1),
    }
    for name, density in exact.items():
        np.testing.assert_allclose(np.diff(found[name]), np.diff(density), atol=1e-9)


def test_shares_that_are_printed_have_no_prior(made_up):
    fit, _ = made_up
    unknown = [i for i, arm in enumerate(fit.data.arms) if arm.share is None]
    assert 0 < len(unknown) < len(fit.data.arms)
    prior = fit.priors["mixed_share"]
    density = stats.norm.logpdf(
        logit(fit.flat("mixed_share")[:, unknown]), prior.location, prior.scale
    ).sum(axis=1)
    np.testing.assert_allclose(np.diff(log_priors(fit)["mixed_share"]), np.diff(density), atol=1e-9)


def test_priors_that_the_likelihood_cannot_reach_are_not_scaled(made_up):
    fit, _ = made_up
    names = set(log_priors(fit))
    assert {"overall_median", "shape_log_logistic", "convention_logit"} <= names
    # no tail in this family, no BRAF status in these six_reports
    assert not {"tail_treatment_sd", "shape_weibull", "covariate_braf_mutated"} & names
    alone = replace(fit, data=fit.data.at_share(0.4))
    assert "mixed_share" not in log_priors(alone)


def test_every_conclusion_is_set_against_all_priors_and_each(made_up):
    fit, question = made_up
    found = power_scaling(fit, question)
    names = [ALL, *log_priors(fit)]
    conclusions = dict.fromkeys(row["conclusion"] for row in found)
    assert [row["prior"] for row in found] == names * len(conclusions)
    # the probability follows the difference
    assert "p_gain" not in conclusions
    assert len(conclusions) == len(question.conclusions) - 1
    rows = {row["prior"]: row for row in found if row["conclusion"] == "prognostic_ratio"}
    assert len({row["likelihood_sensitivity"] for row in rows.values()}) == 1
    # made-up draws are independent: the effect answers to its own prior
    own = rows.pop("histology_prognostic")["prior_sensitivity"]
    del rows[ALL]
    assert own > 3.0 * max(row["prior_sensitivity"] for row in rows.values())


def test_a_posterior_that_is_its_prior_answers_to_the_prior_alone():
    """The sensitivity of a normal to its own power: its scale goes as one over the root."""
    x = np.random.default_rng(4).standard_normal((4, 2000))
    tree = from_dict(
        {
            "posterior": {"x": x},
            "log_prior": {"x": -0.5 * x**2},
            "log_likelihood": {"y": np.zeros((4, 2000, 1)) + 1e-9 * x[..., None]},
        }
    )
    prior = float(psense(tree, group="prior")["x"])
    likelihood = float(psense(tree, group="likelihood")["x"])
    assert prior > 0.05 > likelihood
