"""What an analysis may have chosen otherwise: each specification is one change against the base.

The list follows the branches of the analysis: what was believed before (priors), the law of the
times (survival family), how printed figures enter (likelihood), and what is counted (selection,
one treatment class or one report less). One change at a time: an answer that stands under each of
them may still fall under several at once (Steegen et al. 2016, doi 10.1177/1745691616658637).

A choice is one record of :data:`CHOICES`, and what is believed one of :data:`BELIEFS`.
:func:`observe` counts the figures under a choice. A rule that says which reports count acts before
cohorts are chosen, so that what gave way to a report that is left out is counted in its place. A
rule that says which of their figures enter acts behind it: the cohorts stay, unless nothing is left
of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal

from priors import Priors, load_priors
from studies import Registry
from studies.figures import (
    View,
    histology_groups,
    in_months,
    outcome_of,
    prints_survival,
    study_label,
    tells_histology,
)
from studies.registry import references
from studies.schema import NOT_REACHED, Cohort, Study, Subgroup
from studies.selection import CohortRef, Counted, OverlapIndex, overlap_pairs, rank, select
from synthesis.endpoints import survival_endpoints
from synthesis.fits import DEFAULT_FAMILY, class_order, used_priors
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, family
from synthesis.model.observations import Arm, SurvivalData, survival_data
from synthesis.model.printed import METHODS
from synthesis.model.survival import PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR, USUAL, Variant
from synthesis.numbers import capitalised, in_sentence, months, percent

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

#: Designs planned ahead.
PROSPECTIVE = frozenset({"prospective_single_arm", "randomised"})

#: Months beyond which a landmark is late.
EARLY = 12.0


@dataclass(frozen=True)
class Counting:
    """Which figures count; the defaults are those of every report.

    Attributes
    ----------
    verified_only, use_read_as : bool
        As in :func:`studies.selection.select`.
    overlap : {"declared", "latest", "largest", "all", "none"}
        Which of several reports on the same patients counts: by the declared order of precedence,
        the latest, the largest, all of them (patients are then counted twice), or none of them.
    prospective : bool
        Only reports whose design was planned ahead.
    without_histology : bool
        Without every counted cohort that tells its histology.
    without_class, without_study : str
        Identifiers; empty for none.
    figures : str
        Which of the printed figures of a cohort enter: ``"all"``, or one of :data:`FIGURES`.
    convention : str
        The transformation behind intervals that do not tell it; ``"untold"``: learned.
    """

    verified_only: bool = False
    use_read_as: bool = True
    overlap: str = "declared"
    prospective: bool = False
    without_histology: bool = False
    without_class: str = ""
    without_study: str = ""
    figures: str = "all"
    convention: str = "untold"


#: What every report counts.
EVERYTHING = Counting()


@dataclass(frozen=True)
class PriorChange:
    """Another scale (a factor), or another location (in units of the scale), of one prior."""

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

    Raises
    ------
    ValueError
        For an endpoint or a family that cannot be analysed.
    """

    endpoint: str = "os"
    family: str = DEFAULT_FAMILY
    priors: Priors = field(default_factory=load_priors)
    counting: Counting = EVERYTHING
    variant: Variant = USUAL

    def __post_init__(self) -> None:
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
    name, group, label : str
        Unique, for tables; a key of :data:`GROUPS`; the choice, to be read by itself.
    aspect : str
        What is chosen, shared by specifications that choose it differently: a row of the figure;
        that of one that stands alone is its label.
    direction : {-1, 0, 1}
        -1 for less (a narrower prior), 1 for more, 0 where there is no such order.
    variant, counting : mapping
        Fields of a :class:`~synthesis.model.survival.Variant` or of a :class:`Counting` -> value.
    """

    name: str
    group: str
    label: str
    aspect: str = ""
    direction: Literal[-1, 0, 1] = 0
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

#: Which of the printed figures enter, where it is not all of them.
FIGURES = {
    "no_intervals": "Intervals of medians not used",
    "no_landmarks_beside_medians": "Survival probabilities only where no median is reported",
    "early_landmarks": "No survival probability beyond 12 months",
    "medians_only": "Medians only",
    "no_comparisons": "Reported hazard ratios and p values not used",
}
_VARIANTS = {
    "robust": ("Study effects: Student-t with 4 degrees of freedom", "study_effects", "student-t"),
    "bias": ("Retrospective reports: a bias of each, SD 0.3 (log)", "retrospective_bias", 0.3),
    "mixture": ("Unknown histology: mixture of two curves", "unknown_histology", "mixture"),
    "no_covariates": ("Kind of study and population not allowed for", "covariates", False),
}
_RULES = {
    "verified_only": ("Verified figures only", "verified_only", True),
    "no_read_as": ("Declared readings not used", "use_read_as", False),
    "prospective": ("Prospective reports only", "prospective", True),
}
_UNTOLD = "Intervals that do not tell"
_OVERLAPS = {
    "latest": "the latest counts",
    "largest": "the largest counts",
    "all": "all count",
    "none": "none counts",
}

#: Choices that every analysis has; one that the base has made already is not tried.
CHOICES: tuple[Specification, ...] = (
    *(
        Specification(name, "likelihood", label, variant={key: value})
        for name, (label, key, value) in _VARIANTS.items()
    ),
    *(
        Specification(name, "likelihood", label, counting={"figures": name})
        for name, label in FIGURES.items()
    ),
    *(
        Specification(
            f"intervals_{method.replace('-', '_')}",
            "likelihood",
            f"{_UNTOLD} their transformation: all {method}",
            f"{_UNTOLD}: one transformation",
            counting={"convention": method},
        )
        for method in METHODS
    ),
    *(
        Specification(name, "selection", label, counting={key: value})
        for name, (label, key, value) in _RULES.items()
    ),
    *(
        Specification(
            f"overlap_{rule}",
            "selection",
            f"Overlapping reports: {words}",
            "Overlapping reports: another rule",
            counting={"overlap": rule},
        )
        for rule, words in _OVERLAPS.items()
    ),
    Specification(
        "no_histology",
        "selection",
        "Without every report that tells histology",
        counting={"without_histology": True},
    ),
)


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

    `priors` are names in the catalogue, of which those are changed that can matter; empty: the one
    of that name. A location is moved by so many scales; 0 for not at all.
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
            moves = (("lower", -1), ("higher", 1))
            changes += [(word, side, {"shift": side * belief.shift}) for word, side in moves]
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
    asked : collection of str
        Identifiers of the treatments asked about: reports of these are left out in any case.
    groups : collection of str, optional
        Of :data:`GROUPS`; all otherwise.
    most_studies : int
        As of :data:`MOST_STUDIES`.

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
    alike = Counter(labels.values())
    for name in data.studies:
        if name in chosen:
            yield Specification(
                f"without_{name}",
                "studies",
                f"Without {labels[name]}{f' ({name})' if alike[labels[name]] > 1 else ''}",
                "Each report in turn",
                counting={"without_study": name},
            )


def informative_studies(data: SurvivalData, asked: Collection[str], most: int) -> set[str]:
    """Reports that are left out one at a time; see :data:`MOST_STUDIES`."""
    chosen = {
        ref.study.id
        for ref in data.cohorts
        if tells_histology(ref, data.view)
        or ref.treatment in asked
        or ref.study.design == "randomised"
    }
    patients: Counter[str] = Counter()
    for ref in data.cohorts:
        patients[ref.study.id] += ref.cohort.n or 0
    largest = sorted(patients.keys() - chosen, key=lambda name: (-patients[name], name))
    return chosen | set(largest[: max(most - len(chosen), 0)])


# --- Which figures are counted -------------------------------------------------------------------


def observe(registry: Registry, endpoint: str, counting: Counting) -> SurvivalData:
    """Observations of a survival endpoint under a choice; no cohorts where nothing is counted."""
    view = View(endpoint, counting.verified_only, counting.use_read_as)
    counted = [
        ref
        for ref in _counted(registry, view, counting)
        if ref.treatment_class != counting.without_class
        and not (counting.without_histology and tells_histology(ref, view))
    ]
    if counting.figures != "all":
        thinned = (_with_figures(ref, endpoint, counting.figures) for ref in counted)
        counted = [
            ref
            for ref in thinned
            if prints_survival(ref.cohort, view, ref.study) or histology_groups(ref, view)
        ]
    data = survival_data(counted, view, class_order(registry), registry.vocabulary.selecting)
    if counting.convention == "untold":
        return data
    return replace(data, arms=tuple(_read_as(arm, counting.convention) for arm in data.arms))


def _counted(registry: Registry, view: View, counting: Counting) -> Sequence[CohortRef]:
    """Cohorts that are counted, reports left out before the choice between overlapping ones."""
    kept = {study.id: study for study in registry if _stays(study, counting)}
    if counting.overlap == "all":
        kept = {name: study.model_copy(update={"overlaps": ()}) for name, study in kept.items()}
    smaller = replace(
        registry,
        studies=kept,
        fingerprints={name: registry.fingerprints[name] for name in kept},
        files={name: registry.files[name] for name in kept},
    )
    chosen = select(
        smaller, view.endpoint, verified_only=view.verified_only, use_read_as=view.use_read_as
    )
    if counting.overlap in ("declared", "all"):
        return chosen.counted
    usable = {ref.id for ref in chosen.counted} | {
        f"{own.study_id}:{own.cohort_id}" for own in chosen.left_out if own.kind == "overlap"
    }
    refs = [ref for ref in references(smaller) if ref.id in usable]
    if counting.overlap == "none":
        sharing = [{one.id, other.id} for one, other, _ in overlap_pairs(smaller)]
        shared = set().union(*(pair for pair in sharing if pair <= usable))
        return [ref for ref in refs if ref.id not in shared]
    return _first_counted(smaller, refs, view, counting.overlap)


def _stays(study: Study, counting: Counting) -> bool:
    if study.id == counting.without_study:
        return False
    return not counting.prospective or study.design in PROSPECTIVE


def _first_counted(
    registry: Registry, usable: Sequence[CohortRef], view: View, rule: str
) -> list[CohortRef]:
    """Cohorts that share no patient, the latest or the largest first; then in declared order."""

    def order(ref: CohortRef) -> tuple[float, tuple[list[float], str]]:
        first = ref.study.citation.year if rule == "latest" else ref.cohort.n
        return -(first or 0), rank(ref, view)

    counted, kept = Counted(OverlapIndex(registry)), set()
    for ref in sorted(usable, key=order):
        if counted.first_against(ref) is None:
            counted.add(ref)
            kept.add(ref.id)
    return [ref for ref in usable if ref.id in kept]


def _with_figures(ref: CohortRef, endpoint: str, figures: str) -> CohortRef:
    """The cohort with some of its printed figures only."""
    if figures == "no_comparisons":
        return replace(ref, study=ref.study.model_copy(update={"comparisons": ()}))
    groups = tuple(_thinned(group, endpoint, figures) for group in ref.cohort.subgroups)
    cohort = _thinned(ref.cohort, endpoint, figures)
    return replace(ref, cohort=cohort.model_copy(update={"subgroups": groups}))


def _thinned[Holder: (Cohort, Subgroup)](holder: Holder, endpoint: str, figures: str) -> Holder:
    """What is left of the figures of a cohort or of a group of its patients."""
    survival, landmarks = holder.survival, holder.landmarks
    if figures in ("no_intervals", "medians_only"):
        no_interval = {"ci": None, "level": None, "ci_method": None}
        survival = tuple(own.model_copy(update=no_interval) for own in survival)
    if figures == "medians_only":
        landmarks = ()
    elif figures == "early_landmarks":
        landmarks = (mark for mark in landmarks if in_months(mark.time, mark.unit) <= EARLY)
    elif figures == "no_landmarks_beside_medians":
        outcome = outcome_of(holder, endpoint)
        if outcome is not None and outcome.median not in (None, NOT_REACHED):
            landmarks = (mark for mark in landmarks if mark.endpoint != endpoint)
    return holder.model_copy(update={"survival": survival, "landmarks": tuple(landmarks)})


def _read_as(arm: Arm, convention: str) -> Arm:
    """The arm with one reading of its interval, where the report does not tell which."""
    if arm.told or convention not in arm.methods:
        return arm
    at = arm.methods.index(convention)
    return replace(arm, chains=(arm.chains[at],), methods=(convention,), told=True)
