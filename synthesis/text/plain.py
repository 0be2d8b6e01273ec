"""Plain text for a terminal or a pipe: aligned columns, wrapped fields."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap

WIDTH = 100


def aligned(
    rows: Iterable[Sequence[str]], *, right: Collection[int] = (), width: int | None = None
) -> Iterator[str]:
    """Set rows of cells in columns, two blanks between them; those of `right` flush right.

    Cells are folded where a line would be wider than `width`, that of the terminal.
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
    """Set a text, wrapped at `WIDTH`, behind its label, which takes `width` columns."""
    first = " " * indent + f"{label:<{width}}"
    return wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first if first.endswith(" ") or not first else f"{first} ",
        subsequent_indent=" " * (indent + width),
        break_long_words=False,
        break_on_hyphens=False,
    )


def shown_path(path: Path) -> str:
    """Return a path as a reader finds it from here: relative where it lies below this folder."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
