"""Benefit by histology: what the sections of the report are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.benefit.by_histology import SHARES
from synthesis.benefit.compare_words import in_sentence
from synthesis.benefit.drawing import (
    benefit_rows,
    effect_rows,
)
from synthesis.benefit.finding_words import (
    captions,
    influence_sentences,
    singles_of,
)
from synthesis.benefit.findings import Findings
from synthesis.benefit.histology_words import benefit_words, ratio
from synthesis.benefit.single_result import SingleResult
from synthesis.benefit.single_words import single_title, single_words
from synthesis.benefit.writing import chance_text, ratio_text
from synthesis.histology_table import HistologyTables
from synthesis.plots.cells import signs
from synthesis.report.view import LEVEL, Cell, Column, Table, dashes, make_table
from synthesis.report.view import percent as share_text

BENEFIT_LEAD = (
    "What treatments gain in pure and in mixed tumours, and how much of that the data can know. "
    "The prognostic effect is what mixed histology does under any treatment; the predictive effect "
    "is what one treatment adds to it. None of it is advice on treatment."
)


@dataclass(frozen=True)
class BenefitBlock:
    """One endpoint of the section.

    Attributes
    ----------
    endpoint, label : str
    sentences : tuple of str
        What the tables say.
    influence : tuple of str
        Which cohorts moved the effects of histology, in sentences.
    tables : tuple of Table
        What each survival family says; where the data say nothing on histology, that it is prior.
    numbers : tuple of Table
        What the figures show: effects, printed medians, survival and gains by histology.
    figures : tuple of str
        Stems of its figures, in order.
    """

    endpoint: str
    label: str
    sentences: tuple[str, ...]
    influence: tuple[str, ...]
    tables: tuple[Table, ...]
    numbers: tuple[Table, ...]
    figures: tuple[str, ...]


@dataclass(frozen=True)
class SingleBlock:
    """The page of one report's own result.

    Attributes
    ----------
    title : str
    sentences : tuple of str
    tables : tuple of Table
        By survival family, and what significant results show.
    figure : str
        Stem of its figure.
    """

    title: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    figure: str


def benefit_blocks(
    findings: Findings, vocabulary: Vocabulary, *, printed: HistologyTables | None = None
) -> tuple[BenefitBlock, ...]:
    """What a template needs of benefit by histology, endpoint by endpoint.

    Parameters
    ----------
    findings : Findings
    vocabulary : Vocabulary
    printed : HistologyTables, optional
        What reports print of overall survival by histology, and the effects by survival family.
    """
    benefit, said = findings.benefit, benefit_words(findings.benefit, vocabulary)
    named = captions(findings, vocabulary)
    blocks = []
    for endpoint in benefit.endpoints:
        told = benefit.told[endpoint]
        effects = benefit.effects[benefit.effects["endpoint"] == endpoint]
        density = benefit.density[benefit.density["endpoint"] == endpoint]
        known = printed if endpoint == "os" else None
        effect_table = _effect_table(effect_rows(effects, density))
        rows = benefit_rows(benefit, endpoint)
        numbers = (
            effect_table,
            None if known is None else _printed_table(known),
            _survival_table(rows),
            _gain_table(rows, benefit.delta),
        )
        tables = (None if known is None else _family_table(known),)
        if not told:  # what is by histology is the prior alone, and is shown as that only
            tables, numbers = (effect_table,), ()
        blocks.append(
            BenefitBlock(
                endpoint,
                vocabulary.endpoint(endpoint).label,
                tuple(dashes(text) for text in said[endpoint]),
                tuple(dashes(text) for text in influence_sentences(findings, endpoint)),
                tuple(table for table in tables if table is not None),
                tuple(table for table in numbers if table is not None),
                tuple(
                    stem
                    for stem in named
                    if stem.endswith(f"_{endpoint}") and not stem.startswith("single")
                ),
            )
        )
    return tuple(blocks)


def single_blocks(findings: Findings, vocabulary: Vocabulary) -> tuple[SingleBlock, ...]:
    """What a template needs of the results that reports print by histology, each on its own."""
    blocks = []
    for endpoint, stem, result in singles_of(findings):
        title = single_title(result, vocabulary.endpoint(endpoint).label)
        sentences = tuple(dashes(text) for text in single_words(result))
        tables = (_alone_table(result), _exaggeration_table(result))
        blocks.append(SingleBlock(title, sentences, tables, stem))
    return tuple(blocks)


# --- Tables of the page --------------------------------------------------------------------------


def _survival_table(rows: pd.DataFrame) -> Table:
    columns = [
        Column("Treatment", "keep"),
        Column("Tumours", "keep"),
        Column(f"Median, months ({LEVEL})", "num"),
        Column("Alive at 6 months, %", "num"),
        Column("at 12 months, %", "num"),
        Column("Restricted mean to 12 months", "num"),
        Column("to 24 months", "num"),
        Column("Cohorts (patients)", "num"),
    ]
    names = ("median", "survival_6m", "survival_12m", "rmst_12m", "rmst_24m")
    cells = [
        (
            *_sides(row),
            *(signs(row[f"{name}_text"]) for name in names),
            f"{row['cohorts']} ({row['patients']})",
        )
        for row in rows.to_dict("records")
    ]
    note = "Average study, reference population. Cohorts and patients are of both histologies."
    return make_table("Pure and mixed side by side.", columns, cells, note=note)


def _gain_table(rows: pd.DataFrame, delta: float) -> Table | None:
    gained = rows[rows["carried_by"] != ""]
    if gained.empty:
        return None
    (reference,) = rows.loc[rows["is_reference"], "treatment"].unique()
    columns = [
        Column("Treatment", "keep"),
        Column("Tumours", "keep"),
        Column(f"Gain in the median, months ({LEVEL})", "num"),
        Column(f"P(gain > {delta:g} mo)", "num"),
        Column("Ratio of medians", "num"),
        Column("Carried by"),
    ]
    names = ("gain_text", "p_text", "ratio_text", "carried_by")
    cells = [
        (*_sides(row), *(signs(row[name]) for name in names)) for row in gained.to_dict("records")
    ]
    return make_table(f"Gains over {in_sentence(reference)}.", columns, cells)


def _sides(row: Mapping[str, Any]) -> tuple[Cell, str]:
    """Name of a treatment, which stands for its mixed tumours too, and the histology."""
    first = row["histology"] == next(iter(SHARES))
    return Cell(row["treatment"], rows=len(SHARES) if first else 0), row["histology"]


def _effect_table(rows: pd.DataFrame) -> Table:
    columns = [
        Column("Effect, ratio of medians"),
        Column(f"Prior ({LEVEL})", "num"),
        Column(f"Posterior ({LEVEL})", "num"),
        Column("Share of the answer that is prior, %", "num"),
        Column("Told by", "keep"),
    ]
    cells = [
        (
            row["label"],
            signs(row["prior_text"]),
            signs(row["posterior_text"]),
            share_text(row["prior_share"]),
            row["detail"],
        )
        for row in rows.to_dict("records")
    ]
    return make_table(
        "How much of each effect is prior.",
        columns,
        cells,
        note="Ratio of the variances, posterior to prior, on the log scale: the weight of the "
        "prior in the answer. At 100 % the data say nothing.",
    )


def _printed_table(printed: HistologyTables) -> Table | None:
    """Medians that reports print of pure and of mixed tumours."""
    own = printed.ratios[printed.ratios["kind"] == "printed"]
    if own.empty:
        return None
    columns = [
        Column("Report", "keep"),
        Column("Mixed against pure", "keep"),
        Column("Mixed, n", "num"),
        Column("Pure, n", "num"),
        Column("Ratio of medians", "num"),
        Column("p, printed", "num"),
    ]
    cells = [
        (row.label, row.note, row.n_mixed, row.n_pure, ratio_text(row.estimate), row.p)
        for row in own.itertuples(index=False)
    ]
    return make_table("As reports print them.", columns, cells, narrow=True)


def _family_table(printed: HistologyTables) -> Table | None:
    """The effects under each survival family; None where there is one only."""
    effects = printed.effects[printed.effects["which"] == "posterior"]
    # the first is what answers are read from
    families = list(dict.fromkeys(effects["family"]))[1:]
    if not families:
        return None
    by = {(row.parameter, row.family): row for row in effects.itertuples(index=False)}
    parameters = list(dict.fromkeys(effects["parameter"]))
    columns = [Column("Survival family"), *(Column(_in_words(p), "num") for p in parameters)]
    cells = [
        (family, *(signs(ratio(by[name, family])) for name in parameters)) for family in families
    ]
    note = "Posterior of the ratio of medians if that family were the only one."
    return make_table("Under each survival family.", columns, cells, note=note, narrow=True)


def _in_words(parameter: str) -> str:
    """Heading of an effect: of all treatments, or of one."""
    kind, _, treatment = parameter.partition(": ")
    return f"{kind.capitalize()}, {treatment or 'any treatment'} ({LEVEL})"


def _alone_table(result: SingleResult) -> Table:
    columns = [
        Column("Survival family"),
        Column("Weight in the pool, %", "num"),
        Column(f"Ratio of medians ({LEVEL})", "num"),
        Column("P(above 1)", "num"),
    ]
    cells = [
        (
            row.family,
            share_text(row.weight),
            f"{ratio_text(row.estimate)} ({ratio_text(row.lower)}–{ratio_text(row.upper)})",
            chance_text(row.p_above_one),
        )
        for row in result.alone.itertuples(index=False)
    ]
    return make_table("By this result alone.", columns, cells, narrow=True)


def _exaggeration_table(result: SingleResult) -> Table:
    columns = [
        Column("True ratio", "num"),
        Column("Studies that are significant, %", "num"),
        Column("of these with the wrong sign, %", "num"),
        Column("Ratio they show on average", "num"),
        Column("Exaggeration of the log ratio", "num"),
    ]
    cells = [
        (
            f"{ratio_text(row.true_ratio)}{' (as pooled)' if number == 0 else ''}",
            share_text(row.power),
            *(
                "–" if value != value else write(value)
                for value, write in (
                    (row.wrong_sign, share_text),
                    (row.shown_ratio, ratio_text),
                    (row.exaggeration, ratio_text),
                )
            ),
        )
        for number, row in enumerate(result.exaggeration.itertuples(index=False))
    ]
    title = "What significant results of a study of this size show."
    return make_table(title, columns, cells, narrow=True)
