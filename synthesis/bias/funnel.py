r"""A funnel on the scale of log medians: how far each printed median lies from what is expected.

The *deviation* of an arm is the log of its printed median over the median that the model expects of
the average study of its treatment, at the arm's own share of mixed histology and covariates. A fit
that has seen the arm has moved towards it; so the expectation is that of the draws without the
cohort, weighted as in :mod:`synthesis.benefit.influence`. Where an arm does not print its share,
the share is drawn from its prior.

The standard error follows from the family and the number of patients, not from what the report
prints. A sample median of ``n`` times with density ``f`` has the large-sample variance
:math:`1/\{4 n f(m)^2\}`, its logarithm that over :math:`m^2`, and with :math:`f(m) m = k g(0)`,
``g`` the density of the family's :math:`z = k(\log t - \log m)`,

.. math::
   \mathrm{se} = \frac{1}{2\sqrt n\, f(m)\, m} = \frac{1}{2\sqrt n\, k\, g(0)} .

It does not depend on the median, so that a long median has no larger error by construction, which
can make funnels of other measures lopsided (Sterne et al. 2011, doi 10.1136/bmj.d4002).
``n`` is the effective number of :func:`~synthesis.reading.effective_size`: a censored patient
counts for half.

In the funnel 95 % of the deviations lie within 1.96 standard errors if studies differ by sampling
alone, and within :math:`1.96\sqrt{\mathrm{se}^2 + \sigma_S^2}` if they differ as the model says.
That the expectation is uncertain itself comes on top, by ``expected_sd``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studies.figures import histology_groups, histology_of, outcome_of
from studies.schema import NOT_REACHED, SurvivalOutcome
from studies.vocabulary import Vocabulary
from synthesis.benefit.influence import CohortWeights, cohort_weights, weighted_quantiles
from synthesis.bias.kinds import cohort_kinds
from synthesis.families import standard_log_density
from synthesis.fit import Progress
from synthesis.models import PooledSurvival, SurvivalFit
from synthesis.observations import Arm
from synthesis.predictive import draw_prior
from synthesis.reading import effective_size, median_months
from synthesis.tables import cohort_labels

FUNNEL_COLUMNS = (
    "endpoint",
    "study",
    "cohort",
    "cohort_label",
    "histology",
    "treatment",
    "treatment_class",
    "kind",
    "patients",
    "effective_size",
    "printed_months",
    "expected_months",
    "ratio",
    "deviation",
    "standard_error",
    "study_sd",
    "expected_sd",
    "z",
    "beyond_sampling",
    "beyond",
    "pareto_k",
    "reliable",
    "shown",
    "reason",
)

#: Beyond so many standard errors a deviation lies outside of 95 % limits.
LIMIT = 1.96

#: Why an arm has no place in the funnel.
NO_MEDIAN = "no median printed"
NOT_REACHED_REASON = "median not reached"
SOLE = "the only cohort of its treatment: no other says what to expect"


def standard_error(size: Any, steepness: Any) -> Any:
    """Standard error of the log of a sample median.

    Parameters
    ----------
    size : float or ndarray
        Effective number of patients.
    steepness : float or ndarray
        Density of the log time at the median, ``k g(0)``, from :func:`steepness_of`.
    """
    return 1.0 / (2.0 * np.sqrt(size) * steepness)


def steepness_of(fit: SurvivalFit, treatment: int, rows: np.ndarray | slice) -> np.ndarray:
    """Density of the log time at the median in the mean study of a treatment, ``(draws,)``."""
    log_shape = fit.flat("shape_mean") + fit.flat("shape_treatment_effect")[:, treatment]
    tail = fit.flat("tail_mean") + fit.flat("tail_treatment_effect")[:, treatment]
    at = tail[rows]
    density = np.exp(standard_log_density(np.zeros(at.shape), fit.family, at))
    return np.exp(float(fit.family.has_shape) * log_shape[rows]) * density


@dataclass(frozen=True)
class Printed:
    """The median that an arm prints.

    Attributes
    ----------
    months : float
        Not a number where there is none.
    size : float
        Effective number of patients.
    reason : str
        Why it has no place in a funnel; empty where it has.
    """

    months: float
    size: float
    reason: str = ""


def printed_medians(fit: PooledSurvival) -> Iterator[tuple[Arm, Printed]]:
    """Each arm of a fit with the median that it prints."""
    given = [ref.treatment for ref in fit.data.cohorts]
    for arm in fit.data.arms:
        outcome = _outcome(fit, arm)
        size = effective_size(outcome, arm.n)
        if outcome is None or outcome.median is None:
            yield arm, Printed(np.nan, size, NO_MEDIAN)
        elif outcome.median == NOT_REACHED:
            yield arm, Printed(np.nan, size, NOT_REACHED_REASON)
        else:
            months = median_months(outcome)
            sole = given.count(given[arm.cohort]) == 1
            yield arm, Printed(months, size, SOLE if sole else "")


def _outcome(fit: PooledSurvival, arm: Arm) -> SurvivalOutcome | None:
    """The record of the median of an arm."""
    ref, view = fit.data.cohorts[arm.cohort], fit.data.view
    keep = view.keep(ref.study)
    if arm.histology == "whole":
        return outcome_of(ref.cohort, view.endpoint, keep)
    for group in histology_groups(ref, view):
        if histology_of(group, use_read_as=view.use_read_as) == arm.histology:
            return outcome_of(group, view.endpoint, keep)
    return None


def funnel_table(
    fit: PooledSurvival,
    vocabulary: Vocabulary,
    weights: CohortWeights | None = None,
    *,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Deviation and standard error of every printed median.

    Parameters
    ----------
    fit : SurvivalFit or StackedFit
    vocabulary : Vocabulary
        For the labels.
    weights : CohortWeights, optional
        From :func:`~synthesis.benefit.influence.cohort_weights` of the same fit; made here
        otherwise.
    progress : callable, optional
        Called with a sentence at each stage.

    Returns
    -------
    DataFrame
        :data:`FUNNEL_COLUMNS`, one row an arm: first those that have a place in the funnel
        (``shown``), by their standard error, then the others with the ``reason``. ``deviation`` is
        a log ratio, ``ratio`` the printed median over the expected one; ``expected_sd`` says how
        well the expectation is known, ``z`` is the deviation over all three uncertainties;
        ``beyond_sampling`` and ``beyond`` say whether it exceeds 95 % limits by sampling alone, and
        by all three.
        ``reliable``: whether the draws could be weighted so far (see ``pareto_k``).
    """
    weights = weights or cohort_weights(fit, progress=progress)
    kinds, labels = cohort_kinds(fit), cohort_labels(fit.data.cohorts)
    spread = float(np.median(fit.flat("study_sd")))
    rng = np.random.default_rng([fit.seed, 19])
    rows = []
    for arm, printed in printed_medians(fit):
        ref = fit.data.cohorts[arm.cohort]
        part = "" if arm.histology == "whole" else f", {arm.histology}"
        k = float(weights.pareto_k[arm.cohort])
        row = dict.fromkeys(FUNNEL_COLUMNS, np.nan) | {
            "endpoint": fit.data.endpoint,
            "study": ref.study.id,
            "cohort": ref.cohort.id,
            "cohort_label": labels[ref.id] + part,
            "histology": arm.histology,
            "treatment": vocabulary.treatment(ref.treatment).label,
            "treatment_class": vocabulary.treatment_class(ref.treatment_class).label,
            "kind": kinds[arm.cohort],
            "patients": arm.n,
            "effective_size": printed.size,
            "printed_months": printed.months,
            "study_sd": spread,
            "beyond_sampling": False,
            "beyond": False,
            "pareto_k": k,
            "reliable": k <= weights.limit,
            "shown": not printed.reason,
            "reason": printed.reason,
        }
        if not printed.reason:
            row |= _placed(weights, arm, printed, spread, rng)
        rows.append(row)
    rows.sort(key=lambda row: (not row["shown"], row["standard_error"], row["cohort_label"]))
    return pd.DataFrame(rows, columns=list(FUNNEL_COLUMNS))


def _placed(
    weights: CohortWeights,
    arm: Arm,
    printed: Printed,
    spread: float,
    rng: np.random.Generator,
) -> dict[str, float | bool]:
    """Where an arm stands in the funnel."""
    expected, steepness = (
        np.concatenate(parts)
        for parts in zip(
            *(
                (_expected(fit, arm, rows, rng), _steepness(fit, arm, rows))
                for fit, rows, _ in weights.parts
            ),
            strict=True,
        )
    )
    own = weights.weights[:, arm.cohort]
    middle = float(weighted_quantiles(expected, own, [0.5])[0])
    mean = float(np.average(expected, weights=own))
    known = float(np.sqrt(np.average((expected - mean) ** 2, weights=own)))
    se = float(standard_error(printed.size, weighted_quantiles(steepness, own, [0.5])[0]))
    deviation = float(np.log(printed.months)) - middle
    z = deviation / float(np.sqrt(se**2 + spread**2 + known**2))
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


def _steepness(fit: SurvivalFit, arm: Arm, rows: np.ndarray) -> np.ndarray:
    treatment = fit.data.treatments.index(fit.data.cohorts[arm.cohort].treatment)
    return steepness_of(fit, treatment, rows)


def _expected(fit: SurvivalFit, arm: Arm, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Log median of the average study at an arm's share and covariates, ``(draws,)``."""
    data = fit.data
    treatment = data.treatments.index(data.cohorts[arm.cohort].treatment)
    value = fit.flat("mu") + fit.flat("class_effect")[:, data.treatment_class[treatment]]
    value = value + fit.flat("treatment_effect")[:, treatment]
    if fit.variant.covariates and data.covariates:
        value = value + fit.flat("covariate_effect") @ np.asarray(data.covariates[arm.cohort])
    share: Any = fit.centre_share if arm.share is None else arm.share
    if arm.share is None and data.tells_histology:  # the share as drawn has seen the arm
        share = 1.0 / (1.0 + np.exp(-draw_prior(fit.priors["mixed_share"], value.size, rng)))
    slope = fit.flat("prognostic") + fit.flat("predictive")[:, treatment]
    return (value + slope * (share - fit.centre_share))[rows]
