"""What selective printing does to the effect of mixed histology, and what null results mend.

A world without any effect of histology. Every report tells how many of its patients are mixed, and
tests mixed against pure by log-rank. Where the difference is significant it prints both medians and
the p value; where it is not, the median of all and "not significant". Each registry is fitted as
printed, and half of them with the null results left out too, as if nobody had encoded them.

``PYTHONPATH=scripts python -m calibration.selective`` (about a quarter of an hour on one core)
prints how often the 95 % interval of the effect holds none, and stores it; it goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sbc import records
from sbc.blocks import in_blocks

from priors import load_priors
from synthesis.model.arrays import Sizes, sizes_for
from synthesis.model.families import family
from synthesis.model.observations import SurvivalData
from synthesis.model.sampler import SamplerSettings, run
from synthesis.model.survival import survival_problem
from synthesis.questions.single import logrank_p

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "tests" / "reference" / "selective.json"
RUNS = ROOT / "results" / "selective"
REGISTRIES, REPORTS, SEED = 200, 10, 53
WITHOUT = 100  # registries that are fitted without their null results, too
MIXED, ALPHA = 0.4, 0.05
FAMILY = family("log-logistic")
_SETTINGS = {"draws": 250, "tune": 250, "chains": 4, "target_accept": 0.95}
NULL = "not significant"
WAYS = ("as_printed", "without_nulls")
_CLASSES = {"t1": "c1", "t2": "c1", "t3": "c2"}


def report(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """One report of 20 to 80 patients: the study effects vary, histology does nothing."""
    n = int(rng.integers(10, 41)) * 2 + 1
    mixed = round(MIXED * n)
    location = np.log(5.0) + 0.3 * rng.standard_normal()
    odds = rng.uniform(size=n)
    times = np.exp(location + np.log(odds / (1.0 - odds)) / 1.3)
    groups = {"mixed": times[:mixed], "pure": times[mixed:]}
    p = float(logrank_p(*(own[None] for own in groups.values()))[0])
    treatment = sorted(_CLASSES)[number % 3]
    cohort = records.cohort("all", treatment, n, histology={"mixed": mixed, "pure": n - mixed})
    cohort["survival"] = [records.outcome(_median(times))]
    printed: Any = NULL
    if p < ALPHA:
        printed = Decimal(f"{p:.2g}")
        cohort["subgroups"] = [
            records.group(word, own.size, _median(own)) for word, own in groups.items()
        ]
    comparison = {"endpoint": "os", "groups": list(groups), "p": printed, "test": "log-rank"}
    more = {"design": "retrospective", "comparisons": [comparison]}
    return records.report(f"report{number}", cohort, **more)


def _median(times: np.ndarray) -> Decimal:
    return Decimal(f"{np.median(times):.1f}")


def is_null(record: dict[str, Any]) -> bool:
    """Whether a report prints no difference."""
    return record["comparisons"][0]["p"] == NULL


def observations(reports: list[dict[str, Any]], *, nulls: bool) -> SurvivalData:
    """What a registry of these reports enters the model with."""
    if not nulls:
        reports = [own | {"comparisons": []} if is_null(own) else own for own in reports]
    return records.arranged(reports, _CLASSES)


def reports_of(number: int) -> tuple[np.random.Generator, list[dict[str, Any]]]:
    """Reports of one registry, and the random numbers behind them."""
    rng = np.random.default_rng([SEED, number])
    return rng, [report(rng, i) for i in range(REPORTS)]


def registry(number: int) -> dict[str, Any]:
    """Intervals of the log ratio of medians of mixed to pure, both ways."""
    rng, reports = reports_of(number)
    found = {"registry": number, "significant": sum(not is_null(own) for own in reports)}
    for name in WAYS if number < WITHOUT else WAYS[:1]:
        data = observations(reports, nulls=name == "as_printed")
        problem = survival_problem(data, load_priors(), FAMILY, _sizes())
        settings = SamplerSettings(seed=int(rng.integers(2**31)), **_SETTINGS)
        tree = run(problem, settings, cache=False).tree
        draws = tree["posterior"]["prognostic"].to_numpy().ravel()
        found[name] = [float(f"{x:.4f}") for x in np.quantile(draws, [0.5, 0.025, 0.975])]
    return found


@cache
def _sizes() -> Sizes:
    """Room for every registry of this world and no more: one compiled model, and a small one."""
    each = (observations(reports_of(n)[1], nulls=True) for n in range(REGISTRIES))
    return sizes_for(list(each), spare=False)


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """How often the interval holds no effect, and the mean of the estimates."""
    figures: dict[str, Any] = {"registries": len(found), "reports": REPORTS, "seed": SEED}
    figures["significant_reports"] = sum(own["significant"] for own in found)
    for name in WAYS:
        middle, low, high = np.array([own[name] for own in found if name in own]).T
        held = (low <= 0.0) & (high >= 0.0)
        figures[name] = {
            "registries": middle.size,
            "covers_none": round(float(held.mean()), 4),
            "root_mean_square": round(float(np.sqrt(np.mean(middle**2))), 4),
            "largest": round(float(np.abs(middle).max()), 4),
        }
    return figures


def main() -> None:
    """Run what is missing, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registries", type=int, default=REGISTRIES)
    wanted = parser.parse_args().registries
    found = in_blocks(RUNS / str(SEED), wanted, registry)
    figures = summary(found[:wanted])
    print(json.dumps(figures, indent=1))
    if wanted >= REGISTRIES:
        OUTPUT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
