"""Reading the cells of the tables that figures are drawn from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

import pandas as pd

# The part of a value that ends where its decimal point (or solidus, or unit) begins.
_LEADING = re.compile(r"\d+|(?:NR|NE)\b")


def split_at_point(text: str) -> tuple[str, str] | None:
    """Split a value before its decimal point: the piece to set flush right, and the rest.

    None when the text does not begin with a figure and cannot be aligned.
    """
    found = _LEADING.match(text)
    return (found.group(), text[found.end() :]) if found else None


def dashes(text: str) -> str:
    """Set the hyphen between two limits as an en dash, as journals do; nothing else changes."""
    return re.sub(r"(?<=[0-9RE%])\s*-\s*(?=[0-9N])", "\N{EN DASH}", text)


def in_sentence(label: str) -> str:
    """Write a label as within a sentence: a small initial, but for an abbreviation or a number."""
    return label if label[1:2].isupper() or label[1:2].isdigit() else label[:1].lower() + label[1:]


def signs(text: str) -> str:
    """Set hyphens before a figure as minus signs, and those between two limits as en dashes."""
    between = re.sub(r"(?<=\d)-(?=\d)", "\N{EN DASH}", text)
    return re.sub(r"-(?=\d)", "\N{MINUS SIGN}", between)


def as_number(value: object) -> float:
    """Read a cell of a table as a number; a missing one is NaN."""
    return math.nan if value is None or value is pd.NA else float(value)  # type: ignore[arg-type]


def as_numbers(values: Iterable[object]) -> list[float]:
    """Read a column of a table as numbers; missing ones are NaN."""
    return [as_number(value) for value in values]


def as_text(value: object) -> str:
    """Read a cell of a table as text; a missing one is empty, a whole number has no point."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def as_flag(value: object) -> bool:
    """Read a cell of a table as yes or no; a missing one is no."""
    return as_text(value) != "" and bool(value)


def require_columns(
    table: pd.DataFrame, columns: Iterable[str], what: str, *, may_be_empty: bool = False
) -> None:
    """Check that a table has rows and the columns a figure reads.

    Raises
    ------
    ValueError
        Names the table and every missing column.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        found = ", ".join(map(str, table.columns)) or "none"
        raise ValueError(
            f"{what}: the table lacks the columns {', '.join(missing)} (found: {found})"
        )
    if table.empty and not may_be_empty:
        raise ValueError(f"{what}: the table has no rows; there is nothing to draw")


def require_unique(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Check that no two rows of a table agree in some columns.

    Raises
    ------
    ValueError
        Names the table and the first pair of rows that agree.
    """
    twice = table[table.duplicated(list(columns))]
    if not twice.empty:
        first = ", ".join(f"{column} {twice.iloc[0][column]!s}" for column in columns)
        raise ValueError(f"{what}: two rows for {first}; expected one")
