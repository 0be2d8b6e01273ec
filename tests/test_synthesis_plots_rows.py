"""Figures that are rows on axes: what is drawn, where it stands, which words say so."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plot_tables as tables
import pytest
from matplotlib.colors import to_hex
from plot_tables import by_gid, row_of, words

from synthesis import plots
from synthesis.plots.checks import MOST
from synthesis.plots.page import difference_scale
from synthesis.plots.sensitivity import BASE
from synthesis.plots.style import SHEETS


def axes_named(figure, name):
    (found,) = [axes for axes in figure.axes if axes.get_label() == name]
    return found


def is_open(mark):
    return to_hex(mark.get_markerfacecolor()) == "#ffffff"


# --- Treatments against the reference ------------------------------------------------------------


@pytest.fixture(scope="module")
def compared():
    return plots.plot_compare(tables.compare_table())


def test_a_contrast_stands_where_the_table_says_on_the_axis_of_its_endpoint(compared):
    named = by_gid(compared)
    for endpoint, own in tables.compare_table().groupby("endpoint", sort=False):
        factor = 100.0 if endpoint == "response" else 1.0
        drawn = [a for n, a in named.items() if n.startswith(f"compare-{endpoint}-")]
        marks = [a for a in drawn if a.get_gid().endswith("-contrast")]
        expected = factor * own.loc[~own["is_reference"], "estimate"]
        np.testing.assert_allclose(sorted(mark.get_xdata()[0] for mark in marks), sorted(expected))
        null = named[f"compare-{endpoint}-contrast-null"].get_xdata()[0]
        assert null == (0.0 if endpoint == "response" else 1.0)


def test_shape_and_fill_tell_what_carries_a_contrast(compared):
    named = by_gid(compared)
    expected = {
        "randomised": ("s", False),
        "within one study": ("o", False),
        "across studies": ("o", True),
    }
    for row in tables.compare_table().query("endpoint == 'os' and not is_reference").itertuples():
        mark = named[f"{row_of(compared, row.treatment)}-contrast"]
        assert (mark.get_marker(), is_open(mark)) == expected[row.evidence]
    assert "randomised in one report" in words(compared)
    only = tables.compare_table().query("evidence != 'randomised'")
    assert "randomised in one report" not in words(plots.plot_compare(only))


def test_endpoints_are_panels_with_letters_and_treatments_stand_by_effect_below_classes(compared):
    found = words(compared)
    heads = [text for text in found if text[:2] in ("A ", "B ", "C ")]
    assert [text[2:].split(" (")[0] for text in heads] == [
        "Overall survival",
        "Progression-free survival",
        "Objective response",
    ]
    own = tables.compare_table().query("endpoint == 'os'")
    for group, members in own.groupby("treatment_class", sort=False):
        assert (found.count(group) >= 1) == (len(members) > 1)
        ranked = members.sort_values("estimate", ascending=False)["treatment"]
        places = [int(row_of(compared, name).rpartition("-")[2]) for name in ranked]
        assert places == sorted(places)


def test_a_row_has_ratio_median_gain_and_probability(compared):
    row = tables.compare_table().query("endpoint == 'os'").iloc[1]
    gid, named = row_of(compared, row["treatment"]), by_gid(compared)
    assert named[f"{gid}-counts-0"].get_text() == "2 (34)"
    assert named[f"{gid}-contrast-0"].get_text() == "2.40 (1.20–4.80)"
    assert named[f"{gid}-gain-0"].get_text() == "1.2 (−1.1 to 32.4)"
    assert named[f"{gid}-p-0"].get_text() == "0.91 / 0.81"
    assert words(compared).count("reference") == 3
    # medians stand where there is room beside the axis
    wide = words(plots.plot_compare(tables.compare_table(), width="slide"))
    assert "7.2 (4.5–11.5)" in set(wide) - set(words(compared))


def test_of_a_treatment_known_from_adjusted_ratios_the_compared_patients_are_named():
    table = tables.compare_table()
    last = table["is_reference"]
    table.loc[last, ["cohorts", "patients", "compared"]] = (2, 0, 2023)
    assert words(plots.plot_compare(table, width="slide")).count("2 (2,023 adjusted)") == last.sum()


def test_a_class_heading_gives_way_where_the_page_is_not_high_enough():
    table = pd.concat(
        [tables.compare_table().query("endpoint == 'os'").assign(
            treatment=lambda own, n=n: own["treatment"] + f" {n}") for n in range(8)]
    )  # fmt: skip
    found = words(plots.plot_compare(table))
    assert not set(found) & set(tables.CLASSES)


# --- Pure and mixed ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def benefit():
    return plots.plot_benefit(tables.benefit_table())


def test_what_no_report_supports_is_open_dashed_and_called_extrapolated(benefit):
    named = by_gid(benefit)
    for row in tables.benefit_table().query("endpoint == 'os'").to_dict("records"):
        gid = f"{row_of(benefit, row['treatment'])}-medians-{row['histology']}"
        mark, line = named[f"{gid}-estimate"], named[f"{gid}-interval-line"]
        assert is_open(mark) == row["extrapolated"]
        assert (line.get_linestyle() == "--") == row["extrapolated"]
        assert mark.get_marker() == ("o" if row["histology"] == "pure" else "D")
        assert mark.get_xdata()[0] == pytest.approx(row["median"])
    found = words(benefit)
    assert found.count("Extrapolated: no report of the treatment tells pure from mixed") == 2
    assert sum(text.endswith("; mixed extrapolated") for text in found) == 2
    known = tables.benefit_table().assign(extrapolated=False)
    assert not any("xtrapolated" in text for text in words(plots.plot_benefit(known)))


def test_a_gain_stands_beside_its_median_and_goes_on_beyond_the_axis_as_an_arrow(benefit):
    named, table = by_gid(benefit), tables.benefit_table().query("endpoint == 'os'")
    last = table[~table["is_reference"]].iloc[-1]
    gid = f"{row_of(benefit, last['treatment'])}-gains-mixed"
    assert named[f"{gid}-estimate"].get_xdata()[0] == pytest.approx(last["gain"])
    assert last["gain_upper"] > axes_named(benefit, "benefit-os gains").get_xlim()[1]
    assert f"{gid}-interval-arrow-right" in named
    reference = row_of(benefit, tables.REFERENCE)
    assert f"{reference}-gains-mixed-estimate" not in named


def test_without_a_reference_or_in_one_column_there_are_no_gains():
    table = tables.benefit_table().query("endpoint == 'os'")
    none = table.assign(gain=np.nan, gain_lower=np.nan, gain_upper=np.nan)
    narrow = plots.plot_benefit(table, width="one-column")
    for figure in (plots.plot_benefit(none), narrow):
        assert [axes.get_label() for axes in figure.axes] == ["benefit-os medians"]


@pytest.fixture(scope="module")
def effects_drawn():
    return plots.plot_effects(*tables.effect_tables())


def test_posterior_is_filled_prior_is_an_outline(effects_drawn):
    density, effects, _ = tables.effect_tables()
    figure, named = effects_drawn, by_gid(effects_drawn)
    for label in effects["label"].unique():
        gid = row_of(figure, label)
        assert f"{gid}-posterior-area" in named
        assert f"{gid}-prior-area" not in named
        assert named[f"{gid}-prior"].get_linestyle() == "--"
        names = effects.loc[effects["label"] == label, "parameter"]
        own = density[density["parameter"].isin(names) & (density["which"] == "prior")]
        x, y = named[f"{gid}-prior"].get_data()  # vertical positions run downwards
        assert x[np.argmin(y)] == pytest.approx(own.loc[own["density"].idxmax(), "x"])


def test_the_ratio_of_a_report_has_a_column_of_its_own(effects_drawn):
    named, gid = by_gid(effects_drawn), row_of(effects_drawn, "Delacroix-Morel 2019")
    assert named[f"{gid}-reported"].get_xdata()[0] == pytest.approx(2.4)
    ratio = named[f"{gid}-reported-0"]
    assert ratio.get_text() == "2.40"
    assert not any(name.startswith(f"{gid}-posterior") for name in named)
    assert ratio.get_position()[0] < named["effects-os-0-posterior-1"].get_position()[0]
    assert "6.0 v 2.5 months, p = 0.03" in words(effects_drawn)


def test_the_share_assumed_is_said_at_every_width(effects_drawn):
    density, effects, _ = tables.effect_tables()
    share = f"{100 * effects['prior_share'].iloc[0]:.0f} %"
    assert share in words(effects_drawn)
    narrow = words(plots.plot_effects(density, effects, width="one-column"))
    assert f"{share} assumed" in " ".join(narrow)
    assert "Reported" not in narrow


def test_single_results_are_panels_with_what_significant_results_show():
    density, effects, reported, shown = tables.single_tables()
    figure = plots.plot_singles(density, effects, reported, shown)
    named = by_gid(figure)
    assert [axes.get_label() for axes in figure.axes] == ["single-0 ratio", "single-1 ratio"]
    assert "A Delacroix-Morel 2019, overall survival" in words(figure)
    assert named["single-0-0-reported"].get_xdata()[0] == pytest.approx(2.4)
    first = len(tables.EFFECTS) + 1
    for place, row in enumerate(shown.query("result == 0").itertuples(), start=first):
        true = named[f"single-0-{place}-true"]
        assert is_open(true)
        assert true.get_xdata()[0] == pytest.approx(row.true_ratio)
        seen = named.get(f"single-0-{place}-shown")
        assert (seen is None) == math.isnan(row.shown_ratio)
        if seen is not None:
            assert seen.get_xdata()[0] == pytest.approx(row.shown_ratio)


def test_an_axis_of_differences_holds_nought_and_every_estimate():
    from synthesis.plots.style import Face

    scale = difference_scale([3.0, -1.0], [40.0, -30.0, np.nan, np.inf], 120.0, Face(7.0, 9.0))
    assert -30.0 < scale.lower < -1.0 < 0.0 < 3.0 < scale.upper < 40.0
    assert 0.0 in scale.ticks
    assert len(set(np.diff(scale.ticks))) == 1
    with pytest.raises(ValueError, match="not finite"):
        difference_scale([np.inf], [], 100.0, Face(7.0, 9.0))


# --- Model check ---------------------------------------------------------------------------------


def test_positions_are_drawn_in_their_band_and_the_most_extreme_figures_as_rows():
    positions, extremes = tables.check_tables()
    figure = plots.plot_checks(positions, extremes)
    named = by_gid(figure)
    own = positions.query("endpoint == 'os'")
    line = named["spread-os-line"]
    np.testing.assert_allclose(line.get_ydata(), 100 * (own["share"] - own["position"]))
    band = named["spread-os-band"].get_paths()[0].vertices
    upper = 100 * (own["upper"] - own["position"])
    assert {round(y, 6) for y in band[:, 1]} >= {round(y, 6) for y in upper}
    for endpoint, rows in extremes.groupby("endpoint"):
        order = (rows["pit"] - 0.5).abs().sort_values(ascending=False, kind="stable").index
        for place, row in enumerate(rows.loc[order[:MOST]].itertuples()):
            mark = named[f"checks-{endpoint}-{place}-position"]
            assert mark.get_xdata()[0] == pytest.approx(row.pit)
            assert is_open(mark) != row.within
        assert f"checks-{endpoint}-{MOST}-position" not in named
    found = words(figure)
    assert {"7.3 mo", "NR", "40 %", "5.0 (1.7–15.0)", "30 (10–90)"} <= set(found)
    assert [text[2:] for text in found if text.startswith(("A ", "B ", "C "))] == [
        "Overall survival", "Progression-free survival", "Objective response",
    ]  # fmt: skip


# --- Impact --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moved():
    return plots.plot_impact(*tables.impact_tables())


def test_estimates_without_and_with_the_new_studies_stand_where_the_table_says(moved):
    table, surprise, ranks = tables.impact_tables()
    figure, named = moved, by_gid(moved)
    for row in table.query("target == 'mean_study'").head(9).to_dict("records"):
        gid = row_of(figure, row["treatment"])
        before, after = (named[f"{gid}-{side}-estimate"] for side in ("before", "after"))
        assert before.get_xdata()[0] == pytest.approx(row["before"])
        assert after.get_xdata()[0] == pytest.approx(row["after"])
        assert is_open(before)
        assert not is_open(after)
        assert before.get_ydata()[0] < after.get_ydata()[0]
    found = words(figure)
    assert found.count("9") == 2
    assert "2.2 (1.2–4.2)*" in found
    known = table.assign(before_basis="its cohorts")
    assert not any("*" in text for text in words(plots.plot_impact(known, surprise, ranks)))


def test_treatments_of_new_studies_come_first_then_those_that_move_most():
    table, surprise, ranks = tables.impact_tables()
    shuffled = table.sample(frac=1.0, random_state=4)
    found = words(plots.plot_impact(shuffled, surprise, ranks, limit=6))
    order = [name for name in found if name in {name for _, name in tables.TREATMENTS}]
    assert order == [name for _, name in tables.TREATMENTS[:6]]
    assert found.index("With new studies") < found.index(order[0])
    assert found.index(order[1]) < found.index("Other treatments")


def test_reported_figures_stand_on_their_expectation(moved):
    surprise = tables.impact_tables()[1]
    figure, named = moved, by_gid(moved)
    labels = [axes.get_label() for axes in figure.axes]
    assert labels == [f"impact-{name} values" for name in ("estimates", "times", "shares")]
    for name, factor, places in (("times", 1, [1, 2, 3, 5]), ("shares", 100, [1, 2])):
        is_share = surprise["figure"].str.startswith("survival")
        rows = surprise[is_share == (name == "shares")].to_dict("records")
        low, high = axes_named(figure, f"impact-{name} values").get_xlim()
        for place, row in zip(places, rows, strict=True):
            gid = f"impact-{name}-{place}"
            for end, level in (("", "95"), ("_50", "50")):
                box = named[f"{gid}-{level}-area"].get_bbox()
                assert box.x0 == pytest.approx(max(factor * row[f"lower{end}"], low))
                assert box.x1 == pytest.approx(min(factor * row[f"upper{end}"], high))
            if math.isinf(row["value"]):
                assert named[f"{gid}-printed-arrow-right"].get_xdata()[0] == pytest.approx(high)
            else:
                square = named[f"{gid}-reported"]
                assert square.get_xdata()[0] == pytest.approx(factor * row["value"])
    assert {"<0.01", "0.31", "5.5 months (166 days)", "mixed, n = 85"} <= set(words(figure))


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
    own, named = tables.specification_table(), by_gid(tried)
    heights = {}
    for row in own[own["specification"] != BASE].itertuples(index=False):
        mark = named[f"{row.specification}-choice"]
        heights.setdefault((row.heading, row.aspect), set()).add(float(mark.get_ydata()[0]))
        assert mark.get_marker() == {-1: "v", 0: "o", 1: "^"}[row.direction]
        assert is_open(mark) is not row.changes
    levels = [next(iter(found)) for found in heights.values()]
    assert all(len(found) == 1 for found in heights.values())
    assert levels == sorted(set(levels))
    curve, matrix = axes_named(tried, "curve"), axes_named(tried, "specification matrix")
    assert curve.get_xlim() == matrix.get_xlim()
    assert curve.get_position().x0 == pytest.approx(matrix.get_position().x0)


def test_numbers_stand_above_their_choices_and_in_the_key(tried):
    own = tables.specification_table()
    told = " ".join(words(tried))
    order = {name: i for i, name in enumerate(own.sort_values("estimate")["specification"])}
    curve = axes_named(tried, "curve")
    notes = [text for text in tried.texts if text.get_fontsize() == SHEETS["two-column"].small]
    for row in own[own["mark"] != ""].itertuples(index=False):
        assert f"{row.mark} Choice {row.specification}" in told
        (text,) = [text for text in notes if text.get_text() == row.mark]
        at = text.get_transform().transform(text.get_position())
        across = curve.transData.inverted().transform(at)[0]
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
    named, own = by_gid(plots.plot_assurance(tables.plan_table())), tables.plan_table()
    pure = own.query("population == 'pure'")
    np.testing.assert_allclose(named["plan-assurance-pure"].get_ydata(), pure["assurance"])
    assert set(named["plan-today-mixed"].get_ydata()) == {0.7}
    assert [is_open(named[f"plan-assurance-pure-{place}"]) for place in range(5)] == [
        not sure for sure in pure["reliable"]
    ]
    figure = plots.plot_planned_widths(own)
    assert [axes.get_label() for axes in figure.axes] == ["prognostic", "predictive", "ratio"]
    whole, drawn = own.query("population == 'all'"), by_gid(figure)["plan-ratio-all"]
    np.testing.assert_allclose(drawn.get_ydata(), np.exp(whole["expected_width_ratio"]))
    np.testing.assert_array_equal(drawn.get_xdata(), whole["n"])
    sure = words(plots.plot_assurance(tables.plan_table(sizes=(20, 40))))
    assert not any(text.startswith("Open mark") for text in sure)


# --- Bias ----------------------------------------------------------------------------------------


def test_reports_stand_at_their_bias_below_common_bias_and_spread():
    density, effects, reports = tables.bias_tables()
    figure = plots.plot_bias(density, effects, reports)
    named = by_gid(figure)
    for row in reports.itertuples(index=False):
        dot = named[f"{row_of(figure, row.cohort_label)}-estimate"]
        assert dot.get_xdata()[0] == row.estimate
    far = reports.loc[reports["upper"].idxmax(), "cohort_label"]
    assert f"{row_of(figure, far)}-interval-arrow-right" in named
    assert min(named["bias-1-prior"].get_xdata()) == pytest.approx(1.0)  # a spread is not negative
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
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (row.ratio, row.standard_error)
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
    assert named["funnel-null"].get_xdata()[0] == 1.0


def test_only_medians_outside_of_the_limits_are_named(funnel):
    table = tables.funnel_table()
    far = set(table.loc[table["beyond_sampling"], "cohort_label"])
    named = [text for text in funnel.texts if (text.get_gid() or "").startswith("funnel-name-")]
    firsts = {text.get_text() for text in named if text.get_gid().endswith("-0")}
    assert 3 < len(firsts) <= len(far)
    assert firsts <= {name.partition(" (")[0] for name in far}
    quiet = plots.plot_funnel(table.assign(beyond_sampling=False))
    assert not any("Named" in text for text in words(quiet))
