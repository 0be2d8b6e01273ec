"""Pooled survival of a stated population: tables of the report and files of `atc mix`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studies.vocabulary import Vocabulary
from synthesis.benefit.drawing import percent
from synthesis.benefit.histology_words import months
from synthesis.benefit.population import PatientMix
from synthesis.plots.cells import signs
from synthesis.report.view import LEVEL, Column, Table, make_table
from synthesis.staging import staged_folder

_TARGETS = {"mean_study": "average", "new_study": "new"}


def mix_rows(found: PatientMix, endpoint: str) -> list[dict[str, str]]:
    """Estimates of a population as texts, a row a treatment and study, average or new."""
    own = found.table[(found.table["endpoint"] == endpoint) & (found.table["reference"] == "")]
    rows = []
    for (treatment, target), part in own.groupby(["treatment", "target"], sort=False):
        values = {row.estimand: row for row in part.itertuples(index=False)}
        rows.append(
            {
                "treatment": treatment,
                "target": _TARGETS[target],
                **{name: _estimate_text(name, row) for name, row in values.items()},
            }
        )
    return rows


def _estimate_text(name: str, row: Any) -> str:
    return percent(row) if name.startswith("survival") else months(row)


def mix_tables(found: PatientMix, vocabulary: Vocabulary) -> tuple[Table, ...]:
    """Tables of a stated population for the report, one an endpoint."""
    columns = [
        Column("Treatment", "keep"),
        Column("Study", "keep"),
        Column(f"Median, months ({LEVEL})", "num"),
        Column("Alive at 6 months, %", "num"),
        Column("at 12 months, %", "num"),
        Column("Restricted mean to 12 months", "num"),
        Column("to 24 months", "num"),
    ]
    names = ("median_months", "survival_6m", "survival_12m", "rmst_12m", "rmst_24m")
    return tuple(
        make_table(
            f"{vocabulary.endpoint(endpoint).label}: {found.population.words}.",
            columns,
            [
                (row["treatment"], row["target"], *(signs(row[name]) for name in names))
                for row in mix_rows(found, endpoint)
            ],
            note=" ".join(found.notes),
        )
        for endpoint in found.table["endpoint"].unique()
    )


def write_mix(found: PatientMix, out: Path) -> list[Path]:
    """Write ``tables/mix.csv`` of a stated population; other files in the folder stay.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written.
    """
    out = Path(out)
    with staged_folder(out) as stage:
        (stage / "tables").mkdir()
        found.table.to_csv(stage / "tables" / "mix.csv", index=False, lineterminator="\n")
    return [out / "tables" / "mix.csv"]
