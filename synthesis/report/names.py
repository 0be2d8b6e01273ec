"""What a reader calls a study and a cohort."""

from __future__ import annotations

from studies import Registry


def cohort_names(registry: Registry) -> dict[str, str]:
    """Identifier of a cohort -> its study, and its own name where the study has several."""
    names = registry.labels
    return {
        f"{study.id}:{cohort.id}": names[study.id]
        if len(study.cohorts) == 1
        else f"{names[study.id]}, {cohort.id.replace('_', ' ')}"
        for study in registry
        for cohort in study.cohorts
    }
