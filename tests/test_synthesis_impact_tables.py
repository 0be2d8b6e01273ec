"""Predictions, surprise, shifts, ranks and selections, from fits whose draws are set by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from fits import DRAWS, fit_of, observations
from scipy import stats
from small_registry import cohort, landmark, median, study, subgroup, write_registry

from studies import load_registry
from studies.selection import select
from synthesis import estimands
from synthesis.estimands import Group, draw_prior
from synthesis.model.families import family
from synthesis.predictive import (
    NewCohort,
    Place,
    curve_of,
    place_of,
    predict_curve,
    predict_rate,
    rate_of,
)
from synthesis.questions.impact import tables

LENVATINIB = study("lenva", cohort(n=23, survival=[median(4)]))
SORAFENIB = study("sora", cohort("arm", "sorafenib", 20, survival=[median(5)]))
PACLITAXEL = study("pacli", cohort("arm", "paclitaxel", 30, survival=[median(3)]))
TWO_LEVELS = {"class_sd": 0.3, "treatment_sd": 0.4, "study_sd": 0.5}


@pytest.fixture
def load(tmp_path):
    """Write studies and read them back as a registry."""
    folders = iter(range(100))
    return lambda *reports: load_registry(
        write_registry(tmp_path / f"registry{next(folders)}", *reports)
    )


def pair(old, new, after, new_cohorts=()):
    return tables.Pair((old, new), "os", after.vocabulary, old.centre_share, new_cohorts)


def surprise(before, after, notes=None, endpoint="os"):
    """Of the cohorts of the study ``fresh``."""
    data = observations(after, endpoint)
    ids = [ref.id for ref in data.cohorts if ref.study.id == "fresh"]
    fits = before, SimpleNamespace(data=data)
    own = tables.Pair(fits, endpoint, after.vocabulary, 0.4, ids, notes or {})
    return tables.surprise_table([own])


def medians(estimates):
    """Of the average study at the reference mix, by treatment."""
    rows = estimates[(estimates["estimand"] == "median_months")]
    rows = rows[(rows["target"] == "mean_study") & (rows["histology"] == "reference")]
    return rows.set_index("treatment")


def fresh(**figures):
    return study("fresh", cohort(**figures))


def at_four(registry, **fixed):
    return fit_of(registry, mu=np.log(4.0), **fixed)


def os_of(months):
    return [median(Decimal(months))]


# --- treatments that a fit does not know ---------------------------------------------------------


def test_place_of_known_and_unknown_treatments(load):
    fit = fit_of(load(LENVATINIB, PACLITAXEL))
    assert place_of(fit, "lenvatinib", "mki") == Place(0, 0)
    assert place_of(fit, "sorafenib", "mki") == Place(0, None)
    assert place_of(fit, "best_care", "care") == Place(None, None)
    assert place_of(fit, None, "mki") == Place(0, None, is_class=True)
    assert place_of(fit, "lenvatinib", "mki").words == "its cohorts"
    assert place_of(fit, "sorafenib", "mki").words == "expected of a new treatment of its class"
    away = "expected of a new treatment of a new class"
    assert place_of(fit, "best_care", "care").words == away


def test_a_known_treatment_has_the_curve_of_the_report(load):
    rng = np.random.default_rng(1)
    fit = fit_of(load(LENVATINIB), mu=rng.normal(1, 0.2, (1, DRAWS)), study_sd=0.3)
    for target in ("mean_study", "new_study"):
        mine = curve_of(fit, Place(0, 0), 0.4, target)
        theirs = estimands.curve(fit, Group(0, 0), 0.4, target)
        assert (mine.median == theirs.median).all()
        assert (mine.shape == theirs.shape).all()


@pytest.mark.parametrize(
    ("place", "target", "levels"),
    [
        (Place(0, 0), "new_study", ["study"]),
        (Place(0, None), "mean_study", ["treatment"]),
        (Place(0, None), "new_study", ["treatment", "study"]),
        (Place(None, None), "mean_study", ["class", "treatment"]),
        (Place(None, None), "new_study", ["class", "treatment", "study"]),
        (Place(None, None, is_class=True), "mean_study", ["class"]),
    ],
)
def test_what_is_not_known_is_drawn_from_the_spread_of_its_level(load, place, target, levels):
    fixed = {"mu": np.log(5.0), "shape_treatment_sd": 0.2, "shape_sd": 0.1}
    fit = fit_of(load(LENVATINIB), **fixed, **TWO_LEVELS)
    variance = sum(TWO_LEVELS[f"{level}_sd"] ** 2 for level in levels)
    if target == "new_study":
        found = predict_curve(fit, place, fit.centre_share, NewCohort(2, 3), 10)
    else:
        found = curve_of(fit, place, fit.centre_share, target)
    log_median = np.log(found.median)
    error = 4.0 / np.sqrt(log_median.size)
    assert log_median.mean() == pytest.approx(np.log(5.0), abs=error * np.sqrt(variance))
    assert log_median.var() == pytest.approx(variance, rel=error * np.sqrt(2.0))
    new_treatment = place.treatment_index is None and not place.is_class
    shape = 0.2**2 * new_treatment + 0.1**2 * (target == "new_study")
    assert np.log(found.shape).var() == pytest.approx(shape, rel=error * np.sqrt(2.0))


def test_a_new_treatment_has_its_own_effect_of_histology(load):
    fit = fit_of(load(LENVATINIB), prognostic=0.5)
    prior = fit.priors["histology_predictive"]
    away = 1.0 - fit.centre_share
    log_median = np.log(curve_of(fit, Place(0, None), 1.0, "mean_study").median)
    assert log_median.mean() == pytest.approx(0.5 * away, abs=4 * prior.scale / np.sqrt(DRAWS))
    assert log_median.std() == pytest.approx(prior.scale * away, rel=0.1)
    known = np.log(curve_of(fit, Place(0, 0), 1.0, "mean_study").median)
    assert known == pytest.approx(0.5 * away)


def test_arms_of_one_study_share_their_study(load):
    fit = fit_of(load(LENVATINIB), prognostic=0.7, study_sd=0.5, shape_sd=0.2)
    pure, mixed = (
        predict_curve(fit, Place(0, 0), share, NewCohort(3, 4), 2) for share in (0.0, 1.0)
    )
    assert np.log(mixed.median / pure.median) == pytest.approx(0.7)
    assert (mixed.shape == pure.shape).all()
    assert np.log(pure.median).std() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_cohorts_of_one_study_share_a_part_of_it(load, shared):
    fit = fit_of(load(LENVATINIB), study_sd=0.5, shape_sd=0.2)
    first, second = (
        predict_curve(fit, Place(0, 0), 0.4, NewCohort(3, seed, shared), 5) for seed in (4, 5)
    )
    one, other = np.log(first.median), np.log(second.median)
    error = 4.0 / np.sqrt(one.size)
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(shared, abs=error)
    assert one.std() == pytest.approx(0.5, rel=error)
    assert abs(np.corrcoef(first.shape, second.shape)[0, 1]) < error


def test_a_new_cohort_is_predicted_with_its_own_covariates(load):
    none = (0.0,) * 5
    fit = fit_of(load(LENVATINIB), covariate_effect=(0.2, -0.4, 0.0, 1.0, *none))
    assert fit.variant.covariates
    usual, own = (
        predict_curve(fit, Place(0, 0), 0.4, NewCohort(3, 4, 1.0, given), 1)
        for given in ((), (0.5, 0.5, -0.5, 0.3, *none))
    )
    # a prospective study of first-line treatment is the reference
    reference = -0.1 + 0.2
    assert np.log(own.median / usual.median) == pytest.approx(0.1 - 0.2 + 0.3 - reference)
    without = replace(fit, variant=replace(fit.variant, covariates=False))
    given = (0.5, 0.5, 0.0, 0.0, *none)
    same = predict_curve(without, Place(0, 0), 0.4, NewCohort(3, 4, 1.0, given), 1)
    assert np.log(usual.median / same.median) == pytest.approx(reference)


def test_the_tail_of_a_new_treatment_is_drawn_from_its_spread(load):
    fit = fit_of(load(LENVATINIB), tail_mean=-0.6, tail_treatment_sd=0.3)
    fit = replace(fit, family=family("long-tail"))
    known, new = (
        predict_curve(fit, place, 0.4, NewCohort(3, 4), 5)
        for place in (Place(0, 0), Place(0, None))
    )
    assert known.tail == pytest.approx(-0.6)
    assert new.tail.mean() == pytest.approx(-0.6, abs=4 * 0.3 / np.sqrt(new.tail.size))
    assert new.tail.std() == pytest.approx(0.3, rel=0.05)
    assert known.family == "long-tail"


def test_response_rate_of_a_new_treatment(load):
    answered = study("lenva", cohort(n=23, response={"responders": 4, "evaluable": 23}))
    fit = fit_of(load(answered), "response", mu=-1.0, treatment_sd=0.8, study_sd=0.6)
    assert rate_of(fit, Place(0, 0), "mean_study") == pytest.approx(1 / (1 + np.e))
    rates = predict_rate(fit, Place(0, None), np.random.default_rng(4), 10)
    odds = np.log(rates / (1 - rates))
    assert odds.mean() == pytest.approx(-1.0, abs=0.03)
    assert odds.std() == pytest.approx(1.0, rel=0.03)


def test_draws_of_a_half_normal_prior_are_positive(load):
    priors = fit_of(load(LENVATINIB)).priors
    drawn = draw_prior(priors["study_sd"], 20_000, np.random.default_rng(5))
    assert drawn.min() >= 0.0
    assert np.median(drawn) == pytest.approx(priors["study_sd"].quantile(0.5), rel=0.05)


# --- surprise ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "verdict"), [("4.0", "as expected"), ("0.3", "very surprising"), ("60", "very")]
)
def test_an_extreme_median_is_surprising_and_an_expected_one_is_not(load, printed, verdict):
    new = fresh(n=23, survival=os_of(printed))
    before, after = load(LENVATINIB), load(LENVATINIB, new)
    fit = at_four(before, study_sd=0.2)
    (row,) = surprise(fit, after).to_dict("records")
    assert row["verdict"].startswith(verdict)
    assert row["percentile"] == pytest.approx({"4.0": 50, "0.3": 0, "60": 100}[printed], abs=2)


def test_p_of_a_new_study_is_exact_where_nothing_is_uncertain(load):
    new = fresh(n=23, survival=os_of("2.6"))
    fit = at_four(load(LENVATINIB))
    (row,) = surprise(fit, load(LENVATINIB, new)).to_dict("records")
    share = stats.beta.cdf(1.0 - 0.5 ** (2.6 / 4.0), 12, 12)
    assert row["percentile"] == pytest.approx(100 * share, abs=2.0)
    assert row["p"] == pytest.approx(2 * share, abs=0.03)
    assert tuple(row) == tables.SURPRISE_COLUMNS


def test_a_share_that_is_not_printed_widens_the_expectation(load):
    told = cohort(n=400, survival=os_of("4.0"), histology={"pure": 200, "mixed": 200})
    silent = cohort(n=400, survival=os_of("4.0"))
    base = study("base", cohort(n=20, survival=[median(4)], histology={"pure": 10, "mixed": 10}))
    fit = at_four(load(base), prognostic=1.5)
    widths = []
    for arm in (told, silent):
        (row,) = surprise(fit, load(base, study("fresh", arm))).to_dict("records")
        widths.append(np.log(row["upper"] / row["lower"]))
    assert widths[1] > 1.5 * widths[0]


def test_split_cohort_is_judged_as_a_whole_and_in_its_groups(load):
    sizes = {"pure": 15, "mixed": 8}
    groups = [
        subgroup(name, sizes[name], survival=os_of(months))
        for name, months in (("pure", "2.7"), ("mixed", "6.3"))
    ]
    days = [median(95, unit="days")]
    arm = cohort(n=23, histology=sizes, subgroups=groups, survival=days)
    after = load(LENVATINIB, study("fresh", arm))
    fit = at_four(load(LENVATINIB), prognostic=0.8, study_sd=0.2)
    table = surprise(fit, after).set_index("group")
    assert list(table.index) == ["whole", "pure", "mixed"]
    assert list(table["n"]) == [23, 15, 8]
    assert list(table["headline"]) == [True, False, False]
    assert list(table["entered"]) == [False, True, True]
    predicted = table["predicted"]
    assert predicted["pure"] < predicted["whole"] < predicted["mixed"]
    assert np.log(predicted["mixed"] / predicted["pure"]) == pytest.approx(0.8, abs=0.1)
    assert table.loc["whole", "predicted_printed"].endswith(" days")
    days = float(table.loc["whole", "predicted_printed"].split()[0])
    assert days == pytest.approx(30.4375 * predicted["whole"], abs=0.51)


def test_landmark_nearest_to_a_year_speaks_for_a_cohort_without_median(load):
    marks = [landmark(at, Decimal(alive)) for at, alive in ((3, "0.6"), (12, "0.2"), (24, "0.1"))]
    after = load(LENVATINIB, fresh(n=30, landmarks=marks))
    table = surprise(at_four(load(LENVATINIB)), after)
    assert list(table["headline"]) == [False, True, False]
    assert table["predicted"].is_monotonic_decreasing


def test_listed_patients_are_judged_by_their_median(load):
    patients = [
        {"os": Decimal(time), "unit": "months", "event": event}
        for time, event in (("1.0", "died"), ("4.0", "died"), ("9.0", "alive"))
    ]
    after = load(LENVATINIB, fresh(n=3, patients=patients))
    (row,) = surprise(at_four(load(LENVATINIB)), after).to_dict("records")
    assert row["value"] == 4.0
    assert row["printed"] == "4.0 from 3 listed patients"
    assert 30 < row["percentile"] < 70


def test_responders_are_judged_by_the_binomial_law(load):
    old = study("lenva", cohort(n=23, response={"responders": 4, "evaluable": 23}))
    new = fresh(n=20, response={"responders": 1, "evaluable": 20})
    fit = fit_of(load(old), "response", mu=np.log(0.3 / 0.7))
    (row,) = surprise(fit, load(old, new), endpoint="response").to_dict("records")
    law = stats.binom(20, 0.3)
    assert row["percentile"] / 100 == pytest.approx(law.cdf(0) + law.pmf(1) / 2, abs=0.005)
    assert row["printed"] == "1/20"
    assert row["predicted_printed"] == "6 (2\N{EN DASH}10) of 20"


def test_cohorts_of_one_report_are_told_apart(load):
    arms = [cohort(name, n=20, survival=os_of("4.0")) for name in ("first", "arm_two")]
    after = load(LENVATINIB, study("fresh", *arms))
    note = {"fresh:first": "Shares patients."}
    table = surprise(at_four(load(LENVATINIB)), after, note)
    assert list(table["label"]) == ["Fresh 2021 (first)", "Fresh 2021 (arm two)"]
    assert list(table["note"]) == ["Shares patients.", ""]


# --- shifts --------------------------------------------------------------------------------------


def test_shift_is_a_log_ratio_over_the_sd_before(load):
    before, after = load(LENVATINIB), load(LENVATINIB, SORAFENIB)
    z = stats.norm.ppf((np.arange(DRAWS) + 0.5) / DRAWS)[None]
    old = fit_of(before, mu=np.log(4.0) + 0.25 * z, **TWO_LEVELS)
    new = fit_of(after, mu=np.log(5.0) + 0.2 * z, **TWO_LEVELS)
    table = tables.estimates_table([pair(old, new, after, {"sora:arm"})])
    row = medians(table).loc["Lenvatinib"]
    assert row["before"] == pytest.approx(4.0, rel=1e-3)
    assert row["after"] == pytest.approx(5.0, rel=1e-3)
    assert row["shift"] == pytest.approx(np.log(1.25), rel=1e-3)
    assert row["shift_in_sd"] == pytest.approx(np.log(1.25) / 0.25, rel=0.01)
    assert row["width_ratio"] == pytest.approx(0.8, rel=1e-3)
    assert not row["new"]
    alive = table[(table["estimand"] == "survival_6m") & (table["target"] == "mean_study")]
    one = alive.set_index("treatment").loc["Lenvatinib"]
    assert one["scale"] == "difference"
    assert one["shift"] == pytest.approx(0.5 ** (6 / 5) - 0.5 ** (6 / 4), rel=1e-3)


def test_a_treatment_new_to_the_pool_has_what_was_expected_of_it(load):
    before, after = load(LENVATINIB), load(LENVATINIB, SORAFENIB, PACLITAXEL)
    mu = 1.0 + 0.01 * np.linspace(-1, 1, DRAWS)[None]
    old, new = fit_of(before, mu=mu, **TWO_LEVELS), fit_of(after, mu=mu, **TWO_LEVELS)
    ids = {"sora:arm", "pacli:arm"}
    table = tables.estimates_table([pair(old, new, after, ids)])
    assert not table.isna().any().any()
    assert (table["before_lower"] < table["before"]).sum() > len(table) / 2
    rows = medians(table)
    every = ["Lenvatinib", "Sorafenib", "Multikinase inhibitor (any)", "Paclitaxel"]
    assert list(rows.index) == every
    assert list(rows["new"]) == [False, True, False, True]
    assert rows.loc["Sorafenib", "before_basis"] == "expected of a new treatment of its class"
    assert rows.loc["Paclitaxel", "before_basis"] == "expected of a new treatment of a new class"
    width = np.log(rows["before_upper"] / rows["before_lower"])
    assert width["Sorafenib"] == pytest.approx(2 * 1.96 * 0.4, rel=0.1)
    assert width["Paclitaxel"] == pytest.approx(2 * 1.96 * 0.5, rel=0.1)
    assert list(rows["cohorts_before"]) == [1, 0, 1, 0]
    assert list(rows["patients_after"]) == [23, 20, 43, 30]


def test_pure_and_mixed_are_extrapolated_where_no_report_tells_them_apart(load):
    groups = [subgroup(name, 10, survival=os_of("4.0")) for name in ("pure", "mixed")]
    registry = load(study("split", cohort(n=20, subgroups=groups)), PACLITAXEL)
    fit = fit_of(registry, mu=np.linspace(0.9, 1.1, DRAWS)[None], **TWO_LEVELS)
    table = tables.estimates_table([pair(fit, fit, registry)])
    rows = table.groupby(["treatment", "histology"])["extrapolated"].all()
    assert {key for key, extrapolated in rows.items() if extrapolated} == {
        ("Paclitaxel", "pure"),
        ("Paclitaxel", "mixed"),
    }


def test_a_treatment_that_loses_its_cohorts_keeps_a_row(load):
    before, after = load(LENVATINIB, SORAFENIB), load(LENVATINIB)
    old, new = fit_of(before, **TWO_LEVELS), fit_of(after, **TWO_LEVELS)
    subjects = pair(old, new, after).subjects
    (about,) = [own.about for own in subjects if own.about["treatment"] == "Sorafenib"]
    assert (about["cohorts_before"], about["cohorts_after"]) == (1, 0)
    assert (about["patients_before"], about["patients_after"]) == (20, 0)
    assert about["after_basis"] == "expected of a new treatment of its class"


# --- ranks ---------------------------------------------------------------------------------------


def test_ranks_before_and_after(load):
    before, after = load(LENVATINIB, PACLITAXEL), load(LENVATINIB, PACLITAXEL, SORAFENIB)
    old = fit_of(before, treatment_effect=[0.5, 0.0], treatment_sd=1.0, class_sd=1e-6)
    # vocabulary order: lenvatinib, sorafenib, paclitaxel
    new = fit_of(after, treatment_effect=[0.1, -0.5, 0.3])
    table = tables.ranks_table([pair(old, new, after, {"sora:arm"})])
    assert list(table["treatment"]) == ["Paclitaxel", "Lenvatinib", "Sorafenib"]
    own = table.set_index("treatment")
    assert (own["of"] == 3).all()
    assert list(own["rank_after"]) == [1, 2, 3]
    assert list(own["best_after"]) == [1.0, 0.0, 0.0]
    assert (own["lower_after"] == own["upper_after"]).all()
    # the newcomer stood anywhere before: best with the chance of a draw above the others
    chance = stats.norm.sf(0.5)
    assert own.loc["Sorafenib", "best_before"] == pytest.approx(chance, abs=0.05)
    assert own.loc["Lenvatinib", "best_before"] == pytest.approx(1 - chance, abs=0.05)
    means = own[["mean_before", "mean_after"]]
    assert means.sum().tolist() == pytest.approx([6.0, 6.0])


# --- who is counted ------------------------------------------------------------------------------


def overlapping(name, year, n, others=()):
    """A report on lenvatinib that shares patients with others."""
    arm = cohort(n=n, survival=os_of("4.0"))
    overlaps = [{"with": other, "reason": "same centre"} for other in others]
    return study(name, arm, year=year, overlaps=overlaps)


def test_who_gave_way_and_who_is_not_counted(load):
    nothing = study("silent", cohort(n=12))
    old = [overlapping("small", 2015, 10), SORAFENIB]
    before, after = load(*old), load(*old, overlapping("large", 2020, 90, ["small"]), nothing)
    chosen = [select(registry, "os") for registry in (before, after)]
    table = tables.selection_table({"os": chosen}, (before, after), {"large", "silent"})
    rows = table.set_index("study")
    assert rows[["change", "other"]].T.to_dict("list") == {
        "large": ["counted", "small:arm"],
        "small": ["gave way", "large:arm"],
        "silent": ["not counted", ""],
    }
    assert "neither a median" in rows.loc["silent", "reason"]
    assert "same centre" in rows.loc["small", "reason"]
    (note,) = tables.notes_of(*chosen, ["large:arm"], set()).values()
    assert note == "The fit without it counted small:arm, with patients in common."


def test_a_cohort_is_counted_again_when_the_one_before_it_goes(load):
    small, large = overlapping("small", 2015, 10), overlapping("large", 2020, 90, ["small"])
    before, after = load(small, large), load(small)
    chosen = [select(registry, "os") for registry in (before, after)]
    rows = tables.selection_table({"os": chosen}, (before, after), set()).set_index("study")
    assert rows.loc["small", "change"] == "counted again"
    assert "large:arm" in rows.loc["small", "reason"]
    assert rows.loc["large", "change"] == "no longer counted"
    assert rows.loc["large", "label"] == "Large 2020"
