"""Treatments compared: a section of the report, and the files of `atc compare`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis.benefit.compare import Comparison, endpoint_words
from synthesis.benefit.compare_rows import contrast_rows
from synthesis.benefit.compare_words import captions, in_sentence, sentences
from synthesis.benefit.writing import chance_text, league_rows, with_texts
from synthesis.plots import (
    About,
    class_hues,
    plot_contrasts,
    plot_gains,
    plot_league,
    plot_network,
    plot_ranks,
)
from synthesis.plots.cells import signs
from synthesis.plots.style import Figure, Width
from synthesis.report.files import write_files
from synthesis.report.references import references
from synthesis.report.view import LEVEL, Cell, Column, Table, dashes, make_table

#: Tables that are written, by the name of their files.
TABLES = ("compare", "league", "gains", "ranks")

COMPARE_LEAD = (
    "Contrasts of the average study: what would differ between two patients of the reference "
    "population, one under each treatment, if the model holds. In a new study that gives both the "
    "ratio of medians is the same, since what sets a study apart is common to both. None of it is "
    "advice on treatment."
)

_TITLES = {
    "forest": "Every treatment against the reference",
    "gains": "How likely a gain is",
    "ranks": "Ranks",
    "league": "Every pair",
    "network": "Which reports gave two of the treatments",
}


@dataclass(frozen=True)
class CompareBlock:
    """One endpoint of the section.

    Attributes
    ----------
    endpoint, label : str
    sentences : tuple of str
        What the tables say.
    tables : tuple of Table
        Contrasts with the reference, and ranks.
    figures : tuple of str
        Stems of its figures, in order.
    """

    endpoint: str
    label: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: tuple[str, ...]


def compare_blocks(comparison: Comparison, vocabulary: Vocabulary) -> tuple[CompareBlock, ...]:
    """What a template needs of a comparison, endpoint by endpoint; empty where there is none."""
    said = sentences(comparison, vocabulary)
    named = captions(comparison, vocabulary)
    blocks = []
    for endpoint in comparison.endpoints:
        name = endpoint_words(endpoint, vocabulary)
        blocks.append(
            CompareBlock(
                endpoint,
                f"{name[:1].upper()}{name[1:]}",
                tuple(dashes(text) for text in said[endpoint]),
                (_contrast_table(comparison, endpoint), _rank_table(comparison, endpoint)),
                tuple(stem for stem in named if stem.endswith(f"_{endpoint}")),
            )
        )
    return tuple(blocks)


def _contrast_table(comparison: Comparison, endpoint: str) -> Table:
    names = {
        "ratio_of_medians": f"Ratio of medians ({LEVEL})",
        "average_hazard_ratio": "Average hazard ratio to 24 months",
        "difference_median_months": "Difference of medians, months",
        "p_gain": f"P(gain > {comparison.delta:g} mo)",
        "difference_rmst_12m": "Restricted mean to 12 months, difference",
        "difference_rmst_24m": "to 24 months",
        "difference_response_rate": f"Difference of response rates, points ({LEVEL})",
    }
    rows = contrast_rows(comparison, endpoint)
    shown = [name for name in names if name in rows[0]]
    columns = [
        Column("Treatment", "keep"),
        *(Column(names[name], "num") for name in shown),
        Column("Carried by"),
        Column("Cohorts (patients)", "num"),
    ]
    cells = [
        (
            row["treatment"],
            *(signs(row[name]) for name in shown),
            Cell(
                row["carried_by"],
                more="; ".join(comparison.evidence[endpoint, row["treatment"]].reports),
            ),
            f"{row['cohorts']} ({row['patients']})",
        )
        for row in rows
    ]
    reference = comparison.references[endpoint].label
    note = "Cohorts and patients are those of the treatment itself."
    return make_table(f"Against {in_sentence(reference)}.", columns, cells, note=note)


def _rank_table(comparison: Comparison, endpoint: str) -> Table:
    own = comparison.ranks[comparison.ranks["endpoint"] == endpoint]
    rows = []
    for treatment, part in own.groupby("treatment", sort=False):
        first = part.iloc[0]
        chances = part.set_index("rank")["cumulative"]
        rows.append(
            (
                treatment,
                f"{first['mean_rank']:.1f}",
                f"{first['lower']:.0f}–{first['upper']:.0f}",
                chance_text(chances.loc[1]),
                chance_text(chances.loc[min(3, int(first["of"]))]),
            )
        )
    columns = [
        Column("Treatment", "keep"),
        Column("Mean rank", "num"),
        Column(f"Rank ({LEVEL})", "num"),
        Column("P(first)", "num"),
        Column("P(among the first three)", "num"),
    ]
    return make_table("Ranks.", columns, rows, narrow=True)


def tables_of(comparison: Comparison) -> Mapping[str, pd.DataFrame]:
    """The tables that are written, by the name of their files."""
    frames = (comparison.table, comparison.league, comparison.gains, comparison.ranks)
    return dict(zip(TABLES, frames, strict=True))


def draw_comparison(
    comparison: Comparison,
    vocabulary: Vocabulary,
    *,
    width: Width = "two-column",
    hues: Mapping[str, str] | None = None,
) -> dict[str, Figure]:
    """Draw every figure of a comparison, by the stem of its file, in order of display.

    Parameters
    ----------
    comparison : Comparison
    vocabulary : Vocabulary
    width : {"one-column", "two-column", "slide"}
    hues : mapping, optional
        Class label -> colour, to keep those of other figures; chosen among its own otherwise.
    """
    if hues is None:
        order = {item.label: item.order for item in vocabulary.classes}
        used = comparison.network.nodes["treatment_class"].unique()
        hues = class_hues(sorted(used, key=lambda label: order[label]))
    figures: dict[str, Figure] = {}
    for endpoint in comparison.endpoints:
        delta = comparison.delta
        own = {
            name: frame[frame["endpoint"] == endpoint].reset_index(drop=True)
            for name, frame in {
                "forest": comparison.forest,
                "gains": comparison.gains,
                "ranks": comparison.ranks,
                "league": comparison.league,
                "nodes": comparison.network.nodes,
                "edges": comparison.network.edges,
            }.items()
        }
        figures[f"compare_forest_{endpoint}"] = plot_contrasts(
            with_texts(own["forest"]), endpoint=endpoint, delta=delta, width=width, hues=hues
        )
        if not own["gains"].empty:
            figures[f"compare_gains_{endpoint}"] = plot_gains(
                own["gains"], endpoint=endpoint, delta=delta, width=width, hues=hues
            )
        figures[f"compare_ranks_{endpoint}"] = plot_ranks(
            own["ranks"], endpoint=endpoint, width=width, hues=hues
        )
        figures[f"compare_league_{endpoint}"] = plot_league(
            league_rows(own["league"]), endpoint=endpoint, width=width
        )
        figures[f"compare_network_{endpoint}"] = plot_network(
            own["nodes"], own["edges"], width=width, hues=hues
        )
    return figures


def figure_title(stem: str, vocabulary: Vocabulary) -> str:
    """Heading of a figure of :func:`draw_comparison`."""
    _, kind, endpoint = stem.split("_", 2)
    name = endpoint_words(endpoint, vocabulary)
    return f"{name[:1].upper()}{name[1:]}: {_TITLES[kind].lower()}"


def write_comparison(comparison: Comparison, registry: Registry, out: Path) -> list[Path]:
    """Write the tables and figures of a comparison.

    Parameters
    ----------
    comparison : Comparison
    registry : Registry
        The reports that it rests on.
    out : Path
        The folder; made when it does not exist. Other files in it stay.

    Returns
    -------
    list of Path
        ``tables/compare.csv``, ``league.csv``, ``gains.csv``, ``ranks.csv``, and of each figure
        SVG, PDF and PNG in ``figures/``.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written.
    """
    vocabulary = registry.vocabulary
    words = captions(comparison, vocabulary)
    figures = {}
    for stem, figure in draw_comparison(comparison, vocabulary).items():
        cited = references(registry, comparison.studies[stem.rpartition("_")[2]])
        about = About(
            figure_title(stem, vocabulary),
            dashes(words[stem]),
            tuple(entry.in_full for entry in cited),
            tuple(entry.label for entry in cited),
        )
        figures[stem] = figure, about
    return write_files(out, tables_of(comparison), figures)
