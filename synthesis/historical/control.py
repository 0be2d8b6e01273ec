r"""The prior of an arm of a new study, predicted from the studies that are pooled.

A *meta-analytic-predictive* prior (Neuenschwander et al. 2010, doi 10.1177/1740774509356002;
Schmidli et al. 2014, doi 10.1111/biom.12242): the posterior distribution of a quantity in a new
study, which holds what is not known of the average study and what sets studies apart. It is that
of :mod:`synthesis.estimands`, for the population of :mod:`synthesis.benefit.population`, and a
mixture is fitted to its draws.

=================  =======  ======================================================================
quantity           mixture  what it is
=================  =======  ======================================================================
``survival_6m``    beta     share of patients without the event at 6 months, all followed so long
``survival_12m``   beta     the same at 12 months
``log_median``     normal   natural log of the median in months
``hazard``         gamma    :math:`\ln 2` over the median: the events a month of an exponential
                            curve with that median
``response_rate``  beta     share of evaluable patients with a response
=================  =======  ======================================================================

They are several views of one prediction: a design uses one of them, not two as if independent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from priors import Priors
from studies.figures import CohortRef
from studies.vocabulary import Vocabulary
from synthesis.benefit.population import Population, patient_mix, population_curve
from synthesis.benefit.reference import NotComparedError, choose_reference, treatments_of
from synthesis.estimands import Fit, NamedGroup, Summary, patients_of, response_rate, summarise
from synthesis.fits import PooledSurvival, ResponseFit
from synthesis.historical.fitting import MixtureFit, fit_mixture
from synthesis.model.families import LN2
from synthesis.model.sampler import Progress
from synthesis.questions.control.mixtures import (
    PARAMETERS,
    UNIT_SD,
    UNITS,
    Kind,
    Mixture,
    effective_size,
    moment_size,
    robustify,
)

#: Weight of the vague component unless told otherwise.
ROBUST_WEIGHT = 0.2

FITTED, ROBUST = "fitted", "robust"
VAGUE = "vague"

#: Quantities of a survival endpoint, and of response -> kind of mixture.
SURVIVAL_QUANTITIES: Mapping[str, Kind] = MappingProxyType(
    {"survival_6m": "beta", "survival_12m": "beta", "log_median": "normal", "hazard": "gamma"}
)
RESPONSE_QUANTITIES: Mapping[str, Kind] = MappingProxyType({"response_rate": "beta"})

RESPONSE_NOTE = (
    "Response is pooled without histology, line, design and mutation: the stated population does "
    "not move its prior."
)

_ABOUT = ("endpoint", "treatment", "quantity", "version", "distribution")
CONTROL_COLUMNS = (
    *_ABOUT,
    "component",
    "weight",
    "parameter_1",
    "value_1",
    "parameter_2",
    "value_2",
    "reference_sd",
)
SUMMARY_COLUMNS = (
    *_ABOUT,
    "mean",
    "sd",
    "median",
    "lower",
    "upper",
    "ess_elir",
    "ess_moment",
    "ess_unit",
    "largest_difference",
    "cohorts",
    "patients",
)
CHECK_COLUMNS = ("endpoint", "treatment", "quantity", "probability", "draws", "mixture")


@dataclass(frozen=True)
class ControlPrior:
    """One quantity of a new study, as a mixture.

    Attributes
    ----------
    endpoint, treatment : str
        Identifier of the endpoint, label of the treatment.
    quantity : str
        A name of :data:`SURVIVAL_QUANTITIES` or :data:`RESPONSE_QUANTITIES`.
    draws : ndarray, shape (draws,)
        The prediction.
    fit : MixtureFit
        The mixture fitted to them.
    robust : Mixture or None
        The same with a vague component; None where its weight is 0.
    """

    endpoint: str
    treatment: str
    quantity: str
    draws: np.ndarray = field(repr=False)
    fit: MixtureFit
    robust: Mixture | None

    @property
    def mixtures(self) -> dict[str, Mixture]:
        """Mixtures by version, ``fitted`` and, where there is one, ``robust``."""
        fitted = {FITTED: self.fit.mixture}
        return fitted if self.robust is None else fitted | {ROBUST: self.robust}

    @property
    def name(self) -> str:
        """A name that no other prior has, ``os_survival_6m``."""
        return self.quantity if self.endpoint == "response" else f"{self.endpoint}_{self.quantity}"


@dataclass(frozen=True)
class Behind:
    """What stands behind the priors of an endpoint.

    Attributes
    ----------
    label : str
        Of the treatment.
    why : str
        How it was chosen, as the end of a sentence.
    cohorts : tuple of CohortRef
        Of the treatment.
    patients : mapping
        Of each cohort, by its identifier: treated, or evaluable for response.
    every : int
        Cohorts of all treatments of the endpoint: from them the spread of studies is learned.
    study_sd : Summary
        Posterior of the SD between studies, on the scale of log medians or log odds.
    families : mapping
        Weight of each survival family by its name; empty for response.
    verdict : str
        What the draws are worth: PASS, REVIEW or FAIL.
    """

    label: str
    why: str
    cohorts: tuple[CohortRef, ...] = field(repr=False)
    patients: Mapping[str, int]
    every: int
    study_sd: Summary
    families: Mapping[str, float]
    verdict: str

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
    table : DataFrame
        :data:`CONTROL_COLUMNS`: a row a component.
    summary : DataFrame
        :data:`SUMMARY_COLUMNS`: a row a mixture, on the scale of its parameter.
    check : DataFrame
        :data:`CHECK_COLUMNS`: quantiles of draws and fitted mixture side by side.
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
    table: pd.DataFrame = field(repr=False)
    summary: pd.DataFrame = field(repr=False)
    check: pd.DataFrame = field(repr=False)
    believed: Priors = field(repr=False)
    seed: int
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, endpoint: str) -> tuple[ControlPrior, ...]:
        """Priors of one endpoint."""
        return tuple(prior for prior in self.priors if prior.endpoint == endpoint)


def historical_control(
    fits: Mapping[str, Fit],
    vocabulary: Vocabulary,
    population: Population,
    *,
    treatment: str | None = None,
    robust: float = ROBUST_WEIGHT,
    components: int | None = None,
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
    components : int, optional
        Of each mixture; chosen by a criterion otherwise.
    progress : callable, optional
        Called with a sentence at each stage.

    Raises
    ------
    ValueError
        If the weight or the number of components cannot be used, or a fit does not adjust for what
        the population states.
    NotComparedError
        If the treatment is unknown, or pooled for none of the endpoints.
    """
    if not 0.0 <= robust < 1.0:
        raise ValueError(f"robust: found {robust:g}, expected a weight from 0 to below 1")
    tell = progress or (lambda _: None)
    priors: list[ControlPrior] = []
    behind: dict[str, Behind] = {}
    left_out, notes = [], []
    for endpoint, fit in fits.items():
        found = choose_reference(treatments_of(fit, vocabulary), vocabulary, treatment)
        if found is None:
            left_out.append(_left_out(vocabulary, treatment, endpoint))
            continue
        behind[endpoint] = _behind(fit, found.group, found.why)
        notes += _notes(endpoint, fit, found.group, vocabulary, population)
        for quantity, kind, draws in _draws(fit, found.group, population, vocabulary.selecting):
            tell(f"{endpoint}: mixture for {quantity}")
            own = fit_mixture(draws, kind, components)
            more = robustify(own.mixture, robust) if robust > 0.0 else None
            priors.append(ControlPrior(endpoint, found.label, quantity, draws, own, more))
    if not priors:
        raise NotComparedError(_none_words(fits, vocabulary, treatment))
    first = next(iter(fits.values()))
    return HistoricalControl(
        population=population,
        robust_weight=robust,
        priors=tuple(priors),
        behind=MappingProxyType(behind),
        **_tables(priors, behind),
        believed=first.priors,
        seed=first.seed,
        left_out=tuple(left_out),
        notes=tuple(dict.fromkeys(notes)),
    )


def _notes(
    endpoint: str, fit: Fit, group: NamedGroup, vocabulary: Vocabulary, population: Population
) -> tuple[str, ...]:
    if isinstance(fit, ResponseFit):
        return (RESPONSE_NOTE,)
    treatment = group.cohorts[0].treatment
    return patient_mix({endpoint: fit}, vocabulary, population, treatment=treatment).notes


def _left_out(vocabulary: Vocabulary, treatment: str | None, endpoint: str) -> str:
    whom = "a treatment" if treatment is None else vocabulary.treatment(treatment).id
    return f"No cohort of {whom} is pooled for {endpoint}, which is left out."


def _none_words(fits: Mapping[str, Fit], vocabulary: Vocabulary, treatment: str | None) -> str:
    pooled = {
        group.cohorts[0].treatment
        for fit in fits.values()
        for group in treatments_of(fit, vocabulary)
    }
    whom = "a treatment" if treatment is None else vocabulary.treatment(treatment).id
    return (
        f"no cohort of {whom} is pooled for {' or '.join(fits) or 'any endpoint'}; possible: "
        f"{', '.join(sorted(pooled)) or 'none'}."
    )


def _behind(fit: Fit, group: NamedGroup, why: str) -> Behind:
    sizes = patients_of(fit)
    survival = not isinstance(fit, ResponseFit)
    return Behind(
        label=group.label,
        why=why,
        cohorts=group.cohorts,
        patients=MappingProxyType({ref.id: sizes[ref.id] for ref in group.cohorts}),
        every=len(fit.data.cohorts),
        study_sd=summarise(fit.flat("study_sd")),
        families=MappingProxyType(dict(fit.family_weights) if survival else {}),
        verdict=fit.diagnosis.verdict,
    )


def _draws(
    fit: Fit, group: NamedGroup, population: Population, selecting: frozenset[str]
) -> Iterator[tuple[str, Kind, np.ndarray]]:
    """Draws of every quantity of a new study."""
    if isinstance(fit, ResponseFit):
        rate = response_rate(fit, group.group, "new_study")
        yield "response_rate", RESPONSE_QUANTITIES["response_rate"], rate
        return
    for quantity, draws in _survival_draws(fit, group, population, selecting).items():
        yield quantity, SURVIVAL_QUANTITIES[quantity], draws


def _survival_draws(
    fit: PooledSurvival, group: NamedGroup, population: Population, selecting: frozenset[str]
) -> dict[str, np.ndarray]:
    found = population_curve(fit, group, population, "new_study", selecting=selecting)
    return {
        "survival_6m": found.estimand("survival_6m"),
        "survival_12m": found.estimand("survival_12m"),
        "log_median": np.log(found.median),
        "hazard": LN2 / found.median,
    }


# --- Tables --------------------------------------------------------------------------------------


def _tables(priors: list[ControlPrior], behind: Mapping[str, Behind]) -> dict[str, pd.DataFrame]:
    return {
        "table": _frame(priors, _component_rows, CONTROL_COLUMNS),
        "summary": _frame(priors, lambda own: _summary_rows(own, behind), SUMMARY_COLUMNS),
        "check": _frame(priors, _check_rows, CHECK_COLUMNS),
    }


def _frame(priors: list[ControlPrior], rows: Any, columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame([row for own in priors for row in rows(own)], columns=list(columns))


def reference_sd(mixture: Mixture) -> float:
    """Standard deviation of one observation of a normal mixture; NaN for the others."""
    return UNIT_SD if mixture.kind == "normal" else np.nan


def _about(prior: ControlPrior, version: str, mixture: Mixture) -> dict[str, Any]:
    names = {"endpoint": prior.endpoint, "treatment": prior.treatment, "quantity": prior.quantity}
    return names | {"version": version, "distribution": mixture.kind}


def component_names(version: str, mixture: Mixture) -> tuple[str, ...]:
    """Names of the components: numbers, and ``vague`` for the last of a robust prior."""
    numbers = [str(number) for number in range(1, len(mixture.weights) + 1)]
    return tuple(numbers if version == FITTED else [*numbers[:-1], VAGUE])


def _component_rows(prior: ControlPrior) -> Iterator[dict[str, Any]]:
    for version, mixture in prior.mixtures.items():
        first, second = PARAMETERS[mixture.kind]
        names = component_names(version, mixture)
        for name, (weight, one, two) in zip(names, mixture.components, strict=True):
            yield _about(prior, version, mixture) | {
                "component": name,
                "weight": weight,
                "parameter_1": first,
                "value_1": one,
                "parameter_2": second,
                "value_2": two,
                "reference_sd": reference_sd(mixture),
            }


def _summary_rows(prior: ControlPrior, behind: Mapping[str, Behind]) -> Iterator[dict[str, Any]]:
    for version, mixture in prior.mixtures.items():
        lower, median, upper = mixture.quantile(np.array([0.025, 0.5, 0.975])).tolist()
        yield _about(prior, version, mixture) | {
            "mean": mixture.mean,
            "sd": mixture.sd,
            "median": median,
            "lower": lower,
            "upper": upper,
            "ess_elir": effective_size(mixture),
            "ess_moment": moment_size(mixture),
            "ess_unit": UNITS[mixture.kind],
            "largest_difference": prior.fit.difference if version == FITTED else np.nan,
            "cohorts": len(behind[prior.endpoint].cohorts),
            "patients": behind[prior.endpoint].total,
        }


def _check_rows(prior: ControlPrior) -> Iterator[dict[str, Any]]:
    names = {"endpoint": prior.endpoint, "treatment": prior.treatment, "quantity": prior.quantity}
    for row in prior.fit.quantiles.to_dict("records"):
        yield names | row
