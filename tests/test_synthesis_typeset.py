"""Tables as LaTeX and as Markdown: what is read, with the letters that mean something escaped."""

from __future__ import annotations

import re

import golden

from synthesis.choices import TABLES
from synthesis.report.typeset import typeset
from synthesis.result import LONG, Cell, Column, Finding, Result, make_table

COLUMNS = (Column("A & B", "keep"), Column("95 %", "num"), Column("Because", "wide"))
ROWS = [
    (Cell("a_b", rows=2), "1.7 (−0.3 to 3.3)", "p ≤ 0.05; n ≥ 2 | more than thirty letters long"),
    (Cell("a_b", rows=0), 0.123456, Cell("<0.01–0.2", "extrapolated")),
    ("[x] {y}* ~^\\ #$", None, "several\nlines"),
]
TABLE = make_table("Gains.", COLUMNS, ROWS, note="100 % of it.", groups=["C_1", "C_1", "D"])


def test_tables_are_written_as_they_are_read():
    result = Result("found", "Found", findings=(Finding("How?", tables=(TABLE,)), Finding("Else")))
    files = dict(typeset([result], TABLES))
    assert list(files) == ["found.tex", "found.md"]
    for name, text in files.items():
        golden.check(f"typeset_{name}", text)


def test_answers_of_one_name_are_one_file_and_those_without_tables_none():
    one = Result("found", "Found", findings=(Finding("How?", tables=(TABLE,)),))
    other = Result("words", "Words", findings=(Finding("Why?", ("Because.",)),))
    ((name, text),) = typeset([one, other, one], ("latex",))
    assert name == "found.tex"
    assert re.findall(r"\\label\{(.*?)\}", text) == ["tab:found-1", "tab:found-2"]


def test_a_long_table_goes_on_over_pages():
    rows = [(f"{number}", number, "x") for number in range(LONG + 1)]
    long = make_table("Long.", COLUMNS, rows)
    result = Result("found", "Found", findings=(Finding("How?", tables=(long,)),))
    ((_, text),) = typeset([result], ("latex",))
    assert r"\begin{table}" not in text
    assert "\\midrule\n\\endhead" in text
    assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == 1
