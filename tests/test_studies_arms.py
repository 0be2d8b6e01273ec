"""A table of arms becomes study files, or is refused cell by cell."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import golden
import pandas as pd
import pytest
from registries import refused, sentences
from small_registry import VOCABULARY, cohort, median, study, write_registry, write_tables

from studies import RegistryError, arms_from_frame, load_registry
from studies.arms import arms_header, columns_for, read_csv_table, studies_from_arms
from studies.documents import toml_of
from studies.registry import convert_endpoints
from studies.schema import Study
from studies.vocabulary import Vocabulary

WORDS = Vocabulary.model_validate(VOCABULARY)
ARM = {
    **{"study": "abel2001", "status": "verified", "authors": "Abel A; Cain C", "year": "2001"},
    **{"arm": "all", "treatment": "lenvatinib", "n": "20"},
}


def table(*rows, columns=None):
    """Write rows as CSV; an absent cell is empty."""
    columns = columns or list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(*rows):
    return studies_from_arms(table(*rows), "arms.csv", WORDS)


def arm_of(**cells):
    """Return the one arm of a table with one row."""
    (study,) = read(ARM | cells).values()
    (arm,) = study["cohorts"]
    return arm


def refusals(*rows, **cells):
    """Return the problems of a table, each as its sentence."""
    return sentences(read, *(rows or (ARM | cells,)))


# --- What is read --------------------------------------------------------------------------------


WHOLE = {
    **{"design": "retrospective", "countries": "France; Italy", "doi": "10.1000/x"},
    **{"source": "abstract", "source_url": "https://example.org", "line": "first-line"},
    **{"formed_by": "frailty", "formed_by_reason": "no treatment", "pure": "12", "mixed": "8"},
    **{"os_median": "3.10", "os_lower": "2.0", "os_upper": "NR", "os_level": "0.95"},
    **{"os_unit": "months", "os_events": "14", "os_survival_12_months": "0.20"},
    **{"os_survival_12_months_lower": "0.05", "os_survival_12_months_upper": "0.41"},
    **{"pfs_survival_1.5_years": "0.10", "pfs_survival_1.5_years_at_risk": "2"},
    **{"pfs_survival_1.5_years_digitised": "TRUE", "pr": "3", "evaluable": "19"},
    **{"orr_percent": "15.8", "orr_lower": "3.4", "orr_upper": "39.6"},
}


def test_a_whole_row():
    """The page shows the digits, which equality of decimals ignores."""
    (study,) = read(ARM | WHOLE).values()
    assert Study.model_validate(study).cohorts[0].n == 20
    golden.check("arms_row", toml_of(study, Study))


def test_what_belongs_to_the_report_stands_in_its_first_row_or_in_all():
    second = ARM | {"arm": "b", "authors": "", "year": "", "n": "5"}
    third = ARM | {"arm": "c", "n": "6"}
    other = ARM | {"study": "cain2002", "authors": "Cain C"}
    files = read(ARM, second, other, third)
    assert list(files) == ["abel2001.toml", "cain2002.toml"]
    assert [arm["id"] for arm in files["abel2001.toml"]["cohorts"]] == ["all", "b", "c"]
    assert files["abel2001.toml"]["citation"]["authors"] == ["Abel A", "Cain C"]


def test_a_row_of_a_subgroup_belongs_to_its_arm():
    mixed = {"study": "abel2001", "arm": "all", "treatment": "Lenvatinib", "n": "8"}
    mixed |= {"subgroup_factor": "histology", "subgroup_level": "mixed"}
    mixed |= {"subgroup_histology": "mixed", "os_median": "60", "os_unit": "days"}
    (group,) = read(ARM, mixed)["abel2001.toml"]["cohorts"][0]["subgroups"]
    figure = {"endpoint": "os", "median": Decimal(60), "unit": "days"}
    words = {"factor": "histology", "level": "mixed", "histology": "mixed"}
    assert group == words | {"n": 8, "survival": [figure]}


@pytest.mark.parametrize("name", ["lenvatinib", "Lenvima", " LENVATINIB "])
def test_a_treatment_goes_by_any_of_its_names(name):
    arm = arm_of(treatment=name)
    assert (arm["treatment"], arm["treatment_as_printed"]) == ("lenvatinib", name.strip())
    printed = arm_of(treatment=name, treatment_as_printed="E7080")
    assert printed["treatment_as_printed"] == "E7080"


@pytest.mark.parametrize("word", ["NR", "n.r.", "NE", "not reached", "Not  Estimable"])
def test_not_reached_in_its_many_words(word):
    assert arm_of(os_median=word)["survival"][0]["median"] == "not reached"


@pytest.mark.parametrize("number", ["2.0", "0.520", "1E+2", "119", "+5", ".5"])
def test_numbers_keep_their_digits(number):
    found = arm_of(os_median=number, os_unit="days")["survival"][0]["median"]
    assert found.as_tuple() == Decimal(number).as_tuple()


def test_the_files_are_a_registry(tmp_path):
    words = {"vocabulary.toml": VOCABULARY}
    folder = tmp_path / "new"
    write_tables(read(ARM, ARM | {"study": "cain2002"}) | words, folder)
    assert list(load_registry(folder).studies) == ["abel2001", "cain2002"]


def test_the_header_names_columns_that_exist():
    header = arms_header(WORDS).strip().split(",")
    assert set(header) == set(columns_for(entry.id for entry in WORDS.endpoints))
    assert len(header) == len(set(header))
    full = table(ARM, columns=header)
    assert studies_from_arms(full, "arms.csv", WORDS)["abel2001.toml"]["cohorts"][0]["n"] == 20


def test_an_endpoint_whose_id_begins_like_another():
    words = VOCABULARY["endpoints"] + [{"id": "os_late", "label": "Late", "meaning": "Later."}]
    vocabulary = Vocabulary.model_validate(VOCABULARY | {"endpoints": words})
    text = table(ARM | {"os_late_median": "3", "os_late_unit": "months"})
    (arm,) = studies_from_arms(text, "x.csv", vocabulary)["abel2001.toml"]["cohorts"]
    assert arm["survival"][0]["endpoint"] == "os_late"


# --- What is refused -----------------------------------------------------------------------------


WRONG_CELLS = [
    *({"os_median": "3,1"}, {"os_median": "1,037", "os_unit": "days"}, {"os_median": "3·1"}),
    *({"os_median": "-"}, {"os_lower": "NR", "os_upper": "3"}, {"os_survival_6_months": "52 %"}),
    {"os_survival_6_months": "52"},
    {"os_survival_6_months": "0.5", "os_survival_6_months_at_risk": "21"},
    {"os_survival_6_months": "0.5", "os_survival_6_months_digitised": "yes"},
    *({"os_survival_6_months_at_risk": "9"}, {"orr_percent": "15.8%"}, {"n": "20.0"}, {"n": "0"}),
    *({"os_median": "3.1"}, {"os_median": "3", "os_unit": "mo"}),
    *({"os_lower": "2", "os_upper": "", "os_unit": "days"}, {"orr_upper": "20", "orr_lower": ""}),
    *({"os_median": "9", "os_lower": "2", "os_upper": "5", "os_unit": "days"}, {"pr": "21"}),
    *({"treatment": "lenvatinb"}, {"treatment": ""}, {"line": "second"}, {"design": "cohort"}),
    *({"status": ""}, {"status": "seen"}, {"study": ""}, {"study": "Abel 2001"}, {"arm": ""}),
    *({"authors": "Abel A, Cain C"}, {"year": "in press"}, {"year": "1066"}),
    *({"doi": "doi:10.1000/x"}, {"source_url": "x.org", "source": "a"}),
    *({"source_url": "https://x.org"}, {"subgroup_factor": "stage"}),
    {"os_survival_6_months": "0.20", "os_survival_12_months": "0.60"},
]


def test_a_cell_that_cannot_be_right_is_named():
    assert "n" not in arm_of(n="")
    sentences = [refusals(**cells) for cells in WRONG_CELLS]
    assert [len(found) for found in sentences] == [1] * len(WRONG_CELLS)
    assert all(found.startswith("arms.csv:2, row 2, column ") for (found,) in sentences)
    golden.check("refusals_arms", "".join(f"{sentence}\n" for (sentence,) in sentences))


WRONG_ROWS = [
    *({}, {"arm": "b", "year": "2002"}, {"subgroup_factor": "stage", "subgroup_level": ""}),
    {"subgroup_factor": "stage", "subgroup_level": "IVB", "treatment": "paclitaxel"},
    {"subgroup_factor": "stage", "subgroup_level": "IVB", "n": "21"},
    {"arm": "b", "part_of": "c"},
]


def test_a_row_that_contradicts_an_earlier_one_is_named():
    sentences = [refusals(ARM, ARM | second) for second in WRONG_ROWS]
    assert all(found.startswith("arms.csv:3, row 3, ") for (found,) in sentences)
    golden.check("refusals_arms_rows", "".join(f"{sentence}\n" for (sentence,) in sentences))


WRONG_COLUMNS = [
    *({"os_medain": "3"}, {"os_survival_12_month": "3"}, {"xyz": "3"}, {"ttp_median": "3"}),
    {"os_survival_12_months": "0.2", "os_survival_12.0_months": "0.3"},
]


def test_a_column_that_is_unknown_or_there_twice_is_named():
    sentences = [refusals(**cells) for cells in WRONG_COLUMNS]
    golden.check("refusals_arms_columns", "".join(f"{sentence}\n" for (sentence,) in sentences))


def test_required_columns_and_rows():
    problems = refused(studies_from_arms, "study,n\n,\n", "x.csv", WORDS)
    expected = {"no column status", "no column arm", "no column treatment", "no row"}
    assert {problem.found for problem in problems} == expected


def test_every_problem_of_every_row_is_told_at_once():
    rows = [ARM | {"arm": f"a{i}", "n": "x"} for i in range(3)] + [ARM | {"study": "b", "pr": "99"}]
    assert [sentence.split(":")[1].split(",")[0] for sentence in refusals(*rows)] == list("2345")


def test_a_control_character_is_refused_at_its_line():
    with pytest.raises(RegistryError, match=r"arms.csv:2: found the control character U\+0007"):
        read_csv_table("study\r\na\x07b\r\n", "arms.csv")
    assert read_csv_table("study\r\na\r\n", "arms.csv")[0] == ("study",)


# --- From a DataFrame ----------------------------------------------------------------------------

OURS = pd.DataFrame(
    {
        "study": ["ours", "ours", "theirs"],
        "status": "verified",
        "arm": ["a", "b", "a"],
        "treatment": ["Lenvima", "sorafenib", "lenvatinib"],
        "n": [20, None, 9],
        "os_median": ["3.0", "NR", None],
        "os_unit": ["months", "months", None],
        "pfs_median": [None, 2.5, 4.0],
        "pfs_unit": [None, "months", "months"],
    }
)


def small(tmp_path, *studies, **words):
    folder = tmp_path / "registry"
    return load_registry(write_registry(folder, *studies, vocabulary=VOCABULARY | words))


def test_a_frame_is_a_registry_of_its_own():
    """A count beside a missing one is a float in pandas; what is no count keeps its digits."""
    registry = arms_from_frame(OURS)
    assert list(registry.studies) == ["ours", "theirs"]
    one, other = registry["ours"].cohorts
    assert (one.treatment, one.n, other.n) == ("lenvatinib", 20, None)
    assert one.survival[0].median.as_tuple() == Decimal("3.0").as_tuple()
    assert registry["theirs"].cohorts[0].survival[0].median.as_tuple() == Decimal("4.0").as_tuple()
    assert registry.vocabulary == load_registry().vocabulary
    assert repr(registry) == "Registry of 2 reports with 3 cohorts, from DataFrame"


def test_a_frame_says_what_the_same_table_in_a_file_says(tmp_path):
    registry = small(tmp_path, study("abel2001", cohort(survival=[median("5")])))
    larger = arms_from_frame(OURS, registry)
    text = OURS.astype({"n": "Int64"}).to_csv(index=False)
    write_tables(studies_from_arms(text, "x.csv", registry.vocabulary), tmp_path / "files")
    assert [*larger][1:] == [*load_registry(tmp_path / "files", alone=True)]
    assert larger["abel2001"] is registry["abel2001"]
    assert len({registry.fingerprint, larger.fingerprint, arms_from_frame(OURS).fingerprint}) == 3
    assert larger.fingerprint == arms_from_frame(OURS, registry).fingerprint


def test_arms_that_are_added_are_read_like_the_others(tmp_path):
    reading = {"from": "pfs", "to": "os", "allowed": "on request", "reason": "It errs."}
    registry = small(
        tmp_path, study("abel2001", cohort(survival=[median("5")])), conversions=[reading]
    )
    larger = arms_from_frame(OURS, convert_endpoints(registry, ["pfs:os"]))
    assert larger["theirs"].cohorts[0].survival[0].endpoint == "os"


@pytest.mark.parametrize(
    ("frame", "place", "found"),
    [
        (OURS.assign(n=20.5), "row 2, column n", '"20.5"'),
        (OURS.assign(study="abel2001", arm=list("abc")), "study", '"abel2001"'),
        (OURS.rename(columns={"os_unit": "n"}), "row 1", 'the column "n" twice'),
        (OURS.head(0), "", "no row"),
        (pd.DataFrame(), "row 1", "no header"),
    ],
)
def test_a_frame_that_cannot_be_read_is_refused_in_words(tmp_path, frame, place, found):
    registry = small(tmp_path, study("abel2001", cohort()))
    first, *_ = refused(arms_from_frame, frame, registry)
    assert (first.file, first.field, first.found) == ("DataFrame", place, found)
