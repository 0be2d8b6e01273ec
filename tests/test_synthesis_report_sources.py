"""What a report says of its sources: citations of page and figures, screening, odd figures."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest
from PIL import Image
from report_tables import (
    TREATMENT,
    Page,
    answer,
    forest_table,
    make_analysis,
    picture,
    plot_labels,
    with_results,
)
from small_registry import VOCABULARY, cohort, landmark, median, study, write_file, write_registry

from studies import load_registry
from studies.plausibility import review
from synthesis.report import save_forest, write_report
from synthesis.report.page import references, render_page
from synthesis.restrictions import Restriction

TOO_NARROW = landmark(3, Decimal("0.50"), ci=[Decimal("0.49"), Decimal("0.51")])


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    vocabulary = VOCABULARY | {"disease": "ATC", "subject": "anaplastic carcinoma"}
    first = study("first2020", cohort(survival=[median()], landmarks=[TOO_NARROW]), year=2020)
    first["citation"] |= {"title": "One – with a dash", "doi": "10.1000/x1", "pmid": "123"}
    second = study("second2021", cohort(n=40, survival=[median()]))
    second["citation"] = {"label": "Registry Holdings", "year": 2021}
    third = study(
        "third2022", cohort("a", n=9, landmarks=[landmark(12, Decimal("0.2"))]), year=2022
    )
    folder = write_registry(
        tmp_path_factory.mktemp("sources") / "registry", first, second, third, vocabulary=vocabulary
    )
    about = {"authors": ["Fourth D"], "year": 1999, "title": "In prose"}
    entry = {"id": "fourth1999", "n": [12, 1204], "reason": "No number.", "citation": about}
    write_file(folder / "excluded.toml", {"excluded": [entry]})
    # what the check finds is looked at, and stays
    found = review(load_registry(folder)).warnings
    (narrow,) = [problem for problem in found if problem.file == "first2020.toml"]
    first["acknowledged"] = [
        {"check": narrow.check, "field": narrow.field, "reason": "Printed so in table 2."}
    ]
    write_file(folder / "first2020.toml", first)
    return load_registry(folder)


@pytest.fixture(scope="module")
def analysis(registry):
    """Overall survival used two studies, response one."""
    made = make_analysis(registry, ("os", "response"))
    second = made.cohorts[made.cohorts["endpoint"] == "os"].assign(
        study="second2021", label="Registry Holdings", treatment="Sorafenib"
    )
    cohorts = pd.concat([made.cohorts, second], ignore_index=True)
    forest = made.forest | {"os": forest_table((TREATMENT, "Sorafenib"))}
    both = ("first2020", "second2021")
    drawn = (picture(studies=both), picture("forest_response"), picture("checks", both))
    return with_results(replace(made, cohorts=cohorts, forest=forest), (answer(*drawn),))


@pytest.fixture(scope="module")
def out(analysis, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "results"
    write_report(analysis, folder)
    return folder


@pytest.fixture(scope="module")
def page(out):
    return Page((out / "report.html").read_text(encoding="utf-8"))


def test_a_reference_without_authors_has_the_label_of_its_citation(registry):
    entries = {entry.id: entry for entry in references(registry, registry.studies)}
    assert entries["second2021"].text == "Registry Holdings. 2021."
    assert entries["second2021"].label == "Registry Holdings"
    assert entries["first2020"].in_full == (
        "First AB. One – with a dash. 2020. doi:10.1000/x1 PMID 123"
    )
    assert [entry.id for entry in references(registry, registry.studies)] == [
        "first2020", "second2021", "third2022"
    ]  # fmt: skip


def test_studies_of_one_name_are_told_apart(tmp_path):
    same = [study(name, cohort(survival=[median()])) for name in ("one2021", "two2021")]
    for item in same:
        item["citation"] = {"authors": ["Same A"], "year": 2021}
    registry = load_registry(write_registry(tmp_path / "registry", *same))
    labels = [entry.label for entry in references(registry, registry.studies)]
    assert labels == ["Same 2021a", "Same 2021b"]
    assert [entry.label for entry in references(registry, ["two2021"])] == ["Same 2021b"]


def test_the_bibliography_holds_the_studies_used_and_is_offered(out, page):
    text = (out / "references.bib").read_text(encoding="utf-8")
    assert re.findall(r"^@\w+\{(\w+),", text, flags=re.MULTILINE) == ["first2020", "second2021"]
    assert "references.bib" in [attrs["href"] for attrs, _ in page.every("a")]
    manifest = json.loads((out / "manifest.json").read_text())
    assert "references.bib" in manifest["files"]


def test_each_figure_lists_its_studies_on_the_page_and_in_the_manifest(out, page):
    captions = [words for _, words in page.every("figcaption")]
    assert [words.rpartition("Studies: ")[2] for words in captions] == [
        "First 2020; Registry Holdings.",
        "First 2020.",
        "First 2020; Registry Holdings.",
    ]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["studies_of_figures"] == {
        "forest_os": ["first2020", "second2021"],
        "forest_response": ["first2020"],
        "checks": ["first2020", "second2021"],
    }


def test_files_of_a_figure_carry_caption_and_citations(out):
    full = "First AB. One – with a dash. 2020. doi:10.1000/x1 PMID 123\nRegistry Holdings. 2021."
    tree = ET.parse(out / "figures" / "forest_os.svg")
    dublin = "{http://purl.org/dc/elements/1.1/}"
    assert tree.find(f".//{dublin}source").text == full
    assert tree.find(f".//{dublin}description").text.startswith("Caption of forest_os.")
    assert tree.find(f".//{dublin}title").text == "Overall survival"
    assert tree.find(f".//{dublin}date") is None
    with Image.open(out / "figures" / "forest_os.png") as image:
        assert image.text["Source"] == full
        assert image.text["Description"].startswith("Caption of forest_os.")
        assert "Software" not in image.text
    pdf = (out / "figures" / "forest_os.pdf").read_bytes()
    assert b"/Keywords (First 2020; Registry Holdings)" in pdf
    assert "One – with a dash".encode("utf-16-be") in pdf
    assert b"/CreationDate" not in pdf
    response = (out / "figures" / "forest_response.svg").read_text(encoding="utf-8")
    assert "Registry Holdings" not in response


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".PNG", ".tif"])
def test_a_forest_plot_of_one_treatment_cites_the_studies_that_it_shows(
    analysis, tmp_path, monkeypatch, suffix
):
    table = analysis.forest["os"].copy()
    table.loc[table["treatment"] == "Sorafenib", "study_id"] = "second2021"
    forest = picture("forest_os", endpoint="os")
    drawn = replace(forest, plot=lambda table, width, **_: plot_labels(table["label"], width))
    own = with_results(replace(analysis, forest={"os": table}), (answer(drawn),))
    file = tmp_path / f"forest{suffix}"
    shown = save_forest(own, "os", file, treatments=("Sorafenib",), width="one-column")
    assert shown == ("second2021",)
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]
    content = file.read_bytes()
    assert content.startswith(
        {".svg": b"<?xml", ".pdf": b"%PDF", ".PNG": b"\x89PNG", ".tif": b"II*\0"}[suffix]
    )
    if suffix == ".svg":
        text = content.decode()
        assert "<dc:source>Registry Holdings. 2021.</dc:source>" in text
        assert "Shown: Sorafenib only; estimates draw on all of these cohorts." in text


def test_screening_is_counted_and_the_reports_left_out_are_listed(page):
    flow = page.section("certainty")
    steps = ("4 reports screened", "1 report left out at screening", "3 reports encoded, with 3")
    assert all(step in flow for step in steps)
    *_, fourth = page.data["cohorts"]
    assert (fourth["name"], fourth["n"], fourth["screened"]) == ("Fourth 1999", 1216, "No number.")


def test_figures_are_counted_by_where_they_were_seen(page):
    words = page.section("certainty")
    # one of overall survival with the histology behind it and one of response; one from elsewhere
    assert "4 reported figures entered: 3 seen in the report itself (verified), 1 in" in words
    (row,) = [row for row in page.rows("Overall survival") if len(row) == 5]
    assert row == ["Overall survival", "3", "2", "1", "1"]


def test_histology_of_a_cohort_counts_once_over_endpoints(registry):
    made = make_analysis(registry, ("os", "pfs"))
    page = Page(render_page(made, (), "".join))
    assert "4 reported figures entered" in page.section("certainty")


def test_odd_figures_are_shown_with_why_they_stay(analysis, page):
    (row,) = [row for row in page.rows("First 2020") if len(row) == 3]
    assert "[0.49, 0.51] around 0.50" in row[1]
    assert row[1].endswith("cohorts[0].landmarks[0].ci")
    assert row[2] == "Printed so in table 2."
    assert "Figures that look odd (1)" in page.section("certainty")


def test_odd_figures_of_cohorts_that_are_not_used_are_not_shown(registry):
    made = make_analysis(registry, ("os",))
    others = made.cohorts.assign(study="third2022", cohort="a", label="Third 2022")
    page = Page(render_page(replace(made, cohorts=others), (), "".join))
    assert "No figure of the cohorts used looks odd" in page.section("certainty")


def test_restrictions_stand_under_the_title_and_in_methods(analysis, page):
    usual = "Every usable figure counts"
    assert usual in page.section("methods")
    told = (Restriction("verified figures only", "Only figures seen in the report itself count."),)
    restricted = Page(render_page(replace(analysis, restrictions=told), (), "".join))
    (line,) = [words for attrs, words in restricted.every("p") if attrs.get("class") == "meta"]
    assert line.startswith("2 reports · 2 cohorts · 46 patients · verified figures only · all 2")
    assert "Only figures seen in the report itself count." in restricted.section("methods")
    assert usual not in restricted.section("methods")


def test_the_title_is_a_question_on_the_disease_of_the_registry(analysis, registry):
    asked = Page(render_page(analysis, (), "".join)).every("h1", "title")
    question = "How long do patients with anaplastic carcinoma live under each treatment?"
    assert [words for _, words in asked] == [question, question]
    answer = make_analysis(registry, ("response",))
    ((_, words),) = Page(render_page(answer, (), "".join)).every("h1")
    assert words == "How many patients with anaplastic carcinoma respond to each treatment?"
