"""The bias analysis of one endpoint: two fits, the tables, the funnel, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pandas as pd

from priors import Priors, load_priors
from studies import Registry
from synthesis.benefit.influence import cohort_weights
from synthesis.bias.effects import bias_densities, bias_effects, medians_table, reports_table
from synthesis.bias.funnel import funnel_table
from synthesis.bias.kinds import kinds_table, treatments_of_both_kinds
from synthesis.bias.slope import slope_table
from synthesis.bias.words import Finding, Tables, captions, findings
from synthesis.fits import DEFAULT_FAMILY, SurvivalFit, fit_survival
from synthesis.model.sampler import Progress, SamplerSettings
from synthesis.model.survival import ESTIMATED, USUAL, Variant

#: The model with a bias of each retrospective report, their spread estimated.
WITH_BIAS = Variant(retrospective_bias=ESTIMATED)


@dataclass(frozen=True)
class BiasAnalysis:
    """What the data say of biases of retrospective reports and of small studies.

    Attributes
    ----------
    registry : Registry
    endpoint : str
    usual, biased : SurvivalFit
        Without and with the spread of biases; the funnel is of the former.
    tables : Tables
        Kinds of reports, effects, reports' own biases, medians, funnel, slopes.
    density : DataFrame
        Prior and posterior densities of the effects.
    findings : tuple of Finding
    captions : mapping
        Stem of a figure -> its caption.
    """

    registry: Registry
    endpoint: str
    usual: SurvivalFit
    biased: SurvivalFit
    tables: Tables
    density: pd.DataFrame = field(repr=False)
    findings: tuple[Finding, ...]
    captions: Mapping[str, str]


def bias_analysis(
    registry: Registry,
    endpoint: str = "os",
    *,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    settings: SamplerSettings | None = None,
    verified_only: bool = False,
    use_read_as: bool = True,
    reference_mix: float = 0.4,
    seed: int | None = None,
    draws: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> BiasAnalysis:
    """Fit the model with a bias of retrospective reports beside the usual one.

    Optional: no pooled answer of a report comes from it.

    Parameters
    ----------
    registry, endpoint, family_name, priors, settings, verified_only, use_read_as, cache, progress
        As in :func:`synthesis.fits.fit_survival`.
    reference_mix : float
        Share of mixed histology at which medians are compared.
    seed, draws : int, optional
        Instead of those of `settings`.

    Raises
    ------
    NothingToPoolError, ValueError
        As :func:`~synthesis.fits.fit_survival`.
    """
    tell = progress or (lambda _: None)
    believed, settings = priors or load_priors(), settings or SamplerSettings()
    changes = {"seed": seed, "draws": draws}
    settings = replace(settings, **{k: v for k, v in changes.items() if v is not None})
    fits = []
    for variant, words in ((USUAL, "usual model"), (WITH_BIAS, "with a bias of each report")):
        fits.append(
            fit_survival(
                registry,
                endpoint,
                family_name=family_name,
                priors=believed,
                settings=settings,
                verified_only=verified_only,
                use_read_as=use_read_as,
                variant=variant,
                cache=cache,
                progress=_stage(tell, words),
            )
        )
    return of_fits(registry, fits[0], fits[1], reference_mix, progress=tell)


def _stage(tell: Progress, name: str) -> Progress:
    return lambda words: tell(f"{name}: {words}")


def of_fits(
    registry: Registry,
    usual: SurvivalFit,
    biased: SurvivalFit,
    reference_mix: float,
    *,
    progress: Progress | None = None,
) -> BiasAnalysis:
    """Tables and words of two fits of the same observations, see :func:`bias_analysis`.

    Raises
    ------
    ValueError
        If the second fit does not estimate the spread of biases.
    """
    if not biased.variant.estimates_bias:
        raise ValueError(
            f"bias analysis: found a fit with the variant {biased.variant}, expected one that "
            f"estimates the spread of biases: fit with Variant(retrospective_bias={ESTIMATED!r})"
        )
    vocabulary = registry.vocabulary
    funnel = funnel_table(usual, vocabulary, cohort_weights(usual, progress=progress))
    tables = Tables(
        kinds=kinds_table(biased),
        effects=bias_effects(biased),
        reports=reports_table(biased, vocabulary),
        medians=medians_table(usual, biased, vocabulary, reference_mix),
        funnel=funnel,
        slopes=slope_table(usual, funnel),
        both=treatments_of_both_kinds(biased, vocabulary),
    )
    return BiasAnalysis(
        registry=registry,
        endpoint=usual.data.endpoint,
        usual=usual,
        biased=biased,
        tables=tables,
        density=bias_densities(biased),
        findings=findings(tables, biased, vocabulary, reference_mix),
        captions=MappingProxyType(captions(tables, vocabulary)),
    )
