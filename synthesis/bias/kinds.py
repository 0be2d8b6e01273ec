"""Retrospective and prospective reports: which cohorts are which, and where both are found."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.fits import PooledSurvival
from synthesis.model.covariates import COVARIATES
from synthesis.tables import patients_of

RETROSPECTIVE, PROSPECTIVE, NOT_STATED = "retrospective", "prospective", "not stated"

#: Kinds of reports, in order of display.
KINDS = (RETROSPECTIVE, PROSPECTIVE, NOT_STATED)

KIND_COLUMNS = ("endpoint", "kind", "reports", "cohorts", "patients", "treatments")


def kind_of(covariates: Sequence[float]) -> str:
    """Kind of the report of a cohort with these covariates: one of :data:`KINDS`.

    Case series and registries count as retrospective, randomised trials as prospective.
    """
    value = covariates[COVARIATES.index("retrospective")] if covariates else 0.0
    if value == 0.0:
        return NOT_STATED
    return RETROSPECTIVE if value > 0.0 else PROSPECTIVE


def cohort_kinds(fit: PooledSurvival) -> tuple[str, ...]:
    """Kind of the report of each cohort of a fit."""
    known = fit.data.covariates or ((),) * len(fit.data.cohorts)
    return tuple(map(kind_of, known))


def kinds_table(fit: PooledSurvival) -> pd.DataFrame:
    """How many reports, cohorts, patients and treatments there are of each kind.

    Returns
    -------
    DataFrame
        :data:`KIND_COLUMNS`, a row each of :data:`KINDS`.
    """
    sizes, kinds = patients_of(fit), cohort_kinds(fit)
    rows = []
    for kind in KINDS:
        own = [ref for ref, found in zip(fit.data.cohorts, kinds, strict=True) if found == kind]
        rows.append(
            {
                "endpoint": fit.data.endpoint,
                "kind": kind,
                "reports": len({ref.study.id for ref in own}),
                "cohorts": len(own),
                "patients": sum(sizes[ref.id] for ref in own),
                "treatments": len({ref.treatment for ref in own}),
            }
        )
    return pd.DataFrame(rows, columns=list(KIND_COLUMNS))


def treatments_of_both_kinds(fit: PooledSurvival, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Labels of the treatments that retrospective and prospective reports gave.

    Without groups of patients who had different treatments: these are not alike between reports.
    """
    kinds: dict[str, set[str]] = {}
    for ref, kind in zip(fit.data.cohorts, cohort_kinds(fit), strict=True):
        if ref.role != "mixed":
            kinds.setdefault(ref.treatment, set()).add(kind)
    return tuple(
        vocabulary.treatment(name).label
        for name in fit.data.treatments
        if kinds.get(name, set()) >= {RETROSPECTIVE, PROSPECTIVE}
    )
