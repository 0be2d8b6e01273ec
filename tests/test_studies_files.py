"""Which files make up a registry, what replaces what, and on which line a problem stands."""

from __future__ import annotations

import shutil
import tomllib
from decimal import Decimal
from pathlib import Path

import golden
import pytest
from registries import entries, refused, sentences
from small_registry import VOCABULARY, cohort, median, study, write_file, write_registry

import studies
from studies import Problem, UnknownWordError, add_studies, load_registry
from studies.files import locate
from studies.problems import dotted
from studies.registry import SHIPPED_FOLDER, convert_endpoints
from studies.vocabulary import load_vocabulary

SHIPPED = Path(studies.__file__).parent
FILES = [
    *sorted((SHIPPED / "data").glob("*.toml")),
    SHIPPED / "vocabulary.toml",
    SHIPPED / "excluded.toml",
]

# Every number is that of the line on which its key, or the number itself, stands.
NUMBERED = r'''first = 1
"quoted.key" = 2
'literal [key]' = 3
"a \"b\"" = 4 # n = 99
spaced . out . "x y" = 5
text = """ n = 99
[no.table] # no comment
[[nor.this]] \""" still text """
after_text = 9
literal = <literal>
C:\[x] "" ' <literal>
after_literal = 12
single = '# no comment ['
after_single = 14
escaped = "\\"
after_escaped = 16
quotes = """"a""""
after_quotes = 18
dates = 1979-05-27 07:32:00 # a blank within the value
after_dates = 20
numbers = [
  22, # ]
  23, 23,
  [ 24,
    25 ], # ]
]
after_numbers = 27
inline = { a = 28, b.c = 28, "d e" = [28, { f = 28 }], g = "}" }
rows = [
  { n = 30, text = "} ]" },
  { n = 31 }, { n = 31, m = [ 31,
    32 ] },
]
empty = [ ]
nothing = {}
[table]
n = 37
  [table.inner] # indented
  n = 39
[ other . "p.q" ]
n = 41
[[list]]
n = 43
[[list.sub]]
n = 45
[[list.sub]]
n = 47
[list.sub.deep]
n = 49
[[list]]
[list.one]
n = 52
[[list.sub]]
n = 54'''.replace("<literal>", "'" * 3)


def lines_in(folder, text, fields):
    """Return the lines on which fields stand in a document."""
    (folder / "x.toml").write_bytes(text.encode("utf-8"))
    problems = [Problem("x.toml", field, "", "", "", folder=str(folder)) for field in fields]
    return [problem.line for problem in locate(problems)]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_every_form_of_key_table_and_value_keeps_its_line(tmp_path, end):
    text = NUMBERED.replace("\n", end)
    found = entries(tomllib.loads(text))
    numbers = {dotted(path): value for path, value in found if type(value) is int}
    assert len(numbers) > 30
    for written in (text, "\ufeff" + text):
        assert lines_in(tmp_path, written, numbers) == list(numbers.values())


BEGINNINGS = {
    # Tables and lists stand where they begin.
    **{"text": 6, "numbers": 21, "numbers[3]": 24, "rows": 29, "rows[1]": 31},
    **{"table": 36, "other": 40, "other.p.q": 40, "list": 42, "list[0]": 42},
    **{"list[0].sub": 44, "list[0].sub[1]": 46, "list[1]": 50, "list[1].sub[0]": 53},
    # A field that is missing stands in the innermost table that is there.
    **{"list[1].median": 50, "list[0].sub[0].survival[3].ci": 44, "rows[0].unit": 30},
    **{"table.inner.m": 38, "numbers[9]": 21, "status": 1, "list[0].number": 42},
    # The whole file stands on no line.
    "": None,
}


def test_tables_lists_and_what_is_missing_stand_where_they_begin(tmp_path):
    assert lines_in(tmp_path, NUMBERED, BEGINNINGS) == list(BEGINNINGS.values())
    assert lines_in(tmp_path, "[a.b]\nn = 2\n[a]\nn = 4\n", ["a"]) == [3]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_entry_of_every_shipped_file_is_found(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = list(entries(tomllib.loads(text, parse_float=Decimal)))
    assert found
    folder = str(path.parent)
    problems = [Problem(path.name, dotted(place), "", "", "", folder=folder) for place, _ in found]
    for (place, value), problem in zip(found, locate(problems), strict=True):
        line = lines[problem.line - 1]
        if isinstance(place[-1], str):
            assert place[-1] in line, place
        elif isinstance(value, dict):
            assert "[[" in line or "{" in line, place
        elif isinstance(value, list):
            assert "[" in line, place
        else:
            assert str(value) in line, place


# --- Problems ------------------------------------------------------------------------------------


def problems_in(folder):
    """Return the places of the problems of a registry."""
    return [sentence.split(": found")[0] for sentence in sentences(load_registry, folder)]


def test_a_registry_tells_the_lines_of_its_problems(tmp_path):
    folder = write_registry(tmp_path / "r", study("abel2001", cohort()))
    (folder / "cain2002.toml").write_text(
        """\
# A report.

id = "cain2003"
status = "verified"

[citation]
authors = ["Cain A"]
doi = "none"

[[cohorts]]
id = "arm"
treatment = "lenvatinb"
treatment_as_printed = "lenvatinib"

[[cohorts.survival]]
endpoint = "os"
median = 3.1
unit = "months"
ci = [
  4.0,
  5.0,
]

[[cohorts]]
id = "other"
treatment = "sorafenib"
""",
        encoding="utf-8",
    )
    (folder / "enos2003.toml").write_text("a = 1\nid =", encoding="utf-8")
    assert problems_in(folder) == [
        *("cain2002.toml:8, citation.doi", "cain2002.toml:19, cohorts[0].survival[0].ci"),
        "cain2002.toml:12, cohorts[0].treatment",
        *("cain2002.toml:24, cohorts[1].treatment_as_printed", "cain2002.toml:3, id"),
        "enos2003.toml:2, end of file",
    ]


def test_problems_of_the_vocabulary_and_of_excluded_reports_have_lines_too(tmp_path):
    wrong = VOCABULARY | {"disease": "ACT"}
    folder = write_registry(tmp_path / "r", study("abel2001", cohort()), vocabulary=wrong)
    (folder / "excluded.toml").write_text(
        '# Left out.\n[[excluded]]\nid = "x"\nreason = "no figure"\n', encoding="utf-8"
    )
    assert problems_in(folder) == [
        f"vocabulary.toml:{len(wrong)}, disease",
        "excluded.toml:2, excluded[0].citation",
    ]


def test_a_problem_of_a_file_that_cannot_be_read_again_stays_as_it_is(tmp_path):
    (tmp_path / "a.toml").write_text("\n\n[b]\nc = 1\n", encoding="utf-8")
    (tmp_path / "b.toml").write_text("a = [", encoding="utf-8")
    problems = [
        Problem(f"{name}.toml", field, "1", "2", "change it", line=line, folder=str(tmp_path))
        for name, field, line in (
            ("x", "n", None),
            ("b", "n", None),
            ("x", "", None),
            ("a", "n", 7),
        )
    ]
    assert locate(problems) == tuple(problems)
    (found,) = locate([Problem("a.toml", "b.c", "1", "2", "change it", folder=str(tmp_path))])
    assert str(found) == "a.toml:4, b.c: found 1, expected 2: change it."


NEW_WORDS = {
    "extends": True,
    "treatments": [{"id": "examplinib", "label": "Examplinib", "class": "multikinase_inhibitor"}],
    "time_origins": {"first visit": "Time zero is the first visit."},
}


def write_folder(folder, *studies, vocabulary=None):
    """Write study files, and a vocabulary beside them where one is given."""
    write_registry(folder, *studies)
    (folder / "vocabulary.toml").unlink()
    if vocabulary is not None:
        write_file(folder / "vocabulary.toml", vocabulary)
    return folder


# --- What is added -------------------------------------------------------------------------------


def test_a_folder_without_vocabulary_adds_to_the_shipped_registry(tmp_path, shipped):
    folder = write_folder(tmp_path / "mine", study("abel2001", cohort()))
    registry = load_registry(folder)
    assert set(registry.studies) == {*shipped.studies, "abel2001"}
    assert registry.folders == (SHIPPED_FOLDER, folder)
    assert registry.files["abel2001"] == folder / "abel2001.toml"
    assert registry.files["sparano2021"] == SHIPPED_FOLDER / "sparano2021.toml"
    assert registry.vocabulary_fingerprint == shipped.vocabulary_fingerprint
    assert registry.fingerprint != shipped.fingerprint
    assert registry.replaced == ()


def test_a_vocabulary_that_extends_adds_its_words_to_the_shipped_ones(tmp_path, shipped):
    arms = [cohort("new", "examplinib", time_origin="first visit"), cohort("old", "lenvatinib")]
    folder = write_folder(tmp_path / "mine", study("abel2001", *arms), vocabulary=NEW_WORDS)
    registry = load_registry(folder)
    assert set(registry.studies) == {*shipped.studies, "abel2001"}
    assert registry.vocabulary.treatment("Examplinib").class_ == "multikinase_inhibitor"
    assert registry.vocabulary.treatments[:-1] == shipped.vocabulary.treatments
    assert registry.vocabulary.main_disease == shipped.vocabulary.main_disease
    assert registry.vocabulary.conversions == shipped.vocabulary.conversions
    assert registry.vocabulary_fingerprint != shipped.vocabulary_fingerprint
    assert load_vocabulary(folder / "vocabulary.toml") == registry.vocabulary


def test_alone_leaves_out_the_shipped_studies_but_not_the_words(tmp_path, shipped):
    arm = cohort(treatment="examplinib")
    plain = write_folder(tmp_path / "plain", study("cain2002", cohort()))
    extending = write_folder(tmp_path / "more", study("abel2001", arm), vocabulary=NEW_WORDS)
    registry = load_registry(plain, extending, alone=True)
    assert list(registry.studies) == ["abel2001", "cain2002"]
    assert registry.vocabulary.treatment("lenvatinib") in shipped.vocabulary.treatments
    assert load_registry(alone=True) == shipped


def test_folders_add_to_one_that_stands_alone(tmp_path):
    base = write_registry(tmp_path / "base", study("abel2001", cohort()))
    words = {"extends": True, "lines": {"late": "After everything."}}
    more = write_folder(tmp_path / "more", study("cain2002", cohort(line="late")), vocabulary=words)
    plain = write_folder(tmp_path / "plain", study("enos2003", cohort()))
    registry = load_registry(more, base, plain)
    assert list(registry.studies) == ["abel2001", "cain2002", "enos2003"]
    assert registry.folders == (more, base, plain)
    assert registry.excluded == ()
    assert set(registry.vocabulary.lines) == {"first-line", "late"}
    assert registry.vocabulary.subject_words == "ATC"


def test_a_single_file_adds_one_study(tmp_path, shipped):
    folder = write_folder(tmp_path / "mine", study("abel2001", cohort()), study("b", cohort(n=0)))
    file = folder / "abel2001.toml"
    registry = load_registry(str(file))
    assert set(registry.studies) == {*shipped.studies, "abel2001"}
    assert registry.folders == (SHIPPED_FOLDER, file)
    assert list(load_registry(file, alone=True).studies) == ["abel2001"]


def test_a_single_file_brings_the_vocabulary_of_its_folder(tmp_path):
    folder = write_registry(tmp_path / "r", study("abel2001", cohort(treatment="various")))
    registry = load_registry(folder / "abel2001.toml")
    assert list(registry.studies) == ["abel2001"]
    assert registry.study("abel2001").cohorts[0].treatment == "various"
    assert registry.vocabulary == load_registry(folder).vocabulary


def test_nothing_and_none_are_the_shipped_registry(shipped):
    assert load_registry(None) == shipped
    assert load_registry(SHIPPED_FOLDER) == shipped
    assert load_registry(SHIPPED_FOLDER, SHIPPED_FOLDER, alone=True) == shipped


# --- What is replaced ----------------------------------------------------------------------------


def test_a_later_study_replaces_an_earlier_one_and_that_is_told(tmp_path, shipped):
    own = study("sparano2021", cohort("lenvatinib", n=24))
    first = write_folder(tmp_path / "first", own)
    second = write_folder(tmp_path / "second", study("sparano2021", cohort("lenvatinib", n=25)))
    registry = load_registry(first)
    assert registry.study("sparano2021").cohorts[0].n == 24
    assert registry.files["sparano2021"] == first / "sparano2021.toml"
    assert registry.replaced == (("sparano2021", first),)
    assert len(registry) == len(shipped)
    registry = load_registry(first, second)
    assert registry.study("sparano2021").cohorts[0].n == 25
    assert registry.replaced == (("sparano2021", second),)


def test_a_study_that_is_replaced_is_neither_read_nor_blamed(tmp_path):
    wrong = write_registry(tmp_path / "wrong", study("abel2001", cohort(n=0)))
    right = write_folder(tmp_path / "right", study("abel2001", cohort(n=5)))
    assert load_registry(wrong, right).study("abel2001").cohorts[0].n == 5
    assert refused(load_registry, right, wrong)[0].folder == str(wrong)


def test_the_same_folder_or_file_twice_replaces_nothing(tmp_path):
    folder = write_registry(tmp_path / "r", study("abel2001", cohort()))
    registry = load_registry(folder, tmp_path / "r" / ".." / "r", folder / "abel2001.toml")
    assert registry.replaced == ()
    assert list(registry.studies) == ["abel2001"]


# --- What is refused -----------------------------------------------------------------------------


def test_every_folder_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    problems = refused(load_registry, tmp_path / "empty", tmp_path / "none", tmp_path / "no.toml")
    assert [problem.found for problem in problems] == [
        "no study file",
        "no such folder",
        "no such file",
    ]
    assert str(problems[2]) == (
        f"{tmp_path / 'no.toml'}: found no such file, expected a study file: give the path of a "
        "study file, or of a folder of study files."
    )


@pytest.mark.parametrize("name", ["vocabulary.toml", "excluded.toml", "priors.toml"])
def test_files_that_are_no_studies_are_not_taken_for_one(tmp_path, name):
    folder = write_registry(tmp_path / "r", study("abel2001", cohort()))
    (problem,) = refused(load_registry, folder / name)
    assert problem.action == "give the path of the folder that it belongs to"


def test_priors_stand_beside_words_of_their_own_and_nowhere_else(tmp_path):
    own = write_registry(tmp_path / "own", study("abel2001", cohort()))
    priors = own / "priors.toml"
    priors.write_text("[[priors]]\n", encoding="utf-8")
    registry = load_registry(own)
    assert (registry.priors, registry.own_words, list(registry.studies)) == (
        priors, True, ["abel2001"]
    )  # fmt: skip
    assert load_registry(own / "abel2001.toml").priors == priors
    assert add_studies(registry, [own / "abel2001.toml"]).priors == priors
    assert (load_registry().priors, load_registry().own_words) == (None, False)
    beside = write_folder(tmp_path / "beside", study("cain2002", cohort()), vocabulary=NEW_WORDS)
    (beside / "priors.toml").write_text("[[priors]]\n", encoding="utf-8")
    (problem,) = refused(load_registry, beside)
    assert problem.path == beside / "priors.toml"
    assert problem.action.startswith(f"give them with --priors {beside / 'priors.toml'}")


def test_problems_of_files_with_one_name_are_told_apart_by_their_folders(tmp_path):
    first = write_registry(tmp_path / "a", study("x", cohort()), vocabulary={"classes": []})
    second = write_folder(
        tmp_path / "b", study("y", cohort()), vocabulary={"extends": True, "z": 1}
    )
    found = {(problem.folder, problem.field) for problem in refused(load_registry, first, second)}
    assert (str(first), "treatments") in found
    assert (str(second), "z") in found


def test_two_vocabularies_cannot_both_stand_alone_unless_they_are_the_same(tmp_path):
    first = write_registry(tmp_path / "a", study("abel2001", cohort()))
    second = write_registry(tmp_path / "b", study("cain2002", cohort()))
    assert len(load_registry(first, second)) == 2
    write_file(second / "vocabulary.toml", VOCABULARY | {"subject": "another"})
    (problem,) = refused(load_registry, first, second)
    assert (problem.folder, problem.field) == (str(second), "extends")
    assert problem.expected == f"one for all folders, as {first / 'vocabulary.toml'} is"


CLASHES = [
    {"treatments": [{"id": "Sorafenib", "label": "S", "class": "chemotherapy"}]},
    {"designs": {"registry": "x"}},
    {"conversions": [{"from": "dor", "to": "pfs", "allowed": "on request", "reason": "x"}]},
    {"treatments": [{"id": "bsc", "label": "B", "class": "supportive_care"}]},
    {"treatments": [{"id": "x", "label": "X", "class": "kinase"}]},
    *({"disease": "DTC"}, {"subject": "thyroid cancer"}),
]


def test_words_that_are_there_already_keep_their_meaning(tmp_path):
    folder, lines = write_folder(tmp_path / "r", study("abel2001", cohort())), []
    for words in CLASHES:
        write_file(folder / "vocabulary.toml", {"extends": True} | words)
        (problem,) = refused(load_registry, folder)
        assert problem.path == folder / "vocabulary.toml"
        lines.append(f"{problem}\n")
    golden.check("refusals_words", "".join(lines))


def test_the_same_words_again_are_no_clash(tmp_path, shipped):
    text = (SHIPPED_FOLDER.parent / "vocabulary.toml").read_text(encoding="utf-8")
    folder = write_folder(tmp_path / "r", study("abel2001", cohort()))
    (folder / "vocabulary.toml").write_text("extends = true\n" + text, encoding="utf-8")
    vocabulary = load_registry(folder).vocabulary
    assert vocabulary.treatments == shipped.vocabulary.treatments
    assert vocabulary.designs == shipped.vocabulary.designs


def test_a_pair_that_an_added_folder_breaks_is_told_at_the_added_file(tmp_path, shipped):
    declaring, overlap = next(
        (item, overlap)
        for item in shipped
        for overlap in item.overlaps
        if overlap.pairs and overlap.with_ in shipped.studies
    )
    folder = write_folder(tmp_path / "mine", study(overlap.with_, cohort("nobody")))
    problems = refused(load_registry, folder)
    assert {problem.path for problem in problems} == {folder / f"{overlap.with_}.toml"}
    assert {problem.field for problem in problems} == {"cohorts"}
    assert f'no cohort "{overlap.pairs[0][1]}"' in {problem.found for problem in problems}
    assert any(str(shipped.files[declaring.id]) in problem.expected for problem in problems)
    assert refused(add_studies, shipped, [folder]) == problems


# --- Adding to a registry that is there ----------------------------------------------------------


def test_studies_can_be_added_to_a_registry_that_stays_as_it_is(tmp_path):
    base = write_registry(
        tmp_path / "base", study("abel2001", cohort()), study("cain2002", cohort())
    )
    more = write_folder(
        tmp_path / "more", study("cain2002", cohort(n=9)), study("enos2003", cohort())
    )
    before = load_registry(base)
    after = add_studies(before, [more / "cain2002.toml", more / "enos2003.toml"])
    assert list(before.studies) == ["abel2001", "cain2002"]
    assert before.study("cain2002").cohorts[0].n == 23
    assert list(after.studies) == ["abel2001", "cain2002", "enos2003"]
    assert after.study("cain2002").cohorts[0].n == 9
    assert after.study("abel2001") is before.study("abel2001")
    assert after.replaced == (("cain2002", more / "cain2002.toml"),)
    assert after.files["enos2003"] == more / "enos2003.toml"
    together = load_registry(base, more)
    assert after.fingerprint == together.fingerprint
    assert (after.studies, after.vocabulary) == (together.studies, together.vocabulary)


def test_words_beside_added_studies_are_added_and_other_vocabularies_are_not(tmp_path):
    base = load_registry(write_registry(tmp_path / "base", study("abel2001", cohort())))
    new = {"extends": True, "lines": {"late": "After everything."}}
    more = write_folder(tmp_path / "more", study("cain2002", cohort(line="late")), vocabulary=new)
    after = add_studies(base, [more])
    assert set(after.vocabulary.lines) == {"first-line", "late"}
    assert after.fingerprint == load_registry(tmp_path / "base", more).fingerprint
    write_file(more / "vocabulary.toml", VOCABULARY | {"lines": {"late": "After everything."}})
    (problem,) = refused(add_studies, base, [more])
    assert problem.field == "cohorts[0].line"


def test_added_studies_are_checked_with_those_that_are_there(tmp_path):
    paired = {"with": "cain2002", "reason": "one trial", "pairs": [["arm", "a"]]}
    first = study("abel2001", cohort(), overlaps=[paired])
    base = load_registry(write_registry(tmp_path / "base", first))
    more = write_folder(tmp_path / "more", study("cain2002", cohort("b"), {"id": "a"}))
    file = more / "cain2002.toml"
    # A study that lost a cohort to another mistake is not blamed for lacking it.
    fields = [problem.field for problem in refused(add_studies, base, [file])]
    assert fields == ["cohorts[1].treatment", "cohorts[1].treatment_as_printed"]
    write_file(file, study("cain2002", cohort("b"), design="none"))
    assert sentences(add_studies, base, [file]) == [
        'cain2002.toml:5, cohorts: found no cohort "a", expected one, since overlaps[0].pairs[0] '
        f"of {tmp_path / 'base' / 'abel2001.toml'} says that it shares patients: give the cohort "
        "of these patients this id, or put a copy of abel2001.toml into your folder and correct "
        "the pair there.",
        'cain2002.toml:3, design: found "none", expected one of retrospective, registry, as the '
        "vocabulary lists: choose one of them, or add the word to vocabulary.toml under [designs].",
    ]
    with pytest.raises(UnknownWordError):
        base.study("cain2002")


def test_added_studies_are_read_as_the_registry_is(tmp_path, shipped):
    source = shipped.files["kawada2010"]
    folder = tmp_path / "more"
    folder.mkdir()
    shutil.copy(source, folder)
    arm = cohort("late", survival=[median(endpoint="ttp")])
    write_file(folder / "abel2001.toml", study("abel2001", arm))
    before = convert_endpoints(shipped, ["ttp:pfs"])
    after = add_studies(before, [folder])
    assert after.study("abel2001").cohorts[0].survival[0].endpoint == "pfs"
    assert after.study("onoda2016") == before.study("onoda2016")
    assert after.study("kawada2010") == before.study("kawada2010")
    (reading,) = after.conversions
    assert sorted(reading.cohorts) == sorted([*before.conversions[0].cohorts, "abel2001:late"])
    plain = convert_endpoints(load_registry(folder), ["ttp:pfs"])
    assert after.fingerprint == plain.fingerprint
