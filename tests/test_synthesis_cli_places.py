"""The command line where files, pipes, signals or a home are not what they usually are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import refused

from synthesis import cli
from synthesis.cli import commands, running
from synthesis.cli import options as of

ROOT = Path(__file__).resolve().parents[1]


def test_what_ends_a_program_is_an_interrupt_unless_it_is_to_be_ignored(
    tmp_path, capsys, monkeypatch
):
    def ended(*_, **__):
        signal.raise_signal(ending)
        raise commands.InputError("went on")

    monkeypatch.setattr(commands, "analysed", ended)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_DFL)
        words = ("report", "--out", f"{tmp_path / 'out'}")
        assert cli.main(words) == 130
        assert signal.getsignal(ending) is signal.SIG_DFL
        signal.signal(ending, signal.SIG_IGN)
        assert cli.main(words) == 2  # as under nohup
        signal.signal(ending, signal.SIG_DFL)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_that_a_library_takes_for_an_error_is_one(tmp_path, capsys, monkeypatch):
    def taken(*_, **__):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ValueError("a serializer could not be built") from None

    monkeypatch.setattr(commands, "analysed", taken)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind nohup
    assert cli.main(("report", "--out", f"{tmp_path / 'out'}")) == 130
    assert capsys.readouterr().err == "Interrupted; nothing is half written.\n"


def test_a_pipe_or_a_device_is_told_and_not_waited_for(tmp_path, capsys):
    for name in ("x.toml", "x.csv"):
        os.mkfifo(tmp_path / name)
    table, study = tmp_path / "x.csv", tmp_path / "x.toml"
    told = "cannot be read (a device or a pipe)"
    assert refused(capsys, "pool", table) == f"{table} {told}; name a file that can be read."
    assert "(no ordinary file)" in refused(capsys, "compare", "--priors", study)
    assert cli.main(("studies", "check", f"{study}")) == 1
    assert told in capsys.readouterr().out
    said = refused(capsys, "studies", "export", "--format", "json", "-o", "/dev/null")
    assert said == "/dev/null is no ordinary file; give the name of one (-o)."


def test_a_table_without_an_end_is_refused(tmp_path, capsys, monkeypatch):
    (tmp_path / "x.csv").write_text("study,events,n\n")
    monkeypatch.setattr(running, "MOST_BYTES", 5)
    assert "has more than 5 bytes" in refused(capsys, "pool", tmp_path / "x.csv")


def test_names_that_no_folder_can_hold_are_told(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "x" * 300
    for words in (("studies", "new", name), ("studies", "check", f"{name}.toml"), ("pool", name)):
        refused(capsys, *words)
    for out in (("compare", "--out", f"a/{name}"), ("forest", "os", "-o", f"{name}.svg")):
        assert "file name too long" in refused(capsys, *out)


def test_a_working_folder_that_is_gone_is_told(tmp_path, capsys, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    said = refused(capsys, "studies", "list")
    assert said == "the working folder is gone; change to one that exists."


def test_output_that_cannot_be_written_ends_in_a_sentence():
    program = "import sys; from synthesis.cli import main; sys.exit(main(['studies', 'schema']))"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "no space left on device" in done.stderr


@pytest.mark.parametrize("stated", [True, False])
def test_a_home_that_cannot_be_written_is_replaced(tmp_path, capsys, monkeypatch, stated):
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("ATC_CACHE_DIR", f"{tmp_path}")
    if not stated:
        monkeypatch.delenv("ATC_CACHE_DIR")
    with running.place_for_caches():
        home = Path.home()
        (home / "x").write_text("")
    assert (home == tmp_path) == home.exists() == stated
    assert os.environ["HOME"] == "/nonexistent"
    told = "The home folder /nonexistent cannot be written: nothing is kept for the next run."
    assert capsys.readouterr().err == (
        "" if stated else f"{told} Name a folder for it in ATC_CACHE_DIR.\n"
    )


def test_the_cache_of_such_a_home_is_empty(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("synthesis.model.compiling.code_folder", lambda: tmp_path / "code")
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.delenv("ATC_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cli.main(["cache", "list"]) == 0
    assert capsys.readouterr().out.startswith("0 MB in ")


def test_draws_that_cannot_be_kept_are_told_once(tmp_path, capsys):
    running.tell_unkept(tmp_path / "new")
    assert capsys.readouterr().err == ""
    (tmp_path / "file").write_text("")
    running.tell_unkept(tmp_path / "file")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Draws are not kept: {tmp_path / 'file'} is a file")


def test_a_picture_follows_a_link_and_replaces_no_linked_bibliography(tmp_path, capsys):
    target = tmp_path / "a" / "target.svg"
    target.parent.mkdir()
    (tmp_path / "link.svg").symlink_to(target)
    assert of._picture(tmp_path / "link.svg") == target
    (tmp_path / "mine.bib").write_text(of.BIBLIOGRAPHY_MARK)
    (tmp_path / "x.bib").symlink_to("mine.bib")
    assert "a bibliography of your own" in refused(capsys, "forest", "os", "-o", tmp_path / "x.svg")
