"""`atc studies new`, `import`, `export` and `schema`: study files written and read as documents."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from studies import Registry
from studies.documents import SCHEMA_FILE, SHIPPED_SCHEMA
from synthesis.cli.options import (
    ClassOption,
    DesignOption,
    DiseaseOption,
    ExportFormatOption,
    FolderOption,
    OnlyOption,
    OutputOption,
    PrintsOption,
    RegistryOption,
    StatusOption,
    TreatmentOption,
    YearOption,
    examples,
    first_and_last,
)
from synthesis.cli.running import CHECK_FOUND, InputError, emit, find, read_registry
from synthesis.staging import check_folder, staged_file, staged_folder
from synthesis.text.checking import check, checked_lines
from synthesis.text.listing import Wanted
from synthesis.text.plain import count, shown_path

NEW_EXAMPLES = examples(
    "atc studies new smith2024 --arms 3", "atc studies new smith2024 --folder my_studies"
)
IMPORT_EXAMPLES = examples(
    "atc studies import --template > arms.csv", "atc studies import arms.csv --folder my_studies"
)
EXPORT_EXAMPLES = examples(
    "atc studies export --format json -o registry.json",
    "atc studies export --format bibtex --treatment lenvatinib -o lenvatinib.bib",
)
SCHEMA_EXAMPLES = examples(f"atc studies schema -o {SCHEMA_FILE}")


def new(
    study_id: Annotated[
        str, typer.Argument(metavar="ID", help="Name of the study, such as smith2024.")
    ],
    folder: FolderOption = Path("."),
    arms: Annotated[
        int, typer.Option("--arms", metavar="N", min=1, max=50, help="Arms of the report.")
    ] = 1,
    registry: RegistryOption = None,
    only: OnlyOption = False,
) -> None:
    """Start a study file. Every key stands there with what belongs to it, to be filled in."""
    loaded = read_registry(registry, only)
    _refuse_known(study_id, loaded)
    from studies.guide import schema_text, skeleton

    above = (folder.absolute().parent / SCHEMA_FILE).is_file()  # as in the shipped registry
    beside = (folder / SCHEMA_FILE).exists() or not above
    schema = f"./{SCHEMA_FILE}" if beside else SHIPPED_SCHEMA
    text = skeleton(study_id, loaded.vocabulary, arms=arms, schema=schema)
    path = folder / f"{study_id}.toml"
    if path.exists():
        raise InputError(f"{path} exists already; edit it, or choose another identifier.")
    check_folder(folder)
    with staged_folder(folder) as stage:
        (stage / path.name).write_text(text, encoding="utf-8", newline="\n")
        if beside and not (folder / SCHEMA_FILE).exists():
            words = schema_text(loaded.vocabulary)
            (stage / SCHEMA_FILE).write_text(words, encoding="utf-8", newline="\n")
    typer.echo(f"Written: {path}")
    typer.echo("Fill in what the report prints, to the digit and in its unit, then:")
    for line in _next_commands(str(path), registry, only):
        typer.echo(f"  {line}")


def _refuse_known(study_id: str, registry: Registry) -> None:
    """Refuse the identifier of a report that the registry holds; say if it was left out."""
    if study_id in registry.studies:
        file = shown_path(registry.files[study_id])
        raise InputError(f"{study_id} is in the registry already: {file}; edit that file.")
    for report in registry.excluded:
        if report.id == study_id:
            reason = report.reason.rstrip(".")
            typer.echo(
                f"{study_id} was found before and left out: {reason}. If this is another report of "
                "the same authors and year, choose another identifier.",
                err=True,
            )


def _next_commands(path: str, registry: Sequence[Path] | None, only: bool) -> tuple[str, ...]:
    """Return what to run on a new study file, with the registry it was made for."""
    words = [f"--registry {shlex.quote(str(folder))}" for folder in registry or ()]
    rest = " ".join(["", *words, *(["--only"] if only else [])])
    path = shlex.quote(path)
    return f"atc studies check {path}{rest}", f"atc impact {path}{rest}"


def import_studies(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A table of arms, or an export: .csv or .json."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            help="New or empty folder for the study files; otherwise named like the file.",
        ),
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print the header of a table of arms.")
    ] = False,
    registry: RegistryOption = None,
    only: OnlyOption = False,
) -> None:
    """Make study files of a table of arms or an export. They are checked then."""
    if template:
        from studies.arms import arms_header

        emit(arms_header(read_registry(registry, only).vocabulary), None)
        return
    if file is None:
        raise InputError("no FILE to import; --template prints the header of a table to fill in.")
    kind = file.suffix.lower().removeprefix(".")
    if kind not in ("csv", "json"):
        raise InputError(f"{file} is neither *.csv nor *.json; give a table of arms or an export.")
    from studies.arms import studies_from_arms
    from studies.documents import read_json, write_files

    loaded, text = read_registry(registry, only), _text_of(file)
    files = (
        read_json(text, str(file))
        if kind == "json"
        else studies_from_arms(text, str(file), loaded.vocabulary)
    )
    target = folder if folder is not None else file.with_suffix("")
    written = write_files(files, target, schema=f"./{SCHEMA_FILE}")
    _write_schema(loaded, target)
    typer.echo(f"Written: {count(len(written), 'file')} in {target}")
    _, found = check([target], folders=registry or (), alone=only)
    for line in checked_lines(found):
        typer.echo(line)
    if not found.clean:
        raise typer.Exit(CHECK_FOUND)


def _write_schema(registry: Registry, folder: Path) -> None:
    from studies.guide import schema_text

    with staged_file(folder / SCHEMA_FILE) as path:
        path.write_text(schema_text(registry.vocabulary), encoding="utf-8", newline="\n")


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{file} is not in UTF-8; save it as CSV in UTF-8.") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{file} cannot be read ({reason}); give a .csv or .json file.") from None


def export(
    format_: ExportFormatOption,
    output: OutputOption = None,
    treatment: TreatmentOption = None,
    treatment_class: ClassOption = None,
    endpoint: PrintsOption = None,
    design: DesignOption = None,
    year: YearOption = None,
    status: StatusOption = None,
    disease: DiseaseOption = None,
    registry: RegistryOption = None,
    only: OnlyOption = False,
) -> None:
    """Write the registry. As json it is complete and can be imported again.

    bibtex has the citations, table one row for each cohort and endpoint; both can be filtered.
    """
    if format_ == "csv":
        raise InputError(
            "a registry is exported as json, complete; for a table use atc studies export "
            "--format table or atc studies list --format csv."
        )
    loaded = read_registry(registry, only)
    wanted = Wanted(
        treatment, treatment_class, endpoint, design, first_and_last(year), status, disease
    )
    if format_ == "json":
        if wanted != Wanted():
            raise InputError(
                "json holds the whole registry: leave the filters out, or choose --format table "
                "or bibtex."
            )
        from studies.documents import export_json

        emit(export_json(loaded), output)
        return
    cohorts = find(loaded, wanted)
    if format_ == "bibtex":
        from studies.documents import bibtex

        emit(bibtex({study.id: study for study, _ in cohorts}.values()), output)
        return
    from synthesis.cli.frames import cohort_frame, csv_text

    emit(csv_text(cohort_frame(loaded, cohorts, endpoint)), output)


def schema(
    output: OutputOption = None, registry: RegistryOption = None, only: OnlyOption = False
) -> None:
    """Print the JSON Schema of study files. With it an editor completes keys and words."""
    from studies.guide import schema_text

    emit(schema_text(read_registry(registry, only).vocabulary), output)
