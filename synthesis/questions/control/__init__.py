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

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from textwrap import wrap
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from priors import Priors
from studies import Registry
from studies.figures import CohortRef
from studies.vocabulary import Vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Fit, NamedGroup, Summary, patients_of, response_rate, summarise
from synthesis.fits import ResponseFit, run_facts
from synthesis.model.families import LN2
from synthesis.model.sampler import Progress
from synthesis.questions.contrasts import (
    NotComparedError,
    Reference,
    choose_reference,
    treatments_of,
)
from synthesis.questions.control.mixtures import (
    LAWS,
    UNIT_SD,
    VAGUE,
    Kind,
    Mixture,
    matched,
    robustify,
)
from synthesis.questions.mix import Population, patient_mix, population_curve
from synthesis.result import RESEARCH_USE, Column, Finding, Result, Table, make_table


def _decimals(value: float) -> str:
    return numbers.decimal(value, 3)


class Quantity(NamedTuple):
    """A quantity: kind of its distribution, name (``{}``: the endpoint), and how it is written."""

    kind: Kind
    title: str
    write: numbers.Writer = numbers.percent
    unit: str = "%"


QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
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
)

# A distribution function that is nowhere further from that of the draws follows them: about what
# chance does to 4000 independent draws, once in twenty times.
_CLOSE = 0.02
_STEM = "historical_control"
_SPREAD = (0.5, 0.025, 0.975)
_QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)


# --- The answer ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ControlPrior:
    """One quantity of a new study.

    Attributes
    ----------
    endpoint, treatment, quantity : str
        Identifier, label, and a name of :data:`QUANTITIES`.
    draws : ndarray, shape (draws,)
        The prediction.
    fitted, robust : Mixture
        The distribution of mean and variance of the draws; the same with a vague component, None
        where its weight is 0.
    """

    endpoint: str
    treatment: str
    quantity: str
    draws: np.ndarray = field(repr=False)
    fitted: Mixture
    robust: Mixture | None

    @property
    def name(self) -> str:
        """A name that no other prior has, ``os_survival_6m``."""
        is_response = endpoint_of(self.endpoint).is_response
        return self.quantity if is_response else f"{self.endpoint}_{self.quantity}"

    @property
    def mixtures(self) -> dict[str, Mixture]:
        """Mixtures by version, ``fitted`` and, where there is one, ``robust``."""
        return {"fitted": self.fitted} | ({"robust": self.robust} if self.robust else {})

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
class Behind:
    """What stands behind the priors of an endpoint.

    Label of the treatment and how it was chosen; its cohorts, with their patients by identifier;
    number of cohorts of all treatments; SD between studies; weight of each survival family.
    """

    label: str
    why: str
    cohorts: tuple[CohortRef, ...] = field(repr=False)
    patients: Mapping[str, int]
    every: int
    study_sd: Summary
    families: Mapping[str, float]

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
    behind, verdicts : mapping
        Endpoint -> what stands behind its priors, and PASS, REVIEW or FAIL.
    believed : Priors
        The priors of the fits.
    seed : int
        Of the fits.
    left_out, notes : tuple of str
        A sentence on each endpoint without a prior; what the population rests on.
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

    @property
    def table(self) -> pd.DataFrame:
        """A row a component, with its weight and its two parameters."""
        return pd.DataFrame(
            about
            | {"component": name, "weight": weight}
            | {"parameter_1": LAWS[mixture.kind].parameters[0], "value_1": first}
            | {"parameter_2": LAWS[mixture.kind].parameters[1], "value_2": second}
            | {"reference_sd": UNIT_SD if mixture.kind == "normal" else np.nan}
            for _, about, mixture in self._versions()
            for name, (weight, first, second) in mixture.components.items()
        )

    @property
    def summary(self) -> pd.DataFrame:
        """A row a mixture, on the scale of its parameter; ``ess_moment`` in ``ess_unit``."""
        return pd.DataFrame(
            about
            | {"mean": mixture.mean, "sd": mixture.sd}
            | dict(zip(("median", "lower", "upper"), mixture.quantile(_SPREAD), strict=True))
            | {"ess_moment": mixture.size(), "ess_unit": LAWS[mixture.kind].unit}
            | {"largest_difference": np.nan if mixture.is_robust else prior.difference}
            | {"cohorts": len(self.behind[prior.endpoint].cohorts)}
            | {"patients": self.behind[prior.endpoint].total}
            for prior, about, mixture in self._versions()
        )

    @property
    def check(self) -> pd.DataFrame:
        """Quantiles of draws and fitted distribution side by side."""
        frames = [pd.DataFrame([p.about]).merge(p.quantiles, "cross") for p in self.priors]
        return pd.concat(frames, ignore_index=True)

    @property
    def draws(self) -> pd.DataFrame:
        """Draws of each prior, a column each by its name; missing where another has more."""
        return pd.DataFrame({prior.name: pd.Series(prior.draws) for prior in self.priors})

    def _versions(self) -> Iterator[tuple[ControlPrior, dict[str, Any], Mixture]]:
        for prior in self.priors:
            for version, mixture in prior.mixtures.items():
                more = {"version": version, "distribution": mixture.kind}
                yield prior, prior.about | more, mixture


def control(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    population: Population,
    *,
    treatment: str | None = None,
    robust: float = 0.2,
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
    groups = {endpoint: treatments_of(fit, vocabulary) for endpoint, fit in fits.items()}
    priors, behind, left_out, notes = [], {}, [], []
    for endpoint, fit in fits.items():
        choice = choose_reference(groups[endpoint], vocabulary, treatment)
        if choice is None:
            whom = _whom(treatment, vocabulary)
            left_out.append(f"No cohort of {whom} is pooled for {endpoint}, which is left out.")
            continue
        if progress:
            progress(f"{endpoint}: prediction for a new arm")
        behind[endpoint] = _behind(fit, choice)
        predicted, rests_on = _predicted(fit, choice.group, population, vocabulary)
        notes += rests_on
        for quantity, draws in predicted.items():
            fitted = matched(draws, QUANTITIES[quantity].kind)
            wider = robustify(fitted, robust) if robust > 0.0 else None
            priors.append(ControlPrior(endpoint, choice.label, quantity, draws, fitted, wider))
    if not priors:
        pooled = {group.cohorts[0].treatment for every in groups.values() for group in every}
        raise NotComparedError(
            f"no cohort of {_whom(treatment, vocabulary)} is pooled for "
            f"{' or '.join(fits) or 'any endpoint'}; "
            f"possible: {', '.join(sorted(pooled)) or 'none'}."
        )
    first = next(iter(fits.values()))
    return HistoricalControl(
        population=population,
        robust_weight=robust,
        priors=tuple(priors),
        behind=behind,
        verdicts={name: fit.diagnosis.verdict for name, fit in fits.items()},
        believed=first.priors,
        seed=first.seed,
        left_out=tuple(left_out),
        notes=tuple(dict.fromkeys(notes)),
    )


def _whom(treatment: str | None, vocabulary: Vocabulary) -> str:
    return "a treatment" if treatment is None else vocabulary.treatment(treatment).id


def _behind(fit: Fit, choice: Reference) -> Behind:
    """What a prior of one endpoint rests on."""
    sizes, cohorts = patients_of(fit), choice.group.cohorts
    return Behind(
        choice.label,
        choice.why,
        cohorts,
        {ref.id: sizes[ref.id] for ref in cohorts},
        len(fit.data.cohorts),
        summarise(fit.flat("study_sd")),
        {} if isinstance(fit, ResponseFit) else dict(fit.family_weights),
    )


def _predicted(
    fit: Fit, group: NamedGroup, population: Population, vocabulary: Vocabulary
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Draws of every quantity of a new study, and what the population rests on."""
    if isinstance(fit, ResponseFit):
        note = (
            "Response is pooled without histology, line, design and mutation: the stated "
            "population does not move its prior."
        )
        return {"response_rate": response_rate(fit, group.group, "new_study")}, (note,)
    selecting = vocabulary.selecting
    curve = population_curve(fit, group, population, "new_study", selecting=selecting)
    draws = {name: curve.estimand(name) for name in ("survival_6m", "survival_12m")}
    draws |= {"log_median": np.log(curve.median), "hazard": LN2 / curve.median}
    fits, treatment = {fit.data.endpoint: fit}, group.cohorts[0].treatment
    return draws, patient_mix(fits, vocabulary, population, treatment=treatment).notes


# --- In words ------------------------------------------------------------------------------------

EXCHANGEABLE = (
    "The prior holds if the new study is exchangeable with those pooled: if nothing is known by "
    "which its outcome would be better or worse than theirs. No figure supports that judgement."
)
NO_DESIGN = (
    "No design is stated: the new study is taken to lie half way between a retrospective and a "
    "prospective one."
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
    findings = [
        Finding(
            f"{endpoint_of(endpoint).name(vocabulary)} of a new arm under "
            f"{numbers.in_sentence(behind.label)}",
            (
                *_endpoint_sentences(answer, endpoint, vocabulary),
                *(f"- {_prior_sentence(prior, vocabulary)}" for prior in answer.of(endpoint)),
            ),
            (_table(answer, endpoint),),
        )
        for endpoint, behind in answer.behind.items()
    ]
    findings.append(Finding("What do the priors rest on?", tuple(_common_sentences(answer))))
    return Result(
        name="control",
        title="Historical control: priors for an arm of a new study",
        findings=tuple(findings),
        tables={
            _STEM: answer.table,
            f"{_STEM}_summary": answer.summary,
            f"{_STEM}_check": answer.check,
            f"{_STEM}_draws": answer.draws,
        },
        texts={
            f"{_STEM}.json": _as_json(answer, registry, settings or {}),
            f"{_STEM}.R": _as_r(answer, vocabulary),
        },
        verdicts=answer.verdicts,
    )


def _endpoint_sentences(
    answer: HistoricalControl, endpoint: str, vocabulary: Vocabulary
) -> Iterator[str]:
    behind, is_response = answer.behind[endpoint], endpoint_of(endpoint).is_response
    whom = "" if is_response else f", {answer.population.words}"
    scale, of_one = ("log odds", "odds") if is_response else ("log median", "median")
    limits = vars(behind.study_sd).values()
    factor = numbers.interval(*map(math.exp, limits), numbers.ratio)
    counts = Counter(ref.study.design.replace("_", " ") for ref in behind.cohorts)
    designs = ", ".join(f"{number} {design}" for design, number in counts.most_common())
    none = "" if "randomised" in counts else "; none is an arm of a randomised study"
    patients = numbers.count(behind.total, "patient")
    yield (
        f"What is predicted for an arm of a new study in {vocabulary.subject_words}{whom}, under "
        f"{numbers.in_sentence(behind.label)} ({behind.why})."
    )
    yield (
        f"It rests on {numbers.count(len(behind.cohorts), 'cohort')} of {patients} "
        f"({designs}){none}. Between studies the {scale} has a standard deviation of "
        f"{numbers.interval(*limits, numbers.ratio)}, a factor of {factor} in the {of_one}; it is "
        f"learned from {numbers.count(behind.every, 'cohort')} of all treatments."
    )
    if max(prior.fitted.size() for prior in answer.of(endpoint)) > 0.5 * behind.total:
        yield (
            f"A prior that is worth more than half of these {patients} takes the rest from other "
            "treatments, and from the priors of the model."
        )


def _title(prior: ControlPrior, vocabulary: Vocabulary) -> str:
    endpoint, title = endpoint_of(prior.endpoint), QUANTITIES[prior.quantity].title
    name = endpoint.name if title.startswith("{}") else endpoint.words
    return title.format(name(vocabulary))


def _worth(mixture: Mixture) -> str:
    return f"{numbers.decimal(mixture.size(), 1)} {LAWS[mixture.kind].unit}"


def _prior_sentence(prior: ControlPrior, vocabulary: Vocabulary) -> str:
    """Median and interval of a prior on the scale that a reader knows, and what it is worth."""
    quantity = QUANTITIES[prior.quantity]
    value = numbers.interval(*prior.fitted.quantile(_SPREAD), quantity.write)
    worth = f"worth {_worth(prior.fitted)}"
    if prior.robust is not None:
        worth += f", {numbers.decimal(prior.robust.size(), 1)} with the vague component"
    return f"{_title(prior, vocabulary)}: {value} {quantity.unit}, {worth}."


def _common_sentences(answer: HistoricalControl) -> Iterator[str]:
    yield EXCHANGEABLE
    yield (
        "ESS, the effective sample size, says how many patients or events the prior is worth, by "
        "moments. A patient is followed to the horizon; an event is one under an exponential curve."
    )
    yield "The priors of one endpoint are views of one prediction: a design uses one of them."
    if answer.robust_weight == 0.0:
        yield (
            "No vague component is added (weight 0): where the new study disagrees with the past, "
            "the prior gives way slowly."
        )
    else:
        yield (
            f"The robust prior has a vague component of weight {answer.robust_weight:g}, which "
            "lets it give way where the new study disagrees with the past (Schmidli et al. 2014)."
        )
    gap = _decimals(max(prior.difference for prior in answer.priors))
    off = [prior.name for prior in answer.priors if prior.difference > _CLOSE]
    if off:
        yield (
            f"One distribution does not follow the draws of {numbers.listed(off)}: the "
            f"distribution functions differ by up to {gap}, where {_CLOSE:g} would be chance. "
            f"{_STEM}.R fits closer mixtures to the draws with RBesT."
        )
    else:
        yield f"The distribution functions of priors and draws differ by at most {gap}."
    survival = [name for name in answer.behind if not endpoint_of(name).is_response]
    if survival and answer.population.design is None:
        yield NO_DESIGN
    yield from (*answer.notes, *answer.left_out)


def _table(answer: HistoricalControl, endpoint: str) -> Table:
    rows = []
    for prior in answer.of(endpoint):
        drawn = numbers.interval(*np.quantile(prior.draws, _SPREAD), _decimals)
        rows.append((prior.quantity, "draws", "", _decimals(prior.draws.mean()), drawn, ""))
        for version, mixture in prior.mixtures.items():
            law = f"{answer.robust_weight:g} vague" if mixture.is_robust else _law(mixture)
            interval = numbers.interval(*mixture.quantile(_SPREAD), _decimals)
            figures = _decimals(mixture.mean), interval, _worth(mixture)
            rows.append((prior.quantity, version, law, *figures))
    columns = [
        *map(Column, ("Quantity", "Version", "Distribution")),
        *(Column(label, "num") for label in ("Mean", "Median (95 % interval)", "ESS")),
    ]
    note = "On the scale of the parameter; ESS by moments."
    return make_table("Draws and priors.", columns, rows, note=note)


def _law(mixture: Mixture) -> str:
    (first, second), (_, one, two) = LAWS[mixture.kind].parameters, mixture.components["1"]
    return f"{mixture.kind}, {first} {_decimals(one)}, {second} {_decimals(two)}"


# --- For other software: numbers are written so that reading them gives the same number ----------


def _as_r(answer: HistoricalControl, vocabulary: Vocabulary) -> str:
    """Priors as R code that can be sourced: objects of RBesT, then closer mixtures of the draws.

    Normal priors have the reference standard deviation of one event, gamma ones the exponential
    likelihood, so that ``ess(..., method = "moment")`` gives the sizes in the comments.
    """
    reads = (
        "Priors of an arm of a new study for RBesT of R (Weber et al. 2021, doi "
        "10.18637/jss.v100.i19): weight and two parameters of each component."
    )
    goes_on = "Closer mixtures, fitted to the draws; run this in the folder of this file."
    lines = [*_comment(RESEARCH_USE), "#", *_comment(reads), "", "library(RBesT)"]
    for endpoint in answer.behind:
        lines += ["", *_comment(*_endpoint_sentences(answer, endpoint, vocabulary))]
        for prior in answer.of(endpoint):
            lines += ["", *_comment(_prior_sentence(prior, vocabulary))]
            for mixture in prior.mixtures.values():
                lines += _call(f"{prior.name}{'_robust' * mixture.is_robust}", mixture)
    lines += ["", *_comment(goes_on), f'draws <- read.csv("tables/{_STEM}_draws.csv")']
    for prior in answer.priors:
        lines += _closer(prior, answer.robust_weight)
    return "\n".join([*lines, "", *_comment(*_common_sentences(answer))]) + "\n"


def _call(name: str, mixture: Mixture) -> list[str]:
    law = LAWS[mixture.kind]
    parts = [
        f"  {'robust' if label == VAGUE else f'comp{label}'} = c({', '.join(map(repr, values))})"
        for label, values in mixture.components.items()
    ]
    parts += ["  {} = {}".format(*law.further)] if law.further else []
    return [f"{name} <- mix{law.rbest}(", ",\n".join(parts), ")"]


def _closer(prior: ControlPrior, weight: float) -> list[str]:
    """Lines of R that fit a mixture to the draws of a prior and make it robust."""
    name, law = f"{prior.name}_mix", LAWS[prior.fitted.kind]
    lines = ["", f'{name} <- automixfit(na.omit(draws${prior.name}), type = "{law.rbest}")']
    if law.further:
        lines.append(f"{law.further[0]}({name}) <- {law.further[1]}")
    if weight > 0.0:
        mean = 0.5 if prior.fitted.kind == "beta" else prior.fitted.mean
        lines.append(f"{name}_robust <- robustify({name}, weight = {weight!r}, mean = {mean!r})")
    return [*lines, f"ess({name})"]


def _comment(*texts: str) -> list[str]:
    dashes = {ord(numbers.MISSING): "-", ord(numbers.MINUS): "-"}
    lines = (wrap(text.translate(dashes), 96, break_on_hyphens=False) for text in texts)
    return [f"# {line}" for paragraph in lines for line in paragraph]


def _as_json(answer: HistoricalControl, registry: Registry, settings: Mapping[str, Any]) -> str:
    refs = {ref.study.id for behind in answer.behind.values() for ref in behind.cohorts}
    made = run_facts({"seed": answer.seed} | dict(settings), answer.believed, {})
    del made["fits"]  # what they are worth stands with what is behind each endpoint
    made["registry"] = {
        "fingerprint": registry.fingerprint,
        "vocabulary": registry.vocabulary_fingerprint,
        "conversions": [f"{rule.from_}:{rule.to}" for rule in registry.conversions],
        "studies": {name: registry.fingerprints[name] for name in sorted(refs)},
    }
    vocabulary = registry.vocabulary
    content = {
        "kind": "historical control",
        "research_use": RESEARCH_USE,
        "population": vars(answer.population),
        "robust_weight": answer.robust_weight,
        "priors": [_prior_entry(prior, vocabulary) for prior in answer.priors],
        "behind": {name: _behind_entry(answer, name, vocabulary) for name in answer.behind},
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
        "ess": {"moment": mixture.size(), "unit": LAWS[mixture.kind].unit},
    }
    return entry | ({"reference_sd": UNIT_SD} if mixture.kind == "normal" else {})


def _behind_entry(
    answer: HistoricalControl, endpoint: str, vocabulary: Vocabulary
) -> dict[str, Any]:
    behind = answer.behind[endpoint]
    return {
        "treatment": behind.label,
        "chosen": behind.why,
        "words": list(_endpoint_sentences(answer, endpoint, vocabulary)),
        "study_sd": vars(behind.study_sd),
        "families": dict(behind.families),
        "verdict": answer.verdicts[endpoint],
        "cohorts": [
            {
                "id": ref.id,
                "label": ref.label,
                "design": ref.study.design,
                "patients": behind.patients[ref.id],
            }
            for ref in behind.cohorts
        ],
    }
