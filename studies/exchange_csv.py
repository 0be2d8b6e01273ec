"""Tables as rows of a CSV: one row for each text, number or truth value, and each empty list.

The kind keeps apart what looks alike: ``5`` the count (whole), ``5`` the printed figure (number),
and "5" the text.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from studies.csv_rows import CsvTable, Row
from studies.problems import Problem, RegistryError, closest, one_of, show
from studies.writing import bare, scalar

COLUMNS = ("file", "field", "kind", "value")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\.toml")
_PART = re.compile(r'(\.)?([A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*")|\[(\d{1,9})\]')
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d{1,30}")
# No study is nested half as deep; recursion over such tables is safe.
DEEPEST = 40

FieldPath = tuple[str | int, ...]


def csv_of(files: Mapping[str, Mapping[str, Any]]) -> str:
    """Write tables as rows.

    Parameters
    ----------
    files : mapping of str to mapping
        Tables by the name of their file.

    Returns
    -------
    str
        CSV as RFC 4180 has it; write it without translating line ends.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for name, tables in files.items():
        for path, kind, value in _leaves(tables, ()):
            writer.writerow((name, written_path(path), kind, value))
    return out.getvalue()


def _leaves(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, str, str]]:
    """Yield path, kind and text of everything that a value holds."""
    match value:
        case dict() if value or not path:
            for key, item in value.items():
                yield from _leaves(item, (*path, key))
        case dict():
            yield path, "empty_table", ""
        case list() if value:
            for place, item in enumerate(value):
                yield from _leaves(item, (*path, place))
        case list():
            yield path, "empty_list", ""
        case str():
            yield path, "text", value
        case bool():
            yield path, "true_false", scalar(value)
        case int():
            yield path, "whole", scalar(value)
        case _:
            yield path, "number", scalar(value)


def written_path(path: Iterable[str | int]) -> str:
    """Return a field path, ``cohorts[0].histology.other."in part"``; `path_in` reads it back."""
    written = ""
    for part in path:
        written += f"[{part}]" if isinstance(part, int) else f".{bare(part)}"
    return written.removeprefix(".")


def path_in(text: str) -> FieldPath | None:
    """Return the field path that a text writes, or None where it writes none."""
    parts: list[str | int] = []
    end = 0
    while end < len(text):
        match = _PART.match(text, end)
        # The first part has no point before it; every other key has one.
        if match is None or (match[3] is None and bool(match[1]) != bool(parts)):
            return None
        try:
            parts.append(int(match[3]) if match[3] else _key_in(match[2]))
        except ValueError:
            return None
        end = match.end()
    sound = 0 < len(parts) <= DEEPEST and isinstance(parts[0], str)
    return tuple(parts) if sound else None


def _key_in(text: str) -> str:
    return json.loads(text) if text.startswith('"') else text


def tables_from_rows(table: CsvTable, name: str) -> dict[str, dict[str, Any]]:
    """Build the tables that rows describe.

    Parameters
    ----------
    table : CsvTable
        Rows with the columns `COLUMNS`.
    name : str
        Name of the file, for the problems.

    Returns
    -------
    dict
        Tables by the name of their file, in the order of the rows.

    Raises
    ------
    RegistryError
        With every row that cannot be read, or that contradicts another one.
    """
    problems = [_unknown_column(column, name) for column in table.columns if column not in COLUMNS]
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        found, expected = f"no column {', '.join(missing)}", f"the columns {', '.join(COLUMNS)}"
        problems.append(Problem(name, "row 1", found, expected, "add the column", 1))
    if problems:
        raise RegistryError(problems)
    roots: dict[str, _Node] = {}
    for row in table.rows:
        problems += _add(row, roots, name)
    problems += [problem for root in roots.values() for problem in _gaps(root, name)]
    if problems:
        raise RegistryError(sorted(problems, key=lambda problem: problem.line or 0))
    return {file: _built(root) for file, root in roots.items()}


def _unknown_column(column: str, name: str) -> Problem:
    nearest = closest(column, COLUMNS)
    action = f"write {nearest}" if nearest else "remove it"
    found = f"the unknown column {show(column)}"
    return Problem(name, "row 1", found, f"the columns {', '.join(COLUMNS)}", action, 1)


@dataclass
class _Node:
    """A table, a list or a value while it is put together; its row is where it was first met."""

    row: Row
    path: FieldPath
    kind: str
    value: Any = None
    below: dict[str | int, _Node] | None = None


def _add(row: Row, roots: dict[str, _Node], name: str) -> Iterator[Problem]:
    """Put the figure of one row in its place; yield what stands in its way."""
    file, kind, text = row.cells["file"].strip(), row.cells["kind"].strip(), row.cells["value"]
    path = path_in(row.cells["field"].strip())
    if not FILE_NAME.fullmatch(file):
        expected = "the name of a study file, such as sparano2021.toml"
        action = "write letters, digits and _ . + - only, and end with .toml"
        yield row.problem(name, "file", show(file), expected, action)
        return
    if path is None:
        expected, action = "a field such as cohorts[0].survival[1].ci[0]", "correct it"
        yield row.problem(name, "field", show(row.cells["field"]), expected, action)
        return
    if kind not in _READ:
        nearest = closest(kind, _READ)
        action = f"write {nearest}" if nearest else "choose one of these"
        yield row.problem(name, "kind", show(kind), one_of(_READ), action)
        return
    try:
        value = _READ[kind](text)
    except _NotSoError as expected:
        action = "correct the value, or its kind"
        yield row.problem(name, "value", show(text), str(expected), action)
        return
    node = roots.setdefault(file, _Node(row, (), "table", below={}))
    for place, part in enumerate(path):
        inside = "table" if isinstance(part, str) else "list"
        if node.kind != inside:
            yield _clash(row, name, node, inside)
            return
        last = place == len(path) - 1
        here = kind if last else "table" if isinstance(path[place + 1], str) else "list"
        new = _Node(row, path[: place + 1], here, value, None if last else {})
        found = node.below.setdefault(part, new)
        if last and found is not new:
            yield _clash(row, name, found, kind)
        node = found


def _clash(row: Row, name: str, node: _Node, wanted: str) -> Problem:
    """Return the problem of a row that contradicts an earlier one."""
    if wanted == node.kind or node.below is None:
        found = f"{written_path(node.path)} again"
        expected = f"each field once, and nothing below it; row {node.row.number} has it"
    else:
        found = f"{written_path(node.path) or 'the file'} as a {wanted.replace('_', ' ')}"
        expected = f"a {node.kind}, as in row {node.row.number}"
    return row.problem(name, "field", found, expected, "remove or correct one of the two rows")


def _gaps(node: _Node, name: str) -> Iterator[Problem]:
    """Yield the lists whose positions do not count from 0 without a gap."""
    if node.below is None:
        return
    if node.kind == "list":
        wanted = next(place for place in range(len(node.below) + 1) if place not in node.below)
        if wanted < len(node.below):
            late = next(item for key, item in node.below.items() if key > wanted)
            found = written_path(late.path)
            expected = f"a row for {written_path((*node.path, wanted))} too"
            action = "count the entries of a list from 0 without a gap"
            yield late.row.problem(name, "field", found, expected, action)
    for item in node.below.values():
        yield from _gaps(item, name)


def _built(node: _Node) -> Any:
    """Return the table, list or value of a node."""
    if node.below is None:
        return node.value
    if node.kind == "table":
        return {key: _built(item) for key, item in node.below.items()}
    return [_built(node.below[place]) for place in range(len(node.below))]


class _NotSoError(ValueError):
    """A value that is not of its kind; the message is what was expected."""


def _matching(pattern: re.Pattern[str], make: Any, expected: str) -> Any:
    def read(text: str) -> Any:
        if not pattern.fullmatch(text.strip()):
            raise _NotSoError(expected)
        try:
            return make(text.strip())
        except ArithmeticError:
            raise _NotSoError("a number that can be held") from None

    return read


def _empty(make: Any) -> Any:
    def read(text: str) -> Any:
        if text.strip():
            raise _NotSoError("no value")
        return make()

    return read


_READ = {
    "text": str,
    "number": _matching(_NUMBER, Decimal, "a number with a decimal point"),
    "whole": _matching(_WHOLE, int, "a whole number"),
    "true_false": _matching(re.compile("true|false"), "true".__eq__, "true or false"),
    "empty_list": _empty(list),
    "empty_table": _empty(dict),
}
