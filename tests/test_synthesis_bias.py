"""The bias analysis: its tables against the draws, and what it says where the data say nothing."""

from __future__ import annotations

import numpy as np
import pytest
import simulated_registry
from benefit_fits import spread, whole
from bias_fits import PROSPECTIVE, WORDS, biased_fit, read, reports, usual_fit, with_bias
from fits import DRAWS
from scipy import stats
from simulated_registry import LOG_TIME
from small_registry import cohort, landmark, study

from priors import load_priors
from synthesis.estimands import Group, curve
from synthesis.fits import fit_survival_data
from synthesis.model.covariates import COVARIATES
from synthesis.model.sampler import SamplerSettings
from synthesis.model.survival import BIAS_PRIOR
from synthesis.questions import bias as question
from synthesis.questions.bias.funnel import RETROSPECTIVE, cohort_kinds
from synthesis.questions.effects import effect_densities

MIX = 0.4


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return read(tmp_path_factory.mktemp("bias"))


@pytest.fixture(scope="module")
def usual(registry):
    return usual_fit(registry)


@pytest.fixture(scope="module")
def biased(registry):
    return biased_fit(registry, np.abs(spread(0.0, 0.2, 9)))


def sentences(analysis, registry, heading):
    findings = question.result(analysis, registry).findings
    (finding,) = [finding for finding in findings if heading in finding.heading]
    return " ".join(finding.sentences)


def effects_of(**studies):
    """Draws of study effects, the same for every draw; zero for a study that is not named."""
    values = [studies.get(name, 0.0) for name in sorted(table["id"] for table in reports())]
    return np.broadcast_to(values, (1, DRAWS, len(values))).copy()


# --- Who carries it ------------------------------------------------------------------------------


def test_kinds_are_counted_by_reports_cohorts_and_patients(biased, registry):
    table = question.kinds_table(biased).set_index("kind")
    # split 23, series 12, pair 14 + 12, curve 22 and young 11
    retrospective = table.loc["retrospective", ["reports", "cohorts", "patients", "treatments"]]
    assert retrospective.tolist() == [5, 6, 94, 3]
    assert table.loc["prospective", ["reports", "cohorts", "patients"]].tolist() == [2, 2, 60]
    assert table.loc["not stated", ["reports", "cohorts", "patients"]].tolist() == [1, 1, 50]
    assert question.treatments_of_both_kinds(biased, registry.vocabulary) == ("Lenvatinib",)


def test_patients_who_had_different_treatments_are_no_treatment_of_both_kinds(tmp_path):
    tables = [whole("one", "various"), whole("two", "various", **PROSPECTIVE)]
    registry = read(tmp_path, *tables)
    assert question.treatments_of_both_kinds(usual_fit(registry), registry.vocabulary) == ()


# --- Effects -------------------------------------------------------------------------------------


def test_effects_are_quantiles_of_priors_and_of_the_draws(biased):
    table = question.bias_table(biased)
    rows = {(row.effect, row.which): row for row in table.itertuples(index=False)}
    priors = load_priors()
    common = biased.flat("covariate_effect")[:, 0]
    after, before = rows[question.COMMON, "posterior"], rows[question.COMMON, "prior"]
    assert after.estimate == pytest.approx(np.exp(np.median(common)))
    assert after.p_optimistic == np.mean(common > 0.0) > 0.9
    assert after.prior_share == pytest.approx(np.var(common) / 0.2**2)
    assert (before.estimate, before.p_optimistic, before.prior_share) == (1.0, 0.5, 1.0)
    assert before.upper == pytest.approx(np.exp(stats.norm.ppf(0.975, scale=0.2)))
    sd, scale = biased.flat("bias_sd"), priors[BIAS_PRIOR].scale
    after, before = rows[question.SPREAD, "posterior"], rows[question.SPREAD, "prior"]
    factor = np.exp(stats.norm.ppf(0.975) * np.quantile(sd, [0.5, 0.025, 0.975]))
    # quantiles of the factors of draws: between two of 2000 draws the two scales differ a little
    assert (after.estimate, after.lower, after.upper) == pytest.approx(tuple(factor), rel=1e-3)
    half = stats.halfnorm(scale=scale)
    assert before.upper == pytest.approx(np.exp(stats.norm.ppf(0.975) * half.ppf(0.975)))
    assert before.log_sd == pytest.approx(half.std())
    assert after.prior_share == pytest.approx(np.var(sd) / half.var())
    assert np.isnan(after.p_optimistic)
    assert after.cohorts == 6


def test_draws_of_the_priors_are_all_prior(registry):
    """A share of one within the error of a variance of 2000 draws: 3 % for a normal."""
    nothing = np.zeros(len(COVARIATES))[None, None]
    common = {"covariate_effect": spread(nothing, 0.2, 3, nothing.size)}
    scale = load_priors()[BIAS_PRIOR].scale
    fit = biased_fit(registry, np.abs(spread(0.0, scale, 4)), **common)
    table = question.bias_table(fit)
    shares = table[table["which"] == "posterior"]["prior_share"]
    assert shares.min() > 0.9


def test_densities_hold_all_of_the_probability(biased):
    density = effect_densities("os", question.bias_effects(biased))
    for (name, which), own in density.groupby(["parameter", "which"]):
        area = np.trapezoid(own["density"], np.log(own["x"]))
        # beyond three and a half SDs lie 0.0005 of a normal prior
        assert area == pytest.approx(1.0, abs=0.003), (name, which)
    factors = density[density["parameter"] == question.SPREAD]["x"]
    assert factors.min() == 1.0


# --- Reports' own --------------------------------------------------------------------------------


def test_the_bias_of_a_report_is_its_part_of_the_study_effect(registry):
    """Normal-normal: a part of the effect as drawn, and the spread that is left."""
    fit = biased_fit(registry, 0.3, study_effect=effects_of(series=0.5, planned=0.5, pair=0.6))
    own = question.own_biases(fit)
    order = [ref.study.id for ref in fit.data.cohorts]
    part = 0.3**2 / (0.3**2 + 0.2**2)
    series = own[:, order.index("series")]
    # 2000 draws of an SD of 0.17: the error of their mean is 0.004, that of their SD 1.6 %
    assert series.mean() == pytest.approx(0.5 * part, abs=0.016)
    assert series.std() == pytest.approx(np.sqrt(part) * 0.2, rel=0.065)
    for name in ("planned", "untold", "lone"):
        assert (own[:, order.index(name)] == 0.0).all()
    # the cohorts of one report share half of its variance
    pair = own[:, [name == "pair" for name in order]].mean(axis=0)
    assert pair == pytest.approx([np.sqrt(0.5) * 0.6 * part] * 2, abs=0.016)


def test_reports_are_retrospective_ones_the_most_optimistic_first(biased, registry):
    table = question.reports_table(biased, registry.vocabulary)
    assert tuple(table.columns) == question.REPORT_COLUMNS
    assert set(table["study"]) == {"split", "series", "pair", "curve", "young"}
    assert len(table) == 6
    assert table["estimate"].is_monotonic_decreasing
    assert (table["lower"] < table["estimate"]).all()
    assert (table["p_optimistic"].between(0.5, 1.0)).all()


# --- Medians -------------------------------------------------------------------------------------


def test_medians_half_way_between_the_designs_are_half_the_common_bias_away(
    usual, biased, registry
):
    table = question.medians_table(usual, biased, registry.vocabulary, MIX)
    own = table[table["treatment"] == "Lenvatinib"].set_index("population")
    pooled = own.loc[question.AS_PROSPECTIVE, "usual"]
    for population, value in ((question.HALF_WAY, 0.5), (question.AS_PROSPECTIVE, 0.0)):
        row = own.loc[population]
        for name, fit in (("usual", usual), ("biased", biased)):
            middle = np.log(curve(fit, Group(0, 0), MIX, "mean_study").median)
            drawn = np.exp(middle + value * fit.flat("covariate_effect")[:, 0])
            found = (row[name], row[f"{name}_lower"], row[f"{name}_upper"])
            assert found == pytest.approx(tuple(np.quantile(drawn, [0.5, 0.025, 0.975])))
        assert row["ratio"] == pytest.approx(row["biased"] / row["usual"])
        assert row["ratio_to_pooled"] == pytest.approx(row["biased"] / pooled)
    # optimistic retrospective reports: a prospective study shows less
    assert own.loc[question.AS_PROSPECTIVE, "biased"] < own.loc[question.HALF_WAY, "biased"]


# --- The result ----------------------------------------------------------------------------------

KINDS, SINGLE = "optimistic or pessimistic", "single reports differ"
NOTHING = "The data say nothing about it"


def test_the_result_says_what_the_tables_say(usual, biased, registry):
    analysis = question.of_fits(registry, usual, biased, MIX)
    answer = question.result(analysis, registry)
    assert NOTHING not in sentences(analysis, registry, KINDS)
    assert [picture.stem for picture in answer.pictures] == ["bias_os", "funnel_os"]
    page = answer.texts["bias.md"]
    assert all(f"## {finding.heading}" in page for finding in answer.findings)
    assert all(picture.caption in page for picture in answer.pictures)
    reports, medians = (table for finding in answer.findings for table in finding.tables)
    for cells, row in zip(reports.rows, analysis.tables["bias_reports"].itertuples(), strict=True):
        assert cells[0].text == row.cohort_label
        assert cells[2].text.startswith(f"{row.estimate:.2f} (")
    assert len(medians.rows) == 4


@pytest.mark.parametrize(
    ("design", "single"), [(PROSPECTIVE, True), ({}, False)], ids=["prospective", "retrospective"]
)
def test_what_no_report_tells_is_the_prior(tmp_path, design, single):
    registry = read(tmp_path, *(whole(f"s{n}", "lenvatinib", **design) for n in range(3)))
    analysis = question.of_fits(registry, usual_fit(registry), biased_fit(registry), MIX)
    assert NOTHING in sentences(analysis, registry, KINDS)
    assert (NOTHING in sentences(analysis, registry, SINGLE)) == single
    assert analysis.tables["bias_reports"].empty == single


def test_no_treatment_of_both_kinds_is_said(tmp_path):
    registry = read(tmp_path, whole("one", "lenvatinib"), whole("two", "best_care", **PROSPECTIVE))
    analysis = question.of_fits(registry, usual_fit(registry), biased_fit(registry), MIX)
    assert "No treatment has reports of both kinds" in sentences(analysis, registry, KINDS)


def test_without_a_median_there_is_no_funnel(tmp_path):
    own = cohort("arm", "lenvatinib", 22, landmarks=[landmark(12, 0.2)])
    registry = read(tmp_path, *(study(name, own) for name in ("one", "two")))
    analysis = question.of_fits(registry, usual_fit(registry), biased_fit(registry), MIX)
    assert [picture.stem for picture in question.result(analysis, registry).pictures] == ["bias_os"]
    assert "too few reported medians" in sentences(analysis, registry, "Do small cohorts")


def test_a_fit_without_a_spread_of_biases_is_refused(usual, registry):
    with pytest.raises(ValueError, match="expected one that estimates the spread of biases"):
        question.of_fits(registry, usual, usual, MIX)


def test_a_report_far_out_is_named(registry, usual):
    fit = biased_fit(registry, 0.6, study_effect=effects_of(series=1.5))
    analysis = question.of_fits(registry, usual, fit, MIX)
    assert "Series 2021, " in sentences(analysis, registry, SINGLE)
    still = question.of_fits(registry, usual, with_bias(usual, 0.1), MIX)
    assert "No report can be told from the others" in sentences(still, registry, SINGLE)


# --- Planted biases of simulated registries ------------------------------------------------------

SETTINGS = SamplerSettings(draws=1000, tune=700, chains=2, seed=77)
LOCATIONS = {"lenvatinib": 2.4, "sorafenib": 2.1, "paclitaxel": 1.9, "best_care": 1.5}
FACTOR, OWN_SD, STUDY_SD, PATIENTS, SHAPE = 1.5, 0.15, 0.1, 120, 1.3


@pytest.fixture
def _sampled_once(monkeypatch):
    """A few divergent transitions are no reason to double the time of a test."""
    monkeypatch.setattr("synthesis.fits._ATTEMPTS", 1)


def world(folder, seed, *, retrospective=True):
    """Four reports of each treatment, two of them retrospective and optimistic by the factor."""
    rng, tables, own = np.random.default_rng(seed), [], {}
    for treatment, location in LOCATIONS.items():
        for number in range(4):
            name, more = f"{treatment[:4]}{number}", {}
            at = location + STUDY_SD * rng.standard_normal()
            if number < 2 and retrospective:
                own[name] = OWN_SD * rng.standard_normal()
                at += np.log(FACTOR) + own[name]
            else:
                more = PROSPECTIVE
            uniform = rng.uniform(size=PATIENTS)
            middle = np.median(np.exp(at + LOG_TIME["log-logistic"](uniform) / SHAPE))
            tables.append(whole(name, treatment, PATIENTS, f"{middle:.2f}", **more))
    return simulated_registry.read(folder, tables, WORDS).at_share(0.4), own


def fitted(data, sizes):
    return fit_survival_data(
        data, settings=SETTINGS, variant=question.WITH_BIAS, sizes=sizes, cache=False
    )


@pytest.mark.slow
@pytest.mark.usefixtures("_sampled_once")
def test_a_planted_bias_is_covered(tmp_path, survival_sizes):
    """Three worlds: two or more of six 95 % intervals miss with probability 0.03, three with 0.002.

    The truth of the common bias lies two SDs out on its prior, which draws the estimates towards
    one, by a fifth of the log where the standard error is half of the SD of the prior.
    """
    held, logs, spreads = [], [], []
    for seed in range(3):
        data, own = world(tmp_path / f"w{seed}", seed)
        fit = fitted(data, survival_sizes)
        common, spread = question.common_bias(fit), fit.flat("bias_sd")
        for drawn, truth in ((common, np.log(FACTOR)), (spread, OWN_SD)):
            low, high = np.quantile(drawn, [0.025, 0.975])
            held.append(low <= truth <= high)
        assert np.mean(common > 0.0) > 0.95
        logs.append(np.median(common))
        spreads.append(_correlation(fit, own))
    assert sum(held) >= 4
    assert np.log(FACTOR) * 0.6 < np.mean(logs) < np.log(FACTOR) * 1.2
    # reports that were flattered more are seen as such
    assert np.mean(spreads) > 0.3


def _correlation(fit, own):
    """Of the biases of single reports with their estimates."""
    estimates = np.median(question.own_biases(fit), axis=0)
    kinds = cohort_kinds(fit)
    pairs = [
        (own[ref.study.id], estimates[j])
        for j, ref in enumerate(fit.data.cohorts)
        if kinds[j] == RETROSPECTIVE
    ]
    assert len(pairs) == len(own) == 8
    return np.corrcoef(np.array(pairs).T)[0, 1]


@pytest.mark.slow
@pytest.mark.usefixtures("_sampled_once")
def test_without_a_retrospective_report_the_posterior_is_the_prior(tmp_path, survival_sizes):
    """Quantiles of some thousand effective draws: 0.05 of a probability is three of their errors.

    The median of all treatments tells of the common bias, too, where every report is prospective:
    a hundredth of its variance.
    """
    data, _ = world(tmp_path / "none", 9, retrospective=False)
    fit = fitted(data, survival_sizes)
    priors, common = load_priors(), question.common_bias(fit)
    known = {
        "common": (common, stats.norm(scale=priors["covariate_retrospective"].scale)),
        "spread": (fit.flat("bias_sd"), stats.halfnorm(scale=priors[BIAS_PRIOR].scale)),
    }
    for name, (drawn, prior) in known.items():
        for p in (0.1, 0.5, 0.9):
            assert np.mean(drawn < prior.ppf(p)) == pytest.approx(p, abs=0.05), (name, p)
