"""`atc control`: the prediction for an arm of a new study, as a prior for trial software."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studies import Registry
from synthesis.cli.options import (
    BrafOption,
    CacheOption,
    ComponentsOption,
    ConvertOption,
    DesignOfOption,
    DrawsOption,
    EndpointsOption,
    FamilyOption,
    LineOption,
    MixedOption,
    OnlyOption,
    OriginOption,
    PriorsOption,
    RegistryOption,
    RobustOption,
    SeedOption,
    VerifiedOption,
    examples,
)
from synthesis.cli.pooled import fit_pooled, keep_pooling, pooled_treatments
from synthesis.cli.running import (
    RESEARCH_USE,
    InputError,
    Tell,
    converted,
    echo_verdicts,
    progress,
    read_priors,
    read_registry,
    settings_of,
)
from synthesis.staging import check_folder
from synthesis.text.plain import WIDTH, count, table_lines

if TYPE_CHECKING:
    from synthesis.historical.control import ControlPrior, HistoricalControl
    from synthesis.tables import Fit

EXAMPLES = examples(
    "atc control --endpoint os --design randomised",
    "atc control --treatment lenvatinib --mixed 0.3 --robust 0.5 --out control",
)


def control(
    treatment: Annotated[
        str | None,
        typer.Option(
            "--treatment",
            metavar="T",
            help="What the arm is given (supportive care where it is pooled).",
        ),
    ] = None,
    endpoint: EndpointsOption = None,
    mixed: MixedOption = None,
    braf: BrafOption = None,
    line: LineOption = None,
    design: DesignOfOption = None,
    time_origin: OriginOption = None,
    robust: RobustOption = 0.2,
    components: ComponentsOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for tables, figures, JSON and R."),
    ] = None,
    registry: RegistryOption = None,
    only: OnlyOption = False,
    verified_only: VerifiedOption = False,
    convert: ConvertOption = None,
    priors: PriorsOption = None,
    family: FamilyOption = None,
    seed: SeedOption = None,
    draws: DrawsOption = None,
    cache: CacheOption = True,
) -> None:
    """Predict an arm of a new study, as a prior that trial software can read.

    Rates as mixtures of beta distributions, the log median of normal ones, the hazard of gamma
    ones, each with its effective sample size. What is not stated of the new study stays at the
    reference population.
    """
    if out is not None:
        check_folder(out)
    loaded = converted(read_registry(registry, only), convert)
    believed = read_priors(priors)
    options = {"seed": seed, "draws": draws, "family": family, "verified_only": verified_only}
    options |= {"endpoints": tuple(dict.fromkeys(endpoint)) if endpoint else None}
    stated = {"braf": braf, "line": line, "design": design, "time_origin": time_origin}
    asked = {"treatment": treatment, "robust": robust, "components": components}
    files = 0
    with progress() as tell:
        tell("loading the sampler")
        settings = settings_of(options)
        kept, notes = _kept(loaded, settings.endpoints, endpoint, treatment, verified_only)
        settings = replace(settings, endpoints=kept)
        fits = fit_pooled(loaded, settings, believed, tell, cache=cache)
        share = settings.reference_mix if mixed is None else mixed
        found = _found(fits, loaded, {"mixed": share} | stated, asked, tell)
        found = replace(found, left_out=(*notes, *found.left_out))
        if out is not None:
            from synthesis.report.control import write_control

            tell("writing tables and figures")
            files = len(write_control(found, loaded, out, settings=asdict(settings)))
    for text in shown(found, loaded):
        typer.echo(text)
    echo_verdicts({name: fit.diagnosis.verdict for name, fit in fits.items()})
    if out is not None:
        typer.echo(f"\nWritten: {out / 'historical_control.R'} ({count(files, 'file')})")
    typer.echo(f"\n{RESEARCH_USE}")


def _found(
    fits: Mapping[str, Fit],
    registry: Registry,
    population: Mapping[str, Any],
    asked: Mapping[str, Any],
    tell: Tell,
) -> HistoricalControl:
    """Make the priors; what cannot be asked becomes a sentence.

    Raises
    ------
    InputError
        Where the treatment is pooled for none of the endpoints.
    """
    from synthesis.benefit.population import Population
    from synthesis.benefit.reference import NotComparedError
    from synthesis.historical import historical_control

    try:
        return historical_control(
            fits, registry.vocabulary, Population(**population), progress=tell, **asked
        )
    except NotComparedError as error:
        raise InputError(str(error)) from None


def _kept(
    registry: Registry,
    endpoints: Sequence[str],
    asked: Sequence[str] | None,
    treatment: str | None,
    verified_only: bool,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Endpoints that are fitted, known before anything is sampled, and words on the others.

    Raises
    ------
    InputError
        Where a treatment is pooled for none of them.
    """
    if treatment is not None:
        return keep_pooling(registry, endpoints, treatment, verified_only=verified_only)
    pooled = pooled_treatments(registry, endpoints, verified_only=verified_only)
    # an endpoint that nobody asked for and that has nothing to pool is passed over
    kept = tuple(name for name in endpoints if pooled[name])
    return (tuple(endpoints) if asked or not kept else kept), ()


def shown(found: HistoricalControl, registry: Registry) -> Iterator[str]:
    """Lines for a terminal: sentences and tables of every prior, then what holds for all."""
    from synthesis.historical.words import (
        common_words,
        control_words,
        prior_words,
        quantity_title,
    )

    said = control_words(found, registry.vocabulary)
    for endpoint in found.behind:
        yield from (line for text in said[endpoint] for line in _paragraph(text))
        for prior in found.of(endpoint):
            title = quantity_title(prior, registry.vocabulary)
            yield from wrap(f"{title}. {prior_words(found, prior)}", WIDTH, break_on_hyphens=False)
            yield ""
            for table in _tables(found, prior):
                yield from table
                yield ""
    for text in common_words(found):
        yield from _paragraph(text)


def _paragraph(text: str) -> Iterator[str]:
    yield from wrap(text, WIDTH, break_on_hyphens=False)
    yield ""


def _tables(found: HistoricalControl, prior: ControlPrior) -> Iterator[list[str]]:
    """The components, then draws and mixtures side by side."""
    from synthesis.historical.words import component_rows, summary_rows

    rows, (first, second) = component_rows(prior)
    weights = [("Weight", "weight")]
    if prior.robust is not None:
        weights.append(("Robust weight", "robust_weight"))
    kind = prior.fit.mixture.kind.capitalize()
    numbers = [(f"{kind} {first}", "first"), (f"{kind} {second}", "second")]
    yield table_lines(rows, [*weights, *numbers], name="component")
    columns = [
        ("Mean", "mean"),
        ("Median", "median"),
        ("95 % interval", "interval"),
        ("ESS, ELIR", "ess_elir"),
        ("by moments", "ess_moment"),
    ]
    yield table_lines(summary_rows(found, prior), columns, name="prior")
