"""Where the figures of an analysis come from: what was screened, seen, and looked at twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from studies import Cohort, Study
from studies.figures import study_label
from studies.plausibility import Review, review
from studies.problems import Problem
from synthesis.report.references import anchor, cited_studies
from synthesis.report.sections import Block, endpoint_label
from synthesis.report.view import MISSING, Cell, Column, Table, count, make_table

if TYPE_CHECKING:
    from synthesis.run import Analysis

VERIFIED = "verified"
_COHORT_OF_FIELD = re.compile(r"cohorts\[(\d+)\]")


def cohorts_of(analysis: Analysis, frame: pd.DataFrame) -> list[tuple[Study, Cohort]]:
    """Look the cohorts of a table up in the registry, each once."""
    found = []
    for study_id, name in dict.fromkeys(zip(frame["study"], frame["cohort"], strict=True)):
        study = analysis.registry.studies[study_id]
        found += [(study, cohort) for cohort in study.cohorts if cohort.id == name]
    return found


def screening(analysis: Analysis) -> Block:
    """Say how many reports were screened, how many of them were encoded, and how many entered.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.

    Returns
    -------
    Block
        With the list of reports that were left out at screening, folded.
    """
    registry = analysis.registry
    used, encoded, out = len(cited_studies(analysis)), len(registry.studies), registry.excluded
    sentence = (
        f"{count(encoded + len(out), 'report')} were screened. The figures of {encoded:,} were "
        f"encoded; {len(out):,} {'was' if len(out) == 1 else 'were'} left out, each for a stated "
        f"reason. Of those encoded {used:,} entered this analysis; why the cohorts of the others "
        "did not is told below, under the cohorts left out."
    )
    if not out:
        return Block("Reports screened", (sentence,))
    rows = [
        (
            Cell(study_label(entry), more=entry.citation.title or ""),
            ", ".join(f"{n:,}" for n in entry.n) or MISSING,
            entry.reason,
        )
        for entry in out
    ]
    columns = [Column("Report", "wide"), Column("Patients", "num"), Column("Reason", "wide")]
    size = count(len(out), "report")
    return Block(
        "Reports screened",
        (sentence,),
        folded=(make_table(f"Left out at screening ({size}).", columns, rows),),
    )


def sources(analysis: Analysis) -> Block:
    """Say where the figures were seen, figure by figure, and which cohorts carry a caution.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis; its `figures` table has one row per printed figure that entered.

    Returns
    -------
    Block
    """
    figures = analysis.figures
    status = _distinct(figures)["status"]
    verified = int((status == VERIFIED).sum())
    sentence = (
        f"{count(len(status), 'printed figure')} entered: {verified:,} seen in the report itself "
        f"(verified), {len(status) - verified:,} in another source about it only (secondary)."
    )
    cautions = tuple(
        f"{study_label(study)}, {cohort.id}: {cohort.caution}"
        for study, cohort in cohorts_of(analysis, analysis.cohorts)
        if cohort.caution
    )
    lead = ("Cohorts that are pooled, and of which a reader must know more:",) if cautions else ()
    secondary = figures[figures["status"] != VERIFIED]
    folded = () if secondary.empty else (_secondary_table(analysis, secondary),)
    tables = (_status_table(analysis),)
    return Block("Sources and cautions", (sentence, *lead), cautions, tables, folded)


def _distinct(figures: pd.DataFrame) -> pd.DataFrame:
    """Count the histology of a cohort once, though it enters for two endpoints."""
    endpoint = figures["endpoint"].where(figures["kind"] != "histology", "")
    return figures.assign(endpoint=endpoint).drop_duplicates()


def _status_table(analysis: Analysis) -> Table:
    rows = []
    for endpoint in analysis.settings.endpoints:
        own = analysis.figures[analysis.figures["endpoint"] == endpoint]
        verified = int((own["status"] == VERIFIED).sum())
        touched = own[own["status"] != VERIFIED][["study", "cohort"]].drop_duplicates()
        label = endpoint_label(analysis.registry, endpoint)
        rows.append((label, len(own), verified, len(own) - verified, len(touched)))
    columns = [
        Column("Endpoint", "keep"),
        Column("Figures", "num"),
        Column("Verified", "num"),
        Column("Secondary", "num"),
        Column("Cohorts with a secondary figure", "num"),
    ]
    return make_table("Where the figures were seen.", columns, rows, narrow=True)


def _secondary_table(analysis: Analysis, figures: pd.DataFrame) -> Table:
    rows = [
        (
            Cell(f"{row.label} · {row.cohort}", href=f"#{anchor(row.study)}"),
            endpoint_label(analysis.registry, row.endpoint),
            row.kind if row.group == "whole" else f"{row.kind}, {row.group}",
            row.printed,
        )
        for row in figures.itertuples(index=False)
    ]
    columns = [
        Column("Cohort", "keep"),
        Column("Endpoint", "keep"),
        Column("Figure", "keep"),
        Column("As it entered", "wide"),
    ]
    return make_table(f"Secondary figures ({len(rows)}).", columns, rows)


def odd_figures(analysis: Analysis) -> Block:
    """Show the figures of the cohorts used that look odd, and why each stays as it is.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.

    Returns
    -------
    Block
    """
    label = "Figures that look odd"
    found = review(analysis.registry)
    rows = [*_acknowledged(analysis, found), *_open(analysis, found)]
    if not rows:
        none = "No figure of the cohorts used looks odd to the checks of the registry."
        return Block(label, (none,))
    sentence = (
        "The registry is checked for figures that look like a slip. What was found in the cohorts "
        "used was looked at again and stays as printed, for the reason given; where no reason is "
        "given it has not been looked at yet."
    )
    columns = [Column("Cohort", "keep"), Column("Found", "wide"), Column("Why it stays", "wide")]
    title = f"Odd figures of the cohorts used ({len(rows)})."
    return Block(label, (sentence,), tables=(make_table(title, columns, rows),))


def _acknowledged(analysis: Analysis, found: Review) -> Iterator[tuple[object, ...]]:
    for warning, reason in found.acknowledged:
        where = _where(analysis, warning)
        if where is not None:
            yield where, _as_found(warning), reason


def _open(analysis: Analysis, found: Review) -> Iterator[tuple[object, ...]]:
    for warning in found.warnings:
        where = _where(analysis, warning)
        if where is not None:
            yield where, _as_found(warning), MISSING


def _where(analysis: Analysis, warning: Problem) -> Cell | None:
    """Name the cohort of a warning; None where the analysis does not use it."""
    study = analysis.registry.studies.get(warning.file.removesuffix(".toml"))
    used = analysis.cohorts
    if study is None or study.id not in set(used["study"]):
        return None
    label, href = study_label(study), f"#{anchor(study.id)}"
    place = _COHORT_OF_FIELD.match(warning.field)
    if place is None:
        return Cell(label, href=href)
    name = study.cohorts[int(place[1])].id
    if not ((used["study"] == study.id) & (used["cohort"] == name)).any():
        return None
    return Cell(f"{label} · {name}", href=href)


def _as_found(warning: Problem) -> Cell:
    return Cell(f"{warning.found}; expected {warning.expected}", more=warning.field)
