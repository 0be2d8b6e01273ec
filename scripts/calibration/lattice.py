r"""Log likelihoods of single arms on a lattice of log median and log shape.

An arm's log likelihood is smooth, so it is evaluated at a few knots by the definition in
:mod:`synthesis.model.likelihoods` and carried to the lattice by cubic splines, which are matrices.
Both lattices are as fine as the likelihood of forty patients needs for sums to be integrals: a step
is a quarter of its standard deviation in the log median, and less than half of it in the log shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from scipy.interpolate import make_interp_spline

from calibration.papers import Paper, Patients
from priors import Prior, Priors
from studies.kinds import NOT_REACHED
from synthesis.model.families import Family, log_density, log_survival
from synthesis.model.likelihoods import chain_log_likelihood
from synthesis.model.printed import METHODS, ContradictionError
from synthesis.model.records import read_arm

STEP = 0.05  # of the lattice, in the log median and in the log shape
_REACH = 80, 32  # steps of the lattice to either side
_KNOT = 0.2, 0.1  # distance of the knots
_LEAST = -300.0  # log likelihood below the peak at which it is cut: nothing is there, only slope

Z95 = 1.959964


@dataclass(frozen=True)
class Lattice:
    """Where the likelihood of an arm is known.

    All arms have the same tail, of which there are some values with their log prior weights; a
    single nought where the family has none.
    """

    family: Family
    priors: Priors
    tails: np.ndarray = field(default_factory=lambda: np.zeros(1))
    tail_log_weights: np.ndarray = field(default_factory=lambda: np.zeros(1))

    @property
    def shape_prior(self) -> Prior:
        """Prior of the log shape of the mean study."""
        return self.priors[self.family.shape_prior]

    @cached_property
    def a(self) -> np.ndarray:
        """Log median, log months."""
        return self.priors["overall_median"].location + STEP * np.arange(-_REACH[0], _REACH[0] + 1)

    @cached_property
    def k(self) -> np.ndarray:
        """Log shape."""
        return self.shape_prior.location + STEP * np.arange(-_REACH[1], _REACH[1] + 1)

    @cached_property
    def knots(self) -> tuple[np.ndarray, np.ndarray]:
        """Knots of the log median and of the log shape."""
        return tuple(
            np.linspace(own[0], own[-1], round((own[-1] - own[0]) / step) + 1)
            for own, step in zip((self.a, self.k), _KNOT, strict=True)
        )

    @property
    def points(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Tail, log median and log shape of all knots, to be broadcast."""
        a, k = self.knots
        return self.tails[:, None, None], a[None, :, None], k[None, None, :]

    @cached_property
    def _shape_spline(self) -> np.ndarray:
        knots = self.knots[1]
        return make_interp_spline(knots, np.eye(knots.size))(self.k).T

    @lru_cache(maxsize=512)  # noqa: B019 - a lattice lives as long as its process
    def _median_spline(self, shift: float) -> np.ndarray:
        knots = self.knots[0]
        at = np.clip(self.a + shift, knots[0], knots[-1])
        return make_interp_spline(knots, np.eye(knots.size))(at)

    @lru_cache(maxsize=512)  # noqa: B019
    def moved(self, shift: float) -> np.ndarray:
        """Matrix that takes a function on the lattice of log medians to ``a + shift``."""
        at = np.clip(self.a + shift, self.a[0], self.a[-1])
        return make_interp_spline(self.a, np.eye(self.a.size))(at)

    def spread(self, knots: np.ndarray, shift: float = 0.0) -> np.ndarray:
        """Carry log likelihoods from the knots to the lattice: ``(..., a, k)``.

        The value at ``a`` is that of the arm at ``a + shift``.
        """
        return self.shifted(self.across(knots), shift)

    def across(self, knots: np.ndarray) -> np.ndarray:
        """Carry log likelihoods to the lattice of log shapes: ``(..., knots of a, k)``."""
        return np.maximum(knots, knots.max() + _LEAST) @ self._shape_spline

    def shifted(self, rows: np.ndarray, shift: float = 0.0) -> np.ndarray:
        """Carry what :meth:`across` returns to the lattice of log medians."""
        return self._median_spline(round(shift, 9)) @ rows

    # Compared and hashed by identity: it is a key of its own caches.
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def make_lattice(priors: Priors, family: Family) -> Lattice:
    """Lattice about the priors of one treatment."""
    if not family.has_tail:
        return Lattice(family, priors)
    prior = priors[family.tail_prior]
    steps = np.linspace(-2.4, 2.4, 7)
    return Lattice(family, priors, prior.location + prior.scale * steps, -0.5 * steps**2)


@dataclass(frozen=True)
class ArmTable:
    """What one arm says at the knots: the log likelihood of each reading of what is printed.

    It is ``(readings, tails, knots of a, knots of k)``. The conventions are the positions of those
    of the readings; none where it is told or makes no difference, and then there is one reading.
    """

    knots: np.ndarray
    conventions: tuple[int, ...] = ()


def paper_table(paper: Paper, lattice: Lattice) -> ArmTable | None:
    """A printed arm by the order statistics; None where nothing of it can enter.

    Figures that contradict each other leave the arm out, as in an analysis.
    """
    try:
        read = read_arm(paper.outcome, paper.landmarks, paper.n)
    except ContradictionError:
        return None
    if read is None:
        return None
    tail, a, k = lattice.points
    knots = [chain_log_likelihood(chain, a, k, lattice.family, tail) for chain in read.chains]
    told = read.told or read.methods[0] not in METHODS
    return ArmTable(np.stack(knots), () if told else tuple(map(METHODS.index, read.methods)))


def patients_table(patients: Patients, lattice: Lattice) -> ArmTable:
    """The patients themselves."""
    log_t = np.log(np.maximum(patients.months, 1e-3))
    tail, a, k = (points[..., None] for points in lattice.points)
    shape = np.exp(k)
    event = patients.event
    dead = log_density(shape * (log_t[event] - a), k, log_t[event], lattice.family, tail)
    alive = log_survival(shape * (log_t[~event] - a), lattice.family, tail)
    return ArmTable((dead.sum(axis=-1) + alive.sum(axis=-1))[None])


def interval_table(paper: Paper, lattice: Lattice) -> ArmTable | None:
    """The log-normal approximation: log median and its interval. The shape is left to its prior.

    The standard error is that of :func:`median_and_error` on the log scale.
    """
    ci = paper.outcome.ci
    found = None if ci is None or ci[0] <= 0 else median_and_error(paper, np.log)
    if found is None:
        return None
    middle, error = found
    tail, a, k = lattice.points
    own = -0.5 * ((a - middle) / error) ** 2
    return ArmTable((own + 0.0 * tail + 0.0 * k)[None])


def median_and_error(
    paper: Paper, scale: Callable[[float], float] = float
) -> tuple[float, float] | None:
    """The printed median on a scale, and its standard error; None where nothing tells it.

    The error is half the width of the interval over 1.96, or its lower half over 1.96 where the
    upper limit is not reached.
    """
    ci = paper.outcome.ci
    if ci is None or not paper.reached:
        return None
    middle, lower = scale(float(paper.outcome.median)), scale(float(ci[0]))
    half = middle - lower
    if ci[1] != NOT_REACHED:
        half = (scale(float(ci[1])) - lower) / 2.0
    return (middle, half / Z95) if half > 0.0 else None
