"""Whether a report is of the years it says, here only once, and alone in counting its patients."""

from __future__ import annotations

from collections.abc import Iterator

from studies.plausibility.question import Surroundings
from studies.plausibility.years import YEAR, enrolment_years
from studies.problems import Finding, show
from studies.schema import Study


def citation_years(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether identifier, enrolment and citation are of years that follow on each other."""
    year = study.citation.year
    if year is None:
        return
    named = {int(found) for found in YEAR.findall(study.id)}
    if named and year not in named:
        expected = f"{' or '.join(str(one) for one in sorted(named))}, as in the id {study.id}"
        action = "correct the year, or call the study after it"
        yield Finding(("citation", "year"), str(year), expected, action)
    # An issue may carry the year after the one in which it appears.
    if year > around.this_year + 1:
        expected = f"a year up to {around.this_year + 1}"
        yield Finding(("citation", "year"), str(year), expected, "correct the year")
    span = enrolment_years(study.enrolment)
    if span is None:
        return
    last = span[0] if span[1] is None else span[1]
    if last > year:
        found = f"enrolment until {last} ({show(study.enrolment)})"
        expected = f"an end before the report of {year}"
        yield Finding(("enrolment",), found, expected, "correct one of the two years")


def same_reports(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the report has been entered under another name already."""
    for key, item, other in around.same_report.get(study.id, ()):
        words = {"doi": "the DOI", "pmid": "the PubMed identifier", "title": "trial and title of"}
        found = f"{words[key]} {item}"
        expected = f"another than that of {other}"
        action = "remove one of the two studies, or correct the citation"
        yield Finding(("citation", key), found, expected, action)


def same_patients(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether an earlier report may count the same patients without a declared overlap."""
    for suspicion in around.suspicions.get(study.id, ()):
        found = f"{suspicion.shared} in common with {suspicion.other}, {suspicion.years}"
        expected = "a declared overlap, since both may count the same patients"
        action = (
            f'declare it by [[overlaps]] with = "{suspicion.other}", and by pairs of cohorts where '
            "only some of them share patients"
        )
        yield Finding(("overlaps", suspicion.other), found, expected, action)
