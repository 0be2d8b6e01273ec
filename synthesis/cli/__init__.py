"""The command line: `atc report`, `atc compare`, `atc studies ...`; `COMMANDS` lists them.

Thin: every command parses its options and calls one verb of the packages. What samples, draws or
tabulates is imported inside the commands, so that help, listing and checking answer at once.

Exit codes: 0 when all went well; 1 when `atc studies check` found something to look at; 2 for
input that cannot be used; 130 when interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from synthesis.cli import (
    benefit,
    bias,
    compare,
    control,
    impact,
    plan,
    reports,
    running,
    sensitivity,
    studies,
)

app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    epilog=running.RESEARCH_USE,
)
#: Commands in order of the list, each with its line there and the examples of its own help.
COMMANDS = (
    (reports.report, "Pool the cohorts and write the report.", reports.REPORT_EXAMPLES),
    (reports.forest, "Draw one forest plot.", reports.FOREST_EXAMPLES),
    (impact.impact, "Say what new studies change.", impact.EXAMPLES),
    (compare.compare, "Compare treatments.", compare.EXAMPLES),
    (benefit.benefit, "Benefit in pure and in mixed tumours.", benefit.BENEFIT_EXAMPLES),
    (benefit.mix, "Survival of a stated population.", benefit.MIX_EXAMPLES),
    (sensitivity.sensitivity, "Which choice changes what.", sensitivity.EXAMPLES),
    (bias.bias, "Biased reports, small studies (optional).", bias.EXAMPLES),
    (plan.plan, "What the next study would conclude.", plan.EXAMPLES),
    (control.control, "A new arm as a prior of a trial.", control.EXAMPLES),
)
for command, line, examples_of_it in COMMANDS:
    app.command(short_help=line, epilog=examples_of_it)(command)
app.add_typer(studies.app, name="studies", short_help="List, check, add and exchange studies.")


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        typer.echo(f"atc {version('atc-synthesis')}")
    except PackageNotFoundError:
        typer.echo("atc (not installed)")
    raise typer.Exit


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
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after `atc`; those of the process when not given.

    Returns
    -------
    int
        0 when all went well, 1 when a check found something to look at, 2 for input that cannot be
        used, 130 when interrupted.
    """
    return running.run(app, arguments)
