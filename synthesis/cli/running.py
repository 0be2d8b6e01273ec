"""What every command shares: reading what was named, telling what is done, errors as sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from studies import Cohort, Registry, RegistryError, Study, UnknownWordError, load_registry
from synthesis.cli.terminal import spell_what_cannot_be_shown
from synthesis.staging import OutputError, check_file, staged_file
from synthesis.text.checking import placed
from synthesis.text.listing import Wanted, find_cohorts, known_words
from synthesis.text.plain import shown_path

if TYPE_CHECKING:
    from priors import Priors

CHECK_FOUND = 1
BAD_INPUT = 2
INTERRUPTED = 130
PIPE_CLOSED = 141

Tell = Callable[[str], None]


class InputError(Exception):
    """Something the user gave cannot be used; the message is one sentence."""


# --- Reading what was named ----------------------------------------------------------------------


def read_registry(folders: Sequence[Path] | None, only: bool) -> Registry:
    """Read the shipped registry and whatever was named beside it.

    Parameters
    ----------
    folders : sequence of Path or None
        Folders and files of studies (``--registry``).
    only : bool
        Only those (``--only``).

    Raises
    ------
    InputError
        For `only` without a folder.
    RegistryError
        With every problem of every file.
    """
    require_registry(folders, only)
    registry = load_registry(*(folders or ()), alone=only)
    tell_replaced(registry)
    return registry


def converted(registry: Registry, wanted: Sequence[str] | None) -> Registry:
    """Return a registry with the endpoints of ``--convert`` read as others.

    Raises
    ------
    InputError
        For a conversion that the vocabulary does not allow; the message says why.
    """
    if not wanted:
        return registry
    from studies.registry import ConversionError, convert_endpoints

    try:
        return convert_endpoints(registry, wanted)
    except ConversionError as error:
        raise InputError(str(error)) from None


def require_registry(named: Sequence[Path] | None, only: bool) -> None:
    """Refuse to leave the shipped studies out where nothing else is named."""
    if only and not named:
        raise InputError("--only needs --registry DIR: without it no study is left.")


def tell_replaced(registry: Registry, before: Registry | None = None) -> None:
    """Say which study files stand in the place of another, but for what was said before.

    Also those of reports that were left out so far.
    """
    told = () if before is None else before.replaced
    for study_id, _ in registry.replaced[len(told) :]:
        file = shown_path(registry.files[study_id])
        typer.echo(f"{file} is used in place of the {study_id} read before it.", err=True)
    for report in registry.taken_in[0 if before is None else len(before.taken_in) :]:
        file, reason = shown_path(registry.files[report.id]), report.reason.rstrip(".")
        typer.echo(f"{file} is used, although {report.id} was left out so far: {reason}.", err=True)


def find(registry: Registry, wanted: Wanted) -> tuple[tuple[Study, Cohort], ...]:
    """Return the cohorts that are looked for.

    Raises
    ------
    InputError
        For a word that the vocabulary does not know and that looks like none of its words; it
        names the words there are.
    """
    try:
        return find_cohorts(registry, wanted)
    except UnknownWordError as error:
        if error.suggestion:
            raise
        words = known_words(registry.vocabulary)[error.kind]
        raise InputError(f"{error}; possible: {', '.join(words)}.") from None


def read_priors(path: Path | None) -> Priors | None:
    """Read a file of priors; None where no file was named.

    Raises
    ------
    InputError
        When the file cannot be used.
    """
    if path is None:
        return None
    from priors import PriorsError, load_priors

    try:
        return load_priors(path)
    except PriorsError as error:
        raise InputError(f"{str(error).rstrip('.')}.") from None


# --- Working and telling -------------------------------------------------------------------------


@contextmanager
def progress() -> Iterator[Tell]:
    """Give a function that shows what is being done; silent when stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: None
        return
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda step: bar.update(task, description=step)


def emit(text: str, output: Path | None) -> None:
    """Write a text to a file, or to standard output where none is given.

    Raises
    ------
    OutputError
        When the file cannot be written; an earlier one stays as it is.
    """
    text = text if text.endswith("\n") else f"{text}\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    check_file(output)
    with staged_file(output) as path:
        path.write_text(text, encoding="utf-8", newline="\n")
    typer.echo(f"Written: {output}", err=True)


# --- Errors and exit codes -----------------------------------------------------------------------


def run(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run a command line and return its exit code.

    The one place where bad input becomes a sentence and exit code 2.

    Parameters
    ----------
    app : Typer
        The command line.
    arguments : sequence of str or None
        The words after the name of the program; None: those of the process.
    """
    spell_what_cannot_be_shown()
    try:
        given = None if arguments is None else list(arguments)
        code = app(args=given, prog_name="atc", standalone_mode=False)
    except RegistryError as error:
        return _refuse([str(placed(problem)) for problem in error.problems] or [str(error)])
    except UnknownWordError as error:
        return _refuse([sentence(error)])
    except (InputError, OutputError) as error:
        return _refuse([str(error)])
    except SystemExit:  # typer leaves so, and only so, when nobody reads on
        return PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):  # only an error of usage knows its own words
            raise
        return _refuse([error.format_message()])
    if code == INTERRUPTED:
        typer.echo("Interrupted; nothing was written.", err=True)
    return code if isinstance(code, int) else 0


def sentence(error: UnknownWordError) -> str:
    """What an unknown word is told, as a sentence."""
    return f"{str(error).rstrip('?')}{'?' if error.suggestion else '.'}"


def _refuse(sentences: Sequence[str]) -> int:
    for sentence in filter(None, sentences):
        typer.echo(" ".join(sentence.split()), err=True)
    return BAD_INPUT
