"""Citations as BibTeX: every study an entry that a reference manager can read."""

from __future__ import annotations

import pytest
from small_registry import cohort, study

from studies import Study, load_registry
from studies.documents import bibtex


def parse(text):
    """Read BibTeX the way BibTeX does: by counting braces, whatever stands before them."""
    entries, rest = {}, text.strip()
    while rest:
        kind, _, rest = rest.partition("{")
        assert kind in ("@article", "@misc"), kind
        key, _, rest = rest.partition(",")
        fields = {}
        while not rest.lstrip().startswith("}"):
            name, equals, rest = rest.partition("=")
            assert equals, f"{key}: no field in {name[:60]!r}"
            rest = rest.lstrip()
            assert rest.startswith("{"), f"{key}: {name.strip()} has no braces"
            end = closing(rest)
            assert name.strip() not in fields, f"{key}: {name.strip()} stands twice"
            fields[name.strip()] = rest[1:end]
            rest = rest[end + 1 :].lstrip()
            assert rest.startswith(","), f"{key}: {name.strip()} does not end"
            rest = rest[1:]
        assert key not in entries
        entries[key] = fields | {"kind": kind}
        rest = rest.lstrip()[1:].lstrip()
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


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def test_every_shipped_study_has_one_entry_in_a_fixed_order(registry):
    text = bibtex(registry)
    entries = parse(text)
    assert list(entries) == list(registry.studies)
    assert bibtex(reversed(list(registry))) == text


def test_an_entry_holds_what_the_citation_does(registry):
    for key, fields in parse(bibtex(registry)).items():
        citation = registry.study(key).citation
        assert fields.get("doi") == citation.doi
        assert fields.get("pmid") == citation.pmid
        assert fields.get("year") == (None if citation.year is None else str(citation.year))
        assert ("author" in fields) == bool(citation.authors)
        assert all(item.split()[0] in fields["note"] for item in citation.unverified)
        if citation.volume_pages and not {"volume", "number", "pages"} & set(fields):
            assert citation.volume_pages in fields["note"].replace("\\_", "_")


def test_the_report_this_project_starts_from(registry):
    assert bibtex([registry.study("sparano2021")]) == (
        "@article{sparano2021,\n"
        "  author = {Sparano, C. and Godbert, Y. and Attard, M. and Do Cao, C. and Zerdoud, S. and "
        "Roudaut, N. and Joly, C. and Berdelou, A. and Hadoux, J. and Lamartina, L. and "
        "Schlumberger, M. and Leboulleux, S.},\n"
        "  title = {{Limited efficacy of lenvatinib in heavily pretreated anaplastic thyroid "
        "cancer: a French overview}},\n"
        "  journal = {Endocr Relat Cancer},\n"
        "  year = {2021},\n"
        "  volume = {28},\n"
        "  number = {1},\n"
        "  pages = {15--26},\n"
        "  doi = {10.1530/ERC-20-0106},\n"
        "  pmid = {33112817},\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("28(1):15-26", {"volume": "28", "number": "1", "pages": "15--26"}),
        ("102:4506-4514", {"volume": "102", "pages": "4506--4514"}),
        ("(6):1028-1034", {"number": "6", "pages": "1028--1034"}),
        ("33(10)", {"volume": "33", "number": "10"}),
        ("2019:8218949", {"volume": "2019", "pages": "8218949"}),
        ("8(10):bvae158", {"volume": "8", "number": "10", "pages": "bvae158"}),
        ("12(Suppl 1):S3-S9", {"volume": "12", "number": "Suppl 1", "pages": "S3--S9"}),
        ("110-117", {"pages": "110--117"}),
        ("196", {"note": "196"}),
        ("article_42137", {"note": r"article\_42137"}),
        ("2013 Jul (0007)", {"note": "2013 Jul (0007)"}),
    ],
)
def test_volume_and_pages_go_where_they_belong(printed, expected):
    fields = entry(title="T", journal="J", volume_pages=printed)
    names = ("volume", "number", "pages", "note")
    assert {name: fields[name] for name in names if name in fields} == expected


@pytest.mark.parametrize(
    ("author", "written"),
    [
        ("Ain KB", "Ain, K. B."),
        ("Do Cao C", "Do Cao, C."),
        ("Iñiguez-Ariza NM", "Iñiguez-Ariza, N. M."),
        ("Smith J.-P.", "Smith, J.-P."),
        ("Ahn", "Ahn"),
        ("et al.", "others"),
        ("SWOG & partners", r"{SWOG \& partners}"),
    ],
)
def test_authors_are_family_and_initials(author, written):
    assert entry(authors=[author])["author"] == written


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
