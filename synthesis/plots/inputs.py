"""What a figure asks of the tables that it is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from synthesis.numbers import is_missing

if TYPE_CHECKING:
    import pandas as pd


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
        there = ", ".join(map(str, table.columns)) or "none"
        raise ValueError(
            f"{what}: the table lacks the columns {', '.join(missing)} (found: {there})"
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


def require_known(values: Iterable[Any], known: Iterable[str], what: str) -> None:
    """Check that every value is a known word.

    Raises
    ------
    ValueError
        Names the figure, the column and the first unknown value.
    """
    words = tuple(known)
    for value in values:
        if value not in words:
            raise ValueError(f"{what} is {value!r}; expected one of {', '.join(words)}")


def number(value: Any) -> float:
    """A cell as a number; a missing one is NaN."""
    return np.nan if is_missing(value) else float(value)


def interval_of(
    record: Mapping[str, Any], name: str = "", factor: float = 1.0
) -> tuple[float, float, float]:
    """Estimate and limits of a row: the columns `name`, ``name_lower`` and ``name_upper``.

    Without a name: ``estimate``, ``lower`` and ``upper``.
    """
    names = (name, f"{name}_lower", f"{name}_upper") if name else ("estimate", "lower", "upper")
    middle, lower, upper = (factor * number(record[column]) for column in names)
    return middle, lower, upper


def flag(value: Any) -> bool:
    """A cell as yes or no; a missing one is no."""
    return not is_missing(value) and bool(value)


def word(value: Any) -> str:
    """A cell as text; a missing one is empty."""
    return "" if is_missing(value) else str(value).strip()
