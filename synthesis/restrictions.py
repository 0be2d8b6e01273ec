"""What an analysis was told to leave out or to count as something else, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studies.vocabulary import Vocabulary


@dataclass(frozen=True)
class Restriction:
    """One departure from counting every usable figure as what it is.

    Attributes
    ----------
    short : str
        A phrase, for the line under a title.
    sentence : str
        A full sentence, for captions and methods.
    endpoint : str or None
        The endpoint that it touches; None: all.
    """

    short: str
    sentence: str
    endpoint: str | None = None

    def touches(self, endpoint: str) -> bool:
        """Return whether figures of an endpoint must tell of it."""
        return self.endpoint in (None, endpoint)


def restrictions(
    vocabulary: Vocabulary,
    *,
    verified_only: bool,
    use_read_as: bool,
    conversions: Mapping[tuple[str, str], Sequence[str]],
) -> tuple[Restriction, ...]:
    """Say in words what an analysis was restricted to.

    Parameters
    ----------
    vocabulary : Vocabulary
        Names the endpoints.
    verified_only : bool
        Only figures seen in the report itself count.
    use_read_as : bool
        Declared readings of a report's own groups as pure or mixed count.
    conversions : mapping
        (From, to) endpoint -> labels of the counted cohorts whose figures were converted.

    Returns
    -------
    tuple of Restriction
        Empty where everything counts as what it is.
    """
    found = []
    if verified_only:
        found.append(
            Restriction(
                "verified figures only",
                "Only figures that were seen in the report itself count; those known from another "
                "source alone were left out.",
            )
        )
    if not use_read_as:
        found.append(
            Restriction(
                "declared readings not used",
                "Groups under a report's own words count as neither pure nor mixed: declared "
                "readings were not used.",
            )
        )
    for (source, target), labels in conversions.items():
        found.append(_conversion(vocabulary, source, target, labels))
    return tuple(found)


def _conversion(
    vocabulary: Vocabulary, source: str, target: str, labels: Sequence[str]
) -> Restriction:
    old, new = (vocabulary.endpoint(name).label.lower() for name in (source, target))
    cohorts = f"{len(labels)} counted cohort{'' if len(labels) == 1 else 's'}"
    reasons = [
        f" {item.reason}"
        for item in vocabulary.conversions
        if (item.from_, item.to) == (source, target)
    ]
    named = f": {', '.join(labels)}" if labels else ""
    return Restriction(
        f"{old} counted as {new} in {cohorts}",
        f"On request {old} counts as {new} where a report prints only the former "
        f"({cohorts}{named}).{''.join(reasons)}",
        target,
    )
