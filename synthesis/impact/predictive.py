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
from synthesis.estimands import Curve, Group, Target
from synthesis.models import ResponseFit, SurvivalFit
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


def curve_of(fit: SurvivalFit, place: Place, share: float, target: Target) -> Curve:
    """Draws of a survival curve for tables; of a known treatment, those of the report.

    Parameters
    ----------
    fit : SurvivalFit
    place : Place
    share : float
        Share of mixed histology.
    target : {"mean_study", "new_study"}
    """
    if place.is_known:
        return estimands.curve(fit, _group(place), share, target)
    return _curve(_Drawer(fit, _rng(fit), 1), place, share, target)


def rate_of(fit: ResponseFit, place: Place, target: Target) -> np.ndarray:
    """Draws of a response rate for tables; parameters as in :func:`curve_of`."""
    if place.is_known:
        return estimands.response_rate(fit, _group(place), target)
    return _rate(_Drawer(fit, _rng(fit), 1), place, target)


def predict_curve(
    fit: SurvivalFit,
    place: Place,
    share: float | np.ndarray,
    rng: np.random.Generator,
    repeats: int,
) -> Curve:
    """Curves of new studies, ``repeats`` for each draw of the fit.

    Parameters
    ----------
    fit : SurvivalFit
    place : Place
    share : float or ndarray
        Share of mixed histology, one for all or one a curve.
    rng : Generator
        Generators of one seed give the arms of one study.
    repeats : int
    """
    return _curve(_Drawer(fit, rng, repeats), place, share, "new_study")


def predict_rate(
    fit: ResponseFit, place: Place, rng: np.random.Generator, repeats: int
) -> np.ndarray:
    """Response rates of new studies; parameters as in :func:`predict_curve`."""
    return _rate(_Drawer(fit, rng, repeats), place, "new_study")


def _curve(draw: _Drawer, place: Place, share: float | np.ndarray, target: Target) -> Curve:
    slope = draw.flat("prognostic") + draw.treatment_slope(place)
    log_median = draw.base(place, target) + slope * (share - draw.fit.centre_share)
    log_shape = draw.flat("shape_mean")
    if place.treatment_index is not None:
        log_shape = log_shape + draw.flat("shape_treatment_effect", place.treatment_index)
    elif not place.is_class or target == "new_study":
        log_shape = log_shape + draw.new("shape_treatment")
    if target == "new_study":
        log_shape = log_shape + draw.new("shape")
    return Curve(np.exp(log_median), np.exp(log_shape), draw.fit.family.name)


def _rate(draw: _Drawer, place: Place, target: Target) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-draw.base(place, target)))


def _rng(fit: Fit) -> np.random.Generator:
    """The same noise for every estimand of a treatment: tables agree."""
    return np.random.default_rng([fit.draws.settings.seed, 13])


def draw_prior(prior: Prior, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of a prior on the scale of the model."""
    drawn = prior.location + prior.scale * rng.standard_normal(size)
    return np.abs(drawn) if prior.family == "half_normal" else drawn


def _group(place: Place) -> Group:
    return Group(place.class_index, place.treatment_index)


@dataclass(frozen=True)
class _Drawer:
    """Effects of a fit, known or drawn anew, all of shape ``(draws * repeats,)``."""

    fit: Fit
    rng: np.random.Generator
    repeats: int

    def flat(self, name: str, index: int | None = None) -> np.ndarray:
        values = self.fit.flat(name)
        return np.tile(values if index is None else values[:, index], self.repeats)

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
        return value + self.new("study") if target == "new_study" else value

    def treatment_slope(self, place: Place) -> np.ndarray | float:
        """What mixed histology adds under the treatment."""
        if place.is_class:
            return 0.0
        if place.treatment_index is not None:
            return self.flat("predictive", place.treatment_index)
        size = self.fit.flat("mu").size * self.repeats
        return draw_prior(self.fit.priors["histology_predictive"], size, self.rng)
