"""Another rare disease, with its own words, studies and priors, from files to the page.

Nothing of the code is changed for it: what the page says of the disease stands in its vocabulary.
"""

from __future__ import annotations

import json
import re

import pytest
from invented_disease import SUBJECT, write_disease
from report_tables import Page

from priors import load_priors
from studies import load_registry
from studies.registry import convert_endpoints
from studies.selection import select
from synthesis.model.arrays import sizes_for
from synthesis.run import analyse
from synthesis.settings import Settings

OF_ANOTHER = r"(?i:thyroid|anaplastic|braf|single.arm)|\bATC\b"


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
    found = analyse(converted, settings)
    assert sizes_for([found.fits["os"].data, found.fits["pfs"].data]) == survival_sizes
    return found


def test_its_main_disease_counts_and_another_does_not(registry):
    assert len(registry) == 6
    assert registry.vocabulary.subject_words == SUBJECT
    assert [entry.id for entry in registry.excluded] == ["void1999"]
    chosen = select(registry, "os")
    counted = "dummy2012 example2001 placeholder2007 placeholder2007 specimen2004"
    assert [ref.study.id for ref in chosen.counted] == counted.split()
    reasons = {item.study_id: item.reason for item in chosen.left_out}
    assert set(reasons) == {"cysts2015", "mockup2010"}
    assert SUBJECT in reasons["cysts2015"]
    assert "sugar cyst" in reasons["cysts2015"]


def test_forest_rows_stand_by_its_classes_and_print_what_its_reports_print(analysis):
    table = analysis.forest["os"]
    assert list(table.loc[table["kind"] == "class", "label"]) == ["Glimmer blocker", "Fog therapy"]
    cohorts = table[table["kind"] == "cohort"][["treatment", "label", "printed"]]
    assert sorted(cohorts.itertuples(index=False, name=None)) == [
        ("Examplinib", "Example 2001", "20.1 (14.2–29.8)"),
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


def texts(results):
    """Everything that a person reads of results."""
    for own in results:
        yield from (own.title, *own.lead)
        for finding in own.findings:
            yield from (finding.heading, *finding.sentences)
            yield from (picture.caption for picture in finding.pictures)
            for table in finding.tables:
                yield from (table.title, table.note, *(column.label for column in table.columns))
                yield from (cell.text for row in table.rows for cell in row)


@pytest.fixture(scope="module")
def words(analysis):
    return "\n".join(texts(analysis.results))


def test_without_any_histology_there_is_nothing_of_it(analysis, words):
    assert set(analysis.pooled["histology"]) == {"reference"}
    assert not analysis.pooled["extrapolated"].any()
    assert analysis.findings is None
    assert analysis.populations == ()
    assert [own.name for own in analysis.results] == ["pooled", "compare", "checks"]
    assert set(analysis.captions) == {
        "forest_os", "forest_pfs", "forest_response", "curves_os", "compare", "predictive_checks"
    }  # fmt: skip
    assert not re.findall(r"histolog|\bpure\b|reference mix|mixed (?:tumour|patient)", words)
    assert "histology_prognostic" not in set(analysis.priors["name"])


def test_results_speak_of_its_disease_and_of_no_other(analysis, words):
    assert not re.search(OF_ANOTHER, words)
    for caption in analysis.captions.values():
        assert SUBJECT in caption
    assert ["\n".join(own.sentences).count(SUBJECT) for own in analysis.answers] == [1, 1, 1]


def test_results_use_its_names_of_endpoints_and_treatments(analysis, words):
    headings = [finding.heading for own in analysis.results for finding in own.findings]
    for name in ("Time without growth", "Shrinkage"):
        assert sum(heading.startswith(name) for heading in headings) >= 3
    assert analysis.comparison.references["os"].label == "Fogging"
    assert "Gains are over fogging" in words


def test_its_priors_are_those_of_its_folder_and_stand_beside_the_default(analysis, files):
    assert analysis.manifest["priors"]["files"] == [str(files[1])]
    priors = analysis.priors.set_index("name")
    assert priors["instead_of"]["overall_median"] == load_priors()["overall_median"].parameters
    assert set(priors["instead_of"].drop("overall_median")) == {""}
    own = priors.loc["overall_median"]
    assert own["role"].startswith("Median time to the event of the mean treatment")
    assert own["parameters"] == "Normal(2.996, 0.5)"
    assert "Twenty months, invented." in f"{own['rationale']} {own['source']}"


def test_conversions_are_told_wherever_a_converted_cohort_stands(analysis):
    (restriction,) = analysis.restrictions
    told = "time to growth counted as time without growth in 1 counted cohort"
    assert restriction.short == told
    reason = "Deaths without growth are missed, so the times read too long."
    for caption in (analysis.captions["forest_pfs"], analysis.captions["predictive_checks"]):
        assert "counts as time without growth where a report prints only the former" in caption
        assert "Mockup 2010" in caption
        assert reason in caption
    assert "on request" not in analysis.captions["forest_os"].lower()
    (row,) = analysis.cohorts.query("study == 'mockup2010'").to_dict("records")
    assert reason.rstrip(".") in f"{row['entered_as']} {row['note']}"


# --- The page -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def out(analysis, tmp_path_factory):
    from synthesis.report import write_report

    folder = tmp_path_factory.mktemp("page") / "results"
    write_report(analysis, folder)
    return folder


@pytest.fixture(scope="module")
def page(out):
    return Page((out / "report.html").read_text(encoding="utf-8"))


def test_the_page_speaks_of_its_disease_and_of_no_other(page, out):
    title = f"How long do patients with {SUBJECT} live under each treatment?"
    assert [words for _, words in page.every("h1", "title")] == [title, title]
    source = (out / "report.html").read_text(encoding="utf-8")
    words = re.sub(r"[A-Za-z0-9+/=]{200,}", "", source)  # fonts and programs, packed
    assert not re.search(OF_ANOTHER, words)
    for table in (out / "tables").iterdir():
        assert not re.search(OF_ANOTHER, table.read_text(encoding="utf-8"))


def test_screened_reports_and_seen_figures_are_counted(page):
    # medians 7 and a probability in survival, 2 medians of growth, and 2 responses
    row = next(row for row in page.rows("Overall survival") if len(row) == 5)
    assert row == ["Overall survival", "6", "4", "2", "2"]
    ((_, text),) = [found for found in page.every("script") if found[0].get("id") == "data"]
    cohorts = json.loads(text)["cohorts"]
    void = next(one for one in cohorts if one["name"] == "Void 1999")
    assert (void["n"], void["screened"]) == (7, "It prints nothing but prose.")
    seen = next(one for one in cohorts if one["name"].startswith("Specimen 2004"))
    assert seen["rep"]["os"] == "17.4 months; 12-month OS 64 %"
    assert seen["used"]["os"]["src"] == "secondary"


def test_its_bibliography_holds_the_reports_used(out):
    text = (out / "references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{([^,]+),", text, flags=re.MULTILINE)
    assert sorted(found) == [
        "dummy2012", "example2001", "mockup2010", "placeholder2007", "specimen2004"
    ]  # fmt: skip
