r"""The biases of retrospective reports: their mean, their spread, and that of each report.

A retrospective report multiplies the median that a prospective one would have shown by
:math:`e^{B + b_s}`: :math:`B \sim \mathrm{Normal}(0, s^2)` is common to all of them (the effect of
design of the usual model, optimistic or pessimistic), and :math:`b_s \sim
\mathrm{Normal}(0, \sigma_B^2)` is its own (Welton et al. 2009,
doi 10.1111/j.1467-985X.2008.00548.x).

The sampler knows only the sum :math:`e_s` of a report's own bias and its study effect, which is
:math:`\mathrm{Normal}(0, \sigma_S^2 + \sigma_B^2)`. Its share of bias follows from that,

.. math::
   b_s \mid e_s \sim \mathrm{Normal}\{\rho e_s,\ \rho\,\sigma_S^2\},
   \qquad \rho = \frac{\sigma_B^2}{\sigma_S^2 + \sigma_B^2},

and is drawn afterwards. Where cohorts of one report share a part of the variance only, each has a
bias of its own beside the shared one, in the same parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from priors import Prior
from studies.vocabulary import Vocabulary
from synthesis.benefit.histology_effects import prior_share
from synthesis.benefit.reference import treatments_of
from synthesis.bias.kinds import PROSPECTIVE, RETROSPECTIVE, cohort_kinds, kinds_table
from synthesis.estimands import curve, summarise
from synthesis.fits import PooledSurvival, bias_spread
from synthesis.histology_table import effect_density
from synthesis.model.arrays import shared_parts
from synthesis.model.covariates import COVARIATES
from synthesis.model.survival import BIAS_PRIOR
from synthesis.tables import cohort_labels, patients_of, reference_share

COMMON, SPREAD = "common bias", "spread of biases"

EFFECT_COLUMNS = (
    "endpoint",
    "effect",
    "label",
    "which",
    "estimate",
    "lower",
    "upper",
    "log_sd",
    "prior_share",
    "p_optimistic",
    "cohorts",
    "patients",
)
REPORT_COLUMNS = (
    "endpoint",
    "study",
    "cohort",
    "cohort_label",
    "treatment",
    "treatment_class",
    "design",
    "patients",
    "estimate",
    "lower",
    "upper",
    "own",
    "own_lower",
    "own_upper",
    "p_optimistic",
)
MEDIAN_COLUMNS = (
    "endpoint",
    "treatment",
    "treatment_class",
    "population",
    "usual",
    "usual_lower",
    "usual_upper",
    "biased",
    "biased_lower",
    "biased_upper",
    "ratio",
    "ratio_to_pooled",
    "cohorts",
    "patients",
)

#: Populations of the medians: that of every report, and that of an unbiased study.
HALF_WAY, AS_PROSPECTIVE = "half way between the designs", "prospective study"

_LABELS: Mapping[str, str] = {
    COMMON: "Common bias, retrospective to prospective",
    SPREAD: "Spread of the reports' own biases",
}


def common_bias(fit: PooledSurvival) -> np.ndarray:
    """Draws of the common bias on the scale of log medians, ``(draws,)``."""
    return fit.flat("covariate_effect")[:, COVARIATES.index("retrospective")]


def bias_effects(fit: PooledSurvival) -> pd.DataFrame:
    """Prior and posterior of the common bias and of the spread of the biases.

    Parameters
    ----------
    fit : PooledSurvival
        Of the variant that estimates the spread.

    Returns
    -------
    DataFrame
        :data:`EFFECT_COLUMNS`. The common bias is a ratio of medians, retrospective to
        prospective; the spread is the factor that one report in forty exceeds, 1.96 SD.
        ``log_sd`` is the standard deviation of the log ratio, or of the SD.
    """
    kinds = kinds_table(fit).set_index("kind")
    both = kinds.loc[[RETROSPECTIVE, PROSPECTIVE]].sum()
    own = kinds.loc[RETROSPECTIVE]
    rows = []
    for name, prior, drawn, carrying in (
        (COMMON, fit.priors["covariate_retrospective"], common_bias(fit), both),
        (SPREAD, fit.priors[BIAS_PRIOR], bias_spread(fit), own),
    ):
        about = {"endpoint": fit.data.endpoint, "effect": name, "label": _LABELS[name]}
        about |= {key: int(carrying[key]) for key in ("cohorts", "patients")}
        spread, low, high = prior_sd(prior), *prior.implied()
        natural = np.exp(drawn) if name == COMMON else np.array([prior.natural(x) for x in drawn])
        before = {"estimate": prior.natural(prior.quantile(0.5)), "lower": low, "upper": high}
        is_common = name == COMMON
        rows.append(
            about
            | {"which": "prior", "log_sd": spread, "prior_share": 1.0, **before}
            | {"p_optimistic": _above_zero(prior) if is_common else np.nan}
        )
        rows.append(
            about
            | {"which": "posterior", "log_sd": float(np.std(drawn))}
            | {"prior_share": prior_share(spread, drawn), **vars(summarise(natural))}
            | {"p_optimistic": float(np.mean(drawn > 0.0)) if is_common else np.nan}
        )
    return pd.DataFrame(rows, columns=list(EFFECT_COLUMNS))


def prior_sd(prior: Prior) -> float:
    """Standard deviation of a prior; of a half-normal that of its positive half."""
    half = prior.family == "half_normal"
    return prior.scale * (np.sqrt(1.0 - 2.0 / np.pi) if half else 1.0)


def _above_zero(prior: Prior) -> float:
    from scipy.special import ndtr

    return float(ndtr(prior.location / prior.scale))


def bias_densities(fit: PooledSurvival) -> pd.DataFrame:
    """Prior and posterior densities: ``parameter, label, which, x, density``.

    ``x`` is what the table of effects shows, a ratio or a factor, and ``density`` is per unit of
    its logarithm.
    """
    prior = fit.priors["covariate_retrospective"]
    common = effect_density(COMMON, _LABELS[COMMON], prior, common_bias(fit))
    return pd.concat([common, _spread_density(fit)], ignore_index=True)


def _spread_density(fit: PooledSurvival) -> pd.DataFrame:
    """Densities of a spread: kernel estimate of the draws and their mirror images, halved grid."""
    from scipy.stats import gaussian_kde, norm

    prior, drawn = fit.priors[BIAS_PRIOR], bias_spread(fit)
    grid = np.linspace(0.0, max(3.5 * prior.scale, float(drawn.max())), 256)
    # a density does not fall towards nought because nothing lies beyond it
    posterior = 2.0 * gaussian_kde(np.concatenate([drawn, -drawn]))(grid)
    kinds = {"prior": 2.0 * norm.pdf(grid, scale=prior.scale), "posterior": posterior}
    factor = np.array([prior.natural(value) for value in grid])
    per_unit = np.log(prior.natural(1.0))
    frames = [
        pd.DataFrame(
            {
                "parameter": SPREAD,
                "label": _LABELS[SPREAD],
                "which": which,
                "x": factor,
                "density": density / per_unit,
            }
        )
        for which, density in kinds.items()
    ]
    return pd.concat(frames, ignore_index=True)


def own_biases(fit: PooledSurvival) -> np.ndarray:
    """Draws of each cohort's own bias on the scale of log medians, ``(draws, cohorts)``.

    Without the common bias; 0 for a cohort that is not of a retrospective report.
    """
    data, rng = fit.data, np.random.default_rng([fit.seed, 17])
    bias, study = bias_spread(fit) ** 2, fit.flat("study_sd") ** 2
    part = (bias / np.maximum(study + bias, 1e-300))[:, None]
    levels = {}
    for level in ("study", "cohort"):
        effect = fit.flat(f"{level}_effect")
        noise = np.sqrt(part * study[:, None]) * rng.standard_normal(effect.shape)
        levels[level] = part * effect + noise
    order = [data.studies.index(ref.study.id) for ref in data.cohorts]
    shared = np.array(shared_parts(data))
    own = np.sqrt(shared) * levels["study"][:, order]
    own = own + np.sqrt(1.0 - shared) * levels["cohort"]
    return own * np.array([kind == RETROSPECTIVE for kind in cohort_kinds(fit)])


def reports_table(fit: PooledSurvival, vocabulary: Vocabulary) -> pd.DataFrame:
    """The bias of each cohort of a retrospective report.

    Returns
    -------
    DataFrame
        :data:`REPORT_COLUMNS`, the most optimistic first. ``estimate``: its whole bias, common and
        own, as a ratio of medians to what a prospective study would have shown; ``own``: what it
        has beyond the common bias; ``p_optimistic``: that the whole bias is above 1.
    """
    common, own = common_bias(fit), own_biases(fit)
    labels, sizes = cohort_labels(fit.data.cohorts), patients_of(fit)
    rows: list[dict[str, Any]] = []
    for number, (ref, kind) in enumerate(zip(fit.data.cohorts, cohort_kinds(fit), strict=True)):
        if kind != RETROSPECTIVE:
            continue
        whole, alone = common + own[:, number], summarise(np.exp(own[:, number]))
        rows.append(
            {
                "endpoint": fit.data.endpoint,
                "study": ref.study.id,
                "cohort": ref.cohort.id,
                "cohort_label": labels[ref.id],
                "treatment": vocabulary.treatment(ref.treatment).label,
                "treatment_class": vocabulary.treatment_class(ref.treatment_class).label,
                "design": ref.study.design.replace("_", " "),
                "patients": sizes[ref.id],
                **vars(summarise(np.exp(whole))),
                "own": alone.estimate,
                "own_lower": alone.lower,
                "own_upper": alone.upper,
                "p_optimistic": float(np.mean(whole > 0.0)),
            }
        )
    rows.sort(key=lambda row: -row["estimate"])
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS))


def medians_table(
    usual: PooledSurvival, biased: PooledSurvival, vocabulary: Vocabulary, reference_mix: float
) -> pd.DataFrame:
    """Median of the average study under each treatment, without and with the bias model.

    Two populations: the one of every report, which lies half way between a retrospective and a
    prospective study, and that of a prospective study, which has no bias. The usual model knows the
    common bias too (as an effect of design); what the bias model adds is that retrospective reports
    count for less.

    Parameters
    ----------
    usual, biased : PooledSurvival
        Fits of the same observations without and with the spread of biases.
    vocabulary : Vocabulary
    reference_mix : float
        Share of mixed histology.

    Returns
    -------
    DataFrame
        :data:`MEDIAN_COLUMNS`, months; ``ratio``: with the bias model to without, in the same
        population; ``ratio_to_pooled``: with the bias model to the usual pooled median, which is
        half way.
    """
    away = {HALF_WAY: 0.0, AS_PROSPECTIVE: -0.5}
    fits = {"usual": usual, "biased": biased}
    rows = []
    for group in treatments_of(usual, vocabulary):
        drawn = {
            name: np.log(
                curve(fit, group.group, reference_share(fit, reference_mix), "mean_study").median
            )
            for name, fit in fits.items()
        }
        pooled = float(np.exp(np.median(drawn["usual"])))
        for population, value in away.items():
            found = {
                name: summarise(np.exp(drawn[name] + value * common_bias(fit)))
                for name, fit in fits.items()
            }
            row = {
                "endpoint": usual.data.endpoint,
                "treatment": group.label,
                "treatment_class": group.class_label,
                "population": population,
            }
            for name, summary in found.items():
                row |= {name: summary.estimate}
                row |= {f"{name}_lower": summary.lower, f"{name}_upper": summary.upper}
            row |= {
                "ratio": found["biased"].estimate / found["usual"].estimate,
                "ratio_to_pooled": found["biased"].estimate / pooled,
                "cohorts": len(group.cohorts),
                "patients": group.patients,
            }
            rows.append(row)
    return pd.DataFrame(rows, columns=list(MEDIAN_COLUMNS))
