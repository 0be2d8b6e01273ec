"""Cohorts of a registry as lines of text; reads nothing but the registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from studies import Cohort, Registry, Study

RESPONSE = "response"
_HEAD = ("STUDY", "COHORT", "YEAR", "DESIGN", "TREATMENT", "N", "PRINTS")


def cohort_lines(
    registry: Registry, *, treatment: str | None = None, endpoint: str | None = None
) -> list[str]:
    """List cohorts in aligned columns, one on a line.

    Parameters
    ----------
    registry : Registry
        What to list.
    treatment : str, optional
        Only cohorts of this treatment, given by any of its names.
    endpoint : str, optional
        Only cohorts that print something of this endpoint; ``"response"`` is one.

    Returns
    -------
    list of str
        A heading, the cohorts by study, an empty line and their number.

    Raises
    ------
    studies.UnknownWordError
        For a treatment or an endpoint that the vocabulary does not know.
    """
    vocabulary = registry.vocabulary
    wanted = vocabulary.treatment(treatment).id if treatment is not None else None
    if endpoint is not None and endpoint != RESPONSE:
        endpoint = vocabulary.endpoint(endpoint).id
    rows = [
        _row(study, cohort)
        for study in registry
        for cohort in study.cohorts
        if wanted in (None, cohort.treatment)
        and (endpoint is None or endpoint in printed_endpoints(cohort))
    ]
    reports = len({row[0] for row in rows})
    total = f"{_count(len(rows), 'cohort')} of {_count(reports, 'report')}"
    return [*_align([_HEAD, *rows]), "", total]


def printed_endpoints(cohort: Cohort) -> tuple[str, ...]:
    """Name the endpoints of which a cohort, or a part of it, prints a figure, in file order."""
    parts = (cohort, *cohort.subgroups)
    found = [item.endpoint for part in parts for item in (*part.survival, *part.landmarks)]
    found += [RESPONSE for part in parts if part.response is not None]
    return tuple(dict.fromkeys(found))


def _row(study: Study, cohort: Cohort) -> tuple[str, ...]:
    year = str(study.citation.year or "-")
    n = "-" if cohort.n is None else str(cohort.n)
    printed = " ".join(printed_endpoints(cohort)) or "-"
    return (study.id, cohort.id, year, study.design, cohort.treatment, n, printed)


def _align(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    number = _HEAD.index("N")
    for row in table:
        cells = [
            cell.rjust(width) if column == number else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
