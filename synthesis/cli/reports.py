"""`atc report` and `atc forest`: pool the cohorts, and write what follows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from synthesis.cli.options import (
    ENDPOINTS,
    SUFFIXES,
    CacheOption,
    ConvertOption,
    DeltaOption,
    DrawsOption,
    EndpointArgument,
    EndpointsOption,
    FamilyOption,
    MixOption,
    OnlyOption,
    PriorsOption,
    ReferenceOption,
    RegistryOption,
    SeedOption,
    VerifiedOption,
    WidthOption,
    examples,
)
from synthesis.cli.pooled import pooled_treatments, require_pooled
from synthesis.cli.running import (
    RESEARCH_USE,
    InputError,
    converted,
    echo_verdicts,
    progress,
    read_priors,
    read_registry,
    run_analysis,
)
from synthesis.staging import check_file, check_folder, staged_folder
from synthesis.text.plain import count

if TYPE_CHECKING:
    from synthesis.run import Analysis

# First words of a bibliography that this program wrote and may write anew; a manuscript's own
# bibliography often has the name of its picture's file.
_BIBLIOGRAPHY_MARK = "% Reports drawn in the forest plot "

REPORT_EXAMPLES = examples(
    "atc report --out results",
    "atc report --endpoint os --registry my_studies --verified-only",
    "atc report --reference paclitaxel --delta 2 --sensitivity",
)
FOREST_EXAMPLES = examples(
    "atc forest os -o forest_os.pdf",
    "atc forest pfs --treatment lenvatinib --width slide -o lenvatinib.png",
)


def report(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the report.")
    ] = Path("results"),
    endpoint: EndpointsOption = None,
    reference: ReferenceOption = None,
    delta: DeltaOption = 1.0,
    sensitivity: Annotated[
        bool,
        typer.Option(
            "--sensitivity",
            help="Also fit again with one choice made otherwise at a time, which takes minutes.",
        ),
    ] = False,
    registry: RegistryOption = None,
    only: OnlyOption = False,
    verified_only: VerifiedOption = False,
    convert: ConvertOption = None,
    priors: PriorsOption = None,
    reference_mix: MixOption = None,
    family: FamilyOption = None,
    seed: SeedOption = None,
    draws: DrawsOption = None,
    cache: CacheOption = True,
) -> None:
    """Pool the cohorts, compare the treatments and write the report."""
    check_folder(out, "report")
    loaded = converted(read_registry(registry, only), convert)
    believed = read_priors(priors)
    options = {"seed": seed, "draws": draws, "reference_mix": reference_mix, "family": family}
    options |= {"endpoints": tuple(dict.fromkeys(endpoint)) if endpoint else None}
    options |= {"verified_only": verified_only, "reference": reference, "delta": delta}
    options |= {"sensitivity": sensitivity}
    if reference is not None:
        pooled = pooled_treatments(
            loaded, options["endpoints"] or ENDPOINTS, verified_only=verified_only
        )
        require_pooled(loaded, reference, pooled)
    with progress() as tell:
        analysis = run_analysis(loaded, options, tell, priors=believed, cache=cache)
        from synthesis.report import write_report

        tell("writing the report")
        files = write_report(analysis, out)
    _print_summary(analysis, out, len(files))
    typer.echo(f"\n{RESEARCH_USE}")


def forest(
    endpoint: EndpointArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The picture: .svg, .pdf or .png")
    ],
    treatment: Annotated[
        str | None, typer.Option("--treatment", metavar="T", help="Only this treatment.")
    ] = None,
    width: WidthOption = "two-column",
    registry: RegistryOption = None,
    only: OnlyOption = False,
    verified_only: VerifiedOption = False,
    convert: ConvertOption = None,
    priors: PriorsOption = None,
    reference_mix: MixOption = None,
    family: FamilyOption = None,
    seed: SeedOption = None,
    draws: DrawsOption = None,
    cache: CacheOption = True,
) -> None:
    """Draw one forest plot. The bibliography of what it draws is written beside it."""
    if output.suffix.lower() not in SUFFIXES:
        found = f"'{output.suffix}'" if output.suffix else "no suffix"
        raise InputError(f"{output} has {found}; name the picture *{', *'.join(SUFFIXES)}.")
    bibliography = output.with_suffix(".bib")
    check_file(output)
    _check_bibliography(bibliography)
    loaded = converted(read_registry(registry, only), convert)
    believed = read_priors(priors)
    shown = None
    if treatment is not None:
        pooled = pooled_treatments(
            loaded, (endpoint,), verified_only=verified_only, background=True
        )
        shown = require_pooled(loaded, treatment, pooled)
    options = {"seed": seed, "draws": draws, "reference_mix": reference_mix, "family": family}
    options |= {"endpoints": (endpoint,), "verified_only": verified_only}
    with progress() as tell:
        analysis = run_analysis(loaded, options, tell, priors=believed, cache=cache, compared=False)
        from synthesis.report.figures import save_forest
        from synthesis.report.references import cited_studies

        tell("drawing the forest plot")
        label = None if shown is None else shown.label
        drawn = cited_studies(analysis, f"forest_{endpoint}", treatment=label)
        with staged_folder(output.parent) as stage:
            save_forest(analysis, endpoint, stage / output.name, treatment=label, width=width)
            _write_bibliography(analysis, drawn, stage / bibliography.name, output.name)
    echo_verdicts(analysis.verdicts)
    typer.echo(f"Forest plot: {output}")
    typer.echo(f"Bibliography of what it draws: {bibliography} ({count(len(drawn), 'report')})")


def _check_bibliography(path: Path) -> None:
    """Refuse a place where a bibliography stands that somebody else wrote."""
    check_file(path)
    try:
        own = path.read_text(encoding="utf-8").startswith(_BIBLIOGRAPHY_MARK)
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError):
        own = False
    if not own:
        raise InputError(
            f"{path} is a bibliography of your own, and that of the picture would replace it; "
            "give the picture another name (-o)."
        )


def _write_bibliography(analysis: Analysis, names: Iterable[str], path: Path, picture: str) -> None:
    from studies.documents import bibtex

    studies = [analysis.registry.study(name) for name in names]
    text = f"{_BIBLIOGRAPHY_MARK}{picture}\n\n{bibtex(studies).rstrip()}\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _print_summary(analysis: Analysis, out: Path, files: int) -> None:
    for answer in analysis.answers:
        typer.echo(f"{answer.question}\n{indent(answer.text, '  ')}\n")
    echo_verdicts(analysis.verdicts)
    typer.echo(f"\nReport: {out / 'report.html'} ({files} files)")
