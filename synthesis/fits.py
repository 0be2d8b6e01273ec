"""From a registry to fitted models: the two functions that most users call.

A fit that does not pass is tried again with more draws or smaller steps before it is reported.
"""

from __future__ import annotations

import platform
import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from xarray import DataTree

from priors import Priors, load_priors
from studies import Registry
from studies.figures import Readings, View
from studies.responses import ResponseRefused, best_responses
from studies.selection import LeftOut, Selection, adjusted_contrasts
from synthesis.counting import select
from synthesis.endpoints import survival_endpoints
from synthesis.model import covariates, response, sampler, survival
from synthesis.model.arrays import Sizes, sizes_for
from synthesis.model.families import Family, family
from synthesis.model.observations import Contrasts, SurvivalData, survival_data
from synthesis.model.response import ResponseData, response_data, response_problem
from synthesis.model.sampler import Diagnosis, Draws, Problem, Progress, SamplerSettings
from synthesis.model.survival import USUAL, Variant, centre_share, survival_problem
from synthesis.numbers import count
from synthesis.result import NotAnsweredError

if TYPE_CHECKING:
    import pandas as pd

SURVIVAL_ENDPOINTS = survival_endpoints()
DEFAULT_FAMILY = "log-logistic"

# Summaries use at most this many draws, evenly spaced: more than the effective number, and the
# restricted means of every treatment stay quick.
_SUMMARY_DRAWS = 4000

_ATTEMPTS = 3


class NothingToPoolError(NotAnsweredError):
    """No cohort of the registry can be counted for an endpoint; the message says so."""


class PooledSurvival(Protocol):
    """What tables and estimands ask of a survival fit, be it of one family or of several."""

    data: SurvivalData
    left_out: tuple[LeftOut, ...]
    """Cohorts that are not counted."""
    priors: Priors
    diagnosis: Diagnosis
    """What the draws are worth; of several families the worst."""
    centre_share: float
    """Share of mixed histology at which ``mu`` and the effects are stated."""
    variant: Variant
    """What is taken otherwise than in every report."""
    seed: int
    """Of the random numbers."""
    family_weights: Mapping[str, float]
    """Weight of each family by its name in running text."""
    draw_family: str | np.ndarray
    """Name of the family of all draws of :meth:`flat`, or of each."""
    has_shape: float | np.ndarray
    """One where the shape of a draw is free, else zero."""

    def flat(self, name: str) -> np.ndarray:
        """Draws of a variable, ``(draws, ...)``: chains one after the other and thinned."""


class _Sampled:
    """What both kinds of fits have of their draws."""

    draws: Draws

    @property
    def seed(self) -> int:
        """Seed of the random numbers."""
        return self.draws.settings.seed

    @property
    def tree(self) -> DataTree:
        """The draws, with named coordinates."""
        return self.draws.tree

    def flat(self, name: str) -> np.ndarray:
        """Draws of a variable, chains one after the other and thinned: ``(draws, ...)``."""
        values = self.tree["posterior"][name].to_numpy()
        values = values.reshape(-1, *values.shape[2:])
        return values[:: max(len(values) // _SUMMARY_DRAWS, 1)]

    def summary(self, *names: str) -> pd.DataFrame:
        """Posterior and convergence of variables, of all without names (`arviz.summary`)."""
        import arviz

        return arviz.summary(self.tree, var_names=list(names) or None)

    def __repr__(self) -> str:
        family = getattr(self, "family", None)
        about = [family.label] if family else []
        about += [count(len(self.data.cohorts), "cohort"), f"{self.diagnosis.verdict}"]
        return f"{type(self).__name__}({', '.join(about)})"


@dataclass(frozen=True, repr=False)
class SurvivalFit(_Sampled):
    """A fitted survival model of one family; attributes as in :class:`PooledSurvival`."""

    data: SurvivalData
    left_out: tuple[LeftOut, ...]
    priors: Priors
    family: Family
    draws: Draws
    diagnosis: Diagnosis
    centre_share: float
    variant: Variant = USUAL

    @property
    def family_weights(self) -> Mapping[str, float]:
        """The one family has all the weight."""
        return {self.family.label: 1.0}

    @property
    def draw_family(self) -> str:
        """Name of the one family."""
        return self.family.name

    @property
    def has_shape(self) -> float:
        """One where the shape is free, else zero."""
        return float(self.family.has_shape)


@dataclass(frozen=True, repr=False)
class ResponseFit(_Sampled):
    """A fitted response model; attributes as in :class:`SurvivalFit`."""

    data: ResponseData
    left_out: tuple[LeftOut, ...]
    priors: Priors
    draws: Draws
    diagnosis: Diagnosis


_KEPT: dict[int, dict[Hashable, Any]] = {}


def kept[T](of: Any, key: Hashable, make: Callable[[], T]) -> T:
    """Make something of a registry or a fit once; it is kept until that itself is gone."""
    if id(of) not in _KEPT:
        _KEPT[id(of)] = {}
        weakref.finalize(of, _KEPT.pop, id(of), None)
    values = _KEPT[id(of)]
    if key not in values:
        values[key] = make()
    return values[key]


def bias_spread(fit: PooledSurvival) -> np.ndarray:
    """SD of the biases of retrospective reports, ``(draws,)``; 0 but in a variant with a bias."""
    if fit.variant.estimates_bias:
        return fit.flat("bias_sd")
    return np.full(fit.flat("mu").size, float(fit.variant.retrospective_bias))


def survival_observations(
    registry: Registry, *, verified_only: bool = False, use_read_as: Readings = False
) -> Mapping[str, tuple[SurvivalData, tuple[LeftOut, ...]]]:
    """Observations and cohorts left out, for each survival endpoint."""

    def make() -> Mapping[str, tuple[SurvivalData, tuple[LeftOut, ...]]]:
        made = {}
        for endpoint in SURVIVAL_ENDPOINTS:
            view = View(endpoint, verified_only, use_read_as)
            chosen = select(registry, **vars(view))
            made[endpoint] = (observe(registry, view, chosen), chosen.left_out)
        return MappingProxyType(made)

    return kept(registry, ("observations", verified_only, use_read_as), make)


def common_sizes(registries: Iterable[Registry], counting: Mapping[str, Any]) -> Sizes:
    """Room for every survival endpoint of several registries: one compiled model serves them."""
    observed = (survival_observations(own, **counting).values() for own in registries)
    return sizes_for([data for own in observed for data, _ in own])


def observe(registry: Registry, view: View, chosen: Selection) -> SurvivalData:
    """Observations of the cohorts that are chosen for a survival endpoint."""
    contrasts = Contrasts(chosen.within, adjusted_contrasts(registry, view), chosen.origin)
    selecting = registry.vocabulary.selecting
    return survival_data(chosen.counted, view, class_order(registry), selecting, contrasts)


def class_order(registry: Registry) -> list[str]:
    """Class identifiers of the vocabulary in order of display."""
    return [c.id for c in sorted(registry.vocabulary.classes, key=lambda c: c.order)]


def fit_survival(
    registry: Registry,
    endpoint: str = "os",
    *,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    settings: SamplerSettings | None = None,
    verified_only: bool = False,
    use_read_as: Readings = False,
    variant: Variant = USUAL,
    sizes: Sizes | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> SurvivalFit:
    """Pool the printed survival figures of a registry.

    Parameters
    ----------
    registry : Registry
    endpoint : {"os", "pfs"}
    family_name : str
        A name of :data:`synthesis.model.families.FAMILIES`.
    priors : Priors, optional
        Those of the registry otherwise, or the default catalogue.
    verified_only : bool
        Count only figures that were seen in the report itself.
    use_read_as : bool, "groups" or "origin"
        Which declared readings count as histology, of :data:`~studies.figures.Readings`.
    variant : Variant
        What is taken otherwise than in every report.
    sizes : Sizes, optional
        Room of the compiled model, at least that of the registry: one model for two registries.
    cache : bool
        Read and store draws on disk.
    progress : callable, optional
        Called with a sentence at each stage.

    Raises
    ------
    NothingToPoolError
        If no cohort can be counted.
    ValueError
        If endpoint or family is unknown.
    """
    if endpoint not in SURVIVAL_ENDPOINTS:
        known = " or ".join(SURVIVAL_ENDPOINTS)
        raise ValueError(f"unknown survival endpoint {endpoint!r}: choose {known}")
    family(family_name)
    # another disease has the compiled model of the registry that it was taken out of
    of = [registry] if registry.beside is None else [registry, registry.beside]
    asked = {"verified_only": verified_only, "use_read_as": use_read_as}
    observed, *beside = (survival_observations(own, **asked) for own in of)
    data, left_out = observed[endpoint]
    if not data.cohorts:
        raise _nothing_to_pool(registry, endpoint, left_out)
    priors = priors or load_priors(registry.priors)
    # where no report tells pure from mixed, the term for it falls away: all are at the centre
    entered = data if data.tells_histology else data.at_share(centre_share(priors))
    fit = fit_survival_data(
        entered,
        family_name=family_name,
        priors=priors,
        settings=settings,
        variant=variant,
        sizes=sizes or sizes_for([d for own in (observed, *beside) for d, _ in own.values()]),
        cache=cache,
        progress=progress,
    )
    return replace(fit, data=data, left_out=left_out)


def fit_survival_data(
    data: SurvivalData,
    *,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    settings: SamplerSettings | None = None,
    variant: Variant = USUAL,
    sizes: Sizes | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> SurvivalFit:
    """Fit observations that were made already; parameters are those of :func:`fit_survival`."""
    priors, chosen = priors or load_priors(), family(family_name)
    problem = survival_problem(data, priors, chosen, sizes or sizes_for([data]), variant)
    draws, diagnosis = _run(problem, settings, cache, progress)
    return SurvivalFit(data, (), priors, chosen, draws, diagnosis, centre_share(priors), variant)


def fit_response(
    registry: Registry,
    *,
    priors: Priors | None = None,
    settings: SamplerSettings | None = None,
    verified_only: bool = False,
    use_read_as: Readings = False,
    cache: bool = True,
    progress: Progress | None = None,
) -> ResponseFit:
    """Pool the best responses of a registry; parameters and errors as of :func:`fit_survival`."""
    counting = {"verified_only": verified_only, "use_read_as": use_read_as}
    chosen = counted_for(registry, "response", counting)
    counts = [best_responses(ref.cohort.response, ref.cohort.n) for ref in chosen.counted]
    for ref, found in zip(chosen.counted, counts, strict=True):
        if isinstance(found, ResponseRefused):
            raise TypeError(f"{ref.id} was counted for response, but {found.reason}")
    data = response_data(chosen.counted, counts, class_order(registry))
    priors = priors or load_priors(registry.priors)
    how = {"settings": settings, "cache": cache, "progress": progress}
    return replace(fit_response_data(data, priors=priors, **how), left_out=chosen.left_out)


def fit_response_data(
    data: ResponseData,
    *,
    priors: Priors | None = None,
    settings: SamplerSettings | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> ResponseFit:
    """Fit response counts that were made already; parameters are those of :func:`fit_response`."""
    priors = priors or load_priors()
    draws, diagnosis = _run(response_problem(data, priors), settings, cache, progress)
    return ResponseFit(data, (), priors, draws, diagnosis)


def fit_endpoint(
    registry: Registry,
    view: View,
    options: Mapping[str, Any],
    *,
    family_name: str = DEFAULT_FAMILY,
    sizes: Sizes | None = None,
) -> SurvivalFit | ResponseFit:
    """Pool response or, under one family, survival; the priors alone where nothing is counted.

    Options are ``priors``, ``settings``, ``cache`` and ``progress`` of :func:`fit_survival`.
    """
    of_family = {"family_name": family_name, "sizes": sizes}
    of_survival = view.endpoint in SURVIVAL_ENDPOINTS
    chosen, order = select(registry, **vars(view)), class_order(registry)
    counting = {"verified_only": view.verified_only, "use_read_as": view.use_read_as}
    if chosen.counted and of_survival:
        return fit_survival(registry, view.endpoint, **of_family, **options, **counting)
    if chosen.counted:
        return fit_response(registry, **options, **counting)
    if of_survival:
        fit = fit_survival_data(survival_data((), view, order), **of_family, **options)
    else:
        fit = fit_response_data(response_data((), (), order), **options)
    return replace(fit, left_out=chosen.left_out)


def at_stage(progress: Progress | None, stage: str) -> Progress | None:
    """Progress whose sentences begin with the words of a stage."""
    return progress and (lambda words: progress(f"{stage}{words}"))


def counted_for(registry: Registry, endpoint: str, counting: Mapping[str, Any]) -> Selection:
    """Select as :func:`synthesis.counting.select`; `NothingToPoolError` where no cohort counts."""
    chosen = select(registry, endpoint, **counting)
    if not chosen.counted:
        raise _nothing_to_pool(registry, endpoint, chosen.left_out)
    return chosen


def _nothing_to_pool(
    registry: Registry, endpoint: str, left_out: Sequence[LeftOut]
) -> NothingToPoolError:
    where = " and ".join(str(folder) for folder in registry.folders)
    why = [f"{own.study_id}:{own.cohort_id}: {own.reason}" for own in left_out[:2]]
    more = f"{count(len(left_out) - 2, 'other')} likewise." if len(left_out) > 2 else ""
    first = f"no cohort of {where} can be counted for {endpoint}."
    return NothingToPoolError(" ".join(filter(None, (first, *why, more))))


def _run(
    problem: Problem, settings: SamplerSettings | None, cache: bool, progress: Progress | None
) -> tuple[Draws, Diagnosis]:
    """Sample, judge, and sample again more carefully where the verdict is not PASS."""
    settings = settings or SamplerSettings()
    for attempt in range(_ATTEMPTS):
        draws = sampler.run(problem, settings, cache=cache, progress=progress)
        diagnosis = sampler.diagnosis_of(draws)
        if diagnosis.verdict == "PASS" or attempt == _ATTEMPTS - 1:
            break
        if progress is not None:
            progress(f"{diagnosis.verdict}: {diagnosis.advice}; sampling again")
        if not diagnosis.has_enough_draws:
            settings = replace(settings, draws=2 * settings.draws)
        if diagnosis.divergences or diagnosis.has_enough_draws:
            settings = smaller_steps(settings)
    return draws, diagnosis


def smaller_steps(settings: SamplerSettings) -> SamplerSettings:
    """Settings under which half as many proposals are rejected."""
    return replace(settings, target_accept=1.0 - (1.0 - settings.target_accept) / 2.0)


# --- What a fit rests on -------------------------------------------------------------------------

# Priors that matter only where the histology of some cohort is known.
_OF_HISTOLOGY = ("histology_prognostic", "histology_predictive", "mixed_share")

_PACKAGES = ("atc-synthesis", "pymc", "nutpie", "arviz", "numpy", "pandas", "matplotlib")


def used_priors(fits: Mapping[str, SurvivalFit | ResponseFit]) -> list[str]:
    """Names of the priors that can matter for any of the fits.

    Each once, in the order of the models; every fit is of one family.
    """
    names: list[str] = []
    for fit in fits.values():
        if isinstance(fit, ResponseFit):
            stages = fit.data.stages
            names += [p for p in response.PRIOR_OF.values() if p.split("_")[0] in stages]
        else:
            idle = _idle_priors(fit)
            of_model = (*survival.PRIOR_OF.values(), fit.family.shape_prior, fit.family.tail_prior)
            names += [name for name in of_model if name and name not in idle]
    return list(dict.fromkeys(names))


def _idle_priors(fit: SurvivalFit) -> set[str]:
    """Priors of terms that the likelihood of a fit does not have."""
    idle = set() if fit.data.tells_histology else set(_OF_HISTOLOGY)
    if not fit.family.has_tail:
        idle.add("tail_treatment_sd")
    if not fit.family.has_shape:
        idle |= {"shape_treatment_sd", "shape_sd", fit.family.shape_prior}
    if all(arm.told for arm in fit.data.arms):
        idle.add("convention_logit")
    for number, covariate in enumerate(covariates.ALL):
        differs = any(values[number] != 0.0 for values in fit.data.covariates)
        if not (differs and fit.variant.covariates):
            idle.add(covariate.prior)
    return idle


def versions() -> dict[str, str]:
    """Versions of what numbers depend on, and the kind of machine."""
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    return machine | {name: version(name) for name in _PACKAGES}


def run_facts(
    settings: Mapping[str, Any], priors: Priors, fits: Mapping[str, SurvivalFit | ResponseFit]
) -> dict[str, Any]:
    """Facts of a run that do not depend on what it was for, ready for JSON.

    Returns
    -------
    dict
        ``versions``, ``seed``, ``settings``, ``priors`` and ``fits``.
    """
    return {
        "versions": versions(),
        "seed": settings["seed"],
        "settings": dict(settings),
        "priors": {
            "files": list(priors.files),
            "fingerprint": priors.fingerprint,
            "values": {name: prior.parameters for name, prior in priors.items()},
        },
        "fits": {
            name: {
                "verdict": fit.diagnosis.verdict,
                "sampler": asdict(fit.draws.settings),
                "seconds": dict(fit.draws.seconds),
                "from_cache": fit.draws.from_cache,
            }
            for name, fit in fits.items()
        },
    }
