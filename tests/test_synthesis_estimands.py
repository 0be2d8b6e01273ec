"""Estimands from draws that are set by hand: curves of several families, groups and targets."""

from __future__ import annotations

import gc
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from fits import DRAWS, fit_of
from scipy import stats
from small_registry import cohort, median, study, subgroup, write_registry

from studies import load_registry
from synthesis import estimands, fits
from synthesis.estimands import (
    SURVIVAL_ESTIMANDS,
    TARGETS,
    Curve,
    Estimand,
    Group,
    curve,
    draws_of,
    groups_of,
    histology_effect,
    study_noise,
    summaries,
    summarise,
)
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES, family, quantile, restricted_mean, survival
from synthesis.model.survival import Variant
from synthesis.numbers import months
from synthesis.questions.pooled.tables import POOLED_COLUMNS, pooled_table
from synthesis.stacking import stack

# The same closed forms evaluated draw by draw and at once: rounding only.
EXACT = 1e-12
RNG = np.random.default_rng(2)
COUNT = 40
MEDIAN, SHAPE = RNG.uniform(2.0, 9.0, COUNT), RNG.uniform(0.6, 1.4, COUNT)
TAIL = RNG.uniform(-0.6, 0.8, COUNT)


# --- Curves of one family or of several ----------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_a_curve_is_that_of_its_draws(name):
    own = Curve(MEDIAN, SHAPE, name, TAIL)
    each = list(zip(MEDIAN, SHAPE, TAIL, strict=True))
    for estimand, horizon in SURVIVAL_ESTIMANDS.items():
        if horizon is None:
            expected = MEDIAN
        else:
            function = restricted_mean if estimand.startswith("rmst") else survival
            expected = [float(function(horizon, m, k, name, t)) for m, k, t in each]
        np.testing.assert_allclose(own.estimand(estimand), expected, rtol=EXACT)
    months, p = np.array([0.0, 3.0, 12.0]), RNG.uniform(0.1, 0.9, COUNT)
    expected = [survival(months, m, k, name, t) for m, k, t in each]
    np.testing.assert_allclose(own.survival(months), expected, rtol=EXACT)
    expected = [float(quantile(q, *d[:2], name, d[2])) for q, d in zip(p, each, strict=True)]
    np.testing.assert_allclose(own.quantile(p), expected, rtol=1e-10)


def test_draws_of_several_families_keep_their_order():
    names = np.array([list(FAMILIES)[i % len(FAMILIES)] for i in range(COUNT)])
    own = Curve(MEDIAN, SHAPE, names, TAIL)
    months, p = np.array([3.0, 12.0]), RNG.uniform(0.1, 0.9, (COUNT, 2))
    whole = [own.survival(months), own.quantile(p), own.estimand("rmst_12m")]
    for i in range(COUNT):
        alone = Curve(MEDIAN[[i]], SHAPE[[i]], str(names[i]), TAIL[[i]])
        np.testing.assert_allclose(whole[0][i], alone.survival(months)[0], rtol=EXACT)
        np.testing.assert_allclose(whole[1][i], alone.quantile(p[[i]])[0], rtol=1e-10)
        np.testing.assert_allclose(whole[2][i], alone.estimand("rmst_12m")[0], rtol=EXACT)


def test_a_summary_is_the_median_with_equal_tails():
    assert list(vars(summarise(np.arange(1001.0))).values()) == pytest.approx([500.0, 25.0, 975.0])
    narrower = summarise(np.arange(1001.0), level=0.5)
    assert (narrower.lower, narrower.upper) == (250.0, 750.0)


# --- Groups and targets --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    treatments = {"one": "lenvatinib", "two": "sorafenib", "three": "paclitaxel"}
    reports = [
        study(name, cohort("arm", treatment, 20, survival=[median(Decimal("4.0"))]))
        for name, treatment in treatments.items()
    ]
    return load_registry(write_registry(tmp_path_factory.mktemp("groups") / "registry", *reports))


# Two classes and three treatments, every effect a number of its own
FIXED = {
    "mu": 1.4,
    "class_effect": np.array([0.2, -0.3]),
    "treatment_effect": np.array([0.1, -0.15, 0.05]),
    "prognostic": 0.6,
    "predictive": np.array([0.25, 0.0, -0.1]),
    "shape_mean": -0.2,
    "shape_treatment_effect": np.array([0.05, -0.05, 0.1]),
    "tail_mean": -0.3,
    "tail_treatment_effect": np.array([0.2, -0.2, 0.1]),
    # what belongs to one study or one population says nothing of a treatment
    "study_effect": np.array([5.0, 6.0, 7.0]),
    "cohort_effect": np.array([5.0, 6.0, 7.0]),
    "histology_deviation": np.array([5.0, 6.0, 7.0]),
    "covariate_effect": np.array([0.3, -0.2, 0.1, *6 * (9.0,)]),
}


def test_a_family_without_a_shape_has_one(registry):
    exponential = replace(fit_of(registry, **FIXED), family=family("exponential"))
    found = curve(exponential, Group(0, 0), 0.4, "new_study")
    np.testing.assert_array_equal(found.shape, np.ones(DRAWS))


SPREAD = {
    "study_sd": 0.3,
    "treatment_sd": 0.4,
    "shape_sd": 0.2,
    "shape_treatment_sd": 0.15,
    "tail_treatment_sd": 0.25,
    "prognostic_sd": 0.35,
}


def assert_spread(draws, centre, sd):
    """Mean and SD of normal draws, to four standard errors each."""
    assert abs(draws.mean() - centre) < 4.0 * sd / np.sqrt(draws.size)
    assert abs(draws.std() - sd) < 4.0 * sd / np.sqrt(2.0 * draws.size)


def test_a_new_study_adds_the_spread_between_studies_and_of_a_class_between_treatments(registry):
    spread = replace(fit_of(registry, **FIXED, **SPREAD), family=family("long-tail"))
    for group, location, shape in (
        (Group(0, 1), 0.3, 0.2),
        (Group(0), np.hypot(0.3, 0.4), np.hypot(0.2, 0.15)),
    ):
        for share in (0.0, spread.centre_share, 1.0):
            mean, new = (
                curve(spread, group, share, target) for target in ("mean_study", "new_study")
            )
            # what mixed histology goes with differs between studies too
            histology = SPREAD["prognostic_sd"] * (share - spread.centre_share)
            sd = np.hypot(location, histology)
            assert_spread(np.log(new.median), np.log(mean.median[0]), sd)
            assert_spread(np.log(new.shape), np.log(mean.shape[0]), shape)
        if group.is_class:
            assert_spread(new.tail, FIXED["tail_mean"], SPREAD["tail_treatment_sd"])
        else:  # cohorts of a treatment share its tail
            np.testing.assert_array_equal(new.tail, mean.tail)


def test_robust_study_effects_are_drawn_as_they_were_fitted(registry):
    usual = fit_of(registry, **FIXED)
    robust = replace(usual, variant=Variant(study_effects="student-t"))
    draws = {
        name: study_noise(fit, np.random.default_rng(3), (200_000,))
        for name, fit in (("normal", usual), ("student-t", robust))
    }
    # beyond three: 0.0027 of a normal, 0.0399 of a Student-t of four degrees of freedom
    for name, law in (("normal", stats.norm), ("student-t", stats.t(4.0))):
        expected = 2.0 * law.sf(3.0)
        error = np.sqrt(expected / 200_000)
        assert abs(np.mean(np.abs(draws[name]) > 3.0) - expected) < 4.0 * error


# --- All groups at once --------------------------------------------------------------------------


def drawn_fit(registry, seed=4):
    """A fit whose every draw differs, of two families side by side."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(v, 0.1, (DRAWS, *np.shape(v))) for name, v in FIXED.items()}
    values |= {name: np.abs(rng.normal(v, 0.05, DRAWS)) for name, v in SPREAD.items()}
    single = fit_of(registry, **values)
    fits = {name: replace(single, family=family(name)) for name in ("weibull", "long-tail")}
    return stack(fits, {"weibull": 0.4, "long-tail": 0.6}, draws=500)


def by_hand(fit, group, share, target):
    """The curve of one group, straight from the formula; the same noise serves every group."""
    rng, of_class = np.random.default_rng([fit.seed, 7]), group.treatment_index is None

    def normal():
        return rng.standard_normal(fit.flat("mu").size)

    new = target == "new_study"
    log_median = fit.flat("mu") + fit.flat("class_effect")[:, group.class_index]
    # the reference is a prospective study of first-line treatment from its start
    effects = dict(zip(COVARIATES, fit.flat("covariate_effect").T, strict=True))
    for name in ("retrospective", "pretreated", "from_diagnosis"):
        log_median = log_median - effects[name] / 2.0
    slope, log_shape, tail = (fit.flat(n) for n in ("prognostic", "shape_mean", "tail_mean"))
    if not of_class:
        t = group.treatment_index
        log_median = log_median + fit.flat("treatment_effect")[:, t]
        slope = slope + fit.flat("predictive")[:, t]
        log_shape = log_shape + fit.flat("shape_treatment_effect")[:, t]
        tail = tail + fit.flat("tail_treatment_effect")[:, t]
    if of_class and new:
        log_median = log_median + fit.flat("treatment_sd") * normal()
    if new:
        log_median = log_median + fit.flat("study_sd") * normal()
        slope = slope + fit.flat("prognostic_sd") * normal()
    if of_class and new:
        log_shape = log_shape + fit.flat("shape_treatment_sd") * normal()
    if new:
        log_shape = log_shape + fit.flat("shape_sd") * normal()
    if of_class and new:
        tail = tail + fit.flat("tail_treatment_sd") * normal()
    median = np.exp(log_median + slope * (share - fit.centre_share))
    return Curve(median, np.exp(log_shape), fit.draw_family, tail)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_arrays_of_all_groups_are_those_of_each_group(registry, share, target):
    fit = drawn_fit(registry)
    groups = groups_of(fit)
    assert groups == (Group(0, 0), Group(0, 1), Group(1, 2), Group(0))
    for number, group in enumerate(groups):
        expected = by_hand(fit, group, share, target)
        effect = histology_effect(fit, group)
        pure, mixed = (curve(fit, group, at, "mean_study").median for at in (0.0, 1.0))
        np.testing.assert_allclose(effect, np.log(mixed / pure), rtol=1e-9, atol=EXACT)
        for name in SURVIVAL_ESTIMANDS:
            own = draws_of(fit, name, target, share)
            assert own.shape == (500, len(groups))
            np.testing.assert_allclose(own[:, number], expected.estimand(name), rtol=EXACT)
            assert summaries(fit, name, target, share)[group] == summarise(own[:, number])
            alone = curve(fit, group, share, target).estimand(name)
            np.testing.assert_array_equal(alone, own[:, number])
    alone = curve(fit, Group(1), share, target)  # a class of one treatment is no column
    expected = by_hand(fit, Group(1), share, target)
    np.testing.assert_allclose(alone.median, expected.median, rtol=EXACT)
    np.testing.assert_allclose(alone.tail, expected.tail, rtol=EXACT)


def test_what_is_kept_of_a_fit_is_of_that_fit_alone(registry):
    """It goes with the fit, and another fit in the same place of memory has its own."""
    for seed in range(5):
        fit = drawn_fit(registry, seed)
        fresh = by_hand(fit, Group(0, 1), 0.4, "new_study").median
        for _ in range(2):
            np.testing.assert_allclose(
                draws_of(fit, "median_months", "new_study", 0.4)[:, 1], fresh, rtol=EXACT
            )
        known = len(fits._KEPT)
        del fit
        gc.collect()
        assert len(fits._KEPT) < known
    changed = replace(first := fit_of(registry, **FIXED), centre_share=0.9)
    medians = [draws_of(own, "median_months", "mean_study", 0.4)[0, 0] for own in (first, changed)]
    expected = np.exp((FIXED["prognostic"] + FIXED["predictive"][0]) * (first.centre_share - 0.9))
    assert medians[1] / medians[0] == pytest.approx(expected)


def test_a_changed_curve_has_estimands_of_its_own(registry):
    own = curve(drawn_fit(registry), Group(0, 1), 0.4, "mean_study")
    before = own.estimand("rmst_12m")
    doubled = replace(own, median=2.0 * own.median).estimand("rmst_12m")
    assert (doubled > before).all()


def test_an_estimand_is_one_record(registry, monkeypatch):
    """A record more is a row more of every treatment, histology and target of ``pooled.csv``."""
    record = Estimand(
        "lower_quartile", "Lower quartile", "months", months, lambda c: c.median / c.shape
    )
    monkeypatch.setitem(estimands.ESTIMANDS, record.name, record)
    monkeypatch.setitem(estimands.SURVIVAL_ESTIMANDS, record.name, record.horizon)
    fit = drawn_fit(registry)
    table = pooled_table({"os": fit}, registry.vocabulary, 0.4)
    assert tuple(table.columns) == POOLED_COLUMNS
    own = table[table["estimand"] == record.name]
    assert len(own) == len(groups_of(fit)) * len(TARGETS)
    assert len(table) == len(own) * len(SURVIVAL_ESTIMANDS)
    drawn = curve(fit, Group(0, 0), fit.centre_share, "mean_study")
    label = registry.vocabulary.treatment("lenvatinib").label
    row = own[(own["treatment"] == label) & (own["target"] == "mean_study")].iloc[0]
    assert row["estimate"] == pytest.approx(np.median(drawn.median / drawn.shape), rel=EXACT)


# --- Pure and mixed ------------------------------------------------------------------------------


def test_values_that_no_report_of_a_treatment_supports_are_extrapolated(tmp_path):
    parts = [
        subgroup(name, n, survival=[median(Decimal(value))])
        for name, n, value in (("pure", 12, "3.0"), ("mixed", 8, "5.0"))
    ]
    registry = load_registry(
        write_registry(
            tmp_path / "registry",
            study("split", cohort("arm", "lenvatinib", 20, subgroups=parts)),
            study("whole", cohort("arm", "sorafenib", 20, survival=[median(Decimal("4.0"))])),
        )
    )
    table = pooled_table({"os": fit_of(registry, mu=1.4)}, registry.vocabulary, 0.4)
    told = table.groupby(["treatment", "histology"])["extrapolated"].unique().map(list).to_dict()
    lenvatinib, sorafenib = (
        registry.vocabulary.treatment(name).label for name in ("lenvatinib", "sorafenib")
    )
    assert told[lenvatinib, "pure"] == told[lenvatinib, "mixed"] == [False]
    assert told[sorafenib, "pure"] == told[sorafenib, "mixed"] == [True]
    assert told[sorafenib, "reference"] == told[lenvatinib, "reference"] == [False]
