"""The effects of mixed histology, prior and posterior, and how much of each is prior.

The equations are those of :mod:`synthesis.questions.histology`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import pandas as pd

from priors import Prior
from synthesis.estimands import NamedGroup, effect_density, flat, summarise
from synthesis.fits import PooledSurvival
from synthesis.numbers import in_sentence, percent
from synthesis.result import names

PROGNOSTIC, PREDICTIVE, INTERACTION = "prognostic", "predictive", "ratio of ratios"

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
    name : {"prognostic", "predictive", "ratio of ratios"}
    treatment, reference : str
        Labels; empty where it is of any treatment, or of none but one.
    label : str
        In figures.
    prior : Prior
        Normal, of the log ratio.
    draws : ndarray, shape (draws,)
        Log ratios.
    cohorts, patients : int
        Those whose histology is known and that are given the treatment.
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
    """Share of an answer that is prior: ratio of variances, at most 1.

    Parameters
    ----------
    prior_sd : float
        Of the quantity on the scale of its draws.
    draws : ndarray, shape (draws,)

    Raises
    ------
    ValueError
        If the prior has no spread.
    """
    if not prior_sd > 0.0:
        raise ValueError(f"prior SD: found {prior_sd:g}, expected a number above zero")
    return float(min(np.var(draws) / prior_sd**2, 1.0))


def share_words(share: float, *, told: bool) -> str:
    """How much of an answer is prior, in a sentence.

    Parameters
    ----------
    share : float
        From :func:`prior_share`.
    told : bool
        Whether any counted cohort tells what the answer is about.
    """
    if not told:
        return "The data say nothing about it: this is the prior."
    part = f"{percent(share)} % of this answer is assumption"
    if share > MOSTLY_PRIOR:
        return f"{part}: the data add almost nothing."
    if share > 0.5:
        return f"{part}: the data have narrowed it, but less than the prior itself does."
    return f"{part}: most of it is what the data say."


def telling(fit: PooledSurvival, group: NamedGroup | None = None) -> tuple[int, int]:
    """Cohorts that tell their histology, and their patients.

    Parameters
    ----------
    fit : PooledSurvival
    group : NamedGroup, optional
        Only those of a treatment.
    """
    arms = [arm for arm in _arms_of(fit, group) if arm.share is not None]
    return len({arm.cohort for arm in arms}), sum(arm.n for arm in arms)


def is_split(fit: PooledSurvival, group: NamedGroup | None = None) -> bool:
    """Whether pure and mixed patients of one cohort entered apart."""
    return any(arm.histology == "mixed" for arm in _arms_of(fit, group))


def _arms_of(fit: PooledSurvival, group: NamedGroup | None) -> list:
    if group is None:
        return list(fit.data.arms)
    ids = {ref.id for ref in group.cohorts}
    return [arm for arm in fit.data.arms if fit.data.cohorts[arm.cohort].id in ids]


def histology_effects(
    fit: PooledSurvival, groups: Sequence[NamedGroup], reference: NamedGroup | None
) -> list[Effect]:
    """The prognostic effect, then of each treatment the predictive one and the ratio of ratios.

    Parameters
    ----------
    fit : PooledSurvival
    groups : sequence of NamedGroup
        Treatments.
    reference : NamedGroup or None
        What gains are over; without it there are no ratios of ratios.
    """
    prior = fit.priors["histology_predictive"]
    drawn = flat(fit, "predictive")
    effects = [
        Effect(
            PROGNOSTIC,
            "",
            "",
            "Mixed against pure, any treatment",
            fit.priors["histology_prognostic"],
            flat(fit, "prognostic"),
            *telling(fit),
        )
    ]
    for group in groups:
        own = drawn[:, group.group.treatment_index]
        label = f"Extra gain of mixed under {in_sentence(group.label)}"
        sizes = telling(fit, group)
        effects.append(Effect(PREDICTIVE, group.label, "", label, prior, own, *sizes))
        if reference is None or group.group == reference.group:
            continue
        # two effects, independent before any data
        wider = prior.model_copy(update={"location": 0.0, "scale": prior.scale * float(np.sqrt(2))})
        away = own - drawn[:, reference.group.treatment_index]
        over = in_sentence(reference.label)
        label = f"Gain of {in_sentence(group.label)} over {over}, mixed to pure"
        sizes = tuple(map(sum, zip(sizes, telling(fit, reference), strict=True)))
        effects.append(
            Effect(INTERACTION, group.label, reference.label, label, wider, away, *sizes)
        )
    return effects


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
    """Prior and posterior densities of effects, from :func:`~synthesis.estimands.effect_density`.

    Returns
    -------
    DataFrame
        ``parameter, label, which, x, density, endpoint``.
    """
    frames = [effect_density(e.parameter, e.label, e.prior, e.draws) for e in effects]
    return pd.concat(frames, ignore_index=True).assign(endpoint=endpoint)


def effect_rows(effects: pd.DataFrame, density: pd.DataFrame) -> pd.DataFrame:
    """Prior and posterior of each effect that has a density beside each other, a row an effect.

    Parameters
    ----------
    effects : DataFrame
        :data:`EFFECT_COLUMNS`.
    density : DataFrame
        From :func:`effect_densities`.

    Returns
    -------
    DataFrame
        ``endpoint, parameter, label, cohorts, patients, prior, prior_lower, prior_upper,
        posterior, posterior_lower, posterior_upper, prior_share``.
    """
    sides = {
        which: effects[effects["which"] == which].reset_index(drop=True)
        for which in ("prior", "posterior")
    }
    rows = sides["posterior"]
    pairs = zip(rows["effect"], rows["treatment"], strict=True)
    values = {
        f"{which}{end}": own[column]
        for which, own in sides.items()
        for end, column in {"": "estimate", "_lower": "lower", "_upper": "upper"}.items()
    }
    rows = rows[["endpoint", "label", "cohorts", "patients", "prior_share"]].assign(
        parameter=[": ".join(filter(None, pair)) for pair in pairs], **values
    )
    drawn = set(zip(density["endpoint"], density["parameter"], strict=True))
    keys = zip(rows["endpoint"], rows["parameter"], strict=True)
    return rows[[key in drawn for key in keys]].reset_index(drop=True)
