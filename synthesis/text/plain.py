"""Plain text for a terminal or a pipe: aligned columns, wrapped fields, counted nouns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import wrap

WIDTH = 100

#: Last line of every answer about treatments.
RESEARCH_USE = "For research use; not for decisions about an individual patient."

#: Columns that any heading gets, and that the name of a treatment takes at most.
LEAST, NAME_WIDTH = 10, 30

Row = Mapping[str, object]


def aligned(
    rows: Iterable[Sequence[str]], *, right: Collection[int] = (), width: int | None = None
) -> Iterator[str]:
    """Set rows of cells in columns, two blanks between them, without blanks at the ends of lines.

    Parameters
    ----------
    rows : iterable of sequence of str
        Rows of the same length.
    right : collection of int
        Columns that are set flush right, as numbers are.
    width : int, optional
        Columns of the terminal, in which cells are folded where a line would be longer.
    """
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if width is not None and sum(widths) + 2 * (len(widths) - 1) > width:
        yield from _folded(table, right, width)
        return
    for row in table:
        cells = (
            cell.rjust(wide) if column in right else cell.ljust(wide)
            for column, (cell, wide) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _folded(rows: Sequence[Sequence[str]], right: Collection[int], width: int) -> list[str]:
    """Fit rows into the width of a terminal; a cell goes on in lines of its own."""
    from rich.console import Console
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    for column in range(len(rows[0])):
        grid.add_column(justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    console = Console(width=width, color_system=None, markup=False, highlight=False)
    with console.capture() as lines:
        console.print(grid)
    return [line.rstrip() for line in lines.get().splitlines()]


def labelled(label: str, text: str, *, indent: int = 0, width: int = 14) -> list[str]:
    """Set a text behind its label, which takes `width` columns; further lines stand below it.

    The text is wrapped at `WIDTH`; blanks and line ends in it count as one blank.
    """
    first = " " * indent + f"{label:<{width}}"
    return wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first if first.endswith(" ") or not first else f"{first} ",
        subsequent_indent=" " * (indent + width),
        break_long_words=False,
        break_on_hyphens=False,
    )


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it needs one: "1 cohort", "3 studies"."""
    if number == 1:
        return f"1 {noun}"
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {many}"


def shown_path(path: Path) -> str:
    """Return a path as a reader finds it from here: relative where it lies below this folder."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def table_lines(
    rows: Sequence[Row],
    columns: Sequence[tuple[str, str]],
    *,
    name: str = "treatment",
    name_width: int = NAME_WIDTH,
) -> list[str]:
    """Set rows below their headings; a name that is the one above is left out.

    Parameters
    ----------
    rows : sequence of mapping
        Values by key, written as they are.
    columns : sequence of (str, str)
        Heading and key of each column behind the name; headings stand on as many lines as they
        need.
    name : str
        Key of the first column; its heading is the same word.
    name_width : int
        Columns that the first column takes at most; longer names go on below.
    """
    heads = [wrap(words, _widest(rows, key, words)) for words, key in columns]
    deep = max(map(len, heads))
    raised = [[*[""] * (deep - len(head)), *head] for head in ([name.capitalize()], *heads)]
    cells = [list(line) for line in zip(*raised, strict=True)]
    for title, group in groupby(rows, key=lambda row: str(row[name])):
        texts = [[str(row[key]) for _, key in columns] for row in group]
        names = wrap(title, name_width)
        for place in range(max(len(texts), len(names))):
            first = names[place] if place < len(names) else ""
            values = texts[place] if place < len(texts) else [""] * len(columns)
            cells.append([f"{'  ' if place else ''}{first}".rstrip(), *values])
    return list(aligned(cells))


def _widest(rows: Sequence[Row], key: str, heading: str) -> int:
    """Columns that the cells take, and room for every word of the heading."""
    return max(LEAST, *(len(str(row[key])) for row in rows), *map(len, heading.split()))
