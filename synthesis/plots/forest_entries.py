"""The rows of a forest table, read; and the words they put in the figure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from synthesis.plots.cells import as_flag, as_number, as_text, dashes

PlaceStyle = Literal["full", "short design", "short", "none"]

_SHORT_DESIGNS: Mapping[str, str] = {
    "retrospective": "Retro",
    "prospective": "Prosp",
    "randomi": "RCT",
    "case series": "Series",
}
_SHORT_COUNTRIES: Mapping[str, str] = {
    "United States": "USA",
    "United States of America": "USA",
    "United Kingdom": "UK",
}


@dataclass(frozen=True)
class Values:
    """The figures of one row in the units of the axis; NaN for none."""

    printed: float
    printed_lower: float
    printed_upper: float
    not_reached: bool
    upper_not_reached: bool
    estimate: float
    lower: float
    upper: float
    patients: float

    @property
    def has_printed(self) -> bool:
        """Whether the report's figure can be drawn."""
        return self.not_reached or not math.isnan(self.printed)


@dataclass(frozen=True)
class Entry:
    """One row of the table, read; `level` 0 is a band, 1 a heading, 2 a row with values."""

    index: int
    kind: str
    level: int
    treatment_class: str
    label: str
    detail: str
    design: str
    country: str
    n: str
    events: str
    printed: str
    estimate: str
    values: Values


def read_entries(table: pd.DataFrame, factor: float) -> list[Entry]:
    """Read the table; class rows stay only where the class has several treatments.

    Parameters
    ----------
    table : DataFrame
        The forest table.
    factor : float
        What the figures are multiplied by to stand on the axis (100 for fractions on a
        percent axis).
    """
    treatments = table[table["kind"] == "treatment"]
    crowded = treatments.groupby("treatment_class")["treatment"].nunique()
    grouped = set(crowded[crowded > 1].index)
    entries: list[Entry] = []
    for index, record in enumerate(table.to_dict("records")):
        kind = as_text(record["kind"])
        if kind == "heterogeneity" or (
            kind == "class" and record["treatment_class"] not in grouped
        ):
            continue
        entries.append(_read_entry(index, kind, record, grouped, factor))
    return entries


def _read_entry(
    index: int, kind: str, record: Mapping[str, object], grouped: set[str], factor: float
) -> Entry:
    treatment_class = as_text(record["treatment_class"])
    label = as_text(record["label"])
    year = as_text(record["year"])
    detail = ""
    level = 2
    if kind == "class":
        level, label = 0, label or treatment_class
    elif kind == "treatment":
        label = label or as_text(record["treatment"])
        level = 1 if record["treatment_class"] in grouped else 0
        detail = treatment_class if level == 0 and treatment_class.lower() != label.lower() else ""
    elif kind == "cohort" and year and year not in label:
        label = f"{label} {year}"
    return Entry(
        index=index,
        kind=kind,
        level=level,
        treatment_class=treatment_class,
        label=label,
        detail=detail,
        design=as_text(record["design"]).replace("_", " "),
        country=as_text(record["country"]),
        n=as_text(record["n"]),
        events=as_text(record["events"]),
        printed=dashes(as_text(record["printed"])),
        estimate=dashes(as_text(record["estimate_text"])),
        values=_read_values(record, factor),
    )


def _read_values(record: Mapping[str, object], factor: float) -> Values:
    return Values(
        printed=factor * as_number(record["printed_value"]),
        printed_lower=factor * as_number(record["printed_lower"]),
        printed_upper=factor * as_number(record["printed_upper"]),
        not_reached=as_flag(record["printed_not_reached"]),
        upper_not_reached=as_flag(record["printed_upper_not_reached"]),
        estimate=factor * as_number(record["estimate"]),
        lower=factor * as_number(record["lower"]),
        upper=factor * as_number(record["upper"]),
        patients=as_number(record["n"]),
    )


def place_text(entry: Entry, style: PlaceStyle) -> str:
    """Design and country of a cohort in the words that fit."""
    if style == "none":
        return ""
    design = entry.design if style == "full" else shorten_design(entry.design)
    design = design[:1].upper() + design[1:]
    country = _SHORT_COUNTRIES.get(entry.country, entry.country)
    if style == "short":
        several = re.split(r"\s*[,;]\s*", country)
        first = _SHORT_COUNTRIES.get(several[0], several[0])
        country = f"{first} +{len(several) - 1}" if len(several) > 1 else first
    return ", ".join(part for part in (design, country) if part)


def shorten_design(design: str) -> str:
    """Abbreviation of a study design; the design itself where none is known."""
    for beginning, short in _SHORT_DESIGNS.items():
        if design.lower().startswith(beginning):
            return short
    return design


def label_text(entry: Entry, stacked: bool) -> str:
    """Label of a row; in one column the number of patients follows it."""
    if stacked and entry.kind == "cohort" and entry.n:
        return f"{entry.label} ({entry.n})"
    return entry.label
