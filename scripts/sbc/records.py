"""What reports print, as the records of a registry, and what a model reads of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from studies.figures import CohortRef, View
from studies.schema import Study
from synthesis.model.observations import SurvivalData, survival_data


def report(name: str, *cohorts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Record of a report."""
    citation = {"authors": ["Simulated"], "year": 2021}
    head = {"id": name, "status": "verified", "citation": citation, "cohorts": list(cohorts)}
    return head | more


def cohort(name: str, treatment: str, n: int, **more: Any) -> dict[str, Any]:
    """Record of a cohort."""
    own = {"id": name, "treatment": treatment, "treatment_as_printed": treatment, "n": n}
    return own | more


def group(histology: str, n: int, median: Any) -> dict[str, Any]:
    """Record of the pure or the mixed patients of a cohort, with their median survival."""
    own = {"factor": "histology", "level": histology, "histology": histology, "n": n}
    return own | {"survival": [outcome(median)]}


def outcome(median: Any, **more: Any) -> dict[str, Any]:
    """Record of a median survival in months."""
    return {"endpoint": "os", "median": median, "unit": "months"} | more


def landmark(time: Any, survival: Any, **more: Any) -> dict[str, Any]:
    """Record of survival after so many months."""
    return {"endpoint": "os", "time": time, "unit": "months", "survival": survival} | more


def cohorts_of(reports: Iterable[dict[str, Any]], classes: Mapping[str, str]) -> list[CohortRef]:
    """Every cohort of these reports, with the class of its treatment."""
    studies = [Study.model_validate(report) for report in reports]
    return [
        CohortRef(study, own, classes[own.treatment], "systemic")
        for study in studies
        for own in study.cohorts
    ]


def arranged(reports: Iterable[dict[str, Any]], classes: Mapping[str, str]) -> SurvivalData:
    """What these reports enter the model of survival with."""
    view = View("os", verified_only=False, use_read_as=True)
    return survival_data(cohorts_of(reports, classes), view, sorted(set(classes.values())))
