"""A table of arms becomes study files, or is refused cell by cell."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from small_registry import VOCABULARY

from studies import RegistryError, load_registry
from studies.arms import arms_header, columns_known, studies_from_arms
from studies.documents import write_files
from studies.schema import Study
from studies.vocabulary import Vocabulary

WORDS = Vocabulary.model_validate(VOCABULARY)
ARM = {
    "study": "abel2001",
    "status": "verified",
    "authors": "Abel A; Cain C",
    "year": "2001",
    "arm": "all",
    "treatment": "lenvatinib",
    "n": "20",
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
    with pytest.raises(RegistryError) as raised:
        read(*(rows or (ARM | cells,)))
    return [str(problem) for problem in raised.value.problems]


# --- What is read --------------------------------------------------------------------------------


WHOLE = {
    "design": "retrospective",
    "countries": "France; Italy",
    "doi": "10.1000/x",
    "source": "abstract",
    "source_url": "https://example.org",
    "line": "first-line",
    "pure": "12",
    "mixed": "8",
    "os_median": "3.10",
    "os_lower": "2.0",
    "os_upper": "NR",
    "os_level": "0.95",
    "os_unit": "months",
    "os_events": "14",
    "os_survival_12_months": "0.20",
    "os_survival_12_months_lower": "0.05",
    "os_survival_12_months_upper": "0.41",
    "pfs_survival_1.5_years": "0.10",
    "pfs_survival_1.5_years_at_risk": "2",
    "pfs_survival_1.5_years_digitised": "TRUE",
    "pr": "3",
    "evaluable": "19",
    "orr_percent": "15.8",
    "orr_lower": "3.4",
    "orr_upper": "39.6",
}


def test_a_whole_row():
    (study,) = read(ARM | WHOLE).values()
    assert study == {
        "id": "abel2001",
        "status": "verified",
        "citation": {"authors": ["Abel A", "Cain C"], "year": 2001, "doi": "10.1000/x"},
        "design": "retrospective",
        "countries": ["France", "Italy"],
        "sources": [{"kind": "abstract", "url": "https://example.org"}],
        "cohorts": [
            {
                "id": "all",
                "treatment": "lenvatinib",
                "treatment_as_printed": "lenvatinib",
                "line": "first-line",
                "n": 20,
                "histology": {"pure": 12, "mixed": 8},
                "survival": [
                    {
                        "endpoint": "os",
                        "median": Decimal("3.10"),
                        "unit": "months",
                        "ci": [Decimal("2.0"), "not reached"],
                        "level": Decimal("0.95"),
                        "events": 14,
                    }
                ],
                "landmarks": [
                    {
                        "endpoint": "os",
                        "time": Decimal("12"),
                        "unit": "months",
                        "survival": Decimal("0.20"),
                        "ci": [Decimal("0.05"), Decimal("0.41")],
                    },
                    {
                        "endpoint": "pfs",
                        "time": Decimal("1.5"),
                        "unit": "years",
                        "survival": Decimal("0.10"),
                        "at_risk": 2,
                        "digitised": True,
                    },
                ],
                "response": {
                    "pr": 3,
                    "evaluable": 19,
                    "orr_percent": Decimal("15.8"),
                    "orr_ci": [Decimal("3.4"), Decimal("39.6")],
                },
            }
        ],
    }
    outcome = Study.model_validate(study).cohorts[0].survival[0]
    assert [str(outcome.median), str(outcome.ci[0])] == ["3.10", "2.0"]


def test_what_belongs_to_the_report_stands_in_its_first_row_or_in_all():
    second = ARM | {"arm": "b", "authors": "", "year": "", "n": "5"}
    third = ARM | {"arm": "c", "n": "6"}
    other = ARM | {"study": "cain2002", "authors": "Cain C"}
    files = read(ARM, second, other, third)
    assert list(files) == ["abel2001.toml", "cain2002.toml"]
    assert [arm["id"] for arm in files["abel2001.toml"]["cohorts"]] == ["all", "b", "c"]
    assert files["abel2001.toml"]["citation"]["authors"] == ["Abel A", "Cain C"]


def test_a_row_of_a_subgroup_belongs_to_its_arm():
    mixed = {
        "study": "abel2001",
        "arm": "all",
        "treatment": "Lenvatinib",
        "subgroup_factor": "histology",
        "subgroup_level": "mixed",
        "subgroup_histology": "mixed",
        "n": "8",
        "os_median": "60",
        "os_unit": "days",
    }
    arm = read(ARM, mixed)["abel2001.toml"]["cohorts"][0]
    assert arm["subgroups"] == [
        {
            "factor": "histology",
            "level": "mixed",
            "histology": "mixed",
            "n": 8,
            "survival": [{"endpoint": "os", "median": Decimal(60), "unit": "days"}],
        }
    ]


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
    write_files(read(ARM, ARM | {"study": "cain2002"}) | words, folder)
    assert list(load_registry(folder).studies) == ["abel2001", "cain2002"]


def test_the_header_names_columns_that_exist():
    header = arms_header(WORDS).strip().split(",")
    assert set(header) == set(columns_known(WORDS))
    assert len(header) == len(set(header))
    assert not any(name.startswith("pfs_") for name in arms_header(WORDS, ["os"]).split(","))
    full = table(ARM, columns=header)
    assert studies_from_arms(full, "arms.csv", WORDS)["abel2001.toml"]["cohorts"][0]["n"] == 20


def test_an_endpoint_whose_id_begins_like_another():
    words = VOCABULARY["endpoints"] + [{"id": "os_late", "label": "Late", "meaning": "Later."}]
    vocabulary = Vocabulary.model_validate(VOCABULARY | {"endpoints": words})
    text = table(ARM | {"os_late_median": "3", "os_late_unit": "months"})
    (arm,) = studies_from_arms(text, "x.csv", vocabulary)["abel2001.toml"]["cohorts"]
    assert arm["survival"][0]["endpoint"] == "os_late"


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            {"os_median": "3,1"},
            'arms.csv:2, row 2, column os_median: found "3,1", expected a number with a decimal '
            'point or "not reached": write 3.1.',
        ),
        (
            {"os_median": "1,037", "os_unit": "days"},
            'arms.csv:2, row 2, column os_median: found "1,037", expected a number with a decimal '
            'point or "not reached": write 1.037, or 1037 where the comma separates thousands.',
        ),
        ({"os_median": "3·1"}, 'column os_median: found "3·1", expected a number with a decimal'),
        ({"os_median": "-"}, 'column os_median: found "-", expected a number with a decimal point'),
        ({"os_lower": "NR", "os_upper": "3"}, 'column os_lower: found "NR", expected a number'),
        (
            {"os_survival_6_months": "52 %"},
            'column os_survival_6_months: found "52 %", expected a number with a decimal point, '
            "without a percent sign: write 0.52.",
        ),
        ({"os_survival_6_months": "52"}, "column os_survival_6_months: found 52, expected a fract"),
        (
            {"os_survival_6_months": "0.5", "os_survival_6_months_at_risk": "21"},
            "column os_survival_6_months_at_risk: found 21, expected no more than the 20 patients",
        ),
        (
            {"os_survival_6_months": "0.5", "os_survival_6_months_digitised": "yes"},
            'column os_survival_6_months_digitised: found "yes", expected true or false: write '
            "true, or leave the cell empty.",
        ),
        (
            {"os_survival_6_months_at_risk": "9"},
            "column os_survival_6_months: found nothing, expected the key survival",
        ),
        ({"orr_percent": "15.8%"}, 'column orr_percent: found "15.8%", expected a number with a '),
        ({"n": "20.0"}, 'column n: found "20.0", expected a whole number: write the count as'),
        ({"n": ""}, None),
        ({"n": "0"}, "column n: found 0, expected a whole number of 1 or more"),
        ({"os_median": "3.1"}, "column os_unit: found nothing, expected one of days, weeks"),
        ({"os_median": "3", "os_unit": "mo"}, 'column os_unit: found "mo", expected one of days'),
        (
            {"os_lower": "2", "os_upper": "", "os_unit": "days"},
            "column os_upper: found nothing beside os_lower, expected both limits",
        ),
        (
            {"orr_upper": "20", "orr_lower": ""},
            "column orr_lower: found nothing beside orr_upper, expected both limits",
        ),
        (
            {"os_median": "9", "os_lower": "2", "os_upper": "5", "os_unit": "days"},
            "column os_lower: found [2, 5], expected limits around the median of 9",
        ),
        ({"pr": "21"}, "column pr: found 21, expected no more than the 20 patients of the arm"),
        ({"treatment": "lenvatinb"}, 'column treatment: found "lenvatinb", expected a treatment'),
        ({"treatment": ""}, "column treatment: found an empty cell, expected a treatment of the"),
        ({"line": "second"}, 'column line: found "second", expected one of first-line'),
        ({"design": "cohort"}, 'column design: found "cohort", expected one of retrospective'),
        ({"status": ""}, "column status: found an empty cell, expected verified or secondary"),
        ({"status": "seen"}, 'column status: found "seen", expected one of verified, secondary'),
        ({"study": ""}, "column study: found an empty cell, expected the id of the study"),
        ({"study": "Abel 2001"}, 'column study: found "Abel 2001", expected an identifier'),
        ({"arm": ""}, "column arm: found an empty cell, expected the id of the arm"),
        ({"authors": "Abel A, Cain C"}, 'column authors: found "Abel A, Cain C", expected entrie'),
        ({"year": "in press"}, 'column year: found "in press", expected a whole number'),
        ({"year": "1066"}, "column year: found 1066, expected a year from 1900 to 2100"),
        ({"doi": "doi:10.1000/x"}, 'column doi: found "doi:10.1000/x", expected a DOI'),
        ({"source_url": "x.org", "source": "a"}, 'column source_url: found "x.org", expected a we'),
        ({"source_url": "https://x.org"}, "column source: found nothing, expected the key kind"),
        ({"subgroup_factor": "stage"}, 'column arm: found "all", expected an arm that an earlier'),
    ],
)
def test_a_cell_that_cannot_be_right_is_named(cells, sentence):
    if sentence is None:
        assert "n" not in arm_of(**cells)
        return
    found = refusals(**cells)
    assert len(found) == 1, found
    assert sentence in found[0]
    assert found[0].startswith("arms.csv:2, row 2, column ")


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        ({}, 'row 3, column arm: found "all" again, expected an id that row 2 does not have'),
        ({"arm": "b", "year": "2002"}, 'column year: found "2002", expected "2001", as in row 2'),
        (
            {"subgroup_factor": "stage", "subgroup_level": ""},
            "column subgroup_level: found an empty cell, expected what tells the subgroup",
        ),
        (
            {"subgroup_factor": "stage", "subgroup_level": "IVB", "treatment": "paclitaxel"},
            'column treatment: found "paclitaxel", expected an empty cell in the row of a subgroup',
        ),
        (
            {"subgroup_factor": "stage", "subgroup_level": "IVB", "n": "21"},
            "column n: found 21, expected no more than the 20 patients of the cohort",
        ),
        ({"arm": "b", "part_of": "c"}, 'column part_of: found "c", expected the id of another'),
    ],
)
def test_a_row_that_contradicts_an_earlier_one_is_named(second, sentence):
    found = refusals(ARM, ARM | second)
    assert len(found) == 1, found
    assert found[0].startswith("arms.csv:3, row 3, ")
    assert sentence in found[0]


def test_a_figure_that_contradicts_another_names_the_other_cell():
    cells = {"os_survival_6_months": "0.20", "os_survival_12_months": "0.60"}
    (sentence,) = refusals(**cells)
    assert (
        "column os_survival_12_months: found 0.60 at 12 months, expected no more than" in sentence
    )
    assert "(row 2, column os_survival_6_months)" in sentence


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (
            "os_medain",
            'row 1: found the unknown column "os_medain", expected a column of a table '
            "of arms: write os_median.",
        ),
        ("os_survival_12_month", "write os_survival_12_months."),
        ("xyz", "remove it, or correct its name."),
        ("ttp_median", "found the unknown column"),
    ],
)
def test_an_unknown_column_names_the_closest(column, sentence):
    (found,) = refusals(**{column: "3"})
    assert sentence in found


def test_two_columns_for_one_figure_are_refused():
    (sentence,) = refusals(**{"os_survival_12_months": "0.2", "os_survival_12.0_months": "0.3"})
    assert sentence.startswith(
        'arms.csv:1, row 1: found the column "os_survival_12.0_months", expected one for what '
        "os_survival_12_months holds: "
    )


def test_required_columns_and_rows():
    with pytest.raises(RegistryError) as raised:
        studies_from_arms("study,n\n,\n", "x.csv", WORDS)
    found = {problem.found for problem in raised.value.problems}
    assert found == {"no column status", "no column arm", "no column treatment", "no row"}


def test_every_problem_of_every_row_is_told_at_once():
    rows = [ARM | {"arm": f"a{i}", "n": "x"} for i in range(3)] + [ARM | {"study": "b", "pr": "99"}]
    assert [sentence.split(":")[1].split(",")[0] for sentence in refusals(*rows)] == list("2345")
