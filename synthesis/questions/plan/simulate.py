r"""A planned study: its patients, the report of them, and what the draws are worth after it.

For draw ``k`` of the posterior a new study has one study effect :math:`\sigma_{S,k} w`, common to
its arms, and for each arm a shape deviation :math:`\sigma_{K,k} g`, exactly as a new study of
:mod:`synthesis.predictive`. Patients are mixed with the probability that the population states,
enter evenly over the accrual, and are followed until the event or the analysis.

The report is a record of the registry, so that what reads a published report reads it. Of every
group a trial reports the median with its 95 % limits by the log-log transformation, saying so;
patients, events and median follow-up (by the reverse Kaplan-Meier curve); survival at 6 and 12
months with limits; and of two groups the log-rank p to two digits beside the hazard ratio
:math:`e^{(O - E)/V}` (Yusuf et al. 1985, doi 10.1016/s0033-0620(85)80003-7), which says which group
lives longer.

It tests pure against mixed patients of one arm, and not its two arms against each other: read with
one shape for both, as :mod:`synthesis.model.likelihoods` does, such a test is biased where
treatments have curves of different shape, and at the sizes of a trial by more than it tells. The
medians, limits and survival of both arms are there.

One truth gives one *course*: its patients in order of entry to the lists. A study of ``n`` patients
has the first ``n`` of them, so that studies of different sizes differ by their size only.

**What the draws are worth once it is reported.** A draw ``k`` of the posterior has the
weight :math:`w_k \propto p(y \mid k)`, the likelihood of what the study reports with its own
effects integrated out,

.. math::
   p(y \mid k) = \int p(v \mid \sigma_{S,k}) \prod_{a} \Big\{ \int p(\kappa_a \mid k)\,
   L_a(\ell_{a,k} + v, \kappa_a)\,d\kappa_a \Big\}\,dv,

with :math:`v` the study effect, common to the arms ``a``, :math:`\kappa_a` the log shape of an arm,
:math:`\ell_{a,k}` its log median in the average study, and :math:`L_a` the likelihood of
:mod:`synthesis.model.likelihoods`: what a published report of the same figures would enter with.

A family without a tail makes :math:`L_a` a function of two numbers, whatever the draw. It is
computed once on a grid and taken as linear between the points; the integral over a normal is then a
weighted sum over the points, exactly, at every spread from zero on: the weight of a point is the
mean of its hat function,

.. math::
   E\{h_i(X)\} = \frac{I(x_{i-1}) - 2 I(x_i) + I(x_{i+1})}{\Delta}, \qquad I(x) = E(X - x)_+.

Pure and mixed patients of one arm lie :math:`\eta + \delta_t` apart, arms the difference of their
treatments: they are the same grid shifted, linear between whole shifts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.special import ndtr

from studies.figures import CohortRef
from studies.schema import NOT_REACHED, Study
from synthesis import predictive
from synthesis.choices import POPULATIONS, STUDY_KINDS
from synthesis.estimands import Curve, Group, curve, histology_effect
from synthesis.fits import PooledSurvival, SurvivalFit
from synthesis.model import families
from synthesis.model.comparisons import Place as At
from synthesis.model.comparisons import comparison_log_likelihood
from synthesis.model.covariates import REFERENCE, covariates
from synthesis.model.families import Family
from synthesis.model.likelihoods import arm_log_likelihood
from synthesis.model.observations import Arm, ArmComparison, SurvivalData
from synthesis.predictive import Patients
from synthesis.result import NotAnsweredError
from synthesis.settings import REFERENCE_MIX

Kind = Literal["single-arm", "randomised"]
Population = Literal["all", "pure", "mixed"]

# Fewest and most patients of a study: an arm needs two for an interval, and beyond the most a
# reported month is coarse beside what the patients would tell.
_LEAST, _MOST = 4, 2000
_LONGEST = 240.0  # months of accrual and of follow-up

#: Months at which survival is reported.
LANDMARKS = (6, 12)

_LEVEL = Decimal("0.95")
_SMALLEST_P = 1e-50  # below, a decimal number would end as a bound


class NotPlannedError(NotAnsweredError):
    """What was asked for cannot be planned; the message says what can."""


@dataclass(frozen=True)
class Design:
    """A study that is being planned.

    Its gain is over the `reference`, in a randomised study the other arm; without one, the
    supportive treatment that is pooled. Two arms have equal size by random allocation, and `sizes`
    are numbers of patients of both together. `populations`: who is treated. `mixed`: share of mixed
    histology among all, 0 to 1. `accrual`, `follow_up`: months over which the patients enter,
    evenly, and from the last entry to the analysis.
    """

    treatment: str
    reference: str | None = None
    kind: Kind = "single-arm"
    sizes: tuple[int, ...] = (20, 40, 80, 160)
    populations: tuple[Population, ...] = POPULATIONS
    mixed: float = REFERENCE_MIX
    accrual: float = 24.0
    follow_up: float = 12.0

    def __post_init__(self) -> None:
        """Refuse what cannot be planned: setting, what was found, what is expected."""
        kinds, known = (f"one of {', '.join(words)}" for words in (STUDY_KINDS, POPULATIONS))
        expect(self.kind in STUDY_KINDS, "design", repr(self.kind), kinds)
        for name in self.populations:
            expect(name in POPULATIONS, "population", repr(name), known)
        for name, values in (("sizes", self.sizes), ("populations", self.populations)):
            once = values and len(set(values)) == len(values)
            expect(once, name, ", ".join(map(str, values)) or "none", "one or more, each once")
        for n in self.sizes:
            whole = isinstance(n, int) and not isinstance(n, bool) and _LEAST <= n <= _MOST
            expect(whole, "n", f"{n}", f"a whole number of patients from {_LEAST} to {_MOST}")
            half = "both arms of a randomised study together, half of the patients in each"
            expect(not (self.is_randomised and n % 2), "n", f"{n}", f"an even number: {half}")
        for name, value, least, most, unit in (
            ("mixed", self.mixed, 0.0, 1.0, "a fraction from 0 to 1 (0.3 for 30 percent)"),
            ("accrual", self.accrual, 0.0, _LONGEST, f"months from 0 to {_LONGEST:g}"),
            ("follow-up", self.follow_up, 1.0, _LONGEST, f"months from 1 to {_LONGEST:g}"),
        ):
            expect(least <= value <= most, name, f"{value:g}", unit)

    @property
    def is_randomised(self) -> bool:
        """Whether half of the patients get the reference."""
        return self.kind == "randomised"

    def share_of(self, population: Population) -> float:
        """Share of mixed histology among the patients of a population, 0 to 1."""
        return {"all": self.mixed, "pure": 0.0, "mixed": 1.0}[population]


def expect(holds: object, setting: str, value: str, expected: str) -> None:
    """Refuse a setting that does not hold."""
    if not holds:
        raise NotPlannedError(f"{setting}: found {value}, expected {expected}")


# --- Patients ------------------------------------------------------------------------------------


class PlannedArm(NamedTuple):
    """One arm of a planned study: identifiers, whether all patients carry the mutation.

    And how it differs from the middle of the covariates, from :func:`planned_arms`.
    """

    treatment: str
    treatment_class: str
    role: str
    braf_selected: bool = False
    covariates: tuple[float, ...] = ()


def planned_arms(
    design: Design, refs: Sequence[CohortRef], selecting: frozenset[str]
) -> tuple[PlannedArm, ...]:
    """Arms with the treatments of cohorts; where one asks for a mutation, all patients have it."""
    asking = {ref.treatment for ref in refs} & selecting
    arms = [
        PlannedArm(ref.treatment, ref.treatment_class, ref.role, bool(asking - {ref.treatment}))
        for ref in refs
    ]
    study = _study(design, [_cohort(design, arm, 1) for arm in arms])
    return tuple(
        arm._replace(covariates=covariates(ref, selecting))
        for arm, ref in zip(arms, study_refs(study, arms), strict=True)
    )


#: Follow-up of the patients of each arm in order of entry, and who of them is mixed.
Course = tuple[tuple[Patients, np.ndarray], ...]

#: Curves of the pure and of the mixed patients of an arm, one a draw of the fit.
Curves = tuple[Curve, Curve]


def new_curves(
    fit: PooledSurvival, arms: Sequence[PlannedArm], rng: np.random.Generator
) -> tuple[Curves, ...]:
    """Curves of the arms of a new study."""
    study, pairs = int(rng.integers(2**32)), []
    for arm in arms:
        cohort = predictive.NewCohort(study, int(rng.integers(2**32)), 1.0, arm.covariates)
        place = predictive.place_of(fit, arm.treatment, arm.treatment_class)
        pairs.append(
            tuple(predictive.predict_curve(fit, place, share, cohort, 1) for share in (0.0, 1.0))
        )
    return tuple(pairs)


def draw_course(
    arms: Sequence[Curves],
    draw: int,
    design: Design,
    population: Population,
    rng: np.random.Generator,
) -> Course:
    """Draw the patients of the largest study that one draw of the fit gives."""
    size = len(arms), max(design.sizes) // len(arms)
    chances = np.clip(rng.uniform(size=size), 1e-12, 1.0 - 1e-12)
    mixed = rng.uniform(size=size) < design.share_of(population)
    followed = design.follow_up + design.accrual * rng.uniform(size=size)
    course = []
    for pair, chance, is_mixed, end in zip(arms, chances, mixed, followed, strict=True):
        pure_months, mixed_months = (
            families.quantile(chance, curve.median[draw], curve.shape[draw], curve.family)
            for curve in pair
        )
        months = np.where(is_mixed, mixed_months, pure_months)
        course.append((Patients(np.minimum(months, end), months <= end), is_mixed))
    return tuple(course)


# --- The report ----------------------------------------------------------------------------------


def study_refs(study: Study, arms: Sequence[PlannedArm]) -> tuple[CohortRef, ...]:
    """The cohorts of a simulated study, as the registry's selection would count them."""
    return tuple(
        CohortRef(study, cohort, arm.treatment_class, arm.role)
        for cohort, arm in zip(study.cohorts, arms, strict=True)
    )


def reported_study(
    course: Course,
    design: Design,
    arms: Sequence[PlannedArm],
    n: int,
    endpoint: str,
    *,
    landmarks: bool = True,
) -> Study:
    """Write the report of a study of ``n`` patients, both arms together.

    Pure and mixed patients are reported apart, with a log-rank test, wherever an arm has both.
    """
    cohorts, comparisons, first = [], [], slice(n // len(arms))
    for arm, (entered, is_mixed) in zip(arms, course, strict=True):
        patients, mixed = entered.only(first), is_mixed[first]
        groups = {"pure": patients.only(~mixed), "mixed": patients.only(mixed)}
        told: dict[str, Any] = {"histology": {name: group.n for name, group in groups.items()}}
        figures = {
            name: {
                "survival": [outcome_of(group, endpoint)],
                "landmarks": landmarks_of(group, endpoint) if landmarks else [],
            }
            for name, group in groups.items()
            if group.n
        }
        if len(figures) == 1:
            told |= figures.popitem()[1]
        else:
            # a test of groups of one arm is not one of the other arm
            levels = {name: f"{name}, {arm.treatment.replace('_', ' ')}" for name in groups}
            about = {"factor": "histology"}
            told["subgroups"] = [
                own | about | {"level": levels[name], "histology": name, "n": groups[name].n}
                for name, own in figures.items()
            ]
            pair = (levels["mixed"], levels["pure"])
            comparisons += comparison_of(groups["mixed"], groups["pure"], pair, endpoint)
        cohorts.append(_cohort(design, arm, patients.n, **told))
    return _study(design, cohorts, comparisons)


def outcome_of(patients: Patients, endpoint: str) -> dict[str, Any]:
    """The median of a group of patients with what stands around it, as a record."""
    steps = predictive.kaplan_meier(patients)
    median, (lower, upper) = steps.median, steps.limits()
    record = {
        "endpoint": endpoint,
        "unit": "months",
        "median": NOT_REACHED if median is None else _rounded(median, 1),
        "events": int(patients.event.sum()),
        "follow_up": _rounded(predictive.median_follow_up(patients), 1),
    }
    if lower is not None:
        end = NOT_REACHED if median is None or upper is None else _rounded(upper, 1)
        record |= {"ci": (_rounded(lower, 1), end), "level": _LEVEL, "ci_method": "log-log"}
    return record


def landmarks_of(patients: Patients, endpoint: str) -> list[dict[str, Any]]:
    """Survival at fixed times that somebody was followed for, records."""
    steps, marks = predictive.kaplan_meier(patients), []
    for months in LANDMARKS:
        if patients.months.max() > months:
            survival, variance = steps.at(months)
            record = {"endpoint": endpoint, "time": Decimal(months), "unit": "months"}
            record["survival"] = _rounded(survival, 3)
            if 0.0 < survival < 1.0:
                ends = predictive.band(np.array(survival), np.array(variance))
                record |= {"ci": tuple(_rounded(end, 3) for end in ends), "level": _LEVEL}
            marks.append(record)
    return marks


def comparison_of(
    first: Patients, second: Patients, groups: tuple[str, str], endpoint: str
) -> list[dict[str, Any]]:
    """The record of the log-rank test of two groups; none where there is nothing to test."""
    difference, variance = predictive.logrank(first, second)
    if variance <= 0.0:
        return []
    p = max(math.erfc(abs(difference) / math.sqrt(2.0 * variance)), _SMALLEST_P)
    ratio = math.exp(max(min(difference / variance, 6.0), -6.0))
    figures = {"p": Decimal(f"{p:.2g}"), "hr": Decimal(f"{ratio:.3g}"), "test": "log-rank"}
    return [{"endpoint": endpoint, "groups": groups} | figures]


def _rounded(value: float, digits: int) -> Decimal:
    return Decimal(f"{float(value):.{digits}f}")


def _cohort(design: Design, arm: PlannedArm, n: int, **told: Any) -> dict[str, Any]:
    return {
        "id": arm.treatment,
        "treatment": arm.treatment,
        "treatment_as_printed": arm.treatment.replace("_", " "),
        "time_origin": "randomisation" if design.is_randomised else "treatment start",
        "n": n,
        "braf_v600e": {"positive": n, "tested": n} if arm.braf_selected else None,
    } | told


def _study(design: Design, cohorts: Iterable[Any], comparisons: Iterable[Any] = ()) -> Study:
    return Study(
        id="planned",
        citation={"label": "Planned study"},
        design="randomised" if design.is_randomised else "prospective_single_arm",
        status="verified",
        cohorts=cohorts,
        comparisons=comparisons,
    )


# --- What the draws are worth once it is reported ------------------------------------------------

# Step of the grids: a third over the root of the patients is about a quarter of the standard error
# of a log median at the shapes of survival curves (1.3/sqrt(n)), and less than half of that of a
# log shape. Linear in between is then within a hundredth of the peak.
_STEP, _WIDEST_STEP = 0.33, 0.1

# Of what new studies are expected to be, the part beyond which a grid need not reach, and its
# margin: where the study lies farther out, no draw stands for it.
_BEYOND, _MARGIN = 5e-4, 0.3

# A likelihood smaller than the largest by so many log units counts for nothing.
_NOTHING = 30.0
_SMALLEST = 1e-300
_NARROWEST = 1e-9  # SD: no draw of a spread is quite zero
_COARSE, _COARSE_SHAPES = 4, 7  # steps between rows, and shapes, among which a peak is looked for

# Multiplications of a product of matrices that stays in one thread: several threads cost more.
_SMALL_PRODUCT = 200_000


class Axis(NamedTuple):
    """An even grid."""

    start: float
    step: float
    size: int

    @property
    def points(self) -> np.ndarray:
        """Its points, shape ``(size,)``."""
        return self.start + self.step * np.arange(self.size)

    def hat_means(self, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Mean of every hat function under a normal for each draw, ``(draws, size)``."""
        around = self.start + self.step * np.arange(-1, self.size + 1)
        sd = np.maximum(sd, _NARROWEST)[:, None]
        away = mean[:, None] - around
        z = away / sd
        above = sd * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi) + away * ndtr(z)
        return np.maximum(np.diff(above, n=2, axis=1) / self.step, 0.0)


def _axis_over(means: Sequence[np.ndarray], sd: np.ndarray, step: float) -> Axis:
    """Grid over what normals around the draws of several means are expected to be."""
    mean, sd = np.concatenate(means), np.tile(sd, len(means))
    low = float(np.quantile(mean - 3.0 * sd, _BEYOND)) - _MARGIN
    high = float(np.quantile(mean + 3.0 * sd, 1.0 - _BEYOND)) + _MARGIN
    return Axis(low, step, int(np.ceil((high - low) / step)) + 1)


class Expected(NamedTuple):
    """What the draws of a fit expect of one arm of a new study, each ``(draws,)``.

    Log median of pure patients in the average study, what mixed histology adds, and log shape.
    """

    pure: np.ndarray
    slope: np.ndarray
    log_shape: np.ndarray

    def at(self, share: float) -> np.ndarray:
        """Log median at a share of mixed histology, ``(draws,)``."""
        return self.pure + share * self.slope


def expected_of(
    fit: SurvivalFit, group: Group, differs: Sequence[float], rows: np.ndarray
) -> Expected:
    """What some draws of a fit expect of an arm with these covariates, of a new study."""
    pure = curve(fit, group, 0.0, "mean_study")
    log_median = np.log(pure.median)
    if fit.variant.covariates:
        away = np.subtract(differs, REFERENCE)
        log_median = log_median + fit.flat("covariate_effect") @ away
    # what mixed histology does in this arm, around the share at which medians are stated
    rng = np.random.default_rng([fit.seed, 17, group.treatment_index])
    deviation = fit.flat("prognostic_sd") * rng.standard_normal(log_median.size)
    log_median = log_median - fit.centre_share * deviation
    slope = histology_effect(fit, group) + deviation
    parts = (log_median, slope, np.log(pure.shape))
    return Expected(*(part[rows] for part in parts))


class _Table(NamedTuple):
    """A likelihood over its largest from the location ``start`` on, and the log of that.

    Of an arm ``(rows, shapes)``; of a cohort ``(draws, rows)``, by the location of its first arm.
    """

    start: int
    value: np.ndarray
    log_scale: float


@dataclass(frozen=True)
class Updater:
    """The likelihood of new studies of one design and size, for all draws at once.

    The family has no tail, ``expected`` is of each arm, the SDs are ``(draws,)``; ``n``, the
    patients of the study, sets the steps of the grids.
    """

    family: Family
    expected: tuple[Expected, ...]
    study_sd: np.ndarray = field(repr=False)
    shape_sd: np.ndarray = field(repr=False)
    n: int

    @cached_property
    def _grids(self) -> tuple[Axis, Axis]:
        """Grids of log medians and of log shapes."""
        step = min(_STEP / np.sqrt(self.n), _WIDEST_STEP)
        medians = [arm.at(share) for arm in self.expected for share in (0.0, 1.0)]
        shapes = [arm.log_shape for arm in self.expected]
        return _axis_over(medians, self.study_sd, step), _axis_over(shapes, self.shape_sd, step)

    @cached_property
    def _weights(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Of the locations of the first arm, pure and mixed; of the shapes of each arm."""
        (locations, shapes), first = self._grids, self.expected[0]
        return (
            [locations.hat_means(first.at(share), self.study_sd) for share in (0.0, 1.0)],
            [shapes.hat_means(arm.log_shape, self.shape_sd) for arm in self.expected],
        )

    def log_likelihood(self, data: SurvivalData) -> np.ndarray:
        """Log likelihood of what a new study reports, its own effects integrated out, ``(draws,)``.

        ``data`` is of the new study alone, its cohorts in the order of the arms; every share of
        mixed histology is 0 or 1, and every transformation of an interval is known.
        """
        parts = [self._cohort(data, number) for number in range(len(self.expected))]
        (first, location), *others = parts
        count = first.value.shape[1]
        weights = self._weights[0][int(data.arms[0].share)]
        value = weights[:, first.start : first.start + count] * first.value
        for other, apart in others:
            shift = (apart - location) / self._grids[0].step
            whole = np.floor(shift).astype(int)
            places = first.start - other.start + np.arange(count) + whole[:, None]
            ends = (_taken(other.value, places + step, axis=1) for step in (0, 1))
            value = value * _between(*ends, shift - whole)
        log_scale = sum(table.log_scale for table, _ in parts)
        return np.log(np.maximum(value.sum(axis=1), _SMALLEST)) + log_scale

    def _cohort(self, data: SurvivalData, cohort: int) -> tuple[_Table, np.ndarray]:
        """Likelihood of a cohort, and the log median of its first arm in the average study."""
        expected = self.expected[cohort]
        arms = [arm for arm in data.arms if arm.cohort == cohort]
        weights, log_scale = self._weights[1][cohort], 0.0
        for test in data.comparisons:
            if data.arms[test.first].cohort == cohort:
                likelihood, log_largest = self._compared(data, test)
                weights, log_scale = weights * likelihood, log_scale + log_largest
        table, *others = map(self._table, arms)
        log_scale += table.log_scale
        if others:
            (second,) = others
            shift = expected.slope * (arms[1].share - arms[0].share) / self._grids[0].step
            value = _together(table, second, shift, weights)
            log_scale += second.log_scale
        else:
            value = _product(weights, table.value)
        return _Table(table.start, value, log_scale), expected.at(arms[0].share)

    def _table(self, arm: Arm) -> _Table:
        """Likelihood of an arm on the grids, near its peak."""
        locations, shapes = (grid.points for grid in self._grids)

        def log_likelihood(rows: slice, columns: slice) -> np.ndarray:
            grid, even = (locations[rows, None], shapes[None, columns]), [0.0] * len(arm.chains)
            return arm_log_likelihood(arm.chains, even, *grid, self.family)

        every = slice(None, None, max(shapes.size // _COARSE_SHAPES, 1))
        rough = log_likelihood(slice(None, None, _COARSE), every).max(axis=1)
        near = _COARSE * np.flatnonzero(rough > rough.max() - _NOTHING)
        start = max(near[0] - _COARSE, 0)
        value = log_likelihood(slice(start, near[-1] + _COARSE + 1), slice(None))
        return _Table(int(start), *_over_largest(value))

    def _compared(self, data: SurvivalData, test: ArmComparison) -> tuple[np.ndarray, float]:
        """Likelihood of a comparison over its largest, ``(draws, shapes)``, and the log of that."""
        one, other = (
            self.expected[arm.cohort].at(arm.share)
            for arm in (data.arms[test.first], data.arms[test.second])
        )
        contrast = one - other  # the study effect cancels
        step, low, high = self._grids[0].step, float(contrast.min()), float(contrast.max())
        # only the contrast matters, as both have one shape: the first is placed beside the second
        grid, shapes = Axis(low, step, int((high - low) / step) + 2).points, self._grids[1].points
        second = 0.0 if test.log_medians is None else test.log_medians[1]
        places = (At(at[:, None], shapes[None, :]) for at in (second + grid, second + 0.0 * grid))
        value, log_largest = _over_largest(comparison_log_likelihood(test, *places, self.family))
        steps = (contrast - low) / step
        whole = steps.astype(int)
        return _between(value[whole], value[whole + 1], steps - whole), log_largest


def _over_largest(log_value: np.ndarray) -> tuple[np.ndarray, float]:
    """A likelihood over its largest, and the log of that."""
    largest = float(log_value.max())
    return np.exp(log_value - largest), largest


def _taken(value: np.ndarray, places: np.ndarray, axis: int) -> np.ndarray:
    """Entries at places of an axis, zero beyond it."""
    last = value.shape[axis] - 1
    taken = np.take_along_axis(value, np.clip(places, 0, last), axis)
    return np.where((places < 0) | (places > last), 0.0, taken)


def _between(low: np.ndarray, high: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Linear between two rows of each draw."""
    part = part[:, None]
    return (1.0 - part) * low + part * high


def _together(first: _Table, second: _Table, shift: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Product of two tables, the second shifted by its own number of steps for each draw.

    ``weights`` of the shapes are ``(draws, shapes)``; returns ``(draws, rows of the first)``.
    """
    count = len(first.value)
    product = np.zeros((shift.size, count))
    whole = np.floor(shift).astype(int)
    order = np.argsort(whole, kind="stable")
    steps, begin = np.unique(whole[order], return_index=True)
    for step, draws in zip(steps, np.split(order, begin[1:]), strict=True):
        places = first.start + int(step) - second.start + np.arange(count + 1)
        ends = _taken(second.value, places[:, None], axis=0)
        if ends.any():
            sides = (_product(weights[draws], first.value * rows) for rows in (ends[:-1], ends[1:]))
            product[draws] = _between(*sides, (shift - whole)[draws])
    return product


def _product(weights: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Weights ``(draws, shapes)`` times a table ``(rows, shapes)``, ``(draws, rows)``."""
    at_once = max(_SMALL_PRODUCT // table.size, 1)
    turned = table.T
    starts = range(0, len(weights), at_once)
    return np.concatenate([weights[first : first + at_once] @ turned for first in starts])
