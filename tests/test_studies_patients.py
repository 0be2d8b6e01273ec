"""A table of patients becomes one study, which tells of no patient who it is."""

from __future__ import annotations

import random
from pathlib import Path

import golden
import pytest
from registries import refused, sentences

from studies import load_registry, load_vocabulary
from studies.documents import file_texts
from studies.patients import COLUMNS, studies_from_patients
from synthesis.fits import survival_observations

HEAD = "time,unit,status,treatment,histology,pfs_time,pfs_status,line,age,female,stage,braf_v600e"
ROWS = (
    "3.1,months,died,Lenvima,pure,2.0,progressed,first-line,71,yes,IVC,no",
    "9.40,months,alive,lenvatinib,mixed,9.40,0,first-line,66,no,IVB,yes",
    "1.2,months,1,lenvatinib,pure,1.2,died,first-line,80,no,IVC,",
    "5.0,months,alive,lenvatinib,Mixed,4.0,progressed,first-line,64,no,IVC,",
    "7,months,dead,lenvatinib,mixed,,,first-line,70,yes,,",
    "2.5,months,died,lenvatinib,,,,first-line,,,,",
    "40,days,censored,paclitaxel,,,,,59,yes,,no",
)


def read(*rows, head=HEAD, name="ours"):
    text = "\n".join([head, *rows]) + "\n"
    return studies_from_patients(text, "ours.csv", load_vocabulary(), name)


@pytest.fixture
def tables():
    return read(*ROWS)["ours.toml"]


def test_patients_of_one_treatment_and_line_are_a_cohort(tables):
    """Of five patients four have a stage and two a test: of so few nothing is told."""
    golden.check("patients", file_texts({"ours.toml": tables})["ours.toml"])


def test_no_order_of_rows_and_nothing_of_a_few_patients_is_kept(tables):
    mixed = list(ROWS)
    random.Random(3).shuffle(mixed)
    again = read(*mixed)["ours.toml"]["cohorts"]
    assert sorted(again, key=lambda own: own["id"]) == tables["cohorts"]
    (alone,) = (own for own in tables["cohorts"] if own["id"] == "paclitaxel")
    assert {"characteristics", "braf_v600e"}.isdisjoint(alone)


def test_own_patients_enter_one_likelihood_with_published_figures(tmp_path, tables):
    folder = tmp_path / "ours"
    folder.mkdir()
    for name, text in file_texts({"ours.toml": tables}).items():
        (folder / name).write_text(text, encoding="utf-8")
    registry = load_registry(folder)
    data = survival_observations(registry)["os"][0]
    own = {i: arm for i, arm in enumerate(data.arms) if data.cohorts[arm.cohort].study.id == "ours"}
    assert [(arm.histology, arm.share, arm.n) for arm in own.values()] == [
        ("mixed", 1.0, 3),
        ("pure", 0.0, 2),
        ("whole", None, 1),
        ("whole", None, 1),
    ]
    assert {patient.arm for patient in data.patients} == set(own)
    assert len(data.patients) == len(ROWS)
    # of whom progression is told, the dead had the event and one lived on with it
    pfs = survival_observations(registry)["pfs"][0]
    assert sorted((p.months, p.event) for p in pfs.patients) == [
        *((1.2, True), (2.0, True), (4.0, True), (9.4, False))
    ]
    assert any(arm.chains for arm in data.arms)  # published figures beside them


WRONG_CELLS = [
    *({"time": "4,5"}, {"time": "-1"}, {"time": ""}, {"unit": "mo"}, {"status": "dieed"}),
    *({"treatment": "lenvatinob"}, {"histology": "focal"}, {"line": "first line"}, {"stage": "IV"}),
    *({"pfs_status": ""}, {"pfs_time": ""}, {"pfs_time": "3.2"}, {"pfs_status": "0"}),
]


def test_every_cell_that_cannot_be_read_is_told():
    lines, number = [], len(ROWS) + 2
    for wrong in WRONG_CELLS:
        cells = dict(zip(HEAD.split(","), ROWS[0].split(","), strict=True)) | wrong
        (sentence,) = sentences(read, *ROWS, ",".join(f'"{cell}"' for cell in cells.values()))
        assert sentence.startswith(f"ours.csv:{number}, row {number}, column ")
        lines.append(f"{sentence}\n")
    golden.check("refusals_patients", "".join(lines))


@pytest.mark.parametrize("column", ["patient_id", "date_of_birth", "name", "comment"])
def test_a_column_that_could_tell_who_a_patient_is_is_refused(column):
    (problem,) = refused(read, *(f"{row},7" for row in ROWS), head=f"{HEAD},{column}")
    assert problem.found == f'the unknown column "{column}"'
    assert "nothing that tells who a patient is" in problem.action


def test_a_table_without_a_needed_column_or_row_is_refused():
    problems = refused(read, head="time,treatment", name="our patients")
    assert [problem.found for problem in problems] == [
        *('the name "our patients"', "no column unit", "no column status", "no row")
    ]


def test_every_column_is_told_in_the_guide():
    text = (Path(__file__).parent.parent / "studies" / "README.md").read_text(encoding="utf-8")
    assert [column for column in COLUMNS if f"`{column}`" not in text] == []
