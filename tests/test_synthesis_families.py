"""The survival families against reference values, quadrature, scipy and their own definitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq

from synthesis.model.families import (
    FAMILIES,
    Q_NODES,
    family,
    log_density,
    log_survival,
    quantile,
    restricted_mean,
    survival,
)

REFERENCE = Path(__file__).parent / "reference" / "survival_functions.json"
NAME_OF = {"weibull": "weibull", "loglogistic": "log-logistic", "lognormal": "log-normal"}
ROWS = [row for row in json.loads(REFERENCE.read_text())["rows"] if row["family"] in NAME_OF]

# Closed forms in double precision against quadrature to 1e-13: what is left is rounding.
EXACT = 1e-11
# What every curve owes to an independent evaluation, relative.
CLOSE = 1e-8

# Every family, those with a tail at several of them.
TAILS = {"generalised gamma": (-1.2, -0.3, 0.0, 0.4, 1.4), "long-tail": (-1.5, -0.4, 0.0, 0.7)}
CURVES = [(name, tail) for name in FAMILIES for tail in TAILS.get(name, (0.0,))]
NEAR = {("generalised gamma", 0.0)}  # interpolated in Q
GAMMA = family("generalised gamma")
FINE = np.polynomial.legendre.leggauss(200)


def arguments(row):
    """Median, shape and family name of a reference row."""
    own = row["params"]
    return own["median"], own.get("shape") or 1.0 / own["sigma"], NAME_OF[row["family"]]


def test_the_reference_covers_the_families_with_a_closed_form():
    with_tail = {name for name, own in FAMILIES.items() if own.has_tail}
    assert {NAME_OF[row["family"]] for row in ROWS} == set(FAMILIES) - with_tail - {"exponential"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['family']}-{row['params']}")
def test_survival_median_and_restricted_mean_equal_the_reference(row):
    times, expected = zip(*((float(t), s) for t, s in row["S"].items()), strict=True)
    np.testing.assert_allclose(survival(times, *arguments(row)), expected, rtol=EXACT)
    assert quantile(0.5, *arguments(row)) == pytest.approx(row["overall_median"], rel=EXACT)
    horizons, means = zip(*((float(t), m) for t, m in row["RMST"].items()), strict=True)
    np.testing.assert_allclose(restricted_mean(horizons, *arguments(row)), means, rtol=EXACT)


# --- Definitions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "tail"), CURVES)
@pytest.mark.parametrize("shape", [0.6, 1.0, 1.7])
def test_the_density_is_the_fall_of_survival(name, tail, shape):
    median, t = 5.0, np.array([0.3, 2.0, 5.0, 14.0])
    z = shape * np.log(t / median)
    step = 1e-5 * t
    before, after = (survival(t + sign * step, median, shape, name, tail) for sign in (-1, 1))
    density = np.exp(log_density(z, np.log(shape), np.log(t), family(name), tail))
    # central differences: truncation about (1e-5)^2 times a curvature below ten, cancellation
    # about 1e-16 / 1e-5
    np.testing.assert_allclose(density, (before - after) / (2.0 * step), rtol=5e-9, atol=1e-10)


@pytest.mark.parametrize(("name", "tail"), CURVES)
@pytest.mark.parametrize("shape", [0.5, 0.9, 1.6])
def test_the_density_integrates_to_the_share_who_died(name, tail, shape):
    def density(log_t):
        z = shape * (log_t - np.log(5.0))
        own = log_density(z, np.log(shape), log_t, family(name), tail)
        return float(np.exp(own + log_t))  # per unit of log time

    died = quad(density, -60.0, np.log(9.0), epsabs=1e-13, epsrel=1e-11, limit=400)[0]
    assert died == pytest.approx(1.0 - float(survival(9.0, 5.0, shape, name, tail)), rel=CLOSE)


@pytest.mark.parametrize(("name", "tail"), CURVES)
@pytest.mark.parametrize("shape", [0.5, 0.8, 1.3, 2.0])
@pytest.mark.parametrize("horizon", [0.5, 6.0, 12.0, 24.0, 60.0])
def test_the_restricted_mean_is_the_area_under_the_curve(name, tail, shape, horizon):
    def area(u):  # t = u^4: the start of the curve is smooth in u
        return 4.0 * u**3 * float(survival(u**4, 5.0, shape, name, tail))

    end = horizon**0.25
    parts = [(0.0, end / 3), (end / 3, 2 * end / 3), (2 * end / 3, end)]
    exact = sum(quad(area, *part, epsabs=1e-13, epsrel=1e-12, limit=200)[0] for part in parts)
    assert restricted_mean(horizon, 5.0, shape, name, tail) == pytest.approx(exact, rel=CLOSE)


@pytest.mark.parametrize(("name", "tail"), CURVES)
def test_quantile_inverts_survival(name, tail):
    p = np.array([1e-6, 0.05, 0.5, 0.9, 0.999])
    times = quantile(p, 4.2, 0.8, name, tail)
    # 1 - S loses six digits at the smallest p, and the interpolation in Q is good to eleven
    died = 1.0 - survival(times, 4.2, 0.8, name, tail)
    np.testing.assert_allclose(died, p, rtol=1e-9, atol=2e-11 if (name, tail) in NEAR else 0.0)


@pytest.mark.parametrize(
    ("shape", "closed"),
    [
        (1.0, lambda x: np.log1p(x)),
        (2.0, lambda x: np.arctan(x)),
        (0.5, lambda x: 2.0 * (np.sqrt(x) - np.log1p(np.sqrt(x)))),
    ],
)
def test_restricted_mean_of_the_log_logistic_at_the_shapes_with_a_closed_form(shape, closed):
    # the hypergeometric function is degenerate at these shapes and its argument far from zero
    x = np.array([0.01, 0.5, 1.0, 4.0, 60.0])
    np.testing.assert_allclose(
        restricted_mean(3.0 * x, 3.0, shape, "log-logistic"), 3.0 * closed(x), rtol=1e-10
    )


def test_the_exponential_is_the_weibull_of_shape_one():
    t = np.array([0.1, 3.0, 30.0])
    np.testing.assert_array_equal(
        survival(t, 4.0, 1.0, "exponential"), survival(t, 4.0, 1.0, "weibull")
    )
    np.testing.assert_allclose(survival(t, 4.0, 1.0, "exponential"), 2.0 ** (-t / 4.0), rtol=EXACT)
    assert not family("exponential").has_shape


# --- Against scipy -------------------------------------------------------------------------------


def of_scipy(name, median, shape, q=0.0):
    """The same distribution as scipy has it."""
    if name == "weibull":
        return stats.weibull_min(shape, scale=median / np.log(2.0) ** (1.0 / shape))
    if name == "log-logistic":
        return stats.fisk(shape, scale=median)
    if name == "log-normal":
        return stats.lognorm(1.0 / shape, scale=median)
    a = q**-2.0
    return stats.gengamma(a, q * shape, scale=median / stats.gengamma(a, q * shape).median())


CASES = [(name, 0.0) for name in ("weibull", "log-logistic", "log-normal")]
CASES += [("generalised gamma", q) for q in (-2.0, -1.0, -0.3, -0.07, 0.07, 0.1, 0.5, 1.0, 2.0)]


@pytest.mark.parametrize(("name", "q"), CASES)
@pytest.mark.parametrize("shape", [0.6, 1.1])
def test_curves_are_those_of_scipy(name, q, shape):
    median, t = 5.0, np.array([0.05, 0.3, 2.0, 5.0, 14.0, 40.0])
    scipys = of_scipy(name, median, shape, q)
    np.testing.assert_allclose(survival(t, median, shape, name, q), scipys.sf(t), rtol=CLOSE)
    z = shape * np.log(t / median)
    density = np.exp(log_density(z, np.log(shape), np.log(t), family(name), q))
    np.testing.assert_allclose(density, scipys.pdf(t), rtol=CLOSE)
    p = np.array([1e-4, 0.1, 0.5, 0.9, 0.999])
    np.testing.assert_allclose(quantile(p, median, shape, name, q), scipys.ppf(p), rtol=CLOSE)


# --- The generalised gamma -----------------------------------------------------------------------


@pytest.mark.parametrize(("q", "other"), [(0.0, "log-normal"), (1.0, "weibull")])
def test_special_cases_of_the_generalised_gamma(q, other):
    z = np.linspace(-6.0, 3.0, 40)
    found = log_survival(z, GAMMA, q), GAMMA.log_density(z, q)
    # both are stated by their median; the Weibull has z on the scale of its log cumulative hazard
    expected = log_survival(z, family(other)), family(other).log_density(z, 0.0)
    for own, exact in zip(found, expected, strict=True):
        # at 0 interpolated in Q, good to about ten digits
        np.testing.assert_allclose(own, exact, rtol=1e-8, atol=1e-9)


def test_the_generalised_gamma_at_minus_one_is_the_inverse_weibull():
    """One over the time is Weibull: S(t) = 1 - 2^(-(m/t)^k)."""
    t, median, shape = np.array([0.5, 2.0, 5.0, 30.0, 400.0]), 5.0, 0.9
    expected = 1.0 - 2.0 ** -((median / t) ** shape)
    np.testing.assert_allclose(
        survival(t, median, shape, "generalised gamma", -1.0), expected, rtol=1e-12
    )


def prentice(q):
    """Survival and density of z by quadrature alone: no gamma function of a huge argument."""
    x, weight = FINE

    def shape_of_density(w):
        return np.exp(-(np.expm1(q * w) - q * w) / q**2)

    def integral(low, high):
        w = (low + high) / 2.0 + (high - low) / 2.0 * x
        return float(np.sum(weight * shape_of_density(w)) * (high - low) / 2.0)

    whole = integral(-12.0, 12.0)
    middle = brentq(lambda w: integral(-12.0, w) - whole / 2.0, -1.0, 1.0, xtol=1e-14)
    return (
        lambda z: integral(z + middle, 12.0) / whole,
        lambda z: float(shape_of_density(z + middle)) / whole,
    )


@pytest.mark.parametrize("q", [-0.06, -0.03, -0.019, -0.004, 0.001, 0.012, 0.0199, 0.02, 0.05, 0.2])
def test_the_generalised_gamma_near_the_log_normal(q):
    assert min(abs(node) for node in Q_NODES) == 0.02
    exact_survival, exact_density = prentice(q)
    for z in (-3.0, -1.0, -0.2, 0.0, 0.5, 1.5, 3.0):
        found = np.exp(log_survival(np.array(z), GAMMA, q))
        assert found == pytest.approx(exact_survival(z), rel=CLOSE)
        found = np.exp(GAMMA.log_density(np.array(z), q))
        assert found == pytest.approx(exact_density(z), rel=CLOSE)


def test_smaller_q_has_the_longer_tail():
    q = np.linspace(-1.5, 1.0, 51)
    late = survival(60.0, 5.0, 0.9, "generalised gamma", q)
    assert (np.diff(late) < 0.0).all()


# --- The long-tail family ------------------------------------------------------------------------


def test_without_a_tail_the_long_tail_family_is_the_weibull():
    z = np.linspace(-8.0, 3.0, 40)
    own = family("long-tail")
    np.testing.assert_allclose(log_survival(z, own), log_survival(z, family("weibull")), rtol=EXACT)
    found, exact = (curve.log_density(z, 0.0) for curve in (own, family("weibull")))
    np.testing.assert_allclose(found, exact, rtol=EXACT, atol=EXACT)


@pytest.mark.parametrize("tail", [-6.0, -2.0, 1.0, 3.0])
def test_the_tail_is_the_log_ratio_of_the_slopes(tail):
    """The slope of the log cumulative hazard: one long before the median, e^tail long after."""
    z = np.array([-20.0, -19.0, 8.0, 9.0])
    cumulative = np.log(-log_survival(z, family("long-tail"), tail))
    early, late = cumulative[1] - cumulative[0], cumulative[3] - cumulative[2]
    # the bend is half a unit of z wide: 8 units beyond it, e^-16 of it is left; beyond the cap of
    # the exponent the curve stands still
    assert early == pytest.approx(1.0, abs=1e-6)
    if tail < 1.5:
        assert late == pytest.approx(np.exp(tail), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "tails"), [("long-tail", (-8.0, -3.0, 3.0)), ("generalised gamma", (-4.0, 4.0))]
)
def test_with_an_extreme_tail_survival_still_falls(name, tails):
    z = np.linspace(-12.0, 12.0, 2001)
    for tail in tails:
        alive = np.exp(log_survival(z, family(name), tail))
        inside = (alive > 1e-12) & (alive < 1.0 - 1e-12)
        assert (np.diff(alive)[inside[1:] & inside[:-1]] < 0.0).all()
        assert (np.diff(alive) <= 0.0).all()
        assert np.isfinite(family(name).log_density(z, tail)[inside]).all()


def test_a_negative_tail_leaves_long_survivors_and_the_early_fall():
    early, late = np.array([0.2, 0.5]), np.array([30.0, 60.0])
    weibull, tailed = (
        [survival(t, 5.0, 0.9, "long-tail", tail) for t in (early, late)] for tail in (0.0, -0.7)
    )
    # a tenth of the median is more than four bends before it
    np.testing.assert_allclose(1.0 - tailed[0], 1.0 - weibull[0], rtol=0.25)
    assert (tailed[1] > 3.0 * weibull[1]).all()


# --- Shapes of arrays, ends of the range ---------------------------------------------------------


def test_arguments_broadcast_and_survival_starts_at_one():
    s = survival(np.array([0.0, 1.0, 3.0])[:, None], np.array([2.0, 9.0]), 0.9, "weibull")
    assert s.shape == (3, 2)
    assert (s[0] == 1.0).all()
    assert (np.diff(s, axis=0) < 0.0).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_tails_and_horizons_broadcast_too(name):
    median, tail = np.array([4.0, 6.0, 9.0]), np.array([-0.5, 0.0, 0.5])
    for function, at in ((survival, 6.0), (restricted_mean, 12.0), (quantile, 0.3)):
        found = function(at, median, 0.9, name, tail)
        each = [function(at, m, 0.9, name, q) for m, q in zip(median, tail, strict=True)]
        np.testing.assert_allclose(found, each, rtol=1e-13)
    assert survival(np.arange(3.0)[:, None], median, 0.9, name, tail).shape == (3, 3)


@pytest.mark.parametrize("name", FAMILIES)
def test_far_beyond_the_data_everything_stays_finite(name):
    z = np.array([-700.0, 40.0, 700.0])
    assert np.isfinite(log_survival(z, family(name), 0.3)).all()
    assert np.isfinite(log_density(z, np.zeros(3), np.zeros(3), family(name), 0.3)).all()


def test_an_unknown_family_names_those_there_are():
    with pytest.raises(ValueError, match=r"'gompertz'.*weibull, log-logistic"):
        survival(1.0, 2.0, 1.0, "gompertz")
