"""A whole analysis of a few shipped studies: every table, from files to answers."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path

import golden
import numpy as np
import pandas as pd
import pytest

import studies as studies_package
from studies import load_registry
from synthesis.endpoints import endpoint_of
from synthesis.estimands import ESTIMANDS, estimands_of, named_groups, summaries
from synthesis.model.arrays import sizes_for
from synthesis.numbers import interval
from synthesis.questions.contrasts import COMPARE_COLUMNS
from synthesis.questions.influence import cohort_weights
from synthesis.questions.pooled import contradictions
from synthesis.run import analyse
from synthesis.settings import Settings

SHIPPED = Path(studies_package.__file__).parent

# The report that the project starts from, one that gives way to it, others of the same drug, of
# other drugs, and one by histology.
STUDIES = (
    *("sparano2021", "jannin2023", "cleveland_young2013", "tahara2017", "takahashi2020"),
    *("kim2020", "savvides2013", "ito2017", "subbiah2022", "subbiah2023"),
)

TABLES = (
    *("pooled", "cohorts", "left_out", "diagnostics", "priors", "families", "model_choice"),
    "covariates",
)


def copy_registry(folder, names):
    folder.mkdir()
    shutil.copy(SHIPPED / "vocabulary.toml", folder)
    for name in names:
        shutil.copy(SHIPPED / "data" / f"{name}.toml", folder)
    return load_registry(folder)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return copy_registry(tmp_path_factory.mktemp("analysis") / "registry", STUDIES)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def analysis(registry, told, survival_sizes):
    # short chains: tables are judged here, not their digits, and a fit that does not pass is
    # sampled twice more anyway, each time twice as long
    families = ("weibull", "log-logistic")
    settings = Settings(families=families, draws=100, tune=200, chains=2, seed=3)
    found = analyse(registry, settings, progress=told.append)
    survival = [found.fits["os"].data, found.fits["pfs"].data]
    assert sizes_for(survival) == survival_sizes
    return found


def test_tables_have_their_columns(analysis):
    tables = {name: getattr(analysis, name) for name in TABLES}
    tables |= {f"forest_{endpoint}": table for endpoint, table in analysis.forest.items()}
    assert all(map(len, tables.values()))
    lines = [f"{name}: {' '.join(table.columns)}\n" for name, table in tables.items()]
    golden.check("analysis_columns", "".join(lines))


def test_every_family_is_fitted(analysis):
    assert tuple(analysis.fits) == ("os", "pfs", "response")
    assert tuple(analysis.survival) == ("os", "pfs")
    for endpoint, found in analysis.survival.items():
        assert tuple(found.by_family) == ("weibull", "log-logistic")
        assert found.pooled is analysis.fits[endpoint]
    assert set(analysis.verdicts) == set(analysis.diagnostics["fit"])
    assert set(analysis.verdicts.values()) <= {"PASS", "REVIEW", "FAIL"}
    assert len(analysis.verdicts) == 5


def test_estimates_lie_in_their_intervals(analysis):
    tables = [analysis.pooled, analysis.cohorts, *analysis.forest.values()]
    for table in tables:
        some = table.dropna(subset=["estimate"])
        assert len(some)
        assert (some["lower"] < some["estimate"]).all()
        assert (some["estimate"] < some["upper"]).all()
        assert (some["lower"] >= 0.0).all()


def test_a_new_study_is_less_certain_than_the_mean_study(analysis):
    """Its interval is the wider one on the log or logit scale, and all but holds the other."""
    keys = ["endpoint", "treatment", "histology", "estimand"]
    wide = analysis.pooled.pivot(index=keys, columns="target", values=["lower", "upper"])
    by_median = wide.loc[wide.index.get_level_values("estimand") == "median_months"]
    assert len(by_median)
    log = np.log(by_median)
    width = {t: log["upper"][t] - log["lower"][t] for t in ("mean_study", "new_study")}
    assert (width["new_study"] > width["mean_study"]).all()
    # quantiles of a few hundred effective draws: a tenth of the width is room for their error
    room = 0.1 * width["mean_study"]
    assert (log["lower"]["new_study"] < log["lower"]["mean_study"] + room).all()
    assert (log["upper"]["new_study"] > log["upper"]["mean_study"] - room).all()


def test_estimates_keep_the_laws_of_what_they_estimate(analysis):
    upper = analysis.pooled.set_index("estimand")["upper"]
    shares = {name for name, record in ESTIMANDS.items() if record.unit == "%"}
    assert {"survival_6m", "survival_12m", "response_rate"} <= set(upper.index)
    assert (upper[upper.index.isin(shares)] <= 1.0).all()
    assert (upper["rmst_12m"] <= 12.0).all()
    keys = ["endpoint", "treatment", "histology"]
    mean = analysis.pooled[analysis.pooled["target"] == "mean_study"]
    survival = mean.pivot_table(index=keys, columns="estimand", values="estimate")
    survival = survival.dropna(subset=["survival_6m"])
    assert (survival["survival_12m"] < survival["survival_6m"]).all()
    for curves, points in analysis.curves.values():
        assert len(points)
        assert curves[["survival", "lower", "upper"]].to_numpy().max() <= 1.0
        for _, own in curves.groupby(["treatment", "histology"]):
            assert (np.diff(own.sort_values("time")["survival"]) <= 1e-12).all()


@pytest.mark.parametrize("endpoint", ["os", "pfs", "response"])
def test_forest_rows(analysis, endpoint):
    table = analysis.forest[endpoint]
    kinds = list(table["kind"])
    assert set(kinds) == {
        "class", "treatment", "cohort", "mean_study", "new_study", "heterogeneity"
    }  # fmt: skip
    assert kinds[-1] == "heterogeneity"
    assert kinds.count("heterogeneity") == 1
    assert kinds.count("mean_study") == kinds.count("new_study") == kinds.count("treatment")
    assert kinds.count("cohort") >= len(analysis.fits[endpoint].data.cohorts)
    for i, kind in enumerate(kinds):
        if kind == "new_study":
            assert kinds[i - 1] == "mean_study"
    # the row of a class of several treatments has the estimate of its average treatment
    fit = analysis.fits[endpoint]
    mean = summaries(fit, estimands_of(fit)[0], "mean_study", analysis.settings.reference_mix)
    expected = {
        group.class_label: mean[group.group].estimate
        for group in named_groups(fit, analysis.registry.vocabulary)
        if group.is_class
    }
    known = table[table["kind"] == "class"].dropna(subset=["estimate"])
    assert dict(zip(known["label"], known["estimate"], strict=True)) == expected


def test_printed_figures_are_shown_as_printed(analysis):
    table = analysis.forest["os"]
    seed = table[(table["study_id"] == "sparano2021") & (table["kind"] == "cohort")]
    assert list(seed["printed"]) == ["3.1 (0.6–5.5)"]
    assert list(seed["printed_value"]) == [3.1]


def test_the_seed_counts_and_the_report_that_shares_its_patients_does_not(analysis):
    counted = analysis.cohorts[analysis.cohorts["endpoint"] == "os"]
    assert "sparano2021" in set(counted["study"])
    overlap = analysis.left_out[analysis.left_out["kind"] == "overlap"]
    assert len(overlap)
    assert overlap["gave_way_to"].notna().all()
    everything = set(analysis.cohorts["study"]) | set(analysis.left_out["study"])
    assert everything == set(STUDIES)


def test_treatments_are_set_against_each_other_for_every_endpoint(analysis):
    comparison = analysis.comparison
    assert comparison.endpoints == tuple(analysis.fits)
    assert comparison.delta == analysis.settings.delta
    assert comparison.mix == analysis.settings.reference_mix
    assert tuple(comparison.table.columns) == COMPARE_COLUMNS
    assert set(COMPARE_COLUMNS) <= set(analysis.findings.benefit.table.columns)
    assert analysis.findings.benefit.endpoints == ("os", "pfs")
    assert analysis.findings.benefit.told["os"]


def test_gains_in_the_answers_are_those_of_the_comparison(analysis):
    assert [answer.endpoint for answer in analysis.answers] == list(analysis.fits)
    for answer in analysis.answers:
        assert answer.text.splitlines() == [*answer.sentences]
        endpoint, table = endpoint_of(answer.endpoint), analysis.comparison.table
        known = table[(table["endpoint"] == endpoint.id) & (table["estimand"] == endpoint.gain)]
        expected = {
            row.treatment: interval(row.estimate, row.lower, row.upper, endpoint.write_gain)
            for row in known.itertuples()
        }
        gains = {row["treatment"]: row["gain"] for row in answer.rows if row["gain"]}
        assert gains
        assert gains == {treatment: expected[treatment] for treatment in gains}
        (reference,) = [row for row in answer.rows if row["evidence"] == "reference"]
        assert reference["treatment"] == analysis.comparison.references[endpoint.id].label


def test_likelihoods_of_the_choice_of_families_are_used_again(analysis, monkeypatch):
    monkeypatch.setattr(
        "synthesis.left_out.cohort_log_likelihood", lambda *_, **__: pytest.fail("computed twice")
    )
    for endpoint in analysis.survival:
        weights = cohort_weights(analysis.fits[endpoint]).weights
        np.testing.assert_allclose(weights.sum(axis=0), 1.0)


def test_populations_are_those_of_the_reference_mix_by_line(analysis):
    lines = [own.population.line for own in analysis.populations]
    assert lines == ["first-line", "pretreated"]
    for own in analysis.populations:
        assert own.population.mixed == analysis.settings.reference_mix
        assert set(own.table["endpoint"]) == {"os", "pfs"}


def test_every_question_has_a_result_in_the_order_of_the_page(analysis):
    names = [own.name for own in analysis.results]
    asked = ["pooled", "compare", "benefit", "single", "mix", "checks"]
    assert names == [*asked, "comparisons", "appraisal"]
    pooled, *_, checks, _, _ = analysis.results
    assert pooled.verdicts == analysis.verdicts
    drawn = dict(pooled.tables)
    for endpoint, table in drawn.pop("curves").groupby("endpoint", sort=False):
        own = table.drop(columns="endpoint").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, analysis.curves[endpoint][0])
    for name, table in drawn.items():
        assert table.equals(getattr(analysis, name))
    assert checks.tables["predictive_checks"].equals(analysis.checks.table)
    assert dict(analysis.sensitivity) == {}  # as nobody asked for it
    stems = {picture.stem for picture in pooled.pictures}
    assert {"forest_os", "forest_pfs", "forest_response", "curves_os", "curves_pfs"} <= stems
    assert set(analysis.captions) >= {*stems, "compare", "predictive_checks"}


def test_sentences_and_captions_are_whole(analysis):
    for own in analysis.results:
        for finding in own.findings:
            for words in finding.sentences:
                assert words[-1] in ".:"
                assert "nan" not in words.split()
        for picture in own.pictures:
            assert picture.caption.endswith(".")
            assert picture.alt.endswith(".")
            assert set(picture.studies) <= set(STUDIES)
            # it can be sent to another process
            assert pickle.loads(pickle.dumps(picture)).plot is picture.plot


def test_the_manifest_names_every_file_and_setting(analysis, registry):
    manifest = analysis.manifest
    expected = {
        name: hashlib.sha256((registry.folder / f"{name}.toml").read_bytes()).hexdigest()
        for name in STUDIES
    }
    found = manifest["registry"]["studies"]
    assert {Path(name).stem: value for name, value in found.items()} == expected
    assert manifest["seed"] == manifest["settings"]["seed"] == 3
    assert manifest["settings"]["draws"] == 100
    assert len(manifest["priors"]["fingerprint"]) == 64
    assert set(manifest["fits"]) == set(analysis.verdicts)
    for own in manifest["fits"].values():
        assert set(own) == {"verdict", "sampler", "seconds", "from_cache"}


def test_progress_is_told_by_fit(analysis, told):
    assert told[-1] == "tables"
    stages = {words.split(":")[0] for words in told[:-1]}
    assert stages == {
        "os", "os, log-logistic", "os, weibull",
        "pfs", "pfs, log-logistic", "pfs, weibull", "response",
        "treatments compared", "benefit by histology", "stated populations",
    }  # fmt: skip


def test_every_counted_cohort_is_set_against_what_the_others_predict(analysis):
    checks = analysis.checks
    assert list(checks.predictive) == list(checks.coverage) == list(analysis.fits)
    assert list(checks.table["endpoint"].unique()) == list(analysis.fits)
    for endpoint, fit in analysis.fits.items():
        table = checks.predictive[endpoint]
        counted = {(ref.study.id, ref.cohort.id) for ref in fit.data.cohorts}
        assert set(zip(table["study"], table["cohort"], strict=True)) == counted
        assert table["pit"].between(0.0, 1.0).all()
        order = list(dict.fromkeys(table["treatment"]))
        shown = analysis.forest[endpoint]["treatment"].dropna().unique()
        assert order == [name for name in shown if name in order]


# --- contradictions ------------------------------------------------------------------------------


def tables_for(medians, pooled, *, endpoint="os", shrunk=False):
    about = {"endpoint": endpoint, "treatment": "Lenvatinib"}
    printed = {"printed_value": medians, "label": "A 2020", "printed": "0/61"}
    cohorts = pd.DataFrame(about | printed | {"histology": "not printed", "n": 10})
    summary = about | {"histology": "reference", "estimand": endpoint_of(endpoint).estimand}
    summary |= {"target": "mean_study", "shrunk": shrunk}
    summary |= {"estimate": pooled, "lower": pooled / 2, "upper": pooled * 2}
    return cohorts, pd.DataFrame([summary])


def test_a_shrunk_answer_is_named_with_what_its_cohort_reports(registry):
    tables = tables_for([0.0], 0.12, endpoint="response", shrunk=True)
    assert contradictions(*tables, registry.vocabulary) == (
        "Lenvatinib, objective response: the average study of 12 (6–24) % lies outside what its "
        "cohorts report by themselves (A 2020: 0/61): it is shrunk towards the other treatments.",
    )


def test_a_pooled_median_outside_its_cohorts_is_named_with_reasons(registry):
    (text,) = contradictions(*tables_for([3.0, 3.2, np.nan], 4.1), registry.vocabulary)
    assert text.startswith(
        "Lenvatinib, overall survival: the pooled median of 4.1 months lies outside the "
        "reported medians of its cohorts (3.0 to 3.2 months). "
    )
    assert "2 of 3 cohorts report a median, of 20 patients" in text


@pytest.mark.parametrize(
    ("medians", "endpoint"), [([3.0, 5.0], "os"), ([3.0, np.nan], "os"), ([3.0, 3.2], "response")]
)
def test_no_contradiction_inside_the_range_or_from_one_median(registry, medians, endpoint):
    tables = tables_for(medians, 4.1, endpoint=endpoint)
    assert contradictions(*tables, registry.vocabulary) == ()
