"""What a question answers, in one form that page, writer and terminal take.

A question (:mod:`synthesis.questions`) returns its answer as data and turns it into a `Result`:
tables to be kept, findings to be read, pictures to be drawn, verdicts of the fits and facts for a
manifest. Nothing that takes a result knows which question it answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from synthesis.numbers import in_sentence, value

if TYPE_CHECKING:
    import pandas as pd

ColumnKind = Literal["", "num", "keep", "wide", "mono", "verdict"]

#: Rows from which the page leaves a table to its file.
LONG = 30

#: Stands below everything that is shown or written.
RESEARCH_USE = "For research use; not for decisions about an individual patient."


class NotAnsweredError(ValueError):
    """A question that cannot be answered as it was asked; the message says what to do."""


@dataclass(frozen=True)
class Column:
    """One column of a table to be read; `terminal` says whether a terminal shows it.

    Its kind is plain text, right-aligned number, unbroken text, long text, monospaced text, or the
    verdict of a fit.
    """

    label: str
    kind: ColumnKind = ""
    terminal: bool = True


@dataclass(frozen=True)
class Cell:
    """One cell: text, with a link where wanted."""

    text: str
    more: str = ""
    """A second, quieter line."""
    href: str = ""
    """Where it leads, empty for nowhere."""
    kind: str = ""
    rows: int = 1
    """Number of rows the cell stands for: 0 for one that a cell above stands for."""
    extrapolated: bool = False
    """Whether no report of the treatment supports the value."""


@dataclass(frozen=True)
class Table:
    """A table to be read: every number is formatted."""

    title: str
    """Bold part of the caption."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[str, ...] = ()
    """Heading of each row; neighbouring rows of one heading stand under it. Empty for none."""
    note: str = ""
    """Plain part of the caption."""
    narrow: bool = False
    """Whether it needs no more than the width of its content."""

    @property
    def long(self) -> bool:
        """Whether the page leaves it to its file."""
        return len(self.rows) > LONG

    def grouped(self) -> Iterator[tuple[str, list[tuple[Cell, ...]]]]:
        """Headings, each with the neighbouring rows under it."""
        labels = self.groups or ("",) * len(self.rows)
        for label, block in groupby(zip(labels, self.rows, strict=True), key=itemgetter(0)):
            yield label, [row for _, row in block]


def make_table(
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    note: str = "",
    groups: Sequence[str] = (),
    narrow: bool = False,
) -> Table:
    """Arrange values into a table; anything that is not a `Cell` is written by `numbers.value`."""
    cells = tuple(
        tuple(_cell(entry, column) for entry, column in zip(row, columns, strict=True))
        for row in rows
    )
    return Table(title, tuple(columns), cells, tuple(groups), note, narrow)


def table_of(
    title: str,
    rows: Iterable[Any],
    columns: Sequence[tuple[str, ColumnKind, Callable[[Any], object]]],
    *,
    note: str = "",
    group: Callable[[Any], str] | None = None,
    narrow: bool = False,
) -> Table:
    """A table from rows of any kind: each column is a heading, a kind, and what it says of a row.

    `group` gives the heading that a row stands under.
    """
    known = list(rows)
    return make_table(
        title,
        [Column(label, kind) for label, kind, _ in columns],
        [[say(row) for *_, say in columns] for row in known],
        note=note,
        groups=[group(row) for row in known] if group else (),
        narrow=narrow,
    )


def names(text: str) -> tuple[str, ...]:
    """Names of the columns of a table that is kept, from a text of them."""
    return tuple(text.split())


def _cell(entry: object, column: Column) -> Cell:
    if isinstance(entry, Cell):
        return replace(entry, kind=entry.kind or column.kind)
    return Cell(value(entry), kind=column.kind)


@dataclass(frozen=True)
class Picture:
    """A figure that can be drawn, here or in another process."""

    stem: str
    """Name of its files without suffix."""
    title: str
    caption: str
    """Ready to paste."""
    plot: Callable[..., Any] = field(repr=False)
    """A function of a module of :mod:`synthesis.plots`, so that another process can call it with
    the arguments."""
    arguments: Mapping[str, Any] = field(repr=False)
    studies: tuple[str, ...] = ()
    """Identifiers of the reports that it rests on."""
    alt: str = ""
    """The finding, for a reader who cannot see it."""
    endpoint: str | None = None
    """The one that it speaks of; None for several."""

    def draw(self, **more: Any) -> Any:
        """Draw it; `more` goes to the plot function (``width``, ``hues``)."""
        return self.plot(**self.arguments, **more)


@dataclass(frozen=True)
class Finding:
    """One question with what is known about it.

    A sentence is a paragraph; one that begins with "- " is an item of a list. What is folded is a
    detail: the page opens it on request, a terminal leaves it to the files.
    """

    heading: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    folded: bool = False

    @property
    def question(self) -> str:
        """The heading."""
        return self.heading

    @property
    def text(self) -> str:
        """The sentences, a paragraph a line."""
        return "\n".join(self.sentences)


@dataclass(frozen=True)
class Result:
    """The answer to one question."""

    name: str
    """That of the question: ``compare``. It names the command and the section."""
    title: str
    lead: tuple[str, ...] = ()
    """Paragraphs above the findings."""
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    """What is kept, by the name of the file without suffix."""
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Other files, by name."""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    """Fit -> PASS, REVIEW or FAIL."""
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Entries of a manifest."""

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture of its findings, in order."""
        return tuple(picture for finding in self.findings for picture in finding.pictures)


def joined(results: Mapping[tuple[str, str], Result]) -> Result:
    """Answers to one question of several treatments, by their identifiers and labels, as one.

    Headings bear the label, figures and other files the identifier; tables follow each other.
    """
    import pandas as pd

    first, *others = results.values()
    if not others:
        return first
    findings, texts = [], {}
    for (name, label), own in results.items():
        for finding in own.findings:
            pictures = tuple(replace(p, stem=f"{p.stem}_{name}") for p in finding.pictures)
            heading = f"{label}: {in_sentence(finding.heading)}"
            findings.append(replace(finding, heading=heading, pictures=pictures))
        for file, text in own.texts.items():
            texts[f"{Path(file).stem}_{name}{Path(file).suffix}"] = text
    return replace(
        first,
        title="; ".join(dict.fromkeys(own.title for own in results.values())),
        lead=tuple(dict.fromkeys(text for own in results.values() for text in own.lead)),
        findings=tuple(findings),
        tables={
            name: pd.concat([own.tables[name] for own in results.values()], ignore_index=True)
            for name in first.tables
        },
        texts=texts,
        verdicts={name: word for own in results.values() for name, word in own.verdicts.items()},
    )


def markdown(result: Result) -> str:
    """A result as Markdown: lead, findings, pictures with captions; its tables are other files."""
    parts = [f"# {result.title}", *result.lead]
    for finding in result.findings:
        parts += [f"## {finding.heading}", *finding.sentences]
        for picture in finding.pictures:
            parts.append(f"![{picture.title}](figures/{picture.stem}.png)")
            parts.append(picture.caption)
    return "\n\n".join([*parts, RESEARCH_USE]) + "\n"
