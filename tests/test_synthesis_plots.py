"""Figures: what is drawn, where it stands, and that every word can be read."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from plot_tables import (
    CLASSES,
    ENDPOINTS,
    SIZES,
    assert_printable,
    boxes,
    by_gid,
    curve_tables,
    draw,
    forest_table,
    overlaps,
    shown_texts,
)

from synthesis.plots import class_hues, plot_curves, plot_forest, style_context
from synthesis.plots.marks import SQUARE_FULL_AT, square_side
from synthesis.plots.page import text_width
from synthesis.plots.scales import MONTH_TICKS
from synthesis.plots.style import SHEETS

pytestmark = pytest.mark.filterwarnings("error")

WIDTHS = tuple(SHEETS)
ALL = [(what, width) for what in (*ENDPOINTS, "curves") for width in WIDTHS]


@pytest.fixture(scope="module")
def os_figure() -> Figure:
    return plot_forest(forest_table())


# Every figure at every width


@pytest.mark.parametrize(("what", "width"), ALL)
def test_every_word_is_inside_clear_of_the_others_and_large_enough(what, width):
    figure = draw(what, width)
    assert_printable(figure, width)


@pytest.mark.parametrize(("what", "width"), ALL)
def test_marks_stay_inside_and_clear_of_words(what, width):
    figure = draw(what, width)
    # Legend samples belong to the figure, everything else to its axes; curves may pass under
    # nothing but their own points, so only single marks are checked.
    marks = [line for axes in figure.axes for line in axes.lines if line.get_marker() != "None"]
    extents = boxes(figure, marks)
    wide, high = figure.get_size_inches() * 72
    assert (extents[:, 0] > 0).all()
    assert (extents[:, 2] < wide).all()
    assert (extents[:, 3] < high).all()
    words = [text for text in shown_texts(figure) if text in figure.texts]
    assert len(overlaps(extents, boxes(figure, words))) == 0


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rows", [(1, 1), (3, 1), (5, 2)])
def test_small_tables_are_drawn_too(rows, width):
    table = forest_table("os", *rows).query("kind != 'heterogeneity'")
    figure = plot_forest(table.assign(events=pd.NA), width=width)
    words = " ".join(text.get_text() for text in shown_texts(figure))
    assert "events" not in words
    extents = boxes(figure, shown_texts(figure))
    assert all(i == j for i, j in overlaps(extents, extents))


# Forest plot


def test_forest_places_both_marks_of_a_study(os_figure):
    named = by_gid(os_figure)
    table = forest_table().reset_index(drop=True)
    checked = 0
    for i, row in table[table["kind"] == "cohort"].iterrows():
        dot = named[f"forest-os-row-{i}-model"]
        assert dot.get_xdata()[0] == pytest.approx(row["estimate"])
        line = named[f"forest-os-row-{i}-model-line"].get_xdata()
        assert tuple(line) == pytest.approx((row["lower"], row["upper"]))
        if row["printed_not_reached"] or math.isnan(row["printed_value"]):
            assert f"forest-os-row-{i}-printed" not in named
            continue
        square = named[f"forest-os-row-{i}-printed"]
        assert square.get_xdata()[0] == pytest.approx(row["printed_value"])
        assert square.get_markerfacecolor() == "white"
        assert square.get_marker() == "s"
        assert dot.get_marker() == "o"
        assert to_hex(dot.get_markerfacecolor()) == to_hex(dot.get_markeredgecolor())
        # One point of the vertical coordinate is one point on paper: the marks do not touch.
        apart = dot.get_ydata()[0] - square.get_ydata()[0]
        assert apart >= (dot.get_markersize() + square.get_markersize()) / 2
        checked += 1
    assert checked > 30


def test_area_of_squares_is_proportional_to_patients(os_figure):
    named = by_gid(os_figure)
    table = forest_table().reset_index(drop=True)
    for i, row in table[table["printed_value"].notna()].iterrows():
        side = named[f"forest-os-row-{i}-printed"].get_markersize()
        assert side == pytest.approx(square_side(row["n"]))
    assert square_side(80) ** 2 == pytest.approx(2 * square_side(40) ** 2)
    assert square_side(5 * SQUARE_FULL_AT) == square_side(SQUARE_FULL_AT)
    assert square_side(math.nan) == square_side(1)


def test_not_reached_is_an_arrow_at_the_end_of_the_axis_and_words(os_figure):
    named = by_gid(os_figure)
    end = os_figure.axes[0].get_xlim()[1]
    table = forest_table().reset_index(drop=True)
    cohorts = table[table["kind"] == "cohort"]
    for i, row in cohorts.iterrows():
        arrow = named.get(f"forest-os-row-{i}-printed-arrow-right")
        beyond = row["printed_upper"] > end
        expected = row["printed_not_reached"] or row["printed_upper_not_reached"] or beyond
        assert (arrow is not None) == expected
        if arrow is not None:
            assert arrow.get_xdata()[0] == pytest.approx(end)
        if row["printed_not_reached"]:
            assert "NR" in named[f"forest-os-row-{i}-printed-0"].get_text()
    assert cohorts["printed_not_reached"].sum() >= 3
    assert (cohorts["printed_upper"] > end).any()
    assert "NR, not reached" in " ".join(text.get_text() for text in os_figure.texts)


def test_diamond_and_prediction_end_at_their_limits(os_figure):
    named = by_gid(os_figure)
    table = forest_table().reset_index(drop=True)
    left, right = os_figure.axes[0].get_xlim()
    for i, row in table[table["kind"] == "mean_study"].iterrows():
        corners = named[f"forest-os-row-{i}-mean-study"].get_xy()
        assert corners[:, 0].min() == pytest.approx(row["lower"])
        assert corners[:, 0].max() == pytest.approx(row["upper"])
        assert corners[1, 0] == corners[3, 0] == pytest.approx(row["estimate"])
    for i, row in table[table["kind"] == "new_study"].iterrows():
        bar = named[f"forest-os-row-{i}-new-study"]
        assert bar.get_x() == pytest.approx(max(row["lower"], left))
        assert bar.get_x() + bar.get_width() == pytest.approx(min(row["upper"], right))
        assert f"forest-os-row-{i}-new-study-arrow-right" in named


def test_axis_is_logarithmic_in_months_and_linear_in_percent(os_figure):
    axes = os_figure.axes[0]
    assert axes.get_xscale() == "log"
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert set(map(float, labels)) <= set(MONTH_TICKS)
    assert {"1", "12", "48"} <= set(labels)
    response = plot_forest(forest_table("response"), endpoint="response").axes[0]
    assert response.get_xscale() == "linear"
    assert response.get_xlim() == (0, 100)
    dot = by_gid(response.figure)["forest-response-row-2-model"]
    expected = forest_table("response")["estimate"].iloc[2]
    assert dot.get_xdata()[0] == pytest.approx(100 * expected)


def test_words_of_the_table_are_printed_as_they_stand(os_figure):
    named = by_gid(os_figure)
    table = forest_table().reset_index(drop=True)
    for i, row in table[table["kind"] == "cohort"].iterrows():
        for part, column in (("printed", "printed"), ("estimate", "estimate_text")):
            words = named[f"forest-os-row-{i}-{part}-0"].get_text()
            assert words == re.sub(r"(?<=[\dR])-(?=[\dN])", "–", row[column])
        assert named[f"forest-os-row-{i}-label-0"].get_text() == f"{row['label']} {row['year']}"
        assert named[f"forest-os-row-{i}-n"].get_text() == str(row["n"])


def test_values_are_aligned_at_the_decimal_point(os_figure):
    table = forest_table().reset_index(drop=True)
    named = by_gid(os_figure)
    places = set()
    for i, row in table[table["kind"].isin(["cohort", "new_study", "mean_study"])].iterrows():
        words = named[f"forest-os-row-{i}-estimate-0"]
        weight = "bold" if row["kind"] == "mean_study" else "normal"
        head = words.get_text().split(".")[0]
        with style_context():
            width = text_width(head, words.get_fontsize(), weight)
        places.add(round(words.get_position()[0] + width, 6))
    assert len(places) == 1


def test_classes_are_headed_where_they_have_several_treatments(os_figure):
    words = [text.get_text() for text in os_figure.texts if text.get_weight() == "bold"]
    assert words.count("Multikinase inhibitor") == 1
    assert "mTOR inhibitor" not in words
    named = by_gid(os_figure)
    table = forest_table().reset_index(drop=True)
    lone = table.index[(table["kind"] == "treatment") & (table["treatment"] == "Upsilolimus")][0]
    # The hue of the class is still explained in words, beside the treatment.
    assert named[f"forest-os-row-{lone}-class"].get_text() == "mTOR inhibitor"


@pytest.mark.parametrize("width", WIDTHS)
def test_height_follows_the_number_of_rows(width):
    table = forest_table("os", 3, 1)
    cohort = table[table["kind"] == "cohort"].iloc[[0]]
    heights = []
    for extra in range(3):
        longer = pd.concat([table.iloc[:2], *[cohort] * (1 + extra), table.iloc[3:]])
        heights.append(plot_forest(longer, width=width).get_size_inches()[1] * 72)
    steps = np.diff(heights)
    assert steps[0] == pytest.approx(steps[1])
    lines = 2 if width == "one-column" else 1
    assert steps[0] < 1.35 * SHEETS[width].body * lines


def test_one_column_drops_design_and_merges_patients():
    named = by_gid(plot_forest(forest_table(), width="one-column"))
    assert not any(name.endswith(("-place", "-n", "-events")) for name in named)
    labels = [named[name].get_text() for name in named if re.search(r"-2-label-\d", name)]
    assert " ".join(labels).endswith(f"({SIZES[0]})")


def test_hues_can_be_shared_between_figures():
    hues = class_hues([*reversed(CLASSES)])
    figure = plot_forest(forest_table("pfs", 4, 2), endpoint="pfs", hues=hues)
    dot = by_gid(figure)["forest-pfs-row-2-model"]
    assert to_hex(dot.get_markerfacecolor()) == hues["Multikinase inhibitor"].lower()
    with pytest.raises(ValueError, match="no colour for the classes Multikinase"):
        plot_forest(forest_table("pfs", 4, 2), endpoint="pfs", hues={})


def test_forest_says_what_is_wrong_with_its_input():
    table = forest_table("os", 3, 1)
    with pytest.raises(ValueError, match=r"plot_forest: the table lacks the columns n, printed "):
        plot_forest(table.drop(columns=["n", "printed"]))
    with pytest.raises(ValueError, match="no rows"):
        plot_forest(table.iloc[:0])
    with pytest.raises(ValueError, match="no cohort and no pooled row"):
        plot_forest(table[table["kind"] == "class"])
    with pytest.raises(ValueError, match="width is 'poster'; expected one of one-column"):
        plot_forest(table, width="poster")
    with pytest.raises(ValueError, match="endpoint is 'dss'; expected one of os"):
        plot_forest(table, endpoint="dss")


# Survival curves


def test_curves_have_one_panel_per_treatment_on_shared_axes():
    curves, points = curve_tables()
    figure = plot_curves(curves, points)
    assert [axes.get_label() for axes in figure.axes] == list(curves["treatment"].unique())
    assert {axes.get_xlim() for axes in figure.axes} == {(0.0, 24.0)}
    assert {axes.get_ylim() for axes in figure.axes} == {(0.0, 100.0)}
    words = [text.get_text() for text in figure.texts]
    assert "1 cohort, 3 patients" in words
    assert "2 cohorts, 22 patients" in words
    told = plot_curves(curves.assign(cohorts=7, patients=314), points)
    assert sum(text.get_text() == "7 cohorts, 314 patients" for text in told.texts) == 14


def test_curve_is_faded_beyond_twice_the_last_printed_point():
    curves, points = curve_tables(treatments=2)
    named = by_gid(plot_curves(curves, points))
    known, faded = (named[f"curves-panel-1-curve{suffix}"] for suffix in ("", "-faded"))
    assert known.get_xdata().max() == faded.get_xdata().min() == pytest.approx(12.0)
    assert known.get_linestyle() == "-"
    assert faded.get_linestyle() == "--"
    assert sum(to_rgb(faded.get_color())) > sum(to_rgb(known.get_color()))
    assert known.get_ydata()[0] == 100
    # Twice the last printed point is the end of the axis: nothing within it is faded.
    assert named["curves-panel-0-curve"].get_xdata().max() == pytest.approx(24.0)


def test_printed_points_stand_where_they_were_printed():
    curves, points = curve_tables(treatments=4)
    figure = plot_curves(curves, points)
    named = by_gid(figure)
    for panel, treatment in enumerate(curves["treatment"].unique()):
        own = points[points["treatment"] == treatment]
        for number, row in enumerate(own[own["kind"] == "median"].to_dict("records")):
            name = f"curves-panel-{panel}-median-{number}-printed"
            assert (f"{name}-arrow-right" in named) == math.isinf(row["time_upper"])
            assert (name in named) == math.isfinite(row["time"])
            if name in named:
                assert named[name].get_xdata()[0] == pytest.approx(row["time"])
                assert named[name].get_ydata()[0] == 50
        for number, row in enumerate(own[own["kind"] == "landmark"].to_dict("records")):
            name = f"curves-panel-{panel}-landmark-{number}-landmark"
            assert named[name].get_xdata()[0] == 12
            assert named[name].get_ydata()[0] == pytest.approx(30)
            if not math.isnan(row["survival_lower"]):
                assert tuple(named[f"{name}-line"].get_ydata()) == pytest.approx((10, 55))


def test_horizon_follows_the_data_of_the_figure():
    figure = plot_curves(*curve_tables(treatments=2, months=60.0))
    assert figure.axes[0].get_xlim() == (0, 60)
    ticks = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    assert ticks == ["0", "12", "24", "36", "48", "60"]
    given_one = plot_curves(*curve_tables(treatments=2, months=60.0), horizon=24)
    assert given_one.axes[0].get_xlim() == (0, 24)


def test_curves_refuse_two_curves_and_no_panel():
    curves, points = curve_tables(treatments=2)
    with pytest.raises(ValueError, match="two rows for treatment Alfatinib, time"):
        plot_curves(pd.concat([curves, curves]), points)
    with pytest.raises(ValueError, match="at least 9 cohorts"):
        plot_curves(curves, points, minimum_cohorts=9)
    assert len(plot_curves(curves, points, minimum_cohorts=2).axes) == 1
    with pytest.raises(ValueError, match="points: the table lacks the columns time_lower"):
        plot_curves(curves, points.drop(columns="time_lower"))
