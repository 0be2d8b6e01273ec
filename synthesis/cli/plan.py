"""`atc plan`: what the next study would settle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studies import Registry
from synthesis.cli.options import (
    CacheOption,
    ConvertOption,
    DeltaOption,
    DrawsOption,
    KindOption,
    MixedOption,
    OneFamilyOption,
    OnlyOption,
    PopulationsOption,
    PriorsOption,
    ReferenceOption,
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
from synthesis.text.plain import WIDTH, aligned, count

if TYPE_CHECKING:
    from priors import Priors
    from synthesis.fits import SurvivalFit
    from synthesis.questions.plan import Plan

EXAMPLES = examples(
    "atc plan --treatment lenvatinib",
    "atc plan --treatment dabrafenib_trametinib --design randomised --n 60 --n 120 --out plan",
)


TreatmentStudied = Annotated[
    str, typer.Option("--treatment", metavar="T", help="The treatment that would be studied.")
]
SizesOption = Annotated[
    list[int] | None,
    typer.Option(
        "--n",
        metavar="N",
        help="Patients, of both arms together; may be repeated (20, 40, 80, 160).",
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="P",
        help="Probability of the gain from which on it counts as concluded (0.975).",
    ),
]
FollowUpOption = Annotated[
    float | None,
    typer.Option("--follow-up", metavar="MONTHS", help="From the last entry to the analysis (12)."),
]
AccrualOption = Annotated[
    float | None,
    typer.Option("--accrual", metavar="MONTHS", help="Over which patients enter (24)."),
]
SimulationsOption = Annotated[
    int | None, typer.Option("--simulations", metavar="N", help="Studies of each size (200).")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder for table and figures.")
]


def plan(
    treatment: TreatmentStudied,
    reference: ReferenceOption = None,
    n: SizesOption = None,
    design: KindOption = "single-arm",
    delta: DeltaOption = 1.0,
    threshold: ThresholdOption = None,
    population: PopulationsOption = None,
    mixed: MixedOption = None,
    follow_up: FollowUpOption = None,
    accrual: AccrualOption = None,
    simulations: SimulationsOption = None,
    endpoint: SurvivalOption = "os",
    out: OutOption = None,
    registry: RegistryOption = None,
    only: OnlyOption = False,
    verified_only: VerifiedOption = False,
    convert: ConvertOption = None,
    priors: PriorsOption = None,
    family: OneFamilyOption = None,
    seed: SeedOption = None,
    draws: DrawsOption = None,
    cache: CacheOption = True,
) -> None:
    """Say what a study of so many patients would conclude, and how narrow intervals would become.

    Studies are simulated from what is believed today, printed as a trial prints them, and read like
    any other report. One survival family is fitted, where a report stacks several.
    """
    if out is not None:
        check_folder(out)
    loaded = converted(read_registry(registry, only), convert)
    believed = read_priors(priors)
    asked = {"treatment": treatment, "reference": reference, "kind": design, "mixed": mixed}
    asked |= {"sizes": tuple(n) if n else None, "accrual": accrual, "follow_up": follow_up}
    asked |= {"populations": tuple(dict.fromkeys(population)) if population else None}
    options = {"endpoints": (endpoint,), "seed": seed, "draws": draws}
    options |= {"family": family, "verified_only": verified_only}
    simulation = {"delta": delta, "threshold": threshold, "simulations": simulations, "seed": seed}
    with progress() as tell:
        found, verdict = _planned(loaded, believed, asked, options, simulation, tell, cache=cache)
        written = 0
        if out is not None:
            from synthesis.report.plan import write_plan

            tell("writing table and figures")
            written = len(write_plan(found, loaded.vocabulary, out))
    for line in shown(found, loaded):
        typer.echo(line)
    typer.echo(f"{verdict:<6}  {endpoint}")
    if out is not None:
        typer.echo(f"\nWritten: {out / 'tables' / 'plan.csv'} ({count(written, 'file')})")
    typer.echo(f"\n{RESEARCH_USE}")


def _planned(
    registry: Registry,
    priors: Priors | None,
    asked: dict[str, Any],
    options: dict[str, Any],
    simulation: dict[str, Any],
    tell: Tell,
    *,
    cache: bool,
) -> tuple[Plan, str]:
    """Fit and simulate; what cannot be planned becomes a sentence.

    Raises
    ------
    InputError
        For a design, a family or a treatment that cannot be planned.
    """
    tell("loading the sampler")
    from synthesis.benefit.reference import NotComparedError
    from synthesis.fits import NothingToPoolError
    from synthesis.questions import plan as simulate
    from synthesis.questions.plan import Design, NotPlannedError

    for name in filter(None, (asked["treatment"], asked["reference"])):
        registry.vocabulary.treatment(name)  # a slip is told before anything is sampled
    try:
        design = Design(**_given(asked))
        fit = _fit(registry, options, priors, tell, cache=cache)
        found = simulate(fit, registry.vocabulary, design, progress=tell, **_given(simulation))
    except (NotComparedError, NothingToPoolError, NotPlannedError) as error:
        raise InputError(f"{str(error).rstrip('.')}.") from None
    return found, fit.diagnosis.verdict


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _fit(
    registry: Registry,
    options: dict[str, Any],
    priors: Priors | None,
    tell: Tell,
    *,
    cache: bool,
) -> SurvivalFit:
    from synthesis.fits import DEFAULT_FAMILY
    from synthesis.model.families import family
    from synthesis.questions.plan import check_family
    from synthesis.run import fit_endpoints
    from synthesis.settings import Settings

    settings = Settings(**{"family": DEFAULT_FAMILY} | _given(options))
    check_family(family(settings.family))
    fits, _ = fit_endpoints(registry, settings, priors=priors, progress=tell, cache=cache)
    return fits[settings.endpoints[0]]


def shown(found: Plan, registry: Registry) -> Iterator[str]:
    """Lines for a terminal: sentences, then the table of every population and size."""
    from synthesis.planning.words import plan_rows, plan_words

    for text in plan_words(found, registry.vocabulary):
        yield from wrap(text, WIDTH, break_on_hyphens=False)
        yield ""
    heads = [
        ("", "", "P(gain)", "Concludes", "Monte Carlo", "Concludes", "Width:", "", ""),
        ("Patients", "n", "today", "a gain", "error", "none", "prognostic", "predictive", "both"),
    ]
    rows = [tuple(row.values()) for row in plan_rows(found)]
    yield from aligned([*heads, *rows], right=range(1, 9))
    yield ""
    yield (
        "Concludes: probability that a study does. Width: of the interval of mixed to pure, upper "
        "over lower end."
    )
    if not found.table["reliable"].all():
        yield "* weights of the draws are not reliable"
    yield ""
