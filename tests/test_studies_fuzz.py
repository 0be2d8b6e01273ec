"""Study files with slips, random command lines and interrupts break nothing."""

from __future__ import annotations

import os
import signal
import sys
from random import Random

import fuzz
import fuzz_interrupts
import fuzz_lines
import pytest
from small_registry import cohort, median, study, write_registry

from studies import load_registry


def test_files_with_slips_break_nothing(tmp_path):
    """As many as fit into the fast ring; `python -m tests.fuzz` tries ten thousand."""
    assert [*fuzz.faults(300, 0, tmp_path)] == []


@pytest.mark.parametrize("made", [ZeroDivisionError("x"), AssertionError("a control character")])
def test_a_fault_is_found_and_its_file_is_kept(tmp_path, monkeypatch, made):
    def use(registry, study_id):
        raise made

    monkeypatch.setattr(fuzz, "use", use)
    case, words = next(fuzz.faults(300, 0, tmp_path))
    assert type(made).__name__ in words
    (kept,) = (tmp_path / str(case)).iterdir()
    assert words.startswith(str(kept))


def test_a_file_that_takes_for_ever_is_a_fault(tmp_path, monkeypatch):
    folder = write_registry(tmp_path / "r", study("abel2001", cohort(survival=[median()])))

    def use(registry, study_id):
        while True:
            pass

    monkeypatch.setattr(fuzz, "use", use)
    monkeypatch.setattr(fuzz, "SECONDS", 1)
    base = load_registry(folder)
    assert "TimeoutError" in fuzz.fault(folder / "abel2001.toml", base)


def test_random_command_lines_break_nothing(tmp_path):
    assert [*fuzz_lines.faults(25, 0, tmp_path)] == []


def test_command_lines_reach_every_command():
    lines = [fuzz_lines.line(Random(case)) for case in range(1000)]
    assert {tuple(line[: len(name)]) for line in lines for name in fuzz_lines.commands()} >= {
        *fuzz_lines.commands()
    }


def test_a_fault_of_a_command_line_is_found(tmp_path, monkeypatch):
    place = fuzz_lines.sandbox(tmp_path)

    def wrong(main):
        monkeypatch.setattr(fuzz_lines.cli, "main", main)
        return fuzz_lines.fault([], place)

    def writes_and_refuses(_):
        (place / "x").write_text("")
        print("no", file=sys.stderr)
        return 2

    def replaces(_):
        os.replace(place / "arms.csv", place / "link.svg")
        return 0

    assert "ZeroDivisionError" in wrong(lambda _: 1 / 0)
    assert wrong(lambda _: 2) == "is refused without a word"
    assert wrong(lambda _: 130) == "ends with 130"
    assert wrong(lambda _: 0) is None
    assert "is refused, and yet changes" in wrong(writes_and_refuses)
    assert "link.svg" in wrong(replaces)


def test_interrupts_leave_the_old_files_or_the_new(tmp_path):
    assert [*fuzz_interrupts.faults(8, 0, tmp_path)] == []


def test_a_mixture_is_found(tmp_path):
    def half(place, text):
        (place / "a").write_text(text)
        os.kill(os.getpid(), signal.SIGKILL)

    (tmp_path / "out").mkdir()
    states = {text: {"a": text.encode(), "b": text.encode()} for text in ("old", "new")}
    found = fuzz_interrupts.fault(half, tmp_path / "out", signal.SIGKILL, 0.0, states)
    assert found is not None
