"""What a check is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from studies.figures import in_months
from studies.kinds import half_step
from studies.problems import Finding, show
from studies.registry import Registry
from studies.schema import NOT_REACHED, Cohort, Study, Subgroup, Unit
from studies.selection import OverlapIndex, overlap_groups

Path = tuple[str | int, ...]
Arm = Cohort | Subgroup
#: A check: takes a study and its surroundings, yields findings with paths relative to the study.
Question = Callable[[Study, "Around"], Iterator[Finding]]


@dataclass(frozen=True)
class Around:
    """The registry around a study, with what is found quickly in it."""

    registry: Registry
    """The registry."""
    suspicions: Mapping[str, tuple[Finding, ...]]
    """Earlier reports that may count some of the same patients, by study."""
    same_report: Mapping[str, tuple[Finding, ...]]
    """Earlier studies with the same item of citation, by study."""

    def of_main_disease(self, cohort: Cohort) -> bool:
        """Return whether a cohort has the disease that the registry is about."""
        return cohort.disease in (None, self.registry.vocabulary.main_disease)

    @cached_property
    def usual_medians(self) -> Mapping[str, tuple[float, float]]:
        """Usual medians of an endpoint in months, by endpoint."""
        endpoints = self.registry.vocabulary.endpoints
        printed = {entry.id: entry.usual_median_months for entry in endpoints}
        return {name: (float(pair[0]), float(pair[1])) for name, pair in printed.items() if pair}

    @cached_property
    def partners(self) -> Mapping[str, tuple[tuple[str, ...], int]]:
        """The studies that share patients with one as declared, and how many more through these."""
        index, found = OverlapIndex(self.registry), {}
        for group in overlap_groups(self.registry):
            for study in group.studies:
                direct = index.partners(study)
                found[study] = direct, len(group.studies) - len(direct) - 1
        return found


def arms(study: Study) -> Iterator[tuple[Arm, Path, Cohort]]:
    """Yield every cohort and subgroup of a study with its path and the cohort it stands in."""
    for place, cohort in enumerate(study.cohorts):
        path: Path = ("cohorts", place)
        yield cohort, path, cohort
        for number, subgroup in enumerate(cohort.subgroups):
            yield subgroup, (*path, "subgroups", number), cohort


def figures(study: Study, kind: str) -> Iterator[tuple[Arm, Path, Any]]:
    """Yield every survival, landmark or characteristic of a study with its arm and its path."""
    for arm, path, _ in arms(study):
        for place, figure in enumerate(getattr(arm, kind)):
            yield arm, (*path, kind, place), figure


def months(value: Decimal | str | None, unit: Unit | None) -> tuple[float, float] | None:
    """Return the earliest and the latest time, in months, that rounds to a printed one."""
    if value is None or value == NOT_REACHED or unit is None or not isinstance(value, Decimal):
        return None
    step = half_step(value)
    return max(in_months(value - step, unit), 0.0), in_months(value + step, unit)


def level_of(printed: Decimal | None) -> float:
    """Return a confidence level: 0.95 where none is printed."""
    return 0.95 if printed is None else float(printed)


def timed(time: Decimal | str | None, unit: Unit | None) -> str:
    """Return a printed time in words: ``5.5 months``, ``1 year``, ``"not reached"``."""
    if not isinstance(time, Decimal) or unit is None:
        return show(time)
    return f"{time} {unit[:-1] if time == 1 else unit}"


def timed_in_months(time: Decimal, unit: Unit) -> str:
    """Return a printed time in words, and in months where it is printed in another unit."""
    words = timed(time, unit)
    return words if unit == "months" else f"{words}, which are {in_months(time, unit):.3g} months"
