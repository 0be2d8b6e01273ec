"""What a reader has to know of a report: the traps that the toolkit meets in a declared way.

A note asks for nothing. It says what is printed, what a reader might take it for, and what is done
about it here.
"""

from __future__ import annotations

from collections.abc import Iterator

from studies.figures import assessors_of, is_symmetric
from studies.plausibility.question import Around, arms, figures
from studies.problems import Finding, odd, show
from studies.schema import Study

_SPECIFIC = "dss"
_LEFT_OUT = "the cohort is left out of every pool"
_BESIDE = "the caution stands beside the result"


def spreads(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether a range stands for an interval: it says how patients differ, not the median."""
    names = {"iqr": "an interquartile range", "range": "a range"}
    action = "it is kept for display and never used as an interval"
    for _, path, outcome in figures(study, "survival"):
        for key, name in names.items():
            pair = getattr(outcome, key)
            if outcome.median is not None and outcome.ci is None and pair is not None:
                found = f"{name} of {show(pair)} and no confidence interval"
                yield Finding((*path, key), found, "an interval of the median", action)


def other_endpoints(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether an endpoint stands for another: those that leave deaths out are longer."""
    told: set[tuple[str, str]] = set()
    for arm, path, cohort in arms(study):
        # What is printed of the whole cohort is not missed in its groups.
        everything = (part for one in (arm, cohort) for part in (*one.survival, *one.landmarks))
        printed = {figure.endpoint for figure in everything}
        for kind, listed in (("survival", arm.survival), ("landmarks", arm.landmarks)):
            for place, figure in enumerate(listed):
                sentence = _instead(figure.endpoint, printed)
                if sentence is not None and sentence not in told:
                    told.add(sentence)
                    here = (*path, kind, place, "endpoint")
                    yield Finding(here, *sentence, "it is not read as the other one")


def _instead(endpoint: str, printed: set[str]) -> tuple[str, str] | None:
    """Return what is printed and what might be expected, where the two are confused easily."""
    if endpoint == "ttp" and "pfs" not in printed:
        return "time to progression", "progression-free survival, which is not printed"
    if endpoint == _SPECIFIC:
        if "os" in printed:
            return "disease-specific survival beside overall survival", "overall survival alone"
        return "disease-specific survival", "overall survival, which is not printed"
    if endpoint in ("survival_not_specified", "relative_survival") and "os" not in printed:
        return endpoint.replace("_", " "), "overall survival, which is not printed"
    return None


def one_sided(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether a p value counts one tail: read as two-sided it looks twice as sure."""
    for place, comparison in enumerate(study.comparisons):
        if comparison.sided == 1 and comparison.p is not None:
            found = f"a one-sided p value of {comparison.p}"
            action = "it is used as one-sided"
            path = ("comparisons", place, "p")
            yield Finding(path, found, "a two-sided p value", action)


def evaluable(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether fewer were evaluable than treated: early deaths leave the denominator."""
    for arm, path, _ in arms(study):
        number = arm.response and arm.response.evaluable
        if None not in (number, arm.n) and number < arm.n:
            found = f"response evaluable in {number} of {arm.n}"
            action = "rates are of the evaluable patients, and say so"
            yield Finding((*path, "response", "evaluable"), found, f"all {arm.n} patients", action)


def other_diseases(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether a cohort has another disease: that has another survival."""
    for place, cohort in enumerate(study.cohorts):
        if not around.of_main_disease(cohort):
            expected = show(around.registry.vocabulary.main_disease)
            action = "the cohort is kept apart and never pooled"
            yield odd(("cohorts", place, "disease"), cohort.disease, expected, action)


def readings(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether a group is read as pure or mixed: the answer on histology rests on it."""
    for arm, path, _ in arms(study):
        if arm.read_as is not None:
            name = getattr(arm, "level", None) or getattr(arm, "id", "")
            found = f"{show(name)} read as {arm.read_as.histology}"
            expected = "the report's own words pure or mixed"
            action = "an analysis can be made without the reading"
            yield Finding((*path, "read_as"), found, expected, action)


def selected_patients(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether patients were chosen by what shows in the outcome: survivors live longer."""
    for place, cohort in enumerate(study.cohorts):
        why = cohort.formed_by and cohort.formed_by.reason
        told = {
            "formed_by": (why, "a cohort that the outcome did not form", _LEFT_OUT),
            "not_pooled": (cohort.not_pooled, "a cohort that can be pooled", _LEFT_OUT),
            "caution": (cohort.caution, "a cohort without a caution", _BESIDE),
        }
        for key, (words, expected, action) in told.items():
            if words is not None:
                yield Finding(("cohorts", place, key), words, expected, action)


def declared_overlaps(study: Study, around: Around) -> Iterator[Finding]:
    """Ask how many reports share patients: one is counted, and a new one may replace it."""
    direct, through = around.partners.get(study.id, ((), 0))
    if not direct:
        return
    reports = "1 report" if len(direct) == 1 else f"{len(direct)} reports"
    found = f"patients shared with {reports} ({', '.join(direct)})"
    if through:
        found += f", and through these with {through} more"
    action = "of cohorts that share patients one is counted"
    yield Finding(("overlaps",), found, "patients that stand in one report only", action)


def unresolved_overlaps(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether an overlap is with a report that is not here: who adds it has to know."""
    for place, overlap in enumerate(study.overlaps):
        if overlap.with_ not in around.registry.studies:
            expected = "a report of this registry"
            action = "nothing is counted twice as long as that report is not added"
            yield odd(("overlaps", place, "with"), overlap.with_, expected, action)


def secondary_figures(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether figures were seen in another source only: others may misquote a report."""
    responses = [arm.response for arm, _, _ in arms(study) if arm.response is not None]
    printed = [figure for kind in ("survival", "landmarks") for *_, figure in figures(study, kind)]
    marked = (*printed, *responses, *study.comparisons)
    count = sum((figure.status or study.status) == "secondary" for figure in marked)
    if count:
        counted = "1 figure" if count == 1 else f"{count} figures"
        found = f"{counted} seen only in a source about the report"
        action = "an analysis can be made with verified figures alone"
        yield Finding(("status",), found, "figures seen in the report itself", action)


def assessors(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether points are of several assessors: one curve is that of one of them."""
    for arm, path, _ in arms(study):
        for endpoint in dict.fromkeys(mark.endpoint for mark in arm.landmarks):
            used, *others = assessors_of(arm, endpoint) or ("",)
            if others:
                found = f"{endpoint} by {' and by '.join(map(show, others))}"
                action = "the other points are kept for display"
                yield Finding((*path, "landmarks"), found, f"points of {show(used)} alone", action)


def symmetric_intervals(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether limits lie symmetrically about a median: such are no event times."""
    action = "the median is used, its limits are kept for display"
    for _, path, outcome in figures(study, "survival"):
        if outcome.ci is not None and is_symmetric(outcome):
            found = f"{outcome.median} {show(outcome.ci)}, symmetric about the median"
            yield Finding((*path, "ci"), found, "limits that are event times", action)
