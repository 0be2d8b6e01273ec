"""What an analysis says of treatments set against each other, from fits at hand.

Contrasts, benefit by histology, stated populations and, where asked for, sensitivity: each made by
the one function that the command line and Python use too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from priors import Priors
from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis.benefit import compare_words, finding_words
from synthesis.benefit.compare import Comparison, compare
from synthesis.benefit.findings import Findings, find_benefit
from synthesis.benefit.population import PatientMix, Population, patient_mix
from synthesis.fits import ResponseFit
from synthesis.model.covariates import LINES
from synthesis.model.sampler import Progress
from synthesis.sensitivity import Sensitivity, sensitivity
from synthesis.sensitivity.conclusions import NotAskedError
from synthesis.settings import Settings
from synthesis.stacking import STACKED, FamilyFits
from synthesis.tables import Fit, tells_histology


@dataclass(frozen=True)
class Against:
    """Treatments set against each other.

    Attributes
    ----------
    comparison : Comparison
        Empty where there is only one treatment, or none was asked about.
    findings : Findings or None
        Benefit in pure and in mixed tumours.
    populations : tuple of PatientMix
    sensitivity : mapping
        Survival endpoint -> what changes under which choice.
    sensitivity_notes : tuple of str
        Why it could not be asked for an endpoint.
    """

    comparison: Comparison
    findings: Findings | None
    populations: tuple[PatientMix, ...]
    sensitivity: Mapping[str, Sensitivity]
    sensitivity_notes: tuple[str, ...]


def compare_all(
    registry: Registry,
    settings: Settings,
    fits: Mapping[str, Fit],
    by_family: Mapping[str, FamilyFits],
    priors: Priors,
    *,
    cache: bool = True,
    progress: Progress | None = None,
) -> Against:
    """Everything that an analysis says of treatments set against each other.

    Parameters
    ----------
    registry : Registry
    settings : Settings
    fits : mapping
        Endpoint -> fit; none of them where nothing is asked.
    by_family : mapping
        Survival endpoint -> its fits by family.
    priors : Priors
        For the fits of the sensitivity analysis.
    cache, progress
        As in :func:`synthesis.analysis.analyse`.

    Raises
    ------
    NotComparedError
        If the reference is pooled for none of the endpoints.
    InterruptedRunError
        On an interrupt of the sensitivity analysis.
    """
    tell = progress or (lambda _: None)
    vocabulary = registry.vocabulary
    tell("treatments compared")
    comparison = set_against(fits, vocabulary, settings)
    findings = benefit_of(fits, by_family, vocabulary, settings, tell)
    tell("stated populations")
    populations = populations_of(fits, vocabulary, settings)
    tried, notes = {}, ()
    if settings.sensitivity and fits:
        tried, notes = sensitivity_of(registry, settings, priors, cache=cache, progress=tell)
    return Against(comparison, findings, populations, MappingProxyType(tried), notes)


def set_against(fits: Mapping[str, Fit], vocabulary: Vocabulary, settings: Settings) -> Comparison:
    """Treatments set against the reference of the settings; empty where nothing can be.

    Raises
    ------
    NotComparedError
        For a reference that is no treatment, or pooled for none of the endpoints.
    """
    return compare(
        fits,
        vocabulary,
        reference=settings.reference if fits else None,
        mix=settings.reference_mix,
        delta=settings.delta,
    )


def knows_histology(fits: Mapping[str, Fit], vocabulary: Vocabulary) -> bool:
    """Whether tumours of the disease are pure or mixed: by its words, or by what a cohort tells."""
    return bool(vocabulary.histologies) or any(tells_histology(fit) for fit in fits.values())


def benefit_of(
    fits: Mapping[str, Fit],
    by_family: Mapping[str, FamilyFits],
    vocabulary: Vocabulary,
    settings: Settings,
    progress: Progress | None = None,
) -> Findings | None:
    """Benefit by histology, what moved it, and single results.

    Likelihoods that the choice of families has left behind are used again.

    Returns
    -------
    Findings or None
        None without a survival endpoint, or for a disease of which there is no histology.
    """
    survival = {name: fit for name, fit in fits.items() if not isinstance(fit, ResponseFit)}
    if not survival or not knows_histology(survival, vocabulary):
        return None
    known = {
        name: found.choice.log_likelihood
        for name, found in by_family.items()
        if found.choice is not None
    }
    return find_benefit(
        survival,
        vocabulary,
        reference=_pooled_reference(survival, vocabulary, settings),
        delta=settings.delta,
        mix=settings.reference_mix,
        known=known,
        progress=progress,
    )


def _pooled_reference(
    survival: Mapping[str, Fit], vocabulary: Vocabulary, settings: Settings
) -> str | None:
    """The reference of the settings; the usual one where survival does not pool it."""
    if settings.reference is None:
        return None
    wanted = vocabulary.treatment(settings.reference).id
    pooled = any(ref.treatment == wanted for fit in survival.values() for ref in fit.data.cohorts)
    return settings.reference if pooled else None


def populations_of(
    fits: Mapping[str, Fit], vocabulary: Vocabulary, settings: Settings
) -> tuple[PatientMix, ...]:
    """Pooled survival of patients of the reference mix, for each line of treatment.

    Empty without a survival endpoint, or for a disease of which there is no histology.
    """
    survival = {name: fit for name, fit in fits.items() if not isinstance(fit, ResponseFit)}
    if not survival or not knows_histology(survival, vocabulary):
        return ()
    adjusted = all(fit.variant.covariates for fit in survival.values())
    lines = [line for line in sorted(LINES, key=LINES.__getitem__) if line in vocabulary.lines]
    share = settings.reference_mix
    asked = [Population(share, line=line) for line in lines] if adjusted else []
    return tuple(
        patient_mix(survival, vocabulary, population) for population in asked or [Population(share)]
    )


def sensitivity_of(
    registry: Registry,
    settings: Settings,
    priors: Priors,
    *,
    cache: bool = True,
    progress: Progress | None = None,
) -> tuple[dict[str, Sensitivity], tuple[str, ...]]:
    """What changes under which choice, for each survival endpoint of the settings.

    One survival family is fitted: that of the settings, or the usual one where several are stacked.

    Returns
    -------
    (dict, tuple of str)
        Endpoint -> findings, and a sentence on each endpoint that cannot be asked about.

    Raises
    ------
    InterruptedRunError
        On an interrupt; it says how many results are kept.
    """
    tell = progress or (lambda _: None)
    found, notes = {}, []
    own_family = {} if settings.family == STACKED else {"family_name": settings.family}
    for endpoint in settings.survival_endpoints:
        try:
            found[endpoint] = sensitivity(
                registry,
                endpoint,
                reference=settings.reference,
                delta=settings.delta,
                priors=priors,
                verified_only=settings.verified_only,
                use_read_as=settings.use_read_as,
                reference_mix=settings.reference_mix,
                seed=settings.seed,
                cache=cache,
                progress=lambda words, e=endpoint: tell(f"{e}, sensitivity: {words}"),
                **own_family,
            )
        except NotAskedError as error:
            label = registry.vocabulary.endpoint(endpoint).label
            notes.append(f"{label}: {str(error).rstrip('.')}.")
    return found, tuple(notes)


def captions_of(against: Against, vocabulary: Vocabulary) -> dict[str, str]:
    """Captions of the figures of comparison and findings, by the stem of their files."""
    found = compare_words.captions(against.comparison, vocabulary)
    if against.findings is not None:
        found |= finding_words.captions(against.findings, vocabulary)
    return found
