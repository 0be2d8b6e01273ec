"""What only comes near a slip is not flagged."""

from __future__ import annotations

import pytest
from registries import (
    NR,
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
    warned,
)
from small_registry import landmark

SOUND = {
    "days are a usual unit": one(arm(survival=[months("166", unit="days")])),
    "a median at the end of the usual range": one(arm(survival=[months("60")])),
    "a year at which rounding may cross the range": one(arm(survival=[months("1")])),
    "the other disease has another survival": one(
        arm(disease="DTC", not_pooled="differentiated", survival=[months("138")])
    ),
    "the last patients of an enrolment are followed to the report": one(
        arm(landmarks=[landmark(5, D("0.2"), unit="years")]), enrolment="1996-1999"
    ),
    "progression at the time of death": one(
        arm(survival=[months("3.1", endpoint="pfs"), months("3.1")])
    ),
    "progression later by rounding alone": one(
        arm(survival=[months("3.1", endpoint="pfs"), months("3")])
    ),
    "two assessors of one endpoint": one(
        arm(survival=[months("3.1", label="central"), months("3.4", label="local")])
    ),
    "landmarks that differ by rounding": one(
        arm(landmarks=[landmark(12, D("0.80")), landmark(12, D("0.81"), endpoint="pfs")])
    ),
    "the same interval and median for two endpoints": one(
        arm(
            survival=[
                months("3.7", ci=[D("1.8"), D("7.6")]),
                months("3.7", ci=[D("1.8"), D("7.6")], endpoint="pfs"),
            ]
        )
    ),
    "an interval of 36 patients": interval("6.7", "4.7", "13.8", 36),
    "an interval of nine patients": interval("3.6", "0.3", "12.17", 9),
    "five patients, of whom an interval tells nothing": interval("5.0", "0.3", "48.0", 5),
    "an interval without an upper limit": interval("14.2", "4.7", NR, 17),
    "a symmetric interval of few patients": interval("3.1", "0.6", "5.5", 23),
    "a symmetric interval that is said to be so": interval(
        "3.1", "0.1", "6.1", 23, ci_method="symmetric"
    ),
    "an interval whose few events are printed": interval("30.0", "5.0", "54.0", 90, events=12),
    "whole months": interval("4", "3", "5", 60),
    "an interval of 90 percent": interval("6.7", "5.0", "9.9", 56, level=D("0.90")),
    "a late survivor": one(
        arm(survival=[months("5.0")], landmarks=[landmark(12, D("0.20")), landmark(60, D("0.18"))])
    ),
    "a step of three patients at the median": one(
        arm(n=18, survival=[months("11.8")], landmarks=[landmark(12, D("0.39"))])
    ),
    "few at risk by the printed events": one(
        arm(n=23, survival=[months("35.8", events=10)], landmarks=[landmark(36, D("0.358"))])
    ),
    "a 95 % interval of a survival": one(
        arm(n=42, landmarks=[landmark(12, D("0.119"), ci=[D("0.044"), D("0.236")])])
    ),
    "an interval widened by censoring": one(
        arm(n=36, landmarks=[landmark(36, D("0.171"), ci=[D("0.01"), D("0.42")])])
    ),
    "fewer survivors counted than the curve has, by censoring": one(
        arm(
            n=547,
            landmarks=[landmark(12, D("0.18"))],
            characteristics=[counted("alive beyond 1 year", 84)],
        )
    ),
    "at risk are the survivors, and those whose event ties with the time": one(
        arm(n=100, landmarks=[landmark(12, D("0.30"), at_risk=33)])
    ),
    "few at risk are what censoring leaves": one(
        arm(n=100, landmarks=[landmark(12, D("0.30"), at_risk=3)])
    ),
    "a curve read off a little too high": one(
        arm(n=100, landmarks=[landmark(12, D("0.30"), at_risk=38, digitised=True)])
    ),
    "survivors of a part of the arm": one(
        arm(
            n=18,
            landmarks=[landmark(12, D("0.222"))],
            characteristics=[counted("alive beyond 1 year", 1, group="stage IVC")],
        )
    ),
    "a rate that is cut off instead of rounded": response(
        responders=2, evaluable=7, orr_percent=D("28")
    ),
    "a rate of the evaluable": response(orr_percent=D("21"), pr=9, cr=0, evaluable=42, n=56),
    "not evaluable patients outside the denominator": response(
        cr=0, pr=9, sd=22, pd=8, ne=3, evaluable=39, n=42
    ),
    "not evaluable patients inside the denominator": response(
        cr=0, pr=9, sd=22, pd=8, ne=3, evaluable=42, n=56
    ),
    "the exact interval": response(
        responders=10, evaluable=19, orr_percent=D("53"), orr_ci=[D(29), D(76)]
    ),
    "Wilson's interval": response(
        responders=10, evaluable=19, orr_percent=D("53"), orr_ci=[D("31.7"), D("72.7")]
    ),
    "groups with a few patients left out": one(
        arm(subgroups=[group("stage", "IVB", 20), group("stage", "IVC", 18)])
    ),
    "groups of different factors": one(
        arm(subgroups=[group("stage", "IVB", 25), group("sex", "male", 18)])
    ),
    "a whole that has the median of one of its parts": one(
        arm(
            survival=[months("6.0")],
            subgroups=[
                group("stage", "IVB", 22, survival=[months("6.0")]),
                group("stage", "IVC", 18, survival=[months("3.0")]),
            ],
        )
    ),
    "groups that are a part of the cohort": one(
        arm(
            survival=[months("8.1")],
            subgroups=[
                group("stage", "IVB", 12, survival=[months("6.0")]),
                group("stage", "IVC", 18, survival=[months("3.0")]),
            ],
        )
    ),
    "a share of all patients": one(
        arm(characteristics=[counted("asphyxiation", 40, 20, "percent")])
    ),
    "medians of the seed study and its p value": compared((8, 15), ("6.3", "2.7"), p=D("0.026")),
    "a small p value of large groups": compared((400, 400), ("5.0", "4.0"), p="<0.001"),
    "a p value of one time point": compared(
        (40, 40), ("4.0", "4.1"), p=D("0.0001"), text="at 5 years"
    ),
    "an adjusted p value": compared((40, 40), ("4.0", "4.1"), p=D("0.0001"), adjusted=True),
    "medians and hazard ratio of crossing curves": compared(
        (36, 35), ("5.7", "7.3"), hr=D("0.86"), hr_ci=[D("0.52"), D("1.43")], p=D("0.28"), sided=1
    ),
    "a hazard ratio with its interval and p value": hazard(
        hr=D("0.24"), hr_ci=[D("0.08"), D("0.73")], p=D("0.006")
    ),
    "a hazard ratio with a coarse lower limit": hazard(
        hr=D("0.11"), hr_ci=[D("0.01"), D("0.83")], p=D("0.009")
    ),
    "an upper limit that is not reached": hazard(hr=D("3.1"), hr_ci=[D("1.1"), NR], p=D("0.03")),
    "an identifier without a year": one(arm(), name="series1769", year=2004),
    "enrolment to the year of the report": one(arm(), enrolment="Apr 1999 to 2001-03"),
    "no year at all": one(arm(), name="abel", year=None, enrolment="1999-2010"),
}


@pytest.mark.parametrize("tables", SOUND.values(), ids=SOUND)
def test_what_only_comes_near_is_not_flagged(tables):
    assert warned(tables) == []
