"""One report's difference between pure and mixed: alone, pooled, and as a selected result."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from benefit_fits import read, split, spread, told_fit, whole
from fits import DRAWS, fit_of, observations
from registries import shipped
from scipy import stats

from priors import MEAN_PRIOR, load_priors
from synthesis import numbers
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.families import FAMILIES
from synthesis.model.likelihoods import arm_log_likelihood
from synthesis.questions import single as question
from synthesis.questions.histology import pick
from synthesis.stacking import stack

STEP = question.LOG_RATIOS[1] - question.LOG_RATIOS[0]


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return read(tmp_path_factory.mktemp("single"))


@pytest.fixture(scope="module")
def fit(registry):
    return told_fit(registry, log_shape=spread(-0.1, 0.1, 6, 5), shape_mean=-0.1)


@pytest.fixture(scope="module")
def result(registry, fit):
    return first(fit, registry)


def first(fit, registry):
    """The first result of a fit."""
    return question.single_result(fit, question.results_by_histology(fit)[0], registry.vocabulary)


def of_two(folder, treatment="sorafenib", **more):
    """Registry of a report by histology and of another treatment, and a fit of it."""
    registry = read(folder, split(**more), whole("second", treatment))
    fit = told_fit(registry, treatment_effect=0.0, predictive=spread(0.0, 0.1, 4, 2))
    return registry, fit


def pair_of(folder, **more):
    _, fit = of_two(folder, **more)
    return question.pair_of(fit, question.results_by_histology(fit)[0])


def density_of(folder, name="weibull", **more):
    return question.ratio_alone(pair_of(folder, **more), FAMILIES[name], load_priors())


# --- Alone ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_the_density_of_a_ratio_integrates_to_one(tmp_path, name):
    density = density_of(tmp_path, name)
    assert density.sum() * STEP == pytest.approx(1.0)
    assert density.min() >= 0.0
    # the ends of the lattice are far beyond any ratio
    assert max(density[0], density[-1]) < 1e-6 * density.max()


def test_groups_alike_say_nothing_of_the_sign(tmp_path):
    same = {"pure": Decimal("4.0"), "mixed": Decimal("4.0")}
    density = density_of(tmp_path, n=(12, 12), medians=same, p=None)
    np.testing.assert_allclose(density, density[::-1], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["weibull", "log-logistic"])
def test_the_density_is_that_of_a_grid_over_everything(tmp_path, name):
    """Mean and SD of the log ratio by a plain three-way grid."""
    pair, family, priors = pair_of(tmp_path), FAMILIES[name], load_priors()
    density = question.ratio_alone(pair, family, priors)
    beta = question.LOG_RATIOS
    mean = (beta * density).sum() * STEP
    sd = np.sqrt(((beta - mean) ** 2 * density).sum() * STEP)

    shape = {"weibull": "shape_weibull", "log-logistic": "shape_log_logistic"}[name]
    scales = [priors[n].scale for n in (shape, "shape_treatment_sd", "shape_sd")]
    wide = np.sqrt(np.sum(np.square(scales)))
    a = np.linspace(-2.5, 4.5, 141)[:, None, None]
    b = np.linspace(-4.0, 8.0, 241)[None, :, None]
    k = (priors[shape].location + wide * np.linspace(-4, 4, 33))[None, None, :]
    item = pair.comparison
    log_p = (
        arm_log_likelihood(pair.pure.chains, [0.0], a, k, family)
        + arm_log_likelihood(pair.mixed.chains, [0.0], a + b, k, family)
        + comparison_log_likelihood(item, Place(b, k), Place(0.0, k), family)
        + stats.norm.logpdf(a + b / 2.0, priors["overall_median"].location, MEAN_PRIOR.scale)
        + stats.norm.logpdf(b, 0.0, MEAN_PRIOR.scale)
        + stats.norm.logpdf(k, priors[shape].location, wide)
    )
    weight = np.exp(log_p - log_p.max())
    exact = (weight * b).sum() / weight.sum()
    spread_of = np.sqrt((weight * (b - exact) ** 2).sum() / weight.sum())
    # the coarser of the two lattices is a twentieth of a log unit wide
    assert mean == pytest.approx(exact, abs=2e-3)
    assert sd == pytest.approx(spread_of, abs=2e-3)


def test_larger_groups_say_more(tmp_path):
    widths = []
    for number, n in enumerate(((15, 8), (150, 80))):
        folder = tmp_path / str(number)
        folder.mkdir()
        density = density_of(folder, n=n, p=None)
        reached = np.cumsum(density) * STEP
        widths.append(np.diff(np.interp((0.025, 0.975), reached, question.LOG_RATIOS))[0])
    # ten times the patients: a root of ten narrower, a little less as shapes stay unknown
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10.0), rel=0.25)


def test_families_are_weighted_as_in_the_pool(registry, fit):
    fits = {"weibull": fit, "log-logistic": replace(fit, family=FAMILIES["log-logistic"])}
    stacked = stack(fits, {"weibull": 0.25, "log-logistic": 0.75})
    found = first(stacked, registry).alone
    assert list(found["family"]) == ["Weibull", "log-logistic", "stacked"]
    assert list(found["weight"]) == [0.25, 0.75, 1.0]
    own = found.set_index("family")["p_above_one"]
    assert own["stacked"] == pytest.approx(0.25 * own["Weibull"] + 0.75 * own["log-logistic"])


# --- Which results -------------------------------------------------------------------------------


def test_the_starting_point_comes_first_and_is_read_from_the_registry():
    registry = shipped()
    fit = fit_of(
        registry,
        prognostic=spread(0.8, 0.3, 1),
        predictive=spread(0.0, 0.2, 2, len(observations(registry).treatments)),
        log_shape=-0.1,
    )
    ref = question.results_by_histology(fit)[0]
    assert ref.study.id == question.STARTING_POINT
    found = first(fit, registry)
    medians = {
        group.histology: float(group.survival[0].median)
        for group in ref.cohort.subgroups
        if group.survival
    }
    assert (found.reported.pure, found.reported.mixed) == (medians["pure"], medians["mixed"])
    (p,) = [str(c.p) for c in ref.study.comparisons]
    assert found.reported.p == p
    words = " ".join(question.sentences(found))
    assert f"{found.reported.mixed:g} months in {found.reported.n_mixed} patients" in words
    assert f"p = {p}" in words


def test_another_printed_figure_gives_another_answer(tmp_path, result):
    medians = {"pure": Decimal("2.7"), "mixed": Decimal("2.9")}
    changed, fit = of_two(tmp_path, "best_care", medians=medians, p="0.7")
    found = first(fit, changed)
    assert found.reported.ratio == pytest.approx(2.9 / 2.7)
    assert found.alone.iloc[-1]["estimate"] < result.alone.iloc[-1]["estimate"]
    assert found.as_large_by_chance > result.as_large_by_chance


def test_a_cohort_that_does_not_print_both_is_refused(registry, fit):
    other = next(ref for ref in fit.data.cohorts if ref.study.id == "second")
    with pytest.raises(ValueError, match=r"found second:arm, .* which are split:arm"):
        question.single_result(fit, other, registry.vocabulary)


# --- Pooled --------------------------------------------------------------------------------------


def test_both_effects_together_are_their_sum(result, fit):
    t = fit.data.treatments.index("lenvatinib")
    total = np.exp(fit.flat("prognostic") + fit.flat("predictive")[:, t])
    row = pick(result.effects, {"effect": question.BOTH, "which": "posterior"})
    assert row.estimate == pytest.approx(np.median(total))
    prior = pick(result.effects, {"effect": question.BOTH, "which": "prior"})
    assert prior.log_sd == pytest.approx(np.hypot(0.7, 0.2))
    shown = ["alone", "both: Lenvatinib", "prognostic", "predictive: Lenvatinib"]
    assert list(result.density["parameter"].unique()) == shown


# --- Selected ------------------------------------------------------------------------------------


def test_logrank_p_is_that_of_scipy():
    rng = np.random.default_rng(5)
    first, second = rng.exponential(1.0, (20, 15)), rng.exponential(1.8, (20, 8))
    exact = [stats.logrank(x, y).pvalue for x, y in zip(first, second, strict=True)]
    np.testing.assert_allclose(question.logrank_p(first, second), exact, rtol=1e-9)


def test_chance_and_selection(result):
    table = result.exaggeration
    assert tuple(table.columns) == question.EXAGGERATION_COLUMNS
    truths = [question.POOLED_TRUTH, *(f"{ratio:g}" for ratio in question.TRUE_RATIOS)]
    assert list(table["truth"]) == truths
    fixed = table.iloc[1:]
    assert (np.diff(fixed["power"]) > 0.0).all()
    assert (np.diff(fixed["exaggeration"]) < 0.0).all()
    assert (fixed["exaggeration"] > 1.0).all()
    # where only significant results are shown, a small truth looks like a large one
    assert fixed.iloc[0]["shown_ratio"] > 1.5
    # the printed p was 0.026; with 23 patients the normal approximation is off by a third at most
    assert result.as_significant_by_chance == pytest.approx(0.026, abs=0.013)
    assert result.as_significant_by_chance < result.as_large_by_chance < 0.5
    assert result.as_large_expected > result.as_large_by_chance


def test_large_studies_neither_exaggerate_nor_miss(tmp_path):
    registry, fit = of_two(tmp_path, n=(240, 160), p="0.001")
    last = first(fit, registry).exaggeration.iloc[-1]
    assert last["power"] == 1.0
    assert last["wrong_sign"] == 0.0
    # mean of 2000 log ratios over log 3, each with an SD of about 1.44/0.9 sqrt(1/240 + 1/160)
    assert last["exaggeration"] == pytest.approx(1.0, abs=4 * 0.15 / np.sqrt(DRAWS))


def test_without_a_p_value_its_chance_is_not_told(tmp_path):
    registry, fit = of_two(tmp_path, p=None)
    found = first(fit, registry)
    assert np.isnan(found.as_significant_by_chance)
    words = " ".join(question.sentences(found))
    assert "log-rank p this small" not in words
    assert ", p " not in words.split(":")[0]
    assert question.reported_ratios(fit)["p"].tolist() == [""]


# --- Read ----------------------------------------------------------------------------------------


def test_every_number_is_read_as_it_is_written(result, registry):
    told = question.result({"os": (result,)}, registry)
    stored = told.tables["single_results"]
    assert stored[list(question.EXAGGERATION_COLUMNS)].equals(result.exaggeration)
    assert set(stored["label"]) == {"Split 2021"}
    alone, exaggeration = told.findings[0].tables
    for cells, row in zip(alone.rows, result.alone.itertuples(index=False), strict=True):
        assert cells[2].text == numbers.written(row, numbers.ratio)
    for cells, row in zip(exaggeration.rows, stored.itertuples(index=False), strict=True):
        assert cells[1].text == numbers.percent(row.power)
        assert cells[3].text == numbers.ratio(row.shown_ratio)
    (picture,) = told.pictures
    assert picture.stem == "single_results"
    assert picture.draw().axes


def test_results_but_the_first_are_folded(result, registry):
    told = question.result({"os": (result, replace(result, label="Other 2020"))}, registry)
    assert [part.folded for part in told.findings] == [False, True]
    assert len(told.pictures) == 1
    assert question.result({"os": ()}, registry).findings == ()
