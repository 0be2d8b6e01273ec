"""Whether the fitted model would print the figures: sentences, outliers and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from synthesis.narrative import predictive_words
from synthesis.predictive_checks import outliers
from synthesis.report.figures import Picture
from synthesis.report.references import anchor
from synthesis.report.sections import endpoint_label
from synthesis.report.view import (
    LEVEL,
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

PREDICTIVE_LEAD = (
    "Every printed figure on the scale on which it was printed, beside what the fitted model would "
    "print of as many patients: the effects of the treatment stay, those of the study are drawn "
    "anew. A model that fits its reports has them spread evenly over its predictions. The check is "
    "a kind one where a single cohort stands behind a treatment: the effect of the treatment has "
    "learned from the figures that it predicts."
)


@dataclass(frozen=True)
class Checked:
    """The check of one endpoint, for the template."""

    label: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...]


def predictive_blocks(analysis: Analysis, pictures: Sequence[Picture]) -> tuple[Checked, ...]:
    """Lay out the predictive checks, one part an endpoint.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.
    pictures : sequence of Picture
        Those of the section.

    Returns
    -------
    tuple of Checked
    """
    return tuple(
        Checked(
            label=endpoint_label(analysis.registry, endpoint),
            sentences=predictive_words(table, analysis.coverage[endpoint]),
            tables=_outlying(outliers(table)),
            pictures=tuple(p for p in pictures if p.stem == f"predictive_checks_{endpoint}"),
        )
        for endpoint, table in analysis.predictive.items()
    )


def _outlying(frame: pd.DataFrame) -> tuple[Table, ...]:
    """Tabulate the figures that the model would hardly print, if any."""
    if frame.empty:
        return ()
    columns = [
        Column("Cohort", "keep"),
        Column("Treatment"),
        Column("n", "num"),
        Column("Figure", "keep"),
        Column("Printed", "keep"),
        Column(f"Predicted ({LEVEL})", "num"),
        Column("Position", "num"),
    ]
    rows = [
        (
            Cell(row.label, href=f"#{anchor(row.study)}"),
            row.treatment,
            row.n,
            row.figure,
            row.printed,
            _predicted(row),
            f"{row.pit:.3f}",
        )
        for row in frame.itertuples(index=False)
    ]
    title = f"Outlying: {count(len(rows), 'figure')}."
    note = "Predicted: months, or per cent of the patients."
    return (make_table(title, columns, rows, note=note),)


def _predicted(row: object) -> str:
    is_time = row.figure in ("median", "lower limit", "upper limit")
    return interval(row.predicted, row.lower, row.upper, months if is_time else percent)
