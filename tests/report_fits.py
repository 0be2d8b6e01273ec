"""An analysis of a small registry whose draws are set by hand, and the registry."""

from __future__ import annotations

from functools import partial

import compare_fits
import pytest
from benefit_fits import reports, spread, told_fit
from fits import fit_of, observations
from small_registry import VOCABULARY, cohort, study, write_registry

import synthesis.run
from priors import load_priors
from studies import load_registry
from synthesis.run import analyse
from synthesis.settings import Settings
from synthesis.stacking import FamilyFits

#: Months of gain that are asked for, and the endpoints.
DELTA, ENDPOINTS = 2.0, ("os", "response")


def registry_of(folder):
    """Five reports, one with both histologies, and responders of three treatments.

    Four patients of each could not be evaluated for response.
    """
    return registry_with(folder, *reports(), *responders(unassessed=4))


def responders(*, unassessed):
    """Reports of the responders of three treatments; so many more of each were not evaluated."""
    for name, k, n in (("lenvatinib", 8, 30), ("sorafenib", 3, 25), ("best_care", 1, 40)):
        own = cohort("arm", name, n + unassessed, response={"responders": k, "evaluable": n})
        yield study(f"count_{name}", own)


def registry_with(folder, *own):
    """Reports of a disease whose vocabulary tells pure from mixed tumours."""
    words = {"pure": "Nothing but it.", "mixed": "With a differentiated part."}
    lines = {"first-line": "Not treated before.", "pretreated": "Treated before."}
    designs = VOCABULARY["designs"] | {"randomised": "By lot."}
    vocabulary = VOCABULARY | {"histologies": words, "lines": lines, "designs": designs}
    return load_registry(write_registry(folder / "registry", *own, vocabulary=vocabulary))


def survival_fit(registry):
    """Fit of overall survival with effects of histology of known spread, or of their priors."""
    if not observations(registry).tells_histology:
        scales = (load_priors()[f"histology_{name}"].scale for name in ("prognostic", "predictive"))
        prognostic, predictive = scales
        return fit_of(
            registry,
            study_sd=0.3,
            shape_sd=0.1,
            prognostic=spread(0.0, prognostic, 3),
            predictive=spread(0.0, predictive, 4, 1),
        )
    return told_fit(
        registry,
        study_sd=0.3,
        treatment_sd=0.3,
        class_sd=0.3,
        shape_sd=0.1,
        shape_treatment_sd=0.1,
        log_median=spread(1.2, 0.1, 7, 6),
    )


def fit_endpoints(registry, settings, *, priors, progress, cache):
    """Stand in for the sampler: the fits of the endpoints that are asked for."""
    makers = {"os": survival_fit, "response": partial(compare_fits.response_fit, study_sd=0.3)}
    fits = {name: makers[name](registry) for name in settings.endpoints}
    single = {"os": fits["os"]} if "os" in fits else {}
    return fits, {k: FamilyFits({fit.family.name: fit}, None, fit) for k, fit in single.items()}


def analysis_of(registry, **settings):
    """The whole analysis of a registry, but for the sampler."""
    asked = Settings(**({"family": "weibull", "delta": DELTA, "endpoints": ENDPOINTS} | settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
        return analyse(registry, asked)
