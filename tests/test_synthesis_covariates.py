"""Kinds of study and of population as numbers, and the words for them."""

from __future__ import annotations

import pytest
from invented_disease import write_disease

from priors import load_priors
from studies import load_registry
from studies.figures import CohortRef, transformed_share
from studies.registry import references
from studies.schema import Study
from synthesis.model.covariates import (
    ALL,
    COVARIATE_LABELS,
    COVARIATES,
    REFERENCE,
    REFERENCE_BRAF_SHARE,
    TRANSFORMED_SHARE,
    covariates,
)

# Differences of two decimal fractions in floating point: rounding only.
EXACT = 1e-12


def ref(treatment="lenvatinib", design="not stated", enrolment=None, **cohort):
    """One cohort of which nothing is said but what is given."""
    arm = {"id": "a", "treatment": treatment, "treatment_as_printed": treatment, "n": 20} | cohort
    tables = {"id": "x", "citation": {}, "status": "verified", "design": design, "cohorts": [arm]}
    study = Study.model_validate(tables | ({"enrolment": enrolment} if enrolment else {}))
    return CohortRef(study, study.cohorts[0], "some_class", "systemic")


def said(name, statistic, value, **more):
    """A characteristic of the cohort."""
    own = {"name": name, "statistic": statistic, "value": value}
    return {"characteristics": [own | more]}


def value(name, cohort, *required, **more):
    return covariates(cohort, required, **more)[COVARIATES.index(name)]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("retrospective", {"design": "retrospective"}, 0.5),
        ("retrospective", {"design": "case_series"}, 0.5),
        ("retrospective", {"design": "registry"}, 0.5),
        ("retrospective", {"design": "prospective_single_arm"}, -0.5),
        ("retrospective", {"design": "randomised"}, -0.5),
        ("retrospective", {"design": "not stated"}, 0.0),
        ("pretreated", {"line": "pretreated"}, 0.5),
        ("pretreated", {"line": "first-line"}, -0.5),
        ("pretreated", {"line": "mixed"}, 0.0),
        ("pretreated", {"line": "neoadjuvant"}, 0.0),
        ("from_diagnosis", {"time_origin": "diagnosis"}, 0.5),
        ("from_diagnosis", {"time_origin": "treatment start"}, -0.5),
        ("from_diagnosis", {"time_origin": "randomisation"}, -0.5),
        ("from_diagnosis", {"time_origin": "surgery"}, 0.0),
        ("braf_mutated", {"braf_v600e": {"positive": 9, "tested": 10}}, 0.6),
        ("braf_mutated", {"braf_v600e": {"positive": 0, "tested": 10}}, -0.3),
        ("braf_mutated", {"braf_v600e": {"percent": 41}}, 0.11),
        # A count among the tested goes before the percentage that is rounded from it.
        ("braf_mutated", {"braf_v600e": {"positive": 2, "tested": 8, "percent": 30}}, -0.05),
        ("braf_mutated", {"braf_v600e": {"positive": 2}}, 0.0),
        ("braf_mutated", {"braf_v600e": {"tested": 8}}, 0.0),
        ("braf_mutated", {"braf_v600e": {"positive": 0, "tested": 0}}, 0.0),
        ("stage_ivc", said("stage IVC", "count", 12), 0.1),  # of 20
        ("stage_ivc", said("stage IVC", "count", 9, of=10), 0.4),
        ("stage_ivc", said("stage IVC", "percent", 30), -0.2),
        ("stage_ivc", said("stage IVC", "count", 12, group="pure"), 0.0),
        ("resected", said("resected", "percent", 65), 0.25),
        ("older", said("age", "median", 71), 0.5),
        ("older", said("age", "mean", 61), -0.5),
        ("older", said("age", "median", 71, group="pure"), 0.0),
        ("later", {"enrolment": "2012-2018"}, 0.5),
        ("later", {"enrolment": "since 2012"}, 0.0),
        ("transformed", said("transformed", "count", 10), 0.5 - TRANSFORMED_SHARE),  # of 20
        ("transformed", said("de novo", "count", 15), 0.25 - TRANSFORMED_SHARE),
    ],
)
def test_what_is_said_moves_one_number_and_what_is_not_said_none(name, given, expected):
    cohort = ref(**given)
    assert value(name, cohort) == pytest.approx(expected, abs=EXACT)
    assert [n for n in COVARIATES if n != name and value(n, cohort) != 0.0] == []


def test_a_selection_by_the_treatment_is_part_of_the_treatment():
    given = {"braf_v600e": {"positive": 10, "tested": 10}}
    assert value("braf_mutated", ref("vemurafenib", **given), "vemurafenib") == 0.0
    assert value("braf_mutated", ref("chemotherapy", **given), "vemurafenib") == pytest.approx(0.7)


def test_a_mutation_status_without_a_mark_may_be_left_unused():
    cohort = ref(design="registry", braf_v600e={"positive": 10, "tested": 10})
    assert value("braf_mutated", cohort, use_unmarked=False) == 0.0
    assert value("retrospective", cohort, use_unmarked=False) == 0.5
    cohort = ref(**said("age", "median", 71))
    assert (value("older", cohort), value("older", cohort, use_unmarked=False)) == (0.5, 0.0)


def test_every_number_has_a_label_a_prior_and_an_option():
    assert tuple(COVARIATE_LABELS) == COVARIATES
    assert {own.prior for own in ALL} <= set(load_priors())
    assert len(ALL) == len(COVARIATES) == len(set(COVARIATES))
    # what a stated population does not name has no option, and is a number
    options = [own.option for own in ALL if own.option]
    assert options == ["design", "line", "time_origin", "braf_mutated"]
    assert all(own.number is not None for own in ALL if not own.option)


def test_the_reference_is_a_prospective_study_of_first_line_treatment_from_its_start():
    words = {"retrospective": "prospective_single_arm", "pretreated": "first-line"}
    words |= {"from_diagnosis": "treatment start"}
    of = {own.name: own.words.get(words.get(own.name), 0.0) for own in ALL}
    assert dict(zip(COVARIATES, REFERENCE, strict=True)) == of
    assert sum(map(bool, REFERENCE)) == 3


def test_the_words_that_move_a_number_are_words_of_the_shipped_vocabulary(shipped):
    """A word renamed there would make its cohorts the reference in silence."""
    words = shipped.vocabulary
    moved = {
        "retrospective": {word for word in words.designs if covariates(ref(design=word))[0]},
        "pretreated": {word for word in words.lines if covariates(ref(line=word))[1]},
        "from_diagnosis": {
            word for word in words.time_origins if covariates(ref(time_origin=word))[2]
        },
    }
    assert moved == {
        "retrospective": set(words.designs) - {"pooled_literature", "guideline"},
        "pretreated": {"pretreated", "first-line"},
        "from_diagnosis": {"diagnosis", "treatment start", "randomisation"},
    }


def test_the_shipped_cohorts(registry):
    found = {item.id: item for item in references(registry)}
    selecting = registry.vocabulary.selecting
    # A trial of pretreated patients who were selected by the mutation, and patients of a network
    # who were not given what their mutation allows.
    assert covariates(found["subbiah2022:dt"], selecting)[3] == 0.0
    untreated = covariates(found["tuthyref_braf2022:no_chemo_braf"], selecting)
    # all enrolled about 2015: half of ten years later than the middle
    expected = (0.5, 0.0, 0.0, 1.0 - REFERENCE_BRAF_SHARE, 0.0, 0.0, 0.0, 0.5, 0.0)
    assert untreated == pytest.approx(expected, abs=EXACT)
    assert covariates(found["atlep2022:atc"], selecting)[3] == -REFERENCE_BRAF_SHARE


def test_the_reference_share_is_that_of_the_unselected_cohorts_of_the_registry(registry):
    """Cohorts that print a status without having been chosen by it, or by a treatment for it."""
    found = {item.id: item.cohort for item in references(registry)}
    referral, centre = found["wang2022_mut:all"], found["eses_atc27:all"]
    counts = [
        (referral.n * float(referral.braf_v600e.percent) / 100, referral.n),
        (centre.braf_v600e.positive, centre.braf_v600e.tested),
        # Printed in words only, in the reports of tuthyref_braf2022 and chang2022.
        (48, 212),
        (12, 24),
    ]
    pooled = sum(n for n, _ in counts) / sum(n for _, n in counts)
    assert pooled == pytest.approx(REFERENCE_BRAF_SHARE, abs=0.05)


def test_the_share_of_transformed_tumours_is_that_of_the_unselected_cohorts_of_the_registry(
    registry,
):
    found = {item.id: item.cohort for item in references(registry)}
    cohorts = [found[name] for name in ("chen2023_prior:all", "akaishi2011:all")]
    transformed = sum(transformed_share(own) * own.n for own in cohorts)
    pooled = transformed / sum(own.n for own in cohorts)
    assert pooled == pytest.approx(TRANSFORMED_SHARE, abs=0.005)  # as it is rounded


def test_a_disease_with_words_of_its_own_has_the_reference_everywhere(tmp_path):
    folder, _ = write_disease(tmp_path)
    registry = load_registry(folder)
    assert registry.vocabulary.selecting == frozenset()
    cohorts = references(registry)
    # "Randomised" is a word of both.
    others = [item for item in cohorts if item.study.design != "randomised"]
    assert len(others) > 3
    nothing = (0.0,) * len(COVARIATES)
    assert {covariates(item, registry.vocabulary.selecting) for item in others} == {nothing}
