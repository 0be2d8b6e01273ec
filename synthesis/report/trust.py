"""What limits the answers: what was screened, single arms, contradictions, overlap, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from studies import Cohort
from synthesis.report.provenance import cohorts_of, odd_figures, screening, sources
from synthesis.report.sections import OVERLAP, RESPONSE, Block, left_out_table
from synthesis.report.view import Column, Table, count, make_table

if TYPE_CHECKING:
    from synthesis.run import Analysis


def trust(analysis: Analysis, overlap_rule: tuple[str, ...]) -> tuple[Block, ...]:
    """Say what limits the answers: screening, single arms, contradictions, overlap, sources.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.
    overlap_rule : tuple of str
        The declared criteria by which one of two overlapping cohorts is counted.

    Returns
    -------
    tuple of Block
    """
    return (
        screening(analysis),
        _single_arms(analysis),
        _contradictions(analysis),
        _overlap(analysis, overlap_rule),
        sources(analysis),
        odd_figures(analysis),
    )


def _single_arms(analysis: Analysis) -> Block:
    used = sorted(set(analysis.cohorts["study"]))
    studies = [analysis.registry.studies[name] for name in used]
    designs = Counter(study.design.replace("_", " ") for study in studies)
    survival = analysis.cohorts[analysis.cohorts["endpoint"] != RESPONSE]
    origins = Counter(_time_origin(cohort) for _, cohort in cohorts_of(analysis, survival))
    compared = designs.get("randomised", 0)
    sentences = (
        f"{count(len(studies), 'report')} entered; {compared} of them "
        f"{'is' if compared == 1 else 'are'} randomised. Every other comparison between treatments "
        "is a comparison between studies: patients were chosen by different people, in different "
        "years, for different reasons, and a difference between treatments may be a difference "
        "between patients. No contrast of this kind is evidence that one treatment causes longer "
        "survival than another.",
    )
    tables = [_count_table("Designs of the reports used.", "Design", designs)]
    if origins:
        title = "Time origin of the cohorts used for survival."
        tables.append(_count_table(title, "Time is counted from", origins))
    return Block("Single arms, compared across studies", sentences, tables=tuple(tables))


def _time_origin(cohort: Cohort) -> str:
    if cohort.time_origin is None:
        return "not stated"
    return f"{cohort.time_origin}{' (presumed)' if cohort.time_origin_presumed else ''}"


def _count_table(title: str, head: str, counts: Mapping[str, int]) -> Table:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return make_table(title, [Column(head), Column("Number", "num")], ordered, narrow=True)


def _contradictions(analysis: Analysis) -> Block:
    label = "Where model and reports disagree"
    if analysis.contradictions:
        return Block(label, items=tuple(analysis.contradictions))
    sentence = "No pooled median lies outside the range of the medians printed by its own cohorts."
    return Block(label, (sentence,))


def _overlap(analysis: Analysis, rule: tuple[str, ...]) -> Block:
    frame = analysis.left_out[analysis.left_out["kind"] == OVERLAP]
    label = "Patients reported more than once"
    sentence = (
        "Of cohorts that share patients one is counted. The order of precedence, applied in turn:"
    )
    if frame.empty:
        none = "Among the cohorts of these endpoints none share patients."
        return Block(label, (none, sentence), rule)
    return Block(label, (sentence,), rule, (left_out_table(analysis, OVERLAP, frame),))
