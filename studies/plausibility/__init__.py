"""Questions that a biostatistician would ask of printed figures.

What cannot be true as written is refused when a registry is loaded. Here are the figures that can
be true and look like a slip (warnings: to be corrected, or acknowledged in the study file with a
reason), and the traps that a reader has to know of (notes). Every check states its question and why
the answer matters; only the standard library computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from studies.plausibility.catalogue import CHECKS
from studies.plausibility.citations import shared_citations, suspicions
from studies.plausibility.question import Check, Surroundings
from studies.problems import Finding, Problem, closest, dotted, one_of, show
from studies.registry import Registry
from studies.schema import Acknowledgement, Study

__all__ = ["CHECKS", "Check", "Review", "findings", "review"]


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


def findings(registry: Registry) -> dict[str, list[Finding]]:
    """Ask every check of every study; by identifier, for studies with a finding."""
    around = Surroundings(registry, suspicions(registry), shared_citations(registry))
    found = {study.id: list(_asked(study, around)) for study in registry}
    return {study: items for study, items in found.items() if items}


def _asked(study: Study, around: Surroundings) -> Iterator[Finding]:
    for check in CHECKS:
        for finding in check.ask(study, around):
            yield finding._replace(severity=check.severity, check=check.name)


def review(registry: Registry) -> Review:
    """Review a registry: what looks like a slip, what has to be known, what was looked at.

    Returns
    -------
    Review
        Everything that was found, with the names of the files.
    """
    warnings: list[Problem] = []
    notes: list[Problem] = []
    acknowledged: list[tuple[Problem, str]] = []
    stale: list[Problem] = []
    found = findings(registry)
    for study in registry:
        problems = [_problem(study, finding, registry) for finding in found.get(study.id, ())]
        raised = {(p.check, p.field) for p in problems if p.severity == "warning"}
        given = {(excuse.check, excuse.field): excuse for excuse in study.acknowledged}
        for problem in problems:
            excuse = given.get((problem.check, problem.field))
            if problem.severity == "note":
                notes.append(problem)
            elif excuse is None:
                warnings.append(problem)
            else:
                acknowledged.append((problem, excuse.reason))
        for place, excuse in enumerate(study.acknowledged):
            if (excuse.check, excuse.field) not in raised:
                stale.append(_stale(study, place, excuse, registry, raised))
    return Review(tuple(warnings), tuple(notes), tuple(acknowledged), tuple(stale))


def _problem(study: Study, finding: Finding, registry: Registry) -> Problem:
    """Return a finding as a problem; that of a warning ends with what to do about it."""
    field, action = dotted(finding.path), finding.action
    if finding.severity == "warning":
        action += f", or acknowledge it (check = {show(finding.check)}, field = {show(field)})"
    file = registry.files[study.id]
    return Problem(
        file.name,
        field,
        finding.found,
        finding.expected.replace("{other}", dotted(finding.other)),
        action,
        severity=finding.severity,
        check=finding.check,
        folder=str(file.parent),
    )


def _stale(
    study: Study,
    place: int,
    excuse: Acknowledgement,
    registry: Registry,
    raised: set[tuple[str, str]],
) -> Problem:
    """Return what is wrong with an acknowledgement that no warning asks for."""
    found = f"{show(excuse.check)} acknowledged at {excuse.field}, which raises no such warning"
    names = [check.name for check in CHECKS if check.severity == "warning"]
    elsewhere = [field for check, field in raised if check == excuse.check]
    if excuse.check not in names:
        expected = f"a check that warns ({one_of(names, most=len(names))})"
        nearest = closest(excuse.check, names)
        action = f"write {show(nearest)}, or remove it" if nearest else "remove it"
    elif elsewhere:
        expected = f"a field at which that check warns ({one_of(sorted(elsewhere))})"
        action = "correct the field, or remove the acknowledgement"
    else:
        expected = "a warning of that check"
        action = "remove the acknowledgement"
    file, field = registry.files[study.id], f"acknowledged[{place}]"
    return Problem(
        file.name, field, found, expected, action, check=excuse.check, folder=str(file.parent)
    )
