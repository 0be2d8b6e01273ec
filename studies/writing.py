"""From a record to the text of its file: the printed digits, the order and the style are kept.

A file that is read and written again says the same: ``2.0`` stays ``2.0``, an absent key stays
absent. Comments are no content, and are not kept.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from studies.outcomes import Characteristic, Patient
from studies.record_fields import Shape, shapes
from studies.schema import BrafStatus, ImpliedCount, Study

SCHEMA_FILE = "study.schema.json"
SHIPPED_SCHEMA = f"../{SCHEMA_FILE}"
WIDTH = 100

# Short records read better on one line than under a header of their own.
_ON_ONE_LINE = frozenset({BrafStatus, Characteristic, ImpliedCount, Patient})
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# A line may end after blanks that a word follows, or after a line break of the text itself.
_CHUNK = re.compile(r"[^\n]*?(?: +(?=[^ \n])|\n)|[^\n]+")
_LONG_TEXT = 20


def tables_of(record: BaseModel) -> dict[str, Any]:
    """Return a record as the plain tables of its file.

    Parameters
    ----------
    record : Record
        A study, a vocabulary, or any part of one.

    Returns
    -------
    dict
        Keys as written in the file, in the order of the record; printed numbers as `Decimal`. What
        is absent from the file is absent here; what the file says is here, even where it is what
        an absent key would mean.
    """
    found = {}
    fields = type(record).model_fields
    for shape in shapes(type(record)):
        value = getattr(record, shape.name)
        said = shape.name in record.model_fields_set or value != fields[shape.name].default
        if value is not None and said:
            found[shape.key] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return tables_of(value)
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value


def to_toml(study: Study, *, heading: str = "", schema: str = SHIPPED_SCHEMA) -> str:
    """Write a study as the text of its file.

    Parameters
    ----------
    study : Study
        The study.
    heading : str
        A line that says what the report is; written as a comment.
    schema : str
        Where an editor finds the description of study files, relative to the file; empty: no such
        line.

    Returns
    -------
    str
        TOML, which reads back as an equal study with the same digits.
    """
    return toml_of(tables_of(study), Study, heading=heading, schema=schema)


def toml_of(
    tables: Mapping[str, Any],
    model: type[BaseModel] | None,
    *,
    heading: str = "",
    schema: str = "",
) -> str:
    """Write plain tables in the style of the registry, sound or not.

    Parameters
    ----------
    tables : mapping
        Tables of a file, whose keys need not be those of `model`.
    model : type or None
        Record whose order and layout they follow; unknown keys stand at the end.
    heading, schema
        As in `to_toml`.

    Returns
    -------
    str
        TOML.
    """
    lines = [f"#:schema {schema}", ""] if schema else []
    lines += [f"# {line}" for line in heading.splitlines()] + [""] if heading else []
    lines += _table_lines(tables, model, ())
    return "\n".join(lines).lstrip("\n") + "\n"


# --- Tables --------------------------------------------------------------------------------------


def _table_lines(
    tables: Mapping[str, Any], model: type[BaseModel] | None, path: tuple[str, ...]
) -> Iterator[str]:
    """Yield the lines of a table: its values, then the tables below it."""
    below = []
    for key, value, shape in _in_order(tables, model):
        inside = None if shape is None else shape.record
        loose = model is None or not path  # a table that no record describes, or the document
        if _has_header(value, inside, loose=loose):
            below.append((key, value, inside))
        else:
            yield f"{bare(key)} = {_value(value, f'{bare(key)} = ', inside)}"
    for key, value, inside in below:
        here = (*path, key)
        name = ".".join(map(bare, here))
        for entry in value if isinstance(value, list) else [value]:
            yield ""
            yield f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            yield from _table_lines(entry, inside, here)


def _in_order(
    tables: Mapping[str, Any], model: type[BaseModel] | None
) -> Iterator[tuple[str, Any, Shape | None]]:
    """Yield the entries of a table in the order of its record, unknown keys at the end."""
    known = {} if model is None else {shape.key: shape for shape in shapes(model)}
    for key in [*(k for k in known if k in tables), *(k for k in tables if k not in known)]:
        yield key, tables[key], known.get(key)


def _has_header(value: Any, model: type[BaseModel] | None, *, loose: bool) -> bool:
    """Whether a value stands under a header of its own instead of behind its key."""
    entries = value if isinstance(value, list) else [value]
    if model in _ON_ONE_LINE or not entries:
        return False
    if not all(isinstance(entry, dict) for entry in entries):
        return False
    return model is not None or loose


def bare(key: str) -> str:
    """Return a key as it is written: in quotation marks where it holds anything unusual."""
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


# --- Values --------------------------------------------------------------------------------------


def _value(value: Any, before: str, model: type[BaseModel] | None) -> str:
    """Write a value behind its key, over several lines where one is too short for it."""
    line = _on_one_line(value, model)
    entries = isinstance(value, list) and any(isinstance(item, dict) for item in value)
    if not entries and len(before) + len(line) <= WIDTH and not _has_line_break(value):
        return line
    if isinstance(value, str):
        return _folded(value, "") if len(_CHUNK.findall(value)) > 1 else line
    if isinstance(value, list):
        items = [_on_one_line(item, model) for item in value]
        if entries:
            items = [
                _wide_table(item, model, indent="  ") if isinstance(item, dict) else text
                for item, text in zip(value, items, strict=True)
            ]
            return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
        return "[\n" + "".join(f"    {line}\n" for line in _packed(items)) + "]"
    return _wide_table(value, model, indent="") if isinstance(value, dict) else line


def _on_one_line(value: Any, model: type[BaseModel] | None) -> str:
    match value:
        case str():
            return _quoted(value)
        case list():
            return "[" + ", ".join(_on_one_line(item, model) for item in value) + "]"
        case dict():
            entries = [
                f"{bare(key)} = {_on_one_line(item, None if shape is None else shape.record)}"
                for key, item, shape in _in_order(value, model)
            ]
            return "{ " + ", ".join(entries) + " }" if entries else "{}"
    return scalar(value)


def _wide_table(tables: dict[str, Any], model: type[BaseModel] | None, indent: str) -> str:
    """Write a table on one line, the remark at its end folded where it would be too wide."""
    line = _on_one_line(tables, model)
    if len(indent) + len(line) < WIDTH:
        return line
    entries = []
    for place, (key, item, shape) in enumerate(_in_order(tables, model), 1):
        remark = place == len(tables) and isinstance(item, str) and len(item) > _LONG_TEXT
        text = (
            _folded(item, indent + "  ")
            if remark
            else _on_one_line(item, None if shape is None else shape.record)
        )
        entries.append(f"{bare(key)} = {text}")
    return "{ " + ", ".join(entries) + " }"


def _packed(items: Iterable[str]) -> Iterator[str]:
    """Yield lines of as many items as fit beside one another."""
    line = ""
    for item in items:
        if line and 4 + len(line) + len(item) + 2 > WIDTH:
            yield line
            line = ""
        line += f"{' ' if line else ''}{item},"
    yield line


def scalar(value: Any) -> str:
    """Write a number, a truth value or a date, to the printed digit.

    Parameters
    ----------
    value : Decimal, int, float, bool, date or time
        The value.

    Returns
    -------
    str
        TOML; for numbers that are finite also JSON.

    Raises
    ------
    TypeError
        Where it is none of these.
    """
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


# --- Texts ---------------------------------------------------------------------------------------


def _has_line_break(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


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
