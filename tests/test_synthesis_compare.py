"""Treatments compared: every table from draws that are set by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from compare_fits import REPORTS, arm, registry_of, response_fit, survival_fit
from fits import fit_of
from small_registry import study

from synthesis import numbers
from synthesis.estimands import curve, response_rate, summarise
from synthesis.questions import contrasts
from synthesis.questions.compare import DELTAS, compare, result, sentences
from synthesis.questions.contrasts import GAIN, RANDOMISED, SURVIVAL_CONTRASTS, NotComparedError

# The same arithmetic on the same draws: rounding only.
EXACT = 1e-12
CARE, LENVATINIB = "Best supportive care", "Lenvatinib"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return registry_of(tmp_path_factory.mktemp("compare") / "registry")


@pytest.fixture(scope="module")
def fits(registry):
    return {"os": survival_fit(registry), "response": response_fit(registry)}


@pytest.fixture(scope="module")
def found(registry, fits):
    return compare(fits, registry.vocabulary, show_all=True)


def told_registry(folder):
    """Another report tells the histology of its patients."""
    told = study("told", arm("a", "paclitaxel", 20, histology={"pure": 12, "mixed": 8}))
    return registry_of(folder / "told", (*REPORTS, told))


def group_of(fit, registry, label):
    return next(g for g in contrasts.treatments_of(fit, registry.vocabulary) if g.label == label)


def curves_of(fit, registry, share, *labels):
    return [curve(fit, group_of(fit, registry, name).group, share, "mean_study") for name in labels]


# --- The table of contrasts ----------------------------------------------------------------------


def test_the_table_has_a_row_for_every_treatment_and_contrast(found):
    assert tuple(found.table.columns) == contrasts.COMPARE_COLUMNS
    own = found.table[found.table["endpoint"] == "os"]
    assert set(own["reference"]) == {CARE}
    assert set(own["histology"]) == {"reference mix"}
    for treatment, rows in own.groupby("treatment"):
        assert rows["estimand"].tolist() == list(SURVIVAL_CONTRASTS), treatment
    assert set(own["treatment"]) == {LENVATINIB, "Sorafenib", "Paclitaxel"}
    response = found.table[found.table["endpoint"] == "response"]
    assert set(response["estimand"]) == {"difference_response_rate"}
    assert set(response["histology"]) == {"reference mix"}


def test_delta_and_its_probability_stand_on_the_gain_alone(found):
    is_gain = found.table["estimand"] == GAIN
    assert (found.table.loc[is_gain, "delta"] == 1.0).all()
    assert found.table.loc[is_gain, "p_gain"].between(0.0, 1.0).all()
    assert found.table.loc[~is_gain, ["delta", "p_gain"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("histology", "share"), [("pure", 0), ("mixed", 1), ("reference mix", 0.4)]
)
def test_every_number_is_that_of_the_contrast_function(tmp_path, histology, share):
    registry = told_registry(tmp_path)
    fit = survival_fit(registry)
    assert fit.data.tells_histology
    own = compare({"os": fit}, registry.vocabulary, histology=histology, delta=2.0).table
    curves = curves_of(fit, registry, share, LENVATINIB, CARE)
    rows = own[own["treatment"] == LENVATINIB].set_index("estimand")
    assert set(rows["histology"]) == {histology}
    for name in SURVIVAL_CONTRASTS:
        draws = contrasts.survival_contrast(*curves, name)
        for column, expected in vars(summarise(draws)).items():
            assert rows.loc[name, column] == pytest.approx(expected, rel=EXACT)
        if name == GAIN:
            assert rows.loc[name, "p_gain"] == np.mean(draws > 2.0)


def test_histologies_differ_only_where_the_drug_does(tmp_path):
    """Lenvatinib has an effect of its own in mixed tumours, sorafenib has none."""
    registry = told_registry(tmp_path)
    fits = {"os": survival_fit(registry)}
    ratios = {}
    for histology in ("pure", "mixed"):
        own = compare(fits, registry.vocabulary, histology=histology, show_all=True).table
        own = own[own["estimand"] == "ratio_of_medians"].set_index("treatment")
        ratios[histology] = own["estimate"]
    more = ratios["mixed"] / ratios["pure"]
    assert more[LENVATINIB] == pytest.approx(math.exp(0.3), rel=1e-9)
    assert more["Sorafenib"] == pytest.approx(1.0, rel=1e-9)


def test_differences_of_response_rates(registry, fits, found):
    rows = found.table[found.table["endpoint"] == "response"].set_index("treatment")
    groups = [group_of(fits["response"], registry, name) for name in (LENVATINIB, CARE)]
    rates = [response_rate(fits["response"], g.group, "mean_study") for g in groups]
    expected = list(vars(summarise(rates[0] - rates[1])).values())
    found = rows.loc[LENVATINIB, ["estimate", "lower", "upper"]].tolist()
    assert found == pytest.approx(expected, rel=EXACT)


def test_what_carries_a_contrast_and_both_sides_are_told(found):
    rows = found.table.query("endpoint == 'os' and estimand == 'ratio_of_medians'")
    rows = rows.set_index("treatment")
    assert rows["evidence"].to_dict() == {
        LENVATINIB: contrasts.WITHIN,
        "Sorafenib": contrasts.ACROSS,
        "Paclitaxel": contrasts.ACROSS,
    }
    assert rows.loc[LENVATINIB, ["cohorts", "patients"]].tolist() == [5, 116]
    assert rows.loc["Sorafenib", ["cohorts", "patients"]].tolist() == [3, 39]
    assert found.pairs["os", LENVATINIB, CARE].evidence.patients == (82, 34)


# --- League, gains, ranks ------------------------------------------------------------------------


def test_the_league_has_every_pair_once_by_mean_rank(found):
    own = found.league[found.league["endpoint"] == "os"]
    ratios = own[own["estimand"] == "ratio_of_medians"]
    order = found.ranks.query("endpoint == 'os'")["treatment"].drop_duplicates().tolist()
    assert order == [LENVATINIB, "Paclitaxel", "Sorafenib", CARE]
    pairs = list(zip(ratios["treatment"], ratios["reference"], strict=True))
    assert pairs == [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    assert set(own["estimand"]) == set(SURVIVAL_CONTRASTS)
    assert (
        ratios.set_index(["treatment", "reference"]).loc[(LENVATINIB, "Paclitaxel"), "evidence"]
        == RANDOMISED
    )


def test_league_and_table_agree(found):
    keys = ["endpoint", "treatment", "reference", "estimand"]
    both = found.table.merge(found.league, on=keys, suffixes=("", "_league"))
    assert len(both) == len(found.table)
    for column in ("estimate", "lower", "upper", "cohorts", "patients"):
        np.testing.assert_array_equal(both[column], both[f"{column}_league"])


def test_gains_fall_and_pass_through_the_table(registry, fits):
    found = compare(fits, registry.vocabulary, delta=1.3, show_all=True)
    assert set(found.gains["endpoint"]) == {"os"}
    table = found.table[found.table["estimand"] == GAIN].set_index("treatment")
    for treatment, own in found.gains.groupby("treatment"):
        assert len(own) == DELTAS.size + 1  # the months asked for are among them
        assert own["delta"].is_monotonic_increasing
        assert own["p_gain"].is_monotonic_decreasing
        asked = own[own["delta"] == 1.3]
        assert asked["p_gain"].item() == table.loc[treatment, "p_gain"]
    assert (found.gains["delta"].min(), found.gains["delta"].max()) == (-6.0, 12.0)


def test_ranks_are_a_distribution_of_every_treatment_and_of_every_rank(found):
    for _, own in found.ranks.groupby("endpoint"):
        of = own["of"].iloc[0]
        assert own["treatment"].nunique() == of
        np.testing.assert_allclose(own.groupby("treatment")["probability"].sum(), 1.0)
        np.testing.assert_allclose(own.groupby("rank")["probability"].sum(), 1.0)
        wide = own.pivot_table(index="treatment", columns="rank", values="probability")
        cumulative = own.pivot_table(index="treatment", columns="rank", values="cumulative")
        np.testing.assert_allclose(wide.cumsum(axis=1), cumulative)
        mean = (wide * wide.columns.to_numpy()).sum(axis=1)
        told = own.drop_duplicates("treatment").set_index("treatment")["mean_rank"]
        np.testing.assert_allclose(mean[told.index], told)
        assert told.is_monotonic_increasing


def test_ranks_follow_the_draws(registry, fits, found):
    names = [LENVATINIB, "Sorafenib", "Paclitaxel", CARE]
    medians = np.stack([c.median for c in curves_of(fits["os"], registry, 0.4, *names)])
    first = found.ranks.query("endpoint == 'os' and rank == 1").set_index("treatment")
    for i, name in enumerate(names):
        expected = (medians.argmax(axis=0) == i).mean()
        assert first.loc[name, "probability"] == pytest.approx(expected, rel=EXACT)


def test_the_rows_that_are_drawn_repeat_the_table(found):
    drawn = found.forest
    reference = drawn[drawn["is_reference"]]
    assert reference["treatment"].tolist() == [CARE, CARE]
    assert reference["gain"].isna().all()
    for row in drawn[~drawn["is_reference"]].itertuples(index=False):
        own = found.table.query("endpoint == @row.endpoint and treatment == @row.treatment")
        own = own.set_index("estimand")
        assert row.estimate == own.loc[row.estimand, "estimate"]
        if row.endpoint == "os":
            gain = own.loc[GAIN]
            assert (row.gain, row.p_gain) == (gain["estimate"], gain["p_gain"])


def test_the_rows_that_are_drawn_have_the_value_of_the_treatment_itself(registry, fits, found):
    rows = found.forest.set_index(["endpoint", "treatment"])
    (own,) = curves_of(fits["os"], registry, fits["os"].centre_share, LENVATINIB)
    row = rows.loc[("os", LENVATINIB)]
    assert row["value"] == pytest.approx(np.median(own.median), rel=EXACT)
    assert row["value_upper"] == pytest.approx(np.quantile(own.median, 0.975), rel=EXACT)


# --- Which reference, and which treatments -------------------------------------------------------


def test_without_a_wish_supportive_care_is_the_reference(found):
    assert {name: item.label for name, item in found.references.items()} == {
        "os": CARE,
        "response": CARE,
    }
    assert found.references["os"].why.startswith("the supportive treatment with most patients")


def test_without_supportive_care_it_is_the_treatment_with_most_patients(tmp_path):
    registry = registry_of(tmp_path / "registry", (REPORTS[0], REPORTS[2], REPORTS[4]))
    found = compare({"os": survival_fit(registry)}, registry.vocabulary)
    assert found.references["os"].label == LENVATINIB
    assert "most patients" in found.references["os"].why


@pytest.mark.parametrize("name", ["lenvatinib", "Lenvatinib", "Lenvima"])
def test_any_name_of_a_treatment_will_do(registry, fits, name):
    groups = contrasts.treatments_of(fits["os"], registry.vocabulary)
    assert contrasts.choose_reference(groups, registry.vocabulary, name).label == LENVATINIB


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"reference": "lenvatinb"}, r"did you mean \"lenvatinib\"\? Possible: best_car"),
        ({"reference": "radiotherapy"}, r"Possible references: best_care, lenvatinib, pac"),
        ({"histology": "focal"}, "histology: found 'focal', expected one of pure"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_is_possible(registry, fits, asked, said):
    with pytest.raises(NotComparedError, match=said):
        compare(fits, registry.vocabulary, **asked)


def test_an_endpoint_without_the_reference_is_left_out_with_a_note(tmp_path):
    silent = study("silent", arm("a", "sorafenib", 20))
    silent["cohorts"][0].pop("response")
    registry = registry_of(tmp_path / "registry", (*REPORTS[:4], silent))
    fits = {"os": survival_fit(registry), "response": response_fit(registry)}
    found = compare(fits, registry.vocabulary, reference="sorafenib")
    assert found.endpoints == ("os",)
    assert found.notes == (
        "The reference is not pooled for objective response, which is left out.",
    )
    assert set(found.table["endpoint"]) == {"os"}


def test_histology_that_nothing_tells_is_refused(registry, fits):
    assert not fits["os"].data.tells_histology
    with pytest.raises(NotComparedError, match="No counted cohort tells its histology for overall"):
        compare({"os": fits["os"]}, registry.vocabulary, histology="pure")
    found = compare(fits, registry.vocabulary, histology="pure")
    assert found.endpoints == ("response",)
    assert set(found.table["histology"]) == {"reference mix"}


def test_treatments_with_little_behind_them_are_in_the_table_alone(registry, fits):
    found = compare(fits, registry.vocabulary)
    left_out = found.left_out.query("endpoint == 'os'")
    assert left_out.to_numpy().tolist() == [["os", "Sorafenib", 1, 5]]
    assert "Sorafenib" in set(found.table["treatment"])
    for frame in (found.league, found.gains, found.ranks, found.forest):
        assert "Sorafenib" not in set(frame["treatment"])
    assert ("os", "Sorafenib", CARE) in found.pairs


def test_mixed_treatments_and_classes_are_not_compared(tmp_path):
    various = study("various", arm("a", "various", 60, histology={"pure": 40, "mixed": 20}))
    registry = registry_of(tmp_path / "registry", (*REPORTS, various))
    fit = fit_of(registry, "os")
    assert "various" in fit.data.treatments
    found = compare({"os": fit}, registry.vocabulary, show_all=True)
    named = set(found.table["treatment"]) | set(found.table["reference"])
    assert named == {LENVATINIB, "Sorafenib", "Paclitaxel", CARE}


def test_one_treatment_leaves_nothing_to_compare(tmp_path):
    registry = registry_of(tmp_path / "registry", (REPORTS[2],))
    found = compare({"os": survival_fit(registry)}, registry.vocabulary)
    assert found.is_empty
    assert found.notes == ("For overall survival there is nothing to compare; pooled: Lenvatinib.",)
    assert tuple(found.table.columns) == contrasts.COMPARE_COLUMNS
    told = result(found, registry)
    assert (told.lead, told.findings) == (found.notes, ())
    assert set(told.tables) == {"compare", "league", "gains", "ranks"}


def test_two_small_treatments_are_both_shown(tmp_path):
    few = (REPORTS[4], study("few", arm("a", "paclitaxel", 6)))
    registry = registry_of(tmp_path / "registry", few)
    found = compare({"os": survival_fit(registry)}, registry.vocabulary)
    assert found.left_out.empty
    assert len(found.forest) == 2


# --- In words ------------------------------------------------------------------------------------


def texts_of(told, heading, *, adjusted=False):
    """Texts of the first table of a finding, under its first cell, of the rows of one kind."""
    (finding,) = [part for part in told.findings if part.heading == heading]
    table = finding.tables[0]
    return {
        row[0].text: [cell.text for cell in row]
        for row in table.rows
        if (row[0].rows == 0) is adjusted
    }


def test_every_contrast_of_the_table_is_read_as_it_is_written(registry, found):
    told = result(found, registry)
    pd.testing.assert_frame_equal(told.tables["compare"], found.table)
    others = "Overall survival: hazard ratios and restricted means"
    headings = {"os": ("Overall survival", others), "response": ("Objective response",)}
    assert len(found.table) == 3 * len(SURVIVAL_CONTRASTS) + 3
    for row in found.table.itertuples(index=False):
        write = contrasts.contrasts_of(row.endpoint)[row.estimand].write
        lines = {False: (numbers.written(row, write), row.p_gain)}
        if row.endpoint == "os":
            ends = (row.adjusted, row.adjusted_lower, row.adjusted_upper)
            lines[True] = (numbers.interval(*ends, write), row.p_gain_adjusted)
        for adjusted, (text, chance) in lines.items():
            cells = [
                texts_of(told, heading, adjusted=adjusted)[row.treatment]
                for heading in headings[row.endpoint]
            ]
            assert any(text in own for own in cells), (row.treatment, row.estimand)
            assert row.estimand != GAIN or numbers.chance(chance) in cells[0]


def test_the_reports_that_carry_a_contrast_stand_below_its_evidence(registry, found):
    findings = result(found, registry).findings
    (own,) = [part for part in findings if part.heading == "Overall survival"]
    certain = {cells[0].text: cells[1] for cells in own.tables[1].rows}
    assert (certain[LENVATINIB].text, certain[LENVATINIB].more) == (contrasts.WITHIN, "Both 2021")


def test_the_league_is_read_as_it_is_written(registry, found):
    told = result(found, registry)
    (finding,) = [part for part in told.findings if part.heading == "Overall survival: every pair"]
    (league,) = finding.tables
    assert finding.folded
    pairs = found.league.query("endpoint == 'os' and estimand == 'ratio_of_medians'")
    firsts = [own for own in zip(league.rows, league.groups, strict=True) if own[0][0].rows]
    assert len(firsts) == len(pairs)
    assert len(league.rows) == len(pairs) + (pairs["evidence"] != RANDOMISED).sum()
    for (cells, heading), row in zip(firsts, pairs.itertuples(index=False), strict=True):
        assert heading == row.treatment
        assert [cell.text for cell in cells][2] == numbers.written(row, numbers.ratio)
        assert cells[-1].text == row.evidence
    lot = [cells[-1].more for cells in league.rows if cells[-1].text == RANDOMISED]
    assert lot == ["Lot 2021"]


def test_a_further_contrast_is_one_record(registry, fits, monkeypatch):
    further = contrasts.Contrast(
        "difference_survival_6m",
        "difference of survival at 6 months",
        "months",
        lambda curve: curve.estimand("survival_6m"),
        SURVIVAL_CONTRASTS[GAIN].between,
    )
    monkeypatch.setitem(SURVIVAL_CONTRASTS, further.name, further)
    found = compare({"os": fits["os"]}, registry.vocabulary)
    rows = found.table[found.table["estimand"] == further.name]
    assert len(rows) == 3
    told = result(found, registry)
    tables = [table for part in told.findings for table in part.tables]
    (table,) = [own for own in tables if further.heading in [c.label for c in own.columns]]
    row = rows[rows["treatment"] == LENVATINIB].iloc[0]
    cells, _ = [cells for cells in table.rows if cells[0].text == LENVATINIB]
    assert numbers.written(row, numbers.months) in [cell.text for cell in cells]


@pytest.mark.parametrize(
    ("histology", "words"),
    [("reference mix", "25 % mixed histology"), ("pure", "pure histology"), ("mixed", "mixed")],
)
def test_where_histology_is_told_the_population_is_named(tmp_path, histology, words):
    registry = told_registry(tmp_path)
    fits = {"os": survival_fit(registry)}
    found = compare(fits, registry.vocabulary, histology=histology, mix=0.25)
    assert f", {words}" in sentences(found, "os", registry.vocabulary)[0]
    (picture,) = result(found, registry).pictures
    assert words in picture.caption


def test_the_picture_can_be_drawn(registry, found):
    (picture,) = result(found, registry).pictures
    assert picture.stem == "compare"
    assert set(picture.studies) == {"lot", "both", "alone", "care", "small"}
    assert "best supportive care (2 cohorts, 34 patients)" in picture.caption
    drawn = picture.draw()
    assert drawn.axes[0].get_label().startswith("compare-os")
