"""What kind of study and of population a cohort is, as numbers of which 0 is the reference.

Each number is a difference from the reference population, so that an effect of 0 leaves every
cohort where it is. Whatever a report does not say counts as the reference: such a cohort is neither
moved by an effect nor says anything of it.

The reference lies half way between a retrospective and a prospective study, between pretreated and
first-line patients, between time from diagnosis and from the start of treatment, and has the share
of BRAF mutations of unselected patients.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line reads the words of options here, and reads no study
    from studies.figures import CohortRef

# BRAF V600E among the tested of unselected cohorts, as the registry prints it: 41 % of 202 in
# wang2022_mut, 48 of 212 in tuthyref_braf2022, 12 of 24 in chang2022, 2 of 13 in eses_atc27.
# Together 145 of 451, 0.32; the four differ by more than a second digit would say.
REFERENCE_BRAF_SHARE = 0.3

#: Words of the vocabulary -> difference from the reference; any other word counts as the reference.
DESIGNS = {
    "retrospective": 0.5,
    "case_series": 0.5,
    "registry": 0.5,
    "prospective_single_arm": -0.5,
    "randomised": -0.5,
}
LINES = {"pretreated": 0.5, "first-line": -0.5}
TIME_ORIGINS = {"diagnosis": 0.5, "treatment start": -0.5, "randomisation": -0.5}


@dataclass(frozen=True)
class Covariate:
    """A difference between kinds of study or of population.

    Attributes
    ----------
    name : str
        Its variable in the model.
    label : str
        What an effect of 1 compares, in words.
    option : str
        The word by which a stated population names it, and the field of the cohort or the study.
    words : mapping
        Word of the vocabulary -> difference; empty for the share of BRAF V600E, a number.
    """

    name: str
    label: str
    option: str
    words: Mapping[str, float] = MappingProxyType({})

    @property
    def prior(self) -> str:
        """Name of the prior of its effect."""
        return f"covariate_{self.name}"

    def difference(self, ref: CohortRef) -> float:
        """Difference of a cohort from the reference; 0 where nothing is printed."""
        if self.words:
            holder = ref.cohort if hasattr(ref.cohort, self.option) else ref.study
            return self.words.get(getattr(holder, self.option) or "", 0.0)
        braf = ref.cohort.braf_v600e
        if braf is not None and braf.positive is not None and braf.tested:
            return braf.positive / braf.tested - REFERENCE_BRAF_SHARE
        if braf is None or braf.percent is None:
            return 0.0
        return float(braf.percent) / 100.0 - REFERENCE_BRAF_SHARE


#: Every covariate: the list that model, tables and options follow.
ALL: tuple[Covariate, ...] = (
    Covariate("retrospective", "Retrospective rather than prospective", "design", DESIGNS),
    Covariate("pretreated", "Pretreated rather than first-line", "line", LINES),
    Covariate(
        "from_diagnosis",
        "Time from diagnosis rather than from treatment start",
        "time_origin",
        TIME_ORIGINS,
    ),
    Covariate("braf_mutated", "All BRAF-mutated rather than none", "braf_mutated"),
)

COVARIATES = tuple(own.name for own in ALL)
COVARIATE_LABELS: Mapping[str, str] = MappingProxyType({own.name: own.label for own in ALL})


def covariates(
    ref: CohortRef, mutation_required: Collection[str] = (), *, use_unmarked: bool = True
) -> tuple[float, ...]:
    """Return how a cohort differs from the reference population.

    Parameters
    ----------
    ref : CohortRef
        The cohort.
    mutation_required : collection of str
        Identifiers of the treatments that are given only to a mutated tumour: there the selection
        is part of the treatment, and its effect cannot be separated from that of the treatment.
    use_unmarked : bool
        Whether the mutation status, which has no mark of verification of its own, may be used.

    Returns
    -------
    tuple of float
        In the order of :data:`ALL`: -0.5, 0 or 0.5 each, and the share of BRAF V600E less
        :data:`REFERENCE_BRAF_SHARE`.
    """
    tells_braf = use_unmarked and ref.treatment not in mutation_required
    return tuple(own.difference(ref) if own.words or tells_braf else 0.0 for own in ALL)
