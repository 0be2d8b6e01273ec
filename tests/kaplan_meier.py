"""What a report would print of simulated patients: curves, limits, tests, ratios and rates."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import numpy as np
from calibration.papers import Z95, band, logrank_p

from synthesis.model.families import family
from synthesis.model.likelihoods import listed_patients
from synthesis.predictive import Patients, kaplan_meier

NR = "not reached"


def sixty_patients(rng: np.random.Generator, median: float, shape: float):
    """Times of sixty patients with a Weibull curve, a third of them censored, and who died."""
    event = median * (rng.exponential(size=60) / np.log(2.0)) ** (1.0 / shape)
    censored = rng.uniform(2.0, 24.0, size=60)
    return np.minimum(event, censored), event <= censored


def of_patients(times: np.ndarray, died: np.ndarray, log_median: np.ndarray, log_shape: np.ndarray):
    """Log likelihood of the patients themselves, on grids of the Weibull's parameters."""
    told = {"log_time": np.log(times), "event": died.astype(float)}
    at = log_median[..., None], log_shape[..., None]
    return listed_patients(*at, family("weibull"), **told).sum(axis=-1)


class Curve(NamedTuple):
    """A Kaplan-Meier curve at its event times, with its 95 % band."""

    times: np.ndarray
    survival: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def curve_of(times: np.ndarray, died: np.ndarray, method: str) -> Curve:
    """Estimate a curve of times without ties; ``method`` is the transformation of the band."""
    steps = kaplan_meier(Patients(np.asarray(times), np.asarray(died)))
    with np.errstate(invalid="ignore"):
        low, high = band(steps.survival, Z95 * np.sqrt(steps.variance), method)
    known = np.isfinite(low)
    ends = (np.clip(end, 0.0, 1.0)[known] for end in (low, high))
    return Curve(steps.time[known], steps.survival[known], *ends)


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
    everyone = Patients(times, died)
    return logrank_p(everyone.only(first), everyone.only(~first))
