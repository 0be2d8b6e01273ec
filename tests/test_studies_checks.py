"""What cannot be true of printed figures is said in one sentence, and nothing else is said."""

from __future__ import annotations

import datetime
from decimal import Decimal

import golden
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

# Each value stands at its place in the sound study, that of an arm in its first cohort.
WRONG = [
    *(("arm.landmarks.0.survival", 52), ("arm.landmarks.0.ci", [5, Decimal("41.0")])),
    *(("arm.landmarks.0.survival", Decimal("0.45")), ("arm.landmarks.0.at_risk", 24)),
    ("arm.landmarks", [landmark(1, "0.3", unit="years", at_risk=9), landmark(6, "0.4", at_risk=8)]),
    ("arm.landmarks", [landmark(6, "0.30"), landmark(9, "0.35", digitised=True)]),
    ("arm.survival.0.median", Decimal("5.6")),
    ("arm.survival.0.ci", [Decimal("5.5"), Decimal("0.6")]),
    *(("arm.survival.0.ci", [Decimal("3.1"), Decimal("3.1")]), ("arm.survival.1.ci", [2, 9])),
    *(("arm.survival.0.iqr", [4, 9]), ("arm.survival.0.range", [-1, 9])),
    *(("arm.survival.0.unit", ...), ("arm.survival.0.level", 95), ("arm.survival.0.level", 0)),
    *(("arm.survival.0.level", Decimal("1.0")), ("arm.landmarks.0.level", Decimal("0.05"))),
    *(("arm.survival.0.events", 0), ("arm.histology", {"pure": 0, "mixed": 0})),
    *(("arm.histology", {"pure_percent": 0, "mixed_percent": 0}), ("arm.survival.1.events", 24)),
    *(("arm.survival.0", {"endpoint": "os"}), ("arm.survival.0", median(0))),
    ("arm.survival.1", median(4)),
    ("arm.landmarks", [landmark(6, "0.30"), landmark(1, "0.45", unit="years")]),
    ("arm.landmarks", [landmark(12, "0.30"), landmark(1, "0.31", unit="years")]),
    *(("arm.landmarks", [landmark(12, "0.60")]), ("arm.landmarks", [landmark(2, "0.30")])),
    *(("arm.landmarks", [landmark(12, "0.30", endpoint="pfs")]), ("arm.n", -23)),
    *(("arm.subgroups.0.n", 24), ("arm.subgroups.0.n", 16)),
    ("arm.subgroups.0.read_as", {"histology": "pure", "reason": "focal"}),
    *(("arm.subgroups.1", subgroup("pure", 8)), ("arm.histology.mixed", 9)),
    *(("arm.histology.mixed_percent", Decimal("0.35")), ("arm.histology.other", {"focal": 24})),
    *(("arm.braf_v600e.positive", 21), ("arm.survival.0.mean", 0), ("arm.response.pr", 17)),
    *(("arm.response.ne", 15), ("arm.response.evaluable", 24), ("arm.response.responders", 3)),
    *(("arm.response.disease_control", 1), ("arm.response.orr_percent", Decimal("0.087"))),
    *(("arm.response.orr_ci", [20, 30]), ("arm.response.dcr_percent", 139)),
    *(("arm.patients.0.unit", ...), ("arm.patients.0.os", -2)),
    ("arm.characteristics.0", {"name": "male", "statistic": "count", "value": 24, "of": 23}),
    *(("arm.characteristics.0.value", "64 years"), ("cohorts.1.id", "all")),
    *(("cohorts.1.part_of", "al"), ("cohorts.1.part_of", "old"), ("cohorts.1.n", 24)),
    *(("citation.year", 1812), ("citation.doi", "https://doi.org/10.1530/ERC-20-0106")),
    *(("citation.pmid", "PMC33112817"), ("sources.0.url", "doi.org/10.1530")),
    *(("comparisons.0.p", Decimal("2.6")), ("comparisons.0.p", ">1.2")),
    *(("comparisons.0.p", "n. s."), ("comparisons.0.longer", "mixd")),
    ("comparisons.0.treatments", ["lenvatinib"]),
    *(("comparisons.0.treatments", ["lenvatinib", "sorafnib"]), ("comparisons.0.sided", 3)),
    *(("comparisons.1.hr", 5), ("overlaps.0.with", "sparano2021")),
    *(("overlaps.0.pairs", [["ol", "x"]]), ("cohorts", []), ("arm.treatment", "lenvatinb")),
    *(("arm.treatment", "Lenvima"), ("design", "retrospectve")),
    *(("arm.subgroups.1.landmarks.0.endpoint", "oss"), ("arm.response", [{"pr": 2}])),
    *(("arm.survival", median()), ("status", ...), ("citation", "Sparano 2021")),
    ("enrolment", datetime.date(2010, 1, 1)),
    ("arm.landmarks", [landmark(at, s, label="local") for at, s in ((6, "0.30"), (12, "0.45"))]),
    *(("arm.landmarks.0.time", 0), ("arm.response.orr_ci", [-1, 30])),
    ("arm.response", {"pr": 3, "responders": 2, "evaluable": 23}),
    *(("arm.characteristics.0.statistic", "text"), ("comparisons.1.hr_ci", [-1, 4])),
    ("arm.characteristics.0", {"name": "male", "statistic": "count", "value": Decimal("1.5")}),
]


def test_the_study_that_the_values_are_changed_in_is_sound(tmp_path):
    assert len(load_registry(write_registry(tmp_path / "r", full_study()))) == 1


def wrong_at(place, value):
    """Return the sound study with one value at a place such as ``arm.survival.0.ci``."""
    parts = place.replace("arm.", "cohorts.0.").split(".")
    return changed([int(part) if part.isdigit() else part for part in parts], value)


def test_one_wrong_value_is_one_sentence(tmp_path):
    sentences = [problems_with(tmp_path, wrong_at(place, value)) for place, value in WRONG]
    assert [len(found) for found in sentences] == [1] * len(WRONG)
    golden.check("refusals_study", "".join(f"{sentence}\n" for (sentence,) in sentences))


CENTRAL, LOCAL = {"label": "central review"}, {"label": "investigator"}
SOUND = {
    "a median beside a survival that may be one half": cohort(
        survival=[median(3)], landmarks=[landmark("3.4", "0.52")]
    ),
    "a rise that may be rounding": cohort(landmarks=[landmark(6, "0.30"), landmark(9, "0.31")]),
    "numbers at risk of other endpoints and assessors": cohort(
        landmarks=[
            *(landmark(6, "0.5", at_risk=8, **CENTRAL), landmark(9, "0.4", at_risk=9, **LOCAL)),
            landmark(12, "0.4", at_risk=23, endpoint="pfs"),
            landmark(9, "0.3", at_risk=8, **CENTRAL, digitised=True),
        ]
    ),
    "two assessors of one endpoint": cohort(
        survival=[median(3, **CENTRAL), median(5, **LOCAL)],
        landmarks=[landmark(6, "0.30", **CENTRAL), landmark(12, "0.45", **LOCAL)],
    ),
}


@pytest.mark.parametrize("arm", SOUND.values(), ids=SOUND)
def test_figures_that_nearly_contradict_each_other_are_read(tmp_path, arm):
    assert len(load_registry(write_registry(tmp_path / "r", study("abel2001", arm)))) == 1


def test_a_pair_that_names_a_cohort_the_other_study_does_not_have(tmp_path):
    assert problems_with(tmp_path, full_study(), study("jannin2023", cohort("national"))) == [
        'sparano2021.toml, overlaps[0].pairs[0]: found "x", expected a cohort of the second, '
        "jannin2023 (one of national): correct it, or remove the pair."
    ]
