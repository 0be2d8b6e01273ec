"""Influence: weights without each cohort, what they do to an answer, and the words for it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from benefit_fits import read, reports, split, whole
from fits import observations
from loo_by_hand import spread_fit

from synthesis import numbers
from synthesis.fits import fit_survival_data
from synthesis.left_out import cohort_log_likelihood, without_each
from synthesis.model.families import family
from synthesis.model.sampler import SamplerSettings
from synthesis.questions import influence
from synthesis.stacking import stack


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return read(
        tmp_path_factory.mktemp("influence"),
        split(),
        whole("second", "lenvatinib", 40),
        whole("third", "sorafenib", 25, "4.5"),
        whole("fourth", "best_care", 50, "2.2"),
    )


@pytest.fixture(scope="module")
def fit(registry):
    return spread_fit(observations(registry), 0.0, 0.4)


@pytest.fixture(scope="module")
def weights(fit):
    return influence.cohort_weights(fit, draws=400)


# --- Weights -------------------------------------------------------------------------------------


def test_weights_are_one_over_the_likelihood_but_for_the_largest(fit, weights):
    exact = np.exp(-cohort_log_likelihood(fit, draws=400))
    exact /= exact.sum(axis=0)
    assert weights.weights.shape == (400, 4)
    np.testing.assert_allclose(weights.weights.sum(axis=0), 1.0, atol=1e-12)
    for found, own in zip(weights.weights.T, exact.T, strict=True):
        # the tail that is smoothed holds at most a fifth of the draws (Vehtari et al. 2024)
        body = np.argsort(own)[: int(0.8 * own.size)]
        np.testing.assert_allclose(
            found[body] / found[body[0]], own[body] / own[body[0]], rtol=1e-9
        )
    np.testing.assert_allclose(weights.usual, 1 / 400)


def test_families_keep_their_weights(fit):
    fits = {"weibull": fit, "log-logistic": replace(fit, family=family("log-logistic"))}
    stacked = stack(fits, {"weibull": 0.25, "log-logistic": 0.75})
    found = influence.cohort_weights(stacked, draws=100)
    assert [share for _, _, share in found.parts] == [0.25, 0.75]
    np.testing.assert_allclose(found.weights[:100].sum(axis=0), 0.25, atol=1e-12)
    np.testing.assert_allclose(found.weights[100:].sum(axis=0), 0.75, atol=1e-12)
    single = [influence.cohort_weights(own, draws=100) for own in fits.values()]
    np.testing.assert_allclose(found.weights[:100], 0.25 * single[0].weights)
    assert (found.pareto_k == np.maximum(*(own.pareto_k for own in single))).all()
    quantity = influence.Quantity("prognostic", "", "ratio", lambda own: own.flat("prognostic"))
    assert found.draws(quantity).shape == (200,)
    alone = influence.cohort_weights(stack(fits, {"weibull": 1.0, "log-logistic": 0.0}), draws=60)
    assert len(alone.parts) == 1


def test_how_far_weights_can_be_relied_on():
    assert influence.reliable_below(100) == pytest.approx(0.5)
    assert influence.reliable_below(1_000_000) == 0.7
    assert influence.reliable_below(1) < 0.0


# --- Quantiles -----------------------------------------------------------------------------------


def test_equal_weights_give_the_usual_quantiles():
    values = np.random.default_rng(1).normal(size=501)
    found = influence.weighted_quantiles(values, np.ones(501), (0.1, 0.5, 0.9))
    np.testing.assert_allclose(found, np.quantile(values, (0.1, 0.5, 0.9), method="hazen"))


def test_a_draw_stands_in_the_middle_of_its_weight():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 5.0, 2.0])
    # in order of the values the weights reach to 5/8, 7/8 and 1: middles at 2.5, 6 and 7.5 eighths
    middles = np.array([2.5, 6.0, 7.5]) / 8
    found = influence.weighted_quantiles(values, weights, middles)
    np.testing.assert_allclose(found, [1.0, 2.0, 3.0])
    between = influence.weighted_quantiles(values, weights, (0.5 * (middles[0] + middles[1]),))
    assert between[0] == pytest.approx(1.5)
    assert influence.weighted_quantiles(values, np.array([1.0, 0.0, 0.0]), (0.5,))[0] == 3.0


def test_few_draws_and_draws_alike_are_weighted_without_smoothing():
    few = np.random.default_rng(2).normal(size=(10, 2))
    weights, k = without_each(few)
    np.testing.assert_allclose(weights, np.exp(-few) / np.exp(-few).sum(axis=0))
    assert np.isinf(k).all()
    weights, k = without_each(np.full((50, 1), -3.0))
    np.testing.assert_allclose(weights, 1 / 50)
    assert k == [0.0]


# --- The table -----------------------------------------------------------------------------------


def hand_made(fit, pareto_k=(0.1, 0.9, 0.2, 0.3)):
    """Weights of which the first cohort's favour large prognostic effects, the rest nothing."""
    rows = np.arange(400)
    usual = np.full(400, 1 / 400)
    columns = np.tile(usual[:, None], (1, 4))
    tilted = np.exp(2.0 * fit.flat("prognostic"))
    columns[:, 0] = tilted / tilted.sum()
    return influence.CohortWeights(((fit, rows, 1.0),), columns, usual, np.array(pareto_k), 0.62)


def test_an_answer_without_a_cohort_is_moved_by_its_weights(registry, fit):
    weights = hand_made(fit)
    quantities = influence.histology_quantities(fit, registry.vocabulary)
    table = influence.influence_table(fit, quantities, registry.vocabulary, weights)
    assert tuple(table.columns) == influence.INFLUENCE_COLUMNS
    own = table[table["quantity"] == "prognostic"]
    first = own.iloc[0]
    drawn = fit.flat("prognostic")
    moved = influence.weighted_quantiles(drawn, weights.weights[:, 0], (0.5,))
    moved = float(moved[0] - influence.weighted_quantiles(drawn, weights.usual, (0.5,))[0])
    assert moved > 0.1
    assert first["shift"] == pytest.approx(moved)
    assert first["shift_in_sd"] == pytest.approx(moved / np.std(drawn))
    assert first["estimate"] == pytest.approx(np.exp(np.median(drawn)))
    assert first["without"] == pytest.approx(np.exp(np.median(drawn) + moved))
    assert first["without_lower"] < first["without"] < first["without_upper"]
    ids = [ref.id for ref in fit.data.cohorts]
    assert f"{first['study']}:{first['cohort']}" == ids[0]
    # the others have the usual weights: nothing moves
    assert (own.iloc[1:]["shift"] == 0.0).all()
    in_order = own.set_index("study").loc[[name.split(":")[0] for name in ids]]
    assert in_order["reliable"].tolist() == [True, False, True, True]
    assert list(own[own["tells_histology"]]["study"]) == ["split"]


def test_cohorts_that_move_most_come_first(registry, fit, weights):
    quantities = influence.histology_quantities(fit, registry.vocabulary)
    names = [item.name for item in quantities]
    assert names == ["prognostic", "predictive: Lenvatinib", "mixed to pure: Lenvatinib"]
    table = influence.influence_table(fit, quantities, registry.vocabulary, weights)
    assert list(table["quantity"].unique()) == names
    for _, own in table.groupby("quantity"):
        assert (np.diff(own["shift"].abs()) <= 0.0).all()
        assert len(own) == 4


def test_without_its_only_cohort_a_treatment_has_no_median(registry, fit, weights):
    quantities = influence.median_quantities(fit, registry.vocabulary, 0.4)
    table = influence.influence_table(fit, quantities, registry.vocabulary, weights)
    own = table[table["quantity"] == "median: Sorafenib"].set_index("study")
    assert np.isnan(own.loc["third", "without"])
    assert own["without"].notna().sum() == 3
    assert own.index[-1] == "third"
    assert table[table["quantity"] == "median: Lenvatinib"]["without"].notna().all()


# --- Words ---------------------------------------------------------------------------------------


def test_what_moved_an_answer_is_a_table(registry, fit):
    quantities = influence.histology_quantities(fit, registry.vocabulary)
    median = influence.Quantity("median", "median", "months", lambda own: own.flat("prognostic"))
    weights = hand_made(fit, pareto_k=(0.9, 0.1, 0.1, 0.1))
    table = influence.influence_table(fit, [*quantities, median], registry.vocabulary, weights)
    shown = influence.finding(table, "Moved", most=1).tables[0]
    headings = [heading for heading, _ in shown.grouped()]
    assert headings[0].startswith("Ratio of medians of mixed to pure tumours")
    assert headings[-1] == "Median, months"
    row, *_ = table.to_dict("records")
    cells = [cell.text for cell in shown.rows[0]]
    for ends in (("without", "without_lower", "without_upper"), ("estimate", "lower", "upper")):
        assert numbers.interval(*(row[end] for end in ends), numbers.ratio) in cells
    assert cells[0] == row["cohort_label"]
    assert cells[-1] == "0.90 (unreliable)"


# --- Against a refit -----------------------------------------------------------------------------


@pytest.mark.slow
def test_weights_say_what_a_refit_says(tmp_path, survival_sizes):
    """One of two reports on histology left out by weights, and by fitting the others alone."""
    settings = SamplerSettings(draws=1000, tune=600, chains=2, seed=4)
    other = {"pure": Decimal("3.4"), "mixed": Decimal("4.1")}
    rest = [split("again", "sorafenib", (40, 27), other, p=None), *reports()[1:]]
    found = []
    for number, tables in enumerate(([split(), *rest], rest)):
        folder = tmp_path / str(number)
        folder.mkdir()
        registry = read(folder, *tables)
        data = observations(registry)
        found.append(fit_survival_data(data, settings=settings, sizes=survival_sizes))
    quantity = influence.histology_quantities(found[0], registry.vocabulary)[0]
    weights = influence.cohort_weights(found[0])
    table = influence.influence_table(found[0], [quantity], registry.vocabulary, weights)
    row = table.set_index("study").loc["split"]
    assert row["reliable"]
    refit = found[1].flat("prognostic")
    sd = np.std(refit)
    # without it the effect is smaller, by more than the noise below
    assert row["shift"] < -0.3 * sd
    # 2000 weighted draws, worth 200: a median is known to 1.25 / sqrt(200) SD; three times that
    assert np.log(row["without"]) == pytest.approx(np.median(refit), abs=3 * 0.09 * sd)
    width = np.log(row["without_upper"] / row["without_lower"])
    exact = np.diff(np.quantile(refit, (0.025, 0.975)))[0]
    # ends of an interval from as many draws are known to a tenth of its width
    assert width == pytest.approx(exact, rel=0.2)
