r"""What a fit predicts: curves of any treatment in a new study, and what its report would print.

A treatment that the fit knows has the estimands of :mod:`synthesis.estimands`. One that it does not
know is a new treatment of its class, or of a new class: its effects are drawn from the spread
between treatments (and classes) that the fit has learned.

A median or limit of rank ``r`` among ``n`` patients is the time at which a share
:math:`U \sim \mathrm{Beta}(r, n + 1 - r)` of the population has had the event, at half ranks the
mean of two such times; survival at a fixed time is binomial. The shares at several ranks belong
together: their gaps are those of a Dirichlet distribution (David & Nagaraja, *Order Statistics*,
3rd ed., section 2.4). Where a report prints pure and mixed patients apart, its whole is their
union. Of patients' own times a report prints what software does: a Kaplan-Meier curve and its 95 %
band.

The *percentile* is the mid-p: all of the prediction below the printed value, and half of what would
have been printed alike. The two-sided p is twice the smaller tail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from studies.figures import in_months
from studies.kinds import half_step
from studies.schema import NOT_REACHED, Landmark, SurvivalOutcome
from synthesis import estimands
from synthesis.estimands import Curve, Effects, Fit, Group, Target, draw_prior, flat
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.model.observations import Arm, Record, SurvivalData
from synthesis.model.printed import METHODS, Reading, interval_ranks, median_rank
from synthesis.model.records import effective_size, read_landmark, read_median
from synthesis.reported import median_words, share_words

# Simulated patients at a time, so that a registry of thousands needs no more memory than a trial.
_AT_A_TIME = 2_000_000
#: Of a larger group so many are simulated: their chance is nothing beside that of the curve.
MOST_SIMULATED = 10_000

_Z = NormalDist().inv_cdf(0.975)
_HALF = 0.5 + 1e-9  # a curve at one half must not miss it by rounding

#: Two-sided p below which a figure is called so.
VERDICTS = ((0.01, "very surprising"), (0.05, "surprising"), (0.2, "at the edge of the expected"))

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
    named = (fit.data.classes, class_id), (fit.data.treatments, treatment)
    indices = (names.index(name) if name in names else None for names, name in named)
    return Place(*indices, is_class=treatment is None)


def curve_of(fit: PooledSurvival, place: Place, share: float, target: Target) -> Curve:
    """Draws of a survival curve for tables; of a known treatment, those of the report."""
    if place.is_known:
        return estimands.curve(fit, Group(*place[:2]), share, target)
    return _effects_of_tables(fit).curve(place, share, target)


def rate_of(fit: ResponseFit, place: Place, target: Target) -> np.ndarray:
    """Draws of a response rate for tables; of a known treatment, those of the report."""
    if place.is_known:
        return estimands.response_rate(fit, Group(*place[:2]), target)
    return _effects_of_tables(fit).rate(place, target)


def _effects_of_tables(fit: Fit) -> Effects:
    """With the same noise for every estimand of a treatment: tables agree."""
    return Effects(fit, np.random.default_rng([fit.seed, 13]))


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


# --- Patients of a new study ---------------------------------------------------------------------


def event_times(curve: Curve, share: np.ndarray) -> np.ndarray:
    """Months by which a share of the population has had the event, shape ``(..., draws)``."""
    inside = np.moveaxis(np.clip(share, 1e-15, 1.0 - 1e-15), -1, 0)
    return np.moveaxis(curve.quantile(inside), 0, -1)


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
    """Shares of the population that have had the event at whole ranks, ``(events, draws)``.

    Equal ranks are one event; ``n`` may be fractional, as an effective number is.
    """
    order = np.argsort(ranks, axis=0, kind="stable")
    rising = np.take_along_axis(ranks, order, axis=0)
    gaps = rng.standard_gamma(np.diff(rising, axis=0, prepend=0.0))
    beyond = rng.standard_gamma(np.maximum(n + 1.0 - rising[-1], 1e-6))
    reached = np.cumsum(gaps, axis=0)
    shares = np.empty_like(reached)
    np.put_along_axis(shares, order, reached / (reached[-1] + beyond), axis=0)
    return shares


class Crowd(NamedTuple):
    """Patients of a new study as predicted: groups, each with its size and draws of its curve."""

    sizes: tuple[int, ...]
    curves: tuple[Curve, ...]

    @property
    def n(self) -> int:
        """All patients."""
        return sum(self.sizes)

    def among(self, n: float) -> list[int]:
        """Sizes of the groups among ``n`` patients."""
        return [max(round(size * n / self.n), 1) for size in self.sizes]


@dataclass(frozen=True)
class EventOfRank:
    """Law of the time of an event of known rank among ``n``; called, it predicts one a draw.

    Ranks stand by the transformation that may be behind the interval; without a preference all are
    alike likely. They and ``n`` may be fractional, as for a median of an even or effective number.
    """

    ranks: Mapping[str, float]
    n: float

    def __call__(self, crowd: Crowd, rng: np.random.Generator) -> np.ndarray:
        """Months, ``(draws,)``."""
        draws = crowd.curves[0].median.size
        rank = rng.choice(np.array(list(self.ranks.values()), dtype=float), size=draws)
        if len(crowd.sizes) == 1:
            return times_of_ranks(crowd.curves[0], rank[None], self.n, rng)[0][0]
        sizes, parts = crowd.among(min(self.n, MOST_SIMULATED)), []
        step = max(_AT_A_TIME // sum(sizes), 1)
        for start in range(0, draws, step):
            rows = slice(start, start + step)
            times = [
                event_times(part, rng.uniform(size=(size, part.median.size))).T
                for size, part in zip(sizes, (c.rows(rows) for c in crowd.curves), strict=True)
            ]
            at = rank[rows] * (sum(sizes) + 1.0) / (self.n + 1.0)
            parts.append(_at_rank(np.sort(np.concatenate(times, axis=1), axis=1), at))
        return np.concatenate(parts)


def _at_rank(times: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Sorted times ``(draws, patients)`` at a rank each; a half rank is the mean of two times."""
    position = np.clip(rank - 1.0, 0.0, times.shape[1] - 1.0)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, times.shape[1] - 1)
    rows = np.arange(len(times))
    return times[rows, below] + (position - below) * (times[rows, above] - times[rows, below])


@dataclass(frozen=True)
class ShareAlive:
    """Law of the share of ``size`` patients who are event-free; called as :class:`EventOfRank`."""

    months: float
    size: int

    def __call__(self, crowd: Crowd, rng: np.random.Generator) -> np.ndarray:
        """Fractions of one, ``(draws,)``."""
        sizes = crowd.among(self.size)
        alive = sum(
            rng.binomial(size, curve.survival_at(self.months))
            for size, curve in zip(sizes, crowd.curves, strict=True)
        )
        return alive / sum(sizes)


#: Predictions of a figure, one a draw of a crowd.
Law = EventOfRank | ShareAlive


# --- Figures of a report -------------------------------------------------------------------------


class Figure(NamedTuple):
    """A printed figure: its value in months or as a fraction, and what is printed alike.

    The value of a median that was not reached is infinite. Values from the first of ``alike`` up to
    the second are printed as this one; ``months_per_unit`` is None for a fraction, ``at`` the
    months at which survival was read, else NaN, ``step`` the months of the last printed digit, zero
    for what is not rounded.
    """

    name: str
    printed: str
    value: float
    alike: tuple[float, float]
    months_per_unit: float | None = None
    unit: str = ""
    at: float = np.nan
    step: float = 0.0


def printed_figures(
    outcome: SurvivalOutcome | None, landmarks: Sequence[Landmark], n: int
) -> list[tuple[Figure, Law]]:
    """Figures of one group of ``n`` patients that a prediction can be set against.

    These are the median, limits that are event times, and survival at fixed times. A median that
    was not reached within an unknown time says nothing and is not among them.
    """
    effective = effective_size(outcome, n)
    times = [] if outcome is None or outcome.median is None else _times(outcome, effective)
    return [*times, *(_landmark(mark, effective) for mark in landmarks)]


def _times(outcome: SurvivalOutcome, n: float) -> Iterator[tuple[Figure, Law]]:
    """The median and the limits that are event times."""
    unit, per_unit = outcome.unit, in_months(Decimal(1), outcome.unit)

    def figure(name: str, text: str, own: Reading) -> Figure:
        step = 2.0 * own.half_unit
        return Figure(name, text, own.months, own.edges, per_unit, unit, step=step)

    if outcome.median == NOT_REACHED and outcome.follow_up is not None:
        since = in_months(outcome.follow_up, unit)
        text = f"{median_words(outcome)}, followed for {outcome.follow_up} {unit}"
        yield Figure("median", text, np.inf, (since, np.inf), per_unit, unit), _middle(n)
    printed, _ = read_median(outcome)
    if printed is None:
        return
    if printed.median is not None:
        yield figure("median", median_words(outcome), printed.median), _middle(n)
    methods = (printed.method,) if printed.method else METHODS
    every = {name: interval_ranks(max(round(n), 1), name, printed.level) for name in methods}
    sides = [side for side in ("lower", "upper") if getattr(printed, side) is not None]
    # transformations that have all of the limits that are printed
    possible = {
        name: ranks
        for name, ranks in every.items()
        if all(getattr(ranks, side) is not None for side in sides)
    }
    for side in sides if possible else ():
        text = f"{outcome.ci[side == 'upper']} {unit}"
        law = EventOfRank({name: getattr(ranks, side) for name, ranks in possible.items()}, n)
        yield figure(f"{side} limit", text, getattr(printed, side)), law


def _middle(n: float) -> EventOfRank:
    """The median, whose rank no transformation changes."""
    return EventOfRank(dict.fromkeys(METHODS, median_rank(n)), n)


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
    figure = Figure(name, share_words(mark), read.survival, alike, at=read.months)
    return figure, ShareAlive(read.months, size)


def listed_median(months: Sequence[float], events: Sequence[bool]) -> tuple[Figure, Law] | None:
    """The Kaplan-Meier median of patients listed one by one; ``None`` if it is not reached."""
    patients = Patients(np.asarray(months, dtype=float), np.asarray(events, dtype=bool))
    middle = kaplan_meier(patients).median
    if middle is None:
        return None
    text = f"{middle:.1f} from {patients.n} listed patients"
    figure = Figure("median", text, middle, (middle, middle), 1.0, "months")
    return figure, _middle((patients.n + int(patients.event.sum())) / 2.0)


def figures_of(
    data: SurvivalData, arms: Sequence[Arm], printed: Arm | Record
) -> list[tuple[Figure, Law]]:
    """What is `printed` of some arms; of listed patients their median, where it is reached."""
    if arms[0].chains:
        return printed_figures(printed.outcome, printed.landmarks, sum(arm.n for arm in arms))
    own = [p for p in data.patients if any(data.arms[p.arm] is arm for arm in arms)]
    median = listed_median([p.months for p in own], [p.event for p in own])
    return [] if median is None else [median]


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
    return next((words for below, words in VERDICTS if p < below), "as expected")


# --- What software reports of patients' own times ------------------------------------------------


@dataclass(frozen=True)
class Patients:
    """Follow-up of patients: months to the event or the end, and whether it was an event, (n,)."""

    months: np.ndarray
    event: np.ndarray

    @property
    def n(self) -> int:
        """Number of patients."""
        return self.months.size

    def only(self, chosen: np.ndarray | slice) -> Patients:
        """Some of the patients."""
        return Patients(self.months[chosen], self.event[chosen])


@dataclass(frozen=True)
class Steps:
    """A Kaplan-Meier curve at its event times, each ``(events,)``.

    Months, survival from there on, and Greenwood's variance of its logarithm (infinite at zero).
    """

    time: np.ndarray
    survival: np.ndarray
    variance: np.ndarray

    def at(self, months: float) -> tuple[float, float]:
        """Survival at a time, and the variance of its logarithm."""
        last = int(np.searchsorted(self.time, months, side="right")) - 1
        return (1.0, 0.0) if last < 0 else (float(self.survival[last]), float(self.variance[last]))

    @property
    def median(self) -> float | None:
        """First time at one half or below; the middle where the curve stays at one half."""
        below = np.flatnonzero(self.survival <= _HALF)
        if not below.size:
            return None
        first = int(below[0])
        stays = abs(self.survival[first] - 0.5) < 1e-9 and first + 1 < self.time.size
        return float(np.mean(self.time[first : first + 2]) if stays else self.time[first])

    def limits(self) -> tuple[float | None, float | None]:
        """Times at which the lower and the upper end of the band first reach one half.

        A curve at zero has no band.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = band(self.survival, self.variance)
        first = [np.flatnonzero(np.where(self.survival > 0.0, e, np.nan) <= _HALF) for e in ends]
        lower, upper = (float(self.time[at[0]]) if at.size else None for at in first)
        return lower, upper


def kaplan_meier(patients: Patients) -> Steps:
    """Kaplan-Meier curve of a group of patients."""
    order = np.lexsort((~patients.event, patients.months))
    months, event = patients.months[order], patients.event[order]
    at_risk = np.arange(months.size, 0, -1, dtype=float)
    survival = np.cumprod(1.0 - event / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(np.where(event, 1.0 / (at_risk * (at_risk - 1.0)), 0.0))
    return Steps(months[event], survival[event], variance[event])


def band(survival: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the 95 % band, by the log-log transformation."""
    power = np.exp(_Z * np.sqrt(variance) / np.abs(np.log(survival)))
    return survival**power, survival ** (1.0 / power)


def median_follow_up(patients: Patients) -> float:
    """By the reverse curve; the longest where fewer than half were followed to the analysis."""
    median = kaplan_meier(Patients(patients.months, ~patients.event)).median
    return float(patients.months.max()) if median is None else median


def logrank(first: Patients, second: Patients) -> tuple[float, float]:
    """Observed less expected events of the first group, and the variance of the difference."""
    months = np.concatenate([first.months, second.months])
    order = np.argsort(months, kind="stable")
    event = np.concatenate([first.event, second.event])[order]
    belongs = np.concatenate([np.ones(first.n), np.zeros(second.n)])[order]
    share = np.cumsum(belongs[::-1])[::-1] / np.arange(months.size, 0, -1)
    return float(np.sum((belongs - share)[event])), float(np.sum((share * (1.0 - share))[event]))
