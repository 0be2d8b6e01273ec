r"""The hierarchical survival model.

For arm ``i`` of cohort ``j``, study ``s``, treatment ``t`` of class ``c``, with ``x`` the share of
mixed histology (0 pure, 1 mixed):

.. math::
   \log m_i &= \mu + \sigma_C u_c + \sigma_T v_t + \sigma_S w_s
                + (\eta + \delta_t)(x_i - x_0) \\
   \log k_j &= \kappa + \sigma_Q q_t + \sigma_K r_j

- :math:`\mu, \sigma_C, \sigma_T, \sigma_S`: mean log median at the share :math:`x_0`, and the SD
  between classes, treatments and studies; ``u, v, w, q, r`` are standard normal.
- :math:`\eta` is what mixed histology does under any treatment (prognostic), :math:`\delta_t`
  what it adds under treatment ``t`` (predictive).
- Where a cohort does not print its share, ``x`` has a prior and shifts the location only: a
  mixture of two curves there would let heavy tails pass for an effect of histology.
- What is printed enters through :mod:`synthesis.likelihoods`.

The survival family is model data, as are all priors and observations: one compiled model serves
every endpoint, family and prior of the same sizes.
"""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from priors import Priors
from priors.realise import prior_data, realise
from synthesis.families import Family
from synthesis.fit import Problem
from synthesis.kernel import log_likelihood
from synthesis.observations import Sizes, SurvivalData
from synthesis.packing import unpack

#: Variable of the model -> name of its prior. The shape has one prior a family.
PRIOR_OF = {
    "mu": "overall_median",
    "class_sd": "class_sd",
    "treatment_sd": "treatment_sd",
    "study_sd": "study_sd",
    "prognostic": "histology_prognostic",
    "predictive": "histology_predictive",
    "share_logit": "mixed_share",
    "shape_treatment_sd": "shape_treatment_sd",
    "shape_sd": "shape_sd",
}
SHAPE_PRIOR = {"weibull": "shape_weibull", "log-logistic": "shape_log_logistic"}


def survival_model(data: SurvivalData, priors: Priors, family: Family, sizes: Sizes) -> pm.Model:
    """Build the model; nothing is sampled here.

    Parameters
    ----------
    data : SurvivalData
        The observations of one endpoint; padded to ``sizes``.
    priors : Priors
    family : Family
        Starting value of the switch; can be changed in the compiled model.
    sizes : Sizes
        Numbers of classes, treatments, studies, cohorts, arms, ... that the compiled model holds.

    Returns
    -------
    pymc.Model
        With dimensions ``class, treatment, study, cohort, arm, point, convention, patient,
        comparison``.
    """
    with pm.Model(coords={name: np.arange(size) for name, size in sizes.items()}) as model:
        d = unpack(model_data(data, priors, family, sizes))
        location = _location(d, priors)
        log_shape = _log_shape(d, priors, family)[d["arm_cohort"]]
        pm.Potential("printed_figures", log_likelihood(location, log_shape, d))
    return model


def model_data(
    data: SurvivalData, priors: Priors, family: Family, sizes: Sizes
) -> dict[str, np.ndarray]:
    """Values of all model data: observations padded to ``sizes``, family switch and priors."""
    values = data.padded(sizes)
    values["family"] = np.asarray(family.code, dtype="int64")
    values["logrank_slope"] = np.asarray(family.logrank_slope)
    values["median_weight"] = np.asarray(family.median_weight)
    values["centre_share"] = np.asarray(centre_share(priors))
    for variable, name in {**PRIOR_OF, "shape_mean": SHAPE_PRIOR[family.name]}.items():
        values |= {k: np.asarray(v) for k, v in prior_data(priors[name], variable).items()}
    return values


def centre_share(priors: Priors) -> float:
    """Share of mixed histology at which ``mu`` and all effects are stated: the prior median."""
    return priors["mixed_share"].natural(priors["mixed_share"].location)


def _location(d: dict[str, TensorVariable], priors: Priors) -> TensorVariable:
    location = realise(priors["overall_median"], "mu", d)
    for level in ("class", "treatment", "study"):
        sd = realise(priors[f"{level}_sd"], f"{level}_sd", d)
        raw = pm.Normal(f"{level}_effect_raw", 0.0, 1.0, dims=level)
        effect = pm.Deterministic(f"{level}_effect", sd * raw, dims=level)
        location += effect[d[f"arm_{level}"]]
    prognostic = realise(priors["histology_prognostic"], "prognostic", d)
    predictive = realise(priors["histology_predictive"], "predictive", d, dims="treatment")
    share_logit = realise(priors["mixed_share"], "share_logit", d, dims="cohort")
    unknown = pt.sigmoid(share_logit)[d["arm_cohort"]]
    known = d["share_known"]
    share = pm.Deterministic(
        "mixed_share", known * d["share"] + (1.0 - known) * unknown, dims="arm"
    )
    slope = prognostic + predictive[d["arm_treatment"]]
    centred = share - d["centre_share"]
    return pm.Deterministic("log_median", location + slope * centred, dims="arm")


def _log_shape(d: dict[str, TensorVariable], priors: Priors, family: Family) -> TensorVariable:
    mean = realise(priors[SHAPE_PRIOR[family.name]], "shape_mean", d)
    treatment_sd = realise(priors["shape_treatment_sd"], "shape_treatment_sd", d)
    treatment_raw = pm.Normal("shape_treatment_effect_raw", 0.0, 1.0, dims="treatment")
    treatment = pm.Deterministic(
        "shape_treatment_effect", treatment_sd * treatment_raw, dims="treatment"
    )
    sd = realise(priors["shape_sd"], "shape_sd", d)
    raw = pm.Normal("log_shape_raw", 0.0, 1.0, dims="cohort")
    return pm.Deterministic(
        "log_shape", mean + treatment[d["cohort_treatment"]] + sd * raw, dims="cohort"
    )


#: Stored variables and their dimensions.
KEEP: dict[str, tuple[str, ...]] = {
    "mu": (),
    "class_sd": (),
    "treatment_sd": (),
    "study_sd": (),
    "class_effect": ("class",),
    "treatment_effect": ("treatment",),
    "study_effect": ("study",),
    "prognostic": (),
    "predictive": ("treatment",),
    "mixed_share": ("arm",),
    "log_median": ("arm",),
    "shape_mean": (),
    "shape_treatment_sd": (),
    "shape_treatment_effect": ("treatment",),
    "shape_sd": (),
    "log_shape": ("cohort",),
}


def survival_problem(data: SurvivalData, priors: Priors, family: Family, sizes: Sizes) -> Problem:
    """The model of one endpoint with its data, ready for :func:`synthesis.fit.run`."""
    arms = [f"{data.cohorts[arm.cohort].id}:{arm.histology}" for arm in data.arms]
    labels = {
        "class": data.classes,
        "treatment": data.treatments,
        "study": data.studies,
        "cohort": tuple(ref.id for ref in data.cohorts),
        "arm": tuple(arms),
    }
    return Problem(
        kind=("survival", sizes.room, tuple(priors[name].family for name in sorted(priors))),
        build=lambda: survival_model(data, priors, family, sizes),
        values=model_data(data, priors, family, sizes),
        keep=KEEP,
        labels=labels,
    )
