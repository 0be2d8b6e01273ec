"""Effects with their priors: how much of each is prior, as numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import pandas as pd

from priors import Prior
from synthesis.estimands import flat, quantiles
from synthesis.fits import PooledSurvival
from synthesis.model.covariates import ALL
from synthesis.numbers import columns_of, percent
from synthesis.result import names

#: From this share of prior on, the data are said to add almost nothing: the posterior SD is then
#: more than 85 % of the prior's.
MOSTLY_PRIOR = 0.85**2

EFFECT_COLUMNS = names(
    "endpoint effect treatment reference label which estimate lower upper log_sd prior_share "
    "p_above_one cohorts patients"
)


@dataclass(frozen=True)
class Effect:
    """An effect, or a spread of effects, with its prior and its draws ``(draws,)``: log ratios.

    `treatment` is a label, empty for an effect under any treatment; `reference` is another, empty
    unless two treatments are compared. `cohorts` and `patients` are those that tell of the effect,
    under the treatment if there is one.
    """

    name: str
    label: str
    prior: Prior
    draws: np.ndarray = field(repr=False)
    cohorts: int
    patients: int
    treatment: str = ""
    reference: str = ""

    @property
    def parameter(self) -> str:
        """Name in the table of densities."""
        return ": ".join(filter(None, (self.name, self.treatment)))


def prior_share(prior_sd: float, draws: np.ndarray) -> float:
    """Share of an answer that is prior: ratio of variances on the scale of the draws, at most 1.

    ValueError if the prior has no spread.
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


def covariate_effects(fit: PooledSurvival) -> list[Effect]:
    """Effects of design, line, time origin and other differences, by the cohorts that tell of them.

    Without any in a fit that does not adjust for them.
    """
    if not fit.variant.covariates:
        return []
    effects = []
    for own, draws in zip(ALL, flat(fit, "covariate_effect").T, strict=True):
        told = fit.data.telling(own.name)
        about = own.name, own.label, fit.priors[own.prior]
        effects.append(Effect(*about, draws, len(told), sum(told.values())))
    return effects


def effects_table(effects: Mapping[str, Sequence[Effect]]) -> pd.DataFrame:
    """Prior and posterior of effects, ratios or factors, by endpoint: :data:`EFFECT_COLUMNS`.

    ``log_sd``: SD on the log scale; ``prior_share``: 1 for the prior itself; ``p_above_one``:
    probability that the ratio is above one, missing for a spread.
    """
    rows = []
    for endpoint, effect in ((name, own) for name, each in effects.items() for own in each):
        prior, draws = effect.prior, effect.draws
        about = (endpoint, effect.name, effect.treatment, effect.reference, effect.label)
        sizes = effect.cohorts, effect.patients
        sd, above = prior.scale, (np.nan, np.nan)
        if prior.family == "half_normal":
            sd *= np.sqrt(1.0 - 2.0 / np.pi)
        else:
            expected = 1.0 - NormalDist(prior.location, prior.scale).cdf(0.0)
            above = expected, float(np.mean(draws > 0.0))
        middle = prior.natural(prior.quantile(0.5))
        rows.append((*about, "prior", middle, *prior.implied(), sd, 1.0, above[0], *sizes))
        after = quantiles(np.exp(np.log(prior.natural(1.0)) * draws)).tolist()
        learnt = float(np.std(draws)), prior_share(sd, draws), above[1]
        rows.append((*about, "posterior", *after, *learnt, *sizes))
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)


def effect_densities(endpoint: str, effects: Sequence[Effect]) -> pd.DataFrame:
    """Prior and posterior densities: ``parameter, label, which, x, density, endpoint``.

    ``x`` is a ratio, or a factor for a spread, and ``density`` per unit of its logarithm. Of the
    posterior it is a Gaussian kernel estimate.
    """
    from scipy.stats import gaussian_kde  # slow to load

    frames = []
    for effect in effects:
        prior, draws, unit = effect.prior, effect.draws, 1.0
        known = NormalDist(prior.location, prior.scale).pdf
        if prior.family == "half_normal":
            # mirrored draws: a density does not fall towards zero because nothing lies beyond it
            unit, draws = 2.0 / np.log(prior.natural(1.0)), np.concatenate([draws, -draws])
        ends = prior.location + np.array([-3.5, 3.5]) * prior.scale
        lower = 0.0 if prior.family == "half_normal" else min(ends[0], draws.min())
        grid = np.linspace(lower, max(ends[1], draws.max()), 256)
        about = {"parameter": effect.parameter, "label": effect.label}
        x = [prior.natural(value) for value in grid]
        for which, density in (
            ("prior", np.array([known(value) for value in grid])),
            ("posterior", gaussian_kde(draws)(grid)),
        ):
            columns = {"which": which, "x": x, "density": unit * density}
            frames.append(pd.DataFrame(about | columns))
    return pd.concat(frames, ignore_index=True).assign(endpoint=endpoint)


def effect_rows(effects: pd.DataFrame, density: pd.DataFrame) -> pd.DataFrame:
    """Prior and posterior of each effect that has a density beside each other, a row an effect.

    ``endpoint, label, cohorts, patients, prior_share, parameter``; estimates and limits ``prior,
    prior_lower, prior_upper, posterior, posterior_lower, posterior_upper``.
    """
    before, after = (
        effects[effects["which"] == which].reset_index(drop=True)
        for which in ("prior", "posterior")
    )
    rows = after[["endpoint", "label", "cohorts", "patients", "prior_share"]].assign(
        parameter=(after["effect"] + ": " + after["treatment"]).str.removesuffix(": ")
    )
    for which, own in (("prior", before), ("posterior", after)):
        rows[[*columns_of(which)]] = own[[*columns_of()]]
    return rows.merge(density[["endpoint", "parameter"]].drop_duplicates())
