"""The log density of the survival model at one point, from its equations alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pymc as pm
from likelihood_arrays import total
from scipy import stats

from priors import Priors, load_priors
from synthesis.model.arrays import Sizes, pack, padded
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, Family
from synthesis.model.observations import SurvivalData
from synthesis.model.survival import (
    BIAS_PRIOR,
    PRIOR_OF,
    ROBUST_FREEDOM,
    SHAPE_PRIOR,
    TAIL_PRIOR,
    USUAL,
    Variant,
    centre_share,
    survival_problem,
)

Point = Mapping[str, np.ndarray]

# Normal effects are a Student-t of a million degrees of freedom in the model: at one to two SDs the
# log densities of each of 32 effects differ by 1e-6. The rest, some three hundred terms of size one
# to ten, is added in double precision.
CLOSE = 5e-5


class CompiledDensity:
    """The log density of the survival model as it is built, at any values of its data.

    No compiled loops: the graph itself is evaluated, and building it takes seconds, not a minute.
    """

    def __init__(self, sizes: Sizes, variant: Variant = USUAL) -> None:
        self.sizes = sizes
        empty = SurvivalData("os", (), (), (), (), (), (), (), ())
        self.model = survival_problem(
            empty, load_priors(), FAMILIES["weibull"], sizes, variant
        ).build()
        # term by term: a sum of more than 32 is not evaluated without being compiled
        self.terms = self.model.compile_logp(sum=False, mode="FAST_COMPILE")

    def points(self, count: int, seed: int = 3) -> list[dict[str, np.ndarray]]:
        """Where a chain starts, and places of the sampler's own space about it."""
        start = self.model.initial_point()
        rng = np.random.default_rng(seed)
        # chains start within one unit of the centre; posteriors go further
        others = (
            {k: rng.uniform(-1.5, 1.5, np.shape(v)) for k, v in start.items()}
            for _ in range(count - 1)
        )
        return [start, *others]

    def at(self, point: Point, values: Mapping[str, np.ndarray]) -> float:
        """Log density at a point, with these values of all model data."""
        with self.model:
            pm.set_data(pack(values))
        return float(sum(np.sum(term) for term in self.terms(point)))


def log_priors(
    point: Point, priors: Priors, family: Family, variant: Variant
) -> tuple[float, dict[str, np.ndarray]]:
    """Log density of everything that is standardised, and the quantities that follow from it."""
    names = {
        **PRIOR_OF,
        "shape_mean": SHAPE_PRIOR[family.name],
        "tail_mean": TAIL_PRIOR.get(family.name, "tail_generalised_gamma"),
    }
    if variant.estimates_bias:
        names["bias_sd"] = BIAS_PRIOR
    log_p, value = 0.0, {}
    for variable, name in names.items():
        prior = priors[name]
        if prior.family == "normal":
            raw = point[f"{variable}_raw"]
            log_p += stats.norm.logpdf(raw).sum()
            value[variable] = prior.location + prior.scale * raw
        else:
            log_raw = point[f"{variable}_raw_log__"]
            log_p += stats.halfnorm.logpdf(np.exp(log_raw)) + log_raw  # Jacobian of the logarithm
            value[variable] = prior.scale * np.exp(log_raw)
    log_p += stats.norm.logpdf(point["histology_deviation_raw"]).sum()
    for level in ("class", "treatment", "shape_treatment", "tail_treatment"):
        raw = point[f"{level}_effect_raw"]
        log_p += stats.norm.logpdf(raw).sum()
        value[f"{level}_effect"] = value[f"{level}_sd"] * raw
    robust = variant.study_effects == "student-t"
    effects = stats.t(ROBUST_FREEDOM) if robust else stats.norm()
    for level in ("study", "cohort"):
        raw = point[f"{level}_effect_raw"]
        # the constant of either is that of the normal: it does not depend on anything
        log_p += (effects.logpdf(raw) - effects.logpdf(0.0) + stats.norm.logpdf(0.0)).sum()
        value[f"{level}_effect"] = value["study_sd"] * raw
    log_p += stats.norm.logpdf(point["log_shape_raw"]).sum()
    value["log_shape"] = value["shape_sd"] * point["log_shape_raw"]
    return log_p, value


def by_hand(point, data: SurvivalData, sizes, priors, family, variant: Variant = USUAL) -> float:
    """Log density at a point of the sampler's own space."""
    d = padded(data, sizes)
    log_p, value = log_priors(point, priors, family, variant)
    own, treatment = d["arm_cohort"], d["arm_treatment"]
    unknown = 1.0 / (1.0 + np.exp(-value["share_logit"][own]))
    is_known = d["share_known"] > 0.0
    share = np.where(is_known, d["share"], unknown)
    part = d["cohort_shared"][own]
    bias = value["bias_sd"] if variant.estimates_bias else variant.retrospective_bias
    for level, biased in _biased(data, sizes).items():
        sd = np.sqrt(value["study_sd"] ** 2 + (bias * biased) ** 2)
        value[f"{level}_effect"] = sd * point[f"{level}_effect_raw"]
    location = value["mu"] + value["class_effect"][d["arm_class"]]
    location = location + value["treatment_effect"][treatment]
    location = location + np.sqrt(part) * value["study_effect"][d["arm_study"]]
    location = location + np.sqrt(1.0 - part) * value["cohort_effect"][own]
    if variant.covariates:
        for i, name in enumerate(COVARIATES):
            location = location + value[name] * d["cohort_covariates"][own, i]
    slope = value["prognostic"] + value["predictive"][treatment]
    own_effect = value["prognostic_sd"] * point["histology_deviation_raw"]
    slope = slope + d["histology_apart"] * own_effect[own]
    mixed = ~is_known & (variant.unknown_histology == "mixture")
    at = np.where(mixed, 0.0, share)  # a mixture stands at its pure patients
    location = location + slope * (at - centre_share(priors))
    log_shape = value["shape_mean"] + value["log_shape"]
    log_shape = log_shape + value["shape_treatment_effect"][d["cohort_treatment"]]
    log_shape = log_shape if family.has_shape else np.zeros_like(log_shape)
    tail = value["tail_mean"] + value["tail_treatment_effect"][treatment]
    logits = value["convention_logits"]
    return log_p + total(
        d,
        family,
        location,
        log_shape[own],
        tail,
        logits - np.log(np.exp(logits).sum()),
        shift=np.where(mixed, slope, 0.0),
        share=np.where(mixed, share, 0.0),
        comparisons=data.comparisons,
        bias_sd=priors["adjusted_bias"].scale,
    )


def _biased(data, sizes):
    """Whether the patients of each report and of each cohort were looked up afterwards."""
    found = {level: np.zeros(sizes[level]) for level in ("study", "cohort")}
    for j, ref in enumerate(data.cohorts):
        if ref.study.design in ("retrospective", "case_series", "registry"):
            found["study"][data.studies.index(ref.study.id)] = found["cohort"][j] = 1.0
    return found
