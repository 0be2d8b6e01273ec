"""Figures of benefit, effects, influence: what is drawn, where it stands, every word readable."""

from __future__ import annotations

from functools import cache

import benefit_tables as tables
import numpy as np
import pytest
from matplotlib.colors import to_hex
from plot_tables import assert_printable, boxes, by_gid, overlaps, shown_texts

from synthesis.plots import plot_benefit, plot_effects, plot_influence
from synthesis.plots.scales import difference_scale
from synthesis.plots.style import SHEETS

pytestmark = pytest.mark.filterwarnings("error")

WIDTHS = tuple(SHEETS)
KINDS = ("benefit", "effects", "single", "influence", "medians")


@cache
def draw(kind, width="two-column"):
    title = "Benefit in pure and in mixed tumours"
    if kind == "benefit":
        return plot_benefit(
            tables.benefit(), reference="Best supportive care", width=width, title=title
        )
    if kind == "effects":
        return plot_effects(tables.density(), tables.effects(), width=width, title=title)
    if kind == "single":
        return plot_effects(
            tables.density(),
            tables.effects(),
            printed=tables.printed(),
            shown=tables.shown(),
            width=width,
        )
    unit = "ratio" if kind == "influence" else "months"
    return plot_influence(tables.influence(unit), width=width, title=title)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_word_is_inside_clear_of_the_others_and_large_enough(kind, width):
    figure = draw(kind, width)
    assert_printable(figure, width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_marks_stay_inside_and_clear_of_words(kind, width):
    figure = draw(kind, width)
    marks = [line for axes in figure.axes for line in axes.lines if line.get_marker() != "None"]
    assert marks or kind == "effects"
    extents = boxes(figure, marks) if marks else np.zeros((0, 4))
    wide, high = figure.get_size_inches() * 72
    assert (extents[:, 0] > 0).all()
    assert (extents[:, 2] < wide).all()
    assert (extents[:, 3] < high).all()
    own = [text for text in shown_texts(figure) if text in figure.texts]
    assert len(overlaps(extents, boxes(figure, own))) == 0


# --- Benefit -------------------------------------------------------------------------------------


def test_pure_is_open_above_mixed_and_each_stands_where_the_table_says():
    named = by_gid(draw("benefit"))
    groups = list(tables.benefit().groupby("treatment", sort=False))
    for number, (_, own) in enumerate(groups):
        pure, mixed = own.to_dict("records")
        ring = named[f"benefit-{number}-medians-pure-ring"]
        dot = named[f"benefit-{number}-medians-mixed-model"]
        assert ring.get_xdata()[0] == pytest.approx(pure["median"])
        assert dot.get_xdata()[0] == pytest.approx(mixed["median"])
        assert ring.get_ydata()[0] < dot.get_ydata()[0]
        assert ring.get_markerfacecolor() == "white"
        assert to_hex(dot.get_markerfacecolor()) == to_hex(dot.get_markeredgecolor())
        if pure["is_reference"]:
            assert f"benefit-{number}-gains-pure-ring" not in named
        else:
            gain = named[f"benefit-{number}-gains-mixed-model"]
            assert gain.get_xdata()[0] == pytest.approx(mixed["gain"])
            assert gain.get_ydata()[0] == dot.get_ydata()[0]


def test_a_gain_beyond_the_axis_ends_in_an_arrow():
    figure = draw("benefit")
    last = len(tables.benefit()) // 2 - 2
    named = by_gid(figure)
    upper = tables.benefit()["gain_upper"].max()
    (axes,) = [axes for axes in figure.axes if axes.get_label() == "gains"]
    assert upper > axes.get_xlim()[1]
    assert f"benefit-{last}-gains-mixed-interval-arrow-right" in named
    assert any("beyond the axis" in text.get_text() for text in shown_texts(figure))


def test_without_a_reference_there_are_no_gains():
    table = tables.benefit().assign(gain=np.nan, gain_lower=np.nan, gain_upper=np.nan)
    figure = plot_benefit(table)
    assert [axes.get_label() for axes in figure.axes] == ["medians"]
    one = plot_benefit(tables.benefit(), reference="Best supportive care", width="one-column")
    assert [axes.get_label() for axes in one.axes] == ["medians"]


# --- Effects -------------------------------------------------------------------------------------


def test_posterior_is_filled_prior_is_an_outline_and_the_bar_is_the_share():
    named = by_gid(draw("effects"))
    density = tables.density()
    for number, row in enumerate(tables.effects().to_dict("records")):
        assert f"effects-{number}-posterior-area" in named
        assert f"effects-{number}-prior-area" not in named
        drawn = named[f"effects-{number}-prior"]
        assert drawn.get_linestyle() != "-"
        own = density.query("parameter == @row['parameter'] and which == 'prior'")
        x, y = drawn.get_data()
        top = own.loc[own["density"].idxmax(), "x"]
        # vertical positions run downwards
        assert x[np.argmin(y)] == pytest.approx(top)
        bar = named[f"effects-{number}-share-area"]
        assert bar.get_width() == pytest.approx(100.0 * row["prior_share"])
        assert named[f"effects-{number}-whole-area"].get_width() == pytest.approx(100.0)


def test_printed_ratio_and_what_is_shown_stand_below_the_effects():
    named = by_gid(draw("single"))
    effects = len(tables.effects())
    square = named[f"effects-{effects + 1}-printed"]
    assert square.get_xdata()[0] == pytest.approx(2.4)
    first = effects + 3
    for number, row in enumerate(tables.shown().to_dict("records"), start=first):
        assert named[f"effects-{number}-ring"].get_xdata()[0] == pytest.approx(row["true_ratio"])
        if np.isnan(row["shown_ratio"]):
            assert f"effects-{number}-model" not in named
        else:
            dot = named[f"effects-{number}-model"]
            assert dot.get_xdata()[0] == pytest.approx(row["shown_ratio"])


def test_in_one_column_the_share_is_told():
    figure = draw("effects", "one-column")
    assert [axes.get_label() for axes in figure.axes] == ["ratio"]
    texts = {text.get_text() for text in shown_texts(figure)}
    assert {f"{100 * share:.0f}%" for share in tables.effects()["prior_share"]} <= texts


# --- Influence -----------------------------------------------------------------------------------


def test_each_row_stands_where_the_table_says_and_doubt_is_open():
    named = by_gid(draw("influence"))
    table = tables.influence()
    # two headings and two rows of every cohort; the one without an estimate is left out
    numbers = [*range(2, 6), *range(8, 12)]
    shown = table[table["without"].notna()].to_dict("records")
    for number, row in zip(numbers, shown, strict=True):
        mark = named[f"influence-{number}-{'model' if row['reliable'] else 'ring'}"]
        assert mark.get_xdata()[0] == pytest.approx(row["without"])
    through = named["influence-1-through--line"]
    assert through.get_xdata()[0] == pytest.approx(3.0)
    assert max(through.get_ydata()) > named["influence-5-ring"].get_ydata()[0]


def test_only_so_many_cohorts_are_drawn():
    figure = plot_influence(tables.influence(cohorts=9), most=3)
    assert len([gid for gid in by_gid(figure) if gid.endswith("interval-line")]) == 6


# --- Scales and bad input ------------------------------------------------------------------------


def test_an_axis_of_differences_holds_nought_and_every_estimate():
    scale = difference_scale([3.0, -1.0], [40.0, -30.0, np.nan, np.inf], 120.0, 7.0)
    assert scale.lower < -1.0 < 0.0 < 3.0 < scale.upper
    assert scale.upper < 40.0
    assert scale.lower > -30.0
    assert 0.0 in scale.ticks
    steps = np.diff(scale.ticks)
    assert (steps == steps[0]).all()
    with pytest.raises(ValueError, match="not finite"):
        difference_scale([np.inf], [], 100.0, 7.0)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"plot_benefit.*lacks.*gain_text"):
        plot_benefit(tables.benefit().drop(columns="gain_text"))
    with pytest.raises(ValueError, match="two rows for treatment"):
        plot_benefit(tables.benefit().assign(histology="pure"))
    with pytest.raises(ValueError, match="width is 'poster'"):
        plot_benefit(tables.benefit(), width="poster")
    with pytest.raises(ValueError, match="no density for predictive: C"):
        plot_effects(
            tables.density(),
            tables.effects().replace({"parameter": {"predictive: B": "predictive: C"}}),
        )
    with pytest.raises(ValueError, match="there is nothing to draw"):
        plot_influence(tables.influence().head(0))
    mixed = tables.influence()
    mixed.loc[0, "unit"] = "months"
    with pytest.raises(ValueError, match="expected ratio or months"):
        plot_influence(mixed)
