"""What a notebook shows and asks: registries like mappings, short descriptions, tables."""

from __future__ import annotations

import pandas as pd
import pytest
import report_fits
from registries import shipped

from studies import UnknownWordError


@pytest.fixture
def registry():
    return shipped()


def test_a_registry_is_asked_like_a_mapping(registry):
    assert "sparano2021" in registry
    assert registry["sparano2021"] in registry
    assert registry["sparano2021"].id == "sparano2021"
    assert "sparano2012" not in registry
    with pytest.raises(UnknownWordError, match="sparano2021"):
        registry["sparano2012"]
    assert [study.id for study in registry] == list(registry.studies)
    assert len(registry) == len(registry.studies)


def test_a_registry_is_shown_as_a_line_and_as_a_table(registry):
    cohorts = sum(len(study.cohorts) for study in registry)
    assert repr(registry).startswith(f"Registry of {len(registry)} reports with {cohorts} cohorts")
    assert "\n" not in repr(registry)
    frame = registry.to_frame()
    assert set(frame["study_id"]) == set(registry.studies)
    assert registry._repr_html_().startswith("<div>")


def test_a_fit_is_a_line_and_has_a_table_of_its_parameters(tmp_path):
    registry = report_fits.registry_with(tmp_path, *report_fits.reports())
    fit = report_fits.analysis_of(registry, endpoints=("os",)).fits["os"]
    assert len(repr(fit).splitlines()) == 1
    assert repr(fit).count("cohort") == 1
    table = fit.summary("mu")
    assert isinstance(table, pd.DataFrame)
    draws = fit.tree["posterior"]["mu"].to_numpy()
    assert float(table["mean"].iloc[0]) == pytest.approx(draws.mean(), abs=0.0005)  # three decimals
