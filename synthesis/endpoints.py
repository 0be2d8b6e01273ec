"""The endpoints that are pooled: how each is measured, written and asked about.

`ENDPOINTS` is the one list. Commands, settings, fits, tables, figures and sentences take what they
need from the record of an endpoint; its identifier is a word of the vocabulary, which also names
it and says what may be read as it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthesis import numbers

if TYPE_CHECKING:
    from studies.vocabulary import Vocabulary


@dataclass(frozen=True)
class Endpoint:
    """One endpoint that is pooled, by its word in the vocabulary, study files and commands."""

    id: str
    label: str
    """Its name where no vocabulary is at hand."""
    short: str
    """Its abbreviation."""
    question: str
    """What a report asks of it."""
    is_response: bool = False
    """Counts of responding patients; otherwise times to an event."""
    events: tuple[str, ...] = ()
    """Events of a listed patient that end the time."""
    unit: str = "months"
    """Of its estimates."""
    unit_of_gain: str = "months"
    """Of a difference between two treatments."""
    estimand: str = "median_months"
    """Name of its principal estimand in the tables."""
    contrast: str = "ratio_of_medians"
    """By which its treatments stand in figures."""
    gain: str = "difference_median_months"
    """The contrast that says how much is gained."""
    null: float = 1.0
    """Value of `contrast` without a difference."""
    write: numbers.Writer = numbers.months
    write_gain: numbers.Writer = numbers.months
    write_contrast: numbers.Writer = numbers.ratio
    """The three write an estimate, a gain and `contrast`."""

    def name(self, vocabulary: Vocabulary | None = None) -> str:
        """Its name as the vocabulary has it: "Overall survival"."""
        return label_of(self.id, vocabulary) if vocabulary is not None else self.label

    def words(self, vocabulary: Vocabulary | None = None) -> str:
        """Its name within a sentence: "overall survival"."""
        return numbers.in_sentence(self.name(vocabulary))

    def quantity(self, vocabulary: Vocabulary | None = None) -> str:
        """What is pooled, within a sentence: "median overall survival"."""
        return f"{'' if self.is_response else 'median '}{self.words(vocabulary)}"

    def best(self, vocabulary: Vocabulary | None = None) -> str:
        """What the first rank has: "the longest median overall survival"."""
        if self.is_response:
            return f"the highest rate of {self.words(vocabulary)}"
        return f"the longest {self.quantity(vocabulary)}"


#: Endpoints in order of display.
ENDPOINTS: dict[str, Endpoint] = {
    endpoint.id: endpoint
    for endpoint in (
        Endpoint(
            "os",
            "Overall survival",
            "OS",
            "How long do patients live, and how much longer under which treatment?",
            events=("died",),
        ),
        Endpoint(
            "pfs",
            "Progression-free survival",
            "PFS",
            "How long do they stay free of progression, and how much longer under which?",
            events=("died", "progressed"),
        ),
        Endpoint(
            "response",
            "Objective response",
            "ORR",
            "How many respond, and how many more under which treatment?",
            is_response=True,
            unit="%",
            unit_of_gain="points",
            estimand="response_rate",
            contrast="difference_response_rate",
            gain="difference_response_rate",
            null=0.0,
            write=numbers.percent,
            write_gain=numbers.points,
            write_contrast=numbers.points,
        ),
    )
}


def endpoint_of(name: str) -> Endpoint:
    """Look up a pooled endpoint; a ValueError for a name that is none of `ENDPOINTS`."""
    if name not in ENDPOINTS:
        raise ValueError(f"endpoint: found {name!r}, expected one of {', '.join(ENDPOINTS)}")
    return ENDPOINTS[name]


def survival_endpoints() -> tuple[str, ...]:
    """Identifiers of the endpoints that have a survival curve."""
    return tuple(name for name, endpoint in ENDPOINTS.items() if not endpoint.is_response)


def label_of(name: str, vocabulary: Vocabulary) -> str:
    """Name of an endpoint; a vocabulary need not name the response."""
    known = {endpoint.id: endpoint.label for endpoint in vocabulary.endpoints}
    return known.get(name) or (ENDPOINTS[name].label if name in ENDPOINTS else name)
