"""Estimates for other programs: each standard error beside the arithmetic that it stands for."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from small_registry import NR, cohort, median, study, subgroup, write_registry

import studies
from studies import load_registry
from studies.estimates import COLUMNS, estimates, median_estimate, ratio_estimate
from studies.schema import Comparison, SurvivalOutcome

Z90, Z95 = 1.6448536269514722, 1.959963984540054


def outcome(value="3.1", **more):
    return SurvivalOutcome.model_validate(median(value, **more))


def ratio(**more):
    words = {"endpoint": "os", "groups": ("a", "b"), "hr": Decimal("0.5")}
    return Comparison.model_validate(words | more)


@pytest.mark.parametrize(
    ("printed", "error", "source"),
    [
        (outcome("4.0", ci="2.0 9.0", level="0.95"), math.log(9 / 2) / (2 * Z95), "interval"),
        (outcome("4.0", ci="2.0 9.0"), math.log(9 / 2) / (2 * Z95), "interval"),
        (outcome("4.0", ci="2.0 9.0", level="0.9"), math.log(9 / 2) / (2 * Z90), "interval"),
        (outcome("4.0", ci="2.0 NR"), math.log(2) / Z95, "interval"),
        # evenly around the median: made on the time scale
        (outcome("3.1", ci="0.6 5.5"), 4.9 / (2 * Z95 * 3.1), "interval"),
        (outcome("4.0", ci="0.0 9.0"), 1 / (math.log(2) * 5), "patients"),
        (outcome("4.0", events=16), 1 / (math.log(2) * 4), "events"),
        (outcome("4.0"), 1 / (math.log(2) * 5), "patients"),
    ],
)
def test_the_standard_error_of_a_median(printed, error, source):
    y, se, found = median_estimate(printed, 25)
    assert (y, se, found) == (
        pytest.approx(math.log(float(printed.median))),
        pytest.approx(error),
        source,
    )


def test_a_median_without_any_size_or_that_is_not_reached_has_no_estimate():
    assert median_estimate(outcome("4.0"), None) is None
    assert median_estimate(outcome(NR), 25) is None
    assert median_estimate(outcome("0"), 25) is None


@pytest.mark.parametrize(
    ("own", "error"),
    [
        (ratio(hr_ci=(Decimal("0.25"), Decimal(1))), math.log(4) / (2 * Z95)),
        (ratio(p=Decimal("0.05")), math.log(2) / Z95),
        (ratio(p=Decimal("0.05"), sided=1), math.log(2) / Z90),
        (ratio(hr_ci=(Decimal(0), Decimal(1)), p=Decimal("0.05")), math.log(2) / Z95),
    ],
)
def test_the_standard_error_of_a_hazard_ratio(own, error):
    y, se, _ = ratio_estimate(own)
    assert (y, se) == (pytest.approx(-math.log(2)), pytest.approx(error))


@pytest.mark.parametrize(
    "own", [ratio(), ratio(p="<0.001"), ratio(hr=None), ratio(hr=Decimal(1), p=Decimal("0.5"))]
)
def test_a_hazard_ratio_of_unknown_width_has_no_estimate(own):
    assert ratio_estimate(own) is None


def test_rows_are_arms_their_histologies_and_comparisons(tmp_path):
    groups = [subgroup("pure", 15, survival=[median("2.7")])]
    both = {"endpoint": "os", "groups": ["arm", "other"], "hr": Decimal("0.6")}
    own = study(
        "own2020",
        cohort(survival=[median("100", unit="days")], subgroups=groups),
        cohort("other", "best_care", 9, survival=[median("2.0")], not_pooled="few"),
        comparisons=[both | {"p": Decimal("0.01"), "adjusted": True}],
    )
    registry = load_registry(write_registry(tmp_path / "r", own))
    table = estimates(registry, [(one, each) for one in registry for each in one.cohorts])
    assert list(table) == list(COLUMNS)
    assert list(table["arm"]) == ["arm", "arm", "other", "arm"]
    assert table["histology"].fillna("").tolist() == ["", "pure", "", ""]
    assert table["counted"].fillna("").tolist() == ["TRUE", "TRUE", "FALSE", ""]
    assert table["estimate"].iloc[0] == pytest.approx(math.log(100 / 30.4375))
    last = table.iloc[-1]
    assert (last["treatment"], last["against_treatment"]) == ("lenvatinib", "best_care")
    assert (last["adjusted"], pd.isna(last["n"])) == ("TRUE", True)


def test_the_guide_tells_every_column():
    page = (Path(studies.__file__).parent / "README.md").read_text(encoding="utf-8")
    for name, meaning in COLUMNS.items():
        assert f"| `{name}` | {meaning} |" in page


def test_what_metafor_gave_follows_from_the_rows_that_it_read():
    """The restricted likelihood of the rows is highest at its estimates."""
    said = (Path(__file__).parents[1] / "docs" / "r" / "metafor.out").read_text(encoding="utf-8")
    row = r"^ .+ \d{4}[a-z]? +\d+ +(\S+) +(\S+) +(?:interval|events|patients)$"
    y, error = np.array(re.findall(row, said, re.MULTILINE), dtype=float).T
    assert f"k = {len(y)};" in said

    def deviance(tau2):
        weights = 1 / (error**2 + tau2)
        mean = weights @ y / weights.sum()
        return weights @ (y - mean) ** 2 - np.log(weights).sum() + np.log(weights.sum())

    tau2 = minimize_scalar(deviance, bounds=(0, 1), method="bounded", options={"xatol": 1e-9}).x
    weights = 1 / (error**2 + tau2)
    mine = (tau2, weights @ y / weights.sum(), 1 / math.sqrt(weights.sum()))
    found = [*re.search(r"total heterogeneity\): (\S+)", said).groups()]
    found += re.search(r"ci\.ub +\n(\S+) +(\S+)", said).groups()
    # rma stops where tau^2 moves by less than 1e-5
    assert [*map(float, found)] == pytest.approx(mine, abs=1e-5)
