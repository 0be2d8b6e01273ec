"""The main job: a registry in, every fit, table, caption and answer of the report out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import pandas as pd

from priors import Priors, load_priors
from studies import Registry
from studies.figures import study_label
from studies.vocabulary import Vocabulary
from synthesis import narrative
from synthesis.answers import Answer, answers
from synthesis.benefit.compare import Comparison
from synthesis.benefit.findings import Findings
from synthesis.benefit.population import PatientMix
from synthesis.comparing import captions_of, compare_all
from synthesis.covariate_table import covariates_table
from synthesis.curve_table import curve_tables
from synthesis.family_tables import families_table, model_choice_table
from synthesis.figure_table import figures_table
from synthesis.fits import ResponseFit, SurvivalFit, fit_response, run_facts, used_priors
from synthesis.forest_table import forest_table
from synthesis.histology_table import HistologyTables, histology_tables
from synthesis.model.sampler import Progress
from synthesis.predictive_checks import Coverage, predictive_check
from synthesis.restrictions import Restriction, restrictions
from synthesis.sensitivity import Sensitivity
from synthesis.settings import ENDPOINTS, REFERENCE_MIX, Settings
from synthesis.stacking import FamilyFits, ModelChoice, fit_families
from synthesis.tables import (
    Fit,
    cohorts_table,
    diagnostics_table,
    left_out_table,
    pooled_table,
    priors_table,
    tells_histology,
)

__all__ = ["ENDPOINTS", "REFERENCE_MIX", "Analysis", "Answer", "Settings", "analyse"]


@dataclass(frozen=True)
class Analysis:
    """Everything that a report shows.

    Attributes
    ----------
    registry, settings
        What was analysed, and how.
    fits : mapping
        Endpoint -> what answers are read from: a fit, or several stacked.
    survival : mapping
        Survival endpoint -> its fits by family, and how they compare.
    verdicts : mapping
        Name of a fit -> PASS, REVIEW or FAIL.
    forest : mapping
        Endpoint -> forest table.
    curves : mapping
        Survival endpoint -> (curves, points).
    predictive, coverage : mapping
        Endpoint -> printed figures on what the fit would print, and how they are spread over it.
    histology : HistologyTables or None
        From overall survival, where a counted cohort tells its histology.
    pooled, cohorts, figures, left_out, diagnostics, priors : DataFrame
    families : DataFrame
        The pooled estimates under each family.
    covariates : DataFrame
        Prior and posterior of what kind of study and population makes.
    comparison : Comparison
        Treatments set against each other; empty where there is only one.
    findings : Findings or None
        Benefit in pure and in mixed tumours; none without a survival endpoint, or where neither
        the vocabulary nor a counted cohort tells of histology.
    populations : tuple of PatientMix
        Pooled survival of stated populations of patients.
    sensitivity : mapping
        Survival endpoint -> what changes under which choice, where that was asked for.
    sensitivity_notes : tuple of str
        Why it could not be asked for an endpoint.
    captions : mapping
        Stem of a figure -> caption.
    answers : tuple of Answer
    contradictions : tuple of str
    restrictions : tuple of Restriction
        What was not counted, or counted as something else, on request.
    manifest : mapping
        Versions, seed, fingerprints, settings and timings.
    """

    registry: Registry
    settings: Settings
    fits: Mapping[str, Fit]
    survival: Mapping[str, FamilyFits]
    verdicts: Mapping[str, str]
    forest: Mapping[str, pd.DataFrame]
    curves: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]
    predictive: Mapping[str, pd.DataFrame]
    coverage: Mapping[str, Coverage]
    histology: HistologyTables | None
    pooled: pd.DataFrame = field(repr=False)
    cohorts: pd.DataFrame = field(repr=False)
    figures: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    diagnostics: pd.DataFrame = field(repr=False)
    priors: pd.DataFrame = field(repr=False)
    families: pd.DataFrame = field(repr=False)
    covariates: pd.DataFrame = field(repr=False)
    comparison: Comparison
    findings: Findings | None
    populations: tuple[PatientMix, ...]
    sensitivity: Mapping[str, Sensitivity]
    sensitivity_notes: tuple[str, ...]
    captions: Mapping[str, str]
    answers: tuple[Answer, ...]
    contradictions: tuple[str, ...]
    restrictions: tuple[Restriction, ...]
    manifest: Mapping[str, Any]

    @property
    def choices(self) -> Mapping[str, ModelChoice]:
        """How the families of each endpoint compare, where there are several."""
        found = {name: fits.choice for name, fits in self.survival.items()}
        return {name: choice for name, choice in found.items() if choice is not None}

    @property
    def model_choice(self) -> pd.DataFrame:
        """How the families compare, one table."""
        return model_choice_table(self.survival)

    @property
    def predictive_checks(self) -> pd.DataFrame:
        """The predictive checks of all endpoints, one table."""
        return pd.concat(self.predictive.values(), ignore_index=True)


def analyse(
    registry: Registry,
    settings: Settings | None = None,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
    compared: bool = True,
) -> Analysis:
    """Fit every endpoint asked for and make all tables of the report.

    Parameters
    ----------
    registry : Registry
    settings : Settings, optional
    priors : Priors, optional
        The default catalogue otherwise.
    progress : callable, optional
        Called with a sentence at each stage.
    cache : bool
        Read and store draws on disk.
    compared : bool
        Set treatments against each other, and tell benefit by histology; it takes seconds an
        endpoint. Otherwise the comparison is empty and there are no findings.

    Raises
    ------
    UnknownWordError
        For a reference that is no treatment, before anything is fitted.
    NothingToPoolError
        If no cohort can be counted for an endpoint.
    NotComparedError
        If the reference is pooled for none of the endpoints.
    """
    settings = settings or Settings()
    priors = priors or load_priors()
    tell = progress or (lambda _: None)
    if settings.reference is not None:
        registry.vocabulary.treatment(settings.reference)
    fits, by_family = fit_endpoints(registry, settings, priors=priors, progress=tell, cache=cache)
    asked = fits if compared else {}
    against = compare_all(registry, settings, asked, by_family, priors, cache=cache, progress=tell)
    tell("tables")
    vocabulary, mix = registry.vocabulary, settings.reference_mix
    named = _named(fits, by_family)
    frames = _frames(registry, settings, priors, fits, by_family)
    histology = _histology(fits, by_family, vocabulary)
    names = {name: vocabulary.endpoint(name).label.lower() for name in by_family}
    restricted = _restricted(registry, settings, fits)
    captions = narrative.captions(fits, vocabulary, mix) | captions_of(against, vocabulary)
    cohorts, pooled = frames["cohorts"], frames["pooled"]
    return Analysis(
        registry=registry,
        settings=settings,
        fits=MappingProxyType(fits),
        survival=MappingProxyType(by_family),
        verdicts=MappingProxyType({k: fit.diagnosis.verdict for k, fit in named.items()}),
        **_drawn(fits, by_family, vocabulary, mix),
        histology=histology,
        **frames,
        **vars(against),
        captions=narrative.with_restrictions(captions, restricted),
        answers=answers(fits, pooled, against.comparison, histology, vocabulary, mix),
        contradictions=narrative.contradictions(fits, cohorts, pooled, names),
        restrictions=restricted,
        manifest=_manifest(registry, settings, priors, named, by_family),
    )


def _frames(
    registry: Registry,
    settings: Settings,
    priors: Priors,
    fits: Mapping[str, Fit],
    by_family: Mapping[str, FamilyFits],
) -> dict[str, pd.DataFrame]:
    """Tables of all endpoints, by the attribute of the analysis that holds them."""
    vocabulary, mix = registry.vocabulary, settings.reference_mix
    named = _named(fits, by_family)
    labels = {study.id: study_label(study) for study in registry}
    return {
        "pooled": pooled_table(fits, vocabulary, mix),
        "cohorts": cohorts_table(fits, vocabulary),
        "figures": figures_table(fits),
        "left_out": left_out_table({name: fit.left_out for name, fit in fits.items()}, labels),
        "diagnostics": diagnostics_table(named),
        "priors": priors_table(priors, used_priors(named)),
        "families": families_table(by_family, vocabulary, mix),
        "covariates": covariates_table({k: found.pooled for k, found in by_family.items()}),
    }


def _drawn(
    fits: Mapping[str, Fit],
    by_family: Mapping[str, FamilyFits],
    vocabulary: Vocabulary,
    mix: float,
) -> dict[str, Mapping[str, Any]]:
    """What is drawn of each endpoint, by the attribute of the analysis that holds it.

    Predictive checks have their treatments in the order of the forest plots.
    """
    forest = {name: forest_table(fit, vocabulary, mix) for name, fit in fits.items()}
    checked = {
        name: predictive_check(fit, vocabulary, forest[name]["treatment"].dropna().unique())
        for name, fit in fits.items()
    }
    return {
        "forest": forest,
        "curves": {k: curve_tables(own.pooled, vocabulary, mix) for k, own in by_family.items()},
        "predictive": {name: table for name, (table, _) in checked.items()},
        "coverage": {name: found for name, (_, found) in checked.items()},
    }


def _named(
    fits: Mapping[str, Fit], by_family: Mapping[str, FamilyFits]
) -> dict[str, SurvivalFit | ResponseFit]:
    """Every fit that was sampled: ``os`` under one family, ``os, Weibull`` among several."""
    named = {}
    for endpoint, fit in fits.items():
        single = by_family[endpoint].by_family if endpoint in by_family else {}
        if len(single) > 1:
            named |= {f"{endpoint}, {own.family.label}": own for own in single.values()}
        else:
            named[endpoint] = fit
    return named


def _histology(
    fits: Mapping[str, Fit], by_family: Mapping[str, FamilyFits], vocabulary: Vocabulary
) -> HistologyTables | None:
    if "os" not in fits or not tells_histology(fits["os"]):
        return None
    single = tuple(by_family["os"].by_family.values())
    return histology_tables(fits["os"], single if len(single) > 1 else (), vocabulary)


def _restricted(
    registry: Registry, settings: Settings, fits: Mapping[str, Fit]
) -> tuple[Restriction, ...]:
    return restrictions(
        registry.vocabulary,
        verified_only=settings.verified_only,
        use_read_as=settings.use_read_as,
        conversions=_converted(registry, fits),
    )


def _converted(registry: Registry, fits: Mapping[str, Fit]) -> dict[tuple[str, str], list[str]]:
    """Labels of the counted cohorts that each conversion touched."""
    found = {}
    for item in registry.conversions:
        refs = fits[item.to].data.cohorts if item.to in fits else ()
        touched = [ref for ref in refs if ref.id in item.cohorts]
        times = Counter(ref.label for ref in touched)
        found[item.from_, item.to] = [
            ref.label
            if times[ref.label] == 1
            else f"{ref.label} ({ref.cohort.id.replace('_', ' ')})"
            for ref in touched
        ]
    return found


def fit_endpoints(
    registry: Registry,
    settings: Settings,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
) -> tuple[dict[str, Fit], dict[str, FamilyFits]]:
    """Fit every endpoint asked for: what answers are read from, and the fits by family.

    Parameters are those of :func:`analyse`.

    Returns
    -------
    (dict, dict)
        Endpoint -> fit, and survival endpoint -> its fits by family.

    Raises
    ------
    NothingToPoolError
        If no cohort can be counted for an endpoint.
    """
    priors = priors or load_priors()
    tell = progress or (lambda _: None)
    fits: dict[str, Fit] = {}
    by_family: dict[str, FamilyFits] = {}
    common = {
        "priors": priors,
        "settings": settings.sampler(),
        "verified_only": settings.verified_only,
        "use_read_as": settings.use_read_as,
        "cache": cache,
    }
    for endpoint in settings.endpoints:
        if endpoint == "response":
            fits[endpoint] = fit_response(
                registry, **common, progress=lambda words: tell(f"response: {words}")
            )
            continue
        found = fit_families(registry, endpoint, settings.fitted, **common, progress=tell)
        by_family[endpoint], fits[endpoint] = found, found.pooled
    return fits, by_family


def _manifest(
    registry: Registry,
    settings: Settings,
    priors: Priors,
    fits: Mapping[str, SurvivalFit | ResponseFit],
    by_family: Mapping[str, FamilyFits],
) -> dict[str, Any]:
    facts = run_facts(asdict(settings), priors, fits)
    facts["family_weights"] = {
        endpoint: dict(found.choice.weights)
        for endpoint, found in by_family.items()
        if found.choice is not None
    }
    facts["registry"] = {
        "studies": dict(registry.fingerprints),
        "vocabulary": registry.vocabulary_fingerprint,
        "conversions": [f"{item.from_}:{item.to}" for item in registry.conversions],
    }
    return facts
