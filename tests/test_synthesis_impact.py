"""From two registries to answers and files: what new studies change."""

from __future__ import annotations

import json
from decimal import Decimal

import golden
import numpy as np
import pandas as pd
import pytest
from fits import DRAWS, fit_of
from small_registry import cohort, files_in, median, study, subgroup, write_file, write_registry

import synthesis.questions.impact as question
from studies import load_registry
from studies.registry import add_studies
from synthesis import numbers
from synthesis.fits import fit_survival
from synthesis.model.arrays import sizes_for
from synthesis.questions.impact import impact, percentile, result
from synthesis.questions.impact.tables import ESTIMATE_COLUMNS, RANK_COLUMNS, SURPRISE_COLUMNS
from synthesis.report import write_result
from synthesis.settings import Settings

SETTINGS = Settings(endpoints=("os", "pfs"), draws=100, tune=200, chains=2, seed=4)


def printed(value, **more):
    return [median(Decimal(value), **more)]


OLD = [
    study("adams", cohort(n=30, survival=printed("4.1"), histology={"pure": 18, "mixed": 12})),
    study("baker", cohort(n=25, survival=printed("3.6")), year=2018),
    study("clark", cohort(n=40, survival=printed("4.6")), year=2016),
    study("davis", cohort("arm", "paclitaxel", 35, survival=printed("3.0"))),
    study("evans", cohort("arm", "paclitaxel", 28, survival=printed("3.4")), year=2019),
]
ODD = study("odd", cohort(n=60, survival=printed("21")))
USUAL = study(
    "usual",
    cohort("arm", "paclitaxel", 31, survival=[*printed("3.2"), *printed("2.0", endpoint="pfs")]),
)
SILENT = study("silent", cohort("arm", "sorafenib", 12))


def registries(folder, old, new):
    """A registry, and the same with more study files."""
    before = load_registry(write_registry(folder / "before", *old))
    files = [folder / f"{tables['id']}.toml" for tables in new]
    for file, tables in zip(files, new, strict=True):
        write_file(file, tables)
    return before, add_studies(before, files)


def write(answer, out):
    return write_result(result(answer, answer.registry), answer.registry, out)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return registries(tmp_path_factory.mktemp("impact"), OLD, [ODD, USUAL, SILENT])


@pytest.fixture(scope="module")
def stages():
    return []


@pytest.fixture(scope="module")
def sampled(pair, stages, survival_sizes):
    answer = impact(*pair, SETTINGS, progress=stages.append)
    assert sizes_for([]) == survival_sizes
    return answer


@pytest.fixture(scope="module")
def os_rows(sampled):
    table = sampled.estimates[sampled.estimates["endpoint"] == "os"]
    table = table[(table["histology"] == "reference") & (table["target"] == "mean_study")]
    return table[table["estimand"] == "median_months"].set_index("treatment")


# --- From registries to tables -------------------------------------------------------------------


def test_new_studies_are_found(sampled):
    assert [s.id for s in sampled.new] == ["odd", "silent", "usual"]
    assert sampled.changed == ()
    assert sampled.endpoints == ("os", "pfs")
    assert set(sampled.verdicts) == {"os, without", "os, with", "pfs, without", "pfs, with"}
    assert set(sampled.diagnostics["fit"]) == set(sampled.verdicts)


def test_an_extreme_cohort_moves_its_treatment_towards_itself(os_rows):
    row = os_rows.loc["Lenvatinib"]
    assert row["new"]
    assert 3.0 < row["before"] < 6.0
    assert row["before"] * 1.15 < row["after"] < 21
    assert row["shift_in_sd"] > 0.5
    assert abs(os_rows.loc["Paclitaxel", "shift_in_sd"]) < row["shift_in_sd"]


def test_the_extreme_cohort_is_surprising_and_the_usual_one_is_not(sampled):
    own = sampled.surprise[sampled.surprise["endpoint"] == "os"].set_index("study")
    assert own.loc["odd", "p"] < 0.02
    assert own.loc["odd", "percentile"] > 99
    assert own.loc["usual", "p"] > 0.3
    assert "silent" not in own.index


def test_an_endpoint_without_cohorts_before_has_the_priors(sampled):
    own = sampled.estimates[sampled.estimates["endpoint"] == "pfs"]
    assert set(own["treatment"]) == {"Paclitaxel"}
    assert set(own["before_basis"]) == {"expected of a new treatment of a new class"}
    medians = own[(own["estimand"] == "median_months") & (own["target"] == "mean_study")]
    assert (medians["width_ratio"] < 0.8).all()
    assert (medians["cohorts_before"] == 0).all()


def test_the_fit_without_new_studies_is_that_of_the_registry(sampled, pair):
    again = fit_survival(pair[0], settings=SETTINGS.sampler())
    assert again.draws.from_cache
    median_months = np.exp(again.flat("mu") + again.flat("class_effect")[:, 0])
    assert 2.0 < np.median(median_months) < 8.0
    seconds = sampled.manifest["fits"]["os, without"]["seconds"]
    assert seconds == dict(again.draws.seconds)


def test_manifest_names_both_registries(sampled, pair):
    facts = sampled.manifest["registry"]
    assert (facts["before"], facts["after"]) == tuple(registry.fingerprint for registry in pair)
    assert set(facts["new_or_changed"]) == {"odd", "silent", "usual"}
    assert json.loads(json.dumps(sampled.manifest))["kind"] == "impact"


def test_answers_are_made_from_the_tables_and_stages_are_reported(sampled, os_rows, stages):
    row = os_rows.loc["Lenvatinib"]
    ends = (row["before"], row["before_lower"], row["before_upper"])
    first = sampled.answers[0]
    assert result(sampled, sampled.registry).findings[0] is first
    assert f"from {numbers.interval(*ends, numbers.months)} to " in first.text
    assert first.question.startswith("What does adding Odd 2021, ")
    assert stages[-1] == "tables"
    assert any(words.startswith("os, with the new studies:") for words in stages)
    assert sum("compiling" in words for words in stages) <= 1


# --- What changes nothing ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    """What a study changes that is not counted."""
    stages = []
    pair = registries(tmp_path_factory.mktemp("nothing"), OLD, [SILENT])
    answer = impact(*pair, SETTINGS, progress=stages.append)
    assert stages == ["tables"]
    return answer


def test_a_study_that_is_not_counted_changes_nothing_and_says_why(nothing, tmp_path):
    assert nothing.endpoints == ()
    assert tuple(nothing.estimates.columns) == ESTIMATE_COLUMNS
    assert tuple(nothing.surprise.columns) == SURPRISE_COLUMNS
    assert nothing.estimates.empty
    assert set(nothing.selection["change"]) == {"not counted"}
    first, last = result(nothing, nothing.registry).findings
    assert first.text.startswith("Nothing")
    assert "neither a median nor a probability" in last.text
    files = write(nothing, tmp_path / "out")
    assert tmp_path / "out" / "impact.md" in files
    assert not any(file.suffix == ".svg" for file in files)


def test_no_new_study_is_refused(tmp_path):
    before, _ = registries(tmp_path, OLD, [SILENT])
    with pytest.raises(ValueError, match="no study is new or changed"):
        impact(before, before, SETTINGS)


# --- Words ---------------------------------------------------------------------------------------


def test_percentiles_in_words():
    values = (0.2, 1, 52.4, 99, 99.7)
    words = [percentile(value).removesuffix(" percentile") for value in values]
    assert words == ["below the 1st", "1st", "52nd", "99th", "above the 99th"]


def test_the_summary_is_the_page_that_was_read(tmp_path, monkeypatch):
    """All kinds of sentences, from fits set by hand: the words, and every number in them."""
    z = np.linspace(-0.3, 0.3, DRAWS)[None]

    def at(registry, view, *_, **__):
        fresh = "fresh" in registry.studies
        spread = {"study_sd": 0.4, "treatment_sd": 0.3, "class_sd": 0.2, "prognostic": 0.5}
        start = -1.0 if view.endpoint == "response" else 1.3
        return fit_of(registry, view.endpoint, mu=start + (0.2 + 0.8 * z if fresh else z), **spread)

    monkeypatch.setattr(question, "fit_endpoint", at)
    groups = [subgroup("pure", 15, survival=printed("2.7")), subgroup("mixed", 8)]
    groups[1]["survival"] = printed("40")
    fresh = [
        cohort("split", n=23, subgroups=groups, response={"responders": 9, "evaluable": 20}),
        cohort("drug", "sorafenib", 15, survival=printed("95", unit="days")),
    ]
    answered = cohort(n=30, response={"responders": 6, "evaluable": 30})
    small = study("small", cohort(n=9, survival=printed("5.0")), year=2014)
    over = [{"with": "small", "reason": "One hospital."}]
    new = [study("fresh", *fresh, overlaps=over), SILENT]
    old = [*OLD, small, study("rates", answered, year=2019)]
    settings = Settings(family="weibull")
    answer = impact(*registries(tmp_path, old, new), settings)
    golden.check("impact", result(answer, answer.registry).texts["impact.md"])
    (tmp_path / "verified").mkdir()
    restricted = impact(
        *registries(tmp_path / "verified", old, new),
        Settings(endpoints=("response",), verified_only=True),
    )
    limit = "Only figures that were seen in the report itself count"
    first = result(restricted, restricted.registry).findings[0]
    assert limit in first.text
    assert limit in first.pictures[0].caption


# --- Files ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def out(sampled, tmp_path_factory):
    """The folder of the answer, with everything written."""
    folder = tmp_path_factory.mktemp("written") / "deep" / "impact"
    files = write(sampled, folder)
    assert sorted(files) == sorted(file for file in folder.rglob("*") if file.is_file())
    return folder


def test_everything_is_written_and_listed(sampled, out):
    names = set(files_in(out))
    figures = {f"figures/impact_{e}.{s}" for e in ("os", "pfs") for s in ("svg", "pdf", "png")}
    tables = ("estimates", "surprise", "ranks", "selection", "diagnostics")
    texts = {"impact.md", "references.bib", "manifest.json"}
    assert names == figures | texts | {f"tables/{name}.csv" for name in tables}
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == names
    assert manifest["kind"] == "impact"
    read = pd.read_csv(out / "tables" / "ranks.csv")
    assert tuple(read.columns) == RANK_COLUMNS
    assert len(read) == len(sampled.ranks)
    bibliography = (out / "references.bib").read_text(encoding="utf-8")
    assert all(f"{{{study.id}," in bibliography for study in sampled.new)
    assert "adams" not in bibliography
