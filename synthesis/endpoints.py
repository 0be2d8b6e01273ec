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
    """One endpoint that is pooled.

    Attributes
    ----------
    id : str
        Its word in the vocabulary, in study files, file names and commands.
    label : str
        Its name where no vocabulary is at hand.
    short : str
        Its abbreviation, for axes and narrow columns.
    question : str
        What a report asks of it.
    is_response : bool
        Counts of responding patients; otherwise times to an event.
    events : tuple of str
        Events of a listed patient that end the time.
    """

    id: str
    label: str
    short: str
    question: str
    is_response: bool = False
    events: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Unit of its estimates."""
        return "%" if self.is_response else "months"

    @property
    def unit_of_gain(self) -> str:
        """Unit of a difference between two treatments."""
        return "points" if self.is_response else "months"

    @property
    def estimand(self) -> str:
        """Name of its principal estimand in the tables."""
        return "response_rate" if self.is_response else "median_months"

    @property
    def contrast(self) -> str:
        """Name of the contrast by which its treatments stand in figures."""
        return "difference_response_rate" if self.is_response else "ratio_of_medians"

    @property
    def gain(self) -> str:
        """Name of the contrast that says how much is gained."""
        return "difference_response_rate" if self.is_response else "difference_median_months"

    @property
    def null(self) -> float:
        """Value of `contrast` without a difference."""
        return 0.0 if self.is_response else 1.0

    @property
    def write(self) -> numbers.Writer:
        """How an estimate is written, in `unit`."""
        return numbers.percent if self.is_response else numbers.months

    @property
    def write_gain(self) -> numbers.Writer:
        """How a gain is written, in `unit_of_gain`."""
        return numbers.points if self.is_response else numbers.months

    @property
    def write_contrast(self) -> numbers.Writer:
        """How `contrast` is written."""
        return numbers.points if self.is_response else numbers.ratio

    def name(self, vocabulary: Vocabulary | None = None) -> str:
        """Its name as the vocabulary has it: "Overall survival"."""
        return label_of(self.id, vocabulary) if vocabulary is not None else self.label

    def words(self, vocabulary: Vocabulary | None = None) -> str:
        """Its name within a sentence: "overall survival"."""
        return numbers.in_sentence(self.name(vocabulary))

    def quantity(self, vocabulary: Vocabulary | None = None) -> str:
        """What is pooled, within a sentence: "median overall survival", "objective response"."""
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
        ),
    )
}


def endpoint_of(name: str) -> Endpoint:
    """Look up a pooled endpoint.

    Raises
    ------
    ValueError
        For a name that is none of `ENDPOINTS`.
    """
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
