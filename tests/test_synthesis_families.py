"""The two survival families against reference values and against their own definitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from synthesis.families import (
    FAMILIES,
    family,
    log_density,
    log_survival,
    quantile,
    restricted_mean,
    survival,
)

REFERENCE = Path(__file__).parent / "reference" / "survival_functions.json"
NAME_OF = {"weibull": "weibull", "loglogistic": "log-logistic"}
ROWS = [row for row in json.loads(REFERENCE.read_text())["rows"] if row["family"] in NAME_OF]

# Closed forms in double precision against quadrature to 1e-13: what is left is rounding.
EXACT = 1e-11


def arguments(row):
    """Median, shape and family name of a reference row."""
    return row["params"]["median"], row["params"]["shape"], NAME_OF[row["family"]]


def test_the_reference_covers_both_families():
    assert {NAME_OF[row["family"]] for row in ROWS} == set(FAMILIES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['family']}-{row['params']['shape']}")
def test_survival_median_and_restricted_mean_equal_the_reference(row):
    times, expected = zip(*((float(t), s) for t, s in row["S"].items()), strict=True)
    np.testing.assert_allclose(survival(times, *arguments(row)), expected, rtol=EXACT)
    assert quantile(0.5, *arguments(row)) == pytest.approx(row["overall_median"], rel=EXACT)
    horizons, means = zip(*((float(t), m) for t, m in row["RMST"].items()), strict=True)
    np.testing.assert_allclose(restricted_mean(horizons, *arguments(row)), means, rtol=EXACT)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", [0.6, 1.0, 1.7])
def test_the_density_is_the_fall_of_survival(name, shape):
    median, t = 5.0, np.array([0.3, 2.0, 5.0, 14.0])
    z = shape * np.log(t / median)
    step = 1e-5 * t
    fall = survival(t - step, median, shape, name) - survival(t + step, median, shape, name)
    density = np.exp(log_density(z, np.log(shape), np.log(t), family(name)))
    # central differences: truncation about (1e-5)^2, cancellation about 1e-16 / 1e-5
    np.testing.assert_allclose(density, fall / (2.0 * step), rtol=1e-8)


@pytest.mark.parametrize("name", FAMILIES)
def test_quantile_inverts_survival(name):
    p = np.array([1e-6, 0.05, 0.5, 0.9, 0.999])
    times = quantile(p, 4.2, 0.8, name)
    # 1 - S loses six digits at the smallest p
    np.testing.assert_allclose(1.0 - survival(times, 4.2, 0.8, name), p, rtol=1e-9)


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


def test_arguments_broadcast_and_survival_starts_at_one():
    s = survival(np.array([0.0, 1.0, 3.0])[:, None], np.array([2.0, 9.0]), 0.9, "weibull")
    assert s.shape == (3, 2)
    assert (s[0] == 1.0).all()
    assert (np.diff(s, axis=0) < 0.0).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_far_beyond_the_data_everything_stays_finite(name):
    z = np.array([-700.0, 40.0, 700.0])
    assert np.isfinite(log_survival(z, family(name))).all()
    assert np.isfinite(log_density(z, np.zeros(3), np.zeros(3), family(name))).all()


def test_an_unknown_family_names_those_there_are():
    with pytest.raises(ValueError, match=r"'gompertz'.*weibull, log-logistic"):
        survival(1.0, 2.0, 1.0, "gompertz")
