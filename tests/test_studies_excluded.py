"""Reports that were left out are kept with their reasons, and never counted as well."""

from __future__ import annotations

import golden
import pytest
from registries import sentences
from small_registry import cohort, study, toml, write_registry

from studies import add_studies, load_registry
from studies.registry import Excluded


def entry(name, **more):
    """Describe a report that was left out."""
    citation = {"authors": [f"{name} A"], "year": 2001}
    return {"id": name, "reason": "Prints no figure.", "citation": citation} | more


def write_list(path, *entries):
    """Write a list of excluded reports, one on a line."""
    lines = ",\n".join(toml(item) for item in entries)
    path.write_text(f"excluded = [\n{lines}\n]\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    return write_registry(tmp_path / "r", study("abel2001", cohort()))


def test_the_shipped_list_is_read_in_its_order(registry):
    assert len(registry.excluded) >= 77
    names = [item.id for item in registry.excluded]
    assert names == sorted(names)
    (baek,) = [item for item in registry.excluded if item.id == "baek2017"]
    assert isinstance(baek, Excluded)
    assert (baek.n, baek.citation.year) == ((329,), 2017)
    assert baek.reason.startswith("The abstract prints no median")
    assert not {item.id for item in registry.excluded} & set(registry.studies)
    assert min(len(item.reason) for item in registry.excluded) > 20


@pytest.mark.parametrize("place", ["r/excluded.toml", "excluded.toml"])
def test_the_list_stands_in_the_folder_or_beside_it(tmp_path, folder, place):
    assert load_registry(folder).excluded == ()
    write_list(tmp_path / place, entry("baker1999", n=[3, 4]), entry("adler1998"))
    excluded = load_registry(folder).excluded
    assert [(item.id, item.n) for item in excluded] == [("baker1999", (3, 4)), ("adler1998", ())]


def test_a_list_in_the_folder_goes_before_one_beside_it(tmp_path, folder):
    write_list(tmp_path / "excluded.toml", entry("baker1999"))
    write_list(folder / "excluded.toml", entry("adler1998"))
    assert [item.id for item in load_registry(folder).excluded] == ["adler1998"]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"r": "baker1999", "s": "adler1998"}, ["baker1999", "adler1998"]),
        ({".": "baker1999"}, ["baker1999"]),
    ],
)
def test_the_lists_of_several_folders_are_joined_and_each_is_read_once(
    tmp_path, folder, lists, expected
):
    second = write_registry(tmp_path / "s", study("cain2002", cohort()))
    for place, name in lists.items():
        write_list(tmp_path / place / "excluded.toml", entry(name))
    assert [item.id for item in load_registry(folder, second).excluded] == expected
    added = add_studies(load_registry(folder), [second])
    assert [item.id for item in added.excluded] == expected


def test_a_report_is_either_in_the_registry_or_left_out(folder):
    write_list(folder / "excluded.toml", entry("baker1999"), entry("abel2001"))
    assert sentences(load_registry, folder) == [
        'excluded.toml:3, excluded[1].id: found "abel2001", expected an id of its own, which '
        f"{folder / 'abel2001.toml'} has already: remove one of the two, or give them different "
        "ids."
    ]


def test_a_later_folder_takes_in_a_report_that_was_left_out(tmp_path, folder):
    write_list(folder / "excluded.toml", entry("baker1999"), entry("cain2002"))
    registry = load_registry(folder)
    second = write_registry(tmp_path / "s", study("cain2002", cohort()))
    together = load_registry(folder, second)
    for found in (together, add_studies(registry, [second / "cain2002.toml"])):
        assert "cain2002" in found.studies
        assert [item.id for item in found.excluded] == ["baker1999"]
        assert [item.id for item in found.taken_in] == ["cain2002"]
    assert registry.taken_in == ()
    again = add_studies(together, [write_registry(tmp_path / "t", study("dale2003", cohort()))])
    assert [item.id for item in again.taken_in] == ["cain2002"]


def test_a_later_list_cannot_leave_out_a_report_of_an_earlier_folder(tmp_path, folder):
    second = write_registry(tmp_path / "s", study("cain2002", cohort()))
    write_list(second / "excluded.toml", entry("abel2001"))
    expected = f"which {folder / 'abel2001.toml'} has already"
    for load in (
        lambda: load_registry(folder, second),
        lambda: add_studies(load_registry(folder), [second]),
    ):
        (sentence,) = sentences(load)
        assert sentence.startswith('excluded.toml:2, excluded[0].id: found "abel2001", expected')
        assert expected in sentence


def test_an_id_stands_once_in_all_lists(tmp_path, folder):
    write_list(folder / "excluded.toml", entry("baker1999"), entry("baker1999"))
    assert sentences(load_registry, folder) == [
        'excluded.toml:3, excluded[1].id: found "baker1999", expected an id that excluded[0] does '
        "not have: remove one of the two, or give them different ids."
    ]
    second = write_registry(tmp_path / "s", study("cain2002", cohort()))
    write_list(folder / "excluded.toml", entry("baker1999"))
    write_list(second / "excluded.toml", entry("baker1999", reason="Another one."))
    (sentence,) = sentences(load_registry, folder, second)
    assert f"which excluded[0] of {folder / 'excluded.toml'} has already" in sentence
    (sentence,) = sentences(add_studies, load_registry(folder), [second])
    assert "which an earlier list of reports that were left out has already" in sentence
    write_list(second / "excluded.toml", entry("baker1999"))
    assert len(load_registry(folder, second).excluded) == 1


MISTAKES = [
    *({"n": 12}, {"n": [0]}, {"reason": ""}, {"why": "x"}, {"id": "a b"}),
    *({"citation": {"year": 99}}, {"citation": {"doi": "x"}}),
]


def test_one_mistake_in_the_list_is_one_sentence(folder):
    lines = []
    for change in MISTAKES:
        write_list(folder / "excluded.toml", entry("baker1999") | change)
        (sentence,) = sentences(load_registry, folder)
        lines.append(f"{sentence}\n")
    golden.check("refusals_excluded", "".join(lines))


def test_a_list_that_is_no_toml(folder):
    (folder / "excluded.toml").write_text("[[excluded]\n", encoding="utf-8")
    (sentence,) = sentences(load_registry, folder)
    assert sentence.startswith("excluded.toml:1, line 1, column 11: found malformed TOML")
