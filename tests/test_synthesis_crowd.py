"""What a report of predicted patients would print, against exact laws and brute force."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from scipy import stats
from simulated_registry import kaplan_meier

from studies.schema import Landmark, SurvivalOutcome
from synthesis.estimands import Curve
from synthesis.predictive import (
    Crowd,
    EventOfRank,
    judge,
    listed_median,
    printed_figures,
    verdict,
)

MANY = 40_000


def crowd(*groups, draws=MANY, shape=1.0, name="weibull"):
    """Patients with known curves: pairs of size and median."""
    curves = [Curve(np.full(draws, m), np.full(draws, shape), name) for _, m in groups]
    return Crowd(tuple(n for n, _ in groups), tuple(curves))


def outcome(median, **more):
    record = {"endpoint": "os", "median": median, "unit": "months"} | more
    return SurvivalOutcome.model_validate(record)


def mark(time, survival, **more):
    record = {"endpoint": "os", "time": time, "unit": "months", "survival": survival} | more
    return Landmark.model_validate(record)


def predicted(figures, name, people, seed=1):
    law = next(law for figure, law in figures if figure.name == name)
    return law(people, np.random.default_rng(seed))


def renyi(n, rank, median):
    """Mean and variance of an exponential order statistic: independent gaps add up (Renyi 1953)."""
    gaps = median / np.log(2.0) / np.arange(n, n - rank, -1)
    return gaps.sum(), (gaps**2).sum()


# --- order statistics ----------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (5, 3), (23, 12), (23, 7), (161, 81)])
def test_order_statistic_of_exponential_times(n, rank):
    times = EventOfRank({"": rank}, n)(crowd((n, 4.0)), np.random.default_rng(2))
    mean, variance = renyi(n, rank, 4.0)
    error = np.sqrt(variance / MANY)
    assert abs(times.mean() - mean) < 4.0 * error
    spread = np.sqrt((stats.kurtosis(times) + 2.0) / MANY) * variance
    assert abs(times.var() - variance) < 4.0 * spread


def test_percentile_of_an_exponential_median_is_exact():
    figures = printed_figures(outcome(Decimal("3.1")), (), 23)
    found = judge(predicted(figures, "median", crowd((23, 4.0))), figures[0][0].alike)
    share = stats.beta.cdf(1.0 - 0.5 ** (3.1 / 4.0), 12, 12)
    assert found.percentile / 100 == pytest.approx(share, abs=4 * 0.5 / np.sqrt(MANY))
    assert found.p == pytest.approx(2 * min(share, 1 - share), abs=0.02)
    middle = -4.0 * np.log2(1.0 - stats.beta.ppf([0.025, 0.5, 0.975], 12, 12))
    assert [found.lower, found.predicted, found.upper] == pytest.approx(middle, rel=0.03)


def test_median_of_an_even_number_lies_between_the_two_middle_events():
    rng = np.random.default_rng(3)
    times = EventOfRank({"": 7.5}, 14)(crowd((14, 4.0)), rng)
    brute = np.median(rng.exponential(4.0 / np.log(2.0), (MANY, 14)), axis=1)
    assert np.quantile(times, [0.1, 0.5, 0.9]) == pytest.approx(
        np.quantile(brute, [0.1, 0.5, 0.9]), rel=0.02
    )


@pytest.mark.parametrize("name", ["weibull", "log-logistic"])
def test_two_groups_of_one_curve_are_one_group(name):
    one, two = (
        EventOfRank({"": 12}, 23)(crowd(*groups, shape=1.4, name=name), np.random.default_rng(seed))
        for seed, groups in ((4, [(23, 4.0)]), (5, [(15, 4.0), (8, 4.0)]))
    )
    assert stats.ks_2samp(one, two).pvalue > 0.001


def test_union_of_pure_and_mixed_patients():
    times = EventOfRank({"": 12}, 23)(crowd((15, 2.5), (8, 7.0)), np.random.default_rng(6))
    rng = np.random.default_rng(7)
    scale = np.r_[np.full(15, 2.5), np.full(8, 7.0)] / np.log(2.0)
    brute = np.median(rng.exponential(scale, (MANY, 23)), axis=1)
    assert stats.ks_2samp(times, brute).pvalue > 0.001


def test_thousands_of_patients_are_simulated_in_parts():
    people = crowd((2000, 3.0), (1000, 6.0), draws=1500)
    times = EventOfRank({"": 1500.5}, 3000)(people, np.random.default_rng(8))
    assert times.shape == (1500,)
    share = (2000 * 0.5 ** (times / 3.0) + 1000 * 0.5 ** (times / 6.0)) / 3000
    assert share.mean() == pytest.approx(0.5, abs=0.002)
    assert share.std() == pytest.approx(0.5 / np.sqrt(3000), rel=0.1)


# --- what is printed -----------------------------------------------------------------------------


def test_percentiles_of_simulated_reports_are_uniform():
    """Patients are simulated, their Kaplan-Meier figures rounded and printed, then judged."""
    rng = np.random.default_rng(9)
    n, reports = 21, 400
    people = crowd((n, 6.0), shape=1.3)
    laws, found = {}, {"median": [], "lower limit": [], "survival at 6 months": []}
    for _ in range(reports):
        times = 6.0 * rng.weibull(1.3, n) / np.log(2.0) ** (1 / 1.3)
        middle, lower, upper = (Decimal(f"{v:.1f}") for v in kaplan_meier(times))
        alive = Decimal(f"{np.mean(times > 6.0):.2f}")
        limits = {"ci": [lower, upper], "level": Decimal("0.95"), "ci_method": "log-log"}
        for figure, law in printed_figures(outcome(middle, **limits), [mark(6, alive)], n):
            if figure.name in found:
                # the law depends on what is printed only through n and the transformation
                if figure.name not in laws:
                    laws[figure.name] = law(people, np.random.default_rng(10))
                found[figure.name].append(judge(laws[figure.name], figure.alike).percentile / 100)
    for name in ("median", "lower limit"):
        assert stats.kstest(found[name], "uniform").pvalue > 0.001, name
    # a count is not uniform, but its mid-p has mean one half and no extra spread
    shares = np.array(found["survival at 6 months"])
    assert shares.mean() == pytest.approx(0.5, abs=4 * shares.std() / np.sqrt(reports))
    assert shares.var() < 1 / 12 * 1.2


def test_survival_at_a_fixed_time_is_binomial():
    figures = printed_figures(None, [mark(12, Decimal("0.20"))], 20)
    draws = predicted(figures, "survival at 12 months", crowd((20, 6.0)))
    assert np.unique(np.round(20 * draws, 9)).size == np.unique(draws).size
    found = judge(draws, figures[0][0].alike)
    law = stats.binom(20, 0.25)
    assert found.percentile / 100 == pytest.approx(law.cdf(3) + 0.5 * law.pmf(4), abs=0.01)


def test_an_interval_tells_how_many_patients_stand_behind_a_landmark():
    half = Decimal("0.196")  # 1.96 standard errors of 0.5 among 25 patients
    ci = [Decimal("0.5") - half, Decimal("0.5") + half]
    figures = printed_figures(None, [mark(6, Decimal("0.5"), ci=ci)], 100)
    draws = predicted(figures, "survival at 6 months", crowd((100, 6.0)))
    assert draws.std() == pytest.approx(0.1, rel=0.05)
    plain = printed_figures(None, [mark(6, Decimal("0.5"))], 100)
    assert predicted(plain, "survival at 6 months", crowd((100, 6.0))).std() < 0.06


def test_censoring_leaves_a_median_less_certain():
    full, some = (
        predicted(printed_figures(outcome(Decimal("4.0"), events=e), (), 40), "median", people)
        for e, people in ((40, crowd((40, 4.0))), (10, crowd((40, 4.0))))
    )
    assert some.std() / full.std() == pytest.approx(np.sqrt(40 / 25), rel=0.1)


def test_limits_are_left_out_where_they_are_no_event_times():
    def names(*limits):
        ci = [end if isinstance(end, str) else Decimal(str(end)) for end in limits]
        return [own.name for own, _ in printed_figures(outcome(Decimal("3.1"), ci=ci), (), 23)]

    assert names(2.0, 7.9) == ["median", "lower limit", "upper limit"]
    assert names(0.6, 5.6) == ["median"]
    assert names(2.0, "not reached") == ["median", "lower limit"]


def test_median_not_reached_is_all_that_lies_beyond_the_follow_up():
    figures = printed_figures(outcome("not reached", follow_up=Decimal("5.0")), (), 11)
    draws = predicted(figures, "median", crowd((11, 4.0)))
    found = judge(draws, figures[0][0].alike)
    beyond = stats.beta.sf(1.0 - 0.5 ** (5.0 / 4.0), 6, 6)
    assert found.percentile / 100 == pytest.approx(1.0 - beyond / 2.0, abs=0.01)
    assert found.p == pytest.approx(beyond, abs=0.02)
    assert printed_figures(outcome("not reached"), (), 11) == []


def test_figures_keep_their_unit():
    ((figure, law),) = printed_figures(outcome(Decimal("166"), unit="days"), (), 9)
    assert figure.value == pytest.approx(166 / 30.4375)
    assert figure.months_per_unit * 30.4375 == pytest.approx(1.0)
    assert figure.alike == pytest.approx((165.5 / 30.4375, 166.5 / 30.4375))
    assert figure.printed == "5.5 months (166 days)"
    assert law(crowd((9, 4.0)), np.random.default_rng(1)).shape == (MANY,)


def test_median_of_listed_patients():
    def middle(months, events):
        return listed_median(months, events)[0].value

    assert middle([1.0, 2.0, 8.0], [True] * 3) == 2.0
    assert middle([4.0, 1.0, 8.0, 2.0], [True] * 4) == 3.0
    assert middle([1.0, 2.0, 2.0, 3.0], [True] * 4) == 2.0  # the curve passes one half at 2
    # the patient censored at 1.5 leaves two of the remaining three at risk
    assert middle([1.0, 1.5, 3.0, 9.0], [True, False, True, True]) == 3.0
    assert listed_median([1.0, 5.0, 6.0], [True, False, False]) is None


# --- mid-p ---------------------------------------------------------------------------------------


def test_half_of_the_ties_lie_below():
    values = np.repeat([0.0, 1.0, 2.0, 3.0], [10, 20, 30, 40])
    found = judge(values, (1.5, 2.5))
    assert found.percentile == pytest.approx(10 + 20 + 15)
    assert found.p == pytest.approx(0.9)
    assert judge(values, (-2.0, -1.0)).p == 0.0
    assert judge(np.full(50, 2.0), (1.9, 2.1)).p == 1.0


def test_verdicts_by_p():
    assert verdict(0.001) == "very surprising"
    assert verdict(0.01) == verdict(0.049) == "surprising"
    assert verdict(0.05) == verdict(0.19) == "at the edge of the expected"
    assert verdict(0.2) == verdict(1.0) == "as expected"
