"""Coverage and width of what is inferred from print, beside the patients' own posterior.

Registries are simulated as papers make them and fitted four ways: from the printed points by the
likelihood of this package (``order_statistics``), from the printed interval taken as log-normal
(``lognormal_ci``), by a Wald standard error on the scale of months with random effects by REML
(``wald_months``), and from the patients themselves (``patients``). Where one study prints its
histology, ``naive`` takes the log-rank p as if it were independent of the medians. ``stacked`` is
what a report shows: several families, weighted; ``one_wrong_family`` the same print under one.
Where the arms of a report differ in shape, what it prints of both together is entered too.

True values are drawn from the priors, replicate by replicate, but for some effects of histology: a
95 % credible interval promises to hold them in 95 of 100 such worlds, and at a single value it may
do better or worse. With the patients' own likelihood the promise is kept exactly; what the print
costs is the difference.

With ``PYTHONPATH=scripts`` ::

    python -m calibration                  the whole grid, on all cores; resumes
    python -m calibration --smoke          two replicates of every tenth cell
    python -m calibration --only arms=8    cells whose name holds all these words
    python -m calibration --renew --only "n=15 v 8"    these cells anew in the stored table
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rich.progress import track
from sbc.blocks import kept

from calibration.cells import Cell, cells
from calibration.fits import STACKED, simulate

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "tests" / "reference" / "calibration.csv"
RUNS = ROOT / "results" / "calibration"
BLOCK = 25  # replicates of one unit of work: what an interrupt can lose
SMOKE = 2  # replicates of a cell that only show that it runs

COLUMNS = (
    *("arms", "n", "family", "censoring", "convention", "method", "quantity", "coverage"),
    *("coverage_mcse", "bias", "width_ratio", "replicates", "fitted", "effect", "date"),
)


def blocks(cell: Cell, most: int | None = None) -> list[int]:
    """Replicates of each block of a cell, of which there are ``most`` at most."""
    usual = 400 if cell.arms == 1 and cell.effect is None else 200
    if cell.fitted == STACKED:  # dear
        usual = 150 if cell.arms == 8 else 50
    count = min(usual, most or usual)
    return [min(BLOCK, count - start) for start in range(0, count, BLOCK)]


def run(
    chosen: Sequence[Cell], folder: Path, *, most: int | None = None, processes: int | None = None
) -> None:
    """Simulate what is not there yet; every block of replicates is a file of its own in ``folder``.

    There are ``most`` replicates of a cell, if fewer than usual, and as many processes as cores
    unless their number is given; a single one is this process.
    """
    waiting = [
        partial(kept, path, partial(simulate, cell, block, count))
        for cell in chosen
        for block, count in enumerate(blocks(cell, most))
        if not (path := block_file(folder, cell, block)).exists()
    ]
    told = {"description": "blocks of replicates", "total": len(waiting)}
    if processes == 1:
        for simulated in track(waiting, **told):
            simulated()
        return
    # One thread a process: the matrices are small, and processes that share cores stall on them.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        jobs = [pool.submit(simulated) for simulated in waiting]
        for job in track(as_completed(jobs), **told):
            job.result()


def block_file(folder: Path, cell: Cell, block: int) -> Path:
    """Where one block of replicates is kept."""
    return folder / f"{cell.name.replace(' ', '_')}_{block}.json"


def summary(chosen: Iterable[Cell], folder: Path) -> list[dict[str, object]]:
    """Coverage, bias and width of every cell that was run: rows of :data:`COLUMNS`.

    The width is the mean over replicates, relative to that of the patients' own intervals in the
    same replicates.
    """
    today = datetime.date.today().isoformat()
    rows = []
    for cell in chosen:
        found = defaultdict(list)
        for block, _ in enumerate(blocks(cell)):
            path = block_file(folder, cell, block)
            if path.exists():
                for row in json.loads(path.read_text(encoding="utf-8")):
                    row["replicate"] += block * BLOCK
                    found[row["quantity"], row["method"]].append(row)
        for (quantity, method), own in sorted(found.items()):
            coverage = statistics.fmean(row["covered"] for row in own)
            patients = {row["replicate"]: row["width"] for row in found[quantity, "patients"]}
            width = statistics.fmean(row["width"] for row in own)
            patients_width = statistics.fmean(patients[row["replicate"]] for row in own)
            row = asdict(cell) | {
                "method": method,
                "quantity": quantity,
                "coverage": round(coverage, 4),
                "coverage_mcse": round((coverage * (1 - coverage) / len(own)) ** 0.5, 4),
                "bias": round(statistics.fmean(row["error"] for row in own), 4),
                "width_ratio": round(width / patients_width, 4),
                "replicates": len(own),
                "effect": "" if cell.effect is None else cell.effect,
                "date": today,
            }
            rows.append({name: row[name] for name in COLUMNS})
    return rows


def renewed(
    stored: Iterable[Mapping[str, object]], rows: Sequence[Mapping[str, object]]
) -> list[Mapping[str, object]]:
    """Put the rows of some cells in the place of those in a stored table, in the grid's order.

    Rows of a cell that is no longer in the grid go.
    """
    fields = ("arms", "n", "family", "fitted", "censoring", "convention", "effect")

    def key(row: Mapping[str, object]) -> tuple[str, ...]:
        return tuple("" if row[name] is None else str(row[name]) for name in fields)

    new = {key(row) for row in rows}
    places = {key(asdict(cell)): place for place, cell in enumerate(cells())}
    whole = [*(row for row in stored if key(row) in places.keys() - new), *rows]
    return sorted(whole, key=lambda row: places[key(row)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the grid and write its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--renew", action="store_true", help="in the stored table, beside the rest")
    parser.add_argument("--replicates", type=int, help="of a cell, if fewer than usual")
    parser.add_argument("--processes", type=int, help="all cores otherwise")
    parser.add_argument("--out", type=Path, help="table; a part of the grid has one of its own")
    parser.add_argument("--runs", type=Path, help="folder of the blocks")
    given = parser.parse_args(arguments)
    if given.renew and (given.smoke or given.replicates):
        parser.error("--renew stores whole cells: leave --smoke and --replicates out")
    chosen = [cell for cell in cells() if all(word in cell.name for word in given.only)]
    chosen = chosen[::10] if given.smoke else chosen
    folder = given.runs or (RUNS / "smoke" if given.smoke else RUNS)
    run(
        chosen,
        folder,
        most=SMOKE if given.smoke else given.replicates,
        processes=given.processes,
    )
    whole = not (given.smoke or given.only or given.replicates)
    out = given.out or (OUTPUT if whole or given.renew else folder / "part.csv")
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = summary(chosen, folder)
    if given.renew and out.exists():
        with out.open(newline="", encoding="utf-8") as file:
            rows = renewed(list(csv.DictReader(file)), rows)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
