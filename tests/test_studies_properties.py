"""Whatever a study holds comes back as it was, and whatever is done to a file is told or harmless.

Examples are drawn from a fixed seed, so that a run is the same on every machine.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from studies.exchange_csv import csv_of
from study_strategies import damaged, studies

from studies import RegistryError, Study, load_registry
from studies.documents import json_of, read_csv, read_json, tables_of, to_toml, toml_of

FIXED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def shipped():
    """Texts of the shipped study files, by identifier."""
    files = load_registry().files
    return {name: path.read_text(encoding="utf-8") for name, path in sorted(files.items())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


def read(text):
    return tomllib.loads(text, parse_float=Decimal)


def plain(value):
    """Return what a document says, without what does not matter: blanks around texts."""
    match value:
        case dict():
            return {key.strip(): plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case str():
            return value.strip()
        case bool():
            return ("true or false", value)
    return value


# --- There and back ------------------------------------------------------------------------------


@settings(FIXED, max_examples=80)
@given(study=studies())
def test_any_study_survives_its_file_the_document_and_the_table(study):
    tables = tables_of(study)
    files = {f"{study.id}.toml": tables}
    document = {"format": "atc-studies", "version": 1, "studies": [tables]}
    returned = (
        read(to_toml(study)),
        read_json(json_of(document)).files[f"{study.id}.toml"],
        read_csv(csv_of(files)).files[f"{study.id}.toml"],
    )
    for again in returned:
        assert Study.model_validate(again) == study
        # The representation shows the digits, which equality of decimals ignores.
        assert repr(tables_of(Study.model_validate(again))) == repr(tables)


# --- Damage --------------------------------------------------------------------------------------


def outcome(folder, name, text):
    """Load one study file; return the study, or None after a look at every problem."""
    path = folder / f"{name}.toml"
    path.write_bytes(text.encode("utf-8"))
    registry, problems = loaded(path)
    event("refused" if problems else "loaded")
    for problem in problems:
        assert problem.field or problem.line or problem.found == "no key at all", str(problem)
        assert problem.file == path.name
        assert all((problem.found, problem.expected, problem.action)), str(problem)
        assert "\n" not in str(problem)
    return None if registry is None else next(iter(registry))


def loaded(path):
    """Return the registry of a file, or its problems."""
    try:
        return load_registry(path, alone=True), ()
    except RegistryError as error:
        return None, error.problems


class Damaged:
    """Keeps a large document out of the report of a failure; the changed file is enough."""

    def __init__(self, document):
        self.text = toml_of(document, Study)


@settings(FIXED, max_examples=200)
@given(data=st.data())
def test_a_damaged_document_is_refused_or_kept_in_full(shipped, folder, data):
    name = data.draw(st.sampled_from(list(shipped)))
    text = data.draw(damaged(read(shipped[name])).map(Damaged)).text
    study = outcome(folder, name, text)
    if study is not None:
        assert plain(tables_of(study)) == plain(read(text))


pieces = st.text(max_size=4) | st.sampled_from(
    ['"', '"""', "[", "]]", "\n", "=", " = ", "\n[x]\n", "'", "\\", "#", ",", "-", ".", "0", "e9"]
)


@settings(FIXED, max_examples=200)
@given(data=st.data())
def test_a_mangled_text_is_refused_or_kept_in_full(shipped, folder, data):
    name = data.draw(st.sampled_from(list(shipped)))
    text = shipped[name]
    start = data.draw(st.integers(0, len(text)))
    lost = data.draw(st.sampled_from([0, 0, 1, 2, 20, len(text)]))
    text = text[:start] + data.draw(pieces) + text[start + lost :]
    text = text.encode("utf-8", "replace").decode("utf-8")
    study = outcome(folder, name, text)
    if study is not None:
        assert plain(tables_of(study)) == plain(read(text))


@settings(FIXED, max_examples=40)
@given(data=st.data())
def test_bytes_that_are_no_text_are_refused(shipped, folder, data):
    name = data.draw(st.sampled_from(list(shipped)))
    content = shipped[name].encode("utf-8")
    start = data.draw(st.integers(0, len(content)))
    odd = data.draw(st.sampled_from([b"\xff", b"\xc3(", b"\x00", b"\xed\xa0\x80"]))
    path = folder / f"{name}.toml"
    path.write_bytes(content[:start] + odd + content[start:])
    _, problems = loaded(path)
    assert problems
    assert all(problem.field or problem.line for problem in problems)


# --- Mistakes that were once told badly, or not at all -------------------------------------------

STUDY = """\
id = "x"
status = "verified"
[citation]
[[cohorts]]
id = "a"
treatment = "lenvatinib"
treatment_as_printed = "lenvatinib"
n = 10
[cohorts.histology]
other = { focal = 3 }
[[cohorts.survival]]
endpoint = "os"
median = 5
unit = "days"
[[cohorts.landmarks]]
endpoint = "os"
time = 3
unit = "days"
survival = 0.9
"""


def refusals(folder, text):
    path = folder / "x.toml"
    path.write_text(text, encoding="utf-8")
    return [str(problem) for problem in loaded(path)[1]]


@pytest.mark.parametrize("number", ["0e99999999", "-0e-99999999", "1e-999999999999", "1e-300"])
@pytest.mark.parametrize("figure", ["median = 5", "survival = 0.9", "time = 3"])
def test_a_number_beyond_arithmetic_is_refused_at_its_field(folder, figure, number):
    key = figure.split()[0]
    (sentence,) = refusals(folder, STUDY.replace(figure, f"{key} = {number}"))
    assert f".{key}: found " in sentence
    assert "expected a finite number" in sentence


def test_a_number_that_cannot_be_held_is_refused_at_its_line(folder):
    (sentence,) = refusals(folder, STUDY.replace("= 5", "= 1e99999999999999999999"))
    assert sentence.startswith("x.toml:13: found malformed TOML, a number too large to hold, ")


def test_names_that_differ_in_blanks_do_not_swallow_a_count(folder):
    (sentence,) = refusals(folder, STUDY.replace("focal = 3", 'focal = 3, " focal" = 4'))
    assert sentence.startswith(
        "x.toml:10, cohorts[0].histology.other: found a table, expected keys that differ in more "
    )


@pytest.mark.parametrize(("key", "shown"), [('""', '""'), (r'"a\nb"', r'"a\nb"')])
def test_a_key_that_is_empty_or_breaks_the_line_is_quoted(folder, key, shown):
    (sentence,) = refusals(folder, f"{key} = 1\n{STUDY}")
    assert sentence.startswith(f"x.toml:1, {shown}: found the unknown key {shown}, expected ")


def test_lists_nested_as_deep_as_a_file_may_are_refused_at_their_field(folder):
    (sentence,) = refusals(folder, f"notes = {'[' * 300}{']' * 300}\n{STUDY}")
    assert sentence.startswith("x.toml:1, notes: found [[...]], expected text in quotation marks: ")
