"""Files of `atc bias`: tables, figures and the answers in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from synthesis.bias.drawing import effect_rows, report_rows
from synthesis.plots.bias import plot_bias
from synthesis.plots.funnel import plot_funnel
from synthesis.plots.style import About, Figure, Width, class_hues
from synthesis.questions.bias import OPTIONAL, BiasAnalysis
from synthesis.report.files import write_files
from synthesis.report.sections import endpoint_label
from synthesis.report.view import dashes
from synthesis.result import RESEARCH_USE


def bias_tables(found: BiasAnalysis) -> dict[str, pd.DataFrame]:
    """The tables that are written, by the name of their files."""
    own = found.tables
    return {
        "bias": own.effects,
        "bias_kinds": own.kinds,
        "bias_reports": own.reports,
        "bias_medians": own.medians,
        "funnel": own.funnel,
        "funnel_slope": own.slopes,
    }


def draw_bias(found: BiasAnalysis, *, width: Width = "two-column") -> dict[str, Figure]:
    """Draw biases and funnel, by the stem of the file; no funnel where no median has a place."""
    own, order = found.tables, {c.label: c.order for c in found.registry.vocabulary.classes}
    shown = own.funnel[own.funnel["shown"].astype(bool)]
    first = set(shown["treatment_class"])
    used = {*first, *own.reports["treatment_class"]}
    # the first hues differ most: they go to the funnel, where marks stand between each other
    hues = class_hues(sorted(used, key=lambda label: (label not in first, order[label])))
    figures = {
        f"bias_{found.endpoint}": plot_bias(
            found.density, effect_rows(own), report_rows(own), width=width, hues=hues
        )
    }
    if not shown.empty:
        figures[f"funnel_{found.endpoint}"] = plot_funnel(shown, width=width, hues=hues)
    return figures


def write_bias(found: BiasAnalysis, out: Path) -> list[Path]:
    """Write the tables and figures of a bias analysis.

    Parameters
    ----------
    found : BiasAnalysis
    out : Path
        The folder; made when it does not exist. Other files in it stay.

    Returns
    -------
    list of Path
        ``tables/bias.csv``, ``bias_kinds.csv``, ``bias_reports.csv``, ``bias_medians.csv``,
        ``funnel.csv`` and ``funnel_slope.csv``; of each figure SVG, PDF and PNG in ``figures/``;
        ``bias.md`` with the answers in words.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written.
    """
    figures = {
        stem: (figure, About(_title(found, stem), dashes(found.captions[stem])))
        for stem, figure in draw_bias(found).items()
    }
    texts = {"bias.md": "\n".join(_summary(found)) + "\n"}
    return write_files(out, bias_tables(found), figures, texts)


def _title(found: BiasAnalysis, stem: str) -> str:
    is_funnel = stem.startswith("funnel")
    words = "funnel of printed medians" if is_funnel else "biases of retrospective reports"
    return f"{endpoint_label(found.registry, found.endpoint)}: {words}"


def _summary(found: BiasAnalysis) -> Iterator[str]:
    """Lines of the answers in words, with the captions of the figures."""
    yield f"# {endpoint_label(found.registry, found.endpoint)}: biases and small studies"
    yield f"\n{OPTIONAL}"
    for finding in found.findings:
        yield f"\n## {finding.question}"
        for sentence in finding.sentences:
            yield f"\n{dashes(sentence)}"
    for stem, caption in found.captions.items():
        yield f"\n![{stem}](figures/{stem}.png)\n\n{dashes(caption)}"
    yield f"\n{RESEARCH_USE}"
