"""Comparing draws with exact results: everything within four Monte Carlo standard errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from arviz import mcse

REFERENCE = Path(__file__).parent / "reference"

# Of the few hundred comparisons made here, a right sampler exceeds four standard errors with
# probability 6e-5 each; a bias of half a posterior SD in ten thousand draws is fifty of them.
LARGEST_Z = 4.0

# Names of the equal-tailed interval and the median in the reference files
QUANTILES = {"l95": 0.025, "median": 0.5, "u95": 0.975}


def reference(name: str) -> dict[str, Any]:
    """Read a file of exact results."""
    return json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))


def deviations(draws: Any, exact: dict[str, float], slack: float = 0.0) -> dict[str, float]:
    """Distance of mean and quantiles from exact results in Monte Carlo standard errors.

    `draws` has shape (chains, draws); `slack` is the error of the exact result itself.
    """
    draws = np.asarray(draws)
    found = {}
    for key, value in exact.items():
        if key == "mean":
            estimate, error = draws.mean(), float(mcse(draws, method="mean"))
        elif key in QUANTILES:
            estimate = np.quantile(draws, QUANTILES[key])
            error = float(mcse(draws, method="quantile", prob=QUANTILES[key]))
        else:
            continue
        found[key] = max(abs(float(estimate) - value) - slack, 0.0) / error
    assert "mean" in found
    return found


def assert_agrees(draws: Any, exact: dict[str, float], what: str, slack: float = 0.0) -> None:
    """Fail where a mean or quantile is more than four Monte Carlo standard errors away."""
    far = {k: z for k, z in deviations(draws, exact, slack).items() if not z < LARGEST_Z}
    assert not far, f"{what}: Monte Carlo standard errors from the exact result: {far}"
