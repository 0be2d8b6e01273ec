"""The figures of comparisons: what is drawn, where it stands, and that every word can be read."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from plot_tables import TREATMENTS, assert_printable, boxes, by_gid, overlaps, shown_texts
from synthesis.plots.carried import KINDS
from synthesis.plots.gains import GAIN_COLUMNS, MOST
from synthesis.plots.league import LEAGUE_COLUMNS
from synthesis.plots.network import EDGE_COLUMNS, NODE_COLUMNS
from synthesis.plots.rankogram import RANK_COLUMNS

from synthesis.plots import (
    class_hues,
    plot_compare,
    plot_gains,
    plot_league,
    plot_network,
    plot_ranks,
)
from synthesis.plots.compare import CONTRAST_COLUMNS
from synthesis.plots.style import SHEETS
from synthesis.questions import compare, evidence
from synthesis.questions.contrasts import league_rows, with_texts

pytestmark = pytest.mark.filterwarnings("error")

WIDTHS = tuple(SHEETS)
SHOWN = TREATMENTS[:17]
REFERENCE = 10


def kind_of(i, j):
    """Which evidence links two invented treatments."""
    if {i, j} in ({2, 5}, {REFERENCE, 3}):
        return KINDS[0]
    return KINDS[1] if {i, j} in ({0, 1}, {0, 4}, {REFERENCE, 0}, {11, 12}) else KINDS[2]


@cache
def forest(endpoint="os"):
    rng = np.random.default_rng(8)
    rows = []
    for i, (group, name) in enumerate(SHOWN):
        log = rng.normal(0.5, 0.6)
        middle, width = (log / 4, 0.25) if endpoint == "response" else (np.exp(log), 0.7)
        low, high = (
            (middle - width, middle + width)
            if endpoint == "response"
            else (middle * np.exp(-width), middle * np.exp(width * (9 if i == 6 else 1)))
        )
        gain = 3 * (np.exp(log) - 1)
        is_reference = i == REFERENCE
        rows.append(
            {
                "treatment": name,
                "treatment_class": group,
                "estimand": "difference_response_rate"
                if endpoint == "response"
                else "ratio_of_medians",
                "estimate": middle,
                "lower": low,
                "upper": high,
                "gain": np.nan if is_reference or endpoint == "response" else gain,
                "gain_lower": gain - 4,
                "gain_upper": gain + 6,
                "p_gain": np.nan if is_reference or endpoint == "response" else 0.5 + log / 4,
                "carried_by": "" if is_reference else kind_of(REFERENCE, i),
                "cohorts": 1 + i % 9,
                "patients": (7, 28, 425, 1567)[i % 4],
                "is_reference": is_reference,
            }
        )
    return with_texts(pd.DataFrame(rows))


@cache
def gains(treatments=8):
    months = compare.DELTAS
    frames = []
    for i, (group, name) in enumerate(SHOWN[:treatments]):
        chance = 1.0 / (1.0 + np.exp((months - i / 2) / (0.3 + 0.1 * i)))
        about = {"treatment": name, "treatment_class": group, "reference": SHOWN[REFERENCE][1]}
        about |= {"carried_by": kind_of(REFERENCE, i), "patients": 20 + 10 * i, "cohorts": 2}
        frames.append(pd.DataFrame(about | {"delta": months, "p_gain": chance}))
    return pd.concat(frames, ignore_index=True)


@cache
def ranks(treatments=17):
    rng = np.random.default_rng(2)
    draws = rng.normal(np.linspace(3, 0, treatments), 1.0, (4000, treatments))
    placed = np.argsort(np.argsort(-draws, axis=1), axis=1) + 1
    rows = []
    for i, (group, name) in enumerate(SHOWN[:treatments]):
        chance = np.bincount(placed[:, i], minlength=treatments + 1)[1:] / len(draws)
        low, high = np.quantile(placed[:, i], [0.025, 0.975])
        about = {"treatment": name, "treatment_class": group, "of": treatments}
        about |= {"mean_rank": placed[:, i].mean(), "lower": low, "upper": high}
        about |= {"cohorts": 2, "patients": 30}
        for rank, (own, total) in enumerate(zip(chance, chance.cumsum(), strict=True), start=1):
            rows.append(about | {"rank": rank, "probability": own, "cumulative": total})
    return pd.DataFrame(rows)


@cache
def league(endpoint="os", treatments=17):
    rows = []
    for i, j in combinations(range(treatments), 2):
        log = 0.09 * (j - i) - (0.3 if (i, j) == (4, 6) else 0.0)
        response = endpoint == "response"
        ends = (log / 2 - 0.3, log / 2 + 0.3) if response else np.exp([log - 0.7, log + 0.7])
        rows.append(
            {
                "endpoint": endpoint,
                "treatment": SHOWN[i][1],
                "reference": SHOWN[j][1],
                "estimand": "difference_response_rate" if response else "ratio_of_medians",
                "estimate": log / 2 if response else np.exp(log),
                "lower": ends[0],
                "upper": ends[1],
                "carried_by": kind_of(i, j),
            }
        )
    return league_rows(pd.DataFrame(rows))


@cache
def network(treatments=25):
    shown = TREATMENTS[:treatments]
    edges = [
        {
            "treatment": shown[i][1],
            "reference": shown[j][1],
            "carried_by": kind_of(i, j),
            "reports": 1 + (i == 0),
            "patients": 40,
        }
        for i, j in combinations(range(treatments), 2)
        if kind_of(i, j) != KINDS[2]
    ]
    linked = [name for edge in edges for name in (edge["treatment"], edge["reference"])]
    nodes = [
        {
            "treatment": name,
            "treatment_class": group,
            "cohorts": 1 + i % 5,
            "patients": (3, 28, 70, 280, 425)[i % 5],
            "links": linked.count(name),
        }
        for i, (group, name) in enumerate(shown)
    ]
    return pd.DataFrame(nodes), pd.DataFrame(edges)


@cache
def draw(what, width="two-column"):
    """One of each figure; drawn once and shared, so only to be read."""
    name, _, endpoint = what.partition(" ")
    title = "Treatments compared"
    if name == "forest":
        return plot_compare(forest(endpoint), endpoint=endpoint, width=width, title=title)
    if name == "gains":
        return plot_gains(gains(12), endpoint=endpoint, width=width, title=title)
    if name == "ranks":
        return plot_ranks(ranks(), endpoint=endpoint, width=width, title=title)
    if name == "league":
        return plot_league(league(endpoint), endpoint=endpoint, width=width, title=title)
    return plot_network(*network(), width=width, title=title)


FIGURES = (
    "forest os",
    "forest response",
    "gains os",
    "ranks os",
    "league os",
    "league response",
    "network",
)


def words(figure):
    return [text.get_text() for text in shown_texts(figure)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("what", FIGURES)
def test_every_word_is_inside_clear_of_the_others_and_large_enough(what, width):
    figure = draw(what, width)
    assert_printable(figure, width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("what", ["forest os", "forest response", "network"])
def test_marks_stay_inside_and_clear_of_words(what, width):
    figure = draw(what, width)
    marks = [line for axes in figure.axes for line in axes.lines if line.get_marker() != "None"]
    extents = boxes(figure, marks)
    wide, high = figure.get_size_inches() * 72
    assert len(marks) >= 16
    assert (extents[:, :2] > 0).all()
    assert (extents[:, 2] < wide).all()
    assert (extents[:, 3] < high).all()
    assert len(overlaps(extents, boxes(figure, list(figure.texts)))) == 0


def test_the_tables_have_the_columns_that_are_drawn():
    texts = {"estimate_text", "gain_text", "p_text", "interval_text"}
    assert set(CONTRAST_COLUMNS) <= set(compare.FOREST_COLUMNS) | texts
    assert set(GAIN_COLUMNS) <= set(compare.GAIN_COLUMNS)
    assert set(RANK_COLUMNS) <= set(compare.RANK_COLUMNS)
    assert set(LEAGUE_COLUMNS) <= set(compare.COMPARE_COLUMNS) | texts
    assert set(NODE_COLUMNS) <= set(evidence.NODE_COLUMNS)
    assert set(EDGE_COLUMNS) <= set(evidence.EDGE_COLUMNS)
    assert KINDS == evidence.KINDS


# --- Forest of contrasts -------------------------------------------------------------------------


@pytest.mark.parametrize(("endpoint", "factor"), [("os", 1), ("response", 100)])
def test_contrasts_stand_where_the_table_says_and_tell_what_carries_them(endpoint, factor):
    named = by_gid(draw(f"forest {endpoint}"))
    markers = {KINDS[0]: "s", KINDS[1]: "o", KINDS[2]: "o"}
    seen = set()
    for i, row in enumerate(forest(endpoint).itertuples(index=False)):
        gid = f"contrasts-{endpoint}-{i}"
        if row.is_reference:
            assert not any(name.startswith(f"{gid}-") for name in named)
            continue
        mark = named[f"{gid}-contrast"]
        assert mark.get_xdata()[0] == pytest.approx(factor * row.estimate)
        assert mark.get_marker() == markers[row.carried_by]
        filled = to_hex(mark.get_markerfacecolor()) != "#ffffff"
        assert filled == (row.carried_by != KINDS[2])
        ends = named[f"{gid}-interval-line"].get_xdata()
        assert ends[0] == pytest.approx(factor * row.lower)
        seen.add(row.carried_by)
    assert seen == set(KINDS)
    null = named[f"contrasts-{endpoint}-null"].get_xdata()[0]
    assert null == (1.0 if endpoint == "os" else 0.0)


def test_an_interval_beyond_the_axis_ends_in_an_arrow():
    named = by_gid(draw("forest os"))
    assert "contrasts-os-6-interval-arrow-right" in named
    assert sum(name.endswith("arrow-right") for name in named) == 1
    assert "goes on beyond the axis" in words(draw("forest os"))


def test_the_forest_prints_what_the_table_holds():
    found = words(draw("forest os"))
    for row in forest().itertuples(index=False):
        shown = row.estimate_text.replace("-", "\N{EN DASH}")
        if not row.is_reference:
            assert shown in found
    assert found.count("reference") == 1
    reference = forest().loc[forest()["is_reference"], "treatment"].item()
    said = f"to the right: longer survival than with {reference[:1].lower()}{reference[1:]}"
    assert said in " ".join(found)
    # no hyphen is left where a dash or a minus sign belongs
    numbers = [text for text in found if text[:1].isdigit() and "(" in text]
    assert len(numbers) >= 2 * 16
    assert not any("-" in text for text in numbers)


# --- Gains ---------------------------------------------------------------------------------------


def test_curves_are_those_of_the_table_and_few():
    figure = draw("gains os")
    named = by_gid(figure)
    table = gains(12)
    kept = list(dict.fromkeys(table["treatment"]))[-MOST:]  # patients grow along the table
    at_one = table[np.isclose(table["delta"], 1.0)].set_index("treatment")["p_gain"]
    order = sorted(kept, key=lambda name: -at_one[name])
    for number, name in enumerate(order, start=1):
        line = named[f"gains-os-{number}"]
        own = table[table["treatment"] == name]
        np.testing.assert_allclose(line.get_xdata(), own["delta"])
        np.testing.assert_allclose(line.get_ydata(), own["p_gain"])
        badge = named[f"gains-os-{number}-badge"]
        x, y = badge.get_xdata()[0], badge.get_ydata()[0]
        assert y == pytest.approx(np.interp(x, own["delta"], own["p_gain"]))
        broken = own["carried_by"].iloc[0] == KINDS[2]
        assert line.is_dashed() is broken
    assert f"gains-os-{MOST + 1}" not in named
    assert any("Not drawn: 4 treatments with fewer patients" in t for t in words(figure))
    assert named["gains-os-asked"].get_xdata()[0] == 1.0


def test_gains_ask_for_months_that_the_table_has():
    with pytest.raises(ValueError, match=r"has no value at delta 1.1; the table has -6 to 12"):
        plot_gains(gains(), delta=1.1)
    assert "P(gain > 3 mo)" in words(plot_gains(gains(), delta=3.0))


# --- Ranks ---------------------------------------------------------------------------------------


def test_bars_share_one_scale_and_steps_end_at_one():
    named = by_gid(draw("ranks os"))
    table = ranks()
    peak = table["probability"].max()
    for i, (_, own) in enumerate(table.groupby("treatment", sort=False)):
        bars = [named[f"ranks-os-{i}-{rank}"] for rank in own["rank"]]
        heights = np.array([bar.get_height() for bar in bars])
        line = named[f"cumulative-os-{i}"]
        room = line.get_ydata().max() - line.get_ydata().min()
        base = bars[0].get_y() + heights[0]
        full = base - line.get_ydata()[-1]
        np.testing.assert_allclose(heights, full * own["probability"] / peak, atol=1e-9)
        np.testing.assert_allclose(base - line.get_ydata()[::2], full * own["cumulative"])
        assert room <= full + 1e-9
    found = words(draw("ranks os"))
    first = table.iloc[0]
    text = f"{first['mean_rank']:.1f} ({first['lower']:.0f}–{first['upper']:.0f})"
    assert text in found


def test_one_column_leaves_the_cumulative_panel_out():
    assert [axes.get_label() for axes in draw("ranks os").axes] == ["ranks", "cumulative"]
    assert [axes.get_label() for axes in draw("ranks os", "one-column").axes] == ["ranks"]


# --- League --------------------------------------------------------------------------------------


def test_cells_are_shaded_by_direction_and_distance():
    named = by_gid(draw("league os"))
    blue, deeper = (named[f"league-os-0-{j}"].get_facecolor() for j in (2, 14))
    assert sum(deeper[:3]) < sum(blue[:3]) < 3.0
    assert deeper[2] > deeper[0]  # in favour of the row: blue
    against = named["league-os-4-6"].get_facecolor()
    assert against[0] > against[2]  # in favour of the column: orange
    assert "in favour of the column" in words(draw("league os"))


def test_every_pair_and_interval_is_printed_once_in_a_table_with_room():
    table = league(treatments=5)
    found = words(plot_league(table, width="slide"))
    for row in table.itertuples(index=False):
        assert row.estimate_text in found
        assert row.interval_text.replace("-", "\N{EN DASH}") in found
    narrow = words(plot_league(league(), width="two-column"))
    assert any("on the other side of the diagonal" in text for text in narrow)
    limits = {limit for text in league()["interval_text"] for limit in text.split("-")}
    assert limits <= set(narrow)


def test_a_league_that_has_no_room_keeps_the_first_and_says_so():
    found = words(draw("league os", "one-column"))
    assert any("treatments of lower rank" in text for text in found)
    assert any("Not drawn: 13 treatments" in t for t in words(plot_league(league(), limit=4)))


def test_a_missing_pair_is_refused():
    table = league(treatments=5).drop(index=3)
    with pytest.raises(ValueError, match=r"plot_league: no row for .* against "):
        plot_league(table)


# --- Network -------------------------------------------------------------------------------------


def test_nodes_show_patients_and_whether_a_report_links_them():
    named = by_gid(draw("network"))
    nodes, edges = network()
    sizes = {}
    for i, node in enumerate(nodes.itertuples(index=False)):
        mark = named[f"network-node-{i}"]
        filled = to_hex(mark.get_markerfacecolor()) != "#ffffff"
        assert filled == (node.links > 0)
        sizes[node.patients] = mark.get_markersize()
    assert (sizes[425] / sizes[70]) ** 2 == pytest.approx(425 / 70)
    assert sizes[3] < sizes[70] < sizes[280] < sizes[425]
    for i, edge in enumerate(edges.itertuples(index=False)):
        link = named[f"network-link-{i}"]
        assert (link.get_linestyle() in ("-", "solid")) == (edge.carried_by == KINDS[0])
    assert f"network-link-{len(edges)}" not in named
    alone = int((nodes["links"] == 0).sum())
    assert any(f"{alone} of 25 treatments stand alone" in text for text in words(draw("network")))


def test_a_network_of_single_arms_has_no_links():
    nodes, edges = network()
    figure = plot_network(nodes.assign(links=0), edges.iloc[:0])
    assert not any(name.startswith("network-link") for name in by_gid(figure))
    assert any("25 of 25 treatments stand alone" in text for text in words(figure))


# --- Bad input -----------------------------------------------------------------------------------


def test_says_what_is_wrong_with_its_input():
    with pytest.raises(ValueError, match="plot_compare: the table lacks the columns p_text "):
        plot_compare(forest().drop(columns="p_text"))
    with pytest.raises(ValueError, match="plot_compare: carried_by is 'hearsay'; expected one"):
        plot_compare(forest().assign(carried_by="hearsay"))
    with pytest.raises(ValueError, match="endpoint is 'dss'; expected one of os, pfs"):
        plot_gains(gains(), endpoint="dss")
    with pytest.raises(ValueError, match="width is 'poster'"):
        plot_ranks(ranks(), width="poster")
    with pytest.raises(ValueError, match="plot_ranks: two rows for treatment"):
        plot_ranks(pd.concat([ranks(), ranks()]))
    nodes, edges = network()
    with pytest.raises(ValueError, match="Alfatinib is no treatment of the nodes"):
        plot_network(nodes.iloc[1:], edges)
    with pytest.raises(ValueError, match="plot_network: hues has no colour"):
        plot_network(nodes, edges, hues={})
    with pytest.raises(ValueError, match="there is nothing to draw"):
        plot_league(league().iloc[:0])


def test_hues_can_be_shared():
    hues = class_hues(reversed([group for group, _ in TREATMENTS]))
    named = by_gid(plot_compare(forest(), hues=hues))
    line = named["contrasts-os-0-interval-line"]
    assert to_hex(line.get_color()) == hues[SHOWN[0][0]].lower()
