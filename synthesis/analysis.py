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
from synthesis.curve_table import curve_tables
from synthesis.families import FAMILIES, family
from synthesis.figure_table import figures_table
from synthesis.fit import Progress, SamplerSettings
from synthesis.forest_table import forest_table
from synthesis.histology_table import HistologyTables, histology_tables
from synthesis.manifest import run_facts
from synthesis.models import (
    DEFAULT_FAMILY,
    SURVIVAL_ENDPOINTS,
    SurvivalFit,
    fit_response,
    fit_survival,
)
from synthesis.narrative import Answer
from synthesis.restrictions import Restriction, restrictions
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
        Survival family of the headline answers.
    alternatives : bool
        Also fit the survival endpoints under the other family, to show what it would say.
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
    family: str = DEFAULT_FAMILY
    alternatives: bool = True
    draws: int = SamplerSettings.draws
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
        family(self.family)
        self.sampler()

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
    fits, alternatives : mapping
        Endpoint -> fit; the alternatives under the other survival family.
    verdicts : mapping
        Name of a fit -> PASS, REVIEW or FAIL.
    forest : mapping
        Endpoint -> forest table.
    curves : mapping
        Survival endpoint -> (curves, points).
    histology : HistologyTables or None
        From overall survival, where a counted cohort tells its histology.
    pooled, cohorts, figures, left_out, diagnostics, priors : DataFrame
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
    alternatives: Mapping[str, SurvivalFit]
    verdicts: Mapping[str, str]
    forest: Mapping[str, pd.DataFrame]
    curves: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]
    histology: HistologyTables | None
    pooled: pd.DataFrame = field(repr=False)
    cohorts: pd.DataFrame = field(repr=False)
    figures: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    diagnostics: pd.DataFrame = field(repr=False)
    priors: pd.DataFrame = field(repr=False)
    captions: Mapping[str, str]
    answers: tuple[Answer, ...]
    contradictions: tuple[str, ...]
    restrictions: tuple[Restriction, ...]
    manifest: Mapping[str, Any]


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
    fits, alternatives = _fit_all(registry, settings, priors, tell, cache)
    tell("tables")
    vocabulary, mix = registry.vocabulary, settings.reference_mix
    named = dict(fits) | {
        f"{endpoint}, {fit.family.label}": fit for endpoint, fit in alternatives.items()
    }
    pooled = pooled_table(fits, vocabulary, mix)
    cohorts = cohorts_table(fits, vocabulary)
    histology = _histology(fits, alternatives, vocabulary)
    survival_fits = {name: fit for name, fit in fits.items() if name in SURVIVAL_ENDPOINTS}
    names = {name: vocabulary.endpoint(name).label.lower() for name in survival_fits}
    labels = {study.id: study_label(study) for study in registry}
    restricted = restrictions(
        vocabulary,
        verified_only=settings.verified_only,
        use_read_as=settings.use_read_as,
        conversions=_converted(registry, fits),
    )
    return Analysis(
        registry=registry,
        settings=settings,
        fits=MappingProxyType(fits),
        alternatives=MappingProxyType(alternatives),
        verdicts=MappingProxyType({k: fit.diagnosis.verdict for k, fit in named.items()}),
        forest={name: forest_table(fit, vocabulary, mix) for name, fit in fits.items()},
        curves={name: curve_tables(f, vocabulary, mix) for name, f in survival_fits.items()},
        histology=histology,
        pooled=pooled,
        cohorts=cohorts,
        figures=figures_table(fits),
        left_out=left_out_table({name: fit.left_out for name, fit in fits.items()}, labels),
        diagnostics=diagnostics_table(named),
        priors=priors_table(priors, _used_priors(named)),
        captions=narrative.captions(fits, alternatives, vocabulary, mix, restricted),
        answers=narrative.answers(fits, pooled, histology, vocabulary, mix),
        contradictions=narrative.contradictions(fits, cohorts, pooled, names),
        restrictions=restricted,
        manifest=_manifest(registry, settings, priors, named),
    )


def _histology(
    fits: Mapping[str, Fit], alternatives: Mapping[str, SurvivalFit], vocabulary: Vocabulary
) -> HistologyTables | None:
    if "os" not in fits or not tells_histology(fits["os"]):
        return None
    others = [alternatives["os"]] if "os" in alternatives else []
    return histology_tables(fits["os"], others, vocabulary)


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


def _fit_all(
    registry: Registry, settings: Settings, priors: Priors, tell: Progress, cache: bool
) -> tuple[dict[str, Fit], dict[str, SurvivalFit]]:
    fits: dict[str, Fit] = {}
    alternatives: dict[str, SurvivalFit] = {}
    other = next(name for name in FAMILIES if name != settings.family)
    for endpoint in settings.endpoints:
        if endpoint == "response":
            fits[endpoint] = fit_response(
                registry,
                priors=priors,
                settings=settings.sampler(),
                verified_only=settings.verified_only,
                use_read_as=settings.use_read_as,
                cache=cache,
                progress=_stage(tell, "response"),
            )
            continue
        for name in (settings.family, other) if settings.alternatives else (settings.family,):
            fit = fit_survival(
                registry,
                endpoint,
                family_name=name,
                priors=priors,
                settings=settings.sampler(),
                verified_only=settings.verified_only,
                use_read_as=settings.use_read_as,
                cache=cache,
                progress=_stage(tell, f"{endpoint}, {name}"),
            )
            (fits if name == settings.family else alternatives)[endpoint] = fit
    return fits, alternatives


def _stage(tell: Progress, name: str) -> Progress:
    return lambda words: tell(f"{name}: {words}")


def _used_priors(fits: Mapping[str, Fit]) -> list[str]:
    names: list[str] = []
    for fit in fits.values():
        if isinstance(fit, SurvivalFit):
            own = [*survival.PRIOR_OF.values(), survival.SHAPE_PRIOR[fit.family.name]]
            # without any known histology, its term is not part of the model
            names += [n for n in own if tells_histology(fit) or n not in _OF_HISTOLOGY]
        else:
            names += response.PRIOR_OF.values()
    return list(dict.fromkeys(names))


def _manifest(
    registry: Registry, settings: Settings, priors: Priors, fits: Mapping[str, Fit]
) -> dict[str, Any]:
    facts = run_facts(asdict(settings), priors, fits)
    facts["registry"] = {
        "studies": dict(registry.fingerprints),
        "vocabulary": registry.vocabulary_fingerprint,
        "conversions": [f"{item.from_}:{item.to}" for item in registry.conversions],
    }
    return facts
