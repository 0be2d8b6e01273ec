"""The report of an analysis: one page, its figures and its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from studies.documents import bibtex
from synthesis.report import compare, sensitivity
from synthesis.report.benefit_files import benefit_tables
from synthesis.report.figures import draw_figures
from synthesis.report.files import write_tables, write_texts
from synthesis.report.page import BIBLIOGRAPHY, render_page
from synthesis.report.references import cited_studies
from synthesis.staging import MANIFEST, staged_folder

if TYPE_CHECKING:
    from synthesis.run import Analysis

__all__ = ["write_report"]

TABLES = (
    "pooled",
    "families",
    "model_choice",
    "covariates",
    "cohorts",
    "figures",
    "left_out",
    "diagnostics",
    "predictive_checks",
    "priors",
)


def write_report(analysis: Analysis, out: Path) -> list[Path]:
    """Write the page, the figures, the tables and the manifest of an analysis.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.
    out : Path
        The results folder; made when it does not exist. Files of an earlier report in it are
        replaced or, where this report has none of that name, removed; other files stay.

    Returns
    -------
    list of Path
        Everything written: ``report.html``, ``references.bib``, ``figures/`` (svg, pdf and png of
        each), ``tables/`` (csv) and ``manifest.json``, which lists them all, and for each figure
        the studies that it used.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written; nothing is left behind then.
    """
    out = Path(out)
    with staged_folder(out) as stage:
        pictures = draw_figures(analysis, stage / "figures")
        write_tables(tables_of(analysis), stage)
        texts = {"report.html": render_page(analysis, pictures), BIBLIOGRAPHY: _cited(analysis)}
        write_texts(texts, stage)
        made = [file for file in stage.rglob("*") if file.is_file()] + [stage / MANIFEST]
        names = sorted(file.relative_to(stage).as_posix() for file in made)
        figures = {item.stem: [entry.id for entry in item.studies] for item in pictures}
        entries = dict(analysis.manifest) | {"files": names, "studies_of_figures": figures}
        manifest = json.dumps(_plain(entries), indent=2)
        (stage / MANIFEST).write_text(manifest + "\n", encoding="utf-8", newline="\n")
    return [out / name for name in names]


def tables_of(analysis: Analysis) -> dict[str, pd.DataFrame]:
    """The tables that are written, by the name of their files."""
    found = {name: getattr(analysis, name) for name in TABLES}
    found |= compare.tables_of(analysis.comparison)
    if analysis.findings is not None:
        found |= benefit_tables(analysis.findings)
    if analysis.populations:
        found["mix"] = pd.concat([own.table for own in analysis.populations], ignore_index=True)
    tried = [sensitivity.tables_of(own) for own in analysis.sensitivity.values()]
    for name in sensitivity.TABLES if tried else ():
        found[name] = pd.concat([own[name] for own in tried], ignore_index=True)
    return found


def _cited(analysis: Analysis) -> str:
    """Give the studies used as a bibliography."""
    studies = [analysis.registry.studies[name] for name in cited_studies(analysis)]
    return f"{bibtex(studies).rstrip()}\n"


def _plain(value: Any) -> Any:
    """Turn what a manifest may hold into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return value.item() if hasattr(value, "item") else str(value)
