"""Help: every command and option, as a page that a person has read."""

from __future__ import annotations

import golden
import pytest

from synthesis import cli

COMMANDS = (
    *("report", "forest", "impact", "compare", "benefit", "mix", "sensitivity"),
    *("bias", "plan", "control"),
)
OF_STUDIES = ("list", "show", "check", "overlaps", "new", "import", "export", "schema")
PAGES = (
    *((), ("studies",), *((name,) for name in COMMANDS)),
    *(("studies", name) for name in OF_STUDIES),
)


@pytest.mark.parametrize("words", PAGES, ids=lambda words: "_".join(words) or "atc")
def test_help_is_the_page_that_was_read(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main((*words, "--help")) == 0
    golden.check("_".join(("help", *words)), capsys.readouterr().out)


def test_a_group_alone_shows_its_help(capsys):
    for words in ((), ("studies",)):
        assert cli.main(words) == 0
        assert "Commands:" in capsys.readouterr().out
