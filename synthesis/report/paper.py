"""The report as a manuscript for Word: methods, summary of findings, three figures, references.

Its text is that of the page. Tables, captions and headings have the styles of Word, so that they
can be edited, numbered and listed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docx
import lxml.html
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from synthesis.choices import MAKER
from synthesis.endpoints import endpoint_of
from synthesis.numbers import LEVEL, MISSING, capitalised, in_sentence
from synthesis.questions.contrasts import RANDOMISED
from synthesis.report import words
from synthesis.report.page import methods_text, references
from synthesis.result import RESEARCH_USE, Cell, Finding, Picture, Result, Table, table_of

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph
    from docx.text.run import Run

    from synthesis.questions.pooled import Answer
    from synthesis.run import Analysis

# A4, and the largest figure that leaves room for its caption.
_PAGE, _MARGIN = (Cm(21.0), Cm(29.7)), Cm(2.5)
_TALLEST = Cm(19.0)
# Widths of columns by their kind, beside that of any other, which is one.
_WIDTHS = {"keep": 1.8, "wide": 2.3, "num": 1.35}


# --- Summary of findings -------------------------------------------------------------------------


def summary(analysis: Analysis) -> Result:
    """Summary of findings: a table for each endpoint, a row for each treatment."""
    findings = (
        Finding("Summary of findings", tables=(_summary(answer, analysis),))
        for answer in analysis.answers
        if answer.rows
    )
    return Result("summary", "Summary of findings", findings=tuple(findings))


def _summary(answer: Answer, analysis: Analysis) -> Table:
    endpoint, vocabulary = endpoint_of(answer.endpoint), analysis.registry.vocabulary
    quantity = "Responding, %" if endpoint.is_response else "Median, months"
    over = analysis.comparison.references.get(answer.endpoint)

    def gain(row: Any) -> str:
        return "reference" if row["evidence"] == "reference" else row["gain"]

    def adjusted(row: Any) -> str:
        return RANDOMISED if row["evidence"] == RANDOMISED else row["gain_adjusted"]

    columns = [
        ("Treatment", "keep", lambda row: row["treatment"]),
        ("Cohorts (patients)", "num", lambda row: row["size"]),
        (f"{quantity} ({LEVEL})", "num", lambda row: Cell(row["mean_study"], row["shrunk"])),
        ("In a new study", "num", lambda row: row["new_study"]),
    ]
    if over is not None:
        gained = f"Gain over {in_sentence(over.label)}, {endpoint.unit_of_gain}"
        columns += [
            (gained, "num", gain),
            *([] if endpoint.is_response else [("Allowing for confounding", "num", adjusted)]),
            ("Certainty", "", lambda row: row["certainty"]),
            ("Because", "wide", lambda row: row["certainty_reasons"]),
        ]
    title = f"Summary of findings: {endpoint.words(vocabulary)}."
    return table_of(title, answer.rows, columns, note=" ".join(answer.sentences))


# --- The document --------------------------------------------------------------------------------


def write_paper(analysis: Analysis, figures: Path, path: Path) -> None:
    """Write the manuscript, ``*.docx``; `figures` is a folder with those of the results as PNG."""
    document = _blank(words.title(analysis))
    _add(document, f"{words.status(analysis)} · {words.passed(analysis)}", "Subtitle")
    for _, headline, fits in words.alarms(analysis):
        _add(document, headline, "Intense Quote")
        for fit in fits:
            _add(document, fit, "List Bullet")
    document.add_heading("Methods", 1)
    _add_html(document, methods_text(analysis, on_page=False))
    document.add_heading("Results", 1)
    for card in words.cards(analysis):
        first = f"{card.subject}: {card.number}. ".replace("?:", "?")
        _say(_add(document, first, bold=True), capitalised(card.words))
    tables = [table for finding in summary(analysis).findings for table in finding.tables]
    if tables:
        _turn(document)
        for number, table in enumerate(tables, start=1):
            _add_table(document, number, table)
        _turn(document)
    for number, picture in enumerate(_pictures(analysis), start=1):
        _add_picture(document, number, picture, figures / f"{picture.stem}.png")
    document.add_heading("References", 1)
    for entry in references(analysis.registry, analysis.cohorts["study"]):
        unverified = f" Not verified: {entry.unverified}." if entry.unverified else ""
        _add(document, f"{entry.in_full}{unverified}", "List Number")
    document.save(str(path))


def _pictures(analysis: Analysis) -> list[Picture]:
    """Forest plot (in its parts) and curves of the first endpoint, and benefit by histology."""
    first = analysis.settings.endpoints[0]
    every = [picture for result in analysis.results for picture in result.pictures]
    starts = (f"forest_{first}", f"curves_{first}", "benefit")
    return [p for start in starts for p in every if p.stem.rstrip("_0123456789") == start]


def _blank(title: str) -> Document:
    """A document of A4 pages with its styles, its title and the footer of every page."""
    document = docx.Document()
    section, styles, about = document.sections[0], document.styles, document.core_properties
    section.page_width, section.page_height = _PAGE
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", _MARGIN)
    section.footer.paragraphs[0].text = RESEARCH_USE
    for name in ("Title", "Subtitle", "Heading 1", "Heading 2", "Caption"):
        styles[name].font.color.rgb = RGBColor(0, 0, 0)
    styles["Title"].font.size = Pt(20)
    styles["Caption"].font.bold = False
    for name, size in (("Equation", 11), ("Table text", 8)):
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style, style.font.size = styles["Normal"], Pt(size)
        style.paragraph_format.space_after = Pt(8 if name == "Equation" else 0)
    styles["Equation"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for language in styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), "en-GB")
    about.title, about.author, about.last_modified_by = title, "", MAKER
    about.comments, about.language = RESEARCH_USE, "en-GB"
    about.created = about.modified = datetime.now(UTC)
    document.add_heading(title, 0)
    return document


def _turn(document: Document) -> None:
    """Begin a section whose pages lie where those before it stand, or the other way round."""
    section = document.add_section()
    width, height = section.page_width, section.page_height
    section.page_width, section.page_height = height, width
    section.orientation = WD_ORIENT.LANDSCAPE if height > width else WD_ORIENT.PORTRAIT


def _room(document: Document) -> int:
    """Width of the text on the present page."""
    return document.sections[-1].page_width - 2 * _MARGIN


def _add(document: Document, text: str, style: str = "Normal", *, bold: bool = False) -> Paragraph:
    """Add a paragraph."""
    paragraph = document.add_paragraph(style=style)
    _say(paragraph, text, bold=bold)
    return paragraph


def _say(paragraph: Paragraph, text: str, *, bold: bool = False) -> Run:
    """Add text to a paragraph."""
    run = paragraph.add_run(text)
    run.bold = bold or None
    return run


def _add_html(document: Document, html: str) -> None:
    """Add headings (h3) and paragraphs, with italics, subscripts and superscripts."""
    for block in lxml.html.fragments_fromstring(html):
        if block.tag == "h3":
            document.add_heading(block.text_content(), 2)
            continue
        style = "Equation" if block.get("class") == "equation" else None
        paragraph = document.add_paragraph(style=style)
        for text, marks in _runs(block, frozenset()):
            text = re.sub("[ \n]+", " ", text)
            run = _say(paragraph, text if paragraph.runs else text.lstrip())
            run.italic = "i" in marks or None
            run.font.subscript, run.font.superscript = "sub" in marks, "sup" in marks


def _runs(element: Any, marks: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Pieces of text, each with the names of the elements around it."""
    yield element.text or "", marks
    for child in element:
        yield from _runs(child, marks | {child.tag})
        yield child.tail or "", marks


def _add_caption(document: Document, label: str, number: int, title: str, text: str) -> Paragraph:
    """Add a caption that Word counts: "Table 1. Title. Text"."""
    paragraph = _add(document, f"{label} ", "Caption", bold=True)
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), f"SEQ {label} \\* ARABIC")
    field.append(_say(paragraph, str(number), bold=True)._r)
    paragraph._p.append(field)
    _say(paragraph, f". {title.rstrip('.')}.", bold=True)
    _say(paragraph, f" {text}" if text else "")
    return paragraph


def _add_table(document: Document, number: int, table: Table) -> None:
    """Add a table with its caption above it and its note below; its head stands on every page."""
    caption = _add_caption(document, "Table", number, table.title, "")
    caption.paragraph_format.keep_with_next = True
    made = document.add_table(0, len(table.columns), style="Light Shading")
    made.autofit = False
    look = made._tbl.tblPr.find(qn("w:tblLook"))  # rows are not shaded in turn: a bit, and a word
    look.set(qn("w:val"), "06A0")
    look.set(qn("w:noHBand"), "1")
    shares = [_WIDTHS.get(column.kind, 1.0) for column in table.columns]
    widths = [int(_room(document) * share / sum(shares)) for share in shares]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    for cells in (tuple(Cell(column.label) for column in table.columns), *table.rows):
        row = made.add_row()
        own = row._tr.get_or_add_trPr()
        own.append(OxmlElement("w:cantSplit"))
        if len(made.rows) == 1:
            own.append(OxmlElement("w:tblHeader"))
        for column, place, width, cell in zip(table.columns, row.cells, widths, cells, strict=True):
            place.width, paragraph = width, place.paragraphs[0]
            paragraph.style = "Table text"
            _say(paragraph, "\n".join(filter(None, (cell.text, cell.more))) or MISSING)
            if column.kind == "num":
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    note = _add(document, table.note, "Table text").paragraph_format
    note.space_before, note.space_after = Pt(4), Pt(14)


def _add_picture(document: Document, number: int, picture: Picture, file: Path) -> None:
    """Add a figure with its text for readers who cannot see it, and its caption below it."""
    shape = document.add_picture(str(file))
    scale = min(1.0, _room(document) / shape.width, _TALLEST / shape.height)
    shape.width, shape.height = int(scale * shape.width), int(scale * shape.height)
    shape._inline.docPr.set("descr", picture.alt or picture.caption)
    document.paragraphs[-1].paragraph_format.keep_with_next = True
    _add_caption(document, "Figure", number, picture.title, picture.caption)
