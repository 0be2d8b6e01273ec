r"""Which published figures moved an answer: every cohort left out in turn, without refitting.

The posterior without cohort ``j`` has, over everything but the cohort's own effects, the density
:math:`p(\theta \mid y_{-j}) \propto p(\theta \mid y) / L_j(\theta)`, with the likelihood
:math:`L_j` of :mod:`synthesis.left_out`, in which these effects are integrated out. So the draws
of the fit, weighted by :math:`1/L_j`, are draws without the cohort. The largest weights are
smoothed by a generalised Pareto distribution; its shape k says how far they can be relied on
(Vehtari, Simpson, Gelman, Yao & Gabry 2024, JMLR 25(72):1-58): above
:math:`\min(1 - 1/\log_{10} S,\ 0.7)` for ``S`` draws only a refit would tell.

Where families are stacked, each has its own weights, and the families keep theirs. Only some of the
draws are weighted; an estimate without a cohort is that of all draws, moved by what the weights do
to those few, so that "instead of" is the number that every table shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import cohort_labels, curve, histology_effect, patients_of
from synthesis.fits import PooledSurvival, SurvivalFit
from synthesis.left_out import DRAWS, leave_one_out, spaced
from synthesis.model.sampler import Progress
from synthesis.numbers import capitalised, decimal, in_sentence, interval
from synthesis.questions.contrasts import WRITERS, treatments_of, written
from synthesis.result import Finding, names, table_of
from synthesis.stacking import HIGH_K, StackedFit

INFLUENCE_COLUMNS = names(
    "endpoint quantity label unit study cohort cohort_label treatment patients tells_histology "
    "estimate lower upper without without_lower without_upper shift shift_in_sd pareto_k reliable"
)

_QUANTILES = (0.5, 0.025, 0.975)

#: Draws that are weighted, over all families: the ends of an interval want more than its middle.
WEIGHTED = 2000


@dataclass(frozen=True)
class Quantity:
    """Something that an answer rests on; its label stands in running text, behind "the".

    Attributes
    ----------
    draws : callable
        Fit of one family, or stacked -> draws of its logarithm, ``(draws,)``.
    needs : str
        Treatment that must have another cohort for the quantity to be known without one.
    """

    name: str
    label: str
    unit: Literal["ratio", "months"]
    draws: Callable[[PooledSurvival], np.ndarray] = field(repr=False)
    needs: str = ""


def histology_quantities(fit: PooledSurvival, vocabulary: Vocabulary) -> list[Quantity]:
    """The prognostic effect, and effects under treatments whose histology some cohort tells."""
    whole = "ratio of medians of mixed to pure tumours under"
    quantities = [
        Quantity(
            "prognostic", f"{whole} any treatment", "ratio", lambda own: own.flat("prognostic")
        )
    ]
    told = {
        fit.data.cohorts[arm.cohort].treatment for arm in fit.data.arms if arm.share is not None
    }
    for group in treatments_of(fit, vocabulary):
        if group.cohorts[0].treatment in told:
            name = in_sentence(group.label)
            quantities += [
                Quantity(
                    f"predictive: {group.label}",
                    f"further ratio of mixed to pure tumours under {name}",
                    "ratio",
                    lambda own, g=group.group: own.flat("predictive")[:, g.treatment_index],
                ),
                Quantity(
                    f"mixed to pure: {group.label}",
                    f"{whole} {name}",
                    "ratio",
                    lambda own, g=group.group: histology_effect(own, g),
                ),
            ]
    return quantities


def median_quantities(fit: PooledSurvival, vocabulary: Vocabulary, share: float) -> list[Quantity]:
    """Median of the average study under each treatment, at a share of mixed histology."""
    return [
        Quantity(
            f"median: {group.label}",
            f"median under {in_sentence(group.label)}",
            "months",
            lambda own, g=group.group: np.log(curve(own, g, share, "mean_study").median),
            needs=group.cohorts[0].treatment,
        )
        for group in treatments_of(fit, vocabulary)
    ]


@dataclass(frozen=True)
class CohortWeights:
    """Draws of a fit, and their weights without each cohort.

    Attributes
    ----------
    parts : tuple of (SurvivalFit, ndarray, float)
        Fit of each family, which of its draws are used, and its weight in the stack.
    weights : ndarray, shape (draws, cohorts)
        Of the draws of all parts, one after the other; each column adds up to one.
    usual : ndarray, shape (draws,)
        Their weights with every cohort.
    pareto_k : ndarray, shape (cohorts,)
        The largest of the families.
    limit : float
        Pareto k above which the weights are not to be relied on.
    """

    parts: tuple[tuple[SurvivalFit, np.ndarray, float], ...]
    weights: np.ndarray = field(repr=False)
    usual: np.ndarray = field(repr=False)
    pareto_k: np.ndarray
    limit: float

    def draws(self, quantity: Quantity) -> np.ndarray:
        """Draws of a quantity that the weights belong to, ``(draws,)``."""
        return np.concatenate([quantity.draws(fit)[rows] for fit, rows, _ in self.parts])


def cohort_weights(
    fit: PooledSurvival,
    *,
    draws: int | None = None,
    progress: Progress | None = None,
) -> CohortWeights:
    """Weights of the draws of a fit without each of its cohorts.

    Of each family so many `draws` are weighted, or as many as give :data:`WEIGHTED` in all, but no
    fewer than leaving cohorts out takes elsewhere.
    """
    tell = progress or (lambda _: None)
    parts, columns, usual, worst = [], [], [], []
    families = [(fit, 1.0)]
    if isinstance(fit, StackedFit):
        families = [(fit.fits[name], float(fit.weights[name])) for name in fit.rows]
    draws = draws or max(DRAWS, WEIGHTED // len(families))
    for own, stacked in families:
        tell(f"leaving cohorts out: {own.family.label}")
        rows = spaced(own.flat("mu").size, draws)
        without = leave_one_out(own, draws=draws)
        parts.append((own, rows, stacked))
        columns.append(stacked * without.weights)
        usual.append(np.full(rows.size, stacked / rows.size))
        worst.append(without.pareto_k)
    size = min(rows.size for _, rows, _ in parts)
    return CohortWeights(
        tuple(parts),
        np.concatenate(columns),
        np.concatenate(usual),
        np.max(worst, axis=0),
        reliable_below(size),
    )


def reliable_below(draws: int) -> float:
    """Pareto k up to which weights of so many draws can be relied on."""
    return float(min(1.0 - 1.0 / np.log10(max(draws, 2)), HIGH_K))


def influence_table(
    fit: PooledSurvival,
    quantities: Sequence[Quantity],
    vocabulary: Vocabulary,
    weights: CohortWeights,
) -> pd.DataFrame:
    """Each quantity with every cohort left out in turn: :data:`INFLUENCE_COLUMNS`.

    By quantity, cohorts that move it most first. Ratios or months; ``shift`` is the change of the
    log of the posterior median when the cohort is left out. Without its only cohort a treatment has
    no median: missing values. `weights` are those of the same fit.
    """
    data, labels, sizes = fit.data, cohort_labels(fit.data.cohorts), patients_of(fit)
    tell = {data.cohorts[arm.cohort].id for arm in data.arms if arm.share is not None}
    given = [ref.treatment for ref in data.cohorts]
    rows = []
    for quantity in quantities:
        whole, few = quantity.draws(fit), weights.draws(quantity)
        usual, sd = np.quantile(whole, _QUANTILES), float(np.std(whole))
        base = weighted_quantiles(few, weights.usual, _QUANTILES)
        own = []
        for number, ref in enumerate(data.cohorts):
            moved = weighted_quantiles(few, weights.weights[:, number], _QUANTILES) - base
            if ref.treatment == quantity.needs and given.count(ref.treatment) == 1:
                moved = np.full(3, np.nan)
            middle, low, high = usual + moved
            # noise must not carry an end past the median
            without = middle, np.fmin(low, middle), np.fmax(high, middle)
            shift, k = float(moved[0]), float(weights.pareto_k[number])
            cells = (
                *(data.endpoint, quantity.name, quantity.label, quantity.unit),
                *(ref.study.id, ref.cohort.id, labels[ref.id]),
                vocabulary.treatment(ref.treatment).label,
                *(sizes[ref.id], ref.id in tell),
                *np.exp(usual).tolist(),
                *np.exp(without).tolist(),
                *(shift, shift / sd if sd > 0.0 else 0.0, k, k <= weights.limit),
            )
            own.append((-abs(np.nan_to_num(shift)), cells))
        rows += [cells for _, cells in sorted(own, key=lambda each: each[0])]
    return pd.DataFrame(rows, columns=INFLUENCE_COLUMNS)


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, p: Sequence[float]) -> np.ndarray:
    """Quantiles of weighted draws, of which the weights are not negative and not all zero.

    Each draw stands in the middle of its own weight; between draws the quantile is linear.
    """
    order = np.argsort(values, kind="stable")
    weight = weights[order] / weights.sum()
    reached = np.cumsum(weight) - 0.5 * weight
    return np.interp(p, reached, values[order])


# --- In words ------------------------------------------------------------------------------------


def finding(table: pd.DataFrame, heading: str, most: int = 6) -> Finding:
    """The cohorts that move each quantity of an endpoint most, so many of each."""

    def without(row: Any) -> str:
        limits = row.without, row.without_lower, row.without_upper
        return interval(*limits, WRITERS[row.unit])

    def doubt(row: Any) -> str:
        return f"{decimal(row.pareto_k, 2)}{'' if row.reliable else ' (unreliable)'}"

    moved = table_of(
        "Without each of the cohorts that move it most.",
        table.groupby("quantity", sort=False).head(most).itertuples(index=False),
        [
            ("Left out", "keep", lambda row: row.cohort_label),
            ("Treatment", "", lambda row: row.treatment),
            ("Patients", "num", lambda row: row.patients),
            ("With every cohort", "num", lambda row: written(row, WRITERS[row.unit])),
            ("Without it", "num", without),
            ("Moved, posterior SD", "num", lambda row: decimal(row.shift_in_sd, 2)),
            ("Pareto k", "num", doubt),
        ],
        note="By weighting the draws of the fit: nothing is fitted again.",
        group=lambda r: capitalised(r.label) + (", months" if r.unit == "months" else ""),
    )
    return Finding(heading, (), (moved,), folded=True)
