"""Pooled answers year by year: what was published by then counts, and nothing later."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import golden
import pandas as pd
import pytest
from compare_fits import survival_fit
from small_registry import VOCABULARY, cohort, median, study, write_registry

from studies import load_registry
from synthesis.cli import main
from synthesis.questions import cumulative as question
from synthesis.questions.cumulative import CUMULATIVE_COLUMNS, published_by, told
from synthesis.result import NotAnsweredError
from synthesis.settings import Settings

YEARS = {"one": 2010, "two": 2012, "three": 2012, "four": 2015, "five": 2018, "six": 2020}
TREATMENTS = ("lenvatinib", "sorafenib", "best_care", "best_care", "sorafenib", "lenvatinib")


def six_reports():
    """Six reports of three treatments; the last repeats the patients of the first."""
    return [
        study(
            name,
            cohort("arm", TREATMENTS[number], 20 + number, survival=[median(3 + number)]),
            year=year,
            overlaps=[{"with": "one", "reason": "The same hospital."}] if name == "six" else [],
        )
        for number, (name, year) in enumerate(YEARS.items())
    ]


@pytest.fixture
def folder(tmp_path):
    return write_registry(tmp_path / "registry", *six_reports(), vocabulary=VOCABULARY)


@pytest.fixture
def fitted(monkeypatch):
    """Fits are made by hand; what was asked is noted."""
    seen = []

    def fit(registry, endpoint, **options):
        seen.append((endpoint, sorted(registry.studies), options["family_name"], options["sizes"]))
        return survival_fit(registry)

    monkeypatch.setattr(question, "fit_survival", fit)
    monkeypatch.setattr(question, "LEAST_COHORTS", 3)
    return seen


def test_the_registry_of_a_year_holds_what_was_published_by_then(folder):
    registry = load_registry(folder, alone=True)
    assert set(published_by(registry, 2012).studies) == {"one", "two", "three"}
    assert set(published_by(registry, 2011).studies) == {"one"}
    whole = published_by(registry, 2020)
    assert (whole.studies, whole.fingerprint) == (registry.studies, registry.fingerprint)


def test_a_report_without_a_year_is_the_last(folder):
    registry = load_registry(folder, alone=True)
    four = registry.study("four")
    undated = four.model_copy(update={"citation": four.citation.model_copy(update={"year": None})})
    registry = replace(registry, studies={**registry.studies, "four": undated})
    assert "four" not in published_by(registry, 2019).studies
    assert "four" in published_by(registry, 2020).studies


def test_each_year_that_changes_what_counts_is_fitted_once_at_common_sizes(folder, fitted):
    registry = load_registry(folder, alone=True)
    answer = question.cumulative(registry, Settings(endpoints=("os",)))
    assert [len(names) for _, names, *_ in fitted] == [3, 4, 5, 6]
    assert {family for *_, family, _ in fitted} == {"log-logistic"}
    assert len({sizes for *_, sizes in fitted}) == 1
    assert list(answer.verdicts) == [f"os, {year}" for year in (2012, 2015, 2018, 2020)]
    assert tuple(answer.table.columns) == CUMULATIVE_COLUMNS
    rows = answer.table.set_index(["year", "treatment"])
    labels = registry.vocabulary
    first = labels.treatment("lenvatinib").label
    # the first report gives way to the last, of the same patients, in the year of the last
    assert rows.loc[(2018, first), ["patients", "reports"]].tolist() == [20, ""]
    assert rows.loc[(2020, first), ["patients", "reports"]].tolist() == [25, "Six 2020"]
    second = labels.treatment("best_care").label
    assert rows.loc[(2015, second), ["cohorts", "reports"]].tolist() == [2, "Four 2015"]


def test_a_report_of_an_adjusted_ratio_is_new_once(tmp_path, fitted):
    ratio = {"endpoint": "os", "groups": ["drug", "none"], "adjusted": True, "hr": Decimal("0.7")}
    ratio |= {"hr_ci": [Decimal("0.4"), Decimal("1.2")], "treatments": ["paclitaxel", "best_care"]}
    told_apart = study("ratio", cohort("arm", "various", 90), comparisons=[ratio], year=2012)
    folder = write_registry(tmp_path / "ratio", *six_reports(), told_apart, vocabulary=VOCABULARY)
    registry = load_registry(folder, alone=True)
    rows = question.cumulative(registry, Settings(endpoints=("os",))).table
    new = rows[rows["reports"].str.contains("Ratio 2012")]
    assert set(new["year"]) == {2012}
    assert set(new["treatment"]) == {registry.vocabulary.treatment("paclitaxel").label}


def test_rows_that_are_told_are_years_that_brought_a_report(folder, fitted):
    registry = load_registry(folder, alone=True)
    answer = question.cumulative(registry, Settings(endpoints=("os",)))
    rows = told(answer.table)
    assert (rows["reports"] != "").all()
    assert (rows.groupby("treatment").size() > 1).all()
    patients = rows.groupby("treatment", sort=False)["patients"].max()
    assert patients.is_monotonic_decreasing


def test_too_few_cohorts_are_refused(folder):
    registry = published_by(load_registry(folder, alone=True), 2012)
    with pytest.raises(NotAnsweredError, match="fewer than 5 cohorts count for os"):
        question.cumulative(registry, Settings(endpoints=("os",)))


def test_the_command_is_the_page_that_was_read(folder, fitted, capsys, tmp_path):
    out = tmp_path / "years"
    words = ("cumulative", "--registry", str(folder), "--only", "--endpoint", "os")
    assert main([*words, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    golden.check(
        "atc_cumulative", "\n".join(x for x in shown.splitlines() if "Written" not in x) + "\n"
    )
    table = pd.read_csv(out / "tables" / "cumulative.csv")
    assert len(table) == 12
    assert (out / "figures" / "cumulative_os.svg").exists()
