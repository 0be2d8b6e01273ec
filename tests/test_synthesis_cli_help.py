"""Help: the list of commands, whole."""

from __future__ import annotations

from synthesis import cli


def test_a_group_alone_shows_its_help(capsys):
    for words in ((), ("studies",)):
        assert cli.main(words) == 0
        assert "Commands:" in capsys.readouterr().out


def test_the_list_of_commands_says_in_whole_words_what_each_does(capsys):
    assert cli.main(["--help"]) == 0
    _, _, listed = capsys.readouterr().out.partition("Commands:")
    assert all(f"  {name} " in listed for name in ("report", "compare", "plan", "studies"))
    assert "..." not in listed
