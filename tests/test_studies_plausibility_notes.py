"""Every trap is noted, and asks for nothing."""

from __future__ import annotations

import pytest
from plausible_registry import (
    SURVIVAL,
    D,
    arm,
    group,
    hazard,
    interval,
    months,
    noted,
    one,
    response,
    reviewed,
    warned,
)
from small_registry import landmark

from studies.plausibility import CHECKS

NOTED = [
    ("iqr-not-interval", f"{SURVIVAL}.iqr", one(arm(survival=[months("4", iqr=[D(2), D(7)])]))),
    (
        "iqr-not-interval",
        f"{SURVIVAL}.range",
        one(arm(survival=[months("9.4", range=[D("0.6"), D("36.3")])])),
    ),
    ("other-endpoint", f"{SURVIVAL}.endpoint", one(arm(survival=[months("1.6", endpoint="ttp")]))),
    (
        "other-endpoint",
        "cohorts[0].landmarks[0].endpoint",
        one(arm(survival=[months("5.1")], landmarks=[landmark(12, D("0.2"), endpoint="dss")])),
    ),
    (
        "one-sided-p",
        "comparisons[0].p",
        hazard(hr=D("0.86"), hr_ci=[D("0.52"), D("1.43")], p=D("0.28"), sided=1),
    ),
    (
        "evaluable-below-treated",
        "cohorts[0].response.evaluable",
        response(pr=9, cr=0, evaluable=42, n=56),
    ),
    ("other-disease", "cohorts[0].disease", one(arm(disease="squamous"))),
    (
        "read-as",
        "cohorts[0].subgroups[0].read_as",
        one(
            arm(
                subgroups=[
                    group(
                        "histology", "focal", 9, read_as={"histology": "mixed", "reason": "small"}
                    )
                ]
            )
        ),
    ),
    ("selected-patients", "cohorts[0].not_pooled", one(arm(not_pooled="immortal time"))),
    ("selected-patients", "cohorts[0].caution", one(arm(caution="selected by age"))),
    (
        "unresolved-overlap",
        "overlaps[0].with",
        one(arm(), overlaps=[{"with": "cain1999", "reason": "same hospital"}]),
    ),
    ("secondary-figures", "status", one(arm(survival=[months("4")]), status="secondary")),
    ("secondary-figures", "status", one(arm(survival=[months("4", status="secondary")]))),
    ("symmetric-interval", f"{SURVIVAL}.ci", interval("3.1", "0.6", "5.5", 23)),
]


@pytest.mark.parametrize(("check", "field", "tables"), NOTED)
def test_a_trap_is_noted_and_asks_for_nothing(check, field, tables):
    assert noted(tables) == [(check, field)]
    assert warned(tables) == []


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


def test_every_note_is_among_these_examples():
    asked = {check.name for check in CHECKS if check.severity == "note"}
    assert {check for check, _, _ in NOTED} | {"declared-overlap"} == asked


QUIET = {
    "an interval beside the quartiles": one(
        arm(survival=[months("4", ci=[D("2.5"), D("6.9")], iqr=[D(2), D(7)])])
    ),
    "a time to progression beside progression-free survival": one(
        arm(survival=[months("1.6", endpoint="ttp"), months("1.5", endpoint="pfs")])
    ),
    "every patient evaluable": response(pr=9, cr=0, evaluable=40),
    "limits that are event times": interval("6.7", "4.7", "13.8", 36),
}


@pytest.mark.parametrize("tables", QUIET.values(), ids=QUIET)
def test_nothing_is_noted_where_there_is_no_trap(tables):
    assert noted(tables) == []
