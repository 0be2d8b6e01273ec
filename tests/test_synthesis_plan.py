"""Planning: what studies report, how draws are weighed by it, and what follows for studies of n."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from arviz import mcse
from benefit_fits import planned_fit, read
from fits import DRAWS, observations
from monte_carlo import LARGEST_Z
from scipy import stats

from studies import add_studies
from studies.documents import file_texts, tables_of
from studies.figures import View
from studies.plausibility import review
from studies.schema import NOT_REACHED, Landmark, SurvivalOutcome
from synthesis.fits import class_order, fit_survival_data
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.likelihoods import arm_log_likelihood
from synthesis.model.observations import survival_data
from synthesis.model.sampler import SamplerSettings
from synthesis.predictive import Patients, median_follow_up
from synthesis.questions import plan as planning
from synthesis.questions.compare import compare
from synthesis.questions.contrasts import GAIN, NotComparedError
from synthesis.questions.plan import Design, result, simulate

# Order of the treatments in the fit.
LENVATINIB, BEST_CARE = 0, 3


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """Fit and vocabulary."""
    return planned_fit(tmp_path_factory.mktemp("planning"))


def job_of(fit, vocabulary, rows=None, **design):
    """What `plan` works with, to look inside."""
    rows = np.arange(0, DRAWS, 2) if rows is None else rows
    asked = Design("lenvatinib", reference="best_care", **design)
    return planning.Job(fit, vocabulary, asked, 1.5, 0.975, rows)


def curves_of(job, seed):
    return simulate.new_curves(job.fit, job.arms, np.random.default_rng(seed))


def course_of(job, draw, population, seed=1):
    return simulate.draw_course(
        curves_of(job, seed), draw, job.design, population, np.random.default_rng(draw)
    )


def plan_of(fit, vocabulary, *, delta=1.5, simulations=40, draws=1000, **design):
    """Plan a small study of lenvatinib."""
    asked = Design("lenvatinib", **({"sizes": (30,)} | design))
    return planning.plan(fit, vocabulary, asked, delta=delta, simulations=simulations, draws=draws)


# --- What is reported ----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined", "ignore:divide by zero")
@pytest.mark.parametrize("n", [5, 12, 37, 200])
def test_a_report_says_what_scipy_estimates(n):
    rng = np.random.default_rng(n)
    times, end = rng.weibull(0.9, n) * 6.0, rng.uniform(4.0, 30.0, n)
    patients = Patients(np.minimum(times, end), times <= end)
    outcome = SurvivalOutcome(**simulate.outcome_of(patients, "os"))
    marks = [Landmark(**mark) for mark in simulate.landmarks_of(patients, "os")]
    sample = stats.CensoredData.right_censored(patients.months, ~patients.event)
    survival = stats.ecdf(sample).sf
    interval = survival.confidence_interval(method="log-log")
    band = (interval.low, interval.high)
    died = np.isin(survival.quantiles, patients.months[patients.event])
    time, value = survival.quantiles[died], survival.probabilities[died]

    def crossing(values):
        below = np.flatnonzero(values <= 0.5 + 1e-12)
        return f"{time[below[0]]:.1f}" if below.size else NOT_REACHED

    half = np.flatnonzero(np.isclose(value, 0.5))
    median = f"{time[half[0] : half[0] + 2].mean():.1f}" if half.size else crossing(value)
    assert str(outcome.median) == median
    limits = [crossing(np.nan_to_num(end.probabilities[died], nan=1.0)) for end in band]
    assert [str(limit) for limit in outcome.ci] == limits
    assert outcome.events == patients.event.sum()
    assert [int(mark.time) for mark in marks] == [m for m in (6, 12) if patients.months.max() > m]
    for mark in marks:
        estimates = [curve.evaluate(float(mark.time)) for curve in (survival, *band)]
        assert [f"{mark.survival}", *map(str, mark.ci)] == [f"{own:.3f}" for own in estimates]


def test_a_test_of_two_groups_says_how_sure_and_which_lives_longer():
    rng = np.random.default_rng(4)
    times, first = rng.exponential(6.0, 60), np.arange(60) < 25
    times[first] *= 2.0
    patients = Patients(np.minimum(times, 15.0), times < 15.0)
    groups = [patients.only(first), patients.only(~first)]
    (test,) = simulate.comparison_of(*groups, ("a", "b"), "os")
    exact = stats.logrank(
        *(stats.CensoredData.right_censored(group.months, ~group.event) for group in groups)
    )
    # reported to two digits: half of the last is at most a twentieth of the value
    assert float(test["p"]) == pytest.approx(exact.pvalue, rel=0.05)
    assert test["hr"] < 1
    assert test["groups"] == ("a", "b")
    nobody = Patients(np.array([1.0]), np.array([False]))
    assert simulate.comparison_of(nobody, nobody, ("a", "b"), "os") == []


def test_nobody_dies_and_the_median_is_not_reached():
    patients = Patients(np.array([14.0, 20.0, 26.0]), np.zeros(3, dtype=bool))
    outcome = simulate.outcome_of(patients, "os")
    assert (outcome["median"], outcome["events"]) == (NOT_REACHED, 0)
    assert float(outcome["follow_up"]) == median_follow_up(patients) == 20.0
    assert not any("ci" in record for record in (outcome, *simulate.landmarks_of(patients, "os")))


@pytest.mark.parametrize("kind", ["single-arm", "randomised"])
@pytest.mark.parametrize("population", ["all", "mixed"])
def test_a_simulated_report_passes_the_checks_of_the_registry(
    shipped, usual, tmp_path, kind, population
):
    job = job_of(*usual, kind=kind, sizes=(60,))
    names = ("lenvatinib", "no_systemic_therapy")[: len(job.arms)]
    arms = tuple(simulate.PlannedArm(name, "x", "systemic") for name in names)
    for draw in (3, 700):
        report = simulate.reported_study(
            course_of(job, draw, population), job.design, arms, 60, "os"
        )
        (text,) = file_texts({"planned.toml": tables_of(report)}, schema="").values()
        (tmp_path / "planned.toml").write_text(text, encoding="utf-8")
        larger = add_studies(shipped, [tmp_path / "planned.toml"])
        assert larger.studies["planned"] == report
        odd = [p.found for p in review(larger).warnings if p.file == "planned.toml"]
        assert odd == []


def test_a_study_of_few_patients_is_the_beginning_of_one_of_many(usual):
    job = job_of(*usual, sizes=(20, 50))
    course = course_of(job, 5, "all")
    few, many = (simulate.reported_study(course, job.design, job.arms, n, "os") for n in (20, 50))
    ((patients, mixed),) = course
    for report, n in ((few, 20), (many, 50)):
        (cohort,) = report.cohorts
        assert cohort.histology.mixed == mixed[:n].sum()
        groups = {group.histology: group.survival[0] for group in cohort.subgroups}
        assert groups["mixed"].events == patients.event[:n][mixed[:n]].sum()


def test_patients_of_a_randomised_study_differ_by_treatment_alone(usual):
    """Both arms have the study effect of their draw: medians differ by those of the treatments."""
    job = job_of(*usual, kind="randomised", sizes=(8,))
    (one, _), (other, _) = curves_of(job, 3)
    effects = job.fit.flat("treatment_effect")
    slopes = job.fit.flat("predictive")
    apart = effects[:, LENVATINIB] - effects[:, BEST_CARE]
    apart -= job.fit.centre_share * (slopes[:, LENVATINIB] - slopes[:, BEST_CARE])
    np.testing.assert_allclose(np.log(one.median / other.median), apart, atol=1e-9)


def test_a_control_arm_beside_a_selecting_treatment_is_selected_too():
    refs = [SimpleNamespace(treatment=name, treatment_class="x", role="systemic") for name in "ab"]
    asking, other = simulate.planned_arms(Design("a", kind="randomised"), refs, frozenset({"a"}))
    assert (asking.braf_selected, other.braf_selected) == (False, True)
    # of stage, resection, age and years a plan says nothing
    assert asking.covariates == (-0.5, 0.0, -0.5, 0.0, *5 * (0.0,))
    assert other.covariates == (-0.5, 0.0, -0.5, pytest.approx(0.7), *5 * (0.0,))


# --- How draws are weighed -----------------------------------------------------------------------


@pytest.mark.parametrize("sd", [0.0, 0.03, 0.4])
def test_hat_means_integrate_a_broken_line_over_a_normal(sd):
    axis, mean = simulate.Axis(-2.0, 0.1, 41), np.array([0.137])
    values = np.random.default_rng(1).normal(size=axis.size)
    found = float(axis.hat_means(mean, np.array([sd]))[0] @ values)
    if sd == 0.0:
        exact = np.interp(mean[0], axis.points, values)
    else:
        x = mean[0] + sd * np.linspace(-6, 6, 240_001)
        density = stats.norm.pdf(x, mean[0], sd)
        exact = np.sum(density * np.interp(x, axis.points, values, 0.0, 0.0)) / density.sum()
    assert found == pytest.approx(exact, abs=1e-5)


def brute(updater, data, draw):
    """Log likelihood of a new study at one draw, by a dense grid over all its own effects."""
    effects = updater.study_sd[draw] * np.linspace(-6.0, 6.0, 401)
    weight = stats.norm.pdf(np.linspace(-6.0, 6.0, 401))
    total = np.log(weight / weight.sum())
    for number, own in enumerate(updater.expected):
        steps = np.linspace(-6.0, 6.0, 81)
        log_shape = own.log_shape[draw] + updater.shape_sd[draw] * steps
        value = np.log(stats.norm.pdf(steps) / stats.norm.pdf(steps).sum())[None, :]
        for arm in data.arms:
            if arm.cohort == number:
                at = own.at(arm.share)[draw] + effects
                even = [0.0] * len(arm.chains)
                value = value + arm_log_likelihood(
                    arm.chains, even, at[:, None], log_shape[None, :], updater.family
                )
        for item in data.comparisons:
            one, other = data.arms[item.first], data.arms[item.second]
            if one.cohort == number:
                first = own.at(one.share)[draw]
                second = updater.expected[other.cohort].at(other.share)[draw]
                places = (Place(location, log_shape[None, :]) for location in (first, second))
                value = value + comparison_log_likelihood(item, *places, updater.family)
        total = total + np.logaddexp.reduce(value, axis=1)
    return float(np.logaddexp.reduce(total))


@pytest.mark.parametrize("kind", ["single-arm", "randomised"])
@pytest.mark.parametrize("population", ["all", "pure", "mixed"])
def test_the_likelihood_of_a_new_study_is_that_of_its_figures(usual, kind, population):
    job = job_of(*usual, kind=kind, sizes=(60,))
    data = job.read(course_of(job, 400, population, seed=8), 60)
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
    assert not first["extrapolated"].any()  # a report of lenvatinib tells the two apart


def test_what_no_report_tells_apart_is_extrapolated(usual, tmp_path):
    design = Design("sorafenib", sizes=(8,))
    answer = planning.plan(*usual, design, simulations=10, draws=400)
    assert answer.table["extrapolated"].tolist() == [False, True, True]
    gain, _, limits = result(answer, read(tmp_path)).findings
    assert "no report of sorafenib tells the two apart" in " ".join(limits.sentences)
    assert [cells[0].extrapolated for cells in gain.tables[0].rows] == [False, True, True]


def test_the_result_says_what_the_table_says(usual, tmp_path):
    found = plan_of(*usual, sizes=(20, 40), simulations=20)
    answer = result(found, read(tmp_path))
    gain, _, limit = answer.findings
    for row, cells in zip(found.table.itertuples(index=False), gain.tables[0].rows, strict=True):
        assert cells[1].text == f"{row.n}"
        assert float(cells[2].text) == pytest.approx(row.p_today, abs=0.005)
        assert float(cells[8].text) == pytest.approx(np.exp(row.expected_width_ratio), rel=0.005)
        assert (f"n = {row.n} (" in limit.sentences[-1]) == (not row.reliable)
        assert cells[3].text.endswith("*") == (not row.reliable)
    assert answer.tables["plan"] is found.table
    assert all(picture.draw().axes for picture in answer.pictures)


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
        (Design("radiotherapy"), "no cohort of radiotherapy is pooled for os; possible: best_care"),
        (Design("lenvatinib", "radiotherapy"), "no cohort of radiotherapy is pooled"),
        (Design("lenvatinab"), "did you mean .lenvatinib"),
    ):
        with pytest.raises(NotComparedError, match=said):
            planning.plan(fit, vocabulary, design)


# --- Against a refit -----------------------------------------------------------------------------

LONG = SamplerSettings(draws=3000, tune=1000, chains=2, seed=77)


def chain_error(values):
    """Monte Carlo error of a mean, of draws with one chain after the other."""
    return float(mcse(values.reshape(LONG.chains, -1)))


def quantities(job):
    """Draws of what a plan speaks of, on the scale of its model."""
    return {"gain": np.arcsinh(job.gain("pure"))} | job.effects()  # months have a long tail


@pytest.mark.slow
def test_weights_give_what_a_refit_gives(tmp_path, survival_sizes):
    """A randomised report with pure and mixed patients apart in both arms."""
    registry = read(tmp_path)
    data, vocabulary = observations(registry), registry.vocabulary
    fit = fit_survival_data(data, settings=LONG, sizes=survival_sizes)
    every = np.arange(fit.flat("mu").size)
    job = job_of(fit, vocabulary, every, kind="randomised", sizes=(48,))
    # a study that the draws can be weighed by: one far from all of them is refused as unreliable
    for number in range(2000, 2010):
        course = course_of(job, number, "all", seed=12)
        values = job.updater(48).log_likelihood(job.read(course, 48))[:, None]
        weights, (effective,), (unreliable,) = planning.weigh(values)
        if not unreliable:
            break
    assert not unreliable

    report = simulate.reported_study(course, job.design, job.arms, 48, "os")
    counted = (*data.cohorts, *simulate.study_refs(report, job.arms))
    view, order = View("os", False, True), class_order(registry)
    larger = survival_data(counted, view, order, vocabulary.selecting)
    assert len(larger.arms) == len(data.arms) + 4
    again = fit_survival_data(larger, settings=LONG, sizes=survival_sizes)
    assert again.diagnosis.verdict == "PASS"
    refitted = quantities(job_of(again, vocabulary, every, kind="randomised", sizes=(48,)))
    weights, shifts = weights[:, 0], []
    for name, before in quantities(job).items():
        after = refitted[name]
        mean = float(weights @ before)
        sd = float(np.sqrt(weights @ np.square(before - mean)))
        # draws along a chain are correlated: fewer are independent, by this factor
        correlated = before.size * np.square(chain_error(before) / before.std())
        independent = effective / correlated
        error = np.hypot(sd / np.sqrt(independent), chain_error(after))
        assert abs(mean - after.mean()) < LARGEST_Z * error, name
        # relative error of an SD, twice that of a normal for a longer tail
        assert abs(np.log(sd / after.std())) < LARGEST_Z * 2.0 / np.sqrt(2.0 * independent), name
        shifts.append(abs(mean - before.mean()) / error)
    # teeth: what the study tells moves some of them by more than the error
    assert max(shifts) > LARGEST_Z
