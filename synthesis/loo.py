r"""Choosing between survival families: leave-one-cohort-out predictive densities and stacking.

The predictive density of a cohort given all others is estimated from the draws of the whole fit by
Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry 2017, doi 10.1007/s11222-016-9696-4)
of the likelihoods of :mod:`synthesis.integrated`. The weights of the families are those of the
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
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
from arviz import from_dict, loo

from synthesis.integrated import DRAWS, NODES, cohort_log_likelihood
from synthesis.models import SurvivalFit

#: Cohorts below which the weights are equal: so few cannot tell families apart.
LEAST_COHORTS = 4

#: As if the evidence of so many further cohorts were the same for every family.
EVEN_COHORTS = 1.0

#: Pareto k above which the predictive density of a cohort is not to be relied on.
HIGH_K = 0.7

# Draws from which on the largest weights can be smoothed.
_LEAST_DRAWS = 25

_MOST_STEPS, _SMALL_STEP = 50_000, 1e-9  # of the search for the weights

CHOICE_COLUMNS = (
    "endpoint",
    "family",
    "elpd",
    "se",
    "elpd_difference",
    "se_difference",
    "p_loo",
    "largest_k",
    "high_k",
    "weight",
)


@dataclass(frozen=True)
class ModelChoice:
    """How well each family predicts the cohorts that it has not seen, and what follows.

    Attributes
    ----------
    table : DataFrame
        :data:`CHOICE_COLUMNS`, one row a family, the best first. ``elpd``: sum over the cohorts of
        the log predictive density; ``elpd_difference``: against the best; ``p_loo``: how far it
        falls short of the density with the cohort included; ``high_k``: number of cohorts whose
        Pareto k exceeds :data:`HIGH_K`.
    pointwise : DataFrame
        Log predictive density, one row a cohort, one column a family.
    weights : mapping
        Name of a family -> stacking weight; in the order of the fits.
    cohorts : int
    stacked : bool
        Whether the weights were estimated; else there are too few cohorts and they are equal.
    log_likelihood : mapping
        Name of a family -> log likelihood of each cohort with its own effects integrated out,
        ``(draws, cohorts)``: it takes seconds a family, and other answers rest on it too.
    """

    table: pd.DataFrame
    pointwise: pd.DataFrame = field(repr=False)
    weights: Mapping[str, float]
    cohorts: int
    stacked: bool
    log_likelihood: Mapping[str, np.ndarray] = field(
        default_factory=lambda: MappingProxyType({}), repr=False
    )


@dataclass(frozen=True)
class LeftOutDensities:
    """Predictive densities of one fit.

    Attributes
    ----------
    elpd : ndarray, shape (cohorts,)
        Log predictive density of each cohort given all others.
    pareto_k : ndarray, shape (cohorts,)
        Infinite where there are too few draws to tell.
    p_loo : float
    log_likelihood : ndarray, shape (draws, cohorts)
        From :func:`~synthesis.integrated.cohort_log_likelihood`.
    """

    elpd: np.ndarray
    pareto_k: np.ndarray
    p_loo: float
    log_likelihood: np.ndarray = field(repr=False)


def leave_one_out(
    fit: SurvivalFit, *, draws: int = DRAWS, nodes: tuple[int, int] = NODES
) -> LeftOutDensities:
    """Log predictive density of each cohort of a fit given all others.

    Parameters
    ----------
    fit, draws, nodes
        As in :func:`~synthesis.integrated.cohort_log_likelihood`.
    """
    values = cohort_log_likelihood(fit, draws=draws, nodes=nodes)
    if len(values) < _LEAST_DRAWS:  # too few for a tail: their weights stay as they are
        found = -_log_mean(-values)
        shortfall = float(np.sum(_log_mean(values) - found))
        return LeftOutDensities(found, np.full(found.size, np.inf), shortfall, values)
    names = [ref.id for ref in fit.data.cohorts]
    tree = from_dict(
        {"log_likelihood": {"cohort_figures": values[None]}},
        dims={"cohort_figures": ["cohort"]},
        coords={"cohort": names},
    )
    with warnings.catch_warnings():
        # a high Pareto k is told in the table, and one cohort has no standard error
        warnings.simplefilter("ignore")
        found = loo(tree, pointwise=True, reff=1.0)
    return LeftOutDensities(
        np.asarray(found.elpd_i.to_numpy(), dtype=float),
        np.asarray(found.pareto_k.to_numpy(), dtype=float),
        float(found.p),
        values,
    )


def _log_mean(values: np.ndarray) -> np.ndarray:
    """Log of the mean of exponentials over the draws."""
    peak = values.max(axis=0)
    return peak + np.log(np.exp(values - peak).mean(axis=0))


def choose(
    fits: Mapping[str, SurvivalFit], *, draws: int = DRAWS, nodes: tuple[int, int] = NODES
) -> ModelChoice:
    """Compare families fitted to the same observations, and weigh them.

    Parameters
    ----------
    fits : mapping
        Name of a family -> fit.
    draws, nodes
        As in :func:`~synthesis.integrated.cohort_log_likelihood`.

    Raises
    ------
    ValueError
        If there is no fit, or the fits are not of the same observations.
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
    found = {name: leave_one_out(fit, draws=draws, nodes=nodes) for name, fit in fits.items()}
    densities = np.column_stack([item.elpd for item in found.values()])
    cohorts = len(densities)
    stacked = cohorts >= LEAST_COHORTS
    values = stacking_weights(densities) if stacked else np.full(len(fits), 1.0 / len(fits))
    weights = dict(zip(fits, (float(value) for value in values), strict=True))
    best = int(np.argmax(densities.sum(axis=0)))
    rows = []
    for number, (name, item) in enumerate(found.items()):
        away = densities[:, number] - densities[:, best]
        rows.append(
            {
                "endpoint": first.data.endpoint,
                "family": fits[name].family.label,
                "elpd": item.elpd.sum(),
                "se": _standard_error(item.elpd),
                "elpd_difference": away.sum(),
                "se_difference": _standard_error(away),
                "p_loo": item.p_loo,
                "largest_k": item.pareto_k.max(),
                "high_k": int(np.sum(item.pareto_k > HIGH_K)),
                "weight": weights[name],
            }
        )
    table = pd.DataFrame(rows, columns=list(CHOICE_COLUMNS))
    table = table.sort_values("elpd", ascending=False, kind="stable").reset_index(drop=True)
    names = [ref.id for ref in first.data.cohorts]
    pointwise = pd.DataFrame(densities, index=pd.Index(names, name="cohort"), columns=list(fits))
    known = MappingProxyType({name: item.log_likelihood for name, item in found.items()})
    return ModelChoice(table, pointwise, MappingProxyType(weights), cohorts, stacked, known)


def _standard_error(values: np.ndarray) -> float:
    """Standard error of a sum over cohorts; not a number for a single one."""
    return float(np.sqrt(values.size) * np.std(values, ddof=1)) if values.size > 1 else np.nan


def stacking_weights(densities: np.ndarray, even: float = EVEN_COHORTS) -> np.ndarray:
    r"""Weights of the mixture with the highest sum of log predictive densities.

    Parameters
    ----------
    densities : ndarray, shape (cohorts, families)
        Log predictive densities.
    even : float
        Cohorts' worth of weight that is spread evenly; 0 for the sum alone.

    Returns
    -------
    ndarray, shape (families,)
        Not negative, adding up to one. The sum is concave in them: there is one best value.
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
