"""Cohorts as papers make them: patients, accrual, censoring, Kaplan-Meier, and what is printed.

Nothing of the package's own arithmetic is used here, so that a mistake there cannot hide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType

import numpy as np
from scipy import special
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from studies.schema import Comparison, Landmark, SurvivalOutcome

Z95, LN2 = float(norm.ppf(0.975)), float(np.log(2.0))
CONVENTIONS = ("plain", "log", "log-log")

#: Long survivors of the mixture: their share, and the factor by which they live longer, as a step
#: on the standardised scale at the mixture's usual shape.
LONG_SHARE, LONG_STEP = 0.12, 0.9 * float(np.log(8.0))

#: Share of the patients who never die of the disease, in the world of a cured fraction.
CURED_SHARE = 0.12

#: Ratio of the shapes of the two arms of a report, in the worlds of two shapes.
APART = 1.5
TWO_SHAPES = ("weibull", "log-logistic")

#: Prentice's shape of the generalised gamma: negative is right-skewed.
GAMMA_Q = -0.5


def _weibull(w: np.ndarray) -> np.ndarray:
    return np.exp(-LN2 * np.exp(np.minimum(w, 30.0)))


def _mixture(w: np.ndarray) -> np.ndarray:
    return (1.0 - LONG_SHARE) * _weibull(w) + LONG_SHARE * _weibull(w - LONG_STEP)


def _cured(w: np.ndarray) -> np.ndarray:
    return (1.0 - CURED_SHARE) * _weibull(w) + CURED_SHARE


def _gamma(w: np.ndarray) -> np.ndarray:
    power = GAMMA_Q**-2.0
    below = special.gammainc(power, power * np.exp(np.clip(GAMMA_Q * w, -700.0, 30.0)))
    return below if GAMMA_Q < 0.0 else 1.0 - below


#: Survival of the standardised log time, whose median need not be nought here.
_SURVIVAL: Mapping[str, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        "weibull": _weibull,
        "log-logistic": lambda w: special.expit(-w),
        "log-normal": lambda w: norm.sf(w),
        "generalised gamma": _gamma,
        "long survivors": _mixture,
        "cured fraction": _cured,
    }
)


@dataclass(frozen=True)
class Truth:
    """Law of the patients' standardised log times: median 0, and shape 1 to be divided by.

    Attributes
    ----------
    name : str
        A family; or ``"long survivors"``, a Weibull of which a share lives eight times as long, or
        ``"cured fraction"``, one of which a share never dies.
    shape : float
        Shape of its mean study, near that of the disease.
    apart : float
        Ratio of the shapes of the two arms of a report.
    """

    name: str
    shape: float
    apart: float = 1.0

    @cached_property
    def _median(self) -> float:
        return float(brentq(lambda w: float(_SURVIVAL[self.name](np.array(w))) - 0.5, -5.0, 5.0))

    def survival(self, z: np.ndarray) -> np.ndarray:
        """Share of patients whose standardised log time is beyond ``z``."""
        return _SURVIVAL[self.name](np.asarray(z) + self._median)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Standardised log time by which a share ``u`` has had the event, by bisection."""
        u = np.asarray(u, dtype=float)
        low, high = np.full(u.shape, -50.0), np.full(u.shape, 50.0)
        for _ in range(60):
            middle = (low + high) / 2.0
            before = 1.0 - self.survival(middle) < u
            low, high = np.where(before, middle, low), np.where(before, high, middle)
        return (low + high) / 2.0


_SHAPES = {
    **{"weibull": 0.85, "log-logistic": 1.3, "log-normal": 0.75, "generalised gamma": 0.8},
    **{"long survivors": 0.9, "cured fraction": 0.9},
}
TRUTHS: Mapping[str, Truth] = MappingProxyType(
    {name: Truth(name, shape) for name, shape in _SHAPES.items()}
    | {
        f"{name} of two shapes": Truth(name, _SHAPES[name], APART)
        for name in ("weibull", "log-logistic")
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

    def with_others(self, others: Patients) -> Patients:
        """These patients and others, in one arm."""
        months = np.concatenate([self.months, others.months])
        return Patients(months, np.concatenate([self.event, others.event]))


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
    truth: Truth,
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
    truth : Truth
    follow : Follow or None
        None: every patient is followed to the event.
    """
    months = np.exp(log_median + truth.quantile(rng.uniform(size=n)) / shape)
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
    lower, upper = band(s, Z95 * np.sqrt(curve.log_variance), convention)
    # A curve that has fallen to nought has no band: both ends are nought where it is plain.
    if convention == "plain":
        lower, upper = (np.where(np.isnan(end), 0.0, end) for end in (lower, upper))
    return _median(curve), _first(curve.time, lower), _first(curve.time, upper)


def band(s: np.ndarray, half: np.ndarray, convention: str) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the confidence band.

    Parameters
    ----------
    s : ndarray
        Survival.
    half : ndarray
        1.96 times the standard error of log survival.
    convention : {"plain", "log", "log-log"}
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if convention == "plain":
            return s - half * s, s + half * s
        if convention == "log":
            return s * np.exp(-half), s * np.exp(half)
        power = half / np.abs(np.log(s))
        return s ** np.exp(power), s ** np.exp(-power)


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
class Style:
    """What an abstract chooses to print of an arm.

    Attributes
    ----------
    convention : {"plain", "log", "log-log"}
        Transformation behind its intervals.
    told : bool
        Whether the report names it.
    interval : bool
        Whether the median is printed with its interval.
    digits : int
        Decimals of a time in months.
    landmark : float or None
        Months at which survival is printed.
    landmark_interval : bool
        Whether with its interval.
    events : bool
        Whether the number of events is printed.
    """

    convention: str
    told: bool = False
    interval: bool = True
    digits: int = 1
    landmark: float | None = None
    landmark_interval: bool = False
    events: bool = False


@dataclass(frozen=True)
class Paper:
    """What a report prints of one arm, as the registry's own records, and the patients behind it.

    Attributes
    ----------
    n : int
    outcome : SurvivalOutcome
    landmarks : tuple of Landmark
    patients : Patients
    """

    n: int
    outcome: SurvivalOutcome
    landmarks: tuple[Landmark, ...]
    patients: Patients

    @property
    def reached(self) -> bool:
        """Whether the median was."""
        return isinstance(self.outcome.median, Decimal)


def print_arm(patients: Patients, style: Style) -> Paper:
    """Print one arm as an abstract does; a median not reached with its median follow-up."""
    curve = kaplan_meier(patients)
    middle, lower, upper = limits(curve, style.convention)
    printed: dict[str, object] = {"endpoint": "os", "unit": "months"}
    if style.events:
        printed["events"] = int(patients.event.sum())
    if middle is None:
        follow_up = decimal(_median_follow_up(patients), style.digits)
        printed |= {"median": "not reached", "follow_up": follow_up}
    else:
        printed["median"] = decimal(middle, style.digits)
    if style.interval and lower is not None:
        end = "not reached" if upper is None else decimal(upper, style.digits)
        printed |= {"ci": (decimal(lower, style.digits), end), "level": Decimal("0.95")}
        if style.told:
            printed["ci_method"] = style.convention
    marks = _landmarks(patients, curve, style)
    return Paper(patients.months.size, SurvivalOutcome(**printed), marks, patients)


def _landmarks(patients: Patients, curve: Curve, style: Style) -> tuple[Landmark, ...]:
    """Survival at the time asked for, where somebody was followed for longer."""
    if style.landmark is None or patients.months.max() <= style.landmark:
        return ()
    survival, variance = curve.at(style.landmark)
    printed: dict[str, object] = {
        "endpoint": "os",
        "time": decimal(style.landmark, 0),
        "unit": "months",
        "survival": decimal(survival, 2),
    }
    if style.landmark_interval and 0.0 < survival < 1.0:
        ends = band(np.array(survival), Z95 * np.sqrt(variance), style.convention)
        low, high = (decimal(float(np.clip(end, 0.0, 1.0)), 2) for end in ends)
        printed |= {"ci": (low, high), "level": Decimal("0.95")}
    return (Landmark(**printed),)


def _median_follow_up(patients: Patients) -> float:
    """By the reverse Kaplan-Meier curve; the longest follow-up where that is not reached."""
    median = _median(kaplan_meier(Patients(patients.months, ~patients.event)))
    return float(patients.months.max()) if median is None else median


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


def cox(one: Patients, other: Patients) -> tuple[float, float] | None:
    """Proportional hazards model of two groups without ties.

    Returns
    -------
    (float, float) or None
        Log hazard ratio of the first group against the second and its standard error; None where
        the partial likelihood has no peak within a ratio of some four hundred.
    """
    both = one.with_others(other)
    first = np.arange(both.months.size) < one.months.size
    times = both.months[both.event]
    at_risk = [(both.months[group] >= times[:, None]).sum(axis=1) for group in (first, ~first)]

    def part(beta: float) -> np.ndarray:
        own = at_risk[0] * np.exp(beta)
        return own / (own + at_risk[1])

    def score(beta: float) -> float:
        return float(first[both.event].sum() - part(beta).sum())

    if score(-6.0) <= 0.0 or score(6.0) >= 0.0:
        return None
    beta = float(brentq(score, -6.0, 6.0))
    return beta, float((part(beta) * (1.0 - part(beta))).sum() ** -0.5)


def print_comparison(
    first: Patients, second: Patients, names: tuple[str, str], *, ratio: bool = False
) -> Comparison:
    """Print the log-rank p value of the first group against the second, or their hazard ratio."""
    record = {"endpoint": "os", "groups": names}
    fitted = cox(first, second) if ratio else None
    if fitted is not None:
        ends = (fitted[0] + z * fitted[1] for z in (0.0, -Z95, Z95))
        middle, lower, upper = (decimal(float(np.exp(end)), 2) for end in ends)
        level = Decimal("0.95")
        return Comparison(**record, hr=middle, hr_ci=(lower, upper), level=level, test="Cox")
    p = logrank(first, second)[1]
    printed = Decimal(f"{p:.3f}") if p >= 0.0005 else "<0.001"
    return Comparison(**record, p=printed, test="log-rank")
