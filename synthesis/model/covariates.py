"""What kind of study and of population a cohort is, as numbers.

Each number is a difference from the middle, so that an effect leaves a cohort in the middle where
it is. Whatever a report does not say counts as the middle: such a cohort is neither moved by an
effect nor says anything of it.

The middle lies half way between a retrospective and a prospective study, between pretreated and
first-line patients, between time from diagnosis and from the start of treatment; it has the shares
of BRAF mutations and of transformed tumours of unselected patients, and stage, resection, age and
years of what reports tell.

Where a report compares its transformed with its de novo patients, both are cohorts that differ in
their share of transformed tumours alone. A transformed tumour has a differentiated part: on request
such a comparison is one of mixed with pure patients instead, where the report does not tell
histology itself.

Pooled answers are for :data:`REFERENCE`, a population that exists: the middle, but in a prospective
study of first-line treatment, with time from its start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from studies import figures
from studies.figures import CohortRef

# BRAF V600E among the tested of unselected cohorts, as the registry prints it: 41 % of 202 in
# wang2022_mut, 48 of 212 in tuthyref_braf2022, 12 of 24 in chang2022, 2 of 13 in eses_atc27.
# Together 145 of 451, 0.32; the four differ by more than a second digit would say.
REFERENCE_BRAF_SHARE = 0.3

# Transformed among unselected tumours, as the registry prints it: 62 of 451 in chen2023_prior, 13
# of 100 in akaishi2011. Together 75 of 551.
TRANSFORMED_SHARE = 0.14

# Where nearly all patients of a cohort have the mutation.
_ALL_MUTATED = 0.9

#: Words of the vocabulary -> difference from the middle; any other word counts as the middle.
DESIGNS = {
    "retrospective": 0.5,
    "case_series": 0.5,
    "registry": 0.5,
    "prospective_single_arm": -0.5,
    "randomised": -0.5,
}
LINES = {"first-line": -0.5, "pretreated": 0.5}
TIME_ORIGINS = {"diagnosis": 0.5, "treatment start": -0.5, "randomisation": -0.5}


@dataclass(frozen=True)
class Covariate:
    """A difference between kinds of study or of population."""

    name: str
    """Its variable in the model."""
    label: str
    """What an effect of 1 compares, in words."""
    option: str = ""
    """The word by which a stated population names it, and the field of the cohort or the study;
    empty for what none states."""
    words: Mapping[str, float] = MappingProxyType({})
    """Word of the vocabulary -> difference; empty for a number."""
    number: Callable[[CohortRef], float | None] | None = None
    """The number of a cohort, ``None`` where its report does not tell it."""
    middle: float = 0.0
    """The number that counts as 0."""
    unit: float = 1.0
    """What is one more."""
    reference: float = 0.0
    """Difference of the reference population from the middle."""

    @property
    def prior(self) -> str:
        """Name of the prior of its effect."""
        return f"covariate_{self.name}"

    def difference(self, ref: CohortRef) -> float:
        """Difference of a cohort from the middle; 0 where nothing is printed."""
        if self.number is not None:
            value = self.number(ref)
            return 0.0 if value is None else (value - self.middle) / self.unit
        holder = ref.cohort if hasattr(ref.cohort, self.option) else ref.study
        return self.words.get(getattr(holder, self.option) or "", 0.0)


def braf_share(ref: CohortRef) -> float | None:
    """Share of the tested patients with a BRAF V600E mutation."""
    braf = ref.cohort.braf_v600e
    if braf is not None and braf.positive is not None and braf.tested:
        return braf.positive / braf.tested
    return None if braf is None or braf.percent is None else float(braf.percent) / 100.0


def _transformed(ref: CohortRef) -> float | None:
    return figures.transformed_share(ref.cohort)


def _share(name: str, ref: CohortRef) -> float | None:
    return figures.share_of(ref.cohort, name)


def _age(ref: CohortRef) -> float | None:
    """Median or mean age of a cohort, years."""
    ages = (own for own in ref.cohort.characteristics if own.name == "age" and not own.group)
    return next((float(a.value) for a in ages if a.statistic in ("median", "mean")), None)


def _year(ref: CohortRef) -> float | None:
    """Middle of the years of enrolment."""
    years = figures.years_of(ref.study)
    return years and sum(years) / 2.0


#: Every covariate: the list that model, tables and options follow.
ALL: tuple[Covariate, ...] = (
    Covariate(
        "retrospective", "Retrospective rather than prospective", "design", DESIGNS, reference=-0.5
    ),
    Covariate("pretreated", "Pretreated rather than first-line", "line", LINES, reference=-0.5),
    Covariate(
        "from_diagnosis",
        "Time from diagnosis rather than from treatment start",
        "time_origin",
        TIME_ORIGINS,
        reference=-0.5,
    ),
    Covariate(
        "braf_mutated",
        "All BRAF-mutated rather than none",
        "braf_mutated",
        number=braf_share,
        middle=REFERENCE_BRAF_SHARE,
    ),
    Covariate(
        "stage_ivc",
        "All in stage IVC rather than none",
        number=partial(_share, "stage IVC"),
        middle=0.5,
    ),
    Covariate(
        "resected", "All resected rather than none", number=partial(_share, "resected"), middle=0.4
    ),
    Covariate("older", "Ten years older", number=_age, middle=66.0, unit=10.0),
    Covariate("later", "Enrolled ten years later", number=_year, middle=2010.0, unit=10.0),
    Covariate(
        "transformed",
        "All transformed rather than all de novo",
        number=_transformed,
        middle=TRANSFORMED_SHARE,
    ),
)

COVARIATES = tuple(own.name for own in ALL)
COVARIATE_LABELS: Mapping[str, str] = MappingProxyType({own.name: own.label for own in ALL})

#: Differences of the reference population from the middle, in the order of :data:`ALL`.
REFERENCE = tuple(own.reference for own in ALL)


def is_mutated(ref: CohortRef, mutation_required: Collection[str]) -> bool:
    """Whether nearly all patients of a cohort have a BRAF V600E mutation, as far as is known."""
    share = braf_share(ref)
    return ref.treatment in mutation_required or (share is not None and share >= _ALL_MUTATED)


def covariates(
    ref: CohortRef, mutation_required: Collection[str] = (), *, use_unmarked: bool = True
) -> tuple[float, ...]:
    """How a cohort differs from the middle, in the order of :data:`ALL`.

    -0.5, 0 or 0.5 of a word, the difference of a number from its middle in its unit. Where a
    treatment is given only to a mutated tumour, the selection is part of the treatment, and its
    effect cannot be separated from that of the treatment. Without `use_unmarked` numbers are not
    used: they have no mark of verification of their own.
    """
    selected = ref.treatment in mutation_required
    return tuple(
        own.difference(ref)
        if own.words or (use_unmarked and not (selected and own.name == "braf_mutated"))
        else 0.0
        for own in ALL
    )
