"""`atc impact`: what new study files change in the pool."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Annotated

import typer

from studies.registry import add_studies
from synthesis.cli.options import (
    CacheOption,
    ConvertOption,
    DrawsOption,
    EndpointsOption,
    MixOption,
    OneFamilyOption,
    OnlyOption,
    PriorsOption,
    RegistryOption,
    SeedOption,
    VerifiedOption,
    examples,
)
from synthesis.cli.running import (
    InputError,
    converted,
    progress,
    read_priors,
    read_registry,
    settings_of,
    tell_replaced,
)
from synthesis.staging import check_folder
from synthesis.text.plain import count

EXAMPLES = examples(
    "atc impact smith2024.toml",
    "atc impact smith2024.toml --endpoint os --out impact_smith2024",
)


def impact(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Study files, or folders of them.")
    ],
    endpoint: EndpointsOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for tables and figures of the answer."),
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
    """Say what new studies change. The pool is fitted without them and with them.

    One survival family is fitted, where a report stacks several.
    """
    if out is not None:
        check_folder(out, "impact")
    before = converted(read_registry(registry, only), convert)
    after = add_studies(before, files)
    tell_replaced(after, before)
    believed = read_priors(priors)
    options = {"seed": seed, "draws": draws, "reference_mix": reference_mix, "family": family}
    options |= {"endpoints": tuple(dict.fromkeys(endpoint)) if endpoint else None}
    options |= {"verified_only": verified_only}
    if all(after.fingerprints[name] == before.fingerprints.get(name) for name in after.studies):
        raise InputError(
            "no study is new or changed: the registry has every one of these reports as it is."
        )
    with progress() as tell:
        tell("loading the sampler")
        from synthesis.questions.impact import impact as measure

        found = measure(
            before, after, settings_of(options), priors=believed, progress=tell, cache=cache
        )
        if out is not None:
            from synthesis.report.impact import write_impact

            tell("writing the answer")
            written = write_impact(found, out)
    for answer in found.answers:
        typer.echo(f"{answer.question}\n{indent(answer.text, '  ')}\n")
    for name, verdict in found.verdicts.items():
        typer.echo(f"{verdict:<6}  {name}")
    if out is not None:
        typer.echo(f"\nWritten: {out / 'impact.md'} ({count(len(written), 'file')})")
