"""Fits whose draws are set by hand, to be asked what they predict."""

from __future__ import annotations

import numpy as np
from arviz import from_dict

from priors import load_priors
from studies.figures import View, responders
from studies.selection import select
from synthesis.covariates import COVARIATES
from synthesis.diagnostics import Diagnosis
from synthesis.families import family
from synthesis.fit import Draws, SamplerSettings
from synthesis.models import ResponseFit, SurvivalFit, class_order
from synthesis.observations import survival_data
from synthesis.ranks import METHODS
from synthesis.response import response_data
from synthesis.survival import KEEP, centre_share

DRAWS = 2000
GOOD = Diagnosis("PASS", 1.0, "mu", 4000.0, 4000.0, 0, 1.0, DRAWS, 1, "")


def observations(registry, endpoint="os"):
    """Observations of a registry, as a fit holds them."""
    chosen = select(registry, endpoint)
    if endpoint == "response":
        counts = [responders(ref.cohort.response, ref.cohort.n) for ref in chosen.counted]
        return response_data(chosen.counted, counts, class_order(registry))
    return survival_data(chosen.counted, View(endpoint, False, True), class_order(registry))


def fit_of(registry, endpoint="os", **fixed):
    """Fit without a sampler: every quantity stands still where `fixed` puts it, else at zero.

    A value of `fixed` may be a number, or an array of draws with the dimensions of the quantity.
    """
    data = observations(registry, endpoint)
    sizes = {
        "class": len(data.classes),
        "treatment": len(data.treatments),
        "study": len(data.studies),
        "cohort": len(data.cohorts),
        "arm": len(getattr(data, "arms", ())),
        "covariate": len(COVARIATES),
        "convention": len(METHODS),
    }
    variables = {}
    for name, dims in KEEP.items():
        shape = (1, DRAWS, *(sizes[d] for d in dims))
        value = np.asarray(fixed.get(name, 0.0), dtype=float)
        variables[name] = np.broadcast_to(value, shape).copy()
    settings = SamplerSettings(draws=DRAWS)
    draws = Draws(from_dict({"posterior": variables}), settings, {}, from_cache=False)
    priors = load_priors()
    if endpoint == "response":
        return ResponseFit(data, (), priors, draws, GOOD)
    chosen = family("weibull")
    return SurvivalFit(data, (), priors, chosen, draws, GOOD, centre_share(priors))
