"""What `atc report` ends with: the best-known treatments, histology, evidence, and the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthesis.cli.terminal import paragraph, table_lines, verdict_lines
from synthesis.endpoints import endpoint_of
from synthesis.numbers import LEVEL, capitalised, count, in_sentence, listed
from synthesis.result import RESEARCH_USE, Column, make_table

if TYPE_CHECKING:
    from synthesis.run import Analysis

#: Treatments that are named, the reference among them.
NAMED = 5


def summary(analysis: Analysis, files: Sequence[Path], seconds: float) -> list[str]:
    """Lines that say what the report says first, and where it is."""
    from synthesis.questions.compare import comparison_evidence
    from synthesis.questions.histology import prognostic_words
    from synthesis.report.methods import passed

    endpoint, comparison = analysis.settings.endpoints[0], analysis.comparison
    lines = list(_treatments(analysis))
    if analysis.findings is not None:
        benefit = analysis.findings.benefit
        told = [name for name in benefit.endpoints if benefit.told[name]]
        lines += [line for name in told[:1] for line in paragraph(prognostic_words(benefit, name))]
    if endpoint in comparison.endpoints:
        lines += paragraph(comparison_evidence(comparison, endpoint))
    page = next(path for path in files if path.suffix == ".html")
    kinds = [path.suffix for path in files]
    sizes = f"{count(kinds.count('.svg'), 'figure')}, {count(kinds.count('.csv'), 'table')}"
    failing = {name: own for name, own in analysis.verdicts.items() if own != "PASS"}
    minutes, rest = divmod(round(seconds), 60)
    return [
        *lines,
        f"Fits     {passed(analysis)}",
        *verdict_lines(failing),
        f"Report   {page} ({sizes}; {count(len(files), 'file')})",
        f"Took     {f'{minutes} min ' if minutes else ''}{rest} s",
        RESEARCH_USE,
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
    estimated = "rate" if endpoint.is_response else "median"
    columns = [
        Column(f"{endpoint.name(vocabulary)}, {endpoint.unit}"),
        Column(f"{estimated} ({LEVEL})", "num"),
        *([] if over is None else [Column(f"gain over {in_sentence(over.label)}", "num")]),
        Column("patients", "num"),
    ]
    cells = [
        (
            row["treatment"],
            row["mean_study"],
            *([] if over is None else [row["gain"] or "reference"]),
            row["patients"],
        )
        for row in named
    ]
    yield from table_lines(make_table("", columns, cells))
    rest = [count(len(rows) - len(named), "more treatment")] if len(rows) > len(named) else []
    rest += [endpoint_of(each.endpoint).words(vocabulary) for each in others]
    if rest:
        yield from paragraph(f"{capitalised(listed(rest))}: in the report.")
