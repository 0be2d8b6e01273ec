"""The pooled estimates, mean study and new study side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from synthesis.report.sections import (
    RESPONSE,
    TARGETS,
    Block,
    endpoint_label,
    tells_histology,
)
from synthesis.report.view import (
    LEVEL,
    MISSING,
    Cell,
    Column,
    Table,
    count,
    interval,
    make_table,
    months,
    percent,
)

if TYPE_CHECKING:
    from synthesis.analysis import Analysis

REFERENCE = "reference"
BEYOND_RESPONSE = (
    "Shares of the evaluable patients. Disease control: a complete or partial response, or a "
    "disease that stayed stable for as long as each report asks for. Complete response: no sign of "
    "the tumour is left. Both build on the response rate above and on the cohorts that print them, "
    "whose number stands below each estimate; where none does, the estimate is what the other "
    "treatments lead to expect."
)


@dataclass(frozen=True)
class Estimand:
    """How an estimand is called, and how its numbers are written.

    Attributes
    ----------
    label, unit : str
        Name in words; unit of the numbers as written.
    write : callable
        Writes one number.
    """

    label: str
    unit: str
    write: Callable[[float], str]


def describe(name: str) -> Estimand:
    """Describe an estimand of the pooled table by its name there.

    Parameters
    ----------
    name : str
        ``median_months``, ``survival_12m``, ``rmst_12m``, or the name of a probability.

    Returns
    -------
    Estimand
    """
    kind, _, horizon = name.removesuffix("m").rpartition("_")
    if name == "median_months":
        return Estimand("Median", "months", months)
    if kind == "rmst":
        return Estimand(f"Restricted mean to {horizon} months", "months", months)
    if kind == "survival":
        return Estimand(f"Survival at {horizon} months", "%", percent)
    return Estimand(name.replace("_", " ").capitalize(), "%", percent)


def pooled_blocks(analysis: Analysis) -> tuple[Block, ...]:
    """Tabulate the pooled estimates, one block per endpoint.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis; its `pooled` table has one row per endpoint, treatment, histology,
        estimand and target.

    Returns
    -------
    tuple of Block
        The first table of a block holds the principal estimand (the first one of the endpoint),
        the second the other estimands; what differs by histology has a section of its own.
    """
    blocks = []
    for endpoint in analysis.settings.endpoints:
        frame = analysis.pooled[analysis.pooled["endpoint"] == endpoint]
        if frame.empty:
            continue
        classes = _classes(analysis.forest.get(endpoint))
        principal, *others = dict.fromkeys(frame["estimand"])
        mix = ", reference mix" if tells_histology(analysis, endpoint) else ""
        tables = [_principal_table(frame[frame["estimand"] == principal], principal, classes, mix)]
        if others:
            rest = frame[frame["estimand"] != principal]
            note = BEYOND_RESPONSE if endpoint == RESPONSE else ""
            tables.append(_other_table(rest, others, classes, mix, note))
        label = endpoint_label(analysis.registry, endpoint)
        blocks.append(Block(label, tables=tuple(tables)))
    return tuple(blocks)


def _classes(forest: pd.DataFrame | None) -> dict[str, str]:
    if forest is None:
        return {}
    rows = forest[forest["treatment"].notna()]
    return dict(zip(rows["treatment"], rows["treatment_class"], strict=True))


def _estimate(frame: pd.DataFrame, estimand: str) -> str:
    if frame.empty:
        return MISSING
    row = frame.iloc[0]
    return interval(row["estimate"], row["lower"], row["upper"], describe(estimand).write)


def _principal_table(
    frame: pd.DataFrame, estimand: str, classes: dict[str, str], mix: str
) -> Table:
    described = describe(estimand)
    frame = frame[frame["histology"] == REFERENCE]
    headings = [words + mix for words in TARGETS.values()]
    columns = [Column("Treatment", "keep"), Column("Cohorts", "num"), Column("Patients", "num")]
    columns += [Column(heading, "num") for heading in headings]
    rows = []
    for treatment in dict.fromkeys(frame["treatment"]):
        own = frame[frame["treatment"] == treatment]
        cells = [_estimate(own[own["target"] == target], estimand) for target in TARGETS]
        rows.append((treatment, own["cohorts"].iloc[0], own["patients"].iloc[0], *cells))
    return make_table(
        f"{described.label}, {described.unit} ({LEVEL} interval).",
        columns,
        rows,
        group_by=[classes.get(row[0], "") for row in rows],
    )


def _other_table(
    frame: pd.DataFrame, estimands: list[str], classes: dict[str, str], mix: str, note: str
) -> Table:
    """Tabulate further estimands; with a note on them, also the cohorts behind each."""
    frame = frame[frame["histology"] == REFERENCE]
    columns = [Column("Treatment", "keep"), Column("For", "keep")]
    described = [describe(name) for name in estimands]
    columns += [Column(f"{found.label}, {found.unit}", "num") for found in described]
    rows = []
    for treatment in dict.fromkeys(frame["treatment"]):
        for number, (target, label) in enumerate(TARGETS.items()):
            name = Cell(treatment, rows=0 if number else len(TARGETS))
            own = frame[(frame["treatment"] == treatment) & (frame["target"] == target)]
            found = {wanted: own[own["estimand"] == wanted] for wanted in estimands}
            cells = [
                Cell(_estimate(row, wanted), more=_behind(row) if note and not number else "")
                for wanted, row in found.items()
            ]
            rows.append((name, label, *cells))
    return make_table(
        f"Further estimands{mix} ({LEVEL} interval).",
        columns,
        rows,
        note=note,
        group_by=[classes.get(row[0].text, "") for row in rows],
    )


def _behind(frame: pd.DataFrame) -> str:
    """Say how many cohorts tell an estimand."""
    if frame.empty or not frame["cohorts"].iloc[0]:
        return "no cohort"
    cohorts, patients = int(frame["cohorts"].iloc[0]), int(frame["patients"].iloc[0])
    return f"{count(cohorts, 'cohort')}, {count(patients, 'patient')}"
