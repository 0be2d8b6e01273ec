"""What a table of the page is made of, and how its numbers are written.

Only text leaves this module; escaping is the business of the templates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

MISSING = "–"
LEVEL = "95 %"

ColumnKind = Literal["", "num", "keep", "wide", "mono", "verdict"]


@dataclass(frozen=True)
class Column:
    """One column: its heading and how its cells are set.

    Attributes
    ----------
    label : str
        Heading.
    kind : {"", "num", "keep", "wide", "mono", "verdict"}
        Plain text, right-aligned number, unbroken text, long text, monospaced text, or the verdict
        of a fit.
    """

    label: str
    kind: ColumnKind = ""


@dataclass(frozen=True)
class Cell:
    """One cell: text, with a link or the marks of a verdict where wanted.

    `more` is a second, quieter line. `rows` is the number of rows the cell stands for: 0 for one
    that a cell above stands for.
    """

    text: str
    href: str = ""
    kind: str = ""
    verdict: bool = False
    more: str = ""
    rows: int = 1


@dataclass(frozen=True)
class Group:
    """Rows under one heading; an empty heading shows none."""

    label: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Table:
    """A table of the page, ready for the template."""

    title: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    note: str = ""
    long: bool = False
    narrow: bool = False


def make_table(
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    note: str = "",
    group_by: Sequence[str] | None = None,
    narrow: bool = False,
) -> Table:
    """Arrange values into a table.

    Parameters
    ----------
    title, note : str
        Bold and plain part of the caption.
    columns : sequence of Column
        One per value of a row.
    rows : iterable of sequences
        Values; anything that is not a `Cell` is written by `text`.
    group_by : sequence of str, optional
        Heading of each row; neighbouring rows of one heading form a group.
    narrow : bool
        The table needs no more than the width of its content.

    Returns
    -------
    Table
        A table of more than 30 rows scrolls in its own frame.
    """
    made = [tuple(map(_cell, row, columns)) for row in rows]
    labels = list(group_by) if group_by is not None else [""] * len(made)
    groups: list[Group] = []
    for label, row in zip(labels, made, strict=True):
        if groups and groups[-1].label == label:
            groups[-1] = Group(label, (*groups[-1].rows, row))
        else:
            groups.append(Group(label, (row,)))
    long = len(made) > 30
    return Table(title, tuple(columns), tuple(groups), note=note, long=long, narrow=narrow)


def _cell(value: object, column: Column) -> Cell:
    if isinstance(value, Cell):
        return replace(value, kind=value.kind or column.kind)
    kind = "keep" if column.kind == "verdict" else column.kind
    return Cell(text(value), kind=kind, verdict=column.kind == "verdict")


def is_missing(value: Any) -> bool:
    """Tell whether a table value is None, NaN or pandas' missing value, or an empty text."""
    if value is None or (isinstance(value, str) and not value):
        return True
    try:
        return bool(value != value)
    except TypeError:  # pandas.NA has no truth value
        return True


def text(value: Any) -> str:
    """Write any value of a table: whole numbers whole, others to four figures, a dash for none."""
    if not isinstance(value, str) and is_missing(value):
        return MISSING
    if isinstance(value, str):
        return value or MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.4g}"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {text(entry)}" for name, entry in value.items()) or MISSING
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(text(entry) for entry in value) or MISSING
    return str(value)


def dashes(sentences: str) -> str:
    """Set the hyphens of intervals as tables do: "(2.1–5.0)", and "−0.3 (−1.2 to 0.6)"."""
    between = re.sub(r"\((\d[\d.]*)-(\d[\d.]*)\)", r"(\1–\2)", sentences)
    return re.sub(r"(?<![\w.–-])-(?=\d)", "\N{MINUS SIGN}", between)


def count(number: int, noun: str) -> str:
    """Write a number with its noun: "1 cohort", "1,204 patients"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def months(value: float) -> str:
    """Write a time in months: one decimal, none from 100 on."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def percent(value: float) -> str:
    """Write a fraction as a whole percentage, with one decimal below 1 %."""
    digits = 1 if 0 < value < 0.01 else 0
    return f"{100 * value:.{digits}f}"


def interval(estimate: Any, lower: Any, upper: Any, write: Any) -> str:
    """Write "estimate (lower–upper)" with `write` for each number.

    Parameters
    ----------
    estimate, lower, upper : float
        NaN or None for what is not there.
    write : callable
        `months` or `percent`.
    """
    if is_missing(estimate):
        return MISSING
    limits = [MISSING if is_missing(x) or math.isinf(x) else write(x) for x in (lower, upper)]
    if limits == [MISSING, MISSING]:
        return write(estimate)
    return f"{write(estimate)} ({'–'.join(limits)})"
