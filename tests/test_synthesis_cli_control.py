"""`atc control`: what it shows, writes and refuses; the fits have draws set by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from control_fits import HALF, registry_folder, response_fit, survival_fit

import synthesis.run
from studies import load_registry
from synthesis import cli
from synthesis.questions.control import control
from synthesis.result import RESEARCH_USE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return registry_folder(tmp_path_factory.mktemp("control"))


@pytest.fixture
def asked(monkeypatch):
    """What the fits were asked for; they come from draws that are set by hand."""
    known = {}

    def fit_endpoints(registry, settings, *, priors, progress, cache):
        known.update(settings=settings, cache=cache)
        made = {"os": survival_fit, "response": response_fit}
        return {name: made[name](registry) for name in settings.endpoints}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    return known


def answer(capsys, folder, *more):
    assert cli.main(["control", "--registry", f"{folder}", "--only", *more]) == 0
    return capsys.readouterr().out


def refused(capsys, folder, *more):
    assert cli.main(["control", "--registry", f"{folder}", "--only", *more]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


def test_the_terminal_says_what_python_and_the_files_say(folder, capsys, asked, tmp_path):
    out = answer(capsys, folder, "--mixed", "0.5", "--out", f"{tmp_path / 'found'}")
    # no cohort reports progression: it is passed over, not failed upon
    assert asked["settings"].endpoints == ("os", "response")
    registry = load_registry(folder, alone=True)
    fits = {"os": survival_fit(registry), "response": response_fit(registry)}
    expected = control(fits, registry.vocabulary, HALF)
    for row in expected.summary.itertuples():
        assert f"{row.mean:.3f}" in out
        assert f"{row.ess_moment:.1f} {row.ess_unit}" in out
    assert max(len(line) for line in out.splitlines() if not line.startswith("Written")) <= 100
    assert "PASS    os" in out
    assert out.rstrip().endswith(RESEARCH_USE)
    table = pd.read_csv(tmp_path / "found" / "tables" / "historical_control.csv")
    np.testing.assert_array_equal(table["value_1"], expected.table["value_1"])
    names = {path.name for path in (tmp_path / "found").rglob("*") if path.is_file()}
    tables = {f"historical_control{end}.csv" for end in ("", "_summary", "_check", "_draws")}
    assert names == tables | {"historical_control.R", "historical_control.json"}


def test_response_alone_without_a_vague_component(folder, capsys, asked):
    out = answer(capsys, folder, "--endpoint", "response", "--robust", "0")
    assert asked["settings"].endpoints == ("response",)
    assert "Response rate" in out
    assert "No vague component is added" in out


def test_a_treatment_that_an_endpoint_does_not_pool_is_told(folder, capsys, asked):
    out = answer(capsys, folder, "--treatment", "sorafenib")
    assert asked["settings"].endpoints == ("os",)
    flat = " ".join(out.split())
    assert "No cohort of sorafenib is pooled for response, which is left out." in flat


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--treatment", "radiotherapy"), "no cohort of radiotherapy is pooled; possible for os"),
        (("--treatment", "lenvatinip"), 'did you mean "lenvatinib"?'),
        (("--robust", "1"), "1.0 is not a weight from 0 (none) to 0.99"),
        (("--components", "3"), "automixfit"),
        (("--mixed", "40"), "40.0 is not a fraction from 0 to 1"),
        (("--endpoint", "survival"), "'survival' is not one of os, pfs, response"),
        (("--design", "trial"), "'trial' is not one of retrospective"),
    ],
)
def test_bad_input_is_one_sentence(folder, capsys, asked, words, expected):
    told = refused(capsys, folder, *words)
    assert expected in told
    assert len(told.strip().splitlines()) == 1
    assert asked == {}  # before anything is sampled


def test_a_place_that_cannot_be_written_is_told_first(folder, capsys, asked, tmp_path):
    (tmp_path / "taken").write_text("a file\n")
    assert "is a file" in refused(capsys, folder, "--out", f"{tmp_path / 'taken'}")
    assert asked == {}
