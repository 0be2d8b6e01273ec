"""The columns of a table of arms: what each is called, what its cells hold, and where it belongs.

Columns that the vocabulary makes begin with the id of an endpoint: ``os_median``, ``pfs_upper``,
``os_survival_12_months``, ``os_survival_12_months_lower``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

from studies.values import NOT_REACHED, Unit
from studies.vocabulary import Vocabulary, fold

Reading = Literal["text", "list", "whole", "number", "reached", "fraction", "true_false"]
Place = tuple[str | int, ...]

# Column: where it stands in the study, and what its cells hold.
OF_STUDY: dict[str, tuple[Place, Reading]] = {
    "study": (("id",), "text"),
    "authors": (("citation", "authors"), "list"),
    "year": (("citation", "year"), "whole"),
    "title": (("citation", "title"), "text"),
    "journal": (("citation", "journal"), "text"),
    "volume_pages": (("citation", "volume_pages"), "text"),
    "doi": (("citation", "doi"), "text"),
    "pmid": (("citation", "pmid"), "text"),
    "trial_registration": (("citation", "trial_registration"), "text"),
    "unverified": (("citation", "unverified"), "list"),
    "design": (("design",), "text"),
    "centres": (("centres",), "text"),
    "countries": (("countries",), "list"),
    "institutions": (("institutions",), "list"),
    "enrolment": (("enrolment",), "text"),
    "population": (("population",), "text"),
    "status": (("status",), "text"),
    "notes": (("notes",), "text"),
    "source": (("sources", 0, "kind"), "text"),
    "source_url": (("sources", 0, "url"), "text"),
    "source_doi": (("sources", 0, "doi"), "text"),
}
# Column of an arm alone: a row of a subgroup leaves it empty, or repeats it.
OF_ARM: dict[str, tuple[Place, Reading]] = {
    "arm": (("id",), "text"),
    "treatment": (("treatment",), "text"),
    "treatment_as_printed": (("treatment_as_printed",), "text"),
    "disease": (("disease",), "text"),
    "line": (("line",), "text"),
    "time_origin": (("time_origin",), "text"),
    "part_of": (("part_of",), "text"),
    "pure": (("histology", "pure"), "whole"),
    "mixed": (("histology", "mixed"), "whole"),
    "pure_percent": (("histology", "pure_percent"), "number"),
    "mixed_percent": (("histology", "mixed_percent"), "number"),
    "not_pooled": (("not_pooled",), "text"),
    "caution": (("caution",), "text"),
}
OF_SUBGROUP: dict[str, tuple[Place, Reading]] = {
    "subgroup_factor": (("factor",), "text"),
    "subgroup_level": (("level",), "text"),
    "subgroup_histology": (("histology",), "text"),
}
OF_BOTH: dict[str, tuple[Place, Reading]] = {
    "n": (("n",), "whole"),
    "responders": (("response", "responders"), "whole"),
    "evaluable": (("response", "evaluable"), "whole"),
    "cr": (("response", "cr"), "whole"),
    "pr": (("response", "pr"), "whole"),
    "sd": (("response", "sd"), "whole"),
    "pd": (("response", "pd"), "whole"),
    "ne": (("response", "ne"), "whole"),
    "disease_control": (("response", "disease_control"), "whole"),
    "orr_percent": (("response", "orr_percent"), "number"),
    "orr_lower": (("response", "orr_ci", 0), "number"),
    "orr_upper": (("response", "orr_ci", 1), "number"),
    "orr_level": (("response", "orr_level"), "number"),
    "dcr_percent": (("response", "dcr_percent"), "number"),
    "criteria": (("response", "criteria"), "text"),
    "assessor": (("response", "assessor"), "text"),
}
_OF_ENDPOINT: Mapping[str, tuple[Place, Reading]] = {
    "median": (("median",), "reached"),
    "lower": (("ci", 0), "number"),
    "upper": (("ci", 1), "reached"),
    "level": (("level",), "number"),
    "unit": (("unit",), "text"),
    "events": (("events",), "whole"),
    "follow_up": (("follow_up",), "number"),
    "iqr_lower": (("iqr", 0), "number"),
    "iqr_upper": (("iqr", 1), "number"),
    "range_lower": (("range", 0), "number"),
    "range_upper": (("range", 1), "number"),
    "label": (("label",), "text"),
    "status": (("status",), "text"),
    "note": (("note",), "text"),
}
_AT_A_TIME: Mapping[str, tuple[Place, Reading]] = {
    "": (("survival",), "fraction"),
    "_lower": (("ci", 0), "fraction"),
    "_upper": (("ci", 1), "fraction"),
    "_level": (("level",), "number"),
    "_at_risk": (("at_risk",), "whole"),
    "_digitised": (("digitised",), "true_false"),
}
_TIME = re.compile(
    rf"survival_(\d+(?:\.\d+)?)_({'|'.join(get_args(Unit))})({'|'.join(filter(None, _AT_A_TIME))})?"
)
REQUIRED = ("study", "status", "arm", "treatment")


@dataclass(frozen=True)
class Column:
    """A column whose name is understood.

    Attributes
    ----------
    name : str
        As in the header.
    level : {"study", "arm", "subgroup", "both"}
        What its cells speak of.
    place : tuple
        Where its cells stand, relative to the study, the arm or the subgroup; for a figure of an
        endpoint relative to that figure.
    reading : str
        What its cells hold.
    figure : tuple
        For a figure of an endpoint: list that it stands in, and what tells it from the others of
        that list; empty otherwise.
    """

    name: str
    level: Literal["study", "arm", "subgroup", "both"]
    place: Place
    reading: Reading
    figure: tuple[tuple[str, Any], ...] = ()


def column_of(name: str, vocabulary: Vocabulary) -> Column | None:
    """Return what a column of that name holds, or None where there is no such column.

    Parameters
    ----------
    name : str
        Name in the header.
    vocabulary : Vocabulary
        The endpoints that a column may name.

    Returns
    -------
    Column or None
        The column.
    """
    levels = {"study": OF_STUDY, "arm": OF_ARM, "subgroup": OF_SUBGROUP, "both": OF_BOTH}
    for level, columns in levels.items():
        if name in columns:
            return Column(name, level, *columns[name])
    # An id may begin with another one.
    for endpoint in sorted((item.id for item in vocabulary.endpoints), key=len, reverse=True):
        rest = name.removeprefix(f"{endpoint}_")
        if rest == name:
            continue
        if rest in _OF_ENDPOINT:
            figure = (("survival", None), ("endpoint", endpoint))
            return Column(name, "both", *_OF_ENDPOINT[rest], figure)
        match = _TIME.fullmatch(rest)
        if match is not None:
            when = (("time", Decimal(match[1])), ("unit", match[2]))
            figure = (("landmarks", None), ("endpoint", endpoint), *when)
            return Column(name, "both", *_AT_A_TIME[match[3] or ""], figure)
    return None


def columns_beside(column: Column) -> tuple[Column, ...]:
    """Return the columns that speak of the same figure, whether the header has them or not.

    Parameters
    ----------
    column : Column
        A column of a figure of an endpoint.

    Returns
    -------
    tuple of Column
        All columns of that figure.
    """
    (kind, _), (_, endpoint), *when = column.figure
    columns, stem = (_OF_ENDPOINT, f"{endpoint}_") if kind == "survival" else (_AT_A_TIME, "")
    if when:
        stem = f"{endpoint}_survival_{when[0][1]}_{when[1][1]}"
    return tuple(
        Column(stem + name, "both", place, reading, column.figure)
        for name, (place, reading) in columns.items()
    )


def columns_known(vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the name of every column that may be used, survival at 12 months for any other time.

    Parameters
    ----------
    vocabulary : Vocabulary
        The endpoints.

    Returns
    -------
    tuple of str
        The names.
    """
    return columns_for(tuple(item.id for item in vocabulary.endpoints))


def columns_for(endpoints: Iterable[str]) -> tuple[str, ...]:
    """Return the name of every column of a table with the figures of these endpoints."""
    names = [*OF_STUDY, *OF_ARM, *OF_SUBGROUP, "n"]
    for endpoint in endpoints:
        names += [f"{endpoint}_{item}" for item in _OF_ENDPOINT]
        names += [f"{endpoint}_survival_12_months{item}" for item in _AT_A_TIME]
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
    """A cell that cannot be read.

    Attributes
    ----------
    expected, action : str
        What the cell should hold, and what to do.
    """

    def __init__(self, expected: str, action: str) -> None:
        self.expected, self.action = expected, action
        super().__init__(f"{expected}: {action}")


def read_cell(text: str, reading: Reading) -> Any:
    """Return what a cell holds.

    Parameters
    ----------
    text : str
        The cell, not empty, without blanks around it.
    reading : str
        What it should hold.

    Returns
    -------
    str, list of str, int, bool or Decimal
        The value; numbers with their printed digits.

    Raises
    ------
    CellError
        Where it holds something else.
    """
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
