"""`atc studies list`, `show`, `check` and `overlaps`: what the registry holds."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from studies import Registry, UnknownWordError
from studies.files import sources_of
from studies.problems import closest
from synthesis.cli import study_files
from synthesis.cli.options import (
    CheckFormatOption,
    ClassOption,
    DesignOption,
    DiseaseOption,
    ListFormatOption,
    OnlyOption,
    OutputOption,
    PooledOption,
    PrintsOption,
    RegistryOption,
    StatusOption,
    TreatmentOption,
    YearOption,
    examples,
    first_and_last,
)
from synthesis.cli.running import (
    CHECK_FOUND,
    InputError,
    emit,
    find,
    read_registry,
    require_registry,
    tell_replaced,
)
from synthesis.text.checking import check, checked_lines, checked_record
from synthesis.text.listing import Wanted, cohort_lines, excluded_in, excluded_lines

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def _studies(context: typer.Context) -> None:
    """List, show, check, add and exchange the studies of the registry."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(
    "list",
    epilog=examples(
        "atc studies list --treatment lenvatinib --year 2015-",
        "atc studies list --class multikinase_inhibitor --endpoint pfs --format csv -o pfs.csv",
        "atc studies list --excluded",
    ),
)
def list_studies(
    treatment: TreatmentOption = None,
    treatment_class: ClassOption = None,
    endpoint: PrintsOption = None,
    design: DesignOption = None,
    year: YearOption = None,
    status: StatusOption = None,
    disease: DiseaseOption = None,
    excluded: Annotated[
        bool, typer.Option("--excluded", help="The reports that were left out, with the reason.")
    ] = False,
    format_: ListFormatOption = "table",
    output: OutputOption = None,
    registry: RegistryOption = None,
    only: OnlyOption = False,
) -> None:
    """List the cohorts, one on a line. As csv or json: a row for each endpoint."""
    loaded = read_registry(registry, only)
    wanted = Wanted(
        treatment, treatment_class, endpoint, design, first_and_last(year), status, disease
    )
    if excluded:
        if wanted != Wanted(years=wanted.years):
            raise InputError("--excluded knows no figures; only --year goes with it.")
        emit(_excluded_text(loaded, wanted, format_, _width(output)), output)
        return
    cohorts = find(loaded, wanted)
    if format_ == "table":
        emit("\n".join(cohort_lines(loaded, cohorts, width=_width(output))), output)
        return
    from synthesis.cli.frames import cohort_frame, csv_text, json_text

    frame = cohort_frame(loaded, cohorts, wanted.endpoint)
    emit(csv_text(frame) if format_ == "csv" else json_text(frame), output)


@app.command(epilog=examples("atc studies show sparano2021"))
def show(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="Identifier of the report.")],
    registry: RegistryOption = None,
    only: OnlyOption = False,
) -> None:
    """Show one report. Figures as printed, overlaps, what is counted and why, what looks odd."""
    from synthesis.text.showing import excluded_study_lines, study_lines

    loaded = read_registry(registry, only)
    left_out = {report.id: report for report in loaded.excluded}
    if study_id in left_out:
        lines = excluded_study_lines(left_out[study_id])
    elif study_id in loaded.studies:
        lines = study_lines(loaded, study_id)
    else:
        raise UnknownWordError("report", study_id, closest(study_id, [*loaded.studies, *left_out]))
    typer.echo("\n".join(lines))


@app.command(
    "check",
    epilog=examples("atc studies check", "atc studies check my_studies/smith2024.toml --notes")
    + "\n\nExit code 0: no error and no warning left to acknowledge; 1: some; 2: nothing to check.",
)
def check_studies(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE|DIR", help="What to check; otherwise all studies."),
    ] = None,
    notes: Annotated[
        bool, typer.Option("--notes", help="Also list notes and acknowledged warnings.")
    ] = False,
    format_: CheckFormatOption = "text",
    registry: RegistryOption = None,
    only: OnlyOption = False,
) -> None:
    """Check study files, all problems at once. Files are read beside the whole registry."""
    given = [*(registry or ()), *(paths or ())]
    require_registry(given, only)
    sources_of(given)  # a place without study files is no finding: nothing can be checked
    whole = notes or format_ == "json"
    loaded, found = check(paths or (), folders=registry or (), alone=only, lines_of_notes=whole)
    if loaded is not None:
        tell_replaced(loaded)
    if format_ == "json":
        typer.echo(json.dumps(checked_record(found), indent=2, ensure_ascii=False))
    else:
        for line in checked_lines(found, notes=notes):
            typer.echo(line)
    if not found.clean:
        raise typer.Exit(CHECK_FOUND)


@app.command(
    epilog=examples(
        "atc studies overlaps sparano2021",
        "atc studies overlaps --endpoint pfs --verbose",
        "atc studies overlaps --rule",
    )
)
def overlaps(
    study_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Only the group of this report.")
    ] = None,
    endpoint: PooledOption = None,
    rule: Annotated[
        bool, typer.Option("--rule", help="Print the order of precedence, and nothing else.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Every overlap with its reason, and who gives way.")
    ] = False,
    registry: RegistryOption = None,
    only: OnlyOption = False,
) -> None:
    """Show which reports share patients, one line a group: how many of its cohorts count."""
    from synthesis.text.overlaps import overlap_lines, rule_lines

    if rule:
        typer.echo("\n".join(rule_lines()))
        return
    loaded = read_registry(registry, only)
    if study_id is not None:
        loaded.study(study_id)
    lines = overlap_lines(
        loaded, study_id=study_id, endpoint=endpoint, verbose=verbose, width=_width()
    )
    typer.echo("\n".join(lines))


def _width(output: Path | None = None) -> int | None:
    """Columns of the terminal; None where the text goes to a pipe or a file."""
    return shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None


def _excluded_text(registry: Registry, wanted: Wanted, format_: str, width: int | None) -> str:
    reports = excluded_in(registry, wanted.years)
    if format_ == "table":
        return "\n".join(excluded_lines(reports, width=width))
    from synthesis.cli.frames import csv_text, excluded_frame, json_text

    frame = excluded_frame(reports)
    return csv_text(frame) if format_ == "csv" else json_text(frame)


app.command(epilog=study_files.NEW_EXAMPLES)(study_files.new)
app.command("import", epilog=study_files.IMPORT_EXAMPLES)(study_files.import_studies)
app.command("export", epilog=study_files.EXPORT_EXAMPLES)(study_files.export)
app.command(epilog=study_files.SCHEMA_EXAMPLES)(study_files.schema)
