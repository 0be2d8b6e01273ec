"""Whether the printed counts, percentages and limits of tumour response agree."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from studies.figures import ResponseCount, counts_that_fit, half_step, nearest_shares, responders
from studies.plausibility.laws import exact_interval, wald_interval, wilson_interval
from studies.plausibility.question import Arm, Path, Surroundings, arms, level_of
from studies.problems import Finding, show
from studies.schema import Response, Study

# Limits further than this from those of every usual method, in points of per cent, are of another
# count; methods that differ in detail (mid-p, continuity correction) move them by less.
_POINTS = 4.0
_MOST = 100_000  # patients: more are a slip of another kind


def _responses(study: Study) -> Iterator[tuple[Arm, Response, Path]]:
    for arm, path, _ in arms(study):
        if arm.response is not None:
            yield arm, arm.response, (*path, "response")


# --- response-rate -------------------------------------------------------------------------------


def response_rates(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether each printed percentage is a whole number of the evaluable patients."""
    for arm, response, path in _responses(study):
        of = response.evaluable or arm.n
        if not of:
            continue
        for key, count in _counts(response).items():
            percent = getattr(response, f"{key}_percent")
            if percent is not None:
                yield from _share(percent, count, of, (*path, f"{key}_percent"))


def _counts(response: Response) -> dict[str, int | None]:
    """Return the printed number of patients behind each percentage."""
    cr, pr, sd = response.cr, response.pr, response.sd
    total = response.responders
    if total is None and cr is not None and pr is not None:
        total = cr + pr
    control = response.disease_control
    if control is None and total is not None and sd is not None:
        control = total + sd
    return {"orr": total, "dcr": control, "cr": cr, "pr": pr, "sd": sd, "pd": response.pd}


def _share(percent: Decimal, count: int | None, of: int, path: Path) -> Iterator[Finding]:
    """Yield a finding where a percentage is not that of its count, or of no count at all."""
    if count is not None:
        exact = Decimal(100 * count) / of
        # Cut off instead of rounded: no slip.
        if abs(exact - percent) > half_step(percent) and not (
            0 <= exact - percent < 2 * half_step(percent)
        ):
            expected = f"{exact:.1f} %, which is {count} of {of}"
            yield Finding(path, f"{percent} %", expected, "correct the percentage or the counts")
    elif not counts_that_fit(percent, of):
        expected = f"a whole number of the {of} patients, such as {nearest_shares(percent, of)}"
        yield Finding(path, f"{percent} %", expected, "correct the percentage or the denominator")


# --- response-sum --------------------------------------------------------------------------------


def response_sums(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the categories of response add up to the patients, and to disease control."""
    for arm, response, path in _responses(study):
        parts = [response.cr, response.pr, response.sd, response.pd]
        whole = response.evaluable or arm.n
        if whole and all(part is not None for part in parts):
            total = sum(parts)
            everyone = total + (response.ne or 0)
            if whole not in range(total, everyone + 1) and arm.n != everyone:
                expected = f"the {whole} patients that are evaluable"
                if arm.n is not None and arm.n != whole:
                    expected += f", or the {arm.n} of the arm"
                yield Finding(
                    path, f"categories that add up to {everyone}", expected, "correct the counts"
                )
        control = response.disease_control
        total = _counts(response.model_copy(update={"disease_control": None}))["dcr"]
        if control is not None and total is not None and control != total:
            # Some reports count stable disease only from a duration on.
            expected = f"{total}, the sum of responders and stable disease"
            yield Finding(
                (*path, "disease_control"), show(control), expected, "correct one of the two"
            )
        yield from _characteristics_against(arm, response, path)


def _characteristics_against(arm: Arm, response: Response, path: Path) -> Iterator[Finding]:
    """Yield a finding where a further count of the same thing disagrees with the response."""
    counts = _counts(response)
    named = {
        "responders": counts["orr"],
        "disease control": counts["dcr"],
        "complete response": counts["cr"],
        "partial response": counts["pr"],
        "stable disease": counts["sd"],
        "progressive disease": counts["pd"],
    }
    for place, printed in enumerate(arm.characteristics):
        count = named.get(printed.name)
        if (
            count is None
            or printed.statistic != "count"
            or printed.group is not None
            or printed.value == count
        ):
            continue
        here = (*path[:-1], "characteristics", place, "value")
        found = f"{printed.name} in {printed.value}"
        expected = f"{count}, as the response of the arm says ({{other}})"
        yield Finding(here, found, expected, "correct one of the two", path)


# --- orr-interval --------------------------------------------------------------------------------


def response_intervals(study: Study, around: Surroundings) -> Iterator[Finding]:
    """Ask whether the interval of a response rate is one of that many responders."""
    for arm, response, path in _responses(study):
        if response.orr_ci is None or (response.evaluable or arm.n or 0) > _MOST:
            continue
        count = responders(response, arm.n)
        if not isinstance(count, ResponseCount):
            continue
        level = level_of(response.orr_level)
        k, of = count.responders, count.evaluable
        intervals = [
            exact_interval(k, of, level),
            wilson_interval(k / of, of, level),
            wald_interval(k / of, of, level),
        ]
        if any(_near(response.orr_ci, interval) for interval in intervals):
            continue
        low, high = intervals[0]
        found = f"an interval of {show(response.orr_ci)} for {k} of {of} responders"
        expected = f"about {100 * low:.1f} to {100 * high:.1f}"
        yield Finding(
            (*path, "orr_ci"), found, expected, "correct the interval, its level or the counts"
        )


def _near(printed: tuple[Decimal, Decimal], interval: tuple[float, float]) -> bool:
    return all(
        abs(float(limit) - 100.0 * exact) <= _POINTS + float(half_step(limit))
        for limit, exact in zip(printed, interval, strict=True)
    )
