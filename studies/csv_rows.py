"""Reading a comma-separated table, with the place of every cell for the problems."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from studies.problems import Problem, RegistryError, show


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes
    ----------
    number : int
        Its number as a spreadsheet counts: the header is row 1.
    line : int
        Line of the text on which it begins; cells with line breaks make it differ from `number`.
    cells : mapping of str to str
        Its cells by column.
    """

    number: int
    line: int
    cells: Mapping[str, str]

    def problem(self, file: str, column: str, found: str, expected: str, action: str) -> Problem:
        """Return a problem of one cell, or of the whole row where `column` is empty."""
        place = f"row {self.number}, column {column}" if column else f"row {self.number}"
        return Problem(file, place, found, expected, action, self.line)


@dataclass(frozen=True)
class CsvTable:
    """A table as it was read.

    Attributes
    ----------
    columns : tuple of str
        The header.
    rows : tuple of Row
        The rows below it that hold anything.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_csv_table(text: str, name: str) -> CsvTable:
    """Read a comma-separated table with a header.

    Parameters
    ----------
    text : str
        The table, as RFC 4180 writes it; a byte order mark and any line ends are accepted.
    name : str
        Name of the file, for the problems.

    Returns
    -------
    CsvTable
        The table; rows without any content are left out.

    Raises
    ------
    RegistryError
        Where it is no such table: no header, a column twice, rows of another length, quotation
        marks that do not close.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for record in reader:
            records.append((begins, record))
            begins = reader.line_num + 1
    except csv.Error as error:
        found, expected = f"a row that cannot be read ({error})", "cells separated by commas"
        action = "close the quotation marks, and double those inside a cell"
        raise RegistryError([Problem(name, "", found, expected, action, begins)]) from None
    columns = tuple(cell.strip() for cell in records[0][1]) if records else ()
    problems = _header_problems(columns, name)
    rows = []
    for number, (line, cells) in enumerate(records[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        row = Row(number, line, dict(zip(columns, cells, strict=False)))
        if len(cells) != len(columns):
            found, expected = f"{len(cells)} cells", f"{len(columns)}, one for each column"
            action = "put a cell that contains a comma in quotation marks"
            problems.append(row.problem(name, "", found, expected, action))
        rows.append(row)
    if problems:
        raise RegistryError(problems)
    return CsvTable(columns, tuple(rows))


def _header_problems(columns: tuple[str, ...], name: str) -> list[Problem]:
    """Return what is wrong with the header."""
    if not any(columns):
        action = "write the names of the columns in the first row"
        return [Problem(name, "row 1", "no header", "the names of the columns", action, 1)]
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t"):
        found, expected = "columns separated by another sign", "columns separated by commas"
        action = "save the table as comma-separated values (CSV), with a point in decimal numbers"
        return [Problem(name, "row 1", found, expected, action, 1)]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    return [
        Problem(
            name,
            "row 1",
            f"the column {show(column)} twice" if column else "columns without a name",
            "a name of its own for each column",
            "rename or remove one of them",
            1,
        )
        for column in twice
    ]
