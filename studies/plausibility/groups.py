"""Whether the groups of a cohort, and the counts about it, add up to the cohort."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from studies.figures import counts_that_fit, in_months, nearest_shares
from studies.plausibility.question import Arm, Path, Surroundings, arms, months, timed
from studies.problems import Finding
from studies.schema import Cohort, HistologySplit, Landmark, Study, SurvivalOutcome

# Rounding, and patients who leave observation: in the tail of a curve, where few are left, the
# whole may leave its parts by some points of per cent, and by a patient of the smallest part.
_TAIL = Decimal("0.05")


def _by_factor(cohort: Cohort) -> dict[str, list[tuple[int, Arm]]]:
    """Return the subgroups of a cohort by factor, each with its position."""
    factors: dict[str, list[tuple[int, Arm]]] = defaultdict(list)
    for place, subgroup in enumerate(cohort.subgroups):
        factors[subgroup.factor].append((place, subgroup))
    return factors


# --- subgroup-sizes ------------------------------------------------------------------------------


def subgroup_sizes(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the groups of a factor, or the parts of a cohort, have too many patients."""
    for place, cohort in enumerate(study.cohorts):
        path: Path = ("cohorts", place)
        if cohort.n is not None:
            for factor, groups in _by_factor(cohort).items():
                total = sum(group.n or 0 for _, group in groups)
                if total > cohort.n and not _histology(groups):
                    found = f"{total} patients in the groups by {factor}"
                    expected = f"no more than the {cohort.n} of the cohort"
                    action = (
                        "correct the numbers, or give groups that lie within each other different "
                        "factors"
                    )
                    yield Finding((*path, "subgroups", groups[0][0], "n"), found, expected, action)
        yield from _histology_against_groups(cohort, path)


def _histology(groups: list[tuple[int, Arm]]) -> bool:
    """Whether groups are pure and mixed: too many of these are no warning but an error."""
    return all(group.histology or group.read_as for _, group in groups)


def _histology_against_groups(cohort: Cohort, path: Path) -> Iterator[Finding]:
    """Yield a finding where the split by histology is not that of the groups by histology."""
    split = cohort.histology
    if split is None:
        return
    for kind in ("pure", "mixed"):
        count = getattr(split, kind)
        sizes = [(p, g.n) for p, g in enumerate(cohort.subgroups) if g.histology == kind]
        if count is None or len(sizes) != 1 or sizes[0][1] in (None, count):
            continue
        found = f"{sizes[0][1]} patients of {kind} histology"
        expected = f"{count}, as the split of the cohort says ({{other}})"
        here = (*path, "subgroups", sizes[0][0], "n")
        yield Finding(here, found, expected, "correct one of the two", (*path, "histology", kind))


# --- subgroup-medians ----------------------------------------------------------------------------


def subgroup_medians(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether a whole lies between the parts that make it up.

    While nobody has left observation, a curve is the mean of the curves of its parts, so that its
    median lies between the shortest and the longest of theirs, and its survival at any time between
    the lowest and the highest.
    """
    for place, cohort in enumerate(study.cohorts):
        path: Path = ("cohorts", place)
        parts = [
            (other, ("cohorts", position))
            for position, other in enumerate(study.cohorts)
            if other.part_of == cohort.id
        ]
        partitions = [parts]
        for groups in _by_factor(cohort).values():
            partitions.append([(group, (*path, "subgroups", p)) for p, group in groups])
        for partition in partitions:
            if len(partition) > 1 and _makes_up(partition, cohort):
                yield from _between_medians(cohort, path, partition)
                yield from _between_landmarks(cohort, path, partition)


def _makes_up(parts: list[tuple[Arm, Path]], cohort: Cohort) -> bool:
    """Whether the printed sizes say that every patient of a cohort is in one of the parts."""
    sizes = [part.n for part, _ in parts]
    return all(sizes) and sum(sizes) == cohort.n


def _between_medians(
    cohort: Cohort, path: Path, parts: list[tuple[Arm, Path]]
) -> Iterator[Finding]:
    for place, whole in enumerate(cohort.survival):
        span = months(whole.median, whole.unit)
        others = [_median_of(part, whole) for part, _ in parts]
        if span is None or None in others:
            continue
        low, high = min(other[0] for other in others), max(other[1] for other in others)
        if span[1] < low or span[0] > high:
            side = "shorter" if span[1] < low else "longer"
            printed = timed(whole.median, whole.unit)
            found = f"{whole.endpoint} {printed}, {side} than in every part of it"
            expected = "a median between those of its parts ({other} and further)"
            here = (*path, "survival", place, "median")
            yield Finding(here, found, expected, "correct one of them", parts[0][1])


def _median_of(part: Arm, whole: SurvivalOutcome) -> tuple[float, float] | None:
    for outcome in part.survival:
        if (outcome.endpoint, outcome.label) == (whole.endpoint, whole.label):
            return months(outcome.median, outcome.unit)
    return None


def _between_landmarks(
    cohort: Cohort, path: Path, parts: list[tuple[Arm, Path]]
) -> Iterator[Finding]:
    for place, whole in enumerate(cohort.landmarks):
        others = [_survival_of(part, whole) for part, _ in parts]
        if None in others:
            continue
        slack = max(_TAIL, *(1 / Decimal(part.n or 1) for part, _ in parts))
        if not min(others) - slack <= whole.survival <= max(others) + slack:
            side = "lower" if whole.survival < min(others) else "higher"
            found = f"{whole.endpoint} {whole.survival}, {side} than in every part of the cohort"
            expected = "a survival between those of its parts ({other} and further)"
            here = (*path, "landmarks", place, "survival")
            yield Finding(here, found, expected, "correct one of them", parts[0][1])


def _survival_of(part: Arm, whole: Landmark) -> Decimal | None:
    time = in_months(whole.time, whole.unit)
    for mark in part.landmarks:
        same = abs(in_months(mark.time, mark.unit) - time) < 0.1
        if same and (mark.endpoint, mark.label) == (whole.endpoint, whole.label):
            return mark.survival
    return None


# --- printed-share -------------------------------------------------------------------------------


def printed_shares(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether a percentage of a stated number of patients is a whole number of them."""
    for arm, path, cohort in arms(study):
        for place, printed in enumerate(arm.characteristics):
            if printed.statistic == "percent" and isinstance(printed.value, Decimal) and printed.of:
                here = (*path, "characteristics", place, "value")
                yield from _share_of(printed.value, printed.of, here)
        if arm is cohort:
            yield from _split_shares(cohort.histology, cohort.n, (*path, "histology"))
            braf = cohort.braf_v600e
            if braf is not None and braf.percent is not None and braf.tested:
                here = (*path, "braf_v600e", "percent")
                yield from _share_of(braf.percent, braf.tested, here, braf.positive)


def _split_shares(split: HistologySplit | None, n: int | None, path: Path) -> Iterator[Finding]:
    if split is None:
        return
    for kind in ("pure", "mixed"):
        percent, of = getattr(split, f"{kind}_percent"), split.assessed or n
        # Some reports leave patients out of the percentage without saying how many: a percentage
        # without a count beside it is not judged.
        count = getattr(split, kind)
        if percent is not None and of and count is not None:
            yield from _share_of(percent, of, (*path, f"{kind}_percent"), count)


def _share_of(percent: Decimal, of: int, path: Path, count: int | None = None) -> Iterator[Finding]:
    fitting = counts_that_fit(percent, of)
    if count is not None and count not in fitting:
        expected = f"{Decimal(100 * count) / of:.1f} %, which is {count} of {of}"
    elif not fitting:
        expected = f"a whole number of the {of} patients, such as {nearest_shares(percent, of)}"
    else:
        return
    yield Finding(path, f"{percent} %", expected, "correct the percentage or the number")
