r"""What a fit predicts: curves of any treatment in a new study, and what its report would print.

A treatment that the fit knows has the estimands of :mod:`synthesis.estimands`. One that it does not
know is a new treatment of its class, or of a new class: its effects are drawn from the spread
between treatments (and classes) that the fit has learned.

A median or limit of rank ``r`` among ``n`` patients is the time at which a share
:math:`U \sim \mathrm{Beta}(r, n + 1 - r)` of the population has had the event, at half ranks the
mean of two such times; survival at a fixed time is binomial. The shares at several ranks belong
together: their gaps are those of a Dirichlet distribution (David & Nagaraja, *Order Statistics*,
3rd ed., section 2.4). Where a report prints pure and mixed patients apart, its whole is their
union.

The *percentile* is the mid-p: all of the prediction below the printed value, and half of what would
have been printed alike. The two-sided p is twice the smaller tail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from studies.figures import half_step, in_months, printed_landmark, printed_median
from studies.schema import NOT_REACHED, Landmark, SurvivalOutcome, Unit
from synthesis import estimands
from synthesis.estimands import Curve, Effects, Fit, Group, Target, draw_prior, flat
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.model.printed import (
    METHODS,
    PrintedMedian,
    Ranks,
    Reading,
    interval_ranks,
    median_rank,
)
from synthesis.model.records import effective_size, read_landmark, read_median

# Simulated patients at a time, so that a registry of thousands needs no more memory than a trial.
_AT_A_TIME = 2_000_000

#: Two-sided p below which a figure is called so.
VERDICTS = ((0.01, "very surprising"), (0.05, "surprising"), (0.2, "at the edge of the expected"))
EXPECTED = "as expected"

# --- Curves and rates of any treatment -----------------------------------------------------------


class Place(NamedTuple):
    """Where a treatment, or the average treatment of a class, stands in a fit.

    An index into its classes or treatments is ``None`` for what it does not know, and that of the
    treatment for a class.
    """

    class_index: int | None
    treatment_index: int | None
    is_class: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the fit has cohorts of it."""
        return self.treatment_index is not None or (self.is_class and self.class_index is not None)

    @property
    def group(self) -> Group:
        """The group of a known place."""
        return Group(self.class_index, self.treatment_index)

    @property
    def words(self) -> str:
        """What an estimate of it rests on, in words."""
        if self.is_known:
            return "its cohorts"
        if self.is_class:
            return "expected of a new class"
        which = "its class" if self.class_index is not None else "a new class"
        return f"expected of a new treatment of {which}"


def place_of(fit: Fit, treatment: str | None, class_id: str) -> Place:
    """Find a treatment in a fit, or with ``None`` the class; unknown ones have no index."""
    data = fit.data
    class_index = data.classes.index(class_id) if class_id in data.classes else None
    if treatment is None:
        return Place(class_index, None, is_class=True)
    known = treatment in data.treatments
    return Place(class_index, data.treatments.index(treatment) if known else None)


def curve_of(fit: PooledSurvival, place: Place, share: float, target: Target) -> Curve:
    """Draws of a survival curve for tables; of a known treatment, those of the report."""
    if place.is_known:
        return estimands.curve(fit, place.group, share, target)
    return Effects(fit, _rng_of_tables(fit)).curve(place, share, target)


def rate_of(fit: ResponseFit, place: Place, target: Target) -> np.ndarray:
    """Draws of a response rate for tables; of a known treatment, those of the report."""
    if place.is_known:
        return estimands.response_rate(fit, place.group, target)
    return Effects(fit, _rng_of_tables(fit)).rate(place, target)


def _rng_of_tables(fit: Fit) -> np.random.Generator:
    """The same noise for every estimand of a treatment: tables agree."""
    return np.random.default_rng([fit.seed, 13])


class NewCohort(NamedTuple):
    """What is known of a cohort of a new study before its figures are seen.

    ``study`` and ``cohort`` are seeds: arms with both alike are arms of one cohort, with the first
    alike of one study. ``shared`` and ``covariates``: as of :class:`~synthesis.estimands.Effects`.
    """

    study: int
    cohort: int
    shared: float = 1.0
    covariates: tuple[float, ...] = ()


def predict_curve(
    fit: PooledSurvival, place: Place, share: float | np.ndarray, cohort: NewCohort, repeats: int
) -> Curve:
    """Curves of new studies, ``repeats`` for each draw of the fit; a share for all or for each."""
    rng, own = (np.random.default_rng(seed) for seed in cohort[:2])
    effects = Effects(fit, rng, own, repeats, cohort.shared, cohort.covariates)
    return effects.curve(place, share, "new_study")


def predict_rate(
    fit: ResponseFit, place: Place, rng: np.random.Generator, repeats: int
) -> np.ndarray:
    """Response rates of new studies, ``repeats`` for each draw; one seed, arms of one study."""
    return Effects(fit, rng, repeats=repeats).rate(place, "new_study")


def unknown_share(
    fit: PooledSurvival, repeats: int, rng: np.random.Generator
) -> float | np.ndarray:
    """Shares of mixed histology that the prior holds likely, one for each of the repeats."""
    if not fit.data.tells_histology:
        return fit.centre_share  # the fit has no term for it
    logit = draw_prior(fit.priors["mixed_share"], flat(fit, "mu").size * repeats, rng)
    return 1.0 / (1.0 + np.exp(-logit))


# --- Patients of a new study, and the figures of their report ---------------------------------


def event_times(curve: Curve, share: np.ndarray) -> np.ndarray:
    """Months by which a share of the population has had the event, shape ``(..., draws)``."""
    inside = np.moveaxis(np.clip(share, 1e-15, 1.0 - 1e-15), -1, 0)
    return np.moveaxis(curve.quantile(inside), 0, -1)


def share_alive(curve: Curve, months: float) -> np.ndarray:
    """Share of the population that is event-free at a time, one a draw."""
    return curve.survival(np.array([months]))[:, 0]


def times_of_ranks(
    curve: Curve, ranks: np.ndarray, n: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Months of the events of fractional ranks among ``n``, ``(events, draws)``, of one sample.

    Behind them the whole ranks between which they lie, and the shares that those have reached.
    """
    below = np.maximum(np.floor(ranks), 1.0)
    above = np.where(ranks > below, below + 1.0, below)
    knots = np.concatenate([below, above])
    reached = _joint_shares(knots, n, rng)
    first, second = np.split(event_times(curve, reached), 2)
    return first + np.maximum(ranks - below, 0.0) * (second - first), knots, reached


def _joint_shares(ranks: np.ndarray, n: float, rng: np.random.Generator) -> np.ndarray:
    """Shares of the population that have had the event at events of known rank among ``n``.

    Ranks, ``(events, draws)``, are whole and in any order; equal ranks are one event. ``n`` may be
    fractional, as an effective number is. The events of one draw are of one sample.
    """
    order = np.argsort(ranks, axis=0, kind="stable")
    rising = np.take_along_axis(ranks, order, axis=0)
    gaps = rng.standard_gamma(np.diff(rising, axis=0, prepend=0.0))
    beyond = rng.standard_gamma(np.maximum(n + 1.0 - rising[-1], 1e-6))
    reached = np.cumsum(gaps, axis=0)
    shares = np.empty_like(reached)
    np.put_along_axis(shares, order, reached / (reached[-1] + beyond), axis=0)
    return shares


@dataclass(frozen=True)
class Crowd:
    """Patients of a new study as predicted: groups, each with its size and draws of its curve."""

    sizes: tuple[int, ...]
    curves: tuple[Curve, ...]

    @property
    def n(self) -> int:
        """All patients."""
        return sum(self.sizes)

    @property
    def draws(self) -> int:
        """Number of predictions."""
        return self.curves[0].median.size

    def order_statistic(
        self, rank: float | np.ndarray, n: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Months at which the event of that rank among ``n`` happens, one a draw.

        ``rank`` and ``n`` may be fractional, as for a median of an even or effective number.
        """
        rank = np.broadcast_to(np.asarray(rank, dtype=float), (self.draws,))
        if len(self.sizes) == 1:
            return times_of_ranks(self.curves[0], rank[None], n, rng)[0][0]
        sizes = [max(round(size * n / self.n), 1) for size in self.sizes]
        step = max(_AT_A_TIME // sum(sizes), 1)
        parts = []
        for start in range(0, self.draws, step):
            rows = slice(start, start + step)
            times = np.sort(np.concatenate(list(self._times(sizes, rows, rng)), axis=1), axis=1)
            parts.append(_at_rank(times, rank[rows] * (sum(sizes) + 1.0) / (n + 1.0)))
        return np.concatenate(parts)

    def _times(
        self, sizes: Sequence[int], rows: slice, rng: np.random.Generator
    ) -> Iterator[np.ndarray]:
        for size, curve in zip(sizes, self.curves, strict=True):
            part = curve.rows(rows)
            yield event_times(part, rng.uniform(size=(size, part.median.size))).T

    def share_alive(self, months: float, n: float, rng: np.random.Generator) -> np.ndarray:
        """Share of ``n`` patients who are event-free at a time, one a draw."""
        sizes = [max(round(size * n / self.n), 1) for size in self.sizes]
        alive = sum(
            rng.binomial(size, share_alive(curve, months))
            for size, curve in zip(sizes, self.curves, strict=True)
        )
        return alive / sum(sizes)


def _at_rank(times: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Sorted times ``(draws, patients)`` at a rank each; a half rank is the mean of two times."""
    position = np.clip(rank - 1.0, 0.0, times.shape[1] - 1.0)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, times.shape[1] - 1)
    rows = np.arange(len(times))
    return times[rows, below] + (position - below) * (times[rows, above] - times[rows, below])


class Figure(NamedTuple):
    """A printed figure: its value, and what would have been printed alike.

    Attributes
    ----------
    name : str
        ``median``, ``lower limit``, ``survival at 12 months``, ...
    value : float
        Months, or a fraction of one; infinite for a median that was not reached.
    alike : tuple of float
        Values from the first up to the second are printed as this one.
    months_per_unit : float or None
        Of the printed unit; ``None`` for a fraction.
    at : float
        Months at which survival was read; not a number for other figures.
    step : float
        Months of the last printed digit; zero for what is not rounded.
    """

    name: str
    printed: str
    value: float
    alike: tuple[float, float]
    months_per_unit: float | None = None
    unit: str = ""
    at: float = np.nan
    step: float = 0.0


@dataclass(frozen=True)
class EventOfRank:
    """Law of the time of an event of known rank among ``n``; called, it predicts one a draw.

    Ranks stand by the transformation that may be behind the interval; without a preference all are
    alike likely. ``n`` may be fractional.
    """

    ranks: Mapping[str, float]
    n: float

    def __call__(self, crowd: Crowd, rng: np.random.Generator) -> np.ndarray:
        """Months, ``(draws,)``."""
        ranks = rng.choice(list(self.ranks.values()), size=crowd.draws)
        return crowd.order_statistic(ranks, self.n, rng)


@dataclass(frozen=True)
class ShareAlive:
    """Law of the share of ``size`` patients who are event-free; called as :class:`EventOfRank`."""

    months: float
    size: int

    def __call__(self, crowd: Crowd, rng: np.random.Generator) -> np.ndarray:
        """Fractions of one, ``(draws,)``."""
        return crowd.share_alive(self.months, self.size, rng)


#: Predictions of a figure, one a draw of a crowd.
Law = EventOfRank | ShareAlive


def printed_figures(
    outcome: SurvivalOutcome | None, landmarks: Sequence[Landmark], n: int
) -> list[tuple[Figure, Law]]:
    """Figures of one group of ``n`` patients that a prediction can be set against.

    These are the median, limits that are event times, and survival at fixed times. A median that
    was not reached within an unknown time says nothing and is not among them.
    """
    effective = effective_size(outcome, n)
    figures: list[tuple[Figure, Law]] = []
    if outcome is not None and outcome.median is not None:
        if outcome.median == NOT_REACHED and outcome.follow_up is not None:
            figures.append((_not_reached(outcome), _middle(effective)))
        figures += _median_and_limits(outcome, effective)
    return figures + [_landmark(mark, effective) for mark in landmarks]


def _middle(n: float) -> EventOfRank:
    """The median, whose rank no transformation changes."""
    return EventOfRank(dict.fromkeys(METHODS, median_rank(n)), n)


def _not_reached(outcome: SurvivalOutcome) -> Figure:
    since = in_months(outcome.follow_up, outcome.unit)
    text = f"{printed_median(outcome)}, followed for {outcome.follow_up} {outcome.unit}"
    per_unit = in_months(Decimal(1), outcome.unit)
    return Figure("median", text, np.inf, (since, np.inf), per_unit, outcome.unit)


def _median_and_limits(outcome: SurvivalOutcome, n: float) -> Iterator[tuple[Figure, Law]]:
    printed, _ = read_median(outcome)
    if printed is None:
        return
    if printed.median is not None:
        text = printed_median(outcome)
        yield _time("median", text, printed.median, outcome.unit), _middle(n)
    ranks = _limit_ranks(printed, n)
    for side, end in (("lower", 0), ("upper", 1)):
        reading = getattr(printed, side)
        if reading is not None and ranks:
            text = f"{outcome.ci[end]} {outcome.unit}"
            law = EventOfRank({name: getattr(own, side) for name, own in ranks.items()}, n)
            yield _time(f"{side} limit", text, reading, outcome.unit), law


def _time(name: str, printed: str, reading: Reading, unit: Unit) -> Figure:
    per_unit = in_months(Decimal(1), unit)
    step = 2.0 * reading.half_unit
    return Figure(name, printed, reading.months, reading.edges, per_unit, unit, step=step)


def _limit_ranks(printed: PrintedMedian, n: float) -> dict[str, Ranks]:
    """Ranks of the limits under each transformation that has all of those printed."""
    methods = (printed.method,) if printed.method else METHODS
    every = {name: interval_ranks(max(round(n), 1), name, printed.level) for name in methods}
    sides = [side for side in ("lower", "upper") if getattr(printed, side) is not None]
    return {
        name: ranks
        for name, ranks in every.items()
        if all(getattr(ranks, side) is not None for side in sides)
    }


def _landmark(mark: Landmark, n: float) -> tuple[Figure, Law]:
    read = read_landmark(mark)
    if read.log_variance:
        # Greenwood without censoring: the number of patients that the printed interval speaks of
        n = min(n, (1.0 - read.survival) / (read.survival * read.log_variance))
    size = max(round(n), 1)
    unit = mark.unit.removesuffix("s") if mark.time == 1 else mark.unit
    name = f"survival at {mark.time} {unit}"
    low, high = count_alike(round(read.survival * size), size)
    # of many patients several counts are printed as the same share
    half = float(half_step(mark.survival))
    alike = (min(low, read.survival - half), max(high, read.survival + half))
    figure = Figure(name, printed_landmark(mark), read.survival, alike, at=read.months)
    return figure, ShareAlive(read.months, size)


def listed_median(months: Sequence[float], events: Sequence[bool]) -> tuple[Figure, Law] | None:
    """The Kaplan-Meier median of patients listed one by one; ``None`` if it is not reached."""
    order = np.argsort(months, kind="stable")
    times, died = np.asarray(months, dtype=float)[order], np.asarray(events, dtype=bool)[order]
    at_risk = np.arange(times.size, 0, -1)
    alive = np.cumprod(np.where(died, 1.0 - 1.0 / at_risk, 1.0))
    below = np.flatnonzero(alive <= 0.5 + 1e-12)
    if below.size == 0:
        return None
    middle = times[below[0]]
    later = np.flatnonzero(died & (times > middle))
    if abs(alive[below[0]] - 0.5) < 1e-12 and later.size:
        middle = (middle + times[later[0]]) / 2.0
    n = (times.size + int(died.sum())) / 2.0
    text = f"{middle:.1f} from {times.size} listed patients"
    figure = Figure("median", text, middle, (middle, middle), 1.0, "months")
    return figure, _middle(n)


def count_alike(count: int, n: int) -> tuple[float, float]:
    """Shares around a count of ``n`` that hold no other count."""
    return (count - 0.5) / n, (count + 0.5) / n


class Surprise(NamedTuple):
    """Where a printed figure falls in its prediction.

    Median, 95 % and 50 % interval of the prediction; percentile from 0 to 100; two-sided p.
    """

    predicted: float
    lower: float
    upper: float
    lower_50: float
    upper_50: float
    percentile: float
    p: float


def position(predictions: np.ndarray, alike: tuple[float, float]) -> float:
    """Share of predictions below a printed figure, those printed alike counted half (mid-p)."""
    low, high = alike
    below = np.mean(predictions < low)
    return float(below + 0.5 * np.mean((predictions >= low) & (predictions < high)))


def judge(predictions: np.ndarray, alike: tuple[float, float]) -> Surprise:
    """Set a printed figure against predictions of it; `alike` as of a :class:`Figure`."""
    share = position(predictions, alike)
    tails = np.quantile(predictions, [0.5, 0.025, 0.975, 0.25, 0.75])
    p = min(1.0, 2.0 * min(share, 1.0 - share))
    return Surprise(*(float(value) for value in tails), 100.0 * share, p)


def verdict(p: float) -> str:
    """What a two-sided p is called."""
    return next((words for below, words in VERDICTS if p < below), EXPECTED)
