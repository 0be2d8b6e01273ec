"""Answers on a terminal: as wide as it is, in letters that it has, details left out."""

from __future__ import annotations

import io
import re
import sys

import golden
import pytest
from report_fits import analysis_of, registry_of
from report_tables import TREATMENT, answer

from synthesis.cli import terminal
from synthesis.result import RESEARCH_USE, Cell, Column, Finding, Result, make_table


def wide_table():
    names = ("Ratio of medians (95 %)", "Gain, months", "P(gain > 1 month)", "Average hazard ratio")
    columns = [Column("Treatment", "keep"), *(Column(name, "num") for name in names)]
    columns += [Column("Carried by"), Column("Never shown", terminal=False)]
    numbers = ("1.62 (0.94–2.84)", "1.7 (−0.3 to 3.5)", "0.74", "0.70 (0.41–1.11)")
    long = f"{TREATMENT} and something with a very long name behind it"
    rows = [(long, *numbers, "across single-arm studies", "x")]
    beyond = Cell("1.20 (0.50–2.90)", "extrapolated", extrapolated=True)
    rows.append((TREATMENT, beyond, *numbers[1:], "one study", "x"))
    return make_table("Against it.", columns, rows, groups=["One class", "Another"], note="A note.")


@pytest.mark.parametrize("columns", [60, 100, 160])
def test_an_answer_is_as_wide_as_the_terminal(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", f"{columns}")
    made = Result(
        "compare",
        "Compared",
        ("A lead that goes on for long enough to need more than one line of any usual terminal.",),
        (
            Finding("How much?", ("- one item", "- another", "A last one."), (wide_table(),)),
            Finding("Only a picture"),
            Finding("A detail", ("Never shown.",), folded=True),
        ),
        verdicts={"os, Weibull": "PASS", "pfs": "REVIEW"},
    )
    terminal.show(made)
    out = capsys.readouterr().out
    golden.check(f"terminal_{columns}", out)
    assert max(map(len, out.splitlines())) <= columns
    assert "Never shown" not in out
    assert "Only a picture" not in out
    for text in ("1.7 (−0.3 to 3.5)", "1.20 (0.50–2.90), extrapolated"):
        assert text in out  # no number is cut or broken


def test_a_terminal_that_calls_itself_dumb_is_as_wide_as_it_is(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = []
    for name in ("xterm", "dumb"):
        monkeypatch.setenv("TERM", name)
        lines = (re.sub(r"\x1b\[[\d;]*m", "", line) for line in terminal.table_lines(wide_table()))
        shown.append([line.rstrip() for line in lines])
    assert shown[0] == shown[1]
    assert max(map(len, shown[0])) > 80


def test_the_first_text_is_named_among_what_is_written_or_else_the_first_table(capsys, tmp_path):
    paths = [tmp_path / "figures" / "a.svg", tmp_path / "tables" / "compare.csv"]
    terminal.show(answer(), paths)
    assert f"Written: {paths[1]} (2 files)" in capsys.readouterr().out
    made = Result("impact", "Impact", texts={"impact.md": ""}, tables=answer().tables)
    terminal.show(made, [*paths, tmp_path / "impact.md"])
    assert f"Written: {tmp_path / 'impact.md'} (3 files)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "1.7 (−0.3–3) · Łther"),
        ("latin-1", "1.7 (-0.3-3) · ?ther"),
        ("ascii", "1.7 (-0.3-3) - ?ther"),
    ],
)
def test_a_terminal_without_a_dash_gets_a_hyphen(encoding, shown, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.spell_what_cannot_be_shown()
    print("1.7 (−0.3–3) · Łther", end="")
    assert stream.buffer.getvalue().decode(encoding) == shown


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    return analysis_of(registry_of(tmp_path_factory.mktemp("summary")))


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
def test_a_report_ends_with_few_lines(analysis, columns, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", f"{columns}")
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / "results" / name for name in ("report.html", "a.svg", "b.csv")]
    relative = [path.relative_to(tmp_path) for path in files]
    lines = terminal.summary(analysis, relative, 517.2)
    golden.check(f"atc_report_{columns}", "\n".join(lines) + "\n")
    assert len(lines) <= 18
    assert max(map(len, lines)) <= columns
    assert " ".join(lines).endswith(RESEARCH_USE)
