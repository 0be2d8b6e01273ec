"""Which cohorts count: those that the rules choose, and whose reported points can be read."""

from __future__ import annotations

from studies import Registry, selection
from studies.figures import RESPONSE, CohortRef, View


def select(
    registry: Registry,
    endpoint: str,
    *,
    verified_only: bool = False,
    use_read_as: bool = False,
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
    if view.endpoint == RESPONSE:
        return None
    from synthesis.model.observations import contradiction  # scipy, for survival alone

    why = contradiction(ref, view)
    return None if why is None else f"Its reported points cannot lie on one curve: {why}."
