"""Registries of retrospective and prospective reports, and fits whose biases are set by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
from arviz import from_dict
from benefit_fits import split, spread, whole
from fits import fit_of
from small_registry import VOCABULARY, cohort, landmark, median, study, write_registry

from studies import load_registry
from synthesis.model.covariates import COVARIATES
from synthesis.model.survival import KEEP
from synthesis.questions.bias import WITH_BIAS

WORDS = VOCABULARY | {
    "designs": {
        "retrospective": "After the fact.",
        "prospective_single_arm": "Planned.",
        "randomised": "By chance.",
        "not stated": "Not told.",
    }
}
PROSPECTIVE = {"design": "prospective_single_arm"}


def reports():
    """Lenvatinib in both kinds of reports, three more treatments; what has no median, too."""
    pair = [
        cohort("one", "sorafenib", 14, survival=[median(Decimal("4.9"))]),
        cohort("two", "best_care", 12, survival=[median(Decimal("2.2"))]),
    ]
    short = median("not reached", follow_up=Decimal("9"))
    return [
        split(),
        whole("planned", "lenvatinib", 40, "3.5", **PROSPECTIVE),
        whole("series", "lenvatinib", 12, "9.0"),
        study("pair", *pair),
        whole("untold", "best_care", 50, "2.0", design="not stated"),
        whole("lone", "paclitaxel", 20, "3.3", **PROSPECTIVE),
        study("curve", cohort("arm", "sorafenib", 22, landmarks=[landmark(12, Decimal("0.2"))])),
        study("young", cohort("arm", "best_care", 11, survival=[short])),
    ]


def read(folder, *tables):
    """Write reports, or those of `reports`, and read them back."""
    folder.mkdir(exist_ok=True)
    made = write_registry(folder / "registry", *(tables or reports()), vocabulary=WORDS)
    return load_registry(made)


def usual_fit(registry, **more):
    """Fit of the usual model with a study SD of 0.2 and a common bias of 0.2 (0.1)."""
    middle = np.array([0.2, -0.1, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0])
    effects = spread(middle[None, None], 0.1, 5, middle.size)
    effects = np.pad(effects, ((0, 0), (0, 0), (0, len(COVARIATES) - middle.size)))
    known = {"mu": spread(1.3, 0.1, 1), "study_sd": 0.2, "covariate_effect": effects}
    return fit_of(registry, **(known | more))


def biased_fit(registry, bias=0.3, **more):
    """The same with a spread of biases, a number or draws."""
    return with_bias(usual_fit(registry, **more), bias)


def with_bias(fit, bias):
    """A fit as one of the model that estimates the spread of biases."""
    tree = fit.tree["posterior"]
    values = {name: tree[name].to_numpy() for name in KEEP}
    values["bias_sd"] = np.broadcast_to(np.asarray(bias, dtype=float), values["mu"].shape).copy()
    draws = replace(fit.draws, tree=from_dict({"posterior": values}))
    return replace(fit, draws=draws, variant=WITH_BIAS)
