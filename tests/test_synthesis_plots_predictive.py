"""The picture of predictive checks: what is drawn, where, and that every word can be read."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from plot_tables import (
    AUTHORS,
    SIZES,
    TREATMENTS,
    assert_printable,
    boxes,
    by_gid,
    overlaps,
    shown_texts,
)

from synthesis.plots import class_hues, plot_checks
from synthesis.plots.style import SHEETS

pytestmark = pytest.mark.filterwarnings("error")

WIDTHS = tuple(SHEETS)
ENDPOINTS = ("os", "response")


def _row(number, figure, middle, spread, value, printed):
    group, treatment = TREATMENTS[number // 2 % len(TREATMENTS)]
    row = {"study": f"study{number}", "cohort": "arm", "figure": figure, "printed": printed}
    row |= {"label": f"{AUTHORS[number % len(AUTHORS)]} {2004 + number % 20}"}
    row |= {"treatment": treatment, "treatment_class": group, "histology": "not printed"}
    row |= {"n": SIZES[number % len(SIZES)], "value": value, "predicted": middle}
    row |= {"lower": middle / spread, "upper": middle * spread}
    row |= {"lower_50": middle / spread**0.35, "upper_50": middle * spread**0.35}
    within = bool(row["lower"] <= value <= row["upper"])
    return row | {"pit": float(0.5 + 0.49 * np.tanh(np.log(value / middle))), "within": within}


def _arm(number, rng):
    """Rows of one arm: a median, with limits for some, not reached for one; shares for others."""
    middle = float(np.exp(rng.normal(1.5, 0.5)))
    value = 30.0 * middle if number == 4 else middle * float(np.exp(rng.normal(0, 0.4)))
    if number % 9 == 7:
        share = _row(number, "survival at 12 months", 0.3, 2.0, 0.4, "12 mo: 0.4 (0.35-0.67)")
        later = _row(number, "survival at 2 years", 0.1, 3.0, 0.09, "2 y: 0.09")
        return [share | {"upper": 0.55}, later]
    if number == 11:
        never = _row(number, "median", middle, 3.0, np.inf, "NR (4.7-NR), followed for 9 months")
        return [never | {"pit": 0.97, "within": False}]
    text = f"{value:.1f} ({0.6 * value:.1f}-{1.8 * value:.1f})"
    rows = [_row(number, "median", middle, 3.0, value, text)]
    if number % 3 == 1:
        rows.append(_row(number, "lower limit", 0.6 * middle, 3.0, 0.6 * value, "x"))
        rows.append(_row(number, "upper limit", 1.8 * middle, 3.5, 1.8 * value, "x"))
    if number % 5 == 0:
        rows = [row | {"histology": name} for row in rows for name in ("pure", "mixed")]
    return rows


@cache
def table(endpoint="os", arms=50):
    rng = np.random.default_rng(5)
    if endpoint == "response":
        rows = [
            _row(i, "response rate", 0.25, 2.4, k / n, f"{k}/{n}") | {"n": n}
            for i, n, k in ((i, SIZES[i % 9], max(SIZES[i % 9] // 5, 1)) for i in range(arms))
        ]
    else:
        rows = [row for number in range(arms) for row in _arm(number, rng)]
    return pd.DataFrame(rows).assign(endpoint=endpoint)


def positions():
    x = np.linspace(0, 1, 101)
    return pd.DataFrame({"position": x, "share": x**1.2, "lower": x**1.8, "upper": x**0.6})


@cache
def draw(endpoint="os", width="two-column", arms=50):
    own = table(endpoint, arms)
    title = "Would the model print these figures?"
    return plot_checks(own, positions(), endpoint=endpoint, width=width, title=title)


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
    assert len(marks) > 80
    assert (extents[:, :2] > 0).all()
    assert (extents[:, 2] < wide).all()
    assert (extents[:, 3] < high).all()
    own = [text for text in shown_texts(figure) if text in figure.texts]
    assert len(overlaps(extents, boxes(figure, own))) == 0


def test_figures_stand_on_their_predictions():
    own = table(arms=6)
    own = own[own["histology"] == "not printed"]
    figure = plot_checks(own, positions())
    named = by_gid(figure)
    rows = own.to_dict("records")
    times = next(axes for axes in figure.axes if axes.get_label() == "times")
    low, high = times.get_xlim()
    found = {}
    for name, artist in named.items():
        if name.endswith("median-printed"):
            found[artist.get_xdata()[0]] = (name.removesuffix("-printed"), artist)
    medians = [row for row in rows if row["figure"] == "median"]
    assert len(medians) == len(found) == 4
    for row in medians:
        gid, dot = found[row["value"]]
        for level, end in (("95", ""), ("50", "_50")):
            box = named[f"{gid}-{level}-area"].get_bbox()
            assert box.x0 == pytest.approx(max(row[f"lower{end}"], low))
            assert box.x1 == pytest.approx(min(row[f"upper{end}"], high))
        thin, thick = (named[f"{gid}-{level}-area"].get_height() for level in ("95", "50"))
        assert thin < thick
        pit = named[f"{gid}-position-{'model' if row['within'] else 'ring'}"]
        assert pit.get_xdata()[0] == pytest.approx(row["pit"])
        assert pit.get_ydata()[0] == dot.get_ydata()[0]
        filled = to_hex(dot.get_markerfacecolor()) == to_hex(dot.get_markeredgecolor())
        assert filled == row["within"]
    outside = next(row for row in medians if not row["within"])
    assert found[outside["value"]][1].get_markerfacecolor() == "white"


def test_limits_are_strokes_on_fainter_bands_beside_the_median():
    figure = draw(arms=3)
    named = by_gid(figure)
    rows = {
        row["figure"]: row for row in table(arms=3).to_dict("records") if row["study"] == "study1"
    }
    base = next(name for name in named if name.endswith("lower-printed-line"))
    base = base.removesuffix("lower-printed-line")
    heights = {}
    for role in ("lower", "upper"):
        stroke = named[f"{base}{role}-printed-line"]
        row = rows[f"{role} limit"]
        assert set(stroke.get_xdata()) == {row["value"]}
        heights[role] = np.mean(stroke.get_ydata())
        band, main = (named[f"{base}{part}-50-area"] for part in (role, "median"))
        assert sum(to_rgb(band.get_facecolor())) > sum(to_rgb(main.get_facecolor()))
    middle = named[f"{base}median-printed"].get_ydata()[0]
    assert heights["lower"] < middle < heights["upper"]
    left = named[f"{base}lower-position-limit-arrow-left"]
    right = named[f"{base}upper-position-limit-arrow-right"]
    assert left.get_xdata()[0] == pytest.approx(rows["lower limit"]["pit"])
    assert right.get_xdata()[0] == pytest.approx(rows["upper limit"]["pit"])


def test_a_median_not_reached_is_an_arrow_at_the_end_of_the_axis():
    named = by_gid(draw(arms=12))
    (arrow,) = [a for name, a in named.items() if name.endswith("median-printed-arrow-right")]
    assert arrow.get_xdata()[0] == pytest.approx(arrow.axes.get_xlim()[1])
    assert "NR (4.7–NR)" in words(draw(arms=12))


def test_shares_stand_on_an_axis_in_per_cent_with_their_times():
    figure = draw(arms=8)
    labels = [axes.get_label() for axes in figure.axes]
    assert labels == ["times", "positions of times", "shares", "positions of shares", "spread"]
    shares = figure.axes[2]
    assert shares.get_xlim() == (0.0, 100.0)
    assert {"12 mo: 0.4 (0.35–0.67)", "2 y: 0.09"} <= set(words(figure))
    small = words(draw(width="one-column", arms=8))
    assert not any("0.35" in text for text in small)
    assert any(", 12 mo" in text for text in small)
    only = plot_checks(table("response", 5), positions(), endpoint="response")
    assert [axes.get_label() for axes in only.axes] == ["shares", "positions of shares", "spread"]
    assert not any("limits" in text for text in words(only))


def test_the_spread_is_drawn_in_its_band():
    named = by_gid(draw())
    line = named["predictive-os-spread-line"]
    assert line.get_xdata() == pytest.approx(positions()["position"])
    assert line.get_ydata() == pytest.approx(positions()["share"])
    band = named["predictive-os-spread-band"].get_paths()[0].vertices
    assert band[:, 0].min() == pytest.approx(0.0)
    assert {round(y, 6) for y in band[:, 1]} >= {round(y, 6) for y in positions()["upper"][:-1]}


def test_each_treatment_is_named_once_and_long_figures_repeat_their_axis():
    figure = draw(arms=30)
    own = table(arms=30)
    times = own[own["figure"] == "median"]["treatment"].unique()
    shares = own[own["figure"].str.startswith("survival")]["treatment"].unique()
    found = words(figure)
    for name in times:
        assert found.count(name) == 1 + (name in shares)
    assert draw(arms=50).axes[0].spines["top"].get_visible()
    assert not draw(arms=8).axes[0].spines["top"].get_visible()


def test_says_what_is_wrong_with_its_input():
    good = (table(arms=3), positions())
    with pytest.raises(ValueError, match="plot_checks: the table lacks the columns pit "):
        plot_checks(good[0].drop(columns="pit"), good[1])
    with pytest.raises(ValueError, match="plot_checks, positions: the table lacks the columns s"):
        plot_checks(good[0], good[1].drop(columns="share"))
    with pytest.raises(ValueError, match="plot_checks: the table has no rows"):
        plot_checks(good[0].iloc[:0], good[1])
    with pytest.raises(ValueError, match="endpoint is 'dss'; expected one of os"):
        plot_checks(*good, endpoint="dss")
    with pytest.raises(ValueError, match="width is 'poster'"):
        plot_checks(*good, width="poster")
    with pytest.raises(ValueError, match="plot_checks: hues has no colour"):
        plot_checks(*good, hues={})


def test_hues_can_be_shared():
    hues = class_hues(reversed([group for group, _ in TREATMENTS]))
    named = by_gid(plot_checks(table(arms=2), positions(), hues=hues))
    dot = next(a for name, a in named.items() if name.endswith("median-printed"))
    assert to_hex(dot.get_markeredgecolor()) == hues[TREATMENTS[0][0]].lower()
