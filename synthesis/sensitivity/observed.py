"""The figures that are counted under a choice: from a registry to the observations of a model.

A rule that says which reports count acts before cohorts are chosen, so that what gave way to a
report that is left out is counted in its place. A rule that says which of their figures enter acts
behind it: the cohorts stay, unless nothing is left of them.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from studies.schema import NOT_REACHED, Cohort, Landmark, Study, Subgroup, SurvivalOutcome
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
    counted = [_with_figures(ref, view, counting.figures) for ref in counted]
    if counting.figures != "all":
        counted = [ref for ref in counted if _says_something(ref, view)]
    order = class_order(registry)
    data = survival_data(counted, view, order, registry.vocabulary.selecting)
    if counting.convention != "untold":
        arms = tuple(_read_as(arm, counting.convention) for arm in data.arms)
        data = replace(data, arms=arms)
    return data


# --- Which cohorts -------------------------------------------------------------------------------


def _counted(registry: Registry, view: View, counting: Counting) -> Sequence[CohortRef]:
    """Cohorts that are counted, reports left out before the choice between overlapping ones."""
    left = [study for study in registry if _stays(study, counting)]
    if counting.overlap == "all":
        left = [study.model_copy(update={"overlaps": ()}) for study in left]
    smaller = _only(registry, left)
    chosen = select(
        smaller,
        view.endpoint,
        verified_only=view.verified_only,
        use_read_as=view.use_read_as,
    )
    if counting.overlap in ("declared", "all"):
        return chosen.counted
    gave_way = {
        f"{item.study_id}:{item.cohort_id}" for item in chosen.left_out if item.kind == "overlap"
    }
    known = gave_way | {ref.id for ref in chosen.counted}
    usable = [ref for ref in references(smaller) if ref.id in known]
    if counting.overlap == "none":
        return _sharing_no_patient(smaller, usable)
    return _first_counted(smaller, usable, view, counting.overlap)


def _stays(study: Study, counting: Counting) -> bool:
    if study.id == counting.without_study:
        return False
    return not counting.prospective or study.design in PROSPECTIVE


def _only(registry: Registry, studies: Sequence[Study]) -> Registry:
    """The registry with some of its studies only."""
    kept = {study.id: study for study in studies}
    return replace(
        registry,
        studies=kept,
        fingerprints={name: registry.fingerprints[name] for name in kept},
        files={name: registry.files[name] for name in kept},
    )


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


def _sharing_no_patient(registry: Registry, usable: Sequence[CohortRef]) -> list[CohortRef]:
    """Cohorts that share no patient with any other that could be counted."""
    known = {ref.id for ref in usable}
    sharing = {
        ref.id
        for one, other, _ in overlap_pairs(registry)
        if {one.id, other.id} <= known
        for ref in (one, other)
    }
    return [ref for ref in usable if ref.id not in sharing]


def _kept(ref: CohortRef, view: View, counting: Counting) -> bool:
    if ref.treatment_class == counting.without_class:
        return False
    return not (counting.without_histology and tells_histology(ref, view))


# --- Which of their figures ----------------------------------------------------------------------


def _with_figures(ref: CohortRef, view: View, figures: Figures) -> CohortRef:
    """The cohort with some of its printed figures only."""
    if figures == "all":
        return ref
    if figures == "no_comparisons":
        return CohortRef(
            ref.study.model_copy(update={"comparisons": ()}),
            ref.cohort,
            ref.treatment_class,
            ref.role,
        )
    groups = tuple(_thinned(group, view.endpoint, figures) for group in ref.cohort.subgroups)
    cohort = _thinned(ref.cohort, view.endpoint, figures).model_copy(update={"subgroups": groups})
    return CohortRef(ref.study, cohort, ref.treatment_class, ref.role)


def _thinned[Holder: (Cohort, Subgroup)](holder: Holder, endpoint: str, figures: Figures) -> Holder:
    survival, landmarks = holder.survival, holder.landmarks
    if figures in ("no_intervals", "medians_only"):
        survival = tuple(_without_interval(outcome) for outcome in survival)
    if figures == "medians_only":
        landmarks = ()
    outcome = outcome_of(holder, endpoint)
    has_median = outcome is not None and outcome.median not in (None, NOT_REACHED)
    if figures == "no_landmarks_beside_medians" and has_median:
        landmarks = tuple(mark for mark in landmarks if mark.endpoint != endpoint)
    if figures == "early_landmarks":
        landmarks = tuple(mark for mark in landmarks if _is_early(mark))
    return holder.model_copy(update={"survival": survival, "landmarks": landmarks})


def _without_interval(outcome: SurvivalOutcome) -> SurvivalOutcome:
    return outcome.model_copy(update={"ci": None, "level": None, "ci_method": None})


def _is_early(mark: Landmark) -> bool:
    return in_months(mark.time, mark.unit) <= EARLY


def _says_something(ref: CohortRef, view: View) -> bool:
    return prints_survival(ref.cohort, view, ref.study) or bool(histology_groups(ref, view))


def _read_as(arm: Arm, convention: Convention) -> Arm:
    """The arm with one reading of its interval, where the report does not tell which."""
    if arm.told or convention not in arm.methods:
        return arm
    at = arm.methods.index(convention)
    return replace(arm, chains=(arm.chains[at],), methods=(convention,), told=True)
