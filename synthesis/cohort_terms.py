"""The likelihood of one cohort as a function of its own effects, the rest as drawn.

A cohort is moved by a *displacement* of its log median and by a log shape of its own. The terms of
the likelihood that these move are those of its arms and comparisons, and where cohorts were
randomised side by side those of the others too: they share the study effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from synthesis.likelihoods import (
    arm_log_likelihood,
    comparison_given_medians,
    listed_patients,
)
from synthesis.model_arrays import shared_parts
from synthesis.models import SurvivalFit, bias_spread
from synthesis.observations import ArmComparison
from synthesis.ranks import METHODS
from synthesis.survival import is_retrospective

_EARLIEST = 1e-3  # months, as in the arrays of the model


@dataclass(frozen=True)
class Terms:
    """Factors of the likelihood that depend on what is integrated out."""

    arms: tuple[int, ...]
    comparisons: tuple[ArmComparison, ...]

    def __add__(self, other: Terms) -> Terms:
        return Terms(self.arms + other.arms, self.comparisons + other.comparisons)

    def __bool__(self) -> bool:
        return bool(self.arms or self.comparisons)


@dataclass(frozen=True)
class Point:
    """Where a likelihood is evaluated: displacement and log shape of one cohort.

    Both are ``(draws, nodes)``.
    """

    cohort: int
    displacement: np.ndarray
    log_shape: np.ndarray


@dataclass(frozen=True)
class CohortLikelihood:
    """The terms of the likelihood at some draws of a fit."""

    fit: SurvivalFit
    rows: np.ndarray

    @cached_property
    def _drawn(self) -> dict[str, np.ndarray]:
        return {}

    def draws(self, name: str) -> np.ndarray:
        """Draws of a variable that are used, ``(draws, ...)``."""
        if name not in self._drawn:
            self._drawn[name] = self.fit.flat(name)[self.rows]
        return self._drawn[name]

    @cached_property
    def log_shape(self) -> np.ndarray:
        """Log shape of the cohorts as drawn, ``(draws, cohorts)``."""
        return self.draws("log_shape")

    @cached_property
    def log_median(self) -> np.ndarray:
        """Log median of the arms as drawn, ``(draws, arms)``."""
        return self.draws("log_median")

    @cached_property
    def share(self) -> np.ndarray:
        """Share of mixed histology of the arms as drawn, ``(draws, arms)``."""
        return self.draws("mixed_share")

    @cached_property
    def tail(self) -> np.ndarray:
        """Tail of the treatments, ``(draws, treatments)``."""
        return self.draws("tail_mean")[:, None] + self.draws("tail_treatment_effect")

    @cached_property
    def slope(self) -> np.ndarray:
        """Effect of mixed histology under each treatment, ``(draws, treatments)``."""
        return self.draws("prognostic")[:, None] + self.draws("predictive")

    @cached_property
    def log_convention(self) -> np.ndarray:
        """Log probability of the transformations, ``(draws, conventions)``."""
        logits = self.draws("convention_logits")
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    @cached_property
    def shared(self) -> tuple[float, ...]:
        """Part of the variance between studies that each cohort shares with its report."""
        return shared_parts(self.fit.data)

    @cached_property
    def study(self) -> np.ndarray:
        """Part of the study effect that each cohort shares with its report, ``(draws, cohorts)``.

        Before it is weighted by the root of the part that is shared.
        """
        data = self.fit.data
        return self.draws("study_effect")[:, [data.studies.index(r.study.id) for r in data.cohorts]]

    @cached_property
    def effect(self) -> np.ndarray:
        """Whole study effect of the cohorts as drawn, ``(draws, cohorts)``."""
        shared = np.array(self.shared)
        return np.sqrt(shared) * self.study + np.sqrt(1.0 - shared) * self.draws("cohort_effect")

    def study_variance(self, cohort: int) -> np.ndarray:
        """Variance of the study effect of a cohort, ``(draws,)``: with that of its own bias."""
        variance = self.draws("study_sd") ** 2
        known = self.fit.data.covariates
        if known and is_retrospective(known[cohort]):
            variance = variance + bias_spread(self.fit)[self.rows] ** 2
        return variance

    def treatment(self, cohort: int) -> int:
        """Index of the treatment of a cohort."""
        return self.fit.data.treatments.index(self.fit.data.cohorts[cohort].treatment)

    def arms(self, cohort: int) -> tuple[int, ...]:
        """Indices of the arms of a cohort."""
        return tuple(i for i, arm in enumerate(self.fit.data.arms) if arm.cohort == cohort)

    def cohort(self, arm: int) -> int:
        """Index of the cohort of an arm."""
        return self.fit.data.arms[arm].cohort

    def compared(self, comparison: ArmComparison) -> tuple[int, int]:
        """Indices of the cohorts of a comparison, which may be one."""
        return self.cohort(comparison.first), self.cohort(comparison.second)

    def sole(self, level: str, cohort: int) -> bool:
        """Whether no other cohort is of its treatment, or of its class."""
        refs = self.fit.data.cohorts
        names = [ref.treatment if level == "treatment" else ref.treatment_class for ref in refs]
        return names.count(names[cohort]) == 1

    def companions(self, cohort: int) -> tuple[int, ...]:
        """Cohorts that were randomised beside this one and share its study effect.

        None where the effect of its treatment must be told from it: then the study effect stays as
        drawn, of which the companions know.
        """
        refs = self.fit.data.cohorts
        if self.shared[cohort] < 1.0 or self.sole("treatment", cohort):
            return ()
        report = refs[cohort].study.id
        return tuple(k for k, r in enumerate(refs) if r.study.id == report and k != cohort)

    def held(self, cohort: int) -> float:
        """Part of the variance between studies whose effect stays as drawn: others know of it."""
        refs = self.fit.data.cohorts
        alone = sum(ref.study.id == refs[cohort].study.id for ref in refs) == 1
        return 0.0 if alone or self.companions(cohort) else self.shared[cohort]

    @property
    def is_mixture(self) -> bool:
        """Whether an arm of unknown histology is a mixture of two curves."""
        return self.fit.variant.unknown_histology == "mixture"

    def share_is_free(self, cohort: int) -> bool:
        """Whether the share of mixed histology is integrated out.

        It stays as drawn where the study effect must be told from it (cohorts randomised side by
        side share the one and not the other), and where it makes a mixture of two curves.
        """
        unknown = all(self.fit.data.arms[i].share is None for i in self.arms(cohort))
        told = self.fit.data.tells_histology
        return unknown and told and not self.is_mixture and not self.companions(cohort)

    def base(self, arm: int, cohort: int) -> np.ndarray:
        """Log median of an arm less what the displacement of a cohort stands for, ``(draws,)``."""
        own = self.cohort(arm)
        value = self.log_median[:, arm]
        if own != cohort and own not in self.companions(cohort):
            return value
        value = value - self.effect[:, own]
        treatment = self.treatment(own)
        if own == cohort and self.sole("treatment", own):
            value = value - self.draws("treatment_effect")[:, treatment]
        if own == cohort and self.sole("class", own):
            group = self.fit.data.treatment_class[treatment]
            value = value - self.draws("class_effect")[:, group]
        if own == cohort and self.share_is_free(own):
            away = self.share[:, arm] - self.fit.centre_share
            value = value - self.slope[:, treatment] * away
        return value

    def drawn(self, cohort: int) -> np.ndarray:
        """Displacement and log shape of a cohort as drawn, ``(draws, 2)``."""
        arm = self.arms(cohort)[0]
        displacement = self.log_median[:, arm] - self.base(arm, cohort)
        return np.stack([displacement, self.log_shape[:, cohort]], axis=1)

    def location(self, arm: int, at: Point) -> np.ndarray:
        """Log median of an arm, ``(draws, nodes)`` or ``(draws, 1)``."""
        own = self.cohort(arm)
        moves = own == at.cohort or own in self.companions(at.cohort)
        return self.base(arm, at.cohort)[:, None] + (at.displacement if moves else 0.0)

    def shape(self, arm: int, at: Point) -> np.ndarray:
        """Log shape of an arm, ``(draws, nodes)`` or ``(draws, 1)``."""
        own = self.cohort(arm)
        return at.log_shape if own == at.cohort else self.log_shape[:, own][:, None]

    def of(self, terms: Terms, at: Point) -> np.ndarray:
        """Log likelihood of some terms, ``(draws, nodes)``."""
        value = np.zeros(at.displacement.shape)
        for arm in terms.arms:
            value = value + self.of_arm(arm, self.location(arm, at), self.shape(arm, at))
        for comparison in terms.comparisons:
            value = value + self.of_comparison(comparison, at)
        return value

    def of_arm(self, arm: int, location: np.ndarray, log_shape: np.ndarray) -> np.ndarray:
        """Log likelihood of what an arm prints, ``(draws, nodes)``."""
        item, family = self.fit.data.arms[arm], self.fit.family
        treatment = self.treatment(item.cohort)
        tail = self.tail[:, treatment][:, None]
        if not item.chains:
            own = [patient for patient in self.fit.data.patients if patient.arm == arm]
            return listed_patients(
                location[..., None],
                log_shape[..., None],
                family,
                log_time=np.log([max(patient.months, _EARLIEST) for patient in own]),
                event=np.array([float(patient.event) for patient in own]),
                tail=tail[..., None],
            ).sum(axis=-1)
        weights = [
            0.0 if item.told else self.log_convention[:, METHODS.index(method)][:, None]
            for method in item.methods
        ]
        second: dict[str, Any] = {}
        if item.share is None and self.is_mixture:
            share = self.share[:, arm][:, None]
            second = {"shift": self.slope[:, treatment][:, None], "share": share}
            location = location - second["shift"] * share
        return arm_log_likelihood(item.chains, weights, location, log_shape, family, tail, **second)

    def of_comparison(self, item: ArmComparison, at: Point) -> np.ndarray:
        """Log likelihood of a printed comparison, given the medians that entered."""
        first = self.cohort(item.first)
        return comparison_given_medians(
            self.location(item.first, at) - self.location(item.second, at),
            self.shape(item.first, at),
            self.fit.family,
            self.tail[:, self.treatment(first)][:, None],
            estimate=item.reading.estimate,
            variance=item.reading.variance,
            medians=item.log_median_ratio,
            share=item.reading.share if item.reading.kind == "p" else None,
            either_sign=item.reading.either_sign,
        )
