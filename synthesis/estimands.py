r"""What a fit says of its treatments: medians, survival, restricted means, rates of response.

For a treatment ``t`` of class ``c`` at a share ``x`` of mixed histology, the *mean study* has
location :math:`\mu + \text{class}_c + \text{treatment}_t + (\eta + \delta_t)(x - x_0)` and shape
:math:`e^{\kappa + q_t}`; a *new study* adds a study effect and a shape deviation drawn from their
posterior distributions. Mixed and pure patients of a new study differ by an effect of its own,
too. Both are of the reference population of :mod:`synthesis.model.covariates`, and where a variant
gives retrospective reports a bias of their own, a new study has none. A *class* answers for its
average treatment: the treatment effect is zero for the mean study and drawn anew for a new one.

Of response, with :math:`p` its rate, :math:`q` the probability of stable disease for a patient who
does not respond, and :math:`c` that of a complete response for one who does (the stages of
:mod:`synthesis.model.response`), all per evaluable patient:

.. math::
   \text{disease control} = p + (1 - p)\,q, \qquad \text{complete response} = p\,c

so that in every draw complete response <= response <= disease control.

Draws of all groups are one array, ``(draws, groups)`` in the order of :func:`groups_of`, kept as
long as the fit itself. Estimates are posterior medians with equal-tailed intervals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from priors import Prior
from studies.responses import BestResponses
from studies.selection import CohortRef
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.fits import PooledSurvival, ResponseFit, bias_spread, kept
from synthesis.model import families
from synthesis.model.covariates import REFERENCE, braf_share
from synthesis.model.response import STAGES, variable
from synthesis.model.survival import ROBUST_FREEDOM, is_retrospective

Fit = PooledSurvival | ResponseFit
Target = Literal["mean_study", "new_study"]
TARGETS: tuple[Target, ...] = ("mean_study", "new_study")
LEVEL = 0.95


# --- what is estimated ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimand:
    """One quantity of the tables, by its name in the ``estimand`` column."""

    name: str
    label: str
    unit: str
    """Of its numbers as `write` writes them."""
    write: numbers.Writer
    draws_of: Callable[[Any], np.ndarray]
    """Its draws, of a `Curve`; for response, of the function that gives the rate of each stage."""
    horizon: float | None = None
    """Months up to which survival is read."""
    count: str = ""
    """For response: the count of a cohort without which it does not tell the estimand."""


def _survival_at(months: float) -> Estimand:
    about = f"survival_{months:g}m", f"Survival at {months:g} months", "%", numbers.percent
    return Estimand(*about, lambda curve: curve.survival_at(months), months)


def _mean_to(months: float) -> Estimand:
    about = f"rmst_{months:g}m", f"Restricted mean to {months:g} months", "months", numbers.months
    return Estimand(*about, lambda curve: curve.restricted_mean(months), months)


def _rate(count: str, name: str, draws_of: Callable[[Any], np.ndarray]) -> Estimand:
    label = name.replace("_", " ").capitalize()
    return Estimand(name, label, "%", numbers.percent, draws_of, count=count)


#: Every estimand: a further one is a further record.
ESTIMANDS: dict[str, Estimand] = {
    record.name: record
    for record in (
        Estimand("median_months", "Median", "months", numbers.months, lambda curve: curve.median),
        _survival_at(6.0),
        _survival_at(12.0),
        _mean_to(12.0),
        _mean_to(24.0),
        _rate("responders", "response_rate", lambda rate: rate(STAGES[0])),
        _rate(
            "control",
            "disease_control",
            lambda rate: rate(STAGES[0]) + (1.0 - rate(STAGES[0])) * rate("control"),
        ),
        _rate("complete", "complete_response", lambda rate: rate(STAGES[0]) * rate("complete")),
    )
}

#: Estimands of survival endpoints: name -> horizon in months (``None``: the median).
SURVIVAL_ESTIMANDS: dict[str, float | None] = {
    name: record.horizon for name, record in ESTIMANDS.items() if not record.count
}

#: Estimands of the response endpoint.
RESPONSE_ESTIMANDS: tuple[str, ...] = tuple(
    name for name, record in ESTIMANDS.items() if record.count
)


def tells(count: BestResponses, estimand: str) -> bool:
    """Whether the best responses of a cohort tell an estimand of response."""
    return getattr(count, ESTIMANDS[estimand].count) is not None


def estimands_of(fit: Fit) -> tuple[str, ...]:
    """Estimands of a fit: of response those that a cohort tells, for the rest is prior alone."""
    if not isinstance(fit, ResponseFit):
        return tuple(SURVIVAL_ESTIMANDS)
    return tuple(
        name
        for name in RESPONSE_ESTIMANDS
        if name == RESPONSE_ESTIMANDS[0] or any(tells(count, name) for count in fit.data.counts)
    )


# --- summaries -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """Posterior median with the ends of its equal-tailed interval."""

    estimate: float
    lower: float
    upper: float


def summarise(draws: np.ndarray, level: float = LEVEL) -> Summary:
    """Summarise draws of a scalar, shape ``(draws,)``."""
    return Summary(*(float(value) for value in quantiles(draws, level)))


def quantiles(draws: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Median and ends of the interval of draws ``(draws, ...)``, one behind the other."""
    return np.quantile(draws, [0.5, 0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)


# --- draws ---------------------------------------------------------------------------------------


def flat(fit: Fit, name: str) -> np.ndarray:
    """Draws of a variable of a fit, ``(draws, ...)``; not to be changed."""
    return kept(fit, ("flat", name), lambda: fit.flat(name))


# --- groups --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """A treatment, or with index ``None`` the average treatment of a class: indices in a fit."""

    class_index: int
    treatment_index: int | None = None

    @property
    def is_class(self) -> bool:
        """Whether it stands for the average treatment of a class."""
        return self.treatment_index is None


@dataclass(frozen=True)
class NamedGroup:
    """A treatment or a class, with the cohorts behind it and the patients of their figures.

    Of a treatment that is known from an adjusted comparison alone, the cohorts are its groups, and
    have no patients of their own.
    """

    group: Group
    label: str
    class_label: str
    cohorts: tuple[CohortRef, ...]
    patients: int

    @property
    def is_class(self) -> bool:
        """Whether it stands for the average treatment of a class."""
        return self.group.is_class

    @property
    def compared(self) -> int:
        """Patients of the reports behind a treatment that is known from adjusted ratios alone."""
        if self.patients:
            return 0
        return sum(max(own.n or 0 for own in ref.study.cohorts) for ref in self.cohorts)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Cohorts, patients and compared patients, as :func:`synthesis.numbers.size` takes them."""
        return len(self.cohorts), self.patients, self.compared


def groups_of(fit: Fit) -> tuple[Group, ...]:
    """All treatments in their order, then every class that has several."""
    of = fit.data.treatment_class
    several = [c for c in range(len(fit.data.classes)) if of.count(c) > 1]
    return (*(Group(c, t) for t, c in enumerate(of)), *map(Group, several))


def named_groups(fit: Fit, vocabulary: Vocabulary) -> list[NamedGroup]:
    """Treatments in order of display; behind those of a class with several, the class."""

    def place(group: Group) -> tuple[Any, ...]:
        return group.class_index, group.is_class, group.treatment_index or 0

    def make() -> tuple[Vocabulary, list[NamedGroup]]:
        groups = sorted(groups_of(fit), key=place)
        # the vocabulary is kept too: no other can take its identity
        return vocabulary, [_named(group, fit, vocabulary) for group in groups]

    return list(kept(fit, ("named", id(vocabulary)), make)[1])


def _named(group: Group, fit: Fit, vocabulary: Vocabulary) -> NamedGroup:
    data, sizes = fit.data, patients_of(fit)
    class_id = data.classes[group.class_index]
    class_label = vocabulary.treatment_class(class_id).label
    if group.is_class:
        label = f"{class_label} (any)"
        cohorts = tuple(ref for ref in data.cohorts if ref.treatment_class == class_id)
    else:
        treatment = data.treatments[group.treatment_index]
        label = vocabulary.treatment(treatment).label
        cohorts = tuple(ref for ref in data.cohorts if ref.treatment == treatment)
        cohorts = cohorts or tuple(ref for ref in data.within if ref.treatment == treatment)
    patients = sum(sizes[ref.id] for ref in cohorts)
    return NamedGroup(group, label, class_label, cohorts, patients)


def cohort_labels(refs: Sequence[CohortRef]) -> dict[str, str]:
    """How cohorts are called: by their study, and where it has several by their own name too."""
    number = Counter(ref.study.id for ref in refs)
    return {
        ref.id: ref.label
        if number[ref.study.id] == 1
        else f"{ref.label} ({ref.cohort.id.replace('_', ' ')})"
        for ref in refs
    }


def patients_of(fit: Fit) -> dict[str, int]:
    """Patients behind the figures of each cohort: treated, or evaluable for response."""
    if isinstance(fit, ResponseFit):
        pairs = zip(fit.data.cohorts, fit.data.counts, strict=True)
        return {ref.id: count.evaluable for ref, count in pairs}
    sizes = dict.fromkeys((ref.id for ref in fit.data.refs), 0)
    for arm in fit.data.arms:
        sizes[fit.data.cohorts[arm.cohort].id] += arm.n
    return sizes


# --- histology -----------------------------------------------------------------------------------


def tells_histology(fit: Fit) -> bool:
    """Whether a fit knows the histology of any cohort: only then it speaks of pure and mixed."""
    return not isinstance(fit, ResponseFit) and fit.data.tells_histology


def tells_mutation(fit: PooledSurvival) -> bool:
    """Whether a fit knows the BRAF mutations of any cohort: only then anything speaks of them."""
    return any(braf_share(ref) is not None for ref in fit.data.cohorts)


def reference_share(fit: PooledSurvival, reference_mix: float) -> float:
    """Share of mixed histology of pooled rows; where none is known, one that changes nothing."""
    return reference_mix if fit.data.tells_histology else fit.centre_share


def histologies(fit: Fit, reference_mix: float) -> dict[str, float | None]:
    """Share of mixed histology of each label of ``histology``; response has the reference alone."""
    if isinstance(fit, ResponseFit):
        return {"reference": None}
    reference = {"reference": reference_share(fit, reference_mix)}
    return {"pure": 0.0, "mixed": 1.0} | reference if tells_histology(fit) else reference


def tells_apart(fit: Fit, cohorts: Sequence[CohortRef]) -> bool:
    """Whether figures of pure and of mixed tumours, or a comparison of them, stand behind cohorts.

    What has none is *extrapolated*.
    """
    if isinstance(fit, ResponseFit):
        return False
    names = {ref.id for ref in cohorts}
    shares = {own.share for own in fit.data.groups if fit.data.refs[own.cohort].id in names}
    return {0.0, 1.0} <= shares


def histology_effect(fit: PooledSurvival, group: Group) -> np.ndarray:
    """Draws of the log ratio of medians, mixed against pure, under a group's treatment."""
    effect = flat(fit, "prognostic")
    if group.treatment_index is None:
        return effect
    return effect + flat(fit, "predictive")[:, group.treatment_index]


# --- curves --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """Draws of one survival curve, ``(draws,)``, or of several, ``(draws, curves)``."""

    median: np.ndarray
    shape: np.ndarray
    family: str | np.ndarray
    """Survival family of all draws, or of each, ``(draws,)``."""
    tail: np.ndarray | float = 0.0
    """As `median`; without meaning for a family that has none."""
    _estimands: dict[str, np.ndarray] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _beside: tuple[Curve, int] | None = field(default=None, init=False, repr=False, compare=False)

    def column(self, number: int) -> Curve:
        """One of several curves; its estimands are those that are computed of all."""
        tail = np.broadcast_to(self.tail, self.median.shape)[:, number]
        one = Curve(self.median[:, number], self.shape[:, number], self.family, tail)
        object.__setattr__(one, "_beside", (self, number))
        return one

    def rows(self, rows: slice) -> Curve:
        """Some of the draws."""
        tail = np.broadcast_to(self.tail, self.median.shape)[rows]
        family = self.family
        if not isinstance(family, str):  # draws of one family need no masks
            family = family[rows]
            family = str(family[0]) if len(set(family.tolist())) == 1 else family
        return Curve(self.median[rows], self.shape[rows], family, tail)

    def estimand(self, name: str) -> np.ndarray:
        """Draws of an estimand of :data:`SURVIVAL_ESTIMANDS`, shape as that of `median`."""
        if self._beside is not None:
            every, number = self._beside
            return every.estimand(name)[:, number]
        if name not in self._estimands:
            self._estimands[name] = ESTIMANDS[name].draws_of(self)
        return self._estimands[name]

    def survival_at(self, months: float) -> np.ndarray:
        """Draws of survival at one time, shape as that of `median`."""
        return self._by_family(lambda *of: families.survival(months, *of))

    def restricted_mean(self, months: float) -> np.ndarray:
        """Draws of the mean survival time up to a horizon, shape as that of `median`."""
        return self._by_family(lambda *of: families.restricted_mean(months, *of))

    def survival(self, months: np.ndarray) -> np.ndarray:
        """Draws of survival, shape ``(draws, ..., times)``."""

        def at(median: np.ndarray, shape: np.ndarray, name: str, tail: np.ndarray) -> np.ndarray:
            median, shape, tail = (values[..., None] for values in (median, shape, tail))
            return families.survival(months, median, shape, name, tail)

        return self._by_family(at)

    def quantile(self, p: np.ndarray) -> np.ndarray:
        """Draws of the times by which shares ``p``, ``(draws, ...)``, had the event."""
        p = np.asarray(p)
        columns = (slice(None), *([None] * (p.ndim - 1)))

        def at(median: Any, shape: Any, name: str, tail: Any, share: np.ndarray) -> np.ndarray:
            return families.quantile(share, median[columns], shape[columns], name, tail[columns])

        return self._by_family(at, p)

    def _by_family(self, function: Callable[..., np.ndarray], *more: np.ndarray) -> np.ndarray:
        """Evaluate draws family by family, in their order; `more` arrays have a row a draw."""
        tail = np.broadcast_to(np.asarray(self.tail, dtype=float), self.median.shape)
        if isinstance(self.family, str):
            return function(self.median, self.shape, self.family, tail, *more)
        values = None
        for name in dict.fromkeys(self.family.tolist()):
            rows = self.family == name
            arguments = self.median[rows], self.shape[rows], name, tail[rows]
            part = function(*arguments, *(array[rows] for array in more))
            if values is None:
                values = np.empty((len(self.median), *part.shape[1:]))
            values[rows] = part
        return values


def curve(fit: PooledSurvival, group: Group, share: float, target: Target) -> Curve:
    """Draws of the survival curve of a group at a share of mixed histology, 0 pure to 1 mixed."""
    groups, column = _beside(fit, group)
    return curves(fit, share, target, groups).column(column)


def curves(
    fit: PooledSurvival, share: float, target: Target, groups: tuple[Group, ...] = ()
) -> Curve:
    """Curves of groups side by side, of all in the order of :func:`groups_of` unless stated."""
    groups = groups or groups_of(fit)

    def make() -> Curve:
        each = [Effects(fit, _rng(fit)).curve(group, share, target) for group in groups]
        arrays = ([getattr(one, name) for one in each] for name in ("median", "shape", "tail"))
        median, shape, tail = (np.stack(columns, axis=1) for columns in arrays)
        return Curve(median, shape, fit.draw_family, tail)

    return kept(fit, ("curves", groups, share, target), make)


def _beside(fit: Fit, group: Group) -> tuple[tuple[Group, ...], int]:
    """Groups that are computed along with one, and its place; a class of one treatment is alone."""
    groups = groups_of(fit)
    return (groups, groups.index(group)) if group in groups else ((group,), 0)


def study_noise(fit: Fit, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standardised effects of new studies, of the distribution that the model takes."""
    if not isinstance(fit, ResponseFit) and fit.variant.study_effects == "student-t":
        return rng.standard_t(ROBUST_FREEDOM, shape)
    return rng.standard_normal(shape)


def _rng(fit: Fit, *stage: int) -> np.random.Generator:
    """The same predictive noise for every group and estimand of a fit: tables agree."""
    return np.random.default_rng([fit.seed, 7, *stage])


def draw_prior(prior: Prior, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of a prior on the scale of the model."""
    drawn = prior.location + prior.scale * rng.standard_normal(size)
    return np.abs(drawn) if prior.family == "half_normal" else drawn


class Place(Protocol):
    """A group, or what a fit does not know: then the treatment, or the class too, has no index."""

    class_index: int | None
    treatment_index: int | None
    is_class: bool


@dataclass(frozen=True)
class Effects:
    """Effects of a fit, known or drawn anew, all of shape ``(draws * repeats,)``."""

    fit: Fit
    rng: np.random.Generator
    """Draws what belongs to a study."""
    own: np.random.Generator | None = None
    """Draws what belongs to one cohort of it, where that is another one."""
    repeats: int = 1
    shared: float = 1.0
    """Part of the variance between studies that cohorts of one study share."""
    covariates: tuple[float, ...] = ()
    """How a cohort differs from the middle; empty for the reference population."""
    stage: str = STAGES[0]
    """Of :data:`~synthesis.model.response.STAGES`."""

    def curve(self, place: Place, share: float | np.ndarray, target: Target) -> Curve:
        """The survival curve at a share of mixed histology, one for all or one a curve."""
        slope = self._flat("prognostic") + self._slope(place)
        log_median = self.base(place, target)
        if target == "new_study":
            slope = slope + self._of_cohort("prognostic")
        log_median = log_median + slope * (share - self.fit.centre_share)
        log_shape = self._of_treatment("shape", place, target)
        if target == "new_study":
            log_shape = log_shape + self._of_cohort("shape")
        tail = self._of_treatment("tail", place, target)
        family, free = (
            np.tile(value, self.repeats) if np.ndim(value) else value
            for value in (self.fit.draw_family, self.fit.has_shape)
        )
        return Curve(np.exp(log_median), np.exp(log_shape * free), family, tail)

    def rate(self, place: Place, target: Target) -> np.ndarray:
        """The rate of the stage among those who reach it."""
        return 1.0 / (1.0 + np.exp(-self.base(place, target)))

    def base(self, place: Place, target: Target) -> np.ndarray:
        """Log median at the centre share, or log odds."""
        value = self._flat("mu") + self._effect("class", place.class_index)
        if not place.is_class or target == "new_study":
            value = value + self._effect("treatment", place.treatment_index)
        if target == "new_study":
            value = value + self._new_study(value.size)
        if not isinstance(self.fit, ResponseFit) and self.fit.variant.covariates:
            effects = np.tile(flat(self.fit, "covariate_effect"), (self.repeats, 1))
            value = value + effects @ np.asarray(self.covariates or REFERENCE)
        return value

    def _flat(self, name: str, index: int | None = None) -> np.ndarray:
        values = flat(self.fit, variable(self.stage, name))
        return np.tile(values if index is None else values[:, index], self.repeats)

    def _new(self, level: str) -> np.ndarray:
        """An effect of a level that nothing is known of but its spread."""
        spread = self._flat(f"{level}_sd")
        return spread * self.rng.standard_normal(spread.size)

    def _of_cohort(self, level: str) -> np.ndarray:
        """A deviation of one cohort of a new study."""
        spread = self._flat(f"{level}_sd")
        return spread * (self.own or self.rng).standard_normal(spread.size)

    def _effect(self, level: str, index: int | None) -> np.ndarray:
        return self._new(level) if index is None else self._flat(f"{level}_effect", index)

    def _new_study(self, size: int) -> np.ndarray:
        """Study effects; those of retrospective reports hold a bias where the fit has one."""
        noise = study_noise(self.fit, self.rng, (size,))
        if self.shared < 1.0:
            apart = study_noise(self.fit, self.own, (size,))
            noise = np.sqrt(self.shared) * noise + np.sqrt(1.0 - self.shared) * apart
        spread = self._flat("study_sd")
        if is_retrospective(self.covariates):
            spread = np.hypot(spread, np.tile(bias_spread(self.fit), self.repeats))
        return spread * noise

    def _of_treatment(self, what: str, place: Place, target: Target) -> np.ndarray:
        """Log shape or tail of a treatment, or of the average treatment of a class."""
        value = self._flat(f"{what}_mean")
        if place.treatment_index is not None:
            return value + self._flat(f"{what}_treatment_effect", place.treatment_index)
        if place.is_class and target == "mean_study":
            return value
        return value + self._new(f"{what}_treatment")

    def _slope(self, place: Place) -> np.ndarray | float:
        """What mixed histology adds under the treatment."""
        if place.is_class:
            return 0.0
        if place.treatment_index is not None:
            return self._flat("predictive", place.treatment_index)
        size = flat(self.fit, "mu").size * self.repeats
        return draw_prior(self.fit.priors["histology_predictive"], size, self.rng)


# --- rates of response, and any estimand ----------------------------------------------------------


def _rates(
    fit: ResponseFit, groups: tuple[Group, ...], target: Target
) -> Callable[[str], np.ndarray]:
    """Of a stage, draws of its probability among those who reach it, ``(draws, groups)``."""

    def make(stage: str) -> np.ndarray:
        # later stages have other noise than the response rate
        seeds = [STAGES.index(stage)] if stage != STAGES[0] else []
        rates = [Effects(fit, _rng(fit, *seeds), stage=stage).rate(g, target) for g in groups]
        return np.stack(rates, axis=1)

    return lambda stage: kept(fit, ("rates", groups, target, stage), lambda: make(stage))


def response_rate(fit: ResponseFit, group: Group, target: Target) -> np.ndarray:
    """Draws of the response rate of a group, shape ``(draws,)``."""
    return estimand(fit, group, "response_rate", target)


def draws_of(
    fit: Fit, name: str, target: Target, share: float | None = None, groups: tuple[Group, ...] = ()
) -> np.ndarray:
    """Draws of an estimand of :data:`ESTIMANDS`, ``(draws, groups)``.

    ``share`` is that of mixed histology, of a survival fit; ``groups`` are all in the order of
    :func:`groups_of` unless stated.
    """
    if not isinstance(fit, ResponseFit):
        return curves(fit, share, target, groups).estimand(name)
    groups = groups or groups_of(fit)
    rates = _rates(fit, groups, target)
    return kept(fit, (name, groups, target), lambda: ESTIMANDS[name].draws_of(rates))


def estimand(
    fit: Fit, group: Group, name: str, target: Target, share: float | None = None
) -> np.ndarray:
    """Draws of an estimand of one group, ``(draws,)``; parameters as in :func:`draws_of`."""
    groups, column = _beside(fit, group)
    return draws_of(fit, name, target, share, groups)[:, column]


def summaries(
    fit: Fit, name: str, target: Target, share: float | None = None
) -> Mapping[Group, Summary]:
    """Summary of an estimand of every group; parameters as in :func:`draws_of`."""

    def make() -> dict[Group, Summary]:
        columns = quantiles(draws_of(fit, name, target, share)).T.tolist()
        return dict(zip(groups_of(fit), (Summary(*ends) for ends in columns), strict=True))

    return kept(fit, ("summaries", name, target, share), make)
