"""The stored calibration of both models: is it that of this model, and does it hold?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sbc import bands, fingerprint, fits, response_world, survival_world
from sbc import run as calibration
from sbc.blocks import BLOCK
from sbc.records import arranged

from priors import load_priors
from synthesis.model.printed import METHODS

REFERENCE = Path(__file__).parent / "reference" / "sbc.json"

#: Quantities that must have been ranked.
ASKED = {
    "survival": {
        *("mu", "class_sd", "treatment_sd", "study_sd", "prognostic", "predictive[0]"),
        *("shape_mean", "shape_sd", "log_likelihood", "study_effect[hospital]"),
        *(f"convention_logits[{name}]" for name in METHODS),
        *("log_median[hospital, first]", "covariate retrospective", "covariate pretreated"),
        *("covariate from_diagnosis", "covariate braf_mutated"),
    },
    "response": {
        f"{stage}{name}"
        for stage in ("", "control_", "complete_")
        for name in ("mu", "class_sd", "treatment_sd", "study_sd", "log_odds[0]", "log_likelihood")
    },
}


@pytest.fixture(scope="module")
def stored():
    """The reference file."""
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


# --- What is stored ------------------------------------------------------------------------------


def test_the_calibration_is_that_of_this_model(stored):
    assert fingerprint.in_plain_python() == stored["fingerprint"], (
        "the equations, priors or readings of the model have changed since it was calibrated: run "
        "`PYTHONPATH=scripts python -m sbc` (an hour or two), which stores tests/reference/sbc.json"
    )


@pytest.mark.parametrize("model", fits.MODELS)
def test_enough_was_simulated_and_every_quantity_looked_at(stored, model):
    own = stored["models"][model]
    assert own["replicates"] >= calibration.REPLICATES[model] >= 150
    assert own["draws"] == fits.DRAWS
    assert set(own["quantities"]) >= ASKED[model]
    assert {"date", "seed", "versions"} <= set(stored)


@pytest.mark.parametrize("model", fits.MODELS)
def test_stored_statistics_follow_from_the_stored_ranks(stored, model):
    own = stored["models"][model]
    known = {"divergences": 0, "seconds": own["seconds_each"]}
    ranks = {name: figures["ranks"] for name, figures in own["quantities"].items()}
    again = calibration.summary(
        [
            known | {"ranks": {name: of[i] for name, of in ranks.items()}}
            for i in range(own["replicates"])
        ]
    )
    assert again["quantities"] == own["quantities"]
    assert again["threshold"] == own["threshold"]


@pytest.mark.parametrize("model", fits.MODELS)
def test_ranks_are_uniform_within_their_bands(stored, model):
    """Ninety-five in a hundred bands hold; all together hold at the level of Bonferroni."""
    quantities = stored["models"][model]["quantities"]
    outside = {name: own["p"] for name, own in quantities.items() if not own["inside"]}
    assert len(outside) <= bands.most_outside(len(quantities)), outside
    assert min(own["p"] for own in quantities.values()) >= bands.least_p(len(quantities))


# --- Bands ---------------------------------------------------------------------------------------


def statistics_of(truth_sd, shift, seed, *, replicates=200, sets=400):
    """Statistics of posteriors whose true values are off by so much, in posterior SD."""
    rng = np.random.default_rng(seed)
    truth = shift + truth_sd * rng.standard_normal((sets, replicates, 1))
    draws = rng.standard_normal((sets, replicates, fits.DRAWS))
    return bands.smallest_tail((draws < truth).sum(axis=-1), fits.DRAWS)


def test_the_band_holds_nineteen_uniform_ecdfs_in_twenty():
    """400 sets: 0.95 with a standard error of 0.011."""
    band = bands.band(200, fits.DRAWS)
    inside = np.mean(statistics_of(1.0, 0.0, 3) >= band.threshold)
    assert abs(inside - 0.95) < 0.035


@pytest.mark.parametrize(("truth_sd", "shift"), [(1.4, 0.0), (0.7, 0.0), (1.0, 0.4)])
def test_the_band_tells_too_sure_too_wide_and_biased(truth_sd, shift):
    band = bands.band(200, fits.DRAWS)
    assert np.mean(statistics_of(truth_sd, shift, 4) < band.threshold) > 0.9


def test_the_statistic_of_ranks_by_hand():
    """Ten ranks that are all nought: P(Bin(10, 1/5) >= 10), twice."""
    ranks = np.zeros(10, dtype=int)
    assert bands.smallest_tail(ranks, 4) == pytest.approx(2.0 * 0.2**10)


def test_most_outside_and_least_p():
    """P(Bin(29, 0.05) <= 4) = 0.985, with 5 it is 0.997."""
    assert bands.most_outside(29) == 5
    assert bands.least_p(10) == pytest.approx(0.005)


# --- Worlds --------------------------------------------------------------------------------------


def test_the_survival_world_prints_every_kind_of_arm():
    world = survival_world.simulate(np.random.default_rng(5), load_priors(), "weibull")
    arms = world.data.arms
    assert {arm.histology for arm in arms} == {"whole", "pure", "mixed"}
    assert {arm.methods for arm in arms if not arm.told} == {METHODS}
    told = {arm.methods for arm in arms if arm.told}
    assert {("plain",), ("log",), ("log-log",), ("median",), ("landmarks",), ()} <= told
    assert len(world.data.patients) == 7
    assert len({ref.study.id for ref in world.data.cohorts}) == len(world.data.cohorts) - 2
    spread = np.ptp(np.array(world.data.covariates), axis=0)
    assert spread[: len(survival_world.TOLD)].min() > 0.0  # no report tells the others


def test_worlds_do_not_depend_on_one_another():
    def printed(number):
        rng = np.random.default_rng([1, 0, number])
        return survival_world.simulate(rng, load_priors(), "log-logistic").data.cohorts

    assert printed(3) == printed(3)
    assert printed(3) != printed(4)


def test_the_effects_of_worlds_have_the_spread_of_their_priors():
    """Variance of a log median over 3000 worlds, from the scales of the priors alone.

    Arm "median": half-normals have mean square scale^2; slope times (share - centre) adds little
    and is left out of the lower bound, 0.06 of it in the upper one.
    """
    priors = load_priors()
    rng = np.random.default_rng(6)
    found = []
    for _ in range(3000):
        truth = survival_world._parameters(rng, priors, "weibull")
        found.append(survival_world._cohorts(rng, priors, truth)["log_median"][-1])
    names = ("overall_median", "class_sd", "treatment_sd", "study_sd")
    expected = sum(priors[name].scale ** 2 for name in names)
    expected += (0.5 * priors["covariate_pretreated"].scale) ** 2
    # a mixture over SDs has a kurtosis near 4: standard error of the variance about 3 %
    assert expected * 0.9 < np.var(found) < (expected + 0.06) * 1.1


def test_the_response_world_prints_one_two_or_three_stages():
    world = response_world.simulate(np.random.default_rng(5), load_priors())
    known = [(c.control is not None) + (c.complete is not None) + 1 for c in world.data.counts]
    printed = [plan[3] for plan in response_world.PLANS]
    # without a responder nobody responded completely; where all did, all had disease control
    assert all(own >= of for own, of in zip(known, printed, strict=True))
    assert min(known) < 3 == max(known)


# --- Fingerprint ---------------------------------------------------------------------------------


def test_the_fingerprint_sees_the_eighth_digit_and_no_rounding():
    def own(density):
        return fingerprint.fingerprint_of({"weibull": [density, 3.0], "response": [-0.001]})

    assert own(-12.3456784) == own(-12.3456784 * (1.0 + 1e-13))
    assert own(-12.3456784) != own(-12.3456795)


@pytest.mark.slow
def test_the_fingerprint_sees_a_prior_and_a_reading_but_not_the_room():
    from synthesis.model import arrays
    from synthesis.model.arrays import Sizes, sizes_for
    from synthesis.model.families import FAMILIES
    from synthesis.model.survival import survival_problem

    def density(priors, reports, more=0):
        data = arranged(reports, survival_world.CLASSES)
        room = sizes_for([data]).room
        sizes = Sizes(tuple((k, n if k in arrays._FIXED else n + more) for k, n in room))
        problem = survival_problem(data, priors, FAMILIES["weibull"], sizes)
        return fingerprint._Density(problem).at(problem)

    reports, priors = fingerprint.reports(), load_priors()
    usual = density(priors, reports)
    np.testing.assert_allclose(density(priors, reports, more=3), usual, rtol=1e-11)
    wider = density(priors.replace("study_sd", scale=0.51), reports)
    assert not np.allclose(wider, usual, rtol=1e-6)
    fewer = fingerprint.reports()
    fewer[0]["cohorts"][0]["n"] = 29
    assert not np.allclose(density(priors, fewer), usual, rtol=1e-6)


# --- Live ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("model", "blocks"), [("survival", 1), ("response", 5)])
def test_a_few_worlds_are_calibrated_and_are_not_made_twice(tmp_path, model, blocks, monkeypatch):
    """Blocks of worlds, of other seeds than the stored ones: a gross mistake would show.

    More of the model that is quick: ten worlds alone are now and then unlike their prior.
    """
    worlds = blocks * BLOCK
    made = calibration.run(model, worlds, tmp_path, seed=20)
    quantities = calibration.summary(made)["quantities"]
    assert min(own["p"] for own in quantities.values()) >= bands.least_p(len(quantities))

    def fail(*_):
        raise AssertionError("made twice")

    monkeypatch.setattr(fits, "replicate", fail)
    assert calibration.run(model, worlds, tmp_path, seed=20) == made
