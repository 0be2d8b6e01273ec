"""The command line: `atc report`, `atc forest`, `atc studies list`, `atc studies check`.

Thin: every command parses its options and calls one verb of the packages. What samples, draws or
tabulates is imported inside the commands, so that help, listing and checking answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from studies import Registry, RegistryError, UnknownWordError, load_registry
from synthesis.cli_options import (
    SUFFIXES,
    CacheOption,
    DrawsOption,
    EndpointArgument,
    EndpointsOption,
    FamilyOption,
    MixOption,
    RegistryOption,
    SeedOption,
    WidthOption,
)
from synthesis.staging import OutputError, check_file, check_folder, staged_file

if TYPE_CHECKING:
    from synthesis.analysis import Analysis

BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    epilog="For research use; not for decisions about an individual patient.",
)
studies_app = typer.Typer(rich_markup_mode=None)
app.add_typer(studies_app, name="studies")


class InputError(Exception):
    """Something the user gave cannot be used; the message is one sentence."""


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        typer.echo(f"atc {version('atc-synthesis')}")
    except PackageNotFoundError:
        typer.echo("atc (not installed)")
    raise typer.Exit


def _help_if_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@studies_app.callback(invoke_without_command=True)
def _studies(context: typer.Context) -> None:
    """List and check the study files."""
    _help_if_alone(context)


@app.callback(invoke_without_command=True)
def _atc(
    context: typer.Context,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Bayesian evidence synthesis of published cohorts of anaplastic thyroid cancer."""
    _help_if_alone(context)


@app.command()
def report(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the report.")
    ] = Path("results"),
    endpoint: EndpointsOption = None,
    seed: SeedOption = None,
    draws: DrawsOption = None,
    registry: RegistryOption = None,
    reference_mix: MixOption = None,
    family: FamilyOption = None,
    cache: CacheOption = True,
) -> None:
    """Pool the cohorts and write the report."""
    check_folder(out)
    loaded = load_registry(registry)
    options = {"seed": seed, "draws": draws, "reference_mix": reference_mix, "family": family}
    wanted = tuple(dict.fromkeys(endpoint)) if endpoint else None
    with _progress() as tell:
        analysis = _analyse(loaded, options | {"endpoints": wanted}, tell, cache)
        from synthesis.report import write_report

        tell("writing the report")
        files = write_report(analysis, out)
    _print_summary(analysis, out, len(files))


@app.command()
def forest(
    endpoint: EndpointArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The picture: .svg, .pdf or .png")
    ],
    treatment: Annotated[
        str | None, typer.Option("--treatment", metavar="T", help="Only this treatment.")
    ] = None,
    width: WidthOption = "two-column",
    seed: SeedOption = None,
    draws: DrawsOption = None,
    registry: RegistryOption = None,
    reference_mix: MixOption = None,
    family: FamilyOption = None,
    cache: CacheOption = True,
) -> None:
    """Draw the forest plot of one endpoint into one file."""
    if output.suffix.lower() not in SUFFIXES:
        found = f"'{output.suffix}'" if output.suffix else "no suffix"
        raise InputError(f"{output} has {found}; name the picture *{', *'.join(SUFFIXES)}.")
    check_file(output)
    loaded = load_registry(registry)
    label = _pooled_treatment(loaded, endpoint, treatment) if treatment is not None else None
    options = {"seed": seed, "draws": draws, "reference_mix": reference_mix, "family": family}
    options |= {"endpoints": (endpoint,), "alternatives": False}
    with _progress() as tell:
        analysis = _analyse(loaded, options, tell, cache)
        from synthesis.report.figures import save_forest

        tell("drawing the forest plot")
        with staged_file(output) as path:
            save_forest(analysis, endpoint, path, treatment=label, width=width)
    _print_verdicts(analysis)
    typer.echo(f"Forest plot: {output}")


@studies_app.command("list")
def list_studies(
    treatment: Annotated[
        str | None, typer.Option("--treatment", metavar="T", help="Only this treatment.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="E", help="Only cohorts that print it.")
    ] = None,
    registry: RegistryOption = None,
) -> None:
    """List the cohorts of the registry, one on a line."""
    from synthesis.listing import RESPONSE, cohort_lines

    loaded = load_registry(registry)
    known = dict.fromkeys([*(item.id for item in loaded.vocabulary.endpoints), RESPONSE])
    if endpoint is not None and endpoint.lower() not in known:
        raise InputError(
            f"unknown endpoint '{endpoint}'; possible: {', '.join(dict.fromkeys(known))}."
        )
    for line in cohort_lines(loaded, treatment=treatment, endpoint=endpoint):
        typer.echo(line)


@studies_app.command("check")
def check_studies(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Folder of study files.")
    ] = None,
) -> None:
    """Check every study file; all problems are told at once."""
    loaded = load_registry(folder)
    cohorts = sum(len(study.cohorts) for study in loaded.studies.values())
    typer.echo(f"{len(loaded)} reports with {cohorts} cohorts read; no problem found.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The one place where bad input becomes a sentence and exit code 2.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after `atc`; those of the process when not given.

    Returns
    -------
    int
        0 when all went well, 2 for input that cannot be used, 130 when interrupted.
    """
    usage_error = typer.BadParameter.__bases__[0]
    try:
        given = None if arguments is None else list(arguments)
        code = app(args=given, prog_name="atc", standalone_mode=False)
    except usage_error as error:
        return _refuse([error.format_message()])
    except RegistryError as error:
        return _refuse([str(problem) for problem in error.problems] or [str(error)])
    except UnknownWordError as error:
        return _refuse([f"{str(error).rstrip('?')}{'?' if error.suggestion else '.'}"])
    except (InputError, OutputError) as error:
        return _refuse([str(error)])
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        typer.echo("Interrupted; nothing was written.", err=True)
    return code if isinstance(code, int) else 0


def _refuse(sentences: Sequence[str]) -> int:
    for sentence in filter(None, sentences):
        typer.echo(" ".join(sentence.split()), err=True)
    return BAD_INPUT


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Give a function that shows what is being done; silent when stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: None
        return
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda step: progress.update(task, description=step)


def _analyse(
    registry: Registry, options: dict[str, object], tell: Callable[[str], None], cache: bool
) -> Analysis:
    tell("loading the sampler")
    from synthesis.analysis import Settings, analyse
    from synthesis.models import NothingToPoolError

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return analyse(registry, Settings(**given), progress=tell, cache=cache)
    except NothingToPoolError as error:
        raise InputError(str(error)) from None


def _pooled_treatment(registry: Registry, endpoint: str, name: str) -> str:
    """Return the label of a treatment that has a cohort in the pool of the endpoint."""
    from studies.selection import select

    pooled = {ref.treatment for ref in select(registry, endpoint).counted}
    try:
        found = registry.vocabulary.treatment(name)
    except UnknownWordError as error:
        raise InputError(f"{error} Possible for {endpoint}: {', '.join(sorted(pooled))}.") from None
    if found.id not in pooled:
        raise InputError(
            f"no cohort of {found.id} is pooled for {endpoint}; "
            f"possible: {', '.join(sorted(pooled))}."
        )
    return found.label


def _print_verdicts(analysis: Analysis) -> None:
    for name, verdict in analysis.verdicts.items():
        typer.echo(f"{verdict:<6}  {name}")


def _print_summary(analysis: Analysis, out: Path, files: int) -> None:
    for answer in analysis.answers:
        typer.echo(f"{answer.question}\n{indent(answer.text, '  ')}\n")
    _print_verdicts(analysis)
    typer.echo(f"\nReport: {out / 'report.html'} ({files} files)")
