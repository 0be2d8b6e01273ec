"""Planning: what studies print, how draws are weighed by it, and what follows for studies of n."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pandas as pd
import pytest
from impact_fits import DRAWS
from kaplan_meier import NR, crossing, curve_of, log_rank, printed, survival_at
from planning_fits import BEST_CARE, LENVATINIB, brute, plan_of, planned_fit
from scipy import stats

from studies import add_studies, load_registry
from studies.documents import to_toml
from studies.plausibility import review
from synthesis.benefit.compare import compare
from synthesis.benefit.contrasts import GAIN
from synthesis.benefit.reference import NotComparedError
from synthesis.planning import Design
from synthesis.planning.plan import PLAN_COLUMNS, SETTLES
from synthesis.planning.printing import (
    Patients,
    print_comparison,
    print_landmarks,
    print_outcome,
)
from synthesis.planning.simulate import PlannedArm, new_studies, planned_covariates, printed_study
from synthesis.planning.update import Axis
from synthesis.planning.words import plan_rows, plan_words

planning = importlib.import_module("synthesis.planning.plan")


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """Fit and vocabulary."""
    return planned_fit(tmp_path_factory.mktemp("planning"))


def job_of(usual, simulations=1, **design):
    """What `plan` works with, to look inside."""
    fit, vocabulary = usual
    asked = Design("lenvatinib", reference="best_care", **design)
    groups = planning.treatments_of(fit, vocabulary)
    pair = (groups[LENVATINIB], groups[BEST_CARE])
    return planning._Job(fit, vocabulary, asked, pair, 1.5, 0.975, np.arange(0, DRAWS, 2))


# --- What is printed -----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [5, 12, 37, 200])
def test_a_report_prints_what_any_software_would(n):
    rng = np.random.default_rng(n)
    times, end = rng.weibull(0.9, n) * 6.0, rng.uniform(4.0, 30.0, n)
    own = Patients(np.minimum(times, end), times <= end)
    outcome, marks = print_outcome(own, "os"), print_landmarks(own, "os")
    curve = curve_of(own.months, own.event, "log-log")
    lower, upper = (crossing(curve.times, band) for band in (curve.lower, curve.upper))
    first = crossing(curve.times, curve.survival)
    flat = np.isclose(curve.survival, 0.5)
    if flat.any() and not flat[-1]:
        first = float(curve.times[np.flatnonzero(flat)[0] :][:2].mean())
    assert outcome.median == printed(first)
    assert outcome.ci == (printed(lower), printed(upper))
    assert outcome.events == own.event.sum()
    assert [int(mark.time) for mark in marks] == [m for m in (6, 12) if own.months.max() > m]
    for mark in marks:
        survival, low, high = survival_at(curve, float(mark.time))
        assert mark.survival == printed(survival, 3)
        assert mark.ci == (printed(low, 3), printed(high, 3))


def test_a_test_of_two_groups_says_how_sure_and_which_lives_longer():
    rng = np.random.default_rng(4)
    times, first = rng.exponential(6.0, 60), np.arange(60) < 25
    times[first] *= 2.0
    died = times < 15.0
    own = Patients(np.minimum(times, 15.0), died)
    found = print_comparison(own.only(first), own.only(~first), ("a", "b"), "os")
    # printed to two digits: half of the last is at most a twentieth of the value
    assert float(found.p) == pytest.approx(log_rank(own.months, died, first), rel=0.05)
    assert found.hr < 1
    assert found.groups == ("a", "b")
    nobody = Patients(np.array([1.0]), np.array([False]))
    assert print_comparison(nobody, nobody, ("a", "b"), "os") is None


def test_nobody_dies_and_the_median_is_not_reached():
    own = Patients(np.array([14.0, 20.0, 26.0]), np.zeros(3, dtype=bool))
    found = print_outcome(own, "os")
    assert (found.median, found.ci, found.events) == (NR, None, 0)
    assert found.follow_up == printed(20.0)
    assert [mark.ci for mark in print_landmarks(own, "os")] == [None, None]


@pytest.mark.parametrize("kind", ["single-arm", "randomised"])
@pytest.mark.parametrize("population", ["all", "mixed"])
def test_a_simulated_report_passes_the_checks_of_the_registry(usual, tmp_path, kind, population):
    job = job_of(usual, kind=kind, sizes=(60,))
    shipped = load_registry()
    names = ("lenvatinib", "no_systemic_therapy")[: len(job.arms)]
    arms = tuple(PlannedArm(name, "x", "systemic") for name in names)
    studies = new_studies(job.fit, job.arms, job.differs, np.random.default_rng(1))
    for row in (3, 700):
        course = studies.course(row, job.design, population, np.random.default_rng(row))
        report = printed_study(course, job.design, arms, 60, "os")
        (tmp_path / "planned.toml").write_text(to_toml(report, schema=""), encoding="utf-8")
        larger = add_studies(shipped, [tmp_path / "planned.toml"])
        assert larger.studies["planned"] == report
        odd = [p.found for p in review(larger).warnings if p.file == "planned.toml"]
        assert odd == []


def test_a_study_of_few_patients_is_the_beginning_of_one_of_many(usual):
    job = job_of(usual, sizes=(20, 50))
    studies = new_studies(job.fit, job.arms, job.differs, np.random.default_rng(2))
    course = studies.course(5, job.design, "all", np.random.default_rng(9))
    few, who = course.patients(0, 20)
    many, all_who = course.patients(0, 50)
    np.testing.assert_array_equal(few.months, many.months[:20])
    np.testing.assert_array_equal(who, all_who[:20])


def test_patients_of_a_randomised_study_differ_by_treatment_alone(usual):
    """Both arms have the study effect of their draw: medians differ by those of the treatments."""
    job = job_of(usual, kind="randomised", sizes=(8,))
    studies = new_studies(job.fit, job.arms, job.differs, np.random.default_rng(3))
    (one, _), (other, _) = studies.curves
    effects = job.fit.flat("treatment_effect")
    slopes = job.fit.flat("predictive")
    apart = effects[:, LENVATINIB] - effects[:, BEST_CARE]
    apart -= job.fit.centre_share * (slopes[:, LENVATINIB] - slopes[:, BEST_CARE])
    np.testing.assert_allclose(np.log(one.median / other.median), apart, atol=1e-9)


def test_a_control_arm_beside_a_selecting_treatment_is_selected_too():
    arms = (PlannedArm("a", "x", "systemic"), PlannedArm("b", "x", "systemic", braf_selected=True))
    found = planned_covariates(Design("a", kind="randomised"), arms, frozenset({"a"}))
    assert found[0] == (-0.5, 0.0, -0.5, 0.0)
    assert found[1] == (-0.5, 0.0, -0.5, pytest.approx(0.7))


# --- How draws are weighed -----------------------------------------------------------------------


@pytest.mark.parametrize("sd", [0.0, 0.03, 0.4])
def test_hat_means_integrate_a_broken_line_over_a_normal(sd):
    axis, mean = Axis(-2.0, 0.1, 41), np.array([0.137])
    values = np.random.default_rng(1).normal(size=axis.size)
    found = float(axis.hat_means(mean, np.array([sd]))[0] @ values)
    if sd == 0.0:
        exact = np.interp(mean[0], axis.points, values)
    else:
        x = mean[0] + sd * np.linspace(-6, 6, 240_001)
        density = stats.norm.pdf(x, mean[0], sd)
        exact = np.sum(density * np.interp(x, axis.points, values, 0.0, 0.0)) / density.sum()
    assert found == pytest.approx(exact, abs=1e-5)


CASES = [("single-arm", "all"), ("single-arm", "pure"), ("randomised", "all")]


@pytest.mark.parametrize(("kind", "population"), [*CASES, ("randomised", "mixed")])
def test_the_likelihood_of_a_new_study_is_that_of_its_figures(usual, kind, population):
    job = job_of(usual, kind=kind, sizes=(60,))
    rng = np.random.default_rng(8)
    studies = new_studies(job.fit, job.arms, job.differs, rng)
    data = job.read(studies.course(400, job.design, population, rng), 60)
    assert len(data.comparisons) == (len(job.arms) if population == "all" else 0)
    updater = job.updater(60)
    found = updater.log_likelihood(data)
    draws = np.linspace(0, job.rows.size - 1, 16).astype(int)
    exact = np.array([brute(updater, data, draw) for draw in draws])
    # a straight line between points a quarter of a standard error apart is off by the part
    # (1/4)^2/8 (z^2 - 1) at z standard errors from the peak: 0.04 at 2.4, where a draw has a
    # twentieth of the largest weight
    near = exact > exact.max() - 3.0
    assert near.sum() >= 4
    np.testing.assert_allclose(found[draws][near], exact[near], atol=0.04)


# --- What follows --------------------------------------------------------------------------------


def test_what_is_said_of_today_is_what_comparisons_say(usual):
    fit, vocabulary = usual
    found = plan_of(fit, vocabulary, simulations=10, populations=("pure",), delta=1.0).table.iloc[0]
    league = compare({"os": fit}, vocabulary, histology="pure", delta=1.0).table
    own = league[(league["treatment"] == "Lenvatinib") & (league["estimand"] == GAIN)]
    assert found["p_today"] == own["p_gain"].iloc[0]


@pytest.mark.parametrize("kind", ["single-arm", "randomised"])
def test_no_study_is_expected_to_move_the_probability(usual, kind):
    """The mean of the updated probability is that of today, within Monte Carlo error.

    The truths are evenly spaced, so that the error from the spread over studies is an upper one.
    """
    sides = ("all", "pure")
    found = plan_of(*usual, kind=kind, populations=sides, sizes=(30,), simulations=120, delta=1.5)
    for row in found.table.itertuples(index=False):
        assert 0.2 < row.p_today < 0.9
        assert 0.0 < row.mean_updated_error < 0.03
        assert abs(row.mean_updated_p - row.p_today) < 3.0 * row.mean_updated_error
        # a study tells something: the probability is another one after most of them
        assert row.mean_updated_error * np.sqrt(120) > 0.05


def test_more_patients_narrow_the_interval_of_pure_against_mixed(usual):
    found = plan_of(*usual, sizes=(20, 80), simulations=40).table.set_index(["population", "n"])
    for name in ("prognostic", "ratio"):
        width, today = (found[f"{which}_{name}"] for which in ("expected_width", "width_today"))
        assert width["all", 80] < width["all", 20] < today["all", 20]
    ratio = found["expected_width_ratio"]
    # patients of one histology hardly tell how far the two are apart
    assert ratio["all", 80] < 0.8 * ratio["pure", 80]


def test_a_huge_randomised_study_concludes_the_truth(tmp_path):
    """Two truths that are far apart, and next to no spread between studies."""
    effect = np.zeros((1, DRAWS, 4))
    effect[..., LENVATINIB] = np.where(np.arange(DRAWS) % 2, 0.9, 0.0)
    effect += np.random.default_rng(1).normal(0.0, 0.02, effect.shape)
    usual = planned_fit(tmp_path, treatment_effect=effect, study_sd=1e-3)
    found = plan_of(*usual, kind="randomised", sizes=(600,), populations=("pure",), simulations=30)
    row = found.table.iloc[0]
    # every second draw gains, and truths are even in order of gain: less than one of 30 studies off
    assert row["p_today"] == pytest.approx(0.5, abs=0.01)
    assert row["assurance"] == pytest.approx(0.5, abs=0.02)
    assert row["assurance"] + row["concludes_none"] == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_table(usual):
    first, again = (plan_of(*usual, simulations=10).table for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert tuple(first.columns) == PLAN_COLUMNS


def test_words_say_what_the_table_says(usual):
    found = plan_of(*usual, sizes=(20, 40), simulations=20)
    text = " ".join(plan_words(found, usual[1]))
    assert f"What carries the contrast today: {found.carried.sentence[0].lower()}" in text
    assert found.carried.sentence[1:] in text
    assert "single-arm study of lenvatinib against best supportive care" in text
    assert "0.975 or more" in text
    assert "more than 1.5 months in the median" in text
    for row, shown in zip(found.table.itertuples(index=False), plan_rows(found), strict=True):
        with_n = (
            rf"{shown['assurance'].rstrip('*')} with (\d+(, | and ))*{row.n}(, | and )?(\d+)? ?pat"
        )
        assert re.search(with_n, text)
        assert f"is {shown['p_today']} today" in text
        assert (f"n = {row.n} (" in text) == (not row.reliable)
        assert row.assurance < SETTLES
    assert text.count("No study of up to 40 patients reaches 80 %") == 3


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "crossover"}, "design: found 'crossover', expected one of single-arm, random"),
        ({"populations": ("old",)}, "population: found 'old', expected one of all, pure, mixed"),
        ({"populations": ()}, "populations: found none, expected one or more, each once"),
        ({"sizes": (20, 20)}, "sizes: found 20, 20, expected one or more, each once"),
        ({"sizes": (2,)}, "n: found 2, expected a whole number of patients from 4 to 2000"),
        ({"sizes": (21,), "kind": "randomised"}, "n: found 21, expected an even number"),
        ({"mixed": 40.0}, "mixed: found 40, expected a fraction from 0 to 1"),
        ({"accrual": -1.0}, "accrual: found -1, expected months from 0 to 240"),
        ({"follow_up": float("nan")}, "follow-up: found nan, expected months from 1 to 240"),
    ],
)
def test_a_design_that_cannot_be_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Design("lenvatinib", **wrong)


def test_what_cannot_be_planned_is_refused(usual):
    fit, vocabulary = usual
    for wrong, said in (
        ({"threshold": 0.5}, "threshold: found 0.5, expected a probability above 0.5"),
        ({"simulations": 3}, "simulations: found 3, expected 10 or more"),
    ):
        with pytest.raises(ValueError, match=said):
            planning.plan(fit, vocabulary, Design("lenvatinib"), **wrong)
    for design, said in (
        (Design("best_care"), "Best supportive care is the reference itself"),
        (Design("radiotherapy"), "no cohort of radiotherapy is pooled; possible: best_care"),
        (Design("lenvatinib", "radiotherapy"), "no cohort of radiotherapy is pooled"),
        (Design("lenvatinab"), "did you mean .lenvatinib"),
    ):
        with pytest.raises(NotComparedError, match=said):
            planning.plan(fit, vocabulary, design)
