"""Treatments against each other on the page: compared, by histology, one result, a population."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthesis.benefit.compare_words import ACROSS_WORDS
from synthesis.report.benefit import BENEFIT_LEAD, benefit_blocks, single_blocks
from synthesis.report.compare import COMPARE_LEAD, compare_blocks
from synthesis.report.figures import Picture
from synthesis.report.mix import population_tables
from synthesis.report.sections import endpoint_label
from synthesis.report.sensitivity import SENSITIVITY_LEAD, sensitivity_blocks, stems
from synthesis.report.view import Table

if TYPE_CHECKING:
    from synthesis.run import Analysis

SINGLE_LEAD = (
    "What one report's own difference between pure and mixed tumours says alone, what is left of "
    "it beside every other report, and how often chance alone would print as much."
)
NOT_ASKED = (
    "No choice was made otherwise here: every such choice is another fit, and all of them take "
    "minutes. The first of these commands adds this section, the second asks about one endpoint; "
    "an interrupted run goes on where it stopped."
)


@dataclass(frozen=True)
class Fold:
    """A part that opens on request."""

    label: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A headed part of a section: sentences, a list, pictures, tables, then what is folded."""

    label: str
    sentences: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    folds: tuple[Fold, ...] = ()


@dataclass(frozen=True)
class Part:
    """A section of the page.

    Attributes
    ----------
    lead : tuple of str
        Paragraphs above.
    shown : tuple of Shown
    files : tuple of str
        Names of its tables among the files.
    commands : tuple of str
        To be typed, where the section was not asked for.
    """

    lead: tuple[str, ...]
    shown: tuple[Shown, ...]
    files: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def compared(analysis: Analysis, pictures: Sequence[Picture]) -> Part:
    """Treatments against the reference, every pair, ranks, and what carries each contrast."""
    comparison, by_stem = analysis.comparison, _by_stem(pictures)
    blocks = []
    for block in compare_blocks(comparison, analysis.registry.vocabulary):
        named = {name: f"compare_{name}_{block.endpoint}" for name in _COMPARED}
        contrasts, ranks = block.tables
        folds = (
            Fold("In numbers, with hazard ratios and restricted means", tables=(contrasts,)),
            Fold("Ranks", tables=(ranks,), pictures=_of(by_stem, [named["ranks"]])),
            Fold("Every pair of treatments", pictures=_of(by_stem, [named["league"]])),
            Fold("Which reports gave two of them", pictures=_of(by_stem, [named["network"]])),
        )
        first = _of(by_stem, [named["forest"], named["gains"]])
        label = endpoint_label(analysis.registry, block.endpoint)
        blocks.append(Shown(label, block.sentences, (), first, (), folds))
    if comparison.is_empty:
        return Part(comparison.notes, ())
    lead = (COMPARE_LEAD, ACROSS_WORDS, *comparison.notes)
    return Part(lead, tuple(blocks), ("compare", "league", "gains", "ranks"))


_COMPARED = ("forest", "gains", "ranks", "league", "network")


def by_histology(analysis: Analysis, pictures: Sequence[Picture]) -> Part | None:
    """Benefit in pure and in mixed tumours; None where the disease has no such groups."""
    findings, by_stem = analysis.findings, _by_stem(pictures)
    if findings is None:
        return None
    blocks = []
    for block in benefit_blocks(findings, analysis.registry.vocabulary, printed=analysis.histology):
        folds = [
            Fold("In numbers, and restricted means", tables=block.numbers),
            Fold(
                "Which cohorts moved these answers",
                block.influence,
                pictures=_of(by_stem, [stem for stem in block.figures if "influence" in stem]),
            ),
        ]
        first = _of(by_stem, [stem for stem in block.figures if "influence" not in stem])
        blocks.append(
            Shown(
                block.label,
                block.sentences,
                (),
                first,
                block.tables,
                tuple(fold for fold in folds if fold.tables or fold.pictures),
            )
        )
    return Part((BENEFIT_LEAD,), tuple(blocks), ("benefit", "benefit_effects", "influence"))


def single_results(analysis: Analysis, pictures: Sequence[Picture]) -> Part | None:
    """What reports print by histology, each alone and once pooled; all but the first folded."""
    if analysis.findings is None:
        return None
    by_stem = _by_stem(pictures)
    first, *others = single_blocks(analysis.findings, analysis.registry.vocabulary) or [None]
    if first is None:
        return None
    folds = (
        Fold("In numbers", tables=first.tables),
        *(
            Fold(item.title, item.sentences, item.tables, _of(by_stem, [item.figure]))
            for item in others
        ),
    )
    shown = Shown(first.title, first.sentences, (), _of(by_stem, [first.figure]), (), folds)
    return Part((SINGLE_LEAD,), (shown,), ("single_results",))


def populations(analysis: Analysis) -> Part | None:
    """Pooled survival of stated populations of patients."""
    if not analysis.populations:
        return None
    lead, tables = population_tables(
        analysis.populations, analysis.registry.vocabulary, _main(analysis)
    )
    shown = tuple(Shown(label, tables=(table,)) for label, table in tables)
    return Part(lead, shown, ("mix",), ("atc mix --help",))


def _main(analysis: Analysis) -> Mapping[str, frozenset[str]]:
    """Treatments with enough behind them to be shown, by endpoint."""
    groups = analysis.findings.benefit.groups
    own = groups[groups["shown"].astype(bool)]
    return {name: frozenset(part["treatment"]) for name, part in own.groupby("endpoint")}


def choices(analysis: Analysis, pictures: Sequence[Picture]) -> Part | None:
    """What changes under which choice, or how to ask for it; None without a survival endpoint."""
    endpoints = analysis.settings.survival_endpoints
    if not endpoints:
        return None
    if not analysis.settings.sensitivity:
        commands = ("atc report --sensitivity", f"atc sensitivity --endpoint {endpoints[0]}")
        return Part((NOT_ASKED,), (), commands=commands)
    by_stem, shown = _by_stem(pictures), []
    for endpoint, found in analysis.sensitivity.items():
        blocks = sensitivity_blocks(found)
        label = endpoint_label(analysis.registry, endpoint)
        drawn = _of(by_stem, stems(found).values())
        for number, block in enumerate(blocks):
            folds = tuple(Fold(table.title, tables=(table,)) for table in block.folded)
            shown.append(
                Shown(
                    f"{label}: {block.label[:1].lower()}{block.label[1:]}",
                    block.paragraphs,
                    block.items,
                    drawn if number == 0 else (),
                    block.tables,
                    folds,
                )
            )
    lead = (SENSITIVITY_LEAD, *analysis.sensitivity_notes)
    files = ("sensitivity", "power_scaling") if shown else ()
    return Part(lead, tuple(shown), files)


def _by_stem(pictures: Iterable[Picture]) -> dict[str, Picture]:
    return {picture.stem: picture for picture in pictures}


def _of(by_stem: Mapping[str, Picture], names: Iterable[str]) -> tuple[Picture, ...]:
    """Pictures of these stems that there are, in this order."""
    return tuple(by_stem[name] for name in names if name in by_stem)
