"""A whole registry as one document: everything out, everything in, to the printed digit.

JSON is one document, ``{"format": ..., "version": 1, "vocabulary": {...}, "studies": [...],
"excluded": [...]}``, whose tables are those of the files. CSV has one row for each figure, word or
text: ``file,field,kind,value``, the field as in messages (``cohorts[0].survival[1].ci[0]``).
Printed numbers are written with their digits in both. A spreadsheet drops the zeros of such numbers
when it saves a CSV: read an export with it, but do not import what it saved.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from studies.arms_table import studies_from_arms
from studies.csv_rows import read_csv_table
from studies.exchange_csv import (
    COLUMNS,
    DEEPEST,
    FILE_NAME,
    csv_of,
    tables_from_rows,
    written_path,
)
from studies.folders import EXCLUDED_FILE, VOCABULARY_FILE
from studies.problems import Problem, RegistryError, show
from studies.registry import Registry
from studies.schema import Study
from studies.vocabulary import Vocabulary, load_vocabulary
from studies.writing import SHIPPED_SCHEMA, scalar, tables_of, toml_of

FORMAT, VERSION = "atc-studies", 1
_KEYS = ("format", "version", "vocabulary", "studies", "excluded")
_PREFIX = ".unfinished-"

Kind = Literal["json", "csv"]


@dataclass(frozen=True)
class Exchange:
    """Tables that came out of a document, not yet checked as studies.

    Attributes
    ----------
    files : mapping of str to dict
        Tables by the name of the file that they belong into: ``vocabulary.toml``,
        ``excluded.toml`` and one for each study; printed numbers as `Decimal`.
    """

    files: Mapping[str, dict[str, Any]]


def registry_files(registry: Registry) -> dict[str, dict[str, Any]]:
    """Return everything that a registry holds, as the tables of its files.

    Parameters
    ----------
    registry : Registry
        The registry.

    Returns
    -------
    dict
        Tables by the name of the file: the vocabulary, the reports left out, and the studies.
    """
    files = {VOCABULARY_FILE: tables_of(registry.vocabulary)}
    excluded = [tables_of(item) for item in getattr(registry, "excluded", ())]
    if excluded:
        files[EXCLUDED_FILE] = {"excluded": excluded}
    return files | {f"{study.id}.toml": tables_of(study) for study in registry}


def export_json(registry: Registry) -> str:
    """Write a registry as one JSON document.

    Parameters
    ----------
    registry : Registry
        The registry.

    Returns
    -------
    str
        JSON; numbers have their printed digits, so that a reader must not take them for floats
        where the digits matter.
    """
    files = registry_files(registry)
    vocabulary = files.pop(VOCABULARY_FILE)
    excluded = files.pop(EXCLUDED_FILE, {"excluded": []})
    document = {"format": FORMAT, "version": VERSION, "vocabulary": vocabulary}
    return json_of(document | {"studies": list(files.values())} | excluded) + "\n"


def json_of(value: Any, indent: str = "") -> str:
    """Write a value as JSON: the standard library cannot write the digits of a `Decimal`.

    Parameters
    ----------
    value : dict, list, str, int, bool or Decimal
        The value.
    indent : str
        Blanks before each of its lines but the first.

    Returns
    -------
    str
        JSON.
    """
    inner = indent + "  "
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict() if value:
            entries = [
                f"{json.dumps(key, ensure_ascii=False)}: {json_of(item, inner)}"
                for key, item in value.items()
            ]
            return "{\n" + ",\n".join(inner + entry for entry in entries) + f"\n{indent}}}"
        case list() if any(isinstance(item, dict | list) for item in value):
            entries = [inner + json_of(item, inner) for item in value]
            return "[\n" + ",\n".join(entries) + f"\n{indent}]"
        case list():
            return "[" + ", ".join(json_of(item) for item in value) + "]"
        case dict():
            return "{}"
    return scalar(value)


def export_csv(registry: Registry) -> str:
    """Write a registry as CSV, one row for each figure, word or text.

    Parameters
    ----------
    registry : Registry
        The registry.

    Returns
    -------
    str
        CSV as RFC 4180 has it; write it without translating line ends.
    """
    return csv_of(registry_files(registry))


# --- Reading -------------------------------------------------------------------------------------


def read_json(text: str, name: str = "registry.json") -> Exchange:
    """Read what `export_json` writes.

    Parameters
    ----------
    text : str
        The document.
    name : str
        Name of its file, for the problems.

    Returns
    -------
    Exchange
        The tables, not yet checked as studies.

    Raises
    ------
    RegistryError
        Where it is no such document.
    """
    document = _parse_json(text.removeprefix("\ufeff"), name)
    if not isinstance(document, dict):
        found, expected = show(document), "a JSON object with the key studies"
        action = "give a file that was exported from a registry"
        raise RegistryError([Problem(name, "", found, expected, action)])
    problems = [*_document_problems(document, name)] or [*_value_problems(document, (), name)]
    if problems:
        raise RegistryError(problems)
    files = {VOCABULARY_FILE: document["vocabulary"]} if document.get("vocabulary") else {}
    if document.get("excluded"):
        files[EXCLUDED_FILE] = {"excluded": document["excluded"]}
    return Exchange(files | {f"{tables['id']}.toml": tables for tables in document["studies"]})


class _TwiceError(ValueError):
    """A key that stands twice in one object."""


def _parse_json(text: str, name: str) -> Any:
    """Parse JSON, keeping the digits of its numbers; whatever goes wrong becomes a problem."""

    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        tables = dict(entries)
        if len(tables) < len(entries):
            keys = [key for key, _ in entries]
            raise _TwiceError(next(key for key in keys if keys.count(key) > 1))
        return tables

    line = None
    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        found, line = f"malformed JSON, {error.msg[:1].lower()}{error.msg[1:]}", error.lineno
    except _TwiceError as error:
        found = f"the key {show(str(error))} twice in one object"
    except RecursionError:
        found = "lists nested too deep to read"
    except (ArithmeticError, ValueError):
        found = "a number too large to hold"
    action = "export the registry again, or correct the text"
    raise RegistryError([Problem(name, "", found, "a JSON document", action, line)])


def _document_problems(document: dict[str, Any], name: str) -> Iterator[Problem]:
    """Yield what is wrong with the outermost object."""
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
        found = show(document["vocabulary"])
        yield Problem(name, "vocabulary", found, "an object", "correct it, or remove the key")
    for key, standing_in in (("studies", None), ("excluded", [])):
        entries = document.get(key, standing_in)
        if not isinstance(entries, list) or not all(isinstance(item, dict) for item in entries):
            yield Problem(name, key, show(entries), "a list of objects", "correct it")
            return
    yield from _id_problems(document["studies"], name)


def _id_problems(studies: list[dict[str, Any]], name: str) -> Iterator[Problem]:
    """Yield the studies whose identifier is none, or that of another one."""
    seen: set[str] = set()
    for place, tables in enumerate(studies):
        study_id = tables.get("id")
        field = f"studies[{place}].id"
        if not isinstance(study_id, str) or not _is_study_file(f"{study_id}.toml"):
            expected, action = "an identifier of letters, digits, and _ . + -", "correct it"
            yield Problem(name, field, show(study_id), expected, action)
        elif study_id in seen:
            expected, action = "an id that no other study has", "rename or remove one of the two"
            yield Problem(name, field, show(study_id), expected, action)
        else:
            seen.add(study_id)


def _is_study_file(name: str) -> bool:
    special = name in (VOCABULARY_FILE, EXCLUDED_FILE)
    return FILE_NAME.fullmatch(name) is not None and not special


def _value_problems(value: Any, path: tuple[str | int, ...], name: str) -> Iterator[Problem]:
    """Yield the values of JSON that no study file can hold."""
    if len(path) > DEEPEST:
        action = "export the registry again, or correct the text"
        yield Problem(name, "", "lists nested too deep to read", "a JSON document", action)
        return
    match value:
        case None:
            action = "remove the key: what is not printed is absent"
            yield Problem(name, written_path(path), "null", "a value", action)
        case dict():
            for key, item in value.items():
                yield from _value_problems(key, (*path, key), name)
                yield from _value_problems(item, (*path, key), name)
        case list():
            for place, item in enumerate(value):
                yield from _value_problems(item, (*path, place), name)
        case float():
            found, expected = f"{value}", "a finite number"
            yield Problem(name, written_path(path), found, expected, "correct it")
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            found, expected = "half of a character (a surrogate)", "text in Unicode"
            field = written_path(path).encode("utf-8", "replace").decode("utf-8")
            yield Problem(name, field, found, expected, "correct it")


def read_csv(text: str, name: str = "registry.csv") -> Exchange:
    """Read what `export_csv` writes.

    Parameters
    ----------
    text : str
        The table.
    name : str
        Name of its file, for the problems.

    Returns
    -------
    Exchange
        The tables, not yet checked as studies.

    Raises
    ------
    RegistryError
        With every row that cannot be read.
    """
    return Exchange(tables_from_rows(read_csv_table(text, name), name))


def import_records(
    text: str, kind: Kind, *, name: str = "", vocabulary: Vocabulary | None = None
) -> Exchange:
    """Read a document of any kind that studies can be imported from.

    Parameters
    ----------
    text : str
        The document.
    kind : {"json", "csv"}
        What it is. A CSV whose header names arms instead of fields is read by
        `studies.arms_table`.
    name : str
        Name of its file, for the problems.
    vocabulary : Vocabulary or None
        Words that a table of arms may use; None: those of the shipped registry.

    Returns
    -------
    Exchange
        The tables, not yet checked as studies.

    Raises
    ------
    RegistryError
        With everything that cannot be read.
    """
    name = name or f"registry.{kind}"
    if kind == "json":
        return read_json(text, name)
    table = read_csv_table(text, name)
    if len(set(COLUMNS) & set(table.columns)) > 1:
        return Exchange(tables_from_rows(table, name))
    return Exchange(studies_from_arms(text, name, vocabulary or load_vocabulary()))


# --- Files ---------------------------------------------------------------------------------------


def write_files(
    files: Mapping[str, Mapping[str, Any]] | Exchange,
    folder: Path | str,
    *,
    schema: str = SHIPPED_SCHEMA,
) -> tuple[Path, ...]:
    """Write one TOML file for each table into a new or empty folder: all of them, or none.

    Parameters
    ----------
    files : mapping of str to mapping, or Exchange
        Tables by the name of their file.
    folder : Path or str
        The folder; made where it does not exist. Hidden files in it are left alone.
    schema : str
        Where an editor finds the description of study files, relative to the files.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    RegistryError
        Where the folder holds files already, or cannot be written.
    """
    if isinstance(files, Exchange):
        files = files.files
    folder = Path(folder)
    texts = {name: _text_of(name, tables, schema) for name, tables in files.items()}
    for name in texts:
        if not FILE_NAME.fullmatch(name):
            expected, action = "the name of a study file, such as sparano2021.toml", "correct it"
            raise RegistryError([Problem(name, "", "such a name", expected, action)])
    try:
        missing = [f for f in (folder, *folder.absolute().parents) if not f.exists()]
        _refuse_full(folder)
        _write_all(texts, folder, missing)
    except OSError as error:
        found = f"a folder that cannot be written ({(error.strerror or str(error)).lower()})"
        action = "give another folder"
        problem = Problem(str(folder), "", found, "a folder that can be written", action)
        raise RegistryError([problem]) from None
    return tuple(folder / name for name in texts)


def _text_of(name: str, tables: Mapping[str, Any], schema: str) -> str:
    model = {VOCABULARY_FILE: Vocabulary, EXCLUDED_FILE: None}.get(name, Study)
    return toml_of(tables, model, schema=schema if model is Study else "")


def _refuse_full(folder: Path) -> None:
    expected, action = "a new or empty folder", "give another folder, or empty this one"
    if folder.exists() and not folder.is_dir():
        raise RegistryError([Problem(str(folder), "", "a file", expected, action)])
    here = [entry.name for entry in folder.iterdir()] if folder.exists() else []
    visible = sorted(entry for entry in here if not entry.startswith("."))
    if visible:
        found = f"a folder that holds {visible[0]}"
        raise RegistryError([Problem(str(folder), "", found, expected, action)])


def _write_all(texts: Mapping[str, str], folder: Path, missing: list[Path]) -> None:
    """Write into a hidden folder within `folder`, and move everything up at the end."""
    moved: list[Path] = []
    finished = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        try:
            for name, text in texts.items():
                (stage / name).write_bytes(text.encode("utf-8"))
            for name in texts:
                moved.append(folder / name)
                (stage / name).rename(folder / name)
            finished = True
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    finally:
        if not finished:
            for path in moved:
                path.unlink(missing_ok=True)
            for path in missing:
                with suppress(OSError):
                    path.rmdir()
