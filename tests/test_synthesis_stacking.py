"""Fits of several families as one: draws in proportion, estimands of a mixture, tables of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fits import DRAWS, GOOD, fit_of
from small_registry import cohort, median, study, write_registry

from priors import load_priors
from studies import load_registry
from synthesis.estimands import Group, curve, tells_histology
from synthesis.fits import used_priors
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import family, survival
from synthesis.questions.pooled import disagreement, family_words
from synthesis.questions.pooled.cohorts import cohort_of
from synthesis.questions.pooled.tables import (
    COVARIATE_COLUMNS,
    FAMILY_COLUMNS,
    covariates_table,
    families_table,
    model_choice_table,
    pooled_table,
)
from synthesis.settings import Settings
from synthesis.stacking import CHOICE_COLUMNS, STACKED_FAMILIES, FamilyFits, stack


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    interval = {"ci": "2.9 5.8", "level": "0.95"}
    one = study("one", cohort(n=23, survival=[median("4.0", **interval)]))
    two = study("two", cohort(n=20, survival=[median("5.0")], histology={"pure": 12, "mixed": 8}))
    return load_registry(write_registry(tmp_path_factory.mktemp("stack") / "registry", one, two))


def fits_of(registry, **names):
    """Fits by family; a number is the log median of all, a row of draws that of each."""
    prognostic = 0.3 * np.random.default_rng(4).standard_normal((1, DRAWS))
    return {
        name.replace("_", "-"): replace(
            fit_of(registry, mu=np.broadcast_to(value, (1, DRAWS)), prognostic=prognostic),
            family=family(name.replace("_", "-")),
        )
        for name, value in names.items()
    }


@pytest.fixture(scope="module")
def stacked(registry):
    fits = fits_of(registry, weibull=1.0, log_logistic=2.0, log_normal=3.0)
    return stack(fits, {"weibull": 0.25, "log-logistic": 0.75, "log-normal": 0.0})


def test_families_have_draws_in_proportion_to_their_weights(stacked):
    names, counts = np.unique(stacked.draw_family, return_counts=True)
    # the log-logistic has no more than its own 2000 for three quarters
    assert dict(zip(names, counts, strict=True)) == {"log-logistic": 1999, "weibull": 667}
    mu = stacked.flat("mu")
    np.testing.assert_array_equal(mu, np.where(stacked.draw_family == "weibull", 1.0, 2.0))
    assert stacked.has_shape.shape == mu.shape
    assert stacked.flat("log_median").shape == (2666, 2)


def test_draws_are_taken_evenly_from_the_chains(registry):
    rows = np.arange(DRAWS, dtype=float)
    fits = fits_of(registry, weibull=rows, log_normal=rows)
    found = stack(fits, {"weibull": 0.5, "log-normal": 0.5}, draws=200)
    assert found.flat("mu").size == 200
    own = found.flat("mu")[:100]
    assert (own[0], own[-1]) == (0.0, DRAWS - 1.0)
    assert np.ptp(np.diff(own)) <= 1.0


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"weibull": 1.0}, "found those of weibull, expected those of log-normal, weibull"),
        ({"weibull": 0.5, "log-normal": 0.6}, "found 0.5, 0.6, expected shares"),
        ({"weibull": 1.5, "log-normal": -0.5}, "found 1.5, -0.5, expected shares"),
    ],
)
def test_weights_that_are_not_those_of_a_mixture_are_refused(registry, weights, words):
    with pytest.raises(ValueError, match=words):
        stack(fits_of(registry, weibull=1.0, log_normal=2.0), weights)


def test_estimands_are_those_of_the_mixture(stacked):
    found = curve(stacked, Group(0, 0), stacked.centre_share, "mean_study")
    share = np.mean(found.family == "weibull")
    months = np.array([3.0, 12.0])
    expected = share * survival(months, np.exp(1.0), 1.0, "weibull")
    expected = expected + (1.0 - share) * survival(months, np.exp(2.0), 1.0, "log-logistic")
    np.testing.assert_allclose(found.survival(months).mean(axis=0), expected, rtol=1e-12)
    at_year = found.estimand("survival_12m")
    assert len(np.unique(at_year.round(9))) == 2
    # each draw under its own family: what it says of its own median is one half
    np.testing.assert_allclose(found.quantile(np.full(found.median.size, 0.5)), found.median)


def test_it_answers_what_a_fit_answers(registry, stacked):
    single = next(iter(stacked.fits.values()))
    assert stacked.data is single.data
    assert stacked.seed == single.seed == single.draws.settings.seed
    assert tells_histology(stacked)
    assert stacked.family_weights == {"Weibull": 0.25, "log-logistic": 0.75, "log-normal": 0.0}
    table = pooled_table({"os": stacked}, registry.vocabulary, 0.4)
    assert len(table) == len(pooled_table({"os": single}, registry.vocabulary, 0.4))
    assert cohort_of(stacked, 0).estimate.lower == pytest.approx(1.0)  # the hand-set log medians


def test_the_verdict_is_the_worst_of_the_fits_that_are_used(registry):
    fits = fits_of(registry, weibull=1.0, log_normal=2.0)
    fits["log-normal"] = replace(fits["log-normal"], diagnosis=replace(GOOD, verdict="FAIL"))
    assert stack(fits, {"weibull": 0.9, "log-normal": 0.1}).diagnosis.verdict == "FAIL"
    assert stack(fits, {"weibull": 1.0, "log-normal": 0.0}).diagnosis.verdict == "PASS"


# --- tables --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_family(stacked):
    return {"os": FamilyFits(stacked.fits, None, stacked)}


def test_every_family_has_the_rows_of_the_pooled_answer(registry, stacked, by_family):
    table = families_table(by_family, registry.vocabulary, 0.4)
    assert tuple(table.columns) == FAMILY_COLUMNS
    pooled = pooled_table({"os": stacked}, registry.vocabulary, 0.4)
    assert list(dict.fromkeys(table["family"])) == ["Weibull", "log-logistic", "log-normal"]
    for name, value in (("Weibull", 1.0), ("log-normal", 3.0)):
        own = table[table["family"] == name].drop(columns="family")
        assert len(own) == len(pooled)
        assert list(own["treatment"]) == list(pooled["treatment"])
        medians = own[(own["estimand"] == "median_months") & (own["target"] == "mean_study")]
        medians = medians[medians["histology"] == "reference"]
        np.testing.assert_allclose(medians["estimate"], np.exp(value))


def test_without_families_the_tables_have_their_columns():
    assert tuple(model_choice_table({}).columns) == CHOICE_COLUMNS
    assert tuple(families_table({}, None, 0.4).columns) == FAMILY_COLUMNS
    assert tuple(covariates_table({}).columns) == COVARIATE_COLUMNS


def test_families_are_furthest_apart_beside_the_width_of_the_answer():
    def frame(estimand, rows):
        columns = ["treatment", "family", "estimate", "lower", "upper"]
        return pd.DataFrame(rows, columns=columns).assign(estimand=estimand)

    answers = [("a", "", 4.0, 2.0, 8.0), ("b", "", 4.0, 3.9, 4.1)]
    each = [("a", "x", 3.0, 0, 0), ("a", "y", 6.0, 0, 0), ("b", "x", 4.05, 0, 0)]
    each.append(("b", "y", 3.95, 0, 0))
    found = disagreement(
        frame("median_months", each), frame("median_months", answers), "median_months"
    )
    assert (found.treatment, found.lowest_family, found.highest_family) == ("a", "x", "y")
    assert (found.lowest, found.highest) == (3.0, 6.0)
    assert found.share == pytest.approx(np.log(2.0) / np.log(4.0))
    found = disagreement(
        frame("survival_12m", each), frame("survival_12m", answers), "survival_12m"
    )
    assert found.treatment == "a"
    assert found.share == pytest.approx(3.0 / 6.0)


def test_words_say_over_what_the_answer_is_stacked(registry, stacked):
    words = "stacked over survival families (Weibull 25 %, log-logistic 75 %, log-normal 0 %)"
    assert family_words(stacked) == words
    (single,) = fits_of(registry, weibull=1.0).values()
    assert family_words(single) == "Weibull family"


def test_covariates_have_prior_and_posterior(registry):
    effect = np.zeros((1, DRAWS, len(COVARIATES)))
    effect[..., COVARIATES.index("pretreated")] = np.log(0.5)
    table = covariates_table({"os": fit_of(registry, covariate_effect=effect)})
    assert tuple(table.columns) == COVARIATE_COLUMNS
    # no report tells of mutation, so that nothing is said of it
    told = [name for name in COVARIATES if name != "braf_mutated"]
    assert list(table["covariate"]) == [name for name in told for _ in range(2)]
    rows = table.set_index(["covariate", "which"])
    assert rows.loc[("pretreated", "posterior"), "estimate"] == pytest.approx(0.5)
    prior = load_priors()["covariate_from_diagnosis"]
    found = rows.loc[("from_diagnosis", "prior")]
    assert found["estimate"] == pytest.approx(np.exp(prior.location))
    assert found["log_sd"] == prior.scale
    # both reports are retrospective, neither states line or time origin
    assert rows.loc[("retrospective", "prior"), "cohorts"] == 2
    assert rows.loc[("pretreated", "prior"), "cohorts"] == 0


# --- what is asked for ---------------------------------------------------------------------------


def test_priors_are_those_that_the_families_use(registry):
    def used(name, **changes):
        (fit,) = fits_of(registry, **{name: 1.0}).values()
        return set(used_priors({"os": replace(fit, **changes)}))

    weibull, exponential, long_tail = map(used, ("weibull", "exponential", "long_tail"))
    assert {"shape_weibull", "shape_sd", "convention_logit", "mixed_share"} <= weibull
    assert long_tail - weibull == {"tail_long_tail", "tail_treatment_sd"}
    assert weibull - exponential == {"shape_weibull", "shape_sd", "shape_treatment_sd"}
    assert "covariate_retrospective" in weibull
    assert "covariate_pretreated" not in weibull  # no cohort states its line
    (fit,) = fits_of(registry, weibull=1.0).values()
    arms = tuple(replace(arm, told=True, share=None) for arm in fit.data.arms)
    told = used("weibull", data=replace(fit.data, arms=arms))
    assert weibull - told == {
        "convention_logit",
        "mixed_share",
        "histology_prognostic",
        "histology_predictive",
    }


def test_settings_name_the_families_that_are_fitted():
    assert Settings().fitted == STACKED_FAMILIES
    assert Settings(family="log-normal").fitted == ("log-normal",)
    assert Settings(families=("weibull", "exponential", "weibull")).fitted == (
        "weibull",
        "exponential",
    )
    with pytest.raises(ValueError, match="unknown survival family 'gamma'"):
        Settings(family="gamma")
    with pytest.raises(ValueError, match="unknown survival family 'gamma'"):
        Settings(families=("gamma",))
    with pytest.raises(ValueError, match="families: found none"):
        Settings(families=())
