"""What is wrong with a registry, in sentences.

A `Problem` is one thing to repair: where it stands, what was found, what was expected and what to
do about it. A `RegistryError` carries every problem of every file, so that a registry is repaired
in one pass.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

#: Keys and positions that lead to a field of a record.
FieldPath = tuple[str | int, ...]
Severity = Literal["error", "warning", "note"]
_LONGEST_QUOTE = 60
_LONG_WORD = 9  # letters
#: Control characters, but for line breaks and tabs, those that turn the direction of a text, and
#: what is no character.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")
CHECK_BOTH = "check both figures against the report"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair."""

    file: str
    """Name of the file, or path of the folder."""
    field: str
    """Dotted path of the field, ``cohorts[0].survival[1].ci``; empty: the whole file."""
    found: str
    expected: str
    action: str
    """What stands there, what should stand there, and what to do."""
    line: int | None = None
    """Line of the file on which the field stands, from 1."""
    severity: Severity = "error"
    """error: unusable as it is; warning: it looks like a slip; note: worth knowing."""
    check: str = ""
    """Name of the plausibility check that asks; empty for what must hold in any case."""
    folder: str = ""
    """Folder of the file, as it was given."""

    @property
    def path(self) -> Path:
        """Where the file stands, as far as it is known."""
        return Path(self.folder) / self.file

    def __str__(self) -> str:
        """Return one sentence that begins with FILE:LINE, which editors open on a click."""
        file = self.file if self.line is None else f"{self.file}:{self.line}"
        place = f"{file}, {self.field}" if self.field else file
        return f"{place}: found {self.found}, expected {self.expected}: {self.action}."


class Finding(NamedTuple):
    """One thing to repair within a record, before it is known in which file the record stands."""

    path: FieldPath
    """Keys and positions that lead to the field."""
    found: str
    expected: str
    action: str
    """As in `Problem`; ``{other}`` in `expected` stands for the path of a second field."""
    other: FieldPath = ()
    """Keys and positions that lead to the second field."""


def odd(
    path: FieldPath, value: Any, expected: str, action: str = CHECK_BOTH, other: FieldPath = ()
) -> Finding:
    """Return a finding about a value that stands there as it is written."""
    return Finding(path, show(value), expected, action, other)


class RegistryError(ValueError):
    """A registry, a study or a vocabulary that cannot be used as it stands.

    `problems` is everything to repair, in the order of files and fields.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_folder(problems: Iterable[Problem], folder: Path | str) -> Iterator[Problem]:
    """Yield problems with the folder of their file, where they do not know it yet."""
    for problem in problems:
        yield problem if problem.folder else replace(problem, folder=str(folder))


def dotted(path: FieldPath) -> str:
    """Return a field path in its written form, ``cohorts[0].survival[1].ci``."""
    written = ""
    for part in path:
        if isinstance(part, int):
            written += f"[{part}]"
        else:
            # A key that is empty, or would break the line, is quoted.
            name = part if part and part.isprintable() else json.dumps(part)
            written += f".{name}" if written else name
    return written


def show(value: Any) -> str:
    """Return a found value in the words of an error message."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            text = value if len(value) <= _LONGEST_QUOTE else value[: _LONGEST_QUOTE - 3] + "..."
            text = CONTROL.sub(lambda sign: f"\\u{ord(sign[0]):04X}", re.sub(r"[\n\t]", " ", text))
            return f'"{text}"'
        case Decimal() | int() | float():
            try:
                text = str(value)
            except ValueError:  # an integer of more digits than Python will print
                return "a number of thousands of digits"
            return text if len(text) <= _LONGEST_QUOTE else f"a number of {len(text)} digits"
        case dict():
            return "a table"
        case list() | tuple() if any(isinstance(entry, dict) for entry in value):
            return "a list of tables"
        case list() | tuple():
            entries = ("[...]" if _nested(entry) else show(entry) for entry in value)
            text = f"[{', '.join(entries)}]"
            return text if len(text) <= _LONGEST_QUOTE else f"a list of {len(value)} items"
        case datetime.date() | datetime.time():
            return f"the date {value}"
    return f"{value}"


def _nested(value: Any) -> bool:
    """Whether a value is a list of lists, which may be nested deeper than can be shown."""
    kinds = list | tuple
    return isinstance(value, kinds) and any(isinstance(entry, kinds) for entry in value)


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that `word` is a slip of, the first of the nearest, or None.

    A slip is one edit, or two in a long word that keeps its initial: other words are other things.
    """
    word = word.casefold()
    edits: dict[str, int] = {}
    for entry in words:
        known = entry.casefold()
        most = 2 if len(word) >= _LONG_WORD and word[:1] == known[:1] else len(word) > 1
        if (number := _edits(word, known, most)) <= most:
            edits[entry] = number
    return min(edits, key=edits.__getitem__, default=None)


def _edits(one: str, other: str, most: int) -> int:
    """Letters added, left out, changed, or swapped with their neighbour; more than `most`: any.

    The optimal string alignment distance (Damerau 1964, doi 10.1145/363958.363994).
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before, here = [], list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, here = here, before, [i]
        for j, its in enumerate(other, 1):
            edits = [before[j] + 1, here[j - 1] + 1, before[j - 1] + (letter != its)]
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], its):
                edits.append(last[j - 2] + 1)
            here.append(min(edits))
    return here[-1]


def correction(word: str, words: Iterable[str], otherwise: str = "", *, quoted: bool = True) -> str:
    """Say which of the words to write instead; `otherwise` where none comes near."""
    nearest = closest(word, words)
    return otherwise if nearest is None else f"write {show(nearest) if quoted else nearest}"


def repeats(keys: Iterable[Hashable]) -> Iterator[tuple[int, int]]:
    """Yield the place of every key that was there before, and the first place of that key."""
    first: dict[Hashable, int] = {}
    for place, key in enumerate(keys):
        if first.setdefault(key, place) != place:
            yield place, first[key]


def one_of(words: Iterable[str], *, most: int = 12) -> str:
    """Return "one of a, b, c", cut short where the list is long."""
    listed = list(words)
    tail = ", ..." if len(listed) > most else ""
    return "one of " + ", ".join(listed[:most]) + tail


def translate(error: ValidationError, file: str, model: type[BaseModel]) -> tuple[Problem, ...]:
    """Turn the errors of pydantic into problems."""
    problems = []
    for details in error.errors(include_url=False):
        location, words = details["loc"], _sentence(details, model)
        if details["type"] == "missing" and location and isinstance(location[-1], int):
            location = location[:-1]
            pair = "a list of two texts", 'write both, for example ["a", "b"]'
            words = show(details["input"]), *pair
        problems.append(Problem(file, dotted(location), *words))
    return tuple(problems)


def _sentence(details: Any, model: type[BaseModel]) -> tuple[str, str, str]:
    location = details["loc"]
    key = location[-1] if location else ""
    match details["type"]:
        case "extra_forbidden":
            keys = _fields(_model_at(model, location[:-1]))
            otherwise = "remove the key, or correct its name"
            action = correction(str(key), keys, otherwise, quoted=False)
            return f"the unknown key {dotted([str(key)])}", one_of(keys, most=40), action
        case "missing" if _model_at(model, location) is not None:
            header = f"[{_header(location)}]"
            return "nothing", f"a table {header if key == 'citation' else f'[{header}]'}", "add it"
        case "missing":
            where = "this table" if len(location) > 1 else "the top of the file"
            return "nothing", f"the key {key}", f"add {key} to {where}"
        case "string_too_short":
            return "an empty text", "a text", "write it, or leave the key out"
    return show(details["input"]), *_about_value(details["type"], details, model)


def _about_value(kind: str, details: Any, model: type[BaseModel]) -> tuple[str, str]:
    value = details["input"]
    match kind:
        case "study_value":
            return details["ctx"]["expected"], details["ctx"]["action"]
        case "string_type":
            plain = isinstance(value, int | Decimal | datetime.date) and not isinstance(value, bool)
            action = f'write "{value}"' if plain else "write the text in quotation marks"
            return "text in quotation marks", action
        case "literal_error":
            # pydantic lists the choices as 'a', 'b' or 'c'.
            choices = details["ctx"]["expected"].replace(" or ", ", ").split(", ")
            words = [choice.strip("'") for choice in choices]
            written = value if isinstance(value, str) else ""
            return one_of(words), correction(written, words, "choose one of these", quoted=False)
        case "tuple_type" | "list_type":
            return "a list", _as_list(value, details["loc"], model)
        case "model_type" | "model_attributes_type" | "dict_type" | "mapping_type":
            header = _header(details["loc"])
            single = f"write it as a table with the header [{header}]"
            several = f"write its keys in a table {header}"
            return "a table", single if isinstance(value, list) else several
    # No kind of error is known to end here; should one do, pydantic's words are better than none.
    return _FIXED.get(kind, ("another value", str(details["msg"]).rstrip(".")))


_FIXED = {
    "bool_type": ("true or false", "write it without quotation marks"),
    "int_type": ("a whole number", "write it as digits, without a decimal point"),
    "too_long": ("a list of two texts", "keep two entries"),
}


def _as_list(value: Any, location: Any, model: type[BaseModel]) -> str:
    if isinstance(value, dict):
        return f"write the table with double brackets, [[{_header(location)}]]"
    if _model_at(model, location) is not None:
        return f"write each entry as a table [[{_header(location)}]]"
    return f"write [{show(value)}]" if isinstance(value, str) else "write it in brackets"


def _header(location: Sequence[str | int]) -> str:
    """Return the table header of a location: its names without positions."""
    return ".".join(part for part in location if isinstance(part, str))


def _fields(model: type[BaseModel] | None) -> dict[str, Any]:
    fields = {} if model is None else model.model_fields
    return {field.alias or name: field for name, field in fields.items()}


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model of the table at `location`, or None where no model describes it."""
    here: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, str):
            field = _fields(here).get(part)
            here = None if field is None else model_in(field.annotation)
    return here


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model named anywhere inside a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (model_in(argument) for argument in get_args(annotation))
    return next((model for model in models if model is not None), None)
