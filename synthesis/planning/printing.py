r"""What a report prints of the patients of a study: Kaplan-Meier figures and a log-rank test.

The records are those of the registry, so that what reads a published report reads these. A trial
prints, of every group: the median with its 95 % limits by the log-log transformation, saying so;
the numbers of patients and of events; the median follow-up (by the reverse Kaplan-Meier curve); and
survival at 6 and 12 months with limits. Of two groups it prints the log-rank p to two digits, and
beside it the hazard ratio :math:`e^{(O - E)/V}` (Yusuf et al. 1985, doi
10.1016/s0033-0620(85)80003-7), which says which group lives longer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

import numpy as np

from studies.schema import NOT_REACHED, Comparison, Landmark, SurvivalOutcome

#: Months at which survival is printed.
LANDMARKS = (6, 12)

_LEVEL = Decimal("0.95")
_Z = NormalDist().inv_cdf(0.975)
_HALF = 0.5 + 1e-12  # a curve at one half must not miss it by rounding
_SMALLEST_P = 1e-50  # below, a decimal number would end as a bound


@dataclass(frozen=True)
class Patients:
    """Follow-up of a group of patients.

    Attributes
    ----------
    months : ndarray, shape (n,)
        To the event or to the end of follow-up.
    event : ndarray of bool, shape (n,)
    """

    months: np.ndarray
    event: np.ndarray

    @property
    def n(self) -> int:
        """Number of patients."""
        return self.months.size

    def only(self, chosen: np.ndarray) -> Patients:
        """Some of the patients."""
        return Patients(self.months[chosen], self.event[chosen])


@dataclass(frozen=True)
class Steps:
    """A Kaplan-Meier curve at its event times.

    Attributes
    ----------
    time, survival, variance : ndarray, shape (events,)
        Months, survival from there on, Greenwood's variance of its logarithm (infinite at nought).
    """

    time: np.ndarray
    survival: np.ndarray
    variance: np.ndarray

    def at(self, months: float) -> tuple[float, float]:
        """Survival at a time, and the variance of its logarithm."""
        place = int(np.searchsorted(self.time, months, side="right")) - 1
        return (
            (1.0, 0.0) if place < 0 else (float(self.survival[place]), float(self.variance[place]))
        )


def kaplan_meier(patients: Patients) -> Steps:
    """Kaplan-Meier curve of patients of whom no two have an event at the same time."""
    order = np.argsort(patients.months, kind="stable")
    months, event = patients.months[order], patients.event[order]
    left = np.arange(months.size, 0, -1, dtype=float)
    survival = np.cumprod(1.0 - event / left)
    with np.errstate(divide="ignore"):
        variance = np.cumsum(np.where(event, 1.0 / (left * (left - 1.0)), 0.0))
    return Steps(months[event], survival[event], variance[event])


def print_outcome(patients: Patients, endpoint: str) -> SurvivalOutcome:
    """Print the median of a group of patients with what stands around it."""
    steps = kaplan_meier(patients)
    middle = _median(steps)
    lower, upper = _limits(steps)
    printed: dict[str, object] = {
        "endpoint": endpoint,
        "unit": "months",
        "median": NOT_REACHED if middle is None else _one_decimal(middle),
        "events": int(patients.event.sum()),
        "follow_up": _one_decimal(_follow_up(patients)),
    }
    if lower is not None:
        end = NOT_REACHED if middle is None or upper is None else _one_decimal(upper)
        printed |= {"ci": (_one_decimal(lower), end), "level": _LEVEL, "ci_method": "log-log"}
    return SurvivalOutcome(**printed)


def print_landmarks(patients: Patients, endpoint: str) -> tuple[Landmark, ...]:
    """Print survival at fixed times that somebody was followed for."""
    steps, found = kaplan_meier(patients), []
    for months in LANDMARKS:
        if patients.months.max() <= months:
            continue
        survival, variance = steps.at(months)
        printed: dict[str, object] = {
            "endpoint": endpoint,
            "time": Decimal(months),
            "unit": "months",
            "survival": _three_decimals(survival),
        }
        if 0.0 < survival < 1.0:
            low, high = _band(np.array(survival), np.array(variance))
            printed |= {"ci": (_three_decimals(low), _three_decimals(high)), "level": _LEVEL}
        found.append(Landmark(**printed))
    return tuple(found)


def print_comparison(
    first: Patients, second: Patients, groups: tuple[str, str], endpoint: str
) -> Comparison | None:
    """Print the log-rank test of two groups; ``None`` where there is nothing to test."""
    difference, variance = logrank(first, second)
    if variance <= 0.0:
        return None
    p = math.erfc(abs(difference) / math.sqrt(2.0 * variance))
    ratio = math.exp(max(min(difference / variance, 6.0), -6.0))
    return Comparison(
        endpoint=endpoint,
        groups=groups,
        p=Decimal(f"{max(p, _SMALLEST_P):.2g}"),
        test="log-rank",
        hr=Decimal(f"{ratio:.3g}"),
    )


def logrank(first: Patients, second: Patients) -> tuple[float, float]:
    """Observed less expected events of the first group, and the variance of the difference."""
    months = np.concatenate([first.months, second.months])
    order = np.argsort(months, kind="stable")
    event = np.concatenate([first.event, second.event])[order]
    own = np.concatenate([np.ones(first.n), np.zeros(second.n)])[order]
    left = np.arange(months.size, 0, -1, dtype=float)
    share = np.cumsum(own[::-1])[::-1] / left
    difference = float(np.sum((own - share)[event]))
    return difference, float(np.sum((share * (1.0 - share))[event]))


def _median(steps: Steps) -> float | None:
    """The first time at one half or below; the middle where the curve stays at one half."""
    below = np.flatnonzero(steps.survival <= _HALF)
    if not below.size:
        return None
    first = int(below[0])
    stays = abs(steps.survival[first] - 0.5) < 1e-12 and first + 1 < steps.time.size
    return float(np.mean(steps.time[first : first + 2]) if stays else steps.time[first])


def _limits(steps: Steps) -> tuple[float | None, float | None]:
    """Times at which either end of the log-log band is first at one half or below."""
    inside = steps.survival > 0.0
    time = steps.time[inside]
    ends = _band(steps.survival[inside], steps.variance[inside])
    first = [np.flatnonzero(end <= _HALF) for end in ends]
    lower, upper = (float(time[found[0]]) if found.size else None for found in first)
    return lower, upper


def _band(survival: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the 95 % band by the log-log transformation."""
    power = np.exp(_Z * np.sqrt(variance) / np.abs(np.log(survival)))
    return survival**power, survival ** (1.0 / power)


def _follow_up(patients: Patients) -> float:
    """Median follow-up; the longest where fewer than half were followed to the end of the study."""
    found = _median(kaplan_meier(Patients(patients.months, ~patients.event)))
    return float(patients.months.max()) if found is None else found


def _one_decimal(value: float) -> Decimal:
    return Decimal(f"{value:.1f}")


def _three_decimals(value: float) -> Decimal:
    """A share, printed as a percentage with one decimal."""
    return Decimal(f"{float(value):.3f}")
