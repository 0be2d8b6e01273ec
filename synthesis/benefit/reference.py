"""Which treatments are compared, what they are set against, and which are ranked and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from studies.vocabulary import UnknownWordError, Vocabulary
from synthesis.estimands import Fit, NamedGroup, named_groups
from synthesis.text.plain import count

#: A treatment is ranked and shown where so many cohorts, or so many patients, stand behind it.
COHORTS_SHOWN, PATIENTS_SHOWN = 2, 20


class NotComparedError(ValueError):
    """What was asked for cannot be compared; the message says what can."""


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
    by_id = {group.cohorts[0].treatment: group for group in groups}
    if wanted is not None:
        found = by_id.get(_identifier(wanted, vocabulary, by_id))
        return None if found is None else Reference(found, "as asked for")
    roles = {item.id: item.role for item in vocabulary.classes}
    for treatment in vocabulary.treatments:
        if treatment.id in by_id and roles[treatment.class_] == "supportive":
            return Reference(
                by_id[treatment.id],
                "the first supportive treatment of the vocabulary that is pooled",
            )
    if not groups:
        return None
    largest = max(groups, key=lambda group: group.patients)
    why = "the treatment with most patients, as no supportive one is pooled"
    return Reference(largest, why)


def _identifier(wanted: str, vocabulary: Vocabulary, pooled: dict[str, NamedGroup]) -> str:
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
