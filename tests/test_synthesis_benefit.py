"""Benefit by histology: numbers against the definition, shares of prior, words, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from benefit_fits import of_reference, read, reports, split, spread, told_fit, whole
from compare_fits import REPORTS, registry_of
from fits import DRAWS, fit_of

from priors import load_priors
from synthesis import numbers
from synthesis.estimands import ESTIMANDS, SURVIVAL_ESTIMANDS
from synthesis.fits import fit_survival
from synthesis.model.sampler import SamplerSettings
from synthesis.questions import histology as question
from synthesis.questions import histology_effects as estimated
from synthesis.questions.contrasts import GAIN, RANDOMISED, SURVIVAL_CONTRASTS, NotComparedError
from synthesis.questions.effects import (
    EFFECT_COLUMNS,
    MOSTLY_PRIOR,
    effect_rows,
    prior_share,
    share_words,
)
from synthesis.questions.histology import SAYS_NOTHING, pick, section, sentences
from synthesis.questions.histology_effects import ANY, PREDICTIVE, PROGNOSTIC


def asked(registry, fit, **more):
    return estimated.benefit_by_histology({"os": fit}, registry.vocabulary, **more)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return read(tmp_path_factory.mktemp("told"))


@pytest.fixture(scope="module")
def fit(registry):
    return told_fit(registry)


@pytest.fixture(scope="module")
def benefit(registry, fit):
    return asked(registry, fit)


@pytest.fixture(scope="module")
def untold(tmp_path_factory):
    folder = tmp_path_factory.mktemp("untold")
    found = read(folder, whole("one", "lenvatinib"), whole("two", "best_care", value="2.2"))
    priors = load_priors()
    drawn = {
        "prognostic": spread(0.0, priors["histology_prognostic"].scale, 8),
        "predictive": spread(0.0, priors["histology_predictive"].scale, 9, 2),
    }
    return found, fit_of(found, **drawn)


def of(benefit, **where):
    return pick(benefit.table, where)


def by_hand(fit, treatment, share):
    """Median of a treatment as the equation of the model has it."""
    t = fit.data.treatments.index(treatment)
    slope = fit.flat("prognostic") + fit.flat("predictive")[:, t]
    base = fit.flat("mu") + fit.flat("treatment_effect")[:, t] + of_reference(fit)
    return np.exp(base + slope * (share - fit.centre_share))


# --- The table -----------------------------------------------------------------------------------


def test_columns_and_what_stands_in_them(benefit):
    table = benefit.table
    assert tuple(table.columns) == estimated.BENEFIT_COLUMNS
    assert set(table["histology"]) == {"pure", "mixed"}
    absolute = table[table["estimand"].isin(list(SURVIVAL_ESTIMANDS))]
    assert (absolute["reference"] == "").all()
    kinds = absolute.groupby("treatment")["evidence"].agg(set)
    assert kinds["Lenvatinib"] == {"across studies"}
    assert kinds["Paclitaxel"] == {"extrapolated"}
    gains = table["estimand"] == GAIN
    assert table.loc[gains, ["delta", "p_gain"]].notna().all(axis=None)
    assert table.loc[~gains, ["delta", "p_gain"]].isna().all(axis=None)
    assert (table["lower"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["upper"]).all()
    # four treatments in two histologies, three of them against the fourth
    assert len(absolute) == 4 * 2 * len(SURVIVAL_ESTIMANDS)
    assert table["estimand"].isin(list(SURVIVAL_CONTRASTS)).sum() == 3 * 2 * len(SURVIVAL_CONTRASTS)


@pytest.mark.parametrize(("histology", "share"), [("pure", 0.0), ("mixed", 1.0)])
def test_medians_and_gains_are_those_of_the_equation(benefit, fit, histology, share):
    own, over = (by_hand(fit, name, share) for name in ("lenvatinib", "best_care"))
    where = {"treatment": "Lenvatinib", "histology": histology}
    assert of(benefit, estimand="median_months", **where).estimate == pytest.approx(np.median(own))
    row = of(benefit, estimand=GAIN, **where)
    assert row.reference == "Best supportive care"
    assert row.lower == pytest.approx(np.quantile(own - over, 0.025))
    assert row.p_gain == np.mean(own - over > 1.0)
    assert row.delta == 1.0
    found = of(benefit, estimand="ratio_of_medians", **where)
    assert found.upper == pytest.approx(np.quantile(own / over, 0.975))


def test_by_how_much_the_gains_differ(benefit, fit):
    drawn = fit.flat("predictive")
    t, r = (fit.data.treatments.index(name) for name in ("lenvatinib", "best_care"))
    where = {"treatment": "Lenvatinib", "histology": "mixed"}
    ratios = np.exp(drawn[:, t] - drawn[:, r])
    found = of(benefit, estimand="ratio_of_ratios", **where)
    assert found.estimate == pytest.approx(np.median(ratios))
    gain = {x: by_hand(fit, "lenvatinib", x) - by_hand(fit, "best_care", x) for x in (0.0, 1.0)}
    found = of(benefit, estimand=estimated.DIFFERENCE, **where)
    assert found.estimate == pytest.approx(np.median(gain[1.0] - gain[0.0]))
    # without any predictive effect both medians are multiplied by the same factor
    base = (fit.flat("mu") + of_reference(fit))[:, None] + fit.flat("treatment_effect")[:, [t, r]]
    effect = fit.flat("prognostic")[:, None]
    medians = {x: np.exp(base + effect * (x - fit.centre_share)) for x in gain}
    alone = {x: own[:, 0] - own[:, 1] for x, own in medians.items()}
    found = of(benefit, estimand=estimated.FROM_PROGNOSIS, **where)
    assert found.estimate == pytest.approx(np.median(alone[1.0] - alone[0.0]))


def test_a_proportional_gain_is_more_months_for_those_who_live_longer(registry):
    nothing = spread(0.0, 1e-6, 4, 4)  # a density wants some spread
    still = told_fit(registry, predictive=nothing, mu=1.2, treatment_effect=[0.1, 0.2, 0.0, -0.7])
    found = asked(registry, still)
    where = {"treatment": "Lenvatinib", "histology": "mixed"}
    ratios = of(found, estimand="ratio_of_ratios", **where)
    assert (ratios.lower, ratios.upper) == pytest.approx((1.0, 1.0), abs=1e-5)
    differ, alone = (
        of(found, estimand=name, **where)
        for name in (estimated.DIFFERENCE, estimated.FROM_PROGNOSIS)
    )
    assert differ.estimate == pytest.approx(alone.estimate, rel=1e-4)
    assert differ.estimate > 1.0


def test_effects_of_histology_have_rows_of_their_own(benefit):
    prognostic = of(benefit, treatment=ANY, estimand="prognostic_ratio")
    assert (prognostic.reference, prognostic.histology) == ("", "mixed")
    assert prognostic.evidence == "within one study"
    assert (prognostic.cohorts, prognostic.patients) == (1, 23)
    own = of(benefit, treatment="Lenvatinib", estimand="predictive_ratio")
    assert own.evidence == "within one study"
    assert own.cohorts == 1
    other = of(benefit, treatment="Paclitaxel", estimand="predictive_ratio")
    assert (other.evidence, other.cohorts, other.patients) == ("extrapolated", 0, 0)


def test_what_carries_a_gain_is_that_of_the_pair(benefit):
    row = of(benefit, treatment="Lenvatinib", histology="pure", estimand=GAIN)
    assert row.evidence == "across studies"
    assert (row.cohorts, row.patients) == (3, 23 + 40 + 50)


def test_what_was_randomised_is_left_as_it_is(tmp_path):
    registry = registry_of(tmp_path / "registry", (*REPORTS, split()))
    table = asked(registry, told_fit(registry), reference="paclitaxel").table
    lot = table[table["evidence"] == RANDOMISED]
    differences = [estimated.DIFFERENCE, estimated.FROM_PROGNOSIS]
    assert lot["treatment"].eq("Lenvatinib").all()
    assert list(lot["histology"] + " " + lot["estimand"]) == [
        *(f"pure {name}" for name in SURVIVAL_CONTRASTS),
        *(f"mixed {name}" for name in (*SURVIVAL_CONTRASTS, *differences)),
    ]
    for plain, adjusted in (
        ("estimate", "adjusted"),
        ("lower", "adjusted_lower"),
        ("upper", "adjusted_upper"),
        ("p_gain", "p_gain_adjusted"),
    ):
        np.testing.assert_array_equal(lot[adjusted], lot[plain], err_msg=plain)
    assert lot.loc[lot["estimand"] == GAIN, "p_gain_adjusted"].notna().all()
    # of another pair confounding is allowed for, but not in how much gains differ
    other = table.query("treatment == 'Best supportive care' and reference != ''")
    own = other["estimand"].isin(list(SURVIVAL_CONTRASTS))
    assert (other.loc[own, "adjusted"] != other.loc[own, "estimate"]).all()
    assert other.loc[~own, "adjusted"].isna().all()


def test_a_reference_and_a_gain_of_ones_own(registry, fit):
    found = asked(registry, fit, reference="Lenvima", delta=0.25)
    assert found.references["os"].label == "Lenvatinib"
    row = of(found, treatment="Sorafenib", histology="pure", estimand=GAIN)
    away = by_hand(fit, "sorafenib", 0.0) - by_hand(fit, "lenvatinib", 0.0)
    assert (row.delta, row.p_gain) == (0.25, np.mean(away > 0.25))


def test_where_the_reference_is_not_pooled_only_absolute_rows_remain(registry, fit, tmp_path):
    pfs = read(tmp_path, whole("one", "sorafenib"), whole("two", "paclitaxel"))
    other = told_fit(pfs, treatment_effect=0.0, predictive=spread(0.0, 0.2, 4, 2))
    fits = {"os": fit, "pfs": other}
    found = estimated.benefit_by_histology(fits, registry.vocabulary, reference="best_care")
    assert [(name, own.label) for name, own in found.references.items()] == [
        ("os", "Best supportive care")
    ]
    assert (found.table.query("endpoint == 'pfs'")["reference"] == "").all()
    rows = question.benefit_rows(found).query("endpoint == 'pfs'")
    assert rows["gain"].isna().all()
    assert not rows["is_reference"].any()


# --- How much is prior ---------------------------------------------------------------------------


@pytest.mark.parametrize("error", [0.1, 0.5, 1.0, 3.0])
def test_the_share_is_the_weight_of_the_prior_mean(error):
    """Normal prior and normal likelihood, for which the answer is known."""
    prior_sd, n = 0.7, 200_000
    sd = 1.0 / np.sqrt(1.0 / prior_sd**2 + 1.0 / error**2)
    draws = sd * np.random.default_rng(2).standard_normal(n)
    weight = error**2 / (error**2 + prior_sd**2)
    # a sample variance has a relative error of sqrt(2/n); four of them
    assert prior_share(prior_sd, draws) == pytest.approx(weight, rel=4 * np.sqrt(2 / n))


def test_data_at_odds_with_the_prior_count_as_none():
    assert prior_share(0.1, np.array([-1.0, 1.0])) == 1.0
    assert prior_share(0.2, np.zeros(10)) == 0.0
    with pytest.raises(ValueError, match="prior SD: found 0, expected a number above zero"):
        prior_share(0.0, np.ones(3))


def test_shares_in_words():
    assert "data say nothing" in share_words(1.0, told=False)
    assert share_words(0.95, told=True) == (
        "95 % of this answer is assumption: the data add almost nothing."
    )
    assert "almost nothing" not in share_words(MOSTLY_PRIOR - 0.01, told=True)
    assert "most of it is what the data say" in share_words(0.2, told=True)


def test_prior_and_posterior_stand_side_by_side(benefit, fit):
    effects = benefit.effects
    assert tuple(effects.columns) == EFFECT_COLUMNS
    prior = pick(effects, {"effect": PROGNOSTIC, "which": "prior"})
    assert (prior.lower, prior.upper) == fit.priors["histology_prognostic"].implied()
    assert (prior.prior_share, prior.p_above_one) == (1.0, 0.5)
    found = pick(effects, {"effect": PROGNOSTIC, "which": "posterior"})
    drawn = fit.flat("prognostic")
    assert found.estimate == pytest.approx(np.median(np.exp(drawn)))
    assert found.prior_share == pytest.approx(np.var(drawn) / 0.7**2)
    assert found.p_above_one == np.mean(drawn > 0.0)
    # two effects are independent before any data
    pair = pick(effects, {"effect": "ratio of ratios", "treatment": "Lenvatinib", "which": "prior"})
    assert pair.log_sd == pytest.approx(0.2 * np.sqrt(2.0))


def test_densities_are_those_of_effects_that_data_can_tell(benefit):
    density = benefit.density
    assert set(density["parameter"]) == {PROGNOSTIC, f"{PREDICTIVE}: Lenvatinib"}
    for _, own in density.groupby(["parameter", "which"]):
        # what 3.5 prior SD and all draws leave out is below a thousandth
        assert np.trapezoid(own["density"], np.log(own["x"])) == pytest.approx(1.0, abs=2e-3)
    rows = effect_rows(benefit.effects, density)
    assert list(rows["parameter"]) == list(dict.fromkeys(density["parameter"]))
    assert list(rows["cohorts"]) == [1, 1]
    assert list(rows["patients"]) == [23, 23]


def test_where_no_report_tells_histology_the_posterior_is_the_prior(untold):
    registry, fit = untold
    found = asked(registry, fit)
    assert found.told == {"os": False}
    words = sentences(found, "os", registry.vocabulary)
    assert words[1] == SAYS_NOTHING
    assert "The data say nothing about it: this is the prior." in words[2]
    posterior = found.effects[found.effects["which"] == "posterior"]
    # a sample SD of so many draws has a relative error of 1/sqrt(2n); four of them
    prior_sd = posterior["effect"].map(
        {PROGNOSTIC: 0.7, PREDICTIVE: 0.2, "ratio of ratios": 0.2 * np.sqrt(2.0)}
    )
    off = posterior["log_sd"].to_numpy() / prior_sd.to_numpy() - 1.0
    assert np.abs(off).max() < 4.0 / np.sqrt(2 * DRAWS)
    assert (posterior["cohorts"] == 0).all()
    assert (found.table["evidence"] != "within one study").all()
    # still, a picture can be drawn of what was believed
    assert {PROGNOSTIC, f"{PREDICTIVE}: Lenvatinib"} == set(found.density["parameter"])


# --- Extrapolated --------------------------------------------------------------------------------


def test_values_that_no_report_of_a_treatment_supports_are_extrapolated(benefit):
    groups = benefit.groups.set_index("treatment")["extrapolated"].to_dict()
    assert [name for name, beyond in groups.items() if not beyond] == ["Lenvatinib"]
    assert len(groups) == 4
    table = benefit.table
    assert not table.loc[table["treatment"] == ANY, "extrapolated"].any()
    for name, own in table[table["treatment"] != ANY].groupby("treatment"):
        assert (own["extrapolated"] == groups[name]).all()


# --- Words ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(registry, fit):
    return question.find_benefit({"os": fit}, registry.vocabulary)


def test_an_effect_that_is_all_but_assumption_is_not_claimed(registry, fit):
    prior = fit.priors["histology_predictive"].scale
    doubtful, sure = (
        asked(registry, told_fit(registry, predictive=spread(middle, sd, 4, 4)))
        for middle, sd in ((0.0, prior), (0.5, 0.05))
    )
    assert "could hardly show one" in sentences(doubtful, "os", registry.vocabulary)[3]
    where = {"treatment": "Lenvatinib", "effect": PREDICTIVE, "which": "posterior"}
    after = pick(sure.effects, where)
    own = sentences(sure, "os", registry.vocabulary)[3]
    assert f"by a further {numbers.written(after, numbers.ratio)} (" in own


def test_every_number_by_histology_is_read_as_it_is_written(told, registry):
    shown = section(told, registry)
    assert set(shown.tables) == {
        *("benefit", "benefit_effects", "influence", "histology_alternatives"),
        "histology_reports",
    }
    read = {
        (cells[0].text, cells[1].text, cell.text)
        for part in shown.findings
        for table in part.tables
        if table.columns[1].label == "Tumours"
        for cells in table.rows
        for cell in cells
    }
    writers = {name: ESTIMANDS[name].write for name in SURVIVAL_ESTIMANDS}
    writers |= {name: SURVIVAL_CONTRASTS[name].write for name in (GAIN, "ratio_of_medians")}
    checked = 0
    for row in told.benefit.table.itertuples(index=False):
        if row.estimand in writers:
            text = numbers.written(row, writers[row.estimand])
            assert (row.treatment, row.histology, text) in read, (row.treatment, row.estimand)
            checked += 1
    # four treatments in two histologies: five estimates each, and two contrasts but for one
    assert checked == 4 * 2 * 5 + 3 * 2 * 2
    marked = {
        cells[0].text: cells[1].extrapolated
        for part in shown.findings
        for table in part.tables
        if table.title.startswith("Pure and mixed")
        for cells in table.rows
    }
    assert marked == told.benefit.groups.set_index("treatment")["extrapolated"].to_dict()


def test_effects_reported_ratios_and_what_moved_them_are_read_too(told, registry):
    shown = {
        table.title: table for part in section(told, registry).findings for table in part.tables
    }
    cells = [
        cell.text for row in shown["How much of each effect is assumption."].rows for cell in row
    ]
    for effect in (PROGNOSTIC, PREDICTIVE):
        where = {"effect": effect, "which": "posterior", "cohorts": 1}
        assert numbers.written(pick(told.benefit.effects, where), numbers.ratio) in cells
    (row,) = shown["Medians of pure and of mixed tumours."].rows
    assert [cell.text for cell in row] == ["Split 2021", "6.3", "2.7", "8", "15", "2.33", "0.026"]
    assert shown["Without each of the cohorts that move it most."].rows


def test_the_command_says_single_results_too_and_writes_it_down(told, registry):
    whole_answer, part = question.result(told, registry), section(told, registry)
    assert set(whole_answer.tables) == set(part.tables) | {"single_results"}
    assert len(whole_answer.findings) > len(part.findings)
    text = whole_answer.texts["benefit.md"]
    for sentence in sentences(told.benefit, "os", registry.vocabulary):
        assert sentence in text
    stems = [picture.stem for picture in whole_answer.pictures]
    assert stems == ["benefit", "benefit_effects", "single_results"]
    for picture in whole_answer.pictures:
        assert picture.draw().axes
        assert picture.caption in text


def test_without_histology_no_estimate_by_histology_is_shown(untold):
    registry, fit = untold
    found = section(question.find_benefit({"os": fit}, registry.vocabulary), registry)
    titles = [table.title for part in found.findings for table in part.tables]
    assert "How much of each effect is assumption." in titles
    assert not any(title.startswith("Pure and mixed") for title in titles)
    assert [picture.stem for picture in found.pictures] == ["benefit_effects"]
    assert SAYS_NOTHING in [words for part in found.findings for words in part.sentences]


def test_no_number_is_added_for_a_treatment_that_is_the_reference(registry, fit):
    found = asked(registry, fit, reference="lenvatinib")
    own = sentences(found, "os", registry.vocabulary)[3]
    assert own.startswith("Lenvatinib: median")
    assert "gain over" not in own


def test_one_row_is_picked_or_none(benefit):
    with pytest.raises(LookupError, match="0 rows with"):
        of(benefit, treatment="Aspirin")


def test_rows_to_draw_hold_both_histologies_of_the_treatments_shown(benefit):
    rows = question.benefit_rows(benefit)
    assert list(rows["histology"]) == ["pure", "mixed"] * (len(rows) // 2)
    row = rows[(rows["treatment"] == "Lenvatinib") & (rows["histology"] == "mixed")].iloc[0]
    found = of(benefit, treatment="Lenvatinib", histology="mixed", estimand=GAIN)
    assert (row["gain"], row["gain_upper"]) == (found.estimate, found.upper)
    reference = rows[rows["is_reference"]]
    assert set(reference["treatment"]) == {"Best supportive care"}
    assert reference["gain"].isna().all()


# --- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fits", "more", "error", "said"),
    [
        (True, {"reference": "aspirin"}, NotComparedError, "aspirin"),
        (True, {"reference": "radiotherapy"}, NotComparedError, "no cohort of radiotherapy is po"),
        (False, {}, ValueError, "found none, expected os or pfs"),
        (True, {"delta": float("nan")}, ValueError, "delta: found nan"),
    ],
)
def test_what_cannot_be_compared_is_refused(registry, fit, fits, more, error, said):
    with pytest.raises(error, match=said):
        estimated.benefit_by_histology({"os": fit} if fits else {}, registry.vocabulary, **more)


# --- With every report on histology removed ------------------------------------------------------


@pytest.mark.slow
def test_without_any_report_on_histology_a_fit_gives_the_prior_back(tmp_path, survival_sizes):
    """One real fit to the reports that do not tell histology."""
    registry = read(tmp_path, *(table for table in reports() if table["id"] != "split"))
    settings = SamplerSettings(draws=1000, tune=500, chains=2, seed=3)
    fit = fit_survival(registry, settings=settings, sizes=survival_sizes)
    assert not fit.data.tells_histology
    found = asked(registry, fit)
    posterior = found.effects[found.effects["which"] == "posterior"]
    draws = fit.flat("mu").size
    for row in posterior.itertuples(index=False):
        where = {"effect": row.effect, "treatment": row.treatment, "reference": row.reference}
        prior = pick(found.effects, where | {"which": "prior"})
        # standard normal draws of the sampler, hardly dependent: errors of median and SD, each
        # five times over, with half as many draws as there are
        error = prior.log_sd / np.sqrt(0.5 * draws)
        assert np.log(row.estimate) == pytest.approx(0.0, abs=5 * 1.25 * error)
        assert row.log_sd == pytest.approx(prior.log_sd, abs=5 * error / np.sqrt(2.0))
        assert row.prior_share > 0.8
    words = " ".join(sentences(found, "os", registry.vocabulary))
    assert SAYS_NOTHING in words
    assert "The data say nothing about it: this is the prior." in words
