"""The figures that a report gives, as a reader sees them everywhere: one notation."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from studies import Cohort, Registry, schema
from studies.figures import in_months, or_not_reached
from studies.schema import NOT_REACHED
from synthesis.endpoints import ENDPOINTS
from synthesis.numbers import MISSING, decimal, printed_p


def cohort_words(cohort: Cohort, endpoint: str) -> str:
    """Every figure of an endpoint that a report gives of a cohort, also of its subgroups."""
    parts = [*_figures(cohort, endpoint)]
    for group in cohort.subgroups:
        if own := [*_figures(group, endpoint)]:
            parts.append(f"{group.level}: {', '.join(own)}")
    return "; ".join(parts)


def _figures(arm: Cohort | schema.Subgroup, endpoint: str, *, each: bool = False) -> Iterator[str]:
    if endpoint in ENDPOINTS and ENDPOINTS[endpoint].is_response:
        if arm.response is not None:
            yield response_words(arm.response, arm.n)
        return
    for outcome in arm.survival:
        if outcome.endpoint == endpoint:
            yield from filter(None, (outcome_words(outcome),))
    for landmark in arm.landmarks:
        if landmark.endpoint == endpoint:
            yield landmark_words(landmark)
    listed = arm.patients if isinstance(arm, Cohort) else ()
    words = [own for patient in listed if (own := patient_words(patient, endpoint))]
    if each or len(listed) == 1:
        yield from words
    elif words:
        yield f"{len(words)} patients listed"


def patient_words(patient: schema.Patient, endpoint: str) -> str:
    """The reported time of one patient: "9 months, died", "1.0 months (30 days), alive"."""
    time, unit = getattr(patient, endpoint, None), patient.unit or "months"
    if time is None:
        return ""
    months = decimal(in_months(time, unit), 1)
    words = f"{time} months" if unit == "months" else f"{months} months ({time} {unit})"
    return words if patient.event == "not stated" else f"{words}, {patient.event}"


def outcome_words(outcome: schema.SurvivalOutcome) -> str:
    """A reported median, else a mean or a range: "mean 8.2 months (SD 3.2)", "range 1–6 months".

    Empty where none of them is reported.
    """
    if outcome.median is not None:
        return median_words(outcome)
    unit = outcome.unit or "months"
    span = "" if outcome.range is None else f"range {'–'.join(map(str, outcome.range))}"
    if outcome.mean is None:
        return f"{span} {unit}" if span else ""
    more = ", ".join(filter(None, ("" if outcome.sd is None else f"SD {outcome.sd}", span)))
    return f"mean {outcome.mean} {unit}" + (f" ({more})" if more else "")


def comparison_words(comparison: schema.Comparison) -> str:
    """A reported comparison: "mixed against pure: HR 0.61 (0.37–1.02), p = 0.026"."""
    p, limits = comparison.p, "–".join(map(or_not_reached, comparison.hr_ci or ()))
    said = (
        "" if comparison.hr is None else f"HR {comparison.hr}" + (f" ({limits})" if limits else ""),
        "" if p is None else printed_p(p),
        f"longer: {comparison.longer}" if comparison.longer else "",
        "adjusted" if comparison.adjusted else "",
        f"“{comparison.text}”" if comparison.text else "",
    )
    groups = " against ".join(name.replace("_", " ") for name in comparison.groups)
    return f"{groups}: {', '.join(filter(None, said)) or 'result not seen'}"


def group_words(arm: Cohort | schema.Subgroup, endpoint: str) -> str:
    """Every figure of an endpoint of one group, and every listed patient."""
    return "; ".join(_figures(arm, endpoint, each=True))


def median_words(outcome: schema.SurvivalOutcome, *, brief: bool = False) -> str:
    """A reported median: "3.1 months (0.6–5.5)", "3.3 months (101 days)", "not reached (4.7–NR)".

    Brief, for a column of months: "3.1 (0.6–5.5)", "3.3 (101 days)", "NR (4.7–NR)".
    """
    unit, ends = outcome.unit or "months", "–".join(map(or_not_reached, outcome.ci or ()))
    own = "" if unit == "months" else f" {unit}"
    if outcome.median == NOT_REACHED:
        return ("NR" if brief else NOT_REACHED) + (f" ({ends}{own})" if ends else "")
    months, inside = str(outcome.median), ends
    if own:
        months = decimal(in_months(outcome.median, unit), 1)
        inside = ", ".join(filter(None, (f"{outcome.median}{own}", ends)))
    return months + ("" if brief else " months") + (f" ({inside})" if inside else "")


def landmark_words(landmark: schema.Landmark) -> str:
    """Reported survival at a fixed time: "12-month OS 12 % (4–24)"."""
    months = in_months(landmark.time, landmark.unit)
    return f"{months:.3g}-month {landmark.endpoint.upper()} {share_words(landmark)}"


def share_words(landmark: schema.Landmark) -> str:
    """The same where the time is told beside it: "12 % (4–24)"."""
    words = f"{_percent(landmark.survival)} %"
    if landmark.ci is not None:
        words += f" ({'–'.join(map(_percent, landmark.ci))})"
    return words + (", read off the curve" if landmark.digitised else "")


def response_words(response: schema.Response, n: int | None) -> str:
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
