"""The questions that people come with, and their answers in words: no number is typed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.benefit.compare import RESPONSE_SHOWN, Comparison
from synthesis.benefit.compare_rows import contrast_rows
from synthesis.benefit.compare_words import ACROSS_WORDS, in_sentence
from synthesis.benefit.contrasts import GAIN
from synthesis.benefit.histology_effects import share_words
from synthesis.benefit.histology_words import ratio
from synthesis.benefit.reference import size_words
from synthesis.estimands import Summary
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.forest_table import interval_text
from synthesis.histology_table import HistologyTables
from synthesis.narrative import percent, time_origins
from synthesis.tables import Fit, NamedGroup, named_groups, tells_histology
from synthesis.text.plain import count

# A class or treatment is answered for in words where at least this many cohorts stand behind it.
_COHORTS_IN_WORDS = 2


UNTOLD = (
    "No counted cohort tells pure from mixed tumours: the data say nothing on it, and no estimate "
    "here is by histology but what the prior alone says."
)


@dataclass(frozen=True)
class Answer:
    """A question that people come with, and its answer in words.

    Attributes
    ----------
    question : str
    text : str
        A paragraph a line; lines that begin with ``- `` are the items of a list.
    rows : tuple of mapping
        What the items say, as the cells of a table; empty where they are no table.
    endpoint : str
        That the rows are of.
    """

    question: str
    text: str
    rows: tuple[Mapping[str, str], ...] = ()
    endpoint: str = ""


def answers(
    fits: Mapping[str, Fit],
    pooled: pd.DataFrame,
    comparison: Comparison,
    histology: HistologyTables | None,
    vocabulary: Vocabulary,
    reference_mix: float,
) -> tuple[Answer, ...]:
    """Answers to the questions of the report, in order.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit.
    pooled : DataFrame
        From :func:`synthesis.tables.pooled_table`.
    comparison : Comparison
        Of the same fits.
    histology : HistologyTables or None
        From overall survival, where a counted cohort tells its histology.
    vocabulary : Vocabulary
    reference_mix : float
        Share of mixed histology of the reference population.
    """
    questions = {
        "os": "How long do patients live, and how much longer under which treatment?",
        "pfs": "How long do they stay free of progression, and how much longer under which?",
        "response": "How many respond, and how many more under which treatment?",
    }
    found = []
    for endpoint, fit in fits.items():
        opening = _opening(endpoint, fit, comparison, vocabulary, reference_mix)
        rows = _rows(endpoint, fit, pooled, comparison, vocabulary)
        items = [_item(row, in_percent=isinstance(fit, ResponseFit)) for row in rows]
        bearing = _bearing(endpoint, comparison)
        lines = [opening, *items, bearing]
        found.append(Answer(questions[endpoint], "\n".join(lines), tuple(rows), endpoint))
    if histology is not None:
        found += _histology_answers(histology, fits["os"], vocabulary)
    elif "os" in fits and vocabulary.histologies:
        found.append(Answer("Do mixed tumours fare better than pure ones?", UNTOLD))
    return tuple(found)


def _opening(
    endpoint: str,
    fit: Fit,
    comparison: Comparison,
    vocabulary: Vocabulary,
    reference_mix: float,
) -> str:
    """What is estimated, in whom, and what gains are over."""
    said = (
        f"{_estimated(fit, vocabulary, reference_mix)}; posterior median (95 % interval) for the "
        "average study, then for a new one."
    )
    over = comparison.references.get(endpoint)
    if over is None:
        return said
    return (
        f"{said} Gains are over {in_sentence(over.label)} ({size_words(over.group)}), in the "
        "average study."
    )


def _rows(
    endpoint: str,
    fit: Fit,
    pooled: pd.DataFrame,
    comparison: Comparison,
    vocabulary: Vocabulary,
) -> list[dict[str, str]]:
    """Estimates, gains and what carries them as texts, a row a treatment.

    Treatments are those of the comparison; without one, all with several cohorts.
    """
    in_percent = isinstance(fit, ResponseFit)
    own = pooled[(pooled["endpoint"] == endpoint) & (pooled["histology"] == "reference")]
    own = own[own["estimand"] == ("response_rate" if in_percent else "median_months")]
    compared = endpoint in comparison.endpoints
    drawn = comparison.forest
    shown = set(drawn.loc[drawn["endpoint"] == endpoint, "treatment"])
    gains = _gain_texts(comparison, endpoint) if compared else {}
    found = []
    for group in named_groups(fit, vocabulary):
        several = len(group.cohorts) >= _COHORTS_IN_WORDS and not _is_background(group)
        if not (group.label in shown if compared else several):
            continue
        rows = own[own["treatment"] == group.label].set_index("target")
        mean, new = (_summary(rows.loc[target]) for target in ("mean_study", "new_study"))
        found.append(
            {
                "treatment": group.label,
                "mean_study": interval_text(mean, percent=in_percent),
                "new_study": interval_text(new, percent=in_percent),
                "gain": "",
                "p_gain": "",
                "carried_by": "reference" if compared else "",
                "cohorts": str(len(group.cohorts)),
                "patients": str(group.patients),
            }
            | gains.get(group.label, {})
        )
    return found


def _item(row: Mapping[str, str], *, in_percent: bool) -> str:
    """A row as an item of a list."""
    unit = " %" if in_percent else " months"
    said = f"- {row['treatment']}: {row['mean_study']}{unit}; new study {row['new_study']}; "
    if row["gain"]:
        said += f"gain {row['gain']}{' points' if in_percent else unit}, "
        said += f"P {row['p_gain']}, " if row["p_gain"] else ""
        said += f"{row['carried_by']}; "
    cohorts, patients = (count(int(row[f"{name}s"]), name) for name in ("cohort", "patient"))
    return f"{said}{cohorts}, {patients}"


def _bearing(endpoint: str, comparison: Comparison) -> str:
    """What the contrasts rest on, said once."""
    if not comparison.endpoints or endpoint == comparison.endpoints[0]:
        sure = (
            f"P: probability that the median is longer by more than {comparison.delta:g} "
            f"month{'' if comparison.delta == 1 else 's'}. "
            if endpoint in comparison.endpoints and endpoint != "response"
            else ""
        )
        return f"{sure}{ACROSS_WORDS}"
    return "What contrasts across studies rest on is said above."


def _estimated(fit: Fit, vocabulary: Vocabulary, reference_mix: float) -> str:
    """What the estimates of an endpoint are, and in whom."""
    if isinstance(fit, ResponseFit):
        return f"Objective response in {vocabulary.subject_words}, per cent of evaluable patients"
    name = vocabulary.endpoint(fit.data.endpoint).label
    words = (
        f"Median {name.lower()} in {vocabulary.subject_words}, months from the time origin of "
        f"each study ({time_origins(fit)})"
    )
    if tells_histology(fit):
        words += f", in patients of whom {percent(reference_mix)} have mixed histology"
    return words


def _gain_texts(comparison: Comparison, endpoint: str) -> dict[str, dict[str, str]]:
    """Gain over the reference, how sure it is, and what carries it, by treatment."""
    name = RESPONSE_SHOWN if endpoint == "response" else GAIN
    return {
        row["treatment"]: {
            "gain": row[name],
            "p_gain": row.get("p_gain", ""),
            "carried_by": row["carried_by"],
        }
        for row in contrast_rows(comparison, endpoint)
    }


def _is_background(group: NamedGroup) -> bool:
    return all(ref.role == "mixed" for ref in group.cohorts)


def _summary(row: pd.Series) -> Summary:
    return Summary(float(row["estimate"]), float(row["lower"]), float(row["upper"]))


def _histology_answers(
    tables: HistologyTables, fit: PooledSurvival, vocabulary: Vocabulary
) -> list[Answer]:
    effects = tables.effects
    found = []
    for parameter in dict.fromkeys(effects["parameter"]):
        own = effects[effects["parameter"] == parameter]
        posterior = own[own["which"] == "posterior"]
        prior = own[own["which"] == "prior"].iloc[0]
        main = posterior.iloc[0]
        by_family = "; ".join(
            f"{row.family} {ratio(row)}" for row in posterior.itertuples(index=False)
        )
        shares = share_words(min((main.log_sd / prior.log_sd) ** 2, 1.0), told=True)
        if parameter == "prognostic":
            text = (
                "Overall survival, mixed against pure histology under any treatment, as a ratio "
                f"of medians: {by_family}. The prior allowed {ratio(prior)}. {shares} The "
                f"reports that print medians by histology: {_printed_words(tables.ratios)}."
                f"{_declared_words(fit)}{_meaning_words(vocabulary)}"
            )
            found.append(Answer("Do mixed tumours fare better than pure ones?", text))
        else:
            drug = parameter.partition(": ")[2].lower()
            text = (
                f"Beyond the difference under any treatment, mixed tumours treated with {drug} "
                f"have a further ratio of {by_family}; the prior alone says {ratio(prior)}. "
                f"{shares}"
            )
            found.append(Answer(f"Do they gain more from {drug}?", text))
    return found


def _declared_words(fit: PooledSurvival) -> str:
    """Which reports' own groups are read as pure and mixed by declaration."""
    declared = [
        ref.label
        for ref in fit.data.cohorts
        if fit.data.use_read_as
        if ref.cohort.read_as or any(group.read_as for group in ref.cohort.subgroups)
    ]
    if not declared:
        return ""
    return (
        f" Groups of {', '.join(dict.fromkeys(declared))} are read as pure and mixed, as declared."
    )


def _meaning_words(vocabulary: Vocabulary) -> str:
    """What the vocabulary says of mixed tumours."""
    meaning = vocabulary.histologies.get("mixed")
    return "" if meaning is None else f" Mixed: {meaning[:1].lower()}{meaning[1:].rstrip('.')}."


def _printed_words(ratios: pd.DataFrame) -> str:
    printed = ratios[ratios["kind"] == "printed"]
    if printed.empty:
        return "none"
    return "; ".join(
        f"{row.label}, {row.note} ({row.n_mixed} and {row.n_pure} patients"
        + (f", p = {row.p})" if row.p else ")")
        for row in printed.itertuples(index=False)
    )
