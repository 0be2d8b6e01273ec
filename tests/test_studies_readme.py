"""The page about study files is current, and every example on it is what it says it is."""

from __future__ import annotations

import copy
import importlib.util
import re
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

import studies
from studies import RegistryError, load_registry, load_vocabulary
from studies.documents import records_below, shapes, toml_of
from studies.guide import EXAMPLES, example, field_guide, skeleton, type_words
from studies.plausibility import CHECKS
from studies.schema import (
    Acknowledgement,
    BrafStatus,
    Characteristic,
    Citation,
    Cohort,
    Comparison,
    HistologySplit,
    ImpliedCount,
    Landmark,
    Overlap,
    Patient,
    ReadAs,
    Response,
    Source,
    Study,
    Subgroup,
    SurvivalOutcome,
)

ROOT = Path(studies.__file__).parent.parent
README = ROOT / "studies" / "README.md"

KEYS = [
    pytest.param(record, shape, id=f"{record.__name__}.{shape.key}")
    for record in records_below(Study)
    for shape in shapes(record)
]


def generator():
    """Return the script that writes the page."""
    sys.path.insert(0, str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def host():
    """A sound study with every record, in which each example is tried."""
    lines = skeleton("new2025", load_vocabulary(), arms=2).splitlines()
    text = "\n".join(line.removeprefix("# ") for line in lines)
    tables = tomllib.loads(text, parse_float=Decimal)
    second = tables["cohorts"][1]
    second["part_of"] = "arm_1"
    second["n_implied"] = {"value": 25, "derivation": "30 less 5"}
    second["read_as"] = {"histology": "mixed", "reason": "small foci"}
    tables["acknowledged"] = [{"check": "c", "field": "f", "reason": "r"}]
    return tables


PLACES = {
    Study: (),
    Citation: ("citation",),
    Overlap: ("overlaps", 0),
    Cohort: ("cohorts", 0),
    HistologySplit: ("cohorts", 0, "histology"),
    BrafStatus: ("cohorts", 0, "braf_v600e"),
    SurvivalOutcome: ("cohorts", 0, "survival", 0),
    Landmark: ("cohorts", 0, "landmarks", 0),
    Response: ("cohorts", 0, "response"),
    Subgroup: ("cohorts", 0, "subgroups", 0),
    Patient: ("cohorts", 0, "patients", 0),
    Characteristic: ("cohorts", 0, "characteristics", 1),
    ImpliedCount: ("cohorts", 1, "n_implied"),
    ReadAs: ("cohorts", 1, "read_as"),
    Comparison: ("comparisons", 0),
    Source: ("sources", 0),
    Acknowledgement: ("acknowledged", 0),
}


def load_with(folder, host, record, key, value):
    """Load the host with one key of one of its records changed."""
    tables = copy.deepcopy(host)
    here = tables
    for part in PLACES[record]:
        here = here[part]
    here[key] = value
    # What would contradict the example by being there, not by the example being wrong.
    second = tables["cohorts"][1]
    if (record, key) == (Cohort, "part_of"):
        del second["part_of"], here["n"]
    elif (record, key) == (Cohort, "id"):
        del second["part_of"], tables["overlaps"]
    elif (record, key) == (Subgroup, "read_as"):
        del here["histology"]
    sound = record is Study and key == "id" and re.fullmatch(r"\w+", str(value))
    path = folder / f"{value if sound else 'new2025'}.toml"
    path.write_text(toml_of(tables, Study), encoding="utf-8")
    return load_registry(path, alone=True)


def test_the_page_and_the_schema_are_current(capsys):
    assert generator().main(["--check"]) == 0, capsys.readouterr().out
    assert field_guide() in README.read_text(encoding="utf-8")


def test_a_stale_page_is_told_and_written_again(tmp_path, monkeypatch, capsys):
    module = generator()
    page = README.read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text(page.replace("| `doi` |", "| `odi` |"), encoding="utf-8")
    monkeypatch.setattr(module, "STUDIES", tmp_path)
    assert module.main(["--check"]) == 1
    assert "README.md is not current" in capsys.readouterr().out
    assert module.main([]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == page
    assert module.main(["--check"]) == 0


@pytest.mark.parametrize(("record", "shape"), KEYS)
def test_every_key_has_an_example_and_words_for_its_type(record, shape):
    shown = example(record, shape)
    assert shown.good != shown.bad
    assert shown.why
    assert type_words(shape)


def test_no_example_is_left_over():
    assert {record: list(keys) for record, keys in EXAMPLES.items()} == {
        record: [shape.key for shape in shapes(record)] for record in EXAMPLES
    }
    assert set(EXAMPLES) == set(records_below(Study))


VALUES = [
    pytest.param(record, shape, id=f"{record.__name__}.{shape.key}")
    for record in records_below(Study)
    for shape in shapes(record)
    if not re.fullmatch(r"\[+[a-z.]+\]+", example(record, shape).good)  # the header of a table
]


def value_of(text):
    return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]


@pytest.mark.parametrize(("record", "shape"), VALUES)
def test_what_to_write_is_accepted(tmp_path, host, record, shape):
    registry = load_with(tmp_path, host, record, shape.key, value_of(example(record, shape).good))
    assert len(registry) == 1


@pytest.mark.parametrize(("record", "shape"), KEYS)
def test_what_not_to_write_is_refused(tmp_path, host, record, shape):
    bad = example(record, shape).bad
    value = value_of(bad.partition(" = ")[2] if bad.startswith(f"{shape.key} = ") else bad)
    with pytest.raises(RegistryError) as raised:
        load_with(tmp_path, host, record, shape.key, value)
    assert any(shape.key in str(problem) for problem in raised.value.problems)


def test_the_page_speaks_of_things_that_exist():
    text = README.read_text(encoding="utf-8")
    assert "interval-width" in {check.name for check in CHECKS}
    assert set(re.findall(r"`?(\w+\.toml)`?", text)) <= {
        "excluded.toml",
        "vocabulary.toml",
        "family2025.toml",
    }
    keys = {shape.key for record in records_below(Study) for shape in shapes(record)}
    for name in (
        "evaluable",
        "part_of",
        "not_pooled",
        "read_as",
        "n_implied",
        "ci_method",
        "sided",
    ):
        assert name in keys
        assert f"`{name}" in text
