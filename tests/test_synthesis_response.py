"""Best responses as three binomials, one behind the other, and what follows from their draws."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytensor
import pytest
from fits import DRAWS, made_fit, stage_rates
from scipy.special import expit, logit
from scipy.stats import binom, multinomial

from priors import load_priors
from studies.responses import BestResponses, ResponseCount
from studies.selection import CohortRef
from synthesis.estimands import (
    RESPONSE_ESTIMANDS,
    Group,
    estimand,
    named_groups,
    response_rate,
)
from synthesis.model.response import (
    KEEP,
    PRIOR_OF,
    STAGES,
    response_data,
    response_problem,
    trials,
    variable,
)
from synthesis.questions.pooled.tables import pooled_table

TREATMENTS = {"a": "one", "b": "one", "c": "two"}  # treatment -> class


def best(complete, partial, stable, rest):
    """Best responses of a cohort that prints all of them."""
    total, control = complete + partial, complete + partial + stable
    return BestResponses(total, control + rest, "printed", complete, control)


def ref(number, treatment="a"):
    """A cohort of a study of its own; the model reads identifiers only."""
    study, arm = (
        SimpleNamespace(id=f"study{number}"),
        SimpleNamespace(id="arm", treatment=treatment),
    )
    return CohortRef(study, arm, TREATMENTS[treatment], "systemic")


def data_of(*counts, treatments="abc"):
    """Observations of one cohort for each count; treatments in turn."""
    refs = [ref(i, treatments[i % len(treatments)]) for i in range(len(counts))]
    return response_data(refs, counts, ["one", "two"])


# --- The factorisation ---------------------------------------------------------------------------


def test_the_stages_that_somebody_tells():
    only = BestResponses(2, 9, "printed")
    assert data_of(only).stages == ("response",)
    assert data_of(only, BestResponses(1, 9, "printed", None, 4)).stages == ("response", "control")
    assert data_of(best(1, 1, 2, 3)).stages == STAGES


def probabilities(log_odds):
    """Complete, partial, stable and the rest from the log odds of the stages."""
    p, q, c = expit(log_odds)
    return np.array([p * c, p * (1 - c), (1 - p) * q, (1 - p) * (1 - q)])


EVERY = [parts for parts in product(range(6), repeat=4) if sum(parts) <= 5]


@pytest.mark.parametrize("log_odds", [(-1.4, 0.2, -2.0), (0.3, -3.0, 1.0)])
def test_three_binomials_are_the_multinomial(log_odds):
    for parts in EVERY:
        stages = trials(best(*parts))
        own = [
            binom.pmf(*stages[stage], p) for stage, p in zip(STAGES, expit(log_odds), strict=True)
        ]
        whole = multinomial.pmf(parts, sum(parts), probabilities(log_odds))
        assert np.prod(own) == pytest.approx(whole, rel=1e-10)  # rounding only


def likelihood(data, log_odds):
    """Log likelihood of the model at log odds of shape (stages, cohorts), for each stage."""
    problem = response_problem(data, load_priors())
    model = problem.build()
    outputs = [model[f"{stage}_likelihood"] for stage in STAGES]
    inputs = [model[variable(stage, "log_odds")] for stage in STAGES]
    room = len(problem.values["cohort_study"])
    own = [np.pad(values, (0, room - len(values)), constant_values=0.7) for values in log_odds]
    return [np.asarray(x) for x in pytensor.function(inputs, outputs, mode="FAST_COMPILE")(*own)]


def test_the_model_is_the_multinomial_up_to_a_constant():
    """The difference of two log likelihoods of a cohort is that of the multinomial."""
    parts = [(1, 9, 4, 6), (0, 2, 7, 14), (0, 0, 0, 4), (4, 0, 1, 1), (5, 0, 0, 0)]
    data = data_of(*(best(*own) for own in parts))
    rng = np.random.default_rng(3)
    first, second = rng.normal(0.0, 1.5, (2, 3, len(parts)))
    found = sum(likelihood(data, first)) - sum(likelihood(data, second))
    for i, own in enumerate(parts):
        at = [multinomial.logpmf(own, sum(own), probabilities(x[:, i])) for x in (first, second)]
        assert found[i] == pytest.approx(at[0] - at[1], rel=1e-9)
    assert found[len(parts) :] == pytest.approx(0.0, abs=0.0)  # padding says nothing


def test_a_stage_that_is_not_printed_says_nothing():
    whole = best(1, 3, 5, 6)
    printed = {
        "response": ResponseCount(4, 15, "printed"),
        "control": BestResponses(4, 15, "printed", control=9),
        "complete": BestResponses(4, 15, "printed", complete=1),
    }
    log_odds = np.array([[-0.8], [0.4], [-1.1]])
    full = [values[0] for values in likelihood(data_of(whole), log_odds)]
    assert all(value < 0.0 for value in full)
    for stage, count in printed.items():
        found = [values[0] for values in likelihood(data_of(count), log_odds)]
        expected = [
            value if own in ("response", stage) else 0.0
            for own, value in zip(STAGES, full, strict=True)
        ]
        assert found == pytest.approx(expected, rel=1e-12)


def test_other_counts_and_priors_share_the_compiled_model():
    other = load_priors().replace("control_study_sd", scale=0.3)
    one = response_problem(data_of(best(1, 2, 3, 4)), load_priors())
    two = response_problem(data_of(ResponseCount(0, 9, "printed"), best(0, 1, 0, 0)), other)
    assert one.kind == two.kind
    assert list(one.values) == list(two.values)
    shapes = {name: np.shape(value) for name, value in one.values.items()}
    assert shapes == {name: np.shape(value) for name, value in two.values.items()}


def test_each_stage_has_priors_of_its_own_and_the_first_keeps_its_names():
    assert PRIOR_OF["mu"] == "response_overall"
    assert PRIOR_OF["control_class_sd"] == "control_class_sd"
    assert len(set(PRIOR_OF.values())) == len(PRIOR_OF) == 4 * len(STAGES)
    first = set(KEEP) & {"mu", "class_sd", "treatment_sd", "study_sd", "log_odds"}
    assert len(first) == 5
    for stage in STAGES[1:]:
        assert {f"{stage}_{name}" for name in first} < set(KEEP)


# --- What follows from draws ---------------------------------------------------------------------


def fit_of(*counts, **fixed):
    """Fit without a sampler of one cohort for each count."""
    return made_fit(data_of(*counts), **fixed)


FULL = (best(1, 2, 3, 4), best(0, 1, 2, 3), best(2, 2, 2, 2))
RATES = {"mu": logit(0.2), "control_mu": logit(0.5), "complete_mu": logit(0.1)}


@pytest.mark.parametrize("group", [Group(0, 0), Group(1, 2), Group(0)])
@pytest.mark.parametrize("target", ["mean_study", "new_study"])
def test_rates_of_the_evaluable_patients(group, target):
    fit = fit_of(*FULL, **RATES)
    assert response_rate(fit, group, target) == pytest.approx(0.2)
    assert estimand(fit, group, "disease_control", target) == pytest.approx(0.2 + 0.8 * 0.5)
    assert estimand(fit, group, "complete_response", target) == pytest.approx(0.2 * 0.1)


def test_each_treatment_has_its_own_effect_in_each_stage():
    effects = {
        "class_effect": [0.1, -0.4],
        "treatment_effect": [0.0, 0.2, 0.5],
        "control_class_effect": [-0.3, 0.6],
        "control_treatment_effect": [0.7, 0.0, -0.2],
        "complete_treatment_effect": [0.0, 1.0, 0.4],
    }
    fit = fit_of(*FULL, **RATES, **effects)
    p, q, c = expit([logit(0.2) - 0.4 + 0.5, logit(0.5) + 0.6 - 0.2, logit(0.1) + 0.4])
    found = estimand(fit, Group(1, 2), "disease_control", "mean_study")
    assert found == pytest.approx(p + (1 - p) * q)
    assert estimand(fit, Group(1, 2), "complete_response", "mean_study") == pytest.approx(p * c)
    assert stage_rates(fit, Group(0), "mean_study")[1] == pytest.approx(expit(-0.3))


SPREAD = {
    f"{prefix}{name}": value
    for prefix in ("", "control_", "complete_")
    for name, value in (("treatment_sd", 0.4), ("study_sd", 0.7))
}


@pytest.mark.parametrize(
    ("group", "variance"), [(Group(0, 1), 0.7**2), (Group(0), 0.7**2 + 0.4**2)]
)
def test_a_new_study_differs_in_every_stage_independently(group, variance):
    fit = fit_of(*FULL, **RATES, **SPREAD)
    draws = [logit(rate) for rate in stage_rates(fit, group, "new_study")]
    error = 4.0 / np.sqrt(DRAWS)
    for own, centre in zip(draws, RATES.values(), strict=True):
        assert own.mean() == pytest.approx(centre, abs=error * np.sqrt(variance))
        assert own.var() == pytest.approx(variance, rel=error * np.sqrt(2.0))
    between = np.corrcoef(draws)[np.triu_indices(3, 1)]
    assert np.abs(between).max() < error


def test_no_draw_has_more_complete_than_other_responses_or_less_control():
    fit = fit_of(*FULL, **RATES, **SPREAD)
    rate, control, complete = (
        estimand(fit, Group(0), name, "new_study") for name in RESPONSE_ESTIMANDS
    )
    assert (complete < rate).all()
    assert (rate < control).all()
    assert (control < 1.0).all()


# --- Tables --------------------------------------------------------------------------------------

VOCABULARY = SimpleNamespace(
    treatment=lambda name: SimpleNamespace(label=name.upper()),
    treatment_class=lambda name: SimpleNamespace(label=name),
)


def test_pooled_rows_count_the_cohorts_that_print_the_estimand():
    counts = (
        ResponseCount(3, 10, "printed"),
        BestResponses(3, 20, "printed", control=9),
        BestResponses(5, 30, "printed", complete=1),
        best(1, 2, 3, 34),
    )
    fit = fit_of(*counts, **RATES)
    assert [group.label for group in named_groups(fit, VOCABULARY)] == ["A", "B", "one (any)", "C"]
    pooled = pooled_table({"response": fit}, VOCABULARY, 0.4)
    assert list(dict.fromkeys(pooled["estimand"])) == list(RESPONSE_ESTIMANDS)
    assert set(pooled["histology"]) == {"reference"}
    sizes = pooled.groupby(["treatment", "estimand"])[["cohorts", "patients"]]
    assert (sizes.nunique() == 1).all(axis=None)
    found = {key: tuple(row) for key, row in sizes.first().iterrows()}
    assert found == {
        ("A", "response_rate"): (2, 50),
        ("A", "disease_control"): (1, 40),
        ("A", "complete_response"): (1, 40),
        ("B", "response_rate"): (1, 20),
        ("B", "disease_control"): (1, 20),
        ("B", "complete_response"): (0, 0),
        ("C", "response_rate"): (1, 30),
        ("C", "disease_control"): (0, 0),
        ("C", "complete_response"): (1, 30),
        ("one (any)", "response_rate"): (3, 70),
        ("one (any)", "disease_control"): (2, 60),
        ("one (any)", "complete_response"): (1, 40),
    }
    estimates = pooled.pivot_table(index="treatment", columns="estimand", values="estimate")
    assert estimates["disease_control"].to_numpy() == pytest.approx(0.6)


def test_what_no_cohort_prints_is_not_estimated():
    counts = (ResponseCount(3, 10, "printed"), BestResponses(3, 20, "printed", control=9))
    for own, told in ((counts[:1], 1), (counts, 2)):
        pooled = pooled_table({"response": fit_of(*own, **RATES)}, VOCABULARY, 0.4)
        assert list(dict.fromkeys(pooled["estimand"])) == list(RESPONSE_ESTIMANDS)[:told]
