"""Captions and findings in words, made from the tables: no number is typed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.forest_table import heterogeneity_words
from synthesis.predictive_checks import OUTLYING, Coverage, outliers
from synthesis.restrictions import Restriction
from synthesis.tables import Fit, patients_of, tells_histology


def percent(share: float) -> str:
    """A share as whole per cent, ``40 %``."""
    return f"{100 * share:.0f} %"


def time_origins(fit: PooledSurvival) -> str:
    """Time origins of the cohorts of a fit, with how many have each."""
    origins = [ref.cohort.time_origin or "not printed" for ref in fit.data.cohorts]
    counts = pd.Series(origins).value_counts()
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def captions(
    fits: Mapping[str, Fit], vocabulary: Vocabulary, reference_mix: float
) -> dict[str, str]:
    """Captions of the figures of the fits by file stem, ready to paste."""
    found: dict[str, str] = {}
    for endpoint, fit in fits.items():
        found[f"forest_{endpoint}"] = _forest_caption(endpoint, fit, vocabulary, reference_mix)
    for endpoint, fit in fits.items():
        found[f"predictive_checks_{endpoint}"] = _predictive_caption(endpoint, fit, vocabulary)
    for endpoint in ("os", "pfs"):
        if endpoint in fits:
            found[f"curves_{endpoint}"] = _curves_caption(fits[endpoint], vocabulary, reference_mix)
    return found


def with_restrictions(
    captions: Mapping[str, str], restrictions: Sequence[Restriction]
) -> dict[str, str]:
    """Captions with what was restricted on request at their ends.

    Parameters
    ----------
    captions : mapping
        Stem of a figure, which ends with ``_`` and its endpoint -> caption.
    restrictions : sequence of Restriction
    """
    return {
        stem: " ".join(
            [own, *(r.sentence for r in restrictions if r.touches(stem.rpartition("_")[2]))]
        )
        for stem, own in captions.items()
    }


def _size(fit: Fit) -> str:
    refs = fit.data.cohorts
    studies = len({ref.study.id for ref in refs})
    patients = sum(patients_of(fit).values())
    cohorts, reports = _plural(len(refs), "cohort"), _plural(studies, "report")
    return f"{cohorts} of {reports}, {_plural(patients, 'patient')}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _forest_caption(endpoint: str, fit: Fit, vocabulary: Vocabulary, reference_mix: float) -> str:
    marks = (
        "Open squares: printed value with its printed interval, area by number of patients; "
        "filled dots: the model's estimate of the same cohort with its 95 % interval; diamonds: "
        "average study of the treatment; bars: 95 % prediction for a new study."
    )
    if isinstance(fit, ResponseFit):
        return (
            f"Objective response rate in {vocabulary.subject_words}, per cent. {_size(fit)}. "
            f"Binomial-logit hierarchy of classes, treatments and studies. {marks} "
            f"{heterogeneity_words(fit)}"
        )
    label = vocabulary.endpoint(endpoint).label
    mix = f"Pooled rows: {percent(reference_mix)} mixed histology. " if tells_histology(fit) else ""
    return (
        f"{label} in {vocabulary.subject_words}, median in months (log scale), from the time "
        f"origin of each study ({time_origins(fit)}). {_size(fit)}. "
        f"Survival hierarchy of classes, treatments and studies, {_family_words(fit)}; printed "
        "medians, limits and landmarks enter as order statistics and binomial cells. "
        f"{mix}{marks} Arrows: not reached. {heterogeneity_words(fit)}"
    )


def _family_words(fit: PooledSurvival) -> str:
    """The survival family of a fit, or the families over which it is stacked."""
    weights = fit.family_weights
    if len(weights) == 1:
        return f"{next(iter(weights))} family"
    parts = [f"{name} {percent(weight)}" for name, weight in weights.items()]
    return f"stacked over survival families ({', '.join(parts)})"


def _curves_caption(fit: PooledSurvival, vocabulary: Vocabulary, reference_mix: float) -> str:
    label = vocabulary.endpoint(fit.data.endpoint).label
    mix = f", {percent(reference_mix)} mixed histology" if tells_histology(fit) else ""
    return (
        f"{label} in {vocabulary.subject_words} under each treatment: pooled curve of the average "
        f"study with its 95 % band{mix}, {_family_words(fit)}. Open squares: printed medians with "
        "their intervals; dots: printed survival at fixed times. Faded: beyond twice the last "
        f"printed point. {_size(fit)}."
    )


def _predictive_caption(endpoint: str, fit: Fit, vocabulary: Vocabulary) -> str:
    if isinstance(fit, ResponseFit):
        what, model = "Objective response", "binomial-logit hierarchy"
        kind = "response rates"
    else:
        what = vocabulary.endpoint(endpoint).label
        model = f"survival hierarchy, {_family_words(fit)},"
        kind = "medians and, per cent, survival at fixed times"
    limits = "" if isinstance(fit, ResponseFit) else "Strokes on fainter bands: printed limits. "
    return (
        f"{what} in {vocabulary.subject_words}: printed figures on what the fitted {model} would "
        f"print of as many patients in a new study of the same treatment. {_size(fit)}. Dots: "
        f"printed {kind}, open outside their 95 % predictive interval; grey bands: that interval "
        f"(thin) and the 50 % interval (thick). {limits}Position: share of the "
        "predictions below the printed figure, half of those printed alike included. Below: "
        "distribution of the positions; grey: the band that holds all of it in 95 % of registries "
        "drawn from the model."
    )


def predictive_words(table: pd.DataFrame, coverage: Coverage) -> tuple[str, ...]:
    """Whether the fitted model would print the figures of one endpoint, in sentences."""
    if table.empty:
        return ("None of its figures can be set against a prediction.",)
    half, most = coverage.inside
    sentences = [
        f"Of {_plural(most.figures, 'printed figure')} {most.found} lie inside their "
        f"{percent(most.level)} predictive intervals, where registries drawn from the model have "
        f"{most.lower:.0f} to {most.upper:.0f} ({most.expected:.0f} on average), and {half.found} "
        f"inside their {percent(half.level)} intervals ({half.lower:.0f} to {half.upper:.0f}, "
        f"{half.expected:.0f} on average)."
    ]
    for item in coverage.inside:
        if item.found < item.lower:
            sentences.append(
                f"Fewer than that lie inside the {percent(item.level)} intervals: the model is "
                "surer of what reports print than they bear out."
            )
        elif item.found > item.upper:
            sentences.append(
                f"More than that lie inside the {percent(item.level)} intervals: reports differ "
                "less than the model allows for, and its treatment effects have learned from these "
                "very figures."
            )
    if not coverage.in_band:
        sentences.append("The distribution of the positions leaves its band.")
    outlying = outliers(table)
    sentences.append(
        f"No figure is outlying (a position below {OUTLYING:g} or above {1 - OUTLYING:g})."
        if outlying.empty
        else f"{_plural(len(outlying), 'figure')} {'is' if len(outlying) == 1 else 'are'} outlying "
        f"(a position below {OUTLYING:g} or above {1 - OUTLYING:g})."
    )
    return tuple(sentences)


_IN_WORDS = {"os": "overall survival", "pfs": "progression-free survival"}


def contradictions(
    fits: Mapping[str, Fit],
    cohorts: pd.DataFrame,
    pooled: pd.DataFrame,
    names: Mapping[str, str] = _IN_WORDS,
) -> tuple[str, ...]:
    """Treatments whose pooled median lies outside the range of their own printed medians, and why.

    Only treatments of which two or more cohorts print a median are judged; `names` are the words
    for the endpoints.
    """
    found = []
    for endpoint in [name for name in fits if name != "response"]:
        own = cohorts[(cohorts["endpoint"] == endpoint)]
        medians = pooled[
            (pooled["endpoint"] == endpoint)
            & (pooled["histology"] == "reference")
            & (pooled["estimand"] == "median_months")
            & (pooled["target"] == "mean_study")
        ].set_index("treatment")
        for treatment, group in own.groupby("treatment", sort=False):
            printed = group.dropna(subset=["printed_value"])
            if len(printed) < 2:
                continue
            low, high = printed["printed_value"].min(), printed["printed_value"].max()
            estimate = float(medians.loc[treatment, "estimate"])
            if not low <= estimate <= high:
                found.append(
                    f"{treatment}, {names[endpoint]}: the pooled median of {estimate:.1f} "
                    f"months lies outside the printed medians of its cohorts ({low:.1f} to "
                    f"{high:.1f} months). "
                    f"{_why_outside(group, printed)}"
                )
    return tuple(found)


def _why_outside(group: pd.DataFrame, printed: pd.DataFrame) -> str:
    reasons = []
    without = len(group) - len(printed)
    if without:
        reasons.append(f"{without} further cohorts enter by other figures than a median")
    if not (group["histology"] == "not printed").all():
        reasons.append("some cohorts print a mix of histologies other than the reference mix")
    patients = int(printed["n"].sum())
    reasons.append(
        f"the {len(printed)} medians rest on {patients} patients, so the estimate is drawn "
        "towards the other treatments of the class"
    )
    width = np.log(printed["printed_value"].max() / printed["printed_value"].min())
    if width < np.log(1.25):
        reasons.append(
            "they lie so close together that rounding and sampling error exceed their range"
        )
    return "Why: " + "; ".join(reasons) + "."
