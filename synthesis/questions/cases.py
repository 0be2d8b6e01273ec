"""Single patients, published one by one: shown, never pooled."""

from __future__ import annotations

from collections.abc import Collection
from operator import itemgetter

import pandas as pd

from studies import Registry
from studies.figures import in_months
from studies.registry import references
from studies.schema import Cohort, Patient
from synthesis.numbers import count
from synthesis.plots.cases import STATUSES, plot_cases
from synthesis.reported import patient_words
from synthesis.result import Finding, Picture, Result, names

CASE_COLUMNS = names(
    "study cohort label year treatment treatment_class disease line histology time_origin reported "
    "months status response"
)


def cases(registry: Registry, counted: Collection[str] = ()) -> pd.DataFrame:
    """Return the cohorts of one patient that are not among those `counted`, ``study:cohort``.

    :data:`CASE_COLUMNS`, by class of treatment and time. ``months`` of overall survival, missing
    where none are reported; ``status`` is died, alive or not stated; ``reported`` has overall
    survival in the report's unit.
    """
    vocabulary, rows = registry.vocabulary, []
    order = {group.id: group.order for group in vocabulary.classes}
    for ref in references(registry):
        own = ref.cohort
        if own.n != 1 or ref.id in counted:
            continue
        patient = own.patients[0] if own.patients else Patient()
        time = None if patient.os is None else in_months(patient.os, patient.unit)
        row = (
            *(ref.study.id, own.id, ref.label, ref.study.citation.year),
            vocabulary.treatment(own.treatment).label,
            vocabulary.treatment_class(ref.treatment_class).label,
            *(own.disease or vocabulary.main_disease, own.line, _histology(own, patient)),
            *(own.time_origin, patient_words(patient, "os"), time),
            *(patient.event if patient.event in STATUSES else "not stated", patient.response),
        )
        rows.append((order[ref.treatment_class], time or 0.0, row))
    rows.sort(key=itemgetter(0, 1))
    table = pd.DataFrame([row for *_, row in rows], columns=CASE_COLUMNS)
    return table.astype({"year": "Int64", "months": float})


def _histology(cohort: Cohort, patient: Patient) -> str | None:
    """The histology of the one patient, in the words of the report where it is not pure or mixed.

    None: it is not told.
    """
    split = cohort.histology
    if split is None:
        return patient.histology
    if split.mixed or split.pure:
        return "mixed" if split.mixed else "pure"
    return next(iter(split.other), patient.histology)


LEAD = (
    "A single case is published because its outcome is unusual: long survivors and sudden deaths "
    "are written up, ordinary courses are not. Pooled, such cases would tell what is published, "
    "not how patients fare. Each stands in the list of all cohorts with its time and its status."
)


def result(registry: Registry, counted: Collection[str]) -> Result | None:
    """Show the single patients; None where there is none."""
    table = cases(registry, counted)
    if table.empty:
        return None
    every, timed = len(table), table[table["months"].notna()]
    title = f"{count(every, 'single patient')}, not pooled: published for their outcome"
    counts = timed["status"].value_counts()
    by = [f"{counts[name]} {name}" for name in STATUSES if name in counts]
    words = (
        f"{len(timed)} with a time of overall survival ({', '.join(by)}), {every - len(timed)} "
        "without."
    )
    pictures = ()
    if not timed.empty:
        caption = (
            f"Overall survival of single patients as reported, by class of treatment: {words} "
            "Filled: died; open: alive at that time; diamond: not stated. No pooled answer rests "
            "on them."
        )
        arguments = {"table": table[["treatment_class", "months", "status"]]}
        picture = Picture("cases", title, caption, plot_cases, arguments, alt=words, endpoint="os")
        pictures = (picture,)
    finding = Finding(title, (LEAD, words), pictures=pictures)
    return Result("cases", title, findings=(finding,), tables={"cases": table})
