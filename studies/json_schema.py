"""A description of study files for editors, as JSON Schema (draft 07, which TOML editors read).

An editor that knows it names the keys, offers the words of the vocabulary with their meaning, and
marks a misspelt key or a figure of the wrong kind while it is typed. What only shows between
figures is left to ``atc studies check``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, WithJsonSchema

from studies.outcomes import Landmark, SurvivalOutcome
from studies.provenance import Citation, Source
from studies.record_fields import Shape, meanings, plain, records_below, shapes
from studies.schema import Cohort, Study
from studies.values import NOT_STATED, at_least_one
from studies.vocabulary import Vocabulary

DRAFT = "http://json-schema.org/draft-07/schema#"
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$"
_DOI = r"^10\.\d{4,9}/\S+$"
_FRACTION = {"minimum": 0, "maximum": 1}
_PERCENT = {"minimum": 0, "maximum": 100}
# What the checks refuse whatever the other figures say.
_LIMITS: Mapping[tuple[type[BaseModel], str], Mapping[str, Any]] = {
    (Study, "id"): {"pattern": IDENTIFIER},
    (Cohort, "id"): {"pattern": IDENTIFIER},
    (Citation, "doi"): {"pattern": _DOI},
    (Source, "doi"): {"pattern": _DOI},
    (Citation, "pmid"): {"pattern": r"^[1-9]\d{0,7}$"},
    (Citation, "year"): {"minimum": 1900, "maximum": 2100},
    (Source, "url"): {"pattern": r"^https?://"},
    (Landmark, "survival"): _FRACTION,
}


def study_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """Describe study files that use a vocabulary.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words that they may use.

    Returns
    -------
    dict
        JSON Schema, draft 07.
    """
    words = _words(vocabulary)
    records = {record.__name__: _table(record, words) for record in records_below(Study)}
    study = records.pop(Study.__name__)
    head = {"$schema": DRAFT, "title": "Study file", "description": _summary(Study)}
    return head | study | {"definitions": records}


def schema_text(vocabulary: Vocabulary) -> str:
    """Return the description of study files as the text of a JSON file.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words that study files may use.

    Returns
    -------
    str
        JSON.
    """
    return json.dumps(study_schema(vocabulary), ensure_ascii=False, indent=2) + "\n"


Words = Mapping[tuple[type[BaseModel], str], Mapping[str, str]]


def _words(vocabulary: Vocabulary) -> Words:
    """Return the words of every key that takes its words from the vocabulary, with meanings."""
    endpoints = {item.id: f"{item.label}: {item.meaning}" for item in vocabulary.endpoints}
    labels = {item.id: item.label for item in vocabulary.classes}
    treatments = {
        item.id: _sentences(
            f"{item.label} ({labels.get(item.class_, item.class_)})",
            item.meaning,
            item.requires and f"Requires {item.requires}",
        )
        for item in vocabulary.treatments
    }
    return {
        (Study, "design"): dict(vocabulary.designs) | {NOT_STATED: "The design is not known."},
        (Cohort, "treatment"): treatments,
        (Cohort, "disease"): vocabulary.diseases,
        (Cohort, "line"): vocabulary.lines,
        (Cohort, "time_origin"): vocabulary.time_origins,
        (SurvivalOutcome, "endpoint"): endpoints,
        (Landmark, "endpoint"): endpoints,
    }


def _sentences(*parts: str | None) -> str:
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _summary(record: type[BaseModel]) -> str:
    return (record.__doc__ or "").splitlines()[0]


def _lowered(sentence: str) -> str:
    """Return a sentence as it stands after a colon; abbreviations keep their capitals."""
    return sentence[0].lower() + sentence[1:] if sentence[1:2].islower() else sentence


def _table(record: type[BaseModel], words: Words) -> dict[str, Any]:
    """Describe a table."""
    explained = meanings(record)
    return {
        "description": _summary(record),
        "type": "object",
        "properties": {
            shape.key: _property(record, shape, explained.get(shape.key, ""), words)
            for shape in shapes(record)
        },
        "required": [shape.key for shape in shapes(record) if shape.required],
        "additionalProperties": False,
    }


def _property(record: type[BaseModel], shape: Shape, meaning: str, words: Words) -> dict[str, Any]:
    """Describe what stands behind a key."""
    known = words.get((record, shape.key))
    described = _value(shape.hint) if known is None else _enumerated(known)
    if shape.record is not None:
        meaning = f"{meaning} Each: {_lowered(_summary(shape.record))}" if shape.many else meaning
    described |= _LIMITS.get((record, shape.key), {})
    if described.get("type") == "number":
        if shape.key in ("level", "orr_level"):
            described |= _FRACTION
        elif shape.key.endswith("percent"):
            described |= _PERCENT
    # What stands beside a reference is not read in this draft.
    return {"description": meaning} | ({"allOf": [described]} if "$ref" in described else described)


def _enumerated(words: Mapping[str, str]) -> dict[str, Any]:
    """Describe a choice of words, with their meanings for the editors that show them."""
    texts = list(words.values())
    return {
        "enum": list(words),
        "markdownEnumDescriptions": texts,
        "x-taplo": {"docs": {"enumValues": texts}},
    }


def _value(hint: Any) -> dict[str, Any]:
    """Describe the values of a type."""
    hint = plain(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        given = [item for item in arguments[1:] if isinstance(item, WithJsonSchema)]
        if given:
            return dict(given[0].json_schema or {})
        least = any(_is_at_least_one(item) for item in arguments[1:])
        return _value(arguments[0]) | ({"minItems": 1} if least else {})
    if origin in (Union, UnionType):
        return {"anyOf": [_value(item) for item in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return _list(arguments)
    if hint is bool:
        return {"type": "boolean"}
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return {"$ref": f"#/definitions/{hint.__name__}"}
    raise TypeError(f"no description of {hint}")


def _is_at_least_one(item: Any) -> bool:
    return isinstance(item, AfterValidator) and item.func is at_least_one


def _list(arguments: Iterable[Any]) -> dict[str, Any]:
    *items, last = arguments
    if last is Ellipsis:
        return {"type": "array", "items": _value(items[0])}
    described = [_value(item) for item in (*items, last)]
    size = len(described)
    return {"type": "array", "items": described, "minItems": size, "maxItems": size}
