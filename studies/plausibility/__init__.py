"""Questions that a biostatistician would ask of printed figures.

What cannot be true as written is refused when a registry is loaded. Here are the figures that can
be true and look like a slip (warnings: to be corrected, or acknowledged in the study file with a
reason), and the traps that a reader has to know of (notes). A check is a function, which takes a
study and its surroundings and yields findings; its docstring says what it asks: why that matters.
Only the standard library computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from studies.plausibility import citations, counts, curves, notes, ratios, times
from studies.plausibility.question import Around, Question
from studies.problems import Problem, Severity, correction, dotted, one_of, show
from studies.registry import Registry
from studies.schema import Acknowledgement, Study

__all__ = ["NOTES", "WARNINGS", "Review", "review"]

#: Checks by the word by which findings and acknowledgements refer to them.
WARNINGS: Mapping[str, Question] = {
    "unit-slip": times.unit_slips,
    "endpoint-order": times.endpoint_order,
    "repeated-figure": times.repeated_figures,
    "interval-width": curves.interval_widths,
    "landmark-median": curves.curve_shapes,
    "landmark-interval": curves.landmark_intervals,
    "landmark-count": curves.landmark_counts,
    "response-rate": counts.response_rates,
    "response-sum": counts.response_sums,
    "orr-interval": counts.response_intervals,
    "subgroup-sizes": counts.subgroup_sizes,
    "subgroup-medians": counts.subgroup_medians,
    "printed-share": counts.printed_shares,
    "p-value": curves.p_values,
    "hazard-ratio": curves.hazard_ratios,
    "ratio-circle": ratios.circles,
    "citation": citations.citation_years,
    "same-report": citations.same_reports,
    "same-patients": citations.same_patients,
}
NOTES: Mapping[str, Question] = {
    "iqr-not-interval": notes.spreads,
    "other-endpoint": notes.other_endpoints,
    "one-sided-p": notes.one_sided,
    "evaluable-below-treated": notes.evaluable,
    "other-disease": notes.other_diseases,
    "read-as": notes.readings,
    "selected-patients": notes.selected_patients,
    "declared-overlap": notes.declared_overlaps,
    "unresolved-overlap": notes.unresolved_overlaps,
    "secondary-figures": notes.secondary_figures,
    "symmetric-interval": notes.symmetric_intervals,
    "other-assessor": notes.assessors,
}


@dataclass(frozen=True)
class Review:
    """What the checks found in a registry."""

    warnings: tuple[Problem, ...]
    """To be corrected or acknowledged."""
    notes: tuple[Problem, ...]
    """To be known; they ask for nothing."""
    acknowledged: tuple[tuple[Problem, str], ...]
    """Warnings that were looked at, each with the reason why the figure stays."""
    stale: tuple[Problem, ...]
    """Acknowledgements that match no warning, which are errors: the figure they excused is gone."""


def review(registry: Registry) -> Review:
    """Review a registry: what looks like a slip, what has to be known, what was looked at."""
    suspicions, citation = citations.suspicions(registry), citations.shared_citations(registry)
    around = Around(registry, suspicions, citation)
    warnings: list[Problem] = []
    notes: list[Problem] = []
    acknowledged: list[tuple[Problem, str]] = []
    stale: list[Problem] = []
    for study in registry:
        notes += _asked(study, around, "note", NOTES)
        excuses = {(excuse.check, excuse.field): excuse.reason for excuse in study.acknowledged}
        raised: dict[tuple[str, str], None] = {}
        for problem in _asked(study, around, "warning", WARNINGS):
            key = problem.check, problem.field
            raised[key] = None
            if key in excuses:
                acknowledged.append((problem, excuses[key]))
            else:
                warnings.append(problem)
        place = registry.files[study.id]
        for number, excuse in enumerate(study.acknowledged):
            if (excuse.check, excuse.field) not in raised:
                words = (f"acknowledged[{number}]", *_stale(excuse, raised))
                folder = str(place.parent)
                stale.append(Problem(place.name, *words, check=excuse.check, folder=folder))
    return Review(tuple(warnings), tuple(notes), tuple(acknowledged), tuple(stale))


def _asked(
    study: Study, around: Around, severity: Severity, checks: Mapping[str, Question]
) -> Iterator[Problem]:
    """Yield what checks find in a study; a warning ends with what to do about it."""
    place = around.registry.files[study.id]
    for check, ask in checks.items():
        for path, found, expected, action, other in ask(study, around):
            field = dotted(path)
            if severity == "warning":
                action += f", or acknowledge it (check = {show(check)}, field = {show(field)})"
            words = field, found, expected.replace("{other}", dotted(other)), action
            yield Problem(place.name, *words, None, severity, check, str(place.parent))


def _stale(excuse: Acknowledgement, raised: Iterable[tuple[str, str]]) -> tuple[str, str, str]:
    """Say what is wrong with an acknowledgement that no warning asks for."""
    found = f"{show(excuse.check)} acknowledged at {excuse.field}, which raises no such warning"
    elsewhere = sorted(field for check, field in raised if check == excuse.check)
    if excuse.check not in WARNINGS:
        expected = f"a check that warns ({one_of(WARNINGS, most=len(WARNINGS))})"
        choices = (correction(excuse.check, WARNINGS), "remove it")
        return found, expected, ", or ".join(filter(None, choices))
    if elsewhere:
        expected = f"a field at which that check warns ({one_of(elsewhere)})"
        return found, expected, "correct the field, or remove the acknowledgement"
    return found, "a warning of that check", "remove the acknowledgement"
