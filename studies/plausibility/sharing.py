"""What two reports have in common: the patients, perhaps, or the very report.

Reports of one hospital, trial or registry, or by the same authors, are compared where their years
of enrolment meet. The search goes through an index: studies of one institution, or of one pair of
authors, are sorted by the beginning of their enrolment and swept once, so that the work grows with
the registry and with what is found in it, not with its square.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from studies.figures import surname
from studies.plausibility.years import enrolment_years
from studies.registry import Registry
from studies.schema import Study

_FIRST_YEAR, _LAST_YEAR = 0, 9999
# A report lists every pair of its authors; of long lists the first and the last stand for all.
_MOST_AUTHORS = 24


@dataclass(frozen=True)
class _Candidate:
    """A study with what decides whether it shares patients with another."""

    study: Study
    first: int
    last: int
    enrolment: str
    treatments: frozenset[str]
    classes: frozenset[str]
    mixed: bool
    declared: frozenset[str]


@dataclass(frozen=True)
class Suspicion:
    """Another study that may count some of the same patients.

    Attributes
    ----------
    other : str
        Its identifier.
    shared : str
        What the two have in common, in words.
    years : str
        How their years of enrolment meet, in words.
    """

    other: str
    shared: str
    years: str


def suspicions(registry: Registry) -> dict[str, tuple[Suspicion, ...]]:
    """Return, for every study, the earlier reports that may count some of the same patients."""
    candidates = [c for study in registry if (c := _candidate(study, registry)) is not None]
    common: dict[tuple[str, str], list[str]] = {}
    for words, group in _groups(candidates):
        for one, other in _meeting(group):
            earlier, later = sorted((one, other), key=_published)
            if other.study.id in one.declared or one.study.id in other.declared:
                continue
            if not _alike(one, other):
                continue
            shared = common.setdefault((later.study.id, earlier.study.id), [])
            if words not in shared:
                shared.append(words)
    by_id = {candidate.study.id: candidate for candidate in candidates}
    found: dict[str, list[Suspicion]] = defaultdict(list)
    for (later_id, earlier_id), shared in common.items():
        years = _years_in_words(by_id[later_id], by_id[earlier_id])
        found[later_id].append(Suspicion(earlier_id, " and ".join(shared[:3]), years))
    return {study: tuple(items) for study, items in found.items()}


def shared_citations(registry: Registry) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """Return, for every study, the earlier ones whose citation has the same DOI, PMID or title.

    A title counts only together with the registration of the trial: many reports are called alike.
    """
    first: dict[tuple[str, str], str] = {}
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for study in registry:
        citation = study.citation
        items = [("doi", citation.doi), ("pmid", citation.pmid)]
        if citation.trial_registration is not None and citation.title is not None:
            items.append(("title", f"{citation.trial_registration} {citation.title}"))
        for key, item in items:
            if item is None:
                continue
            other = first.setdefault((key, " ".join(item.split()).casefold()), study.id)
            if other != study.id:
                found[study.id].append((key, item, other))
    return {study: tuple(items) for study, items in found.items()}


def _candidate(study: Study, registry: Registry) -> _Candidate | None:
    """Return what decides about a study; None where no cohort of it is ever pooled."""
    pooled = [cohort for cohort in study.cohorts if cohort.not_pooled is None]
    if not pooled:
        return None
    vocabulary = registry.vocabulary
    treatments = frozenset(cohort.treatment for cohort in pooled)
    classes = frozenset(vocabulary.treatment(name).class_ for name in treatments)
    roles = {vocabulary.treatment_class(name).role for name in classes}
    published = study.citation.year
    span = enrolment_years(study.enrolment)
    first = _FIRST_YEAR if span is None else span[0]
    last = None if span is None else span[1]
    if last is None:  # whoever is in a report was enrolled by then
        last = _LAST_YEAR if published is None else published
    return _Candidate(
        study,
        first,
        max(first, last),
        "of years that are not printed" if span is None else study.enrolment or "",
        treatments,
        classes,
        "mixed" in roles,
        frozenset(overlap.with_ for overlap in study.overlaps),
    )


def _groups(candidates: Iterable[_Candidate]) -> Iterator[tuple[str, list[_Candidate]]]:
    """Yield studies of one institution, and studies by the same two authors."""
    by_place: dict[str, list[_Candidate]] = defaultdict(list)
    by_authors: dict[tuple[str, str], list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        for place in _places(candidate.study):
            by_place[place].append(candidate)
        for pair in combinations(_authors(candidate.study), 2):
            by_authors[pair].append(candidate)
    for place, group in by_place.items():
        if len(group) > 1:
            yield place, group
    for pair, group in by_authors.items():
        if len(group) > 1:
            yield f"the authors {pair[0]} and {pair[1]}", group


def _places(study: Study) -> Iterator[str]:
    """Yield the institutions of a study, and the trials under which it is registered."""
    yield from dict.fromkeys(study.institutions)
    for trial in re.split(r"[,;]", study.citation.trial_registration or ""):
        if trial.strip():
            yield f"trial {trial.strip()}"


def _authors(study: Study) -> list[str]:
    """Return the authors that can be told from namesakes: those printed with initials."""
    names = [" ".join(name.split()) for name in study.citation.authors]
    names = [name for name in names if surname(name) != name]
    if len(names) > _MOST_AUTHORS:
        half = _MOST_AUTHORS // 2
        names = [*names[:half], *names[-half:]]
    return sorted(set(names))


def _meeting(group: list[_Candidate]) -> Iterator[tuple[_Candidate, _Candidate]]:
    """Yield every two studies of a group whose periods of enrolment meet."""
    running: list[_Candidate] = []
    for candidate in sorted(group, key=lambda item: (item.first, item.study.id)):
        running = [other for other in running if other.last >= candidate.first]
        for other in running:
            yield other, candidate
        running.append(candidate)


def _alike(one: _Candidate, other: _Candidate) -> bool:
    """Return whether treatments allow that patients are shared, as for declared overlaps."""
    return bool(
        one.treatments & other.treatments or one.classes & other.classes or one.mixed or other.mixed
    )


def _published(candidate: _Candidate) -> tuple[int, str]:
    return candidate.study.citation.year or _FIRST_YEAR, candidate.study.id


def _years_in_words(one: _Candidate, other: _Candidate) -> str:
    if "not printed" in one.enrolment or "not printed" in other.enrolment:
        return "and years of enrolment that may meet"
    return f"and enrolment {one.enrolment} against {other.enrolment}"
