"""`atc control`: what it shows, writes and refuses; the fits have draws set by hand."""

from __future__ import annotations

import golden
import numpy as np
import pandas as pd
import pytest
from control_fits import HALF, registry_folder, response_fit, survival_fit

import synthesis.run
from studies import load_registry
from synthesis import cli
from synthesis.questions.control import control, tables


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


def test_the_madeis_the_page_that_was_read(folder, capsys, asked, tmp_path):
    out = answer(capsys, folder, "--mixed", "0.5", "--out", f"{tmp_path}")
    # no cohort reports progression: it is passed over, not failed upon
    assert asked["settings"].endpoints == ("os", "response")
    golden.check("atc_control", "\n".join(x for x in out.splitlines() if "Written" not in x) + "\n")
    table = pd.read_csv(tmp_path / "tables" / "historical_control.csv")
    registry = load_registry(folder, alone=True)
    made = control({"os": survival_fit(registry)}, registry.vocabulary, HALF)
    expected = tables(made)["historical_control"]
    np.testing.assert_array_equal(table["value_1"][: len(expected)], expected["value_1"])
    names = {path.name for path in tmp_path.rglob("historical_control*")}
    files = {f"historical_control{end}.csv" for end in ("", "_summary", "_check", "_draws")}
    assert names == files | {"historical_control.R", "historical_control.json"}


def test_an_endpoint_that_is_not_asked_for_or_not_pooled_is_left_out(folder, capsys, asked):
    out = answer(capsys, folder, "--endpoint", "response", "--robust", "0")
    assert asked["settings"].endpoints == ("response",)
    assert "No vague component is added" in out
    out = answer(capsys, folder, "--treatment", "sorafenib")
    assert asked["settings"].endpoints == ("os",)
    assert "No cohort of sorafenib is pooled for response" in " ".join(out.split())


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
