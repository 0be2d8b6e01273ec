"""Sampling, and judging what the sampler left: the only caller of the sampler.

A model is compiled once for given sizes and refitted with other data, priors or another family
in about a second. Draws are kept on disk under the fingerprint of everything that determines
them, and beside them what was computed of them alone, so that nothing is computed twice.

A fit is PASS, REVIEW or FAIL. Limits follow Vehtari et al. 2021 (doi 10.1214/20-BA1221) and
Betancourt 2016 (arXiv 1604.00695): rank-normalised R-hat below 1.01, bulk and tail effective sizes
above 400, no divergence, and an energy fraction (E-FMI) above 0.3. R-hat and effective size come
first: a chain can be stuck without a single divergence.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from xarray import Dataset, DataTree

from synthesis.model import source_digest
from synthesis.model.arrays import Sizes, pack
from synthesis.model.compiling import compiled_model
from synthesis.model.store import VERSIONS, cache_folder, read_draws, read_or_make, write_draws
from synthesis.numbers import count

if TYPE_CHECKING:  # who reads stored draws does not load it
    import pymc as pm

Progress = Callable[[str], None]


@dataclass(frozen=True)
class SamplerSettings:
    """How many draws, and from which seed."""

    draws: int = 4000
    tune: int = 1000
    """Per chain, kept and discarded."""
    chains: int = 4
    """At least two, or convergence cannot be judged."""
    seed: int = 20210
    target_accept: float = 0.975
    """Mean acceptance that the step size is tuned to."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot give a posterior: a ValueError names the setting."""
        least = {"draws": 4, "tune": 1, "chains": 2, "seed": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(
                    f"{name} must be at least {minimum}, found {getattr(self, name)}: raise it"
                )


@dataclass(frozen=True)
class Draws:
    """What a run of the sampler left."""

    tree: DataTree
    """Groups ``posterior`` and ``sample_stats``."""
    settings: SamplerSettings
    seconds: Mapping[str, float]
    """``compile`` and ``sample``: wall time when the draws were made."""
    from_cache: bool
    """Whether they were read back instead of sampled."""
    folder: Path | None = None
    """Where they are kept; ``None``: nowhere."""
    memory: dict[str, Mapping[str, np.ndarray]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What follows from them, by name: see :func:`kept_beside`."""


@dataclass(frozen=True)
class Problem:
    """A model with its data, ready to be sampled."""

    model: str
    """A name of :data:`synthesis.model.graphs.MODELS`."""
    families: Mapping[str, str]
    """Variable -> family of its prior."""
    sizes: Sizes
    values: Mapping[str, np.ndarray]
    """All model data."""
    keep: Mapping[str, tuple[str, ...]]
    """Stored variable -> its dimensions."""
    labels: Mapping[str, tuple[str, ...]]
    """Dimension -> labels of the entries that are data; padding beyond them is cut off."""

    @property
    def kind(self) -> tuple[Any, ...]:
        """Identifies the graph: problems of one kind share a compiled model."""
        return self.model, self.sizes.room, tuple(self.families.items())

    def build(self) -> pm.Model:
        """Build the graph, of which another problem of the kind has other data only."""
        from synthesis.model.graphs import MODELS  # only who samples loads PyMC

        return MODELS[self.model](self.values, self.families, self.sizes)


def run(
    problem: Problem,
    settings: SamplerSettings,
    *,
    cache: bool = True,
    progress: Progress | None = None,
) -> Draws:
    """Sample a problem, or read its draws back.

    Chains start within one unit of the centre of the standardised priors: a start far out can
    leave a chain stuck without a single divergence.

    With a `cache`, draws of the same fingerprint are read, or stored; `progress` is called with a
    sentence at each stage.
    """
    report = progress or (lambda _: None)
    folder = cache_folder() / fingerprint(problem, settings) if cache else None
    kept = folder and read_draws(folder)
    if kept:
        report("draws of this very analysis are at hand")
        arrays, seconds = kept
        return Draws(_tree(problem, arrays), settings, seconds, from_cache=True, folder=folder)
    started = time.perf_counter()
    compiled = compiled_model(problem, report)
    compiled_at = time.perf_counter()
    report(f"sampling {settings.chains} chains of {settings.draws} draws")
    arrays = _sample(compiled, problem, settings)
    seconds = {"compile": compiled_at - started, "sample": time.perf_counter() - compiled_at}
    about = f"draws of {problem.model}, {count(len(problem.labels.get('cohort', ())), 'cohort')}"
    if folder and not write_draws(folder, arrays, seconds, about):
        folder = None
    return Draws(_tree(problem, arrays), settings, seconds, from_cache=False, folder=folder)


def _sample(compiled: Any, problem: Problem, settings: SamplerSettings) -> dict[str, np.ndarray]:
    import nutpie

    tree = nutpie.sample(
        compiled.with_data(**pack(problem.values)),
        **asdict(settings),
        cores=min(settings.chains, os.cpu_count() or 1),
        save_warmup=False,
        progress_bar=False,
    )
    arrays = {}
    for name, dims in problem.keep.items():  # without padding
        entries = (slice(len(problem.labels[d])) for d in dims)
        arrays[name] = tree["posterior"][name].to_numpy()[:, :, *entries]
    for name in ("diverging", "energy"):
        arrays[f"stats.{name}"] = tree["sample_stats"][name].to_numpy()
    # kept in single precision, whose error is a ten thousandth of the Monte Carlo error
    return {name: values.astype(np.float32).astype(float) for name, values in arrays.items()}


def _tree(problem: Problem, arrays: Mapping[str, np.ndarray]) -> DataTree:
    """The arrays with names of their dimensions."""
    groups: dict[str, dict[str, Any]] = {"posterior": {}, "sample_stats": {}}
    for name, values in arrays.items():
        kind, _, short = name.rpartition(".")
        dims = ("chain", "draw", *problem.keep.get(name, ()))
        groups["sample_stats" if kind else "posterior"][short] = (dims, values)
    chains, draws = next(iter(arrays.values())).shape[:2]
    labels = {"chain": range(chains), "draw": range(draws)} | problem.labels
    coords = {name: list(entries) for name, entries in labels.items()}
    return DataTree.from_dict({name: Dataset(own, coords) for name, own in groups.items()})


# --- What is kept on disk ------------------------------------------------------------------------


def fingerprint(problem: Problem, settings: SamplerSettings) -> str:
    """SHA-256 of data, priors, settings, versions and the code that defines the model."""
    digest = hashlib.sha256(source_digest().encode())
    for name in sorted(problem.values):
        value = np.ascontiguousarray(problem.values[name])
        digest.update(f"{name}{value.dtype}{value.shape}".encode())
        digest.update(value.tobytes())
    facts = [
        problem.kind,
        sorted(problem.keep.items()),
        {name: len(labels) for name, labels in problem.labels.items()},
        asdict(settings),
        VERSIONS,
    ]
    digest.update(repr(facts).encode())
    return digest.hexdigest()


def kept_beside(
    draws: Draws, name: str, make: Callable[[], Mapping[str, np.ndarray]]
) -> Mapping[str, np.ndarray]:
    """Arrays that follow from draws alone: read from beside them, or made and kept there.

    The name tells the arrays, and the code outside of this folder that makes them.
    """
    if name not in draws.memory:
        path = draws.folder and draws.folder / f"{name}.npz"
        draws.memory[name] = make() if path is None else read_or_make(path, make)
    return draws.memory[name]


# --- What draws are worth ------------------------------------------------------------------------

Verdict = Literal["PASS", "REVIEW", "FAIL"]

RHAT_PASS, RHAT_FAIL = 1.01, 1.05
ESS_PASS, ESS_FAIL = 400.0, 100.0
DIVERGENT_SHARE_FAIL = 0.01
BFMI_PASS = 0.3


@dataclass(frozen=True)
class Diagnosis:
    """What the sampler's draws are worth."""

    verdict: Verdict
    max_rhat: float
    """Largest rank-normalised split R-hat of any parameter, which ``worst_parameter`` names."""
    worst_parameter: str
    min_ess_bulk: float
    min_ess_tail: float
    """Both are the smallest effective sample size of any parameter."""
    divergences: int
    min_bfmi: float
    """Smallest energy fraction of any chain."""
    draws: int
    chains: int
    advice: str
    """What does not pass and what to do; empty for PASS."""

    @property
    def has_enough_draws(self) -> bool:
        """Whether chains agree and the effective sizes suffice."""
        least = min(self.min_ess_bulk, self.min_ess_tail)
        return self.max_rhat < RHAT_PASS and least > ESS_PASS


def diagnose(tree: DataTree) -> Diagnosis:
    """Judge the draws of one fit; what does not vary (a share that is printed) is not judged."""
    from arviz import bfmi, ess, rhat

    posterior = tree["posterior"].to_dataset()
    with warnings.catch_warnings():
        # a printed share is constant: its R-hat is 0/0 and is dropped below
        warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)
        convergence = _flat(rhat(posterior))
    judged = {name for name, value in convergence.items() if np.isfinite(value)}
    bulk, tail = (_flat(ess(posterior, method=method)) for method in ("bulk", "tail"))
    worst = max(judged, key=convergence.__getitem__)
    stats = tree["sample_stats"].to_dataset()
    chains, draws = stats["diverging"].shape
    figures = {
        "max_rhat": convergence[worst],
        "min_ess_bulk": min(bulk[name] for name in judged),
        "min_ess_tail": min(tail[name] for name in judged),
        "divergences": int(stats["diverging"].sum()),
        "min_bfmi": float(bfmi(tree)["energy"].min()),
    }
    verdict, advice = _judge(figures, chains * draws)
    about = {"worst_parameter": worst, "draws": draws, "chains": chains, "advice": advice}
    return Diagnosis(verdict, **figures, **about)


def _flat(values: Dataset) -> dict[str, float]:
    """Each scalar under its name with coordinates, ``study_effect[sparano2021]``."""
    flat = {}
    for name, array in values.data_vars.items():
        for index, value in np.ndenumerate(array.to_numpy()):
            where = [str(array[d].to_numpy()[i]) for d, i in zip(array.dims, index, strict=True)]
            flat[f"{name}[{', '.join(where)}]" if where else str(name)] = float(value)
    return flat


def _judge(figures: dict[str, float], total: int) -> tuple[Verdict, str]:
    rhat, divergences = figures["max_rhat"], figures["divergences"]
    least = min(figures["min_ess_bulk"], figures["min_ess_tail"])
    advice = []
    if rhat >= RHAT_PASS:
        advice.append("chains disagree: more draws, or a look at the model")
    if least <= ESS_PASS:
        advice.append("few effective draws: more draws")
    if divergences:
        advice.append("divergent transitions: smaller steps (a higher target acceptance)")
    if figures["min_bfmi"] < BFMI_PASS:
        advice.append("energy poorly explored: tighter priors on the standard deviations")
    failed = rhat >= RHAT_FAIL or least < ESS_FAIL or divergences > DIVERGENT_SHARE_FAIL * total
    verdict: Verdict = "FAIL" if failed else "REVIEW" if advice else "PASS"
    return verdict, "; ".join(advice)


def diagnosis_of(draws: Draws) -> Diagnosis:
    """Judge draws, or read their diagnosis back: it takes seconds."""

    def make() -> dict[str, np.ndarray]:
        return {"diagnosis": np.array(json.dumps(asdict(diagnose(draws.tree))))}

    return Diagnosis(**json.loads(str(kept_beside(draws, "diagnosis", make)["diagnosis"])))
