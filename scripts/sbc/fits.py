"""Fits of simulated worlds, and the ranks of the true values among their draws.

The sampler runs as in every report, but once: :func:`synthesis.fits.fit_survival_data` would
sample again, with more draws, wherever the few draws that ranks need do not earn a PASS.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from xarray import DataTree

from priors import Priors, load_priors
from sbc import response_world, survival_world
from synthesis.model.arrays import sizes_for
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import family
from synthesis.model.kernel import DATA, PARAMETERS, PrintedFigures
from synthesis.model.printed import METHODS
from synthesis.model.response import STAGES, response_problem, trials, variable
from synthesis.model.sampler import Problem, SamplerSettings, run
from synthesis.model.survival import survival_problem

MODELS = ("survival", "response")

#: Draws after thinning: the ranks are 0 to this.
DRAWS = 99
_SETTINGS = {"draws": 250, "tune": 400, "chains": 4, "target_accept": 0.95}

_SURVIVAL_SCALARS = (
    *("mu", "class_sd", "treatment_sd", "study_sd", "prognostic", "prognostic_sd"),
    *("shape_mean", "shape_sd", "shape_treatment_sd", "tail_mean", "tail_treatment_sd"),
)
_SURVIVAL_ENTRIES = {
    "predictive[0]": ("predictive", 0),
    "class_effect[0]": ("class_effect", 0),
    "treatment_effect[0]": ("treatment_effect", 0),
    "study_effect[hospital]": ("study_effect", 4),
    "cohort_effect[hospital, first]": ("cohort_effect", 2),
    "mixed_share[hospital, first]": ("mixed_share", 2),
    "histology_deviation[pair]": ("histology_deviation", 4),
    "mixed_share[large]": ("mixed_share", 13),
    "log_median[hospital, first]": ("log_median", 2),
    "log_median[pair, mixed]": ("log_median", 5),
    "log_shape[allocated, first]": ("log_shape", 0),
    "shape_treatment_effect[0]": ("shape_treatment_effect", 0),
    "tail_treatment_effect[0]": ("tail_treatment_effect", 0),
    **{f"covariate {name}": ("covariate_effect", i) for i, name in enumerate(COVARIATES)},
    **{f"convention_logits[{name}]": ("convention_logits", i) for i, name in enumerate(METHODS)},
}


def replicate(model: str, number: int, seed: int) -> dict[str, Any]:
    """Simulate, fit and rank one world: ranks by quantity, and how the sampler did.

    Its random numbers do not depend on any other world.
    """
    started = time.perf_counter()
    rng = np.random.default_rng([seed, MODELS.index(model), number])
    settings = SamplerSettings(seed=int(rng.integers(2**31)), **_SETTINGS)
    simulated = _survival if model == "survival" else _response
    problem, truth, quantities = simulated(rng, load_priors(), number)
    draws = run(problem, settings, cache=False)
    true_values = quantities({name: np.asarray(value)[None] for name, value in truth.items()})
    drawn = quantities(_thinned(draws.tree, problem))
    ranks = {name: int((drawn[name] < value).sum()) for name, value in true_values.items()}
    return {
        "replicate": number,
        "ranks": ranks,
        "divergences": int(draws.tree["sample_stats"]["diverging"].sum()),
        "seconds": round(time.perf_counter() - started, 2),
    }


#: Values of the variables of a model, the first axis being that of draws.
Values = Mapping[str, np.ndarray]
_Quantities = Callable[[Values], dict[str, np.ndarray]]


def _thinned(tree: DataTree, problem: Problem) -> dict[str, np.ndarray]:
    """Evenly spaced draws of all chains: ``(DRAWS, ...)`` each."""
    found = {}
    for name in problem.keep:
        values = tree["posterior"][name].to_numpy()
        values = values.reshape(-1, *values.shape[2:])
        found[name] = values[np.linspace(0, len(values) - 1, DRAWS + 1).round().astype(int)][1:]
    return found


def _survival(
    rng: np.random.Generator, priors: Priors, number: int
) -> tuple[Problem, Values, _Quantities]:
    turn = survival_world.FAMILIES_IN_TURN
    name = turn[number % len(turn)]
    world = survival_world.simulate(rng, priors, name)
    problem = survival_problem(world.data, priors, family(name), sizes_for([world.data]))

    def quantities(values: Values) -> dict[str, np.ndarray]:
        found = {name: values[name] for name in _SURVIVAL_SCALARS}
        found["log_likelihood"] = np.array(
            [
                _printed_likelihood({name: value[i] for name, value in values.items()}, problem)
                for i in range(len(values["mu"]))
            ]
        )
        entries = _SURVIVAL_ENTRIES.items()
        return found | {name: values[of][..., i] for name, (of, i) in entries}

    return problem, world.truth, quantities


def _printed_likelihood(values: Values, problem: Problem) -> float:
    """Log likelihood of all printed figures at one set of values."""
    data = problem.values
    arms = data["arm_cohort"].size
    known = values["log_median"].size
    inputs = {name: np.zeros(arms) for name in PARAMETERS}
    inputs["location"][:known] = values["log_median"]
    cohort, treatment = data["arm_cohort"][:known], data["arm_treatment"][:known]
    inputs["log_shape"][:known] = values["log_shape"][cohort]
    inputs["tail"][:known] = values["tail_mean"] + values["tail_treatment_effect"][treatment]
    logits = values["convention_logits"]
    inputs["log_convention"] = logits - np.logaddexp.reduce(logits)
    given = [*(inputs[name] for name in PARAMETERS), *(data[name] for name in DATA)]
    outputs: list[list[Any]] = [[None] for _ in range(1 + len(PARAMETERS))]
    PrintedFigures().perform(None, given, outputs)
    return float(outputs[0][0])


def _response(
    rng: np.random.Generator, priors: Priors, number: int
) -> tuple[Problem, Values, _Quantities]:
    world = response_world.simulate(rng, priors)
    counts = [trials(count) for count in world.data.counts]
    numbers = {
        stage: np.array([count.get(stage, (0, 0)) for count in counts]).T for stage in STAGES
    }

    def quantities(values: Values) -> dict[str, np.ndarray]:
        found = {}
        for stage, (successes, of) in numbers.items():
            odds = values[variable(stage, "log_odds")]
            each = successes * odds - of * np.logaddexp(0.0, odds)
            for name in ("mu", "class_sd", "treatment_sd", "study_sd"):
                found[variable(stage, name)] = values[variable(stage, name)]
            found[variable(stage, "log_likelihood")] = each.sum(axis=-1)
            for name in ("class_effect", "treatment_effect", "study_effect", "log_odds"):
                own = variable(stage, name)
                found[f"{own}[0]"] = values[own][..., 0]
        return found

    return response_problem(world.data, priors), world.truth, quantities
