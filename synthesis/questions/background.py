"""Survival of all comers as population registries report it: beside the reference of gains."""

from __future__ import annotations

import pandas as pd

from studies import Registry
from studies.figures import in_months
from studies.registry import references
from studies.schema import Cohort
from synthesis.endpoints import survival_endpoints
from synthesis.reported import median_words, share_words
from synthesis.result import Finding, names, table_of

#: Patients from which a cohort of mixed treatments stands for the whole population of patients.
POPULATION = 500
BACKGROUND_COLUMNS = names("study label patients years median survival_12m")


def background(registry: Registry) -> pd.DataFrame:
    """Survival of all comers, as reported: what the reference of gains can be held against.

    Cohorts of mixed treatments with at least :data:`POPULATION` patients that report the median
    overall survival or that at one year; registries share patients, so they are never pooled.

    Returns
    -------
    DataFrame
        :data:`BACKGROUND_COLUMNS`, the largest cohort first. ``years`` are those of enrolment where
        they are reported, else ``published`` and the year; figures are text, empty where there is
        none.
    """
    rows = []
    for ref in references(registry):
        cohort, study = ref.cohort, ref.study
        if ref.role != "mixed" or (cohort.n or 0) < POPULATION or cohort.not_pooled is not None:
            continue
        figures = _population_figures(cohort)
        if any(figures):
            published = f"published {study.citation.year}" if study.citation.year else ""
            years = study.enrolment or published
            rows.append((study.id, ref.label, cohort.n, years, *figures))
    rows.sort(key=lambda row: -row[2])
    return pd.DataFrame(rows, columns=BACKGROUND_COLUMNS)


def _population_figures(cohort: Cohort) -> tuple[str, str]:
    """The reported median overall survival of a cohort, and its survival at one year."""
    endpoint = survival_endpoints()[0]
    medians = [
        own for own in cohort.survival if own.endpoint == endpoint and own.median is not None
    ]
    marks = [
        own
        for own in cohort.landmarks
        if own.endpoint == endpoint and round(in_months(own.time, own.unit)) == 12
    ]
    brief = (median_words(own, brief=True) for own in medians[:1])
    return "".join(brief), "".join(map(share_words, marks[:1]))


def background_finding(frame: pd.DataFrame) -> Finding:
    """Survival of all comers beside the reference."""
    return Finding(
        "All comers, as reported",
        (
            "Population registries, whatever the treatment, to hold the reference against. They "
            "share patients with each other and are never pooled.",
        ),
        (
            table_of(
                "Registries of all patients.",
                frame.itertuples(index=False),
                [
                    ("Report", "keep", lambda row: row.label),
                    ("Patients", "num", lambda row: f"{row.patients:,}"),
                    ("Years", "", lambda row: row.years),
                    (
                        "Median overall survival, months",
                        "num",
                        lambda row: row.median,
                    ),
                    ("Alive at one year", "num", lambda row: row.survival_12m),
                ],
            ),
        ),
    )
