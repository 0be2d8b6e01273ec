"""The report: what is written, that the page needs nothing else, and that it says what it must."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from report_tables import HOSTILE, TREATMENT, Page, forest_table, make_analysis
from small_registry import VOCABULARY, cohort, landmark, median, study, write_registry
from synthesis.report.pooled import describe

from studies import load_registry
from synthesis.questions.pooled import Answer
from synthesis.report import write_report
from synthesis.report.figures import Picture, save_forest
from synthesis.report.page import TEMPLATES, render_page
from synthesis.report.view import dashes, interval, is_missing, months, percent, text
from synthesis.settings import Settings


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


def make_picture(stem="forest_os", section="forest") -> Picture:
    svg = b'<svg viewBox="0 0 100 80"></svg>'
    files = (f"figures/{stem}.svg",)
    words = ("Overall survival", "A caption", "A forest plot")
    return Picture(stem, section, *words, files, svg, ())


def make_page(analysis) -> Page:
    return Page(render_page(analysis, [make_picture()]))


@pytest.fixture(scope="module")
def page(written):
    return Page((written[0] / "report.html").read_text(encoding="utf-8"))


ENDPOINTS = ("os", "pfs", "response")
CHECKS = tuple(f"predictive_checks_{name}" for name in ENDPOINTS)
FIGURES = (*(f"forest_{name}" for name in ENDPOINTS), "curves_os", *CHECKS)
TABLES = (
    "pooled",
    "families",
    "model_choice",
    "covariates",
    "cohorts",
    "figures",
    "left_out",
    "diagnostics",
    "predictive_checks",
    "priors",
)
COMPARED = ("compare", "league", "gains", "ranks")


def expected_files(figures) -> set[str]:
    names = {f"figures/{stem}.{kind}" for stem in figures for kind in ("svg", "pdf", "png")}
    names |= {f"tables/{name}.csv" for name in (*TABLES, *COMPARED)}
    return names | {"report.html", "references.bib", "manifest.json"}


def test_every_file_is_written_and_listed(written):
    out, files = written
    found = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    assert found == expected_files(FIGURES)
    assert {file.relative_to(out).as_posix() for file in files} == found
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["files"]) == found
    assert manifest["seed"] == 7
    assert manifest["versions"] == {"numpy": "2.0"}


def test_only_what_belongs_to_the_endpoints_is_written(registry, written, tmp_path):
    out = tmp_path / "results"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    for endpoints in (("pfs", "response"), ("response",)):
        figures = [stem for stem in FIGURES if stem.rpartition("_")[2] in endpoints]
        write_report(make_analysis(registry, endpoints), out)
        found = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
        assert found == expected_files(figures) | {"notes.txt"}
    page = Page((out / "report.html").read_text(encoding="utf-8"))
    assert len(page.every("img")) == 2
    ids = {attrs.get("id") for attrs, _ in page.every("section")}
    assert "forest" in ids
    absent = {"curves", "benefit", "single", "mix", "families", "population", "sensitivity"}
    assert not ids & absent


def test_tables_are_those_of_the_analysis(analysis, written):
    for name in TABLES:
        read = pd.read_csv(written[0] / "tables" / f"{name}.csv")
        frame = getattr(analysis, name)
        assert list(read.columns) == list(frame.columns)
        assert len(read) == len(frame)
    read = pd.read_csv(written[0] / "tables" / "pooled.csv")
    np.testing.assert_allclose(read["lower"], analysis.pooled["lower"], rtol=1e-12)


def test_the_page_asks_for_nothing_from_outside(written, page):
    assert not page.every("script", "iframe", "object", "embed", "base", "form")
    for attrs, _ in page.every("img"):
        assert attrs["src"].startswith("data:image/svg+xml;base64,")
        svg = base64.b64decode(attrs["src"].partition(",")[2]).decode()
        assert not re.search(r'(href|src)="(?!#|data:)', svg)
    for attrs, _ in page.every("link"):
        assert attrs["href"].startswith("data:")
    ((_, style),) = page.every("style")
    assert not re.search(r"url\(|@import|https?:", style)
    for tag, attrs in page.elements:
        assert not {"style", "background", "poster", "srcset"} & set(attrs), tag
        assert not any(name.startswith("on") for name in attrs), tag


def test_links_lead_somewhere(written, page):
    out, _ = written
    ids = Counter(attrs["id"] for _, attrs in page.elements if attrs.get("id"))
    assert set(ids.values()) == {1}
    links = [attrs["href"] for attrs, _ in page.every("a")]
    assert any(link == "#ref-first2020" for link in links)
    for link in links:
        if link.startswith("#"):
            assert link[1:] in ids
        elif urlsplit(link).scheme:
            assert link.startswith("https://doi.org/")
        else:
            assert (out / link).is_file()


def test_text_is_text(page):
    assert not page.every("script")
    assert all(attrs["src"].startswith("data:") for attrs, _ in page.every("img"))
    for where in (("dd",), ("figcaption",), ("li",), ("td",)):
        assert any(HOSTILE in words for _, words in page.every(*where)), where


def test_the_page_can_be_read_by_everyone(page):
    ((html, _),) = page.every("html")
    assert html["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attrs["alt"] for attrs, _ in page.every("img"))
    assert all(attrs.get("scope") for attrs, _ in page.every("th"))
    assert len(page.every("table")) == len([words for _, words in page.every("caption") if words])
    regions = [attrs for attrs, _ in page.every("div") if attrs.get("role") == "region"]
    assert all(attrs["aria-label"] and attrs["tabindex"] == "0" for attrs in regions)


def test_sections_are_listed_and_research_use_stands_at_both_ends(page):
    sections = [attrs["id"] for attrs, _ in page.every("section")]
    contents = [attrs["href"][1:] for attrs, _ in page.every("a") if attrs["href"][1:] in sections]
    assert contents[1 : len(sections) + 1] == sections  # the first one skips the contents
    assert len(sections) == 17
    for tag in ("header", "footer"):
        ((_, words),) = page.every(tag)
        assert "For research use. Nothing on this page is a basis for treating" in words


def test_pooled_estimates_show_mean_and_new_study_side_by_side(page):
    survival = page.rows(TREATMENT)[0]
    mean, new = "3.2 (2.1–4.8)", "3.2 (1.6–6.4)"
    assert survival == [TREATMENT, "1", "23", mean, new]
    others = [row for row in page.rows(TREATMENT) if row[1] == "Mean study"]
    assert others[0] == [TREATMENT, "Mean study", "25 (17–38)"]
    assert page.rows("New study")[0] == ["New study", "25 (13–51)"]
    response = next(row for row in page.rows(TREATMENT) if row[-1] == "15 (8–31)")
    assert response == [TREATMENT, "1", "23", "15 (10–23)", "15 (8–31)"]


def test_disease_control_and_complete_response_stand_beside_the_response_rate(page):
    (row,) = [row for row in page.rows(TREATMENT) if row[1] == "Mean study" and len(row) == 4]
    assert row[2:] == ["40 (27–60) 1 cohort, 23 patients", "2 (1–3) no cohort"]
    assert page.rows("New study")[-1] == ["New study", "40 (20–80)", "2 (1–4)"]
    captions = [words for _, words in page.every("caption")]
    (words,) = [words for words in captions if "Disease control:" in words]
    assert words.startswith("Further estimands (95 % interval). Shares of the evaluable patients.")
    headings = [words for _, words in page.every("th")]
    assert {"Disease control, %", "Complete response, %"} <= set(headings)


@pytest.mark.parametrize(
    ("name", "label", "number"),
    [
        ("median_months", "Median", "0.3"),
        ("survival_12m", "Survival at 12 months", "25"),
        ("rmst_24m", "Restricted mean to 24 months", "0.3"),
        ("response_rate", "Response rate", "25"),
        ("disease_control", "Disease control", "25"),
        ("complete_response", "Complete response", "25"),
    ],
)
def test_estimands_have_names_and_units(name, label, number):
    found = describe(name)
    assert found.label == label
    assert found.write(0.254) == number
    assert found.unit == ("%" if number == "25" else "months")


def test_cohorts_show_what_is_printed_beside_the_estimate(page):
    rows = [row for row in page.rows("First 2020") if len(row) == 7]
    assert rows[0][1:5] == ["unknown", "23", "3.1 (0.6-5.5)", "0.3 (0.2–0.5)"]
    assert rows[0][5] == "the median's rank the interval lies evenly around the median"
    assert rows[2][4] == "33 (21–50)"  # response, percent


def test_endpoints_that_share_a_reason_share_a_row(page):
    (row,) = page.rows("Third 2022")
    assert row == ["Third 2022 · a", "all", HOSTILE]
    (row,) = page.rows("Second 2021")
    assert row == ["Second 2021 · arm", "all", "same hospital", "First 2020 · arm"]


def test_reasons_for_some_endpoints_name_them(analysis):
    some = analysis.left_out[analysis.left_out["endpoint"] != "pfs"]
    (row,) = make_page(replace(analysis, left_out=some)).rows("Third 2022")
    assert row[1] == "Overall survival, Response"


def test_a_cohort_left_out_for_two_reasons_counts_once(analysis):
    table = analysis.left_out.copy()
    table.loc[(table["kind"] == "overlap") & (table["endpoint"] == "pfs"), "reason"] = "other"
    page = make_page(replace(analysis, left_out=table))
    assert len(page.rows("Second 2021")) == 2
    captions = [words for _, words in page.every("caption")]
    assert "Shares patients with a cohort that is counted (1 cohort)." in captions


def test_trust_tells_of_single_arms_contradictions_overlap_and_cautions(page):
    ((_, words),) = [found for found in page.every("section") if found[0]["id"] == "trust"]
    assert "1 report entered; 0 of them are randomised" in words
    assert "Lenvatinib lies outside." in words
    assert "First 2020, arm: young patients only" in words
    assert page.rows("treatment start") == [["treatment start", "1"]]


def test_figures_that_the_model_would_hardly_print_are_listed(page, analysis):
    ((_, words),) = [found for found in page.every("section") if found[0]["id"] == "predictive"]
    assert "Of 2 printed figures 1 lie inside their 95 % predictive intervals" in words
    assert words.count("1 figure is outlying (a position below 0.01 or above 0.99).") == 2
    assert words.count("No figure is outlying") == 1
    rows = page.rows("First (arm)")
    printed = "31.0 (6.0-55.0)"
    assert (
        rows == [["First (arm)", TREATMENT, "23", "median", printed, "3.3 (1.4–7.9)", "0.999"]] * 2
    )
    titles = [attrs["aria-label"] for attrs, _ in page.every("div") if attrs.get("aria-label")]
    assert titles.count("Outlying: 1 figure.") == 2


def test_an_endpoint_whose_figures_cannot_be_predicted_says_so(analysis):
    nothing = {"os": analysis.predictive["os"].iloc[:0]}
    page = make_page(replace(analysis, predictive=nothing))
    assert ({}, "None of its figures can be set against a prediction.") in page.every("p")


def test_answers_are_paragraphs_and_lists(analysis):
    text = "First.\n- one\n- two\nLast."
    page = make_page(replace(analysis, answers=(Answer("How?", text),)))
    ((_, words),) = page.every("dd")
    assert words.split() == ["First.", "one", "two", "Last."]
    assert [words for _, words in page.every("p") if words in ("First.", "Last.")] == [
        "First.",
        "Last.",
    ]
    assert [words for _, words in page.every("li") if words in ("one", "two")] == ["one", "two"]


def test_cohorts_stand_in_the_order_of_the_forest_plot(analysis):
    first = analysis.cohorts.iloc[[0]]
    other = first.assign(treatment="Sorafenib", label="Sorafenib 2019")
    older = first.assign(label="Older 2010", year=2010)
    table = pd.concat([other, first, older], ignore_index=True)
    forest = {"os": forest_table((TREATMENT, "Sorafenib"))}
    settings = Settings(endpoints=("os",))
    page = make_page(replace(analysis, cohorts=table, forest=forest, settings=settings))
    links = [words for attrs, words in page.every("a") if attrs["href"] == "#ref-first2020"]
    order = [words for words in links if words[-4:].isdigit()]
    assert order == ["Older 2010", "First 2020", "Sorafenib 2019"]


def test_references_are_those_of_the_studies_used(page):
    entries = {attrs.get("id"): words for attrs, words in page.every("li")}
    assert [name for name in entries if name and name.startswith("ref-")] == ["ref-first2020"]
    assert entries["ref-first2020"].startswith("First AB. ")
    assert "Not verified: title." in entries["ref-first2020"]


def test_the_families_stand_beside_the_stacked_answer(page):
    ((_, words),) = [found for found in page.every("section") if found[0]["id"] == "families"]
    assert "Over 12 cohorts the log-logistic predicts best." in words
    assert "Behind it by more than two standard errors: Weibull." in words
    assert "Weights: log-logistic 75 %, Weibull 25 %." in words
    assert "For up to 2 cohorts the predictive density is uncertain" in words
    # 3.2 and 3.52 months, of an interval from two thirds to one and a half
    apart = f"{100 * np.log(1.1) / np.log(2.25):.0f} %"
    told = f"Median: {TREATMENT}, 3.2 (Weibull) to 3.5 months (log-logistic). That is {apart}"
    assert told in words
    assert "matters less than what the data leave open" in words
    rows = [row for row in page.rows("Weibull") if "4.0 (1.5)" in row]
    assert len(rows) == 2  # one an endpoint
    assert rows[0] == ["Weibull", "-64.0 (8.0)", "4.0 (1.5)", "5.0", "0.40", "0", "25"]
    rows = [row for row in page.rows(TREATMENT) if row[2:] == ["3.2 (2.1–4.8)", "3.5 (2.3–5.3)"]]
    assert rows
    assert rows[0][1] == "3.2 (2.1–4.8)"
    hrefs = {attrs["href"] for attrs, _ in page.every("a")}
    assert {f"tables/{name}.csv" for name in ("families", "model_choice", "covariates")} <= hrefs


def test_what_kind_of_study_it_is_has_prior_and_posterior(page):
    rows = page.rows("Pretreated rather than first-line")
    assert (
        rows
        == [["Pretreated rather than first-line", "7", "1.0 (0.67–1.5)", "0.90 (0.69–1.2)", "75"]]
        * 2
    )


def test_one_family_alone_has_no_section_of_its_own(registry):
    several = make_analysis(registry)
    fits = {name: replace(found, choice=None) for name, found in several.survival.items()}
    alone = replace(several, settings=Settings(family="log-normal"), survival=fits)
    page = make_page(alone)
    ids = {attrs.get("id") for attrs, _ in page.every("section")}
    assert "families" not in ids
    assert "population" in ids
    ((_, words),) = [found for found in page.every("section") if found[0]["id"] == "methods"]
    assert "The survival family is the log-normal" in words
    assert "Stacking" not in words


@pytest.mark.parametrize("verdict", ["FAIL", "REVIEW"])
def test_a_fit_that_does_not_pass_is_loud(registry, verdict):
    page = make_page(make_analysis(registry, ("os",), verdict))
    ((alarm, words),) = [found for found in page.every("div") if found[0].get("role") == "alert"]
    assert verdict.lower() in alarm["class"]
    assert verdict in words
    assert "Overall survival: Raise the number of draws." in words
    ids = [attrs.get("id") or attrs.get("role") for _, attrs in page.elements]
    assert ids.index("alert") < ids.index("answers")


def test_a_fit_that_passes_raises_no_alarm(registry):
    page = make_page(make_analysis(registry, ("os",)))
    assert not [attrs for _, attrs in page.elements if attrs.get("role") == "alert"]
    assert any("PASS" in words for _, words in page.every("header"))


def test_an_analysis_without_contradictions_or_overlap_says_so(analysis):
    nothing = analysis.left_out[analysis.left_out["kind"] != "overlap"]
    page = make_page(replace(analysis, contradictions=(), left_out=nothing))
    paragraphs = [words for _, words in page.every("p")]
    assert any(words.startswith("No pooled median lies outside") for words in paragraphs)
    assert any("none share patients" in words for words in paragraphs)


def test_the_same_analysis_gives_the_same_page(analysis):
    pictures = [make_picture()]
    assert render_page(analysis, pictures) == render_page(analysis, pictures)


def test_no_number_is_typed_into_the_template():
    source = (TEMPLATES / "report.html.j2").read_text(encoding="utf-8")
    words = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}|<[^>]*>", " ", source, flags=re.DOTALL)
    assert not re.findall(r"\d", words)


@pytest.mark.parametrize(
    ("height", "tall"), [(b"80", False), (b"169.5", False), (b"171", True), (b"1000", True)]
)
def test_a_picture_of_several_sheets_is_known_as_such(height, tall):
    picture = replace(make_picture(), svg=b'<svg width="1pt" viewBox="0 0 100 ' + height + b'">')
    assert picture.tall is tall


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".PNG"])
def test_one_forest_plot_of_one_treatment(analysis, tmp_path, suffix):
    both = replace(analysis, forest={"os": forest_table((TREATMENT, "Sorafenib"))})
    file = tmp_path / f"forest{suffix}"
    save_forest(both, "os", file, treatment=TREATMENT, width="one-column")
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]
    start = {".svg": b"<?xml", ".pdf": b"%PDF", ".PNG": b"\x89PNG"}[suffix]
    content = file.read_bytes()
    assert content.startswith(start)
    if suffix == ".svg":
        assert b"Lenvatinib" in content
        assert b"Sorafenib" not in content


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (pd.NA, "–"),
        ("", "–"),
        (True, "yes"),
        (0, "0"),
        (np.float64(4.0), "4"),
        (0.0261234, "0.02612"),
        (("os", "pfs"), "os, pfs"),
        ({"a": 1}, "a: 1"),
        (np.int64(3), "3"),
    ],
)
def test_values_of_tables_as_text(value, written):
    assert text(value) == written
    assert is_missing(value) == (written == "–")


def test_intervals_as_text():
    assert interval(3.34, 2.06, 123.4, months) == "3.3 (2.1–123)"
    assert interval(0.254, 0.004, np.inf, percent) == "25 (0.4–" + "–)"
    assert interval(np.nan, 1.0, 2.0, months) == "–"
    assert interval(3.0, None, np.nan, months) == "3.0"


def test_hyphens_of_intervals_become_dashes():
    written = "4.2 (3.4-5.4) months; trial (NCT01-02), 2-3 and (7-45)"
    assert dashes(written) == "4.2 (3.4–5.4) months; trial (NCT01-02), 2-3 and (7–45)"
    assert dashes("-0.3 (-1.2 to 0.6), p-value, 1-2") == "−0.3 (−1.2 to 0.6), p-value, 1-2"


def test_templates_are_shipped_beside_the_code():
    assert {file.name for file in Path(TEMPLATES).iterdir()} >= {"report.html.j2", "report.css"}
