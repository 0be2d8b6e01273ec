"""What the records say of themselves: the keys of a table, their order, types and meaning.

Whatever writes, describes or documents study files asks here, so that a new field of a record is
written, described and documented without anybody remembering it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

_AS_IN = re.compile(r"As in `(\w+)`\.")


@dataclass(frozen=True)
class Shape:
    """One key of a table.

    Attributes
    ----------
    name, key : str
        Name in the code, and key in the file.
    hint : Any
        Type, with its annotations.
    required : bool
        Whether the key must be there.
    record : type or None
        Record that the key holds, alone or in a list.
    many : bool
        Whether it holds a list of records.
    """

    name: str
    key: str
    hint: Any
    required: bool
    record: type[BaseModel] | None
    many: bool


@cache
def shapes(model: type[BaseModel]) -> tuple[Shape, ...]:
    """Return the keys of a table, in the order of its record.

    Parameters
    ----------
    model : type
        The record.

    Returns
    -------
    tuple of Shape
        One for each key.
    """
    hints = get_type_hints(model, include_extras=True)
    found = []
    for name, field in model.model_fields.items():
        record = _record_in(hints[name])
        many = record is not None and _is_list(hints[name])
        key, required = field.alias or name, field.is_required()
        found.append(Shape(name, key, hints[name], required, record, many))
    return tuple(found)


def records_below(model: type[BaseModel]) -> tuple[type[BaseModel], ...]:
    """Return a record and every record that it holds, each once, outermost first.

    Parameters
    ----------
    model : type
        The outermost record.

    Returns
    -------
    tuple of type
        The records.
    """
    found = [model]
    for record in found:  # grows while it is walked
        found += [s.record for s in shapes(record) if s.record and s.record not in found]
    return tuple(found)


def plain(hint: Any) -> Any:
    """Return a type without the `None` that an optional key adds to it.

    Parameters
    ----------
    hint : Any
        Type with its annotations.

    Returns
    -------
    Any
        The type, or the union of types where several are left.
    """
    if get_origin(hint) is Annotated or type(None) not in get_args(hint):
        return hint
    left = [item for item in get_args(hint) if item is not type(None)]
    return left[0] if len(left) == 1 else hint


def _record_in(hint: Any) -> type[BaseModel] | None:
    """Return the record named anywhere inside a type."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    arguments = get_args(hint)[:1] if get_origin(hint) is Annotated else get_args(hint)
    return next((found for item in arguments if (found := _record_in(item))), None)


def _is_list(hint: Any) -> bool:
    """Whether a type is a list of something."""
    if get_origin(hint) is Annotated:
        return _is_list(get_args(hint)[0])
    return get_origin(hint) is tuple


@cache
def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what each key of a table means, from the docstring of its record.

    Parameters
    ----------
    model : type
        The record, whose docstring has a section ``Attributes``.

    Returns
    -------
    dict of str to str
        By key of the file, in the order of the record; "As in `Other`" is looked up there. A key
        that the docstring does not explain is absent.
    """
    written = dict(_attributes(model))
    found = {}
    for shape in shapes(model):
        text = written.get(shape.name)
        reference = _AS_IN.fullmatch(text or "")
        if reference is not None:
            text = _of_other(reference[1], shape, model)
        if text:
            found[shape.key] = _in_words_of_files(text)
    return found


def _shared(names: list[str], text: str) -> Iterator[tuple[str, str]]:
    """Yield what each of several names means; "one; other; third" speaks of them in turn."""
    parts = text.rstrip(".").split("; ")
    in_turn = len(parts) == len(names) > 1 and not any("None" in part for part in parts)
    for place, name in enumerate(names):
        part = f"{parts[place]}." if in_turn else text
        yield name, part[:1].upper() + part[1:]


def _in_words_of_files(text: str) -> str:
    """Say what a docstring says of Python in the words of a file, where nothing is `None`."""
    text = re.sub(r"\bNone\b", "absent", text)
    return re.sub(r"\bTrue\b", "true", text).replace("``", "`")


def _of_other(name: str, shape: Shape, model: type[BaseModel]) -> str | None:
    """Return the meaning of a key in the record that a docstring refers to."""
    others = vars(inspect.getmodule(model))
    other = others.get(name)
    return meanings(other).get(shape.key) if isinstance(other, type) else None


def _attributes(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield name and text of everything that the section ``Attributes`` explains."""
    lines = inspect.cleandoc(model.__doc__ or "").splitlines()
    if "Attributes" not in lines:
        return
    names: list[str] = []
    text: list[str] = []
    for line in [*lines[lines.index("Attributes") + 2 :], "end"]:
        if line.startswith(" "):
            text.append(line.strip())
        elif line:
            yield from _shared(names, " ".join(text))
            names, text = [name.strip() for name in line.split(" :")[0].split(",")], []
