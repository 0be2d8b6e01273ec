"""Benefit and the effects of mixed histology in numbers, prior and posterior.

The equations are those of :mod:`synthesis.questions.histology`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis import estimands
from synthesis.choices import DEFAULT
from synthesis.estimands import Curve, Fit, NamedGroup, flat, quantiles
from synthesis.fits import PooledSurvival
from synthesis.model.observations import Arm
from synthesis.numbers import in_sentence
from synthesis.questions import contrasts
from synthesis.questions.certainty import (
    Confounding,
    find_confounding,
    judged_contrasts,
    unadjusted_if_randomised,
)
from synthesis.questions.contrasts import GAIN, SURVIVAL_CONTRASTS, drawn
from synthesis.questions.effects import (
    Effect,
    covariate_effects,
    effect_densities,
    effects_table,
)
from synthesis.result import names

# --- Effects of histology ------------------------------------------------------------------------

PROGNOSTIC, PREDICTIVE, INTERACTION = "prognostic", "predictive", "ratio of ratios"
#: Transformed against de novo tumours, which is no effect of histology.
ORIGIN = "origin"


def telling(fit: PooledSurvival, group: NamedGroup | None = None) -> tuple[int, int]:
    """Cohorts that tell their histology, and their patients, of any or of one treatment."""
    known = [own for own in _groups_of(fit, group) if own.share is not None]
    apart = {own.cohort for own in known if own.histology != "whole"}
    once = [own for own in known if own.histology != "whole" or own.cohort not in apart]
    return len({own.cohort for own in once}), sum(own.n for own in once)


def is_split(fit: PooledSurvival, group: NamedGroup | None = None) -> bool:
    """Whether pure and mixed patients of one cohort entered apart, or are compared."""
    return any(own.histology == "mixed" for own in _groups_of(fit, group))


def _groups_of(fit: PooledSurvival, group: NamedGroup | None) -> list[Arm]:
    ids = {ref.id for ref in (fit.data.refs if group is None else group.cohorts)}
    return [own for own in fit.data.groups if fit.data.refs[own.cohort].id in ids]


def histology_effects(
    fit: PooledSurvival, groups: Sequence[NamedGroup], reference: NamedGroup | None
) -> list[Effect]:
    """The prognostic effect, then of each treatment the predictive one and the ratio of ratios.

    Ratios of ratios are those of gains over the reference; without one there are none. Last comes
    that of origin, where the fit allows for it and some report tells of it.
    """
    prior, draws = fit.priors["histology_predictive"], flat(fit, "predictive")
    # two effects, independent before any data
    wider = prior.model_copy(update={"location": 0.0, "scale": prior.scale * float(np.sqrt(2))})
    about = "Mixed against pure, any treatment", fit.priors["histology_prognostic"]
    effects = [Effect(PROGNOSTIC, *about, flat(fit, "prognostic"), *telling(fit))]
    for group in groups:
        name, own = in_sentence(group.label), draws[:, group.group.treatment_index]
        label, sizes = f"Extra gain of mixed under {name}", telling(fit, group)
        effects.append(Effect(PREDICTIVE, label, prior, own, *sizes, group.label))
        if reference is None or group.group == reference.group:
            continue
        away = own - draws[:, reference.group.treatment_index]
        sizes = map(sum, zip(sizes, telling(fit, reference), strict=True))
        label = f"Gain of {name} over {in_sentence(reference.label)}, mixed to pure"
        both = group.label, reference.label
        effects.append(Effect(INTERACTION, label, wider, away, *sizes, *both))
    origin = [own for own in covariate_effects(fit) if own.name == "transformed" and own.cohorts]
    label = "Transformed against de novo, any treatment"
    return effects + [replace(own, name=ORIGIN, label=label) for own in origin]


# --- Benefit by histology ------------------------------------------------------------------------

#: As of every table of contrasts, and whether no report of the treatment supports the value.
BENEFIT_COLUMNS = (*contrasts.COMPARE_COLUMNS, "extrapolated")

#: Share of mixed histology that each label of the ``histology`` column stands for.
SHARES: Mapping[str, float] = MappingProxyType({"pure": 0.0, "mixed": 1.0})

#: What the rows of an effect say in the ``treatment`` column where it is of all treatments.
ANY = "Any treatment"

# Estimands of the effects of histology: ratios, ratios of ratios, months.
_EFFECT_ESTIMANDS = {
    PROGNOSTIC: "prognostic_ratio",
    PREDICTIVE: "predictive_ratio",
    INTERACTION: "ratio_of_ratios",
}
DIFFERENCE = "difference_of_gains_months"
FROM_PROGNOSIS = "difference_of_gains_by_prognosis_months"

_GROUP_COLUMNS = names(
    "endpoint treatment treatment_class cohorts patients compared is_reference shown extrapolated"
)


@dataclass(frozen=True)
class Benefit:
    """What is known of benefit in pure and in mixed tumours.

    ``table`` has :data:`BENEFIT_COLUMNS`: absolute estimands have no reference; rows of the effects
    of histology and of differences of gains say ``mixed``, as they are of mixed against pure
    tumours. ``effects`` (:data:`EFFECT_COLUMNS`) are prior and posterior, ``density`` those of the
    prognostic effect, and of the predictive effect of treatments whose histology some report tells.
    ``groups`` are the treatments of each endpoint in display order, which of them have enough
    behind them to be shown, and of which the values by histology are extrapolated.

    By endpoint ``references`` are what gains are over, where it is pooled, and ``told`` is whether
    any counted cohort tells pure from mixed. ``delta`` are the months of gain asked for,
    ``confounding`` is what adjusted values allow for.
    """

    table: pd.DataFrame = field(repr=False)
    effects: pd.DataFrame = field(repr=False)
    density: pd.DataFrame = field(repr=False)
    groups: pd.DataFrame = field(repr=False)
    references: Mapping[str, contrasts.Reference]
    told: Mapping[str, bool]
    delta: float
    confounding: Confounding

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
    confounding: str = DEFAULT,
    show_all: bool = False,
) -> Benefit:
    """Compare treatments in pure and in mixed tumours.

    `fits` are by endpoint, of which response, not known by histology, is passed over. Gains are
    over the `reference`, a name of a treatment, the usual one otherwise; they allow for
    `confounding`, a word of :data:`~synthesis.choices.CONFOUNDING`. `delta` is a gain in the
    median, months, whose probability is given. `show_all` shows every treatment, however little
    stands behind it. ValueError if there is no survival endpoint, or `delta` is not finite;
    NotComparedError if the reference is unknown, or pooled for none of the endpoints.
    """
    pooled = contrasts.treatments_by_endpoint(fits, vocabulary)
    if not np.isfinite(delta):
        raise ValueError(f"delta: found {delta}, expected a number of months")
    references = {}
    for endpoint, groups in pooled.items():
        chosen = contrasts.choose_reference(groups, vocabulary, reference)
        if chosen is not None:
            references[endpoint] = chosen
    allowed = find_confounding({name: fits[name] for name in pooled}, confounding)
    if reference is not None and not references:
        raise contrasts.not_pooled(reference, pooled)
    rows, effects, densities, shown = [], {}, [], []
    for endpoint, groups in pooled.items():
        over = references[endpoint].group if endpoint in references else None
        part = _Part(endpoint, fits[endpoint], groups, over, delta, allowed)
        own = effects[endpoint] = histology_effects(part.fit, groups, over)
        rows += [*part.rows(), *part.effect_rows(each for each in own if each.name != ORIGIN)]
        densities.append(effect_densities(endpoint, _drawn(own)))
        shown += part.group_rows(show_all=show_all)
    return Benefit(
        table=pd.DataFrame(rows, columns=BENEFIT_COLUMNS),
        effects=effects_table(effects),
        density=pd.concat(densities, ignore_index=True),
        groups=pd.DataFrame(shown, columns=_GROUP_COLUMNS),
        references=references,
        told={name: estimands.tells_histology(fits[name]) for name in pooled},
        delta=delta,
        confounding=allowed,
    )


def _drawn(effects: Sequence[Effect]) -> list[Effect]:
    """The prognostic effect, and predictive effects that data tell; one where they tell none.

    Then that of origin.
    """
    predictive = [effect for effect in effects if effect.name == PREDICTIVE]
    origin = [effect for effect in effects if effect.name == ORIGIN]
    return [effects[0], *([own for own in predictive if own.cohorts] or predictive[:1]), *origin]


def unadjusted(draws: np.ndarray) -> np.ndarray:
    """Estimate and limits of draws ``(draws, ...)``, none adjusted, no chances: ``(8, ...)``."""
    return np.concatenate([quantiles(draws), np.full((5, *draws.shape[1:]), np.nan)])


def estimates(curves: Curve) -> dict[str, np.ndarray]:
    """Numbers of each estimand of curves side by side, each ``(8, curves)``."""
    return {name: unadjusted(curves.estimand(name)) for name in estimands.SURVIVAL_ESTIMANDS}


@dataclass(frozen=True)
class _Part:
    """One endpoint on its way to the tables."""

    endpoint: str
    fit: PooledSurvival
    groups: Sequence[NamedGroup]
    reference: NamedGroup | None
    delta: float
    confounding: Confounding

    @cached_property
    def extrapolated(self) -> dict[str, bool]:
        own = {g.label: not estimands.tells_apart(self.fit, g.cohorts) for g in self.groups}
        return own | {ANY: all(own.values())}

    def group_rows(self, *, show_all: bool) -> Iterator[tuple]:
        shown, over = self.groups, self.reference
        if over is not None:
            shown = contrasts.choose_shown(self.groups, over, show_all=show_all)
        for group in self.groups:
            about = (self.endpoint, group.label, group.class_label, *group.sizes)
            yield (*about, group is over, group in shown, self.extrapolated[group.label])

    def rows(self) -> Iterator[tuple]:
        """Estimates of every treatment by histology, and its gains over the reference."""
        absolute, gains, over = {}, {}, self.reference
        beyond = [self.extrapolated[group.label] for group in self.groups]
        pairs = contrasts.evidence_of_pairs(self.fit, self.groups)
        carried = {
            (number, 0): pairs[group.label, over.label]
            for number, group in enumerate(self.groups)
            if over is not None and group is not over
        }
        for histology, share in SHARES.items():
            curves = drawn(self.fit, self.groups, share)
            absolute |= {(histology, name): own for name, own in estimates(curves).items()}
            if over is not None:
                sides = curves, drawn(self.fit, [over], share)
                asked = beyond, self.confounding, self.delta
                gains[histology] = judged_contrasts(SURVIVAL_CONTRASTS, *sides, carried, *asked)
        differences = self._differences() if gains else {}
        for number, group in enumerate(self.groups):
            kind = contrasts.kind_of_one(group.cohorts, extrapolated=beyond[number])
            behind = (np.nan, np.nan, kind, "", "", len(group.cohorts), group.patients)
            for key, values in absolute.items():
                yield self._row(group.label, "", *key, values[:, number], behind)
            for histology, own in gains.items() if group is not over else ():
                judged, values = own[number, 0]
                if histology == "mixed":
                    values |= {
                        name: unadjusted_if_randomised(judged, own[:, number])
                        for name, own in differences.items()
                    }
                for name, ends in values.items():
                    yield self._row(group.label, over.label, histology, name, ends, judged.behind)

    def _differences(self) -> dict[str, np.ndarray]:
        """How much more mixed tumours gain than pure ones, and by prognosis alone.

        As estimates are, ``(8, treatments)``.
        """
        base, gains = self.groups.index(self.reference), []
        places = [group.group.treatment_index for group in self.groups]
        predictive = self.fit.flat("predictive")[:, places]
        for share in SHARES.values():
            medians = drawn(self.fit, self.groups, share).estimand("median_months")
            # as if histology had the same effect under every treatment
            alone = medians * np.exp(-predictive * (share - self.fit.centre_share))
            gains.append([own - own[:, [base]] for own in (medians, alone)])
        return {
            name: unadjusted(mixed - pure)
            for name, pure, mixed in zip((DIFFERENCE, FROM_PROGNOSIS), *gains, strict=True)
        }

    def effect_rows(self, effects: Iterable[Effect]) -> Iterator[tuple]:
        by_label = {group.label: group for group in self.groups}
        for effect in effects:
            labels = [name for name in (effect.treatment, effect.reference) if name]
            sides = [by_label[name] for name in labels] or [None]
            split = sides if all(is_split(self.fit, side) for side in sides) else ()
            told_by = contrasts.kind_of((), split, extrapolated=not effect.cohorts)
            yield self._row(
                *(effect.treatment or ANY, effect.reference, "mixed"),
                _EFFECT_ESTIMANDS[effect.name],
                unadjusted(np.exp(effect.draws)),
                (np.nan, np.nan, told_by, "", "", effect.cohorts, effect.patients),
            )

    def _row(
        self,
        treatment: str,
        reference: str,
        histology: str,
        estimand: str,
        values: Sequence[float],
        behind: tuple,
    ) -> tuple:
        """A row: estimates and limits, chances of a gain, and what is behind it."""
        *limits, chance, adjusted = map(float, values)
        delta = self.delta if estimand == GAIN else np.nan
        about = self.endpoint, treatment, reference, histology, estimand
        return (*about, *limits, delta, chance, adjusted, *behind, self.extrapolated[treatment])
