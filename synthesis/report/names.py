"""What a reader calls a study, a cohort and its reported figures, in one notation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from studies import Cohort, Registry
from studies.figures import MONTHS_PER_UNIT
from studies.schema import NOT_REACHED, Landmark, Response, Subgroup, SurvivalOutcome
from synthesis.endpoints import ENDPOINTS
from synthesis.numbers import MISSING, decimal


def cohort_words(cohort: Cohort, endpoint: str) -> str:
    """Every figure of an endpoint that a report gives of a cohort, also of its subgroups."""
    parts = [*_figures(cohort, endpoint)]
    for group in cohort.subgroups:
        if own := [*_figures(group, endpoint)]:
            parts.append(f"{group.level}: {', '.join(own)}")
    return "; ".join(parts)


def _figures(arm: Cohort | Subgroup, endpoint: str) -> Iterator[str]:
    if ENDPOINTS[endpoint].is_response:
        if arm.response is not None:
            yield response_words(arm.response, arm.n)
        return
    short = ENDPOINTS[endpoint].short
    for outcome in arm.survival:
        if outcome.endpoint == endpoint and outcome.median is not None:
            yield median_words(outcome)
    for landmark in arm.landmarks:
        if landmark.endpoint == endpoint:
            yield landmark_words(landmark, short)


def median_words(outcome: SurvivalOutcome) -> str:
    """A reported median: "3.1 months (0.6–5.5)", "3.3 months (101 days)", "not reached"."""
    unit, ends = outcome.unit or "months", outcome.ci or ()
    if unit == "months":
        limits = f" ({_limits(ends)})" if ends else ""
        return f"{_reached(outcome.median)}{_unit(outcome.median, ' months')}{limits}"
    own = f"{_reached(outcome.median)}{_unit(outcome.median, f' {unit}')}"
    if ends:
        own += f", {_limits(ends)}"
    if outcome.median == NOT_REACHED:
        return own
    return f"{decimal(float(outcome.median * MONTHS_PER_UNIT[unit]), 1)} months ({own})"


def landmark_words(landmark: Landmark, short: str) -> str:
    """Reported survival at a fixed time: "12-month OS 12 % (4–24)"."""
    months = float(landmark.time * MONTHS_PER_UNIT[landmark.unit])
    words = f"{months:.3g}-month {short} {_percent(landmark.survival)} %"
    if landmark.ci is not None:
        words += f" ({_percent(landmark.ci[0])}–{_percent(landmark.ci[1])})"
    return words + (", read off the curve" if landmark.digitised else "")


def response_words(response: Response, n: int | None) -> str:
    """A reported response: "2 of 23 responded", "29 % responded"."""
    of, counts = response.evaluable or n, (response.cr, response.pr)
    number = response.responders
    if number is None and any(each is not None for each in counts):
        number = sum(filter(None, counts))
    if number is not None:
        return f"{number} of {of or MISSING} responded"
    if response.orr_percent is not None:
        return f"{response.orr_percent} % responded" + (f" of {of}" if of else "")
    return "response without a number of responders"


def _percent(share: Decimal) -> str:
    text = f"{100 * share:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _reached(value: Decimal | str) -> str:
    return NOT_REACHED if value == NOT_REACHED else str(value)


def _unit(value: Decimal | str, words: str) -> str:
    return "" if value == NOT_REACHED else words


def _limits(ends: Iterable[Decimal | str]) -> str:
    return "–".join("NR" if end == NOT_REACHED else str(end) for end in ends)


def cohort_names(registry: Registry) -> dict[str, str]:
    """Identifier of a cohort -> its study, and its own name where the study has several."""
    names = registry.labels
    return {
        f"{study.id}:{cohort.id}": names[study.id]
        if len(study.cohorts) == 1
        else f"{names[study.id]}, {cohort.id.replace('_', ' ')}"
        for study in registry
        for cohort in study.cohorts
    }
