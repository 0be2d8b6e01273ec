"""Which cohorts count: those that the rules choose, and whose reported points can be read."""

from __future__ import annotations

from studies import Registry, figures, selection
from studies.figures import CohortRef, Readings, View
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
    counting = {"verified_only": verified_only, "use_read_as": use_read_as}
    counting |= {"use_formed": use_formed, "unreadable": _contradiction}
    return selection.select(registry, endpoint, **counting)


def _contradiction(ref: CohortRef, view: View) -> str | None:
    if view.endpoint == figures.RESPONSE or figures.listed_groups(ref.cohort, view, ref.study):
        return None  # patients who are all listed enter one by one, and no point of theirs
    keep = view.keep(ref.study)
    for arm in (ref.cohort, *figures.histology_groups(ref, view)):
        outcome = figures.outcome_of(arm, view.endpoint, keep)
        marks = figures.landmarks_of(arm, view.endpoint, keep)
        if (why := contradiction(outcome, marks, arm.n)) is not None:
            return f"Its reported points cannot lie on one curve: {why}."
    return None
