"""Which priors of the catalogue an analysis rests on."""

from __future__ import annotations

from collections.abc import Mapping

from synthesis import response, survival
from synthesis.covariates import COVARIATES
from synthesis.estimands import tells_histology
from synthesis.models import ResponseFit, SurvivalFit

# Priors that matter only where the histology of some cohort is known.
_OF_HISTOLOGY = ("histology_prognostic", "histology_predictive", "mixed_share")


def used_priors(fits: Mapping[str, SurvivalFit | ResponseFit]) -> list[str]:
    """Names of the priors that can matter for any of the fits.

    Parameters
    ----------
    fits : mapping
        Name -> fit, each of one family.

    Returns
    -------
    list of str
        Each once, in the order of the models.
    """
    names: list[str] = []
    for fit in fits.values():
        if isinstance(fit, ResponseFit):
            stages = fit.data.stages
            names += [p for p in response.PRIOR_OF.values() if p.split("_")[0] in stages]
        else:
            idle = _idle_priors(fit)
            own = [*survival.PRIOR_OF.values(), survival.SHAPE_PRIOR[fit.family.name]]
            own += [survival.TAIL_PRIOR[fit.family.name]] if fit.family.has_tail else []
            names += [name for name in own if name not in idle]
    return list(dict.fromkeys(names))


def _idle_priors(fit: SurvivalFit) -> set[str]:
    """Priors of terms that the likelihood of a fit does not have."""
    idle = set() if tells_histology(fit) else set(_OF_HISTOLOGY)
    if not fit.family.has_tail:
        idle.add("tail_treatment_sd")
    if not fit.family.has_shape:
        idle |= {"shape_treatment_sd", "shape_sd", survival.SHAPE_PRIOR[fit.family.name]}
    if all(arm.told for arm in fit.data.arms):
        idle.add("convention_logit")
    for number, name in enumerate(COVARIATES):
        told = any(values[number] != 0.0 for values in fit.data.covariates)
        if not (told and fit.variant.covariates):
            idle.add(survival.PRIOR_OF[name])
    return idle
