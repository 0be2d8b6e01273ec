"""The main job: a registry in, the answer to every question of the report out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from priors import Priors, load_priors
from studies import Registry
from studies.registry import of_disease
from studies.vocabulary import Vocabulary
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Fit, tells_histology
from synthesis.fits import at_stage, counted_for, fit_response, run_facts
from synthesis.model.covariates import LINES
from synthesis.model.sampler import Progress
from synthesis.questions import (
    apart,
    appraisal,
    cases,
    checks,
    compare,
    comparisons,
    cumulative,
    histology,
    mix,
    pooled,
    single,
)
from synthesis.questions.apart import Apart
from synthesis.questions.checks import Checks
from synthesis.questions.cumulative import Cumulative
from synthesis.questions.histology import Findings
from synthesis.questions.mix import PatientMix, Population
from synthesis.questions.pooled import Answer, Pooled
from synthesis.restrictions import Restriction, restrictions
from synthesis.result import Picture, Result
from synthesis.settings import Settings
from synthesis.stacking import FamilyFits, fit_families

if TYPE_CHECKING:
    from synthesis.questions.sensitivity import Sensitivity

__all__ = ["Analysis", "Answer", "Settings", "analyse", "fit_endpoints"]


@dataclass(frozen=True)
class Analysis(Pooled):
    """Everything that a report shows: the tables of :class:`Pooled`, and what else was asked."""

    registry: Registry
    checks: Checks
    """Reported figures on what all other cohorts predict."""
    findings: Findings | None
    """Benefit in pure and in mixed tumours; none without a survival endpoint, or where neither the
    vocabulary nor a counted cohort tells of histology."""
    populations: tuple[PatientMix, ...] = field(repr=False)
    """Pooled survival of stated populations of patients."""
    sensitivity: Mapping[str, Sensitivity]
    """Survival endpoint -> what changes under which choice, where that was asked for."""
    sensitivity_notes: tuple[str, ...]
    """Why it could not be asked for an endpoint."""
    apart: tuple[Apart, ...]
    """Other diseases that are pooled as populations of their own."""
    since: Cumulative | None
    """Answers without the reports since a year, and those of today, where that was asked for."""
    restrictions: tuple[Restriction, ...]
    """What was not counted, or counted as something else, on request."""
    manifest: Mapping[str, Any] = field(repr=False)
    """Versions, seed, fingerprints, settings and timings."""

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The questions that people come with, answered."""
        return pooled.answers(self, self.registry.vocabulary)

    @property
    def contradictions(self) -> tuple[str, ...]:
        """Treatments whose pooled median lies outside their own reported medians, and why."""
        return pooled.contradictions(self.cohorts, self.pooled, self.registry.vocabulary)

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """What every question answers, in the order of the page."""
        return tuple(_restricted(result, self.restrictions) for result in _results(self))

    @property
    def captions(self) -> dict[str, str]:
        """Stem of a figure -> caption."""
        return {p.stem: p.caption for result in self.results for p in result.pictures}


def _results(analysis: Analysis) -> Iterator[Result]:
    registry = analysis.registry
    yield pooled.result(analysis, registry)
    if not analysis.comparison.is_empty:
        yield compare.result(analysis.comparison, registry)
    if analysis.findings is not None:
        yield histology.section(analysis.findings, registry)
        yield single.result(analysis.findings.singles, registry)
    if analysis.populations:
        shown = analysis.comparison.forest.groupby("endpoint")["treatment"].agg(list).to_dict()
        yield mix.result(analysis.populations, registry, shown)
    if analysis.sensitivity:
        from synthesis.questions import sensitivity as choices

        for answer in analysis.sensitivity.values():
            yield choices.result(answer, registry)
    yield checks.result(analysis.checks, registry)
    if analysis.since is not None:
        yield cumulative.since_result(analysis.since, registry)
    if analysis.apart:
        yield apart.result(analysis.apart, registry)
    counted = set(analysis.cohorts["study"] + ":" + analysis.cohorts["cohort"])
    shown_and_not_pooled = (
        cases.result(registry, counted),
        comparisons.result(registry, analysis.fits),
        appraisal.result(registry, set(analysis.cohorts["study"])),
    )
    yield from filter(None, shown_and_not_pooled)


def _restricted(result: Result, restrictions: tuple[Restriction, ...]) -> Result:
    """A result whose captions end with what was restricted on request."""

    def with_caption(picture: Picture) -> Picture:
        about = picture.endpoint
        sentences = (r.sentence for r in restrictions if about is None or r.touches(about))
        return replace(picture, caption=" ".join([picture.caption, *sentences]))

    findings = (
        replace(finding, pictures=tuple(map(with_caption, finding.pictures)))
        for finding in result.findings
    )
    return replace(result, findings=tuple(findings))


def analyse(
    registry: Registry,
    settings: Settings | None = None,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
    compared: bool = True,
) -> Analysis:
    """Fit every endpoint asked for and answer every question of the report.

    `priors`, `progress` and `cache` are as of :func:`~synthesis.fits.fit_survival`. Without
    `compared` no treatments are set against each other: the comparison is empty, and there are no
    findings.

    Raises
    ------
    UnknownWordError
        For a reference that is no treatment, before anything is fitted.
    NothingToPoolError
        If no cohort can be counted for an endpoint.
    NotComparedError
        If the reference is pooled for none of the endpoints.
    NotAnsweredError
        For a year since which no report was published, or every one.
    InterruptedRunError
        On an interrupt of the sensitivity analysis.
    """
    settings, priors = settings or Settings(), priors or load_priors(registry.priors)
    tell, vocabulary = progress or (lambda _: None), registry.vocabulary
    how = {"priors": priors, "progress": tell, "cache": cache}
    _refuse(registry, settings)
    fits, survival = fit_endpoints(registry, settings, **how)
    asked = fits if compared else {}
    tell("treatments compared")
    about = {name: getattr(settings, name) for name in ("delta", "confounding")}
    about |= {"mix": settings.reference_mix, "reference": settings.reference if asked else None}
    comparison = compare.compare(asked, vocabulary, **about)
    told = _of_survival(asked, vocabulary)
    findings = _benefit(told, vocabulary, settings, tell) if told else None
    tell("stated populations")
    populations = tuple(_populations(told, vocabulary, settings)) if told else ()
    refits = _refits(registry, settings, **how) if compared else _NO_REFITS
    tell("tables")
    fits, survival = MappingProxyType(fits), MappingProxyType(survival)
    tables = pooled.pool(registry, fits, survival, comparison, settings, priors)
    order = {name: table["treatment"].unique() for name, table in tables.forest.items()}
    return Analysis(
        **vars(tables),
        registry=registry,
        checks=checks.check(fits, vocabulary, order),
        findings=findings,
        populations=populations,
        **refits,
        restrictions=restrictions(registry, fits, settings),
        manifest=_manifest(registry, settings, priors, fits, survival),
    )


def _refuse(registry: Registry, settings: Settings) -> None:
    """Raise what would be raised after minutes of sampling only."""
    if settings.reference is not None:
        registry.vocabulary.treatment(settings.reference)
    if settings.since is not None:
        cumulative.published_before(registry, settings.since)


_NO_REFITS = MappingProxyType(
    {"sensitivity": {}, "sensitivity_notes": (), "apart": (), "since": None}
)


def _refits(registry: Registry, settings: Settings, **how: Any) -> dict[str, Any]:
    """What takes fits of its own: other choices, other diseases, the reports before a year."""
    tried, notes = _sensitivity(registry, settings, **how) if settings.sensitivity else ({}, ())
    return {
        "sensitivity": MappingProxyType(tried),
        "sensitivity_notes": notes,
        "apart": tuple(_apart(registry, settings, **how)),
        "since": None if settings.since is None else cumulative.since(registry, settings, **how),
    }


def _apart(
    registry: Registry, settings: Settings, *, progress: Progress, **how: Any
) -> Iterator[Apart]:
    """Other diseases, each as a population of its own."""
    for disease, words in registry.vocabulary.apart.items():
        own = of_disease(registry, disease)
        if endpoints := apart.endpoints_of(own, settings):
            asked = replace(settings, endpoints=endpoints)
            fits, _ = fit_endpoints(own, asked, progress=at_stage(progress, f"{words}, "), **how)
            yield Apart(own, asked, fits)


def fit_endpoints(
    registry: Registry,
    settings: Settings,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
) -> tuple[dict[str, Fit], dict[str, FamilyFits]]:
    """Fit every endpoint asked for; parameters and errors are those of :func:`analyse`.

    Returns
    -------
    (dict, dict)
        Endpoint -> fit that answers are read from, and survival endpoint -> its fits by family.
    """
    fits: dict[str, Fit] = {}
    survival: dict[str, FamilyFits] = {}
    common = {"priors": priors or load_priors(registry.priors), "cache": cache}
    common |= {"settings": settings.sampler(), **settings.counting}
    for name in settings.endpoints:  # before anything is sampled
        counted_for(registry, name, settings.counting)
    for name in settings.endpoints:
        if endpoint_of(name).is_response:
            fits[name] = fit_response(registry, **common, progress=at_stage(progress, f"{name}: "))
        else:
            own = fit_families(registry, name, settings.fitted, common, progress)
            survival[name], fits[name] = own, own.pooled
    return fits, survival


def _of_survival(fits: Mapping[str, Fit], vocabulary: Vocabulary) -> dict[str, Fit]:
    """Survival fits, where tumours of the disease are pure or mixed: by its words or a cohort."""
    survival = {name: fit for name, fit in fits.items() if not endpoint_of(name).is_response}
    known = bool(vocabulary.histologies) or any(map(tells_histology, survival.values()))
    return survival if known else {}


def _benefit(
    survival: Mapping[str, Fit], vocabulary: Vocabulary, settings: Settings, progress: Progress
) -> Findings:
    """Benefit by histology."""
    reference = settings.reference
    if reference is not None:  # the usual one where survival does not pool it
        treatments = {ref.treatment for fit in survival.values() for ref in fit.data.cohorts}
        reference = reference if vocabulary.treatment(reference).id in treatments else None
    return histology.find_benefit(
        survival,
        vocabulary,
        reference=reference,
        delta=settings.delta,
        confounding=settings.confounding,
        mix=settings.reference_mix,
        progress=progress,
    )


def _populations(
    survival: Mapping[str, Fit], vocabulary: Vocabulary, settings: Settings
) -> Iterator[PatientMix]:
    """Pooled survival of patients of the reference mix, for each line of treatment."""
    adjusted = all(fit.variant.covariates for fit in survival.values())
    lines = [line for line in LINES if line in vocabulary.lines] if adjusted else []
    for line in lines or [None]:
        population = Population(settings.reference_mix, line=line)
        yield mix.patient_mix(survival, vocabulary, population)


def _sensitivity(
    registry: Registry, settings: Settings, *, progress: Progress, **how: Any
) -> tuple[dict[str, Sensitivity], tuple[str, ...]]:
    """What changes under which choice, and a sentence on each endpoint that cannot be asked about.

    One survival family is fitted: that of the settings, or the usual one where several are stacked.
    """
    from synthesis.questions.sensitivity import sensitivity
    from synthesis.questions.sensitivity.specifications import NotAskedError

    tried, notes = {}, []
    same = ("reference", "delta", "verified_only", "use_read_as", "reference_mix", "seed")
    how |= {name: getattr(settings, name) for name in same}
    how["family_name"] = settings.of_one_family.family
    for endpoint in settings.survival_endpoints:
        tell = at_stage(progress, f"{endpoint}, sensitivity: ")
        try:
            tried[endpoint] = sensitivity(registry, endpoint, progress=tell, **how)
        except NotAskedError as error:
            label = endpoint_of(endpoint).name(registry.vocabulary)
            notes.append(f"{label}: {str(error).rstrip('.')}.")
    return tried, tuple(notes)


def _manifest(
    registry: Registry,
    settings: Settings,
    priors: Priors,
    fits: Mapping[str, Fit],
    survival: Mapping[str, FamilyFits],
) -> dict[str, Any]:
    facts = run_facts(asdict(settings), priors, pooled.sampled_fits(fits, survival))
    facts["family_weights"] = {
        name: dict(families.choice.weights)
        for name, families in survival.items()
        if families.choice is not None
    }
    facts["registry"] = {
        "studies": dict(registry.fingerprints),
        "vocabulary": registry.vocabulary_fingerprint,
        "conversions": [f"{pair.from_}:{pair.to}" for pair in registry.conversions],
        "min_quality": registry.min_quality,
    }
    return facts
