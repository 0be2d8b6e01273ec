"""Figures and files of benefit by histology."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.benefit.drawing import (
    benefit_rows,
    effect_rows,
    exaggeration_rows,
    influence_rows,
    single_effect_rows,
    single_printed_rows,
)
from synthesis.benefit.finding_words import (
    INFLUENCE_FIGURES,
    MOST_INFLUENTIAL,
    captions,
    drawn_influence,
    influence_sentences,
    singles_of,
)
from synthesis.benefit.findings import Findings
from synthesis.benefit.histology_words import benefit_words
from synthesis.benefit.single_words import single_title, single_words
from synthesis.plots import (
    About,
    class_hues,
    plot_benefit,
    plot_effects,
    plot_influence,
)
from synthesis.plots.style import Figure, Width
from synthesis.report.files import write_files
from synthesis.report.view import dashes


def draw_benefit(
    findings: Findings,
    vocabulary: Vocabulary,
    *,
    width: Width = "two-column",
    hues: Mapping[str, str] | None = None,
) -> dict[str, Figure]:
    """Draw every figure of benefit by histology, by the stem of its file, in order of display.

    Parameters
    ----------
    findings : Findings
    vocabulary : Vocabulary
    width : {"one-column", "two-column", "slide"}
    hues : mapping, optional
        Class label -> colour, to keep those of other figures; chosen among its own otherwise.
    """
    benefit, figures = findings.benefit, {}
    if hues is None:
        order = {item.label: item.order for item in vocabulary.classes}
        used = benefit.groups["treatment_class"].unique()
        hues = class_hues(sorted(used, key=lambda label: order[label]))
    for endpoint in benefit.endpoints:
        if benefit.told[endpoint]:
            figures[f"benefit_{endpoint}"] = plot_benefit(
                benefit_rows(benefit, endpoint),
                endpoint=vocabulary.endpoint(endpoint).label.lower(),
                reference=benefit.references.get(endpoint, ""),
                delta=benefit.delta,
                width=width,
                hues=hues,
            )
        density = benefit.density[benefit.density["endpoint"] == endpoint]
        effects = benefit.effects[benefit.effects["endpoint"] == endpoint]
        rows = effect_rows(effects, density)
        printed = [single_printed_rows(result) for result in findings.singles[endpoint]]
        figures[f"benefit_effects_{endpoint}"] = plot_effects(
            density,
            rows,
            printed=pd.concat(printed, ignore_index=True) if printed else None,
            width=width,
        )
        for unit, stem, _ in INFLUENCE_FIGURES:
            moved = drawn_influence(findings, endpoint, unit)
            if not moved.empty:
                figures[f"{stem}_{endpoint}"] = plot_influence(
                    influence_rows(moved), most=MOST_INFLUENTIAL, width=width
                )
    for _, stem, result in singles_of(findings):
        figures[stem] = plot_effects(
            result.density,
            single_effect_rows(result),
            printed=single_printed_rows(result),
            shown=exaggeration_rows(result),
            printed_heading="As printed",
            width=width,
        )
    return figures


def figure_title(stem: str, vocabulary: Vocabulary) -> str:
    """Heading of a figure of :func:`draw_benefit`."""
    kind, _, endpoint = stem.rpartition("_")
    titles = {
        "benefit": "benefit in pure and mixed tumours",
        "benefit_effects": "effects of mixed histology on their priors",
        "benefit_influence": "what moves the effects of histology",
        "influence_medians": "what moves the medians",
    }
    words = titles.get(kind, "one report's result, alone and once pooled")
    return f"{vocabulary.endpoint(endpoint).label}: {words}"


def benefit_tables(findings: Findings) -> dict[str, pd.DataFrame]:
    """The tables that are written, by the name of their files."""
    benefit = findings.benefit
    results = [
        result.exaggeration.assign(endpoint=endpoint, label=result.label)
        for endpoint, _, result in singles_of(findings)
    ]
    found = {
        "benefit": benefit.table,
        "benefit_effects": benefit.effects,
        "influence": findings.influence,
    }
    if results:
        found["single_results"] = pd.concat(results, ignore_index=True)
    return found


def write_benefit(findings: Findings, vocabulary: Vocabulary, out: Path) -> list[Path]:
    """Write the tables and figures of benefit by histology.

    Parameters
    ----------
    findings : Findings
    vocabulary : Vocabulary
    out : Path
        The folder; made when it does not exist. Other files in it stay.

    Returns
    -------
    list of Path
        ``tables/benefit.csv``, ``benefit_effects.csv``, ``influence.csv`` and, where a report
        prints both groups, ``single_results.csv``; of each figure SVG, PDF and PNG in
        ``figures/``; ``benefit.md`` with the answers in words.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written.
    """
    named = captions(findings, vocabulary)
    figures = {
        stem: (figure, About(figure_title(stem, vocabulary), dashes(named[stem])))
        for stem, figure in draw_benefit(findings, vocabulary).items()
    }
    texts = {"benefit.md": "\n".join(_summary(findings, vocabulary)) + "\n"}
    return write_files(out, benefit_tables(findings), figures, texts)


def _summary(findings: Findings, vocabulary: Vocabulary) -> Iterator[str]:
    """Lines of the answers in words, with the captions of the figures."""
    yield "# Benefit in pure and mixed tumours"
    said = benefit_words(findings.benefit, vocabulary)
    for endpoint in findings.benefit.endpoints:
        yield f"\n## {vocabulary.endpoint(endpoint).label}"
        for sentence in (*said[endpoint], *influence_sentences(findings, endpoint)):
            yield f"\n{dashes(sentence)}"
    for endpoint, _, result in singles_of(findings):
        yield f"\n## {single_title(result, vocabulary.endpoint(endpoint).label)}"
        for sentence in single_words(result):
            yield f"\n{dashes(sentence)}"
    for stem, caption in captions(findings, vocabulary).items():
        yield f"\n![{stem}](figures/{stem}.png)\n\n{dashes(caption)}"
