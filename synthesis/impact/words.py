"""What new studies change, in words: made from the tables, no number is typed here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import Summary
from synthesis.narrative import percent
from synthesis.predictive import VERDICTS
from synthesis.questions.pooled import Answer, interval_text
from synthesis.restrictions import Restriction

# A treatment elsewhere in the hierarchy is named from this share of its posterior SD on: below
# that a shift is about as large as its Monte Carlo error.
_NAMED_FROM = 0.15
_NAMED_AT_MOST = 5
# The same for a shift of a mean rank: close neighbours swap places by chance.
_PLACES_FROM = 0.5
_SURPRISING = dict((words, below) for below, words in VERDICTS)["surprising"]

_NAMES = {
    "os": "overall survival",
    "pfs": "progression-free survival",
    "response": "objective response",
}


@dataclass(frozen=True)
class Tables:
    """The tables that the words are made from; see :class:`synthesis.questions.impact.Impact`."""

    estimates: pd.DataFrame
    surprise: pd.DataFrame
    ranks: pd.DataFrame
    selection: pd.DataFrame
    cohorts: pd.DataFrame


@dataclass(frozen=True)
class Scope:
    """What the words speak of.

    Attributes
    ----------
    titles : tuple of str
        How the new studies are called.
    vocabulary : Vocabulary
    reference_mix : float
    restrictions : tuple of Restriction
    knowing : frozenset of str
        Endpoints whose fits know the histology of some cohort.
    family : str
        The survival family of the fits in running text.
    """

    titles: tuple[str, ...]
    vocabulary: Vocabulary
    reference_mix: float
    restrictions: tuple[Restriction, ...]
    knowing: frozenset[str]
    family: str

    def mix(self, endpoint: str) -> str:
        """Which histology the estimates stand for; empty where none is known."""
        return f"{percent(self.reference_mix)} mixed histology" if endpoint in self.knowing else ""

    def restricted(self, endpoint: str) -> list[str]:
        """What was left out or counted as something else on request."""
        return [item.sentence for item in self.restrictions if item.touches(endpoint)]


def impact_answers(tables: Tables, endpoints: Sequence[str], scope: Scope) -> tuple[Answer, ...]:
    """Answers to a researcher who has added studies.

    Parameters
    ----------
    tables : Tables
    endpoints : sequence of str
        Those for which something changes.
    scope : Scope
    """
    found = []
    names = listed(scope.titles)
    for endpoint in endpoints:
        opening = " ".join([_opening(endpoint, scope), *scope.restricted(endpoint)])
        lines = [opening, *_estimate_lines(tables, endpoint), *_elsewhere(tables, endpoint)]
        question = f"What does adding {names} change in {_NAMES[endpoint]}?"
        found.append(Answer(question, "\n".join(lines)))
    if not endpoints:
        text = "Nothing: no figure of it can be counted. The reasons stand below."
        found.append(Answer(f"What does adding {names} change?", text))
    if not tables.surprise.empty:
        found.append(Answer("Is what is printed surprising?", _surprise_text(tables.surprise)))
    if endpoints:
        found.append(
            Answer("Do the ranks of the treatments change?", _rank_text(tables, endpoints))
        )
    found.append(Answer("What is counted now, and what gave way?", _selection_text(tables)))
    return tuple(found)


def _opening(endpoint: str, scope: Scope) -> str:
    subject = scope.vocabulary.subject_words
    if endpoint == "response":
        return (
            f"Objective response in {subject}, per cent of evaluable patients in the average study "
            "of a treatment; posterior median (95 % interval)."
        )
    mix = scope.mix(endpoint)
    return (
        f"Median {_NAMES[endpoint]} in {subject} in the average study of a treatment"
        f"{f', {mix}' if mix else ''}; posterior median (95 % interval). Fitted under one survival "
        f"family, the {scope.family}; a report stacks several unless told otherwise."
    )


def _headline(table: pd.DataFrame, endpoint: str, target: str) -> pd.DataFrame:
    estimand = "response_rate" if endpoint == "response" else "median_months"
    return table[
        (table["endpoint"] == endpoint)
        & (table["histology"] == "reference")
        & (table["estimand"] == estimand)
        & (table["target"] == target)
    ]


def _estimate_lines(tables: Tables, endpoint: str) -> list[str]:
    rows = _headline(tables.estimates, endpoint, "mean_study")
    predicted = _headline(tables.estimates, endpoint, "new_study").set_index("treatment")
    ranks = tables.ranks[tables.ranks["endpoint"] == endpoint].set_index("treatment")
    lines = []
    for row in rows[rows["new"]].to_dict("records"):
        parts = [_moves(row, _cohort_words(tables.cohorts, endpoint, row["treatment"]), endpoint)]
        new = predicted.loc[row["treatment"]]
        parts.append(
            f"For a new study: {_interval(new, 'before', endpoint)} before, "
            f"{_interval(new, 'after', endpoint)} after."
        )
        if row["treatment"] in ranks.index:
            parts.append(_rank_words(ranks.loc[row["treatment"]]))
        lines.append("- " + " ".join(parts))
    return lines


def _moves(row: dict, who: str, endpoint: str) -> str:
    """How one pooled estimate moves."""
    old, new = _interval(row, "before", endpoint), _interval(row, "after", endpoint)
    what = "pooled response rate" if endpoint == "response" else "pooled median"
    treatment = _lower(row["treatment"])
    if row["cohorts_before"] == 0:
        return (
            f"{who} brings {treatment} into the pool. Without it, {old} was "
            f"{row['before_basis']}; with it, the {what} is {new}."
        )
    return (
        f"{who} moves the {what} under {treatment} from {old} to {new}, {_shift_words(row)}; the "
        f"interval is {_width_words(row['width_ratio'])}."
    )


def _shift_words(row: dict) -> str:
    size = abs(row["shift_in_sd"])
    by = "less than 0.05" if size < 0.05 else f"{size:.1f}"
    return f"by {by} of its posterior SD"


def _width_words(ratio: float) -> str:
    change = round(100 * (ratio - 1.0))
    if change == 0:
        return "as wide as before"
    return f"{abs(change)} % {'wider' if change > 0 else 'narrower'}"


def _rank_words(row: pd.Series) -> str:
    if abs(row["mean_after"] - row["mean_before"]) < _PLACES_FROM:
        first = f"Its rank stays at about {row['rank_after']} of {row['of']}"
    else:
        first = f"Its rank goes from {row['rank_before']} to {row['rank_after']} of {row['of']}"
    return f"{first} (95 % interval of the rank {row['lower_after']:.0f}-{row['upper_after']:.0f})."


def _elsewhere(tables: Tables, endpoint: str) -> list[str]:
    rows = _headline(tables.estimates, endpoint, "mean_study")
    # the average treatment of a class follows from its treatments
    others = rows[~rows["new"] & rows["treatment"].isin(tables.ranks["treatment"])]
    other_cohorts = others["cohorts_before"] != others["cohorts_after"]
    moved = others[other_cohorts | (others["shift_in_sd"].abs() >= _NAMED_FROM)]
    if moved.empty:
        return [f"No other treatment moves by {_NAMED_FROM:g} of its posterior SD or more."]
    order = moved["shift_in_sd"].abs().sort_values(ascending=False).index
    lines = []
    for row in moved.loc[order[:_NAMED_AT_MOST]].to_dict("records"):
        lines.append(
            f"- {row['treatment']}: from {_interval(row, 'before', endpoint)} to "
            f"{_interval(row, 'after', endpoint)}, {_shift_words(row)}{_cohorts_now(row)}"
        )
    further = len(order) - len(lines)
    if further > 0:
        lines.append(f"- {further} further {'treatment' if further == 1 else 'treatments'} by less")
    why = "because the hierarchy shares what it learns, or because cohorts gave way"
    return [f"Other treatments move too, {why}:", *lines]


def _cohorts_now(row: dict) -> str:
    before, after = row["cohorts_before"], row["cohorts_after"]
    if before == after:
        return ""
    return f"; {after} of its cohorts counted, {before} before"


def _surprise_text(surprise: pd.DataFrame) -> str:
    lines = [
        "Each figure is set against what the fit without it expects of a new study of as many "
        "patients under the same treatment; the percentile says how much of that expectation lies "
        "below the printed figure."
    ]
    for row in surprise.to_dict("records"):
        if row["headline"] or row["p"] < _SURPRISING:
            lines.append(f"- {_surprise_line(row)}")
    return "\n".join([*lines, _surprise_verdict(surprise["p"])])


def _surprise_verdict(p: pd.Series) -> str:
    """What the p values together say, and what a low one may mean."""
    low, of = int((p < _SURPRISING).sum()), f"in {1 / _SURPRISING:.0f}"
    if low == 0 and len(p) == 1:
        return "So it is not surprising."
    if low == 0:
        return f"None of the {len(p)} printed figures is surprising."
    if len(p) == 1:
        found = f"By chance alone a figure has p below {_SURPRISING:g} one time {of}."
    else:
        found = (
            f"Of {len(p)} printed figures, {low} {'has' if low == 1 else 'have'} p below "
            f"{_SURPRISING:g}; by chance alone it would be one {of}, and figures of one report are "
            "views of the same patients."
        )
    return (
        f"{found} A surprise may mean other patients, other care, another time origin, or a slip "
        "in print or in the file: compare the file with the report first."
    )


def _surprise_line(row: dict) -> str:
    group = "" if row["group"] == "whole" else f", {row['group']} patients"
    basis = "" if row["basis"] == "its cohorts" else f", {row['basis']}"
    note = f" {row['note']}" if row["note"] else ""
    return (
        f"{row['label']}, {_lower(row['treatment'])}{group}, n = {row['n']}, "
        f"{_NAMES[row['endpoint']]}: {row['figure']} {row['printed']} printed, "
        f"{row['predicted_printed']} expected{basis}: {ordinal(row['percentile'])} percentile, "
        f"two-sided {p_words(row['p'])}, {row['verdict']}.{note}"
    )


def ordinal(percentile: float) -> str:
    """A percentile as an ordinal number; below the first and beyond the 99th in words."""
    if percentile < 1.0:
        return "below the 1st"
    if percentile > 99.0:
        return "above the 99th"
    number = round(percentile)
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 <= number % 100 <= 13 else suffix}"


def p_words(p: float) -> str:
    """A p value to two decimals, three below 0.1."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _rank_text(tables: Tables, endpoints: Iterable[str]) -> str:
    lines = []
    for endpoint in endpoints:
        own = tables.ranks[tables.ranks["endpoint"] == endpoint]
        moved = own[(own["mean_after"] - own["mean_before"]).abs() >= _PLACES_FROM]
        name = _NAMES[endpoint][0].upper() + _NAMES[endpoint][1:]
        if moved.empty:
            lines.append(f"- {name}: no mean rank moves by half a place or more.")
            continue
        moves = [
            f"{_lower(row['treatment'])} {row['mean_before']:.1f} to {row['mean_after']:.1f}"
            for row in moved.sort_values("mean_after").to_dict("records")
        ]
        lines.append(f"- {name}, mean ranks of {len(own)} treatments: {', '.join(moves)}.")
    lines.append(
        "Rank 1 has the longest median or the highest response rate. Ranks are uncertain, close "
        "neighbours swap places by chance, and treatments stand side by side across studies, most "
        "of them single-armed."
    )
    return "\n".join(lines)


def _selection_text(tables: Tables) -> str:
    lines = []
    for row in tables.selection.to_dict("records"):
        who = f"{row['label']} ({row['cohort'].replace('_', ' ')}), {_NAMES[row['endpoint']]}"
        reason = f" {row['reason']}" if row["reason"] else ""
        if row["change"] == "counted":
            instead = f"; {row['other']} gave way to it" if row["other"] else ""
            lines.append(f"- {who}: counted{instead}.")
        elif row["change"] == "gave way":
            lines.append(f"- {who}: gave way.{reason}")
        else:
            lines.append(f"- {who}: {row['change']}.{reason}")
    return "\n".join(lines) or "The new studies hold no cohort."


def impact_caption(endpoint: str, scope: Scope) -> str:
    """Caption of the figure of one endpoint, ready to paste."""
    mix = scope.mix(endpoint)
    scale = "per cent" if endpoint == "response" else "months (log scale)"
    name = _NAMES[endpoint][0].upper() + _NAMES[endpoint][1:]
    own = (
        f"{name} in {scope.vocabulary.subject_words}: what adding {listed(scope.titles)} changes. "
        f"A: pooled estimates of the average study{f', {mix}' if mix else ''}, {scale}, without "
        "(open circles) and with (filled dots) the new studies, with 95 % intervals, and the place "
        "of the treatment in the order of mean ranks; treatments with new studies first, then what "
        "moves most. B: printed figures of the new studies (squares) on what the fit without "
        "them expected of a study of that size (pale bar 95 %, dark bar 50 %, stroke the median), "
        "with the two-sided p."
    )
    if endpoint != "response":
        own += f" Survival family: {scope.family}."
    return " ".join([own, *scope.restricted(endpoint)])


def _cohort_words(cohorts: pd.DataFrame, endpoint: str, treatment: str) -> str:
    """The new cohorts behind a treatment: ``Adding Sparano 2021 (n = 23)``."""
    own = cohorts[(cohorts["endpoint"] == endpoint) & (cohorts["treatment"] == treatment)]
    return f"Adding {listed([f'{row.label} (n = {row.n})' for row in own.itertuples()])}"


def _interval(row: dict | pd.Series, name: str, endpoint: str) -> str:
    found = Summary(float(row[name]), float(row[f"{name}_lower"]), float(row[f"{name}_upper"]))
    response = endpoint == "response"
    return interval_text(found, percent=response) + (" %" if response else " months")


def listed(words: Sequence[str]) -> str:
    """Words in a row: ``A, B and C``, each once."""
    distinct = list(dict.fromkeys(words))
    return " and ".join([", ".join(distinct[:-1]), distinct[-1]] if distinct[1:] else distinct)


def _lower(label: str) -> str:
    """A treatment inside a sentence; abbreviations keep their capitals."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
