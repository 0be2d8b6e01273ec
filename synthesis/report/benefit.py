"""Benefit by histology: what the sections of the report are made of."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.benefit.drawing import (
    benefit_rows,
    effect_rows,
    influence_rows,
)
from synthesis.benefit.findings import Findings
from synthesis.benefit.histology_words import benefit_words
from synthesis.benefit.single_result import SingleResult
from synthesis.benefit.single_words import single_title, single_words
from synthesis.benefit.writing import chance_text, ratio_text
from synthesis.plots.cells import signs
from synthesis.report.benefit_files import (
    MOST_INFLUENTIAL,
    captions,
    influence_sentences,
    singles_of,
)
from synthesis.report.view import LEVEL, Column, Table, dashes, make_table
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
        Medians and gains by histology, effects, influence.
    figures : tuple of str
        Stems of its figures, in order.
    """

    endpoint: str
    label: str
    sentences: tuple[str, ...]
    influence: tuple[str, ...]
    tables: tuple[Table, ...]
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


def benefit_blocks(findings: Findings, vocabulary: Vocabulary) -> tuple[BenefitBlock, ...]:
    """What a template needs of benefit by histology, endpoint by endpoint.

    Parameters
    ----------
    findings : Findings
    vocabulary : Vocabulary
    """
    benefit, said = findings.benefit, benefit_words(findings.benefit, vocabulary)
    named = captions(findings, vocabulary)
    blocks = []
    for endpoint in benefit.endpoints:
        effects = benefit.effects[benefit.effects["endpoint"] == endpoint]
        density = benefit.density[benefit.density["endpoint"] == endpoint]
        tables = [
            _survival_table(benefit_rows(benefit, endpoint)),
            _gain_table(benefit_rows(benefit, endpoint), benefit.delta),
            _effect_table(effect_rows(effects, density)),
        ]
        moved = findings.influence_of(endpoint, "ratio")
        if not moved.empty:
            tables.append(_influence_table(influence_rows(moved)))
        blocks.append(
            BenefitBlock(
                endpoint,
                vocabulary.endpoint(endpoint).label,
                tuple(dashes(text) for text in said[endpoint]),
                tuple(dashes(text) for text in influence_sentences(findings, endpoint)),
                tuple(table for table in tables if table is not None),
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
        Column("Cohorts", "num"),
        Column("Patients", "num"),
    ]
    names = ("median", "survival_6m", "survival_12m", "rmst_12m", "rmst_24m")
    cells = [
        (
            row["treatment"],
            row["histology"],
            *(signs(row[f"{name}_text"]) for name in names),
            row["cohorts"],
            row["patients"],
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
        Column("Carried by", "keep"),
    ]
    names = ("gain_text", "p_text", "ratio_text", "carried_by")
    cells = [
        (row["treatment"], row["histology"], *(signs(row[name]) for name in names))
        for row in gained.to_dict("records")
    ]
    return make_table(f"Gains over {reference}.", columns, cells)


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


def _influence_table(rows: pd.DataFrame) -> Table:
    shown = rows[rows["without"].notna()].groupby("quantity", sort=False).head(MOST_INFLUENTIAL)
    columns = [
        Column("Left out", "keep"),
        Column("Treatment"),
        Column("Patients", "num"),
        Column(f"Without it ({LEVEL})", "num"),
        Column("instead of", "num"),
        Column("Pareto k", "num"),
    ]
    cells = [
        (
            row["cohort_label"],
            row["treatment"],
            row["patients"],
            signs(row["without_text"]),
            signs(row["estimate_text"]),
            f"{row['pareto_k']:.2f}" + ("" if row["reliable"] else ", refit to know"),
        )
        for row in shown.to_dict("records")
    ]
    return make_table(
        "What each answer would be without the cohorts that move it most.",
        columns,
        cells,
        group_by=list(shown["heading"]),
        note="By weighting the draws, without refitting; Pareto k says how far they could be.",
    )


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
