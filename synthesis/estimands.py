r"""Estimands from draws: medians, survival, restricted means, response rates.

For a treatment ``t`` of class ``c`` at a share ``x`` of mixed histology, the *mean study* has
location :math:`\mu + \text{class}_c + \text{treatment}_t + (\eta + \delta_t)(x - x_0)` and shape
:math:`e^{\kappa + q_t}`; a *new study* adds a study effect and a shape deviation drawn from their
posterior distributions. A *class* answers for its average treatment: the treatment effect is zero
for the mean study and drawn anew for a new one.

Estimates are posterior medians with equal-tailed intervals, on the natural scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthesis import families
from synthesis.models import ResponseFit, SurvivalFit

Target = Literal["mean_study", "new_study"]
TARGETS: tuple[Target, ...] = ("mean_study", "new_study")
LEVEL = 0.95

#: Estimands of survival endpoints: name -> horizon in months (``None``: the median).
SURVIVAL_ESTIMANDS: dict[str, float | None] = {
    "median_months": None,
    "survival_6m": 6.0,
    "survival_12m": 12.0,
    "rmst_12m": 12.0,
}


@dataclass(frozen=True)
class Summary:
    """Posterior median with the ends of its equal-tailed interval."""

    estimate: float
    lower: float
    upper: float


def summarise(draws: np.ndarray, level: float = LEVEL) -> Summary:
    """Summarise draws of a scalar, shape ``(draws,)``."""
    tails = np.quantile(draws, [0.5, 0.5 - level / 2.0, 0.5 + level / 2.0])
    return Summary(*(float(value) for value in tails))


@dataclass(frozen=True)
class Group:
    """What an estimate speaks of: one treatment, or the average treatment of a class.

    Attributes
    ----------
    class_index : int
        Index into the classes of the data.
    treatment_index : int or None
        Index into the treatments; ``None`` for the class.
    """

    class_index: int
    treatment_index: int | None = None


@dataclass(frozen=True)
class Curve:
    """Draws of one survival curve: log median and shape, each of shape ``(draws,)``."""

    median: np.ndarray
    shape: np.ndarray
    family: str

    def estimand(self, name: str) -> np.ndarray:
        """Draws of an estimand of :data:`SURVIVAL_ESTIMANDS`."""
        horizon = SURVIVAL_ESTIMANDS[name]
        if horizon is None:
            return self.median
        if name.startswith("rmst"):
            return families.restricted_mean(horizon, self.median, self.shape, self.family)
        return families.survival(horizon, self.median, self.shape, self.family)

    def survival(self, months: np.ndarray) -> np.ndarray:
        """Draws of survival, shape ``(draws, times)``."""
        return families.survival(
            months[None, :], self.median[:, None], self.shape[:, None], self.family
        )


def curve(fit: SurvivalFit, group: Group, share: float, target: Target) -> Curve:
    """Draws of the survival curve of a group at a share of mixed histology.

    Parameters
    ----------
    fit : SurvivalFit
    group : Group
    share : float
        0 pure, 1 mixed, between: a cohort with that share.
    target : {"mean_study", "new_study"}
    """
    rng = _rng(fit)
    log_median = _base(fit, group, target, rng)
    log_median = log_median + histology_effect(fit, group) * (share - fit.centre_share)
    log_shape = fit.flat("shape_mean")
    if group.treatment_index is not None:
        log_shape = log_shape + fit.flat("shape_treatment_effect")[:, group.treatment_index]
    elif target == "new_study":
        spread = fit.flat("shape_treatment_sd")
        log_shape = log_shape + spread * rng.standard_normal(log_shape.shape)
    if target == "new_study":
        log_shape = log_shape + fit.flat("shape_sd") * rng.standard_normal(log_shape.shape)
    return Curve(np.exp(log_median), np.exp(log_shape), fit.family.name)


def histology_effect(fit: SurvivalFit, group: Group) -> np.ndarray:
    """Draws of the log ratio of medians, mixed against pure, under a group's treatment."""
    effect = fit.flat("prognostic")
    if group.treatment_index is None:
        return effect
    return effect + fit.flat("predictive")[:, group.treatment_index]


def response_rate(fit: ResponseFit, group: Group, target: Target) -> np.ndarray:
    """Draws of the response rate of a group, shape ``(draws,)``."""
    return 1.0 / (1.0 + np.exp(-_base(fit, group, target, _rng(fit))))


def _base(
    fit: SurvivalFit | ResponseFit, group: Group, target: Target, rng: np.random.Generator
) -> np.ndarray:
    value = fit.flat("mu") + fit.flat("class_effect")[:, group.class_index]
    if group.treatment_index is not None:
        value = value + fit.flat("treatment_effect")[:, group.treatment_index]
    elif target == "new_study":
        value = value + fit.flat("treatment_sd") * rng.standard_normal(value.shape)
    if target == "new_study":
        value = value + fit.flat("study_sd") * rng.standard_normal(value.shape)
    return value


def _rng(fit: SurvivalFit | ResponseFit) -> np.random.Generator:
    """The same predictive noise for every group and estimand of a fit: tables agree."""
    return np.random.default_rng([fit.draws.settings.seed, 7])
