"""What is kept of answers: the report of an analysis as one page; tables, figures and a manifest.

All files of an answer are written, or none. Files of an earlier answer to the same question that
the new one does not have are removed; other files of the folder stay.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.documents import bibtex, csv_of
from synthesis.endpoints import endpoint_of
from synthesis.numbers import listed
from synthesis.report.page import BIBLIOGRAPHY, references, render_page
from synthesis.report.typeset import typeset
from synthesis.staging import MANIFEST, check_folder, staged_file, staged_folder, write_texts

if TYPE_CHECKING:
    import pandas as pd

    from studies import Registry
    from synthesis.plots import About
    from synthesis.plots.files import Helper
    from synthesis.plots.style import Width
    from synthesis.result import Picture, Result
    from synthesis.run import Analysis

__all__ = ["save_forest", "write_report", "write_result"]


def write_report(
    analysis: Analysis, out: Path, *, formats: Collection[str] = (), word: Path | None = None
) -> list[Path]:
    """Write the page, the figures, the tables and the manifest of an analysis into a folder.

    Parameters
    ----------
    formats : collection of str
        In which the tables that are read are written, too: words of
        :data:`~synthesis.choices.TABLES`.
    word : Path, optional
        A manuscript for Word, ``*.docx``. It belongs to its reader: no later report removes it.

    Returns
    -------
    list of Path
        ``report.html``, ``references.bib``, ``figures/`` (svg, pdf and png of each), ``tables/``
        (csv) and ``manifest.json``, which lists them all, and the studies of each figure; last the
        manuscript. Nothing is left behind by an ``OutputError``, where a place cannot be written.
    """
    from synthesis.plots.files import drawing_helper
    from synthesis.report.paper import summary, write_paper

    registry = analysis.registry

    def texts(figures: Path, finish: Callable[[], None]) -> dict[str, str]:
        def svg_of(stem: str) -> str:
            finish()
            return (figures / f"{stem}.svg").read_text(encoding="utf-8")

        cited = references(registry, analysis.cohorts["study"])
        studies = bibtex([registry.studies[entry.id] for entry in cited]).rstrip()
        page = render_page(analysis, analysis.results, svg_of)
        if paper is not None:
            write_paper(analysis, figures, paper)
        return {"report.html": page, BIBLIOGRAPHY: f"{studies}\n"}

    place = nullcontext() if word is None else staged_file(word)
    with place as paper, drawing_helper() as helper:  # it loads while the results are made
        results = analysis.results
        used = {picture.stem: picture.studies for own in results for picture in own.pictures}
        facts = {**analysis.manifest, "studies_of_figures": used}
        if formats:
            results = (*results, summary(analysis))
        files = _write(results, registry, out, facts, texts, helper, formats)
    return [*files, *([] if word is None else [word])]


def write_result(
    result: Result, registry: Registry, out: Path, *, formats: Collection[str] = ()
) -> list[Path]:
    """Write the tables, figures and texts of an answer, and a manifest where it has facts.

    Returns the files. ``OutputError`` where `out` cannot be written, or holds results of another
    kind; nothing is left behind.
    """
    facts = {**result.facts, "kind": result.name} if result.facts else {}
    if facts:
        check_folder(out, result.name)
    from synthesis.plots.files import drawing_helper

    with drawing_helper(len(result.pictures)) as helper:
        return _write([result], registry, out, facts, lambda *_: result.texts, helper, formats)


def _write(
    results: Sequence[Result],
    registry: Registry,
    out: Path,
    facts: Mapping[str, Any],
    texts: Callable[[Path, Callable[[], None]], Mapping[str, str]],
    helper: Helper,
    formats: Collection[str],
) -> list[Path]:
    """Write answers, their texts, and a manifest of any `facts`.

    `texts` is given the folder of the figures, and what must be called before one is read.
    """
    from synthesis.plots.files import drawing

    pictures = [picture for result in results for picture in result.pictures]
    tables = {name: table for result in results for name, table in result.tables.items()}
    with staged_folder(out) as stage:
        figures = stage / "figures"
        jobs = [(each, figures / each.stem, _about(each, registry)) for each in pictures]
        with drawing(jobs, helper) as finish:
            folder = stage / "tables"
            if tables or formats:
                folder.mkdir()
            write_texts(folder, {f"{name}.csv": csv_of(own) for name, own in tables.items()})
            write_texts(folder, dict(typeset(results, formats)))
            write_texts(stage, texts(figures, finish))
        files = {p.relative_to(stage).as_posix() for p in stage.rglob("*") if p.is_file()}
        if facts:
            files.add(MANIFEST)
            entries = json.dumps({**facts, "files": sorted(files)}, indent=2, default=_plain)
            write_texts(stage, {MANIFEST: f"{entries}\n"})
        return [out / name for name in sorted(files)]


def _plain(value: Any) -> Any:
    """What JSON does not know, as something that it knows."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return list(value)
    return value.item() if hasattr(value, "item") else str(value)


def _about(picture: Picture, registry: Registry | None) -> About:
    """What the files of a picture tell of it."""
    from synthesis.plots import About

    cited = references(registry, picture.studies) if picture.studies else ()
    sources, names = tuple(each.in_full for each in cited), tuple(each.label for each in cited)
    return About(picture.title, picture.caption, sources, names)


def save_forest(
    analysis: Analysis,
    endpoint: str,
    path: Path,
    *,
    treatments: Collection[str] = (),
    classes: Collection[str] = (),
    width: Width = "two-column",
    sort: str | None = None,
    columns: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Draw one forest plot into one file, whose suffix (svg, pdf, png, tif, tiff) is the format.

    `treatments` and `classes` are labels of the only ones to show, all without any; `width`, `sort`
    and `columns` those of `synthesis.plots.plot_forest`. Returns the identifiers of the studies
    that it shows, in the order of a reference list.
    """
    from synthesis.plots import save_figure

    table, registry = analysis.forest[endpoint], analysis.registry
    pictures = (each for result in analysis.results for each in result.pictures)
    picture = next(each for each in pictures if each.stem == f"forest_{endpoint}")
    caption = picture.caption
    if only := [*treatments, *classes]:
        table = _only(table, treatments, classes)
        caption += f" Shown: {listed(only)} only; estimates draw on all of these cohorts."
    shown = references(registry, filter(None, table["study_id"].dropna()))
    picture = replace(
        picture,
        title=endpoint_of(endpoint).name(registry.vocabulary),
        caption=caption,
        arguments={"table": table, "endpoint": endpoint},
        studies=tuple(entry.id for entry in shown),
    )
    suffix = path.suffix.lower().removeprefix(".")
    formats = ("tiff" if suffix == "tif" else suffix,)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        stem, about = Path(folder, "forest"), _about(picture, registry)
        drawn = picture.draw(width=width, sort=sort, columns=columns)
        (file,) = save_figure(drawn, stem, about, formats)
        file.replace(path)
    return picture.studies


def _only(
    table: pd.DataFrame, treatments: Collection[str], classes: Collection[str]
) -> pd.DataFrame:
    """Keep some classes, some treatments with their class, and what is said of the whole."""
    group, kind = table["treatment_class"], table["kind"]
    own = group.isin(classes) | table["treatment"].isin(treatments)
    own |= (kind == "class") & group.isin(group[own])
    return table[own | (kind == "heterogeneity")].reset_index(drop=True)
