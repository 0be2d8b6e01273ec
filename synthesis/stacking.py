r"""Choosing between survival families: leave-one-cohort-out predictive densities and stacking.

The predictive density of a cohort given all others is estimated from the draws of the whole fit by
Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry 2017, doi 10.1007/s11222-016-9696-4)
of the likelihoods of :mod:`synthesis.left_out`. The weights of the families are those of the
mixture that would have predicted the cohorts best (Yao, Vehtari, Simpson & Gelman 2018,
doi 10.1214/17-BA1091):

.. math::
   \hat w = \arg\max_w \sum_j \log \sum_f w_f\, p_f(y_j \mid y_{-j})
            + \frac{c}{F} \sum_f \log w_f,
   \qquad w_f \ge 0,\ \sum_f w_f = 1.

They are not probabilities of the families: one that adds nothing to the others gets hardly any,
however near it comes to them. The last term, a Dirichlet prior worth ``c`` = 1 cohort (as in Yao,
Pirs, Vehtari & Gelman 2022, doi 10.1214/21-BA1287), keeps a tie of a few dozen cohorts from being
decided by a tenth of a log unit, and weighs nothing against plentiful data.

One answer is made of the families by stacking their draws in proportion to their weights: the
posterior of a quantity that every family has (a median, survival at a year) is the mixture of its
posteriors under each family.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from studies import Registry
from synthesis.fits import PooledSurvival, ResponseFit, SurvivalFit, at_stage, fit_survival
from synthesis.left_out import DRAWS, NODES, leave_one_out, spaced
from synthesis.model.sampler import Diagnosis, Progress

#: Families that a stacked analysis fits unless others are named.
STACKED_FAMILIES = ("weibull", "log-logistic", "log-normal", "long-tail")

#: Draws of a stacked fit: as many as the families can give in proportion, up to this number.
STACKED_DRAWS = 4000

_WORST_FIRST = ("FAIL", "REVIEW", "PASS")

#: Cohorts below which the weights are equal: so few cannot tell families apart.
LEAST_COHORTS = 4

#: As if the evidence of so many further cohorts were the same for every family.
EVEN_COHORTS = 1.0

#: Pareto k above which the predictive density of a cohort is not to be relied on.
HIGH_K = 0.7

_MOST_STEPS, _SMALL_STEP = 50_000, 1e-9  # of the search for the weights

CHOICE_COLUMNS = (
    *("endpoint", "family", "elpd", "se", "elpd_difference", "se_difference", "p_loo"),
    *("largest_k", "high_k", "weight"),
)


@dataclass(frozen=True)
class ModelChoice:
    """How well each family predicts the cohorts that it has not seen, and what follows."""

    table: pd.DataFrame = field(repr=False)
    """:data:`CHOICE_COLUMNS`, one row a family, the best first. ``elpd``: sum over the cohorts of
    the log predictive density; ``elpd_difference``: against the best; ``p_loo``: how far it falls
    short of the density with the cohort included; ``high_k``: number of cohorts whose Pareto k
    exceeds :data:`HIGH_K`."""
    weights: Mapping[str, float]
    """Name of a family -> stacking weight, in the order of the fits."""
    cohorts: int
    stacked: bool
    """Whether the weights were estimated; else there are too few cohorts and they are equal."""


def _of_any(name: str, words: str) -> property:
    """Property of a stacked fit that its fits have in common."""
    return property(lambda self: getattr(next(iter(self.fits.values())), name), doc=words)


@dataclass(frozen=True)
class StackedFit:
    """Fits of several families to the same observations, used as one :class:`PooledSurvival`."""

    fits: Mapping[str, SurvivalFit]
    """By the name of a family."""
    weights: Mapping[str, float]
    """By the name of a family, adding up to one."""
    rows: Mapping[str, np.ndarray] = field(repr=False)
    """Name of a family -> which of its draws are used, ``(draws,)``; a family without any has no
    entry."""

    data = _of_any("data", "Observations, the same for every family.")
    left_out = _of_any("left_out", "Cohorts that are not counted.")
    priors = _of_any("priors", "Priors of all families.")
    centre_share = _of_any("centre_share", "Share at which ``mu`` and the effects are stated.")
    variant = _of_any("variant", "What is taken otherwise than in every report.")
    seed = _of_any("seed", "Seed of the random numbers.")

    @property
    def family_weights(self) -> Mapping[str, float]:
        """Weight of each family by its name in running text."""
        return {fit.family.label: self.weights[name] for name, fit in self.fits.items()}

    @property
    def diagnosis(self) -> Diagnosis:
        """The worst diagnosis of the fits that are used."""
        used = [self.fits[name].diagnosis for name in self.rows]
        return min(used, key=lambda own: (_WORST_FIRST.index(own.verdict), -own.max_rhat))

    @cached_property
    def draw_family(self) -> np.ndarray:
        """Name of the family of each draw of :meth:`flat`."""
        return np.repeat(list(self.rows), [rows.size for rows in self.rows.values()])

    @cached_property
    def has_shape(self) -> np.ndarray:
        """One where the shape of a draw of :meth:`flat` is free, else zero."""
        free = {name: float(self.fits[name].family.has_shape) for name in self.rows}
        return np.array([free[name] for name in self.draw_family])

    def flat(self, name: str) -> np.ndarray:
        """Draws of a variable, family by family: ``(draws, ...)``."""
        parts = [self.fits[family].flat(name)[rows] for family, rows in self.rows.items()]
        return np.concatenate(parts)


def families_of(fit: PooledSurvival | ResponseFit) -> list[tuple[SurvivalFit | ResponseFit, float]]:
    """The fits of one family that a fit is made of, which may be itself, with their weights."""
    if isinstance(fit, StackedFit):
        return [(fit.fits[name], float(fit.weights[name])) for name in fit.rows]
    return [(fit, 1.0)]


def stack(
    fits: Mapping[str, SurvivalFit], weights: Mapping[str, float], *, draws: int = STACKED_DRAWS
) -> StackedFit:
    """Stack fits of several families to the same observations, by the name of the family.

    So many draws in all, taken evenly from the chains of each family; fewer where a family does
    not have enough for its weight. ValueError if the names differ, or the weights are not those of
    a mixture.
    """
    if set(fits) != set(weights):
        raise ValueError(
            f"weights: found those of {', '.join(sorted(weights)) or 'none'}, expected those of "
            f"{', '.join(sorted(fits)) or 'none'}: give each fitted family one weight"
        )
    values = np.array([weights[name] for name in fits], dtype=float)
    if (values < 0.0).any() or not np.isclose(values.sum(), 1.0):
        raise ValueError(
            f"weights: found {', '.join(f'{value:g}' for value in values)}, expected shares that "
            "are not negative and add up to one"
        )
    sizes = np.array([fit.flat("mu").size for fit in fits.values()])
    used = values > 0.0
    total = int(min(draws, np.floor(np.min(sizes[used] / values[used]))))
    # whole numbers in proportion to the weights: those with the largest remainders get one more
    exact = values * total
    counts = np.floor(exact + 1e-9).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    each = zip(fits, sizes, counts, strict=True)
    rows = {name: spaced(size, count) for name, size, count in each if count}
    return StackedFit(*(MappingProxyType(dict(own)) for own in (fits, weights, rows)))


# --- Choice --------------------------------------------------------------------------------------


def choose(
    fits: Mapping[str, SurvivalFit], *, draws: int = DRAWS, nodes: tuple[int, int] = NODES
) -> ModelChoice:
    """Compare families fitted to the same observations, by name, and weigh them.

    `draws` and `nodes` are those of :func:`~synthesis.left_out.cohort_log_likelihood`. ValueError
    if there is no fit, or the fits are not of the same observations.
    """
    if not fits:
        raise ValueError("no fit to compare: fit at least one family")
    first = next(iter(fits.values()))
    for name, fit in fits.items():
        if fit.data.cohorts != first.data.cohorts or fit.data.endpoint != first.data.endpoint:
            raise ValueError(
                f"the fit of {name} is of other cohorts than the first: families can be compared "
                "on the same observations only"
            )
    densities = {name: leave_one_out(fit, draws=draws, nodes=nodes) for name, fit in fits.items()}
    elpd = np.column_stack([own.elpd for own in densities.values()])
    stacked = len(elpd) >= LEAST_COHORTS
    values = stacking_weights(elpd) if stacked else np.full(len(fits), 1.0 / len(fits))
    weights = {name: float(value) for name, value in zip(fits, values, strict=True)}
    best = int(np.argmax(elpd.sum(axis=0)))
    away = elpd - elpd[:, [best]]
    table = pd.DataFrame(
        {
            "endpoint": first.data.endpoint,
            "family": [fit.family.label for fit in fits.values()],
            "elpd": [own.elpd.sum() for own in densities.values()],
            "se": [_standard_error(own.elpd) for own in densities.values()],
            "elpd_difference": [own.sum() for own in away.T],
            "se_difference": [_standard_error(own) for own in away.T],
            "p_loo": [own.p_loo for own in densities.values()],
            "largest_k": [own.pareto_k.max() for own in densities.values()],
            "high_k": [int(np.sum(own.pareto_k > HIGH_K)) for own in densities.values()],
            "weight": list(weights.values()),
        }
    )
    table = table.sort_values("elpd", ascending=False, kind="stable", ignore_index=True)
    return ModelChoice(table, weights, len(elpd), stacked)


def _standard_error(values: np.ndarray) -> float:
    """Standard error of a sum over cohorts; not a number for a single one."""
    return float(np.sqrt(values.size) * np.std(values, ddof=1)) if values.size > 1 else np.nan


def stacking_weights(densities: np.ndarray, even: float = EVEN_COHORTS) -> np.ndarray:
    r"""Weights of the mixture with the highest sum of log predictive densities.

    `densities` are ``(cohorts, families)``; `even` is the cohorts' worth of weight that is spread
    evenly, 0 for the sum alone. The weights, ``(families,)``, are not negative and add up to one;
    the sum is concave in them, so that there is one best value.
    """
    relative = np.exp(densities - densities.max(axis=1, keepdims=True))
    cohorts, families = relative.shape
    weights = np.full(families, 1.0 / families)
    for _ in range(_MOST_STEPS):
        # a step of the expectation-maximisation algorithm: it never lowers the sum
        responsible = weights * np.sum(relative / (relative @ weights)[:, None], axis=0)
        better = (responsible + even / families) / (cohorts + even)
        moved, weights = np.abs(better - weights).max(), better
        if moved < _SMALL_STEP:
            break
    return weights / weights.sum()


# --- Family by family ----------------------------------------------------------------------------


@dataclass(frozen=True)
class FamilyFits:
    """Fits of one endpoint under one or several survival families.

    By the name of the family; how well each predicts, ``None`` for one family alone; and what
    answers are read from: the only fit, or the stacked ones.
    """

    by_family: Mapping[str, SurvivalFit]
    choice: ModelChoice | None
    pooled: PooledSurvival


def fit_families(
    registry: Registry,
    endpoint: str,
    names: Iterable[str],
    options: Mapping[str, Any],
    progress: Progress | None = None,
) -> FamilyFits:
    """Fit an endpoint under each of the named families, and stack the fits if there are several.

    Options and errors are those of :func:`~synthesis.fits.fit_survival`.
    """
    fits = {}
    for name in names:
        told = {"family_name": name, "progress": at_stage(progress, f"{endpoint}, {name}: ")}
        fits[name] = fit_survival(registry, endpoint, **options, **told)
    by_family = MappingProxyType(fits)
    if len(fits) == 1:
        return FamilyFits(by_family, None, next(iter(fits.values())))
    if progress is not None:
        progress(f"{endpoint}: comparing families")
    choice = choose(fits)
    return FamilyFits(by_family, choice, stack(fits, choice.weights))
