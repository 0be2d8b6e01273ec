"""Which survival family, and what kind of study and population: tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import ESTIMANDS
from synthesis.numbers import LEVEL, count, percent
from synthesis.result import Column, Finding, Table, make_table
from synthesis.stacking import HIGH_K, LEAST_COHORTS, FamilyFits, ModelChoice

_LEAD = (
    "Reports give a few points of a curve; what lies between and beyond them depends on the "
    "survival family. Several families are fitted to the same figures. Each is judged by how well "
    "it predicts every cohort from all the others. Their weights make the mixture that predicts "
    "best, and the answers are those of the mixture. The weights are not probabilities of the "
    "families: one that adds nothing to the others gets hardly any, however near it comes to them. "
    "So that chance does not decide a near tie, they are chosen as if one further cohort spoke for "
    "all families alike."
)
_POPULATION_LEAD = (
    "Reports differ in design, line of treatment, time origin and share of BRAF mutations. Their "
    "effects on the median are estimated along with the rest. Pooled estimates are those of a "
    "population half way between the kinds. A posterior that lies on its prior has learned nothing "
    "from these cohorts."
)


# Parts of the width of an interval up to which a distance is called so.
_HARDLY, _LITTLE = 0.1, 0.5
#: A treatment is spoken of where at least this many cohorts stand behind it.
COHORTS_SHOWN = 2
_ESTIMANDS = ("median_months", "survival_12m", "rmst_12m")


def interval_of(row: Any, write: numbers.Writer) -> str:
    """The estimate of a row with its limits, as text."""
    return numbers.interval(row.estimate, row.lower, row.upper, write)


def family_findings(
    survival: Mapping[str, FamilyFits],
    families: pd.DataFrame,
    pooled: pd.DataFrame,
    vocabulary: Vocabulary,
) -> Iterator[Finding]:
    """How the families compare and what each says; nothing where one was fitted.

    Parameters
    ----------
    survival : mapping
        Survival endpoint -> its fits by family.
    families, pooled : DataFrame
        Estimates under each family, and those of all.
    vocabulary : Vocabulary
    """
    for name, fits in survival.items():
        if fits.choice is None:
            continue
        table = _shown(pooled[pooled["endpoint"] == name])
        each = _shown(families[families["endpoint"] == name])
        each = each[each["treatment"].isin(table["treatment"])]
        items = [
            f"- {_apart_words(disagreement(each, table, estimand))}"
            for estimand in _ESTIMANDS
            if (table["estimand"] == estimand).any()
        ]
        words = (_LEAD, _choice_words(fits.choice), "The families lie furthest apart here:")
        yield Finding(
            f"Survival families: {endpoint_of(name).words(vocabulary)}",
            (*words, *items),
            (_choice_table(fits.choice), _family_table(each, table)),
            folded=True,
        )


def heading_of(estimand: str) -> str:
    """An estimand with its unit, as a heading."""
    return f"{ESTIMANDS[estimand].label}, {ESTIMANDS[estimand].unit}"


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The average study of each treatment with several cohorts, or of all if none has."""
    frame = frame[(frame["histology"] == "reference") & (frame["target"] == "mean_study")]
    frame = frame[~frame["treatment"].str.endswith("(any)")]
    main = frame[frame["cohorts"] >= COHORTS_SHOWN]
    return frame if main.empty else main


@dataclass(frozen=True)
class Disagreement:
    """Where the families lie furthest apart in one estimand.

    Attributes
    ----------
    estimand, treatment : str
    lowest, highest : float
        Estimates of the families.
    lowest_family, highest_family : str
    share : float
        The distance between them as a part of the width of the 95 % interval of the pooled answer,
        on the log scale for times.
    """

    estimand: str
    treatment: str
    lowest: float
    highest: float
    lowest_family: str
    highest_family: str
    share: float


def disagreement(families: pd.DataFrame, pooled: pd.DataFrame, estimand: str) -> Disagreement:
    """The treatment on which the families differ most, beside the width of its interval.

    Parameters
    ----------
    families, pooled : DataFrame
        Rows of one endpoint, histology and target, of the same treatments.
    estimand : str
    """
    scale = np.log if ESTIMANDS[estimand].unit == "months" else np.asarray
    by_treatment: dict[str, list[Any]] = {}
    for row in families[families["estimand"] == estimand].itertuples(index=False):
        by_treatment.setdefault(row.treatment, []).append(row)
    apart = []
    for row in pooled[pooled["estimand"] == estimand].itertuples(index=False):
        low, *_, high = sorted(by_treatment[row.treatment], key=lambda one: one.estimate)
        distance = scale(high.estimate) - scale(low.estimate)
        share = float(distance / (scale(row.upper) - scale(row.lower)))
        ends = low.estimate, high.estimate, low.family, high.family
        apart.append(Disagreement(estimand, row.treatment, *ends, share))
    return max(apart, key=lambda pair: pair.share)


def _apart_words(pair: Disagreement) -> str:
    about = ESTIMANDS[pair.estimand]
    if pair.share <= _HARDLY:
        verdict = "the choice of family hardly matters"
    elif pair.share <= _LITTLE:
        verdict = "the choice of family matters less than what the data leave open"
    else:
        verdict = "the choice of family matters: read each family's answer"
    return (
        f"{about.label}: {pair.treatment}, {about.write(pair.lowest)} ({pair.lowest_family}) to "
        f"{about.write(pair.highest)} {about.unit} ({pair.highest_family}). That is "
        f"{percent(pair.share)} % of the width of its {LEVEL} interval: {verdict}."
    )


def _choice_words(choice: ModelChoice) -> str:
    rows = list(choice.table.itertuples(index=False))
    weights = ", ".join(f"{row.family} {percent(row.weight)} %" for row in rows)
    cohorts = count(choice.cohorts, "cohort")
    if not choice.stacked:
        return (
            f"{cohorts} cannot tell families apart: with fewer than {LEAST_COHORTS} the weights "
            f"are equal ({weights})."
        )
    far = [row.family for row in rows[1:] if -row.elpd_difference > 2.0 * row.se_difference]
    behind = (
        f"Behind it by more than two standard errors: {', '.join(far)}."
        if far
        else "None of the others is behind it by more than two standard errors."
    )
    words = f"Over {cohorts} the {rows[0].family} predicts best. {behind} Weights: {weights}."
    doubtful = int(choice.table["high_k"].max())
    if doubtful:
        words += (
            f" For up to {count(doubtful, 'cohort')} the predictive density is uncertain (Pareto k "
            f"above {HIGH_K:g}): these cohorts are unlike the rest, or the only ones that tell "
            "something."
        )
    return words


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
    one = numbers.decimal
    rows = [
        (
            row.family,
            f"{one(row.elpd, 1)} ({one(row.se, 1)})",
            f"{one(abs(row.elpd_difference), 1)} ({one(row.se_difference, 1)})",
            one(row.p_loo, 1),
            one(row.largest_k, 2),
            row.high_k,
            percent(row.weight),
        )
        for row in choice.table.itertuples(index=False)
    ]
    note = (
        "Density: the sum over cohorts of the log density that the family, fitted to all other "
        "cohorts, gives to what the cohort reports. Behind the best: more than twice the standard "
        "error (SE) is a clear difference."
    )
    return make_table("How well each family predicts.", columns, rows, note=note)


def _family_table(families: pd.DataFrame, pooled: pd.DataFrame) -> Table:
    names = list(dict.fromkeys(families["family"]))
    columns = [Column("Treatment", "keep"), Column(f"Stacked ({LEVEL})", "num")]
    columns += [Column(name, "num") for name in names]
    by = {(row.estimand, row.treatment, row.family): row for row in families.itertuples()}
    rows, groups = [], []
    for estimand in _ESTIMANDS:
        write = ESTIMANDS[estimand].write
        for row in pooled[pooled["estimand"] == estimand].itertuples(index=False):
            cells = [interval_of(by[estimand, row.treatment, name], write) for name in names]
            rows.append((row.treatment, interval_of(row, write), *cells))
            groups.append(heading_of(estimand))
    title = "The same estimates under each family, average study."
    return make_table(title, columns, rows, groups=groups)


def population_findings(covariates: pd.DataFrame, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Prior and posterior of what kind of study and population makes, a table an endpoint."""
    columns = [
        Column("Effect"),
        Column("Cohorts that tell of it", "num"),
        Column(f"Prior ({LEVEL})", "num"),
        Column(f"Posterior ({LEVEL})", "num"),
        Column("Posterior SD, % of the prior's", "num"),
    ]
    note = "What a report does not state counts as half way, and tells nothing."
    tables = []
    for endpoint, effects in covariates.groupby("endpoint", sort=False):
        rows = []
        for _, effect in effects.groupby("covariate", sort=False):
            by = effect.set_index("which")
            before, after = by.loc["prior"], by.loc["posterior"]
            cells = [interval_of(row, numbers.ratio) for row in (before, after)]
            share = percent(after["log_sd"] / before["log_sd"])
            rows.append((before["label"], before["cohorts"], *cells, share))
        title = f"{endpoint_of(endpoint).name(vocabulary)}: ratio of medians."
        tables.append(make_table(title, columns, rows, note=note))
    if tables:
        heading = "Effect of design and population"
        yield Finding(heading, (_POPULATION_LEAD,), tuple(tables), folded=True)
