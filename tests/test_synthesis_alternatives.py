"""The answer on histology under other choices: by weights, against the sums that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from benefit_fits import read, split, whole
from fits import observations
from loo_by_hand import spread_fit
from scipy import stats
from small_registry import cohort, median, study

from studies.selection import select
from synthesis import numbers
from synthesis.estimands import named_groups
from synthesis.left_out import comparison_of_histologies
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.questions.influence import (
    AS_ANSWERED,
    NEW_REPORT,
    alternatives_table,
    alternatives_words,
    cohort_weights,
    weighted_quantiles,
)
from synthesis.questions.pooled.tables import curve_tables, forest_table

DRAWS = 400


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A report with both medians, one that gives way and found nothing, two without histology."""
    null = {"endpoint": "os", "groups": ["mixed", "pure"], "p": "not significant"}
    nothing = study(
        "nothing",
        cohort(
            "all", "various", 300, histology={"mixed": 170, "pure": 130}, survival=[median("4.0")]
        ),
        comparisons=[null],
        overlaps=[{"with": "second", "reason": "same hospital"}],
    )
    return read(
        tmp_path_factory.mktemp("alternatives"),
        split(),
        nothing,
        whole("second", "lenvatinib", 40),
        whole("fourth", "best_care", 50, "2.2"),
    )


@pytest.fixture(scope="module")
def fit(registry):
    return spread_fit(observations(registry), 0.3, 0.3)


@pytest.fixture(scope="module")
def table(fit):
    return alternatives_table(fit, cohort_weights(fit, draws=DRAWS)).set_index("alternative")


def test_a_report_that_gives_way_counts_for_its_contrast_alone(registry, fit):
    assert [ref.id for ref in select(registry, "os").within] == ["nothing:all"]
    data = fit.data
    assert "nothing:all" not in {ref.id for ref in data.cohorts}
    assert [(group.histology, group.n, group.share) for group in data.compared] == [
        ("mixed", 170, 1.0),
        ("pure", 130, 0.0),
    ]
    (null,) = [item for item in data.comparisons if item.reading.low < item.reading.high]
    assert null.reading.high == pytest.approx(1.959964 * np.sqrt(1 / 170 + 1 / 130), rel=1e-5)
    assert (null.log_medians, null.told) == (None, 0.0)
    assert "various" not in data.treatments


def test_rows_are_the_answer_a_new_report_and_every_other_choice(fit, table):
    assert list(table.index) == [
        *(AS_ANSWERED, NEW_REPORT, "prior half as wide", "prior twice as wide"),
        *("without Split 2021", "without Nothing 2021"),
    ]
    effect = fit.flat("prognostic")
    found = table.loc[AS_ANSWERED, ["estimate", "lower", "upper"]].astype(float)
    np.testing.assert_allclose(found, np.exp(np.quantile(effect, [0.5, 0.025, 0.975])))
    wider = np.log(table["upper"] / table["lower"])
    assert wider[NEW_REPORT] > wider[AS_ANSWERED]


def test_another_prior_is_a_ratio_of_two_priors(fit, table):
    prior, effect = fit.priors["histology_prognostic"], fit.flat("prognostic")
    usual = stats.norm(prior.location, prior.scale)
    other = stats.norm(prior.location, 0.5 * prior.scale)
    weight = np.exp(other.logpdf(effect) - usual.logpdf(effect))
    expected = np.exp(weighted_quantiles(effect, weight, (0.5,)))[0]
    base = np.exp(weighted_quantiles(effect, np.ones(DRAWS), (0.5,)))[0]
    found = table.loc["prior half as wide", "estimate"] / table.loc[AS_ANSWERED, "estimate"]
    # a bounded ratio: smoothing the largest weights moves the middle by less than half a per cent
    assert found == pytest.approx(expected / base, rel=5e-3)
    assert found < 1.0 < table.loc["prior twice as wide", "estimate"]


def test_the_likelihood_of_a_contrast_is_a_mean_over_its_own_effect(fit):
    data = fit.data
    (null,) = [item for item in data.comparisons if item.reading.low < item.reading.high]
    cohort_number = data.groups[null.first].cohort
    found = comparison_of_histologies(fit, np.arange(DRAWS), cohort_number)
    treatment = data.hierarchy.treatments.index("various")
    slope = fit.flat("prognostic") + fit.flat("predictive")[:, treatment]
    shape = fit.flat("log_shape")[:, cohort_number]
    tail = fit.flat("tail_mean") + fit.flat("tail_treatment_effect")[:, treatment]
    x = np.linspace(-6.0, 6.0, 601)
    contrast = slope[:, None] + fit.flat("prognostic_sd")[:, None] * x
    places = (
        Place(at, shape[:, None], tail[:, None]) for at in (contrast, np.zeros_like(contrast))
    )
    value = np.exp(comparison_log_likelihood(null, *places, fit.family))
    expected = np.log(value @ stats.norm.pdf(x) * (x[1] - x[0]))
    # 41 points to four SDs against 601 to six; draws that a null result rules out lie beyond
    likely = expected > -5.0
    assert likely.sum() > DRAWS / 2
    np.testing.assert_allclose(found[likely], expected[likely], atol=0.02)


def test_without_the_report_that_found_nothing_the_effect_is_larger(table):
    assert table.loc["without Nothing 2021", "estimate"] > table.loc[AS_ANSWERED, "estimate"]


def test_the_sentence_has_the_range_of_what_can_be_relied_on(table):
    rows = table.reset_index()
    (words,) = alternatives_words(rows)
    sure = rows[rows["reliable"]]["estimate"].drop(index=1)
    assert f"estimates of {numbers.ratio(sure.min())}–{numbers.ratio(sure.max())}" in words
    assert f"under {len(sure) - 1} other choices" in words
    doubtful = rows.assign(reliable=[True, True, True, True, True, False])
    assert alternatives_words(doubtful)[0].endswith(" Unreliable: without Nothing 2021.")
    assert alternatives_words(rows.iloc[:0]) == ()
    alone = rows.assign(reliable=[True, True, *[False] * (len(rows) - 2)])
    (said,) = alternatives_words(alone)
    assert "other choice" not in said
    assert ". In a new report it would be " in said


def test_an_adjusted_ratio_makes_a_treatment_known_that_no_cohort_had(tmp_path):
    ratio = {
        **{"endpoint": "os", "groups": ["drug", "no drug"], "adjusted": True},
        **{"treatments": ["lenvatinib", "best_care"]},
    }
    own = cohort("all", "various", 900, survival=[median("3.0")])
    registry = read(
        tmp_path,
        whole("second", "lenvatinib", 40),
        study("large", own, comparisons=[ratio | {"hr": 0.64, "hr_ci": [0.55, 0.74]}]),
        study("other", own, comparisons=[ratio | {"hr": 0.7, "p": 0.01}]),
        study("third", own, comparisons=[ratio | {"hr": 0.7}]),
    )
    data = observations(registry)
    assert [ref.id for ref in data.cohorts] == ["second:arm"]
    assert set(data.treatments) == {"lenvatinib", "best_care"}
    one, two = data.comparisons
    assert one.reading.low == one.reading.high == pytest.approx(np.log(0.64))
    width = np.log(0.74 / 0.55) / (2.0 * stats.norm.ppf(0.975))
    assert one.variance == pytest.approx(width**2)
    assert np.sqrt(two.variance) == pytest.approx(-np.log(0.7) / stats.norm.isf(0.005))
    assert all(item.reading.adjusted for item in data.comparisons)
    places = [data.refs[data.groups[i].cohort].treatment for i in (one.first, one.second)]
    assert places == ["lenvatinib", "best_care"]
    of = spread_fit(data, 0.2, 0.1)
    group = next(g for g in named_groups(of, registry.vocabulary) if g.patients == 0)
    assert group.sizes == (2, 0, 1800)
    labels = set(forest_table(of, registry.vocabulary, 0.4)["label"])
    assert "Pooled, mean study (2 reports, 1,800 patients (adjusted))" in labels
    curves, _ = curve_tables(of, registry.vocabulary, 0.4)
    assert set(curves.query("patients == 0")["compared"]) == {1800}
