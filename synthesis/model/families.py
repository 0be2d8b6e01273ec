r"""Survival families by median and shape.

Every family is a distribution of log time with location ``log m`` (the log median) and
shape ``k > 0``. With :math:`z = k(\log t - \log m)`,

=====================  ===================================================================
family                 survival
=====================  ===================================================================
exponential            the Weibull with ``k = 1``
Weibull                :math:`S(t) = \exp(-\ln 2\, e^{z})`
log-logistic           :math:`S(t) = 1/(1 + e^{z})`
log-normal             :math:`S(t) = \Phi(-z)`
generalised gamma      :math:`S(t) = \Gamma(a, a e^{Qw})/\Gamma(a)` for ``Q > 0``, one less that
                       for ``Q < 0``; :math:`a = Q^{-2}`, :math:`w = z + w_Q` with
                       :math:`w_Q` such that :math:`S(m) = 1/2`
long-tail              :math:`S(t) = \exp(-\ln 2\, e^{g(z)})`,
                       :math:`g(z) = z + (e^{\theta} - 1)\, s\, [\ln(1 + e^{z/s}) - \ln 2]`
=====================  ===================================================================

The last two have one more shape, the *tail*. For the generalised gamma it is :math:`Q` of
Prentice (1974, doi 10.1093/biomet/61.3.539): 0 is the log-normal, 1 the Weibull, negative values
have longer tails. For the long-tail family it is :math:`\theta`, the log ratio of the late to the
early slope of the log cumulative hazard: a spline of one knot at the median (Royston & Parmar 2002,
doi 10.1002/sim.1203) with its bend smoothed over ``s`` = 1/2, so that it can never turn. 0 is the
Weibull; a negative :math:`\theta` leaves a few long survivors without touching the early fall.

Each family is one class: its curve in numpy, which is the definition, the same curve compiled for
the sampler with its derivatives, its words and its priors. :data:`FAMILIES` lists them; codes,
options and tables follow from the list, and a family that lacks a piece cannot be made.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, override

import numba
import numpy as np
from scipy import special

from synthesis import choices

LN2 = math.log(2.0)

# Beyond z = 30 a Weibull survival is exp(-7e12): the cap keeps gradients finite, nothing else.
LARGEST_Z = 30.0

#: Width over which the long-tail family bends, in units of ``z``: from about the quartile of the
#: longest survivors to that of the shortest.
BEND = 0.5

#: Nearer to zero than the innermost of these values of Prentice's Q a curve is interpolated
#: between them: the gamma functions of a huge argument lose digits, and the curve is smooth.
Q_NODES = (-0.06, -0.04, -0.02, 0.02, 0.04, 0.06)

_LOG_LN2 = math.log(LN2)
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_ROOT_2 = math.sqrt(2.0)

# Step of the central difference in Q: truncation about 1e-9, rounding about 1e-11.
_Q_STEP = 1e-4
_LARGEST_Q = 4.0

# The largest exponent that does not overflow.
_LARGEST_EXPONENT = 700.0

# Gauss-Legendre nodes of the restricted mean where it has no closed form, and the share of the
# longest survivors that it leaves out: what follows them is zero, and would waste the nodes.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
# Log times of the nodes after t = end v^3, and their weights.
_LOG_NODES = 3.0 * np.log(0.5 * (_NODES + 1.0))
_NODE_WEIGHTS = 0.375 * (_NODES + 1.0) ** 2 * _WEIGHTS
# Curves at a time: what they need stays in the cache of the processor.
_AT_A_TIME = 256
_NOBODY = 1e-14

Array = np.ndarray

compiled = numba.njit(error_model="numpy")


@compiled
def _needs_nothing(tail):
    return 0.0, 0.0, 0.0


class Family(ABC):
    """What the model needs to know of a survival family."""

    name: str
    """A key of :data:`FAMILIES`."""
    label: str
    """The name in running text."""
    shape_prior: str
    """Prior of the mean log shape."""
    equation: str
    r"""Survival at :math:`\zeta = z` as it stands on a page, HTML."""
    curve: Callable[..., Any]
    """Compiled: ``(z, tail, *prepared)`` -> log survival, log density of ``z``, the derivatives of
    both in ``z``, and those in the tail."""
    has_shape: bool = True
    """Whether the shape is free."""
    tail_prior: str | None = None
    """Prior of the mean tail; ``None`` where there is no tail."""
    tail_symbol: str = ""
    """The tail as it stands on a page, HTML."""
    prepare: Callable[..., Any] = staticmethod(_needs_nothing)
    """Compiled: three numbers that ``curve`` needs of a tail."""

    def __init_subclass__(cls) -> None:
        """Refuse a family that lacks a piece: a TypeError names both."""
        pieces = "name label shape_prior equation curve"
        for piece in pieces.split():
            if not hasattr(cls, piece):
                raise TypeError(f"the survival family {cls.__name__} has no {piece}: give it one")
        if cls.name not in choices.FAMILIES:
            raise TypeError(f"the survival family {cls.name} is no choice: name it in choices.py")

    @abstractmethod
    def log_survival(self, z: Any, tail: Any) -> Array:
        """Log survival at ``z``."""

    def survival(self, z: Any, tail: Any) -> Array:
        """Survival at ``z``; a family may have a quicker form than by its logarithm."""
        return np.exp(self.log_survival(z, tail))

    @abstractmethod
    def log_density(self, z: Any, tail: Any) -> Array:
        """Log density of ``z`` itself."""

    @abstractmethod
    def quantile(self, p: Array, tail: Any) -> Array:
        """The ``z`` by which a share ``p`` has had the event."""

    def restricted_mean(self, tau: Array, median: Array, shape: Array, tail: Array) -> Array:
        """Restricted mean by quadrature; families with a closed form take that."""
        tau, median, shape, tail = np.broadcast_arrays(tau, median, shape, tail)
        end = np.minimum(tau, quantile(1.0 - _NOBODY, median, shape, self.name, tail))
        last, slope, bend = ((shape * np.log(end / median)).ravel(), shape.ravel(), tail.ravel())
        means = np.empty(last.size)
        for start in range(0, last.size, _AT_A_TIME):
            rows = slice(start, start + _AT_A_TIME)
            z = last[rows, None] + slope[rows, None] * _LOG_NODES
            means[rows] = self.survival(z, bend[rows, None]) @ _NODE_WEIGHTS
        return end * means.reshape(end.shape)

    @property
    def has_tail(self) -> bool:
        """Whether there is a tail."""
        return self.tail_prior is not None

    @property
    def code(self) -> int:
        """The switch that selects the curve inside a compiled model: the place in the list."""
        return list(FAMILIES).index(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of a family is the family."""
        return family, (self.name,)


# --- Proportional hazards ------------------------------------------------------------------------


@compiled
def _weibull(z, tail, *prepared):
    log_s = -LN2 * math.exp(min(z, LARGEST_Z))
    return log_s, _LOG_LN2 + min(z, LARGEST_Z) + log_s, log_s, 1.0 + log_s, 0.0, 0.0


class Weibull(Family):
    """Proportional hazards."""

    name = "weibull"
    label = "Weibull"
    shape_prior = "shape_weibull"
    equation = "<i>S</i>(<i>t</i>) = exp(−ln 2 e<sup><i>ζ</i></sup>)"
    curve = staticmethod(_weibull)

    @override
    def log_survival(self, z: Any, tail: Any) -> Array:
        return -LN2 * np.exp(np.minimum(z, LARGEST_Z))

    @override
    def log_density(self, z: Any, tail: Any) -> Array:
        return np.log(LN2) + np.minimum(z, LARGEST_Z) + self.log_survival(z, tail)

    @override
    def quantile(self, p: Array, tail: Any) -> Array:
        return np.log(-np.log1p(-p) / LN2)

    @override
    def restricted_mean(self, tau: Array, median: Array, shape: Array, tail: Array) -> Array:
        power = (tau / median) ** shape
        scale = median / LN2 ** (1.0 / shape)
        return scale * special.gamma(1.0 + 1.0 / shape) * special.gammainc(1.0 / shape, LN2 * power)


class Exponential(Weibull):
    """The Weibull with a shape of one."""

    name = label = "exponential"
    equation = f"{Weibull.equation} with <i>k</i> = 1"
    has_shape = False


# --- Proportional odds ---------------------------------------------------------------------------


@compiled
def _log_logistic(z, tail, *prepared):
    if z > 0.0:
        e = math.exp(-z)
        log_s, slope = -z - math.log1p(e), -1.0 / (1.0 + e)
    else:
        e = math.exp(z)
        log_s, slope = -math.log1p(e), -e / (1.0 + e)
    return log_s, z + 2.0 * log_s, slope, 1.0 + 2.0 * slope, 0.0, 0.0


def _softplus(z: Array) -> Array:
    """``log(1 + exp(z))``; :func:`numpy.logaddexp` takes three times as long."""
    return np.maximum(z, np.log1p(np.exp(np.minimum(z, _LARGEST_EXPONENT))))


class LogLogistic(Family):
    """Proportional odds."""

    name = label = "log-logistic"
    shape_prior = "shape_log_logistic"
    equation = "<i>S</i>(<i>t</i>) = 1/(1 + e<sup><i>ζ</i></sup>)"
    curve = staticmethod(_log_logistic)

    @override
    def log_survival(self, z: Any, tail: Any) -> Array:
        return -_softplus(np.asarray(z, dtype=float))

    @override
    def survival(self, z: Any, tail: Any) -> Array:
        return 1.0 / (1.0 + np.exp(np.minimum(z, _LARGEST_EXPONENT)))

    @override
    def log_density(self, z: Any, tail: Any) -> Array:
        return z + 2.0 * self.log_survival(z, tail)

    @override
    def quantile(self, p: Array, tail: Any) -> Array:
        return np.log(np.expm1(-np.log1p(-p)))

    @override
    def restricted_mean(self, tau: Array, median: Array, shape: Array, tail: Array) -> Array:
        power = (tau / median) ** shape
        return tau * special.hyp2f1(1.0, 1.0 / shape, 1.0 + 1.0 / shape, -power)


# --- Normal log times ----------------------------------------------------------------------------


@compiled
def _log_normal(z, tail, *prepared):
    log_f = -0.5 * z * z - _HALF_LOG_2PI
    if z < 25.0:
        log_s = math.log(0.5 * math.erfc(z / _ROOT_2))
    else:
        y = 1.0 / (z * z)
        log_s = log_f - math.log(z)
        log_s += math.log1p(-y * (1.0 - y * (3.0 - y * (15.0 - y * 105.0))))
    return log_s, log_f, -math.exp(log_f - log_s), -z, 0.0, 0.0


class LogNormal(Family):
    """Normal log times."""

    name = label = "log-normal"
    shape_prior = "shape_log_normal"
    equation = "<i>S</i>(<i>t</i>) = Φ(−<i>ζ</i>)"
    curve = staticmethod(_log_normal)

    @override
    def log_survival(self, z: Any, tail: Any) -> Array:
        return special.log_ndtr(-np.asarray(z, dtype=float))

    @override
    def survival(self, z: Any, tail: Any) -> Array:
        return special.ndtr(-np.asarray(z, dtype=float))

    @override
    def log_density(self, z: Any, tail: Any) -> Array:
        return -0.5 * np.square(z) - 0.5 * np.log(2.0 * np.pi)

    @override
    def quantile(self, p: Array, tail: Any) -> Array:
        return special.ndtri(p)

    @override
    def restricted_mean(self, tau: Array, median: Array, shape: Array, tail: Array) -> Array:
        z = np.log((tau / median) ** shape)
        # exp(a) Phi(b) in logs: the mean of all times overflows where the shape is small
        early = 0.5 / shape**2 + special.log_ndtr(z - 1.0 / shape)
        return tau * special.ndtr(-z) + median * np.exp(early)


# --- Generalised gamma ---------------------------------------------------------------------------


def _by_q(curve: Callable[[Array, Array], Array], x: Any, q: Any) -> Array:
    """Evaluate a curve of Prentice's ``Q``, interpolated where ``Q`` is all but zero."""
    x, q = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(q, dtype=float))
    small = np.abs(q) < Q_NODES[3]
    values = np.array(curve(x, np.where(small, Q_NODES[3], q)))
    if small.any():
        x, q = x[small], q[small]
        near = np.zeros(x.shape)
        for node in Q_NODES:
            others = [other for other in Q_NODES if other != node]
            weight = np.prod([(q - other) / (node - other) for other in others], axis=0)
            near += weight * curve(x, np.full(x.shape, node))
        values[small] = near
    return values


def gamma_median(q: Any) -> Array:
    """Median of Prentice's standard variable ``w`` at the shape ``Q``."""
    q = np.asarray(q, dtype=float)
    a = q**-2.0
    return np.log(special.gammaincinv(a, 0.5) / a) / q


_Q_ARRAY = np.array(Q_NODES)
_Q_MEDIANS = gamma_median(_Q_ARRAY)


@compiled
def _log_gamma_parts(a, x):
    """Logs of the lower and the upper regularised incomplete gamma function.

    By the series below ``a + 1``, by Lentz's continued fraction above.
    """
    front = a * math.log(x) - x - math.lgamma(a)
    if x < a + 1.0:
        term = 1.0 / a
        total = term
        n = a
        while term > total * 1e-17:
            n += 1.0
            term *= x / n
            total += term
        lower = min(front + math.log(total), -1e-300)
        return lower, math.log(-math.expm1(lower))
    b = x + 1.0 - a
    c = 1e300
    d = 1.0 / b
    h = d
    for i in range(1, 2000):
        an = -i * (i - a)
        b += 2.0
        d = 1.0 / (an * d + b)
        c = b + an / c
        step = d * c
        h *= step
        if abs(step - 1.0) < 1e-15:
            break
    upper = min(front + math.log(h), -1e-300)
    return math.log(-math.expm1(upper)), upper


@compiled
def _gamma_at(w, q):
    """Log survival and log density of Prentice's ``w`` at shape ``Q``."""
    a = 1.0 / (q * q)
    u = min(max(q * w, -700.0), LARGEST_Z)
    lower, upper = _log_gamma_parts(a, a * math.exp(u))
    log_f = math.log(abs(q)) + a * math.log(a) - math.lgamma(a) + a * (u - math.exp(u))
    return (upper if q > 0.0 else lower), log_f


@compiled
def _median_of_gamma(q):
    """Median of Prentice's ``w``: Newton steps from the Wilson-Hilferty value."""
    a = 1.0 / (q * q)
    if a > 0.2:
        w = 3.0 * math.log(max(1.0 - 1.0 / (9.0 * a), 0.05)) / q
    else:
        w = (math.log(0.5) + math.lgamma(a + 1.0)) / a / q - math.log(a) / q
    for _ in range(50):
        log_s, log_f = _gamma_at(w, q)
        step = (log_s + LN2) * math.exp(log_s - log_f)
        step = min(max(step, -1.0), 1.0)
        w += step
        if abs(step) < 1e-14 * (1.0 + abs(w)):
            break
    return w


@compiled
def _medians_around(tail):
    """Medians of ``w`` at and around ``Q``; nothing where the curve is interpolated."""
    if abs(tail) < _Q_ARRAY[3]:
        return 0.0, 0.0, 0.0
    q = min(max(tail, -_LARGEST_Q), _LARGEST_Q)
    return _median_of_gamma(q - _Q_STEP), _median_of_gamma(q), _median_of_gamma(q + _Q_STEP)


@compiled
def _gamma_near_normal(z, q):
    """Lagrange interpolation over :data:`_Q_ARRAY` of log survival and log density in ``Q``."""
    log_s, log_f, s_q, f_q = 0.0, 0.0, 0.0, 0.0
    for i in range(_Q_ARRAY.size):
        at_s, at_f = _gamma_at(z + _Q_MEDIANS[i], _Q_ARRAY[i])
        value, slope = 1.0, 0.0
        for j in range(_Q_ARRAY.size):
            if j != i:
                gap = _Q_ARRAY[i] - _Q_ARRAY[j]
                slope = slope * (q - _Q_ARRAY[j]) / gap + value / gap
                value *= (q - _Q_ARRAY[j]) / gap
        log_s += value * at_s
        log_f += value * at_f
        s_q += slope * at_s
        f_q += slope * at_f
    return log_s, log_f, s_q, f_q


@compiled
def _generalised_gamma(z, tail, w_below, w_at, w_above):
    if abs(tail) < _Q_ARRAY[3]:
        log_s, log_f, s_q, f_q = _gamma_near_normal(z, tail)
        # d log f / dz by the same interpolation would cost as much again; its slope in z is
        # that of a normal with a correction of the order of Q, taken by a small step
        step = 1e-5
        up = _gamma_near_normal(z + step, tail)[1]
        down = _gamma_near_normal(z - step, tail)[1]
        return log_s, log_f, -math.exp(log_f - log_s), (up - down) / (2.0 * step), s_q, f_q
    q = min(max(tail, -_LARGEST_Q), _LARGEST_Q)
    log_s, log_f = _gamma_at(z + w_at, q)
    s_up, f_up = _gamma_at(z + w_above, q + _Q_STEP)
    s_down, f_down = _gamma_at(z + w_below, q - _Q_STEP)
    f_z = (1.0 - math.exp(min(max(q * (z + w_at), -700.0), LARGEST_Z))) / q
    s_q, f_q = (s_up - s_down) / (2.0 * _Q_STEP), (f_up - f_down) / (2.0 * _Q_STEP)
    return log_s, log_f, -math.exp(log_f - log_s), f_z, s_q, f_q


def _gamma_log_survival(z: Array, q: Array) -> Array:
    a = q**-2.0
    x = a * np.exp(np.clip(q * (z + gamma_median(q)), -700.0, LARGEST_Z))
    upper, lower = special.gammaincc(a, x), special.gammainc(a, x)
    return np.log(np.maximum(np.where(q > 0.0, upper, lower), 1e-300))


def _gamma_log_density(z: Array, q: Array) -> Array:
    """Stirling's form, which does not cancel where ``a`` is large."""
    a = q**-2.0
    u = np.clip(q * (z + gamma_median(q)), -700.0, LARGEST_Z)
    series = 1.0 / (12.0 * a) - 1.0 / (360.0 * a**3) + 1.0 / (1260.0 * a**5)
    exact = special.gammaln(a) - (a - 0.5) * np.log(a) + a - 0.5 * np.log(2.0 * np.pi)
    stirling = np.where(a > 50.0, series, exact)
    return np.log(np.abs(q)) + 0.5 * np.log(a / (2.0 * np.pi)) - stirling - a * (np.expm1(u) - u)


def _gamma_quantile(p: Array, q: Array) -> Array:
    a = q**-2.0
    x = np.where(q > 0.0, special.gammaincinv(a, p), special.gammainccinv(a, p))
    return np.log(x / a) / q - gamma_median(q)


class GeneralisedGamma(Family):
    """The log-normal with a tail, Prentice's ``Q``."""

    name = label = "generalised gamma"
    shape_prior = LogNormal.shape_prior
    equation = "that of Prentice (1974) with shape <i>Q</i>, by its median"
    tail_prior = "tail_generalised_gamma"
    tail_symbol = "Q"
    curve = staticmethod(_generalised_gamma)
    prepare = staticmethod(_medians_around)

    @override
    def log_survival(self, z: Any, tail: Any) -> Array:
        return _by_q(_gamma_log_survival, z, tail)

    @override
    def log_density(self, z: Any, tail: Any) -> Array:
        return _by_q(_gamma_log_density, z, tail)

    @override
    def quantile(self, p: Array, tail: Any) -> Array:
        return _by_q(_gamma_quantile, p, tail)


# --- Long tail -----------------------------------------------------------------------------------


def _bent(z: Any, tail: Any) -> Array:
    """Log cumulative hazard of the long-tail family, less that at the median."""
    z = np.asarray(z, dtype=float)
    y = z / BEND
    # log(1 + exp(y)) less log 2; quicker than by log1p
    soft = np.maximum(y - LN2, np.log(0.5 + 0.5 * np.exp(np.minimum(y, _LARGEST_EXPONENT))))
    return z + np.expm1(tail) * BEND * soft


def _straightened(bent: Array, tail: Any) -> Array:
    """Inverse of :func:`_bent`, by Newton steps on a rising curve that is convex or concave."""
    bent = np.clip(np.asarray(bent, dtype=float), -700.0, 700.0)
    bent, tail = np.broadcast_arrays(bent, np.asarray(tail, dtype=float))
    z = np.where(bent > 0.0, bent * np.exp(-tail), bent)
    for _ in range(60):
        slope = 1.0 + np.expm1(tail) * special.expit(z / BEND)
        step = (_bent(z, tail) - bent) / slope
        z = z - step
        if np.max(np.abs(step), initial=0.0) < 1e-13 * (1.0 + np.max(np.abs(z), initial=0.0)):
            break
    return z


@compiled
def _long_tail(z, tail, *prepared):
    rise = math.expm1(tail)
    y = z / BEND
    if y > 0.0:
        e = math.exp(-y)
        soft, part = y + math.log1p(e), 1.0 / (1.0 + e)
    else:
        e = math.exp(y)
        soft, part = math.log1p(e), e / (1.0 + e)
    bent = z + rise * BEND * (soft - LN2)
    slope = 1.0 + rise * part
    capped = bent > LARGEST_Z
    bent = min(bent, LARGEST_Z)
    log_s = -LN2 * math.exp(bent)
    log_f = _LOG_LN2 + bent + math.log(slope) + log_s
    by_tail = 0.0 if capped else (rise + 1.0) * BEND * (soft - LN2)
    by_z = 0.0 if capped else slope
    part_z = part * (1.0 - part) / BEND
    return (
        log_s,
        log_f,
        log_s * (slope if capped else by_z),
        by_z * (1.0 + log_s) + rise * part_z / slope,
        log_s * by_tail,
        by_tail * (1.0 + log_s) + (rise + 1.0) * part / slope,
    )


class LongTail(Family):
    """The Weibull with a tail, the log ratio of its late to its early slope."""

    name = "long-tail"
    label = "long-tail Weibull"
    shape_prior = Weibull.shape_prior
    equation = (
        "<i>S</i>(<i>t</i>) = exp(−ln 2 e<sup><i>g</i></sup>), <i>g</i> = <i>ζ</i> + "
        "(e<sup><i>θ</i></sup> − 1) ½ [ln(1 + e<sup>2<i>ζ</i></sup>) − ln 2]"
    )
    tail_prior = "tail_long_tail"
    tail_symbol = "θ"
    curve = staticmethod(_long_tail)

    @override
    def log_survival(self, z: Any, tail: Any) -> Array:
        return -LN2 * np.exp(np.minimum(_bent(z, tail), LARGEST_Z))

    @override
    def log_density(self, z: Any, tail: Any) -> Array:
        rise = np.expm1(tail) * special.expit(np.asarray(z) / BEND)
        bent = np.minimum(_bent(z, tail), LARGEST_Z)
        return np.log(LN2) + bent + np.log1p(rise) - LN2 * np.exp(bent)

    @override
    def quantile(self, p: Array, tail: Any) -> Array:
        return _straightened(np.log(-np.log1p(-p) / LN2), tail)


# --- All of them ---------------------------------------------------------------------------------

#: Every family by its name: the list that everything else follows.
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        kind.name: kind()
        for kind in (Exponential, Weibull, LogLogistic, LogNormal, GeneralisedGamma, LongTail)
    }
)


def _switch(pieces: list[Any]) -> Any:
    """Compiled function of a code and arguments: the piece of that code, or a refusal."""
    *earlier, last = enumerate(pieces)
    switch = _only(*last)
    for code, piece in reversed(earlier):
        switch = _either(code, piece, switch)
    return switch


def _only(own: int, piece: Any) -> Any:
    @compiled
    def only(code, *arguments):
        if code != own:
            raise ValueError("no survival family has this code")
        return piece(*arguments)

    return only


def _either(own: int, piece: Any, others: Any) -> Any:
    @compiled
    def either(code, *arguments):
        if code == own:
            return piece(*arguments)
        return others(code, *arguments)

    return either


#: Compiled curve of the family of a code: ``(code, z, tail, *prepared)``, see :class:`Family`.
curve_at = _switch([own.curve for own in FAMILIES.values()])

#: Compiled: what the curve of the family of a code needs of a tail, ``(code, tail)``.
prepare_tail = _switch([own.prepare for own in FAMILIES.values()])


def family(name: str) -> Family:
    """Look a family up by name; a ValueError lists those there are."""
    if name not in FAMILIES:
        raise ValueError(f"unknown survival family {name!r}: choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]


def log_survival(z: Any, family: Family, tail: Any = 0.0) -> Array:
    r"""Log survival at the standardised log time :math:`z = k(\log t - \log m)`, any shape."""
    return family.log_survival(z, tail)


def log_density(z: Array, log_shape: Array, log_t: Array, family: Family, tail: Any = 0.0) -> Array:
    r"""Log density of the time itself (per month): :math:`\log f(t) = \log(-dS/dt)`.

    Standardised log time, :math:`\log k`, :math:`\log t` and tail broadcast.
    """
    return log_shape - log_t + family.log_density(z, tail)


def survival(t: Any, median: Any, shape: Any, name: str, tail: Any = 0.0) -> Array:
    """Survival at time ``t`` (same unit as ``median``); arguments broadcast."""
    t, median, shape = (np.asarray(a, dtype=float) for a in (t, median, shape))
    with np.errstate(divide="ignore"):
        log_t = np.maximum(np.log(t), -700.0)
    return family(name).survival(shape * (log_t - np.log(median)), tail)


def quantile(p: Any, median: Any, shape: Any, name: str, tail: Any = 0.0) -> Array:
    """Time by which a share ``p`` has had the event, ``0 < p < 1``; arguments broadcast."""
    p, median, shape = (np.asarray(a, dtype=float) for a in (p, median, shape))
    return median * np.exp(family(name).quantile(p, tail) / shape)


def restricted_mean(horizon: Any, median: Any, shape: Any, name: str, tail: Any = 0.0) -> Array:
    r"""Restricted mean survival time :math:`\int_0^\tau S(t)\,dt`, in the unit of ``median``.

    Weibull: :math:`\lambda^{-1/k}\,\gamma(1/k, \lambda\tau^k)/k` with
    :math:`\lambda = \ln 2/m^k`. Log-logistic:
    :math:`\tau\,{}_2F_1(1, 1/k; 1 + 1/k; -(\tau/m)^k)`, valid for every ``k > 0``. Log-normal:
    :math:`\tau\Phi(-z) + m e^{1/2k^2}\Phi(z - 1/k)`. The others: Gauss-Legendre quadrature after
    :math:`t = \tau v^3`, which smooths the start of the curve.
    """
    tau, median, shape = (np.asarray(a, dtype=float) for a in (horizon, median, shape))
    return family(name).restricted_mean(tau, median, shape, np.asarray(tail, dtype=float))
