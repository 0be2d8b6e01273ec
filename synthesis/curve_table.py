"""Pooled survival curves, and the printed points that belong to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from studies.figures import histology_groups, in_months, landmarks_of, outcome_of
from studies.schema import NOT_REACHED
from studies.vocabulary import Vocabulary
from synthesis.estimands import LEVEL, curve
from synthesis.models import PooledSurvival
from synthesis.tables import named_groups, reference_share

_HORIZON = 60.0  # months
_STEP = 0.25
_DRAWS = 2000  # enough for a band; keeps the grid small


def curve_tables(
    fit: PooledSurvival, vocabulary: Vocabulary, reference_mix: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Curves of the mean study with their 95 % band, and printed medians and landmarks.

    Returns
    -------
    curves : DataFrame
        ``treatment, treatment_class, histology, time`` (months), ``survival, lower, upper,
        last_printed, cohorts, patients``.
    points : DataFrame
        ``treatment, study_id, cohort_id, label, kind`` (median or landmark), ``time, time_lower,
        time_upper, survival, survival_lower, survival_upper, n``.
    """
    times = np.arange(0.0, _HORIZON + _STEP, _STEP)
    curves, points = [], []
    for named in named_groups(fit, vocabulary):
        if named.is_class:
            continue
        own = [row for ref in named.cohorts for row in _points(ref, fit, named.label)]
        points += own
        share = reference_share(fit, reference_mix)
        drawn = curve(fit, named.group, share, "mean_study")
        every = max(drawn.median.size // _DRAWS, 1)
        survival = drawn.survival(np.maximum(times, 1e-6))[::every]
        tail = 0.5 - LEVEL / 2.0
        middle, lower, upper = np.quantile(survival, [0.5, tail, 1.0 - tail], axis=0)
        printed = [row[key] for row in own for key in ("time", "time_upper")]
        reached = [value for value in printed if np.isfinite(value)]
        curves.append(
            pd.DataFrame(
                {
                    "treatment": named.label,
                    "treatment_class": named.class_label,
                    "histology": "reference",
                    "time": times,
                    "survival": middle,
                    "lower": lower,
                    "upper": upper,
                    "last_printed": max(reached, default=12.0),
                    "cohorts": len(named.cohorts),
                    "patients": named.patients,
                }
            )
        )
    return pd.concat(curves, ignore_index=True), pd.DataFrame(points)


def _points(ref: Any, fit: PooledSurvival, treatment: str) -> list[dict[str, Any]]:
    """Printed figures of a cohort, or of its pure and mixed patients where only they print any."""
    view = fit.data.view
    endpoint, keep = view.endpoint, view.keep(ref.study)
    has_own = outcome_of(ref.cohort, endpoint, keep) or landmarks_of(ref.cohort, endpoint, keep)
    groups = [] if has_own else histology_groups(ref, view)
    holders = [(ref.cohort, ref.label)] if has_own else []
    holders += [(group, f"{ref.label}, {group.level}") for group in groups]
    rows = []
    for holder, label in holders:
        about = {
            "treatment": treatment,
            "study_id": ref.study.id,
            "cohort_id": ref.cohort.id,
            "label": label,
            "n": holder.n,
        }
        outcome = outcome_of(holder, endpoint, keep)
        if outcome is not None:
            rows.append(about | _median_point(outcome))
        for mark in landmarks_of(holder, endpoint, keep):
            lower, upper = (float(v) for v in mark.ci) if mark.ci else (np.nan, np.nan)
            rows.append(
                about
                | {
                    "kind": "landmark",
                    "time": in_months(mark.time, mark.unit),
                    "time_lower": np.nan,
                    "time_upper": np.nan,
                    "survival": float(mark.survival),
                    "survival_lower": lower,
                    "survival_upper": upper,
                }
            )
    return rows


def _median_point(outcome: Any) -> dict[str, Any]:
    def months(value: Any) -> float:
        return np.inf if value == NOT_REACHED else in_months(value, outcome.unit)

    lower, upper = (months(v) for v in outcome.ci) if outcome.ci else (np.nan, np.nan)
    return {
        "kind": "median",
        "time": months(outcome.median),
        "time_lower": lower,
        "time_upper": upper,
        "survival": 0.5,
        "survival_lower": np.nan,
        "survival_upper": np.nan,
    }
