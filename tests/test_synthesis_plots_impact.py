"""The impact figure: what is drawn, where it stands, and that every word can be read."""

from __future__ import annotations

from functools import cache

import impact_tables as tables
import numpy as np
import pytest
from matplotlib.colors import to_hex
from plot_tables import TREATMENTS, assert_printable, boxes, by_gid, overlaps, shown_texts

from synthesis.plots import class_hues, plot_impact
from synthesis.plots.style import SHEETS

pytestmark = pytest.mark.filterwarnings("error")

WIDTHS = tuple(SHEETS)
ENDPOINTS = ("os", "response")


@cache
def draw(endpoint="os", width="two-column", limit=9):
    return plot_impact(
        tables.estimates(endpoint),
        tables.surprise(endpoint),
        tables.ranks(endpoint),
        endpoint=endpoint,
        width=width,
        title="What a new study changes",
        limit=limit,
    )


def words(figure):
    return [text.get_text() for text in shown_texts(figure)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_word_is_inside_clear_of_the_others_and_large_enough(endpoint, width):
    figure = draw(endpoint, width)
    assert_printable(figure, width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_marks_stay_inside_and_clear_of_words(endpoint, width):
    figure = draw(endpoint, width)
    marks = [line for axes in figure.axes for line in axes.lines if line.get_marker() != "None"]
    extents = boxes(figure, marks)
    wide, high = figure.get_size_inches() * 72
    assert (extents[:, 0] > 0).all()
    assert (extents[:, 2] < wide).all()
    assert (extents[:, 3] < high).all()
    own = [text for text in shown_texts(figure) if text in figure.texts]
    assert len(overlaps(extents, boxes(figure, own))) == 0


def test_both_estimates_of_a_treatment_stand_where_the_table_says():
    figure = draw()
    named = by_gid(figure)
    rows = tables.estimates().query("target == 'mean_study'")
    # one heading before the new ones, another before the others
    for index, row in zip([1, 2, *range(4, 11)], rows.head(9).to_dict("records"), strict=True):
        ring, dot = (named[f"impact-os-{index}-{n}"] for n in ("before-ring", "after-model"))
        assert ring.get_xdata()[0] == pytest.approx(row["before"])
        assert dot.get_xdata()[0] == pytest.approx(row["after"])
        assert ring.get_markerfacecolor() == "white"
        assert to_hex(dot.get_markerfacecolor()) == to_hex(dot.get_markeredgecolor())
        assert ring.get_ydata()[0] < dot.get_ydata()[0]
        line = named[f"impact-os-{index}-after-interval-line"].get_xdata()
        assert tuple(line) == pytest.approx((row["after_lower"], row["after_upper"]))


def test_treatments_of_new_studies_come_first_then_those_that_move_most():
    shuffled = tables.estimates().sample(frac=1.0, random_state=4)
    figure = plot_impact(shuffled, tables.surprise(), tables.ranks(), limit=6)
    found = words(figure)
    order = [name for name in found if name in {name for _, name in TREATMENTS}]
    expected = [name for _, name in TREATMENTS[:6] if name in found]
    assert order == expected
    assert len(expected) >= 4
    assert found.index("With new studies") < found.index(order[0])
    assert found.index(order[1]) < found.index("Other treatments")
    assert TREATMENTS[6][1] not in found


def test_ranks_and_expectations_are_told():
    found = words(draw())
    assert found.count("9") == 2
    assert "2.2 (0.9–4.2)*" in found
    assert any("*, no cohort behind it" in text for text in found)
    known = tables.estimates().assign(before_basis=tables.KNOWN)
    assert not any("*" in w for w in words(plot_impact(known, tables.surprise(), tables.ranks())))


def test_printed_figures_stand_on_their_expectation():
    figure = draw()
    named = by_gid(figure)
    surprise = tables.surprise()
    by_axes = {axes.get_label(): axes for axes in figure.axes}
    assert list(by_axes) == ["estimates", "times", "shares"]
    for name, factor, indices in (("times", 1, [1, 2, 3, 5]), ("shares", 100, [1, 2])):
        is_share = surprise["figure"].str.startswith("survival")
        rows = surprise[is_share == (name == "shares")].to_dict("records")
        low, high = by_axes[name].get_xlim()
        for index, row in zip(indices, rows, strict=True):
            gid = f"impact-os-{name}-{index}"
            for end, level in (("", "95"), ("_50", "50")):
                box = named[f"{gid}-{level}-area"].get_bbox()
                assert box.x0 == pytest.approx(max(factor * row[f"lower{end}"], low))
                assert box.x1 == pytest.approx(min(factor * row[f"upper{end}"], high))
            middle = named[f"{gid}-expected-median-line"].get_xdata()[0]
            assert middle == pytest.approx(factor * row["predicted"])
            if np.isinf(row["value"]):
                assert named[f"{gid}-printed-arrow-right"].get_xdata()[0] == pytest.approx(high)
            else:
                square = named[f"{gid}-printed"]
                assert square.get_xdata()[0] == pytest.approx(factor * row["value"])
                assert square.get_marker() == "s"
    found = words(figure)
    assert {"p < 0.001", "p = 0.012", "p = 0.55", "166 (92–1204) d", "0.52 (0.35–0.67)"} <= set(
        found
    )
    assert {"NR (4.7–NR)", "mixed, n = 85"} <= set(found)


def test_without_printed_figures_the_estimates_take_the_whole_width():
    figure = plot_impact(tables.estimates(), tables.surprise().iloc[:0], tables.ranks())
    (axes,) = figure.axes
    assert axes.get_label() == "estimates"
    left, right = (draw().axes[0].get_position().width, axes.get_position().width)
    assert right > 1.5 * left
    assert not any("B:" in text for text in words(figure))


def test_too_many_figures_keep_those_that_speak_and_the_most_surprising():
    figure = draw(limit=3)
    found = words(figure)
    assert {"p = 0.55", "p < 0.001", "p = 0.012"} <= set(found)
    assert "p = 0.31" not in found


def test_hues_can_be_shared_and_must_be_complete():
    hues = class_hues(reversed([group for group, _ in TREATMENTS]))
    figure = plot_impact(tables.estimates(), tables.surprise(), tables.ranks(), hues=hues)
    dot = by_gid(figure)["impact-os-1-after-model"]
    assert to_hex(dot.get_markerfacecolor()) == hues[TREATMENTS[0][0]].lower()
    with pytest.raises(ValueError, match="plot_impact: hues has no colour"):
        plot_impact(tables.estimates(), tables.surprise(), tables.ranks(), hues={})


def test_says_what_is_wrong_with_its_input():
    good = (tables.estimates(), tables.surprise(), tables.ranks())
    with pytest.raises(ValueError, match="plot_impact, table: the table lacks the columns after "):
        plot_impact(good[0].drop(columns="after"), *good[1:])
    with pytest.raises(ValueError, match="plot_impact, surprise: the table lacks the columns p "):
        plot_impact(good[0], good[1].drop(columns="p"), good[2])
    with pytest.raises(ValueError, match="endpoint is 'dss'; expected one of os"):
        plot_impact(*good, endpoint="dss")
    with pytest.raises(ValueError, match="no treatment for pfs to draw"):
        plot_impact(*good, endpoint="pfs")
    with pytest.raises(ValueError, match="width is 'poster'"):
        plot_impact(*good, width="poster")
