"""What carries a contrast, and the network, read from the cohorts of a registry."""

from __future__ import annotations

import pytest
from compare_fits import REPORTS, arm, registry_of, response_fit, survival_fit
from small_registry import study

from synthesis.questions.evidence import (
    ACROSS,
    EDGE_COLUMNS,
    KINDS,
    NODE_COLUMNS,
    RANDOMISED,
    WITHIN,
    evidence,
    network,
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
    assert across.startswith("No report gave both: the contrast is between patients of different")
    lot = evidence(fit, "lenvatinib", "paclitaxel").sentence
    assert lot.startswith("One randomised report gave both (Lot 2021; 30 and 28 patients)")
    assert lot.endswith("in all 3 and 1 cohorts with 82 and 28 patients.")
    within = evidence(fit, "lenvatinib", "best_care").sentence
    assert "not by lot (Both 2021; 12 and 9 patients)" in within
    assert len({across, lot, within}) == len(KINDS)


def test_what_cannot_be_compared_is_refused(fit):
    with pytest.raises(ValueError, match="lenvatinib is compared with itself"):
        evidence(fit, "lenvatinib", "lenvatinib")
    with pytest.raises(ValueError, match="no counted cohort of various; those pooled are best_ca"):
        evidence(fit, "lenvatinib", "various")


# --- The network ---------------------------------------------------------------------------------


def test_the_network_links_what_a_report_gave(registry, fit):
    found = network(fit, "os", treatments_of(fit, registry.vocabulary))
    assert tuple(found.nodes.columns) == NODE_COLUMNS
    assert tuple(found.edges.columns) == EDGE_COLUMNS
    nodes = found.nodes.set_index("treatment")
    assert list(nodes.index) == ["Lenvatinib", "Sorafenib", "Paclitaxel", "Best supportive care"]
    assert nodes["links"].tolist() == [2, 0, 1, 1]
    assert nodes["patients"].tolist() == [82, 5, 28, 34]
    assert nodes["cohorts"].sum() == len(fit.data.cohorts)
    edges = {
        (row.treatment, row.reference): (row.carried_by, row.reports, row.patients, row.labels)
        for row in found.edges.itertuples(index=False)
    }
    assert edges == {
        ("Lenvatinib", "Paclitaxel"): (RANDOMISED, 1, 58, "Lot 2021"),
        ("Lenvatinib", "Best supportive care"): (WITHIN, 1, 21, "Both 2021"),
    }


def test_single_arms_alone_have_no_links(tmp_path):
    registry = registry_of(tmp_path / "registry", (REPORTS[2], REPORTS[3], REPORTS[4]))
    fit = survival_fit(registry)
    found = network(fit, "os", treatments_of(fit, registry.vocabulary))
    assert found.edges.empty
    assert found.nodes["links"].tolist() == [0, 0, 0]
