"""Studies leave and come back as they were: files, the JSON document, citations; damage is told.

Examples are drawn from a fixed seed, so that a run is the same on every machine.
"""

from __future__ import annotations

import json
import re
import tomllib
from decimal import Decimal

import golden
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from registries import refused, sentences
from small_registry import (
    VOCABULARY,
    cohort,
    full_study,
    landmark,
    study,
    write_registry,
    write_tables,
)
from study_strategies import damaged, studies

from studies import RegistryError, load_registry
from studies.documents import (
    SHIPPED_SCHEMA,
    WIDTH,
    bibtex,
    export_json,
    json_of,
    read_json,
    tables_of,
    toml_of,
)
from studies.files import DEEPEST
from studies.schema import FrozenDict, Source, Study


def read(text):
    return tomllib.loads(text, parse_float=Decimal)


def written(tables):
    """Return what a document reads as after it was written."""
    return read(toml_of(tables, Study))


def test_every_shipped_file_says_the_same_as_what_would_be_written(shipped):
    for name, path in shipped.files.items():
        again = sorted_keys(read(toml_of(tables_of(shipped.study(name)), Study)))
        assert repr(again) == repr(sorted_keys(read(path.read_text(encoding="utf-8")))), name


def sorted_keys(value):
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(item) for item in value] if isinstance(value, list) else value


def test_the_style_is_that_of_the_registry():
    study = Study.model_validate(full_study())
    golden.check("study_style", toml_of(tables_of(study), Study, SHIPPED_SCHEMA))


def test_keys_stand_in_the_order_of_the_record():
    tables = full_study()
    backwards = dict(reversed(tables.items()))
    assert toml_of(backwards, Study) == toml_of(tables, Study)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        *(("2.0", "2.0"), ("50", "50"), ("0.520", "0.520"), ("1E+2", "1E+2"), ("1E-7", "1E-7")),
        *(("-0", "-0e0"), ("-3.10", "-3.10"), ("0E+3", "0E+3")),
    ],
)
def test_numbers_keep_their_digits(number, expected):
    tables = {"id": "x", "follow_up": Decimal(number)}
    text = toml_of(tables, None)
    assert f"follow_up = {expected}" in text.splitlines()
    assert Decimal(read(text)["follow_up"]).as_tuple() == Decimal(number).as_tuple()


TEXTS = [
    'say "this"',
    "a \\ b \\\\ c \\n",
    "tab\tand\x7fdelete\x00nul",
    "two\nlines",
    "windows\r\nline\rends",
    "blank  twice   and   thrice " + "long " * 40 + "end",
    '"""three""" ' + '"' * 7 + " quotes " * 30 + '"',
    "a paragraph\n\n  indented " * 12 + "end",
    "x" * 300,
    "x" * 120 + " y",
    "é ü 中文 😀 \u2028 \u0085 " * 12 + "end",
    "# no comment = [1] " * 10 + "'''",
    'ends with quote "' + " and more" * 20 + '"',
    "\\" * 130 + " " + "\\" * 130,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_survives(text):
    tables = {
        "notes": text,
        "countries": [text, text],
        "cohorts": [
            {"characteristics": [{"name": text, "note": text}], "histology": {"other": {text: 3}}}
        ],
        text: text,
    }
    assert written(tables) == tables


def test_long_texts_are_folded_and_no_line_is_wider_than_it_must_be():
    sentence = "The denominator is not printed, so that the whole arm stands in for it. " * 6
    lines = toml_of({"notes": sentence.strip()}, Study).splitlines()
    assert lines[0] == 'notes = """\\'
    assert len(lines) > 4
    assert all(line.endswith(" \\") for line in lines[1:-1])
    assert max(map(len, lines)) <= WIDTH
    assert min(map(len, lines[1:-1])) > WIDTH - 20
    assert len(toml_of({"url": "https://example.org/" + "a" * 200}, Study).splitlines()) == 1


def test_what_is_empty_or_said_without_need_survives():
    tables = full_study()
    tables["countries"] = []
    tables["cohorts"][1] |= {"response": {}, "histology": {"other": {}}, "subgroups": []}
    tables["cohorts"][1]["time_origin_presumed"] = False
    study = Study.model_validate(tables)
    assert study.cohorts[1].response is not None
    again = read(toml_of(tables_of(study), Study))
    assert again == tables
    assert "notes" not in again


def test_a_record_made_by_code_is_written_in_full():
    split = Study.model_validate(full_study()).cohorts[0].histology
    copied = split.model_copy(update={"other": FrozenDict({"focal": 4}), "assessed": 22})
    assert tables_of(copied) == {"pure": 15, "mixed": 8, "assessed": 22, "other": {"focal": 4}}
    made = Source.model_construct(_fields_set=set(), kind="abstract")
    assert tables_of(made) == {"kind": "abstract"}


def test_unknown_keys_and_values_of_any_type_are_written_too():
    document = read(
        "id = 7\nwhen = 2024-02-29\nat = 2024-02-29T10:00:00Z\nclock = 10:00:00\n"
        "odd = [1, [true, {a = 1}], {}]\nx.y.z = 1\ncohorts = 3\ncitation = []\nf = inf\n"
    )
    assert written(document) == document


def test_a_value_of_no_type_of_a_file_is_refused():
    with pytest.raises(TypeError, match="cannot be written"):
        toml_of({"notes": None}, Study)


@pytest.fixture
def small(tmp_path):
    return load_registry(
        write_registry(tmp_path / "small", full_study(), study("abel2001", cohort()))
    )


# --- There and back ------------------------------------------------------------------------------


def test_the_shipped_registry_comes_back(shipped, tmp_path):
    tables = read_json(export_json(shipped))
    folder = tmp_path / "again"
    write_tables(tables, folder)
    again = load_registry(folder, alone=True)
    assert set(tables) == {path.name for path in folder.iterdir()}
    assert again.studies == shipped.studies
    assert again.vocabulary == shipped.vocabulary
    assert again.excluded == shipped.excluded
    assert len(again.excluded) >= 23
    for mine, theirs in zip(again, shipped, strict=True):
        # The representation shows the digits, which equality of decimals ignores.
        assert repr(tables_of(mine)) == repr(tables_of(theirs)), mine.id


def test_points_of_a_curve_come_back_with_the_numbers_at_risk(tmp_path):
    marks = [
        landmark(6, "0.40", at_risk=0, digitised=False),
        landmark(9, "0.30", at_risk=0, digitised=True),
        landmark(12, "0.20"),
    ]
    words = [{**VOCABULARY["treatments"][0], "requires": "BRAF V600E"}]
    vocabulary = VOCABULARY | {"treatments": words + VOCABULARY["treatments"][1:]}
    one = study("abel2001", cohort(landmarks=marks))
    registry = load_registry(write_registry(tmp_path / "r", one, vocabulary=vocabulary))
    write_tables(read_json(export_json(registry)), tmp_path / "again")
    again = load_registry(tmp_path / "again", alone=True)
    assert again.studies == registry.studies
    assert again.vocabulary.selecting == {words[0]["id"]}
    # What the file says stands there again, even where an absent key would mean the same.
    (written,) = tables_of(again.study("abel2001"))["cohorts"]
    assert [mark.get("digitised") for mark in written["landmarks"]] == [False, True, None]
    assert [mark.get("at_risk") for mark in written["landmarks"]] == [0, 0, None]


ODD = {
    "x.toml": {
        "id": "x",
        "notes": 'two\r\nlines, "quoted"; =1+1\n\ttab \x7f \x00',
        "countries": [],
        "cohorts": [
            {"response": {}, "histology": {"other": {'a "b" c.d[0]': 0, "": 1, "é\n": 2}}},
            {"time_origin_presumed": False, "n": 5, "median": Decimal("5"), "p": "5"},
        ],
        "pairs": [[], [["a", Decimal("1E+2")], [Decimal("2.0"), Decimal("0E-7")]]],
        "nothing": {},
        "minus": Decimal("-0"),
    }
}


def test_whatever_is_odd_survives_the_document():
    document = {"format": "atc-studies", "version": 1, "studies": [ODD["x.toml"]]}
    again = read_json(json_of(document))
    assert again == ODD
    numbers = again["x.toml"]["pairs"][1]
    assert list(map(str, numbers[1])) == ["2.0", "0E-7"]
    assert again["x.toml"]["minus"].is_signed()


def test_a_byte_order_mark_and_other_line_ends_are_read(small):
    text = export_json(small)
    assert read_json("\ufeff" + text.replace("\n", "\r\n")) == read_json(text)


# --- What is refused -----------------------------------------------------------------------------


NO_DOCUMENTS = [
    "",
    '{\n"a": 1\n',
    "[" * 100_000,
    '{"studies": ' + "[" * 900 + "]" * 900 + "}",
    '{"format": "atc-studies", "version": 1, "studies": [{"id": "a", "n": '
    + "[" * 900
    + "]" * 900
    + "}]}",
    "[]",
    '{"a": 1e99999999999999999999}',
    '{"a": ' + "9" * 5000 + "}",
    '{"id": 1, "id": 2}',
    "{}",
]


def test_a_document_that_cannot_be_read():
    lines = [f"{sentences(read_json, text, 'r.json')[0]}\n" for text in NO_DOCUMENTS]
    golden.check("refusals_json", "".join(lines))


HEAD = {"format": "atc-studies", "version": 1, "studies": []}


MISTAKES = [
    *({"version": 2}, {"version": True}, {"study": []}, {"studies": None}, {"studies": [1]}),
    *({"excluded": {}}, {"vocabulary": 3}, {"studies": [{"id": "../up"}]}),
    *({"studies": [{"id": "vocabulary"}]}, {"studies": [{}]}),
    *({"studies": [{"id": "a"}, {"id": "a"}]}, {"studies": [{"id": "a", "n": None}]}),
    *({"studies": [{"id": "a", "n": [float("nan")]}]}, {"studies": [{"id": "a", "n": "\ud800"}]}),
    {"studies": [{"id": "a", "\ud800": 1}]},
]


def test_a_document_with_a_mistake():
    found = [sentences(read_json, json.dumps(HEAD | change), "r.json") for change in MISTAKES]
    golden.check("refusals_json_values", "".join(f"{sentence}\n" for (sentence,) in found))


def parse(text):
    """Read BibTeX of one field a line; where a value ends is told by its braces, as in BibTeX."""
    entries = {}
    for whole in re.split(r"(?m)^(?=@)", text.strip())[1:]:
        head, *lines, end = whole.strip().splitlines()
        kind, key = re.fullmatch(r"(@article|@misc)\{(.+),", head).groups()
        fields = [re.fullmatch(r"  (\w+) = (\{.*\}),", line).groups() for line in lines]
        assert [value for _, value in fields if closing(value) < len(value) - 1] == [], key
        assert len(dict(fields)) == len(fields), f"{key}: a field stands twice"
        assert (end, key in entries) == ("}", False)
        entries[key] = {name: value[1:-1] for name, value in fields} | {"kind": kind}
    return entries


def closing(text):
    """Return the place of the brace that closes the one at the beginning."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return place
    raise AssertionError(f"never closed: {text[:60]!r}")


def entry(**citation):
    """Return the fields of the one entry of a study with this citation."""
    tables = study("abel2001", cohort()) | {"citation": citation}
    ((key, fields),) = parse(bibtex([Study.model_validate(tables)])).items()
    assert key == "abel2001"
    return fields


def test_every_shipped_study_has_one_entry_in_a_fixed_order(shipped):
    text = bibtex(shipped)
    entries = parse(text)
    assert list(entries) == list(shipped.studies)
    assert bibtex(reversed(list(shipped))) == text


def test_an_entry_holds_what_the_citation_does(shipped):
    for key, fields in parse(bibtex(shipped)).items():
        citation = shipped.study(key).citation
        assert fields.get("doi") == citation.doi
        assert fields.get("pmid") == citation.pmid
        assert fields.get("year") == (None if citation.year is None else str(citation.year))
        assert ("author" in fields) == bool(citation.authors)
        assert all(item.split()[0] in fields["note"] for item in citation.unverified)
        if citation.volume_pages and not {"volume", "number", "pages"} & set(fields):
            assert citation.volume_pages in fields["note"].replace("\\_", "_")


def test_the_report_this_project_starts_from(shipped):
    golden.check("sparano2021_bib", bibtex([shipped.study("sparano2021")]))


PLACES = (
    *("28(1):15-26", "102:4506-4514", "(6):1028-1034", "33(10)", "2019:8218949", "8(10):bvae158"),
    *("12(Suppl 1):S3-S9", "110-117", "196", "article_42137", "2013 Jul (0007)"),
)
AUTHORS = ("Ain KB", "Do Cao C", "Iñiguez-Ariza NM", "Smith J.-P.", "Ahn", "et al.")


def test_authors_volume_and_pages_go_where_they_belong():
    lines = [
        f"{name}: {entry(authors=[name])['author']}\n" for name in (*AUTHORS, "SWOG & partners")
    ]
    for printed in PLACES:
        fields = entry(title="T", journal="J", volume_pages=printed)
        names = [name for name in ("volume", "number", "pages", "note") if name in fields]
        lines.append(f"{printed}: {', '.join(f'{name} = {fields[name]}' for name in names)}\n")
    golden.check("bibtex_fields", "".join(lines))


def test_what_tex_would_take_for_a_command_is_escaped():
    fields = entry(title=r"50% & $5 #1 a_b {x ~ ^ \ ü", journal="J")
    assert fields["title"] == (
        r"{50\% \& \$5 \#1 a\_b \textbraceleft{}x \textasciitilde{} "
        r"\textasciicircum{} \textbackslash{} ü}"
    )


def test_addresses_are_left_as_they_are():
    tables = study("abel2001", cohort())
    tables |= {"sources": [{"kind": "abstract"}, {"kind": "news", "url": "https://a.b/c_d%20{#x"}]}
    (fields,) = parse(bibtex([Study.model_validate(tables)])).values()
    assert fields["url"] == "https://a.b/c_d%20%7B#x"
    assert entry(doi="10.1000/a_b&c")["doi"] == "10.1000/a_b&c"


def test_a_report_of_which_little_is_known():
    fields = entry(label="Endocrine 2023", unverified=["authors", "title: a paraphrase"])
    assert fields == {
        "kind": "@misc",
        "title": "{Endocrine 2023}",
        "note": "Not verified: authors, title: a paraphrase",
    }
    assert entry() == {"kind": "@misc"}


FIXED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def texts(shipped):
    """Texts of the shipped study files, by identifier."""
    return {name: path.read_text(encoding="utf-8") for name, path in sorted(shipped.files.items())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


def plain(value):
    """Return what a document says, without what does not matter: blanks around texts."""
    match value:
        case dict():
            return {key.strip(): plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case str():
            return value.strip()
        case bool():
            return ("true or false", value)
    return value


# --- There and back ------------------------------------------------------------------------------


@settings(FIXED, max_examples=80)
@given(study=studies())
def test_any_study_survives_its_file_and_the_document(study):
    tables = tables_of(study)
    document = {"format": "atc-studies", "version": 1, "studies": [tables]}
    returned = (
        read(toml_of(tables_of(study), Study)),
        read_json(json_of(document))[f"{study.id}.toml"],
    )
    for again in returned:
        assert Study.model_validate(again) == study
        # The representation shows the digits, which equality of decimals ignores.
        assert repr(tables_of(Study.model_validate(again))) == repr(tables)


# --- Damage --------------------------------------------------------------------------------------


def outcome(folder, name, text):
    """Load one study file; return the study, or None after a look at every problem."""
    path = folder / f"{name}.toml"
    path.write_bytes(text.encode("utf-8"))
    try:
        (study,) = load_registry(path, alone=True)
    except RegistryError as error:
        study, problems = None, error.problems
    else:
        problems = ()
    event("refused" if problems else "loaded")
    for problem in problems:
        assert problem.field or problem.line or problem.found == "no key at all", str(problem)
        assert problem.file == path.name
        assert all((problem.found, problem.expected, problem.action)), str(problem)
        assert "\n" not in str(problem)
    return study


class Damaged:
    """Keeps a large document out of the report of a failure; the changed file is enough."""

    def __init__(self, document):
        self.text = toml_of(document, Study)


@settings(FIXED, max_examples=200)
@given(data=st.data())
def test_a_damaged_document_is_refused_or_kept_in_full(texts, folder, data):
    name = data.draw(st.sampled_from(list(texts)))
    text = data.draw(damaged(read(texts[name])).map(Damaged)).text
    study = outcome(folder, name, text)
    if study is not None:
        assert plain(tables_of(study)) == plain(read(text))


pieces = st.text(max_size=4) | st.sampled_from(
    ['"', '"""', "[", "]]", "\n", "=", " = ", "\n[x]\n", "'", "\\", "#", ",", "-", ".", "0", "e9"]
)


@settings(FIXED, max_examples=200)
@given(data=st.data())
def test_a_mangled_text_is_refused_or_kept_in_full(texts, folder, data):
    name = data.draw(st.sampled_from(list(texts)))
    text = texts[name]
    start = data.draw(st.integers(0, len(text)))
    lost = data.draw(st.sampled_from([0, 0, 1, 2, 20, len(text)]))
    text = text[:start] + data.draw(pieces) + text[start + lost :]
    text = text.encode("utf-8", "replace").decode("utf-8")
    study = outcome(folder, name, text)
    if study is not None:
        assert plain(tables_of(study)) == plain(read(text))


@settings(FIXED, max_examples=40)
@given(data=st.data())
def test_bytes_that_are_no_text_are_refused(texts, folder, data):
    name = data.draw(st.sampled_from(list(texts)))
    content = texts[name].encode("utf-8")
    start = data.draw(st.integers(0, len(content)))
    odd = data.draw(st.sampled_from([b"\xff", b"\xc3(", b"\x00", b"\xed\xa0\x80"]))
    path = folder / f"{name}.toml"
    path.write_bytes(content[:start] + odd + content[start:])
    problems = refused(load_registry, path, alone=True)
    assert all(problem.field or problem.line for problem in problems)


# --- Mistakes that were once told badly, or not at all -------------------------------------------

STUDY = """\
id = "x"
status = "verified"
[citation]
[[cohorts]]
id = "a"
treatment = "lenvatinib"
treatment_as_printed = "lenvatinib"
n = 10
[cohorts.histology]
other = { focal = 3 }
[[cohorts.survival]]
endpoint = "os"
median = 5
unit = "days"
[[cohorts.landmarks]]
endpoint = "os"
time = 3
unit = "days"
survival = 0.9
"""


def refusals(folder, text):
    path = folder / "x.toml"
    path.write_text(text, encoding="utf-8")
    return sentences(load_registry, path, alone=True)


@pytest.mark.parametrize("number", ["0e99999999", "-0e-99999999", "1e-999999999999", "1e-300"])
@pytest.mark.parametrize("figure", ["median = 5", "survival = 0.9", "time = 3"])
def test_a_number_beyond_arithmetic_is_refused_at_its_field(folder, figure, number):
    key = figure.split()[0]
    (sentence,) = refusals(folder, STUDY.replace(figure, f"{key} = {number}"))
    assert f".{key}: found " in sentence
    assert "expected a finite number" in sentence


def test_a_number_that_cannot_be_held_is_refused_at_its_line(folder):
    (sentence,) = refusals(folder, STUDY.replace("= 5", "= 1e99999999999999999999"))
    assert sentence.startswith("x.toml:13: found malformed TOML, a number too large to hold, ")


def test_names_that_differ_in_blanks_do_not_swallow_a_count(folder):
    (sentence,) = refusals(folder, STUDY.replace("focal = 3", 'focal = 3, " focal" = 4'))
    assert sentence.startswith(
        "x.toml:10, cohorts[0].histology.other: found a table, expected keys that differ in more "
    )


@pytest.mark.parametrize(("key", "shown"), [('""', '""'), (r'"a\nb"', r'"a\nb"')])
def test_a_key_that_is_empty_or_breaks_the_line_is_quoted(folder, key, shown):
    (sentence,) = refusals(folder, f"{key} = 1\n{STUDY}")
    assert sentence.startswith(f"x.toml:1, {shown}: found the unknown key {shown}, expected ")


def test_lists_nested_as_deep_as_a_file_may_are_refused_at_their_field(folder):
    depth = DEEPEST - 2
    (sentence,) = refusals(folder, f"notes = {'[' * depth}{']' * depth}\n{STUDY}")
    assert sentence.startswith("x.toml:1, notes: found [[...]], expected text in quotation marks: ")
