"""Studies from a table with one row for each arm, as a review keeps them in a spreadsheet.

The columns are those of `studies.arms_columns`. What belongs to the report (authors, year, status)
stands in the first row of a study; its other rows repeat it or leave it empty. A row with
``subgroup_factor`` and ``subgroup_level`` is a subgroup of the arm that it names. Treatments may go
by any name that the vocabulary knows. A table cannot hold everything that a study file can:
comparisons, patients and characteristics are added to the files afterwards.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from studies.arms_columns import (
    OF_ARM,
    OF_BOTH,
    OF_STUDY,
    OF_SUBGROUP,
    REQUIRED,
    CellError,
    Column,
    Place,
    column_of,
    columns_beside,
    columns_for,
    columns_known,
    read_cell,
)
from studies.checks import study_findings, word_findings
from studies.csv_rows import CsvTable, Row, read_csv_table
from studies.exchange_csv import FILE_NAME
from studies.problems import Finding, Problem, RegistryError, closest, dotted, show
from studies.reading import validate
from studies.schema import Study
from studies.vocabulary import UnknownWordError, Vocabulary, fold, load_vocabulary


def arms_header(vocabulary: Vocabulary, endpoints: Iterable[str] = ("os", "pfs")) -> str:
    """Return the first row of an empty table of arms.

    Parameters
    ----------
    vocabulary : Vocabulary
        The endpoints that exist.
    endpoints : iterable of str
        Endpoints to have columns for; those that do not exist are left out.

    Returns
    -------
    str
        One line of CSV. Columns that are not needed may be removed, and survival at 12 months
        renamed to any other time, ``os_survival_2_years``.
    """
    known = {item.id for item in vocabulary.endpoints}
    out = io.StringIO(newline="")
    names = columns_for([endpoint for endpoint in endpoints if endpoint in known])
    csv.writer(out, lineterminator="\r\n").writerow(names)
    return out.getvalue()


def studies_from_arms(
    text: str, name: str = "arms.csv", vocabulary: Vocabulary | None = None
) -> dict[str, dict[str, Any]]:
    """Read a table of arms.

    Parameters
    ----------
    text : str
        The table as CSV.
    name : str
        Name of its file, for the problems.
    vocabulary : Vocabulary or None
        Words that it may use; None: those of the shipped registry.

    Returns
    -------
    dict
        Tables of each study by the name of the file that they belong into. They passed every check
        that needs no other study.

    Raises
    ------
    RegistryError
        With every problem, by row and column.
    """
    vocabulary = vocabulary or load_vocabulary()
    table = read_csv_table(text, name)
    columns = [column_of(column, vocabulary) for column in table.columns]
    problems = [*_header_problems(table, columns, vocabulary, name)]
    if problems:
        raise RegistryError(problems)
    builder = _Builder(name, [column for column in columns if column], vocabulary)
    for row in table.rows:
        builder.add(row)
    problems = builder.problems
    # Cells that could not be read would be missed by the checks of the whole.
    spoilt = {problem.line for problem in problems}
    for report in builder.reports.values():
        if not spoilt & {row.line for row in report.rows}:
            problems += report.problems(name, vocabulary)
    if problems:
        raise RegistryError(sorted(problems, key=lambda problem: problem.line or 0))
    return {f"{study}.toml": report.tables for study, report in builder.reports.items()}


def _header_problems(
    table: CsvTable, columns: list[Column | None], vocabulary: Vocabulary, name: str
) -> Iterator[Problem]:
    """Yield columns that do not exist, and required ones that are missing."""
    for written, column in zip(table.columns, columns, strict=True):
        if column is None:
            nearest = closest(written, columns_known(vocabulary))
            action = f"write {nearest}" if nearest else "remove it, or correct its name"
            found = f"the unknown column {show(written)}"
            expected = "a column of a table of arms"
            yield Problem(name, "row 1", found, expected, action, 1)
    meant: dict[tuple[Any, ...], str] = {}
    for column in columns:
        if column is None:
            continue
        same = meant.setdefault((column.level, column.place, column.figure), column.name)
        if same != column.name:
            found, expected = f"the column {show(column.name)}", f"one for what {same} holds"
            yield Problem(name, "row 1", found, expected, "remove one of the two", 1)
    for required in REQUIRED:
        if required not in table.columns:
            expected, action = f"the column {required}", "add it"
            yield Problem(name, "row 1", f"no column {required}", expected, action, 1)
    if not table.rows:
        expected, action = "a row for each arm", "write one below the names of the columns"
        yield Problem(name, "", "no row", expected, action)


@dataclass
class _Report:
    """One study while it is put together.

    `cells` says from which cell a field came, or should come, by its path.
    """

    tables: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    arms: dict[str, tuple[int, Row]] = field(default_factory=dict)
    cells: dict[str, tuple[Row, str]] = field(default_factory=dict)

    def note(self, path: Place, column: Column, row: Row) -> None:
        """Note from which cell a field below `path` comes, or should come."""
        for depth in range(len(column.place), -1, -1):
            self.cells.setdefault(dotted((*path, *column.place[:depth])), (row, column.name))

    def problems(self, name: str, vocabulary: Vocabulary) -> Iterator[Problem]:
        """Yield what is wrong with the study as a whole, by row and column."""
        validated = validate(self.tables, Study, name)
        for problem in validated.problems:
            row, column = self._cell(problem.field)
            yield row.problem(name, column, problem.found, problem.expected, problem.action)
        if validated.problems or validated.record is None:
            return
        study = validated.record
        for finding in (*study_findings(study), *word_findings(study, vocabulary)):
            yield self._placed(finding, name)

    def _placed(self, finding: Finding, name: str) -> Problem:
        row, column = self._cell(dotted(finding.path))
        other_row, other_column = self._cell(dotted(finding.other))
        other = f"row {other_row.number}, column {other_column}"
        expected = finding.expected.replace("{other}", other)
        return row.problem(name, column, finding.found, expected, finding.action)

    def _cell(self, path: str) -> tuple[Row, str]:
        """Return the cell of a field, or of what the field is part of."""
        while path and path not in self.cells:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.cells.get(path, (self.rows[0], ""))


class _Builder:
    """Puts rows together to studies."""

    def __init__(self, name: str, columns: list[Column], vocabulary: Vocabulary) -> None:
        self._name, self._columns, self._vocabulary = name, columns, vocabulary
        self.reports: dict[str, _Report] = {}
        self.problems: list[Problem] = []

    def add(self, row: Row) -> None:
        """Add one row; what is wrong with it is noted."""
        problems = [*self._identity_problems(row)]
        if not problems:
            study_id = row.cells["study"].strip()
            report = self.reports.setdefault(study_id, _Report({}))
            report.rows.append(row)
            problems += self._add_study(row, report)
            problems += self._add_arm(row, report)
        self.problems += problems

    def _identity_problems(self, row: Row) -> Iterator[Problem]:
        for column in ("study", "arm"):
            if not row.cells[column].strip():
                expected = f"the id of the {column}"
                yield row.problem(self._name, column, "an empty cell", expected, "write it")
        study_id = row.cells["study"].strip()
        if study_id and not FILE_NAME.fullmatch(f"{study_id}.toml"):
            expected = "an identifier of letters, digits, and _ . + -"
            yield row.problem(self._name, "study", show(study_id), expected, "write another one")

    def _add_study(self, row: Row, report: _Report) -> Iterator[Problem]:
        """Set what the row says of the report; its rows may not say different things."""
        first = len(report.rows) == 1
        for name, (place, reading) in OF_STUDY.items() if first else ():
            report.note((), Column(name, "study", place, reading), row)
        for column in self._columns:
            if column.level != "study":
                continue
            text = row.cells[column.name].strip()
            if first:
                if text:
                    yield from self._set(report.tables, column, row)
                elif column.name in REQUIRED:
                    found, expected = "an empty cell", "verified or secondary"
                    yield row.problem(self._name, column.name, found, expected, "write it")
                continue
            said = report.rows[0].cells[column.name].strip()
            if text and text != said:
                before = f"{show(said)}, as in row {report.rows[0].number}" if said else "nothing"
                expected = f"{before}, or an empty cell"
                action = "write what belongs to the report in the first row of the study"
                yield row.problem(self._name, column.name, show(text), expected, action)
        report.tables.setdefault("citation", {})

    def _add_arm(self, row: Row, report: _Report) -> Iterator[Problem]:
        arm_id = row.cells["arm"].strip()
        if any(row.cells.get(column, "").strip() for column in OF_SUBGROUP):
            yield from self._add_subgroup(row, report, arm_id)
            return
        if arm_id in report.arms:
            first = report.arms[arm_id][1].number
            expected = f"an id that row {first} does not have, or a subgroup"
            action = "rename the arm, or fill subgroup_factor and subgroup_level"
            yield row.problem(self._name, "arm", f"{show(arm_id)} again", expected, action)
            return
        arms = report.tables.setdefault("cohorts", [])
        report.arms[arm_id] = (len(arms), row)
        arms.append({})
        yield from self._fill(arms[-1], ("cohorts", len(arms) - 1), row, report, {"arm", "both"})
        yield from self._name_treatment(arms[-1], row)

    def _add_subgroup(self, row: Row, report: _Report, arm_id: str) -> Iterator[Problem]:
        if arm_id not in report.arms:
            expected, action = "an arm that an earlier row has", "put the row of the arm first"
            yield row.problem(self._name, "arm", show(arm_id), expected, action)
            return
        place, arm_row = report.arms[arm_id]
        for column in OF_ARM:
            text, said = (r.cells.get(column, "").strip() for r in (row, arm_row))
            if text and fold(text) != fold(said):
                expected = "an empty cell in the row of a subgroup"
                action = f"write it in row {arm_row.number}, that of the arm"
                yield row.problem(self._name, column, show(text), expected, action)
        for column in ("subgroup_factor", "subgroup_level"):
            if not row.cells.get(column, "").strip():
                expected, action = "what tells the subgroup, such as histology and mixed", "fill it"
                yield row.problem(self._name, column, "an empty cell", expected, action)
        subgroups = report.tables["cohorts"][place].setdefault("subgroups", [])
        subgroups.append({})
        path = ("cohorts", place, "subgroups", len(subgroups) - 1)
        yield from self._fill(subgroups[-1], path, row, report, {"subgroup", "both"})

    def _fill(
        self, arm: dict[str, Any], path: Place, row: Row, report: _Report, levels: set[str]
    ) -> Iterator[Problem]:
        """Set the figures of an arm or a subgroup."""
        report.cells[dotted(path)] = (row, "")
        figures: dict[Any, tuple[dict[str, Any], Place]] = {}
        for column in self._columns:
            if column.level not in levels or not row.cells[column.name].strip():
                continue
            target, here = arm, path
            if column.figure:
                if column.figure not in figures:
                    (kind, _), *tells = column.figure
                    entries = arm.setdefault(kind, [])
                    entries.append(dict(tells))
                    figures[column.figure] = entries[-1], (*path, kind, len(entries) - 1)
                target, here = figures[column.figure]
            report.note(here, column, row)
            for other in columns_beside(column) if column.figure else ():
                report.note(here, other, row)
            yield from self._set(target, column, row)
        for name, (place, reading) in (OF_ARM | OF_BOTH | OF_SUBGROUP).items():
            report.note(path, Column(name, "both", place, reading), row)
        yield from self._half_pairs(arm, row, path, report)

    def _half_pairs(self, arm: Any, row: Row, path: Place, report: _Report) -> Iterator[Problem]:
        """Yield the intervals of which one limit alone is given, and make pairs of the others."""
        entries = arm.items() if isinstance(arm, dict) else enumerate(arm)
        for key, value in list(entries):
            here = (*path, key)
            if isinstance(value, dict) and value and all(isinstance(k, int) for k in value):
                if len(value) == 2:
                    arm[key] = [value[0], value[1]]
                    continue
                (limit,) = value
                given = report.cells[dotted((*here, limit))][1]
                other = _swapped(given)
                if not row.cells.get(other, "").strip():  # else it is complained about already
                    found, expected = f"nothing beside {given}", "both limits"
                    action = "write the other one, or leave both empty"
                    yield row.problem(self._name, other, found, expected, action)
            elif isinstance(value, dict | list) and key != "subgroups":
                yield from self._half_pairs(value, row, here, report)

    def _set(self, target: dict[str, Any], column: Column, row: Row) -> Iterator[Problem]:
        """Read one cell and put its value in its place; limits are keyed by 0 and 1 at first."""
        text = row.cells[column.name].strip()
        try:
            value = read_cell(text, column.reading)
        except CellError as error:
            yield row.problem(self._name, column.name, show(text), error.expected, error.action)
            return
        if column.place[0] == "sources":
            source = target.setdefault("sources", [{}])[0]
            source[column.place[2]] = value
            return
        *inside, last = column.place
        for key in inside:
            target = target.setdefault(key, {})
        target[last] = value

    def _name_treatment(self, arm: dict[str, Any], row: Row) -> Iterator[Problem]:
        """Resolve the treatment by any of its names, and keep the words of the table."""
        written = row.cells["treatment"].strip()
        if not written:
            expected = "a treatment of the vocabulary"
            yield row.problem(self._name, "treatment", "an empty cell", expected, "write it")
            return
        arm.setdefault("treatment_as_printed", written)
        try:
            arm["treatment"] = self._vocabulary.treatment(written).id
        except UnknownWordError as error:
            add = "add it to vocabulary.toml under [[treatments]]"
            action = f'write "{error.suggestion}", or {add}' if error.suggestion else add
            expected = "a treatment of the vocabulary, by any of its names"
            yield row.problem(self._name, "treatment", show(written), expected, action)


def _swapped(column: str) -> str:
    """Return the column of the other limit."""
    if column.endswith("_lower"):
        return column.removesuffix("_lower") + "_upper"
    return column.removesuffix("_upper") + "_lower"
