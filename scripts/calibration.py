"""Coverage and width of what is inferred from print, beside the patients' own posterior.

Registries are simulated as papers make them and fitted four ways: from the printed points by the
likelihood of this package (``order_statistics``), from the printed interval taken as log-normal
(``lognormal_ci``), by a Wald standard error on the scale of months with random effects by REML
(``wald_months``), and from the patients themselves (``patients``). Where histology is printed,
``naive`` takes a log-rank p as if it were independent of the medians.

    python scripts/calibration.py                  the whole grid, on all cores; resumes
    python scripts/calibration.py --smoke          a few replicates of every tenth cell
    python scripts/calibration.py --only arms=8    cells whose name holds all these words
"""

from __future__ import annotations

import argparse
import csv
import datetime
import itertools
import json
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from calibration_fits import SHAPES, simulate
from rich.progress import Progress
from simulated_papers import FOLLOW

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "tests" / "reference" / "calibration.csv"
RUNS = ROOT / "results" / "calibration"
BLOCK = 25  # replicates of one unit of work: what an interrupt can lose

COLUMNS = (
    "arms",
    "n",
    "family",
    "fitted",
    "censoring",
    "convention",
    "method",
    "quantity",
    "coverage",
    "coverage_mcse",
    "bias",
    "width_ratio",
    "replicates",
    "date",
)


@dataclass(frozen=True)
class Cell:
    """One setting of the simulation.

    Attributes
    ----------
    arms : int
        Cohorts of the registry.
    n : str
        Patients of a cohort: a number, or "8-40" for a draw from that range.
    family, fitted : str
        Family of the patients' times, and family that is fitted.
    censoring : {"none", "moderate", "heavy"}
    convention : str
        Transformation behind the intervals, with "told" or "untold".
    histology : bool
        Half of the cohorts print pure and mixed patients apart, with a log-rank p.
    """

    arms: int
    n: str
    family: str
    fitted: str
    censoring: str
    convention: str
    histology: bool = False

    @property
    def name(self) -> str:
        """The setting in one line, which is also the seed of its random numbers."""
        return " ".join(f"{key}={value}" for key, value in asdict(self).items())


def cells() -> list[Cell]:
    """The whole grid, cheap cells first."""
    conventions = ["log-log told", "plain untold", "log untold", "log-log untold"]
    families = [
        ("log-logistic", "log-logistic"),
        ("weibull", "weibull"),
        ("log-normal", "log-logistic"),
        ("weibull", "log-logistic"),
        ("log-logistic", "weibull"),
    ]
    sizes = [(1, str(n)) for n in (8, 15, 23, 36, 60)] + [(8, "8-40"), (30, "8-40")]
    grid = [
        Cell(arms, n, truth, fitted, censoring, convention)
        for (arms, n), (truth, fitted), censoring, convention in itertools.product(
            sizes, families, FOLLOW, conventions
        )
    ]
    grid += [
        Cell(arms, "8-40", truth, "log-logistic", censoring, "log-log untold", histology=True)
        for arms in (1, 8)
        for truth in SHAPES
        for censoring in ("none", "moderate")
    ]
    return sorted(grid, key=lambda cell: (cell.arms, cell.histology))


def replicates(cell: Cell, most: int | None = None) -> int:
    """How often a cell is simulated: at most so often, in whole blocks."""
    usual = 200 if cell.histology else {1: 800, 8: 400}.get(cell.arms, 200)
    return min(usual, most or usual) // BLOCK * BLOCK


def run(
    chosen: Sequence[Cell], folder: Path, *, most: int | None = None, processes: int | None = None
) -> None:
    """Simulate what is not there yet; every block of replicates is a file of its own.

    Parameters
    ----------
    chosen : sequence of Cell
    folder : Path
        Where the blocks are kept.
    most : int, optional
        Replicates of a cell, if fewer than usual.
    processes : int, optional
        All cores otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [
        (cell, block)
        for cell in chosen
        for block in range(replicates(cell, most) // BLOCK)
        if not block_file(folder, cell, block).exists()
    ]
    # One thread a process: the matrices are small, and processes that share cores stall on them.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    workers = ProcessPoolExecutor(processes or os.cpu_count(), get_context("spawn"))
    with Progress() as progress, workers as pool:
        task = progress.add_task("blocks of replicates", total=len(waiting))
        jobs = {pool.submit(simulate, cell, block, BLOCK): (cell, block) for cell, block in waiting}
        for job in as_completed(jobs):
            path = block_file(folder, *jobs[job])
            part = path.with_suffix(".part")
            part.write_text(json.dumps(job.result()), encoding="utf-8")
            part.replace(path)
            progress.advance(task)


def block_file(folder: Path, cell: Cell, block: int) -> Path:
    """Where one block of replicates is kept."""
    return folder / f"{cell.name.replace(' ', '_')}_{block}.json"


def summary(chosen: Iterable[Cell], folder: Path) -> list[dict[str, object]]:
    """Coverage, bias and width of every cell that was run: rows of :data:`COLUMNS`.

    The width is that of the interval over the patients' own in the same replicate, the mean over
    replicates.
    """
    today = datetime.date.today().isoformat()
    rows = []
    for cell in chosen:
        found = defaultdict(list)
        for block in range(replicates(cell) // BLOCK):
            path = block_file(folder, cell, block)
            if path.exists():
                for row in json.loads(path.read_text(encoding="utf-8")):
                    found[row["quantity"], row["method"]].append(row)
        for (quantity, method), own in sorted(found.items()):
            coverage = statistics.fmean(row["covered"] for row in own)
            widths = statistics.fmean(row["width"] for row in own)
            patients = statistics.fmean(row["width"] for row in found[quantity, "patients"])
            rows.append(
                {
                    "arms": cell.arms,
                    "n": cell.n,
                    "family": cell.family,
                    "fitted": cell.fitted,
                    "censoring": cell.censoring,
                    "convention": cell.convention,
                    "method": method,
                    "quantity": quantity,
                    "coverage": round(coverage, 4),
                    "coverage_mcse": round((coverage * (1 - coverage) / len(own)) ** 0.5, 4),
                    "bias": round(statistics.fmean(row["error"] for row in own), 4),
                    "width_ratio": round(widths / patients, 4),
                    "replicates": len(own),
                    "date": today,
                }
            )
    return rows


def main() -> None:
    """Run the grid and write its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--replicates", type=int, help="of a cell, if fewer than usual")
    parser.add_argument("--processes", type=int, help="all cores otherwise")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    parser.add_argument("--runs", type=Path, default=RUNS)
    given = parser.parse_args()
    chosen = [cell for cell in cells() if all(word in cell.name for word in given.only)]
    chosen = chosen[::10] if given.smoke else chosen
    run(
        chosen,
        given.runs,
        most=BLOCK if given.smoke else given.replicates,
        processes=given.processes,
    )
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with given.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(summary(chosen, given.runs))


if __name__ == "__main__":
    main()
