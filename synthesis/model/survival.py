r"""The hierarchical survival model.

For arm ``i`` of cohort ``j``, study ``s``, treatment ``t`` of class ``c``, with ``x`` the share of
mixed histology (0 pure, 1 mixed) and ``z`` the covariates of the cohort:

.. math::
   \log m_i &= \mu + \sigma_C u_c + \sigma_T v_t
               + \sigma_S (\sqrt{r_j}\, w_s + \sqrt{1 - r_j}\, w'_j)
               + \beta^\top z_j + (\eta + \sigma_\eta \epsilon_j + \delta_t)(x_i - x_0) \\
   \log k_j &= \kappa + \sigma_Q q_t + \sigma_K g_j \\
   \theta_t &= \theta + \sigma_\theta h_t

- :math:`\mu, \sigma_C, \sigma_T, \sigma_S`: mean log median at the share :math:`x_0`, and the SD
  between classes, treatments and studies; ``u, v, q, g, h`` are standard normal, the study effects
  ``w`` standard normal or Student-t with four degrees of freedom.
- Cohorts of one report share the part :math:`r_j` of the variance between studies: all of it where
  patients were allocated at random (the study effect cancels), half otherwise.
- :math:`\beta`: what kind of study and population it is (:mod:`synthesis.model.covariates`); the
  reference population is 0.
- :math:`\eta` is what mixed histology does under any treatment (prognostic), :math:`\delta_t`
  what it adds under treatment ``t`` (predictive). Reports differ in the first by
  :math:`\sigma_\eta \epsilon_j`, standard normal; a cohort whose pure and mixed patients are not
  told apart has no :math:`\epsilon_j`, for it would be a part of its study effect.
- A report may print how two groups compare, and no figure of either that counts: the groups are
  arms without points.
- Where a cohort does not print its share, ``x`` has a prior (another one where all patients are
  BRAF-mutated) and shifts the location only: a mixture of two curves there would let heavy tails
  pass for an effect of histology. That mixture is a named variant, to show what it would say.
- :math:`\theta_t` is the tail of the families that have one.
- In a variant with a bias, a retrospective report may be optimistic or pessimistic on its own: its
  study effects have the SD :math:`\sqrt{\sigma_S^2 + \sigma_B^2}`, the two parts of which the
  sampler need not tell apart (Welton et al. 2009, doi 10.1111/j.1467-985X.2008.00548.x). The mean
  of the biases is the effect of design among :math:`\beta`. :math:`\sigma_B` is a fixed number,
  or a parameter with a prior of its own: :math:`\sigma_B = |b|`,
  :math:`b \sim \mathrm{Normal}(0, s_B^2)`. In every report it is 0.
- The transformation behind an interval that does not tell it is plain, log or log-log with
  probabilities that all reports share: the softmax of three logits.
- What is printed enters through :mod:`synthesis.model.likelihoods`.
- Where arms are large, what is sampled is a map of ``u, v, w`` and the other effects on the
  location (:mod:`synthesis.model.placing`). It changes nothing of the model.

The survival family is model data, as are all priors, variants and observations: one compiled model
serves every endpoint, family, variant and prior of the same sizes, but for the variant that
estimates the spread of the biases: it has one parameter more, and is compiled by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from priors import Prior, Priors, prior_data
from synthesis.model import covariates
from synthesis.model.arrays import Sizes, padded
from synthesis.model.comparisons import TAIL_TERMS, mean_series
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, Family
from synthesis.model.observations import SurvivalData
from synthesis.model.placing import placing_data
from synthesis.model.printed import METHODS
from synthesis.model.sampler import Problem

#: Variable of the model -> name of its prior. Shape and tail have one prior a family.
PRIOR_OF = {
    "mu": "overall_median",
    "class_sd": "class_sd",
    "treatment_sd": "treatment_sd",
    "study_sd": "study_sd",
    "prognostic": "histology_prognostic",
    "prognostic_sd": "histology_spread",
    "predictive": "histology_predictive",
    "share_logit": "mixed_share",
    "shape_treatment_sd": "shape_treatment_sd",
    "shape_sd": "shape_sd",
    "tail_treatment_sd": "tail_treatment_sd",
    "convention_logits": "convention_logit",
    **{own.name: own.prior for own in covariates.ALL},
}
#: Prior of the spread of the biases of retrospective reports, where it is estimated.
BIAS_PRIOR = "retrospective_bias_sd"
SHAPE_PRIOR = {name: family.shape_prior for name, family in FAMILIES.items()}
TAIL_PRIOR = {name: family.tail_prior for name, family in FAMILIES.items() if family.has_tail}

#: Prior of the tail of a family that has none: it is drawn and says nothing.
IDLE_TAIL = TAIL_PRIOR["generalised gamma"]

#: Degrees of freedom of the Student-t study effects.
ROBUST_FREEDOM = 4.0
_NORMAL_FREEDOM = 1e6  # a Student-t that no draw can tell from the normal

#: Value of :attr:`Variant.retrospective_bias` that makes it a parameter.
ESTIMATED = "estimated"


@dataclass(frozen=True)
class Variant:
    """What a sensitivity analysis may take otherwise; the defaults are those of every report."""

    study_effects: Literal["normal", "student-t"] = "normal"
    """Distribution of the study effects; Student-t with four degrees of freedom is robust."""
    unknown_histology: Literal["shift", "mixture"] = "shift"
    """How the unknown share of mixed histology of an arm enters: it shifts the location, or the arm
    is a mixture of two curves (which lets heavy tails pass for an effect of histology)."""
    covariates: bool = True
    """Whether design, line, time origin and BRAF selection are adjusted for."""
    retrospective_bias: float | Literal["estimated"] = 0.0
    """SD of a bias of each retrospective report, on the scale of log medians: its study effect
    varies by so much more than that of a prospective one. Their common bias is a covariate.
    ``"estimated"``: the SD is the parameter ``bias_sd`` of a model of its own."""

    def __post_init__(self) -> None:
        """Refuse an SD that is negative, or a word that says nothing: a ValueError says so."""
        sd = self.retrospective_bias
        if not self.estimates_bias and (isinstance(sd, str) or not sd >= 0.0):
            shown = repr(sd) if isinstance(sd, str) else f"{sd:g}"
            raise ValueError(
                f"retrospective bias: found {shown}, expected an SD, which is 0 or more, "
                f"or {ESTIMATED!r}"
            )

    @property
    def is_mixture(self) -> bool:
        """Whether an arm of unknown histology is a mixture of two curves."""
        return self.unknown_histology == "mixture"

    @property
    def estimates_bias(self) -> bool:
        """Whether the spread of the biases is a parameter."""
        return self.retrospective_bias == ESTIMATED


#: What every report takes.
USUAL = Variant()


def model_data(
    data: SurvivalData, priors: Priors, family: Family, sizes: Sizes, variant: Variant = USUAL
) -> dict[str, np.ndarray]:
    """Values of all model data: observations padded to ``sizes``, switches and priors."""
    values = padded(data, sizes)
    for i, comparison in enumerate(data.comparisons):
        values["comparison_mean"][i] = mean_series(family, comparison.reading)
        if comparison.reading.adjusted:
            values["comparison_variance"][i] += adjusted_bias(priors) ** 2
    robust = variant.study_effects == "student-t"
    scalars = {
        "tail_terms": np.int64(TAIL_TERMS if family.has_tail else 1),
        "family": np.int64(family.code),
        "shape_free": float(family.has_shape),
        "centre_share": centre_share(priors),
        "study_freedom": ROBUST_FREEDOM if robust else _NORMAL_FREEDOM,
    }
    values |= {name: np.asarray(value) for name, value in scalars.items()}
    values["is_mixture"] = (1.0 - values["share_known"]) * float(variant.is_mixture)
    values |= _biases(data, sizes, variant)
    if not variant.covariates:
        values["cohort_covariates"] = np.zeros_like(values["cohort_covariates"])
    for variable, name in _prior_of(family, variant).items():
        values |= {k: np.asarray(v) for k, v in prior_data(priors[name], variable).items()}
    shares = [share_prior(data, priors, j) for j in range(len(data.refs))]
    for name in ("location", "scale"):
        of_cohorts = np.full(sizes["cohort"], float(values[f"share_logit_{name}"]))
        of_cohorts[: len(shares)] = [getattr(prior, name) for prior in shares]
        values[f"share_logit_{name}"] = of_cohorts
    return values | placing_data(data, family, values, sizes)


def _prior_of(family: Family, variant: Variant) -> dict[str, str]:
    """Variable -> prior, of all variables that have one."""
    of_family = {"shape_mean": family.shape_prior, "tail_mean": family.tail_prior or IDLE_TAIL}
    of_variant = {"bias_sd": BIAS_PRIOR} if variant.estimates_bias else {}
    return PRIOR_OF | of_family | of_variant


def share_prior(data: SurvivalData, priors: Priors, cohort: int) -> Prior:
    """Prior of the share of mixed histology of a cohort that does not print it."""
    mutated = cohort < len(data.mutated) and data.mutated[cohort]
    return priors["mixed_share_mutated" if mutated else "mixed_share"]


def adjusted_bias(priors: Priors) -> float:
    """SD of the bias of an adjusted log hazard ratio."""
    return priors["adjusted_bias"].scale


def _biases(data: SurvivalData, sizes: Sizes, variant: Variant) -> dict[str, np.ndarray]:
    """SD of the bias of every report and of its cohorts, or 1: 0 but for retrospective ones."""
    bias = 1.0 if variant.estimates_bias else variant.retrospective_bias
    arrays = {f"{level}_bias": np.zeros(sizes[level]) for level in ("study", "cohort")}
    for j, (ref, numbers) in enumerate(zip(data.cohorts, data.covariates, strict=False)):
        if is_retrospective(numbers):
            arrays["study_bias"][data.hierarchy.studies.index(ref.study.id)] = bias
            arrays["cohort_bias"][j] = bias
    return arrays


def is_retrospective(covariates: Sequence[float]) -> bool:
    """Whether a cohort with these covariates is of a retrospective report; not if not stated."""
    return bool(covariates) and covariates[COVARIATES.index("retrospective")] > 0.0


def centre_share(priors: Priors) -> float:
    """Share of mixed histology at which ``mu`` and all effects are stated: the prior median."""
    return priors["mixed_share"].natural(priors["mixed_share"].location)


#: Stored variables and their dimensions.
KEEP: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("mu", "class_sd", "treatment_sd", "study_sd"), ()),
    **{f"{level}_effect": (level,) for level in ("class", "treatment", "study", "cohort")},
    "covariate_effect": ("covariate",),
    "convention_logits": ("convention",),
    **dict.fromkeys(("prognostic", "prognostic_sd"), ()),
    "histology_deviation": ("cohort",),
    "predictive": ("treatment",),
    "mixed_share": ("arm",),
    "log_median": ("arm",),
    **dict.fromkeys(("shape_mean", "shape_treatment_sd", "shape_sd"), ()),
    "shape_treatment_effect": ("treatment",),
    "log_shape": ("cohort",),
    **dict.fromkeys(("tail_mean", "tail_treatment_sd"), ()),
    "tail_treatment_effect": ("treatment",),
}


def survival_problem(
    data: SurvivalData, priors: Priors, family: Family, sizes: Sizes, variant: Variant = USUAL
) -> Problem:
    """The model of one endpoint with its data, ready for :func:`synthesis.model.sampler.run`."""
    arms = [f"{data.refs[arm.cohort].id}:{arm.histology}" for arm in data.groups]
    labels = {
        "class": data.hierarchy.classes,
        "treatment": data.hierarchy.treatments,
        "study": data.hierarchy.studies,
        "cohort": tuple(ref.id for ref in data.refs),
        "arm": tuple(arms),
        "covariate": COVARIATES,
        "convention": METHODS,
    }
    prior_of = _prior_of(family, variant)
    return Problem(
        model="survival",
        families={variable: priors[name].family for variable, name in prior_of.items()},
        sizes=sizes,
        values=model_data(data, priors, family, sizes, variant),
        keep=KEEP | ({"bias_sd": ()} if variant.estimates_bias else {}),
        labels=labels,
    )
