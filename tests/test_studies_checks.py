"""What cannot be true of printed figures is said in one sentence, and nothing else is said."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from small_registry import (
    changed,
    cohort,
    full_study,
    landmark,
    median,
    problems_with,
    study,
    subgroup,
    write_registry,
)

from studies import load_registry

ARM = ("cohorts", 0)
ONE_PROBLEM = [
    (
        (*ARM, "landmarks", 0, "survival"),
        52,
        "cohorts[0].landmarks[0].survival: found 52, expected a fraction between 0 and 1: write "
        "0.52.",
    ),
    (
        (*ARM, "landmarks", 0, "ci"),
        [5, Decimal("41.0")],
        "cohorts[0].landmarks[0].ci: found [5, 41.0], expected two fractions between 0 and 1: "
        "write [0.05, 0.410].",
    ),
    (
        (*ARM, "landmarks", 0, "survival"),
        Decimal("0.45"),
        "cohorts[0].landmarks[0].ci: found [0.05, 0.41], expected limits around the survival of "
        "0.45: check both figures against the report.",
    ),
    (
        (*ARM, "landmarks", 0, "at_risk"),
        24,
        "cohorts[0].landmarks[0].at_risk: found 24, expected no more than the 23 patients of the "
        "arm: check both figures against the report.",
    ),
    (
        (*ARM, "landmarks"),
        [
            landmark(1, Decimal("0.3"), unit="years", at_risk=9),
            landmark(6, Decimal("0.4"), at_risk=8),
        ],
        "cohorts[0].landmarks[0].at_risk: found 9 at risk at 1 years, expected no more than the 8 "
        "at 6 months (cohorts[0].landmarks[1]): check both figures against the report.",
    ),
    (
        (*ARM, "landmarks"),
        [landmark(6, Decimal("0.30")), landmark(9, Decimal("0.35"), digitised=True)],
        "cohorts[0].landmarks[1].survival: found 0.35 at 9 months, expected no more than the 0.30 "
        "at 6 months (cohorts[0].landmarks[0]): read the curve again at both times.",
    ),
    (
        (*ARM, "survival", 0, "median"),
        Decimal("5.6"),
        "cohorts[0].survival[0].ci: found [0.6, 5.5], expected limits around the median of 5.6: "
        "check both figures against the report.",
    ),
    (
        (*ARM, "survival", 0, "ci"),
        [Decimal("5.5"), Decimal("0.6")],
        "cohorts[0].survival[0].ci: found [5.5, 0.6], expected the lower figure first: write "
        "[0.6, 5.5], if both are right.",
    ),
    (
        (*ARM, "survival", 0, "ci"),
        [Decimal("3.1"), Decimal("3.1")],
        "cohorts[0].survival[0].ci: found [3.1, 3.1], expected a lower limit below the upper one: "
        "check both figures against the report.",
    ),
    (
        (*ARM, "survival", 1, "ci"),
        [2, 9],
        'cohorts[0].survival[1].ci: found [2, 9], expected an upper limit of "not reached", since '
        "the median is not reached: check both figures against the report.",
    ),
    (
        (*ARM, "survival", 0, "iqr"),
        [4, 9],
        "cohorts[0].survival[0].iqr: found [4, 9], expected limits around the median of 3.1: check "
        "both figures against the report.",
    ),
    (
        (*ARM, "survival", 0, "range"),
        [-1, 9],
        "cohorts[0].survival[0].range: found [-1, 9], expected times of 0 or more: check both "
        "figures against the report.",
    ),
    (
        (*ARM, "survival", 0, "unit"),
        ...,
        "cohorts[0].survival[0].unit: found nothing, expected one of days, weeks, months, years: "
        "add the unit of the printed times.",
    ),
    (
        (*ARM, "survival", 0, "level"),
        95,
        "cohorts[0].survival[0].level: found 95, expected a confidence level as a fraction between "
        "0 and 1: write 0.95.",
    ),
    (
        (*ARM, "survival", 1, "events"),
        24,
        "cohorts[0].survival[1].events: found 24, expected no more than the 23 patients of the "
        "arm: check both figures against the report.",
    ),
    (
        (*ARM, "survival", 0),
        {"endpoint": "os"},
        "cohorts[0].survival[0]: found no figure, expected a median, an interval or a follow-up: "
        "add what the report prints, or remove the table.",
    ),
    (
        (*ARM, "survival", 0),
        median(0),
        "cohorts[0].survival[0].median: found 0, expected a time above 0: check it against the "
        "report.",
    ),
    (
        (*ARM, "survival", 1),
        median(4),
        'cohorts[0].survival[1].endpoint: found "os" a second time, expected one entry for each '
        "endpoint, which cohorts[0].survival[0] is: remove one of the two, or tell them apart by "
        "label; the first one is used.",
    ),
    (
        (*ARM, "landmarks"),
        [landmark(6, Decimal("0.30")), landmark(1, Decimal("0.45"), unit="years")],
        "cohorts[0].landmarks[1].survival: found 0.45 at 1 years, expected no more than the 0.30 "
        "at 6 months (cohorts[0].landmarks[0]): check both figures against the report.",
    ),
    (
        (*ARM, "landmarks"),
        [landmark(12, Decimal("0.30")), landmark(1, Decimal("0.31"), unit="years")],
        "cohorts[0].landmarks[1].time: found 1 years a second time, expected one survival for each "
        "time, which cohorts[0].landmarks[0] is: remove one of the two, or tell them apart by "
        "label.",
    ),
    (
        (*ARM, "landmarks"),
        [landmark(12, Decimal("0.60"))],
        "cohorts[0].survival[0].median: found 3.1 months, expected a median after 12 months, to "
        "agree with the survival of 0.60 at 12 months (cohorts[0].landmarks[0]): check both "
        "figures against the report.",
    ),
    (
        (*ARM, "landmarks"),
        [landmark(2, Decimal("0.30"))],
        "cohorts[0].survival[0].median: found 3.1 months, expected a median before 2 months, to "
        "agree with the survival of 0.30 at 2 months (cohorts[0].landmarks[0]): check both figures "
        "against the report.",
    ),
    (
        (*ARM, "landmarks"),
        [landmark(12, Decimal("0.30"), endpoint="pfs")],
        'cohorts[0].survival[1].median: found "not reached", expected a number, since the survival '
        "of 0.30 at 12 months (cohorts[0].landmarks[0]) is below one half: check both figures "
        "against the report.",
    ),
    (
        (*ARM, "n"),
        -23,
        "cohorts[0].n: found -23, expected a whole number of 1 or more: write the count that the "
        "report prints, or leave the key out.",
    ),
    (
        (*ARM, "subgroups", 0, "n"),
        24,
        "cohorts[0].subgroups[0].n: found 24, expected no more than the 23 patients of the cohort: "
        "check both figures against the report.",
    ),
    (
        (*ARM, "subgroups", 0, "n"),
        16,
        "cohorts[0].subgroups: found 24 patients in the groups by histology, expected no more than "
        "the 23 patients of the cohort: check the n of each group.",
    ),
    (
        (*ARM, "subgroups", 0, "read_as"),
        {"histology": "pure", "reason": "focal"},
        "cohorts[0].subgroups[0].read_as: found both, expected either histology (the report says "
        "it) or read_as (it is read so): keep one of the two keys.",
    ),
    (
        (*ARM, "subgroups", 1),
        subgroup("pure", 8),
        'cohorts[0].subgroups[1].level: found histology "pure" a second time, expected one table, '
        "cohorts[0].subgroups[0], for each level: put all its figures there.",
    ),
    (
        (*ARM, "histology", "mixed"),
        9,
        "cohorts[0].histology: found a sum of 24, expected pure and mixed that add up to no more "
        "than the 23 patients of the cohort: check the counts.",
    ),
    (
        (*ARM, "histology", "mixed_percent"),
        Decimal("0.35"),
        "cohorts[0].histology.mixed_percent: found 0.35, expected a percentage, and one of 23 "
        "patients is 4.3 percent: write 35.",
    ),
    (
        (*ARM, "histology", "other"),
        {"focal": 24},
        "cohorts[0].histology.other.focal: found 24, expected no more than the 23 patients of the "
        "cohort: check both figures against the report.",
    ),
    (
        (*ARM, "braf_v600e", "positive"),
        21,
        "cohorts[0].braf_v600e.positive: found 21, expected no more than the 20 tested: check both "
        "figures against the report.",
    ),
    (
        (*ARM, "response", "pr"),
        17,
        "cohorts[0].response: found a sum of 24, expected cr, pr, sd and pd that add up to no more "
        "than the 23 evaluable patients: check the counts.",
    ),
    (
        (*ARM, "response", "ne"),
        15,
        "cohorts[0].response: found a sum of 24, expected cr, pr, sd, pd and ne that add up to no "
        "more than 23 patients: check the counts.",
    ),
    (
        (*ARM, "response", "evaluable"),
        24,
        "cohorts[0].response.evaluable: found 24, expected no more than the 23 patients of the "
        "arm: check both figures against the report.",
    ),
    (
        (*ARM, "response", "responders"),
        3,
        "cohorts[0].response.responders: found 3, expected the sum of cr 0 and pr 2, which is 2: "
        "check both figures against the report.",
    ),
    (
        (*ARM, "response", "disease_control"),
        1,
        "cohorts[0].response.disease_control: found 1, expected no fewer than the 2 responders: "
        "check both figures against the report.",
    ),
    (
        (*ARM, "response", "orr_percent"),
        Decimal("0.087"),
        "cohorts[0].response.orr_percent: found 0.087, expected a percentage, and one of 23 "
        "patients is 4.3 percent: write 8.7.",
    ),
    (
        (*ARM, "response", "orr_ci"),
        [20, 30],
        "cohorts[0].response.orr_ci: found [20, 30], expected limits around the rate of 8.7: check "
        "both figures against the report.",
    ),
    (
        (*ARM, "response", "dcr_percent"),
        139,
        "cohorts[0].response.dcr_percent: found 139, expected a percentage between 0 and 100: "
        "check it against the report.",
    ),
    (
        (*ARM, "patients", 0, "unit"),
        ...,
        "cohorts[0].patients[0].unit: found nothing, expected one of days, weeks, months, years: "
        "add the unit of the printed times.",
    ),
    (
        (*ARM, "patients", 0, "os"),
        -2,
        "cohorts[0].patients[0].os: found -2, expected a time of 0 or more: check the report.",
    ),
    (
        (*ARM, "characteristics", 0),
        {"name": "male", "statistic": "count", "value": 24, "of": 23},
        "cohorts[0].characteristics[0].value: found 24, expected no more than the 23 counted (of): "
        "check both figures against the report.",
    ),
    (
        (*ARM, "characteristics", 0, "value"),
        "64 years",
        'cohorts[0].characteristics[0].value: found "64 years", expected a number, since the '
        'statistic is mean: write the number, or say statistic = "text".',
    ),
    (
        ("cohorts", 1, "id"),
        "all",
        'cohorts[1].id: found "all", expected an id that cohorts[0] does not have: give each '
        "cohort its own id.",
    ),
    (
        ("cohorts", 1, "part_of"),
        "al",
        'cohorts[1].part_of: found "al", expected the id of another cohort of this study (one of '
        'all, old): write "all".',
    ),
    (
        ("cohorts", 1, "part_of"),
        "old",
        'cohorts[1].part_of: found "old", expected a larger cohort, which is not in turn part of '
        "this one: remove one of the part_of keys.",
    ),
    (
        ("cohorts", 1, "n"),
        24,
        "cohorts[1].n: found 24, expected no more than the 23 patients of all: check both figures "
        "against the report.",
    ),
    (
        ("citation", "year"),
        1812,
        "citation.year: found 1812, expected a year from 1900 to 2100: write the year of "
        "publication, or leave the key out.",
    ),
    (
        ("citation", "doi"),
        "https://doi.org/10.1530/ERC-20-0106",
        'citation.doi: found "https://doi.org/10.1530/ERC-20-0106", expected a DOI such as '
        '10.1530/ERC-20-0106: write "10.1530/ERC-20-0106".',
    ),
    (
        ("citation", "pmid"),
        "PMC33112817",
        'citation.pmid: found "PMC33112817", expected a PubMed identifier of up to eight digits: '
        "write the digits alone, or leave the key out.",
    ),
    (
        ("sources", 0, "url"),
        "doi.org/10.1530",
        'sources[0].url: found "doi.org/10.1530", expected a web address: begin it with https://.',
    ),
    (
        ("comparisons", 0, "p"),
        Decimal("2.6"),
        "comparisons[0].p: found 2.6, expected a p value between 0 and 1: check it against the "
        "report.",
    ),
    (
        ("comparisons", 0, "sided"),
        3,
        "comparisons[0].sided: found 3, expected one of 1, 2: choose one of these.",
    ),
    (
        ("comparisons", 1, "hr"),
        5,
        "comparisons[1].hr_ci: found [1.1, 4], expected limits around the hazard ratio of 5: check "
        "both figures against the report.",
    ),
    (
        ("overlaps", 0, "with"),
        "sparano2021",
        'overlaps[0].with: found "sparano2021", expected the id of another study: remove it; '
        "within one study, say part_of in the smaller cohort.",
    ),
    (
        ("overlaps", 0, "pairs"),
        [["ol", "x"]],
        'overlaps[0].pairs[0]: found "ol", expected a cohort of the first, sparano2021 (one of '
        'all, old): write "old".',
    ),
    (
        ("cohorts",),
        [],
        "cohorts: found [], expected at least one entry: add a table with double brackets.",
    ),
    (
        (*ARM, "treatment"),
        "lenvatinb",
        'cohorts[0].treatment: found "lenvatinb", expected the id of a treatment of the '
        'vocabulary: write "lenvatinib", or add the treatment to vocabulary.toml under '
        "[[treatments]].",
    ),
    (
        (*ARM, "treatment"),
        "Lenvima",
        'cohorts[0].treatment: found "Lenvima", another name of lenvatinib, expected the id of a '
        'treatment of the vocabulary: write "lenvatinib", and keep the words of the report in '
        "treatment_as_printed.",
    ),
    (
        ("design",),
        "retrospectve",
        'design: found "retrospectve", expected one of retrospective, registry, as the vocabulary '
        'lists: write "retrospective", or add the word to vocabulary.toml under [designs].',
    ),
    (
        (*ARM, "subgroups", 1, "landmarks", 0, "endpoint"),
        "oss",
        'cohorts[0].subgroups[1].landmarks[0].endpoint: found "oss", expected one of os, pfs, as '
        'the vocabulary lists: write "os", or add the word to vocabulary.toml under '
        "[[endpoints]].",
    ),
    (
        (*ARM, "response"),
        [{"pr": 2}],
        "cohorts[0].response: found a list of tables, expected a table: write it as a table with "
        "the header [cohorts.response].",
    ),
    (
        (*ARM, "survival"),
        median(),
        "cohorts[0].survival: found a table, expected a list: write the table with double "
        "brackets, [[cohorts.survival]].",
    ),
    (
        ("status",),
        ...,
        "status: found nothing, expected the key status: add status to the top of the file.",
    ),
    (
        ("citation",),
        "Sparano 2021",
        'citation: found "Sparano 2021", expected a table: write its keys in a table citation.',
    ),
    (
        ("enrolment",),
        datetime.date(2010, 1, 1),
        "enrolment: found the date 2010-01-01, expected text in quotation marks: write "
        '"2010-01-01".',
    ),
]


def test_the_study_that_the_values_are_changed_in_is_sound(tmp_path):
    assert len(load_registry(write_registry(tmp_path / "r", full_study()))) == 1


@pytest.mark.parametrize(("place", "value", "sentence"), ONE_PROBLEM)
def test_one_wrong_value_is_one_sentence(tmp_path, place, value, sentence):
    assert problems_with(tmp_path, changed(place, value)) == [f"sparano2021.toml, {sentence}"]


def test_rounding_is_granted_where_figures_nearly_contradict_each_other(tmp_path):
    arms = [
        cohort("a", survival=[median(3)], landmarks=[landmark(Decimal("3.4"), Decimal("0.52"))]),
        cohort("b", landmarks=[landmark(6, Decimal("0.30")), landmark(9, Decimal("0.31"))]),
    ]
    folder = write_registry(tmp_path / "r", study("abel2001", *arms))
    assert len(load_registry(folder).study("abel2001").cohorts) == 2


def test_numbers_at_risk_of_other_endpoints_and_assessors_may_differ(tmp_path):
    arm = cohort(
        landmarks=[
            landmark(6, Decimal("0.5"), at_risk=8, label="central"),
            landmark(9, Decimal("0.4"), at_risk=9, label="local"),
            landmark(12, Decimal("0.4"), at_risk=23, endpoint="pfs"),
            landmark(9, Decimal("0.3"), at_risk=8, label="central", digitised=True),
        ]
    )
    folder = write_registry(tmp_path / "r", study("abel2001", arm))
    (marks,) = [arm.landmarks for arm in load_registry(folder).study("abel2001").cohorts]
    assert [(mark.at_risk, mark.digitised) for mark in marks] == [
        (8, False),
        (9, False),
        (23, False),
        (8, True),
    ]


def test_labels_tell_two_assessors_of_one_endpoint_apart(tmp_path):
    both = [median(3, label="central review"), median(5, label="investigator")]
    marks = [
        landmark(6, Decimal("0.30"), label="central review"),
        landmark(12, Decimal("0.45"), label="investigator"),
    ]
    arm = cohort(survival=both, landmarks=marks[:1])
    assert len(load_registry(write_registry(tmp_path / "r", study("abel2001", arm)))) == 1
    arm["landmarks"] = [{**mark, "label": "central review"} for mark in marks]
    assert "found 0.45 at 12 months" in problems_with(tmp_path, study("abel2001", arm))[0]


def test_a_pair_that_names_a_cohort_the_other_study_does_not_have(tmp_path):
    assert problems_with(tmp_path, full_study(), study("jannin2023", cohort("national"))) == [
        'sparano2021.toml, overlaps[0].pairs[0]: found "x", expected a cohort of the second, '
        "jannin2023 (one of national): correct it, or remove the pair."
    ]
