"""Which treatments are compared, with which reference, and what carries each comparison.

What carries a contrast is read from the counted cohorts of a fit. It is *randomised* where a
randomised report has a counted cohort of each treatment, *within one study* where another report
has one of each, and *across single-arm studies* otherwise, also where one of the two was randomised
against something else. The estimate itself always uses every counted cohort: this says what stands
behind it at best, not what it was restricted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from studies.figures import CohortRef
from studies.vocabulary import UnknownWordError, Vocabulary
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Fit, NamedGroup, named_groups, patients_of
from synthesis.numbers import capitalised, count, listed

RANDOMISED = "randomised"
WITHIN = "within one study"
ACROSS = "across single-arm studies"

#: Kinds of evidence, the strongest first.
KINDS = (RANDOMISED, WITHIN, ACROSS)

#: What the model allows for between studies.
ADJUSTED_FOR = "design, line, time origin and BRAF status"

#: What a comparison of different studies rests on.
BETWEEN_STUDIES = (
    f"The model adjusts for {ADJUSTED_FOR}; any other difference between the patients will look "
    "like a treatment effect."
)

#: A treatment is ranked and shown where so many cohorts, or so many patients, stand behind it.
COHORTS_SHOWN, PATIENTS_SHOWN = 2, 20


class NotComparedError(ValueError):
    """What was asked for cannot be compared; the message says what can."""


# --- Treatments and their reference --------------------------------------------------------------


@dataclass(frozen=True)
class Reference:
    """What the treatments of one endpoint are set against.

    Attributes
    ----------
    group : NamedGroup
    why : str
        How it was chosen, as the end of a sentence.
    """

    group: NamedGroup = field(repr=False)
    why: str

    @property
    def label(self) -> str:
        """Label of the treatment."""
        return self.group.label


def treatments_of(fit: Fit, vocabulary: Vocabulary) -> list[NamedGroup]:
    """Pooled treatments, in order of display.

    Without classes, and without groups of patients who had different treatments: no treatment can
    be credited with their outcome.
    """
    return [
        group
        for group in named_groups(fit, vocabulary)
        if not group.is_class and group.cohorts[0].role != "mixed"
    ]


def treatments_by_id(groups: Sequence[NamedGroup]) -> dict[str, NamedGroup]:
    """Treatments by their identifier in the vocabulary."""
    return {group.cohorts[0].treatment: group for group in groups}


def treatments_by_endpoint(
    fits: Mapping[str, Fit], vocabulary: Vocabulary
) -> dict[str, list[NamedGroup]]:
    """Pooled treatments of each survival endpoint.

    Raises
    ------
    ValueError
        If there is no survival endpoint.
    """
    survival = [name for name in fits if not endpoint_of(name).is_response]
    if not survival:
        found = ", ".join(fits) or "none"
        raise ValueError(f"endpoints: found {found}, expected os or pfs: ask for one of them")
    return {name: treatments_of(fits[name], vocabulary) for name in survival}


def not_pooled(name: str, pooled: Mapping[str, Sequence[NamedGroup]]) -> NotComparedError:
    """The error for a treatment that is pooled for none of the endpoints; says which are."""
    known = sorted({name for groups in pooled.values() for name in treatments_by_id(groups)})
    return NotComparedError(
        f"no cohort of {name} is pooled for {' or '.join(pooled)}; possible: {', '.join(known)}."
    )


def choose_reference(
    groups: Sequence[NamedGroup], vocabulary: Vocabulary, wanted: str | None = None
) -> Reference | None:
    """Choose what the treatments of an endpoint are set against.

    Without a wish it is the first treatment of the vocabulary whose class is supportive (best
    supportive care, then no systemic therapy) and which is pooled; where none is, the treatment
    with most patients.

    Parameters
    ----------
    groups : sequence of NamedGroup
        From :func:`treatments_of`.
    vocabulary : Vocabulary
    wanted : str, optional
        Identifier, label or synonym of a treatment.

    Returns
    -------
    Reference or None
        None where the wanted treatment, or any, is not pooled for this endpoint.

    Raises
    ------
    NotComparedError
        For a word that names no treatment; names the pooled ones.
    """
    by_id = treatments_by_id(groups)
    if wanted is not None:
        group = by_id.get(_identifier(wanted, vocabulary, by_id))
        return None if group is None else Reference(group, "as asked for")
    roles = {entry.id: entry.role for entry in vocabulary.classes}
    for treatment in vocabulary.treatments:
        if treatment.id in by_id and roles[treatment.class_] == "supportive":
            return Reference(
                by_id[treatment.id],
                "the first supportive treatment of the vocabulary that is pooled",
            )
    if not groups:
        return None
    largest = max(groups, key=lambda group: group.patients)
    return Reference(largest, "the treatment with most patients, as no supportive one is pooled")


def _identifier(wanted: str, vocabulary: Vocabulary, pooled: Mapping[str, NamedGroup]) -> str:
    try:
        return vocabulary.treatment(wanted).id
    except UnknownWordError as error:
        hint = f"{str(error).rstrip('.?')}{'?' if error.suggestion else '.'}"
        raise NotComparedError(f"{hint} Possible: {', '.join(sorted(pooled))}.") from None


def choose_shown(
    groups: Sequence[NamedGroup], reference: NamedGroup, *, show_all: bool = False
) -> list[NamedGroup]:
    """Choose the treatments that are ranked and shown, in order of display.

    Those with at least :data:`COHORTS_SHOWN` cohorts or :data:`PATIENTS_SHOWN` patients, and the
    reference; all of them where that leaves fewer than two, or where it is asked for.
    """
    chosen = [
        group
        for group in groups
        if group is reference
        or len(group.cohorts) >= COHORTS_SHOWN
        or group.patients >= PATIENTS_SHOWN
    ]
    return list(groups) if show_all or len(chosen) < 2 else chosen


def size_words(group: NamedGroup) -> str:
    """Cohorts and patients of a treatment, ``2 cohorts, 28 patients``."""
    return f"{count(len(group.cohorts), 'cohort')}, {count(group.patients, 'patient')}"


# --- What carries a comparison -------------------------------------------------------------------


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
                "No report gave both treatments: patients of one study stand beside patients of "
                f"another. {BETWEEN_STUDIES}"
            )
        reports = count(len(self.reports), f"{'randomised ' * bool(self.randomised)}report")
        source = f"{listed(self.reports)}; {self.shared[0]} and {self.shared[1]} patients"
        words = (
            f"{reports} gave both ({source}): what sets studies apart cancels within each."
            if self.kind == RANDOMISED
            else f"{reports} gave both, not by lot ({source}): place, time and follow-up are "
            "shared, the reasons for giving one or the other are not."
        )
        if self.total_patients == sum(self.shared):
            return words
        sides = zip(self.cohorts, self.patients, strict=True)
        sizes = (f"{count(k, 'cohort')} with {count(n, 'patient')}" for k, n in sides)
        return (
            f"{words} The estimate also uses the cohorts that had only one of them: in all "
            f"{listed(sizes)}."
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
    for name, refs in zip((treatment, reference), sides, strict=True):
        if not refs:
            pooled = ", ".join(sorted(fit.data.treatments))
            raise ValueError(f"no counted cohort of {name}; those pooled are {pooled}")
    return _evidence(sides[0], sides[1], sizes)


def _evidence(
    treatment: Sequence[CohortRef], reference: Sequence[CohortRef], sizes: Mapping[str, int]
) -> Evidence:
    both = {ref.study.id for ref in treatment} & {ref.study.id for ref in reference}
    labels: dict[bool, dict[str, str]] = {True: {}, False: {}}
    for ref in treatment:
        if ref.study.id in both:
            labels[ref.study.design == RANDOMISED][ref.study.id] = ref.label
    carrying = labels[True] or labels[False]
    sides = treatment, reference
    shared = [sum(sizes[ref.id] for ref in refs if ref.study.id in carrying) for refs in sides]
    patients = [sum(sizes[ref.id] for ref in refs) for refs in sides]
    return Evidence(
        (len(treatment), len(reference)),
        (patients[0], patients[1]),
        tuple(labels[True].values()),
        tuple(labels[False].values()),
        (shared[0], shared[1]),
    )


def evidence_of_pairs(fit: Fit, groups: Sequence[NamedGroup]) -> dict[tuple[str, str], Evidence]:
    """What carries the contrast of every two treatments, by their labels, either way round."""
    sizes = patients_of(fit)
    return {
        (first.label, second.label): _evidence(first.cohorts, second.cohorts, sizes)
        for first in groups
        for second in groups
        if first is not second
    }


def evidence_words(kinds: Mapping[str, str], reference: str) -> str:
    """How many comparisons with a reference are randomised, within a report, and across studies.

    Parameters
    ----------
    kinds : mapping
        Treatment, as within a sentence -> one of :data:`KINDS`.
    reference : str
        As within a sentence.
    """
    named = {kind: [name for name, own in kinds.items() if own == kind] for kind in KINDS}
    lot, within, across = (_number(named[kind]) for kind in KINDS)
    of = f"of the {count(len(kinds), 'comparison')} with {reference}"
    words = f"{capitalised(lot)} {of} {'is' if len(named[RANDOMISED]) < 2 else 'are'} randomised."
    parts = []
    if named[WITHIN]:
        verb = "comes" if len(named[WITHIN]) == 1 else "come"
        parts.append(f"{within} {verb} from a report with both groups")
    if named[ACROSS]:
        parts.append(
            f"{across} {'compares' if len(named[ACROSS]) == 1 else 'compare'} different studies"
        )
    return f"{words} {capitalised('; '.join(parts))}." if parts else words


def _number(names: Sequence[str]) -> str:
    """A number of comparisons, with the treatment where it is one: ``one (sorafenib)``."""
    return f"one ({names[0]})" if len(names) == 1 else str(len(names) or "none")


def across_words(kinds: Sequence[str]) -> str:
    """What comparisons of different studies rest on; empty where there are none."""
    across = sum(kind == ACROSS for kind in kinds)
    if not across:
        return ""
    share = across / len(kinds)
    quantity = "All" if share == 1.0 else "Most" if share > 0.5 else "Some"
    return (
        f"{quantity} comparisons set patients of one study beside patients of another. "
        f"{BETWEEN_STUDIES}"
    )
