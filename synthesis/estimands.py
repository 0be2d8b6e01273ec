r"""Estimands from draws: medians, survival, restricted means, response rates.

For a treatment ``t`` of class ``c`` at a share ``x`` of mixed histology, the *mean study* has
location :math:`\mu + \text{class}_c + \text{treatment}_t + (\eta + \delta_t)(x - x_0)` and shape
:math:`e^{\kappa + q_t}`; a *new study* adds a study effect and a shape deviation drawn from their
posterior distributions. Both are of the reference population: every covariate is 0, and where a
variant gives retrospective reports a bias of their own, a new study has none. A *class* answers for
its average treatment: the treatment effect is zero for the mean study and drawn anew for a new one.

Estimates are posterior medians with equal-tailed intervals, on the natural scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.model import families
from synthesis.model.survival import ROBUST_FREEDOM

Target = Literal["mean_study", "new_study"]
TARGETS: tuple[Target, ...] = ("mean_study", "new_study")
LEVEL = 0.95

#: Estimands of survival endpoints: name -> horizon in months (``None``: the median).
SURVIVAL_ESTIMANDS: dict[str, float | None] = {
    "median_months": None,
    "survival_6m": 6.0,
    "survival_12m": 12.0,
    "rmst_12m": 12.0,
    "rmst_24m": 24.0,
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
    """Draws of one survival curve.

    Attributes
    ----------
    median, shape : ndarray, shape (draws,)
    family : str or ndarray of str, shape (draws,)
        Survival family, of all draws or of each: draws of several families may be stacked.
    tail : ndarray, shape (draws,), or float
        Without meaning for a family that has none.
    """

    median: np.ndarray
    shape: np.ndarray
    family: str | np.ndarray
    tail: np.ndarray | float = 0.0

    def estimand(self, name: str) -> np.ndarray:
        """Draws of an estimand of :data:`SURVIVAL_ESTIMANDS`."""
        horizon = SURVIVAL_ESTIMANDS[name]
        if horizon is None:
            return self.median
        function = families.restricted_mean if name.startswith("rmst") else families.survival
        return self._by_family(
            lambda family, median, shape, tail: function(horizon, median, shape, family, tail)
        )

    def survival(self, months: np.ndarray) -> np.ndarray:
        """Draws of survival, shape ``(draws, times)``."""
        return self._by_family(
            lambda family, median, shape, tail: families.survival(
                months[None, :], median[:, None], shape[:, None], family, tail[:, None]
            )
        )

    def quantile(self, p: np.ndarray) -> np.ndarray:
        """Draws of the times by which shares ``p`` have had the event.

        Parameters
        ----------
        p : ndarray, shape (draws,) or (draws, ...)
        """
        p = np.asarray(p)
        rows = np.arange(self.median.size)

        def of(family: str, median: np.ndarray, shape: np.ndarray, tail: np.ndarray) -> np.ndarray:
            own = p[rows] if isinstance(self.family, str) else p[self.family == family]
            columns = (slice(None), *([None] * (p.ndim - 1)))
            return families.quantile(own, median[columns], shape[columns], family, tail[columns])

        return self._by_family(of)

    def _by_family(
        self, function: Callable[[str, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Evaluate draws family by family, in their order."""
        tail = np.broadcast_to(np.asarray(self.tail, dtype=float), self.median.shape)
        if isinstance(self.family, str):
            return function(self.family, self.median, self.shape, tail)
        found = None
        for name in np.unique(self.family):
            own = self.family == name
            part = function(str(name), self.median[own], self.shape[own], tail[own])
            if found is None:
                found = np.empty((self.median.size, *part.shape[1:]))
            found[own] = part
        return found


def curve(fit: PooledSurvival, group: Group, share: float, target: Target) -> Curve:
    """Draws of the survival curve of a group at a share of mixed histology.

    Parameters
    ----------
    fit : PooledSurvival
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
    return Curve(
        np.exp(log_median),
        np.exp(log_shape * fit.has_shape),
        fit.draw_family,
        _tail(fit, group, target, rng),
    )


def _tail(
    fit: PooledSurvival, group: Group, target: Target, rng: np.random.Generator
) -> np.ndarray:
    """Draws of the tail of a treatment; for a class, of its average or of a new treatment."""
    tail = fit.flat("tail_mean")
    if group.treatment_index is not None:
        return tail + fit.flat("tail_treatment_effect")[:, group.treatment_index]
    if target == "new_study":
        return tail + fit.flat("tail_treatment_sd") * rng.standard_normal(tail.shape)
    return tail


def histology_effect(fit: PooledSurvival, group: Group) -> np.ndarray:
    """Draws of the log ratio of medians, mixed against pure, under a group's treatment."""
    effect = fit.flat("prognostic")
    if group.treatment_index is None:
        return effect
    return effect + fit.flat("predictive")[:, group.treatment_index]


def response_rate(fit: ResponseFit, group: Group, target: Target) -> np.ndarray:
    """Draws of the response rate of a group, shape ``(draws,)``."""
    return 1.0 / (1.0 + np.exp(-_base(fit, group, target, _rng(fit))))


def _base(
    fit: PooledSurvival | ResponseFit, group: Group, target: Target, rng: np.random.Generator
) -> np.ndarray:
    value = fit.flat("mu") + fit.flat("class_effect")[:, group.class_index]
    if group.treatment_index is not None:
        value = value + fit.flat("treatment_effect")[:, group.treatment_index]
    elif target == "new_study":
        value = value + fit.flat("treatment_sd") * rng.standard_normal(value.shape)
    if target == "new_study":
        value = value + fit.flat("study_sd") * study_noise(fit, rng, value.shape)
    return value


def study_noise(
    fit: PooledSurvival | ResponseFit, rng: np.random.Generator, shape: tuple[int, ...]
) -> np.ndarray:
    """Standardised effects of new studies, of the distribution that the model takes."""
    if not isinstance(fit, ResponseFit) and fit.variant.study_effects == "student-t":
        return rng.standard_t(ROBUST_FREEDOM, shape)
    return rng.standard_normal(shape)


def _rng(fit: PooledSurvival | ResponseFit) -> np.random.Generator:
    """The same predictive noise for every group and estimand of a fit: tables agree."""
    return np.random.default_rng([fit.seed, 7])
