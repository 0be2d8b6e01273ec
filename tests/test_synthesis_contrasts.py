"""Contrasts of two survival curves against closed forms and quadrature; what carries them."""

from __future__ import annotations

import numpy as np
import pytest
from compare_fits import REPORTS, arm, registry_of, response_fit, survival_fit
from scipy import integrate, stats
from small_registry import study

from synthesis.estimands import Curve
from synthesis.model.families import FAMILIES, quantile, survival
from synthesis.questions.contrasts import (
    ACROSS,
    BETWEEN_STUDIES,
    EXTRAPOLATED,
    GAIN,
    HAZARD_HORIZON,
    KINDS,
    RANDOMISED,
    RESPONSE_CONTRASTS,
    SURVIVAL_CONTRASTS,
    WITHIN,
    across_words,
    average_hazard_ratios,
    evidence,
    evidence_of_pairs,
    evidence_words,
    gain_curve,
    ranks,
    survival_contrast,
    treatments_of,
)

# The same closed forms on the same numbers: rounding only.
EXACT = 1e-12
# The hazard ratio is a sum over 128 steps: of second order, so relative errors of about
# (1/128)^2 = 6e-5 times the curvature, which is largest where hazards start infinite.
STEPS = 2e-3

RNG = np.random.default_rng(11)
COUNT = 30
FIRST = RNG.uniform(2.0, 12.0, COUNT), RNG.uniform(0.7, 1.5, COUNT)
SECOND = RNG.uniform(1.0, 6.0, COUNT), RNG.uniform(0.7, 1.5, COUNT)


def curves(name="weibull", tail=0.0):
    tails = np.full(COUNT, tail)
    return Curve(*FIRST, name, tails), Curve(*SECOND, name, tails)


# --- Each contrast -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_contrasts_of_medians_and_restricted_means(name):
    first, second = curves(name, 0.2)
    ratio = survival_contrast(first, second, "ratio_of_medians")
    np.testing.assert_allclose(ratio, FIRST[0] / SECOND[0], rtol=EXACT)
    months = survival_contrast(first, second, GAIN)
    np.testing.assert_allclose(months, FIRST[0] - SECOND[0], rtol=EXACT)
    for horizon in (12, 24):
        found = survival_contrast(first, second, f"difference_rmst_{horizon}m")
        for i in (0, 7, 19):
            area = [
                integrate.quad(
                    lambda t, m=m, k=k: float(survival(t, m, k, name, 0.2)), 0.0, horizon, limit=200
                )[0]
                for m, k in ((FIRST[0][i], FIRST[1][i]), (SECOND[0][i], SECOND[1][i]))
            ]
            # families without a closed form take a quadrature of their own, good to about 1e-4
            assert found[i] == pytest.approx(area[0] - area[1], abs=2e-3)


def test_where_hazards_are_proportional_the_average_is_their_ratio():
    """Weibull curves of one shape: the ratio of hazards is (m0/m1)^k at every time."""
    shape = np.linspace(0.6, 1.6, COUNT)
    first, second = Curve(FIRST[0], shape, "weibull"), Curve(SECOND[0], shape, "weibull")
    expected = (SECOND[0] / FIRST[0]) ** shape
    for horizon in (6.0, HAZARD_HORIZON):
        found = average_hazard_ratios(first, second, horizon)[:, 0, 0]
        np.testing.assert_allclose(found, expected, rtol=STEPS)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_average_hazard_ratio_is_an_integral_over_deaths(name):
    first, second = curves(name, 0.3)
    found = survival_contrast(first, second, "average_hazard_ratio")
    for i in (2, 11, 23):

        def alive(which, t, i=i):
            middle, shape = (FIRST, SECOND)[which]
            return float(survival(t, middle[i], shape[i], name, 0.3))

        def dead_first(which, i=i):
            # over the deaths u of one, the share of the other that is alive then
            middle, shape = (FIRST, SECOND)[which]

            def still(u):
                time = float(quantile(np.array(u), middle[i], shape[i], name, 0.3))
                return alive(1 - which, time)

            return integrate.quad(still, 0.0, 1.0 - alive(which, 24.0), limit=200)[0]

        assert found[i] == pytest.approx(dead_first(0) / dead_first(1), rel=STEPS)


def test_it_is_the_odds_that_one_of_two_patients_dies_first():
    """Log-logistic curves of different shapes, whose hazards are not proportional."""
    rng = np.random.default_rng(3)
    pairs = 400_000
    (m1, k1), (m0, k0) = (8.0, 1.3), (4.0, 0.9)
    first, second = (
        m * (u / (1.0 - u)) ** (1.0 / k)
        for m, k, u in ((m1, k1, rng.uniform(size=pairs)), (m0, k0, rng.uniform(size=pairs)))
    )
    treated = ((first < second) & (first < HAZARD_HORIZON)).mean()
    control = ((second < first) & (second < HAZARD_HORIZON)).mean()
    found = survival_contrast(
        Curve(np.array([m1]), np.array([k1]), "log-logistic"),
        Curve(np.array([m0]), np.array([k0]), "log-logistic"),
        "average_hazard_ratio",
    )
    # the log odds of two shares of about a third and a half have an SD of 1/sqrt(pairs) * 2.3
    error = 4.0 * 2.3 / np.sqrt(pairs)
    assert np.log(found[0]) == pytest.approx(np.log(treated / control), abs=error + STEPS)


@pytest.mark.parametrize("name", SURVIVAL_CONTRASTS)
def test_turning_a_contrast_round_turns_its_sign(name):
    first, second = curves("log-logistic")
    there, back = (survival_contrast(*pair, name) for pair in ((first, second), (second, first)))
    if SURVIVAL_CONTRASTS[name].unit == "ratio":
        np.testing.assert_allclose(there * back, 1.0, rtol=EXACT)
    else:
        np.testing.assert_allclose(there, -back, rtol=EXACT)
    same = survival_contrast(first, first, name)
    np.testing.assert_allclose(same, SURVIVAL_CONTRASTS[name].null, atol=EXACT)


def test_a_longer_curve_is_favoured_by_every_contrast():
    shape = np.ones(COUNT)
    first, second = Curve(2.0 * SECOND[0], shape, "weibull"), Curve(SECOND[0], shape, "weibull")
    for name, contrast in SURVIVAL_CONTRASTS.items():
        assert contrast.favours(survival_contrast(first, second, name)) == 1.0
        assert contrast.favours(survival_contrast(second, first, name)) == 0.0


def test_favours_counts_what_exceeds_delta_in_the_direction_of_benefit():
    gain, hazard = SURVIVAL_CONTRASTS[GAIN], SURVIVAL_CONTRASTS["average_hazard_ratio"]
    months = np.array([-1.0, 0.5, 1.0, 1.5, 3.0])
    assert gain.favours(months) == pytest.approx(0.8)
    assert gain.favours(months, 1.0) == pytest.approx(0.4)
    assert gain.favours(months, -1.0) == pytest.approx(0.8)
    assert hazard.favours(np.array([0.5, 0.9, 1.0, 1.2])) == pytest.approx(0.5)
    assert RESPONSE_CONTRASTS["difference_response_rate"].favours(np.array([-0.1, 0.1])) == 0.5


def test_an_unknown_contrast_is_refused():
    with pytest.raises(KeyError, match="hazard_of_sorts"):
        survival_contrast(*curves(), "hazard_of_sorts")


# --- Curves of gain, and ranks -------------------------------------------------------------------


def test_the_curve_of_gains_is_the_share_above_each_value():
    draws = np.round(RNG.normal(2.0, 3.0, 500), 1)  # with ties: above, not at
    deltas = np.round(np.linspace(-6.0, 12.0, 37), 1)
    found = gain_curve(draws, deltas)
    np.testing.assert_allclose(found, [(draws > d).mean() for d in deltas], rtol=EXACT)
    assert (np.diff(found) <= 0.0).all()
    at_one = gain_curve(draws, np.array([1.0]))[0]
    assert at_one == pytest.approx(SURVIVAL_CONTRASTS[GAIN].favours(draws, 1.0), rel=EXACT)


def test_ranks_are_those_of_scipy_with_ties_in_their_order():
    values = RNG.normal(size=(200, 7))
    values[:50, 2] = values[:50, 5]
    found = ranks(values)
    np.testing.assert_array_equal(found, stats.rankdata(-values, axis=1, method="ordinal"))
    np.testing.assert_array_equal(np.sort(found, axis=1), np.tile(np.arange(1, 8), (200, 1)))


# --- What carries a contrast ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return registry_of(tmp_path_factory.mktemp("evidence") / "registry")


@pytest.fixture(scope="module")
def fit(registry):
    return survival_fit(registry)


@pytest.mark.parametrize(
    ("other", "kind", "reports", "shared", "cohorts", "patients"),
    [
        ("paclitaxel", RANDOMISED, ("Lot 2021",), (30, 28), (3, 1), (82, 28)),
        ("best_care", WITHIN, ("Both 2021",), (12, 9), (3, 2), (82, 34)),
        ("sorafenib", ACROSS, (), (0, 0), (3, 1), (82, 5)),
    ],
)
def test_what_carries_a_contrast_and_how_many_stand_behind_it(
    fit, other, kind, reports, shared, cohorts, patients
):
    found = evidence(fit, "lenvatinib", other)
    assert (found.kind, found.reports, found.shared) == (kind, reports, shared)
    assert (found.cohorts, found.patients) == (cohorts, patients)
    assert (found.total_cohorts, found.total_patients) == (sum(cohorts), sum(patients))


def test_two_treatments_of_different_reports_are_across_although_one_was_randomised(fit):
    for other in ("best_care", "sorafenib"):
        found = evidence(fit, "paclitaxel", other)
        assert (found.kind, found.reports, found.shared) == (ACROSS, (), (0, 0))


def test_turned_round_the_sides_change_places(fit):
    for pair in (("lenvatinib", "paclitaxel"), ("lenvatinib", "best_care")):
        there, back = evidence(fit, *pair), evidence(fit, *reversed(pair))
        assert there.kind == back.kind
        assert there.cohorts == back.cohorts[::-1]
        assert there.patients == back.patients[::-1]
        assert there.shared == back.shared[::-1]


def test_every_pair_is_what_each_pair_is_alone(registry, fit):
    groups = treatments_of(fit, registry.vocabulary)
    pairs = evidence_of_pairs(fit, groups)
    assert len(pairs) == len(groups) * (len(groups) - 1)
    names = {group.label: group.cohorts[0].treatment for group in groups}
    for (first, second), found in pairs.items():
        assert found == evidence(fit, names[first], names[second])


def test_a_randomised_report_stands_before_others(tmp_path):
    more = study("more", arm("a", "lenvatinib", 50), arm("b", "paclitaxel", 50))
    fit = survival_fit(registry_of(tmp_path / "registry", (*REPORTS, more)))
    found = evidence(fit, "lenvatinib", "paclitaxel")
    assert found.kind == RANDOMISED
    assert (found.reports, found.within) == (("Lot 2021",), ("More 2021",))
    assert found.shared == (30, 28)


def test_two_cohorts_of_one_treatment_are_no_comparison(tmp_path):
    twice = study("twice", arm("a", "sorafenib", 20), arm("b", "sorafenib", 22))
    other = study("other", arm("a", "best_care", 20))
    fit = survival_fit(registry_of(tmp_path / "registry", (twice, other, REPORTS[0])))
    found = evidence(fit, "sorafenib", "best_care")
    assert (found.kind, found.cohorts, found.patients) == (ACROSS, (2, 1), (42, 20))


def test_response_counts_evaluable_patients(tmp_path):
    fewer = {"responders": 4, "evaluable": 21}
    both = study("both", arm("a", "lenvatinib", 30, response=fewer), arm("b", "sorafenib", 25))
    fit = response_fit(registry_of(tmp_path / "registry", (both,)))
    found = evidence(fit, "lenvatinib", "sorafenib")
    assert (found.kind, found.patients, found.shared) == (WITHIN, (21, 25), (21, 25))


def test_every_kind_has_a_sentence(fit):
    across = evidence(fit, "paclitaxel", "best_care").sentence
    assert across.startswith("No report gave both treatments: patients of one study stand beside")
    lot = evidence(fit, "lenvatinib", "paclitaxel").sentence
    assert lot.startswith("1 randomised report gave both (Lot 2021; 30 and 28 patients)")
    assert lot.endswith("in all 3 cohorts with 82 patients and 1 cohort with 28 patients.")
    within = evidence(fit, "lenvatinib", "best_care").sentence
    assert "not by lot (Both 2021; 12 and 9 patients)" in within
    assert len({across, lot, within}) == len(set(KINDS) - {EXTRAPOLATED})


def test_what_cannot_be_compared_is_refused(fit):
    with pytest.raises(ValueError, match="lenvatinib is compared with itself"):
        evidence(fit, "lenvatinib", "lenvatinib")
    with pytest.raises(ValueError, match="no counted cohort of various; those pooled are best_ca"):
        evidence(fit, "lenvatinib", "various")


# --- In words ------------------------------------------------------------------------------------


def test_how_many_comparisons_are_randomised_is_counted():
    kinds = {"dabrafenib": WITHIN, "lenvatinib": ACROSS, "sorafenib": ACROSS}
    assert evidence_words(kinds, "no therapy") == (
        "None of the 3 comparisons with no therapy is randomised. One (dabrafenib) comes from a "
        "report with both groups; 2 compare different studies."
    )
    lot = kinds | {"lenvatinib": RANDOMISED, "paclitaxel": RANDOMISED}
    assert evidence_words(lot, "no therapy").startswith(
        "2 of the 4 comparisons with no therapy are"
    )
    assert (
        evidence_words({"a": RANDOMISED}, "b")
        == "One (a) of the 1 comparison with b is randomised."
    )


def test_what_comparisons_of_different_studies_rest_on_is_said_where_there_are_any():
    assert across_words([RANDOMISED, WITHIN]) == ""
    for kinds, first in (([ACROSS], "All"), ([ACROSS, ACROSS, WITHIN], "Most"), (KINDS, "Some")):
        words = across_words(kinds)
        assert words.startswith(f"{first} comparisons set patients of one study beside patients")
        assert words.endswith(BETWEEN_STUDIES)
