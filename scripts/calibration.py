"""Coverage and width of what is inferred from print, beside the patients' own posterior.

Registries are simulated as papers make them and fitted four ways: from the printed points by the
likelihood of this package (``order_statistics``), from the printed interval taken as log-normal
(``lognormal_ci``), by a Wald standard error on the scale of months with random effects by REML
(``wald_months``), and from the patients themselves (``patients``). Where one study prints its
histology, ``naive`` takes the log-rank p as if it were independent of the medians. ``stacked`` is
what a report shows: several families, weighted; ``one_wrong_family`` the same print under one.

True values are drawn from the priors, replicate by replicate, but for some effects of histology: a
95 % credible interval promises to hold them in 95 of 100 such worlds, and at a single value it may
do better or worse. With the patients' own likelihood the promise is kept exactly; what the print
costs is the difference.

    python scripts/calibration.py                  the whole grid, on all cores; resumes
    python scripts/calibration.py --smoke          two replicates of every tenth cell
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
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from calibration_fits import STACKED, simulate
from rich.progress import Progress
from simulated_papers import FOLLOW

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "tests" / "reference" / "calibration.csv"
RUNS = ROOT / "results" / "calibration"
BLOCK = 25  # replicates of one unit of work: what an interrupt can lose
SMOKE = 2  # replicates of a cell that only show that it runs

COLUMNS = (
    "arms",
    "n",
    "family",
    "censoring",
    "convention",
    "method",
    "quantity",
    "coverage",
    "coverage_mcse",
    "bias",
    "width_ratio",
    "replicates",
    "fitted",
    "effect",
    "date",
)

#: True family and the one that is fitted.
RIGHT = (("weibull",) * 2, ("log-logistic",) * 2, ("log-normal",) * 2)
WRONG = (
    ("weibull", "log-logistic"),
    ("log-logistic", "weibull"),
    ("log-normal", "log-logistic"),
    ("generalised gamma", "log-logistic"),
    ("generalised gamma", "log-normal"),
    ("long survivors", "log-logistic"),
    ("long survivors", "weibull"),
)
LONG = ("long survivors", "long-tail")  # dear, for its third shape
SIZES = ((1, "8"), (1, "15"), (1, "23"), (1, "36"), (1, "60"), (8, "8-40"), (30, "8-40"))
LONG_SIZES = ((1, "15"), (1, "60"), (8, "8-40"))
PRINTED = ("log-log told", "plain untold", "log untold", "log-log untold")


@dataclass(frozen=True)
class Cell:
    """One setting of the simulation.

    Attributes
    ----------
    arms : int
        Cohorts of the registry.
    n : str
        Patients of a cohort: a number, "8-40" for a draw from that range, or "15 v 8" for pure
        and mixed.
    family, fitted : str
        Law of the patients' times, and family that is fitted, or "stacked".
    censoring : {"none", "moderate", "heavy"}
    convention : str
        Transformation behind the intervals, with "told" or "untold".
    effect : float, "drawn" or None
        True log ratio of medians, mixed over pure, or that it is drawn from its prior: every
        other cohort prints the two apart, with a log-rank p. None: histology plays no part.
    """

    arms: int
    n: str
    family: str
    fitted: str
    censoring: str
    convention: str
    effect: float | Literal["drawn"] | None = None

    @property
    def name(self) -> str:
        """The setting in one line, which is also the seed of its random numbers."""
        return " ".join(f"{key}={value}" for key, value in asdict(self).items())


def cells() -> list[Cell]:
    """The whole grid, cheap cells first.

    Not every combination, but every pair of levels of any two factors. With the right family two
    in three, with 30 arms one in three; with a wrong one two in twelve, with 30 arms one.
    """
    found = []
    for (s, (arms, n)), (f, pair) in itertools.product(
        enumerate(SIZES), enumerate((*RIGHT, *WRONG, LONG))
    ):
        if pair == LONG and (arms, n) not in LONG_SIZES:
            continue
        for (c, censoring), (v, convention) in itertools.product(
            enumerate(FOLLOW), enumerate(PRINTED)
        ):
            third = (c + v + s + f) % 3 == 0
            if pair in RIGHT:
                chosen = third if arms == 30 else not third
            else:
                chosen = third and (v == f % 4 if arms == 30 else (v + s + f) % 2 == 0)
            if chosen:
                found.append(Cell(arms, n, *pair, censoring, convention))
    return sorted(
        found + stacked_cells() + histology_cells(),
        key=lambda cell: (cell.arms, cell.effect is not None),
    )


def stacked_cells() -> list[Cell]:
    """Registries under the families of a report, stacked."""
    return [
        Cell(arms, "8-40", family, STACKED, "moderate", "log-log untold")
        for arms in (8, 30)
        for family in ("weibull", "log-logistic")
    ]


def histology_cells() -> list[Cell]:
    """One study of 15 v 8 patients, and registries of which half print their histology.

    In the registries without an effect a heavy tail could be taken for one.
    """
    pairs = (("weibull",) * 2, ("log-logistic",) * 2, ("long survivors", "log-logistic"))
    found = [
        Cell(1, "15 v 8", *pair, censoring, "log-log untold", effect)
        for pair in pairs
        for censoring in ("none", "moderate")
        for effect in (0.0, 0.8, "drawn")
    ]
    found += [Cell(8, "12-40", *pair, "moderate", "log-log untold", 0.8) for pair in pairs]
    heavy = itertools.product(("log-logistic", "long survivors"), ("log-logistic", "weibull"))
    return found + [Cell(8, "12-40", *pair, "moderate", "log-log untold", 0.0) for pair in heavy]


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
    """Simulate what is not there yet; every block of replicates is a file of its own.

    Parameters
    ----------
    chosen : sequence of Cell
    folder : Path
        Where the blocks are kept.
    most : int, optional
        Replicates of a cell, if fewer than usual.
    processes : int, optional
        All cores otherwise; 1: this process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [
        (cell, block, count)
        for cell in chosen
        for block, count in enumerate(blocks(cell, most))
        if not block_file(folder, cell, block).exists()
    ]
    with Progress() as progress:
        task = progress.add_task("blocks of replicates", total=len(waiting))
        for cell, block, rows in _simulated(waiting, processes or os.cpu_count()):
            path = block_file(folder, cell, block)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(rows), encoding="utf-8")
            part.replace(path)
            progress.advance(task)


def _simulated(
    waiting: Sequence[tuple[Cell, int, int]], processes: int
) -> Iterator[tuple[Cell, int, list[dict[str, object]]]]:
    """Blocks as they are done, in this process or in others."""
    if processes == 1:
        for cell, block, count in waiting:
            yield cell, block, simulate(cell, block, count)
        return
    # One thread a process: the matrices are small, and processes that share cores stall on them.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        jobs = {pool.submit(simulate, *unit): unit for unit in waiting}
        for job in as_completed(jobs):
            cell, block, _ = jobs[job]
            yield cell, block, job.result()


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
            rows.append(
                {
                    "arms": cell.arms,
                    "n": cell.n,
                    "family": cell.family,
                    "censoring": cell.censoring,
                    "convention": cell.convention,
                    "method": method,
                    "quantity": quantity,
                    "coverage": round(coverage, 4),
                    "coverage_mcse": round((coverage * (1 - coverage) / len(own)) ** 0.5, 4),
                    "bias": round(statistics.fmean(row["error"] for row in own), 4),
                    "width_ratio": round(width / patients_width, 4),
                    "replicates": len(own),
                    "fitted": cell.fitted,
                    "effect": "" if cell.effect is None else cell.effect,
                    "date": today,
                }
            )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the grid and write its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--replicates", type=int, help="of a cell, if fewer than usual")
    parser.add_argument("--processes", type=int, help="all cores otherwise")
    parser.add_argument("--out", type=Path, help="table; a part of the grid has one of its own")
    parser.add_argument("--runs", type=Path, help="folder of the blocks")
    given = parser.parse_args(arguments)
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
    out = given.out or (OUTPUT if whole else folder / "part.csv")
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(summary(chosen, folder))


if __name__ == "__main__":
    main()
