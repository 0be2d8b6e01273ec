"""Printed records in the model's terms, and the words that say what was taken."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from studies.figures import is_symmetric
from studies.schema import Cohort, Comparison, Landmark, SurvivalOutcome
from synthesis.printed_curve import ContradictionError
from synthesis.reading import mixed_share, read_arm, read_comparison, reading

DAYS_PER_MONTH = 30.4375
Z95 = 1.959963984540054

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


def test_the_limits_of_a_symmetric_interval_are_not_used():
    found = read_arm(outcome(ci=(Decimal("0.6"), Decimal("5.5"))), (), 23)
    (only,) = found.chains
    assert only.time.tolist() == [3.1]
    assert "symmetric" in found.entered_as


def test_an_interval_of_unknown_transformation_is_read_in_three_ways():
    found = read_arm(outcome(Decimal("3.2"), ci=(Decimal("2.8"), Decimal("8.2"))), (), 34)
    assert len(found.chains) == 3
    for own in found.chains:
        assert own.time == pytest.approx([2.8, 3.2, 8.2], rel=EXACT)
    assert "level taken as 95 %" in found.entered_as
    assert "plain, log, log-log averaged" in found.entered_as


def test_a_named_transformation_is_the_only_one():
    named = outcome(
        Decimal("3.2"), ci=(Decimal("2.8"), Decimal("8.2")), level=Decimal("0.95"), ci_method="log"
    )
    found = read_arm(named, (), 34)
    assert len(found.chains) == 1
    assert "interval by the log transformation" in found.entered_as
    assert "level taken" not in found.entered_as


def test_an_upper_limit_not_reached_drops_its_point():
    found = read_arm(outcome(ci=(Decimal("2.0"), "not reached")), (), 15)
    assert {own.time.size for own in found.chains} == {2}
    assert "upper limit not reached" in found.entered_as


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


def test_a_median_not_reached_says_how_many_outlived_the_follow_up():
    found = read_arm(outcome("not reached", follow_up=Decimal("9")), (), 15)
    (only,) = found.chains
    assert (only.time.tolist(), only.beyond.tolist()) == ([9.0], [7.0])
    assert "not reached within 9 months" in found.entered_as


@pytest.mark.parametrize("printed", [None, outcome("not reached", unit=None)])
def test_nothing_to_use(printed):
    assert read_arm(printed, (), 15) is None


def test_contradicting_figures_are_refused():
    with pytest.raises(ContradictionError, match="at 6 months follows"):
        read_arm(outcome(Decimal("3.1")), (at("6", "0.9"),), 40)


# --- Histology -----------------------------------------------------------------------------------


def cohort(**more):
    """A cohort of 23."""
    return Cohort(id="a", treatment="lenvatinib", treatment_as_printed="lenvatinib", n=23, **more)


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
        (None, None),
    ],
)
def test_the_share_of_mixed_histology(split, share):
    found = mixed_share(cohort(histology=split), use_read_as=True)
    assert found is None if share is None else found == pytest.approx(share, rel=EXACT)


def test_a_declared_reading_can_be_switched_off():
    own = cohort(read_as={"histology": "mixed", "reason": "anaplastic foci"})
    assert mixed_share(own, use_read_as=True) == 1.0
    assert mixed_share(own, use_read_as=False) is None


# --- Comparisons ---------------------------------------------------------------------------------

NAMES = {"mixed": {"mixed", "with foci"}, "pure": {"pure"}}
SIZES = {"mixed": 8, "pure": 15}
VARIANCE = 1 / 8 + 1 / 15


def compare(longer=True, endpoint="os", **fields):
    """Read one printed comparison."""
    fields = {"endpoint": "os", "groups": ("mixed", "pure")} | fields
    return read_comparison([Comparison(**fields)], endpoint, NAMES, SIZES, longer)


@pytest.mark.parametrize(
    ("sided", "p", "z"),
    [(2, "0.05", 1.959963985), (1, "0.05", 1.644853627), (2, "0.5", 0.67448975)],
)
@pytest.mark.parametrize("longer", [True, False])
def test_a_p_value_becomes_a_log_hazard_ratio(sided, p, z, longer):
    found = compare(longer, p=Decimal(p), sided=sided, test="log-rank")
    sign = -1.0 if longer else 1.0
    # z is written to ten digits
    assert found.estimate == pytest.approx(sign * z * math.sqrt(VARIANCE), rel=1e-8)
    assert found.variance == pytest.approx(VARIANCE, rel=EXACT)
    assert found.entered_as == f"log-rank p = {p} given the medians"


def test_a_test_without_a_name_is_taken_as_log_rank_and_says_so():
    assert "test not named, taken as log-rank" in compare(p=Decimal("0.03")).entered_as


@pytest.mark.parametrize(("groups", "sign"), [(("mixed", "pure"), 1), (("pure", "with foci"), -1)])
def test_a_hazard_ratio_with_its_interval_is_taken_first(groups, sign):
    found = compare(
        groups=groups,
        hr=Decimal("0.5"),
        hr_ci=(Decimal("0.25"), Decimal("1.0")),
        p=Decimal("0.049"),
    )
    assert found.estimate == pytest.approx(sign * math.log(0.5), rel=EXACT)
    assert found.variance == pytest.approx((math.log(4.0) / (2 * Z95)) ** 2, rel=EXACT)
    assert found.entered_as == "hazard ratio 0.5 given the medians"


@pytest.mark.parametrize(
    "fields",
    [
        {"p": "<0.001"},
        {"p": Decimal("0.03"), "test": "Fisher"},
        {"p": Decimal("0.03"), "groups": ("young", "old")},
        {"p": Decimal("0.03"), "groups": ("mixed", "pure", "other")},
        {"p": Decimal("0.03"), "endpoint": "pfs"},
        {"p": Decimal("0")},
        {"hr": Decimal("0.5")},
    ],
)
def test_what_says_nothing_usable_about_histology_is_left(fields):
    assert compare(**fields) is None
