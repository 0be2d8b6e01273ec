"""What a printed figure says: its unit, its rounding, and what it can be used for.

A `View` is how the figures of one endpoint are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from studies import schema
from studies.kinds import half_step
from studies.responses import ResponseCount, responders
from studies.schema import NOT_REACHED, NOT_SIGNIFICANT, Cohort, Response, Study, Subgroup

if TYPE_CHECKING:
    from studies.registry import Excluded

RESPONSE = "response"
#: Two groups that reports set against each other, in the words of comparisons.
HISTOLOGY, ORIGIN = ("mixed", "pure"), ("transformed", "de novo")
Figure = schema.SurvivalOutcome | schema.Landmark | Response | schema.Comparison
Keep = Callable[[Figure], bool]
#: Which declared readings count as histology: those of a report's own groups as pure or mixed, that
#: of transformed tumours as mixed and de novo ones as pure, all, or none.
Readings = bool | Literal["groups", "origin"]

DAYS_PER_MONTH = Decimal("30.4375")  # 365.25 / 12: leap years included
MONTHS_PER_UNIT: dict[str, Decimal] = {
    "days": 1 / DAYS_PER_MONTH,
    "weeks": 7 / DAYS_PER_MONTH,
    "months": Decimal(1),
    "years": Decimal(12),
}
_SHORT_UNIT = {"days": "d", "weeks": "wk", "months": "", "years": "y"}
P_VALUE = re.compile(r"[pP]?\s*(<=|>=|[<>=≤≥~])?\s*(\d*\.?\d+(?:[eE]-?\d+)?)")
YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_OPEN_ENDED = re.compile(r"\b(?:since|from|after)\b|[-–]\s*$", re.IGNORECASE)
_NUMBER_ALONE = re.compile(r"(PMID|doi)\b")
_TITLE = 60
_INITIALS = re.compile(r"(?:[^\W\d_a-z]\.?-?){1,4}")


def in_months(time: Decimal, unit: schema.Unit) -> float:
    """Convert a printed time in `unit` to months of 30.4375 days."""
    return float(time * MONTHS_PER_UNIT[unit])


def is_symmetric(outcome: schema.SurvivalOutcome) -> bool:
    """Return whether the limits lie on both sides of the median at one distance, or are said to.

    Such an interval is the median plus or minus a multiple of a standard error: its limits are not
    event times.
    """
    if outcome.ci_method is not None:
        return outcome.ci_method == "symmetric"
    ci, median = outcome.ci, outcome.median
    if ci is None or not isinstance(ci[1], Decimal) or not isinstance(median, Decimal):
        return False
    rounding = half_step(ci[0]) + half_step(ci[1]) + 2 * half_step(median)
    return abs(ci[0] + ci[1] - 2 * median) <= min(rounding, (ci[1] - ci[0]) / 10)


def p_range(p: Decimal | str | None) -> tuple[float, float] | None:
    """Return the smallest and the largest p value that a printed one allows; None: it is none.

    ``0.026`` allows itself, ``<0.001`` 0 to 0.001, ``>0.05`` and ``not significant`` 0.05 to 1.
    """
    if p is None or isinstance(p, Decimal):
        return None if p is None else (float(p), float(p))
    if " ".join(p.split()).casefold() == NOT_SIGNIFICANT:
        return 0.05, 1.0
    written = P_VALUE.fullmatch(p)
    if written is None:
        return None
    sign, value = (written[1] or "")[:1], float(written[2])
    return 0.0 if sign in ("<", "≤") else value, 1.0 if sign in (">", "≥") else value


def enrolment_years(text: str | None) -> tuple[int, int | None] | None:
    """Return the first and last year of enrolment that a text names."""
    years = [int(year) for year in YEAR.findall(text or "")]
    if not years:
        return None
    open_ended = len(years) == 1 and _OPEN_ENDED.search(text or "")
    return min(years), None if open_ended else max(years)


def years_of(study: Study) -> tuple[int, int] | None:
    """Return the first and the last year of enrolment, where both are printed."""
    years = enrolment_years(study.enrolment)
    return None if years is None or years[1] is None else (years[0], years[1])


def share_of(cohort: Cohort, name: str) -> float | None:
    """Return the share of a cohort that a characteristic prints, 0 to 1: the first that tells one.

    A count is divided by its own denominator, else by the patients of the cohort. What is printed
    of a group of the cohort does not tell.
    """
    for printed in cohort.characteristics:
        if printed.name != name or printed.group is not None or isinstance(printed.value, str):
            continue
        whole = 100 if printed.statistic == "percent" else printed.of or cohort.n
        if printed.statistic in ("count", "percent") and whole:
            return float(printed.value / whole)
    return None


def surname(author: str) -> str:
    """Return the family name of an author printed as "Family Initials"."""
    words = author.replace(",", " ").split()
    while len(words) > 1 and _INITIALS.fullmatch(words[-1]):
        words.pop()
    return " ".join(words)


def study_label(study: Study | Excluded) -> str:
    """Return how tables call a report: ``Sparano 2021``, else its label, journal, title or place.

    Where the year of the report is not known, the years of enrolment stand for it, and where
    nothing else is known the number of patients.
    """
    citation = study.citation
    known = enrolment_years(getattr(study, "enrolment", None))
    years = str(citation.year or "") or "–".join(map(str, dict.fromkeys(filter(None, known or ()))))
    if citation.authors:
        name, when = surname(citation.authors[0]), years or citation.journal
        return f"{name} {years}" if citation.year else ", ".join(filter(None, (name, when)))
    if citation.label and not _NUMBER_ALONE.match(citation.label):
        return citation.label
    if citation.journal:
        return ", ".join(filter(None, (citation.journal, years)))
    if citation.title:
        title = citation.title
        return f"“{title[:_TITLE].rsplit(' ', 1)[0]} …”" if len(title) > _TITLE else f"“{title}”"
    kind = "Registry" if getattr(study, "design", "") == "registry" else "Hospital series"
    patients = sum(cohort.n or 0 for cohort in getattr(study, "cohorts", ()))
    tells = years or (f"{patients:,} patients" if patients else "")
    where = ", ".join((kind, *getattr(study, "countries", ())))
    return f"{where}, {tells}" if tells else study.id


def figure_status(figure: Figure, study: Study) -> schema.Status:
    """Return whether a figure was seen in the report; its own mark goes before the study's."""
    return figure.status or study.status


def outcome_of(
    arm: Cohort | Subgroup, endpoint: str, keep: Keep = lambda figure: True
) -> schema.SurvivalOutcome | None:
    """Return the first median of an endpoint that `keep` allows, be it "not reached"."""
    printed = (o for o in arm.survival if o.endpoint == endpoint and o.median is not None)
    return next(filter(keep, printed), None)


def landmarks_of(
    arm: Cohort | Subgroup, endpoint: str, keep: Keep = lambda figure: True
) -> tuple[schema.Landmark, ...]:
    """Return the survival of an endpoint that `keep` allows, by time; the first one of each.

    Of several assessors those of the first of :func:`assessors_of`, and those without a label.
    """
    used = next(iter(assessors_of(arm, endpoint, keep)), None)
    by_time: dict[float, schema.Landmark] = {}
    for landmark in arm.landmarks:
        if landmark.endpoint == endpoint and keep(landmark) and landmark.label in (None, used):
            by_time.setdefault(in_months(landmark.time, landmark.unit), landmark)
    return tuple(by_time[time] for time in sorted(by_time))


def assessors_of(
    arm: Cohort | Subgroup, endpoint: str, keep: Keep = lambda figure: True
) -> tuple[str, ...]:
    """Return the labels of the figures of an endpoint; those of the first make one curve.

    That is the label of the median that is used, else the one with the most landmarks.
    """
    outcome = outcome_of(arm, endpoint, keep)
    marks = [mark.label for mark in arm.landmarks if mark.endpoint == endpoint and keep(mark)]
    most = sorted(dict.fromkeys(marks), key=marks.count, reverse=True)
    return tuple(dict.fromkeys(filter(None, (outcome and outcome.label, *most))))


def patients_with(cohort: Cohort, endpoint: str) -> list[schema.Patient]:
    """Return the listed patients with a time of an endpoint."""
    return [patient for patient in cohort.patients if getattr(patient, endpoint, None) is not None]


def reads(kind: Literal["groups", "origin"], use_read_as: Readings) -> bool:
    """Return whether declared readings of a kind count as histology."""
    return use_read_as is True or use_read_as == kind


def histology_of(
    arm: Cohort | Subgroup, *, use_read_as: Readings = True
) -> schema.Histology | None:
    """Return the histology of an arm that has only one, as printed or by a declared reading."""
    if isinstance(arm, Subgroup) and arm.histology is not None:
        return arm.histology
    used = arm.read_as is not None and reads("groups", use_read_as)
    return arm.read_as.histology if used else None


def mixed_part(split: schema.HistologySplit) -> float | None:
    """Return the share of the mixed among those known to be pure or mixed; None: it is not told."""
    counts = _both(split.mixed, split.pure, split.assessed)
    percents = _both(split.mixed_percent, split.pure_percent, Decimal(100))
    for both in (counts, percents):
        if both and sum(both):
            return float(both[0]) / float(sum(both))
    return None


def histology_sizes(cohort: Cohort) -> tuple[int, int] | None:
    """Return the numbers of mixed and of pure patients, where the split tells both.

    Printed counts; else the assessed less the other; else percentages of the assessed, or of the
    cohort, to the nearest patient.
    """
    split = cohort.histology
    if split is None:
        return None
    counts = _both(split.mixed, split.pure, split.assessed)
    percents = _both(split.mixed_percent, split.pure_percent, Decimal(100))
    whole = split.assessed or cohort.n
    if counts is None and percents is not None and whole:
        return round(percents[0] * whole / 100), round(percents[1] * whole / 100)
    return counts


def transformed_share(cohort: Cohort) -> float | None:
    """Return the share of transformed tumours, 0 to 1, printed as such or as that of de novo ones.

    Transformed tumours arose from a differentiated carcinoma that was known before.
    """
    new = share_of(cohort, "de novo")
    return share_of(cohort, "transformed") if new is None else 1.0 - new


def contrast_sizes(cohort: Cohort, groups: tuple[str, str]) -> tuple[int, int] | None:
    """Return the patients of both groups of :data:`HISTOLOGY` or :data:`ORIGIN`, where told."""
    if groups == HISTOLOGY:
        return histology_sizes(cohort)
    share = transformed_share(cohort)
    if share is None or not cohort.n:
        return None
    first = round(share * cohort.n)
    return first, cohort.n - first


def _both(mixed: Any, pure: Any, whole: Any) -> tuple[Any, Any] | None:
    """Return both numbers, one of them as what the other leaves of the whole, if need be."""
    if mixed is None and pure is not None and whole:
        mixed = whole - pure
    if pure is None and mixed is not None and whole:
        pure = whole - mixed
    return None if mixed is None or pure is None else (mixed, pure)


def printed_median(outcome: schema.SurvivalOutcome) -> str:
    """Return a median as printed: ``3.1 (0.6-5.5)`` months, ``166 d``, ``NR (4.7-NR)``."""
    if outcome.median is None:
        return ""
    text = or_not_reached(outcome.median)
    if outcome.ci is not None:
        text += f" ({outcome.ci[0]}-{or_not_reached(outcome.ci[1])})"
    unit = _SHORT_UNIT[outcome.unit] if outcome.unit is not None else ""
    return f"{text} {unit}".strip()


def printed_landmark(landmark: schema.Landmark) -> str:
    """Return a survival probability as printed: ``12 mo: 0.52 (0.35-0.67)``."""
    unit = _SHORT_UNIT[landmark.unit] or "mo"
    text = f"{landmark.time} {unit}: {landmark.survival}"
    if landmark.ci is not None:
        text += f" ({landmark.ci[0]}-{landmark.ci[1]})"
    return text + (", read off the curve" if landmark.digitised else "")


def or_not_reached(value: Decimal | str) -> str:
    """Return a median or a limit as tables print it, ``NR`` where it is not reached."""
    return "NR" if value == NOT_REACHED else str(value)


@dataclass(frozen=True)
class CohortRef:
    """A cohort with the study that it stands in."""

    study: Study
    cohort: Cohort
    treatment_class: str
    role: str
    """Identifier and role of the class of its treatment."""
    study_name: str = ""
    """Label of the study in its registry, which no other report has."""

    @cached_property
    def id(self) -> str:
        """Identifier within the registry, ``study:cohort``."""
        return f"{self.study.id}:{self.cohort.id}"

    @cached_property
    def label(self) -> str:
        """How tables call the study."""
        return self.study_name or study_label(self.study)

    @property
    def treatment(self) -> str:
        """Identifier of the treatment."""
        return self.cohort.treatment


@dataclass(frozen=True)
class View:
    """How the figures of one endpoint are looked at."""

    endpoint: str
    verified_only: bool
    use_read_as: Readings
    use_formed: bool = False
    """Whether cohorts that the outcome formed are counted."""

    def __post_init__(self) -> None:
        """Refuse a reading that there is not, with a ValueError."""
        if self.use_read_as not in (True, False, "groups", "origin"):
            expected = "True, False, 'groups' or 'origin'"
            raise ValueError(f"use_read_as: found {self.use_read_as!r}, expected {expected}")

    def keep(self, study: Study) -> Keep:
        """Return which figures of a study may be used."""
        if not self.verified_only:
            return lambda figure: True
        return lambda figure: figure_status(figure, study) == "verified"

    def keeps_unmarked(self, study: Study) -> bool:
        """Return whether what has no mark of its own may be used: splits, single patients."""
        return not self.verified_only or study.status == "verified"


def listed_groups(arm: Cohort | Subgroup, view: View, study: Study) -> tuple[str, ...]:
    """Return the groups whose patients enter a model one by one: the whole, or mixed and pure.

    None, unless every patient of a cohort is listed with a time and what ended it; then no printed
    figure of theirs enters beside them. Mixed and pure, where each of them is one or the other.
    """
    if not isinstance(arm, Cohort) or not view.keeps_unmarked(study):
        return ()
    listed = patients_with(arm, view.endpoint)
    if len(listed) != arm.n or any(patient.event == "not stated" for patient in listed):
        return ()
    both = ("mixed", "pure")
    return both if {patient.histology for patient in listed} == {*both} else ("whole",)


def prints_survival(arm: Cohort | Subgroup, view: View, study: Study) -> bool:
    """Return whether an arm prints a median, a landmark, or patients whose times can be used."""
    keep = view.keep(study)
    outcome = outcome_of(arm, view.endpoint, keep)
    if landmarks_of(arm, view.endpoint, keep) or listed_groups(arm, view, study):
        return True
    if outcome is not None:
        limited = outcome.ci is not None and not is_symmetric(outcome)
        return outcome.median != NOT_REACHED or outcome.follow_up is not None or limited
    if not isinstance(arm, Cohort) or not view.keeps_unmarked(study):
        return False
    events = [patient.event for patient in patients_with(arm, view.endpoint)]
    return bool(events) and "not stated" not in events


def histology_groups(ref: CohortRef, view: View) -> list[Subgroup]:
    """Return the pure and mixed subgroups with n and a figure; empty unless there are both.

    Where all of them have more patients than the cohort, those of one factor are taken.
    """

    def prints(group: Subgroup) -> bool:
        if view.endpoint != RESPONSE:
            return prints_survival(group, view, ref.study)
        response, keep = group.response, view.keep(ref.study)
        if response is None or not keep(response):
            return False
        return isinstance(responders(response, group.n), ResponseCount)

    groups = [
        (group, histology)
        for group in ref.cohort.subgroups
        if (histology := histology_of(group, use_read_as=view.use_read_as)) is not None
        and group.n
        and prints(group)
    ]
    for factor in dict.fromkeys((None, *(group.factor for group, _ in groups))):
        own = [(group, word) for group, word in groups if factor in (None, group.factor)]
        too_many = ref.cohort.n is not None and sum(group.n for group, _ in own) > ref.cohort.n
        if {word for _, word in own} == {"pure", "mixed"} and not too_many:
            return [group for group, _ in own]
    return []


def tells_histology(ref: CohortRef, view: View) -> bool:
    """Return whether the histology behind the outcomes of a cohort is known."""
    split = ref.cohort.histology if view.keeps_unmarked(ref.study) else None
    return (
        (split is not None and mixed_part(split) is not None)
        or histology_of(ref.cohort, use_read_as=view.use_read_as) is not None
        or bool(histology_groups(ref, view))
        or len(listed_groups(ref.cohort, view, ref.study)) > 1
    )


def histology_comparison(ref: CohortRef, view: View) -> schema.Comparison | None:
    """Return what a report prints of the endpoint for mixed against pure patients of a cohort.

    It says something by a p value, a hazard ratio or the group that fares better, and the cohort
    alone of its report tells how many patients either group has, or is the only one. On request
    transformed against de novo patients stand for them.
    """
    found = _comparison_of(ref, view, HISTOLOGY)
    mapped = reads("origin", view.use_read_as) and may_read_origin(ref.study)
    return _comparison_of(ref, view, ORIGIN) if found is None and mapped else found


def origin_comparison(ref: CohortRef, view: View) -> schema.Comparison | None:
    """Return the same for transformed against de novo patients, where these stand for no others."""
    if reads("origin", view.use_read_as) and may_read_origin(ref.study):
        return None
    return _comparison_of(ref, view, ORIGIN)


def may_read_origin(study: Study) -> bool:
    """Return whether origin may stand for histology: the report does not tell that itself."""
    return all(cohort.histology is None for cohort in study.cohorts)


def _comparison_of(ref: CohortRef, view: View, groups: tuple[str, str]) -> schema.Comparison | None:
    if not view.keeps_unmarked(ref.study):
        return None
    told = [own.id for own in ref.study.cohorts if contrast_sizes(own, groups)]
    if (told or [own.id for own in ref.study.cohorts]) != [ref.cohort.id]:
        return None
    keep = view.keep(ref.study)
    for own in ref.study.comparisons:
        says = (p_range(own.p), own.hr, own.longer) != (None, None, None)
        named = sorted(name.casefold() for name in own.groups) == sorted(groups)
        if own.endpoint == view.endpoint and named and says and keep(own):
            return own
    return None


def compares_histology(ref: CohortRef, view: View) -> bool:
    """Return whether a report sets mixed against pure patients of a cohort for the endpoint."""
    return bool(histology_groups(ref, view)) or histology_comparison(ref, view) is not None


def points(ref: CohortRef, view: View) -> int:
    """Return how many printed points, or listed patients, of the endpoint enter a model."""
    if view.endpoint == RESPONSE:
        return 1
    if listed_groups(ref.cohort, view, ref.study):
        return len(ref.cohort.patients)
    whole = _points_of(ref.cohort, view, ref.study)
    return max(whole, sum(_points_of(g, view, ref.study) for g in histology_groups(ref, view)))


def _points_of(arm: Cohort | Subgroup, view: View, study: Study) -> int:
    keep = view.keep(study)
    points = len(landmarks_of(arm, view.endpoint, keep))
    outcome = outcome_of(arm, view.endpoint, keep)
    if outcome is not None:
        # A median that was not reached says something only with the time up to which it was not.
        points += outcome.median != NOT_REACHED or outcome.follow_up is not None
        points += sum(limit != NOT_REACHED for limit in outcome.ci or ())
    if points == 0 and isinstance(arm, Cohort):
        points = len(patients_with(arm, view.endpoint))
    return points


def endpoints_of(cohort: Cohort) -> tuple[str, ...]:
    """Return the endpoints of which a cohort or one of its subgroups prints a figure."""
    arms = (cohort, *cohort.subgroups)
    names = [figure.endpoint for arm in arms for figure in (*arm.survival, *arm.landmarks)]
    names += [endpoint for endpoint in schema.PATIENT_TIMES if patients_with(cohort, endpoint)]
    if any(arm.response is not None for arm in arms):
        names.append(RESPONSE)
    return tuple(dict.fromkeys(names))
