"""`atc bias`: what the data say of biases of retrospective reports and of small studies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studies import Registry
from synthesis.cli.options import (
    CacheOption,
    ConvertOption,
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
from synthesis.text.plain import WIDTH, aligned, count

if TYPE_CHECKING:
    from synthesis.questions.bias import BiasAnalysis

# Columns that a label takes in the table of medians.
_LABEL = 34

EXAMPLES = examples("atc bias", "atc bias --endpoint pfs --family weibull --out bias")


def bias(
    endpoint: SurvivalOption = "os",
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
    """Ask whether retrospective reports are optimistic, and small cohorts too (optional).

    A model in which every retrospective report has a bias of its own is fitted beside the usual
    one, and the printed medians are set in a funnel. No pooled answer of a report comes from it.
    """
    if out is not None:
        check_folder(out)
    loaded = converted(read_registry(registry, only), convert)
    options = {"priors": read_priors(priors), "reference_mix": reference_mix, "seed": seed}
    options |= {"family_name": family, "draws": draws, "verified_only": verified_only}
    with progress() as tell:
        found = _analysed(loaded, endpoint, options, tell, cache=cache)
        written = 0
        if out is not None:
            from synthesis.report.bias import write_bias

            tell("writing tables and figures")
            written = len(write_bias(found, out))
    for line in shown(found):
        typer.echo(line)
    if out is not None:
        typer.echo(f"Written: {out / 'tables' / 'bias.csv'} ({count(written, 'file')})\n")
    typer.echo(RESEARCH_USE)


def _analysed(
    registry: Registry, endpoint: str, options: dict[str, Any], tell: Tell, *, cache: bool
) -> BiasAnalysis:
    """Run the analysis.

    Raises
    ------
    InputError
        Where nothing can be pooled.
    """
    tell("loading the sampler")
    from synthesis.fits import NothingToPoolError
    from synthesis.questions.bias import bias

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return bias(registry, endpoint, cache=cache, progress=tell, **given)
    except NothingToPoolError as error:
        raise InputError(f"{str(error).rstrip('.')}.") from None


def shown(found: BiasAnalysis) -> Iterator[str]:
    """Lines for a terminal: that it is optional, every finding, tables, both verdicts."""
    from synthesis.questions.bias import OPTIONAL

    yield from wrap(OPTIONAL, WIDTH)
    yield ""
    for finding in found.findings:
        yield finding.question
        for sentence in finding.sentences:
            yield from wrap(
                sentence, WIDTH, initial_indent="  ", subsequent_indent="  ",
                break_on_hyphens=False,
            )  # fmt: skip
        yield ""
    yield from _reports(found)
    yield from _medians(found)
    for name, fit in (("usual model", found.usual), ("with biases", found.biased)):
        diagnosis = fit.diagnosis
        advice = f" ({diagnosis.advice})" if diagnosis.advice else ""
        yield f"{diagnosis.verdict:<6}  {name}, {found.endpoint}{advice}"
    yield ""


def _reports(found: BiasAnalysis) -> Iterator[str]:
    from synthesis.benefit.histology_words import ratio
    from synthesis.benefit.writing import chance_text

    own = found.tables.reports
    if own.empty:
        return
    rows = [("Retrospective report", "Patients", "Bias (ratio of medians)", "P(optimistic)")]
    rows += [
        (row.cohort_label, str(row.patients), ratio(row), chance_text(row.p_optimistic))
        for row in own.itertuples(index=False)
    ]
    yield from aligned(rows, right=(1, 3))
    yield ""


def _medians(found: BiasAnalysis) -> Iterator[str]:
    from synthesis.benefit.writing import ratio_text
    from synthesis.estimands import Summary
    from synthesis.questions.bias.effects import AS_PROSPECTIVE, HALF_WAY
    from synthesis.questions.pooled import interval_text

    own = found.tables.medians
    both = {name: own[own["population"] == name] for name in (HALF_WAY, AS_PROSPECTIVE)}
    rows = [("Median, months", "Pooled (usual)", "Bias model", "Ratio", "As prospective", "Ratio")]
    pairs = zip(*(frame.itertuples(index=False) for frame in both.values()), strict=True)
    for half, asked in pairs:
        rows.append(
            (
                shorten(half.treatment, _LABEL, placeholder=" ..."),
                interval_text(Summary(half.usual, half.usual_lower, half.usual_upper)),
                interval_text(Summary(half.biased, half.biased_lower, half.biased_upper)),
                ratio_text(half.ratio),
                interval_text(Summary(asked.biased, asked.biased_lower, asked.biased_upper)),
                ratio_text(asked.ratio_to_pooled),
            )
        )
    yield from aligned(rows, right=(3, 5))
    yield "Ratios are to the pooled median of the usual model."
    yield ""
