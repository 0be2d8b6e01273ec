"""Figures of biases and the funnel: what is drawn, where it stands, every word readable."""

from __future__ import annotations

from functools import cache

import bias_tables as tables
import numpy as np
import pytest
from matplotlib.colors import to_hex
from plot_tables import assert_printable, boxes, by_gid, overlaps

from synthesis.plots import class_hues, plot_bias, plot_funnel
from synthesis.plots.style import SHEETS

pytestmark = pytest.mark.filterwarnings("error")

WIDTHS = tuple(SHEETS)
KINDS = ("bias", "funnel", "crowded")


@cache
def draw(kind, width="two-column"):
    title = "Biases of retrospective reports"
    if kind == "bias":
        return plot_bias(
            tables.density(), tables.effects(), tables.reports(), width=width, title=title
        )
    return plot_funnel(tables.funnel(40 if kind == "funnel" else 120), width=width, title=title)


def names(figure):
    return [text for text in figure.texts if (text.get_gid() or "").startswith("funnel-name")]


def points(figure):
    (axes,) = figure.axes
    return [line for line in axes.lines if line.get_marker() not in ("None", None, "")]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_word_is_inside_clear_of_the_others_and_large_enough(kind, width):
    figure = draw(kind, width)
    assert_printable(figure, width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["funnel", "crowded"])
def test_names_are_clear_of_every_mark_and_next_to_their_own(kind, width):
    figure = draw(kind, width)
    marks, words = points(figure), names(figure)
    assert len(marks) == (40 if kind == "funnel" else 120)
    assert words
    assert len(overlaps(boxes(figure, marks), boxes(figure, words))) == 0
    beyond = tables.funnel(len(marks))["beyond_sampling"].to_numpy()
    named = {int(text.get_gid().split("-")[2]) for text in words}
    assert named <= set(np.flatnonzero(beyond))


# --- The funnel ----------------------------------------------------------------------------------


def test_points_stand_where_the_table_says_in_the_hue_of_their_class():
    table, named = tables.funnel(), by_gid(draw("funnel"))
    hues = class_hues(table["treatment_class"])
    for number, row in enumerate(table.itertuples(index=False)):
        mark = named[f"funnel-{number}-{row.kind.replace(' ', '-')}"]
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (row.ratio, row.standard_error)
        assert to_hex(
            mark.get_markerfacecolor()
            if row.kind == "retrospective"
            else mark.get_markeredgecolor()
        ) == to_hex(hues[row.treatment_class])
    shapes = {
        row.kind: named[f"funnel-{n}-{row.kind.replace(' ', '-')}"].get_marker()
        for n, row in enumerate(table.itertuples(index=False))
    }
    assert len(set(shapes.values())) == 3


def test_the_standard_error_runs_downwards_and_the_axis_holds_every_point():
    (axes,) = draw("funnel").axes
    assert axes.get_label() == "funnel"
    low, high = axes.get_ylim()
    assert low > high == 0.0
    table = tables.funnel()
    assert low > table["standard_error"].max()
    left, right = axes.get_xlim()
    assert left < table["ratio"].min() < table["ratio"].max() < right
    assert axes.get_xscale() == "log"


def test_limits_are_those_of_a_normal_distribution():
    named = by_gid(draw("funnel"))
    for name, extra in (("sampling", 0.0), ("studies", 0.2)):
        for side, sign in (("left", -1.0), ("right", 1.0)):
            line = named[f"funnel-{name}-{side}"]
            error = np.asarray(line.get_ydata())
            expected = np.exp(sign * 1.96 * np.sqrt(error**2 + extra**2))
            np.testing.assert_allclose(line.get_xdata(), expected)
            assert line.get_linestyle() == "--"
    assert named["funnel-null"].get_xdata()[0] == 1.0


def test_a_median_within_the_limits_is_not_named():
    table = tables.funnel().assign(beyond_sampling=False)
    figure = plot_funnel(table)
    assert names(figure) == []
    assert "Named" not in " ".join(text.get_text() for text in figure.texts)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "planned"}, "the kind of .* is 'planned'; expected one of retrospective"),
        ({"ratio": np.nan}, "are nan and .*; expected numbers above zero"),
        ({"standard_error": 0.0}, "and 0; expected numbers above zero"),
    ],
)
def test_what_cannot_be_drawn_is_named(change, told):
    with pytest.raises(ValueError, match=told):
        plot_funnel(tables.funnel().assign(**change))


def test_an_empty_funnel_and_a_missing_column_are_refused():
    with pytest.raises(ValueError, match="no rows; there is nothing to draw"):
        plot_funnel(tables.funnel().head(0))
    with pytest.raises(ValueError, match="lacks the columns kind"):
        plot_funnel(tables.funnel().drop(columns="kind"))


# --- Biases --------------------------------------------------------------------------------------


def test_reports_stand_at_their_bias_in_the_hue_of_their_class():
    table, named = tables.reports(), by_gid(draw("bias"))
    hues = class_hues(table["treatment_class"])
    for number, row in enumerate(table.itertuples(index=False), start=3):  # below a heading
        dot = named[f"bias-{number}-model"]
        assert dot.get_xdata()[0] == row.estimate
        assert to_hex(dot.get_markerfacecolor()) == to_hex(hues[row.treatment_class])
    far = int(table["upper"].idxmax()) + 3
    assert f"bias-{far}-interval-arrow-right" in named


def test_densities_are_drawn_over_each_other():
    named = by_gid(draw("bias"))
    for number in (0, 1):
        for which in ("prior", "posterior"):
            assert f"bias-{number}-{which}" in named
    x = named["bias-1-prior"].get_xdata()
    assert min(x) == pytest.approx(1.0)  # a spread is not negative


def test_half_and_twice_are_on_the_axis_and_there_may_be_no_report():
    figure = plot_bias(tables.density(), tables.effects(), tables.reports().head(0))
    (axes,) = figure.axes
    left, right = axes.get_xlim()
    assert left < 0.5 < 2.0 < right
    assert "Whole bias" not in " ".join(text.get_text() for text in figure.texts)


def test_an_effect_without_a_density_is_refused():
    own = tables.density()
    with pytest.raises(ValueError, match="no density for spread of biases"):
        plot_bias(own[own["parameter"] == "common bias"], tables.effects(), tables.reports())
