"""The figures of a report: which there are, their files, and their place in the page."""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from studies.vocabulary import TreatmentClass
from synthesis.plots import (
    About,
    class_hues,
    plot_curves,
    plot_forest,
    plot_predictive,
    save_figure,
)
from synthesis.report import benefit_files, compare, sensitivity
from synthesis.report.benefit_files import draw_benefit
from synthesis.report.compare import draw_comparison
from synthesis.report.references import Reference, cited_studies, references
from synthesis.report.sections import endpoint_label
from synthesis.report.view import dashes

if TYPE_CHECKING:
    from synthesis.plots.style import Figure
    from synthesis.run import Analysis

# Height by width from which a figure runs over several sheets in print; A4 has about 1.4.
TALLEST = 1.7
_SIZE = re.compile(rb'<svg[^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"')

Section = Literal["forest", "curves", "compare", "benefit", "sensitivity", "predictive"]

_KINDS: dict[Section, str] = {
    "forest": "Forest plot",
    "curves": "Survival curves",
    "compare": "Figure",
    "benefit": "Figure",
    "sensitivity": "Specification curve",
    "predictive": "Predictive check",
}


@dataclass(frozen=True)
class Picture:
    """One figure of the page.

    Attributes
    ----------
    stem : str
        Name of its files without suffix.
    section : {"forest", "curves", "compare", "benefit", "sensitivity", "predictive"}
        Where in the page it stands.
    title, caption, alt : str
        Heading, caption ready to paste, and what a reader who cannot see it is told.
    files : tuple of str
        Paths from the page.
    svg : bytes
        The figure itself.
    studies : tuple of Reference
        The studies that it used, in the order of the reference list.
    """

    stem: str
    section: Section
    title: str
    caption: str
    alt: str
    files: tuple[str, ...]
    svg: bytes
    studies: tuple[Reference, ...]

    @property
    def tall(self) -> bool:
        """Whether it is much taller than a sheet of paper of its width."""
        width, height = _SIZE.search(self.svg).groups()
        return float(height) > TALLEST * float(width)

    @property
    def data_uri(self) -> str:
        """The figure as an address that holds it; identifiers of two figures cannot clash."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode("ascii")


def draw_figures(analysis: Analysis, folder: Path) -> tuple[Picture, ...]:
    """Draw every figure that belongs to the endpoints of an analysis, and write its files.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.
    folder : Path
        Where the files go: SVG, PDF and PNG of each.

    Returns
    -------
    tuple of Picture
        In the order of the page.
    """
    hues = _hues(analysis)
    drawn = chain(
        _fitted(analysis, hues),
        _compared(analysis, hues),
        _by_histology(analysis, hues),
        _tried(analysis),
        _predicted(analysis, hues),
    )
    return tuple(_save(analysis, item, folder) for item in drawn)


@dataclass(frozen=True)
class _Drawn:
    """A figure on its way to its files."""

    stem: str
    section: Section
    title: str
    figure: Figure
    caption: str


def _fitted(analysis: Analysis, hues: Mapping[str, str]) -> Iterator[_Drawn]:
    """Forest plots, then curves."""
    for endpoint, table in analysis.forest.items():
        label, stem = endpoint_label(analysis.registry, endpoint), f"forest_{endpoint}"
        figure = plot_forest(table, endpoint=endpoint, hues=hues)
        yield _Drawn(stem, "forest", label, figure, analysis.captions[stem])
    for endpoint, (curves, points) in analysis.curves.items():
        if points.empty:  # patients listed one by one leave no printed point to draw
            continue
        label, stem = endpoint_label(analysis.registry, endpoint), f"curves_{endpoint}"
        figure = plot_curves(curves, points, endpoint=label, hues=hues)
        yield _Drawn(stem, "curves", label, figure, analysis.captions[stem])


def _compared(analysis: Analysis, hues: Mapping[str, str]) -> Iterator[_Drawn]:
    vocabulary = analysis.registry.vocabulary
    for stem, figure in draw_comparison(analysis.comparison, vocabulary, hues=hues).items():
        title = compare.figure_title(stem, vocabulary)
        yield _Drawn(stem, "compare", title, figure, analysis.captions[stem])


def _by_histology(analysis: Analysis, hues: Mapping[str, str]) -> Iterator[_Drawn]:
    if analysis.findings is None:
        return
    vocabulary = analysis.registry.vocabulary
    for stem, figure in draw_benefit(analysis.findings, vocabulary, hues=hues).items():
        title = benefit_files.figure_title(stem, vocabulary)
        yield _Drawn(stem, "benefit", title, figure, analysis.captions[stem])


def _tried(analysis: Analysis) -> Iterator[_Drawn]:
    """What changes under which choice."""
    for found in analysis.sensitivity.values():
        named = {stem: name for name, stem in sensitivity.stems(found).items()}
        for stem, figure in sensitivity.draw_sensitivity(found).items():
            title = sensitivity.figure_title(found, named[stem])
            yield _Drawn(stem, "sensitivity", title, figure, found.captions[named[stem]])


def _predicted(analysis: Analysis, hues: Mapping[str, str]) -> Iterator[_Drawn]:
    for endpoint, table in analysis.predictive.items():
        if table.empty:
            continue
        positions = analysis.coverage[endpoint].positions
        figure = plot_predictive(table, positions, endpoint=endpoint, hues=hues)
        stem = f"predictive_checks_{endpoint}"
        title = endpoint_label(analysis.registry, endpoint)
        yield _Drawn(stem, "predictive", title, figure, analysis.captions[stem])


def save_forest(
    analysis: Analysis, endpoint: str, path: Path, *, treatment: str | None, width: str
) -> None:
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
    """
    table = analysis.forest[endpoint]
    if treatment is not None:
        table = _only(table, treatment)
    figure = plot_forest(table, endpoint=endpoint, width=width, hues=_hues(analysis))
    stem = f"forest_{endpoint}"
    cited = references(analysis.registry, cited_studies(analysis, stem, treatment=treatment))
    caption = dashes(analysis.captions[stem])
    if treatment is not None:
        caption += f" Shown: {treatment} only; its estimates draw on all of these cohorts."
    about = _about(endpoint_label(analysis.registry, endpoint), caption, cited)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        save_figure(figure, Path(folder) / "forest", about)
        (Path(folder) / f"forest{path.suffix.lower()}").replace(path)


def _only(table: pd.DataFrame, treatment: str) -> pd.DataFrame:
    """Keep one treatment, the class it belongs to, and what is said of the whole."""
    own = table["treatment"] == treatment
    classes = set(table.loc[own, "treatment_class"])
    above = (table["kind"] == "class") & table["treatment_class"].isin(classes)
    return table[own | above | (table["kind"] == "heterogeneity")].reset_index(drop=True)


def _hues(analysis: Analysis) -> dict[str, str]:
    """Give each class one colour in all figures of the analysis."""
    labels = [item.label for item in sorted(analysis.registry.vocabulary.classes, key=_order)]
    used = {name for table in analysis.forest.values() for name in table["treatment_class"]}
    return class_hues(label for label in labels if label in used)


def _order(item: TreatmentClass) -> int:
    return item.order


def _save(analysis: Analysis, drawn: _Drawn, folder: Path) -> Picture:
    caption = dashes(drawn.caption)
    cited = references(analysis.registry, cited_studies(analysis, drawn.stem))
    about = _about(drawn.title, caption, cited)
    files = save_figure(drawn.figure, folder / drawn.stem, about)
    svg = next(file for file in files if file.suffix == ".svg")
    kind = _KINDS[drawn.section]
    return Picture(
        stem=drawn.stem,
        section=drawn.section,
        title=drawn.title,
        caption=caption,
        alt=f"{kind}: {drawn.title.lower()}. Its numbers stand in the tables of this page.",
        files=tuple(f"{file.parent.name}/{file.name}" for file in files),
        svg=svg.read_bytes(),
        studies=cited,
    )


def _about(title: str, caption: str, cited: tuple[Reference, ...]) -> About:
    """Give a figure's files the citations of the studies that it used."""
    sources = tuple(entry.in_full for entry in cited)
    return About(title, caption, sources, tuple(entry.label for entry in cited))
