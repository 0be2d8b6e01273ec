"""Command lines run within a test, and fits whose draws are set by hand in place of the sampler."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

import synthesis.run
from synthesis import cli
from synthesis.cli import commands, request, terminal
from synthesis.result import RESEARCH_USE

#: Columns of terminals that every answer must fit.
WIDTHS = (60, 80, 120)


def answered(capsys, *words) -> str:
    """Run a command that must succeed; what it prints, as wide as a pipe gets it.

    A result is held to terminals of other widths, too.
    """
    results = []

    def show(result, written=()):
        results.append(result)
        terminal.show(result, written)

    with pytest.MonkeyPatch.context() as patch:
        for module in (commands, request):
            patch.setattr(module, "show", show)
        assert cli.main([str(word) for word in words]) == 0
    out = capsys.readouterr().out
    # else an answer was shown past this; the lines at the end of a report are no result
    assert results or RESEARCH_USE not in out or words[0] == "report"
    for result in results:
        fits_every_terminal(result)
    assert all(len(line) <= 100 for line in out.splitlines() if not line.startswith("Written"))
    return out


def fits_every_terminal(result) -> None:
    """No line of an answer is wider than the terminal, and no number is cut or broken."""
    tables = [table for own in result.findings if not own.folded for table in own.tables]
    numbers = {
        cell.text
        for table in tables
        for row in table.rows
        for cell, column in zip(row, table.columns, strict=True)
        if column.kind == "num" and column.terminal and cell.rows
    }
    for columns in WIDTHS:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as shown:
            patch.setenv("COLUMNS", f"{columns}")
            terminal.show(result)
        lines = shown.getvalue().splitlines()
        assert [line for line in lines if len(line) > columns] == []
        assert [text for text in numbers if not any(text in line for line in lines)] == []


def refused(capsys, *words) -> str:
    """Run a command that must be refused; the one sentence that says why."""
    (line,) = refusals(capsys, *words)
    return line


def refusals(capsys, *words) -> list[str]:
    """Run a command that must be refused; the lines that say why."""
    assert cli.main([str(word) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def stand_in(monkeypatch, **makers) -> dict:
    """Put fits of a registry, by endpoint, in place of the sampler; what they are asked for."""
    reached = {}

    def fit_endpoints(registry, settings, *, priors, progress, cache):
        reached.update(settings=settings, studies=set(registry.studies), cache=cache)
        return {name: makers[name](registry) for name in settings.endpoints}, {}

    monkeypatch.setattr(synthesis.run, "fit_endpoints", fit_endpoints)
    return reached
