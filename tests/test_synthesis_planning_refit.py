"""Weighing the draws by a new study against fitting again with the study added."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from arviz import mcse
from benefit_fits import read
from impact_fits import observations
from monte_carlo import LARGEST_Z

from studies.figures import View
from synthesis.fit import SamplerSettings
from synthesis.models import class_order, fit_survival_data
from synthesis.observations import survival_data
from synthesis.planning import Design
from synthesis.planning.simulate import new_studies, printed_study, study_refs

planning = importlib.import_module("synthesis.planning.plan")

LONG = SamplerSettings(draws=3000, tune=1000, chains=2, seed=77)


def quantities(job):
    """Draws of what a plan speaks of, on the scale of its model."""
    named = {"gain": np.arcsinh(job.gain("pure"))}  # months have a long tail
    return named | job.effects()


def chain_error(values):
    """Monte Carlo error of a mean, of draws with one chain after the other."""
    return float(mcse(values.reshape(LONG.chains, -1)))


@pytest.mark.slow
def test_weights_give_what_a_refit_gives(tmp_path, survival_sizes):
    """A randomised report that prints pure and mixed patients apart in both arms."""
    registry = read(tmp_path)
    data = observations(registry)
    fit = fit_survival_data(data, settings=LONG, sizes=survival_sizes)
    groups = planning.treatments_of(fit, registry.vocabulary)
    pair = tuple(
        next(group for group in groups if group.cohorts[0].treatment == name)
        for name in ("lenvatinib", "best_care")
    )
    design = Design("lenvatinib", reference="best_care", kind="randomised", sizes=(48,))
    every = np.arange(fit.flat("mu").size)
    job = planning._Job(fit, registry.vocabulary, design, pair, 1.0, 0.975, every)
    rng = np.random.default_rng(12)
    course = new_studies(fit, job.arms, job.differs, rng).course(2000, design, "all", rng)
    values = job.updater(48).log_likelihood(job.read(course, 48))
    updated = planning._weighed(values[:, None])
    assert not updated.unreliable[0]

    report = printed_study(course, design, job.arms, 48, "os")
    counted = (*data.cohorts, *study_refs(report, job.arms))
    larger = survival_data(
        counted, View("os", False, True), class_order(registry), registry.vocabulary.selecting
    )
    assert len(larger.arms) == len(data.arms) + 4
    again = fit_survival_data(larger, settings=LONG, sizes=survival_sizes)
    assert again.diagnosis.verdict == "PASS"
    refitted = quantities(
        planning._Job(again, registry.vocabulary, design, pair, 1.0, 0.975, every)
    )
    weights, shifts = updated.weights[:, 0], []
    for name, before in quantities(job).items():
        after = refitted[name]
        mean = float(weights @ before)
        sd = float(np.sqrt(weights @ np.square(before - mean)))
        # draws along a chain are correlated: fewer are independent, by this factor
        correlated = before.size * np.square(chain_error(before) / before.std())
        independent = updated.effective[0] / correlated
        error = np.hypot(sd / np.sqrt(independent), chain_error(after))
        assert abs(mean - after.mean()) < LARGEST_Z * error, name
        # relative error of an SD, twice that of a normal for a longer tail
        assert abs(np.log(sd / after.std())) < LARGEST_Z * 2.0 / np.sqrt(2.0 * independent), name
        shifts.append(abs(mean - before.mean()) / error)
    # teeth: what the study tells moves some of them by more than the error
    assert max(shifts) > LARGEST_Z
