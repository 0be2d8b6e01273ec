"""Numbers of best responses are read from what is printed, or refused with their candidates."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import golden
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from studies.figures import histology_sizes, p_range, share_of, years_of
from studies.responses import (
    BestResponses,
    ResponseRefused,
    best_responses,
    counts_that_fit,
    responders,
)
from studies.schema import Cohort, Response, Study


def numbers(found):
    """Complete, responders, with disease control, evaluable."""
    return found.complete, found.responders, found.control, found.evaluable


PRINTED = [
    *(({"responders": 3, "pr": 2, "evaluable": 9}, 12), ({"cr": 0, "pr": 2, "evaluable": 23}, 23)),
    *(({"orr_percent": Decimal("17.4"), "evaluable": 23}, 23), ({"pr": 6, "evaluable": 9}, 9)),
    *(({"cr": 0, "pr": 0}, 26), ({"orr_percent": 10, "evaluable": 200}, None)),
    *(({"orr_percent": 40, "evaluable": 11}, None), ({"cr": 1, "evaluable": 9}, None)),
    *(({"sd": 4, "evaluable": 9}, None), ({"pr": 4}, None)),
    ({"responders": 40, "cr_percent": 1, "evaluable": 200}, 200),
    ({"responders": 3, "cr_percent": 40, "evaluable": 11}, 11),
    ({"responders": 3, "cr": 2, "pr": 2, "evaluable": 11}, 11),
    ({"responders": 2, "pr": 3, "evaluable": 11}, 11),
    ({"pr": 6, "cr_percent": 11, "evaluable": 9}, 9),
    ({"responders": 8, "dcr_percent": 50, "sd_percent": 13, "evaluable": 20}, 20),
    ({"responders": 4, "sd": 8, "disease_control": 9, "evaluable": 17}, 17),
    ({"responders": 4, "disease_control": 3, "evaluable": 17}, 17),
    ({"responders": 4, "sd": 6, "pd": 8, "evaluable": 17}, 17),
    *(({"responders": 2, "evaluable": 23}, 23), ({"responders": 2, "evaluable": 23}, None)),
    *(({"responders": 2}, 23), ({"responders": 2, "ne": 0, "evaluable": 23}, 23)),
    ({"responders": 2, "evaluable": 19}, 20),
    ({"cr": 0, "pr": 9, "sd": 22, "pd": 8, "ne": 3, "evaluable": 42}, 56),
    ({"responders": 2, "ne": 3}, 20),
    ({"cr": 0, "pr": 9, "sd": 22, "pd": 8, "ne": 3, "evaluable": 39}, 42),
    ({"responders": 9, "ne": 3, "evaluable": 42}, 56),
    ({"cr": 1, "pr": 2, "sd": 3, "pd": 4, "evaluable": 10}, 10),
    ({"responders": 3, "evaluable": 10}, 10),
    ({"responders": 3, "pr": 2, "disease_control": 7, "evaluable": 10}, 10),
    *(({"responders": 0, "evaluable": 10}, 10), ({"responders": 4, "evaluable": 4}, 4)),
    ({"orr_percent": 50, "cr_percent": 17, "dcr_percent": 83, "evaluable": 6}, 6),
    ({"orr_percent": 50, "pr_percent": 33, "sd_percent": 33, "evaluable": 6}, 6),
    # Partial responses alone count as all responders, and tell nothing of complete ones.
    *(({"pr": 6, "evaluable": 9}, 9), ({"pr": 6, "sd": 1, "evaluable": 9}, 9)),
    # A printed count goes before a percentage.
    ({"cr": 1, "pr": 1, "sd": 2, "evaluable": 7, "dcr_percent": 58}, 7),
    # All but those who progressed, where it is told who could not be evaluated.
    ({"responders": 2, "pd": 3, "ne": 0, "evaluable": 9}, 9),
    ({"responders": 2, "pd": 3, "ne": 2, "evaluable": 9}, 9),
    ({"responders": 2, "pd": 3, "ne": 2, "evaluable": 9}, 11),
    ({"responders": 2, "pd": 3, "ne": 2, "evaluable": 9}, 20),
    ({"responders": 2, "pd": 3, "evaluable": 9}, 9),
]


def test_what_a_printed_response_determines_and_what_it_does_not():
    lines = []
    for printed, n in PRINTED:
        count, best = (read(Response(**printed), n) for read in (responders, best_responses))
        if isinstance(count, ResponseRefused):
            assert best == count
            lines.append(f"{count.reason} {list(count.candidates)}\n")
            continue
        assert (best.responders, best.evaluable) == (count.responders, count.evaluable)
        assert best.entered_as.startswith(count.derivation)
        assert best.entered_as.endswith(best.note)
        lines.append(f"{numbers(best)} {best.entered_as}\n")
        for part in ("complete", "control"):
            refused = getattr(best, f"{part}_refused")
            assert bool(getattr(best, f"{part}_derivation")) == (getattr(best, part) is not None)
            if refused is not None:
                assert getattr(best, part) is None
                lines.append(f"    {refused.reason} {list(refused.candidates)}\n")
    golden.check("responses", "".join(lines))


@pytest.mark.parametrize("digits", [0, 1])
def test_counts_that_fit_are_those_whose_percentage_rounds_to_the_printed_one(digits):
    step = Fraction(1, 10**digits)
    for of in (1, 3, 7, 23, 36, 105, 150):
        for tenths in range(0, 1001 if digits else 101, 7):
            percent = Decimal(tenths).scaleb(-digits)
            by_hand = tuple(
                count
                for count in range(of + 1)
                if abs(Fraction(100 * count, of) - Fraction(percent)) <= step / 2
            )
            assert tuple(counts_that_fit(percent, of)) == by_hand


def test_without_responders_nothing_is_known():
    response = Response(sd=4, evaluable=9)
    assert best_responses(response) == responders(response)
    assert best_responses(Response(responders=9, evaluable=3)) == ResponseRefused(
        "The 9 responders are more than the 3 evaluable patients."
    )


# Complete, responders, with disease control and evaluable, by hand from the study files.
SHIPPED = {
    ("ain2000", "paclitaxel96h"): (1, 10, None, 19),
    ("anlotinib_chemo2023", "anlotinib_chemo"): (1, 15, 22, 25),  # 88.0 % of 25
    ("capdevila2020", "spartalizumab"): (3, 8, None, 42),
    ("chang2022", "dt"): (None, 9, None, 11),  # 81.8 % of 11, and nothing else
    ("dierks2021", "lenva_pembro_atc"): (4, 4, 5, 6),
    ("fda2018dt", "dt"): (1, 14, None, 23),  # 4 % and 57 % of 23: 1 and 13
    ("higashiyama2022", "lenvatinib"): (1, 5, 31, 42),
    ("hyman2015", "vemurafenib_atc"): (None, 2, 2, 7),
    ("iwasaki2018", "lenvatinib"): (None, 4, 10, 23),  # 17.4 % and 43.5 % of 23
    ("onoda2016", "paclitaxel"): (0, 9, 31, 42),  # 9 + 22 + 8 and 3 not evaluable make 42
    ("savvides2013", "sorafenib"): (0, 2, 7, 20),  # 10 % of 20 are the 2 partial responses
    ("sparano2021", "lenvatinib"): (0, 2, 9, 23),
    ("subbiah2018", "dt"): (1, 11, 14, 16),
    ("takahashi2020", "lenvatinib"): (None, 46, None, 105),
    ("troch2010", "docetaxel_rt"): (4, 6, 6, 6),
    ("wirth2021", "lenvatinib"): (0, 1, 18, 34),  # 2.9 % is the partial response; 52.9 % of 34
}


@pytest.mark.parametrize("name", SHIPPED, ids="-".join)
def test_counts_of_shipped_reports(shipped, name):
    study, cohort = name
    (arm,) = [own for own in shipped.studies[study].cohorts if own.id == cohort]
    assert numbers(best_responses(arm.response, arm.n)) == SHIPPED[name]


def test_no_shipped_report_prints_a_contradiction(shipped):
    whole = [
        best_responses(arm.response, arm.n)
        for study in shipped
        for arm in study.cohorts
        if arm.response is not None
    ]
    found = [own for own in whole if isinstance(own, BestResponses)]
    assert len(found) > 40
    assert [own.complete_refused or own.control_refused for own in found] == [None] * len(found)


# --- Any report ----------------------------------------------------------------------------------

COUNTS = ("cr", "pr", "sd", "pd", "ne", "responders", "disease_control", "evaluable")
PERCENTS = ("orr_percent", "dcr_percent", "cr_percent", "pr_percent", "sd_percent")


@given(
    st.fixed_dictionaries(
        {},
        optional={name: st.integers(0, 12) for name in COUNTS}
        | {name: st.decimals(0, 100, places=1) for name in PERCENTS},
    ),
    st.none() | st.integers(1, 15),
)
def test_whatever_is_printed_the_numbers_are_in_order(printed, n):
    found = best_responses(Response(**printed), n)
    count = responders(Response(**printed), n)
    if isinstance(found, BestResponses):
        assert (found.responders, found.evaluable) == (count.responders, count.evaluable)
        assert found.derivation == count.derivation
        known = [number for number in (0, *numbers(found)) if number is not None]
        assert known == sorted(known)
        assert found.complete is None or found.complete_refused is None
        assert found.control is None or found.control_refused is None
    else:
        assert isinstance(count, ResponseRefused) or count.responders > count.evaluable


@st.composite
def reports(draw):
    """Patients by best response, and some true figures of them."""
    cr, pr, sd, pd, ne = (draw(st.integers(0, 8)) for _ in range(5))
    counts_them = draw(st.booleans())  # whether the denominator holds those not evaluable
    of = cr + pr + sd + pd + (ne if counts_them else 0)
    assume(of > 0)
    n = cr + pr + sd + pd + ne
    true = {"cr": cr, "pr": pr, "sd": sd, "pd": pd, "ne": ne, "evaluable": of}
    true |= {"responders": cr + pr, "disease_control": cr + pr + sd}
    digit = draw(st.sampled_from([Decimal(1), Decimal("0.1")]))
    shares = {"orr": cr + pr, "dcr": cr + pr + sd, "cr": cr, "pr": pr, "sd": sd}
    for name, number in shares.items():
        exact = Decimal(100 * number) / of
        true[f"{name}_percent"] = exact.quantize(digit, rounding=ROUND_HALF_UP)
    chosen = draw(st.sets(st.sampled_from(sorted(true)))) | {"evaluable"}
    return {name: true[name] for name in chosen}, n, (cr, cr + pr, cr + pr + sd, of)


@given(reports())
def test_true_figures_give_the_truth_or_nothing(report):
    printed, n, truth = report
    alone = not {"cr", "responders", "orr_percent"} & set(printed)
    assume(not (alone and "pr" in printed and truth[0] > 0))  # complete responses taken as none
    found = best_responses(Response(**printed), n)
    if isinstance(found, ResponseRefused):
        return
    for number, true in zip(numbers(found), truth, strict=True):
        assert number in (None, true)
    for part, true in (("complete", truth[0]), ("control", truth[2])):
        refused = getattr(found, f"{part}_refused")
        assert refused is None or true in refused.candidates
    everything = {"cr", "pr", "sd"} <= set(printed)
    assert not everything or numbers(found) == truth


@pytest.mark.parametrize(
    ("printed", "allowed"),
    [
        *((Decimal("0.026"), (0.026, 0.026)), ("0.026", (0.026, 0.026))),
        *(("p = 2.6e-2", (0.026, 0.026)), ("<.001", (0.0, 0.001)), ("P<=0.05", (0.0, 0.05))),
        *((">0.05", (0.05, 1.0)), ("≥ 0.4", (0.4, 1.0)), ("Not  significant", (0.05, 1.0))),
        *(("n. s.", None), (None, None)),
    ],
)
def test_a_p_value_is_a_number_a_bound_or_words(printed, allowed):
    assert p_range(printed) == allowed


def arm(**more):
    """Build a cohort with these figures."""
    return Cohort(id="a", treatment="x", treatment_as_printed="x", **more)


@pytest.mark.parametrize(
    ("split", "sizes"),
    [
        ({"mixed": 8, "pure": 15, "assessed": 25}, (8, 15)),
        *(({"mixed": 208, "assessed": 360}, (208, 152)), ({"pure": 15, "assessed": 23}, (8, 15))),
        ({"mixed_percent": Decimal("26.7"), "pure_percent": Decimal("62.5")}, (107, 250)),
        *(({"mixed_percent": 25, "assessed": 80}, (20, 60)), ({"pure_percent": 25}, (300, 100))),
        *(({"mixed": 8}, None), ({"other": {"focal": 3}}, None), (None, None)),
    ],
)
def test_the_numbers_of_mixed_and_pure_patients_follow_from_what_is_printed(split, sizes):
    assert histology_sizes(arm(n=400, histology=split)) == sizes


def test_percentages_of_an_unknown_number_tell_no_sizes():
    assert histology_sizes(arm(histology={"mixed_percent": 25})) is None


def test_a_share_is_what_the_first_figure_of_the_whole_cohort_tells():
    printed = [
        {"name": "stage IVC", "statistic": "count", "value": 9, "group": "operated"},
        {"name": "stage IVC", "statistic": "text", "value": "most"},
        {"name": "stage IVC", "statistic": "count", "value": 21, "of": 30},
        {"name": "female", "statistic": "percent", "value": Decimal("66.7")},
        {"name": "resected", "statistic": "count", "value": 10},
        {"name": "age", "statistic": "median", "value": 66},
    ]
    shares = {name: share_of(arm(n=40, characteristics=printed), name) for name in NAMES}
    assert shares == {"stage IVC": 0.7, "female": 0.667, "resected": 0.25, "age": None, "x": None}
    assert share_of(arm(characteristics=printed), "resected") is None


NAMES = ("stage IVC", "female", "resected", "age", "x")


@pytest.mark.parametrize(
    ("enrolment", "years"),
    [
        *(("2010-2020", (2010, 2020)), ("3 Aug 2017-7 Jul 2021", (2017, 2021))),
        *(("2012-Mar 2014 (71 enrolled at 28 institutes)", (2012, 2014)), ("2015", (2015, 2015))),
        *(("since 2008", None), (None, None)),
    ],
)
def test_the_years_of_enrolment_have_four_digits(enrolment, years):
    study = Study(id="a", citation={}, status="verified", cohorts=[arm()], enrolment=enrolment)
    assert years_of(study) == years


@pytest.mark.parametrize(
    ("place", "name", "share"),
    [
        *(("fan2020:rt", "stage IVC", 31 / 104), ("bible2012:pazopanib", "stage IVC", 14 / 15)),
        *(("ahn2017:atc", "stage IVC", 0.417), ("tahara2017:lenvatinib", "resected", 14 / 17)),
        *(("smallridge2013:all", "female", 10 / 15), ("sparano2021:lenvatinib", "stage IVC", None)),
    ],
)
def test_stage_resection_and_sex_of_shipped_cohorts_are_found_by_name(shipped, place, name, share):
    study, cohort = place.split(":")
    (found,) = [own for own in shipped.study(study).cohorts if own.id == cohort]
    assert share_of(found, name) == share
