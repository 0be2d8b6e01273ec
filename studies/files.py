"""Which files make up a registry, what they hold, and on which line each field stands.

Reading never raises on bad content: it returns what could be read and the problems. What pydantic
refuses is reported and taken out, so that the checks between figures run on all that is sound.

The parser of the standard library keeps no positions: a file with a problem is read once more, as
tokens that tell just enough of TOML to say where each key and each entry of a list begins.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from studies.kinds import FrozenDict
from studies.problems import (
    CONTROL,
    FieldPath,
    Finding,
    Problem,
    RegistryError,
    dotted,
    in_folder,
    show,
    translate,
)

# Each round removes what the last one refused; a required key that goes takes its table with it in
# the next round, so that the depth of nesting bounds the number of rounds.
_MOST_ROUNDS = 9

#: What a file may hold at most: bytes, tables and lists within each other, characters of a key and
#: digits of a number. Far more than any report needs, and little enough to be read in a moment.
MOST_BYTES, DEEPEST, LONGEST_KEY, MOST_DIGITS = 2_000_000, 16, 200, 60


@dataclass(frozen=True)
class TomlFile:
    """Content of one TOML file."""

    path: Path
    content: dict[str, Any] | None
    """The parsed tables, numbers with a decimal point as `Decimal`; None where parsing failed."""
    fingerprint: str
    """SHA-256 of the bytes, hexadecimal; empty where the file could not be read."""
    problems: tuple[Problem, ...] = ()
    """Why parsing failed."""

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name


@dataclass(frozen=True)
class Validated[Model: BaseModel]:
    """Outcome of validating the content of one file."""

    record: Model | None
    """The record, without whatever was refused; None where nothing sound was left."""
    problems: tuple[Problem, ...] = ()
    """Everything that was refused."""
    removed: frozenset[FieldPath] = frozenset()
    """What was taken out of the file, about which no further check should complain."""


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file, but no more than one byte beyond the most that it may have.

    `OSError` where that cannot be. A pipe or a device is not opened: it may have no end.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise OSError(errno.EINVAL, "a device or a pipe", str(path))
    with path.open("rb") as stream:
        return stream.read(most + 1)


def read_toml(path: Path) -> TomlFile:
    """Read one TOML file."""
    fingerprint = ""

    def refused(field: str, mistake: str, expected: str, action: str, line: int | None = None):
        problem = Problem(path.name, field, mistake, expected, action, line)
        return TomlFile(path, None, fingerprint, tuple(in_folder([problem], path.parent)))

    try:
        data = read_bytes(path)
    except OSError as error:
        mistake = f"a file that cannot be read ({error.strerror or 'unknown reason'})"
        action = "check that it is a file and that you may read it"
        return refused("", mistake, "a readable TOML file", action)
    if len(data) > MOST_BYTES:
        expected = f"a file of {MOST_BYTES} bytes at most"
        return refused("", "a larger one", expected, "give each report a file of its own")
    fingerprint = hashlib.sha256(data).hexdigest()
    try:
        # utf-8-sig: editors on Windows put a byte order mark, which TOML does not know.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        mistake = f"the byte 0x{data[error.start]:02x}, which is not UTF-8"
        action = "save the file with the encoding UTF-8"
        return refused(f"line {line}", mistake, "a text file in UTF-8", action, line)
    for line, *words in _beyond_limits(text):
        return refused(f"line {line}", *words, line)
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except ArithmeticError:  # a number whose exponent no decimal can hold
        start = re.search(r"[eE][+-]?[\d_]{10,}", text)
        line = text.count("\n", 0, start.start()) + 1 if start else None
        place, mistake = "", "a number too large to hold"
    except ValueError as error:  # also impossible dates
        line, place, mistake = _place_of(str(error), text.splitlines())
    else:
        if content:
            found = [Problem(path.name, *words) for words in _unprintable(content)]
            problems = locate(in_folder(found, path.parent))
            return TomlFile(path, None if problems else content, fingerprint, problems)
        expected = "the tables that such a file holds"
        return refused("", "no key at all", expected, "fill the file, or remove it")
    action = "correct the text at this place; texts stand in quotation marks, tables in [brackets]"
    return refused(place, f"malformed TOML, {mistake}", "a TOML document", action, line)


_PART = r"""(?:[^\s"'#,=\[\]{}.]++|"(?:\\.|[^"\\\n])*+"|'[^'\n]*+')"""
_PARTS, _EQUALS = re.compile(_PART), re.compile(r"[ \t]*=")
_TOKEN = re.compile(
    r'"""(?:\\.|(?!""")[^\\])*+"{3,5}'
    r"|'''(?:(?!''').)*+'{3,5}"
    r"|#[^\n]*+"
    rf"|(?P<key>(?:{_PART}[ \t]*+\.[ \t]*+)*+{_PART})"
    r"|[\[\]{},]",
    re.DOTALL,
)


def _beyond_limits(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Yield the line of what is longer or deeper than the limits, and the words about it.

    The parser takes the square of their length for long dotted keys, and fails on deep lists.
    """
    depth = 0
    for token in _TOKEN.finditer(text):
        key = token["key"]
        if key is None:
            depth = max(depth + (token[0] in "[{") - (token[0] in "]}"), 0)
        elif len(key) > LONGEST_KEY and (key[0] not in "\"'" or _EQUALS.match(text, token.end())):
            found, most = f"a key or a number of {len(key)} characters", f"{LONGEST_KEY} at most"
            yield _line_at(text, token.start()), found, most, "shorten it"
        if depth + len(_PARTS.findall(key or "")) > DEEPEST:
            found, most = "tables and lists nested deeper", f"{DEEPEST} levels at most"
            yield _line_at(text, token.start()), found, most, "write them side by side"


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _unprintable(value: Any, path: FieldPath = ()) -> Iterator[tuple[str, str, str, str]]:
    """Yield field, mistake, expectation and action of what no report prints, wherever it is."""
    entries = value.items() if isinstance(value, dict) else ()
    for key, entry in (*entries, *(enumerate(value) if isinstance(value, list) else ())):
        if isinstance(key, str) and (len(key) > LONGEST_KEY or CONTROL.search(key)):
            found = f"the key {show(key)}"
            expected = f"one of {LONGEST_KEY} characters at most, without control characters"
            where = dotted(path if len(key) > LONGEST_KEY else (*path, key))
            yield where, found, expected, "write it in plain words"
        else:
            yield from _unprintable(entry, (*path, key))
    sign = CONTROL.search(value) if isinstance(value, str) else None
    if sign is not None:
        found = f"the control character U+{ord(sign[0]):04X} in {show(value)}"
        yield dotted(path), found, "a text that can be printed", "remove it"
    elif isinstance(value, int | Decimal) and _digits(value) > MOST_DIGITS:
        found = f"a number of more than {MOST_DIGITS} digits"
        yield dotted(path), found, "digits as a report prints them", "write fewer digits"


def _digits(number: int | Decimal) -> int:
    if isinstance(number, Decimal):
        return len(number.as_tuple().digits)
    return 0 if abs(number) < 10**MOST_DIGITS else MOST_DIGITS + 1


def _place_of(message: str, lines: list[str]) -> tuple[int | None, str, str]:
    """Split the message of the TOML parser into the line, the place and what is wrong there."""
    what = message.split("(at ")[0].strip().rstrip(".")
    what = what[:1].lower() + what[1:] or "a value that cannot be read"
    position = re.search(r"\(at line (\d+), column (\d+)\)", message)
    if position is None:
        at_end = "end of document" in message
        return (max(len(lines), 1), "end of file", what) if at_end else (None, "", what)
    number = int(position[1])
    line = lines[number - 1].strip() if number <= len(lines) else ""
    return number, f"line {number}, column {position[2]}", f"{what} in {show(line)}"


def validate[Model: BaseModel](
    content: dict[str, Any],
    model: type[Model],
    name: str,
    stand_ins: Mapping[str, Any] = FrozenDict(),
) -> Validated[Model]:
    """Validate the content of one file, setting aside what is refused."""
    sound, problems = content, ()
    gone: frozenset[FieldPath] = frozenset()
    instead: dict[str, Any] = {}
    for _ in range(_MOST_ROUNDS):
        try:
            return Validated(model.model_validate(sound), problems, gone)
        except ValidationError as error:
            problems, refused = problems or translate(error, name, model), error
        new = set()
        for details in refused.errors(include_url=False, include_input=False):
            place = _in_file(details["loc"], gone)
            missing = details["type"] == "missing"
            if missing and dotted(place) in stand_ins:
                instead[dotted(place)] = stand_ins[dotted(place)]
            else:
                place = _deepest(place[:-1] if missing else place, content)
            new.add(place)
        gone |= new
        if () in gone:
            break
        sound = _without(gone, content) | instead
    return Validated(None, problems, gone - {()})


def _in_file(path: FieldPath, gone: frozenset[FieldPath]) -> FieldPath:
    """Return where a field of a record stands in the file, whose lists may be longer."""
    place: FieldPath = ()
    for part in path:
        if isinstance(part, int):
            kept = (number for number in count() if (*place, number) not in gone)
            part = next(islice(kept, part, None))
        place = (*place, part)
    return place


def _deepest(place: FieldPath, content: Any) -> FieldPath:
    """Return the longest beginning of a path that exists: kinds of value add parts to its end."""
    for depth, part in enumerate(place):
        within = range(len(content)) if isinstance(content, list) else content
        if not isinstance(content, dict | list) or part not in within:
            return place[:depth]
        content = content[part]
    return place


def _without(gone: frozenset[FieldPath], value: Any, place: FieldPath = ()) -> Any:
    """Copy tables without what is gone."""
    match value:
        case dict():
            return {
                key: _without(gone, entry, (*place, key))
                for key, entry in value.items()
                if (*place, key) not in gone
            }
        case list():
            return [
                _without(gone, entry, (*place, number))
                for number, entry in enumerate(value)
                if (*place, number) not in gone
            ]
    return value


def placed(findings: Iterable[Finding], validated: Validated[Any], name: str) -> Iterator[Problem]:
    """Say where in the file each finding stands, but for fields that were refused already."""
    for finding in findings:
        place = _in_file(finding.path, validated.removed)
        if any(path[: len(place)] == place for path in validated.removed):
            continue
        other = dotted(_in_file(finding.other, validated.removed))
        expected = finding.expected.replace("{other}", other)
        yield Problem(name, dotted(place), finding.found, expected, finding.action)


# --- Lines ---------------------------------------------------------------------------------------


def locate(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems with the line of the file on which each stands, where it can be known."""
    lines: dict[Path, Mapping[str, int]] = {}
    located = []
    for problem in problems:
        if problem.line is None and problem.field:
            path = problem.path
            if path not in lines:
                lines[path] = _lines_of(path)
            if lines[path]:
                problem = replace(problem, line=_line_among(lines[path], problem.field))
        located.append(problem)
    return tuple(located)


def _lines_of(path: Path) -> Mapping[str, int]:
    """Return the lines of a file by field; empty where it cannot be read or is no TOML."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        tomllib.loads(text)
        return lines_of_text(text)
    # Beside syntax and encoding: integers of thousands of digits, and lists nested too deep.
    except (OSError, ValueError, ArithmeticError, RecursionError):
        return {}


def lines_of_text(text: str) -> Mapping[str, int]:
    """Return the line on which each field of a sound document begins, by its dotted path."""
    ends = [match.start() for match in re.finditer("\n", text)]
    lines: dict[str, int] = {}
    newest: dict[FieldPath, int] = {}
    table: FieldPath = ()
    around: list[tuple[FieldPath, int | None]] = []  # lists, with the place in each, and tables
    value: FieldPath | None = None  # the path of the value that comes next
    header: int | None = None  # where the header begins that is being read
    for token in _TOKEN.finditer(text):
        sign, key, line = token[0], token["key"], bisect_left(ends, token.start()) + 1
        if key and header is not None:  # the name of a table
            table = _opened(_parts(key), text.startswith("[[", header), newest, lines, line)
            header = None
        elif key and _EQUALS.match(text, token.end()):  # whose value comes next
            value = around[-1][0] if around else table
            for part in _parts(key):
                value = (*value, part)
                lines.setdefault(dotted(value), line)
        elif sign in ",]}":  # the end of an entry, of a list or of an inline table
            path, place = around.pop() if around else ((), None)
            value = None if place is None or sign != "," else (*path, place + 1)
            if sign == ",":
                around.append((path, None if place is None else place + 1))
        elif sign == "[" and value is None and not around:
            header = token.start() if header is None else header
        elif value is not None and sign[0] != "#":  # the beginning of a value
            lines.setdefault(dotted(value), line)
            if sign in "[{":
                around.append((value, 0 if sign == "[" else None))
            value = (*value, 0) if sign == "[" else None
    return lines


def _opened(
    key: list[str], array: bool, newest: dict[FieldPath, int], lines: dict[str, int], line: int
) -> FieldPath:
    """Return the table that a header opens, and note it with those on its way.

    `newest` holds the number of the latest table of each ``[[array of tables]]``.
    """
    path: FieldPath = ()
    for depth, part in enumerate(key, 1):
        path = (*path, part)
        if depth == len(key) and array:
            lines.setdefault(dotted(path), line)
            newest[path] = newest.get(path, -1) + 1
        if path in newest:
            path = (*path, newest[path])
        lines.setdefault(dotted(path), line)
    lines[dotted(path)] = line
    return path


def _parts(key: str) -> list[str]:
    """Return the names of a dotted key, without their quotation marks."""
    words = _PARTS.findall(key)
    return [tomllib.loads(f"k = {word}")["k"] if word[0] in "\"'" else word for word in words]


def _line_among(lines: Mapping[str, int], field: str) -> int:
    """Return the line of the longest beginning of a path that exists; the first line at least."""
    # Keys may hold dots and brackets, so that a path cannot be taken apart, only cut.
    cuts = [len(field), *(m.start() for m in re.finditer(r"[.\[]", field))]
    beginnings = (field[:cut] for cut in sorted(cuts, reverse=True))
    return next((lines[start] for start in beginnings if start in lines), 1)


# --- Folders -------------------------------------------------------------------------------------

VOCABULARY_FILE = "vocabulary.toml"
EXCLUDED_FILE = "excluded.toml"
PRIORS_FILE = "priors.toml"
_NOT_STUDIES = (VOCABULARY_FILE, EXCLUDED_FILE, PRIORS_FILE)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\.toml")


def is_study_file(name: str) -> bool:
    """Whether a name is one of a study file, and not of words, priors or a list."""
    return _FILE_NAME.fullmatch(name) is not None and name not in _NOT_STUDIES


@dataclass(frozen=True)
class Source:
    """A folder of study files, or a single study file."""

    path: Path
    """The folder or the file, as it was given."""
    files: tuple[Path, ...]
    """The study files."""
    vocabulary: Path | None = None
    """The vocabulary beside them."""
    excluded: Path | None = None
    """The list of reports that were left out, in the folder or beside it."""


def sources_of(paths: Iterable[Path | str]) -> tuple[Source, ...]:
    """Return what stands at folders and study files, each once.

    `RegistryError` for those without any study.
    """
    sources: dict[Path, Source] = {}
    problems: list[Problem] = []
    for path in map(Path, paths):
        single = path.suffix.lower() == ".toml" and not path.is_dir()
        try:
            source = _file_source(path) if single else _folder_source(path)
        except RegistryError as error:
            problems += error.problems
        else:
            sources.setdefault(path.resolve(), source)
    if problems:
        raise RegistryError(problems)
    return tuple(sources.values())


def _file_source(path: Path) -> Source:
    expected = "a study file"
    if path.name in _NOT_STUDIES:
        mistake = "a file of words, of priors or of reasons"
        action = "give the path of the folder that it belongs to"
        raise RegistryError([Problem(str(path), "", mistake, expected, action)])
    if not os.path.exists(path):
        action = "give the path of a study file, or of a folder of study files"
        raise RegistryError([Problem(str(path), "", "no such file", expected, action)])
    beside = path.parent / VOCABULARY_FILE
    return Source(path, (path,), beside if beside.is_file() else None)


def _folder_source(folder: Path) -> Source:
    """Return the study files of a folder; hidden files, which editors leave behind, are none."""
    expected = "a folder with one TOML file for each study"
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        mistake = {FileNotFoundError: "no such folder", NotADirectoryError: "a file"}.get(
            type(error), f"a folder that cannot be read ({error.strerror})"
        )
        action = "give the path of the folder that holds the study files"
        raise RegistryError([Problem(str(folder), "", mistake, expected, action)]) from None
    toml = [entry for entry in entries if entry.suffix.lower() == ".toml"]
    files = [e for e in toml if not e.name.startswith(".") and e.name not in _NOT_STUDIES]
    words = folder / VOCABULARY_FILE
    if not files and not words.is_file():
        below = [entry for entry in entries if entry.is_dir() and any(entry.glob("*.toml"))]
        action = (
            f"give the path of the folder {below[0].name} in it, which has such files"
            if below
            else "put a study file into it, or give the path of another folder"
        )
        raise RegistryError([Problem(str(folder), "", "no study file", expected, action)])
    lists = (folder / EXCLUDED_FILE, folder.parent / EXCLUDED_FILE)
    excluded = next((path for path in lists if path.is_file()), None)
    return Source(folder, tuple(files), words if words.exists() else None, excluded)


def choose(
    sources: Sequence[Source], held: Mapping[str, Path]
) -> tuple[dict[Path, int], tuple[tuple[str, Path], ...]]:
    """Return the files that are read, of two with one name that of the later source.

    Each with the position of its source; and the identifiers of studies of which a later source has
    another version, with that source. `held` holds the files of studies that are there already.
    """
    by_study: dict[str, list[Path]] = {name: [path] for name, path in held.items()}
    layers: dict[Path, int] = {}
    replaced: dict[str, Path] = {}
    for position, source in enumerate(sources):
        here: dict[str, list[Path]] = {}
        for path in source.files:
            here.setdefault(path.stem, []).append(path)
        for name, paths in here.items():
            earlier = by_study.get(name, [])
            if earlier and {p.resolve() for p in earlier} != {p.resolve() for p in paths}:
                replaced[name] = source.path
            for path in earlier:
                layers.pop(path, None)
            by_study[name] = paths
            layers |= dict.fromkeys(paths, position)
    return layers, tuple(replaced.items())
