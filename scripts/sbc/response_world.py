"""Worlds of the response model: parameters from its priors, and the best responses then printed.

Each patient's best response is drawn from the hierarchy of :mod:`synthesis.model.response`, written
out here once more. Reports print all four groups, responders and disease control, or responders
alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from priors import Priors
from sbc import records
from studies.responses import ResponseRefused, best_responses
from synthesis.model.response import STAGES, ResponseData, response_data, variable

CLASSES = {"t1": "c1", "t2": "c1", "t3": "c2", "t4": "c2", "t5": "c3"}

#: Report, treatment, evaluable patients and how many stages are printed.
PLANS = (
    *(("allocated", "t1", 24, 3), ("allocated", "t3", 26, 3)),
    *(("hospital", "t2", 9, 3), ("hospital", "t4", 17, 3)),
    *(("one", "t1", 12, 2), ("two", "t1", 40, 3), ("three", "t2", 33, 3), ("four", "t2", 8, 1)),
    *(("five", "t3", 15, 1), ("six", "t3", 36, 3), ("seven", "t4", 21, 2), ("eight", "t5", 19, 3)),
)
_LEVELS = ("class", "treatment", "study")


@dataclass(frozen=True)
class World:
    """A simulated registry with its truth: variable -> value, of the shape that draws have."""

    data: ResponseData
    truth: Mapping[str, np.ndarray]


def simulate(rng: np.random.Generator, priors: Priors) -> World:
    """Draw a world from the priors."""
    labels = {
        "class": sorted(set(CLASSES.values())),
        "treatment": sorted(CLASSES),
        "study": sorted({report for report, *_ in PLANS}),
    }
    truth: dict[str, np.ndarray] = {}
    for stage in STAGES:
        prior = priors[f"{stage}_overall"]
        log_odds = np.full(len(PLANS), prior.location + prior.scale * rng.standard_normal())
        truth[variable(stage, "mu")] = log_odds[0]
        for level in _LEVELS:
            sd = abs(priors[f"{stage}_{level}_sd"].scale * rng.standard_normal())
            effect = sd * rng.standard_normal(len(labels[level]))
            truth[variable(stage, f"{level}_sd")] = sd
            truth[variable(stage, f"{level}_effect")] = effect
            for j, (report, treatment, *_) in enumerate(PLANS):
                of = {"class": CLASSES[treatment], "treatment": treatment, "study": report}
                log_odds[j] += effect[labels[level].index(of[level])]
        truth[variable(stage, "log_odds")] = log_odds
    reports: dict[str, dict[str, Any]] = {}
    for j, (report, treatment, n, printed) in enumerate(PLANS):
        odds = [truth[variable(stage, "log_odds")][j] for stage in STAGES]
        own = reports.setdefault(report, records.report(report))["cohorts"]
        response = _response(rng, odds, n, printed)
        own.append(records.cohort(f"{report}_{treatment}", treatment, n, response=response))
    return World(_arranged(reports.values()), truth)


def _response(
    rng: np.random.Generator, log_odds: list[np.ndarray], n: int, printed: int
) -> dict[str, int]:
    """Best responses of ``n`` patients, one by one, and what is printed of them."""
    responds, controlled, complete = (rng.uniform(size=n) < expit(own) for own in log_odds)
    responders = int(responds.sum())
    stable = int((~responds & controlled).sum())
    cr = int((responds & complete).sum())
    if printed == 1:
        return {"responders": responders, "evaluable": n}
    if printed == 2:
        control = responders + stable
        return {"responders": responders, "disease_control": control, "evaluable": n}
    rest = n - responders - stable
    return {"cr": cr, "pr": responders - cr, "sd": stable, "pd": rest, "evaluable": n}


def _arranged(reports: Any) -> ResponseData:
    refs = records.cohorts_of(reports, CLASSES)
    counts = []
    for ref in refs:
        count = best_responses(ref.cohort.response, ref.cohort.n)
        if isinstance(count, ResponseRefused):
            raise ValueError(f"{ref.id}: {count.reason}")
        counts.append(count)
    return response_data(refs, counts, sorted(set(CLASSES.values())))
