"""One report as text, the overlaps as text, and what a check found as text."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from small_registry import VOCABULARY, cohort, full_study, landmark, median, study, write_registry

from studies import UnknownWordError, load_registry
from synthesis.text.checking import check, checked_lines, checked_record
from synthesis.text.overlaps import overlap_lines, rule_lines
from synthesis.text.plain import WIDTH, aligned, count, labelled
from synthesis.text.showing import study_lines


def text_of(lines):
    """Join lines, with all blanks as one, so that a wrapped sentence can be looked for."""
    assert all(len(line) <= WIDTH or len(line.split()) <= 2 for line in lines)  # a long address
    assert all(line == line.rstrip() for line in lines)
    return " ".join(" ".join(lines).split())


def shown(tmp_path, *studies, name="sparano2021"):
    """Show one study of a small registry."""
    registry = load_registry(write_registry(tmp_path / "registry", *studies))
    return text_of(study_lines(registry, name))


def test_every_printed_figure_is_shown(tmp_path):
    text = shown(tmp_path, full_study(), study("jannin2023", cohort("x", "various", 300)))
    for part in (
        "Sparano 2021 (sparano2021) Sparano AB 2021.",
        "Status verified",
        "Seen in abstract (doi 10.1530/ERC-20-0106)",
        'COHORT all Treatment Lenvatinib (Multikinase inhibitor), printed as "lenvatinib"',
        "Patients 23",
        "Disease ATC",
        "Line first-line",
        "Time from treatment start (printed)",
        "Histology 15 pure, 8 mixed, 3 focal",
        "BRAF V600E 4 positive, 20 tested",
        "os median 3.1 months, 95 % interval 0.6 to 5.5 months [verified]",
        "pfs median not reached, unlabelled interval 2.0 to not reached months, 9 events",
        "os 0.20 at 12 months, unlabelled interval 0.05 to 0.41 [verified]",
        "response cr 0, pr 2, sd 7, evaluable 23, orr 8.7 % [verified]",
        "Subgroup histology mixed, 8 patients os median 6.3 months [verified]",
        "os 2.0 months, died",
        "age: mean 64 years",
        "COHORT old",
        "Part of all of the same report",
        "os mixed against pure, p = 0.026 [verified]",
        "os p <0.001, hazard ratio 2, unlabelled interval 1.1 to 4 [verified]",
        "jannin2023 (Jannin 2021): same network; only all here and x there",
        "File ",
    ):
        assert part in text, part


def test_what_is_not_printed_is_said_or_left_out(tmp_path):
    implied = {"value": 9, "derivation": "23 less 14"}
    arm = cohort("a", n=None, n_implied=implied, time_origin="diagnosis", time_origin_presumed=True)
    text = shown(tmp_path, study("bare2021", arm, cohort("b", n=None)), name="bare2021")
    assert "Patients not printed; 9 follows from other figures (23 less 14)" in text
    assert "Time from diagnosis (presumed, not printed)" in text
    assert "COHORT b" in text
    assert "Patients not printed Disease ATC Line not printed Time from not printed" in text
    for part in ("COMPARISONS", "OVERLAPS", "Subgroup", "Histology", "None", "Figures"):
        assert part not in text


def test_a_survival_that_was_read_off_the_curve_is_marked(tmp_path):
    marks = [
        landmark(6, Decimal("0.40"), at_risk=9),
        landmark(12, Decimal("0.20"), at_risk=4, digitised=True),
    ]
    text = shown(tmp_path, study("one2021", cohort("a", landmarks=marks)), name="one2021")
    assert "os 0.40 at 6 months, 9 at risk [verified]" in text
    assert "os 0.20 at 12 months, 4 at risk, READ OFF THE CURVE [verified]" in text


def test_each_figure_has_its_status_and_one_sided_p_values_are_marked(tmp_path):
    arm = cohort("a", survival=[median(status="secondary"), median(endpoint="pfs")])
    comparisons = [{"endpoint": "os", "groups": ["x", "y"], "p": Decimal("0.026"), "sided": 1}]
    text = shown(tmp_path, study("one2021", arm, comparisons=comparisons), name="one2021")
    assert "os median 3.1 months [secondary] pfs median 3.1 months [verified]" in text
    assert "x against y, p = 0.026 ONE-SIDED" in text


def test_who_is_counted_is_shown_with_the_reason(tmp_path):
    one = study("one2021", cohort("a", survival=[median()]))
    two = study(
        "two2022",
        cohort("b", n=40, survival=[median()], landmarks=[landmark(12, 0.2)]),
        cohort("rt", "radiotherapy", survival=[median()]),
        overlaps=[{"with": "one2021", "reason": "one hospital", "pairs": [["b", "a"]]}],
        year=2022,
    )
    text = shown(tmp_path, one, two, name="one2021")
    assert "OVERLAPS two2022 (Two 2022): one hospital; only a here and b there [declared" in text
    assert "os a: left out: Shares patients with Two 2022 (two2022:b): one hospital. Two" in text
    assert "pfs a: left out: The report prints neither a median nor a probability" in text
    text = text_of(study_lines(load_registry(tmp_path / "registry"), "two2022"))
    assert "os b: counted" in text
    assert "os rt: left out: The treatment is local" in text


def test_an_unknown_report_is_refused(tmp_path):
    registry = load_registry(write_registry(tmp_path / "registry", full_study()))
    with pytest.raises(UnknownWordError, match='did you mean "sparano2021"'):
        study_lines(registry, "sparano2012")


def test_every_shipped_report_can_be_shown_and_no_number_of_it_is_missing():
    """Numbers of the file stand in the text, to the digit, but for those that only point."""
    registry = load_registry()
    for name in list(registry.studies)[::9]:
        text = text_of(study_lines(registry, name))
        for number in numbers_in(registry.study(name).model_dump()):
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
        cohort("e", survival=[median(), median(endpoint="pfs")], not_pooled=None),
        overlaps=[{"with": "trial2020", "reason": "earlier cut of the trial."}],
        year=2018,
    )
    for arm in early["cohorts"]:
        del arm["not_pooled"]
    third = study(
        "third2019",
        cohort("o", not_pooled="Counted elsewhere", survival=[median()]),
        overlaps=[{"with": "trial2020", "reason": "one of its hospitals"}],
        year=2019,
    )
    alone = study("alone2015", cohort("z", survival=[median()]), year=2015)
    return load_registry(write_registry(tmp_path / "registry", trial, early, third, alone))


def test_groups_are_shown_with_reasons_and_with_who_counts(overlapping):
    text = text_of(overlap_lines(overlapping))
    assert text.startswith(
        "trial2020 (Trial 2020) shares patients with - early2018 (Early 2018): earlier cut of the "
        "trial - third2019 (Third 2019): one of its hospitals - unknown2010 (not in the registry): "
        "pilot phase any left out third2019:o: Counted elsewhere. os counted trial2020:t gave way "
        "early2018:e to trial2020:t: Trial 2020 is counted instead, because it prints more of this "
        "endpoint."
    )
    assert "alone2015" not in text
    assert text.endswith("1 group of 3 reports, 2 overlaps")


def test_a_report_without_the_endpoint_displaces_nobody(overlapping):
    text = text_of(overlap_lines(overlapping, endpoint="pfs"))
    assert "pfs counted early2018:e no figure trial2020:t (nothing to count, so it disp" in text
    assert " os " not in text
    assert "a report that prints none of it displaces nobody" in text_of(rule_lines())


def test_one_report_is_shown_with_its_group_or_alone(overlapping):
    assert overlap_lines(overlapping, study_id="early2018")[0].startswith("trial2020 (Trial 2020)")
    text = text_of(overlap_lines(overlapping, study_id="alone2015"))
    assert text.startswith("alone2015 (Alone 2015) shares patients with no other report. os count")
    assert "alone2015:z" in text


def test_the_rule_names_every_criterion_in_order():
    from studies.selection import OVERLAP_RULE

    text = text_of(rule_lines())
    places = [text.index(f"{number}. {rule}") for number, rule in enumerate(OVERLAP_RULE, 1)]
    assert places == sorted(places)


# --- What a check found --------------------------------------------------------------------------


def odd_study(name="odd2021", **more):
    """Describe a sound study with a percentage that no number of its patients gives."""
    share = {"name": "male", "statistic": "percent", "value": 40, "of": 19}
    return study(name, cohort("a", n=19, survival=[median()], characteristics=[share]), **more)


def checked(tmp_path, *studies, vocabulary=VOCABULARY, **options):
    folder = write_registry(tmp_path / "registry", *studies, vocabulary=vocabulary)
    return folder, check([folder], alone=True, **options)[1]


def test_a_warning_is_told_with_its_line_and_how_to_accept_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, found = checked(tmp_path, odd_study())
    assert not found.clean
    lines = list(checked_lines(found))
    assert lines[0] == "Warnings"
    assert re.match(r"registry/odd2021\.toml:\d+, cohorts\[0\]\.characteristics\[0\]", lines[1])
    assert "printed-share" in lines[1]
    for problem in found.warnings:
        assert problem.line is not None
    first = found.warnings[0]
    table = lines[lines.index("  [[acknowledged]]") :][:4]
    assert table[1:3] == [f'  check = "{first.check}"', f'  field = "{first.field}"']
    assert "1 report with 1 cohort checked: no error, " in lines[-1]
    assert f"{count(len(found.warnings), 'warning')}" in lines[-1]


def test_an_accepted_warning_is_no_finding_and_a_stale_one_is(tmp_path):
    _, found = checked(tmp_path, odd_study())
    accepted = [
        {"check": item.check, "field": item.field, "reason": "So printed."}
        for item in found.warnings
    ]
    _, found = checked(tmp_path, odd_study(acknowledged=accepted))
    assert found.clean
    assert len(found.acknowledged) == len(accepted)
    text = " ".join(checked_lines(found))
    assert "acknowledged warning" in text
    assert "So printed." not in text
    text = " ".join(checked_lines(found, notes=True))
    assert text.count("Acknowledged: So printed.") == len(accepted)
    stale = [{"check": "unit-slip", "field": "cohorts[0].survival[0].median", "reason": "Old."}]
    _, found = checked(tmp_path, odd_study(acknowledged=[*accepted, *stale]))
    assert [problem.field for problem in found.errors] == [f"acknowledged[{len(accepted)}]"]
    assert not found.clean


def test_errors_are_told_alone(tmp_path):
    _, found = checked(tmp_path, odd_study(), study("bad2021", cohort(n=-1)))
    assert [problem.severity for problem in found.errors] == ["error"] * len(found.errors)
    lines = list(checked_lines(found))
    assert lines[0] == "Errors"
    assert lines[-1] == "1 error; warnings are looked for when none is left."
    assert re.match(r"\S+registry/bad2021\.toml:\d+, cohorts\[0\]\.n: found -1", lines[1])


def test_only_what_was_asked_about_is_told(tmp_path):
    folder = write_registry(tmp_path / "registry", odd_study(), odd_study("two2022", year=2022))
    everything = check([folder], alone=True)[1]
    one = check([folder / "odd2021.toml"], folders=[folder], alone=True)[1]
    assert (one.reports, one.beside) == (1, 1)
    assert 0 < len(one.warnings) < len(everything.warnings)
    assert {problem.path.name for problem in one.warnings} == {"odd2021.toml"}
    *_, total = checked_lines(one)
    assert total.startswith("1 report with 1 cohort checked beside 1 of the registry: no error, 1")


def test_what_a_check_found_is_plain_data_too(tmp_path):
    _, found = checked(tmp_path, odd_study(), lines_of_notes=True)
    record = json.loads(json.dumps(checked_record(found)))
    assert record["reports"] == 1
    assert len(record["warnings"]) == len(found.warnings)
    assert {"file", "line", "field", "check", "found"} <= set(record["warnings"][0])
    assert [item["line"] for item in record["notes"]] == [item.line for item in found.notes]


# --- Plain text ----------------------------------------------------------------------------------


def test_columns_are_as_wide_as_their_widest_cell():
    rows = [("a", "1", ""), ("bbb", "22", "x")]
    assert list(aligned(rows, right={1})) == ["a     1", "bbb  22  x"]
    assert list(aligned([])) == []


def test_labelled_text_hangs_below_its_beginning():
    lines = labelled("Label", "word " * 40, indent=2, width=10)
    assert lines[0].startswith("  Label     word word")
    assert all(line.startswith(" " * 12 + "word") for line in lines[1:])
    assert labelled("", "text", width=0) == ["text"]
    assert labelled("A long label", "text", width=4) == ["A long label text"]


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [(1, "study", "1 study"), (2, "study", "2 studies"), (0, "report", "0 reports")],
)
def test_nouns_are_counted(number, noun, words):
    assert count(number, noun) == words
