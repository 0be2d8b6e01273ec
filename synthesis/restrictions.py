"""What an analysis was told to leave out or to count as something else, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from studies import Registry
from studies.figures import reads
from synthesis import numbers
from synthesis.estimands import Fit, cohort_labels
from synthesis.settings import Settings

_VERIFIED = (
    "Only figures that were seen in the report itself count; those known from another source "
    "alone were left out."
)
_DECLARED = {
    "groups": "Groups under a report's own words count as pure or mixed where a reading of them is "
    "declared.",
    "origin": "Transformed tumours count as mixed and de novo ones as pure where a report does not "
    "tell histology itself.",
}


@dataclass(frozen=True)
class Restriction:
    """One departure from counting every usable figure as what it is."""

    short: str
    """A phrase for the line under a title."""
    sentence: str
    """For captions and methods."""
    endpoint: str | None = None
    """The endpoint that it touches; None: all."""

    def touches(self, endpoint: str) -> bool:
        """Return whether figures of an endpoint must tell of it."""
        return self.endpoint in (None, endpoint)


def restrictions(
    registry: Registry, fits: Mapping[str, Fit], settings: Settings
) -> tuple[Restriction, ...]:
    """Say in words what an analysis was restricted to; empty where everything counts as it is.

    `fits` by endpoint have the counted cohorts that a conversion of the registry touched.
    """
    whole = [Restriction("verified figures only", _VERIFIED)] if settings.verified_only else []
    if registry.min_quality:
        items = f"at least {registry.min_quality} of 10 items of the appraisal"
        sentence = f"Only reports with {items} answered yes count; the others were left out."
        whole.append(Restriction(f"reports with {items}", sentence))
    if settings.use_read_as:
        used = (text for kind, text in _DECLARED.items() if reads(kind, settings.use_read_as))
        whole.append(Restriction("declared readings used", " ".join(used)))
    return (*whole, *_converted(registry, fits))


def _converted(registry: Registry, fits: Mapping[str, Fit]) -> Iterator[Restriction]:
    vocabulary = registry.vocabulary
    reasons = {(each.from_, each.to): f" {each.reason}" for each in vocabulary.conversions}
    for pair in registry.conversions:
        refs = fits[pair.to].data.cohorts if pair.to in fits else ()
        labels = cohort_labels([ref for ref in refs if ref.id in pair.cohorts]).values()
        old, new = (vocabulary.endpoint(name).label.lower() for name in (pair.from_, pair.to))
        cohorts = numbers.count(len(labels), "counted cohort")
        named = f": {', '.join(labels)}" if labels else ""
        yield Restriction(
            f"{old} counted as {new} in {cohorts}",
            f"On request {old} counts as {new} where a report prints only the former "
            f"({cohorts}{named}).{reasons.get((pair.from_, pair.to), '')}",
            pair.to,
        )
