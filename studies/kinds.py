"""The kinds of value that a record holds, and the base of every record.

A kind of value refuses what it does not understand with what it expected and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

NOT_REACHED = "not reached"

# A figure beyond this is a slip of the keyboard, and would overflow where months become floats.
_LARGEST_FIGURE = 10**9
# Patients of one arm; no cancer registry has more of one treatment.
_MOST_PATIENTS = 10**6
# Smaller steps are not printed, and their exponents leave what decimal arithmetic can hold.
_MOST_DECIMALS = 60
# Characters of a record that are shown.
_LONGEST = 1000


def _refuse(expected: str, action: str) -> PydanticCustomError:
    """Build the error that `studies.problems` turns into a sentence."""
    return PydanticCustomError(
        "study_value", "expected {expected}", {"expected": expected, "action": action}
    )


def _number(value: Any) -> Decimal:
    """Return a printed number with its digits; a float, which only code passes, in short form."""
    if isinstance(value, str):
        try:
            Decimal(value)
        except ArithmeticError:
            raise _refuse("a number", "write the number alone, without words or units") from None
        raise _refuse("a number", "remove the quotation marks") from None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _refuse("a number", "write the number as the report prints it")
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    exponent = number.as_tuple().exponent
    # The exponent of what is not finite is a letter.
    sound = isinstance(exponent, int) and -_MOST_DECIMALS <= exponent <= 9
    if not sound or abs(number) >= _LARGEST_FIGURE:
        raise _refuse("a finite number", "write the number as the report prints it")
    return number


def _reached(value: Any) -> Decimal | str:
    if value == NOT_REACHED:
        return NOT_REACHED
    if isinstance(value, str):
        raise _refuse(
            f'a number or "{NOT_REACHED}"',
            f'write the number without quotes, or "{NOT_REACHED}" (also for "not estimable")',
        )
    return _number(value)


def _pair(upper: Any) -> Any:
    def read(value: Any) -> tuple[Any, Any]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise _refuse("a list of two figures, lower then upper", "write for example [0.6, 5.5]")
        return _number(value[0]), upper(value[1])

    return read


def _whole(least: int, most: int = _LARGEST_FIGURE - 1) -> Any:
    def read(value: Any) -> int:
        expected = f"a whole number of {least} or more"
        if isinstance(value, bool) or not isinstance(value, int):
            raise _refuse(expected, "write the count as digits, without a decimal point or quotes")
        if value > most:
            expected = f"a whole number of {most} at most"
        if not least <= value <= most:
            raise _refuse(expected, "write the count that the report prints, or leave the key out")
        return value

    return read


def _number_or_text(value: Any) -> Decimal | str:
    if isinstance(value, str):
        if not value.strip():
            raise _refuse(
                "a number or a text", "write what the report prints, or leave the key out"
            )
        return value.strip()
    return _number(value)


class FrozenDict(Mapping[str, Any]):
    """A mapping that cannot change, and so can be hashed, copied and pickled with its record."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, Any] | None = None) -> None:
        self._entries = dict(entries or {})

    def __getitem__(self, key: str) -> Any:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        return f"FrozenDict({self._entries!r})"


def distinct_names(entries: Any) -> Any:
    """Return a table whose keys differ in more than the blanks around them, which are not kept."""
    if isinstance(entries, Mapping):
        names = [key.strip() if isinstance(key, str) else key for key in entries]
        if len(set(names)) < len(names):
            raise _refuse(
                "keys that differ in more than blanks", "rename or remove one of the two keys"
            )
    return entries


def at_least_one(entries: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the entries of a list that may not be empty."""
    if not entries:
        raise _refuse("at least one entry", "add a table with double brackets")
    return entries


# What an editor is told of each kind, in the words of JSON Schema.
_TEXT_SCHEMA: dict[str, Any] = {"type": "string", "pattern": r"\S"}
_NUMBER_SCHEMA: dict[str, Any] = {"type": "number"}
_REACHED_SCHEMA: dict[str, Any] = {"anyOf": [_NUMBER_SCHEMA, {"const": NOT_REACHED}]}
_EITHER_SCHEMA: dict[str, Any] = {"anyOf": [_NUMBER_SCHEMA, _TEXT_SCHEMA]}


def _pair_schema(upper: dict[str, Any]) -> WithJsonSchema:
    two = {"items": [_NUMBER_SCHEMA, upper], "minItems": 2, "maxItems": 2}
    return WithJsonSchema({"type": "array"} | two)


def _whole_schema(least: int, **more: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": least} | more)


Text = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1),
    WithJsonSchema(_TEXT_SCHEMA),
]
Printed = Annotated[Decimal, PlainValidator(_number), WithJsonSchema(_NUMBER_SCHEMA)]
Fraction = Annotated[Printed, WithJsonSchema(_NUMBER_SCHEMA | {"minimum": 0, "maximum": 1})]
Percent = Annotated[Printed, WithJsonSchema(_NUMBER_SCHEMA | {"minimum": 0, "maximum": 100})]
Reached = Annotated[
    Decimal | Literal["not reached"], PlainValidator(_reached), WithJsonSchema(_REACHED_SCHEMA)
]
PrintedPair = Annotated[
    tuple[Decimal, Decimal], PlainValidator(_pair(_number)), _pair_schema(_NUMBER_SCHEMA)
]
ReachedPair = Annotated[
    tuple[Decimal, Decimal | Literal["not reached"]],
    PlainValidator(_pair(_reached)),
    _pair_schema(_REACHED_SCHEMA),
]
PrintedOrText = Annotated[
    Decimal | str, PlainValidator(_number_or_text), WithJsonSchema(_EITHER_SCHEMA)
]
Count = Annotated[int, PlainValidator(_whole(0)), _whole_schema(0)]
PatientCount = Annotated[
    int, PlainValidator(_whole(1, _MOST_PATIENTS)), _whole_schema(1, maximum=_MOST_PATIENTS)
]
CountsByName = Annotated[
    Mapping[Text, Count],
    BeforeValidator(distinct_names),
    AfterValidator(FrozenDict),
    PlainSerializer(dict),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}),
]


class Record(BaseModel):
    """Base of every record: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,
        use_attribute_docstrings=True,
    )

    def __repr__(self) -> str:
        """What was given, cut where it would fill a screen."""
        text = super().__repr__()
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Fields that were given, with their values."""
        given = self.model_fields_set
        return ((name, value) for name, value in super().__repr_args__() if name in given)


def optional(
    good: str = "",
    bad: str = "",
    why: str = "",
    *,
    default: Any = None,
    alias: str | None = None,
    **editor: Any,
) -> Any:
    """Declare a key with a value to write, one not to write, and why that one is refused.

    Without `good` the key is the header of tables; without `bad` the usual mistake of its kind is
    shown. `editor` holds limits of which only the JSON Schema is told: the checks know them too.
    """
    return Field(default, alias=alias, examples=[good, bad, why], json_schema_extra=editor or None)


required = partial(optional, default=...)
several = partial(optional, default=())


def half_step(value: Decimal) -> Decimal:
    """Return half of the last printed digit: 0.05 for 3.1, 0.5 for 166."""
    return Decimal(5).scaleb(int(value.as_tuple().exponent) - 1)
