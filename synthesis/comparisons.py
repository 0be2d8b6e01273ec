r"""Printed comparisons of two groups of one report, as a log hazard ratio and its variance.

A hazard ratio with its interval says both. A log-rank p value says them together with the numbers
of events: with :math:`V = 1/d_1 + 1/d_2`, :math:`\hat\beta = \pm z_p \sqrt V` (Tierney et al. 2007,
doi 10.1186/1745-6215-8-16). What says neither, or speaks of something else, is left with a reason:
a bound (``<0.001``) is no point, an adjusted ratio compares patients who are alike otherwise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Literal

from studies.figures import half_step
from studies.schema import NOT_REACHED, Comparison

_DEFAULT_LEVEL = 0.95
_RANK_TEST = re.compile(r"log.?rank|mantel", re.IGNORECASE)
# A comparison "at 1 year", as its text says, is of two proportions and not of two curves.
_ONE_TIME = re.compile(r"at \S", re.IGNORECASE)
_EXACT = re.compile(r"[pP]?\s*=?\s*(\d*\.?\d+(?:[eE]-?\d+)?)")

Names = set[str] | frozenset[str]
Pair = tuple[int, int]


@dataclass(frozen=True)
class ComparisonReading:
    """What a printed comparison says of the first group against the second.

    Attributes
    ----------
    estimate : float
        Log hazard ratio; negative where the first group lives longer.
    variance : float
        Its variance, above 0.
    kind : {"hazard ratio", "p"}
        What was printed: the Wald estimate of a proportional hazards model, or the log-rank test.
    share : float
        The first group's share of the patients, 0 to 1.
    entered_as : str
        What was taken, in words.
    printed : Comparison or None
        The record that was read.
    either_sign : bool
        Whether the report does not say which group lives longer, so that the sign of the estimate
        is that of the medians and may be wrong.
    """

    estimate: float
    variance: float
    kind: Literal["hazard ratio", "p"]
    share: float
    entered_as: str
    printed: Comparison | None = None
    either_sign: bool = False


def find_comparison(
    comparisons: Iterable[Comparison],
    endpoint: str,
    first: Names,
    second: Names,
    sizes: Pair,
    first_lives_longer: bool | None = None,
    events: tuple[int | None, int | None] = (None, None),
) -> ComparisonReading | None:
    """Find the printed comparison of two groups and read it.

    Parameters
    ----------
    comparisons : iterable of Comparison
        Those of one report.
    endpoint : str
        Word of the vocabulary.
    first, second : set of str
        The names under which either group may appear; case does not matter. A name in both is
        passed over.
    sizes : (int, int)
        Patients of either group, 1 or more.
    first_lives_longer : bool or None
        Direction of a p value, from the printed medians; a printed hazard ratio says it itself.
        None: not known.
    events : (int or None, int or None)
        Printed numbers of events; None: taken as all patients of the group.

    Returns
    -------
    ComparisonReading or None
        The first hazard ratio with an interval, else the first p value; None where neither can be
        read, for the reasons that `comparison_refusals` gives.
    """
    asked = _Asked(endpoint, _folded(first), _folded(second), sizes, first_lives_longer, events)
    found = [read for _, read in _readings(comparisons, asked) if not isinstance(read, str)]
    ratios = [read for read in found if read.kind == "hazard ratio"]
    return next(iter(ratios or found), None)


def comparison_refusals(
    comparisons: Iterable[Comparison],
    endpoint: str,
    first: Names,
    second: Names,
    sizes: Pair,
    first_lives_longer: bool | None = None,
    events: tuple[int | None, int | None] = (None, None),
) -> tuple[str, ...]:
    """Say why comparisons of two groups that are printed cannot be read.

    Parameters
    ----------
    comparisons, endpoint, first, second, sizes, first_lives_longer, events
        As in `find_comparison`.

    Returns
    -------
    tuple of str
        One phrase for each comparison of these groups and this endpoint that is not read, such as
        ``p <0.001 is a bound and no point``.
    """
    asked = _Asked(endpoint, _folded(first), _folded(second), sizes, first_lives_longer, events)
    return tuple(read for _, read in _readings(comparisons, asked) if isinstance(read, str))


@dataclass(frozen=True)
class _Asked:
    """Which comparison is looked for, and what is known of its groups."""

    endpoint: str
    first: frozenset[str]
    second: frozenset[str]
    sizes: Pair
    first_lives_longer: bool | None
    events: tuple[int | None, int | None]

    @property
    def share(self) -> float:
        return self.sizes[0] / sum(self.sizes)


def _folded(names: Names) -> frozenset[str]:
    return frozenset(" ".join(name.split()).casefold() for name in names)


def _readings(
    comparisons: Iterable[Comparison], asked: _Asked
) -> Iterator[tuple[Comparison, ComparisonReading | str]]:
    """Yield the comparisons of the two groups, each with what it says or why it says nothing."""
    for comparison in comparisons:
        reverse = _reverse(comparison, asked)
        if reverse is not None:
            yield comparison, _read(comparison, asked, reverse=reverse)


def _reverse(comparison: Comparison, asked: _Asked) -> bool | None:
    """Whether the groups are named the other way round; None where they are not these groups."""
    if comparison.endpoint != asked.endpoint or len(comparison.groups) != 2:
        return None
    named = [" ".join(group.split()).casefold() for group in comparison.groups]
    roles = [(name in asked.first, name in asked.second) for name in named]
    if roles == [(True, False), (False, True)]:
        return False
    return True if roles == [(False, True), (True, False)] else None


def _read(comparison: Comparison, asked: _Asked, *, reverse: bool) -> ComparisonReading | str:
    if comparison.adjusted:
        return "adjusted for covariates, which is another question"
    if _ONE_TIME.match(comparison.text or ""):
        return f"speaks of one time only ({comparison.text})"
    ratio = _from_hazard_ratio(comparison, asked, reverse=reverse)
    if isinstance(ratio, ComparisonReading) or comparison.p is None:
        return ratio
    return _from_p(comparison, asked, reverse=reverse)


def _from_hazard_ratio(
    comparison: Comparison, asked: _Asked, *, reverse: bool
) -> ComparisonReading | str:
    if comparison.hr is None:
        return "prints neither a hazard ratio nor a p value"
    if comparison.hr_ci is None:
        return f"hazard ratio {comparison.hr} without an interval"
    level = _DEFAULT_LEVEL if comparison.level is None else float(comparison.level)
    width = _log_width(comparison)
    if width is None or not 0.0 < level < 1.0:
        return f"the interval of the hazard ratio {comparison.hr} has no width"
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    estimate = math.log(comparison.hr) * (-1.0 if reverse else 1.0)
    words = f"hazard ratio {comparison.hr} given the medians"
    return ComparisonReading(
        estimate, (width / (2.0 * z)) ** 2, "hazard ratio", asked.share, words, comparison
    )


def _log_width(comparison: Comparison) -> float | None:
    """Width of the interval on the log scale; None where the printed figures do not tell it."""
    lower, upper = comparison.hr_ci
    if comparison.hr <= 0 or upper == NOT_REACHED:
        return None
    if lower <= half_step(lower):  # rounded to nothing: the upper half of the interval tells
        width = 2.0 * (math.log(upper) - math.log(comparison.hr)) if upper > 0 else 0.0
    else:
        width = math.log(upper) - math.log(lower) if upper > 0 else 0.0
    return width if width > 0.0 else None


def _from_p(comparison: Comparison, asked: _Asked, *, reverse: bool) -> ComparisonReading | str:
    test = comparison.test or ""
    if test and not _RANK_TEST.search(test):
        return f"p {comparison.p} by another test than log-rank ({test})"
    p = _exact(comparison.p)
    if p is None:
        return f"p {comparison.p} is a bound and no point"
    tail = min(p, 1.0 - p) if comparison.sided == 1 else p / 2.0
    if not 0.0 < tail <= 0.5:
        return f"p {comparison.p} is rounded to a bound" if 0.0 <= p <= 1.0 else f"p {p:g} is none"
    longer = _first_lives_longer(comparison, asked, reverse=reverse)
    if longer is None:
        return f"p {comparison.p} without a median or a ratio that says for whom"
    events = [n if d is None else d for d, n in zip(asked.events, asked.sizes, strict=True)]
    if min(events) < 1:
        return f"p {comparison.p} of a group without an event"
    variance = 1.0 / events[0] + 1.0 / events[1]
    size = abs(NormalDist().inv_cdf(tail)) * math.sqrt(variance)
    name = "log-rank p" if test else "p (test not named, taken as log-rank)"
    sided = " (one-sided)" if comparison.sided == 1 else ""
    told = comparison.hr is not None and comparison.hr != 1
    sign = "" if told else ", either sign"
    words = f"{name} = {_number(comparison.p)}{sided} given the medians{sign}"
    estimate = -size if longer else size
    return ComparisonReading(
        estimate, variance, "p", asked.share, words, comparison, either_sign=not told
    )


def _first_lives_longer(comparison: Comparison, asked: _Asked, *, reverse: bool) -> bool | None:
    """Direction of a p value: a ratio printed beside it goes before the medians."""
    if comparison.hr is None or comparison.hr == 1:
        return asked.first_lives_longer
    return (comparison.hr < 1) != reverse


def _exact(p: Decimal | str) -> float | None:
    """Return a p value that is a number, or None where only a bound is printed."""
    if isinstance(p, Decimal):
        return float(p)
    written = _EXACT.fullmatch(p.strip())
    return None if written is None else float(written[1])


def _number(p: Decimal | str) -> str:
    return str(p) if isinstance(p, Decimal) else _EXACT.fullmatch(p.strip())[1]
