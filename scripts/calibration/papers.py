"""Cohorts as papers make them: patients, accrual, censoring, Kaplan-Meier, and what is printed.

Nothing of the likelihood is used here, so that a mistake there cannot hide: the laws of the
patients' times are written out once more. Curves and log-rank tests are those of
:mod:`synthesis.predictive`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import special
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from studies.kinds import NOT_REACHED
from studies.schema import Comparison, Landmark, SurvivalOutcome
from synthesis.predictive import Patients, Steps, kaplan_meier, logrank, median_follow_up

Z95, LN2 = float(norm.ppf(0.975)), float(np.log(2.0))
LEVEL = Decimal("0.95")

#: Long survivors of the mixture: their share, and the factor by which they live longer, as a step
#: on the standardised scale at the mixture's usual shape.
LONG_SHARE, LONG_STEP = 0.12, 0.9 * float(np.log(8.0))

#: Share of the patients who never die of the disease, in the world of a cured fraction.
CURED_SHARE = 0.12

#: Ratio of the shapes of the two arms of a report, in the worlds of two shapes.
APART = 1.5

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
_SURVIVAL: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "weibull": _weibull,
    "log-logistic": lambda w: special.expit(-w),
    "log-normal": norm.sf,
    "generalised gamma": _gamma,
    "long survivors": _mixture,
    "cured fraction": _cured,
}


@dataclass(frozen=True)
class Truth:
    """Law of the patients' standardised log times: median 0, and shape 1 to be divided by."""

    name: str
    """A family; or ``"long survivors"``, a Weibull of which a share lives eight times as long, or
    ``"cured fraction"``, one of which a share never dies."""
    shape: float
    """Shape of its mean study, near that of the disease."""
    apart: float = 1.0
    """Ratio of the shapes of the two arms of a report."""

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


TRUTHS: Mapping[str, Truth] = {
    "weibull": Truth("weibull", 0.85),
    "log-logistic": Truth("log-logistic", 1.3),
    "log-normal": Truth("log-normal", 0.75),
    "generalised gamma": Truth("generalised gamma", 0.8),
    "long survivors": Truth("long survivors", 0.9),
    "cured fraction": Truth("cured fraction", 0.9),
    "weibull of two shapes": Truth("weibull", 0.85, APART),
    "log-logistic of two shapes": Truth("log-logistic", 1.3, APART),
}


class Follow(NamedTuple):
    """Accrual and follow-up of a study, in multiples of the median.

    Patients enter evenly over ``accrual``; ``after`` runs from the last entry to the analysis.
    """

    accrual: float
    after: float


#: About no, 20 and 35 percent of censored times at the shapes of this disease.
FOLLOW: Mapping[str, Follow | None] = {
    "none": None,
    "moderate": Follow(5.0, 1.0),
    "heavy": Follow(3.0, 0.3),
}


def draw_patients(
    rng: np.random.Generator,
    n: int,
    *,
    log_median: float,
    shape: float,
    truth: Truth,
    follow: Follow | None,
) -> Patients:
    """Draw ``n`` patients of one arm.

    The median is in log months, the shape the slope of the standardised log time. Without
    ``follow`` every patient is followed to the event.
    """
    months = np.exp(log_median + truth.quantile(rng.uniform(size=n)) / shape)
    if follow is None:
        return Patients(months, np.ones(n, dtype=bool))
    end = np.exp(log_median) * (follow.after + follow.accrual * rng.uniform(size=n))
    return Patients(np.minimum(months, end), months <= end)


def together(first: Patients, second: Patients) -> Patients:
    """The patients of two groups in one."""
    months = np.concatenate([first.months, second.months])
    return Patients(months, np.concatenate([first.event, second.event]))


def limits(curve: Steps, convention: str) -> tuple[float | None, float | None]:
    """95 % limits of the median by inversion of the band; None where one is not reached."""
    s = np.where(curve.survival > 0.0, curve.survival, np.nan)
    ends = band(s, Z95 * np.sqrt(curve.variance), convention)
    # A curve that has fallen to nought has no band: both ends are nought where it is plain.
    if convention == "plain":
        ends = tuple(np.where(np.isnan(end), 0.0, end) for end in ends)
    below = [np.flatnonzero(end <= 0.5 + 1e-9) for end in ends]
    lower, upper = (float(curve.time[at[0]]) if at.size else None for at in below)
    return lower, upper


def band(s: np.ndarray, half: np.ndarray, convention: str) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the confidence band.

    ``half`` is 1.96 times the standard error of log survival.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if convention == "plain":
            return s - half * s, s + half * s
        if convention == "log":
            return s * np.exp(-half), s * np.exp(half)
        power = half / np.abs(np.log(s))
        return s ** np.exp(power), s ** np.exp(-power)


def decimal(value: float, digits: int = 1) -> Decimal:
    """What a report prints of a figure."""
    return Decimal(f"{value:.{digits}f}")


@dataclass(frozen=True)
class Style:
    """What an abstract chooses to print of an arm.

    The convention is the transformation behind its intervals, and told where the report names it.
    Times have so many decimals of a month. Survival is printed at the landmark, in months.
    """

    convention: str
    told: bool = False
    interval: bool = True
    digits: int = 1
    landmark: float | None = None
    landmark_interval: bool = False
    events: bool = False


class Paper(NamedTuple):
    """What a report prints of one arm, as records of the registry, and the patients behind it."""

    n: int
    outcome: SurvivalOutcome
    landmarks: tuple[Landmark, ...]
    patients: Patients

    @property
    def reached(self) -> bool:
        """Whether the median was."""
        return self.outcome.median != NOT_REACHED


def print_arm(patients: Patients, style: Style) -> Paper:
    """Print one arm as an abstract does; a median not reached with its median follow-up."""
    curve = kaplan_meier(patients)
    lower, upper = limits(curve, style.convention)
    printed: dict[str, object] = {"endpoint": "os", "unit": "months"}
    if style.events:
        printed["events"] = int(patients.event.sum())
    if curve.median is None:
        follow_up = decimal(median_follow_up(patients), style.digits)
        printed |= {"median": NOT_REACHED, "follow_up": follow_up}
    else:
        printed["median"] = decimal(curve.median, style.digits)
    if style.interval and lower is not None:
        end = NOT_REACHED if upper is None else decimal(upper, style.digits)
        printed |= {"ci": (decimal(lower, style.digits), end), "level": LEVEL}
        if style.told:
            printed["ci_method"] = style.convention
    marks = _landmarks(patients, curve, style)
    return Paper(patients.n, SurvivalOutcome(**printed), marks, patients)


def _landmarks(patients: Patients, curve: Steps, style: Style) -> tuple[Landmark, ...]:
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
        printed |= {"ci": (low, high), "level": LEVEL}
    return (Landmark(**printed),)


def cox(one: Patients, other: Patients) -> tuple[float, float] | None:
    """Proportional hazards model of two groups without ties.

    Returns
    -------
    (float, float) or None
        Log hazard ratio of the first group against the second and its standard error; None where
        the partial likelihood has no peak within a ratio of some four hundred.
    """
    both = together(one, other)
    first = np.arange(both.n) < one.n
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
        return Comparison(**record, hr=middle, hr_ci=(lower, upper), level=LEVEL, test="Cox")
    p = logrank_p(first, second)
    printed = decimal(p, 3) if p >= 0.0005 else "<0.001"
    return Comparison(**record, p=printed, test="log-rank")


def logrank_p(first: Patients, second: Patients) -> float:
    """Two-sided p value of the log-rank test."""
    difference, variance = logrank(first, second)
    return float(chi2.sf(difference**2 / variance, 1))
