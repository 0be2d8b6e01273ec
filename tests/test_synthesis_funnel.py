"""The funnel: standard errors, expectations without the cohort, and the slope of small studies."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from benefit_fits import whole
from bias_fits import PROSPECTIVE, read, usual_fit
from fits import DRAWS
from small_registry import cohort, landmark, median, study

from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, quantile
from synthesis.questions.bias import funnel as question
from synthesis.questions.influence import CohortWeights, cohort_weights

# --- Standard errors -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("size", "close"), [(15, 0.12), (41, 0.05)])
def test_standard_errors_are_those_of_sample_medians(registry, name, size, close):
    """SD of 20000 medians of simulated patients; their own error is 0.5 %.

    The formula holds in large samples: at 15 patients the asymmetry of a Weibull is still worth
    about a tenth.
    """
    rng = np.random.default_rng(size)
    shape, tail = (1.3, 0.3) if FAMILIES[name].has_shape else (1.0, 0.0)
    times = quantile(rng.uniform(size=(20_000, size)), 6.0, shape, name, tail)
    found = np.std(np.log(np.median(times, axis=1)))
    fit = usual_fit(registry, shape_mean=np.log(shape), tail_mean=tail)
    fit = replace(fit, family=FAMILIES[name])
    steepness = question.steepness_of(fit, 0, slice(None))
    assert steepness.shape == (DRAWS,)
    assert question.standard_error(size, steepness[0]) == pytest.approx(found, rel=close)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return read(tmp_path_factory.mktemp("funnel"))


# --- The table -----------------------------------------------------------------------------------


def even(fit):
    """Weights that leave the draws as they are."""
    size, cohorts = fit.flat("mu").size, len(fit.data.cohorts)
    weights = np.full((size, cohorts), 1.0 / size)
    parts = ((fit, np.arange(size), 1.0),)
    return CohortWeights(parts, weights, np.full(size, 1.0 / size), np.zeros(cohorts), 0.7)


def table_of(fit, registry, weights=None):
    return question.funnel_table(fit, registry.vocabulary, weights or even(fit))


def test_every_arm_is_there_and_what_has_no_place_says_why(registry):
    fit = usual_fit(registry)
    table = table_of(fit, registry)
    assert tuple(table.columns) == question.FUNNEL_COLUMNS
    assert len(table) == len(fit.data.arms) == 10
    reasons = table.set_index("study")["reason"]
    assert reasons["lone"] == question.SOLE
    assert reasons["curve"] == question.NO_MEDIAN
    assert reasons["young"] == question.NOT_REACHED_REASON
    shown = table[table["shown"]]
    assert set(shown["study"]) == {"split", "planned", "series", "pair", "untold"}
    assert (shown["reason"] == "").all()
    assert shown["standard_error"].is_monotonic_increasing
    apart = table[~table["shown"]]
    assert apart["deviation"].isna().all()
    kinds = table.set_index("study")["kind"].to_dict()
    known = {"planned": "prospective", "series": "retrospective", "untold": "not stated"}
    assert known.items() <= kinds.items()


def test_deviations_and_limits_by_hand(registry):
    """Everything stands still: the expectation is a sum of effects."""
    still = {"mu": 1.3, "prognostic": 0.8, "shape_mean": 0.2}
    still |= {"covariate_effect": 0.2 * (np.array(COVARIATES) == "retrospective")}
    fit = usual_fit(registry, **still)
    table = table_of(fit, registry)
    own = table.set_index(["study", "histology"])
    mixed = own.loc[("split", "mixed")]
    expected = 1.3 + 0.5 * 0.2 + 0.8 * (1.0 - fit.centre_share)
    assert mixed["expected_months"] == pytest.approx(np.exp(expected))
    assert mixed["deviation"] == pytest.approx(np.log(6.3) - expected)
    assert mixed["ratio"] == pytest.approx(6.3 / np.exp(expected))
    # a Weibull of shape k has the density k (ln 2)/2 at its median, in units of log time
    error = 1.0 / (2.0 * np.sqrt(8) * np.exp(0.2) * np.log(2.0) / 2.0)
    assert mixed["standard_error"] == pytest.approx(error)
    assert mixed["expected_sd"] == pytest.approx(0.0, abs=1e-12)
    assert mixed["z"] == pytest.approx(mixed["deviation"] / np.hypot(error, 0.2))
    assert mixed["cohort_label"].endswith(", mixed")
    planned = own.loc[("planned", "whole")]
    # its share is not printed: the median of the prior is the centre; 2000 draws of 0.09
    assert np.log(planned["expected_months"]) == pytest.approx(1.3 - 0.5 * 0.2, abs=0.01)
    assert planned["expected_sd"] == pytest.approx(0.8 * 0.117, rel=0.08)
    series = own.loc[("series", "whole")]
    assert series["beyond_sampling"] == (abs(series["deviation"]) > 1.96 * series["standard_error"])
    assert series["beyond"] == (abs(series["z"]) > 1.96)


def test_fewer_events_than_patients_are_a_larger_standard_error(tmp_path):
    few = cohort("arm", "lenvatinib", 30, survival=[median(Decimal("4.0"), events=10)])
    registry = read(tmp_path, study("few", few), whole("all", "lenvatinib", 30))
    own = table_of(usual_fit(registry), registry).set_index("study")
    assert own.loc["few", "effective_size"] == 20.0
    ratio = own.loc["few", "standard_error"] / own.loc["all", "standard_error"]
    assert ratio == pytest.approx(np.sqrt(1.5))


def test_what_is_expected_does_not_follow_the_cohort_itself(tmp_path):
    """The treatment has three cohorts at 4 months and one at 12: draws that lean towards it.

    Weighted, they stand nearer to the other three than as drawn.
    """
    tables = [whole(f"s{i}", "lenvatinib", 30) for i in range(3)]
    registry = read(tmp_path, *tables, whole("far", "lenvatinib", 30, "12.0"))
    rng = np.random.default_rng(4)
    effect = 0.3 * rng.standard_normal((1, DRAWS, 1))
    log_median = 1.5 + np.repeat(effect, 4, axis=2)
    known = {"mu": 1.5, "treatment_effect": effect, "treatment_sd": 0.5, "covariate_effect": 0.0}
    known |= {"log_median": log_median, "log_shape": 0.1, "shape_mean": 0.1, "shape_sd": 0.1}
    fit = usual_fit(registry, **known)
    weighted, as_drawn = (
        table_of(fit, registry, weights).set_index("study").loc["far"]
        for weights in (cohort_weights(fit), None)
    )
    assert weighted["expected_months"] < 0.97 * as_drawn["expected_months"]
    assert weighted["deviation"] > as_drawn["deviation"]


# --- The slope -----------------------------------------------------------------------------------

SIZES = (6, 8, 9, 11, 13, 16, 20, 24, 30, 38, 48, 60, 80, 110)


def world(folder, slope, seed, study_sd=0.1):
    """One report of each size for two treatments, medians with their standard errors and more."""
    rng, tables = np.random.default_rng(seed), []
    for treatment, log_median in (("lenvatinib", 2.2), ("best_care", 1.6)):
        for number, size in enumerate(SIZES):
            error = float(question.standard_error(size, np.log(2.0) / 2.0))
            noise = np.hypot(error, study_sd) * rng.standard_normal()
            value = np.exp(log_median + slope * error + noise)
            more = PROSPECTIVE if number % 2 else {}
            name = f"{treatment[:4]}{number}"
            tables.append(whole(name, treatment, size, f"{value:.2f}", **more))
    return read(folder, *tables)


def slopes(registry, **more):
    """Slopes with SDs that are known, of a funnel whose expectations do not matter."""
    known = {"study_sd": 0.1, "class_sd": 0.5, "treatment_sd": 0.5, "prognostic": 0.0}
    fit = usual_fit(registry, **(known | more))
    return question.slope_table(fit, table_of(fit, registry))


def test_an_interval_of_the_slope_of_a_symmetric_world_holds_zero(tmp_path):
    """20 worlds: with coverage 0.95, fewer than 16 hold it with probability 0.003."""
    held, estimates = 0, []
    for seed in range(20):
        (row,) = slopes(world(tmp_path / f"w{seed}", 0.0, seed)).head(1).itertuples()
        held += row.lower <= 0.0 <= row.upper
        estimates.append(row.estimate)
    assert held >= 16
    # their mean: the error of one is some 0.35
    assert abs(np.mean(estimates)) < 4.0 * 0.35 / np.sqrt(20)


@pytest.mark.parametrize("slope", [1.5, -1.5])
def test_a_planted_effect_of_small_studies_has_its_sign(tmp_path, slope):
    table = slopes(world(tmp_path, slope, 3))
    assert tuple(table.columns) == question.SLOPE_COLUMNS
    whole_of = table.set_index("reports").loc["all"]
    assert np.sign(whole_of["estimate"]) == np.sign(slope)
    assert not whole_of["lower"] <= 0.0 <= whole_of["upper"]
    # a quarter of a unit lies between the standard errors of 10 and of 40 patients
    sizes = np.array([question.LARGE, question.SMALL])
    (step,) = np.diff(question.standard_error(sizes, np.log(2.0) / 2.0))
    assert np.log(whole_of["factor"]) == pytest.approx(step * whole_of["estimate"], rel=0.02)
    assert set(table["reports"]) == {"all", "retrospective", "prospective"}
    assert table.set_index("reports").loc["retrospective", "points"] == len(SIZES)


def test_the_slope_is_that_of_a_weighted_regression_with_these_priors(tmp_path):
    """By stacked rows: one for each point, one for each effect with its prior."""
    registry = world(tmp_path, 1.0, 7)
    fit = usual_fit(registry, study_sd=0.1, class_sd=0.5, treatment_sd=0.5, prognostic=0.0)
    funnel = table_of(fit, registry)
    (found,) = question.slope_table(fit, funnel).head(1).itertuples()
    y = np.log(funnel["printed_months"].to_numpy(dtype=float))
    error = funnel["standard_error"].to_numpy(dtype=float)
    design = np.where(funnel["kind"] == "retrospective", 0.5, -0.5)
    first = (funnel["treatment"] == "Lenvatinib").to_numpy(dtype=float)
    effects = [np.ones(y.size), first, 1.0 - first, design, error - error.mean()]
    priors = fit.priors
    means = np.array([priors["overall_median"].location, 0.0, 0.0, 0.0, 0.0])
    half, last = np.sqrt(0.5), question.SLOPE_PRIOR.scale
    scales = [priors["overall_median"].scale, half, half, 0.2, last]
    weight = 1.0 / np.sqrt(error**2 + 0.1**2)
    rows = np.vstack([np.column_stack(effects) * weight[:, None], np.diag(1.0 / np.array(scales))])
    target = np.concatenate([y * weight, means / scales])
    exact = np.linalg.lstsq(rows, target, rcond=None)[0][-1]
    sd = np.sqrt(np.linalg.inv(rows.T @ rows)[-1, -1])
    # 10000 draws: a hundredth of the SD, 1.25 times that for a median, four times allowed
    assert found.estimate == pytest.approx(exact, abs=0.05 * sd)
    assert found.upper - found.lower == pytest.approx(2 * 1.96 * sd, rel=0.05)
    assert found.prior_share == pytest.approx((sd / question.SLOPE_PRIOR.scale) ** 2, rel=0.06)


def test_too_few_medians_have_no_slope(tmp_path):
    curve = study("curve", cohort("arm", "lenvatinib", 22, landmarks=[landmark(12, 0.2)]))
    both = whole("one", "lenvatinib"), whole("two", "lenvatinib", 20)
    assert slopes(read(tmp_path, *both, curve)).empty
