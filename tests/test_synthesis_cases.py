"""Single patients are shown with time and status, and never pooled."""

from __future__ import annotations

import math

import pytest
from plot_tables import case_table
from small_registry import cohort, median, study, write_registry

from studies import load_registry
from synthesis.counting import select
from synthesis.endpoints import ENDPOINTS
from synthesis.plots import plot_cases
from synthesis.questions import cases
from synthesis.reported import cohort_words


def single(name, treatment="lenvatinib", patient=None, **more):
    """A report of one patient."""
    listed = {} if patient is None else {"patients": [patient]}
    return study(name, cohort("case", treatment, 1, not_pooled="A single case.", **listed, **more))


@pytest.fixture
def registry(tmp_path):
    own = (
        single("lived", "radiotherapy", {"os": 2, "unit": "years", "event": "alive"}),
        single("died", patient={"os": 30, "unit": "days", "event": "died", "response": "SD"}),
        single("silent", disease="squamous"),
        study("series", cohort("arm", "sorafenib", 20, survival=[median(4)])),
        study("pooled", cohort("arm", "lenvatinib", 1, survival=[median(7)])),
    )
    return load_registry(write_registry(tmp_path / "registry", *own), alone=True)


def test_a_row_a_patient_that_is_not_counted(registry):
    table = cases.cases(registry, {"pooled:arm"}).set_index("study")
    assert list(table.index) == ["silent", "died", "lived"]
    silent, died, lived = (row for _, row in table.iterrows())
    assert died["months"] == pytest.approx(30 / 30.4375)
    told = died[["reported", "status", "response"]].tolist()
    assert told == ["1.0 months (30 days), died", "died", "SD"]
    told = lived[["months", "status", "treatment_class"]].tolist()
    assert told == [24.0, "alive", "Radiotherapy"]
    assert silent[["status", "disease"]].tolist() == ["not stated", "squamous"]
    assert math.isnan(silent["months"])


def test_the_figure_says_how_many_there_are(registry):
    result = cases.result(registry, {"pooled:arm"})
    (finding,) = result.findings
    assert finding.heading == "3 single patients, not pooled: published for their outcome"
    assert "2 with a time of overall survival (1 died, 1 alive), 1 without." in finding.text
    (picture,) = finding.pictures
    assert len(picture.arguments["table"]) == 3


def test_none_where_every_patient_is_counted(registry):
    names = {f"{own.id}:{own.cohorts[0].id}" for own in registry}
    assert cases.result(registry, names) is None


def test_the_list_of_all_cohorts_tells_time_and_status(registry):
    (own,) = registry.study("lived").cohorts
    assert cohort_words(own, "os") == "24.0 months (2 years), alive"


def test_no_shipped_single_case_is_pooled(shipped):
    counted = {ref.id for name in ENDPOINTS for ref in select(shipped, name).counted}
    table = cases.cases(shipped, counted)
    alone = {f"{s.id}:{own.id}" for s in shipped for own in s.cohorts if own.n == 1}
    assert set(table["study"] + ":" + table["cohort"]) == alone
    assert alone.isdisjoint(counted)


def test_a_mark_a_patient_with_a_time():
    figure = plot_cases(case_table())
    (axes,) = figure.axes
    marks = [line for line in axes.lines if str(line.get_gid()).endswith("estimate")]
    assert len(marks) == 6
    filled = [line.get_markerfacecolor() != "white" for line in marks]
    assert filled.count(True) == 3
    assert "4 (3)" in [text.get_text() for text in figure.texts]
    low, high = axes.get_xlim()
    assert all(low <= line.get_xdata()[0] <= high for line in marks)


def test_marks_that_would_touch_stand_on_lines_of_their_own():
    table = case_table().assign(months=[12.0, 12.5, 40.0, 12.2, 1.0, 2.0, 4.0])
    (axes,) = plot_cases(table).axes
    first = [line for line in axes.lines if str(line.get_gid()).startswith("cases-0-")]
    heights = {round(float(line.get_xdata()[0]), 1): float(line.get_ydata()[0]) for line in first}
    assert len({heights[12.0], heights[12.2], heights[12.5]}) == 3
    assert heights[40.0] == heights[12.0]
