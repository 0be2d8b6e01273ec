"""Another rare disease, with its own words, studies and priors, from files to the page.

Nothing of the code is changed for it: what the page says of the disease stands in its vocabulary.
"""

from __future__ import annotations

import re

import pytest
from invented_disease import SUBJECT, write_disease
from report_tables import Page

from priors import load_priors
from studies import load_registry
from studies.registry import convert_endpoints
from studies.selection import select
from synthesis.model.arrays import sizes_for
from synthesis.report import write_report
from synthesis.run import analyse
from synthesis.settings import Settings


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_disease(tmp_path_factory.mktemp("disease"))


@pytest.fixture(scope="module")
def registry(files):
    return load_registry(files[0])


@pytest.fixture(scope="module")
def analysis(files, registry, survival_sizes):
    settings = Settings(family="log-logistic", draws=100, tune=200, chains=2, seed=5)
    converted = convert_endpoints(registry, ["ttp:pfs"])
    found = analyse(converted, settings, priors=load_priors(files[1]))
    assert sizes_for([found.fits["os"].data, found.fits["pfs"].data]) == survival_sizes
    return found


@pytest.fixture(scope="module")
def out(analysis, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "results"
    write_report(analysis, folder)
    return folder


@pytest.fixture(scope="module")
def page(out):
    return Page((out / "report.html").read_text(encoding="utf-8"))


def words_of(page, section):
    ((_, words),) = [found for found in page.every("section") if found[0]["id"] == section]
    return words


def test_only_its_own_studies_are_loaded(registry):
    assert len(registry) == 6
    assert registry.vocabulary.subject_words == SUBJECT
    assert [entry.id for entry in registry.excluded] == ["void1999"]


def test_its_main_disease_counts_and_another_does_not(registry):
    chosen = select(registry, "os")
    assert [ref.id for ref in chosen.counted] == [
        "dummy2012:fogging",
        "example2001:examplinib",
        "placeholder2007:samplinib",
        "placeholder2007:fogging",
        "specimen2004:examplinib",
    ]
    reasons = {item.study_id: item.reason for item in chosen.left_out}
    assert set(reasons) == {"cysts2015", "mockup2010"}
    assert SUBJECT in reasons["cysts2015"]
    assert "sugar cyst" in reasons["cysts2015"]


def test_forest_rows_stand_by_its_classes_and_print_what_its_reports_print(analysis):
    table = analysis.forest["os"]
    assert list(table.loc[table["kind"] == "class", "label"]) == ["Glimmer blocker", "Fog therapy"]
    cohorts = table[table["kind"] == "cohort"][["treatment", "label", "printed"]]
    assert sorted(cohorts.itertuples(index=False, name=None)) == [
        ("Examplinib", "Example 2001", "20.1 (14.2-29.8)"),
        ("Examplinib", "Specimen 2004", "17.4"),
        ("Fogging", "Dummy 2012", "12.9"),
        ("Fogging", "Placeholder 2007", "11.3"),
        ("Samplinib", "Placeholder 2007", "26.0"),
    ]
    assert list(analysis.forest["response"].query("kind == 'cohort'")["printed"]) == [
        "12/38",
        "6/25",
    ]


def test_pooled_medians_lie_where_its_cohorts_do(analysis):
    own = analysis.pooled.query("estimand == 'median_months' and target == 'mean_study'")
    survival = own[own["endpoint"] == "os"].set_index("treatment")["estimate"]
    assert 14.0 < survival["Examplinib"] < 26.0
    assert 9.0 < survival["Fogging"] < 17.0
    assert survival["Samplinib"] > survival["Fogging"]


def test_without_any_histology_there_is_nothing_of_it(analysis, page):
    assert analysis.histology is None
    assert set(analysis.pooled["histology"]) == {"reference"}
    assert analysis.findings is None
    assert analysis.populations == ()
    stems = {stem for stem in analysis.captions if not stem.startswith("compare")}
    assert stems == {
        "forest_os", "forest_pfs", "forest_response", "curves_os", "curves_pfs",
        "predictive_checks_os", "predictive_checks_pfs", "predictive_checks_response",
    }  # fmt: skip
    ((_, text),) = page.every("body")
    assert not re.findall(r"histolog|\bpure\b|reference mix|mixed (?:tumour|patient)", text)
    assert "histology_prognostic" not in set(analysis.priors["name"])


def test_the_page_speaks_of_its_disease_and_of_no_other(page, out):
    title = f"Treatments of {SUBJECT}: Bayesian synthesis of published cohorts"
    assert [words for _, words in page.every("h1", "title")] == [title, title]
    source = (out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"thyroid|anaplastic|\bATC\b", source)
    for _, words in page.every("figcaption"):
        assert SUBJECT in words
    answers = words_of(page, "answers")
    assert answers.count(SUBJECT) == 3
    assert f"Not {SUBJECT}, or not only (1 cohort)." in words_of(page, "left-out")


def test_the_page_uses_its_names_of_endpoints(page):
    headings = [words for _, words in page.every("h3")]
    assert headings.count("Time without growth") == 4
    assert headings.count("Shrinkage") == 3  # of one treatment: nothing to compare


def test_its_treatments_are_compared(analysis, page):
    assert analysis.comparison.endpoints[0] == "os"
    assert analysis.comparison.references["os"].label == "Fogging"
    assert "every treatment against fogging" in words_of(page, "compare")
    ids = {attrs.get("id") for attrs, _ in page.every("section")}
    assert not ids & {"benefit", "single", "mix"}
    assert "atc report --sensitivity" in words_of(page, "sensitivity")


def test_its_priors_stand_on_the_page_beside_the_default(analysis, page):
    own = analysis.priors.set_index("name")["instead_of"]
    assert own["overall_median"] == load_priors()["overall_median"].parameters
    assert set(own.drop("overall_median")) == {""}
    (row,) = page.rows("Median time to the event of the mean treatment")
    assert "Normal(2.996, 0.5) instead of Normal(1.609, 0.7)" in row[1]
    assert "Twenty months, invented." in row[3]
    assert "1 prior differs from the default." in words_of(page, "priors")


def test_conversions_are_told_wherever_a_converted_cohort_stands(analysis, page):
    told = "time to growth counted as time without growth in 1 counted cohort"
    ((_, subtitle),) = [
        found for found in page.every("p") if found[0].get("class") == "meta" and ", " in found[1]
    ][:1]
    assert told in subtitle.lower()
    reason = "Deaths without growth are missed, so the times read too long."
    for where in (words_of(page, "methods"), analysis.captions["forest_pfs"]):
        assert "counts as time without growth where a report prints only the former" in where
        assert "Mockup 2010" in where
        assert reason in where
    assert "on request" not in analysis.captions["forest_os"].lower()
    rows = [row for row in page.rows("Mockup 2010") if len(row) > 5]
    assert len(rows) == 1
    assert reason.rstrip(".") in rows[0][4]
    assert "Mockup 2010, samplinib: Time to growth (ttp) is printed" in words_of(page, "trust")


def test_screened_reports_and_seen_figures_are_counted(page):
    trust = words_of(page, "trust")
    assert "7 reports were screened. The figures of 6 were encoded; 1 was left out" in trust
    assert "Of those encoded 5 entered this analysis" in trust
    assert page.rows("Void 1999")[0][1:] == ["7", "It prints nothing but prose."]
    # medians 7 and a probability in survival, 2 medians of growth, and 2 responses
    assert "10 printed figures entered: 8 seen in the report itself (verified), 2 in" in trust
    row = next(row for row in page.rows("Overall survival") if len(row) == 5)
    assert row == ["Overall survival", "6", "4", "2", "2"]
    row = next(row for row in page.rows("Specimen 2004 · examplinib") if len(row) == 4)
    assert row[1:] == ["Overall survival", "median", "17.4"]


def test_its_bibliography_holds_the_reports_used(out):
    text = (out / "references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{([^,]+),", text, flags=re.MULTILINE)
    assert sorted(found) == [
        "dummy2012", "example2001", "mockup2010", "placeholder2007", "specimen2004"
    ]  # fmt: skip
