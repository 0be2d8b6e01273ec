"""The committed calibration meets its bars, but for the misses that are listed with a reason."""

from __future__ import annotations

import dataclasses

import pytest
from calibration import figure, study, tables
from calibration.cells import cells

from synthesis.plots.style import style_context

USUAL = {
    **{"arms": 8, "n": "8-40", "family": "weibull", "fitted": "weibull", "censoring": "none"},
    **{"convention": "log-log told", "effect": "", "method": "order_statistics"},
    **{"quantity": "log_median", "coverage": 0.95, "coverage_mcse": 0.015, "bias": 0.0},
    **{"width_ratio": 1.05, "replicates": 200},
}


def a_row(**changed):
    """A line of the table that meets every bar."""
    return tables.Row(**(USUAL | changed))


def beside(row):
    """The same cell by the log-normal approximation."""
    return dataclasses.replace(row, method="lognormal_ci", width_ratio=1.2)


@pytest.fixture(scope="module")
def rows():
    """The committed table."""
    return tables.read_rows()


# --- The committed table -------------------------------------------------------------------------


def test_exactly_the_listed_cells_miss_their_bars(rows):
    found, known = tables.misses(rows), tables.known_misses()
    assert {label: found[label] for label in found.keys() - known.keys()} == {}, "not listed"
    assert sorted(known.keys() - found.keys()) == [], "listed, but met"
    assert all(known.values()), "every miss has its reason"


def test_every_cell_of_the_grid_was_run_in_full(rows):
    done = {(row.cell, row.replicates) for row in rows if row.method == "patients"}
    asked = set()
    for cell in cells():
        own = {k: v for k, v in dataclasses.asdict(cell).items() if k != "effect"}
        effect = "" if cell.effect is None else str(cell.effect)
        asked.add((a_row(**own, effect=effect).cell, sum(study.blocks(cell))))
    assert done == asked


def test_the_naive_form_covers_less_than_the_conditional_one(rows):
    single = tables.where(rows, quantity="histology", arms=1)
    usual, naive = (tables.where(single, method=name) for name in ("order_statistics", "naive"))
    assert tables.coverage_of(naive) < tables.coverage_of(usual)


def test_what_is_committed_beside_the_table(rows):
    for suffix in (".png", ".svg"):
        assert tables.CSV.with_suffix(suffix).stat().st_size > 0
    text = tables.calibration_tables()
    for quantity in {row.quantity for row in rows}:
        assert tables.QUANTITIES[quantity] in text


# --- The bars themselves -------------------------------------------------------------------------


SURVIVAL, HISTOLOGY = {"quantity": "survival_12m_wrong_family"}, {"quantity": "histology"}
CELL = "8 arms of 8-40, weibull, censoring none, log-log told"
LONG = CELL.replace("weibull", "long survivors fitted as weibull")
WRONG = CELL.replace("weibull", "weibull fitted as log-logistic")


@pytest.mark.parametrize(
    ("changed", "labels"),
    [
        ({}, []),
        ({"coverage": 0.89}, ["overall coverage: log_median", f"log_median: {CELL}"]),
        ({"coverage": 0.98}, ["overall coverage: log_median"]),
        ({"width_ratio": 1.13}, ["width beside the patients"]),
        (
            {"width_ratio": 1.15},
            ["width beside the patients", "width beside the log-normal: pooled"],
        ),
        ({"width_ratio": 1.09, "arms": 1, "n": "23"}, ["width beside the log-normal: one arm"]),
        (
            HISTOLOGY | {"effect": "0.0", "coverage": 0.925, "family": "long survivors"},
            ["overall coverage: histology", f"no effect: {LONG}, effect 0.0"],
        ),
        (
            HISTOLOGY | {"effect": "0.8", "coverage": 0.98, "arms": 1, "n": "15 v 8"},
            ["overall coverage: histology", "coverage of one study, 15 v 8"],
        ),
        (
            SURVIVAL | {"coverage": 0.89, "fitted": "log-logistic"},
            [f"overall coverage: {SURVIVAL['quantity']}", f"{SURVIVAL['quantity']}: {WRONG}"],
        ),
        ({"method": "patients", "coverage": 0.5}, []),
    ],
)
def test_what_misses_a_bar_is_named(changed, labels):
    row = a_row(**changed)
    assert list(tables.misses([row, beside(row)])) == labels


def test_known_misses_are_read_with_their_reasons(tmp_path):
    path = tmp_path / "misses.toml"
    assert tables.known_misses(path) == {}
    path.write_text('[[miss]]\nlabels = ["a", "c"]\nreason = "b"\n', encoding="utf-8")
    assert tables.known_misses(path) == {"a": "b", "c": "b"}


# --- The worlds of their own ---------------------------------------------------------------------


def test_a_world_of_two_shapes_says_what_was_found():
    row = a_row(family="weibull of two shapes", quantity="contrast", coverage=0.94)
    patients = dataclasses.replace(row, method="patients", coverage=0.955)
    said = tables.of_two_shapes([row, patients])
    assert "0.940 of the intervals of the contrast of log medians hold it, as the bar" in said
    assert "and 0.955 of those from the patients" in said
    said = tables.of_two_shapes([dataclasses.replace(row, coverage=0.92), patients])
    assert "0.920 of the intervals of the contrast of log medians hold it, which misses" in said


def test_a_cured_fraction_says_what_was_found_even_where_it_fails():
    def rows(fitted, method, median, late):
        wrong = "survival_12m" if fitted == "stacked" else "survival_12m_wrong_family"
        return [
            a_row(family="cured fraction", fitted=fitted, method=method, quantity=q, coverage=own)
            for q, own in (("log_median", median), (wrong, late))
        ]

    found = [
        *rows("stacked", "stacked", 0.94, 0.91),
        *rows("weibull", "order_statistics", 0.95, 0.72),
        *rows("long-tail", "order_statistics", 0.95, 0.93),
    ]
    said = tables.of_cured(found)
    assert "0.940 hold the median and 0.910 S(12 months)" in said
    assert "is in 0.720 under weibull and in 0.930 under long-tail" in said


# --- The picture ---------------------------------------------------------------------------------


def test_the_figure_shows_every_cell_or_says_that_some_lie_beyond():
    inside, outside = a_row(), a_row(censoring="heavy", coverage=0.3)
    with style_context():
        coverage, width = figure.draw([inside, outside, beside(inside)]).axes
    marks = [tuple(xy) for c in coverage.collections for xy in c.get_offsets()]
    assert sorted(x for x, _ in marks) == [0.95, 0.95]
    wedges = [line for line in coverage.lines if line.get_marker() == "<"]
    assert len(wedges) == 1
    assert sorted(x for c in width.collections for x, _ in c.get_offsets()) == [1.05, 1.05, 1.2]
