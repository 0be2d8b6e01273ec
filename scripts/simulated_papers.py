"""Cohorts as papers make them: patients, accrual, censoring, Kaplan-Meier, and what is printed.

Nothing of the package's own arithmetic is used here, so that a mistake there cannot hide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

import numpy as np
from scipy.stats import chi2, norm

from studies.outcomes import Comparison, Landmark, SurvivalOutcome

Z95 = float(norm.ppf(0.975))
CONVENTIONS = ("plain", "log", "log-log")

#: Log of the time at which a uniform share of patients has had the event; median 1, shape 1.
LOG_TIME: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "weibull": lambda u: np.log(-np.log2(1.0 - u)),
        "log-logistic": lambda u: np.log(u / (1.0 - u)),
        "log-normal": norm.ppf,
    }
)


@dataclass(frozen=True)
class Patients:
    """Follow-up of the patients of one arm.

    Attributes
    ----------
    months : ndarray, shape (n,)
        Time to the event or to the end of follow-up.
    event : ndarray of bool, shape (n,)
    """

    months: np.ndarray
    event: np.ndarray


@dataclass(frozen=True)
class Follow:
    """Accrual and follow-up of a study, in multiples of the median: none means all had the event.

    Attributes
    ----------
    accrual : float
        Patients enter evenly over this time.
    after : float
        Time from the last entry to the analysis.
    """

    accrual: float
    after: float


#: About no, 20 and 35 percent of censored times at the shapes of this disease.
FOLLOW: Mapping[str, Follow | None] = MappingProxyType(
    {"none": None, "moderate": Follow(5.0, 1.0), "heavy": Follow(3.0, 0.3)}
)


def draw_patients(
    rng: np.random.Generator,
    n: int,
    *,
    log_median: float,
    shape: float,
    family: str,
    follow: Follow | None,
) -> Patients:
    """Draw the patients of one arm.

    Parameters
    ----------
    rng : Generator
    n : int
        Patients.
    log_median : float
        Log months.
    shape : float
        Slope of the standardised log time.
    family : {"weibull", "log-logistic", "log-normal"}
    follow : Follow or None
        None: every patient is followed to the event.
    """
    months = np.exp(log_median + LOG_TIME[family](rng.uniform(size=n)) / shape)
    if follow is None:
        return Patients(months, np.ones(n, dtype=bool))
    end = np.exp(log_median) * (follow.after + follow.accrual * rng.uniform(size=n))
    return Patients(np.minimum(months, end), months <= end)


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier curve at its event times, with Greenwood's variance of log survival."""

    time: np.ndarray
    survival: np.ndarray
    log_variance: np.ndarray

    def at(self, months: float) -> tuple[float, float]:
        """Survival and the variance of its log at a time; (1, 0) before the first event."""
        i = int(np.searchsorted(self.time, months, side="right")) - 1
        return (1.0, 0.0) if i < 0 else (float(self.survival[i]), float(self.log_variance[i]))


def kaplan_meier(patients: Patients) -> Curve:
    """Kaplan-Meier curve of these patients."""
    order = np.lexsort((~patients.event, patients.months))
    months, event = patients.months[order], patients.event[order]
    at_risk = np.arange(months.size, 0, -1)
    keep = event
    survival = np.cumprod(1.0 - event / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(np.where(event, 1.0 / (at_risk * (at_risk - 1.0)), 0.0))
    return Curve(months[keep], survival[keep], variance[keep])


def limits(curve: Curve, convention: str) -> tuple[float | None, float | None, float | None]:
    """Median with its 95 % limits by inversion of the band; None where one is not reached.

    Where the curve stands at exactly one half the median is the middle of the flat piece.
    """
    s = np.where(curve.survival > 0.0, curve.survival, np.nan)
    half = Z95 * np.sqrt(curve.log_variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        if convention == "plain":
            lower, upper = s - half * s, s + half * s
        elif convention == "log":
            lower, upper = s * np.exp(-half), s * np.exp(half)
        else:
            power = half / np.abs(np.log(s))
            lower, upper = s ** np.exp(power), s ** np.exp(-power)
    # A curve that has fallen to nought has no band: both ends are nought where it is plain.
    if convention == "plain":
        lower, upper = (np.where(np.isnan(band), 0.0, band) for band in (lower, upper))
    return _median(curve), _first(curve.time, lower), _first(curve.time, upper)


def _first(time: np.ndarray, band: np.ndarray) -> float | None:
    below = np.flatnonzero(band <= 0.5 + 1e-9)
    return float(time[below[0]]) if below.size else None


def _median(curve: Curve) -> float | None:
    below = np.flatnonzero(curve.survival <= 0.5 + 1e-9)
    if not below.size:
        return None
    i = below[0]
    on_half = abs(curve.survival[i] - 0.5) < 1e-9 and i + 1 < curve.time.size
    return float((curve.time[i] + curve.time[i + 1]) / 2.0 if on_half else curve.time[i])


def decimal(value: float, digits: int = 1) -> Decimal:
    """What a report prints of a figure."""
    return Decimal(f"{value:.{digits}f}")


@dataclass(frozen=True)
class Paper:
    """What a report prints of one arm, as the registry's own records, and the patients behind it.

    Attributes
    ----------
    n : int
    outcome : SurvivalOutcome or None
        None where the median was not reached.
    landmarks : tuple of Landmark
    patients : Patients
    limits : tuple
        Median and limits before rounding; None where not reached.
    """

    n: int
    outcome: SurvivalOutcome | None
    landmarks: tuple[Landmark, ...]
    patients: Patients
    limits: tuple[float | None, float | None, float | None]


def print_arm(
    patients: Patients,
    *,
    convention: str,
    told: bool,
    interval: bool = True,
    landmark: float | None = None,
    events: bool = False,
) -> Paper:
    """Print one arm as an abstract does.

    Parameters
    ----------
    patients : Patients
    convention : {"plain", "log", "log-log"}
        Transformation behind the interval.
    told : bool
        Whether the report names it.
    interval : bool
        Whether the median is printed with its interval.
    landmark : float or None
        Months at which survival is printed, without an interval.
    events : bool
        Whether the number of events is printed.
    """
    n = patients.months.size
    curve = kaplan_meier(patients)
    found = limits(curve, convention)
    middle, lower, upper = found
    marks: tuple[Landmark, ...] = ()
    reach = float(patients.months.max())
    if landmark is not None and reach > landmark:
        survival = decimal(curve.at(landmark)[0], 2)
        marks = (Landmark(endpoint="os", time=decimal(landmark), unit="months", survival=survival),)
    if middle is None:
        return Paper(n, None, marks, patients, found)
    printed: dict[str, object] = {"endpoint": "os", "median": decimal(middle), "unit": "months"}
    if interval and lower is not None:
        end = "not reached" if upper is None else decimal(upper)
        printed |= {"ci": (decimal(lower), end), "level": Decimal("0.95")}
        if told:
            printed["ci_method"] = convention
    if events:
        printed["events"] = int(patients.event.sum())
    return Paper(n, SurvivalOutcome(**printed), marks, patients, found)


def logrank(one: Patients, other: Patients) -> tuple[float, float]:
    """Log-rank test of two groups.

    Returns
    -------
    (float, float)
        Observed less expected events of the first group over the root of its variance, and the
        two-sided p value.
    """
    months = np.concatenate([one.months, other.months])
    event = np.concatenate([one.event, other.event])
    first = np.concatenate([np.ones(one.months.size), np.zeros(other.months.size)])
    score = variance = 0.0
    for time in np.unique(months[event]):
        here = months >= time
        total, own = here.sum(), first[here].sum()
        died = event & (months == time)
        d = died.sum()
        share = own / total
        score += first[died].sum() - d * share
        if total > 1:
            variance += d * share * (1.0 - share) * (total - d) / (total - 1)
    z = score / np.sqrt(variance)
    return float(z), float(chi2.sf(z * z, 1))


def print_comparison(mixed: Patients, pure: Patients) -> Comparison:
    """Print the log-rank p value of mixed against pure histology."""
    p = logrank(mixed, pure)[1]
    printed = Decimal(f"{p:.3f}") if p >= 0.0005 else "<0.001"
    return Comparison(endpoint="os", groups=("mixed", "pure"), p=printed, test="log-rank")
