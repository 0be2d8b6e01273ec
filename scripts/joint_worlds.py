"""Registries in which some reports print overall survival, some progression-free, some both.

Patients have a time of death and a time to progression; they are progression-free until the first
of the two. The times of a patient go together by a Clayton copula of their survival functions
(Kendall's tau 0.5), with which the median of the first of both is known: the time to progression of
a cohort is placed such that the cohort's median progression-free survival is the one that the
hierarchy gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from scipy.optimize import brentq

from studies.figures import CohortRef, View
from studies.schema import NOT_REACHED, Study
from synthesis.observations import SurvivalData, survival_data
from synthesis.ranks import interval_ranks

CLASSES = {"t1": "c1", "t2": "c1", "t3": "c2", "t4": "c2"}
TREATMENTS = tuple(CLASSES)
COHORTS = 12  # six print both endpoints, three the one, three the other
PRINTS = (*(("os", "pfs"),) * 6, *(("os",),) * 3, *(("pfs",),) * 3)

#: Mean log median of each endpoint, and SD of the effects on it.
MEAN = {"os": float(np.log(6.0)), "pfs": float(np.log(3.0))}
SD = {"class": 0.25, "treatment": 0.2, "study": 0.3}
SHAPE = 1.3  # log-logistic
CLAYTON = 2.0  # Kendall's tau 0.5

#: The contrast that is watched.
CONTRAST = ("t1", "t3")


@dataclass(frozen=True)
class World:
    """Both endpoints of a simulated registry, and the truth by endpoint and quantity."""

    data: Mapping[str, SurvivalData]
    truth: Mapping[tuple[str, str], float]


def simulate(rng: np.random.Generator, correlation: float) -> World:
    """Draw effects, patients and what is printed of them.

    Parameters
    ----------
    rng : Generator
    correlation : float
        Between the effects on the two endpoints, of classes, treatments and studies alike.
    """
    while True:  # progression precedes death, and every treatment prints both endpoints
        effects = {
            level: _pair(rng, SD[level], count, correlation)
            for level, count in (("class", 2), ("treatment", 4), ("study", COHORTS))
        }
        # the same treatments in other roles in every world
        treatments = rng.permutation(np.arange(COHORTS) % len(TREATMENTS))
        base = {
            e: MEAN[e] + effects["class"][i][[0, 0, 1, 1]] + effects["treatment"][i]
            for i, e in enumerate(MEAN)
        }
        medians = {e: base[e][treatments] + effects["study"][i] for i, e in enumerate(MEAN)}
        printed = [{t for t, p in zip(treatments, PRINTS, strict=True) if e in p} for e in MEAN]
        if np.all(medians["os"] - medians["pfs"] > 0.1) and all(len(own) == 4 for own in printed):
            break
    truth: dict[tuple[str, str], float] = {}
    one, other = (TREATMENTS.index(name) for name in CONTRAST)
    for e in MEAN:
        truth[e, "mean log median"] = MEAN[e]
        truth[e, "contrast"] = float(base[e][one] - base[e][other])
    reports = []
    for j in range(COHORTS):
        n = 2 * int(rng.integers(5, 20)) + 1
        times = patients(rng, n, medians["os"][j], medians["pfs"][j])
        reports.append(_report(f"r{j:02d}", TREATMENTS[treatments[j]], times, PRINTS[j]))
    return World({e: _arranged(reports, e) for e in MEAN}, truth)


def _pair(rng: np.random.Generator, sd: float, count: int, correlation: float) -> np.ndarray:
    """Effects on both endpoints, ``(2, count)``."""
    first, rest = rng.standard_normal((2, count))
    return sd * np.stack([first, correlation * first + np.sqrt(1.0 - correlation**2) * rest])


def patients(
    rng: np.random.Generator, n: int, log_os: float, log_pfs: float
) -> dict[str, np.ndarray]:
    """Times of ``n`` patients of a cohort with these log medians, months."""
    u = rng.uniform(size=(2, n))
    # Clayton: the survival share of the second given that of the first
    second = (u[0] ** -CLAYTON * (u[1] ** (-CLAYTON / (1.0 + CLAYTON)) - 1.0) + 1.0) ** (
        -1.0 / CLAYTON
    )
    death = _time(u[0], log_os)
    progression = _time(second, log_pfs + _delay(log_os - log_pfs))
    return {"os": death, "pfs": np.minimum(death, progression)}


def _time(share: np.ndarray, log_median: float) -> np.ndarray:
    """Time to which a share survives, log-logistic."""
    return np.exp(log_median + np.log(1.0 / share - 1.0) / SHAPE)


def _delay(gap: float) -> float:
    """How much later than the median PFS half have progressed, if nobody died before.

    At the median PFS the share that is neither dead nor progressed is one half.
    """
    alive = 1.0 / (1.0 + np.exp(-SHAPE * gap))

    def excess(delay: float) -> float:
        free = 1.0 / (1.0 + np.exp(-SHAPE * delay))
        both = (alive**-CLAYTON + free**-CLAYTON - 1.0) ** (-1.0 / CLAYTON)
        return float(both - 0.5)

    return float(brentq(excess, 0.0, 50.0))


def _report(
    name: str, treatment: str, times: Mapping[str, np.ndarray], prints: tuple[str, ...]
) -> dict[str, Any]:
    outcomes = []
    for endpoint in prints:
        own = np.sort(times[endpoint])
        ranks = interval_ranks(own.size, "log-log")
        upper = NOT_REACHED if ranks.upper is None else _months(own[int(ranks.upper) - 1])
        outcomes.append(
            {
                "endpoint": endpoint,
                "median": _months(own[own.size // 2]),
                "unit": "months",
                "ci": [_months(own[int(ranks.lower) - 1]), upper],
                "level": Decimal("0.95"),
                "ci_method": "log-log",
            }
        )
    cohort = {
        "id": "arm",
        "treatment": treatment,
        "treatment_as_printed": treatment,
        "n": int(times["os"].size),
        "survival": outcomes,
    }
    citation = {"authors": ["Simulated"], "year": 2021}
    return {"id": name, "status": "verified", "citation": citation, "cohorts": [cohort]}


def _months(value: float) -> Decimal:
    return Decimal(f"{value:.4f}")


def _arranged(reports: list[dict[str, Any]], endpoint: str) -> SurvivalData:
    refs = []
    for record in reports:
        study = Study.model_validate(record)
        (cohort,) = study.cohorts
        if any(outcome.endpoint == endpoint for outcome in cohort.survival):
            refs.append(CohortRef(study, cohort, CLASSES[cohort.treatment], "systemic"))
    return survival_data(refs, View(endpoint, False, True), ["c1", "c2"])
