"""How well the reports were made: what a file may say of it, and who is left out by it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from command_line import refused
from small_registry import changed, cohort, median, problems_with, study, write_registry

from studies import load_registry
from studies.figures import View
from studies.registry import add_studies
from studies.schema import Appraisal
from studies.selection import adjusted_contrasts, quality, select
from synthesis.questions.appraisal import HALF, appraisal_table, result
from synthesis.questions.sensitivity.specifications import Base, default_specifications, observe
from synthesis.restrictions import restrictions
from synthesis.settings import Settings

ITEMS = tuple(Appraisal.model_fields)


def judged(yes=(), no=()):
    """Describe an appraisal by the items that are answered."""
    told = {item: "yes" for item in yes} | {item: "no" for item in no}
    return {item: {"answer": answer, "reason": f"as {item}"} for item, answer in told.items()}


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    ratio = {"endpoint": "os", "groups": ["a", "b"], "hr": Decimal("0.6"), "p": Decimal("0.01")}
    adjusted = ratio | {"adjusted": True, "treatments": ["lenvatinib", "best_care"]}
    good = study(
        "good2020",
        cohort(survival=[median()]),
        appraisal=judged(ITEMS[:6], ITEMS[6:8]),
        overlaps=[{"with": "larger2021", "reason": "one hospital"}],
    )
    larger = study("larger2021", cohort(n=60, survival=[median("4.1", ci="3.0 5.0")]))
    poor = study(
        "poor2022",
        cohort(treatment="best_care", survival=[median("2.0")]),
        appraisal=judged(ITEMS[:2]),
        comparisons=[adjusted],
    )
    return load_registry(write_registry(tmp_path_factory.mktemp("judged"), good, larger, poor))


def test_the_score_is_the_number_of_items_answered_yes(registry):
    scores = {own.id: quality(own) for own in registry}
    assert scores == {"good2020": 6, "larger2021": 0, "poor2022": 2}


def test_a_report_below_the_least_is_left_out_before_others_give_way_to_it(registry):
    def counted(chosen):
        return [ref.study.id for ref in chosen.counted]

    assert counted(select(registry, "os")) == ["larger2021", "poor2022"]
    chosen = select(replace(registry, min_quality=6), "os")
    assert counted(chosen) == ["good2020"]
    assert {own.study_id: (own.kind, own.reason) for own in chosen.left_out} == {
        "larger2021": ("low_quality", "The report is not appraised; at least 6 were asked for."),
        "poor2022": (
            "low_quality",
            "2 of the ten items of its appraisal answered yes; at least 6 were asked for.",
        ),
    }


def test_the_least_holds_for_ratios_for_added_studies_and_in_words(registry, tmp_path):
    better, view = replace(registry, min_quality=6), View("os", False, False)
    assert len(adjusted_contrasts(registry, view)) == 1
    assert adjusted_contrasts(better, view) == ()
    new = study("new2024", cohort(survival=[median()]))
    larger = add_studies(better, [write_registry(tmp_path / "more", new) / "new2024.toml"])
    assert larger.min_quality == 6
    assert better.fingerprint != registry.fingerprint
    assert restrictions(registry, {}, Settings()) == ()
    (said,) = restrictions(better, {}, Settings())
    assert said.short == "reports with at least 6 of 10 items of the appraisal"


def test_a_choice_of_the_sensitivity_analysis_takes_the_better_reports(registry, tmp_path):
    found = {own.name: own for own in default_specifications(registry, groups=["selection"])}
    counting = found["quality"].apply(Base()).counting
    assert {ref.study.id for ref in observe(registry, "os", counting).cohorts} == {"good2020"}
    assert observe(registry, "os", counting).comparisons == ()
    own = study("own2020", cohort(survival=[median()]))
    bare = load_registry(write_registry(tmp_path / "bare", own))
    assert "quality" not in {own.name for own in default_specifications(bare)}


def test_the_table_has_every_item_of_reports_that_are_appraised_or_counted(registry):
    table = appraisal_table(registry, {"larger2021"})
    assert list(table["study"]) == ["good2020", "poor2022", "larger2021"]
    assert list(table["items_yes"]) == [6, 2, 0]
    first = table.iloc[0]
    assert [first[item] for item in ITEMS] == ["yes"] * 6 + ["no"] * 2 + ["unclear"] * 2
    assert first["inclusion_criteria_reason"] == "as inclusion_criteria"
    assert table[f"{ITEMS[-1]}_reason"].isna().all()
    assert "Of 2 reports 1 have" in result(registry, set()).lead[0]


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("blinding",), {"answer": "yes", "reason": "x"}, f"one of {', '.join(ITEMS)}"),
        (("consecutive",), {"answer": "yes"}, "expected the key reason"),
        (("consecutive",), {"answer": "no", "reason": " "}, "found an empty text"),
        (("consecutive",), {"answer": "partly", "reason": "x"}, "one of yes, no, unclear"),
        (("consecutive",), "yes", "expected a table"),
    ],
)
def test_what_is_no_answer_is_refused(tmp_path, place, value, words):
    (problem,) = problems_with(tmp_path, changed(("appraisal",), {place[0]: value}))
    assert f"appraisal.{place[0]}" in problem
    assert words in problem


def test_a_least_that_no_report_can_have_is_refused(capsys):
    assert "11 is not a whole number from 0 to 10" in refused(
        capsys, "compare", "--min-quality", "11"
    )


def test_every_report_that_counts_is_appraised_with_reasons_of_its_own(shipped):
    counted = set()
    for endpoint in ("os", "pfs", "response"):
        chosen = select(shipped, endpoint)
        counted |= {ref.study.id for ref in (*chosen.counted, *chosen.within)}
    counted |= {own[1].study.id for own in adjusted_contrasts(shipped, View("os", False, False))}
    assert len(counted) >= 60
    assert [name for name in sorted(counted) if shipped.studies[name].appraisal is None] == []
    scores = {quality(shipped.studies[name]) for name in counted}
    assert min(scores) < HALF <= max(scores)
