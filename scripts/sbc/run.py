"""Simulation-based calibration of the survival and the response model.

A world is drawn from the priors, reports are printed from it as the likelihood says, the compiled
model is fitted, and the true value of every quantity takes its rank among the posterior draws. Over
many worlds the ranks are uniform if model and sampler are right (Talts et al. 2018, arXiv
1804.06788). The log likelihood is ranked too: it notices what no parameter alone shows (Modrák et
al. 2023, doi 10.1214/23-BA1404).

With ``PYTHONPATH=scripts`` ::

    python -m sbc                        both models; resumes where it was interrupted
    python -m sbc --only response        one of them
    python -m sbc --replicates 40        fewer worlds of each: nothing is stored in tests
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sbc import bands, fits
from sbc.blocks import in_blocks
from sbc.fingerprint import in_plain_python

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "tests" / "reference" / "sbc.json"
RUNS = ROOT / "results" / "sbc"
BINS = 20
SEED = 1804
REPLICATES = {"survival": 150, "response": 300}


def run(
    model: str, wanted: int, folder: Path, *, fingerprint: str = "any", seed: int = SEED
) -> list[dict[str, Any]]:
    """Replicates of a model in whole blocks, made where they are not there yet.

    Blocks of a model with another fingerprint are not taken.
    """
    stem = folder / f"{model}_{fingerprint[:8]}_{seed}"
    return in_blocks(stem, wanted, lambda number: fits.replicate(model, number, seed))


def summary(replicates: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is stored of a model: ranks, histograms and their statistics."""
    band = bands.band(len(replicates), fits.DRAWS)
    quantities = {}
    for name in replicates[0]["ranks"]:
        ranks = np.array([one["ranks"][name] for one in replicates])
        statistic = float(bands.smallest_tail(ranks, fits.DRAWS))
        edges = np.linspace(0, fits.DRAWS + 1, BINS + 1)
        quantities[name] = {
            "statistic": float(f"{statistic:.4g}"),
            "p": float(f"{band.p_value(statistic):.4g}"),
            "inside": statistic >= band.threshold,
            "histogram": np.histogram(ranks, edges)[0].tolist(),
            "ranks": ranks.tolist(),
        }
    return {
        "replicates": len(replicates),
        "draws": fits.DRAWS,
        "threshold": float(f"{band.threshold:.4g}"),
        "divergences": sum(one["divergences"] for one in replicates),
        "seconds_each": round(float(np.median([one["seconds"] for one in replicates])), 1),
        "quantities": quantities,
    }


def stored(models: dict[str, Any], seed: int, fingerprint: str) -> dict[str, Any]:
    """The reference file: figures, and what they belong to."""
    packages = ("pymc", "pytensor", "nutpie", "numpy", "numba", "scipy")
    return {
        "what": "simulation-based calibration; made by python -m sbc",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "seed": seed,
        "statistic": "smallest pointwise tail of the rank ECDF, doi 10.1007/s11222-022-10090-6",
        "fingerprint": fingerprint,
        "models": models,
    }


def tell(model: str, figures: dict[str, Any]) -> None:
    """Print the quantities of a model, worst first."""
    quantities = figures["quantities"]
    print(f"{model}: {figures['replicates']} replicates, {figures['divergences']} divergences")
    for name, own in sorted(quantities.items(), key=lambda item: item[1]["p"]):
        mean = np.mean(own["ranks"]) / figures["draws"]
        spread = np.std(own["ranks"]) / figures["draws"] * 12**0.5
        where = "inside" if own["inside"] else "OUTSIDE"
        print(f"  {name:32s} p {own['p']:.3f} {where}  mean {mean:.3f} spread {spread:.2f}")


def main() -> None:
    """Run what is missing and store the reference file with its figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", choices=fits.MODELS)
    parser.add_argument("--replicates", type=int, help="of each model, if fewer than usual")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--out", type=Path, default=OUTPUT)
    given = parser.parse_args()
    models, fingerprint = {}, in_plain_python()
    for model in (given.only,) if given.only else fits.MODELS:
        wanted = given.replicates or REPLICATES[model]
        found = run(model, wanted, given.runs, fingerprint=fingerprint, seed=given.seed)
        models[model] = summary(found)
        tell(model, models[model])
    complete = not given.only and not given.replicates
    if complete or given.out != OUTPUT:
        from sbc.figure import draw

        given.out.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(stored(models, given.seed, fingerprint), indent=1, ensure_ascii=False)
        given.out.write_text(compact(text) + "\n", encoding="utf-8")
        draw(models, given.out.with_suffix(".png"))


def compact(text: str) -> str:
    """Put every list of numbers on one line."""
    return re.sub(r"\[([^\[\]{}]+)\]", lambda match: f"[{' '.join(match[1].split())}]", text)
