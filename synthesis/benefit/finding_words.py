"""Findings on benefit by histology as figures and pages show them: which, and in which words."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.numbers import in_sentence
from synthesis.questions.histology import Findings
from synthesis.questions.influence import influence_words
from synthesis.questions.single import SingleResult

#: Cohorts that are shown of each quantity.
MOST_INFLUENTIAL = 6

#: Medians whose influences are drawn: of the treatments with most patients and several cohorts.
MEDIANS_SHOWN = 4


def singles_of(findings: Findings) -> Iterator[tuple[str, str, SingleResult]]:
    """Endpoint, stem of the figure, and result, of each report that prints both groups."""
    for endpoint, results in findings.singles.items():
        for number, result in enumerate(results, start=1):
            yield endpoint, f"single_result_{number}_{endpoint}", result


def influence_sentences(findings: Findings, endpoint: str) -> tuple[str, ...]:
    """Which cohorts moved the effects of histology of an endpoint, in sentences."""
    moved = findings.influence_of(endpoint, "ratio")
    return tuple(
        sentence
        for quantity in moved["quantity"].unique()
        for sentence in influence_words(moved, quantity)
    )


def captions(findings: Findings, vocabulary: Vocabulary) -> dict[str, str]:
    """Captions of the figures by the stem of their files, in order of display.

    Where no cohort tells histology, no estimate by histology is drawn: it would be the prior.
    """
    found, benefit = {}, findings.benefit
    for endpoint in benefit.endpoints:
        name = vocabulary.endpoint(endpoint).label
        subject = vocabulary.subject_words
        over = benefit.references.get(endpoint)
        gains = f" and gain over {in_sentence(over)}" if over else ""
        if benefit.told[endpoint]:
            found[f"benefit_{endpoint}"] = (
                f"{name} in {subject} in pure (open circles) and mixed tumours (dots) under each "
                f"treatment: median{gains}, average study and reference population, with 95 % "
                "credible intervals. Treatments stand side by side across studies."
            )
        found[f"benefit_effects_{endpoint}"] = (
            f"Effects of mixed histology on {name.lower()} in {subject}: prior (broken line) and "
            "posterior (filled) of the prognostic effect, under any treatment, and of what a "
            "treatment adds to it. Bars: share of the answer that is prior, the ratio of the "
            f"variances on the log scale.{_squares(findings, endpoint)}"
        )
        for unit, stem, words in INFLUENCE_FIGURES:
            if not drawn_influence(findings, endpoint, unit).empty:
                found[f"{stem}_{endpoint}"] = (
                    f"{name} in {subject}: {words} with every cohort (diamonds) and without each "
                    "of the cohorts that move it most, by weighting the draws of the fit."
                )
    for endpoint, stem, result in singles_of(findings):
        found[stem] = (
            f"The difference in {vocabulary.endpoint(endpoint).label.lower()} between mixed and "
            f"pure tumours that {result.label} prints: by itself, once pooled, and its prognostic "
            "and predictive parts, prior (broken line) and posterior (filled). Below: what "
            "significant results of studies of the same size show at stated true ratios."
        )
    return found


def _squares(findings: Findings, endpoint: str) -> str:
    """What the marks of printed ratios are, where there are any."""
    if not findings.singles[endpoint]:
        return ""
    return " Squares: ratios of the medians that reports print of both groups."


INFLUENCE_FIGURES = (
    ("ratio", "benefit_influence", "effects of mixed histology"),
    ("months", "influence_medians", "median under each treatment"),
)


def drawn_influence(findings: Findings, endpoint: str, unit: str) -> pd.DataFrame:
    """Rows of the influence table that are drawn: of medians those with most patients."""
    moved = findings.influence_of(endpoint, unit)
    if unit == "ratio":
        return moved
    groups = findings.benefit.groups
    own = groups[(groups["endpoint"] == endpoint) & (groups["cohorts"] > 1)]
    largest = own.sort_values("patients", ascending=False, kind="stable").head(MEDIANS_SHOWN)
    names = [f"median: {label}" for label in largest["treatment"]]
    return moved[moved["quantity"].isin(names)]
