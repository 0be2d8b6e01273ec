"""Cohorts that share patients, and which of them goes before the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

from studies.registry import Registry
from studies.schema import Cohort, Study
from studies.usable import CohortRef, View, histology_groups, points, references


@dataclass(frozen=True)
class _Precedence:
    """One criterion of the order in which overlapping cohorts are counted."""

    rule: str
    because: str
    value: Callable[[CohortRef, View], float]


_ORDER = (
    _Precedence(
        "A cohort of one treatment or one class goes before a cohort of mixed treatments.",
        "its patients had one treatment, not mixed ones",
        lambda ref, view: ref.role != "mixed",
    ),
    _Precedence(
        "Then a cohort whose outcomes are printed by histology, pure and mixed.",
        "it tells outcomes by histology",
        lambda ref, view: bool(histology_groups(ref, view)),
    ),
    _Precedence(
        "Then the cohort with the most printed points of this endpoint: the median, each limit of "
        "its interval that is reached, each survival probability; a response counts one.",
        "it prints more of this endpoint",
        lambda ref, view: points(ref, view),
    ),
    _Precedence(
        "Then the latest report.",
        "it is the later report",
        lambda ref, view: ref.study.citation.year or 0,
    ),
    _Precedence(
        "Then the largest cohort.",
        "it has more patients",
        lambda ref, view: ref.cohort.n or 0,
    ),
)
_LAST_RULE = "Then the first by name, so that the choice never depends on chance."
OVERLAP_RULE: tuple[str, ...] = (*(criterion.rule for criterion in _ORDER), _LAST_RULE)


def overlap_pairs(registry: Registry) -> tuple[tuple[CohortRef, CohortRef, str], ...]:
    """Return every two cohorts of a registry that share patients.

    Parameters
    ----------
    registry : Registry
        The registry.

    Returns
    -------
    tuple of (CohortRef, CohortRef, str)
        The two cohorts, and a sentence that says why they share patients.
    """
    pairs = combinations(references(registry), 2)
    reasons = ((one, other, shared(one, other)) for one, other in pairs)
    return tuple((one, other, why) for one, other, why in reasons if why)


def shared(one: CohortRef, other: CohortRef) -> str:
    """Return why two cohorts share patients, as a sentence on the first; empty where they do not.

    Parameters
    ----------
    one, other : CohortRef
        Two cohorts of one registry.

    Returns
    -------
    str
        The sentence. Cohorts of one report share patients when one is declared part of the other;
        cohorts of two reports that declare an overlap, when a declared pair names them, or, where
        no pairs are declared, when they have one treatment, one class, or either has mixed
        treatments.
    """
    if one.study.id == other.study.id:
        for part, whole in ((one, other), (other, one)):
            if _is_part_of(part.cohort, whole.cohort, part.study):
                return (
                    f"The patients of {part.cohort.id} are counted in {whole.cohort.id} of the "
                    "same report too."
                )
        return ""
    declared = [
        (overlap, own, second)
        for own, second in ((one, other), (other, one))
        for overlap in own.study.overlaps
        if overlap.with_ == second.study.id
    ]
    with_pairs = [item for item in declared if item[0].pairs]
    if with_pairs:
        declared = [
            (overlap, own, second)
            for overlap, own, second in with_pairs
            if (own.cohort.id, second.cohort.id) in overlap.pairs
        ]
    elif not _alike(one, other):
        return ""
    if not declared:
        return ""
    reason = declared[0][0].reason.rstrip(".")
    return f"Shares patients with {other.label} ({other.id}): {reason}."


def _alike(one: CohortRef, other: CohortRef) -> bool:
    """Return whether two cohorts of overlapping reports are taken to share patients by default."""
    return (
        one.treatment == other.treatment
        or one.treatment_class == other.treatment_class
        or "mixed" in (one.role, other.role)
    )


def _is_part_of(part: Cohort, whole: Cohort, study: Study) -> bool:
    """Return whether a cohort is part of another of the same report, directly or by a chain."""
    by_id: Mapping[str, Cohort] = {cohort.id: cohort for cohort in study.cohorts}
    here = part
    for _ in study.cohorts:
        if here.part_of is None:
            return False
        if here.part_of == whole.id:
            return True
        here = by_id[here.part_of]
    return False


def rank(ref: CohortRef, view: View) -> tuple[list[float], str]:
    """Return the sorting key of `OVERLAP_RULE`: the cohort that is counted first comes first."""
    return [-criterion.value(ref, view) for criterion in _ORDER], ref.id


def why_first(first: CohortRef, second: CohortRef, view: View) -> str:
    """Return by which criterion the first cohort goes before the second."""
    who = first.id if first.study.id == second.study.id else first.label
    for criterion in _ORDER:
        if criterion.value(first, view) != criterion.value(second, view):
            return f"{who} is counted instead, because {criterion.because}."
    return f"{who} is counted instead, as the first by name of two that are alike."
