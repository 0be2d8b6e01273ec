"""What the model says, in one number: it tells whether a stored calibration is that of this model.

The fingerprint is the SHA-256 of the log density of the compiled model's own graph, to eight
significant digits, at three fixed places, for a fixed small registry that holds every kind of
figure, under every family, with normal and Student-t study effects; and of the response model. The
density is taken relative to that at the origin: neither room for more data nor a constant changes
it, nor a covariate of which the fixed registry says nothing. Refactoring leaves it as it is;
another equation, prior or reading of a figure does not.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor

from priors import load_priors
from sbc import response_world, survival_world
from sbc.records import arranged, cohort, group, landmark, outcome, report
from synthesis.model.arrays import pack, sizes_for
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import FAMILIES
from synthesis.model.response import response_problem
from synthesis.model.sampler import Problem
from synthesis.model.survival import Variant, survival_problem

PLACES = 3
DIGITS = 8


def _d(*values: str) -> Any:
    numbers = [Decimal(value) for value in values]
    return numbers[0] if len(numbers) == 1 else numbers


def reports() -> list[dict[str, Any]]:
    """A registry of every kind of printed figure, the reports in short."""
    told = {"ci": _d("2.13", "9.81"), "level": _d("0.95"), "ci_method": "log-log"}
    untold = {"ci": _d("1.9", "6.5"), "level": _d("0.95")}
    open_end = {"ci": [_d("2.2"), "not reached"]}
    ratio = {"hr": _d("1.31"), "hr_ci": _d("0.74", "2.32"), "level": _d("0.95")}
    first_line = {"line": "first-line"}
    return [
        report(
            "allocated",
            cohort("a", "t1", 30, survival=[outcome(_d("4.37"), **told)], **first_line),
            cohort("b", "t3", 32, survival=[outcome(_d("6.02"))], **first_line),
            design="randomised",
            comparisons=[{"endpoint": "os", "groups": ["a", "b"]} | ratio],
        ),
        report(
            "hospital",
            cohort("a", "t2", 15, survival=[outcome(_d("3.4"), **untold)]),
            cohort("b", "t4", 9, survival=[outcome(_d("5"), **open_end)]),
            design="retrospective",
        ),
        report(
            "pair",
            cohort(
                "a",
                "t1",
                23,
                time_origin="diagnosis",
                histology={"pure": 15, "mixed": 8},
                subgroups=[group("pure", 15, _d("2.7")), group("mixed", 8, _d("6.3"))],
            ),
            comparisons=[{"endpoint": "os", "groups": ["mixed", "pure"], "p": _d("0.026")}],
        ),
        report(
            "curve",
            cohort(
                "a",
                "t2",
                41,
                braf_v600e={"positive": 11, "tested": 20},
                landmarks=[
                    landmark(_d("6"), _d("0.52"), ci=_d("0.36", "0.66")),
                    landmark(_d("12"), _d("0.3"), at_risk=10),
                ],
            ),
        ),
        report(
            "list",
            cohort(
                "a",
                "t3",
                3,
                patients=[
                    {"os": _d(months), "event": event, "unit": "months"}
                    for months, event in (("2.0", "died"), ("11.5", "alive"), ("4.3", "died"))
                ],
            ),
        ),
        report(
            "short", cohort("a", "t4", 11, survival=[outcome("not reached", follow_up=_d("9"))])
        ),
    ]


def fingerprint() -> str:
    """SHA-256 of both models."""
    return fingerprint_of(densities())


def fingerprint_of(found: Mapping[str, Sequence[float]]) -> str:
    """SHA-256 of these densities, to :data:`DIGITS` digits."""
    digest = hashlib.sha256()
    for name, values in found.items():
        printed = " ".join(f"{value:.{DIGITS - 1}e}" for value in values)
        digest.update(f"{name}: {printed}\n".encode())
    return digest.hexdigest()


def densities() -> dict[str, list[float]]:
    """Log densities at the fixed places, relative to that at the origin."""
    priors = load_priors()
    data = arranged(reports(), survival_world.CLASSES)
    sizes = sizes_for([data])
    found = {}
    problems = {
        (name, effects): survival_problem(
            data, priors, FAMILIES[name], sizes, Variant(study_effects=effects)
        )
        for name in FAMILIES
        for effects in ("normal", "student-t")
    }
    evaluate = _Density(next(iter(problems.values())))
    for (name, effects), problem in problems.items():
        found[f"{name}, {effects}"] = evaluate.at(problem)
    world = response_world.simulate(np.random.default_rng(1), priors)
    response = response_problem(world.data, priors)
    found["response"] = _Density(response).at(response)
    return found


class _Density:
    """Log density of a model's free variables, evaluated without the compilers of the sampler."""

    def __init__(self, problem: Problem) -> None:
        self.model = problem.build()
        inputs = self.model.value_vars
        of = self.model.named_vars_to_dims
        self.dims = {v.name: of.get(self.model.values_to_rvs[v].name, ()) for v in inputs}
        self.start = self.model.initial_point(random_seed=1)
        mode = pytensor.compile.mode.Mode(linker="py", optimizer=None)
        with pytensor.config.change_flags(cxx=""):
            # term by term: one sum of all has more operands than can be added without a compiler
            self.terms = pytensor.function(inputs, self.model.logp(sum=False), mode=mode)

    def at(self, problem: Problem) -> list[float]:
        """Densities at the places, less that at the origin."""
        with self.model:
            pm.set_data(pack(problem.values))
        origin = self._one(problem, None)
        return [self._one(problem, place) - origin for place in range(PLACES)]

    def _one(self, problem: Problem, place: int | None) -> float:
        told = np.transpose(problem.values.get("cohort_covariates", ()))
        idle = {f"{name}_raw" for name, own in zip(COVARIATES, told, strict=False) if not own.any()}
        point = []
        for name, dims in self.dims.items():
            rows = len(problem.labels[dims[0]]) if dims else 0
            at = None if name in idle else place
            point.append(_place(name, self.start[name].shape, rows, at))
        return sum(float(np.sum(term)) for term in self.terms(*point))


def _place(name: str, shape: tuple[int, ...], rows: int, place: int | None) -> np.ndarray:
    """Values of a variable at a place; entries that are no data stay at the origin."""
    value = np.zeros(shape)
    if place is None:
        return value
    start = zlib.crc32(name.encode()) % 1000
    waves = 0.6 * np.sin(start + 2.3 * place + 0.7 * np.arange(max(rows, 1)))
    if not shape:
        return np.asarray(waves[0])
    value[:rows] = waves
    return value


def in_plain_python() -> str:
    """The fingerprint, found by a process that compiles nothing: in half a minute.

    Raises
    ------
    RuntimeError
        If that process fails; the message holds what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "sbc.fingerprint"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the fingerprint of the model was not found:\n{done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    print(fingerprint())
