"""Work grows with the number of reports, not with the number of pairs of them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_registry import cohort, median, study, write_file, write_registry

import studies.selection
from studies import load_registry
from studies.selection import overlap_groups, overlap_pairs, select

SMALL, LARGE = 150, 600
# Sorting and the growth of hash tables are not quite linear; pairs would be sixteen-fold.
MOST = 1.1 * LARGE / SMALL


def name_of(number: int) -> str:
    return f"report{number:05d}"


def one_study(number: int, size: int, hub: bool):
    """Describe one of many reports, which overlaps the one before it, or the first of all."""
    arms = [cohort("a", survival=[median(ci=[1, 9])]), cohort("b", "paclitaxel", 9)]
    partners = [0] if hub else [number - 1, number + 1]
    overlaps = [
        {"with": name_of(other), "reason": "same hospital"}
        for other in partners
        if other != number and 0 <= other < size
    ]
    if number % 3 == 0 and not hub and number:
        overlaps[0]["pairs"] = [["a", "a"]]
    if number % 10 == 0:
        overlaps.append({"with": f"elsewhere{number}", "reason": "not in this registry"})
    return study(name_of(number), *arms, overlaps=overlaps, year=2000 + number % 20)


def write_many(folder: Path, size: int, *, hub: bool = False) -> Path:
    """Write that many reports, and as many that were left out."""
    write_registry(folder, *(one_study(number, size, hub) for number in range(size)))
    entries = [
        {"id": f"left{number}", "reason": "No figure.", "citation": {"year": 2001}}
        for number in range(size)
    ]
    write_file(folder / "excluded.toml", {"excluded": entries})
    return folder


def calls_of(work: Callable[[], object]) -> int:
    """Count the calls of functions, of Python's own too: a measure that no other process moves."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


@pytest.fixture(scope="module", params=[False, True], ids=["chain", "hub"])
def two_sizes(request, tmp_path_factory):
    """A small and a large registry with their folders; in a hub every report overlaps the first."""
    base = tmp_path_factory.mktemp("scale")
    sizes = (SMALL, LARGE)
    folders = [write_many(base / str(size), size, hub=request.param) for size in sizes]
    return folders, [load_registry(folder) for folder in folders]


WORK = {
    "select": lambda registry: select(registry, "os"),
    "overlap_pairs": overlap_pairs,
    "overlap_groups": overlap_groups,
}


def test_loading_and_checking_are_linear(two_sizes):
    folders, _ = two_sizes
    small, large = (calls_of(lambda folder=folder: load_registry(folder)) for folder in folders)
    assert large < MOST * small


@pytest.mark.parametrize("name", WORK)
def test_what_is_asked_of_a_registry_is_linear(two_sizes, name):
    _, registries = two_sizes
    for registry in registries:  # each makes its labels once
        WORK[name](registry)
    counts = [calls_of(lambda registry=registry: WORK[name](registry)) for registry in registries]
    assert counts[1] < MOST * counts[0]


def test_cohorts_are_compared_with_those_of_overlapping_reports_only(two_sizes, monkeypatch):
    compared = []
    plain = studies.selection.shared

    def counting(one, other, index):
        compared.append((one.study.id, other.study.id))
        return plain(one, other, index)

    monkeypatch.setattr(studies.selection, "shared", counting)
    _, (_, registry) = two_sizes
    selection = select(registry, "os")
    near = {
        pair
        for item in registry
        for overlap in item.overlaps
        for pair in ((item.id, overlap.with_), (overlap.with_, item.id))
    }
    assert compared
    assert len(compared) <= 2 * LARGE
    assert {(one, other) for one, other in compared if one != other} <= near
    assert {out.kind for out in selection.left_out} == {"no_figure", "overlap"}


def test_problems_of_many_files_are_told_in_linear_work(tmp_path):
    counts = []
    for size in (SMALL // 3, LARGE // 3):
        folder = write_many(tmp_path / str(size), size)
        for number in range(size):
            wrong = study(name_of(number), cohort(n=0), overlaps=[{"with": "x", "reason": "y"}])
            write_file(folder / f"{name_of(number)}.toml", wrong | {"id": f"other{number}"})

        def told(folder=folder):
            with pytest.raises(ValueError, match="cohorts"):
                load_registry(folder)

        told()
        counts.append(calls_of(told))
    assert counts[1] < MOST * counts[0]
