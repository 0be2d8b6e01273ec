"""What carries a contrast, read from the cohorts of a registry."""

from __future__ import annotations

import pytest
from compare_fits import REPORTS, arm, registry_of, response_fit, survival_fit
from small_registry import study

from synthesis.questions.contrasts import (
    ACROSS,
    BETWEEN_STUDIES,
    KINDS,
    RANDOMISED,
    WITHIN,
    across_words,
    evidence,
    evidence_of_pairs,
    evidence_words,
    treatments_of,
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return registry_of(tmp_path_factory.mktemp("evidence") / "registry")


@pytest.fixture(scope="module")
def fit(registry):
    return survival_fit(registry)


def test_a_randomised_report_carries_its_two_treatments(fit):
    found = evidence(fit, "lenvatinib", "paclitaxel")
    assert found.kind == RANDOMISED
    assert found.reports == ("Lot 2021",)
    assert found.shared == (30, 28)
    assert (found.cohorts, found.patients) == ((3, 1), (82, 28))
    assert (found.total_cohorts, found.total_patients) == (4, 110)


def test_another_report_carries_what_it_gave(fit):
    found = evidence(fit, "lenvatinib", "best_care")
    assert (found.kind, found.reports, found.shared) == (WITHIN, ("Both 2021",), (12, 9))
    assert (found.cohorts, found.patients) == ((3, 2), (82, 34))


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
    assert len({across, lot, within}) == len(KINDS)


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
