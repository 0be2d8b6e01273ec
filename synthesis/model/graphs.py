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

from synthesis.model.arrays import Sizes, pack, vector_of
from synthesis.model.covariates import COVARIATES
from synthesis.model.kernel import log_likelihood
from synthesis.model.placing import EFFECTS, WIDTH
from synthesis.model.placing_kernel import place
from synthesis.model.response import LEVELS, STAGES, variable


def realise(
    family: str, name: str, data: Mapping[str, TensorVariable], *, dims: str | None = None
) -> TensorVariable:
    r"""Add a prior to the model in context; the raw variable is ``{name}_raw``.

    Location and scale are model data (``{name}_location``, ``{name}_scale``), so that another
    prior of the same family needs no recompilation; `data` holds :func:`priors.prior_data`. A
    normal prior is built as :math:`\text{location} + \text{scale}\,\cdot\,\text{raw}` with a
    standard normal ``raw``: chains that start at the centre of ``raw`` start at the centre of the
    prior. Over ``dims`` the variable is repeated independently.
    """
    return _scaled(family, name, data, _standardised(family, name, dims), dims)


def _standardised(family: str, name: str, dims: str | None = None) -> TensorVariable:
    if family == "half_normal":
        return pm.HalfNormal(f"{name}_raw", 1.0, dims=dims)
    return pm.Normal(f"{name}_raw", 0.0, 1.0, dims=dims)


def _scaled(
    family: str,
    name: str,
    data: Mapping[str, TensorVariable],
    raw: TensorVariable,
    dims: str | None = None,
) -> TensorVariable:
    value = data[f"{name}_scale"] * raw
    if family == "normal":
        value = data[f"{name}_location"] + value
    return pm.Deterministic(name, value, dims=dims)


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
        piece = vectors[vector][slice(start[vector], stop) if array.ndim else start[vector]]
        tensors[name] = piece.reshape(array.shape) if array.ndim > 1 else piece
        start[vector] = stop
    return tensors


# --- Survival -------------------------------------------------------------------------------------


def survival_model(
    values: Mapping[str, np.ndarray], families: Mapping[str, str], sizes: Sizes
) -> pm.Model:
    """Build the model, with the dimensions of ``sizes``; nothing is sampled here.

    Observations, family, variant and numbers of the priors can be changed in the compiled model,
    but for whether the spread of the biases is estimated. The values are those of
    :func:`synthesis.model.survival.model_data`, the families of priors stand by their variable.
    """
    with pm.Model(coords={name: np.arange(size) for name, size in sizes.items()}) as model:
        d = unpack(values)
        log_shape = _log_shape(d, families, sizes)[d["arm_cohort"]]
        tail = _tail(d, families)[d["arm_treatment"]]
        parameters = {"log_shape": log_shape, "tail": tail} | _location(d, families, sizes)
        logits = realise(families["convention_logits"], "convention_logits", d, dims="convention")
        parameters["log_convention"] = pm.math.log_softmax(logits)
        pm.Potential("printed_figures", log_likelihood(parameters, d))
    return model


def _location(
    d: dict[str, TensorVariable], families: Mapping[str, str], sizes: Sizes
) -> dict[str, TensorVariable]:
    """Log median of every arm; for an arm that is a mixture, that of its pure patients."""
    bias_sd = realise(families["bias_sd"], "bias_sd", d) if "bias_sd" in families else None
    raw = {"mu": _standardised(families["mu"], "mu")}
    sd = {}
    for level in ("class", "treatment", "study"):
        sd[level] = realise(families[f"{level}_sd"], f"{level}_sd", d)
        raw[level] = pm.Normal(f"{level}_effect_raw", 0.0, 1.0, dims=level)
    raw["cohort"] = pm.Normal("cohort_effect_raw", 0.0, 1.0, dims="cohort")
    for name in (*COVARIATES, "prognostic"):
        raw[name] = _standardised(families[name], name)
    raw["predictive"] = _standardised(families["predictive"], "predictive", "treatment")
    sd |= _study_sds(d, sd["study"], bias_sd)
    raw = {name: raw[name] for name in EFFECTS}
    scales = {n: sd[n] if n in sd else _scale_of(n, d, families) for n in EFFECTS}
    raw = _placed(d, "location", raw, scales, sizes)

    def prior(name: str, dims: str | None = None) -> TensorVariable:
        return _scaled(families[name], name, d, raw[name], dims)

    location = prior("mu")
    effect = {
        level: pm.Deterministic(f"{level}_effect", sd[level] * raw[level], dims=level)
        for level in ("class", "treatment", "study", "cohort")
    }
    for level in ("class", "treatment"):
        location += effect[level][d[f"arm_{level}"]]
    location += _study_effect(d, raw, effect)
    covariates = pt.stack([prior(name) for name in COVARIATES])
    covariates = pm.Deterministic("covariate_effect", covariates, dims="covariate")
    location += (d["cohort_covariates"] * covariates).sum(axis=1)[d["arm_cohort"]]
    slope = prior("prognostic") + prior("predictive", "treatment")[d["arm_treatment"]]
    share_logit = realise(families["share_logit"], "share_logit", d, dims="cohort")
    unknown = pt.sigmoid(share_logit)[d["arm_cohort"]]
    known = d["share_known"]
    share = pm.Deterministic(
        "mixed_share", known * d["share"] + (1.0 - known) * unknown, dims="arm"
    )
    spread = realise(families["prognostic_sd"], "prognostic_sd", d)
    deviation = pm.Normal("histology_deviation_raw", 0.0, 1.0, dims="cohort")
    deviation = pm.Deterministic("histology_deviation", spread * deviation, dims="cohort")
    slope += d["histology_apart"] * deviation[d["arm_cohort"]]
    pm.Deterministic("log_median", location + slope * (share - d["centre_share"]), dims="arm")
    shifts = (1.0 - d["is_mixture"]) * share - d["centre_share"]
    return {
        "location": location + slope * shifts,
        "shift": slope * d["is_mixture"],
        "second_share": share * d["is_mixture"],
    }


def _placed(
    d: dict[str, TensorVariable],
    what: str,
    sampled: Mapping[str, TensorVariable],
    scales: Mapping[str, TensorVariable],
    sizes: Sizes,
) -> dict[str, TensorVariable]:
    """The standard normal effects from those that are sampled: :mod:`synthesis.model.placing`.

    Without sharp arms they are the same.
    """
    if not sizes["sharp"]:
        return dict(sampled)
    z = pt.concatenate([pt.atleast_1d(own) for own in sampled.values()])
    scale = [pt.zeros_like(pt.atleast_1d(own)) + scales[name] for name, own in sampled.items()]
    design, gap = (d[f"sharp_{what}_{name}"] for name in ("design", "gap"))
    effects, log_determinant = place(z, pt.concatenate(scale), design, gap)
    # the normal density of what is sampled becomes that of the effects
    pm.Potential(f"placing_{what}", 0.5 * (z**2 - effects**2).sum() + log_determinant)
    placed, start = {}, 0
    for name in sampled:
        stop = start + (sizes[WIDTH[name]] if name in WIDTH else 1)
        placed[name] = effects[start:stop] if name in WIDTH else effects[start]
        start = stop
    return placed


def _scale_of(
    name: str, d: dict[str, TensorVariable], families: Mapping[str, str]
) -> TensorVariable:
    """SD of an effect; nought of a half-normal one, which stays where it is."""
    return d[f"{name}_scale"] if families[name] == "normal" else pt.zeros(())


def _study_sds(
    d: dict[str, TensorVariable], sd: TensorVariable, bias_sd: TensorVariable | None
) -> dict[str, TensorVariable]:
    """SD of the effect of every study, and of the own part of every cohort."""
    bias = {level: d[f"{level}_bias"] for level in ("study", "cohort")}
    if bias_sd is not None:  # the data say of which reports
        bias = {level: bias_sd * which for level, which in bias.items()}
    return {level: pt.sqrt(sd**2 + own**2) for level, own in bias.items()}


def _study_effect(
    d: dict[str, TensorVariable],
    raw: dict[str, TensorVariable],
    effect: dict[str, TensorVariable],
) -> TensorVariable:
    """Study effect of every arm: a part that cohorts of one report share, a part of its own."""
    # Student-t with the freedom that is set, less the normal density above and constants: a
    # Student-t variable of PyMC would evaluate gamma functions of every element at every step
    freedom, both = d["study_freedom"], pt.concatenate([raw["study"], raw["cohort"]])
    heavier = 0.5 * both**2 - 0.5 * (freedom + 1.0) * pt.log1p(both**2 / freedom)
    pm.Potential("study_effects_distribution", heavier.sum())
    part = d["cohort_shared"][d["arm_cohort"]]
    # a square root has no slope at zero, but the part is data
    shared, own = effect["study"][d["arm_study"]], effect["cohort"][d["arm_cohort"]]
    return pt.sqrt(part) * shared + pt.sqrt(1.0 - part) * own


def _log_shape(
    d: dict[str, TensorVariable], families: Mapping[str, str], sizes: Sizes
) -> TensorVariable:
    raw = {"shape_mean": _standardised(families["shape_mean"], "shape_mean")}
    sd = {"shape_mean": _scale_of("shape_mean", d, families)}
    sd["shape_treatment"] = realise(families["shape_treatment_sd"], "shape_treatment_sd", d)
    raw["shape_treatment"] = pm.Normal("shape_treatment_effect_raw", 0.0, 1.0, dims="treatment")
    sd["shape_cohort"] = realise(families["shape_sd"], "shape_sd", d)
    raw["shape_cohort"] = pm.Normal("log_shape_raw", 0.0, 1.0, dims="cohort")
    raw = _placed(d, "shape", raw, sd, sizes)
    mean = _scaled(families["shape_mean"], "shape_mean", d, raw["shape_mean"])
    treatment = sd["shape_treatment"] * raw["shape_treatment"]
    treatment = pm.Deterministic("shape_treatment_effect", treatment, dims="treatment")
    log_shape = mean + treatment[d["cohort_treatment"]] + sd["shape_cohort"] * raw["shape_cohort"]
    return pm.Deterministic("log_shape", d["shape_free"] * log_shape, dims="cohort")


def _tail(d: dict[str, TensorVariable], families: Mapping[str, str]) -> TensorVariable:
    """Tail of every treatment; without meaning for a family that has none."""
    mean = realise(families["tail_mean"], "tail_mean", d)
    sd = realise(families["tail_treatment_sd"], "tail_treatment_sd", d)
    raw = pm.Normal("tail_treatment_effect_raw", 0.0, 1.0, dims="treatment")
    effect = pm.Deterministic("tail_treatment_effect", sd * raw, dims="treatment")
    return mean + effect


# --- Response -------------------------------------------------------------------------------------


def response_model(
    values: Mapping[str, np.ndarray], families: Mapping[str, str], sizes: Sizes
) -> pm.Model:
    """Build the model; parameters as in :func:`survival_model`, nothing is sampled here."""
    with pm.Model(coords={name: np.arange(size) for name, size in sizes.items()}) as model:
        d = unpack(values)
        for stage in STAGES:
            log_odds = _log_odds(stage, families, d)
            # Binomial on the log odds scale, written out: without trials it adds nothing
            successes, of = d[f"{stage}_successes"], d[f"{stage}_trials"]
            likelihood = successes * log_odds - of * pm.math.log1pexp(log_odds)
            pm.Potential(f"{stage}_likelihood", likelihood, dims="cohort")
    return model


def _log_odds(
    stage: str, families: Mapping[str, str], d: dict[str, TensorVariable]
) -> TensorVariable:
    """The hierarchy of one stage: log odds of each cohort."""

    def prior(name: str) -> TensorVariable:
        own = variable(stage, name)
        return realise(families[own], own, d)

    log_odds = prior("mu")
    for level in LEVELS:
        sd, name = prior(f"{level}_sd"), variable(stage, f"{level}_effect")
        raw = pm.Normal(f"{name}_raw", 0.0, 1.0, dims=level)
        effect = pm.Deterministic(name, sd * raw, dims=level)
        log_odds += effect[d[f"cohort_{level}"]]
    return pm.Deterministic(variable(stage, "log_odds"), log_odds, dims="cohort")


#: Models by the name that a problem gives.
MODELS = {"survival": survival_model, "response": response_model}
