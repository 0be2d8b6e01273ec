"""Plain text for a terminal or a pipe: aligned columns, wrapped fields, counted nouns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap

WIDTH = 100

#: Last line of every answer about treatments.
RESEARCH_USE = "For research use; not for decisions about an individual patient."


def aligned(rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> Iterator[str]:
    """Set rows of cells in columns, two blanks between them.

    Parameters
    ----------
    rows : iterable of sequence of str
        Rows of the same length.
    right : collection of int
        Columns that are set flush right, as numbers are.

    Yields
    ------
    str
        A line for each row, without blanks at its end.
    """
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def labelled(label: str, text: str, *, indent: int = 0, width: int = 14) -> list[str]:
    """Set a text behind its label; lines that follow stand below the text.

    Parameters
    ----------
    label : str
        What the text is; empty for a text that goes on.
    text : str
        Wrapped at `WIDTH`; blanks and line ends in it count as one blank.
    indent : int
        Blanks before the label.
    width : int
        Columns that the label takes.
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
