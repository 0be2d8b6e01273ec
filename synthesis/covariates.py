"""What kind of study and of population a cohort is, as numbers of which 0 is the reference.

Each number is a difference from the reference population, so that an effect of 0 leaves every
cohort where it is. Whatever a report does not say counts as the reference: such a cohort is neither
moved by an effect nor tells anything about it.

The reference lies half way between a retrospective and a prospective study, between pretreated and
first-line patients, between time from diagnosis and from the start of treatment, and has the share
of BRAF mutations of unselected patients.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from studies.figures import CohortRef
from studies.schema import NOT_STATED, BrafStatus

COVARIATES = ("retrospective", "pretreated", "from_diagnosis", "braf_mutated")
COVARIATE_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "retrospective": "Retrospective rather than prospective",
        "pretreated": "Pretreated rather than first-line",
        "from_diagnosis": "Time from diagnosis rather than from treatment start",
        "braf_mutated": "All BRAF-mutated rather than none",
    }
)

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


def covariates(
    ref: CohortRef, mutation_required: Collection[str] = (), *, use_unmarked: bool = True
) -> tuple[float, float, float, float]:
    """Return how a cohort differs from the reference population.

    Parameters
    ----------
    ref : CohortRef
        The cohort.
    mutation_required : collection of str
        Identifiers of the treatments that are given only to a mutated tumour: there the selection
        is part of the treatment, and its effect not to be told from that of the treatment.
    use_unmarked : bool
        Whether the mutation status, which has no mark of verification of its own, may be used.

    Returns
    -------
    tuple of float
        In the order of `COVARIATES`: -0.5, 0 or 0.5 each, and the share of BRAF V600E less
        `REFERENCE_BRAF_SHARE`.
    """
    share = _share(ref, mutation_required, use_unmarked=use_unmarked)
    return (
        DESIGNS.get(ref.study.design, 0.0),
        LINES.get(ref.cohort.line or "", 0.0),
        TIME_ORIGINS.get(ref.cohort.time_origin or "", 0.0),
        0.0 if share is None else share - REFERENCE_BRAF_SHARE,
    )


def covariate_words(
    ref: CohortRef, mutation_required: Collection[str] = (), *, use_unmarked: bool = True
) -> str:
    """Return the same in words, saying what counts as the reference.

    Parameters
    ----------
    ref, mutation_required, use_unmarked
        As in `covariates`.

    Returns
    -------
    str
        ``retrospective; line not stated (as the reference); time from diagnosis; BRAF V600E in 2 of
        10``.
    """
    cohort = ref.cohort
    design = "design not stated" if ref.study.design == NOT_STATED else ref.study.design
    line = "line not stated" if cohort.line is None else f"line {cohort.line}"
    origin = f"time from {cohort.time_origin or 'an origin that is not stated'}"
    known = (
        ref.study.design in DESIGNS,
        (cohort.line or "") in LINES,
        (cohort.time_origin or "") in TIME_ORIGINS,
        _share(ref, mutation_required, use_unmarked=use_unmarked) is not None,
    )
    words = (
        design.replace("_", " "),
        line,
        origin,
        _braf_words(ref, mutation_required, use_unmarked=use_unmarked),
    )
    return "; ".join(
        word if is_known else f"{word} (as the reference)"
        for word, is_known in zip(words, known, strict=True)
    )


def _share(
    ref: CohortRef, mutation_required: Collection[str], *, use_unmarked: bool
) -> float | None:
    """Share of BRAF V600E among the tested, 0 to 1; None where it says nothing of its own."""
    braf = ref.cohort.braf_v600e
    if braf is None or not use_unmarked or ref.treatment in mutation_required:
        return None
    if braf.positive is not None and braf.tested:
        return braf.positive / braf.tested
    return None if braf.percent is None else float(braf.percent) / 100.0


def _braf_words(ref: CohortRef, mutation_required: Collection[str], *, use_unmarked: bool) -> str:
    if ref.treatment in mutation_required:
        return "mutated by the choice of treatment"
    if _share(ref, mutation_required, use_unmarked=use_unmarked) is None:
        return "BRAF V600E not stated"
    return f"BRAF V600E in {_count(ref.cohort.braf_v600e)}"


def _count(braf: BrafStatus) -> str:
    if braf.positive is not None and braf.tested:
        return f"{braf.positive} of {braf.tested}"
    return f"{braf.percent} %"
