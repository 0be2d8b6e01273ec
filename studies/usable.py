"""Cohorts seen with one endpoint in mind: which of their printed figures can be used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from studies.figures import (
    Keep,
    figure_status,
    histology_of,
    landmarks_of,
    outcome_of,
    splits_histology,
    study_label,
)
from studies.registry import Registry
from studies.responders import ResponseCount, responders
from studies.schema import Cohort, Study, Subgroup
from studies.values import NOT_REACHED

RESPONSE = "response"


@dataclass(frozen=True)
class CohortRef:
    """A cohort with the study that it stands in.

    Attributes
    ----------
    study : Study
        The report.
    cohort : Cohort
        The arm.
    treatment_class : str
        Identifier of the class of its treatment.
    role : {"systemic", "supportive", "local", "mixed"}
        Role of that class.
    """

    study: Study
    cohort: Cohort
    treatment_class: str
    role: str

    @cached_property
    def id(self) -> str:
        """Identifier within the registry, ``study:cohort``."""
        return f"{self.study.id}:{self.cohort.id}"

    @cached_property
    def label(self) -> str:
        """How tables call the study: first author and year where they are known."""
        return study_label(self.study)

    @property
    def treatment(self) -> str:
        """Identifier of the treatment."""
        return self.cohort.treatment


@dataclass(frozen=True)
class View:
    """How the figures of one endpoint are looked at."""

    endpoint: str
    verified_only: bool
    use_read_as: bool

    def keep(self, study: Study) -> Keep:
        """Return which figures of a study may be used."""
        if not self.verified_only:
            return lambda figure: True
        return lambda figure: figure_status(figure, study) == "verified"

    def keeps_unmarked(self, study: Study) -> bool:
        """Return whether what has no mark of its own may be used: splits, single patients."""
        return not self.verified_only or study.status == "verified"


def references(registry: Registry) -> list[CohortRef]:
    """Return every cohort of a registry, in its order."""
    vocabulary = registry.vocabulary
    found = []
    for study in registry:
        for cohort in study.cohorts:
            group = vocabulary.treatment_class(vocabulary.treatment(cohort.treatment).class_)
            found.append(CohortRef(study, cohort, group.id, group.role))
    return found


def prints_survival(arm: Cohort | Subgroup, view: View, study: Study) -> bool:
    """Return whether an arm prints a median, a landmark, or patients whose times can be used."""
    keep = view.keep(study)
    outcome = outcome_of(arm, view.endpoint, keep)
    if landmarks_of(arm, view.endpoint, keep):
        return True
    if outcome is not None:
        return outcome.median != NOT_REACHED or outcome.follow_up is not None
    return isinstance(arm, Cohort) and _lists_patients(arm, view, study)


def _lists_patients(cohort: Cohort, view: View, study: Study) -> bool:
    """Return whether every listed time says how it ended."""
    listed = [p for p in cohort.patients if getattr(p, view.endpoint) is not None]
    if not view.keeps_unmarked(study):
        return False
    return bool(listed) and all(patient.event != "not stated" for patient in listed)


def histology_groups(ref: CohortRef, view: View) -> list[Subgroup]:
    """Return the pure and mixed subgroups with n and a figure; empty unless there are both."""
    groups: list[Subgroup] = []
    for group in ref.cohort.subgroups:
        if histology_of(group, use_read_as=view.use_read_as) is None or not group.n:
            continue
        if view.endpoint == RESPONSE:
            response, keep = group.response, view.keep(ref.study)
            if response is None or not keep(response):
                continue
            prints = isinstance(responders(response, group.n), ResponseCount)
        else:
            prints = prints_survival(group, view, ref.study)
        if prints:
            groups.append(group)
    both = {histology_of(group, use_read_as=view.use_read_as) for group in groups}
    return groups if both == {"pure", "mixed"} else []


def tells_histology(ref: CohortRef, view: View) -> bool:
    """Return whether the histology behind the outcomes of a cohort is known."""
    return (
        (view.keeps_unmarked(ref.study) and splits_histology(ref.cohort.histology))
        or histology_of(ref.cohort, use_read_as=view.use_read_as) is not None
        or bool(histology_groups(ref, view))
    )


def points(ref: CohortRef, view: View) -> int:
    """Return how many printed points of the endpoint enter a model."""
    if view.endpoint == RESPONSE:
        return 1
    whole = _points_of(ref.cohort, view, ref.study)
    return max(whole, sum(_points_of(g, view, ref.study) for g in histology_groups(ref, view)))


def _points_of(arm: Cohort | Subgroup, view: View, study: Study) -> int:
    keep = view.keep(study)
    points = len(landmarks_of(arm, view.endpoint, keep))
    outcome = outcome_of(arm, view.endpoint, keep)
    if outcome is not None:
        # A median that was not reached says something only with the time up to which it was not.
        points += outcome.median != NOT_REACHED or outcome.follow_up is not None
        points += sum(limit != NOT_REACHED for limit in outcome.ci or ())
    if points == 0 and isinstance(arm, Cohort):
        points = sum(getattr(patient, view.endpoint) is not None for patient in arm.patients)
    return points
