"""What study files may hold, made from the records: JSON Schema, field guide and skeletons.

The schema is of draft 07, which TOML editors read. The field guide is the table of every key in
``studies/README.md``. The skeleton is the first draft of a study file: lines that begin with ``##``
explain, lines that begin with ``# `` are examples, sound as a whole when the mark is removed.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from studies import schema
from studies.documents import SCHEMA_FILE, WIDTH, Shape, plain, records_below, shapes, toml_of
from studies.files import is_study_file
from studies.problems import Problem, RegistryError, show
from studies.schema import AN_IDENTIFIER, NOT_STATED, Cohort, Study, Text
from studies.vocabulary import Vocabulary

Words = Mapping[tuple[type[BaseModel], str], Mapping[str, str]]


def words_of(vocabulary: Vocabulary) -> Words:
    """Return the words of every key that takes its words from the vocabulary, with meanings."""
    endpoints = {entry.id: f"{entry.label}: {entry.meaning}" for entry in vocabulary.endpoints}
    labels = {entry.id: entry.label for entry in vocabulary.classes}
    treatments = {
        entry.id: _sentences(
            f"{entry.label} ({labels.get(entry.class_, entry.class_)})",
            entry.meaning,
            entry.requires and f"Requires {entry.requires}",
        )
        for entry in vocabulary.treatments
    }
    return {
        (Study, "design"): dict(vocabulary.designs) | {NOT_STATED: "The design is not known."},
        (Cohort, "treatment"): treatments,
        (Cohort, "disease"): vocabulary.diseases,
        (Cohort, "line"): vocabulary.lines,
        (Cohort, "time_origin"): vocabulary.time_origins,
        (schema.SurvivalOutcome, "endpoint"): endpoints,
        (schema.Landmark, "endpoint"): endpoints,
    }


def _sentences(*parts: str | None) -> str:
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _summary(record: type[BaseModel]) -> str:
    return (record.__doc__ or "").splitlines()[0]


# --- JSON Schema ---------------------------------------------------------------------------------

_NOT_FOR_EDITORS = ("title", "default", "examples")


class _Generator(GenerateJsonSchema):
    ignored_warning_kinds: ClassVar = {"skipped-choice", "non-serializable-default"}


def study_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """Describe study files that use a vocabulary, as JSON Schema, draft 07."""
    raw = Study.model_json_schema(ref_template="#/definitions/{model}", schema_generator=_Generator)
    tables = {record.__name__: record for record in records_below(Study)}
    described = {name: raw if name == "Study" else raw["$defs"][name] for name in tables}
    words = words_of(vocabulary)
    definitions = {
        name: {
            "description": _summary(record),
            "type": "object",
            "properties": {
                shape.key: _property(shape, described[name], words.get((record, shape.key)))
                for shape in shapes(record)
            },
            "required": [shape.key for shape in shapes(record) if shape.required],
            "additionalProperties": False,
        }
        for name, record in tables.items()
    }
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Study file"}
    return head | definitions.pop("Study") | {"definitions": definitions}


def schema_text(vocabulary: Vocabulary) -> str:
    """Return the description of study files as the text of a JSON file."""
    return json.dumps(study_schema(vocabulary), ensure_ascii=False, indent=2) + "\n"


def _property(
    shape: Shape, table: Mapping[str, Any], words: Mapping[str, str] | None
) -> dict[str, Any]:
    """Describe what stands behind a key: an enumeration of words, or what pydantic says of it."""
    value = _draft_07(table["properties"][shape.key])
    meaning = value.pop("description")
    if shape.many:
        meaning = f"{meaning} Each: {_lowered(_summary(shape.record))}"
    if words is not None:
        texts = list(words.values())
        value = {
            "enum": list(words),
            "markdownEnumDescriptions": texts,
            "x-taplo": {"docs": {"enumValues": texts}},
        }
    # What stands beside a reference is not read in this draft.
    return {"description": meaning} | ({"allOf": [value]} if "$ref" in value else value)


def _draft_07(node: Any) -> Any:
    """Return a part of a schema without what is no fact of the file, pairs as draft 07 has them."""
    if isinstance(node, list):
        return [_draft_07(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    here = {key: _draft_07(value) for key, value in node.items() if key not in _NOT_FOR_EDITORS}
    choices = [choice for choice in here.pop("anyOf", []) if choice != {"type": "null"}]
    here = (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {}) | here
    if "prefixItems" in here:
        here["items"] = here.pop("prefixItems")
    if "enum" in here or "const" in here:
        here.pop("type", None)
    return here


def _lowered(sentence: str) -> str:
    """Return a sentence as it stands after a colon; abbreviations keep their capitals."""
    return sentence[0].lower() + sentence[1:] if sentence[1:2].islower() else sentence


# --- Field guide ---------------------------------------------------------------------------------


# Kinds of value: in words, the mistake that is made most often, and why it is one.
_Kind = tuple[str, str, str]
_NUMBER = ("number", '"3.1"', "a number stands without quotation marks")
_REACHED_PAIR = 'two numbers, lower first; the second may be "not reached"'
_UPPER = "only the upper limit can be not reached"
_KINDS: tuple[tuple[Any, _Kind], ...] = (
    (Text, ("text", "7", "a text stands in quotation marks")),
    *((number, _NUMBER) for number in (schema.Printed, schema.Fraction, schema.Percent)),
    (schema.Reached, ('number, or "not reached"', '"NR"', 'write "not reached"')),
    (schema.PrintedPair, ("two numbers, lower first", '"1.0-2.5"', "two numbers in brackets")),
    (schema.ReachedPair, (_REACHED_PAIR, '["not reached", 5.5]', _UPPER)),
    (schema.PrintedOrText, ("number or text", "true", "write what is printed")),
    (schema.Count, ("whole number, 0 or more", "2.0", "a count has no decimal point")),
    (schema.PatientCount, ("whole number, 1 or more", "0", "leave it out when it is not printed")),
    (schema.CountsByName, ("counts by name", "3", "each count has a name")),
    (bool, ("true or false", '"yes"', "write true or false, without quotation marks")),
    (tuple[Text, ...], ("list of texts", '"one"', "a list stands in brackets")),
    (tuple[tuple[Text, Text], ...], ("list of pairs of texts", '["arm_1"]', "two in each")),
)


def example(record: type[BaseModel], shape: Shape) -> tuple[str, str, str]:
    """Return what to write behind a key (TOML), what not, and why the second is refused."""
    good, bad, why = shape.examples
    if not good:
        header = f"{next(_places(record)).strip('[]')}.{shape.key}".removeprefix(".")
        header = f"[[{header}]]" if shape.many else f"[{header}]"
        return header, f'{shape.key} = "..."', "its keys stand below a header of their own"
    return (good, bad, why) if bad else (good, *_kind(shape)[1:])


def _kind(shape: Shape) -> _Kind:
    hint = plain(shape.hint)
    hint = bool if get_args(hint)[:1] == (bool,) else hint
    if get_origin(hint) is Literal:
        choices = ", ".join(str(word) for word in get_args(hint))
        return f"one of {choices}", '"other"', "one of these"
    return next(kind for known, kind in _KINDS if hint == known)


def type_words(shape: Shape) -> str:
    """Return the type of a key in words, for instance "two numbers, lower first"."""
    if shape.record is None:
        return _kind(shape)[0]
    return "tables" if shape.many else "table"


def field_guide() -> str:
    """Return the reference of every key, in Markdown: one section with a table for each record."""
    return "\n".join(line for record in records_below(Study) for line in _section(record))


def _section(record: type[BaseModel]) -> Iterator[str]:
    first, *others = _places(record)
    yield f"### `{first}`" if first else "### Top of the file"
    yield ""
    also = ", ".join(f"`{place}`" for place in others)
    yield _summary(record) + (f" Also as {also}." if also else "")
    yield ""
    yield "| key | type | meaning | write | not | because |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for shape in shapes(record):
        good, bad, why = example(record, shape)
        name = f"**`{shape.key}`**" if shape.required else f"`{shape.key}`"
        cells = (name, type_words(shape), shape.meaning, f"`{good}`", f"`{bad}`", why)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _places(
    record: type[BaseModel], inside: type[BaseModel] = Study, path: str = ""
) -> Iterator[str]:
    """Yield the headers or keys behind which a record stands; empty: the top of the file."""
    if record is inside is Study:
        yield ""
    for shape in shapes(inside):
        if shape.record is not None:
            here = f"{path}.{shape.key}".removeprefix(".")
            if shape.record is record:
                yield f"[[{here}]]" if shape.many else f"[{here}]"
            yield from _places(record, shape.record, here)


# --- Skeleton ------------------------------------------------------------------------------------

_HOW = """\
How to fill this in. Lines with ## explain. Lines with a single # are examples: remove the "# " and
write what the report prints, or leave the line as it is. What the report does not print stays out:
absent is not zero. Numbers keep their printed digits (2.0 is not 2) and their unit; words and texts
stand in "quotation marks". Then: atc studies check {id}.toml"""
# Keys that go with some figures only: they are explained, with an example that stays out.
_ASIDE = (
    *("ci_method", "iqr", "range", "label", "note", "n_implied", "part_of", "digitised"),
    *("time_origin_presumed", "read_as", "formed_by", "not_pooled", "caution", "group"),
    *("unverified", "longer", "treatments"),
)


def skeleton(
    study_id: str, vocabulary: Vocabulary, *, arms: int = 1, schema: str = f"./{SCHEMA_FILE}"
) -> str:
    """Return the first draft of a study file: TOML that no check accepts until it is filled in.

    Its comments list the words of the vocabulary; `schema` is where an editor finds the description
    of study files, relative to the file. `RegistryError` for an identifier that is none.
    """
    if not is_study_file(f"{study_id}.toml"):
        action = "give for example the first author and the year, such as sparano2021"
        problem = Problem(f"{study_id}.toml", "id", show(study_id), AN_IDENTIFIER, action)
        raise RegistryError([problem])
    draft = _Draft(vocabulary, study_id)
    lines = [f"#:schema {schema}", "", *_explained(_HOW.format(id=study_id)), ""]
    lines += [f'id = "{study_id}"', *_explained("The name of this file without .toml."), ""]
    lines += draft.keys(Study)
    for shape in shapes(Study):
        if shape.record is Cohort:
            for number in range(1, arms + 1):
                lines += draft.arm(number)
        elif shape.record is not None:
            lines += draft.table(shape, shape.key)
    return "\n".join(lines) + "\n"


class _Draft:
    def __init__(self, vocabulary: Vocabulary, study_id: str) -> None:
        self._vocabulary, self._words = vocabulary, words_of(vocabulary)
        self._listed: list[Any] = []  # what was explained once is not explained again
        year = re.search(r"(?:19|20)\d\d", study_id)
        first = next((entry.id for entry in vocabulary.treatments), "a word of vocabulary.toml")
        self._examples = {
            (schema.Citation, "year"): year[0] if year else "2021",
            (Study, "design"): f'"{next(iter(vocabulary.designs), NOT_STATED)}"',
            (Cohort, "treatment"): f'"{first}"',
        }

    def arm(self, number: int) -> Iterator[str]:
        """Yield an arm: the first with everything that an arm can have, the others in short."""
        yield from ("", *_explained(f"--- Arm {number}: {_lowered(_summary(Cohort))}"), "")
        yield "[[cohorts]]"
        self._examples[Cohort, "id"] = f'"arm_{number}"'
        if number > 1:
            yield from _explained("Written as arm 1; every section of it may be used here too.")
            short = ("id", "treatment", "treatment_as_printed", "n")
            for shape in shapes(Cohort):
                if shape.key in short:
                    yield f"# {shape.key} = {self._example(Cohort, shape)}"
            return
        yield from self.keys(Cohort)
        for shape in shapes(Cohort):
            if shape.record is not None and not shape.examples[0]:
                yield from self.table(shape, f"cohorts.{shape.key}")

    def table(self, shape: Shape, header: str) -> Iterator[str]:
        """Yield a table below a header, which stays out where the vocabulary has no word for it."""
        record = shape.record
        if self._words.get((record, "endpoint")) == {}:
            return
        required = " Required." if shape.required else ""
        yield from ("", *_explained(f"--- {header}: {_lowered(shape.meaning)}{required}"))
        mark = "##  " if record is schema.Acknowledgement else "#"
        yield f"{mark} [[{header}]]" if shape.many else f"{mark} [{header}]"
        yield from self.keys(record, mark=mark)
        if record is schema.Subgroup:
            tables = [f"[[{header}.survival]]", f"[[{header}.landmarks]]", f"[{header}.response]"]
            yield from _explained(f"Figures are written as those of the arm: {', '.join(tables)}.")

    def keys(self, record: type[BaseModel], mark: str = "#") -> Iterator[str]:
        """Yield the keys of a table but that of the study, each explained and with its example."""
        for shape in shapes(record):
            if (record, shape.key) == (Study, "id") or not shape.examples[0]:
                continue
            required = "Required. " if shape.required and record is not Study else ""
            yield from _explained(f"{shape.key}: {required}{shape.meaning}", hang=True)
            words = self._words.get((record, shape.key))
            if record is Cohort and shape.key == "treatment":
                yield from self._treatments()
            elif words is not None and words not in self._listed:
                self._listed.append(words)
                yield from _listed(words)
            elif get_origin(plain(shape.hint)) is Literal:
                yield f"##   {type_words(shape)}"
            elif shape.record is not None and shape.record not in self._listed:
                self._listed.append(shape.record)
                yield from _listed({s.key: s.meaning for s in shapes(shape.record)})
            shown = self._example(record, shape)
            if words != {}:
                aside = shape.key in _ASIDE or (shape.key == "status" and record is not Study)
                yield f"{'##  ' if aside else mark} {shape.key} = {shown}"

    def _example(self, record: type[BaseModel], shape: Shape) -> str:
        """Return what to write behind a key, a word of the vocabulary where it needs one."""
        words = self._words.get((record, shape.key))
        given = self._examples.get((record, shape.key), shape.examples[0])
        if words and given.strip('"') not in words:
            return f'"{next(iter(words))}"'
        return given

    def _treatments(self) -> Iterator[str]:
        for group in sorted(self._vocabulary.classes, key=lambda group: group.order):
            names = [entry.id for entry in self._vocabulary.treatments if entry.class_ == group.id]
            if names:
                yield from _listed({group.label: ", ".join(names)})


def _listed(words: Mapping[str, str]) -> Iterator[str]:
    for word, meaning in words.items():
        yield from _wrapped(f"{word}: {meaning}", "##   ", "##     ")


def _explained(text: str, *, hang: bool = False) -> Iterator[str]:
    return _wrapped(text, "## ", "##   " if hang else "## ")


def _wrapped(text: str, first: str, later: str) -> Iterator[str]:
    yield from textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


# --- Vocabulary ----------------------------------------------------------------------------------

_EXAMPLES = 'Lines with ## explain. A # alone marks an example: remove the "# " and write your own.'
_ADDING = f"""\
Words that study files beside this one may use besides the shipped words, none of which may change
its meaning. {_EXAMPLES}"""
_ALONE = f"""\
The words of a registry of another disease: study files beside this one may use these and no others.
priors.toml, in the same folder, holds what was believed of the disease. {_EXAMPLES}"""
_CLASS = """
# [[classes]]
# id = "my_class"
# label = "My class"         ## what tables and figures print
# role = "systemic"          ## or supportive; local and mixed ones describe the background
# order = 10                 ## place in tables and figures"""
_TREATMENT = """
# [[treatments]]
# id = "my_drug"             ## as treatment = "my_drug" in study files and --treatment
# label = "My drug"
# class = "my_class"         ## id of a class
# synonyms = ["MD-101"]      ## may be left out
# requires = "RET fusion"    ## only where the tumour must carry an alteration"""
_DISEASE = """
# disease = "BTC"                    ## of every cohort that names none
# subject = "biliary tract cancer"   ## the same in titles and sentences

[diseases]
# BTC = "Biliary tract cancer, by the report's own words.\""""
_HISTOLOGIES = """
# [histologies]
# pure = "..."
# mixed = "..."
"""
#: Words that the analysis knows: endpoints that it pools, and what it adjusts for.
_POOLED, _ADJUSTED = ("os", "pfs", "response"), ("designs", "lines", "time_origins")


def vocabulary_skeleton(shipped: Vocabulary, *, alone: bool) -> str:
    """Return the first draft of a vocabulary: of another disease, or of words that are added.

    One that adds to the shipped words is sound as it stands; the other is refused until a disease,
    classes and treatments are filled in.
    """
    lines = [*_explained(_ALONE if alone else _ADDING)]
    lines += [_DISEASE] if alone else ["", "extends = true"]
    lines += ["", *_explained("--- Classes of treatment")]
    if not alone:
        lines += _explained("Needed where none of the shipped ones fits:")
        lines += _listed({entry.id: entry.label for entry in shipped.classes})
    lines += [_CLASS, "", *_explained("--- Treatments"), _TREATMENT]
    if not alone:
        return "\n".join(lines) + "\n"
    lines += ["", *_explained("--- Endpoints that are pooled, and words that are adjusted for.")]
    keys = ("id", "label", "meaning")
    endpoints = [{k: getattr(shipped.endpoint(name), k) for k in keys} for name in _POOLED]
    words = {table: dict(getattr(shipped, table)) for table in _ADJUSTED}
    lines += ["", toml_of({"endpoints": endpoints} | words, None)]
    lines += _explained("Where tumours are pure, or mixed with a part of another kind:")
    return "\n".join(lines) + _HISTOLOGIES
