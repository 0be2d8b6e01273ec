"""What every command shares: reading what was named, telling what is done, errors as sentences."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import typer

from priors import PriorsError
from studies import Registry, RegistryError, UnknownWordError, load_registry
from studies.problems import closest
from studies.registry import ConversionError
from synthesis.cli.listing import placed, shown_path
from synthesis.cli.terminal import spell_what_cannot_be_shown
from synthesis.result import NotAnsweredError
from synthesis.staging import OutputError, check_file, staged_file

CHECK_FOUND = 1
BAD_INPUT = 2
INTERRUPTED = 130
PIPE_CLOSED = 141
SECONDS_OF_A_LINE = 10.0

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
        return file.read_bytes().decode("utf-8-sig")
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
    try:
        given = None if arguments is None else list(arguments)
        code = app(args=given, prog_name="atc", standalone_mode=False)
    except SystemExit:  # typer leaves so, and only so, when nobody reads on
        return PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        for text in _sentences(error):
            typer.echo(" ".join(text.split()), err=True)
        return BAD_INPUT
    if code == INTERRUPTED:
        typer.echo("Interrupted; nothing was written.", err=True)
    return code if isinstance(code, int) else 0


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
    raise error


def sentence(error: UnknownWordError) -> str:
    """What an unknown word is told, as a sentence."""
    return f"{str(error).rstrip('?')}{'?' if error.suggestion else '.'}"
