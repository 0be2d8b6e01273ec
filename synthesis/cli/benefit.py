"""`atc benefit` and `atc mix`: benefit in pure and mixed tumours, and a stated population."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from studies import Registry
from synthesis.cli.options import (
    SURVIVAL_ENDPOINTS,
    BrafOption,
    ByOption,
    CacheOption,
    ConvertOption,
    DeltaOption,
    DesignOfOption,
    DrawsOption,
    FamilyOption,
    LineOption,
    MixedOption,
    MixOption,
    OnlyOption,
    OriginOption,
    PriorsOption,
    ReferenceOption,
    RegistryOption,
    SeedOption,
    SurvivalEndpointsOption,
    VerifiedOption,
    examples,
)
from synthesis.cli.pooled import fit_pooled, pooled_treatments, require_pooled
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
    from synthesis.analysis import Settings
    from synthesis.benefit.findings import Findings
    from synthesis.benefit.population import PatientMix
    from synthesis.tables import Fit

BENEFIT_EXAMPLES = examples(
    "atc benefit --by histology",
    "atc benefit --by histology --endpoint os --reference paclitaxel --delta 2 --out benefit",
)
MIX_EXAMPLES = examples(
    "atc mix --treatment lenvatinib --mixed 0.3",
    "atc mix --mixed 0.3 --braf 0.2 --line first-line --endpoint os",
)

# Columns that the name of a treatment, or of an effect, takes.
_NAME, _EFFECT = 26, 42

OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder for tables and figures.")
]


def benefit(
    by: ByOption = "histology",
    reference: ReferenceOption = None,
    delta: DeltaOption = 1.0,
    endpoint: SurvivalEndpointsOption = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also treatments with one small cohort.")
    ] = False,
    out: OutOption = None,
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
    """Say what treatments gain in pure and in mixed tumours, and how much of it is prior."""
    if out is not None:
        check_folder(out)
    loaded = converted(read_registry(registry, only), convert)
    believed = read_priors(priors)
    options = {"seed": seed, "draws": draws, "reference_mix": reference_mix, "family": family}
    options |= {"verified_only": verified_only}
    files = 0
    with progress() as tell:
        settings = _settings(loaded, options, endpoint, (reference,), tell)
        fits = fit_pooled(loaded, settings, believed, tell, cache=cache)
        from synthesis.benefit.findings import find_benefit
        from synthesis.benefit.reference import NotComparedError

        try:
            found = find_benefit(
                fits,
                loaded.vocabulary,
                reference=reference,
                delta=delta,
                mix=settings.reference_mix,
                progress=tell,
            )
        except NotComparedError as error:
            raise InputError(str(error)) from None
        if out is not None:
            from synthesis.report.benefit_files import write_benefit

            tell("writing tables and figures")
            files = len(write_benefit(found, loaded.vocabulary, out))
    _echo(_shown_benefit(found, loaded, show_all=show_all), fits)
    if out is not None:
        typer.echo(f"\nWritten: {out / 'tables' / 'benefit.csv'} ({count(files, 'file')})")
    typer.echo(f"\n{RESEARCH_USE}")


def mix(
    treatment: Annotated[
        str | None, typer.Option("--treatment", metavar="T", help="Only this treatment.")
    ] = None,
    mixed: MixedOption = None,
    braf: BrafOption = None,
    line: LineOption = None,
    design: DesignOfOption = None,
    time_origin: OriginOption = None,
    reference: ReferenceOption = None,
    endpoint: SurvivalEndpointsOption = None,
    out: OutOption = None,
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
    """Give the pooled survival of a stated population of patients.

    What is not stated stays at the reference population.
    """
    if out is not None:
        check_folder(out)
    loaded = converted(read_registry(registry, only), convert)
    believed = read_priors(priors)
    options = {"seed": seed, "draws": draws, "family": family, "verified_only": verified_only}
    with progress() as tell:
        settings = _settings(loaded, options, endpoint, (treatment, reference), tell)
        fits = fit_pooled(loaded, settings, believed, tell, cache=cache)
        from synthesis.benefit.population import Population, patient_mix
        from synthesis.benefit.reference import NotComparedError

        tell("the stated population")
        share = settings.reference_mix if mixed is None else mixed
        population = Population(share, braf, line, design, time_origin)
        try:
            found = patient_mix(
                fits, loaded.vocabulary, population, treatment=treatment, reference=reference
            )
        except NotComparedError as error:
            raise InputError(str(error)) from None
        if out is not None:
            from synthesis.report.mix import write_mix

            write_mix(found, out)
    _echo(_shown_mix(found, loaded), fits)
    if out is not None:
        typer.echo(f"\nWritten: {out / 'tables' / 'mix.csv'}")
    typer.echo(f"\n{RESEARCH_USE}")


# --- What is fitted ------------------------------------------------------------------------------


def _settings(
    registry: Registry,
    options: dict[str, object],
    endpoints: Sequence[str] | None,
    treatments: Sequence[str | None],
    tell: Tell,
) -> Settings:
    """Settings with the survival endpoints that are asked for, or have something to pool.

    Raises
    ------
    InputError
        Where a treatment is pooled for none of them, before anything is sampled.
    """
    asked = tuple(dict.fromkeys(endpoints or SURVIVAL_ENDPOINTS))
    pooled = pooled_treatments(registry, asked, verified_only=bool(options["verified_only"]))
    for name in filter(None, treatments):
        require_pooled(registry, name, pooled)
    # an endpoint that nobody asked for and that has nothing to pool is passed over
    kept = asked if endpoints else tuple(name for name in asked if pooled[name])
    tell("loading the sampler")
    return replace(settings_of(options), endpoints=kept or asked)


# --- What is shown -------------------------------------------------------------------------------


def _echo(lines: Iterator[str], fits: dict[str, Fit]) -> None:
    for line in lines:
        typer.echo(line)
    echo_verdicts({name: fit.diagnosis.verdict for name, fit in fits.items()})


def _paragraph(text: str) -> Iterator[str]:
    yield from wrap(text, WIDTH, break_on_hyphens=False)
    yield ""


def _shown_benefit(found: Findings, registry: Registry, *, show_all: bool) -> Iterator[str]:
    """Lines for a terminal: sentences and tables of every endpoint, then single results."""
    from synthesis.benefit.drawing import benefit_rows, effect_rows
    from synthesis.benefit.finding_words import influence_sentences, singles_of
    from synthesis.benefit.histology_words import benefit_words
    from synthesis.benefit.single_words import single_title, single_words

    said = benefit_words(found.benefit, registry.vocabulary)
    for endpoint in found.benefit.endpoints:
        yield from (line for text in said[endpoint] for line in _paragraph(text))
        rows = benefit_rows(found.benefit, endpoint, show_all=show_all).to_dict("records")
        for table in _benefit_tables(rows, found.benefit.delta):
            yield from table
            yield ""
        effects = found.benefit.effects[found.benefit.effects["endpoint"] == endpoint]
        density = found.benefit.density[found.benefit.density["endpoint"] == endpoint]
        yield from _effect_lines(effect_rows(effects, density).to_dict("records"))
        yield ""
        for text in influence_sentences(found, endpoint):
            yield from wrap(text, WIDTH, break_on_hyphens=False)
        yield ""
    for endpoint, _, result in singles_of(found):
        yield from _paragraph(single_title(result, registry.vocabulary.endpoint(endpoint).label))
        for text in single_words(result):
            yield from _paragraph(text)


def _benefit_tables(rows: Sequence[dict[str, object]], delta: float) -> Iterator[list[str]]:
    """Medians and survival, restricted means, and gains over the reference, each as lines."""
    sides = [("Tumours", "histology")]
    yield table_lines(
        rows,
        [
            *sides,
            ("Median, months", "median_text"),
            ("Alive at 6 months, %", "survival_6m_text"),
            ("at 12 months, %", "survival_12m_text"),
        ],
        name_width=_NAME,
    )
    yield table_lines(
        rows,
        [
            *sides,
            ("Restricted mean to 12 months", "rmst_12m_text"),
            ("to 24 months", "rmst_24m_text"),
        ],
        name_width=_NAME,
    )
    gained = [row for row in rows if row["carried_by"]]
    if gained:
        yield table_lines(
            gained,
            [
                *sides,
                ("Gain, months", "gain_text"),
                (f"P(gain >{delta:g})", "p_text"),
                ("Ratio of medians", "ratio_text"),
            ],
            name_width=_NAME,
        )


def _effect_lines(rows: Sequence[dict[str, object]]) -> list[str]:
    """Prior and posterior of every effect, and the share of it that is prior."""
    shown = [
        {
            "effect": row["label"],
            "prior": row["prior_text"],
            "posterior": row["posterior_text"],
            "share": f"{100 * float(row['prior_share']):.0f} %",
        }
        for row in rows
    ]
    columns = [("Prior", "prior"), ("Posterior", "posterior"), ("Share that is prior", "share")]
    return table_lines(shown, columns, name="effect", name_width=_EFFECT)


def _shown_mix(found: PatientMix, registry: Registry) -> Iterator[str]:
    """Lines for a terminal: the population, a table for each endpoint, and what to bear in mind."""
    from synthesis.benefit.population import gain_words
    from synthesis.report.mix import mix_rows

    for endpoint in found.table["endpoint"].unique():
        label = registry.vocabulary.endpoint(endpoint).label
        yield from _paragraph(
            f"{label} in {registry.vocabulary.subject_words}, {found.population.words}; posterior "
            "median (95 % interval) for the average study, then for a new one."
        )
        rows = mix_rows(found, endpoint)
        columns = [
            ("Study", "target"),
            ("Median, months", "median_months"),
            ("Alive at 6 months, %", "survival_6m"),
            ("at 12 months, %", "survival_12m"),
        ]
        yield from table_lines(rows, columns, name_width=_NAME)
        yield ""
        columns = [
            ("Study", "target"),
            ("Restricted mean to 12 months", "rmst_12m"),
            ("to 24 months", "rmst_24m"),
        ]
        yield from table_lines(rows, columns, name_width=_NAME)
        yield ""
        for sentence in gain_words(found, endpoint):
            yield from wrap(sentence, WIDTH, break_on_hyphens=False)
    yield ""
    for note in found.notes:
        yield from _paragraph(note)
