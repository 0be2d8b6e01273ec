"""The command line: `atc report`, `atc compare`, `atc studies ...`; `COMMANDS` lists them.

Thin: every command parses its options and calls one verb of the packages. What samples, draws or
tabulates is imported inside the commands, so that help, listing and checking answer at once.

Exit codes: 0 when all went well; 1 when `atc studies check` found something to look at; 2 for
input that cannot be used; 130 when interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import typer

from synthesis.cli import commands, running, studies
from synthesis.cli.options import examples, option
from synthesis.result import RESEARCH_USE

app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    epilog=RESEARCH_USE,
)
#: Commands in order of the list, each with its line there.
COMMANDS = {
    commands.report: "Pool the cohorts and write the report.",
    commands.forest: "Draw one forest plot.",
    commands.impact: "Say what new studies change.",
    commands.cumulative: "Pooled answers year by year.",
    commands.compare: "Compare treatments.",
    commands.benefit: "Benefit in pure and in mixed tumours.",
    commands.mix: "Survival of a stated population.",
    commands.sensitivity: "Which choice changes what.",
    commands.bias: "Biased reports, small studies (optional).",
    commands.plan: "What the next study would conclude.",
    commands.control: "A new arm as a prior of a trial.",
    commands.pool: "A plain meta-analysis of a table.",
    commands.reproduce: "Make a report again and compare.",
    commands.cache: "What is kept, and removing it.",
}
EXAMPLES = """\
atc report --out results
atc report --endpoint os --registry my_studies --verified-only
atc report --reference paclitaxel --delta 2 --sensitivity
atc report --since 2023
atc forest os -o forest_os.pdf
atc forest pfs --treatment lenvatinib --width slide -o lenvatinib.png
atc forest os --class chemotherapy --sort year --columns n,model -o chemotherapy.tiff
atc forest os --disease squamous -o squamous.pdf
atc impact smith2024.toml
atc impact smith2024.toml --endpoint os --out impact_smith2024
atc cumulative --endpoint os
atc cumulative --endpoint response --verified-only --out years
atc compare --endpoint os
atc compare --reference "best supportive care" --histology pure --delta 2 --out compared
atc compare --endpoint os --confounding 2
atc benefit --by histology
atc benefit --by histology --endpoint os --reference paclitaxel --delta 2 --out benefit
atc mix --treatment lenvatinib --mixed 0.3
atc mix --mixed 0.2 --braf 0 --line pretreated --treatment lenvatinib --reference paclitaxel
atc sensitivity
atc sensitivity --treatment lenvatinib --choice priors --choice studies --out choices
atc bias
atc bias --endpoint pfs --family weibull --out bias
atc plan --treatment lenvatinib
atc plan --treatment dabrafenib_trametinib --design randomised --n 60 --n 120 --out plan
atc control --endpoint os --design randomised
atc control --treatment lenvatinib --mixed 0.3 --robust 0.5 --out control
atc pool effects.csv --scale ratio
atc pool responses.csv --out pooled
atc reproduce results
atc reproduce results/manifest.json --registry my_studies
atc cache list
atc cache clear
""".splitlines()
for command, line in COMMANDS.items():
    own = (text for text in EXAMPLES if text.split()[1] == command.__name__)
    app.command(short_help=line, epilog=examples(*own))(command)
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
    show_version: option(
        bool, "--version", None, "Show the version and exit.", _show_version, is_eager=True
    ) = False,
) -> None:
    """Bayesian evidence synthesis of published cohorts of anaplastic thyroid cancer."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the words after `atc`, those of the process when none are given; return the exit code."""
    return running.run(app, arguments)
