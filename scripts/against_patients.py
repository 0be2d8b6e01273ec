"""Patients listed one by one beside what their summary alone says: the rows of a table.

The 31 patients of landa2016 with a time are read as a report would print them, a Kaplan-Meier
median with its log-log interval to a tenth of a month. The posterior of one cohort from these
three numbers, and that from the patients themselves, are sums over a grid of log median and log
shape, under the same priors: ``PYTHONPATH=. python scripts/against_patients.py``.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from priors import load_priors
from studies import load_registry
from studies.schema import SurvivalOutcome
from synthesis.model.families import FAMILIES, survival
from synthesis.model.likelihoods import arm_log_likelihood, listed_patients
from synthesis.model.records import read_arm
from synthesis.numbers import interval, months, percent
from synthesis.predictive import Patients, band, kaplan_meier
from synthesis.questions.influence import weighted_quantiles
from synthesis.stacking import STACKED_FAMILIES

STUDY, MONTHS = "landa2016", 12.0


def listed() -> Patients:
    """Follow-up of the patients that have a time."""
    (cohort,) = load_registry().studies[STUDY].cohorts
    own = [patient for patient in cohort.patients if patient.os is not None]
    event = np.array([patient.event == "died" for patient in own])
    return Patients(np.array([float(patient.os) for patient in own]), event)


def printed(patients: Patients) -> SurvivalOutcome:
    """What a report would print of them."""
    steps = kaplan_meier(patients)
    middle, *ends = (Decimal(f"{time:.1f}") for time in (steps.median, *steps.limits()))
    facts = {"events": int(patients.event.sum()), "level": Decimal("0.95"), "ci_method": "log-log"}
    return SurvivalOutcome(endpoint="os", median=middle, ci=ends, unit="months", **facts)


def main() -> None:
    """Print a row a family and source: median, and survival at a year."""
    patients, priors = listed(), load_priors()
    outcome, steps = printed(patients), kaplan_meier(patients)
    at, variance = steps.at(MONTHS)
    ends = band(np.array([at]), np.array([variance]))
    middle = interval(steps.median, *steps.limits(), months)
    print(f"| Kaplan-Meier | {middle} | {interval(at, *(e[0] for e in ends), percent)} |")
    arm = read_arm(outcome, (), patients.n)
    for name in STACKED_FAMILIES:
        family = FAMILIES[name]
        tails = np.linspace(-5.0, 3.0, 17) if family.has_tail else np.zeros(1)
        grids = np.linspace(0.0, 4.5, 226), np.linspace(-1.5, 1.5, 46), tails
        location, log_shape, tail = np.meshgrid(*grids)
        beliefs = ("overall_median", location), (family.shape_prior, log_shape)
        log_p = sum(
            -0.5 * ((x - priors[prior].location) / priors[prior].scale) ** 2
            for prior, x in (*beliefs, (family.tail_prior, tail))
            if prior
        )
        of_each = listed_patients(
            location[..., None],
            log_shape[..., None],
            family,
            log_time=np.log(patients.months),
            event=patients.event.astype(float),
            tail=tail[..., None],
        ).sum(axis=-1)
        alone = arm_log_likelihood(arm.chains, [0.0], location, log_shape, family, tail)
        middles = np.exp(location)
        values = middles, survival(MONTHS, middles, np.exp(log_shape), name, tail)
        for source, value in (("patients", of_each), ("median and interval", alone)):
            weight = np.exp(log_p + value - (log_p + value).max()).ravel()
            found = [weighted_quantiles(v.ravel(), weight, (0.5, 0.025, 0.975)) for v in values]
            cells = interval(*found[0], months), interval(*found[1], percent)
            print(f"| {family.label}, {source} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
