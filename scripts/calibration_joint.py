"""What a joint model of both survival endpoints gains over two models apart.

Registries of twelve cohorts are simulated with patients whose times to death and to progression go
together (``joint_worlds.py``); half of the cohorts print one endpoint only. The mean log median of
each endpoint and a contrast of two treatments are estimated jointly and apart.

    python scripts/calibration_joint.py                    resumes where it was interrupted
    python scripts/calibration_joint.py --replicates 20    of each setting
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joint_worlds
import numpy as np
from rich.progress import Progress

from priors import load_priors
from synthesis.families import family
from synthesis.fit import Draws, SamplerSettings, run
from synthesis.joint import joint_problem, united
from synthesis.model_arrays import sizes_for
from synthesis.survival import survival_problem

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "tests" / "reference" / "calibration_joint.csv"
RUNS = ROOT / "results" / "calibration_joint"
BLOCK = 5  # replicates of one file: what an interrupt can lose
REPLICATES = 20
SEED = 77

#: Correlation between the effects on the two endpoints: as the prior expects, and close.
CORRELATIONS = (0.5, 0.9)

ENDPOINTS = ("os", "pfs")
SETTINGS = {"draws": 250, "tune": 400, "chains": 4, "target_accept": 0.9}

COLUMNS = (
    *("correlation", "endpoint", "quantity", "method", "coverage", "coverage_mcse", "bias"),
    *("bias_mcse", "rmse", "width", "width_ratio", "replicates", "date"),
)


def replicate(correlation: float, number: int) -> list[dict[str, Any]]:
    """Simulate one registry and fit it jointly and apart.

    Returns
    -------
    list of dict
        Error and width of each quantity by each method, and whether it was covered.
    """
    rng = np.random.default_rng([SEED, round(100 * correlation), number])
    world = joint_worlds.simulate(rng, correlation)
    settings = SamplerSettings(seed=int(rng.integers(2**31)), **SETTINGS)
    priors, chosen = load_priors(), family("log-logistic")
    both = united(world.data["os"], world.data["pfs"])
    problem = joint_problem(*both, priors, chosen, sizes_for(list(both)))
    joint = run(problem, settings, cache=False)
    found = []
    for endpoint, data in zip(ENDPOINTS, both, strict=True):
        own = world.data[endpoint]
        alone = survival_problem(own, priors, chosen, sizes_for(list(both)))
        separate = run(alone, settings, cache=False)
        methods = (("joint", joint, f"{endpoint}::", data), ("apart", separate, "", own))
        for method, draws, prefix, observed in methods:
            for quantity, values in _quantities(draws, prefix, observed.treatments).items():
                truth = world.truth[endpoint, quantity]
                low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
                found.append(
                    {
                        "endpoint": endpoint,
                        "quantity": quantity,
                        "method": method,
                        "covered": bool(low <= truth <= high),
                        "error": float(middle - truth),
                        "width": float(high - low),
                    }
                )
    return found


def _quantities(draws: Draws, prefix: str, treatments: Sequence[str]) -> dict[str, np.ndarray]:
    posterior = draws.tree["posterior"]
    one, other = joint_worlds.CONTRAST
    if not {one, other} <= set(treatments):
        raise ValueError(f"the simulated registry lacks {one} or {other}")
    level = {
        name: posterior[f"{prefix}class_effect"].sel({"class": joint_worlds.CLASSES[name]})
        + posterior[f"{prefix}treatment_effect"].sel(treatment=name)
        for name in (one, other)
    }
    return {
        "mean log median": posterior[f"{prefix}mu"].to_numpy().ravel(),
        "contrast": (level[one] - level[other]).to_numpy().ravel(),
    }


def run_all(wanted: int, folder: Path) -> None:
    """Make what is not there yet; every block of replicates is a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    blocks = [(c, b) for b in range(-(-wanted // BLOCK)) for c in CORRELATIONS]
    with Progress() as progress:
        task = progress.add_task("blocks of replicates", total=len(blocks))
        for correlation, block in blocks:
            path = block_file(folder, correlation, block)
            if not path.exists():
                numbers = range(block * BLOCK, (block + 1) * BLOCK)
                own = [replicate(correlation, number) for number in numbers]
                part = path.with_suffix(f".{os.getpid()}.part")
                part.write_text(json.dumps(own), encoding="utf-8")
                part.replace(path)
            progress.advance(task)


def block_file(folder: Path, correlation: float, block: int) -> Path:
    """Where one block of replicates is kept."""
    return folder / f"correlation_{correlation:g}_{block:03d}.json"


def summary(folder: Path) -> list[dict[str, Any]]:
    """Rows of the table: coverage, bias, root mean square error, mean width, and its ratio."""
    rows = []
    for correlation in CORRELATIONS:
        files = sorted(folder.glob(f"correlation_{correlation:g}_*.json"))
        each = [one for path in files for one in json.loads(path.read_text(encoding="utf-8"))]
        keys = dict.fromkeys((r["endpoint"], r["quantity"]) for one in each for r in one)
        for endpoint, quantity in keys:
            by_method = {
                method: [r for one in each for r in one if _is(r, endpoint, quantity, method)]
                for method in ("joint", "apart")
            }
            apart = np.array([r["width"] for r in by_method["apart"]])
            rows += [
                {"correlation": correlation, "endpoint": endpoint, "quantity": quantity}
                | {"method": method}
                | _figures(own, apart)
                for method, own in by_method.items()
            ]
    return rows


def _is(row: dict[str, Any], endpoint: str, quantity: str, method: str) -> bool:
    return (row["endpoint"], row["quantity"], row["method"]) == (endpoint, quantity, method)


def _figures(own: Sequence[dict[str, Any]], apart: np.ndarray) -> dict[str, Any]:
    covered = np.array([row["covered"] for row in own], dtype=float)
    error = np.array([row["error"] for row in own])
    width = np.array([row["width"] for row in own])
    figures = {
        "coverage": covered.mean(),
        "coverage_mcse": covered.std() / covered.size**0.5,
        "bias": error.mean(),
        "bias_mcse": error.std() / error.size**0.5,
        "rmse": np.sqrt(np.mean(error**2)),
        "width": width.mean(),
        "width_ratio": width.mean() / apart.mean(),
    }
    rounded = {name: round(float(value), 4) for name, value in figures.items()}
    return rounded | {"replicates": len(own), "date": datetime.date.today().isoformat()}


def main() -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--out", type=Path, default=OUTPUT)
    parser.add_argument("--runs", type=Path, default=RUNS)
    given = parser.parse_args()
    run_all(given.replicates, given.runs)
    rows = summary(given.runs)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with given.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(*(row[name] for name in COLUMNS))


if __name__ == "__main__":
    main()
