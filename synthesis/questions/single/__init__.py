r"""What one published difference between pure and mixed tumours means, alone and once pooled.

*Alone* is told in :mod:`synthesis.questions.single.alone`.

*Selected*: what is published because p < 0.05 is larger than the truth on average (type M error)
and may have the wrong sign (type S; Gelman & Carlin 2014, doi 10.1177/1745691614551642). Both come
from simulated studies of the same size under curves as drawn from the pool, every patient followed
to the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from priors.catalogue import MEAN_PRIOR
from studies import Registry
from studies.figures import histology_of, outcome_of
from studies.schema import NOT_REACHED
from studies.selection import CohortRef
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Curve, NamedGroup, histology_effect, named_groups, summarise
from synthesis.fits import PooledSurvival
from synthesis.model.families import FAMILIES
from synthesis.model.records import median_months
from synthesis.numbers import capitalised, chance, in_sentence, percent
from synthesis.questions.contrasts import written
from synthesis.questions.histology_effects import (
    MOSTLY_PRIOR,
    PREDICTIVE,
    PROGNOSTIC,
    Effect,
    effect_densities,
    effect_rows,
    effects_table,
    histology_effects,
    telling,
)
from synthesis.questions.single.alone import alone_table, log_ratios, pair_of, ratio_alone
from synthesis.result import Finding, Picture, Result, Table, names, table_of

#: Report whose result is the starting point of this project.
STARTING_POINT = "sparano2021"

#: Name of prognostic and predictive effect together, and of the truth as the pool has it.
BOTH, POOLED_TRUTH = "both", "as pooled"

#: Two-sided p below which a difference is taken for one that is published as such.
SIGNIFICANT = 0.05

#: True ratios at which studies of the same size are simulated, beside those drawn from the pool.
TRUE_RATIOS = (1.25, 1.5, 2.0, 3.0)

EXAGGERATION_COLUMNS = names("truth true_ratio power wrong_sign shown_ratio exaggeration")


@dataclass(frozen=True)
class SingleResult:
    """One report's difference between pure and mixed tumours.

    Attributes
    ----------
    label, treatment : str
        Of the cohort.
    reported : ReportedGroups
    alone : DataFrame
        ``family, weight, estimate, lower, upper, p_above_one``: ratio of medians by this result
        alone, under each family, then weighted as in the pool.
    effects : DataFrame
        Prior and posterior of the pool: prognostic, predictive, and both together under the
        treatment.
    density : DataFrame
        ``parameter, label, which, x, density``: alone, then those of ``effects``.
    as_large_by_chance : float
        Probability of a ratio of medians at least as far from one, either way, under no effect.
    as_significant_by_chance : float
        Probability of a log-rank p as small under no effect; not a number where none is reported.
    as_large_expected : float
        Probability, under the pooled posterior, that such a study prints at least this ratio.
    exaggeration : DataFrame
        :data:`EXAGGERATION_COLUMNS`: power, probability of the wrong sign among significant
        results, the ratio that these show (geometric mean), and the mean of the absolute log ratio
        shown over that of the true one.
    """

    label: str
    treatment: str
    reported: ReportedGroups
    alone: pd.DataFrame = field(repr=False)
    effects: pd.DataFrame = field(repr=False)
    density: pd.DataFrame = field(repr=False)
    as_large_by_chance: float
    as_significant_by_chance: float
    as_large_expected: float
    exaggeration: pd.DataFrame = field(repr=False)


@dataclass(frozen=True)
class ReportedGroups:
    """Medians that a report gives of its pure and its mixed patients.

    Attributes
    ----------
    pure, mixed : float
        Months.
    n_pure, n_mixed : int or None
    p : str
        Of their comparison, as reported; empty where there is none.
    """

    pure: float
    mixed: float
    n_pure: int | None
    n_mixed: int | None
    p: str

    @property
    def ratio(self) -> float:
        """Ratio of the medians, mixed to pure."""
        return self.mixed / self.pure

    @property
    def patients(self) -> int | None:
        """Patients of both groups; None where neither size is known."""
        sizes = [size for size in (self.n_pure, self.n_mixed) if size is not None]
        return sum(sizes) if sizes else None


def reported_groups(fit: PooledSurvival, ref: CohortRef) -> ReportedGroups | None:
    """Medians by histology of one cohort; ``None`` where it does not report both."""
    medians, sizes = {}, {}
    view, keep = fit.data.view, fit.data.view.keep(ref.study)
    for group in ref.cohort.subgroups:
        histology = histology_of(group, use_read_as=view.use_read_as)
        outcome = outcome_of(group, view.endpoint, keep)
        if histology and outcome is not None and outcome.median != NOT_REACHED:
            medians[histology] = median_months(outcome)
            sizes[histology] = group.n
    if set(medians) != {"pure", "mixed"}:
        return None
    p = next(
        (
            str(c.p)
            for c in filter(keep, ref.study.comparisons)
            if c.endpoint == fit.data.endpoint and set(c.groups) == {"pure", "mixed"}
        ),
        "",
    )
    return ReportedGroups(medians["pure"], medians["mixed"], sizes["pure"], sizes["mixed"], p)


def reported_ratios(fit: PooledSurvival) -> pd.DataFrame:
    """Ratios of medians, mixed to pure, as reports give them, a row a cohort.

    Returns
    -------
    DataFrame
        ``endpoint, label, ratio, mixed, pure`` (months), ``n_mixed, n_pure, patients, p``.
    """
    every = {ref.label: reported_groups(fit, ref) for ref in fit.data.cohorts}
    return _reported_frame(fit.data.endpoint, {label: own for label, own in every.items() if own})


def _reported_frame(endpoint: str, groups: Mapping[str, ReportedGroups]) -> pd.DataFrame:
    rows = [
        vars(own) | {"label": label, "ratio": own.ratio, "patients": own.patients}
        for label, own in groups.items()
    ]
    columns = names("label ratio mixed pure n_mixed n_pure patients p")
    frame = pd.DataFrame(rows, columns=columns).assign(endpoint=endpoint)
    return frame.astype(dict.fromkeys(("n_mixed", "n_pure", "patients"), "Int64"))


def results_by_histology(fit: PooledSurvival) -> list[CohortRef]:
    """Counted cohorts whose pure and mixed patients entered apart by their medians.

    That of the :data:`STARTING_POINT` first.
    """
    apart = {fit.data.cohorts[a.cohort].id for a in fit.data.arms if a.histology == "mixed"}
    both = [r for r in fit.data.cohorts if r.id in apart and reported_groups(fit, r) is not None]
    return sorted(both, key=lambda ref: ref.study.id != STARTING_POINT)


def single_result(fit: PooledSurvival, ref: CohortRef, vocabulary: Vocabulary) -> SingleResult:
    """Say what one report's difference between pure and mixed tumours means.

    Parameters
    ----------
    fit : SurvivalFit or StackedFit
        Of the pool that the cohort is part of.
    ref : CohortRef
        One of :func:`results_by_histology`.
    vocabulary : Vocabulary

    Raises
    ------
    ValueError
        If the cohort is not counted with medians of both groups; names those that are.
    """
    possible = results_by_histology(fit)
    if ref.id not in [item.id for item in possible]:
        known = ", ".join(item.id for item in possible) or "none"
        raise ValueError(
            f"cohort: found {ref.id}, expected one that reports medians of pure and of mixed "
            f"patients, which are {known}"
        )
    reported = reported_groups(fit, ref)
    pair = pair_of(fit, ref)
    group = next(
        g
        for g in named_groups(fit, vocabulary)
        if not g.is_class and g.cohorts[0].treatment == ref.treatment
    )
    densities = {name: ratio_alone(pair, FAMILIES[name], fit.priors) for name in _weights(fit)}
    together = sum(weight * densities[name] for name, weight in _weights(fit).items())
    effects = _effects(fit, group)
    like = _own_curve(fit, ref)
    rng = np.random.default_rng([fit.seed, 11])
    study = _Study(like, pair.pure.n, pair.mixed.n, rng)
    effect = histology_effect(fit, group.group)
    chance, expected = study.simulate(np.zeros(effect.size)), study.simulate(effect)
    p = _p_value(reported.p)
    return SingleResult(
        label=ref.label,
        treatment=group.label,
        reported=reported,
        alone=alone_table(densities, _weights(fit), together),
        effects=effects_table(fit.data.endpoint, effects),
        density=_density_table(fit.data.endpoint, together, effects),
        as_large_by_chance=float(np.mean(np.abs(chance.log_ratio) >= abs(np.log(reported.ratio)))),
        as_significant_by_chance=np.nan if p is None else float(np.mean(chance.p <= p)),
        as_large_expected=_as_large(expected.log_ratio, np.log(reported.ratio)),
        exaggeration=_exaggeration(study, effect),
    )


def _as_large(log_ratio: np.ndarray, reported: float) -> float:
    """Share of ratios that go as far in the direction of the reported one."""
    return float(np.mean(log_ratio >= reported if reported >= 0.0 else log_ratio <= reported))


def _p_value(reported: str) -> float | None:
    """A reported p value as a number, be it a bound."""
    try:
        return float(reported.strip("p<=> "))
    except ValueError:
        return None


def _weights(fit: PooledSurvival) -> dict[str, float]:
    """Weight of each family by its name; those without any are left out."""
    labels = {family.label: name for name, family in FAMILIES.items()}
    return {labels[label]: w for label, w in fit.family_weights.items() if w > 0.0}


def _own_curve(fit: PooledSurvival, ref: CohortRef) -> Curve:
    """Draws of the curve of a cohort, with a median of one."""
    index = fit.data.cohorts.index(ref)
    log_shape = fit.flat("log_shape")[:, index]
    treatment = fit.data.treatments.index(ref.treatment)
    tail = fit.flat("tail_mean") + fit.flat("tail_treatment_effect")[:, treatment]
    shape = np.exp(log_shape * fit.has_shape)
    return Curve(np.ones(log_shape.size), shape, fit.draw_family, tail)


# --- Once pooled ---------------------------------------------------------------------------------


def _effects(fit: PooledSurvival, group: NamedGroup) -> list[Effect]:
    """Prognostic, predictive, and both together under the treatment."""
    prognostic, predictive, *_ = histology_effects(fit, [group], None)
    both = prognostic.prior.model_copy(
        update={
            "location": prognostic.prior.location + predictive.prior.location,
            "scale": float(np.hypot(prognostic.prior.scale, predictive.prior.scale)),
        }
    )
    label = f"Pooled: mixed against pure under {in_sentence(group.label)}"
    total = prognostic.draws + predictive.draws
    pooled = Effect(BOTH, group.label, "", label, both, total, *telling(fit, group))
    return [pooled, prognostic, predictive]


def _density_table(endpoint: str, together: np.ndarray, effects: Sequence[Effect]) -> pd.DataFrame:
    near = np.flatnonzero(together > 1e-4 * together.max())
    inside = slice(near[0], near[-1] + 1)
    x = log_ratios()[inside]
    known = NormalDist(MEAN_PRIOR.location, MEAN_PRIOR.scale)
    about = {"parameter": "alone", "label": "This result alone", "endpoint": endpoint}
    kinds = {"prior": [known.pdf(value) for value in x], "posterior": together[inside]}
    alone = [
        pd.DataFrame(about | {"which": kind, "x": np.exp(x), "density": density})
        for kind, density in kinds.items()
    ]
    return pd.concat([*alone, effect_densities(endpoint, effects)], ignore_index=True)


# --- Selected ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Results:
    """Simulated results: log ratio of sample medians, and two-sided log-rank p."""

    log_ratio: np.ndarray
    p: np.ndarray


@dataclass(frozen=True)
class _Study:
    """A study of so many pure and mixed patients, its curve as drawn."""

    like: Curve
    n_pure: int
    n_mixed: int
    rng: np.random.Generator

    def simulate(self, effect: np.ndarray) -> _Results:
        """Results at true log ratios, one for each draw of the curve."""
        mixed = replace(self.like, median=self.like.median * np.exp(effect))
        draws = effect.size
        times = [
            own.quantile(self.rng.uniform(size=(draws, size)))
            for own, size in ((self.like, self.n_pure), (mixed, self.n_mixed))
        ]
        medians = [np.median(own, axis=1) for own in times]
        return _Results(np.log(medians[1] / medians[0]), logrank_p(times[0], times[1]))


def logrank_p(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two-sided p values of log-rank tests, every patient followed to the event.

    Parameters
    ----------
    first, second : ndarray, shape (studies, patients)
        Times of either group, no two alike.

    Returns
    -------
    ndarray, shape (studies,)
    """
    times = np.concatenate([first, second], axis=1)
    is_first = np.arange(times.shape[1]) < first.shape[1]
    died = np.broadcast_to(is_first, times.shape)
    died = np.take_along_axis(died, np.argsort(times, axis=1), axis=1).astype(float)
    at_risk = times.shape[1] - np.arange(times.shape[1])
    own = np.cumsum(died[:, ::-1], axis=1)[:, ::-1]
    share = own / at_risk
    score = (died - share).sum(axis=1)
    variance = (share * (1.0 - share)).sum(axis=1)
    return 2.0 * ndtr(-np.abs(score) / np.sqrt(variance))


def _exaggeration(study: _Study, effect: np.ndarray) -> pd.DataFrame:
    truths = {POOLED_TRUTH: effect}
    truths |= {f"{ratio:g}": np.full(effect.size, np.log(ratio)) for ratio in TRUE_RATIOS}
    rows = []
    for name, truth in truths.items():
        results = study.simulate(truth)
        chosen = results.p < SIGNIFICANT
        row = {
            "truth": name,
            "true_ratio": summarise(np.exp(truth)).estimate,
            "power": float(chosen.mean()),
        }
        if chosen.any():
            shown, true = results.log_ratio[chosen], truth[chosen]
            row["wrong_sign"] = float(np.mean(np.sign(shown) != np.sign(true)))
            row["shown_ratio"] = float(np.exp(np.mean(shown * np.sign(true))))
            row["exaggeration"] = float(np.mean(np.abs(shown)) / np.mean(np.abs(true)))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(EXAGGERATION_COLUMNS))


# --- In words ------------------------------------------------------------------------------------

LEAD = (
    "What one report's own difference between pure and mixed tumours says alone, what is left of "
    "it beside every other report, and how often chance alone would show as much."
)

#: Results of each endpoint.
Singles = Mapping[str, Sequence[SingleResult]]


def result(singles: Singles, registry: Registry) -> Result:
    """Say what single results mean, alone and once pooled; all but the first are folded.

    Parameters
    ----------
    singles : mapping
        Endpoint -> results, as :class:`~synthesis.questions.histology.Findings` has them.
    registry : Registry
    """
    vocabulary = registry.vocabulary
    findings = [
        Finding(
            f"{own.label}, {endpoint_of(endpoint).words(vocabulary)}",
            sentences(own),
            (_alone_result_table(own), _exaggeration_result_table(own)),
            folded=number > 0,
        )
        for number, (endpoint, own) in enumerate(_each(singles))
    ]
    if not findings:
        return Result("single", "One study in context")
    pictures = (_picture(singles, vocabulary),)
    findings[0] = replace(findings[0], pictures=pictures)
    exaggerated = [
        own.exaggeration.assign(endpoint=e, label=own.label) for e, own in _each(singles)
    ]
    tables = {"single_results": pd.concat(exaggerated, ignore_index=True)}
    return Result("single", "One study in context", (LEAD,), tuple(findings), tables)


def _each(singles: Singles) -> Iterator[tuple[str, SingleResult]]:
    return ((endpoint, own) for endpoint, results in singles.items() for own in results)


def sentences(own: SingleResult) -> tuple[str, ...]:
    """What one report's difference between pure and mixed tumours means, by paragraphs."""
    treatment, last = in_sentence(own.treatment), own.alone.iloc[-1]
    both, prognostic, predictive = (
        next(
            own.effects[
                (own.effects["which"] == "posterior") & (own.effects["effect"] == name)
            ].itertuples(index=False)
        )
        for name in (BOTH, PROGNOSTIC, PREDICTIVE)
    )
    return (
        _reported_words(own.reported, own.label, treatment),
        f"Alone, with next to nothing believed beforehand, its medians"
        f"{' and p value' if own.reported.p else ''} give a ratio of "
        f"{written(last, numbers.ratio)}, above 1 with a probability of "
        f"{chance(last.p_above_one)}. Alone it cannot tell mixed tumours that live longer under "
        f"any treatment from mixed tumours that gain more from {treatment}.",
        f"Pooled with every other report, mixed tumours under {treatment} live "
        f"{written(both, numbers.ratio)} times as long as pure ones in the median. Of this, "
        f"{written(prognostic, numbers.ratio)} is prognostic, the same under any treatment "
        f"({percent(prognostic.prior_share)} % of it assumption). A further "
        f"{written(predictive, numbers.ratio)} is predictive, what {treatment} adds "
        f"({percent(predictive.prior_share)} % of it assumption). What tells the one from the "
        f"other is {_told_by(predictive.prior_share)}.",
        _chance_words(own),
        _selected_words(own),
    )


def _reported_words(reported: ReportedGroups, label: str, treatment: str) -> str:
    p = f", p {reported.p if reported.p[0] in '<>=' else f'= {reported.p}'}" if reported.p else ""
    sides = (
        f"a median of {median:g} months in "
        f"{'an unstated number of' if n is None else n} patients with {histology} tumours"
        for histology, median, n in (
            ("mixed", reported.mixed, reported.n_mixed),
            ("pure", reported.pure, reported.n_pure),
        )
    )
    return (
        f"{label} reports {' and '.join(sides)} under {treatment}{p}: a ratio of "
        f"{numbers.ratio(reported.ratio)}."
    )


def _told_by(share: float) -> str:
    if share > MOSTLY_PRIOR:
        return "the prior, hardly the data"
    return "the prior more than the data" if share > 0.5 else "the data more than the prior"


def _chance_words(own: SingleResult) -> str:
    words = (
        f"By chance alone, {percent(own.as_large_by_chance)} % of studies this small would show "
        "medians this far apart"
    )
    if own.as_significant_by_chance == own.as_significant_by_chance:
        words += f", and {percent(own.as_significant_by_chance)} % a log-rank p this small"
    return (
        f"{words}. If the pooled effect is true, {percent(own.as_large_expected)} % would show at "
        "least this ratio."
    )


def _selected_words(own: SingleResult) -> str:
    pooled, *fixed = own.exaggeration.itertuples(index=False)
    words = (
        f"What is published because p < {SIGNIFICANT:g} overstates. If the effect is as pooled "
        f"(which has learned from this result too), {percent(pooled.power)} % of studies of this "
        "size would reach it"
    )
    if pooled.exaggeration == pooled.exaggeration:
        words += (
            f", and those would show {numbers.ratio(pooled.exaggeration)} times the true log ratio "
            "on average"
        )
    parts = [
        f"at a true ratio of {numbers.ratio(row.true_ratio)}, {percent(row.power)} % of them, "
        f"which show {numbers.ratio(row.shown_ratio)} on average"
        + (f", {percent(row.wrong_sign)} % with the wrong sign" if row.wrong_sign >= 0.005 else "")
        for row in fixed
        if row.shown_ratio == row.shown_ratio
    ]
    return f"{words}. {capitalised('; '.join(parts))}{'.' * bool(parts)}".rstrip()


def _alone_result_table(own: SingleResult) -> Table:
    return table_of(
        "By this result alone.",
        own.alone.itertuples(index=False),
        [
            ("Survival family", "", lambda row: row.family),
            ("Weight in the pool, %", "num", lambda row: percent(row.weight)),
            ("Ratio of medians", "num", lambda row: written(row, numbers.ratio)),
            ("P(above 1)", "num", lambda row: chance(row.p_above_one)),
        ],
        note="With 95 % intervals.",
        narrow=True,
    )


def _exaggeration_result_table(own: SingleResult) -> Table:
    def text(value: float, write: numbers.Writer) -> str:
        return numbers.interval(value, None, None, write)

    def truth(row: Any) -> str:
        return f"{numbers.ratio(row.true_ratio)}{' (as pooled)' * (row.truth == POOLED_TRUTH)}"

    return table_of(
        "What significant results of a study of this size show.",
        own.exaggeration.itertuples(index=False),
        [
            ("True ratio", "num", truth),
            ("Studies that are significant, %", "num", lambda row: percent(row.power)),
            ("of these with the wrong sign, %", "num", lambda row: text(row.wrong_sign, percent)),
            ("Ratio they show on average", "num", lambda r: text(r.shown_ratio, numbers.ratio)),
            ("Exaggeration of the log ratio", "num", lambda r: text(r.exaggeration, numbers.ratio)),
        ],
        narrow=True,
    )


def _effect_rows(own: SingleResult) -> pd.DataFrame:
    """The result alone, then what the pool says, with their priors."""
    low, high = MEAN_PRIOR.implied()
    last = own.alone.iloc[-1]
    alone = {
        "parameter": "alone",
        "label": "This result alone",
        "prior": MEAN_PRIOR.natural(MEAN_PRIOR.location),
        **{"prior_lower": low, "prior_upper": high, "posterior": last["estimate"]},
        **{"posterior_lower": last["lower"], "posterior_upper": last["upper"]},
        **{"prior_share": np.nan, "cohorts": 1, "patients": own.reported.patients or 0},
    }
    pooled = effect_rows(own.effects, own.density)
    return pd.concat([pd.DataFrame([alone]), pooled], ignore_index=True)


def _picture(singles: Singles, vocabulary: Vocabulary) -> Picture:
    from synthesis.plots.histology import plot_singles

    frames: dict[str, list[pd.DataFrame]] = {}
    for number, (endpoint, own) in enumerate(_each(singles)):
        parts = {
            "density": own.density,
            "effects": _effect_rows(own),
            "reported": _reported_frame(endpoint, {own.label: own.reported}),
            "shown": own.exaggeration,
        }
        for name, frame in parts.items():
            frames.setdefault(name, []).append(frame.assign(result=number))
    caption = (
        "Differences between mixed and pure tumours that reports give, as ratios of medians in "
        f"{vocabulary.subject_words}: as reported, by each result alone, once pooled, and the "
        "prognostic and predictive parts of the pooled ratio, with 95 % intervals. Beside: what "
        "significant results of studies of the same size show at stated true ratios."
    )
    first = next(own for _, own in _each(singles))
    return Picture(
        "single_results",
        "Reports of pure and mixed tumours, alone and once pooled",
        caption,
        plot_singles,
        {name: pd.concat(parts, ignore_index=True) for name, parts in frames.items()},
        alt=_chance_words(first),
    )
