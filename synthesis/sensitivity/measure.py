"""A sensitivity analysis: base and refits, tables, findings and captions in one go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

import pandas as pd

from priors import Priors, load_priors
from studies import Registry
from synthesis.fits import DEFAULT_FAMILY, NothingToPoolError, SurvivalFit
from synthesis.model.observations import SurvivalData
from synthesis.model.sampler import Progress, SamplerSettings
from synthesis.sensitivity.conclusions import MEDIAN, Question, ask
from synthesis.sensitivity.observed import Counting, observe
from synthesis.sensitivity.power_scaling import Scaled, power_scaling
from synthesis.sensitivity.runner import (
    BASE_DRAWS,
    REFIT,
    Fitter,
    Job,
    Results,
    run_specifications,
    sample,
)
from synthesis.sensitivity.specifications import (
    MOST_STUDIES,
    Base,
    Specification,
    default_specifications,
)
from synthesis.sensitivity.store import Store, default_store
from synthesis.sensitivity.tables import (
    changes_table,
    power_scaling_table,
    sensitivity_table,
)
from synthesis.sensitivity.words import Finding, curve_caption, findings


@dataclass(frozen=True)
class Sensitivity:
    """What every choice says.

    Attributes
    ----------
    registry : Registry
    base : Base
    question : Question
    specifications : tuple of Specification
    results : Results
    table : DataFrame
        Every conclusion under every choice; see
        :func:`~synthesis.sensitivity.tables.sensitivity_table`.
    changes : DataFrame
        The rows of it under which a conclusion changes.
    power_scaling : DataFrame
        See :func:`~synthesis.sensitivity.tables.power_scaling_table`.
    findings : tuple of Finding
    captions : mapping
        Name of a conclusion that is drawn -> caption of its figure.
    verdict : str
        Of the base: PASS, REVIEW or FAIL.
    advice : str
    """

    registry: Registry
    base: Base
    question: Question
    specifications: tuple[Specification, ...]
    results: Results
    table: pd.DataFrame = field(repr=False)
    changes: pd.DataFrame = field(repr=False)
    power_scaling: pd.DataFrame = field(repr=False)
    findings: tuple[Finding, ...]
    captions: Mapping[str, str]
    verdict: str
    advice: str


def sensitivity(
    registry: Registry,
    endpoint: str = "os",
    *,
    treatment: str | None = None,
    reference: str | None = None,
    delta: float = 1.0,
    groups: Collection[str] | None = None,
    most_studies: int = MOST_STUDIES,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    verified_only: bool = False,
    use_read_as: bool = True,
    reference_mix: float = 0.4,
    seed: int | None = None,
    draws: int | None = None,
    specifications: tuple[Specification, ...] | None = None,
    store: Store | None = None,
    fitter: Fitter = sample,
    cache: bool = True,
    progress: Progress | None = None,
) -> Sensitivity:
    """Refit under every choice, and say what changes.

    Parameters
    ----------
    registry, endpoint, family_name, priors, verified_only, use_read_as
        Of the base, as in :func:`synthesis.fits.fit_survival`.
    treatment, reference : str, optional
        Any names; see :func:`~synthesis.sensitivity.conclusions.ask`.
    delta, reference_mix : float
        Months of gain that are asked for; share of mixed histology of the reference population.
    groups, most_studies, specifications
        Which choices: of :data:`~synthesis.sensitivity.specifications.GROUPS`; how many reports
        are left out one at a time; or the specifications themselves.
    seed, draws : int, optional
        Of the sampler; draws a chain of a refit, of which the base has five times as many.
    store, fitter, cache, progress
        Where results are kept, what makes a fit, whether results on disk are used, and what is
        called with a sentence at each stage.

    Raises
    ------
    NothingToPoolError, NotAskedError, ValueError
        If no cohort can be counted; if treatment or reference is not pooled; for an unknown
        endpoint, family or group.
    InterruptedRunError
        On an interrupt; it says how many results are kept.
    """
    counting = Counting(verified_only=verified_only, use_read_as=use_read_as)
    base = Base(endpoint, family_name, priors or load_priors(), counting)
    data = _observed(registry, endpoint, counting)
    question = ask(
        data, registry.vocabulary, treatment=treatment, reference=reference, delta=delta,
        reference_mix=reference_mix,
    )  # fmt: skip
    if specifications is None:
        asked = (question.treatment.id, question.reference.id)
        specifications = default_specifications(
            registry, base, asked=asked, groups=groups, most_studies=most_studies
        )
    job = Job(registry, base, question, specifications, *_sampler_settings(seed, draws))
    kept = store if store is not None else default_store(cache=cache)
    results = run_specifications(job, kept, fitter=fitter, extra=_of_base, progress=progress)
    return _assemble(job, results)


def _observed(registry: Registry, endpoint: str, counting: Counting) -> SurvivalData:
    data = observe(registry, endpoint, counting)
    if not data.cohorts:
        raise NothingToPoolError(f"no cohort can be counted for {endpoint}")
    return data


def _sampler_settings(
    seed: int | None, draws: int | None
) -> tuple[SamplerSettings, SamplerSettings]:
    """Of a refit and of the base."""
    settings, of_base = REFIT, BASE_DRAWS
    if seed is not None:
        settings, of_base = replace(settings, seed=seed), replace(of_base, seed=seed)
    if draws is not None:
        more = BASE_DRAWS.draws // REFIT.draws
        settings, of_base = replace(settings, draws=draws), replace(of_base, draws=more * draws)
    return settings, of_base


def _of_base(fit: SurvivalFit, question: Question) -> dict[str, Any]:
    """What else is made of the draws of the base: sensitivities to prior and likelihood."""
    found = fit.diagnosis
    return {
        "power_scaling": [asdict(item) for item in power_scaling(fit, question)],
        "verdict": found.verdict,
        "advice": found.advice,
    }


def _assemble(job: Job, results: Results) -> Sensitivity:
    question, extra = job.question, results.base.extra
    table = sensitivity_table(results, question)
    scaled = tuple(Scaled(**item) for item in extra["power_scaling"])
    scaling = power_scaling_table(scaled, question, job.base.priors)
    drawn = [item.name for item in question.conclusions if item.kind != MEDIAN]
    return Sensitivity(
        registry=job.registry,
        base=job.base,
        question=question,
        specifications=job.specifications,
        results=results,
        table=table,
        changes=changes_table(table),
        power_scaling=scaling,
        findings=findings(table, scaling, question, job.base),
        captions=MappingProxyType(
            {name: curve_caption(table, name, question, job.base) for name in drawn}
        ),
        verdict=extra["verdict"],
        advice=extra["advice"],
    )
