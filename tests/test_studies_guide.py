"""Schema, field guide and skeleton say what the records say, and what the checks accept."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from decimal import Decimal
from pathlib import Path

import make_docs
import pytest
from jsonschema import Draft7Validator
from registries import entries, refused, vocabulary
from small_registry import VOCABULARY, changed, full_study, problems_with, write_file

import studies
from studies import RegistryError, load_registry, load_vocabulary
from studies import schema as records
from studies.checks import study_findings
from studies.documents import SCHEMA_FILE, WIDTH, records_below, shapes
from studies.files import validate
from studies.guide import example, field_guide, schema_text, skeleton, study_schema
from studies.problems import dotted
from studies.schema import Cohort, Study, Subgroup, SurvivalOutcome
from studies.vocabulary import Vocabulary


def read(text):
    return tomllib.loads(text, parse_float=Decimal)


def filled(text):
    """Return a skeleton with the mark of its examples removed."""
    return "\n".join(line.removeprefix("# ") for line in text.splitlines())


def load(folder, text, words=None):
    folder.mkdir(exist_ok=True)
    (folder / "new2025.toml").write_text(text, encoding="utf-8")
    if words is not None:
        write_file(folder / "vocabulary.toml", words)
    return load_registry(folder, alone=True).study("new2025")


@pytest.mark.parametrize("arms", [1, 3])
def test_an_empty_one_is_refused_with_what_to_fill_in(tmp_path, arms):
    problems = refused(load, tmp_path, skeleton("new2025", vocabulary(), arms=arms))
    found = {(problem.field, problem.action) for problem in problems}
    expected = {("status", "add status to the top of the file"), ("citation", "add it")}
    for arm in range(arms):
        for key in ("id", "treatment", "treatment_as_printed"):
            expected.add((f"cohorts[{arm}].{key}", f"add {key} to this table"))
    assert found == expected


@pytest.mark.parametrize("arms", [1, 2, 3])
def test_the_examples_are_a_sound_study(tmp_path, arms):
    study = load(tmp_path, filled(skeleton("new2025", vocabulary(), arms=arms)))
    assert len(study.cohorts) == arms
    first = study.cohorts[0]
    assert first.survival[0].ci[1] == "not reached"
    assert first.survival[0].unit == "days"
    assert study.citation.year == 2025  # as in its name
    assert study.comparisons[0].groups == ("mixed", "pure")
    for kind in ("landmarks", "response", "subgroups", "patients", "characteristics", "histology"):
        assert getattr(first, kind), kind
    for kind in ("overlaps", "comparisons", "sources", "countries", "population"):
        assert getattr(study, kind), kind


@pytest.mark.parametrize("removed", ["status", "treatment_as_printed"])
def test_what_is_required_is_missed_and_nothing_else(tmp_path, removed):
    lines = filled(skeleton("new2025", vocabulary())).splitlines()
    left = [line for line in lines if not line.startswith("title =")]
    assert load(tmp_path, "\n".join(left)).citation.title is None
    with pytest.raises(RegistryError, match=f"expected the key {removed}"):
        load(tmp_path, "\n".join(line for line in left if not line.startswith(f"{removed} =")))


def test_every_key_of_every_record_is_told():
    text = skeleton("new2025", vocabulary())
    untold = [
        f"{record.__name__}.{shape.key}"
        for record in records_below(Study)
        for shape in shapes(record)
        if not re.search(rf"\b{re.escape(shape.key)}\b", text)
    ]
    assert untold == []


def test_every_word_that_may_be_used_is_listed():
    text, words = skeleton("new2025", vocabulary()), vocabulary()
    for listed in (words.designs, words.lines, words.time_origins, words.diseases):
        assert all(f"##   {word}: " in text for word in listed)
    assert all(f"##   {item.id}: " in text for item in words.endpoints)
    assert all(re.search(rf"\b{item.id}\b", text) for item in words.treatments)
    assert all(item.label in text for item in words.classes)


def test_lines_can_be_read_and_editors_find_the_schema():
    lines = skeleton("new2025", vocabulary(), arms=12).splitlines()
    assert lines[0] == "#:schema ./study.schema.json"
    assert max(map(len, lines)) <= WIDTH
    live = [line for line in lines[1:] if line and not line.startswith("#")]
    assert live == ['id = "new2025"'] + ["[[cohorts]]"] * 12
    examples = [line for line in lines[1:] if line.startswith("#") and not line.startswith("##")]
    assert all(line.startswith("# ") for line in examples)
    assert tomllib.loads("\n".join(lines))["id"] == "new2025"


def test_a_vocabulary_of_other_words_and_one_without_words(tmp_path):
    words = VOCABULARY | {"designs": {}, "lines": {}}
    text = filled(skeleton("new2025", Vocabulary.model_validate(words)))
    study = load(tmp_path, text, words)
    assert study.cohorts[0].treatment == "lenvatinib"
    assert study.cohorts[0].line is None
    silent = VOCABULARY | {"endpoints": [], "lines": {}, "time_origins": {}, "diseases": {"X": "y"}}
    text = filled(skeleton("new2025", Vocabulary.model_validate(silent), arms=2))
    assert load(tmp_path, text, silent).cohorts[1].survival == ()


@pytest.mark.parametrize(
    "name", ["", "../up", "two words", "vocabulary", "excluded", 'a"b', "a\nb"]
)
def test_a_name_that_cannot_be_one_is_refused(name):
    with pytest.raises(RegistryError, match="expected an identifier of letters, digits"):
        skeleton(name, vocabulary())


# --- Field guide ----------------------------------------------------------------------------------

README = Path(studies.__file__).parent / "README.md"

KEYS = [
    pytest.param(record, shape, id=f"{record.__name__}.{shape.key}")
    for record in records_below(Study)
    for shape in shapes(record)
]


@pytest.fixture(scope="module")
def host():
    """A sound study with every record, in which each example is tried."""
    tables = read(filled(skeleton("new2025", load_vocabulary(), arms=2)))
    second = tables["cohorts"][1]
    second["part_of"] = "arm_1"
    second["n_implied"] = {"value": 25, "derivation": "30 less 5"}
    second["read_as"] = {"histology": "mixed", "reason": "small foci"}
    second["formed_by"] = {"kind": "survival", "reason": "lived to be treated"}
    tables["acknowledged"] = [{"check": "c", "field": "f", "reason": "r"}]
    return tables


PLACES = {
    **{Study: (), records.Citation: ("citation",), records.Overlap: ("overlaps", 0)},
    **{Cohort: ("cohorts", 0), records.HistologySplit: ("cohorts", 0, "histology")},
    records.BrafStatus: ("cohorts", 0, "braf_v600e"),
    SurvivalOutcome: ("cohorts", 0, "survival", 0),
    records.Landmark: ("cohorts", 0, "landmarks", 0),
    **{records.Response: ("cohorts", 0, "response"), Subgroup: ("cohorts", 0, "subgroups", 0)},
    records.Patient: ("cohorts", 0, "patients", 0),
    records.Characteristic: ("cohorts", 0, "characteristics", 0),
    records.ImpliedCount: ("cohorts", 1, "n_implied"),
    **{records.ReadAs: ("cohorts", 1, "read_as"), records.FormedBy: ("cohorts", 1, "formed_by")},
    **{records.Comparison: ("comparisons", 0), records.Source: ("sources", 0)},
    **{records.Appraisal: ("appraisal",), records.Judgement: ("appraisal", "sites")},
    records.Acknowledgement: ("acknowledged", 0),
}


def refused_with(host, record, key, value):
    """Return what is refused where one key of the host is changed."""
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
    validated = validate(tables, Study, "new2025.toml")
    if validated.problems:
        return [str(problem) for problem in validated.problems]
    findings = study_findings(validated.record, vocabulary())
    return [f"{dotted(path)} {expected}" for path, _, expected, *_ in findings]


def test_the_page_is_current():
    assert field_guide() in README.read_text(encoding="utf-8")


def test_a_stale_page_is_told_and_written_again(tmp_path, monkeypatch, capsys):
    page = README.read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text(page.replace("| `doi` |", "| `odi` |"), encoding="utf-8")
    monkeypatch.setattr(make_docs, "STUDIES", tmp_path)
    others = ("model_page", make_docs.MODEL), ("calibration_page", make_docs.CALIBRATION)
    for name, path in others:
        text = path.read_text(encoding="utf-8")
        monkeypatch.setattr(make_docs, name, lambda text=text: text)
    assert make_docs.main(["--check"]) == 1
    assert "README.md is not current" in capsys.readouterr().out
    assert make_docs.main([]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == page
    assert make_docs.main(["--check"]) == 0


VALUES = [
    param
    for param in KEYS
    if not re.fullmatch(r"\[+[a-z.]+\]+", example(*param.values)[0])  # the header of a table
]


def value_of(text):
    return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]


@pytest.mark.parametrize(("record", "shape"), VALUES)
def test_what_to_write_is_accepted(host, record, shape):
    assert refused_with(host, record, shape.key, value_of(example(record, shape)[0])) == []


@pytest.mark.parametrize(("record", "shape"), KEYS)
def test_what_not_to_write_is_refused(host, record, shape):
    bad = example(record, shape)[1]
    value = value_of(bad.partition(" = ")[2] if bad.startswith(f"{shape.key} = ") else bad)
    assert any(shape.key in told for told in refused_with(host, record, shape.key, value))


# --- JSON Schema ----------------------------------------------------------------------------------

WORDS = Vocabulary.model_validate(VOCABULARY)


def accepted(tables):
    return Draft7Validator(study_schema(WORDS)).is_valid(tables)


def every_schema(schema):
    """Return a schema and every schema inside it."""
    return [schema, *(part for _, part in entries(schema) if isinstance(part, dict))]


# --- The shipped description ---------------------------------------------------------------------


def test_the_shipped_description_is_current():
    shipped = Path(studies.__file__).parent / SCHEMA_FILE
    current = schema_text(load_vocabulary())
    assert shipped.read_text(encoding="utf-8") == current, "run make docs"


def test_every_shipped_file_agrees_with_it_and_points_to_it(registry):
    schema = Draft7Validator(json.loads(schema_text(registry.vocabulary)))
    for path in registry.files.values():
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text, parse_float=Decimal)
        assert schema.is_valid(tables), path.name
        pointer = text.splitlines()[0].removeprefix("#:schema ")
        assert (path.parent / pointer).resolve() == path.parents[1] / SCHEMA_FILE
    assert len(registry.files) >= 138


def test_it_is_draft_07_and_its_references_lead_somewhere():
    schema = study_schema(WORDS)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)
    assert json.loads(schema_text(WORDS)) == schema
    used = {part["$ref"] for part in every_schema(schema) if isinstance(part.get("$ref"), str)}
    defined = {f"#/definitions/{name}" for name in schema["definitions"]}
    assert used == defined
    assert not any(len(part) > 1 for part in every_schema(schema) if "$ref" in part)


# --- Meanings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", records_below(Study), ids=lambda record: record.__name__)
def test_every_key_of_every_record_is_described(record):
    schema = study_schema(WORDS)
    table = schema if record is Study else schema["definitions"][record.__name__]
    keys = [shape.key for shape in shapes(record)]
    assert list(table["properties"]) == keys
    assert table["additionalProperties"] is False
    for key in keys:
        description = table["properties"][key]["description"]
        assert len(description) >= 9, key
        assert description.endswith((".", "?")), key
        assert not re.search(r"\bNone\b|As in ", description), key


def test_words_of_the_vocabulary_are_offered_with_their_meaning():
    schema = study_schema(WORDS)
    cohort = schema["definitions"]["Cohort"]["properties"]
    assert cohort["treatment"]["enum"] == [item.id for item in WORDS.treatments]
    assert (
        cohort["treatment"]["markdownEnumDescriptions"][0] == "Lenvatinib (Multikinase inhibitor)."
    )
    assert cohort["line"]["x-taplo"] == {"docs": {"enumValues": ["Not treated before."]}}
    assert schema["properties"]["design"]["enum"] == ["retrospective", "registry", "not stated"]
    for part in every_schema(schema):
        if "markdownEnumDescriptions" in part:
            assert len(part["markdownEnumDescriptions"]) == len(part["enum"])


# --- Slips ---------------------------------------------------------------------------------------

COHORT = ("cohorts", 0)
OUTCOME = (*COHORT, "survival", 0)
LANDMARK = (*COHORT, "landmarks", 0)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *(((*OUTCOME, "median"), "3.1"), ((*OUTCOME, "median"), "NR")),
        *(((*OUTCOME, "unit"), "month"), ((*OUTCOME, "endpoint"), "OS")),
        *(((*OUTCOME, "ci"), [Decimal("0.6")]), ((*OUTCOME, "ci"), ["not reached", 5])),
        *(((*OUTCOME, "ci"), "0.6-5.5"), ((*OUTCOME, "level"), 95), ((*OUTCOME, "events"), -1)),
        *(((*OUTCOME, "medain"), 3), ((*LANDMARK, "survival"), 52), ((*LANDMARK, "time"), ...)),
        *(((*COHORT, "treatment"), "Lenvatinib"), ((*COHORT, "treatment"), ...)),
        *(((*COHORT, "n"), 0), ((*COHORT, "n"), "23"), ((*COHORT, "id"), "two words")),
        *(((*COHORT, "line"), "second"), ((*COHORT, "time_origin"), "first dose")),
        *(((*COHORT, "disease"), "anaplastic"), ((*COHORT, "time_origin_presumed"), "yes")),
        *(((*COHORT, "survival"), {"endpoint": "os"}), ((*COHORT, "response"), [{"pr": 2}])),
        ((*COHORT, "response", "orr_percent"), Decimal("120")),
        ((*COHORT, "histology", "other"), {"focal": "3"}),
        ((*COHORT, "patients", 0, "event"), "dead"),
        *(((*COHORT, "characteristics", 0, "statistic"), "sum"), (("cohorts",), [])),
        *((("cohorts",), ...), (("citation",), ...), (("citation", "authors"), "Abel A")),
        *((("citation", "year"), "2021"), (("citation", "pmid"), 33112817)),
        *((("citation", "title"), "  "), (("status",), "checked"), (("status",), ...)),
        *((("design",), "cohort study"), (("overlaps", 0, "pairs"), [["all"]])),
        *((("comparisons", 0, "sided"), 3), (("sources", 0, "doi"), "doi:10.1530/ERC-20-0106")),
        *((("comparisons", 0, "p"), True), (("note",), "x")),
    ],
)
def test_a_slip_is_refused_here_and_by_the_checks(tmp_path, place, value):
    tables = changed(place, value)
    assert accepted(full_study())
    assert not accepted(tables)
    assert problems_with(tmp_path, tables) != []
