"""Benefit and the effects of mixed histology in numbers, prior and posterior.

The equations are those of :mod:`synthesis.questions.histology`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from types import MappingProxyType

import numpy as np
import pandas as pd

from priors import Prior
from studies.vocabulary import Vocabulary
from synthesis.choices import DEFAULT
from synthesis.estimands import (
    SURVIVAL_ESTIMANDS,
    Curve,
    Fit,
    NamedGroup,
    effect_density,
    flat,
    quantiles,
    summarise,
    tells_apart,
    tells_histology,
)
from synthesis.fits import PooledSurvival
from synthesis.model.covariates import ALL, COVARIATES
from synthesis.model.observations import Arm
from synthesis.numbers import in_sentence, percent
from synthesis.questions.certainty import Confounding, Judged, confounded, find_confounding
from synthesis.questions.contrasts import (
    COMPARE_COLUMNS,
    GAIN,
    RANDOMISED,
    SURVIVAL_CONTRASTS,
    Reference,
    choose_reference,
    choose_shown,
    drawn,
    every_pair,
    evidence_of_pairs,
    kind_of,
    kind_of_one,
    not_pooled,
    treatments_by_endpoint,
)
from synthesis.result import names

# --- Effects of histology ------------------------------------------------------------------------

PROGNOSTIC, PREDICTIVE, INTERACTION = "prognostic", "predictive", "ratio of ratios"
#: Transformed against de novo tumours, which is no effect of histology.
ORIGIN = "origin"

#: From this share of prior on, the data are said to add almost nothing: the posterior SD is then
#: more than 85 % of the prior's.
MOSTLY_PRIOR = 0.85**2

EFFECT_COLUMNS = names(
    "endpoint effect treatment reference label which estimate lower upper log_sd prior_share "
    "p_above_one cohorts patients"
)


@dataclass(frozen=True)
class Effect:
    """One effect of histology: a log ratio, or a log ratio of ratios.

    Attributes
    ----------
    name : {"prognostic", "predictive", "ratio of ratios", "origin"}
    treatment, reference : str
        Labels; empty where it is of any treatment, or of none but one.
    label : str
        In figures.
    prior : Prior
        Normal, of the log ratio.
    draws : ndarray, shape (draws,)
        Log ratios.
    cohorts, patients : int
        Those whose histology is known, or compared, and that are given the treatment.
    """

    name: str
    treatment: str
    reference: str
    label: str
    prior: Prior
    draws: np.ndarray = field(repr=False)
    cohorts: int
    patients: int

    @property
    def parameter(self) -> str:
        """Name in the table of densities."""
        return ": ".join(filter(None, (self.name, self.treatment)))

    @property
    def prior_share(self) -> float:
        """Share of the answer that is prior, above 0 to 1."""
        return prior_share(self.prior.scale, self.draws)


def prior_share(prior_sd: float, draws: np.ndarray) -> float:
    """Share of an answer that is prior: ratio of variances on the scale of the draws, at most 1.

    Raises
    ------
    ValueError
        If the prior has no spread.
    """
    if not prior_sd > 0.0:
        raise ValueError(f"prior SD: found {prior_sd:g}, expected a number above zero")
    return float(min(np.var(draws) / prior_sd**2, 1.0))


def share_words(share: float, *, told: bool) -> str:
    """How much of an answer is prior; `told` is whether any counted cohort tells of it."""
    if not told:
        return "The data say nothing about it: this is the prior."
    part = f"{percent(share)} % of this answer is assumption"
    if share > MOSTLY_PRIOR:
        return f"{part}: the data add almost nothing."
    if share > 0.5:
        return f"{part}: the data have narrowed it, but less than the prior itself does."
    return f"{part}: most of it is what the data say."


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
    that of origin, where some report tells of it.
    """
    prior, draws = fit.priors["histology_predictive"], flat(fit, "predictive")
    # two effects, independent before any data
    wider = prior.model_copy(update={"location": 0.0, "scale": prior.scale * float(np.sqrt(2))})
    about = "", "", "Mixed against pure, any treatment", fit.priors["histology_prognostic"]
    effects = [Effect(PROGNOSTIC, *about, flat(fit, "prognostic"), *telling(fit))]
    for group in groups:
        name, own = in_sentence(group.label), draws[:, group.group.treatment_index]
        label, sizes = f"Extra gain of mixed under {name}", telling(fit, group)
        effects.append(Effect(PREDICTIVE, group.label, "", label, prior, own, *sizes))
        if reference is None or group.group == reference.group:
            continue
        away = own - draws[:, reference.group.treatment_index]
        sizes = map(sum, zip(sizes, telling(fit, reference), strict=True))
        label = f"Gain of {name} over {in_sentence(reference.label)}, mixed to pure"
        both = group.label, reference.label, label
        effects.append(Effect(INTERACTION, *both, wider, away, *sizes))
    return [*effects, *_of_origin(fit)]


def _of_origin(fit: PooledSurvival) -> Iterator[Effect]:
    """Transformed against de novo tumours, where the fit allows for it and some report tells."""
    told = fit.data.telling("transformed") if fit.variant.covariates else {}
    if told:
        place = COVARIATES.index("transformed")
        about = "", "", "Transformed against de novo, any treatment"
        prior, draws = fit.priors[ALL[place].prior], flat(fit, "covariate_effect")[:, place]
        yield Effect(ORIGIN, *about, prior, draws, len(told), sum(told.values()))


def effects_table(endpoint: str, effects: Sequence[Effect]) -> pd.DataFrame:
    """Prior and posterior of effects as ratios: :data:`EFFECT_COLUMNS`.

    ``log_sd``: SD on the log scale; ``prior_share``: 1 for the prior itself; ``p_above_one``:
    probability that mixed tumours have the advantage.
    """
    rows = []
    for effect in effects:
        prior, draws = effect.prior, effect.draws
        about = (endpoint, effect.name, effect.treatment, effect.reference, effect.label)
        sizes = effect.cohorts, effect.patients
        above = 1.0 - NormalDist(prior.location, prior.scale).cdf(0.0)
        middle = prior.natural(prior.quantile(0.5))
        rows.append((*about, "prior", middle, *prior.implied(), prior.scale, 1.0, above, *sizes))
        after = summarise(np.exp(draws))
        learnt = float(np.std(draws)), effect.prior_share, float(np.mean(draws > 0.0))
        values = after.estimate, after.lower, after.upper
        rows.append((*about, "posterior", *values, *learnt, *sizes))
    return pd.DataFrame(rows, columns=list(EFFECT_COLUMNS))


def effect_densities(endpoint: str, effects: Sequence[Effect]) -> pd.DataFrame:
    """Prior and posterior densities: ``parameter, label, which, x, density, endpoint``."""
    frames = [effect_density(e.parameter, e.label, e.prior, e.draws) for e in effects]
    return pd.concat(frames, ignore_index=True).assign(endpoint=endpoint)


def effect_rows(effects: pd.DataFrame, density: pd.DataFrame) -> pd.DataFrame:
    """Prior and posterior of each effect that has a density beside each other, a row an effect.

    Returns
    -------
    DataFrame
        ``endpoint, label, cohorts, patients, prior_share, parameter``; estimates and limits
        ``prior, prior_lower, prior_upper, posterior, posterior_lower, posterior_upper``.
    """
    sides = {
        which: effects[effects["which"] == which].reset_index(drop=True)
        for which in ("prior", "posterior")
    }
    after = sides["posterior"]
    values = {
        f"{which}{end}": frame[column]
        for which, frame in sides.items()
        for end, column in {"": "estimate", "_lower": "lower", "_upper": "upper"}.items()
    }
    rows = after[["endpoint", "label", "cohorts", "patients", "prior_share"]].assign(
        parameter=(after["effect"] + ": " + after["treatment"]).str.removesuffix(": "), **values
    )
    return rows.merge(density[["endpoint", "parameter"]].drop_duplicates())


# --- Benefit by histology ------------------------------------------------------------------------

#: As of every table of contrasts, and whether no report of the treatment supports the value.
BENEFIT_COLUMNS = (*COMPARE_COLUMNS, "extrapolated")

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

_GROUP_COLUMNS = (
    "endpoint treatment treatment_class cohorts patients compared is_reference shown extrapolated"
)


@dataclass(frozen=True)
class Benefit:
    """What is known of benefit in pure and in mixed tumours.

    Attributes
    ----------
    table : DataFrame
        :data:`BENEFIT_COLUMNS`. Absolute estimands have no reference; rows of the effects of
        histology and of differences of gains say ``mixed``: they are of mixed against pure tumours.
    effects : DataFrame
        :data:`~synthesis.questions.histology_effects.EFFECT_COLUMNS`: prior and posterior.
    density : DataFrame
        ``endpoint, parameter, label, which, x, density``: of the prognostic effect, and of the
        predictive effect of treatments whose histology some report tells.
    groups : DataFrame
        The treatments of each endpoint in display order, which of them have enough behind them to
        be shown, and of which the values by histology are extrapolated.
    references : mapping
        Endpoint -> what gains are over; only where it is pooled.
    told : mapping
        Endpoint -> whether any counted cohort tells pure from mixed.
    delta : float
        Months of gain asked for.
    confounding : Confounding
        What is allowed for in the columns of adjusted values.
    """

    table: pd.DataFrame = field(repr=False)
    effects: pd.DataFrame = field(repr=False)
    density: pd.DataFrame = field(repr=False)
    groups: pd.DataFrame = field(repr=False)
    references: Mapping[str, Reference]
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

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit; response, which is not known by histology, is passed over.
    vocabulary : Vocabulary
    reference : str, optional
        Name of the treatment that gains are over; the usual one otherwise.
    delta : float
        Months of gain in the median whose probability is asked for.
    confounding : str
        What gains allow for, a word of :data:`~synthesis.choices.CONFOUNDING`.
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
    references = {endpoint: own for endpoint, own in chosen.items() if own is not None}
    allowed = find_confounding({name: fits[name] for name in pooled}, confounding)
    if reference is not None and not references:
        raise not_pooled(reference, pooled)
    rows, effects, densities, shown = [], [], [], []
    for endpoint, groups in pooled.items():
        over = references[endpoint].group if endpoint in references else None
        part = _Part(endpoint, fits[endpoint], groups, over, delta, allowed)
        own = histology_effects(part.fit, groups, over)
        rows += [*part.rows(), *part.effect_rows(each for each in own if each.name != ORIGIN)]
        effects.append(effects_table(endpoint, own))
        densities.append(effect_densities(endpoint, _drawn(own)))
        shown += part.group_rows(show_all=show_all)
    return Benefit(
        table=pd.DataFrame(rows, columns=BENEFIT_COLUMNS),
        effects=pd.concat(effects, ignore_index=True),
        density=pd.concat(densities, ignore_index=True),
        groups=pd.DataFrame(shown, columns=names(_GROUP_COLUMNS)),
        references=references,
        told={name: tells_histology(fits[name]) for name in pooled},
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


@dataclass(frozen=True)
class _Part:
    """One endpoint on its way to the tables."""

    endpoint: str
    fit: PooledSurvival
    groups: Sequence[NamedGroup]
    reference: NamedGroup | None
    delta: float
    confounding: Confounding

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
            about = (self.endpoint, group.label, group.class_label, *group.sizes)
            yield (*about, group is over, group in shown, self.extrapolated[group.label])

    def rows(self) -> Iterator[tuple]:
        """Estimates of every treatment by histology, and its gains over the reference."""
        absolute = {
            (histology, name): quantiles(self.values(share, name))
            for histology, share in SHARES.items()
            for name in SURVIVAL_ESTIMANDS
        }
        gains, pairs = self._gains(), evidence_of_pairs(self.fit, self.groups)
        for number, group in enumerate(self.groups):
            beyond = self.extrapolated[group.label]
            kind = kind_of_one(group.cohorts, extrapolated=beyond)
            behind = (kind, len(group.cohorts), group.patients)
            for key, values in absolute.items():
                yield self._row(group.label, "", *key, values[:, number], behind)
            if self.reference is None or group is self.reference:
                continue
            own = pairs[group.label, self.reference.label]
            sizes = own.total_cohorts, own.total_patients
            judged = {
                histology: Judged(
                    own,
                    gains[histology, "ratio_of_medians"][0][:3, number],
                    1.0,
                    extrapolated=beyond,
                ).columns
                for histology in SHARES
            }
            for key, (values, chances) in gains.items():
                # what was randomised is left as it is
                lot = own.kind == RANDOMISED and not beyond
                rows = [0, 1, 2, 0, 1, 2] if lot else slice(None)
                chance = chances[[0, 0] if lot else slice(None), number]
                about = (group.label, self.reference.label, *key, values[rows, number])
                yield self._row(*about, (judged[key[0]], *sizes), chance)

    def _gains(self) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
        """Contrasts with the reference in either histology, and by how much the gains differ.

        Of each, estimate and limits, then those allowing for confounding, ``(6, treatments)``, and
        chances of the gain as it is and so, ``(2, treatments)``.
        """
        if self.reference is None:
            return {}
        base = self.groups.index(self.reference)
        places = [group.group.treatment_index for group in self.groups]
        predictive = self.fit.flat("predictive")[:, places]
        summaries, gains, alone = {}, {}, {}
        missing = np.full((6, len(self.groups)), np.nan)
        for histology, share in SHARES.items():
            first, over = (drawn(self.fit, own, share) for own in (self.groups, [self.reference]))
            both = (every_pair(SURVIVAL_CONTRASTS, own, over) for own in self._sides(first))
            for (name, draws), (_, adjusted) in zip(*both, strict=True):
                own, chances = (draws[..., 0], adjusted[..., 0]), missing[:2]
                if name == GAIN:
                    gains[histology] = own[0]
                    favours = SURVIVAL_CONTRASTS[name].favours
                    chances = np.stack([favours(each, self.delta) for each in own])
                summaries[histology, name] = np.concatenate(list(map(quantiles, own))), chances
            # medians as if histology had the same effect under every treatment
            away = np.exp(-predictive * (share - self.fit.centre_share))
            medians = self.values(share, "median_months") * away
            alone[histology] = medians - medians[:, [base]]
        for name, own in {DIFFERENCE: gains, FROM_PROGNOSIS: alone}.items():
            values = quantiles(own["mixed"] - own["pure"])
            summaries["mixed", name] = np.concatenate([values, missing[:3]]), missing[:2]
        return summaries

    def _sides(self, curves: Curve) -> tuple[Curve, Curve]:
        """Curves as they are, and allowing for confounding."""
        return curves, confounded(curves, self.confounding)

    def effect_rows(self, effects: Iterable[Effect]) -> Iterator[tuple]:
        by_label = {group.label: group for group in self.groups}
        for effect in effects:
            labels = [name for name in (effect.treatment, effect.reference) if name]
            sides = [by_label[name] for name in labels] or [None]
            split = sides if all(is_split(self.fit, side) for side in sides) else ()
            told_by = kind_of((), split, extrapolated=not effect.cohorts)
            yield self._row(
                *(effect.treatment or ANY, effect.reference, "mixed"),
                _EFFECT_ESTIMANDS[effect.name],
                quantiles(np.exp(effect.draws)),
                (told_by, effect.cohorts, effect.patients),
            )

    def _row(
        self,
        treatment: str,
        reference: str,
        histology: str,
        estimand: str,
        values: np.ndarray,
        behind: tuple[str | tuple, int, int],
        chances: Sequence[float] = (np.nan, np.nan),
    ) -> tuple:
        """A row: estimate and limits, adjusted or not, chances of a gain, and what is behind it."""
        kind, *sizes = behind
        judged = (np.nan, np.nan, kind, "", "") if isinstance(kind, str) else kind
        adjusted = [*values.tolist(), np.nan, np.nan, np.nan][:6]
        about = (self.endpoint, treatment, reference, histology, estimand, *adjusted)
        asked = (self.delta if estimand == GAIN else np.nan, *map(float, chances))
        return (*about, *asked, *judged, *sizes, self.extrapolated[treatment])
