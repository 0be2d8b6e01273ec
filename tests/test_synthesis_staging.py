"""Output appears whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path

import pytest

from synthesis.staging import (
    MANIFEST,
    OutputError,
    check_file,
    check_folder,
    staged_file,
    staged_folder,
)


def write_results(out: Path, **texts: str) -> None:
    """Write files, given by stem, and a manifest that lists them."""
    with staged_folder(out) as stage:
        (stage / "tables").mkdir()
        for stem, text in texts.items():
            (stage / "tables" / f"{stem}.csv").write_text(text)
        names = [f"tables/{stem}.csv" for stem in texts] + [MANIFEST]
        (stage / MANIFEST).write_text(json.dumps({"files": names}))


def contents(folder: Path) -> dict[str, str]:
    """Read every file below a folder."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_text() for file in files}


def test_folder_and_parents_are_made(tmp_path):
    out = tmp_path / "a" / "b"
    write_results(out, pooled="1")
    assert set(contents(out)) == {"tables/pooled.csv", MANIFEST}


def test_own_files_are_replaced_and_foreign_ones_stay(tmp_path):
    write_results(tmp_path, pooled="1", cohorts="1")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "tables" / "mine.csv").write_text("mine")
    write_results(tmp_path, pooled="2")
    found = contents(tmp_path)
    assert json.loads(found.pop(MANIFEST)) == {"files": ["tables/pooled.csv", MANIFEST]}
    assert found == {"tables/pooled.csv": "2", "tables/mine.csv": "mine", "notes.txt": "mine"}


def test_a_manifest_cannot_make_it_remove_files_elsewhere(tmp_path):
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / MANIFEST).write_text(json.dumps({"files": ["../foreign.txt", str(foreign), 3]}))
    write_results(out, pooled="1")
    (out / MANIFEST).write_text(json.dumps({"files": ["../foreign.txt", str(foreign)]}))
    write_results(out, pooled="2")
    assert foreign.read_text() == "mine"


@pytest.mark.parametrize("error", [ValueError("a fault"), KeyboardInterrupt()], ids=["fault", "^C"])
def test_a_failure_while_writing_leaves_what_was_there(tmp_path, error):
    out = tmp_path / "a" / "out"

    def fail_in(folder):
        with staged_folder(folder) as stage:
            (stage / "report.html").write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail_in(out)
    assert list(tmp_path.iterdir()) == []  # not even the folders that were made for it
    write_results(out, pooled="1")
    before = contents(out)
    with pytest.raises(type(error)):
        fail_in(out)
    assert contents(out) == before


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("moves", range(1, 9))
def test_a_failure_while_moving_puts_everything_back(tmp_path, monkeypatch, error, moves):
    write_results(tmp_path, pooled="1", cohorts="1", priors="1")
    before = contents(tmp_path)
    left = moves
    replace = Path.replace

    def fail_once(self, target):
        nonlocal left
        left -= 1
        if left == 0:
            raise error
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_once)
    # Four files there (two of them replaced, two removed) and three to come: seven moves.
    if moves > 7:
        write_results(tmp_path, pooled="2", diagnostics="2")
        assert set(contents(tmp_path)) == {"tables/pooled.csv", "tables/diagnostics.csv", MANIFEST}
        return
    with pytest.raises(OutputError if isinstance(error, OSError) else KeyboardInterrupt):
        write_results(tmp_path, pooled="2", diagnostics="2")
    assert contents(tmp_path) == before


def test_a_single_file_replaces_itself_only(tmp_path):
    write_results(tmp_path, pooled="1")
    with staged_file(tmp_path / "forest.svg") as path:
        path.write_text("<svg/>")
    assert set(contents(tmp_path)) == {"tables/pooled.csv", MANIFEST, "forest.svg"}


def test_checks_leave_no_trace(tmp_path):
    check_folder(tmp_path / "a" / "b")
    check_file(tmp_path / "a" / "b.svg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("check", [check_folder, check_file])
def test_a_place_below_a_file_is_refused(tmp_path, check):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file is a file; choose another place\."):
        check(tmp_path / "file" / "below" / "x")


def test_a_file_in_the_place_of_a_folder_and_the_reverse_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file; give a folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="is a folder; give the name of a file"):
        check_file(tmp_path)


def test_a_fault_of_the_program_is_not_blamed_on_the_place(tmp_path):
    with pytest.raises(FileNotFoundError), staged_folder(tmp_path / "out") as stage:
        (stage / "none" / "x").write_text("")
    assert list(tmp_path.iterdir()) == []


# --- Runs that are ended or killed, and places that are no files ---------------------------------


def killed_while_moving(out: Path, moves: int, **texts: str) -> None:
    """Write results in a process that is killed after so many moves."""
    child = os.fork()
    if child == 0:
        replace, left = Path.replace, moves

        def until_killed(self, target):
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(self, target)

        Path.replace = until_killed
        write_results(out, **texts)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("moves", range(7))
def test_the_moves_of_a_killed_run_are_finished_by_the_next(tmp_path, moves):
    write_results(tmp_path, pooled="1", cohorts="1", priors="1")
    killed_while_moving(tmp_path, moves, pooled="2", diagnostics="2")
    assert not moves or not (tmp_path / MANIFEST).exists()  # with it the folder is complete
    killed_while_finishing = os.fork()
    if killed_while_finishing == 0:
        Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        check_folder(tmp_path)
        os._exit(0)
    os.waitpid(killed_while_finishing, 0)
    check_folder(tmp_path)
    found = contents(tmp_path)
    assert json.loads(found.pop(MANIFEST))["files"][:2] == [
        "tables/pooled.csv",
        "tables/diagnostics.csv",
    ]
    assert found == {"tables/pooled.csv": "2", "tables/diagnostics.csv": "2"}


def test_a_run_that_is_at_work_is_left_alone(tmp_path):
    with staged_folder(tmp_path) as stage:
        (stage / "a").write_text("1")
        write_results(tmp_path, pooled="2")
    assert set(contents(tmp_path)) == {"a", "tables/pooled.csv", MANIFEST}


def test_an_interrupt_waits_for_the_end_of_the_moves(tmp_path, monkeypatch):
    replace = Path.replace

    def interrupted(self, target):
        os.kill(os.getpid(), signal.SIGINT)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind nohup
    with pytest.raises(KeyboardInterrupt):
        write_results(tmp_path, pooled="1")
    assert set(contents(tmp_path)) == {"tables/pooled.csv", MANIFEST}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_devices_and_pipes_are_no_files_and_links_are_followed(tmp_path):
    os.mkfifo(tmp_path / "pipe.svg")
    (tmp_path / "loop.svg").symlink_to("loop.svg")
    for name in ("/dev/null", tmp_path / "pipe.svg", tmp_path / "loop.svg"):
        with pytest.raises(OutputError, match=r"is no ordinary file; give the name of one \(-o\)"):
            check_file(Path(name))
    (tmp_path / "link.svg").symlink_to("a/target.svg")
    check_file(tmp_path / "link.svg")
    with staged_file(tmp_path / "link.svg") as path:
        path.write_text("1")
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "a" / "target.svg").read_text() == "1"
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(OutputError, match="is no ordinary file, and would be replaced"):
        write_results(tmp_path, pooled="1")
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize("check", [check_folder, check_file])
def test_a_name_that_is_too_long_is_refused(tmp_path, check):
    for place in (tmp_path / ("x" * 256), tmp_path / "a" / ("x" * 256) / "b"):
        with pytest.raises(OutputError, match="file name too long"):
            check(place)
