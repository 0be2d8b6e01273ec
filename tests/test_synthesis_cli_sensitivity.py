"""`atc sensitivity`: what it shows and writes, what it refuses, and what an interrupt keeps."""

from __future__ import annotations

import golden
import pandas as pd
import pytest
from fits import CHOICE_WORDS, Counting, six_reports
from small_registry import write_registry

from synthesis import cli
from synthesis.questions import sensitivity


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("cli") / "registry"
    return write_registry(made, *six_reports(), vocabulary=CHOICE_WORDS)


@pytest.fixture
def fitter(monkeypatch, tmp_path):
    """Fits are made up, so that no sampler is needed; results are kept in a folder of the test."""
    found = Counting()
    whole = sensitivity.sensitivity
    monkeypatch.setenv("ATC_CACHE_DIR", str(tmp_path / "cache"))

    def made_up(registry, endpoint, **options):
        return whole(registry, endpoint, fitter=found, **options)

    monkeypatch.setattr("synthesis.questions.sensitivity.sensitivity", made_up)
    return found


def words_of(folder, *more):
    return ("sensitivity", "--registry", f"{folder}", "--only", "--draws", "200", *more)


def test_the_answer_is_the_page_that_was_read_and_is_written(folder, fitter, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(words_of(folder, "--choice", "family")) == 0
    text = capsys.readouterr().out
    golden.check("atc_sensitivity", text)
    assert max(map(len, text.splitlines())) <= 100
    assert cli.main(words_of(folder, "--choice", "family", "--out", f"{out}")) == 0
    assert f"Written: {out / 'tables' / 'sensitivity.csv'}" in capsys.readouterr().out
    table = pd.read_csv(out / "tables" / "sensitivity.csv")
    assert set(table["specification"]) == {
        "base",
        "family_exponential",
        "family_weibull",
        "family_log_normal",
        "family_generalised_gamma",
        "family_long_tail",
    }
    scaling = pd.read_csv(out / "tables" / "power_scaling.csv")
    assert {"prior_sensitivity", "likelihood_sensitivity", "diagnosis"} <= set(scaling.columns)
    names = {p.name for p in (out / "figures").iterdir()}
    assert {f"sensitivity_ratio_of_medians_os.{s}" for s in ("svg", "pdf", "png")} <= names
    assert not any("difference" in name or "median_months" in name for name in names)


def test_an_interrupt_says_how_much_is_kept(folder, fitter, tmp_path, capsys):
    out = tmp_path / "out"
    fitter.stop = 3
    words = words_of(folder, "--choice", "family", "--out", f"{out}")
    assert cli.main(words) == 130
    assert "3 of 6 fits are kept: the same command goes on from there." in capsys.readouterr().err
    assert not out.exists()
    fitter.stop = None
    assert cli.main(words) == 0
    # the first three were read back
    assert len(fitter.names) == 6
    assert (out / "tables" / "sensitivity.csv").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--treatment", "radiotherapy"), "no cohort of radiotherapy is pooled here."),
        (("--reference", "lenvatinib", "--treatment", "lenvatinib"), "compared with itself"),
        (("--choice", "prior"), "'prior' is not one of priors, family"),
        (("--endpoint", "response"), "'response' is not one of os, pfs"),
        (("--endpoint", "pfs"), "no cohort can be counted for pfs"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(folder, fitter, capsys, words, told):
    assert cli.main(words_of(folder, *words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert fitter.names == []


def test_a_file_in_place_of_the_folder_is_refused_before_anything_is_fitted(
    folder, fitter, tmp_path, capsys
):
    (tmp_path / "out").write_text("", encoding="utf-8")
    assert cli.main(words_of(folder, "--out", f"{tmp_path / 'out'}")) == 2
    assert "is a file" in capsys.readouterr().err
    assert fitter.names == []
