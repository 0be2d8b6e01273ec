"""What an analysis is asked to do: endpoints, families, draws, reference population, comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from studies.figures import Readings, View
from synthesis.choices import CONFOUNDING, DEFAULT, STACKED
from synthesis.endpoints import ENDPOINTS
from synthesis.fits import DEFAULT_FAMILY
from synthesis.model.families import family
from synthesis.model.sampler import SamplerSettings
from synthesis.stacking import STACKED_FAMILIES

#: Draws a chain: each of several families, so fewer than one fit alone would get.
DRAWS = 1500

#: Share of mixed histology of the reference population: the centre of what registries print.
REFERENCE_MIX = 0.4

#: Months of gain whose probability is given.
DELTA = 1.0


@dataclass(frozen=True)
class Settings:
    """What an analysis was asked to do."""

    endpoints: tuple[str, ...] = tuple(ENDPOINTS)
    family: str = STACKED
    """Survival family of the answers, or ``"stacked"``: the mixture of several that predicts
    best."""
    families: tuple[str, ...] = STACKED_FAMILIES
    """Those that are stacked."""
    draws: int = DRAWS
    tune: int = SamplerSettings.tune
    chains: int = SamplerSettings.chains
    seed: int = SamplerSettings.seed
    """`draws`, `tune`, `chains` and `seed` are those of the sampler."""
    reference_mix: float = REFERENCE_MIX
    """Share of mixed histology, 0 to 1, of the reference population."""
    verified_only: bool = False
    """Count only figures that were seen in the report itself."""
    use_read_as: Readings = False
    """Which declared readings count as histology: those of a report's own groups as pure or mixed,
    that of transformed tumours as mixed and de novo ones as pure, all, or none."""
    reference: str | None = None
    """Any name of the treatment that the others are set against; the usual one otherwise."""
    delta: float = DELTA
    """Months of gain whose probability is given."""
    confounding: str = DEFAULT
    """What contrasts allow for, a word of :data:`synthesis.choices.CONFOUNDING`."""
    sensitivity: bool = False
    """Fit everything again with one choice made otherwise, which takes minutes."""
    since: int | None = None
    """Year from which on it is told what the reports published changed."""

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
        if not math.isfinite(self.delta):
            raise ValueError(f"delta: found {self.delta:g}, expected a number of months")
        if self.confounding not in CONFOUNDING:
            expected = ", ".join(CONFOUNDING)
            raise ValueError(f"confounding: found {self.confounding!r}, expected one of {expected}")
        for name in self.fitted:
            family(name)
        if not self.fitted:
            raise ValueError("families: found none, expected at least one to stack")
        self.sampler()

    @property
    def counting(self) -> dict[str, Any]:
        """Which figures count, as every function that counts them is told."""
        return {"verified_only": self.verified_only, "use_read_as": self.use_read_as}

    def view(self, endpoint: str) -> View:
        """How the figures of an endpoint are looked at."""
        return View(endpoint, **self.counting)

    @property
    def of_one_family(self) -> Settings:
        """The same with one survival family: several would take as many times as long."""
        return replace(self, family=DEFAULT_FAMILY) if self.family == STACKED else self

    @property
    def survival_endpoints(self) -> tuple[str, ...]:
        """The endpoints that have a survival curve."""
        return tuple(name for name in self.endpoints if not ENDPOINTS[name].is_response)

    @property
    def fitted(self) -> tuple[str, ...]:
        """Names of the survival families that are fitted."""
        return tuple(dict.fromkeys(self.families)) if self.family == STACKED else (self.family,)

    def sampler(self) -> SamplerSettings:
        """Settings of the sampler among these."""
        return SamplerSettings(self.draws, self.tune, self.chains, self.seed)
