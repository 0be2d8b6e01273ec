"""The table of a registry holds every cohort, with the printed figure beside the converted one."""

from __future__ import annotations

from decimal import Decimal

import golden
import pandas as pd
import pytest
from small_registry import cohort, full_study, landmark, median, study, write_registry

from studies import load_registry
from studies.documents import COLUMNS, printed_response, registry_frame
from studies.figures import endpoints_of, printed_landmark, printed_median
from studies.schema import Landmark, Response, SurvivalOutcome


@pytest.fixture
def frame(tmp_path):
    """Tabulate a registry of the given studies."""

    def tabulate(*studies):
        return registry_frame(load_registry(write_registry(tmp_path / "r", *studies)))

    return tabulate


def test_figures_are_kept_as_printed_and_converted_beside(frame):
    """One row for each cohort and endpoint; days are 12 / 365.25 months."""
    arms = [
        cohort(
            "days",
            survival=[median("119", unit="days", ci="36.3 201.6")],
            landmarks=[landmark(1, "0.21", unit="years"), landmark(6, "0.380")],
        ),
        cohort("other", disease="squamous"),
        cohort("formed", formed_by={"kind": "survival", "reason": "lived to be treated"}),
        cohort("counts", response={"cr": 0, "pr": 2, "evaluable": 23}),
        cohort("rate", response={"orr_percent": Decimal("17.4"), "evaluable": 23}),
        cohort("vague", n=200, response={"orr_percent": 10, "orr_ci": [6, 15]}),
    ]
    table = frame(full_study(), study("abel2001", *arms))
    assert list(table.columns) == list(COLUMNS)
    rows = table.round(6).astype(object).to_dict("records")
    lines = (f"{name}: {row[name]}\n" for row in rows for name in row if not pd.isna(row[name]))
    golden.check("registry_frame", "".join(lines))


def test_endpoints_of_subgroups_and_of_listed_patients_have_a_row(frame):
    arm = cohort(
        subgroups=[{"factor": "stage", "level": "IVB", "n": 9, "survival": [median()]}],
        patients=[{"pfs": 2, "unit": "months"}],
    )
    table = frame(study("abel2001", arm))
    assert list(table["endpoint"]) == ["os", "pfs"]
    assert table["printed"].isna().all()


def test_columns_have_the_same_kinds_whatever_is_missing(frame):
    full = frame(full_study())
    bare = frame(study("abel2001", cohort()))
    for table in (full, bare):
        assert str(table["n"].dtype) == "Int64"
        assert str(table["median_months"].dtype) == "float64"
        assert str(table["median_not_reached"].dtype) == "boolean"


MEDIANS = [
    *(median("3.1", ci="0.6 5.5"), median("2.0"), median("166", unit="days")),
    *(median("96.0", unit="weeks"), median("not reached", ci="4.7 NR"), median(None, follow_up=9)),
]
LANDMARKS = [landmark(12, "0.520", ci="0.35 0.67"), landmark(12, "0.520", digitised=True)]
RESPONSES = [
    *({"responders": 3, "evaluable": 9}, {"pr": 6, "evaluable": 9}, {"cr": 1, "pr": 2}),
    {"sd": 4, "evaluable": 9},
]


def test_figures_are_written_as_printed():
    lines = [printed_median(SurvivalOutcome(**figure)) for figure in MEDIANS]
    lines += [printed_landmark(Landmark(**figure)) for figure in LANDMARKS]
    lines += [str(printed_response(Response(**figure))) for figure in RESPONSES]
    golden.check("printed_figures", "\n".join([*lines, ""]))


def test_no_shipped_cohort_is_missing_from_the_table(registry):
    table = registry_frame(registry)
    listed = set(zip(table["study_id"], table["cohort_id"], strict=True))
    assert listed == {(item.id, arm.id) for item in registry for arm in item.cohorts}
    rows = sum(max(len(endpoints_of(arm)), 1) for item in registry for arm in item.cohorts)
    assert len(table) == rows
    assert not table.duplicated(["study_id", "cohort_id", "endpoint"]).any()
