"""Registries of five treatments and fits with draws set by hand, to be compared."""

from __future__ import annotations

import copy
from decimal import Decimal

import numpy as np
from fits import DRAWS, fit_of
from small_registry import VOCABULARY, cohort, median, study, write_registry

from studies import load_registry

WORDS = copy.deepcopy(VOCABULARY)
WORDS["designs"]["randomised"] = "By lot."
WORDS["designs"]["prospective_single_arm"] = "Planned ahead."
WORDS["histologies"] = {"pure": "Nothing but it.", "mixed": "With a differentiated part."}


def arm(name, treatment, n, *, months="4.0", **more):
    """Describe a cohort that prints a median and its responders."""
    figures = {"survival": [median(Decimal(months))]} | more
    figures.setdefault("response", {"responders": max(n // 5, 1), "evaluable": n})
    return cohort(name, treatment, n, **figures)


#: One randomised report, one with two treatments that were not allocated, three single arms, one
#: small single arm, and one cohort of various treatments.
REPORTS = (
    study(
        "lot",
        arm("a", "lenvatinib", 30),
        arm("b", "paclitaxel", 28),
        design="randomised",
    ),
    study("both", arm("a", "lenvatinib", 12), arm("b", "best_care", 9)),
    study("alone", arm("a", "lenvatinib", 40), design="prospective_single_arm"),
    study("care", arm("a", "best_care", 25)),
    study("small", arm("a", "sorafenib", 5), design="prospective_single_arm"),
)


def registry_of(folder, reports=REPORTS):
    """Write and read a registry of some reports."""
    return load_registry(write_registry(folder, *reports, vocabulary=WORDS))


#: Centres of the log medians of the treatments, by identifier, and their posterior SD.
CENTRES = {"lenvatinib": 1.6, "sorafenib": 1.3, "paclitaxel": 1.4, "best_care": 1.0}
SD = 0.25


def survival_fit(registry, endpoint="os", seed=4):
    """Fit without a sampler: treatments around their centres, histology with an effect."""
    empty = fit_of(registry, endpoint)
    treatments = empty.data.treatments
    rng = np.random.default_rng(seed)
    centres = np.array([CENTRES[name] for name in treatments])
    effects = centres + SD * rng.standard_normal((DRAWS, len(treatments)))
    predictive = np.array([0.3 if name == "lenvatinib" else 0.0 for name in treatments])
    return fit_of(
        registry,
        endpoint,
        treatment_effect=effects,
        shape_mean=-0.2,
        prognostic=0.5 + 0.1 * rng.standard_normal(DRAWS),
        predictive=predictive,
    )


#: Response rates of the treatments, by identifier.
RATES = {"lenvatinib": 0.4, "sorafenib": 0.2, "paclitaxel": 0.25, "best_care": 0.05}


def response_fit(registry, seed=5, **more):
    """Fit of response without a sampler."""
    empty = fit_of(registry, "response")
    rng = np.random.default_rng(seed)
    rates = np.array([RATES[name] for name in empty.data.treatments])
    noise = 0.4 * rng.standard_normal((DRAWS, rates.size))
    effect = np.log(rates / (1 - rates)) + noise
    return fit_of(registry, "response", treatment_effect=effect, **more)
