"""What one cohort cannot do leaves that cohort out, and what can be used of it is used."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import numpy as np
import pytest
from command_line import refused
from registries import alone, arm, noted, ratios
from small_registry import (
    NR,
    cohort,
    landmark,
    median,
    problems_with,
    study,
    subgroup,
    write_file,
    write_registry,
)

import synthesis.run
from studies import load_registry
from studies.documents import csv_of, export_json, file_texts, read_json, registry_frame
from studies.estimates import estimates
from studies.figures import study_label
from studies.responses import best_responses
from studies.schema import Response
from synthesis import cli
from synthesis.cli.listing import check
from synthesis.fits import survival_observations
from synthesis.model.printed import METHODS, _bands, interval_ranks, log_survival_variance
from synthesis.questions import impact as question
from synthesis.questions.appraisal import appraisal_table
from synthesis.result import NotAnsweredError, Result

# The check grants 0.5 the rounding of a lost zero; 400 patients do not.
RISING = [landmark(6, "0.46"), landmark(9, "0.5")]


def observed(tmp_path, *studies, endpoint="os"):
    """Observations of an endpoint of a registry of these studies, and what is left out."""
    registry = load_registry(write_registry(tmp_path / "registry", *studies))
    data, left_out = survival_observations(registry)[endpoint]
    return data, {own.cohort_id: own for own in left_out}


def entered(tmp_path, **figures):
    """How the figures of one cohort of 50 entered, or why they did not."""
    figures.setdefault("n", 50)
    data, left_out = observed(tmp_path, study("abel2001", cohort("a", **figures)))
    return data.arms[0].entered_as if data.arms else left_out["a"].reason


# --- Points of one curve -------------------------------------------------------------------------


def test_a_cohort_that_contradicts_itself_is_left_out_and_the_others_stay(tmp_path, capsys):
    whole = cohort("whole", n=400, landmarks=RISING)
    part = cohort("part", n=30, part_of="whole", survival=[median("5.0")])
    other = study("cain2002", cohort("b", "sorafenib", survival=[median("4.0")]))
    data, left_out = observed(tmp_path, study("abel2001", whole, part), other)
    # what gave way to it counts in its place
    assert [ref.cohort.id for ref in data.cohorts] == ["part", "b"]
    said = "Its reported points cannot lie on one curve: survival 0.5 at 9 months follows 0.46 at"
    assert left_out["whole"].kind == "contradiction"
    assert left_out["whole"].reason.startswith(said)
    folder = tmp_path / "registry"
    (problem,) = check([folder], alone=True)[1].errors
    assert (problem.field, problem.severity) == ("cohorts[0]", "error")
    assert problem.action.endswith("until then the cohort is left out of os")
    assert check([folder / "cain2002.toml"], folders=[folder], alone=True)[1].errors == ()
    assert cli.main(["studies", "show", "abel2001", "--registry", str(folder)]) == 0
    assert said in " ".join(capsys.readouterr().out.split())


def test_points_of_one_assessor_are_used_and_those_of_another_are_told(tmp_path):
    two = [landmark(6, "0.40", label="reader"), landmark(12, "0.55", label="committee")]
    assert entered(tmp_path / "0", landmarks=two) == "survival at 6 months as a binomial cell"
    with_median = {"survival": [median("13", label="committee")], "landmarks": two}
    assert "survival at 12 months" in entered(tmp_path / "1", **with_median)
    (note,) = noted(alone(landmarks=two))
    assert note[0] == "other-assessor"


def test_a_lower_limit_beside_a_median_not_reached_is_used_and_a_symmetric_one_is_not(tmp_path):
    limit = {"ci": "8.1 NR"}
    words = "median not reached; its lower limit as an order statistic"
    assert words in entered(tmp_path / "0", survival=[median(NR, **limit)])
    symmetric = limit | {"ci_method": "symmetric"}
    words = entered(tmp_path / "1", survival=[median(NR, **symmetric, follow_up=12)])
    assert words.startswith("its interval is symmetric")
    assert words.endswith("median not reached within 12 months of follow-up")
    words = entered(tmp_path / "2", survival=[median(NR, **symmetric)])
    assert words.startswith("The median overall survival was not reached, and neither")
    # of one patient this transformation has no lower limit
    one = {"n": 1, "survival": [median(NR, **limit, ci_method="log")]}
    assert "no transformation gives" in entered(tmp_path / "3", **one)


def test_an_interval_without_its_median_is_left_out_in_words(tmp_path):
    interval = {"endpoint": "os", "unit": "months", "ci": [3, 9]}
    words = "The report prints an interval of the median overall survival, but no median."
    assert entered(tmp_path / "0", survival=[interval]) == words


@pytest.mark.parametrize("survival", [0, 1])
def test_a_certain_survival_with_an_interval_is_read(tmp_path, survival):
    mark = landmark(6, survival, ci=[0, Decimal("0.2")] if survival == 0 else [Decimal("0.8"), 1])
    assert entered(tmp_path / "0", landmarks=[mark]) == "survival at 6 months as a binomial cell"


def test_a_limit_that_rounds_to_the_survival_leaves_the_other_half():
    half = (0.1 / 1.959964 / 0.4) ** 2
    assert log_survival_variance(0.4, 0.4, 0.5) == pytest.approx(half, rel=1e-6)
    assert log_survival_variance(0.4, 0.3, 0.4) == pytest.approx(half, rel=1e-6)


# --- Very many patients --------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_ranks_are_looked_for_near_the_middle_only(method):
    """The same as among all ranks; of very many the normal form, to a few ranks."""
    for n in (*range(1, 40), 561, 1000, 4321):
        j = np.arange(1, n + 1)
        first = [np.flatnonzero(band <= 0.5 + 1e-12) for band in _bands(1 - j / n, n, 1.96, method)]
        expected = [float(at[0] + 1) if at.size else None for at in first]
        ranks = interval_ranks(n, method, 0.9500042)  # z of 1.96
        assert [ranks.lower, ranks.upper] == expected
    n = 999_999_998
    ranks, half = interval_ranks(n, method), 1.959964 * math.sqrt(n) / 2.0
    assert [ranks.lower, ranks.upper] == pytest.approx([n / 2 - half, n / 2 + half], abs=5)


def test_a_cohort_of_a_million_is_read_and_a_larger_one_refused(tmp_path):
    figures = {"n": 10**6, "survival": [median("5.0", ci="4.8 5.3")]}
    assert "averaged" in entered(tmp_path / "0", **figures)
    (problem,) = problems_with(tmp_path / "1", study("abel2001", cohort(n=10**6 + 1)))
    assert "found 1000001, expected a whole number of 1000000 at most" in problem


# --- Groups and comparisons ----------------------------------------------------------------------


def test_groups_with_patients_in_common_are_not_both_counted(tmp_path):
    groups = [
        subgroup("pure", 15, survival=[median("2.7")]),
        subgroup("mixed", 12, survival=[median("6.3")]) | {"factor": "component"},
    ]
    figures = {"n": 20, "subgroups": groups, "survival": [median("3.1")]}
    data, _ = observed(tmp_path, study("abel2001", cohort("a", **figures)))
    assert [(own.histology, own.n) for own in data.arms] == [("whole", 20)]
    # those of one factor are, where they suffice
    groups.append(subgroup("mixed", 5, survival=[median("6.0")]))
    data, _ = observed(tmp_path / "0", study("abel2001", cohort("a", **figures)))
    assert [(own.histology, own.n) for own in data.arms] == [("pure", 15), ("mixed", 5)]


def three_arms(**pairs):
    names = {"a": "lenvatinib", "b": "sorafenib", "c": "paclitaxel"}
    cohorts = [cohort(name, drug, 40, survival=[median("6.0")]) for name, drug in names.items()]
    return study("abel2001", *cohorts, comparisons=ratios(**pairs))


def test_the_third_ratio_of_three_arms_adds_nothing(tmp_path):
    two = {"ab": "0.75", "ac": "0.50"}
    data, _ = observed(tmp_path / "0", three_arms(**two))
    more, _ = observed(tmp_path / "1", three_arms(**two, bc="0.67"))

    def used(own):
        return [(c.first, c.second, c.reading.low, c.variance) for c in own.comparisons]

    assert used(more) == used(data)
    assert "hazard ratio 0.67 follows from the others" in more.arms[0].entered_as
    # a ratio goes before a p value
    p = three_arms(ac="0.50", bc="0.67")
    p["comparisons"].insert(0, {"endpoint": "os", "groups": ["a", "b"], "p": Decimal("0.2")})
    found, _ = observed(tmp_path / "2", p)
    assert {own.reading.kind for own in found.comparisons} == {"hazard ratio"}


# --- What people read ----------------------------------------------------------------------------


def test_two_reports_that_look_alike_are_told_apart_everywhere(tmp_path, capsys):
    reports = [
        study(name, cohort(survival=[median()]), citation={"authors": ["Iyer P"], "year": 2018})
        for name in ("iyer2018", "iyer2018x")
    ]
    data, _ = observed(tmp_path, *reports, study("cain2002", cohort(), year=2002))
    assert {ref.label for ref in data.cohorts} == {"Iyer 2018a", "Iyer 2018b"}
    registry = load_registry(tmp_path / "registry")
    assert registry.labels["cain2002"] == study_label(registry.study("cain2002"))
    every = [(study, cohort) for study in registry for cohort in study.cohorts]
    for table in (registry_frame(registry), estimates(registry, every)):
        assert {"Iyer 2018a", "Iyer 2018b"} <= set(table["label"])
    appraised = appraisal_table(registry, set(registry.studies))
    assert {"Iyer 2018a", "Iyer 2018b"} < set(appraised["label"])
    folder = str(tmp_path / "registry")
    assert cli.main(["studies", "show", "iyer2018x", "--registry", folder]) == 0
    assert capsys.readouterr().out.startswith("Iyer 2018b  (iyer2018x)")


def test_a_table_holds_no_formula_and_an_export_is_read_back(tmp_path):
    formula = {"authors": ["=1+1 A"], "year": 2020, "title": "@SUM(1+1)"}
    report = study("abel2020", cohort("a", survival=[median()]), citation=formula)
    registry = load_registry(write_registry(tmp_path / "registry", report))
    frame = registry_frame(registry)
    assert ",'=1+1 2020," in csv_of(frame)
    minus = frame.assign(gain=-0.5, words=["- 0.5"] * len(frame))[["gain", "words"]]
    assert csv_of(minus) == "gain,words\n-0.5,'- 0.5\n"
    text = export_json(registry)
    assert json.loads(text)["studies"][0]["citation"]["title"] == "@SUM(1+1)"
    (tmp_path / "again").mkdir()
    for name, content in file_texts(read_json(text)).items():
        (tmp_path / "again" / name).write_text(content, encoding="utf-8")
    again = load_registry(tmp_path / "again")
    assert again.study("abel2020") == registry.study("abel2020")


# --- Before anything is sampled ------------------------------------------------------------------


@pytest.fixture
def one_endpoint(tmp_path, monkeypatch):
    """A registry of one treatment and one endpoint, and the endpoints that are fitted."""
    asked = []

    def fit_endpoints(registry, settings, **_):
        asked.append(settings.endpoints)
        raise NotAnsweredError("enough")

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    folder = write_registry(tmp_path / "one", study("abel2001", arm(survival=[median("5.0")])))
    return ["--registry", str(folder), "--only"], asked


@pytest.mark.parametrize("question", ["report", "compare"])
def test_an_endpoint_that_no_report_has_is_left_out_and_told(
    one_endpoint, question, tmp_path, capsys
):
    where, asked = one_endpoint
    assert cli.main([question, *where, "--out", str(tmp_path / "out")]) == 2
    told, refusal = capsys.readouterr().err.splitlines()
    assert told == "No cohort can be counted for pfs and response: left out."
    assert (asked, refusal) == ([("os",)], "enough.")


def test_a_plan_with_one_treatment_is_refused_at_once(one_endpoint, capsys):
    where, asked = one_endpoint
    said = refused(capsys, "plan", "--treatment", "lenvatinib", *where)
    assert said == (
        "lenvatinib is the only treatment pooled for os: there is none to compare it with."
    )
    assert asked == []


def test_an_endpoint_that_is_asked_for_and_not_there_is_refused_before_the_others(tmp_path):
    folder = write_registry(tmp_path / "one", study("abel2001", arm(survival=[median("5.0")])))
    settings = synthesis.run.Settings(endpoints=("os", "response"))
    with pytest.raises(synthesis.fits.NothingToPoolError, match="for response"):
        synthesis.run.fit_endpoints(load_registry(folder), settings)


def test_what_a_check_warns_of_is_said_of_the_impact(tmp_path, monkeypatch, capsys):
    folder = write_registry(tmp_path / "one", study("abel2001", arm(survival=[median("5.0")])))
    odd = {"name": "male", "statistic": "percent", "value": 40, "of": 19}
    file = tmp_path / "cain2021.toml"
    write_file(file, study("cain2021", arm(survival=[median("5.0")], characteristics=[odd])))
    monkeypatch.setattr(question, "impact", lambda *_, **__: None)
    monkeypatch.setattr(question, "result", lambda *_: Result("impact", "What it changes"))
    assert cli.main(["impact", str(file), "--registry", str(folder), "--only"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Looks like a slip: " in said
    assert "characteristics[0].value: found 40 %" in said


@pytest.mark.parametrize("figures", [{"orr_percent": 50}, {"responders": 9, "dcr_percent": 50}])
def test_a_percentage_of_very_many_patients_is_no_list_of_all_that_fit(figures):
    of = 999_999_998
    found = best_responses(Response(**figures), of)
    assert len(str(found)) < 1000
