"""Every check flags what it is there for, and says what to do about it."""

from __future__ import annotations

import re

import pytest
from plausible_registry import (
    NR,
    SURVIVAL,
    D,
    arm,
    compared,
    counted,
    group,
    hazard,
    interval,
    months,
    one,
    response,
    reviewed,
    vocabulary,
    warned,
)
from small_registry import cohort, landmark, median

from studies.plausibility import CHECKS

FLAGGED = [
    ("unit-slip", f"{SURVIVAL}.median", one(arm(survival=[months("166")]))),
    ("unit-slip", f"{SURVIVAL}.median", one(arm(survival=[months("5.5", unit="days")]))),
    ("unit-slip", f"{SURVIVAL}.median", one(arm(survival=[months("10", unit="years")]))),
    ("unit-slip", f"{SURVIVAL}.median", one(arm(survival=[months("0.2", endpoint="pfs")]))),
    ("unit-slip", f"{SURVIVAL}.follow_up", one(arm(survival=[months("5.5", follow_up=D("0.2"))]))),
    (
        "unit-slip",
        "cohorts[0].landmarks[0].time",
        one(arm(landmarks=[landmark(60, D("0.2"), unit="years")])),
    ),
    (
        "unit-slip",
        "cohorts[0].landmarks[0].time",
        one(arm(landmarks=[landmark(10, D("0.2"), unit="years")]), enrolment="1996-1999"),
    ),
    (
        "unit-slip",
        f"{SURVIVAL}.ci",
        one(arm(survival=[months("9", ci=[D(4), D(120)])]), enrolment="since 1998"),
    ),
    (
        "endpoint-order",
        f"{SURVIVAL}.median",
        one(arm(survival=[months("7.4", endpoint="pfs"), months("3.1")])),
    ),
    (
        "endpoint-order",
        f"{SURVIVAL}.median",
        one(arm(survival=[median(NR, endpoint="pfs"), months("3.1")])),
    ),
    (
        "endpoint-order",
        "cohorts[0].survival[1].median",
        one(arm(survival=[months("3.1"), months("5", endpoint="ttp")])),
    ),
    (
        "endpoint-order",
        f"{SURVIVAL}.median",
        one(arm(survival=[months("9"), months("6", endpoint="dss")])),
    ),
    (
        "endpoint-order",
        "cohorts[0].landmarks[0].survival",
        one(
            arm(
                landmarks=[
                    landmark(12, D("0.40"), endpoint="pfs"),
                    landmark(1, D("0.30"), unit="years"),
                ]
            )
        ),
    ),
    (
        "repeated-figure",
        "cohorts[0].survival[1].ci",
        one(
            arm(
                survival=[
                    months("6.3", ci=[D("1.8"), D("7.6")]),
                    months("3.7", ci=[D("1.8"), D("7.6")], endpoint="pfs"),
                ]
            )
        ),
    ),
    (
        "repeated-figure",
        "cohorts[0].subgroups[0].survival[0].ci",
        one(
            arm(
                survival=[months("6.3", ci=[D("4.1"), D("9.6")])],
                subgroups=[
                    group("line", "first", 15, survival=[months("6.3", ci=[D("4.1"), D("9.6")])])
                ],
            )
        ),
    ),
    # An interquartile range, and a standard error of so many patients.
    ("interval-width", f"{SURVIVAL}.ci", interval("3.1", "1.2", "7.6", 300)),
    ("interval-width", f"{SURVIVAL}.ci", interval("6.20", "6.15", "6.28", 40)),
    ("interval-width", f"{SURVIVAL}.ci", interval("6.00", "5.95", "6.05", 400)),
    # Limits of a range.
    ("interval-width", f"{SURVIVAL}.ci", interval("5.0", "0.1", "48.0", 40)),
    ("interval-width", f"{SURVIVAL}.ci", interval("7.0", "0.1", NR, 60)),
    ("interval-width", f"{SURVIVAL}.ci", interval("30.0", "1.0", "59.0", 400)),
    # The curve falls from one half to a twentieth within a week.
    (
        "landmark-median",
        "cohorts[0].landmarks[0].survival",
        one(arm(survival=[months("11.8")], landmarks=[landmark(12, D("0.05"))])),
    ),
    # Half of the patients die within the first month, and nobody for a year after that.
    (
        "landmark-median",
        "cohorts[0].landmarks[1].survival",
        one(arm(n=200, landmarks=[landmark(1, D("0.55")), landmark(12, D("0.54"))])),
    ),
    (
        "landmark-interval",
        "cohorts[0].landmarks[0].ci",
        one(arm(n=159, landmarks=[landmark(60, D("0.176"), ci=[D("0.145"), D("0.207")])])),
    ),
    (
        "landmark-interval",
        "cohorts[0].landmarks[0].ci",
        one(arm(n=500, landmarks=[landmark(12, D("0.30"), ci=[D("0.10"), D("0.52")])])),
    ),
    (
        "landmark-count",
        "cohorts[0].landmarks[1].survival",
        one(
            arm(
                n=18,
                landmarks=[landmark(6, D("0.611")), landmark(1, D("0.222"), unit="years")],
                characteristics=[counted("alive beyond 1 year", 3, 18)],
            )
        ),
    ),
    (
        "landmark-count",
        "cohorts[0].landmarks[0].survival",
        one(
            arm(
                landmarks=[landmark(24, D("0.10"))],
                characteristics=[counted("alive beyond 2 years", 8)],
            )
        ),
    ),
    # Forty patients at risk where the curve leaves thirty.
    (
        "landmark-count",
        "cohorts[0].landmarks[0].at_risk",
        one(arm(n=100, landmarks=[landmark(12, D("0.30"), at_risk=40, digitised=True)])),
    ),
    (
        "response-rate",
        "cohorts[0].response.orr_percent",
        response(orr_percent=D("21"), evaluable=11),
    ),
    (
        "response-rate",
        "cohorts[0].response.orr_percent",
        response(orr_percent=D("33.3"), responders=9, evaluable=36),
    ),
    (
        "response-rate",
        "cohorts[0].response.dcr_percent",
        response(dcr_percent=D("80"), cr=1, pr=4, sd=26, evaluable=42, n=42),
    ),
    ("response-sum", "cohorts[0].response", response(cr=1, pr=4, sd=10, pd=12, evaluable=30)),
    (
        "response-sum",
        "cohorts[0].response.disease_control",
        response(cr=1, pr=4, sd=10, disease_control=18, evaluable=30),
    ),
    (
        "response-sum",
        "cohorts[0].characteristics[0].value",
        one(
            arm(
                response={"cr": 0, "pr": 4, "sd": 8, "evaluable": 17},
                characteristics=[counted("disease control", 16, 17)],
            )
        ),
    ),
    (
        "orr-interval",
        "cohorts[0].response.orr_ci",
        response(responders=10, evaluable=19, orr_percent=D("53"), orr_ci=[D(45), D(61)]),
    ),
    (
        "orr-interval",
        "cohorts[0].response.orr_ci",
        response(orr_percent=D("55.6"), evaluable=36, orr_ci=[D("18.1"), D("72.1")]),
    ),
    (
        "subgroup-sizes",
        "cohorts[0].subgroups[0].n",
        one(arm(subgroups=[group("stage", "IVB", 25), group("stage", "IVC", 18)])),
    ),
    (
        "subgroup-sizes",
        "cohorts[0].subgroups[0].n",
        one(
            arm(
                histology={"pure": 25, "mixed": 15},
                subgroups=[group("histology", "pure", 24, histology="pure")],
            )
        ),
    ),
    (
        "subgroup-medians",
        f"{SURVIVAL}.median",
        one(
            arm(
                survival=[months("8.1")],
                subgroups=[
                    group("stage", "IVB", 22, survival=[months("6.0")]),
                    group("stage", "IVC", 18, survival=[months("3.0")]),
                ],
            )
        ),
    ),
    (
        "subgroup-medians",
        f"{SURVIVAL}.median",
        one(
            arm(survival=[months("2.0")]),
            cohort("first", n=30, part_of="arm", survival=[months("6.0")]),
            cohort("second", n=10, part_of="arm", survival=[months("3.0")]),
        ),
    ),
    (
        "subgroup-medians",
        "cohorts[0].landmarks[0].survival",
        one(
            arm(
                landmarks=[landmark(12, D("0.10"))],
                subgroups=[
                    group("stage", "IVB", 22, landmarks=[landmark(12, D("0.40"))]),
                    group("stage", "IVC", 18, landmarks=[landmark(12, D("0.20"))]),
                ],
            )
        ),
    ),
    (
        "printed-share",
        "cohorts[0].characteristics[0].value",
        one(arm(characteristics=[counted("asphyxiation", 40, 19, "percent", group="died")])),
    ),
    (
        "printed-share",
        "cohorts[0].histology.mixed_percent",
        one(arm(histology={"mixed": 12, "mixed_percent": 45})),
    ),
    (
        "printed-share",
        "cohorts[0].braf_v600e.percent",
        one(arm(braf_v600e={"tested": 13, "percent": D("18.4")})),
    ),
    ("p-value", "comparisons[0].p", compared((40, 40), ("4.0", "4.1"), p=D("0.0000001"))),
    ("p-value", "comparisons[0].p", compared((300, 300), ("24.0", "3.0"), p=D("0.8"))),
    ("p-value", "comparisons[0].p", compared((300, 300), ("24.0", "3.0"), p=">0.1")),
    ("p-value", "comparisons[0].hr", compared((90, 90), ("4.0", "21.0"), hr=D("0.30"))),
    ("p-value", "comparisons[0].hr", compared((90, 90), ("4.0", "4.2"), hr=D("0.10"))),
    ("hazard-ratio", "comparisons[0].hr_ci", hazard(hr=D("0.86"), hr_ci=[D("0.52"), D("0.98")])),
    (
        "hazard-ratio",
        "comparisons[0].p",
        hazard(hr=D("1.16"), hr_ci=[D("0.90"), D("1.50")], p=D("0.003")),
    ),
    (
        "hazard-ratio",
        "comparisons[0].p",
        hazard(hr=D("0.50"), hr_ci=[D("0.35"), D("0.71")], p=D("0.20")),
    ),
    ("citation", "citation.year", one(arm(), year=2002)),
    ("citation", "citation.year", one(arm(), year=2060, name="abel")),
    ("citation", "enrolment", one(arm(), enrolment="1998-2004")),
]


@pytest.mark.parametrize(("check", "field", "tables"), FLAGGED)
def test_what_looks_like_a_slip_is_flagged_at_its_field(check, field, tables):
    assert warned(tables) == [(check, field)]


def test_every_warning_about_one_study_is_among_these_examples():
    between_studies = {"same-report", "same-patients"}
    asked = {check.name for check in CHECKS if check.severity == "warning"}
    assert {check for check, _, _ in FLAGGED} == asked - between_studies


# --- Sentences and acknowledgements --------------------------------------------------------------


def test_the_names_of_checks_are_unique_and_each_says_what_it_asks_and_why():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name)] == []
    assert [check.name for check in CHECKS if not check.question.endswith("?")] == []
    assert [check.name for check in CHECKS if not check.reason.endswith(".")] == []


def test_a_warning_says_how_it_is_acknowledged_and_is_then_set_apart():
    tables = one(arm(survival=[months("166")]))
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
    (
        {"check": "unit-slip", "field": "cohorts[0].survival[1].median"},
        "expected a field at which that check warns (one of cohorts[0].survival[0].median)",
    ),
    ({"check": "citation", "field": "citation.year"}, "expected a warning of that check"),
    ({"check": "unit-slp", "field": "cohorts[0].survival[0].median"}, 'write "unit-slip"'),
    ({"check": "one-sided-p", "field": "comparisons[0].p"}, "expected a check that warns"),
]


@pytest.mark.parametrize(("wrong", "sentence"), STALE)
def test_an_acknowledgement_that_no_warning_asks_for_is_an_error(wrong, sentence):
    tables = one(arm(survival=[months("166")]), acknowledged=[wrong | {"reason": "so"}])
    found = reviewed(tables)
    (problem,) = found.stale
    assert (problem.severity, problem.field) == ("error", "acknowledged[0]")
    assert sentence in str(problem)
    assert len(found.warnings) == 1


def test_the_usual_medians_are_those_of_the_vocabulary():
    usual = {item.id: item.usual_median_months for item in vocabulary().endpoints}
    assert usual["os"] == (1, 60)
    assert usual["pfs"] == (D("0.5"), 36)
