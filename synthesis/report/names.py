"""What a reader calls a study and a cohort."""

from __future__ import annotations

from collections import Counter

from studies import Registry
from studies.figures import study_label

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def study_names(registry: Registry) -> dict[str, str]:
    """Identifier of a report -> a name no other has: "Pennell 2008", "Iyer 2018b".

    Reports that were left out when they were screened have names, too.
    """
    every = {study.id: study_label(study) for study in (*registry, *registry.excluded)}
    times, seen = Counter(every.values()), Counter[str]()
    named = {}
    for own, name in every.items():
        letter = _LETTERS[seen[name] % len(_LETTERS)]
        named[own] = f"{name}{letter}" if times[name] > 1 else name
        seen[name] += 1
    return named


def cohort_names(registry: Registry) -> dict[str, str]:
    """Identifier of a cohort -> its study, and its own name where the study has several."""
    names = study_names(registry)
    return {
        f"{study.id}:{cohort.id}": names[study.id]
        if len(study.cohorts) == 1
        else f"{names[study.id]}, {cohort.id.replace('_', ' ')}"
        for study in registry
        for cohort in study.cohorts
    }
