"""Every figure at every width: each word can be read, each mark is on the paper."""

from __future__ import annotations

import inspect
import math
import pickle
import re
import sys
from functools import cache

import golden
import numpy as np
import pandas as pd
import plot_tables as tables
import pytest
from make_gallery import GALLERY, page
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from plot_tables import assert_clear, boxes, by_gid, overlaps, page_of, words

from synthesis import plots
from synthesis.choices import COLUMNS
from synthesis.plots import class_hues
from synthesis.plots.page import text_width
from synthesis.plots.style import HUES, SHEETS, TALLEST, Face
from synthesis.result import NotAnsweredError

NAMES = [entry.name for entry in GALLERY]
ENTRIES = {entry.name: entry for entry in GALLERY}
WIDTHS = tuple(SHEETS)


@cache
def draw(name, width="two-column"):
    """One of each figure; drawn once and shared, so only to be read."""
    title = "What the figure shows of the treatments"
    return ENTRIES[name].draw(width=width, title=title).get_figure(root=True)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_every_word_can_be_read_and_every_mark_is_on_the_paper_clear_of_words(name, width):
    figure = draw(name, width)
    assert_clear(figure, width, is_forest=ENTRIES[name].plot is plots.plot_forest)
    assert figure.get_size_inches()[1] * 72 <= TALLEST or width != "two-column"


@pytest.mark.parametrize("name", NAMES)
def test_words_axes_and_marks_of_each_figure(name):
    golden.check(f"figure_{name}", page_of(draw(name)))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("cohorts", "treatments"), [(5, 2), (30, 12), (90, 25)])
def test_a_forest_plot_of_any_length_can_be_read(cohorts, treatments, width):
    table = tables.forest_table("os", cohorts, treatments)
    assert (table["kind"] == "cohort").sum() == cohorts
    axes = plots.plot_forest(table, width=width, title="Overall survival")
    assert_clear(axes.figure, width, is_forest=True)


@pytest.mark.parametrize(("name", "absent"), [("cumulative", "Lund 2000"), ("pool", "As reported")])
def test_what_one_column_has_no_room_for_is_left_out(name, absent):
    assert absent in words(draw(name))
    assert absent not in words(draw(name, "one-column"))


def test_every_plot_is_in_the_gallery_and_can_be_sent_to_another_process():
    shown = {entry.plot for entry in GALLERY}
    public = {getattr(plots, name) for name in plots.__all__ if name.startswith("plot_")}
    assert shown == public
    for plot in public:
        assert pickle.loads(pickle.dumps(plot)) is plot
        assert f"`{plot.__module__}.{plot.__name__}`" in page()
        assert {"width", "title"} <= set(inspect.signature(plot).parameters)


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_left_as_they_were_and_columns_are_asked_for(name):
    frames = ENTRIES[name].frames()
    before = [frame.copy(deep=True) for frame in frames]
    ENTRIES[name].plot(*frames, **ENTRIES[name].more)
    for frame, copy in zip(frames, before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)
    with pytest.raises(ValueError, match="width is 'poster'; expected one of one-column"):
        ENTRIES[name].plot(*frames, width="poster", **ENTRIES[name].more)
    module = sys.modules[ENTRIES[name].plot.__module__]
    needed = [set(columns) for key, columns in vars(module).items() if key.endswith("_COLUMNS")]
    whole = [columns for columns in needed if columns <= set(frames[0].columns)]
    column = next(c for c in frames[0].columns if whole and all(c in own for own in whole))
    broken = [frames[0].drop(columns=column), *frames[1:]]
    with pytest.raises(ValueError, match=f"{ENTRIES[name].plot.__name__}.*lacks the columns "):
        ENTRIES[name].plot(*broken, **ENTRIES[name].more)


# --- Forest plot ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    return plots.plot_forest(tables.forest_table()).figure


def test_forest_places_the_reported_value_above_that_of_the_model(whole):
    named, checked = by_gid(whole), 0
    for name, square in named.items():
        if name.endswith("-printed-reported"):
            dot = named[name.replace("-printed-reported", "-model")]
            assert dot.get_ydata()[0] > square.get_ydata()[0]
            checked += 1
    assert checked > 20


def test_a_treatment_with_one_cohort_takes_one_line_and_a_class_of_one_has_no_diamond():
    table = tables.forest_table("os", 15, 15)
    golden.check("figure_forest_of_one_cohort_each", page_of(plots.plot_forest(table).figure))


def test_values_are_aligned_at_the_decimal_point(whole):
    places = set()
    for text in whole.texts:
        if re.fullmatch(r".*-estimate-0", text.get_gid() or ""):
            face = Face(text.get_fontsize(), 1.0, text.get_weight())
            head = text.get_text().partition(".")[0]
            places.add(round(text.get_position()[0] + text_width(head, face), 6))
    assert len(places) == 1


def test_a_long_table_splits_by_class_onto_pages_with_one_axis():
    table = tables.forest_table("os", 60, 25)
    parts = plots.parts_of(table)
    assert len(parts) > 1
    names = [name for part in parts for name in part["treatment_class"].dropna().unique()]
    assert names == list(table["treatment_class"].dropna().unique())
    figures = [
        plots.plot_forest(part, part=(number, len(parts))).figure
        for number, part in enumerate(parts, start=1)
    ]
    assert all(figure.get_size_inches()[1] * 72 <= TALLEST for figure in figures)
    assert len({figure.axes[0].get_xlim() for figure in figures}) == 1
    assert any("part 2 of" in text for text in words(figures[1]))
    small = tables.forest_table("os", 5, 2)
    assert plots.parts_of(small)[0] is small


def test_hues_are_shared_and_none_stands_for_two_classes():
    eight = class_hues(list(tables.CLASSES)[:8])
    assert len(set(eight.values())) == 8
    assert len(set(class_hues(tables.CLASSES).values())) == 1
    figure = plots.plot_forest(tables.forest_table("pfs", 4, 2), endpoint="pfs", hues=eight).figure
    dots = [a for name, a in by_gid(figure).items() if name.endswith("-model")]
    assert {to_hex(dot.get_markerfacecolor()) for dot in dots} == {HUES[0].lower()}


def _labels(axes):
    """Labels of the rows, from top to bottom."""
    return [text.get_text() for text in axes.figure.texts if "-label-" in (text.get_gid() or "")]


@pytest.mark.parametrize(
    ("sort", "first", "rising"),
    [("effect", "estimate", False), ("year", "year", True), ("size", "n", False)],
)
def test_rows_can_be_sorted_within_classes_and_treatments(sort, first, rising):
    table = tables.forest_table("os", 24, 5)
    labels = _labels(plots.plot_forest(table.sample(frac=1.0, random_state=2), sort=sort))
    cohorts = table[table["kind"] == "cohort"].copy()
    cohorts["name"] = cohorts["label"] + " " + cohorts["year"].astype(str)
    for treatment, own in cohorts.groupby("treatment"):
        start = labels.index(treatment) + 1
        drawn = labels[start : start + len(own)]
        values = own.set_index("name")[first].astype(float)
        assert sorted(drawn) == sorted(own["name"])
        assert list(values[drawn]) == sorted(values, reverse=not rising)
    means = table[table["kind"] == "mean_study"].set_index("treatment")["estimate"]
    of_treatment = {
        "effect": means,
        "year": cohorts.groupby("treatment")["year"].min(),
        "size": cohorts.groupby("treatment")["n"].sum(),
    }[sort].astype(float)
    for _, own in cohorts.groupby("treatment_class"):
        drawn = [label for label in labels if label in set(own["treatment"])]
        values = list(of_treatment[drawn])
        assert values == sorted(values, reverse=not rising)


def test_the_columns_of_text_can_be_chosen():
    table = tables.forest_table("os", 5, 2)
    every = words(plots.plot_forest(table, width="slide").figure)
    assert {"Design", "Country", "n", "(events)", "Reported", "Model, months"} <= set(every)
    few = words(plots.plot_forest(table, columns=("country", "model")).figure)
    assert {"Country", "France", "Model, months", "3.7 (2.3–5.9)"} <= set(few)
    assert not {"n", "(events)", "Reported", "3.6 (2.2–6.9)", "R"} & set(few)
    assert not any("NR, not reached" in text or "retrospective" in text for text in few)
    assert "Ferrante 2004" in few
    narrow = plots.plot_forest(table, width="one-column", columns=("reported",)).figure
    assert_clear(narrow, "one-column")
    assert {"Ferrante 2004", "3.6 (2.2–6.9)"} <= set(words(narrow))
    assert "3.7 (2.3–5.9)" not in words(narrow)
    with pytest.raises(NotAnsweredError, match="a width of 85 mm has no room for an axis"):
        plots.plot_forest(table, width="one-column", columns=COLUMNS)


def test_a_forest_plot_in_given_axes_leaves_the_rest_of_their_figure_alone():
    figure = Figure(figsize=(9.0, 5.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    right.plot([1, 2], label="mine")
    figure.get_layout_engine().execute(figure)
    place, beside = left.bbox.frozen(), right.get_position().bounds
    table = tables.forest_table("os", 5, 2)
    axes = plots.plot_forest(table, left, title="Overall survival")
    assert axes is left
    assert figure.axes == [left, right]
    assert figure.texts == []
    assert tuple(figure.get_size_inches()) == (9.0, 5.0)
    texts = axes.texts
    extents = boxes(figure, texts) * figure.dpi / 72
    assert right.get_position().bounds == pytest.approx(beside)
    assert len(right.lines) == 1
    shown = {text.get_text() for text in texts}
    assert shown >= {"Overall survival", "Alfatinib", "Ferrante 2004 (3)"}
    assert (extents[:, :2] > place.min - 0.1).all()
    assert (extents[:, 2:] < place.max + 0.1).all()
    assert [pair for pair in overlaps(extents, extents) if pair[0] < pair[1]] == []
    assert place.x0 < axes.bbox.x0 < axes.bbox.x1 < place.x1
    (square,) = [a for a in axes.lines if a.get_gid() == "forest-os-2-printed-reported"]
    assert square.get_xdata()[0] == table["printed_value"].dropna().iloc[0]
    low = Figure(figsize=(9.0, 2.0)).subplots()
    with pytest.raises(NotAnsweredError, match=r"these rows need axes of \d+ mm, and ax is 39 mm"):
        plots.plot_forest(table, low)


# --- Survival curves -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def curves_drawn():
    curves, points = tables.curve_tables()
    return curves, points, plots.plot_curves(curves, points, reference="Betafenib")


def test_curves_have_a_panel_for_each_treatment_with_enough_data_and_count_the_others(curves_drawn):
    curves, points, figure = curves_drawn
    first = curves.drop_duplicates("treatment")
    enough = first[(first["cohorts"] >= 2) | (first["patients"] >= 50)]
    assert [axes.get_label() for axes in figure.axes] == list(enough["treatment"])
    assert 0 < len(enough) < len(first)
    assert {axes.get_xlim() for axes in figure.axes} == {(0.0, 24.0)}
    assert {axes.get_ylim() for axes in figure.axes} == {(0.0, 100.0)}
    every = plots.plot_curves(curves.assign(cohorts=1, patients=49), points)
    assert [axes.get_label() for axes in every.axes] == list(first["treatment"])


def test_listed_patients_stand_as_steps_in_their_panel(curves_drawn):
    _, points, figure = curves_drawn
    listed = points[points["kind"] == "listed"]
    drawn = {
        axes.get_label(): [line for line in axes.lines if "-listed-" in (line.get_gid() or "")]
        for axes in figure.axes
    }
    for treatment, lines in drawn.items():
        own = listed[listed["treatment"] == treatment]
        assert len(lines) == own["study_id"].nunique()
        assert all(line.get_drawstyle() == "steps-post" for line in lines)
    assert sum(map(len, drawn.values())) > 0


def test_the_reference_stands_pale_behind_every_other_curve(curves_drawn):
    curves, _, figure = curves_drawn
    named = by_gid(figure)
    for place, axes in enumerate(figure.axes):
        line = named.get(f"curves-panel-{place}-reference")
        assert (line is None) == (axes.get_label() == "Betafenib")
        if line is not None:
            own = curves[curves["treatment"] == "Betafenib"]
            expected = np.interp(line.get_xdata(), own["time"], 100 * own["survival"])
            np.testing.assert_allclose(line.get_ydata(), expected)


def test_a_curve_is_faded_beyond_twice_the_last_reported_point(curves_drawn):
    figure = curves_drawn[2]
    named, labels = by_gid(figure), [axes.get_label() for axes in figure.axes]
    place = labels.index("Betafenib")
    known, faded = (named[f"curves-panel-{place}-curve{end}"] for end in ("", "-faded"))
    assert known.get_xdata().max() == faded.get_xdata().min() == pytest.approx(12.0)
    assert (known.get_linestyle(), faded.get_linestyle()) == ("-", "--")
    assert known.get_ydata()[0] == 100


def test_reported_medians_stand_on_the_line_of_half_survival(curves_drawn):
    _, points, figure = curves_drawn
    named = by_gid(figure)
    for panel, axes in enumerate(figure.axes):
        own = points[points["treatment"] == axes.get_label()]
        for place, row in enumerate(own[own["kind"] == "median"].to_dict("records")):
            gid = f"curves-panel-{panel}-median-{place}"
            assert (f"{gid}-printed-arrow-right" in named) == (row["time"] > 24)
            if row["time"] <= 24:
                square = named[f"{gid}-reported"]
                assert (square.get_xdata()[0], square.get_ydata()[0]) == (row["time"], 50)
        for place, row in enumerate(own[own["kind"] == "landmark"].to_dict("records")):
            gid = f"curves-panel-{panel}-landmark-{place}-landmark"
            assert named[gid].get_xdata()[0] == 12
            assert named[gid].get_ydata()[0] == pytest.approx(30)
            if not math.isnan(row["survival_lower"]):
                assert tuple(named[f"{gid}-line"].get_ydata()) == pytest.approx((10, 55))


def test_the_legend_has_no_mark_that_is_not_drawn(curves_drawn):
    curves, points, figure = curves_drawn
    mark = "reported survival at a fixed time"
    assert mark in words(figure)
    others = points["kind"] != "landmark"
    panels = {axes.get_label() for axes in figure.axes}
    small = next(name for name in curves["treatment"] if name not in panels)
    for column, value in {"time": 36.0, "treatment": small}.items():
        moved = points.assign(**{column: points[column].where(others, value)})
        assert mark not in words(plots.plot_curves(curves, moved))


# --- What cannot be drawn ------------------------------------------------------------------------


def without(*columns):
    return lambda table: table.drop(columns=list(columns))


def only(query):
    return lambda table: table.query(query)


def having(**columns):
    return lambda table: table.assign(**columns)


def swap(old, new):
    return lambda table: table.replace(old, new)


def twice(table):
    return pd.concat([table, table])


@pytest.mark.parametrize(
    ("name", "frame", "change", "told"),
    [
        ("forest_os", 0, without("n", "printed"), "plot_forest: .* lacks the columns n, printed "),
        ("forest_os", 0, only("n < 0"), "no rows"),
        ("forest_os", 0, only("kind == 'treatment'"), "no cohort and no pooled row"),
        ("forest_os", 0, swap("cohort", "total"), "kind is 'total'; expected one of class"),
        ("curves_os", 0, twice, "two rows for treatment Alfatinib, time"),
        ("curves_os", 1, without("time_lower"), "points: the table lacks the columns time_lower"),
        ("compare", 0, twice, "two rows for endpoint os, treatment Alfatinib"),
        ("compare", 0, swap("randomised", "hearsay"), "'hearsay'; expected one of randomised"),
        ("compare", 0, swap("pfs", "dss"), "endpoint is 'dss'; expected one of os"),
        ("benefit", 0, swap("pure", "both"), "histology is 'both'; expected one of pure, mixed"),
        ("benefit_effects", 0, only("parameter != 'prognostic'"), "no density for prognostic"),
        ("single_results", 2, having(result=0), "two rows for result 0"),
        ("cases", 0, having(status="lost"), "status is 'lost'; expected one of died"),
        ("cases", 0, having(months=np.nan), "no rows"),
        ("cumulative", 0, having(year=2017), "two rows for treatment Lenvatinib, year 2017"),
        ("impact", 0, swap("os", "pfs"), "no treatment for os to draw"),
        ("impact", 1, without("p"), "surprise: the table lacks the columns p "),
        ("sensitivity", 0, only("specification != 'base'"), "no row named 'base'"),
        ("sensitivity", 0, having(kind="hazard"), "kind is 'hazard'; expected one of ratio_of_"),
        ("sensitivity", 0, twice, "two rows for specification base"),
        ("assurance", 0, twice, "two rows for population all, n 20"),
        ("assurance", 0, swap("pure", "old"), "'old'; expected one of all, pure, mixed"),
        ("planned_widths", 0, twice, "two rows for population all, n 20"),
        ("planned_widths", 0, swap("pure", "old"), "'old'; expected one of all, pure, mixed"),
        ("bias", 0, only("parameter == 'common bias'"), "no density for spread"),
        ("funnel", 0, having(kind="planned"), "'planned'; expected one of retrospective"),
        ("funnel", 0, having(ratio=np.nan), "are nan and .*; expected numbers above zero"),
        ("funnel", 0, having(standard_error=0.0), "and 0; expected numbers above zero"),
    ],
)
def test_tables_that_cannot_be_drawn_are_refused(name, frame, change, told):
    frames = list(ENTRIES[name].frames())
    frames[frame] = change(frames[frame])
    with pytest.raises(ValueError, match=told):
        ENTRIES[name].plot(*frames, **ENTRIES[name].more)


@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("forest_os", {"sort": "name"}, "sort has 'name'; expected effect, year, size"),
        ("forest_os", {"columns": ["n", "age"]}, "columns has 'age'; expected design, country, n"),
        ("forest_os", {"hues": {}}, "no colour for the classes Multikinase"),
        ("forest_os", {"endpoint": "dss"}, "endpoint: found 'dss', expected one of os"),
        ("pool", {"scale": "log"}, "scale is 'log'; expected one of difference"),
        ("curves_os", {"reference": "Nothing"}, "reference 'Nothing' has no curve"),
    ],
)
def test_words_that_nothing_stands_for_are_refused(name, more, told):
    with pytest.raises(ValueError, match=told):
        ENTRIES[name].plot(*ENTRIES[name].frames(), **{**ENTRIES[name].more, **more})
