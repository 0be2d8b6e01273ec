"""The calibration in tables, and what it misses of its bars."""

from __future__ import annotations

import csv
import statistics
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from statistics import NormalDist
from typing import Any

from calibration.papers import APART, CURED_SHARE

REFERENCE = Path(__file__).parents[2] / "tests" / "reference"
CSV, MISSES = REFERENCE / "calibration.csv", REFERENCE / "calibration_misses.toml"

QUANTITIES = {
    "log_median": "log median",
    "survival_12m": "S(12 months)",
    "survival_12m_wrong_family": "S(12 months), wrong family",
    "heterogeneity": "SD between studies",
    "histology": "effect of histology",
    "contrast": "contrast of two arms",
}
METHODS = {
    "order_statistics": "order statistics",
    "lognormal_ci": "log-normal from the interval",
    "wald_months": "Wald on months",
    "naive": "p as if independent",
    "stacked": "order statistics, families stacked",
    "one_wrong_family": "order statistics, one wrong family",
    "patients": "the patients themselves",
}
LOWEST, (LEAST, MOST), WIDEST = 0.90, (0.93, 0.97), 1.12
#: Width at most, relative to the log-normal approximation: of one arm, and pooled.
NARROWER = {"one arm": 0.90, "pooled": 0.95}


@dataclass(frozen=True)
class Row:
    """One line of the calibration: a cell, a method, a quantity; see `calibration.study`."""

    arms: int
    n: str
    family: str
    fitted: str
    censoring: str
    convention: str
    effect: str
    method: str
    quantity: str
    coverage: float
    coverage_mcse: float
    bias: float
    width_ratio: float
    replicates: int

    @property
    def cell(self) -> str:
        """The cell in words."""
        arms = "one arm" if self.arms == 1 else f"{self.arms} arms"
        fitted = "" if self.fitted == self.family else f" fitted as {self.fitted}"
        effect = f", effect {self.effect}" if self.effect else ""
        return (
            f"{arms} of {self.n}, {self.family}{fitted}, censoring {self.censoring}, "
            f"{self.convention}{effect}"
        )

    @property
    def size(self) -> str:
        """``"one arm"`` or ``"pooled"``."""
        return "one arm" if self.arms == 1 else "pooled"


def read_rows(path: Path = CSV) -> list[Row]:
    """Read the output of the calibration."""
    kinds: Mapping[str, Callable[[str], object]] = {"int": int, "float": float, "str": str}
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(**{name: kinds[kind](line[name]) for name, kind in Row.__annotations__.items()})
            for line in csv.DictReader(file)
        ]


def where(rows: Iterable[Row], **values: object) -> list[Row]:
    """Rows whose fields have these values."""
    return [row for row in rows if all(getattr(row, k) == v for k, v in values.items())]


def coverage_of(rows: Sequence[Row]) -> float:
    """Coverage over all replicates of these rows."""
    return sum(row.coverage * row.replicates for row in rows) / sum(r.replicates for r in rows)


def relative_widths(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Width of the log median's interval over that of the log-normal approximation, by size.

    Where the transformation behind the interval is told. Where it is not, the log-normal
    approximation has no means to mind, and covers less than it says: its width means little by
    itself (:func:`calibration_tables` shows it at equal coverage).
    """
    other = {row.cell: row for row in where(rows, method="lognormal_ci", quantity="log_median")}
    found: dict[str, list[float]] = {"one arm": [], "pooled": []}
    for row in where(rows, method="order_statistics", quantity="log_median"):
        if row.convention.endswith(" told"):
            found[row.size].append(row.width_ratio / other[row.cell].width_ratio)
    return found


# --- Bars ----------------------------------------------------------------------------------------


def misses(rows: Sequence[Row]) -> dict[str, str]:
    """What does not meet its bar: a label that stays the same from run to run, and what was found.

    The bars, all of the order statistics, under one family or several: coverage over all cells
    within 0.93-0.97 and in no cell below 0.90; intervals of the log median at most 1.12 times as
    wide as the patients' own (median over cells), and narrower than those of the log-normal
    approximation by a tenth for one arm and a twentieth pooled (mean over cells, see
    :func:`relative_widths`); no effect of histology found where there is none, in 0.93 of the runs.
    """
    own = where(rows, method="order_statistics")
    found: dict[str, str] = {}
    for quantity in QUANTITIES:
        of = where(own, quantity=quantity) + where(rows, method="stacked", quantity=quantity)
        if not of:
            continue
        overall = coverage_of(of)
        if not LEAST <= overall <= MOST:
            found[f"overall coverage: {quantity}"] = f"{overall:.3f}"
        for row in of:
            if row.coverage < LOWEST:
                found[f"{quantity}: {row.cell}"] = f"{row.coverage:.3f} ({row.coverage_mcse:.3f})"
    widths = [row.width_ratio for row in where(own, quantity="log_median")]
    if widths and statistics.median(widths) > WIDEST:
        found["width beside the patients"] = f"{statistics.median(widths):.3f}"
    for size, ratios in relative_widths(rows).items():
        if ratios and statistics.fmean(ratios) > NARROWER[size]:
            found[f"width beside the log-normal: {size}"] = f"{statistics.fmean(ratios):.3f}"
    return found | _histology_misses(where(own, quantity="histology"))


def _histology_misses(own: Sequence[Row]) -> dict[str, str]:
    found = {
        f"no effect: {row.cell}": f"{row.coverage:.3f} ({row.coverage_mcse:.3f})"
        for row in where(own, effect="0.0")
        if row.arms > 1 and row.coverage < LEAST
    }
    single = where(own, arms=1)
    if single and not LEAST <= coverage_of(single) <= MOST:
        found["coverage of one study, 15 v 8"] = f"{coverage_of(single):.3f}"
    return found


def known_misses(path: Path = MISSES) -> dict[str, str]:
    """Labels of :func:`misses` that are known, with the reason of each."""
    if not path.exists():
        return {}
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("miss", [])
    return {label: entry["reason"] for entry in entries for label in entry["labels"]}


# --- Tables --------------------------------------------------------------------------------------


def calibration_tables() -> str:
    """Summary of the stored calibration in Markdown."""
    rows = read_rows()
    medians = where(rows, quantity="log_median")
    own, patients = (where(medians, method=name) for name in ("order_statistics", "patients"))
    parts = [
        "Widths are relative to the patients' own.",
        _by(_sorted(rows, "quantity", "arms", "method"), "quantity", "arms", "method"),
        _beside_lognormal(medians),
        "Log median by order statistics, by the transformation behind the intervals:",
        _by(_sorted(own, "convention", "arms"), "transformation", "arms"),
        "Log median by true and fitted family:",
        _by(_sorted([*own, *patients], "family", "fitted"), "truth", "fitted", "method"),
        "The families of a report, stacked, beside one that is wrong; the patients under the one "
        "they were drawn from, or, of a cured fraction, under long-tail:",
        _by(
            _sorted(where(rows, fitted="stacked"), "quantity", "arms", "family", "method"),
            *("quantity", "arms", "truth", "method"),
        ),
        "Effect of histology, log ratio of medians:",
        _by(
            sorted(
                where(rows, quantity="histology"),
                key=attrgetter("arms", "effect", "family", "fitted", "method"),
            ),
            *("studies", "effect", "truth", "fitted", "method"),
        ),
        of_two_shapes(where(rows, quantity="contrast")),
        of_cured(where(rows, family="cured fraction")),
        _low_cells(rows),
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))


#: What a column of the tables says of a row, by the head of the column.
_WORDS: Mapping[str, Callable[[Row], str]] = {
    "quantity": lambda row: QUANTITIES[row.quantity],
    "method": lambda row: METHODS[row.method],
    "arms": lambda row: str(row.arms),
    "studies": lambda row: "15 v 8" if row.arms == 1 else f"{row.arms} cohorts",
    "truth": attrgetter("family"),
    "fitted": attrgetter("fitted"),
    "effect": attrgetter("effect"),
    "censoring": attrgetter("censoring"),
    "transformation": attrgetter("convention"),
}
_ORDERS = {"quantity": list(QUANTITIES), "method": list(METHODS)}


def _sorted(rows: Iterable[Row], *fields: str) -> list[Row]:
    """Rows by these fields; quantities and methods in their own order."""

    def place(row: Row) -> list[object]:
        values = {field: getattr(row, field) for field in fields}
        return [_ORDERS[f].index(v) if f in _ORDERS else v for f, v in values.items()]

    return sorted(rows, key=place)


def _grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def _by(rows: Iterable[Row], *heads: str) -> str:
    """Figures of the rows that these columns say the same of, in the order of the rows."""
    groups = _grouped(rows, lambda row: tuple(_WORDS[head](row) for head in heads))
    return table([*heads, *_HEAD], [[*words, *_figures(own)] for words, own in groups.items()])


def _figures(rows: Sequence[Row]) -> list[str]:
    """Cells, coverage overall and in the worst cell, median bias, median and largest width."""
    worst = min(rows, key=lambda row: row.coverage)
    widths = [row.width_ratio for row in rows]
    return [
        str(len(rows)),
        f"{coverage_of(rows):.3f}",
        f"{worst.coverage:.3f}",
        f"{statistics.median(row.bias for row in rows):+.3f}",
        f"{statistics.median(widths):.2f}",
        f"{max(widths):.2f}",
    ]


_HEAD = ["cells", "coverage", "worst cell", "bias (median)", "width (median)", "width (largest)"]


def _beside_lognormal(rows: Sequence[Row]) -> str:
    """Width beside the log-normal approximation, as it is and at equal coverage."""
    other = {row.cell: row for row in where(rows, method="lognormal_ci")}
    own = where(rows, method="order_statistics")
    groups = _grouped(own, lambda row: (row.size, row.convention.rsplit(" ", 1)[1]))
    lines = []
    for (size, told), found in sorted(groups.items()):
        beside = [other[row.cell] for row in found]
        ratio = statistics.fmean(
            a.width_ratio / b.width_ratio for a, b in zip(found, beside, strict=True)
        )
        covered = coverage_of(found), coverage_of(beside)
        fair = ratio * _quantile(covered[1]) / _quantile(covered[0])
        figures = [*(f"{value:.3f}" for value in covered), f"{ratio:.3f}", f"{fair:.3f}"]
        lines.append([size, told, *figures])
    head = ["size", "transformation", "coverage", "of the log-normal", "width", "at equal coverage"]
    return (
        "Intervals of the log median beside those of the log-normal approximation, mean over "
        "cells. The last column stretches the log-normal intervals, as if they were normal, to "
        "the coverage of the others:\n\n" + table(head, lines)
    )


def _quantile(coverage: float) -> float:
    """Half width, in standard deviations, of a normal interval of this coverage."""
    return NormalDist().inv_cdf(0.5 + coverage / 2.0)


def of_two_shapes(rows: Sequence[Row]) -> str:
    """What was found where the arms of a report differ in shape, and its cells."""
    printed, own = (where(rows, method=method) for method in ("order_statistics", "patients"))
    overall = coverage_of(printed)
    verdict = "as the bar asks" if LEAST <= overall <= MOST else "which misses the bar"
    return (
        f"Shapes that differ by arm, the one {APART:g} times the other, in reports of two arms of "
        "8 to 10 patients that print a log-rank p value or a hazard ratio: "
        f"{overall:.3f} of the intervals of the contrast of log medians hold it, {verdict}, "
        f"and {coverage_of(own):.3f} of those from the patients themselves.\n\n"
    ) + _by(rows, "arms", "truth", "censoring", "method")


def of_cured(rows: Sequence[Row]) -> str:
    """What was found where some patients never die, and its cells."""
    shown = [row for row in rows if row.method in ("order_statistics", "stacked", "patients")]
    late = [row for row in shown if row.quantity.startswith("survival_12m")]
    middle = where(shown, quantity="log_median")
    single = _grouped(where(late, method="order_statistics"), attrgetter("fitted"))
    worst, best = (choose(single, key=lambda k: coverage_of(single[k])) for choose in (min, max))
    stacks = [coverage_of(where(own, method="stacked")) for own in (middle, late)]
    return (
        f"A cured fraction, {100.0 * CURED_SHARE:.0f} % of the patients, who never die: of the "
        f"intervals of the families stacked {stacks[0]:.3f} hold the median and {stacks[1]:.3f} "
        "S(12 months); of those of one family, S(12 months) is in "
        f"{coverage_of(single[worst]):.3f} under {worst} and in "
        f"{coverage_of(single[best]):.3f} under {best}.\n\n"
    ) + _by([*middle, *late], "quantity", "arms", "fitted", "method")


def _low_cells(rows: Sequence[Row]) -> str:
    found, reasons = misses(rows), known_misses()
    if not found:
        return "Every bar is met."
    lines = [[label, value, reasons.get(label, "")] for label, value in found.items()]
    return "What misses its bar:\n\n" + table(["what", "found (Monte Carlo error)", "why"], lines)


if __name__ == "__main__":
    print(calibration_tables(), end="")
