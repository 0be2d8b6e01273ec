"""Simulated registries with an effect of histology, or with none, and the fits of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from calibration_fits import EVENTS, Estimate, World, draw_world, print_cohort
from grid_histology import HistologyStudy, histology_effect
from grid_tables import Lattice, paper_table, patients_table
from simulated_papers import (
    FOLLOW,
    TRUTHS,
    Paper,
    Patients,
    Style,
    draw_patients,
    print_arm,
    print_comparison,
)

from synthesis.comparisons import ComparisonReading, find_comparison
from synthesis.survival import centre_share

if TYPE_CHECKING:
    from calibration import Cell


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
        own["patients"].append(
            HistologyStudy(patients_table(pure, lattice), patients_table(mixed, lattice))
        )
        if i % 2:
            table = paper_table(print_cohort(cell, rng, pure.with_others(mixed)), lattice)
            printed = None if table is None else HistologyStudy(whole=table)
        else:
            printed = _split_paper(pure, mixed, lattice, events=bool(rng.uniform() < EVENTS))
        if printed is not None:
            own["order_statistics"].append(printed)
            if cell.arms == 1:
                own["naive"].append(replace(printed, medians=None))
    for method, studies in own.items():
        if studies:
            yield method, "histology", effect, histology_effect(studies, lattice)


def _groups(
    cell: Cell, rng: np.random.Generator, world: World, effect: float, lattice: Lattice
) -> tuple[Patients, Patients]:
    """Pure and mixed patients of one study."""
    low, _, high = cell.n.partition("-")
    if high:
        total, prior = int(rng.integers(int(low), int(high) + 1)), lattice.priors["mixed_share"]
        share = prior.natural(rng.normal(prior.location, prior.scale))
        mixed = int(np.clip(rng.binomial(total, share), 3, total - 3))
        sizes = total - mixed, mixed
    else:
        sizes = tuple(int(n) for n in cell.n.split(" v "))
    centre = world.log_median + world.spread * rng.standard_normal()
    x0 = centre_share(lattice.priors)
    drawn = [
        draw_patients(
            rng,
            n,
            log_median=centre + effect * (x - x0),
            shape=float(np.exp(world.log_shape)),
            truth=TRUTHS[cell.family],
            follow=FOLLOW[cell.censoring],
        )
        for n, x in zip(sizes, (0.0, 1.0), strict=True)
    ]
    return drawn[0], drawn[1]


def _split_paper(
    pure: Patients, mixed: Patients, lattice: Lattice, *, events: bool
) -> HistologyStudy | None:
    """Two medians and a log-rank p; the p only where both medians were reached."""
    style = Style("log-log", interval=False, events=events)
    papers = [print_arm(patients, style) for patients in (pure, mixed)]
    tables = [paper_table(paper, lattice) for paper in papers]
    if any(table is None for table in tables):
        return None
    comparison, ratio = _comparison(papers[0], papers[1])
    share = papers[1].n / (papers[0].n + papers[1].n)
    return HistologyStudy(tables[0], tables[1], None, comparison, ratio, share)


def _comparison(pure: Paper, mixed: Paper) -> tuple[ComparisonReading | None, float | None]:
    """What the printed p says, and the log ratio of the printed medians."""
    if not (pure.reached and mixed.reached):
        return None, None
    medians = [float(paper.outcome.median) for paper in (mixed, pure)]
    if min(medians) <= 0.0 or medians[0] == medians[1]:
        return None, None  # rounded to nothing, or no direction to be read from them
    ratio = float(np.log(medians[0] / medians[1]))
    printed = print_comparison(mixed.patients, pure.patients)
    sizes, events = (mixed.n, pure.n), (mixed.outcome.events, pure.outcome.events)
    names = {"mixed"}, {"pure"}
    return find_comparison([printed], "os", *names, sizes, ratio > 0.0, events), ratio
