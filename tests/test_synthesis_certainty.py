"""What confounding would undo, what is allowed for it, and how certain that leaves a contrast."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from compare_fits import REPORTS, WORDS, arm, registry_of, response_fit, survival_fit
from fits import fit_of
from scipy.stats import norm
from small_registry import landmark, median, study, write_registry

from priors import load_priors
from studies import load_registry
from synthesis.choices import CONFOUNDING
from synthesis.estimands import Curve, quantiles
from synthesis.questions import certainty, contrasts
from synthesis.questions.certainty import (
    GRADES,
    RULES,
    Confounding,
    Judged,
    certainty_words,
    confounded,
    find_confounding,
    tipping_words,
)
from synthesis.questions.compare import compare, result, sentences
from synthesis.questions.contrasts import ACROSS, EXTRAPOLATED, GAIN, RANDOMISED, WITHIN, Evidence
from synthesis.settings import Settings

# Quantiles of 20,001 even steps of a normal distribution against its own: half a step in the tail.
DRAWS, STEP = 20_001, 2e-3
# A product of two such sets in random order: four standard errors of a share of so many draws.
SHARE = 4.0 * 0.5 / math.sqrt(DRAWS)
Z = norm.ppf(0.975)


def normal(mean, sd):
    """Draws of a normal distribution at its quantiles, in order."""
    return norm.ppf((np.arange(DRAWS) + 0.5) / DRAWS, mean, sd)


def curve(log_median):
    """A Weibull curve with these draws of the log median."""
    return Curve(np.exp(log_median), np.ones(DRAWS), "weibull")


def ratios_of(first, second):
    """Draws of the ratio of medians of two curves."""
    return contrasts.survival_contrast(first, second, "ratio_of_medians")


def chance_of(first, second, months=0.0):
    """Probability that the median of one curve is more than so many months longer."""
    draws = contrasts.survival_contrast(first, second, GAIN)
    return contrasts.SURVIVAL_CONTRASTS[GAIN].favours(draws, months)


# --- Confounding ---------------------------------------------------------------------------------


def test_the_draws_of_a_bias_are_normal_and_in_no_order():
    drawn = Confounding(0.2, 0.35).draws(DRAWS)
    assert np.mean(drawn) == pytest.approx(0.2, abs=1e-9)
    assert np.std(drawn) == pytest.approx(0.35, rel=STEP)
    # a correlation of so many pairs has a standard error of 1/sqrt(draws)
    order = np.corrcoef(drawn, np.arange(DRAWS))[0, 1]
    assert abs(order) < 4.0 / math.sqrt(DRAWS)
    np.testing.assert_array_equal(drawn, Confounding(0.2, 0.35).draws(DRAWS))


def test_a_bias_moves_and_widens_a_normal_log_ratio_in_closed_form():
    """d ~ Normal(m, s) less b ~ Normal(mu, sigma) is Normal(m - mu, sqrt(s^2 + sigma^2))."""
    over, own = curve(np.zeros(DRAWS)), curve(normal(1.0, 0.3))
    away = confounded(own, Confounding(0.2, 0.4))
    estimate, lower, upper = quantiles(np.log(ratios_of(away, over)))
    spread = math.hypot(0.3, 0.4)
    # standard errors of quantiles of so many draws: 1.25 SD/sqrt(n), and 2.7 SD/sqrt(n) at 2.5 %
    error = spread / math.sqrt(DRAWS)
    assert estimate == pytest.approx(0.8, abs=4 * 1.25 * error)
    assert lower == pytest.approx(0.8 - Z * spread, abs=4 * 2.7 * error)
    assert upper == pytest.approx(0.8 + Z * spread, abs=4 * 2.7 * error)
    # P(gain > 1 month) over a median of 1 month is P(ratio > 2)
    expected = norm.sf(math.log(2.0), 0.8, spread)
    assert chance_of(away, over, 1.0) == pytest.approx(expected, abs=SHARE)


def test_a_fixed_ratio_shortens_every_time_by_it():
    own = curve(normal(1.0, 0.3))
    away = confounded(own, find_confounding({}, "1.5"))
    np.testing.assert_allclose(away.median, own.median / 1.5, rtol=1e-12)
    months = np.array([1.0, 4.0, 9.0])
    np.testing.assert_allclose(away.survival(months), own.survival(1.5 * months), rtol=1e-12)


def test_confounding_is_that_of_the_priors_none_or_a_stated_ratio(tmp_path):
    fit = survival_fit(registry_of(tmp_path / "registry"))
    prior = load_priors()["confounding"]
    assert find_confounding({"os": fit}) == Confounding(prior.location, prior.scale)
    own = load_priors().replace("confounding", location=0.5, scale=0.1)
    assert find_confounding({"os": replace(fit, priors=own)}) == Confounding(0.5, 0.1)
    assert find_confounding({"os": fit}, "0") == Confounding(0.0, 0.0)
    assert find_confounding({"os": fit}, "2") == Confounding(math.log(2.0), 0.0)
    expected = ", ".join(CONFOUNDING)
    for ask in (lambda: find_confounding({}, "3"), lambda: Settings(confounding="3")):
        with pytest.raises(ValueError, match=f"confounding: found '3', expected one of {expected}"):
            ask()


# --- Tipping points ------------------------------------------------------------------------------


def across(patients=(60, 70), sources=(2, 3)):
    """Evidence of two treatments that no report gave both."""
    return Evidence((2, 3), patients, sources)


def test_tipping_points_of_a_normal_log_ratio_are_its_quantiles():
    own, over = curve(normal(1.4, 0.3)), curve(np.zeros(DRAWS))
    limit, estimate = Judged(across(), quantiles(ratios_of(own, over)), 1.0).tipping
    assert math.log(limit) == pytest.approx(1.4 - Z * 0.3, abs=STEP)
    assert math.log(estimate) == pytest.approx(1.4, abs=STEP)
    # there a gain is as likely as the limit says
    for ratio, chance in ((limit, 0.975), (estimate, 0.5)):
        away = confounded(own, Confounding(math.log(ratio), 0.0))
        # one draw lies at the point itself
        assert chance_of(away, over) == pytest.approx(chance, abs=1.5 / DRAWS)


def test_where_no_gain_is_sure_it_takes_no_confounding():
    assert Judged(across(), (1.6, 0.9, 2.9), 1.0).tipping == (1.0, 1.6)
    assert Judged(across(), (0.8, 0.5, 1.2), 1.0).tipping == (1.0, 1.0)
    assert np.isnan(Judged(across(), (0.2, 0.1, 0.3), 0.0).tipping).all()


def test_tipping_points_in_words():
    assert tipping_words("Dabrafenib + trametinib", 1.9, 4.1) == (
        "If the patients on dabrafenib + trametinib would have lived 1.90 times as long anyway, "
        "the gain would no longer be sure; at 4.10 times there would be none."
    )
    assert "is not sure even without confounding" in tipping_words("Lenvatinib", 1.0, 1.6)
    assert tipping_words("Sorafenib", 1.0, 1.0).startswith("No gain is estimated for sorafenib")


# --- Certainty -----------------------------------------------------------------------------------

LOT = Evidence((2, 2), (60, 70), (2, 2), ("A 2020",), (), (60, 70))
BOTH = Evidence((2, 2), (60, 70), (2, 2), (), ("A 2020",), (60, 70))
SURE, LARGE = (1.8, 1.2, 2.6), (4.1, 2.1, 8.0)

#: Each rule, the contrast in which it alone holds beside what is named, and the grade of that.
CASES = {
    "not randomised": (Judged(BOTH, SURE, 1.0), "low"),
    "no report gave both": (Judged(across(), SURE, 1.0), "very low"),
    "histology is extrapolated": (Judged(LOT, SURE, 1.0, extrapolated=True), "moderate"),
    "one report on a side": (Judged(replace(LOT, sources=(2, 1)), SURE, 1.0), "moderate"),
    "fewer than 50 patients on a side": (
        Judged(replace(LOT, patients=(49, 300)), SURE, 1.0),
        "moderate",
    ),
    "interval includes no effect": (Judged(LOT, (1.4, 0.9, 2.2), 1.0), "moderate"),
    "undone only beyond 2 times as long": (Judged(BOTH, LARGE, 1.0), "moderate"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason)
def test_every_rule_has_a_case_and_stands_in_the_docstring_with_its_steps(rule):
    judged, grade = CASES[rule.reason]
    assert judged.certainty == grade
    assert rule.reason in judged.reasons
    always = {"not randomised"} if judged.evidence.kind != RANDOMISED else set()
    assert set(judged.reasons) == always | {rule.reason}
    line = next(line for line in certainty.__doc__.splitlines() if line.startswith(rule.reason))
    assert int(line.removeprefix(rule.reason)) == rule.steps


@pytest.mark.parametrize(
    ("evidence", "values", "null", "grade"),
    [
        (LOT, SURE, 1.0, "high"),
        (replace(LOT, patients=(50, 50)), SURE, 1.0, "high"),
        (across((20, 10), (1, 1)), (1.1, 0.5, 2.0), 1.0, "very low"),
        # a large effect lifts by a step, and nothing unrandomised is high
        (across(), LARGE, 1.0, "low"),
        (BOTH, LARGE, 1.0, "moderate"),
        (BOTH, (3.0, 2.0, 4.0), 1.0, "low"),  # above two, not at
        # response rates differ by 0
        (LOT, (0.1, 0.02, 0.2), 0.0, "high"),
        (LOT, (0.1, -0.02, 0.2), 0.0, "moderate"),
    ],
)
def test_grades_from_high_to_very_low_and_at_the_edge_of_a_rule(evidence, values, null, grade):
    assert Judged(evidence, values, null).certainty == grade


def test_lot_has_no_reason_against_it_and_needs_no_tipping_point():
    assert Judged(LOT, SURE, 1.0).reasons == Judged(LOT, LARGE, 1.0).reasons == ()


def test_certainty_in_words():
    grades = {"Lenvatinib": "low", "Sorafenib": "very low", "Paclitaxel": "low"}
    assert certainty_words(grades) == (
        "Certainty, by stated rules: low for lenvatinib and paclitaxel and very low for sorafenib."
    )
    many = {str(n): "very low" for n in range(5)}
    assert certainty_words(many) == "Certainty, by stated rules: very low for 5 comparisons."


def test_one_function_says_what_anything_rests_on(tmp_path):
    kind, one = contrasts.kind_of, contrasts.kind_of_one
    assert [kind(("A",), ("B",)), kind((), ("B",)), kind((), ())] == [RANDOMISED, WITHIN, ACROSS]
    assert kind(("A",), (), extrapolated=True) == EXTRAPOLATED
    cohorts = survival_fit(registry_of(tmp_path / "registry")).data.cohorts
    paclitaxel, lenvatinib = (
        [own for own in cohorts if own.treatment == name] for name in ("paclitaxel", "lenvatinib")
    )
    assert one(paclitaxel) == WITHIN
    assert one(lenvatinib) == ACROSS
    assert one(lenvatinib, extrapolated=True) == EXTRAPOLATED


# --- In the comparison ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return registry_of(tmp_path_factory.mktemp("certainty") / "registry")


@pytest.fixture(scope="module")
def fits(registry):
    return {"os": survival_fit(registry), "response": response_fit(registry)}


def test_the_table_has_both_figures_and_what_would_undo_them(registry, fits):
    found = compare(fits, registry.vocabulary, show_all=True)
    own = found.table.query("endpoint == 'os'")
    ratios = own[own["estimand"] == "ratio_of_medians"].set_index("treatment")
    for column, values in (("tipping_limit", "lower"), ("tipping_estimate", "estimate")):
        np.testing.assert_allclose(ratios[column], np.maximum(ratios[values], 1.0))
    assert own.groupby("treatment")["tipping_limit"].nunique().eq(1).all()
    gains = own[own["estimand"] == GAIN]
    assert (gains["p_gain_adjusted"] < gains["p_gain"]).all()
    assert (ratios["adjusted"] < ratios["estimate"]).all()
    width = np.log(ratios["upper"] / ratios["lower"])
    assert (np.log(ratios["adjusted_upper"] / ratios["adjusted_lower"]) > width).all()
    assert set(own["certainty"]) <= set(GRADES)
    response = found.table.query("endpoint == 'response'")
    assert response[["adjusted", "tipping_limit"]].isna().all(axis=None)
    assert response["certainty"].isin(GRADES).all()


def test_no_confounding_changes_nothing_and_a_ratio_divides_by_it(registry, fits):
    for asked, ratio in (("0", 1.0), ("2", 2.0)):
        found = compare({"os": fits["os"]}, registry.vocabulary, confounding=asked)
        rows = found.table.query("estimand == 'ratio_of_medians'")
        for end in ("estimate", "lower", "upper"):
            name = "adjusted" if end == "estimate" else f"adjusted_{end}"
            np.testing.assert_allclose(rows[name], rows[end] / ratio, rtol=1e-12)
    assert sentences(found, "os", registry.vocabulary)[2].startswith(
        "What allows for confounding takes the patients on the treatment to have lived 2.00 times"
    )


def test_what_was_randomised_is_left_as_it_is(registry, fits):
    found = compare({"os": fits["os"]}, registry.vocabulary, reference="paclitaxel", show_all=True)
    rows = found.table[found.table["evidence"] == RANDOMISED]
    assert set(rows["treatment"]) == {"Lenvatinib"}
    np.testing.assert_array_equal(rows["adjusted"], rows["estimate"])
    gain = rows[rows["estimand"] == GAIN].iloc[0]
    assert gain["p_gain_adjusted"] == gain["p_gain"]
    curve_ = found.gains[found.gains["treatment"] == "Lenvatinib"]
    np.testing.assert_array_equal(curve_["p_gain"], curve_["p_gain_adjusted"])
    others = found.gains[found.gains["treatment"] != "Lenvatinib"]
    assert (others["p_gain_adjusted"] != others["p_gain"]).any()


def test_by_histology_that_no_report_tells_a_contrast_is_extrapolated(tmp_path):
    told = study("told", arm("a", "sorafenib", 20, histology={"pure": 12, "mixed": 8}))
    registry = registry_of(tmp_path / "registry", (*REPORTS, told))
    fit = {"os": survival_fit(registry)}
    asked = {"reference": "paclitaxel", "show_all": True}
    found = compare(fit, registry.vocabulary, histology="pure", **asked)
    own = found.table[found.table["treatment"] == "Lenvatinib"]
    assert set(own["evidence"]) == {EXTRAPOLATED}
    # lot decided between these two, but not between their pure tumours
    assert (own["adjusted"] != own["estimate"]).all()
    assert own["certainty_reasons"].str.startswith("histology is extrapolated").all()
    text = " ".join(sentences(found, "os", registry.vocabulary))
    assert "are extrapolated, as no report of the treatment tells its histology" in text
    (picture,) = result(found, registry).pictures
    assert picture.draw().axes
    mixed = compare(fit, registry.vocabulary, **asked).table
    assert EXTRAPOLATED not in set(mixed["evidence"])


def test_a_probability_never_stands_alone_where_lot_did_not_decide(registry, fits):
    found = compare(fits, registry.vocabulary, delta=0.1)
    columns = [
        [cell.text for cell in cells]
        for part in result(found, registry).findings
        for table in part.tables
        for column, *cells in zip(table.columns, *table.rows, strict=True)
        if column.label == "Confounding"
    ]
    assert len(columns) == 3
    for kinds in columns:
        assert kinds.count("none assumed") == kinds.count("allowed for")
    text = sentences(found, "os", registry.vocabulary)[1]
    assert text.endswith("the second figure allows for confounding.")


# --- The reference of gains ----------------------------------------------------------------------


WORDS_OF_TWO = WORDS | {
    "treatments": [
        *WORDS["treatments"],
        {"id": "no_therapy", "label": "No systemic therapy", "class": "care"},
    ]
}


def reference_of(folder, *reports):
    """The reference that is chosen among reports, of two supportive treatments."""
    registry = load_registry(write_registry(folder, *reports, vocabulary=WORDS_OF_TWO))
    groups = contrasts.treatments_of(fit_of(registry, "os"), registry.vocabulary)
    return contrasts.choose_reference(groups, registry.vocabulary).group.cohorts[0].treatment


def test_the_reference_is_the_supportive_treatment_with_most_patients(tmp_path):
    care, none = arm("a", "best_care", 30), arm("b", "no_therapy", 31)
    drug = study("drug", arm("a", "lenvatinib", 300))
    assert reference_of(tmp_path / "more", drug, study("x", care), study("y", none)) == "no_therapy"
    warned = none | {"caution": "Seven of them were given paclitaxel."}
    reports = drug, study("x", care), study("y", warned)
    assert reference_of(tmp_path / "warned", *reports) == "best_care"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"design": "prospective_single_arm"}),
        ({"origin": "treatment start"}, {"origin": "diagnosis"}),
        ({"design": "prospective_single_arm"}, {"design": "randomised", "origin": "diagnosis"}),
    ],
)
def test_a_tie_is_broken_by_design_then_by_time_from_diagnosis(tmp_path, first, second):
    def report(name, treatment, about):
        own = arm("a", treatment, 30)
        if "origin" in about:
            own["time_origin"] = about["origin"]
        return study(name, own, design=about.get("design", "retrospective"))

    reports = [report("x", "best_care", first), report("y", "no_therapy", second)]
    assert reference_of(tmp_path / "tie", *reports) == "no_therapy"
    reports = [report("x", "best_care", second), report("y", "no_therapy", first)]
    assert reference_of(tmp_path / "back", *reports) == "best_care"


def test_background_has_registries_of_all_comers_as_reported(tmp_path):
    marks = [landmark(12, 0.2)]
    large = study("large", arm("a", "various", 700, landmarks=marks))
    small = study("small_one", arm("a", "various", 300, landmarks=marks))
    mute = study("mute", arm("a", "various", 900, survival=[median(5, endpoint="pfs")]))
    registry = registry_of(tmp_path / "registry", (*REPORTS, large, small, mute))
    fit = survival_fit(registry_of(tmp_path / "compared"))
    told = result(compare({"os": fit}, registry.vocabulary), registry)
    frame = told.tables["background"]
    assert frame.drop(columns="label").to_numpy().tolist() == [
        ["large", 700, "published 2021", "4.0", "20 %"]
    ]
    (part,) = [own for own in told.findings if own.heading == "All comers, as reported"]
    assert [cell.text for cell in part.tables[0].rows[0]][:2] == ["Large 2021", "700"]
