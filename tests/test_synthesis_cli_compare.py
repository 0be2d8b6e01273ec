"""`atc compare`: what it shows, writes and refuses; fits have draws that are set by hand."""

from __future__ import annotations

import csv
import io
import json

import golden
import pandas as pd
import pytest
from compare_fits import REPORTS, registry_of, response_fit, survival_fit

import synthesis.run
from synthesis import cli
from synthesis.questions.compare import compare
from synthesis.questions.contrasts import COMPARE_COLUMNS
from synthesis.result import RESEARCH_USE

ENDPOINTS = ("os", "response")


@pytest.fixture
def folder(tmp_path):
    registry_of(tmp_path / "registry")
    return tmp_path / "registry"


@pytest.fixture
def asked(monkeypatch):
    """What the fits were asked for; they come from draws that are set by hand."""
    reached = {}

    def fit_endpoints(registry, settings, *, priors, progress, cache):
        reached.update(settings=settings, studies=set(registry.studies), cache=cache)
        makers = {"os": survival_fit, "pfs": survival_fit, "response": response_fit}
        return {name: makers[name](registry) for name in settings.endpoints}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    return reached


def words_of(folder, *more):
    return ["compare", "--registry", f"{folder}", "--only", *more]


def both(folder, *more):
    named = [word for name in ENDPOINTS for word in ("--endpoint", name)]
    return words_of(folder, *named, *more)


def refused(capsys, *words):
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def never(*_, **__):
    raise AssertionError("nothing is fitted before this is refused")


def test_the_answer_is_the_page_that_was_read(folder, asked, capsys):
    assert cli.main(both(folder, "--all", "--delta", "2")) == 0
    captured = capsys.readouterr()
    golden.check("atc_compare", captured.out)
    assert captured.err == ""
    assert max(map(len, captured.out.splitlines())) <= 100
    assert captured.out.splitlines()[-1] == RESEARCH_USE


def test_options_reach_the_fits_and_the_comparison(folder, asked, capsys):
    more = ["--seed", "7", "--draws", "50", "--reference-mix", "0.25", "--no-cache"]
    more += ["--family", "weibull", "--verified-only", "--reference", "Lenvima"]
    assert cli.main(both(folder, *more)) == 0
    settings = asked["settings"]
    assert (settings.seed, settings.draws, settings.reference_mix) == (7, 50, 0.25)
    assert (settings.family, settings.verified_only) == ("weibull", True)
    assert settings.endpoints == ENDPOINTS
    assert asked["cache"] is False
    assert "against lenvatinib (3 cohorts" in " ".join(capsys.readouterr().out.split())


def test_an_endpoint_without_the_reference_is_not_fitted(tmp_path, asked, capsys):
    silent = json.loads(json.dumps(REPORTS[4], default=str))
    silent["cohorts"][0].pop("response")
    silent["cohorts"][0]["survival"][0]["median"] = 4
    registry_of(tmp_path / "registry", (*REPORTS[:4], silent))
    assert cli.main(both(tmp_path / "registry", "--reference", "sorafenib")) == 0
    assert asked["settings"].endpoints == ("os",)
    out = " ".join(capsys.readouterr().out.split())
    assert "No cohort of sorafenib is pooled for response, which is left out." in out


def test_tables_and_figures_are_written_and_files_of_others_stay(folder, asked, tmp_path, capsys):
    out = tmp_path / "a" / "out"
    (out / "tables").mkdir(parents=True)
    (out / "tables" / "mine.csv").write_text("mine")
    assert cli.main(both(folder, "--out", f"{out}")) == 0
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    expected = {f"tables/{name}.csv" for name in ("compare", "league", "gains", "ranks")}
    expected |= {f"figures/compare.{suffix}" for suffix in ("pdf", "png", "svg")}
    assert files == expected | {"tables/mine.csv"}
    assert f"Written: {out / 'tables' / 'compare.csv'} (7 files)" in capsys.readouterr().out
    table = pd.read_csv(out / "tables" / "compare.csv")
    registry = registry_of(folder)
    fits = {"os": survival_fit(registry), "response": response_fit(registry)}
    theirs = compare(fits, registry.vocabulary).table
    assert tuple(table.columns) == COMPARE_COLUMNS
    pd.testing.assert_series_equal(table["estimate"], theirs["estimate"], rtol=1e-12)
    keys = ["endpoint", "treatment", "reference", "histology", "estimand"]
    assert not table.duplicated(keys).any()
    assert table["carried_by"].notna().all()
    text = (out / "tables" / "compare.csv").read_text(encoding="utf-8")
    assert len(list(csv.reader(io.StringIO(text)))) == len(table) + 1
    svg = (out / "figures" / "compare.svg").read_text(encoding="utf-8")
    assert "Lot 2021" in svg  # the reports that it rests on are named in the file
    assert "Care 2021" in svg


def test_a_reference_is_checked_before_anything_is_fitted(folder, monkeypatch, capsys):
    monkeypatch.setattr(synthesis.run, "fit_endpoints", never)
    line = refused(capsys, *both(folder, "--reference", "lenvatinb"))
    assert 'unknown treatment "lenvatinb"; did you mean "lenvatinib"?' in line
    assert "Possible for os, response: best_care, lenvatinib, paclitaxel, sorafenib." in line
    line = refused(capsys, *both(folder, "--reference", "radiotherapy"))
    assert line.startswith("no cohort of radiotherapy is pooled; possible for os, response: best_")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--histology", "focal"), "'focal' is not one of pure, mixed, reference"),
        (("--delta", "100"), "100.0 is not a number of months from -60 to 60"),
        (("--delta", "nan"), "nan is not a number of months"),
        (("--endpoint", "dss"), "'dss' is not one of os, pfs, response"),
        (("--only",), "--only needs --registry DIR"),
    ],
)
def test_wrong_words_are_refused_in_one_sentence(more, said, monkeypatch, capsys):
    monkeypatch.setattr(synthesis.run, "fit_endpoints", never)
    assert said in refused(capsys, "compare", *more)


def test_histology_that_nothing_tells_is_refused(folder, asked, capsys):
    line = refused(capsys, *words_of(folder, "--endpoint", "os", "--histology", "pure"))
    assert line.startswith("No counted cohort tells its histology for overall survival")


def test_one_treatment_leaves_nothing_to_compare(tmp_path, asked, capsys):
    registry_of(tmp_path / "registry", (REPORTS[2],))
    line = refused(capsys, *both(tmp_path / "registry"))
    assert line.startswith("For overall survival there is nothing to compare; pooled: Lenvatinib.")
