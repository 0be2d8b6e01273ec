"""Command lines of random options: each is answered, or refused in words.

Nothing is sampled: draws that are set by hand stand in, and for what takes long a refusal. Whoever
is refused finds every file as it was.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import stat
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import report_fits
import typer

from studies import load_registry
from studies.documents import export_json
from synthesis import cli
from synthesis.cli import running
from synthesis.result import NotAnsweredError

SECONDS = 30  # of the processor, for one line; a wait may take ten times as long
CODES = (0, running.CHECK_FOUND, running.BAD_INPUT)
#: Commands that are answered from draws set by hand; the others get as far as the sampler.
ANSWERED = ("compare", "mix", "control", "forest")

WORDS = (
    *("", " ", "0", "1", "-1", "7", "0.5", "0.001", "nan", "inf", "-inf", "1e309", "9" * 400, "--"),
    *("lenvatinib", "Sorafenib", "lenvatinb", "count_lenvatinib", "best supportive care", "arm"),
    *("os", "pfs:os", "os:os", "2015-", "-2015", "9999"),
    *("x" * 300, "é", "\udcff", "a\nb", "\x1b[2J"),
    *("=1+1", "%s", "{}", "n,model", "mki", "mixed", "retrospective", "smith2024"),
)
PLACES = (
    *("registry", "registry/vocabulary.toml", "one.toml", "arms.csv", "effects.csv", "curve.csv"),
    *("priors.toml", "export.json", "binary.csv", "empty.csv"),
    *("deep.json", "deep.toml", "wide.csv"),
    *("pipe.toml", "pipe.csv", "link.svg", "loop.svg", "folder", "none", "none/below.csv", "new"),
    *("one.toml/below.svg", "/dev/null", "/dev/full", "/proc/self/mem"),
    *("y" * 300, "y" * 300 + ".svg"),
    *("out", "out.svg", "out.tiff", "out.csv", "out.docx", "mine.docx", "mine.svg", "\udcff.svg"),
)
EFFECTS = "study,estimate,standard_error\na,0.1,0.2\nb,-0.3,0.1\nc,0.2,0.3\n"
CURVE = "time,survival\n0,1\n2,0.8\n4,0.5\n9,0.1\n"


def sandbox(folder: Path) -> Path:
    """Make a folder with a registry, tables, and things that are no ordinary files."""
    report_fits.registry_of(folder)
    text = export_json(load_registry(folder / "registry", alone=True))
    first = next(file for file in sorted((folder / "registry").glob("*.toml")))
    texts = {
        "one.toml": first.read_text(encoding="utf-8"),
        "arms.csv": "study,cohort,treatment,n\nsmith2024,a,lenvatinib,20\n",
        "effects.csv": EFFECTS,
        "curve.csv": CURVE,
        "priors.toml": '[[priors]]\nname = "study_sd"\nscale = 1e-320\n',
        "export.json": text,
        "binary.csv": "\x00\x01,\x02\n\x00",
        "empty.csv": "",
        "deep.json": "[" * 5000,
        "deep.toml": "a = " + "[" * 5000,
        "wide.csv": "study,estimate,standard_error\n" + "a" * 200_000 + ",1e400,1e-320\n" * 9,
        "mine.docx": "a text of my own",
        "mine.bib": "@article{mine,}",
        "target.svg": "what a link points to",
    }
    for name, content in texts.items():
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "folder").mkdir()
    (folder / "link.svg").symlink_to("target.svg")
    (folder / "loop.svg").symlink_to("loop.svg")
    os.mkfifo(folder / "pipe.toml")
    os.mkfifo(folder / "pipe.csv")
    return folder


def everything(folder: Path) -> dict[str, Any]:
    """What stands in a folder: kind and content of every entry."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = stat.S_IFMT(path.lstat().st_mode)
        found[str(path)] = kind, path.read_bytes() if kind == stat.S_IFREG else None
    return found


@cache
def commands() -> dict[tuple[str, ...], Any]:
    """Every command by its words, but `cache`, which empties the caches of whoever runs this."""
    top = dict(typer.main.get_command(cli.app).commands)
    below = top.pop("studies").commands
    del top["cache"]
    single = {(name,): own for name, own in top.items()}
    return single | {("studies", name): own for name, own in below.items()}


def value(rng: Random, option: Any) -> str:
    """A value of an option, in half of the cases one of its kind."""
    shown = option.metavar or ""
    if rng.random() < 0.5 and "|" in shown and shown != "FILE|DIR":
        return rng.choice(shown.split("|"))
    file = "FILE" in shown or "DIR" in shown
    return rng.choice(PLACES if file == (rng.random() < 0.9) else WORDS)


def line(rng: Random) -> list[str]:
    """A random command line."""
    words, command = rng.choice(sorted(commands().items()))
    line = [*words]
    for own in command.params:
        needed = own.required or own.param_type_name == "argument"
        if own.name in ("registry", "only", "help") or rng.random() > (0.9 if needed else 0.2):
            continue
        for _ in range(rng.choice((1, 1, 1, 2))):
            name = () if own.param_type_name == "argument" else (rng.choice(own.opts),)
            line += name if getattr(own, "is_flag", False) else (*name, value(rng, own))
    if any(own.name == "only" for own in command.params):
        line += ["--registry", "registry", "--only"] if rng.random() < 0.9 else ["--registry"]
    if line[-1] == "--registry":
        line += [rng.choice(PLACES), "--only"]
    return line


def fault(words: list[str], folder: Path) -> str | None:
    """What goes wrong with a command line in a sandbox; None where all is well."""

    def late(*_: Any) -> None:
        raise TimeoutError(f"more than {SECONDS} seconds")

    before = everything(folder)
    said, told = io.StringIO(), io.StringIO()
    signal.signal(signal.SIGALRM, late)
    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(10 * SECONDS)
    try:
        with redirect_stdout(said), redirect_stderr(told), chdir(folder):
            code = cli.main(words)
    except BaseException:
        return traceback.format_exc()
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    after = everything(folder)
    if code not in CODES:
        return f"ends with {code}"
    if code == running.BAD_INPUT and not told.getvalue().strip():
        return "is refused without a word"
    if code == running.BAD_INPUT and after != before:
        return f"is refused, and yet changes {dict(after.items() ^ before.items()).keys()}"
    left = [name for name in after if ".atc-unfinished" in name]
    kinds = {name for name in before if after.get(name, (0,))[0] != before[name][0]}
    return f"leaves {left}, replaces {kinds}" if left or kinds else None


def refuse(*_: Any, **__: Any) -> None:
    """Stand in for the sampler where draws set by hand would take long."""
    raise NotAnsweredError("nothing is sampled here")


def faults(number: int, seed: int, folder: Path) -> Iterator[tuple[int, str]]:
    """Try so many command lines; the number of each that fails, and what goes wrong."""
    place = folder / "lines"
    for case in range(number):
        if not place.exists():
            place.mkdir()
            sandbox(place)
            whole = everything(place)
        rng = Random(f"{seed} {case}")
        words = line(rng)
        answered = words[0] in ANSWERED and (words[0] != "forest" or rng.random() < 0.1)
        fits = report_fits.fit_endpoints if answered else refuse
        with ExitStack() as stand_ins:
            stand_ins.enter_context(patch("synthesis.run.fit_endpoints", fits))
            for module in ("model.sampler", "questions.sensitivity.runner"):
                stand_ins.enter_context(patch(f"synthesis.{module}.run", refuse))
            wrong = fault(words, place)
        if wrong is not None:
            yield case, f"{words}\n{wrong}"
        if everything(place) != whole:
            shutil.rmtree(place)
