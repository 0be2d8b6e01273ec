"""Estimates with standard errors, for programs that pool normal ones: metafor and others of R.

Log medians of arms, and log hazard ratios of two groups; ``error_from`` says where the standard
error is from. With z the normal quantile of the confidence level, 0.95 where none is printed:

- *interval*: ``(log U - log L) / (2 z)``; of a median whose interval lies evenly around it on the
  time scale, ``(U - L) / (2 z median)``; where the upper limit is not reached, the lower half,
  ``(log median - log L) / z``;
- *events*, *patients*: a median without a usable interval, ``1 / (log 2 sqrt(d))`` of d events, or
  of all patients where events are not printed. It is the large-sample error of a Kaplan-Meier
  median, ``0.5 / (sqrt(d) f(m) m)``, of exponential times of which none is censored; of patients of
  whom many are alive it is too small;
- *p value*: a hazard ratio without an interval and with an exact p value, ``abs(estimate) / z``
  with the normal quantile of p, one- or two-sided as printed.

The models of this toolkit use none of them: they read the printed figures themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from studies.figures import histology_of, in_months, is_symmetric, outcome_of, p_range
from studies.plausibility.counts import z_of
from studies.plausibility.question import level_of
from studies.registry import Registry
from studies.schema import NOT_REACHED, PATIENT_TIMES, Cohort, Comparison, Study, SurvivalOutcome
from studies.selection import Selection, quality, select

if TYPE_CHECKING:
    import pandas as pd

#: The columns, each with its meaning.
COLUMNS = {
    "study": "identifier of the report",
    "label": "its name in tables",
    "year": "year of publication",
    "design": "design, a word of the vocabulary",
    "quality": "items of its appraisal answered yes, 0 to 10",
    "measure": "log_median (months) or log_hazard_ratio",
    "endpoint": "os, pfs, ttp, ...",
    "arm": "cohort of the report, or the first group of a comparison",
    "treatment": "its treatment, an identifier of the vocabulary; empty where groups are no arms",
    "against": "the second group of a comparison",
    "against_treatment": "its treatment",
    "histology": "pure or mixed, for such a part of a cohort; empty for the whole",
    "n": "patients of the arm",
    "events": "their events",
    "estimate": "the logarithm",
    "standard_error": "its standard error",
    "error_from": "interval, events, patients or p value, as above",
    "adjusted": "TRUE or FALSE of a hazard ratio; empty where the report does not say",
    "counted": "TRUE for a cohort that counts in an analysis: no patient is there twice",
}


def estimates(
    registry: Registry,
    cohorts: Iterable[tuple[Study, Cohort]],
    choose: Callable[[Registry, str], Selection] = select,
) -> pd.DataFrame:
    """Return the log medians of some cohorts, and the log hazard ratios of their reports.

    `choose` says which cohorts count for an endpoint.

    Returns
    -------
    DataFrame
        Columns as in `COLUMNS`. A figure that gives no estimate or no standard error has no row.
    """
    import pandas as pd

    wanted = list(cohorts)
    chosen = {endpoint: choose(registry, endpoint).counted for endpoint in PATIENT_TIMES}
    counted = {(endpoint, ref.id) for endpoint, refs in chosen.items() for ref in refs}
    rows = [row for study, cohort in wanted for row in _medians(study, cohort, counted)]
    reports = {study.id: study for study, _ in wanted}
    rows += [row for study in reports.values() for row in _ratios(study)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["label"] = frame["study"].map(registry.labels)
    for flag in ("adjusted", "counted"):
        frame[flag] = frame[flag].map({True: "TRUE", False: "FALSE"})
    whole = dict.fromkeys(("year", "quality", "n", "events"), "Int64")
    return frame.astype(whole | dict.fromkeys(("estimate", "standard_error"), "float64"))


def _about(study: Study) -> dict[str, Any]:
    return {
        "study": study.id,
        "year": study.citation.year,
        "design": study.design,
        "quality": quality(study),
    }


def _medians(
    study: Study, cohort: Cohort, counted: set[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    parts = [part for part in cohort.subgroups if histology_of(part, use_read_as=False)]
    for arm in (cohort, *parts):
        for endpoint in dict.fromkeys(own.endpoint for own in arm.survival):
            outcome = outcome_of(arm, endpoint)
            found = outcome and median_estimate(outcome, arm.n)
            if found:
                y, se, source = found
                yield _about(study) | {
                    "measure": "log_median",
                    "endpoint": endpoint,
                    "arm": cohort.id,
                    "treatment": cohort.treatment,
                    "histology": histology_of(arm, use_read_as=False),
                    "n": arm.n,
                    "events": outcome.events,
                    "estimate": y,
                    "standard_error": se,
                    "error_from": source,
                    "counted": (endpoint, f"{study.id}:{cohort.id}") in counted,
                }


def median_estimate(outcome: SurvivalOutcome, n: int | None) -> tuple[float, float, str] | None:
    """Return the log of a median in months, its standard error, and what that is from; or None."""
    median, unit = outcome.median, outcome.unit
    if not isinstance(median, Decimal) or unit is None or median <= 0:
        return None
    y, error = math.log(in_months(median, unit)), _interval_error(outcome)
    if error:
        return y, error, "interval"
    size, source = (outcome.events, "events") if outcome.events else (n, "patients")
    return (y, 1 / (math.log(2) * math.sqrt(size)), source) if size else None


def _interval_error(outcome: SurvivalOutcome) -> float | None:
    """Return the standard error of a log median by its interval; None without a usable one."""
    if outcome.ci is None:
        return None
    (lower, upper), median = outcome.ci, float(outcome.median)
    z = z_of(level_of(outcome.level))
    if upper == NOT_REACHED:
        return math.log(median / float(lower)) / z if 0 < lower < outcome.median else None
    if is_symmetric(outcome):
        return float(upper - lower) / (2 * z * median)
    return math.log(upper / lower) / (2 * z) if lower > 0 else None


def _ratios(study: Study) -> Iterator[dict[str, Any]]:
    treatments = {cohort.id: cohort.treatment for cohort in study.cohorts}
    for own in study.comparisons:
        found = ratio_estimate(own)
        if found is None or len(own.groups) != 2:
            continue
        y, se, source = found
        one, other = own.treatments or (treatments.get(name) for name in own.groups)
        yield _about(study) | {
            "measure": "log_hazard_ratio",
            "endpoint": own.endpoint,
            "arm": own.groups[0],
            "treatment": one,
            "against": own.groups[1],
            "against_treatment": other,
            "estimate": y,
            "standard_error": se,
            "error_from": source,
            "adjusted": own.adjusted,
        }


def ratio_estimate(own: Comparison) -> tuple[float, float, str] | None:
    """Return a log hazard ratio, its standard error, and what that is from; or None."""
    if own.hr is None or own.hr <= 0:
        return None
    y, (lower, upper) = math.log(own.hr), own.hr_ci or (None, None)
    if lower and isinstance(upper, Decimal) and upper > lower:
        return y, math.log(upper / lower) / (2 * z_of(level_of(own.level))), "interval"
    least, most = p_range(own.p) or (0.0, 1.0)
    if least != most or not 0 < least < 1 or y == 0:
        return None
    z = -NormalDist().inv_cdf(least / own.sided)
    return (y, abs(y) / z, "p value") if z > 0 else None
