"""What software reports of patients' own times: Kaplan-Meier curve, its 95 % band, log-rank test.

No two patients have an event at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

_Z = NormalDist().inv_cdf(0.975)
_HALF = 0.5 + 1e-9  # a curve at one half must not miss it by rounding


@dataclass(frozen=True)
class Patients:
    """Follow-up of patients: months to the event or the end, and whether it was an event, (n,)."""

    months: np.ndarray
    event: np.ndarray

    @property
    def n(self) -> int:
        """Number of patients."""
        return self.months.size

    def only(self, chosen: np.ndarray | slice) -> Patients:
        """Some of the patients."""
        return Patients(self.months[chosen], self.event[chosen])


@dataclass(frozen=True)
class Steps:
    """A Kaplan-Meier curve at its event times, each ``(events,)``.

    Months, survival from there on, and Greenwood's variance of its logarithm (infinite at zero).
    """

    time: np.ndarray
    survival: np.ndarray
    variance: np.ndarray

    def at(self, months: float) -> tuple[float, float]:
        """Survival at a time, and the variance of its logarithm."""
        last = int(np.searchsorted(self.time, months, side="right")) - 1
        return (1.0, 0.0) if last < 0 else (float(self.survival[last]), float(self.variance[last]))

    @property
    def median(self) -> float | None:
        """First time at one half or below; the middle where the curve stays at one half."""
        below = np.flatnonzero(self.survival <= _HALF)
        if not below.size:
            return None
        first = int(below[0])
        stays = abs(self.survival[first] - 0.5) < 1e-9 and first + 1 < self.time.size
        return float(np.mean(self.time[first : first + 2]) if stays else self.time[first])

    def limits(self) -> tuple[float | None, float | None]:
        """Times at which the lower and the upper end of the band first reach one half.

        A curve at zero has no band.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = band(self.survival, self.variance)
        first = [np.flatnonzero(np.where(self.survival > 0.0, e, np.nan) <= _HALF) for e in ends]
        lower, upper = (float(self.time[at[0]]) if at.size else None for at in first)
        return lower, upper


def kaplan_meier(patients: Patients) -> Steps:
    """Kaplan-Meier curve of a group of patients."""
    order = np.lexsort((~patients.event, patients.months))
    months, event = patients.months[order], patients.event[order]
    at_risk = np.arange(months.size, 0, -1, dtype=float)
    survival = np.cumprod(1.0 - event / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(np.where(event, 1.0 / (at_risk * (at_risk - 1.0)), 0.0))
    return Steps(months[event], survival[event], variance[event])


def band(survival: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the 95 % band, by the log-log transformation."""
    power = np.exp(_Z * np.sqrt(variance) / np.abs(np.log(survival)))
    return survival**power, survival ** (1.0 / power)


def median_follow_up(patients: Patients) -> float:
    """By the reverse curve; the longest where fewer than half were followed to the analysis."""
    median = kaplan_meier(Patients(patients.months, ~patients.event)).median
    return float(patients.months.max()) if median is None else median


def logrank(first: Patients, second: Patients) -> tuple[float, float]:
    """Observed less expected events of the first group, and the variance of the difference."""
    months = np.concatenate([first.months, second.months])
    order = np.argsort(months, kind="stable")
    event = np.concatenate([first.event, second.event])[order]
    belongs = np.concatenate([np.ones(first.n), np.zeros(second.n)])[order]
    share = np.cumsum(belongs[::-1])[::-1] / np.arange(months.size, 0, -1)
    return float(np.sum((belongs - share)[event])), float(np.sum((share * (1.0 - share))[event]))
