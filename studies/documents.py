"""Studies as documents: TOML files, JSON of a whole registry, citations as BibTeX, a table.

The printed digits, the order and the style are kept: a file that is read and written again says the
same, ``2.0`` stays ``2.0`` and an absent key stays absent. Comments are no content, and are lost.

The JSON document is ``{"format": ..., "version": 1, "vocabulary": {...}, "studies": [...],
"excluded": [...]}``, whose tables are those of the files. In BibTeX accents stay as they are
(UTF-8); the signs that TeX takes for commands are escaped, except in addresses.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from studies import figures, responses, schema
from studies.figures import RESPONSE, surname
from studies.files import EXCLUDED_FILE, VOCABULARY_FILE, is_study_file
from studies.problems import Problem, RegistryError, model_in, repeats, show
from studies.registry import Registry
from studies.schema import NOT_REACHED, Citation, Cohort, Response, Study
from studies.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_FILE = "study.schema.json"
SHIPPED_SCHEMA = f"../{SCHEMA_FILE}"
WIDTH = 100

# Short records read better on one line than under a header of their own.
_ON_ONE_LINE = (
    *(schema.BrafStatus, schema.Characteristic, schema.ImpliedCount, schema.Judgement),
    schema.Patient,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# A line may end after blanks that a word follows, or after a line break of the text itself.
_CHUNK = re.compile(r"[^\n]*?(?: +(?=[^ \n])|\n)|[^\n]+")
_LONG_TEXT = 20

# --- The keys of a table --------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """One key of a table: `name` in the code, `key` in the file."""

    name: str
    key: str
    hint: Any
    """Type, with its annotations."""
    required: bool
    record: type[BaseModel] | None
    """Record that the key holds, alone or in a list."""
    many: bool
    """Whether it holds a list of records."""
    meaning: str
    examples: tuple[str, str, str]
    """What to write, what not, and why not, as declared."""


@cache
def shapes(model: type[BaseModel]) -> tuple[Shape, ...]:
    """Return the keys of a table, in the order of its record."""
    hints = get_type_hints(model, include_extras=True)
    return tuple(
        Shape(
            name,
            field.alias or name,
            hints[name],
            field.is_required(),
            record := model_in(hints[name]),
            record is not None and _is_list(hints[name]),
            field.description or "",
            tuple(field.examples or ("", "", "")),
        )
        for name, field in model.model_fields.items()
    )


def records_below(model: type[BaseModel]) -> tuple[type[BaseModel], ...]:
    """Return a record and every record that it holds, each once, outermost first."""
    records = [model]
    for record in records:  # grows while it is walked
        below = dict.fromkeys(shape.record for shape in shapes(record) if shape.record)
        records += [inner for inner in below if inner not in records]
    return tuple(records)


def plain(hint: Any) -> Any:
    """Return a type without the `None` that an optional key adds to it."""
    if get_origin(hint) is Annotated or type(None) not in get_args(hint):
        return hint
    left = [part for part in get_args(hint) if part is not type(None)]
    return left[0] if len(left) == 1 else hint


def _is_list(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return _is_list(get_args(hint)[0])
    return get_origin(hint) is tuple


# --- TOML -----------------------------------------------------------------------------------------


def tables_of(record: BaseModel) -> dict[str, Any]:
    """Return a record as the plain tables of its file, in its order, with numbers as `Decimal`.

    What is absent from the file is absent here; what the file says is here, even where it is what
    an absent key would mean.
    """
    tables = {}
    fields = type(record).model_fields
    for shape in shapes(type(record)):
        value = getattr(record, shape.name)
        written = shape.name in record.model_fields_set or value != fields[shape.name].default
        if value is not None and written:
            tables[shape.key] = _plain(value)
    return tables


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return tables_of(value)
        case Mapping():
            return {key: _plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_plain(entry) for entry in value]
    return value


def toml_of(tables: Mapping[str, Any], model: type[BaseModel] | None, schema: str = "") -> str:
    """Write plain tables in the style of the registry, sound or not."""
    lines = [f"#:schema {schema}", ""] if schema else []
    lines += _table_lines(tables, model, ())
    return "\n".join(lines).lstrip("\n") + "\n"


def _table_lines(
    tables: Mapping[str, Any], model: type[BaseModel] | None, path: tuple[str, ...]
) -> Iterator[str]:
    below = []
    # The document, and a table that no record describes, may hold tables of any name.
    loose = model is None or not path
    for key, value, inside in _in_order(tables, model):
        if _has_header(value, inside, loose=loose):
            below.append((key, value, inside))
        else:
            yield f"{bare(key)} = {_value(value, f'{bare(key)} = ', inside)}"
    for key, value, inside in below:
        here = (*path, key)
        name = ".".join(map(bare, here))
        for entry in value if isinstance(value, list) else [value]:
            yield from ("", f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            yield from _table_lines(entry, inside, here)


def _in_order(
    tables: Mapping[str, Any], model: type[BaseModel] | None
) -> Iterator[tuple[str, Any, type[BaseModel] | None]]:
    """Yield the entries of a table, with their records, in the order of its own record."""
    records = {} if model is None else {shape.key: shape.record for shape in shapes(model)}
    for key in [*(k for k in records if k in tables), *(k for k in tables if k not in records)]:
        yield key, tables[key], records.get(key)


def _has_header(value: Any, model: type[BaseModel] | None, *, loose: bool) -> bool:
    """Whether a value stands under a header of its own instead of behind its key."""
    entries = value if isinstance(value, list) else [value]
    if model in _ON_ONE_LINE or not entries or not (model is not None or loose):
        return False
    return all(isinstance(entry, dict) for entry in entries)


def bare(key: str) -> str:
    """Return a key as it is written: in quotation marks where it holds anything unusual."""
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


def _value(value: Any, before: str, model: type[BaseModel] | None) -> str:
    """Write a value behind its key, over several lines where one is too short for it."""
    line = _on_one_line(value, model)
    tables = isinstance(value, list) and any(isinstance(entry, dict) for entry in value)
    broken = isinstance(value, str) and "\n" in value
    if not tables and len(before) + len(line) <= WIDTH and not broken:
        return line
    match value:
        case str():
            return _folded(value, "") if len(_CHUNK.findall(value)) > 1 else line
        case list() if tables:
            entries = (_wide_table(entry, model, indent="  ") for entry in value)
            return "[\n" + "".join(f"  {entry},\n" for entry in entries) + "]"
        case list():
            entries = _packed(_on_one_line(entry, model) for entry in value)
            return "[\n" + "".join(f"    {entry}\n" for entry in entries) + "]"
    return _wide_table(value, model, indent="")


def _on_one_line(value: Any, model: type[BaseModel] | None) -> str:
    match value:
        case str():
            return _quoted(value)
        case list():
            return "[" + ", ".join(_on_one_line(entry, model) for entry in value) + "]"
        case dict():
            entries = (
                f"{bare(key)} = {_on_one_line(entry, inside)}"
                for key, entry, inside in _in_order(value, model)
            )
            return "{ " + ", ".join(entries) + " }" if value else "{}"
    return scalar(value)


def _wide_table(tables: Any, model: type[BaseModel] | None, indent: str) -> str:
    """Write a table on one line, the remark at its end folded where it would be too wide."""
    line = _on_one_line(tables, model)
    if len(indent) + len(line) < WIDTH or not isinstance(tables, dict):
        return line
    entries = []
    for place, (key, entry, inside) in enumerate(_in_order(tables, model), 1):
        remark = place == len(tables) and isinstance(entry, str) and len(entry) > _LONG_TEXT
        text = _folded(entry, indent + "  ") if remark else _on_one_line(entry, inside)
        entries.append(f"{bare(key)} = {text}")
    return "{ " + ", ".join(entries) + " }"


def _packed(entries: Iterable[str]) -> Iterator[str]:
    """Yield lines of as many entries as fit beside one another."""
    line = ""
    for entry in entries:
        if line and 4 + len(line) + len(entry) + 2 > WIDTH:
            yield line
            line = ""
        line += f"{' ' if line else ''}{entry},"
    yield line


def scalar(value: Any) -> str:
    """Write a number, a truth value or a date, to the printed digit; `TypeError` for others."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal() if not value.is_finite():
            return str(value).lower().replace("infinity", "inf")
        case Decimal() if value.is_zero() and str(value) == "-0":
            return "-0e0"  # without an exponent it would be read as a whole number, without sign
        case int() | float() | Decimal():
            return str(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
    raise TypeError(f"{value!r} cannot be written")


def _quoted(text: str) -> str:
    # JSON escapes a subset of what TOML does, but leaves the character 127 as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _folded(text: str, indent: str) -> str:
    """Write a text over several lines, each of which ends with a backslash."""
    chunks = [_chunk(match[0]) for match in _CHUNK.finditer(text)]
    lines, line = [], ""
    for place, chunk in enumerate(chunks):
        closing = 3 if place == len(chunks) - 1 else 1
        full = len(indent) + len(line) + len(chunk) + closing > WIDTH
        if line and (full or line.endswith("\\n")):
            lines.append(line)
            line = ""
        line += chunk
    lines.append(re.sub(r'"$', r"\"", line))
    return '"""\\\n' + "\\\n".join(indent + line for line in lines) + '"""'


def _chunk(text: str) -> str:
    """Escape a piece of a folded text; its leading blank would be lost after a backslash."""
    written = _quoted(text)[1:-1].replace('\\"', '"').replace('""', '"\\"')
    return "\\u0020" + written[1:] if written.startswith(" ") else written


# --- JSON -----------------------------------------------------------------------------------------

FORMAT, VERSION = "atc-studies", 1
_KEYS = ("format", "version", "vocabulary", "studies", "excluded")
# No study is nested half as deep; recursion over such tables is safe.
_DEEPEST = 40

Tables = dict[str, Any]


def export_json(registry: Registry) -> str:
    """Write a registry as one JSON document.

    Numbers have their printed digits, so that a reader must not take them for floats where the
    digits matter.
    """
    document = {"format": FORMAT, "version": VERSION, "vocabulary": tables_of(registry.vocabulary)}
    studies, excluded = (list(map(tables_of, part)) for part in (registry, registry.excluded))
    return json_of(document | {"studies": studies, "excluded": excluded}) + "\n"


def json_of(value: Any, indent: str = "") -> str:
    """Write a value as JSON: the standard library cannot write the digits of a `Decimal`."""
    inner = indent + "  "
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict() if value:
            entries = [
                f"{json.dumps(key, ensure_ascii=False)}: {json_of(entry, inner)}"
                for key, entry in value.items()
            ]
            return "{\n" + ",\n".join(inner + entry for entry in entries) + f"\n{indent}}}"
        case list() if any(isinstance(entry, dict | list) for entry in value):
            entries = [inner + json_of(entry, inner) for entry in value]
            return "[\n" + ",\n".join(entries) + f"\n{indent}]"
        case list():
            return "[" + ", ".join(json_of(entry) for entry in value) + "]"
        case dict():
            return "{}"
    return scalar(value)


def read_json(text: str, name: str = "registry.json") -> dict[str, Tables]:
    """Read what `export_json` writes: tables by file name, not yet checked as studies.

    `RegistryError` where it is no such document; `name` is that of its file, for the problems.
    """
    document = _parse_json(text.removeprefix("\ufeff"), name)
    if not isinstance(document, dict):
        expected = "a JSON object with the key studies"
        action = "give a file that was exported from a registry"
        raise RegistryError([Problem(name, "", show(document), expected, action)])
    problems = [*_document_problems(document, name)] or [*_value_problems(document, (), name)]
    if problems:
        raise RegistryError(problems)
    files = {VOCABULARY_FILE: document["vocabulary"]} if document.get("vocabulary") else {}
    if document.get("excluded"):
        files[EXCLUDED_FILE] = {"excluded": document["excluded"]}
    return files | {f"{tables['id']}.toml": tables for tables in document["studies"]}


def _parse_json(text: str, name: str) -> Any:
    """Parse JSON, keeping the digits of its numbers; whatever goes wrong becomes a problem."""

    def refused(mistake: str, line: int | None = None) -> RegistryError:
        action = "export the registry again, or correct the text"
        return RegistryError([Problem(name, "", mistake, "a JSON document", action, line)])

    def pairs(entries: list[tuple[str, Any]]) -> Tables:
        keys = [key for key, _ in entries]
        for place, _ in repeats(keys):
            raise refused(f"the key {show(keys[place])} twice in one object")
        return dict(entries)

    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=pairs)
    except RegistryError:
        raise
    except json.JSONDecodeError as error:
        mistake = f"malformed JSON, {error.msg[:1].lower()}{error.msg[1:]}"
        raise refused(mistake, error.lineno) from None
    except RecursionError:
        raise refused("lists nested too deep to read") from None
    except (ArithmeticError, ValueError):
        raise refused("a number too large to hold") from None


def _document_problems(document: Tables, name: str) -> Iterator[Problem]:
    for key in document:
        if key not in _KEYS:
            expected = f"the keys {', '.join(_KEYS)}"
            yield Problem(name, key, f"the unknown key {key}", expected, "remove or correct it")
    if document.get("format") != FORMAT:
        action = "give a file that was exported from a registry"
        yield Problem(name, "format", show(document.get("format")), show(FORMAT), action)
    if document.get("version") != VERSION or isinstance(document.get("version"), bool):
        action = "export the registry again with this version of the program"
        yield Problem(name, "version", show(document.get("version")), str(VERSION), action)
    if not isinstance(document.get("vocabulary", {}), dict):
        written = show(document["vocabulary"])
        yield Problem(name, "vocabulary", written, "an object", "correct it, or remove the key")
    for key, standing_in in (("studies", None), ("excluded", [])):
        entries = document.get(key, standing_in)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            yield Problem(name, key, show(entries), "a list of objects", "correct it")
            return
    yield from _id_problems(document["studies"], name)


def _id_problems(studies: list[Tables], name: str) -> Iterator[Problem]:
    """Yield the studies whose identifier is none, or that of another one."""
    seen: set[str] = set()
    for place, tables in enumerate(studies):
        study_id = tables.get("id")
        if not isinstance(study_id, str) or not is_study_file(f"{study_id}.toml"):
            expected, action = schema.AN_IDENTIFIER, "correct it"
        elif study_id in seen:
            expected, action = "an id that no other study has", "rename or remove one of the two"
        else:
            seen.add(study_id)
            continue
        yield Problem(name, f"studies[{place}].id", show(study_id), expected, action)


def _value_problems(value: Any, path: tuple[str | int, ...], name: str) -> Iterator[Problem]:
    """Yield the values of JSON that no study file can hold."""
    if len(path) > _DEEPEST:
        action = "export the registry again, or correct the text"
        yield Problem(name, "", "lists nested too deep to read", "a JSON document", action)
        return
    match value:
        case None:
            action = "remove the key: what is not printed is absent"
            yield Problem(name, _written(path), "null", "a value", action)
        case dict():
            for key, entry in value.items():
                yield from _value_problems(key, (*path, key), name)
                yield from _value_problems(entry, (*path, key), name)
        case list():
            for place, entry in enumerate(value):
                yield from _value_problems(entry, (*path, place), name)
        case float():
            yield Problem(name, _written(path), f"{value}", "a finite number", "correct it")
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            field = _written(path).encode("utf-8", "replace").decode("utf-8")
            half = "half of a character (a surrogate)"
            yield Problem(name, field, half, "text in Unicode", "correct it")


def _written(path: Iterable[str | int]) -> str:
    """Return a field path as TOML writes it, odd keys in quotation marks."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{bare(part)}" for part in path)
    return "".join(parts).removeprefix(".")


# --- Files ---------------------------------------------------------------------------------------


def file_texts(
    files: Mapping[str, Mapping[str, Any]], schema: str = SHIPPED_SCHEMA
) -> dict[str, str]:
    """Write tables as texts, by the name of their file.

    `schema` is where an editor finds the description of study files, relative to them.
    """
    texts = {}
    for name, tables in files.items():
        model = {VOCABULARY_FILE: Vocabulary, EXCLUDED_FILE: None}.get(name, Study)
        texts[name] = toml_of(tables, model, schema if model is Study else "")
    return texts


# --- BibTeX ---------------------------------------------------------------------------------------

_ESCAPES = {
    "\\": r"\textbackslash{}",
    # A brace alone, even behind a backslash, would never close for BibTeX.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
} | {sign: f"\\{sign}" for sign in "&%$#_"}
_OTHERS = re.compile(r"et al\.?|and others", re.IGNORECASE)
# 28(1):15-26, 2019:8218949, 10(2), (6):1028-1034; the volume or the number may be missing. A number
# alone may be a volume or a page.
_PLACE = re.compile(
    r"(?P<volume>\d+)?(?:\((?P<number>[^()]+)\))?(?::(?P<pages>[A-Za-z]*\d[\w-]*))?"
)
_PAGES = re.compile(r"[A-Za-z]?\d+-[A-Za-z]?\d+")


def bibtex(studies: Iterable[Study]) -> str:
    """Write the citations of studies as BibTeX, in the order of the identifiers.

    What was not seen is left out, and what still needs a look stands in the note.
    """
    return "\n".join(map(_entry, sorted(studies, key=lambda study: study.id)))


def _entry(study: Study) -> str:
    kind = "article" if study.citation.journal and study.citation.title else "misc"
    lines = [f"  {key} = {{{value}}},\n" for key, value in _fields(study) if value]
    return f"@{kind}{{{study.id},\n{''.join(lines)}}}\n"


def _fields(study: Study) -> Iterator[tuple[str, str | None]]:
    citation = study.citation
    place = _place(citation.volume_pages)
    yield "author", " and ".join(map(_author, citation.authors))
    # A second pair of braces keeps the capitals of names and abbreviations.
    title = citation.title or (None if citation.authors else citation.label)
    yield "title", f"{{{_escaped(title)}}}" if title else None
    yield "journal", _escaped(citation.journal)
    yield "year", None if citation.year is None else str(citation.year)
    for key in ("volume", "number", "pages"):
        yield key, place.get(key)
    yield "doi", _verbatim(citation.doi)
    yield "pmid", _escaped(citation.pmid)
    seen = next((source.url for source in study.sources if source.url), None)
    yield "url", None if citation.doi else _verbatim(seen)
    yield "note", _note(citation, parsed=bool(place))


def _author(author: str) -> str:
    if _OTHERS.fullmatch(author):
        return "others"
    family = surname(author)
    initials = author.replace(",", " ").split()[len(family.split()) :]
    if not initials:
        # Braces: a group of investigators is no person with given names.
        return f"{{{_escaped(family)}}}" if " " in family else _escaped(family)
    # BibTeX tells initials apart where they are written "K. B." for "KB".
    apart = (" ".join(f"{x}." for x in word) if word.isalpha() else word for word in initials)
    return f"{_escaped(family)}, {_escaped(' '.join(apart))}"


def _place(printed: str | None) -> dict[str, str]:
    """Return volume, number and pages, or nothing where they are written in another way."""
    match = _PLACE.fullmatch(printed or "")
    if match is None or (printed or "").isdigit():
        alone = _PAGES.fullmatch(printed or "")
        return {"pages": printed.replace("-", "--")} if alone else {}
    parts = {key: _escaped(value) for key, value in match.groupdict().items() if value}
    if _PAGES.fullmatch(match["pages"] or ""):
        parts["pages"] = parts["pages"].replace("-", "--")
    return parts


def _note(citation: Citation, *, parsed: bool) -> str:
    """Return what has no field of its own: a register, an odd volume, what was not verified."""
    register, unverified = citation.trial_registration, ", ".join(citation.unverified)
    parts = (
        None if parsed else citation.volume_pages,
        register and f"Trial registration: {register}",
        unverified and f"Not verified: {unverified}",
    )
    return _escaped(". ".join(filter(None, parts)))


def _verbatim(address: str | None) -> str:
    """Return an address as it is, since styles set it verbatim; braces and backslashes encoded."""
    return re.sub(r"[{}\\\s]", lambda match: f"%{ord(match[0]):02X}", address or "")


def _escaped(text: str | None) -> str:
    """Return a text in which TeX finds no commands, on one line."""
    words = " ".join((text or "").split())
    return "".join(_ESCAPES.get(character, character) for character in words)


# --- Table ----------------------------------------------------------------------------------------

_WHOLE = ("year", "n", "n_pure", "n_mixed", "events", "responders", "evaluable")
_FLOAT = ("median_months", "lower_months", "upper_months")
_OF_COHORT = (
    *("treatment_as_printed", "line", "time_origin", "time_origin_presumed"),
    *("n", "not_pooled", "caution"),
)
_FLAGS = ("time_origin_presumed", "median_not_reached", "upper_not_reached")
COLUMNS = (
    *("study_id", "cohort_id", "label", "year", "design", "countries", "disease"),
    *("treatment_class", "treatment", "treatment_as_printed", "line", "time_origin"),
    *("time_origin_presumed", "n", "n_pure", "n_mixed", "endpoint", "printed", *_FLOAT),
    *("median_not_reached", "upper_not_reached", "events", "landmarks", "responders"),
    *("evaluable", "derivation", "status", "formed_by", "not_pooled", "caution", "doi", "pmid"),
)


def csv_of(frame: pd.DataFrame) -> str:
    """Return a table as CSV. A text that a spreadsheet would take for a formula is quoted by '."""

    def marked(cell: Any) -> Any:
        return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@") else cell

    texts = {name: own.map(marked) for name, own in frame.items() if own.dtype.kind == "O"}
    return frame.assign(**texts).to_csv(index=False, lineterminator="\n")


def registry_frame(registry: Registry) -> pd.DataFrame:
    """Return a registry as a table with one row for each cohort and endpoint.

    Returns
    -------
    DataFrame
        Columns as in `COLUMNS`. Treatments and classes by label. ``printed`` is the figure exactly
        as printed; the columns in months are converted from it, missing where nothing is printed or
        not reached. ``responders`` of ``evaluable`` patients with their ``derivation``. Endpoints
        that a cohort prints for subgroups only have a row without figures, and a cohort that prints
        none has one row without an endpoint, so that no cohort is missing.
    """
    import pandas as pd

    pairs = ((study, cohort) for study in registry for cohort in study.cohorts)
    rows = [row for pair in pairs for row in _rows(*pair, registry)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    kinds = {name: "Int64" for name in _WHOLE} | {name: "float64" for name in _FLOAT}
    return frame.astype(kinds | {name: "boolean" for name in _FLAGS})


def _rows(study: Study, cohort: Cohort, registry: Registry) -> list[dict[str, Any]]:
    vocabulary = registry.vocabulary
    treatment = vocabulary.treatment(cohort.treatment)
    split, formed = cohort.histology, cohort.formed_by
    citation = study.citation
    common = {
        "study_id": study.id,
        "cohort_id": cohort.id,
        "label": registry.labels[study.id],
        "design": study.design,
        "countries": "; ".join(study.countries) or None,
        "disease": cohort.disease or vocabulary.main_disease,
        "treatment_class": vocabulary.treatment_class(treatment.class_).label,
        "treatment": treatment.label,
        "n_pure": split and split.pure,
        "n_mixed": split and split.mixed,
        "formed_by": formed and f"{formed.kind}: {formed.reason}",
    }
    common |= {name: getattr(cohort, name) for name in _OF_COHORT}
    common |= {name: getattr(citation, name) for name in ("year", "doi", "pmid")}
    return [
        common | {"endpoint": endpoint} | _figures(cohort, study, endpoint)
        for endpoint in figures.endpoints_of(cohort) or (None,)
    ]


def _figures(cohort: Cohort, study: Study, endpoint: str | None) -> dict[str, Any]:
    if endpoint is None:
        return {}
    if endpoint == RESPONSE:
        return {} if cohort.response is None else _response(cohort.response, cohort.n, study)
    outcome = figures.outcome_of(cohort, endpoint)
    landmarks = figures.landmarks_of(cohort, endpoint)
    printed = [*landmarks] if outcome is None else [outcome, *landmarks]
    statuses = dict.fromkeys(figures.figure_status(figure, study) for figure in printed)
    row: dict[str, Any] = {
        "landmarks": "; ".join(figures.printed_landmark(mark) for mark in landmarks) or None,
        "status": " and ".join(statuses) or None,
    }
    if outcome is None:
        return row
    times = (outcome.median, *(outcome.ci or ()))
    row |= {
        "printed": figures.printed_median(outcome),
        "events": outcome.events,
        "median_not_reached": outcome.median == NOT_REACHED,
        "upper_not_reached": None if outcome.ci is None else outcome.ci[1] == NOT_REACHED,
    }
    return row | {
        column: figures.in_months(time, outcome.unit)
        for column, time in zip(_FLOAT, times, strict=False)
        if isinstance(time, Decimal) and outcome.unit is not None
    }


def _response(response: Response, n: int | None, study: Study) -> dict[str, Any]:
    count = responses.responders(response, n)
    known = isinstance(count, responses.ResponseCount)
    return {
        "printed": printed_response(response),
        "responders": count.responders if known else None,
        "evaluable": count.evaluable if known else response.evaluable,
        "derivation": count.derivation if known else count.reason,
        "status": figures.figure_status(response, study),
    }


def printed_response(response: Response) -> str | None:
    """Return the response as printed: a count of the evaluable, or a rate."""
    rate, counted, cr, pr = response.orr_percent, response.responders, response.cr, response.pr
    if counted is None and pr is not None and (cr is not None or rate is None):
        counted = (cr or 0) + pr
    if counted is not None:
        return f"{counted}/{'?' if response.evaluable is None else response.evaluable}"
    if rate is None:
        return None
    limits = "" if response.orr_ci is None else f" ({response.orr_ci[0]}-{response.orr_ci[1]})"
    return f"{rate} %{limits}"
