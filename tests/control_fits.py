"""Fits with draws set by hand from which a new arm is predicted."""

from __future__ import annotations

import numpy as np
from benefit_fits import reports, spread, told_fit
from fits import fit_of
from small_registry import cohort, study, write_registry

from synthesis.questions.mix import Population

HALF = Population(0.5)


def registry_folder(folder):
    """Reports of survival and one of response."""
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
