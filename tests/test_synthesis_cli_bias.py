"""`atc bias`: what it shows and writes, and what it refuses."""

from __future__ import annotations

import golden
import pytest
from bias_fits import WORDS, biased_fit, reports, spread, usual_fit
from small_registry import write_registry

from synthesis import cli
from synthesis.questions.bias import of_fits

FILES = {"bias", "bias_kinds", "bias_reports", "bias_medians", "funnel", "funnel_slope"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("cli") / "registry"
    return write_registry(made, *reports(), vocabulary=WORDS)


@pytest.fixture
def asked(monkeypatch):
    """Fits are made up, so that no sampler is needed; returns what was asked for."""
    reached = []

    def made_up(registry, endpoint, *, reference_mix=0.4, **options):
        reached.append((endpoint, reference_mix, options))
        spreads = abs(spread(0.0, 0.2, 9))
        return of_fits(registry, usual_fit(registry), biased_fit(registry, spreads), reference_mix)

    monkeypatch.setattr("synthesis.questions.bias.bias", made_up)
    return reached


def words_of(folder, *more):
    return ("bias", "--registry", f"{folder}", "--only", *more)


def test_the_answer_is_the_page_that_was_read(folder, asked, capsys):
    assert cli.main(words_of(folder)) == 0
    text = capsys.readouterr().out
    golden.check("atc_bias", text)
    assert max(map(len, text.splitlines())) <= 100


def test_tables_and_figures_are_written(folder, asked, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(words_of(folder, "--out", f"{out}")) == 0
    assert f"Written: {out / 'bias.md'} (13 files)" in capsys.readouterr().out
    assert {path.stem for path in (out / "tables").iterdir()} == FILES
    names = {path.name for path in (out / "figures").iterdir()}
    suffixes = ("svg", "pdf", "png")
    assert names == {f"{stem}_os.{s}" for stem in ("bias", "funnel") for s in suffixes}
    assert "For research use" in (out / "bias.md").read_text(encoding="utf-8")


def test_options_reach_the_analysis(folder, asked, capsys):
    more = ("--family", "weibull", "--reference-mix", "0.3", "--seed", "5", "--draws", "50")
    assert cli.main(words_of(folder, *more, "--no-cache")) == 0
    ((endpoint, mix, options),) = asked
    assert (endpoint, mix) == ("os", 0.3)
    assert (options["family_name"], options["seed"], options["draws"]) == ("weibull", 5, 50)
    assert options["cache"] is False
    assert "30 % mixed histology" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--endpoint", "response"), "'response' is not one of os, pfs"),
        (("--family", "gamma"), "'gamma' is not one of exponential"),
        (("--draws", "2"), "a whole number of 4 or more"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(folder, asked, capsys, words, told):
    assert cli.main(words_of(folder, *words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert asked == []


def test_nothing_to_pool_is_one_sentence(folder, capsys):
    """The real analysis: it stops before anything is sampled."""
    assert cli.main(words_of(folder, "--endpoint", "pfs")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "can be counted for pfs." in line
