"""`atc compare`: every treatment against a reference, every pair, ranks, and what carries it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
    EndpointsOption,
    FamilyOption,
    HistologyOption,
    MixOption,
    OnlyOption,
    PriorsOption,
    ReferenceOption,
    RegistryOption,
    SeedOption,
    VerifiedOption,
    examples,
)
from synthesis.cli.pooled import fit_pooled, keep_pooling
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
    from priors import Priors
    from synthesis.analysis import Settings
    from synthesis.benefit.compare import Comparison
    from synthesis.tables import Fit

EXAMPLES = examples(
    "atc compare --endpoint os",
    'atc compare --reference "best supportive care" --histology pure --delta 2 --out compared',
)

_SHORT = {
    "randomised": "randomised",
    "within one study": "one study",
    "across single-arm studies": "across",
}


def compare(
    reference: ReferenceOption = None,
    endpoint: EndpointsOption = None,
    histology: HistologyOption = "reference",
    delta: DeltaOption = 1.0,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also treatments with one small cohort.")
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
    family: FamilyOption = None,
    seed: SeedOption = None,
    draws: DrawsOption = None,
    cache: CacheOption = True,
) -> None:
    """Compare treatments: contrasts, gains, ranks, and what carries each of them."""
    if out is not None:
        check_folder(out)
    loaded = converted(read_registry(registry, only), convert)
    believed = read_priors(priors)
    options = {"seed": seed, "draws": draws, "reference_mix": reference_mix, "family": family}
    options |= {"endpoints": tuple(dict.fromkeys(endpoint)) if endpoint else None}
    options |= {"verified_only": verified_only}
    asked = {
        "histology": "reference mix" if histology == "reference" else histology,
        "delta": delta,
        "show_all": show_all,
    }
    written = 0
    with progress() as tell:
        tell("loading the sampler")
        settings, notes = settings_of(options), ()
        if reference is not None:
            kept, notes = keep_pooling(
                loaded, settings.endpoints, reference, verified_only=verified_only
            )
            settings = replace(settings, endpoints=kept)
        fits, found = _compared(loaded, settings, reference, asked, tell, believed, cache)
        if out is not None:
            from synthesis.report.compare import write_comparison

            tell("writing tables and figures")
            written = len(write_comparison(found, loaded, out))
    for line in shown(found, loaded, notes):
        typer.echo(line)
    echo_verdicts({name: fit.diagnosis.verdict for name, fit in fits.items()})
    if out is not None:
        typer.echo(f"\nWritten: {out / 'tables' / 'compare.csv'} ({count(written, 'file')})")
    typer.echo(f"\n{RESEARCH_USE}")


def _compared(
    registry: Registry,
    settings: Settings,
    reference: str | None,
    asked: Mapping[str, Any],
    tell: Tell,
    priors: Priors | None,
    cache: bool,
) -> tuple[dict[str, Fit], Comparison]:
    """Fit the endpoints and compare their treatments.

    Raises
    ------
    InputError
        Where nothing can be pooled or compared as asked for.
    """
    from synthesis.benefit.compare import compare as compare_fits
    from synthesis.benefit.reference import NotComparedError

    fits = fit_pooled(registry, settings, priors, tell, cache=cache)
    tell("comparing")
    try:
        found = compare_fits(
            fits, registry.vocabulary, reference=reference, mix=settings.reference_mix, **asked
        )
    except NotComparedError as error:
        raise InputError(str(error)) from None
    if found.is_empty:
        raise InputError(" ".join(found.notes))
    return fits, found


def shown(comparison: Comparison, registry: Registry, notes: Sequence[str] = ()) -> Iterator[str]:
    """Lines for a terminal: sentences and tables of every endpoint, then the notes."""
    from synthesis.benefit.compare_words import ACROSS_WORDS, sentences

    said = sentences(comparison, registry.vocabulary)
    for endpoint in comparison.endpoints:
        for sentence in said[endpoint]:
            yield from wrap(sentence, WIDTH, break_on_hyphens=False)
        yield ""
        for table in _tables(comparison, endpoint):
            yield from table
            yield ""
    for note in (ACROSS_WORDS, *notes, *comparison.notes):
        yield from wrap(note, WIDTH, break_on_hyphens=False)
        yield ""


def _tables(comparison: Comparison, endpoint: str) -> Iterator[list[str]]:
    """Tables of one endpoint, each as lines: contrasts, the same in other terms with the ranks."""
    from synthesis.benefit.compare_rows import contrast_rows, rank_texts

    drawn = comparison.forest.loc[comparison.forest["endpoint"] == endpoint, "treatment"]
    rows = [r for r in contrast_rows(comparison, endpoint) if r["treatment"] in set(drawn)]
    ranks = rank_texts(comparison, endpoint)
    behind = [("Cohorts (patients)", "size"), ("Carried by", "carried_by")]
    for row in rows:
        row["size"] = f"{row['cohorts']} ({row['patients']})"
        row["carried_by"] = _SHORT[row["carried_by"]]
        row["rank"] = ranks[row["treatment"]]
    if endpoint == "response":
        first = [("Difference, points", "difference_response_rate"), ("Mean rank", "rank")]
        yield table_lines(rows, [*first, *behind])
        return
    asked = f"P(gain >{comparison.delta:g})"
    first = [
        ("Ratio of medians", "ratio_of_medians"),
        ("Gain, months", "difference_median_months"),
        (asked, "p_gain"),
    ]
    yield table_lines(rows, [*first, *behind])
    second = [
        ("Average hazard ratio", "average_hazard_ratio"),
        ("Restricted mean to 12 months", "difference_rmst_12m"),
        ("Restricted mean to 24 months", "difference_rmst_24m"),
        ("Mean rank", "rank"),
    ]
    yield table_lines(rows, second)
