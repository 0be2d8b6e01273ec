"""Commands that write, ended at some moment: the old files are there or the new, never both.

Ctrl-C and its like leave nothing behind; what a kill leaves is gone after the next run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from fuzz_lines import EFFECTS
from small_registry import cohort, files_in, median, study, write_registry

from synthesis import cli
from synthesis.cli import running
from synthesis.staging import MANIFEST, check_folder, staged_folder

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
FILES = 60  # of results that are moved
ARMS = (
    "study,status,authors,year,design,arm,treatment,treatment_as_printed,n\n"
    "smith2024,verified,Smith A,2024,retrospective,a,lenvatinib,lenvatinib,20\n"
    "jones2024,verified,Jones A,2024,retrospective,b,sorafenib,sorafenib,9\n"
)


def move(place: Path, text: str) -> int:
    """Write many files at once, half of them of other names than before."""
    names = [f"tables/{number}.csv" for number in range(FILES)]
    names += [f"{text}/{number}.csv" for number in range(FILES)]
    with staged_folder(place) as stage:
        for name in names:
            (stage / name).parent.mkdir(exist_ok=True)
            (stage / name).write_text(text)
        (stage / MANIFEST).write_text(json.dumps({"files": [*names, MANIFEST]}))
    return 0


def commands(folder: Path) -> dict[str, Callable[[Path, str], int]]:
    """What is ended, by name: it writes into a folder, in an old way or in a new one."""
    for text, months, error in (("old", "3.1", "0.2"), ("new", "4.2", "0.4")):
        report = study("abel2001", cohort("a", survival=[median(months)]))
        write_registry(folder / text, report)
        (folder / f"{text}.csv").write_text(EFFECTS.replace("0.2", error))
    (folder / "arms.csv").write_text(ARMS)

    def main(*words: object) -> int:
        return cli.main([str(word) for word in words])

    def registry(text: str) -> tuple[object, ...]:
        return "--registry", folder / text, "--only"

    def fresh(place: Path, text: str, *words: object) -> int:
        return 0 if text == "old" else main("studies", *words, *registry("old"))

    def export(place: Path, text: str) -> int:
        words = ("studies", "export", "--format", "json", "-o", place / "x.json")
        return main(*words, *registry(text))

    arms = folder / "arms.csv"
    return {
        "export": export,
        "new": lambda place, text: fresh(place, text, "new", "smith2024", "--folder", place),
        "import": lambda place, text: fresh(place, text, "import", arms, "--folder", place),
        "pool": lambda place, text: main("pool", folder / f"{text}.csv", "--out", place),
        "move": move,
    }


def started(command: Callable[[Path, str], int], place: Path, text: str) -> int:
    """Run a command in a process of its own; its number."""
    child = os.fork()
    if child:
        return child
    code, came = 99, []
    try:
        with open(place.with_suffix(".said"), "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            with running._interrupts(came):
                code = command(place, text)
    except (KeyboardInterrupt, Exception) as error:
        # a library may make an error of its own of it: `run` would see it, were it outermost
        if came or isinstance(error, KeyboardInterrupt):
            code = running.INTERRUPTED
        else:
            traceback.print_exc()
    finally:
        os._exit(code)


def ended(child: int) -> int:
    """The exit code of a process; that of a killed one is negative."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fault(
    command: Callable[[Path, str], int],
    place: Path,
    ending: signal.Signals,
    moment: float,
    states: dict[str, dict[str, bytes]],
) -> str | None:
    """End a command some seconds after its start; what is wrong then, or None."""
    child = started(command, place, "new")
    time.sleep(moment)
    os.kill(child, ending)
    code = ended(child)
    killed = code == -ending
    if not killed and code not in (0, running.CHECK_FOUND, running.INTERRUPTED):
        return f"ends with {code}: {place.with_suffix('.said').read_text()[-2000:]}"
    if killed and place.is_dir():
        check_folder(place)  # the next run
    found = files_in(place)
    if found not in states.values():
        return f"leaves {[name for name in found if found[name] != states['new'].get(name)][:9]}"
    if code in (0, running.CHECK_FOUND) and found != states["new"]:
        return "says that it is done, and is not"
    return None


def faults(number: int, seed: int, folder: Path) -> Iterator[tuple[int, str]]:
    """End so many commands; the number of each after which something is wrong, and what."""
    folder = folder / "interrupts"
    folder.mkdir()
    every = commands(folder)
    old, states, seconds = {}, {}, {}
    for name, command in every.items():
        old[name], new = folder / f"{name}.old", folder / f"{name}.new"
        old[name].mkdir()
        ended(started(command, old[name], "old"))
        shutil.copytree(old[name], new)
        began = time.monotonic()
        ended(started(command, new, "new"))
        seconds[name] = time.monotonic() - began
        states[name] = {"old": files_in(old[name]), "new": files_in(new)}
        assert states[name]["old"] != states[name]["new"], new.with_suffix(".said").read_text()
    for case in range(number):
        rng = Random(f"{seed} {case}")
        name, ending = rng.choice(sorted(every)), rng.choice(SIGNALS)
        place = folder / f"{case}"
        shutil.copytree(old[name], place)
        moment = rng.uniform(0.0, 1.2 * seconds[name])
        wrong = fault(every[name], place, ending, moment, states[name])
        if wrong is not None:
            yield case, f"{name}, {ending.name} after {moment:.3f} s: {wrong}"
        else:
            shutil.rmtree(place)
