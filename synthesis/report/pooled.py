"""The pooled estimates, mean study and new study side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from synthesis.report.sections import (
    HISTOLOGIES,
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
    interval,
    make_table,
    months,
    percent,
)

if TYPE_CHECKING:
    from synthesis.analysis import Analysis

REFERENCE = "reference"


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
        with the columns by histology where there are any; the second the other estimands.
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
            tables.append(_other_table(rest, others, classes, mix))
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
    shown = [(REFERENCE, target) for target in TARGETS]
    shown += [
        (histology, "mean_study")
        for histology in HISTOLOGIES
        if (frame["histology"] == histology).any()
    ]
    headings = [
        TARGETS[target] + (mix if histology == REFERENCE else f", {histology}")
        for histology, target in shown
    ]
    columns = [Column("Treatment", "keep"), Column("Cohorts", "num"), Column("Patients", "num")]
    columns += [Column(heading, "num") for heading in headings]
    rows = []
    for treatment in dict.fromkeys(frame["treatment"]):
        own = frame[frame["treatment"] == treatment]
        cells = [
            _estimate(own[(own["histology"] == histology) & (own["target"] == target)], estimand)
            for histology, target in shown
        ]
        rows.append((treatment, own["cohorts"].iloc[0], own["patients"].iloc[0], *cells))
    return make_table(
        f"{described.label}, {described.unit} ({LEVEL} interval).",
        columns,
        rows,
        group_by=[classes.get(row[0], "") for row in rows],
    )


def _other_table(
    frame: pd.DataFrame, estimands: list[str], classes: dict[str, str], mix: str
) -> Table:
    frame = frame[frame["histology"] == REFERENCE]
    columns = [Column("Treatment", "keep"), Column("For", "keep")]
    described = [describe(name) for name in estimands]
    columns += [Column(f"{found.label}, {found.unit}", "num") for found in described]
    rows = []
    for treatment in dict.fromkeys(frame["treatment"]):
        for number, (target, label) in enumerate(TARGETS.items()):
            name = Cell(treatment, rows=0 if number else len(TARGETS))
            own = frame[(frame["treatment"] == treatment) & (frame["target"] == target)]
            cells = [_estimate(own[own["estimand"] == wanted], wanted) for wanted in estimands]
            rows.append((name, label, *cells))
    return make_table(
        f"Further estimands{mix} ({LEVEL} interval).",
        columns,
        rows,
        group_by=[classes.get(row[0].text, "") for row in rows],
    )
