"""What every command shares: reading what was named, telling what is done, errors as sentences."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread

import typer

from priors import PriorsError
from studies import Registry, RegistryError, UnknownWordError, load_registry
from studies.files import read_bytes
from studies.problems import closest
from studies.registry import ConversionError
from synthesis.cli.listing import placed, shown_path
from synthesis.cli.terminal import spell_what_cannot_be_shown
from synthesis.result import NotAnsweredError
from synthesis.staging import PLACE_ERRORS, OutputError, check_file, check_folder, staged_file

CHECK_FOUND = 1
BAD_INPUT = 2
INTERRUPTED = 130
PIPE_CLOSED = 141
SECONDS_OF_A_LINE = 10.0
MOST_BYTES = 20_000_000  # of a table

Tell = Callable[[str], None]


class InputError(Exception):
    """Something the user gave cannot be used; the message is one sentence."""


# --- Reading what was named ----------------------------------------------------------------------


def read_registry(folders: Sequence[Path] | None, only: bool, min_quality: int = 0) -> Registry:
    """Read the shipped registry and what ``--registry`` names; with ``--only`` nothing else."""
    require_registry(folders, only)
    registry = replace(load_registry(*(folders or ()), alone=only), min_quality=min_quality)
    tell_replaced(registry)
    return registry


def text_of(file: Path) -> str:
    """Return the text of a table."""
    try:
        content = read_bytes(file, MOST_BYTES)
        if len(content) > MOST_BYTES:
            raise InputError(f"{file} has more than {MOST_BYTES:,} bytes; give a smaller table.")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{file} is not in UTF-8; save it in UTF-8.") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(
            f"{file} cannot be read ({reason}); name a file that can be read."
        ) from None


def require_registry(named: Sequence[Path] | None, only: bool) -> None:
    """Refuse to leave the shipped studies out where nothing else is named."""
    if only and not named:
        raise InputError("--only needs --registry DIR: without it no study is left.")


def tell_replaced(registry: Registry, before: Registry | None = None) -> None:
    """Say which study files replace another, or a report left out, but for those of `before`."""
    replaced, taken_in = registry.replaced, registry.taken_in
    if before is not None:
        replaced, taken_in = replaced[len(before.replaced) :], taken_in[len(before.taken_in) :]
    for study_id, _ in replaced:
        file = shown_path(registry.files[study_id])
        typer.echo(f"{file} is used in place of the {study_id} read before it.", err=True)
    for report in taken_in:
        file, reason = shown_path(registry.files[report.id]), report.reason.rstrip(".")
        typer.echo(f"{file} is used, although {report.id} was left out so far: {reason}.", err=True)


@contextmanager
def place_for_caches() -> Iterator[None]:
    """Have what libraries keep in the home go to ``ATC_CACHE_DIR`` where there is no such home.

    Without that folder it goes to one that is removed at the end, which is told.
    """
    home, stated = os.path.expanduser("~"), os.environ.get("ATC_CACHE_DIR")
    if os.access(home, os.W_OK):
        yield
        return
    if not stated:
        telling = f"The home folder {home} cannot be written: nothing is kept for the next run"
        typer.echo(f"{telling}. Name a folder for it in ATC_CACHE_DIR.", err=True)
    before = os.environ.get("HOME")
    with tempfile.TemporaryDirectory() as passing:
        os.environ["HOME"] = stated or passing
        try:
            yield
        finally:
            del os.environ["HOME"]
            os.environ.update({} if before is None else {"HOME": before})


def tell_unkept(folder: Path) -> None:
    """Say that draws cannot be kept where that is so."""
    try:
        check_folder(folder)
    except OutputError as error:
        typer.echo(f"Draws are not kept: {str(error).rstrip('.')} (ATC_CACHE_DIR).", err=True)


# --- Working and telling -------------------------------------------------------------------------


@contextmanager
def progress() -> Iterator[Tell]:
    """Give a function that shows what is being done: off a terminal a line every ten seconds."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        with _seldom() as tell:
            yield tell
        return
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda step: bar.update(task, description=step)


@contextmanager
def _seldom() -> Iterator[Tell]:
    """Give a function that takes the step which a line shows from time to time."""
    began, done, steps = time.monotonic(), Event(), deque(["starting"], maxlen=1)

    def show() -> None:
        while not done.wait(SECONDS_OF_A_LINE):
            typer.echo(f"{time.monotonic() - began:.0f} s: {steps[-1]}", err=True)

    Thread(target=show, daemon=True).start()
    try:
        yield steps.append
    finally:
        done.set()


def emit(text: str, output: Path | None) -> None:
    """Write a text to a file, all of it or nothing, or to standard output where none is given."""
    text = text if text.endswith("\n") else f"{text}\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    check_file(output)
    with staged_file(output) as path:
        path.write_text(text, encoding="utf-8", newline="\n")
    typer.echo(f"Written: {output}", err=True)


# --- Errors and exit codes -----------------------------------------------------------------------

# Errors of what was asked, each a sentence.
_REFUSALS = (
    ConversionError,
    InputError,
    NotAnsweredError,
    OutputError,
    PriorsError,
    RegistryError,
)


def run(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run a command line and return its exit code: the one place where errors become sentences."""
    spell_what_cannot_be_shown()
    came: list[int] = []
    try:
        with _interrupts(came):
            if not _has_working_folder():
                raise InputError("the working folder is gone; change to one that exists.")
            given = None if arguments is None else list(arguments)
            code = _command(app)(args=given, prog_name="atc", standalone_mode=False)
            sys.stdout.flush()
    except (SystemExit, BrokenPipeError):  # nobody reads on; typer leaves so, and only so
        _discard_output()
        return PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if not came:
            for text in _sentences(error):
                typer.echo(" ".join(text.split()), err=True)
            if isinstance(error, OSError):
                _discard_output()
            return BAD_INPUT
        code = INTERRUPTED  # in a library that makes an error of its own of it
    if code == INTERRUPTED:
        typer.echo("Interrupted; nothing is half written.", err=True)
    return code if isinstance(code, int) else 0


_command = cache(typer.main.get_command)  # for a program that runs many command lines


@contextmanager
def _interrupts(came: list[int]) -> Iterator[None]:
    """Let what ends a program do what Ctrl-C does, unless it is to be ignored, as under nohup.

    Each that comes is noted in `came`.
    """

    def end(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    usual = (signal.SIG_DFL, signal.default_int_handler)
    every = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    before = {each: signal.getsignal(each) for each in every if each}
    ends = [each for each, handler in before.items() if handler in usual]
    ends = ends if current_thread() is main_thread() else []
    for each in ends:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in ends:
            signal.signal(each, before[each])


def _has_working_folder() -> bool:
    try:
        return bool(os.getcwd())
    except FileNotFoundError:
        return False


def _discard_output() -> None:
    """Leave the end of the process nothing to write where nothing can be written."""
    with suppress(OSError, ValueError):  # a stream without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentences(error: Exception) -> list[str]:
    """What is wrong with what was asked; any other error is a fault, which is raised again."""
    if isinstance(error, RegistryError) and error.problems:
        return [str(placed(problem)) for problem in error.problems]
    if isinstance(error, UnknownWordError):
        return [sentence(error)]
    if hasattr(error, "possibilities"):  # options that typer finds alike, some far from a slip
        nearest = closest(error.option_name, error.possibilities or ())
        return [f"{error.message}{f'; did you mean {nearest}?' if nearest else '.'}"]
    if hasattr(error, "format_message"):  # another error of usage
        return list(filter(None, [error.format_message()]))
    if isinstance(error, _REFUSALS):
        return [f"{str(error).rstrip('.')}."]
    if isinstance(error, OSError) and error.errno in PLACE_ERRORS:
        where, why = error.filename or "Output", (error.strerror or str(error)).lower()
        return [f"{where} cannot be used ({why}); give another name or place."]
    raise error


def sentence(error: UnknownWordError) -> str:
    """What an unknown word is told, as a sentence."""
    return f"{str(error).rstrip('?')}{'?' if error.suggestion else '.'}"
