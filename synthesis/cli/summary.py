"""What `atc report` ends with: the best-known treatments, histology, evidence, and the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthesis.cli.terminal import paragraph, table_lines, verdict_lines
from synthesis.endpoints import endpoint_of
from synthesis.numbers import (
    LEVEL,
    capitalised,
    count,
    in_sentence,
    interval,
    listed,
    percent,
    ratio,
)
from synthesis.result import RESEARCH_USE, Column, make_table

if TYPE_CHECKING:
    from synthesis.run import Analysis

#: Treatments that are named, the reference among them.
NAMED = 5


def summary(analysis: Analysis, files: Sequence[Path], seconds: float) -> list[str]:
    """Lines that say what the report says first, and where it is."""
    from synthesis.questions.compare import comparison_evidence
    from synthesis.report.methods import passed

    endpoint, comparison = analysis.settings.endpoints[0], analysis.comparison
    lines = [*_treatments(analysis), *_histology(analysis)]
    if endpoint in comparison.endpoints:
        lines += paragraph(comparison_evidence(comparison, endpoint))
    page = next(path for path in files if path.suffix == ".html")
    kinds = [path.suffix for path in files]
    sizes = f"{count(kinds.count('.svg'), 'figure')}, {count(kinds.count('.csv'), 'table')}"
    failing = {name: own for name, own in analysis.verdicts.items() if own != "PASS"}
    minutes, rest = divmod(round(seconds), 60)
    took = f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return [
        *lines,
        f"Fits     {passed(analysis)}",
        *verdict_lines(failing),
        f"Report   {page} ({sizes}; {count(len(files), 'file')})",
        f"Took     {took}",
        *paragraph(RESEARCH_USE),
    ]


def _treatments(analysis: Analysis) -> Iterator[str]:
    """The treatments with most patients by their estimates, and what else there is."""
    answer, *others = analysis.answers
    endpoint, vocabulary = endpoint_of(answer.endpoint), analysis.registry.vocabulary
    estimates = analysis.pooled.query(
        "endpoint == @answer.endpoint and estimand == @endpoint.estimand"
        " and target == 'mean_study' and histology == 'reference'"
    )
    place = estimates.set_index("treatment")["estimate"]
    rows = sorted(
        answer.rows, key=lambda row: (row["carried_by"] != "reference", -int(row["patients"]))
    )
    named = sorted(rows[:NAMED], key=lambda row: -place[row["treatment"]])
    over = analysis.comparison.references.get(answer.endpoint)
    gains = "" if over is None else f"; gains are over {in_sentence(over.label)}"
    yield from paragraph(f"{endpoint.name(vocabulary)}, {endpoint.unit}{gains}")
    columns = [
        Column("Treatment"),
        Column(f"{'Rate' if endpoint.is_response else 'Median'} ({LEVEL})", "num"),
        *([Column("Gain", "num")] if gains else []),
        Column("Patients", "num"),
    ]
    cells = [
        (
            row["treatment"],
            row["mean_study"],
            *([row["gain"] or "reference"] if gains else []),
            row["patients"],
        )
        for row in named
    ]
    yield from table_lines(make_table("", columns, cells))
    rest = [count(len(rows) - len(named), "more treatment")] if len(rows) > len(named) else []
    rest += [endpoint_of(each.endpoint).words(vocabulary) for each in others]
    if rest:
        yield from paragraph(f"{capitalised(listed(rest))}: in the report.")


def _histology(analysis: Analysis) -> list[str]:
    """How much longer patients with mixed tumours live, and what the best-told treatment adds."""
    if analysis.findings is None:
        return []
    from synthesis.questions.histology_effects import PREDICTIVE, PROGNOSTIC

    rows = analysis.findings.benefit.effects.query("which == 'posterior' and cohorts > 0")
    rows = rows[rows["endpoint"] == analysis.settings.survival_endpoints[0]]
    prognostic = rows[rows["effect"] == PROGNOSTIC]
    predictive = rows[rows["effect"] == PREDICTIVE].nlargest(1, "patients")
    parts = [
        f"{start} {interval(row.estimate, row.lower, row.upper, ratio)} times {end} "
        f"({percent(row.prior_share)} % of that is assumption)"
        for effects, start, end in (
            (prognostic, "Mixed tumours live", "as long as pure ones"),
            (predictive, f"{''.join(predictive['treatment'])} makes it", "that"),
        )
        for row in effects.itertuples()
    ]
    return (
        paragraph(f"{capitalised('; '.join(map(in_sentence, parts)))}.") if len(prognostic) else []
    )
