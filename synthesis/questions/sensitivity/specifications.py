"""What an analysis may have chosen otherwise: each specification is one change against the base.

The list follows the branches of the analysis: what was believed before (priors), the law of the
times (survival family), how printed figures enter (likelihood), and what is counted (selection,
one treatment class or one report less). One change at a time: an answer that stands under each of
them may still fall under several at once (Steegen et al. 2016, doi 10.1177/1745691616658637).

A choice is one record of :data:`CHOICES`, and what is believed one of :data:`BELIEFS`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal

from priors import Priors, load_priors
from studies import Registry
from studies.figures import study_label, tells_histology
from studies.selection import CohortRef
from synthesis.endpoints import survival_endpoints
from synthesis.fits import DEFAULT_FAMILY, used_priors
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, family
from synthesis.model.observations import SurvivalData
from synthesis.model.printed import METHODS
from synthesis.model.survival import PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR, USUAL, Variant
from synthesis.numbers import capitalised, in_sentence, months, percent
from synthesis.questions.sensitivity.observed import EVERYTHING, Counting, observe

#: Groups of specifications and their headings, in order of display.
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "priors": "Priors",
        "family": "Survival family",
        "likelihood": "Likelihood",
        "selection": "Which figures count",
        "classes": "Without one treatment class",
        "studies": "Without one report",
    }
)

#: Reports left out one at a time where a registry has more: all that tell histology, gave a
#: treatment asked about or were randomised, and the largest of the others up to this number.
MOST_STUDIES = 16

Direction = Literal[-1, 0, 1]


@dataclass(frozen=True)
class PriorChange:
    """Another scale, or another location, of one prior.

    Attributes
    ----------
    name : str
        In the catalogue.
    scale : float
        Factor of the scale.
    shift : float
        Added to the location, in units of the scale of the base.
    """

    name: str
    scale: float = 1.0
    shift: float = 0.0

    def apply(self, priors: Priors) -> Priors:
        """The priors with this change."""
        prior = priors[self.name]
        location = prior.location + self.shift * prior.scale if self.shift else None
        return priors.replace(self.name, location=location, scale=prior.scale * self.scale)


@dataclass(frozen=True)
class Base:
    """The analysis against which every change is set.

    Attributes
    ----------
    endpoint : {"os", "pfs"}
    family : str
        The one survival family.
    priors : Priors
    counting : Counting
        Which figures count.
    variant : Variant
    """

    endpoint: str = "os"
    family: str = DEFAULT_FAMILY
    priors: Priors = field(default_factory=load_priors)
    counting: Counting = EVERYTHING
    variant: Variant = USUAL

    def __post_init__(self) -> None:
        """Refuse what cannot be analysed.

        Raises
        ------
        ValueError
            Names what was found and what is expected.
        """
        if self.endpoint not in survival_endpoints():
            raise ValueError(
                f"endpoint: found {self.endpoint!r}, expected {' or '.join(survival_endpoints())}: "
                "refits are of survival endpoints"
            )
        family(self.family)


@dataclass(frozen=True)
class Specification:
    """One change against the base analysis.

    Attributes
    ----------
    name : str
        Unique, for tables.
    group : str
        A key of :data:`GROUPS`.
    label : str
        The choice, to be read by itself.
    aspect : str
        What is chosen, shared by specifications that choose it differently: a row of the figure;
        that of one that stands alone is its label.
    direction : {-1, 0, 1}
        -1 for less (a narrower prior), 1 for more, 0 where there is no such order.
    priors : tuple of PriorChange
    family : str or None
        Another survival family.
    variant, counting : mapping
        Fields of a :class:`~synthesis.model.survival.Variant` or of a
        :class:`~synthesis.questions.sensitivity.observed.Counting` -> value.
    """

    name: str
    group: str
    label: str
    aspect: str = ""
    direction: Direction = 0
    priors: tuple[PriorChange, ...] = ()
    family: str | None = None
    variant: Mapping[str, Any] = field(default_factory=dict)
    counting: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, base: Base) -> Base:
        """The analysis with this change."""
        priors = base.priors
        for change in self.priors:
            priors = change.apply(priors)
        return replace(
            base,
            priors=priors,
            family=self.family or base.family,
            variant=replace(base.variant, **self.variant),
            counting=replace(base.counting, **self.counting),
        )


#: The base itself, as a specification that changes nothing.
BASE = Specification("base", "base", "Base analysis")


# --- Likelihood and selection --------------------------------------------------------------------

_UNTOLD = "Intervals that do not tell"
_OVERLAPS = {
    "latest": "the latest counts",
    "largest": "the largest counts",
    "all": "all count",
    "none": "none counts",
}

#: Choices that every analysis has; one that the base has made already is not tried.
# fmt: off
CHOICES: tuple[Specification, ...] = (
    Specification("robust", "likelihood", "Study effects: Student-t with 4 degrees of freedom",
                  variant={"study_effects": "student-t"}),
    Specification("bias", "likelihood", "Retrospective reports: a bias of each, SD 0.3 (log)",
                  variant={"retrospective_bias": 0.3}),
    Specification("mixture", "likelihood", "Unknown histology: mixture of two curves",
                  variant={"unknown_histology": "mixture"}),
    Specification("no_covariates", "likelihood", "Kind of study and population not allowed for",
                  variant={"covariates": False}),
    Specification("no_intervals", "likelihood", "Intervals of medians not used",
                  counting={"figures": "no_intervals"}),
    Specification("no_landmarks_beside_medians", "likelihood",
                  "Survival probabilities only where no median is reported",
                  counting={"figures": "no_landmarks_beside_medians"}),
    Specification("early_landmarks", "likelihood", "No survival probability beyond 12 months",
                  counting={"figures": "early_landmarks"}),
    Specification("medians_only", "likelihood", "Medians only",
                  counting={"figures": "medians_only"}),
    Specification("no_comparisons", "likelihood", "Reported hazard ratios and p values not used",
                  counting={"figures": "no_comparisons"}),
    *(Specification(f"intervals_{method.replace('-', '_')}", "likelihood",
                    f"{_UNTOLD} their transformation: all {method}",
                    f"{_UNTOLD}: one transformation", counting={"convention": method})
      for method in METHODS),
    Specification("verified_only", "selection", "Verified figures only",
                  counting={"verified_only": True}),
    Specification("no_read_as", "selection", "Declared readings not used",
                  counting={"use_read_as": False}),
    Specification("prospective", "selection", "Prospective reports only",
                  counting={"prospective": True}),
    *(Specification(f"overlap_{rule}", "selection", f"Overlapping reports: {words}",
                    "Overlapping reports: another rule", counting={"overlap": rule})
      for rule, words in _OVERLAPS.items()),
    Specification("no_histology", "selection", "Without every report that tells histology",
                  counting={"without_histology": True}),
)
# fmt: on


def _choices(group: str, base: Base, data: SurvivalData) -> Iterator[Specification]:
    for choice in CHOICES:
        # without a report that tells histology this one has nothing to leave out
        idle = choice.counting.get("without_histology") and not data.tells_histology
        if choice.group == group and choice.apply(base) != base and not idle:
            yield choice


# --- Priors --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Belief:
    """What is believed of one thing: priors that are changed together.

    Attributes
    ----------
    name : str
        Beginning of the names of its specifications.
    label : str
    priors : tuple of str
        Names in the catalogue, of which those are changed that can matter; empty: the one of that
        name.
    shift : float
        How far a location is moved, in units of the scale; 0 for not at all.
    """

    name: str
    label: str
    priors: tuple[str, ...] = ()
    shift: float = 0.0


#: What is believed before, in order of display.
BELIEFS: tuple[Belief, ...] = (
    Belief("overall_median", "Median of the mean treatment", shift=0.5),
    Belief("class_sd", "Spread of classes"),
    Belief("treatment_sd", "Spread of treatments"),
    Belief("study_sd", "Spread of studies"),
    Belief("histology_prognostic", "Mixed against pure histology"),
    Belief("histology_predictive", "Extra gain of mixed histology"),
    Belief("mixed_share", "Unknown shares of mixed histology", shift=1.0),
    Belief("covariates", "Kind of study and population", tuple(PRIOR_OF[c] for c in COVARIATES)),
    Belief("shape", "Shape of the curves", tuple(dict.fromkeys(SHAPE_PRIOR.values()))),
    Belief("shapes", "Spread of shapes", ("shape_treatment_sd", "shape_sd")),
    Belief("tail", "Tail of the curves", (*TAIL_PRIOR.values(), "tail_treatment_sd")),
    Belief("convention", "Transformation of intervals", ("convention_logit",)),
)


def _priors(base: Base, data: SurvivalData) -> Iterator[Specification]:
    """Scales halved and doubled, and locations moved, of the priors that can matter."""
    fit = SimpleNamespace(data=data, family=family(base.family), variant=base.variant)
    used = used_priors({base.endpoint: fit})
    for belief in BELIEFS:
        names = [name for name in belief.priors or (belief.name,) if name in used]
        changes = [("halved", -1, {"scale": 0.5}), ("doubled", 1, {"scale": 2.0})]
        if belief.shift:
            changes += [
                ("lower", -1, {"shift": -belief.shift}),
                ("higher", 1, {"shift": belief.shift}),
            ]
        for word, direction, change in changes if names else ():
            priors = tuple(PriorChange(name, **change) for name in names)
            yield Specification(
                f"{belief.name}_{word}",
                "priors",
                f"Prior ({in_sentence(belief.label)}), {_change_words(word, priors, base)}",
                belief.label,
                direction,
                priors,
            )


def _change_words(word: str, changes: Sequence[PriorChange], base: Base) -> str:
    changed = changes[0].apply(base.priors)[changes[0].name]
    if changes[0].shift:
        centre = changed.natural(changed.location)
        share = changed.reads_as == "share"
        return f"{word}: about {f'{percent(centre)} %' if share else f'{months(centre)} months'}"
    return f"scale {word}{f': {changed.parameters}' if len(changes) == 1 else ''}"


# --- All of them ---------------------------------------------------------------------------------


def default_specifications(
    registry: Registry,
    base: Base | None = None,
    *,
    asked: Collection[str] = (),
    groups: Collection[str] | None = None,
    most_studies: int = MOST_STUDIES,
) -> tuple[Specification, ...]:
    """Everything that is tried by default, in order of display.

    Parameters
    ----------
    registry : Registry
    base : Base, optional
        The defaults of an analysis of overall survival otherwise.
    asked : collection of str
        Identifiers of the treatments asked about: reports of these are left out in any case.
    groups : collection of str, optional
        Of :data:`GROUPS`; all otherwise.
    most_studies : int
        Reports that are left out one at a time.

    Raises
    ------
    ValueError
        For an unknown group; names those there are.
    """
    unknown = sorted(set(groups or ()) - set(GROUPS))
    if unknown:
        raise ValueError(f"group: found {unknown[0]!r}, expected {', '.join(GROUPS)}")
    base = base or Base()
    data = observe(registry, base.endpoint, base.counting)
    made = {
        "priors": _priors(base, data),
        "family": _families(base),
        "classes": _classes(registry, data),
        "studies": _studies(data, asked, most_studies),
    }
    return tuple(
        specification
        for group in GROUPS
        if groups is None or group in groups
        for specification in (*made.get(group, ()), *_choices(group, base, data))
    )


def _families(base: Base) -> Iterator[Specification]:
    for name, other in FAMILIES.items():
        if name != base.family:
            key = f"family_{name.replace(' ', '_').replace('-', '_')}"
            label, aspect = f"Survival family: {other.label}", capitalised(other.label)
            yield Specification(key, "family", label, aspect, family=name)


def _classes(registry: Registry, data: SurvivalData) -> Iterator[Specification]:
    for name in data.classes if len(data.classes) > 1 else ():
        yield Specification(
            f"without_class_{name}",
            "classes",
            f"Without {in_sentence(registry.vocabulary.treatment_class(name).label)}",
            "Each class in turn",
            counting={"without_class": name},
        )


def _studies(data: SurvivalData, asked: Collection[str], most: int) -> Iterator[Specification]:
    chosen = informative_studies(data, asked, most) if len(data.studies) > 1 else ()
    labels = {ref.study.id: study_label(ref.study) for ref in data.cohorts}
    for name in data.studies:
        if name in chosen:
            twice = list(labels.values()).count(labels[name]) > 1
            yield Specification(
                f"without_{name}",
                "studies",
                f"Without {labels[name]}{f' ({name})' if twice else ''}",
                "Each report in turn",
                counting={"without_study": name},
            )


def informative_studies(data: SurvivalData, asked: Collection[str], most: int) -> set[str]:
    """Reports that are left out one at a time.

    All that tell histology, gave a treatment asked about or were randomised, then the largest
    until there are `most`.
    """

    def first(ref: CohortRef) -> bool:
        randomised = ref.study.design == "randomised"
        return tells_histology(ref, data.view) or ref.treatment in asked or randomised

    patients = dict.fromkeys((ref.study.id for ref in data.cohorts), 0)
    for ref in data.cohorts:
        patients[ref.study.id] += ref.cohort.n or 0
    chosen = {ref.study.id for ref in data.cohorts if first(ref)}
    largest = sorted(patients.keys() - chosen, key=lambda name: (-patients[name], name))
    return chosen | set(largest[: max(most - len(chosen), 0)])
