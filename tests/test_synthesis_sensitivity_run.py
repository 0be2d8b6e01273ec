"""Refits and what is said of them: fits are made up, but for one slow test that samples."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fits import Counting, choice_registry, drawn_fit, means

from synthesis.model import compiling
from synthesis.model.sampler import SamplerSettings
from synthesis.questions import sensitivity as question
from synthesis.questions.sensitivity import result, runner, sensitivity
from synthesis.questions.sensitivity import specifications as spec

FEW = SamplerSettings(draws=200, tune=10, chains=4, seed=1)
PREDICTIVE = "predictive_ratio:lenvatinib"

registry = pytest.fixture(scope="module")(choice_registry)


@pytest.fixture(autouse=True)
def unscaled(monkeypatch):
    """Power-scaling takes longer than everything here, and has tests of its own."""
    monkeypatch.setattr(runner, "power_scaling", lambda *_: [])


def job_of(registry, *groups):
    base = spec.Base()
    asked = spec.ask(spec.observe(registry, "os", spec.EVERYTHING), registry.vocabulary)
    chosen = spec.default_specifications(registry, base, groups=groups)
    return runner.Job(registry, base, asked, chosen, FEW, replace(FEW, draws=300))


@pytest.fixture
def job(registry):
    """The base and its other families."""
    return job_of(registry, "family")


# --- The question --------------------------------------------------------------------------------


def test_the_question_is_that_of_the_split_treatment_and_supportive_care(registry):
    asked = spec.ask(spec.observe(registry, "os", spec.EVERYTHING), registry.vocabulary)
    assert (asked.treatment.id, asked.reference.id) == ("lenvatinib", "best_care")
    names = [item.name for item in asked.conclusions]
    assert names[:5] == [spec.RATIO, spec.DIFFERENCE, spec.CHANCE, spec.PROGNOSTIC, PREDICTIVE]
    labels = [item.treatments[0].label for item in asked.conclusions[5:]]
    assert labels == ["Lenvatinib", "Sorafenib", "Paclitaxel", "Best supportive care"]


def test_where_no_report_tells_histology_nothing_is_asked_of_it(registry):
    data = spec.observe(registry, "os", replace(spec.EVERYTHING, without_histology=True))
    asked = spec.ask(data, registry.vocabulary)
    kinds = {item.kind for item in asked.conclusions}
    assert kinds == {spec.RATIO, spec.DIFFERENCE, spec.CHANCE, "median_months"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"treatment": "radiotherapy"}, "no cohort of radiotherapy is pooled here. Possible: lenv"),
        ({"treatment": "lenvatinb"}, "lenvatinib"),
        ({"treatment": "Lenvima", "reference": "lenvatinib"}, "compared with itself"),
    ],
)
def test_what_is_not_pooled_cannot_be_asked(registry, asked, words):
    data = spec.observe(registry, "os", spec.EVERYTHING)
    with pytest.raises(spec.NotAskedError, match=words):
        spec.ask(data, registry.vocabulary, **asked)


def test_answers_are_the_contrasts_of_the_draws(job):
    (base, *_), _ = job.prepare()
    fit = drawn_fit(base, replace(FEW, draws=300), at=means(base))
    draws = runner.conclusion_draws(fit, job.question)
    medians = [draws[f"median_months:{t}"] for t in ("lenvatinib", "best_care")]
    np.testing.assert_allclose(draws[spec.RATIO], medians[0] / medians[1])
    np.testing.assert_allclose(draws[spec.DIFFERENCE], medians[0] - medians[1])
    assert draws[spec.CHANCE].mean() == np.mean(medians[0] - medians[1] > 1.0)
    np.testing.assert_allclose(np.log(draws[spec.PROGNOSTIC]), fit.flat("prognostic"))
    answers = runner.answers_of(draws, job.question, FEW.chains)
    one = answers[spec.RATIO]
    assert (one.lower, one.estimate, one.upper) == pytest.approx(
        np.quantile(draws[spec.RATIO], [0.025, 0.5, 0.975])
    )
    # of independent draws: SD of the log over the root of their number, times that of a median
    error = 1.2533 * np.std(np.log(draws[spec.RATIO])) / np.sqrt(1200) * one.estimate
    # it is read off the distance of order statistics with some 35 draws, the root of 1200, between
    # them: a sixth of noise, and three of these are a half
    assert one.estimate_error == pytest.approx(error, rel=0.5)
    assert answers[spec.CHANCE].estimate == draws[spec.CHANCE].mean()


def test_a_probability_without_disagreement_has_an_error(job):
    sure = runner.answers_of({spec.CHANCE: np.ones(1200)}, job.question, 4)[spec.CHANCE]
    assert sure.estimate == 1.0
    assert sure.estimate_error == pytest.approx(1 / 300)
    nearly = np.ones(1200)
    nearly[0] = 0.0
    answers = runner.answers_of({spec.CHANCE: nearly}, job.question, 4)
    assert answers[spec.CHANCE].estimate_error > 1 / 1200


def same(one, other):
    """Whether two runs have the same answers; a number that is not there is no difference."""
    return [repr(own.answers) for own in one] == [repr(own.answers) for own in other]


# --- Running -------------------------------------------------------------------------------------


def test_an_interrupted_run_goes_on_where_it_stopped(job, tmp_path):
    of, store = 1 + len(job.specifications), tmp_path / "store"
    with pytest.raises(runner.InterruptedRunError, match=f"^4 of {of} fits are kept"):
        runner.run_specifications(job, store, fitter=Counting(stop=4))
    assert len(list(store.glob("*.json"))) == 4
    rest, words = Counting(), []
    results = runner.run_specifications(job, store, fitter=rest, progress=words.append)
    first = ["base", *(item.name for item in job.specifications)][:4]
    assert not set(rest.names) & set(first)
    assert [own.from_store for own in results[:5]] == [True] * 4 + [False]
    assert words[1] == f"fit 1 of {of}: Base analysis"
    assert "left)" in words[-1]
    # and once more: nothing is left to do
    again = Counting()
    assert same(runner.run_specifications(job, store, fitter=again), results)
    assert again.names == []


def test_without_a_cache_nothing_is_kept(job):
    with pytest.raises(runner.InterruptedRunError, match=r"none is kept \(--no-cache\)"):
        runner.run_specifications(job, None, fitter=Counting(stop=2))


def test_a_result_that_cannot_be_read_is_made_again(job, tmp_path):
    results = runner.run_specifications(job, tmp_path, fitter=Counting())
    files = sorted(tmp_path.glob("*.json"))
    assert len(files) == 6
    files[0].write_text("{", encoding="utf-8")
    again = Counting()
    repeated = runner.run_specifications(job, tmp_path, fitter=again)
    assert len(again.names) == 1
    assert same(repeated, results)
    assert json.loads(files[0].read_text(encoding="utf-8"))["reliable"]


def test_another_question_or_seed_is_another_result(job, tmp_path):
    runner.run_specifications(job, tmp_path, fitter=Counting())
    for other in (
        replace(job, question=replace(job.question, delta=2.0)),
        replace(job, settings=replace(FEW, seed=2), base_settings=replace(FEW, seed=2)),
        replace(job, base=replace(job.base, priors=job.base.priors.replace("study_sd", scale=1.0))),
    ):
        again = Counting()
        runner.run_specifications(other, tmp_path, fitter=again)
        assert len(again.names) == 6


def test_the_base_gets_more_draws_and_refits_share_sizes(registry, tmp_path):
    job, fitter = job_of(registry, "selection"), Counting()
    prepared, _ = job.prepare()
    assert len({item.sizes for item in prepared}) == 1
    assert len({item.problem.kind for item in prepared}) == 1
    runner.run_specifications(job, tmp_path, fitter=fitter)
    assert fitter.settings[0].draws == 300
    assert {own.draws for own in fitter.settings[1:]} == {200}


def test_a_choice_that_changes_nothing_is_not_fitted(registry, tmp_path):
    fitter = Counting()
    results = runner.run_specifications(job_of(registry, "selection"), tmp_path, fitter=fitter)
    idle = {own.specification.name: own for own in results if own.changes_nothing}
    # no reading is declared; the largest of the overlapping cohorts counts as it is
    assert set(idle) == {"read_as", "origin", "formed", "overlap_largest"}
    assert not idle.keys() & set(fitter.names)
    assert idle["read_as"].answers == results[0].answers


def test_a_fit_that_diverges_is_made_again_with_more_draws(job, tmp_path):
    fitter = Counting(divergences=100)
    results = runner.run_specifications(job, tmp_path, fitter=fitter)
    assert fitter.names[:2] == ["base", "base"]
    assert fitter.settings[1].draws == 2 * fitter.settings[0].draws
    assert fitter.settings[1].target_accept > fitter.settings[0].target_accept
    assert results[0].reliable


def test_chains_that_disagree_make_a_fit_unreliable(job, tmp_path):
    def stuck(prepared, settings):
        fit = drawn_fit(prepared, settings, at=means(prepared))
        fit.tree["posterior"]["mu"][0] += 3.0
        effects = fit.tree["posterior"]["treatment_effect"]
        effects[0] += 3.0
        return fit

    results = runner.run_specifications(job, tmp_path, fitter=stuck)
    assert not results[0].reliable
    judged = [own for own in results[0].answers.values() if own.rhat == own.rhat]
    assert max(own.rhat for own in judged) > runner.RHAT
    assert min(own.ess for own in judged) < runner.ESS


def test_an_interrupted_sampler_is_an_interrupt(job, monkeypatch):
    """The sampler hands over the draws that it has, which are not those that were asked for."""
    (base, *_), _ = job.prepare()

    def partly(problem, settings, **_):
        return drawn_fit(base, replace(settings, draws=4)).draws

    monkeypatch.setattr("synthesis.questions.sensitivity.runner.run", partly)
    with pytest.raises(KeyboardInterrupt):
        runner.sample(base, FEW)


def test_time_is_told_to_the_accuracy_of_a_guess():
    assert runner.time_words(3.0) == "about 10 s"
    assert runner.time_words(44.0) == "about 40 s"
    assert runner.time_words(130.0) == "about 2 min"


# --- The sampler ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_refits_share_one_compiled_model_and_the_prior_is_left_without_histology(
    registry, tmp_path, monkeypatch
):
    monkeypatch.setattr(compiling, "_COMPILED", {})
    chosen = {item.name: item for item in spec.default_specifications(registry)}
    names = ("study_sd_doubled", "family_weibull", "robust", "medians_only", "no_histology")
    monkeypatch.setenv("ATC_CACHE_DIR", str(tmp_path))
    tried = tuple(chosen[name] for name in names)
    monkeypatch.setattr(question.spec, "default_specifications", lambda *_, **__: tried)
    found = sensitivity(registry, draws=500)
    assert len(compiling._COMPILED) == 1
    assert found.table["reliable"].all()
    (without,) = [
        f for f in result(found, registry).findings if f.heading.startswith("What if no report")
    ]
    assert sum("The data then say nothing of it" in text for text in without.sentences) == 2
    again = sensitivity(registry, fitter=Counting(stop=0), draws=500)
    pd.testing.assert_frame_equal(again.table, found.table)
