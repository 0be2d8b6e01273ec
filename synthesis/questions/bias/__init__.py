r"""Are retrospective reports optimistic, and small cohorts too: an optional question.

No part of the pooled answers: the model with a bias of retrospective reports is fitted beside the
usual one, and the reported medians are set in a funnel (:mod:`synthesis.questions.bias.funnel`).

A retrospective report multiplies the median that a prospective one would have shown by
:math:`e^{B + b_s}`: :math:`B \sim \mathrm{Normal}(0, s^2)` is common to all of them (the effect of
design of the usual model, optimistic or pessimistic), and :math:`b_s \sim
\mathrm{Normal}(0, \sigma_B^2)` is its own (Welton et al. 2009,
doi 10.1111/j.1467-985X.2008.00548.x).

The sampler knows only the sum :math:`e_s` of a report's own bias and its study effect, which is
:math:`\mathrm{Normal}(0, \sigma_S^2 + \sigma_B^2)`. Its share of bias follows from that,

.. math::
   b_s \mid e_s \sim \mathrm{Normal}\{\rho e_s,\ \rho\,\sigma_S^2\},
   \qquad \rho = \frac{\sigma_B^2}{\sigma_S^2 + \sigma_B^2},

and is drawn afterwards. Where cohorts of one report share a part of the variance only, each has a
bias of its own beside the shared one, in the same parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from priors import Prior, Priors
from studies import Registry
from studies.figures import Readings
from studies.vocabulary import Vocabulary
from synthesis import estimands, numbers
from synthesis.endpoints import endpoint_of
from synthesis.fits import DEFAULT_FAMILY, PooledSurvival, SurvivalFit, bias_spread, fit_survival
from synthesis.model.arrays import shared_parts
from synthesis.model.covariates import COVARIATES
from synthesis.model.sampler import Progress, SamplerSettings
from synthesis.model.survival import BIAS_PRIOR, ESTIMATED, USUAL, Variant
from synthesis.numbers import written
from synthesis.plots.bias import plot_bias, plot_funnel
from synthesis.questions.bias import funnel as funnels
from synthesis.questions.bias.funnel import PROSPECTIVE, RETROSPECTIVE, under
from synthesis.questions.contrasts import treatments_of
from synthesis.questions.effects import Effect, effect_densities, effects_table, share_words
from synthesis.questions.influence import cohort_weights
from synthesis.result import Finding, Picture, Result, Table, markdown, names, table_of

#: The model with a bias of each retrospective report, their spread estimated.
WITH_BIAS = Variant(retrospective_bias=ESTIMATED)

COMMON, SPREAD = "common bias", "spread of biases"

#: Populations of the medians: that of every report, and that of an unbiased study.
HALF_WAY, AS_PROSPECTIVE = "half way between the designs", "prospective study"

EFFECT_COLUMNS = names(
    "endpoint effect label which estimate lower upper log_sd prior_share p_optimistic cohorts "
    "patients"
)
REPORT_COLUMNS = names(
    "endpoint study cohort cohort_label treatment treatment_class design patients "
    "estimate lower upper own own_lower own_upper p_optimistic"
)

# Reports that a sentence names at most.
_NAMED = 6


@dataclass(frozen=True)
class BiasAnalysis:
    """What the data say of biases of retrospective reports and of small studies.

    Fits without (the funnel is of it) and with the spread of biases; `reference_mix` is the share
    of mixed histology of the medians. ``tables``: ``bias`` (effects), ``bias_kinds`` (of reports),
    ``bias_reports`` (their own biases), ``bias_medians``, ``funnel`` and ``funnel_slope``.
    """

    usual: SurvivalFit
    biased: SurvivalFit
    reference_mix: float
    tables: Mapping[str, pd.DataFrame] = field(repr=False)


def bias(
    registry: Registry,
    endpoint: str = "os",
    *,
    family_name: str = DEFAULT_FAMILY,
    priors: Priors | None = None,
    verified_only: bool = False,
    use_read_as: Readings = False,
    reference_mix: float = 0.4,
    seed: int | None = None,
    draws: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> BiasAnalysis:
    """Fit the model with a bias of retrospective reports beside the usual one.

    Parameters and errors are those of :func:`synthesis.fits.fit_survival`; medians are compared at
    a share of mixed histology of `reference_mix`.
    """
    tell, given = progress or (lambda _: None), {"seed": seed, "draws": draws}
    settings = SamplerSettings(**{name: own for name, own in given.items() if own is not None})
    usual, biased = (
        fit_survival(
            registry,
            endpoint,
            family_name=family_name,
            priors=priors,
            settings=settings,
            variant=variant,
            verified_only=verified_only,
            use_read_as=use_read_as,
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

    ValueError if the second fit does not estimate the spread of biases.
    """
    if not biased.variant.estimates_bias:
        raise ValueError(
            f"bias analysis: found a fit with the variant {biased.variant}, expected one that "
            f"estimates the spread of biases: fit with Variant(retrospective_bias={ESTIMATED!r})"
        )
    vocabulary = registry.vocabulary
    medians = funnels.funnel_table(usual, vocabulary, cohort_weights(usual, progress=progress))
    tables = {
        "bias": bias_table(biased),
        "bias_kinds": kinds_table(biased),
        "bias_reports": reports_table(biased, vocabulary),
        "bias_medians": medians_table(usual, biased, vocabulary, reference_mix),
        "funnel": medians,
        "funnel_slope": funnels.slope_table(usual, medians),
    }
    return BiasAnalysis(usual, biased, reference_mix, tables)


# --- Tables --------------------------------------------------------------------------------------


def kinds_table(fit: PooledSurvival) -> pd.DataFrame:
    """Reports, cohorts, patients and treatments of each kind of report, a row each."""
    sizes, kinds = estimands.patients_of(fit), funnels.cohort_kinds(fit)
    cohorts = pd.DataFrame(
        [(ref.study.id, sizes[ref.id], ref.treatment) for ref in fit.data.cohorts],
        columns=["study", "patients", "treatment"],
    )
    table = cohorts.groupby(pd.Series(kinds, name="kind")).agg(
        reports=("study", "nunique"),
        cohorts=("study", "size"),
        patients=("patients", "sum"),
        treatments=("treatment", "nunique"),
    )
    table = table.reindex(pd.Index(funnels.KINDS, name="kind"), fill_value=0).reset_index()
    table.insert(0, "endpoint", fit.data.endpoint)
    return table


def treatments_of_both_kinds(fit: PooledSurvival, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Labels of the treatments that retrospective and prospective reports gave.

    Without groups of patients who had different treatments: these are not alike between reports.
    """
    given = {
        (ref.treatment, kind)
        for ref, kind in zip(fit.data.cohorts, funnels.cohort_kinds(fit), strict=True)
        if ref.role != "mixed"
    }
    return tuple(
        vocabulary.treatment(name).label
        for name in fit.data.treatments
        if {(name, RETROSPECTIVE), (name, PROSPECTIVE)} <= given
    )


def common_bias(fit: PooledSurvival) -> np.ndarray:
    """Draws of the common bias on the scale of log medians, ``(draws,)``."""
    return fit.flat("covariate_effect")[:, COVARIATES.index("retrospective")]


def bias_effects(fit: PooledSurvival) -> list[Effect]:
    """The common bias, and the spread of the reports' own; the fit estimates that spread."""
    kinds = kinds_table(fit).set_index("kind")[["cohorts", "patients"]]
    common = fit.priors["covariate_retrospective"], common_bias(fit)
    both, behind = kinds.loc[[RETROSPECTIVE, PROSPECTIVE]].sum(), kinds.loc[RETROSPECTIVE]
    spread = fit.priors[BIAS_PRIOR], bias_spread(fit)
    return [
        Effect(COMMON, "Common bias, retrospective to prospective", *common, *both),
        Effect(SPREAD, "Spread of the reports' own biases", *spread, *behind),
    ]


def bias_table(fit: PooledSurvival) -> pd.DataFrame:
    """Prior and posterior of the common bias and of the spread of the biases, a row each.

    The common bias is a ratio of medians, retrospective to prospective; the spread is the factor
    that one report in forty exceeds, 1.96 SD. ``log_sd`` is the standard deviation of the log
    ratio, or of the SD.
    """
    table = effects_table({fit.data.endpoint: bias_effects(fit)})
    return table.rename(columns={"p_above_one": "p_optimistic"})[list(EFFECT_COLUMNS)]


def own_biases(fit: PooledSurvival) -> np.ndarray:
    """Draws of each cohort's own bias on the scale of log medians, ``(draws, cohorts)``.

    Without the common bias; 0 for a cohort that is not of a retrospective report.
    """
    data, rng = fit.data, np.random.default_rng([fit.seed, 17])
    spread, study = bias_spread(fit) ** 2, fit.flat("study_sd") ** 2
    part = (spread / np.maximum(study + spread, 1e-300))[:, None]

    def biases(level: str) -> np.ndarray:
        effect = fit.flat(f"{level}_effect")
        noise = np.sqrt(part * study[:, None]) * rng.standard_normal(effect.shape)
        return part * effect + noise

    of_studies, of_cohorts = biases("study"), biases("cohort")
    order = [data.studies.index(ref.study.id) for ref in data.cohorts]
    shared = np.array(shared_parts(data))
    both = np.sqrt(shared) * of_studies[:, order] + np.sqrt(1.0 - shared) * of_cohorts
    return both * np.array([kind == RETROSPECTIVE for kind in funnels.cohort_kinds(fit)])


def reports_table(fit: PooledSurvival, vocabulary: Vocabulary) -> pd.DataFrame:
    """The bias of each cohort of a retrospective report, the most optimistic first.

    ``estimate`` is its whole bias, common and own, as a ratio of medians to what a prospective
    study would have shown; ``own`` is what it has beyond the common bias; ``p_optimistic`` is the
    probability that the whole bias is above 1.
    """
    common, rows = common_bias(fit), []
    cohorts = zip(fit.data.cohorts, funnels.about_cohorts(fit, vocabulary), strict=True)
    for (ref, about), own in zip(cohorts, own_biases(fit).T, strict=True):
        if about["kind"] == RETROSPECTIVE:
            rows.append(
                about
                | {"design": ref.study.design.replace("_", " ")}
                | vars(estimands.summarise(np.exp(common + own)))
                | under("own", np.exp(own))
                | {"p_optimistic": float(np.mean(common + own > 0.0))}
            )
    rows.sort(key=lambda row: -row["estimate"])
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS))


def medians_table(
    usual: PooledSurvival, biased: PooledSurvival, vocabulary: Vocabulary, reference_mix: float
) -> pd.DataFrame:
    """Median of the average study under each treatment, without and with the bias model.

    Two populations: that of a prospective study, which is the one of every report and has no bias,
    and one half way between a retrospective and a prospective study. The usual model knows the
    common bias too (as an effect of design); what the bias model adds is that retrospective reports
    count for less. In months; ``ratio`` is with the bias model to without, in the same population,
    ``ratio_to_pooled`` with the bias model to the usual pooled median of a prospective study.
    """
    fits, rows = {"usual": usual, "biased": biased}, []
    for group in treatments_of(usual, vocabulary):
        logs = {}
        for name, fit in fits.items():
            share = estimands.reference_share(fit, reference_mix)
            logs[name] = np.log(estimands.curve(fit, group.group, share, "mean_study").median)
        pooled = float(np.exp(np.median(logs["usual"])))
        for population, steps in ((HALF_WAY, 0.5), (AS_PROSPECTIVE, 0.0)):
            row = {"endpoint": usual.data.endpoint, "treatment": group.label}
            row |= {"treatment_class": group.class_label, "population": population}
            for name, fit in fits.items():
                row |= under(name, np.exp(logs[name] + steps * common_bias(fit)))
            row["ratio"] = row["biased"] / row["usual"]
            row["ratio_to_pooled"] = row["biased"] / pooled
            rows.append(row | {"cohorts": len(group.cohorts), "patients": group.patients})
    return pd.DataFrame(rows)


# --- In words ------------------------------------------------------------------------------------


def result(answer: BiasAnalysis, registry: Registry) -> Result:
    """Say what the data tell of biases of retrospective reports and of small studies."""
    tables, endpoint = answer.tables, endpoint_of(answer.usual.data.endpoint)
    name = endpoint.name(registry.vocabulary)
    about = f"{name} in {registry.vocabulary.subject_words}"
    reports, common = tables["bias_reports"], tuple(_common(answer, registry.vocabulary))
    densities = effect_densities(endpoint.id, bias_effects(answer.biased))
    picture = Picture(
        f"bias_{endpoint.id}",
        f"{name}: biases of retrospective reports",
        f"{about}, optional bias model: prior (broken line) and posterior (filled) of the common "
        "bias of retrospective reports and of the spread of their own; below, the whole bias of "
        "each report as a ratio of medians to a prospective study, with 95 % credible intervals.",
        plot_bias,
        {"density": densities, "effects": tables["bias"], "reports": reports},
        tuple(dict.fromkeys(reports["study"])),
        alt=" ".join(common),
        endpoint=endpoint.id,
    )
    findings = (
        Finding(
            "Are retrospective reports optimistic or pessimistic?",
            (f"{about}.", *common),
            pictures=(picture,),
        ),
        Finding(
            "How far do the biases of single reports differ?",
            tuple(_spread(tables, answer.biased.priors[BIAS_PRIOR])),
            () if reports.empty else (_reports(reports),),
        ),
        Finding("What would a prospective study show?", *_medians(answer)),
        Finding("Do small cohorts report longer medians?", tuple(_slope(tables["funnel_slope"]))),
        Finding(
            "Which reported medians lie outside of the funnel?",
            tuple(_funnel(tables["funnel"])),
            pictures=tuple(_funnel_picture(tables["funnel"], name, about)),
        ),
    )
    fits = {"usual model": answer.usual, "with biases": answer.biased}
    advice = (fit.diagnosis.advice for fit in fits.values())
    optional = "Optional: pooled answers allow for design, and for no bias of single reports."
    answered = Result(
        name="bias",
        title=f"{name}: biases and small studies",
        lead=(optional, *dict.fromkeys(filter(None, advice))),
        findings=findings,
        tables=tables,
        verdicts={f"{which}, {endpoint.id}": fit.diagnosis.verdict for which, fit in fits.items()},
    )
    return replace(answered, texts={"bias.md": markdown(answered)})


def _funnel_picture(funnel: pd.DataFrame, name: str, about: str) -> Iterator[Picture]:
    """The funnel; none where no median has a place in it."""
    shown = funnel[funnel["shown"].astype(bool)]
    if not shown.empty:
        endpoint, spread = shown["endpoint"].iloc[0], shown["study_sd"].iloc[0]
        yield Picture(
            f"funnel_{endpoint}",
            f"{name}: funnel of reported medians",
            f"{about}, {numbers.count(len(shown), 'reported median')} over the median that the "
            "other cohorts lead to expect, by the standard error of the log median. Dashed: 95 % "
            "limits by sampling error alone; dotted: with the spread of studies (SD "
            f"{numbers.decimal(spread, 2)}) added.",
            plot_funnel,
            {"table": shown},
            tuple(dict.fromkeys(shown["study"])),
            alt=" ".join(_funnel(funnel)),
            endpoint=endpoint,
        )


def _ratio(row: Any, name: str = "") -> str:
    return written(row, numbers.ratio, name)


def _common(answer: BiasAnalysis, vocabulary: Vocabulary) -> Iterator[str]:
    kinds = {row.kind: row for row in answer.tables["bias_kinds"].itertuples(index=False)}
    first, second = (
        f"{numbers.count(row.reports, f'{row.kind} report')} "
        f"({numbers.size_words(row.cohorts, row.patients)})"
        for row in (kinds[RETROSPECTIVE], kinds[PROSPECTIVE])
    )
    silent = kinds[funnels.NOT_STATED].reports
    without = f"; {numbers.count(silent, 'report')} without a stated design" if silent else ""
    yield f"{first} stand against {second}{without}."
    rows = answer.tables["bias"].set_index(["effect", "which"])
    before, after = rows.loc[COMMON, "prior"], rows.loc[COMMON, "posterior"]
    if not (kinds[RETROSPECTIVE].reports and kinds[PROSPECTIVE].reports):
        yield share_words(1.0, told=False)
        yield f"By it retrospective reports show {_ratio(before)} times the prospective median."
        return
    yield (
        f"Under the same treatment retrospective reports show {_ratio(after)} times the median of "
        f"prospective ones (prior {_ratio(before)}). They are optimistic with a probability of "
        f"{numbers.chance(after['p_optimistic'])}. {share_words(after['prior_share'], told=True)}"
    )
    both = treatments_of_both_kinds(answer.biased, vocabulary)
    yield (
        f"Treatments with reports of both kinds: {', '.join(map(numbers.in_sentence, both))}. "
        "Elsewhere a bias looks like an effect of the treatment."
        if both
        else "No treatment has reports of both kinds: the priors alone tell a bias from an effect "
        "of treatment."
    )
    yield (
        "The common bias also holds differences between the patients: those who enter a "
        "prospective study are chosen."
    )


def _spread(tables: Mapping[str, pd.DataFrame], prior: Prior) -> Iterator[str]:
    rows, reports = tables["bias"].set_index(["effect", "which"]), tables["bias_reports"]
    before, after = rows.loc[SPREAD, "prior"], rows.loc[SPREAD, "posterior"]
    if not after["cohorts"]:
        yield share_words(1.0, told=False)
        return
    yield (
        "One retrospective report in forty is flattered by more than the factor "
        f"{_ratio(after)}, and as many are disfavoured (prior {_ratio(before)}, SD "
        f"{prior.parameters}). {share_words(after['prior_share'], told=True)}"
    )
    beyond = reports[(reports["own_lower"] > 1.0) | (reports["own_upper"] < 1.0)].head(_NAMED)
    listed = [f"{row.cohort_label}, {_ratio(row, 'own')}" for row in beyond.itertuples(index=False)]
    yield (
        f"Beyond the common bias stand {'; '.join(listed)}."
        if listed
        else "No report can be told from the others: the 95 % interval of what each has beyond the "
        "common bias holds 1."
    )


def _reports(reports: pd.DataFrame) -> Table:
    return table_of(
        "Bias of each retrospective report.",
        reports.itertuples(index=False),
        (
            ("Retrospective report", "", lambda row: row.cohort_label),
            ("Patients", "num", lambda row: row.patients),
            ("Bias (ratio of medians)", "num", _ratio),
            ("P(optimistic)", "num", lambda row: numbers.chance(row.p_optimistic)),
        ),
    )


def _medians(answer: BiasAnalysis) -> tuple[tuple[str], tuple[Table]]:
    """What a prospective study would show, in a sentence and by treatment."""
    medians = answer.tables["bias_medians"]
    half, prospective = (
        medians[medians["population"] == own] for own in (HALF_WAY, AS_PROSPECTIVE)
    )
    ratios = prospective["ratio_to_pooled"]
    ends = dict.fromkeys(map(numbers.ratio, (ratios.min(), ratios.max())))
    tells = answer.biased.data.tells_histology
    mixed = f", {numbers.mixed_share(answer.reference_mix)}" if tells else ""
    words = (
        f"Medians of the average prospective study{mixed}. With the bias model it would show "
        f"{' to '.join(ends)} times the pooled median."
    )
    table = table_of(
        "Medians without and with the bias model.",
        zip(half.itertuples(), prospective.itertuples(), strict=True),
        (
            ("Median, months", "", lambda pair: pair[0].treatment),
            ("Pooled (usual)", "num", lambda pair: written(pair[0], numbers.months, "usual")),
            ("Bias model", "num", lambda pair: written(pair[0], numbers.months, "biased")),
            ("Ratio", "num", lambda pair: numbers.ratio(pair[0].ratio)),
            ("As prospective", "num", lambda pair: written(pair[1], numbers.months, "biased")),
            ("Ratio", "num", lambda pair: numbers.ratio(pair[1].ratio_to_pooled)),
        ),
        note="Ratios are to the pooled median of the usual model.",
    )
    return (words,), (table,)


def _slope(table: pd.DataFrame) -> Iterator[str]:
    slopes = {row.reports: row for row in table.itertuples(index=False)}
    if not slopes:
        yield "There are too few reported medians to draw a line through."
        return
    whole = slopes.pop(funnels.ALL)
    yield (
        "Regression of the log median on its standard error over "
        f"{numbers.count(whole.points, 'median')} "
        f"({numbers.size_words(whole.cohorts, whole.patients)}): all else alike a cohort of "
        f"{funnels.SMALL} patients reports {_ratio(whole, 'factor')} times the median of one of "
        f"{funnels.LARGE}, a longer one with a probability of {numbers.chance(whole.p_positive)}. "
        f"{share_words(whole.prior_share, told=True)}"
    )
    yield (
        f"Only a factor of {numbers.ratio(whole.detectable)} or more would have stood out. A slope "
        "is no proof of selective publication: small cohorts may have had other patients."
    )
    parts = [
        f"{row.reports} {_ratio(row, 'factor')} times ({numbers.count(row.points, 'median')})"
        for row in slopes.values()
    ]
    if parts:
        yield f"By the kind of report: {'; '.join(parts)}."


def _funnel(funnel: pd.DataFrame) -> Iterator[str]:
    has_place = funnel["shown"].astype(bool)
    shown, others = funnel[has_place], funnel[~has_place]
    if not shown.empty:
        beyond = shown[shown["beyond"].astype(bool)].sort_values("z", key=abs, ascending=False)
        listed = "; ".join(
            f"{row.cohort_label} ({numbers.in_sentence(row.treatment)}, "
            f"{numbers.months(row.printed_months)} months reported, "
            f"{numbers.months(row.expected_months)} expected)"
            for row in beyond.head(_NAMED).itertuples(index=False)
        )
        yield (
            f"{len(beyond) or 'None'} of {numbers.count(len(shown), 'reported median')} "
            f"{'lies' if len(beyond) == 1 else 'lie'} further from what the other cohorts lead to "
            f"expect than 95 % should, where {numbers.decimal(0.05 * len(shown), 1)} would by "
            f"chance{f': {listed}' if listed else ''}."
        )
        doubtful = shown[~shown["reliable"].astype(bool)]["cohort_label"].head(_NAMED)
        if len(doubtful):
            yield f"What is expected is unreliable without {', '.join(doubtful)}."
    if not others.empty:
        counts = others["reason"].value_counts(sort=False)
        reasons = (f"{reason} ({numbers.count(n, 'arm')})" for reason, n in counts.items())
        yield f"Listed apart, with no place in the funnel: {'; '.join(reasons)}."
