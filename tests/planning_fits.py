"""A fit with draws set by hand to plan from, and its new studies integrated by brute force."""

from __future__ import annotations

import numpy as np
from benefit_fits import covariate_effects, read, spread
from fits import fit_of
from scipy import stats

from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.likelihoods import arm_log_likelihood
from synthesis.questions.plan import Design, plan

#: Order of the treatments in the fit.
LENVATINIB, BEST_CARE = 0, 3


def planned_fit(folder, **more):
    """Lenvatinib and best supportive care as uncertain as a real registry leaves them."""
    middle = np.array([0.1, 0.2, 0.0, -0.7])[None, None]
    known = {
        "mu": spread(1.2, 0.1, 1),
        "treatment_effect": spread(middle, 0.25, 2, 4),
        "prognostic": spread(0.6, 0.3, 3),
        "predictive": spread(np.array([0.1, 0.0, 0.0, 0.0])[None, None], 0.15, 4, 4),
        "covariate_effect": covariate_effects(),
        "study_sd": np.abs(spread(0.2, 0.08, 6)),
        "shape_mean": spread(-0.1, 0.08, 7),
        "shape_sd": np.abs(spread(0.1, 0.04, 8)),
    }
    registry = read(folder)
    return fit_of(registry, **(known | more)), registry.vocabulary


def plan_of(fit, vocabulary, *, delta=1.5, simulations=40, draws=1000, **design):
    """Plan a small study of lenvatinib."""
    asked = Design("lenvatinib", **({"sizes": (30,)} | design))
    return plan(fit, vocabulary, asked, delta=delta, simulations=simulations, draws=draws)


def brute(updater, data, draw):
    """Log likelihood of a new study at one draw, by a dense grid over all its own effects."""
    effects = updater.study_sd[draw] * np.linspace(-6.0, 6.0, 401)
    weight = stats.norm.pdf(np.linspace(-6.0, 6.0, 401))
    total = np.log(weight / weight.sum())
    for number, own in enumerate(updater.expected):
        steps = np.linspace(-6.0, 6.0, 81)
        log_shape = own.log_shape[draw] + updater.shape_sd[draw] * steps
        value = np.log(stats.norm.pdf(steps) / stats.norm.pdf(steps).sum())[None, :]
        for arm in data.arms:
            if arm.cohort == number:
                at = own.at(arm.share)[draw] + effects
                even = [0.0] * len(arm.chains)
                value = value + arm_log_likelihood(
                    arm.chains, even, at[:, None], log_shape[None, :], updater.family
                )
        for item in data.comparisons:
            one, other = data.arms[item.first], data.arms[item.second]
            if one.cohort == number:
                first = own.at(one.share)[draw]
                second = updater.expected[other.cohort].at(other.share)[draw]
                places = (Place(location, log_shape[None, :]) for location in (first, second))
                value = value + comparison_log_likelihood(item, *places, updater.family)
        total = total + np.logaddexp.reduce(value, axis=1)
    return float(np.logaddexp.reduce(total))
