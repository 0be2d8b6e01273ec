"""What is asked of every fit, and what an analysis may have chosen otherwise.

A specification is one change against the base, one at a time: an answer that stands under each of
them may still fall under several at once (Steegen et al. 2016, doi 10.1177/1745691616658637). A
choice is one record of :data:`CHOICES`, and what is believed one of :data:`BELIEFS`.

:func:`observe` counts the figures under a choice. Rules on reports act before cohorts are chosen:
what gave way to a report that is left out is counted in its place. Rules on figures act behind it:
the cohorts stay, unless nothing is left of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal, NamedTuple

from priors import Priors, load_priors
from studies import Registry, figures, selection
from studies.figures import Readings, View
from studies.registry import references
from studies.schema import NOT_REACHED, Cohort, Subgroup
from studies.selection import CohortRef
from studies.vocabulary import Vocabulary
from synthesis.counting import select
from synthesis.endpoints import survival_endpoints
from synthesis.estimands import NamedGroup
from synthesis.fits import DEFAULT_FAMILY, class_order, used_priors
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, family
from synthesis.model.observations import NO_CONTRASTS, Arm, Contrasts, SurvivalData, survival_data
from synthesis.model.printed import METHODS
from synthesis.model.survival import PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR, USUAL, Variant
from synthesis.numbers import capitalised, in_sentence, months, months_words, percent
from synthesis.questions import contrasts
from synthesis.questions.appraisal import HALF
from synthesis.questions.contrasts import GAIN
from synthesis.result import NotAnsweredError

# --- What is asked -------------------------------------------------------------------------------

RATIO, DIFFERENCE, CHANCE = "ratio_of_medians", GAIN, "p_gain"
PROGNOSTIC, PREDICTIVE, MEDIAN = "prognostic_ratio", "predictive_ratio", "median_months"


class Treatment(NamedTuple):
    """A treatment of the question: its identifier in the vocabulary, and its label."""

    id: str
    label: str


@dataclass(frozen=True)
class Conclusion:
    """One number that is looked at under every choice.

    Its name is its kind, with the treatment behind a colon where there are several; `treatments`
    are the treatment and its reference, the treatment alone, or none; on its `scale` choices are
    compared. `words` are the answers where the interval lies below no effect, holds it, and lies
    above it; ``None`` where there is no such value.
    """

    name: str
    label: str
    treatments: tuple[Treatment, ...] = ()
    scale: Literal["log", "linear", "chance"] = "log"
    words: tuple[str, str, str] | None = None

    @property
    def kind(self) -> str:
        """The name without the treatment."""
        return self.name.partition(":")[0]


@dataclass(frozen=True)
class Question:
    """What is asked of every fit: a gain of `delta` months, at a share of mixed histology.

    `conclusions` are the numbers that are looked at, in order of display; `tells_histology`:
    whether any counted cohort of the base tells its histology.
    """

    endpoint: str
    treatment: Treatment
    reference: Treatment
    delta: float
    reference_mix: float
    conclusions: tuple[Conclusion, ...]
    tells_histology: bool


def _of_pair(pair: tuple[Treatment, Treatment], delta: float) -> Iterator[Conclusion]:
    one, other = (in_sentence(own.label) for own in pair)
    against = f"{one} against {other}"
    words = (f"shorter under {one}", "either may be longer", f"longer under {one}")
    yield Conclusion(RATIO, f"Ratio of medians, {against}", pair, words=words)
    label = f"Difference of medians in months, {against}"
    yield Conclusion(DIFFERENCE, label, pair, "linear", words)
    label = f"Probability of a median more than {months_words(delta)} longer, {against}"
    yield Conclusion(CHANCE, label, pair, "chance")


def _of_histology(split: Sequence[Treatment]) -> Iterator[Conclusion]:
    label = "Ratio of medians, mixed against pure histology under any treatment"
    words = ("shorter with mixed histology", "either may be longer", "longer with mixed histology")
    yield Conclusion(PROGNOSTIC, label, words=words)
    words = ("mixed gain less", "either may gain more", "mixed gain more")
    for own in split:
        label = f"Extra gain of mixed histology under {in_sentence(own.label)}, as a ratio"
        yield Conclusion(f"{PREDICTIVE}:{own.id}", label, (own,), words=words)


class NotAskedError(NotAnsweredError):
    """A question that no fit can answer; the message names what was found and what is possible."""


class _Observed(SimpleNamespace):
    """Observations in the place of a fit: enough to name treatments and their cohorts."""


def ask(
    data: SurvivalData,
    vocabulary: Vocabulary,
    *,
    treatment: str | None = None,
    reference: str | None = None,
    delta: float = 1.0,
    reference_mix: float = 0.4,
) -> Question:
    """Make the question of a sensitivity analysis of the observations of the base.

    `treatment` and `reference` are any names. Otherwise: the treatment of which a report gives pure
    and mixed patients apart, or else that with most cohorts; and the usual reference.
    NotAskedError where one of them is not pooled, or both are the same.
    """
    groups = contrasts.treatments_by_id(contrasts.treatments_of(_Observed(data=data), vocabulary))
    named = {name: Treatment(name, group.label) for name, group in groups.items()}
    if len(groups) < 2:
        only = next((own.label for own in named.values()), "none")
        raise NotAskedError(f"there is nothing to compare: pooled treatments: {only}.")
    split = {data.cohorts[arm.cohort].treatment for arm in data.arms if arm.histology == "mixed"}
    against = _wanted(groups, vocabulary, reference)
    others = {name: group for name, group in groups.items() if name != against}
    chosen = max(others, key=lambda n: (n in split, len(others[n].cohorts), others[n].patients))
    if treatment is not None:
        chosen = _wanted(groups, vocabulary, treatment)
    if chosen == against:
        raise NotAskedError(
            f"{named[chosen].label} would be compared with itself; name another treatment or "
            f"reference. Possible: {', '.join(others)}."
        )
    pair, pooled = (named[chosen], named[against]), "Pooled median in months"
    conclusions = list(_of_pair(pair, delta))
    if data.tells_histology:
        conclusions += _of_histology([own for own in named.values() if own.id in split])
    for own in named.values():
        label = f"{pooled}, {in_sentence(own.label)}"
        conclusions.append(Conclusion(f"{MEDIAN}:{own.id}", label, (own,)))
    told = data.tells_histology
    return Question(data.endpoint, *pair, delta, reference_mix, tuple(conclusions), told)


def _wanted(groups: Mapping[str, NamedGroup], vocabulary: Vocabulary, wanted: str | None) -> str:
    """Identifier of a pooled treatment by any of its names; of the usual reference for none."""
    try:
        chosen = contrasts.choose_reference(list(groups.values()), vocabulary, wanted)
    except contrasts.NotComparedError as error:
        raise NotAskedError(str(error)) from None
    if chosen is None:
        raise NotAskedError(f"no cohort of {wanted} is pooled here. Possible: {', '.join(groups)}.")
    return chosen.group.cohorts[0].treatment


# --- What may be chosen otherwise ----------------------------------------------------------------

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

    The first three are as in :func:`studies.selection.select`, `min_quality` as in
    :class:`studies.registry.Registry`. `overlap`: which of several reports on the same patients
    counts, ``declared, latest, largest, all`` or ``none``. `prospective`: only reports whose design
    was planned ahead. `without_histology`: without every counted cohort that tells its histology;
    `without_class`, `without_study`: identifiers. `figures`: which of the printed figures of a
    cohort enter, all or a choice of :data:`CHOICES`. `convention`: the transformation behind
    intervals that do not tell it; ``"untold"``: learned.
    """

    verified_only: bool = False
    use_read_as: Readings = False
    use_formed: bool = False
    min_quality: int = 0
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
class Base:
    """The analysis against which every change is set.

    ValueError for an endpoint or a family that cannot be analysed.
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

    Its name is unique, its group a key of :data:`GROUPS`, its label to be read by itself. `aspect`
    is what is chosen, shared by specifications that choose it differently: a row of the figure;
    that of one that stands alone is its label. `direction` is -1 for less (a narrower prior), 1 for
    more, 0 where there is no such order. Of `priors` the scale is multiplied, or the location moved
    by scales; `variant` and `counting` are fields of a
    :class:`~synthesis.model.survival.Variant` and of a :class:`Counting`, with their values.
    """

    name: str
    group: str
    label: str
    aspect: str = ""
    direction: Literal[-1, 0, 1] = 0
    priors: tuple[str, ...] = ()
    scale: float = 1.0
    shift: float = 0.0
    family: str | None = None
    variant: Mapping[str, Any] = field(default_factory=dict)
    counting: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, base: Base) -> Base:
        """The analysis with this change."""
        priors = base.priors
        for name in self.priors:
            own = priors[name]
            location = own.location + self.shift * own.scale if self.shift else None
            priors = priors.replace(name, location=location, scale=own.scale * self.scale)
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


def _of_model(name: str, label: str, **variant: Any) -> Specification:
    return Specification(name, "likelihood", label, variant=variant)


def _of_figures(
    name: str, label: str, aspect: str = "", *, group: str = "selection", **counting: Any
) -> Specification:
    return Specification(name, group, label, aspect, counting=counting)


# Which of the printed figures of a cohort enter.
_FIGURES = {
    "no_intervals": "Intervals of medians not used",
    "no_landmarks_beside_medians": "Survival probabilities only where no median is reported",
    "early_landmarks": "No survival probability beyond 12 months",
    "medians_only": "Medians only",
    "no_comparisons": "Reported hazard ratios and p values not used",
    "no_contrasts": "Reports of which only a contrast within themselves counts not used",
}
_OVERLAPS = {
    "latest": "the latest counts",
    "largest": "the largest counts",
    "all": "all count",
    "none": "none counts",
}
_UNTOLD, _SHARED = "Intervals that do not tell", "Overlapping reports"

#: Choices that every analysis has; one that the base has made already is not tried.
CHOICES: tuple[Specification, ...] = (
    _of_model(
        "robust", "Study effects: Student-t with 4 degrees of freedom", study_effects="student-t"
    ),
    _of_model(
        "bias", "Retrospective reports: a bias of each, SD 0.3 (log)", retrospective_bias=0.3
    ),
    _of_model("mixture", "Unknown histology: mixture of two curves", unknown_histology="mixture"),
    _of_model("no_covariates", "Kind of study and population not allowed for", covariates=False),
    *(
        _of_figures(name, label, group="likelihood", figures=name)
        for name, label in _FIGURES.items()
    ),
    *(
        _of_figures(
            f"intervals_{method.replace('-', '_')}",
            f"{_UNTOLD} their transformation: all {method}",
            f"{_UNTOLD}: one transformation",
            group="likelihood",
            convention=method,
        )
        for method in METHODS
    ),
    _of_figures("verified_only", "Verified figures only", verified_only=True),
    _of_figures("read_as", "Declared readings of a report's own groups used", use_read_as="groups"),
    _of_figures(
        "origin", "Transformed tumours read as mixed, de novo ones as pure", use_read_as="origin"
    ),
    _of_figures("formed", "Groups counted that their outcome formed", use_formed=True),
    _of_figures("prospective", "Prospective reports only", prospective=True),
    _of_figures("quality", f"Reports that meet {HALF} to 10 appraisal items", min_quality=HALF),
    *(
        _of_figures(
            f"overlap_{rule}", f"{_SHARED}: {words}", f"{_SHARED}: another rule", overlap=rule
        )
        for rule, words in _OVERLAPS.items()
    ),
    _of_figures(
        "no_histology", "Without every report that tells histology", without_histology=True
    ),
)


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


def _prior_choices(base: Base, data: SurvivalData) -> Iterator[Specification]:
    """Scales halved and doubled, and locations moved, of the priors that can matter."""
    fit = SimpleNamespace(data=data, family=family(base.family), variant=base.variant)
    used = used_priors({base.endpoint: fit})
    for belief in BELIEFS:
        names = tuple(name for name in belief.priors or (belief.name,) if name in used)
        changes = [("halved", -1, 0.5, 0.0), ("doubled", 1, 2.0, 0.0)]
        if belief.shift:
            changes += [("lower", -1, 1.0, -belief.shift), ("higher", 1, 1.0, belief.shift)]
        for word, direction, *change in changes if names else ():
            choice = Specification(
                f"{belief.name}_{word}", "priors", "", belief.label, direction, names, *change
            )
            words = _change_words(word, choice, base)
            yield replace(choice, label=f"Prior ({in_sentence(belief.label)}), {words}")


def _change_words(word: str, choice: Specification, base: Base) -> str:
    changed = choice.apply(base).priors[choice.priors[0]]
    if choice.shift:
        centre = changed.natural(changed.location)
        share = changed.reads_as == "share"
        return f"{word}: about {f'{percent(centre)} %' if share else f'{months(centre)} months'}"
    return f"scale {word}{f': {changed.parameters}' if len(choice.priors) == 1 else ''}"


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

    `asked` are identifiers of treatments, whose reports are left out in any case; `groups` some of
    :data:`GROUPS`, all otherwise. ValueError for an unknown one.
    """
    unknown = sorted(set(groups or ()) - set(GROUPS))
    if unknown:
        raise ValueError(f"group: found {unknown[0]!r}, expected {', '.join(GROUPS)}")
    base = base or Base()
    data = observe(registry, base.endpoint, base.counting)
    made = [
        *_prior_choices(base, data),
        *_choices_of_one(registry, base, data, informative_studies(data, asked, most_studies)),
        # without a report that tells histology, or is appraised, there is nothing to choose
        *(
            choice
            for choice in CHOICES
            if choice.apply(base) != base
            and not (choice.counting.get("without_histology") and not data.tells_histology)
            and not ("min_quality" in choice.counting and not any(map(selection.quality, registry)))
        ),
    ]
    chosen = [group for group in GROUPS if groups is None or group in groups]
    return tuple(own for group in chosen for own in made if own.group == group)


def _choices_of_one(
    registry: Registry, base: Base, data: SurvivalData, studies: Collection[str]
) -> Iterator[Specification]:
    """Every other family; each class and each of some reports left out in turn."""
    for name, other in FAMILIES.items():
        if name != base.family:
            key = f"family_{name.replace(' ', '_').replace('-', '_')}"
            label, aspect = f"Survival family: {other.label}", capitalised(other.label)
            yield Specification(key, "family", label, aspect, family=name)
    for name in data.classes if len(data.classes) > 1 else ():
        label = f"Without {in_sentence(registry.vocabulary.treatment_class(name).label)}"
        about = f"without_class_{name}", label, "Each class in turn"
        yield _of_figures(*about, group="classes", without_class=name)
    labels = {ref.study.id: ref.label for ref in data.cohorts if ref.study.id in studies}
    for name in data.studies if len(data.studies) > 1 else ():
        if name in labels:
            about = f"without_{name}", f"Without {labels[name]}", "Each report in turn"
            yield _of_figures(*about, group="studies", without_study=name)


def informative_studies(data: SurvivalData, asked: Collection[str], most: int) -> set[str]:
    """Reports that are left out one at a time; see :data:`MOST_STUDIES`."""
    chosen, patients = set(), Counter()
    for ref in data.cohorts:
        patients[ref.study.id] += ref.cohort.n or 0
        told = figures.tells_histology(ref, data.view)
        if told or ref.treatment in asked or ref.study.design == "randomised":
            chosen.add(ref.study.id)
    largest = sorted(patients.keys() - chosen, key=lambda name: (-patients[name], name))
    return chosen | set(largest[: max(most - len(chosen), 0)])


# --- Which figures are counted -------------------------------------------------------------------


def observe(registry: Registry, endpoint: str, counting: Counting) -> SurvivalData:
    """Observations of a survival endpoint under a choice; no cohorts where nothing is counted."""
    view = View(endpoint, counting.verified_only, counting.use_read_as, counting.use_formed)
    smaller = _reports(registry, counting)
    chosen = _chosen(smaller, view, counting)

    def stays(ref: CohortRef) -> bool:
        return ref.treatment_class != counting.without_class

    counted = [
        ref
        for ref in filter(stays, chosen.counted)
        if not (counting.without_histology and figures.tells_histology(ref, view))
    ]
    if counting.figures != "all":
        thinned = (_with_figures(ref, endpoint, counting.figures) for ref in counted)
        counted = [
            ref
            for ref in thinned
            if figures.prints_survival(ref.cohort, view, ref.study)
            or figures.histology_groups(ref, view)
        ]
    contrasts = NO_CONTRASTS
    if counting.figures not in ("medians_only", "no_comparisons", "no_contrasts"):
        within = () if counting.without_histology else filter(stays, chosen.within)
        ratios = selection.adjusted_contrasts(smaller, view)
        adjusted = (own for own in ratios if all(map(stays, own[1:])))
        contrasts = Contrasts(*map(tuple, (within, adjusted, filter(stays, chosen.origin))))
    selecting = registry.vocabulary.selecting
    data = survival_data(counted, view, class_order(registry), selecting, contrasts)
    if counting.convention == "untold":
        return data
    return replace(data, arms=tuple(_read_as(arm, counting.convention) for arm in data.arms))


def _reports(registry: Registry, counting: Counting) -> Registry:
    """The reports among which is chosen, without their overlaps where all count."""
    kept = {
        study.id: study
        for study in registry
        if study.id != counting.without_study
        and (study.design in PROSPECTIVE or not counting.prospective)
    }
    if counting.overlap == "all":
        kept = {name: study.model_copy(update={"overlaps": ()}) for name, study in kept.items()}
    return replace(registry, studies=kept, min_quality=counting.min_quality)


def _chosen(smaller: Registry, view: View, counting: Counting) -> selection.Selection:
    """Select the cohorts among the reports that may count."""
    chosen = select(smaller, **vars(view))
    if counting.overlap in ("declared", "all"):
        return chosen
    usable = {ref.id for ref in chosen.counted} | {
        f"{own.study_id}:{own.cohort_id}" for own in chosen.left_out if own.kind == "overlap"
    }
    refs = [ref for ref in references(smaller) if ref.id in usable]
    if counting.overlap == "none":
        sharing = [{one.id, other.id} for one, other, _ in selection.overlap_pairs(smaller)]
        shared = set().union(*(pair for pair in sharing if pair <= usable))
        alone = tuple(ref for ref in refs if ref.id not in shared)
        return replace(chosen, counted=alone, within=(), origin=())
    first = _first_counted(smaller, refs, view, counting.overlap)
    ids = {ref.id for ref in first}
    within = tuple(ref for ref in chosen.within if ref.id not in ids)
    return replace(chosen, counted=tuple(first), within=within)


def _first_counted(
    registry: Registry, usable: Sequence[CohortRef], view: View, rule: str
) -> list[CohortRef]:
    """Cohorts that share no patient, the latest or the largest first; then in declared order."""

    def order(ref: CohortRef) -> tuple[float, tuple[list[float], str]]:
        first = ref.study.citation.year if rule == "latest" else ref.cohort.n
        return -(first or 0), selection.rank(ref, view)

    counted, kept = selection.Counted(selection.OverlapIndex(registry)), set()
    for ref in sorted(usable, key=order):
        if not any(counted.sharing(ref)):
            counted.add(ref)
            kept.add(ref.id)
    return [ref for ref in usable if ref.id in kept]


def _with_figures(ref: CohortRef, endpoint: str, rule: str) -> CohortRef:
    """The cohort with some of its printed figures only."""
    if rule == "no_comparisons":
        return replace(ref, study=ref.study.model_copy(update={"comparisons": ()}))
    groups = tuple(_thinned(group, endpoint, rule) for group in ref.cohort.subgroups)
    cohort = _thinned(ref.cohort, endpoint, rule)
    return replace(ref, cohort=cohort.model_copy(update={"subgroups": groups}))


def _thinned[Holder: (Cohort, Subgroup)](holder: Holder, endpoint: str, rule: str) -> Holder:
    """What is left of the figures of a cohort or of a group of its patients."""
    survival, landmarks = holder.survival, holder.landmarks
    if rule in ("no_intervals", "medians_only"):
        no_interval = {"ci": None, "level": None, "ci_method": None}
        survival = tuple(own.model_copy(update=no_interval) for own in survival)
    if rule == "medians_only":
        landmarks = ()
    elif rule == "early_landmarks":
        landmarks = (mark for mark in landmarks if figures.in_months(mark.time, mark.unit) <= EARLY)
    elif rule == "no_landmarks_beside_medians":
        outcome = figures.outcome_of(holder, endpoint)
        if outcome is not None and outcome.median not in (None, NOT_REACHED):
            landmarks = (mark for mark in landmarks if mark.endpoint != endpoint)
    return holder.model_copy(update={"survival": survival, "landmarks": tuple(landmarks)})


def _read_as(arm: Arm, convention: str) -> Arm:
    """The arm with one reading of its interval, where the report does not tell which."""
    if arm.told or convention not in arm.methods:
        return arm
    at = arm.methods.index(convention)
    return replace(arm, chains=(arm.chains[at],), methods=(convention,), told=True)
