r"""Likelihood of each cohort with its own effects integrated out, for leave-one-cohort-out.

A cohort has a study effect and a shape deviation of its own, and often an unknown share of mixed
histology or, where its pure and mixed patients are told apart, an effect of histology. Given
these, its likelihood says how well the model describes the cohort, not how well it would have
predicted it: with one arm a study the effects follow the arm, and leaving the arm out cannot be
reached from there by weights. So they are integrated out for each draw of everything else
(Merkle, Furr & Rabe-Hesketh 2019, doi 10.1007/s11336-019-09679-0):

.. math::
   L_j = \frac{\int\!\!\int L(y_j \mid v, \kappa)\, R(v, \kappa)\, p(v)\, p(\kappa)\,dv\,d\kappa}
              {\int\!\!\int R(v, \kappa)\, p(v)\, p(\kappa)\,dv\,d\kappa},

with :math:`v` the sum of the effects of the cohort on its log median, :math:`\kappa` its log
shape, and :math:`R` whatever else the registry prints that depends on them: the other arms of a
randomised report, which share the study effect, and comparisons that are counted with a later
cohort of the report. :math:`R` is one for most cohorts. The effects of a treatment or class that no
other cohort has are effects of the cohort, too: nothing else is known of them.

The integrals are sums over Gauss-Hermite nodes, which are laid for each draw where the integrand
is (Naylor & Smith 1982, doi 10.2307/2347995), by its second-order expansion. Of response the only
effect is that of the study, on the log odds of one binomial: a sum over an even grid.

A cohort is predicted from the draws without it, with :math:`v` and :math:`\kappa` drawn from
:math:`R(v, \kappa)\, p(v)\, p(\kappa)`: the effects of a new study, or of a new cohort of a report
of which the others know.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, roots_genlaguerre

from synthesis.fits import ResponseFit, SurvivalFit, bias_spread
from synthesis.model.arrays import shared_parts
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.likelihoods import arm_log_likelihood, listed_patients
from synthesis.model.observations import ArmComparison
from synthesis.model.printed import METHODS
from synthesis.model.sampler import Draws, kept_beside
from synthesis.model.survival import ROBUST_FREEDOM, adjusted_bias, is_retrospective, share_prior

#: Draws that are used, evenly spaced over the chains.
DRAWS = 500

#: Gauss-Hermite nodes for the log median and for the log shape.
NODES = (7, 5)

# An even grid in standard deviations: of the logit of a share, of the effect of a contrast.
_EVEN_GRID = np.linspace(-4.0, 4.0, 41)

# A Student-t is a normal whose precision is drawn from a gamma distribution: nodes of the latter.
_PRECISIONS = 15

# Standardised effects of a study on the log odds of response, and logs of their weights.
_EFFECTS = np.linspace(-5.0, 5.0, 61)
_LOG_EFFECT = -0.5 * _EFFECTS**2 - np.log(np.exp(-0.5 * _EFFECTS**2).sum())

_CANDIDATES, _WIDER = 9, 1.5  # effects at each draw, so much wider than where the integrand is

_STEP = 0.05  # of the differences behind the expansion of a log likelihood

_DEVIATIONS = 9  # nodes of the effect of histology of one report

# Newton steps to where an integrand is: how many, the longest, and one that is short enough.
_NEWTON_STEPS, _LONGEST_STEP, _SHORT_STEP = 6, 1.0, 0.02
_PARTS = np.array([1.0, 0.5, 0.2, 0.05, 0.0])  # of a step, of which the best is taken
_NARROWEST = 1e-4  # SD: no draw of a spread is quite zero

# Draws from which on the largest weights can be smoothed; log likelihoods that differ by less are
# the same.
_LEAST_DRAWS, _NO_SPREAD = 25, 1e-12

_EARLIEST = 1e-3  # months, as in the arrays of the model


# --- What the likelihoods are for ----------------------------------------------------------------


@dataclass(frozen=True)
class LeftOutDensities:
    """Predictive densities of one fit."""

    elpd: np.ndarray
    """Log predictive density of each cohort given all others, ``(cohorts,)``."""
    pareto_k: np.ndarray
    """Of each cohort, ``(cohorts,)``; infinite where there are too few draws to say."""
    p_loo: float
    """How far the sum falls short of the log density with each cohort included."""
    log_likelihood: np.ndarray = field(repr=False)
    """From :func:`cohort_log_likelihood`, ``(draws, cohorts)``."""
    weights: np.ndarray = field(repr=False)
    """From :func:`without_each`, ``(draws, cohorts)``."""


def leave_one_out(
    fit: SurvivalFit, *, draws: int = DRAWS, nodes: tuple[int, int] = NODES
) -> LeftOutDensities:
    """Log predictive density of each cohort of a fit given all others.

    It takes seconds, and is kept beside the draws of the fit. Parameters are those of
    :func:`cohort_log_likelihood`.
    """

    def make() -> dict[str, np.ndarray]:
        values = cohort_log_likelihood(fit, draws=draws, nodes=nodes)
        weights, k = without_each(values)
        with np.errstate(divide="ignore"):  # a weight may be too small to be told from nought
            elpd = _log_sum(np.log(weights) + values)
        p_loo = np.sum(_log_sum(values) - np.log(len(values)) - elpd)
        return vars(LeftOutDensities(elpd, k, np.asarray(p_loo), values, weights))

    source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    kept = kept_beside(fit.draws, f"left_out_{draws}_{nodes[0]}x{nodes[1]}_{source}", make)
    return LeftOutDensities(**{**kept, "p_loo": float(kept["p_loo"])})


def without_each(
    log_likelihood: np.ndarray, beside: Draws | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of draws without each cohort in turn, the largest smoothed, and Pareto k.

    `log_likelihood` and the weights are ``(draws, cohorts)``, each column of these adding up to
    one. Pareto k is infinite where there are too few draws to tell, nought where no draw differs.
    Both are kept `beside` the draws that they weigh, where these are given.
    """
    if beside is not None:
        source = Path(__file__).read_bytes() + np.ascontiguousarray(log_likelihood).tobytes()
        name, keys = f"without_{hashlib.sha256(source).hexdigest()[:16]}", ("weights", "pareto_k")
        kept = kept_beside(
            beside, name, lambda: dict(zip(keys, without_each(log_likelihood), strict=True))
        )
        return kept["weights"], kept["pareto_k"]
    # heavy with arviz: only what weighs draws pays for it
    from arviz_stats.base import array_stats

    draws, cohorts = log_likelihood.shape
    log_weights, k = -log_likelihood, np.full(cohorts, np.inf)
    if draws >= _LEAST_DRAWS:
        k = np.zeros(cohorts)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a high Pareto k is told in the table
            for j in np.flatnonzero(np.ptp(log_likelihood, axis=0) > _NO_SPREAD):
                # it takes the log likelihood, and weighs by its inverse
                log_weights[:, j], k[j] = array_stats.psislw(log_likelihood[:, j])
    weights = np.exp(log_weights - log_weights.max(axis=0))
    return weights / weights.sum(axis=0), np.where(np.isnan(k), np.inf, k)


def cohort_log_likelihood(
    fit: SurvivalFit, *, draws: int = DRAWS, nodes: tuple[int, int] = NODES
) -> np.ndarray:
    """Log likelihood of each cohort given so many draws of everything but its own effects.

    It is ``(draws, cohorts)``. A printed comparison belongs to the later of its two cohorts.
    `nodes` are those of the quadrature for the log median and for the log shape.
    """
    likelihood = _Likelihood(fit, spaced(fit.flat("mu").size, draws))
    columns = []
    for number in range(len(fit.data.cohorts)):
        cohort = _Cohort(likelihood, number)
        value = _mean(cohort, likelihood.terms(number) + cohort.rest, nodes)
        columns.append(value - _mean(cohort, cohort.rest, nodes) if cohort.rest else value)
    return np.column_stack(columns)


def comparison_of_histologies(fit: SurvivalFit, rows: np.ndarray, cohort: int) -> np.ndarray:
    """Log likelihood, ``(draws,)``, of the one contrast that counts of a cohort, at these rows.

    Its own effect of histology is integrated out; its first group is mixed, its second pure.
    """
    likelihood, parts = _Likelihood(fit, rows), []
    (own,) = (c for c in fit.data.comparisons if likelihood.compared(c)[0] == cohort)
    treatment, log_shape = likelihood.treatments[cohort], likelihood.draws("log_shape")
    alike = log_shape[:, cohort], likelihood.tail[:, treatment]
    slope, spread = likelihood.slope[:, treatment], likelihood.draws("prognostic_sd")
    for x in _EVEN_GRID:  # the range of a null result is narrow beside the spread
        places = (Place(at, *alike) for at in (slope + spread * x, np.zeros_like(slope)))
        parts.append(comparison_log_likelihood(own, *places, fit.family) + _log_normal(x))
    return _log_sum(np.stack(parts)) + np.log(_EVEN_GRID[1] - _EVEN_GRID[0])


def log_likelihood_as_drawn(fit: SurvivalFit) -> np.ndarray:
    """Log likelihood of what each cohort prints at every draw of a fit, ``(draws, cohorts)``."""
    likelihood = _Likelihood(fit, np.arange(fit.flat("mu").size))
    medians, shapes = likelihood.draws("log_median"), likelihood.draws("log_shape")
    columns = [
        likelihood.of(
            likelihood.terms(number),
            lambda arm: medians[:, arm, None],
            lambda cohort: shapes[:, cohort, None],
        )[:, 0]
        for number in range(len(fit.data.cohorts))
    ]
    return np.column_stack(columns)


class PredictedArm(NamedTuple):
    """An arm as all other cohorts predict it, each ``(draws,)``.

    Its location is the sum of what is known of the treatment, of the effect of its study, and of
    what histology adds; ``row`` indexes the draws of the fit.
    """

    treatment: np.ndarray
    study: np.ndarray
    histology: np.ndarray
    log_shape: np.ndarray
    tail: np.ndarray
    row: np.ndarray

    @property
    def location(self) -> np.ndarray:
        """Log months of the median, or log odds of the rate."""
        return self.treatment + self.study + self.histology


class LeftOutPredictions:
    """Predictions of the cohorts of one fit by all others, from its draws of index ``rows``."""

    def __init__(self, fit: SurvivalFit | ResponseFit, draws: int = DRAWS) -> None:
        self.rows, number = spaced(fit.flat("mu").size, draws), range(len(fit.data.cohorts))
        if isinstance(fit, ResponseFit):
            self._cohorts: list[Any] = [_RateCohort(fit, self.rows, j) for j in number]
            values = np.column_stack([cohort.log_likelihood() for cohort in self._cohorts])
            self.log_likelihood = values
            self._weights, self.pareto_k = without_each(values, fit.draws)
            return
        likelihood = _Likelihood(fit, self.rows)
        self._cohorts = [_Cohort(likelihood, j) for j in number]
        own = leave_one_out(fit, draws=draws)
        self._weights, self.pareto_k = own.weights, own.pareto_k
        self.log_likelihood = own.log_likelihood

    def of(self, cohort: int, size: int, rng: np.random.Generator) -> dict[int, PredictedArm]:
        """So many draws of each arm of a cohort; of response the cohort is the arm."""
        return self._cohorts[cohort].predicted(self._weights[:, cohort], size, self.rows, rng)


def _picked(weights: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Indices drawn in proportion to weights, as evenly as they can be (systematic), shuffled."""
    reached = np.cumsum(weights)
    at = (np.arange(size) + rng.uniform()) / size * reached[-1]
    return rng.permutation(np.minimum(np.searchsorted(reached, at), weights.size - 1))


def spaced(size: int, wanted: int) -> np.ndarray:
    """Indices of the draws that are used: so many of ``size`` as are wanted, evenly spaced."""
    return np.linspace(0, size - 1, min(wanted, size)).round().astype(int)


# --- The likelihood ------------------------------------------------------------------------------

# A factor of the likelihood: the index of an arm, or a comparison of two.
_Term = int | ArmComparison
_Place = Callable[[int], np.ndarray]


class _Likelihood:
    """The terms of the likelihood at those draws of a fit whose indices are ``rows``."""

    def __init__(self, fit: SurvivalFit, rows: np.ndarray) -> None:
        self.fit, self.rows, data = fit, rows, fit.data
        self.draws = draws = cache(lambda name: fit.flat(name)[rows])
        self.tail = draws("tail_mean")[:, None] + draws("tail_treatment_effect")
        self.slope = draws("prognostic")[:, None] + draws("predictive")
        self.bias_sd = adjusted_bias(fit.priors)
        levels = data.hierarchy
        self.treatments = [levels.treatments.index(ref.treatment) for ref in data.refs]
        self.shared = np.array(shared_parts(data))  # part of the variance that reports share
        order = [levels.studies.index(ref.study.id) for ref in data.refs]
        self.study = draws("study_effect")[:, order]
        own = np.sqrt(1.0 - self.shared) * draws("cohort_effect")
        self.effect = np.sqrt(self.shared) * self.study + own

    def cohort(self, group: int) -> int:
        return self.fit.data.groups[group].cohort

    def arms(self, cohort: int) -> list[_Term]:
        return [i for i in range(len(self.fit.data.arms)) if self.cohort(i) == cohort]

    def compared(self, comparison: ArmComparison) -> tuple[int, int]:
        """Indices of the cohorts of a comparison, which may be one."""
        return self.cohort(comparison.first), self.cohort(comparison.second)

    def terms(self, cohort: int) -> list[_Term]:
        """The arms of a cohort, and the comparisons of which it is the later one."""
        comparisons = self.fit.data.comparisons
        return [*self.arms(cohort), *(c for c in comparisons if max(self.compared(c)) == cohort)]

    def of(self, terms: list[_Term], location: _Place, shape: _Place) -> np.ndarray:
        """Log likelihood of some terms, ``(draws, nodes)``.

        `location` gives the log median of an arm, `shape` the log shape of a cohort.
        """

        def place(group: int) -> Place:
            cohort = self.cohort(group)
            tail = self.tail[:, self.treatments[cohort]][:, None]
            return Place(location(group), shape(cohort), tail)

        values = [
            self._arm(term, *place(term))
            if isinstance(term, int)
            else comparison_log_likelihood(
                term, place(term.first), place(term.second), self.fit.family, bias_sd=self.bias_sd
            )
            for term in terms
        ]
        return sum(values[1:], values[0])

    def _arm(
        self, arm: int, location: np.ndarray, log_shape: np.ndarray, tail: np.ndarray
    ) -> np.ndarray:
        printed, family = self.fit.data.arms[arm], self.fit.family
        if not printed.chains:
            listed = [patient for patient in self.fit.data.patients if patient.arm == arm]
            return listed_patients(
                location[..., None],
                log_shape[..., None],
                family,
                log_time=np.log([max(patient.months, _EARLIEST) for patient in listed]),
                event=np.array([float(patient.event) for patient in listed]),
                tail=tail[..., None],
            ).sum(axis=-1)
        logits = self.draws("convention_logits")
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        weights = [
            0.0 if printed.told else log_p[:, METHODS.index(method)][:, None]
            for method in printed.methods
        ]
        second: dict[str, Any] = {}
        if printed.share is None and self.fit.variant.is_mixture:
            share = self.draws("mixed_share")[:, arm][:, None]
            slope = self.slope[:, self.treatments[printed.cohort]][:, None]
            second, location = {"shift": slope, "share": share}, location - slope * share
        return arm_log_likelihood(
            printed.chains, weights, location, log_shape, family, tail, **second
        )


class _Cohort:
    """A cohort whose own effects are integrated out, as a displacement and a log shape."""

    def __init__(self, likelihood: _Likelihood, number: int) -> None:
        self.likelihood, self.number = likelihood, number
        fit, refs = likelihood.fit, likelihood.fit.data.refs
        ref, shared = refs[number], likelihood.shared[number]
        self.treatment = likelihood.treatments[number]
        # the effects of a treatment or class that no other cohort has are effects of the cohort
        self.is_sole = [own.treatment for own in refs].count(ref.treatment) == 1
        self.is_sole_class = [own.treatment_class for own in refs].count(ref.treatment_class) == 1
        report = [k for k, own in enumerate(refs) if own.study.id == ref.study.id]
        # those randomised beside it share its study effect; where the effect of its treatment must
        # be separated from that, it stays as drawn, of which they know
        together = shared >= 1.0 and not self.is_sole
        beside = [k for k in report if k != number and k < len(fit.data.cohorts)]
        self.companions = beside if together else []
        # part of the variance between studies whose effect stays as drawn: others know of it
        self.held = 0.0 if len(report) == 1 or self.companions else shared
        # the share of mixed histology stays as drawn where the study effect must be separated from
        # it (companions share the one, not the other), and where it makes a mixture of two curves
        arms = [fit.data.arms[i] for i in likelihood.arms(number)]
        unknown = bool(arms) and all(arm.share is None for arm in arms)
        shifts = fit.data.tells_histology and not fit.variant.is_mixture
        self.share_is_free = unknown and shifts and not self.companions
        # how far pure and mixed patients of the cohort are from the centre, where they are told
        # apart, and what its own effect of histology is instead of that which was drawn
        self.away = {
            i: group.share - fit.centre_share
            for i, group in enumerate(fit.data.groups)
            if group.cohort == number and fit.data.of_both_histologies(group)
        }
        self.deviation: np.ndarray | float = 0.0
        # what else depends on its effects: arms beside it, comparisons with a later cohort
        pairs = [(c, likelihood.compared(c)) for c in fit.data.comparisons]
        later = [c for c, pair in pairs if min(pair) == number < max(pair)]
        self.rest = [*(i for k in self.companions for i in likelihood.arms(k)), *later]
        self.base, self.prior = cache(self._base), _prior(self)

    def _base(self, arm: int) -> np.ndarray:
        """Log median of an arm less what the displacement stands for, ``(draws, 1)``."""
        own, draws = self.likelihood.cohort(arm), self.likelihood.draws
        value = draws("log_median")[:, arm]
        if own == self.number or own in self.companions:
            value = value - self.likelihood.effect[:, own]
        if own == self.number and self.is_sole:
            value = value - draws("treatment_effect")[:, self.treatment]
        if own == self.number and self.is_sole_class:
            group = self.likelihood.fit.data.hierarchy.treatment_class[self.treatment]
            value = value - draws("class_effect")[:, group]
        if arm in self.away:
            value = value - draws("histology_deviation")[:, own] * self.away[arm]
        if own == self.number and self.share_is_free:
            away = draws("mixed_share")[:, arm] - self.likelihood.fit.centre_share
            value = value - self.likelihood.slope[:, self.treatment] * away
        return value[:, None]

    def as_drawn(self) -> np.ndarray:
        """Displacement and log shape as drawn, ``(draws, 2)``."""
        arm, draws = self.likelihood.arms(self.number)[0], self.likelihood.draws
        displacement = draws("log_median")[:, arm] - self.base(arm)[:, 0]
        return np.stack([displacement, draws("log_shape")[:, self.number]], axis=1)

    def predicted(
        self, weights: np.ndarray, size: int, rows: np.ndarray, rng: np.random.Generator
    ) -> dict[int, PredictedArm]:
        """Arms with effects of the cohort that its figures have not shaped."""
        prior, tail = self.prior, self.likelihood.tail[:, self.treatment]
        sole = study = histology = np.zeros(size)
        if self.rest:
            at, study, log_shape = self._borne_out(weights, size, rng)
        else:
            at = _picked(weights, size, rng)
            noise = rng.standard_normal((3, size))
            between = np.square(
                prior.sd[at, rng.choice(len(prior.sd_weights), size, p=prior.sd_weights)]
            )
            sole = np.sqrt(prior.sole[at]) * noise[0]
            study = prior.mean[at] + np.sqrt(np.maximum(between - prior.sole[at], 0.0)) * noise[1]
            histology = prior.shifts[
                at, rng.choice(len(prior.shift_weights), size, p=prior.shift_weights)
            ]
            log_shape = prior.shape_mean[at] + prior.shape_sd[at] * noise[2]
        deviation = self.likelihood.draws("prognostic_sd")[at] * rng.standard_normal(size)
        arms = {}
        for arm in self.likelihood.arms(self.number):
            known = self.base(arm)[at, 0] + sole
            apart = histology + self.away.get(arm, 0.0) * deviation
            arms[arm] = PredictedArm(known, study, apart, log_shape, tail[at], rows[at])
        return arms

    def _borne_out(
        self, weights: np.ndarray, size: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws, displacements and log shapes, given what else its report prints.

        Candidates are drawn where the integrand is, and weighted by it.
        """
        mean, covariance = _laid(self, self.rest)
        noise = rng.standard_normal((len(mean), 2, _CANDIDATES))
        moved = mean[:, :, None] + _WIDER * np.linalg.cholesky(covariance) @ noise
        displacement, log_shape = moved[:, 0], moved[:, 1]
        log_ratio = self.prior.log_density(displacement) + self.prior.log_shape_density(log_shape)
        log_ratio += self.log_likelihood(self.rest, displacement, log_shape)
        log_ratio -= _log_normal(noise).sum(axis=1)
        log_ratio += 0.5 * np.log(np.linalg.det(covariance))[:, None]
        log_ratio -= _integral(self, self.rest, NODES)[:, None]
        ratio = np.exp(log_ratio - log_ratio.max()) * weights[:, None]
        at = _picked(ratio.ravel(), size, rng)
        return at // _CANDIDATES, displacement.ravel()[at], log_shape.ravel()[at]

    def log_likelihood(
        self, terms: list[_Term], displacement: np.ndarray, log_shape: np.ndarray
    ) -> np.ndarray:
        """Log likelihood of some terms at other effects, ``(draws, nodes)``."""
        shapes, moving = self.likelihood.draws("log_shape"), (self.number, *self.companions)

        def location(arm: int) -> np.ndarray:
            moves = self.likelihood.cohort(arm) in moving
            value = self.base(arm) + (displacement if moves else 0.0)
            return value + self.away[arm] * self.deviation if arm in self.away else value

        def shape(cohort: int) -> np.ndarray:
            return log_shape if cohort == self.number else shapes[:, cohort, None]

        value = self.likelihood.of(terms, location, shape) if terms else 0.0
        return value + np.zeros(displacement.shape)


class _RateCohort:
    """The response of a cohort, whose own effects on the log odds are integrated out.

    Where its report has other cohorts, which know of the effect of the study, that stays as drawn.
    """

    def __init__(self, fit: ResponseFit, rows: np.ndarray, number: int) -> None:
        data, draws = fit.data, cache(lambda name: fit.flat(name)[rows])
        ref, self.number, self.count = data.cohorts[number], number, data.counts[number]
        treatment = data.treatments.index(ref.treatment)
        index = {"treatment": treatment, "class": data.treatment_class[treatment]}
        index["study"] = data.studies.index(ref.study.id)
        names = [(own.treatment_class, own.treatment, own.study.id) for own in data.cohorts]
        columns = zip(("class", "treatment", "study"), zip(*names, strict=True), strict=True)
        alone = {level: own.count(own[number]) == 1 for level, own in columns}
        own = [draws(f"{level}_effect")[:, i] for level, i in index.items() if alone[level]]
        self.base = draws("log_odds")[:, number] - sum(own)
        sds = {level: draws(f"{level}_sd") * alone[level] for level in index}
        self.study_sd, self.sole_sd = sds["study"], np.hypot(sds["treatment"], sds["class"])

    def log_likelihood(self) -> np.ndarray:
        """Log of the probability of its responders but for a constant, ``(draws,)``."""
        at = self.base[:, None] + np.hypot(self.study_sd, self.sole_sd)[:, None] * _EFFECTS
        value = self.count.responders * at - self.count.evaluable * np.logaddexp(0.0, at)
        return _log_sum((value + _LOG_EFFECT).T)

    def predicted(
        self, weights: np.ndarray, size: int, rows: np.ndarray, rng: np.random.Generator
    ) -> dict[int, PredictedArm]:
        """The cohort with effects that its responders have not shaped."""
        at, noise = _picked(weights, size, rng), rng.standard_normal((2, size))
        treatment, study = self.base[at] + self.sole_sd[at] * noise[0], self.study_sd[at] * noise[1]
        none = np.zeros(size)
        return {self.number: PredictedArm(treatment, study, none, none, none, rows[at])}


# --- The integral over the effects of a cohort ---------------------------------------------------


@dataclass(frozen=True)
class _Prior:
    """Prior of displacement and log shape of a cohort at each draw.

    The displacement is a mixture of normals: ``mean`` plus one of the ``shifts`` that the share of
    mixed histology may make, with one of the standard deviations ``sd``.
    """

    mean: np.ndarray  # (draws,)
    sd: np.ndarray  # (draws, K)
    sd_weights: np.ndarray  # (K,)
    sole: np.ndarray  # (draws,)
    shape_mean: np.ndarray  # (draws,)
    shape_sd: np.ndarray  # (draws,)
    shifts: np.ndarray  # (draws, M)
    shift_weights: np.ndarray  # (M,)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the displacement."""
        shift = self.shifts @ self.shift_weights
        spread = np.square(self.shifts - shift[:, None]) @ self.shift_weights
        return self.mean + shift, np.square(self.sd) @ self.sd_weights + spread

    def log_density(self, displacement: np.ndarray) -> np.ndarray:
        """Log density of displacements, ``(draws, nodes)``."""
        # neighbouring shares must overlap, or their sum is a row of peaks
        gaps = np.abs(np.diff(self.shifts, axis=1)).max(axis=1, initial=0.0)
        away = displacement - self.mean[:, None]
        away = away[:, :, None] - self.shifts[:, None, :]
        parts = []
        for sd, weight in zip(self.sd.T, self.sd_weights, strict=True):
            wide = np.maximum(sd, gaps)[:, None, None]
            log_p = _log_normal(away / wide) - np.log(wide) + np.log(weight * self.shift_weights)
            parts.append(_log_sum(np.moveaxis(log_p, 2, 0)))
        return _log_sum(np.stack(parts))

    def log_shape_density(self, log_shape: np.ndarray) -> np.ndarray:
        """Log density of log shapes, ``(draws, nodes)``."""
        sd = self.shape_sd[:, None]
        return _log_normal((log_shape - self.shape_mean[:, None]) / sd) - np.log(sd)


def _log_sum(values: np.ndarray) -> np.ndarray:
    """Log of the sum of exponentials over the first axis; faster than by pairs."""
    peak = values.max(axis=0)
    return peak + np.log(np.exp(values - peak).sum(axis=0))


def _log_normal(z: np.ndarray) -> np.ndarray:
    return -0.5 * np.square(z) - 0.5 * np.log(2.0 * np.pi)


def _prior(cohort: _Cohort) -> _Prior:
    fit, draws = cohort.likelihood.fit, cohort.likelihood.draws
    mean = np.sqrt(cohort.held) * cohort.likelihood.study[:, cohort.number]
    precisions, weights = np.ones(1), np.ones(1)
    if fit.variant.study_effects == "student-t":
        half = ROBUST_FREEDOM / 2.0
        precisions, weights = roots_genlaguerre(_PRECISIONS, half - 1.0)
        precisions = precisions / half
    study_variance = draws("study_sd") ** 2
    if fit.data.covariates and is_retrospective(fit.data.covariates[cohort.number]):
        study_variance = study_variance + bias_spread(fit)[cohort.likelihood.rows] ** 2
    variance = (1.0 - cohort.held) * study_variance[:, None] / precisions
    shape_mean, shape_variance = draws("shape_mean"), draws("shape_sd") ** 2
    sole = np.zeros(mean.size)
    if cohort.is_sole:
        sole = sole + draws("treatment_sd") ** 2
        shape_variance = shape_variance + draws("shape_treatment_sd") ** 2
    else:
        shape_mean = shape_mean + draws("shape_treatment_effect")[:, cohort.treatment]
    if cohort.is_sole_class:
        sole = sole + draws("class_sd") ** 2
    shifts, shift_weights = np.zeros((mean.size, 1)), np.ones(1)
    if cohort.share_is_free:
        prior = share_prior(fit.data, fit.priors, cohort.number)
        away = expit(prior.location + prior.scale * _EVEN_GRID) - fit.centre_share
        shifts = cohort.likelihood.slope[:, cohort.treatment][:, None] * away
        shift_weights = np.exp(_log_normal(_EVEN_GRID))
    return _Prior(
        mean=mean,
        sd=np.maximum(np.sqrt(variance + sole[:, None]), _NARROWEST),
        sd_weights=weights / weights.sum(),
        sole=sole,
        shape_mean=shape_mean * fit.has_shape,
        shape_sd=np.maximum(np.sqrt(shape_variance) * fit.has_shape, _NARROWEST),
        shifts=shifts,
        shift_weights=shift_weights / shift_weights.sum(),
    )


def _mean(cohort: _Cohort, terms: list[_Term], nodes: tuple[int, int]) -> np.ndarray:
    """Log of the mean of some terms over all own effects of a cohort, ``(draws,)``."""
    if not cohort.away:
        return _integral(cohort, terms, nodes)
    spread, parts = cohort.likelihood.draws("prognostic_sd")[:, None], []
    for x, log_weight in zip(*_hermite(_DEVIATIONS), strict=True):
        cohort.deviation = spread * x
        parts.append(_integral(cohort, terms, nodes) + log_weight)
    return _log_sum(np.stack(parts))


def _integral(cohort: _Cohort, terms: list[_Term], nodes: tuple[int, int]) -> np.ndarray:
    """Log of the mean of some terms over the prior of a cohort's own effects, ``(draws,)``."""
    prior, (mean, covariance) = cohort.prior, _laid(cohort, terms)
    (x, log_x), (y, log_y) = (_hermite(count) for count in nodes)
    width = np.sqrt(covariance[:, 0, 0])[:, None]
    slope = covariance[:, 0, 1][:, None] / width
    height = np.sqrt(np.maximum(covariance[:, 1, 1][:, None] - slope**2, _NARROWEST**4))
    displacement = mean[:, :1] + width * x
    log_shape = mean[:, 1:, None] + (slope * x)[:, :, None] + height[:, :, None] * y
    # prior over the density by which the nodes were laid
    across = prior.log_density(displacement) - _log_normal(x) + np.log(width) + log_x
    flat = log_shape.reshape(len(mean), -1)
    along = prior.log_shape_density(flat).reshape(log_shape.shape)
    log_ratio = across[..., None] + along
    log_ratio = log_ratio - _log_normal(y) + np.log(height)[..., None] + log_y
    value = cohort.log_likelihood(terms, np.repeat(displacement, y.size, axis=1), flat)
    return _log_sum((value + log_ratio.reshape(flat.shape)).T)


def _hermite(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of a standard normal, and the logs of their weights, which add up to one."""
    x, weight = np.polynomial.hermite_e.hermegauss(count)
    return x, np.log(weight / weight.sum())


def _laid(cohort: _Cohort, terms: list[_Term]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the integrand at each draw, to second order.

    Newton steps from the effects as drawn, all draws at once; where the log likelihood bends
    upwards it counts as flat.
    """
    prior = cohort.prior
    centre, variance = prior.moments()
    about = np.stack([centre, prior.shape_mean], axis=1)
    own = np.stack([1.0 / variance, 1.0 / prior.shape_sd**2], axis=1)
    at = cohort.as_drawn()
    for _ in range(_NEWTON_STEPS):
        slope, bend = _expansion(cohort, terms, at)
        precision = bend + own[:, :, None] * np.eye(2)
        covariance = np.linalg.inv(precision)
        step = (covariance @ (slope + own * (about - at))[..., None])[..., 0]
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        tried = at[:, None, :] + _PARTS[:, None] * step[:, None, :]
        value = cohort.log_likelihood(terms, tried[..., 0], tried[..., 1])
        value = value - 0.5 * (own[:, None, :] * np.square(tried - about[:, None, :])).sum(axis=2)
        best = tried[np.arange(len(at)), value.argmax(axis=1)]
        moved, at = np.abs(best - at).max(), best
        if moved < _SHORT_STEP:
            break
    return at, covariance


def _expansion(
    cohort: _Cohort, terms: list[_Term], at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slope, ``(draws, 2)``, and negative curvature, ``(draws, 2, 2)``, of the log likelihood."""
    steps = _STEP * (np.indices((3, 3)).reshape(2, 9) - 1)
    value = cohort.log_likelihood(terms, at[:, :1] + steps[0], at[:, 1:] + steps[1])
    value = value.reshape(-1, 3, 3)
    slope = np.stack([value[:, 2, 1] - value[:, 0, 1], value[:, 1, 2] - value[:, 1, 0]], axis=1)
    across = value[:, 2, 1] - 2.0 * value[:, 1, 1] + value[:, 0, 1]
    along = value[:, 1, 2] - 2.0 * value[:, 1, 1] + value[:, 1, 0]
    twist = (value[:, 2, 2] - value[:, 2, 0] - value[:, 0, 2] + value[:, 0, 0]) / 4.0
    bend = -np.stack([across, twist, twist, along], axis=1).reshape(-1, 2, 2) / _STEP**2
    values, vectors = np.linalg.eigh(bend)
    flat = vectors * np.maximum(values, 0.0)[:, None, :]
    return slope / (2.0 * _STEP), flat @ vectors.transpose(0, 2, 1)
