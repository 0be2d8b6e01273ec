"""Pooled survival of a stated population: tables of the report and files of `atc mix`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from studies.vocabulary import Vocabulary
from synthesis.benefit.drawing import percent
from synthesis.benefit.histology_words import months
from synthesis.benefit.population import PatientMix
from synthesis.plots.cells import signs
from synthesis.report.files import write_files
from synthesis.report.view import LEVEL, Column, Table, dashes, make_table

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


MIX_LEAD = (
    "Patients of whom {share} % have mixed histology and the others a pure tumour, by line of "
    "treatment where that is told. The command below answers for other shares, BRAF mutations, "
    "designs and time origins."
)


def population_tables(
    populations: Sequence[PatientMix],
    vocabulary: Vocabulary,
    treatments: Mapping[str, Collection[str]],
) -> tuple[tuple[str, ...], tuple[tuple[str, Table], ...]]:
    """Several stated populations for the report: the lead, and a table for each endpoint.

    Parameters
    ----------
    populations : sequence of PatientMix
        Of the same endpoints and treatments.
    vocabulary : Vocabulary
    treatments : mapping
        Endpoint -> labels of the treatments that are shown.
    """
    columns = [
        Column("Treatment", "keep"),
        *(
            Column(words, "num")
            for words in (
                f"Median, months ({LEVEL})",
                "in a new study",
                "Alive at 6 months, %",
                "at 12 months, %",
                "at 12 months in a new study",
                "Restricted mean to 24 months",
            )
        ),
    ]
    tables = []
    for endpoint in populations[0].table["endpoint"].unique():
        cells, headings = [], []
        for found in populations:
            own = [
                row for row in mix_rows(found, endpoint) if row["treatment"] in treatments[endpoint]
            ]
            by = {(row["treatment"], row["target"]): row for row in own}
            for name in dict.fromkeys(row["treatment"] for row in own):
                mean, new = (by[name, target] for target in _TARGETS.values())
                texts = (
                    mean["median_months"],
                    new["median_months"],
                    mean["survival_6m"],
                    mean["survival_12m"],
                    new["survival_12m"],
                    mean["rmst_24m"],
                )
                cells.append((name, *map(signs, texts)))
                headings.append(found.population.words.capitalize())
        label = vocabulary.endpoint(endpoint).label
        title = "Average study, and a new one where it says so."
        tables.append((label, make_table(title, columns, cells, group_by=headings)))
    notes = dict.fromkeys(note for found in populations for note in found.notes)
    share = f"{100 * populations[0].population.mixed:g}"
    return (MIX_LEAD.format(share=share), *map(dashes, notes)), tuple(tables)


def write_mix(found: PatientMix, out: Path) -> list[Path]:
    """Write ``tables/mix.csv`` of a stated population; other files in the folder stay.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written.
    """
    return write_files(out, {"mix": found.table})
