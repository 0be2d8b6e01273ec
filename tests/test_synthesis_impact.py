"""From two registries to answers and files: what new studies change."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from fits import fit_of
from small_registry import cohort, median, study, write_file, write_registry
from synthesis.questions.impact import (
    Scope,
    Tables,
    impact,
    impact_answers,
    impact_caption,
    ordinal,
    p_words,
)
from synthesis.questions.impact.tables import (
    ESTIMATE_COLUMNS,
    RANK_COLUMNS,
    SURPRISE_COLUMNS,
    estimates_table,
    ranks_table,
)

from studies import load_registry
from studies.registry import add_studies
from synthesis.fits import fit_survival
from synthesis.model.arrays import sizes_for
from synthesis.report.impact import TABLES, write_impact
from synthesis.restrictions import Restriction
from synthesis.settings import Settings
from synthesis.staging import OutputError

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


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return registries(tmp_path_factory.mktemp("impact"), OLD, [ODD, USUAL, SILENT])


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def found(pair, told, survival_sizes):
    result = impact(*pair, SETTINGS, progress=told.append)
    assert sizes_for([]) == survival_sizes
    return result


@pytest.fixture(scope="module")
def os_rows(found):
    table = found.estimates
    return table[
        (table["endpoint"] == "os")
        & (table["histology"] == "reference")
        & (table["estimand"] == "median_months")
        & (table["target"] == "mean_study")
    ].set_index("treatment")


# --- from registries to tables -------------------------------------------------------------------


def test_new_studies_are_found(found):
    assert [s.id for s in found.new] == ["odd", "silent", "usual"]
    assert found.changed == ()
    assert found.titles == ("Odd 2021", "Silent 2021", "Usual 2021")
    assert found.endpoints == ("os", "pfs")
    assert set(found.verdicts) == {"os, without", "os, with", "pfs, without", "pfs, with"}
    assert set(found.diagnostics["fit"]) == set(found.verdicts)


def test_an_extreme_cohort_moves_its_treatment_towards_itself(os_rows):
    row = os_rows.loc["Lenvatinib"]
    assert row["new"]
    assert 3.0 < row["before"] < 6.0
    assert row["before"] * 1.15 < row["after"] < 21
    assert row["shift_in_sd"] > 0.5
    assert abs(os_rows.loc["Paclitaxel", "shift_in_sd"]) < row["shift_in_sd"]


def test_the_extreme_cohort_is_surprising_and_the_usual_one_is_not(found):
    own = found.surprise[found.surprise["endpoint"] == "os"].set_index("study")
    assert own.loc["odd", "p"] < 0.02
    assert own.loc["odd", "percentile"] > 99
    assert own.loc["usual", "p"] > 0.3
    assert "silent" not in own.index


def test_an_endpoint_without_cohorts_before_has_the_priors(found):
    own = found.estimates[found.estimates["endpoint"] == "pfs"]
    assert set(own["treatment"]) == {"Paclitaxel"}
    assert set(own["before_basis"]) == {"expected of a new treatment of a new class"}
    medians = own[(own["estimand"] == "median_months") & (own["target"] == "mean_study")]
    assert (medians["width_ratio"] < 0.8).all()
    assert (medians["cohorts_before"] == 0).all()


def test_the_fit_without_new_studies_is_that_of_the_registry(found, pair, os_rows):
    again = fit_survival(pair[0], settings=SETTINGS.sampler())
    assert again.draws.from_cache
    median_months = np.exp(again.flat("mu") + again.flat("class_effect")[:, 0])
    assert 2.0 < np.median(median_months) < 8.0
    seconds = found.manifest["fits"]["os, without"]["seconds"]
    assert seconds == dict(again.draws.seconds)


def test_manifest_names_both_registries(found, pair):
    told = found.manifest["registry"]
    assert (told["before"], told["after"]) == tuple(registry.fingerprint for registry in pair)
    assert set(told["new_or_changed"]) == {"odd", "silent", "usual"}
    assert json.loads(json.dumps(found.manifest))["kind"] == "impact"


def test_answers_are_made_from_the_tables(found, os_rows):
    by_question = {answer.question: answer.text for answer in found.answers}
    names = "Odd 2021, Silent 2021 and Usual 2021"
    first = by_question[f"What does adding {names} change in overall survival?"]
    row = os_rows.loc["Lenvatinib"]
    assert (
        f"from {row['before']:.1f} ({row['before_lower']:.1f}-{row['before_upper']:.1f})" in first
    )
    assert "Adding Odd 2021 (n = 60) moves the pooled median under lenvatinib" in first
    assert "Adding Usual 2021 (n = 31)" in first
    assert "40 % mixed histology" in first
    pfs = by_question[f"What does adding {names} change in progression-free survival?"]
    assert "brings paclitaxel into the pool" in pfs
    assert "expected of a new treatment of a new class" in pfs
    assert "mixed histology" not in pfs
    surprise = by_question["Is what is printed surprising?"]
    assert "Odd 2021, lenvatinib, n = 60, overall survival: median 21 printed" in surprise
    assert "very surprising" in surprise
    assert "compare the file with the report first" in surprise
    counted = by_question["What is counted now, and what gave way?"]
    assert "Silent 2021 (arm), overall survival: not counted." in counted


def test_stages_are_told(found, told):
    assert "tables" in told
    assert any(words.startswith("os, with the new studies:") for words in told)
    assert sum("compiling" in words for words in told) <= 1


# --- what changes nothing, and what replaces -----------------------------------------------------


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    """What a study changes that is not counted."""
    told = []
    pair = registries(tmp_path_factory.mktemp("nothing"), OLD, [SILENT])
    result = impact(*pair, SETTINGS, progress=told.append)
    assert told == ["tables"]
    return result


def test_a_study_that_is_not_counted_changes_nothing_and_says_why(nothing, tmp_path):
    assert nothing.endpoints == ()
    assert list(nothing.estimates.columns) == list(ESTIMATE_COLUMNS)
    assert list(nothing.surprise.columns) == list(SURPRISE_COLUMNS)
    assert nothing.estimates.empty
    assert set(nothing.selection["change"]) == {"not counted"}
    first, last = nothing.answers[0], nothing.answers[-1]
    assert first.text.startswith("Nothing")
    assert "neither a median nor a probability" in last.text
    files = write_impact(nothing, tmp_path / "out")
    assert (tmp_path / "out" / "impact.md") in files
    assert not any(file.suffix == ".svg" for file in files)


def test_no_new_study_is_refused(tmp_path):
    before, _ = registries(tmp_path, OLD, [SILENT])
    with pytest.raises(ValueError, match="no study is new or changed"):
        impact(before, before, SETTINGS)


# --- words ---------------------------------------------------------------------------------------


def test_ordinals_and_p_values():
    values = (0.2, 1, 2, 3, 4, 11, 12, 13, 21, 52.4, 99, 99.7)
    expected = ["below the 1st", "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st"]
    assert [ordinal(value) for value in values] == [*expected, "52nd", "99th", "above the 99th"]
    words = [p_words(p) for p in (0.0, 0.0009, 0.004, 0.0999, 0.1, 1.0)]
    assert words == ["p < 0.001", "p < 0.001", "p = 0.004", "p = 0.100", "p = 0.10", "p = 1.00"]


def test_words_on_response_and_restrictions(tmp_path):
    answered = study("adams", cohort(n=30, response={"responders": 6, "evaluable": 30}))
    registry = load_registry(write_registry(tmp_path / "registry", answered))
    mu = np.linspace(-1.5, -0.5, 2000)[None]
    fits = [fit_of(registry, "response", mu=mu + shift) for shift in (0.0, 0.3)]
    about = ("response", registry.vocabulary, 0.4, {"adams:arm"})
    tables = Tables(
        estimates_table(*fits, *about),
        pd.DataFrame(columns=list(SURPRISE_COLUMNS)),
        ranks_table(*fits, *about),
        pd.DataFrame(columns=["endpoint", "label", "cohort", "change", "other", "reason"]),
        pd.DataFrame(
            [("response", "Lenvatinib", "Adams 2021", 30)],
            columns=["endpoint", "treatment", "label", "n"],
        ),
    )
    limits = (Restriction("short", "Only verified figures count."), Restriction("x", "Y.", "pfs"))
    scope = Scope(("Adams 2021",), registry.vocabulary, 0.4, limits, frozenset(), "Weibull")
    answers = impact_answers(tables, ("response",), scope)
    text = answers[0].text
    assert "Only verified figures count." in text
    assert "Y." not in text
    assert (
        "moves the pooled response rate under lenvatinib from 27 (19-37) % to 33 (24-44) %" in text
    )
    rates = 1 / (1 + np.exp(-mu))
    moved = (1 / (1 + np.exp(0.7)) - 1 / (1 + np.exp(1.0))) / rates.std()
    assert f"by {moved:.1f} of its posterior SD" in text
    assert "Its rank stays at about 1 of 1" in text
    assert "No other treatment moves" in text
    caption = impact_caption("response", scope)
    assert caption.startswith("Objective response in ")
    assert "per cent" in caption
    assert caption.endswith("Only verified figures count.")


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def out(found, tmp_path_factory):
    """The folder of the answer, with everything written."""
    folder = tmp_path_factory.mktemp("written") / "deep" / "impact"
    files = write_impact(found, folder)
    assert sorted(files) == sorted(file for file in folder.rglob("*") if file.is_file())
    return folder


def test_everything_is_written_and_listed(found, out):
    names = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    figures = {f"figures/impact_{e}.{s}" for e in ("os", "pfs") for s in ("svg", "pdf", "png")}
    tables = {f"tables/{name}.csv" for name in TABLES}
    assert names == figures | tables | {"impact.md", "references.bib", "manifest.json"}
    listed = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert set(listed) == names
    read = pd.read_csv(out / "tables" / "ranks.csv")
    assert list(read.columns) == list(RANK_COLUMNS)
    assert len(read) == len(found.ranks)
    bibliography = (out / "references.bib").read_text(encoding="utf-8")
    assert all(f"{{{study.id}," in bibliography for study in found.new)
    assert "adams" not in bibliography


def test_summary_holds_answers_verdicts_and_captions(found, out):
    text = (out / "impact.md").read_text(encoding="utf-8")
    assert text.startswith("# What Odd 2021, Silent 2021 and Usual 2021 change\n")
    for answer in found.answers:
        assert f"\n## {answer.question}\n\n" in text
    assert f"os, with the new studies: {found.verdicts['os, with']}" in text
    assert "![impact_os](figures/impact_os.png)" in text
    assert "changes. A: pooled estimates" in text


def test_a_second_answer_takes_the_files_of_the_first_away(out, nothing, tmp_path):
    shutil.copytree(out, tmp_path / "copy")
    (tmp_path / "copy" / "own.txt").write_text("mine", encoding="utf-8")
    write_impact(nothing, tmp_path / "copy")
    assert not list(tmp_path.rglob("impact_os.svg"))
    assert (tmp_path / "copy" / "own.txt").read_text(encoding="utf-8") == "mine"


def test_a_folder_with_a_report_is_refused(found, tmp_path):
    (tmp_path / "manifest.json").write_text('{"files": ["report.html"]}', encoding="utf-8")
    (tmp_path / "report.html").write_text("a report", encoding="utf-8")
    with pytest.raises(OutputError, match=r"holds other results \(report\)"):
        write_impact(found, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["manifest.json", "report.html"]
