"""The report: what is written, that the page needs nothing else, and that it says what it must."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from report_tables import (
    HOSTILE,
    TREATMENT,
    Page,
    answer,
    make_analysis,
    picture,
    with_results,
)
from small_registry import VOCABULARY, cohort, files_in, landmark, median, study, write_registry

from studies import load_registry
from synthesis.report import write_report
from synthesis.report.page import TEMPLATES, render_page
from synthesis.report.words import RESEARCH_USE
from synthesis.result import Result
from synthesis.run import Settings

SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 viewBox="0 0 100 {height}"><metadata>cited</metadata><style>*{{stroke-width: 1}}</style>
 <g id="axes_1" clip-path="url(#clip)"><use xlink:href="#mark"/><text>a &lt;b&gt;</text></g>
</svg>"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    first = study(
        "first2020",
        cohort(time_origin="treatment start", survival=[median()], caution="young patients only"),
        year=2020,
        overlaps=[{"with": "second2021", "reason": "same hospital"}],
    )
    first["citation"] |= {"title": HOSTILE, "doi": "10.1000/x(1)<2>", "unverified": ["title"]}
    second = study("second2021", cohort(survival=[median()]))
    third = study("third2022", cohort("a", n=9, landmarks=[landmark(12, 0.2)]), year=2022)
    folder = tmp_path_factory.mktemp("registry")
    vocabulary = VOCABULARY | {"lines": {"first-line": "Not treated before."}}
    return load_registry(write_registry(folder, first, second, third, vocabulary=vocabulary))


@pytest.fixture(scope="module")
def analysis(registry):
    return make_analysis(registry)


@pytest.fixture(scope="module")
def written(analysis, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "results"
    return out, write_report(analysis, out)


def make_page(analysis, height=80) -> Page:
    svgs = {
        each.stem: SVG.format(height=height) for own in analysis.results for each in own.pictures
    }
    return Page(render_page(analysis, analysis.results, svgs.__getitem__))


def page_with(registry, **changed) -> Page:
    """The page of an analysis without answers, some of whose parts are others."""
    return make_page(with_results(replace(make_analysis(registry), **changed), ()))


@pytest.fixture(scope="module")
def page(written):
    return Page((written[0] / "report.html").read_text(encoding="utf-8"))


# --- What is written -----------------------------------------------------------------------------


def expected_files(*stems) -> set[str]:
    names = {f"figures/{stem}.{kind}" for stem in stems for kind in ("svg", "pdf", "png")}
    names |= {"tables/compare.csv", "tables/cohorts.csv"}
    return names | {"report.html", "references.bib", "manifest.json"}


def test_every_file_is_written_and_listed(written):
    out, files = written
    found = set(files_in(out))
    assert found == expected_files("forest_os")
    assert {file.relative_to(out).as_posix() for file in files} == found
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["files"]) == found
    assert manifest["seed"] == 7
    assert manifest["versions"] == {"numpy": "2.0"}
    assert manifest["studies_of_figures"] == {"forest_os": ["first2020"]}


def test_files_of_an_earlier_report_go_and_others_stay(registry, tmp_path):
    write_report(make_analysis(registry), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    write_report(make_analysis(registry, results=[answer(picture("curves_os"))]), tmp_path)
    assert files_in(tmp_path).keys() == expected_files("curves_os") | {"notes.txt"}


def test_tables_are_those_of_the_answers(analysis, written):
    (result,) = analysis.results
    read = pd.read_csv(written[0] / "tables" / "compare.csv")
    assert list(read.columns) == list(result.tables["compare"].columns)
    np.testing.assert_allclose(read["lower"], result.tables["compare"]["lower"], rtol=1e-12)


def test_the_same_analysis_gives_the_same_files(registry, written, tmp_path):
    write_report(make_analysis(registry), tmp_path)
    for file in written[1]:
        assert (tmp_path / file.relative_to(written[0])).read_bytes() == file.read_bytes(), file


# --- What the page is ----------------------------------------------------------------------------


def test_the_page_asks_for_nothing_from_outside(page):
    assert not page.every("iframe", "object", "embed", "base", "form", "img", "image")
    assert all(attrs["href"].startswith("data:") for attrs, _ in page.every("link"))
    for _, style in page.every("style"):
        assert not re.search(r"url\(|@import|https?:", style)
    for tag, attrs in page.elements:
        assert not {"background", "poster", "srcset", "src"} & set(attrs), tag
        assert not any(name.startswith("on") for name in attrs), tag
        for name, text in attrs.items():
            if name.endswith("href") and tag != "a":
                assert text.startswith(("#", "data:"))


def test_links_lead_somewhere(written, page):
    out, _ = written
    ids = Counter(attrs["id"] for _, attrs in page.elements if attrs.get("id"))
    assert set(ids.values()) == {1}
    own = ("figures", "left_out", "diagnostics", "priors")  # of the pooled estimates
    for attrs, _ in page.every("a"):
        link = attrs["href"]
        if link.startswith("#"):
            assert link[1:] in ids
        elif urlsplit(link).scheme:
            assert link.startswith("https://doi.org/")
        else:
            assert (out / link).is_file() or link in {f"tables/{name}.csv" for name in own}


def test_text_is_text(page):
    for where in (("p",), ("figcaption",), ("li",)):
        assert any(HOSTILE in words for _, words in page.every(*where)), where
    assert HOSTILE in page.data["cohorts"][2]["why"][0][2]


def test_the_page_can_be_read_by_everyone(page):
    ((html, _),) = page.every("html")
    assert html["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attrs["aria-label"] for attrs, _ in page.every("svg"))
    assert all(attrs.get("scope") for attrs, _ in page.every("th"))
    assert all(words for _, words in page.every("caption"))
    frames = [attrs for attrs, _ in page.every("div") if attrs.get("class") == "wide"]
    labels = [attrs["data-label"] for attrs in frames]
    assert len(set(labels)) == len(page.every("table"))


def test_sections_are_listed_and_research_use_stands_at_both_ends(page):
    sections = [attrs["id"] for attrs, _ in page.every("section")]
    assert sections == ["answer", "certainty", "checks", "cohorts", "methods"]
    links = [attrs["href"][1:] for attrs, _ in page.every("a") if attrs["href"].startswith("#")]
    assert links[: len(sections) + 2] == ["answer", *sections, "diagnostics"]
    for tag in ("header", "footer"):
        ((_, words),) = page.every(tag)
        assert RESEARCH_USE in words


def test_an_answer_has_its_words_and_figures_and_its_views_stand_for_its_tables(page):
    parts = [words for _, words in page.every("p", "li")]
    first = parts.index("First.")
    assert parts[first : first + 4] == ["First.", "one", f"two {HOSTILE}", "Last."]
    assert not page.rows(TREATMENT)
    assert not any("open" in attrs for attrs, _ in page.every("details"))


def test_an_answer_without_a_view_shows_its_short_tables(registry):
    given = replace(answer(picture()), name="checks")
    page = make_page(make_analysis(registry, results=[given]))
    assert page.rows(TREATMENT)[0] == [TREATMENT, "pure", "3.2 (2.1–4.8)"]
    assert page.rows("mixed")[0] == ["mixed extrapolated", "5.1 (1.6–6.4)"]
    marked = [w for attrs, w in page.every("td") if "extrapolated" in attrs.get("class", "")]
    assert marked == ["mixed extrapolated", "5.1 (1.6–6.4)"]
    assert "Every number" not in [words for _, words in page.every("summary")]


def test_a_figure_may_have_the_name_of_its_section(registry):
    page = make_page(make_analysis(registry, results=[answer(picture("compare"))]))
    ids = [attrs["id"] for _, attrs in page.elements if attrs.get("id")]
    assert len(ids) == len(set(ids))


def test_answers_that_no_section_asks_for_stand_with_the_checks(registry):
    said = [Result(name, "", ("Words.",)) for name in ("sensitivity", "sensitivity", "another")]
    assert make_page(make_analysis(registry, results=said)).section("checks").count("Words.") == 3


def test_sensitivity_that_was_not_asked_for_says_how_to_ask_or_why_it_cannot_be(registry, page):
    assert "atc report --sensitivity" in page.section("checks")
    noted = page_with(registry, sensitivity_notes=("Not here.",))
    assert noted.section("checks").endswith("Sensitivity Not here.")
    response = make_page(make_analysis(registry, ("response",)))
    assert "checks" not in [attrs["id"] for attrs, _ in response.every("section")]


# --- Figures of the page -------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "tall"), [(80, False), (169.5, False), (171, True)])
def test_a_picture_of_several_sheets_is_known_as_such(analysis, height, tall):
    ((attrs, _),) = make_page(analysis, height).every("figure")
    assert (attrs.get("class") == "tall") is tall


def test_a_figure_keeps_its_identifiers_to_itself(analysis):
    page = make_page(analysis)
    ((svg, words),) = page.every("svg")
    assert (svg["id"], svg["role"]) == ("figure-forest_os", "img")
    assert svg["aria-label"].startswith("Caption of forest_os.")
    ((group, _),) = page.every("g")
    assert (group["id"], group["clip-path"]) == (
        "figure-forest_os-axes_1",
        "url(#figure-forest_os-clip)",
    )
    ((use, _),) = page.every("use")
    assert use["xlink:href"] == "#figure-forest_os-mark"
    assert words.endswith("a <b>")
    assert "cited" not in words
    _, (_, style) = page.every("style")
    assert style == "#figure-forest_os * {stroke-width: 1}"


# --- What the page says of the analysis ----------------------------------------------------------


def listed(page):
    """Cohorts of the page by name: fates and reasons."""
    return {one["name"]: one for one in page.data["cohorts"]}


def test_every_cohort_stands_in_the_list_once_with_its_fate(page, registry):
    cohorts = listed(page)
    assert list(cohorts) == ["First 2020", "Second 2021", "Third 2022"]
    first, second, third = cohorts.values()
    assert set(first["used"]) == {"os", "pfs", "response"}
    assert first["rep"] == {"os": "3.1 months"}
    assert first["caution"] == "young patients only"
    gave = ["overlap", "First 2020", "same hospital", ["os", "pfs", "response"]]
    assert (second["used"], second["why"]) == ({}, [gave])
    assert third["why"] == [["not_pooled", "", HOSTILE, ["os", "pfs", "response"]]]
    assert third["rep"] == {"os": "12-month OS 20 %"}


def test_reasons_that_differ_between_endpoints_stand_apart(registry):
    table = make_analysis(registry).left_out
    table.loc[(table["kind"] == "overlap") & (table["endpoint"] == "pfs"), "reason"] = "other"
    cohorts = listed(page_with(registry, left_out=table))
    reasons = [(reason, ends) for _, _, reason, ends in cohorts["Second 2021"]["why"]]
    assert reasons == [("same hospital", ["os", "response"]), ("other", ["pfs"])]


def test_one_family_alone_has_no_words_on_stacking(registry):
    words = page_with(registry, settings=Settings(family="log-normal")).section("methods")
    assert "The survival family is the log-normal" in words
    assert "Stacking" not in words
    assert "Stacking" in make_page(make_analysis(registry)).section("methods")


@pytest.mark.parametrize("verdict", ["FAIL", "REVIEW"])
def test_a_fit_that_does_not_pass_is_loud(registry, verdict):
    page = make_page(make_analysis(registry, ("os",), verdict))
    ((alarm, words),) = [found for found in page.every("div") if found[0].get("role") == "alert"]
    assert verdict.lower() in alarm["class"]
    assert verdict in words
    assert "Overall survival: Raise the number of draws." in words
    ids = [attrs.get("id") or attrs.get("role") for _, attrs in page.elements]
    assert ids.index("alert") < ids.index("answer")
    assert "0 of 1 fit passed" in page.every("header")[0][1]


def test_an_analysis_without_contradictions_or_overlap_says_so(registry):
    table = make_analysis(registry).left_out
    nothing = table[table["kind"] != "overlap"]
    words = page_with(registry, left_out=nothing).section("certainty")
    assert "No pooled median lies outside" in words
    assert "none share patients" in words


def test_no_number_is_typed_into_the_template():
    source = (TEMPLATES / "page.html.j2").read_text(encoding="utf-8")
    text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", " ", source, flags=re.DOTALL)
    words = re.sub(r"<[^>]*>", " ", text)
    assert not re.findall(r"\d", words)
