"""`atc studies`: what the registry holds, and study files written and read as documents."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from priors import load_priors, priors_skeleton
from studies import Cohort, Registry, Study, UnknownWordError, Vocabulary, load_vocabulary
from studies.documents import SCHEMA_FILE, SHIPPED_SCHEMA
from studies.files import PRIORS_FILE, VOCABULARY_FILE, sources_of
from studies.problems import Problem, RegistryError, closest
from studies.registry import Excluded
from studies.schema import Subgroup
from synthesis.cli import listing, running
from synthesis.cli import options as of
from synthesis.cli.listing import Wanted, shown_path
from synthesis.cli.options import argument, examples, flag
from synthesis.cli.request import with_options
from synthesis.cli.running import CHECK_FOUND, InputError, emit, read_registry, text_of
from synthesis.numbers import count
from synthesis.staging import check_folder, staged_file, staged_folder, write_texts

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(rich_markup_mode=None)
Read = Callable[[], Registry]

_FILTERS = {
    "treatment": (of.TreatmentOption, None),
    "treatment_class": (of.ClassOption, None),
    "endpoint": (of.PrintsOption, None),
    "design": (of.DesignOption, None),
    "years": (of.YearOption, None),
    "status": (of.StatusOption, None),
    "disease": (of.DiseaseOption, None),
}
_REGISTRY = {"registry": (of.RegistryOption, None), "only": (of.OnlyOption, False)}


def _with_registry(answer: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that is given what reads a registry, and own options."""

    def run(registry: list[Path] | None, only: bool, **given: Any) -> None:
        answer(lambda: read_registry(registry, only), **given)

    return with_options(run, answer, _REGISTRY)


def _filtered(answer: Callable[..., None]) -> Callable[..., None]:
    """The same with what is looked for in the registry."""

    def run(registry: list[Path] | None, only: bool, **given: Any) -> None:
        words = {name: given.pop(name) for name in _FILTERS}
        wanted = Wanted(**words | {"treatment": tuple(words["treatment"] or ())})
        answer(lambda: read_registry(registry, only), wanted, **given)

    return with_options(run, answer, _FILTERS | _REGISTRY, skip=2)


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
@_filtered
def list_studies(
    read: Read,
    wanted: Wanted,
    excluded: flag("--excluded", "The reports that were left out, with the reason.") = False,
    format_: of.ListFormatOption = "table",
    output: of.OutputOption = None,
) -> None:
    """List the cohorts, one on a line. As csv or json: a row for each endpoint."""
    registry, width, table = read(), _width(output), format_ == "table"
    if not excluded:
        cohorts = _found(registry, wanted)
        if table:
            rows = listing.cohort_lines(registry, cohorts, width=width)
        else:
            rows = _frame(registry, cohorts, wanted.endpoint)
    elif wanted != Wanted(years=wanted.years):
        raise InputError("--excluded knows no figures; only --year goes with it.")
    else:
        reports = listing.excluded_in(registry, wanted.years)
        rows = listing.excluded_lines(reports, width=width) if table else _excluded(reports)
    emit("\n".join(rows) if table else _text_of_table(rows, format_), output)


def _width(output: Path | None = None) -> int | None:
    """Columns of the terminal; None where the text goes to a pipe or a file."""
    return shutil.get_terminal_size().columns if output is None and sys.stdout.isatty() else None


def _found(registry: Registry, wanted: Wanted) -> tuple[tuple[Study, Cohort], ...]:
    """Return the cohorts that are looked for; an unknown word is told the words."""
    try:
        return listing.find_cohorts(registry, wanted)
    except UnknownWordError as error:
        if error.suggestion:
            raise
        words = listing.known_words(registry.vocabulary)[error.kind]
        having = [word for word in words if error.word.casefold() in word.casefold()]
        which = "possible with it" if having else "possible"
        raise InputError(f"{error}; {which}: {', '.join(having or words)}.") from None


def _frame(
    registry: Registry, cohorts: Iterable[tuple[Study, Cohort]], endpoint: str | None
) -> pd.DataFrame:
    """Return the rows of some cohorts from the table of a registry; those of one endpoint."""
    from studies.documents import registry_frame

    frame = registry_frame(registry)
    wanted = {(study.id, cohort.id) for study, cohort in cohorts}
    keep = [key in wanted for key in zip(frame["study_id"], frame["cohort_id"], strict=True)]
    return _of_endpoint(frame[keep], endpoint)


def _of_endpoint(frame: pd.DataFrame, endpoint: str | None) -> pd.DataFrame:
    """Return the rows of one endpoint, all for none."""
    if endpoint is not None:
        frame = frame[frame["endpoint"].fillna("").str.casefold() == endpoint.casefold()]
    return frame.reset_index(drop=True)


def _excluded(reports: Iterable[Excluded]) -> pd.DataFrame:
    """Return reports that were left out as a table, a row for each."""
    import pandas as pd

    columns = ["study_id", "year", "n", "reason", "authors", "title", "journal", "doi", "pmid"]
    rows = [
        {
            **dict(report.citation),
            "study_id": report.id,
            "n": "; ".join(map(str, report.n)) or None,
            "reason": " ".join(report.reason.split()),
            "authors": "; ".join(report.citation.authors) or None,
        }
        for report in reports
    ]
    return pd.DataFrame(rows, columns=columns).astype({"year": "Int64"})


def _text_of_table(frame: pd.DataFrame, format_: str) -> str:
    """Return a table as text: csv, or a JSON list of objects with null for what is missing."""
    if format_ == "csv":
        from studies.documents import csv_of

        return csv_of(frame)
    plain = frame.astype(object).where(frame.notna(), None)
    return json.dumps(plain.to_dict("records"), indent=2, ensure_ascii=False)


@app.command(epilog=examples("atc studies show sparano2021"))
@_with_registry
def show(read: Read, study_id: argument(str, "ID", "Identifier of the report.")) -> None:
    """Show one report. Figures as printed, overlaps, what is counted and why, what looks odd."""
    from synthesis.cli.showing import excluded_study_lines, study_lines

    registry = read()
    left_out = {report.id: report for report in registry.excluded}
    if study_id not in {*left_out, *registry.studies}:
        known = [*registry.studies, *left_out]
        raise UnknownWordError("report", study_id, closest(study_id, known))
    excluded = left_out.get(study_id)
    lines = excluded_study_lines(excluded) if excluded else study_lines(registry, study_id)
    typer.echo("\n".join(lines))


@app.command(
    "check",
    epilog=examples("atc studies check", "atc studies check my_studies/smith2024.toml --notes")
    + "\n\nExit code 0: no error and no warning left to acknowledge; 1: some; 2: nothing to check.",
)
def check_studies(
    paths: argument(list[Path] | None, "FILE|DIR", "What to check; otherwise all studies.") = None,
    notes: flag("--notes", "Also list notes and acknowledged warnings.") = False,
    format_: of.CheckFormatOption = "text",
    registry: of.RegistryOption = None,
    only: of.OnlyOption = False,
) -> None:
    """Check study files, all problems at once. Files are read beside the whole registry."""
    given = [*(registry or ()), *(paths or ())]
    running.require_registry(given, only)
    sources_of(given)  # a place without study files is no finding: nothing can be checked
    whole = notes or format_ == "json"
    loaded, found = listing.check(
        paths or (), folders=registry or (), alone=only, lines_of_notes=whole
    )
    if loaded is not None:
        running.tell_replaced(loaded)
    if format_ == "json":
        typer.echo(json.dumps(listing.checked_record(found), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(listing.checked_lines(found, notes=notes)))
    if loaded is not None:
        load_priors(loaded.priors)  # refuses what no analysis could use
    if not found.clean:
        raise typer.Exit(CHECK_FOUND)


@app.command(
    epilog=examples(
        "atc studies overlaps sparano2021",
        "atc studies overlaps --endpoint pfs --verbose",
        "atc studies overlaps --rule",
    )
)
@_with_registry
def overlaps(
    read: Read,
    study_id: argument(str | None, "ID", "Only the group of this report.") = None,
    endpoint: of.PooledOption = None,
    rule: flag("--rule", "Print the order of precedence, and nothing else.") = False,
    verbose: flag("--verbose", "Every overlap with its reason, and who gives way.") = False,
) -> None:
    """Show which reports share patients, one line a group: how many of its cohorts count."""
    if rule:
        typer.echo("\n".join(listing.rule_lines()))
        return
    registry = read()
    if study_id is not None:
        registry.study(study_id)
    asked = {"study_id": study_id, "endpoint": endpoint, "verbose": verbose}
    typer.echo("\n".join(listing.overlap_lines(registry, **asked, width=_width())))


# --- Study files ---------------------------------------------------------------------------------


@app.command(
    epilog=examples(
        "atc studies new smith2024 --arms 3",
        "atc studies new smith2024 --folder my_studies",
        "atc studies new --vocabulary treatments --folder my_studies",
        "atc studies new --vocabulary disease --folder my_disease",
    )
)
def new(
    study_id: argument(str | None, "ID", "Name of the study, such as smith2024.") = None,
    vocabulary: of.VocabularyOption = None,
    folder: of.FolderOption = Path("."),
    arms: of.ArmsOption = 1,
    registry: of.RegistryOption = None,
    only: of.OnlyOption = False,
) -> None:
    """Start a study file, or the words of a registry. Every key stands there, to be filled in."""
    if (study_id is None) == (vocabulary is None):
        raise InputError("give the ID of a study or --vocabulary, one of the two.")
    if vocabulary is not None:
        _new_vocabulary(folder, alone=vocabulary == "disease")
        return
    loaded, beside = read_registry(registry, only), _words_in(folder, registry)
    if beside is None:
        _refuse_known(study_id, loaded)
    words = beside or loaded.vocabulary
    from studies.guide import schema_text, skeleton

    above = (folder.absolute().parent / SCHEMA_FILE).is_file()  # as in the shipped registry
    own_schema = (folder / SCHEMA_FILE).exists() or not above
    schema = f"./{SCHEMA_FILE}" if own_schema else SHIPPED_SCHEMA
    text = skeleton(study_id, words, arms=arms, schema=schema)
    path = folder / f"{study_id}.toml"
    if path.exists():
        raise InputError(f"{path} exists already; edit it, or choose another identifier.")
    check_folder(folder)
    texts = {path.name: text}
    if own_schema and not (folder / SCHEMA_FILE).exists():
        texts[SCHEMA_FILE] = schema_text(words)
    with staged_folder(folder) as stage:
        write_texts(stage, texts)
    typer.echo(f"Written: {path}")
    typer.echo("Fill in what the report prints, to the digit and in its unit, then:")
    named = [f"--registry {shlex.quote(str(place))}" for place in registry or ()]
    rest = " ".join([shlex.quote(str(path)), *named, *(["--only"] if only else [])])
    then = f"impact {rest}" if beside is None else f"report --registry {shlex.quote(str(folder))}"
    typer.echo(f"  atc studies check {rest}\n  atc {then}")


def _words_in(folder: Path | None, registry: list[Path] | None) -> Vocabulary | None:
    """The words beside which study files are written, where no registry is named."""
    path = None if folder is None or registry else folder / VOCABULARY_FILE
    return load_vocabulary(path) if path is not None and path.is_file() else None


def _new_vocabulary(folder: Path, *, alone: bool) -> None:
    """Write the first draft of a vocabulary, and of the priors of another disease."""
    from studies.guide import vocabulary_skeleton

    texts = {VOCABULARY_FILE: vocabulary_skeleton(load_vocabulary(), alone=alone)}
    texts |= {PRIORS_FILE: priors_skeleton()} if alone else {}
    for name in texts:
        if (folder / name).exists():
            raise InputError(f"{folder / name} exists already; edit it, or choose another folder.")
    with staged_folder(folder) as stage:
        write_texts(stage, texts)
    for name in texts:
        typer.echo(f"Written: {folder / name}")
    typer.echo("Fill in, then:")
    there = shlex.quote(str(folder))
    typer.echo(f"  atc studies check {there}\n  atc studies new smith2024 --folder {there}")


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


@app.command(
    "import",
    epilog=examples(
        "atc studies import --template > arms.csv",
        "atc studies import arms.csv --folder my_studies",
        "atc studies import --patients our_hospital.csv",
    ),
)
def import_studies(
    file: argument(Path | None, "FILE", "Arms or patients: .csv; an export: .json.") = None,
    folder: of.ImportFolderOption = None,
    patients: flag("--patients", "FILE has a row for each patient: one study.") = False,
    template: flag("--template", "Print the header of such a table.") = False,
    registry: of.RegistryOption = None,
    only: of.OnlyOption = False,
) -> None:
    """Make study files of arms, of patients or of an export. They are checked then."""
    from studies.arms import arms_header, studies_from_arms
    from studies.documents import file_texts, read_json
    from studies.guide import schema_text
    from studies.patients import COLUMNS, studies_from_patients

    if template:
        words = _words_in(folder, registry) or read_registry(registry, only).vocabulary
        emit(",".join(COLUMNS) if patients else arms_header(words), None)
        return
    if file is None:
        raise InputError("no FILE to import; --template prints the header of a table to fill in.")
    kind = file.suffix.lower().removeprefix(".")
    if patients and kind != "csv":
        raise InputError(f"{file} is not *.csv; save the table of patients as CSV.")
    if kind not in ("csv", "json"):
        raise InputError(f"{file} is neither *.csv nor *.json; give a table of arms or an export.")
    words = _words_in(folder, registry) or read_registry(registry, only).vocabulary
    text, name = text_of(file), str(file)
    if patients:
        files = studies_from_patients(text, name, words, file.stem)
    else:
        files = read_json(text, name) if kind == "json" else studies_from_arms(text, name, words)
    target = folder if folder is not None else file.with_suffix("")
    texts = file_texts(files, schema=f"./{SCHEMA_FILE}")
    _refuse_full(target, texts)
    with staged_folder(target) as stage:
        write_texts(stage, texts | {SCHEMA_FILE: schema_text(words)})
    typer.echo(f"Written: {count(len(texts), 'file')} in {target}")
    if patients:
        typer.echo("Add design, and [[overlaps]] with reports that count some of these patients.")
    _, found = listing.check([target], folders=registry or (), alone=only)
    typer.echo("\n".join(listing.checked_lines(found)))
    if not found.clean:
        raise typer.Exit(CHECK_FOUND)


def _refuse_full(folder: Path, texts: Iterable[str]) -> None:
    """Refuse a folder that holds anything, but for words and priors that no file would replace."""
    entries = folder.iterdir() if folder.is_dir() else ()
    names = {entry.name for entry in entries if not entry.name.startswith(".")}
    visible = sorted(names - ({VOCABULARY_FILE, PRIORS_FILE, SCHEMA_FILE} - {*texts}))
    if visible:
        found = f"a folder that holds {visible[0]}"
        expected = f"a new or empty folder, or a {VOCABULARY_FILE} alone in it"
        action = "give another folder, or empty this one"
        raise RegistryError([Problem(str(folder), "", found, expected, action)])


@app.command(
    epilog=examples(
        "atc studies digitise curve.csv --study smith2024 --cohort all --registry my_studies",
        "atc studies digitise mixed.csv --study smith2024 --cohort all --level mixed --unit years",
    )
)
@_with_registry
def digitise(
    read: Read,
    file: argument(Path, "FILE", "Rows of a time, a survival and, where printed, at risk."),
    study_id: of.StudyOption,
    cohort_id: of.CohortOption,
    level: of.LevelOption = None,
    endpoint: of.SurvivalOption = "os",
    unit: of.UnitOption = "months",
) -> None:
    """Put points of a plotted curve into a study file. FILE.svg shows them with what is printed.

    Points of any plot digitiser; earlier ones of the same curve go away.
    """
    from synthesis import digitised
    from synthesis.plots import plot_digitised, save_figure

    registry = read()
    study, path = registry.study(study_id), registry.files[study_id]
    place, arm = _arm_of(study, cohort_id, level)
    name, picture = str(file), file.with_suffix(".svg")
    points = digitised.read_points(text_of(file), name)
    curve = digitised.clean(points, name, arm.n)
    printed = digitised.against_printed(curve, arm, endpoint, unit, name)
    kept = digitised.landmarks(curve, arm, endpoint, unit)
    text = digitised.with_landmarks(text_of(path), path.name, place, kept)
    tables = digitised.tables_of(points, curve, arm, endpoint, unit)
    title = ", ".join(filter(None, (registry.labels[study_id], cohort_id, level)))
    figure = plot_digitised(*tables, endpoint=endpoint, unit=unit, title=title)
    with staged_file(path) as written, staged_file(picture) as drawn:
        written.write_text(text, encoding="utf-8", newline="")
        save_figure(figure, drawn.with_suffix(""), formats=("svg",))
    typer.echo(f"Written: {count(len(kept), 'point')} in {shown_path(path)}; picture: {picture}")
    typer.echo(
        "\n".join(f"  {words}" for words in printed) or "  nothing printed to hold it against"
    )


def _arm_of(
    study: Study, cohort_id: str, level: str | None
) -> tuple[tuple[int, int | None], Cohort | Subgroup]:
    """Return where a cohort or a subgroup of it stands in its study, and itself."""
    cohorts = {cohort.id: place for place, cohort in enumerate(study.cohorts)}
    if cohort_id not in cohorts:
        raise UnknownWordError("cohort", cohort_id, closest(cohort_id, cohorts))
    place = cohorts[cohort_id]
    cohort = study.cohorts[place]
    if level is None:
        return (place, None), cohort
    levels = {group.level: number for number, group in enumerate(cohort.subgroups)}
    if level not in levels:
        raise UnknownWordError("level", level, closest(level, levels))
    return (place, levels[level]), cohort.subgroups[levels[level]]


@app.command(
    epilog=examples(
        "atc studies export --format json -o registry.json",
        "atc studies export --format bibtex --treatment lenvatinib -o lenvatinib.bib",
        "atc studies export --format csv --endpoint os -o os.csv",
    )
)
@_filtered
def export(
    read: Read,
    wanted: Wanted,
    format_: of.ExportFormatOption,
    output: of.OutputOption = None,
) -> None:
    """Write the registry. As json it is complete and can be imported again.

    bibtex has the citations, table one row for each cohort and endpoint, csv log medians and log
    hazard ratios with standard errors, for R; all three can be filtered.
    """
    from studies.documents import bibtex, export_json

    registry = read()
    if format_ == "json":
        if wanted != Wanted():
            raise InputError(
                "json holds the whole registry: leave the filters out, or choose --format csv, "
                "table or bibtex."
            )
        emit(export_json(registry), output)
        return
    cohorts = _found(registry, wanted)
    if format_ == "bibtex":
        emit(bibtex({study.id: study for study, _ in cohorts}.values()), output)
        return
    if format_ == "table":
        frame = _frame(registry, cohorts, wanted.endpoint)
    else:
        from studies.estimates import estimates
        from synthesis.counting import select

        frame = _of_endpoint(estimates(registry, cohorts, select), wanted.endpoint)
    emit(_text_of_table(frame, "csv"), output)


@app.command(epilog=examples(f"atc studies schema -o {SCHEMA_FILE}"))
@_with_registry
def schema(read: Read, output: of.OutputOption = None) -> None:
    """Print the JSON Schema of study files. With it an editor completes keys and words."""
    from studies.guide import schema_text

    emit(schema_text(read().vocabulary), output)
