"""Questions that the printed figures of one arm must answer consistently.

Each function yields findings about one record; paths are relative to the study. A figure may be odd
and true; what is refused here cannot be true as written: a median outside its own interval, more
responders than patients, a survival curve that rises.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations

from studies.figures import half_step, in_months
from studies.problems import Finding, one_of, show
from studies.schema import Characteristic, Cohort, Landmark, Response, Subgroup, SurvivalOutcome
from studies.values import NOT_REACHED

Path = tuple[str | int, ...]
Arm = Cohort | Subgroup
UNITS = one_of(["days", "weeks", "months", "years"])
CHECK_BOTH = "check both figures against the report"
READ_AGAIN = "read the curve again at both times"


def fraction_findings(value: Decimal, path: Path, what: str = "a fraction") -> Iterator[Finding]:
    """Yield a finding where `value` is not a fraction of 1, naming the fraction of a percentage."""
    if 0 <= value <= 1:
        return
    action = f"write {value.scaleb(-2)}" if 1 < value <= 100 else "check it against the report"
    yield Finding(path, show(value), f"{what} between 0 and 1", action)


def level_findings(value: Decimal | None, path: Path) -> Iterator[Finding]:
    """Yield a finding where a confidence level is not a fraction."""
    if value is not None:
        yield from fraction_findings(value, path, "a confidence level as a fraction")


def percent_findings(value: Decimal | None, path: Path, of: int | None) -> Iterator[Finding]:
    """Yield a finding where `value` is no percentage, or is a fraction of 1 instead.

    One patient of `of` is 100 / `of` percent: a smaller positive figure cannot be a percentage.
    """
    if value is None:
        return
    if not 0 <= value <= 100:
        action = "check it against the report"
        yield Finding(path, show(value), "a percentage between 0 and 100", action)
    elif 0 < value < 1 and of and value + half_step(value) < Decimal(100) / of:
        expected = f"a percentage, and one of {of} patients is {Decimal(100) / of:.1f} percent"
        yield Finding(path, show(value), expected, f"write {value.scaleb(2):f}")


def span_findings(
    pair: tuple[Decimal, Decimal | str] | None,
    centre: Decimal | str | None,
    path: Path,
    name: str,
) -> Iterator[Finding]:
    """Yield findings where the limits of a span are in the wrong order or leave out its centre.

    Parameters
    ----------
    pair : pair or None
        Lower and upper limit; the upper one may be "not reached".
    centre : Decimal, "not reached" or None
        The figure that must lie between them.
    path : tuple
        Path of the pair.
    name : str
        What the centre is, for the message.

    Yields
    ------
    Finding
        What contradicts what.
    """
    if pair is None:
        return
    lower, upper = pair
    if isinstance(upper, Decimal) and lower > upper:
        expected = "the lower figure first"
        yield Finding(path, show(pair), expected, f"write [{upper}, {lower}], if both are right")
    elif centre == NOT_REACHED and isinstance(upper, Decimal):
        expected = f'an upper limit of "{NOT_REACHED}", since the {name} is not reached'
        yield Finding(path, show(pair), expected, CHECK_BOTH)
    elif isinstance(centre, Decimal) and (
        centre < lower or (isinstance(upper, Decimal) and centre > upper)
    ):
        expected = f"limits around the {name} of {centre}"
        yield Finding(path, show(pair), expected, CHECK_BOTH)


def _interval_findings(pair: tuple[Decimal, Decimal | str] | None, path: Path) -> Iterator[Finding]:
    """Yield a finding where the two limits of a confidence interval are the same figure."""
    if pair is not None and pair[0] == pair[1]:
        yield Finding(path, show(pair), "a lower limit below the upper one", CHECK_BOTH)


def survival_findings(outcome: SurvivalOutcome, path: Path, n: int | None) -> Iterator[Finding]:
    """Yield what cannot be true of a printed median.

    Parameters
    ----------
    outcome : SurvivalOutcome
        The record.
    path : tuple
        Its path in the study.
    n : int or None
        Patients of the arm.

    Yields
    ------
    Finding
        What is wrong.
    """
    pairs = {"ci": outcome.ci, "iqr": outcome.iqr, "range": outcome.range}
    times = [outcome.median, outcome.follow_up, *(pair and pair[0] for pair in pairs.values())]
    if outcome.unit is None and any(isinstance(time, Decimal) for time in times):
        yield Finding((*path, "unit"), "nothing", UNITS, "add the unit of the printed times")
    if all(time is None for time in times) and outcome.events is None and outcome.note is None:
        action = "add what the report prints, or remove the table"
        yield Finding(path, "no figure", "a median, an interval or a follow-up", action)
    if isinstance(outcome.median, Decimal) and outcome.median <= 0:
        yield _not_a_time(outcome.median, (*path, "median"))
    if outcome.follow_up is not None and outcome.follow_up <= 0:
        yield _not_a_time(outcome.follow_up, (*path, "follow_up"))
    for key, pair in pairs.items():
        yield from span_findings(pair, outcome.median, (*path, key), "median")
        if pair is not None and pair[0] < 0:
            yield Finding((*path, key), show(pair), "times of 0 or more", CHECK_BOTH)
    yield from _interval_findings(outcome.ci, (*path, "ci"))
    yield from level_findings(outcome.level, (*path, "level"))
    yield from at_most(outcome.events, n, (*path, "events"), "patients of the arm")


def _not_a_time(value: Decimal, path: Path) -> Finding:
    return Finding(path, show(value), "a time above 0", "check it against the report")


def at_most(count: int | None, limit: int | None, path: Path, whose: str) -> Iterator[Finding]:
    """Yield a finding where a count exceeds the number of those it was counted among."""
    if count is not None and limit is not None and count > limit:
        expected = f"no more than the {limit} {whose}"
        yield Finding(path, show(count), expected, CHECK_BOTH)


def landmark_findings(landmark: Landmark, path: Path, n: int | None) -> Iterator[Finding]:
    """Yield what cannot be true of a printed survival probability of `n` patients."""
    if landmark.time <= 0:
        yield _not_a_time(landmark.time, (*path, "time"))
    yield from at_most(landmark.at_risk, n, (*path, "at_risk"), "patients of the arm")
    yield from fraction_findings(landmark.survival, (*path, "survival"))
    yield from level_findings(landmark.level, (*path, "level"))
    if landmark.ci is None:
        return
    lower, upper = landmark.ci
    if not (0 <= lower <= 1 and 0 <= upper <= 1):
        percents = all(0 <= limit <= 100 for limit in landmark.ci)
        action = (
            f"write [{lower.scaleb(-2)}, {upper.scaleb(-2)}]"
            if percents
            else "check it against the report"
        )
        expected = "two fractions between 0 and 1"
        yield Finding((*path, "ci"), show(landmark.ci), expected, action)
    elif 0 <= landmark.survival <= 1:
        yield from span_findings(landmark.ci, landmark.survival, (*path, "ci"), "survival")
        yield from _interval_findings(landmark.ci, (*path, "ci"))


def curve_findings(arm: Arm, path: Path) -> Iterator[Finding]:
    """Yield pairs of figures of one arm that no falling curve can pass through.

    Rounding is granted: a survival of 0.52 is anything from 0.515 to 0.525, a median of 3 months
    anything from 2.5 to 3.5.

    Parameters
    ----------
    arm : Cohort or Subgroup
        The arm.
    path : tuple
        Its path in the study.

    Yields
    ------
    Finding
        One for each contradiction, naming both figures; and for a figure that is given twice.
    """
    landmarks = [
        (mark, (*path, "landmarks", place))
        for place, mark in enumerate(arm.landmarks)
        if 0 <= mark.survival <= 1 and mark.time > 0
    ]
    for (one, one_path), (other, other_path) in combinations(landmarks, 2):
        if one.endpoint == other.endpoint and _same_series(one, other):
            yield from _rise(one, one_path, other, other_path)
    for place, outcome in enumerate(arm.survival):
        here = (*path, "survival", place)
        for mark, mark_path in landmarks:
            if outcome.endpoint == mark.endpoint and _same_series(outcome, mark):
                yield from _median_against(outcome, here, mark, mark_path)
        for before in range(place):
            other = arm.survival[before]
            if (other.endpoint, other.label) == (outcome.endpoint, outcome.label):
                yield Finding(
                    (*here, "endpoint"),
                    f"{show(outcome.endpoint)} a second time",
                    "one entry for each endpoint, which {other} is",
                    "remove one of the two, or tell them apart by label; the first one is used",
                    (*path, "survival", before),
                )


def _same_series(one: SurvivalOutcome | Landmark, other: SurvivalOutcome | Landmark) -> bool:
    """Whether two figures speak of one curve: labels tell different assessors apart."""
    return one.label is None or other.label is None or one.label == other.label


def _rise(one: Landmark, one_path: Path, other: Landmark, other_path: Path) -> Iterator[Finding]:
    """Yield findings where the later of two landmarks has more survivors, or more at risk."""
    times = in_months(one.time, one.unit), in_months(other.time, other.unit)
    if times[0] == times[1]:
        if one.label == other.label:
            yield Finding(
                (*other_path, "time"),
                f"{other.time} {other.unit} a second time",
                "one survival for each time, which {other} is",
                "remove one of the two, or tell them apart by label",
                one_path,
            )
        return
    if times[0] > times[1]:
        one, one_path, other, other_path = other, other_path, one, one_path
    if other.survival - _blur(other.survival) > one.survival + _blur(one.survival):
        yield Finding(
            (*other_path, "survival"),
            f"{other.survival} at {other.time} {other.unit}",
            f"no more than the {one.survival} at {one.time} {one.unit} ({{other}})",
            READ_AGAIN if one.digitised or other.digitised else CHECK_BOTH,
            one_path,
        )
    if None not in (one.at_risk, other.at_risk) and other.at_risk > one.at_risk:
        yield Finding(
            (*other_path, "at_risk"),
            f"{other.at_risk} at risk at {other.time} {other.unit}",
            f"no more than the {one.at_risk} at {one.time} {one.unit} ({{other}})",
            CHECK_BOTH,
            one_path,
        )


def _median_against(
    outcome: SurvivalOutcome, path: Path, mark: Landmark, mark_path: Path
) -> Iterator[Finding]:
    """Yield a finding where a median and a landmark cannot lie on one falling curve."""
    low, high = mark.survival - _blur(mark.survival), mark.survival + _blur(mark.survival)
    time = in_months(mark.time, mark.unit)
    landmark = f"the survival of {mark.survival} at {mark.time} {mark.unit} ({{other}})"
    if outcome.median == NOT_REACHED:
        if high < Decimal("0.5"):
            expected = f"a number, since {landmark} is below one half"
            yield Finding((*path, "median"), show(NOT_REACHED), expected, CHECK_BOTH, mark_path)
        return
    if not isinstance(outcome.median, Decimal) or outcome.unit is None:
        return
    step = half_step(outcome.median)
    earliest = in_months(outcome.median - step, outcome.unit)
    latest = in_months(outcome.median + step, outcome.unit)
    found = f"{outcome.median} {outcome.unit}"
    if time > latest and low > Decimal("0.5"):
        expected = f"a median after {mark.time} {mark.unit}, to agree with {landmark}"
        yield Finding((*path, "median"), found, expected, CHECK_BOTH, mark_path)
    elif time < earliest and high < Decimal("0.5"):
        expected = f"a median before {mark.time} {mark.unit}, to agree with {landmark}"
        yield Finding((*path, "median"), found, expected, CHECK_BOTH, mark_path)


def _blur(survival: Decimal) -> Decimal:
    """Half a printed step, where 1 and 0.5 may have lost their zeros but not a whole tenth."""
    return min(half_step(survival), Decimal("0.05"))


def response_findings(response: Response, path: Path, n: int | None) -> Iterator[Finding]:
    """Yield what cannot be true of printed response counts and percentages.

    Parameters
    ----------
    response : Response
        The record.
    path : tuple
        Its path in the study.
    n : int or None
        Patients of the arm.

    Yields
    ------
    Finding
        What is wrong.
    """
    evaluable = response.evaluable
    yield from at_most(evaluable, n, (*path, "evaluable"), "patients of the arm")
    whole, whose = (
        (n, "patients of the arm") if evaluable is None else (evaluable, "evaluable patients")
    )
    for key in ("cr", "pr", "sd", "pd", "responders", "disease_control"):
        yield from at_most(getattr(response, key), whole, (*path, key), whose)
    # Patients who were not evaluable may stand outside the denominator, but not outside the arm.
    parts = [c for c in (response.cr, response.pr, response.sd, response.pd) if c is not None]
    if whole is not None and max(parts, default=0) <= whole < sum(parts):
        expected = f"cr, pr, sd and pd that add up to no more than the {whole} {whose}"
        yield Finding(path, f"a sum of {sum(parts)}", expected, "check the counts")
    everyone = sum(parts) + (response.ne or 0)
    limit = n if n is not None else whole
    if response.ne is not None and limit is not None and sum(parts) <= limit < everyone:
        expected = f"cr, pr, sd, pd and ne that add up to no more than {limit} patients"
        yield Finding(path, f"a sum of {everyone}", expected, "check the counts")
    yield from _responder_findings(response, path)
    for key in ("orr", "dcr", "cr", "pr", "sd", "pd"):
        value = getattr(response, f"{key}_percent")
        yield from percent_findings(value, (*path, f"{key}_percent"), whole)
    yield from span_findings(response.orr_ci, response.orr_percent, (*path, "orr_ci"), "rate")
    for limit_percent in response.orr_ci or ():
        if not 0 <= limit_percent <= 100:
            expected = "two percentages between 0 and 100"
            yield Finding((*path, "orr_ci"), show(response.orr_ci), expected, CHECK_BOTH)
            break
    yield from level_findings(response.orr_level, (*path, "orr_level"))


def _responder_findings(response: Response, path: Path) -> Iterator[Finding]:
    """Yield contradictions between the responders and their parts."""
    cr, pr, total = response.cr, response.pr, response.responders
    if total is not None and cr is not None and pr is not None and cr + pr != total:
        expected = f"the sum of cr {cr} and pr {pr}, which is {cr + pr}"
        yield Finding((*path, "responders"), show(total), expected, CHECK_BOTH)
    elif total is not None and max(cr or 0, pr or 0) > total:
        expected = "no fewer than the complete or the partial responses"
        yield Finding((*path, "responders"), show(total), expected, CHECK_BOTH)
    least = total if total is not None else (cr or 0) + (pr or 0)
    if response.disease_control is not None and response.disease_control < least:
        expected = f"no fewer than the {least} responders"
        yield Finding(
            (*path, "disease_control"), show(response.disease_control), expected, CHECK_BOTH
        )


def characteristic_findings(item: Characteristic, path: Path) -> Iterator[Finding]:
    """Yield what cannot be true of a printed characteristic."""
    value = item.value
    if isinstance(value, str):
        if item.statistic not in ("text", "value"):
            expected = f"a number, since the statistic is {item.statistic}"
            action = 'write the number, or say statistic = "text"'
            yield Finding((*path, "value"), show(value), expected, action)
        return
    if item.statistic == "text":
        yield Finding((*path, "value"), show(value), "a text", f'write "{value}"')
    elif item.statistic == "count":
        if value < 0 or value != value.to_integral_value():
            action = "check the figure, or the statistic"
            yield Finding((*path, "value"), show(value), "a count of 0 or more", action)
        else:
            yield from at_most(int(value), item.of, (*path, "value"), "counted (of)")
    elif item.statistic == "percent":
        yield from percent_findings(value, (*path, "value"), item.of)
    for key in ("range", "iqr", "ci"):
        centre = value if item.statistic in ("mean", "median", "percent") else None
        yield from span_findings(getattr(item, key), centre, (*path, key), item.statistic)
