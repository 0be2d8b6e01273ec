"""`atc compare`: every treatment against a reference, every pair, ranks, and what carries it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studies import Registry, UnknownWordError
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
    RegistryOption,
    SeedOption,
    VerifiedOption,
    examples,
)
from synthesis.cli.running import (
    InputError,
    Tell,
    converted,
    progress,
    read_priors,
    read_registry,
    settings_of,
)
from synthesis.staging import check_folder
from synthesis.text.plain import WIDTH, aligned, count

if TYPE_CHECKING:
    from priors import Priors
    from synthesis.analysis import Settings
    from synthesis.benefit.compare import Comparison
    from synthesis.tables import Fit

EXAMPLES = examples(
    "atc compare --endpoint os",
    'atc compare --reference "best supportive care" --histology pure --delta 2 --out compared',
)
RESEARCH_USE = "For research use; not for decisions about an individual patient."

# Columns that the name of a treatment takes; longer names go on in a second line.
_NAME = 30
# Columns that any heading gets.
_LEAST = 10
_TREATMENT = "Treatment"
_SHORT = {
    "randomised": "randomised",
    "within one study": "one study",
    "across single-arm studies": "across",
}


def compare(
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="T",
            help="What treatments are set against (supportive care where it is pooled).",
        ),
    ] = None,
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
            kept, notes = _pooling(loaded, settings.endpoints, reference, verified_only)
            settings = replace(settings, endpoints=kept)
        fits, found = _compared(loaded, settings, reference, asked, tell, believed, cache)
        if out is not None:
            from synthesis.report.compare import write_comparison

            tell("writing tables and figures")
            written = len(write_comparison(found, loaded, out))
    for line in shown(found, loaded, notes):
        typer.echo(line)
    for name, fit in fits.items():
        typer.echo(f"{fit.diagnosis.verdict:<6}  {name}")
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
    from synthesis.analysis import fit_endpoints
    from synthesis.benefit.compare import compare as compare_fits
    from synthesis.benefit.reference import NotComparedError
    from synthesis.models import NothingToPoolError

    try:
        fits, _ = fit_endpoints(registry, settings, priors=priors, progress=tell, cache=cache)
        tell("comparing")
        found = compare_fits(
            fits, registry.vocabulary, reference=reference, mix=settings.reference_mix, **asked
        )
    except (NothingToPoolError, NotComparedError) as error:
        raise InputError(str(error)) from None
    if found.is_empty:
        raise InputError(" ".join(found.notes))
    return fits, found


def _pooling(
    registry: Registry, endpoints: Sequence[str], reference: str, verified_only: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Endpoints that pool a reference, known before anything is sampled, and words on the others.

    Raises
    ------
    InputError
        Where none does; names the treatments that can be the reference.
    """
    from studies.selection import select

    pooled = {
        endpoint: {
            ref.treatment
            for ref in select(registry, endpoint, verified_only=verified_only).counted
            if ref.role != "mixed"
        }
        for endpoint in endpoints
    }
    every = ", ".join(sorted(set().union(*pooled.values()))) or "none"
    possible = f"ossible for {', '.join(endpoints)}: {every}."
    try:
        found = registry.vocabulary.treatment(reference)
    except UnknownWordError as error:
        hint = f"{str(error).rstrip('?')}{'?' if error.suggestion else '.'}"
        raise InputError(f"{hint} P{possible}") from None
    kept = tuple(endpoint for endpoint in endpoints if found.id in pooled[endpoint])
    if not kept:
        raise InputError(f"no cohort of {found.id} is pooled; p{possible}")
    return kept, tuple(
        f"No cohort of {found.id} is pooled for {endpoint}, which is left out."
        for endpoint in endpoints
        if endpoint not in kept
    )


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
        yield _table(rows, [*first, *behind])
        return
    asked = f"P(gain >{comparison.delta:g})"
    first = [
        ("Ratio of medians", "ratio_of_medians"),
        ("Gain, months", "difference_median_months"),
        (asked, "p_gain"),
    ]
    yield _table(rows, [*first, *behind])
    second = [
        ("Average hazard ratio", "average_hazard_ratio"),
        ("Restricted mean to 12 months", "difference_rmst_12m"),
        ("Restricted mean to 24 months", "difference_rmst_24m"),
        ("Mean rank", "rank"),
    ]
    yield _table(rows, second)


def _table(rows: Sequence[dict[str, str]], columns: Sequence[tuple[str, str]]) -> list[str]:
    """Set rows below their headings, which stand on as many lines as they need."""
    heads = [wrap(name, _widest(rows, key, name)) for name, key in columns]
    deep = max(map(len, heads))
    raised = [[*[""] * (deep - len(head)), *head] for head in ([_TREATMENT], *heads)]
    cells = [list(line) for line in zip(*raised, strict=True)]
    for row in rows:
        names = wrap(row["treatment"], _NAME)
        cells.append([names[0], *(row[key] for _, key in columns)])
        cells += [[f"  {name}", *[""] * len(columns)] for name in names[1:]]
    return list(aligned(cells))


def _widest(rows: Sequence[dict[str, str]], key: str, name: str) -> int:
    """Columns that the cells take, and room for every word of the heading."""
    return max(_LEAST, *(len(row[key]) for row in rows), *map(len, name.split()))
