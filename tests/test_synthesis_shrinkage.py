"""A treatment whose own cohorts contradict its average study is told so, and no other is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fits import fit_of
from matplotlib.text import Text
from small_registry import cohort, median, study, write_registry

from studies import load_registry
from synthesis.estimands import named_groups
from synthesis.plots import plot_forest
from synthesis.questions.pooled.cohorts import cohort_of
from synthesis.questions.pooled.shrinkage import is_shrunk
from synthesis.questions.pooled.tables import forest_table, pooled_table


def registry_of(folder, *arms):
    """Reports of one treatment, a cohort each."""
    own = (study(f"report{i}", cohort("arm", n=61, **arm)) for i, arm in enumerate(arms))
    return load_registry(write_registry(folder / "registry", *own))


def counts(responders, evaluable):
    """What a cohort reports of response."""
    return {"response": {"responders": responders, "evaluable": evaluable}}


@pytest.mark.parametrize(
    ("arms", "rate", "shrunk"),
    [
        ([(0, 61)], 0.12, True),  # the exact interval ends at 5.9 %
        ([(0, 61)], 0.05, False),
        ([(15, 25)], 0.36, True),  # it begins at 38.7 %
        ([(0, 61), (0, 40)], 0.12, True),
        ([(0, 61), (3, 20)], 0.12, False),  # inside that of one
        ([(0, 61), (20, 30)], 0.12, False),  # between its cohorts: they differ
    ],
)
def test_a_rate_outside_the_exact_interval_of_each_cohort_is_shrunk(tmp_path, arms, rate, shrunk):
    registry = registry_of(tmp_path, *(counts(*arm) for arm in arms))
    odds = np.log(rate / (1 - rate))
    fit = fit_of(registry, "response", mu=odds, log_odds=odds)
    table = pooled_table({"response": fit}, registry.vocabulary, 0.4)
    assert set(table.loc[table["treatment"] == "Lenvatinib", "shrunk"]) == {shrunk}
    forest = forest_table(fit, registry.vocabulary, 0.4)
    pooled = forest["kind"].isin(["mean_study", "new_study"])
    assert set(forest.loc[pooled, "shrunk"]) == {shrunk}
    assert not forest.loc[~pooled, "shrunk"].any()


@pytest.mark.parametrize(
    ("figures", "average", "there", "shrunk"),
    [
        ({"ci": "8.0 12.0", "level": "0.95"}, 20.0, 20.0, True),
        ({"ci": "8.0 12.0", "level": "0.95"}, 20.0, 10.0, False),  # its population explains it
        ({"ci": "8.0 12.0", "level": "0.95"}, 10.0, 20.0, False),
        ({"ci": "8.0 NR", "level": "0.95"}, 20.0, 20.0, False),
        ({}, 20.0, 20.0, False),  # no interval, nothing to hold it against
    ],
)
def test_a_median_is_held_against_the_interval_in_the_population_of_its_cohort(
    tmp_path, figures, average, there, shrunk
):
    registry = registry_of(tmp_path, {"survival": [median("10.0", **figures)]})
    # the cohort lies above the average study of its own population by its study effect
    fit = fit_of(registry, log_median=np.log(there) + 0.5, study_effect=0.5)
    (group,) = (own for own in named_groups(fit, registry.vocabulary) if not own.is_class)
    assert is_shrunk(fit, group, average) is shrunk
    assert (cohort_of(fit, 0).interval is None) == (figures == {})


def test_a_dagger_stands_behind_it_in_the_forest_plot(tmp_path):
    registry = registry_of(tmp_path, counts(0, 61))
    odds = np.log(0.12 / 0.88)
    fit = fit_of(registry, "response", mu=odds, log_odds=odds)
    table = forest_table(fit, registry.vocabulary, 0.4)

    def texts(table: pd.DataFrame) -> str:
        figure = plot_forest(table, endpoint="response").figure
        return "\n".join(text.get_text() for text in figure.findobj(Text))

    found = texts(table)
    assert "12 (12–12)†" in found
    assert "shrunk towards the other treatments" in " ".join(found.split())
    assert "†" not in texts(table.drop(columns="shrunk"))
