r"""What would the next study conclude? Assurance and expected widths of intervals, by simulation.

*Assurance* is the probability that a study will conclude what is asked, averaged over what is
believed of the truth (O'Hagan, Stevens & Campbell 2005, doi 10.1002/pst.175). For each of many
simulated studies

1. one draw of the posterior is the truth, patients are drawn from a new study under it, and they
   are reported (:mod:`synthesis.questions.plan.simulate`);
2. the draws are weighted by the likelihood of that report
   (``Updater`` there), the largest weights smoothed (Vehtari et al. 2024, JMLR 25(72):1-58); the
   truth itself has none;
3. the study *concludes* a gain where the updated P(gain > delta) reaches the threshold, and
   concludes that there is none where it falls to one less the threshold or below.

The mean of the updated probability over the simulated studies is the probability today: no study
is expected to move it. So none concludes with a probability above the probability today over the
threshold, and one that told everything would conclude with the probability today. The truths are
evenly spaced in the order of their gain, which makes Monte Carlo error small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from studies import Registry
from studies.figures import View
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import Endpoint, endpoint_of
from synthesis.estimands import NamedGroup, curve, histology_effect, patients_of, tells_apart
from synthesis.fits import SurvivalFit
from synthesis.left_out import spaced
from synthesis.model.families import FAMILIES, Family
from synthesis.model.observations import SurvivalData, UnusableCohortError, survival_data
from synthesis.model.sampler import Progress
from synthesis.plots.plan import plot_assurance, plot_planned_widths
from synthesis.questions.contrasts import (
    GAIN,
    SURVIVAL_CONTRASTS,
    Evidence,
    NotComparedError,
    Reference,
    choose_reference,
    evidence,
    survival_contrast,
    treatments_of,
)
from synthesis.questions.influence import reliable_below, weighted_quantiles, without_each
from synthesis.questions.plan.simulate import (
    LANDMARKS,
    Course,
    Design,
    NotPlannedError,
    PlannedArm,
    Population,
    Updater,
    draw_course,
    expected_of,
    new_curves,
    planned_covariates,
    reported_study,
    study_refs,
)
from synthesis.result import Cell, Finding, Picture, Result, Table, table_of

# A size settles a question where its studies conclude with this probability.
_SETTLES = 0.8

# A simulated study is updated reliably up to a Pareto k and from so many effective draws on; a
# row of the table is reliable where all but this share of its studies are.
_LEAST_EFFECTIVE, _UNRELIABLE_SHARE = 100.0, 0.05

_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Plan:
    """What studies of a design are expected to settle.

    Attributes
    ----------
    design : Design
        With identifiers of treatment and reference.
    treatment, reference, why_reference : str
        Labels, and how the reference was chosen.
    family, verdict : str
        Of the fit: survival family in running text; PASS, REVIEW or FAIL.
    cohorts, patients : int
        Behind the fit.
    carried : Evidence
        What carries the contrast of treatment and reference today.
    braf_selected : bool
        Whether the other arm has mutated tumours only because the treatment asks for them.
    table : DataFrame
        A row a population and size. ``p_today`` and ``mean_updated_p`` are
        probabilities of a gain of more than ``delta`` months in the median of the average study;
        ``concludes_none`` is the probability of concluding that there is no such gain. Widths are
        those of 95 % intervals of log ratios of medians of mixed to pure patients: ``prognostic``
        under any treatment, ``predictive`` the further ratio under the treatment, ``ratio`` both
        together. What is said of today is from all draws, as in every table; columns that end with
        ``error`` are Monte Carlo standard errors. ``effective_draws`` is the median of the
        simulated studies, ``unreliable_share`` the part of them whose weights are not to be relied
        on: a row is ``reliable`` where it is small. ``extrapolated``: pure or mixed patients only,
        where no report of the treatment tells them apart.
    """

    design: Design
    treatment: str
    reference: str
    why_reference: str
    family: str
    verdict: str
    cohorts: int
    patients: int
    carried: Evidence
    braf_selected: bool
    table: pd.DataFrame = field(repr=False)


def plan(
    fit: SurvivalFit,
    vocabulary: Vocabulary,
    design: Design,
    *,
    delta: float = 1.0,
    threshold: float = 0.975,
    simulations: int = 200,
    draws: int = 3000,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Simulate what studies of a design would conclude.

    Parameters
    ----------
    fit : SurvivalFit
        Of one survival family without a tail.
    vocabulary : Vocabulary
    design : Design
    delta : float
        Months of gain in the median.
    threshold : float
        Probability from which on a gain counts as concluded, above one half.
    simulations : int
        Studies of each size and population.
    draws : int
        Draws of the fit that are used.
    seed : int, optional
        That of the fit otherwise.
    progress : callable, optional
        Called with a sentence at each stage.

    Raises
    ------
    NotPlannedError
        For a fit, a threshold or a number that cannot be used.
    NotComparedError
        If treatment or reference is not pooled, or they are the same.
    """
    _check(fit, threshold, simulations, draws)
    treatment, reference = _chosen(fit, vocabulary, design)
    pair = (treatment.group, reference.group)
    names = [group.cohorts[0].treatment for group in pair]
    named = replace(design, treatment=names[0], reference=names[1])
    rows = spaced(fit.flat("mu").size, draws)
    job = Job(fit, vocabulary.selecting, named, pair, delta, threshold, rows)
    rng = np.random.default_rng([fit.seed if seed is None else seed, 23])
    return Plan(
        design=named,
        treatment=treatment.label,
        reference=reference.label,
        why_reference=reference.why,
        family=fit.family.label,
        verdict=fit.diagnosis.verdict,
        cohorts=len(fit.data.cohorts),
        patients=sum(patients_of(fit).values()),
        carried=evidence(fit, *names),
        braf_selected=any(arm.braf_selected for arm in job.arms),
        table=pd.DataFrame(_rows(job, simulations, rng, progress or (lambda _: None))),
    )


def _chosen(
    fit: SurvivalFit, vocabulary: Vocabulary, design: Design
) -> tuple[Reference, Reference]:
    """Treatment and reference of a design among those that are pooled."""
    groups, chosen = treatments_of(fit, vocabulary), []
    for name in (design.treatment, design.reference):
        choice = choose_reference(groups, vocabulary, name)
        if choice is None:
            known = ", ".join(sorted(group.cohorts[0].treatment for group in groups)) or "none"
            missing = vocabulary.treatment(name).id
            raise NotComparedError(f"no cohort of {missing} is pooled; possible: {known}.")
        chosen.append(choice)
    treatment, reference = chosen
    if treatment.group.group == reference.group.group:
        raise NotComparedError(
            f"{treatment.label} is the reference itself: name another one with the reference option"
        )
    return treatment, reference


def check_family(chosen: Family) -> None:
    """Refuse a survival family with a tail.

    Raises
    ------
    NotPlannedError
        Names those that can be used.
    """
    if chosen.has_tail:
        known = ", ".join(name for name, family in FAMILIES.items() if not family.has_tail)
        raise NotPlannedError(
            f"family: found {chosen.name!r}, expected one without a tail ({known}): a new study is "
            "weighed by its median and shape"
        )


def _check(fit: SurvivalFit, threshold: float, simulations: int, draws: int) -> None:
    check_family(fit.family)
    if fit.variant.study_effects != "normal":
        raise NotPlannedError(
            f"study effects: found {fit.variant.study_effects!r}, expected a fit with normal ones"
        )
    if not 0.5 < threshold < 1.0:
        raise NotPlannedError(
            f"threshold: found {threshold:g}, expected a probability above 0.5 and below 1"
        )
    for name, value, least in (("simulations", simulations, 10), ("draws", draws, 200)):
        if value < least:
            raise NotPlannedError(f"{name}: found {value}, expected {least} or more")


@dataclass(frozen=True)
class Job:
    """What stays the same over sizes, populations and simulated studies."""

    fit: SurvivalFit
    selecting: frozenset[str]
    design: Design
    pair: tuple[NamedGroup, NamedGroup]
    delta: float
    threshold: float
    rows: np.ndarray

    @property
    def treated(self) -> tuple[NamedGroup, ...]:
        """Treatments of the arms."""
        return self.pair if self.design.is_randomised else self.pair[:1]

    @cached_property
    def arms(self) -> tuple[PlannedArm, ...]:
        """The arms; where one asks for a mutation, all patients have it."""
        refs = [group.cohorts[0] for group in self.treated]
        asking = {ref.treatment for ref in refs} & self.selecting
        return tuple(
            PlannedArm(ref.treatment, ref.treatment_class, ref.role, bool(asking - {ref.treatment}))
            for ref in refs
        )

    @cached_property
    def differs(self) -> tuple[tuple[float, ...], ...]:
        """Covariates of the arms."""
        return planned_covariates(self.design, self.arms, self.selecting)

    def gain(self, population: Population) -> np.ndarray:
        """Gain in the median in the average study, months, of all draws."""
        share = self.design.share_of(population)
        return survival_contrast(
            *(curve(self.fit, named.group, share, "mean_study") for named in self.pair), GAIN
        )

    def effects(self) -> dict[str, np.ndarray]:
        """All draws of the log ratios of medians of mixed to pure patients."""
        group = self.pair[0].group
        return {
            "prognostic": self.fit.flat("prognostic"),
            "predictive": self.fit.flat("predictive")[:, group.treatment_index],
            "ratio": histology_effect(self.fit, group),
        }

    def read(self, course: Course, n: int, *, landmarks: bool = True) -> SurvivalData:
        """What the report of a study of ``n`` patients enters a likelihood with.

        Figures of two or three patients, one of them censored, may seem to contradict each other
        when read with an effective number of patients: their median is then reported alone.
        """
        endpoint = self.fit.data.endpoint
        report = reported_study(course, self.design, self.arms, n, endpoint, landmarks=landmarks)
        view = View(endpoint, verified_only=False, use_read_as=True)
        refs = study_refs(report, self.arms)
        try:
            return survival_data(refs, view, self.fit.data.classes, self.selecting)
        except UnusableCohortError:
            if not landmarks:
                raise
            return self.read(course, n, landmarks=False)

    def updater(self, n: int) -> Updater:
        """The likelihood of studies of ``n`` patients."""
        fit, rows = self.fit, self.rows
        expected = tuple(
            expected_of(fit, named.group, differs, rows)
            for named, differs in zip(self.treated, self.differs, strict=True)
        )
        shape_sd = fit.flat("shape_sd") * fit.has_shape
        return Updater(fit.family, expected, fit.flat("study_sd")[rows], shape_sd[rows], n)


class Updated(NamedTuple):
    """Weights of the draws after each simulated study, ``(draws, simulations)``.

    And of each study the number of effective draws, and whether its weights are unreliable.
    """

    weights: np.ndarray
    effective: np.ndarray
    unreliable: np.ndarray


def weigh(log_likelihood: np.ndarray) -> Updated:
    """Weigh the draws by the log likelihood of each study, ``(draws, simulations)``."""
    below_peak = np.maximum(log_likelihood - log_likelihood.max(axis=0), -700.0)
    weights, pareto_k = without_each(-below_peak)
    effective = 1.0 / np.square(weights).sum(axis=0)
    unreliable = (pareto_k > reliable_below(len(weights))) | (effective < _LEAST_EFFECTIVE)
    return Updated(weights, effective, unreliable)


def _rows(
    job: Job, simulations: int, rng: np.random.Generator, tell: Progress
) -> Iterator[dict[str, Any]]:
    updaters = {n: job.updater(n) for n in job.design.sizes}
    arms = new_curves(job.fit, job.arms, job.differs, rng)
    for population in job.design.populations:
        gain = job.gain(population)
        truths = _evenly(gain[job.rows], simulations, rng)
        seeds = rng.integers(2**32, size=simulations)
        for n, updater in updaters.items():
            values = np.empty((job.rows.size, simulations))
            for number, (truth, seed) in enumerate(zip(truths, seeds, strict=True)):
                if number % 20 == 0:
                    tell(f"{population}, n = {n}: study {number} of {simulations}")
                draw, patients = int(job.rows[truth]), np.random.default_rng(seed)
                course = draw_course(arms, draw, job.design, population, patients)
                values[:, number] = updater.log_likelihood(job.read(course, n))
                values[truth, number] = -np.inf  # the truth has no weight in its own study
            yield _row(job, population, n, gain, weigh(values))


def _evenly(gain: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws evenly spaced in the order of their gain, at random within each step."""
    at = (np.arange(count) + rng.uniform(size=count)) / count * gain.size
    return np.argsort(gain, kind="stable")[at.astype(int)]


def _row(
    job: Job, population: Population, n: int, gain: np.ndarray, updated: Updated
) -> dict[str, Any]:
    simulations = updated.weights.shape[1]
    p = (gain[job.rows] > job.delta).astype(float) @ updated.weights
    assurance = float(np.mean(p >= job.threshold))
    unreliable = float(np.mean(updated.unreliable))
    widths: dict[str, float] = {}
    for name, values in job.effects().items():
        used = values[job.rows]
        ends = [weighted_quantiles(used, weights, _INTERVAL) for weights in updated.weights.T]
        widths[f"expected_width_{name}"] = float(np.mean([high - low for low, high in ends]))
        widths[f"width_today_{name}"] = float(np.ptp(np.quantile(values, _INTERVAL)))
    return {
        "endpoint": job.fit.data.endpoint,
        "treatment": job.pair[0].label,
        "reference": job.pair[1].label,
        "design": job.design.kind,
        "population": population,
        "mixed": job.design.share_of(population),
        "n": n,
        "delta": job.delta,
        "threshold": job.threshold,
        "p_today": SURVIVAL_CONTRASTS[GAIN].favours(gain, job.delta),
        "assurance": assurance,
        "assurance_error": _error(assurance, simulations),
        "concludes_none": float(np.mean(p <= 1.0 - job.threshold)),
        "mean_updated_p": float(np.mean(p)),
        "mean_updated_error": float(np.std(p, ddof=1) / np.sqrt(simulations)),
        **widths,
        "simulations": simulations,
        "effective_draws": float(np.median(updated.effective)),
        "unreliable_share": unreliable,
        "reliable": unreliable <= _UNRELIABLE_SHARE,
        "extrapolated": population != "all" and not tells_apart(job.fit, job.pair[0].cohorts),
    }


def _error(share: float, count: int) -> float:
    """Monte Carlo error of a share: SD of the beta that its count gives under Jeffreys' prior."""
    return float(stats.beta(count * share + 0.5, count * (1.0 - share) + 0.5).std())


# --- In words ------------------------------------------------------------------------------------

_POPULATIONS = {"all": "all patients", "pure": "pure histology", "mixed": "mixed histology"}


def result(answer: Plan, registry: Registry) -> Result:
    """Say what studies of a design are expected to settle.

    Parameters
    ----------
    answer : Plan
    registry : Registry
        For the names of endpoint and disease.
    """
    endpoint = endpoint_of(answer.table["endpoint"].iloc[0])
    opening, method = _opening(answer, endpoint, registry.vocabulary), _method(answer)
    conclusions, widths, limit = tuple(_conclusions(answer)), _widths(answer), _limit(answer)
    treatment, reference = map(numbers.in_sentence, (answer.treatment, answer.reference))
    title = f"{numbers.capitalised(answer.design.kind)} study of {treatment} against {reference}"

    def picture(stem: str, caption: str, plot: Callable[..., Any], alt: str) -> Picture:
        arguments = {"table": answer.table, "title": title}
        name = f"plan_{stem}_{endpoint.id}"
        return Picture(name, title, caption, plot, arguments, alt=alt, endpoint=endpoint.id)

    assurance = (
        f"{opening} Probability that a study concludes so, by number of patients, with 95 % Monte "
        f"Carlo limits; dotted: the probability of such a gain today. {method} {limit}"
    )
    narrower = f"{widths} By number of patients; dotted: today. {method}"
    evidence_today = f"Evidence on this contrast today. {answer.carried.sentence}"
    return Result(
        name="plan",
        title=title,
        lead=(opening, method),
        findings=(
            Finding(
                "Would such a study conclude a gain?",
                conclusions,
                (_table(answer.table),),
                (picture("assurance", assurance, plot_assurance, " ".join(conclusions)),),
            ),
            Finding(
                "How much narrower would the effect of histology become?",
                (widths,),
                pictures=(picture("widths", narrower, plot_planned_widths, widths),),
            ),
            Finding("What limits such a study?", (limit, evidence_today, *_doubts(answer))),
        ),
        tables={"plan": answer.table},
        verdicts={endpoint.id: answer.verdict},
    )


def _months(value: float) -> str:
    return f"{numbers.value(float(value))} {'month' if value == 1.0 else 'months'}"


def _named(answer: Plan, population: Population) -> str:
    """A population in words, with its share of mixed histology where it has both."""
    words = _POPULATIONS[population]
    return f"{words} ({100 * answer.design.mixed:g} % mixed)" if population == "all" else words


def _opening(answer: Plan, endpoint: Endpoint, vocabulary: Vocabulary) -> str:
    first, design = answer.table.iloc[0], answer.design
    arms = (
        "half of the patients are allocated to each at random"
        if design.is_randomised
        else "its patients are set beside those of other reports"
    )
    return (
        f"A {design.kind} study of {numbers.in_sentence(answer.treatment)} against "
        f"{numbers.in_sentence(answer.reference)} ({answer.why_reference}) in "
        f"{vocabulary.subject_words}: {arms}. It would be added to the "
        f"{numbers.count(answer.cohorts, 'cohort')} "
        f"({numbers.count(answer.patients, 'patient')}) that are pooled today. It concludes a gain "
        f"where the {endpoint.quantity(vocabulary)} in the average study is then more than "
        f"{_months(first['delta'])} longer with a probability of {first['threshold']:g} or more."
    )


def _method(answer: Plan) -> str:
    design = answer.design
    return (
        f"{int(answer.table['simulations'].iloc[0])} studies of each size are simulated, each with "
        "a truth drawn from what is believed today and a study effect of its own. Patients "
        f"enter over {design.accrual:g} months and are followed for {design.follow_up:g} more. "
        f"Medians, limits and survival at {numbers.listed(map(str, LANDMARKS))} months are "
        "reported, of pure and mixed patients apart where there are both, and read like any other "
        f"report ({answer.family} family)."
    )


def _conclusions(answer: Plan) -> Iterator[str]:
    for population in answer.design.populations:
        rows = answer.table[answer.table["population"] == population].sort_values("n")
        yield " ".join(_conclusion(_named(answer, population), rows))


def _conclusion(name: str, rows: pd.DataFrame) -> Iterator[str]:
    """Sentences on one population, by size of the study."""
    first, largest = rows.iloc[0], rows.iloc[-1]
    today, most = first["p_today"], int(largest["n"])
    yield (
        f"{numbers.capitalised(name)}: the probability of a gain of more than "
        f"{_months(first['delta'])} is {numbers.chance(today)} today."
    )
    if today >= first["threshold"]:
        yield (
            "That is a conclusion without any further study. The probability that it still stands "
            f"with a study added is {_by_size(rows)}."
        )
        return
    yield f"The probability that a study concludes such a gain is {_by_size(rows)}."
    enough = rows[rows["assurance"] >= _SETTLES]
    share = f"{numbers.percent(_SETTLES)} %"
    bound = min(today / first["threshold"], 1.0)
    if len(enough):
        yield f"It reaches {share} with {int(enough['n'].iloc[0])} patients."
    else:
        yield f"No study of up to {most} patients reaches {share}."
    yield (
        "No study of any size concludes such a gain with a probability above "
        f"{numbers.chance(bound)}{f', so that none can reach {share}' if bound < _SETTLES else ''}."
    )
    if largest["concludes_none"] > 0.0:
        yield (
            f"With {most} patients it concludes that there is no such gain with probability "
            f"{numbers.chance(largest['concludes_none'])}."
        )


def _by_size(rows: pd.DataFrame) -> str:
    """Probability of a conclusion at every size, sizes of one probability together."""
    sizes: dict[str, list[str]] = {}
    for row in rows.itertuples(index=False):
        sizes.setdefault(numbers.chance(row.assurance), []).append(str(row.n))
    return ", ".join(f"{p} with {numbers.listed(n)} patients" for p, n in sizes.items())


def _width(log_width: float) -> str:
    """Width of an interval of a log ratio, as upper over lower end."""
    return numbers.ratio(math.exp(log_width))


def _widths(answer: Plan) -> str:
    """How narrow the effects of histology become, in the population that tells most of them."""
    largest = answer.table[answer.table["n"] == answer.table["n"].max()]
    best = largest.loc[largest["expected_width_ratio"].idxmin()]
    treatment = numbers.in_sentence(answer.treatment)
    labels = {
        "prognostic": "under any treatment (prognostic)",
        "predictive": f"of the further ratio under {treatment} (predictive)",
        "ratio": f"under {treatment}, both together",
    }
    parts = [
        f"{label} {_width(best[f'expected_width_{key}'])}, today "
        f"{_width(best[f'width_today_{key}'])}"
        for key, label in labels.items()
    ]
    return (
        "Width of the 95 % interval of the ratio of medians of mixed to pure tumours, as upper "
        f"over lower end. Expected with {int(best['n'])} patients, "
        f"{_named(answer, best['population'])}: {'; '.join(parts)}."
    )


def _limit(answer: Plan) -> str:
    if not answer.design.is_randomised:
        return (
            "A single-arm study has one study effect of its own and says nothing of the reference: "
            "however many patients it has, it does not narrow these."
        )
    selected = (
        f" All patients carry the mutation that {numbers.in_sentence(answer.treatment)} asks for: "
        "what the other arm says of others depends on the effect of the mutation as pooled today."
    )
    return (
        "The arms of a randomised study share its study effect, which cancels in their contrast. "
        "What is concluded is of the average study in the reference population."
        f"{selected if answer.braf_selected else ''}"
    )


def _doubts(answer: Plan) -> Iterator[str]:
    if answer.table["extrapolated"].any():
        yield (
            "What is said of pure or of mixed histology alone is extrapolated: no report of "
            f"{numbers.in_sentence(answer.treatment)} tells the two apart."
        )
    rows = [
        f"{row.population}, n = {row.n} ({numbers.percent(row.unreliable_share)} % of the studies)"
        for row in answer.table[~answer.table["reliable"]].itertuples(index=False)
    ]
    if rows:
        yield (
            "Too few draws of today's fit stand for what is believed after many of the simulated "
            f"studies: {'; '.join(rows)}."
        )


def _table(table: pd.DataFrame) -> Table:
    def population(row: Any) -> Cell:
        more = "extrapolated" if row.extrapolated else ""
        return Cell(_POPULATIONS[row.population], more, extrapolated=row.extrapolated)

    note = (
        "Gain, none: probability that a study concludes so; error: that of the simulation. "
        "Prognostic, predictive, both: width of the interval, as upper over lower end."
        f"{'' if table['reliable'].all() else ' * Weights of the draws are not reliable.'}"
    )
    return table_of(
        "What studies would conclude.",
        table.itertuples(index=False),
        (
            ("Patients", "", population),
            ("n", "num", lambda row: row.n),
            (
                "P(gain) today",
                "num",
                lambda row: Cell(numbers.chance(row.p_today), extrapolated=row.extrapolated),
            ),
            (
                "Gain",
                "num",
                lambda row: f"{numbers.chance(row.assurance)}{'' if row.reliable else '*'}",
            ),
            ("Error", "num", lambda row: numbers.decimal(row.assurance_error, 2)),
            ("None", "num", lambda row: numbers.chance(row.concludes_none)),
            ("Prognostic", "num", lambda row: _width(row.expected_width_prognostic)),
            ("Predictive", "num", lambda row: _width(row.expected_width_predictive)),
            ("Both", "num", lambda row: _width(row.expected_width_ratio)),
        ),
        note=note,
    )
