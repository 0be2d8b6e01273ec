"""Registries of simulated patients: what their reports would print, written and read as files.

Nothing of the package's arithmetic is used: patients, Kaplan-Meier curves and limits are made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from small_registry import VOCABULARY, cohort, landmark, median, study, subgroup, write_registry

from priors import Priors, load_priors
from studies import load_registry
from studies.figures import View
from studies.selection import select
from synthesis.fits import class_order
from synthesis.model.covariates import COVARIATES
from synthesis.model.observations import SurvivalData, survival_data

VIEW = View("os", verified_only=False, use_read_as=False)

# Treatment of each simulated report, and whether it prints pure and mixed patients apart.
REPORTS = (
    ("lenvatinib", True),
    ("lenvatinib", False),
    ("lenvatinib", False),
    ("sorafenib", True),
    ("sorafenib", False),
    ("paclitaxel", True),
    ("paclitaxel", False),
    ("best_care", False),
    ("best_care", False),
)
CLASS_OF = {"lenvatinib": "mki", "sorafenib": "mki", "paclitaxel": "chemo", "best_care": "care"}

# Log of the times at which a uniform share of patients has died, by median 1 and shape 1
LOG_TIME: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "weibull": lambda u: np.log(-np.log2(1.0 - u)),
    "log-logistic": lambda u: np.log(u / (1.0 - u)),
}


def simulation_priors() -> Priors:
    """Priors from which truths are drawn and with which they are fitted.

    Times lie around ten months, so that one printed decimal is fine against all of them.
    """
    priors = load_priors().replace("overall_median", location=float(np.log(10.0)), scale=0.3)
    for level in ("class", "treatment", "study"):
        priors = priors.replace(f"{level}_sd", scale=0.25)
    for name in ("shape_treatment_sd", "shape_sd"):
        priors = priors.replace(name, scale=0.1)
    return priors.replace("shape_log_logistic", location=0.4, scale=0.15)


@dataclass(frozen=True)
class Simulated:
    """A registry's observations and the truth behind them, by the name of the quantity."""

    data: SurvivalData
    truth: dict[str, float]
    log_median: dict[str, float]


def kaplan_meier(times: np.ndarray) -> tuple[float, float, float]:
    """Median with its log-log limits, as software prints them; an infinite limit is not reached.

    Every patient has died at a time of its own.
    """
    times = np.sort(times)
    at_risk = np.arange(times.size, 0, -1)
    curve = np.cumprod(1.0 - 1.0 / at_risk)[:-1]  # the last step has no log-log band
    greenwood = np.cumsum(1.0 / (at_risk * np.maximum(at_risk - 1.0, 1.0)))[:-1]
    half = 1.959964 * np.sqrt(greenwood) / np.abs(np.log(curve))
    lower, upper = curve ** np.exp(half), curve ** np.exp(-half)

    def first(band: np.ndarray) -> float:
        below = np.flatnonzero(band <= 0.5 + 1e-9)
        return float(times[below[0]]) if below.size else np.inf

    return float(np.median(times)), first(lower), first(upper)


def one_decimal(value: float) -> Decimal:
    """What a report prints."""
    return Decimal(f"{value:.1f}")


def printed(times: np.ndarray, *, limits: bool) -> dict:
    """Print the median of these patients' times, with its limits where asked for."""
    middle, lower, upper = kaplan_meier(times)
    if not limits:
        return median(one_decimal(middle))
    end = one_decimal(upper) if np.isfinite(upper) else "not reached"
    level = Decimal("0.95")
    interval = {"ci": [one_decimal(lower), end], "level": level, "ci_method": "log-log"}
    return median(one_decimal(middle), **interval)


def read(folder: Path, tables: list[dict], vocabulary: dict[str, Any] = VOCABULARY) -> SurvivalData:
    """Write the reports as files, read them back and arrange what they print."""
    registry = load_registry(write_registry(folder, *tables, vocabulary=vocabulary))
    counted = select(registry, "os").counted
    assert len(counted) == sum(len(report["cohorts"]) for report in tables)
    return survival_data(counted, VIEW, class_order(registry))


def drawn_from_priors(folder: Path, seed: int, priors: Priors, family: str) -> Simulated:
    """Draw every parameter from the priors and patients from the hierarchy, then print them.

    Reports that print no split have a share of mixed patients that only the simulation knows. All
    are retrospective and say nothing else of what kind of patients they have.
    """
    rng = np.random.default_rng(seed)

    def draw(name: str) -> float:
        value = priors[name].scale * rng.standard_normal()
        return abs(value) if priors[name].family == "half_normal" else priors[name].location + value

    centre = 1.0 / (1.0 + np.exp(-priors["mixed_share"].location))
    truth = {"mu": draw("overall_median"), "prognostic": draw("histology_prognostic")}
    for name in ("class_sd", "treatment_sd", "study_sd", "shape_treatment_sd", "shape_sd"):
        truth[name] = draw(name)
    truth["prognostic_sd"] = draw("histology_spread")
    truth["shape_mean"] = draw(f"shape_{family.replace('-', '_')}")
    covariate = {name: draw(f"covariate_{name}") for name in COVARIATES}
    by_class = {c: truth["class_sd"] * rng.standard_normal() for c in ("mki", "chemo", "care")}
    location, slope, shape = {}, {}, {}
    for treatment in CLASS_OF:
        location[treatment] = truth["mu"] + by_class[CLASS_OF[treatment]]
        location[treatment] += truth["treatment_sd"] * rng.standard_normal()
        truth[f"log median of {treatment}"] = location[treatment]
        slope[treatment] = truth["prognostic"] + draw("histology_predictive")
        shape[treatment] = truth["shape_treatment_sd"] * rng.standard_normal()
    tables, log_medians = [], {}
    for i, (treatment, split) in enumerate(REPORTS):
        study_effect = truth["study_sd"] * rng.standard_normal()
        log_k = truth["shape_mean"] + shape[treatment] + truth["shape_sd"] * rng.standard_normal()
        study_effect += 0.5 * covariate["retrospective"]  # as every report here is
        unknown = 1.0 / (1.0 + np.exp(-draw("mixed_share")))
        arms = {"pure": 0.0, "mixed": 1.0} if split else {"whole": unknown}
        own_slope, times = slope[treatment], {}
        if split:  # where both are told apart, reports differ
            own_slope += truth["prognostic_sd"] * rng.standard_normal()
        for arm, share in arms.items():
            log_median = location[treatment] + study_effect + own_slope * (share - centre)
            log_medians[f"report{i}:arm:{arm}"] = log_median
            uniform = rng.uniform(size=int(rng.integers(15, 46)))
            times[arm] = np.exp(log_median + LOG_TIME[family](uniform) / np.exp(log_k))
        tables.append(report(f"report{i}", treatment, times))
    truth |= {f"effect of {name}": value for name, value in covariate.items()}
    return Simulated(read(folder, tables), truth, log_medians)


def report(name: str, treatment: str, times: dict[str, np.ndarray], **more) -> dict:
    """Print one report: its pure and its mixed patients apart, or the whole with limits."""
    n = sum(own.size for own in times.values())
    if "whole" in times:
        figures = {"survival": [printed(times["whole"], limits=True)]} | more
    else:
        groups = [
            subgroup(histology, own.size, survival=[printed(own, limits=False)])
            for histology, own in times.items()
        ]
        figures = {"histology": {k: v.size for k, v in times.items()}, "subgroups": groups}
    return study(name, cohort("arm", treatment, n, **figures))


def heavy_tails(folder: Path, seed: int, *, sigma: float = 1.3) -> SurvivalData:
    """Log-normal survival with a long tail, the same in pure and mixed patients.

    Whole cohorts print survival at one and two years besides: the tail enters the likelihood.
    """
    rng = np.random.default_rng(seed)
    tables = []
    for i, (treatment, split) in enumerate(REPORTS):
        log_median = np.log(6.0) + 0.2 * rng.standard_normal()
        times = {
            arm: np.exp(log_median + sigma * rng.standard_normal(int(rng.integers(15, 46))))
            for arm in (("pure", "mixed") if split else ("whole",))
        }
        more = {}
        if not split and i % 2:
            alive = [float(np.mean(times["whole"] > month)) for month in (12, 24)]
            more["landmarks"] = [
                landmark(month, Decimal(f"{share:.2f}"))
                for month, share in zip((12, 24), alive, strict=True)
                if share > 0.0
            ]
        tables.append(report(f"report{i}", treatment, times, **more))
    return read(folder, tables)


def counted_often(data: SurvivalData, times: float) -> SurvivalData:
    """The same data in a wrong likelihood: every patient counted that many times."""
    arms = []
    for arm in data.arms:
        chains = []
        for own in arm.chains:
            cells = {name: times * getattr(own, name) for name in ("cell", "density", "beyond")}
            chains.append(replace(own, **cells))
        arms.append(replace(arm, chains=tuple(chains)))
    return replace(data, arms=tuple(arms))
