"""Which cohorts answer for an endpoint, and why each of the others does not.

Every cohort of the registry is either counted or left out for one stated reason; none is dropped in
silence. Patients who appear in more than one cohort count once, by a declared order of precedence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studies.figures import landmarks_of, outcome_of
from studies.overlap import OVERLAP_RULE, Counted, OverlapIndex, overlap_pairs, rank, why_first
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
from studies.vocabulary import UnknownWordError, Vocabulary

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
RESPONSE_WORDS = "tumour response"

Kind = Literal[
    "no_figure",
    "other_disease",
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
        unusable = _reason_against(ref, view, registry.vocabulary)
        if unusable is None:
            usable.append(ref)
        else:
            left_out[ref.id] = LeftOut(ref.study.id, ref.cohort.id, endpoint, *unusable)
    counted, kept = Counted(OverlapIndex(registry)), set()
    for ref in sorted(usable, key=lambda ref: rank(ref, view)):
        against = counted.first_against(ref)
        if against is None:
            counted.add(ref)
            kept.add(ref.id)
        else:
            first, why = against
            reason = f"{why} {why_first(first, ref, view)}"
            left_out[ref.id] = LeftOut(
                ref.study.id, ref.cohort.id, endpoint, "overlap", reason, first.id
            )
    return Selection(
        tuple(ref for ref in refs if ref.id in kept),
        tuple(left_out[ref.id] for ref in refs if ref.id in left_out),
    )


def _reason_against(ref: CohortRef, view: View, vocabulary: Vocabulary) -> tuple[Kind, str] | None:
    """Return the first rule that speaks against a cohort, in the declared order, or None."""
    cohort = ref.cohort
    if cohort.disease not in (None, vocabulary.main_disease):
        meaning = vocabulary.diseases[cohort.disease].rstrip(".")
        return "other_disease", (
            f"The patients did not all have {vocabulary.subject_words}: the disease is recorded "
            f'as "{cohort.disease}" ({meaning[:1].lower() + meaning[1:]}).'
        )
    if cohort.not_pooled is not None:
        return "not_pooled", _as_sentence(cohort.not_pooled)
    without = _no_usable_figure(ref, view, vocabulary)
    if without is not None:
        return without
    if cohort.n is None:
        return "no_n", _no_number(cohort)
    if ref.role in ("systemic", "supportive"):
        return None
    treatment = vocabulary.treatment(cohort.treatment).label
    if ref.role != "mixed":
        group = vocabulary.treatment_class(ref.treatment_class).label
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


def _no_usable_figure(
    ref: CohortRef, view: View, vocabulary: Vocabulary
) -> tuple[Kind, str] | None:
    """Return why a cohort prints nothing that can be used for the endpoint, or None."""
    everything = View(view.endpoint, False, view.use_read_as)
    name = RESPONSE_WORDS
    if view.endpoint != RESPONSE:
        name = vocabulary.endpoint(view.endpoint).label.lower()
    if view.endpoint == RESPONSE:
        against = _no_response(ref, view)
    elif prints_survival(ref.cohort, view, ref.study) or histology_groups(ref, view):
        return None
    else:
        against = _no_survival(ref, view, name)
    if against is None or not view.verified_only:
        return against
    if _no_usable_figure(ref, everything, vocabulary) is None:
        return "not_verified", (
            f"The figures of {name} were seen in another source only, not in the report itself."
        )
    return against


def _no_response(ref: CohortRef, view: View) -> tuple[Kind, str] | None:
    """Return why no number of responders can be used, or None."""
    response, keep = ref.cohort.response, view.keep(ref.study)
    if response is None or not keep(response):
        groups = [group for group in ref.cohort.subgroups if group.response is not None]
        if groups:
            return "subgroup_only", _only_in(groups, RESPONSE_WORDS)
        return "no_figure", f"The report prints no {RESPONSE_WORDS} of this cohort."
    count = responders(response, ref.cohort.n)
    if isinstance(count, ResponseRefused):
        return "response_not_a_count", count.reason
    return None


def _no_survival(ref: CohortRef, view: View, name: str) -> tuple[Kind, str]:
    """Return why no survival figure can be used of a cohort that has none."""
    cohort = ref.cohort
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
        return "subgroup_only", _only_in(groups, name)
    return "no_figure", f"The report prints neither a median nor a probability of {name}."


def _only_in(groups: list[Subgroup], name: str) -> str:
    factors = " and ".join(dict.fromkeys(group.factor for group in groups))
    return (
        f"The report prints {name} for groups by {factors} only: neither for the whole "
        "cohort nor for its pure and its mixed patients with their numbers."
    )
