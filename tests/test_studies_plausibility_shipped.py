"""The shipped registry: every trap is visible, and every warning was looked at."""

from __future__ import annotations

import dataclasses
import time

import pytest
from registries import registry_of, vocabulary

from studies import load_registry
from studies.plausibility import CHECKS, findings, review


@pytest.fixture(scope="module")
def registry():
    """The registry that comes with the package."""
    return load_registry()


@pytest.fixture(scope="module")
def looked_at(registry):
    """What the checks found in it."""
    return review(registry)


def files(problems, check):
    """Studies in which a check found something."""
    return {problem.file.removesuffix(".toml") for problem in problems if problem.check == check}


def test_every_warning_is_acknowledged_and_no_acknowledgement_is_stale(looked_at):
    assert [str(problem) for problem in (*looked_at.warnings, *looked_at.stale)] == []


def test_every_reason_is_a_sentence_of_its_own(looked_at):
    reasons = [reason for _, reason in looked_at.acknowledged]
    assert len(reasons) > 10
    assert [reason for reason in reasons if len(reason) < 40 or reason[-1] != "."] == []
    assert len(set(reasons)) > len(reasons) - 2


def test_findings_are_the_same_as_the_review_tells(registry, looked_at):
    told = [*looked_at.notes, *(warning for warning, _ in looked_at.acknowledged)]
    found = findings(registry)
    assert sum(len(items) for items in found.values()) == len(told)
    assert {check for check in {item.check for items in found.values() for item in items}} <= {
        check.name for check in CHECKS
    }


def test_problems_know_their_file_and_folder(registry, looked_at):
    for problem in looked_at.notes:
        path = registry.files[problem.file.removesuffix(".toml")]
        assert (problem.file, problem.folder) == (path.name, str(path.parent))


NOTED = {
    "iqr-not-interval": {"seer_rt_chemo2021", "pisa2023", "kawada2010"},
    "other-endpoint": {
        "onoda2016",
        "kawada2010",
        "smallridge2013",
        "kim2007",
        "mohebati2014",
        "seer1769",
        "seer874",
        "wendler2016",
        "choi2013",
        "anlotinib_chemo2023",
    },
    "one-sided-p": {"sherman2023"},
    "evaluable-below-treated": {"onoda2016", "takahashi2020", "ha2010", "zafereo2025"},
    "other-disease": {
        "yan2025_scc",
        "pscct12_wang",
        "iqbal2024_seer_scct",
        "shimaoka1985",
        "encobini2024",
    },
    "read-as": {"ahn2017", "sugino2002", "choi2013"},
    "selected-patients": {"gangnam_longterm23", "cleveland_young2013", "lenvatinib18_korea"},
    "unresolved-overlap": {"maniakas2020", "zhao2023", "onoda2020"},
    "secondary-figures": {"sherman2023", "subbiah2018", "bible2012", "onoda2016"},
    "symmetric-interval": {"sparano2021", "jannin2023", "aslan2014"},
}


@pytest.mark.parametrize(("check", "expected"), NOTED.items(), ids=NOTED)
def test_known_traps_are_noted(looked_at, check, expected):
    assert expected <= files(looked_at.notes, check)


def test_counts_of_the_evaluable_are_told(looked_at):
    told = [p.found for p in looked_at.notes if p.check == "evaluable-below-treated"]
    assert "response evaluable in 42 of 56" in told
    assert "response evaluable in 105 of 124" in told


SHARING = {
    "the MD Anderson series": (
        "maniakas2020",
        "iyer2018dt",
        "iyer2018pembro",
        "rao2017",
        "zhao2023",
        "cabanillas2024",
        "wang2022_mut",
    ),
    "the Kanagawa series": ("iwasaki2018", "iwasaki2020mco", "iwasaki_ivc"),
    "the cuts of ROAR": ("subbiah2018", "subbiah2022", "subbiah2023", "fda2018dt"),
    "the cuts of ATLEP": ("atlep2020", "atlep2022"),
    "the French registry and lenvatinib series": ("jannin2023", "sparano2021"),
    "the cuts of SEER": ("huang2019seer", "song2020seer", "seer874", "seer_rt_chemo2021"),
    "the cuts of the National Cancer Database": ("kini2025", "pezzi2017", "ncdb_metastatic_pc"),
}


@pytest.mark.parametrize("reports", SHARING.values(), ids=SHARING)
def test_reports_that_share_patients_name_each_other(looked_at, reports):
    told = {
        problem.file.removesuffix(".toml"): problem.found
        for problem in looked_at.notes
        if problem.check == "declared-overlap"
    }
    first, *others = reports
    assert [other for other in others if other not in told[first]] == []
    assert [other for other in others if first not in told[other]] == []


UNDECLARED = {name: reports for name, reports in SHARING.items() if "French" not in name}


@pytest.mark.parametrize("reports", UNDECLARED.values(), ids=UNDECLARED)
def test_without_their_declarations_the_same_reports_would_be_flagged(registry, reports):
    """Institution, trial or authors tell it: the declarations are not what is being tested."""
    bare = [
        registry.study(name).model_copy(update={"overlaps": (), "acknowledged": ()})
        for name in reports
    ]
    flagged = [p for p in review(registry_of(*bare)).warnings if p.check == "same-patients"]
    assert len(flagged) >= len(reports) - 1


ACKNOWLEDGED = {
    ("lenvatinib18_korea", "landmark-count"),
    ("iyer2018dt", "repeated-figure"),
    ("seer1769", "landmark-interval"),
    ("iqbal2024_seer_scct", "landmark-interval"),
    ("tan1995", "unit-slip"),
    ("tahara2017", "response-sum"),
}


def test_known_contradictions_are_warned_of_and_acknowledged(looked_at):
    told = {(p.file.removesuffix(".toml"), p.check) for p, _ in looked_at.acknowledged}
    assert told >= ACKNOWLEDGED


def test_the_seed_study_has_no_warning(looked_at):
    warned = [p for p, _ in looked_at.acknowledged if p.file == "sparano2021.toml"]
    assert warned == []


def test_days_taken_for_months_would_be_seen_in_a_shipped_study(registry):
    study = registry.study("iwasaki2018")
    outcome = study.cohorts[0].survival[0]
    assert (str(outcome.median), outcome.unit) == ("166", "days")
    cohort = study.cohorts[0].model_copy(
        update={"survival": (outcome.model_copy(update={"unit": "months"}),)}
    )
    slip = study.model_copy(update={"cohorts": (cohort,), "overlaps": ()})
    (warning,) = [w for w in review(registry_of(slip)).warnings if w.check == "unit-slip"]
    assert "166 days are 5.5 months" in warning.action


def test_quartiles_taken_for_an_interval_would_be_seen_in_a_shipped_study(registry):
    study = registry.study("seer_rt_chemo2021")
    outcome = study.cohorts[0].survival[0]
    swapped = outcome.model_copy(update={"ci": outcome.iqr, "iqr": None})
    cohort = study.cohorts[0].model_copy(update={"survival": (swapped,)})
    slip = study.model_copy(update={"cohorts": (cohort,), "overlaps": ()})
    (warning,) = review(registry_of(slip)).warnings
    assert (warning.check, "write it as iqr" in warning.action) == ("interval-width", True)


def test_a_registry_of_another_disease_asks_nothing_of_medians_it_does_not_know(registry):
    """Usual medians are those of the vocabulary: without them nothing is unusual."""
    study = registry.study("tan1995").model_copy(update={"acknowledged": ()})
    without = registry_of(study)
    endpoints = tuple(
        item.model_copy(update={"usual_median_months": None}) for item in vocabulary().endpoints
    )
    words = vocabulary().model_copy(update={"endpoints": endpoints})
    assert review(without).warnings
    assert not review(dataclasses.replace(without, vocabulary=words)).warnings


def test_the_review_of_the_whole_registry_takes_a_moment(registry):
    def seconds():
        start = time.process_time()
        review(registry)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.3
