r"""What the draws of a fit are worth once a new study is reported.

A draw ``k`` of the posterior has the weight :math:`w_k \propto p(y \mid k)`, the likelihood of what
the study reports with its own effects integrated out,

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

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from synthesis.estimands import Group, curve, histology_effect
from synthesis.fits import SurvivalFit
from synthesis.model.families import Family
from synthesis.model.likelihoods import arm_log_likelihood, comparison_given_medians
from synthesis.model.observations import Arm, ArmComparison, SurvivalData

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
_COARSE = 4  # steps of the grid on which a peak is looked for
_COARSE_SHAPES = 7

# Multiplications of a product of matrices that stays in one thread: handing the many small ones to
# several threads costs ten times what it saves.
_SMALL_PRODUCT = 200_000


@dataclass(frozen=True)
class Axis:
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


def axis_over(mean: np.ndarray, sd: np.ndarray, step: float) -> Axis:
    """Grid over what normals around the draws of a mean are expected to be."""
    low = float(np.quantile(mean - 3.0 * sd, _BEYOND)) - _MARGIN
    high = float(np.quantile(mean + 3.0 * sd, 1.0 - _BEYOND)) + _MARGIN
    return Axis(low, step, int(np.ceil((high - low) / step)) + 1)


@dataclass(frozen=True)
class Expected:
    """What the draws of a fit expect of one arm of a new study.

    Attributes
    ----------
    pure : ndarray, shape (draws,)
        Log median of its pure patients in the average study of its kind.
    slope : ndarray, shape (draws,)
        What mixed histology adds.
    log_shape : ndarray, shape (draws,)
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
    """What some draws of a fit expect of an arm whose covariates differ from the reference."""
    pure = curve(fit, group, 0.0, "mean_study")
    log_median = np.log(pure.median)
    if fit.variant.covariates:
        log_median = log_median + fit.flat("covariate_effect") @ np.asarray(differs)
    parts = (log_median, histology_effect(fit, group), np.log(pure.shape))
    return Expected(*(part[rows] for part in parts))


@dataclass(frozen=True)
class _Table:
    """Likelihood of an arm over its largest, ``(rows, shapes)`` from the location ``start`` on."""

    start: int
    value: np.ndarray
    log_scale: float

    def rows(self, first: int, count: int) -> np.ndarray:
        """Rows from a place of the grid on; zero beyond the table."""
        rows = np.zeros((count, self.value.shape[1]))
        low, high = max(first, self.start), min(first + count, self.start + len(self.value))
        if low < high:
            rows[low - first : high - first] = self.value[low - self.start : high - self.start]
        return rows


@dataclass(frozen=True)
class _Profile:
    """Likelihood of a cohort by the location of its first arm, shapes integrated out.

    ``value`` is ``(draws, rows)`` from the location ``start`` on; ``location`` is the log median of
    that arm in the average study, ``(draws,)``.
    """

    start: int
    value: np.ndarray
    log_scale: float
    location: np.ndarray

    def shifted(self, start: int, count: int, shift: np.ndarray) -> np.ndarray:
        """Values at places that each draw shifts by its own number of steps, ``(draws, count)``."""
        whole = np.floor(shift).astype(int)
        part = (shift - whole)[:, None]
        padded = np.pad(self.value, ((0, 0), (1, 1)))
        column = start - self.start + 1 + np.arange(count) + whole[:, None]
        ends = (np.clip(column + step, 0, padded.shape[1] - 1) for step in (0, 1))
        low, high = (np.take_along_axis(padded, end, axis=1) for end in ends)
        return (1.0 - part) * low + part * high


@dataclass(frozen=True)
class Updater:
    """The likelihood of new studies of one design and size, for all draws at once.

    Attributes
    ----------
    family : Family
        One without a tail.
    expected : tuple of Expected
        Of each arm.
    study_sd, shape_sd : ndarray, shape (draws,)
    n : int
        Patients of the study: they set the steps of the grids.
    """

    family: Family
    expected: tuple[Expected, ...]
    study_sd: np.ndarray = field(repr=False)
    shape_sd: np.ndarray = field(repr=False)
    n: int

    @property
    def step(self) -> float:
        """Step of the grids."""
        return min(_STEP / np.sqrt(self.n), _WIDEST_STEP)

    @cached_property
    def locations(self) -> Axis:
        """Grid of log medians."""
        ends = [arm.at(share) for arm in self.expected for share in (0.0, 1.0)]
        return axis_over(np.concatenate(ends), np.tile(self.study_sd, len(ends)), self.step)

    @cached_property
    def shapes(self) -> Axis:
        """Grid of log shapes."""
        ends = [arm.log_shape for arm in self.expected]
        return axis_over(np.concatenate(ends), np.tile(self.shape_sd, len(ends)), self.step)

    @cached_property
    def _shape_weights(self) -> tuple[np.ndarray, ...]:
        return tuple(self.shapes.hat_means(arm.log_shape, self.shape_sd) for arm in self.expected)

    @cached_property
    def _location_weights(self) -> dict[float, np.ndarray]:
        first = self.expected[0]
        return {
            share: self.locations.hat_means(first.at(share), self.study_sd) for share in (0.0, 1.0)
        }

    def log_likelihood(self, data: SurvivalData) -> np.ndarray:
        """Log likelihood of what a new study reports, its own effects integrated out, ``(draws,)``.

        Parameters
        ----------
        data : SurvivalData
            Of the new study alone, its cohorts in the order of the arms; every share of mixed
            histology is 0 or 1, and every transformation of an interval is known.
        """
        first, *others = [self._profile(data, number) for number in range(len(data.cohorts))]
        share = data.arms[0].share
        count = first.value.shape[1]
        weights = self._location_weights[share][:, first.start : first.start + count]
        value, log_scale = weights * first.value, first.log_scale
        for other in others:
            shift = (other.location - first.location) / self.step
            value = value * other.shifted(first.start, count, shift)
            log_scale += other.log_scale
        return np.log(np.maximum(value.sum(axis=1), _SMALLEST)) + log_scale

    def _profile(self, data: SurvivalData, cohort: int) -> _Profile:
        expected = self.expected[cohort]
        arms = [arm for arm in data.arms if arm.cohort == cohort]
        weights, log_scale = self._shape_weights[cohort], 0.0
        for test in data.comparisons:
            if data.arms[test.first].cohort == cohort:
                likelihood, log_largest = self._compared(data, test)
                weights, log_scale = weights * likelihood, log_scale + log_largest
        table = self._table(arms[0])
        location = expected.at(arms[0].share)
        if len(arms) == 1:
            value = _product(weights, table.value)
            return _Profile(table.start, value, log_scale + table.log_scale, location)
        second = self._table(arms[1])
        shift = expected.slope * (arms[1].share - arms[0].share) / self.step
        value = _together(table, second, shift, weights)
        return _Profile(
            table.start, value, log_scale + table.log_scale + second.log_scale, location
        )

    def _table(self, arm: Arm) -> _Table:
        """Likelihood of an arm on the grids, near its peak."""
        locations, shapes = self.locations.points, self.shapes.points
        every = max(shapes.size // _COARSE_SHAPES, 1)
        rough = self._of_arm(arm, locations[::_COARSE], shapes[::every]).max(axis=1)
        near = _COARSE * np.flatnonzero(rough > rough.max() - _NOTHING)
        start, stop = max(near[0] - _COARSE, 0), near[-1] + _COARSE + 1
        value = self._of_arm(arm, locations[start:stop], shapes)
        largest = float(value.max())
        return _Table(int(start), np.exp(value - largest), largest)

    def _of_arm(self, arm: Arm, locations: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        even = [0.0] * len(arm.chains)
        return arm_log_likelihood(
            arm.chains, even, locations[:, None], shapes[None, :], self.family
        )

    def _compared(self, data: SurvivalData, test: ArmComparison) -> tuple[np.ndarray, float]:
        """Likelihood of a comparison over its largest, ``(draws, shapes)``, and the log of that."""
        one, other = (
            self.expected[arm.cohort].at(arm.share)
            for arm in (data.arms[test.first], data.arms[test.second])
        )
        contrast = one - other  # the study effect cancels
        low, high = float(contrast.min()), float(contrast.max())
        grid = Axis(low, self.step, int((high - low) / self.step) + 2)
        value = comparison_given_medians(
            grid.points[:, None],
            self.shapes.points[None, :],
            self.family,
            estimate=test.reading.estimate,
            variance=test.reading.variance,
            medians=test.log_median_ratio,
            share=test.reading.share if test.reading.kind == "p" else None,
            either_sign=test.reading.either_sign,
        )
        largest = float(value.max())
        value = np.exp(value - largest)
        steps = (contrast - low) / self.step
        whole = steps.astype(int)
        part = (steps - whole)[:, None]
        return (1.0 - part) * value[whole] + part * value[whole + 1], largest


def _together(first: _Table, second: _Table, shift: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Product of two tables, the second shifted by its own number of steps for each draw.

    ``weights`` of the shapes are ``(draws, shapes)``; returns ``(draws, rows of the first)``.
    """
    count = len(first.value)
    product = np.zeros((shift.size, count))
    whole = np.floor(shift).astype(int)
    part = (shift - whole)[:, None]
    order = np.argsort(whole, kind="stable")
    steps, begin = np.unique(whole[order], return_index=True)
    for step, draws in zip(steps, np.split(order, begin[1:]), strict=True):
        ends = second.rows(first.start + int(step), count + 1)
        if not ends.any():
            continue
        low, high = (_product(weights[draws], first.value * rows) for rows in (ends[:-1], ends[1:]))
        product[draws] = (1.0 - part[draws]) * low + part[draws] * high
    return product


def _product(weights: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Weights ``(draws, shapes)`` times a table ``(rows, shapes)``, ``(draws, rows)``."""
    at_once = max(_SMALL_PRODUCT // table.size, 1)
    turned = table.T
    starts = range(0, len(weights), at_once)
    return np.concatenate([weights[first : first + at_once] @ turned for first in starts])
