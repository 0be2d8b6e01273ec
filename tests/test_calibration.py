"""The simulation behind the claims: its papers, its quadrature, and a run that can be resumed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest, norm, weibull_min

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import calibration
import calibration_fits
import grid_posterior as quadrature
import simulated_papers as papers

from priors import load_priors
from synthesis.families import family
from synthesis.ranks import interval_ranks


@pytest.fixture(scope="module")
def grid():
    """Grid of the Weibull hierarchy."""
    return quadrature.make_grid(load_priors(), family("weibull"))


def everyone(n):
    """Patients who all had the event, at 1, 2, ... n months."""
    return papers.Patients(np.arange(1.0, n + 1.0), np.ones(n, dtype=bool))


# --- Papers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("convention", papers.CONVENTIONS)
@pytest.mark.parametrize("n", [8, 15, 23, 36, 60])
def test_without_censoring_printed_limits_have_the_ranks_of_the_model(n, convention):
    middle, lower, upper = papers.limits(papers.kaplan_meier(everyone(n)), convention)
    ranks = interval_ranks(n, convention)
    assert (lower, middle, upper) == (ranks.lower, ranks.median, ranks.upper)


def test_the_curve_of_censored_patients():
    """Five patients, two of them censored: steps of 1/5, then of the 3 and the 1 still at risk."""
    event = np.array([True, False, True, False, True])
    curve = papers.kaplan_meier(papers.Patients(np.arange(1.0, 6.0), event))
    np.testing.assert_allclose(curve.time, [1.0, 3.0, 5.0])
    np.testing.assert_allclose(curve.survival, [4 / 5, 4 / 5 * 2 / 3, 0.0])
    np.testing.assert_allclose(curve.log_variance[:2], [1 / 20, 1 / 20 + 1 / 6])


@pytest.mark.parametrize("name", papers.LOG_TIME)
def test_half_of_the_patients_outlive_the_median(name):
    assert papers.LOG_TIME[name](np.array([0.5])) == pytest.approx(0.0, abs=1e-12)


def test_the_log_rank_p_is_uniform_where_nothing_differs():
    rng = np.random.default_rng(5)

    def p_value():
        draw = [
            papers.draw_patients(
                rng, 30, log_median=1.5, shape=1.0, family="weibull", follow=papers.Follow(5.0, 1.0)
            )
            for _ in range(2)
        ]
        z, p = papers.logrank(*draw)
        assert papers.logrank(*reversed(draw))[0] == pytest.approx(-z)
        return p

    # 300 p values: a departure that KS sees at one in a thousand would be a mistake, not chance
    assert kstest([p_value() for _ in range(300)], "uniform").pvalue > 1e-3


def test_a_paper_prints_one_decimal_and_what_was_not_reached():
    late = papers.Patients(np.full(10, 9.04), np.zeros(10, dtype=bool))
    assert papers.print_arm(late, convention="log", told=True).outcome is None
    few = papers.Patients(np.arange(1.0, 9.0), np.ones(8, dtype=bool))
    printed = papers.print_arm(few, convention="log", told=True, events=True).outcome
    assert (str(printed.median), str(printed.ci[0]), printed.ci[1]) == ("4.5", "3.0", "not reached")
    assert (printed.ci_method, printed.events) == ("log", 8)
    assert papers.print_arm(few, convention="log", told=False).outcome.ci_method is None


# --- Quadrature ----------------------------------------------------------------------------------


def test_the_table_of_patients_is_their_log_likelihood(grid):
    rng = np.random.default_rng(1)
    patients = papers.draw_patients(
        rng, 20, log_median=1.5, shape=0.9, family="weibull", follow=papers.Follow(3.0, 0.5)
    )
    table = quadrature.patients_table(patients, grid)
    for i, j in ((60, 10), (80, 20), (95, 33)):
        k = np.exp(grid.k[j])
        law = weibull_min(k, scale=np.exp(grid.a[i]) / np.log(2.0) ** (1.0 / k))
        died = law.logpdf(patients.months[patients.event]).sum()
        lived = law.logsf(patients.months[~patients.event]).sum()
        assert table[i, j] == pytest.approx(died + lived, rel=1e-10)


def test_pooling_normal_estimates_is_the_normal_normal_model(grid):
    """Against direct summation of the marginal likelihood over a fine grid of mean and spread."""
    y, s = np.array([0.9, 1.4, 1.9, 1.2, 2.1]), np.array([0.25, 0.2, 0.3, 0.22, 0.35])
    tables = [
        np.repeat(norm.logpdf(grid.a, m, e)[:, None], grid.k.size, axis=1)
        for m, e in zip(y, s, strict=True)
    ]
    posterior = quadrature.pooled(tables, grid)
    prior, spread = grid.priors["overall_median"], grid.priors["study_sd"]
    mu = np.linspace(-1.0, 4.0, 1001)[:, None]
    tau = np.linspace(1e-3, 1.35, 400)[None, :]
    log_weight = norm.logpdf(mu, prior.location, prior.scale) + norm.logpdf(tau, 0.0, spread.scale)
    for m, e in zip(y, s, strict=True):
        log_weight = log_weight + norm.logpdf(m, mu, np.hypot(e, tau))
    weight = np.exp(log_weight - log_weight.max())
    for name, points, margin in (
        ("mu", mu.ravel(), weight.sum(axis=1)),
        ("tau", tau.ravel(), weight.sum(axis=0)),
    ):
        cumulative = np.cumsum(margin) / margin.sum()
        expected = np.interp([0.5, 0.025, 0.975], cumulative, points)
        # the coarser grid resolves a tenth of the spread of a posterior
        np.testing.assert_allclose(posterior.interval(name), expected, atol=0.02)


def test_without_data_the_effect_of_histology_is_its_prior():
    grid = quadrature.make_grid(load_priors(), family("log-logistic"), coarse=True)
    flat = np.zeros((grid.a.size, grid.k.size))
    study = quadrature.HistologyStudy(pure=flat, mixed=flat)
    middle, lower, upper = quadrature.pooled_by_histology([study], grid).interval("eta")
    scale = grid.priors["histology_prognostic"].scale
    assert middle == pytest.approx(0.0, abs=1e-9)
    # the grid ends at 2.2 and has steps of 0.1
    assert (lower, upper) == pytest.approx((-1.96 * scale, 1.96 * scale), abs=0.03)


# --- The run -------------------------------------------------------------------------------------


def test_a_run_is_resumed_and_summed_up(tmp_path):
    cell = calibration.Cell(1, "15", "weibull", "weibull", "moderate", "log-log told")
    assert cell in calibration.cells()
    calibration.run([cell], tmp_path, most=2 * calibration.BLOCK, processes=1)
    files = sorted(tmp_path.glob("*.json"))
    assert len(files) == 2
    files[0].unlink()
    before = files[1].stat().st_mtime_ns
    calibration.run([cell], tmp_path, most=2 * calibration.BLOCK, processes=1)
    assert sorted(tmp_path.glob("*.json")) == files
    assert files[1].stat().st_mtime_ns == before
    rows = calibration.summary([cell], tmp_path)
    assert {row["method"] for row in rows} == {
        "order_statistics",
        "lognormal_ci",
        "wald_months",
        "patients",
    }
    assert {row["quantity"] for row in rows} == {"log_median", "survival_12m"}
    assert all(tuple(row) == calibration.COLUMNS for row in rows)
    patients = [row for row in rows if row["method"] == "patients"]
    assert [row["width_ratio"] for row in patients] == [1.0, 1.0]
    assert all(row["replicates"] == 2 * calibration.BLOCK for row in patients)


def test_a_block_is_the_same_each_time_and_unlike_the_next():
    cell = calibration.Cell(1, "8", "log-logistic", "log-logistic", "none", "log untold")
    first, again, other = (calibration_fits.simulate(cell, block, 2) for block in (0, 0, 1))
    assert first == again
    assert first != other
