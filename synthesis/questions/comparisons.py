"""Comparisons that reports print, and what each is used for: ratios, p values, directions."""

from __future__ import annotations

import pandas as pd

from studies import Registry, Study
from studies.schema import Comparison
from synthesis.endpoints import survival_endpoints
from synthesis.numbers import count
from synthesis.reported import comparison_words
from synthesis.result import Finding, Result, names

COMPARISON_COLUMNS = names("study label endpoint form reported use")
#: Kinds of comparisons, by the first of these that is printed.
FORMS = {"hr": "hazard ratio", "p": "p value", "longer": "direction", "text": "words"}
UNUSED = "not used: "


def comparisons(registry: Registry) -> pd.DataFrame:
    """Return every comparison that a report prints, with what it is used for or why it is not.

    Returns
    -------
    DataFrame
        :data:`COMPARISON_COLUMNS`; ``form`` is one of :data:`FORMS`, ``use`` begins with
        :data:`UNUSED` where the comparison enters no model.
    """
    labels = registry.labels
    rows = [
        (study.id, labels[study.id], own.endpoint, *_told(own, study))
        for study in registry
        for own in study.comparisons
    ]
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)


def _told(own: Comparison, study: Study) -> tuple[str, str, str]:
    form = next((word for key, word in FORMS.items() if getattr(own, key) is not None), "words")
    return form, comparison_words(own), use(own, study)


def use(own: Comparison, study: Study) -> str:
    """Say what a comparison of a report is read for, or why it is not."""
    if own.endpoint not in survival_endpoints():
        return f"{UNUSED}its endpoint is not pooled as a time"
    if own.hr is None and own.p is None and own.longer is None:
        return f"{UNUSED}it has words and no figure"
    if sorted(map(str.casefold, own.groups)) == ["mixed", "pure"]:
        return "mixed against pure tumours, where the report counts for that"
    if own.adjusted and own.hr is not None and len(own.treatments) == 2:
        return "an adjusted contrast of two treatments, where no cohort of theirs counts"
    arms = [{each.id, each.treatment, each.treatment_as_printed} for each in study.cohorts]
    sides = [place for group in own.groups for place, arm in enumerate(arms) if group in arm]
    if len(own.groups) == 2 and len(set(sides)) == 2:
        return "between two cohorts of the report, where both count"
    return f"{UNUSED}its groups are neither two treatments nor mixed and pure tumours"


def result(registry: Registry) -> Result | None:
    """Tell how many comparisons are read; None where no report prints one."""
    table = comparisons(registry)
    if table.empty:
        return None
    read = int((~table["use"].str.startswith(UNUSED)).sum())
    forms = [
        count(number, form) if form != "words" else f"{number} in words"
        for form, number in table["form"].value_counts().items()
    ]
    words = (
        f"Reports print {count(len(table), 'comparison')} of groups ({', '.join(forms)}). {read} "
        "can enter a model: of two treatments, of two cohorts, or of mixed and pure tumours. The "
        "others, of stage, age or extent, say nothing of the answers here. Each stands in the list "
        "above with its report, and in comparisons.csv with its use."
    )
    findings = (Finding("Comparisons as reported", (words,)),)
    return Result("comparisons", "Comparisons", findings=findings, tables={"comparisons": table})


__all__ = ["comparisons", "result", "use"]
