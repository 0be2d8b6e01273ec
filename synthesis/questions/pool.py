r"""A plain random-effects meta-analysis of effects or proportions, by quadrature.

Effects with standard errors are normal about their studies' own, :math:`y_i \sim N(\theta_i,
s_i^2)`; counts are binomial, :math:`r_i \sim \mathrm{Bin}(n_i, \mathrm{logit}^{-1} \theta_i)`. In
both :math:`\theta_i \sim N(\mu, \tau^2)` with a half-normal prior of :math:`\tau` (Röver 2020, doi
10.18637/jss.v093.i06). The prior of :math:`\mu` is flat for effects and N(0, 2²) on the logit scale
for counts. Nothing is sampled: with :math:`\tau` on a grid the normal posterior is a mixture of
normals; the binomial one is summed over :math:`\mu`, :math:`\tau` and :math:`\theta_i`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats
from scipy.interpolate import CubicSpline
from scipy.special import ndtr, xlogy

from studies.arms import Row, read_csv_table
from studies.problems import Problem, RegistryError, show
from synthesis import numbers
from synthesis.numbers import LEVEL, written
from synthesis.plots.pool import KINDS, plot_pool, two_digits
from synthesis.result import Finding, Picture, Result, names, table_of

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
# Points of the grids; the largest SD between studies, in scales of its prior; cells of log odds.
_TAUS, _FINE, _LARGEST = 600, 4001, 6.0
_TAUS_OF_COUNTS, _MUS, _LEAST_STEPS, _MOST_STEPS = 81, 121, 800, 20_000


@dataclass(frozen=True)
class Effects:
    """What is pooled: estimates with standard errors, or events among patients.

    No two labels are alike; ``estimate`` and ``error`` are ``(studies,)``, of counts (the scale
    proportion) events and patients, of ratios those of their logarithms.
    """

    labels: Sequence[str]
    estimate: np.ndarray
    error: np.ndarray
    scale: Literal["difference", "ratio", "proportion"] = "difference"

    def natural(self, value: Any) -> Any:
        """A value of the model as a reader sees it."""
        if self.scale == "proportion":
            return 1.0 / (1.0 + np.exp(-np.asarray(value)))
        return np.exp(value) if self.scale == "ratio" else value


@dataclass(frozen=True)
class Pool:
    """The posterior: a row a study, then the mean, a new study, and the SD between studies.

    The table has :data:`POOL_COLUMNS`; ``kind`` is study, mean, new_study or sd. Estimates are
    medians with the 95 % interval, as a reader sees them (ratios, fractions of one), the SD on the
    scale of the model; ``mean`` and ``sd`` are of the scale of the model.
    """

    effects: Effects
    tau_scale: float
    table: pd.DataFrame = field(repr=False)


# --- In ------------------------------------------------------------------------------------------


def read_effects(text: str, name: str, scale: str = "difference") -> Effects:
    """Read a table (CSV) of the columns study, estimate, standard_error, or study, events, n.

    `name` is that of the file; estimates of the scale ratio are logarithms. RegistryError with
    every cell that cannot be used, by row and column.
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
    labels = [row.text("study") or f"row {row.number}" for row in rows]
    for row, label in zip(rows, labels, strict=True):
        if labels.count(label) > 1:
            action = "name each study once, as 2020a and 2020b"
            problems.append(row.problem("study", show(label), "a name that no other has", action))
    if not problems and own == kinds[1] and _steps(*_logits(*values.T))[2] > _MOST_STEPS:
        found = f"studies of {values[:, 1].min():,.0f} to {values[:, 1].max():,.0f} patients"
        action = "give log odds with their standard errors (estimate, standard_error)"
        problems.append(Problem(name, "column n", found, "sizes less far apart", action, 1))
    if problems:
        raise RegistryError(problems)
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
    """Pool effects or proportions; `tau_scale`: of the half-normal prior of the SD between them."""
    is_count = effects.scale == "proportion"
    studies, others = (_of_counts if is_count else _of_effects)(effects, tau_scale)
    named = [("study", label, own) for label, own in zip(effects.labels, studies, strict=True)]
    rows = []
    for kind, label, density in [*named, *others]:
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
        kept = weight > 1e-9 * weight.max()
        weight, mean, sd = weight[kept] / weight[kept].sum(), mean[kept], sd[kept]
        middle = float(weight @ mean)
        variance = float(weight @ (sd**2 + (mean - middle) ** 2))
        ends = (mean - 8.0 * sd).min(), (mean + 8.0 * sd).max()
        for _ in range(2):  # once more where the mass is
            edges = np.linspace(*ends, _FINE)
            below = ndtr((edges[:, None] - mean) / sd) @ weight
            ends = np.interp([1e-4, 1.0 - 1e-4], below, edges)
        return cls(middle, variance**0.5, np.interp(_QUANTILES, below, edges))

    @classmethod
    def of_cells(
        cls,
        middle: np.ndarray,
        mass: np.ndarray,
        natural: Callable[[np.ndarray], np.ndarray] = lambda value: value,
    ) -> _Density:
        """Masses of even cells about their middles; a mixture of such, (..., cells).

        `natural` takes the coordinate of the cells to what is told.
        """
        parts = [
            (own[kept], np.log(part[kept] / mass.max()), own[1] - own[0])
            for own, part in zip(np.atleast_2d(middle), np.atleast_2d(mass), strict=True)
            if np.count_nonzero(kept := part > 1e-12 * mass.max()) > 3
        ]
        lower = min(own[0] - 0.5 * width for own, _, width in parts)
        upper = max(own[-1] + 0.5 * width for own, _, width in parts)
        fine, density = _cells(lower, upper, _FINE), np.zeros(_FINE)
        for own, log_p, width in parts:
            inside = (fine > own[0] - 0.5 * width) & (fine < own[-1] + 0.5 * width)
            density[inside] += np.exp(CubicSpline(own, log_p)(fine[inside])) / width
        share, value = density / density.sum(), natural(fine)
        mean = float(share @ value)
        sd = float(np.sqrt(share @ (value - mean) ** 2))
        ends = fine + 0.5 * (fine[1] - fine[0])
        return cls(mean, sd, natural(np.interp(_QUANTILES, np.cumsum(share), ends)))


Named = list[tuple[str, str, _Density]]


def _cells(lower: float, upper: float, number: int) -> np.ndarray:
    width = (upper - lower) / number
    return lower + width * (np.arange(number) + 0.5)


class _Taus:
    """Cells of the SD between studies, even in u of ``unit sinh(u)``: fine near nought."""

    def __init__(self, unit: float, scale: float, apart: float, number: int) -> None:
        self.unit = unit
        self.u = _cells(0.0, np.arcsinh(max(_LARGEST * scale, 3.0 * apart) / unit), number)
        self.value = self.natural(self.u)
        self.log_prior = stats.norm.logpdf(self.value / scale) + np.log(np.cosh(self.u))

    def natural(self, u: np.ndarray) -> np.ndarray:
        """The SD of a coordinate."""
        return self.unit * np.sinh(u)

    def density(self, mass: np.ndarray) -> tuple[str, str, _Density]:
        """The posterior of the SD, of the masses of the cells."""
        return "sd", "SD between studies", _Density.of_cells(self.u, mass, self.natural)


def _of_effects(effects: Effects, tau_scale: float) -> tuple[list[_Density], Named]:
    y, s = effects.estimate, effects.error
    taus = _Taus(s.min(), tau_scale, np.ptp(y), _TAUS)
    tau = taus.value[:, None]
    weight = 1.0 / (s**2 + tau**2)
    variance = 1.0 / weight.sum(axis=1)
    mean = variance * (weight @ y)
    log_p = 0.5 * np.log(weight).sum(axis=1) + 0.5 * np.log(variance)
    log_p -= 0.5 * (weight * (y - mean[:, None]) ** 2).sum(axis=1)
    mass = np.exp(log_p + taus.log_prior - (log_p + taus.log_prior).max())
    kept = s**2 * weight  # how much of a study's own effect comes from the mean
    centre = kept * mean[:, None] + (1.0 - kept) * y
    spread = np.sqrt(tau**2 * kept + kept**2 * variance[:, None])
    each = [_Density.of_normals(mass, *own) for own in zip(centre.T, spread.T, strict=True)]
    new = np.sqrt(variance + tau[:, 0] ** 2)
    return each, [
        ("mean", "Mean", _Density.of_normals(mass, mean, np.sqrt(variance))),
        ("new_study", "New study", _Density.of_normals(mass, mean, new)),
        taus.density(mass),
    ]


def _of_counts(effects: Effects, tau_scale: float) -> tuple[list[_Density], Named]:
    r, n = effects.estimate, effects.error
    logit, width = _logits(r, n)
    cells = _Cells(logit, width, r, n)
    taus = _Taus(width.min(), tau_scale, np.ptp(logit), _TAUS_OF_COUNTS)
    # about each SD the means that matter, by the normal approximation
    precision = 1.0 / (width**2 + taus.value[:, None] ** 2)
    sd = 1.0 / np.sqrt(precision.sum(axis=1) + 1.0 / LOGIT_SCALE**2)
    mu = (sd**2 * (precision @ logit))[:, None] + sd[:, None] * _cells(-9.0, 9.0, _MUS)
    of_study = np.stack([cells.of_study(*own) for own in zip(mu, taus.value, strict=True)])
    log_p = np.log(np.maximum(of_study, 1e-300)).sum(axis=2) + np.log(sd)[:, None]
    log_p += stats.norm.logpdf(mu, scale=LOGIT_SCALE) + taus.log_prior[:, None]
    joint = np.exp(log_p - log_p.max())
    others = joint[..., None] / np.maximum(of_study, 1e-300)
    each = sum(cells.about(*own).T @ of for *own, of in zip(mu, taus.value, others, strict=True))
    each = cells.posterior(each)
    wide = np.broadcast_to(taus.value[:, None], mu.shape).ravel()
    studies = [_Density.of_cells(cells.theta, own) for own in each.T]
    return studies, [
        ("mean", "Mean", _Density.of_cells(mu, joint)),
        ("new_study", "New study", _Density.of_normals(joint.ravel(), mu.ravel(), wide)),
        taus.density(joint.sum(axis=1)),
    ]


def _logits(r: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log odds and their standard errors, half an event and half a non-event added."""
    return np.log((r + 0.5) / (n - r + 0.5)), np.sqrt((n + 1.0) / ((r + 0.5) * (n - r + 0.5)))


def _steps(logit: np.ndarray, width: np.ndarray) -> tuple[float, float, int]:
    """Where the likelihoods lie, and how many cells resolve the sharpest of them."""
    lower, upper = (logit - 10.0 * width).min(), (logit + 10.0 * width).max()
    return lower, upper, max(_LEAST_STEPS, round(4.0 * (upper - lower) / width.min()))


class _Cells:
    """Cells of the log odds of a study, with the likelihood of each study at ends and middle."""

    def __init__(self, logit: np.ndarray, width: np.ndarray, r: np.ndarray, n: np.ndarray) -> None:
        self.theta = _cells(*_steps(logit, width))
        half = 0.5 * (self.theta[1] - self.theta[0])
        self.edges = np.append(self.theta - half, self.theta[-1] + half)
        self._ends, self._inside = (_likelihood(own, r, n) for own in (self.edges, self.theta))
        # to the fourth order in the width of a cell
        whole = 8.0 * self._inside - self._ends[:-1] - self._ends[1:]
        self._likelihood = np.maximum(whole, 0.0) / 6.0

    def about(self, mu: np.ndarray, tau: float) -> np.ndarray:
        """Mass of a normal of SD `tau` in each cell, (means, cells); the last ones have no end."""
        below = ndtr((self.edges - mu[:, None]) / tau)
        below[:, 0], below[:, -1] = 0.0, 1.0
        return np.diff(below, axis=1)

    def of_study(self, mu: np.ndarray, tau: float) -> np.ndarray:
        """Likelihood of each study, (means, studies)."""
        return self.about(mu, tau) @ self._likelihood

    def posterior(self, prior: np.ndarray) -> np.ndarray:
        """Masses of prior times likelihood, (cells, studies): both vary within a cell."""
        inside = prior * (self._ends[:-1] + 4.0 * self._inside + self._ends[1:]) / 6.0
        mass = inside + np.gradient(prior, axis=0) * np.diff(self._ends, axis=0) / 12.0
        # the density at the middles, times their width
        curved = np.gradient(np.gradient(mass, axis=0), axis=0)
        return np.maximum(mass - curved / 24.0, 0.0)


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
    told = partial(written, write=KINDS[scale].write)
    studies = [row for row in table.itertuples() if row.kind == "study"]
    mean, new, spread = (row for row in table.itertuples() if row.kind != "study")
    on = {"difference": "of the estimates", "ratio": "of log ratios"}.get(scale, "of log odds")
    unit = " %" if scale == "proportion" else ""
    sentences = (
        f"The mean of {numbers.count(len(studies), 'study')} is {told(mean)}{unit}, and a new "
        f"study would lie at {told(new)}{unit}.",
        f"The SD between studies {on} is {written(spread, two_digits)}, with a half-normal prior "
        f"of scale {answer.tau_scale:g}.",
    )
    shown = table_of(
        "Studies.",
        studies,
        [
            ("Study", "keep", lambda row: row.label),
            (f"As reported ({LEVEL})", "num", lambda row: told(row, name="reported")),
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
