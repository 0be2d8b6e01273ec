"""The shape of one published report, as frozen records.

A study file holds what the report prints, to the printed digit: numbers are `decimal.Decimal`, so
that ``2.0`` stays ``2.0`` and a resolution of one decimal is not mistaken for a resolution of none.
Nothing here converts, derives or judges; consistency of the figures is the business of
`studies.checks`, and the words a field may hold (treatments, endpoints, designs, ...) that of
`studies.vocabulary`.

A field that the report does not print is absent, which reads as ``None`` (or as an empty tuple):
absent is never zero.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, StrictBool

from studies.outcomes import (
    Characteristic,
    Comparison,
    Landmark,
    Patient,
    Response,
    SurvivalOutcome,
)
from studies.provenance import Citation, Overlap, Source
from studies.values import (
    NOT_STATED,
    Count,
    CountsByName,
    FrozenDict,
    Histology,
    PatientCount,
    Printed,
    Record,
    Status,
    Text,
    at_least_one,
)

__all__ = [
    "Acknowledgement",
    "BrafStatus",
    "Characteristic",
    "Citation",
    "Cohort",
    "Comparison",
    "HistologySplit",
    "ImpliedCount",
    "Landmark",
    "Overlap",
    "Patient",
    "ReadAs",
    "Response",
    "Source",
    "Study",
    "Subgroup",
    "SurvivalOutcome",
]


class HistologySplit(Record):
    """How many patients of a cohort had pure and how many mixed histology.

    Attributes
    ----------
    pure, mixed : int or None
        Patients; mixed means with a differentiated or poorly differentiated part.
    pure_percent, mixed_percent : Decimal or None
        Percentages where the report prints those instead.
    assessed : int or None
        Patients whose histology was assessed.
    definition : str or None
        The report's definition of the groups.
    other : mapping of str to int
        Counts under the report's own words that are not quite pure or mixed.
    """

    pure: Count | None = None
    mixed: Count | None = None
    pure_percent: Printed | None = None
    mixed_percent: Printed | None = None
    assessed: Count | None = None
    definition: Text | None = None
    other: CountsByName = FrozenDict()


class ReadAs(Record):
    """A declared reading of the report's own group as pure or mixed; an analysis can switch it off.

    Attributes
    ----------
    histology : {"pure", "mixed"}
        What the group is read as.
    reason : str
        Why that reading is defensible.
    """

    histology: Histology
    reason: Text


class Subgroup(Record):
    """Outcomes of one level of a factor within a cohort.

    Attributes
    ----------
    factor, level : str
        For instance ``histology`` and ``mixed``, or ``stage`` and ``IVB``.
    label : str or None
        The report's own words.
    n : int or None
        Patients of the subgroup.
    histology : {"pure", "mixed"} or None
        Only where the report itself says pure or mixed.
    read_as : ReadAs or None
        A declared reading of the report's own group.
    survival, landmarks, response, characteristics
        As in `Cohort`.
    """

    factor: Text
    level: Text
    label: Text | None = None
    n: Count | None = None
    histology: Histology | None = None
    read_as: ReadAs | None = None
    survival: tuple[SurvivalOutcome, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    response: Response | None = None
    characteristics: tuple[Characteristic, ...] = ()


class ImpliedCount(Record):
    """A number of patients that is arithmetic on other printed figures, and so is not printed.

    Attributes
    ----------
    value : int
        Patients.
    derivation : str
        The arithmetic.
    """

    value: Count
    derivation: Text


class BrafStatus(Record):
    """BRAF V600E mutation among the patients of a cohort.

    Attributes
    ----------
    positive, tested : int or None
        Patients.
    percent : Decimal or None
        Printed percentage of the tested.
    """

    positive: Count | None = None
    tested: Count | None = None
    percent: Printed | None = None


class Cohort(Record):
    """One arm: patients who were treated alike and whose outcomes are printed together.

    Attributes
    ----------
    id : str
        Unique within the study.
    treatment : str
        Identifier in the vocabulary.
    treatment_as_printed : str
        The report's own words.
    disease : str or None
        Word of the vocabulary; None: the disease that the vocabulary names as its own.
    line, time_origin : str or None
        Words of the vocabulary; None when not printed.
    time_origin_presumed : bool
        True where the time origin is the habit of such a source and is not printed.
    n : int or None
        Patients, as printed.
    n_implied : ImpliedCount or None
        Patients, where only arithmetic on other figures tells.
    part_of : str or None
        Cohort of the same report in which these patients are counted too.
    histology : HistologySplit or None
        Patients by histology.
    read_as : ReadAs or None
        A declared reading of the whole cohort as pure or mixed.
    braf_v600e : BrafStatus or None
        Mutation status.
    not_pooled : str or None
        Why this cohort must not be pooled.
    caution : str or None
        What a reader of a pooled result must be told.
    survival, landmarks, response, subgroups, patients, characteristics
        The printed outcomes.
    """

    id: Text
    treatment: Text
    treatment_as_printed: Text
    disease: Text | None = None
    line: Text | None = None
    time_origin: Text | None = None
    time_origin_presumed: StrictBool = False
    n: PatientCount | None = None
    n_implied: ImpliedCount | None = None
    part_of: Text | None = None
    histology: HistologySplit | None = None
    read_as: ReadAs | None = None
    braf_v600e: BrafStatus | None = None
    not_pooled: Text | None = None
    caution: Text | None = None
    survival: tuple[SurvivalOutcome, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    response: Response | None = None
    subgroups: tuple[Subgroup, ...] = ()
    patients: tuple[Patient, ...] = ()
    characteristics: tuple[Characteristic, ...] = ()


class Acknowledgement(Record):
    """An odd figure that was looked at and stays as it is: the warning is accepted, with a reason.

    Attributes
    ----------
    check : str
        Name of the check that warned, ``interval-width``.
    field : str
        Where it warned, as the warning writes it: ``cohorts[0].survival[1].ci``.
    reason : str
        Why the figure stays.
    """

    check: Text
    field: Text
    reason: Text


class Study(Record):
    """One published report.

    Attributes
    ----------
    id : str
        Identifier, equal to the stem of its file.
    citation : Citation
        Bibliographic record.
    design : str
        Word of the vocabulary; "not stated" when not known.
    centres : {"single", "multicentre"} or None
        As printed.
    countries : tuple of str
        Countries of the patients.
    institutions : tuple of str
        Hospitals, trials or registries whose patients they are, as the report names them.
    enrolment, population, notes : str or None
        Years of enrolment; who was studied; what a reader must know.
    overlaps : tuple of Overlap
        Other reports that count some of the same patients.
    cohorts : tuple of Cohort
        One or more arms.
    comparisons : tuple of Comparison
        Printed comparisons between groups.
    status : {"verified", "secondary"}
        verified: every figure was seen in the report itself; secondary: in a source about it.
    sources : tuple of Source
        Where the figures were seen.
    acknowledged : tuple of Acknowledgement
        Warnings of `studies.plausibility` that were looked at.
    """

    id: Text
    citation: Citation
    design: Text = NOT_STATED
    centres: Literal["single", "multicentre"] | None = None
    countries: tuple[Text, ...] = ()
    institutions: tuple[Text, ...] = ()
    enrolment: Text | None = None
    population: Text | None = None
    status: Status
    notes: Text | None = None
    overlaps: tuple[Overlap, ...] = ()
    cohorts: Annotated[tuple[Cohort, ...], AfterValidator(at_least_one)]
    comparisons: tuple[Comparison, ...] = ()
    sources: tuple[Source, ...] = ()
    acknowledged: tuple[Acknowledgement, ...] = ()
