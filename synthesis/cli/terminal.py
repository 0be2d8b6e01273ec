"""An answer, or the end of a report, on a terminal or in a pipe, as wide as there is room.

Tables that are too wide go on in a second block, which begins with their first column again.
"""

from __future__ import annotations

import codecs
import io
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from synthesis.endpoints import endpoint_of
from synthesis.numbers import (
    LEVEL,
    capitalised,
    count,
    in_sentence,
    listed,
    percent,
    ratio,
    written,
)
from synthesis.result import RESEARCH_USE, table_of

if TYPE_CHECKING:
    from rich.table import Table as Grid

    from synthesis.result import Cell, Result, Table
    from synthesis.run import Analysis

#: Columns of text in a pipe, and between two columns of a table.
IN_A_PIPE, GAP = 100, 2
#: Columns of text that a column of words takes at most, or where that lets a table fit; the first
#: has what the others leave, and a third of the room at least.
WRAPPED, NARROW = 30, 16
#: Lines that a report ends with, at most, and the fits that it names among them.
MOST_LINES, MOST_FITS = 18, 3
#: Treatments that the end of a report names, the reference among them, and whether it says all it
#: can: the first that leaves few enough lines.
_SHORTER = ((5, True), (4, True), (3, True), (5, False), (3, False), (2, False))

_INDENT = 2
_SPELLED = {"–": "-", "—": "-", "−": "-", "·": "-", "×": "x", "≥": ">=", "≤": "<=", "’": "'"}


def show(result: Result, written: Sequence[Path] = ()) -> None:
    """Show an answer: lead, findings that are no details, verdicts, files, research use."""
    say(*result.lead)
    for finding in result.findings:
        if not finding.folded and (finding.sentences or finding.tables):
            _print_heading(finding.heading)
            say(*finding.sentences)
            for table in finding.tables:
                _print_heading(table.title)
                print(*table_lines(table), "", sep="\n")
                say(*filter(None, [table.note]))
    for line in verdict_lines(result.verdicts):
        print(line)
    if written:
        names = (*result.texts, *(f"tables/{name}.csv" for name in result.tables), "")
        first = next(path for path in written if path.as_posix().endswith(names[0]))
        print(f"\nWritten: {first} ({count(len(written), 'file')})")
    print("", *paragraph(RESEARCH_USE), sep="\n")


def say(*paragraphs: str) -> None:
    """Show paragraphs, each with an empty line behind it; items of a list stand together."""
    for text, after in pairwise((*paragraphs, "")):
        for line in paragraph(text):
            print(line)
        if not (text.startswith("- ") and after.startswith("- ")):
            print()


def paragraph(text: str) -> list[str]:
    """Lines of a paragraph, or of an item of a list."""
    indent = "  " if text.startswith("- ") else ""
    return wrap(text, width(), subsequent_indent=indent, break_on_hyphens=False)


def verdict_lines(verdicts: Mapping[str, str]) -> list[str]:
    """The verdict of each fit, PASS, REVIEW or FAIL, before its name."""
    return [f"{verdict:<6}  {name}" for name, verdict in verdicts.items()]


def width() -> int:
    """Columns that there are: those of the terminal, or what a pipe gets."""
    return shutil.get_terminal_size((IN_A_PIPE, 24)).columns


def size(columns: int) -> dict[str, int]:
    """Size that rich takes as it is: without any height, TERM=dumb would have 80 columns."""
    return {"width": columns, "height": MOST_LINES}


def _print_heading(text: str) -> None:
    """Show a heading, if there is one."""
    for line in wrap(text, width()):
        print(f"\033[1m{line}\033[0m" if sys.stdout.isatty() else line)


# --- Tables --------------------------------------------------------------------------------------


def table_lines(table: Table) -> Iterator[str]:
    """Lines of a table, without blanks at their ends; an empty one between two blocks."""
    from rich.console import Console

    styled = sys.stdout.isatty()
    for number, block in enumerate(blocks(table, width())):
        text = io.StringIO()
        console = Console(file=text, **size(width()), force_terminal=styled, highlight=False)
        console.print(block, end="")
        yield from [""] * bool(number)
        yield from (line.rstrip() for line in text.getvalue().splitlines())


def blocks(table: Table, room: int) -> Iterator[Grid]:
    """Tables that hold as many columns as there is room for, each with the first column."""
    first, *others = (place for place, column in enumerate(table.columns) if column.terminal)
    for most in (WRAPPED, NARROW):
        widths = {place: _width(table, place, most) for place in others}
        left = room - sum(widths.values()) - GAP * len(others)
        widths[first] = _width(table, first, max(left, room // 3))
        if sum(widths.values()) + GAP * len(others) <= room:
            break
    part: list[int] = []
    for place in others:
        taken = sum(widths[each] + GAP for each in (first, *part))
        if part and taken + widths[place] > room:
            yield _grid(table, (first, *part), widths)
            part = []
        part.append(place)
    yield _grid(table, (first, *part), widths)


def _width(table: Table, place: int, most: int) -> int:
    """Columns of text that a column needs: for numbers all, for words up to `most`."""
    column = table.columns[place]
    cells = [_text(row[place]) for row in table.rows]
    words = [word for text in (*cells, column.label) for word in text.split()]
    whole = max(map(len, cells), default=0)
    if table.groups and not place:
        whole += _INDENT
    if column.kind not in ("num", "verdict"):
        whole = min(whole, most)
    heading = min(len(column.label), max(whole, 10))
    return max(whole, heading, *map(len, words), 1)


def _grid(table: Table, places: Sequence[int], widths: Mapping[int, int]) -> Grid:
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for place in places:
        column = table.columns[place]
        justify = "right" if column.kind == "num" else "left"
        grid.add_column(Text(column.label), justify=justify, width=widths[place], vertical="top")
    indent = (0, 0, 0, _INDENT if table.groups else 0)
    for heading, rows in table.grouped():
        if heading:
            grid.add_row(Text(heading, "bold"))
        for row in rows:
            cells = [row[place] for place in places]
            name, *others = (Text(_text(c), "dim" if c.extrapolated else "") for c in cells)
            grid.add_row(Padding(name, indent), *others)
    return grid


def _text(cell: Cell) -> str:
    text = f"{cell.text}, {cell.more}" if cell.extrapolated and cell.more else cell.text
    return text if cell.rows else ""


# --- Letters -------------------------------------------------------------------------------------


def spell_what_cannot_be_shown() -> None:
    """Let terminals that have no dash show a hyphen, and for other letters a question mark."""
    codecs.register_error("spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="spelled")


def _spelled(error: UnicodeEncodeError) -> tuple[str, int]:
    letters = error.object[error.start : error.end]
    return "".join(_SPELLED.get(letter, "?") for letter in letters), error.end


# --- The end of a report --------------------------------------------------------------------------


def summary(analysis: Analysis, files: Sequence[Path], seconds: float) -> list[str]:
    """Lines that say what the report says first, and where it is."""
    from synthesis.questions.compare import comparison_evidence
    from synthesis.report.words import passed

    endpoint, comparison = analysis.settings.endpoints[0], analysis.comparison
    page = next(path for path in files if path.suffix == ".html")
    kinds = [path.suffix for path in files]
    sizes = f"{count(kinds.count('.svg'), 'figure')}, {count(kinds.count('.csv'), 'table')}"
    failing = {name: own for name, own in analysis.verdicts.items() if own != "PASS"}
    others = len(failing) - MOST_FITS
    minutes, rest = divmod(round(seconds), 60)
    took = f"{minutes} min {rest} s" if minutes else f"{rest} s"
    end = [
        f"Fits     {passed(analysis)}",
        *verdict_lines(failing)[:MOST_FITS],
        *([f"        {others} more: see the report"] if others > 0 else []),
        f"Report   {page} ({sizes}; {count(len(files), 'file')})",
        *(f"Word     {path}" for path in files if path.suffix.lower() == ".docx"),
        f"Took     {took}",
        *paragraph(RESEARCH_USE),
    ]
    if endpoint in comparison.endpoints:
        end = [*paragraph(comparison_evidence(comparison, endpoint)), *end]
    for named, whole in _SHORTER:
        lines = [*_treatments(analysis, named), *_histology(analysis, whole=whole), *end]
        if len(lines) <= MOST_LINES:
            break
    return lines


def _treatments(analysis: Analysis, most: int) -> Iterator[str]:
    """The treatments with most patients by their estimates, and what else there is.

    Where there is no room for a column, that of patients goes first, then what allows for
    confounding.
    """
    answer, *others = analysis.answers
    endpoint, vocabulary = endpoint_of(answer.endpoint), analysis.registry.vocabulary
    estimates = analysis.pooled.query(
        "endpoint == @answer.endpoint and estimand == @endpoint.estimand"
        " and target == 'mean_study' and histology == 'reference'"
    )
    known = estimates.set_index("treatment")
    weight, place = known["patients"], known["estimate"]
    rows = sorted(
        answer.rows, key=lambda row: (row["evidence"] != "reference", -weight[row["treatment"]])
    )
    named = sorted(rows[:most], key=lambda row: -place[row["treatment"]])
    over = analysis.comparison.references.get(answer.endpoint)
    gains = "" if over is None else f"; gains are over {in_sentence(over.label)}"
    yield from paragraph(f"{endpoint.name(vocabulary)}, {endpoint.unit}{gains}")
    columns = [
        ("Treatment", "", lambda row: f"{row['treatment']}{' (shrunk)' if row['shrunk'] else ''}"),
        (
            *(f"{'Rate' if endpoint.is_response else 'Median'} ({LEVEL})", "num"),
            lambda row: row["mean_study"],
        ),
        ("Gain", "num", lambda row: row["gain"] or "reference"),
        ("Confounding allowed for", "num", lambda row: row["gain_adjusted"]),
        ("Patients", "num", lambda row: row["patients"]),
    ]
    adjusted = any(row["gain_adjusted"] for row in named)
    hidden = {"Gain": not gains, "Confounding allowed for": not adjusted}
    shown = [column for column in columns if not hidden.get(column[0])]
    for column in (None, columns[4], columns[3]):
        shown = [each for each in shown if each is not column]
        table = table_of("", named, shown)
        if len(list(blocks(table, width()))) == 1:
            break
    yield from table_lines(table)
    rest = [count(len(rows) - len(named), "more treatment")] if len(rows) > len(named) else []
    rest += [endpoint_of(each.endpoint).words(vocabulary) for each in others]
    if rest:
        yield from paragraph(f"{capitalised(listed(rest))}: in the report.")


def _histology(analysis: Analysis, *, whole: bool) -> list[str]:
    """How much longer patients with mixed tumours live, and what the best-told treatment adds.

    `whole`: also what other choices make of it.
    """
    if analysis.findings is None:
        return []
    from synthesis.questions.histology_effects import PREDICTIVE, PROGNOSTIC
    from synthesis.questions.influence import alternatives_range

    others, (first, *_) = analysis.findings.alternatives, analysis.settings.survival_endpoints
    rows = analysis.findings.benefit.effects.query("which == 'posterior' and cohorts > 0")
    rows = rows[rows["endpoint"] == first]
    prognostic = rows[rows["effect"] == PROGNOSTIC]
    predictive = rows[rows["effect"] == PREDICTIVE].nlargest(1, "patients")
    if prognostic.empty:
        return []
    over = alternatives_range(others[others["endpoint"] == first])
    adds = in_sentence(f"{''.join(predictive['treatment'])} makes it")
    parts = [
        f"{start} {written(row, ratio)} times {end} "
        f"({percent(row.prior_share)} % of that is assumption)"
        for effects, start, end in (
            (prognostic, "mixed tumours live", "as long as pure ones"),
            (predictive, adds, "that"),
        )
        for row in effects.itertuples()
    ]
    rest = (
        f" Without any one report, or with another prior: {over} times." if over and whole else ""
    )
    return paragraph(f"{capitalised('; '.join(parts))}.{rest}")
