"""Which cohorts count: those that the rules choose, and whose reported points can be read."""

from __future__ import annotations

from studies import Registry, selection
from studies.figures import (
    RESPONSE,
    CohortRef,
    Readings,
    View,
    histology_groups,
    landmarks_of,
    listed_groups,
    outcome_of,
)
from synthesis.model.records import contradiction


def select(
    registry: Registry,
    endpoint: str,
    *,
    verified_only: bool = False,
    use_read_as: Readings = False,
    use_formed: bool = False,
) -> selection.Selection:
    """Choose as :func:`studies.selection.select`, whose parameters and errors these are.

    A cohort whose points cannot lie on one curve is left out, with the kind ``contradiction``.
    """
    return selection.select(
        registry,
        endpoint,
        verified_only=verified_only,
        use_read_as=use_read_as,
        use_formed=use_formed,
        unreadable=_contradiction,
    )


def _contradiction(ref: CohortRef, view: View) -> str | None:
    if view.endpoint == RESPONSE or listed_groups(ref.cohort, view, ref.study):
        return None  # patients who are all listed enter one by one, and no point of theirs
    keep = view.keep(ref.study)
    for arm in (ref.cohort, *histology_groups(ref, view)):
        marks = landmarks_of(arm, view.endpoint, keep)
        why = contradiction(outcome_of(arm, view.endpoint, keep), marks, arm.n)
        if why is not None:
            return f"Its reported points cannot lie on one curve: {why}."
    return None
