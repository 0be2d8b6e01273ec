"""What a report would print of simulated patients: curves, limits, tests, ratios and rates."""

from __future__ import annotations

import math
from decimal import Decimal
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

Z = NormalDist().inv_cdf(0.975)
NR = "not reached"


class Curve(NamedTuple):
    """A Kaplan-Meier curve at its event times, with its 95 % band."""

    times: np.ndarray
    survival: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def curve_of(times: np.ndarray, died: np.ndarray, method: str) -> Curve:
    """Estimate a curve of times without ties; ``method`` is the transformation of the band."""
    order = np.argsort(times)
    times, died = times[order], died[order]
    at_risk = np.arange(len(times), 0, -1.0)
    factor = np.where(died, 1.0 - 1.0 / at_risk, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(np.where(died, 1.0 / (at_risk * (at_risk - 1.0)), 0.0))
        s = np.cumprod(factor)
        error = np.sqrt(greenwood)  # of log S
        if method == "plain":
            low, high = s - Z * s * error, s + Z * s * error
        elif method == "log":
            low, high = s * np.exp(-Z * error), s * np.exp(Z * error)
        else:
            power = Z * error / np.log(s)
            low, high = s ** np.exp(-power), s ** np.exp(power)
    events = died & np.isfinite(low)
    clipped = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    return Curve(times[events], s[events], clipped[0][events], clipped[1][events])


def crossing(times: np.ndarray, values: np.ndarray) -> float | None:
    """First time at which a falling curve is at or below one half."""
    below = np.flatnonzero(values <= 0.5 + 1e-12)
    return float(times[below[0]]) if below.size else None


def printed(value: float | None, digits: int = 1) -> Decimal | str:
    """A number as a report prints it."""
    return NR if value is None else Decimal(f"{value:.{digits}f}")


def survival_at(curve: Curve, time: float) -> tuple[float, float, float]:
    """Survival and its limits at a time."""
    place = int(np.searchsorted(curve.times, time, side="right")) - 1
    if place < 0:
        return 1.0, 1.0, 1.0
    return float(curve.survival[place]), float(curve.lower[place]), float(curve.upper[place])


def log_rank(times: np.ndarray, died: np.ndarray, first: np.ndarray) -> float:
    """Two-sided p value of the log-rank test."""
    expected = variance = 0.0
    for time in times[died]:
        at_risk = times >= time
        share = first[at_risk].mean()
        expected += share
        variance += share * (1.0 - share)
    z = (died & first).sum() - expected
    return math.erfc(abs(z) / math.sqrt(2.0 * variance)) if variance > 0.0 else 1.0


def hazard_ratio(
    times: np.ndarray, died: np.ndarray, first: np.ndarray
) -> tuple[float, float] | None:
    """Log hazard ratio of the first group and its standard error; None where it runs away."""
    beta = 0.0
    for _ in range(30):
        score = information = 0.0
        for time in times[died]:
            at_risk = times >= time
            weight = math.exp(beta) * first[at_risk].sum()
            share = weight / (weight + (~first[at_risk]).sum())
            score -= share
            information += share * (1.0 - share)
        score += (died & first).sum()
        if information < 1e-6 or abs(beta) > 5.0:
            return None
        beta += score / information
        if abs(score / information) < 1e-8:
            break
    return beta, 1.0 / math.sqrt(information)
