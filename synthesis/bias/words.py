"""What the bias model and the funnel say, in words: made from the tables, no number is typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from studies.vocabulary import Vocabulary
from synthesis.benefit.compare import endpoint_words
from synthesis.benefit.compare_words import in_sentence
from synthesis.benefit.histology_effects import share_words
from synthesis.benefit.histology_words import months, pick, ratio
from synthesis.benefit.writing import chance_text, ratio_text
from synthesis.bias.effects import AS_PROSPECTIVE, COMMON, HALF_WAY, SPREAD
from synthesis.bias.kinds import NOT_STATED, PROSPECTIVE, RETROSPECTIVE
from synthesis.bias.slope import ALL, LARGE, SMALL
from synthesis.fits import PooledSurvival
from synthesis.model.survival import BIAS_PRIOR
from synthesis.text.plain import count

#: Stands above everything that this analysis prints or writes.
OPTIONAL = (
    "Optional analysis of biases and small studies. It is no part of the pooled answers of a "
    "report, which allow for design as a covariate and for no bias of single reports."
)

# Treatments or reports that a sentence names at most.
_NAMED = 6


@dataclass(frozen=True)
class Finding:
    """One question with its answer, a sentence or more each line."""

    question: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """The tidy tables of a bias analysis; see the functions that make them.

    Attributes
    ----------
    kinds, effects, reports, medians, funnel, slopes : DataFrame
    both : tuple of str
        Treatments with retrospective and prospective reports.
    """

    kinds: pd.DataFrame = field(repr=False)
    effects: pd.DataFrame = field(repr=False)
    reports: pd.DataFrame = field(repr=False)
    medians: pd.DataFrame = field(repr=False)
    funnel: pd.DataFrame = field(repr=False)
    slopes: pd.DataFrame = field(repr=False)
    both: tuple[str, ...]


def findings(
    tables: Tables, fit: PooledSurvival, vocabulary: Vocabulary, reference_mix: float
) -> tuple[Finding, ...]:
    """What the tables say, a question at a time.

    Parameters
    ----------
    tables : Tables
    fit : PooledSurvival
        With the spread of biases estimated.
    vocabulary : Vocabulary
    reference_mix : float
        Share of mixed histology of the medians.
    """
    name = endpoint_words(fit.data.endpoint, vocabulary)
    about = f"{name[:1].upper()}{name[1:]} in {vocabulary.subject_words}."
    return (
        Finding("Are retrospective reports optimistic or pessimistic?", (about, *_common(tables))),
        Finding("How far do the biases of single reports differ?", tuple(_spread(tables, fit))),
        Finding(
            "What would a prospective study show?",
            tuple(_medians(tables, fit.data.tells_histology, reference_mix)),
        ),
        Finding("Do small cohorts print longer medians?", tuple(_slope(tables))),
        Finding("Which printed medians lie outside of the funnel?", tuple(_funnel(tables))),
    )


def _sizes(row: Any) -> str:
    found = f"{count(row.reports, f'{row.kind} report')}"
    return f"{found} ({count(row.cohorts, 'cohort')}, {count(row.patients, 'patient')})"


def _rows(effects: pd.DataFrame, name: str) -> tuple[Any, Any]:
    return tuple(
        pick(effects, {"effect": name, "which": which}) for which in ("prior", "posterior")
    )


def _common(tables: Tables) -> Iterator[str]:
    kinds = {row.kind: row for row in tables.kinds.itertuples(index=False)}
    retrospective, prospective = kinds[RETROSPECTIVE], kinds[PROSPECTIVE]
    unknown = kinds[NOT_STATED]
    silent = ""
    if unknown.reports:
        tell = "does" if unknown.reports == 1 else "do"
        silent = f"; {count(unknown.reports, 'report')} {tell} not tell the design"
    yield f"{_sizes(retrospective)} stand against {_sizes(prospective)}{silent}."
    before, after = _rows(tables.effects, COMMON)
    if not (retrospective.reports and prospective.reports):
        yield share_words(1.0, told=False)
        yield (
            f"Its prior: retrospective reports print {ratio(before)} times the median of "
            "prospective ones."
        )
        return
    yield (
        "Under the same treatment the model has retrospective reports print "
        f"{ratio(after)} times the median of prospective ones (prior {ratio(before)}); the "
        f"probability that they are optimistic is {chance_text(after.p_optimistic)}. "
        f"{share_words(after.prior_share, told=True)}"
    )
    yield _told_apart(tables.both)


def _told_apart(both: tuple[str, ...]) -> str:
    """Where the data can tell a bias from something else, and that they cannot from patients."""
    patients = (
        "And no treatment tells a bias from a true difference of the patients: those who enter a "
        "prospective study are chosen, too, and what the reports print of them does not settle it. "
        "The common bias is both together."
    )
    if not both:
        return (
            "No treatment has reports of both kinds: a bias is told from an effect of treatment by "
            f"the priors alone. {patients}"
        )
    verb = "has" if len(both) == 1 else "have"
    names = ", ".join(in_sentence(label) for label in both)
    return (
        f"{count(len(both), 'treatment')} {verb} reports of both kinds ({names}); elsewhere a bias "
        f"looks like an effect of the treatment. {patients}"
    )


def _spread(tables: Tables, fit: PooledSurvival) -> Iterator[str]:
    before, after = _rows(tables.effects, SPREAD)
    if not after.cohorts:
        yield share_words(1.0, told=False)
        return
    yield (
        "One retrospective report in forty is flattered by more than the factor "
        f"{ratio(after)}, and as many are disfavoured (prior {ratio(before)}, SD "
        f"{fit.priors[BIAS_PRIOR].parameters}). {share_words(after.prior_share, told=True)} "
        "How far retrospective reports differ at all bounds it; what of that is bias, only a "
        "smaller difference between prospective reports could tell."
    )
    own = tables.reports
    beyond = own[(own["own_lower"] > 1.0) | (own["own_upper"] < 1.0)]
    if beyond.empty:
        first, last = own.iloc[0], own.iloc[-1]
        yield (
            "No report can be told from the others: the 95 % interval of what each has beyond the "
            f"common bias holds 1. The estimates lie between {ratio_text(own['own'].min())} and "
            f"{ratio_text(own['own'].max())}; with the common bias the most optimistic is "
            f"{first['cohort_label']}, the most pessimistic {last['cohort_label']}."
        )
        return
    named = [
        f"{row.cohort_label} ({ratio_text(row.own)}, "
        f"{ratio_text(row.own_lower)}-{ratio_text(row.own_upper)})"
        for row in beyond.itertuples(index=False)
    ]
    yield f"Beyond the common bias stand {'; '.join(named[:_NAMED])}."


def _medians(tables: Tables, tells_histology: bool, mix: float) -> Iterator[str]:
    own = tables.medians[tables.medians["cohorts"] > 1]
    own = tables.medians if own.empty else own
    half, asked = (own[own["population"] == name] for name in (HALF_WAY, AS_PROSPECTIVE))
    population = f", {100 * mix:.0f} % mixed histology" if tells_histology else ""
    behind = "treatments with several cohorts" if (own["cohorts"] > 1).all() else "treatments"
    yield (
        f"Median in the average study{population}, {behind}. The pooled medians of reports stand "
        "half way between a retrospective and a prospective study. There the bias model multiplies "
        f"them by {_range(half['ratio'])}: all that changes is that retrospective reports count "
        "for less."
    )
    yield (
        "Who takes the bias for one asks what a prospective study would show: the bias model "
        f"multiplies the pooled medians by {_range(asked['ratio_to_pooled'])}. It moves "
        f"{_most(asked)} most."
    )
    yield (
        "If the difference between the designs is one of their patients, and these are more like "
        "those of the retrospective reports, the pooled medians would have to move the other way."
    )


def _range(values: pd.Series) -> str:
    ends = ratio_text(values.min()), ratio_text(values.max())
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _most(rows: pd.DataFrame) -> str:
    away = rows["ratio_to_pooled"].map(lambda value: max(value, 1.0 / value))
    row = rows.loc[away.idxmax()]
    names = ("biased", "biased_lower", "biased_upper")
    found = pd.Series(dict(zip(("estimate", "lower", "upper"), row[list(names)], strict=True)))
    return f"{in_sentence(row['treatment'])} ({months(found)} months)"


def _slope(tables: Tables) -> Iterator[str]:
    slopes = {row.reports: row for row in tables.slopes.itertuples(index=False)}
    if not slopes:
        yield "There are too few printed medians to draw a line through."
        return
    whole = slopes[ALL]
    holds = whole.lower <= 0.0 <= whole.upper
    verdict = "does not tell small from large cohorts" if holds else "tells small from large ones"
    yield (
        f"Regression of the log median on its standard error over {count(whole.points, 'median')} "
        f"({count(whole.cohorts, 'cohort')}, {count(whole.patients, 'patient')}): all else alike a "
        f"cohort of {SMALL} patients prints {_factor(whole)} times the median of one of {LARGE}; "
        f"slope {whole.estimate:.2f} ({whole.lower:.2f} to {whole.upper:.2f}), probability that it "
        f"is positive {chance_text(whole.p_positive)}. The interval {verdict}. "
        f"{share_words(whole.prior_share, told=True)}"
    )
    yield (
        "So few cohorts are weak evidence: only a factor of "
        f"{ratio_text(whole.detectable)} or more between such cohorts would have stood out. And a "
        "slope is no proof of selective publication: small cohorts may have had other patients."
    )
    apart = [slopes[kind] for kind in (RETROSPECTIVE, PROSPECTIVE) if kind in slopes]
    if apart:
        parts = "; ".join(
            f"{row.reports} {_factor(row)} times ({count(row.points, 'median')})" for row in apart
        )
        yield f"By the kind of report: {parts}."


def _factor(row: Any) -> str:
    return (
        f"{ratio_text(row.factor)} ({ratio_text(row.factor_lower)}-{ratio_text(row.factor_upper)})"
    )


def _funnel(tables: Tables) -> Iterator[str]:
    shown = tables.funnel[tables.funnel["shown"].astype(bool)]
    apart = tables.funnel[~tables.funnel["shown"].astype(bool)]
    if not shown.empty:
        beyond = shown[shown["beyond"].astype(bool)]
        line = (
            f"{len(beyond) or 'None'} of {count(len(shown), 'printed median')} "
            f"{'lies' if len(beyond) == 1 else 'lie'} further from what the other cohorts lead to "
            f"expect than 95 % should, where {0.05 * len(shown):.1f} would by chance"
        )
        ordered = beyond.reindex(beyond["z"].abs().sort_values(ascending=False).index)
        names = [
            f"{row.cohort_label} ({in_sentence(row.treatment)}, {row.printed_months:.3g} months "
            f"printed, {row.expected_months:.2g} expected)"
            for row in ordered.head(_NAMED).itertuples(index=False)
        ]
        yield f"{line}: {'; '.join(names)}." if names else f"{line}."
        doubtful = shown[~shown["reliable"].astype(bool)]
        if len(doubtful):
            names = ", ".join(doubtful["cohort_label"].head(_NAMED))
            yield f"The draws can hardly be weighted to what is expected without {names}."
    if not apart.empty:
        reasons = apart["reason"].value_counts(sort=False)
        parts = "; ".join(f"{reason} ({count(int(n), 'arm')})" for reason, n in reasons.items())
        yield f"Listed apart, with no place in the funnel: {parts}."


def captions(tables: Tables, vocabulary: Vocabulary) -> dict[str, str]:
    """Captions of the figures, by the stem of their files."""
    endpoint = str(tables.kinds["endpoint"].iloc[0])
    name, subject = endpoint_words(endpoint, vocabulary), vocabulary.subject_words
    label = f"{name[:1].upper()}{name[1:]}"
    found = {
        f"bias_{endpoint}": (
            f"{label} in {subject}, optional bias model: prior (broken line) and posterior "
            "(filled) of the common bias of retrospective reports and of the spread of their own "
            "biases; below, the whole bias of each report as a ratio of medians to what a "
            "prospective study would have shown, with 95 % credible intervals. Right of 1: "
            "optimistic."
        )
    }
    if tables.funnel["shown"].any():
        shown = int(tables.funnel["shown"].sum())
        spread = float(tables.funnel["study_sd"].iloc[0])
        found[f"funnel_{endpoint}"] = (
            f"{label} in {subject}, {count(shown, 'printed median')} over the median that the "
            "other cohorts lead to expect of the average study of the same treatment, histology "
            "and kind of population, by the standard error of the log median. Dashed: 95 % limits "
            "by sampling error alone; dotted: with the spread of studies added (SD "
            f"{spread:.2f}, posterior median). Cohorts without a printed median, and those that "
            "are the only one of their treatment, are listed in the table."
        )
    return found


__all__ = ["OPTIONAL", "Finding", "Tables", "captions", "findings"]
