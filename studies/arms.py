"""Studies from a table with one row for each arm, as a review keeps them in a spreadsheet.

``studies/README.md`` tells the columns. What belongs to the report stands in the first row of a
study; its other rows repeat it or leave it empty. A table cannot hold everything that a study file
can: comparisons, patients and characteristics are added to the files afterwards.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from studies.checks import ADD_TREATMENT, study_findings
from studies.files import is_study_file, validate
from studies.problems import CONTROL, Problem, RegistryError, correction, dotted, show
from studies.registry import Registry, add_tables
from studies.schema import AN_IDENTIFIER, NOT_REACHED, PATIENT_TIMES, Study, Unit
from studies.vocabulary import UnknownWordError, Vocabulary, fold, load_vocabulary

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    file: str
    number: int
    """As a spreadsheet counts: the header is row 1."""
    line: int
    """Line of the text on which it begins; cells with line breaks make it differ from `number`."""
    cells: Mapping[str, str]
    """By column."""

    def text(self, column: str) -> str:
        """Return what a cell holds; nothing where there is no such column."""
        return self.cells.get(column, "").strip()

    def problem(self, column: str, found: str, expected: str, action: str) -> Problem:
        """Return a problem of one cell, or of the whole row where `column` is empty."""
        place = f"row {self.number}, column {column}" if column else f"row {self.number}"
        return Problem(self.file, place, found, expected, action, self.line)


def read_csv_table(text: str, name: str) -> tuple[tuple[str, ...], list[Row]]:
    """Return the header of a comma-separated table (RFC 4180) and its rows that hold anything."""
    text = text.removeprefix("\ufeff")
    if sign := CONTROL.search(text.replace("\r", "\n")):
        found = f"the control character U+{ord(sign[0]):04X}"
        line = text.count("\n", 0, sign.start()) + 1
        expected = "a text that can be printed"
        raise RegistryError([Problem(name, "", found, expected, "remove it", line)])
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for record in reader:
            records.append((begins, record))
            begins = reader.line_num + 1
    except csv.Error as error:
        mistake, expected = f"a row that cannot be read ({error})", "cells separated by commas"
        action = "close the quotation marks, and double those inside a cell"
        raise RegistryError([Problem(name, "", mistake, expected, action, begins)]) from None
    columns = tuple(cell.strip() for cell in records[0][1]) if records else ()
    problems, rows = _csv_problems(columns, name), []
    for number, (line, cells) in enumerate(records[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        row = Row(name, number, line, dict(zip(columns, cells, strict=False)))
        if len(cells) != len(columns):
            expected = f"{len(columns)}, one for each column"
            action = "put a cell that contains a comma in quotation marks"
            problems.append(row.problem("", f"{len(cells)} cells", expected, action))
        rows.append(row)
    if problems:
        raise RegistryError(problems)
    return columns, rows


def _csv_problems(columns: tuple[str, ...], name: str) -> list[Problem]:
    def problem(mistake: str, expected: str, action: str) -> Problem:
        return Problem(name, "row 1", mistake, expected, action, 1)

    if not any(columns):
        action = "write the names of the columns in the first row"
        return [problem("no header", "the names of the columns", action)]
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t"):
        action = "save the table as comma-separated values (CSV), with a point in decimal numbers"
        mistake = "columns separated by another sign"
        return [problem(mistake, "columns separated by commas", action)]
    expected, action = "a name of its own for each column", "rename or remove one of them"
    twice = sorted(column for column, number in Counter(columns).items() if number > 1)
    mistakes = (
        f"the column {show(name)} twice" if name else "columns without a name" for name in twice
    )
    return [problem(mistake, expected, action) for mistake in mistakes]


# --- Columns -------------------------------------------------------------------------------------

Reading = Literal["text", "list", "whole", "number", "reached", "fraction", "true_false"]
Level = Literal["study", "arm", "subgroup", "both"]
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Column:
    """A column whose name is understood."""

    name: str
    level: Level
    """What its cells speak of."""
    place: Place
    """Where its cells stand, relative to that, or to the figure of an endpoint."""
    reading: Reading
    """What its cells hold."""
    figure: tuple[tuple[str, Any], ...] = ()
    """For a figure of an endpoint: list that it stands in, and what tells it from the others."""


def _columns(level: Level, *names: str) -> dict[str, Column]:
    """Return columns written ``name=place:reading``; the last part names one without."""
    columns = {}
    for written in " ".join(names).split():
        column, _, reading = written.partition(":")
        name, named, place = column.rpartition("=")
        parts = tuple(int(part) if part.isdigit() else part for part in place.split("."))
        name = name if named else parts[-1]
        columns[name] = Column(name, level, parts, reading or "text")
    return columns


OF_STUDY = _columns(
    "study",
    "study=id citation.authors:list citation.year:whole citation.title",
    "citation.journal citation.volume_pages citation.doi citation.pmid",
    "citation.trial_registration citation.unverified:list design centres countries:list",
    "institutions:list enrolment population status notes source=sources.0.kind",
    "source_url=sources.0.url source_doi=sources.0.doi",
)
# Columns of an arm alone: a row of a subgroup leaves them empty, or repeats them.
OF_ARM = _columns(
    "arm",
    "arm=id treatment treatment_as_printed disease line time_origin part_of",
    "histology.pure:whole histology.mixed:whole histology.pure_percent:number",
    "histology.mixed_percent:number formed_by=formed_by.kind formed_by_reason=formed_by.reason",
    "not_pooled caution",
)
OF_SUBGROUP = _columns(
    "subgroup", "subgroup_factor=factor subgroup_level=level subgroup_histology=histology"
)
OF_BOTH = _columns(
    "both",
    "n:whole response.responders:whole response.evaluable:whole response.cr:whole",
    "response.pr:whole response.sd:whole response.pd:whole response.ne:whole",
    "response.disease_control:whole response.orr_percent:number",
    "orr_lower=response.orr_ci.0:number orr_upper=response.orr_ci.1:number",
    "response.orr_level:number response.dcr_percent:number response.criteria response.assessor",
)
_OF_ENDPOINT = _columns(
    "both",
    "median:reached lower=ci.0:number upper=ci.1:reached level:number unit",
    "events:whole follow_up:number iqr_lower=iqr.0:number iqr_upper=iqr.1:number",
    "range_lower=range.0:number range_upper=range.1:number label status note",
)
_AT_A_TIME = _columns(
    "both",
    "=survival:fraction _lower=ci.0:fraction _upper=ci.1:fraction _level=level:number",
    "_at_risk=at_risk:whole _digitised=digitised:true_false",
)
_TIME = re.compile(
    rf"survival_(\d+(?:\.\d+)?)_({'|'.join(get_args(Unit))})({'|'.join(filter(None, _AT_A_TIME))})?"
)
REQUIRED = ("study", "status", "arm", "treatment")


def column_of(name: str, vocabulary: Vocabulary) -> Column | None:
    """Return what a column of that name holds, or None where there is no such column."""
    plain = OF_STUDY | OF_ARM | OF_SUBGROUP | OF_BOTH
    if name in plain:
        return plain[name]
    # An id may begin with another one.
    for endpoint in sorted((entry.id for entry in vocabulary.endpoints), key=len, reverse=True):
        rest = name.removeprefix(f"{endpoint}_")
        if rest == name:
            continue
        if rest in _OF_ENDPOINT:
            figure = (("survival", None), ("endpoint", endpoint))
            return replace(_OF_ENDPOINT[rest], name=name, figure=figure)
        match = _TIME.fullmatch(rest)
        if match is not None:
            when = (("time", Decimal(match[1])), ("unit", match[2]))
            figure = (("landmarks", None), ("endpoint", endpoint), *when)
            return replace(_AT_A_TIME[match[3] or ""], name=name, figure=figure)
    return None


def columns_beside(column: Column) -> tuple[Column, ...]:
    """Return the columns that speak of the same figure, whether the header has them or not."""
    (kind, _), (_, endpoint), *when = column.figure
    columns, stem = (_OF_ENDPOINT, f"{endpoint}_") if kind == "survival" else (_AT_A_TIME, "")
    if when:
        stem = f"{endpoint}_survival_{when[0][1]}_{when[1][1]}"
    return tuple(
        replace(own, name=stem + own.name, figure=column.figure) for own in columns.values()
    )


def columns_for(endpoints: Iterable[str]) -> tuple[str, ...]:
    """Return every column of a table with figures of these endpoints; 12 months stand for any."""
    names = [*OF_STUDY, *OF_ARM, *OF_SUBGROUP, "n"]
    for endpoint in endpoints:
        names += [f"{endpoint}_{figure}" for figure in _OF_ENDPOINT]
        names += [f"{endpoint}_survival_12_months{figure}" for figure in _AT_A_TIME]
    return (*names, *(name for name in OF_BOTH if name != "n"))


# --- Cells ---------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?")
_WHOLE = re.compile(r"\d{1,30}")
_COMMA = re.compile(r"[+-]?\d+[,·]\d+")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_NOT_REACHED = frozenset(
    map(fold, (NOT_REACHED, "NR", "N.R.", "NE", "N.E.", "not estimable", "not evaluable"))
)


class CellError(ValueError):
    """A cell that cannot be read: what it should hold, and what to do."""


def read_cell(text: str, reading: Reading) -> Any:
    """Return what a cell holds."""
    match reading:
        case "text":
            return text
        case "list":
            return _list(text)
        case "whole":
            if not _WHOLE.fullmatch(text):
                action = "write the count as digits, or leave the cell empty"
                raise CellError("a whole number", action)
            return int(text)
        case "true_false":
            if fold(text) not in ("true", "false"):
                raise CellError("true or false", "write true, or leave the cell empty")
            return fold(text) == "true"
        case "reached" if fold(text) in _NOT_REACHED:
            return NOT_REACHED
    return _number(text, reading)


def _list(text: str) -> list[str]:
    if "," in text:
        example = "; ".join(part.strip() for part in text.split(",")[:2])
        raise CellError("entries separated by semicolons", f"write for example {example}")
    return [part.strip() for part in text.split(";") if part.strip()]


def _number(text: str, reading: Reading) -> Decimal:
    """Return a printed number; say how to write the numbers that people write in other ways."""
    expected = "a number with a decimal point"
    if reading == "reached":
        expected += f' or "{NOT_REACHED}"'
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    if _COMMA.fullmatch(text):
        whole, part = re.split("[,·]", text)
        action = f"write {whole}.{part}"
        if len(part) == 3 and "," in text:
            action += f", or {whole}{part} where the comma separates thousands"
        raise CellError(expected, action)
    percent = _PERCENT.fullmatch(text)
    if percent is not None:
        number = Decimal(percent[1])
        number = number.scaleb(-2) if reading == "fraction" else number
        raise CellError(f"{expected}, without a percent sign", f"write {number:f}")
    raise CellError(expected, "write the number alone, or leave the cell empty")


def arms_header(vocabulary: Vocabulary) -> str:
    """Return the header of a table of arms; 12 months of survival may be renamed to any time."""
    words = {endpoint.id for endpoint in vocabulary.endpoints}
    out = io.StringIO(newline="")
    names = columns_for([endpoint for endpoint in PATIENT_TIMES if endpoint in words])
    csv.writer(out, lineterminator="\r\n").writerow(names)
    return out.getvalue()


def arms_from_frame(frame: pd.DataFrame, registry: Registry | None = None) -> Registry:
    """Return a registry of the arms of a table, without any file.

    Parameters
    ----------
    frame : DataFrame
        One row for each arm, with the columns of ``atc studies import``. How it is written tells
        how a figure was rounded: 3.0 to the tenth; texts (``"3.00"``) keep their digits.
    registry : Registry, optional
        To whose studies they are added, and whose words they use; the shipped words otherwise.

    Raises
    ------
    RegistryError
        With every problem, by row as a spreadsheet counts (the header is row 1) and column.
    """
    vocabulary = load_vocabulary() if registry is None else registry.vocabulary

    def written(cells: pd.Series) -> pd.Series:
        """Counts as whole numbers: beside a missing one they are none."""
        column = column_of(str(cells.name), vocabulary)
        return cells.convert_dtypes() if column and column.reading == "whole" else cells

    place = Path("DataFrame")
    text = frame.apply(written).to_csv(index=False)
    return add_tables(registry, studies_from_arms(text, place.name, vocabulary), place)


def studies_from_arms(text: str, name: str, vocabulary: Vocabulary) -> dict[str, dict[str, Any]]:
    """Read a table of arms, one CSV row each, as the tables of study files by file name.

    They passed every check that needs no other study; `RegistryError` holds every problem, by row
    and column.
    """
    header, rows = read_csv_table(text, name)
    columns = {written: column_of(written, vocabulary) for written in header}
    problems = [*_header_problems(columns, vocabulary, name)]
    if not rows and not _is_long(header):
        expected, action = "a row for each arm", "write one below the names of the columns"
        problems.append(Problem(name, "", "no row", expected, action))
    if problems:
        raise RegistryError(problems)
    reports: dict[str, _Report] = {}
    for row in rows:
        unnamed = [*_identity_problems(row)]
        problems += unnamed
        if not unnamed:
            study_id = row.text("study")
            if study_id not in reports:
                reports[study_id] = _Report([*columns.values()], vocabulary, row)
            problems += reports[study_id].add(row)
    # Cells that could not be read would be missed by the checks of the whole.
    spoilt = {problem.line for problem in problems}
    for report in reports.values():
        if not spoilt & report.lines:
            problems += report.problems(name)
    if problems:
        raise RegistryError(sorted(problems, key=lambda problem: problem.line or 0))
    return {f"{study}.toml": report.tables for study, report in reports.items()}


def _is_long(header: Iterable[str]) -> bool:
    """Whether a table has one value in each row, as exports had once."""
    return {"file", "field", "kind", "value"} <= set(header)


def _header_problems(
    columns: Mapping[str, Column | None], vocabulary: Vocabulary, name: str
) -> Iterator[Problem]:
    if _is_long(columns):
        action = "import an export as JSON (atc studies export --format json) instead"
        yield Problem(name, "row 1", "one value in each row", "one arm in each row", action, 1)
        return
    known = columns_for(entry.id for entry in vocabulary.endpoints)
    for written in (written for written, column in columns.items() if column is None):
        action = correction(written, known, "remove it, or correct its name", quoted=False)
        mistake, expected = f"the unknown column {show(written)}", "a column of a table of arms"
        yield Problem(name, "row 1", mistake, expected, action, 1)
    meant: dict[tuple[Any, ...], str] = {}
    for column in filter(None, columns.values()):
        same = meant.setdefault((column.level, column.place, column.figure), column.name)
        if same != column.name:
            mistake, expected = f"the column {show(column.name)}", f"one for what {same} holds"
            yield Problem(name, "row 1", mistake, expected, "remove one of the two", 1)
    for required in REQUIRED:
        if required not in columns:
            expected = f"the column {required}"
            yield Problem(name, "row 1", f"no column {required}", expected, "add it", 1)


def _identity_problems(row: Row) -> Iterator[Problem]:
    for column in ("study", "arm"):
        if not row.text(column):
            yield row.problem(column, "an empty cell", f"the id of the {column}", "write it")
    study_id = row.text("study")
    if study_id and not is_study_file(f"{study_id}.toml"):
        yield row.problem("study", show(study_id), AN_IDENTIFIER, "write another one")


class _Report:
    """One study while its rows are put together."""

    def __init__(self, columns: Iterable[Column], vocabulary: Vocabulary, first: Row) -> None:
        self._columns, self._vocabulary, self._first = columns, vocabulary, first
        self._arms: dict[str, tuple[int, Row]] = {}
        # From which cell a field came, or should come, by its path.
        self._cells: dict[str, tuple[Row, str]] = {}
        self.tables: dict[str, Any] = {}
        self.lines: set[int] = set()
        for column in OF_STUDY.values():
            self._note((), column, first)

    def _note(self, path: Place, column: Column, row: Row) -> None:
        """Note from which cell a field below `path` comes, or should come."""
        for depth in range(len(column.place), -1, -1):
            self._cells.setdefault(dotted((*path, *column.place[:depth])), (row, column.name))

    def problems(self, name: str) -> Iterator[Problem]:
        """Yield what is wrong with the study as a whole, by row and column."""
        validated = validate(self.tables, Study, name)
        for problem in validated.problems:
            row, column = self._cell(problem.field)
            yield row.problem(column, problem.found, problem.expected, problem.action)
        if validated.problems:
            return
        for finding in study_findings(validated.record, self._vocabulary):
            row, column = self._cell(dotted(finding.path))
            other_row, other_column = self._cell(dotted(finding.other))
            other = f"row {other_row.number}, column {other_column}"
            expected = finding.expected.replace("{other}", other)
            yield row.problem(column, finding.found, expected, finding.action)

    def _cell(self, path: str) -> tuple[Row, str]:
        """Return the cell of a field, or of what the field is part of."""
        while path and path not in self._cells:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._cells.get(path, (self._first, ""))

    def add(self, row: Row) -> Iterator[Problem]:
        """Add one row; what is wrong with it is yielded."""
        self.lines.add(row.line)
        yield from self._add_study(row)
        arm_id = row.text("arm")
        if any(row.text(column) for column in OF_SUBGROUP):
            yield from self._add_subgroup(row, arm_id)
        elif arm_id in self._arms:
            expected = f"an id that row {self._arms[arm_id][1].number} does not have, or a subgroup"
            action = "rename the arm, or fill subgroup_factor and subgroup_level"
            yield row.problem("arm", f"{show(arm_id)} again", expected, action)
        else:
            arms = self.tables.setdefault("cohorts", [])
            self._arms[arm_id] = (len(arms), row)
            yield from self._fill(arms, ("cohorts",), row, {"arm", "both"})
            yield from self._name_treatment(arms[-1], row)

    def _add_study(self, row: Row) -> Iterator[Problem]:
        """Set what the row says of the report; its rows may not say different things."""
        first = self._first
        for column in self._columns:
            if column.level != "study":
                continue
            text, before = row.text(column.name), first.text(column.name)
            if row is first:
                if text:
                    yield from _set(self.tables, column, row)
                elif column.name in REQUIRED:
                    expected = "verified or secondary"
                    yield row.problem(column.name, "an empty cell", expected, "write it")
            elif text and text != before:
                before_it = f"{show(before)}, as in row {first.number}" if before else "nothing"
                action = "write what belongs to the report in the first row of the study"
                expected = f"{before_it}, or an empty cell"
                yield row.problem(column.name, show(text), expected, action)
        self.tables.setdefault("citation", {})

    def _add_subgroup(self, row: Row, arm_id: str) -> Iterator[Problem]:
        if arm_id not in self._arms:
            expected, action = "an arm that an earlier row has", "put the row of the arm first"
            yield row.problem("arm", show(arm_id), expected, action)
            return
        place, arm_row = self._arms[arm_id]
        for column in OF_ARM:
            text, expected = row.text(column), "an empty cell in the row of a subgroup"
            if text and fold(text) != fold(arm_row.text(column)):
                action = f"write it in row {arm_row.number}, that of the arm"
                yield row.problem(column, show(text), expected, action)
        for column in ("subgroup_factor", "subgroup_level"):
            if not row.text(column):
                expected = "what tells the subgroup, such as histology and mixed"
                yield row.problem(column, "an empty cell", expected, "fill it")
        subgroups = self.tables["cohorts"][place].setdefault("subgroups", [])
        path = ("cohorts", place, "subgroups")
        yield from self._fill(subgroups, path, row, {"subgroup", "both"})

    def _fill(
        self, arms: list[dict[str, Any]], path: Place, row: Row, levels: set[str]
    ) -> Iterator[Problem]:
        """Append an arm or a subgroup with its figures."""
        arm: dict[str, Any] = {}
        arms.append(arm)
        path = (*path, len(arms) - 1)
        self._cells[dotted(path)] = (row, "")
        figures: dict[Any, tuple[dict[str, Any], Place]] = {}
        for column in self._columns:
            if column.level not in levels or not row.text(column.name):
                continue
            target, here = arm, path
            if column.figure:
                if column.figure not in figures:
                    (kind, _), *tells = column.figure
                    entries = arm.setdefault(kind, [])
                    entries.append(dict(tells))
                    figures[column.figure] = entries[-1], (*path, kind, len(entries) - 1)
                target, here = figures[column.figure]
            for noted in (column, *(columns_beside(column) if column.figure else ())):
                self._note(here, noted, row)
            yield from _set(target, column, row)
        for column in (OF_ARM | OF_BOTH | OF_SUBGROUP).values():
            self._note(path, column, row)
        yield from self._half_pairs(arm, row, path)

    def _half_pairs(self, arm: Any, row: Row, path: Place) -> Iterator[Problem]:
        """Yield the intervals of which one limit alone is given, make pairs of the others."""
        for key, value in list(arm.items() if isinstance(arm, dict) else enumerate(arm)):
            here = (*path, key)
            if isinstance(value, dict) and value and all(isinstance(k, int) for k in value):
                if len(value) == 2:
                    arm[key] = [value[0], value[1]]
                    continue
                given = self._cells[dotted((*here, *value))][1]
                stem, _, limit = given.rpartition("_")
                other = f"{stem}_{'upper' if limit == 'lower' else 'lower'}"
                if not row.text(other):  # else it is complained about already
                    action = "write the other one, or leave both empty"
                    yield row.problem(other, f"nothing beside {given}", "both limits", action)
            elif isinstance(value, dict | list) and key != "subgroups":
                yield from self._half_pairs(value, row, here)

    def _name_treatment(self, arm: dict[str, Any], row: Row) -> Iterator[Problem]:
        """Resolve the treatment by any of its names, and keep the words of the table."""
        treatment = treatment_of(row, self._vocabulary)
        if row.text("treatment"):
            arm.setdefault("treatment_as_printed", row.text("treatment"))
        if isinstance(treatment, Problem):
            yield treatment
        else:
            arm["treatment"] = treatment


def treatment_of(row: Row, vocabulary: Vocabulary) -> str | Problem:
    """Return the treatment that a row names by any of its names, or what is wrong with the cell."""
    written, expected = row.text("treatment"), "a treatment of the vocabulary"
    if not written:
        return row.problem("treatment", "an empty cell", expected, "write it")
    try:
        return vocabulary.treatment(written).id
    except UnknownWordError as error:
        add = f"add it to {ADD_TREATMENT}"
        action = f'write "{error.suggestion}", or {add}' if error.suggestion else add
        expected += ", by any of its names"
        return row.problem("treatment", show(written), expected, action)


def _set(target: dict[str, Any], column: Column, row: Row) -> Iterator[Problem]:
    """Read one cell and put its value in its place; limits are keyed by 0 and 1 at first."""
    text = row.text(column.name)
    try:
        value = read_cell(text, column.reading)
    except CellError as error:
        yield row.problem(column.name, show(text), *error.args)
        return
    *inside, last = column.place
    if inside[:1] == ["sources"]:
        target, inside = target.setdefault("sources", [{}])[0], []
    for key in inside:
        target = target.setdefault(key, {})
    target[last] = value
