"""The description of study files accepts what the checks accept and refuses the usual slips."""

from __future__ import annotations

import json
import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from small_registry import VOCABULARY, changed, full_study, problems_with

import studies
from studies import load_registry, load_vocabulary
from studies.documents import SCHEMA_FILE, meanings, records_below, shapes
from studies.guide import schema_text, study_schema
from studies.schema import Study
from studies.vocabulary import Vocabulary

WORDS = Vocabulary.model_validate(VOCABULARY)
ANNOTATIONS = {
    "$schema",
    "title",
    "description",
    "definitions",
    "markdownEnumDescriptions",
    "x-taplo",
}


INSIDE = {"properties", "items", "additionalProperties"}


def is_of(value, kind):
    """Whether a value has a type of JSON Schema."""
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "number": number,
        "integer": number and value == int(value),
    }[kind]


def same(value, other):
    """Whether two values are equal for JSON, where true is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other


def complaints(value, schema, root, path=""):
    """Yield where a value breaks a schema: the part of draft 07 that is used here, and no other."""
    for keyword, wanted in schema.items():
        if keyword == "$ref":
            found = root["definitions"][wanted.removeprefix("#/definitions/")]
            yield from complaints(value, found, root, path)
        elif keyword == "allOf":
            yield from (c for part in wanted for c in complaints(value, part, root, path))
        elif keyword == "anyOf":
            if all(list(complaints(value, part, root, path)) for part in wanted):
                yield f"{path}: none of several"
        elif keyword not in ANNOTATIONS | INSIDE and not holds(keyword, wanted, value):
            yield f"{path}: {keyword}"
    if isinstance(value, dict):
        yield from complaints_of_table(value, schema, root, path)
    elif isinstance(value, list):
        items = schema.get("items", {})
        parts = items if isinstance(items, list) else [items] * len(value)
        for place, (item, part) in enumerate(zip(value, parts, strict=False)):
            yield from complaints(item, part, root, f"{path}[{place}]")


def complaints_of_table(table, schema, root, path):
    """Yield where the values of a table break its schema."""
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for key, value in table.items():
        if key not in known and others is False:
            yield f"{path}: unknown {key}"
        else:
            yield from complaints(value, known.get(key, others), root, f"{path}.{key}")


def holds(keyword, wanted, value):
    """Whether a value keeps one rule that looks no deeper."""
    number, text = is_of(value, "number"), isinstance(value, str)
    match keyword:
        case "type":
            return is_of(value, wanted)
        case "enum":
            return any(same(value, item) for item in wanted)
        case "const":
            return same(value, wanted)
        case "required":
            return not isinstance(value, dict) or set(wanted) <= set(value)
        case "minItems":
            return not isinstance(value, list) or len(value) >= wanted
        case "maxItems":
            return not isinstance(value, list) or len(value) <= wanted
        case "pattern":
            return not text or re.search(wanted, value) is not None
        case "minimum":
            return not number or value >= wanted
        case "maximum":
            return not number or value <= wanted
    raise AssertionError(f"a keyword that nobody checks: {keyword}")


def refused(tables, vocabulary=WORDS):
    schema = study_schema(vocabulary)
    return list(complaints(tables, schema, schema))


def every_schema(schema):
    """Yield a schema and every schema inside it."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from every_schema(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from every_schema(value)


# --- The shipped description ---------------------------------------------------------------------


def test_the_shipped_description_is_current():
    shipped = Path(studies.__file__).parent / SCHEMA_FILE
    current = schema_text(load_vocabulary())
    assert shipped.read_text(encoding="utf-8") == current, "run make docs"


def test_every_shipped_file_agrees_with_it_and_points_to_it():
    registry = load_registry()
    schema = json.loads(schema_text(registry.vocabulary))
    for path in registry.files.values():
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text, parse_float=Decimal)
        assert list(complaints(tables, schema, schema)) == [], path.name
        pointer = text.splitlines()[0].removeprefix("#:schema ")
        assert (path.parent / pointer).resolve() == path.parents[1] / SCHEMA_FILE
    assert len(registry.files) >= 138


def test_it_is_draft_07_and_its_references_lead_somewhere():
    schema = study_schema(WORDS)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
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


def test_meanings_come_from_the_docstrings():
    by_name = {record.__name__: meanings(record) for record in records_below(Study)}
    assert by_name["SurvivalOutcome"]["median"] == "Median in `unit`."
    assert by_name["Landmark"]["note"] == by_name["SurvivalOutcome"]["note"]
    assert by_name["Overlap"]["with"].startswith("Identifier of the other study")
    assert by_name["Study"]["enrolment"] == "Years of enrolment."
    assert by_name["Study"]["population"] == "Who was studied."


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


def test_a_sound_study_is_accepted():
    assert refused(full_study()) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((*OUTCOME, "median"), "3.1"),
        ((*OUTCOME, "median"), "NR"),
        ((*OUTCOME, "unit"), "month"),
        ((*OUTCOME, "endpoint"), "OS"),
        ((*OUTCOME, "ci"), [Decimal("0.6")]),
        ((*OUTCOME, "ci"), ["not reached", 5]),
        ((*OUTCOME, "ci"), "0.6-5.5"),
        ((*OUTCOME, "level"), 95),
        ((*OUTCOME, "events"), -1),
        ((*OUTCOME, "medain"), 3),
        ((*LANDMARK, "survival"), 52),
        ((*LANDMARK, "time"), ...),
        ((*COHORT, "treatment"), "Lenvatinib"),
        ((*COHORT, "treatment"), ...),
        ((*COHORT, "n"), 0),
        ((*COHORT, "n"), "23"),
        ((*COHORT, "id"), "two words"),
        ((*COHORT, "line"), "second"),
        ((*COHORT, "time_origin"), "first dose"),
        ((*COHORT, "disease"), "anaplastic"),
        ((*COHORT, "time_origin_presumed"), "yes"),
        ((*COHORT, "survival"), {"endpoint": "os"}),
        ((*COHORT, "response"), [{"pr": 2}]),
        ((*COHORT, "response", "orr_percent"), Decimal("120")),
        ((*COHORT, "histology", "other"), {"focal": "3"}),
        ((*COHORT, "patients", 0, "event"), "dead"),
        ((*COHORT, "characteristics", 0, "statistic"), "sum"),
        (("cohorts",), []),
        (("cohorts",), ...),
        (("citation",), ...),
        (("citation", "authors"), "Abel A"),
        (("citation", "year"), "2021"),
        (("citation", "pmid"), 33112817),
        (("citation", "title"), "  "),
        (("status",), "checked"),
        (("status",), ...),
        (("design",), "cohort study"),
        (("overlaps", 0, "pairs"), [["all"]]),
        (("comparisons", 0, "sided"), 3),
        (("sources", 0, "doi"), "doi:10.1530/ERC-20-0106"),
        (("comparisons", 0, "p"), True),
        (("note",), "x"),
    ],
)
def test_a_slip_is_refused_here_and_by_the_checks(tmp_path, place, value):
    tables = changed(place, value)
    assert refused(tables) != []
    assert problems_with(tmp_path, tables) != []
