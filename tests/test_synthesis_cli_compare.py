"""`atc compare`: what it prints, writes and refuses; fits have draws that are set by hand."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from compare_fits import REPORTS, registry_of, response_fit, survival_fit

import synthesis.run
from synthesis import cli
from synthesis.cli.terminal import RESEARCH_USE
from synthesis.plots.inputs import signs
from synthesis.questions.compare import (
    COMPARE_COLUMNS,
    TABLES,
    compare,
    compare_blocks,
    contrast_rows,
    write_comparison,
)

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"arviz", "jinja2", "matplotlib", "numba", "nutpie", "pandas", "pymc", "pytensor", "scipy"}
ENDPOINTS = ("os", "response")


@pytest.fixture
def folder(tmp_path):
    registry_of(tmp_path / "registry")
    return tmp_path / "registry"


@pytest.fixture
def asked(monkeypatch):
    """What the fits were asked for; they come from draws that are set by hand."""
    found = {}

    def fit_endpoints(registry, settings, *, priors, progress, cache):
        found.update(settings=settings, studies=set(registry.studies), cache=cache)
        makers = {"os": survival_fit, "pfs": survival_fit, "response": response_fit}
        return {name: makers[name](registry) for name in settings.endpoints}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    return found


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


# --- What is printed -----------------------------------------------------------------------------


def test_the_tables_fit_a_terminal_and_end_with_research_use(folder, asked, capsys):
    assert cli.main(both(folder, "--all")) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[-1] == RESEARCH_USE
    assert captured.err == ""
    assert "every treatment against best supportive care" in " ".join(captured.out.split())
    assert "PASS    os" in lines
    for treatment in ("Lenvatinib", "Sorafenib", "Paclitaxel"):
        # in two tables of survival and in one of response
        assert sum(line.startswith(f"{treatment}  ") for line in lines) == 3
    assert "No report gave both" not in captured.out
    assert "Where no report gave both treatments" in captured.out


def test_terminal_report_and_python_agree_to_the_printed_digit(folder, asked, capsys):
    assert cli.main(both(folder, "--all", "--delta", "2")) == 0
    printed = capsys.readouterr().out
    registry = registry_of(folder)
    fits = {"os": survival_fit(registry), "response": response_fit(registry)}
    found = compare(fits, registry.vocabulary, delta=2.0, show_all=True)
    blocks = {block.endpoint: block for block in compare_blocks(found, registry.vocabulary)}
    assert tuple(blocks) == ENDPOINTS
    for endpoint in ENDPOINTS:
        rows = {row["treatment"]: row for row in contrast_rows(found, endpoint)}
        table = blocks[endpoint].tables[0]
        cells = {row[0].text: [cell.text for cell in row] for g in table.groups for row in g.rows}
        assert set(cells) == set(rows)
        for treatment, row in rows.items():
            texts = {v for k, v in row.items() if "_" in k and k != "carried_by"}
            assert len(texts) >= (1 if endpoint == "response" else 5)
            for text in texts:
                assert text in printed
                assert signs(text) in cells[treatment]
    assert "P(gain" in printed
    assert ">2)" in printed


def test_small_treatments_are_named_but_not_listed(folder, asked, capsys):
    assert cli.main(words_of(folder, "--endpoint", "os")) == 0
    out = capsys.readouterr().out
    assert not any(line.startswith("Sorafenib") for line in out.splitlines())
    assert "fewer than 20 patients each: sorafenib" in " ".join(out.split())


def test_options_reach_the_fits_and_the_comparison(folder, asked, capsys):
    more = ["--seed", "7", "--draws", "50", "--reference-mix", "0.25", "--no-cache"]
    more += ["--family", "weibull", "--verified-only", "--reference", "Lenvima"]
    assert cli.main(both(folder, *more)) == 0
    settings = asked["settings"]
    assert (settings.seed, settings.draws, settings.reference_mix) == (7, 50, 0.25)
    assert (settings.family, settings.verified_only) == ("weibull", True)
    assert settings.endpoints == ENDPOINTS
    assert asked["cache"] is False
    out = " ".join(capsys.readouterr().out.split())
    assert "against lenvatinib (3 cohorts, 82 patients): as asked for" in out


def test_an_endpoint_without_the_reference_is_not_fitted(tmp_path, asked, capsys):
    silent = json.loads(json.dumps(REPORTS[4], default=str))
    silent["cohorts"][0].pop("response")
    silent["cohorts"][0]["survival"][0]["median"] = 4
    registry_of(tmp_path / "registry", (*REPORTS[:4], silent))
    assert cli.main(both(tmp_path / "registry", "--reference", "sorafenib")) == 0
    assert asked["settings"].endpoints == ("os",)
    out = " ".join(capsys.readouterr().out.split())
    assert "No cohort of sorafenib is pooled for response, which is left out." in out


# --- What is written -----------------------------------------------------------------------------


def test_tables_and_figures_are_written(folder, asked, tmp_path, capsys):
    out = tmp_path / "a" / "out"
    assert cli.main(both(folder, "--out", f"{out}")) == 0
    written = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    stems = [f"compare_{k}_os" for k in ("forest", "gains", "ranks", "league", "network")]
    stems += [f"compare_{k}_response" for k in ("forest", "ranks", "league", "network")]
    figures = [f"figures/{stem}.{suffix}" for stem in stems for suffix in ("pdf", "png", "svg")]
    assert written == sorted([*figures, *(f"tables/{name}.csv" for name in TABLES)])
    assert f"({len(written)} files)" in capsys.readouterr().out
    table = pd.read_csv(out / "tables" / "compare.csv")
    assert tuple(table.columns) == COMPARE_COLUMNS
    keys = ["endpoint", "treatment", "reference", "histology", "estimand"]
    assert not table.duplicated(keys).any()
    assert table["carried_by"].notna().all()
    assert table["delta"].notna().sum() == table["treatment"][table["endpoint"] == "os"].nunique()
    text = (out / "tables" / "compare.csv").read_text(encoding="utf-8")
    assert len(list(csv.reader(io.StringIO(text)))) == len(table) + 1
    svg = (out / "figures" / "compare_network_os.svg").read_text(encoding="utf-8")
    assert "which reports gave two of the treatments" in svg
    # the reports that it rests on are named in the file
    assert "Lot 2021" in svg
    assert "Care 2021" in svg


def test_files_of_others_stay(folder, asked, tmp_path):
    out = tmp_path / "out"
    (out / "tables").mkdir(parents=True)
    (out / "tables" / "mine.csv").write_text("mine")
    registry = registry_of(folder)
    found = compare({"os": survival_fit(registry)}, registry.vocabulary)
    written = write_comparison(found, registry, out)
    assert all(path.is_file() for path in written)
    assert (out / "tables" / "mine.csv").read_text() == "mine"
    assert [p.name for p in out.iterdir() if p.name.startswith(".")] == []


# --- What is refused -----------------------------------------------------------------------------


def test_a_reference_is_checked_before_anything_is_fitted(folder, monkeypatch, capsys):
    monkeypatch.setattr(synthesis.run, "fit_endpoints", never)
    line = refused(capsys, *both(folder, "--reference", "lenvatinb"))
    assert 'unknown treatment "lenvatinb"; did you mean "lenvatinib"?' in line
    assert "Possible for os, response: best_care, lenvatinib, paclitaxel, sorafenib." in line
    line = refused(capsys, *both(folder, "--reference", "radiotherapy"))
    assert line.startswith("no cohort of radiotherapy is pooled; possible for os, response: best_")


def test_unwritable_output_is_refused_before_anything_else(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(synthesis.cli.compare, "read_registry", never)
    file = tmp_path / "file"
    file.write_text("mine")
    assert str(file) in refused(capsys, "compare", "--out", f"{file}")


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


def test_help_imports_nothing_heavy():
    program = (
        "import json, sys\n"
        "from synthesis.cli import main\n"
        "code = main(['compare', '--help'])\n"
        "print('\\n' + json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))\n"
        "sys.exit(code)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--reference" in done.stdout
    assert not set(json.loads(done.stdout.splitlines()[-1])) & HEAVY
