"""What the pages tell a reader to run is run: every command and every snippet, in a new process.

What fits does so on a few of the shipped reports, with few draws.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "studies" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
#: Reports of the treatments that the pages name, and of what they are set against.
FEW = (
    "sparano2021 tahara2017 wirth2021 iyer2018dt iwasaki2020mco onoda2016 capdevila2012 "
    "pscct12_wang"
)
COMMAND = "from synthesis.cli import main; raise SystemExit(main())"
#: One attempt of few draws, whatever they are worth.
LESS_WORK = """\
import synthesis.fits
from synthesis.model.sampler import SamplerSettings
synthesis.fits._ATTEMPTS, SamplerSettings.tune = 1, 200
"""
QUICK = f"""{LESS_WORK}
import studies
read = studies.load_registry
studies.load_registry = lambda: read({{few!r}}, alone=True)
SamplerSettings.__init__.__defaults__ = (100, 200, *SamplerSettings.__init__.__defaults__[2:])
"""
# What else keeps a command short: refits and simulated studies take minutes.
LESS = {"sensitivity": "--choice family", "plan": "--simulations 10"}
ABOUT = """\
id = "{id}"
status = "verified"
design = "retrospective"
citation = {{ authors = ["Smith A"], year = {year}, title = "A series" }}
sources = [{{ kind = "abstract" }}]
"""
ARMS = """\
study,authors,year,status,arm,treatment,treatment_as_printed,n
brown2024,Brown A,2024,verified,len,lenvatinib,lenvatinib,19
"""
PATIENTS = """\
time,unit,status,treatment,histology
3.1,months,1,lenvatinib,pure
9.4,months,0,lenvatinib,mixed
"""
CURVE = """\
time,survival
0,1.0
1.5,0.8
3.2,0.5
8.0,0.2
"""
EFFECTS = """\
study,estimate,standard_error
Brown 2024,-0.4,0.2
Smith 2024,-0.1,0.3
"""


def blocks(*kinds: str) -> list[str]:
    """The fenced blocks of the pages, in order."""
    fence = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    texts = (page.read_text(encoding="utf-8") for page in PAGES)
    return [body for text in texts for kind, body in fence.findall(text) if kind in kinds]


def commands(program: str) -> list[str]:
    """The lines of the blocks that call a program, without prompt and remark."""
    lines = "".join(blocks("sh", "console")).splitlines()
    found = (shlex.join(shlex.split(line.removeprefix("$ "), comments=True)) for line in lines)
    return [line for line in dict.fromkeys(found) if line.startswith(f"{program} ")]


LIGHT = ("atc studies ", "atc pool ", "atc cache ")
# `test_synthesis_reproduce` runs the one that needs a report.
ALONE = [line for line in commands("atc") if not line.startswith("atc reproduce ")]
FITTING = [line for line in ALONE if not line.startswith(LIGHT)]
SNIPPETS = blocks("python")


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    for name in FEW.split():
        shutil.copy(ROOT / "studies" / "data" / f"{name}.toml", folder)
    return folder


@pytest.fixture
def run(tmp_path):
    """Run a program in a folder that holds the files which the pages write of."""
    (arm,) = (
        body for body in blocks("toml") if 'id = "lenvatinib"' in body and "[[cohorts]]" in body
    )
    for name in ("smith2024", "family2025"):
        about = ABOUT.format(id=name, year=name[-4:])
        (tmp_path / f"{name}.toml").write_text(about + arm, encoding="utf-8")
    tables = {"arms": ARMS, "review": ARMS, "our_hospital": PATIENTS, "curve": CURVE}
    for name, text in (tables | {"effects": EFFECTS}).items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")

    def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        path = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=tmp_path,
            env=path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        assert done.stdout + done.stderr
        return done

    return run


def test_the_pages_name_every_question():
    from synthesis.cli import COMMANDS

    named = {line.split()[1] for line in commands("atc")} - {"studies"}
    assert named == {command.__name__ for command in COMMANDS}
    assert len(SNIPPETS) >= 3


@pytest.mark.parametrize("line", [x for x in ALONE if x not in FITTING])
def test_a_command_of_the_pages_runs(line, run, tmp_path):
    words = shlex.split(line)[1:]
    if words[1] == "new" and not words[2].startswith("--"):
        (tmp_path / f"{words[2]}.toml").unlink()
    run(COMMAND, *words)


def test_what_is_made_is_known_to_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in commands("make"):
        assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE), line


@pytest.mark.slow
@pytest.mark.parametrize("line", FITTING)
def test_a_command_of_the_pages_that_fits_runs(line, run, few):
    words = shlex.split(line)[1:]
    quick = f"--registry {few} --only --draws 100 {LESS.get(words[0], '')}"
    assert (
        "For research use" in run(LESS_WORK + COMMAND, *words, *quick.split()).stdout
        or "forest" in words
    )


@pytest.mark.slow
def test_the_snippets_of_the_pages_run(run, few):
    """One behind the other: they use the names of those before."""
    run(QUICK.format(few=str(few)) + "\n".join(SNIPPETS))


@pytest.mark.slow
def test_the_notebook_runs(run, few, tmp_path):
    cells = json.loads((ROOT / "docs" / "example.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    run(QUICK.format(few=str(few)) + "\n".join(code))
    assert (tmp_path / "estimates.csv").read_text(encoding="utf-8").count("log_median") > 5
