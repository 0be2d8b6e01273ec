"""Which survival family, and what kind of study and population: tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from synthesis.family_tables import Disagreement, disagreement
from synthesis.report.pooled import REFERENCE, describe
from synthesis.report.sections import Block, endpoint_label, ratio
from synthesis.report.view import LEVEL, Column, Table, count, interval, make_table, percent
from synthesis.stacking import HIGH_K, LEAST_COHORTS, ModelChoice

if TYPE_CHECKING:
    from synthesis.analysis import Analysis

FAMILIES_LEAD = (
    "Reports print a few points of a curve, and what lies between and beyond them is a matter of "
    "the survival family. Several are fitted to the same figures. Each is judged by how well it "
    "predicts every cohort from all the others, and their weights make the mixture that predicts "
    "best: the answers on this page are those of the mixture. The weights are not probabilities of "
    "the families: one that adds nothing to the others gets hardly any, however near it comes to "
    "them. So that a near tie is not decided by chance, they are found as if one further cohort "
    "spoke for all families alike."
)
POPULATION_LEAD = (
    "Reports differ in design, line of treatment, time origin and share of BRAF mutations. Their "
    "effects on the median are estimated along with the rest, and pooled estimates are those of a "
    "population half way between the kinds. A posterior that lies on its prior has learned nothing "
    "from these cohorts."
)

_ESTIMANDS = ("median_months", "survival_12m", "rmst_12m")
_COHORTS_SHOWN = 2

# Parts of the width of an interval up to which a distance is called so.
_HARDLY, _LITTLE = 0.1, 0.5


def family_blocks(analysis: Analysis) -> tuple[Block, ...]:
    """How the families compare and what each says, one block an endpoint.

    Returns
    -------
    tuple of Block
        Empty where one family was fitted.
    """
    return tuple(_block(analysis, name, choice) for name, choice in analysis.choices.items())


def _block(analysis: Analysis, endpoint: str, choice: ModelChoice) -> Block:
    pooled = _shown(analysis.pooled[analysis.pooled["endpoint"] == endpoint])
    families = _shown(analysis.families[analysis.families["endpoint"] == endpoint])
    families = families[families["treatment"].isin(pooled["treatment"])]
    items = tuple(
        _apart_words(
            estimand,
            disagreement(
                families[families["estimand"] == estimand],
                pooled[pooled["estimand"] == estimand],
            ),
        )
        for estimand in _present(pooled)
    )
    return Block(
        endpoint_label(analysis.registry, endpoint),
        (_choice_words(choice), "Where the families lie furthest apart:"),
        items,
        (_choice_table(choice), _estimates_table(families, pooled)),
    )


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The average study of each treatment with several cohorts, or of all if none has."""
    frame = frame[(frame["histology"] == REFERENCE) & (frame["target"] == "mean_study")]
    frame = frame[~frame["treatment"].str.endswith("(any)")]
    main = frame[frame["cohorts"] >= _COHORTS_SHOWN]
    return frame if main.empty else main


def _present(pooled: pd.DataFrame) -> list[str]:
    return [name for name in _ESTIMANDS if (pooled["estimand"] == name).any()]


def _choice_words(choice: ModelChoice) -> str:
    best = choice.table.iloc[0]
    weights = ", ".join(
        f"{row.family} {percent(row.weight)} %" for row in choice.table.itertuples(index=False)
    )
    if not choice.stacked:
        return (
            f"{count(choice.cohorts, 'cohort')} cannot tell families apart: with fewer than "
            f"{LEAST_COHORTS} the weights are equal ({weights})."
        )
    words = f"Over {count(choice.cohorts, 'cohort')} the {best.family} predicts best. "
    far = choice.table.iloc[1:]
    told = [
        row.family for row in far.itertuples() if -row.elpd_difference > 2.0 * row.se_difference
    ]
    words += (
        f"Behind it by more than two standard errors: {', '.join(told)}. "
        if told
        else "None of the others is behind it by more than two standard errors. "
    )
    words += f"Weights: {weights}."
    doubtful = int(choice.table["high_k"].max())
    if doubtful:
        words += (
            f" For up to {count(doubtful, 'cohort')} the predictive density is uncertain (Pareto k "
            f"above {HIGH_K:g}): these cohorts are unlike the rest, or the only ones that tell "
            "something."
        )
    return words


def _apart_words(estimand: str, found: Disagreement) -> str:
    described = describe(estimand)
    low, high = described.write(found.lowest), described.write(found.highest)
    if found.share <= _HARDLY:
        verdict = "the choice of family hardly matters"
    elif found.share <= _LITTLE:
        verdict = "the choice of family matters less than what the data leave open"
    else:
        verdict = "the choice of family matters: read each family's answer"
    return (
        f"{described.label}: {found.treatment}, {low} ({found.lowest_family}) to {high} "
        f"{described.unit} ({found.highest_family}). That is {percent(found.share)} % of the width "
        f"of its {LEVEL} interval: {verdict}."
    )


def _choice_table(choice: ModelChoice) -> Table:
    columns = [
        Column("Family", "keep"),
        Column("Log predictive density (SE)", "num"),
        Column("Behind the best (SE)", "num"),
        Column("Effective parameters", "num"),
        Column("Largest Pareto k", "num"),
        Column(f"Cohorts with k above {HIGH_K:g}", "num"),
        Column("Weight, %", "num"),
    ]
    rows = [
        (
            row.family,
            f"{row.elpd:.1f} ({row.se:.1f})",
            f"{abs(row.elpd_difference):.1f} ({row.se_difference:.1f})",
            f"{row.p_loo:.1f}",
            f"{row.largest_k:.2f}",
            row.high_k,
            percent(row.weight),
        )
        for row in choice.table.itertuples(index=False)
    ]
    note = (
        "Density: the sum over cohorts of the log density that the family, fitted to all other "
        "cohorts, gives to what the cohort prints. Behind the best: more than twice the standard "
        "error (SE) is a clear difference."
    )
    return make_table("How well each family predicts.", columns, rows, note=note)


def _estimates_table(families: pd.DataFrame, pooled: pd.DataFrame) -> Table:
    names = list(dict.fromkeys(families["family"]))
    columns = [Column("Treatment", "keep"), Column(f"Stacked ({LEVEL})", "num")]
    columns += [Column(name, "num") for name in names]
    rows, labels = [], []
    for estimand in _present(pooled):
        described = describe(estimand)
        for row in pooled[pooled["estimand"] == estimand].itertuples(index=False):
            own = families[
                (families["estimand"] == estimand) & (families["treatment"] == row.treatment)
            ].set_index("family")
            cells = [
                interval(*(own.loc[name, end] for end in _ENDS), described.write) for name in names
            ]
            stacked = interval(row.estimate, row.lower, row.upper, described.write)
            rows.append((row.treatment, stacked, *cells))
            labels.append(f"{described.label}, {described.unit}")
    return make_table(
        "The same estimates under each family, average study.", columns, rows, group_by=labels
    )


_ENDS = ("estimate", "lower", "upper")


def population_tables(analysis: Analysis) -> tuple[Table, ...]:
    """Prior and posterior of what kind of study and population makes, one table an endpoint."""
    frame = analysis.covariates
    tables = []
    for endpoint in dict.fromkeys(frame["endpoint"]):
        own = frame[frame["endpoint"] == endpoint]
        rows = []
        for name in dict.fromkeys(own["covariate"]):
            by = own[own["covariate"] == name].set_index("which")
            before, after = by.loc["prior"], by.loc["posterior"]
            cells = [interval(*(row[end] for end in _ENDS), ratio) for row in (before, after)]
            share = percent(after["log_sd"] / before["log_sd"])
            rows.append((before["label"], before["cohorts"], *cells, share))
        tables.append(
            make_table(
                f"{endpoint_label(analysis.registry, endpoint)}: ratio of medians.",
                [
                    Column("Effect"),
                    Column("Cohorts that tell of it", "num"),
                    Column(f"Prior ({LEVEL})", "num"),
                    Column(f"Posterior ({LEVEL})", "num"),
                    Column("Posterior SD, % of the prior's", "num"),
                ],
                rows,
                note="What a report does not state counts as half way, and tells nothing.",
            )
        )
    return tuple(tables)
