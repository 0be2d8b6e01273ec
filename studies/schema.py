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

from studies.provenance import Citation, Overlap, Source
from studies.values import (
    NOT_STATED,
    Count,
    CountsByName,
    FrozenDict,
    Histology,
    IntervalMethod,
    PatientCount,
    PatientEvent,
    Printed,
    PrintedOrText,
    PrintedPair,
    Reached,
    ReachedPair,
    Record,
    Statistic,
    Status,
    Text,
    Unit,
    at_least_one,
)

__all__ = [
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


class SurvivalOutcome(Record):
    """A printed median time of one arm, with whatever is printed around it.

    Attributes
    ----------
    endpoint : str
        Word of the vocabulary: os, pfs, ttp, dss, ...
    median : Decimal, "not reached" or None
        Median in `unit`.
    unit : {"days", "weeks", "months", "years"} or None
        Unit of every time of this record, as printed.
    ci : (Decimal, Decimal or "not reached") or None
        Limits of the confidence interval of the median, in `unit`.
    level : Decimal or None
        Confidence level as a fraction (0.95); None when not printed.
    ci_method : {"plain", "log", "log-log", "symmetric"} or None
        Transformation behind the interval, only where the report or its software says so.
    events : int or None
        Number of events among the patients of the arm.
    iqr, range : (Decimal, Decimal) or None
        Interquartile range and range, in `unit`: neither is a confidence interval.
    follow_up : Decimal or None
        Median follow-up, in `unit`.
    label : str or None
        The report's own words for the endpoint or the assessor.
    status : {"verified", "secondary"} or None
        Where this figure was seen; None: as the study.
    note : str or None
        What a reader must know about this figure.
    """

    endpoint: Text
    median: Reached | None = None
    unit: Unit | None = None
    ci: ReachedPair | None = None
    level: Printed | None = None
    ci_method: IntervalMethod | None = None
    events: Count | None = None
    iqr: PrintedPair | None = None
    range: PrintedPair | None = None
    follow_up: Printed | None = None
    label: Text | None = None
    status: Status | None = None
    note: Text | None = None


class Landmark(Record):
    """A printed probability of being event-free at a stated time.

    Attributes
    ----------
    endpoint : str
        Word of the vocabulary.
    time : Decimal
        Time since the origin, in `unit`.
    unit : {"days", "weeks", "months", "years"}
        Unit of `time`.
    survival : Decimal
        Fraction of 1, never a percentage: a printed 52 % is 0.52.
    ci : (Decimal, Decimal) or None
        Confidence limits, fractions of 1.
    level : Decimal or None
        Confidence level as a fraction; None when not printed.
    label, status, note
        As in `SurvivalOutcome`.
    """

    endpoint: Text
    time: Printed
    unit: Unit
    survival: Printed
    ci: PrintedPair | None = None
    level: Printed | None = None
    label: Text | None = None
    status: Status | None = None
    note: Text | None = None


class Response(Record):
    """Best tumour response of one arm, counts and percentages as printed.

    Attributes
    ----------
    cr, pr, sd, pd, ne : int or None
        Patients by best response: complete, partial, stable, progressive, not evaluable.
    responders, disease_control : int or None
        Printed counts of responders and of patients with disease control.
    evaluable : int or None
        The printed denominator, patients.
    orr_percent, dcr_percent, cr_percent, pr_percent, sd_percent, pd_percent : Decimal or None
        Printed percentages, 0 to 100.
    orr_ci : (Decimal, Decimal) or None
        Confidence limits of `orr_percent`, percent.
    orr_level : Decimal or None
        Confidence level of `orr_ci` as a fraction.
    criteria, assessor : str or None
        RECIST 1.1, WHO, ...; investigator, independent review, ...
    status, note
        As in `SurvivalOutcome`.
    """

    cr: Count | None = None
    pr: Count | None = None
    sd: Count | None = None
    pd: Count | None = None
    ne: Count | None = None
    responders: Count | None = None
    disease_control: Count | None = None
    evaluable: Count | None = None
    orr_percent: Printed | None = None
    orr_ci: PrintedPair | None = None
    orr_level: Printed | None = None
    dcr_percent: Printed | None = None
    cr_percent: Printed | None = None
    pr_percent: Printed | None = None
    sd_percent: Printed | None = None
    pd_percent: Printed | None = None
    criteria: Text | None = None
    assessor: Text | None = None
    status: Status | None = None
    note: Text | None = None


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


class Characteristic(Record):
    """Anything printed about an arm that is not modelled, kept so that nothing is lost.

    Attributes
    ----------
    name : str
        What was counted or measured.
    statistic : {"count", "percent", "mean", "median", "value", "text"}
        What `value` is.
    value : Decimal or str
        The printed figure.
    of : int or None
        Denominator of a count or a percentage, patients.
    sd : Decimal or None
        Standard deviation, in `unit`.
    range, iqr, ci : pair or None
        In `unit`.
    unit, group, note : str or None
        Unit in words; the group of patients it speaks of; a remark.
    status : {"verified", "secondary"} or None
        As in `SurvivalOutcome`.
    """

    name: Text
    statistic: Statistic
    value: PrintedOrText
    of: Count | None = None
    sd: Printed | None = None
    range: PrintedPair | None = None
    iqr: PrintedPair | None = None
    ci: ReachedPair | None = None
    unit: Text | None = None
    group: Text | None = None
    status: Status | None = None
    note: Text | None = None


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


class Comparison(Record):
    """A printed comparison of named groups.

    Attributes
    ----------
    endpoint : str
        What is compared, in the vocabulary's word or the report's.
    groups : tuple of str
        The groups, as named by cohorts or subgroup levels.
    p : Decimal, str or None
        P value in its printed form: 0.026, or "<0.001".
    sided : {1, 2}
        One- or two-sided.
    test : str or None
        Log-rank, Cox regression, ...
    hr : Decimal or None
        Hazard ratio of the first group against the second.
    hr_ci : (Decimal, Decimal or "not reached") or None
        Its confidence limits.
    level : Decimal or None
        Their confidence level as a fraction.
    adjusted : bool or None
        Whether adjusted for covariates; None when not said.
    text, note : str or None
        The report's wording; a remark.
    status : {"verified", "secondary"} or None
        As in `SurvivalOutcome`.
    """

    endpoint: Text
    groups: tuple[Text, ...] = ()
    p: PrintedOrText | None = None
    sided: Literal[1, 2] = 2
    test: Text | None = None
    hr: Printed | None = None
    hr_ci: ReachedPair | None = None
    level: Printed | None = None
    adjusted: StrictBool | None = None
    text: Text | None = None
    status: Status | None = None
    note: Text | None = None


class Patient(Record):
    """One patient whom the report lists.

    Attributes
    ----------
    os, pfs, response_duration : Decimal or None
        Times in `unit`.
    unit : {"days", "weeks", "months", "years"} or None
        Unit of the times.
    event : {"died", "alive", "progressed", "not stated"}
        What ended the observation.
    response, histology : str or None
        As printed.
    """

    os: Printed | None = None
    pfs: Printed | None = None
    response_duration: Printed | None = None
    unit: Unit | None = None
    event: PatientEvent = "not stated"
    response: Text | None = None
    histology: Text | None = None


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
    disease : str
        Word of the vocabulary; ``ATC`` unless the report says otherwise.
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
    disease: Text = "ATC"
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
    """

    id: Text
    citation: Citation
    design: Text = NOT_STATED
    centres: Literal["single", "multicentre"] | None = None
    countries: tuple[Text, ...] = ()
    enrolment: Text | None = None
    population: Text | None = None
    status: Status
    notes: Text | None = None
    overlaps: tuple[Overlap, ...] = ()
    cohorts: Annotated[tuple[Cohort, ...], AfterValidator(at_least_one)]
    comparisons: tuple[Comparison, ...] = ()
    sources: tuple[Source, ...] = ()
