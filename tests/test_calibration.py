"""The simulation behind the claims: its papers, and a run that can be resumed."""

from __future__ import annotations

import csv
from decimal import Decimal
from itertools import combinations

import numpy as np
import pytest
from calibration import fits, papers, study, tables
from calibration.cells import Cell, cells, usual_cells
from scipy.stats import kstest, weibull_min

from synthesis.model.families import survival
from synthesis.model.printed import METHODS, interval_ranks
from synthesis.predictive import kaplan_meier, logrank


def everyone(n):
    """Patients who all had the event, at 1, 2, ... n months."""
    return papers.Patients(np.arange(1.0, n + 1.0), np.ones(n, dtype=bool))


def drawn_patients(rng, n, truth):
    """Patients who are followed for one to six medians."""
    follow = papers.Follow(5.0, 1.0)
    return papers.draw_patients(rng, n, log_median=1.5, shape=0.9, truth=truth, follow=follow)


# --- Truths --------------------------------------------------------------------------------------


@pytest.mark.parametrize("truth", papers.TRUTHS.values(), ids=papers.TRUTHS)
def test_half_of_the_patients_outlive_the_median_and_quantiles_invert_survival(truth):
    assert truth.survival(np.zeros(1)) == pytest.approx(0.5, abs=1e-12)
    u = np.array([1e-6, 0.01, 0.2, 0.5, 0.8, 0.99, 0.9999])
    u = u[u < 1.0 - truth.survival(np.array(50.0))]  # the cured have no quantile
    np.testing.assert_allclose(1.0 - truth.survival(truth.quantile(u)), u, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "tail"),
    [("weibull", 0.0), ("log-logistic", 0.0), ("log-normal", 0.0), ("generalised gamma", -0.5)],
)
def test_truths_are_the_families_of_the_package(name, tail):
    """Two ways to write one law: neither knows of the other."""
    z = np.linspace(-4.0, 3.0, 15)
    own = survival(np.exp(z), 1.0, 1.0, name, tail)
    np.testing.assert_allclose(papers.TRUTHS[name].survival(z), own, rtol=1e-9)


def test_one_in_eight_of_the_mixture_lives_eight_times_as_long():
    truth = papers.TRUTHS["long survivors"]
    short = weibull_min(truth.shape, scale=np.log(2.0) ** (-1.0 / truth.shape))
    months = np.array([0.1, 0.5, 1.0, 2.0, 5.0, 20.0])
    mixed = 0.88 * short.sf(months) + 0.12 * short.sf(months / 8.0)
    median = np.exp(truth._median / truth.shape)
    z = truth.shape * np.log(months / median)
    np.testing.assert_allclose(truth.survival(z), mixed, rtol=1e-10)


def test_one_in_eight_of_a_cured_fraction_never_dies():
    truth = papers.TRUTHS["cured fraction"]
    assert truth.survival(np.array(40.0)) == pytest.approx(0.12)
    drawn = drawn_patients(np.random.default_rng(1), 4000, truth)
    # nobody is followed for more than six medians
    assert drawn.months.max() < 6.0 * np.exp(1.5)
    assert 0.12 < np.mean(~drawn.event) < 0.4


# --- Papers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("convention", METHODS)
@pytest.mark.parametrize("n", [8, 15, 23, 36, 60])
def test_without_censoring_printed_limits_have_the_ranks_of_the_model(n, convention):
    curve = kaplan_meier(everyone(n))
    ranks = interval_ranks(n, convention)
    assert papers.limits(curve, convention) == (ranks.lower, ranks.upper)
    assert curve.median == ranks.median


def test_the_curve_of_censored_patients():
    """Five patients, two of them censored: steps of 1/5, then of the 3 and the 1 still at risk."""
    event = np.array([True, False, True, False, True])
    curve = kaplan_meier(papers.Patients(np.arange(1.0, 6.0), event))
    np.testing.assert_allclose(curve.time, [1.0, 3.0, 5.0])
    np.testing.assert_allclose(curve.survival, [4 / 5, 4 / 5 * 2 / 3, 0.0])
    np.testing.assert_allclose(curve.variance[:2], [1 / 20, 1 / 20 + 1 / 6])


def test_the_log_rank_p_is_uniform_where_nothing_differs():
    rng = np.random.default_rng(5)

    def p_value():
        draw = [drawn_patients(rng, 30, papers.TRUTHS["weibull"]) for _ in range(2)]
        assert logrank(*reversed(draw))[0] == pytest.approx(-logrank(*draw)[0])
        return papers.logrank_p(*draw)

    # 300 p values: a departure that KS sees at one in a thousand would be a mistake, not chance
    assert kstest([p_value() for _ in range(300)], "uniform").pvalue > 1e-3


def test_a_paper_prints_one_decimal_and_what_was_not_reached():
    def printed(**style):
        return papers.print_arm(everyone(8), papers.Style("log", **style)).outcome

    few, whole = printed(told=True, events=True), printed(digits=0)
    assert (str(few.median), str(few.ci[0]), few.ci[1]) == ("4.5", "3.0", "not reached")
    assert (few.ci_method, few.events, few.follow_up) == ("log", 8, None)
    assert printed().ci_method is None
    assert (str(whole.median), str(whole.ci[0])) == ("4", "3")


def test_a_median_that_was_not_reached_is_printed_with_the_follow_up():
    """Nine of ten are censored, at 9.04 months; the one event is before them."""
    months = np.r_[3.0, np.full(9, 9.04)]
    late = papers.Patients(months, months < 9.0)
    printed = papers.print_arm(late, papers.Style("log")).outcome
    assert (printed.median, str(printed.follow_up)) == ("not reached", "9.0")
    assert printed.ci is None


def test_landmarks_carry_the_interval_of_their_transformation():
    """Of eight, four outlive 4.2 months: 0.5 -/+ 1.96 x 0.177 on the plain scale."""
    style = papers.Style("plain", landmark=4.2, landmark_interval=True)
    (mark,) = papers.print_arm(everyone(8), style).landmarks
    assert (mark.survival, mark.ci) == (Decimal("0.50"), (Decimal("0.15"), Decimal("0.85")))
    assert papers.print_arm(everyone(8), papers.Style("plain", landmark=8.0)).landmarks == ()


# --- The run -------------------------------------------------------------------------------------


def test_a_run_is_resumed_and_summed_up(tmp_path):
    cell = Cell(1, "15", "weibull", "weibull", "moderate", "log untold")
    assert cell in cells()
    most = study.BLOCK + 5
    study.run([cell], tmp_path, most=most, processes=1)
    files = sorted(tmp_path.glob("*.json"))
    assert len(files) == 2
    files[0].unlink()
    before = files[1].stat().st_mtime_ns
    study.run([cell], tmp_path, most=most, processes=1)
    assert sorted(tmp_path.glob("*.json")) == files
    assert files[1].stat().st_mtime_ns == before
    rows = study.summary([cell], tmp_path)
    methods = {"order_statistics", "lognormal_ci", "wald_months", "patients"}
    assert {row["method"] for row in rows} == methods
    assert {row["quantity"] for row in rows} == {"log_median", "survival_12m"}
    assert all(tuple(row) == study.COLUMNS for row in rows)
    patients = [row for row in rows if row["method"] == "patients"]
    assert [(row["width_ratio"], row["replicates"]) for row in patients] == [(1.0, most)] * 2


def test_a_block_is_the_same_each_time_and_unlike_the_next():
    cell = Cell(1, "8", "log-logistic", "log-logistic", "none", "log untold")
    first, again, other = (fits.simulate(cell, block, 2) for block in (0, 0, 1))
    assert first == again
    assert first != other


def test_the_grid_pairs_every_level_with_every_other():
    """But the families with one another, of which each pairing has a purpose."""
    usual = usual_cells()
    assert len(set(cells())) == len(cells())
    pairs = combinations(("n", "family", "censoring", "convention"), 2)
    for one, other in (*pairs, ("fitted", "censoring"), ("fitted", "convention")):
        levels = [{getattr(cell, name) for cell in usual} for name in (one, other)]
        met = {(getattr(cell, one), getattr(cell, other)) for cell in usual}
        assert len(met) == len(levels[0]) * len(levels[1]), (one, other)


@pytest.mark.slow
def test_the_smoke_grid_runs_every_kind_of_cell(tmp_path):
    """A replicate of each: one arm, several, families stacked, two groups of one or several, and
    two arms of unlike shapes."""
    first = {
        (c.arms > 1, c.effect is not None, c.fitted == "stacked", "shapes" in c.family): c
        for c in reversed(cells())
    }
    assert len(first) == 6
    study.run(list(first.values()), tmp_path, most=1, processes=1)
    rows = study.summary(first.values(), tmp_path)
    # no cell with a wrong family is among the first
    quantities = tables.QUANTITIES.keys() - {"survival_12m_wrong_family"}
    assert {row["quantity"] for row in rows} == quantities
    effects = {"" if cell.effect is None else cell.effect for cell in first.values()}
    assert {row["effect"] for row in rows} == effects
    assert {row["method"] for row in rows} == set(tables.METHODS)
    assert all(0.0 < row["width_ratio"] < 10.0 for row in rows)


def test_a_part_of_the_grid_never_overwrites_the_committed_table(tmp_path):
    words = ["arms=1 n=8 ", "family=weibull fitted=weibull", "=moderate", "=log-log told"]
    given = ["--replicates", "1", "--processes", "1", "--runs", str(tmp_path)]
    study.main(["--only", *words, *given])
    with (tmp_path / "part.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["n"] for row in rows} == {"8"}
    assert {row["convention"] for row in rows} == {"log-log told"}


def test_cells_are_renewed_in_the_stored_table_and_nothing_else_is(tmp_path):
    """A cell that is no longer in the grid goes."""
    other = Cell(1, "15", "weibull", "weibull", "moderate", "log untold")
    cell = Cell(1, "15 v 8", "weibull", "weibull", "none", "log-log untold", 0.0)
    study.run([other, cell], tmp_path, most=1, processes=1)
    gone = dict(study.summary([other], tmp_path)[0], n="16")
    stored = [*study.summary([cell, other], tmp_path), gone]
    new = [dict(row, coverage=0.5) for row in study.summary([cell], tmp_path)]
    as_read = [{name: str(value) for name, value in row.items()} for row in stored]
    found = study.renewed(as_read, new)
    kept = [row for row in as_read if row["n"] == "15"]
    assert found == [*kept, *new]


def test_a_cell_is_renewed_in_full_only(tmp_path, capsys):
    with pytest.raises(SystemExit):
        study.main(["--renew", "--smoke", "--runs", str(tmp_path)])
    assert "leave --smoke" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
