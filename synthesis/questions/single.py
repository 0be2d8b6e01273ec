r"""What one published difference between pure and mixed tumours means, alone and once pooled.

*Alone*: the two medians and their comparison enter the likelihood of the pool (order statistics;
the log-rank p given the medians), with next to nothing believed beforehand: the log ratio of
medians :math:`\beta \sim \mathrm{Normal}(0, 2^2)`, the mean of both log medians within the same
spread of that of any cohort, log shape and tail as of any cohort before data. On a lattice of log
medians :math:`a`,

.. math::
   p(\beta \mid y) \propto p(\beta)\, e^{\beta^2/8s^2} \int L_c(\beta, k) \int
   L_\mathrm{pure}(a, k)\, \varphi(a)\, L_\mathrm{mixed}(a + \beta, k)\, \varphi(a + \beta)\,da\;
   p(k)\,dk, \qquad \varphi(a) = e^{-(a - \mu_0)^2/4s^2},

(the product of both :math:`\varphi` and the factor before is the prior of the mean, of SD ``s``), a
correlation of two curves at each Gauss-Hermite node of shape and tail; no sampler.

*Selected*: what is published because p < 0.05 is larger than the truth on average (type M error)
and may have the wrong sign (type S; Gelman & Carlin 2014, doi 10.1177/1745691614551642). Both come
from simulated studies of the same size under curves as drawn from the pool, every patient followed
to the event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr

from priors import MEAN_PRIOR, Priors
from studies import Registry
from studies.figures import histology_of, outcome_of
from studies.schema import NOT_REACHED
from studies.selection import CohortRef
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Curve, NamedGroup, histology_effect, named_groups, summarise
from synthesis.fits import PooledSurvival
from synthesis.model.comparisons import Place, comparison_log_likelihood
from synthesis.model.families import FAMILIES, Family
from synthesis.model.likelihoods import arm_log_likelihood
from synthesis.model.observations import Arm, ArmComparison
from synthesis.model.records import median_months
from synthesis.model.survival import SHAPE_PRIOR, TAIL_PRIOR
from synthesis.numbers import chance, in_sentence, percent, written
from synthesis.predictive import MOST_SIMULATED
from synthesis.questions import histology_effects as histology
from synthesis.questions.contrasts import treatments_by_id
from synthesis.questions.effects import (
    MOSTLY_PRIOR,
    Effect,
    effect_densities,
    effect_rows,
    effects_table,
)
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

    ``alone`` (``family, weight, estimate, lower, upper, p_above_one``) is the ratio of medians by
    this result alone, under each family, then weighted as in the pool; ``effects`` are prior and
    posterior of the pool: prognostic, predictive, both together under the treatment; ``density``
    (``parameter, label, which, x, density``) is of ``alone``, then of these.

    Probabilities: under no effect, of a ratio of medians at least as far from one, either way
    (``as_large_by_chance``), and of a log-rank p as small (``as_significant_by_chance``; NaN where
    none is reported); under the pooled posterior, of a printed ratio of at least this size
    (``as_large_expected``). ``exaggeration`` has :data:`EXAGGERATION_COLUMNS`: power, probability
    of the wrong sign among significant results, the ratio that these show (geometric mean), and
    the mean of the absolute log ratio shown over that of the true one.
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
    """Medians in months that a report gives of its pure and its mixed patients.

    Its p is that of their comparison, as reported; empty where there is none.
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
        return (self.n_pure or 0) + (self.n_mixed or 0) or None


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

    Columns ``label, ratio, mixed, pure`` (months), ``n_mixed, n_pure, patients, p, endpoint``.
    """
    every = ((ref.label, reported_groups(fit, ref)) for ref in fit.data.cohorts)
    return _reported_frame(fit.data.endpoint, {label: own for label, own in every if own})


def _reported_frame(endpoint: str, groups: Mapping[str, ReportedGroups]) -> pd.DataFrame:
    columns = names("label ratio mixed pure n_mixed n_pure patients p")
    rows = [[label, *(getattr(own, name) for name in columns[1:])] for label, own in groups.items()]
    frame = pd.DataFrame(rows, columns=columns).assign(endpoint=endpoint)
    return frame.astype(dict.fromkeys(("n_mixed", "n_pure", "patients"), "Int64"))


def results_by_histology(fit: PooledSurvival) -> list[CohortRef]:
    """Counted cohorts whose groups entered by their medians, that of STARTING_POINT first."""
    apart = {
        fit.data.cohorts[a.cohort].id for a in fit.data.arms if a.histology == "mixed" and a.chains
    }
    both = [r for r in fit.data.cohorts if r.id in apart and reported_groups(fit, r) is not None]
    return sorted(both, key=lambda ref: ref.study.id != STARTING_POINT)


def single_result(fit: PooledSurvival, ref: CohortRef, vocabulary: Vocabulary) -> SingleResult:
    """Say what one report's difference between pure and mixed tumours means, alone and pooled.

    ValueError, naming the possible ones, for a cohort that is not counted with both medians.
    """
    possible = [own.id for own in results_by_histology(fit)]
    if ref.id not in possible:
        known = ", ".join(possible) or "none"
        raise ValueError(
            f"cohort: found {ref.id}, expected one that reports medians of pure and of mixed "
            f"patients, which are {known}"
        )
    reported, pair = reported_groups(fit, ref), pair_of(fit, ref)
    groups = [own for own in named_groups(fit, vocabulary) if not own.is_class]
    group = treatments_by_id(groups)[ref.treatment]
    labels = {family.label: name for name, family in FAMILIES.items()}
    weights = {labels[label]: w for label, w in fit.family_weights.items() if w > 0.0}
    densities = {name: ratio_alone(pair, FAMILIES[name], fit.priors) for name in weights}
    together = sum(weight * densities[name] for name, weight in weights.items())
    effects, effect = _effects(fit, group), histology_effect(fit, group.group)
    # patients of the cohort, as if its median were one
    log_shape = fit.flat("log_shape")[:, fit.data.cohorts.index(ref)]
    tails = fit.flat("tail_treatment_effect")[:, fit.data.treatments.index(ref.treatment)]
    shapes = np.exp(log_shape * fit.has_shape), fit.draw_family, fit.flat("tail_mean") + tails
    like, rng = Curve(np.ones(effect.size), *shapes), np.random.default_rng([fit.seed, 11])
    simulate = partial(_simulated, like, (pair.pure.n, pair.mixed.n), rng)
    ratio, p = np.log(reported.ratio), _p_value(reported.p)
    ratios, p_values = simulate(np.zeros(effect.size))
    expected, _ = simulate(effect)
    return SingleResult(
        label=ref.label,
        treatment=group.label,
        reported=reported,
        alone=_alone_table(densities, weights, together),
        effects=effects_table({fit.data.endpoint: effects}),
        density=_density_table(fit.data.endpoint, together, effects),
        as_large_by_chance=float(np.mean(np.abs(ratios) >= abs(ratio))),
        as_significant_by_chance=np.nan if p is None else float(np.mean(p_values <= p)),
        as_large_expected=float(np.mean(expected >= ratio if ratio >= 0.0 else expected <= ratio)),
        exaggeration=_exaggeration(simulate, effect),
    )


def _p_value(reported: str) -> float | None:
    """A reported p value as a number, be it a bound."""
    try:
        return float(reported.strip("p<=> "))
    except ValueError:
        return None


# --- Alone ---------------------------------------------------------------------------------------

# The lattice of log medians, months: far beyond any curve on either side.
_STEP = 0.02
_LATTICE = np.arange(np.log(0.02), np.log(2000.0), _STEP)
_SHAPE_NODES, _TAIL_NODES = 15, 7

#: Log ratios at which :func:`ratio_alone` gives the density.
LOG_RATIOS = _STEP * np.arange(-(_LATTICE.size - 1), _LATTICE.size)


class Pair(NamedTuple):
    """The two arms of one cohort and their comparison."""

    pure: Arm
    mixed: Arm
    comparison: ArmComparison | None


def pair_of(fit: PooledSurvival, ref: CohortRef) -> Pair:
    """Arms of a cohort whose pure and mixed patients entered apart."""
    index = fit.data.cohorts.index(ref)
    arms = {arm.histology: i for i, arm in enumerate(fit.data.arms) if arm.cohort == index}
    compared = (item for item in fit.data.comparisons if item.first == arms["mixed"])
    return Pair(*(fit.data.arms[arms[name]] for name in ("pure", "mixed")), next(compared, None))


def ratio_alone(pair: Pair, family: Family, priors: Priors) -> np.ndarray:
    """Posterior density of the log ratio of medians by one result alone, at :data:`LOG_RATIOS`."""
    beta = LOG_RATIOS
    centre = priors["overall_median"].location
    # half of the prior of the mean of both log medians with either, as derived above
    log_a = -0.25 * ((_LATTICE - centre) / MEAN_PRIOR.scale) ** 2
    # without the pool every transformation behind an interval is as likely as the others
    arms = [
        (arm, [0.0 if arm.told else -np.log(len(arm.chains))] * len(arm.chains))
        for arm in (pair.pure, pair.mixed)
    ]
    item, second = pair.comparison, 0.0
    if item is not None and item.log_medians is not None:
        second = item.log_medians[1]
    total = np.full(beta.size, -np.inf)
    shape = (SHAPE_PRIOR[family.name], "shape_treatment_sd", "shape_sd") if family.has_shape else ()
    tails = (TAIL_PRIOR[family.name], "tail_treatment_sd") if family.has_tail else ()
    for log_shape, log_shape_weight in _nodes(priors, shape, _SHAPE_NODES):
        for tail, log_tail_weight in _nodes(priors, tails, _TAIL_NODES):
            at = _LATTICE, log_shape, family, tail
            sides = (arm_log_likelihood(arm.chains, weights, *at) + log_a for arm, weights in arms)
            value = _log_correlation(*sides) + log_shape_weight + log_tail_weight
            if item is not None:
                places = (Place(own, log_shape, tail) for own in (second + beta, second))
                value = value + comparison_log_likelihood(item, *places, family)
            total = np.logaddexp(total, value)
    total = total + 0.125 * (beta / MEAN_PRIOR.scale) ** 2
    total = total - 0.5 * ((beta - MEAN_PRIOR.location) / MEAN_PRIOR.scale) ** 2
    density = np.exp(total - total.max())
    return density / (density.sum() * _STEP)


def _log_correlation(pure: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """Log of the sum over ``a`` of two exponentials, the second at ``a`` plus each lag."""
    peaks = pure.max(), mixed.max()
    total = np.correlate(np.exp(mixed - peaks[1]), np.exp(pure - peaks[0]), mode="full")
    return np.log(np.maximum(total, 1e-300)) + sum(peaks)


def _nodes(priors: Priors, of: Sequence[str], count: int) -> list[tuple[float, float]]:
    """Nodes, with log weights, of a mean plus deviations whose SDs have half-normal priors.

    A normal of the same mean and variance stands for it; without priors it is 0.
    """
    if not of:
        return [(0.0, 0.0)]
    sd = np.sqrt(sum(priors[name].scale ** 2 for name in of))
    x, weight = np.polynomial.hermite_e.hermegauss(count)
    return list(zip(priors[of[0]].location + sd * x, np.log(weight / weight.sum()), strict=True))


def _alone_table(
    densities: Mapping[str, np.ndarray], weights: Mapping[str, float], together: np.ndarray
) -> pd.DataFrame:
    """Ratios of medians by one result alone, under each family and weighted as in the pool."""
    rows = [(FAMILIES[name].label, weights[name], own) for name, own in densities.items()]
    rows += [("stacked", 1.0, together)] * (len(rows) > 1)
    known = []
    for label, weight, density in rows:
        reached = np.cumsum(density) * _STEP - 0.5 * density * _STEP
        ratios = np.exp(np.interp((0.5, 0.025, 0.975), reached, LOG_RATIOS)).tolist()
        known.append((label, weight, *ratios, float(1.0 - np.interp(0.0, LOG_RATIOS, reached))))
    return pd.DataFrame(known, columns=names("family weight estimate lower upper p_above_one"))


# --- Once pooled ---------------------------------------------------------------------------------


def _effects(fit: PooledSurvival, group: NamedGroup) -> list[Effect]:
    """Prognostic, predictive, and both together under the treatment."""
    prognostic, predictive, *_ = histology.histology_effects(fit, [group], None)
    one, other = prognostic.prior, predictive.prior
    sum_of = {"location": one.location + other.location}
    sum_of["scale"] = float(np.hypot(one.scale, other.scale))
    both = one.model_copy(update=sum_of)
    label = f"Pooled: mixed against pure under {in_sentence(group.label)}"
    total, sizes = prognostic.draws + predictive.draws, histology.telling(fit, group)
    pooled = Effect(BOTH, label, both, total, *sizes, group.label)
    return [pooled, prognostic, predictive]


def _density_table(endpoint: str, together: np.ndarray, effects: Sequence[Effect]) -> pd.DataFrame:
    near = np.flatnonzero(together > 1e-4 * together.max())
    inside = slice(near[0], near[-1] + 1)
    x = LOG_RATIOS[inside]
    known = NormalDist(MEAN_PRIOR.location, MEAN_PRIOR.scale)
    about = {"parameter": "alone", "label": "This result alone", "endpoint": endpoint}
    kinds = {"prior": [known.pdf(value) for value in x], "posterior": together[inside]}
    alone = [
        pd.DataFrame(about | {"which": kind, "x": np.exp(x), "density": density})
        for kind, density in kinds.items()
    ]
    return pd.concat([*alone, effect_densities(endpoint, effects)], ignore_index=True)


# --- Selected ------------------------------------------------------------------------------------


def _simulated(
    like: Curve, sizes: tuple[int, int], rng: np.random.Generator, effect: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log ratios of sample medians, and log-rank p, of a study a draw, at true log ratios."""
    mixed = replace(like, median=like.median * np.exp(effect))
    first, second = (
        own.quantile(rng.uniform(size=(effect.size, min(size, MOST_SIMULATED))))
        for own, size in zip((like, mixed), sizes, strict=True)
    )
    ratio = np.median(second, axis=1) / np.median(first, axis=1)
    return np.log(ratio), logrank_p(first, second)


def logrank_p(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two-sided p values ``(studies,)`` of log-rank tests, every patient followed to the event.

    Both groups are times ``(studies, patients)``, no two alike.
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


def _exaggeration(
    simulate: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], effect: np.ndarray
) -> pd.DataFrame:
    truths = {POOLED_TRUTH: effect}
    truths |= {f"{ratio:g}": np.full(effect.size, np.log(ratio)) for ratio in TRUE_RATIOS}
    rows = []
    for name, truth in truths.items():
        ratios, p = simulate(truth)
        chosen = p < SIGNIFICANT
        row = [name, summarise(np.exp(truth)).estimate, float(chosen.mean())]
        if chosen.any():
            shown, true = ratios[chosen], truth[chosen]
            row += [
                float(np.mean(np.sign(shown) != np.sign(true))),
                float(np.exp(np.mean(shown * np.sign(true)))),
                float(np.mean(np.abs(shown)) / np.mean(np.abs(true))),
            ]
        rows.append(dict(zip(EXAGGERATION_COLUMNS, row, strict=False)))
    return pd.DataFrame(rows, columns=EXAGGERATION_COLUMNS)


# --- In words ------------------------------------------------------------------------------------

LEAD = (
    "What one report's own difference between pure and mixed tumours says alone, what is left of "
    "it beside every other report, and how often chance alone would show as much."
)

#: Results of each endpoint.
Singles = Mapping[str, Sequence[SingleResult]]


def result(singles: Singles, registry: Registry) -> Result:
    """Say what single results mean, alone and once pooled; all but the first are folded."""
    vocabulary = registry.vocabulary
    findings = [
        Finding(
            f"{own.label}, {endpoint_of(endpoint).words(vocabulary)}",
            sentences(own),
            _tables(own),
            folded=number > 0,
        )
        for number, (endpoint, own) in enumerate(_each(singles))
    ]
    if not findings:
        return Result("single", "One study in context")
    findings[0] = replace(findings[0], pictures=(_picture(singles, vocabulary),))
    exaggerated = [
        own.exaggeration.assign(endpoint=e, label=own.label) for e, own in _each(singles)
    ]
    tables = {"single_results": pd.concat(exaggerated, ignore_index=True)}
    return Result("single", "One study in context", (LEAD,), tuple(findings), tables)


def _each(singles: Singles) -> Iterator[tuple[str, SingleResult]]:
    return ((endpoint, own) for endpoint, results in singles.items() for own in results)


def sentences(own: SingleResult) -> tuple[str, ...]:
    """What one report's difference between pure and mixed tumours means, by paragraphs."""
    treatment, last, reported = in_sentence(own.treatment), own.alone.iloc[-1], own.reported
    after = own.effects[own.effects["which"] == "posterior"]
    both, prognostic, predictive = after.itertuples(index=False)
    data, prior = "the data more than the prior", "the prior more than the data"
    by_share = (data, prior, "the prior, hardly the data")
    limits = (0.5, MOSTLY_PRIOR)
    told_by = by_share[sum(predictive.prior_share > limit for limit in limits)]
    p = reported.p and f", {numbers.printed_p(reported.p)}"
    mixed, pure = (
        f"a median of {median:g} months in "
        f"{'an unstated number of' if n is None else n} patients with {name} tumours"
        for name, median, n in (
            ("mixed", reported.mixed, reported.n_mixed),
            ("pure", reported.pure, reported.n_pure),
        )
    )
    pooled, shown = own.exaggeration.iloc[0], ""
    if not np.isnan(pooled.exaggeration):
        times = numbers.ratio(pooled.exaggeration)
        shown = f", and those would show {times} times the true log ratio on average"
    return (
        f"{own.label} reports {mixed} and {pure} under {treatment}{p}: a ratio of "
        f"{numbers.ratio(reported.ratio)}.",
        f"Alone, with next to nothing believed beforehand, its medians"
        f"{' and p value' if p else ''} give a ratio of "
        f"{written(last, numbers.ratio)}, above 1 with a probability of "
        f"{chance(last.p_above_one)}. Alone it cannot tell mixed tumours that live longer under "
        f"any treatment from mixed tumours that gain more from {treatment}.",
        f"Pooled with every other report, mixed tumours under {treatment} live "
        f"{written(both, numbers.ratio)} times as long as pure ones in the median. Of this, "
        f"{written(prognostic, numbers.ratio)} is prognostic, the same under any treatment "
        f"({percent(prognostic.prior_share)} % of it assumption). A further "
        f"{written(predictive, numbers.ratio)} is predictive, what {treatment} adds "
        f"({percent(predictive.prior_share)} % of it assumption). What tells the one from the "
        f"other is {told_by}.",
        _chance_words(own),
        f"What is published because p < {SIGNIFICANT:g} overstates. If the effect is as pooled "
        f"(which has learned from this result too), {percent(pooled.power)} % of studies of this "
        f"size would reach it{shown}.",
    )


def _chance_words(own: SingleResult) -> str:
    p = own.as_significant_by_chance
    also = "" if np.isnan(p) else f", and {percent(p)} % a log-rank p this small"
    return (
        f"By chance alone, {percent(own.as_large_by_chance)} % of studies this small would show "
        f"medians this far apart{also}. If the pooled effect is true, "
        f"{percent(own.as_large_expected)} % would show at least this ratio."
    )


def _tables(own: SingleResult) -> tuple[Table, Table]:
    """The result alone, and what significant results of a study of this size show."""

    def text(value: float, write: numbers.Writer) -> str:
        return numbers.interval(value, None, None, write)

    def truth(row: Any) -> str:
        return f"{numbers.ratio(row.true_ratio)}{' (as pooled)' * (row.truth == POOLED_TRUTH)}"

    return (
        table_of(
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
        ),
        table_of(
            "What significant results of a study of this size show.",
            own.exaggeration.itertuples(index=False),
            [
                ("True ratio", "num", truth),
                ("Studies that are significant, %", "num", lambda r: percent(r.power)),
                ("of these with the wrong sign, %", "num", lambda r: text(r.wrong_sign, percent)),
                ("Ratio they show on average", "num", lambda r: text(r.shown_ratio, numbers.ratio)),
                (
                    "Exaggeration of the log ratio",
                    "num",
                    lambda r: text(r.exaggeration, numbers.ratio),
                ),
            ],
            narrow=True,
        ),
    )


def _effect_rows(own: SingleResult) -> pd.DataFrame:
    """The result alone, then what the pool says, with their priors."""
    prior = (MEAN_PRIOR.natural(MEAN_PRIOR.location), *MEAN_PRIOR.implied())
    columns = names(
        "parameter label prior prior_lower prior_upper posterior posterior_lower posterior_upper "
        "prior_share cohorts patients"
    )
    ends = *prior, *own.alone.iloc[-1, 2:5], np.nan
    row = "alone", "This result alone", *ends, 1, own.reported.patients or 0
    alone = pd.DataFrame([row], columns=columns)
    pooled = effect_rows(own.effects, own.density)
    return pd.concat([alone, pooled], ignore_index=True)


def _picture(singles: Singles, vocabulary: Vocabulary) -> Picture:
    from synthesis.plots.histology import plot_singles

    of_each: Mapping[str, Callable[[str, SingleResult], pd.DataFrame]] = {
        "density": lambda _, own: own.density,
        "effects": lambda _, own: _effect_rows(own),
        "reported": lambda endpoint, own: _reported_frame(endpoint, {own.label: own.reported}),
        "shown": lambda _, own: own.exaggeration,
    }
    each = list(enumerate(_each(singles)))
    frames = {
        name: pd.concat([make(*own).assign(result=i) for i, own in each], ignore_index=True)
        for name, make in of_each.items()
    }
    caption = (
        "Differences between mixed and pure tumours that reports give, as ratios of medians in "
        f"{vocabulary.subject_words}: as reported, by each result alone, once pooled, and the "
        "prognostic and predictive parts of the pooled ratio, with 95 % intervals. Beside: what "
        "significant results of studies of the same size show at stated true ratios."
    )
    return Picture(
        "single_results",
        "Reports of pure and mixed tumours, alone and once pooled",
        caption,
        plot_singles,
        frames,
        alt=_chance_words(each[0][1][1]),
    )
