"""Output appears whole or not at all."""

from __future__ import annotations

import errno
import json
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
