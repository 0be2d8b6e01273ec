r"""Benefit of each treatment in pure and in mixed tumours, side by side.

With :math:`m_t(x)` the median under treatment ``t`` at the share ``x`` of mixed histology and a
reference ``r``, the gain is :math:`m_t(x) - m_r(x)` for ``x`` = 0 (pure) and 1 (mixed). Whether it
differs has an answer on either scale:

- the *ratio of ratios* :math:`\frac{m_t(1)/m_r(1)}{m_t(0)/m_r(0)}`, which prognosis leaves at 1;
- the *difference of gains* :math:`\{m_t(1) - m_r(1)\} - \{m_t(0) - m_r(0)\}` in months, which
  prognosis alone makes different from 0: a treatment that lengthens every life by the same factor
  gives more months to those who live longer. What prognosis alone makes of it, with no predictive
  effect, stands beside it.

All are of the average study and the reference population.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import (
    SURVIVAL_ESTIMANDS,
    Curve,
    Fit,
    Group,
    NamedGroup,
    curve,
    summarise,
    tells_histology,
)
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.questions.compare import COMPARE_COLUMNS
from synthesis.questions.contrasts import GAIN, SURVIVAL_CONTRASTS, kept, survival_contrast
from synthesis.questions.evidence import (
    ACROSS,
    WITHIN,
    NotComparedError,
    Reference,
    choose_reference,
    choose_shown,
    evidence,
    treatments_of,
)
from synthesis.questions.histology_effects import (
    EFFECT_COLUMNS,
    INTERACTION,
    PREDICTIVE,
    PROGNOSTIC,
    Effect,
    effect_densities,
    effects_table,
    histology_effects,
    is_split,
    telling,
)

#: As of every table of contrasts.
BENEFIT_COLUMNS = COMPARE_COLUMNS

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

GROUP_COLUMNS = (
    "endpoint",
    "treatment",
    "treatment_class",
    "cohorts",
    "patients",
    "is_reference",
    "shown",
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
        :data:`GROUP_COLUMNS`: the treatments of each endpoint in display order, and which of them
        have enough behind them to be shown.
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

    Raises
    ------
    ValueError
        If there is no survival endpoint, or ``delta`` is no number.
    NotComparedError
        If the reference is unknown, or pooled for none of the endpoints.
    """
    survival = {name: fit for name, fit in fits.items() if not isinstance(fit, ResponseFit)}
    if not survival:
        found = ", ".join(fits) or "none"
        raise ValueError(f"endpoints: found {found}, expected os or pfs: ask for one of them")
    if not np.isfinite(delta):
        raise ValueError(f"delta: found {delta}, expected a number of months")
    pooled = {name: treatments_of(fit, vocabulary) for name, fit in survival.items()}
    chosen = _references(pooled, vocabulary, reference)
    tables, effects, densities, shown = [], [], [], []
    for endpoint, fit in survival.items():
        groups = pooled[endpoint]
        over = chosen[endpoint].group if endpoint in chosen else None
        found = histology_effects(fit, groups, over)
        job = _Endpoint(endpoint, fit, groups, over, delta)
        tables += [*job.rows(), *job.effect_rows(found)]
        effects.append(effects_table(endpoint, found))
        shown += _group_rows(endpoint, groups, over)
        densities.append(effect_densities(_shown(found)).assign(endpoint=endpoint))
    return Benefit(
        table=pd.DataFrame(tables, columns=list(BENEFIT_COLUMNS)),
        effects=pd.concat(effects, ignore_index=True)[list(EFFECT_COLUMNS)],
        density=pd.concat(densities, ignore_index=True),
        groups=pd.DataFrame(shown, columns=list(GROUP_COLUMNS)),
        references=MappingProxyType({name: item.label for name, item in chosen.items()}),
        told=MappingProxyType({name: tells_histology(fit) for name, fit in survival.items()}),
        delta=delta,
    )


def _references(
    pooled: Mapping[str, Sequence[NamedGroup]], vocabulary: Vocabulary, wanted: str | None
) -> dict[str, Reference]:
    """What gains are over, of each endpoint that has it."""
    found = {name: choose_reference(own, vocabulary, wanted) for name, own in pooled.items()}
    chosen = {name: item for name, item in found.items() if item is not None}
    if wanted is not None and not chosen:
        names = sorted({group.cohorts[0].treatment for own in pooled.values() for group in own})
        raise NotComparedError(
            f"no cohort of {wanted} is pooled for {' or '.join(pooled)}; possible: "
            f"{', '.join(names)}."
        )
    return chosen


def _group_rows(
    endpoint: str, groups: Sequence[NamedGroup], over: NamedGroup | None
) -> list[tuple[Any, ...]]:
    chosen = groups if over is None else choose_shown(groups, over)
    return [
        (
            endpoint,
            group.label,
            group.class_label,
            len(group.cohorts),
            group.patients,
            over is not None and group.group == over.group,
            any(group.group == other.group for other in chosen),
        )
        for group in groups
    ]


def _shown(effects: Sequence[Effect]) -> list[Effect]:
    """The prognostic effect, and predictive effects that the data can say something of."""
    predictive = [item for item in effects if item.name == PREDICTIVE]
    told = [item for item in predictive if item.cohorts]
    return [effects[0], *(told or predictive[:_SHOWN_UNTOLD])]


def without_predictive(found: Curve, fit: PooledSurvival, group: Group, share: float) -> Curve:
    """The curve as it would be if histology had the same effect under every treatment.

    Parameters
    ----------
    found : Curve
        Of the group at the share.
    fit : PooledSurvival
    group : Group
        A treatment.
    share : float
        Of mixed histology, 0 to 1.
    """
    effect = fit.flat("predictive")[:, group.treatment_index]
    return replace(found, median=found.median * np.exp(-effect * (share - fit.centre_share)))


@dataclass(frozen=True)
class _Endpoint:
    """One endpoint and what its rows are made of."""

    name: str
    fit: PooledSurvival
    groups: Sequence[NamedGroup]
    reference: NamedGroup | None
    delta: float

    def curves(self, group: NamedGroup) -> dict[str, Curve]:
        return {
            name: kept(curve(self.fit, group.group, share, "mean_study"))
            for name, share in SHARES.items()
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        over = None if self.reference is None else self.curves(self.reference)
        for group in self.groups:
            own = self.curves(group)
            for histology, found in own.items():
                sizes = {"cohorts": len(group.cohorts), "patients": group.patients}
                about = {"histology": histology, "carried_by": "", "reference": ""} | sizes
                for estimand in SURVIVAL_ESTIMANDS:
                    yield self._row(group.label, estimand, found.estimand(estimand), about)
            if over is not None and group.group != self.reference.group:
                yield from self._gains(group, own, over)

    def _gains(
        self, group: NamedGroup, own: Mapping[str, Curve], over: Mapping[str, Curve]
    ) -> Iterator[dict[str, Any]]:
        """Contrasts with the reference in either histology, and by how much the gains differ."""
        known = self._evidence(group)
        gains = {}
        for histology in SHARES:
            about = {"histology": histology} | known
            for name, contrast in SURVIVAL_CONTRASTS.items():
                draws = survival_contrast(own[histology], over[histology], name)
                row = self._row(group.label, name, draws, about)
                if name == GAIN:
                    gains[histology] = draws
                    row |= {"delta": self.delta, "p_gain": contrast.favours(draws, self.delta)}
                yield row
        about = {"histology": "mixed"} | known
        yield self._row(group.label, DIFFERENCE, gains["mixed"] - gains["pure"], about)
        alone = {
            name: survival_contrast(
                without_predictive(own[name], self.fit, group.group, share),
                without_predictive(over[name], self.fit, self.reference.group, share),
                GAIN,
            )
            for name, share in SHARES.items()
        }
        yield self._row(group.label, FROM_PROGNOSIS, alone["mixed"] - alone["pure"], about)

    def _evidence(self, group: NamedGroup) -> dict[str, Any]:
        names = (item.cohorts[0].treatment for item in (group, self.reference))
        found = evidence(self.fit, *names)
        return {
            "reference": self.reference.label,
            "carried_by": found.kind,
            "cohorts": found.total_cohorts,
            "patients": found.total_patients,
        }

    def effect_rows(self, effects: Sequence[Effect]) -> Iterator[dict[str, Any]]:
        by_label = {group.label: group for group in self.groups}
        for effect in effects:
            about = {
                "histology": "mixed",
                "reference": effect.reference,
                "carried_by": self._told_by(effect, by_label),
                "cohorts": effect.cohorts,
                "patients": effect.patients,
            }
            name = effect.treatment or ANY
            yield self._row(name, EFFECT_ESTIMANDS[effect.name], np.exp(effect.draws), about)

    def _told_by(self, effect: Effect, groups: Mapping[str, NamedGroup]) -> str:
        """Whether an effect of histology is told within studies, between them or by none."""
        if not effect.cohorts:
            return ""
        labels = [label for label in (effect.treatment, effect.reference) if label]
        asked = [groups[label] for label in labels] or [None]
        return WITHIN if all(is_split(self.fit, group) for group in asked) else ACROSS

    def _row(
        self, treatment: str, estimand: str, draws: np.ndarray, about: Mapping[str, Any]
    ) -> dict[str, Any]:
        found = {"endpoint": self.name, "treatment": treatment, "estimand": estimand}
        empty = {"delta": np.nan, "p_gain": np.nan}
        return found | vars(summarise(draws)) | empty | dict(about)


__all__ = [
    "ANY",
    "BENEFIT_COLUMNS",
    "DIFFERENCE",
    "EFFECT_ESTIMANDS",
    "FROM_PROGNOSIS",
    "SHARES",
    "Benefit",
    "benefit_by_histology",
    "telling",
    "without_predictive",
]
