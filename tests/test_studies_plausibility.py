"""Every question of a biostatistician has a slip that raises it and a near miss that does not."""

from __future__ import annotations

import re

import golden
import pytest
from registries import (
    NR,
    D,
    alone,
    arm,
    compared,
    counted,
    group,
    hazard,
    interval,
    months,
    noted,
    one,
    ratios,
    registry_of,
    response,
    reviewed,
    stages,
    warned,
)
from small_registry import cohort, landmark, median

from studies.plausibility import NOTES, WARNINGS, citations


def circle(second, third):
    """Describe three arms, the first against the second with a ratio of 0.50, and so on."""
    arms = (cohort(name, n=40) for name in "abc")
    return one(*arms, comparisons=ratios(ab="0.50", bc=second, ac=third))


FLAGGED = [
    alone(survival=[months("166")]),
    alone(survival=[months("5.5", unit="days")]),
    alone(survival=[months("10", unit="years")]),
    alone(survival=[months("0.2", endpoint="pfs")]),
    alone(survival=[months("5.5", follow_up="0.2")]),
    alone(landmarks=[landmark(60, "0.2", unit="years")]),
    one(arm(landmarks=[landmark(10, "0.2", unit="years")]), enrolment="1996-1999"),
    one(arm(survival=[months("9", ci="4 120")]), enrolment="since 1998"),
    alone(survival=[months("7.4", endpoint="pfs"), months("3.1")]),
    alone(survival=[median(NR, endpoint="pfs"), months("3.1")]),
    alone(survival=[months("3.1"), months("5", endpoint="ttp")]),
    alone(survival=[months("9"), months("6", endpoint="dss")]),
    alone(landmarks=[landmark(12, "0.40", endpoint="pfs"), landmark(1, "0.30", unit="years")]),
    alone(survival=[months("6.3", ci="1.8 7.6"), months("3.7", ci="1.8 7.6", endpoint="pfs")]),
    alone(
        survival=[months("6.3", ci="4.1 9.6")],
        subgroups=[group("line", "first", 15, survival=[months("6.3", ci="4.1 9.6")])],
    ),
    # An interquartile range, and a standard error of so many patients.
    interval("3.1", "1.2", "7.6", 300),
    interval("5.0", "1.9", "13.2", 90),
    interval("6.20", "6.15", "6.28", 40),
    interval("6.00", "5.95", "6.05", 400),
    # Limits of a range.
    interval("5.0", "0.1", "48.0", 40),
    interval("7.0", "0.1", NR, 60),
    interval("30.0", "1.0", "59.0", 400),
    # The curve falls from one half to a twentieth within a week.
    alone(survival=[months("11.8")], landmarks=[landmark(12, "0.05")]),
    # Half of the patients die within the first month, and nobody for a year after that.
    alone(n=200, landmarks=[landmark(1, "0.55"), landmark(12, "0.54")]),
    alone(n=159, landmarks=[landmark(60, "0.176", ci="0.145 0.207")]),
    alone(n=500, landmarks=[landmark(12, "0.30", ci="0.10 0.52")]),
    alone(
        n=18,
        landmarks=[landmark(6, "0.611"), landmark(1, "0.222", unit="years")],
        characteristics=[counted("alive beyond 1 year", 3, 18)],
    ),
    alone(landmarks=[landmark(24, "0.10")], characteristics=[counted("alive beyond 2 years", 8)]),
    # Forty patients at risk where the curve leaves thirty.
    alone(n=100, landmarks=[landmark(12, "0.30", at_risk=40, digitised=True)]),
    response(orr_percent="21", evaluable=11),
    response(orr_percent="33.3", responders=9, evaluable=36),
    response(dcr_percent="80", cr=1, pr=4, sd=26, evaluable=42, n=42),
    response(cr=1, pr=4, sd=10, pd=12, evaluable=30),
    response(cr=1, pr=4, sd=10, disease_control=18, evaluable=30),
    alone(
        response={"cr": 0, "pr": 4, "sd": 8, "evaluable": 17},
        characteristics=[counted("disease control", 16, 17)],
    ),
    response(responders=10, evaluable=19, orr_percent="53", orr_ci="45 61"),
    response(orr_percent="55.6", evaluable=36, orr_ci="18.1 72.1"),
    alone(subgroups=[group("stage", "IVB", 25), group("stage", "IVC", 18)]),
    alone(
        histology={"pure": 25, "mixed": 15},
        subgroups=[group("histology", "pure", 24, histology="pure")],
    ),
    alone(survival=[months("8.1")], subgroups=stages("6.0", "3.0")),
    one(
        arm(survival=[months("2.0")]),
        cohort("first", n=30, part_of="arm", survival=[months("6.0")]),
        cohort("second", n=10, part_of="arm", survival=[months("3.0")]),
    ),
    alone(
        landmarks=[landmark(12, "0.10")],
        subgroups=[
            group("stage", "IVB", 22, landmarks=[landmark(12, "0.40")]),
            group("stage", "IVC", 18, landmarks=[landmark(12, "0.20")]),
        ],
    ),
    alone(characteristics=[counted("asphyxiation", 40, 19, "percent", group="died")]),
    alone(histology={"mixed": 12, "mixed_percent": 45}),
    alone(braf_v600e={"tested": 13, "percent": D("18.4")}),
    compared((40, 40), ("4.0", "4.1"), p="0.0000001"),
    compared((300, 300), ("24.0", "3.0"), p="0.8"),
    compared((300, 300), ("24.0", "3.0"), p=">0.1"),
    compared((90, 90), ("4.0", "21.0"), hr="0.30"),
    compared((90, 90), ("4.0", "4.2"), hr="0.10"),
    hazard(hr="0.86", hr_ci="0.52 0.98"),
    hazard(hr="1.16", hr_ci="0.90 1.50", p="0.003"),
    hazard(hr="0.50", hr_ci="0.35 0.71", p="0.20"),
    circle("0.50", "2.0"),
    alone(
        n=20,
        subgroups=[
            group("histology", "pure", 15, histology="pure"),
            group("component", "papillary", 12, histology="mixed"),
        ],
    ),
    one(arm(), year=2002),
    one(arm(), year=2060, name="abel"),
    one(arm(), enrolment="1998-2004"),
]


def test_what_looks_like_a_slip_is_flagged_at_its_field_and_nothing_else_is():
    told = [reviewed(tables).warnings for tables in FLAGGED]
    assert [len(warnings) for warnings in told] == [1] * len(FLAGGED)
    golden.check("warnings", "".join(f"{w.check} at {w}\n" for (w,) in told))
    between_studies = {"same-report", "same-patients"}
    asked = set(WARNINGS)
    assert {warning.check for (warning,) in told} == asked - between_studies


# --- Sentences and acknowledgements --------------------------------------------------------------


def test_the_names_of_checks_are_unique_and_each_says_what_it_asks_and_why():
    names = [*WARNINGS, *NOTES]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name)] == []
    docs = [check.__doc__ for check in (*WARNINGS.values(), *NOTES.values())]
    assert [doc for doc in docs if not re.match(r"Ask [^:]*: .*\.", doc)] == []


def test_a_warning_says_how_it_is_acknowledged_and_is_then_set_apart():
    tables = alone(survival=[months("166")])
    (warning,) = reviewed(tables).warnings
    assert str(warning) == (
        "abel2001.toml, cohorts[0].survival[0].median: found 166 months, expected a median of os "
        "between 1 and 60 months: correct the unit (166 days are 5.5 months), or acknowledge it "
        '(check = "unit-slip", field = "cohorts[0].survival[0].median").'
    )
    tables["acknowledged"] = [
        {"check": warning.check, "field": warning.field, "reason": "as printed"}
    ]
    looked_at = reviewed(tables)
    assert (looked_at.warnings, looked_at.stale) == ((), ())
    assert looked_at.acknowledged == ((warning, "as printed"),)


STALE = [
    *(("unit-slip", "cohorts[0].survival[1].median"), ("citation", "citation.year")),
    *(("unit-slp", "cohorts[0].survival[0].median"), ("one-sided-p", "comparisons[0].p")),
]


def test_an_acknowledgement_that_no_warning_asks_for_is_an_error():
    lines = []
    for check, field in STALE:
        excuse = {"check": check, "field": field, "reason": "so"}
        found = reviewed(one(arm(survival=[months("166")]), acknowledged=[excuse]))
        (problem,) = found.stale
        assert (problem.severity, len(found.warnings)) == ("error", 1)
        lines.append(f"{problem}\n")
    golden.check("stale", "".join(lines))


NOTED = [
    alone(survival=[months("4", iqr="2 7")]),
    alone(survival=[months("9.4", range="0.6 36.3")]),
    alone(survival=[months("1.6", endpoint="ttp")]),
    alone(survival=[months("5.1")], landmarks=[landmark(12, "0.2", endpoint="dss")]),
    hazard(hr="0.86", hr_ci="0.52 1.43", p="0.28", sided=1),
    response(pr=9, cr=0, evaluable=42, n=56),
    alone(disease="squamous"),
    alone(
        subgroups=[
            group("histology", "focal", 9, read_as={"histology": "mixed", "reason": "small"})
        ]
    ),
    alone(not_pooled="a single patient"),
    alone(formed_by={"kind": "frailty", "reason": "too ill to be treated"}),
    alone(caution="selected by age"),
    one(arm(), overlaps=[{"with": "cain1999", "reason": "same hospital"}]),
    one(arm(survival=[months("4")]), status="secondary"),
    alone(survival=[months("4", status="secondary")]),
    interval("3.1", "0.6", "5.5", 23),
    alone(
        landmarks=[landmark(6, "0.40", label="reader"), landmark(12, "0.55", label="committee")],
    ),
]


def test_a_trap_is_noted_and_asks_for_nothing():
    told = [reviewed(tables) for tables in NOTED]
    assert [(len(found.notes), found.warnings) for found in told] == [(1, ())] * len(NOTED)
    notes = [note for found in told for note in found.notes]
    golden.check("notes", "".join(f"{note.check} at {note}\n" for note in notes))
    asked = set(NOTES)
    assert {note.check for note in notes} | {"declared-overlap"} == asked


def test_declared_overlaps_are_noted_on_both_sides_with_whom_they_reach():
    chain = [
        one(arm(), name="abel2001", overlaps=[{"with": "babel2005", "reason": "same"}]),
        one(arm(), name="babel2005", year=2005, overlaps=[{"with": "cain2009", "reason": "same"}]),
        one(arm(), name="cain2009", year=2009),
    ]
    notes = {problem.file: problem.found for problem in reviewed(*chain).notes}
    assert notes == {
        "abel2001.toml": "patients shared with 1 report (babel2005), and through these with 1 more",
        "babel2005.toml": "patients shared with 2 reports (abel2001, cain2009)",
        "cain2009.toml": "patients shared with 1 report (babel2005), and through these with 1 more",
    }
    assert {problem.check for problem in reviewed(*chain).notes} == {"declared-overlap"}


QUIET = {
    "an interval beside the quartiles": alone(survival=[months("4", ci="2.5 6.9", iqr="2 7")]),
    "a time to progression beside progression-free survival": alone(
        survival=[months("1.6", endpoint="ttp"), months("1.5", endpoint="pfs")]
    ),
    "every patient evaluable": response(pr=9, cr=0, evaluable=40),
    "limits that are event times": interval("6.7", "4.7", "13.8", 36),
}


@pytest.mark.parametrize("tables", QUIET.values(), ids=QUIET)
def test_nothing_is_noted_where_there_is_no_trap(tables):
    assert noted(tables) == []


HERE = {"institutions": ["One Hospital"]}


IN_FULL = {"authors": ["Abel A"], "year": 2001, "title": "Outcomes of a drug"}
TRIAL = {"year": 2001, "trial_registration": "NCT00000001", "title": "Interim analysis"}
TWICE = {
    "one DOI": ({"doi": "10.1000/one", "year": 2001}, {}, ["citation.doi"]),
    "author, year and title": (IN_FULL, {}, ["citation.authors"]),
    "another title": (IN_FULL, {"title": "Outcomes of another drug"}, []),
    "one trial, one title": (TRIAL, {"title": "Interim  analysis"}, ["citation.title"]),
    "one trial, two titles": (TRIAL, {"title": "Final analysis"}, []),
}


@pytest.mark.parametrize(("citation", "second", "fields"), TWICE.values(), ids=TWICE)
def test_a_report_entered_twice_is_flagged_in_the_second(citation, second, fields):
    earlier = one(arm(), name="abel2001", citation=citation)
    later = one(arm(), name="abel2001b", citation=citation | second)
    found = reviewed(earlier, later).warnings
    if citation is not TRIAL:  # reports of one trial may share patients too
        assert {w.check for w in found} <= {"same-report"}
    found = [(w.file, w.field) for w in found if w.check == "same-report"]
    assert found == [("abel2001b.toml", field) for field in fields]


def test_ratios_that_belong_together_are_not_flagged():
    assert warned(circle("0.50", "0.25")) == warned(circle("0.50", "0.33")) == []
    assert warned(circle("2.0", "0.9")) == []


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
