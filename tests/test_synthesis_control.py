"""Priors of a new arm: what they are worth, what follows from a fit, and what R and JSON hold."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from benefit_fits import response_fit, spread, survival_fit, with_response
from fits import fit_of
from scipy import integrate

from studies import load_registry
from synthesis.estimands import named_groups, response_rate
from synthesis.questions import control as question
from synthesis.questions.contrasts import NotComparedError
from synthesis.questions.mix import Population, patient_mix
from synthesis.result import RESEARCH_USE

HALF = Population(0.5)

# The prior of the vignette "Getting started with RBesT (binary)" of RBesT 1.9-0, as printed there
# (ankylosing spondylitis, placebo arms of eight trials).
AS = question.Mixture(
    "beta",
    {
        "1": (0.4612914, 33.9513487, 103.0146367),
        "2": (0.1917812, 19.4400089, 41.5205219),
        "3": (0.1893896, 12.2692310, 55.9202833),
        "4": (0.1575378, 2.2521243, 5.4812202),
    },
)
# The examples of the help page of `ess` of RBesT.
BETA = question.Mixture("beta", {"1": (0.2, 1.0, 1.0), "2": (0.8, 10.0, 2.0)})
NORMAL = question.Mixture("normal", {"1": (0.5, 0.0, 2.0), "2": (0.5, 3.0, 4.0)})
GAMMA = question.Mixture("gamma", {"1": (0.3, 20.0, 4.0), "2": (0.7, 50.0, 10.0)})


def one(kind, first, second):
    return question.Mixture(kind, {"1": (1.0, first, second)})


# --- Published numbers and laws ------------------------------------------------------------------


def test_sizes_are_those_of_the_vignette_and_the_help_page_of_rbest():
    assert round(AS.size) == 24  # given as a whole number
    assert BETA.size == pytest.approx(3.161034, rel=5e-7)  # all digits that are given
    # its event has a standard deviation of 10
    assert 100.0 * NORMAL.size == pytest.approx(8.163265, rel=5e-7)
    # weights and parameters are given to seven decimals: what follows agrees to five figures
    expected = (0.25545885, 0.08662045, 0.10730400, 0.24758768, 0.46276759)
    # the quantiles there come from a root finder of about four figures
    values = (AS.mean, AS.sd, *AS.quantile([0.025, 0.5, 0.975]))
    np.testing.assert_allclose(values, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("kind", "first", "second", "size"),
    [("beta", 3.5, 11, 14.5), ("beta", 1, 1, 2), ("normal", 1.3, 0.25, 16), ("gamma", 12, 40, 12)],
)
def test_one_distribution_is_worth_its_observations(kind, first, second, size):
    assert one(kind, first, second).size == pytest.approx(size, rel=1e-12)
    # an exponential: the log of the mean of d times has variance 1/d
    assert question.UNIT_SD == 1.0


@pytest.mark.parametrize("mixture", [AS, NORMAL, GAMMA, question.robustify(GAMMA, 0.2)])
def test_quantiles_invert_the_distribution_function_and_moments_are_its(mixture):
    p = np.array([0.001, 0.025, 0.5, 0.9, 0.999])
    np.testing.assert_allclose(mixture.cdf(mixture.quantile(p)), p, atol=1e-11)
    low, high = mixture.quantile([1e-9, 1.0 - 1e-9])
    x = np.linspace(low, high, 20_001)
    beyond = 1.0 - mixture.cdf(x)
    mean = low + integrate.simpson(beyond, x=x)
    assert mean == pytest.approx(mixture.mean, rel=1e-6)
    square = integrate.simpson(2.0 * (x - low) * beyond, x=x)
    assert np.sqrt(square - (mean - low) ** 2) == pytest.approx(mixture.sd, rel=1e-5)


def test_the_vague_component_is_that_of_rbest():
    assert question.robustify(AS, 0.2).components["vague"] == (0.2, 1.0, 1.0)
    assert question.robustify(NORMAL, 0.1).components["vague"] == (0.1, NORMAL.mean, 1.0)
    weight, shape, rate = question.robustify(GAMMA, 0.1).components["vague"]
    assert (weight, shape) == (0.1, 1.0)
    assert shape / rate == pytest.approx(GAMMA.mean, rel=1e-14)
    # one event, whichever way it is counted: variance over information
    assert one("normal", NORMAL.mean, 1.0).size == pytest.approx(1.0)
    assert one("gamma", shape, rate).size == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["beta", "normal", "gamma"])
def test_the_distribution_has_the_moments_of_the_draws(kind):
    truth = {"beta": (3.0, 14.0), "normal": (1.0, 0.4), "gamma": (6.0, 20.0)}[kind]
    x = one(kind, *truth).quantile(np.random.default_rng(5).uniform(size=4000))
    mixture = question.matched(x, kind)
    assert (mixture.mean, mixture.sd) == pytest.approx((x.mean(), x.std()), rel=1e-9)
    # 4000 draws tell a parameter to about 3 %
    assert mixture.components["1"] == pytest.approx((1.0, *truth), rel=0.1)


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        (np.full(50, 0.3), "all are the same"),
        (np.array([0.1, np.nan] * 20), "expected at least 10 finite numbers"),
        (np.array([0.1, 0.2]), "expected at least 10 finite numbers"),
    ],
)
def test_draws_that_cannot_be_matched_are_refused(draws, words):
    with pytest.raises(ValueError, match=words):
        question.matched(draws, "normal")


def test_what_cannot_be_asked_is_refused(fits, registry):
    words = registry.vocabulary
    with pytest.raises(ValueError, match="robust: found 1, expected a weight from 0 to below 1"):
        question.control(fits, words, HALF, robust=1.0)
    with pytest.raises(NotComparedError, match="no cohort of radiotherapy is pooled for os or"):
        question.control(fits, words, HALF, treatment="radiotherapy")
    with pytest.raises(NotComparedError, match='did you mean "lenvatinib"'):
        question.control(fits, words, HALF, treatment="lenvatinip")
    some = question.control(fits, words, HALF, treatment="sorafenib")
    assert list(some.chosen) == ["os"]
    assert some.left_out == ("No cohort of sorafenib is pooled for response, which is left out.",)


# --- From a fit ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return load_registry(with_response(tmp_path_factory.mktemp("control")), alone=True)


@pytest.fixture(scope="module")
def fits(registry):
    return {"os": survival_fit(registry), "response": response_fit(registry)}


@pytest.fixture(scope="module")
def answer(fits, registry):
    return question.control(fits, registry.vocabulary, HALF)


def sentences(answer, registry):
    findings = question.result(answer, registry).findings
    return [" ".join(finding.sentences) for finding in findings]


def test_the_draws_are_those_of_a_new_study_in_the_population(answer, fits, registry):
    mixed = patient_mix(fits, registry.vocabulary, HALF, treatment="best_care").table
    rows = mixed[mixed["target"] == "new_study"].set_index("estimand")
    to_months = {"log_median": np.exp, "hazard": lambda hazard: np.log(2) / hazard}
    for prior in answer.of("os"):
        natural, name = to_months.get(prior.quantity), "median_months"
        draws = natural(prior.draws) if natural else prior.draws
        row = rows.loc[name if natural else prior.quantity, ["estimate", "lower", "upper"]]
        # quantiles lie between draws, which a log or a reciprocal moves
        middle = np.quantile(draws, [0.5, 0.025, 0.975])
        np.testing.assert_allclose(middle, row.to_numpy(dtype=float), rtol=2e-3)
    (rate,) = answer.of("response")
    (group,) = [g for g in named_groups(fits["response"], registry.vocabulary) if not g.is_class]
    expected = response_rate(fits["response"], group.group, "new_study")
    np.testing.assert_array_equal(rate.draws, expected)


def test_the_reference_is_what_treatments_are_compared_with(answer):
    chosen = {name: (own.label, own.group.patients) for name, own in answer.chosen.items()}
    # no supportive treatment is pooled for response
    assert chosen == {"os": ("Best supportive care", 50), "response": ("Lenvatinib", 30)}
    assert [prior.quantity for prior in answer.priors] == list(question.QUANTITIES)


def test_every_prior_follows_its_draws_and_says_what_it_is_worth(answer):
    kept = question.tables(answer)
    rows = kept["historical_control_summary"].set_index(["endpoint", "quantity", "version"])
    for prior in answer.priors:
        # an empirical distribution function right before and right at each draw
        steps = np.arange(prior.draws.size + 1) / prior.draws.size
        exact = prior.fitted.cdf(np.sort(prior.draws))
        expected = max(np.abs(exact - steps[:-1]).max(), np.abs(exact - steps[1:]).max())
        assert prior.difference == pytest.approx(expected)
        fitted, robust = (rows.loc[(prior.endpoint, prior.quantity, v)] for v in prior.mixtures)
        assert fitted["lower"] < fitted["median"] < fitted["upper"]
        # a vague component makes a prior wider, and worth less
        assert robust["ess_moment"] < fitted["ess_moment"] == prior.fitted.size
        assert robust["sd"] > fitted["sd"]
    check = kept["historical_control_check"].set_index(["quantity", "probability"])
    rate = answer.of("response")[0].draws
    assert check.loc[("response_rate", 0.5), "draws"] == np.median(rate)
    shares = check.loc[["survival_6m", "survival_12m"]]
    # a distribution function off by 0.03 at most, where the density of a rate is above 0.3
    assert (shares["draws"] - shares["mixture"]).abs().max() < 0.1


def test_a_weaker_belief_in_the_past_is_worth_less(fits, registry):
    sizes, some = [], {"response": fits["response"]}
    for weight in (0.0, 0.2, 0.6):
        answer = question.control(some, registry.vocabulary, HALF, robust=weight)
        sizes.append(list(answer.priors[0].mixtures.values())[-1].size)
        assert ("robust" in answer.priors[0].mixtures) == (weight > 0.0)
        assert ("No vague component" in sentences(answer, registry)[-1]) == (weight == 0.0)
    assert sizes[0] > sizes[1] > sizes[2]


def test_the_population_moves_survival_and_not_response(answer, fits, registry):
    stated = Population(0.0, line="first-line", design="retrospective")
    other = question.control(fits, registry.vocabulary, stated, treatment="Lenvima")
    assert {prior.treatment for prior in other.priors} == {"Lenvatinib"}
    survival, _, common = sentences(other, registry)
    assert "0 % mixed histology; first-line; as in a retrospective study" in survival
    assert question.NO_DESIGN in sentences(answer, registry)[-1]
    assert question.NO_DESIGN not in common
    assert "does not move its prior" in common
    np.testing.assert_array_equal(other.of("response")[0].draws, answer.of("response")[0].draws)


def test_one_distribution_that_does_not_follow_the_draws_is_told(registry):
    rare = {"response": fit_of(registry, "response", mu=spread(-4.5, 1.2, 1), study_sd=1.6)}
    answer = question.control(rare, registry.vocabulary, HALF)
    assert answer.priors[0].difference > 0.02
    assert "does not follow the draws of response_rate" in sentences(answer, registry)[-1]


# --- As text -------------------------------------------------------------------------------------


def read_r(text):
    """Mixtures of R code by the name of their object, and what else each call is given."""
    kinds = {"mixbeta": "beta", "mixnorm": "normal", "mixgamma": "gamma"}
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    mixtures = {}
    for name, call, body in re.findall(r"^(\w+) <- (mix\w+)\(\n(.*?)\n\)$", code, re.M | re.S):
        parts = re.findall(r"(\w+) = c\(([^)]*)\)", body)
        more = re.findall(r"^  (\w+) = (?!c\()(.+?),?$", body, re.M)
        labels = [label for label, _ in parts]
        values = [tuple(float(v) for v in values.split(",")) for _, values in parts]
        mixtures[name] = (kinds[call], values, labels, dict(more))
    return mixtures


def test_r_json_and_csv_carry_the_same_numbers(answer, fits, registry):
    written = question.result(answer, registry, settings={"family": "weibull"})
    text = written.texts["historical_control.R"]
    code = read_r(text)
    assert text.isascii()
    assert text.count("automixfit(") == len(answer.priors)
    content = json.loads(written.texts["historical_control.json"])
    table = written.tables["historical_control"].set_index(["endpoint", "quantity", "version"])
    more = {"beta": {}, "normal": {"sigma": "1.0"}, "gamma": {"likelihood": '"exp"'}}
    assert len(code) == 2 * len(answer.priors) == 2 * len(content["priors"])
    for prior, stored in zip(answer.priors, content["priors"], strict=True):
        drawn = written.tables["historical_control_draws"][prior.name].dropna()
        np.testing.assert_array_equal(drawn, prior.draws)
        for version, mixture in prior.mixtures.items():
            name = prior.name if version == "fitted" else f"{prior.name}_robust"
            kind, values, labels, further = code[name]
            assert (kind, values) == (mixture.kind, list(mixture.components.values()))
            assert labels == (["comp1"] if version == "fitted" else ["comp1", "robust"])
            assert further == more[mixture.kind]
            parts = stored["mixtures"][version]
            assert [tuple(p.values())[1:] for p in parts["components"]] == list(
                mixture.components.values()
            )
            assert parts["ess"]["moment"] == mixture.size
            rows = table.loc[[(prior.endpoint, prior.quantity, version)]]
            values = rows[["weight", "value_1", "value_2"]].itertuples(index=False, name=None)
            assert list(values) == list(mixture.components.values())
    made = content["made"]
    assert made["registry"]["fingerprint"] == registry.fingerprint
    assert set(made["registry"]["studies"]) == {"fifth", "sixth"}
    assert made["settings"]["family"] == "weibull"
    assert made["versions"]["atc-synthesis"]
    behind = content["behind"]["os"]
    assert behind["cohorts"][0]["patients"] == 50
    assert behind["study_sd"]["estimate"] == np.median(fits["os"].flat("study_sd"))
    assert content["population"]["mixed"] == 0.5
    assert question.EXCHANGEABLE in content["notes"]
    assert content["research_use"] == RESEARCH_USE
