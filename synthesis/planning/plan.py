r"""What a planned study would settle: assurance, and expected widths of intervals, by simulation.

*Assurance* is the probability that a study will conclude what is asked, averaged over what is
believed of the truth (O'Hagan, Stevens & Campbell 2005, doi 10.1002/pst.175). For each of many
simulated studies

1. one draw of the posterior is the truth, patients are drawn from a new study under it, and the
   report of them is printed (:mod:`synthesis.planning.simulate`);
2. the draws are weighted by the likelihood of that report (:mod:`synthesis.planning.update`), the
   largest weights smoothed (Vehtari et al. 2024, JMLR 25(72):1-58); the truth itself has none;
3. the study *concludes* a gain where the updated P(gain > delta) reaches the threshold, and
   concludes that there is none where it falls to one less the threshold or below.

The mean of the updated probability over the simulated studies is the probability today: no study
is expected to move it. So none concludes with a probability above the probability today over the
threshold, and one that told everything would conclude with the probability today. The truths are
evenly spaced in the order of their gain, which keeps Monte Carlo error from the part of it that is
known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from studies.figures import View
from studies.vocabulary import Vocabulary
from synthesis.benefit.contrasts import GAIN, SURVIVAL_CONTRASTS, survival_contrast
from synthesis.benefit.evidence import Evidence, evidence
from synthesis.benefit.influence import reliable_below, weighted_quantiles, without_each
from synthesis.benefit.reference import (
    NotComparedError,
    Reference,
    choose_reference,
    treatments_of,
)
from synthesis.estimands import curve, histology_effect
from synthesis.families import FAMILIES, Family
from synthesis.fit import Progress
from synthesis.integrated import spaced
from synthesis.models import SurvivalFit
from synthesis.observations import SurvivalData, UnusableCohortError, survival_data
from synthesis.planning.design import Design, NotPlannedError, Population
from synthesis.planning.simulate import (
    Course,
    NewStudies,
    PlannedArm,
    new_studies,
    planned_covariates,
    printed_study,
    study_refs,
)
from synthesis.planning.update import Updater, expected_of
from synthesis.tables import NamedGroup, patients_of

#: Simulated studies of each size and population, and draws that are weighted.
SIMULATIONS, DRAWS = 200, 3000

#: Probability from which on a gain counts as concluded: that of a 95 % interval above delta.
THRESHOLD = 0.975

#: A size settles a question where its studies conclude with this probability.
SETTLES = 0.8

# A simulated study is updated reliably up to a Pareto k and from so many effective draws on; a
# row of the table is reliable where all but this share of its studies are.
_LEAST_EFFECTIVE, _UNRELIABLE_SHARE = 100.0, 0.05

_EFFECTS = ("prognostic", "predictive", "ratio")
_INTERVAL = (0.025, 0.975)

PLAN_COLUMNS = (
    "endpoint",
    "treatment",
    "reference",
    "design",
    "population",
    "mixed",
    "n",
    "delta",
    "threshold",
    "p_today",
    "assurance",
    "assurance_error",
    "concludes_none",
    "mean_updated_p",
    "mean_updated_error",
    *(f"expected_width_{name}" for name in _EFFECTS),
    *(f"width_today_{name}" for name in _EFFECTS),
    "simulations",
    "effective_draws",
    "unreliable_share",
    "reliable",
)


@dataclass(frozen=True)
class Plan:
    """What studies of a design are expected to settle.

    Attributes
    ----------
    design : Design
        With identifiers of treatment and reference.
    treatment, reference : str
        Labels.
    why_reference : str
        How the reference was chosen.
    family : str
        Survival family of the fit, in running text.
    cohorts, patients : int
        Behind the fit.
    carried : Evidence
        What carries the contrast of treatment and reference today.
    braf_selected : bool
        Whether the other arm has mutated tumours only because the treatment asks for them.
    table : DataFrame
        :data:`PLAN_COLUMNS`, a row a population and size. ``p_today`` and ``mean_updated_p`` are
        probabilities of a gain of more than ``delta`` months in the median of the average study;
        ``concludes_none`` is the probability of concluding that there is no such gain. Widths are
        those of 95 % intervals of log ratios of medians of mixed to pure patients: ``prognostic``
        under any treatment, ``predictive`` the further ratio under the treatment, ``ratio`` both
        together. What is said of today is from all draws, as in every table; columns that end with
        ``error`` are Monte Carlo standard errors. ``effective_draws`` is the median of the
        simulated studies, ``unreliable_share`` the part of them whose weights are not to be relied
        on: a row is ``reliable`` where it is small.
    """

    design: Design
    treatment: str
    reference: str
    why_reference: str
    family: str
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
    threshold: float = THRESHOLD,
    simulations: int = SIMULATIONS,
    draws: int = DRAWS,
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
    treatment, reference = _compared(fit, vocabulary, design)
    pair = (treatment, reference.group)
    names = [group.cohorts[0].treatment for group in pair]
    named = replace(design, treatment=names[0], reference=names[1])
    job = _Job(fit, vocabulary, named, pair, delta, threshold, spaced(fit.flat("mu").size, draws))
    rng = np.random.default_rng([fit.seed if seed is None else seed, 23])
    table = pd.DataFrame(_rows(job, simulations, rng, progress), columns=list(PLAN_COLUMNS))
    return Plan(
        design=named,
        treatment=treatment.label,
        reference=reference.label,
        why_reference=reference.why,
        family=fit.family.label,
        cohorts=len(fit.data.cohorts),
        patients=sum(patients_of(fit).values()),
        carried=evidence(fit, *names),
        braf_selected=any(arm.braf_selected for arm in job.arms),
        table=table,
    )


def check_family(chosen: Family) -> None:
    """Refuse a survival family with a tail.

    Raises
    ------
    NotPlannedError
        Names those that can be used.
    """
    if chosen.has_tail:
        known = ", ".join(name for name, own in FAMILIES.items() if not own.has_tail)
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


def _compared(
    fit: SurvivalFit, vocabulary: Vocabulary, design: Design
) -> tuple[NamedGroup, Reference]:
    """The treatment of a design, and what it is set against."""
    groups = treatments_of(fit, vocabulary)
    treatment, reference = (
        choose_reference(groups, vocabulary, name) for name in (design.treatment, design.reference)
    )
    for name, found in ((design.treatment, treatment), (design.reference, reference)):
        if found is None:
            known = ", ".join(sorted(group.cohorts[0].treatment for group in groups)) or "none"
            missing = vocabulary.treatment(name).id
            raise NotComparedError(f"no cohort of {missing} is pooled; possible: {known}.")
    if reference.group.group == treatment.group.group:
        raise NotComparedError(
            f"{treatment.label} is the reference itself: name another one with the reference option"
        )
    return treatment.group, reference


@dataclass(frozen=True)
class _Job:
    """What stays the same over sizes, populations and simulated studies."""

    fit: SurvivalFit
    vocabulary: Vocabulary
    design: Design
    pair: tuple[NamedGroup, NamedGroup]
    delta: float
    threshold: float
    rows: np.ndarray

    @property
    def treated(self) -> tuple[NamedGroup, ...]:
        """Treatments of the arms."""
        return self.pair if self.design.is_randomised else self.pair[:1]

    @property
    def arms(self) -> tuple[PlannedArm, ...]:
        selecting = self.vocabulary.selecting
        selected = any(group.cohorts[0].treatment in selecting for group in self.treated)
        return tuple(
            PlannedArm(
                ref.treatment,
                ref.treatment_class,
                ref.role,
                selected and ref.treatment not in selecting,
            )
            for ref in (group.cohorts[0] for group in self.treated)
        )

    @property
    def differs(self) -> tuple[tuple[float, ...], ...]:
        return planned_covariates(self.design, self.arms, self.vocabulary.selecting)

    def gain(self, population: Population) -> np.ndarray:
        """Gain in the median in the average study, months, of all draws."""
        share = self.design.share_of(population)
        found = (curve(self.fit, own.group, share, "mean_study") for own in self.pair)
        return survival_contrast(*found, GAIN)

    def effects(self) -> dict[str, np.ndarray]:
        """All draws of the log ratios of medians of mixed to pure patients."""
        group = self.pair[0].group
        return {
            "prognostic": self.fit.flat("prognostic"),
            "predictive": self.fit.flat("predictive")[:, group.treatment_index],
            "ratio": histology_effect(self.fit, group),
        }

    def read(self, course: Course, n: int, *, landmarks: bool = True) -> SurvivalData:
        """What the report of a study of ``n`` patients enters a likelihood with."""
        endpoint = self.fit.data.endpoint
        printed = printed_study(course, self.design, self.arms, n, endpoint, landmarks=landmarks)
        return survival_data(
            study_refs(printed, self.arms),
            View(endpoint, verified_only=False, use_read_as=True),
            self.fit.data.classes,
            self.vocabulary.selecting,
        )

    def updater(self, n: int) -> Updater:
        expected = tuple(
            expected_of(self.fit, own.group, differs, self.rows)
            for own, differs in zip(self.treated, self.differs, strict=True)
        )
        shape_sd = self.fit.flat("shape_sd") * self.fit.has_shape
        study_sd = self.fit.flat("study_sd")
        return Updater(self.fit.family, expected, study_sd[self.rows], shape_sd[self.rows], n)


@dataclass(frozen=True)
class _Updated:
    """Weights of the draws after each simulated study, ``(draws, simulations)``."""

    weights: np.ndarray
    pareto_k: np.ndarray

    @property
    def effective(self) -> np.ndarray:
        """Effective draws of each study."""
        return 1.0 / np.square(self.weights).sum(axis=0)

    @property
    def unreliable(self) -> np.ndarray:
        """Which studies' updates are not to be relied on."""
        limit = reliable_below(len(self.weights))
        return (self.pareto_k > limit) | (self.effective < _LEAST_EFFECTIVE)


def _rows(
    job: _Job, simulations: int, rng: np.random.Generator, progress: Progress | None
) -> Iterator[dict[str, Any]]:
    tell = progress or (lambda _: None)
    updaters = {n: job.updater(n) for n in job.design.sizes}
    studies = new_studies(job.fit, job.arms, job.differs, rng)
    for population in job.design.populations:
        gain = job.gain(population)
        truths = _evenly(gain[job.rows], simulations, rng)
        seeds = rng.integers(2**32, size=simulations)
        for n, updater in updaters.items():
            found = np.empty((job.rows.size, simulations))
            for number, (truth, own) in enumerate(zip(truths, seeds, strict=True)):
                if number % 20 == 0:
                    tell(f"{population}, n = {n}: study {number} of {simulations}")
                course = np.random.default_rng(own)
                found[:, number] = _simulated(job, studies, updater, truth, course, population)
                found[truth, number] = -np.inf  # the truth must not vote for itself
            yield _row(job, population, n, gain, _weighed(found))


def _evenly(gain: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws evenly spaced in the order of their gain, at random within each step."""
    at = (np.arange(count) + rng.uniform(size=count)) / count * gain.size
    return np.argsort(gain, kind="stable")[at.astype(int)]


def _simulated(
    job: _Job,
    studies: NewStudies,
    updater: Updater,
    truth: int,
    rng: np.random.Generator,
    population: Population,
) -> np.ndarray:
    """Log likelihood of one simulated study, ``(draws,)``."""
    course = studies.course(int(job.rows[truth]), job.design, population, rng)
    try:
        data = job.read(course, updater.n)
    except UnusableCohortError:
        # figures of two or three patients, one of them censored, may seem to contradict each other
        # when read with an effective number of patients: their median is printed alone
        data = job.read(course, updater.n, landmarks=False)
    return updater.log_likelihood(data)


def _weighed(log_likelihood: np.ndarray) -> _Updated:
    peak = log_likelihood.max(axis=0)
    floored = np.maximum(log_likelihood - peak, -700.0)
    return _Updated(*without_each(-floored))


def _row(
    job: _Job, population: Population, n: int, gain: np.ndarray, updated: _Updated
) -> dict[str, Any]:
    contrast, simulations = SURVIVAL_CONTRASTS[GAIN], updated.weights.shape[1]
    p = (gain[job.rows] > job.delta).astype(float) @ updated.weights
    assurance = float(np.mean(p >= job.threshold))
    unreliable = float(np.mean(updated.unreliable))
    widths: dict[str, float] = {}
    for name, values in job.effects().items():
        used = values[job.rows]
        ends = [weighted_quantiles(used, own, _INTERVAL) for own in updated.weights.T]
        widths[f"expected_width_{name}"] = float(np.mean([high - low for low, high in ends]))
        low, high = np.quantile(values, _INTERVAL)
        widths[f"width_today_{name}"] = float(high - low)
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
        "p_today": contrast.favours(gain, job.delta),
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
    }


def _error(share: float, count: int) -> float:
    """Monte Carlo standard error of a share: not nought where none, or all, of a count have it.

    SD of the beta distribution that the count gives under Jeffreys' prior.
    """
    found = stats.beta(count * share + 0.5, count * (1.0 - share) + 0.5)
    return float(found.std())
