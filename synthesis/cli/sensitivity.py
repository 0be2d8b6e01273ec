"""`atc sensitivity`: which conclusion changes under which choice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studies import Registry
from synthesis.cli.options import (
    CacheOption,
    ChoicesOption,
    ConvertOption,
    DeltaOption,
    DrawsOption,
    MixOption,
    OneFamilyOption,
    OnlyOption,
    PriorsOption,
    RegistryOption,
    SeedOption,
    SurvivalOption,
    VerifiedOption,
    examples,
)
from synthesis.cli.running import (
    RESEARCH_USE,
    InputError,
    Tell,
    converted,
    progress,
    read_priors,
    read_registry,
)
from synthesis.staging import check_folder
from synthesis.text.plain import WIDTH, count

if TYPE_CHECKING:
    from synthesis.sensitivity import Sensitivity

EXAMPLES = examples(
    "atc sensitivity",
    "atc sensitivity --treatment lenvatinib --choice priors --choice studies --out choices",
)


def sensitivity(
    endpoint: SurvivalOption = "os",
    treatment: Annotated[
        str | None,
        typer.Option(
            "--treatment",
            metavar="T",
            help="The treatment asked about (that of which pure and mixed are printed apart).",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="T",
            help="What it is set against (supportive care where it is pooled).",
        ),
    ] = None,
    delta: DeltaOption = 1.0,
    choice: ChoicesOption = None,
    every_report: Annotated[
        bool,
        typer.Option("--every-report", help="Leave out every report in turn, not the main ones."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for tables and figures.")
    ] = None,
    registry: RegistryOption = None,
    only: OnlyOption = False,
    verified_only: VerifiedOption = False,
    convert: ConvertOption = None,
    priors: PriorsOption = None,
    reference_mix: MixOption = None,
    family: OneFamilyOption = None,
    seed: SeedOption = None,
    draws: DrawsOption = None,
    cache: CacheOption = True,
) -> None:
    """Say which conclusion changes under which choice: priors, family, figures, reports.

    Everything is fitted again with one choice made otherwise. What is done is kept, and the same
    command goes on after an interrupt. One survival family is fitted, where a report stacks
    several.
    """
    if out is not None:
        check_folder(out)
    loaded = converted(read_registry(registry, only), convert)
    believed = read_priors(priors)
    options = {"treatment": treatment, "reference": reference, "groups": choice, "seed": seed}
    options |= {"draws": draws, "reference_mix": reference_mix, "family_name": family}
    options |= {"delta": delta, "priors": believed, "verified_only": verified_only}
    options |= {"most_studies": len(loaded) if every_report else None}
    with progress() as tell:
        found = _measured(loaded, endpoint, options, tell, cache=cache)
        written = 0
        if out is not None:
            from synthesis.report.sensitivity import write_sensitivity

            tell("writing tables and figures")
            written = len(write_sensitivity(found, out))
    for line in shown(found):
        typer.echo(line)
    if out is not None:
        typer.echo(f"Written: {out / 'tables' / 'sensitivity.csv'} ({count(written, 'file')})\n")
    typer.echo(RESEARCH_USE)


def _measured(
    registry: Registry, endpoint: str, options: dict[str, Any], tell: Tell, *, cache: bool
) -> Sensitivity:
    """Run the analysis; what cannot be asked, and an interrupt, become sentences.

    Raises
    ------
    InputError
        For a treatment that is not pooled, or where nothing is.
    """
    tell("loading the sampler")
    from synthesis.fits import NothingToPoolError
    from synthesis.sensitivity import sensitivity as measure
    from synthesis.sensitivity.conclusions import NotAskedError
    from synthesis.sensitivity.runner import InterruptedRunError

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return measure(registry, endpoint, cache=cache, progress=tell, **given)
    except (NothingToPoolError, NotAskedError) as error:
        raise InputError(f"{str(error).rstrip('.')}.") from None
    except InterruptedRunError as error:
        typer.echo(error.sentence, err=True)
        raise


def shown(found: Sensitivity) -> Iterator[str]:
    """Lines for a terminal: every finding, then the verdict of the base."""
    for item in found.findings:
        yield item.question
        for line in item.text.splitlines():
            rest = "    " if line.startswith("- ") else "  "
            yield from wrap(
                line,
                WIDTH,
                initial_indent="  ",
                subsequent_indent=rest,
                break_on_hyphens=False,
            )
        yield ""
    advice = f" ({found.advice})" if found.advice else ""
    yield f"{found.verdict:<6}  base, {found.question.endpoint}{advice}"
    yield ""
