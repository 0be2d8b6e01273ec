"""Are retrospective reports optimistic, and small cohorts too: an optional question.

No part of the pooled answers: the model with a bias of retrospective reports is
fitted beside the usual one (:mod:`synthesis.questions.bias.effects`), and the reported medians are
set in a funnel (:mod:`synthesis.questions.bias.funnel`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

import synthesis.questions.bias.effects as effects
from priors import Prior, Priors, load_priors
from studies import Registry
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.fits import DEFAULT_FAMILY, SurvivalFit, fit_survival
from synthesis.model.sampler import Progress, SamplerSettings
from synthesis.model.survival import BIAS_PRIOR, ESTIMATED, USUAL, Variant
from synthesis.plots.bias import plot_bias, plot_funnel
from synthesis.questions.bias.funnel import (
    ALL,
    LARGE,
    NOT_STATED,
    PROSPECTIVE,
    RETROSPECTIVE,
    SMALL,
    funnel_table,
    slope_table,
)
from synthesis.questions.histology_effects import share_words
from synthesis.questions.influence import cohort_weights
from synthesis.result import Column, Finding, Picture, Result, Table, make_table, markdown

#: The model with a bias of each retrospective report, their spread estimated.
WITH_BIAS = Variant(retrospective_bias=ESTIMATED)

#: Stands above everything that this analysis shows or writes.
OPTIONAL = (
    "Optional analysis of biases and small studies. It is no part of the pooled answers of a "
    "report, which allow for design as a covariate and for no bias of single reports."
)

# Treatments or reports that a sentence names at most.
_NAMED = 6


@dataclass(frozen=True)
class Tables:
    """The tidy tables of a bias analysis, and treatments with both kinds of reports."""

    kinds: pd.DataFrame = field(repr=False)
    effects: pd.DataFrame = field(repr=False)
    reports: pd.DataFrame = field(repr=False)
    medians: pd.DataFrame = field(repr=False)
    funnel: pd.DataFrame = field(repr=False)
    slopes: pd.DataFrame = field(repr=False)
    both: tuple[str, ...]


@dataclass(frozen=True)
class BiasAnalysis:
    """What the data say of biases of retrospective reports and of small studies.

    Attributes
    ----------
    registry : Registry
    endpoint : str
    usual, biased : SurvivalFit
        Without and with the spread of biases; the funnel is of the former.
    reference_mix : float
        Share of mixed histology of the medians.
    tables : Tables
        Kinds of reports, effects, reports' own biases, medians, funnel, slopes.
    density : DataFrame
        Prior and posterior densities of the effects.
    """

    registry: Registry
    endpoint: str
    usual: SurvivalFit
    biased: SurvivalFit
    reference_mix: float
    tables: Tables
    density: pd.DataFrame = field(repr=False)


def bias(
    registry: Registry,
    endpoint: str = "os",
    *,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    settings: SamplerSettings | None = None,
    verified_only: bool = False,
    use_read_as: bool = True,
    reference_mix: float = 0.4,
    seed: int | None = None,
    draws: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> BiasAnalysis:
    """Fit the model with a bias of retrospective reports beside the usual one.

    Optional: no pooled answer of a report comes from it.

    Parameters
    ----------
    registry, endpoint, family_name, priors, settings, verified_only, use_read_as, cache, progress
        As in :func:`synthesis.fits.fit_survival`.
    reference_mix : float
        Share of mixed histology at which medians are compared.
    seed, draws : int, optional
        Instead of those of `settings`.

    Raises
    ------
    NothingToPoolError, ValueError
        As :func:`~synthesis.fits.fit_survival`.
    """
    tell = progress or (lambda _: None)
    priors, settings = priors or load_priors(), settings or SamplerSettings()
    changes = {"seed": seed, "draws": draws}
    settings = replace(settings, **{k: v for k, v in changes.items() if v is not None})
    usual, biased = (
        fit_survival(
            registry,
            endpoint,
            family_name=family_name,
            priors=priors,
            settings=settings,
            verified_only=verified_only,
            use_read_as=use_read_as,
            variant=variant,
            cache=cache,
            progress=lambda words, stage=stage: tell(f"{stage}: {words}"),
        )
        for variant, stage in ((USUAL, "usual model"), (WITH_BIAS, "with a bias of each report"))
    )
    return of_fits(registry, usual, biased, reference_mix, progress=tell)


def of_fits(
    registry: Registry,
    usual: SurvivalFit,
    biased: SurvivalFit,
    reference_mix: float,
    *,
    progress: Progress | None = None,
) -> BiasAnalysis:
    """Tables of two fits of the same observations, see :func:`bias`.

    Raises
    ------
    ValueError
        If the second fit does not estimate the spread of biases.
    """
    if not biased.variant.estimates_bias:
        raise ValueError(
            f"bias analysis: found a fit with the variant {biased.variant}, expected one that "
            f"estimates the spread of biases: fit with Variant(retrospective_bias={ESTIMATED!r})"
        )
    vocabulary = registry.vocabulary
    funnel = funnel_table(usual, vocabulary, cohort_weights(usual, progress=progress))
    tables = Tables(
        kinds=effects.kinds_table(biased),
        effects=effects.bias_effects(biased),
        reports=effects.reports_table(biased, vocabulary),
        medians=effects.medians_table(usual, biased, vocabulary, reference_mix),
        funnel=funnel,
        slopes=slope_table(usual, funnel),
        both=effects.treatments_of_both_kinds(biased, vocabulary),
    )
    density = effects.bias_densities(biased)
    return BiasAnalysis(
        registry, usual.data.endpoint, usual, biased, reference_mix, tables, density
    )


# --- In words ------------------------------------------------------------------------------------


def result(answer: BiasAnalysis, registry: Registry) -> Result:
    """Say what the data tell of biases of retrospective reports and of small studies.

    Parameters
    ----------
    answer : BiasAnalysis
    registry : Registry
        For the names of endpoint and disease.
    """
    tables, endpoint = answer.tables, endpoint_of(answer.endpoint)
    name = endpoint.name(registry.vocabulary)
    about = f"{name} in {registry.vocabulary.subject_words}"
    reports = () if tables.reports.empty else (_reports(tables.reports),)
    findings = (
        Finding(
            "Are retrospective reports optimistic or pessimistic?",
            (f"{about}.", *_common(tables)),
            pictures=(_bias_picture(answer, name, about),),
        ),
        Finding(
            "How far do the biases of single reports differ?",
            tuple(_spread(tables, answer.biased.priors[BIAS_PRIOR])),
            reports,
        ),
        Finding(
            "What would a prospective study show?",
            tuple(_medians(answer)),
            (_median_rows(tables.medians),),
        ),
        Finding("Do small cohorts report longer medians?", tuple(_slope(tables))),
        Finding(
            "Which reported medians lie outside of the funnel?",
            tuple(_funnel(tables)),
            pictures=tuple(_funnel_picture(answer, name, about)),
        ),
    )
    fits = {"usual model": answer.usual, "with biases": answer.biased}
    verdicts = {f"{which}, {endpoint.id}": fit.diagnosis.verdict for which, fit in fits.items()}
    advice = (fit.diagnosis.advice for fit in fits.values())
    answered = Result(
        name="bias",
        title=f"{name}: biases and small studies",
        lead=(OPTIONAL, *dict.fromkeys(filter(None, advice))),
        findings=findings,
        tables={
            "bias": tables.effects,
            "bias_kinds": tables.kinds,
            "bias_reports": tables.reports,
            "bias_medians": tables.medians,
            "funnel": tables.funnel,
            "funnel_slope": tables.slopes,
        },
        verdicts=verdicts,
    )
    return replace(answered, texts={"bias.md": markdown(answered)})


def _bias_picture(answer: BiasAnalysis, name: str, about: str) -> Picture:
    reports = answer.tables.reports
    return Picture(
        f"bias_{answer.endpoint}",
        f"{name}: biases of retrospective reports",
        f"{about}, optional bias model: prior (broken line) and posterior (filled) of the common "
        "bias of retrospective reports and of the spread of their own biases; below, the whole "
        "bias of each report as a ratio of medians to what a prospective study would have shown, "
        "with 95 % credible intervals. Right of 1: optimistic.",
        plot_bias,
        {
            "density": answer.density,
            "effects": answer.tables.effects,
            "reports": reports,
        },
        tuple(dict.fromkeys(reports["study"])),
        alt=" ".join(_common(answer.tables)),
        endpoint=answer.endpoint,
    )


def _funnel_picture(answer: BiasAnalysis, name: str, about: str) -> Iterator[Picture]:
    """The funnel; none where no median has a place in it."""
    shown, _ = _places(answer.tables)
    if shown.empty:
        return
    spread = numbers.decimal(shown["study_sd"].iloc[0], 2)
    yield Picture(
        f"funnel_{answer.endpoint}",
        f"{name}: funnel of reported medians",
        f"{about}, {numbers.count(len(shown), 'reported median')} over the median that the other "
        "cohorts lead to expect of the average study of the same treatment, histology and kind of "
        "population, by the standard error of the log median. Dashed: 95 % limits by sampling "
        f"error alone; dotted: with the spread of studies added (SD {spread}, posterior median). "
        "Medians without a place in the funnel are listed in the table.",
        plot_funnel,
        {"table": shown},
        tuple(dict.fromkeys(shown["study"])),
        alt=" ".join(_funnel(answer.tables)),
        endpoint=answer.endpoint,
    )


def _value(row: Any, name: str = "", write: numbers.Writer = numbers.ratio) -> str:
    """A value of a row with its interval: ``estimate``, or one whose limits begin with its name."""
    before = f"{name}_" if name else ""
    ends = (getattr(row, f"{before}{end}") for end in ("lower", "upper"))
    return numbers.interval(getattr(row, name or "estimate"), *ends, write)


def _cohorts(row: Any) -> str:
    return f"{numbers.count(row.cohorts, 'cohort')}, {numbers.count(row.patients, 'patient')}"


def _effect(tables: Tables, name: str) -> tuple[Any, Any]:
    """Prior and posterior row of an effect."""
    rows = tables.effects[tables.effects["effect"] == name].set_index("which")
    return rows.loc["prior"], rows.loc["posterior"]


def _common(tables: Tables) -> Iterator[str]:
    kinds = {row.kind: row for row in tables.kinds.itertuples(index=False)}
    first, second = (
        f"{numbers.count(row.reports, f'{row.kind} report')} ({_cohorts(row)})"
        for row in (kinds[RETROSPECTIVE], kinds[PROSPECTIVE])
    )
    without = numbers.count(kinds[NOT_STATED].reports, "report")
    silent = f"; {without} without a stated design" if kinds[NOT_STATED].reports else ""
    yield f"{first} stand against {second}{silent}."
    before, after = _effect(tables, effects.COMMON)
    prior = _value(before)
    if not (kinds[RETROSPECTIVE].reports and kinds[PROSPECTIVE].reports):
        yield share_words(1.0, told=False)
        yield f"Its prior: retrospective reports show {prior} times the median of prospective ones."
        return
    yield (
        f"Under the same treatment retrospective reports show {_value(after)} times the median of "
        f"prospective ones (prior {prior}). They are optimistic with a probability of "
        f"{numbers.chance(after['p_optimistic'])}. {share_words(after['prior_share'], told=True)}"
    )
    yield _told_apart(tables.both)


def _told_apart(both: tuple[str, ...]) -> str:
    """Where the data can tell a bias from something else, and that they cannot from patients."""
    patients = (
        "And no treatment tells a bias from a true difference of the patients: those who enter a "
        "prospective study are chosen, too, and what is reported of them does not settle it. The "
        "common bias is both together."
    )
    if not both:
        return (
            "No treatment has reports of both kinds: a bias is told from an effect of treatment by "
            f"the priors alone. {patients}"
        )
    names = ", ".join(map(numbers.in_sentence, both))
    return (
        f"{numbers.count(len(both), 'treatment')} {'has' if len(both) == 1 else 'have'} reports of "
        f"both kinds ({names}); elsewhere a bias looks like an effect of the treatment. {patients}"
    )


def _spread(tables: Tables, prior: Prior) -> Iterator[str]:
    before, after = _effect(tables, effects.SPREAD)
    if not after["cohorts"]:
        yield share_words(1.0, told=False)
        return
    yield (
        "One retrospective report in forty is flattered by more than the factor "
        f"{_value(after)}, and as many are disfavoured (prior {_value(before)}, SD "
        f"{prior.parameters}). {share_words(after['prior_share'], told=True)} How far "
        "retrospective reports differ at all bounds it; what of that is bias, only a smaller "
        "difference between prospective reports could tell."
    )
    reports = tables.reports
    beyond = reports[(reports["own_lower"] > 1.0) | (reports["own_upper"] < 1.0)]
    if beyond.empty:
        least, most = numbers.ratio(reports["own"].min()), numbers.ratio(reports["own"].max())
        yield (
            "No report can be told from the others: the 95 % interval of what each has beyond the "
            f"common bias holds 1. The estimates lie between {least} and {most}. With the common "
            f"bias the most optimistic is {reports['cohort_label'].iloc[0]}, the most pessimistic "
            f"{reports['cohort_label'].iloc[-1]}."
        )
        return
    names = [f"{row.cohort_label}, {_value(row, 'own')}" for row in beyond.itertuples(index=False)]
    yield f"Beyond the common bias stand {'; '.join(names[:_NAMED])}."


def _reports(reports: pd.DataFrame) -> Table:
    labels = ("Patients", "Bias (ratio of medians)", "P(optimistic)")
    columns = [Column("Retrospective report"), *(Column(label, "num") for label in labels)]
    rows = [
        (row.cohort_label, row.patients, _value(row), numbers.chance(row.p_optimistic))
        for row in reports.itertuples(index=False)
    ]
    return make_table("Bias of each retrospective report.", columns, rows)


def _populations(medians: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    """Rows of the medians half way between the designs, and of those of a prospective study."""
    names = (effects.HALF_WAY, effects.AS_PROSPECTIVE)
    return tuple(medians[medians["population"] == name] for name in names)


def _medians(answer: BiasAnalysis) -> Iterator[str]:
    medians = answer.tables.medians
    several = medians[medians["cohorts"] > 1]
    rows = medians if several.empty else several
    half, prospective = _populations(rows)
    mixed = ""
    if answer.biased.data.tells_histology:
        mixed = f", {numbers.mixed_share(answer.reference_mix)}"
    which = "treatments" if several.empty else "treatments with several cohorts"
    yield (
        f"Median in the average study{mixed}, {which}. The pooled medians of reports stand half "
        "way between a retrospective and a prospective study. There the bias model multiplies them "
        f"by {_range(half['ratio'])}: all that changes is that retrospective reports count for "
        "less."
    )
    most = prospective.loc[np.log(prospective["ratio_to_pooled"]).abs().idxmax()]
    yield (
        "Who takes the bias for one asks what a prospective study would show: the bias model "
        f"multiplies the pooled medians by {_range(prospective['ratio_to_pooled'])}. It moves "
        f"{numbers.in_sentence(most['treatment'])} most, to "
        f"{_value(most, 'biased', numbers.months)} months."
    )
    yield (
        "If the difference between the designs is one of their patients, and these are more like "
        "those of the retrospective reports, the pooled medians would have to move the other way."
    )


def _range(values: pd.Series) -> str:
    ends = numbers.ratio(values.min()), numbers.ratio(values.max())
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _median_rows(medians: pd.DataFrame) -> Table:
    labels = ("Pooled (usual)", "Bias model", "Ratio", "As prospective", "Ratio")
    columns = [Column("Median, months"), *(Column(label, "num") for label in labels)]
    pairs = (frame.itertuples(index=False) for frame in _populations(medians))
    rows = [
        (
            half.treatment,
            _value(half, "usual", numbers.months),
            _value(half, "biased", numbers.months),
            numbers.ratio(half.ratio),
            _value(prospective, "biased", numbers.months),
            numbers.ratio(prospective.ratio_to_pooled),
        )
        for half, prospective in zip(*pairs, strict=True)
    ]
    note = "Ratios are to the pooled median of the usual model."
    return make_table("Medians without and with the bias model.", columns, rows, note=note)


def _slope(tables: Tables) -> Iterator[str]:
    slopes = {row.reports: row for row in tables.slopes.itertuples(index=False)}
    if not slopes:
        yield "There are too few reported medians to draw a line through."
        return
    whole = slopes[ALL]
    holds = whole.lower <= 0.0 <= whole.upper
    slope = _value(whole, write=lambda value: numbers.decimal(value, 2))
    yield (
        "Regression of the log median on its standard error over "
        f"{numbers.count(whole.points, 'median')} ({_cohorts(whole)}): all else alike a cohort of "
        f"{SMALL} patients reports {_value(whole, 'factor')} times the median of one of {LARGE}. "
        f"The slope is {slope}, positive with a probability of {numbers.chance(whole.p_positive)}. "
        f"The interval {'does not tell' if holds else 'tells'} small from large cohorts. "
        f"{share_words(whole.prior_share, told=True)}"
    )
    yield (
        "So few cohorts are weak evidence: only a factor of "
        f"{numbers.ratio(whole.detectable)} or more between such cohorts would have stood out. And "
        "a slope is no proof of selective publication: small cohorts may have had other patients."
    )
    parts = [
        f"{row.reports} {_value(row, 'factor')} times ({numbers.count(row.points, 'median')})"
        for row in slopes.values()
        if row is not whole
    ]
    if parts:
        yield f"By the kind of report: {'; '.join(parts)}."


def _places(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Arms that have a place in the funnel, and the others."""
    shown = tables.funnel["shown"].astype(bool)
    return tables.funnel[shown], tables.funnel[~shown]


def _funnel(tables: Tables) -> Iterator[str]:
    shown, others = _places(tables)
    if not shown.empty:
        beyond = shown[shown["beyond"].astype(bool)].sort_values("z", key=abs, ascending=False)
        line = (
            f"{len(beyond) or 'None'} of {numbers.count(len(shown), 'reported median')} "
            f"{'lies' if len(beyond) == 1 else 'lie'} further from what the other cohorts lead to "
            "expect than 95 % should, where "
            f"{numbers.decimal(0.05 * len(shown), 1)} would by chance"
        )
        names = [
            f"{row.cohort_label} ({numbers.in_sentence(row.treatment)}, "
            f"{numbers.months(row.printed_months)} months reported, "
            f"{numbers.months(row.expected_months)} expected)"
            for row in beyond.head(_NAMED).itertuples(index=False)
        ]
        yield f"{line}: {'; '.join(names)}." if names else f"{line}."
        doubtful = shown[~shown["reliable"].astype(bool)]["cohort_label"].head(_NAMED)
        if len(doubtful):
            yield (
                "The draws can hardly be weighted to what is expected without "
                f"{', '.join(doubtful)}."
            )
    if not others.empty:
        counts = others["reason"].value_counts(sort=False)
        reasons = (f"{reason} ({numbers.count(n, 'arm')})" for reason, n in counts.items())
        yield f"Listed apart, with no place in the funnel: {'; '.join(reasons)}."
