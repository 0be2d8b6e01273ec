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

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from arviz import from_dict, psense
from scipy.special import logit
from xarray import DataTree

from synthesis.fits import SurvivalFit, used_priors
from synthesis.left_out import CohortLikelihood, Point, Terms
from synthesis.model.covariates import COVARIATES
from synthesis.model.survival import PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR
from synthesis.questions.sensitivity.conclusions import CHANCE, Question, by_chain, conclusion_draws

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
        if self.prior_sensitivity >= SENSITIVE:
            return CONFLICT if self.likelihood_sensitivity >= SENSITIVE else PRIOR_SPEAKS
        return DATA_SPEAK if self.likelihood_sensitivity >= SENSITIVE else NEITHER


def power_scaling(fit: SurvivalFit, question: Question) -> tuple[Scaled, ...]:
    """Sensitivity of every conclusion to all its priors, to each of them, and to the likelihood."""
    tree = scaling_tree(fit, question)
    names = list(tree["log_prior"].data_vars)
    likelihood = psense(tree, group="likelihood", alphas=_ALPHAS)
    prior = {
        part: psense(tree, group="prior", group_var_names=scaled, alphas=_ALPHAS)
        for part, scaled in ({ALL: names} | {name: [name] for name in names}).items()
    }
    return tuple(
        Scaled(name, part, float(prior[part][name]), float(likelihood[name]))
        for name in tree["posterior"].data_vars
        for part in prior
    )


def scaling_tree(fit: SurvivalFit, question: Question) -> DataTree:
    """Draws of the conclusions with the log densities of priors and cohorts.

    Returns
    -------
    DataTree
        Groups ``posterior`` (conclusions on the scale on which they are judged), ``log_prior``
        (a variable a named prior) and ``log_likelihood`` (a variable, one entry a cohort).
    """
    items = {item.name: item for item in question.conclusions}
    posterior = {
        name: np.log(values) if items[name].scale == "log" else values
        for name, values in conclusion_draws(fit, question).items()
        if items[name].kind != CHANCE  # its draws are those of the difference
    }
    groups = {
        "posterior": posterior,
        "log_prior": log_priors(fit),
        "log_likelihood": {"printed_figures": log_likelihoods(fit)},
    }
    chains = fit.tree["posterior"].sizes["chain"]
    return from_dict(
        {
            group: {name: by_chain(values, chains) for name, values in variables.items()}
            for group, variables in groups.items()
        },
        dims={"printed_figures": ["cohort"]},
        coords={"cohort": [ref.id for ref in fit.data.cohorts]},
    )


def log_likelihoods(fit: SurvivalFit) -> np.ndarray:
    """Log likelihood of what each cohort prints at every draw, ``(draws, cohorts)``.

    A printed comparison belongs to the later of its two cohorts.
    """
    likelihood = CohortLikelihood(fit, np.arange(fit.flat("mu").size))
    columns = []
    for j in range(len(fit.data.cohorts)):
        compared = (c for c in fit.data.comparisons if max(likelihood.compared(c)) == j)
        displacement, log_shape = likelihood.drawn(j).T
        at = Point(j, displacement[:, None], log_shape[:, None])
        columns.append(likelihood.of(Terms(likelihood.arms(j), tuple(compared)), at)[:, 0])
    return np.column_stack(columns)


def log_priors(fit: SurvivalFit) -> dict[str, np.ndarray]:
    """Log density of every named prior at every draw, up to a constant, ``(draws,)`` each.

    Only priors that the likelihood can reach; one that several quantities share (a treatment each,
    a cohort each) is the sum over them. A normal and a half-normal have the same density up to a
    constant, where they have one.
    """
    densities = {}
    for name, values in _quantities(fit):
        prior = fit.priors[name]
        squares = ((values - prior.location) / prior.scale) ** 2
        densities[name] = -0.5 * squares.reshape(len(squares), -1).sum(axis=1)
    return densities


def _quantities(fit: SurvivalFit) -> Iterator[tuple[str, np.ndarray]]:
    """Names of the priors that can matter, each with the draws of what it is the prior of."""
    own = {SHAPE_PRIOR[fit.family.name]: "shape_mean"}
    if fit.family.has_tail:
        own[TAIL_PRIOR[fit.family.name]] = "tail_mean"
    variables = {prior: variable for variable, prior in PRIOR_OF.items()} | own
    for prior in used_priors({"": fit}):
        if prior == "mixed_share":
            unknown = {arm.cohort: i for i, arm in enumerate(fit.data.arms) if arm.share is None}
            share = np.clip(fit.flat("mixed_share")[:, [*unknown.values()]], 1e-12, 1.0 - 1e-12)
            if unknown:
                yield prior, logit(share)
        elif variables[prior] in COVARIATES:
            yield prior, fit.flat("covariate_effect")[:, list(COVARIATES).index(variables[prior])]
        else:
            yield prior, fit.flat(variables[prior])
