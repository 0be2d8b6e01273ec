"""Which cohorts are found, and how they stand in lines."""

from __future__ import annotations

import pytest
from small_registry import VOCABULARY, cohort, landmark, median, study, subgroup, write_registry

from studies import UnknownWordError, load_registry
from synthesis.text.listing import (
    Wanted,
    cohort_lines,
    excluded_in,
    excluded_lines,
    find_cohorts,
    known_words,
    printed_endpoints,
)

EXCLUDED = """\
[[excluded]]
id = "left2011"
n = [7, 12]
reason = '''
Prints
  no survival.'''
[excluded.citation]
authors = ["Left A"]
year = 2011

[[excluded]]
id = "undated"
reason = "Prints nothing."
[excluded.citation]
authors = ["Other A"]
"""


@pytest.fixture
def registry(tmp_path):
    groups = [subgroup("pure", 5, landmarks=[landmark(6, 0.5, endpoint="pfs")])]
    first = study(
        "alpha2010",
        cohort("a", survival=[median()], response={"pr": 1, "evaluable": 23}),
        cohort("b", "paclitaxel", None, disease="squamous", subgroups=groups),
        year=2010,
        status="secondary",
    )
    second = study("beta2015", cohort("c", "sorafenib", 9), year=2015, design="registry")
    folder = write_registry(
        tmp_path / "registry", first, second, study("gamma", cohort("d", "best_care"), year=None)
    )
    (folder / "excluded.toml").write_text(EXCLUDED)
    return load_registry(folder)


def found(registry, **words):
    return " ".join(item.id for _, item in find_cohorts(registry, Wanted(**words)))


@pytest.mark.parametrize(
    ("words", "cohorts"),
    [
        ({}, "a b c d"),
        ({"treatment": " LENVIMA "}, "a"),
        ({"treatment_class": "mki"}, "a c"),
        ({"treatment_class": "multikinase inhibitor"}, "a c"),
        ({"endpoint": "OS"}, "a"),
        ({"endpoint": "pfs"}, "b"),  # of a subgroup
        ({"endpoint": "Response"}, "a"),
        ({"design": "registry"}, "c"),
        ({"design": "not stated"}, ""),
        ({"status": "secondary"}, "a b"),
        ({"disease": "ATC"}, "a c d"),  # where none is named it is that of the registry
        ({"disease": "squamous"}, "b"),
        ({"years": (2010, 2010)}, "a b"),
        ({"years": (2011, None)}, "c"),
        ({"years": (None, 2014)}, "a b"),
        ({"years": (2010, 2015), "treatment_class": "mki", "status": "verified"}, "c"),
    ],
    ids=str,
)
def test_filters_are_all_met(registry, words, cohorts):
    assert found(registry, **words) == cohorts


@pytest.mark.parametrize("kind", ["treatment", "treatment_class", "endpoint", "design", "disease"])
def test_words_that_the_vocabulary_does_not_hold_are_refused(registry, kind):
    with pytest.raises(UnknownWordError) as raised:
        find_cohorts(registry, Wanted(**{kind: "xyzzy"}))
    assert raised.value.kind in known_words(registry.vocabulary)


def test_the_words_that_are_known_are_those_that_are_found(registry):
    words = known_words(registry.vocabulary)
    assert words["treatment"] == tuple(item["id"] for item in VOCABULARY["treatments"])
    assert words["endpoint"] == ("os", "pfs", "response")
    for kind, field in (("class", "treatment_class"), ("design", "design"), ("disease", "disease")):
        for word in words[kind]:
            find_cohorts(registry, Wanted(**{field: word}))


def test_lines_are_aligned_and_counted(registry):
    cohorts = find_cohorts(registry, Wanted())
    head, *rows, blank, total = cohort_lines(cohorts)
    assert (blank, total) == ("", "4 cohorts of 3 reports")
    assert rows[1].split() == ["alpha2010", "b", "2010", "retrospective", "paclitaxel", "-", "pfs"]
    assert rows[3].split() == ["gamma", "d", "-", "retrospective", "best_care", "23", "-"]
    for row, (_, item) in zip(rows, cohorts, strict=True):
        assert row.index(f" {item.treatment}") == head.index(" TREATMENT")
        number = head.index(" N ") + 1
        assert row[number] == str(item.n or "-")[-1]
        assert row == row.rstrip()
    head, blank, total = cohort_lines(())
    assert total == "0 cohorts of 0 reports"


def test_endpoints_of_parts_are_printed_too(registry):
    items = {item.id: item for _, item in find_cohorts(registry, Wanted())}
    assert printed_endpoints(items["a"]) == ("os", "response")
    assert printed_endpoints(items["b"]) == ("pfs",)
    assert printed_endpoints(items["d"]) == ()


def test_reports_that_were_left_out_are_listed_with_the_reason(registry):
    head, first, second, _, total = excluded_lines(excluded_in(registry))
    assert first.split("  ") == ["left2011", "2011", "7, 12", "Prints no survival."]
    assert second.index("Prints") == first.index("Prints") == head.index("WHY")
    assert total == "2 reports left out"
    assert [item.id for item in excluded_in(registry, (2011, 2011))] == ["left2011"]
    assert excluded_in(registry, (2012, None)) == ()
