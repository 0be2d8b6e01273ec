"""What an analysis may have chosen otherwise: each specification is one change against the base.

The list follows the branches of the analysis: what was believed before (priors), the law of the
times (survival family), how printed figures enter (likelihood), and what is counted (selection,
one treatment class or one report less). One change at a time: an answer that stands under each of
them may still fall under several at once (Steegen et al. 2016, doi 10.1177/1745691616658637).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from priors import Priors, load_priors
from studies import Registry
from studies.figures import View, study_label, tells_histology
from studies.selection import CohortRef
from studies.vocabulary import Vocabulary
from synthesis.fits import DEFAULT_FAMILY, SURVIVAL_ENDPOINTS
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, family
from synthesis.model.observations import SurvivalData
from synthesis.model.printed import METHODS
from synthesis.model.survival import SHAPE_PRIOR, TAIL_PRIOR, USUAL, Variant
from synthesis.sensitivity.conclusions import in_sentence
from synthesis.sensitivity.observed import EVERYTHING, Counting, Figures, Overlap, observe

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
        own = priors[self.name]
        location = own.location + self.shift * own.scale if self.shift else None
        return priors.replace(self.name, location=location, scale=own.scale * self.scale)


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
        if self.endpoint not in SURVIVAL_ENDPOINTS:
            raise ValueError(
                f"endpoint: found {self.endpoint!r}, expected {' or '.join(SURVIVAL_ENDPOINTS)}: "
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
    aspect : str
        What is chosen, shared by specifications that choose it differently: a row of the figure.
    label : str
        The choice, to be read by itself.
    direction : {-1, 0, 1}
        -1 for less (a narrower prior), 1 for more, 0 where there is no such order.
    priors : tuple of PriorChange
    family : str or None
        Another survival family.
    variant : Variant or None
    counting : Counting or None
    leaves_out : str
        Identifier of the report or class that is left out; empty for none.
    """

    name: str
    group: str
    aspect: str
    label: str
    direction: Direction = 0
    priors: tuple[PriorChange, ...] = ()
    family: str | None = None
    variant: Variant | None = None
    counting: Counting | None = None
    leaves_out: str = ""

    def apply(self, base: Base) -> Base:
        """The analysis with this change."""
        priors = base.priors
        for change in self.priors:
            priors = change.apply(priors)
        return replace(
            base,
            priors=priors,
            family=self.family or base.family,
            variant=self.variant or base.variant,
            counting=self.counting or base.counting,
        )


#: The base itself, as a specification that changes nothing.
BASE = Specification("base", "base", "", "Base analysis")


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
    makers = {
        "priors": lambda: _of_priors(base, data),
        "family": lambda: _of_families(base),
        "likelihood": lambda: _of_likelihood(base),
        "selection": lambda: _of_selection(base, data),
        "classes": lambda: _of_classes(base, data, registry.vocabulary),
        "studies": lambda: _of_studies(base, data, asked, most_studies),
    }
    wanted = [name for name in GROUPS if groups is None or name in groups]
    return tuple(item for name in wanted for item in makers[name]())


# --- Priors --------------------------------------------------------------------------------------

_ROLES = {
    "overall_median": "Median of the mean treatment",
    "class_sd": "Spread of classes",
    "treatment_sd": "Spread of treatments",
    "study_sd": "Spread of studies",
    "histology_prognostic": "Mixed against pure histology",
    "histology_predictive": "Extra gain of mixed histology",
    "mixed_share": "Unknown shares of mixed histology",
    "covariates": "Kind of study and population",
    "shape": "Shape of the curves",
    "shapes": "Spread of shapes",
    "tail": "Tail of the curves",
    "convention": "Transformation of intervals",
}
_HISTOLOGY = ("histology_prognostic", "histology_predictive", "mixed_share")
_SHIFTED = {"overall_median": 0.5, "mixed_share": 1.0}  # in units of the scale


def _of_priors(base: Base, data: SurvivalData) -> list[Specification]:
    """Scales halved and doubled, and locations moved, of the priors that can matter."""
    found = []
    for role, names in _bundles(base, data).items():
        for factor, direction, word in ((0.5, -1, "halved"), (2.0, 1, "doubled")):
            changes = tuple(PriorChange(name, scale=factor) for name in names)
            label = f"Prior ({in_sentence(_ROLES[role])}), scale {word}"
            if len(names) == 1:
                changed = changes[0].apply(base.priors)[names[0]]
                label += f": {changed.parameters}"
            found.append(_prior(role, word, label, direction, changes))
        for sign, word in ((-1, "lower"), (1, "higher")):
            if role in _SHIFTED:
                change = PriorChange(role, shift=sign * _SHIFTED[role])
                centre = _centre(change.apply(base.priors), role)
                label = f"Prior ({in_sentence(_ROLES[role])}), {word}: about {centre}"
                found.append(_prior(role, word, label, sign, (change,)))
    return found


def _prior(
    role: str, word: str, label: str, direction: Direction, changes: tuple[PriorChange, ...]
) -> Specification:
    name = f"{role}_{word}"
    return Specification(name, "priors", _ROLES[role], label, direction, priors=changes)


def _centre(priors: Priors, name: str) -> str:
    own = priors[name]
    value = own.natural(own.location)
    return f"{100 * value:.0f} %" if own.reads_as == "share" else f"{value:.1f} months"


def _bundles(base: Base, data: SurvivalData) -> dict[str, tuple[str, ...]]:
    """Role -> names of the priors that are changed together; only those that can matter."""
    chosen = family(base.family)
    bundles = {role: (role,) for role in list(_ROLES)[:7]}
    told = [
        f"covariate_{name}"
        for number, name in enumerate(COVARIATES)
        if any(values[number] != 0.0 for values in data.covariates)
    ]
    bundles["covariates"] = tuple(told) if base.variant.covariates else ()
    bundles["shape"] = (SHAPE_PRIOR[base.family],) if chosen.has_shape else ()
    bundles["shapes"] = ("shape_treatment_sd", "shape_sd") if chosen.has_shape else ()
    has_tail = chosen.has_tail
    bundles["tail"] = (TAIL_PRIOR[base.family], "tail_treatment_sd") if has_tail else ()
    untold = any(not arm.told for arm in data.arms)
    bundles["convention"] = ("convention_logit",) if untold else ()
    idle = () if data.tells_histology else _HISTOLOGY
    return {role: names for role, names in bundles.items() if names and role not in idle}


# --- Survival family and likelihood --------------------------------------------------------------


def _of_families(base: Base) -> list[Specification]:
    return [
        Specification(
            f"family_{name.replace(' ', '_').replace('-', '_')}",
            "family",
            f"{item.label[:1].upper()}{item.label[1:]}",
            f"Survival family: {item.label}",
            family=name,
        )
        for name, item in FAMILIES.items()
        if name != base.family
    ]


_VARIANTS = {
    "robust": ("study_effects", "student-t", "Study effects: Student-t with 4 degrees of freedom"),
    "bias": ("retrospective_bias", 0.3, "Retrospective reports: a bias of each, SD 0.3 (log)"),
    "mixture": ("unknown_histology", "mixture", "Unknown histology: mixture of two curves"),
    "no_covariates": ("covariates", False, "Kind of study and population not allowed for"),
}
_FIGURES: Mapping[Figures, str] = MappingProxyType(
    {
        "no_intervals": "Intervals of medians not used",
        "no_landmarks_beside_medians": "Survival probabilities only where no median is printed",
        "early_landmarks": "No survival probability beyond 12 months",
        "medians_only": "Medians only",
        "no_comparisons": "Printed hazard ratios and p values not used",
    }
)


def _of_likelihood(base: Base) -> list[Specification]:
    found = []
    for name, (what, value, label) in _VARIANTS.items():
        if getattr(base.variant, what) != value:
            changed = replace(base.variant, **{what: value})
            found.append(Specification(name, "likelihood", label, label, variant=changed))
    for figures, label in _FIGURES.items():
        counting = replace(base.counting, figures=figures)
        found.append(Specification(figures, "likelihood", label, label, counting=counting))
    aspect = "Intervals that do not tell: one transformation"
    for method in METHODS:
        name = f"intervals_{method.replace('-', '_')}"
        label = f"Intervals that do not tell their transformation: all {method}"
        counting = replace(base.counting, convention=method)
        found.append(Specification(name, "likelihood", aspect, label, counting=counting))
    return found


# --- What is counted -----------------------------------------------------------------------------

_OVERLAPS: Mapping[Overlap, str] = MappingProxyType(
    {
        "latest": "Overlapping reports: the latest counts",
        "largest": "Overlapping reports: the largest counts",
        "all": "Overlapping reports: all count",
        "none": "Overlapping reports: none counts",
    }
)


def _of_selection(base: Base, data: SurvivalData) -> list[Specification]:
    own = base.counting
    changes = {
        "verified_only": ("Verified figures only", replace(own, verified_only=True)),
        "no_read_as": ("Declared readings not used", replace(own, use_read_as=False)),
        "prospective": ("Prospective reports only", replace(own, prospective=True)),
        **{
            f"overlap_{rule}": (label, replace(own, overlap=rule))
            for rule, label in _OVERLAPS.items()
        },
    }
    if data.tells_histology:
        changes["no_histology"] = (
            "Without every report that tells histology",
            replace(own, without_histology=True),
        )
    return [
        Specification(
            name,
            "selection",
            "Overlapping reports: another rule" if name.startswith("overlap") else label,
            label,
            counting=counting,
        )
        for name, (label, counting) in changes.items()
        if counting != own
    ]


def _of_classes(base: Base, data: SurvivalData, vocabulary: Vocabulary) -> list[Specification]:
    if len(data.classes) < 2:
        return []
    return [
        Specification(
            f"without_class_{name}",
            "classes",
            "Each class in turn",
            f"Without {in_sentence(vocabulary.treatment_class(name).label)}",
            counting=replace(base.counting, without_class=name),
            leaves_out=name,
        )
        for name in data.classes
    ]


def _of_studies(
    base: Base, data: SurvivalData, asked: Collection[str], most: int
) -> list[Specification]:
    if len(data.studies) < 2:
        return []
    chosen = informative_studies(data, asked, most)
    labels = {ref.study.id: study_label(ref.study) for ref in data.cohorts}
    twice = {label for label in labels.values() if list(labels.values()).count(label) > 1}
    return [
        Specification(
            f"without_{name}",
            "studies",
            "Each report in turn",
            f"Without {labels[name]}{f' ({name})' if labels[name] in twice else ''}",
            counting=replace(base.counting, without_study=name),
            leaves_out=name,
        )
        for name in data.studies
        if name in chosen
    ]


def informative_studies(data: SurvivalData, asked: Collection[str], most: int) -> set[str]:
    """Reports that are left out one at a time.

    All that tell histology, gave a treatment asked about or were randomised, then the largest
    until there are `most`.
    """
    refs: dict[str, list[CohortRef]] = {}
    for ref in data.cohorts:
        refs.setdefault(ref.study.id, []).append(ref)
    first = {name for name, own in refs.items() if any(_telling(r, data.view, asked) for r in own)}
    rest: Sequence[str] = sorted(
        refs.keys() - first, key=lambda name: (-sum(r.cohort.n or 0 for r in refs[name]), name)
    )
    return first | set(rest[: max(most - len(first), 0)])


def _telling(ref: CohortRef, view: View, asked: Collection[str]) -> bool:
    known = tells_histology(ref, view)
    return known or ref.treatment in asked or ref.study.design == "randomised"
