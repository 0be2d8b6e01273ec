"""`atc bias`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import pandas as pd
import pytest
from bias_fits import WORDS, biased_fit, read, reports, spread, usual_fit
from small_registry import cohort, landmark, study, write_registry
from synthesis.report.bias import draw_bias

from studies import load_registry
from synthesis import cli
from synthesis.cli import bias as command
from synthesis.questions.bias import of_fits
from synthesis.questions.bias.effects import EFFECT_COLUMNS, REPORT_COLUMNS
from synthesis.questions.bias.funnel import FUNNEL_COLUMNS

FILES = {"bias", "bias_kinds", "bias_reports", "bias_medians", "funnel", "funnel_slope"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("cli") / "registry"
    return write_registry(made, *reports(), vocabulary=WORDS)


@pytest.fixture
def asked(monkeypatch):
    """Fits are made up, so that no sampler is needed; returns what was asked for."""
    found = []

    def made_up(registry, endpoint, *, reference_mix=0.4, **options):
        found.append((endpoint, reference_mix, options))
        spreads = abs(spread(0.0, 0.2, 9))
        return of_fits(registry, usual_fit(registry), biased_fit(registry, spreads), reference_mix)

    monkeypatch.setattr("synthesis.questions.bias.bias", made_up)
    return found


def words_of(folder, *more):
    return ("bias", "--registry", f"{folder}", "--only", *more)


def test_it_says_first_that_it_is_optional_and_writes_tables_and_figures(
    folder, asked, tmp_path, capsys
):
    out = tmp_path / "out"
    assert cli.main(words_of(folder, "--out", f"{out}")) == 0
    text = capsys.readouterr().out
    assert text.startswith("Optional analysis of biases and small studies.")
    assert "no part of the pooled answers" in " ".join(text.split())
    for question in ("optimistic or pessimistic?", "longer medians?", "outside of the funnel?"):
        assert question in text
    assert "P(optimistic)" in text
    assert "As prospective" in text
    assert "For research use" in text
    lines = [line for line in text.splitlines() if not line.startswith("Written: ")]
    assert max(map(len, lines)) <= 110
    assert {p.stem for p in (out / "tables").iterdir()} == FILES
    for name, columns in (
        ("bias", EFFECT_COLUMNS),
        ("bias_reports", REPORT_COLUMNS),
        ("funnel", FUNNEL_COLUMNS),
    ):
        assert tuple(pd.read_csv(out / "tables" / f"{name}.csv").columns) == columns
    names = {p.name for p in (out / "figures").iterdir()}
    suffixes = ("svg", "pdf", "png")
    assert names == {f"{stem}_os.{s}" for stem in ("bias", "funnel") for s in suffixes}
    said = (out / "bias.md").read_text(encoding="utf-8")
    assert said.splitlines()[2].startswith("Optional analysis")
    assert "For research use" in said


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


def test_a_file_in_place_of_the_folder_is_refused_before_anything_is_fitted(
    folder, asked, tmp_path, capsys
):
    (tmp_path / "out").write_text("", encoding="utf-8")
    assert cli.main(words_of(folder, "--out", f"{tmp_path / 'out'}")) == 2
    assert "is a file" in capsys.readouterr().err
    assert asked == []


def test_help_says_that_it_is_optional(capsys):
    assert cli.main(("bias", "--help")) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "optional" in text
    assert "No pooled answer of a report comes from it." in text
    assert command.EXAMPLES.splitlines()[-1].strip() in text


def test_without_a_median_there_is_no_funnel(tmp_path):
    marks = [landmark(12, 0.2)]
    tables = [
        study(name, cohort("arm", "lenvatinib", 22, landmarks=marks)) for name in ("one", "two")
    ]
    registry = read(tmp_path, *tables)
    found = of_fits(registry, usual_fit(registry), biased_fit(registry), 0.4)
    assert set(draw_bias(found)) == set(found.captions) == {"bias_os"}
    (slope,) = [f for f in found.findings if "Do small cohorts" in f.question]
    assert "too few printed medians" in slope.sentences[0]


def test_an_unreached_median_is_listed_and_not_dropped(folder):
    registry = load_registry(folder, alone=True)
    found = of_fits(registry, usual_fit(registry), biased_fit(registry), 0.4)
    (funnel,) = [f for f in found.findings if "outside of the funnel" in f.question]
    assert "median not reached (1 arm)" in funnel.sentences[-1]
