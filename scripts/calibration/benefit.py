"""Are gains and ranks as probable as they are said to be? Registries of known truth, compared.

Each world is drawn from the priors (:mod:`sbc.survival_world`), fitted from what its reports print,
and compared by :func:`synthesis.questions.compare.compare` as `atc compare` does. Under a right
analysis, of all statements of a probability p a share p is true, whatever p: for gains of more than
so many months, for ranks, and for intervals of every contrast.

``PYTHONPATH=scripts python -m calibration.benefit`` takes about ten minutes on two cores, goes on
where it was interrupted, and stores ``tests/reference/benefit_calibration.csv`` with its figure.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sbc import survival_world
from sbc.blocks import in_blocks

from priors import load_priors
from studies.vocabulary import Vocabulary
from synthesis.estimands import Curve
from synthesis.fits import SurvivalFit
from synthesis.model.arrays import sizes_for
from synthesis.model.covariates import REFERENCE as POPULATION
from synthesis.model.families import family
from synthesis.model.sampler import SamplerSettings, diagnose, run
from synthesis.model.survival import centre_share, survival_problem
from synthesis.plots import style
from synthesis.questions.compare import HISTOLOGIES, Comparison, Histology, compare
from synthesis.questions.contrasts import survival_contrast

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "tests" / "reference" / "benefit_calibration.csv"
RUNS = ROOT / "results" / "calibration_benefit"

WORLDS, SEED = 200, 20213
REFERENCE, MIX = "t3", 0.4

#: Months of gain that are asked for; as many as medians of some four months differ by.
DELTAS = (0.0, 1.0, 3.0)

COLUMNS = ("world", "kind", "about", "said", "true")

_SETTINGS = {"draws": 500, "tune": 300, "chains": 4, "target_accept": 0.95}

VOCABULARY = Vocabulary.model_validate(
    {
        "classes": [
            {"id": name, "label": f"Class {name}", "role": "systemic", "order": order}
            for order, name in enumerate(sorted(set(survival_world.CLASSES.values())), start=1)
        ],
        "treatments": [
            {"id": name, "label": name, "class": own}
            for name, own in sorted(survival_world.CLASSES.items())
        ],
        "endpoints": [{"id": "os", "label": "Overall survival", "meaning": "Time to death."}],
        "designs": {},
        "lines": {},
        "time_origins": {},
        "diseases": {},
    }
)


def world_rows(number: int, seed: int) -> list[tuple[Any, ...]]:
    """Simulate, fit and compare one world: rows of :data:`COLUMNS`.

    ``said`` is a probability and ``true`` whether the statement holds: of a gain (``kind`` gain),
    of a rank (rank), of the 95 % interval of a rank (rank interval: the mass that the discrete
    interval holds) or of a contrast (interval: 0.95). The random numbers of a world do not depend
    on any other.
    """
    rng = np.random.default_rng([seed, number])
    turn = survival_world.FAMILIES_IN_TURN
    name = turn[number % len(turn)]
    priors = load_priors()
    world = survival_world.simulate(rng, priors, name)
    problem = survival_problem(world.data, priors, family(name), sizes_for([world.data]))
    settings = SamplerSettings(seed=int(rng.integers(2**31)), **_SETTINGS)
    draws = run(problem, settings, cache=False)
    centre = centre_share(priors)
    verdict = diagnose(draws.tree)
    fit = SurvivalFit(world.data, (), priors, family(name), draws, verdict, centre)
    histology = HISTOLOGIES[number % len(HISTOLOGIES)]
    truth = {t: _true_curve(world, t, histology, centre) for t in survival_world.CLASSES}
    asked = {"reference": REFERENCE, "histology": histology, "mix": MIX}
    found = compare({"os": fit}, VOCABULARY, **asked, show_all=True)
    rows = (*_gains(found, truth), *_ranks(found, truth), *_intervals(found, truth))
    return [(number, *row) for row in rows]


def _true_curve(
    world: survival_world.World, treatment: str, histology: Histology, centre: float
) -> Curve:
    """The curve of the mean study under the true parameters."""
    data, truth = world.data, world.truth
    t = data.treatments.index(treatment)
    share = {"pure": 0.0, "mixed": 1.0, "reference mix": MIX}[histology]
    location = truth["mu"] + truth["class_effect"][data.treatment_class[t]]
    location += truth["treatment_effect"][t] + truth["covariate_effect"] @ np.array(POPULATION)
    location += (truth["prognostic"] + truth["predictive"][t]) * (share - centre)
    free = float(family(world.family).has_shape)
    shape = np.exp(free * (truth["shape_mean"] + truth["shape_treatment_effect"][t]))
    tail = truth["tail_mean"] + truth["tail_treatment_effect"][t]
    return Curve(np.array([np.exp(location)]), np.array([shape]), world.family, np.array([tail]))


Row = tuple[str, str, float, bool]


def _gains(found: Comparison, truth: dict[str, Curve]) -> Iterator[Row]:
    for row in found.gains[found.gains["delta"].isin(DELTAS)].itertuples(index=False):
        gain = truth[row.treatment].median[0] - truth[row.reference].median[0]
        yield "gain", f"{row.treatment} {row.delta:g}", row.p_gain, bool(gain > row.delta)


def _ranks(found: Comparison, truth: dict[str, Curve]) -> Iterator[Row]:
    medians = {name: own.median[0] for name, own in truth.items()}
    for name, part in found.ranks.groupby("treatment"):
        at = 1 + sum(value > medians[str(name)] for value in medians.values())
        for row in part.itertuples(index=False):
            yield "rank", f"{name} {row.rank}", row.probability, bool(row.rank == at)
        first = part.iloc[0]
        within = part["rank"].between(first["lower"], first["upper"])
        held = float(part.loc[within, "probability"].sum())
        covers = bool(first["lower"] <= at <= first["upper"])
        yield "rank interval", str(name), held, covers


def _intervals(found: Comparison, truth: dict[str, Curve]) -> Iterator[Row]:
    for row in found.table.itertuples(index=False):
        value = survival_contrast(truth[row.treatment], truth[row.reference], row.estimand)[0]
        about = f"{row.treatment} {row.estimand}"
        yield f"interval {row.estimand}", about, 0.95, bool(row.lower <= value <= row.upper)


# --- What is said of the statements --------------------------------------------------------------


class Reliability(NamedTuple):
    """Statements of about one probability: its mean, and the share of them that hold.

    The standard error is that of the difference; statements of one world count as one draw.
    """

    said: float
    true: float
    error: float
    statements: int
    worlds: int

    @property
    def z(self) -> float:
        """Difference in standard errors."""
        return (self.true - self.said) / self.error


def reliability(rows: pd.DataFrame) -> Reliability:
    """Compare what was said with what is true, world by world; rows of :data:`COLUMNS`.

    The error is at least that of the statements if each were a world of its own, so that a handful
    that all hold is no certainty.
    """
    away = (rows["true"].astype(float) - rows["said"]).groupby(rows["world"]).sum()
    alone = float((rows["said"] * (1.0 - rows["said"])).sum())
    error = max(float(np.sqrt((away**2).sum())), float(np.sqrt(alone))) / len(rows)
    return Reliability(
        float(rows["said"].mean()), float(rows["true"].mean()), error, len(rows), away.size
    )


def bins(rows: pd.DataFrame, edges: Sequence[float]) -> list[Reliability]:
    """Reliability of the statements between neighbouring edges; empty ones are left out."""
    places = np.digitize(rows["said"], edges[1:-1])
    return [reliability(part) for _, part in rows.groupby(places)]


def slope_z(rows: pd.DataFrame) -> float:
    """Score test of statements that are all too sure (negative) or too timid, in standard errors.

    Under a right analysis the sum of ``(true - said) (said - 1/2)`` has mean nought.
    """
    score = (rows["true"].astype(float) - rows["said"]) * (rows["said"] - 0.5)
    by_world = score.groupby(rows["world"]).sum()
    return float(by_world.sum() / np.sqrt((by_world**2).sum()))


#: Edges of the reliability diagram.
EDGES = (0.0, 0.05, 0.15, 0.25, 0.35, 0.5, 0.65, 0.75, 0.85, 0.95, 1.0)

_PANELS = {"gain": "Gain of more than 0, 1 or 3 months", "rank": "Each rank of each treatment"}
_ERRORS = 1.96


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Write the figure of rows of :data:`COLUMNS` as SVG, to this path, and as PNG."""
    with style.style_context():
        figure = _figure(rows)
        figure.savefig(path, metadata={"Date": None})
        figure.savefig(path.with_suffix(".png"), dpi=200)


def _figure(rows: pd.DataFrame) -> Figure:
    width = style.find_sheet("two-column").width / 72.0
    figure = Figure(figsize=(width, 0.52 * width), layout="constrained")
    axes = figure.subplots(1, len(_PANELS), sharey=True)
    for axis, (kind, title) in zip(axes, _PANELS.items(), strict=True):
        _panel(axis, rows[rows["kind"] == kind], title)
    axes[0].set_ylabel("share that is true")
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, title: str) -> None:
    found = bins(rows, EDGES)
    said = np.array([own.said for own in found])
    true = np.array([own.true for own in found])
    error = _ERRORS * np.array([own.error for own in found])
    axis.plot([0.0, 1.0], [0.0, 1.0], color=style.MUTED, lw=0.8, ls=(0, (4, 3)))
    axis.errorbar(said, true, yerr=error, fmt="o", ms=4, color=style.HUES[0], elinewidth=1)
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.08, 1.08)
    axis.set_aspect("equal")
    axis.set_xlabel("probability that is said")
    worlds = rows["world"].nunique()
    axis.set_title(f"{title}\n{len(rows)} statements in {worlds} registries", fontsize=7)


# --- Running -------------------------------------------------------------------------------------


def simulated(worlds: int, seed: int, folder: Path) -> pd.DataFrame:
    """Rows of many worlds; those that the folder holds are read from there."""
    found = in_blocks(folder / f"{seed}", worlds, partial(world_rows, seed=seed))
    return pd.DataFrame(list(chain.from_iterable(found[:worlds])), columns=list(COLUMNS))


def main() -> None:
    """Run what is missing and store the table and its figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=WORLDS)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--out", type=Path, default=OUTPUT)
    given = parser.parse_args()
    found = simulated(given.worlds, SEED, given.runs)
    found["said"] = found["said"].round(4)
    found["true"] = found["true"].astype(int)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    found.to_csv(given.out, index=False, lineterminator="\n")
    draw(found, given.out.with_suffix(".svg"))
    for kind, rows in found.groupby("kind"):
        own = reliability(rows)
        print(f"{kind:36s} said {own.said:.3f} true {own.true:.3f} z {own.z:5.2f}")
    for kind in ("gain", "rank"):
        print(f"{kind}: slope z {slope_z(found[found['kind'] == kind]):.2f}")


if __name__ == "__main__":
    main()
