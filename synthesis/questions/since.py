"""What the reports published since a year changed in the pooled answers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from priors import Priors
from studies import Registry
from synthesis import numbers
from synthesis.counting import select
from synthesis.endpoints import Endpoint, endpoint_of
from synthesis.model.families import family
from synthesis.model.sampler import Progress
from synthesis.numbers import LEVEL, count
from synthesis.questions.cumulative import (
    LEAST_COHORTS,
    Cumulative,
    counting_of,
    part_of,
    stood,
)
from synthesis.result import Finding, NotAnsweredError, Result, table_of
from synthesis.settings import Settings


def published_before(registry: Registry, year: int) -> Registry:
    """The registry without the reports that are known to be published in a year or later.

    Raises
    ------
    NotAnsweredError
        If that leaves out no report, or every one.
    """
    known = sorted(study.citation.year for study in registry if study.citation.year)
    if not known:
        raise NotAnsweredError("since: no report of the registry has a year of publication")
    if not known[0] < year <= known[-1]:
        raise NotAnsweredError(
            f"since: found {year}, expected a year from {known[0] + 1} to {known[-1]}: the reports "
            f"of the registry were published from {known[0]} to {known[-1]}"
        )
    return part_of(registry, lambda study: (study.citation.year or 0) < year)


def since(
    registry: Registry,
    settings: Settings,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
) -> Cumulative:
    """Pool what was published before the year of the settings, and what there is today.

    Parameters and errors are those of :func:`synthesis.questions.cumulative.stood` and of
    :func:`published_before`. An endpoint of which nothing that counts changed has no rows; one with
    fewer than :data:`~synthesis.questions.cumulative.LEAST_COHORTS` cohorts before has those of
    today alone.
    """
    before, counting = published_before(registry, settings.since), counting_of(settings)
    today = max(study.citation.year or 0 for study in registry)
    steps: dict[str, list[tuple[int, Registry]]] = {}
    for name in settings.endpoints:
        old, new = (
            {ref.id for ref in select(own, name, **counting).counted} for own in (before, registry)
        )
        if old != new:
            first = [(settings.since - 1, before)] if len(old) >= LEAST_COHORTS else []
            steps[name] = [*first, (today, registry)]
    return stood(steps, registry, settings, priors=priors, progress=progress, cache=cache)


# --- In words ------------------------------------------------------------------------------------


def result(answer: Cumulative, registry: Registry) -> Result:
    """Say what the reports since the year of the settings changed."""
    year = answer.settings.since
    new = sum((study.citation.year or 0) >= year for study in registry)
    undated = sum(study.citation.year is None for study in registry)
    lead = (
        f"{count(new, 'report')} of the registry "
        f"{'was' if new == 1 else 'were'} published since {year}. The answers without them stand "
        "beside those of today, all read and pooled alike; one survival family is fitted, "
        f"{family(answer.settings.family).label}."
    )
    if undated:
        lead += f" {count(undated, 'report')} without a known year of publication count as earlier."
    findings = tuple(
        _finding(endpoint_of(name), answer, registry) for name in answer.settings.endpoints
    )
    title = f"What the evidence since {year} changed"
    tables = {"since": answer.table}
    return Result("since", title, (lead,), findings, tables, verdicts=answer.verdicts)


def _finding(endpoint: Endpoint, answer: Cumulative, registry: Registry) -> Finding:
    vocabulary, year = registry.vocabulary, answer.settings.since
    heading = f"What the evidence since {year} changed in {endpoint.words(vocabulary)}"
    table = answer.table[answer.table["endpoint"] == endpoint.id]
    if table.empty:
        return Finding(heading, (f"Nothing: no report since {year} counts.",))
    old, now = table[table["year"] < year], table[table["year"] >= year]
    before = {row.treatment: row for row in old.itertuples()}
    rows = list(now[now["reports"] != ""].itertuples()) if before else list(now.itertuples())

    def earlier(say: Any) -> Any:
        return lambda row: say(before[row.treatment]) if row.treatment in before else "none"

    def text(row: Any) -> str:
        return numbers.interval(row.estimate, row.lower, row.upper, endpoint.write)

    def size(row: Any) -> str:
        return numbers.size(row.cohorts, row.patients, row.compared)

    quantity = f"{numbers.capitalised(endpoint.quantity(vocabulary))}, {endpoint.unit}"
    columns = [
        ("Treatment", "keep", lambda row: row.treatment),
        (f"Before {year} ({LEVEL})", "num", earlier(text)),
        ("Cohorts (patients)", "num", earlier(size)),
        (f"Today ({LEVEL})", "num", text),
        ("Cohorts (patients)", "num", size),
        ("New", "wide", lambda row: row.reports),
    ]
    words = _others(now, before, endpoint, text)
    return Finding(heading, words, (table_of(f"{quantity}, average study.", rows, columns),))


def _others(now: pd.DataFrame, before: dict[str, Any], endpoint: Endpoint, text: Any) -> tuple:
    """How far the treatments without a new report moved."""
    if not before:
        return (f"Before, fewer than {LEAST_COHORTS} cohorts counted: too few for an answer.",)
    rows = [r for r in now[now["reports"] == ""].itertuples() if r.treatment in before]
    if not rows:
        return ()

    def moved(row: Any) -> float:
        old, new = before[row.treatment].estimate, row.estimate
        return abs(new - old) if endpoint.is_response else max(new / old, old / new)

    most = max(rows, key=moved)
    return (
        "Treatments without a new report move with the others. The one that moved most is "
        f"{numbers.in_sentence(most.treatment)}: {text(before[most.treatment])} before, "
        f"{text(most)} today.",
    )
