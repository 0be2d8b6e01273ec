"""A report is made again, and its tables are held against those that it kept."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import report_fits

from priors import load_priors
from studies.documents import csv_of
from synthesis.cli import main
from synthesis.questions import reproduce
from synthesis.report import write_report
from synthesis.result import NotAnsweredError
from synthesis.staging import MANIFEST


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Folder of a report, its analysis and its registry."""
    base = tmp_path_factory.mktemp("kept")
    registry = report_fits.registry_of(base)
    analysis = report_fits.analysis_of(registry)
    write_report(analysis, base / "out")
    return base / "out", analysis, registry


def edited(folder, tmp_path, edit):
    """A copy of a manifest with an edit, in a folder of its own."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    edit(manifest)
    (tmp_path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return tmp_path


def test_a_report_says_how_it_was_made(kept):
    folder, analysis, registry = kept
    for path in (folder, folder / MANIFEST):
        report = reproduce.read_report(path)
        assert report.settings == analysis.settings
        reproduce.require_same_data(report, registry, load_priors())
    tables = {name: t for result in analysis.results for name, t in result.tables.items()}
    compared = reproduce.compare_tables(report, tables)
    assert (compared["verdict"] == reproduce.SAME).all()
    assert list(compared["table"]) == list(tables)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda m: m["settings"].update(delta="two"), "is not the manifest of a report"),
        (lambda m: m["settings"].update(colour="red"), "colour"),
        (lambda m: m.pop("settings"), "name the folder that `atc report --out` wrote"),
    ],
)
def test_another_manifest_is_refused(kept, tmp_path, edit, words):
    with pytest.raises(NotAnsweredError, match=words):
        reproduce.read_report(edited(kept[0], tmp_path, edit))


def test_no_manifest_is_refused(tmp_path):
    with pytest.raises(NotAnsweredError, match=r"cannot be read \(no such file or directory\)"):
        reproduce.read_report(tmp_path)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda m: m["registry"]["studies"].update(gone2020="0"), r"1 study \(gone2020\)"),
        (lambda m: m["registry"].update(vocabulary="0"), "the vocabulary differ"),
        (lambda m: m["priors"].update(fingerprint="0"), "the priors differ"),
    ],
)
def test_other_data_are_refused(kept, tmp_path, edit, words):
    report = reproduce.read_report(edited(kept[0], tmp_path, edit))
    with pytest.raises(NotAnsweredError, match=words):
        reproduce.require_same_data(report, kept[2], load_priors())


POSTERIOR = {"name": ["a", "b"], "n": [3, 4], "estimate": [2.0, 5.0]}
POSTERIOR |= {"lower": [1.0, -1.0], "upper": [4.0, 11.0]}
# posterior SDs: of the logarithm where all is positive
SD = np.array([np.log(4.0) / 3.92, 12.0 / 3.92])


def moved(column, by):
    """The table with one column moved by so many posterior SDs."""
    table = pd.DataFrame(POSTERIOR)
    values = table[column].to_numpy()
    table[column] = [values[0] * np.exp(by * SD[0]), values[1] + by * SD[1]]
    return table


@pytest.mark.parametrize("column", reproduce.MOST_MOVED)
def test_estimates_may_move_by_monte_carlo_error(kept, tmp_path, column):
    report = reproduce.read_report(edited(kept[0], tmp_path, lambda m: None))
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "one.csv").write_text(csv_of(pd.DataFrame(POSTERIOR)), encoding="utf-8")

    def judged(table):
        (row,) = reproduce.compare_tables(report, {"one": table}).itertuples()
        return row

    verdicts = {0.0: reproduce.SAME, 0.95: reproduce.WITHIN, 1.05: reproduce.OTHER}
    for factor, verdict in verdicts.items():
        row = judged(moved(column, factor * reproduce.MOST_MOVED[column]))
        assert row.verdict == verdict
        assert row.furthest == pytest.approx(factor, rel=1e-3)
    for change in ({"n": [3, 5]}, {"name": ["a", "c"]}, {"more": [1, 1]}):
        assert judged(pd.DataFrame(POSTERIOR | change)).verdict == reproduce.OTHER
    assert judged(pd.DataFrame(POSTERIOR).iloc[:1]).verdict == reproduce.OTHER
    assert judged(pd.DataFrame(POSTERIOR).iloc[::-1]).verdict == reproduce.WITHIN


def test_the_command_makes_a_report_again(kept, tmp_path, monkeypatch, capsys):
    folder, analysis, registry = kept
    monkeypatch.setattr("synthesis.run.analyse", lambda *_, **__: analysis)
    own = ["--registry", str(registry.folders[0]), "--only"]
    assert main(["reproduce", str(folder), *own]) == 0
    count = len({name for result in analysis.results for name in result.tables})
    assert f"{count} of {count} tables are the same in every digit." in capsys.readouterr().out
    assert main(["reproduce", str(folder)]) == 2
    assert "give the --registry, --only and --priors" in capsys.readouterr().err
    table = folder / "tables" / "pooled.csv"
    text = table.read_text(encoding="utf-8")
    try:
        table.write_text(text.replace("median_months", "mean_months"), encoding="utf-8")
        assert main(["reproduce", str(folder), *own]) == 1
        assert "1 differ by more than that" in capsys.readouterr().out
    finally:
        table.write_text(text, encoding="utf-8")
