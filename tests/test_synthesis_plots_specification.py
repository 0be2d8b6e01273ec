"""The specification curve: what stands where, and whether it can be read."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from plot_tables import assert_printable, by_gid, shown_texts

from synthesis.plots.sensitivity import BASE, SPECIFICATION_COLUMNS, plot_specification

WIDTHS = ("one-column", "two-column", "slide")
KINDS = ("ratio_of_medians", "difference_median_months", "p_gain", "median_months")

ASPECTS = {
    "Priors": ("Median of the mean treatment", "Spread of treatments", "Unknown shares"),
    "Survival family": ("Alfatial", "Betalogistic", "Gammanormal"),
    "Likelihood": ("Probabilities only where a median is not printed at all", "Medians only"),
    "Which figures count": ("Verified figures only", "Overlapping reports: another rule"),
    "Without one report": ("Each report in turn",),
}


def row(name, heading, aspect, estimate, half, **more):
    return {
        "specification": name,
        "group": heading.lower(),
        "heading": heading,
        "aspect": aspect,
        "direction": 0,
        "label": f"Choice {name}",
        "kind": "ratio_of_medians",
        "estimate": estimate,
        "lower": estimate / half,
        "upper": estimate * half,
        "changes": False,
        "mark": "",
    } | more


def table(kind="ratio_of_medians", reports=40):
    """As many choices as a real analysis has; those furthest away are numbered."""
    rng = np.random.default_rng(3)
    rows = [row(BASE, "", "", 1.3, 1.5)]
    for heading, aspects in ASPECTS.items():
        for aspect in aspects:
            ways = reports if heading == "Without one report" else 3
            for way in range(ways):
                estimate = float(np.exp(rng.normal(0.25, 0.25)))
                name = f"{aspect.split()[0]}_{heading.split()[0]}_{way}".lower()
                changes = estimate / 1.5 > 1.0
                direction = (-1, 0, 1)[way] if heading == "Priors" else 0
                more = {"changes": changes, "direction": direction}
                rows.append(row(name, heading, aspect, estimate, 1.5, **more))
    frame = pd.DataFrame(rows).assign(kind=kind)
    far = frame[frame["heading"] == "Without one report"].nlargest(9, "estimate").index
    frame.loc[far, "mark"] = [str(number) for number in range(1, 10)]
    if kind == "p_gain":
        frame["estimate"] = frame["estimate"].rank(pct=True)
        frame[["lower", "upper"]] = np.nan
    if kind == "difference_median_months":
        frame[["estimate", "lower", "upper"]] -= 1.0
    return frame


@cache
def draw(kind="ratio_of_medians", width="two-column"):
    return plot_specification(table(kind), width=width, title="What each choice says of it")


def axes_named(figure, name):
    (found,) = [axes for axes in figure.axes if axes.get_label() == name]
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_word_is_inside_clear_of_the_others_and_large_enough(kind, width):
    figure = draw(kind, width)
    assert_printable(figure, width)


def test_estimates_stand_in_order_with_their_intervals():
    own, figure = table(), draw()
    named = by_gid(figure)
    ordered = own.sort_values("estimate", kind="stable")
    for place, item in enumerate(ordered.itertuples(index=False)):
        bar = named[f"{item.specification}-interval"]
        assert list(bar.get_xdata()) == [place, place]
        low, high = axes_named(figure, "curve").get_ylim()
        assert bar.get_ydata() == pytest.approx([max(item.lower, low), min(item.upper, high)])
    marks = axes_named(figure, "curve").lines
    drawn = [line for line in marks if (line.get_gid() or "").endswith("-mark")]
    heights = [line.get_ydata()[0] for line in sorted(drawn, key=lambda m: m.get_xdata()[0])]
    assert heights == sorted(own["estimate"])


def test_the_base_is_a_line_through_both_parts():
    own, figure = table(), draw()
    curve, matrix = axes_named(figure, "curve"), axes_named(figure, "matrix")
    (level,) = [line for line in curve.lines if line.get_gid() == "base-line"]
    assert set(level.get_ydata()) == {1.3}
    place = int((own["estimate"] < 1.3).sum())
    (upright,) = [line for line in matrix.lines if line.get_gid() == "base-place"]
    assert set(upright.get_xdata()) == {place}
    (null,) = [line for line in curve.lines if line.get_gid() == "null"]
    assert set(null.get_ydata()) == {1.0}


def test_each_choice_has_one_mark_in_the_row_of_its_aspect():
    own, figure = table(), draw()
    matrix = axes_named(figure, "matrix")
    marks = {line.get_gid().removesuffix("-choice"): line for line in matrix.lines[:-1]}
    assert set(marks) == set(own["specification"]) - {BASE}
    heights = {}
    for item in own[own["specification"] != BASE].itertuples(index=False):
        mark = marks[item.specification]
        heights.setdefault((item.heading, item.aspect), set()).add(float(mark.get_ydata()[0]))
        assert mark.get_marker() == {-1: "v", 0: "o", 1: "^"}[item.direction]
        is_white = mark.get_markerfacecolor() == "white"
        assert is_white is not item.changes
    assert all(len(found) == 1 for found in heights.values())
    levels = [next(iter(found)) for found in heights.values()]
    assert levels == sorted(levels)
    assert len(set(levels)) == len(levels)


def test_numbers_stand_above_their_choices_and_in_the_key():
    figure = draw()
    own = table()
    words = " ".join(text.get_text() for text in shown_texts(figure))
    for item in own[own["mark"] != ""].itertuples(index=False):
        assert f"{item.mark} Choice {item.specification}" in words
    curve = axes_named(figure, "curve")
    figure.canvas.draw()
    places = {}
    for text in figure.texts:
        if text.get_text().isdigit():
            box = text.get_window_extent()
            places[text.get_text()] = curve.transData.inverted().transform(
                ((box.x0 + box.x1) / 2, box.y0)
            )[0]
    order = {name: i for i, name in enumerate(own.sort_values("estimate")["specification"])}
    for item in own[own["mark"] != ""].itertuples(index=False):
        # half of the distance of two choices
        assert places[item.mark] == pytest.approx(order[item.specification], abs=0.5)


def test_a_probability_has_no_interval_and_no_line_of_no_effect():
    figure = draw("p_gain")
    gids = [line.get_gid() or "" for line in axes_named(figure, "curve").lines]
    assert not any(gid.endswith("-interval") for gid in gids)
    assert "null" not in gids


def test_choices_without_an_estimate_are_left_out():
    own = table()
    own.loc[5, ["estimate", "lower", "upper"]] = math.nan
    named = by_gid(plot_specification(own))
    assert f"{own.loc[5, 'specification']}-interval" not in named
    assert f"{own.loc[6, 'specification']}-interval" in named


def test_tables_that_cannot_be_drawn_are_refused():
    own = table()
    with pytest.raises(ValueError, match="lacks the columns mark"):
        plot_specification(own.drop(columns="mark"))
    with pytest.raises(ValueError, match="no row named 'base'"):
        plot_specification(own.iloc[1:])
    with pytest.raises(ValueError, match="found the kind 'hazard'"):
        plot_specification(own.assign(kind="hazard"))
    with pytest.raises(ValueError, match="width"):
        plot_specification(own, width="poster")
    assert tuple(own.columns) == SPECIFICATION_COLUMNS


def test_the_same_table_gives_the_same_picture_and_stays_as_it_is():
    own = table()
    before = own.copy()
    sizes = {tuple(plot_specification(own).get_size_inches()) for _ in range(2)}
    assert len(sizes) == 1
    pd.testing.assert_frame_equal(own, before)
