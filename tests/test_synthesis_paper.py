"""The manuscript: every number is that of the tables, every sentence that of the page."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from dataclasses import replace

import docx
import pytest
from command_line import answered
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from report_fits import analysis_of, registry_of
from report_tables import HOSTILE, Page, answer, make_analysis, picture
from small_registry import cohort, median, study, write_registry

from studies import load_registry
from synthesis.cli.options import _document
from synthesis.numbers import MISSING, interval, months, points
from synthesis.report import write_report
from synthesis.report.page import methods_text, references
from synthesis.report.paper import summary
from synthesis.result import RESEARCH_USE
from synthesis.staging import OutputError


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    return analysis_of(registry_of(tmp_path_factory.mktemp("paper")))


@pytest.fixture(scope="module")
def folder(analysis, tmp_path_factory):
    """A report with a manuscript and its tables in every format."""
    out = tmp_path_factory.mktemp("written")
    files = write_report(analysis, out, formats=("latex", "markdown"), word=out / "paper.docx")
    assert files[-1] == out / "paper.docx"
    return out


@pytest.fixture(scope="module")
def paper(folder):
    return docx.Document(str(folder / "paper.docx"))


@pytest.fixture
def small(tmp_path, monkeypatch):
    # one small picture or none: a second process would cost more than it draws
    monkeypatch.setattr("synthesis.plots.files.drawing_helper", lambda *_: nullcontext())
    only = study("first2020", cohort(survival=[median()]), year=2020)
    only["citation"] |= {"title": "A title <i>", "unverified": ["title"]}
    return load_registry(write_registry(tmp_path / "registry", only))


def cells(table):
    return [[cell.text for cell in row.cells] for row in table.rows]


def of_style(paper, *names):
    """Texts of the paragraphs of some styles, with the numbers that Word counts."""
    return [
        "".join(node.text for node in paragraph._p.iter(qn("w:t")))
        for paragraph in paper.paragraphs
        if paragraph.style.name in names
    ]


def own(table, endpoint):
    return table[table["endpoint"] == endpoint].set_index("treatment")


def test_every_number_of_the_summary_is_that_of_the_tables(paper, analysis):
    survival, response = (cells(table) for table in paper.tables)
    assert survival[0][4:] == [
        "Gain over best supportive care, months",
        *("Allowing for confounding", "Certainty", "Because"),
    ]
    pooled = analysis.pooled.query("estimand == 'median_months' and histology == 'reference'")
    compared, cohorts = own(analysis.comparison.forest, "os"), own(analysis.cohorts, "os")
    assert {row[0] for row in survival[1:]} == set(compared.index)
    for name, size, mean, new, gain, adjusted, certainty, because in survival[1:]:
        reports = cohorts.loc[[name]]
        assert size == f"{len(reports)} ({reports['n'].sum()})"
        for text, target in ((mean, "mean_study"), (new, "new_study")):
            row = own(pooled[pooled["target"] == target], "os").loc[name]
            assert text == interval(row["estimate"], row["lower"], row["upper"], months)
        row = compared.loc[name]
        if row["is_reference"]:
            assert (gain, adjusted, certainty, because) == ("reference", *[MISSING] * 3)
            continue
        for text, column in ((gain, "gain"), (adjusted, "gain_adjusted")):
            ends = (row[f"{column}{end}"] for end in ("", "_lower", "_upper"))
            assert text == interval(*ends, months)
        assert (certainty, because) == (row["certainty"], row["certainty_reasons"])
    compared = own(analysis.comparison.forest, "response")
    for name, *_, gain, certainty, _ in response[1:-1]:
        row = compared.loc[name]
        assert gain == interval(row["estimate"], row["lower"], row["upper"], points)
        assert certainty == row["certainty"]


def test_nothing_is_allowed_for_where_patients_were_randomised(analysis, monkeypatch):
    first, *rest = analysis.answers[0].rows
    known = replace(analysis.answers[0], rows=({**first, "evidence": "randomised"}, *rest))
    monkeypatch.setattr(type(analysis), "answers", (known,))
    (finding,) = summary(analysis).findings
    said = [row[5].text for row in finding.tables[0].rows]
    assert said[0] == "randomised"
    assert said[1] == rest[0]["gain_adjusted"]


def test_methods_and_references_are_those_of_the_page(paper, folder, analysis):
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    html = Page(methods_text(analysis, on_page=False))
    # spaces beside a formula are those of its elements
    said = [re.sub(r"\s", "", text) for text in of_style(paper, "Normal", "Equation")]
    for _, text in html.every("p"):
        assert re.sub(r"\s", "", text) in said
    assert "Diagnostics" not in " ".join(of_style(paper, "Normal"))
    assert "draws, largest R-hat" in page.section("methods")
    assert [text for _, text in html.every("h3")] == of_style(paper, "Heading 2")
    assert of_style(paper, "Heading 1") == ["Methods", "Results", "References"]
    cited = references(analysis.registry, analysis.cohorts["study"])
    assert of_style(paper, "List Number") == [entry.in_full for entry in cited]
    (mixed,) = (text for text in of_style(paper, "Normal") if text.startswith("Mixed against"))
    assert " ".join(mixed.split("times. ", 1)[1].split()) in page.section("answer")
    (formula,) = (p for p in paper.paragraphs if p.text.startswith("log mi"))
    assert next(run.text for run in formula.runs if run.italic and run.font.subscript) == "i"


def test_figures_and_tables_are_numbered_described_and_fit_the_page(paper, analysis):
    figures = [p for result in analysis.results for p in result.pictures]
    shown = [
        next(p for p in figures if p.stem == stem) for stem in ("forest_os", "curves_os", "benefit")
    ]
    assert of_style(paper, "Caption") == [
        "Table 1. Summary of findings: overall survival.",
        "Table 2. Summary of findings: objective response.",
        *(f"Figure {i}. {p.title}. {p.caption}" for i, p in enumerate(shown, start=1)),
    ]
    fields = [node.get(qn("w:instr")) for node in paper.element.iter(qn("w:fldSimple"))]
    assert fields == [r"SEQ Table \* ARABIC"] * 2 + [r"SEQ Figure \* ARABIC"] * 3
    shapes = paper.inline_shapes
    assert [shape._inline.docPr.get("descr") for shape in shapes] == [p.alt for p in shown]
    assert all(p.alt for p in shown)
    upright, lying, last = paper.sections
    turned = [section.orientation for section in (upright, lying, last)]
    assert turned == [WD_ORIENT.PORTRAIT, WD_ORIENT.LANDSCAPE, WD_ORIENT.PORTRAIT]
    assert (lying.page_width, lying.page_height) == (upright.page_height, upright.page_width)
    room = upright.page_width - upright.left_margin - upright.right_margin
    assert all(shape.width <= room for shape in shapes)
    room = lying.page_width - lying.left_margin - lying.right_margin
    for table in paper.tables:
        assert 0.99 * room < sum(column.width for column in table.columns) <= room
        heads = [row._tr.find(f".//{qn('w:tblHeader')}") is not None for row in table.rows]
        assert heads == [True] + [False] * (len(heads) - 1)


def test_every_page_says_what_it_is_for(paper, analysis):
    assert paper.sections[0].footer.paragraphs[0].text == RESEARCH_USE
    assert all(section.footer.is_linked_to_previous for section in paper.sections[1:])
    assert "all 2 fits passed" in of_style(paper, "Subtitle")[0]
    assert paper.core_properties.author == ""


def test_a_fit_that_failed_is_told_first(small, tmp_path):
    made = make_analysis(small, ("os",), verdict="FAIL", results=[answer(picture())])
    write_report(made, tmp_path / "out", word=tmp_path / "paper.docx")
    paper = docx.Document(str(tmp_path / "paper.docx"))
    alarm = [(p.style.name, p.text) for p in paper.paragraphs[2:4]]
    assert alarm[0][0] == "Intense Quote"
    assert "FAILED" in alarm[0][1]
    assert "Raise the number of draws." in alarm[1][1]
    assert HOSTILE in of_style(paper, "Caption")[0]
    assert paper.tables == []
    said = "First AB. A title <i>. 2020. Not verified: title."
    assert of_style(paper, "List Number") == [said]


# --- Files ---------------------------------------------------------------------------------------


def test_the_command_writes_and_names_the_manuscript(
    analysis, small, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("synthesis.run.analyse", lambda *_, **__: analysis)
    monkeypatch.chdir(tmp_path)
    words = ("--registry", "registry", "--only", "--format", "markdown", "--word", "a/b.docx")
    assert "Word     a/b.docx" in answered(capsys, "report", *words).splitlines()
    assert len(docx.Document("a/b.docx").tables) == 2
    assert (tmp_path / "results" / "tables" / "summary.md").is_file()


def test_a_later_report_leaves_the_manuscript_alone(small, tmp_path):
    made, paper = make_analysis(small), tmp_path / "paper.docx"
    files = write_report(made, tmp_path, formats=("latex",), word=paper)
    assert paper in files
    listed = json.loads((tmp_path / "manifest.json").read_text())["files"]
    assert "paper.docx" not in listed
    assert "tables/compare.tex" in listed
    before = paper.read_bytes()
    write_report(made, tmp_path)
    assert paper.read_bytes() == before
    assert not (tmp_path / "tables" / "compare.tex").exists()


def test_all_is_written_or_nothing(small, tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "there").mkdir()
    monkeypatch.setattr("synthesis.report.paper.write_paper", broken)
    with pytest.raises(OutputError, match="no space left"):
        write_report(make_analysis(small), tmp_path / "out", word=tmp_path / "there" / "paper.docx")
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "there").iterdir()) == []


def test_a_manuscript_may_be_made_anew_until_a_person_edits_it(small, tmp_path):
    path = tmp_path / "paper.docx"
    write_report(make_analysis(small), tmp_path / "out", word=path)
    assert _document(path) == path
    edited = docx.Document(str(path))
    edited.core_properties.last_modified_by = "A person"
    edited.save(str(path))
    with pytest.raises(OutputError, match=re.escape(f"{path} was edited since") + ".*another name"):
        _document(path)
