"""The survival fits of one endpoint, family by family, and the answer that is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from priors import Priors
from studies import Registry
from synthesis.fit import Progress, SamplerSettings
from synthesis.loo import ModelChoice, choose
from synthesis.models import PooledSurvival, SurvivalFit, fit_survival
from synthesis.stacking import stack


@dataclass(frozen=True)
class FamilyFits:
    """Fits of one endpoint under one or several survival families.

    Attributes
    ----------
    by_family : mapping
        Name of a family -> fit.
    choice : ModelChoice or None
        How well each predicts; ``None`` for one family alone.
    pooled : SurvivalFit or StackedFit
        What answers are read from: the only fit, or the stacked ones.
    """

    by_family: Mapping[str, SurvivalFit]
    choice: ModelChoice | None
    pooled: PooledSurvival


def fit_families(
    registry: Registry,
    endpoint: str,
    names: Sequence[str],
    *,
    priors: Priors,
    settings: SamplerSettings,
    verified_only: bool = False,
    use_read_as: bool = True,
    cache: bool = True,
    progress: Progress | None = None,
) -> FamilyFits:
    """Fit an endpoint under each family, and stack the fits if there are several.

    Parameters
    ----------
    registry : Registry
    endpoint : {"os", "pfs"}
    names : sequence of str
        Of :data:`synthesis.families.FAMILIES`.
    priors, settings, verified_only, use_read_as, cache
        As in :func:`~synthesis.models.fit_survival`.
    progress : callable, optional
        Called with a sentence at each stage.

    Raises
    ------
    NothingToPoolError
        If no cohort can be counted.
    """
    tell = progress or (lambda _: None)
    fits = {
        name: fit_survival(
            registry,
            endpoint,
            family_name=name,
            priors=priors,
            settings=settings,
            verified_only=verified_only,
            use_read_as=use_read_as,
            cache=cache,
            progress=_stage(tell, f"{endpoint}, {name}"),
        )
        for name in names
    }
    found = MappingProxyType(fits)
    if len(fits) == 1:
        return FamilyFits(found, None, next(iter(fits.values())))
    tell(f"{endpoint}: comparing families")
    choice = choose(fits)
    return FamilyFits(found, choice, stack(fits, choice.weights))


def _stage(tell: Progress, name: str) -> Progress:
    return lambda words: tell(f"{name}: {words}")
