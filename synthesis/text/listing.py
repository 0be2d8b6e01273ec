"""Cohorts and left-out reports of a registry as lines of text; reads nothing but the registry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from studies import Cohort, Registry, Study, UnknownWordError, Vocabulary
from studies.problems import closest
from studies.registry import Excluded
from studies.schema import NOT_STATED
from studies.selection import ENDPOINTS, select
from studies.vocabulary import fold
from synthesis.text.plain import aligned, count

RESPONSE = "response"
_HEAD = ("STUDY", "COHORT", "YEAR", "DESIGN", "TREATMENT", "N", "PRINTS", "COUNTS")
_EXCLUDED_HEAD = ("REPORT", "YEAR", "N", "WHY IT WAS LEFT OUT")
_SHORT_DESIGNS = {
    "prospective_single_arm": "single arm",
    "case_series": "cases",
    "pooled_literature": "literature",
}
Years = tuple[int | None, int | None]


@dataclass(frozen=True)
class Wanted:
    """Which cohorts are looked for; None: any."""

    treatment: str | None = None
    """By any of its names."""
    treatment_class: str | None = None
    """By identifier or label."""
    endpoint: str | None = None
    """Cohorts that print something of it; ``"response"`` is one."""
    design: str | None = None
    """Word of the vocabulary, as `disease`."""
    years: Years = (None, None)
    """First and last year of publication, None where open; no year is found only by both open."""
    status: str | None = None
    """Of the report, verified or secondary."""
    disease: str | None = None


def known_words(vocabulary: Vocabulary) -> Mapping[str, tuple[str, ...]]:
    """Return the words that each kind of `Wanted` can hold, as they are written."""
    return {
        "treatment": tuple(entry.id for entry in vocabulary.treatments),
        "class": tuple(entry.id for entry in vocabulary.classes),
        "endpoint": tuple(dict.fromkeys([*(e.id for e in vocabulary.endpoints), RESPONSE])),
        "design": tuple(dict.fromkeys([*vocabulary.designs, NOT_STATED])),
        "disease": tuple(vocabulary.diseases),
    }


def find_cohorts(registry: Registry, wanted: Wanted) -> tuple[tuple[Study, Cohort], ...]:
    """Return the cohorts that are looked for, in the order of the registry.

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
    words = known_words(vocabulary)

    def word(kind: str, given: str | None) -> str | None:
        if given is None:
            return None
        written = {fold(name): name for name in words[kind]}
        if fold(given) not in written:
            raise UnknownWordError(kind, given, closest(given, words[kind]))
        return written[fold(given)]

    name, group = wanted.treatment, wanted.treatment_class
    labels = {fold(entry.label): entry.id for entry in vocabulary.classes}
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


def _in_years(year: int | None, years: Years) -> bool:
    first, last = years
    if first is None and last is None:
        return True
    return year is not None and (first or year) <= year <= (last or year)


def _cohort_fits(cohort: Cohort, wanted: Wanted, vocabulary: Vocabulary) -> bool:
    return (
        wanted.treatment in (None, cohort.treatment)
        and wanted.treatment_class in (None, vocabulary.treatment(cohort.treatment).class_)
        and wanted.disease in (None, cohort.disease or vocabulary.main_disease)
        and (wanted.endpoint is None or wanted.endpoint in printed_endpoints(cohort))
    )


def printed_endpoints(cohort: Cohort) -> tuple[str, ...]:
    """Name the endpoints of which a cohort, or a part of it, prints a figure, in file order."""
    parts = (cohort, *cohort.subgroups)
    names = [figure.endpoint for part in parts for figure in (*part.survival, *part.landmarks)]
    names += [RESPONSE for part in parts if part.response is not None]
    return tuple(dict.fromkeys(names))


def cohort_lines(
    registry: Registry, cohorts: Collection[tuple[Study, Cohort]], *, width: int | None = None
) -> list[str]:
    """List cohorts in aligned columns, one on a line, and their number.

    The name of a cohort that is that of its treatment is left out; ``COUNTS`` names the endpoints
    for which the cohort is counted. `width` is that of the terminal, if there is one.
    """
    counted = {
        (ref.study.id, ref.cohort.id, endpoint)
        for endpoint in (ENDPOINTS if cohorts else ())
        for ref in select(registry, endpoint).counted
    }
    rows = [_row(study, cohort, counted) for study, cohort in cohorts]
    named = any(row[1] for row in rows)
    table = [row if named else (row[0], *row[2:]) for row in (_HEAD, *rows)]
    total = f"{count(len(rows), 'cohort')} of {count(len({row[0] for row in rows}), 'report')}"
    return [*aligned(table, right={table[0].index("N")}, width=width), "", total]


def _row(
    study: Study, cohort: Cohort, counted: Collection[tuple[str, str, str]]
) -> tuple[str, ...]:
    return (
        study.id,
        "" if cohort.id == cohort.treatment else cohort.id,
        str(study.citation.year or "-"),
        _SHORT_DESIGNS.get(study.design, study.design),
        cohort.treatment,
        "-" if cohort.n is None else str(cohort.n),
        " ".join(printed_endpoints(cohort)) or "-",
        " ".join(name for name in ENDPOINTS if (study.id, cohort.id, name) in counted) or "-",
    )


def excluded_in(registry: Registry, years: Years = (None, None)) -> tuple[Excluded, ...]:
    """Return the reports that were left out, of some years of publication."""
    return tuple(report for report in registry.excluded if _in_years(report.citation.year, years))


def excluded_lines(excluded: Iterable[Excluded], *, width: int | None = None) -> list[str]:
    """List reports that were left out, one on a line, with the reason, and their number."""
    rows = [
        (
            report.id,
            str(report.citation.year or "-"),
            ", ".join(str(number) for number in report.n) or "-",
            " ".join(report.reason.split()),
        )
        for report in excluded
    ]
    lines = aligned([_EXCLUDED_HEAD, *rows], width=width)
    return [*lines, "", f"{count(len(rows), 'report')} left out"]
