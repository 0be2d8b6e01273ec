"""Two reports that may be one, or count the same patients."""

from __future__ import annotations

import pytest
from plausible_registry import arm, one, registry_of, reviewed, warned
from small_registry import cohort

from studies.plausibility import citations

HERE = {"institutions": ["One Hospital"]}


def test_a_report_entered_twice_is_flagged_in_the_second():
    citation = {"doi": "10.1000/one", "year": 2001}
    both = [one(arm(), name=name, citation=citation) for name in ("abel2001", "abel2001b")]
    assert warned(*both) == [("same-report", "citation.doi")]
    assert reviewed(*both).warnings[0].file == "abel2001b.toml"


def test_one_trial_under_two_titles_is_no_report_entered_twice():
    trial = {"year": 2001, "trial_registration": "NCT00000001"}
    titles = ["Interim analysis", "Final analysis"]
    both = [
        one(arm(), name=f"abel2001{i}", citation=trial | {"title": title})
        for i, title in enumerate(titles)
    ]
    assert ("same-report", "citation.title") not in warned(*both)
    both[1]["citation"]["title"] = "Interim  analysis"
    assert ("same-report", "citation.title") in warned(*both)


def pair(one_more, other_more, *, one_treatment="lenvatinib", other_treatment="lenvatinib"):
    """Describe an earlier and a later report."""
    return (
        one(cohort(n=40, treatment=one_treatment), name="abel2001", **one_more),
        one(cohort(n=40, treatment=other_treatment), name="babel2005", year=2005, **other_more),
    )


SHARED = {
    "one hospital, years not printed": pair(HERE, HERE),
    "one hospital, years that meet": pair(
        HERE | {"enrolment": "1990-1999"}, HERE | {"enrolment": "1999-2004"}
    ),
    "one hospital, and one kind of drug": pair(HERE, HERE, other_treatment="sorafenib"),
    "one hospital, and a series of every treatment": pair(
        HERE, HERE, other_treatment="mixed_treatments"
    ),
    "one trial": pair(
        {"citation": {"year": 2001, "trial_registration": "NCT00000001"}},
        {"citation": {"year": 2005, "trial_registration": "NCT00000002, NCT00000001"}},
    ),
    "two authors": pair(
        {"citation": {"year": 2001, "authors": ["Abel AB", "Cain CD", "et al."]}},
        {"citation": {"year": 2005, "authors": ["Cain CD", "Seth S", "Abel AB"]}},
    ),
}
APART = {
    "two hospitals": pair(HERE, {"institutions": ["Another Hospital"]}),
    "years that do not meet": pair(
        HERE | {"enrolment": "1990-1999"}, HERE | {"enrolment": "2000-2004"}
    ),
    "a report before the enrolment of the other": pair(HERE, HERE | {"enrolment": "since 2002"}),
    "another kind of treatment": pair(HERE, HERE, other_treatment="radiotherapy"),
    "an overlap that is declared": pair(
        HERE, HERE | {"overlaps": [{"with": "abel2001", "reason": "same hospital"}]}
    ),
    "an overlap that the earlier report declares": pair(
        HERE | {"overlaps": [{"with": "babel2005", "reason": "same hospital"}]}, HERE
    ),
    "one author in common": pair(
        {"citation": {"year": 2001, "authors": ["Abel AB", "Cain CD", "et al."]}},
        {"citation": {"year": 2005, "authors": ["Cain CD", "et al."]}},
    ),
    "family names alone": pair(
        {"citation": {"year": 2001, "authors": ["Abel", "Cain"]}},
        {"citation": {"year": 2005, "authors": ["Abel", "Cain"]}},
    ),
}


@pytest.mark.parametrize("both", SHARED.values(), ids=SHARED)
def test_reports_that_may_share_patients_are_flagged_in_the_later(both):
    (problem,) = reviewed(*both).warnings
    assert (problem.check, problem.file) == ("same-patients", "babel2005.toml")
    assert problem.field == "overlaps.abel2001"


@pytest.mark.parametrize("both", APART.values(), ids=APART)
def test_reports_that_share_nothing_are_left_alone(both):
    assert warned(*both) == []


def test_a_cohort_that_is_never_pooled_counts_nobody_twice():
    both = pair(HERE, HERE)
    for tables in both:
        tables["cohorts"][0]["not_pooled"] = "selected on the outcome"
    assert warned(*both) == []


def registry_of_hospitals(hospitals, reports):
    """Registry with so many reports of each hospital, all of one treatment."""
    return registry_of(
        *(
            one(arm(), name=f"h{place}r{number}", institutions=[f"Hospital {place}"])
            for place in range(hospitals)
            for number in range(reports)
        )
    )


def looked_at(monkeypatch, registry):
    """How often two studies are compared while the registry is searched, and what is found."""
    compared_pairs = []
    alike = citations._alike
    monkeypatch.setattr(
        citations, "_alike", lambda *pair: compared_pairs.append(pair) or alike(*pair)
    )
    found = citations.suspicions(registry)
    return len(compared_pairs), sum(len(items) for items in found.values())


@pytest.mark.parametrize("hospitals", [10, 40])
def test_only_reports_with_something_in_common_are_compared(monkeypatch, hospitals):
    """Hospitals of three reports each: every report meets the two others, and no more."""
    registry = registry_of_hospitals(hospitals, reports=3)
    assert looked_at(monkeypatch, registry) == (3 * hospitals, 3 * hospitals)


def test_reports_of_one_hospital_whose_years_do_not_meet_are_not_compared(monkeypatch):
    registry = registry_of(
        *(one(arm(), name=f"a{y}", enrolment=f"{y}", **HERE) for y in range(1900, 2000))
    )
    assert looked_at(monkeypatch, registry) == (0, 0)
