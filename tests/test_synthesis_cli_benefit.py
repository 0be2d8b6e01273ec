"""`atc benefit` and `atc mix`: what they print, write and refuse; fits have draws set by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from benefit_fits import reports, spread, told_fit, whole
from fits import fit_of
from small_registry import write_registry

import synthesis.run
from studies import load_registry
from synthesis import cli
from synthesis.cli import options
from synthesis.cli.terminal import RESEARCH_USE
from synthesis.fits import SURVIVAL_ENDPOINTS
from synthesis.model import covariates
from synthesis.plots.inputs import signs
from synthesis.questions.histology import (
    BENEFIT_COLUMNS,
    SAYS_NOTHING,
    benefit_blocks,
    benefit_by_histology,
    benefit_rows,
    captions,
    draw_benefit,
    find_benefit,
    single_blocks,
)
from synthesis.questions.mix import (
    MIX_COLUMNS,
    Population,
    mix_rows,
    patient_mix,
    population_tables,
)

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"arviz", "jinja2", "matplotlib", "numba", "nutpie", "pandas", "pymc", "pytensor", "scipy"}


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
    found = {}

    def fit_endpoints(registry, settings, *, priors, progress, cache):
        found.update(settings=settings, cache=cache)
        return {name: fit(registry) for name in settings.endpoints}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    return found


def words_of(folder, command, *more):
    return [command, "--registry", f"{folder}", "--only", *more]


def answer(capsys, *words):
    assert cli.main(words) == 0
    return capsys.readouterr().out


def refused(capsys, *words):
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


# --- What is printed -----------------------------------------------------------------------------


def test_the_terminal_python_and_report_say_the_same_numbers(folder, capsys, asked):
    out = answer(capsys, *words_of(folder, "benefit", "--by", "histology", "--delta", "2"))
    registry = load_registry(folder, alone=True)
    found = find_benefit({"os": fit(registry)}, registry.vocabulary, delta=2.0)
    page = benefit_blocks(found, registry.vocabulary)[0]
    rows = [row for table in page.numbers for group in table.groups for row in group.rows]
    cells = {cell.text for row in rows for cell in row}
    for row in benefit_rows(found.benefit, "os").to_dict("records"):
        for name in ("median_text", "gain_text", "rmst_24m_text", "ratio_text"):
            assert row[name] in out
            assert row[name] == "" or signs(row[name]) in cells
    assert max(map(len, out.splitlines())) <= 100
    assert "P(gain >2)" in out
    assert RESEARCH_USE in out
    assert "What does the result of Split 2021 on overall survival mean once pooled?" in out
    # no cohort prints progression: it is passed over, not failed upon
    assert asked["settings"].endpoints == ("os",)


def test_a_population_is_answered_for(folder, capsys):
    words = ("--treatment", "lenvatinib", "--mixed", "0.3", "--braf", "0.2", "--line", "first-line")
    out = answer(capsys, *words_of(folder, "mix", *words))
    registry = load_registry(folder, alone=True)
    population = Population(0.3, braf=0.2, line="first-line")
    found = patient_mix(
        {"os": fit(registry)}, registry.vocabulary, population, treatment="lenvatinib"
    )
    rows = mix_rows(found, "os")
    assert [row["target"] for row in rows] == ["average", "new"]
    for row in rows:
        assert row["median_months"] in out
        assert row["rmst_24m"] in out
    assert population.words in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 100
    _, ((label, table),) = population_tables((found,), registry.vocabulary, {"os": {"Lenvatinib"}})
    assert label == "Overall survival"
    cells = [cell.text for group in table.groups for row in group.rows for cell in row]
    assert signs(rows[0]["median_months"]) in cells


def test_the_reference_mix_stands_for_a_share_that_is_not_stated(folder, capsys):
    out = answer(capsys, *words_of(folder, "mix", "--treatment", "lenvatinib"))
    assert "40 % with mixed histology" in out


def test_gains_in_a_population(folder, capsys):
    words = ("--treatment", "lenvatinib", "--reference", "best_care", "--mixed", "0.5")
    out = " ".join(answer(capsys, *words_of(folder, "mix", *words)).split())
    assert "Lenvatinib over Best supportive care: " in out
    assert "No report gave both" in out


# --- What is written -----------------------------------------------------------------------------


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
    expected = {"benefit_os", "benefit_effects_os", "benefit_influence_os", "influence_medians_os"}
    assert stems == expected | {"single_result_1_os"}
    text = (out / "benefit.md").read_text()
    assert "Prognostic effect" in text
    for stem in stems:
        assert f"(figures/{stem}.png)" in text
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_population_is_written(folder, capsys, tmp_path):
    answer(capsys, *words_of(folder, "mix", "--mixed", "0.3", "--out", f"{tmp_path / 'out'}"))
    table = pd.read_csv(tmp_path / "out" / "tables" / "mix.csv")
    assert tuple(table.columns) == MIX_COLUMNS


def test_every_figure_has_a_caption_and_every_caption_a_figure(folder):
    registry = load_registry(folder, alone=True)
    found = find_benefit({"os": fit(registry)}, registry.vocabulary)
    figures = draw_benefit(found, registry.vocabulary)
    named = captions(found, registry.vocabulary)
    assert list(figures) == list(named)
    (block,) = benefit_blocks(found, registry.vocabulary)
    (single,) = single_blocks(found, registry.vocabulary)
    assert {*block.figures, single.figure} == set(named)


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


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("benefit", "--by", "age"), "'age' is not one of histology"),
        (("benefit", "--delta", "900"), "900.0 is not a number of months"),
        (("benefit", "--reference", "aspirin"), "aspirin"),
        (("benefit", "--reference", "radiotherapy"), "no cohort of radiotherapy is pooled"),
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


def test_words_that_stand_a_second_time_are_those_of_their_owners():
    assert set(options.LINES) == set(covariates.LINES)
    assert set(options.DESIGNS) == set(covariates.DESIGNS)
    assert set(options.TIME_ORIGINS) == set(covariates.TIME_ORIGINS)
    assert options.SURVIVAL_ENDPOINTS == SURVIVAL_ENDPOINTS


@pytest.mark.parametrize("command", ["benefit", "mix"])
def test_help_is_light(command):
    program = (
        "import json, sys\n"
        "from synthesis.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "print('\\n' + json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *said, modules = done.stdout.strip().splitlines()
    assert f"atc {command} " in "\n".join(said)
    assert HEAVY & set(json.loads(modules)) == set()
