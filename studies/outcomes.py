"""The printed results of an arm: times, survival probabilities, responses, comparisons.

Numbers keep their printed digits, as `studies.values` explains; a field that the report does not
print is absent.
"""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool

from studies.values import (
    Count,
    IntervalMethod,
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
)


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
    at_risk : int or None
        Patients at risk at `time`, as printed below the curve.
    digitised : bool
        True where the survival was read off the printed curve; no text or table prints it.
    label, status, note
        As in `SurvivalOutcome`.
    """

    endpoint: Text
    time: Printed
    unit: Unit
    survival: Printed
    ci: PrintedPair | None = None
    level: Printed | None = None
    at_risk: Count | None = None
    digitised: StrictBool = False
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
