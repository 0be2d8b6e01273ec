r"""The effects of mixed histology, prior and posterior, and how much of each is prior.

Mixed histology multiplies the median under treatment ``t`` by :math:`e^{\eta + \delta_t}`:
:math:`\eta`, the *prognostic* effect, does it under any treatment, and :math:`\delta_t`, the
*predictive* effect, is what treatment ``t`` adds. Against a reference ``r`` the gain differs
between mixed and pure tumours by the *ratio of ratios* :math:`e^{\delta_t - \delta_r}`.

The share of an answer that is prior is the ratio of variances on the log scale,

.. math::
   \pi = \frac{\mathrm{Var}(\theta \mid y)}{\mathrm{Var}(\theta)}, \qquad 0 < \pi \le 1 .

For a normal prior and a normal likelihood it is the weight of the prior mean in the posterior mean,
:math:`\mathrm{E}(\theta \mid y) = \pi\,\mathrm{E}(\theta) + (1 - \pi)\,\hat\theta`, and the part of
the posterior precision that the prior brought; 1 says that the data say nothing. Its root is the
ratio of standard deviations that the tables of the report show. Data at odds with the prior could
make it exceed 1, which counts as 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from priors import Prior
from synthesis.estimands import NamedGroup, effect_density, summarise
from synthesis.fits import PooledSurvival
from synthesis.numbers import in_sentence

PROGNOSTIC, PREDICTIVE, INTERACTION = "prognostic", "predictive", "ratio of ratios"

#: From this share of prior on, the data are said to add almost nothing: the posterior SD is then
#: more than 85 % of the prior's.
MOSTLY_PRIOR = 0.85**2

EFFECT_COLUMNS = (
    "endpoint",
    "effect",
    "treatment",
    "reference",
    "label",
    "which",
    "estimate",
    "lower",
    "upper",
    "log_sd",
    "prior_share",
    "p_above_one",
    "cohorts",
    "patients",
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
    part = f"{100 * share:.0f} % of this answer is prior"
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
    own = None if group is None else {ref.id for ref in group.cohorts}
    arms = [
        arm
        for arm in fit.data.arms
        if arm.share is not None and (own is None or fit.data.cohorts[arm.cohort].id in own)
    ]
    return len({arm.cohort for arm in arms}), sum(arm.n for arm in arms)


def is_split(fit: PooledSurvival, group: NamedGroup | None = None) -> bool:
    """Whether pure and mixed patients of one cohort entered apart."""
    own = None if group is None else {ref.id for ref in group.cohorts}
    return any(
        arm.histology == "mixed" and (own is None or fit.data.cohorts[arm.cohort].id in own)
        for arm in fit.data.arms
    )


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
    drawn = fit.flat("predictive")
    found = [
        Effect(
            PROGNOSTIC,
            "",
            "",
            "Mixed against pure, any treatment",
            fit.priors["histology_prognostic"],
            fit.flat("prognostic"),
            *telling(fit),
        )
    ]
    for group in groups:
        own = drawn[:, group.group.treatment_index]
        label = f"Extra gain of mixed under {in_sentence(group.label)}"
        found.append(Effect(PREDICTIVE, group.label, "", label, prior, own, *telling(fit, group)))
        if reference is None or group.group == reference.group:
            continue
        # two effects, independent before any data
        wider = prior.model_copy(update={"location": 0.0, "scale": prior.scale * float(np.sqrt(2))})
        away = own - drawn[:, reference.group.treatment_index]
        names = in_sentence(group.label), in_sentence(reference.label)
        label = f"Gain of {names[0]} over {names[1]}, mixed to pure"
        sizes = np.add(telling(fit, group), telling(fit, reference))
        found.append(
            Effect(INTERACTION, group.label, reference.label, label, wider, away, *map(int, sizes))
        )
    return found


def effects_table(endpoint: str, effects: Sequence[Effect]) -> pd.DataFrame:
    """Prior and posterior of effects as ratios: :data:`EFFECT_COLUMNS`.

    ``log_sd``: SD on the log scale; ``prior_share``: see the top of this module, 1 for the prior
    itself; ``p_above_one``: probability that mixed tumours have the advantage.
    """
    rows = []
    for effect in effects:
        low, high = effect.prior.implied()
        about = {
            "endpoint": endpoint,
            "effect": effect.name,
            "treatment": effect.treatment,
            "reference": effect.reference,
            "label": effect.label,
        }
        sizes = {"cohorts": effect.cohorts, "patients": effect.patients}
        above = 0.5 if effect.prior.location == 0.0 else _above(effect.prior)
        before = {
            "which": "prior",
            "estimate": effect.prior.natural(effect.prior.quantile(0.5)),
            "lower": low,
            "upper": high,
            "log_sd": effect.prior.scale,
            "prior_share": 1.0,
            "p_above_one": above,
        }
        after = {
            "which": "posterior",
            **vars(summarise(np.exp(effect.draws))),
            "log_sd": float(np.std(effect.draws)),
            "prior_share": effect.prior_share,
            "p_above_one": float(np.mean(effect.draws > 0.0)),
        }
        rows += [about | before | sizes, about | after | sizes]
    return pd.DataFrame(rows, columns=list(EFFECT_COLUMNS))


def _above(prior: Prior) -> float:
    """Prior probability of a log ratio above zero."""
    from statistics import NormalDist

    return 1.0 - NormalDist(prior.location, prior.scale).cdf(0.0)


def effect_densities(effects: Sequence[Effect]) -> pd.DataFrame:
    """Prior and posterior densities: ``parameter, label, which, x, density`` (per log unit)."""
    parts = [effect_density(e.parameter, e.label, e.prior, e.draws) for e in effects]
    return pd.concat(parts, ignore_index=True)
