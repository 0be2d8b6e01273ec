"""`atc plan`: what it shows, writes and refuses; the fit has draws set by hand."""

from __future__ import annotations

import golden
import pandas as pd
import pytest
from benefit_fits import reports
from planning_fits import planned_fit
from small_registry import write_registry

import synthesis.run
from studies import load_registry
from synthesis import cli
from synthesis.questions.plan import Design, plan


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return planned_fit(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_registry(tmp_path_factory.mktemp("cli") / "registry", *reports())


@pytest.fixture(autouse=True)
def asked(monkeypatch, usual):
    """What the fit was asked for; its draws are set by hand."""
    reached = {}

    def fit_endpoints(registry, settings, *, priors, progress, cache):
        reached.update(settings=settings, cache=cache)
        return {name: usual[0] for name in settings.endpoints}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    return reached


def run(capsys, folder, *more):
    code = cli.main(["plan", "--registry", f"{folder}", "--only", *more])
    return code, capsys.readouterr()


QUICK = ("--treatment", "lenvatinib", "--simulations", "10", "--n", "20", "--delta", "1.5")


def test_the_answer_is_the_page_that_was_read(capsys, folder, asked):
    code, said = run(capsys, folder, *QUICK)
    assert code == 0
    golden.check("atc_plan", said.out)
    assert max(map(len, said.out.splitlines())) <= 100
    assert asked["settings"].family == "log-logistic"


def test_the_file_and_python_say_the_same(capsys, folder, usual, tmp_path):
    out = tmp_path / "out"
    code, said = run(capsys, folder, *QUICK, "--population", "mixed", "--out", f"{out}")
    assert code == 0
    table = pd.read_csv(out / "tables" / "plan.csv")
    vocabulary = load_registry(folder, alone=True).vocabulary
    design = Design("lenvatinib", sizes=(20,), populations=("mixed",))
    theirs = plan(usual[0], vocabulary, design, delta=1.5, simulations=10)
    pd.testing.assert_frame_equal(table, theirs.table, rtol=1e-12)
    assert f"Written: {out / 'tables' / 'plan.csv'} (7 files)" in said.out
    names = {path.name for path in (out / "figures").iterdir()}
    suffixes = ("svg", "pdf", "png")
    assert names == {f"plan_{kind}_os.{s}" for kind in ("assurance", "widths") for s in suffixes}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--treatment", "lenvatinab"), "did you mean"),
        (("--treatment", "best_care"), "Best supportive care is the reference itself"),
        ((*QUICK, "--n", "21", "--design", "randomised"), "n: found 21, expected an even number"),
        ((*QUICK, "--design", "crossover"), "'crossover' is not one of single-arm, randomised"),
        ((*QUICK, "--family", "long-tail"), "family: found 'long-tail', expected one without a"),
        ((), "Missing option '--treatment'"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(capsys, folder, more, said):
    code, captured = run(capsys, folder, *more)
    assert code == 2
    assert captured.out == ""
    assert said in captured.err
    assert "Traceback" not in captured.err
