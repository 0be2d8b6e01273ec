"""A skeleton explains everything, is refused while it is empty, and is sound when it is filled."""

from __future__ import annotations

import re
import tomllib

import pytest
from small_registry import VOCABULARY, write_file

from studies import RegistryError, load_registry, load_vocabulary
from studies.documents import WIDTH, records_below, shapes
from studies.guide import skeleton
from studies.schema import Study
from studies.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def vocabulary():
    return load_vocabulary()


def filled(text):
    """Return a skeleton with the mark of its examples removed."""
    return "\n".join(line.removeprefix("# ") for line in text.splitlines())


def load(folder, text, words=None):
    folder.mkdir(exist_ok=True)
    (folder / "new2025.toml").write_text(text, encoding="utf-8")
    if words is not None:
        write_file(folder / "vocabulary.toml", words)
    return load_registry(folder, alone=True).study("new2025")


@pytest.mark.parametrize("arms", [1, 3])
def test_an_empty_one_is_refused_with_what_to_fill_in(tmp_path, vocabulary, arms):
    with pytest.raises(RegistryError) as raised:
        load(tmp_path, skeleton("new2025", vocabulary, arms=arms))
    found = {(problem.field, problem.action) for problem in raised.value.problems}
    expected = {("status", "add status to the top of the file"), ("citation", "add it")}
    for arm in range(arms):
        for key in ("id", "treatment", "treatment_as_printed"):
            expected.add((f"cohorts[{arm}].{key}", f"add {key} to this table"))
    assert found == expected


@pytest.mark.parametrize("arms", [1, 2, 3])
def test_the_examples_are_a_sound_study(tmp_path, vocabulary, arms):
    study = load(tmp_path, filled(skeleton("new2025", vocabulary, arms=arms)))
    assert len(study.cohorts) == arms
    first = study.cohorts[0]
    assert first.survival[0].ci[1] == "not reached"
    assert first.survival[0].unit == "days"
    assert study.citation.year == 2025  # as in its name
    assert study.comparisons[0].groups == ("mixed", "pure")
    for kind in ("landmarks", "response", "subgroups", "patients", "characteristics", "histology"):
        assert getattr(first, kind), kind
    for kind in ("overlaps", "comparisons", "sources", "countries", "population"):
        assert getattr(study, kind), kind


@pytest.mark.parametrize("removed", ["status", "title", "treatment_as_printed"])
def test_each_example_line_may_stay_away(tmp_path, vocabulary, removed):
    """What is required is missed, what is not required is not."""
    lines = filled(skeleton("new2025", vocabulary)).splitlines()
    text = "\n".join(line for line in lines if not line.startswith(f"{removed} ="))
    if removed == "title":
        assert load(tmp_path, text).citation.title is None
    else:
        with pytest.raises(RegistryError, match=f"expected the key {removed}"):
            load(tmp_path, text)


def test_every_key_of_every_record_is_told(vocabulary):
    text = skeleton("new2025", vocabulary)
    untold = [
        f"{record.__name__}.{shape.key}"
        for record in records_below(Study)
        for shape in shapes(record)
        if not re.search(rf"\b{re.escape(shape.key)}\b", text)
    ]
    assert untold == []


def test_every_word_that_may_be_used_is_listed(vocabulary):
    text = skeleton("new2025", vocabulary)
    for words in (
        vocabulary.designs,
        vocabulary.lines,
        vocabulary.time_origins,
        vocabulary.diseases,
    ):
        assert all(f"##   {word}: " in text for word in words)
    assert all(f"##   {item.id}: " in text for item in vocabulary.endpoints)
    assert all(re.search(rf"\b{item.id}\b", text) for item in vocabulary.treatments)
    assert all(item.label in text for item in vocabulary.classes)


def test_lines_can_be_read_and_editors_find_the_schema(vocabulary):
    lines = skeleton("new2025", vocabulary, arms=12).splitlines()
    assert lines[0] == "#:schema ./study.schema.json"
    assert max(map(len, lines)) <= WIDTH
    live = [line for line in lines[1:] if line and not line.startswith("#")]
    assert live == ['id = "new2025"'] + ["[[cohorts]]"] * 12
    examples = [line for line in lines[1:] if line.startswith("#") and not line.startswith("##")]
    assert all(line.startswith("# ") for line in examples)
    assert tomllib.loads("\n".join(lines))["id"] == "new2025"


def test_a_vocabulary_of_other_words_and_one_without_words(tmp_path):
    words = VOCABULARY | {"designs": {}, "lines": {}}
    text = filled(skeleton("new2025", Vocabulary.model_validate(words)))
    study = load(tmp_path, text, words)
    assert study.cohorts[0].treatment == "lenvatinib"
    assert study.cohorts[0].line is None
    silent = VOCABULARY | {"endpoints": [], "lines": {}, "time_origins": {}, "diseases": {"X": "y"}}
    text = filled(skeleton("new2025", Vocabulary.model_validate(silent), arms=2))
    assert load(tmp_path, text, silent).cohorts[1].survival == ()


@pytest.mark.parametrize(
    "name", ["", "../up", "two words", "vocabulary", "excluded", 'a"b', "a\nb"]
)
def test_a_name_that_cannot_be_one_is_refused(vocabulary, name):
    with pytest.raises(RegistryError, match="expected an identifier of letters, digits"):
        skeleton(name, vocabulary)


def test_a_study_has_an_arm(vocabulary):
    with pytest.raises(RegistryError, match="found 0 arms, expected one arm or more"):
        skeleton("new2025", vocabulary, arms=0)
