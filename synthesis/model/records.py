"""Printed records into the model's terms: months, effective sizes, shares, log hazard ratios.

Every unit conversion and every decision about what a printed figure may say is taken here, with
the words that say what was taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

from studies.figures import (
    half_step,
    histology_of,
    in_months,
    is_symmetric,
    splits_histology,
)
from studies.schema import NOT_REACHED, Cohort, Comparison, Landmark, SurvivalOutcome, Unit
from synthesis.model.printed import (
    METHODS,
    Chain,
    FixedTime,
    PrintedMedian,
    Reading,
    Survivors,
    candidate_chains,
    log_survival_variance,
)

_DEFAULT_LEVEL = 0.95
_RANK_TEST = re.compile(r"log.?rank|mantel", re.IGNORECASE)
# A comparison "at 1 year", as its text says, is of two proportions and not of two curves.
_ONE_TIME = re.compile(r"at \S", re.IGNORECASE)
_EXACT = re.compile(r"[pP]?\s*=?\s*(\d*\.?\d+(?:[eE]-?\d+)?)")

Pair = tuple[int, int]


def reading(value: Decimal, unit: Unit) -> Reading:
    """A printed time in months with its rounding."""
    return Reading(in_months(value, unit), in_months(half_step(value), unit))


class ArmReading(NamedTuple):
    """What one arm contributes.

    Attributes
    ----------
    chains : tuple of Chain
        One for each transformation that can have produced the printed interval.
    entered_as : str
        In words, what entered and what did not.
    methods : tuple of str
        The transformation of each chain; ``"median"`` or ``"landmarks"`` where no limit entered.
    told : bool
        Whether the report names the transformation, or none is needed.
    """

    chains: tuple[Chain, ...]
    entered_as: str
    methods: tuple[str, ...]
    told: bool


def read_arm(
    outcome: SurvivalOutcome | None, landmarks: Sequence[Landmark], n: int
) -> ArmReading | None:
    """Read the printed survival figures of one arm; ``None`` if none can enter a likelihood.

    Raises
    ------
    ContradictionError
        If the printed points cannot belong to one curve.
    """
    fixed: list[FixedTime | Survivors] = [read_landmark(landmark) for landmark in landmarks]
    times = ", ".join(f"{landmark.time} {landmark.unit}" for landmark in landmarks)
    words = [f"survival at {times} as a binomial cell"] if landmarks else []
    printed, effective = None, effective_size(outcome, n)
    if outcome is not None and outcome.median is not None:
        printed, median_words = read_median(outcome)
        words = [median_words, *words] if median_words else words
        if outcome.median == NOT_REACHED:
            fixed += _beyond_follow_up(outcome, effective, words)
    if printed is None and not fixed:
        return None
    methods, chains = zip(*candidate_chains(printed, fixed, effective), strict=True)
    limits = printed is not None and (printed.lower or printed.upper)
    if limits:
        words.append(_convention_words(methods))
    if effective < n:
        words.append(f"effective size {effective:g} from {outcome.events} events")
    told = not limits or printed.method is not None or methods[0] not in METHODS
    return ArmReading(chains, "; ".join(words), methods, told)


def effective_size(outcome: SurvivalOutcome | None, n: int) -> float:
    """Patients that a median of ``n`` is worth: fewer where not all had the event."""
    if outcome is None or outcome.events is None or outcome.events >= n:
        return float(n)
    return (n + outcome.events) / 2.0  # actuarial: a censored patient counts for half


def read_landmark(landmark: Landmark) -> FixedTime:
    """A printed survival probability, with the variance that its interval implies."""
    s = float(landmark.survival)
    variance = None
    if landmark.ci is not None:
        level = float(landmark.level) if landmark.level else _DEFAULT_LEVEL
        variance = log_survival_variance(s, float(landmark.ci[0]), float(landmark.ci[1]), level)
    months = in_months(landmark.time, landmark.unit)
    return FixedTime(months, s, variance, landmark.at_risk)


def _beyond_follow_up(outcome: SurvivalOutcome, n: float, words: list[str]) -> list[Survivors]:
    """A median not reached within a stated follow-up: more than half were event-free by then."""
    if outcome.follow_up is None:
        return []
    words.append(f"median not reached within {outcome.follow_up} {outcome.unit} of follow-up")
    return [Survivors(in_months(outcome.follow_up, outcome.unit), math.floor(n / 2.0) + 1.0)]


def median_months(outcome: SurvivalOutcome) -> float:
    """A printed median that was reached, months.

    One that rounds to nothing is the middle of what does so: a time is above 0.
    """
    own = reading(outcome.median, outcome.unit)
    return own.months if own.months > 0.0 else sum(own.edges) / 2.0


def read_median(outcome: SurvivalOutcome) -> tuple[PrintedMedian | None, str]:
    """A median or its limits, those that are event times, and in words what was taken."""
    median, unit = outcome.median, outcome.unit
    middle = None if median == NOT_REACHED else reading(median, unit)
    if outcome.ci is None:
        return (PrintedMedian(middle), "median as an order statistic") if middle else (None, "")
    lower, upper = outcome.ci
    level = float(outcome.level) if outcome.level else _DEFAULT_LEVEL
    if middle is None:
        limit = PrintedMedian(None, reading(lower, unit), None, level, outcome.ci_method)
        return limit, "median not reached; its lower limit as an order statistic"
    if is_symmetric(outcome):
        return PrintedMedian(middle), (
            "median as an order statistic; the interval is symmetric, so its limits are not event "
            "times and are shown only"
        )
    reached = upper != NOT_REACHED
    words = f"median and {'both limits' if reached else 'lower limit'} as order statistics"
    words += "" if reached else "; upper limit not reached"
    words += "" if outcome.level else "; level taken as 95 %"
    last = reading(upper, unit) if reached else None
    return PrintedMedian(middle, reading(lower, unit), last, level, outcome.ci_method), words


def _convention_words(methods: Sequence[str]) -> str:
    if methods[0] not in METHODS:
        return "limits contradict the other figures under every transformation: left out"
    if len(methods) == 1:
        return f"interval by the {methods[0]} transformation"
    return f"transformation of the interval unknown: {', '.join(methods)} averaged"


def mixed_share(cohort: Cohort, *, use_read_as: bool) -> float | None:
    """Share of mixed histology of a cohort, 0 to 1, or ``None`` where it is not printed."""
    histology = histology_of(cohort, use_read_as=use_read_as)
    if histology is not None:
        return 1.0 if histology == "mixed" else 0.0
    split = cohort.histology
    if not splits_histology(split):
        return None
    if (split.pure is not None and split.mixed is not None) or split.assessed is not None:
        return _part(split.mixed, split.pure, split.assessed)
    return _part(split.mixed_percent, split.pure_percent, Decimal(100))


def _part(mixed: Decimal | int | None, pure: Decimal | int | None, whole: Any) -> float:
    """Share of the mixed among those known to be pure or mixed."""
    if mixed is None:
        return 1.0 - float(pure) / float(whole)
    return float(mixed) / float(whole if pure is None else mixed + pure)


# --- Comparisons ---------------------------------------------------------------------------------


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

    @property
    def patients_share(self) -> float | None:
        """Share of a log-rank test, which saturates; ``None`` for a hazard ratio."""
        return self.share if self.kind == "p" else None


def find_comparison(
    comparisons: Iterable[Comparison],
    endpoint: str,
    first: Collection[str],
    second: Collection[str],
    sizes: Pair,
    first_lives_longer: bool | None = None,
    events: tuple[int | None, int | None] = (None, None),
) -> ComparisonReading | None:
    r"""Find the printed comparison of two groups: a log hazard ratio and its variance.

    A hazard ratio with its interval says both. A log-rank p value says them together with the
    numbers of events: with :math:`V = 1/d_1 + 1/d_2`, :math:`\hat\beta = \pm z_p \sqrt V` (Tierney
    et al. 2007, doi 10.1186/1745-6215-8-16). What says neither, or speaks of something else, is
    left out: a bound (``<0.001``) is no point, an adjusted ratio compares patients who
    are alike otherwise.

    Parameters
    ----------
    comparisons : iterable of Comparison
        Those of one report.
    endpoint : str
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
        The first hazard ratio with an interval, else the first p value, else ``None``.
    """
    sides = _folded(first), _folded(second)
    readings = []
    for own in comparisons:
        reverse = _reverse(own, sides) if own.endpoint == endpoint else None
        if reverse is None or own.adjusted or _ONE_TIME.match(own.text or ""):
            continue
        ratio = _from_hazard_ratio(own, sizes, reverse)
        readings.append(ratio or _from_p(own, sizes, reverse, first_lives_longer, events))
    known = [read for read in readings if read is not None]
    return next((read for read in known if read.kind == "hazard ratio"), next(iter(known), None))


def _folded(names: Iterable[str]) -> list[str]:
    return [" ".join(name.split()).casefold() for name in names]


def _reverse(comparison: Comparison, sides: tuple[list[str], list[str]]) -> bool | None:
    """Whether the groups are named the other way round; ``None`` where they are not these."""
    roles = [tuple(name in side for side in sides) for name in _folded(comparison.groups)]
    if roles not in ([(True, False), (False, True)], [(False, True), (True, False)]):
        return None
    return roles[0][1]


def _from_hazard_ratio(
    comparison: Comparison, sizes: Pair, reverse: bool
) -> ComparisonReading | None:
    if comparison.hr is None or comparison.hr_ci is None:
        return None
    level = _DEFAULT_LEVEL if comparison.level is None else float(comparison.level)
    width = _log_width(comparison)
    if width is None or not 0.0 < level < 1.0:
        return None
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    estimate = math.log(comparison.hr) * (-1.0 if reverse else 1.0)
    variance, share = (width / (2.0 * z)) ** 2, sizes[0] / sum(sizes)
    words = f"hazard ratio {comparison.hr} given the medians"
    return ComparisonReading(estimate, variance, "hazard ratio", share, words, comparison)


def _log_width(comparison: Comparison) -> float | None:
    """Width of the interval on the log scale; ``None`` where the figures do not say."""
    lower, upper = comparison.hr_ci
    if comparison.hr <= 0 or upper == NOT_REACHED or upper <= 0:
        return None
    if lower <= half_step(lower):  # rounded to nothing: the upper half of the interval says
        width = 2.0 * (math.log(upper) - math.log(comparison.hr))
    else:
        width = math.log(upper) - math.log(lower)
    return width if width > 0.0 else None


def _from_p(
    comparison: Comparison,
    sizes: Pair,
    reverse: bool,
    first_lives_longer: bool | None,
    events: tuple[int | None, int | None],
) -> ComparisonReading | None:
    printed = _number(comparison.p)
    if printed is None or (comparison.test and not _RANK_TEST.search(comparison.test)):
        return None
    p = float(printed)
    tail = min(p, 1.0 - p) if comparison.sided == 1 else p / 2.0
    says_direction = comparison.hr is not None and comparison.hr != 1
    # a ratio printed beside it goes before the medians
    longer = (comparison.hr < 1) != reverse if says_direction else first_lives_longer
    died = [n if d is None else d for d, n in zip(events, sizes, strict=True)]
    if not 0.0 < tail <= 0.5 or longer is None or min(died) < 1:
        return None
    variance = 1.0 / died[0] + 1.0 / died[1]
    size = abs(NormalDist().inv_cdf(tail)) * math.sqrt(variance)
    name = "log-rank p" if comparison.test else "p (test not named, taken as log-rank)"
    sided = " (one-sided)" if comparison.sided == 1 else ""
    sign = "" if says_direction else ", either sign"
    words = f"{name} = {printed}{sided} given the medians{sign}"
    estimate, share = -size if longer else size, sizes[0] / sum(sizes)
    return ComparisonReading(
        estimate, variance, "p", share, words, comparison, either_sign=not says_direction
    )


def _number(p: Decimal | str | None) -> str | None:
    """A p value that is a number, as printed; ``None`` where none or only a bound is printed."""
    if p is None or isinstance(p, Decimal):
        return None if p is None else str(p)
    written = _EXACT.fullmatch(p.strip())
    return None if written is None else written[1]
