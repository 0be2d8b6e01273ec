"""What recent reports changed: the answers without them beside those of today."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_synthesis_cumulative import fitted, folder  # noqa: F401

from studies import load_registry
from synthesis.cli import main
from synthesis.questions import since as question
from synthesis.result import NotAnsweredError
from synthesis.settings import Settings


@pytest.fixture
def registry(folder):  # noqa: F811
    return load_registry(folder, alone=True)


def asked(year):
    return Settings(endpoints=("os",), since=year)


def test_reports_of_the_year_and_later_are_left_out(registry):
    assert set(question.published_before(registry, 2015).studies) == {"one", "two", "three"}


def test_a_report_without_a_year_counts_as_earlier(registry):
    four = registry.study("four")
    citation = four.citation.model_copy(update={"year": None})
    undated = {**registry.studies, "four": four.model_copy(update={"citation": citation})}
    registry = replace(registry, studies=undated)
    assert "four" in question.published_before(registry, 2012).studies


@pytest.mark.parametrize("year", [1990, 2010, 2021])
def test_a_year_that_leaves_out_nothing_or_everything_is_refused(registry, year):
    with pytest.raises(NotAnsweredError, match=f"found {year}, expected a year from 2011 to 2020"):
        question.published_before(registry, year)


def test_the_command_refuses_it_before_anything_is_sampled(folder, capsys):  # noqa: F811
    words = ["report", "--registry", str(folder), "--only", "--endpoint", "os", "--since", "2030"]
    assert main([*words, "--out", str(folder.parent / "out")]) == 2
    assert "since: found 2030, expected a year from 2011 to 2020" in capsys.readouterr().err
    assert not (folder.parent / "out").exists()


def test_both_answers_stand_beside_each_other(registry, fitted, monkeypatch):  # noqa: F811
    monkeypatch.setattr(question, "LEAST_COHORTS", 3)
    answer = question.since(registry, asked(2015))
    assert [names for _, names, *_ in fitted] == [["one", "three", "two"], sorted(registry.studies)]
    assert list(answer.verdicts) == ["os, 2014", "os, 2020"]
    result = question.result(answer, registry)
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


def test_too_few_cohorts_before_are_said(registry, fitted, monkeypatch):  # noqa: F811
    answer = question.since(registry, asked(2012))
    assert list(answer.verdicts) == ["os, 2020"]
    (finding,) = question.result(answer, registry).findings
    assert "fewer than 5 cohorts counted" in finding.text
    assert {row[1].text for row in finding.tables[0].rows} == {"none"}


def test_an_endpoint_without_a_new_report_says_so(registry, monkeypatch):
    settings = Settings(endpoints=("response",), since=2015)
    answer = question.since(registry, settings)
    (finding,) = question.result(answer, registry).findings
    assert finding.text == "Nothing: no report since 2015 counts."
