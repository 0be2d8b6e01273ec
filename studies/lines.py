"""On which line of a TOML file a field stands.

The parser of the standard library keeps no positions, so that a file with a problem is read a
second time, by a scanner that knows just enough of TOML to say where each key and each entry of a
list begins. It expects a document that the parser has accepted.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from studies.problems import Problem, dotted

_FieldPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|(?!""")[^\\])*"{3,5}'
    r"|'''(?:(?!''').)*'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")
_KEY_PART = re.compile(r"""[ \t]*([A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')[ \t]*""")


def line_of(text: str, field: str) -> int | None:
    """Return the line on which a field stands in a TOML document.

    Parameters
    ----------
    text : str
        The document, which is valid TOML.
    field : str
        Dotted path as `Problem.field` writes it, ``cohorts[0].survival[1].ci``.

    Returns
    -------
    int or None
        Line from 1 of the key, or of the entry of a list; for a field that is not there, that of
        the innermost table or entry around it which is, or the first line where there is none.
        None for an empty path.
    """
    return _line_among(_lines(text), field) if field else None


def locate(
    problems: Iterable[Problem], texts_by_file: Mapping[Path, str] | None = None
) -> tuple[Problem, ...]:
    """Return problems with the line of the file on which each stands.

    Parameters
    ----------
    problems : iterable of Problem
        Problems with the folders of their files.
    texts_by_file : mapping of Path to str, optional
        Texts of the files by `Problem.path`. A file that is not among them is read again, which
        costs nothing as long as there is no problem to tell.

    Returns
    -------
    tuple of Problem
        The same, in their order. A problem that knows its line, that speaks of no field, or whose
        file cannot be read stays as it is.
    """
    known: dict[Path, Mapping[str, int]] = {}
    found = []
    for problem in problems:
        if problem.line is None and problem.field:
            path = problem.path
            if path not in known:
                known[path] = _lines_of_file(path, texts_by_file or {})
            if known[path]:
                problem = replace(problem, line=_line_among(known[path], problem.field))
        found.append(problem)
    return tuple(found)


def _lines_of_file(path: Path, texts: Mapping[Path, str]) -> Mapping[str, int]:
    """Return the lines of a file by field; empty where it cannot be read or is no TOML."""
    try:
        text = texts[path] if path in texts else path.read_text(encoding="utf-8-sig")
        tomllib.loads(text)
        return _lines(text)
    # Beside syntax and encoding: integers of thousands of digits, and lists nested too deep.
    except (OSError, ValueError, ArithmeticError, RecursionError):
        return {}


def _line_among(lines: Mapping[str, int], field: str) -> int:
    """Return the line of the longest beginning of a path that exists; the first line at least."""
    # Keys may hold dots and brackets, so that a path cannot be taken apart, only cut.
    cuts = [len(field), *(m.start() for m in re.finditer(r"[.\[]", field))]
    beginnings = (field[:cut] for cut in sorted(cuts, reverse=True))
    return next((lines[start] for start in beginnings if start in lines), 1)


def _lines(text: str) -> Mapping[str, int]:
    """Return the line of every key and every entry of a list, by dotted path."""
    return _Scanner(text.removeprefix("\ufeff")).scan()


class _Scanner:
    """Goes through a document once and notes where keys and entries begin."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._found: dict[str, int] = {}
        # Number of tables so far of each [[array of tables]], by its path.
        self._tables: dict[_FieldPath, int] = {}

    def scan(self) -> Mapping[str, int]:
        """Go through the document."""
        table: _FieldPath = ()
        while self._skip_blank():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _skip_blank(self) -> bool:
        """Move to the next token; False at the end of the text."""
        self._at = _BLANK.match(self._text, self._at).end()
        return self._at < len(self._text)

    def _note(self, path: _FieldPath, start: int, *, overwrite: bool = False) -> None:
        """Remember that an entry begins here, unless its table began earlier."""
        line, name = bisect_right(self._ends, start - 1) + 1, dotted(path)
        if overwrite:
            self._found[name] = line
        else:
            self._found.setdefault(name, line)

    def _header(self) -> _FieldPath:
        """Read ``[a.b]`` or ``[[a.b]]`` and return the path of the table that it opens."""
        start = self._at
        several = self._text.startswith("[[", start)
        self._at += 2 if several else 1
        keys = self._key()
        self._at += 2 if several else 1
        path: _FieldPath = ()
        for key in keys[:-1]:
            path = self._last((*path, key))
            self._note(path, start)
        path = (*path, keys[-1])
        if several:
            number = self._tables.get(path, 0)
            self._tables[path] = number + 1
            self._note(path, start)
            path = (*path, number)
        self._note(path, start, overwrite=True)
        return path

    def _last(self, path: _FieldPath) -> _FieldPath:
        """Return the path of the latest table of an array of tables, or of the table itself."""
        number = self._tables.get(path)
        return path if number is None else (*path, number - 1)

    def _pair(self, table: _FieldPath) -> None:
        """Read a key with its value; a dotted key names the tables on its way too."""
        start = self._at
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path, start)
        self._skip_blank()
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        """Read a key, which may be dotted and quoted."""
        parts = []
        while True:
            match = _KEY_PART.match(self._text, self._at)
            word = match[1]
            parts.append(tomllib.loads(f"k = {word}")["k"] if word[0] in "\"'" else word)
            self._at = match.end()
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _value(self, path: _FieldPath) -> None:
        """Pass over a value, and note the entries of a list or of an inline table."""
        self._skip_blank()
        match self._text[self._at]:
            case "[":
                self._entries(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._at = _STRING.match(self._text, self._at).end()
            case _:
                self._at = _BARE_VALUE.match(self._text, self._at).end()

    def _entries(self, path: _FieldPath) -> None:
        """Pass over a list."""
        self._at += 1
        number = 0
        while self._more("]"):
            self._note((*path, number), self._at)
            self._value((*path, number))
            number += 1

    def _inline_table(self, path: _FieldPath) -> None:
        """Pass over an inline table."""
        self._at += 1
        while self._more("}"):
            self._pair(path)

    def _more(self, end: str) -> bool:
        """Move to the next entry of a list or an inline table; False, and past it, at its end."""
        self._skip_blank()
        if self._text[self._at] == ",":
            self._at += 1
            self._skip_blank()
        if self._text[self._at] == end:
            self._at += 1
            return False
        return True
