"""Benefit in pure and in mixed tumours, in words: made from the tables, no number is typed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.numbers import in_sentence, months, ratio
from synthesis.questions.contrasts import GAIN
from synthesis.questions.histology import ANY, DIFFERENCE, EFFECT_ESTIMANDS, FROM_PROGNOSIS, Benefit
from synthesis.questions.histology_effects import INTERACTION, PREDICTIVE, PROGNOSTIC, share_words
from synthesis.text.plain import count

SAYS_NOTHING = (
    "No counted cohort tells pure from mixed tumours: the data say nothing on histology, and every "
    "difference between pure and mixed below is the prior alone."
)
ACROSS_STUDIES = (
    "Treatments stand side by side across studies, most of them single-armed: a gain may be a "
    "difference between their patients."
)


def benefit_words(benefit: Benefit, vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """Sentences on benefit by histology, a tuple of paragraphs for each endpoint.

    Parameters
    ----------
    benefit : Benefit
    vocabulary : Vocabulary
        For the names of endpoints and disease.
    """
    return {name: _paragraphs(benefit, name, vocabulary) for name in benefit.endpoints}


def _paragraphs(benefit: Benefit, endpoint: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    name = vocabulary.endpoint(endpoint).label
    over = benefit.references.get(endpoint)
    gain = f" Gains are over {in_sentence(over)}." if over else ""
    opening = (
        f"{name} in {vocabulary.subject_words} by histology, in the average study of a treatment "
        f"and the reference population; posterior median (95 % interval).{gain} {ACROSS_STUDIES}"
    )
    told = benefit.told[endpoint]
    found = [opening] if told else [opening, SAYS_NOTHING]
    effects = benefit.effects[benefit.effects["endpoint"] == endpoint]
    found.append(_prognostic_words(effects, told=told))
    predictive = effects[(effects["effect"] == PREDICTIVE) & (effects["which"] == "posterior")]
    informed = predictive[predictive["cohorts"] > 0]["treatment"]
    found += [_treatment_words(benefit, endpoint, treatment) for treatment in informed]
    others = len(predictive) - len(informed)
    if told and others:
        rest = f"none of the other {count(others, 'treatment')}"
        which = "no treatment" if informed.empty else rest
        found.append(
            f"For {which} does a report tell pure from mixed: there the predictive effect is the "
            "prior, and pure and mixed tumours differ by prognosis only."
        )
    return tuple(found)


def pick(frame: pd.DataFrame, where: Mapping[str, Any]) -> Any:
    """The one row of a table with these values in these columns.

    Raises
    ------
    LookupError
        If there is none, or more than one; says what was asked for.
    """
    for column, value in where.items():
        frame = frame[frame[column] == value]
    if len(frame) != 1:
        raise LookupError(f"{len(frame)} rows with {dict(where)}, expected one")
    return next(frame.itertuples(index=False))


def _prognostic_words(effects: pd.DataFrame, *, told: bool) -> str:
    before, after = (
        pick(effects, {"effect": PROGNOSTIC, "which": which}) for which in ("prior", "posterior")
    )
    said = (
        f"Prognostic effect: under any treatment the median of mixed tumours is "
        f"{ratio(after)} times that of pure ones; the prior allowed {ratio(before)}. "
        f"{share_words(after.prior_share, told=told)}"
    )
    if told:
        said += (
            f" {count(after.cohorts, 'cohort')} with {count(after.patients, 'patient')} "
            f"{'tells its' if after.cohorts == 1 else 'tell their'} histology."
        )
    return said


def _treatment_words(benefit: Benefit, endpoint: str, treatment: str) -> str:
    """What a treatment does in pure and in mixed tumours, where some report tells them apart."""
    rows = benefit.table[
        (benefit.table["endpoint"] == endpoint) & (benefit.table["treatment"] == treatment)
    ]
    effects = benefit.effects[
        (benefit.effects["endpoint"] == endpoint) & (benefit.effects["treatment"] == treatment)
    ]
    medians = [
        months(pick(rows, {"estimand": "median_months", "histology": name}))
        for name in ("pure", "mixed")
    ]
    before, after = (
        pick(effects, {"effect": PREDICTIVE, "which": which}) for which in ("prior", "posterior")
    )
    said = (
        f"{treatment}: median {medians[0]} months in pure and {medians[1]} in mixed tumours. "
        f"Predictive effect: beyond prognosis, mixed tumours under it have a further ratio of "
        f"{ratio(after)}; the prior alone says {ratio(before)}. "
        f"{share_words(after.prior_share, told=True)}"
    )
    over = benefit.references.get(endpoint)
    if over is None or over == treatment:
        return said
    gains = {name: pick(rows, {"estimand": GAIN, "histology": name}) for name in ("pure", "mixed")}
    differ, alone = (pick(rows, {"estimand": name}) for name in (DIFFERENCE, FROM_PROGNOSIS))
    ratios = pick(rows, {"estimand": EFFECT_ESTIMANDS[INTERACTION]})
    chances = [f"{100 * gains[name].p_gain:.0f} %" for name in ("pure", "mixed")]
    return (
        f"{said} Its gain over {in_sentence(over)} is {months(gains['pure'])} months in pure "
        f"and {months(gains['mixed'])} in mixed tumours (above {benefit.delta:g} "
        f"month{'' if benefit.delta == 1 else 's'} with a probability of {chances[0]} and "
        f"{chances[1]}), {gains['pure'].carried_by}. Does the gain differ? As a ratio of ratios by "
        f"{ratio(ratios)}; in months by {months(differ)}, of which prognosis alone, "
        f"without any predictive effect, makes {months(alone)}."
    )


def months(row: Any) -> str:
    """Months or a difference of months with its interval: ``3.3 (2.1-5.0)``."""
    return spread(row, months)


def ratio(row: Any) -> str:
    """A ratio with its interval: ``1.62 (0.94-2.84)``."""
    return spread(row, ratio)


def spread(row: Any, write: Callable[[float], str]) -> str:
    """An estimate with its interval, each number written by ``write``."""
    between = " to " if row.lower < 0.0 else "-"
    return f"{write(row.estimate)} ({write(row.lower)}{between}{write(row.upper)})"


__all__ = [
    "ACROSS_STUDIES",
    "ANY",
    "SAYS_NOTHING",
    "benefit_words",
    "months",
    "pick",
    "ratio",
    "spread",
]
