"""A whole registry leaves and comes back as it was: studies, words, reasons, and printed digits."""

from __future__ import annotations

import csv
import io
import json
import os
from decimal import Decimal

import pytest
from small_registry import VOCABULARY, cohort, full_study, landmark, study, write_registry
from studies.exchange_csv import csv_of, path_in, written_path

from studies import RegistryError, load_registry
from studies.documents import (
    Exchange,
    export_csv,
    export_json,
    import_records,
    json_of,
    read_csv,
    read_json,
    registry_files,
    tables_of,
    write_files,
)


@pytest.fixture(scope="module")
def registry():
    return load_registry()


@pytest.fixture
def small(tmp_path):
    return load_registry(
        write_registry(tmp_path / "small", full_study(), study("abel2001", cohort()))
    )


def sentences(read, *arguments):
    """Return the problems of a document, each as its sentence."""
    with pytest.raises(RegistryError) as raised:
        read(*arguments)
    return [str(problem) for problem in raised.value.problems]


# --- There and back ------------------------------------------------------------------------------


@pytest.mark.parametrize(("export", "read"), [(export_json, read_json), (export_csv, read_csv)])
def test_the_shipped_registry_comes_back(registry, tmp_path, export, read):
    exchange = read(export(registry))
    folder = tmp_path / "again"
    files = write_files(exchange, folder)
    again = load_registry(folder, alone=True)
    assert {path.name for path in files} == {path.name for path in folder.iterdir()}
    assert again.studies == registry.studies
    assert again.vocabulary == registry.vocabulary
    assert again.excluded == registry.excluded
    assert len(again.excluded) >= 23
    for mine, theirs in zip(again, registry, strict=True):
        # The representation shows the digits, which equality of decimals ignores.
        assert repr(tables_of(mine)) == repr(tables_of(theirs)), mine.id


@pytest.mark.parametrize(("export", "read"), [(export_json, read_json), (export_csv, read_csv)])
def test_points_of_a_curve_come_back_with_the_numbers_at_risk(tmp_path, export, read):
    marks = [
        landmark(6, Decimal("0.40"), at_risk=0, digitised=False),
        landmark(9, Decimal("0.30"), at_risk=0, digitised=True),
        landmark(12, Decimal("0.20")),
    ]
    words = [{**VOCABULARY["treatments"][0], "requires": "BRAF V600E"}]
    vocabulary = VOCABULARY | {"treatments": words + VOCABULARY["treatments"][1:]}
    one = study("abel2001", cohort(landmarks=marks))
    registry = load_registry(write_registry(tmp_path / "r", one, vocabulary=vocabulary))
    write_files(read(export(registry)), tmp_path / "again")
    again = load_registry(tmp_path / "again", alone=True)
    assert again.studies == registry.studies
    assert again.vocabulary.selecting == {words[0]["id"]}
    # What the file says stands there again, even where an absent key would mean the same.
    (written,) = tables_of(again.study("abel2001"))["cohorts"]
    assert [mark.get("digitised") for mark in written["landmarks"]] == [False, True, None]
    assert [mark.get("at_risk") for mark in written["landmarks"]] == [0, 0, None]


def test_both_kinds_hold_the_same(registry):
    by_json, by_csv = read_json(export_json(registry)), read_csv(export_csv(registry))
    assert by_json.files == by_csv.files == registry_files(registry)


def test_numbers_of_the_document_have_their_printed_digits(registry):
    document = json.loads(export_json(registry), parse_float=str)
    (sparano,) = [item for item in document["studies"] if item["id"] == "sparano2021"]
    assert sparano["cohorts"][0]["survival"][0]["ci"] == ["0.6", "5.5"]
    (ahn,) = [item for item in document["studies"] if item["id"] == "ahn2017"]
    assert ahn["cohorts"][2]["landmarks"][0]["survival"] == "1.0"
    assert document["format"] == "atc-studies"
    assert document["version"] == 1


def test_a_spreadsheet_reads_one_row_for_each_figure(small):
    rows = list(csv.DictReader(io.StringIO(export_csv(small), newline="")))
    found = {
        (row["file"], row["field"]): (row["kind"], row["value"])
        for row in rows
        if row["file"] == "sparano2021.toml"
    }
    assert found["sparano2021.toml", "cohorts[0].survival[0].ci[0]"] == ("number", "0.6")
    assert found["sparano2021.toml", "cohorts[0].survival[1].median"] == ("text", "not reached")
    assert found["sparano2021.toml", "cohorts[0].n"] == ("whole", "23")
    assert found["sparano2021.toml", "cohorts[0].histology.other.focal"] == ("whole", "3")


ODD = {
    "x.toml": {
        "id": "x",
        "notes": 'two\r\nlines, "quoted"; =1+1\n\ttab \x7f \x00',
        "countries": [],
        "cohorts": [
            {"response": {}, "histology": {"other": {'a "b" c.d[0]': 0, "": 1, "é\n": 2}}},
            {"time_origin_presumed": False, "n": 5, "median": Decimal("5"), "p": "5"},
        ],
        "pairs": [[], [["a", Decimal("1E+2")], [Decimal("2.0"), Decimal("0E-7")]]],
        "nothing": {},
        "minus": Decimal("-0"),
    }
}


def test_whatever_is_odd_survives_the_table():
    again = read_csv(csv_of(ODD)).files
    assert repr(again) == repr(ODD)


def test_whatever_is_odd_survives_the_document():
    document = {"format": "atc-studies", "version": 1, "studies": [ODD["x.toml"]]}
    again = read_json(json_of(document)).files
    assert again == ODD
    numbers = again["x.toml"]["pairs"][1]
    assert list(map(str, numbers[1])) == ["2.0", "0E-7"]
    assert again["x.toml"]["minus"].is_signed()


@pytest.mark.parametrize(
    "path",
    [("a",), ("a", 0), ("a b", 3, 4, "c"), ('say "x".y[1]', "z"), ("", "b"), ("ü\n\\",)],
)
def test_field_paths_are_read_as_they_are_written(path):
    assert path_in(written_path(path)) == path


@pytest.mark.parametrize(
    "text", ["", ".a", "a.", "a..b", "[0]", "a[x]", "a b", 'a."b', "a[0]b", "a[-1]"]
)
def test_what_is_no_field_path_is_none(text):
    assert path_in(text) is None


def test_kinds_are_told_apart(small):
    vocabulary = small.vocabulary
    assert import_records(export_json(small), "json").files == registry_files(small)
    assert import_records(export_csv(small), "csv").files == registry_files(small)
    arms = "study,status,arm,treatment\nabel2001,verified,a,Lenvima\n"
    files = import_records(arms, "csv", vocabulary=vocabulary).files
    assert files["abel2001.toml"]["cohorts"][0]["treatment"] == "lenvatinib"


def test_a_byte_order_mark_and_other_line_ends_are_read(small):
    text = export_csv(small)
    assert read_csv("\ufeff" + text.replace("\r\n", "\n")).files == registry_files(small)
    assert read_json("\ufeff" + export_json(small)).files == registry_files(small)


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", "r.json:1: found malformed JSON, expecting value, expected a JSON document: "),
        ('{\n"a": 1,\n}', "r.json:2: found malformed JSON, illegal trailing comma"),
        ("[" * 100_000, "r.json: found lists nested too deep to read, "),
        ('{"studies": ' + "[" * 900 + "]" * 900 + "}", "r.json, format: found nothing, "),
        (
            '{"format": "atc-studies", "version": 1, "studies": [{"id": "a", "n": '
            + "[" * 900
            + "]" * 900
            + "}]}",
            "r.json: found lists nested too deep to read, ",
        ),
        ("[]", "r.json: found [], expected a JSON object with the key studies: "),
        ('{"a": 1e99999999999999999999}', "r.json: found a number too large to hold, "),
        ('{"a": ' + "9" * 5000 + "}", "r.json: found a number too large to hold, "),
        ('{"id": 1, "id": 2}', 'r.json: found the key "id" twice in one object, '),
        ("{}", 'r.json, format: found nothing, expected "atc-studies": '),
    ],
)
def test_a_document_that_cannot_be_read(text, start):
    assert sentences(read_json, text, "r.json")[0].startswith(start)


HEAD = {"format": "atc-studies", "version": 1, "studies": []}


@pytest.mark.parametrize(
    ("change", "start"),
    [
        ({"version": 2}, "r.json, version: found 2, expected 1: "),
        ({"version": True}, "r.json, version: found true, expected 1: "),
        ({"study": []}, "r.json, study: found the unknown key study, "),
        ({"studies": None}, "r.json, studies: found nothing, expected a list of objects: "),
        ({"studies": [1]}, "r.json, studies: found [1], expected a list of objects: "),
        ({"excluded": {}}, "r.json, excluded: found a table, expected a list of objects: "),
        ({"vocabulary": 3}, "r.json, vocabulary: found 3, expected an object: "),
        ({"studies": [{"id": "../up"}]}, 'r.json, studies[0].id: found "../up", '),
        ({"studies": [{"id": "vocabulary"}]}, 'r.json, studies[0].id: found "vocabulary", '),
        ({"studies": [{}]}, "r.json, studies[0].id: found nothing, "),
        ({"studies": [{"id": "a"}, {"id": "a"}]}, 'r.json, studies[1].id: found "a", '),
        ({"studies": [{"id": "a", "n": None}]}, "r.json, studies[0].n: found null, "),
        ({"studies": [{"id": "a", "n": [float("nan")]}]}, "r.json, studies[0].n[0]: found nan, "),
        ({"studies": [{"id": "a", "n": "\ud800"}]}, "r.json, studies[0].n: found half of a char"),
        ({"studies": [{"id": "a", "\ud800": 1}]}, 'r.json, studies[0]."?": found half of a char'),
    ],
)
def test_a_document_with_a_mistake(change, start):
    (sentence,) = sentences(read_json, json.dumps(HEAD | change), "r.json")
    assert sentence.startswith(start)


@pytest.mark.parametrize(
    ("rows", "start"),
    [
        ("", "r.csv:1, row 1: found no header, "),
        ("file;field;kind;value\n", "r.csv:1, row 1: found columns separated by another sign, "),
        ("file,field,kind\n", "r.csv:1, row 1: found no column value, "),
        ("file,field,kind,valeu\n", 'r.csv:1, row 1: found the unknown column "valeu", '),
        ("file,file,kind,value\n", 'r.csv:1, row 1: found the column "file" twice, '),
        ("file,field,kind,value\na.toml,id,text\n", "r.csv:2, row 2: found 3 cells, "),
        ('file,field,kind,value\na.toml,id,text,"x\n', "r.csv:2: found a row that cannot be read"),
    ],
)
def test_a_table_that_cannot_be_read(rows, start):
    assert sentences(read_csv, rows, "r.csv")[0].startswith(start)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "a.toml,id,txt,x",
            'r.csv:4, row 3, column kind: found "txt", expected one of text, number, whole, '
            "true_false, empty_list, empty_table: write text.",
        ),
        (
            "../a.toml,id,text,x",
            'r.csv:4, row 3, column file: found "../a.toml", expected the',
        ),
        ("a.txt,id,text,x", 'r.csv:4, row 3, column file: found "a.txt", expected the'),
        (f"a.toml,x{'[0]' * 2000},text,x", "r.csv:4, row 3, column field: found "),
        ("a.toml,x..y,text,x", 'r.csv:4, row 3, column field: found "x..y", expected a field'),
        (
            'a.toml,n,number,"3,1"',
            'r.csv:4, row 3, column value: found "3,1", expected a number',
        ),
        ("a.toml,n,number,1e9999999999999999999", 'r.csv:4, row 3, column value: found "1e99999'),
        ("a.toml,n,number,nan", 'r.csv:4, row 3, column value: found "nan", expected a number'),
        ("a.toml,n,whole,3.0", 'r.csv:4, row 3, column value: found "3.0", expected a whole num'),
        ("a.toml,n,true_false,yes", 'r.csv:4, row 3, column value: found "yes", expected true or'),
        ("a.toml,n,empty_list,0", 'r.csv:4, row 3, column value: found "0", expected no value'),
        (
            "a.toml,notes,text,x",
            "r.csv:4, row 3, column field: found notes again, expected each",
        ),
        (
            "a.toml,notes.a,text,x",
            "r.csv:4, row 3, column field: found notes again, expected each",
        ),
        (
            "a.toml,c[1],text,x",
            "r.csv:4, row 3, column field: found c[1], expected a row for",
        ),
    ],
)
def test_a_row_with_a_mistake_is_named_with_its_row_column_and_line(row, sentence):
    text = f'file,field,kind,value\na.toml,notes,text,"two\nlines"\n{row}\n'
    (found,) = sentences(read_csv, text, "r.csv")
    assert found.startswith(sentence)


def test_rows_that_contradict_one_another_name_both():
    text = "file,field,kind,value\na.toml,c[0].x,text,1\na.toml,c.y,text,2\na.toml,c,text,3\n"
    first, second = sentences(read_csv, text, "r.csv")
    assert "row 3, column field: found c as a table, expected a list, as in row 2: " in first
    assert "row 4, column field: found c as a text, expected a list, as in row 2: " in second


# --- Files ---------------------------------------------------------------------------------------

ONE = Exchange({"abel2001.toml": study("abel2001", cohort()), "vocabulary.toml": VOCABULARY})


def test_an_empty_folder_is_filled_and_hidden_files_stay(tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / ".keep").write_text("")
    write_files(ONE, folder)
    assert sorted(os.listdir(folder)) == [".keep", "abel2001.toml", "vocabulary.toml"]
    assert load_registry(folder).study("abel2001").cohorts[0].n == 23


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (sentence,) = sentences(write_files, ONE, tmp_path)
    assert f"{tmp_path}: found a folder that holds mine.txt, expected a new or empty" in sentence
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_a_file_in_the_place_of_the_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    assert "found a file, expected a new or empty folder" in sentences(write_files, ONE, file)[0]
    below = sentences(write_files, ONE, file / "below" / "it")
    assert "expected a folder that can be written" in below[0]
    assert file.read_text() == "mine"


def test_nothing_half_written_is_left_behind(tmp_path, monkeypatch):
    """A disk that is full at the last moment: neither a file nor a new folder stays."""
    from pathlib import Path

    rename, moved = Path.rename, []

    def fill_up(self, target):
        moved.append(target)
        if len(moved) == 2:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fill_up)
    (sentence,) = sentences(write_files, ONE, tmp_path / "a" / "b")
    assert "(no space left on device)" in sentence
    assert len(moved) == 2
    assert os.listdir(tmp_path) == []


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    (sentence,) = sentences(write_files, {"../x.toml": {"id": "x"}}, tmp_path / "new")
    assert "expected the name of a study file" in sentence
    assert os.listdir(tmp_path) == []
