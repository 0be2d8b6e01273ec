"""Sampling all stages of the response model: simulated registries."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pymc as pm
import pytest
from scipy.special import expit
from scipy.stats import binom

from priors import load_priors
from studies.responses import BestResponses
from studies.selection import CohortRef
from synthesis.model.arrays import pack
from synthesis.model.response import STAGES, response_data, response_problem, variable
from synthesis.model.sampler import SamplerSettings, run

CLASSES = {f"t{i}": f"c{i % 3}" for i in range(7)}
COHORTS = 28
REGISTRIES = 12
PATIENTS = (6, 12, 23, 40)
# Not every report prints every stage: of each four cohorts all, all, the first two, the first.
PRINTED = (STAGES, STAGES, STAGES[:2], STAGES[:1])


def simulated(rng, log_odds):
    """Best responses of every cohort at log odds of shape (stages, cohorts)."""
    counts = []
    for i, (p, q, c) in enumerate(expit(log_odds).T):
        n, printed = PATIENTS[i % 4], PRINTED[(i // 4) % 4]
        responders = int(rng.binomial(n, p))
        later = {"control": responders + int(rng.binomial(n - responders, q))}
        later["complete"] = int(rng.binomial(responders, c))
        told = {stage: number for stage, number in later.items() if stage in printed}
        counts.append(BestResponses(responders, n, "printed", **told))
    return counts


def locations(draws, data):
    """Log odds of each treatment in each stage, shape (..., stages, treatments)."""
    found = []
    for stage in STAGES:
        mu, of_class, own = (
            np.asarray(draws[variable(stage, name)])
            for name in ("mu", "class_effect", "treatment_effect")
        )
        found.append(mu[..., None] + of_class[..., list(data.treatment_class)] + own)
    return np.stack(found, axis=-2)


def prior_draws(problem, count, seed):
    """Draws of every stored variable from the priors of the very model that is fitted."""
    model = problem.build()
    with model:
        pm.set_data(pack(problem.values))
    drawn = pm.draw([model[name] for name in problem.keep], draws=count, random_seed=seed)
    data = [[slice(len(problem.labels[d])) for d in dims] for dims in problem.keep.values()]
    named = zip(problem.keep, drawn, data, strict=True)
    return {name: np.asarray(values)[(slice(None), *own)] for name, values, own in named}


@pytest.mark.slow
def test_truths_drawn_from_the_priors_are_covered():
    """A right posterior covers what its prior drew in 95 of 100 registries, in every stage."""
    priors, rng = load_priors(), np.random.default_rng(19)
    refs = [  # one cohort a study; the model reads identifiers only
        CohortRef(SimpleNamespace(id=f"study{i:02d}"), arm, CLASSES[arm.treatment], "systemic")
        for i in range(COHORTS)
        for arm in (SimpleNamespace(id="arm", treatment=f"t{i % 7}"),)
    ]
    nobody = [BestResponses(0, 0, "none")] * COHORTS
    empty = response_data(refs, nobody, ["c0", "c1", "c2"])
    truths = prior_draws(response_problem(empty, priors), 500, 23)
    before = np.diff(np.quantile(locations(truths, empty), [0.025, 0.975], axis=0), axis=0)[0]
    settings = SamplerSettings(draws=500, tune=500, chains=2, seed=5)
    covered, narrower = [], []
    for number in range(REGISTRIES):
        truth = {name: values[number] for name, values in truths.items()}
        log_odds = np.stack([truth[variable(stage, "log_odds")] for stage in STAGES])
        data = response_data(refs, simulated(rng, log_odds), ["c0", "c1", "c2"])
        posterior = run(response_problem(data, priors), settings, cache=False).tree["posterior"]
        draws = locations(posterior, data).reshape(-1, len(STAGES), len(CLASSES))
        low, high = np.quantile(draws, [0.025, 0.975], axis=0)
        true = locations(truth, data)
        covered.append((low < true) & (true < high))
        narrower.append((high - low) / before)
    # treatments of one registry share their mean: half of them count as independent
    intervals = REGISTRIES * len(CLASSES) // 2
    least = binom.ppf(5e-3, intervals, 0.95) / intervals
    for stage, share in zip(STAGES, np.mean(covered, axis=(0, 2)), strict=True):
        assert share >= least, stage
    # the more patients reach a stage, the more is learned in it: all, most, few
    widths = np.mean(narrower, axis=(0, 2))
    assert 0.0 < widths[0] < widths[1] < widths[2] < 1.0
