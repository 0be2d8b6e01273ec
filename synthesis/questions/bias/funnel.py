r"""A funnel of reported medians, and whether small cohorts report longer ones.

The *deviation* of an arm is the log of its reported median over the median that the model expects
of the average study of its treatment, at the arm's own share of mixed histology and covariates. A
fit that has seen the arm has moved towards it; so the expectation is that of the draws without the
cohort, weighted as in :mod:`synthesis.questions.influence`. Where an arm does not report its share,
the share is drawn from its prior.

The standard error follows from the family and the number of patients, not from what is reported. A
sample median of ``n`` times with density ``f`` has the large-sample variance
:math:`1/\{4 n f(m)^2\}`, its logarithm that over :math:`m^2`, and with :math:`f(m) m = k g(0)`,
``g`` the density of the family's :math:`z = k(\log t - \log m)`,

.. math::
   \mathrm{se} = \frac{1}{2\sqrt n\, f(m)\, m} = \frac{1}{2\sqrt n\, k\, g(0)} .

It does not depend on the median, so that a long median has no larger error by construction, which
can make funnels of other measures lopsided (Sterne et al. 2011, doi 10.1136/bmj.d4002).
``n`` is the effective number of :func:`~synthesis.model.records.effective_size`: a censored patient
counts for half. 95 % of the deviations lie within 1.96 standard errors if studies differ by
sampling alone, and within :math:`1.96\sqrt{\mathrm{se}^2 + \sigma_S^2}` if they differ as the model
says. That the expectation is uncertain itself comes on top, by ``expected_sd``.

The *slope* is a regression on the standard error, as Egger's. With :math:`y_i` the log of the
reported median of arm ``i`` and :math:`s_i` its standard error,

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

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from priors import Prior
from studies.schema import NOT_REACHED
from studies.vocabulary import Vocabulary
from synthesis.estimands import (
    Effects,
    Group,
    cohort_labels,
    histology_effect,
    patients_of,
    summarise,
)
from synthesis.fits import PooledSurvival, SurvivalFit, bias_spread
from synthesis.left_out import spaced
from synthesis.model.arrays import shared_parts
from synthesis.model.covariates import COVARIATES
from synthesis.model.observations import Arm
from synthesis.model.records import effective_size, median_months
from synthesis.model.survival import PRIOR_OF, is_retrospective
from synthesis.numbers import columns_of
from synthesis.predictive import unknown_share
from synthesis.questions.effects import prior_share
from synthesis.questions.influence import CohortWeights, weighted_quantiles
from synthesis.result import names

#: Kinds of reports, in order of display.
RETROSPECTIVE, PROSPECTIVE, NOT_STATED = "retrospective", "prospective", "not stated"
KINDS = (RETROSPECTIVE, PROSPECTIVE, NOT_STATED)

#: Beyond so many standard errors a deviation lies outside of 95 % limits.
LIMIT = 1.96

#: Why an arm has no place in the funnel.
NO_MEDIAN = "no median reported"
NOT_REACHED_REASON = "median not reached"
SOLE = "the only cohort of its treatment: no other says what to expect"

#: Prior of the slope: change of the log median for each unit of its standard error.
SLOPE_PRIOR = Prior(
    name="small_study_slope",
    role="Small studies: change of the log median for each unit of its standard error",
    family="normal",
    scale=1.0,
    reads_as="value",
    rationale="Ten patients against forty differ by about a quarter in the standard error: cohorts "
    "of ten may report medians up to six tenths longer, or as much shorter.",
    source="Weakly informative by design",
)

#: Patients of a small and of a larger cohort, for whom the slope is said in words.
SMALL, LARGE = 10, 40

#: Name of the slope over all reports.
ALL = "all"

FUNNEL_COLUMNS = names(
    "endpoint study cohort cohort_label histology treatment treatment_class kind patients "
    "effective_size printed_months expected_months ratio deviation standard_error study_sd "
    "expected_sd z beyond_sampling beyond pareto_k reliable shown reason"
)
SLOPE_COLUMNS = names(
    "endpoint reports estimate lower upper prior_lower prior_upper p_positive prior_share "
    "factor factor_lower factor_upper detectable points cohorts patients"
)

# Draws of the SDs, and of the slope for each of them; a line through fewer points says nothing.
_DRAWS, _EACH, _LEAST = 200, 50, 3


def cohort_kinds(fit: PooledSurvival) -> tuple[str, ...]:
    """Kind of the report of each cohort of a fit, one of :data:`KINDS`.

    Case series and registries count as retrospective, randomised trials as prospective.
    """
    column = COVARIATES.index("retrospective")
    known = fit.data.covariates[: len(fit.data.cohorts)]
    values = [own[column] for own in known] or [0.0] * len(fit.data.cohorts)
    kinds = {1.0: RETROSPECTIVE, -1.0: PROSPECTIVE, 0.0: NOT_STATED}
    return tuple(kinds[float(np.sign(value))] for value in values)


def about_cohorts(fit: PooledSurvival, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """What rows about each cohort of a fit begin with."""
    labels, sizes = cohort_labels(fit.data.cohorts), patients_of(fit)
    return [
        {
            "endpoint": fit.data.endpoint,
            "study": ref.study.id,
            "cohort": ref.cohort.id,
            "cohort_label": labels[ref.id],
            "treatment": vocabulary.treatment(ref.treatment).label,
            "treatment_class": vocabulary.treatment_class(ref.treatment_class).label,
            "kind": kind,
            "patients": sizes[ref.id],
        }
        for ref, kind in zip(fit.data.cohorts, cohort_kinds(fit), strict=True)
    ]


# --- The funnel ----------------------------------------------------------------------------------


def standard_error(size: Any, steepness: Any) -> Any:
    """Standard error of the log of a sample median of so many effective patients.

    ``steepness`` is the density of the log time at the median, from :func:`steepness_of`.
    """
    return 1.0 / (2.0 * np.sqrt(size) * steepness)


def steepness_of(fit: SurvivalFit, treatment: int, rows: np.ndarray | slice) -> np.ndarray:
    """Density of the log time at the median in the mean study of a treatment, ``(draws,)``."""
    log_shape = fit.flat("shape_mean") + fit.flat("shape_treatment_effect")[:, treatment]
    tail = (fit.flat("tail_mean") + fit.flat("tail_treatment_effect")[:, treatment])[rows]
    density = np.exp(fit.family.log_density(np.zeros(tail.shape), tail))
    return np.exp(float(fit.family.has_shape) * log_shape[rows]) * density


def funnel_table(
    fit: PooledSurvival, vocabulary: Vocabulary, weights: CohortWeights
) -> pd.DataFrame:
    """Deviation and standard error of every reported median: :data:`FUNNEL_COLUMNS`, a row an arm.

    ``weights`` are from :func:`~synthesis.questions.influence.cohort_weights` of the same fit.
    First stand the arms that have a place in the funnel (``shown``), by their standard error, then
    the others with the ``reason``. ``deviation`` is a log ratio, ``ratio`` the reported median over
    the expected one; ``expected_sd`` says how well the expectation is known, ``z`` is the deviation
    over all three uncertainties; ``beyond_sampling`` and ``beyond`` say whether it exceeds 95 %
    limits by sampling alone, and by all three. ``reliable``: whether the draws could be weighted so
    far (see ``pareto_k``).
    """
    given = [ref.treatment for ref in fit.data.cohorts]
    spread = float(np.median(fit.flat("study_sd")))
    rng, cohorts, rows = np.random.default_rng([fit.seed, 19]), about_cohorts(fit, vocabulary), []
    for arm in fit.data.arms:
        ref, k = fit.data.cohorts[arm.cohort], float(weights.pareto_k[arm.cohort])
        months, reason = _reported(arm, given.count(ref.treatment) == 1)
        about, part = cohorts[arm.cohort], "" if arm.histology == "whole" else f", {arm.histology}"
        row = {
            **about,
            "cohort_label": f"{about['cohort_label']}{part}",
            "histology": arm.histology,
            "patients": arm.n,
            "effective_size": effective_size(arm.outcome, arm.n),
            "printed_months": months,
            "standard_error": np.nan,
            "study_sd": spread,
            "beyond_sampling": False,
            "beyond": False,
            "pareto_k": k,
            "reliable": k <= weights.limit,
            "shown": not reason,
            "reason": reason,
        }
        rows.append(row if reason else row | _place(weights, arm, row, rng))
    rows.sort(key=lambda row: (not row["shown"], row["standard_error"], row["cohort_label"]))
    return pd.DataFrame(rows, columns=list(FUNNEL_COLUMNS))


def _reported(arm: Arm, is_sole: bool) -> tuple[float, str]:
    """Reported median in months, and why it has no place in the funnel (empty where it has)."""
    if arm.outcome is None or arm.outcome.median is None:
        return np.nan, NO_MEDIAN
    if arm.outcome.median == NOT_REACHED:
        return np.nan, NOT_REACHED_REASON
    return median_months(arm.outcome), SOLE if is_sole else ""


def _place(
    weights: CohortWeights, arm: Arm, row: dict[str, Any], rng: np.random.Generator
) -> dict[str, float | bool]:
    """Where an arm stands in the funnel."""
    expected, steepness = [], []
    for fit, rows, _ in weights.parts:
        treatment = fit.data.treatments.index(fit.data.cohorts[arm.cohort].treatment)
        expected.append(_expected(fit, arm, treatment, rng)[rows])
        steepness.append(steepness_of(fit, treatment, rows))
    values, weight = np.concatenate(expected), weights.weights[:, arm.cohort]
    middle = float(weighted_quantiles(values, weight, [0.5])[0])
    mean = float(np.average(values, weights=weight))
    known = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
    steep = weighted_quantiles(np.concatenate(steepness), weight, [0.5])[0]
    se = float(standard_error(row["effective_size"], steep))
    deviation = float(np.log(row["printed_months"])) - middle
    z = deviation / float(np.sqrt(se**2 + row["study_sd"] ** 2 + known**2))
    return {
        "expected_months": float(np.exp(middle)),
        "ratio": float(np.exp(deviation)),
        "deviation": deviation,
        "standard_error": se,
        "expected_sd": known,
        "z": z,
        "beyond_sampling": abs(deviation) > LIMIT * se,
        "beyond": abs(z) > LIMIT,
    }


def _expected(fit: SurvivalFit, arm: Arm, treatment: int, rng: np.random.Generator) -> np.ndarray:
    """Log median of the average study at an arm's share and covariates, ``(draws,)``."""
    data = fit.data
    covariates = tuple(data.covariates[arm.cohort]) if data.covariates else ()
    place = Group(data.treatment_class[treatment], treatment)
    value = Effects(fit, rng, covariates=covariates).base(place, "mean_study")
    # the share as drawn has seen the arm
    share = unknown_share(fit, 1, rng) if arm.share is None else arm.share
    return value + histology_effect(fit, place) * (share - fit.centre_share)


# --- The slope -----------------------------------------------------------------------------------


def slope_table(fit: PooledSurvival, funnel: pd.DataFrame) -> pd.DataFrame:
    """Slope of reported log medians on their standard errors, over all reports and by their kind.

    ``funnel`` is from :func:`funnel_table` of the same fit. :data:`SLOPE_COLUMNS`; no row where
    there are fewer than three points. ``factor``: median that a cohort of :data:`SMALL` patients
    reports over that of one of :data:`LARGE`, all else alike; ``detectable``: the least such factor
    above 1 that would have lain outside of the interval.
    """
    shown = funnel[funnel["shown"].astype(bool)]
    kinds, rows = shown["kind"].to_numpy(), []
    parts = {kind: kinds == kind for kind in (RETROSPECTIVE, PROSPECTIVE)}
    for lines in ({ALL: np.ones(len(shown), dtype=bool)}, parts):
        enough = {name: which for name, which in lines.items() if which.sum() >= _LEAST}
        if enough:
            slopes = _slopes(fit, shown, list(enough.values())).T
            for (name, which), slope in zip(enough.items(), slopes, strict=True):
                about = {"endpoint": fit.data.endpoint, "reports": name}
                rows.append(about | _slope_row(shown[which], slope))
    return pd.DataFrame(rows, columns=list(SLOPE_COLUMNS))


def under(name: str, draws: np.ndarray) -> dict[str, float]:
    """Summary of draws as columns: the estimate is called by the name alone."""
    return dict(zip(columns_of(name), vars(summarise(draws)).values(), strict=True))


def _slope_row(arms: pd.DataFrame, slope: np.ndarray) -> dict[str, object]:
    # the standard error of one patient in the average arm
    one = float(np.median(arms["standard_error"] * np.sqrt(arms["effective_size"])))
    step = one * (SMALL**-0.5 - LARGE**-0.5)
    summary, (low, high) = summarise(slope), SLOPE_PRIOR.implied()
    return {
        **vars(summary),
        "prior_lower": low,
        "prior_upper": high,
        "p_positive": float(np.mean(slope > 0.0)),
        "prior_share": prior_share(SLOPE_PRIOR.scale, slope),
        **under("factor", np.exp(step * slope)),
        "detectable": float(np.exp(step * (summary.estimate - summary.lower))),
        "points": len(arms),
        "cohorts": len(arms[["study", "cohort"]].drop_duplicates()),
        "patients": int(arms["patients"].sum()),
    }


def _slopes(fit: PooledSurvival, shown: pd.DataFrame, lines: Sequence[np.ndarray]) -> np.ndarray:
    """Draws of the slopes of one regression, ``(draws, slopes)``; each is of some of the points."""
    data, priors, rng = fit.data, fit.priors, np.random.default_rng([fit.seed, 23])
    index = {(ref.study.id, ref.cohort.id): j for j, ref in enumerate(data.cohorts)}
    where = [index[key] for key in zip(shown["study"], shown["cohort"], strict=True)]
    refs, shares, share_sd = [data.cohorts[j] for j in where], *_shares(fit, shown, where)
    known = data.covariates or ((0.0,) * len(COVARIATES),) * len(data.cohorts)
    z = np.array([known[j] for j in where]) * float(fit.variant.covariates)
    biased = np.array([is_retrospective(known[j]) for j in where], dtype=float)
    error, away = shown["standard_error"].to_numpy(dtype=float), shares - fit.centre_share
    # covariances of all effects, in units of those SDs that are drawn
    same_class = _same([ref.treatment_class for ref in refs])
    treatment, study = _same([r.treatment for r in refs]), _same([r.study.id for r in refs])
    part = np.array(shared_parts(data))[where]
    together = np.sqrt(np.outer(part, part)) * study
    together += np.sqrt(np.outer(1.0 - part, 1.0 - part)) * _same(where)
    effects = [priors[PRIOR_OF[name]] for name in COVARIATES]
    overall, prognostic, predictive = (
        priors[name] for name in ("overall_median", "histology_prognostic", "histology_predictive")
    )
    fixed = overall.scale**2 + (z * np.array([prior.scale for prior in effects]) ** 2) @ z.T
    fixed = fixed + prognostic.scale**2 * np.outer(away, away)
    fixed = fixed + predictive.scale**2 * np.outer(away, away) * treatment
    expected = overall.location + prognostic.location * away
    expected = expected + z @ np.array([prior.location for prior in effects])
    deviation = np.log(shown["printed_months"].to_numpy(dtype=float)) - expected
    x = np.column_stack([which * (error - error[which].mean()) for which in lines])
    rows, draws = spaced(fit.flat("mu").size, _DRAWS), []
    of_draws = (fit.flat(f"{name}_sd")[rows] for name in ("class", "treatment", "study"))
    of_draws = (*of_draws, bias_spread(fit)[rows], fit.flat("prognostic")[rows])
    for class_sd, treatment_sd, study_sd, bias, slope in zip(*of_draws, strict=True):
        sd = np.sqrt(study_sd**2 + biased * bias**2)
        covariance = fixed + np.outer(sd, sd) * together
        covariance = covariance + class_sd**2 * same_class
        covariance = covariance + treatment_sd**2 * treatment
        variance = error**2 + (slope * share_sd) ** 2
        solved = np.linalg.solve(covariance + np.diag(variance), x)
        precision = x.T @ solved + np.eye(len(lines)) / SLOPE_PRIOR.scale**2
        middle = np.linalg.solve(precision, solved.T @ deviation)
        root = np.linalg.cholesky(np.linalg.inv(precision))
        draws.append(middle + rng.standard_normal((_EACH, len(lines))) @ root.T)
    return np.concatenate(draws)


def _same(values: Sequence[object]) -> np.ndarray:
    """One where two points have the same value, else zero."""
    codes = pd.factorize(np.array(values))[0]
    return (codes[:, None] == codes).astype(float)


def _shares(
    fit: PooledSurvival, shown: pd.DataFrame, where: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Share of mixed histology of each point and the SD of an unknown one."""
    if not fit.data.tells_histology:
        return np.full(len(where), fit.centre_share), np.zeros(len(where))
    by_arm = {(arm.cohort, arm.histology): arm.share for arm in fit.data.arms}
    prior, steps = fit.priors["mixed_share"], np.linspace(-4.0, 4.0, 401)
    grid, weight = expit(prior.location + prior.scale * steps), np.exp(-0.5 * steps**2)
    mean = float(np.average(grid, weights=weight))
    sd = float(np.sqrt(np.average((grid - mean) ** 2, weights=weight)))
    shares = [by_arm[key] for key in zip(where, shown["histology"], strict=True)]
    known = np.array([share is not None for share in shares])
    return np.array([mean if share is None else share for share in shares]), sd * ~known
