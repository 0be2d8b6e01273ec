"""Counted cohorts of one endpoint as observations of the model.

An *arm* is a group of patients with figures of its own: a whole cohort, or its pure and its mixed
patients where the report prints them apart (then they replace the whole).
:mod:`synthesis.model.arrays` puts them into the arrays of a compiled model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import combinations, count
from typing import NamedTuple

import numpy as np

from studies import figures
from studies.figures import HISTOLOGY, ORIGIN, Readings, View
from studies.schema import (
    NOT_REACHED,
    Characteristic,
    Cohort,
    Comparison,
    Landmark,
    Study,
    Subgroup,
    SurvivalOutcome,
)
from studies.selection import CohortRef
from synthesis.endpoints import endpoint_of
from synthesis.model.comparisons import RHO, part_told
from synthesis.model.covariates import COVARIATES, TRANSFORMED_SHARE, covariates, is_mutated
from synthesis.model.printed import Chain, ContradictionError
from synthesis.model.records import (
    ComparisonReading,
    find_comparison,
    median_months,
    read_adjusted,
    read_arm,
)


@dataclass(frozen=True)
class Record:
    """What a report prints of one endpoint for one group of patients, and may be used.

    Where it stands in the report; whether of the "whole", of "pure" or of "mixed" patients; the
    printed median, be it "not reached"; and printed survival probabilities in order of time.
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
    """One group of patients with printed figures of its own."""

    cohort: int
    """Index into :attr:`SurvivalData.refs`."""
    histology: str
    n: int
    share: float | None
    """Share of mixed histology; ``None`` where not printed."""
    chains: tuple[Chain, ...]
    entered_as: str
    methods: tuple[str, ...] = ()
    told: bool = True
    """`chains` to `told` are as of :class:`~synthesis.model.records.ArmReading`."""
    record: Record | None = None
    """The record it was read from; ``None`` where an arm was made from no report."""

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
    """A printed comparison of two groups of one report."""

    first: int
    second: int
    """Both are indices into :attr:`SurvivalData.groups`; of histologies the mixed is the first."""
    reading: ComparisonReading
    """Log hazard ratio of the first group against the second."""
    log_medians: tuple[float, float] | None = None
    """Of the printed medians, log months; ``None`` where one of them is not printed."""
    told: float = 0.0
    """Part of the information of the comparison that the used points of both groups hold."""

    @property
    def printed(self) -> Comparison | None:
        """The record that was read."""
        return self.reading.printed

    @property
    def variance(self) -> float:
        """Variance of the log hazard ratio given all that was used of both groups."""
        given = (1.0 - RHO) ** 2 if self.log_medians is not None else 1.0
        return self.reading.variance * given / (1.0 - max(self.told, RHO * (given < 1.0)))


class Hierarchy(NamedTuple):
    """Identifiers of a hierarchy, and the class of each treatment as an index."""

    classes: tuple[str, ...]
    treatments: tuple[str, ...]
    studies: tuple[str, ...]
    treatment_class: tuple[int, ...]


@dataclass(frozen=True)
class SurvivalData:
    """The observations of one endpoint."""

    endpoint: str
    classes: tuple[str, ...]
    treatments: tuple[str, ...]
    studies: tuple[str, ...]
    """`classes`, `treatments` and `studies` are identifiers in order of display; of a treatment
    there is a counted cohort or an adjusted comparison."""
    treatment_class: tuple[int, ...]
    """Class of each treatment."""
    cohorts: tuple[CohortRef, ...]
    arms: tuple[Arm, ...]
    patients: tuple[ListedPatient, ...]
    comparisons: tuple[ArmComparison, ...]
    verified_only: bool = False
    use_read_as: Readings = False
    """With `verified_only`, which printed figures were looked at; see :attr:`view`."""
    covariates: tuple[tuple[float, ...], ...] = ()
    """Of each cohort, in the order of :data:`~synthesis.model.covariates.COVARIATES`; of all `refs`
    where some report compares groups that differ in one."""
    records: tuple[CohortRecord, ...] = ()
    """What the report of each cohort prints, whether it entered or not."""
    compared: tuple[Arm, ...] = ()
    """Groups without figures of their own, of which a report prints a comparison."""
    within: tuple[CohortRef, ...] = ()
    """Cohorts of :attr:`compared` that are not counted: only a contrast within their report is."""
    mutated: tuple[bool, ...] = ()
    """Whether all patients of each of `refs` have the mutation that their treatment asks for."""
    origin: tuple[int, ...] = ()
    """Among `refs`, the transformed patients of a report that compares them with de novo ones, who
    stand behind them."""

    @property
    def groups(self) -> tuple[Arm, ...]:
        """The arms, then the groups without figures: a `cohort` of these is one of `refs`."""
        return (*self.arms, *self.compared)

    @property
    def refs(self) -> tuple[CohortRef, ...]:
        """The counted cohorts, then those of which only a contrast is."""
        return (*self.cohorts, *self.within)

    @property
    def view(self) -> View:
        """How the printed figures were looked at: whatever shows one must look the same way."""
        return View(self.endpoint, self.verified_only, self.use_read_as)

    @property
    def tells_histology(self) -> bool:
        """Whether the share of mixed histology is printed of any group."""
        return any(arm.share is not None for arm in self.groups)

    def telling(self, covariate: str) -> dict[str, int]:
        """Cohorts that tell of a covariate, with their patients; two that are compared are one."""
        place, found = COVARIATES.index(covariate), {}
        for ref, values in zip(self.refs, self.covariates, strict=False):
            if values[place] != 0.0:
                whole = ref if ref.cohort.n else replace(ref, cohort=_largest(ref.study))
                found[whole.id] = whole.cohort.n or 0
        return found

    def of_both_histologies(self, group: Arm) -> bool:
        """Whether the report tells pure from mixed patients of the cohort of a group."""
        own = {other.share for other in self.groups if other.cohort == group.cohort}
        return group.share in (0.0, 1.0) and {0.0, 1.0} <= own

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """Classes, treatments and studies of all :attr:`refs`, those of counted cohorts first."""
        class_of = dict(
            zip(self.treatments, (self.classes[c] for c in self.treatment_class), strict=True)
        )
        class_of |= {
            r.treatment: r.treatment_class for r in self.within if r.treatment not in class_of
        }
        classes = tuple(dict.fromkeys((*self.classes, *class_of.values())))
        studies = tuple(dict.fromkeys((*self.studies, *(ref.study.id for ref in self.within))))
        places = tuple(classes.index(name) for name in class_of.values())
        return Hierarchy(classes, tuple(class_of), studies, places)

    def at_share(self, share: float) -> SurvivalData:
        """The same observations, every group with this share of mixed histology (0 to 1)."""
        arms, compared = (
            tuple(replace(arm, share=share) for arm in own) for own in (self.arms, self.compared)
        )
        return replace(self, arms=arms, compared=compared)


class Contrasts(NamedTuple):
    """What counts of reports without a counted figure."""

    histology: tuple[CohortRef, ...] = ()
    """Cohorts whose report compares their pure and their mixed patients."""
    adjusted: tuple[tuple[Comparison, CohortRef, CohortRef], ...] = ()
    """Adjusted hazard ratios, with the two treatments that they compare as cohorts of the
    report."""
    origin: tuple[CohortRef, ...] = ()
    """Cohorts whose report compares their transformed and their de novo patients."""


NO_CONTRASTS = Contrasts()


class UnusableCohortError(ValueError):
    """A counted cohort whose printed figures contradict each other; names cohort and figures."""


def survival_data(
    counted: Sequence[CohortRef],
    view: View,
    class_order: Sequence[str],
    mutation_required: Collection[str] = (),
    contrasts: Contrasts = NO_CONTRASTS,
) -> SurvivalData:
    """Translate counted cohorts into the observations of one endpoint.

    They are from :func:`studies.selection.select` with the same view. Class identifiers are in
    order of display, `mutation_required` are treatments that are given to mutated tumours only, and
    of the reports of `contrasts` no figure counts but a contrast within themselves does.
    `UnusableCohortError` if printed figures of one arm contradict each other.
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
        patients += _patients_of(ref, view, arms[start:], start)
        comparisons += _compare_histologies(ref, view, record, arms[start:], start)
    comparisons += _compare_cohorts(counted, view, arms)
    for comparison in comparisons:
        at = min(comparison.first, comparison.second)
        words = arms[at].entered_as + "; " + comparison.reading.entered_as
        arms[at] = replace(arms[at], entered_as=words)
    adjusted = tuple(ref for _, *pair in contrasts.adjusted for ref in pair)
    within = (*contrasts.histology, *adjusted)
    others = len(counted) + len(within)
    by_origin = _by_origin(contrasts.origin, view, others)
    of_origin = tuple(ref for _, refs in by_origin for ref in refs)
    pairs = _without_figures(counted, view, contrasts, arms, comparisons)
    pairs += [pair for pair, _ in by_origin]
    comparisons += [
        ArmComparison(len(arms) + 2 * number, len(arms) + 2 * number + 1, pair.reading)
        for number, pair in enumerate(pairs)
    ]
    differ = [
        covariates(ref, mutation_required, use_unmarked=view.keeps_unmarked(ref.study))
        for ref in counted
    ]
    if of_origin:  # the groups of other contrasts are alike
        differ += [(0.0,) * len(COVARIATES)] * len(within) + [*map(covariates, of_origin)]
    classes, treatments, treatment_class = order_treatments((*counted, *adjusted), class_order)
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
        covariates=tuple(differ),
        records=records,
        compared=tuple(group for pair in pairs for group in pair.groups),
        within=(*within, *of_origin),
        mutated=tuple(is_mutated(ref, mutation_required) for ref in (*counted, *within)),
        origin=tuple(range(others, others + len(of_origin), 2)),
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
        outcome = figures.outcome_of(holder, view.endpoint, keep)
        return Record(holder, histology, outcome, figures.landmarks_of(holder, view.endpoint, keep))

    groups = figures.histology_groups(ref, view)
    histologies = [figures.histology_of(group, use_read_as=view.use_read_as) for group in groups]
    return CohortRecord(record(ref.cohort, "whole"), tuple(map(record, groups, histologies)))


def _arms_of(index: int, ref: CohortRef, view: View, record: CohortRecord) -> list[Arm]:
    """All patients listed, else pure and mixed as they partition the cohort, the whole, the listed.

    What is printed of patients who enter one by one does not enter beside them.
    """
    listed = figures.listed_groups(ref.cohort, view, ref.study)
    if listed:
        return [_listed_arm(index, ref, view, word) for word in listed]
    groups = [_arm(index, group, float(group.histology == "mixed")) for group in record.groups]
    share = _share(ref, view)
    whole = _arm(index, record.whole, share)
    if groups and (whole is None or sum(arm.n for arm in groups) == ref.cohort.n):
        return groups
    if whole is not None:
        return [whole]
    return [_listed_arm(index, ref, view, "whole")]


def _listed_arm(index: int, ref: CohortRef, view: View, histology: str) -> Arm:
    """Listed patients, all or those of one histology."""
    n = len(_listed(ref.cohort, view.endpoint, histology))
    share = _share(ref, view) if histology == "whole" else float(histology == "mixed")
    record = Record(ref.cohort, histology)
    return Arm(index, histology, n, share, (), f"{n} listed patients", record=record)


def _share(ref: CohortRef, view: View) -> float | None:
    """Share of mixed histology of a whole cohort, where what says so may be used."""
    declared = figures.histology_of(ref.cohort, use_read_as=view.use_read_as)
    if declared is not None:
        return float(declared == "mixed")
    counts = ref.cohort.histology if view.keeps_unmarked(ref.study) else None
    return None if counts is None else figures.mixed_part(counts)


def _arm(cohort: int, record: Record, share: float | None) -> Arm | None:
    n = record.holder.n
    read = read_arm(record.outcome, record.landmarks, n)
    return None if read is None else Arm(cohort, record.histology, n, share, *read, record)


def _listed(cohort: Cohort, endpoint: str, histology: str) -> list[tuple[float, bool]]:
    """Months and whether the event happened, of every patient of a group whose time is listed."""
    events = endpoint_of(endpoint).events
    return [
        (figures.in_months(getattr(patient, endpoint), patient.unit), patient.event in events)
        for patient in figures.patients_with(cohort, endpoint)
        if histology in ("whole", patient.histology)
    ]


def _patients_of(
    ref: CohortRef, view: View, arms: Sequence[Arm], start: int
) -> Iterator[ListedPatient]:
    """The listed patients of the arms that enter by them; `start` is the index of the first arm."""
    for place, arm in enumerate(arms, start):
        if not arm.chains:
            for time, event in _listed(ref.cohort, view.endpoint, arm.histology):
                yield ListedPatient(place, time, event)


class _Side(NamedTuple):
    """One of two compared groups: the index of its arm, the arm, its names."""

    index: int
    arm: Arm
    names: set[str]


def _compare_histologies(
    ref: CohortRef, view: View, record: CohortRecord, arms: Sequence[Arm], start: int
) -> list[ArmComparison]:
    """The printed p value or hazard ratio between the mixed and the pure arm of one cohort.

    Of patients who enter one by one it would say nothing more.
    """
    sides = {}
    for index, arm in enumerate(arms, start):
        groups = [group.holder for group in record.groups if group.histology == arm.histology]
        words = {word for group in groups for word in (group.level, group.label) if word}
        sides[arm.histology] = _Side(index, arm, {arm.histology} | words)
    if not {"pure", "mixed"} <= set(sides) or not arms[0].chains:
        return []
    return _compare(ref, view, sides["mixed"], sides["pure"])


class _Pair(NamedTuple):
    """Two groups without figures of their own, and what their report says of them."""

    reading: ComparisonReading
    groups: tuple[Arm, Arm]


def _without_figures(
    counted: Sequence[CohortRef],
    view: View,
    contrasts: Contrasts,
    arms: Sequence[Arm],
    known: Sequence[ArmComparison],
) -> list[_Pair]:
    """Groups that have no arm but are compared by histology, or by an adjusted ratio."""
    apart = {arms[comparison.first].cohort for comparison in known}
    apart |= {arm.cohort for arm in arms if not arm.chains and arm.share in (0.0, 1.0)}
    pairs, refs = [], (*counted, *contrasts.histology)
    for index, ref in enumerate(refs):
        printed = None if index in apart else figures.histology_comparison(ref, view)
        read, sizes = _read_contrast(ref, view, printed)
        if read is not None:
            mixed, pure = (
                Arm(index, word, n, share, (), read.entered_as)
                for word, n, share in zip(HISTOLOGY, sizes, (1.0, 0.0), strict=True)
            )
            pairs.append(_Pair(read, (mixed, pure)))
    for start, (comparison, *_) in zip(count(len(refs), 2), contrasts.adjusted, strict=False):
        first, second = (Arm(start + side, "whole", 0, None, (), "") for side in (0, 1))
        pairs.append(_Pair(read_adjusted(comparison), (first, second)))
    return pairs


def _read_contrast(
    ref: CohortRef, view: View, printed: Comparison | None
) -> tuple[ComparisonReading | None, tuple[int, int]]:
    """What a report prints of two groups without figures of their own, and how many each are."""
    if printed is None:
        return None, (0, 0)
    groups = HISTOLOGY if "mixed" in map(str.casefold, printed.groups) else ORIGIN
    sizes = told = figures.contrast_sizes(ref.cohort, groups)
    if told is None and ref.cohort.n is not None:
        first = round(_TYPICAL_SHARES[groups] * ref.cohort.n)
        sizes = first, ref.cohort.n - first
    if sizes is None or min(sizes) < 1:
        return None, (0, 0)
    first, second = groups
    longer = _longer_by_medians(ref.cohort, view, ref.study, groups)
    read = find_comparison([printed], view.endpoint, {first}, {second}, sizes, longer)
    if read is not None and told is None:
        words = f"{read.entered_as} (sizes not printed: taken as {sizes[0]} and {sizes[1]})"
        read = replace(read, entered_as=words)
    return read, sizes


def _longer_by_medians(
    cohort: Cohort, view: View, study: Study, groups: tuple[str, str]
) -> bool | None:
    """Whether the first of two groups has the longer printed median; ``None`` where not told."""
    outcomes = {
        own.level: figures.outcome_of(own, view.endpoint, view.keep(study))
        for own in cohort.subgroups
    }
    first, second = (outcomes.get(name) for name in groups)
    if None in (first, second) or NOT_REACHED in (first.median, second.median):
        return None
    return median_months(first) > median_months(second)


# Share of the first group where a report compares both and does not say how many each are.
_TYPICAL_SHARES = {HISTOLOGY: 0.4, ORIGIN: TRANSFORMED_SHARE}


def _largest(study: Study) -> Cohort:
    return max(study.cohorts, key=lambda cohort: cohort.n or 0)


def _by_origin(
    refs: Sequence[CohortRef], view: View, start: int
) -> list[tuple[_Pair, list[CohortRef]]]:
    """Transformed and de novo patients that reports compare, as cohorts from an index on."""
    found = []
    for ref in refs:
        read, sizes = _read_contrast(ref, view, figures.origin_comparison(ref, view))
        if read is None:
            continue
        cohorts = []
        for name, share in zip(ORIGIN, (100, 0), strict=True):
            told = Characteristic(name="transformed", statistic="percent", value=Decimal(share))
            cohort = Cohort(
                id=name.replace(" ", "_"),
                treatment=ref.treatment,
                treatment_as_printed=ref.cohort.treatment_as_printed,
                characteristics=(told,),
            )
            cohorts.append(replace(ref, cohort=cohort))
        first, second = (
            Arm(index, "whole", n, None, (), read.entered_as)
            for index, n in enumerate(sizes, start + 2 * len(found))
        )
        found.append((_Pair(read, (first, second)), cohorts))
    return found


def _compare_cohorts(
    counted: Sequence[CohortRef], view: View, arms: Sequence[Arm]
) -> list[ArmComparison]:
    """The printed comparisons between two whole cohorts of one report."""
    sides = []
    for index, arm in enumerate(arms):
        if arm.histology == "whole" and arm.chains:
            own = counted[arm.cohort].cohort
            sides.append(_Side(index, arm, {own.id, own.treatment, own.treatment_as_printed}))
    comparisons = []
    for one, other in combinations(sides, 2):
        ref = counted[one.arm.cohort]
        if ref.study.id == counted[other.arm.cohort].study.id:
            comparisons += _compare(ref, view, one, other)
    return _without_implied(comparisons)


def _without_implied(comparisons: Sequence[ArmComparison]) -> list[ArmComparison]:
    """Comparisons without those that others imply: of three in a circle two are used.

    Ratios go before p values, and numbers before ranges.
    """
    joined: list[set[int]] = []
    words: dict[int, str] = {}
    readings = [own.reading for own in comparisons]
    pairs = [{own.first, own.second} for own in comparisons]
    order = [(own.kind != "hazard ratio", own.low != own.high) for own in readings]
    for place in sorted(range(len(comparisons)), key=order.__getitem__):
        reading, pair = readings[place], pairs[place]
        met = [arms for arms in joined if arms & pair]
        if any(pair <= arms for arms in met):
            kept = next(other for other in words if pairs[other] & pair)
            words[kept] += f"; {reading.entered_as.split(',')[0]} follows from the others"
            continue
        joined = [arms for arms in joined if arms not in met] + [pair.union(*met)]
        words[place] = reading.entered_as
    return [
        replace(own, reading=replace(own.reading, entered_as=words[place]))
        for place, own in enumerate(comparisons)
        if place in words
    ]


def _compare(ref: CohortRef, view: View, first: _Side, second: _Side) -> list[ArmComparison]:
    outcomes = [side.arm.outcome for side in (first, second)]
    medians = [
        median_months(outcome)
        for outcome in outcomes
        if outcome is not None and outcome.median not in (None, NOT_REACHED)
    ]
    both = tuple(float(np.log(median)) for median in medians) if len(medians) == 2 else None
    read = find_comparison(
        filter(view.keep(ref.study), ref.study.comparisons),
        view.endpoint,
        first.names,
        second.names,
        (first.arm.n, second.arm.n),
        None if both is None else both[0] > both[1],
        tuple(None if outcome is None else outcome.events for outcome in outcomes),
    )
    if read is None:
        return []
    read = replace(read, entered_as=f"{read.entered_as}, given the figures of both groups")
    chains = tuple(next(iter(side.arm.chains), None) for side in (first, second))
    told = part_told(chains, read.share, read.variance)
    return [ArmComparison(first.index, second.index, read, both, told)]
