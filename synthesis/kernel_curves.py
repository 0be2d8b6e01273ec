r"""The survival families as compiled functions of ``z`` and the tail, with their derivatives.

The equations are those of :mod:`synthesis.families`, which is the readable definition and the
oracle of the tests. Every function returns log survival, log density of ``z``, and the derivatives
of both in ``z`` and in the tail.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from synthesis.families import (
    BEND,
    GENERALISED_GAMMA,
    LARGEST_Z,
    LOG_LOGISTIC,
    LOG_NORMAL,
    Q_NODES,
    WEIBULL,
    gamma_median,
)

_LN2 = math.log(2.0)
_LOG_LN2 = math.log(_LN2)
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_ROOT_2 = math.sqrt(2.0)

# Step of the central difference in Q: truncation about 1e-9, rounding about 1e-11.
_Q_STEP = 1e-4
_Q_NODES = np.array(Q_NODES)
_Q_MEDIANS = gamma_median(_Q_NODES)
_LARGEST_Q = 4.0


@numba.njit(error_model="numpy")
def _log_normal(z):  # pragma: no cover - compiled
    """Log of the normal survival function, and its derivative (less the hazard)."""
    log_f = -0.5 * z * z - _HALF_LOG_2PI
    if z < 25.0:
        log_s = math.log(0.5 * math.erfc(z / _ROOT_2))
    else:
        y = 1.0 / (z * z)
        log_s = log_f - math.log(z)
        log_s += math.log1p(-y * (1.0 - y * (3.0 - y * (15.0 - y * 105.0))))
    return log_s, log_f, -math.exp(log_f - log_s)


@numba.njit(error_model="numpy")
def _log_gamma_parts(a, x):  # pragma: no cover - compiled
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


@numba.njit(error_model="numpy")
def _gamma_at(w, q):  # pragma: no cover - compiled
    """Log survival and log density of Prentice's ``w`` at shape ``Q``."""
    a = 1.0 / (q * q)
    u = min(max(q * w, -700.0), LARGEST_Z)
    lower, upper = _log_gamma_parts(a, a * math.exp(u))
    log_f = math.log(abs(q)) + a * math.log(a) - math.lgamma(a) + a * (u - math.exp(u))
    return (upper if q > 0.0 else lower), log_f


@numba.njit(error_model="numpy")
def _median_of_gamma(q):  # pragma: no cover - compiled
    """Median of Prentice's ``w``: Newton steps from the Wilson-Hilferty value."""
    a = 1.0 / (q * q)
    if a > 0.2:
        w = 3.0 * math.log(max(1.0 - 1.0 / (9.0 * a), 0.05)) / q
    else:
        w = (math.log(0.5) + math.lgamma(a + 1.0)) / a / q - math.log(a) / q
    for _ in range(50):
        log_s, log_f = _gamma_at(w, q)
        step = (log_s + _LN2) * math.exp(log_s - log_f)
        step = min(max(step, -1.0), 1.0)
        w += step
        if abs(step) < 1e-14 * (1.0 + abs(w)):
            break
    return w


@numba.njit(error_model="numpy")
def prepare_tail(tail, code):  # pragma: no cover - compiled
    """What a curve needs to know of its tail: medians of ``w`` at and around ``Q``.

    Returns
    -------
    (float, float, float)
        Zero for families without such a thing.
    """
    if code != GENERALISED_GAMMA or abs(tail) < _Q_NODES[3]:
        return 0.0, 0.0, 0.0
    q = min(max(tail, -_LARGEST_Q), _LARGEST_Q)
    return _median_of_gamma(q - _Q_STEP), _median_of_gamma(q), _median_of_gamma(q + _Q_STEP)


@numba.njit(error_model="numpy")
def _gamma_near_normal(z, q):  # pragma: no cover - compiled
    """Lagrange interpolation over :data:`_Q_NODES` of log survival and log density in ``Q``."""
    log_s, log_f, s_q, f_q = 0.0, 0.0, 0.0, 0.0
    for i in range(_Q_NODES.size):
        at_s, at_f = _gamma_at(z + _Q_MEDIANS[i], _Q_NODES[i])
        value, slope = 1.0, 0.0
        for j in range(_Q_NODES.size):
            if j != i:
                gap = _Q_NODES[i] - _Q_NODES[j]
                slope = slope * (q - _Q_NODES[j]) / gap + value / gap
                value *= (q - _Q_NODES[j]) / gap
        log_s += value * at_s
        log_f += value * at_f
        s_q += slope * at_s
        f_q += slope * at_f
    return log_s, log_f, s_q, f_q


@numba.njit(error_model="numpy")
def _generalised_gamma(z, tail, w_below, w_at, w_above):  # pragma: no cover - compiled
    if abs(tail) < _Q_NODES[3]:
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


@numba.njit(error_model="numpy")
def _long_tail(z, tail):  # pragma: no cover - compiled
    rise = math.expm1(tail)
    y = z / BEND
    if y > 0.0:
        e = math.exp(-y)
        soft, part = y + math.log1p(e), 1.0 / (1.0 + e)
    else:
        e = math.exp(y)
        soft, part = math.log1p(e), e / (1.0 + e)
    bent = z + rise * BEND * (soft - _LN2)
    slope = 1.0 + rise * part
    capped = bent > LARGEST_Z
    bent = min(bent, LARGEST_Z)
    log_s = -_LN2 * math.exp(bent)
    log_f = _LOG_LN2 + bent + math.log(slope) + log_s
    by_tail = 0.0 if capped else (rise + 1.0) * BEND * (soft - _LN2)
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


@numba.njit(error_model="numpy")
def curve_at(z, tail, code, w_below, w_at, w_above):  # pragma: no cover - compiled
    """Log survival, log density of ``z``; their derivatives in ``z``; those in the tail.

    Parameters
    ----------
    z, tail : float
    code : int
        Of :class:`synthesis.families.Family`.
    w_below, w_at, w_above : float
        From :func:`prepare_tail`.
    """
    if code == WEIBULL:
        log_s = -_LN2 * math.exp(min(z, LARGEST_Z))
        return log_s, _LOG_LN2 + min(z, LARGEST_Z) + log_s, log_s, 1.0 + log_s, 0.0, 0.0
    if code == LOG_LOGISTIC:
        if z > 0.0:
            e = math.exp(-z)
            log_s, slope = -z - math.log1p(e), -1.0 / (1.0 + e)
        else:
            e = math.exp(z)
            log_s, slope = -math.log1p(e), -e / (1.0 + e)
        return log_s, z + 2.0 * log_s, slope, 1.0 + 2.0 * slope, 0.0, 0.0
    if code == LOG_NORMAL:
        log_s, log_f, slope = _log_normal(z)
        return log_s, log_f, slope, -z, 0.0, 0.0
    if code == GENERALISED_GAMMA:
        return _generalised_gamma(z, tail, w_below, w_at, w_above)
    return _long_tail(z, tail)
