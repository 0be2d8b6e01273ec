"""Which cohorts answer for an endpoint, and why each of the others does not.

Every cohort of the registry is either counted or left out for one stated reason; none is dropped in
silence. Patients who appear in more than one cohort count once, by a declared order of precedence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from studies import figures, responses
from studies.figures import RESPONSE, CohortRef, Readings, View, histology_groups, prints_survival
from studies.problems import closest
from studies.registry import Registry, as_sentence, references
from studies.schema import PATIENT_TIMES, Cohort, Comparison, Overlap, Study, Subgroup
from studies.vocabulary import UnknownWordError, Vocabulary

OVERLAP_RULE = (
    "A cohort of one treatment or one class goes before a cohort of various treatments.",
    "Then a cohort whose outcomes are printed by histology, pure and mixed.",
    "Then the cohort with the most printed points of this endpoint: the median, each limit of its "
    "interval that is reached, each survival probability; a response counts one.",
    "Then the latest report.",
    "Then the largest cohort.",
    "Then the first by name, so that the choice never depends on chance.",
)
#: The criteria of `OVERLAP_RULE` but the last: why a cohort goes first, and its value, the larger
#: the earlier.
_ORDER: Mapping[str, Callable[[CohortRef, View], float]] = {
    "its patients had one treatment, not mixed ones": lambda ref, view: ref.role != "mixed",
    "it tells outcomes by histology": lambda ref, view: bool(histology_groups(ref, view)),
    "it prints more of this endpoint": figures.points,
    "it is the later report": lambda ref, view: ref.study.citation.year or 0,
    "it has more patients": lambda ref, view: ref.cohort.n or 0,
}


class OverlapEdge(NamedTuple):
    """Two reports that count some of the same patients."""

    one: str
    other: str
    """Identifiers, in alphabetical order."""
    reason: str
    """Why they share patients; both reasons where the two reports give different ones."""


@dataclass(frozen=True)
class OverlapGroup:
    """Reports that hang together by declared overlaps, directly or by way of others."""

    studies: tuple[str, ...]
    """Identifiers, in alphabetical order."""
    edges: tuple[OverlapEdge, ...]
    unknown: tuple[OverlapEdge, ...] = ()
    """Overlaps with reports that the registry does not hold: the study that declares it first."""


class OverlapIndex:
    """Declared overlaps by report, so that none but the partners of a report is ever looked at."""

    def __init__(self, registry: Registry) -> None:
        self._declared = {
            (study.id, overlap.with_): overlap
            for study in registry
            for overlap in study.overlaps
            if overlap.with_ in registry.studies
        }
        partners: dict[str, set[str]] = defaultdict(set)
        for one, other in self._declared:
            partners[one].add(other)
            partners[other].add(one)
        self._partners = {name: tuple(sorted(others)) for name, others in partners.items()}

    def partners(self, study_id: str) -> tuple[str, ...]:
        """Return the reports of the registry with which one shares patients, whoever says so."""
        return self._partners.get(study_id, ())

    def declared(self, study_id: str, other_id: str) -> Overlap | None:
        """Return what a report says of its overlap with another."""
        return self._declared.get((study_id, other_id))


def overlap_pairs(registry: Registry) -> tuple[tuple[CohortRef, CohortRef, str], ...]:
    """Return every two cohorts of a registry that share patients, with a sentence that says why."""
    everything, refs = Counted(OverlapIndex(registry)), references(registry)
    for ref in refs:
        everything.add(ref)
    return tuple(
        (one, other, why)
        for place, one in enumerate(refs)
        for other, why in everything.sharing(one, after=place)
    )


class Counted:
    """The cohorts that are counted so far, in the order of counting."""

    def __init__(self, index: OverlapIndex) -> None:
        self._index = index
        self._refs: list[CohortRef] = []
        self._places: dict[str, list[int]] = defaultdict(list)

    def add(self, ref: CohortRef) -> None:
        """Count a cohort."""
        self._places[ref.study.id].append(len(self._refs))
        self._refs.append(ref)

    def sharing(self, ref: CohortRef, after: int = -1) -> Iterator[tuple[CohortRef, str]]:
        """Yield those counted behind a place that share patients with a cohort, and why."""
        near = (ref.study.id, *self._index.partners(ref.study.id))
        places = (place for name in near for place in self._places.get(name, ()))
        for place in sorted(place for place in places if place > after):
            why = shared(ref, self._refs[place], self._index)
            if why:
                yield self._refs[place], why


def overlap_groups(registry: Registry) -> tuple[OverlapGroup, ...]:
    """Return the reports that hang together by declared overlaps, by the first of them."""
    index = OverlapIndex(registry)
    groups: list[OverlapGroup] = []
    seen: set[str] = set()
    for study in registry:
        if study.id in seen:
            continue
        members = _connected(study.id, index)
        seen |= members
        edges = tuple(_edges(sorted(members), index))
        unknown = tuple(
            OverlapEdge(name, overlap.with_, overlap.reason)
            for name in sorted(members)
            for overlap in registry.studies[name].overlaps
            if overlap.with_ not in registry.studies
        )
        if edges or unknown:
            groups.append(OverlapGroup(tuple(sorted(members)), edges, unknown))
    return tuple(groups)


def _connected(start: str, index: OverlapIndex) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        new = set(index.partners(waiting.pop())) - reached
        reached |= new
        waiting += new
    return reached


def _edges(members: Iterable[str], index: OverlapIndex) -> Iterator[OverlapEdge]:
    for one in members:
        for other in index.partners(one):
            if other > one:
                told = (index.declared(one, other), index.declared(other, one))
                reasons = dict.fromkeys(overlap.reason for overlap in told if overlap)
                yield OverlapEdge(one, other, "; ".join(reasons))


def shared(one: CohortRef, other: CohortRef, index: OverlapIndex) -> str:
    """Return why two cohorts share patients, as a sentence on the first; empty: they do not.

    Cohorts of one report share patients when one is declared part of the other; cohorts of two
    reports that declare an overlap, when a declared pair names them, or, without pairs, when their
    treatments are of one class, or either has mixed treatments.
    """
    if one.study.id == other.study.id:
        for part, whole in ((one, other), (other, one)):
            if _is_part_of(part.cohort, whole.cohort, part.study):
                names = f"{part.cohort.id} are counted in {whole.cohort.id}"
                return f"The patients of {names} of the same report too."
        return ""
    declared = [
        (overlap, (mine.cohort.id, theirs.cohort.id) in overlap.pairs)
        for mine, theirs in ((one, other), (other, one))
        if (overlap := index.declared(mine.study.id, theirs.study.id)) is not None
    ]
    by_pairs = any(overlap.pairs for overlap, _ in declared)
    alike = one.treatment_class == other.treatment_class or "mixed" in (one.role, other.role)
    for overlap, paired in declared:
        if paired if by_pairs else alike:
            reason = overlap.reason.rstrip(".")
            return f"Shares patients with {other.label} ({other.id}): {reason}."
    return ""


def _is_part_of(part: Cohort, whole: Cohort, study: Study) -> bool:
    """Return whether a cohort is part of another of the same report, directly or by a chain."""
    larger = {cohort.id: cohort.part_of for cohort in study.cohorts}
    here = part.part_of
    while here not in (None, whole.id):  # a sound study has no circle
        here = larger[here]
    return here is not None


def rank(ref: CohortRef, view: View) -> tuple[list[float], str]:
    """Return the sorting key of `OVERLAP_RULE`: the cohort that is counted first comes first."""
    return [-value(ref, view) for value in _ORDER.values()], ref.id


def why_first(first: CohortRef, second: CohortRef, view: View) -> str:
    """Return by which criterion the first cohort goes before the second."""
    who = first.id if first.study.id == second.study.id else first.label
    for because, value in _ORDER.items():
        if value(first, view) != value(second, view):
            return f"{who} is counted instead, because {because}."
    return f"{who} is counted instead, as the first by name of two that are alike."


ENDPOINTS = (*PATIENT_TIMES, RESPONSE)
RESPONSE_WORDS = "tumour response"


@dataclass(frozen=True)
class LeftOut:
    """A cohort that is not counted."""

    study_id: str
    cohort_id: str
    endpoint: str
    kind: str
    """The rule that left it out: no_figure, other_disease, not_pooled, formed_by_outcome, no_n,
    not_one_treatment, overlap, subgroup_only, response_not_a_count, not_verified, event_status,
    contradiction, low_quality.
    """
    reason: str
    """Why, a full sentence."""
    gave_way_to: str | None = None
    """For an overlap: the counted cohort, ``study:cohort``."""


@dataclass(frozen=True)
class Selection:
    """What is counted for one endpoint and what is not, each in the order of the registry."""

    counted: tuple[CohortRef, ...]
    """Cohorts that share no patient."""
    left_out: tuple[LeftOut, ...]
    within: tuple[CohortRef, ...] = ()
    """Cohorts that are left out as they give way, print no figure or had different treatments,
    and whose report sets mixed against pure patients: they count for that contrast, and share
    no patient with a cohort that tells it too.
    """
    origin: tuple[CohortRef, ...] = ()
    """Cohorts, counted or left out for such a reason, whose report sets transformed against de
    novo patients: they count for that contrast, and share no patient with one another.
    """


def quality(study: Study) -> int:
    """Return how many of the ten items of its appraisal a report has answered yes, 0 to 10."""
    return sum(own.answer == "yes" for _, own in study.appraisal or () if own is not None)


_WITHIN = {
    "histology": "It still tells mixed from pure patients within itself.",
    "origin": "It still tells transformed from de novo patients within itself.",
}


def select(
    registry: Registry,
    endpoint: str,
    *,
    verified_only: bool = False,
    use_read_as: Readings = False,
    use_formed: bool = False,
    unreadable: Callable[[CohortRef, View], str | None] = lambda ref, view: None,
) -> Selection:
    """Choose the cohorts that answer for an endpoint; every other one has a reason against it.

    Those of a report below ``registry.min_quality`` are left out before others give way to them.

    Parameters
    ----------
    endpoint : {"os", "pfs", "response"}
        `UnknownWordError` for another one.
    verified_only : bool
        Use only figures that were seen in the report itself.
    use_read_as : bool, "groups" or "origin"
        Which declared readings count as histology, of :data:`~studies.figures.Readings`.
    use_formed : bool
        Whether cohorts that the outcome formed, by survival or by frailty, are counted.
    unreadable : callable
        Says why the figures of a cohort that could count contradict each other, or None.
    """
    if endpoint not in ENDPOINTS:
        raise UnknownWordError("endpoint", endpoint, closest(endpoint, ENDPOINTS))
    view = View(endpoint, verified_only, use_read_as, use_formed)
    refs = references(registry)
    against = {
        ref.id: _reason_against(ref, view, registry.vocabulary)
        or _below(ref.study, registry.min_quality)
        for ref in refs
    }
    for ref in refs:
        if against[ref.id] is None and (why := unreadable(ref, view)):
            against[ref.id] = "contradiction", why
    index = OverlapIndex(registry)
    counted = Counted(index)
    usable = [ref for ref in refs if against[ref.id] is None]
    for ref in sorted(usable, key=lambda ref: rank(ref, view)):
        shares = next(counted.sharing(ref), None)
        if shares is None:
            counted.add(ref)
        else:
            first, why = shares
            against[ref.id] = "overlap", f"{why} {why_first(first, ref, view)}", first.id
    good = [ref for ref in refs if not _below(ref.study, registry.min_quality)]
    telling = {
        "histology": _telling(good, against, index, view, figures.compares_histology),
        "origin": _telling(good, against, index, view, figures.origin_comparison),
    }
    within = tuple(ref for ref in telling["histology"] if against[ref.id] is not None)
    for name, own in telling.items():
        for ref in own:
            if (why := against[ref.id]) is not None:
                kind, reason, *gave_way_to = why
                against[ref.id] = kind, f"{reason} {_WITHIN[name]}", *gave_way_to
    out = ((ref, against[ref.id]) for ref in refs if against[ref.id] is not None)
    return Selection(
        tuple(ref for ref in refs if against[ref.id] is None),
        tuple(LeftOut(ref.study.id, ref.cohort.id, endpoint, *why) for ref, why in out),
        within,
        telling["origin"],
    )


def _telling(
    refs: Iterable[CohortRef],
    against: Mapping[str, tuple[str, ...] | None],
    index: OverlapIndex,
    view: View,
    compares: Callable[[CohortRef, View], object],
) -> tuple[CohortRef, ...]:
    """Return the cohorts, counted or left out, that count for a contrast within their report."""
    compare = [ref for ref in refs if compares(ref, view)]
    telling, chosen = Counted(index), set()
    for ref in compare:
        if against[ref.id] is None:
            telling.add(ref)
            chosen.add(ref.id)
    for ref in sorted(compare, key=lambda ref: rank(ref, view)):
        kind, *_ = against[ref.id] or ("",)
        silent = kind in ("overlap", "no_figure", "not_one_treatment")
        if silent and ref.cohort.n and not any(telling.sharing(ref)):
            telling.add(ref)
            chosen.add(ref.id)
    return tuple(ref for ref in compare if ref.id in chosen)


def adjusted_contrasts(
    registry: Registry, view: View
) -> tuple[tuple[Comparison, CohortRef, CohortRef], ...]:
    """Return the adjusted hazard ratios of two treatments, the groups as cohorts of their report.

    Neither group is a cohort of the registry. Of reports that share patients the first by name
    counts; a report with several such ratios of two treatments counts for the first.
    """
    index, found = OverlapIndex(registry), {}
    for study in registry:
        known = found.keys() & {study.id, *index.partners(study.id)}
        if known or _below(study, registry.min_quality):
            continue
        for own in filter(view.keep(study), study.comparisons):
            usable = own.adjusted and own.hr is not None and len(own.treatments) == 2
            if usable and own.endpoint == view.endpoint and (own.hr_ci or own.p is not None):
                pair = (_group_of(study, name, registry) for name in own.treatments)
                found.setdefault(study.id, (own, *pair))
    return tuple(found.values())


def _group_of(study: Study, treatment: str, registry: Registry) -> CohortRef:
    """Return a compared group as a cohort of its report."""
    vocabulary = registry.vocabulary
    group = vocabulary.treatment_class(vocabulary.treatment(treatment).class_)
    cohort = Cohort(id=treatment, treatment=treatment, treatment_as_printed=treatment)
    return CohortRef(study, cohort, group.id, group.role, registry.labels[study.id])


def _below(study: Study, least: int) -> tuple[str, str] | None:
    """Return that a report has fewer items of its appraisal than wanted, or None."""
    if quality(study) >= least:
        return None
    found = "The report is not appraised"
    if study.appraisal is not None:
        found = f"{quality(study)} of the ten items of its appraisal answered yes"
    return "low_quality", f"{found}; at least {least} were asked for."


_FORMED = {
    "survival": "Its patients had to live long enough to be in it",
    "frailty": "Its patients were too ill, or dead too early, for the treatment of others",
}


def _reason_against(ref: CohortRef, view: View, vocabulary: Vocabulary) -> tuple[str, str] | None:
    """Return the first rule that speaks against a cohort, in the declared order, or None."""
    cohort = ref.cohort
    if cohort.disease not in (None, vocabulary.main_disease):
        meaning = vocabulary.diseases[cohort.disease].rstrip(".")
        apart = " It is pooled apart." if cohort.disease in vocabulary.apart else ""
        return "other_disease", (
            f"The patients did not all have {vocabulary.subject_words}: the disease is recorded "
            f'as "{cohort.disease}" ({meaning[:1].lower() + meaning[1:]}).{apart}'
        )
    if cohort.not_pooled is not None:
        return "not_pooled", as_sentence(cohort.not_pooled)
    if cohort.formed_by is not None and not view.use_formed:
        reason = cohort.formed_by.reason.rstrip(".")
        return "formed_by_outcome", f"{_FORMED[cohort.formed_by.kind]} ({reason})."
    without = _no_usable_figure(ref, view, vocabulary)
    if without is not None:
        return without
    if cohort.n is None:
        without, implied = "The number of patients is not printed", cohort.n_implied
        if implied is not None:
            how = implied.derivation.rstrip(".")
            without += f"; {implied.value} follows from other figures ({how})"
        return "no_n", f"{without}."
    if ref.role in ("systemic", "supportive"):
        return None
    treatment = vocabulary.treatment(cohort.treatment).label
    if ref.role != "mixed":
        group = vocabulary.treatment_class(ref.treatment_class).label
        return "not_one_treatment", (
            f"The treatment is local ({treatment}, class {group}), neither systemic nor supportive."
        )
    if figures.tells_histology(ref, view) or vocabulary.main_disease in vocabulary.apart:
        return None
    return "not_one_treatment", (
        f"The patients had different treatments ({treatment}), and the report does not tell their "
        "histology."
    )


def _no_usable_figure(ref: CohortRef, view: View, vocabulary: Vocabulary) -> tuple[str, str] | None:
    """Return why a cohort prints nothing that can be used for the endpoint, or None."""
    if view.endpoint == RESPONSE:
        name, against = RESPONSE_WORDS, _no_response(ref, view)
    elif prints_survival(ref.cohort, view, ref.study) or histology_groups(ref, view):
        return None
    else:
        name = vocabulary.endpoint(view.endpoint).label.lower()
        against = _no_survival(ref, view, name)
    if against is None or not view.verified_only:
        return against
    everything = replace(view, verified_only=False)
    if _no_usable_figure(ref, everything, vocabulary) is None:
        return "not_verified", (
            f"The figures of {name} were seen in another source only, not in the report itself."
        )
    return against


def _no_response(ref: CohortRef, view: View) -> tuple[str, str] | None:
    response, keep = ref.cohort.response, view.keep(ref.study)
    if response is None or not keep(response):
        groups = [group for group in ref.cohort.subgroups if group.response is not None]
        if groups:
            return "subgroup_only", _only_in(groups, RESPONSE_WORDS)
        return "no_figure", f"The report prints no {RESPONSE_WORDS} of this cohort."
    count = responses.responders(response, ref.cohort.n)
    if isinstance(count, responses.ResponseRefused):
        return "response_not_a_count", count.reason
    return None


def _no_survival(ref: CohortRef, view: View, name: str) -> tuple[str, str]:
    cohort = ref.cohort
    if figures.patients_with(cohort, view.endpoint):
        return "event_status", (
            f"The report lists {name} of single patients, but not for each whether the time ended "
            "with an event or was cut off."
        )
    if figures.outcome_of(cohort, view.endpoint, view.keep(ref.study)) is not None:
        return "no_figure", (
            f"The median {name} was not reached, and neither a survival probability nor a "
            "follow-up is printed."
        )
    if any(own.endpoint == view.endpoint and own.ci is not None for own in cohort.survival):
        return "no_figure", f"The report prints an interval of the median {name}, but no median."
    for own in cohort.survival:
        kind = "mean" if own.mean is not None else "range" if own.range is not None else None
        if own.endpoint == view.endpoint and kind is not None:
            return "no_figure", (
                f"The report prints a {kind} of {name} and no median: {_NO_CURVE[kind]}."
            )
    groups = [
        group
        for group in cohort.subgroups
        if any(own.endpoint == view.endpoint for own in (*group.survival, *group.landmarks))
    ]
    if groups:
        return "subgroup_only", _only_in(groups, name)
    return "no_figure", f"The report prints neither a median nor a probability of {name}."


#: Why a figure says nothing that can be pooled.
_NO_CURVE = {
    "mean": "a mean hangs on the longest survivors, and on how long they were followed",
    "range": "it tells the first and the last of the times alone",
}


def _only_in(groups: list[Subgroup], name: str) -> str:
    factors = " and ".join(dict.fromkeys(group.factor for group in groups))
    return (
        f"The report prints {name} for groups by {factors} only: neither for the whole "
        "cohort nor for its pure and its mixed patients with their numbers."
    )
