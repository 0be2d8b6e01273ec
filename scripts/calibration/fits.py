"""The fits of one simulated registry: from print, from the interval, from the patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import numpy as np
from sbc import records
from scipy.optimize import minimize_scalar

from calibration.cells import Cell
from calibration.contrast import TwoArms, contrast, contrast_sd
from calibration.hierarchy import HistologyStudy, histology_effect, one_arm, pooled, stacked
from calibration.lattice import (
    Z95,
    Lattice,
    interval_table,
    make_lattice,
    median_and_error,
    paper_table,
    patients_table,
)
from calibration.papers import (
    FOLLOW,
    TRUTHS,
    Paper,
    Patients,
    Style,
    draw_patients,
    print_arm,
    print_comparison,
    together,
)
from priors import load_priors
from studies.schema import Comparison
from synthesis.choices import STACKED
from synthesis.model.families import family
from synthesis.model.observations import ArmComparison
from synthesis.model.survival import centre_share
from synthesis.stacking import STACKED_FAMILIES

SEED = 20210

#: Truths: SD of log shapes between studies; the rest is drawn.
SHAPE_SPREAD = 0.1

#: How often an abstract prints a landmark, one of them with its interval, the number of events,
#: and its times in whole months.
LANDMARK, LANDMARK_INTERVAL, EVENTS, WHOLE_MONTHS = 0.4, 0.5, 0.3, 0.15

#: How often two arms are compared by a hazard ratio, and not by a log-rank p value.
RATIO = 0.5

#: The family under which patients of another are fitted beside the stack, and the nearest one
#: where the patients are of none.
WRONG_ONE = {"weibull": "log-logistic", "log-logistic": "weibull", "cured fraction": "log-logistic"}
NEAREST = {"cured fraction": "long-tail"}

Estimate = tuple[str, str, float, tuple[float, float, float]]


@lru_cache(maxsize=8)
def lattice_of(fitted: str) -> Lattice:
    """Lattice of one fitted family, kept for the life of the process."""
    return make_lattice(load_priors(), family(fitted))


def simulate(cell: Cell, block: int, count: int) -> list[dict[str, object]]:
    """Simulate and fit replicates of one cell; a row for each replicate, method and quantity."""
    rng = np.random.default_rng([SEED, crc32(cell.name.encode()), block])
    own = NEAREST.get(cell.family, cell.family)
    lattice = lattice_of(own if cell.fitted == STACKED else cell.fitted)
    fit = by_histology if cell.effect is not None else by_order_statistics
    if cell.fitted == STACKED:
        fit = by_stacking
    if TRUTHS[cell.family].apart > 1.0:
        fit = by_contrast
    rows = []
    for i in range(count):
        for method, quantity, truth, (middle, lower, upper) in fit(cell, rng, lattice):
            rows.append(
                {
                    "replicate": i,
                    "method": method,
                    "quantity": quantity,
                    "covered": bool(lower <= truth <= upper),
                    "error": middle - truth,
                    "width": upper - lower,
                }
            )
    return rows


class World(NamedTuple):
    """True values of one replicate: those of the mean study, and the SD of log medians."""

    log_median: float
    log_shape: float
    spread: float

    def survival(self, cell: Cell, months: float) -> float:
        """Survival in the mean study."""
        z = np.exp(self.log_shape) * (np.log(months) - self.log_median)
        return float(TRUTHS[cell.family].survival(z))


def draw_world(cell: Cell, rng: np.random.Generator, lattice: Lattice) -> World:
    """Draw the true values: what the analysis believes before it sees anything.

    A credible interval promises its coverage over these, not at each of them.
    """
    priors = lattice.priors
    median, spread = priors["overall_median"], priors["study_sd"]
    return World(
        float(rng.normal(median.location, median.scale)),
        float(rng.normal(np.log(TRUTHS[cell.family].shape), lattice.shape_prior.scale)),
        float(abs(rng.normal(0.0, spread.scale))) if cell.arms > 1 else 0.0,
    )


def by_order_statistics(
    cell: Cell, rng: np.random.Generator, lattice: Lattice
) -> Iterator[Estimate]:
    """Cohorts that print a median with its interval, and some of them more, or less."""
    world, papers = _registry(cell, rng, lattice)
    tables = {
        "order_statistics": [paper_table(paper, lattice) for paper in papers],
        "lognormal_ci": [interval_table(paper, lattice) for paper in papers],
        "patients": [patients_table(paper.patients, lattice) for paper in papers],
    }
    s12 = "survival_12m" if cell.family == cell.fitted else "survival_12m_wrong_family"
    for method, own in tables.items():
        found = _known(own)
        if not found:
            continue
        posterior = one_arm(found[0], lattice) if cell.arms == 1 else pooled(found, lattice)
        yield method, "log_median", world.log_median, posterior.interval("mu")
        yield method, s12, world.survival(cell, 12.0), posterior.interval("s12")
        if cell.arms > 1:
            yield method, "heterogeneity", world.spread, posterior.interval("tau")
    wald = _wald(papers)
    if wald is not None:
        yield "wald_months", "log_median", world.log_median, wald


def by_stacking(cell: Cell, rng: np.random.Generator, lattice: Lattice) -> Iterator[Estimate]:
    """The families of a report stacked, beside the patients under their own or the nearest family.

    The same registry under the one family that is wrong for it shows what the stack mends.
    """
    world, papers = _registry(cell, rng, lattice)
    lattices = [lattice_of(name) for name in STACKED_FAMILIES]
    by_family = [_known(paper_table(paper, own) for paper in papers) for own in lattices]
    patients = pooled([patients_table(paper.patients, lattice) for paper in papers], lattice)
    found = stacked(by_family, lattices)
    other = WRONG_ONE[cell.family]
    single = pooled(by_family[STACKED_FAMILIES.index(other)], lattice_of(other))
    truths = {
        "mu": ("log_median", world.log_median),
        "s12": ("survival_12m", world.survival(cell, 12.0)),
        "tau": ("heterogeneity", world.spread),
    }
    for quantity, (name, truth) in truths.items():
        yield "stacked", name, truth, found[quantity]
        yield "one_wrong_family", name, truth, single.interval(quantity)
        yield "patients", name, truth, patients.interval(quantity)


def _known[T](found: Iterable[T | None]) -> list[T]:
    return [own for own in found if own is not None]


def _registry(cell: Cell, rng: np.random.Generator, lattice: Lattice) -> tuple[World, list[Paper]]:
    world = draw_world(cell, rng, lattice)
    return world, [_cohort(cell, rng, world) for _ in range(cell.arms)]


def _size(cell: Cell, rng: np.random.Generator) -> int:
    low, _, high = cell.n.partition("-")
    return int(rng.integers(int(low), int(high) + 1)) if high else int(low)


def _cohort(cell: Cell, rng: np.random.Generator, world: World) -> Paper:
    n = _size(cell, rng)
    deviation = SHAPE_SPREAD * rng.standard_normal() if cell.arms > 1 else 0.0
    place = world.log_median + world.spread * rng.standard_normal()
    patients = _patients(cell, rng, n, place, world.log_shape + deviation)
    return print_cohort(cell, rng, patients)


def _patients(
    cell: Cell, rng: np.random.Generator, n: int, log_median: float, log_shape: float
) -> Patients:
    law, follow = TRUTHS[cell.family], FOLLOW[cell.censoring]
    shape = float(np.exp(log_shape))
    return draw_patients(rng, n, log_median=log_median, shape=shape, truth=law, follow=follow)


def print_cohort(cell: Cell, rng: np.random.Generator, patients: Patients) -> Paper:
    """Print an arm in the convention of its cell, with what else its abstract happens to say."""
    convention, told = cell.convention.rsplit(" ", 1)
    style = Style(
        convention,
        told=told == "told",
        digits=0 if rng.uniform() < WHOLE_MONTHS else 1,
        landmark=12.0 if rng.uniform() < LANDMARK else None,
        landmark_interval=bool(rng.uniform() < LANDMARK_INTERVAL),
        events=bool(rng.uniform() < EVENTS),
    )
    return print_arm(patients, style)


def _wald(papers: list[Paper]) -> tuple[float, float, float] | None:
    """Pooled median by a Wald error on months and REML, on the log scale; None where it fails."""
    pairs = _known(median_and_error(paper) for paper in papers)
    if not pairs:
        return None
    y, s = np.array(pairs).T
    tau2 = _reml(y, s) if y.size > 1 else 0.0
    weight = 1.0 / (s**2 + tau2)
    mean, error = (weight * y).sum() / weight.sum(), weight.sum() ** -0.5
    ends = (mean, mean - Z95 * error, mean + Z95 * error)
    return tuple(float(np.log(max(end, 1e-2))) for end in ends)


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


# --- Histology -----------------------------------------------------------------------------------


def by_histology(cell: Cell, rng: np.random.Generator, lattice: Lattice) -> Iterator[Estimate]:
    """Cohorts of which every other prints pure and mixed apart; a single one prints them, 15 v 8.

    The others print all their patients together, and not how many were mixed. The naive form
    takes the log-rank result of a single study as independent of the medians; ``patients`` knows
    everyone's histology.
    """
    world = draw_world(cell, rng, lattice)
    prior = lattice.priors["histology_prognostic"]
    drawn = float(rng.normal(prior.location, prior.scale))
    effect = drawn if cell.effect == "drawn" else float(cell.effect)
    own: dict[str, list[HistologyStudy]] = {"order_statistics": [], "naive": [], "patients": []}
    for i in range(cell.arms):
        pure, mixed = _groups(cell, rng, world, effect, lattice)
        known = HistologyStudy(*(patients_table(group, lattice) for group in (pure, mixed)))
        own["patients"].append(known)
        if i % 2:
            table = paper_table(print_cohort(cell, rng, together(pure, mixed)), lattice)
            printed = None if table is None else HistologyStudy(whole=table)
        else:
            printed = _split_paper(pure, mixed, lattice, events=bool(rng.uniform() < EVENTS))
        if printed is not None:
            own["order_statistics"].append(printed)
            if cell.arms == 1:
                alone = printed.comparison
                if alone is not None:
                    alone = replace(alone, log_medians=None, told=0.0)
                own["naive"].append(replace(printed, comparison=alone))
    for method, studies in own.items():
        if studies:
            yield method, "histology", effect, histology_effect(studies, lattice)


def _groups(
    cell: Cell, rng: np.random.Generator, world: World, effect: float, lattice: Lattice
) -> tuple[Patients, Patients]:
    """Pure and mixed patients of one study."""
    if "-" in cell.n:
        total, prior = _size(cell, rng), lattice.priors["mixed_share"]
        share = prior.natural(rng.normal(prior.location, prior.scale))
        mixed = int(np.clip(rng.binomial(total, share), 3, total - 3))
        sizes = total - mixed, mixed
    else:
        sizes = tuple(int(n) for n in cell.n.split(" v "))
    centre = world.log_median + world.spread * rng.standard_normal()
    x0 = centre_share(lattice.priors)
    return tuple(
        _patients(cell, rng, n, centre + effect * (x - x0), world.log_shape)
        for n, x in zip(sizes, (0.0, 1.0), strict=True)
    )


def _split_paper(
    pure: Patients, mixed: Patients, lattice: Lattice, *, events: bool
) -> HistologyStudy | None:
    """Two medians and a log-rank p; the p only where both medians were reached."""
    style = Style("log-log", interval=False, events=events)
    papers = [print_arm(patients, style) for patients in (pure, mixed)]
    tables = [paper_table(paper, lattice) for paper in papers]
    if any(table is None for table in tables):
        return None
    mixed_first = {"mixed": papers[1], "pure": papers[0]}
    comparison = entered(mixed_first, print_comparison(mixed, pure, tuple(mixed_first)))
    return HistologyStudy(tables[0], tables[1], None, comparison)


def entered(papers: Mapping[str, Paper], printed: Comparison) -> ArmComparison | None:
    """A printed comparison as an analysis takes it, given the figures of both groups.

    The two groups, by their names, are cohorts of one report. None where nothing can enter.
    """
    cohorts = [
        records.cohort(name, name, paper.n, survival=[paper.outcome], landmarks=paper.landmarks)
        for name, paper in papers.items()
    ]
    report = records.report("report", *cohorts, design="randomised", comparisons=[printed])
    data = records.arranged([report], dict.fromkeys(papers, "class"))
    return next(iter(data.comparisons), None)


# --- Two arms of unlike shapes -------------------------------------------------------------------


def by_contrast(cell: Cell, rng: np.random.Generator, lattice: Lattice) -> Iterator[Estimate]:
    """Reports of two arms of unlike shapes, which print a log-rank p value or a hazard ratio."""
    world = draw_world(cell, rng, lattice)
    effect = float(contrast_sd(lattice.priors) * rng.standard_normal())
    steeper = rng.choice([-0.5, 0.5]) * np.log(TRUTHS[cell.family].apart)
    sides = {"first": (0.5 * effect, steeper), "second": (-0.5 * effect, -steeper)}
    own: dict[str, list[TwoArms]] = {"order_statistics": [], "patients": []}
    for _ in range(cell.arms // 2):
        centre = world.log_median + (world.spread if cell.arms > 2 else 0.0) * rng.standard_normal()
        papers = {
            name: _cohort(cell, rng, World(centre + by, world.log_shape + steep, 0.0))
            for name, (by, steep) in sides.items()
        }
        patients = [paper.patients for paper in papers.values()]
        own["patients"].append(TwoArms(*(patients_table(one, lattice) for one in patients)))
        printed = print_comparison(*patients, tuple(papers), ratio=bool(rng.uniform() < RATIO))
        tables = [paper_table(paper, lattice) for paper in papers.values()]
        if None not in tables:
            own["order_statistics"].append(TwoArms(*tables, entered(papers, printed)))
    for method, reports in own.items():
        if reports:
            yield method, "contrast", effect, contrast(reports, lattice)
