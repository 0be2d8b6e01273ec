r"""Mixtures fitted to draws by expectation and maximisation (EM), and how well they follow them.

From several fixed starts, without random numbers. The number of components is that with the least
:math:`-2 \log L + 6 \nu`, where :math:`\nu = 3K - 1` is the number of parameters: the criterion of
``automixfit`` of RBesT, with the larger penalty of those that Collett (2003, *Modelling survival
data in medical research*) gives, as fewer components are easier to report. Beta components have
parameters of at least :data:`LEAST`, as there of more than one: with less, the density grows
without end towards nought or one and the effective sample size by ELIR does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import optimize, special

from synthesis.questions.control.mixtures import Kind, Mixture

#: Most components that are tried.
MOST_COMPONENTS = 4

#: Cost of a parameter in twice the log likelihood.
PENALTY = 6.0

#: Least parameter of a fitted beta. At one itself the effective size by ELIR falls by the density
#: at the end of the range; just above it, it hangs on rates that no computer tells from nought.
LEAST = 1.1

#: A fitted distribution function that is nowhere further from that of the draws follows them:
#: about what chance does to 4000 independent draws, once in twenty times.
CLOSE = 0.02

#: Probabilities at which quantiles stand side by side.
PROBABILITIES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)

# A component that fewer draws speak for is a spike on some of them, not a shape.
_FEWEST_DRAWS = 10
# A beta component that is worth more patients is a spike at nought or one: draws of a rate that no
# trial could tell from nought pile up there, and would make the prior worth thousands.
_LARGEST_SIZE = 1000.0
# EM is led to the neighbourhood of its end by so many of the draws, evenly spaced in their order.
_LEADING = 500
# EM ends where a step gains less in the log likelihood: a parameter costs three hundred times that.
_GAIN, _STEPS = 1e-2, 3000
_NEWTON = 60
# Of a beta parameter: far beyond what is taken for a spike.
_NO_LARGER = 1e8
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class MixtureFit:
    """A mixture, and how well it follows the draws.

    Attributes
    ----------
    mixture : Mixture
        Components by weight, the largest first.
    log_likelihood : float
        Of the draws.
    difference : float
        Largest difference of the distribution functions.
    quantiles : DataFrame
        ``probability, draws, mixture``.
    criteria : dict
        Number of components -> criterion of the choice; one where the number was given.
    """

    mixture: Mixture
    log_likelihood: float
    difference: float
    quantiles: pd.DataFrame = field(repr=False)
    criteria: dict[int, float] = field(repr=False)


def fit_mixture(draws: np.ndarray, kind: Kind, components: int | None = None) -> MixtureFit:
    """Fit a mixture to draws.

    Parameters
    ----------
    draws : ndarray, shape (draws,)
        Rates from 0 to 1 for a beta, positive for a gamma.
    kind : {"beta", "normal", "gamma"}
    components : int, optional
        Number of components; chosen from 1 to :data:`MOST_COMPONENTS` otherwise.

    Raises
    ------
    ValueError
        If the draws cannot be those of such a distribution, or do not vary, or the number of
        components is none of these.
    """
    x = _usable(draws, kind)
    if components is not None and components not in range(1, MOST_COMPONENTS + 1):
        raise ValueError(f"components: found {components}, expected 1 to {MOST_COMPONENTS}")
    numbers = range(1, MOST_COMPONENTS + 1) if components is None else (components,)
    found = {number: _best(x, kind, number) for number in numbers}
    known = {number: own for number, own in found.items() if own is not None}
    if not known:
        raise ValueError(
            f"components: found {components}, expected fewer: some would stand for a few draws, "
            "or for rates at nought or one"
        )
    criteria = {k: -2.0 * value + PENALTY * (3 * k - 1) for k, (value, _) in known.items()}
    value, mixture = known[min(criteria, key=criteria.__getitem__)]
    return MixtureFit(
        mixture, value, largest_difference(x, mixture), _quantiles(x, mixture), criteria
    )


def largest_difference(draws: np.ndarray, mixture: Mixture) -> float:
    """Largest difference between the distribution functions of draws and mixture."""
    ordered = np.sort(draws)
    theirs = mixture.cdf(ordered)
    after = np.arange(1, ordered.size + 1) / ordered.size
    return float(max((after - theirs).max(), (theirs - after + 1.0 / ordered.size).max()))


def _quantiles(draws: np.ndarray, mixture: Mixture) -> pd.DataFrame:
    p = np.array(PROBABILITIES)
    return pd.DataFrame(
        {"probability": p, "draws": np.quantile(draws, p), "mixture": mixture.quantile(p)}
    )


def _usable(draws: np.ndarray, kind: Kind) -> np.ndarray:
    x = np.asarray(draws, dtype=float).ravel()
    if x.size < _FEWEST_DRAWS or not np.isfinite(x).all():
        raise ValueError(f"draws: expected at least {_FEWEST_DRAWS} finite numbers")
    if kind == "beta":
        if x.min() < 0.0 or x.max() > 1.0:
            raise ValueError(f"draws: found {x.min():g} to {x.max():g}, expected rates from 0 to 1")
        x = np.clip(x, _EPS, 1.0 - _EPS)
    elif kind == "gamma" and x.min() <= 0.0:
        raise ValueError(f"draws: found {x.min():g}, expected positive numbers")
    # a spread that is rounding only is none
    if np.ptp(x) <= 1e-9 * max(abs(float(x.mean())), 1e-9):
        raise ValueError("draws: all are the same, and a distribution cannot be fitted to them")
    return x


# --- Expectation and maximisation ----------------------------------------------------------------


def _best(x: np.ndarray, kind: Kind, number: int) -> tuple[float, Mixture] | None:
    """The most likely of the mixtures that the starts lead to; None where all have a spike."""
    ordered = np.sort(x)
    positions = np.linspace(0, x.size - 1, min(_LEADING, x.size)).round().astype(int)
    leading = ordered[positions]
    found = [_climb(x, _climb(leading, start)[1]) for start in _starts(ordered, kind, number)]
    sound = [own for own in found if number == 1 or not _has_spike(own[1], x.size)]
    return max(sound, key=lambda own: own[0]) if sound else None


def _has_spike(mixture: Mixture, draws: int) -> bool:
    """Whether a component stands for a few draws, or for a rate of nought or one."""
    if min(mixture.weights) * draws < _FEWEST_DRAWS:
        return True
    sizes = np.array(mixture.first) + np.array(mixture.second)
    return mixture.kind == "beta" and bool(sizes.max() > _LARGEST_SIZE)


def _starts(ordered: np.ndarray, kind: Kind, number: int) -> Iterator[Mixture]:
    """Neighbouring parts of the draws; then shapes of different widths about their mean."""
    parts = np.array_split(ordered, number)
    weights = (1.0 / number,) * number
    mean, spread = float(ordered.mean()), float(ordered.var())
    # a part has its own mean, and at least a spread that overlaps with the next one
    shapes = [_matched(kind, float(p.mean()), max(float(p.var()), 0.02 * spread)) for p in parts]
    yield Mixture(kind, weights, *map(tuple, zip(*shapes, strict=True)))
    if number > 1:
        widths = np.geomspace(0.3, 3.0, number) * spread
        shapes = [_matched(kind, mean, float(width)) for width in widths]
        yield Mixture(kind, weights, *map(tuple, zip(*shapes, strict=True)))


def _matched(kind: Kind, mean: float, variance: float) -> tuple[float, float]:
    """Parameters of a distribution of that mean and variance, those of a beta large enough."""
    if kind == "normal":
        return mean, float(np.sqrt(variance))
    if kind == "gamma":
        return mean**2 / variance, mean / variance
    size = max(mean * (1.0 - mean) / variance - 1.0, 2.0)
    return max(mean * size, LEAST), max((1.0 - mean) * size, LEAST)


def _climb(x: np.ndarray, start: Mixture) -> tuple[float, Mixture]:
    """Follow EM from a start; the log likelihood never falls."""
    mixture, before = start, -np.inf
    told = _statistics(x, start.kind)
    for _ in range(_STEPS):
        logs = _log_parts(told, mixture)
        of_each = special.logsumexp(logs, axis=1)
        value = float(of_each.sum())
        if value - before < _GAIN:
            break
        before = value
        mixture = _maximised(told, np.exp(logs - of_each[:, None]), mixture)
    order = np.argsort(mixture.weights)[::-1]
    sorted_ = (
        tuple(np.array(own)[order].tolist()) for own in zip(*mixture.components, strict=True)
    )
    return value, Mixture(mixture.kind, *sorted_)


def _statistics(x: np.ndarray, kind: Kind) -> np.ndarray:
    """What the log density is linear in, shape ``(draws, 2)``."""
    if kind == "beta":
        return np.stack([np.log(x), np.log1p(-x)], axis=1)
    return np.stack([x, np.log(x)] if kind == "gamma" else [x, x**2], axis=1)


def _log_parts(told: np.ndarray, mixture: Mixture) -> np.ndarray:
    """Log of weight times density, shape ``(draws, components)``."""
    first, second = np.array(mixture.first), np.array(mixture.second)
    left, right = told[:, :1], told[:, 1:]
    if mixture.kind == "beta":
        of_each = (first - 1.0) * left + (second - 1.0) * right - special.betaln(first, second)
    elif mixture.kind == "gamma":
        of_each = (first - 1.0) * right - second * left
        of_each = of_each + first * np.log(second) - special.gammaln(first)
    else:
        of_each = -0.5 * ((left - first) / second) ** 2 - np.log(second * np.sqrt(2.0 * np.pi))
    with np.errstate(divide="ignore"):
        return of_each + np.log(np.array(mixture.weights))


def _maximised(told: np.ndarray, shares: np.ndarray, before: Mixture) -> Mixture:
    """The mixture that is most likely where each draw belongs to the components in these shares."""
    sizes = np.maximum(shares.sum(axis=0), 1e-12)
    means = (shares.T @ told) / sizes[:, None]
    known = np.array([before.first, before.second]).T
    solve = {"beta": _beta_given, "gamma": _gamma_given, "normal": _normal_given}[before.kind]
    first, second = solve(means, known).T.tolist()
    weights = (sizes / sizes.sum()).tolist()
    return Mixture(before.kind, tuple(weights), tuple(first), tuple(second))


def _normal_given(means: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean and SD from the means of x and its square, a row a component."""
    mean, square = means.T
    variance = np.maximum(square - mean**2, 1e-12 * np.maximum(square, 1e-300))
    return np.stack([mean, np.sqrt(variance)], axis=1)


def _gamma_given(means: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Most likely shape and rate: log a - digamma(a) is the log of the mean less the mean log."""
    mean, mean_log = means.T
    gap = np.maximum(np.log(mean) - mean_log, 1e-12)
    shape = (3.0 - gap + np.sqrt((gap - 3.0) ** 2 + 24.0 * gap)) / (12.0 * gap)
    for _ in range(_NEWTON):
        # Newton's step for the inverse of the shape (Minka 2002): it converges from any start
        slope = shape**2 * (1.0 / shape - special.polygamma(1, shape))
        change = (np.log(shape) - special.digamma(shape) - gap) / slope
        shape, old = 1.0 / (1.0 / shape + change), shape
        if (np.abs(shape - old) <= 1e-12 * shape).all():
            break
    return np.stack([shape, shape / mean], axis=1)


def _beta_given(means: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Most likely parameters of at least the least, given the means of log x and log(1 - x)."""
    found = _beta_free(means, known)
    for row in np.flatnonzero(found.min(axis=1) < LEAST):
        # the likelihood is concave: where its maximum is outside, the best lies on the border
        one, other = means[row].tolist()
        edges = np.array([[LEAST, _beta_other(other)], [_beta_other(one), LEAST]])
        found[row] = edges[np.argmax(_beta_value(edges, means[row]))]
    return found


def _beta_other(mean_log: float) -> float:
    """Most likely parameter where the other is the least, itself at least so large."""

    def gap(log_b: float) -> float:
        b = np.exp(log_b)
        return float(special.digamma(b) - special.digamma(b + LEAST)) - mean_log

    low, high = np.log(LEAST), np.log(_NO_LARGER)
    if gap(low) >= 0.0:
        return LEAST
    return float(np.exp(optimize.brentq(gap, low, high))) if gap(high) > 0.0 else _NO_LARGER


def _beta_value(ab: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Mean log density of a beta but for a constant, a row a component."""
    return (ab * means).sum(axis=-1) - special.betaln(ab[..., 0], ab[..., 1])


def _beta_free(means: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Most likely parameters by Newton's method on their logarithms, with steps that gain."""
    ab = known.copy()
    for _ in range(_NEWTON):
        total = ab.sum(axis=1)
        gradient = ab * (means - special.digamma(ab) + special.digamma(total)[:, None])
        # without the part of the curvature that may be positive: every step leads upwards
        shared = special.polygamma(1, total)
        one, two = (
            ab**2 * (shared[:, None] - special.polygamma(1, ab)) + np.minimum(gradient, 0.0)
        ).T
        both = ab.prod(axis=1) * shared
        left, right = gradient.T
        step = np.stack([both * right - two * left, both * left - one * right], axis=1)
        step = np.clip(step / (one * two - both**2)[:, None], -2.0, 2.0)
        value = _beta_value(ab, means)
        while (worse := _beta_value(ab * np.exp(step), means) < value - 1e-14 * abs(value)).any():
            step[worse] *= 0.5
        ab = ab * np.exp(step)
        if np.abs(step).max() < 1e-10:
            break
    return ab
