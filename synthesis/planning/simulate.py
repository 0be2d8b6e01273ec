r"""Simulated studies: a truth from the posterior, patients, and the report that is printed of them.

For draw ``k`` of the posterior a new study has one study effect :math:`\sigma_{S,k} w`, common to
its arms, and for each arm a shape deviation :math:`\sigma_{K,k} g`, exactly as a new study of
:mod:`synthesis.predictive`. Patients are mixed with the probability that the population states,
enter evenly over the accrual, and are followed until the event or the analysis.

A report tests pure against mixed patients of one arm. It prints no test of its two arms against
each other: read with one shape for both, as :mod:`synthesis.likelihoods` does, such a test is
biased where the treatments have curves of different shape, and at the sizes of a trial by more than
it tells. The medians, limits and survival of both arms are there.

One truth gives one *course*: its patients in order of entry to the lists. A study of ``n`` patients
has the first ``n`` of them, so that studies of different sizes differ by their size only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studies.figures import CohortRef
from studies.schema import BrafStatus, Citation, Cohort, HistologySplit, Study, Subgroup
from synthesis import families
from synthesis.covariates import covariates
from synthesis.estimands import Curve
from synthesis.models import PooledSurvival
from synthesis.planning.design import Design, Population
from synthesis.planning.printing import (
    Patients,
    print_comparison,
    print_landmarks,
    print_outcome,
)
from synthesis.predictive import NewCohort, place_of, predict_curve

#: Identifier of a simulated study.
PLANNED = "planned"

_SIDES = ("pure", "mixed")


@dataclass(frozen=True)
class PlannedArm:
    """One arm of a planned study.

    Attributes
    ----------
    treatment, treatment_class, role : str
        Identifiers, as in a counted cohort.
    braf_selected : bool
        Whether all its patients carry the mutation that the other treatment asks for.
    """

    treatment: str
    treatment_class: str
    role: str
    braf_selected: bool = False


@dataclass(frozen=True)
class Course:
    """What would happen to the patients of a study, most patients that are asked for.

    Attributes
    ----------
    months : ndarray, shape (arms, 2, n)
        To the event, were the patient pure, and were the patient mixed.
    mixed : ndarray of bool, shape (arms, n)
    followed : ndarray, shape (arms, n)
        Months from entry to the analysis.
    """

    months: np.ndarray
    mixed: np.ndarray
    followed: np.ndarray

    def patients(self, arm: int, n: int) -> tuple[Patients, np.ndarray]:
        """Follow-up of the first ``n`` patients of an arm, and who of them is mixed."""
        mixed, followed = self.mixed[arm, :n], self.followed[arm, :n]
        months = np.where(mixed, self.months[arm, 1, :n], self.months[arm, 0, :n])
        return Patients(np.minimum(months, followed), months <= followed), mixed


@dataclass(frozen=True)
class NewStudies:
    """Curves of new studies, one a draw of a fit.

    Attributes
    ----------
    curves : tuple of (Curve, Curve)
        Of each arm: pure and mixed patients.
    """

    curves: tuple[tuple[Curve, Curve], ...]

    def course(
        self, row: int, design: Design, population: Population, rng: np.random.Generator
    ) -> Course:
        """Draw the patients of the study that one draw of the fit gives."""
        arms = len(self.curves)
        most = max(design.sizes) // arms
        chance = rng.uniform(size=(arms, most))
        months = np.stack(
            [
                [_times(curve, row, own) for curve in pair]
                for pair, own in zip(self.curves, chance, strict=True)
            ]
        )
        mixed = rng.uniform(size=(arms, most)) < design.share_of(population)
        followed = design.follow_up + design.accrual * rng.uniform(size=(arms, most))
        return Course(months, mixed, followed)


def _times(curve: Curve, row: int, chance: np.ndarray) -> np.ndarray:
    """Times at which patients have the event, each at the share that has had it by then."""
    name = curve.family if isinstance(curve.family, str) else str(curve.family[row])
    tail = np.broadcast_to(curve.tail, curve.median.shape)[row]
    inside = np.clip(chance, 1e-12, 1.0 - 1e-12)
    return families.quantile(inside, curve.median[row], curve.shape[row], name, tail)


def new_studies(
    fit: PooledSurvival,
    arms: Sequence[PlannedArm],
    differs: Sequence[tuple[float, ...]],
    rng: np.random.Generator,
) -> NewStudies:
    """Curves of a new study for each draw of a fit.

    Parameters
    ----------
    fit : PooledSurvival
    arms : sequence of PlannedArm
    differs : sequence of tuple
        Covariates of each arm, from :func:`planned_covariates`.
    rng : Generator
    """
    study = int(rng.integers(2**32))
    pairs = []
    for arm, numbers in zip(arms, differs, strict=True):
        own = NewCohort(study, int(rng.integers(2**32)), 1.0, numbers)
        place = place_of(fit, arm.treatment, arm.treatment_class)
        pairs.append(tuple(predict_curve(fit, place, share, own, 1) for share in (0.0, 1.0)))
    return NewStudies(tuple(pairs))


def planned_covariates(
    design: Design, arms: Sequence[PlannedArm], selecting: frozenset[str]
) -> tuple[tuple[float, ...], ...]:
    """How each arm of a planned study differs from the reference population."""
    return tuple(
        covariates(ref, selecting)
        for ref in study_refs(
            _study(design, [_cohort(design, arm, 1, {}, {}) for arm in arms]), arms
        )
    )


def printed_study(
    course: Course,
    design: Design,
    arms: Sequence[PlannedArm],
    n: int,
    endpoint: str,
    *,
    landmarks: bool = True,
) -> Study:
    """Print the report of a study of ``n`` patients.

    Pure and mixed patients are printed apart, with a log-rank test, wherever an arm has both.

    Parameters
    ----------
    course : Course
    design : Design
    arms : sequence of PlannedArm
    n : int
        Patients of all arms together.
    endpoint : str
    landmarks : bool
        Whether survival at fixed times is printed.
    """
    cohorts, comparisons = [], []
    for number, arm in enumerate(arms):
        patients, mixed = course.patients(number, n // len(arms))
        groups = {"pure": patients.only(~mixed), "mixed": patients.only(mixed)}
        present = {name: own for name, own in groups.items() if own.n}
        if len(present) == 2:
            names = tuple(_label(name, arm) for name in _SIDES[::-1])
            comparisons.append(print_comparison(groups["mixed"], groups["pure"], names, endpoint))
        printed = {name: _figures(own, endpoint, landmarks) for name, own in present.items()}
        cohorts.append(_cohort(design, arm, patients.n, present, printed))
    return _study(design, cohorts, [item for item in comparisons if item is not None])


def _label(histology: str, arm: PlannedArm) -> str:
    """How a report calls a group of one arm: a test of it is not one of the other arm."""
    return f"{histology}, {arm.treatment.replace('_', ' ')}"


def study_refs(study: Study, arms: Sequence[PlannedArm]) -> tuple[CohortRef, ...]:
    """The cohorts of a simulated study, as the registry's selection would count them."""
    return tuple(
        CohortRef(study, cohort, arm.treatment_class, arm.role)
        for cohort, arm in zip(study.cohorts, arms, strict=True)
    )


def _figures(patients: Patients, endpoint: str, landmarks: bool) -> dict[str, object]:
    """Median and survival at fixed times of a group of patients."""
    return {
        "survival": (print_outcome(patients, endpoint),),
        "landmarks": print_landmarks(patients, endpoint) if landmarks else (),
    }


def _cohort(
    design: Design,
    arm: PlannedArm,
    n: int,
    groups: Mapping[str, Patients],
    printed: Mapping[str, Mapping[str, object]],
) -> Cohort:
    figures: dict[str, object] = {}
    if groups:
        figures["histology"] = HistologySplit(
            **{name: groups[name].n if name in groups else 0 for name in _SIDES}
        )
    if len(groups) == 2:
        figures["subgroups"] = tuple(
            Subgroup(
                factor="histology",
                level=_label(name, arm),
                histology=name,
                n=own.n,
                **printed[name],
            )
            for name, own in groups.items()
        )
    else:
        figures |= next(iter(printed.values()), {})
    if arm.braf_selected:
        figures["braf_v600e"] = BrafStatus(positive=n, tested=n)
    return Cohort(
        id=arm.treatment,
        treatment=arm.treatment,
        treatment_as_printed=arm.treatment.replace("_", " "),
        time_origin="randomisation" if design.is_randomised else "treatment start",
        n=n,
        **figures,
    )


def _study(design: Design, cohorts: Sequence[Cohort], comparisons: Sequence[object] = ()) -> Study:
    return Study(
        id=PLANNED,
        citation=Citation(label="Planned study"),
        design="randomised" if design.is_randomised else "prospective_single_arm",
        status="verified",
        cohorts=tuple(cohorts),
        comparisons=tuple(comparisons),
    )
