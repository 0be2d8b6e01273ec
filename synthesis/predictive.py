"""What a fit says of any treatment, also of one that it has never seen.

A treatment that the fit knows has the estimands of :mod:`synthesis.estimands`. One that it does not
know is a new treatment of its class, or of a new class: its effects are drawn from the spread
between treatments (and classes) that the fit has learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from priors import Prior
from synthesis import estimands
from synthesis.estimands import Curve, Group, Target, study_noise
from synthesis.fits import PooledSurvival, ResponseFit, bias_spread
from synthesis.model.survival import is_retrospective
from synthesis.tables import Fit


@dataclass(frozen=True)
class Place:
    """Where a treatment, or the average treatment of a class, stands in a fit.

    Attributes
    ----------
    class_index : int or None
        Index into the classes of the fit; ``None`` for a class that it does not know.
    treatment_index : int or None
        Index into its treatments; ``None`` for one that it does not know, and for a class.
    is_class : bool
        Whether the average treatment of the class is meant.
    """

    class_index: int | None
    treatment_index: int | None
    is_class: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the fit has cohorts of it."""
        return self.treatment_index is not None or (self.is_class and self.class_index is not None)

    @property
    def words(self) -> str:
        """What an estimate of it rests on, in words."""
        if self.is_known:
            return "its cohorts"
        if self.is_class:
            return "expected of a new class"
        if self.class_index is not None:
            return "expected of a new treatment of its class"
        return "expected of a new treatment of a new class"


def place_of(fit: Fit, treatment: str | None, class_id: str) -> Place:
    """Find a treatment in a fit, or with ``None`` the class; unknown ones have no index."""
    data = fit.data
    class_index = data.classes.index(class_id) if class_id in data.classes else None
    if treatment is None:
        return Place(class_index, None, is_class=True)
    known = treatment in data.treatments
    return Place(class_index, data.treatments.index(treatment) if known else None)


def curve_of(fit: PooledSurvival, place: Place, share: float, target: Target) -> Curve:
    """Draws of a survival curve for tables; of a known treatment, those of the report.

    Parameters
    ----------
    fit : PooledSurvival
    place : Place
    share : float
        Share of mixed histology.
    target : {"mean_study", "new_study"}
    """
    if place.is_known:
        return estimands.curve(fit, _group(place), share, target)
    rng = _rng(fit)
    return _curve(_Drawer(fit, rng, rng, 1), place, share, target)


def rate_of(fit: ResponseFit, place: Place, target: Target) -> np.ndarray:
    """Draws of a response rate for tables; parameters as in :func:`curve_of`."""
    if place.is_known:
        return estimands.response_rate(fit, _group(place), target)
    rng = _rng(fit)
    return _rate(_Drawer(fit, rng, rng, 1), place, target)


@dataclass(frozen=True)
class NewCohort:
    """What is known of a cohort of a new study before its figures are seen.

    Attributes
    ----------
    study, cohort : int
        Seeds: arms with both alike are arms of one cohort, with the first alike of one study.
    shared : float
        Part of the variance between studies that it shares with other cohorts of its study.
    covariates : tuple of float
        How it differs from the reference population; empty for not at all.
    """

    study: int
    cohort: int
    shared: float = 1.0
    covariates: tuple[float, ...] = ()


def predict_curve(
    fit: PooledSurvival, place: Place, share: float | np.ndarray, cohort: NewCohort, repeats: int
) -> Curve:
    """Curves of new studies, ``repeats`` for each draw of the fit.

    Parameters
    ----------
    fit : PooledSurvival
    place : Place
    share : float or ndarray
        Share of mixed histology, one for all or one a curve.
    cohort : NewCohort
    repeats : int
    """
    rng, own = (np.random.default_rng(seed) for seed in (cohort.study, cohort.cohort))
    draw = _Drawer(fit, rng, own, repeats, cohort.shared, cohort.covariates)
    return _curve(draw, place, share, "new_study")


def predict_rate(
    fit: ResponseFit, place: Place, rng: np.random.Generator, repeats: int
) -> np.ndarray:
    """Response rates of new studies, ``repeats`` for each draw of the fit.

    Generators of one seed give the arms of one study.
    """
    return _rate(_Drawer(fit, rng, rng, repeats), place, "new_study")


def _curve(draw: _Drawer, place: Place, share: float | np.ndarray, target: Target) -> Curve:
    slope = draw.flat("prognostic") + draw.treatment_slope(place)
    log_median = draw.base(place, target) + slope * (share - draw.fit.centre_share)
    log_shape = draw.of_treatment("shape", place, target)
    if target == "new_study":
        log_shape = log_shape + draw.flat("shape_sd") * draw.own.standard_normal(log_shape.size)
    tail = draw.of_treatment("tail", place, target)
    fit = draw.fit
    family, free = draw.each(fit.draw_family), draw.each(fit.has_shape)
    return Curve(np.exp(log_median), np.exp(log_shape * free), family, tail)


def _rate(draw: _Drawer, place: Place, target: Target) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-draw.base(place, target)))


def _rng(fit: Fit) -> np.random.Generator:
    """The same noise for every estimand of a treatment: tables agree."""
    return np.random.default_rng([fit.seed, 13])


def unknown_share(
    fit: PooledSurvival, repeats: int, rng: np.random.Generator
) -> float | np.ndarray:
    """Shares of mixed histology that the prior holds likely, one for each of the repeats."""
    if not fit.data.tells_histology:
        return fit.centre_share  # the fit has no term for it
    logit = draw_prior(fit.priors["mixed_share"], fit.flat("mu").size * repeats, rng)
    return 1.0 / (1.0 + np.exp(-logit))


def draw_prior(prior: Prior, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of a prior on the scale of the model."""
    drawn = prior.location + prior.scale * rng.standard_normal(size)
    return np.abs(drawn) if prior.family == "half_normal" else drawn


def _group(place: Place) -> Group:
    return Group(place.class_index, place.treatment_index)


@dataclass(frozen=True)
class _Drawer:
    """Effects of a fit, known or drawn anew, all of shape ``(draws * repeats,)``.

    ``rng`` draws what belongs to a study, ``own`` what belongs to one cohort of it.
    """

    fit: Fit
    rng: np.random.Generator
    own: np.random.Generator
    repeats: int
    shared: float = 1.0
    covariates: tuple[float, ...] = ()

    def flat(self, name: str, index: int | None = None) -> np.ndarray:
        values = self.fit.flat(name)
        return np.tile(values if index is None else values[:, index], self.repeats)

    def each(self, value: str | float | np.ndarray) -> str | float | np.ndarray:
        """A value of all draws, or of each."""
        return value if np.ndim(value) == 0 else np.tile(value, self.repeats)

    def new(self, level: str) -> np.ndarray:
        """An effect of a level that nothing is known of but its spread."""
        spread = self.flat(f"{level}_sd")
        return spread * self.rng.standard_normal(spread.size)

    def effect(self, level: str, index: int | None) -> np.ndarray:
        return self.new(level) if index is None else self.flat(f"{level}_effect", index)

    def base(self, place: Place, target: Target) -> np.ndarray:
        """Log median at the centre share, or log odds."""
        value = self.flat("mu") + self.effect("class", place.class_index)
        if not place.is_class or target == "new_study":
            value = value + self.effect("treatment", place.treatment_index)
        if target == "new_study":
            value = value + self.new_study(value.size)
        if self.covariates and self.fit.variant.covariates:
            effects = np.tile(self.fit.flat("covariate_effect"), (self.repeats, 1))
            value = value + effects @ np.asarray(self.covariates)
        return value

    def new_study(self, size: int) -> np.ndarray:
        """Study effects, of which cohorts of one report may share only a part.

        Those of a retrospective report hold a bias of its own where the fit has one.
        """
        noise = study_noise(self.fit, self.rng, (size,))
        if self.shared < 1.0:
            own = study_noise(self.fit, self.own, (size,))
            noise = np.sqrt(self.shared) * noise + np.sqrt(1.0 - self.shared) * own
        spread = self.flat("study_sd")
        if is_retrospective(self.covariates):
            spread = np.hypot(spread, np.tile(bias_spread(self.fit), self.repeats))
        return spread * noise

    def of_treatment(self, what: str, place: Place, target: Target) -> np.ndarray:
        """Log shape or tail of a treatment, or of the average treatment of a class."""
        value = self.flat(f"{what}_mean")
        if place.treatment_index is not None:
            return value + self.flat(f"{what}_treatment_effect", place.treatment_index)
        if place.is_class and target == "mean_study":
            return value
        return value + self.new(f"{what}_treatment")

    def treatment_slope(self, place: Place) -> np.ndarray | float:
        """What mixed histology adds under the treatment."""
        if place.is_class:
            return 0.0
        if place.treatment_index is not None:
            return self.flat("predictive", place.treatment_index)
        size = self.fit.flat("mu").size * self.repeats
        return draw_prior(self.fit.priors["histology_predictive"], size, self.rng)
