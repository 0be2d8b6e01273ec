"""The model with a bias of retrospective reports: what it changes, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bias_fits import biased_fit, read, usual_fit, with_bias
from fits import observations
from log_density import CLOSE, CompiledDensity, by_hand
from scipy import stats

from priors import load_priors
from synthesis.estimands import Group, curve
from synthesis.fits import bias_spread
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import family
from synthesis.model.survival import (
    BIAS_PRIOR,
    KEEP,
    PRIOR_OF,
    USUAL,
    Variant,
    model_data,
    survival_problem,
)
from synthesis.predictive import NewCohort, place_of, predict_curve
from synthesis.questions.bias import WITH_BIAS


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return read(tmp_path_factory.mktemp("bias_model"))


@pytest.fixture(scope="module")
def data(registry):
    return observations(registry)


@pytest.fixture(scope="module")
def density(survival_sizes):
    return CompiledDensity(survival_sizes, WITH_BIAS)


@pytest.fixture(scope="module")
def usual_density(survival_sizes):
    return CompiledDensity(survival_sizes)


def problem_of(data, sizes, variant, priors=None):
    return survival_problem(data, priors or load_priors(), family("log-logistic"), sizes, variant)


# --- The usual model -----------------------------------------------------------------------------


def test_the_usual_model_does_not_know_of_it(data, survival_sizes):
    """Kind, names and values are those of a catalogue that lacks the prior."""
    priors = load_priors()
    found = problem_of(data, survival_sizes, USUAL)
    assert set(PRIOR_OF) == set(found.families) - {"shape_mean", "tail_mean"}
    assert found.keep == KEEP
    assert not any("bias_sd" in name for name in found.values)
    assert (found.values["study_bias"] == 0.0).all()
    other = problem_of(data, survival_sizes, USUAL, priors.replace(BIAS_PRIOR, scale=9.0))
    assert other.kind == found.kind
    assert list(other.values) == list(found.values)
    for name, value in found.values.items():
        np.testing.assert_array_equal(other.values[name], value)


def test_it_is_a_compiled_model_of_its_own(data, survival_sizes):
    usual, fixed, found = (
        problem_of(data, survival_sizes, variant)
        for variant in (USUAL, Variant(retrospective_bias=0.3), WITH_BIAS)
    )
    assert fixed.kind == usual.kind != found.kind
    assert set(found.keep) - set(usual.keep) == {"bias_sd"}
    assert set(found.values) - set(usual.values) == {"bias_sd_scale"}
    assert "bias_sd_raw" in {v.name for v in found.build().free_RVs}
    assert not any("bias" in v.name for v in usual.build().free_RVs)


@pytest.mark.parametrize("word", ["some", "", "Estimated"])
def test_another_word_is_refused(word):
    with pytest.raises(ValueError, match="expected an SD, which is 0 or more, or 'estimated'"):
        Variant(retrospective_bias=word)


# --- Its density ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log-logistic", "long-tail"])
def test_the_log_density_is_that_of_its_equations(data, density, name):
    priors, chosen = load_priors(), family(name)
    values = model_data(data, priors, chosen, density.sizes, WITH_BIAS)
    for point in density.points(3):
        expected = by_hand(point, data, density.sizes, priors, chosen, WITH_BIAS)
        assert density.at(point, values) == pytest.approx(expected, rel=1e-9, abs=CLOSE)


def test_without_a_spread_it_is_the_usual_model(data, density, usual_density):
    """But for the density of the parameter itself, at a scale of 1e-9 and at a fixed spread."""
    chosen, priors = family("log-logistic"), load_priors()
    none = priors.replace(BIAS_PRIOR, scale=1e-9)
    for point in density.points(3):
        log_raw = float(point["bias_sd_raw_log__"])
        own = stats.halfnorm.logpdf(np.exp(log_raw)) + log_raw
        rest = {k: v for k, v in point.items() if k != "bias_sd_raw_log__"}
        for believed, variant in (
            (none, USUAL),
            (priors, Variant(retrospective_bias=float(priors[BIAS_PRIOR].scale * np.exp(log_raw)))),
        ):
            with_it = model_data(data, believed, chosen, density.sizes, WITH_BIAS)
            without = model_data(data, believed, chosen, density.sizes, variant)
            expected = usual_density.at(rest, without) + own
            # two sums of some three hundred terms in double precision
            assert density.at(point, with_it) == pytest.approx(expected, rel=1e-11, abs=1e-9)


def test_only_retrospective_reports_are_marked(data, survival_sizes):
    values = problem_of(data, survival_sizes, WITH_BIAS).values
    designs = [ref.study.design for ref in data.cohorts]
    marked = values["cohort_bias"][: len(designs)]
    assert marked.tolist() == [float(design == "retrospective") for design in designs]
    assert set(designs) >= {"retrospective", "prospective_single_arm", "not stated"}
    of_study = {ref.study.id for ref in data.cohorts if ref.study.design == "retrospective"}
    found = {name for name, own in zip(data.studies, values["study_bias"], strict=False) if own}
    assert found == of_study


# --- New studies ---------------------------------------------------------------------------------


def drawn_sd(fit, **differs):
    place = place_of(fit, "lenvatinib", "mki")
    covariates = tuple(differs.get(name, 0.0) for name in COVARIATES) if differs else ()
    cohort = NewCohort(1, 2, covariates=covariates)
    return float(np.std(np.log(predict_curve(fit, place, 0.4, cohort, 10).median)))


@pytest.mark.parametrize("kind", ["fixed", "estimated"])
def test_a_new_retrospective_report_has_a_bias_of_its_own(registry, kind):
    """SD of 20000 draws: 0.5 % of it, four times that is allowed."""
    still = {"mu": 1.3, "covariate_effect": 0.0}
    fit = biased_fit(registry, 0.6, **still)
    if kind == "fixed":
        fit = replace(usual_fit(registry, **still), variant=Variant(retrospective_bias=0.6))
    assert drawn_sd(fit, retrospective=0.5) == pytest.approx(np.hypot(0.2, 0.6), rel=0.02)
    for other in ({"retrospective": -0.5}, {"pretreated": 0.5, "from_diagnosis": 0.5}, {}):
        assert drawn_sd(fit, **other) == pytest.approx(0.2, rel=0.02)
    usual = usual_fit(registry, **still)
    assert drawn_sd(usual, retrospective=0.5) == pytest.approx(0.2, rel=0.02)


def test_a_new_study_of_the_tables_is_without_a_bias(registry):
    fit = biased_fit(registry, 0.6)
    one, other = (curve(f, Group(0, 0), 0.4, "new_study") for f in (fit, with_bias(fit, 0.0)))
    np.testing.assert_array_equal(one.median, other.median)


def test_the_spread_of_biases_at_each_draw(registry):
    draws = np.linspace(0.1, 0.5, 2000)[None]
    np.testing.assert_array_equal(bias_spread(biased_fit(registry, draws)), draws[0])
    assert (bias_spread(usual_fit(registry)) == 0.0).all()
