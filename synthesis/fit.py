"""Sampling: the only caller of the sampler.

A model is compiled once for given sizes and refitted with other data, priors or another family
in about a second. Draws are kept on disk under the fingerprint of everything that determines
them, so that the same question is not sampled twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pymc as pm
from arviz import from_dict
from xarray import DataTree

from synthesis.packing import pack

Progress = Callable[[str], None]

#: Modules of this package whose code defines a model beside its data.
MODEL_CODE = (
    "survival",
    "response",
    "joint",
    "effects",
    "kernel",
    "kernel_chains",
    "kernel_curves",
    "logrank",
    "families",
    "packing",
    "fit",
)

_COMPILED: dict[tuple[Any, ...], Any] = {}


@dataclass(frozen=True)
class SamplerSettings:
    """How many draws, and from which seed.

    Attributes
    ----------
    draws, tune : int
        Per chain, kept and discarded.
    chains : int
        At least two, or convergence cannot be judged.
    seed : int
    target_accept : float
        Mean acceptance that the step size is tuned to.
    """

    draws: int = 4000
    tune: int = 1000
    chains: int = 4
    seed: int = 20210
    target_accept: float = 0.95

    def __post_init__(self) -> None:
        """Refuse settings that cannot give a posterior.

        Raises
        ------
        ValueError
            Names the setting, what was found and what is expected.
        """
        least = {"draws": 4, "tune": 1, "chains": 2, "seed": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(
                    f"{name} must be at least {minimum}, found {getattr(self, name)}: raise it"
                )


@dataclass(frozen=True)
class Draws:
    """What a run of the sampler left.

    Attributes
    ----------
    tree : DataTree
        Groups ``posterior`` and ``sample_stats``.
    settings : SamplerSettings
    seconds : mapping
        ``compile`` and ``sample``: wall time when the draws were made.
    from_cache : bool
        Whether they were read back instead of sampled.
    """

    tree: DataTree
    settings: SamplerSettings
    seconds: Mapping[str, float]
    from_cache: bool


@dataclass(frozen=True)
class Problem:
    """A model with its data, ready to be sampled.

    Attributes
    ----------
    kind : tuple
        Identifies the graph: name and sizes. Problems of one kind share a compiled model.
    build : callable
        Returns the :class:`pymc.Model`; called once a kind.
    values : mapping
        All model data.
    keep : tuple of str
        Variables to store.
    labels : mapping
        Dimension -> labels of the entries that are data; padding beyond them is cut off.
    dims : mapping
        Stored variable -> its dimensions.
    """

    kind: tuple[Any, ...]
    build: Callable[[], pm.Model]
    values: Mapping[str, np.ndarray]
    keep: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, tuple[str, ...]]


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

    Parameters
    ----------
    problem : Problem
    settings : SamplerSettings
    cache : bool
        Whether draws of the same fingerprint may be read and are stored.
    progress : callable, optional
        Called with a sentence at each stage.
    """
    tell = progress or (lambda _: None)
    path = cache_folder() / f"{fingerprint(problem, settings)}.npz" if cache else None
    if path is not None:
        arrays = _read(path)
        if arrays is not None:
            tell("draws of this very analysis are at hand")
            seconds = json.loads(str(arrays.pop("seconds")))
            return Draws(_tree(problem, arrays), settings, seconds, from_cache=True)
    started = time.perf_counter()
    compiled = _compiled(problem, tell)
    compiled_at = time.perf_counter()
    tell(f"sampling {settings.chains} chains of {settings.draws} draws")
    arrays = _sample(compiled, problem, settings)
    seconds = {"compile": compiled_at - started, "sample": time.perf_counter() - compiled_at}
    if path is not None:
        _write(path, {**arrays, "seconds": np.array(json.dumps(seconds))})
    return Draws(_tree(problem, arrays), settings, seconds, from_cache=False)


def prior_draws(problem: Problem, count: int, seed: int) -> DataTree:
    """Draw from the priors through the very model that is fitted.

    Potentials are not drawn from: where a variant takes Student-t study effects, those of the
    priors are normal.

    Returns
    -------
    DataTree
        Group ``prior`` with dimensions ``chain`` (of one) and ``draw``.
    """
    model = problem.build()
    with model:
        pm.set_data(pack(problem.values))
    names = list(problem.keep)
    drawn = pm.draw([model[name] for name in names], draws=count, random_seed=seed)
    arrays = {name: np.asarray(values)[None] for name, values in zip(names, drawn, strict=True)}
    return _tree(problem, arrays, group="prior")


def _compiled(problem: Problem, tell: Progress) -> Any:
    if problem.kind not in _COMPILED:
        import nutpie  # only a process that samples pays for the import

        tell("compiling the model")
        _COMPILED[problem.kind] = nutpie.compile_pymc_model(
            problem.build(), freeze_model=False, var_names=list(problem.keep)
        )
    return _COMPILED[problem.kind]


def _sample(compiled: Any, problem: Problem, settings: SamplerSettings) -> dict[str, np.ndarray]:
    import nutpie

    tree = nutpie.sample(
        compiled.with_data(**pack(problem.values)),
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=min(settings.chains, os.cpu_count() or 1),
        seed=settings.seed,
        save_warmup=False,
        progress_bar=False,
        target_accept=settings.target_accept,
    )
    arrays = {name: tree["posterior"][name].to_numpy() for name in problem.keep}
    for name in ("diverging", "energy"):
        arrays[f"stats.{name}"] = tree["sample_stats"][name].to_numpy()
    return arrays


def _tree(problem: Problem, arrays: Mapping[str, np.ndarray], group: str = "posterior") -> DataTree:
    """Name the dimensions and cut the padding off."""
    variables, dims = {}, {}
    for name, own in problem.keep.items():
        kept = tuple(slice(len(problem.labels[d])) for d in own)
        variables[name] = arrays[name][(slice(None), slice(None), *kept)]
        dims[name] = list(own)
    groups = {group: variables}
    stats = {k.removeprefix("stats."): v for k, v in arrays.items() if k.startswith("stats.")}
    if stats:
        groups["sample_stats"] = stats
    coords = {name: list(labels) for name, labels in problem.labels.items()}
    return from_dict(groups, coords=coords, dims=dims)


def fingerprint(problem: Problem, settings: SamplerSettings) -> str:
    """SHA-256 of data, priors, settings, versions and the code that defines the model."""
    digest = hashlib.sha256()
    for name in sorted(problem.values):
        value = np.ascontiguousarray(problem.values[name])
        digest.update(f"{name}{value.dtype}{value.shape}".encode())
        digest.update(value.tobytes())
    packages = {name: version(name) for name in ("pymc", "pytensor", "nutpie", "numpy", "numba")}
    facts = [problem.kind, sorted(problem.keep.items()), asdict(settings), packages]
    digest.update(repr([*facts, platform.python_version(), platform.machine()]).encode())
    here = Path(__file__).parent
    models = [here / f"{name}.py" for name in MODEL_CODE]
    for source in (*models, here.parent / "priors" / "realise.py"):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where draws are kept: ``ATC_CACHE_DIR``, or a folder of the user's caches."""
    base = os.environ.get("ATC_CACHE_DIR")
    if base:
        return Path(base)
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "atc-synthesis"


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """Stored draws, or ``None`` where there are none that can be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, BadZipFile):
        return None


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Store draws in one move; a folder that cannot be written costs the next run its time only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            np.savez(Path(folder) / path.name, **arrays)
            (Path(folder) / path.name).replace(path)
    except OSError:
        return


__all__ = [
    "Draws",
    "Problem",
    "Progress",
    "SamplerSettings",
    "cache_folder",
    "fingerprint",
    "prior_draws",
    "run",
]
