"""A number of responders is read from what is printed, or refused with its candidates."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from studies.responders import ResponseCount, ResponseRefused, counts_that_fit, responders
from studies.schema import Response


@pytest.mark.parametrize(
    ("printed", "n", "count", "evaluable", "derivation"),
    [
        ({"responders": 3, "pr": 2, "evaluable": 9}, 12, 3, 9, "responders as printed"),
        ({"cr": 0, "pr": 2, "evaluable": 23}, 23, 2, 23, "0 complete + 2 partial responses"),
        (
            {"orr_percent": Decimal("17.4"), "evaluable": 23},
            23,
            4,
            23,
            "4 is the only count of 23 that rounds to 17.4 %",
        ),
        (
            {"pr": 6, "evaluable": 9},
            9,
            6,
            9,
            "complete responses not printed, taken as none",
        ),
        (
            {"cr": 0, "pr": 0},
            26,
            0,
            26,
            "0 complete + 0 partial responses; number evaluable not printed, the 26 patients of "
            "the cohort taken",
        ),
    ],
)
def test_responders_are_found_in_the_declared_order(printed, n, count, evaluable, derivation):
    assert responders(Response(**printed), n) == ResponseCount(count, evaluable, derivation)


@pytest.mark.parametrize(
    ("printed", "reason", "candidates"),
    [
        (
            {"orr_percent": 10, "evaluable": 200},
            "The printed response rate of 10 % fits more than one number of the 200 patients: 19, "
            "20, 21.",
            (19, 20, 21),
        ),
        (
            {"orr_percent": 40, "evaluable": 11},
            "The printed response rate of 40 % fits no whole number of the 11 patients; the "
            "nearest are 4/11 = 36.4 % and 5/11 = 45.5 %.",
            (),
        ),
        ({"cr": 1, "evaluable": 9}, "Complete responses are printed, but not partial ones.", ()),
        (
            {"sd": 4, "evaluable": 9},
            "Neither a number of responders nor a response rate is printed.",
            (),
        ),
        (
            {"pr": 4},
            "Neither the number of evaluable patients nor that of the cohort is printed.",
            (),
        ),
    ],
)
def test_a_response_that_is_no_count_is_refused_with_the_candidates(printed, reason, candidates):
    assert responders(Response(**printed)) == ResponseRefused(reason, candidates)


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
            assert counts_that_fit(percent, of) == by_hand
