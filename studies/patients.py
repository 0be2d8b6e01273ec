"""A study from a table with one row for each patient, as a hospital keeps it.

The study holds times, ends and histology of each patient, in the order of the times, and of the
rest counts among five or more: neither a name, a number nor a date of a patient. What could tell
who a patient is has no column, and a table that has one is refused. ``studies/README.md`` tells
the columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from statistics import median
from typing import Any, get_args

from studies.arms import CellError, Row, read_cell, read_csv_table, treatment_of
from studies.checks import study_findings
from studies.files import is_study_file, placed, validate
from studies.problems import Problem, RegistryError, closest, correction, one_of, show
from studies.schema import LETTERS, Histology, Study, Unit
from studies.vocabulary import Vocabulary, fold

COLUMNS = (
    *("time", "unit", "status", "treatment", "histology", "pfs_time", "pfs_status"),
    *("line", "time_origin", "age", "female", "stage", "resected", "braf_v600e"),
)
REQUIRED = COLUMNS[:4]

_DIED = {"died": True, "dead": True, "1": True, "alive": False, "censored": False, "0": False}
_PROGRESSED = {"progressed": True, "died": True, "1": True, "censored": False, "0": False}
_YES = {"yes": True, "1": True, "true": True, "no": False, "0": False, "false": False}
_STAGES = ("IVA", "IVB", "IVC")
# Of fewer patients neither counts nor ages are kept: they could tell who a patient is.
_FEWEST = 5
# What ended the observation, from whether the patient died and whether the tumour progressed.
_ENDS = {
    (True, None): "died",
    (True, True): "died",
    (False, None): "alive",
    (False, False): "alive",
    (False, True): "progressed",
}

Reader = Callable[[str], Any]


def studies_from_patients(text: str, name: str, vocabulary: Vocabulary, study_id: str) -> Any:
    """Read a table of patients as the tables of one study file, by its file name.

    Patients of one treatment, line and time origin are one cohort; those whose histology is not
    known are a cohort of their own beside others. They passed every check that needs no other
    study; `RegistryError` holds every problem, by row and column.
    """
    header, rows = read_csv_table(text, name)
    problems = [*_table_problems(header, rows, name, study_id)]
    if problems:
        raise RegistryError(problems)
    readers = _readers(vocabulary)
    patients = []
    for row in rows:
        read, wrong = _patient(row, readers, vocabulary)
        problems += wrong
        patients.append(read)
    if problems:
        raise RegistryError(problems)
    tables = {
        "id": study_id,
        "citation": {"label": study_id},
        "status": "verified",
        "notes": "Patients of an own table, in the order of their times; not published.",
        "cohorts": [*_cohorts(patients)],
        "sources": [{"kind": "own table of patients"}],
    }
    validated = validate(tables, Study, name)
    problems, record = [*validated.problems], validated.record
    if record is not None:
        problems += placed(study_findings(record, vocabulary), validated, name)
    if problems:
        raise RegistryError(problems)
    return {f"{study_id}.toml": tables}


def _table_problems(
    header: Iterable[str], rows: list[Row], name: str, study_id: str
) -> Iterator[Problem]:
    if not is_study_file(f"{study_id}.toml"):
        action = "rename the file: it names the study"
        yield Problem(name, "", f"the name {show(study_id)}", LETTERS, action)
    for column in (column for column in header if column not in COLUMNS):
        near = closest(column, COLUMNS)
        action = "remove it: nothing that tells who a patient is may be imported"
        action += f"; or write {near}" if near else ""
        mistake = f"the unknown column {show(column)}"
        yield Problem(name, "row 1", mistake, one_of(COLUMNS, most=20), action, 1)
    for column in (column for column in REQUIRED if column not in header):
        yield Problem(name, "row 1", f"no column {column}", f"the column {column}", "add it", 1)
    if not rows:
        action = "write one below the names of the columns"
        yield Problem(name, "", "no row", "a row for each patient", action)


# --- Rows ----------------------------------------------------------------------------------------


def _readers(vocabulary: Vocabulary) -> Mapping[str, Reader]:
    """Return what reads the cells of each column but the treatment."""
    return {
        "time": _time,
        "unit": _word_of(dict.fromkeys(get_args(Unit))),
        "status": _word_of(_DIED),
        "histology": _word_of(dict.fromkeys(get_args(Histology))),
        "pfs_time": _time,
        "pfs_status": _word_of(_PROGRESSED),
        "line": _word_of(dict.fromkeys(vocabulary.lines)),
        "time_origin": _word_of(dict.fromkeys(vocabulary.time_origins)),
        "age": lambda text: read_cell(text, "number"),
        "female": _word_of(_YES),
        "stage": _word_of(dict.fromkeys(_STAGES)),
        "resected": _word_of(_YES),
        "braf_v600e": _word_of(_YES),
    }


def _time(text: str) -> Decimal:
    time = read_cell(text, "number")
    if time < 0:
        raise CellError("a time of 0 or more", "look it up; time runs from the origin on")
    return time


def _word_of(words: Mapping[str, Any]) -> Reader:
    """Return what reads one of some words; a word that stands for nothing else is kept."""
    meant = {fold(word): (word if value is None else value) for word, value in words.items()}

    def read(text: str) -> Any:
        if fold(text) not in meant:
            action = correction(text, words, "write one of them, or leave the cell empty")
            raise CellError(one_of(words), action)
        return meant[fold(text)]

    return read


def _patient(
    row: Row, readers: Mapping[str, Reader], vocabulary: Vocabulary
) -> tuple[dict[str, Any], list[Problem]]:
    """Return what a row says of a patient, by column, and everything that is wrong with it."""
    read: dict[str, Any] = {}
    problems: list[Problem] = []
    for column, reader in readers.items():
        text = row.text(column)
        if text:
            try:
                read[column] = reader(text)
            except CellError as error:
                problems.append(row.problem(column, show(text), *error.args))
        elif column in REQUIRED:
            expected, action = "a value for every patient", "fill it, or leave the patient out"
            problems.append(row.problem(column, "an empty cell", expected, action))
    treatment = treatment_of(row, vocabulary)
    if isinstance(treatment, Problem):
        problems.append(treatment)
    read["treatment"] = treatment
    return read, problems or [*_end_problems(row, read)]


def _end_problems(row: Row, read: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what cannot be true of the two times of a patient."""
    if ("pfs_time" in read) != ("pfs_status" in read):
        given, other = ("pfs_time", "pfs_status")[:: 1 if "pfs_time" in read else -1]
        action = "fill both, or leave both empty"
        yield row.problem(other, f"nothing beside {given}", "both", action)
    elif "pfs_time" in read:
        if read["pfs_time"] > read["time"]:
            expected = f"no more than the time of {read['time']}"
            yield row.problem("pfs_time", str(read["pfs_time"]), expected, "look both up")
        if read["status"] and not read["pfs_status"]:
            expected = "an event, since the patient died: death is one"
            action = "write died, or leave pfs_time and pfs_status empty if that time was cut off"
            yield row.problem("pfs_status", show(row.text("pfs_status")), expected, action)


# --- Cohorts -------------------------------------------------------------------------------------


def _cohorts(patients: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield patients of one treatment, line and time origin as cohorts, in order of appearance."""
    groups: dict[tuple[str | None, ...], list[Mapping[str, Any]]] = {}
    for own in patients:
        key = tuple(own.get(column) for column in ("treatment", "line", "time_origin"))
        groups.setdefault(key, []).append(own)
    for key, group in groups.items():
        told = [own for own in group if "histology" in own]
        untold = [own for own in group if "histology" not in own]
        yield _cohort(key, told or untold)
        if told and untold:
            yield _cohort(key, untold, "histology unknown")


def _cohort(
    key: tuple[str | None, ...], patients: list[Mapping[str, Any]], suffix: str = ""
) -> dict[str, Any]:
    treatment, line, origin = key
    words = filter(None, (*key, suffix))
    cohort = {
        "id": re.sub(r"[^A-Za-z0-9_.+-]+", "-", " ".join(words)),
        "treatment": treatment,
        "treatment_as_printed": treatment,
        "line": line,
        "time_origin": origin,
        "n": len(patients),
        "patients": sorted(map(_listed, patients), key=_order),
    }
    cohort["braf_v600e"] = _counted(patients, "braf_v600e", "positive", "tested")
    cohort["characteristics"] = [*_characteristics(patients)]
    histologies = [own["histology"] for own in patients if "histology" in own]
    if histologies:
        cohort["histology"] = {word: histologies.count(word) for word in get_args(Histology)}
    return {name: value for name, value in cohort.items() if value}


def _listed(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a patient as the study lists one."""
    times = {"os": own["time"], "pfs": own.get("pfs_time")}
    listed = {name: time for name, time in times.items() if time is not None}
    end = _ENDS[own["status"], own.get("pfs_status")]
    listed |= {"unit": own["unit"], "event": end}
    return listed | ({"histology": own["histology"]} if "histology" in own else {})


def _order(listed: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the sorting key of a patient: all that is listed, so that no order of rows is kept."""
    return listed["unit"], listed["os"], sorted(map(str, listed.values()))


def _counted(
    patients: Iterable[Mapping[str, Any]], column: str, count: str, whole: str
) -> dict[str, int] | None:
    """Return how many of those with a value have it; None where fewer have one than are told."""
    values = [own[column] for own in patients if column in own]
    return {count: sum(values), whole: len(values)} if len(values) >= _FEWEST else None


def _characteristics(patients: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the median age and counts, under the names that a program finds."""
    ages = [own["age"] for own in patients if "age" in own]
    if len(ages) >= _FEWEST:
        about = {"name": "age", "statistic": "median", "unit": "years"}
        yield about | {"value": Decimal(median(ages))}
    for column in ("female", "resected"):
        counted = _counted(patients, column, "value", "of")
        if counted:
            yield {"name": column, "statistic": "count"} | counted
    stages = [own["stage"] for own in patients if "stage" in own]
    for stage in _STAGES if len(stages) >= _FEWEST else ():
        count = {"value": stages.count(stage), "of": len(stages)}
        yield {"name": f"stage {stage}", "statistic": "count"} | count
