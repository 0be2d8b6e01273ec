r"""A plain random-effects meta-analysis of effects or proportions, by quadrature.

Effects with standard errors are normal about their studies' own, :math:`y_i \sim N(\theta_i,
s_i^2)`; counts are binomial, :math:`r_i \sim \mathrm{Bin}(n_i, \mathrm{logit}^{-1} \theta_i)`. In
both :math:`\theta_i \sim N(\mu, \tau^2)` with a half-normal prior of :math:`\tau` (Röver 2020, doi
10.18637/jss.v093.i06). The prior of :math:`\mu` is flat for effects and N(0, 2²) on the logit scale
for counts. Nothing is sampled: with :math:`\tau` on a grid the normal posterior is a mixture of
normals; the binomial one is summed over :math:`\mu`, :math:`\tau` and :math:`\theta_i`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.interpolate import CubicSpline
from scipy.special import ndtr, xlogy

from studies.arms import Row, read_csv_table
from studies.problems import Problem, RegistryError, show
from synthesis import numbers
from synthesis.numbers import LEVEL
from synthesis.plots.pool import KINDS, plot_pool, two_digits
from synthesis.result import Finding, Picture, Result, names, table_of

__all__ = ["Effects", "Pool", "pool", "read_effects", "result"]

POOL_COLUMNS = names(
    "kind label reported reported_lower reported_upper estimate lower upper mean sd"
)
#: Scale of the half-normal prior of the SD between studies, for log ratios and log odds.
TAU_SCALE = 0.5
#: SD of the prior of the mean log odds.
LOGIT_SCALE = 2.0
MOST_STUDIES = 1000

_QUANTILES = (0.5, 0.025, 0.975)
_Z = float(stats.norm.ppf(0.975))
# Points of the grids; the largest SD between studies, in scales of its prior.
_TAUS, _FINE, _LARGEST = 600, 5001, 6.0
_COARSE, _FINER, _STEPS = 81, 101, 1201


@dataclass(frozen=True)
class Effects:
    """What is pooled: estimates with standard errors, or events among patients.

    Attributes
    ----------
    labels : sequence of str
    estimate, error : ndarray, shape (studies,)
        Of counts: events and patients.
    scale : {"difference", "ratio", "proportion"}
        Estimates of ratios are their logarithms.
    """

    labels: Sequence[str]
    estimate: np.ndarray
    error: np.ndarray
    scale: str = "difference"

    def natural(self, value: Any) -> Any:
        """A value of the model as a reader sees it."""
        if self.scale == "proportion":
            return 1.0 / (1.0 + np.exp(-np.asarray(value)))
        return np.exp(value) if self.scale == "ratio" else value


@dataclass(frozen=True)
class Pool:
    """The posterior: a row a study, then the mean, a new study, and the SD between studies.

    Attributes
    ----------
    table : DataFrame
        :data:`POOL_COLUMNS`; ``kind`` is study, mean, new_study or sd. Estimates are medians with
        the 95 % interval, as a reader sees them (ratios, fractions of one), the SD on the scale of
        the model; ``mean`` and ``sd`` are of the scale of the model.
    """

    effects: Effects
    tau_scale: float
    table: pd.DataFrame = field(repr=False)


# --- In ------------------------------------------------------------------------------------------


def read_effects(text: str, name: str, scale: str = "difference") -> Effects:
    """Read a table (CSV) of the columns study, estimate, standard_error, or study, events, n.

    `name` is that of the file; estimates of the scale ratio are logarithms.

    Raises
    ------
    RegistryError
        With every cell that cannot be used, by row and column.
    """
    columns, rows = read_csv_table(text, name)
    kinds = ("estimate", "standard_error"), ("events", "n")
    own = next((kind for kind in kinds if {"study", *kind} <= set(columns)), None)
    if own is None or not 2 <= len(rows) <= MOST_STUDIES:
        found = show(", ".join(columns)) if own is None else numbers.count(len(rows), "row")
        expected = (
            f"the columns study, {', '.join(kinds[0])} or study, {', '.join(kinds[1])}, and 2 to "
            f"{MOST_STUDIES:,} rows"
        )
        raise RegistryError([Problem(name, "", found, expected, "mend the table", 1)])
    problems: list[Problem] = []
    values = np.array([[_number(row, column, problems) for column in own] for row in rows])
    for row, (first, second) in zip(rows, values, strict=True):
        problems += _impossible(row, own, first, second)
    if problems:
        raise RegistryError(problems)
    labels = [row.text("study") or f"row {row.number}" for row in rows]
    return Effects(labels, *values.T, "proportion" if own == kinds[1] else scale)


def _number(row: Row, column: str, problems: list[Problem]) -> float:
    text = row.text(column)
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        action = "write it with a decimal point"
        problems.append(row.problem(column, show(text), "a number", action))
    return value


def _impossible(row: Row, own: tuple[str, str], first: float, second: float) -> list[Problem]:
    if own[0] == "events":
        if first % 1 or second % 1 or not 0 <= first <= second or second < 1:
            found, expected = f"{first:g} of {second:g}", "whole numbers, events at most n"
            return [row.problem("events", found, expected, "check both against the report")]
    elif second <= 0:
        expected = "a standard error above 0"
        action = "of a 95 % interval it is the width on this scale over 3.92"
        return [row.problem(own[1], f"{second:g}", expected, action)]
    return []


# --- The posterior -------------------------------------------------------------------------------


def pool(effects: Effects, tau_scale: float = TAU_SCALE) -> Pool:
    """Pool effects or proportions.

    Parameters
    ----------
    effects : Effects
    tau_scale : float
        Scale of the half-normal prior of the SD between studies.
    """
    is_count = effects.scale == "proportion"
    every = (_of_counts if is_count else _of_effects)(effects, tau_scale)
    rows = []
    for (kind, label), density in every.items():
        ends = density.quantiles if kind == "sd" else effects.natural(density.quantiles)
        own = _reported(effects, len(rows)) if kind == "study" else (np.nan,) * 3
        rows.append((kind, label, *own, *ends, density.mean, density.sd))
    return Pool(effects, tau_scale, pd.DataFrame(rows, columns=POOL_COLUMNS))


def _reported(effects: Effects, place: int) -> tuple[float, ...]:
    """Estimate and 95 % interval of a study alone; of a proportion that of Clopper and Pearson."""
    first, second = effects.estimate[place], effects.error[place]
    if effects.scale == "proportion":
        found = stats.binomtest(int(first), int(second)).proportion_ci(0.95, method="exact")
        return first / second, found.low, found.high
    return tuple(effects.natural(first + np.array([0.0, -_Z, _Z]) * second).tolist())


@dataclass(frozen=True)
class _Density:
    """What is told of a posterior."""

    mean: float
    sd: float
    quantiles: np.ndarray

    @classmethod
    def of_normals(cls, weight: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> _Density:
        """A mixture of normals, all of shape (components,)."""
        kept = weight > 1e-12 * weight.max()
        weight, mean, sd = weight[kept] / weight[kept].sum(), mean[kept], sd[kept]
        middle = float(weight @ mean)
        variance = float(weight @ (sd**2 + (mean - middle) ** 2))
        edges = np.linspace((mean - 8.0 * sd).min(), (mean + 8.0 * sd).max(), _FINE)
        below = ndtr((edges[:, None] - mean) / sd) @ weight
        return cls(middle, variance**0.5, np.interp(_QUANTILES, below, edges))

    @classmethod
    def of_cells(cls, middle: np.ndarray, mass: np.ndarray) -> _Density:
        """Masses of cells of one width about their middles: a spline of their logarithms."""
        kept = np.flatnonzero(mass > 1e-12 * mass.max())
        middle, mass = (own[kept[0] : kept[-1] + 1] for own in (middle, mass))
        half = 0.5 * (middle[1] - middle[0])
        fine = _cells(middle[0] - half, middle[-1] + half, _FINE)
        share = np.exp(CubicSpline(middle, np.log(mass / mass.max()))(fine))
        share /= share.sum()
        mean = float(share @ fine)
        sd = float(np.sqrt(share @ (fine - mean) ** 2))
        ends = fine + 0.5 * (fine[1] - fine[0])
        return cls(mean, sd, np.interp(_QUANTILES, np.cumsum(share), ends))


Densities = Mapping[tuple[str, str], _Density]


def _cells(lower: float, upper: float, number: int) -> np.ndarray:
    width = (upper - lower) / number
    return lower + width * (np.arange(number) + 0.5)


def _of_effects(effects: Effects, tau_scale: float) -> Densities:
    y, s = effects.estimate, effects.error
    tau = _cells(0.0, _LARGEST * tau_scale, _TAUS)[:, None]
    weight = 1.0 / (s**2 + tau**2)
    variance = 1.0 / weight.sum(axis=1)
    mean = variance * (weight @ y)
    log_p = 0.5 * np.log(weight).sum(axis=1) + 0.5 * np.log(variance)
    log_p -= 0.5 * (weight * (y - mean[:, None]) ** 2).sum(axis=1)
    log_p += stats.norm.logpdf(tau[:, 0], scale=tau_scale)
    mass = np.exp(log_p - log_p.max())
    kept = s**2 * weight  # how much of a study's own effect comes from the mean
    centre = kept * mean[:, None] + (1.0 - kept) * y
    spread = np.sqrt(tau**2 * kept + kept**2 * variance[:, None])
    each = {
        ("study", label): _Density.of_normals(mass, centre[:, i], spread[:, i])
        for i, label in enumerate(effects.labels)
    }
    new = np.sqrt(variance + tau[:, 0] ** 2)
    return each | {
        ("mean", "Mean"): _Density.of_normals(mass, mean, np.sqrt(variance)),
        ("new_study", "New study"): _Density.of_normals(mass, mean, new),
        ("sd", "SD between studies"): _Density.of_cells(tau[:, 0], mass),
    }


def _of_counts(effects: Effects, tau_scale: float) -> Densities:
    r, n = effects.estimate, effects.error
    mu = _cells(-4.0 * LOGIT_SCALE, 4.0 * LOGIT_SCALE, _COARSE)
    tau = _cells(0.0, _LARGEST * tau_scale, _COARSE)
    joint = _joint(mu, tau, tau_scale, _Cells(mu, tau, r, n))[0]
    # once more where the mass is
    mu = _cells(*_where(mu, joint.sum(axis=0)), _FINER)
    tau = _cells(*_where(tau, joint.sum(axis=1)), _FINER)
    cells = _Cells(mu, tau, r, n)
    joint, of_study = _joint(mu, tau, tau_scale, cells)
    others = joint[..., None] / np.maximum(of_study, 1e-300)
    new, each = np.zeros(len(cells.theta)), np.zeros((len(cells.theta), len(r)))
    for place, own in enumerate(tau):
        about = cells.about(mu, own)
        new += joint[place] @ about
        each += about.T @ others[place]
    # both vary within a cell: its mass of the product of prior and likelihood
    slope = np.gradient(each, axis=0) * np.diff(cells.ends, axis=0) / 12.0
    each = each * (cells.ends[:-1] + 4.0 * cells.inside + cells.ends[1:]) / 6.0 + slope
    shown = {
        ("study", label): _Density.of_cells(cells.theta, _at_middle(each[:, i]))
        for i, label in enumerate(effects.labels)
    }
    return shown | {
        ("mean", "Mean"): _Density.of_cells(mu, joint.sum(axis=0)),
        ("new_study", "New study"): _Density.of_cells(cells.theta, _at_middle(new)),
        ("sd", "SD between studies"): _Density.of_cells(tau, joint.sum(axis=1)),
    }


class _Cells:
    """Cells of the log odds of a study, with the likelihood of each study at ends and middle."""

    def __init__(self, mu: np.ndarray, tau: np.ndarray, r: np.ndarray, n: np.ndarray) -> None:
        beyond = 5.0 * tau[-1]
        self.theta = _cells(mu[0] - beyond, mu[-1] + beyond, _STEPS)
        half = 0.5 * (self.theta[1] - self.theta[0])
        self.edges = np.append(self.theta - half, self.theta[-1] + half)
        self.ends, self.inside = (_likelihood(own, r, n) for own in (self.edges, self.theta))

    def about(self, mu: np.ndarray, tau: float) -> np.ndarray:
        """Mass of a normal of SD `tau` in each cell, (means, cells)."""
        return np.diff(ndtr((self.edges - mu[:, None]) / tau), axis=1)


def _joint(
    mu: np.ndarray, tau: np.ndarray, tau_scale: float, cells: _Cells
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior of mean and SD, (tau, mu), and the likelihood of each study, (tau, mu, studies)."""
    # to the fourth order in the width of a cell
    likelihood = np.maximum(8.0 * cells.inside - cells.ends[:-1] - cells.ends[1:], 0.0) / 6.0
    of_study = np.stack([cells.about(mu, own) @ likelihood for own in tau])
    log_p = np.log(np.maximum(of_study, 1e-300)).sum(axis=2)
    log_p += stats.norm.logpdf(mu, scale=LOGIT_SCALE) + stats.norm.logpdf(tau / tau_scale)[:, None]
    return np.exp(log_p - log_p.max()), of_study


def _where(middle: np.ndarray, mass: np.ndarray) -> tuple[float, float]:
    """The ends of the cells that hold all but next to nothing."""
    kept = np.flatnonzero(mass > 1e-10 * mass.max())
    half = 0.5 * (middle[1] - middle[0])
    return float(middle[kept[0]] - half), float(middle[kept[-1]] + half)


def _at_middle(mass: np.ndarray) -> np.ndarray:
    """Density at the middle of cells, times their width, of the masses that they hold."""
    return np.maximum(mass - np.gradient(np.gradient(mass)) / 24.0, 0.0)


def _likelihood(theta: np.ndarray, r: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Binomial likelihood over its largest value, (log odds, studies)."""
    rate = r / n
    most = xlogy(r, rate) + xlogy(n - r, 1.0 - rate)
    log_p = np.outer(np.logaddexp(0.0, -theta), -r) - np.outer(np.logaddexp(0.0, theta), n - r)
    return np.exp(log_p - most)


# --- In words ------------------------------------------------------------------------------------


def result(answer: Pool) -> Result:
    """Say what was pooled."""
    table, scale = answer.table, answer.effects.scale
    write = KINDS[scale].write

    def told(row: Any, name: str = "") -> str:
        ends = (name, f"{name}_lower", f"{name}_upper") if name else ("estimate", "lower", "upper")
        return numbers.interval(*(getattr(row, end) for end in ends), write)

    studies = [row for row in table.itertuples() if row.kind == "study"]
    mean, new, spread = (row for row in table.itertuples() if row.kind != "study")
    written = numbers.interval(spread.estimate, spread.lower, spread.upper, two_digits)
    on = {"difference": "of the estimates", "ratio": "of log ratios"}.get(scale, "of log odds")
    unit = " %" if scale == "proportion" else ""
    sentences = (
        f"The mean of {numbers.count(len(studies), 'study')} is {told(mean)}{unit}, and a new "
        f"study would lie at {told(new)}{unit}.",
        f"The SD between studies {on} is {written}, with a half-normal prior of scale "
        f"{answer.tau_scale:g}.",
    )
    shown = table_of(
        "Studies.",
        studies,
        [
            ("Study", "keep", lambda row: row.label),
            (f"As reported ({LEVEL})", "num", lambda row: told(row, "reported")),
            (f"Given the others ({LEVEL})", "num", told),
        ],
        note="Per cent." if unit else "",
    )
    picture = Picture(
        "pool",
        "Random-effects meta-analysis",
        f"Reported estimates, and what they are given the others, with {LEVEL} intervals. "
        + " ".join(sentences),
        plot_pool,
        {"table": table, "scale": scale},
        alt=sentences[0],
    )
    finding = Finding("Pooled", sentences, (shown,), (picture,))
    lead = "Studies are taken to differ at random: normal effects about one mean, by quadrature."
    return Result("pool", "Random-effects meta-analysis", (lead,), (finding,), {"pool": table})
