r"""Which event times a Kaplan-Meier median and its confidence limits are.

A median and the limits found by inverting a confidence band of the Kaplan-Meier curve are event
times. Without censoring their ranks depend only on the number of patients and on the
transformation behind the band (Brookmeyer & Crowley 1982, doi 10.2307/2530286): with
:math:`S_j = 1 - j/n` and Greenwood's variance :math:`S_j(1 - S_j)/n`,

- ``plain``: :math:`S \pm z\,\mathrm{se}`,
- ``log``: :math:`S \exp(\pm z\,\mathrm{se}/S)`,
- ``log-log``: :math:`S^{\exp(\pm z\,\mathrm{se}/(S \log S))}`.

The lower limit is the first event time at which the lower band is at or below one half, the upper
limit the first at which the upper band is.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

METHODS = ("plain", "log", "log-log")


class Ranks(NamedTuple):
    """Ranks of lower limit, median and upper limit; ``None`` where a limit is not reached."""

    lower: float | None
    median: float
    upper: float | None


def median_rank(n: float) -> float:
    """Rank of the sample median of ``n`` times: ``(n + 1)/2``, half ranks where ``n`` is even.

    ``n`` may be fractional: an effective size.
    """
    return (n + 1.0) / 2.0


@lru_cache(maxsize=4096)
def interval_ranks(n: int, method: str, level: float = 0.95) -> Ranks:
    """Ranks of a Kaplan-Meier median and its limits among ``n`` uncensored times.

    Parameters
    ----------
    n : int
        Number of patients, at least one.
    method : str
        ``"plain"``, ``"log"`` or ``"log-log"``: the transformation behind the band.
    level : float
        Confidence level, ``0 < level < 1``.

    Returns
    -------
    Ranks

    Raises
    ------
    ValueError
        If ``n``, ``method`` or ``level`` is out of range.
    """
    if n < 1 or method not in METHODS or not 0.0 < level < 1.0:
        raise ValueError(f"no ranks for n={n!r}, method={method!r}, level={level!r}")
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    j = np.arange(1, n + 1)
    lower_band, upper_band = _bands(1.0 - j / n, n, z, method)
    return Ranks(
        _first_at_or_below_half(lower_band), median_rank(n), _first_at_or_below_half(upper_band)
    )


def _bands(s: np.ndarray, n: int, z: float, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper band at each event time; NaN where the transformation is undefined."""
    half_width = z * np.sqrt(s * (1.0 - s) / n)
    if method == "plain":
        return s - half_width, s + half_width
    lower, upper = np.full_like(s, np.nan), np.full_like(s, np.nan)
    inside = (s > 0.0) & (s < 1.0)
    p, h = s[inside], half_width[inside]
    if method == "log":
        lower[inside], upper[inside] = p * np.exp(-h / p), p * np.exp(h / p)
    else:
        # log S < 0, so the sign of the exponent decides which power is the lower band
        power = h / (p * np.log(p))
        lower[inside], upper[inside] = p ** np.exp(-power), p ** np.exp(power)
    return lower, upper


def _first_at_or_below_half(band: np.ndarray) -> float | None:
    # 1e-12: a band that is one half in exact arithmetic must not miss it by rounding
    at_or_below = np.flatnonzero(band <= 0.5 + 1e-12)
    return float(at_or_below[0] + 1) if at_or_below.size else None
