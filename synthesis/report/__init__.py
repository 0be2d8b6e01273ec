"""The report of an analysis: one page, its figures and its tables."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studies.documents import bibtex
from synthesis.endpoints import endpoint_of
from synthesis.report.page import BIBLIOGRAPHY, render_page
from synthesis.report.references import references
from synthesis.report.writer import (
    about,
    draw,
    files_in,
    write_manifest,
    write_tables,
    write_texts,
)
from synthesis.staging import staged_folder

if TYPE_CHECKING:
    import pandas as pd

    from synthesis.run import Analysis

__all__ = ["save_forest", "write_report"]


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
    out, registry, results = Path(out), analysis.registry, analysis.results
    pictures = [picture for result in results for picture in result.pictures]
    cited = [entry.id for entry in references(registry, analysis.cohorts["study"])]
    with staged_folder(out) as stage:
        draw(pictures, registry, stage / "figures")
        for result in results:
            write_tables(result.tables, stage)
        svgs = {
            each.stem: (stage / "figures" / f"{each.stem}.svg").read_text(encoding="utf-8")
            for each in pictures
        }
        studies = bibtex([registry.studies[name] for name in cited])
        page = render_page(analysis, results, svgs)
        write_texts({"report.html": page, BIBLIOGRAPHY: f"{studies.rstrip()}\n"}, stage)
        used = {each.stem: each.studies for each in pictures}
        write_manifest({**analysis.manifest, "studies_of_figures": used}, stage)
        return [out / name for name in files_in(stage)]


def save_forest(
    analysis: Analysis, endpoint: str, path: Path, *, treatment: str | None, width: str
) -> tuple[str, ...]:
    """Draw one forest plot into one file.

    Parameters
    ----------
    analysis : Analysis
        An analysis of that endpoint.
    endpoint : {"os", "pfs", "response"}
        Which forest plot.
    path : Path
        The file; its suffix, svg, pdf or png, says in which format.
    treatment : str or None
        Label of the only treatment to show; None shows all.
    width : {"one-column", "two-column", "slide"}
        Width of the figure.

    Returns
    -------
    tuple of str
        Identifiers of the studies that it shows, in the order of a reference list.
    """
    from synthesis.plots import save_figure

    table, stem = analysis.forest[endpoint], f"forest_{endpoint}"
    pictures = (each for result in analysis.results for each in result.pictures)
    picture = next(each for each in pictures if each.stem == stem)
    caption = picture.caption
    if treatment is not None:
        table = _only(table, treatment)
        caption += f" Shown: {treatment} only; its estimates draw on all of these cohorts."
    shown = references(analysis.registry, filter(None, table["study_id"].dropna()))
    picture = replace(
        picture,
        title=endpoint_of(endpoint).name(analysis.registry.vocabulary),
        caption=caption,
        arguments={"table": table, "endpoint": endpoint},
        studies=tuple(entry.id for entry in shown),
    )
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        figure = picture.draw(width=width)
        save_figure(figure, Path(folder) / "forest", about(picture, analysis.registry))
        (Path(folder) / f"forest{path.suffix.lower()}").replace(path)
    return picture.studies


def _only(table: pd.DataFrame, treatment: str) -> pd.DataFrame:
    """Keep one treatment, the class it belongs to, and what is said of the whole."""
    own = table["treatment"] == treatment
    above = (table["kind"] == "class") & table["treatment_class"].isin(
        table.loc[own, "treatment_class"]
    )
    return table[own | above | (table["kind"] == "heterogeneity")].reset_index(drop=True)
