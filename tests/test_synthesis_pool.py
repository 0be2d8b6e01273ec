"""A plain meta-analysis against published ones solved by quadrature; what its table may hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from command_line import answered, refused
from monte_carlo import reference

from studies.problems import RegistryError
from synthesis.numbers import interval
from synthesis.plots.pool import KINDS as SCALES
from synthesis.plots.pool import plot_pool
from synthesis.questions.pool import Effects, pool, read_effects

# Scale of the prior of the SD behind the exact results, and their name.
CASES = {
    "nnhm_crins2014": (0.5, "hn05_flat"),
    "nnhm_eight_schools": (5.0, "hn05_flat"),
    "nnhm_dat_bcg": (0.5, "hn05_flat"),
    "binlogit_pritz1997": (0.5, "hn05"),
    "binlogit_sim_k20": (0.5, "hn05"),
}
EXACT = {"mean": "mean", "sd": "sd", "median": "estimate", "l95": "lower", "u95": "upper"}
KINDS = {"mean": "mu", "sd": "tau", "new_study": "theta_new"}
# In standard deviations of the posterior: a few times what the grids here and those behind the
# stored results leave, which is up to 1e-5.
TOLERANCE = 3e-5


def effects_of(data):
    if "yi" in data:
        return Effects(data["study"], np.array(data["yi"]), np.array(data["sei"]))
    counts = (np.array(data[key], float) for key in ("r", "n"))
    return Effects(data["study"], *counts, "proportion")


@pytest.fixture(scope="module", params=CASES)
def case(request):
    stored = reference(request.param)
    scale, name = CASES[request.param]
    answer = pool(effects_of(stored["data"]), scale)
    return answer, stored["exact_quadrature"][name]


def on_the_models_scale(answer, row):
    """Quantiles as the exact results have them."""
    values = row[["estimate", "lower", "upper"]].to_numpy(float)
    if answer.effects.scale == "proportion" and row["kind"] != "sd":
        values = np.log(values / (1.0 - values))
    return {"mean": row["mean"], "sd": row["sd"]} | dict(
        zip(("estimate", "lower", "upper"), values, strict=True)
    )


def assert_exact(answer, row, known):
    """A row of a table has the exact summaries, to the tolerance."""
    found = on_the_models_scale(answer, row)
    for name, column in EXACT.items():
        assert abs(found[column] - known[name]) < TOLERANCE * known["sd"], (row["label"], name)


@pytest.mark.parametrize("kind", KINDS)
def test_the_posterior_is_that_of_the_exact_result(case, kind):
    answer, exact = case
    (row,) = (own for _, own in answer.table.iterrows() if own["kind"] == kind)
    assert_exact(answer, row, exact[KINDS[kind]])


def test_each_study_is_shrunk_as_it_should(case):
    answer, exact = case
    studies = answer.table[answer.table["kind"] == "study"]
    for (_, row), own in zip(studies.iterrows(), exact["shrinkage"], strict=True):
        assert_exact(answer, row, own.get("logit", own))


def test_the_comparison_sees_another_prior():
    stored = reference("nnhm_crins2014")
    found = pool(effects_of(stored["data"]), 0.6).table.set_index("kind").loc["sd"]
    known = stored["exact_quadrature"]["hn05_flat"]["tau"]
    assert abs(found["mean"] - known["mean"]) > 1000 * TOLERANCE * known["sd"]


def test_an_sd_far_from_its_prior_and_one_far_below_are_resolved():
    """By the trapezium rule on 40,000 even steps of log tau, from 1e-9 to 1e4."""
    far, near = ([100.0, 120.0, 140.0], [0.2, 0.3, 0.2]), ([0.1, 0.1002, 0.1001], [2e-4] * 3)
    for y, s in (far, near):
        y, s = np.array(y), np.array(s)
        tau = np.exp(np.linspace(np.log(1e-9), np.log(1e4), 40_001))
        weight = 1.0 / (s**2 + tau[:, None] ** 2)
        variance = 1.0 / weight.sum(axis=1)
        mean = variance * (weight @ y)
        log_p = 0.5 * (np.log(weight).sum(axis=1) + np.log(variance)) - 2.0 * tau**2
        log_p -= 0.5 * (weight * (y - mean[:, None]) ** 2).sum(axis=1)
        p = np.exp(log_p - log_p.max()) * tau
        p /= p.sum()
        found = pool(Effects(["a", "b", "c"], y, s), 0.5).table.set_index("kind")
        # beyond six scales of its prior, where the grid ends, lies 3e-6 of the mean
        assert found.loc["sd", "mean"] == pytest.approx(p @ tau, rel=1e-5)
        own = np.sqrt(p @ (variance + (mean - p @ mean) ** 2))
        assert found.loc["mean", "sd"] == pytest.approx(own, rel=1e-5)


def test_large_counts_are_as_their_log_odds():
    """Of 20,000 patients each the likelihood is normal; the prior of the mean, flat for one and
    N(0, 2) for the other, takes one or two hundredths off its tails where three studies are all.
    """
    r, n = np.array([6200.0, 6000.0, 6100.0]), np.full(3, 20_000.0)
    counts = pool(Effects(["a", "b", "c"], r, n, "proportion")).table.set_index("kind")
    odds = Effects(["a", "b", "c"], np.log(r / (n - r)), np.sqrt(n / (r * (n - r))))
    normal = pool(odds).table.set_index("kind")
    for kind in KINDS:
        for column in ("mean", "sd"):
            assert counts.loc[kind, column] == pytest.approx(normal.loc[kind, column], rel=0.03)


def test_ratios_and_proportions_are_told_as_a_reader_sees_them():
    ratio = pool(read_effects("study,estimate,standard_error\na,0,0.1\nb,0.7,0.2\n", "t", "ratio"))
    first = ratio.table.iloc[0]
    expected = np.exp([0.0, -0.1959964, 0.1959964])
    np.testing.assert_allclose(first[2:5].to_numpy(float), expected, rtol=1e-6)
    counts = pool(read_effects("study,events,n\na,0,12\nb,7,7\n", "t")).table
    np.testing.assert_allclose(counts["reported"][:2], [0.0, 1.0])
    # Clopper and Pearson: the limit is 1 - 0.025 ** (1 / n)
    assert counts["reported_upper"][0] == pytest.approx(1 - 0.025 ** (1 / 12))
    assert counts["estimate"][0] < counts["estimate"][1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("study,estimate\na,1\nb,2\n", 'found "study, estimate", expected the columns study,'),
        ("study,events,n\na,1,2\n", "found 1 row, expected the columns"),
        ("study,events,n\na,3,2\nb,1,2\n", "row 2, column events: found 3 of 2, expected whole"),
        (
            "study,events,n\na,1,2\nb,9000000,20000000\n",
            "column n: found studies of 2 to 20,000,000",
        ),
        ("study,events,n\na,1,2\na,1,2\n", 'column study: found "a", expected a name that no'),
        ("study,events,n\na,0.5,2\nb,1,2\n", "found 0.5 of 2, expected whole numbers"),
        ("study,estimate,standard_error\na,1,0\nb,1,1\n", "column standard_error: found 0, expec"),
        ("study,estimate,standard_error\na,x,1\nb,,1\n", 'column estimate: found "x", expected a'),
    ],
)
def test_a_table_that_cannot_be_pooled_is_refused_by_its_cells(text, told):
    with pytest.raises(RegistryError) as caught:
        read_effects(text, "own.csv")
    assert told in str(caught.value)
    assert str(caught.value).startswith("own.csv:")


def test_the_command_says_and_writes_the_table(tmp_path, capsys):
    file = tmp_path / "own.csv"
    file.write_text("study,estimate,standard_error\nAbel 2001,-0.5,0.2\nCain 2002,0.1,0.3\n")
    said = answered(capsys, "pool", file, "--scale", "ratio", "--out", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "tables" / "pool.csv")
    mean = table[table["kind"] == "mean"].iloc[0]
    written = interval(mean["estimate"], mean["lower"], mean["upper"], SCALES["ratio"].write)
    assert f"The mean of 2 studies is {written}" in said
    assert (tmp_path / "out" / "figures" / "pool.svg").is_file()
    assert "cannot be read" in refused(capsys, "pool", tmp_path / "none.csv")


def test_the_figure_has_a_row_a_study_and_two_below():
    answer = pool(effects_of(reference("nnhm_crins2014")["data"]))
    words = [text.get_text() for text in plot_pool(answer.table).texts]
    assert {"Mean", "New study", "Spada (2006)"} <= set(words)
    with pytest.raises(ValueError, match="scale is 'log'"):
        plot_pool(answer.table, scale="log")


@pytest.mark.parametrize("factor", [0.01, 1.0, 5_000.0])
def test_the_axis_of_differences_fits_their_size(factor):
    answer = pool(effects_of(reference("nnhm_crins2014")["data"])).table
    numbers = answer.columns[2:]
    figure = plot_pool(answer.assign(**{name: factor * answer[name] for name in numbers}))
    (axes,) = figure.axes
    assert 2 <= len(axes.get_xticks()) <= 12
    ends = factor * np.array([-5.41, 0.58])  # of the widest reported interval
    lower, upper = axes.get_xlim()
    assert lower < ends[0] < ends[1] < upper
