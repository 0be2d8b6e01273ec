"""Priors of a new arm in words: made from the tables, no number is typed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from studies.vocabulary import Vocabulary
from synthesis.benefit.compare_words import in_sentence
from synthesis.benefit.writing import months_text, points_text, ratio_text
from synthesis.historical.fitting import CLOSE, LEAST
from synthesis.questions.control import (
    FITTED,
    ROBUST,
    VAGUE,
    Behind,
    ControlPrior,
    HistoricalControl,
    component_names,
)
from synthesis.questions.control.mixtures import PARAMETERS
from synthesis.text.plain import count

EXCHANGEABLE = (
    "The prior holds if the new study is exchangeable with those pooled: if, before its patients "
    "are seen, nothing is known by which its outcome would be better or worse than theirs. That is "
    "a judgement on patients, care and follow-up, which no figure here supports."
)
SIZES = (
    "ESS, the effective sample size, says how many patients or events the prior is worth: by ELIR "
    "(Neuenschwander et al. 2020), which is consistent with data to come, and by moment matching, "
    "which a heavy tail makes small. A patient is one followed to the horizon; an event is one on "
    "the scale of the log median or log hazard under an exponential curve, of standard deviation 1."
)
ONE_VIEW = (
    "The priors of one endpoint are views of one prediction: a design uses one of them, not two as "
    "if they were independent."
)
NO_DESIGN = (
    "No design is stated: the new study is taken to lie half way between a retrospective and a "
    "prospective one. State that of the study that is planned."
)

# A prior that is worth so large a part of the patients of its treatment rests on more than them.
_MUCH = 0.5

_MONTHS = {"survival_6m": 6, "survival_12m": 12}


def quantity_title(prior: ControlPrior, vocabulary: Vocabulary) -> str:
    """Name of a quantity, ``Overall survival at 6 months``."""
    if prior.quantity == "response_rate":
        return "Response rate"
    endpoint = vocabulary.endpoint(prior.endpoint).label
    if prior.quantity in _MONTHS:
        return f"{endpoint} at {_MONTHS[prior.quantity]} months"
    if prior.quantity == "log_median":
        return f"Log of the median of {in_sentence(endpoint)}, in months"
    return f"Hazard a month of {in_sentence(endpoint)}, exponential with the same median"


def control_words(found: HistoricalControl, vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """Sentences on the priors, a tuple of paragraphs for each endpoint.

    Parameters
    ----------
    found : HistoricalControl
    vocabulary : Vocabulary
        For the names of endpoints and disease.
    """
    return {
        endpoint: (_opening(found, endpoint, vocabulary), _behind_words(behind, endpoint))
        for endpoint, behind in found.behind.items()
    }


def common_words(found: HistoricalControl) -> tuple[str, ...]:
    """What holds for every prior: conditions, sizes, the vague component, the population."""
    words = [EXCHANGEABLE, SIZES, _robust_words(found.robust_weight), ONE_VIEW, _fit_words(found)]
    edge = [prior.name for prior in found.priors if _at_an_end(prior)]
    if edge:
        words.append(
            f"{', '.join(edge)}: the rate may be close to nought or to one, where ELIR hangs on "
            "how the density falls off at the very end; go by moment matching there."
        )
    survival = [endpoint for endpoint in found.behind if endpoint != "response"]
    if survival and found.population.design is None:
        words.append(NO_DESIGN)
    return (*words, *found.notes, *found.left_out)


def _at_an_end(prior: ControlPrior) -> bool:
    """Whether a component of a rate is as far towards an end as any may be."""
    own = prior.fit.mixture
    return own.kind == "beta" and min(*own.first, *own.second) <= LEAST


def _opening(found: HistoricalControl, endpoint: str, vocabulary: Vocabulary) -> str:
    behind, subject = found.behind[endpoint], vocabulary.subject_words
    if endpoint == "response":
        what, whom = "Response", f"in {subject}"
    else:
        what = vocabulary.endpoint(endpoint).label
        whom = f"in {subject}, {found.population.words}"
    return (
        f"{what} under {in_sentence(behind.label)} ({behind.why}) {whom}: what is predicted for an "
        "arm of a new study, as a prior."
    )


def _behind_words(behind: Behind, endpoint: str) -> str:
    designs = ", ".join(
        f"{number} {design.replace('_', ' ')}" for design, number in behind.designs.items()
    )
    size = f"{count(len(behind.cohorts), 'cohort')} of {count(behind.total, 'patient')}"
    none = "" if "randomised" in behind.designs else "; none is an arm of a randomised study"
    scale = "log odds" if endpoint == "response" else "log median"
    of_one = "odds" if endpoint == "response" else "median"
    sd = behind.study_sd
    spread = f"{sd.estimate:.2f} (95 % interval {sd.lower:.2f}-{sd.upper:.2f})"
    factors = [ratio_text(math.exp(value)) for value in (sd.estimate, sd.lower, sd.upper)]
    return (
        f"Behind it stand {size} ({designs}){none}. Between studies the {scale} has a standard "
        f"deviation of {spread}, learned from all {count(behind.every, 'cohort')} of the endpoint; "
        f"a factor of {factors[0]} ({factors[1]}-{factors[2]}) in the {of_one}."
    )


def _robust_words(weight: float) -> str:
    if weight == 0.0:
        return (
            "No vague component is added (weight 0): where the new study disagrees with the past, "
            "the prior gives way slowly."
        )
    return (
        f"The robust prior has a vague component of weight {weight:g}: uniform for a rate, worth "
        "one event about the mean for the others. It lets the prior give way where the new study "
        "disagrees with the past (Schmidli et al. 2014)."
    )


def _fit_words(found: HistoricalControl) -> str:
    worst = max(found.priors, key=lambda prior: prior.fit.difference)
    gap = worst.fit.difference
    if gap <= CLOSE:
        return (
            "The distribution functions of mixtures and draws differ by at most "
            f"{gap:.3f} ({worst.name})."
        )
    off = [prior.name for prior in found.priors if prior.fit.difference > CLOSE]
    return (
        f"The mixtures of {', '.join(off)} do not follow the draws: the distribution functions "
        f"differ by up to {gap:.3f}, where {CLOSE:g} would be chance. Compare the quantiles."
    )


# --- One prior -----------------------------------------------------------------------------------


#: How a value of a quantity is written, and its unit.
_WRITERS: Mapping[str, tuple[Callable[[float], str], str]] = {
    "survival_6m": (points_text, " %"),
    "survival_12m": (points_text, " %"),
    "response_rate": (points_text, " %"),
    "log_median": (lambda value: months_text(math.exp(value)), " months"),
    "hazard": (lambda value: f"{value:.3f}", " a month"),
}


def prior_words(found: HistoricalControl, prior: ControlPrior) -> str:
    """One prior in a sentence: median, interval, and what it is worth with and without vagueness.

    Parameters
    ----------
    found : HistoricalControl
    prior : ControlPrior
        One of its priors.
    """
    rows = {row.version: row for row in _summaries(found, prior)}
    own = rows[FITTED]
    write, unit = _WRITERS[prior.quantity]
    value = f"{write(own.median)}{unit} (95 % interval {write(own.lower)} to {write(own.upper)})"
    worth = f"worth {own.ess_elir:.1f} {own.ess_unit} by ELIR, {own.ess_moment:.1f} by moments"
    if ROBUST in rows:
        more = rows[ROBUST]
        worth += f"; {more.ess_elir:.1f} and {more.ess_moment:.1f} with the vague component"
    return f"Predicted {value}; {worth}. {_against(own)}"


def _against(own: Any) -> str:
    """Set the size of a prior against the patients behind it."""
    behind = count(own.patients, "patient")
    if own.ess_elir > _MUCH * own.patients:
        return (
            f"Of the treatment itself stand only {behind} behind it: the rest is what the model "
            "takes from other treatments, and from its own priors."
        )
    return (
        f"Of the treatment itself stand {behind} behind it: what sets studies apart is not "
        "averaged away by more patients in each."
    )


def _summaries(found: HistoricalControl, prior: ControlPrior) -> list[Any]:
    table = found.summary
    own = table[(table["endpoint"] == prior.endpoint) & (table["quantity"] == prior.quantity)]
    return list(own.itertuples(index=False))


def summary_rows(found: HistoricalControl, prior: ControlPrior) -> list[dict[str, str]]:
    """Draws, mixture and robust mixture as texts, on the scale of the parameter."""
    low, middle, high = np.quantile(prior.draws, [0.025, 0.5, 0.975]).tolist()
    rows = [_row("draws", float(prior.draws.mean()), middle, low, high, "", "")]
    for own in _summaries(found, prior):
        sizes = (f"{own.ess_elir:.1f}", f"{own.ess_moment:.1f}")
        name = "mixture" if own.version == FITTED else own.version
        rows.append(_row(name, own.mean, own.median, own.lower, own.upper, *sizes))
    return rows


def _row(
    name: str, mean: float, median: float, lower: float, upper: float, elir: str, moment: str
) -> dict[str, str]:
    return {
        "prior": name,
        "mean": f"{mean:.3f}",
        "median": f"{median:.3f}",
        "interval": f"{lower:.3f} to {upper:.3f}",
        "ess_elir": elir,
        "ess_moment": moment,
    }


def component_rows(prior: ControlPrior) -> tuple[list[dict[str, str]], tuple[str, str]]:
    """Components as texts, and the names of their two parameters.

    Weights are those of the mixture and of the robust one; the vague component is in the latter
    only.
    """
    last = prior.robust or prior.fit.mixture
    version = FITTED if prior.robust is None else ROBUST
    fitted = prior.fit.mixture.weights
    rows = []
    for number, name in enumerate(component_names(version, last)):
        weight, first, second = last.components[number]
        rows.append(
            {
                "component": name,
                "weight": "" if name == VAGUE else f"{fitted[number]:.3f}",
                "robust_weight": "" if prior.robust is None else f"{weight:.3f}",
                "first": f"{first:.3f}",
                "second": f"{second:.3f}",
            }
        )
    return rows, PARAMETERS[last.kind]
