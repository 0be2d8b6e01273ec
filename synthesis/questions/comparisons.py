"""Comparisons that reports print, ratios, p values and directions, and what each is used for."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from studies import Registry, Study
from studies.figures import HISTOLOGY, ORIGIN
from studies.schema import Comparison
from synthesis.endpoints import survival_endpoints
from synthesis.estimands import Fit
from synthesis.fits import ResponseFit
from synthesis.numbers import count
from synthesis.reported import comparison_words
from synthesis.result import Finding, Result, names

COMPARISON_COLUMNS = names("study label endpoint form reported used reason")
#: Kinds of comparisons, by the first of these that is printed.
FORMS = {"hr": "hazard ratio", "p": "p value", "longer": "direction", "text": "words"}


def comparisons_table(registry: Registry, fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Return every comparison that a report prints, with what it is used for or why it is not.

    Returns
    -------
    DataFrame
        :data:`COMPARISON_COLUMNS`; ``form`` is one of :data:`FORMS`, ``used`` says whether it
        enters one of the fits, ``reason`` as what, or why not.
    """
    survival = (fit.data for fit in fits.values() if not isinstance(fit, ResponseFit))
    entered = {id(item.printed) for data in survival for item in data.comparisons}
    rows = []
    for study in registry:
        for own in study.comparisons:
            form = next((w for key, w in FORMS.items() if getattr(own, key) is not None), "words")
            stands_for, used = _stands_for(own, study), id(own) in entered
            reason = stands_for if used else _why_not(own, stands_for, fits)
            about = study.id, registry.labels[study.id], own.endpoint
            rows.append((*about, form, comparison_words(own), used, reason))
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)


def _stands_for(own: Comparison, study: Study) -> str:
    """What two groups are to the model; empty for nothing."""
    named = sorted(map(str.casefold, own.groups))
    for groups in (HISTOLOGY, ORIGIN):
        if named == sorted(groups):
            return f"{' against '.join(groups)} tumours"
    if own.adjusted and own.hr is not None and len(own.treatments) == 2:
        return "an adjusted contrast of two treatments"
    arms = [{each.id, each.treatment, each.treatment_as_printed} for each in study.cohorts]
    sides = {place for group in own.groups for place, arm in enumerate(arms) if group in arm}
    return "two cohorts of the report" if len(own.groups) == len(sides) == 2 else ""


def _why_not(own: Comparison, stands_for: str, fits: Mapping[str, Fit]) -> str:
    if own.endpoint not in survival_endpoints():
        return "its endpoint is not pooled as a time"
    if own.endpoint not in fits:
        return "its endpoint was not asked for"
    if own.hr is None and own.p is None and own.longer is None:
        return "it has words and no figure"
    if not stands_for:
        return "its groups are neither two treatments nor told by histology or origin"
    return f"{stands_for}: not both count, or another comparison of theirs goes before it"


def result(registry: Registry, fits: Mapping[str, Fit]) -> Result | None:
    """Tell how many comparisons enter the fits; None where no report prints one."""
    table = comparisons_table(registry, fits)
    if table.empty:
        return None
    forms = [
        count(number, form) if form != "words" else f"{number} in words"
        for form, number in table["form"].value_counts().items()
    ]
    entered = int(table["used"].sum())
    words = (
        f"Reports print {count(len(table), 'comparison')} of groups ({', '.join(forms)}). "
        f"{entered} enter{'s' if entered == 1 else ''} the model. Of the others most are of stage, "
        "age or extent, which say nothing of the answers here. Each stands in the list above with "
        "its report, and in comparisons.csv with its use."
    )
    findings = (Finding("Comparisons as reported", (words,)),)
    return Result("comparisons", "Comparisons", findings=findings, tables={"comparisons": table})
