r"""Do small cohorts print longer medians? A regression on the standard error, as Egger's.

With :math:`y_i` the log of the printed median of arm ``i`` and :math:`s_i` its standard error
(:mod:`synthesis.bias.funnel`),

.. math::
   y_i = \mu + c_i + t_i + \beta^\top z_i + (\eta + \delta_t)(x_i - x_0) + b\,(s_i - \bar s)
         + u_i + \varepsilon_i, \qquad \varepsilon_i \sim \mathrm{Normal}(0, s_i^2),

with the classes, treatments, studies, covariates and histology of the model and their priors, and
:math:`b \sim \mathrm{Normal}(0, 1)`. Egger et al. (1997, doi 10.1136/bmj.315.7109.629) regress the
standardised deviation :math:`(y_i - \hat\mu)/s_i` on :math:`1/s_i`, which is the regression of
:math:`y_i` on :math:`s_i` weighted by :math:`1/s_i^2`, with the slope ``b``. Here the pooled means
are not held at an estimate but are as uncertain as the model has them, and studies differ beyond
sampling: given the SDs everything is normal, so the posterior of ``b`` has a closed form, which is
averaged over draws of the SDs from the fit. It is an approximation (a normal likelihood of log
medians, nothing of intervals and comparisons) for one question, and no part of the pooled answers.

With ``b`` by itself for retrospective and prospective reports, the standard errors are centred
within each, and the common bias of retrospective reports is a covariate beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from priors.catalogue import Prior
from synthesis.benefit.histology_effects import prior_share
from synthesis.bias.kinds import PROSPECTIVE, RETROSPECTIVE
from synthesis.estimands import summarise
from synthesis.fits import PooledSurvival, bias_spread
from synthesis.left_out import spaced
from synthesis.model.arrays import shared_parts
from synthesis.model.covariates import COVARIATES
from synthesis.model.survival import PRIOR_OF, is_retrospective

#: Prior of the slope: change of the log median for each unit of its standard error.
SLOPE_PRIOR = Prior(
    name="small_study_slope",
    role="Small studies: change of the log median for each unit of its standard error",
    family="normal",
    scale=1.0,
    reads_as="value",
    rationale="Ten patients against forty differ by about a quarter in the standard error: cohorts "
    "of ten may print medians up to six tenths longer, or as much shorter.",
    source="Weakly informative by design",
)

#: Patients of a small and of a larger cohort, for whom the slope is told in words.
SMALL, LARGE = 10, 40

SLOPE_COLUMNS = (
    "endpoint",
    "reports",
    "estimate",
    "lower",
    "upper",
    "prior_lower",
    "prior_upper",
    "p_positive",
    "prior_share",
    "factor",
    "factor_lower",
    "factor_upper",
    "detectable",
    "points",
    "cohorts",
    "patients",
)

ALL = "all"

# Draws of the SDs, and of the slope for each of them.
_DRAWS, _EACH = 200, 50


@dataclass(frozen=True)
class _Points:
    """Printed medians with all that the regression knows of them, one entry an arm."""

    deviation: np.ndarray
    error: np.ndarray
    covariance: Mapping[str, np.ndarray]
    share_sd: np.ndarray
    biased: np.ndarray


def slope_table(fit: PooledSurvival, funnel: pd.DataFrame) -> pd.DataFrame:
    """Slope of printed log medians on their standard errors, over all reports and by their kind.

    Parameters
    ----------
    fit : PooledSurvival
    funnel : DataFrame
        From :func:`~synthesis.bias.funnel.funnel_table` of the same fit.

    Returns
    -------
    DataFrame
        :data:`SLOPE_COLUMNS`; none where there are fewer than three points. ``factor``: median that
        a cohort of :data:`SMALL` patients prints over that of one of :data:`LARGE`, all else alike;
        ``detectable``: the least such factor above 1 that would have lain outside of the interval.
    """
    shown = funnel[funnel["shown"].astype(bool)]
    rows = []
    if len(shown) >= _LEAST:
        points = _points(fit, shown)
        for reports, wanted in _parts(shown).items():
            drawn = _slopes(fit, points, wanted)
            rows += [
                _row(fit, shown[kind], name, drawn[:, column])
                for column, (name, kind) in enumerate(zip(reports, wanted, strict=True))
            ]
    return pd.DataFrame(rows, columns=list(SLOPE_COLUMNS))


# A line through fewer points says nothing.
_LEAST = 3


def _parts(shown: pd.DataFrame) -> dict[tuple[str, ...], tuple[np.ndarray, ...]]:
    """Names of the slopes of one regression -> points that each is of."""
    kinds = shown["kind"].to_numpy()
    own = {kind: kinds == kind for kind in (RETROSPECTIVE, PROSPECTIVE)}
    own = {kind: which for kind, which in own.items() if which.sum() >= _LEAST}
    found = {(ALL,): (np.ones(len(shown), dtype=bool),)}
    if own:
        found[tuple(own)] = tuple(own.values())
    return found


def _row(fit: PooledSurvival, own: pd.DataFrame, name: str, drawn: np.ndarray) -> dict[str, object]:
    errors, sizes = own["standard_error"], own["effective_size"]
    # the standard error of one patient in the average arm
    one = float(np.median(errors * np.sqrt(sizes)))
    step = one * (SMALL**-0.5 - LARGE**-0.5)
    factor, found = summarise(np.exp(step * drawn)), summarise(drawn)
    low, high = SLOPE_PRIOR.implied()
    return {
        "endpoint": fit.data.endpoint,
        "reports": name,
        **vars(found),
        "prior_lower": low,
        "prior_upper": high,
        "p_positive": float(np.mean(drawn > 0.0)),
        "prior_share": prior_share(SLOPE_PRIOR.scale, drawn),
        "factor": factor.estimate,
        "factor_lower": factor.lower,
        "factor_upper": factor.upper,
        "detectable": float(np.exp(step * (found.estimate - found.lower))),
        "points": len(own),
        "cohorts": len(own[["study", "cohort"]].drop_duplicates()),
        "patients": int(own["patients"].sum()),
    }


def _points(fit: PooledSurvival, shown: pd.DataFrame) -> _Points:
    """Deviations from the prior means, and the covariances of everything in units of its SD."""
    data, priors = fit.data, fit.priors
    index = {(ref.study.id, ref.cohort.id): j for j, ref in enumerate(data.cohorts)}
    where = [index[key] for key in zip(shown["study"], shown["cohort"], strict=True)]
    refs = [data.cohorts[j] for j in where]
    known = data.covariates or ((0.0,) * len(COVARIATES),) * len(data.cohorts)
    z = np.array([known[j] for j in where]) * float(fit.variant.covariates)
    shares, share_sd = _shares(fit, shown, where)
    away = shares - fit.centre_share
    treatment = _same([ref.treatment for ref in refs])
    study, part = _same([ref.study.id for ref in refs]), np.array(shared_parts(data))[where]
    cohort = _same(where)
    together = np.sqrt(np.outer(part, part)) * study
    together += np.sqrt(np.outer(1.0 - part, 1.0 - part)) * cohort
    names = [PRIOR_OF[name] for name in COVARIATES]
    scales = np.array([priors[name].scale for name in names])
    means = np.array([priors[name].location for name in names])
    prognostic, predictive = priors["histology_prognostic"], priors["histology_predictive"]
    fixed = priors["overall_median"].scale ** 2 + (z * scales**2) @ z.T
    fixed = fixed + prognostic.scale**2 * np.outer(away, away)
    fixed = fixed + predictive.scale**2 * np.outer(away, away) * treatment
    expected = priors["overall_median"].location + z @ means + prognostic.location * away
    return _Points(
        deviation=np.log(shown["printed_months"].to_numpy(dtype=float)) - expected,
        error=shown["standard_error"].to_numpy(dtype=float),
        covariance={
            "fixed": fixed,
            "class_sd": _same([ref.treatment_class for ref in refs]),
            "treatment_sd": treatment,
            "study": together,
        },
        share_sd=share_sd,
        biased=np.array([is_retrospective(known[j]) for j in where], dtype=float),
    )


def _same(names: list) -> np.ndarray:
    """One where two points have the same name, else nought."""
    return np.array([[float(one == other) for other in names] for one in names])


def _shares(
    fit: PooledSurvival, shown: pd.DataFrame, where: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Share of mixed histology of each point and the SD of an unknown one."""
    if not fit.data.tells_histology:
        return np.full(len(where), fit.centre_share), np.zeros(len(where))
    known = {(arm.cohort, arm.histology): arm.share for arm in fit.data.arms}
    prior = fit.priors["mixed_share"]
    grid = expit(prior.location + prior.scale * np.linspace(-4.0, 4.0, 401))
    weight = np.exp(-0.5 * np.linspace(-4.0, 4.0, 401) ** 2)
    mean = float(np.average(grid, weights=weight))
    sd = float(np.sqrt(np.average((grid - mean) ** 2, weights=weight)))
    found = [known[key] for key in zip(where, shown["histology"], strict=True)]
    shares = np.array([mean if share is None else share for share in found])
    return shares, np.array([sd if share is None else 0.0 for share in found])


def _slopes(fit: PooledSurvival, points: _Points, wanted: tuple[np.ndarray, ...]) -> np.ndarray:
    """Draws of the slopes of one regression, ``(draws, slopes)``."""
    rng = np.random.default_rng([fit.seed, 23])
    rows = spaced(fit.flat("mu").size, _DRAWS)
    sds = {name: fit.flat(name)[rows] for name in ("class_sd", "treatment_sd", "study_sd")}
    bias, prognostic = bias_spread(fit)[rows], fit.flat("prognostic")[rows]
    line = np.column_stack(
        [which * (points.error - points.error[which].mean()) for which in wanted]
    )
    own = points.covariance
    found = []
    for s in range(rows.size):
        study = np.sqrt(sds["study_sd"][s] ** 2 + points.biased * bias[s] ** 2)
        covariance = own["fixed"] + np.outer(study, study) * own["study"]
        covariance = covariance + sds["class_sd"][s] ** 2 * own["class_sd"]
        covariance = covariance + sds["treatment_sd"][s] ** 2 * own["treatment_sd"]
        variance = points.error**2 + (prognostic[s] * points.share_sd) ** 2
        solved = np.linalg.solve(covariance + np.diag(variance), line)
        precision = line.T @ solved + np.eye(len(wanted)) / SLOPE_PRIOR.scale**2
        middle = np.linalg.solve(precision, solved.T @ points.deviation)
        root = np.linalg.cholesky(np.linalg.inv(precision))
        found.append(middle + rng.standard_normal((_EACH, len(wanted))) @ root.T)
    return np.concatenate(found)


__all__ = ["LARGE", "SLOPE_COLUMNS", "SLOPE_PRIOR", "SMALL", "slope_table"]
