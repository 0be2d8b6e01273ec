"""Every check by name: what it asks, and why the answer matters."""

from __future__ import annotations

import studies.plausibility.citations as citations
import studies.plausibility.comparisons as comparisons
import studies.plausibility.curves as curves
import studies.plausibility.groups as groups
import studies.plausibility.intervals as intervals
import studies.plausibility.notes as notes
import studies.plausibility.responses as responses
import studies.plausibility.times as times
from studies.plausibility.question import Check

CHECKS: tuple[Check, ...] = (
    Check(
        "unit-slip",
        "warning",
        "Are the printed times usual for their endpoint, and possible between enrolment and "
        "report?",
        "A median of 166 days entered as months outweighs every other cohort of a pool.",
        times.unit_slips,
    ),
    Check(
        "endpoint-order",
        "warning",
        "Does progression come before death, and is disease-specific survival the longer one?",
        "An endpoint that ends before the one it contains has been exchanged with it, or is in "
        "another unit.",
        times.endpoint_order,
    ),
    Check(
        "repeated-figure",
        "warning",
        "Do two endpoints print one interval, or a part of a cohort the result of the whole?",
        "A figure copied to a second place is wrong in one of the two.",
        times.repeated_figures,
    ),
    Check(
        "interval-width",
        "warning",
        "Can the interval of a median be a confidence interval of that many patients?",
        "The width of an interval weighs a cohort: a standard error or an interquartile range in "
        "its place makes a cohort too sure or too unsure.",
        intervals.interval_widths,
    ),
    Check(
        "landmark-median",
        "warning",
        "Does the curve through median and survival probabilities fall at a rate that curves have?",
        "A slip in the time or the value of a point bends the whole curve of a cohort.",
        curves.curve_shapes,
    ),
    Check(
        "landmark-interval",
        "warning",
        "Can the interval of a survival probability be one of that many patients?",
        "A standard error printed as an interval counts the patients four times.",
        curves.landmark_intervals,
    ),
    Check(
        "landmark-count",
        "warning",
        "Do counted survivors, and those at risk, agree with the survival printed for that time?",
        "Where the two disagree, one of the printed figures is wrong, and the report does not say "
        "which.",
        curves.landmark_counts,
    ),
    Check(
        "response-rate",
        "warning",
        "Is every percentage of response a whole number of the evaluable patients?",
        "A rate that no count gives has another denominator than the one entered.",
        responses.response_rates,
    ),
    Check(
        "response-sum",
        "warning",
        "Do the categories of response add up to the patients, and to the printed disease control?",
        "A category that is missing or counted twice moves the response rate.",
        responses.response_sums,
    ),
    Check(
        "orr-interval",
        "warning",
        "Is the interval of a response rate one of that many responders?",
        "The interval knows the true denominator, whatever is said elsewhere.",
        responses.response_intervals,
    ),
    Check(
        "subgroup-sizes",
        "warning",
        "Do the groups of one factor have no more patients than the cohort?",
        "Groups that replace their cohort in a pool must not count a patient twice.",
        groups.subgroup_sizes,
    ),
    Check(
        "subgroup-medians",
        "warning",
        "Does a whole lie between the parts that make it up?",
        "A whole outside of its parts shows that one of the figures belongs elsewhere.",
        groups.subgroup_medians,
    ),
    Check(
        "printed-share",
        "warning",
        "Is a percentage of a stated number of patients a whole number of them?",
        "A share that no count gives has another denominator than the one entered.",
        groups.printed_shares,
    ),
    Check(
        "p-value",
        "warning",
        "Can a p value or a hazard ratio come from groups of that size with these medians?",
        "Medians and p value inform a model together: a contradiction between them would be read "
        "as information.",
        comparisons.p_values,
    ),
    Check(
        "hazard-ratio",
        "warning",
        "Do hazard ratio, interval and p value of one comparison agree?",
        "The three are one result in three forms: where they differ, one is misprinted.",
        comparisons.hazard_ratios,
    ),
    Check(
        "citation",
        "warning",
        "Do identifier, enrolment and citation follow on each other in time?",
        "A report that ends before its patients were enrolled is not the report it is called.",
        citations.citation_years,
    ),
    Check(
        "same-report",
        "warning",
        "Has the report been entered under another name already?",
        "A report entered twice counts twice.",
        citations.same_reports,
    ),
    Check(
        "same-patients",
        "warning",
        "May an earlier report of the same institution or authors count the same patients?",
        "Patients who are counted twice make a pool too sure, in silence.",
        citations.same_patients,
    ),
    Check(
        "iqr-not-interval",
        "note",
        "Does a range of the patients' times stand where an interval would?",
        "Quartiles and ranges say how patients differ, not how sure the median is.",
        notes.spreads,
    ),
    Check(
        "other-endpoint",
        "note",
        "Does one endpoint stand in for another one, or beside it?",
        "Time to progression and disease-specific survival leave deaths out, and so are longer.",
        notes.other_endpoints,
    ),
    Check(
        "one-sided-p",
        "note",
        "Does a p value count one tail only?",
        "Read as two-sided, it would be twice as significant as it is.",
        notes.one_sided,
    ),
    Check(
        "evaluable-below-treated",
        "note",
        "Was response evaluable in fewer patients than were treated?",
        "Patients who die before the first scan are no responders, but leave the denominator.",
        notes.evaluable,
    ),
    Check(
        "other-disease",
        "note",
        "Does a cohort have another disease than the registry is about?",
        "Another disease has another survival.",
        notes.other_diseases,
    ),
    Check(
        "read-as",
        "note",
        "Is a group of the report read as pure or mixed histology?",
        "The reading is a judgement, and the answer on histology rests on it.",
        notes.readings,
    ),
    Check(
        "selected-patients",
        "note",
        "Were the patients of a cohort chosen in a way that shows in the outcome?",
        "Who must survive to be counted, or to be treated, survives longer.",
        notes.selected_patients,
    ),
    Check(
        "declared-overlap",
        "note",
        "With how many reports of the registry are patients shared?",
        "Of reports that share patients one is counted, so that a new one may replace an old one.",
        notes.declared_overlaps,
    ),
    Check(
        "unresolved-overlap",
        "note",
        "Is an overlap declared with a report that is not here?",
        "Whoever adds that report has to know.",
        notes.unresolved_overlaps,
    ),
    Check(
        "secondary-figures",
        "note",
        "Were figures seen only in a source about the report?",
        "What others write about a report is sometimes not what it says.",
        notes.secondary_figures,
    ),
    Check(
        "symmetric-interval",
        "note",
        "Do the limits of a median lie symmetrically about it?",
        "Such limits are no event times, and say less than they seem to.",
        notes.symmetric_intervals,
    ),
)
