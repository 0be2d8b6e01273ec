"""Command lines run within a test, and fits whose draws are set by hand in place of the sampler."""

from __future__ import annotations

import synthesis.run
from synthesis import cli


def answered(capsys, *words) -> str:
    """Run a command that must succeed; what it prints, as wide as a pipe gets it."""
    assert cli.main([str(word) for word in words]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 100 for line in out.splitlines() if not line.startswith("Written"))
    return out


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
