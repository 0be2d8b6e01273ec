r"""Do the other cohorts predict these figures? Leave-one-cohort-out predictive checks.

Every counted cohort is predicted by the posterior given all *other* cohorts, by importance weights
(:mod:`synthesis.left_out`): the effects of its treatment are those that the others leave likely, or
those of a new treatment of its class where it is the only one; its study effect, shape and unknown
share of mixed histology are drawn anew. In a report with several cohorts the others are known, and
so is the part of the study effect that they share. Families are stacked by their weights; one whose
Pareto k for a cohort is above :data:`~synthesis.stacking.HIGH_K` leaves its place to the others.
Where all are, the figures are called unreliable: no family is fitted again.

Of its ``n`` patients the event times of known rank and the survivors at fixed times are drawn
together, rounded as they were printed. A printed figure covers the positions

.. math::
   [\,\Pr(y^\mathrm{rep} < y),\ \Pr(y^\mathrm{rep} \le y)\,]

in its prediction: the probability integral transform, spread evenly where several replicates would
be printed alike (Czado, Gneiting & Held 2009, doi 10.1111/j.1541-0420.2009.01191.x), which is the
mean of all randomised ones. Of figures from the model a share ``p`` lies inside central intervals
of level ``p``, rounded or not. ``pit`` is the middle of what a figure covers.

Figures of one cohort come from the same patients: each row of replicates is one registry, in which
they hang together, and cohorts do not. (That of two under one treatment what is too high for the
one is too low for the other would move the ranges by one percentage point.) The spread of these
registries gives the range of the shares inside, the band of the difference between the distribution
of positions and a uniform one (Säilynoja, Bürkner & Vehtari 2022, doi 10.1007/s11222-022-10090-6),
and the p-value of uniformity.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri, softmax
from scipy.stats import rankdata
from xarray import Dataset, DataTree

from studies import Registry
from studies.schema import Histology
from studies.vocabulary import Vocabulary
from synthesis.endpoints import endpoint_of
from synthesis.estimands import LEVEL, Curve, Fit, cohort_labels, flat
from synthesis.fits import ResponseFit, SurvivalFit
from synthesis.left_out import DRAWS, LeftOutPredictions, PredictedArm
from synthesis.model.printed import METHODS
from synthesis.numbers import capitalised, count, interval, listed, months, p_value, percent
from synthesis.predictive import (
    EventOfRank,
    Figure,
    Law,
    ShareAlive,
    count_alike,
    figures_of,
    times_of_ranks,
)
from synthesis.questions.influence import WEIGHTED
from synthesis.questions.pooled.cohorts import mix_words
from synthesis.result import Cell, Finding, Picture, Result, Table, names, table_of
from synthesis.stacking import HIGH_K, StackedFit, families_of

#: Where the variance of a prediction comes from, as columns that add up to about one.
SOURCES = names("treatment_part study_part histology_part shape_part patients_part")

PREDICTIVE_COLUMNS = (
    *names("endpoint study cohort label year treatment treatment_class histology n figure printed"),
    *names("value predicted lower upper lower_50 upper_50 pit within pareto_k reliable"),
    *SOURCES,
)
POSITION_COLUMNS = ("position", "share", "lower", "upper")

#: Levels at which the figures inside their predictive intervals are counted.
LEVELS = (0.5, 0.8, LEVEL)

#: A figure whose position is nearer than this to 0 or 1 is outlying.
OUTLYING = 0.01

# Replicates of each figure, at least: a position of one in a hundred is then known to a sixth.
_REPLICATES = 4000
_GRID = np.linspace(0.0, 1.0, 81)  # the ends of all levels are on it


class Inside(NamedTuple):
    """Share of the figures inside their central predictive intervals of a level.

    ``lower`` and ``upper`` are the 95 % range of the share in registries drawn from the model.
    """

    level: float
    share: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Coverage:
    """How the printed figures of an endpoint are spread over their predictions.

    ``positions`` has a ``position`` from 0 to 1, the ``share`` of the figures at or below it, and
    the band ``lower, upper`` that holds the whole line in 95 % of registries drawn from the model.
    ``inside`` has an entry for each of :data:`LEVELS`; ``p`` is the share of registries whose line
    is no nearer to the uniform one.
    """

    positions: pd.DataFrame = field(repr=False)
    inside: tuple[Inside, ...]
    p: float = 1.0

    @property
    def in_band(self) -> bool:
        """Whether the whole line is inside its band."""
        p = self.positions
        return bool(p["share"].between(p["lower"], p["upper"]).all())


class _Replicated(NamedTuple):
    """A printed figure, whose it is, and its replicates before they are printed."""

    figure: Figure
    cohort: int
    histology: str
    n: int
    drawn: np.ndarray
    predicted: PredictedArm

    @property
    def covers(self) -> tuple[float, float]:
        """Positions from which and up to which it would be printed alike."""
        low, high = self.figure.alike
        below = float(np.mean(self.drawn < low))
        return below, below + float(np.mean((self.drawn >= low) & (self.drawn < high)))

    @property
    def printed(self) -> np.ndarray:
        """Replicates rounded; those that would be printed alike have the very value."""
        figure, drawn = self.figure, self.drawn
        if figure.step > 0.0:
            rounded = figure.value + figure.step * np.round((drawn - figure.value) / figure.step)
            drawn = np.maximum(rounded, 0.0)
        low, high = figure.alike
        return np.where((self.drawn >= low) & (self.drawn < high), figure.value, drawn)

    @property
    def parts(self) -> np.ndarray:
        """Shares of the variance of its normal scores by :data:`SOURCES`, from a linear fit."""
        scores = ndtri((rankdata(self.printed) - 0.5) / self.drawn.size)
        columns = np.stack(self.predicted[:4], axis=1)
        columns = columns - columns.mean(axis=0)
        slopes = np.linalg.lstsq(columns, scores, rcond=None)[0]
        explained = np.square(slopes) * columns.var(axis=0) / max(float(scores.var()), 1e-12)
        return np.append(explained, max(1.0 - explained.sum(), 0.0))


def predictive_check(
    fit: Fit, vocabulary: Vocabulary, treatments: Sequence[str] = ()
) -> tuple[pd.DataFrame, Coverage]:
    """Set every printed figure behind a fit against what the other cohorts predict.

    `treatments` are labels in order of display; those not in it stand last, in the order of the
    fit.

    Returns
    -------
    DataFrame
        :data:`PREDICTIVE_COLUMNS`, by treatment, year and label; months, or fractions of one. An
        infinite ``value`` was not reached; ``within`` the 95 % interval; ``pareto_k`` the smallest
        of the families. Empty without any figure that can be predicted.
    Coverage
    """
    rng = np.random.default_rng([fit.seed, 17])
    kinds = _families(fit)
    pareto_k = np.min([kind.predictions.pareto_k for kind in kinds], axis=0)
    cohorts, labels = fit.data.cohorts, cohort_labels(fit.data.cohorts)
    replicas = [own for j in range(len(cohorts)) for own in _replicas(fit, kinds, j, rng)]
    if not replicas:
        empty = pd.DataFrame(columns=list(PREDICTIVE_COLUMNS)).astype({"year": "Int64"})
        return empty, Coverage(pd.DataFrame(columns=list(POSITION_COLUMNS)), ())
    replicates = np.column_stack([replica.printed for replica in replicas])
    covers = np.array([replica.covers for replica in replicas])
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
            "pareto_k": pareto_k[replica.cohort],
            **dict(zip(SOURCES, replica.parts, strict=True)),
        }
        for replica in replicas
        for ref in [cohorts[replica.cohort]]
    )
    table["reliable"] = table["pareto_k"] <= HIGH_K
    table["pit"] = covers.mean(axis=1)
    positions = [0.5, *_central(LEVEL), *_central(0.5)]
    # quantiles that are values themselves: what would be printed, be it infinite
    values = np.quantile(replicates, positions, axis=0, method="inverted_cdf")
    table[["predicted", "lower", "upper", "lower_50", "upper_50"]] = values.T
    table["within"] = table["value"].between(table["lower"], table["upper"])
    order = list(dict.fromkeys([*treatments, *table["treatment"]]))
    table = table.assign(place=table["treatment"].map(order.index))
    table = table.sort_values(["place", "year", "label"], kind="stable", ignore_index=True)
    table = table[list(PREDICTIVE_COLUMNS)].astype({"year": "Int64"})
    return table, _coverage(covers, replicates)


# --- replicates ----------------------------------------------------------------------------------


class _Family(NamedTuple):
    """A fit of one family, its weight, and its predictions of each cohort."""

    fit: SurvivalFit | ResponseFit
    weight: float
    predictions: LeftOutPredictions


def _families(fit: Fit) -> list[_Family]:
    each = families_of(fit)
    draws = max(DRAWS, WEIGHTED // len(each))
    return [_Family(own, weight, LeftOutPredictions(own, draws)) for own, weight in each]


def _replicas(
    fit: Fit, kinds: Sequence[_Family], cohort: int, rng: np.random.Generator
) -> Iterator[_Replicated]:
    """Figures of one cohort with their replicates, drawn from the same patients."""
    reliable = [kind for kind in kinds if kind.predictions.pareto_k[cohort] <= HIGH_K] or kinds
    shares = np.array([kind.weight for kind in reliable])
    sizes = rng.multinomial(_REPLICATES, shares / shares.sum())
    each = [
        kind.predictions.of(cohort, size, rng) for kind, size in zip(reliable, sizes, strict=True)
    ]
    order = rng.permutation(_REPLICATES)
    for place in each[0]:
        columns = zip(*(own[place] for own in each), strict=True)
        predicted = PredictedArm(*(np.concatenate(column)[order] for column in columns))
        if isinstance(fit, ResponseFit):
            counts = fit.data.counts[cohort]
            of, n = counts.responders, counts.evaluable
            figure = Figure("response rate", f"{of}/{n}", of / n, count_alike(of, n))
            drawn = rng.binomial(n, expit(predicted.location)) / n
            yield _Replicated(figure, cohort, "", n, drawn, predicted)
            continue
        arm = fit.data.arms[place]
        names = np.repeat([kind.fit.family.name for kind in reliable], sizes)[order]
        median, shape = np.exp(predicted.location), np.exp(predicted.log_shape)
        logits = [
            flat(kind.fit, "convention_logits")[own[place].row]
            for kind, own in zip(reliable, each, strict=True)
        ]
        weights = softmax(np.concatenate(logits)[order].T, axis=0)
        figures = figures_of(fit.data, [arm], arm)
        curve, laws = Curve(median, shape, names, predicted.tail), [law for _, law in figures]
        values = draw_together(curve, laws, weights, rng, methods=arm.methods)
        histology = mix_words(arm) if arm.histology == "whole" else arm.histology
        for (figure, _), drawn in zip(figures, values, strict=True):
            yield _Replicated(figure, cohort, histology, arm.n, drawn, predicted)


def draw_together(
    curve: Curve,
    laws: Sequence[Law],
    weights: np.ndarray,
    rng: np.random.Generator,
    *,
    methods: Collection[str] = METHODS,
) -> list[np.ndarray]:
    """Figures of one arm, drawn from the same patients, in the order of their laws.

    Months or fractions of one, each ``(draws,)``. The curve is that of the population, one a draw;
    `weights` are of each of :data:`~synthesis.model.printed.METHODS`, ``(methods, draws)``, and
    `methods` are those that can be behind the interval; without any of them, all that have its
    limits.
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


def _central(level: float) -> np.ndarray:
    """Positions of the ends of the central interval of a level."""
    return 0.5 + np.array([-level / 2.0, level / 2.0])


def _coverage(covers: np.ndarray, replicates: np.ndarray) -> Coverage:
    """How figures lie, beside registries drawn from the model, ``(registries, figures)``."""
    high = rankdata(replicates, axis=0, method="max") / len(replicates)
    low = (rankdata(replicates, axis=0, method="min") - 1.0) / len(replicates)
    lines = sum(_reached(*pair) for pair in zip(low.T, high.T, strict=True)) / len(covers)
    line = sum(_reached(*pair[:, None]) for pair in covers)[0] / len(covers)
    lower, upper = envelope(lines)
    values = _GRID, line, lower, upper
    positions = pd.DataFrame(dict(zip(POSITION_COLUMNS, values, strict=True)))
    inside = []
    for level in LEVELS:
        first, last = np.searchsorted(_GRID, _central(level) - 1e-9)
        drawn = np.quantile(lines[:, last] - lines[:, first], [0.025, 0.975])
        inside.append(Inside(level, float(line[last] - line[first]), *drawn.tolist()))
    depths = _depths(np.vstack([line, lines]))
    return Coverage(positions, tuple(inside), float(np.mean(depths <= depths[0])))


def _reached(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Share of what figures cover at or below each position of the grid, ``(figures, grid)``."""
    wide = np.maximum(high - low, 1e-12)[:, None]
    return np.clip((_GRID - low[:, None]) / wide, 0.0, 1.0)


def _depths(lines: np.ndarray) -> np.ndarray:
    """Extreme rank of each line among all, ``(lines,)``: low where it is furthest out."""
    high = rankdata(-lines, axis=0, method="max")
    low = rankdata(lines, axis=0, method="max")
    return np.minimum(high, low).min(axis=1)


def envelope(lines: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Band that holds whole lines, ``(lines, points)``, with a given probability.

    The most extreme lines by their extreme rank are left out (Myllymäki et al. 2017,
    doi 10.1111/rssb.12172), the others span the band.
    """
    depth = _depths(lines)
    kept = lines[depth >= np.quantile(depth, 1.0 - level, method="inverted_cdf")]
    return kept.min(axis=0), kept.max(axis=0)


def outliers(table: pd.DataFrame) -> pd.DataFrame:
    """Figures whose position is nearer than :data:`OUTLYING` to 0 or 1."""
    pit = table["pit"].astype(float)
    return table[(pit < OUTLYING) | (pit > 1.0 - OUTLYING)]


# --- for ArviZ ------------------------------------------------------------------------------------


def arviz_tree(fit: SurvivalFit | ResponseFit) -> DataTree:
    """What ArviZ compares fits and checks predictions by; it takes seconds.

    Returns
    -------
    DataTree
        ``posterior``: draws of the fit, evenly spaced, as one chain. ``log_likelihood``: that of
        each ``cohort`` at these draws, its own effects integrated out, for ``arviz.loo`` and
        ``arviz.compare``; of response but for a constant. ``observed_data`` and
        ``posterior_predictive``: every ``printed`` figure, and what all other cohorts predict of
        it, so that ``arviz.plot_ppc_pit`` leaves out cohorts as it is.

    Raises
    ------
    TypeError
        If fits of several families are stacked.
    """
    if isinstance(fit, StackedFit):
        families = ", ".join(fit.fits)
        raise TypeError(f"found several families stacked: give one of fit.fits ({families})")
    kind, rng = _Family(fit, 1.0, LeftOutPredictions(fit)), np.random.default_rng([fit.seed, 17])
    cohorts, posterior = fit.data.cohorts, fit.tree["posterior"].to_dataset()
    replicas = [own for j in range(len(cohorts)) for own in _replicas(fit, [kind], j, rng)]
    sampled = ("chain", "draw")

    def drawn(values: Mapping[Any, tuple[Any, ...]], labels: Mapping[Any, Any]) -> Dataset:
        own = Dataset(values, labels)
        return own.assign_coords(chain=[0], draw=range(own.sizes["draw"]))

    rows, values = kind.predictions.rows, kind.predictions.log_likelihood[None]
    kept = {n: (own.dims, fit.flat(str(n))[rows][None]) for n, own in posterior.items()}
    labels = {name: own for name, own in posterior.coords.items() if name not in sampled}
    figures = {"figure": [_name_of(own, cohorts[own.cohort].id) for own in replicas]}
    ids = {"cohort": [ref.id for ref in cohorts]}
    replicates = np.column_stack([own.printed for own in replicas])[None]
    observed = [own.figure.value for own in replicas]
    groups = {
        "posterior": drawn(kept, labels),
        "log_likelihood": drawn({"printed": ((*sampled, "cohort"), values)}, ids),
        "posterior_predictive": drawn({"printed": ((*sampled, "figure"), replicates)}, figures),
        "observed_data": Dataset({"printed": ("figure", observed)}, figures),
    }
    return DataTree.from_dict(groups)


def _name_of(own: _Replicated, cohort: str) -> str:
    """Name of a figure: ``sparano2021:lenvatinib mixed median``."""
    part = own.histology if own.histology in get_args(Histology) else ""
    return " ".join(filter(None, (cohort, part, own.figure.name)))


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
    "Every reported figure stands beside what all other cohorts predict of as many patients in a "
    "new study: its own cohort is left out. Where a model predicts new reports well, their figures "
    "are spread evenly over the predictions: half of them lie inside the 50 % intervals."
)


def result(checks: Checks, registry: Registry) -> Result:
    """Say how well the other cohorts predict what each report prints."""
    vocabulary = registry.vocabulary
    findings = [
        Finding(
            endpoint_of(name).name(vocabulary),
            coverage_words(table, checks.coverage[name]),
            tuple(_tables(table)),
        )
        for name, table in checks.predictive.items()
    ]
    if not checks.table.empty:
        findings.insert(0, Finding("Every endpoint", pictures=(_picture(checks, vocabulary),)))
    tables = {"predictive_checks": checks.table, "predictive_coverage": _coverage_table(checks)}
    return Result("checks", "Model check", (LEAD,), tuple(findings), tables)


def _coverage_table(checks: Checks) -> pd.DataFrame:
    """How many figures lie inside their intervals of each level, a row an endpoint and level."""
    rows = [
        {"endpoint": name, "figures": len(checks.predictive[name])} | own._asdict()
        for name, coverage in checks.coverage.items()
        for own in coverage.inside
    ]
    return pd.DataFrame(rows, columns=names("endpoint figures level share lower upper"))


def coverage_words(table: pd.DataFrame, coverage: Coverage) -> tuple[str, ...]:
    """How well the other cohorts predict the figures of one endpoint, in sentences."""
    if table.empty:
        return ("None of its figures can be set against a prediction.",)
    inside = [
        f"{percent(own.share)} % {'inside' if place else 'lie inside'} the {percent(own.level)} % "
        f"{'ones' if place else 'intervals'} ({percent(own.lower)} to {percent(own.upper)} %)"
        for place, own in enumerate(coverage.inside)
    ]
    cohorts = len(table[["study", "cohort"]].drop_duplicates())
    sentences = [
        f"{count(len(table), 'figure')} of {count(cohorts, 'cohort')}, each predicted by the "
        f"others: {listed(inside)}; in brackets the range of registries "
        "drawn from the model."
    ]
    part, source = max((float(table[name].mean()), name) for name in SOURCES)
    carried = f"most of their variance is {_SOURCE_WORDS[source]} ({percent(part)} %)"
    few = [own.level for own in coverage.inside if own.share < own.lower]
    many = [own.level for own in coverage.inside if own.share > own.upper]
    for levels, how in ((few, "narrow"), (many, "wide")):
        if levels:
            at = ", ".join(f"{percent(level)} %" for level in levels)
            sentences.append(f"Predictions are too {how} at {at}; {carried}.")
    uniform = "can be uniform" if coverage.in_band else "leave the band of uniform ones"
    sentences.append(f"The positions {uniform} ({p_value(coverage.p)}).")
    doubtful = table[~table["reliable"].astype(bool)]
    if len(doubtful):
        who = list(dict.fromkeys(doubtful["label"]))
        who = [*who[:_NAMED], *([count(len(who) - _NAMED, "other")] if len(who) > _NAMED else [])]
        sentences.append(
            f"{count(len(doubtful), 'prediction')} cannot be relied on: only a refit would tell "
            f"({listed(who)})."
        )
    far = len(outliers(table))
    who = f"{count(far, 'figure') if far else 'No figure'} {'are' if far > 1 else 'is'}"
    where = f"a position below {OUTLYING:g} or above {1 - OUTLYING:g}"
    return (*sentences, f"{who} outlying ({where}).")


_NAMED = 5  # cohorts of a sentence

_SOURCE_WORDS = {
    "treatment_part": "what is not known of the treatment",
    "study_part": "the spread between studies",
    "histology_part": "the unknown share of mixed histology",
    "shape_part": "the shape of the curve",
    "patients_part": "chance among so many patients",
}


def _tables(table: pd.DataFrame) -> Iterator[Table]:
    """Outlying figures, and where the variance of the predictions comes from; as far as any are."""
    far = outliers(table)
    if len(far):
        yield table_of(
            f"Outlying: {count(len(far), 'figure')}.",
            far.itertuples(index=False),
            [
                ("Cohort", "keep", lambda row: Cell(row.label, href=f"#study-{row.study}")),
                ("Treatment", "", lambda row: row.treatment),
                ("n", "num", lambda row: row.n),
                ("Figure", "keep", lambda row: row.figure),
                ("Reported", "keep", lambda row: row.printed),
                ("Predicted (95 %)", "num", _predicted),
                ("Position", "num", _position),
            ],
            note="Predicted: months, or per cent of the patients.",
        )
    if table.empty:
        return
    heads = {name: name.removesuffix("_part") for name in SOURCES if table[name].sum() > 0.0}
    kind = table["figure"].str.replace(r" at .*", "", regex=True)
    groups = table.assign(kind=kind, figures=1).groupby("kind", sort=False)
    rows = groups[[*heads]].mean().join(groups["figures"].sum()).reset_index()
    words = "; ".join(f"{head}: {_SOURCE_WORDS[name]}" for name, head in heads.items())
    yield table_of(
        "Where the variance of the predictions comes from, %.",
        rows.to_dict("records"),
        [
            ("Figure", "keep", lambda row: capitalised(row["kind"])),
            ("Figures", "num", lambda row: row["figures"]),
            *(
                (capitalised(head), "num", lambda row, name=name: percent(row[name]))
                for name, head in heads.items()
            ),
        ],
        note=f"{capitalised(words)}. By a linear fit to the normal scores of the predictions.",
    )


def _predicted(row: Any) -> str:
    is_time = row.figure in ("median", "lower limit", "upper limit")
    return interval(row.predicted, row.lower, row.upper, months if is_time else percent)


def _position(row: Any) -> str:
    return f"{row.pit:.3f}{'' if row.reliable else ' (unreliable)'}"


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
        f"Reported figures in {vocabulary.subject_words} on what all other cohorts predict of as "
        "many patients in a new study. Position: share of the predictions below the reported "
        "figure, half of those printed alike included. Line: figures at or below a position, less "
        "as many as uniform ones have; band: it holds the whole line in 95 % of registries drawn "
        "from the model. "
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
