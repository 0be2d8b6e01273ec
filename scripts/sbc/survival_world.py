"""Worlds of the survival model: parameters from its priors, and what reports would then print.

The hierarchy is written out here once more, from the equations of :mod:`synthesis.model.survival`,
and patients are drawn one by one: a slip in the compiled model cannot repeat itself here. Only the
ranks of the limits (:mod:`synthesis.model.printed`) and the quantiles of the families are the
package's own; both are tested elsewhere.

Figures are printed as the likelihood takes them: nobody is censored but for the listed patients,
times have six decimals, the numbers of patients are odd (the median is a patient), nothing is said
of how two groups compare, and where the transformation of an interval is not told every
transformation gives both limits and no landmark stands beside it. What censoring, half ranks,
comparisons and coarse rounding cost is the matter of ``calibration``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from priors import Priors
from sbc import records
from studies.kinds import NOT_REACHED
from synthesis.model.covariates import COVARIATES
from synthesis.model.families import family, quantile
from synthesis.model.observations import SurvivalData
from synthesis.model.printed import METHODS, interval_ranks
from synthesis.model.survival import PRIOR_OF, SHAPE_PRIOR, TAIL_PRIOR

#: Families in turn: the two that reports use in two replicates of three.
FAMILIES_IN_TURN = (
    *("weibull", "log-logistic", "log-normal"),
    *("weibull", "log-logistic", "long-tail"),
    *("weibull", "log-logistic", "generalised gamma"),
)

CLASSES = {"t1": "c1", "t2": "c1", "t3": "c2", "t4": "c2"}
LISTED_FOLLOW_UP = 24.0  # months

_EFFECTS = {
    "retrospective": {"retrospective": 0.5, "prospective_single_arm": -0.5, "randomised": -0.5},
    "pretreated": {"pretreated": 0.5, "first-line": -0.5},
    "from_diagnosis": {"diagnosis": 0.5, "treatment start": -0.5, "randomisation": -0.5},
}
_REFERENCE_BRAF = 0.3
_ALL_MUTATED = 0.9

#: Covariates that some report tells.
TOLD = (*_EFFECTS, "braf_mutated")
_NOT_TOLD = tuple(name for name in COVARIATES if name not in TOLD)


@dataclass(frozen=True)
class Plan:
    """What one cohort prints."""

    report: str
    treatment: str
    n: tuple[int, ...]
    """Patients: of the whole, or of the pure and the mixed."""
    prints: str
    """``"pairs"`` (medians of pure and mixed), ``"limits"`` (median with limits), ``"median"``,
    ``"landmarks"`` or ``"listed"``."""
    told: str = ""
    """Transformation behind the limits, ``""`` where the report does not tell it."""
    months: tuple[float, ...] = ()
    """Landmarks, beside what is printed otherwise."""
    mixed: int = -1
    """Mixed patients of the whole, -1 where they are not printed."""
    design: str = "not stated"
    line: str = ""
    origin: str = ""
    braf: tuple[int, int] = (0, 0)
    """Patients whose tumour is mutated, and those tested."""


PLANS = (
    Plan("allocated", "t1", (25,), "limits", "log-log", design="randomised", line="first-line"),
    Plan("allocated", "t3", (27,), "limits", "log-log", design="randomised", line="first-line"),
    Plan("hospital", "t2", (15,), "limits", design="retrospective", origin="diagnosis"),
    Plan("hospital", "t4", (31,), "limits", design="retrospective", origin="diagnosis"),
    Plan("pair", "t1", (17, 9), "pairs", design="retrospective", line="pretreated"),
    Plan("couple", "t3", (21, 13), "pairs", design="prospective_single_arm"),
    Plan("curve", "t2", (19,), "landmarks", months=(6.0, 12.0), mixed=7, origin="treatment start"),
    Plan("both", "t4", (23,), "limits", "plain", (6.0,), line="pretreated", braf=(10, 20)),
    Plan("list", "t3", (7,), "listed", origin="diagnosis", braf=(1, 16)),
    Plan("short", "t1", (11,), "median", line="first-line"),
    Plan("small", "t4", (9,), "limits", "log", design="prospective_single_arm", mixed=4),
    Plan("large", "t2", (39,), "limits", design="retrospective", braf=(20, 22)),
    Plan("plainest", "t1", (33,), "limits", origin="treatment start"),
    Plan("median", "t2", (13,), "median", line="pretreated"),
)


@dataclass(frozen=True)
class World:
    """A simulated registry with its truth: variable -> value, of the shape that draws have."""

    data: SurvivalData
    truth: Mapping[str, np.ndarray]
    family: str


def simulate(rng: np.random.Generator, priors: Priors, family_name: str) -> World:
    """Draw a world from the priors."""
    truth = _parameters(rng, priors, family_name)
    truth |= _cohorts(rng, priors, truth)
    if not family(family_name).has_shape:
        truth["log_shape"] = np.zeros(len(PLANS))
    reports: dict[str, dict[str, Any]] = {}
    arm = 0
    for j, plan in enumerate(PLANS):
        treatment = sorted(CLASSES).index(plan.treatment)
        shape = np.exp(truth["log_shape"][j])
        tail = truth["tail_mean"] + truth["tail_treatment_effect"][treatment]
        groups = []
        for n in plan.n:
            median = np.exp(truth["log_median"][arm])
            uniform = rng.uniform(size=n)
            groups.append(np.sort(quantile(uniform, median, shape, family_name, tail)))
            arm += 1
        report = records.report(plan.report, design=plan.design)
        own = reports.setdefault(plan.report, report)["cohorts"]
        own.append(_printed(rng, plan, groups, truth["convention_logits"]))
    return World(records.arranged(reports.values(), CLASSES), truth, family_name)


def _draw(rng: np.random.Generator, priors: Priors, name: str, size: int | None = None) -> Any:
    value = priors[name].scale * rng.standard_normal(size)
    return np.abs(value) if priors[name].family == "half_normal" else priors[name].location + value


def _parameters(rng: np.random.Generator, priors: Priors, name: str) -> dict[str, np.ndarray]:
    """Everything above the cohorts."""
    sizes = {"predictive": 4, "convention_logits": 3}
    truth = {
        v: _draw(rng, priors, p, sizes.get(v)) for v, p in PRIOR_OF.items() if v != "share_logit"
    }
    names = (*TOLD, *_NOT_TOLD)
    truth["covariate_effect"] = np.array([truth.pop(v) for v in names])
    truth["shape_mean"] = _draw(rng, priors, SHAPE_PRIOR[name])
    truth["tail_mean"] = _draw(rng, priors, TAIL_PRIOR.get(name, "tail_generalised_gamma"))
    numbers = {"class": 2, "treatment": 4, "study": len({p.report for p in PLANS})}
    for level, number in (*numbers.items(), ("shape_treatment", 4), ("tail_treatment", 4)):
        truth[f"{level}_effect"] = truth[f"{level}_sd"] * rng.standard_normal(number)
    return truth


def _cohorts(
    rng: np.random.Generator, priors: Priors, truth: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Shape of every cohort; share and log median of every arm."""
    own = truth["study_sd"] * rng.standard_normal(len(PLANS))
    deviation = truth["prognostic_sd"] * rng.standard_normal(len(PLANS))
    log_shape = truth["shape_mean"] + truth["shape_sd"] * rng.standard_normal(len(PLANS))
    centre = 1.0 / (1.0 + np.exp(-priors["mixed_share"].location))
    reports = [plan.report for plan in PLANS]
    log_median, shares = [], []
    for j, plan in enumerate(PLANS):
        treatment = sorted(CLASSES).index(plan.treatment)
        log_shape[j] += truth["shape_treatment_effect"][treatment]
        alone = reports.count(plan.report) == 1 or plan.design == "randomised"
        shared = truth["study_effect"][sorted(set(reports)).index(plan.report)]
        location = truth["mu"] + truth["treatment_effect"][treatment]
        location += truth["class_effect"][
            sorted(set(CLASSES.values())).index(CLASSES[plan.treatment])
        ]
        location += shared if alone else np.sqrt(0.5) * (shared + own[j])
        location += float(truth["covariate_effect"] @ _covariates(plan))
        slope = truth["prognostic"] + truth["predictive"][treatment]
        mutated = plan.braf[1] and plan.braf[0] / plan.braf[1] > _ALL_MUTATED
        logit = _draw(rng, priors, "mixed_share_mutated" if mutated else "mixed_share")
        unknown = 1.0 / (1.0 + np.exp(-logit))
        if plan.prints == "pairs":
            slope += deviation[j]
            of_cohort = [0.0, 1.0]
        else:
            of_cohort = [unknown if plan.mixed < 0 else plan.mixed / plan.n[0]]
        shares += of_cohort
        log_median += [location + slope * (share - centre) for share in of_cohort]
    return {
        "cohort_effect": own,
        "histology_deviation": deviation,
        "log_shape": log_shape,
        "mixed_share": np.array(shares),
        "log_median": np.array(log_median),
    }


def _covariates(plan: Plan) -> np.ndarray:
    words = zip(_EFFECTS.values(), (plan.design, plan.line, plan.origin), strict=True)
    mutated, tested = plan.braf
    braf = mutated / tested - _REFERENCE_BRAF if tested else 0.0
    told = [*(numbers.get(word, 0.0) for numbers, word in words), braf]
    return np.array([*told, *np.zeros(len(_NOT_TOLD))])


# --- What is printed -----------------------------------------------------------------------------


def _printed(
    rng: np.random.Generator, plan: Plan, groups: list[np.ndarray], logits: np.ndarray
) -> dict[str, Any]:
    """The record of one cohort."""
    n = sum(plan.n)
    more = {"line": plan.line or None, "time_origin": plan.origin or None}
    record = records.cohort(f"{plan.report}_{plan.treatment}", plan.treatment, n, **more)
    if plan.braf[1]:
        record["braf_v600e"] = {"positive": plan.braf[0], "tested": plan.braf[1]}
    if plan.mixed >= 0:
        record["histology"] = {"pure": n - plan.mixed, "mixed": plan.mixed}
    if plan.prints == "pairs":
        record["histology"] = {"pure": plan.n[0], "mixed": plan.n[1]}
        record["subgroups"] = [
            records.group(word, times.size, _middle(times))
            for word, times in zip(("pure", "mixed"), groups, strict=True)
        ]
        return record
    return record | _figures(rng, plan, groups[0], logits)


def _figures(
    rng: np.random.Generator, plan: Plan, times: np.ndarray, logits: np.ndarray
) -> dict[str, Any]:
    """What is printed of one whole cohort."""
    # after the last death there is nothing to print
    shown = [m for m in plan.months if not any(times[-1] <= earlier < m for earlier in plan.months)]
    alive = {months: _decimal(float(np.mean(times > months))) for months in shown}
    marks = [records.landmark(_decimal(months), share) for months, share in alive.items()]
    found: dict[str, Any] = {"landmarks": marks}
    if plan.prints == "listed":
        found["patients"] = [
            {
                "os": _decimal(min(time, LISTED_FOLLOW_UP)),
                "unit": "months",
                "event": "died" if time <= LISTED_FOLLOW_UP else "alive",
            }
            for time in times
        ]
    elif plan.prints == "median":
        found["survival"] = [records.outcome(_middle(times))]
    elif plan.prints == "limits":
        weights = np.exp(logits - logits.max())
        used = plan.told or str(rng.choice(METHODS, p=weights / weights.sum()))
        ranks = interval_ranks(times.size, used)
        lower, upper = (
            None if r is None else times[int(r) - 1] for r in (ranks.lower, ranks.upper)
        )
        ci = [_decimal(lower), NOT_REACHED if upper is None else _decimal(upper)]
        more = {"level": Decimal("0.95"), "ci": ci, "ci_method": plan.told or None}
        found["survival"] = [records.outcome(_middle(times), **more)]
    return found


def _middle(times: np.ndarray) -> Decimal:
    return _decimal(times[times.size // 2])


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.6f}")
