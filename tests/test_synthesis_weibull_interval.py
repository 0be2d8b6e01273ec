"""A whole posterior: one arm of counts between fixed times, against quadrature elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import CubicSpline

from synthesis.model.families import family, restricted_mean, survival
from synthesis.model.likelihoods import chain_log_likelihood
from synthesis.model.printed import FixedTime, chain

REFERENCE = json.loads(
    (Path(__file__).parent / "reference" / "weibull_onearm_interval.json").read_text()
)

# Deterministic code against quadrature, absolute on the log scale and for probabilities.
TOLERANCE = 1e-4
# The reference takes quantiles of derived quantities from sorted grid cells, good to about 1e-3.
GRID_QUANTILE = 1e-3

LOG_MEDIAN = np.linspace(np.log(6.0) - 2.2, np.log(6.0) + 2.2, 401)
LOG_SHAPE = np.linspace(-1.3, 1.1, 301)


@pytest.fixture(scope="module")
def posterior():
    """Grid, normalised weights and log marginal likelihood."""
    counts = np.array(REFERENCE["counts"])
    alive = 1.0 - np.cumsum(counts)[:-1] / counts.sum()
    points = [FixedTime(t, p) for t, p in zip(REFERENCE["cuts"], alive, strict=True)]
    found = chain(points, float(counts.sum()))
    location, log_shape = (axis.ravel() for axis in np.meshgrid(LOG_MEDIAN, LOG_SHAPE))
    log_likelihood = chain_log_likelihood(found, location, log_shape, family("weibull"))
    log_prior = stats.norm.logpdf(location, np.log(6.0), 1.0)
    log_prior += stats.norm.logpdf(log_shape, 0.0, 0.3)
    cell = (LOG_MEDIAN[1] - LOG_MEDIAN[0]) * (LOG_SHAPE[1] - LOG_SHAPE[0])
    mass = np.exp(log_likelihood + log_prior) * cell
    return location, log_shape, mass / mass.sum(), float(np.log(mass.sum()))


def quantities(location, log_shape):
    """Every quantity of the reference on the grid."""
    median, shape = np.exp(location), np.exp(log_shape)
    return {
        "log_median": location,
        "log_shape": log_shape,
        "median": median,
        "S6": survival(6.0, median, shape, "weibull"),
        "S12": survival(12.0, median, shape, "weibull"),
        "RMST24": restricted_mean(24.0, median, shape, "weibull"),
    }


def test_log_marginal_likelihood(posterior):
    expected = REFERENCE["log_marginal_likelihood_with_multinomial_coefficient"]
    assert posterior[3] == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("name", ["log_median", "log_shape", "median", "S6", "S12", "RMST24"])
def test_mean_sd_and_quantiles(posterior, name):
    location, log_shape, weight, _ = posterior
    values = quantities(location, log_shape)[name]
    expected = REFERENCE[name]
    mean = (weight * values).sum()
    assert mean == pytest.approx(expected["mean"], abs=TOLERANCE)
    sd = np.sqrt((weight * (values - mean) ** 2).sum())
    assert sd == pytest.approx(expected["sd"], abs=TOLERANCE)
    tail = [0.025, 0.5, 0.975]
    if name in ("S6", "S12", "RMST24"):
        order = np.argsort(values)
        middle = np.cumsum(weight[order]) - 0.5 * weight[order]
        found = np.interp(tail, middle, values[order])
        np.testing.assert_allclose(found, expected["q"], rtol=GRID_QUANTILE)
        return
    axis, summed = (LOG_SHAPE, 1) if name == "log_shape" else (LOG_MEDIAN, 0)
    marginal = weight.reshape(LOG_SHAPE.size, LOG_MEDIAN.size).sum(axis=summed)
    fine = np.linspace(axis[0], axis[-1], 200_001)
    cumulated = CubicSpline(axis, marginal).antiderivative()(fine)
    found = np.interp(tail, cumulated / cumulated[-1], fine)
    found = np.exp(found) if name == "median" else found
    # a relative part, because an error of the log median is a relative error of the median
    np.testing.assert_allclose(found, expected["q"], atol=TOLERANCE, rtol=TOLERANCE)


def test_correlation(posterior):
    location, log_shape, weight, _ = posterior
    a, b = (x - (weight * x).sum() for x in (location, log_shape))
    found = (weight * a * b).sum() / np.sqrt((weight * a**2).sum() * (weight * b**2).sum())
    assert found == pytest.approx(REFERENCE["corr_logmed_logshape"], abs=TOLERANCE)
