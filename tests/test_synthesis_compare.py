"""Treatments compared: every table from draws that are set by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compare_fits import REPORTS, arm, registry_of, response_fit, survival_fit
from fits import fit_of
from small_registry import study

from synthesis.estimands import curve, response_rate, summarise
from synthesis.numbers import chance, months
from synthesis.questions.compare import (
    COMPARE_COLUMNS,
    DELTAS,
    captions,
    compare,
    contrast_rows,
    rank_texts,
    sentences,
)
from synthesis.questions.contrasts import (
    GAIN,
    SURVIVAL_CONTRASTS,
    league_rows,
    spread_text,
    survival_contrast,
    with_texts,
)
from synthesis.questions.evidence import (
    ACROSS,
    RANDOMISED,
    WITHIN,
    NotComparedError,
    choose_reference,
    treatments_of,
)

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


def group_of(fit, registry, label):
    return next(g for g in treatments_of(fit, registry.vocabulary) if g.label == label)


def curves_of(fit, registry, share, *labels):
    return [curve(fit, group_of(fit, registry, name).group, share, "mean_study") for name in labels]


# --- The table of contrasts ----------------------------------------------------------------------


def test_the_table_has_a_row_for_every_treatment_and_contrast(found):
    assert tuple(found.table.columns) == COMPARE_COLUMNS
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
def test_every_number_is_that_of_the_contrast_function(registry, fits, histology, share):
    told = study(
        "told",
        arm("a", "paclitaxel", 20, histology={"pure": 12, "mixed": 8}),
    )
    registry = registry_of(registry.folders[0].parent / f"told {histology}", (*REPORTS, told))
    fit = survival_fit(registry)
    assert fit.data.tells_histology
    own = compare({"os": fit}, registry.vocabulary, histology=histology, delta=2.0).table
    curves = curves_of(fit, registry, share, LENVATINIB, CARE)
    rows = own[own["treatment"] == LENVATINIB].set_index("estimand")
    assert set(rows["histology"]) == {histology}
    for name, contrast in SURVIVAL_CONTRASTS.items():
        draws = survival_contrast(*curves, name)
        expected = summarise(draws)
        for column in ("estimate", "lower", "upper"):
            assert rows.loc[name, column] == pytest.approx(getattr(expected, column), rel=EXACT)
        if name == GAIN:
            assert rows.loc[name, "p_gain"] == contrast.favours(draws, 2.0)
            assert rows.loc[name, "p_gain"] == np.mean(draws > 2.0)


def test_histologies_differ_only_where_the_drug_does(registry, fits):
    """Lenvatinib has an effect of its own in mixed tumours, sorafenib has none."""
    told = study("told", arm("a", "paclitaxel", 20, histology={"pure": 12, "mixed": 8}))
    registry = registry_of(registry.folders[0].parent / "differ", (*REPORTS, told))
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
    expected = summarise(rates[0] - rates[1])
    assert rows.loc[LENVATINIB, "estimate"] == pytest.approx(expected.estimate, rel=EXACT)
    assert rows.loc[LENVATINIB, "lower"] == pytest.approx(expected.lower, rel=EXACT)


def test_what_carries_a_contrast_and_both_sides_are_told(found):
    rows = found.table.query("endpoint == 'os' and estimand == 'ratio_of_medians'")
    rows = rows.set_index("treatment")
    assert rows["carried_by"].to_dict() == {
        LENVATINIB: WITHIN,
        "Sorafenib": ACROSS,
        "Paclitaxel": ACROSS,
    }
    assert rows.loc[LENVATINIB, ["cohorts", "patients"]].tolist() == [5, 116]
    assert rows.loc["Sorafenib", ["cohorts", "patients"]].tolist() == [3, 39]
    assert found.evidence["os", LENVATINIB].patients == (82, 34)


def test_the_reports_behind_it_are_named(found):
    assert found.studies["os"] == ("alone", "both", "lot", "small", "care")


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
        ratios.set_index(["treatment", "reference"]).loc[(LENVATINIB, "Paclitaxel"), "carried_by"]
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
    drawn = with_texts(found.forest)
    reference = drawn[drawn["is_reference"]]
    assert reference["treatment"].tolist() == [CARE, CARE]
    assert reference[["estimate_text", "gain_text", "p_text"]].eq("").all(axis=None)
    for row in drawn[~drawn["is_reference"]].itertuples(index=False):
        own = found.table.query("endpoint == @row.endpoint and treatment == @row.treatment")
        own = own.set_index("estimand")
        assert row.estimate == own.loc[row.estimand, "estimate"]
        if row.endpoint == "os":
            gain = own.loc[GAIN]
            assert (row.gain, row.p_gain) == (gain["estimate"], gain["p_gain"])
            assert row.gain_text == spread_text(*gain[["estimate", "lower", "upper"]], GAIN)


# --- Which reference, and which treatments -------------------------------------------------------


def test_without_a_wish_supportive_care_is_the_reference(found):
    assert {name: item.label for name, item in found.references.items()} == {
        "os": CARE,
        "response": CARE,
    }
    assert "first supportive treatment" in found.references["os"].why


def test_without_supportive_care_it_is_the_treatment_with_most_patients(tmp_path):
    registry = registry_of(tmp_path / "registry", (REPORTS[0], REPORTS[2], REPORTS[4]))
    found = compare({"os": survival_fit(registry)}, registry.vocabulary)
    assert found.references["os"].label == LENVATINIB
    assert "most patients" in found.references["os"].why


@pytest.mark.parametrize("name", ["lenvatinib", "Lenvatinib", "Lenvima"])
def test_any_name_of_a_treatment_will_do(registry, fits, name):
    groups = treatments_of(fits["os"], registry.vocabulary)
    assert choose_reference(groups, registry.vocabulary, name).label == LENVATINIB


def test_a_reference_that_cannot_be_used_is_refused_with_the_possible_ones(registry, fits):
    with pytest.raises(NotComparedError, match=r"did you mean \"lenvatinib\"\? Possible: best_car"):
        compare(fits, registry.vocabulary, reference="lenvatinb")
    with pytest.raises(NotComparedError, match=r"Possible references: best_care, lenvatinib, pac"):
        compare(fits, registry.vocabulary, reference="radiotherapy")
    with pytest.raises(NotComparedError, match="histology: found 'focal', expected one of pure"):
        compare(fits, registry.vocabulary, histology="focal")


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
    assert found.left_out.query("endpoint == 'os'")[
        ["treatment", "cohorts", "patients"]
    ].to_numpy().tolist() == [["Sorafenib", 1, 5]]
    assert "Sorafenib" in set(found.table["treatment"])
    for frame in (found.league, found.gains, found.ranks, found.forest):
        assert "Sorafenib" not in set(frame["treatment"])
    assert "Sorafenib" in set(found.network.nodes["treatment"])


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
    assert tuple(found.table.columns) == COMPARE_COLUMNS
    assert sentences(found, registry.vocabulary) == captions(found, registry.vocabulary) == {}


def test_two_small_treatments_are_both_shown(tmp_path):
    few = (REPORTS[4], study("few", arm("a", "paclitaxel", 6)))
    registry = registry_of(tmp_path / "registry", few)
    found = compare({"os": survival_fit(registry)}, registry.vocabulary)
    assert found.left_out.empty
    assert len(found.forest) == 2


# --- In words ------------------------------------------------------------------------------------


def test_numbers_are_written_alike_everywhere(found):
    rows = {row["treatment"]: row for row in contrast_rows(found, "os")}
    table = found.table.query("endpoint == 'os'").set_index(["treatment", "estimand"])
    own = table.loc[(LENVATINIB, "ratio_of_medians")]
    expected = f"{own['estimate']:.2f} ({own['lower']:.2f}-{own['upper']:.2f})"
    assert rows[LENVATINIB]["ratio_of_medians"] == expected
    assert rows[LENVATINIB]["p_gain"] == chance(table.loc[(LENVATINIB, GAIN), "p_gain"])
    league = league_rows(found.league).set_index(["endpoint", "treatment", "reference"])
    drawn = league.loc[("os", LENVATINIB, CARE)]
    assert f"{drawn['estimate_text']} ({drawn['interval_text']})" == expected
    mean = found.ranks.query("endpoint == 'os'").drop_duplicates("treatment").iloc[0]
    assert rank_texts(found, "os")[LENVATINIB].startswith(f"{mean['mean_rank']:.1f} (")


def test_intervals_below_zero_and_certainties_are_written_with_care():
    assert spread_text(1.72, -0.04, 3.3, GAIN) == "1.7 (0.0-3.3)"
    assert spread_text(-1.72, -2.5, -0.3, GAIN) == "-1.7 (-2.5 to -0.3)"
    assert spread_text(0.123, -0.004, 0.5, "difference_response_rate") == "12 (0-50)"
    assert spread_text(12.34, 0.987, 110.0, "ratio_of_medians") == "12.3 (0.99-110.0)"
    assert [chance(p) for p in (1.0, 0.994, 0.5, 0.004, 0.0)] == [
        ">0.99",
        "0.99",
        "0.50",
        "<0.01",
        "<0.01",
    ]
    assert chance(float("nan")) == ""
    assert months(-0.01) == "0.0"


def test_sentences_say_endpoint_population_reference_and_what_carries_it(registry, fits):
    found = compare(fits, registry.vocabulary)
    said = sentences(found, registry.vocabulary)
    opening = said["os"][0]
    for words in ("Overall survival in ATC", "average study", "best supportive care"):
        assert words in opening
    assert "no counted cohort tells it" in opening
    assert "2 cohorts, 34 patients" in opening
    text = " ".join(said["os"])
    rows = found.forest.query("endpoint == 'os'").set_index("treatment")
    assert chance(rows.loc[LENVATINIB, "p_gain"]) in text
    assert "given in one report without randomisation 1, across single-arm studies 1" in text
    assert "sorafenib" in said["os"][-1]
    assert "histology does not apply" in said["response"][0]


@pytest.mark.parametrize(
    ("histology", "words"),
    [("reference mix", "25 % mixed histology"), ("pure", "pure histology"), ("mixed", "mixed")],
)
def test_where_histology_is_told_the_population_is_named(tmp_path, histology, words):
    told = study("told", arm("a", "paclitaxel", 20, histology={"pure": 12, "mixed": 8}))
    registry = registry_of(tmp_path / "registry", (*REPORTS, told))
    fits = {"os": survival_fit(registry)}
    found = compare(fits, registry.vocabulary, histology=histology, mix=0.25)
    assert f", {words}" in sentences(found, registry.vocabulary)["os"][0]
    for text in captions(found, registry.vocabulary).values():
        assert f", {words}" in text


def test_a_gain_that_is_not_likely_is_not_claimed(registry, fits):
    found = compare(fits, registry.vocabulary, delta=30.0)
    text = " ".join(sentences(found, registry.vocabulary)["os"])
    assert "For no treatment is the probability that the median is longer by more than 30" in text
    assert "the highest is <0.01" in text


def test_every_figure_has_a_caption(registry, fits):
    found = compare(fits, registry.vocabulary)
    told = captions(found, registry.vocabulary)
    kinds = ("forest", "gains", "ranks", "league", "network")
    assert set(told) == {f"compare_{k}_os" for k in kinds} | {
        f"compare_{k}_response" for k in kinds if k != "gains"
    }
    for stem, text in told.items():
        assert "average study" in text, stem
        assert "4 treatments, 7 cohorts, 149 patients" in text, stem
    assert "1 pair randomised (solid), 1 in one report" in told["compare_network_os"]
    assert "1 of the treatments (open) stand alone" in told["compare_network_os"]
