"""The models as PyMC graphs: imported where something is sampled, and nowhere else.

:mod:`synthesis.model.survival` and :mod:`synthesis.model.response` have their equations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from priors import Prior, Priors
from synthesis.model import response
from synthesis.model.arrays import Sizes, pack, vector_of
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import Family
from synthesis.model.kernel import log_likelihood
from synthesis.model.observations import SurvivalData
from synthesis.model.response import LEVELS, STAGES, variable
from synthesis.model.survival import BIAS_PRIOR, IDLE_TAIL, PRIOR_OF, USUAL, Variant, model_data


def realise(
    prior: Prior, name: str, data: Mapping[str, TensorVariable], *, dims: str | None = None
) -> TensorVariable:
    r"""Add a prior to the model in context.

    Location and scale are model data (``{name}_location``, ``{name}_scale``), so that another
    prior of the same family needs no recompilation. A normal prior is built as
    :math:`\text{location} + \text{scale}\,\cdot\,\text{raw}` with a standard normal ``raw``:
    chains that start at the centre of ``raw`` start at the centre of the prior.

    Parameters
    ----------
    prior : Prior
    name : str
        Name of the variable; the raw variable is ``{name}_raw``.
    data : mapping of str to TensorVariable
        Holds the values of :func:`prior_data` as data of the model.
    dims : str, optional
        Dimension of the model over which the variable is repeated independently.

    Returns
    -------
    TensorVariable
    """
    scale = data[f"{name}_scale"]
    if prior.family == "half_normal":
        raw = pm.HalfNormal(f"{name}_raw", 1.0, dims=dims)
        return pm.Deterministic(name, scale * raw, dims=dims)
    location = data[f"{name}_location"]
    raw = pm.Normal(f"{name}_raw", 0.0, 1.0, dims=dims)
    return pm.Deterministic(name, location + scale * raw, dims=dims)


def unpack(values: Mapping[str, np.ndarray]) -> dict[str, TensorVariable]:
    """Add the two vectors to the model in context, and return the arrays by name.

    Other values of the same names, order, shapes and kinds can be set in the compiled model.
    """
    vectors = {name: pm.Data(name, vector) for name, vector in pack(values).items()}
    start = dict.fromkeys(vectors, 0)
    tensors = {}
    for name, value in values.items():
        array = np.asarray(value)
        vector = vector_of(array)
        stop = start[vector] + math.prod(array.shape)
        piece = vectors[vector][start[vector] : stop]
        tensors[name] = piece.reshape(array.shape) if array.ndim != 1 else piece
        start[vector] = stop
    return tensors


# --- Survival -------------------------------------------------------------------------------------


def survival_model(
    data: SurvivalData, priors: Priors, family: Family, sizes: Sizes, variant: Variant = USUAL
) -> pm.Model:
    """Build the model, with the dimensions of ``sizes``; nothing is sampled here.

    Observations, family, variant and numbers of the priors can be changed in the compiled model,
    but for whether the spread of the biases is estimated.
    """
    with pm.Model(coords={name: np.arange(size) for name, size in sizes.items()}) as model:
        d = unpack(model_data(data, priors, family, sizes, variant))
        log_shape = _log_shape(d, priors, family)[d["arm_cohort"]]
        tail = _tail(d, priors, family)[d["arm_treatment"]]
        bias_sd = None
        if variant.estimates_bias:
            bias_sd = realise(priors[BIAS_PRIOR], "bias_sd", d)
        parameters = {"log_shape": log_shape, "tail": tail} | _location(d, priors, bias_sd)
        logits = realise(priors["convention_logit"], "convention_logits", d, dims="convention")
        parameters["log_convention"] = pm.math.log_softmax(logits)
        pm.Potential("printed_figures", log_likelihood(parameters, d))
    return model


def _location(
    d: dict[str, TensorVariable], priors: Priors, bias_sd: TensorVariable | None
) -> dict[str, TensorVariable]:
    """Log median of every arm; for an arm that is a mixture, that of its pure patients."""
    location = realise(priors["overall_median"], "mu", d)
    for level in ("class", "treatment"):
        sd = realise(priors[f"{level}_sd"], f"{level}_sd", d)
        raw = pm.Normal(f"{level}_effect_raw", 0.0, 1.0, dims=level)
        effect = pm.Deterministic(f"{level}_effect", sd * raw, dims=level)
        location += effect[d[f"arm_{level}"]]
    location += _study_effect(d, priors, bias_sd)
    location += _covariates(d, priors)[d["arm_cohort"]]
    prognostic = realise(priors["histology_prognostic"], "prognostic", d)
    predictive = realise(priors["histology_predictive"], "predictive", d, dims="treatment")
    share_logit = realise(priors["mixed_share"], "share_logit", d, dims="cohort")
    unknown = pt.sigmoid(share_logit)[d["arm_cohort"]]
    known = d["share_known"]
    share = pm.Deterministic(
        "mixed_share", known * d["share"] + (1.0 - known) * unknown, dims="arm"
    )
    spread = realise(priors["histology_spread"], "prognostic_sd", d)
    raw = pm.Normal("histology_deviation_raw", 0.0, 1.0, dims="cohort")
    deviation = pm.Deterministic("histology_deviation", spread * raw, dims="cohort")
    slope = prognostic + predictive[d["arm_treatment"]]
    slope += d["histology_apart"] * deviation[d["arm_cohort"]]
    pm.Deterministic("log_median", location + slope * (share - d["centre_share"]), dims="arm")
    shifts = (1.0 - d["is_mixture"]) * share - d["centre_share"]
    return {
        "location": location + slope * shifts,
        "shift": slope * d["is_mixture"],
        "second_share": share * d["is_mixture"],
    }


def _study_effect(
    d: dict[str, TensorVariable], priors: Priors, bias_sd: TensorVariable | None
) -> TensorVariable:
    """Study effect of every arm: a part that cohorts of one report share, a part of its own."""
    sd = realise(priors["study_sd"], "study_sd", d)
    raw = {
        level: pm.Normal(f"{level}_effect_raw", 0.0, 1.0, dims=level)
        for level in ("study", "cohort")
    }
    # Student-t with the freedom that is set, less the normal density above and constants: a
    # Student-t variable of PyMC would evaluate gamma functions of every element at every step
    freedom, both = d["study_freedom"], pt.concatenate(list(raw.values()))
    heavier = 0.5 * both**2 - 0.5 * (freedom + 1.0) * pt.log1p(both**2 / freedom)
    pm.Potential("study_effects_distribution", heavier.sum())
    bias = {level: d[f"{level}_bias"] for level in raw}
    if bias_sd is not None:  # the data say of which reports
        bias = {level: bias_sd * which for level, which in bias.items()}
    shared, own = (
        pm.Deterministic(f"{level}_effect", pt.sqrt(sd**2 + bias[level] ** 2) * effect, dims=level)
        for level, effect in raw.items()
    )
    part = d["cohort_shared"][d["arm_cohort"]]
    # a square root has no slope at zero, but the part is data
    return pt.sqrt(part) * shared[d["arm_study"]] + pt.sqrt(1.0 - part) * own[d["arm_cohort"]]


def _covariates(d: dict[str, TensorVariable], priors: Priors) -> TensorVariable:
    """Sum of the covariate effects of every cohort."""
    effects = [realise(priors[PRIOR_OF[name]], name, d) for name in COVARIATES]
    effect = pm.Deterministic("covariate_effect", pt.stack(effects), dims="covariate")
    return d["cohort_covariates"] @ effect


def _log_shape(d: dict[str, TensorVariable], priors: Priors, family: Family) -> TensorVariable:
    mean = realise(priors[family.shape_prior], "shape_mean", d)
    treatment_sd = realise(priors["shape_treatment_sd"], "shape_treatment_sd", d)
    treatment_raw = pm.Normal("shape_treatment_effect_raw", 0.0, 1.0, dims="treatment")
    treatment = pm.Deterministic(
        "shape_treatment_effect", treatment_sd * treatment_raw, dims="treatment"
    )
    sd = realise(priors["shape_sd"], "shape_sd", d)
    raw = pm.Normal("log_shape_raw", 0.0, 1.0, dims="cohort")
    log_shape = mean + treatment[d["cohort_treatment"]] + sd * raw
    return pm.Deterministic("log_shape", d["shape_free"] * log_shape, dims="cohort")


def _tail(d: dict[str, TensorVariable], priors: Priors, family: Family) -> TensorVariable:
    """Tail of every treatment; without meaning for a family that has none."""
    mean = realise(priors[family.tail_prior or IDLE_TAIL], "tail_mean", d)
    sd = realise(priors["tail_treatment_sd"], "tail_treatment_sd", d)
    raw = pm.Normal("tail_treatment_effect_raw", 0.0, 1.0, dims="treatment")
    effect = pm.Deterministic("tail_treatment_effect", sd * raw, dims="treatment")
    return mean + effect


# --- Response -------------------------------------------------------------------------------------


def response_model(values: dict[str, np.ndarray], priors: Priors, sizes: Sizes) -> pm.Model:
    """Build the model of the values of :meth:`ResponseData.padded`; nothing is sampled here."""
    with pm.Model(coords={name: np.arange(size) for name, size in sizes.items()}) as model:
        d = unpack(values)
        for stage in STAGES:
            log_odds = _log_odds(stage, priors, d)
            # Binomial on the log odds scale, written out: without trials it adds nothing
            successes, of = d[f"{stage}_successes"], d[f"{stage}_trials"]
            likelihood = successes * log_odds - of * pm.math.log1pexp(log_odds)
            pm.Potential(f"{stage}_likelihood", likelihood, dims="cohort")
    return model


def _log_odds(stage: str, priors: Priors, d: dict[str, TensorVariable]) -> TensorVariable:
    """The hierarchy of one stage: log odds of each cohort."""

    def prior(name: str) -> TensorVariable:
        own = variable(stage, name)
        return realise(priors[response.PRIOR_OF[own]], own, d)

    log_odds = prior("mu")
    for level in LEVELS:
        sd, name = prior(f"{level}_sd"), variable(stage, f"{level}_effect")
        raw = pm.Normal(f"{name}_raw", 0.0, 1.0, dims=level)
        effect = pm.Deterministic(name, sd * raw, dims=level)
        log_odds += effect[d[f"cohort_{level}"]]
    return pm.Deterministic(variable(stage, "log_odds"), log_odds, dims="cohort")
