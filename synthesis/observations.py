"""Counted cohorts of one endpoint as the arrays of the model.

An *arm* is a group of patients with figures of its own: a whole cohort, or its pure and its mixed
patients where the report prints them apart (then they replace the whole). Sizes may be larger
than the data: a compiled model keeps room, and what is not used carries no weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from studies.figures import Keep, histology_of, in_months, landmarks_of, outcome_of
from studies.schema import Cohort, Comparison, Subgroup
from studies.selection import CohortRef
from studies.usable import View, histology_groups
from studies.values import NOT_REACHED
from synthesis.printed_curve import Chain, ContradictionError
from synthesis.ranks import METHODS
from synthesis.reading import ComparisonReading, mixed_share, read_arm, read_comparison

_NO_WEIGHT = -1e6  # log weight of a convention that an arm does not have


@dataclass(frozen=True)
class Arm:
    """One group of patients with printed figures of its own.

    Attributes
    ----------
    cohort : int
        Index into :attr:`SurvivalData.cohorts`.
    histology : str
        ``"whole"``, ``"pure"`` or ``"mixed"``.
    n : int
    share : float or None
        Share of mixed histology; ``None`` where not printed.
    chains : tuple of Chain
        One for each reading of the interval.
    entered_as : str
        What entered the likelihood, in words.
    """

    cohort: int
    histology: str
    n: int
    share: float | None
    chains: tuple[Chain, ...]
    entered_as: str


@dataclass(frozen=True)
class ListedPatient:
    """A patient with an individual time: index of the arm, months, died or progressed."""

    arm: int
    months: float
    event: bool


@dataclass(frozen=True)
class HistologyComparison:
    """A printed comparison of two arms of one cohort."""

    mixed: int
    pure: int
    reading: ComparisonReading
    log_median_ratio: float
    printed: Comparison | None = None


@dataclass(frozen=True)
class Sizes(Mapping[str, int]):
    """Room in a compiled model, by dimension name."""

    room: tuple[tuple[str, int], ...]

    def __getitem__(self, name: str) -> int:
        return dict(self.room)[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.room)

    def __len__(self) -> int:
        return len(self.room)


# Room is made in steps, so that a study more or less finds the same compiled model.
_STEP = {
    "class": 4,
    "treatment": 8,
    "study": 16,
    "cohort": 16,
    "arm": 16,
    "point": 32,
    "patient": 8,
    "comparison": 4,
}


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
    comparisons: tuple[HistologyComparison, ...]
    verified_only: bool = False
    use_read_as: bool = True

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

    def counts(self) -> dict[str, int]:
        """Number of entries along each dimension of the model."""
        points = [arm.chains[0].time.size for arm in self.arms if arm.chains]
        return {
            "class": len(self.classes),
            "treatment": len(self.treatments),
            "study": len(self.studies),
            "cohort": len(self.cohorts),
            "arm": len(self.arms),
            "point": sum(points),
            "patient": len(self.patients),
            "comparison": len(self.comparisons),
        }

    @staticmethod
    def dims() -> dict[str, tuple[str, ...]]:
        """Dimensions of each array of :meth:`padded`."""
        dims = {name: ("arm",) for name in ("share", "share_known")}
        dims |= {f"arm_{name}": ("arm",) for name in ("class", "treatment", "study", "cohort")}
        dims["cohort_treatment"] = ("cohort",)
        dims |= {name: ("point",) for name in ("point_arm", "log_time", "density")}
        dims |= {name: ("convention", "point") for name in ("cell", "beyond")}
        dims["log_weight"] = ("convention", "arm")
        for name in ("arm", "log_time", "event", "weight"):
            dims[f"patient_{name}"] = ("patient",)
        for name in ("mixed", "pure", "estimate", "variance", "medians", "weight"):
            dims[f"comparison_{name}"] = ("comparison",)
        return dims

    def padded(self, sizes: Sizes) -> dict[str, np.ndarray]:
        """All arrays at the sizes of a compiled model; padding carries zero exponents."""
        arrays = {
            name: np.zeros([sizes[d] for d in dimensions], "int64" if name in _INDICES else float)
            for name, dimensions in self.dims().items()
        }
        arrays["point_arm"] -= 1
        arrays["log_weight"][1:] = _NO_WEIGHT
        arrays["comparison_variance"] += 1.0
        self._fill_arms(arrays)
        start = 0
        for i, arm in enumerate(self.arms):
            start = _fill_chains(arrays, i, arm.chains, start)
        for i, patient in enumerate(self.patients):
            arrays["patient_arm"][i] = patient.arm
            arrays["patient_log_time"][i] = np.log(max(patient.months, 1e-3))
            arrays["patient_event"][i] = float(patient.event)
            arrays["patient_weight"][i] = 1.0
        for i, item in enumerate(self.comparisons):
            arrays["comparison_mixed"][i] = item.mixed
            arrays["comparison_pure"][i] = item.pure
            arrays["comparison_estimate"][i] = item.reading.estimate
            arrays["comparison_variance"][i] = item.reading.variance
            arrays["comparison_medians"][i] = item.log_median_ratio
            arrays["comparison_weight"][i] = 1.0
        return arrays

    def _fill_arms(self, arrays: dict[str, np.ndarray]) -> None:
        study = {name: i for i, name in enumerate(self.studies)}
        treatment = {name: i for i, name in enumerate(self.treatments)}
        for i, arm in enumerate(self.arms):
            ref = self.cohorts[arm.cohort]
            arrays["share_known"][i] = float(arm.share is not None)
            arrays["share"][i] = arm.share or 0.0
            arrays["arm_treatment"][i] = treatment[ref.treatment]
            arrays["arm_class"][i] = self.treatment_class[treatment[ref.treatment]]
            arrays["arm_study"][i] = study[ref.study.id]
            arrays["arm_cohort"][i] = arm.cohort
            arrays["cohort_treatment"][arm.cohort] = treatment[ref.treatment]


_INDICES = frozenset(
    {"arm_class", "arm_treatment", "arm_study", "arm_cohort", "cohort_treatment"}
    | {"point_arm", "patient_arm", "comparison_mixed", "comparison_pure"}
)


def sizes_for(datasets: Sequence[SurvivalData], *, spare: bool = True) -> Sizes:
    """Sizes that hold each of the datasets, with room to spare unless told otherwise."""
    counts = [data.counts() for data in datasets]
    room = {"convention": len(METHODS)}
    for name, step in _STEP.items():
        largest = max([1, *(count[name] for count in counts)])
        room[name] = -(-largest // step) * step if spare else largest
    return Sizes(tuple(room.items()))


def _fill_chains(arrays: dict[str, np.ndarray], i: int, chains: Sequence[Chain], start: int) -> int:
    """Write the chains of arm ``i``, which share their times; return where the next one starts."""
    if not chains:  # listed patients only
        return start
    arrays["log_weight"][:, i] = _NO_WEIGHT
    rows = slice(start, start + chains[0].time.size)
    arrays["point_arm"][rows] = i
    arrays["log_time"][rows] = np.log(chains[0].time)
    arrays["density"][rows] = chains[0].density
    for c, chain in enumerate(chains):
        arrays["cell"][c, rows] = chain.cell
        arrays["beyond"][c, rows] = chain.beyond
        arrays["log_weight"][c, i] = chain.log_constant - np.log(len(chains))
    return rows.stop


class UnusableCohortError(ValueError):
    """A counted cohort whose printed figures contradict each other; names cohort and figures."""


def survival_data(
    counted: Sequence[CohortRef], view: View, class_order: Sequence[str]
) -> SurvivalData:
    """Translate counted cohorts into the observations of one endpoint.

    Parameters
    ----------
    counted : sequence of CohortRef
        From :func:`studies.selection.select`, with the same view.
    view : View
        Endpoint (``"os"`` or ``"pfs"``), whether only verified figures count, and whether declared
        readings of a report's own groups as pure or mixed are used.
    class_order : sequence of str
        Class identifiers in order of display.

    Raises
    ------
    UnusableCohortError
        If printed figures of one arm contradict each other.
    """
    arms: list[Arm] = []
    patients: list[ListedPatient] = []
    comparisons: list[HistologyComparison] = []
    for index, ref in enumerate(counted):
        try:
            groups = _arms_of(ref, view)
        except ContradictionError as error:
            raise UnusableCohortError(f"{ref.id}, {view.endpoint}: {error}") from None
        start = len(arms)
        arms += [replace(arm, cohort=index) for arm in groups]
        if not groups[0].chains:
            times = _listed(ref.cohort, view.endpoint)
            patients += [ListedPatient(start, time, event) for time, event in times]
        comparison = _compare(ref, view, arms[start:], start)
        if comparison is not None:
            comparisons.append(comparison)
            words = arms[start].entered_as + "; " + comparison.reading.entered_as
            arms[start] = replace(arms[start], entered_as=words)
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
    )


def order_treatments(
    counted: Sequence[CohortRef], class_order: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """Classes and treatments that have cohorts, in order, and the class of each treatment."""
    present = {ref.treatment_class for ref in counted}
    classes = tuple(name for name in class_order if name in present)
    found = {ref.treatment: classes.index(ref.treatment_class) for ref in counted}
    ordered = sorted(found.items(), key=lambda item: (item[1], item[0]))
    return classes, tuple(t for t, _ in ordered), tuple(c for _, c in ordered)


def _arms_of(ref: CohortRef, view: View) -> list[Arm]:
    """Pure and mixed patients where they partition the cohort, else the whole, else the listed."""
    cohort, keep = ref.cohort, view.keep(ref.study)
    parts = []
    for group in histology_groups(ref, view):
        histology = histology_of(group, use_read_as=view.use_read_as)
        share = 1.0 if histology == "mixed" else 0.0
        parts.append(_arm(group, view.endpoint, keep, group.n, histology, share))
    share = _share(ref, view)
    whole = _arm(cohort, view.endpoint, keep, cohort.n, "whole", share)
    if parts and (whole is None or sum(part.n for part in parts) == cohort.n):
        return parts
    if whole is not None:
        return [whole]
    listed = len(_listed(cohort, view.endpoint))
    return [Arm(0, "whole", listed, share, (), f"{listed} listed patients")]


def _share(ref: CohortRef, view: View) -> float | None:
    """Share of mixed histology of a whole cohort, where what tells it may be used."""
    declared = histology_of(ref.cohort, use_read_as=view.use_read_as)
    if declared is None and not view.keeps_unmarked(ref.study):
        return None
    return mixed_share(ref.cohort, use_read_as=view.use_read_as)


def _arm(
    holder: Cohort | Subgroup,
    endpoint: str,
    keep: Keep,
    n: int,
    histology: str,
    share: float | None,
) -> Arm | None:
    outcome = outcome_of(holder, endpoint, keep)
    read = read_arm(outcome, landmarks_of(holder, endpoint, keep), n)
    return read and Arm(0, histology, n, share, read.chains, read.entered_as)


def _listed(cohort: Cohort, endpoint: str) -> list[tuple[float, bool]]:
    """Months and whether the event happened, of every patient whose time is listed."""
    events = {"os": ("died",), "pfs": ("died", "progressed")}[endpoint]
    return [
        (in_months(getattr(patient, endpoint), patient.unit), patient.event in events)
        for patient in cohort.patients
        if getattr(patient, endpoint) is not None
    ]


def _compare(
    ref: CohortRef, view: View, arms: Sequence[Arm], start: int
) -> HistologyComparison | None:
    """The printed p value or hazard ratio between the pure and the mixed arm of one cohort."""
    position = {arm.histology: i for i, arm in enumerate(arms)}
    if not {"pure", "mixed"} <= set(position):
        return None
    names: dict[str, set[str]] = {"mixed": {"mixed"}, "pure": {"pure"}}
    medians: dict[str, float] = {}
    for group in histology_groups(ref, view):
        histology = histology_of(group, use_read_as=view.use_read_as)
        names[histology] |= {word.lower() for word in (group.level, group.label) if word}
        outcome = outcome_of(group, view.endpoint, view.keep(ref.study))
        if outcome is not None and outcome.median != NOT_REACHED:
            medians[histology] = in_months(outcome.median, outcome.unit)
    if len(medians) < 2:
        return None
    ratio = float(np.log(medians["mixed"] / medians["pure"]))
    sizes = {name: arms[i].n for name, i in position.items()}
    for printed in filter(view.keep(ref.study), ref.study.comparisons):
        read = read_comparison([printed], view.endpoint, names, sizes, ratio > 0)
        if read is not None:
            mixed, pure = start + position["mixed"], start + position["pure"]
            return HistologyComparison(mixed, pure, read, ratio, printed)
    return None
