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
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from studies import Registry
from studies.figures import View
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import curve, histology_effect, patients_of, tells_apart
from synthesis.fits import SurvivalFit
from synthesis.left_out import spaced, without_each
from synthesis.model.families import FAMILIES, Family
from synthesis.model.observations import SurvivalData, UnusableCohortError, survival_data
from synthesis.model.sampler import Progress
from synthesis.plots.plan import EFFECT_LABELS, POPULATIONS, plot_assurance, plot_planned_widths
from synthesis.questions import contrasts
from synthesis.questions.contrasts import GAIN
from synthesis.questions.influence import reliable_below, weighted_quantiles
from synthesis.questions.plan import simulate
from synthesis.questions.plan.simulate import Design, Population
from synthesis.result import Cell, Finding, Picture, Result, Table, names, table_of

# A size settles a question where its studies conclude with this probability.
_SETTLES = 0.8

# A simulated study is updated reliably up to a Pareto k and from so many effective draws on; a
# row of the table is reliable where all but this share of its studies are.
_LEAST_EFFECTIVE, _UNRELIABLE_SHARE = 100.0, 0.05

_INTERVAL = (0.025, 0.975)


class Plan(NamedTuple):
    """What studies of a design are expected to settle, a row a population and size.

    ``p_today`` and ``mean_updated_p`` are probabilities of a gain of more than ``delta`` months in
    the median of the average study; ``concludes_none`` is the probability of concluding that there
    is no such gain. Widths are those of 95 % intervals of log ratios of medians of mixed to pure
    patients: ``prognostic`` under any treatment, ``predictive`` the further ratio under the
    treatment, ``ratio`` both together; today's are from all draws, as in every table. Columns that
    end with ``error`` are Monte Carlo standard errors. ``effective_draws`` is the median of the
    studies, ``unreliable_share`` the part of them whose weights are not to be relied on: a row is
    ``reliable`` where it is small. ``extrapolated``: pure or mixed patients only, where no report
    of the treatment tells them apart.
    """

    job: Job
    table: pd.DataFrame

    def __repr__(self) -> str:
        return f"Plan({self.job.design}, {len(self.table)} rows)"


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

    The fit is of one survival family without a tail. A gain in the median of more than `delta`
    months counts as concluded from the probability `threshold` on, above one half. So many
    `simulations` are made of each size and population, with so many `draws` of the fit, and the
    `seed` of the fit or another. NotPlannedError for a fit, a threshold or a number that cannot be
    used; NotComparedError if treatment or reference is not pooled, or they are the same.
    """
    check_family(fit.family)
    effects, between = fit.variant.study_effects, "a probability above 0.5 and below 1"
    simulate.expect(effects == "normal", "study effects", repr(effects), "a fit with normal ones")
    simulate.expect(0.5 < threshold < 1.0, "threshold", f"{threshold:g}", between)
    simulate.expect(simulations >= 10, "simulations", f"{simulations}", "10 or more")
    simulate.expect(draws >= 200, "draws", f"{draws}", "200 or more")
    rows = spaced(fit.flat("mu").size, draws)
    job = Job(fit, vocabulary, design, delta, threshold, rows)
    rng = np.random.default_rng([fit.seed if seed is None else seed, 23])
    return Plan(job, pd.DataFrame(_rows(job, simulations, rng, progress or (lambda _: None))))


def check_family(chosen: Family) -> None:
    """Refuse a survival family with a tail: a NotPlannedError that names those to be used."""
    known = ", ".join(name for name, family in FAMILIES.items() if not family.has_tail)
    why = f"one without a tail ({known}): a new study is weighed by its median and shape"
    simulate.expect(not chosen.has_tail, "family", repr(chosen.name), why)


@dataclass(frozen=True)
class Job:
    """What stays the same over sizes, populations and studies; ``rows`` are the draws used."""

    fit: SurvivalFit
    vocabulary: Vocabulary
    design: Design
    delta: float
    threshold: float
    rows: np.ndarray = field(repr=False)

    @cached_property
    def pair(self) -> tuple[contrasts.Reference, contrasts.Reference]:
        """Treatment and reference, among those that are pooled."""
        groups, chosen = contrasts.treatments_of(self.fit, self.vocabulary), []
        for name in (self.design.treatment, self.design.reference):
            choice = contrasts.choose_reference(groups, self.vocabulary, name)
            if choice is None:
                missing = self.vocabulary.treatment(name).id
                raise contrasts.not_pooled(missing, {self.fit.data.endpoint: groups})
            chosen.append(choice)
        treatment, reference = chosen
        if treatment.group is reference.group:
            raise contrasts.NotComparedError(
                f"{treatment.label} is the reference itself: name another one with the reference "
                "option"
            )
        return treatment, reference

    @cached_property
    def arms(self) -> tuple[simulate.PlannedArm, ...]:
        """The arms of the study."""
        treated = self.pair if self.design.is_randomised else self.pair[:1]
        refs = [choice.group.cohorts[0] for choice in treated]
        return simulate.planned_arms(self.design, refs, self.vocabulary.selecting)

    def gain(self, population: Population) -> np.ndarray:
        """Gain in the median in the average study, months, of all draws."""
        share = self.design.share_of(population)
        curves = (curve(self.fit, own.group.group, share, "mean_study") for own in self.pair)
        return contrasts.survival_contrast(*curves, GAIN)

    def effects(self) -> dict[str, np.ndarray]:
        """All draws of the log ratios of medians of mixed to pure patients."""
        group = self.pair[0].group.group
        return {
            "prognostic": self.fit.flat("prognostic"),
            "predictive": self.fit.flat("predictive")[:, group.treatment_index],
            "ratio": histology_effect(self.fit, group),
        }

    def read(self, course: simulate.Course, n: int, *, landmarks: bool = True) -> SurvivalData:
        """What the report of a study of ``n`` patients enters a likelihood with.

        Figures of two or three patients, one of them censored, may seem to contradict each other
        when read with an effective number of patients: their median is then reported alone.
        """
        data = self.fit.data
        report = simulate.reported_study(
            course, self.design, self.arms, n, data.endpoint, landmarks=landmarks
        )
        view = View(data.endpoint, verified_only=False, use_read_as=True)
        refs = simulate.study_refs(report, self.arms)
        try:
            return survival_data(refs, view, data.classes, self.vocabulary.selecting)
        except UnusableCohortError:
            if not landmarks:
                raise
            return self.read(course, n, landmarks=False)

    def updater(self, n: int) -> simulate.Updater:
        """The likelihood of studies of ``n`` patients."""
        fit, rows = self.fit, self.rows
        expected = tuple(
            simulate.expected_of(fit, choice.group.group, arm.covariates, rows)
            for choice, arm in zip(self.pair, self.arms, strict=False)
        )
        shape_sd = fit.flat("shape_sd") * fit.has_shape
        return simulate.Updater(fit.family, expected, fit.flat("study_sd")[rows], shape_sd[rows], n)


def weigh(log_likelihood: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weigh the draws by the log likelihood of each study, both ``(draws, simulations)``.

    Behind the weights the effective draws of each study, and whether its weights are unreliable.
    """
    below_peak = np.maximum(log_likelihood - log_likelihood.max(axis=0), -700.0)
    weights, pareto_k = without_each(-below_peak)
    effective = 1.0 / np.square(weights).sum(axis=0)
    unreliable = (pareto_k > reliable_below(len(weights))) | (effective < _LEAST_EFFECTIVE)
    return weights, effective, unreliable


def _rows(
    job: Job, simulations: int, rng: np.random.Generator, tell: Progress
) -> Iterator[dict[str, Any]]:
    updaters = {n: job.updater(n) for n in job.design.sizes}
    arms = simulate.new_curves(job.fit, job.arms, rng)
    for population in job.design.populations:
        gain = job.gain(population)
        # evenly spaced in the order of their gain, at random within each step
        at = (np.arange(simulations) + rng.uniform(size=simulations)) / simulations * job.rows.size
        truths = np.argsort(gain[job.rows], kind="stable")[at.astype(int)]
        seeds = rng.integers(2**32, size=simulations)
        for n, updater in updaters.items():
            values = np.empty((job.rows.size, simulations))
            for number, (truth, seed) in enumerate(zip(truths, seeds, strict=True)):
                if number % 20 == 0:
                    tell(f"{population}, n = {n}: study {number} of {simulations}")
                draw, patients = int(job.rows[truth]), np.random.default_rng(seed)
                course = simulate.draw_course(arms, draw, job.design, population, patients)
                values[:, number] = updater.log_likelihood(job.read(course, n))
                values[truth, number] = -np.inf  # the truth has no weight in its own study
            yield _row(job, population, n, gain, values)


def _row(
    job: Job, population: Population, n: int, gain: np.ndarray, log_likelihood: np.ndarray
) -> dict[str, Any]:
    weights, effective, unreliable = weigh(log_likelihood)
    simulations, doubtful = weights.shape[1], float(np.mean(unreliable))
    p = (gain[job.rows] > job.delta).astype(float) @ weights
    assurance = float(np.mean(p >= job.threshold))
    # Monte Carlo error of a share: SD of the beta that its count gives under Jeffreys' prior
    law = stats.beta(assurance * simulations + 0.5, simulations * (1.0 - assurance) + 0.5)
    widths: dict[str, float] = {}
    for name, values in job.effects().items():
        used = values[job.rows]
        ends = [weighted_quantiles(used, own, _INTERVAL) for own in weights.T]
        widths[f"expected_width_{name}"] = float(np.mean([high - low for low, high in ends]))
        widths[f"width_today_{name}"] = float(np.ptp(np.quantile(values, _INTERVAL)))
    treatment, reference = job.pair
    told, design = tells_apart(job.fit, treatment.group.cohorts), job.design
    about = job.fit.data.endpoint, treatment.label, reference.label, design.kind, population
    asked = design.share_of(population), n, job.delta, job.threshold
    columns = names("endpoint treatment reference design population mixed n delta threshold")
    return {
        **dict(zip(columns, (*about, *asked), strict=True)),
        "p_today": contrasts.SURVIVAL_CONTRASTS[GAIN].favours(gain, job.delta),
        "assurance": assurance,
        "assurance_error": float(law.std()),
        "concludes_none": float(np.mean(p <= 1.0 - job.threshold)),
        "mean_updated_p": float(np.mean(p)),
        "mean_updated_error": float(np.std(p, ddof=1) / np.sqrt(simulations)),
        **widths,
        "simulations": simulations,
        "effective_draws": float(np.median(effective)),
        "unreliable_share": doubtful,
        "reliable": doubtful <= _UNRELIABLE_SHARE,
        "extrapolated": population != "all" and not told,
    }


# --- In words ------------------------------------------------------------------------------------


def result(answer: Plan, registry: Registry) -> Result:
    """Say what studies of a design are expected to settle, in words of the registry."""
    job, table = answer
    endpoint = endpoint_of(job.fit.data.endpoint)
    treatment, reference = (numbers.in_sentence(choice.label) for choice in job.pair)
    title = f"{numbers.capitalised(job.design.kind)} study of {treatment} against {reference}"
    opening, method = _opening(answer, registry.vocabulary), _method(answer)
    conclusions, widths = tuple(_conclusions(answer)), _widths(answer)
    limits = "with 95 % Monte Carlo limits; dotted: the probability of such a gain today."
    told = f"{opening} Probability that a study concludes so, by number of patients, {limits}"
    narrower = f"{widths} By number of patients; dotted: today."
    pictures = tuple(
        Picture(
            f"plan_{stem}_{endpoint.id}",
            title,
            f"{caption} {method}",
            plot,
            {"table": table, "title": title},
            alt=alt,
            endpoint=endpoint.id,
        )
        for stem, caption, plot, alt in (
            ("assurance", told, plot_assurance, " ".join(conclusions)),
            ("widths", narrower, plot_planned_widths, widths),
        )
    )
    first = "Would such a study conclude a gain?"
    second = "How much narrower would the effect of histology become?"
    return Result(
        name="plan",
        title=title,
        lead=(opening, method),
        findings=(
            Finding(first, conclusions, (_table(table),), pictures[:1]),
            Finding(second, (widths,), (), pictures[1:]),
            Finding("What limits such a study?", tuple(_limits(answer))),
        ),
        tables={"plan": table},
        verdicts={endpoint.id: job.fit.diagnosis.verdict},
    )


def _named(job: Job, population: Population) -> str:
    """A population in words, with its share of mixed histology where it has both."""
    words = numbers.in_sentence(POPULATIONS[population][0])
    return f"{words} ({100 * job.design.mixed:g} % mixed)" if population == "all" else words


def _opening(answer: Plan, vocabulary: Vocabulary) -> str:
    job, (treatment, reference) = answer.job, answer.job.pair
    arms = (
        "half of the patients are allocated to each at random"
        if job.design.is_randomised
        else "its patients are set beside those of other reports"
    )
    return (
        f"A {job.design.kind} study of {numbers.in_sentence(treatment.label)} against "
        f"{numbers.in_sentence(reference.label)} ({reference.why}) in "
        f"{vocabulary.subject_words}: {arms}. It would be added to the "
        f"{numbers.count(len(job.fit.data.cohorts), 'cohort')} "
        f"({numbers.count(sum(patients_of(job.fit).values()), 'patient')}) that are pooled today. "
        f"It concludes a gain where {endpoint_of(job.fit.data.endpoint).quantity(vocabulary)} in "
        f"the average study is then more than {numbers.months_words(job.delta)} longer with a "
        f"probability of {job.threshold:g} or more."
    )


def _method(answer: Plan) -> str:
    design = answer.job.design
    return (
        f"{int(answer.table['simulations'].iloc[0])} studies of each size are simulated, each with "
        "a truth of what is believed today and a study effect of its own. Patients enter over "
        f"{design.accrual:g} months and are followed for {design.follow_up:g} more. Medians, "
        f"limits and survival at {numbers.listed(map(str, simulate.LANDMARKS))} months are "
        "reported, of pure and mixed patients apart, and read like any other report "
        f"({answer.job.fit.family.label} family)."
    )


def _conclusions(answer: Plan) -> Iterator[str]:
    job, share = answer.job, f"{numbers.percent(_SETTLES)} %"
    for population in job.design.populations:
        rows = answer.table[answer.table["population"] == population].sort_values("n")
        today, name = rows["p_today"].iloc[0], numbers.capitalised(_named(job, population))
        if today >= job.threshold:
            yield f"{name}: such a gain is concluded today, without any further study."
            continue
        enough = rows[rows["assurance"] >= _SETTLES]["n"]
        who = (
            f"{enough.iloc[0]} patients conclude"
            if len(enough)
            else (f"no study of up to {rows['n'].iloc[-1]} patients concludes")
        )
        bound = numbers.chance(min(today / job.threshold, 1.0))
        yield (
            f"{name}: {who} such a gain with a probability of {share}; none of any size exceeds "
            f"{bound}."
        )


def _width(log_width: float) -> str:
    """Width of an interval of a log ratio, as upper over lower end."""
    return numbers.ratio(math.exp(log_width))


def _widths(answer: Plan) -> str:
    """How narrow the effects of histology become, in the population that tells most of them."""
    largest = answer.table[answer.table["n"] == answer.table["n"].max()]
    best = largest.loc[largest["expected_width_ratio"].idxmin()]
    parts = [
        f"{numbers.in_sentence(label)} {_width(best[f'expected_width_{key}'])}, today "
        f"{_width(best[f'width_today_{key}'])}"
        for key, label in EFFECT_LABELS.items()
    ]
    return (
        "Width of the 95 % interval of the ratio of medians of mixed to pure tumours, as upper "
        f"over lower end, expected with {int(best['n'])} patients, "
        f"{_named(answer.job, best['population'])}: {'; '.join(parts)}."
    )


def _limits(answer: Plan) -> Iterator[str]:
    job, table, treatment = *answer, numbers.in_sentence(answer.job.pair[0].label)
    yield (
        "The arms of a randomised study share its study effect, which cancels in their contrast. "
        "What is concluded is of the average study in the reference population."
        if job.design.is_randomised
        else "A single-arm study has one study effect of its own and says nothing of the "
        "reference: however many patients it has, it does not narrow these."
    )
    if any(arm.braf_selected for arm in job.arms):
        yield (
            f"All patients carry the mutation that {treatment} asks for: what the other arm says "
            "of others depends on the effect of the mutation as pooled today."
        )
    carried = contrasts.evidence(
        job.fit, *(choice.group.cohorts[0].treatment for choice in job.pair)
    )
    yield f"Evidence on this contrast today. {carried.sentence}"
    if table["extrapolated"].any():
        yield (
            "What is said of pure or of mixed histology alone is extrapolated: no report of "
            f"{treatment} tells the two apart."
        )
    rows = [
        f"{row.population}, n = {row.n} ({numbers.percent(row.unreliable_share)} % of the studies)"
        for row in table[~table["reliable"]].itertuples(index=False)
    ]
    if rows:
        yield (
            "Too few draws of today's fit stand for what is believed after many of the simulated "
            f"studies: {'; '.join(rows)}."
        )


def _table(table: pd.DataFrame) -> Table:
    def population(row: Any) -> Cell:
        words = numbers.in_sentence(POPULATIONS[row.population][0])
        return Cell(words, "extrapolated" * row.extrapolated, extrapolated=row.extrapolated)

    def today(row: Any) -> Cell:
        return Cell(numbers.chance(row.p_today), extrapolated=row.extrapolated)

    def gain(row: Any) -> str:
        return f"{numbers.chance(row.assurance)}{'' if row.reliable else '*'}"

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
            ("P(gain) today", "num", today),
            ("Gain", "num", gain),
            ("Error", "num", lambda row: numbers.decimal(row.assurance_error, 2)),
            ("None", "num", lambda row: numbers.chance(row.concludes_none)),
            ("Prognostic", "num", lambda row: _width(row.expected_width_prognostic)),
            ("Predictive", "num", lambda row: _width(row.expected_width_predictive)),
            ("Both", "num", lambda row: _width(row.expected_width_ratio)),
        ),
        note=note,
    )
