"""Counted cohorts of one endpoint as observations of the model.

An *arm* is a group of patients with figures of its own: a whole cohort, or its pure and its mixed
patients where the report prints them apart (then they replace the whole).
:mod:`synthesis.model.arrays` puts them into the arrays of a compiled model.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from studies.figures import (
    View,
    histology_groups,
    histology_of,
    in_months,
    landmarks_of,
    outcome_of,
)
from studies.schema import NOT_REACHED, Cohort, Comparison, Landmark, Subgroup, SurvivalOutcome
from studies.selection import CohortRef
from synthesis.endpoints import endpoint_of
from synthesis.model.covariates import covariates
from synthesis.model.printed import Chain, ContradictionError
from synthesis.model.records import (
    ComparisonReading,
    find_comparison,
    median_months,
    mixed_share,
    read_arm,
)


@dataclass(frozen=True)
class Record:
    """What a report prints of one endpoint for one group of patients, and may be used.

    Attributes
    ----------
    holder : Cohort or Subgroup
        Where it stands in the report.
    histology : {"whole", "pure", "mixed"}
    outcome : SurvivalOutcome or None
        The printed median, be it "not reached".
    landmarks : tuple of Landmark
        Printed survival probabilities, in order of time.
    """

    holder: Cohort | Subgroup
    histology: str = "whole"
    outcome: SurvivalOutcome | None = None
    landmarks: tuple[Landmark, ...] = ()


@dataclass(frozen=True)
class CohortRecord:
    """What a report prints of a whole cohort and, where of both, of pure and mixed patients."""

    whole: Record
    groups: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Arm:
    """One group of patients with printed figures of its own.

    Attributes
    ----------
    cohort : int
        Index into :attr:`SurvivalData.cohorts`.
    histology : {"whole", "pure", "mixed"}
    n : int
    share : float or None
        Share of mixed histology; ``None`` where not printed.
    chains : tuple of Chain
        One for each reading of the interval.
    entered_as : str
        What entered the likelihood, in words.
    methods : tuple of str
        The transformation behind the interval that each chain takes.
    told : bool
        Whether the transformation is known, or no limit entered.
    record : Record or None
        The record it was read from; ``None`` where an arm was made from no report.
    """

    cohort: int
    histology: str
    n: int
    share: float | None
    chains: tuple[Chain, ...]
    entered_as: str
    methods: tuple[str, ...] = ()
    told: bool = True
    record: Record | None = None

    @property
    def holder(self) -> Cohort | Subgroup | None:
        """The cohort or the subgroup that prints the figures."""
        return self.record and self.record.holder

    @property
    def outcome(self) -> SurvivalOutcome | None:
        """The printed median, be it "not reached"; ``None`` where there is none."""
        return self.record and self.record.outcome

    @property
    def landmarks(self) -> tuple[Landmark, ...]:
        """Printed survival probabilities, in order of time."""
        return self.record.landmarks if self.record else ()


@dataclass(frozen=True)
class ListedPatient:
    """A patient with an individual time: index of the arm, months, died or progressed."""

    arm: int
    months: float
    event: bool


@dataclass(frozen=True)
class ArmComparison:
    """A printed comparison of two arms of one report.

    Attributes
    ----------
    first, second : int
        Indices of the arms; of histologies the mixed is the first.
    reading : ComparisonReading
        Log hazard ratio of the first against the second.
    log_median_ratio : float or None
        Of the printed medians; ``None`` where one of them is not printed.
    """

    first: int
    second: int
    reading: ComparisonReading
    log_median_ratio: float | None

    @property
    def printed(self) -> Comparison | None:
        """The record that was read."""
        return self.reading.printed


@dataclass(frozen=True)
class SurvivalData:
    """The observations of one endpoint.

    Attributes
    ----------
    endpoint : str
    classes, treatments, studies : tuple of str
        Identifiers, in order of display.
    treatment_class : tuple of int
        Class of each treatment.
    cohorts : tuple of CohortRef
    arms, patients, comparisons : tuples
    covariates : tuple of tuple of float
        Of each cohort, in the order of :data:`~synthesis.model.covariates.COVARIATES`.
    records : tuple of CohortRecord
        What the report of each cohort prints, whether it entered or not.
    verified_only, use_read_as : bool
        Which printed figures were looked at; see :attr:`view`.
    """

    endpoint: str
    classes: tuple[str, ...]
    treatments: tuple[str, ...]
    studies: tuple[str, ...]
    treatment_class: tuple[int, ...]
    cohorts: tuple[CohortRef, ...]
    arms: tuple[Arm, ...]
    patients: tuple[ListedPatient, ...]
    comparisons: tuple[ArmComparison, ...]
    verified_only: bool = False
    use_read_as: bool = True
    covariates: tuple[tuple[float, ...], ...] = ()
    records: tuple[CohortRecord, ...] = ()

    @property
    def view(self) -> View:
        """How the printed figures were looked at: whatever shows one must look the same way."""
        return View(self.endpoint, self.verified_only, self.use_read_as)

    @property
    def tells_histology(self) -> bool:
        """Whether the share of mixed histology is printed of any arm."""
        return any(arm.share is not None for arm in self.arms)

    def at_share(self, share: float) -> SurvivalData:
        """The same observations, every arm with this share of mixed histology (0 to 1)."""
        return replace(self, arms=tuple(replace(arm, share=share) for arm in self.arms))


class UnusableCohortError(ValueError):
    """A counted cohort whose printed figures contradict each other; names cohort and figures."""


def survival_data(
    counted: Sequence[CohortRef],
    view: View,
    class_order: Sequence[str],
    mutation_required: Collection[str] = (),
) -> SurvivalData:
    """Translate counted cohorts into the observations of one endpoint.

    Parameters
    ----------
    counted : sequence of CohortRef
        From :func:`studies.selection.select`, with the same view.
    view : View
    class_order : sequence of str
        Class identifiers in order of display.
    mutation_required : collection of str
        Treatments that are given to mutated tumours only.

    Raises
    ------
    UnusableCohortError
        If printed figures of one arm contradict each other.
    """
    records = tuple(_cohort_record(ref, view) for ref in counted)
    arms: list[Arm] = []
    patients: list[ListedPatient] = []
    comparisons: list[ArmComparison] = []
    for index, (ref, record) in enumerate(zip(counted, records, strict=True)):
        start = len(arms)
        try:
            arms += _arms_of(index, ref, view, record)
        except ContradictionError as error:
            raise UnusableCohortError(f"{ref.id}, {view.endpoint}: {error}") from None
        if not arms[start].chains:
            times = _listed(ref.cohort, view.endpoint)
            patients += [ListedPatient(start, time, event) for time, event in times]
        comparisons += _compare_histologies(ref, view, record, arms[start:], start)
    comparisons += _compare_cohorts(counted, view, arms)
    for comparison in comparisons:
        at = min(comparison.first, comparison.second)
        words = arms[at].entered_as + "; " + comparison.reading.entered_as
        arms[at] = replace(arms[at], entered_as=words)
    classes, treatments, treatment_class = order_treatments(counted, class_order)
    return SurvivalData(
        endpoint=view.endpoint,
        classes=classes,
        treatments=treatments,
        studies=tuple(sorted({ref.study.id for ref in counted})),
        treatment_class=treatment_class,
        cohorts=tuple(counted),
        arms=tuple(arms),
        patients=tuple(patients),
        comparisons=tuple(comparisons),
        verified_only=view.verified_only,
        use_read_as=view.use_read_as,
        covariates=tuple(
            covariates(ref, mutation_required, use_unmarked=view.keeps_unmarked(ref.study))
            for ref in counted
        ),
        records=records,
    )


def order_treatments(
    counted: Sequence[CohortRef], class_order: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """Classes and treatments that have cohorts, in order, and the class of each treatment."""
    present = {ref.treatment_class for ref in counted}
    classes = tuple(name for name in class_order if name in present)
    class_of = {ref.treatment: classes.index(ref.treatment_class) for ref in counted}
    ordered = sorted(class_of.items(), key=lambda pair: pair[::-1])
    return classes, tuple(t for t, _ in ordered), tuple(c for _, c in ordered)


def _cohort_record(ref: CohortRef, view: View) -> CohortRecord:
    keep = view.keep(ref.study)

    def record(holder: Cohort | Subgroup, histology: str) -> Record:
        outcome = outcome_of(holder, view.endpoint, keep)
        return Record(holder, histology, outcome, landmarks_of(holder, view.endpoint, keep))

    groups = histology_groups(ref, view)
    histologies = [histology_of(group, use_read_as=view.use_read_as) for group in groups]
    return CohortRecord(record(ref.cohort, "whole"), tuple(map(record, groups, histologies)))


def _arms_of(index: int, ref: CohortRef, view: View, record: CohortRecord) -> list[Arm]:
    """Pure and mixed patients where they partition the cohort, else the whole, else the listed."""
    groups = [_arm(index, group, float(group.histology == "mixed")) for group in record.groups]
    share = _share(ref, view)
    whole = _arm(index, record.whole, share)
    if groups and (whole is None or sum(arm.n for arm in groups) == ref.cohort.n):
        return groups
    if whole is not None:
        return [whole]
    listed = len(_listed(ref.cohort, view.endpoint))
    words = f"{listed} listed patients"
    return [Arm(index, "whole", listed, share, (), words, record=record.whole)]


def _share(ref: CohortRef, view: View) -> float | None:
    """Share of mixed histology of a whole cohort, where what says so may be used."""
    declared = histology_of(ref.cohort, use_read_as=view.use_read_as)
    if declared is None and not view.keeps_unmarked(ref.study):
        return None
    return mixed_share(ref.cohort, use_read_as=view.use_read_as)


def _arm(cohort: int, record: Record, share: float | None) -> Arm | None:
    n = record.holder.n
    read = read_arm(record.outcome, record.landmarks, n)
    return None if read is None else Arm(cohort, record.histology, n, share, *read, record)


def _listed(cohort: Cohort, endpoint: str) -> list[tuple[float, bool]]:
    """Months and whether the event happened, of every patient whose time is listed."""
    events = endpoint_of(endpoint).events
    return [
        (in_months(getattr(patient, endpoint), patient.unit), patient.event in events)
        for patient in cohort.patients
        if getattr(patient, endpoint) is not None
    ]


@dataclass(frozen=True)
class _Side:
    """One of two compared groups: the index of its arm, the arm, its names."""

    index: int
    arm: Arm
    names: set[str]


def _compare_histologies(
    ref: CohortRef, view: View, record: CohortRecord, arms: Sequence[Arm], start: int
) -> list[ArmComparison]:
    """The printed p value or hazard ratio between the mixed and the pure arm of one cohort."""
    sides = {}
    for index, arm in enumerate(arms, start):
        groups = [group.holder for group in record.groups if group.histology == arm.histology]
        words = {word for group in groups for word in (group.level, group.label) if word}
        sides[arm.histology] = _Side(index, arm, {arm.histology} | words)
    if not {"pure", "mixed"} <= set(sides):
        return []
    return _compare(ref, view, sides["mixed"], sides["pure"])


def _compare_cohorts(
    counted: Sequence[CohortRef], view: View, arms: Sequence[Arm]
) -> list[ArmComparison]:
    """The printed comparisons between two whole cohorts of one report."""
    sides = []
    for index, arm in enumerate(arms):
        if arm.histology == "whole":
            own = counted[arm.cohort].cohort
            sides.append(_Side(index, arm, {own.id, own.treatment, own.treatment_as_printed}))
    comparisons = []
    for one, other in combinations(sides, 2):
        ref = counted[one.arm.cohort]
        if ref.study.id == counted[other.arm.cohort].study.id:
            comparisons += _compare(ref, view, one, other)
    return comparisons


def _compare(ref: CohortRef, view: View, first: _Side, second: _Side) -> list[ArmComparison]:
    outcomes = [side.arm.outcome for side in (first, second)]
    medians = [
        median_months(outcome)
        for outcome in outcomes
        if outcome is not None and outcome.median not in (None, NOT_REACHED)
    ]
    ratio = float(np.log(medians[0] / medians[1])) if len(medians) == 2 else None
    read = find_comparison(
        filter(view.keep(ref.study), ref.study.comparisons),
        view.endpoint,
        first.names,
        second.names,
        (first.arm.n, second.arm.n),
        None if ratio is None else ratio > 0.0,
        tuple(None if outcome is None else outcome.events for outcome in outcomes),
    )
    return [] if read is None else [ArmComparison(first.index, second.index, read, ratio)]
