"""Cohorts and left-out reports of a registry as lines of text; reads nothing but the registry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from studies import Cohort, Registry, Study, UnknownWordError, Vocabulary
from studies.excluded import Excluded
from studies.problems import closest
from studies.schema import NOT_STATED
from studies.vocabulary import fold
from synthesis.text.plain import aligned, count

RESPONSE = "response"
_HEAD = ("STUDY", "COHORT", "YEAR", "DESIGN", "TREATMENT", "N", "PRINTS")
_EXCLUDED_HEAD = ("REPORT", "YEAR", "N", "WHY IT WAS LEFT OUT")


@dataclass(frozen=True)
class Wanted:
    """Which cohorts are looked for; None: any.

    Attributes
    ----------
    treatment, treatment_class, design, disease : str or None
        Words of the vocabulary; a treatment by any of its names, a class by identifier or label.
    endpoint : str or None
        Cohorts that print something of it; ``"response"`` is one.
    years : (int or None, int or None)
        First and last year of publication, None where open. A report without a year is found only
        where both are open.
    status : {"verified", "secondary"} or None
        Status of the report.
    """

    treatment: str | None = None
    treatment_class: str | None = None
    endpoint: str | None = None
    design: str | None = None
    years: tuple[int | None, int | None] = (None, None)
    status: str | None = None
    disease: str | None = None


def known_words(vocabulary: Vocabulary) -> Mapping[str, tuple[str, ...]]:
    """Return the words that each kind of `Wanted` can hold, as they are written."""
    return {
        "treatment": tuple(item.id for item in vocabulary.treatments),
        "class": tuple(item.id for item in vocabulary.classes),
        "endpoint": tuple(dict.fromkeys([*(e.id for e in vocabulary.endpoints), RESPONSE])),
        "design": tuple(dict.fromkeys([*vocabulary.designs, NOT_STATED])),
        "disease": tuple(vocabulary.diseases),
    }


def find_cohorts(registry: Registry, wanted: Wanted) -> tuple[tuple[Study, Cohort], ...]:
    """Return the cohorts that are looked for, in the order of the registry.

    Parameters
    ----------
    registry : Registry
        Where to look.
    wanted : Wanted
        What to look for.

    Returns
    -------
    tuple of (Study, Cohort)

    Raises
    ------
    studies.UnknownWordError
        For a word that the vocabulary does not know.
    """
    wanted = _in_words_of(registry.vocabulary, wanted)
    return tuple(
        (study, cohort)
        for study in registry
        if _study_fits(study, wanted)
        for cohort in study.cohorts
        if _cohort_fits(cohort, wanted, registry.vocabulary)
    )


def _in_words_of(vocabulary: Vocabulary, wanted: Wanted) -> Wanted:
    """Return the same with every word as the vocabulary writes it."""
    known = known_words(vocabulary)

    def word(kind: str, given: str | None) -> str | None:
        if given is None:
            return None
        written = {fold(name): name for name in known[kind]}
        if fold(given) not in written:
            raise UnknownWordError(kind, given, closest(given, known[kind]))
        return written[fold(given)]

    name, group = wanted.treatment, wanted.treatment_class
    labels = {fold(item.label): item.id for item in vocabulary.classes}
    return Wanted(
        treatment=None if name is None else vocabulary.treatment(name).id,
        treatment_class=None if group is None else word("class", labels.get(fold(group), group)),
        endpoint=word("endpoint", wanted.endpoint),
        design=word("design", wanted.design),
        years=wanted.years,
        status=wanted.status,
        disease=word("disease", wanted.disease),
    )


def _study_fits(study: Study, wanted: Wanted) -> bool:
    return (
        wanted.design in (None, study.design)
        and wanted.status in (None, study.status)
        and _in_years(study.citation.year, wanted.years)
    )


def _in_years(year: int | None, years: tuple[int | None, int | None]) -> bool:
    first, last = years
    if first is None and last is None:
        return True
    return year is not None and (first or year) <= year <= (last or year)


def _cohort_fits(cohort: Cohort, wanted: Wanted, vocabulary: Vocabulary) -> bool:
    return (
        wanted.treatment in (None, cohort.treatment)
        and wanted.treatment_class in (None, vocabulary.treatment(cohort.treatment).class_)
        and wanted.disease in (None, disease_of(cohort, vocabulary))
        and (wanted.endpoint is None or wanted.endpoint in printed_endpoints(cohort))
    )


def disease_of(cohort: Cohort, vocabulary: Vocabulary) -> str:
    """Return the disease of a cohort; where it names none, that of the whole registry."""
    return cohort.disease or vocabulary.main_disease


def printed_endpoints(cohort: Cohort) -> tuple[str, ...]:
    """Name the endpoints of which a cohort, or a part of it, prints a figure, in file order."""
    parts = (cohort, *cohort.subgroups)
    found = [item.endpoint for part in parts for item in (*part.survival, *part.landmarks)]
    found += [RESPONSE for part in parts if part.response is not None]
    return tuple(dict.fromkeys(found))


def cohort_lines(cohorts: Collection[tuple[Study, Cohort]]) -> list[str]:
    """List cohorts in aligned columns, one on a line.

    Parameters
    ----------
    cohorts : collection of (Study, Cohort)
        As `find_cohorts` returns them.

    Returns
    -------
    list of str
        A heading, the cohorts, an empty line and their number.
    """
    rows = [_row(study, cohort) for study, cohort in cohorts]
    reports = len({row[0] for row in rows})
    total = f"{count(len(rows), 'cohort')} of {count(reports, 'report')}"
    return [*aligned([_HEAD, *rows], right={_HEAD.index("N")}), "", total]


def _row(study: Study, cohort: Cohort) -> tuple[str, ...]:
    year = str(study.citation.year or "-")
    n = "-" if cohort.n is None else str(cohort.n)
    printed = " ".join(printed_endpoints(cohort)) or "-"
    return (study.id, cohort.id, year, study.design, cohort.treatment, n, printed)


def excluded_in(
    registry: Registry, years: tuple[int | None, int | None] = (None, None)
) -> tuple[Excluded, ...]:
    """Return the reports that were left out, of some years of publication."""
    return tuple(item for item in registry.excluded if _in_years(item.citation.year, years))


def excluded_lines(excluded: Iterable[Excluded]) -> list[str]:
    """List reports that were found and left out, one on a line, with the reason.

    Parameters
    ----------
    excluded : iterable of Excluded
        The reports.

    Returns
    -------
    list of str
        A heading, the reports, an empty line and their number.
    """
    rows = [_excluded_row(report) for report in excluded]
    return [*aligned([_EXCLUDED_HEAD, *rows]), "", f"{count(len(rows), 'report')} left out"]


def _excluded_row(report: Excluded) -> tuple[str, ...]:
    n = ", ".join(str(number) for number in report.n) or "-"
    return report.id, str(report.citation.year or "-"), n, " ".join(report.reason.split())
