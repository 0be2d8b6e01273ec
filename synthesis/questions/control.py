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

The *effective sample size* counts the observations of the conjugate distribution of that mean and
variance: :math:`a + b` patients of a beta, :math:`\sigma^2/s^2` events of a normal, ``a`` events of
a gamma. The standard deviation :math:`\sigma` of one event is 1 on the scale of a log median: where
survival is exponential, :math:`d` deaths give the log median (and the log hazard) a standard error
of :math:`1/\sqrt d`. A Weibull curve of known shape :math:`k` gives :math:`1/(k\sqrt d)`; the
median of a Kaplan-Meier curve of :math:`n` patients followed to death, asymptotically
:math:`1/(k \ln 2\,\sqrt n)`: an event tells about half as much there, and the same prior is worth
:math:`1/(\ln 2)^2 = 2.1` times as many of them.

Closer mixtures are left to ``automixfit`` of RBesT, which reads the draws. Moments are the careful
choice: they give the prior of its vignette 24 patients, where the expected local information ratio
(Neuenschwander et al. 2020, doi 10.1111/biom.13252) gives 38. That ratio does not exist for a beta
component with a parameter below one, and becomes thousands of patients where rates pile up at zero.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from textwrap import wrap
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from studies import Registry
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Fit, NamedGroup, patients_of, response_rate, summarise
from synthesis.fits import ResponseFit, run_facts
from synthesis.model.families import LN2
from synthesis.model.sampler import Progress
from synthesis.questions import contrasts
from synthesis.questions.mix import Population, patient_mix, population_curve
from synthesis.result import RESEARCH_USE, Column, Finding, Result, Table, make_table

# --- Conjugate distributions of the moments of draws ---------------------------------------------

Kind = Literal["beta", "normal", "gamma"]

#: Name of the vague component.
VAGUE = "vague"

#: Standard deviation of one event on the scale of a log median or a log hazard.
UNIT_SD = 1.0


class Law(NamedTuple):
    """A kind: its parameters, what one observation is, its name and further words in RBesT."""

    parameters: tuple[str, str]
    unit: str
    rbest: str
    further: Mapping[str, str]


LAWS: Mapping[str, Law] = {
    "beta": Law(("a", "b"), "patients", "beta", {}),
    "normal": Law(("m", "s"), "events", "norm", {"sigma": repr(UNIT_SD)}),
    "gamma": Law(("a", "b"), "events", "gamma", {"likelihood": '"exp"'}),
}


@dataclass(frozen=True)
class Mixture:
    r"""A mixture of distributions of one kind, :math:`p(\theta) = \sum_k w_k\, p_k(\theta)`.

    Components are weight and two parameters (named in :data:`LAWS`; a gamma has a rate) by number,
    :data:`VAGUE` for that of :func:`robustify`; weights add up to one.
    """

    kind: Kind
    components: Mapping[str, tuple[float, float, float]]

    @cached_property
    def _parts(self) -> tuple[np.ndarray, stats.rv_frozen]:
        """Weights and distributions of the components."""
        weights, first, second = np.array(list(self.components.values())).T
        if self.kind == "beta":
            return weights, stats.beta(first, second)
        if self.kind == "gamma":
            return weights, stats.gamma(first, scale=1.0 / second)
        return weights, stats.norm(first, second)

    @property
    def mean(self) -> float:
        """Mean of the mixture."""
        weights, parts = self._parts
        return float(np.dot(weights, parts.mean()))

    @property
    def sd(self) -> float:
        """Standard deviation of the mixture."""
        weights, parts = self._parts
        return float(np.sqrt(np.dot(weights, parts.var() + (parts.mean() - self.mean) ** 2)))

    @property
    def size(self) -> float:
        """Effective sample size by moments."""
        mean, variance = self.mean, self.sd**2
        if self.kind == "beta":
            return mean * (1.0 - mean) / variance - 1.0
        return (mean**2 if self.kind == "gamma" else UNIT_SD**2) / variance

    @property
    def worth(self) -> str:
        """That size in words: ``12.3 patients``."""
        return f"{numbers.decimal(self.size, 1)} {LAWS[self.kind].unit}"

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """Distribution function at `x`, of the same shape."""
        weights, parts = self._parts
        return parts.cdf(np.asarray(x, dtype=float)[..., None]) @ weights

    def quantile(self, p: Sequence[float]) -> np.ndarray:
        """Quantiles at probabilities strictly between 0 and 1, shape ``(p,)``."""
        of_each = self._parts[1].ppf(np.asarray(p, dtype=float)[:, None])
        return np.array(
            [
                # the quantile of a mixture lies between those of its components
                low
                if low == high
                else optimize.brentq(lambda x, q=q: float(self.cdf(x)) - q, low, high, xtol=1e-13)
                for q, low, high in zip(p, of_each.min(axis=1), of_each.max(axis=1), strict=True)
            ]
        )


def matched(draws: np.ndarray, kind: Kind) -> Mixture:
    """The one distribution of a kind with the mean and the variance of draws, ``(draws,)``.

    A ValueError for draws that are no numbers, or that do not vary.
    """
    x = np.asarray(draws, dtype=float).ravel()
    if x.size < 10 or not np.isfinite(x).all():
        raise ValueError("draws: expected at least 10 finite numbers")
    mean, variance = float(x.mean()), float(x.var())
    # a spread that is rounding only is none
    if np.ptp(x) <= 1e-9 * max(abs(mean), 1e-9):
        raise ValueError("draws: all are the same, and a distribution cannot be fitted to them")
    size = mean * (1.0 - mean) / variance - 1.0
    parameters = {
        "beta": (mean * size, (1.0 - mean) * size),
        "normal": (mean, math.sqrt(variance)),
        "gamma": (mean**2 / variance, mean / variance),
    }[kind]
    return Mixture(kind, {"1": (1.0, *parameters)})


def robustify(mixture: Mixture, weight: float) -> Mixture:
    """Add a vague component of a weight above 0 and below 1, last, to a mixture.

    Uniform for a rate, for the others the information of one event about the mean.
    """
    vague = {
        "beta": (1.0, 1.0),
        "normal": (mixture.mean, UNIT_SD),
        "gamma": (1.0, 1.0 / mixture.mean),
    }[mixture.kind]
    others = {
        name: ((1.0 - weight) * share, *parameters)
        for name, (share, *parameters) in mixture.components.items()
    }
    return Mixture(mixture.kind, others | {VAGUE: (weight, *vague)})


# --- The answer ----------------------------------------------------------------------------------


_decimals = partial(numbers.decimal, digits=3)


class Quantity(NamedTuple):
    """A quantity: kind of its distribution, name (``{}``: the endpoint), and how it is written."""

    kind: Kind
    title: str
    write: numbers.Writer = numbers.percent
    unit: str = "%"


QUANTITIES: Mapping[str, Quantity] = {
    "survival_6m": Quantity("beta", "{} at 6 months"),
    "survival_12m": Quantity("beta", "{} at 12 months"),
    "log_median": Quantity(
        "normal",
        "Median {} (prior of its log)",
        lambda value: numbers.months(math.exp(value)),
        "months",
    ),
    "hazard": Quantity(
        "gamma", "Hazard a month of {}, exponential with the same median", _decimals, "a month"
    ),
    "response_rate": Quantity("beta", "Response rate"),
}

# A distribution function that is nowhere further from that of the draws follows them: about what
# chance does to 4000 independent draws, once in twenty times.
_CLOSE = 0.02
_STEM = "historical_control"
_SPREAD = (0.5, 0.025, 0.975)
_QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)


@dataclass(frozen=True)
class ControlPrior:
    """One quantity of :data:`QUANTITIES` of a new study: its draws, ``(draws,)``, and mixtures.

    ``fitted`` has the mean and variance of the draws, ``robust`` a vague component too; there is
    none where its weight is 0.
    """

    endpoint: str
    treatment: str
    quantity: str
    draws: np.ndarray = field(repr=False)
    mixtures: Mapping[str, Mixture]

    @property
    def fitted(self) -> Mixture:
        """The mixture without a vague component."""
        return self.mixtures["fitted"]

    @property
    def name(self) -> str:
        """A name that no other prior has, ``os_survival_6m``."""
        is_response = endpoint_of(self.endpoint).is_response
        return self.quantity if is_response else f"{self.endpoint}_{self.quantity}"

    @cached_property
    def difference(self) -> float:
        """Largest difference of the distribution functions of draws and fitted distribution."""
        return float(stats.ks_1samp(self.draws, self.fitted.cdf, method="asymp").statistic)

    @property
    def about(self) -> dict[str, str]:
        """Endpoint, treatment and quantity, the first columns of every table."""
        return {key: getattr(self, key) for key in ("endpoint", "treatment", "quantity")}

    @property
    def quantiles(self) -> pd.DataFrame:
        """Those of draws and fitted distribution: ``probability, draws, mixture``."""
        theirs, ours = np.quantile(self.draws, _QUANTILES), self.fitted.quantile(_QUANTILES)
        return pd.DataFrame({"probability": _QUANTILES, "draws": theirs, "mixture": ours})


@dataclass(frozen=True)
class HistoricalControl:
    """Priors of an arm of a new study, by endpoint, and what they rest on.

    Response is not adjusted for the population; without a vague component its weight is 0.
    ``chosen`` is the treatment of the arm, for each endpoint that has priors; ``left_out`` has a
    sentence on each of the others.
    """

    population: Population
    robust_weight: float
    priors: tuple[ControlPrior, ...]
    fits: Mapping[str, Fit] = field(repr=False)
    chosen: Mapping[str, contrasts.Reference]
    notes: tuple[str, ...]
    left_out: tuple[str, ...]

    def of(self, endpoint: str) -> tuple[ControlPrior, ...]:
        """Priors of one endpoint."""
        return tuple(prior for prior in self.priors if prior.endpoint == endpoint)


def control(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    population: Population,
    *,
    treatment: str | None = None,
    robust: float = 0.2,
    progress: Progress | None = None,
) -> HistoricalControl:
    """Make priors of an arm of a new study under a treatment, by any of its names.

    Without one it is the reference of each endpoint, supportive care where that is pooled. What the
    population of the new study does not state is the reference population; `robust` is the weight
    of the vague component, 0 (none) to below 1. ValueError where that cannot be used, or a fit does
    not adjust for what the population states; NotComparedError where the treatment is unknown, or
    pooled for none of the endpoints.
    """
    if not 0.0 <= robust < 1.0:
        raise ValueError(f"robust: found {robust:g}, expected a weight from 0 to below 1")
    groups = {own: contrasts.treatments_of(fit, vocabulary) for own, fit in fits.items()}
    choices = {
        endpoint: contrasts.choose_reference(own, vocabulary, treatment)
        for endpoint, own in groups.items()
    }
    whom = "a treatment" if treatment is None else vocabulary.treatment(treatment).id
    priors, chosen, left_out, notes = [], {}, [], []
    for endpoint, choice in choices.items():
        if choice is None:
            left_out.append(f"No cohort of {whom} is pooled for {endpoint}, which is left out.")
            continue
        if progress:
            progress(f"{endpoint}: prediction for a new arm")
        chosen[endpoint] = choice
        predicted, rests_on = _predicted(fits[endpoint], choice.group, population, vocabulary)
        notes += rests_on
        for quantity, draws in predicted.items():
            mixtures = {"fitted": matched(draws, QUANTITIES[quantity].kind)}
            if robust > 0.0:
                mixtures["robust"] = robustify(mixtures["fitted"], robust)
            priors.append(ControlPrior(endpoint, choice.label, quantity, draws, mixtures))
    if not priors:
        raise contrasts.not_pooled(whom, groups)
    notes = tuple(dict.fromkeys(notes))
    return HistoricalControl(
        population, robust, tuple(priors), fits, chosen, notes, tuple(left_out)
    )


def _predicted(
    fit: Fit, group: NamedGroup, population: Population, vocabulary: Vocabulary
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Draws of every quantity of a new study, and what the population rests on."""
    if isinstance(fit, ResponseFit):
        note = "Response is pooled for any population: the stated one does not move its prior."
        return {"response_rate": response_rate(fit, group.group, "new_study")}, (note,)
    selecting = vocabulary.selecting
    curve = population_curve(fit, group, population, "new_study", selecting=selecting)
    draws = {name: curve.estimand(name) for name in ("survival_6m", "survival_12m")}
    draws |= {"log_median": np.log(curve.median), "hazard": LN2 / curve.median}
    fits, treatment = {fit.data.endpoint: fit}, group.cohorts[0].treatment
    return draws, patient_mix(fits, vocabulary, population, treatment=treatment).notes


def tables(answer: HistoricalControl) -> dict[str, pd.DataFrame]:
    """What is kept, by the name of the file.

    A row a component with its weight and parameters; of the ``summary`` a row a mixture, on the
    scale of its parameter, ``ess_moment`` in ``ess_unit``; of the ``check`` a row a quantile.
    """
    components, summaries = [], []
    for prior in answer.priors:
        group = answer.chosen[prior.endpoint].group
        for version, mixture in prior.mixtures.items():
            law = LAWS[mixture.kind]
            about = prior.about | {"version": version, "distribution": mixture.kind}
            components += [
                about
                | {"component": name, "weight": weight}
                | {"parameter_1": law.parameters[0], "value_1": first}
                | {"parameter_2": law.parameters[1], "value_2": second}
                | {"reference_sd": UNIT_SD if mixture.kind == "normal" else np.nan}
                for name, (weight, first, second) in mixture.components.items()
            ]
            summaries.append(
                about
                | {"mean": mixture.mean, "sd": mixture.sd}
                | dict(zip(("median", "lower", "upper"), mixture.quantile(_SPREAD), strict=True))
                | {"ess_moment": mixture.size, "ess_unit": law.unit}
                | {"largest_difference": np.nan if version == "robust" else prior.difference}
                | {"cohorts": len(group.cohorts), "patients": group.patients}
            )
    checks = [pd.DataFrame([own.about]).merge(own.quantiles, "cross") for own in answer.priors]
    return {
        _STEM: pd.DataFrame(components),
        f"{_STEM}_summary": pd.DataFrame(summaries),
        f"{_STEM}_check": pd.concat(checks, ignore_index=True),
        f"{_STEM}_draws": pd.DataFrame({own.name: pd.Series(own.draws) for own in answer.priors}),
    }


# --- In words ------------------------------------------------------------------------------------

EXCHANGEABLE = (
    "The prior holds if the new study is exchangeable with those pooled: if nothing is known by "
    "which its outcome would be better or worse than theirs. No figure supports that judgement."
)
NO_DESIGN = "No design is stated: the new study is taken to be prospective."


def result(
    answer: HistoricalControl, registry: Registry, *, settings: Mapping[str, Any] | None = None
) -> Result:
    """Say what is predicted of an arm of a new study, and write it for other software.

    ``settings`` are those of the fits, ready for JSON.
    """
    vocabulary = registry.vocabulary
    findings = [
        Finding(
            f"{endpoint_of(endpoint).name(vocabulary)} of a new arm under "
            f"{numbers.in_sentence(choice.label)}",
            (
                *_endpoint_sentences(answer, endpoint, vocabulary),
                *(f"- {_prior_sentence(prior, vocabulary)}" for prior in answer.of(endpoint)),
            ),
            (_table(answer, endpoint),),
        )
        for endpoint, choice in answer.chosen.items()
    ]
    findings.append(Finding("What do the priors rest on?", tuple(_common_sentences(answer))))
    return Result(
        name="control",
        title="Historical control: priors for an arm of a new study",
        findings=tuple(findings),
        tables=tables(answer),
        texts={
            f"{_STEM}.json": _as_json(answer, registry, settings or {}),
            f"{_STEM}.R": _as_r(answer, vocabulary),
        },
        verdicts={name: fit.diagnosis.verdict for name, fit in answer.fits.items()},
    )


def _endpoint_sentences(
    answer: HistoricalControl, endpoint: str, vocabulary: Vocabulary
) -> Iterator[str]:
    fit, choice = answer.fits[endpoint], answer.chosen[endpoint]
    cohorts, is_response = choice.group.cohorts, endpoint_of(endpoint).is_response
    whom = "" if is_response else f", {answer.population.words}"
    limits = vars(summarise(fit.flat("study_sd"))).values()
    factor = numbers.interval(*map(math.exp, limits), numbers.ratio)
    counts = Counter(ref.study.design.replace("_", " ") for ref in cohorts)
    designs = ", ".join(f"{number} {design}" for design, number in counts.most_common())
    patients = numbers.count(choice.group.patients, "patient")
    yield (
        f"An arm of a new study in {vocabulary.subject_words}{whom}, under "
        f"{numbers.in_sentence(choice.label)} ({choice.why}), is predicted from "
        f"{numbers.count(len(cohorts), 'cohort')} of {patients} ({designs}). Studies differ by a "
        f"standard deviation of the log {'odds' if is_response else 'median'} of "
        f"{numbers.interval(*limits, numbers.ratio)}, a factor of {factor}, learned from "
        f"{numbers.count(len(fit.data.cohorts), 'cohort')} of all treatments."
    )
    if max(prior.fitted.size for prior in answer.of(endpoint)) > 0.5 * choice.group.patients:
        yield (
            f"A prior that is worth more than half of these {patients} takes the rest from other "
            "treatments, and from the priors of the model."
        )


def _title(prior: ControlPrior, vocabulary: Vocabulary) -> str:
    words = endpoint_of(prior.endpoint).words(vocabulary)
    return numbers.capitalised(QUANTITIES[prior.quantity].title.format(words))


def _prior_sentence(prior: ControlPrior, vocabulary: Vocabulary) -> str:
    """Median and interval of a prior on the scale that a reader knows, and what it is worth."""
    quantity, robust = QUANTITIES[prior.quantity], prior.mixtures.get("robust")
    value = numbers.interval(*prior.fitted.quantile(_SPREAD), quantity.write)
    vague = robust and f", {numbers.decimal(robust.size, 1)} with the vague component"
    title = _title(prior, vocabulary)
    return f"{title}: {value} {quantity.unit}, worth {prior.fitted.worth}{vague or ''}."


def _common_sentences(answer: HistoricalControl) -> Iterator[str]:
    yield EXCHANGEABLE
    yield (
        "ESS, the effective sample size by moments, says what a prior is worth: patients followed "
        "to the horizon, or events of an exponential curve. The priors of one endpoint are views "
        "of one prediction: a design uses one of them."
    )
    yield (
        f"The robust prior has a vague component of weight {answer.robust_weight:g}, which lets it "
        "give way where the new study disagrees with the past (Schmidli et al. 2014)."
        if answer.robust_weight
        else "No vague component is added: the prior gives way slowly to a new study."
    )
    gap = _decimals(max(prior.difference for prior in answer.priors))
    yield f"The distribution functions of priors and draws differ by at most {gap}."
    off = [prior.name for prior in answer.priors if prior.difference > _CLOSE]
    if off:
        yield (
            f"One distribution does not follow the draws of {numbers.listed(off)} (chance would be "
            f"{_CLOSE:g}): {_STEM}.R fits closer mixtures with RBesT."
        )
    survival = [name for name in answer.chosen if not endpoint_of(name).is_response]
    if survival and answer.population.design is None:
        yield NO_DESIGN
    yield from (*answer.notes, *answer.left_out)


def _table(answer: HistoricalControl, endpoint: str) -> Table:
    rows = []
    for prior in answer.of(endpoint):
        drawn = numbers.interval(*np.quantile(prior.draws, _SPREAD), _decimals)
        rows.append((prior.quantity, "draws", "", _decimals(prior.draws.mean()), drawn, ""))
        for version, mixture in prior.mixtures.items():
            if version == "robust":
                law = f"{answer.robust_weight:g} vague"
            else:
                (a, b), (_, one, two) = LAWS[mixture.kind].parameters, mixture.components["1"]
                law = f"{mixture.kind}, {a} {_decimals(one)}, {b} {_decimals(two)}"
            interval = numbers.interval(*mixture.quantile(_SPREAD), _decimals)
            figures = _decimals(mixture.mean), interval, mixture.worth
            rows.append((prior.quantity, version, law, *figures))
    columns = [
        *map(Column, ("Quantity", "Version", "Distribution")),
        *(Column(label, "num") for label in ("Mean", "Median (95 % interval)", "ESS")),
    ]
    note = "On the scale of the parameter; ESS by moments."
    return make_table("Draws and priors.", columns, rows, note=note)


# --- For other software: numbers are written so that reading them gives the same number ----------


def _as_r(answer: HistoricalControl, vocabulary: Vocabulary) -> str:
    """Priors as R code that can be sourced: objects of RBesT, then closer mixtures of the draws."""
    reads = (
        "Priors of an arm of a new study for RBesT of R (Weber et al. 2021, doi "
        "10.18637/jss.v100.i19): weight and two parameters of each component."
    )
    lines = [*_comment(RESEARCH_USE), "#", *_comment(reads), "", "library(RBesT)"]
    for endpoint in answer.chosen:
        lines += ["", *_comment(*_endpoint_sentences(answer, endpoint, vocabulary))]
        for prior in answer.of(endpoint):
            lines += ["", *_comment(_prior_sentence(prior, vocabulary))]
            for version, mixture in prior.mixtures.items():
                lines += _call(prior.name + "_robust" * (version == "robust"), mixture)
    where = "Closer mixtures, fitted to the draws; run this in the folder of this file."
    lines += ["", *_comment(where), f'draws <- read.csv("tables/{_STEM}_draws.csv")']
    for prior in answer.priors:
        lines += _closer(prior, answer.robust_weight)
    return "\n".join([*lines, "", *_comment(*_common_sentences(answer))]) + "\n"


def _call(name: str, mixture: Mixture) -> list[str]:
    law = LAWS[mixture.kind]
    parts = [
        f"  {'robust' if label == VAGUE else f'comp{label}'} = c({', '.join(map(repr, values))})"
        for label, values in mixture.components.items()
    ]
    parts += [f"  {own} = {value}" for own, value in law.further.items()]
    return [f"{name} <- mix{law.rbest}(", ",\n".join(parts), ")"]


def _closer(prior: ControlPrior, weight: float) -> list[str]:
    """Lines of R that fit a mixture to the draws of a prior and make it robust."""
    name, law = f"{prior.name}_mix", LAWS[prior.fitted.kind]
    lines = ["", f'{name} <- automixfit(na.omit(draws${prior.name}), type = "{law.rbest}")']
    lines += [f"{own}({name}) <- {value}" for own, value in law.further.items()]
    if weight > 0.0:
        mean = 0.5 if prior.fitted.kind == "beta" else prior.fitted.mean
        lines.append(f"{name}_robust <- robustify({name}, weight = {weight!r}, mean = {mean!r})")
    return [*lines, f"ess({name})"]


def _comment(*texts: str) -> list[str]:
    dashes = {ord(numbers.MISSING): "-", ord(numbers.MINUS): "-"}
    lines = (wrap(text.translate(dashes), 96, break_on_hyphens=False) for text in texts)
    return [f"# {line}" for paragraph in lines for line in paragraph]


def _as_json(answer: HistoricalControl, registry: Registry, settings: Mapping[str, Any]) -> str:
    first, vocabulary = next(iter(answer.fits.values())), registry.vocabulary
    refs = {ref.study.id for choice in answer.chosen.values() for ref in choice.group.cohorts}
    made = run_facts({"seed": first.seed} | dict(settings), first.priors, {})
    del made["fits"]  # what they are worth stands with what is behind each endpoint
    made["registry"] = {
        "fingerprint": registry.fingerprint,
        "vocabulary": registry.vocabulary_fingerprint,
        "conversions": [f"{rule.from_}:{rule.to}" for rule in registry.conversions],
        "studies": {name: registry.fingerprints[name] for name in sorted(refs)},
    }
    content = {
        "kind": "historical control",
        "research_use": RESEARCH_USE,
        "population": vars(answer.population),
        "robust_weight": answer.robust_weight,
        "priors": [_prior_entry(prior, vocabulary) for prior in answer.priors],
        "behind": {name: _behind_entry(answer, name, vocabulary) for name in answer.chosen},
        "notes": list(_common_sentences(answer)),
        "made": made,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _prior_entry(prior: ControlPrior, vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "name": prior.name,
        "title": _title(prior, vocabulary),
        **prior.about,
        "target": "new_study",
        "words": _prior_sentence(prior, vocabulary),
        "mixtures": {version: _entry(mixture) for version, mixture in prior.mixtures.items()},
        "check": {
            "largest_difference": prior.difference,
            "draws": int(prior.draws.size),
            "quantiles": prior.quantiles.to_dict("records"),
        },
    }


def _entry(mixture: Mixture) -> dict[str, Any]:
    names = ("component", "weight", *LAWS[mixture.kind].parameters)
    median, *interval = mixture.quantile(_SPREAD).tolist()
    entry = {
        "distribution": mixture.kind,
        "components": [
            dict(zip(names, (label, *values), strict=True))
            for label, values in mixture.components.items()
        ],
        "mean": mixture.mean,
        "sd": mixture.sd,
        "median": median,
        "interval_95": interval,
        "ess": {"moment": mixture.size, "unit": LAWS[mixture.kind].unit},
    }
    return entry | ({"reference_sd": UNIT_SD} if mixture.kind == "normal" else {})


def _behind_entry(
    answer: HistoricalControl, endpoint: str, vocabulary: Vocabulary
) -> dict[str, Any]:
    fit, choice = answer.fits[endpoint], answer.chosen[endpoint]
    sizes = patients_of(fit)
    return {
        "treatment": choice.label,
        "chosen": choice.why,
        "words": list(_endpoint_sentences(answer, endpoint, vocabulary)),
        "study_sd": vars(summarise(fit.flat("study_sd"))),
        "families": {} if isinstance(fit, ResponseFit) else dict(fit.family_weights),
        "verdict": fit.diagnosis.verdict,
        "cohorts": [
            {"id": ref.id, "label": ref.label, "design": ref.study.design}
            | {"patients": sizes[ref.id]}
            for ref in choice.group.cohorts
        ],
    }
