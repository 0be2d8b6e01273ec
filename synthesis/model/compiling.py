"""Compiled models: compiled by a process of their own, kept on disk, and loaded.

What a process compiles is linked with all that it compiled before, and what it loads is not. The
last digit of a log density then differs, and after some hundred draws a chain is another. So a
model is never sampled in the process that compiled it: the first run in a home gives the numbers of
every later one.

A compiled model is two C functions, of the log density and of what is stored. Each is kept as one
file of machine code, which loads in a tenth of a second.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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
    from pytensor import config

    if problem.kind not in _COMPILED:
        report("compiling the model")
        folder = _compiled_apart(problem)
        with config.change_flags(numba__cache=False):  # nothing that another run left is met
            _COMPILED[problem.kind] = _compile(problem, folder)
    return _COMPILED[problem.kind]


def _compile(problem: Problem, folder: Path | None) -> Any:
    """Compile a problem; machine code is read from the folder, or left there."""
    import nutpie  # only a process that samples pays for the import

    with _machine_code_in(folder):
        return nutpie.compile_pymc_model(
            problem.build(),
            freeze_model=False,
            var_names=list(problem.keep),
            cache=folder is not None,
        )


def compile_for_another() -> None:
    """Compile the problem that comes in, into the folder that comes with it."""
    from pytensor.link.numba import cache

    problem, folder = pickle.load(sys.stdin.buffer)
    with tempfile.TemporaryDirectory() as operations:  # each is compiled once, and here alone
        cache.NUMBA_CACHE_PATH = Path(operations)
        _compile(problem, folder)


def code_folder() -> Path:
    """Where compiled models are kept, in the folder of PyTensor's compiled code."""
    from pytensor import config

    return Path(config.base_compiledir) / "atc-synthesis"


def _compiled_apart(problem: Problem) -> Path | None:
    """Folder of the compiled code; ``None`` where it cannot be kept, or only here be compiled."""
    from numba.core.registry import cpu_target
    from pytensor.compile.compilelock import lock_ctx

    machine = cpu_target.target_context.codegen().magic_tuple()
    facts = problem.kind, sorted(problem.keep), source_digest(), VERSIONS, machine
    folder = code_folder() / hashlib.sha256(repr(facts).encode()).hexdigest()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with lock_ctx(folder.parent, timeout=-1):  # another process may compile it just now
            if not _is_whole(folder):
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


# --- Machine code on disk ------------------------------------------------------------------------

_CHECKSUM = 4  # bytes at the end of a file


def _is_whole(folder: Path) -> bool:
    """Whether both functions are there as they were written."""
    code = [file.read_bytes() for file in folder.iterdir()] if folder.is_dir() else []
    return len(code) == 2 and all(_checksum(c[:-_CHECKSUM]) == c[-_CHECKSUM:] for c in code)


def _checksum(code: bytes) -> bytes:
    return zlib.crc32(code).to_bytes(_CHECKSUM, "big")


class _MachineCode:
    """What :func:`numba.cfunc` asks for the machine code of a function, and gives it to."""

    def __init__(self, folder: Path, function: Callable[..., Any]) -> None:
        self.file = folder / function.__name__

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled function, or ``None``."""
        from numba.core.compiler import CompileResult

        if not self.file.exists():
            return None
        context.refresh()
        return CompileResult._rebuild(context, *pickle.loads(self.file.read_bytes()))

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a compiled function."""
        code = pickle.dumps(result._reduce())
        self.file.write_bytes(code + _checksum(code))


@contextmanager
def _machine_code_in(folder: Path | None) -> Iterator[None]:
    """Have functions that :func:`numba.cfunc` caches kept in a folder."""
    from numba.core import ccallback

    usual, ccallback.FunctionCache = ccallback.FunctionCache, partial(_MachineCode, folder)
    try:
        yield
    finally:
        ccallback.FunctionCache = usual
