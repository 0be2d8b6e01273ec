"""Gains and ranks are as probable as they are said to be, in registries of known truth.

Statements of one registry hang together, so that errors are those of registries. A right analysis
exceeds 3.5 standard errors once in two thousand comparisons; some forty are made.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from calibration import benefit

from synthesis.questions.contrasts import SURVIVAL_CONTRASTS

LARGEST_Z = 3.5
CHANCES = ("gain", "rank")


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(benefit.OUTPUT)


def assert_calibrated(rows: pd.DataFrame) -> None:
    """Every probability, overall and by how large it is; neither too sure nor too timid."""
    far = {}
    for kind, own in rows.groupby("kind"):
        far[kind] = benefit.reliability(own).z
    for kind in CHANCES:
        own = rows[rows["kind"] == kind]
        far[f"{kind}, slope"] = benefit.slope_z(own)
        for found in benefit.bins(own, benefit.EDGES):
            far[f"{kind}, about {found.said:.2f}"] = found.z
    far = {name: round(z, 2) for name, z in far.items() if not abs(z) < LARGEST_Z}
    assert not far, f"standard errors from what was said: {far}"


def sharpened(rows: pd.DataFrame, power: float) -> pd.DataFrame:
    """The same statements, too sure (power above 1) or too timid."""
    odds = (rows["said"].clip(0.001, 0.999) / (1 - rows["said"].clip(0.001, 0.999))) ** power
    return rows.assign(said=np.where(rows["kind"].isin(CHANCES), odds / (1 + odds), rows["said"]))


def test_what_is_stored_is_what_the_script_makes(stored):
    assert tuple(stored.columns) == benefit.COLUMNS
    assert set(stored["world"]) == set(range(benefit.WORLDS))
    assert benefit.WORLDS >= 200
    kinds = {f"interval {name}" for name in SURVIVAL_CONTRASTS}
    assert set(stored["kind"]) == {*CHANCES, "rank interval"} | kinds
    treatments = len(benefit.survival_world.CLASSES)
    counts = stored["kind"].value_counts() / benefit.WORLDS
    assert counts["gain"] == (treatments - 1) * len(benefit.DELTAS)
    assert counts["rank"] == treatments**2
    assert counts["rank interval"] == treatments


def test_gains_and_ranks_are_calibrated_in_the_stored_worlds(stored):
    assert_calibrated(stored)


def test_probabilities_are_worth_something(stored):
    """They tell apart: always naming the average share would be calibrated, too."""
    for kind in CHANCES:
        own = stored[stored["kind"] == kind]
        score = ((own["said"] - own["true"]) ** 2).mean()
        blind = own["true"].mean() * (1.0 - own["true"].mean())
        assert score < 0.75 * blind


@pytest.mark.parametrize("power", [1.5, 1 / 1.5])
def test_the_bounds_fail_probabilities_that_are_too_sure_or_too_timid(stored, power):
    with pytest.raises(AssertionError, match="gain"):
        assert_calibrated(sharpened(stored, power))


def test_the_bounds_fail_ranks_of_intervals_that_are_too_narrow(stored):
    """A tenth of the intervals that cover made to miss."""
    narrow = stored.copy()
    own = narrow.index[(narrow["kind"] == "rank interval") & (narrow["true"] == 1)]
    narrow.loc[own[::10], "true"] = 0
    with pytest.raises(AssertionError, match="rank interval"):
        assert_calibrated(narrow)


def test_reliability_by_hand():
    rows = pd.DataFrame(
        [(0, "gain", "a", 0.8, 1), (0, "gain", "b", 0.6, 0), (1, "gain", "a", 0.7, 1)],
        columns=list(benefit.COLUMNS),
    )
    found = benefit.reliability(rows)
    assert found.said == pytest.approx(0.7)
    assert found.true == pytest.approx(2 / 3)
    # worlds are off by 0.2 - 0.6 and 0.3; binomial variances are 0.16, 0.24 and 0.21
    assert found.error == pytest.approx(np.sqrt(max(0.4**2 + 0.3**2, 0.61)) / 3)
    assert (found.statements, found.worlds) == (3, 2)


@pytest.mark.slow
def test_gains_and_ranks_are_calibrated_in_new_worlds(tmp_path):
    """Other worlds than the stored ones, simulated, fitted and compared here."""
    rows = benefit.simulated(40, benefit.SEED + 1, tmp_path)
    assert_calibrated(rows.assign(true=rows["true"].astype(int)))
    benefit.draw(rows, tmp_path / "reliability.svg")
    assert (tmp_path / "reliability.svg").stat().st_size > 1000
