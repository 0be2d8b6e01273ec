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
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Literal

import numpy as np
import pandas as pd

from studies.figures import ORIGIN, may_read_origin, reads
from studies.vocabulary import Vocabulary
from synthesis import left_out, numbers
from synthesis.estimands import cohort_labels, curve, histology_effect, patients_of
from synthesis.fits import PooledSurvival, SurvivalFit
from synthesis.model.observations import SurvivalData
from synthesis.model.sampler import Progress
from synthesis.numbers import capitalised, count, decimal, in_sentence, listed, written
from synthesis.questions.contrasts import WRITERS, treatments_of
from synthesis.result import Finding, names, table_of
from synthesis.stacking import HIGH_K, families_of

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

    ``draws`` gives of a fit of one family, or stacked, those of its logarithm, ``(draws,)``;
    ``needs`` is the treatment without whose cohorts the quantity is not known.
    """

    name: str
    label: str
    unit: Literal["ratio", "months"]
    draws: Callable[[PooledSurvival], np.ndarray] = field(repr=False)
    needs: str = ""


_PROGNOSTIC = Quantity("prognostic", "", "ratio", lambda own: own.flat("prognostic"))


def histology_quantities(fit: PooledSurvival, vocabulary: Vocabulary) -> list[Quantity]:
    """The prognostic effect, and effects under treatments whose histology some cohort tells."""
    whole = "ratio of medians of mixed to pure tumours under"
    quantities = [replace(_PROGNOSTIC, label=f"{whole} any treatment")]
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

    ``parts``: the fit of each family, which of its draws are used, and its weight in the stack.
    ``weights`` are of the draws of all parts, one after the other, ``(draws, cohorts)``, and each
    column adds up to one; ``usual``, ``(draws,)``, are those with every cohort. ``pareto_k``,
    ``(cohorts,)``, is the largest of the families, ``limit`` that above which the weights are not
    to be relied on.
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
    parts, columns, usual, worst = [], [], [], []
    families = families_of(fit)
    draws = draws or max(left_out.DRAWS, WEIGHTED // len(families))
    for own, stacked in families:
        if progress:
            progress(f"leaving cohorts out: {own.family.label}")
        rows = left_out.spaced(own.flat("mu").size, draws)
        without = left_out.leave_one_out(own, draws=draws)
        parts.append((own, rows, stacked))
        columns.append(stacked * without.weights)
        usual.append(np.full(rows.size, stacked / rows.size))
        worst.append(without.pareto_k)
    limit = reliable_below(min(rows.size for _, rows, _ in parts))
    weights = np.concatenate(columns), np.concatenate(usual), np.max(worst, axis=0)
    return CohortWeights(tuple(parts), *weights, limit)


ALTERNATIVE_COLUMNS = names("endpoint alternative estimate lower upper pareto_k reliable")

#: By what the SD of the prior of the effect of mixed histology is multiplied in an alternative.
PRIOR_FACTORS = {"prior half as wide": 0.5, "prior twice as wide": 2.0}


def alternatives_table(fit: PooledSurvival, weights: CohortWeights) -> pd.DataFrame:
    """Ratio of medians of mixed to pure tumours, any treatment, had one choice been another.

    Without each report that sets the two against each other, counted or for that contrast alone,
    with another prior, and with transformed tumours read as mixed, or no longer so:
    :data:`ALTERNATIVE_COLUMNS`, after a row of the answer itself and one of a new report. Ratios;
    the draws of `weights` are weighted, as for a cohort that is left out.
    """
    data, labels = fit.data, cohort_labels(fit.data.refs)
    telling = sorted({g.cohort for g in data.groups if data.of_both_histologies(g)})
    if not telling:
        return pd.DataFrame(columns=ALTERNATIVE_COLUMNS)
    counted = [j for j in telling if j < len(data.cohorts)]
    apart = telling[len(counted) :]  # counted for that contrast alone
    is_read, by_origin = reports_by_origin(data)
    parts = []
    for own, rows, stacked in weights.parts:
        taken_out = [_prior_ratio(own, rows, factor) for factor in PRIOR_FACTORS.values()]
        taken_out += [left_out.comparison_of_histologies(own, rows, j) for j in apart]
        if by_origin:
            added = sum(left_out.comparison_of_histologies(own, rows, j) for j in by_origin)
            taken_out.append(added if is_read else -added)
        part, k = left_out.without_each(np.column_stack(taken_out), own.draws)
        parts.append((stacked * part, k))
    moved, worst = np.concatenate([p for p, _ in parts]), np.max([k for _, k in parts], axis=0)
    columns = list(zip(moved.T, worst, strict=True))
    known = [(weights.weights[:, j], weights.pareto_k[j]) for j in counted]
    columns = [*columns[: len(PRIOR_FACTORS)], *known, *columns[len(PRIOR_FACTORS) :]]
    choices = [*PRIOR_FACTORS, *(f"without {labels[data.refs[j].id]}" for j in telling)]
    choices += [ORIGIN_NOT_READ if is_read else ORIGIN_READ] if by_origin else []
    whole, few = _PROGNOSTIC.draws(fit), weights.draws(_PROGNOSTIC)
    noise = np.random.default_rng([fit.seed, 19]).standard_normal(whole.size)
    new = whole + fit.flat("prognostic_sd") * noise
    usual = np.quantile(whole, _QUANTILES)
    base = weighted_quantiles(few, weights.usual, _QUANTILES)
    ends = {AS_ANSWERED: usual, NEW_REPORT: np.quantile(new, _QUANTILES)}
    rows = [(name, *np.exp(own).tolist(), 0.0, True) for name, own in ends.items()]
    for name, (weight, k) in zip(choices, columns, strict=True):
        values = np.exp(usual + weighted_quantiles(few, weight, _QUANTILES) - base).tolist()
        rows.append((name, *values, float(k), bool(k <= weights.limit)))
    return pd.DataFrame([(data.endpoint, *row) for row in rows], columns=ALTERNATIVE_COLUMNS)


AS_ANSWERED, NEW_REPORT = "as answered", "in a new report"
ORIGIN_READ = "transformed tumours read as mixed, de novo ones as pure"
ORIGIN_NOT_READ = "transformed tumours not read as mixed"
_OF_THEIR_OWN = (NEW_REPORT, ORIGIN_READ, ORIGIN_NOT_READ)


def reports_by_origin(data: SurvivalData) -> tuple[bool, list[int]]:
    """Whether origin is read as histology, and the places of reports whose origin is or may be."""
    by_origin = {
        data.groups[own.first].cohort
        for own in data.comparisons
        if own.printed and sorted(map(str.casefold, own.printed.groups)) == sorted(ORIGIN)
    }
    is_read = reads("origin", data.use_read_as)
    may = (j for j in by_origin if may_read_origin(data.refs[j].study))
    return is_read, sorted(may)


def _prior_ratio(fit: SurvivalFit, rows: np.ndarray, factor: float) -> np.ndarray:
    """Log of the prior of the effect over one so many times as wide, ``(draws,)``."""
    prior = fit.priors["histology_prognostic"]
    z = (fit.flat("prognostic")[rows] - prior.location) / prior.scale
    return -0.5 * z**2 * (1.0 - 1.0 / factor**2) + np.log(factor)


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
    tell = {data.refs[own.cohort].id for own in data.groups if own.share is not None}
    given = [ref.treatment for ref in data.cohorts]
    rows = []
    for quantity in quantities:
        whole, few = quantity.draws(fit), weights.draws(quantity)
        usual, sd = np.quantile(whole, _QUANTILES), float(np.std(whole))
        base = weighted_quantiles(few, weights.usual, _QUANTILES)
        own = []
        for ref, weight, k in zip(data.cohorts, weights.weights.T, weights.pareto_k, strict=True):
            moved = weighted_quantiles(few, weight, _QUANTILES) - base
            if ref.treatment == quantity.needs and given.count(ref.treatment) == 1:
                moved = np.full(3, np.nan)
            middle, low, high = usual + moved
            # noise must not carry an end past the median
            without = middle, np.fmin(low, middle), np.fmax(high, middle)
            shift = float(moved[0])
            cells = (
                *(data.endpoint, quantity.name, quantity.label, quantity.unit),
                *(ref.study.id, ref.cohort.id, labels[ref.id]),
                vocabulary.treatment(ref.treatment).label,
                *(sizes[ref.id], ref.id in tell),
                *np.exp([*usual, *without]).tolist(),
                *(shift, shift / sd if sd > 0.0 else 0.0, float(k), bool(k <= weights.limit)),
            )
            own.append((-abs(np.nan_to_num(shift)), cells))
        rows += [cells for _, cells in sorted(own, key=itemgetter(0))]
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
            ("Without it", "num", lambda row: written(row, WRITERS[row.unit], "without")),
            ("Moved, posterior SD", "num", lambda row: decimal(row.shift_in_sd, 2)),
            ("Pareto k", "num", doubt),
        ],
        note="By weighting the draws of the fit: nothing is fitted again.",
        group=lambda r: capitalised(r.label) + (", months" if r.unit == "months" else ""),
    )
    return Finding(heading, (), (moved,), folded=True)


def alternatives_range(table: pd.DataFrame) -> str:
    """Lowest and highest ratio of the answer and of every reliable other choice; empty if none."""
    sure = table[table["reliable"].astype(bool) & ~table["alternative"].isin(_OF_THEIR_OWN)]
    if len(sure) < 2:
        return ""
    return numbers.limits_of(sure["estimate"].min(), sure["estimate"].max(), numbers.ratio)


def alternatives_words(table: pd.DataFrame) -> tuple[str, ...]:
    """How far the ratio of mixed to pure tumours depends on what is believed, in a sentence."""
    if table.empty:
        return ()
    usual, new, *others = table.itertuples(index=False)
    unsure = [row.alternative for row in others if not row.reliable]
    tried = [row for row in others if row.alternative not in _OF_THEIR_OWN and row.reliable]
    choices = ""
    if over := alternatives_range(table):
        choices = (
            f", with estimates of {over} under {count(len(tried), 'other choice')}: without each "
            "report that sets the two against each other, and with another prior"
        )
    words = (
        f"The ratio of medians of mixed to pure tumours is {written(usual, numbers.ratio)}"
        f"{choices}. In a new report it would be {written(new, numbers.ratio)}."
    )
    for row in others:
        if row.alternative in _OF_THEIR_OWN and row.reliable:
            words += f" With {row.alternative} it would be {written(row, numbers.ratio)}."
    return (words + (f" Unreliable: {listed(unsure)}." if unsure else ""),)


def alternatives_finding(table: pd.DataFrame, heading: str) -> Finding:
    """The ratio of mixed to pure tumours under each of the other choices."""
    rows = table_of(
        "Mixed against pure tumours, any treatment, had one choice been another.",
        table.itertuples(index=False),
        [
            ("Choice", "keep", lambda row: capitalised(row.alternative)),
            ("Ratio of medians", "num", lambda row: written(row, numbers.ratio)),
            ("Pareto k", "num", lambda row: decimal(row.pareto_k, 2)),
        ],
        note="By weighting the draws of the fit: nothing is fitted again.",
    )
    return Finding(heading, (), (rows,), folded=True)
