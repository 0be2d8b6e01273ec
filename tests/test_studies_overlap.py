"""Declared overlaps hang reports together, whoever declares them."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from small_registry import cohort, study, write_registry

from studies import load_registry
from studies.registry import references, unresolved_overlaps
from studies.selection import OverlapIndex, overlap_groups, overlap_pairs, shared


@pytest.fixture
def registry(tmp_path):
    """Load a registry of one-armed studies, each with the reports that it says it overlaps."""

    def load(**overlaps):
        studies = [
            study(name, cohort(), overlaps=[{"with": other, "reason": why} for other, why in said])
            for name, said in overlaps.items()
        ]
        return load_registry(write_registry(tmp_path / "r", *studies))

    return load


@pytest.fixture(scope="module")
def shipped():
    return load_registry()


def test_reports_hang_together_by_way_of_others(registry):
    groups = overlap_groups(
        registry(
            d=[("b", "trial")],
            a=[("b", "hospital")],
            b=[("a", "same years"), ("x", "not here")],
            c=[],
            e=[("f", "same trial")],
            f=[("e", "same trial")],
            g=[("y", "elsewhere")],
        )
    )
    assert [group.studies for group in groups] == [("a", "b", "d"), ("e", "f"), ("g",)]
    first, second, third = groups
    assert first.edges == (
        ("a", "b", "hospital; same years", ("a", "b")),
        ("b", "d", "trial", ("d",)),
    )
    assert first.unknown == (("b", "x", "not here", ("b",)),)
    assert second.edges == (("e", "f", "same trial", ("e", "f")),)
    assert (third.edges, third.unknown) == ((), (("g", "y", "elsewhere", ("g",)),))


def test_a_registry_without_overlaps_has_no_group(registry):
    assert overlap_groups(registry(a=[], b=[])) == ()


def test_a_long_chain_is_one_group(registry):
    names = [f"s{number:03d}" for number in range(60)]
    (group,) = overlap_groups(registry(**{a: [(b, "next")] for a, b in pairwise([*names, "end"])}))
    assert list(group.studies) == names
    assert len(group.edges) == 59
    assert group.unknown == (("s059", "end", "next", ("s059",)),)


def test_every_shipped_overlap_stands_in_exactly_one_group(shipped):
    groups = overlap_groups(shipped)
    members = [name for group in groups for name in group.studies]
    assert len(members) == len(set(members))
    declared = {(s.id, overlap.with_) for s in shipped for overlap in s.overlaps}
    found = set()
    for group in groups:
        for edge in group.edges:
            assert {edge.one, edge.other} <= set(group.studies)
            assert edge.reason
            found |= {
                (name, other)
                for name, other in ((edge.one, edge.other), (edge.other, edge.one))
                if name in edge.declared_by
            }
        found |= {(edge.one, edge.other) for edge in group.unknown}
    assert found == declared
    unknown = [(edge.one, edge.other) for group in groups for edge in group.unknown]
    assert sorted(unknown) == sorted(unresolved_overlaps(shipped))


def test_the_index_misses_no_pair_that_comparing_every_two_cohorts_would_find(shipped):
    index = OverlapIndex(shipped)
    everything = [
        (one, other, why)
        for one, other in combinations(references(shipped), 2)
        if (why := shared(one, other, index))
    ]
    assert everything
    assert list(overlap_pairs(shipped)) == everything
