"""What carries a comparison of two treatments: which reports gave both, and how many patients.

Read from the counted cohorts of a fit. A contrast is *randomised* where a randomised report has a
counted cohort of each treatment, *within one study* where another report has one of each, and
*across single-arm studies* otherwise, also where one of the two was randomised against something
else. The estimate itself always uses every counted cohort: this says what stands behind it at
best, not what it was restricted to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import pandas as pd

from studies.figures import CohortRef
from synthesis.estimands import Fit, NamedGroup, patients_of

RANDOMISED = "randomised"
WITHIN = "within one study"
ACROSS = "across single-arm studies"

#: Kinds of evidence, the strongest first.
KINDS = (RANDOMISED, WITHIN, ACROSS)

_RANDOMISED_DESIGN = "randomised"

NODE_COLUMNS = ("endpoint", "treatment", "treatment_class", "cohorts", "patients", "links")
EDGE_COLUMNS = (
    "endpoint",
    "treatment",
    "reference",
    "carried_by",
    "reports",
    "patients",
    "labels",
)


@dataclass(frozen=True)
class Evidence:
    """What stands behind a contrast of two treatments; pairs are (treatment, reference).

    Attributes
    ----------
    cohorts, patients : pair of int
        All counted cohorts of each, and their patients: for response the evaluable ones.
    randomised, within : tuple of str
        Labels of the reports with a counted cohort of each, randomised ones and others.
    shared : pair of int
        Patients of each in the reports that carry the contrast; zero where none gave both.
    """

    cohorts: tuple[int, int]
    patients: tuple[int, int]
    randomised: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    shared: tuple[int, int] = (0, 0)

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""
        if self.randomised:
            return RANDOMISED
        return WITHIN if self.within else ACROSS

    @property
    def reports(self) -> tuple[str, ...]:
        """Labels of the reports that carry the contrast; empty where none gave both."""
        return self.randomised or self.within

    @property
    def total_cohorts(self) -> int:
        """Cohorts of both treatments."""
        return sum(self.cohorts)

    @property
    def total_patients(self) -> int:
        """Patients of both treatments."""
        return sum(self.patients)

    @property
    def sentence(self) -> str:
        """What carries the contrast, in words."""
        if self.kind == ACROSS:
            return (
                "No report gave both: the contrast is between patients of different studies, and "
                "rests on their being alike once design, line, time origin and BRAF selection are "
                "allowed for."
            )
        one = len(self.reports) == 1
        named = ", ".join(self.reports)
        sizes = f"{self.shared[0]} and {self.shared[1]} patients"
        if self.kind == RANDOMISED:
            who = "One randomised report" if one else f"{len(self.reports)} randomised reports"
            found = (
                f"{who} gave both ({named}; {sizes}): what sets studies apart cancels within "
                f"{'it' if one else 'each'}."
            )
        else:
            who = "One report" if one else f"{len(self.reports)} reports"
            found = (
                f"{who} gave both, not by lot ({named}; {sizes}): place, time and follow-up are "
                "shared, the reasons for giving one or the other are not."
            )
        return found + self._more()

    def _more(self) -> str:
        if self.total_patients == sum(self.shared):
            return ""
        return (
            f" The estimate also uses the cohorts that had only one of them: in all "
            f"{self.cohorts[0]} and {self.cohorts[1]} cohorts with {self.patients[0]} and "
            f"{self.patients[1]} patients."
        )


def evidence(fit: Fit, treatment: str, reference: str) -> Evidence:
    """What carries the contrast of two treatments in a fit.

    Parameters
    ----------
    fit : PooledSurvival or ResponseFit
    treatment, reference : str
        Identifiers of the vocabulary; both pooled in the fit.

    Raises
    ------
    ValueError
        Where one of them has no counted cohort, or both are the same.
    """
    if treatment == reference:
        raise ValueError(f"{treatment} is compared with itself; name two treatments")
    sizes = patients_of(fit)
    sides = [
        [ref for ref in fit.data.cohorts if ref.treatment == t] for t in (treatment, reference)
    ]
    for name, own in zip((treatment, reference), sides, strict=True):
        if not own:
            pooled = ", ".join(sorted(fit.data.treatments))
            raise ValueError(f"no counted cohort of {name}; those pooled are {pooled}")
    both = {ref.study.id for ref in sides[0]} & {ref.study.id for ref in sides[1]}
    labels: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for ref in sides[0]:
        if ref.study.id in both:
            labels[_is_randomised(ref)][ref.study.id] = ref.label
    carrying = labels[True] or labels[False]
    shared = [sum(sizes[ref.id] for ref in own if ref.study.id in carrying) for own in sides]
    return Evidence(
        (len(sides[0]), len(sides[1])),
        (_patients(sides[0], sizes), _patients(sides[1], sizes)),
        tuple(labels[True].values()),
        tuple(labels[False].values()),
        (shared[0], shared[1]),
    )


def _is_randomised(ref: CohortRef) -> bool:
    return ref.study.design == _RANDOMISED_DESIGN


def _patients(refs: Iterable[CohortRef], sizes: dict[str, int]) -> int:
    return sum(sizes[ref.id] for ref in refs)


@dataclass(frozen=True)
class Network:
    """Treatments and the reports that link them.

    Attributes
    ----------
    nodes : DataFrame
        :data:`NODE_COLUMNS`; ``links`` is the number of treatments that some report gave beside
        it, so that a treatment known from single-arm studies only has 0.
    edges : DataFrame
        :data:`EDGE_COLUMNS`; a row for each pair that some report gave, with the number of the
        reports that carry it, their patients under either treatment, and their labels.
    """

    nodes: pd.DataFrame = field(repr=False)
    edges: pd.DataFrame = field(repr=False)


def network(fit: Fit, endpoint: str, groups: Sequence[NamedGroup]) -> Network:
    """Which treatments of a fit were given in one report.

    Parameters
    ----------
    fit : PooledSurvival or ResponseFit
    endpoint : str
        For the tables.
    groups : sequence of NamedGroup
        The treatments, in order of display; no classes.
    """
    edges = []
    links = dict.fromkeys((group.label for group in groups), 0)
    for first, second in combinations(groups, 2):
        found = evidence(fit, first.cohorts[0].treatment, second.cohorts[0].treatment)
        if found.kind == ACROSS:
            continue
        links[first.label] += 1
        links[second.label] += 1
        about = (endpoint, first.label, second.label, found.kind)
        edges.append((*about, len(found.reports), sum(found.shared), "; ".join(found.reports)))
    nodes = [
        (endpoint, g.label, g.class_label, len(g.cohorts), g.patients, links[g.label])
        for g in groups
    ]
    return Network(
        pd.DataFrame(nodes, columns=list(NODE_COLUMNS)),
        pd.DataFrame(edges, columns=list(EDGE_COLUMNS)),
    )
