"""Printed records in the model's terms, and the words that say what was taken."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from studies.figures import histology_of, is_symmetric, mixed_part
from studies.schema import Cohort, Comparison, HistologySplit, Landmark, SurvivalOutcome
from synthesis.model.printed import METHODS, ContradictionError, interval_ranks
from synthesis.model.records import (
    effective_size,
    find_comparison,
    median_months,
    read_adjusted,
    read_arm,
    reading,
)

DAYS_PER_MONTH = 30.4375

# Closed forms and unit factors in floating point: rounding only.
EXACT = 1e-12


def outcome(median=Decimal("3.1"), unit="months", **more):
    """A printed median of overall survival."""
    return SurvivalOutcome(endpoint="os", median=median, unit=unit, **more)


def at(time, fraction, unit="months", **more):
    """A printed survival probability."""
    return Landmark(
        endpoint="os", time=Decimal(time), unit=unit, survival=Decimal(fraction), **more
    )


# --- Times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "months", "half"),
    [
        ("3.1", "months", 3.1, 0.05),
        ("3", "months", 3.0, 0.5),
        ("166", "days", 166 / DAYS_PER_MONTH, 0.5 / DAYS_PER_MONTH),
        ("12.0", "weeks", 84 / DAYS_PER_MONTH, 0.35 / DAYS_PER_MONTH),
        ("1.5", "years", 18.0, 0.6),
    ],
)
def test_a_printed_time_keeps_its_rounding(value, unit, months, half):
    found = reading(Decimal(value), unit)
    assert (found.months, found.half_unit) == pytest.approx((months, half), rel=EXACT)


@pytest.mark.parametrize(
    ("median", "unit", "months"),
    [
        ("3.1", "months", 3.1),
        ("0", "months", 0.25),  # what rounds to 0 is below 0.5
        ("0.0", "months", 0.025),
        ("0", "weeks", 0.25 * 7 / DAYS_PER_MONTH),
    ],
)
def test_a_median_that_rounds_to_nothing_is_above_it(median, unit, months):
    """Within the half of a thousandth of a month below which no time is told from nothing."""
    found = median_months(outcome(Decimal(median), unit))
    assert found == pytest.approx(months, abs=0.0006)
    assert found > 0.0


@pytest.mark.parametrize(
    ("median", "lower", "upper", "expected"),
    [
        ("2.7", "1.9", "3.5", True),
        ("3.1", "0.6", "5.5", True),  # 2.5 and 2.4 to either side: even within rounding
        ("6.93", "1.7", "12.15", True),
        ("3.2", "2.8", "8.2", False),
        ("3.1", "0.6", "5.9", False),
    ],
)
def test_symmetric_intervals(median, lower, upper, expected):
    ci = (Decimal(lower), Decimal(upper))
    printed = SurvivalOutcome(endpoint="os", median=Decimal(median), unit="months", ci=ci)
    assert is_symmetric(printed) is expected


# --- Arms ----------------------------------------------------------------------------------------


def limits(middle, lower, upper, **more):
    """A printed median with its interval."""
    ends = tuple(end if end == "not reached" else Decimal(end) for end in (lower, upper))
    return outcome(middle if middle == "not reached" else Decimal(middle), ci=ends, **more)


LEVEL = {"level": Decimal("0.95")}
LOG = LEVEL | {"ci_method": "log"}
LEFT_OUT = "limits contradict the other figures under every transformation: left out"
#: What is printed of how many patients: the transformations, whether they are told, the times that
#: enter, and words that say so.
INTERVALS = {
    "symmetric": (limits("3.1", "0.6", "5.5"), 23, ("median",), True, [3.1], ["symmetric"]),
    "of unknown transformation": (
        *(limits("3.2", "2.8", "8.2"), 34, METHODS, False, [2.8, 3.2, 8.2]),
        ["level taken as 95 %", "plain, log, log-log averaged"],
    ),
    "of a named transformation": (
        *(limits("3.2", "2.8", "8.2", **LOG), 34, ("log",), True, [2.8, 3.2, 8.2]),
        ["both limits as order statistics; interval by the log transformation"],
    ),
    "without an upper limit": (
        *(limits("3.1", "2.0", "not reached"), 15, METHODS, False, [2.0, 3.1]),
        ["upper limit not reached"],
    ),
    # of eight, log has no upper limit: the other two can have produced the print
    "left to two transformations": (
        *(limits("3.5", "2.1", "9.1", **LEVEL), 8, ("plain", "log-log"), False, [2.1, 3.5, 9.1]),
        [],
    ),
    "of no transformation": (
        *(limits("3.5", "2.1", "9.1", **LOG), 8, ("median",), True, [3.5]),
        [LEFT_OUT],
    ),
    "a lower limit alone": (
        *(limits("not reached", "5.1", "not reached"), 16, METHODS, False, [5.1]),
        [],
    ),
}


@pytest.mark.parametrize(
    ("printed", "n", "methods", "told", "times", "words"), INTERVALS.values(), ids=INTERVALS
)
def test_an_interval_is_read_as_what_may_have_made_it(printed, n, methods, told, times, words):
    found = read_arm(printed, (), n)
    assert found.methods == methods
    assert found.told is told
    assert [own.time.tolist() for own in found.chains] == [pytest.approx(times)] * len(methods)
    assert {own.size for own in found.chains} == {0.0}
    assert [each for each in words if each not in found.entered_as] == []


def test_printed_events_reduce_the_size():
    found = read_arm(outcome(events=9), (), 15)
    (only,) = found.chains
    # 15 patients, 6 of them censored: (15 + 9) / 2 = 12, whose median has rank 6.5
    assert (only.cell[0], only.beyond[0]) == pytest.approx((5.5, 5.5), rel=EXACT)
    assert "effective size 12 from 9 events" in found.entered_as


def test_landmarks_in_other_units_lie_on_one_scale():
    found = read_arm(None, (at("1", "0.2", "years"), at("6", "0.5")), 20)
    (only,) = found.chains
    assert only.time.tolist() == [6.0, 12.0]
    assert only.cell.tolist() == [10.0, 6.0]
    assert found.entered_as == "survival at 1 years, 6 months as a binomial cell"


def test_events_reduce_limits_and_landmarks_alike():
    printed = outcome(Decimal("3.2"), ci=(Decimal("1.8"), Decimal("8.2")), events=20)
    found = read_arm(printed, (at("24", "0.1"),), 30)
    assert effective_size(printed, 30) == 25.0
    for method, own in zip(found.methods, found.chains, strict=True):
        assert own.cell[0] == pytest.approx(interval_ranks(25, method).lower - 1.0, rel=EXACT)
        assert own.cell.sum() + own.density.sum() + own.beyond.sum() == pytest.approx(25.0)


def test_a_number_at_risk_reaches_the_chain():
    found = read_arm(None, (at("6", "0.6", at_risk=14), at("12", "0.4", at_risk=8)), 30)
    (only,) = found.chains
    assert only.beyond[-1] == 8.0 + (14.0 - only.cell[1] - 8.0) / 2.0
    whole = read_arm(None, (at("6", "0.6"), at("12", "0.4")), 30).chains[0]
    assert only.cell.sum() < whole.cell.sum()


# Of those who are censored half are followed for less than the median follow-up.
@pytest.mark.parametrize(
    ("n", "events", "followed", "more_than_half"),
    [(15, None, 11.25, 6.0), (16, None, 12.0, 7.0), (16, 10, 12.0, 7.0), (16, 4, 10.0, 6.0)],
)
def test_a_median_not_reached_says_that_more_than_half_outlived_the_follow_up(
    n, events, followed, more_than_half
):
    found = read_arm(outcome("not reached", follow_up=Decimal("9"), events=events), (), n)
    (only,) = found.chains
    assert (only.time.tolist(), only.survivors, only.size) == ([9.0], more_than_half, followed)
    assert (only.cell[0], only.density[0], only.beyond[0]) == (0.0, 0.0, 0.0)
    assert found.methods == ("landmarks",)
    assert found.told
    assert "not reached within 9 months" in found.entered_as


def test_a_lower_limit_is_read_where_the_median_is_not_reached():
    printed = outcome("not reached", ci=(Decimal("5.1"), "not reached"), follow_up=Decimal("14"))
    found = read_arm(printed, (), 16)
    assert found.methods == METHODS
    assert not found.told
    for method, own in zip(found.methods, found.chains, strict=True):
        rank = interval_ranks(16, method).lower
        assert own.time.tolist() == [5.1, 14.0]
        assert own.cell == pytest.approx([rank - 1.0, 0.0], rel=EXACT)
        # of twelve who are followed for 14 months seven or more outlived them, all among the part
        # that the lower limit leaves
        left = 12 * (1 - rank / 16)
        assert (own.survivors, own.size) == pytest.approx((min(7.0, left), left))
    assert "its lower limit as an order statistic" in found.entered_as


@pytest.mark.parametrize("printed", [None, outcome("not reached", unit=None)])
def test_nothing_to_use(printed):
    assert read_arm(printed, (), 15) is None


def test_contradicting_figures_are_refused():
    with pytest.raises(ContradictionError, match="at 6 months follows"):
        read_arm(outcome(Decimal("3.1")), (at("6", "0.9"),), 40)


# --- Histology -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "share"),
    [
        ({"pure": 15, "mixed": 8}, 8 / 23),
        ({"mixed": 6, "assessed": 20}, 6 / 20),
        ({"pure": 6, "assessed": 20}, 14 / 20),
        ({"mixed_percent": Decimal("35")}, 0.35),
        ({"pure_percent": Decimal("60")}, 0.4),
        ({"pure": 15, "mixed": 8, "mixed_percent": Decimal("35")}, 8 / 23),
        ({"mixed": 8}, None),
    ],
)
def test_the_share_of_mixed_histology(split, share):
    found = mixed_part(HistologySplit.model_validate(split))
    assert found is None if share is None else found == pytest.approx(share, rel=EXACT)


def test_a_declared_reading_can_be_switched_off():
    own = {"id": "a", "treatment": "lenvatinib", "treatment_as_printed": "lenvatinib", "n": 23}
    declared = {"histology": "mixed", "reason": "anaplastic foci"}
    own = Cohort.model_validate(own | {"read_as": declared})
    assert histology_of(own, use_read_as=True) == "mixed"
    assert histology_of(own, use_read_as=False) is None


# --- Comparisons of two groups -------------------------------------------------------------------

# Closed forms in floating point: rounding only. Deviates are written to ten digits.
TO_TEN_DIGITS = 1e-8
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
    assert found.low == pytest.approx(sign * z * math.sqrt(VARIANCE), rel=TO_TEN_DIGITS)
    assert found.high == found.low
    assert found.variance == pytest.approx(VARIANCE, rel=EXACT)
    assert (found.kind, found.share, found.events) == ("p", 8 / 23, (1.0, 1.0))
    words = f"log-rank p = {p}{' (one-sided)' if sided == 1 else ''}"
    assert found.entered_as == f"{words}, either sign"
    assert found.either_sign


def test_printed_events_go_before_the_patients():
    found = read(printed(p="0.026"), events=(6, None))
    assert found.variance == pytest.approx(1 / 6 + 1 / 15, rel=EXACT)
    z = 2.2262117693  # of a two-sided p of 0.026
    assert found.low == pytest.approx(-z * math.sqrt(1 / 6 + 1 / 15), rel=TO_TEN_DIGITS)
    assert (found.share, found.events) == (8 / 23, (6 / 8, 1.0))


def test_a_test_without_a_name_is_taken_as_log_rank_and_says_so():
    assert read(printed(p="0.03")).entered_as == (
        "p (test not named, taken as log-rank) = 0.03, either sign"
    )


@pytest.mark.parametrize("test", ["log-rank", "Log rank test", "logrank", "Mantel-Cox"])
def test_names_of_the_log_rank_test(test):
    assert read(printed(p="0.03", test=test)).entered_as.startswith("log-rank p = 0.03")


@pytest.mark.parametrize("text", ["P = 0.03", "p=.03", "=0.03"])
def test_a_number_among_words_is_a_number(text):
    found, plain = read(printed(p=text)), read(printed(p="0.03"))
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), rel=EXACT)


@pytest.mark.parametrize(("groups", "sign"), [(("mixed", "pure"), -1), (("Pure", "With foci"), 1)])
def test_a_ratio_beside_a_p_value_says_for_whom_it_speaks(groups, sign):
    # Without its interval the ratio is no estimate, but its direction goes before the medians.
    for longer in (True, False, None):
        found = read(printed(groups=groups, p="0.05", hr="0.6"), longer=longer)
        assert found.kind == "p"
        assert not found.either_sign
        assert found.entered_as.endswith("= 0.05")
        assert found.low == pytest.approx(sign * Z95 * math.sqrt(VARIANCE), rel=EXACT)


@pytest.mark.parametrize(
    ("groups", "named", "sign"),
    [
        (("mixed", "pure"), "mixed", -1),
        (("pure", "with foci"), "with foci", -1),
        (("mixed", "pure"), "pure", 1),
    ],
)
def test_a_report_may_name_the_group_that_lives_longer(groups, named, sign):
    for longer in (True, False, None):
        found = read(printed(groups=groups, p="0.05", longer=named), longer=longer)
        assert found.low == pytest.approx(sign * Z95 * math.sqrt(VARIANCE), rel=EXACT)
        assert not found.either_sign


# --- Ranges --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "z"), [("not significant", Z95), (">0.05", Z95), (">0.5", 0.6744897502)]
)
def test_no_significant_difference_is_a_range_about_none(p, z):
    for longer in (True, False, None):  # of it no direction is read
        found = read(printed(p=p), longer=longer)
        assert found.high == pytest.approx(z * math.sqrt(VARIANCE), rel=TO_TEN_DIGITS)
        assert found.low == -found.high
        assert not found.either_sign
        assert found.entered_as.startswith("p (test not named, taken as log-rank) > 0.")


def test_a_bound_of_a_p_value_is_what_lies_beyond_it():
    limit = 3.2905267315 * math.sqrt(VARIANCE)  # of a two-sided p of 0.001
    for longer, ends in ((True, (-math.inf, -limit)), (False, (limit, math.inf))):
        found = read(printed(p="<0.001", test="log-rank"), longer=longer)
        assert (found.low, found.high) == pytest.approx(ends, rel=TO_TEN_DIGITS)
        assert found.entered_as == "log-rank p < 0.001, either sign"
        assert found.either_sign
    told = read(printed(p="<0.001", longer="mixed"), longer=False)
    assert (told.low, told.high) == pytest.approx((-math.inf, -limit), rel=TO_TEN_DIGITS)
    assert not told.either_sign
    assert told.entered_as.endswith("< 0.001")


@pytest.mark.parametrize(
    ("named", "ends"), [("mixed", (-math.inf, 0.0)), ("pure", (0.0, math.inf))]
)
def test_a_bare_direction_is_one_side_of_nought(named, ends):
    found = read(printed(longer=named))
    assert (found.low, found.high) == ends
    assert found.entered_as == f"longer in {named}"
    assert not found.either_sign


def test_a_number_goes_before_a_range_wherever_it_stands():
    null, number = printed(p=">0.05"), printed(p="0.03")
    assert read(null, number).printed == read(number, null).printed == number


# --- Hazard ratios -------------------------------------------------------------------------------


@pytest.mark.parametrize(("groups", "sign"), [(("mixed", "pure"), 1), (("pure", "with foci"), -1)])
def test_a_hazard_ratio_with_its_interval_goes_before_a_p_value(groups, sign):
    ratio = printed(groups=groups, hr="0.5", hr_ci=("0.25", "1.0"), p="0.049")
    test = printed(p="0.049", test="log-rank")
    for found in (read(ratio), read(test, ratio)):
        assert found.low == pytest.approx(sign * math.log(0.5), rel=EXACT)
        assert found.high == found.low
        assert found.variance == pytest.approx((math.log(4.0) / (2 * Z95)) ** 2, rel=EXACT)
        assert (found.kind, found.share) == ("hazard ratio", 8 / 23)
        assert found.entered_as == "hazard ratio 0.5"
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


# --- Adjusted ratios -----------------------------------------------------------------------------


def test_an_adjusted_ratio_is_read_by_its_interval_or_else_by_its_p_value():
    by_interval = read_adjusted(printed(hr="0.5", hr_ci=("0.25", "1.0"), p="0.9", adjusted=True))
    assert by_interval.variance == pytest.approx((math.log(4.0) / (2 * Z95)) ** 2, rel=EXACT)
    by_p = read_adjusted(printed(hr="0.5", p="0.05", adjusted=True))
    assert by_p.variance == pytest.approx((math.log(0.5) / Z95) ** 2, rel=EXACT)
    for found in (by_interval, by_p):
        assert found.low == found.high == pytest.approx(math.log(0.5), rel=EXACT)
        assert (found.kind, found.share, found.adjusted) == ("hazard ratio", 0.5, True)
        assert found.entered_as == "adjusted hazard ratio 0.5"


@pytest.mark.parametrize(
    "fields",
    [
        {"p": "0.05"},
        {"hr": "0.5"},
        {"hr": "0.5", "p": "<0.05"},  # a bound says no variance
        {"hr": "1", "p": "1"},
        {"hr": "0.5", "hr_ci": ("0.25", "not reached")},
    ],
)
def test_an_adjusted_ratio_without_a_variance_says_nothing(fields):
    assert read_adjusted(printed(**fields, adjusted=True)) is None


# --- What says nothing ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
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


def test_the_one_sided_p_value_of_the_registry_agrees_with_its_hazard_ratio(shipped):
    """One-sided 0.28 is 0.58 standard errors; log 0.86 over its own error is 0.584."""
    study = shipped.study("sherman2023")
    (given,) = [item for item in study.comparisons if item.sided == 1]
    alone = given.model_copy(update={"hr_ci": None})
    found = find_comparison([alone], "os", {"pazopanib"}, {"placebo"}, (36, 35))
    ratio = find_comparison([given], "os", {"pazopanib"}, {"placebo"}, (36, 35))
    assert found.kind == "p"
    deviates = [item.low / math.sqrt(item.variance) for item in (found, ratio)]
    assert deviates == pytest.approx([-0.5828415, -0.5844349], abs=1e-6)
