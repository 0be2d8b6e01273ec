"""What is kept of answers: the report of an analysis as one page; tables, figures and a manifest.

All files of an answer are written, or none.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.documents import bibtex
from synthesis.endpoints import endpoint_of
from synthesis.report.page import BIBLIOGRAPHY, render_page
from synthesis.report.references import references
from synthesis.staging import MANIFEST, check_folder, staged_folder

if TYPE_CHECKING:
    import pandas as pd

    from studies import Registry
    from synthesis.plots import About
    from synthesis.result import Picture, Result
    from synthesis.run import Analysis

__all__ = ["save_forest", "write_report", "write_result"]


def write_report(analysis: Analysis, out: Path) -> list[Path]:
    """Write the page, the figures, the tables and the manifest of an analysis.

    The folder is made when it does not exist. Files of an earlier report in it are replaced or,
    where this report has none of that name, removed; other files stay.

    Returns
    -------
    list of Path
        ``report.html``, ``references.bib``, ``figures/`` (svg, pdf and png of each), ``tables/``
        (csv) and ``manifest.json``, which lists them all, and the studies of each figure.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written; nothing is left behind then.
    """
    from synthesis.plots.files import draw_pictures, drawing_helper

    out, registry = Path(out), analysis.registry
    cited = [entry.id for entry in references(registry, analysis.cohorts["study"])]
    with drawing_helper() as helper, staged_folder(out) as stage:
        results = analysis.results
        pictures = [picture for result in results for picture in result.pictures]
        draw_pictures(_jobs(pictures, registry, stage / "figures"), helper)
        for result in results:
            _write_tables(result.tables, stage)
        svgs = {
            each.stem: (stage / "figures" / f"{each.stem}.svg").read_text(encoding="utf-8")
            for each in pictures
        }
        studies = bibtex([registry.studies[name] for name in cited])
        page = render_page(analysis, results, svgs)
        _write_texts({"report.html": page, BIBLIOGRAPHY: f"{studies.rstrip()}\n"}, stage)
        used = {each.stem: each.studies for each in pictures}
        _write_manifest({**analysis.manifest, "studies_of_figures": used}, stage)
        return [out / name for name in _files_in(stage)]


def write_result(result: Result, registry: Registry, out: Path) -> list[Path]:
    """Write the tables, figures and texts of an answer.

    The folder is made when it does not exist; other files in it stay. Where the result has facts a
    manifest is written, and files of an earlier answer to the same question that this one has none
    of are removed.

    Returns
    -------
    list of Path
        ``tables/`` (csv), ``figures/`` (svg, pdf and png of each) and texts.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written, or holds results of another kind; nothing is left behind.
    """
    from synthesis.plots.files import draw_pictures, drawing_helper

    out = Path(out)
    if result.facts:
        check_folder(out, result.name)
    with staged_folder(out) as stage:
        _write_tables(result.tables, stage)
        with drawing_helper(len(result.pictures)) as helper:
            draw_pictures(_jobs(result.pictures, registry, stage / "figures"), helper)
        _write_texts(result.texts, stage)
        if result.facts:
            _write_manifest({**result.facts, "kind": result.name}, stage)
        return [out / name for name in _files_in(stage)]


def save_forest(
    analysis: Analysis, endpoint: str, path: Path, *, treatment: str | None, width: str
) -> tuple[str, ...]:
    """Draw one forest plot into one file.

    Parameters
    ----------
    analysis : Analysis
        An analysis of that endpoint.
    path : Path
        The file; its suffix, svg, pdf or png, says in which format.
    treatment : str or None
        Label of the only treatment to show; None shows all.
    width : {"one-column", "two-column", "slide"}

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
        save_figure(figure, Path(folder) / "forest", _about(picture, analysis.registry))
        (Path(folder) / f"forest{path.suffix.lower()}").replace(path)
    return picture.studies


def _only(table: pd.DataFrame, treatment: str) -> pd.DataFrame:
    """Keep one treatment, the class it belongs to, and what is said of the whole."""
    own = table["treatment"] == treatment
    above = (table["kind"] == "class") & table["treatment_class"].isin(
        table.loc[own, "treatment_class"]
    )
    return table[own | above | (table["kind"] == "heterogeneity")].reset_index(drop=True)


# --- Files ----------------------------------------------------------------------------------------


def _write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as CSV into ``tables/`` of a folder, by the name of their files."""
    for name, frame in tables.items():
        (folder / "tables").mkdir(exist_ok=True)
        frame.to_csv(folder / "tables" / f"{name}.csv", index=False, lineterminator="\n")


def _write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write texts into a folder, by the name of their files."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _write_manifest(facts: Mapping[str, Any], folder: Path) -> None:
    """Write a manifest that lists every file of a folder, itself included."""
    entries = _plain({**facts, "files": sorted({*_files_in(folder), MANIFEST})})
    _write_texts({MANIFEST: json.dumps(entries, indent=2) + "\n"}, folder)


def _files_in(folder: Path) -> list[str]:
    """Names of every file below a folder, from it, in order."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _plain(value: Any) -> Any:
    """Turn what a manifest may hold into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return value.item() if hasattr(value, "item") else str(value)


def _jobs(
    pictures: Iterable[Picture], registry: Registry, folder: Path
) -> list[tuple[Picture, Path, About]]:
    """Pictures to draw into files of a folder, each with what its files tell of it."""
    return [(each, folder / each.stem, _about(each, registry)) for each in pictures]


def _about(picture: Picture, registry: Registry) -> About:
    """What the files of a picture tell of it."""
    from synthesis.plots import About

    cited = references(registry, picture.studies)
    return About(
        picture.title,
        picture.caption,
        tuple(entry.in_full for entry in cited),
        tuple(entry.label for entry in cited),
    )
