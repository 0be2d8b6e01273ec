"""The rows of a forest plot, in order of display."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.estimands import Summary, curve, response_rate, summarise
from synthesis.fits import ResponseFit
from synthesis.tables import (
    Fit,
    NamedGroup,
    cohort_estimate,
    named_groups,
    printed_figure,
    reference_share,
)

_TARGET_LABELS = {"mean_study": "Pooled, mean study", "new_study": "New study (prediction)"}


def forest_table(fit: Fit, vocabulary: Vocabulary, reference_mix: float) -> pd.DataFrame:
    """Rows of the forest plot of one endpoint.

    Parameters
    ----------
    fit : PooledSurvival or ResponseFit
    vocabulary : Vocabulary
    reference_mix : float
        Share of mixed histology of the pooled rows.

    Returns
    -------
    DataFrame
        ``kind`` is class, treatment, cohort, mean_study, new_study or heterogeneity. Treatments
        stand by class, then by pooled estimate; cohorts by year. Months, or fractions for
        response (its ``estimate_text`` in per cent).
    """
    groups = [group for group in named_groups(fit, vocabulary) if not group.is_class]
    pooled = {
        (group.label, target): _pooled(fit, group, reference_mix, target)
        for group in groups
        for target in _TARGET_LABELS
    }
    rows: list[dict[str, Any]] = []
    for class_label in dict.fromkeys(group.class_label for group in groups):
        rows.append(_row("class", class_label, label=class_label))
        own = [group for group in groups if group.class_label == class_label]
        own.sort(key=lambda group: -pooled[group.label, "mean_study"].estimate)
        for group in own:
            rows += _group_rows(fit, group, pooled)
    rows.append(_row("heterogeneity", "", label=heterogeneity_words(fit)))
    frame = pd.DataFrame(rows)
    return frame.astype({"year": "Int64", "n": "Int64", "events": "Int64"})


def _pooled(fit: Fit, group: NamedGroup, reference_mix: float, target: str) -> Summary:
    if isinstance(fit, ResponseFit):
        return summarise(response_rate(fit, group.group, target))
    share = reference_share(fit, reference_mix)
    return summarise(curve(fit, group.group, share, target).median)


def _group_rows(
    fit: Fit, group: NamedGroup, pooled: dict[tuple[str, str], Summary]
) -> list[dict[str, Any]]:
    rows = [_row("treatment", group.class_label, treatment=group.label, label=group.label)]
    index = {ref.id: i for i, ref in enumerate(fit.data.cohorts)}
    ordered = sorted(group.cohorts, key=lambda ref: (ref.study.citation.year or 0, ref.id))
    repeated = {ref.study.id for ref in ordered if _count(ordered, ref.study.id) > 1}
    for ref in ordered:
        rows.append(_cohort_row(fit, group, index[ref.id], in_full=ref.study.id in repeated))
    for target, words in _TARGET_LABELS.items():
        found = pooled[group.label, target]
        who = "evaluable patients" if isinstance(fit, ResponseFit) else "patients"
        size = f" ({_plural(len(group.cohorts), 'cohort')}, {group.patients} {who})"
        label = words + (size if target == "mean_study" else "")
        rows.append(
            _row(target, group.class_label, treatment=group.label, label=label)
            | _estimate(fit, found)
        )
    return rows


def _count(refs: list[Any], study_id: str) -> int:
    return sum(ref.study.id == study_id for ref in refs)


def _cohort_row(fit: Fit, group: NamedGroup, index: int, *, in_full: bool) -> dict[str, Any]:
    ref = fit.data.cohorts[index]
    printed = printed_figure(fit, index)
    label = f"{ref.label} ({ref.cohort.id.replace('_', ' ')})" if in_full else ref.label
    return _row("cohort", group.class_label, treatment=group.label, label=label) | {
        "study_id": ref.study.id,
        "cohort_id": ref.cohort.id,
        "year": ref.study.citation.year,
        "design": ref.study.design.replace("_", " "),
        "country": ", ".join(ref.study.countries),
        "n": ref.cohort.n,
        "events": printed.events,
        "printed": printed.text,
        "printed_value": printed.value,
        "printed_lower": printed.lower,
        "printed_upper": printed.upper,
        "printed_not_reached": printed.not_reached,
        "printed_upper_not_reached": printed.upper_not_reached,
        "note": ref.cohort.caution or "",
        **_estimate(fit, cohort_estimate(fit, index)),
    }


def _row(kind: str, class_label: str, *, treatment: str = "", label: str) -> dict[str, Any]:
    missing = ("printed_value", "printed_lower", "printed_upper", "estimate", "lower", "upper")
    return {
        "kind": kind,
        "treatment_class": class_label,
        "treatment": treatment,
        "label": label,
        "study_id": "",
        "cohort_id": "",
        "year": None,
        "design": "",
        "country": "",
        "n": None,
        "events": None,
        "printed": "",
        **dict.fromkeys(missing, np.nan),
        "printed_not_reached": False,
        "printed_upper_not_reached": False,
        "estimate_text": "",
        "note": "",
    }


def _estimate(fit: Fit, found: Summary) -> dict[str, Any]:
    percent = isinstance(fit, ResponseFit)
    return {
        "estimate": found.estimate,
        "lower": found.lower,
        "upper": found.upper,
        "estimate_text": interval_text(found, percent=percent),
    }


def interval_text(found: Summary, *, percent: bool = False) -> str:
    """An estimate with its interval to sensible digits: ``3.3 (2.1-5.0)``, ``12 (4-26)``."""
    values = (found.estimate, found.lower, found.upper)
    if percent:
        estimate, lower, upper = (f"{100 * value:.0f}" for value in values)
    else:
        estimate, lower, upper = (f"{v:.1f}" if v < 99.95 else f"{v:.0f}" for v in values)
    return f"{estimate} ({lower}-{upper})"


def heterogeneity_words(fit: Fit) -> str:
    """Between-study SD in words: what it is, and the factor that it means."""
    sd = summarise(fit.flat("study_sd"))
    scale = "log odds" if isinstance(fit, ResponseFit) else "log medians"
    of = "odds" if isinstance(fit, ResponseFit) else "median"
    name = "response_study_sd" if isinstance(fit, ResponseFit) else "study_sd"
    values = [f"{value:.2f}" for value in (sd.estimate, sd.lower, sd.upper)]
    factor = np.exp([sd.estimate, sd.lower, sd.upper])
    return (
        f"Between studies of one treatment: SD of {scale} {values[0]} ({values[1]}-{values[2]}), "
        f"that is a factor of {factor[0]:.2f} ({factor[1]:.2f}-{factor[2]:.2f}) in the {of} for a "
        f"study one SD above the mean; prior {fit.priors[name].parameters}."
    )


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
