"""Printed records in the model's terms, and the words that say what was taken."""

from __future__ import annotations

from decimal import Decimal

import pytest

from studies.figures import is_symmetric
from studies.schema import Cohort, Landmark, SurvivalOutcome
from synthesis.model.printed import METHODS, ContradictionError, interval_ranks
from synthesis.model.records import effective_size, median_months, mixed_share, read_arm, reading

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


def test_the_limits_of_a_symmetric_interval_are_not_used():
    found = read_arm(outcome(ci=(Decimal("0.6"), Decimal("5.5"))), (), 23)
    (only,) = found.chains
    assert only.time.tolist() == [3.1]
    assert (found.methods, found.told) == (("median",), True)
    assert "symmetric" in found.entered_as


def test_an_interval_of_unknown_transformation_is_read_in_three_ways():
    found = read_arm(outcome(Decimal("3.2"), ci=(Decimal("2.8"), Decimal("8.2"))), (), 34)
    assert len(found.chains) == 3
    assert found.methods == METHODS
    assert not found.told
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
    assert (found.methods, found.told) == (("log",), True)
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


def test_a_convention_left_alone_by_the_others_is_not_told():
    """Of eight, log has no upper limit: the other two can have produced the print."""
    printed = outcome(Decimal("3.5"), ci=(Decimal("2.1"), Decimal("9.1")), level=Decimal("0.95"))
    found = read_arm(printed, (), 8)
    assert (found.methods, found.told) == (("plain", "log-log"), False)


def test_limits_that_fit_no_transformation_leave_the_median():
    printed = outcome(
        Decimal("3.5"), ci=(Decimal("2.1"), Decimal("9.1")), ci_method="log", level=Decimal("0.95")
    )
    found = read_arm(printed, (), 8)
    assert (found.methods, found.told) == (("median",), True)
    assert "left out" in found.entered_as


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


@pytest.mark.parametrize(("n", "more_than_half"), [(15, 8.0), (16, 9.0)])
def test_a_median_not_reached_says_that_more_than_half_outlived_the_follow_up(n, more_than_half):
    found = read_arm(outcome("not reached", follow_up=Decimal("9")), (), n)
    (only,) = found.chains
    assert (only.time.tolist(), only.survivors, only.size) == ([9.0], more_than_half, float(n))
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
        # nine or more outlived 14 months, of those whom the lower limit leaves
        assert (own.survivors, own.size) == pytest.approx((min(9.0, 16 - rank), 16 - rank))
    assert "its lower limit as an order statistic" in found.entered_as


def test_a_lower_limit_alone_says_something_too():
    found = read_arm(outcome("not reached", ci=(Decimal("5.1"), "not reached")), (), 16)
    assert [own.time.tolist() for own in found.chains] == [[5.1]] * 3
    assert [own.size for own in found.chains] == [0.0] * 3


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
