"""The figures that are counted under a choice: from a registry to the observations of a model.

A rule that says which reports count acts before cohorts are chosen, so that what gave way to a
report that is left out is counted in its place. A rule that says which of their figures enter acts
behind it: the cohorts stay, unless nothing is left of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from studies import Registry
from studies.figures import (
    View,
    histology_groups,
    in_months,
    outcome_of,
    prints_survival,
    tells_histology,
)
from studies.registry import references
from studies.schema import NOT_REACHED, Cohort, Study, Subgroup
from studies.selection import CohortRef, Counted, OverlapIndex, overlap_pairs, rank, select
from synthesis.fits import class_order
from synthesis.model.observations import Arm, SurvivalData, survival_data

Overlap = Literal["declared", "latest", "largest", "all", "none"]
Figures = Literal[
    "all",
    "no_intervals",
    "no_landmarks_beside_medians",
    "early_landmarks",
    "medians_only",
    "no_comparisons",
]
Convention = Literal["untold", "plain", "log", "log-log"]

#: Designs planned ahead.
PROSPECTIVE = frozenset({"prospective_single_arm", "randomised"})

#: Months beyond which a landmark is late.
EARLY = 12.0


@dataclass(frozen=True)
class Counting:
    """Which figures count; the defaults are those of every report.

    Attributes
    ----------
    verified_only, use_read_as : bool
        As in :func:`studies.selection.select`.
    overlap : str
        Which of several reports on the same patients counts: by the declared order of precedence,
        the latest, the largest, all of them (patients are then counted twice), or none of them.
    prospective : bool
        Only reports whose design was planned ahead.
    without_histology : bool
        Without every counted cohort that tells its histology.
    without_class, without_study : str
        Identifiers; empty for none.
    figures : str
        Which of the printed figures of a cohort enter.
    convention : str
        The transformation behind intervals that do not tell it; ``"untold"``: learned.
    """

    verified_only: bool = False
    use_read_as: bool = True
    overlap: Overlap = "declared"
    prospective: bool = False
    without_histology: bool = False
    without_class: str = ""
    without_study: str = ""
    figures: Figures = "all"
    convention: Convention = "untold"


#: What every report counts.
EVERYTHING = Counting()


def observe(registry: Registry, endpoint: str, counting: Counting) -> SurvivalData:
    """Observations of one endpoint under a choice of what counts.

    Parameters
    ----------
    registry : Registry
    endpoint : {"os", "pfs"}
    counting : Counting

    Returns
    -------
    SurvivalData
        Without cohorts where nothing can be counted.
    """
    view = View(endpoint, counting.verified_only, counting.use_read_as)
    counted = [ref for ref in _counted(registry, view, counting) if _kept(ref, view, counting)]
    if counting.figures != "all":
        thinned = (_with_figures(ref, view.endpoint, counting.figures) for ref in counted)
        counted = [ref for ref in thinned if _says_something(ref, view)]
    data = survival_data(counted, view, class_order(registry), registry.vocabulary.selecting)
    if counting.convention == "untold":
        return data
    return replace(data, arms=tuple(_read_as(arm, counting.convention) for arm in data.arms))


# --- Which cohorts -------------------------------------------------------------------------------


def _counted(registry: Registry, view: View, counting: Counting) -> Sequence[CohortRef]:
    """Cohorts that are counted, reports left out before the choice between overlapping ones."""
    kept = {study.id: study for study in registry if _stays(study, counting)}
    if counting.overlap == "all":
        kept = {name: study.model_copy(update={"overlaps": ()}) for name, study in kept.items()}
    smaller = replace(
        registry,
        studies=kept,
        fingerprints={name: registry.fingerprints[name] for name in kept},
        files={name: registry.files[name] for name in kept},
    )
    chosen = select(
        smaller, view.endpoint, verified_only=view.verified_only, use_read_as=view.use_read_as
    )
    if counting.overlap in ("declared", "all"):
        return chosen.counted
    usable = {ref.id for ref in chosen.counted}
    usable |= {
        f"{own.study_id}:{own.cohort_id}" for own in chosen.left_out if own.kind == "overlap"
    }
    refs = [ref for ref in references(smaller) if ref.id in usable]
    if counting.overlap == "none":
        sharing = [{one.id, other.id} for one, other, _ in overlap_pairs(smaller)]
        shared = set().union(*(pair for pair in sharing if pair <= usable))
        return [ref for ref in refs if ref.id not in shared]
    return _first_counted(smaller, refs, view, counting.overlap)


def _stays(study: Study, counting: Counting) -> bool:
    if study.id == counting.without_study:
        return False
    return not counting.prospective or study.design in PROSPECTIVE


def _first_counted(
    registry: Registry, usable: Sequence[CohortRef], view: View, rule: Overlap
) -> list[CohortRef]:
    """Cohorts that share no patient, the latest or the largest first; then in declared order."""

    def order(ref: CohortRef) -> tuple[float, tuple[list[float], str]]:
        first = ref.study.citation.year if rule == "latest" else ref.cohort.n
        return -(first or 0), rank(ref, view)

    counted, kept = Counted(OverlapIndex(registry)), set()
    for ref in sorted(usable, key=order):
        if counted.first_against(ref) is None:
            counted.add(ref)
            kept.add(ref.id)
    return [ref for ref in usable if ref.id in kept]


def _kept(ref: CohortRef, view: View, counting: Counting) -> bool:
    if ref.treatment_class == counting.without_class:
        return False
    return not (counting.without_histology and tells_histology(ref, view))


# --- Which of their figures ----------------------------------------------------------------------


def _with_figures(ref: CohortRef, endpoint: str, figures: Figures) -> CohortRef:
    """The cohort with some of its printed figures only."""
    if figures == "no_comparisons":
        study = ref.study.model_copy(update={"comparisons": ()})
        return CohortRef(study, ref.cohort, ref.treatment_class, ref.role)
    groups = tuple(_thinned(group, endpoint, figures) for group in ref.cohort.subgroups)
    cohort = _thinned(ref.cohort, endpoint, figures).model_copy(update={"subgroups": groups})
    return CohortRef(ref.study, cohort, ref.treatment_class, ref.role)


def _thinned[Holder: (Cohort, Subgroup)](holder: Holder, endpoint: str, figures: Figures) -> Holder:
    return holder.model_copy(update=_THINNED[figures](holder, endpoint))


def _without_intervals(holder: Cohort | Subgroup, endpoint: str) -> Mapping[str, tuple]:
    no_interval = {"ci": None, "level": None, "ci_method": None}
    return {"survival": tuple(own.model_copy(update=no_interval) for own in holder.survival)}


def _without_landmarks(holder: Cohort | Subgroup, endpoint: str) -> Mapping[str, tuple]:
    """Without those of an endpoint whose median is printed."""
    outcome = outcome_of(holder, endpoint)
    if outcome is None or outcome.median in (None, NOT_REACHED):
        return {}
    return {"landmarks": tuple(mark for mark in holder.landmarks if mark.endpoint != endpoint)}


def _with_early_landmarks(holder: Cohort | Subgroup, endpoint: str) -> Mapping[str, tuple]:
    early = (mark for mark in holder.landmarks if in_months(mark.time, mark.unit) <= EARLY)
    return {"landmarks": tuple(early)}


def _with_medians(holder: Cohort | Subgroup, endpoint: str) -> Mapping[str, tuple]:
    return {**_without_intervals(holder, endpoint), "landmarks": ()}


#: What is left of the figures of a cohort or of a group of its patients.
_THINNED: Mapping[Figures, Callable[[Cohort | Subgroup, str], Mapping[str, tuple]]] = {
    "no_intervals": _without_intervals,
    "no_landmarks_beside_medians": _without_landmarks,
    "early_landmarks": _with_early_landmarks,
    "medians_only": _with_medians,
}


def _says_something(ref: CohortRef, view: View) -> bool:
    return prints_survival(ref.cohort, view, ref.study) or bool(histology_groups(ref, view))


def _read_as(arm: Arm, convention: Convention) -> Arm:
    """The arm with one reading of its interval, where the report does not tell which."""
    if arm.told or convention not in arm.methods:
        return arm
    at = arm.methods.index(convention)
    return replace(arm, chains=(arm.chains[at],), methods=(convention,), told=True)
