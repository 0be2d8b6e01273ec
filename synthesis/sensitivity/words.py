"""What changes under which choice, in words: made from the tables, no number is typed here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from priors import Prior, Priors
from synthesis.estimands import Summary
from synthesis.model.families import family
from synthesis.numbers import chance
from synthesis.questions.contrasts import spread_text
from synthesis.questions.pooled import interval_text
from synthesis.sensitivity.conclusions import (
    CHANCE,
    DIFFERENCE,
    MEDIAN,
    PREDICTIVE,
    PROGNOSTIC,
    RATIO,
    SHOWN,
    Question,
    in_sentence,
)
from synthesis.sensitivity.power_scaling import (
    ALL,
    CONFLICT,
    DATA_SPEAK,
    NEITHER,
    PRIOR_SPEAKS,
    SENSITIVE,
)
from synthesis.sensitivity.specifications import BASE, Base
from synthesis.sensitivity.tables import AT_THE_LIMIT, CHANGES, NO_ANSWER
from synthesis.text.plain import count

#: Shifts in standard deviations of the base from which on a report moves an answer so far. The
#: first is more than four times the Monte Carlo error of a refit's mean: none of a hundred shifts
#: is then likely to be chance.
LITTLE, CLEARLY, MUCH = 0.15, 0.5, 1.0

_HEADLINES = (RATIO, DIFFERENCE, CHANCE, PROGNOSTIC, PREDICTIVE)
_NAMED_AT_MOST = 6

_ENDPOINTS = {"os": "overall survival", "pfs": "progression-free survival"}


@dataclass(frozen=True)
class Finding:
    """A question and its answer in words.

    Attributes
    ----------
    question : str
    text : str
        A paragraph a line; lines that begin with ``- `` are the items of a list.
    """

    question: str
    text: str


def findings(
    table: pd.DataFrame, scaling: pd.DataFrame, question: Question, base: Base
) -> tuple[Finding, ...]:
    """Everything that is said of a sensitivity analysis.

    Parameters
    ----------
    table : DataFrame
        From :func:`~synthesis.sensitivity.tables.sensitivity_table`.
    scaling : DataFrame
        From :func:`~synthesis.sensitivity.tables.power_scaling_table`; may be empty.
    question : Question
    base : Base
    """
    label = family(base.family).label
    found = [
        Finding("Which conclusion changes under which choice?", _changes(table, question, label)),
        Finding("How far do the estimates move?", _reach(table)),
    ]
    if (table["group"] == "studies").any():
        found.append(Finding("What does each report carry?", _influence(table)))
    if (table["specification"] == "no_histology").any() and question.predictive:
        found.append(
            Finding("What if no report told histology?", _without_histology(table, base.priors))
        )
    if not scaling.empty:
        found.append(Finding("Does the prior speak, or do the data?", _scaling(scaling)))
    return tuple(found)


def _rows_of(table: pd.DataFrame, conclusion: str) -> tuple[pd.Series, pd.DataFrame]:
    """The row of the base, and those of the choices with an answer."""
    own = table[table["conclusion"] == conclusion]
    is_base = own["specification"] == BASE.name
    return own[is_base].iloc[0], own[~is_base & (own["change"] != NO_ANSWER)]


def _headline_names(table: pd.DataFrame) -> list[str]:
    own = table[(table["specification"] == BASE.name) & table["kind"].isin(_HEADLINES)]
    return list(own["conclusion"])


def _changes(table: pd.DataFrame, question: Question, label: str) -> str:
    choices = table.loc[table["specification"] != BASE.name, "specification"].nunique()
    mix = f", {100 * question.reference_mix:.0f} % mixed histology"
    opening = (
        f"{_ENDPOINTS[question.endpoint].capitalize()} in the average study"
        f"{mix if question.tells_histology else ''}; posterior median (95 % interval). The base is "
        f"fitted under one survival family, the {label}, where a report stacks several; "
        f"{count(choices, 'choice')} {'is' if choices == 1 else 'are'} made otherwise, one at a "
        "time. "
        f"A conclusion changes where its 95 % interval comes to hold no effect, or no longer does; "
        f"a probability where it crosses {SHOWN:g}, one half or {1 - SHOWN:g}; a pooled median "
        "where its estimate leaves the interval of the base."
    )
    lines = [opening]
    for name in _headline_names(table):
        lines += _changes_of(table, name)
    lines.append(_medians(table))
    lines += _doubts(table)
    return "\n".join(lines)


def _changes_of(table: pd.DataFrame, name: str) -> list[str]:
    base, others = _rows_of(table, name)
    missing = int(((table["conclusion"] == name) & (table["change"] == NO_ANSWER)).sum())
    changed = others[others["change"] == CHANGES]
    near = int((others["change"] == AT_THE_LIMIT).sum())
    kept = len(others) - len(changed)
    text = f'- {base["conclusion_label"]}: {value_of(base)}, "{base["base_answer"]}". '
    if others.empty:
        return [f"{text}No other choice can answer it."]
    if changed.empty:
        text += f"The same under {_all_of(len(others), 'other choice')}"
    else:
        text += f"The same under {kept} of {len(others)} other choices"
    text += f" ({near} of them at the limit)" if near else ""
    if missing:
        leave = "leaves" if missing == 1 else "leave"
        text += f"; {count(missing, 'choice')} {leave} no cohort to answer from"
    text += "."
    for answer, rows in changed.groupby("answer", sort=False):
        shown = rows.loc[rows["shift_in_sd"].abs().sort_values(ascending=False).index]
        named = [f"{in_sentence(row['label'])} ({value_of(row)})" for row in _records(shown)]
        text += f' The answer becomes "{answer}": {_named(named)}.'
    return [text]


def _all_of(number: int, noun: str) -> str:
    return f"the one {noun}" if number == 1 else f"all {count(number, noun)}"


def _named(items: Sequence[str]) -> str:
    """A list that names the first few and counts the others."""
    if len(items) <= _NAMED_AT_MOST:
        return "; ".join(items)
    rest = len(items) - _NAMED_AT_MOST
    return "; ".join(items[:_NAMED_AT_MOST]) + f"; and {rest} more"


def _medians(table: pd.DataFrame) -> str:
    own = table[(table["kind"] == MEDIAN) & (table["specification"] != BASE.name)]
    treatments = own["conclusion"].nunique()
    changed = own[own["change"] == CHANGES]
    if changed.empty:
        return (
            f"- Pooled medians of {count(treatments, 'treatment')}: no choice moves one out of its "
            "interval."
        )
    named = [
        f"{in_sentence(row['treatment'])} {value_of(row)}, {in_sentence(row['label'])}"
        for row in _records(
            changed.loc[changed["shift_in_sd"].abs().sort_values(ascending=False).index]
        )
    ]
    return (
        f"- Pooled medians of {count(treatments, 'treatment')}: moved out of the interval of the "
        f"base {count(len(named), 'time')}: {_named(named)}."
    )


def _doubts(table: pd.DataFrame) -> list[str]:
    """Monte Carlo error, refits that are not to be relied on, choices that change nothing."""
    others = table[(table["specification"] != BASE.name) & table["lower"].notna()]
    lines = []
    if not others.empty:
        width = others["upper"] - others["lower"]
        share = (others["error"] / width).median()
        lines.append(
            "Each refit has few draws: the Monte Carlo error of an end of an interval is about "
            f"{100 * share:.0f} % of its width, and answers within two of these errors of a limit "
            "are said to be at the limit."
        )
    doubtful = others.loc[~others["reliable"], "label"].unique()
    if len(doubtful):
        lines.append(f"Not to be relied on, as the chains do not agree: {'; '.join(doubtful)}.")
    idle = table.loc[table["note"].str.startswith("nothing is counted"), "label"].unique()
    if len(idle):
        lines.append(f"These choices change nothing here: {'; '.join(map(in_sentence, idle))}.")
    return lines


# --- How far -------------------------------------------------------------------------------------


def _reach(table: pd.DataFrame) -> str:
    lines = ["From the lowest to the highest estimate over all choices:"]
    for name in _headline_names(table):
        base, others = _rows_of(table, name)
        if others.empty:
            continue
        low = others.loc[others["estimate"].idxmin()]
        high = others.loc[others["estimate"].idxmax()]
        lines.append(
            f"- {base['conclusion_label']}: {value_of(base)} in the base; {value_of(low)} at the "
            f"lowest ({in_sentence(low['label'])}), {value_of(high)} at the highest "
            f"({in_sentence(high['label'])})."
        )
    return "\n".join(lines)


def influence_words(shift: float) -> str:
    """How far a report moves an answer, by the shift in standard deviations of the base."""
    size = abs(shift)
    if size < LITTLE:
        return "hardly moves it"
    if size < CLEARLY:
        return "moves it a little"
    return "moves it clearly" if size < MUCH else "carries much of it"


def _influence(table: pd.DataFrame) -> str:
    own = table[table["group"] == "studies"]
    reports = own["specification"].nunique()
    lines = [
        f"{count(reports, 'report')} left out one at a time; what gave way to a report is counted "
        "in its place. A report moves an answer "
        f"a little from {LITTLE:g}, clearly from {CLEARLY:g} and carries much of it from {MUCH:g} "
        "posterior standard deviation on."
    ]
    for name in _headline_names(table):
        base, others = _rows_of(table, name)
        if base["kind"] in (CHANCE, DIFFERENCE):
            continue  # they follow from the ratio
        others = others[others["group"] == "studies"]
        if others.empty:
            continue
        lines.append(_influence_on(base, others))
    return "\n".join(lines)


def _influence_on(base: pd.Series, others: pd.DataFrame) -> str:
    order = others["shift_in_sd"].abs().sort_values(ascending=False).index
    moving = others.loc[order]
    moving = moving[moving["shift_in_sd"].abs() >= LITTLE]
    text = f"- {base['conclusion_label']}: {value_of(base)} with all. "
    if moving.empty:
        return text + "No report moves it by more than that."
    sentences = []
    for row in _records(moving.head(_NAMED_AT_MOST)):
        what = influence_words(row["shift_in_sd"])
        instead = f", with {row['counted_instead']} instead" if row["counted_instead"] else ""
        sentences.append(
            f"{row['label']}{instead} it would be {value_of(row)}, {row['shift_in_sd']:+.1f} SD: "
            f"the report {what}."
        )
    rest = len(others) - len(sentences)
    if rest:
        left = abs(others.loc[order].iloc[len(sentences)]["shift_in_sd"])
        word = "0.05 SD" if left < 0.05 else f"{left:.1f} SD"
        sentences.append(f"None of the other {rest} moves it by more than {word}.")
    return text + " ".join(sentences)


_PRIORS = {PROGNOSTIC: "histology_prognostic", PREDICTIVE: "histology_predictive"}


def _without_histology(table: pd.DataFrame, priors: Priors) -> str:
    lines = []
    for name in _headline_names(table):
        base, others = _rows_of(table, name)
        row = others[others["specification"] == "no_histology"]
        if base["kind"] not in _PRIORS or row.empty:
            continue
        prior = priors[_PRIORS[base["kind"]]]
        ends = prior.implied()
        believed = value_text(prior.natural(prior.location), *ends, base["kind"])
        text = (
            f"- {base['conclusion_label']}: {value_of(base)} with these reports, "
            f"{value_of(row.iloc[0])} without them; the prior is {believed}."
        )
        if says_nothing(row.iloc[0], prior):
            text += " The data then say nothing of it: what is left is the prior."
        lines.append(text)
    return "\n".join(lines) or "No treatment is left to answer for."


def says_nothing(row: pd.Series, prior: Prior) -> bool:
    """Whether a row is its prior but for Monte Carlo error: centre and both ends within three."""
    expected = (prior.natural(prior.location), *prior.implied())
    found = (row["estimate"], row["lower"], row["upper"])
    return all(abs(a - b) <= 3.0 * row["error"] for a, b in zip(found, expected, strict=True))


# --- Prior and data ------------------------------------------------------------------------------

_MEANING = {
    DATA_SPEAK: "the data speak: it would move with the likelihood and hardly with the priors",
    CONFLICT: "prior and data differ, or the prior is informative: it would move with either",
    PRIOR_SPEAKS: "the prior speaks: the figures have little to say of it",
    NEITHER: "neither a little more nor a little less of prior or likelihood would move it",
}


def _scaling(scaling: pd.DataFrame) -> str:
    lines = [
        "Priors and likelihood of the base are raised to a power near one, and the distance by "
        f"which an answer moves per doubling is measured: from {SENSITIVE:g} on it is sensitive "
        "(Kallioinen et al. 2023)."
    ]
    for name in scaling["conclusion"].unique():
        own = scaling[scaling["conclusion"] == name]
        whole = own[own["prior"] == ALL].iloc[0]
        if whole["kind"] not in _HEADLINES:
            continue
        text = (
            f"- {whole['conclusion_label']}: {_MEANING[whole['diagnosis']]} (priors "
            f"{whole['prior_sensitivity']:.2f}, likelihood {whole['likelihood_sensitivity']:.2f})."
        )
        single = own[own["prior"] != ALL].sort_values("prior_sensitivity", ascending=False)
        strong = single[single["prior_sensitivity"] >= SENSITIVE]
        if not strong.empty:
            named = [
                f"{row['prior_label'].partition(':')[0]} ({row['prior_sensitivity']:.2f})"
                for row in _records(strong)
            ]
            text += f" The priors that matter: {_named(named)}."
        lines.append(text)
    medians = scaling[(scaling["kind"] == MEDIAN) & (scaling["prior"] == ALL)]
    for diagnosis, rows in medians.groupby("diagnosis", sort=False):
        labels = map(in_sentence, rows["treatment"])
        lines.append(f"- Pooled medians, {diagnosis}: {', '.join(labels)}.")
    return "\n".join(lines)


# --- Small words ---------------------------------------------------------------------------------


def _records(frame: pd.DataFrame) -> Iterable[dict]:
    return frame.to_dict("records")


def value_of(row: pd.Series | dict) -> str:
    """The number of a row with its interval, as it is printed."""
    if row["kind"] == CHANCE:
        return chance(row["estimate"])
    return value_text(row["estimate"], row["lower"], row["upper"], row["kind"])


def value_text(estimate: float, lower: float, upper: float, kind: str) -> str:
    """An estimate with its interval, written as comparisons and forest plots write them."""
    if kind == MEDIAN:
        return interval_text(Summary(estimate, lower, upper))
    return spread_text(estimate, lower, upper, DIFFERENCE if kind == DIFFERENCE else RATIO)


def curve_caption(table: pd.DataFrame, conclusion: str, question: Question, base: Base) -> str:
    """Caption of the specification curve of one conclusion.

    Parameters
    ----------
    table : DataFrame
        From :func:`~synthesis.sensitivity.tables.sensitivity_table`.
    conclusion : str
        Its name.
    question : Question
    base : Base
    """
    own, others = _rows_of(table, conclusion)
    changed = int((others["change"] == CHANGES).sum())
    mix = f", {100 * question.reference_mix:.0f} % mixed histology"
    population = "" if own["kind"] in (PROGNOSTIC, PREDICTIVE) else mix
    size = f"{count(int(own['cohorts']), 'cohort')}, {count(int(own['patients']), 'patient')}"
    return (
        f"{own['conclusion_label']}, {_ENDPOINTS[question.endpoint]} in the average study"
        f"{population if question.tells_histology else ''}: {count(len(others), 'choice')} beside "
        f"the base (line; {value_of(own)}; {family(base.family).label} family, {size}), one change "
        "at a time, in order of the estimate. Above: posterior median, bar: 95 % credible "
        "interval, filled where the conclusion changes. Below: what is chosen otherwise; "
        "triangles: less or more (a narrower or wider prior, a lower or higher centre). "
        f"{count(changed, 'choice')} {'changes' if changed == 1 else 'change'} the conclusion."
    )
