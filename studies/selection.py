"""Which cohorts answer for an endpoint, and why each of the others does not.

Every cohort of the registry is either counted or left out for one stated reason; none is dropped in
silence. Patients who appear in more than one cohort count once, by a declared order of precedence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studies.figures import landmarks_of, outcome_of
from studies.overlap import OVERLAP_RULE, overlap_pairs, rank, shared, why_first
from studies.problems import closest
from studies.registry import Registry
from studies.responders import ResponseCount, ResponseRefused, responders
from studies.schema import Cohort, Subgroup
from studies.usable import (
    RESPONSE,
    CohortRef,
    View,
    histology_groups,
    prints_survival,
    references,
    tells_histology,
)
from studies.vocabulary import UnknownWordError

__all__ = [
    "ENDPOINTS",
    "OVERLAP_RULE",
    "CohortRef",
    "LeftOut",
    "ResponseCount",
    "ResponseRefused",
    "Selection",
    "overlap_pairs",
    "responders",
    "select",
]

ENDPOINTS = ("os", "pfs", RESPONSE)

Kind = Literal[
    "no_figure",
    "not_atc",
    "not_pooled",
    "no_n",
    "not_one_treatment",
    "overlap",
    "subgroup_only",
    "response_not_a_count",
    "not_verified",
    "event_status",
]


@dataclass(frozen=True)
class LeftOut:
    """A cohort that is not counted.

    Attributes
    ----------
    study_id, cohort_id, endpoint : str
        Which cohort, for which endpoint.
    kind : str
        The rule that left it out.
    reason : str
        Why, a full sentence.
    gave_way_to : str or None
        For an overlap: the counted cohort, ``study:cohort``.
    """

    study_id: str
    cohort_id: str
    endpoint: str
    kind: Kind
    reason: str
    gave_way_to: str | None = None


@dataclass(frozen=True)
class Selection:
    """What is counted for one endpoint and what is not, each in the order of the registry.

    Attributes
    ----------
    counted : tuple of CohortRef
        Cohorts that share no patient.
    left_out : tuple of LeftOut
        All others, each with its reason.
    """

    counted: tuple[CohortRef, ...]
    left_out: tuple[LeftOut, ...]


def select(
    registry: Registry, endpoint: str, *, verified_only: bool = False, use_read_as: bool = True
) -> Selection:
    """Choose the cohorts that answer for an endpoint.

    Parameters
    ----------
    registry : Registry
        The registry.
    endpoint : {"os", "pfs", "response"}
        The endpoint.
    verified_only : bool
        Use only figures that were seen in the report itself.
    use_read_as : bool
        Whether declared readings of a report's own groups as pure or mixed count as histology.

    Returns
    -------
    Selection
        Counted cohorts, and every other cohort with the reason against it.

    Raises
    ------
    UnknownWordError
        For an endpoint that cannot be pooled.
    """
    if endpoint not in ENDPOINTS:
        raise UnknownWordError("endpoint", endpoint, closest(endpoint, ENDPOINTS))
    view = View(endpoint, verified_only, use_read_as)
    refs = references(registry)
    left_out: dict[str, LeftOut] = {}
    usable: list[CohortRef] = []
    for ref in refs:
        against = _reason_against(ref, view, registry)
        if against is None:
            usable.append(ref)
        else:
            left_out[ref.id] = LeftOut(ref.study.id, ref.cohort.id, endpoint, *against)
    counted: list[CohortRef] = []
    for ref in sorted(usable, key=lambda ref: rank(ref, view)):
        first = next((other for other in counted if shared(ref, other)), None)
        if first is None:
            counted.append(ref)
        else:
            reason = f"{shared(ref, first)} {why_first(first, ref, view)}"
            left_out[ref.id] = LeftOut(
                ref.study.id, ref.cohort.id, endpoint, "overlap", reason, first.id
            )
    kept = {ref.id for ref in counted}
    return Selection(
        tuple(ref for ref in refs if ref.id in kept),
        tuple(left_out[ref.id] for ref in refs if ref.id in left_out),
    )


def _reason_against(ref: CohortRef, view: View, registry: Registry) -> tuple[Kind, str] | None:
    """Return the first rule that speaks against a cohort, in the declared order, or None."""
    cohort = ref.cohort
    if cohort.disease != "ATC":
        meaning = registry.vocabulary.diseases[cohort.disease].rstrip(".")
        return "not_atc", (
            f"The patients did not all have anaplastic thyroid cancer: the disease is recorded as "
            f'"{cohort.disease}" ({meaning[:1].lower() + meaning[1:]}).'
        )
    if cohort.not_pooled is not None:
        return "not_pooled", _as_sentence(cohort.not_pooled)
    without = _no_usable_figure(ref, view)
    if without is not None:
        return without
    if cohort.n is None:
        return "no_n", _no_number(cohort)
    if ref.role in ("systemic", "supportive"):
        return None
    treatment = registry.vocabulary.treatment(cohort.treatment).label
    if ref.role != "mixed":
        group = registry.vocabulary.treatment_class(ref.treatment_class).label
        return "not_one_treatment", (
            f"The treatment is local ({treatment}, class {group}), neither systemic nor supportive."
        )
    if tells_histology(ref, view):
        return None
    return "not_one_treatment", (
        f"The patients had different treatments ({treatment}), and the report does not tell their "
        "histology."
    )


def _as_sentence(text: str) -> str:
    """Return a declared reason as a full sentence."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _no_number(cohort: Cohort) -> str:
    if cohort.n_implied is None:
        return "The number of patients is not printed."
    return (
        f"The number of patients is not printed; {cohort.n_implied.value} follows from other "
        f"figures ({cohort.n_implied.derivation.rstrip('.')})."
    )


def _no_usable_figure(ref: CohortRef, view: View) -> tuple[Kind, str] | None:
    """Return why a cohort prints nothing that can be used for the endpoint, or None."""
    everything = View(view.endpoint, False, view.use_read_as)
    if view.endpoint == RESPONSE:
        against = _no_response(ref, view)
    elif prints_survival(ref.cohort, view, ref.study) or histology_groups(ref, view):
        return None
    else:
        against = _no_survival(ref, view)
    if against is None or not view.verified_only:
        return against
    if _no_usable_figure(ref, everything) is None:
        return "not_verified", (
            f"The figures of {_name(view.endpoint)} were seen in another source only, not in the "
            "report itself."
        )
    return against


def _no_response(ref: CohortRef, view: View) -> tuple[Kind, str] | None:
    """Return why no number of responders can be used, or None."""
    response, keep = ref.cohort.response, view.keep(ref.study)
    if response is None or not keep(response):
        groups = [group for group in ref.cohort.subgroups if group.response is not None]
        if groups:
            return "subgroup_only", _only_in(groups, view.endpoint)
        return "no_figure", "The report prints no tumour response of this cohort."
    count = responders(response, ref.cohort.n)
    if isinstance(count, ResponseRefused):
        return "response_not_a_count", count.reason
    return None


def _no_survival(ref: CohortRef, view: View) -> tuple[Kind, str]:
    """Return why no survival figure can be used of a cohort that has none."""
    cohort, name = ref.cohort, _name(view.endpoint)
    if any(getattr(patient, view.endpoint) is not None for patient in cohort.patients):
        return "event_status", (
            f"The report lists {name} of single patients, but not for each whether the time ended "
            "with an event or was cut off."
        )
    if outcome_of(cohort, view.endpoint, view.keep(ref.study)) is not None:
        return "no_figure", (
            f"The median {name} was not reached, and neither a survival probability nor a "
            "follow-up is printed."
        )
    groups = [
        group
        for group in cohort.subgroups
        if outcome_of(group, view.endpoint) or landmarks_of(group, view.endpoint)
    ]
    if groups:
        return "subgroup_only", _only_in(groups, view.endpoint)
    return "no_figure", f"The report prints neither a median nor a probability of {name}."


def _only_in(groups: list[Subgroup], endpoint: str) -> str:
    factors = " and ".join(dict.fromkeys(group.factor for group in groups))
    return (
        f"The report prints {_name(endpoint)} for groups by {factors} only: neither for the whole "
        "cohort nor for its pure and its mixed patients with their numbers."
    )


def _name(endpoint: str) -> str:
    names = {"os": "overall survival", "pfs": "progression-free survival"}
    return names.get(endpoint, "tumour response")
