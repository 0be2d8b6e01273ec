"""What every choice says beside the base, and which conclusion changes under which choice.

A conclusion *changes* where its answer is another one. The answer of a ratio or a difference is
whether its 95 % interval lies below no effect, holds it, or lies above it; that of a probability is
whether it is at least 0.975 (shown), above a half, at most a half, or at most 0.025 (excluded); a
pooled median has no such value, and its answer is another one where the estimate leaves the
interval of the base. Where a number decides that lies within two Monte Carlo standard errors of
its limit, the answer is *at the limit* and counts as no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from priors import Priors
from synthesis.questions.sensitivity import answer_word
from synthesis.questions.sensitivity.conclusions import Conclusion, Estimate, Question
from synthesis.questions.sensitivity.power_scaling import ALL, Scaled
from synthesis.questions.sensitivity.runner import Refit, Results
from synthesis.questions.sensitivity.specifications import BASE, GROUPS

SENSITIVITY_COLUMNS = (
    "endpoint",
    "specification",
    "group",
    "aspect",
    "direction",
    "label",
    "conclusion",
    "kind",
    "conclusion_label",
    "treatment",
    "reference",
    "estimate",
    "lower",
    "upper",
    "error",
    "difference",
    "shift_in_sd",
    "answer",
    "base_answer",
    "change",
    "cohorts",
    "patients",
    "counted_instead",
    "reliable",
    "note",
)
POWER_SCALING_COLUMNS = (
    "endpoint",
    "conclusion",
    "kind",
    "conclusion_label",
    "treatment",
    "prior",
    "prior_label",
    "prior_sensitivity",
    "likelihood_sensitivity",
    "diagnosis",
)

#: What the specification curve of one conclusion is drawn from.
CURVE_COLUMNS = (
    "specification",
    "group",
    "heading",
    "aspect",
    "direction",
    "label",
    "kind",
    "estimate",
    "lower",
    "upper",
    "changes",
    "mark",
)

# Choices of an aspect that is chosen so many ways that its row does not tell which is which are
# named by number where the answer changes, or moves by so many standard deviations of the base.
_MANY, _MOVED, _NUMBERED_AT_MOST = 4, 0.25, 9

CHANGES, AT_THE_LIMIT, SAME, NO_ANSWER = "changes", "at the limit", "", "no answer"

#: Monte Carlo standard errors by which a number may miss a limit.
ERRORS = 2.0

_WITHIN, _OUTSIDE = "within the interval of the base", "outside the interval of the base"


def sensitivity_table(results: Results, question: Question) -> pd.DataFrame:
    """Every conclusion under every choice: :data:`SENSITIVITY_COLUMNS`.

    The base comes first, as specification ``base``. ``error`` is the largest Monte Carlo standard
    error of the numbers of a row, ``difference`` that of the estimates (months, ratios or
    probabilities), and ``shift_in_sd`` that of the posterior means in standard deviations of the
    base, on the log scale for ratios and medians. Rows without an answer say why in ``note``.
    """
    rows = []
    for refit in (results.base, *results.refits):
        rows += [_row(item, refit, results.base, question) for item in question.conclusions]
    for item, reason in results.impossible:
        empty = Refit(item, {}, 0, 0, (), True, 0, 0, 0)
        for conclusion in question.conclusions:
            rows.append(_row(conclusion, empty, results.base, question) | {"note": reason})
    frame = pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))
    return frame.astype({"direction": int, "cohorts": int, "patients": int, "reliable": bool})


def _row(item: Conclusion, refit: Refit, base: Refit, question: Question) -> dict[str, object]:
    chosen = refit.specification
    row: dict[str, object] = {
        "endpoint": question.endpoint,
        "specification": chosen.name,
        "group": chosen.group,
        "aspect": chosen.aspect,
        "direction": chosen.direction,
        "label": chosen.label,
        "conclusion": item.name,
        "kind": item.kind,
        "conclusion_label": item.label,
        "treatment": item.treatment.label if item.treatment else "",
        "reference": item.reference.label if item.reference else "",
        "cohorts": refit.cohorts,
        "patients": refit.patients,
        "counted_instead": ", ".join(refit.counted_instead),
        "reliable": refit.reliable,
        "answer": "",
        "base_answer": "",
        "change": SAME,
        "note": "; ".join(_notes(refit)),
    }
    own, was = refit.answers.get(item.name), base.answers.get(item.name)
    if own is None or was is None:
        return row | {"change": NO_ANSWER, "note": "no cohort of the treatment is left"}
    errors = (own.estimate_error, own.lower_error, own.upper_error)
    is_base = chosen.name == BASE.name
    return row | {
        "estimate": own.estimate,
        "lower": own.lower,
        "upper": own.upper,
        "error": max(error for error in errors if error == error),
        "difference": own.estimate - was.estimate,
        "shift_in_sd": (own.centre - was.centre) / was.sd if was.sd else float("nan"),
        "answer": _answer(item, own, was),
        "base_answer": _answer(item, was, was),
        "change": SAME if is_base else change_of(item, own, was),
    }


def _notes(refit: Refit) -> Iterator[str]:
    if refit.changes_nothing:
        yield "nothing is counted otherwise here: the base itself"
    if not refit.reliable:
        yield "the chains do not agree: not to be relied on"


def _answer(item: Conclusion, own: Estimate, base: Estimate, error: float = 0.0) -> str:
    """The answer in words, the deciding numbers moved by so many of their standard errors."""
    word = answer_word(item, own, error)
    if word or item.scale == "chance":
        return word
    estimate = own.estimate + error * own.estimate_error
    return _WITHIN if base.lower <= estimate <= base.upper else _OUTSIDE


def change_of(item: Conclusion, own: Estimate, base: Estimate) -> str:
    """Whether a conclusion changes: :data:`CHANGES`, :data:`AT_THE_LIMIT` or :data:`SAME`.

    Parameters
    ----------
    item : Conclusion
    own, base : Estimate
        Under the choice, and under the base.
    """
    if _answer(item, own, base) == _answer(item, base, base):
        return SAME
    about = (-ERRORS, 0.0, ERRORS)
    here, there = ({_answer(item, a, base, e) for e in about} for a in (own, base))
    return AT_THE_LIMIT if here & there else CHANGES


def changes_table(sensitivity: pd.DataFrame) -> pd.DataFrame:
    """The rows under which a conclusion changes, group by group; see :func:`change_of`."""
    changed = sensitivity[sensitivity["change"] == CHANGES]
    order = {name: number for number, name in enumerate(GROUPS)}
    kinds = {name: number for number, name in enumerate(sensitivity["conclusion"].unique())}
    keys = changed.assign(
        _first=changed["conclusion"].map(kinds), _then=changed["group"].map(order)
    )
    return keys.sort_values(["_first", "_then"], kind="stable")[list(SENSITIVITY_COLUMNS)]


def power_scaling_table(
    scaled: tuple[Scaled, ...], question: Question, priors: Priors
) -> pd.DataFrame:
    """Sensitivities to prior and likelihood with their diagnosis: :data:`POWER_SCALING_COLUMNS`.

    For each conclusion all priors together (``all``), then each prior.
    """
    items: Mapping[str, Conclusion] = {item.name: item for item in question.conclusions}
    rows = []
    for found in scaled:
        item = items[found.conclusion]
        rows.append(
            (
                question.endpoint,
                item.name,
                item.kind,
                item.label,
                item.treatment.label if item.treatment else "",
                found.prior,
                "All priors" if found.prior == ALL else priors[found.prior].role,
                found.prior_sensitivity,
                found.likelihood_sensitivity,
                found.diagnosis,
            )
        )
    return pd.DataFrame(rows, columns=list(POWER_SCALING_COLUMNS))


def curve_table(sensitivity: pd.DataFrame, conclusion: str) -> pd.DataFrame:
    """One conclusion under every choice, for drawing: :data:`CURVE_COLUMNS`.

    Choices without an answer are not there. Those that a reader would want to be named, one class
    or one report left out, are numbered in order of their estimates.
    """
    own = sensitivity[sensitivity["conclusion"] == conclusion]
    own = own[own["change"] != NO_ANSWER].copy()
    own["changes"] = own["change"] == CHANGES
    own["heading"] = [GROUPS.get(name, "") for name in own["group"]]
    ways = own.groupby(["group", "aspect"])["specification"].transform("count")
    far = own["changes"] | (own["shift_in_sd"].abs() >= _MOVED)
    named = own[far & (ways >= _MANY)]
    # what changes the conclusion goes first, then the furthest; numbers run from left to right
    order = named.assign(distance=named["shift_in_sd"].abs())
    order = order.sort_values(["changes", "distance"], ascending=False, kind="stable")
    kept = order.head(_NUMBERED_AT_MOST).sort_values("estimate", kind="stable")
    marks = {name: str(i) for i, name in enumerate(kept["specification"], start=1)}
    own["mark"] = [marks.get(name, "") for name in own["specification"]]
    return own[list(CURVE_COLUMNS)].reset_index(drop=True)
