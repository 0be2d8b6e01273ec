"""Means, ranges, ratios without medians and directions: written, shown, and left out in words."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest
from small_registry import cohort, median, study, subgroup, write_registry

from studies import add_studies, load_registry
from synthesis.cli import main
from synthesis.counting import select
from synthesis.fits import survival_observations
from synthesis.questions import comparisons
from synthesis.reported import cohort_words

MEAN = {"endpoint": "os", "mean": Decimal("5.35"), "sd": Decimal("3.2"), "unit": "months"}
RANGE = {"endpoint": "os", "range": [3, 6], "unit": "months"}
GROUPS = ["stage IVA", "stage IVC"]
COMPARED = [
    {"endpoint": "os", "groups": GROUPS, "hr": Decimal("0.61"), "hr_ci": [Decimal("0.37"), 1]},
    {"endpoint": "os", "groups": GROUPS, "longer": "stage IVA"},
    {"endpoint": "os", "groups": ["mixed", "pure"], "p": "<0.05"},
    {"endpoint": "os", "groups": ["mean", "spread"], "p": Decimal("0.3")},
    {"endpoint": "os", "groups": GROUPS, "text": "no difference"},
    {"endpoint": "dss", "groups": GROUPS, "hr": 2},
]


@pytest.fixture
def registry(tmp_path):
    part = {"factor": "stage", "level": "IVC", "n": 4, "survival": [RANGE]}
    own = study(
        "forms2020",
        cohort("mean", "lenvatinib", 79, survival=[MEAN]),
        cohort("spread", "sorafenib", 20, survival=[RANGE]),
        cohort("part", "paclitaxel", 9, subgroups=[part]),
        comparisons=COMPARED,
    )
    return load_registry(write_registry(tmp_path / "registry", own), alone=True)


def test_each_is_left_out_with_its_reason(registry):
    reasons = {each.cohort_id: each.reason for each in select(registry, "os").left_out}
    assert "prints a mean of overall survival and no median: a mean hangs" in reasons["mean"]
    assert "prints a range of overall survival and no median" in reasons["spread"]
    assert "overall survival for groups by stage only" in reasons["part"]


def test_the_list_of_all_cohorts_has_them(registry):
    words = {own.id: cohort_words(own, "os") for own in registry.study("forms2020").cohorts}
    assert words == {
        "mean": "mean 5.35 months (SD 3.2)",
        "spread": "range 3–6 months",
        "part": "IVC: range 3–6 months",
    }


def test_a_terminal_shows_them(registry, capsys):
    assert main(["studies", "show", "forms2020", "--registry", str(registry.folder), "--only"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for words in (
        "mean 5.35 months, SD 3.2 months",
        "range 3 to 6 months",
        "hazard ratio 0.61, unlabelled interval 0.37 to 1",
        "longer in stage IVA",
    ):
        assert words in out


def test_comparisons_say_what_they_are_used_for(registry, tmp_path):
    sizes = {"pure": 12, "mixed": 8}
    groups = [subgroup(name, n, survival=[median(n)]) for name, n in sizes.items()]
    whole = cohort("arm", "lenvatinib", 20, histology=sizes, subgroups=groups)
    p = {"endpoint": "os", "groups": ["mixed", "pure"], "p": Decimal("0.04")}
    own = study("apart2020", whole, comparisons=[p])
    larger = add_studies(registry, [write_registry(tmp_path / "more", own)])
    fits = {"os": SimpleNamespace(data=survival_observations(larger)["os"][0])}
    table = comparisons.comparisons_table(larger, fits)
    entered = table["study"] == "apart2020"
    assert table["used"].tolist() == entered.tolist()
    assert table.loc[entered, "reason"].tolist() == ["mixed against pure tumours"]
    own = table[~entered]
    assert own["form"].tolist() == [
        *("hazard ratio", "direction", "p value", "p value", "words", "hazard ratio"),
    ]
    others = "its groups are neither two treatments nor told by histology or origin"
    neither = "not both count, or another comparison of theirs goes before it"
    assert own["reason"].tolist() == [
        *(others, others, f"mixed against pure tumours: {neither}"),
        *(f"two cohorts of the report: {neither}", "it has words and no figure"),
        "its endpoint is not pooled as a time",
    ]
    assert own["reported"].tolist()[:2] == [
        "stage IVA against stage IVC: HR 0.61 (0.37–1)",
        "stage IVA against stage IVC: longer: stage IVA",
    ]
    assert (
        comparisons.comparisons_table(larger, {})["reason"][1] == "its endpoint was not asked for"
    )
    (finding,) = comparisons.result(larger, fits).findings
    assert "Reports print 7 comparisons of groups" in finding.text
    assert "1 enters the model" in finding.text
