"""The command line: its help, what it refuses, in which words, and how lightly it starts.

What the commands of `atc studies` answer is the business of `test_synthesis_cli_studies`.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import subprocess
import sys
import time
from importlib.machinery import ModuleSpec
from itertools import pairwise
from pathlib import Path
from typing import get_args

import golden
import pytest
from command_line import refusals, refused
from registries import shipped
from small_registry import cohort, landmark, median, study, write_file

import synthesis
from studies import load_registry
from synthesis import cli
from synthesis.__main__ import main
from synthesis.cli import commands, running
from synthesis.cli.terminal import MOST_LINES
from synthesis.result import RESEARCH_USE, Finding, Result

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"arviz", "jinja2", "matplotlib", "numba", "nutpie", "pandas", "pymc", "pytensor", "scipy"}


def example(name="example2020", n=23):
    """Describe a report of every kind of figure."""
    figures = {"survival": [median(ci="0.6 5.5")], "landmarks": [landmark(12, "0.1")]}
    own = cohort("all", n=n, response={"cr": 0, "pr": 2, "evaluable": 23}, **figures)
    citation = {"authors": ["Example A", "Other B"], "year": 2020, "title": "A series"}
    return study(name, own, citation=citation, sources=[{"kind": "abstract"}])


PRIORS = {
    "name": "study_sd",
    "role": "Spread of studies",
    "family": "half_normal",
    "scale": 0.125,
    "reads_as": "factor",
    "rationale": "For a test.",
    "source": "None.",
}


@pytest.fixture
def registry(tmp_path):
    folder = tmp_path / "registry"
    folder.mkdir()
    write_file(folder / "example2020.toml", example())
    return folder


def run_alone(*lines: str) -> subprocess.CompletedProcess[str]:
    """Run command lines in one process of its own, which tells at last what it imported."""
    program = (
        "import json, shlex, sys\n"
        "from synthesis.cli import main\n"
        "codes = [main(shlex.split(line)) for line in sys.argv[1:]]\n"
        "names = sorted({name.partition('.')[0] for name in sys.modules})\n"
        "print('\\n' + json.dumps(names))\n"
        "sys.exit(max(codes))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *lines], cwd=ROOT, capture_output=True, text=True
    )


QUESTIONS = tuple(command.__name__ for command in cli.COMMANDS)
OF_STUDIES = ("list", "show", "check", "overlaps", "new", "import", "digitise", "export", "schema")
PAGES = ((), ("studies",), *((name,) for name in QUESTIONS))
PAGES += tuple(("studies", name) for name in OF_STUDIES)


@pytest.mark.parametrize("words", PAGES, ids=lambda words: "_".join(words) or "atc")
def test_help_is_the_page_that_was_read(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main((*words, "--help")) == 0
    page = capsys.readouterr().out
    golden.check("_".join(("help", *words)), page)
    if words in ((), ("studies",)):  # a group alone shows its help
        assert cli.main(words) == 0
        assert capsys.readouterr().out == page


LIGHT = """\
--version
studies list
studies show sparano2021
studies check --notes
studies overlaps
studies schema
studies import --template
studies export --format json
studies export --format bibtex
"""


def test_light_commands_import_nothing_heavy():
    helps = (f"{' '.join(words)} --help" for words in PAGES)
    done = run_alone(*LIGHT.splitlines(), *helps)
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


WRONG = """\
report --endpoint foo
report --family gamma
report --family weibul
report --draws 0
report --draws many
report --seed -1
report --reference-mix 40
report --reference-mix nan
report --colour
report --refrence lenvatinib
forest foo -o x.svg
forest os
forest os -o x.jpg
forest os -o x
forest os -o x.svg --width wide
forest os -o x.svg --sort name
forest os -o x.svg --columns n,age
forest os -o x.svg --class chemoterapy
fores
report --delta 100
report --convert ttp
report --convert pfs:os
report --only
report --priors none.toml
report --word paper.doc
report --word paper
report --format html
compare --format latex
impact none.toml
studies list --endpoint foo
studies list --class xyzzy
studies list --design Retrospectiv
studies list --disease xyzzy
studies list --treatment lenvatinb
studies list --treatment dabrafenib
studies list --status seen
studies list --format xml
studies list --year 20
studies list --year -
studies list --year 2020-2015
studies list --excluded --endpoint os
studies show sparano2012
studies check none.toml
studies overlaps sparano2012
studies new sparano2021
studies new a/b2021
studies new a2021 --arms 0
studies import
studies import x.xlsx
studies import x.csv
studies export
studies export --format json --year 2020
compare --min-quality 11
compare --histology focal
compare --delta 100
compare --delta nan
compare --endpoint dss
compare --only
benefit --by age
benefit --delta 900
benefit --endpoint response
mix --mixed 30
mix --braf -1
mix --line third
bias --endpoint response
bias --family gamma
bias --draws 2
control --robust 1
control --components 3
control --mixed 40
control --endpoint survival
control --design trial
plan
plan --treatment lenvatinab
plan --treatment lenvatinib --design crossover
sensitivity --choice prior
sensitivity --endpoint response
forest os -o x.svg --registry few --only --treatment lenvatinb
forest os -o x.svg --registry few --only --treatment paclitaxel
forest os -o x.svg --registry few --only --class multikinase_inhibtor
forest os -o x.svg --registry few --only --class chemotherapy
forest os -o x.svg --registry few --only --class "Multikinase inhibitor" --class chemotherapy
report --registry few --only --reference paclitaxel --endpoint os
report --registry few --only --reference lenvatinb
impact few/example2020.toml --registry few --only
studies check empty
studies list --registry empty
impact empty
report --registry none
"""


def test_wrong_words_are_refused_in_one_sentence(registry, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry.rename("few")
    Path("empty").mkdir()

    def read_once(*folders, **more):
        return load_registry(*folders, **more) if folders else shipped()

    monkeypatch.setattr(running, "load_registry", read_once)
    page = []
    for words in WRONG.splitlines():
        line = refused(capsys, *shlex.split(words))
        page.append(f"atc {words}\n    {line}\n")
    golden.check("refusals_cli", "".join(page).replace(str(ROOT), "ROOT"))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "example2020.toml", "few"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"median" = 3.1', '"median" = ', "example2020.toml"),
        ('"lenvatinib"', '"lenvatinb"', "lenvatinib"),
        ('"median" = 3.1', '"median" = 7.1', "7.1"),
        ('"n" = 23', '"n" = -23', "-23"),
        ('"survival" = 0.1', '"survival" = 10', "10"),
        ('id = "example2020"', 'id = "other2020"', "other2020"),
        ('"n" = 23', '"m" = 23', "m"),
    ],
    ids=["malformed", "treatment", "median", "negative", "percent", "id", "key"],
)
def test_a_bad_study_file_is_refused(old, new, said, registry, tmp_path, capsys):
    file = registry / "example2020.toml"
    file.write_text(file.read_text().replace(old, new, 1))
    lines = refusals(capsys, "report", "--registry", registry, "--out", tmp_path / "out")
    assert lines
    assert all("example2020.toml" in line for line in lines)
    assert any(said in line for line in lines)
    assert all(re.match(r"\S+example2020\.toml(:\d+)?, ", line) for line in lines)
    assert [entry.name for entry in tmp_path.iterdir()] == ["registry"]


def test_every_problem_has_a_line_of_its_own(registry, capsys):
    tables = example(n=-23)
    tables["citation"]["year"] = "2020"
    del tables["cohorts"][0]["landmarks"][0]["unit"]
    write_file(registry / "example2020.toml", tables)
    other = registry / "second2021.toml"
    write_file(other, example())
    lines = refusals(capsys, "studies", "list", "--registry", registry)
    assert sum("example2020.toml" in line for line in lines) >= 3
    assert any(line.startswith(f"{other}:1, id: ") for line in lines)


@pytest.fixture
def nothing_is_read(monkeypatch):
    def never(*_, **__):
        raise AssertionError("the output is tried first")

    monkeypatch.setattr("synthesis.cli.request.read_registry", never)


def test_unwritable_output_is_refused_before_anything_else(tmp_path, capsys, nothing_is_read):
    file = tmp_path / "file"
    file.write_text("mine")
    # Below a regular file and below /proc nobody can write, the administrator included.
    for place in (file, file / "results", file / "a" / "b"):
        for command in set(QUESTIONS) - {"forest", "reproduce", "cache"}:
            words = {"impact": ("x.toml",), "plan": ("--treatment", "x"), "pool": ("x.csv",)}
            words = words.get(command, ())
            line = refused(capsys, command, *words, "--out", f"{place}")
            assert str(file) in line
    for place in (file / "x.svg", tmp_path / "folder.svg"):
        (tmp_path / "folder.svg").mkdir(exist_ok=True)
        line = refused(capsys, "forest", "os", "-o", f"{place}")
        assert str(place) in line
    own = tmp_path / "own.docx"
    own.write_text("mine")
    (tmp_path / "folder.docx").mkdir()
    for place in (own, file / "x.docx", tmp_path / "folder.docx"):
        line = refused(capsys, "report", "--word", f"{place}", "--out", f"{tmp_path / 'new'}")
        assert str(place) in line
    assert own.read_text() == "mine"
    assert not (tmp_path / "new").exists()
    if Path("/proc/self").exists():
        line = refused(capsys, "report", "--out", "/proc/results")
        assert "/proc/results cannot be written" in line
    assert file.read_text() == "mine"


def test_a_bibliography_of_ones_own_is_not_replaced(tmp_path, capsys, nothing_is_read):
    own = tmp_path / "paper.bib"
    for text in ("@article{key,}\n", "", "\xff"):
        own.write_text(text, encoding="latin-1")
        line = refused(capsys, "forest", "os", "-o", f"{tmp_path / 'paper.pdf'}")
        assert line.startswith(f"{own} is a bibliography of your own")
        assert own.read_text(encoding="latin-1") == text
    assert [entry.name for entry in tmp_path.iterdir()] == ["paper.bib"]
    own.write_text("% Reports drawn in the forest plot paper.svg\n")
    with pytest.raises(AssertionError, match="the output is tried first"):
        cli.main(("forest", "os", "-o", f"{tmp_path / 'paper.pdf'}"))


def test_progress_in_a_pipe_is_a_line_from_time_to_time(capsys, monkeypatch):
    monkeypatch.setattr(running, "SECONDS_OF_A_LINE", 0.2)
    with running.progress() as tell:
        for number in range(500):  # a flood of steps
            tell(f"step {number}")
        time.sleep(0.5)
    said = capsys.readouterr().err.splitlines()
    assert said == ["0 s: step 499"] * len(said)
    assert 1 <= len(said) <= 3  # two in half a second, but for a busy machine
    time.sleep(0.3)
    assert capsys.readouterr().err == ""


def test_an_error_of_the_program_is_not_dressed_up_as_bad_input(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ValueError("a fault")

    monkeypatch.setattr(commands, "analysed", broken)
    with pytest.raises(ValueError, match="a fault"):
        cli.main(("report", "--out", f"{tmp_path / 'out'}"))


@pytest.fixture
def asked(monkeypatch):
    """What reaches the analysis, which is not made."""
    reached = {}

    def analysed(request, wanted, *, compared=True):
        reached.update(request.given, **wanted, studies=set(request.registry.studies))
        reached.update(cache=request.cache, compared=compared)
        reached["conversions"] = [(item.from_, item.to) for item in request.registry.conversions]
        if request.priors is not None:
            reached["scale"] = request.priors["study_sd"].scale
        raise commands.InputError("stop")

    monkeypatch.setattr(commands, "analysed", analysed)
    return reached


def test_what_was_asked_for_reaches_the_analysis(registry, tmp_path, asked, capsys):
    file = tmp_path / "priors.toml"
    write_file(file, {"priors": [PRIORS]})
    words = ["--registry", registry, "--only", "--verified-only", "--no-cache"]
    words += ["--convert", "ttp:pfs", "--priors", f"{file}", "--seed", "7"]
    for command in (["report", "--out", tmp_path / "out"], ["forest", "os", "-o", "x.svg"]):
        assert refusals(capsys, *command, *words)[-1] == "stop."
        assert asked["studies"] == {"example2020"}
        assert asked["verified_only"] is True
        assert asked["conversions"] == [("ttp", "pfs")]
        assert (asked["seed"], asked["cache"], asked["scale"]) == (7, False, 0.125)
        assert asked["compared"] is (command[0] == "report")  # one plot needs no comparison
        asked.clear()


def test_what_treatments_are_set_against_is_known_before_anything_is_fitted(
    registry, tmp_path, asked, capsys
):
    words = ["report", "--registry", registry, "--only", "--out", tmp_path / "out"]
    more = ["--reference", "Lenvima", "--delta", "2.5", "--sensitivity"]
    assert refusals(capsys, *words, *more) == [
        "No cohort can be counted for pfs: left out.",
        "stop.",
    ]
    assert (asked["reference"], asked["delta"], asked["sensitivity"]) == ("Lenvima", 2.5, True)
    asked.clear()
    refused(capsys, *words, "--reference", "paclitaxel", "--endpoint", "os")
    assert asked == {}


def test_impact_adds_the_files_and_shows_the_answers(registry, tmp_path, monkeypatch, capsys):
    import synthesis.questions.impact as question

    reached = {}

    def impact(before, after, settings, *, priors, progress, cache):
        reached.update(before=set(before.studies), after=set(after.studies), settings=settings)
        return "answer"

    finding = Finding("What changes?", ("Little.", "- Nothing."))
    made = Result(
        "impact",
        "What changes",
        findings=(finding, Finding("Detail", ("Folded.",), folded=True)),
        texts={"impact.md": "# Little"},
        verdicts={"os, with": "PASS"},
        facts={"seed": 1},
    )
    monkeypatch.setattr(question, "impact", impact)
    monkeypatch.setattr(question, "result", lambda answer, registry: made)
    file, out = tmp_path / "new2024.toml", tmp_path / "out"
    write_file(file, example("new2024"))
    words = ["impact", f"{file}", "--registry", f"{registry}", "--only", "--endpoint", "os"]
    assert cli.main(words) == 0
    said = "What changes?\nLittle.\n\n- Nothing.\n\nPASS    os, with\n"
    shown = capsys.readouterr().out
    assert shown.startswith("Looks like a slip:")  # both reports are by the same authors
    assert shown.endswith(f"\n{said}\n{RESEARCH_USE}\n")
    assert (reached["before"], reached["after"]) == ({"example2020"}, {"example2020", "new2024"})
    assert reached["settings"].endpoints == ("os",)
    assert cli.main([*words, "--out", f"{out}"]) == 0
    assert f"{said}\nWritten: {out / 'impact.md'} (2 files)\n" in capsys.readouterr().out
    assert json.loads((out / "manifest.json").read_text())["kind"] == "impact"
    changed = tmp_path / "example2020.toml"
    write_file(changed, example(n=24))
    assert cli.main(["impact", f"{changed}", "--registry", f"{registry}", "--only"]) == 0
    said = f"{changed} is used in place of the example2020 read before it.\n"
    assert capsys.readouterr().err == said


def test_results_of_another_kind_are_not_replaced(tmp_path, capsys):
    for kind, command in (("impact", ("report",)), ("report", ("impact", "x.toml"))):
        manifest = {"files": ["a.txt"]} | ({"kind": kind} if kind == "impact" else {})
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        line = refused(capsys, *command, "--out", f"{tmp_path}")
        assert line.startswith(f"{tmp_path} holds other results ({kind})")


def test_output_that_nobody_reads_to_its_end_is_no_error(registry):
    command = [sys.executable, "-m", "synthesis", "studies", "list"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_a_letter_that_a_terminal_cannot_show_is_no_error(registry):
    file = registry / "example2020.toml"
    file.write_text(file.read_text().replace("Other B", "Łther B"), encoding="utf-8")
    words = ["studies", "show", "example2020", "--registry", registry]
    done = subprocess.run(
        [sys.executable, "-m", "synthesis", *words],
        cwd=ROOT,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Example A, ?ther B" in done.stdout


def test_a_package_of_the_same_name_that_shadows_ours_is_named(monkeypatch, capsys):
    assert synthesis.shadowed() is None
    other = ModuleSpec("studies", None, origin=str(Path("elsewhere", "studies.py")))
    monkeypatch.setattr(synthesis, "find_spec", lambda name: other)
    assert main() == 2
    err = capsys.readouterr().err
    assert err.startswith(
        f"synthesis needs its own package studies in {ROOT}, and Python finds one"
    )
    assert f"at {other.origin}: rename that one" in err
    with pytest.raises(ImportError, match="synthesis needs its own package studies"):
        synthesis.Settings  # noqa: B018


def test_words_that_commands_know_are_those_of_their_owners():
    from synthesis import choices
    from synthesis.model.families import FAMILIES
    from synthesis.plots.style import SHEETS
    from synthesis.questions.plan import simulate

    assert tuple(FAMILIES) == choices.FAMILIES
    assert tuple(SHEETS) == choices.WIDTHS
    assert get_args(simulate.Kind) == choices.STUDY_KINDS
    assert get_args(simulate.Population) == choices.POPULATIONS


@pytest.mark.slow
def test_report_and_forest_from_the_command_line(registry, tmp_path, monkeypatch):
    """The whole way, sampler included, on one study; the second command reads the cache."""
    monkeypatch.setenv("ATC_CACHE_DIR", f"{tmp_path / 'cache'}")
    out, file = tmp_path / "a" / "results", tmp_path / "b" / "forest.svg"
    words = f"--registry {registry} --only --draws 100 --seed 1"
    done = run_alone(f"report --out {out} --endpoint response {words}")
    assert done.returncode == 0, done.stderr
    # seldom a line of progress where nobody looks, and no warning
    told = [re.match(r"(\d+) s: ", line) for line in done.stderr.splitlines()]
    assert all(told)
    seconds = [int(match[1]) for match in told]
    # a line every ten seconds, as a busy machine lets it
    assert all(later - earlier >= 9 for earlier, later in pairwise(seconds))
    assert f"Report   {out / 'report.html'}" in done.stdout
    assert len(done.stdout.splitlines()) <= MOST_LINES + 1  # run_alone adds an empty line
    manifest = json.loads((out / "manifest.json").read_text())
    assert all((out / name).is_file() for name in manifest["files"])
    assert {"tables/predictive_checks.csv", "figures/predictive_checks.svg"} <= set(
        manifest["files"]
    )
    assert manifest["settings"]["seed"] == 1
    verdict = manifest["fits"]["response"]["verdict"]
    assert verdict == "PASS" or f"{verdict:<6}  response" in done.stdout
    assert [entry.name for entry in out.iterdir() if entry.name.startswith(".")] == []
    done = run_alone(f"forest response -o {file} --treatment Lenvatinib {words}")
    assert done.returncode == 0, done.stderr
    assert "Lenvatinib" in file.read_text(encoding="utf-8")
    assert sorted(entry.name for entry in file.parent.iterdir()) == ["forest.bib", "forest.svg"]
    assert "@misc{example2020," in file.with_suffix(".bib").read_text(encoding="utf-8")
    assert f"{file.with_suffix('.bib')} (1 report)" in done.stdout
    assert f"{verdict:<6}  response" in done.stdout
    place = tmp_path / "c"
    words += f" -o {place / 'x.tiff'} --class multikinase_inhibitor --width one-column"
    done = run_alone(f"forest response {words} --columns n,model --sort size")
    assert done.returncode == 0, done.stderr
    assert sorted(entry.name for entry in place.iterdir()) == ["x.bib", "x.tiff"]
