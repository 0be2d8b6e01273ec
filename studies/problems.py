"""What is wrong with a registry, in sentences.

A `Problem` is one thing to repair: where it stands, what was found, what was expected and what to
do about it. A `RegistryError` carries every problem of every file, so that a registry is repaired
in one pass.
"""

from __future__ import annotations

import datetime
import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

Severity = Literal["error", "warning", "note"]
_LONGEST_QUOTE = 60


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
    """Line of the file on which the field stands, from 1; None where it is not known."""
    severity: Severity = "error"
    """error: the file cannot be used as it is; warning: it looks like a slip; note: worth knowing.
    """
    check: str = ""
    """Name of the plausibility check that asks; empty for what must hold in any case."""
    folder: str = ""
    """Folder of the file, as it was given; empty where it is not known."""

    @property
    def path(self) -> Path:
        """Where the file stands, as far as it is known."""
        return Path(self.folder) / self.file

    def __str__(self) -> str:
        """Return the problem as one sentence, which begins with FILE:LINE where the line is known.

        Editors and terminals open that place on a click.
        """
        file = self.file if self.line is None else f"{self.file}:{self.line}"
        place = f"{file}, {self.field}" if self.field else file
        return f"{place}: found {self.found}, expected {self.expected}: {self.action}."


class Finding(NamedTuple):
    """One thing to repair within a record, before it is known in which file the record stands."""

    path: tuple[str | int, ...]
    """Keys and positions that lead to the field."""
    found: str
    expected: str
    action: str
    """As in `Problem`; ``{other}`` in `expected` stands for the path of a second field."""
    other: tuple[str | int, ...] = ()
    """Keys and positions that lead to the second field."""
    severity: Severity = "error"
    check: str = ""
    """As in `Problem`."""


class RegistryError(ValueError):
    """A registry, a study or a vocabulary that cannot be used as it stands.

    Attributes
    ----------
    problems : tuple of Problem
        Everything to repair, in the order of files and fields.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_folder(problems: Iterable[Problem], folder: Path | str) -> Iterator[Problem]:
    """Yield problems with the folder of their file, where they do not know it yet."""
    for problem in problems:
        yield problem if problem.folder else replace(problem, folder=str(folder))


def dotted(path: Sequence[str | int]) -> str:
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
            return '"' + text.replace("\n", " ") + '"'
        case Decimal() | int() | float():
            try:
                text = str(value)
            except ValueError:  # an integer of more digits than Python will print
                return "a number of thousands of digits"
            return text if len(text) <= _LONGEST_QUOTE else f"a number of {len(text)} digits"
        case dict():
            return "a table"
        case list() | tuple() if any(isinstance(item, dict) for item in value):
            return "a list of tables"
        case list() | tuple():
            text = "[" + ", ".join("[...]" if _nested(item) else show(item) for item in value) + "]"
            return text if len(text) <= _LONGEST_QUOTE else f"a list of {len(value)} items"
        case datetime.date() | datetime.time():
            return f"the date {value}"
    return f"{value}"


def _nested(value: Any) -> bool:
    """Whether a value is a list of lists, which may be nested deeper than can be shown."""
    kinds = list | tuple
    return isinstance(value, kinds) and any(isinstance(item, kinds) for item in value)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that looks most like `word`, or None where none comes near."""
    by_folded = {entry.casefold(): entry for entry in known}
    matches = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def one_of(words: Iterable[str], *, most: int = 12) -> str:
    """Return "one of a, b, c", cut short where the list is long."""
    listed = list(words)
    tail = ", ..." if len(listed) > most else ""
    return "one of " + ", ".join(listed[:most]) + tail


def translate(error: ValidationError, file: str, model: type[BaseModel]) -> tuple[Problem, ...]:
    """Turn the errors of pydantic into problems."""
    return tuple(
        _translate_one(details, file, model) for details in error.errors(include_url=False)
    )


def _translate_one(details: Any, file: str, model: type[BaseModel]) -> Problem:
    """Turn one error of pydantic into a problem."""
    location, value = details["loc"], details["input"]
    speak = _SENTENCES.get(details["type"], _other)
    found, expected, action = speak(details, model)
    if details["type"] in _INCOMPLETE_PAIR and location and isinstance(location[-1], int):
        location, found = location[:-1], show(value)
        expected, action = "a list of two texts", 'write both, for example ["a", "b"]'
    return Problem(file, dotted(location), found, expected, action)


Sentence = tuple[str, str, str]


def _study_value(details: Any, model: type[BaseModel]) -> Sentence:
    return show(details["input"]), details["ctx"]["expected"], details["ctx"]["action"]


def _missing(details: Any, model: type[BaseModel]) -> Sentence:
    location = details["loc"]
    key, header = location[-1], _header(location)
    if _model_at(model, location) is not None:
        header = f"[{header}]" if key == "citation" else f"[[{header}]]"
        return "nothing", f"a table {header}", "add it"
    where = "this table" if len(location) > 1 else "the top of the file"
    return "nothing", f"the key {key}", f"add {key} to {where}"


def _unknown_key(details: Any, model: type[BaseModel]) -> Sentence:
    key = str(details["loc"][-1])
    known = _keys(_model_at(model, details["loc"][:-1]))
    nearest = closest(key, known)
    action = f"write {nearest}" if nearest else "remove the key, or correct its name"
    return f"the unknown key {dotted([key])}", one_of(known, most=40), action


def _not_text(details: Any, model: type[BaseModel]) -> Sentence:
    value = details["input"]
    plain = isinstance(value, int | Decimal | datetime.date) and not isinstance(value, bool)
    action = f'write "{value}"' if plain else "write the text in quotation marks"
    return show(value), "text in quotation marks", action


def _empty_text(details: Any, model: type[BaseModel]) -> Sentence:
    return "an empty text", "a text", "write it, or leave the key out"


def _not_bool(details: Any, model: type[BaseModel]) -> Sentence:
    return show(details["input"]), "true or false", "write it without quotation marks"


def _not_whole(details: Any, model: type[BaseModel]) -> Sentence:
    return show(details["input"]), "a whole number", "write it as digits, without a decimal point"


def _not_a_choice(details: Any, model: type[BaseModel]) -> Sentence:
    value = details["input"]
    # pydantic lists the choices as 'a', 'b' or 'c'.
    words = [w.strip("'") for w in details["ctx"]["expected"].replace(" or ", ", ").split(", ")]
    nearest = closest(value, words) if isinstance(value, str) else None
    return show(value), one_of(words), f"write {nearest}" if nearest else "choose one of these"


def _too_many(details: Any, model: type[BaseModel]) -> Sentence:
    return show(details["input"]), "a list of two texts", "keep two entries"


def _not_a_list(details: Any, model: type[BaseModel]) -> Sentence:
    value, header = details["input"], _header(details["loc"])
    action = f"write [{show(value)}]" if isinstance(value, str) else "write it in brackets"
    if isinstance(value, dict):
        action = f"write the table with double brackets, [[{header}]]"
    elif _model_at(model, details["loc"]) is not None:
        action = f"write each entry as a table [[{header}]]"
    return show(value), "a list", action


def _not_a_table(details: Any, model: type[BaseModel]) -> Sentence:
    value, header = details["input"], _header(details["loc"])
    single = isinstance(value, list)
    action = (
        f"write it as a table with the header [{header}]"
        if single
        else (f"write its keys in a table {header}")
    )
    return show(value), "a table", action


def _other(details: Any, model: type[BaseModel]) -> Sentence:
    # No kind of error is known to end here; should one do, pydantic's words are better than none.
    return show(details["input"]), "another value", str(details["msg"]).rstrip(".")


_INCOMPLETE_PAIR = {"missing"}
_SENTENCES = {
    "study_value": _study_value,
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "string_type": _not_text,
    "string_too_short": _empty_text,
    "bool_type": _not_bool,
    "int_type": _not_whole,
    "literal_error": _not_a_choice,
    "too_long": _too_many,
    "tuple_type": _not_a_list,
    "list_type": _not_a_list,
    "model_type": _not_a_table,
    "model_attributes_type": _not_a_table,
    "dict_type": _not_a_table,
    "mapping_type": _not_a_table,
}


def _header(location: Sequence[str | int]) -> str:
    """Return the table header of a location: its names without positions."""
    return ".".join(part for part in location if isinstance(part, str))


def _keys(model: type[BaseModel] | None) -> list[str]:
    """Return the keys that a table of `model` may hold, as written in the file."""
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model of the table at `location`, or None where no model describes it."""
    here: type[BaseModel] | None = model
    for part in location:
        if here is None:
            return None
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in here.model_fields.items()}
        here = model_in(fields[part].annotation) if part in fields else None
    return here


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model named anywhere inside a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = model_in(argument)
        if found is not None:
            return found
    return None
