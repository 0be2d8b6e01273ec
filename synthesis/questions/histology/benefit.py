"""Benefit of each treatment in pure and in mixed tumours, side by side, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import (
    SURVIVAL_ESTIMANDS,
    Fit,
    NamedGroup,
    quantiles,
    tells_apart,
    tells_histology,
)
from synthesis.fits import PooledSurvival
from synthesis.questions.compare import COMPARE_COLUMNS
from synthesis.questions.contrasts import (
    ACROSS,
    GAIN,
    SURVIVAL_CONTRASTS,
    WITHIN,
    Evidence,
    choose_reference,
    choose_shown,
    drawn,
    every_pair,
    evidence_of_pairs,
    not_pooled,
    treatments_by_endpoint,
)
from synthesis.questions.histology_effects import (
    INTERACTION,
    PREDICTIVE,
    PROGNOSTIC,
    Effect,
    effect_densities,
    effects_table,
    histology_effects,
    is_split,
)
from synthesis.result import names

#: As of every table of contrasts, and whether no report of the treatment supports the value.
BENEFIT_COLUMNS = (*COMPARE_COLUMNS, "extrapolated")

#: Share of mixed histology that each label of the ``histology`` column stands for.
SHARES: Mapping[str, float] = MappingProxyType({"pure": 0.0, "mixed": 1.0})

#: What the rows of an effect say in the ``treatment`` column where it is of all treatments.
ANY = "Any treatment"

#: Estimands of the effects of histology: ratios, ratios of ratios, months.
EFFECT_ESTIMANDS: Mapping[str, str] = MappingProxyType(
    {
        PROGNOSTIC: "prognostic_ratio",
        PREDICTIVE: "predictive_ratio",
        INTERACTION: "ratio_of_ratios",
    }
)
DIFFERENCE = "difference_of_gains_months"
FROM_PROGNOSIS = "difference_of_gains_by_prognosis_months"

_GROUP_COLUMNS = (
    "endpoint treatment treatment_class cohorts patients is_reference shown extrapolated"
)

# Densities of predictive effects are drawn for as many treatments where no report tells histology.
_SHOWN_UNTOLD = 1


@dataclass(frozen=True)
class Benefit:
    """What is known of benefit in pure and in mixed tumours.

    Attributes
    ----------
    table : DataFrame
        :data:`BENEFIT_COLUMNS`. Absolute estimands have no reference; rows of the effects of
        histology (:data:`EFFECT_ESTIMANDS`, differences of gains) say ``mixed``: they are of mixed
        against pure tumours.
    effects : DataFrame
        :data:`~synthesis.questions.histology_effects.EFFECT_COLUMNS`: prior and posterior.
    density : DataFrame
        ``endpoint, parameter, label, which, x, density``: of the prognostic effect, and of the
        predictive effect of treatments whose histology some report tells.
    groups : DataFrame
        The treatments of each endpoint in display order, which of them have enough behind them to
        be shown, and of which the values by histology are extrapolated.
    references : mapping
        Endpoint -> label of what gains are over; only where it is pooled.
    told : mapping
        Endpoint -> whether any counted cohort tells pure from mixed.
    delta : float
        Months of gain asked for.
    """

    table: pd.DataFrame = field(repr=False)
    effects: pd.DataFrame = field(repr=False)
    density: pd.DataFrame = field(repr=False)
    groups: pd.DataFrame = field(repr=False)
    references: Mapping[str, str]
    told: Mapping[str, bool]
    delta: float

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Survival endpoints, in order."""
        return tuple(self.told)


def benefit_by_histology(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    *,
    reference: str | None = None,
    delta: float = 1.0,
    show_all: bool = False,
) -> Benefit:
    """Compare treatments in pure and in mixed tumours.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit; response, which is not known by histology, is passed over.
    vocabulary : Vocabulary
    reference : str, optional
        Name of the treatment that gains are over; the usual one otherwise.
    delta : float
        Months of gain in the median whose probability is asked for.
    show_all : bool
        Show every treatment, however little stands behind it.

    Raises
    ------
    ValueError
        If there is no survival endpoint, or ``delta`` is no number.
    NotComparedError
        If the reference is unknown, or pooled for none of the endpoints.
    """
    pooled = treatments_by_endpoint(fits, vocabulary)
    if not np.isfinite(delta):
        raise ValueError(f"delta: found {delta}, expected a number of months")
    chosen = {e: choose_reference(own, vocabulary, reference) for e, own in pooled.items()}
    references = {endpoint: own.group for endpoint, own in chosen.items() if own is not None}
    if reference is not None and not references:
        raise not_pooled(reference, pooled)
    rows, effects, densities, shown = [], [], [], []
    for endpoint, groups in pooled.items():
        over = references.get(endpoint)
        part = _Part(endpoint, fits[endpoint], groups, over, delta)
        own = histology_effects(part.fit, groups, over)
        rows += [*part.rows(), *part.effect_rows(own)]
        effects.append(effects_table(endpoint, own))
        densities.append(effect_densities(endpoint, _drawn(own)))
        shown += part.group_rows(show_all=show_all)
    return Benefit(
        table=pd.DataFrame(rows, columns=list(BENEFIT_COLUMNS)),
        effects=pd.concat(effects, ignore_index=True),
        density=pd.concat(densities, ignore_index=True),
        groups=pd.DataFrame(shown, columns=names(_GROUP_COLUMNS)),
        references=MappingProxyType({name: group.label for name, group in references.items()}),
        told=MappingProxyType({name: tells_histology(fits[name]) for name in pooled}),
        delta=delta,
    )


def _drawn(effects: Sequence[Effect]) -> list[Effect]:
    """The prognostic effect, and predictive effects that the data can say something of."""
    predictive = [effect for effect in effects if effect.name == PREDICTIVE]
    told = [effect for effect in predictive if effect.cohorts]
    return [effects[0], *(told or predictive[:_SHOWN_UNTOLD])]


@dataclass(frozen=True)
class _Part:
    """One endpoint on its way to the tables; draws are arrays ``(treatments, draws)``."""

    endpoint: str
    fit: PooledSurvival
    groups: Sequence[NamedGroup]
    reference: NamedGroup | None
    delta: float

    def values(self, share: float, estimand: str) -> np.ndarray:
        """Draws of an estimand, ``(draws, treatments)``."""
        return drawn(self.fit, self.groups, share).estimand(estimand)

    @cached_property
    def extrapolated(self) -> dict[str, bool]:
        own = {group.label: not tells_apart(self.fit, group.cohorts) for group in self.groups}
        return own | {ANY: all(own.values())}

    def group_rows(self, *, show_all: bool) -> Iterator[tuple]:
        shown, over = self.groups, self.reference
        if over is not None:
            shown = choose_shown(self.groups, over, show_all=show_all)
        for group in self.groups:
            sizes = len(group.cohorts), group.patients
            about = (self.endpoint, group.label, group.class_label, *sizes)
            yield (*about, group is over, group in shown, self.extrapolated[group.label])

    def rows(self) -> Iterator[tuple]:
        """Estimates of every treatment by histology, and its gains over the reference."""
        absolute = {
            (histology, name): quantiles(self.values(share, name))
            for histology, share in SHARES.items()
            for name in SURVIVAL_ESTIMANDS
        }
        gains = self._gains()
        for number, group in enumerate(self.groups):
            behind = ("", len(group.cohorts), group.patients)
            for (histology, name), values in absolute.items():
                yield self._row(group.label, "", histology, name, values[:, number], behind)
            if self.reference is None or group is self.reference:
                continue
            own = self._pairs[group.label, self.reference.label]
            behind = (own.kind, own.total_cohorts, own.total_patients)
            for (histology, name), (values, chances) in gains.items():
                about = (group.label, self.reference.label, histology, name, values[:, number])
                yield self._row(*about, behind, None if chances is None else chances[number])

    @cached_property
    def _pairs(self) -> Mapping[tuple[str, str], Evidence]:
        return evidence_of_pairs(self.fit, self.groups)

    def _gains(self) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray | None]]:
        """Contrasts with the reference in either histology, and by how much the gains differ."""
        if self.reference is None:
            return {}
        base = self.groups.index(self.reference)
        summaries, gains = {}, {}
        for histology, share in SHARES.items():
            sides = (drawn(self.fit, own, share) for own in (self.groups, [self.reference]))
            for name, draws in every_pair(SURVIVAL_CONTRASTS, *sides):
                chances = None
                if name == GAIN:
                    gains[histology] = draws[..., 0]
                    chances = SURVIVAL_CONTRASTS[name].favours(draws[..., 0], self.delta)
                summaries[histology, name] = quantiles(draws[..., 0]), chances
        alone = {name: own - own[:, [base]] for name, own in self._by_prognosis().items()}
        for name, own in {DIFFERENCE: gains, FROM_PROGNOSIS: alone}.items():
            summaries["mixed", name] = quantiles(own["mixed"] - own["pure"]), None
        return summaries

    def _by_prognosis(self) -> dict[str, np.ndarray]:
        """Medians as they would be if histology had the same effect under every treatment."""
        places = [group.group.treatment_index for group in self.groups]
        predictive = self.fit.flat("predictive")[:, places]
        return {
            histology: self.values(share, "median_months")
            * np.exp(-predictive * (share - self.fit.centre_share))
            for histology, share in SHARES.items()
        }

    def effect_rows(self, effects: Sequence[Effect]) -> Iterator[tuple]:
        by_label = {group.label: group for group in self.groups}
        for effect in effects:
            told_by = ""
            if effect.cohorts:
                labels = [name for name in (effect.treatment, effect.reference) if name]
                sides = [by_label[name] for name in labels] or [None]
                told_by = WITHIN if all(is_split(self.fit, side) for side in sides) else ACROSS
            behind = (told_by, effect.cohorts, effect.patients)
            about = (effect.treatment or ANY, effect.reference, "mixed")
            values = quantiles(np.exp(effect.draws))
            yield self._row(*about, EFFECT_ESTIMANDS[effect.name], values, behind)

    def _row(
        self,
        treatment: str,
        reference: str,
        histology: str,
        estimand: str,
        values: np.ndarray,
        behind: tuple[str, int, int],
        chance: float | None = None,
    ) -> tuple:
        asked = (np.nan, np.nan) if chance is None else (self.delta, float(chance))
        about = (self.endpoint, treatment, reference, histology, estimand, *values.tolist())
        return (*about, *asked, *behind, self.extrapolated[treatment])
