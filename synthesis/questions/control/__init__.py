r"""What an arm of a new study is expected to show: a prior for trial software.

A *meta-analytic-predictive* prior (Neuenschwander et al. 2010, doi 10.1177/1740774509356002;
Schmidli et al. 2014, doi 10.1111/biom.12242): the posterior distribution of a quantity in a new
study, which holds what is not known of the average study and what sets studies apart.

=================  =======  ======================================================================
quantity           kind     what it is
=================  =======  ======================================================================
``survival_6m``    beta     share of patients without the event at 6 months, all followed so long
``survival_12m``   beta     the same at 12 months
``log_median``     normal   natural log of the median in months
``hazard``         gamma    :math:`\ln 2` over the median: the events a month of an exponential
                            curve with that median
``response_rate``  beta     share of evaluable patients with a response
=================  =======  ======================================================================

They are several views of one prediction: a design uses one of them, not two as if independent. Each
is given as its draws and as the conjugate distribution of the same mean and variance, alone and
with a vague component (``robustify`` of the R package RBesT: uniform for a rate, worth one event
about the mean for the others), which lets data that disagree with the past speak for themselves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from studies.usable import CohortRef

from priors import Priors
from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Fit, NamedGroup, Summary, patients_of, response_rate, summarise
from synthesis.fits import ResponseFit
from synthesis.model.families import LN2
from synthesis.model.sampler import Progress
from synthesis.questions.control.export import as_json, as_r
from synthesis.questions.control.mixtures import (
    FITTED,
    PARAMETERS,
    ROBUST,
    UNIT_SD,
    UNITS,
    Kind,
    Mixture,
    largest_difference,
    matched,
    named_components,
    robustify,
)
from synthesis.questions.evidence import NotComparedError, choose_reference, treatments_of
from synthesis.questions.mix import Population, patient_mix, population_curve
from synthesis.result import Column, Finding, Result, Table, make_table

#: Weight of the vague component unless stated otherwise.
ROBUST_WEIGHT = 0.2

#: A distribution function that is nowhere further from that of the draws follows them: about what
#: chance does to 4000 independent draws, once in twenty times.
CLOSE = 0.02

#: Probabilities at which quantiles of draws and distribution stand side by side.
PROBABILITIES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)

_STEM = "historical_control"
_SPREAD = (0.5, 0.025, 0.975)
# A prior that is worth so large a part of the patients of its treatment rests on more than them.
_MUCH = 0.5


def _decimals(value: float) -> str:
    return numbers.decimal(value, 3)


# --- The quantities ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quantity:
    """A quantity of a new study, and how a value is written on a scale that a reader knows."""

    name: str
    kind: Kind
    title: str  # with {} for the name of the endpoint
    write: numbers.Writer
    unit: str
    scale: Callable[[float], float] = float


#: Quantities of a survival endpoint, and of response.
SURVIVAL_QUANTITIES = (
    Quantity("survival_6m", "beta", "{} at 6 months", numbers.percent, "%"),
    Quantity("survival_12m", "beta", "{} at 12 months", numbers.percent, "%"),
    Quantity(
        "log_median", "normal", "Median {} (prior of its log)", numbers.months, "months", math.exp
    ),
    Quantity(
        "hazard",
        "gamma",
        "Hazard a month of {}, exponential with the same median",
        _decimals,
        "a month",
    ),
)
RESPONSE_QUANTITIES = (Quantity("response_rate", "beta", "Response rate", numbers.percent, "%"),)


@dataclass(frozen=True)
class ControlPrior:
    """One quantity of a new study.

    Attributes
    ----------
    endpoint, treatment : str
        Identifier of the endpoint, label of the treatment.
    of : Quantity
    draws : ndarray, shape (draws,)
        The prediction.
    fitted : Mixture
        The one distribution of the mean and the variance of the draws.
    robust : Mixture or None
        The same with a vague component; None where its weight is 0.
    """

    endpoint: str
    treatment: str
    of: Quantity
    draws: np.ndarray = field(repr=False)
    fitted: Mixture
    robust: Mixture | None

    @property
    def quantity(self) -> str:
        """Name of the quantity."""
        return self.of.name

    @property
    def name(self) -> str:
        """A name that no other prior has, ``os_survival_6m``."""
        is_response = endpoint_of(self.endpoint).is_response
        return self.quantity if is_response else f"{self.endpoint}_{self.quantity}"

    @property
    def mixtures(self) -> dict[str, Mixture]:
        """Mixtures by version, ``fitted`` and, where there is one, ``robust``."""
        robust = {} if self.robust is None else {ROBUST: self.robust}
        return {FITTED: self.fitted} | robust

    @property
    def about(self) -> dict[str, str]:
        """Endpoint, treatment and quantity, the first columns of every table."""
        return {key: getattr(self, key) for key in ("endpoint", "treatment", "quantity")}

    @cached_property
    def check(self) -> pd.DataFrame:
        """Quantiles of draws and fitted distribution: ``probability, draws, mixture``."""
        theirs, ours = np.quantile(self.draws, PROBABILITIES), self.fitted.quantile(PROBABILITIES)
        return pd.DataFrame({"probability": PROBABILITIES, "draws": theirs, "mixture": ours})

    @cached_property
    def difference(self) -> float:
        """Largest difference of the distribution functions of the draws and the fitted one."""
        return largest_difference(self.draws, self.fitted)


@dataclass(frozen=True)
class Behind:
    """What stands behind the priors of an endpoint.

    Label of the treatment and how it was chosen; its cohorts, and patients of each by identifier;
    ``every``, the cohorts of all treatments, from which the spread of studies is learned; the SD
    between studies on the scale of log medians or log odds; weight of each survival family.
    """

    label: str
    why: str
    cohorts: tuple[CohortRef, ...] = field(repr=False)
    patients: Mapping[str, int]
    every: int
    study_sd: Summary
    families: Mapping[str, float]

    @property
    def designs(self) -> dict[str, int]:
        """Cohorts of each design, the most frequent first."""
        return dict(Counter(ref.study.design for ref in self.cohorts).most_common())

    @property
    def total(self) -> int:
        """Patients of all cohorts of the treatment."""
        return sum(self.patients.values())


@dataclass(frozen=True)
class HistoricalControl:
    """Priors of an arm of a new study.

    Attributes
    ----------
    population : Population
        Of the new study; response is not adjusted for it.
    robust_weight : float
        Of the vague component; 0: none.
    priors : tuple of ControlPrior
        By endpoint.
    behind : mapping
        Endpoint -> what stands behind its priors.
    verdicts : mapping
        Endpoint -> PASS, REVIEW or FAIL.
    believed : Priors
        The priors of the fits.
    seed : int
        Of the fits.
    left_out : tuple of str
        A sentence on each endpoint without a prior.
    notes : tuple of str
        What the stated population rests on.
    """

    population: Population
    robust_weight: float
    priors: tuple[ControlPrior, ...]
    behind: Mapping[str, Behind]
    verdicts: Mapping[str, str]
    believed: Priors = field(repr=False)
    seed: int
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, endpoint: str) -> tuple[ControlPrior, ...]:
        """Priors of one endpoint."""
        return tuple(prior for prior in self.priors if prior.endpoint == endpoint)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a component, with its weight and its two parameters."""
        return pd.DataFrame(
            about
            | {"component": name, "weight": weight}
            | {"parameter_1": PARAMETERS[mixture.kind][0], "value_1": first}
            | {"parameter_2": PARAMETERS[mixture.kind][1], "value_2": second}
            | {"reference_sd": UNIT_SD if mixture.kind == "normal" else np.nan}
            for _, about, mixture in self._versions()
            for name, (weight, first, second) in named_components(about["version"], mixture)
        )

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row a mixture, on the scale of its parameter; ``ess_moment`` in ``ess_unit``."""
        return pd.DataFrame(
            about
            | {"mean": mixture.mean, "sd": mixture.sd}
            | dict(zip(("median", "lower", "upper"), mixture.quantile(_SPREAD), strict=True))
            | {"ess_moment": mixture.size(), "ess_unit": UNITS[mixture.kind]}
            | {"largest_difference": prior.difference if mixture is prior.fitted else np.nan}
            | {"cohorts": len(self.behind[prior.endpoint].cohorts)}
            | {"patients": self.behind[prior.endpoint].total}
            for prior, about, mixture in self._versions()
        )

    @cached_property
    def check(self) -> pd.DataFrame:
        """Quantiles of draws and fitted distribution side by side."""
        frames = [pd.DataFrame([prior.about]).merge(prior.check, "cross") for prior in self.priors]
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def draws(self) -> pd.DataFrame:
        """Draws of each prior, a column each by its name; missing where another has more."""
        columns = {prior.name: pd.Series(prior.draws) for prior in self.priors}
        return pd.DataFrame(columns)

    def _versions(self) -> Iterator[tuple[ControlPrior, dict[str, Any], Mixture]]:
        for prior in self.priors:
            for version, mixture in prior.mixtures.items():
                more = {"version": version, "distribution": mixture.kind}
                yield prior, prior.about | more, mixture


# --- The question --------------------------------------------------------------------------------


def control(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    population: Population,
    *,
    treatment: str | None = None,
    robust: float = ROBUST_WEIGHT,
    progress: Progress | None = None,
) -> HistoricalControl:
    """Make priors of an arm of a new study under a treatment.

    Parameters
    ----------
    fits : mapping
        Endpoint -> fit.
    vocabulary : Vocabulary
    population : Population
        Of the new study; what is not stated is the reference population.
    treatment : str, optional
        Any name of it; otherwise the reference of each endpoint, supportive care where pooled.
    robust : float
        Weight of the vague component, 0 (none) to below 1.
    progress : callable, optional
        Called with a sentence at each stage.

    Raises
    ------
    ValueError
        If the weight cannot be used, or a fit does not adjust for what the population states.
    NotComparedError
        If the treatment is unknown, or pooled for none of the endpoints.
    """
    if not 0.0 <= robust < 1.0:
        raise ValueError(f"robust: found {robust:g}, expected a weight from 0 to below 1")
    tell = progress or (lambda _: None)
    whom = "a treatment" if treatment is None else treatment
    priors: list[ControlPrior] = []
    behind: dict[str, Behind] = {}
    pooled: set[str] = set()
    left_out, notes = [], []
    for endpoint, fit in fits.items():
        groups = treatments_of(fit, vocabulary)
        pooled |= {group.cohorts[0].treatment for group in groups}
        choice = choose_reference(groups, vocabulary, treatment)
        if treatment is not None:
            whom = vocabulary.treatment(treatment).id
        if choice is None:
            left_out.append(f"No cohort of {whom} is pooled for {endpoint}, which is left out.")
            continue
        tell(f"{endpoint}: prediction for a new arm")
        behind[endpoint] = _behind(fit, choice.group, choice.why)
        notes += _notes(endpoint, fit, choice.group, vocabulary, population)
        for quantity, draws in _draws(fit, choice.group, population, vocabulary.selecting):
            fitted = matched(draws, quantity.kind)
            wider = robustify(fitted, robust) if robust > 0.0 else None
            priors.append(ControlPrior(endpoint, choice.label, quantity, draws, fitted, wider))
    if not priors:
        raise NotComparedError(
            f"no cohort of {whom} is pooled for {' or '.join(fits) or 'any endpoint'}; possible: "
            f"{', '.join(sorted(pooled)) or 'none'}."
        )
    first = next(iter(fits.values()))
    return HistoricalControl(
        population=population,
        robust_weight=robust,
        priors=tuple(priors),
        behind=MappingProxyType(behind),
        verdicts=MappingProxyType({name: fit.diagnosis.verdict for name, fit in fits.items()}),
        believed=first.priors,
        seed=first.seed,
        left_out=tuple(left_out),
        notes=tuple(dict.fromkeys(notes)),
    )


def _behind(fit: Fit, group: NamedGroup, why: str) -> Behind:
    sizes = patients_of(fit)
    is_response = endpoint_of(fit.data.endpoint).is_response
    return Behind(
        label=group.label,
        why=why,
        cohorts=group.cohorts,
        patients=MappingProxyType({ref.id: sizes[ref.id] for ref in group.cohorts}),
        every=len(fit.data.cohorts),
        study_sd=summarise(fit.flat("study_sd")),
        families=MappingProxyType({} if is_response else dict(fit.family_weights)),
    )


def _notes(
    endpoint: str, fit: Fit, group: NamedGroup, vocabulary: Vocabulary, population: Population
) -> tuple[str, ...]:
    if endpoint_of(endpoint).is_response:
        return (
            "Response is pooled without histology, line, design and mutation: the stated "
            "population does not move its prior.",
        )
    treatment = group.cohorts[0].treatment
    return patient_mix({endpoint: fit}, vocabulary, population, treatment=treatment).notes


def _draws(
    fit: Fit, group: NamedGroup, population: Population, selecting: frozenset[str]
) -> Iterator[tuple[Quantity, np.ndarray]]:
    """Draws of every quantity of a new study."""
    if isinstance(fit, ResponseFit):
        yield RESPONSE_QUANTITIES[0], response_rate(fit, group.group, "new_study")
        return
    curve = population_curve(fit, group, population, "new_study", selecting=selecting)
    draws = {name: curve.estimand(name) for name in ("survival_6m", "survival_12m")}
    draws |= {"log_median": np.log(curve.median), "hazard": LN2 / curve.median}
    for quantity in SURVIVAL_QUANTITIES:
        yield quantity, draws[quantity.name]


# --- In words ------------------------------------------------------------------------------------

EXCHANGEABLE = (
    "The prior holds if the new study is exchangeable with those pooled: if, before its patients "
    "are seen, nothing is known by which its outcome would be better or worse than theirs. That is "
    "a judgement on patients, care and follow-up, which no figure here supports."
)
NO_DESIGN = (
    "No design is stated: the new study is taken to lie half way between a retrospective and a "
    "prospective one. State that of the study that is planned."
)
_COMMON = (
    EXCHANGEABLE,
    "ESS, the effective sample size, says how many patients or events the prior is worth, by "
    "moments: a heavy tail makes it small. A patient is one followed to the horizon; an event is "
    "one on the scale of the log median or log hazard under an exponential curve, of standard "
    "deviation 1.",
    "The priors of one endpoint are views of one prediction: a design uses one of them, not two as "
    "if they were independent.",
)


def result(
    answer: HistoricalControl, registry: Registry, *, settings: Mapping[str, Any] | None = None
) -> Result:
    """Say what is predicted of an arm of a new study, and write it for other software.

    Parameters
    ----------
    answer : HistoricalControl
    registry : Registry
        That the fits were made of.
    settings : mapping, optional
        Of the fits, ready for JSON.
    """
    vocabulary = registry.vocabulary
    words = {
        endpoint: tuple(_endpoint_sentences(answer, endpoint, vocabulary))
        for endpoint in answer.behind
    }
    words |= {prior.name: _prior_words(prior, vocabulary) for prior in answer.priors}
    words["common"] = tuple(_common_sentences(answer))
    findings = [
        Finding(
            f"{endpoint_of(endpoint).name(vocabulary)} of a new arm under "
            f"{numbers.in_sentence(behind.label)}",
            (
                *words[endpoint],
                *(f"- {': '.join(words[prior.name])}" for prior in answer.of(endpoint)),
            ),
            (_table(answer, endpoint),),
        )
        for endpoint, behind in answer.behind.items()
    ]
    return Result(
        name="control",
        title="Historical control: priors for an arm of a new study",
        findings=(*findings, Finding("What do the priors rest on?", words["common"])),
        tables={
            _STEM: answer.table,
            f"{_STEM}_summary": answer.summary,
            f"{_STEM}_check": answer.check,
            f"{_STEM}_draws": answer.draws,
        },
        texts={
            f"{_STEM}.json": as_json(answer, registry, words, settings or {}),
            f"{_STEM}.R": as_r(answer, words),
        },
        verdicts=answer.verdicts,
    )


def _endpoint_sentences(
    answer: HistoricalControl, endpoint: str, vocabulary: Vocabulary
) -> Iterator[str]:
    behind, is_response = answer.behind[endpoint], endpoint_of(endpoint).is_response
    whom = "" if is_response else f", {answer.population.words}"
    scale, of_one = ("log odds", "odds") if is_response else ("log median", "median")
    sd, write = behind.study_sd, lambda value: numbers.decimal(value, 2)
    limits = (sd.estimate, sd.lower, sd.upper)
    factor = numbers.interval(*map(math.exp, limits), numbers.ratio)
    designs = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in behind.designs.items())
    none = "" if "randomised" in behind.designs else "; none is an arm of a randomised study"
    patients = numbers.count(behind.total, "patient")
    yield (
        f"What is predicted for an arm of a new study in {vocabulary.subject_words}{whom}; the "
        f"treatment is {behind.why}."
    )
    yield (
        f"It rests on {numbers.count(len(behind.cohorts), 'cohort')} of {patients} "
        f"({designs}){none}. Between studies the {scale} has a standard deviation of "
        f"{numbers.interval(*limits, write)}, a factor of {factor} in the {of_one}; it is learned "
        f"from {numbers.count(behind.every, 'cohort')} of all treatments."
    )
    if max(prior.fitted.size() for prior in answer.of(endpoint)) > _MUCH * behind.total:
        yield (
            f"A prior that is worth more than half of these {patients} takes the rest from other "
            "treatments, and from the priors of the model."
        )
    else:
        yield (
            f"A prior is worth less than these {patients}: what sets studies apart is not averaged "
            "away by more patients in each."
        )


def _prior_words(prior: ControlPrior, vocabulary: Vocabulary) -> tuple[str, str]:
    """Name of the quantity, and a sentence on its median, interval and size."""
    endpoint = endpoint_of(prior.endpoint)
    name = endpoint.name if prior.of.title.startswith("{}") else endpoint.words
    spread = numbers.interval(*map(prior.of.scale, prior.fitted.quantile(_SPREAD)), prior.of.write)
    worth = f"worth {numbers.decimal(prior.fitted.size(), 1)} {UNITS[prior.of.kind]}"
    if prior.robust is not None:
        worth += f", {numbers.decimal(prior.robust.size(), 1)} with the vague component"
    return prior.of.title.format(name(vocabulary)), f"{spread} {prior.of.unit}, {worth}."


def _common_sentences(answer: HistoricalControl) -> Iterator[str]:
    yield from _COMMON
    weight = answer.robust_weight
    if weight == 0.0:
        yield (
            "No vague component is added (weight 0): where the new study disagrees with the past, "
            "the prior gives way slowly."
        )
    else:
        yield (
            f"The robust prior has a vague component of weight {weight:g}: uniform for a rate, "
            "worth one event about the mean for the others. It lets the prior give way where the "
            "new study disagrees with the past (Schmidli et al. 2014)."
        )
    worst = max(answer.priors, key=lambda prior: prior.difference)
    off = [prior.name for prior in answer.priors if prior.difference > CLOSE]
    if off:
        yield (
            f"One distribution does not follow the draws of {numbers.listed(off)}: the "
            f"distribution functions differ by up to {numbers.decimal(worst.difference, 3)}, where "
            f"{CLOSE:g} would be chance. {_STEM}.R fits closer mixtures to the draws with RBesT."
        )
    else:
        yield (
            "The distribution functions of priors and draws differ by at most "
            f"{numbers.decimal(worst.difference, 3)} ({worst.name})."
        )
    survival = [name for name in answer.behind if not endpoint_of(name).is_response]
    if survival and answer.population.design is None:
        yield NO_DESIGN
    yield from (*answer.notes, *answer.left_out)


def _table(answer: HistoricalControl, endpoint: str) -> Table:
    """Draws, the distribution of their moments, and the robust prior side by side."""
    columns = [Column(label) for label in ("Quantity", "Version", "Distribution")]
    columns += [Column(label, "num") for label in ("Mean", "Median (95 % interval)", "ESS")]
    rows = []
    for prior in answer.of(endpoint):
        row = (
            prior.quantity,
            "draws",
            "",
            prior.draws.mean(),
            np.quantile(prior.draws, _SPREAD),
            "",
        )
        versions = [row]
        for version, mixture in prior.mixtures.items():
            worth = f"{numbers.decimal(mixture.size(), 1)} {UNITS[mixture.kind]}"
            law = _law(mixture) if version == FITTED else f"{answer.robust_weight:g} vague"
            versions.append(
                (prior.quantity, version, law, mixture.mean, mixture.quantile(_SPREAD), worth)
            )
        rows += [
            (*names, _decimals(mean), numbers.interval(*spread, _decimals), worth)
            for *names, mean, spread, worth in versions
        ]
    note = "On the scale of the parameter; ESS by moments."
    return make_table("Draws and priors.", columns, rows, note=note)


def _law(mixture: Mixture) -> str:
    (first, second), ((_, one, two),) = PARAMETERS[mixture.kind], mixture.components
    return f"{mixture.kind}, {first} {_decimals(one)}, {second} {_decimals(two)}"
