"""From a file to a validated record, with every problem found on the way.

Reading never raises on bad content: it returns what could be read and the problems. A table with a
mistake does not hide the mistakes beside it: what pydantic refuses is reported, taken out, and the
rest is validated, so that the checks between figures still run on all that is sound.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from studies.problems import Finding, Problem, dotted, in_folder, show, translate
from studies.values import FrozenDict

# Each round removes what the last one refused; a required key that goes takes its table with it in
# the next round, so that the depth of nesting bounds the number of rounds.
_MOST_ROUNDS = 8


@dataclass(frozen=True)
class TomlFile:
    """Content of one TOML file.

    Attributes
    ----------
    path : Path
        Where the file stands.
    content : dict or None
        The parsed tables, numbers with a decimal point as `Decimal`; None where parsing failed.
    fingerprint : str
        SHA-256 of the bytes, hexadecimal; empty where the file could not be read.
    problems : tuple of Problem
        Why parsing failed.
    """

    path: Path
    content: dict[str, Any] | None
    fingerprint: str
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name


@dataclass(frozen=True)
class Validated[Model: BaseModel]:
    """Outcome of validating the content of one file.

    Attributes
    ----------
    record : Model or None
        The record, without whatever was refused; None where nothing sound was left.
    problems : tuple of Problem
        Everything that was refused.
    removed : frozenset of str
        Dotted paths that were taken out, about which no further check should complain.
    positions : mapping
        Where the entries of each list stood in the file, by the path of the list; empty where
        nothing was refused.
    """

    record: Model | None
    problems: tuple[Problem, ...] = ()
    removed: frozenset[str] = frozenset()
    positions: Mapping[tuple[str | int, ...], tuple[int, ...]] = field(default_factory=dict)


def read_toml(path: Path) -> TomlFile:
    """Read one TOML file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    TomlFile
        Content, fingerprint and problems; bad content never raises.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        problem = Problem(
            path.name,
            "",
            f"a file that cannot be read ({error.strerror or 'unknown reason'})",
            "a readable TOML file",
            "check that it is a file and that you may read it",
            folder=str(path.parent),
        )
        return TomlFile(path, None, "", (problem,))
    fingerprint = hashlib.sha256(data).hexdigest()
    try:
        # utf-8-sig: editors on Windows put a byte order mark, which TOML does not know.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem(
            path.name,
            f"line {line}",
            f"the byte 0x{data[error.start]:02x}, which is not UTF-8",
            "a text file in UTF-8",
            "save the file with the encoding UTF-8",
            line=line,
            folder=str(path.parent),
        )
        return TomlFile(path, None, fingerprint, (problem,))
    content, problem = _parse(text, path.name)
    if content == {}:
        found, expected = "no key at all", "the tables that such a file holds"
        problem = Problem(path.name, "", found, expected, "fill the file, or remove it")
        content = None
    problems = () if problem is None else tuple(in_folder([problem], path.parent))
    return TomlFile(path, content, fingerprint, problems)


def _parse(text: str, name: str) -> tuple[dict[str, Any] | None, Problem | None]:
    """Parse TOML, keeping the digits of its numbers."""
    try:
        return tomllib.loads(text, parse_float=Decimal), None
    except RecursionError:
        line, place, found = None, "", "lists nested too deep to read"
    except ArithmeticError:
        # A number whose exponent no decimal can hold.
        start = re.search(r"[eE][+-]?[\d_]{10,}", text)
        line = text.count("\n", 0, start.start()) + 1 if start else None
        place, found = "", "a number too large to hold"
    # Malformed TOML, but also impossible dates and integers of thousands of digits.
    except ValueError as error:
        line, place, found = _place_of(str(error), text.splitlines())
    return None, Problem(
        name,
        place,
        f"malformed TOML, {found}",
        "a TOML document",
        "correct the text at this place; texts stand in quotation marks, tables in [brackets]",
        line=line,
    )


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
    """Validate the content of one file, setting aside what is refused.

    Parameters
    ----------
    content : dict
        Parsed tables.
    model : type
        What they should be.
    name : str
        Name of the file, for the problems.
    stand_ins : mapping
        For required keys at the top: what stands in for a refused one, so that the rest can still
        be checked.

    Returns
    -------
    Validated
        The record and the problems. All problems are found in the first round; later rounds only
        find what is left.
    """
    try:
        return Validated(model.model_validate(content))
    except ValidationError as error:
        problems, refused = translate(error, name, model), error
    copy = _Copy(content, stand_ins)
    for _ in range(_MOST_ROUNDS):
        if not copy.remove(refused):
            break
        try:
            record = model.model_validate(copy.root)
        except ValidationError as error:
            refused = error
        else:
            return Validated(record, problems, frozenset(copy.removed), copy.positions())
    return Validated(None, problems, frozenset(copy.removed))


def placed(findings: Iterable[Finding], validated: Validated[Any], name: str) -> Iterator[Problem]:
    """Say where in the file each finding stands.

    Parameters
    ----------
    findings : iterable of Finding
        What the checks of a record found.
    validated : Validated
        The record, whose lists may be shorter than those of the file.
    name : str
        Name of the file.

    Yields
    ------
    Problem
        One for each finding, except where the field, or a part of it, was refused already.
    """
    removed = validated.removed
    for finding in findings:
        field = _written(finding.path, validated)
        if any(place == field or place.startswith((f"{field}.", f"{field}[")) for place in removed):
            continue
        other = _written(finding.other, validated)
        expected = finding.expected.replace("{other}", other)
        yield Problem(
            name,
            field,
            finding.found,
            expected,
            finding.action,
            severity=finding.severity,
            check=finding.check,
        )


def _written(path: tuple[str | int, ...], validated: Validated[Any]) -> str:
    """Return where a field of a record stands in the file, whose lists may be longer."""
    place: list[str | int] = []
    for depth, part in enumerate(path):
        kept = validated.positions.get(path[:depth])
        place.append(kept[part] if kept is not None and isinstance(part, int) else part)
    return dotted(place)


class _Copy:
    """A copy of parsed tables, from which entries are taken out without forgetting their place."""

    def __init__(self, content: dict[str, Any], stand_ins: Mapping[str, Any]) -> None:
        self._stand_ins = stand_ins
        self._kept: dict[int, list[int]] = {}
        self.root = self._duplicate(content)
        self.removed: set[str] = set()

    def _duplicate(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._duplicate(item) for key, item in value.items()}
        if isinstance(value, list):
            entries = [self._duplicate(item) for item in value]
            self._kept[id(entries)] = list(range(len(entries)))
            return entries
        return value

    def remove(self, error: ValidationError) -> bool:
        """Take out every refused entry; False where the document as a whole is refused."""
        targets: dict[tuple[int, str | int], tuple[Any, str | int]] = {}
        for details in error.errors(include_url=False, include_input=False):
            location = details["loc"]
            if details["type"] == "missing" and dotted(location) in self._stand_ins:
                self.root[location[0]] = self._stand_ins[dotted(location)]
                self.removed.add(dotted(location))
                continue
            if details["type"] == "missing":
                location = location[:-1]
            container, key, place = self._find(location)
            if key is None:
                return False
            targets[id(container), key] = (container, key)
            self.removed.add(dotted(place))
        # From the last position to the first, so that taking one entry out does not move the next.
        ordered = sorted(targets.values(), key=lambda item: str(item[1]).zfill(12), reverse=True)
        for container, key in ordered:
            if isinstance(container, list):
                del self._kept[id(container)][key]
            del container[key]
        return True

    def _find(self, location: tuple[str | int, ...]) -> tuple[Any, Any, list[str | int]]:
        """Return container and key of the deepest entry on `location`, and its path in the file."""
        container, key, here = None, None, self.root
        place: list[str | int] = []
        for part in location:
            is_entry = (isinstance(here, dict) and part in here) or (
                isinstance(here, list) and isinstance(part, int) and part < len(here)
            )
            if not is_entry:
                break
            container, key = here, part
            place.append(self._kept[id(here)][part] if isinstance(here, list) else part)
            here = here[part]
        return container, key, place

    def positions(self) -> dict[tuple[str | int, ...], tuple[int, ...]]:
        """Return where the entries of every list stood, by the path of the list in this copy."""
        found: dict[tuple[str | int, ...], tuple[int, ...]] = {}

        def visit(value: Any, path: tuple[str | int, ...]) -> None:
            if isinstance(value, list):
                found[path] = tuple(self._kept[id(value)])
            entries = (
                value.items()
                if isinstance(value, dict)
                else enumerate(value)
                if isinstance(value, list)
                else ()
            )
            for key, item in entries:
                visit(item, (*path, key))

        visit(self.root, ())
        return found
