"""The command line: `atc report`, `atc forest`, `atc impact`, `atc compare` and `atc studies ...`.

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
app.command(epilog=reports.REPORT_EXAMPLES)(reports.report)
app.command(epilog=reports.FOREST_EXAMPLES)(reports.forest)
app.command(epilog=impact.EXAMPLES)(impact.impact)
app.command(epilog=compare.EXAMPLES)(compare.compare)
app.command(epilog=sensitivity.EXAMPLES)(sensitivity.sensitivity)
app.command(epilog=benefit.BENEFIT_EXAMPLES)(benefit.benefit)
app.command(epilog=benefit.MIX_EXAMPLES)(benefit.mix)
app.command(epilog=control.EXAMPLES)(control.control)
app.command(epilog=bias.EXAMPLES)(bias.bias)
app.command(epilog=plan.EXAMPLES)(plan.plan)
app.add_typer(studies.app, name="studies")


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
