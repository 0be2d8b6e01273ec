"""What the answers rest on: what carries them, and where their figures come from."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from studies.plausibility import review
from studies.problems import Problem
from studies.selection import OVERLAP_RULE
from synthesis.endpoints import label_of
from synthesis.numbers import MISSING, count, is_missing
from synthesis.reported import cohort_names
from synthesis.result import Cell, Column, Finding, Result, Table, make_table, table_of

if TYPE_CHECKING:
    from synthesis.run import Analysis

VERIFIED, OVERLAP = "verified", "overlap"
_COHORT_OF_FIELD = re.compile(r"cohorts\[(\d+)\]")


def knows_histology(analysis: Analysis) -> bool:
    """Whether any estimate is by histology; where none is, the page speaks of neither kind."""
    return bool(analysis.pooled["histology"].isin(("pure", "mixed")).any())


def or_nothing(entry: object) -> str:
    """A text as it is; nothing where it is missing."""
    return "" if is_missing(entry) else str(entry)


# --- How far this can be trusted -----------------------------------------------------------------


def trust(analysis: Analysis) -> Result:
    """Say what limits the answers: what carries them, contradictions, overlap, sources."""
    none = "No pooled median lies outside the range of the medians reported by its own cohorts."
    disagree = tuple(f"- {text}" for text in analysis.contradictions)
    findings = (
        Finding("Where model and reports disagree", disagree or (none,)),
        _overlap(analysis),
        _sources(analysis),
        _odd_figures(analysis),
    )
    return Result("trust", "How sure can one be?", findings=findings)


def cohorts(analysis: Analysis) -> Result:
    """The tables of cohorts that are kept; the page shows them as one list."""
    lead = (
        "Every cohort of the registry once: counted, gave way to another cohort of the same "
        "patients, or left out, with the reason. The last are reports that were left out when they "
        "were screened. A cohort may count for one endpoint and not for another."
    )
    tables = {name: getattr(analysis, name) for name in ("cohorts", "left_out", "figures")}
    return Result("cohorts", "All cohorts", (lead,), tables=tables)


def _overlap(analysis: Analysis) -> Finding:
    known, some = knows_histology(analysis), bool((analysis.left_out["kind"] == OVERLAP).any())
    none = "Among the cohorts of these endpoints none share patients."
    rule = (
        "Of cohorts that share patients one is counted. The order of precedence, applied in turn "
        "(which cohort gave way to which stands in the list of all cohorts):"
    )
    order = (f"- {text}" for text in OVERLAP_RULE if known or "histology" not in text)
    return Finding("Patients reported more than once", (*(() if some else (none,)), rule, *order))


def _sources(analysis: Analysis) -> Finding:
    """Where the figures were seen, figure by figure."""
    figures = analysis.figures
    # the histology of a cohort counts once, though it enters for two endpoints
    once = figures["endpoint"].where(figures["kind"] != "histology", "")
    status = figures.assign(endpoint=once).drop_duplicates()["status"]
    verified = int((status == VERIFIED).sum())
    seen = (
        f"{count(len(status), 'reported figure')} entered: {verified:,} seen in the report itself "
        f"(verified), {len(status) - verified:,} in another source about it only (secondary)."
    )
    secondary = figures[figures["status"] != VERIFIED]
    return Finding("Sources of the figures", (seen,), (_status_table(analysis, secondary),))


def _status_table(analysis: Analysis, secondary: pd.DataFrame) -> Table:
    entered, other = Counter(analysis.figures["endpoint"]), Counter(secondary["endpoint"])
    touched = Counter(secondary.drop_duplicates(["endpoint", "study", "cohort"])["endpoint"])
    columns = (
        ("Endpoint", "keep", lambda name: label_of(name, analysis.registry.vocabulary)),
        ("Figures", "num", lambda name: entered[name]),
        ("Verified", "num", lambda name: entered[name] - other[name]),
        ("Secondary", "num", lambda name: other[name]),
        ("Cohorts with a secondary figure", "num", lambda name: touched[name]),
    )
    title = "Where the figures were seen."
    return table_of(title, analysis.settings.endpoints, columns, narrow=True)


def _odd_figures(analysis: Analysis) -> Finding:
    """Figures of the cohorts used that look odd, and why each stays as it is."""
    looked_at = review(analysis.registry)
    reasons = [*looked_at.acknowledged, *((warning, MISSING) for warning in looked_at.warnings)]
    rows = [
        (where, Cell(f"{warning.found}; expected {warning.expected}", more=warning.field), reason)
        for warning, reason in reasons
        if (where := _where(analysis, warning)) is not None
    ]
    heading = "Figures that look odd"
    if not rows:
        none = "No figure of the cohorts used looks odd to the checks of the registry."
        return Finding(heading, (none,))
    columns = [Column("Cohort", "keep"), Column("Found", "wide"), Column("Why it stays", "wide")]
    table = make_table("", columns, rows)
    lead = (
        "The registry is checked for figures that look like a slip. Each that was found in the "
        "cohorts used was looked at again and stays as reported, for the reason given; where no "
        "reason is given it has not been looked at yet."
    )
    return Finding(f"{heading} ({len(rows)})", (lead,), (table,), folded=True)


def _where(analysis: Analysis, warning: Problem) -> Cell | None:
    """Name the cohort of a warning; None where the analysis does not use it."""
    study = analysis.registry.studies.get(warning.file.removesuffix(".toml"))
    used = set(zip(analysis.cohorts["study"], analysis.cohorts["cohort"], strict=True))
    if study is None or study.id not in {name for name, _ in used}:
        return None
    place = _COHORT_OF_FIELD.match(warning.field)
    if place is None:
        return Cell(analysis.registry.labels[study.id])
    own = study.id, study.cohorts[int(place[1])].id
    return Cell(cohort_names(analysis.registry)[":".join(own)]) if own in used else None
