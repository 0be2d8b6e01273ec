"""A study that is written and read again is the same study, to the printed digit."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest
from small_registry import full_study

from studies import load_registry
from studies.documents import WIDTH, tables_of, to_toml, toml_of
from studies.schema import FrozenDict, Source, Study


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def read(text):
    return tomllib.loads(text, parse_float=Decimal)


def written(tables):
    """Return what a document reads as after it was written."""
    return read(toml_of(tables, Study))


def test_every_shipped_study_is_written_as_it_was_read(registry):
    for study in registry:
        text = to_toml(study)
        again = Study.model_validate(read(text))
        assert again == study
        # The representation shows the digits, which equality of decimals ignores.
        assert repr(tables_of(again)) == repr(tables_of(study)), study.id


def test_every_shipped_file_says_the_same_as_what_would_be_written(registry):
    for study in registry:
        shipped = read((registry.folder / f"{study.id}.toml").read_text(encoding="utf-8"))
        assert repr(sorted_keys(read(to_toml(study)))) == repr(sorted_keys(shipped)), study.id


def sorted_keys(value):
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(item) for item in value] if isinstance(value, list) else value


def test_the_style_is_that_of_the_registry():
    study = Study.model_validate(full_study())
    lines = to_toml(study, heading="Lenvatinib, France.").splitlines()
    assert lines[:4] == ["#:schema ../study.schema.json", "", "# Lenvatinib, France.", ""]
    assert lines[4] == 'id = "sparano2021"'
    for expected in (
        "[citation]",
        "[[cohorts.survival]]",
        "ci = [0.6, 5.5]",
        'ci = [2.0, "not reached"]',
        "[cohorts.histology]",
        "other = { focal = 3 }",
        "braf_v600e = { positive = 4, tested = 20 }",
        'n_implied = { value = 9, derivation = "23 less 14" }',
        '  { os = 2.0, unit = "months", event = "died" },',
        'pairs = [["all", "x"]]',
        'with = "jannin2023"',
    ):
        assert expected in lines


def test_keys_stand_in_the_order_of_the_record():
    tables = full_study()
    backwards = dict(reversed(tables.items()))
    assert toml_of(backwards, Study) == toml_of(tables, Study)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("2.0", "2.0"),
        ("50", "50"),
        ("0.520", "0.520"),
        ("1E+2", "1E+2"),
        ("1E-7", "1E-7"),
        ("-0", "-0e0"),
        ("-3.10", "-3.10"),
        ("0E+3", "0E+3"),
    ],
)
def test_numbers_keep_their_digits(number, expected):
    tables = {"id": "x", "follow_up": Decimal(number)}
    text = toml_of(tables, None)
    assert f"follow_up = {expected}" in text.splitlines()
    assert Decimal(read(text)["follow_up"]).as_tuple() == Decimal(number).as_tuple()


TEXTS = [
    'say "this"',
    "a \\ b \\\\ c \\n",
    "tab\tand\x7fdelete\x00nul",
    "two\nlines",
    "windows\r\nline\rends",
    "blank  twice   and   thrice " + "long " * 40 + "end",
    '"""three""" ' + '"' * 7 + " quotes " * 30 + '"',
    "a paragraph\n\n  indented " * 12 + "end",
    "x" * 300,
    "x" * 120 + " y",
    "é ü 中文 😀 \u2028 \u0085 " * 12 + "end",
    "# no comment = [1] " * 10 + "'''",
    'ends with quote "' + " and more" * 20 + '"',
    "\\" * 130 + " " + "\\" * 130,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_survives(text):
    tables = {
        "notes": text,
        "countries": [text, text],
        "cohorts": [
            {"characteristics": [{"name": text, "note": text}], "histology": {"other": {text: 3}}}
        ],
        text: text,
    }
    assert written(tables) == tables


def test_long_texts_are_folded_and_no_line_is_wider_than_it_must_be():
    sentence = "The denominator is not printed, so that the whole arm stands in for it. " * 6
    lines = toml_of({"notes": sentence.strip()}, Study).splitlines()
    assert lines[0] == 'notes = """\\'
    assert len(lines) > 4
    assert all(line.endswith(" \\") for line in lines[1:-1])
    assert max(map(len, lines)) <= WIDTH
    assert min(map(len, lines[1:-1])) > WIDTH - 20
    assert len(toml_of({"url": "https://example.org/" + "a" * 200}, Study).splitlines()) == 1


def test_what_is_empty_or_said_without_need_survives():
    tables = full_study()
    tables["countries"] = []
    tables["cohorts"][1] |= {"response": {}, "histology": {"other": {}}, "subgroups": []}
    tables["cohorts"][1]["time_origin_presumed"] = False
    study = Study.model_validate(tables)
    assert study.cohorts[1].response is not None
    again = read(to_toml(study))
    assert again == tables
    assert "notes" not in again


def test_a_record_made_by_code_is_written_in_full():
    split = Study.model_validate(full_study()).cohorts[0].histology
    copied = split.model_copy(update={"other": FrozenDict({"focal": 4}), "assessed": 22})
    assert tables_of(copied) == {"pure": 15, "mixed": 8, "assessed": 22, "other": {"focal": 4}}
    made = Source.model_construct(_fields_set=set(), kind="abstract")
    assert tables_of(made) == {"kind": "abstract"}


def test_unknown_keys_and_values_of_any_type_are_written_too():
    document = read(
        "id = 7\nwhen = 2024-02-29\nat = 2024-02-29T10:00:00Z\nclock = 10:00:00\n"
        "odd = [1, [true, {a = 1}], {}]\nx.y.z = 1\ncohorts = 3\ncitation = []\nf = inf\n"
    )
    assert written(document) == document


def test_a_value_of_no_type_of_a_file_is_refused():
    with pytest.raises(TypeError, match="cannot be written"):
        toml_of({"notes": None}, Study)
