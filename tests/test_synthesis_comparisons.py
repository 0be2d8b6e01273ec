"""Printed comparisons of two groups: what they say, and why some say nothing."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from studies import load_registry
from studies.schema import Comparison
from synthesis.model.records import find_comparison

# Closed forms in floating point: rounding only. Deviates are written to ten digits.
EXACT, TO_TEN_DIGITS = 1e-12, 1e-8
Z95 = 1.959963984540054

FIRST, SECOND, SIZES = {"mixed", "with foci"}, {"pure"}, (8, 15)
VARIANCE = 1 / 8 + 1 / 15


def printed(**fields):
    """A printed comparison of overall survival of the two groups."""
    figures = {name: figure(value) for name, value in fields.items()}
    return Comparison(**{"endpoint": "os", "groups": ("mixed", "pure")} | figures)


def figure(value):
    """A figure as the file would hold it: what looks like a number is one."""
    if isinstance(value, tuple):
        return tuple(map(figure, value))
    try:
        return Decimal(value) if isinstance(value, str) else value
    except ArithmeticError:
        return value


def read(*comparisons, longer=True, **more):
    return find_comparison(comparisons, "os", FIRST, SECOND, SIZES, longer, **more)


# --- P values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sided", "p", "z"),
    [
        (2, "0.05", 1.9599639845),
        (1, "0.05", 1.6448536270),
        (2, "0.5", 0.6744897502),
        (2, "1", 0.0),
        # One-sided and beyond one half: the groups differ the other way than was tested for.
        (1, "0.95", 1.6448536270),
        (1, "0.5", 0.0),
    ],
)
@pytest.mark.parametrize("longer", [True, False])
def test_a_p_value_is_a_log_hazard_ratio_of_so_many_patients(sided, p, z, longer):
    found = read(printed(p=p, sided=sided, test="log-rank"), longer=longer)
    sign = -1.0 if longer else 1.0
    assert found.estimate == pytest.approx(sign * z * math.sqrt(VARIANCE), rel=TO_TEN_DIGITS)
    assert found.variance == pytest.approx(VARIANCE, rel=EXACT)
    assert (found.kind, found.share) == ("p", 8 / 23)
    words = f"log-rank p = {p}{' (one-sided)' if sided == 1 else ''} given the medians"
    assert found.entered_as == f"{words}, either sign"
    assert found.either_sign


def test_printed_events_go_before_the_patients():
    found = read(printed(p="0.026"), events=(6, None))
    assert found.variance == pytest.approx(1 / 6 + 1 / 15, rel=EXACT)
    z = 2.2262117693  # of a two-sided p of 0.026
    assert found.estimate == pytest.approx(-z * math.sqrt(1 / 6 + 1 / 15), rel=TO_TEN_DIGITS)
    assert found.share == 8 / 23


def test_a_test_without_a_name_is_taken_as_log_rank_and_says_so():
    assert read(printed(p="0.03")).entered_as == (
        "p (test not named, taken as log-rank) = 0.03 given the medians, either sign"
    )


@pytest.mark.parametrize("test", ["log-rank", "Log rank test", "logrank", "Mantel-Cox"])
def test_names_of_the_log_rank_test(test):
    assert read(printed(p="0.03", test=test)).entered_as.startswith("log-rank p = 0.03")


@pytest.mark.parametrize("text", ["P = 0.03", "p=.03", "=0.03"])
def test_a_number_among_words_is_a_number(text):
    found, plain = read(printed(p=text)), read(printed(p="0.03"))
    assert found.estimate == pytest.approx(plain.estimate, rel=EXACT)


@pytest.mark.parametrize(("groups", "sign"), [(("mixed", "pure"), -1), (("Pure", "With foci"), 1)])
def test_a_ratio_beside_a_p_value_says_for_whom_it_speaks(groups, sign):
    # Without its interval the ratio is no estimate, but its direction goes before the medians.
    for longer in (True, False, None):
        found = read(printed(groups=groups, p="0.05", hr="0.6"), longer=longer)
        assert found.kind == "p"
        assert not found.either_sign
        assert found.entered_as.endswith("given the medians")
        assert found.estimate == pytest.approx(sign * Z95 * math.sqrt(VARIANCE), rel=EXACT)


# --- Hazard ratios -------------------------------------------------------------------------------


@pytest.mark.parametrize(("groups", "sign"), [(("mixed", "pure"), 1), (("pure", "with foci"), -1)])
def test_a_hazard_ratio_with_its_interval_goes_before_a_p_value(groups, sign):
    ratio = printed(groups=groups, hr="0.5", hr_ci=("0.25", "1.0"), p="0.049")
    test = printed(p="0.049", test="log-rank")
    for found in (read(ratio), read(test, ratio)):
        assert found.estimate == pytest.approx(sign * math.log(0.5), rel=EXACT)
        assert found.variance == pytest.approx((math.log(4.0) / (2 * Z95)) ** 2, rel=EXACT)
        assert (found.kind, found.share) == ("hazard ratio", 8 / 23)
        assert found.entered_as == "hazard ratio 0.5 given the medians"
        assert found.printed == ratio
        assert not found.either_sign


def test_the_level_of_the_interval_is_minded():
    found = read(printed(hr="0.5", hr_ci=("0.25", "1.0"), level="0.90"))
    assert found.variance == pytest.approx((math.log(4.0) / (2 * 1.644853626951)) ** 2, rel=1e-10)


def test_a_lower_limit_that_is_rounded_to_nothing_leaves_the_upper_half():
    found = read(printed(hr="0.2", hr_ci=("0.0", "0.8")))
    assert found.variance == pytest.approx((math.log(4.0) / Z95) ** 2, rel=EXACT)


@pytest.mark.parametrize(
    "limits", [("0.2", "not reached"), ("0.9", "0.9"), ("0.0", "0.1"), ("0.0", "0.0")]
)
def test_an_interval_without_a_width_leaves_the_p_value(limits):
    ratio = {"hr": "0.9", "hr_ci": limits}
    assert read(printed(**ratio)) is None
    assert read(printed(p="0.8", **ratio)).kind == "p"


# --- What says nothing ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"p": "<0.001"},  # a bound is no point
        {"p": "NS"},
        {"p": "0.000"},  # rounded to a bound
        {"p": "1", "sided": 1},
        {"p": "3"},
        {"p": "0.03", "test": "Mann-Whitney U"},
        {"p": "0.03", "text": "at 1 year"},  # two proportions, not two curves
        {"hr": "0.5", "hr_ci": ("0.3", "0.8"), "p": "0.01", "adjusted": True},
        {"hr": "0.5"},
        {"text": "better in mixed"},
    ],
)
def test_what_cannot_be_read_is_left_out(fields):
    assert read(printed(**fields)) is None
    assert read(printed(**fields), printed(p="0.03")).printed.p == Decimal("0.03")


def test_a_direction_that_nobody_knows_and_a_group_without_events():
    assert read(printed(p="0.03"), longer=None) is None
    assert read(printed(p="0.03"), events=(0, 4)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"groups": ("young", "old")},
        {"groups": ("mixed", "old")},
        {"groups": ("mixed", "with foci")},
        {"groups": ("mixed", "pure", "other")},
        {"endpoint": "pfs"},
    ],
)
def test_other_groups_and_endpoints_are_passed_over_in_silence(fields):
    assert read(printed(p="0.03", **fields)) is None


def test_a_name_of_both_groups_is_the_name_of_neither():
    assert find_comparison([printed(p="0.03")], "os", {"mixed", "pure"}, {"pure"}, SIZES) is None


# --- Randomised comparisons of the registry ------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "first", "second", "sizes", "estimate", "share"),
    [
        ("sherman2023", "pazopanib", "placebo", (36, 35), -0.1508229, 36 / 71),
        ("sosa2014", "cp_fosbretabulin", "cp", (55, 25), -0.3147107, 55 / 80),
    ],
)
def test_randomised_arms_of_the_shipped_registry(name, first, second, sizes, estimate, share):
    study = load_registry().study(name)
    found = find_comparison(study.comparisons, "os", {first}, {second}, sizes)
    assert found.kind == "hazard ratio"
    assert found.estimate == pytest.approx(estimate, abs=1e-7)
    # 1.43 / 0.52 and 1.21 / 0.44 are both 2.75; log 2.75 = 1.0116009.
    assert math.sqrt(found.variance) == pytest.approx(1.0116009 / (2 * Z95), abs=1e-7)
    assert found.share == share
    other = find_comparison(study.comparisons, "os", {second}, {first}, sizes[::-1])
    assert other.estimate == -found.estimate
    assert other.share == pytest.approx(1 - share, rel=EXACT)


def test_the_one_sided_p_value_of_the_registry_agrees_with_its_hazard_ratio():
    """One-sided 0.28 is 0.58 standard errors; log 0.86 over its own error is 0.584."""
    study = load_registry().study("sherman2023")
    (given,) = [item for item in study.comparisons if item.sided == 1]
    alone = given.model_copy(update={"hr_ci": None})
    found = find_comparison([alone], "os", {"pazopanib"}, {"placebo"}, (36, 35))
    ratio = find_comparison([given], "os", {"pazopanib"}, {"placebo"}, (36, 35))
    assert found.kind == "p"
    deviates = [item.estimate / math.sqrt(item.variance) for item in (found, ratio)]
    assert deviates == pytest.approx([-0.5828415, -0.5844349], abs=1e-6)
