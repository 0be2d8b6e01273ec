r"""How much prior and likelihood say: diagnostics of power-scaling, without a refit.

The posterior is made anew with the prior, or the likelihood, raised to a power :math:`\alpha` near
one, by Pareto-smoothed importance weights of the draws, and the distance between the old and the
new distribution of a quantity (cumulative Jensen-Shannon, per doubling of :math:`\alpha`) says how
much that part matters (Kallioinen, Paananen, Bürkner & Vehtari 2023,
doi 10.1007/s11222-023-10366-5). From 0.05 on a part is sensitive:

- likelihood sensitive, prior not: the data speak;
- both sensitive: prior and data pull in different directions, or the prior is informative;
- prior sensitive, likelihood not: the prior speaks, and the data have little to say;
- neither: nothing to see.

Of a hierarchy only the named priors are scaled. The effects of classes, treatments, studies and
cohorts given their spread stay as they are: they belong neither to what was believed before nor to
what was printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from arviz import from_dict, psense
from scipy.special import logit
from xarray import DataTree

from priors import Prior
from synthesis.fits import SurvivalFit
from synthesis.left_out import CohortLikelihood, Point, Terms
from synthesis.model.covariates import COVARIATES
from synthesis.model.survival import PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR
from synthesis.sensitivity.conclusions import CHANCE, Question, by_chain, conclusion_draws

#: From here on a part is sensitive.
SENSITIVE = 0.05

#: All named priors together, in the place of the name of one.
ALL = "all"

CONFLICT = "prior and data differ"
PRIOR_SPEAKS = "the prior speaks"
DATA_SPEAK = "the data speak"
NEITHER = "neither is sensitive"

#: Powers on either side of one between which sensitivity is measured.
_ALPHAS = (0.99, 1.01)


@dataclass(frozen=True)
class Scaled:
    """Sensitivity of one conclusion to one prior, or to all, and to the likelihood.

    Attributes
    ----------
    conclusion, prior : str
        Names; the prior may be :data:`ALL`.
    prior_sensitivity, likelihood_sensitivity : float
        Change of the distribution per doubling of the power.
    """

    conclusion: str
    prior: str
    prior_sensitivity: float
    likelihood_sensitivity: float

    @property
    def diagnosis(self) -> str:
        """What the two say together."""
        return diagnosis_of(self.prior_sensitivity, self.likelihood_sensitivity)


def diagnosis_of(prior: float, likelihood: float) -> str:
    """What the sensitivities to prior and likelihood say together."""
    if prior >= SENSITIVE:
        return CONFLICT if likelihood >= SENSITIVE else PRIOR_SPEAKS
    return DATA_SPEAK if likelihood >= SENSITIVE else NEITHER


def power_scaling(fit: SurvivalFit, question: Question) -> tuple[Scaled, ...]:
    """Sensitivity of every conclusion to its priors and to the likelihood.

    Parameters
    ----------
    fit : SurvivalFit
    question : Question

    Returns
    -------
    tuple of Scaled
        For each conclusion all priors together, then each that can matter.
    """
    tree = scaling_tree(fit, question)
    names = list(tree["log_prior"].data_vars)
    quantities = list(tree["posterior"].data_vars)
    likelihood = psense(tree, group="likelihood", alphas=_ALPHAS)
    parts: dict[str, Sequence[str]] = {ALL: names} | {name: [name] for name in names}
    found = {
        part: psense(tree, group="prior", group_var_names=list(own), alphas=_ALPHAS)
        for part, own in parts.items()
    }
    return tuple(
        Scaled(name, part, float(found[part][name]), float(likelihood[name]))
        for name in quantities
        for part in parts
    )


def scaling_tree(fit: SurvivalFit, question: Question) -> DataTree:
    """Draws of the conclusions with the log densities of priors and cohorts.

    Returns
    -------
    DataTree
        Groups ``posterior`` (conclusions on the scale on which they are judged), ``log_prior``
        (a variable a named prior) and ``log_likelihood`` (a variable, one entry a cohort).
    """
    chains = fit.tree["posterior"].sizes["chain"]
    scales = {item.name: item.scale for item in question.conclusions}
    kinds = {item.name: item.kind for item in question.conclusions}
    posterior = {
        name: np.log(values) if scales[name] == "log" else values
        for name, values in conclusion_draws(fit, question).items()
        if kinds[name] != CHANCE  # its draws are those of the difference
    }
    cohorts = [ref.id for ref in fit.data.cohorts]
    return from_dict(
        {
            "posterior": _shaped(posterior, chains),
            "log_prior": _shaped(log_priors(fit), chains),
            "log_likelihood": _shaped({"printed_figures": log_likelihoods(fit)}, chains),
        },
        dims={"printed_figures": ["cohort"]},
        coords={"cohort": cohorts},
    )


def _shaped(draws: Mapping[str, np.ndarray], chains: int) -> dict[str, np.ndarray]:
    return {name: by_chain(values, chains) for name, values in draws.items()}


def log_likelihoods(fit: SurvivalFit) -> np.ndarray:
    """Log likelihood of what each cohort prints at every draw, ``(draws, cohorts)``.

    A printed comparison belongs to the later of its two cohorts.
    """
    rows = np.arange(fit.flat("mu").size)
    likelihood = CohortLikelihood(fit, rows)
    columns = []
    for j in range(len(fit.data.cohorts)):
        own = Terms(
            likelihood.arms(j),
            tuple(c for c in fit.data.comparisons if max(likelihood.compared(c)) == j),
        )
        displacement, log_shape = likelihood.drawn(j).T
        at = Point(j, displacement[:, None], log_shape[:, None])
        columns.append(likelihood.of(own, at)[:, 0])
    return np.column_stack(columns)


def log_priors(fit: SurvivalFit) -> dict[str, np.ndarray]:
    """Log density of every named prior at every draw, up to a constant, ``(draws,)`` each.

    Only priors that the likelihood can reach; one that several quantities share (a treatment each,
    a cohort each) is the sum over them.
    """
    found = {}
    for name, values in _believed(fit).items():
        density = _log_density(fit.priors[name], values)
        found[name] = density.reshape(len(density), -1).sum(axis=1)
    return found


def _log_density(prior: Prior, values: np.ndarray) -> np.ndarray:
    """A normal and a half-normal have the same density up to a constant, where they have one."""
    return -0.5 * ((values - prior.location) / prior.scale) ** 2


def _believed(fit: SurvivalFit) -> dict[str, np.ndarray]:
    """Name of a prior -> draws of what it is the prior of."""
    draws = {"overall_median": fit.flat("mu")}
    draws |= {name: fit.flat(name) for name in ("class_sd", "treatment_sd", "study_sd")}
    data = fit.data
    if data.tells_histology:
        draws["histology_prognostic"] = fit.flat("prognostic")
        draws["histology_predictive"] = fit.flat("predictive")
        unknown = {a.cohort: i for i, a in enumerate(data.arms) if a.share is None}
        if unknown:
            share = fit.flat("mixed_share")[:, list(unknown.values())]
            draws["mixed_share"] = logit(np.clip(share, 1e-12, 1.0 - 1e-12))
    if fit.family.has_shape:
        draws[SHAPE_PRIOR[fit.family.name]] = fit.flat("shape_mean")
        draws |= {name: fit.flat(name) for name in ("shape_sd", "shape_treatment_sd")}
    if fit.family.has_tail:
        draws[TAIL_PRIOR[fit.family.name]] = fit.flat("tail_mean")
        draws["tail_treatment_sd"] = fit.flat("tail_treatment_sd")
    if any(not arm.told for arm in data.arms):
        draws["convention_logit"] = fit.flat("convention_logits")
    for number, name in enumerate(COVARIATES):
        told = any(values[number] != 0.0 for values in data.covariates)
        if told and fit.variant.covariates:
            draws[PRIOR_OF[name]] = fit.flat("covariate_effect")[:, number]
    return draws
