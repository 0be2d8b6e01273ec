"""Tables of answers for a manuscript, as they are read: LaTeX (booktabs) and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType

from synthesis.result import RESEARCH_USE, Cell, Column, Finding, Result, Table

# Characters that mean something else to LaTeX, or that its usual fonts do not have.
_LATEX = str.maketrans(
    {letter: f"\\{letter}" for letter in "&%$#_{}"}
    | {letter: f"{{{letter}}}" for letter in "[]*"}  # not an argument of a line break
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "·": r"$\cdot$"}
    | {"–": "--", "—": "---", "’": "'", "…": r"\dots{}", "\N{NO-BREAK SPACE}": "~"}
    | {"−": "$-$", "≤": r"$\leq$", "≥": r"$\geq$", "±": r"$\pm$", "×": r"$\times$"}
)
_MARKDOWN = str.maketrans({letter: f"\\{letter}" for letter in "\\|*_`[]"} | {"<": "&lt;"})

# Letters from which a column of text is broken into lines.
_LONG_TEXT = 30


def _latex(result: Result) -> Iterator[str]:
    yield f"% {result.title}. Needs the packages booktabs and longtable. {RESEARCH_USE}"
    for number, (finding, table) in enumerate(_tables(result), start=1):
        name = "longtable" if table.long else "tabular"
        head = " & ".join(f"\\textbf{{{_tex(column.label)}}}" for column in table.columns)
        title = f"\\textbf{{{_tex(_heading(finding, table))}}} {_tex(table.note)}".rstrip()
        about = f"\\caption{{{title}}}\\label{{tab:{result.name}-{number}}}"
        begin = f"\\begin{{{name}}}{{{''.join(map(_kind, table.columns, _columns(table)))}}}"
        yield ""
        yield from (begin, f"{about} \\\\") if table.long else (r"\begin{table}", about, begin)
        yield from (r"\toprule", f"{head} \\\\", r"\midrule", *([r"\endhead"] * table.long))
        for group, rows in table.grouped():
            if group:
                whole = f"\\multicolumn{{{len(table.columns)}}}{{l}}"
                yield f"{whole}{{\\textit{{{_tex(group)}}}}} \\\\"
            yield from (f"{' & '.join(_tex(_words(cell)) for cell in row)} \\\\" for row in rows)
        yield from (r"\bottomrule", f"\\end{{{name}}}", *([r"\end{table}"] * (not table.long)))


def _markdown(result: Result) -> Iterator[str]:
    yield f"# {_plain(result.title)}"
    for finding, table in _tables(result):
        marks = ("---:" if column.kind == "num" else "---" for column in table.columns)
        title = f"**{_plain(_heading(finding, table))}** {_plain(table.note)}".rstrip()
        yield from ("", title, "")
        yield from (_line(_plain(column.label) for column in table.columns), _line(marks))
        for group, rows in table.grouped():
            if group:
                yield _line([f"*{_plain(group)}*", *[""] * (len(table.columns) - 1)])
            yield from (_line(_plain(_words(cell)) for cell in row) for row in rows)
    yield from ("", RESEARCH_USE)


#: Format of tables, a word of :data:`synthesis.choices.TABLES` -> suffix, and lines of an answer.
_WRITERS: MappingProxyType[str, tuple[str, Callable[[Result], Iterable[str]]]] = MappingProxyType(
    {"latex": ("tex", _latex), "markdown": ("md", _markdown)}
)


def typeset(results: Iterable[Result], formats: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Tables of answers in other formats: name of a file, and its text.

    Answers of one name (a question that is asked of several endpoints) are one file.
    """
    named: dict[str, Result] = {}
    for result in results:
        earlier = named.get(result.name, replace(result, findings=()))
        named[result.name] = replace(earlier, findings=earlier.findings + result.findings)
    for name, whole in named.items():
        if any(finding.tables for finding in whole.findings):
            for suffix, lines in (_WRITERS[each] for each in formats):
                yield f"{name}.{suffix}", "\n".join(lines(whole)) + "\n"


def _heading(finding: Finding, table: Table) -> str:
    """What a table is of: the heading of its finding, and its title."""
    first = "" if table.title.startswith(finding.heading) else finding.heading
    titles = (text for text in (first, table.title) if text)
    return " ".join(text if text.endswith((".", "?")) else f"{text}." for text in titles)


def _words(cell: Cell) -> str:
    """Everything that a cell says, in one line; nothing where a cell above says it."""
    return "; ".join(filter(None, (cell.text, cell.more))) if cell.rows else ""


def _tables(result: Result) -> Iterator[tuple[Finding, Table]]:
    return ((finding, table) for finding in result.findings for table in finding.tables)


def _columns(table: Table) -> list[Sequence[Cell]]:
    return [[row[place] for row in table.rows] for place in range(len(table.columns))]


def _kind(column: Column, cells: Sequence[Cell]) -> str:
    """The letter of a column: numbers to the right, text to the left, long text in lines."""
    if column.kind == "num":
        return "r"
    long = column.kind != "keep" and any(len(_words(cell)) > _LONG_TEXT for cell in cells)
    return r"p{0.25\linewidth}" if long else "l"


def _tex(text: str) -> str:
    return text.replace("\n", " ").translate(_LATEX)


def _plain(text: str) -> str:
    return text.replace("\n", " ").translate(_MARKDOWN)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
