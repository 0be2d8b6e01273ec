"""Compiled models: compiled by a process of their own, kept on disk, and loaded.

Code is optimised together with its caller where a process compiles both, and not where it loads
one of them. The last digit of a log density then differs, and after some hundred draws a chain is
another. So a model is never sampled in the process that compiled it, and what is compiled stands
apart from all that was compiled before: the first run in a home gives the numbers of every later
one.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthesis.model import source_digest
from synthesis.model.store import VERSIONS, draft

if TYPE_CHECKING:
    from synthesis.model.sampler import Problem

_COMPILED: dict[tuple[Any, ...], Any] = {}

_APART = "from synthesis.model.compiling import compile_for_another; compile_for_another()"


def compiled_model(problem: Problem, report: Callable[[str], None]) -> Any:
    """The compiled model of a kind of problem, ready to be sampled with any data of the kind."""
    if problem.kind not in _COMPILED:
        report("compiling the model")
        folder = _compiled_apart(problem)
        with _kept_in(folder) if folder else nullcontext():
            _COMPILED[problem.kind] = _compile(problem)
    return _COMPILED[problem.kind]


def _compile(problem: Problem) -> Any:
    import nutpie  # only a process that samples pays for the import

    names = list(problem.keep)
    return nutpie.compile_pymc_model(problem.build(), freeze_model=False, var_names=names)


def compile_for_another() -> None:
    """Compile the problem that comes in, into the folder that comes with it."""
    problem, folder = pickle.load(sys.stdin.buffer)
    with _kept_in(folder):
        _compile(problem)


def code_folder() -> Path:
    """Where compiled models are kept, in the folder of PyTensor's compiled code."""
    from pytensor import config

    return Path(config.base_compiledir) / "atc-synthesis"


def _compiled_apart(problem: Problem) -> Path | None:
    """Folder of the compiled code; ``None`` where it cannot be kept, or only here be compiled."""
    from llvmlite.binding import get_host_cpu_name
    from pytensor.compile.compilelock import lock_ctx

    facts = problem.kind, sorted(problem.keep), source_digest(), VERSIONS, get_host_cpu_name()
    folder = code_folder() / hashlib.sha256(repr(facts).encode()).hexdigest()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with lock_ctx(folder.parent, timeout=-1):  # another process may compile it just now
            if not folder.is_dir():
                with draft(folder) as place:
                    subprocess.run(
                        [sys.executable, "-c", _APART],
                        input=pickle.dumps((problem, place)),
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                        check=True,
                    )
        os.utime(folder)
    except (OSError, subprocess.CalledProcessError):
        return None
    return folder


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    """Have PyTensor keep compiled code in a folder, and look for it there alone."""
    from pytensor.link.numba import cache

    usual, cache.NUMBA_CACHE_PATH = cache.NUMBA_CACHE_PATH, folder
    try:
        yield
    finally:
        cache.NUMBA_CACHE_PATH = usual
