"""The fits of one simulated registry: from print, from the interval, from the patients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from grid_posterior import (
    Grid,
    HistologyStudy,
    interval_table,
    make_grid,
    one_arm,
    paper_table,
    patients_table,
    pooled,
    pooled_by_histology,
)
from scipy.optimize import minimize_scalar
from simulated_papers import (
    FOLLOW,
    Paper,
    Patients,
    draw_patients,
    print_arm,
    print_comparison,
)

from priors import load_priors
from synthesis.families import family, survival
from synthesis.reading import read_comparison

if TYPE_CHECKING:
    from calibration import Cell

SEED = 20210

#: Truths: log median of the mean study, SD between studies, shape of each family, effect.
LOG_MEDIAN, SPREAD, SHAPE_SPREAD, EFFECT = float(np.log(5.0)), 0.3, 0.1, 0.8
SHAPES = {"weibull": 0.85, "log-logistic": 1.25, "log-normal": 0.75}

Z95 = 1.959964


@lru_cache(maxsize=4)
def _grid(fitted: str, *, coarse: bool) -> Grid:
    return make_grid(load_priors(), family(fitted), coarse=coarse)


def simulate(cell: Cell, block: int, count: int) -> list[dict[str, object]]:
    """Simulate and fit replicates of one cell; a row for each replicate, method and quantity."""
    rng = np.random.default_rng([SEED, crc32(cell.name.encode()), block])
    grid = _grid(cell.fitted, coarse=cell.histology)
    rows = []
    for _ in range(count):
        fits = _by_histology(cell, rng, grid) if cell.histology else _plain(cell, rng, grid)
        for method, quantity, truth, (middle, lower, upper) in fits:
            rows.append(
                {
                    "method": method,
                    "quantity": quantity,
                    "covered": bool(lower <= truth <= upper),
                    "error": middle - truth,
                    "width": upper - lower,
                }
            )
    return rows


Estimate = tuple[str, str, float, tuple[float, float, float]]


def _plain(cell: Cell, rng: np.random.Generator, grid: Grid) -> Iterator[Estimate]:
    """Cohorts that print a median with its interval, and some of them a landmark or the events."""
    spread = SPREAD if cell.arms > 1 else 0.0
    log_shape = float(np.log(SHAPES[cell.family]))
    papers = []
    while not papers:
        for _ in range(cell.arms):
            patients = _draw(cell, rng, LOG_MEDIAN + spread * rng.standard_normal(), log_shape)
            papers.append(_print(cell, rng, patients))
        papers = [paper for paper in papers if paper.outcome is not None or paper.landmarks]
    tables = {
        "order_statistics": [paper_table(paper, grid) for paper in papers],
        "lognormal_ci": [interval_table(paper, grid) for paper in papers],
        "patients": [patients_table(paper.patients, grid) for paper in papers],
    }
    same_family = cell.family == cell.fitted
    s12 = (
        float(survival(12.0, np.exp(LOG_MEDIAN), SHAPES[cell.family], cell.family))
        if (cell.family in ("weibull", "log-logistic"))
        else float("nan")
    )
    for method, own in tables.items():
        found = [table for table in own if table is not None]
        if not found:
            continue
        posterior = one_arm(found[0], grid) if cell.arms == 1 else pooled(found, grid)
        yield method, "log_median", LOG_MEDIAN, posterior.interval("mu")
        if same_family:
            yield method, "survival_12m", s12, posterior.interval("s12")
        if cell.arms > 1:
            yield method, "heterogeneity", SPREAD, posterior.interval("tau")
    wald = _wald(papers)
    if wald is not None:
        yield "wald_months", "log_median", LOG_MEDIAN, wald


def _draw(cell: Cell, rng: np.random.Generator, log_median: float, log_shape: float) -> Patients:
    low, _, high = cell.n.partition("-")
    n = int(rng.integers(int(low), int(high) + 1)) if high else int(low)
    deviation = SHAPE_SPREAD * rng.standard_normal() if cell.arms > 1 else 0.0
    return draw_patients(
        rng,
        n,
        log_median=log_median,
        shape=float(np.exp(log_shape + deviation)),
        family=cell.family,
        follow=FOLLOW[cell.censoring],
    )


def _print(cell: Cell, rng: np.random.Generator, patients: Patients) -> Paper:
    convention, told = cell.convention.rsplit(" ", 1)
    return print_arm(
        patients,
        convention=convention,
        told=told == "told",
        landmark=12.0 if rng.uniform() < 0.4 else None,
        events=bool(rng.uniform() < 0.3),
    )


def _wald(papers: list[Paper]) -> tuple[float, float, float] | None:
    """Pooled median by a Wald error on months and REML, on the log scale; None where it fails."""
    pairs = []
    for paper in papers:
        outcome = paper.outcome
        if outcome is None or outcome.ci is None:
            continue
        middle, lower = float(outcome.median), float(outcome.ci[0])
        reached = outcome.ci[1] != "not reached"
        error = (float(outcome.ci[1]) - lower) / 2.0 if reached else middle - lower
        if error > 0.0:
            pairs.append((middle, error / Z95))
    if not pairs:
        return None
    y, s = np.array(pairs).T
    tau2 = _reml(y, s) if y.size > 1 else 0.0
    weight = 1.0 / (s**2 + tau2)
    mean, error = (weight * y).sum() / weight.sum(), weight.sum() ** -0.5
    ends = [mean, mean - Z95 * error, mean + Z95 * error]
    middle, lower, upper = (float(np.log(max(end, 1e-2))) for end in ends)
    return middle, lower, upper


def _reml(y: np.ndarray, s: np.ndarray) -> float:
    """Between-study variance by restricted maximum likelihood."""

    def loss(tau2: float) -> float:
        weight = 1.0 / (s**2 + tau2)
        mean = (weight * y).sum() / weight.sum()
        return float(
            -np.log(weight).sum() + np.log(weight.sum()) + (weight * (y - mean) ** 2).sum()
        )

    found = minimize_scalar(loss, bounds=(0.0, 10.0 * float(y.var()) + 1e-6), method="bounded")
    return float(found.x) if found.fun < loss(0.0) else 0.0


def _by_histology(cell: Cell, rng: np.random.Generator, grid: Grid) -> Iterator[Estimate]:
    """Cohorts of which every other prints pure and mixed apart; a single one prints them, 15 v 8.

    The naive form takes the log-rank result as independent of the medians.
    """
    log_shape = float(np.log(SHAPES[cell.family]))
    own: dict[str, list[HistologyStudy]] = {"order_statistics": [], "naive": [], "patients": []}
    for i in range(cell.arms):
        centre = LOG_MEDIAN + (SPREAD * rng.standard_normal() if cell.arms > 1 else 0.0)
        split = i % 2 == 0
        groups = _groups(cell, rng, centre, log_shape)
        pure, mixed = groups
        if not split:
            whole = Patients(
                np.concatenate([pure.months, mixed.months]),
                np.concatenate([pure.event, mixed.event]),
            )
            paper = _print(cell, rng, whole)
            table = paper_table(paper, grid)
            if table is not None:
                own["order_statistics"].append(HistologyStudy(whole=table))
                own["naive"].append(HistologyStudy(whole=table))
            own["patients"].append(_themselves(pure, mixed, grid))
            continue
        printed = _split_paper(pure, mixed, grid)
        own["patients"].append(_themselves(pure, mixed, grid))
        if printed is not None:
            own["order_statistics"].append(printed)
            own["naive"].append(
                HistologyStudy(printed.pure, printed.mixed, None, printed.comparison, None)
            )
    for method, studies in own.items():
        if studies:
            yield method, "histology", EFFECT, pooled_by_histology(studies, grid).interval("eta")


def _groups(
    cell: Cell, rng: np.random.Generator, centre: float, log_shape: float
) -> tuple[Patients, Patients]:
    sizes = (15, 8) if cell.arms == 1 else tuple(int(v) for v in rng.integers(6, 25, size=2))
    x0 = 0.4
    drawn = [
        draw_patients(
            rng,
            n,
            log_median=centre + EFFECT * (x - x0),
            shape=float(np.exp(log_shape)),
            family=cell.family,
            follow=FOLLOW[cell.censoring],
        )
        for n, x in zip(sizes, (0.0, 1.0), strict=True)
    ]
    return drawn[0], drawn[1]


def _themselves(pure: Patients, mixed: Patients, grid: Grid) -> HistologyStudy:
    return HistologyStudy(patients_table(pure, grid), patients_table(mixed, grid))


def _split_paper(pure: Patients, mixed: Patients, grid: Grid) -> HistologyStudy | None:
    papers = [print_arm(p, convention="log-log", told=False, interval=False) for p in (pure, mixed)]
    if any(paper.outcome is None for paper in papers):
        return None
    medians = [float(paper.outcome.median) for paper in papers]
    ratio = float(np.log(medians[1] / medians[0]))
    sizes = {"pure": papers[0].n, "mixed": papers[1].n}
    names = {"pure": {"pure"}, "mixed": {"mixed"}}
    comparison = read_comparison([print_comparison(mixed, pure)], "os", names, sizes, ratio > 0)
    tables = [paper_table(paper, grid) for paper in papers]
    return HistologyStudy(tables[0], tables[1], None, comparison, ratio)
