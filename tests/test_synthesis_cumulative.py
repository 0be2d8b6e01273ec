"""Pooled answers year by year, and what the reports since a year changed."""

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
from synthesis.questions.cumulative import CUMULATIVE_COLUMNS, published_before, published_by, told
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
def registry(folder):
    return load_registry(folder, alone=True)


def undated(registry):
    """The registry whose fourth report has no year."""
    four = registry.study("four")
    citation = four.citation.model_copy(update={"year": None})
    changed = {"four": four.model_copy(update={"citation": citation})}
    return replace(registry, studies={**registry.studies, **changed})


@pytest.fixture
def fitted(monkeypatch):
    """Fits are made by hand; what was asked is noted."""
    seen = []

    def fit(registry, view, _, *, family_name, sizes):
        seen.append((view.endpoint, sorted(registry.studies), family_name, sizes))
        return survival_fit(registry)

    monkeypatch.setattr(question, "fit_endpoint", fit)
    monkeypatch.setattr(question, "LEAST_COHORTS", 3)
    return seen


def test_the_registry_of_a_year_holds_what_was_published_by_then(registry):
    assert set(published_by(registry, 2012).studies) == {"one", "two", "three"}
    assert set(published_by(registry, 2011).studies) == {"one"}
    whole = published_by(registry, 2020)
    assert (whole.studies, whole.fingerprint) == (registry.studies, registry.fingerprint)


def test_a_report_without_a_year_is_the_last(registry):
    assert "four" not in published_by(undated(registry), 2019).studies
    assert "four" in published_by(undated(registry), 2020).studies


def test_each_year_that_changes_what_counts_is_fitted_once_at_common_sizes(registry, fitted):
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


def test_rows_that_are_told_are_years_that_brought_a_report(registry, fitted):
    answer = question.cumulative(registry, Settings(endpoints=("os",)))
    rows = told(answer.table)
    assert (rows["reports"] != "").all()
    assert (rows.groupby("treatment").size() > 1).all()
    patients = rows.groupby("treatment", sort=False)["patients"].max()
    assert patients.is_monotonic_decreasing


def test_too_few_cohorts_are_refused(registry):
    with pytest.raises(NotAnsweredError, match="fewer than 5 cohorts count for os"):
        question.cumulative(published_by(registry, 2012), Settings(endpoints=("os",)))


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


# --- Since a year --------------------------------------------------------------------------------


def since(year):
    return Settings(endpoints=("os",), since=year)


def test_reports_of_the_year_and_later_are_left_out(registry):
    assert set(published_before(registry, 2015).studies) == {"one", "two", "three"}


def test_a_report_without_a_year_counts_as_earlier(registry):
    assert "four" in published_before(undated(registry), 2012).studies


@pytest.mark.parametrize("year", [1990, 2010, 2021])
def test_a_year_that_leaves_out_nothing_or_everything_is_refused(registry, year):
    with pytest.raises(NotAnsweredError, match=f"found {year}, expected a year from 2011 to 2020"):
        published_before(registry, year)


def test_the_command_refuses_it_before_anything_is_sampled(folder, capsys):
    words = ["report", "--registry", str(folder), "--only", "--endpoint", "os", "--since", "2030"]
    assert main([*words, "--out", str(folder.parent / "out")]) == 2
    assert "since: found 2030, expected a year from 2011 to 2020" in capsys.readouterr().err
    assert not (folder.parent / "out").exists()


def test_both_answers_stand_beside_each_other(registry, fitted):
    answer = question.since(registry, since(2015))
    assert [names for _, names, *_ in fitted] == [["one", "three", "two"], sorted(registry.studies)]
    assert list(answer.verdicts) == ["os, 2014", "os, 2020"]
    result = question.since_result(answer, registry)
    assert result.title == "What the evidence since 2015 changed"
    assert "3 reports of the registry were published since 2015" in result.lead[0]
    (finding,) = result.findings
    assert finding.heading == "What the evidence since 2015 changed in overall survival"
    (table,) = finding.tables
    rows = {row[0].text: [cell.text for cell in row] for row in table.rows}
    # the first report gives way to the last, of the same patients
    assert rows["Lenvatinib"][2] == "1 (20)"
    assert rows["Lenvatinib"][4:] == ["1 (25)", "Six 2020"]
    assert rows["Best supportive care"][4:] == ["2 (45)", "Four 2015"]


def test_too_few_cohorts_before_are_said(registry, fitted, monkeypatch):
    monkeypatch.setattr(question, "LEAST_COHORTS", 5)
    answer = question.since(registry, since(2012))
    assert list(answer.verdicts) == ["os, 2020"]
    (finding,) = question.since_result(answer, registry).findings
    assert "fewer than 5 cohorts counted" in finding.text
    assert {row[1].text for row in finding.tables[0].rows} == {"none"}


def test_an_endpoint_without_a_new_report_says_so(registry):
    settings = Settings(endpoints=("response",), since=2015)
    answer = question.since(registry, settings)
    (finding,) = question.since_result(answer, registry).findings
    assert finding.text == "Nothing: no report since 2015 counts."
