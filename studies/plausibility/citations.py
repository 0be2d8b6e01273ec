"""Whether a report is of the years it says, here only once, and alone in counting its patients.

Reports of one hospital, trial or registry, or by the same authors, are compared where their years
of enrolment meet. The search goes through an index: studies of one institution, or of one pair of
authors, are sorted by the beginning of their enrolment and swept once, so that the work grows with
the registry and with what is found in it, not with its square.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from studies.figures import YEAR, enrolment_years, surname
from studies.plausibility.question import Around
from studies.problems import Finding, show
from studies.registry import Registry
from studies.schema import Study
from studies.vocabulary import fold

_FIRST_YEAR, _LAST_YEAR, _NO_YEARS = 0, 9999, "of years that are not printed"
# A report lists every pair of its authors; of long lists the first and the last stand for all.
_MOST_AUTHORS = 24


@dataclass(frozen=True)
class _Candidate:
    """A study with what decides whether it shares patients with another."""

    study: Study
    first: int
    last: int
    enrolment: str
    classes: frozenset[str]
    mixed: bool
    declared: frozenset[str]
    diseases: frozenset[str]
    """Those of its cohorts that are pooled apart, and the main one for all others."""


def suspicions(registry: Registry) -> dict[str, tuple[Finding, ...]]:
    """Return, for every study, the earlier reports that may count some of the same patients."""
    candidates = [c for study in registry if (c := _candidate(study, registry)) is not None]
    common: dict[tuple[str, str], dict[str, None]] = {}
    for words, group in _groups(candidates):
        for one, other in _meeting(group):
            declared = other.study.id in one.declared or one.study.id in other.declared
            if not declared and _alike(one, other):
                years = {
                    own.study.id: own.study.citation.year or _FIRST_YEAR for own in (one, other)
                }
                earlier, later = sorted(years, key=lambda name: (years[name], name))
                common.setdefault((later, earlier), {})[words] = None
    by_id = {candidate.study.id: candidate for candidate in candidates}
    suspected: dict[str, tuple[Finding, ...]] = defaultdict(tuple)
    expected = "a declared overlap, since both may count the same patients"
    for (later, earlier), shared in common.items():
        years = f"and enrolment {by_id[later].enrolment} against {by_id[earlier].enrolment}"
        if _NO_YEARS in years:
            years = "and years of enrolment that may meet"
        found = f"{' and '.join([*shared][:3])} in common with {earlier}, {years}"
        action = (
            f'declare it by [[overlaps]] with = "{earlier}", and by pairs of cohorts where only '
            "some of them share patients"
        )
        suspected[later] += (Finding(("overlaps", earlier), found, expected, action),)
    return suspected


def shared_citations(registry: Registry) -> dict[str, tuple[Finding, ...]]:
    """Return, for every study, the earlier ones whose citation has the same DOI, PMID or title.

    A title counts only together with the registration of the trial, or with first author and year:
    many reports are called alike.
    """
    first: dict[tuple[str, str], str] = {}
    shared: dict[str, tuple[Finding, ...]] = defaultdict(tuple)
    words = {"doi": "the DOI", "pmid": "the PubMed identifier"}
    words |= {"title": "trial and title of", "authors": "author, year and title of"}
    action = "remove one of the two studies, or correct the citation"
    for study in registry:
        citation = study.citation
        values = {"doi": citation.doi, "pmid": citation.pmid}
        if citation.trial_registration is not None and citation.title is not None:
            values["title"] = f"{citation.trial_registration} {citation.title}"
        if citation.authors and citation.year is not None and citation.title is not None:
            first_author = surname(citation.authors[0])
            values["authors"] = f"{first_author} {citation.year}, {citation.title}"
        for key, value in values.items():
            other = value and first.setdefault((key, fold(value)), study.id)
            if value and other != study.id:
                found, expected = f"{words[key]} {value}", f"another than that of {other}"
                shared[study.id] += (Finding(("citation", key), found, expected, action),)
    return shared


def _candidate(study: Study, registry: Registry) -> _Candidate | None:
    pooled = [cohort for cohort in study.cohorts if cohort.not_pooled is None]
    if not pooled:
        return None
    vocabulary = registry.vocabulary
    classes = frozenset(vocabulary.treatment(cohort.treatment).class_ for cohort in pooled)
    roles = {vocabulary.treatment_class(name).role for name in classes}
    published = study.citation.year
    span = enrolment_years(study.enrolment)
    first, last = span or (_FIRST_YEAR, None)
    if last is None:  # whoever is in a report was enrolled by then
        last = _LAST_YEAR if published is None else published
    enrolment = _NO_YEARS if span is None else study.enrolment or ""
    declared = frozenset(overlap.with_ for overlap in study.overlaps)
    period = (first, max(first, last), enrolment)
    main = vocabulary.main_disease
    diseases = frozenset(own.disease if own.disease in vocabulary.apart else main for own in pooled)
    return _Candidate(study, *period, classes, "mixed" in roles, declared, diseases)


def _groups(candidates: Iterable[_Candidate]) -> Iterator[tuple[str, list[_Candidate]]]:
    by_place, by_authors = defaultdict(list), defaultdict(list)
    for candidate in candidates:
        trials = re.split(r"[,;]", candidate.study.citation.trial_registration or "")
        places = [f"trial {trial.strip()}" for trial in trials if trial.strip()]
        for place in dict.fromkeys([*candidate.study.institutions, *places]):
            by_place[place].append(candidate)
        for one, other in combinations(_authors(candidate.study), 2):
            by_authors[f"the authors {one} and {other}"].append(candidate)
    groups = [*by_place.items(), *by_authors.items()]
    yield from ((words, group) for words, group in groups if len(group) > 1)


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
    for candidate in sorted(group, key=lambda candidate: (candidate.first, candidate.study.id)):
        running = [other for other in running if other.last >= candidate.first]
        for other in running:
            yield other, candidate
        running.append(candidate)


def _alike(one: _Candidate, other: _Candidate) -> bool:
    """Return whether diseases and treatments allow that patients are shared."""
    treatments = one.classes & other.classes or one.mixed or other.mixed
    return bool(treatments and one.diseases & other.diseases)


def citation_years(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether years follow on each other: a report cannot end before its enrolment."""
    year = study.citation.year
    if year is None:
        return
    named = {int(found) for found in YEAR.findall(study.id)}
    if named and year not in named:
        expected = f"{' or '.join(str(one) for one in sorted(named))}, as in the id {study.id}"
        action = "correct the year, or call the study after it"
        yield Finding(("citation", "year"), str(year), expected, action)
    # An issue may carry the year after the one in which it appears.
    latest = datetime.date.today().year + 1
    if year > latest:
        expected = f"a year up to {latest}"
        yield Finding(("citation", "year"), str(year), expected, "correct the year")
    span = enrolment_years(study.enrolment)
    if span is None:
        return
    last = span[0] if span[1] is None else span[1]
    if last > year:
        found = f"enrolment until {last} ({show(study.enrolment)})"
        expected = f"an end before the report of {year}"
        yield Finding(("enrolment",), found, expected, "correct one of the two years")


def same_reports(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether the report is entered under another name too: it would count twice."""
    yield from around.same_report.get(study.id, ())


def same_patients(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether an earlier report may count the same patients: a pool would be too sure."""
    yield from around.suspicions.get(study.id, ())
