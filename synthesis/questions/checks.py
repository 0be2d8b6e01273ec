r"""Would the fitted model print these figures? Posterior predictive checks on the printed scale.

Every counted arm is replicated as an arm of a new study: for each draw of the posterior a new study
effect and a new deviation of the shape are drawn from their own distributions, while the effects of
treatments and covariates stay (a *mixed* check: Gelman, Meng & Stern 1996, Statistica Sinica
6:733; Marshall & Spiegelhalter 2007, doi 10.1214/07-BA218). Of its ``n`` patients the event times
of known rank and the survivors at fixed times are drawn together, rounded as they were printed, and
each printed figure is placed among its replicates:

.. math::
   \mathrm{pit} = \Pr(y^\mathrm{rep} < y) + \tfrac12 \Pr(y^\mathrm{rep} = y).

All arms of one draw make one replicated registry: the spread of the number of figures inside their
intervals, and of the distribution of positions, allows for figures that hang together. Where one
cohort stands behind a treatment, its effect has learned from the very figures that it predicts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import softmax
from scipy.stats import rankdata

from studies import Registry
from studies.selection import CohortRef
from studies.vocabulary import Vocabulary
from synthesis.endpoints import endpoint_of
from synthesis.estimands import LEVEL, Curve, Fit, cohort_labels, flat
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.model.arrays import shared_parts
from synthesis.model.observations import Arm
from synthesis.model.printed import METHODS
from synthesis.numbers import count, interval, months, percent
from synthesis.predictive import (
    EventOfRank,
    Figure,
    Law,
    NewCohort,
    ShareAlive,
    count_alike,
    listed_median,
    place_of,
    position,
    predict_curve,
    predict_rate,
    printed_figures,
    times_of_ranks,
    unknown_share,
)
from synthesis.result import Cell, Finding, Picture, Result, Table, names, table_of

PREDICTIVE_COLUMNS = names(
    "endpoint study cohort label year treatment treatment_class histology n figure printed value "
    "predicted lower upper lower_50 upper_50 pit within"
)
POSITION_COLUMNS = ("position", "share", "lower", "upper")

#: Levels at which the figures inside their predictive intervals are counted.
LEVELS = (0.5, LEVEL)

#: A figure whose position is nearer than this to 0 or 1 is outlying.
OUTLYING = 0.01

# Replicates of each figure, at least: a position of one in a hundred is then known to a sixth.
_REPLICATES = 4000
_GRID = np.linspace(0.0, 1.0, 101)


class Inside(NamedTuple):
    """How many figures lie inside their predictive intervals of a level, and how many should.

    ``expected`` is the mean, ``lower`` and ``upper`` the 95 % range of the number inside, of
    registries drawn from the model: rounding lets it exceed the level.
    """

    level: float
    found: int
    figures: int
    expected: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Coverage:
    """How the printed figures of an endpoint are spread over their predictions.

    ``positions`` has a ``position`` from 0 to 1, the ``share`` of the figures at or below it, and
    the band ``lower, upper`` that holds the whole line in 95 % of registries drawn from the model.
    ``inside`` has an entry for each of :data:`LEVELS`.
    """

    positions: pd.DataFrame
    inside: tuple[Inside, ...]

    @property
    def in_band(self) -> bool:
        """Whether the whole line is inside its band."""
        p = self.positions
        return bool(p["share"].between(p["lower"], p["upper"]).all())


class _Replicated(NamedTuple):
    """A printed figure, whose it is, and its replicates before they are printed."""

    figure: Figure
    ref: CohortRef
    histology: str
    n: int
    drawn: np.ndarray

    @property
    def pit(self) -> float:
        return position(self.drawn, self.figure.alike)

    @property
    def printed(self) -> np.ndarray:
        """Replicates rounded; those that would be printed alike have the very value."""
        figure, drawn = self.figure, self.drawn
        if figure.step > 0.0:
            rounded = figure.value + figure.step * np.round((drawn - figure.value) / figure.step)
            drawn = np.maximum(rounded, 0.0)
        low, high = figure.alike
        return np.where((self.drawn >= low) & (self.drawn < high), figure.value, drawn)


def predictive_check(
    fit: Fit, vocabulary: Vocabulary, treatments: Sequence[str] = ()
) -> tuple[pd.DataFrame, Coverage]:
    """Set every printed figure behind a fit against what the fit would print.

    Parameters
    ----------
    fit : PooledSurvival or ResponseFit
    vocabulary : Vocabulary
    treatments : sequence of str
        Labels in order of display; those not in it stand last, in the order of the fit.

    Returns
    -------
    DataFrame
        :data:`PREDICTIVE_COLUMNS`, by treatment, year and label; months, or fractions of one. An
        infinite ``value`` was not reached; ``within`` the 95 % interval. Empty without any figure
        that can be predicted.
    Coverage
    """
    rng = np.random.default_rng([fit.seed, 17])
    replicas = list((_response if isinstance(fit, ResponseFit) else _survival)(fit, rng))
    if not replicas:
        empty = pd.DataFrame(columns=list(PREDICTIVE_COLUMNS)).astype({"year": "Int64"})
        return empty, Coverage(pd.DataFrame(columns=list(POSITION_COLUMNS)), ())
    replicates = np.column_stack([replica.printed for replica in replicas])
    limits = {level: _central(replicates, level) for level in LEVELS}
    labels = cohort_labels(fit.data.cohorts)
    table = pd.DataFrame(
        {
            "endpoint": fit.data.endpoint,
            "study": ref.study.id,
            "cohort": ref.cohort.id,
            "label": labels[ref.id],
            "year": ref.study.citation.year,
            "treatment": vocabulary.treatment(ref.treatment).label,
            "treatment_class": vocabulary.treatment_class(ref.treatment_class).label,
            "histology": replica.histology,
            "n": replica.n,
            "figure": replica.figure.name,
            "printed": replica.figure.printed,
            "value": replica.figure.value,
            "pit": replica.pit,
        }
        for replica in replicas
        for ref in [replica.ref]
    )
    table["predicted"] = _quantile(replicates, 0.5)
    table["lower"], table["upper"] = limits[LEVEL]
    table["lower_50"], table["upper_50"] = limits[0.5]
    table["within"] = table["value"].between(table["lower"], table["upper"])
    values = table["value"].to_numpy()
    inside = tuple(_inside(level, *limits[level], values, replicates) for level in LEVELS)
    positions = _positions(table["pit"].to_numpy(), replicates)
    order = list(dict.fromkeys([*treatments, *table["treatment"]]))
    table = table.assign(place=table["treatment"].map(order.index))
    table = table.sort_values(["place", "year", "label"], kind="stable", ignore_index=True)
    table = table[list(PREDICTIVE_COLUMNS)].astype({"year": "Int64"})
    return table, Coverage(positions, inside)


# --- replicates ----------------------------------------------------------------------------------


def _repeats(fit: Fit) -> int:
    return -(-_REPLICATES // flat(fit, "mu").size)


def _seeds(fit: Fit, rng: np.random.Generator) -> dict[str, int]:
    """One seed a study: its arms share what is new of it."""
    return {study: int(rng.integers(2**32)) for study in fit.data.studies}


def _response(fit: ResponseFit, rng: np.random.Generator) -> Iterator[_Replicated]:
    seeds = _seeds(fit, rng)
    for ref, counts in zip(fit.data.cohorts, fit.data.counts, strict=True):
        place = place_of(fit, ref.treatment, ref.treatment_class)
        rates = predict_rate(fit, place, np.random.default_rng(seeds[ref.study.id]), _repeats(fit))
        count, n = counts.responders, counts.evaluable
        figure = Figure("response rate", f"{count}/{n}", count / n, count_alike(count, n))
        yield _Replicated(figure, ref, "", n, rng.binomial(n, rates) / n)


def _survival(fit: PooledSurvival, rng: np.random.Generator) -> Iterator[_Replicated]:
    seeds, repeats = _seeds(fit, rng), _repeats(fit)
    weights = _convention_weights(fit, repeats)
    parts = shared_parts(fit.data)
    every = fit.data.covariates or ((),) * len(parts)
    new = [
        NewCohort(seeds[ref.study.id], int(rng.integers(2**32)), part, values)
        for ref, part, values in zip(fit.data.cohorts, parts, every, strict=True)
    ]
    for arm in fit.data.arms:
        ref = fit.data.cohorts[arm.cohort]
        place = place_of(fit, ref.treatment, ref.treatment_class)
        share = unknown_share(fit, repeats, rng) if arm.share is None else arm.share
        curve = predict_curve(fit, place, share, new[arm.cohort], repeats)
        figures = _figures(fit, arm)
        laws = [law for _, law in figures]
        drawn = draw_together(curve, laws, weights, rng, methods=arm.methods)
        for (figure, _), values in zip(figures, drawn, strict=True):
            yield _Replicated(figure, ref, _histology_words(arm), arm.n, values)


def _figures(fit: PooledSurvival, arm: Arm) -> list[tuple[Figure, Law]]:
    if arm.chains:
        return printed_figures(arm.outcome, arm.landmarks, arm.n)
    listed = [patient for patient in fit.data.patients if fit.data.arms[patient.arm] is arm]
    median = listed_median([p.months for p in listed], [p.event for p in listed])
    return [] if median is None else [median]


def _histology_words(arm: Arm) -> str:
    if arm.histology != "whole":
        return arm.histology
    return "not printed" if arm.share is None else f"{100 * arm.share:.0f} % mixed"


def _convention_weights(fit: PooledSurvival, repeats: int) -> np.ndarray:
    """Weights of the transformations behind intervals of unknown convention, a column a draw."""
    return softmax(np.tile(flat(fit, "convention_logits"), (repeats, 1)).T, axis=0)


def draw_together(
    curve: Curve,
    laws: Sequence[Law],
    weights: np.ndarray,
    rng: np.random.Generator,
    *,
    methods: Collection[str] = METHODS,
) -> list[np.ndarray]:
    """Figures of one arm, drawn from the same patients.

    Parameters
    ----------
    curve : Curve
        Of the population, one a draw.
    laws : sequence of EventOfRank or ShareAlive
    weights : ndarray
        Weight of each of :data:`~synthesis.model.printed.METHODS`, ``(methods, draws)``.
    rng : Generator
    methods : collection of str
        Those that can be behind the interval; without any of them, all that have its limits.

    Returns
    -------
    list of ndarray
        Months or fractions of one, ``(draws,)``, in the order of the laws.
    """
    events = [law for law in laws if isinstance(law, EventOfRank)]
    marks = [law for law in laws if isinstance(law, ShareAlive)]
    drawn: dict[int, np.ndarray] = {}
    knots = reached = np.empty((0, curve.median.size))
    n = float(max((law.size for law in marks), default=0))
    if events:
        n = events[0].n
        ranks = _drawn_ranks(events, weights, rng, methods)
        times, knots, reached = times_of_ranks(curve, ranks, n, rng)
        drawn |= dict(zip(map(id, events), times, strict=True))
    for law in sorted(marks, key=lambda law: law.months):
        gone = 1.0 - curve.survival_at(law.months)
        count = _events_by(gone, knots, reached, n, rng)
        knots, reached = np.vstack([knots, count]), np.vstack([reached, gone])
        alive = np.maximum(round(n) - count, 0.0).astype(int)
        if law.size < round(n):  # the interval of the share speaks of fewer patients
            alive = rng.hypergeometric(alive, round(n) - alive, law.size)
        drawn[id(law)] = alive / law.size
    return [drawn[id(law)] for law in laws]


def _drawn_ranks(
    events: Sequence[EventOfRank],
    weights: np.ndarray,
    rng: np.random.Generator,
    methods: Collection[str],
) -> np.ndarray:
    """Ranks of the events under one transformation a draw, ``(events, draws)``."""
    having = [name for name in METHODS if all(name in law.ranks for law in events)]
    possible = [name for name in having if name in methods] or having
    own = np.cumsum(weights[[METHODS.index(name) for name in possible]], axis=0)
    drawn = np.sum(rng.uniform(size=own.shape[1]) * own[-1] > own, axis=0)
    table = np.array([[law.ranks[name] for name in possible] for law in events])
    return table[:, drawn]


def _events_by(
    gone: np.ndarray, knots: np.ndarray, reached: np.ndarray, n: float, rng: np.random.Generator
) -> np.ndarray:
    """Number of events by a time, given those of known rank (``knots``) at ``reached``."""
    before = reached <= gone
    lower_rank = np.max(np.where(before, knots, 0.0), axis=0, initial=0.0)
    lower = np.max(np.where(before, reached, 0.0), axis=0, initial=0.0)
    upper_rank = np.min(np.where(before, n + 1.0, knots), axis=0, initial=n + 1.0)
    upper = np.min(np.where(before, 1.0, reached), axis=0, initial=1.0)
    between = np.maximum(np.round(upper_rank - lower_rank - 1.0), 0.0).astype(int)
    chance = (gone - lower) / np.maximum(upper - lower, 1e-300)
    return lower_rank + rng.binomial(between, np.clip(chance, 0.0, 1.0))


# --- how the figures lie among their replicates --------------------------------------------------


def _quantile(values: np.ndarray, share: float | Sequence[float]) -> np.ndarray:
    """Quantiles that are values themselves: what would be printed, be it infinite."""
    return np.quantile(values, share, axis=0, method="inverted_cdf")


def _central(replicates: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    lower, upper = _quantile(replicates, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return lower, upper


def _inside(
    level: float, lower: np.ndarray, upper: np.ndarray, values: np.ndarray, replicates: np.ndarray
) -> Inside:
    drawn = np.sum((replicates >= lower) & (replicates <= upper), axis=1)
    low, high = _quantile(drawn, [0.025, 0.975])
    count_inside = int(np.sum((values >= lower) & (values <= upper)))
    return Inside(level, count_inside, values.size, float(drawn.mean()), float(low), float(high))


def _positions(pits: np.ndarray, replicates: np.ndarray) -> pd.DataFrame:
    """Distribution of the positions with its simultaneous band."""
    each = (rankdata(replicates, axis=0) - 0.5) / len(replicates)
    # how many of each line fall into each step of the grid, then up to it
    steps = np.searchsorted(_GRID, each) + _GRID.size * np.arange(len(each))[:, None]
    counts = np.bincount(steps.ravel(), minlength=len(each) * _GRID.size)
    lines = np.cumsum(counts.reshape(len(each), -1), axis=1) / each.shape[1]
    lower, upper = envelope(lines)
    share = np.array([np.mean(pits <= at) for at in _GRID])
    return pd.DataFrame(dict(zip(POSITION_COLUMNS, (_GRID, share, lower, upper), strict=True)))


def envelope(lines: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Band that holds whole lines, ``(lines, points)``, with a given probability.

    The most extreme lines by their extreme rank are left out (Myllymäki et al. 2017,
    doi 10.1111/rssb.12172), the others span the band.
    """
    high = rankdata(-lines, axis=0, method="max")
    low = rankdata(lines, axis=0, method="max")
    depth = np.minimum(high, low).min(axis=1)
    kept = lines[depth >= np.quantile(depth, 1.0 - level, method="inverted_cdf")]
    return kept.min(axis=0), kept.max(axis=0)


def outliers(table: pd.DataFrame) -> pd.DataFrame:
    """Figures whose position is nearer than :data:`OUTLYING` to 0 or 1."""
    pit = table["pit"].astype(float)
    return table[(pit < OUTLYING) | (pit > 1.0 - OUTLYING)]


# --- all endpoints -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checks:
    """The predictive checks by endpoint: tables of :data:`PREDICTIVE_COLUMNS`, and coverage."""

    predictive: Mapping[str, pd.DataFrame] = field(repr=False)
    coverage: Mapping[str, Coverage] = field(repr=False)

    @property
    def table(self) -> pd.DataFrame:
        """All endpoints, one table."""
        return pd.concat(self.predictive.values(), ignore_index=True)


def check(
    fits: Mapping[str, Fit], vocabulary: Vocabulary, treatments: Mapping[str, Sequence[str]]
) -> Checks:
    """Check every fit; parameters as in :func:`predictive_check`, by endpoint."""
    each = {
        name: predictive_check(fit, vocabulary, treatments.get(name, ()))
        for name, fit in fits.items()
    }
    tables, coverage = ({name: pair[i] for name, pair in each.items()} for i in (0, 1))
    return Checks(tables, coverage)


LEAD = (
    "Every reported figure stands beside what the fitted model would print of as many patients: "
    "the effects of the treatment stay, those of the study are drawn anew. A model that fits its "
    "reports has them spread evenly over its predictions. The check is a kind one where a single "
    "cohort stands behind a treatment: its effect has learned from the figures that it predicts."
)


def result(checks: Checks, registry: Registry) -> Result:
    """Say whether the fitted model would print what the reports print."""
    vocabulary = registry.vocabulary
    findings = [
        Finding(
            endpoint_of(name).name(vocabulary),
            coverage_words(table, checks.coverage[name]),
            _outlying_tables(table),
        )
        for name, table in checks.predictive.items()
    ]
    if not checks.table.empty:
        findings.insert(0, Finding("Every endpoint", pictures=(_picture(checks, vocabulary),)))
    tables = {"predictive_checks": checks.table}
    return Result("checks", "Model check", (LEAD,), tuple(findings), tables)


def coverage_words(table: pd.DataFrame, coverage: Coverage) -> tuple[str, ...]:
    """Whether the fitted model would print the figures of one endpoint, in sentences."""
    if table.empty:
        return ("None of its figures can be set against a prediction.",)
    half, most = coverage.inside
    sentences = [
        f"{most.found} of {count(most.figures, 'reported figure')} lie inside their "
        f"{percent(most.level)} % predictive intervals; registries drawn from the model have "
        f"{_range(most)}. {half.found} lie inside their {percent(half.level)} % intervals "
        f"({_range(half)})."
    ]
    for level in coverage.inside:
        inside = f"than that lie inside the {percent(level.level)} % intervals"
        if level.found < level.lower:
            sentences.append(f"Fewer {inside}: the model is surer of reports than they bear out.")
        elif level.found > level.upper:
            sentences.append(f"More {inside}: reports differ less than the model allows for.")
    if not coverage.in_band:
        sentences.append("The distribution of the positions leaves its band.")
    far = len(outliers(table))
    who = f"{count(far, 'figure') if far else 'No figure'} {'are' if far > 1 else 'is'}"
    where = f"a position below {OUTLYING:g} or above {1 - OUTLYING:g}"
    return (*sentences, f"{who} outlying ({where}).")


def _range(level: Inside) -> str:
    return f"{level.lower:.0f} to {level.upper:.0f}, {level.expected:.0f} on average"


def _outlying_tables(table: pd.DataFrame) -> tuple[Table, ...]:
    """The figures that the model would hardly print, if any."""
    frame = outliers(table)
    if frame.empty:
        return ()
    outlying = table_of(
        f"Outlying: {count(len(frame), 'figure')}.",
        frame.itertuples(index=False),
        [
            ("Cohort", "keep", lambda row: Cell(row.label, href=f"#study-{row.study}")),
            ("Treatment", "", lambda row: row.treatment),
            ("n", "num", lambda row: row.n),
            ("Figure", "keep", lambda row: row.figure),
            ("Reported", "keep", lambda row: row.printed),
            ("Predicted (95 %)", "num", _predicted),
            ("Position", "num", lambda row: f"{row.pit:.3f}"),
        ],
        note="Predicted: months, or per cent of the patients.",
    )
    return (outlying,)


def _predicted(row: Any) -> str:
    is_time = row.figure in ("median", "lower limit", "upper limit")
    return interval(row.predicted, row.lower, row.upper, months if is_time else percent)


# Figures of each endpoint that are drawn one by one: those furthest from the middle.
_EXTREME = 5


def _picture(checks: Checks, vocabulary: Vocabulary) -> Picture:
    from synthesis.plots.checks import plot_checks

    extremes = [
        table.sort_values("pit", key=lambda pit: -(pit - 0.5).abs(), kind="stable").head(_EXTREME)
        for table in checks.predictive.values()
    ]
    positions = [own.positions.assign(endpoint=name) for name, own in checks.coverage.items()]
    words = [
        f"{endpoint_of(name).name(vocabulary)}: "
        f"{' '.join(coverage_words(table, checks.coverage[name]))}"
        for name, table in checks.predictive.items()
    ]
    caption = (
        f"Reported figures in {vocabulary.subject_words} on what the fitted models would print of "
        "as many patients in a new study of the same treatment. Position: share of the predictions "
        "below the reported figure, half of those printed alike included. Line: distribution of "
        "the positions; band: it holds the whole line in 95 % of registries drawn from the model. "
        f"Below: the {_EXTREME} figures of each endpoint that lie furthest out."
    )
    arguments = {
        "positions": pd.concat(positions, ignore_index=True),
        "extremes": pd.concat(extremes, ignore_index=True),
    }
    return Picture(
        "predictive_checks",
        "Model check",
        caption,
        plot_checks,
        arguments,
        tuple(dict.fromkeys(checks.table["study"])),
        " ".join(words),
    )
