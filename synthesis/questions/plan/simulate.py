r"""A planned study and its simulation: a truth from the posterior, patients, the report of them.

For draw ``k`` of the posterior a new study has one study effect :math:`\sigma_{S,k} w`, common to
its arms, and for each arm a shape deviation :math:`\sigma_{K,k} g`, exactly as a new study of
:mod:`synthesis.predictive`. Patients are mixed with the probability that the population states,
enter evenly over the accrual, and are followed until the event or the analysis.

The report is a record of the registry, so that what reads a published report reads it. Of every
group a trial reports the median with its 95 % limits by the log-log transformation, saying so;
patients, events and median follow-up (by the reverse Kaplan-Meier curve); survival at 6 and 12
months with limits; and of two groups the log-rank p to two digits beside the hazard ratio
:math:`e^{(O - E)/V}` (Yusuf et al. 1985, doi 10.1016/s0033-0620(85)80003-7), which says which group
lives longer.

It tests pure against mixed patients of one arm, and not its two arms against each other: read with
one shape for both, as :mod:`synthesis.model.likelihoods` does, such a test is biased where
treatments have curves of different shape, and at the sizes of a trial by more than it tells. The
medians, limits and survival of both arms are there.

One truth gives one *course*: its patients in order of entry to the lists. A study of ``n`` patients
has the first ``n`` of them, so that studies of different sizes differ by their size only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np

from studies.figures import CohortRef
from studies.schema import (
    NOT_REACHED,
    BrafStatus,
    Citation,
    Cohort,
    Comparison,
    HistologySplit,
    Landmark,
    Study,
    Subgroup,
    SurvivalOutcome,
)
from synthesis.estimands import Curve
from synthesis.fits import PooledSurvival
from synthesis.kaplan_meier import Patients, band, kaplan_meier, logrank, median_follow_up
from synthesis.model import families
from synthesis.model.covariates import covariates
from synthesis.predictive import NewCohort, place_of, predict_curve
from synthesis.settings import REFERENCE_MIX

Kind = Literal["single-arm", "randomised"]
Population = Literal["all", "pure", "mixed"]
KINDS: tuple[Kind, ...] = ("single-arm", "randomised")
POPULATIONS: tuple[Population, ...] = ("all", "pure", "mixed")

#: Numbers of patients that are tried where none is named.
SIZES = (20, 40, 80, 160)

#: Fewest and most patients of a study: an arm needs two for an interval, and beyond the most a
#: reported month is coarse beside what the patients would tell.
LEAST, MOST = 4, 2000

#: Months at which survival is reported.
LANDMARKS = (6, 12)

#: Identifier of a simulated study.
PLANNED = "planned"

# Months of accrual and of follow-up: longer than anybody plans for in a disease of months.
_LONGEST = 240.0
_LEVEL = Decimal("0.95")
_SMALLEST_P = 1e-50  # below, a decimal number would end as a bound
_SIDES = ("pure", "mixed")


class NotPlannedError(ValueError):
    """What was asked for cannot be planned; the message says what can."""


@dataclass(frozen=True)
class Design:
    """A study that is being planned.

    Attributes
    ----------
    treatment : str
        Name of the treatment that is asked about.
    reference : str or None
        What its gain is over, and in a randomised study the other arm; ``None``: the supportive
        treatment that is pooled.
    kind : {"single-arm", "randomised"}
        One arm, or two of equal size by random allocation.
    sizes : tuple of int
        Numbers of patients, of both arms together.
    populations : tuple of str
        Who is treated: ``"all"``, ``"pure"`` or ``"mixed"`` histology only.
    mixed : float
        Share of mixed histology among all, 0 to 1.
    accrual : float
        Months over which the patients enter, evenly.
    follow_up : float
        Months from the last entry to the analysis.
    """

    treatment: str
    reference: str | None = None
    kind: Kind = "single-arm"
    sizes: tuple[int, ...] = SIZES
    populations: tuple[Population, ...] = POPULATIONS
    mixed: float = REFERENCE_MIX
    accrual: float = 24.0
    follow_up: float = 12.0

    def __post_init__(self) -> None:
        """Refuse what cannot be planned.

        Raises
        ------
        NotPlannedError
            Names the setting, what was found and what is expected.
        """
        _expect(self.kind in KINDS, "design", repr(self.kind), f"one of {', '.join(KINDS)}")
        known = f"one of {', '.join(POPULATIONS)}"
        for name in self.populations:
            _expect(name in POPULATIONS, "population", repr(name), known)
        for name in ("sizes", "populations"):
            values = getattr(self, name)
            listed = ", ".join(map(str, values)) or "none"
            _expect(
                values and len(set(values)) == len(values), name, listed, "one or more, each once"
            )
        whole = f"a whole number of patients from {LEAST} to {MOST}"
        even = (
            "an even number: both arms of a randomised study together, half of the patients in each"
        )
        for n in self.sizes:
            is_whole = isinstance(n, int) and not isinstance(n, bool)
            _expect(is_whole and LEAST <= n <= MOST, "n", f"{n}", whole)
            _expect(not (self.is_randomised and n % 2), "n", f"{n}", even)
        share = "a fraction from 0 to 1 (0.3 for 30 percent)"
        _expect(0.0 <= self.mixed <= 1.0, "mixed", f"{self.mixed:g}", share)
        for name, months, least in (
            ("accrual", self.accrual, 0.0),
            ("follow-up", self.follow_up, 1.0),
        ):
            span = f"months from {least:g} to {_LONGEST:g}"
            _expect(least <= months <= _LONGEST, name, f"{months:g}", span)

    @property
    def is_randomised(self) -> bool:
        """Whether half of the patients get the reference."""
        return self.kind == "randomised"

    def share_of(self, population: Population) -> float:
        """Share of mixed histology among the patients of a population, 0 to 1."""
        return {"all": self.mixed, "pure": 0.0, "mixed": 1.0}[population]


def _expect(holds: object, setting: str, value: str, expected: str) -> None:
    if not holds:
        raise NotPlannedError(f"{setting}: found {value}, expected {expected}")


# --- Patients ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlannedArm:
    """One arm of a planned study: identifiers, and whether all patients carry the mutation."""

    treatment: str
    treatment_class: str
    role: str
    braf_selected: bool = False


#: Follow-up of the patients of each arm in order of entry, and who of them is mixed.
Course = tuple[tuple[Patients, np.ndarray], ...]

#: Curves of the pure and of the mixed patients of an arm, one a draw of the fit.
Curves = tuple[Curve, Curve]


def new_curves(
    fit: PooledSurvival,
    arms: Sequence[PlannedArm],
    differs: Sequence[tuple[float, ...]],
    rng: np.random.Generator,
) -> tuple[Curves, ...]:
    """Curves of the arms of a new study; ``differs`` is from :func:`planned_covariates`."""
    study, pairs = int(rng.integers(2**32)), []
    for arm, values in zip(arms, differs, strict=True):
        cohort = NewCohort(study, int(rng.integers(2**32)), 1.0, values)
        place = place_of(fit, arm.treatment, arm.treatment_class)
        pairs.append(tuple(predict_curve(fit, place, share, cohort, 1) for share in (0.0, 1.0)))
    return tuple(pairs)


def draw_course(
    arms: Sequence[Curves],
    draw: int,
    design: Design,
    population: Population,
    rng: np.random.Generator,
) -> Course:
    """Draw the patients of the study that one draw of the fit gives, as many as are asked for."""
    n = max(design.sizes) // len(arms)
    chances = rng.uniform(size=(len(arms), n))
    mixed = rng.uniform(size=(len(arms), n)) < design.share_of(population)
    followed = design.follow_up + design.accrual * rng.uniform(size=(len(arms), n))
    course = []
    for pair, chance, is_mixed, end in zip(arms, chances, mixed, followed, strict=True):
        pure_months, mixed_months = (_times(curve, draw, chance) for curve in pair)
        months = np.where(is_mixed, mixed_months, pure_months)
        course.append((Patients(np.minimum(months, end), months <= end), is_mixed))
    return tuple(course)


def _times(curve: Curve, draw: int, chance: np.ndarray) -> np.ndarray:
    """Times at which patients have the event, each at the share that has had it by then."""
    name = curve.family if isinstance(curve.family, str) else str(curve.family[draw])
    tail = np.broadcast_to(curve.tail, curve.median.shape)[draw]
    inside = np.clip(chance, 1e-12, 1.0 - 1e-12)
    return families.quantile(inside, curve.median[draw], curve.shape[draw], name, tail)


def planned_covariates(
    design: Design, arms: Sequence[PlannedArm], selecting: frozenset[str]
) -> tuple[tuple[float, ...], ...]:
    """How each arm of a planned study differs from the reference population."""
    study = _study(design, [_cohort(design, arm, 1, {}, {}) for arm in arms])
    return tuple(covariates(ref, selecting) for ref in study_refs(study, arms))


# --- The report ----------------------------------------------------------------------------------


def reported_study(
    course: Course,
    design: Design,
    arms: Sequence[PlannedArm],
    n: int,
    endpoint: str,
    *,
    landmarks: bool = True,
) -> Study:
    """Write the report of a study of ``n`` patients, both arms together.

    Pure and mixed patients are reported apart, with a log-rank test, wherever an arm has both.
    """
    cohorts, comparisons = [], []
    first = slice(n // len(arms))
    for arm, (entered, is_mixed) in zip(arms, course, strict=True):
        patients, mixed = entered.only(first), is_mixed[first]
        groups = {"pure": patients.only(~mixed), "mixed": patients.only(mixed)}
        present = {name: group for name, group in groups.items() if group.n}
        if len(present) == 2:
            names = (_label("mixed", arm), _label("pure", arm))
            comparisons.append(comparison_of(groups["mixed"], groups["pure"], names, endpoint))
        figures = {
            name: {
                "survival": (outcome_of(group, endpoint),),
                "landmarks": landmarks_of(group, endpoint) if landmarks else (),
            }
            for name, group in present.items()
        }
        cohorts.append(_cohort(design, arm, patients.n, present, figures))
    return _study(design, cohorts, [test for test in comparisons if test is not None])


def outcome_of(patients: Patients, endpoint: str) -> SurvivalOutcome:
    """The median of a group of patients with what stands around it."""
    steps = kaplan_meier(patients)
    median, (lower, upper) = steps.median, steps.limits()
    record: dict[str, object] = {
        "endpoint": endpoint,
        "unit": "months",
        "median": NOT_REACHED if median is None else _rounded(median, 1),
        "events": int(patients.event.sum()),
        "follow_up": _rounded(median_follow_up(patients), 1),
    }
    if lower is not None:
        end = NOT_REACHED if median is None or upper is None else _rounded(upper, 1)
        record |= {"ci": (_rounded(lower, 1), end), "level": _LEVEL, "ci_method": "log-log"}
    return SurvivalOutcome(**record)


def landmarks_of(patients: Patients, endpoint: str) -> tuple[Landmark, ...]:
    """Survival at fixed times that somebody was followed for."""
    steps, marks = kaplan_meier(patients), []
    for months in LANDMARKS:
        if patients.months.max() <= months:
            continue
        survival, variance = steps.at(months)
        record: dict[str, object] = {
            "endpoint": endpoint,
            "time": Decimal(months),
            "unit": "months",
            "survival": _rounded(survival, 3),
        }
        if 0.0 < survival < 1.0:
            ends = band(np.array(survival), np.array(variance))
            record |= {"ci": tuple(_rounded(end, 3) for end in ends), "level": _LEVEL}
        marks.append(Landmark(**record))
    return tuple(marks)


def comparison_of(
    first: Patients, second: Patients, groups: tuple[str, str], endpoint: str
) -> Comparison | None:
    """The log-rank test of two groups; ``None`` where there is nothing to test."""
    difference, variance = logrank(first, second)
    if variance <= 0.0:
        return None
    p = math.erfc(abs(difference) / math.sqrt(2.0 * variance))
    ratio = math.exp(max(min(difference / variance, 6.0), -6.0))
    return Comparison(
        endpoint=endpoint,
        groups=groups,
        p=Decimal(f"{max(p, _SMALLEST_P):.2g}"),
        test="log-rank",
        hr=Decimal(f"{ratio:.3g}"),
    )


def study_refs(study: Study, arms: Sequence[PlannedArm]) -> tuple[CohortRef, ...]:
    """The cohorts of a simulated study, as the registry's selection would count them."""
    return tuple(
        CohortRef(study, cohort, arm.treatment_class, arm.role)
        for cohort, arm in zip(study.cohorts, arms, strict=True)
    )


def _rounded(value: float, digits: int) -> Decimal:
    return Decimal(f"{float(value):.{digits}f}")


def _label(histology: str, arm: PlannedArm) -> str:
    """How a report calls a group of one arm: a test of it is not one of the other arm."""
    return f"{histology}, {arm.treatment.replace('_', ' ')}"


def _cohort(
    design: Design,
    arm: PlannedArm,
    n: int,
    groups: Mapping[str, Patients],
    figures: Mapping[str, Mapping[str, object]],
) -> Cohort:
    fields: dict[str, object] = {}
    if groups:
        sizes = {name: groups[name].n if name in groups else 0 for name in _SIDES}
        fields["histology"] = HistologySplit(**sizes)
    if len(groups) == 2:
        fields["subgroups"] = tuple(
            Subgroup(
                factor="histology",
                level=_label(name, arm),
                histology=name,
                n=group.n,
                **figures[name],
            )
            for name, group in groups.items()
        )
    else:
        fields |= next(iter(figures.values()), {})
    if arm.braf_selected:
        fields["braf_v600e"] = BrafStatus(positive=n, tested=n)
    return Cohort(
        id=arm.treatment,
        treatment=arm.treatment,
        treatment_as_printed=arm.treatment.replace("_", " "),
        time_origin="randomisation" if design.is_randomised else "treatment start",
        n=n,
        **fields,
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
