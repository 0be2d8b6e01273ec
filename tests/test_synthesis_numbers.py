"""How numbers are written: once, everywhere alike."""

import math
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from synthesis import numbers


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (numbers.months, 4.449, "4.4"),
        (numbers.months, 99.94, "99.9"),
        (numbers.months, 99.96, "100"),
        (numbers.months, -0.04, "0.0"),
        (numbers.months, -1.25, "−1.2"),
        (numbers.percent, 0.524, "52"),
        (numbers.percent, 0.004, "0.4"),
        (numbers.percent, 0.0, "0"),
        (numbers.points, -0.004, "0"),
        (numbers.points, -0.126, "−13"),
        (numbers.printed_p, Decimal("0.026"), "p = 0.026"),
        (numbers.printed_p, "<.001", "p <.001"),
        (numbers.printed_p, "not significant", "not significant"),
        (numbers.printed_p, "", ""),
        (numbers.ratio, 1.625, "1.62"),
        (numbers.ratio, 9.996, "10.0"),
        (numbers.chance, 0.996, ">0.99"),
        (numbers.chance, 0.004, "<0.01"),
        (numbers.chance, 0.8, "0.80"),
        (numbers.chance, math.nan, "–"),
    ],
)
def test_one_number(write, value, text):
    assert write(value) == text


def test_intervals_join_their_limits_so_that_a_minus_is_no_dash():
    assert numbers.interval(1.62, 0.94, 2.84, numbers.ratio) == "1.62 (0.94–2.84)"
    assert numbers.interval(1.7, -0.3, 3.3, numbers.months) == "1.7 (−0.3 to 3.3)"
    assert numbers.interval(4.0, 2.0, math.inf, numbers.months) == "4.0 (2.0 to –)"
    assert numbers.interval(4.0, None, math.nan, numbers.months) == "4.0"
    assert numbers.interval(pd.NA, 1, 2, numbers.months) == "–"


@pytest.mark.parametrize("kind", [dict, pd.Series, lambda cells: SimpleNamespace(**cells)])
def test_an_estimate_is_read_from_any_kind_of_row(kind):
    named = {"after": 3.0, "after_lower": 2.0, "after_upper": 4.0}
    row = kind({"estimate": 1.62, "lower": 0.94, "upper": 2.84} | named)
    assert numbers.written(row, numbers.ratio) == "1.62 (0.94–2.84)"
    assert numbers.written(row, numbers.months, "after") == "3.0 (2.0–4.0)"


def test_counted_nouns_have_their_plural():
    assert numbers.count(1, "cohort") == "1 cohort"
    assert numbers.count(1204, "patient") == "1,204 patients"
    assert numbers.count(2, "study") == "2 studies"
    assert numbers.count(0, "day") == "0 days"


def test_words_in_a_row():
    assert numbers.listed([]) == ""
    assert numbers.listed(["a"]) == "a"
    assert numbers.listed(["a", "b", "c"]) == "a, b and c"
    assert numbers.listed(["a", "b"], "or") == "a or b"


def test_labels_within_a_sentence_keep_abbreviations():
    assert numbers.in_sentence("Lenvatinib") == "lenvatinib"
    assert numbers.in_sentence("BRAF inhibitor") == "BRAF inhibitor"
    assert numbers.capitalised("overall survival") == "Overall survival"


def test_any_value_of_a_table():
    assert numbers.value(None) == numbers.value(np.nan) == numbers.value("") == "–"
    assert numbers.value(3.0) == "3"
    assert numbers.value(-0.12345) == "−0.1235"
    assert numbers.value(True) == "yes"
    assert numbers.value({"sd": 0.5, "df": 4}) == "sd: 0.5; df: 4"
    assert numbers.value(["a", 2]) == "a, 2"


def test_the_size_of_a_treatment_is_said_one_way():
    assert numbers.patients(1280) == "1,280"
    assert numbers.size(8, 1280) == "8 (1,280)"
    assert numbers.size_words(1, 31) == "1 cohort, 31 patients"
    assert numbers.patients(0) == "0"
    # known from adjusted hazard ratios alone
    assert numbers.patients(0, 2023) == "2,023 (adjusted)"
    assert numbers.size(2, 0, 2023) == "2 (2,023 adjusted)"
    assert numbers.size_words(2, 0, 2023) == "2 reports, 2,023 patients (adjusted)"
