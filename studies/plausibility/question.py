r"""What a check is, what it may look at, and the laws that printed figures must obey.

**Limits of a median.** The limits of a Kaplan-Meier median are event times. Among :math:`n`
uncensored times they are the order statistics of about the ranks
:math:`(n + 1)/2 \mp z\sqrt{n}/2` (Brookmeyer & Crowley 1982, doi 10.2307/2530286); which whole
number each rank becomes depends on the transformation behind the band, by about `RANK_SLACK`.
Where survival is Weibull with shape :math:`k`, :math:`T^k` is exponential, so that
:math:`k \log(U/L)` is the log of the ratio of two exponential order statistics, whatever the
median and the shape. The lower one, :math:`E_a`, and the step :math:`D` from it to the upper one
are independent sums of exponentials (Rényi 1953), each close to a gamma variable of the same mean
and variance, so that :math:`D/E_a` is close to a multiple of an F variable.

**Limits of a proportion.** A number of survivors or responders is binomial.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from statistics import NormalDist
from typing import Any

from studies.figures import half_step, in_months
from studies.problems import Finding, show
from studies.registry import Registry
from studies.schema import NOT_REACHED, Cohort, Study, Subgroup, Unit
from studies.selection import overlap_groups

Path = tuple[str | int, ...]
Arm = Cohort | Subgroup
#: A check: takes a study and its surroundings, yields findings with paths relative to the study.
Question = Callable[[Study, "Surroundings"], Iterator[Finding]]


@dataclass(frozen=True)
class Surroundings:
    """The registry around a study, with what is found quickly in it."""

    registry: Registry
    """The registry."""
    suspicions: Mapping[str, tuple[Finding, ...]]
    """Earlier reports that may count some of the same patients, by study."""
    same_report: Mapping[str, tuple[Finding, ...]]
    """Earlier studies with the same item of citation, by study."""

    def of_main_disease(self, cohort: Cohort) -> bool:
        """Return whether a cohort has the disease that the registry is about."""
        return cohort.disease in (None, self.registry.vocabulary.main_disease)

    @cached_property
    def usual_medians(self) -> Mapping[str, tuple[float, float]]:
        """Usual medians of an endpoint in months, by endpoint."""
        endpoints = self.registry.vocabulary.endpoints
        printed = {entry.id: entry.usual_median_months for entry in endpoints}
        return {name: (float(pair[0]), float(pair[1])) for name, pair in printed.items() if pair}

    @cached_property
    def partners(self) -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """The studies that share patients with one as declared, and those reached by way of them.

        Whoever of the two declares it.
        """
        found = {}
        for group in overlap_groups(self.registry):
            direct: dict[str, set[str]] = {study: set() for study in group.studies}
            for edge in group.edges:
                direct[edge.one].add(edge.other)
                direct[edge.other].add(edge.one)
            for study, others in direct.items():
                through = set(group.studies) - others - {study}
                found[study] = tuple(sorted(others)), tuple(sorted(through))
        return found


def arms(study: Study) -> Iterator[tuple[Arm, Path, Cohort]]:
    """Yield every cohort and subgroup of a study with its path and the cohort it stands in."""
    for place, cohort in enumerate(study.cohorts):
        path: Path = ("cohorts", place)
        yield cohort, path, cohort
        for number, subgroup in enumerate(cohort.subgroups):
            yield subgroup, (*path, "subgroups", number), cohort


def figures(study: Study, kind: str) -> Iterator[tuple[Arm, Path, Any]]:
    """Yield every survival, landmark or characteristic of a study with its arm and its path."""
    for arm, path, _ in arms(study):
        for place, figure in enumerate(getattr(arm, kind)):
            yield arm, (*path, kind, place), figure


def months(value: Decimal | str | None, unit: Unit | None) -> tuple[float, float] | None:
    """Return the earliest and the latest time, in months, that rounds to a printed one."""
    if value is None or value == NOT_REACHED or unit is None or not isinstance(value, Decimal):
        return None
    step = half_step(value)
    return max(in_months(value - step, unit), 0.0), in_months(value + step, unit)


def level_of(printed: Decimal | None) -> float:
    """Return a confidence level: 0.95 where none is printed, or one that no interval has."""
    return 0.95 if printed is None or not 0.5 <= printed <= Decimal("0.999") else float(printed)


def timed(time: Decimal | str | None, unit: Unit | None) -> str:
    """Return a printed time in words: ``5.5 months``, ``1 year``, ``"not reached"``."""
    if not isinstance(time, Decimal) or unit is None:
        return show(time)
    return f"{time} {unit[:-1] if time == 1 else unit}"


def timed_in_months(time: Decimal, unit: Unit) -> str:
    """Return a printed time in words, and in months where it is printed in another unit."""
    words = timed(time, unit)
    return words if unit == "months" else f"{words}, which are {in_months(time, unit):.3g} months"


# --- Laws ---------------------------------------------------------------------------------------

_NORMAL = NormalDist()
_MANY = 1000.0  # variance of a count from which on it is as good as normal
FEWEST = 8  # below, the ranks of the limits leave the sample for one transformation or another
# Bands of 8 to 200 times put both limits, or their distance, about a rank from the formula; what
# is left (a log-log lower limit of 8 times, a log upper one) moves the tails too little to matter.
RANK_SLACK = 1.0


def z_of(level: float) -> float:
    """Return the normal quantile of a two-sided confidence level: 1.96 for 0.95."""
    return _NORMAL.inv_cdf(0.5 + level / 2.0)


def z_of_p(p: float) -> float:
    """Return the absolute normal deviate of a two-sided p value, 0 < p <= 1."""
    return _NORMAL.inv_cdf(1.0 - max(p, 1e-15) / 2.0)


def median_interval_ranks(n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the ranks of the limits of a median among ``n`` uncensored times."""
    reach = z_of(level) * math.sqrt(n) / 2.0
    middle = (n + 1.0) / 2.0
    return max(middle - reach, 1.0), min(middle + reach, n)


def log_ratio_quantile(n: float, lower: float, upper: float, probability: float) -> float:
    """Return a quantile of the log ratio of two exponential order statistics."""
    first = _exponential_step(n, 0.0, lower)
    step = _exponential_step(n, lower, upper)
    shape_first, shape_step = first[0] ** 2 / first[1], step[0] ** 2 / step[1]
    ratio = _f_quantile(2.0 * shape_step, 2.0 * shape_first, probability)
    return math.log1p(ratio * step[0] / first[0])


def _exponential_step(n: float, lower: float, upper: float) -> tuple[float, float]:
    """Mean and variance of the step between two order statistics of ``n`` unit exponentials."""
    high, low = n - lower + 1.0, n - upper + 1.0
    return _digamma(high) - _digamma(low), _trigamma(low) - _trigamma(high)


def _f_quantile(first: float, second: float, probability: float) -> float:
    """Quantile of the F distribution by Paulson's normal approximation to its cube root."""
    z = _NORMAL.inv_cdf(probability)
    a, b = 2.0 / (9.0 * first), 2.0 / (9.0 * second)
    # ((1 - b) x - (1 - a)) / sqrt(b x^2 + a) = z, solved for the cube root x
    square, linear = (1.0 - b) ** 2 - z * z * b, (1.0 - a) * (1.0 - b)
    if square <= 0.0:
        return math.inf if z > 0.0 else 0.0
    root = math.sqrt(max(linear**2 - square * ((1.0 - a) ** 2 - z * z * a), 0.0))
    return max((linear + math.copysign(root, z)) / square, 0.0) ** 3


@lru_cache(maxsize=4096)
def _digamma(x: float) -> float:
    shift = 0.0
    while x < 6.0:
        shift -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    return shift + math.log(x) - 0.5 / x - r * (1 / 12 - r * (1 / 120 - r / 252))


@lru_cache(maxsize=4096)
def _trigamma(x: float) -> float:
    shift = 0.0
    while x < 6.0:
        shift += 1.0 / (x * x)
        x += 1.0
    r = 1.0 / (x * x)
    return shift + 1.0 / x + r / 2.0 + r / x * (1 / 6 - r * (1 / 30 - r / 42))


def binomial_at_most(count: int, of: int, probability: float) -> float:
    """Return the probability of at most ``count`` of ``of`` events."""
    if count < 0:
        return 0.0
    if count >= of or probability <= 0.0:
        return 1.0
    if probability >= 1.0:
        return 0.0
    mean = of * probability
    if mean * (1.0 - probability) > _MANY:
        spread = math.sqrt(mean * (1.0 - probability))
        return _NORMAL.cdf((count + 0.5 - mean) / spread)
    # The terms fall away from the mean: the side of the count that leaves it out is summed.
    if count < mean:
        return _terms(range(count, -1, -1), of, probability)
    return max(1.0 - _terms(range(count + 1, of + 1), of, probability), 0.0)


def _terms(counts: range, of: int, probability: float) -> float:
    """Sum of the binomial probabilities of counts that lead away from the mean."""
    log_p, log_q, total = math.log(probability), math.log1p(-probability), 0.0
    for k in counts:
        log_ways = math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        term = math.exp(log_ways + k * log_p + (of - k) * log_q)
        total += term
        if term <= 1e-12 * total:
            break
    return min(total, 1.0)


def exact_interval(count: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a proportion."""
    alpha = (1.0 - level) / 2.0
    lower, upper = 0.0, 1.0
    if count > 0:
        lower = _solve(lambda p: 1.0 - binomial_at_most(count - 1, of, p), alpha)
    if count < of:
        upper = 1.0 - _solve(lambda q: binomial_at_most(count, of, 1.0 - q), alpha)
    return lower, upper


def _solve(rising: Callable[[float], float], target: float) -> float:
    """Where a function that rises from 0 to 1 on [0, 1] meets a target."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2.0


def wilson_interval(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion."""
    z = z_of(level)
    middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z * math.sqrt(share * (1.0 - share) / n + (z / (2.0 * n)) ** 2) / (1.0 + z * z / n)
    return middle - reach, middle + reach


def wald_interval(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a proportion by its standard error, cut at 0 and 1."""
    reach = z_of(level) * math.sqrt(share * (1.0 - share) / n)
    return max(share - reach, 0.0), min(share + reach, 1.0)


def log_log_interval(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a survival probability on the scale of log(-log S)."""
    if not 0.0 < share < 1.0:
        return share, share
    power = z_of(level) * math.sqrt((1.0 - share) / (share * n)) / -math.log(share)
    power = min(power, 100.0)
    return share ** math.exp(power), share ** math.exp(-power)
