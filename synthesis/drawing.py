"""Pictures drawn into files by two processes, this one and a helper.

Both take the next picture from one line. The helper loads the drawing code alone, and does not run
the program that started it again; where it cannot be started, this process draws every picture.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthesis.plots import About
    from synthesis.result import Picture

    Job = tuple[Picture, Path, About]
    Line = queue.SimpleQueue[Job]

#: Pictures from which a second process is worth its start.
MANY = 4

_HELPER = "from synthesis.drawing import help_drawing; help_drawing()"
_DONE = b"done\n"


def draw_pictures(jobs: Sequence[Job]) -> None:
    """Draw pictures: SVG, PDF and PNG of each.

    Parameters
    ----------
    jobs : sequence of (Picture, Path, About)
        Each with the path of its files without suffix, and with what they tell of it.
    """
    line: Line = queue.SimpleQueue()
    for job in jobs:
        line.put(job)
    with ThreadPoolExecutor(1) as pool:
        helped = pool.submit(_hand_over, line) if len(jobs) >= MANY else None
        try:
            for job in _next(line):
                _draw(job)
            for job in helped.result() if helped else ():
                _draw(job)
        finally:
            for _ in _next(line):  # after a failure the helper finds nothing more to do
                pass


def _draw(job: Job) -> None:
    from synthesis.plots import save_figure

    picture, stem, about = job
    save_figure(picture.draw(), stem, about)


def _next(line: Line) -> Iterator[Job]:
    with suppress(queue.Empty):
        while True:
            yield line.get_nowait()


def _hand_over(line: Line) -> list[Job]:
    """Have a helper draw what is in the line; return what it could not draw."""
    undone: list[Job] = []
    with suppress(OSError), _start_helper() as helper:
        for job in _next(line):
            undone.append(job)
            with suppress(pickle.PicklingError, AttributeError, TypeError):
                sent = pickle.dumps(job)
                helper.stdin.write(sent)
                helper.stdin.flush()
                if helper.stdout.readline() != _DONE:
                    break
                undone.pop()
    return undone


def _start_helper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _HELPER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def help_drawing() -> None:
    """Draw what comes in, one picture after the other, until nothing comes (in the helper)."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            _draw(pickle.load(sys.stdin.buffer))
            answers.write(_DONE)
            answers.flush()
