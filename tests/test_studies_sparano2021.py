"""The report this registry starts from: its file against every figure of its abstract."""

from decimal import Decimal

import pytest

from studies import Study, load_registry


@pytest.fixture(scope="module")
def sparano() -> Study:
    return load_registry().study("sparano2021")


@pytest.fixture(scope="module")
def cohort(sparano):
    (only,) = sparano.cohorts
    return only


def test_citation(sparano):
    citation = sparano.citation
    assert citation.authors[0] == "Sparano C"
    assert citation.authors[-1] == "Leboulleux S"
    assert len(citation.authors) == 12
    assert citation.title == (
        "Limited efficacy of lenvatinib in heavily pretreated anaplastic thyroid cancer: "
        "a French overview"
    )
    assert (citation.year, citation.journal, citation.volume_pages) == (
        2021,
        "Endocr Relat Cancer",
        "28(1):15-26",
    )
    assert (citation.doi, citation.pmid) == ("10.1530/ERC-20-0106", "33112817")
    assert citation.unverified == ()


def test_who_was_studied(sparano, cohort):
    assert sparano.status == "verified"
    assert (sparano.design, sparano.centres) == ("retrospective", "multicentre")
    assert sparano.countries == ("France",)
    assert (cohort.treatment, cohort.disease, cohort.line) == ("lenvatinib", None, "pretreated")
    assert (cohort.time_origin, cohort.time_origin_presumed) == ("treatment start", False)
    assert cohort.n == 23
    assert cohort.n_implied is None
    assert cohort.not_pooled is None


@pytest.mark.parametrize(
    ("endpoint", "median", "lower", "upper"),
    [("os", "3.1", "0.6", "5.5"), ("pfs", "2.7", "1.9", "3.5")],
)
def test_medians_and_intervals(cohort, endpoint, median, lower, upper):
    (outcome,) = [o for o in cohort.survival if o.endpoint == endpoint]
    # Compared as text: the printed digits are part of the figure.
    assert str(outcome.median) == median
    assert tuple(map(str, outcome.ci)) == (lower, upper)
    assert (outcome.unit, outcome.level) == ("months", Decimal("0.95"))


@pytest.mark.parametrize("endpoint", ["os", "pfs"])
def test_intervals_are_declared_symmetric_because_they_are(cohort, endpoint):
    (outcome,) = [o for o in cohort.survival if o.endpoint == endpoint]
    lower, upper = outcome.ci
    assert outcome.ci_method == "symmetric"
    # Three figures rounded to 0.1: the centre can be off the median by no more than 0.1.
    assert abs((lower + upper) / 2 - outcome.median) <= Decimal("0.1")


def test_only_these_outcomes_are_printed_for_the_whole_cohort(cohort):
    assert [outcome.endpoint for outcome in cohort.survival] == ["os", "pfs"]
    assert cohort.landmarks == ()
    assert cohort.patients == ()


def test_response(cohort):
    response = cohort.response
    assert (response.cr, response.pr, response.sd, response.evaluable) == (0, 2, 7, 23)
    assert (response.pd, response.ne, response.orr_percent) == (None, None, None)
    assert response.criteria == "RECIST 1.1"


def test_histology(sparano, cohort):
    assert (cohort.histology.pure, cohort.histology.mixed) == (15, 8)
    groups = {group.histology: group for group in cohort.subgroups}
    assert list(groups) == ["pure", "mixed"]
    printed = {
        name: (group.n, str(group.survival[0].median), group.survival[0].ci)
        for name, group in groups.items()
    }
    assert printed == {"pure": (15, "2.7", None), "mixed": (8, "6.3", None)}
    for group in groups.values():
        (outcome,) = group.survival
        assert (outcome.endpoint, outcome.unit) == ("os", "months")
        assert group.read_as is None, "the report itself says pure and mixed"
    (comparison,) = sparano.comparisons
    assert (comparison.endpoint, comparison.groups) == ("os", ("mixed", "pure"))
    assert (comparison.p, comparison.sided, comparison.test) == (Decimal("0.026"), 2, "log-rank")


def test_everything_else_the_abstract_prints(cohort):
    printed = {
        item.name: (item.statistic, str(item.value), item.of) for item in cohort.characteristics
    }
    assert printed == {
        "age": ("mean", "64", None),
        "male": ("count", "14", 23),
        "prior external beam irradiation of the neck": ("percent", "74", None),
        "prior chemotherapy, at least one line": ("count", "22", None),
        "prior chemotherapy, two lines": ("count", "11", None),
        "prior tyrosine kinase inhibitor, another one": ("count", "4", None),
        "clinical improvement": ("count", "7", None),
        "fatal adverse events": ("count", "3", None),
        "fatal haemoptysis": ("count", "2", None),
        "fatal pneumothorax": ("count", "1", None),
        "alive beyond 6 months with a biopsied distant metastasis": ("count", "4", None),
        "alive beyond 6 months, biopsy poorly differentiated": ("count", "4", None),
        "alive beyond 6 months, biopsied, histology mixed at first": ("count", "3", None),
    }


def test_reports_that_share_its_patients(sparano):
    assert {overlap.with_ for overlap in sparano.overlaps} == {"jannin2023", "tuthyref_braf2022"}
