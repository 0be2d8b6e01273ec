"""`atc benefit` and `atc mix`: what they show, write and refuse; fits have draws set by hand."""

from __future__ import annotations

import golden
import pandas as pd
import pytest
from benefit_fits import reports, spread, told_fit, whole
from fits import fit_of
from small_registry import write_registry

import synthesis.run
from studies import load_registry
from synthesis import cli
from synthesis.questions.histology import SAYS_NOTHING, benefit_by_histology
from synthesis.questions.histology_effects import BENEFIT_COLUMNS
from synthesis.questions.mix import MIX_COLUMNS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_registry(tmp_path_factory.mktemp("cli") / "registry", *reports())


def fit(registry):
    """As `told_fit`, with few enough draws that leaving cohorts out is quick."""
    return told_fit(
        registry,
        study_sd=0.3,
        treatment_sd=0.3,
        class_sd=0.3,
        shape_sd=0.1,
        shape_treatment_sd=0.1,
        log_median=spread(1.2, 0.1, 7, 6),
    )


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """What the fits were asked for; they come from draws that are set by hand."""
    reached = {}

    def fit_endpoints(registry, settings, *, priors, progress, cache):
        reached.update(settings=settings, cache=cache)
        return {name: fit(registry) for name in settings.endpoints}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    return reached


def words_of(folder, command, *more):
    return [command, "--registry", f"{folder}", "--only", *more]


def answer(capsys, *words):
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    return out


def refused(capsys, *words):
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_benefit_is_the_page_that_was_read(folder, capsys, asked):
    out = answer(capsys, *words_of(folder, "benefit", "--by", "histology", "--delta", "2"))
    golden.check("atc_benefit", out)
    # no cohort prints progression: it is passed over, not failed upon
    assert asked["settings"].endpoints == ("os",)


def test_benefit_of_one_treatment_leaves_the_others_out(folder, capsys):
    out = answer(capsys, *words_of(folder, "benefit", "--treatment", "Lenvima"))
    golden.check("atc_benefit_of_one_treatment", out)
    assert "Sorafenib" not in out
    assert "Best supportive care" in out  # what its gain is over


def test_a_population_is_the_page_that_was_read(folder, capsys):
    words = ("--treatment", "lenvatinib", "--reference", "best_care", "--mixed", "0.3")
    more = ("--braf", "0.2", "--line", "first-line")
    golden.check("atc_mix", answer(capsys, *words_of(folder, "mix", *words, *more)))


def test_the_reference_mix_stands_for_a_share_that_is_not_stated(folder, capsys):
    out = answer(capsys, *words_of(folder, "mix", "--treatment", "lenvatinib"))
    assert "40 % mixed histology" in out


@pytest.mark.slow
def test_tables_and_figures_are_written_and_what_else_is_there_stays(folder, capsys, tmp_path):
    out = tmp_path / "found"
    (out / "tables").mkdir(parents=True)
    (out / "tables" / "compare.csv").write_text("kept\n")
    answer(capsys, *words_of(folder, "benefit", "--out", f"{out}"))
    table = pd.read_csv(out / "tables" / "benefit.csv")
    assert tuple(table.columns) == BENEFIT_COLUMNS
    registry = load_registry(folder, alone=True)
    benefit = benefit_by_histology({"os": fit(registry)}, registry.vocabulary)
    assert len(table) == len(benefit.table)
    assert table["estimate"].to_numpy() == pytest.approx(benefit.table["estimate"].to_numpy())
    assert (out / "tables" / "compare.csv").read_text() == "kept\n"
    stems = {path.stem for path in (out / "figures").iterdir()}
    assert stems == {"benefit", "benefit_effects", "single_results"}
    text = (out / "benefit.md").read_text()
    for stem in stems:
        assert f"(figures/{stem}.png)" in text
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_population_is_written(folder, capsys, tmp_path):
    assert cli.main(words_of(folder, "mix", "--mixed", "0.3", "--out", f"{tmp_path / 'out'}")) == 0
    table = pd.read_csv(tmp_path / "out" / "tables" / "mix.csv")
    assert tuple(table.columns) == MIX_COLUMNS


def test_where_no_report_tells_histology_the_terminal_says_so(tmp_path, capsys, monkeypatch):
    untold = write_registry(
        tmp_path / "registry", whole("one", "lenvatinib"), whole("two", "best_care")
    )

    def fit_endpoints(registry, settings, **more):
        drawn = {"prognostic": spread(0.0, 0.7, 1), "predictive": spread(0.0, 0.2, 2, 2)}
        return {"os": fit_of(registry, study_sd=0.3, shape_sd=0.1, **drawn)}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    out = answer(capsys, *words_of(untold, "benefit"))
    assert SAYS_NOTHING in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("benefit", "--by", "age"), "'age' is not one of histology"),
        (("benefit", "--delta", "900"), "900.0 is not a number of months"),
        (("benefit", "--reference", "aspirin"), "aspirin"),
        (("benefit", "--reference", "radiotherapy"), "no cohort of radiotherapy is pooled"),
        (("benefit", "--treatment", "radiotherapy"), "no cohort of radiotherapy is pooled"),
        (("benefit", "--endpoint", "response"), "'response' is not one of os, pfs"),
        (("mix", "--mixed", "30"), "30.0 is not a fraction from 0 to 1 (0.3, not 30"),
        (("mix", "--braf", "-1"), "-1.0 is not a fraction from 0 to 1"),
        (("mix", "--line", "third"), "'third' is not one of pretreated, first-line"),
        (("mix", "--treatment", "radiotherapy"), "no cohort of radiotherapy is pooled"),
    ],
)
def test_bad_input_is_one_sentence(folder, capsys, words, said):
    command, *more = words
    assert said in refused(capsys, *words_of(folder, command, *more))


def test_the_possible_treatments_are_named(folder, capsys):
    message = refused(capsys, *words_of(folder, "benefit", "--reference", "lenvatinb"))
    assert "lenvatinib" in message
    assert "best_care" in message
