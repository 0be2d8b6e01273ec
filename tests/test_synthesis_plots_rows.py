"""Figures that are rows on axes: what their tables change.

Golden pages hold words, axes and marks of one figure of each kind (`test_synthesis_plots`).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plot_tables as tables
import pytest
from plot_tables import at, axes_named, by_gid, is_open, row_of, words

from synthesis import plots
from synthesis.plots.checks import MOST
from synthesis.plots.page import difference_scale
from synthesis.plots.sensitivity import BASE
from synthesis.plots.style import SHEETS, Face


@pytest.mark.parametrize(
    ("plot", "make", "changed", "absent"),
    [
        (plots.plot_compare, tables.compare_table, {"evidence": "across studies"}, "randomised in"),
        (plots.plot_benefit, tables.benefit_table, {"extrapolated": False}, "xtrapolated"),
        (plots.plot_impact, tables.impact_tables, {"before_basis": "its cohorts"}, "*"),
        (plots.plot_assurance, tables.plan_table, {"reliable": True}, "Open mark"),
        (plots.plot_funnel, tables.funnel_table, {"beyond_sampling": False}, "Named"),
    ],
)
def test_nothing_is_explained_that_is_not_drawn(plot, make, changed, absent):
    made = make()
    first, *others = made if isinstance(made, tuple) else (made,)
    assert absent in " ".join(words(plot(first, *others)))
    assert absent not in " ".join(words(plot(first.assign(**changed), *others)))


# --- Treatments against the reference ------------------------------------------------------------


@pytest.fixture(scope="module")
def compared():
    return plots.plot_compare(tables.compare_table())


def test_medians_stand_where_there_is_room_and_compared_patients_are_named(compared):
    table = tables.compare_table()
    last = table["is_reference"]
    table.loc[last, ["cohorts", "patients", "compared"]] = (2, 0, 2023)
    wide = words(plots.plot_compare(table, width="slide"))
    assert "7.2 (4.5–11.5)" in set(wide) - set(words(compared))
    assert wide.count("2 (2,023 adjusted)") == last.sum()


def test_a_class_heading_gives_way_where_the_page_is_not_high_enough(compared):
    own = tables.compare_table().query("endpoint == 'os'")
    many = [own.assign(treatment=own["treatment"] + f" {number}") for number in range(8)]
    found = words(plots.plot_compare(pd.concat(many)))
    assert set(words(compared)) & set(tables.CLASSES)
    assert not set(found) & set(tables.CLASSES)


# --- Pure and mixed ------------------------------------------------------------------------------


def test_without_a_reference_or_in_one_column_there_are_no_gains():
    table = tables.benefit_table().query("endpoint == 'os'")
    none = table.assign(gain=np.nan, gain_lower=np.nan, gain_upper=np.nan)
    narrow = plots.plot_benefit(table, width="one-column")
    for figure in (plots.plot_benefit(none), narrow):
        assert [axes.get_label() for axes in figure.axes] == ["benefit-os medians"]


@pytest.fixture(scope="module")
def effects_drawn():
    return plots.plot_effects(*tables.effect_tables())


def test_the_ratio_of_a_report_has_a_column_of_its_own(effects_drawn):
    named, gid = by_gid(effects_drawn), row_of(effects_drawn, "Delacroix-Morel 2019")
    assert at(named[f"{gid}-reported"]) == pytest.approx(2.4)
    ratio = named[f"{gid}-reported-0"]
    assert ratio.get_text() == "2.40"
    assert not any(name.startswith(f"{gid}-posterior") for name in named)
    assert ratio.get_position()[0] < named["effects-os-0-posterior-1"].get_position()[0]


def test_the_share_assumed_is_said_in_one_column_too():
    density, effects, _ = tables.effect_tables()
    narrow = words(plots.plot_effects(density, effects, width="one-column"))
    assert f"{100 * effects['prior_share'].iloc[0]:.0f} % assumed" in " ".join(narrow)
    assert "Reported" not in narrow


def test_an_axis_of_differences_holds_nought_and_every_estimate():
    face = Face(7.0, 9.0)
    scale = difference_scale([3.0, -1.0], [40.0, -30.0, np.nan, np.inf], 120.0, face)
    assert -30.0 < scale.lower < -1.0 < 0.0 < 3.0 < scale.upper < 40.0
    assert 0.0 in scale.ticks
    assert len(set(np.diff(scale.ticks))) == 1
    with pytest.raises(ValueError, match="not finite"):
        difference_scale([np.inf], [], 100.0, face)


# --- Model check ---------------------------------------------------------------------------------


def test_positions_are_drawn_in_their_band_and_few_figures_as_rows():
    positions, extremes = tables.check_tables()
    named = by_gid(plots.plot_checks(positions, extremes))
    own = positions.query("endpoint == 'os'")
    line, band = named["spread-os-line"], named["spread-os-band"].get_paths()[0].vertices
    np.testing.assert_allclose(line.get_ydata(), 100 * (own["share"] - own["position"]))
    upper = 100 * (own["upper"] - own["position"])
    assert {round(y, 6) for y in band[:, 1]} >= {round(y, 6) for y in upper}
    assert f"checks-os-{MOST - 1}-position" in named
    assert f"checks-os-{MOST}-position" not in named
    assert (extremes["endpoint"] == "os").sum() > MOST


# --- Impact --------------------------------------------------------------------------------------


def test_treatments_of_new_studies_come_first_then_those_that_move_most():
    table, surprise, ranks = tables.impact_tables()
    shuffled = table.sample(frac=1.0, random_state=4)
    found = words(plots.plot_impact(shuffled, surprise, ranks, limit=6))
    treatments = [name for _, name in tables.TREATMENTS]
    order = [name for name in found if name in treatments]
    assert order == treatments[:6]
    assert found.index("With new studies") < found.index(order[0])
    assert found.index(order[1]) < found.index("Other treatments")


def test_the_estimate_without_new_studies_stands_above_that_with_them():
    figure = plots.plot_impact(*tables.impact_tables())
    gid, named = row_of(figure, tables.TREATMENTS[0][1]), by_gid(figure)
    before, after = (named[f"{gid}-{side}-estimate"] for side in ("before", "after"))
    assert before.get_ydata()[0] < after.get_ydata()[0]


def test_too_many_figures_keep_those_that_speak_and_the_most_surprising():
    found = words(plots.plot_impact(*tables.impact_tables(), limit=3))
    assert {"0.55", "<0.01", "0.01"} <= set(found)
    assert "0.31" not in found


def test_impact_draws_response_alone():
    table, surprise, ranks = tables.impact_tables("response")
    figure = plots.plot_impact(table, surprise.iloc[:0], ranks, endpoint="response")
    assert [axes.get_label() for axes in figure.axes] == ["impact-estimates values"]


# --- Sensitivity ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tried():
    return plots.plot_specification(tables.specification_table())


def test_estimates_stand_in_order_with_their_intervals_and_a_line_through_the_base(tried):
    own, named = tables.specification_table(), by_gid(tried)
    low, high = axes_named(tried, "curve").get_ylim()
    ordered = own.sort_values("estimate", kind="stable")
    for place, row in enumerate(ordered.itertuples(index=False)):
        bar = named[f"{row.specification}-interval"]
        assert list(bar.get_xdata()) == [place, place]
        assert bar.get_ydata() == pytest.approx([max(row.lower, low), min(row.upper, high)])
        assert named[f"{row.specification}-mark"].get_ydata()[0] == row.estimate
    assert set(named["base-line"].get_ydata()) == {1.3}
    assert set(named["null"].get_ydata()) == {1.0}


def test_each_choice_has_one_mark_in_the_row_of_its_aspect(tried):
    own, named, heights = tables.specification_table(), by_gid(tried), {}
    for row in own[own["specification"] != BASE].itertuples(index=False):
        mark = named[f"{row.specification}-choice"]
        heights.setdefault((row.heading, row.aspect), set()).add(float(mark.get_ydata()[0]))
        assert mark.get_marker() == {-1: "v", 0: "o", 1: "^"}[row.direction]
        assert is_open(mark) is not row.changes
    levels = [next(iter(found)) for found in heights.values()]
    assert all(len(found) == 1 for found in heights.values())
    assert levels == sorted(set(levels))


def test_curve_and_choices_share_their_horizontal_axis(tried):
    curve, matrix = axes_named(tried, "curve"), axes_named(tried, "specification matrix")
    assert curve.get_xlim() == matrix.get_xlim()
    assert curve.get_position().x0 == pytest.approx(matrix.get_position().x0)


def test_numbers_stand_above_their_choices(tried):
    own, curve = tables.specification_table(), axes_named(tried, "curve")
    order = {name: i for i, name in enumerate(own.sort_values("estimate")["specification"])}
    notes = [text for text in tried.texts if text.get_fontsize() == SHEETS["two-column"].small]
    for row in own[own["mark"] != ""].itertuples(index=False):
        (text,) = [text for text in notes if text.get_text() == row.mark]
        place = text.get_transform().transform(text.get_position())
        across = curve.transData.inverted().transform(place)[0]
        assert across == pytest.approx(order[row.specification], abs=0.5)


def test_a_probability_has_no_interval_and_what_has_no_estimate_is_left_out():
    named = by_gid(plots.plot_specification(tables.specification_table("p_gain")))
    assert "null" not in named
    assert not any(name.endswith("-interval") for name in named)
    own = tables.specification_table("difference_median_months")
    own.loc[5, ["estimate", "lower", "upper"]] = math.nan
    named = by_gid(plots.plot_specification(own))
    assert f"{own.loc[5, 'specification']}-interval" not in named
    assert f"{own.loc[6, 'specification']}-interval" in named


# --- Plans ---------------------------------------------------------------------------------------


def test_plans_stand_where_the_table_has_them_and_doubt_is_open():
    own = tables.plan_table()
    named, pure = by_gid(plots.plot_assurance(own)), own.query("population == 'pure'")
    np.testing.assert_allclose(named["plan-assurance-pure"].get_ydata(), pure["assurance"])
    assert set(named["plan-today-mixed"].get_ydata()) == {0.7}
    doubts = [is_open(named[f"plan-assurance-pure-{place}"]) for place in range(5)]
    assert doubts == [not sure for sure in pure["reliable"]]
    figure = plots.plot_planned_widths(own)
    assert [axes.get_label() for axes in figure.axes] == ["prognostic", "predictive", "ratio"]
    whole, line = own.query("population == 'all'"), by_gid(figure)["plan-ratio-all"]
    np.testing.assert_allclose(line.get_ydata(), np.exp(whole["expected_width_ratio"]))
    np.testing.assert_array_equal(line.get_xdata(), whole["n"])


# --- Bias ----------------------------------------------------------------------------------------


def test_a_spread_is_not_negative_and_the_axis_of_biases_reaches_from_half_to_twice():
    density, effects, reports = tables.bias_tables()
    named = by_gid(plots.plot_bias(density, effects, reports))
    assert min(named["bias-1-prior"].get_xdata()) == pytest.approx(1.0)
    alone = plots.plot_bias(density, effects, reports.head(0))
    left, right = alone.axes[0].get_xlim()
    assert left < 0.5 < 2.0 < right


@pytest.fixture(scope="module")
def funnel():
    return plots.plot_funnel(tables.funnel_table())


def test_the_standard_error_runs_downwards_and_shapes_tell_the_kind_of_report(funnel):
    (axes,), table, named = funnel.axes, tables.funnel_table(), by_gid(funnel)
    low, high = axes.get_ylim()
    assert low > table["standard_error"].max() > high == 0.0
    shapes = {}
    for place, row in enumerate(table.itertuples(index=False)):
        mark = named[f"funnel-{place}-{row.kind.replace(' ', '-')}"]
        assert (at(mark), mark.get_ydata()[0]) == (row.ratio, row.standard_error)
        shapes.setdefault(row.kind, set()).add(mark.get_marker())
    assert shapes == {"retrospective": {"o"}, "prospective": {"D"}, "not stated": {"s"}}


def test_limits_are_those_of_a_normal_distribution(funnel):
    named = by_gid(funnel)
    for name, extra in (("sampling", 0.0), ("studies", 0.2)):
        for side, sign in (("left", -1.0), ("right", 1.0)):
            line = named[f"funnel-{name}-{side}"]
            error = np.asarray(line.get_ydata())
            expected = np.exp(sign * 1.96 * np.sqrt(error**2 + extra**2))
            np.testing.assert_allclose(line.get_xdata(), expected)
    assert at(named["funnel-null"]) == 1.0


def test_only_medians_outside_of_the_limits_are_named(funnel):
    table = tables.funnel_table()
    far = set(table.loc[table["beyond_sampling"], "cohort_label"])
    named = [text for text in funnel.texts if (text.get_gid() or "").startswith("funnel-name-")]
    firsts = {text.get_text() for text in named if text.get_gid().endswith("-0")}
    assert 3 < len(firsts) <= len(far)
    assert firsts <= {name.partition(" (")[0] for name in far}
