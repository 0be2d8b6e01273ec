"""The shape of one published report: frozen records.

A study file holds what the report prints, to the printed digit: numbers are `decimal.Decimal`, so
that ``2.0`` stays ``2.0``. Nothing here converts, derives or judges: figures are held against each
other by `studies.checks`, words against the vocabulary.

A field that the report does not print is absent, which reads as ``None`` (or as an empty tuple):
absent is never zero. The text below a field and the examples behind it, what to write and what not,
are all that a new field needs: the field guide, the skeleton and the JSON Schema are made of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, StrictBool

from studies.kinds import NOT_REACHED as NOT_REACHED  # every reader of figures takes it from here
from studies.kinds import (
    Count,
    CountsByName,
    Fraction,
    FrozenDict,
    PatientCount,
    Percent,
    Printed,
    PrintedOrText,
    PrintedPair,
    Reached,
    ReachedPair,
    Record,
    Text,
    at_least_one,
    optional,
    required,
    several,
)

NOT_STATED = "not stated"
#: A p value in words, read as one above 0.05.
NOT_SIGNIFICANT = "not significant"

Unit = Literal["days", "weeks", "months", "years"]
Status = Literal["verified", "secondary"]
Histology = Literal["pure", "mixed"]
Formation = Literal["survival", "frailty"]
IntervalMethod = Literal["plain", "log", "log-log", "symmetric"]
PatientEvent = Literal["died", "alive", "progressed", "not stated"]
Statistic = Literal["count", "percent", "mean", "median", "value", "text"]
Answer = Literal["yes", "no", "unclear"]

# --- Examples ------------------------------------------------------------------------------------

IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$"
#: The same in words.
LETTERS = "letters, digits, and _ . + -"
AN_IDENTIFIER = f"an identifier of {LETTERS}"
DOI, PMID, WEB = r"^10\.\d{4,9}/\S+$", r"^[1-9]\d{0,7}$", r"^https?://"
_QUOTES = "a text stands in quotation marks"
_NO_QUOTES = "a number stands without quotation marks"
_LISTS = "a list stands in brackets"
_BARE_DOI = ('"10.1530/ERC-20-0106"', '"doi:10.1530/ERC"', "the bare DOI")
_READING = ('{ histology = "mixed", reason = "small foci" }', '"mixed"', "say why")
_FORMED = ('{ kind = "survival", reason = "lived to be treated" }', '"survival"', "say why")
_CHARACTERISTIC = '[{ name = "metastasis", statistic = "count", value = 21, of = 30 }]'


class Citation(Record):
    """Bibliographic record of the report."""

    authors: tuple[Text, ...] = several('["Family AB", "et al."]', '"Family AB et al."', _LISTS)
    """Authors as printed, "Family Initials" each, in order; "et al." closes a list cut short."""
    year: Count | None = optional("2021", '"2021"', "a number", minimum=1900, maximum=2100)
    """Year of publication."""
    title: Text | None = optional('"Limited efficacy of lenvatinib"')
    """Title, as printed."""
    journal: Text | None = optional('"Endocr Relat Cancer"')
    """Journal, as printed."""
    volume_pages: Text | None = optional('"28(1):15-26"', "28", _QUOTES)
    """Volume, number and pages as printed, for instance `28(1):15-26`."""
    doi: Text | None = optional(*_BARE_DOI, pattern=DOI)
    """Bare DOI, `10.1530/ERC-20-0106`."""
    pmid: Text | None = optional('"33112817"', "33112817", "an identifier is a text", pattern=PMID)
    """PubMed identifier, digits in quotation marks."""
    trial_registration: Text | None = optional('"NCT02034110"')
    """Identifier in a trial register."""
    label: Text | None = optional('"Endocrine 2023"')
    """How tables and figures call the report, where its authors are not known."""
    unverified: tuple[Text, ...] = several('["year", "authors beyond the first"]', '"year"', _LISTS)
    """Items of this citation that still need a look, one phrase each."""


class Source(Record):
    """Where the figures were seen."""

    kind: Text = required('"abstract"')
    """What was read: abstract, full text, registry page, report about it, ..."""
    url: Text | None = optional(
        '"https://example.org/1"', '"example.org"', "with https://", pattern=WEB
    )
    """Web address of what was read."""
    doi: Text | None = optional(*_BARE_DOI, pattern=DOI)
    """DOI of what was read."""


class Overlap(Record):
    """Another report that counts some of the same patients."""

    with_: Text = required('"other2020"', alias="with")
    """Identifier of the other study (key `with` in the file)."""
    reason: Text = required('"same trial at an earlier cut"', '""', "somebody has to judge it")
    """Why they share patients: same trial at an earlier cut, same hospital and years, ..."""
    pairs: tuple[tuple[Text, Text], ...] = several('[["arm_1", "all"]]', '["arm_1"]', "two in each")
    """Cohorts that share patients, `[own cohort, other cohort]` each; empty: treatments decide."""


class SurvivalOutcome(Record):
    """A printed median time of one arm, or a mean or a range alone, with what is printed around."""

    endpoint: Text = required('"os"', '"OS"', "a word of the vocabulary")
    """Word of the vocabulary: os, pfs, ttp, dss, ..."""
    median: Reached | None = optional("119", '"NR"', 'write "not reached"')
    """Median in `unit`; "not reached" also where it is not estimable."""
    unit: Unit | None = optional('"days"', '"d"', "days, weeks, months or years")
    """Unit of every time of this record, as printed: do not convert."""
    ci: ReachedPair | None = optional('[36.3, "not reached"]', "[201.6, 36.3]", "lower first")
    """Confidence limits of the median, in `unit`; the upper one may be "not reached"."""
    level: Fraction | None = optional("0.95", "95", "a fraction")
    """Confidence level as a fraction (0.95); absent when not printed."""
    ci_method: IntervalMethod | None = optional('"log-log"')
    """Transformation behind the interval, only where the report or its software says so."""
    events: Count | None = optional("19", "31", "more than the patients of the arm")
    """Number of events among the patients of the arm."""
    mean: Printed | None = optional("142", '"142 days"', "the unit has a key of its own")
    """Mean in `unit`, where the report prints one; it is shown and never pooled."""
    sd: Printed | None = optional("3.2", '"±3.2"', "the number alone")
    """Standard deviation of the times, in `unit`."""
    iqr: PrintedPair | None = optional("[60, 210]", "[210, 60]", "the lower figure first")
    """Interquartile range, in `unit`; it is no confidence interval."""
    range: PrintedPair | None = optional("[12, 812]", '"12-812"', "two numbers in brackets")
    """Range, in `unit`; it is no confidence interval."""
    follow_up: Printed | None = optional("402", "0", "a time above 0")
    """Median follow-up, in `unit`."""
    label: Text | None = optional('"investigator-assessed"')
    """The report's own words for the endpoint or the assessor."""
    status: Status | None = optional('"secondary"')
    """Where this figure was seen; absent: as the study."""
    note: Text | None = optional('"Read off the abstract; the table has 3.2."')
    """What a reader must know about this figure."""


class Landmark(Record):
    """A printed probability of being event-free at a stated time."""

    endpoint: Text = required('"os"', '"survival"', "a word of the vocabulary")
    """Word of the vocabulary, as of a median."""
    time: Printed = required("6", '"6 months"', "the unit has a key of its own")
    """Time since the origin, in `unit`."""
    unit: Unit = required('"months"', '"month"', "days, weeks, months or years")
    """Unit of `time`."""
    survival: Fraction = required("0.379", "37.9", "a fraction of 1, not a percentage")
    """Fraction of 1, never a percentage: a printed 52 % is 0.52."""
    ci: PrintedPair | None = optional("[0.21, 0.55]", "[21, 55]", "fractions of 1")
    """Confidence limits, fractions of 1."""
    level: Fraction | None = optional("0.95", "95", "a fraction")
    """Confidence level as a fraction; absent when not printed."""
    at_risk: Count | None = optional("11", "31", "more than the patients of the arm")
    """Patients at risk at `time`, as printed below the curve."""
    digitised: StrictBool = optional("true", default=False)
    """True where the survival was read off the printed curve; no text or table prints it."""
    label: Text | None = optional('"investigator-assessed"')
    """The report's own words for the endpoint or the assessor."""
    status: Status | None = optional('"secondary"')
    """Where this figure was seen; absent: as the study."""
    note: Text | None = optional('"Read off the abstract; the table has 3.2."')
    """What a reader must know about this figure."""


class Response(Record):
    """Best tumour response of one arm, counts and percentages as printed."""

    cr: Count | None = optional("1", "3.6", "a percentage goes into cr_percent")
    """Patients with a complete response."""
    pr: Count | None = optional("5", "17.9", "a percentage goes into pr_percent")
    """Patients with a partial response."""
    sd: Count | None = optional("8", "29", "more than the evaluable patients")
    """Patients with stable disease."""
    pd: Count | None = optional("12", '"12"', _NO_QUOTES)
    """Patients with progressive disease."""
    ne: Count | None = optional("2", "20", "more than the patients of the arm, with the others")
    """Patients whose response was not evaluable."""
    responders: Count | None = optional("6", "7", "not the sum of cr and pr")
    """Printed number of responders."""
    disease_control: Count | None = optional("14", "5", "fewer than the responders")
    """Printed number of patients with disease control."""
    evaluable: Count | None = optional("28", "31", "more than the patients of the arm")
    """The printed denominator, patients."""
    orr_percent: Percent | None = optional("21.4", "0.214", "a percentage, not a fraction")
    """Printed percentage with objective response, 0 to 100."""
    orr_ci: PrintedPair | None = optional("[8.3, 41.0]", "[0.083, 0.41]", "percentages")
    """Confidence limits of `orr_percent`, percent."""
    orr_level: Fraction | None = optional("0.95", "95", "a fraction")
    """Confidence level of `orr_ci` as a fraction."""
    dcr_percent: Percent | None = optional("50", "150", "a percentage lies between 0 and 100")
    """Printed percentage with disease control, 0 to 100."""
    cr_percent: Percent | None = optional("3.6", '"3.6 %"', "the number alone")
    """Printed percentage with complete response, 0 to 100."""
    pr_percent: Percent | None = optional("17.9", '"17.9"', _NO_QUOTES)
    """Printed percentage with partial response, 0 to 100."""
    sd_percent: Percent | None = optional("28.6", '"28,6"', "a decimal point, no quotation marks")
    """Printed percentage with stable disease, 0 to 100."""
    pd_percent: Percent | None = optional("42.9", "-42.9", "a percentage lies between 0 and 100")
    """Printed percentage with progressive disease, 0 to 100."""
    criteria: Text | None = optional('"RECIST 1.1"', "1.1", _QUOTES)
    """RECIST 1.1, WHO, ..."""
    assessor: Text | None = optional('"independent review"')
    """Investigator, independent review, ..."""
    status: Status | None = optional('"secondary"')
    """Where this figure was seen; absent: as the study."""
    note: Text | None = optional('"Read off the abstract; the table has 3.2."')
    """What a reader must know about this figure."""


class Characteristic(Record):
    """Anything printed about an arm that is not modelled, kept so that nothing is lost."""

    name: Text = required('"distant metastasis"')
    """What was counted or measured."""
    statistic: Statistic = required('"count"')
    """What kind of figure `value` is."""
    value: PrintedOrText = required("21", '"21 of 30"', "the denominator goes into of")
    """The printed figure."""
    of: Count | None = optional("30", "20", "fewer than were counted")
    """Denominator of a count or a percentage, patients."""
    sd: Printed | None = optional("16")
    """Standard deviation, in `unit`."""
    range: PrintedPair | None = optional("[41, 83]")
    """Range, in `unit`."""
    iqr: PrintedPair | None = optional("[60, 75]", "[75, 60]", "the lower figure first")
    """Interquartile range, in `unit`."""
    ci: ReachedPair | None = optional("[18, 24]", "[18]", "two limits")
    """Confidence limits, in `unit`."""
    unit: Text | None = optional('"years"')
    """Unit in words."""
    group: Text | None = optional('"stage IVC"')
    """The group of patients it speaks of."""
    status: Status | None = optional('"secondary"')
    """Where this figure was seen; absent: as the study."""
    note: Text | None = optional('"Read off the abstract; the table has 3.2."')
    """A remark."""


class Comparison(Record):
    """A printed comparison of named groups."""

    endpoint: Text = required('"os"')
    """What is compared, in the vocabulary's word or the report's."""
    groups: tuple[Text, ...] = several('["mixed", "pure"]', '"mixed against pure"', _LISTS)
    """The groups, as named by cohorts or subgroup levels; the words for histology are above."""
    p: PrintedOrText | None = optional('"<0.001"', "26", "between 0 and 1")
    """P value in its printed form: 0.026, `"<0.001"`, `">0.05"` or `"not significant"`."""
    sided: Literal[1, 2] = optional("1", '"one-sided"', "1 or 2", default=2)
    """One- or two-sided."""
    test: Text | None = optional('"log-rank"')
    """Log-rank, Cox regression, ..."""
    hr: Printed | None = optional("0.61", "-0.61", "a hazard ratio, not its logarithm")
    """Hazard ratio of the first group against the second."""
    hr_ci: ReachedPair | None = optional("[0.37, 1.02]", "[0.7, 1.02]", "around the ratio")
    """Its confidence limits."""
    level: Fraction | None = optional("0.95", "95", "a fraction")
    """Their confidence level as a fraction."""
    adjusted: StrictBool | None = optional("false")
    """Whether adjusted for covariates; absent when not said."""
    longer: Text | None = optional('"mixed"', '"neither"', "one of groups")
    """Which of `groups` fares better, where the report says so and no figure does."""
    treatments: tuple[Text, ...] = several(
        '["lenvatinib", "no_systemic_therapy"]', '["lenvatinib"]', "one for each of two groups"
    )
    """Treatments of two groups, identifiers in the vocabulary, where they are no cohorts here."""
    text: Text | None = optional('"longer survival in mixed tumours"')
    """The report's wording."""
    status: Status | None = optional('"secondary"')
    """Where this figure was seen; absent: as the study."""
    note: Text | None = optional('"Read off the abstract; the table has 3.2."')
    """A remark."""


#: The endpoints of which single patients are listed; each is a field of `Patient`.
PATIENT_TIMES = ("os", "pfs")


class Patient(Record):
    """One patient whom the report lists."""

    os: Printed | None = optional("4.0", '"4+"', 'the number; event = "alive" says the rest')
    """Overall survival, in `unit`."""
    pfs: Printed | None = optional("2.5", "-2.5", "a time of 0 or more")
    """Progression-free survival, in `unit`."""
    response_duration: Printed | None = optional("1.0")
    """Duration of the response, in `unit`."""
    unit: Unit | None = optional('"months"', '"mo"', "days, weeks, months or years")
    """Unit of the times."""
    event: PatientEvent = optional('"died"', default="not stated")
    """What ended the observation."""
    response: Text | None = optional('"PR"', "true", _QUOTES)
    """Best response, as printed."""
    histology: Text | None = optional('"mixed"', "1", _QUOTES)
    """Histology, as printed."""


class HistologySplit(Record):
    """How many patients of a cohort had pure and how many mixed histology."""

    pure: Count | None = optional("15", "65.2", "a percentage goes into pure_percent")
    """Patients with pure histology."""
    mixed: Count | None = optional("8", "34.8", "a percentage goes into mixed_percent")
    """Patients with mixed histology: with a differentiated or poorly differentiated part."""
    pure_percent: Percent | None = optional("65.2", "652", "between 0 and 100")
    """Percentage with pure histology, where the report prints that."""
    mixed_percent: Percent | None = optional("34.8", '"34.8 %"', "the number alone")
    """Percentage with mixed histology, where the report prints that."""
    assessed: Count | None = optional("28", "31", "more than the patients of the cohort")
    """Patients whose histology was assessed."""
    definition: Text | None = optional('"mixed: with a differentiated part"')
    """The report's definition of the groups."""
    other: CountsByName = optional('{ "small focus" = 3 }', default=FrozenDict())
    """Counts under the report's own words that are not quite pure or mixed."""


class ReadAs(Record):
    """A declared reading of the report's own group as pure or mixed, which can be switched off."""

    histology: Histology = required('"mixed"', '"focal"', "pure or mixed")
    """What the group is read as."""
    reason: Text = required('"small anaplastic foci"', '""', "say why")
    """Why that reading is defensible."""


class FormedBy(Record):
    """How the outcome formed a cohort, so that it cannot be set against those who are not in it."""

    kind: Formation = required('"survival"', '"age"', "survival or frailty")
    """survival: they had to live to be in it; frailty: too ill or dead too early for treatment."""
    reason: Text = required('"lived to be treated"', '""', "say why")
    """What the report says of it."""


class Subgroup(Record):
    """Outcomes of one level of a factor within a cohort."""

    factor: Text = required('"histology"', "1", _QUOTES)
    """What tells the subgroups apart, for instance `histology` or `stage`."""
    level: Text = required('"mixed"', "4", _QUOTES)
    """Which of them it is, for instance `mixed` or `IVB`."""
    label: Text | None = optional('"with a differentiated component"')
    """The report's own words."""
    n: Count | None = optional("8", "31", "more than the patients of the cohort")
    """Patients of the subgroup."""
    histology: Histology | None = optional('"mixed"', '"focal"', "the report's own pure or mixed")
    """Only where the report itself says pure or mixed."""
    read_as: ReadAs | None = optional(*_READING)
    """A declared reading of the report's own group."""
    survival: tuple[SurvivalOutcome, ...] = several()
    """Printed medians."""
    landmarks: tuple[Landmark, ...] = several()
    """Printed survival at stated times."""
    response: Response | None = optional()
    """Best tumour response."""
    characteristics: tuple[Characteristic, ...] = several(_CHARACTERISTIC, "[61]", "what is it?")
    """Anything else that is printed, so that nothing is lost."""


class ImpliedCount(Record):
    """A number of patients that is arithmetic on other printed figures, and so is not printed."""

    value: Count = required("30", '"44 - 14"', "the result, as a number")
    """Patients."""
    derivation: Text = required('"44 patients less 14 of arm 2"', "14", _QUOTES)
    """The arithmetic."""


class BrafStatus(Record):
    """BRAF V600E mutation among the patients of a cohort."""

    positive: Count | None = optional("12", "29", "more than were tested")
    """Patients with the mutation."""
    tested: Count | None = optional("28", "31", "more than the patients of the cohort")
    """Patients who were tested."""
    percent: Percent | None = optional("43", "0.43", "a percentage, not a fraction")
    """Printed percentage of the tested."""


class Cohort(Record):
    """One arm: patients who were treated alike and whose outcomes are printed together."""

    id: Text = required('"arm_1"', '"arm 1"', "no blanks", pattern=IDENTIFIER)
    """Unique within the study."""
    treatment: Text = required('"lenvatinib"', '"Lenvatinib"', "the identifier, not the label")
    """Identifier in the vocabulary."""
    treatment_as_printed: Text = required('"lenvatinib 24 mg daily"')
    """The report's own words."""
    disease: Text | None = optional('"ATC"', '"anaplastic"', "a word of the vocabulary")
    """Word of the vocabulary; absent: the disease that the vocabulary names as its own."""
    line: Text | None = optional('"pretreated"', '"second line"', "a word of the vocabulary")
    """Line of treatment, a word of the vocabulary; absent when not printed."""
    time_origin: Text | None = optional('"treatment start"', '"first dose"', "see vocabulary")
    """When time began, a word of the vocabulary; absent when not printed."""
    time_origin_presumed: StrictBool = optional("true", default=False)
    """True where the time origin is the habit of such a source and is not printed."""
    n: PatientCount | None = optional("30", '"30"', _NO_QUOTES)
    """Patients, as printed."""
    n_implied: ImpliedCount | None = optional(
        '{ value = 30, derivation = "44 less 14" }', "30", "say how"
    )
    """Patients, where only arithmetic on other figures tells."""
    part_of: Text | None = optional(
        '"arm_2"', '"everybody"', "the id of another cohort of the file"
    )
    """Cohort of the same report in which these patients are counted too."""
    histology: HistologySplit | None = optional()
    """Patients by histology."""
    read_as: ReadAs | None = optional(*_READING)
    """A declared reading of the whole cohort as pure or mixed."""
    braf_v600e: BrafStatus | None = optional("{ positive = 12, tested = 28 }", "12", "say of whom")
    """BRAF V600E mutation."""
    formed_by: FormedBy | None = optional(*_FORMED)
    """How the outcome formed the cohort, which is then not pooled unless that is asked for."""
    not_pooled: Text | None = optional('"a single patient"', "true", "say why")
    """Why this cohort must not be pooled."""
    caution: Text | None = optional('"half had surgery first"', "true", "say what")
    """What a reader of a pooled result must be told."""
    survival: tuple[SurvivalOutcome, ...] = several()
    """Printed medians."""
    landmarks: tuple[Landmark, ...] = several()
    """Printed survival at stated times."""
    response: Response | None = optional()
    """Best tumour response."""
    subgroups: tuple[Subgroup, ...] = several()
    """Results of parts of the cohort."""
    patients: tuple[Patient, ...] = several('[{ os = 2.0, unit = "months" }]', "[2.0]", "tables")
    """Patients who are listed one by one."""
    characteristics: tuple[Characteristic, ...] = several(
        _CHARACTERISTIC, "{ age = 64 }", "what is it?"
    )
    """Anything else that is printed, so that nothing is lost."""


class Judgement(Record):
    """The answer to one question about how a series was made and told, with the reason."""

    answer: Answer = required('"yes"', '"partly"', "yes, no or unclear")
    """yes, no, or unclear where what was read does not tell."""
    reason: Text = required('"23 consecutive patients"', '""', "say what the report says")
    """What the report says of it, quoted or named."""


def _item(reason: str) -> Any:
    return optional(f'{{ answer = "yes", reason = "{reason}" }}', '"yes"', "an answer has a reason")


class Appraisal(Record):
    """Ten questions about a case series; one that is not answered is unclear.

    The items of the JBI checklist for case series, in its order: Munn et al. 2020,
    doi 10.11124/JBISRIR-D-19-00099. The studies guide says what each answer takes.
    """

    inclusion_criteria: Judgement | None = _item("unresectable ATC, ECOG 0-2")
    """Were there clear criteria for inclusion?"""
    condition_measured: Judgement | None = _item("TNM stage of all")
    """Was the condition measured in a standard, reliable way for all?"""
    condition_identified: Judgement | None = _item("pathologically confirmed")
    """Were valid methods used to identify the condition in all?"""
    consecutive: Judgement | None = _item("all-case study")
    """Was inclusion consecutive?"""
    complete: Judgement | None = _item("all 36 of the cohort")
    """Was inclusion complete?"""
    demographics: Judgement | None = _item("mean age 64; 14 of 23 men")
    """Were the demographics of the patients reported clearly?"""
    clinical: Judgement | None = _item("stage IVC in 21 of 23")
    """Was the clinical information on the patients reported clearly?"""
    outcomes: Judgement | None = _item("best response of all 23")
    """Were outcomes or follow-up reported clearly?"""
    sites: Judgement | None = _item("17 institutions in Japan")
    """Were the sites or clinics, and whom they serve, reported clearly?"""
    statistics: Judgement | None = _item("interval of the median, 95 %")
    """Was the statistical analysis appropriate?"""


class Acknowledgement(Record):
    """An odd figure that was looked at and stays: the warning is accepted, with a reason."""

    check: Text = required('"interval-width"', "1", "the name in the warning")
    """Name of the check that warned, `interval-width`."""
    field: Text = required('"cohorts[0].survival[1].ci"', "0", "as the warning writes it")
    """Where it warned, as the warning writes it: `cohorts[0].survival[1].ci`."""
    reason: Text = required('"so in abstract and table 2"', '""', "say why")
    """Why the figure stays."""


class Study(Record):
    """One published report."""

    id: Text = required('"sparano2021"', '"Sparano 2021"', "no blanks", pattern=IDENTIFIER)
    """Identifier, equal to the stem of its file."""
    citation: Citation = required()
    """Where it was published."""
    design: Text = optional('"retrospective"', '"study"', "see vocabulary", default=NOT_STATED)
    """Design, a word of the vocabulary; "not stated" when not known."""
    centres: Literal["single", "multicentre"] | None = optional('"single"')
    """How many centres, as printed."""
    countries: tuple[Text, ...] = several('["France", "Italy"]', '"France"', _LISTS)
    """Countries of the patients."""
    institutions: tuple[Text, ...] = several('["University Hospital"]', '"Hospital"', _LISTS)
    """Hospitals, trials or registries whose patients they are, as the report names them."""
    enrolment: Text | None = optional('"2010-2019"', "2010", _QUOTES)
    """Years of enrolment."""
    population: Text | None = optional('"Unresectable, after one line of chemotherapy."')
    """Who was studied."""
    status: Status = required('"verified"', '"checked"', "verified or secondary")
    """verified: every figure was seen in the report itself; secondary: in a source about it."""
    notes: Text | None = optional('"The denominator of the responses is not printed."')
    """What a reader must know."""
    overlaps: tuple[Overlap, ...] = several()
    """Other reports that count some of the same patients."""
    cohorts: Annotated[tuple[Cohort, ...], AfterValidator(at_least_one)] = required(minItems=1)
    """One or more arms."""
    comparisons: tuple[Comparison, ...] = several()
    """Printed comparisons between groups."""
    sources: tuple[Source, ...] = several()
    """Where the figures were seen."""
    appraisal: Appraisal | None = optional()
    """How well the series was made and told, by the JBI checklist for case series."""
    acknowledged: tuple[Acknowledgement, ...] = several()
    """Warnings of the check that were looked at: the figure is odd, and printed so."""
