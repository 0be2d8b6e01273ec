"""A small registry that tells histology, and fits of it whose draws are set by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from fits import DRAWS, fit_of
from small_registry import cohort, median, study, subgroup, write_registry

from studies import load_registry
from synthesis.model.covariates import COVARIATES

PRINTED = {"pure": Decimal("2.7"), "mixed": Decimal("6.3")}


def split(name="split", treatment="lenvatinib", n=(15, 8), medians=PRINTED, p="0.026"):
    """A report that prints the medians of its pure and its mixed patients."""
    groups = [
        subgroup(histology, size, survival=[median(medians[histology])])
        for histology, size in zip(("pure", "mixed"), n, strict=True)
    ]
    more = {}
    if p is not None:
        groups_of = ["mixed", "pure"]
        more["comparisons"] = [{"endpoint": "os", "groups": groups_of, "p": Decimal(p)}]
    histology = dict(zip(("pure", "mixed"), n, strict=True))
    own = cohort("arm", treatment, sum(n), histology=histology, subgroups=groups)
    return study(name, own, **more)


def whole(name, treatment, n=30, value="4.0", **more):
    """A report of one cohort, of its median alone."""
    return study(name, cohort("arm", treatment, n, survival=[median(Decimal(value))]), **more)


def reports():
    """Lenvatinib with and without histology, two more treatments, supportive care."""
    return [
        split(),
        whole("second", "lenvatinib", 40),
        whole("third", "sorafenib", 25, "4.5"),
        whole("fourth", "paclitaxel", 36, "3.4"),
        whole("fifth", "best_care", 50, "2.2"),
    ]


def read(folder, *tables):
    """Write reports, or those of `reports`, and read them back."""
    return load_registry(write_registry(folder / "registry", *(tables or reports())))


def spread(middle, sd, seed, width=None):
    """Draws of a normal variable, or of several beside each other."""
    shape = (1, DRAWS) if width is None else (1, DRAWS, width)
    return middle + sd * np.random.default_rng(seed).standard_normal(shape)


def covariate_effects():
    """Draws of effects of covariates, each with a mean of its own."""
    middle = np.array([0.2, -0.3, 0.1, -0.1, 0.15, -0.2, 0.05, -0.05])
    first = spread(middle[None, None], 0.1, 5, middle.size)
    return np.concatenate([first, spread(0.1, 0.1, 6, len(COVARIATES) - middle.size)], axis=-1)


def of_reference(fit):
    """What a prospective study of first-line treatment from its start adds to a log median."""
    effects = fit.flat("covariate_effect")
    return -0.5 * sum(
        effects[:, COVARIATES.index(name)]
        for name in ("retrospective", "pretreated", "from_diagnosis")
    )


def told_fit(registry, endpoint="os", **more):
    """Fit with effects of histology of known spread."""
    known = {
        "mu": spread(1.2, 0.1, 1),
        "treatment_effect": spread(np.array([0.1, 0.2, 0.0, -0.7])[None, None], 0.1, 2, 4),
        "prognostic": spread(0.9, 0.35, 3),
        "predictive": spread(np.array([0.1, 0.0, 0.0, 0.0])[None, None], 0.15, 4, 4),
        "covariate_effect": covariate_effects(),
    }
    return fit_of(registry, endpoint, **(known | more))


# --- Fits to plan from, and to predict a new arm from --------------------------------------------


def planned_fit(folder, **more):
    """Lenvatinib and best supportive care as uncertain as a real registry leaves them."""
    middle = np.array([0.1, 0.2, 0.0, -0.7])[None, None]
    known = {
        "treatment_effect": spread(middle, 0.25, 2, 4),
        "prognostic": spread(0.6, 0.3, 3),
        "study_sd": np.abs(spread(0.2, 0.08, 6)),
        "shape_mean": spread(-0.1, 0.08, 7),
        "shape_sd": np.abs(spread(0.1, 0.04, 8)),
    }
    registry = read(folder)
    return told_fit(registry, **(known | more)), registry.vocabulary


def with_response(folder):
    """Folder of the reports of survival and one of response."""
    response = {"cr": 0, "pr": 4, "evaluable": 30}
    sixth = study("sixth", cohort("arm", "lenvatinib", 30, response=response))
    return write_registry(folder / "registry", *reports(), sixth)


def survival_fit(registry):
    """As `told_fit`, in which studies differ."""
    spreads = {"study_sd": np.abs(spread(0.3, 0.1, 9)), "shape_sd": 0.1}
    return told_fit(registry, mu=spread(2.2, 0.1, 1), **spreads)


def response_fit(registry):
    """A response rate of about one in six."""
    return fit_of(registry, "response", mu=spread(-1.5, 0.3, 1), study_sd=0.6)
