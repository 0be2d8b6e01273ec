"""Reading printed figures: which of them are used, in which unit, and how they are shown.

How many patients responded, and how well, where the report says so in one of several ways.

Cohorts seen with one endpoint in mind: which of their printed figures can be used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from studies.schema import (
    NOT_REACHED,
    Cohort,
    Histology,
    HistologySplit,
    Landmark,
    Response,
    Status,
    Study,
    Subgroup,
    SurvivalOutcome,
    Unit,
)

Figure = SurvivalOutcome | Landmark | Response
Keep = Callable[[Figure], bool]

DAYS_PER_MONTH = Decimal("30.4375")  # 365.25 / 12: leap years included
MONTHS_PER_UNIT: dict[str, Decimal] = {
    "days": 1 / DAYS_PER_MONTH,
    "weeks": 7 / DAYS_PER_MONTH,
    "months": Decimal(1),
    "years": Decimal(12),
}
_SHORT_UNIT = {"days": "d", "weeks": "wk", "months": "", "years": "y"}
_INITIALS = re.compile(r"(?:[^\W\d_a-z]\.?-?){1,4}")


def in_months(time: Decimal, unit: Unit) -> float:
    """Convert a printed time in `unit` to months of 30.4375 days."""
    return float(time * MONTHS_PER_UNIT[unit])


def half_step(value: Decimal) -> Decimal:
    """Return half of the last printed digit: 0.05 for 3.1, 0.5 for 166."""
    return Decimal(5).scaleb(int(value.as_tuple().exponent) - 1)


def is_symmetric(outcome: SurvivalOutcome) -> bool:
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


def surname(author: str) -> str:
    """Return the family name of an author printed as "Family Initials"."""
    words = author.replace(",", " ").split()
    while len(words) > 1 and _INITIALS.fullmatch(words[-1]):
        words.pop()
    return " ".join(words)


def study_label(study: Study) -> str:
    """Return how tables call a study: ``Sparano 2021``, ``Ahn (n.d.)``, else its label or id."""
    citation = study.citation
    if not citation.authors:
        return citation.label or study.id
    year = "(n.d.)" if citation.year is None else citation.year
    return f"{surname(citation.authors[0])} {year}"


def figure_status(figure: Figure, study: Study) -> Status:
    """Return whether a figure was seen in the report; its own mark goes before the study's."""
    return figure.status or study.status


def outcome_of(
    arm: Cohort | Subgroup, endpoint: str, keep: Keep = lambda figure: True
) -> SurvivalOutcome | None:
    """Return the first median of an endpoint that `keep` allows, be it "not reached"."""
    for outcome in arm.survival:
        if outcome.endpoint == endpoint and outcome.median is not None and keep(outcome):
            return outcome
    return None


def landmarks_of(
    arm: Cohort | Subgroup, endpoint: str, keep: Keep = lambda figure: True
) -> tuple[Landmark, ...]:
    """Return the survival of an endpoint that `keep` allows, by time; the first one of each."""
    by_time: dict[float, Landmark] = {}
    for landmark in arm.landmarks:
        if landmark.endpoint == endpoint and keep(landmark):
            by_time.setdefault(in_months(landmark.time, landmark.unit), landmark)
    return tuple(by_time[time] for time in sorted(by_time))


def histology_of(arm: Cohort | Subgroup, *, use_read_as: bool = True) -> Histology | None:
    """Return the histology of an arm that has only one, as printed or by a declared reading."""
    if isinstance(arm, Subgroup) and arm.histology is not None:
        return arm.histology
    return arm.read_as.histology if use_read_as and arm.read_as is not None else None


def splits_histology(split: HistologySplit | None) -> bool:
    """Return whether a split tells the shares: both counts, one of the assessed, or a percent."""
    if split is None:
        return False
    counts = [split.pure, split.mixed, split.assessed]
    if sum(count is not None for count in counts[:2]) == 2:
        return True
    one_of_assessed = split.assessed and any(count is not None for count in counts[:2])
    percents = (split.pure_percent, split.mixed_percent)
    return bool(one_of_assessed) or any(percent is not None for percent in percents)


def printed_median(outcome: SurvivalOutcome) -> str:
    """Return a median as printed: ``3.1 (0.6-5.5)`` months, ``166 d``, ``NR (4.7-NR)``."""
    if outcome.median is None:
        return ""
    text = _or_not_reached(outcome.median)
    if outcome.ci is not None:
        text += f" ({outcome.ci[0]}-{_or_not_reached(outcome.ci[1])})"
    unit = _SHORT_UNIT[outcome.unit] if outcome.unit is not None else ""
    return f"{text} {unit}".strip()


def printed_landmark(landmark: Landmark) -> str:
    """Return a survival probability as printed: ``12 mo: 0.52 (0.35-0.67)``."""
    unit = _SHORT_UNIT[landmark.unit] or "mo"
    text = f"{landmark.time} {unit}: {landmark.survival}"
    if landmark.ci is not None:
        text += f" ({landmark.ci[0]}-{landmark.ci[1]})"
    return text + (", read off the curve" if landmark.digitised else "")


def _or_not_reached(value: Decimal | str) -> str:
    return "NR" if value == NOT_REACHED else str(value)


@dataclass(frozen=True)
class ResponseCount:
    """A number of responders that the report determines."""

    responders: int
    evaluable: int
    """Patients who responded, of how many."""
    derivation: str
    """How the figures follow from what is printed."""


@dataclass(frozen=True)
class ResponseRefused:
    """A response that cannot be read as a count."""

    reason: str
    """Why not, a full sentence."""
    candidates: tuple[int, ...] = ()
    """The counts that the printed percentage allows."""


@dataclass(frozen=True)
class BestResponses(ResponseCount):
    """Every number of best responses that the report determines.

    ``complete <= responders <= control <= evaluable`` wherever they are known.

    Attributes
    ----------
    responders, evaluable, derivation
        As in :class:`ResponseCount`.
    complete : int or None
        Patients with a complete response, all of them responders; None where it is not known.
    control : int or None
        Patients with disease control, that is a complete or partial response or stable disease;
        None where it is not known. How long a disease must be stable is up to the report.
    complete_derivation, control_derivation : str
        How they follow from what is printed; empty where they are not known.
    complete_refused, control_refused : ResponseRefused or None
        Why something that is printed does not determine them.
    note : str
        What the denominator is where it is not simply the treated patients; else empty.
    """

    complete: int | None = None
    control: int | None = None
    complete_derivation: str = ""
    control_derivation: str = ""
    complete_refused: ResponseRefused | None = None
    control_refused: ResponseRefused | None = None
    note: str = ""

    @property
    def entered_as(self) -> str:
        """All derivations in one line, with what is printed but could not be used."""
        parts = [self.derivation]
        for name, count, derivation, refused in (
            ("disease control", self.control, self.control_derivation, self.control_refused),
            ("complete", self.complete, self.complete_derivation, self.complete_refused),
        ):
            if count is not None:
                parts.append(f"{name} {count}/{self.evaluable} ({derivation})")
            elif refused is not None:
                parts.append(f"{name} not used ({refused.reason.rstrip('.')})")
        return "; ".join(filter(None, [*parts, self.note]))


def responders(response: Response, n: int | None = None) -> ResponseCount | ResponseRefused:
    """Return the number of responders, or why it cannot be known.

    In this order: responders as printed; complete and partial responses, both printed; the one
    whole number that fits the printed response rate; partial responses alone, where nothing is said
    of complete ones.
    """
    denominator, aside = response.evaluable, ""
    if denominator is None:
        denominator = n
        aside = f"; number evaluable not printed, the {n} patients of the cohort taken"
    if not denominator:
        return ResponseRefused(
            "Neither the number of evaluable patients nor that of the cohort is printed."
        )
    if response.responders is not None:
        derivation = "responders as printed"
        return ResponseCount(response.responders, denominator, derivation + aside)
    if response.cr is not None and response.pr is not None:
        derivation = f"{response.cr} complete + {response.pr} partial responses"
        return ResponseCount(response.cr + response.pr, denominator, derivation + aside)
    if response.orr_percent is not None:
        return _from_percent(response.orr_percent, denominator, aside)
    if response.pr is not None:
        derivation = "complete responses not printed, taken as none"
        return ResponseCount(response.pr, denominator, derivation + aside)
    if response.cr is not None:
        return ResponseRefused("Complete responses are printed, but not partial ones.")
    return ResponseRefused("Neither a number of responders nor a response rate is printed.")


def _from_percent(percent: Decimal, of: int, aside: str) -> ResponseCount | ResponseRefused:
    """Return the one count whose percentage rounds to the printed one, if there is just one."""
    candidates = counts_that_fit(percent, of)
    if len(candidates) == 1:
        return ResponseCount(candidates[0], of, _only_count(candidates[0], percent, of) + aside)
    rate = f"The printed response rate of {percent} %"
    if not candidates:
        return ResponseRefused(f"{rate} fits {_no_number(percent, of)}")
    return ResponseRefused(f"{rate} fits {_several(candidates, of)}", candidates)


def _only_count(count: int, percent: Decimal, of: int) -> str:
    return f"{count} is the only count of {of} that rounds to {percent} %"


def _no_number(percent: Decimal, of: int) -> str:
    below = min(math.floor(percent * of / 100), of)
    nearest = tuple(dict.fromkeys((below, min(below + 1, of))))
    shares = " and ".join(f"{k}/{of} = {Decimal(100 * k) / of:.1f} %" for k in nearest)
    return f"no whole number of the {of} patients; the nearest are {shares}."


def _several(candidates: tuple[int, ...], of: int) -> str:
    listed = ", ".join(str(k) for k in candidates)
    return f"more than one number of the {of} patients: {listed}."


def counts_that_fit(percent: Decimal, of: int) -> tuple[int, ...]:
    """Return the counts whose percentage rounds to a printed one."""
    step = half_step(percent)
    low = math.ceil((percent - step) * of / 100)
    high = math.floor((percent + step) * of / 100)
    return tuple(range(max(low, 0), min(high, of) + 1))


def best_responses(response: Response, n: int | None = None) -> BestResponses | ResponseRefused:
    """Return every number of best responses that a report determines.

    The responders are those of :func:`responders`. Complete responders and patients with disease
    control follow from printed counts, of which any two must agree, or else from printed
    percentages, if exactly one whole number fits all of them at their printed digits. What the
    report does not print stays unknown: a partial response alone says nothing of complete ones.
    """
    count = responders(response, n)
    if isinstance(count, ResponseRefused):
        return count
    if count.responders > count.evaluable:
        return ResponseRefused(
            f"The {count.responders} responders are more than the {count.evaluable} evaluable "
            "patients."
        )
    outside = _not_evaluable_outside(response, n, count)
    complete = _complete(response, count).settled(count.evaluable)
    control = _control(response, count, outside).settled(count.evaluable)
    return BestResponses(
        count.responders,
        count.evaluable,
        count.derivation,
        complete.count,
        control.count,
        complete.derivation,
        control.derivation,
        complete.refused,
        control.refused,
        _denominator_words(response, n, outside),
    )


@dataclass(frozen=True)
class _Settled:
    """A number with its derivation, the reason against it, or neither: nothing is printed."""

    count: int | None = None
    derivation: str = ""
    refused: ResponseRefused | None = None


@dataclass(frozen=True)
class _Evidence:
    """What a report prints of one number of patients, which lies between two others."""

    name: str
    """Of whom the number is."""
    counts: tuple[tuple[int, str], ...]
    """What printed counts make it, and how."""
    shares: tuple[tuple[str, frozenset[int]], ...]
    """Printed percentages in words, and every number that fits them."""
    low: int
    high: int
    """Its limits."""
    limits: str
    """Whose numbers the limits are."""

    def settled(self, of: int) -> _Settled:
        """Settle the number among `of` evaluable patients."""
        if not self.counts:
            return self._from_shares(of) if self.shares else _Settled()
        found = dict(reversed(self.counts))  # the first way to a number gives its words
        listed = " and ".join(f"{k} ({words})" for k, words in sorted(found.items()))
        if len(found) > 1:
            return self._refuse(f"what is printed makes it {listed}", tuple(sorted(found)))
        ((count, words),) = found.items()
        if not self.low <= count <= self.high:
            return self._refuse(f"{listed} is not between {self.limits}", (count,))
        return _Settled(count, words)

    def _from_shares(self, of: int) -> _Settled:
        fitting = frozenset.intersection(*(numbers for _, numbers in self.shares))
        candidates = tuple(sorted(k for k in fitting if self.low <= k <= self.high))
        printed = " and ".join(words for words, _ in self.shares)
        fit = "fits" if len(self.shares) == 1 else "fit"
        if len(candidates) == 1:
            return _Settled(candidates[0], f"only number of {of} that fits {printed}")
        if not candidates:
            between = f"no whole number of the {of} patients between {self.limits}"
            return self._refuse(f"{printed} {fit} {between}", ())
        return self._refuse(f"{printed} {fit} {_several(candidates, of)}", candidates)

    def _refuse(self, reason: str, candidates: tuple[int, ...]) -> _Settled:
        sentence = f"The number with {self.name} is not known: {reason.rstrip('.')}."
        return _Settled(refused=ResponseRefused(sentence, candidates))


def _share(
    name: str, percent: Decimal, of: int, start: int = 0, step: int = 1
) -> tuple[str, frozenset[int]]:
    """Return a printed percentage, and what each count ``k`` of it makes: ``start + step * k``."""
    numbers = frozenset(start + step * k for k in counts_that_fit(percent, of))
    return f"{name} in {percent} %", numbers


def _complete(response: Response, count: ResponseCount) -> _Evidence:
    total, of, counts, shares = count.responders, count.evaluable, [], []
    # Partial responses were taken as all there are: then they do not tell that none was complete.
    assumed = response.responders is None and response.cr is None and response.orr_percent is None
    if response.cr is not None:
        counts.append((response.cr, "as printed"))
    if response.pr is not None and not assumed:
        words = f"{_responders(total)} less {response.pr} partial"
        counts.append((total - response.pr, words))
    if total == 0:
        counts.append((0, "none responded"))
    if response.cr_percent is not None:
        shares.append(_share("complete response", response.cr_percent, of))
    if response.pr_percent is not None:
        shares.append(_share("partial response", response.pr_percent, of, total, -1))
    return _Evidence(
        "a complete response",
        tuple(counts),
        tuple(shares),
        0,
        0 if assumed else total,
        f"none and the {_responders(total)}",
    )


def _control(response: Response, count: ResponseCount, outside: int | None) -> _Evidence:
    total, of, counts, shares = count.responders, count.evaluable, [], []
    progressed = response.pd or 0
    if response.disease_control is not None:
        counts.append((response.disease_control, "as printed"))
    if response.sd is not None:
        counts.append((total + response.sd, f"{_responders(total)} + {response.sd} stable"))
    if response.pd is not None and response.ne is not None and outside is not None:
        inside = response.ne - outside
        rest = of - response.pd - inside
        but = f" and {inside} not evaluable" if inside else ""
        counts.append((rest, f"all of {of} but {response.pd} progressing{but}"))
    if total == of:
        counts.append((total, "all responded"))
    if response.dcr_percent is not None:
        shares.append(_share("disease control", response.dcr_percent, of))
    if response.sd_percent is not None:
        shares.append(_share("stable disease", response.sd_percent, of, total))
    most = of - progressed
    limits = f"the {_responders(total)} and the {most} evaluable patients"
    if progressed:
        limits += " who did not progress"
    return _Evidence("disease control", tuple(counts), tuple(shares), total, most, limits)


def _responders(total: int) -> str:
    return f"{total} responder" + ("" if total == 1 else "s")


def _not_evaluable_outside(response: Response, n: int | None, count: ResponseCount) -> int | None:
    """Return how many who are printed as not evaluable stand outside the denominator, if known."""
    if not response.ne or n == count.evaluable:
        return 0
    parts = (response.sd, response.pd)
    if None not in parts:
        rest = count.evaluable - count.responders - sum(parts)
        if rest in (0, response.ne):
            return response.ne - rest
    if n is not None and count.evaluable + response.ne == n:
        return response.ne
    return None


def _denominator_words(response: Response, n: int | None, outside: int | None) -> str:
    """Return what the denominator is where it is not simply the treated patients."""
    found = []
    evaluable, without = response.evaluable, response.ne
    if evaluable is not None and n is not None and evaluable < n:
        found.append(f"denominator: the {evaluable} evaluable of {n} treated patients")
    if without and outside is None:
        found.append(f"whether the denominator holds the {without} not evaluable is not told")
    elif without:
        verb = "does not hold" if outside else "holds"
        found.append(f"the denominator {verb} the {without} not evaluable")
    return "; ".join(found)


RESPONSE = "response"


@dataclass(frozen=True)
class CohortRef:
    """A cohort with the study that it stands in."""

    study: Study
    """The report."""
    cohort: Cohort
    """The arm."""
    treatment_class: str
    """Identifier of the class of its treatment."""
    role: str
    """Role of that class."""

    @cached_property
    def id(self) -> str:
        """Identifier within the registry, ``study:cohort``."""
        return f"{self.study.id}:{self.cohort.id}"

    @cached_property
    def label(self) -> str:
        """How tables call the study: first author and year where they are known."""
        return study_label(self.study)

    @property
    def treatment(self) -> str:
        """Identifier of the treatment."""
        return self.cohort.treatment


@dataclass(frozen=True)
class View:
    """How the figures of one endpoint are looked at."""

    endpoint: str
    verified_only: bool
    use_read_as: bool

    def keep(self, study: Study) -> Keep:
        """Return which figures of a study may be used."""
        if not self.verified_only:
            return lambda figure: True
        return lambda figure: figure_status(figure, study) == "verified"

    def keeps_unmarked(self, study: Study) -> bool:
        """Return whether what has no mark of its own may be used: splits, single patients."""
        return not self.verified_only or study.status == "verified"


def prints_survival(arm: Cohort | Subgroup, view: View, study: Study) -> bool:
    """Return whether an arm prints a median, a landmark, or patients whose times can be used."""
    keep = view.keep(study)
    outcome = outcome_of(arm, view.endpoint, keep)
    if landmarks_of(arm, view.endpoint, keep):
        return True
    if outcome is not None:
        return outcome.median != NOT_REACHED or outcome.follow_up is not None
    return isinstance(arm, Cohort) and _lists_patients(arm, view, study)


def _lists_patients(cohort: Cohort, view: View, study: Study) -> bool:
    """Return whether every listed time says how it ended."""
    listed = [p for p in cohort.patients if getattr(p, view.endpoint) is not None]
    if not view.keeps_unmarked(study):
        return False
    return bool(listed) and all(patient.event != "not stated" for patient in listed)


def histology_groups(ref: CohortRef, view: View) -> list[Subgroup]:
    """Return the pure and mixed subgroups with n and a figure; empty unless there are both."""
    groups: list[Subgroup] = []
    for group in ref.cohort.subgroups:
        if histology_of(group, use_read_as=view.use_read_as) is None or not group.n:
            continue
        if view.endpoint == RESPONSE:
            response, keep = group.response, view.keep(ref.study)
            if response is None or not keep(response):
                continue
            prints = isinstance(responders(response, group.n), ResponseCount)
        else:
            prints = prints_survival(group, view, ref.study)
        if prints:
            groups.append(group)
    both = {histology_of(group, use_read_as=view.use_read_as) for group in groups}
    return groups if both == {"pure", "mixed"} else []


def tells_histology(ref: CohortRef, view: View) -> bool:
    """Return whether the histology behind the outcomes of a cohort is known."""
    return (
        (view.keeps_unmarked(ref.study) and splits_histology(ref.cohort.histology))
        or histology_of(ref.cohort, use_read_as=view.use_read_as) is not None
        or bool(histology_groups(ref, view))
    )


def points(ref: CohortRef, view: View) -> int:
    """Return how many printed points of the endpoint enter a model."""
    if view.endpoint == RESPONSE:
        return 1
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
        points = sum(getattr(patient, view.endpoint) is not None for patient in arm.patients)
    return points


def endpoints_of(cohort: Cohort) -> tuple[str, ...]:
    """Return the endpoints of which a cohort or one of its subgroups prints a figure."""
    arms = (cohort, *cohort.subgroups)
    found = [figure.endpoint for arm in arms for figure in (*arm.survival, *arm.landmarks)]
    for endpoint in ("os", "pfs"):
        if any(getattr(patient, endpoint) is not None for patient in cohort.patients):
            found.append(endpoint)
    if any(arm.response is not None for arm in arms):
        found.append(RESPONSE)
    return tuple(dict.fromkeys(found))
