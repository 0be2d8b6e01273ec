"""Planted biases of simulated registries are found again, and none where nothing tells of one."""

from __future__ import annotations

import numpy as np
import pytest
import simulated_registry
from bias_fits import PROSPECTIVE, WORDS, whole
from scipy import stats
from simulated_registry import LOG_TIME

from priors import load_priors
from synthesis.fits import fit_survival_data
from synthesis.model.sampler import SamplerSettings
from synthesis.model.survival import BIAS_PRIOR
from synthesis.questions.bias import WITH_BIAS
from synthesis.questions.bias.effects import common_bias, own_biases
from synthesis.questions.bias.funnel import RETROSPECTIVE, cohort_kinds

pytestmark = pytest.mark.slow

SETTINGS = SamplerSettings(draws=1000, tune=700, chains=2, seed=77)
LOCATIONS = {"lenvatinib": 2.4, "sorafenib": 2.1, "paclitaxel": 1.9, "best_care": 1.5}
FACTOR, OWN_SD, STUDY_SD, PATIENTS, SHAPE = 1.5, 0.15, 0.1, 120, 1.3


@pytest.fixture(autouse=True)
def _sampled_once(monkeypatch):
    """A few divergent transitions are no reason to double the time of a test."""
    monkeypatch.setattr("synthesis.fits._ATTEMPTS", 1)


def world(folder, seed, *, retrospective=True):
    """Four reports of each treatment, two of them retrospective and optimistic by the factor."""
    rng, tables, own = np.random.default_rng(seed), [], {}
    for treatment, location in LOCATIONS.items():
        for number in range(4):
            name, more = f"{treatment[:4]}{number}", {}
            at = location + STUDY_SD * rng.standard_normal()
            if number < 2 and retrospective:
                own[name] = OWN_SD * rng.standard_normal()
                at += np.log(FACTOR) + own[name]
            else:
                more = PROSPECTIVE
            uniform = rng.uniform(size=PATIENTS)
            middle = np.median(np.exp(at + LOG_TIME["log-logistic"](uniform) / SHAPE))
            tables.append(whole(name, treatment, PATIENTS, f"{middle:.2f}", **more))
    return simulated_registry.read(folder, tables, WORDS).at_share(0.4), own


def fitted(data, sizes):
    return fit_survival_data(data, settings=SETTINGS, variant=WITH_BIAS, sizes=sizes, cache=False)


def test_a_planted_bias_is_covered(tmp_path, survival_sizes):
    """Three worlds: two or more of six 95 % intervals miss with probability 0.03, three with 0.002.

    The truth of the common bias lies two SDs out on its prior, which draws the estimates towards
    one, by a fifth of the log where the standard error is half of the SD of the prior.
    """
    held, logs, spreads = [], [], []
    for seed in range(3):
        data, own = world(tmp_path / f"w{seed}", seed)
        fit = fitted(data, survival_sizes)
        common, spread = common_bias(fit), fit.flat("bias_sd")
        for drawn, truth in ((common, np.log(FACTOR)), (spread, OWN_SD)):
            low, high = np.quantile(drawn, [0.025, 0.975])
            held.append(low <= truth <= high)
        assert np.mean(common > 0.0) > 0.95
        logs.append(np.median(common))
        spreads.append(_correlation(fit, own))
    assert sum(held) >= 4
    assert np.log(FACTOR) * 0.6 < np.mean(logs) < np.log(FACTOR) * 1.2
    # reports that were flattered more are seen as such
    assert np.mean(spreads) > 0.3


def _correlation(fit, own):
    """Of the biases of single reports with their estimates."""
    estimates = np.median(own_biases(fit), axis=0)
    kinds = cohort_kinds(fit)
    pairs = [
        (own[ref.study.id], estimates[j])
        for j, ref in enumerate(fit.data.cohorts)
        if kinds[j] == RETROSPECTIVE
    ]
    assert len(pairs) == len(own) == 8
    return np.corrcoef(np.array(pairs).T)[0, 1]


def test_without_a_retrospective_report_the_posterior_is_the_prior(tmp_path, survival_sizes):
    """Quantiles of some thousand effective draws: 0.05 of a probability is three of their errors.

    The median of all treatments tells of the common bias, too, where every report is prospective:
    a hundredth of its variance.
    """
    data, _ = world(tmp_path / "none", 9, retrospective=False)
    fit = fitted(data, survival_sizes)
    priors = load_priors()
    known = {
        "common": (common_bias(fit), stats.norm(scale=priors["covariate_retrospective"].scale)),
        "spread": (fit.flat("bias_sd"), stats.halfnorm(scale=priors[BIAS_PRIOR].scale)),
    }
    for name, (drawn, prior) in known.items():
        for p in (0.1, 0.5, 0.9):
            assert np.mean(drawn < prior.ppf(p)) == pytest.approx(p, abs=0.05), (name, p)
