"""Study files with slips are refused in words, or read to the end."""

from __future__ import annotations

import fuzz
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
