"""The settings of the calibration: sizes, families, censoring, transformations, effects."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Literal

from calibration.papers import FOLLOW
from synthesis.choices import STACKED
from synthesis.stacking import STACKED_FAMILIES

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

    ``n`` are the patients of a cohort: a number, "8-40" for a draw from that range, or "15 v 8" for
    pure and mixed. ``family`` is the law of the patients' times, and ``fitted`` the family that is
    fitted, or "stacked"; a law "of two shapes" has reports of two arms each, which print how they
    compare. The convention is the transformation behind the intervals, with "told" or "untold".
    The effect is the true log ratio of medians, mixed over pure, or that it is drawn from its
    prior: every other cohort prints the two apart, with a log-rank p. Of two shapes it is that of
    the first arm over the second. Without one neither plays a part.
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
    """The whole grid, cheap cells first."""
    found = usual_cells() + stacked_cells() + histology_cells() + cured_cells() + contrast_cells()
    return sorted(found, key=lambda cell: (cell.arms, cell.effect is not None))


def usual_cells() -> list[Cell]:
    """Sizes, families, censoring and transformations.

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
    return found


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


def cured_cells() -> list[Cell]:
    """Registries in which some patients never die, under the families of a report and stacked."""
    settings = [
        *((1, "60", family) for family in STACKED_FAMILIES),
        *((8, "8-40", family) for family in (*STACKED_FAMILIES, STACKED)),
        (30, "8-40", STACKED),
    ]
    return [
        Cell(arms, n, "cured fraction", fitted, "moderate", "log-log untold")
        for arms, n, fitted in settings
    ]


def contrast_cells() -> list[Cell]:
    """One report, and four, of two small arms that differ in shape."""
    return [
        Cell(arms, "8-10", f"{name} of two shapes", name, censoring, "log-log told", "drawn")
        for arms in (2, 8)
        for name in ("weibull", "log-logistic")
        for censoring in ("none", "moderate")
    ]
