"""Cohorts, reports, overlaps and checks as lines of text."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import golden
import pytest
from registries import odd_study, shipped, small_folder
from small_registry import VOCABULARY, cohort, landmark, median, study, subgroup, write_registry

from studies import UnknownWordError, load_registry
from studies.selection import OVERLAP_RULE
from synthesis.cli.listing import (
    WIDTH,
    Wanted,
    check,
    checked_lines,
    checked_record,
    cohort_lines,
    excluded_in,
    excluded_lines,
    find_cohorts,
    known_words,
    overlap_lines,
    rule_lines,
)
from synthesis.cli.showing import study_lines

LEFT_OUT = """\
[[excluded]]
id = "left2011"
n = [7, 12]
reason = '''
Prints
  no survival.'''
[excluded.citation]
authors = ["Left A"]
year = 2011

[[excluded]]
id = "undated"
reason = "Prints nothing."
[excluded.citation]
authors = ["Other A"]
"""


def text_of(lines):
    """Join lines, with all blanks as one, so that a wrapped sentence can be looked for."""
    assert all(len(line) <= WIDTH or len(line.split()) <= 2 for line in lines)  # a long address
    assert all(line == line.rstrip() for line in lines)
    return " ".join(" ".join(lines).split())


# --- Lists ---------------------------------------------------------------------------------------


@pytest.fixture
def listed(tmp_path):
    groups = [subgroup("pure", 5, landmarks=[landmark(6, 0.5, endpoint="pfs")])]
    first = study(
        "alpha2010",
        cohort("a", survival=[median()], response={"pr": 1, "evaluable": 23}),
        cohort("b", "paclitaxel", None, disease="squamous", subgroups=groups),
        year=2010,
        status="secondary",
    )
    second = study("beta2015", cohort("sorafenib", "sorafenib", 9), year=2015, design="registry")
    folder = write_registry(
        tmp_path / "registry", first, second, study("gamma", cohort("d", "best_care"), year=None)
    )
    (folder / "excluded.toml").write_text(LEFT_OUT)
    return load_registry(folder)


@pytest.mark.parametrize(
    ("words", "cohorts"),
    [
        ({}, "a b sorafenib d"),
        ({"treatment": (" LENVIMA ",)}, "a"),
        ({"treatment": ("sorafenib", "lenvatinib")}, "a sorafenib"),
        ({"treatment_class": "mki"}, "a sorafenib"),
        ({"treatment_class": "multikinase inhibitor"}, "a sorafenib"),
        ({"endpoint": "OS"}, "a"),
        ({"endpoint": "pfs"}, "b"),  # of a subgroup
        ({"endpoint": "Response"}, "a"),
        ({"design": "registry"}, "sorafenib"),
        ({"design": "not stated"}, ""),
        ({"status": "secondary"}, "a b"),
        ({"disease": "ATC"}, "a sorafenib d"),  # where none is named it is that of the registry
        ({"disease": "squamous"}, "b"),
        ({"years": (2010, 2010)}, "a b"),
        ({"years": (2011, None)}, "sorafenib"),
        ({"years": (None, 2014)}, "a b"),
        ({"years": (2010, 2015), "treatment_class": "mki", "status": "verified"}, "sorafenib"),
    ],
    ids=str,
)
def test_filters_are_all_met(listed, words, cohorts):
    assert " ".join(item.id for _, item in find_cohorts(listed, Wanted(**words))) == cohorts


@pytest.mark.parametrize("kind", ["treatment", "treatment_class", "endpoint", "design", "disease"])
def test_words_that_the_vocabulary_does_not_hold_are_refused(listed, kind):
    with pytest.raises(UnknownWordError) as raised:
        find_cohorts(listed, Wanted(**{kind: ("xyzzy",) if kind == "treatment" else "xyzzy"}))
    assert raised.value.kind in known_words(listed.vocabulary)


def test_the_words_that_are_known_are_those_that_are_found(listed):
    words = known_words(listed.vocabulary)
    assert words["treatment"] == tuple(item["id"] for item in VOCABULARY["treatments"])
    assert words["endpoint"] == ("os", "pfs", "response")
    for kind, field in (("class", "treatment_class"), ("design", "design"), ("disease", "disease")):
        for word in words[kind]:
            find_cohorts(listed, Wanted(**{field: word}))


def test_the_list_of_cohorts_and_of_reports_left_out(listed):
    cohorts = find_cohorts(listed, Wanted())
    lines = [*cohort_lines(listed, cohorts), "", *excluded_lines(excluded_in(listed))]
    golden.check("studies_list", "\n".join(lines) + "\n")
    assert cohort_lines(listed, ())[-1] == "0 cohorts of 0 reports"
    # A cohort that is called like its treatment needs no column.
    head, row, *_ = cohort_lines(listed, find_cohorts(listed, Wanted(treatment=("sorafenib",))))
    assert head.split() == ["STUDY", "YEAR", "DESIGN", "TREATMENT", "N", "PRINTS", "COUNTS"]
    assert row.split() == ["beta2015", "2015", "registry", "sorafenib", "9", "-", "-"]
    assert [report.id for report in excluded_in(listed, (2011, 2011))] == ["left2011"]
    assert excluded_in(listed, (2012, None)) == ()


DROPPED = ((200, ""), (70, "PRINTS"), (60, "PRINTS DESIGN"), (50, "PRINTS DESIGN COHORT"))


@pytest.mark.parametrize(("columns", "dropped"), DROPPED)
def test_a_list_fits_a_terminal_by_leaving_columns_out(listed, columns, dropped):
    cohorts = find_cohorts(listed, Wanted())
    head, *_ = cohort_lines(listed, cohorts)
    lines = cohort_lines(listed, cohorts, width=columns)
    assert max(map(len, lines)) <= columns
    assert lines[0].split() == [name for name in head.split() if name not in dropped.split()]
    for report, arm in cohorts:
        n = "-" if arm.n is None else arm.n
        assert any(line.startswith(f"{report.id} ") and f" {n}  " in line for line in lines)


# --- One report ----------------------------------------------------------------------------------


def test_everything_that_is_printed_or_not_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = small_folder(tmp_path)
    implied = {"value": 9, "derivation": "23 less 14"}
    arms = [
        cohort("a", n=None, n_implied=implied, time_origin="diagnosis", time_origin_presumed=True),
        cohort("b", n=None, survival=[median(status="secondary"), median(endpoint="pfs")]),
        cohort(
            "c",
            "radiotherapy",
            landmarks=[
                landmark(6, Decimal("0.40"), at_risk=9),
                landmark(12, Decimal("0.20"), at_risk=4, digitised=True),
            ],
        ),
    ]
    compared = {"endpoint": "os", "groups": ["x", "y"], "p": Decimal("0.026"), "sided": 1}
    shared = [{"with": "jannin2023", "reason": "one hospital", "pairs": [["b", "x"]]}]
    bare = study("bare2021", *arms, comparisons=[compared], overlaps=shared)
    write_registry(folder, bare)
    registry = load_registry(folder)
    for name in registry.studies:
        lines = study_lines(registry, name)
        assert text_of(lines)
        golden.check(f"studies_show_{name}", "\n".join(lines) + "\n")


def test_every_shipped_report_can_be_shown_and_no_number_of_it_is_missing():
    """Numbers of the file stand in the text, to the digit, but for those that only point."""
    for name in list(shipped().studies)[::9]:
        text = text_of(study_lines(shipped(), name))
        for number in numbers_in(shipped().study(name).model_dump()):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", text), (name, number)


def numbers_in(value, key=""):
    """Yield every number of a record as it is printed; levels are shown as percentages."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from numbers_in(item, name)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from numbers_in(item, key)
    elif key in ("level", "orr_level", "sided") or isinstance(value, bool):
        return
    elif isinstance(value, int | Decimal):
        yield str(value)


# --- Overlaps ------------------------------------------------------------------------------------


@pytest.fixture
def overlapping(tmp_path):
    trial = study(
        "trial2020",
        cohort("t", survival=[median()], landmarks=[landmark(12, 0.2)]),
        overlaps=[{"with": "unknown2010", "reason": "pilot phase"}],
        year=2020,
    )
    early = study(
        "early2018",
        cohort("e", survival=[median(), median(endpoint="pfs")]),
        overlaps=[{"with": "trial2020", "reason": "earlier cut of the trial."}],
        year=2018,
    )
    third = study(
        "third2019",
        cohort("o", not_pooled="Counted elsewhere", survival=[median()]),
        overlaps=[{"with": "trial2020", "reason": "one of its hospitals"}],
        year=2019,
    )
    alone = study("alone2015", cohort("z", survival=[median()]), year=2015)
    return load_registry(write_registry(tmp_path / "registry", trial, early, third, alone))


def test_groups_are_shown_with_reasons_and_with_who_counts(overlapping):
    lines = overlap_lines(overlapping, verbose=True)
    assert "alone2015" not in text_of(lines)
    golden.check("studies_overlaps_verbose", "\n".join(lines) + "\n")
    golden.check("studies_overlaps", "\n".join(overlap_lines(overlapping)) + "\n")
    text = text_of(overlap_lines(overlapping, endpoint="pfs", verbose=True))
    assert "pfs counted early2018:e no figure trial2020:t (nothing to count, so it disp" in text
    assert " os " not in text


def test_one_report_is_shown_with_its_group_or_alone(overlapping):
    assert overlap_lines(overlapping, study_id="early2018")[0].startswith("trial2020 (Trial 2020)")
    text = text_of(overlap_lines(overlapping, study_id="alone2015"))
    assert text.startswith("alone2015 (Alone 2015) shares patients with no other report. os count")
    assert "alone2015:z" in text


def test_the_rule_names_every_criterion_in_order():
    text = text_of(rule_lines())
    places = [text.index(f"{number}. {rule}") for number, rule in enumerate(OVERLAP_RULE, 1)]
    assert places == sorted(places)


# --- What a check found --------------------------------------------------------------------------


def checked(tmp_path, *studies, **options):
    folder = write_registry(tmp_path / "registry", *studies)
    return check([folder], alone=True, **options)[1]


def test_a_warning_is_told_with_its_line_and_how_to_accept_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = checked(tmp_path, odd_study(), lines_of_notes=True)
    assert not found.clean
    assert all(problem.line is not None for problem in found.warnings)
    golden.check("studies_check", "\n".join(checked_lines(found, notes=True)) + "\n")
    record = json.loads(json.dumps(checked_record(found)))
    assert record["reports"] == 1
    assert len(record["warnings"]) == len(found.warnings)
    assert {"file", "line", "field", "check", "found"} <= set(record["warnings"][0])
    assert [item["line"] for item in record["notes"]] == [item.line for item in found.notes]


def test_an_accepted_warning_is_no_finding_and_a_stale_one_is(tmp_path):
    accepted = [
        {"check": item.check, "field": item.field, "reason": "So printed."}
        for item in checked(tmp_path, odd_study()).warnings
    ]
    found = checked(tmp_path, odd_study(acknowledged=accepted))
    assert found.clean
    assert len(found.acknowledged) == len(accepted)
    assert "So printed." not in " ".join(checked_lines(found))
    text = " ".join(checked_lines(found, notes=True))
    assert text.count("Acknowledged: So printed.") == len(accepted)
    stale = [{"check": "unit-slip", "field": "cohorts[0].survival[0].median", "reason": "Old."}]
    found = checked(tmp_path, odd_study(acknowledged=[*accepted, *stale]))
    assert [problem.field for problem in found.errors] == [f"acknowledged[{len(accepted)}]"]
    assert not found.clean


def test_errors_are_told_alone(tmp_path):
    found = checked(tmp_path, odd_study(), study("bad2021", cohort(n=-1)))
    assert [problem.severity for problem in found.errors] == ["error"] * len(found.errors)
    head, line, _, total = checked_lines(found)
    assert (head, total) == ("Errors", "1 error; warnings are looked for when none is left.")
    assert re.match(r"\S+registry/bad2021\.toml:\d+, cohorts\[0\]\.n: found -1", line)


def test_only_what_was_asked_about_is_told(tmp_path):
    folder = write_registry(tmp_path / "registry", odd_study(), odd_study("two2022", year=2022))
    everything = check([folder], alone=True)[1]
    one = check([folder / "odd2021.toml"], folders=[folder], alone=True)[1]
    assert (one.reports, one.beside) == (1, 1)
    assert 0 < len(one.warnings) < len(everything.warnings)
    assert {problem.path.name for problem in one.warnings} == {"odd2021.toml"}
    *_, total = checked_lines(one)
    assert total.startswith("1 report with 1 cohort checked beside 1 of the registry: no error, 1")
