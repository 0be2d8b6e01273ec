"""Whether the hazard ratios of three groups of a report belong together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from studies.kinds import half_step
from studies.plausibility.counts import z_of
from studies.plausibility.question import Around, level_of
from studies.problems import Finding
from studies.schema import NOT_REACHED, Comparison, Study

# Ratios of one model of all groups agree but for rounding. Those of a model for each pair differ by
# less than one of their standard errors; where no interval is printed, it is taken as this.
_TYPICAL_ERROR = 0.3


def circles(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether two ratios make the third: three patients cannot each outlive the next.

    Of several ratios of two groups under one model the first is asked.
    """
    models: dict[Any, dict[tuple[str, ...], int]] = {}
    for place, own in enumerate(study.comparisons):
        pair = tuple(sorted(set(own.groups)))
        if own.hr is not None and own.hr > half_step(own.hr) and len(pair) == 2:
            models.setdefault((own.endpoint, own.adjusted), {}).setdefault(pair, place)
    for first in models.values():
        names = sorted({name for pair in first for name in pair})
        for a, b in first:
            for c in names[names.index(b) + 1 :]:
                if (a, c) in first and (b, c) in first:
                    places = sorted(first[pair] for pair in ((a, b), (a, c), (b, c)))
                    yield from _circle([study.comparisons[i] for i in places], places, [a, b, c])


def _circle(three: list[Comparison], places: list[int], names: list[str]) -> Iterator[Finding]:
    around, slack = 0.0, 0.0
    for own in three:
        around += math.log(own.hr) * _sign(own, names)
        slack += float(half_step(own.hr) / own.hr)
    if abs(around) <= slack + max(map(_error, three)):
        return
    listed = ", ".join(f"{own.hr} of {own.groups[0]} against {own.groups[1]}" for own in three)
    last = three[-1]
    implied = math.exp(math.log(last.hr) - around * _sign(last, names))
    expected = (
        f"three that belong together: by {{other}} and comparisons[{places[1]}] the last would be "
        f"{implied:.2g}"
    )
    action = "correct one of them, or name its groups in the order in which the ratio is taken"
    path, other = ("comparisons", places[-1], "hr"), ("comparisons", places[0])
    yield Finding(path, f"hazard ratios of {listed}", expected, action, other)


def _sign(own: Comparison, names: list[str]) -> float:
    """Return 1 where the first group stands before the second in the circle of names, else -1."""
    first, second = map(names.index, own.groups)
    return 1.0 if (second - first) % 3 == 1 else -1.0


def _error(own: Comparison) -> float:
    """Standard error of the log of a hazard ratio."""
    lower, upper = own.hr_ci or (0, NOT_REACHED)
    if upper == NOT_REACHED or lower <= 0:
        return _TYPICAL_ERROR
    return float((upper / lower).ln()) / (2.0 * z_of(level_of(own.level)))
