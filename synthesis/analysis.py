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
from synthesis import narrative, response, survival
from synthesis.covariate_table import covariates_table
from synthesis.covariates import COVARIATES
from synthesis.curve_table import curve_tables
from synthesis.families import family
from synthesis.family_fits import FamilyFits, fit_families
from synthesis.family_tables import families_table, model_choice_table
from synthesis.figure_table import figures_table
from synthesis.fit import Progress, SamplerSettings
from synthesis.forest_table import forest_table
from synthesis.histology_table import HistologyTables, histology_tables
from synthesis.loo import ModelChoice
from synthesis.manifest import run_facts
from synthesis.models import ResponseFit, SurvivalFit, fit_response
from synthesis.narrative import Answer
from synthesis.predictive_checks import Coverage, predictive_check
from synthesis.restrictions import Restriction, restrictions
from synthesis.stacking import STACKED, STACKED_FAMILIES
from synthesis.tables import (
    Fit,
    cohorts_table,
    diagnostics_table,
    left_out_table,
    pooled_table,
    priors_table,
    tells_histology,
)

ENDPOINTS = ("os", "pfs", "response")

#: Draws a chain: each of several families, so fewer than one fit alone would get.
DRAWS = 1500

#: Share of mixed histology of the reference population: the centre of what registries print.
REFERENCE_MIX = 0.4

# Priors that matter only where the histology of some cohort is known.
_OF_HISTOLOGY = ("histology_prognostic", "histology_predictive", "mixed_share")


@dataclass(frozen=True)
class Settings:
    """What an analysis was asked to do.

    Attributes
    ----------
    endpoints : tuple of str
        Of ``"os"``, ``"pfs"``, ``"response"``.
    family : str
        Survival family of the answers, or ``"stacked"``: several families are fitted, and the
        answers are those of the mixture that predicts best.
    families : tuple of str
        Those that are stacked.
    draws, tune, chains, seed : int
        Of the sampler.
    reference_mix : float
        Share of mixed histology, 0 to 1, of the reference population.
    verified_only : bool
        Count only figures that were seen in the report itself.
    use_read_as : bool
        Use declared readings of a report's own groups as pure or mixed.
    """

    endpoints: tuple[str, ...] = ENDPOINTS
    family: str = STACKED
    families: tuple[str, ...] = STACKED_FAMILIES
    draws: int = DRAWS
    tune: int = SamplerSettings.tune
    chains: int = SamplerSettings.chains
    seed: int = SamplerSettings.seed
    reference_mix: float = REFERENCE_MIX
    verified_only: bool = False
    use_read_as: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be analysed.

        Raises
        ------
        ValueError
            Names the setting, what was found and what is expected.
        """
        unknown = [name for name in self.endpoints if name not in ENDPOINTS]
        if unknown or not self.endpoints:
            found = unknown[0] if unknown else "none"
            raise ValueError(f"endpoint: found {found!r}, expected {', '.join(ENDPOINTS)}")
        if not 0.0 <= self.reference_mix <= 1.0:
            raise ValueError(
                f"reference mix: found {self.reference_mix:g}, expected a share between 0 and 1"
            )
        for name in self.fitted:
            family(name)
        if not self.fitted:
            raise ValueError("families: found none, expected at least one to stack")
        self.sampler()

    @property
    def fitted(self) -> tuple[str, ...]:
        """Names of the survival families that are fitted."""
        return tuple(dict.fromkeys(self.families)) if self.family == STACKED else (self.family,)

    def sampler(self) -> SamplerSettings:
        """Settings of the sampler among these."""
        return SamplerSettings(self.draws, self.tune, self.chains, self.seed)


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

    Raises
    ------
    NothingToPoolError
        If no cohort can be counted for an endpoint.
    """
    settings = settings or Settings()
    priors = priors or load_priors()
    tell = progress or (lambda _: None)
    fits, by_family = fit_endpoints(registry, settings, priors=priors, progress=tell, cache=cache)
    tell("tables")
    vocabulary, mix = registry.vocabulary, settings.reference_mix
    named = _named(fits, by_family)
    pooled = pooled_table(fits, vocabulary, mix)
    cohorts = cohorts_table(fits, vocabulary)
    histology = _histology(fits, by_family, vocabulary)
    survival_fits = {name: found.pooled for name, found in by_family.items()}
    names = {name: vocabulary.endpoint(name).label.lower() for name in survival_fits}
    labels = {study.id: study_label(study) for study in registry}
    forest = {name: forest_table(fit, vocabulary, mix) for name, fit in fits.items()}
    predictive, coverage = _checks(fits, forest, vocabulary)
    restricted = _restricted(registry, settings, fits)
    return Analysis(
        registry=registry,
        settings=settings,
        fits=MappingProxyType(fits),
        survival=MappingProxyType(by_family),
        verdicts=MappingProxyType({k: fit.diagnosis.verdict for k, fit in named.items()}),
        forest=forest,
        curves={name: curve_tables(f, vocabulary, mix) for name, f in survival_fits.items()},
        predictive=predictive,
        coverage=coverage,
        histology=histology,
        pooled=pooled,
        cohorts=cohorts,
        figures=figures_table(fits),
        left_out=left_out_table({name: fit.left_out for name, fit in fits.items()}, labels),
        diagnostics=diagnostics_table(named),
        priors=priors_table(priors, _used_priors(named)),
        families=families_table(by_family, vocabulary, mix),
        covariates=covariates_table(survival_fits),
        captions=narrative.captions(fits, vocabulary, mix, restricted),
        answers=narrative.answers(fits, pooled, histology, vocabulary, mix),
        contradictions=narrative.contradictions(fits, cohorts, pooled, names),
        restrictions=restricted,
        manifest=_manifest(registry, settings, priors, named, by_family),
    )


def _checks(
    fits: Mapping[str, Fit], forest: Mapping[str, pd.DataFrame], vocabulary: Vocabulary
) -> tuple[dict[str, pd.DataFrame], dict[str, Coverage]]:
    """Predictive checks of all endpoints, treatments in the order of the forest plots."""
    found = {
        name: predictive_check(fit, vocabulary, forest[name]["treatment"].dropna().unique())
        for name, fit in fits.items()
    }
    return {k: table for k, (table, _) in found.items()}, {k: c for k, (_, c) in found.items()}


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


def _used_priors(fits: Mapping[str, SurvivalFit | ResponseFit]) -> list[str]:
    """Names of the priors that can matter for any of the fits."""
    names: list[str] = []
    for fit in fits.values():
        if isinstance(fit, ResponseFit):
            stages = fit.data.stages
            names += [p for p in response.PRIOR_OF.values() if p.split("_")[0] in stages]
        else:
            idle = _idle_priors(fit)
            own = [*survival.PRIOR_OF.values(), survival.SHAPE_PRIOR[fit.family.name]]
            own += [survival.TAIL_PRIOR[fit.family.name]] if fit.family.has_tail else []
            names += [name for name in own if name not in idle]
    return list(dict.fromkeys(names))


def _idle_priors(fit: SurvivalFit) -> set[str]:
    """Priors of terms that the likelihood of a fit does not have."""
    idle = set() if tells_histology(fit) else set(_OF_HISTOLOGY)
    if not fit.family.has_tail:
        idle.add("tail_treatment_sd")
    if not fit.family.has_shape:
        idle |= {"shape_treatment_sd", "shape_sd", survival.SHAPE_PRIOR[fit.family.name]}
    if all(arm.told for arm in fit.data.arms):
        idle.add("convention_logit")
    for number, name in enumerate(COVARIATES):
        told = any(values[number] != 0.0 for values in fit.data.covariates)
        if not (told and fit.variant.covariates):
            idle.add(survival.PRIOR_OF[name])
    return idle


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
