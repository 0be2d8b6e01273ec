"""Everything that must hold within one study, and between the studies of one registry.

The checks run on sound records, and yield findings: where, what was found, what was expected, what
to do. They know no file; `studies.registry` adds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation

from studies.figure_checks import (
    CHECK_BOTH,
    UNITS,
    Arm,
    Path,
    at_most,
    characteristic_findings,
    curve_findings,
    landmark_findings,
    level_findings,
    percent_findings,
    response_findings,
    span_findings,
    survival_findings,
)
from studies.problems import Finding, closest, one_of, show
from studies.schema import Citation, Cohort, Comparison, HistologySplit, Patient, Study
from studies.values import NOT_STATED
from studies.vocabulary import UnknownWordError, Vocabulary

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_PMID = re.compile(r"[1-9]\d{0,7}")
_P_VALUE = re.compile(r"[pP]?\s*(?:<=|>=|[<>=≤≥~])?\s*(\d*\.?\d+(?:[eE]-?\d+)?)")
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def study_findings(study: Study) -> Iterator[Finding]:
    """Yield everything that is wrong within one study, its words left aside.

    Parameters
    ----------
    study : Study
        The study.

    Yields
    ------
    Finding
        One for each thing to repair, paths relative to the study.
    """
    yield from identifier_findings(study.id, ("id",))
    yield from citation_findings(study.citation)
    for place, source in enumerate(study.sources):
        yield from _doi(source.doi, ("sources", place, "doi"))
        if source.url is not None and not source.url.startswith(("https://", "http://")):
            path = ("sources", place, "url")
            yield Finding(path, show(source.url), "a web address", "begin it with https://")
    yield from _cohort_structure(study.cohorts)
    for place, cohort in enumerate(study.cohorts):
        yield from _cohort_findings(cohort, ("cohorts", place))
    for place, comparison in enumerate(study.comparisons):
        yield from _comparison_findings(comparison, ("comparisons", place))
    yield from _own_overlaps(study)


def word_findings(study: Study, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Yield the words of a study that the vocabulary does not hold.

    Parameters
    ----------
    study : Study
        The study.
    vocabulary : Vocabulary
        The words it may use.

    Yields
    ------
    Finding
        One for each unknown word, with the closest one that exists.
    """
    endpoints = [endpoint.id for endpoint in vocabulary.endpoints]
    if study.design != NOT_STATED:
        yield from _word(study.design, vocabulary.designs, ("design",), "[designs]")
    for place, cohort in enumerate(study.cohorts):
        path = ("cohorts", place)
        yield from _treatment(cohort.treatment, (*path, "treatment"), vocabulary)
        yield from _word(cohort.disease, vocabulary.diseases, (*path, "disease"), "[diseases]")
        yield from _word(cohort.line, vocabulary.lines, (*path, "line"), "[lines]")
        origins, here = vocabulary.time_origins, (*path, "time_origin")
        yield from _word(cohort.time_origin, origins, here, "[time_origins]")
        arms: list[tuple[Arm, Path]] = [(cohort, path)]
        arms += [(arm, (*path, "subgroups", p)) for p, arm in enumerate(cohort.subgroups)]
        for arm, arm_path in arms:
            for kind, figures in (("survival", arm.survival), ("landmarks", arm.landmarks)):
                for position, figure in enumerate(figures):
                    here = (*arm_path, kind, position, "endpoint")
                    yield from _word(figure.endpoint, endpoints, here, "[[endpoints]]")


def _word(word: str | None, known: Iterable[str], path: Path, heading: str) -> Iterator[Finding]:
    """Yield a finding where `word` is not among the words under a heading of the vocabulary."""
    known = list(known)
    if word is None or word in known:
        return
    nearest = closest(word, known)
    add = f"add the word to vocabulary.toml under {heading}"
    action = f"write {show(nearest)}, or {add}" if nearest else f"choose one of them, or {add}"
    expected = f"{one_of(known)}, as the vocabulary lists"
    yield Finding(path, show(word), expected, action)


def _treatment(name: str, path: Path, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Yield a finding where `name` is not the identifier of a treatment."""
    expected = "the id of a treatment of the vocabulary"
    add = "add the treatment to vocabulary.toml under [[treatments]]"
    try:
        treatment = vocabulary.treatment(name)
    except UnknownWordError as error:
        nearest = error.suggestion
        action = (
            f'write "{nearest}", or {add}' if nearest else f"choose one that is there, or {add}"
        )
        yield Finding(path, show(name), expected, action)
        return
    if treatment.id != name:
        action = f'write "{treatment.id}", and keep the words of the report in treatment_as_printed'
        yield Finding(path, f"{show(name)}, another name of {treatment.id}", expected, action)


def identifier_findings(value: str, path: Path) -> Iterator[Finding]:
    """Yield a finding where an identifier cannot be the name of a file or of an anchor.

    Parameters
    ----------
    value : str
        The identifier.
    path : tuple of str or int
        Where it stands.

    Yields
    ------
    Finding
        At most one.
    """
    if not _IDENTIFIER.fullmatch(value):
        expected = "an identifier of letters, digits, and _ . + -"
        suggestion = re.sub(r"[^A-Za-z0-9_.+-]+", "_", value).strip("_") or "an identifier"
        yield Finding(path, show(value), expected, f"write for example {suggestion}")


def _doi(value: str | None, path: Path) -> Iterator[Finding]:
    if value is None or _DOI.fullmatch(value):
        return
    inside = _DOI.search(value)
    action = f'write "{inside[0]}"' if inside else "check it, or leave the key out"
    yield Finding(path, show(value), "a DOI such as 10.1530/ERC-20-0106", action)


def citation_findings(citation: Citation, path: Path = ("citation",)) -> Iterator[Finding]:
    """Yield what is wrong with a bibliographic record.

    Parameters
    ----------
    citation : Citation
        The record.
    path : tuple of str or int
        Where it stands.

    Yields
    ------
    Finding
        One for each thing to repair.
    """
    year = citation.year
    if year is not None and not _FIRST_YEAR <= year <= _LAST_YEAR:
        expected = f"a year from {_FIRST_YEAR} to {_LAST_YEAR}"
        action = "write the year of publication, or leave the key out"
        yield Finding((*path, "year"), show(year), expected, action)
    yield from _doi(citation.doi, (*path, "doi"))
    if citation.pmid is not None and not _PMID.fullmatch(citation.pmid):
        expected = "a PubMed identifier of up to eight digits"
        action = "write the digits alone, or leave the key out"
        yield Finding((*path, "pmid"), show(citation.pmid), expected, action)


def _cohort_structure(cohorts: tuple[Cohort, ...]) -> Iterator[Finding]:
    """Yield repeated cohort identifiers, and cohorts that are part of nothing or of themselves."""
    by_id: dict[str, Cohort] = {}
    first: dict[str, int] = {}
    for place, cohort in enumerate(cohorts):
        by_id.setdefault(cohort.id, cohort)
        if first.setdefault(cohort.id, place) != place:
            expected, action = "an id that {other} does not have", "give each cohort its own id"
            path, other = ("cohorts", place, "id"), ("cohorts", first[cohort.id])
            yield Finding(path, show(cohort.id), expected, action, other)
    for place, cohort in enumerate(cohorts):
        if cohort.part_of is None or len(by_id) < len(cohorts):
            continue
        path = ("cohorts", place, "part_of")
        if cohort.part_of not in by_id:
            expected = f"the id of another cohort of this study ({one_of(by_id)})"
            nearest = closest(cohort.part_of, by_id)
            action = f"write {show(nearest)}" if nearest else "correct it, or remove the key"
            yield Finding(path, show(cohort.part_of), expected, action)
        elif _returns_to_itself(cohort, by_id):
            expected = "a larger cohort, which is not in turn part of this one"
            yield Finding(path, show(cohort.part_of), expected, "remove one of the part_of keys")
        else:
            limit, whose = by_id[cohort.part_of].n, f"patients of {cohort.part_of}"
            yield from at_most(cohort.n, limit, ("cohorts", place, "n"), whose)


def _returns_to_itself(cohort: Cohort, by_id: Mapping[str, Cohort]) -> bool:
    seen: set[str] = set()
    here: Cohort | None = cohort
    while here is not None and here.part_of is not None and here.id not in seen:
        seen.add(here.id)
        here = by_id.get(here.part_of)
    return here is not None and here.id in seen


def _cohort_findings(cohort: Cohort, path: Path) -> Iterator[Finding]:
    """Yield everything that is wrong within one cohort."""
    yield from identifier_findings(cohort.id, (*path, "id"))
    yield from _histology_findings(cohort.histology, (*path, "histology"), cohort.n)
    braf = cohort.braf_v600e
    if braf is not None:
        here = (*path, "braf_v600e")
        yield from at_most(braf.positive, braf.tested, (*here, "positive"), "tested")
        yield from at_most(braf.tested, cohort.n, (*here, "tested"), "patients of the cohort")
        yield from percent_findings(braf.percent, (*here, "percent"), braf.tested)
    yield from _arm_findings(cohort, path)
    yield from _subgroup_findings(cohort, path)
    yield from at_most(
        len(cohort.patients), cohort.n, (*path, "patients"), "patients of the cohort"
    )
    for place, patient in enumerate(cohort.patients):
        yield from _patient_findings(patient, (*path, "patients", place))


def _arm_findings(arm: Arm, path: Path) -> Iterator[Finding]:
    """Yield everything that is wrong with the figures of a cohort or of a subgroup."""
    for place, outcome in enumerate(arm.survival):
        yield from survival_findings(outcome, (*path, "survival", place), arm.n)
    for place, landmark in enumerate(arm.landmarks):
        yield from landmark_findings(landmark, (*path, "landmarks", place), arm.n)
    yield from curve_findings(arm, path)
    if arm.response is not None:
        yield from response_findings(arm.response, (*path, "response"), arm.n)
    for place, item in enumerate(arm.characteristics):
        yield from characteristic_findings(item, (*path, "characteristics", place))


def _subgroup_findings(cohort: Cohort, path: Path) -> Iterator[Finding]:
    """Yield what is wrong within the subgroups, and with their numbers of patients."""
    by_histology: dict[str, list[int]] = {}
    first: dict[tuple[str, str, str | None], int] = {}
    for place, subgroup in enumerate(cohort.subgroups):
        here = (*path, "subgroups", place)
        yield from at_most(subgroup.n, cohort.n, (*here, "n"), "patients of the cohort")
        yield from _arm_findings(subgroup, here)
        if subgroup.histology is not None and subgroup.read_as is not None:
            expected = "either histology (the report says it) or read_as (it is read so)"
            yield Finding((*here, "read_as"), "both", expected, "keep one of the two keys")
        if (subgroup.histology or subgroup.read_as) and subgroup.n is not None:
            by_histology.setdefault(subgroup.factor, []).append(subgroup.n)
        key = (subgroup.factor, subgroup.level, subgroup.label)
        if first.setdefault(key, place) != place:
            expected, action = "one table, {other}, for each level", "put all its figures there"
            found = f"{subgroup.factor} {show(subgroup.level)} a second time"
            other = (*path, "subgroups", first[key])
            yield Finding((*here, "level"), found, expected, action, other)
    for factor, numbers in by_histology.items():
        total = sum(numbers)
        if cohort.n is not None and total > cohort.n >= max(numbers):
            found = f"{total} patients in the groups by {factor}"
            expected = f"no more than the {cohort.n} patients of the cohort"
            yield Finding((*path, "subgroups"), found, expected, "check the n of each group")


def _histology_findings(
    split: HistologySplit | None, path: Path, n: int | None
) -> Iterator[Finding]:
    if split is None:
        return
    yield from at_most(split.assessed, n, (*path, "assessed"), "patients of the cohort")
    whole, whose = (
        (n, "patients of the cohort")
        if split.assessed is None
        else (split.assessed, "patients whose histology was assessed")
    )
    for key in ("pure", "mixed"):
        yield from at_most(getattr(split, key), whole, (*path, key), whose)
        percent = getattr(split, f"{key}_percent")
        yield from percent_findings(percent, (*path, f"{key}_percent"), whole)
    for name, count in split.other.items():
        yield from at_most(count, n, (*path, "other", name), "patients of the cohort")
    counts = [count for count in (split.pure, split.mixed) if count is not None]
    if whole is not None and max(counts, default=0) <= whole < sum(counts):
        expected = f"pure and mixed that add up to no more than the {whole} {whose}"
        yield Finding(path, f"a sum of {sum(counts)}", expected, "check the counts")
    percents = [p for p in (split.pure_percent, split.mixed_percent) if p is not None]
    # Two rounded percentages may add up to 101.
    if max(percents, default=Decimal(0)) <= 100 and sum(percents) > 101:
        expected = "pure_percent and mixed_percent that add up to 100"
        yield Finding(path, f"a sum of {sum(percents)}", expected, "check the percentages")


def _patient_findings(patient: Patient, path: Path) -> Iterator[Finding]:
    times = {key: getattr(patient, key) for key in ("os", "pfs", "response_duration")}
    for key, time in times.items():
        if time is not None and time < 0:
            yield Finding((*path, key), show(time), "a time of 0 or more", "check the report")
    if patient.unit is None and any(time is not None for time in times.values()):
        yield Finding((*path, "unit"), "nothing", UNITS, "add the unit of the printed times")


def _comparison_findings(comparison: Comparison, path: Path) -> Iterator[Finding]:
    p = comparison.p
    if isinstance(p, str):
        written = _P_VALUE.fullmatch(p)
        try:
            p = Decimal(written[1]) if written else None
        except InvalidOperation:
            p = None
    if p is not None and not 0 <= p <= 1:
        expected = "a p value between 0 and 1"
        yield Finding((*path, "p"), show(comparison.p), expected, "check it against the report")
    if comparison.hr is not None and comparison.hr <= 0:
        expected = "a hazard ratio above 0"
        yield Finding((*path, "hr"), show(comparison.hr), expected, "check it against the report")
    yield from span_findings(comparison.hr_ci, comparison.hr, (*path, "hr_ci"), "hazard ratio")
    if comparison.hr_ci is not None and comparison.hr_ci[0] < 0:
        found, expected = show(comparison.hr_ci), "hazard ratios of 0 or more"
        yield Finding((*path, "hr_ci"), found, expected, CHECK_BOTH)
    yield from level_findings(comparison.level, (*path, "level"))


def _own_overlaps(study: Study) -> Iterator[Finding]:
    """Yield overlaps with the study itself, declared twice, or naming cohorts it does not have."""
    own = [cohort.id for cohort in study.cohorts]
    first: dict[str, int] = {}
    for place, overlap in enumerate(study.overlaps):
        path = ("overlaps", place)
        if overlap.with_ == study.id:
            expected = "the id of another study"
            action = "remove it; within one study, say part_of in the smaller cohort"
            yield Finding((*path, "with"), show(overlap.with_), expected, action)
        if first.setdefault(overlap.with_, place) != place:
            expected, action = "each study once, as in {other}", "put all pairs in one table"
            found, other = f"{show(overlap.with_)} again", ("overlaps", first[overlap.with_])
            yield Finding((*path, "with"), found, expected, action, other)
        for number, (cohort, _) in enumerate(overlap.pairs):
            yield from _paired(cohort, own, (*path, "pairs", number), f"first, {study.id}")


def _paired(cohort: str, known: list[str], path: Path, whose: str) -> Iterator[Finding]:
    """Yield a finding where a pair names a cohort that does not exist."""
    if cohort in known:
        return
    nearest = closest(cohort, known)
    expected = f"a cohort of the {whose} ({one_of(known)})"
    action = f"write {show(nearest)}" if nearest else "correct it, or remove the pair"
    yield Finding(path, show(cohort), expected, action)


def overlap_findings(study: Study, studies: Mapping[str, Study]) -> Iterator[Finding]:
    """Yield the pairs of a study that name a cohort which the other study does not have.

    Parameters
    ----------
    study : Study
        The study that declares the overlaps.
    studies : mapping of str to Study
        The studies of the registry. An overlap with a study outside of it is no finding: the
        patients cannot be counted twice.

    Yields
    ------
    Finding
        One for each unknown cohort.
    """
    for place, overlap in enumerate(study.overlaps):
        other = studies.get(overlap.with_)
        if other is None or other.id == study.id:
            continue
        known = [cohort.id for cohort in other.cohorts]
        for number, (_, cohort) in enumerate(overlap.pairs):
            path = ("overlaps", place, "pairs", number)
            yield from _paired(cohort, known, path, f"second, {other.id}")
