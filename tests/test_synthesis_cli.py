"""The command line: what it refuses, in which words, and how lightly it starts."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from synthesis import cli, cli_options

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"arviz", "jinja2", "matplotlib", "numba", "nutpie", "pandas", "pymc", "pytensor", "scipy"}

STUDY = """\
id = "{id}"
status = "verified"
design = "retrospective"

[citation]
authors = ["Example A", "Other B"]
year = 2020
title = "A series"

[[cohorts]]
id = "all"
treatment = "lenvatinib"
treatment_as_printed = "lenvatinib"
n = 23

[[cohorts.survival]]
endpoint = "os"
median = 3.1
ci = [0.6, 5.5]
unit = "months"

[[cohorts.landmarks]]
endpoint = "os"
time = 12
unit = "months"
survival = 0.1

[cohorts.response]
cr = 0
pr = 2
evaluable = 23

[[sources]]
kind = "abstract"
"""


@pytest.fixture
def registry(tmp_path):
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "example2020.toml").write_text(STUDY.format(id="example2020"))
    return folder


def run_alone(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, which tells what it imported."""
    program = (
        "import json, sys\n"
        "from synthesis.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "names = sorted({name.partition('.')[0] for name in sys.modules})\n"
        "print('\\n' + json.dumps(names))\n"
        "sys.exit(code)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("report", "--help"),
        ("forest", "--help"),
        ("studies", "list"),
        ("studies", "check"),
        ("--version",),
    ],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(words):
    done = run_alone(*words)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_help_answers_within_a_second():
    command = [sys.executable, "-c", "from synthesis.cli import main; main(['report', '--help'])"]
    spent = []
    for _ in range(3):  # the best of three: the first may read modules from a cold disk
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Time of the processor, not of the clock: other tests may run beside this one.
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert "--reference-mix" in done.stdout
    assert min(spent) < 1.0


def refused(capsys, *words: str) -> list[str]:
    """Run words that must be refused; return the lines that say why."""
    code = cli.main(words)
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    return captured.err.splitlines()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "--endpoint", "foo"), "'foo' is not one of os, pfs, response"),
        (("report", "--family", "gamma"), "'gamma' is not one of weibull, log-logistic"),
        (("report", "--draws", "0"), "0 is not a whole number of"),
        (("report", "--draws", "many"), "--draws"),
        (("report", "--seed", "-1"), "-1 is not a whole number from 0"),
        (("report", "--reference-mix", "40"), "0.4, not 40, for 40 percent"),
        (("report", "--reference-mix", "nan"), "nan is not a fraction"),
        (("report", "--colour"), "--colour"),
        (("forest", "foo", "-o", "x.svg"), "'foo' is not one of os, pfs, response"),
        (("forest", "os"), "--output"),
        (("forest", "os", "-o", "x.jpg"), "'.jpg'; name the picture *.svg, *.pdf, *.png"),
        (("forest", "os", "-o", "x"), "no suffix; name the picture *.svg, *.pdf, *.png"),
        (("forest", "os", "-o", "x.svg", "--width", "wide"), "one-column, two-column, slide"),
        (("fores",), "Did you mean 'forest'?"),
        (("studies", "list", "--endpoint", "foo"), "unknown endpoint 'foo'; possible: os, pfs"),
        (("studies", "list", "--treatment", "lenvatinb"), 'did you mean "lenvatinib"?'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_words_are_refused_in_one_sentence(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (line,) = refused(capsys, *words)
    assert said in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("median = 3.1", "median = ", "example2020.toml"),
        ('"lenvatinib"', '"lenvatinb"', "lenvatinib"),
        ("median = 3.1", "median = 7.1", "7.1"),
        ("n = 23", "n = -23", "-23"),
        ("survival = 0.1", "survival = 10", "10"),
        ('id = "example2020"', 'id = "other2020"', "other2020"),
        ("n = 23", "m = 23", "m"),
    ],
    ids=["malformed", "treatment", "median", "negative", "percent", "id", "key"],
)
@pytest.mark.parametrize("command", ["report", "forest", "list", "check"])
def test_a_bad_study_file_is_refused(command, old, new, said, registry, tmp_path, capsys):
    file = registry / "example2020.toml"
    file.write_text(file.read_text().replace(old, new, 1))
    words = {
        "report": ("report", "--registry", f"{registry}", "--out", f"{tmp_path / 'out'}"),
        "forest": ("forest", "os", "--registry", f"{registry}", "-o", f"{tmp_path / 'x.svg'}"),
        "list": ("studies", "list", "--registry", f"{registry}"),
        "check": ("studies", "check", f"{registry}"),
    }
    lines = refused(capsys, *words[command])
    assert lines
    assert all("example2020.toml" in line for line in lines)
    assert any(said in line for line in lines)
    assert [entry.name for entry in tmp_path.iterdir()] == ["registry"]


def test_every_problem_has_a_line_of_its_own(registry, capsys):
    file = registry / "example2020.toml"
    text = file.read_text().replace("n = 23", "n = -23").replace('unit = "months"\ns', "s")
    file.write_text(text.replace("year = 2020", 'year = "2020"'))
    other = registry / "second2021.toml"
    other.write_text(STUDY.format(id="example2020"))
    lines = refused(capsys, "studies", "check", f"{registry}")
    assert sum("example2020.toml" in line for line in lines) >= 3
    assert any(line.startswith("second2021.toml") for line in lines)


def test_folders_without_studies_are_refused(tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    (line,) = refused(capsys, "studies", "check", f"{empty}")
    assert "no study file" in line
    (line,) = refused(capsys, "report", "--registry", f"{tmp_path / 'none'}", "--out", f"{empty}")
    assert "no such folder" in line
    assert list(empty.iterdir()) == []


def test_unwritable_output_is_refused_before_anything_else(tmp_path, capsys, monkeypatch):
    def never(*_):
        raise AssertionError("the output is tried first")

    monkeypatch.setattr(cli, "load_registry", never)
    monkeypatch.setattr(cli, "_analyse", never)
    file = tmp_path / "file"
    file.write_text("mine")
    # Below a regular file and below /proc nobody can write, the administrator included.
    for place in (file, file / "results", file / "a" / "b"):
        (line,) = refused(capsys, "report", "--out", f"{place}")
        assert str(file) in line
    for place in (file / "x.svg", tmp_path / "folder.svg"):
        (tmp_path / "folder.svg").mkdir(exist_ok=True)
        (line,) = refused(capsys, "forest", "os", "-o", f"{place}")
        assert str(place) in line
    if Path("/proc/self").exists():
        (line,) = refused(capsys, "report", "--out", "/proc/results")
        assert "/proc/results cannot be written" in line
    assert file.read_text() == "mine"


def test_an_unknown_treatment_is_told_the_possible_ones(registry, tmp_path, capsys):
    words = ("forest", "os", "--registry", f"{registry}", "-o", f"{tmp_path / 'x.svg'}")
    (line,) = refused(capsys, *words, "--treatment", "lenvatinb")
    assert 'did you mean "lenvatinib"?' in line
    assert "Possible for os: lenvatinib." in line
    (line,) = refused(capsys, *words, "--treatment", "paclitaxel")
    assert line == "no cohort of paclitaxel is pooled for os; possible: lenvatinib."


def test_an_interrupt_leaves_nothing(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_analyse", interrupted)
    assert cli.main(("report", "--out", f"{tmp_path / 'a' / 'out'}")) == 130
    assert capsys.readouterr().err == "Interrupted; nothing was written.\n"
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_program_is_not_dressed_up_as_bad_input(tmp_path, monkeypatch):
    def broken(*_):
        raise ValueError("a fault")

    monkeypatch.setattr(cli, "_analyse", broken)
    with pytest.raises(ValueError, match="a fault"):
        cli.main(("report", "--out", f"{tmp_path / 'out'}"))


def test_list_shows_the_cohorts_of_a_treatment_or_endpoint(registry, capsys):
    assert cli.main(("studies", "list", "--registry", f"{registry}")) == 0
    head, row, blank, total = capsys.readouterr().out.splitlines()
    assert head.split() == ["STUDY", "COHORT", "YEAR", "DESIGN", "TREATMENT", "N", "PRINTS"]
    assert row.split()[:5] == ["example2020", "all", "2020", "retrospective", "lenvatinib"]
    assert row.split()[5:] == ["23", "os", "response"]
    assert head.index("TREATMENT") == row.index("lenvatinib")
    assert (blank, total) == ("", "1 cohort of 1 report")
    for option, word in (("--treatment", "paclitaxel"), ("--endpoint", "pfs")):
        assert cli.main(("studies", "list", "--registry", f"{registry}", option, word)) == 0
        assert "example2020" not in capsys.readouterr().out
    for option, word in (("--treatment", "Lenvatinib"), ("--endpoint", "OS")):
        assert cli.main(("studies", "list", "--registry", f"{registry}", option, word)) == 0
        assert "example2020" in capsys.readouterr().out


def test_the_own_registry_is_sound(capsys):
    assert cli.main(("studies", "check")) == 0
    assert "no problem found" in capsys.readouterr().out


def test_a_group_alone_shows_its_help(capsys):
    for words in ((), ("studies",)):
        assert cli.main(words) == 0
        assert "Commands:" in capsys.readouterr().out


def test_options_know_the_words_of_their_owners():
    from synthesis.analysis import ENDPOINTS
    from synthesis.families import FAMILIES
    from synthesis.plots.style import SHEETS

    assert cli_options.ENDPOINTS == ENDPOINTS
    assert tuple(FAMILIES) == cli_options.FAMILIES
    assert tuple(SHEETS) == cli_options.WIDTHS


@pytest.mark.slow
def test_report_and_forest_from_the_command_line(registry, tmp_path, monkeypatch):
    """The whole way, sampler included, on one study; the second command reads the cache."""
    monkeypatch.setenv("ATC_CACHE_DIR", f"{tmp_path / 'cache'}")
    out, file = tmp_path / "a" / "results", tmp_path / "b" / "forest.svg"
    words = ("--registry", f"{registry}", "--draws", "100", "--seed", "1")
    done = run_alone("report", "--out", f"{out}", "--endpoint", "response", *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no progress where nobody looks, and no warning
    assert f"Report: {out / 'report.html'}" in done.stdout
    manifest = json.loads((out / "manifest.json").read_text())
    assert all((out / name).is_file() for name in manifest["files"])
    assert manifest["settings"]["seed"] == 1
    verdict = manifest["fits"]["response"]["verdict"]
    assert f"{verdict:<6}  response" in done.stdout
    assert [entry.name for entry in out.iterdir() if entry.name.startswith(".")] == []
    done = run_alone("forest", "response", "-o", f"{file}", "--treatment", "Lenvatinib", *words)
    assert done.returncode == 0, done.stderr
    assert "Lenvatinib" in file.read_text(encoding="utf-8")
    assert [entry.name for entry in file.parent.iterdir()] == ["forest.svg"]
    assert f"{verdict:<6}  response" in done.stdout
