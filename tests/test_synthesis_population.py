"""A stated population: a mixture of patients, its covariates, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benefit_fits import read, told_fit, whole
from small_registry import VOCABULARY, cohort, median, study, write_registry

from studies import UnknownWordError, load_registry
from synthesis import numbers
from synthesis.estimands import SURVIVAL_ESTIMANDS, Curve, curve, summarise
from synthesis.model.covariates import COVARIATES, REFERENCE_BRAF_SHARE
from synthesis.model.families import family
from synthesis.model.survival import Variant
from synthesis.questions.certainty import written_twice
from synthesis.questions.contrasts import SURVIVAL_CONTRASTS, NotComparedError, treatments_of
from synthesis.questions.mix import (
    MIX_COLUMNS,
    MixtureCurve,
    Population,
    gain_words,
    patient_mix,
    population_curve,
)
from synthesis.stacking import stack

MONTHS = np.array([0.5, 2.0, 6.0, 12.0, 36.0])


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return read(tmp_path_factory.mktemp("population"))


@pytest.fixture(scope="module")
def fit(registry):
    return told_fit(registry, study_sd=0.4)


@pytest.fixture(scope="module")
def lenvatinib(registry, fit):
    return next(g for g in treatments_of(fit, registry.vocabulary) if g.label == "Lenvatinib")


def effect(fit, name):
    return fit.flat("covariate_effect")[:, COVARIATES.index(name)]


# --- The mixture ---------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_patients_of_one_kind_have_its_curve(fit, lenvatinib, share):
    found = population_curve(fit, lenvatinib, Population(share))
    own = curve(fit, lenvatinib.group, share, "mean_study")
    # the halvings end at a hundred-thousand-millionth of the logarithm
    np.testing.assert_allclose(found.median, own.median, rtol=1e-9)
    np.testing.assert_array_equal(found.survival(MONTHS), own.survival(MONTHS))


def test_survival_is_the_mean_of_the_kinds_and_the_median_its_half(fit, lenvatinib):
    found = population_curve(fit, lenvatinib, Population(0.3))
    pure, mixed = (curve(fit, lenvatinib.group, x, "mean_study") for x in (0.0, 1.0))
    expected = 0.7 * pure.survival(MONTHS) + 0.3 * mixed.survival(MONTHS)
    np.testing.assert_allclose(found.survival(MONTHS), expected)
    for name in ("survival_6m", "rmst_24m"):
        weighted = 0.7 * pure.estimand(name) + 0.3 * mixed.estimand(name)
        np.testing.assert_allclose(found.estimand(name), weighted)
    rows = slice(0, 50)
    alive = [
        0.7 * pure.survival(found.median[rows])[i, i]
        + 0.3 * mixed.survival(found.median[rows])[i, i]
        for i in range(50)
    ]
    np.testing.assert_allclose(alive, 0.5, atol=1e-9)


def test_a_mixture_of_patients_is_no_patient_of_that_mixture(fit, lenvatinib):
    """More early deaths and more long survivors than a cohort at the same share."""
    found = population_curve(fit, lenvatinib, Population(0.4)).survival(MONTHS).mean(axis=0)
    cohort_curve = curve(fit, lenvatinib.group, 0.4, "mean_study").survival(MONTHS).mean(axis=0)
    assert found[1] < cohort_curve[1]
    assert found[-1] > cohort_curve[-1]


def test_restricted_means_are_integrals(fit, lenvatinib):
    found = population_curve(fit, lenvatinib, Population(0.3))
    at = 12.0 * np.linspace(0.0, 1.0, 4001)[1:] ** 2
    alive = np.concatenate([np.ones((found.median.size, 1)), found.survival(at)], axis=1)
    area = np.trapezoid(alive, np.r_[0.0, at], axis=1)
    np.testing.assert_allclose(found.estimand("rmst_12m"), area, rtol=1e-5)


def test_kinds_may_be_of_several_families(fit, lenvatinib):
    fits = {"weibull": fit, "log-logistic": replace(fit, family=family("log-logistic"))}
    stacked = stack(fits, {"weibull": 0.5, "log-logistic": 0.5})
    found = population_curve(stacked, lenvatinib, Population(0.3))
    at = np.unique(np.linspace(0, found.median.size - 1, 30).round().astype(int))
    half = [found.survival(found.median[[i]])[i, 0] for i in at]
    np.testing.assert_allclose(half, 0.5, atol=1e-9)


def test_equal_kinds_are_one_kind():
    own = Curve(np.array([2.0, 5.0]), np.array([0.8, 1.2]), "weibull")
    found = MixtureCurve((0.5, 0.5), (own, own))
    np.testing.assert_allclose(found.median, own.median)


# --- Covariates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "name", "by"),
    [
        # of two ends, one is the reference
        ({"line": "first-line"}, "pretreated", 0.0),
        ({"line": "pretreated"}, "pretreated", 1.0),
        ({"design": "prospective_single_arm"}, "retrospective", 0.0),
        ({"design": "registry"}, "retrospective", 1.0),
        ({"time_origin": "diagnosis"}, "from_diagnosis", 1.0),
    ],
)
def test_what_is_stated_moves_every_curve_alike(fit, lenvatinib, stated, name, by):
    found = population_curve(fit, lenvatinib, Population(0.3, **stated))
    plain = population_curve(fit, lenvatinib, Population(0.3))
    ratio = found.median / plain.median
    np.testing.assert_allclose(ratio, np.exp(by * effect(fit, name)), rtol=1e-8)


def test_mutated_patients_are_a_kind_of_their_own(fit, lenvatinib):
    found = population_curve(fit, lenvatinib, Population(0.3, braf=0.2))
    np.testing.assert_allclose(found.weights, (0.7 * 0.8, 0.7 * 0.2, 0.3 * 0.8, 0.3 * 0.2))
    away = np.log(found.curves[1].median / found.curves[0].median)
    np.testing.assert_allclose(away, effect(fit, "braf_mutated"))
    pure = curve(fit, lenvatinib.group, 0.0, "mean_study")
    wild = np.log(found.curves[0].median / pure.median)
    np.testing.assert_allclose(wild, -REFERENCE_BRAF_SHARE * effect(fit, "braf_mutated"))
    all_of_them = population_curve(fit, lenvatinib, Population(0.0, braf=1.0))
    assert len(all_of_them.curves) == 1


def test_a_treatment_for_mutated_tumours_only_is_not_moved_by_their_share(fit, lenvatinib):
    given = population_curve(
        fit, lenvatinib, Population(0.3, braf=0.2), selecting=frozenset({"lenvatinib"})
    )
    plain = population_curve(fit, lenvatinib, Population(0.3))
    np.testing.assert_array_equal(given.median, plain.median)


def test_a_new_study_has_one_effect_for_all_its_patients(fit, lenvatinib):
    found = population_curve(fit, lenvatinib, Population(0.3), "new_study")
    pure, mixed = (curve(fit, lenvatinib.group, x, "new_study") for x in (0.0, 1.0))
    np.testing.assert_array_equal(found.curves[0].median, pure.median)
    np.testing.assert_array_equal(found.curves[1].median, mixed.median)


# --- The table -----------------------------------------------------------------------------------


def test_every_treatment_or_one(registry, fit):
    vocabulary, population = registry.vocabulary, Population(0.3, braf=0.2, line="first-line")
    found = patient_mix({"os": fit}, vocabulary, population)
    assert tuple(found.table.columns) == MIX_COLUMNS
    assert found.table["treatment"].nunique() == 4
    assert set(found.table["target"]) == {"mean_study", "new_study"}
    assert set(found.table["estimand"]) == set(SURVIVAL_ESTIMANDS)
    one = patient_mix({"os": fit}, vocabulary, population, treatment="Lenvima").table
    assert set(one["treatment"]) == {"Lenvatinib"}
    row = one.query("estimand == 'median_months' and target == 'mean_study'").iloc[0]
    group = next(g for g in treatments_of(fit, vocabulary) if g.label == "Lenvatinib")
    own = summarise(population_curve(fit, group, population).median)
    assert (row["estimate"], row["lower"], row["upper"]) == (own.estimate, own.lower, own.upper)
    assert (row["mixed"], row["braf"], row["line"]) == (0.3, 0.2, "first-line")
    assert (row["cohorts"], row["patients"]) == (2, 63)
    new = one.query("estimand == 'median_months' and target == 'new_study'").iloc[0]
    assert new["upper"] / new["lower"] > row["upper"] / row["lower"]


def test_gains_of_the_population(registry, fit):
    asked = {"os": fit}, registry.vocabulary, Population(0.3)
    sides = {"treatment": "lenvatinib", "reference": "best_care"}
    found = patient_mix(*asked, **sides)
    gains = found.table[found.table["reference"] == "Best supportive care"]
    assert set(gains["estimand"]) == set(SURVIVAL_CONTRASTS)
    groups = {g.label: g for g in treatments_of(fit, registry.vocabulary)}
    own, over = (
        population_curve(fit, groups[name], Population(0.3)).median
        for name in ("Lenvatinib", "Best supportive care")
    )
    row = gains.query("estimand == 'difference_median_months' and target == 'mean_study'").iloc[0]
    assert row["estimate"] == pytest.approx(np.median(own - over))
    first, allowed, undone, certain = gain_words(found, "os")
    assert first.startswith("Lenvatinib over best supportive care: ")
    assert written_twice(row, numbers.months, adjusted=True) in allowed
    assert "if its patients" in undone or undone.startswith("If the patients on lenvatinib")
    assert certain.startswith(f"Certainty: {row['certainty']} (")
    ratio = gains.query("estimand == 'ratio_of_medians' and target == 'mean_study'").iloc[0]
    assert row["tipping_limit"] == max(ratio["lower"], 1.0)
    none = patient_mix(*asked, **sides, confounding="2").table.query(
        "estimand == 'ratio_of_medians' and target == 'mean_study'"
    )
    # the median of a mixture is found to 1e-12 of its logarithm
    assert none.iloc[0]["adjusted"] == pytest.approx(ratio["estimate"] / 2.0, rel=1e-9)
    assert any("No report gave both" in note for note in found.notes)


def test_notes_say_what_stands_behind_it(registry, fit):
    plain = patient_mix({"os": fit}, registry.vocabulary, Population(0.3)).notes
    assert len(plain) == 2
    assert "is extrapolated for 3 of 4 treatments" in plain[1]
    stated = patient_mix(
        {"os": fit}, registry.vocabulary, Population(0.3, braf=0.2, line="first-line")
    ).notes
    assert any("Pretreated rather than first-line, overall survival" in note for note in stated)
    # no report of this registry tells its line: the effect is the prior
    assert any("this is the prior" in note for note in stated)
    assert any("independent of each other" in note for note in stated)


def test_where_no_report_tells_histology_it_is_said(tmp_path):
    registry = read(tmp_path, whole("one", "lenvatinib"), whole("two", "best_care"))
    fit = told_fit(registry, treatment_effect=0.0, predictive=0.0)
    notes = patient_mix({"os": fit}, registry.vocabulary, Population(0.3)).notes
    assert any("prior alone" in note for note in notes)
    assert len(patient_mix({"os": fit}, registry.vocabulary, Population(0.0)).notes) == 1


def test_a_treatment_that_requires_a_mutation_is_named(tmp_path):
    words = dict(VOCABULARY)
    words["treatments"] = [
        entry | {"requires": "BRAF V600E"} if entry["id"] == "sorafenib" else entry
        for entry in VOCABULARY["treatments"]
    ]
    tables = [
        study("one", cohort("arm", "sorafenib", 20, survival=[median()])),
        study("two", cohort("arm", "paclitaxel", 30, survival=[median()])),
    ]
    registry = load_registry(write_registry(tmp_path / "registry", *tables, vocabulary=words))
    fit = told_fit(registry, treatment_effect=0.0, predictive=0.0)
    found = patient_mix({"os": fit}, registry.vocabulary, Population(0.3, braf=0.9))
    assert any(note.startswith("Sorafenib: given to mutated tumours only") for note in found.notes)


# --- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"mixed": 30}, "mixed: found 30, expected a fraction from 0 to 1"),
        ({"mixed": 0.3, "braf": -0.1}, "braf: found -0.1, expected a fraction"),
        ({"mixed": 0.3, "line": "third"}, "line: found 'third', expected one of first-line"),
        ({"mixed": 0.3, "design": "good"}, "design: found 'good', expected one of retrospective"),
        ({"mixed": 0.3, "time_origin": "birth"}, "time_origin: found 'birth', expected one of"),
    ],
)
def test_what_is_no_population_is_refused(stated, words):
    with pytest.raises(ValueError, match=words):
        Population(**stated)


def test_a_fit_that_does_not_adjust_cannot_answer(registry, fit, lenvatinib):
    bare = replace(fit, variant=Variant(covariates=False))
    with pytest.raises(ValueError, match="does not adjust"):
        population_curve(bare, lenvatinib, Population(0.3, line="first-line"))
    assert population_curve(bare, lenvatinib, Population(0.3)).median.size


def test_unknown_and_unpooled_treatments_are_refused(registry, fit):
    ask = {"fits": {"os": fit}, "vocabulary": registry.vocabulary, "population": Population(0.3)}
    with pytest.raises(NotComparedError, match="no cohort of radiotherapy is pooled for os"):
        patient_mix(**ask, treatment="radiotherapy")
    with pytest.raises(UnknownWordError, match="aspirin"):
        patient_mix(**ask, treatment="aspirin")
    with pytest.raises(ValueError, match="expected os or pfs"):
        patient_mix({}, registry.vocabulary, Population(0.3))
