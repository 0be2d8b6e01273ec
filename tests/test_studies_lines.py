"""A problem names the line of the file on which its field stands."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from small_registry import VOCABULARY, cohort, study, write_registry

import studies
from studies import Problem, RegistryError, load_registry
from studies.files import line_of, locate
from studies.problems import dotted

SHIPPED = Path(studies.__file__).parent
FILES = [
    *sorted((SHIPPED / "data").glob("*.toml")),
    SHIPPED / "vocabulary.toml",
    SHIPPED / "excluded.toml",
]

# Every number is that of the line on which its key, or the number itself, stands.
NUMBERED = r'''first = 1
"quoted.key" = 2
'literal [key]' = 3
"a \"b\"" = 4 # n = 99
spaced . out . "x y" = 5
text = """ n = 99
[no.table] # no comment
[[nor.this]] \""" still text """
after_text = 9
literal = <literal>
C:\[x] "" ' <literal>
after_literal = 12
single = '# no comment ['
after_single = 14
escaped = "\\"
after_escaped = 16
quotes = """"a""""
after_quotes = 18
dates = 1979-05-27 07:32:00 # a blank within the value
after_dates = 20
numbers = [
  22, # ]
  23, 23,
  [ 24,
    25 ], # ]
]
after_numbers = 27
inline = { a = 28, b.c = 28, "d e" = [28, { f = 28 }], g = "}" }
rows = [
  { n = 30, text = "} ]" },
  { n = 31 }, { n = 31, m = [ 31,
    32 ] },
]
empty = [ ]
nothing = {}
[table]
n = 37
  [table.inner] # indented
  n = 39
[ other . "p.q" ]
n = 41
[[list]]
n = 43
[[list.sub]]
n = 45
[[list.sub]]
n = 47
[list.sub.deep]
n = 49
[[list]]
[list.one]
n = 52
[[list.sub]]
n = 54'''.replace("<literal>", "'" * 3)


def entries(value, path=()):
    """Yield the path and the value of every entry of nested tables and lists."""
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in pairs:
        yield (*path, key), item
        yield from entries(item, (*path, key))


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_every_form_of_key_table_and_value_keeps_its_line(end):
    text = NUMBERED.replace("\n", end)
    numbers = [
        (dotted(path), value) for path, value in entries(tomllib.loads(text)) if type(value) is int
    ]
    assert len(numbers) > 30
    assert {(path, line_of(text, path)) for path, _ in numbers} == set(numbers)
    assert all(line_of("\ufeff" + text, path) == line for path, line in numbers)


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("text", 6),
        ("numbers", 21),
        ("numbers[3]", 24),
        ("rows", 29),
        ("rows[1]", 31),
        ("table", 36),
        ("other", 40),
        ("other.p.q", 40),
        ("list", 42),
        ("list[0]", 42),
        ("list[0].sub", 44),
        ("list[0].sub[1]", 46),
        ("list[1]", 50),
        ("list[1].sub[0]", 53),
    ],
)
def test_tables_and_lists_stand_where_they_begin(field, line):
    assert line_of(NUMBERED, field) == line


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("list[1].median", 50),
        ("list[0].sub[0].survival[3].ci", 44),
        ("rows[0].unit", 30),
        ("table.inner.m", 38),
        ("numbers[9]", 21),
        ("status", 1),
        ("list[0].number", 42),
    ],
)
def test_a_field_that_is_missing_stands_in_the_innermost_table_that_is_there(field, line):
    assert line_of(NUMBERED, field) == line


def test_a_table_that_is_opened_after_a_table_within_it_stands_at_its_own_header():
    assert line_of("[a.b]\nn = 2\n[a]\nn = 4\n", "a") == 3


def test_the_whole_file_stands_on_no_line():
    assert line_of(NUMBERED, "") is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_entry_of_every_shipped_file_is_found(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = list(entries(tomllib.loads(text, parse_float=Decimal)))
    assert found
    problems = [Problem(path.name, dotted(place), "", "", "") for place, _ in found]
    located = locate(problems, {Path(path.name): text})
    for (place, value), problem in zip(found, located, strict=True):
        line = lines[problem.line - 1]
        if isinstance(place[-1], str):
            assert place[-1] in line, place
        elif isinstance(value, dict):
            assert "[[" in line or "{" in line, place
        elif isinstance(value, list):
            assert "[" in line, place
        else:
            assert str(value) in line, place


# --- Problems ------------------------------------------------------------------------------------


def problems_in(folder):
    """Return the places of the problems of a registry."""
    with pytest.raises(RegistryError) as raised:
        load_registry(folder)
    return [str(problem).split(": found")[0] for problem in raised.value.problems]


def test_a_registry_tells_the_lines_of_its_problems(tmp_path):
    folder = write_registry(tmp_path / "r", study("abel2001", cohort()))
    (folder / "cain2002.toml").write_text(
        """\
# A report.

id = "cain2003"
status = "verified"

[citation]
authors = ["Cain A"]
doi = "none"

[[cohorts]]
id = "arm"
treatment = "lenvatinb"
treatment_as_printed = "lenvatinib"

[[cohorts.survival]]
endpoint = "os"
median = 3.1
unit = "months"
ci = [
  4.0,
  5.0,
]

[[cohorts]]
id = "other"
treatment = "sorafenib"
""",
        encoding="utf-8",
    )
    (folder / "enos2003.toml").write_text("a = 1\nid =", encoding="utf-8")
    assert problems_in(folder) == [
        "cain2002.toml:8, citation.doi",
        "cain2002.toml:19, cohorts[0].survival[0].ci",
        "cain2002.toml:12, cohorts[0].treatment",
        "cain2002.toml:24, cohorts[1].treatment_as_printed",
        "cain2002.toml:3, id",
        "enos2003.toml:2, end of file",
    ]


def test_problems_of_the_vocabulary_and_of_excluded_reports_have_lines_too(tmp_path):
    wrong = VOCABULARY | {"disease": "ACT"}
    folder = write_registry(tmp_path / "r", study("abel2001", cohort()), vocabulary=wrong)
    (folder / "excluded.toml").write_text(
        '# Left out.\n[[excluded]]\nid = "x"\nreason = "no figure"\n', encoding="utf-8"
    )
    assert problems_in(folder) == [
        f"vocabulary.toml:{len(wrong)}, disease",
        "excluded.toml:2, excluded[0].citation",
    ]


def test_the_folder_of_each_problem_is_known(tmp_path):
    folder = write_registry(tmp_path / "r", study("abel2001", cohort(n=0)))
    (folder / "broken.toml").write_bytes(b"a =\xff")
    with pytest.raises(RegistryError) as raised:
        load_registry(folder)
    paths = [problem.path for problem in raised.value.problems]
    assert paths == [folder / "abel2001.toml", folder / "broken.toml"]


def test_a_problem_of_a_file_that_cannot_be_read_again_stays_as_it_is(tmp_path):
    (tmp_path / "b.toml").write_text("a = [", encoding="utf-8")
    problems = [
        Problem("a.toml", "n", "1", "2", "change it", folder=str(tmp_path)),
        Problem("b.toml", "n", "1", "2", "change it", folder=str(tmp_path)),
        Problem("c.toml", "", "1", "2", "change it", folder=str(tmp_path)),
        Problem("c.toml", "n", "1", "2", "change it", line=7, folder=str(tmp_path)),
    ]
    texts = {tmp_path / "c.toml": "n = 1"}
    assert locate(problems, texts) == tuple(problems)


def test_texts_that_are_given_are_not_read_again(tmp_path):
    problem = Problem("a.toml", "b.c", "1", "2", "change it", folder=str(tmp_path))
    (found,) = locate([problem], {tmp_path / "a.toml": "\n\n[b]\nc = 1\n"})
    assert found.line == 4
    assert str(found) == "a.toml:4, b.c: found 1, expected 2: change it."


def test_a_sound_registry_is_not_scanned(tmp_path, monkeypatch):
    def never(*arguments):
        raise AssertionError

    monkeypatch.setattr("studies.files._lines", never)
    assert len(load_registry(write_registry(tmp_path / "r", study("abel2001", cohort())))) == 1
