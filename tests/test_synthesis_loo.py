"""Leave-one-cohort-out densities against brute force and refits, and the weights of families."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from arviz import from_dict
from fits import observations
from loo_by_hand import DESIGNS, ByHand, brute, cohort_named, drawn, effect, every_kind, slope
from scipy import stats
from scipy.special import logsumexp
from simulated_registry import read
from small_registry import cohort, landmark, median, study, write_registry

from studies import load_registry
from synthesis import left_out
from synthesis.fits import fit_survival_data
from synthesis.left_out import LeftOutPredictions, cohort_log_likelihood, leave_one_out
from synthesis.model.arrays import shared_parts
from synthesis.model.families import FAMILIES, quantile
from synthesis.model.likelihoods import arm_log_likelihood
from synthesis.model.printed import METHODS
from synthesis.model.sampler import SamplerSettings
from synthesis.model.survival import Variant
from synthesis.stacking import CHOICE_COLUMNS, choose, stacking_weights


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loo") / "registry"
    registry = load_registry(write_registry(folder, *every_kind(), vocabulary=DESIGNS))
    found = observations(registry)
    assert len(found.cohorts) == 8
    assert len(found.comparisons) == 3
    assert set(shared_parts(found)) == {1.0, 0.5}
    return found


NAMES = ("whole:arm", "split:arm", "listed:arm", "trial:one", "trial:two")
NAMES += ("pair:one", "pair:two", "alone:arm")


# the exponential has no shape to integrate
CASES = [*product(("weibull", "log-logistic", "long-tail"), NAMES), ("exponential", "whole:arm")]


@pytest.mark.parametrize(("chosen", "name"), CASES)
def test_the_effects_of_a_cohort_are_integrated_out(data, chosen, name):
    own, fit = drawn(data, chosen)
    found = cohort_log_likelihood(fit)
    assert found.shape == (3, 8)
    exact = [brute(own, fit, s, name) for s in range(3)]
    # a hundredth of a log unit is less than any difference between families that matters
    np.testing.assert_allclose(found[:, cohort_named(data, name)], exact, atol=0.01)
    finer = cohort_log_likelihood(fit, nodes=(31, 21))[:, cohort_named(data, name)]
    np.testing.assert_allclose(finer, exact, atol=0.002)


BIASED = {
    "fixed": (Variant(retrospective_bias=0.5), {}),
    "estimated": (Variant(retrospective_bias="estimated"), {"bias_sd": 0.5}),
}


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_drawn_from_what_the_density_is_integrated_over(data, name):
    """The mean likelihood of what a cohort prints, over its predictions, is its density."""
    own, fit = drawn(data, draws=1)
    many = {key: np.repeat(value[None], 500, axis=1) for key, value in own.items()}
    alike = replace(fit, draws=replace(fit.draws, tree=from_dict({"posterior": many})))
    j, hand = cohort_named(data, name), ByHand(own, fit, 0)
    predicted = LeftOutPredictions(alike).of(j, 40_000, np.random.default_rng(3))
    at = {arm: drawn.location for arm, drawn in predicted.items()}
    first = next(iter(predicted.values()))
    value = sum(hand.arm(arm, at[arm], first.log_shape) for arm in at)
    for item in data.comparisons:
        cohorts = [data.arms[arm].cohort for arm in (item.first, item.second)]
        if max(cohorts) != j:
            continue
        shift = first.study - effect(own, data, j)[0] if name.startswith("trial") else 0.0
        medians = own["log_median"][0]
        sides = [at[i] if i in at else medians[i] + shift for i in (item.first, item.second)]
        shapes = [first.log_shape if c == j else own["log_shape"][0, c] for c in cohorts]
        value = value + hand.comparison(item, sides, shapes)
    found = np.exp(value - brute(own, fit, 0, name))
    # four standard errors; where its report knows of it, of some thousand candidates
    assert found.mean() == pytest.approx(1.0, abs=4 * found.std() / 60)


@pytest.mark.parametrize("which", BIASED)
def test_the_bias_of_a_retrospective_report_is_integrated_out_with_its_effect(data, which):
    variant, fixed = BIASED[which]
    own, fit = drawn(data, variant=variant, **fixed)
    found = cohort_log_likelihood(fit, nodes=(31, 21))
    usual = cohort_log_likelihood(drawn(data)[1], nodes=(31, 21))
    moved = {}
    for name in ("whole:arm", "trial:one", "pair:one", "alone:arm"):
        j = cohort_named(data, name)
        exact = [brute(own, fit, s, name) for s in range(3)]
        np.testing.assert_allclose(found[:, j], exact, atol=0.002)
        moved[name] = np.abs(found[:, j] - usual[:, j]).max()
    # patients that were allocated at random were not chosen afterwards
    assert moved.pop("trial:one") == 0.0
    assert min(moved.values()) > 0.02  # ten times the tolerance


def test_what_is_integrated_out_does_not_matter(data):
    """Two sets of draws that agree in all but the effects of one cohort."""
    own, fit = drawn(data)
    other = {name: value.copy() for name, value in own.items()}
    j, index = cohort_named(data, "whole:arm"), data.studies.index("whole")
    other["study_effect"][:, index] += 0.2
    other["log_shape"][:, j] += 0.1
    (i,) = [i for i, arm in enumerate(data.arms) if arm.cohort == j]
    other["mixed_share"][:, i] -= 0.1
    other["log_median"][:, i] += 0.2 - 0.1 * slope(own, data, j)
    tree = from_dict({"posterior": {name: value[None] for name, value in other.items()}})
    moved = replace(fit, draws=replace(fit.draws, tree=tree))
    one, two = (cohort_log_likelihood(f, nodes=(31, 21)) for f in (fit, moved))
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_robust_study_effects_are_student_t(data):
    """By a fine grid of the effect of the study, its share known: listed patients of two."""
    robust = Variant(study_effects="student-t")
    own, fit = drawn(data, "exponential", variant=robust, prognostic_sd=0.0)
    j = cohort_named(data, "split:arm")
    found = cohort_log_likelihood(fit, nodes=(61, 1))[:, j]
    z = np.linspace(-60.0, 60.0, 24001)
    for s in range(3):
        hand = ByHand(own, fit, s)
        arms = [i for i, arm in enumerate(data.arms) if arm.cohort == j]
        at = {i: hand.median(i, 0.3 * z, 0.0) for i in arms}
        value = sum(hand.arm(i, at[i], np.zeros(1)) for i in arms)
        (item,) = [c for c in data.comparisons if c.first in arms]
        sides = at[item.first], at[item.second]
        value = value + hand.comparison(item, sides, 2 * (np.zeros(1),))
        exact = logsumexp(value + stats.t.logpdf(z, 4.0)) + np.log(z[1] - z[0])
        assert found[s] == pytest.approx(exact, abs=0.01)


# --- against refits ------------------------------------------------------------------------------


def reports():
    """Three reports of each of two treatments."""
    medians = {"lenvatinib": ("4.0", "5.5", "3.1"), "sorafenib": ("6.0", "8.0", "5.0")}
    tables = []
    for treatment, values in medians.items():
        for number, value in enumerate(values):
            middle = float(value)
            ends = [Decimal(f"{middle * factor:.1f}") for factor in (0.6, 1.9)]
            printed = median(Decimal(value), ci=ends, level=Decimal("0.95"))
            name = f"{treatment[:4]}{number}"
            tables.append(study(name, cohort("arm", treatment, 20 + number, survival=[printed])))
    return tables


def simulated_density(fit, data, j, rng, copies=200):
    """Density of what a cohort prints under a fit that has not seen it: effects drawn anew.

    And the log medians at which it is.
    """
    rows = np.linspace(0, fit.flat("mu").size - 1, 500).astype(int)
    treatment = fit.data.treatments.index(data.cohorts[j].treatment)
    group = fit.data.treatment_class[treatment]

    def column(values):
        return values[rows][:, None]

    def new(name):
        return column(fit.flat(name)) * rng.standard_normal((rows.size, copies))

    location = column(fit.flat("mu")) + column(fit.flat("class_effect")[:, group])
    location = location + column(fit.flat("treatment_effect")[:, treatment]) + new("study_sd")
    location = location + column(fit.flat("covariate_effect") @ np.array(data.covariates[j]))
    log_shape = column(fit.flat("shape_mean")) + new("shape_sd")
    log_shape = log_shape + column(fit.flat("shape_treatment_effect")[:, treatment])
    logits = fit.flat("convention_logits")[rows]
    log_p = logits - logsumexp(logits, axis=1, keepdims=True)
    (arm,) = [arm for arm in data.arms if arm.cohort == j]
    weights = [log_p[:, METHODS.index(method)][:, None] for method in arm.methods]
    value = arm_log_likelihood(arm.chains, weights, location, log_shape, fit.family)
    return logsumexp(value) - np.log(value.size), location


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_importance_sampling_agrees_with_leaving_cohorts_out(tmp_path, survival_sizes, step):
    """A report of either treatment, or in the slow ring every report, each with a refit."""
    tables, rng = reports(), np.random.default_rng(2)
    kept = 8000  # of 2,000, one estimate of Pareto k in six may pass the limit by chance
    settings = SamplerSettings(draws=kept // 2, tune=500, chains=2, seed=4)

    def fit(data):
        return fit_survival_data(data, settings=settings, sizes=survival_sizes, cache=False)

    data = read(tmp_path / "all", tables)
    whole = fit(data.at_share(0.4))
    found = leave_one_out(whole, draws=kept)
    assert found.pareto_k.max() < 0.7
    exact, seen, predictions = [], [], LeftOutPredictions(whole, kept)
    for j, ref in list(enumerate(data.cohorts))[::step]:
        others = [table for table in tables if table["id"] != ref.study.id]
        rest = fit(read(tmp_path / ref.study.id, others).at_share(0.4))
        density, location = simulated_density(rest, data, j, rng)
        exact.append(density)
        seen.append(simulated_density(whole, data, j, rng)[0])
        (predicted,) = predictions.of(j, 4000, rng).values()
        ends = np.quantile(predicted.location, [0.1, 0.5, 0.9])
        # a quarter of the spread between studies that the fits find
        np.testing.assert_allclose(ends, np.quantile(location, [0.1, 0.5, 0.9]), atol=0.12)
    # Monte Carlo: some hundred effective draws on either side
    np.testing.assert_allclose(found.elpd[::step], exact, atol=0.12)
    # the cohort itself makes its density higher, so the two are told apart
    assert sum(seen) - sum(exact) > 0.8 * len(exact) / len(data.cohorts)
    if step == 1:
        assert found.p_loo == pytest.approx(sum(seen) - sum(exact), abs=0.5)


# --- weights -------------------------------------------------------------------------------------


def test_left_out_densities_are_kept_beside_the_draws(data, tmp_path, monkeypatch):
    fit = drawn(data, "weibull", draws=30)[1]
    fit = replace(fit, draws=replace(fit.draws, folder=tmp_path))
    first = leave_one_out(fit, nodes=(3, 3))
    fit = replace(fit, draws=replace(fit.draws))  # as of another process: nothing is in memory
    (kept,) = tmp_path.iterdir()
    with monkeypatch.context() as patch:
        patch.setattr(left_out, "cohort_log_likelihood", lambda *_, **__: pytest.fail("again"))
        for name, value in vars(leave_one_out(fit, nodes=(3, 3))).items():
            np.testing.assert_array_equal(value, getattr(first, name))
        with pytest.raises(pytest.fail.Exception, match="again"):
            leave_one_out(fit, nodes=(5, 3))
    kept.write_bytes(kept.read_bytes()[:100])
    fit = replace(fit, draws=replace(fit.draws))
    np.testing.assert_array_equal(leave_one_out(fit, nodes=(3, 3)).elpd, first.elpd)
    assert kept.stat().st_size > 100


@pytest.mark.parametrize("even", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(10))
def test_weights_are_the_best_of_the_simplex(seed, even):
    rng = np.random.default_rng(seed)
    densities = -10.0 + rng.standard_normal((30, 4)) - 400.0 * (rng.uniform(size=(30, 1)) < 0.1)

    def score(weights):
        return logsumexp(densities, b=weights, axis=1).sum() + even * np.log(weights).mean()

    weights = stacking_weights(densities, even)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights >= 0.0).all()
    best = score(np.maximum(weights, 1e-300))
    for other in rng.dirichlet(np.full(4, 0.5), 500):
        for step in (1.0, 0.1, 0.01):
            near = (1.0 - step) * weights + step * other
            assert score(np.maximum(near, 1e-300)) <= best + 1e-6


def test_a_family_that_is_worse_gets_next_to_nothing_and_a_near_tie_is_left_one():
    worse, tie = (np.tile([-3.0, other], (20, 1)) for other in (-3.5, -3.001))
    np.testing.assert_allclose(stacking_weights(worse, 0.0), [1.0, 0.0], atol=1e-6)
    # half a cohort against twenty, each of which speaks for the first by half a log unit
    assert 0.0 < stacking_weights(worse)[1] < 0.08
    assert stacking_weights(np.tile([-3.0, -9.0], (20, 1)))[1] == pytest.approx(0.5 / 21, rel=0.01)
    np.testing.assert_allclose(stacking_weights(tie, 0.0), [1.0, 0.0], atol=0.02)
    np.testing.assert_allclose(stacking_weights(tie), [0.5, 0.5], atol=0.02)


def many_landmarks(true, tmp_path, seed):
    """Large cohorts with survival at many times, from one family."""
    rng, middles = np.random.default_rng(seed), []
    months = (1, 2, 3, 6, 9, 12, 18, 24, 36)
    tables = []
    for number in range(12):
        size = 400
        times = quantile(rng.uniform(size=size), 6.0, np.exp(0.1), true, 0.3)
        times = times * np.exp(0.3 * rng.standard_normal())
        middles.append(np.log(np.median(times)))
        marks = [
            landmark(month, Decimal(f"{np.mean(times > month):.3f}"))
            for month in months
            if np.mean(times > month) > 0.005
        ]
        tables.append(study(f"r{number:02}", cohort("arm", "lenvatinib", size, landmarks=marks)))
    return read(tmp_path / true, tables), np.array(middles)


@pytest.mark.parametrize("true", ["weibull", "log-logistic", "log-normal"])
def test_stacking_finds_the_family_of_plentiful_data(tmp_path, true):
    data, middles = many_landmarks(true, tmp_path, 3)
    values = {"study_sd": 1.0, "shape_sd": 0.5}  # wide enough for the best of each family
    fits = {}
    for name in ("weibull", "log-logistic", "log-normal"):
        _, fit = drawn(data, name, draws=60, at=middles, **values)
        fits[name] = fit
    choice = choose(fits)
    assert choice.stacked
    assert choice.cohorts == 12
    assert tuple(choice.table.columns) == CHOICE_COLUMNS
    assert choice.table["family"].iloc[0] == FAMILIES[true].label
    assert choice.weights[true] > 0.8
    assert sum(choice.weights.values()) == pytest.approx(1.0)
    for row in choice.table.itertuples():
        name = next(n for n, f in FAMILIES.items() if f.label == row.family)
        assert row.weight == choice.weights[name]
    assert (choice.table["elpd_difference"] <= 0.0).all()


def test_too_few_cohorts_are_weighed_equally(tmp_path):
    tables = reports()[:3]
    data = read(tmp_path / "few", tables)
    fits = {name: drawn(data, name, draws=20)[1] for name in ("weibull", "log-normal")}
    choice = choose(fits)
    assert not choice.stacked
    assert dict(choice.weights) == {"weibull": 0.5, "log-normal": 0.5}


def test_fits_of_other_cohorts_cannot_be_compared(data, tmp_path):
    other = read(tmp_path / "other", reports())
    with pytest.raises(ValueError, match="the fit of log-normal is of other cohorts"):
        choose({"weibull": drawn(data)[1], "log-normal": drawn(other, "log-normal")[1]})
    with pytest.raises(ValueError, match="no fit to compare"):
        choose({})
