"""Tables for a terminal: headings on as many lines as they need, long names broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from synthesis.text.plain import aligned

#: Columns that any heading gets.
LEAST = 10
#: Columns that the name of a treatment takes; longer names go on in a second line.
NAME_WIDTH = 30

Row = Mapping[str, object]


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
        Heading and key of each column behind the name.
    name : str
        Key of the first column; its heading is the same word.
    name_width : int
        Columns that the first column takes at most.

    Returns
    -------
    list of str
        Lines without blanks at their ends; the headings stand at the bottom of theirs.
    """
    heads = [wrap(words, _widest(rows, key, words)) for words, key in columns]
    deep = max(map(len, heads))
    raised = [[*[""] * (deep - len(head)), *head] for head in ([name.capitalize()], *heads)]
    cells = [list(line) for line in zip(*raised, strict=True)]
    texts = [[str(row[key]) for _, key in columns] for row in rows]
    for own in _grouped([str(row[name]) for row in rows]):
        names = wrap(str(rows[own[0]][name]), name_width)
        for position in range(max(len(own), len(names))):
            first = names[position] if position < len(names) else ""
            values = texts[own[position]] if position < len(own) else [""] * len(columns)
            cells.append([f"{'  ' if position else ''}{first}".rstrip(), *values])
    return list(aligned(cells))


def _grouped(names: Sequence[str]) -> list[list[int]]:
    """Positions of neighbours of one name."""
    groups: list[list[int]] = []
    for position, name in enumerate(names):
        if groups and names[groups[-1][-1]] == name:
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups


def _widest(rows: Sequence[Row], key: str, heading: str) -> int:
    """Columns that the cells take, and room for every word of the heading."""
    return max(LEAST, *(len(str(row[key])) for row in rows), *map(len, heading.split()))
