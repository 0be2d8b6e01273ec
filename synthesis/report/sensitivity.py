"""What changes under which choice: a section of the report, and the files of `atc sensitivity`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from synthesis.plots.cells import signs
from synthesis.plots.specification import plot_specification
from synthesis.plots.style import About, Figure, Width
from synthesis.report.files import write_files
from synthesis.report.sections import Block, endpoint_label
from synthesis.report.view import LEVEL, Column, Table, dashes, make_table
from synthesis.sensitivity import Sensitivity
from synthesis.sensitivity.conclusions import DIFFERENCE, MEDIAN
from synthesis.sensitivity.power_scaling import ALL
from synthesis.sensitivity.specifications import BASE, GROUPS
from synthesis.sensitivity.tables import CHANGES, NO_ANSWER, curve_table
from synthesis.sensitivity.words import value_of

#: Tables that are written, by the name of their files.
TABLES = ("sensitivity", "power_scaling")

SENSITIVITY_LEAD = (
    "An analysis is a chain of choices, each of which could have been made otherwise. Here each is "
    "made otherwise in turn, with everything else as it was, and the fit is made again. A "
    "conclusion that stands under all of them may still fall under several at once; one that falls "
    "under a single defensible choice is not to be relied on. None of it is advice on treatment."
)


def sensitivity_blocks(found: Sensitivity) -> tuple[Block, ...]:
    """What a template needs of a sensitivity analysis: a block for each finding, with its tables.

    Parameters
    ----------
    found : Sensitivity

    Returns
    -------
    tuple of Block
        The last holds the tables of every choice, folded.
    """
    blocks = []
    for number, item in enumerate(found.findings):
        lines = [dashes(line) for line in item.text.splitlines()]
        items = tuple(line.removeprefix("- ") for line in lines if line.startswith("- "))
        paragraphs = tuple(line for line in lines if not line.startswith("- "))
        tables = (_changes_table(found.changes),) if number == 0 and len(found.changes) else ()
        blocks.append(Block(item.question, paragraphs, items, tables))
    folded = (_choices_table(found.table), _scaling_table(found.power_scaling))
    return (*blocks, Block("Every choice", folded=folded))


def _changes_table(changes: pd.DataFrame) -> Table:
    """The choices under which a conclusion changes, by conclusion."""
    rows = [
        (row["label"], GROUPS[row["group"]], signs(value_of(row)), row["answer"])
        for row in changes.to_dict("records")
    ]
    columns = [
        Column("Choice"),
        Column("Kind", "keep"),
        Column(f"Estimate ({LEVEL})", "num"),
        Column("Answer"),
    ]
    headings = [
        f"{row['conclusion_label']} (base: {row['base_answer']})"
        for row in changes.to_dict("records")
    ]
    return make_table("What changes.", columns, rows, group_by=headings)


def _choices_table(table: pd.DataFrame) -> Table:
    """The conclusions but the pooled medians, under every choice."""
    shown = table[~table["kind"].isin([MEDIAN, DIFFERENCE])]
    names = list(dict.fromkeys(shown["conclusion"]))
    labels = shown.drop_duplicates("conclusion").set_index("conclusion")["conclusion_label"]
    rows, headings = [], []
    for _, own in shown.groupby("specification", sort=False):
        cells = {row["conclusion"]: row for row in own.to_dict("records")}
        first = cells[names[0]]
        headings.append(GROUPS.get(first["group"], "Base"))
        rows.append(
            (first["label"], first["cohorts"], *(_cell_text(cells[name]) for name in names))
        )
    columns = [
        Column("Choice"),
        Column("Cohorts", "num"),
        *(Column(labels[name], "num") for name in names),
    ]
    note = f"Posterior median ({LEVEL} interval); an asterisk: the conclusion changes."
    return make_table("Every choice.", columns, rows, note=note, group_by=headings)


def _cell_text(row: Mapping[str, object]) -> str:
    if row["change"] == NO_ANSWER:
        return ""
    return signs(value_of(dict(row))) + ("*" if row["change"] == CHANGES else "")


def _scaling_table(scaling: pd.DataFrame) -> Table:
    """Sensitivity of every conclusion to all priors together and to the likelihood."""
    own = scaling[scaling["prior"] == ALL]
    columns = [
        Column("Conclusion"),
        Column("Priors", "num"),
        Column("Likelihood", "num"),
        Column("Diagnosis"),
    ]
    rows = [
        (
            row["conclusion_label"],
            f"{row['prior_sensitivity']:.2f}",
            f"{row['likelihood_sensitivity']:.2f}",
            row["diagnosis"],
        )
        for row in own.to_dict("records")
    ]
    note = "Change per doubling of the power of priors or likelihood (Kallioinen et al. 2023)."
    return make_table("Power-scaling.", columns, rows, note=note)


def tables_of(found: Sensitivity) -> dict[str, pd.DataFrame]:
    """The tables that are written, by the name of their files."""
    return dict(zip(TABLES, (found.table, found.power_scaling), strict=True))


def draw_sensitivity(found: Sensitivity, *, width: Width = "two-column") -> dict[str, Figure]:
    """Draw the specification curve of every conclusion but the pooled medians, by file stem.

    The difference of medians follows its ratio and is not drawn.
    """
    figures = {}
    for name, stem in stems(found).items():
        curve = curve_table(found.table, name)
        if (curve["specification"] == BASE.name).any():
            figures[stem] = plot_specification(curve, width=width, title=figure_title(found, name))
    return figures


def stems(found: Sensitivity) -> dict[str, str]:
    """Conclusion -> stem of its figure, for those that are drawn."""
    return {
        item.name: f"sensitivity_{item.name.replace(':', '_')}_{found.question.endpoint}"
        for item in found.question.conclusions
        if item.kind not in (MEDIAN, DIFFERENCE)
    }


def figure_title(found: Sensitivity, conclusion: str) -> str:
    """Heading of the figure of a conclusion."""
    labels = {item.name: item.label for item in found.question.conclusions}
    return f"{endpoint_label(found.registry, found.question.endpoint)}: {labels[conclusion]}"


def write_sensitivity(found: Sensitivity, out: Path) -> list[Path]:
    """Write the tables and figures of a sensitivity analysis.

    Parameters
    ----------
    found : Sensitivity
    out : Path
        The folder; made when it does not exist. Other files in it stay.

    Returns
    -------
    list of Path
        ``tables/sensitivity.csv``, ``tables/power_scaling.csv``, and of each figure SVG, PDF and
        PNG in ``figures/``.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written.
    """
    named = {stem: name for name, stem in stems(found).items()}
    figures = {}
    for stem, figure in draw_sensitivity(found).items():
        name = named[stem]
        figures[stem] = figure, About(figure_title(found, name), dashes(found.captions[name]))
    return write_files(out, tables_of(found), figures)
