"""How the pooled answers stood after each year, and what the reports since a year changed.

For a year the registry holds the reports that were published by then; of overlapping reports that
one counts which would have counted then. A year that changes nothing of what is counted has no fit
of its own. One survival family is fitted, by one compiled model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pandas as pd

from priors import Priors
from studies import Registry, Study
from synthesis import numbers
from synthesis.counting import select
from synthesis.endpoints import Endpoint, endpoint_of
from synthesis.estimands import histologies, named_groups, summaries
from synthesis.fits import at_stage, common_sizes, fit_endpoint
from synthesis.model.families import family
from synthesis.model.sampler import Progress
from synthesis.numbers import LEVEL, count, listed
from synthesis.plots.cumulative import plot_cumulative
from synthesis.result import Finding, NotAnsweredError, Picture, Result, names, table_of
from synthesis.settings import Settings

__all__ = ["Cumulative", "cumulative", "result", "since", "since_result"]

CUMULATIVE_COLUMNS = names(
    "endpoint year treatment treatment_class estimate lower upper cohorts patients compared reports"
)

#: Counted cohorts from which on there is an answer: fewer leave little but the priors.
LEAST_COHORTS = 5

#: Treatments of which a sentence tells how their answer moved, at most.
_TOLD = 5


@dataclass(frozen=True)
class Cumulative:
    """Pooled answers as they stood after each year.

    The table has :data:`CUMULATIVE_COLUMNS`, a row an endpoint, year and treatment: months, or
    fractions of one for response, of the average study at the reference mix with the 95 % interval.
    ``reports`` are those of the treatment that count from that year on. ``verdicts`` are by
    ``"os, 2012"``, ...: PASS, REVIEW or FAIL.
    """

    settings: Settings
    table: pd.DataFrame = field(repr=False)
    verdicts: Mapping[str, str]


#: Years in order, each with the registry of its end.
Steps = Sequence[tuple[int, Registry]]


def cumulative(
    registry: Registry,
    settings: Settings | None = None,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
) -> Cumulative:
    """Pool what was published by the end of each year.

    Where settings ask for stacked families :data:`~synthesis.fits.DEFAULT_FAMILY` is fitted alone;
    all else is as of :func:`synthesis.run.analyse`. NotAnsweredError if no endpoint ever counts
    :data:`LEAST_COHORTS` cohorts.
    """
    settings = settings or Settings()
    steps = {name: list(_steps(registry, name, settings)) for name in settings.endpoints}
    if not any(steps.values()):
        raise NotAnsweredError(
            f"fewer than {LEAST_COHORTS} cohorts count for {' or '.join(steps)}: there is no "
            "answer to follow through the years"
        )
    return _stood(steps, registry, settings, priors, progress, cache)


def since(
    registry: Registry,
    settings: Settings,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
) -> Cumulative:
    """Pool what was published before the year of the settings, and what there is today.

    As :func:`cumulative`; NotAnsweredError as of :func:`published_before`. An endpoint of which
    nothing that counts changed has no rows; one with fewer than :data:`LEAST_COHORTS` cohorts
    before has those of today alone.
    """
    before = published_before(registry, settings.since)
    today = max(study.citation.year or 0 for study in registry)
    steps: dict[str, Steps] = {}
    for name in settings.endpoints:
        old, new = (_counted(own, name, settings) for own in (before, registry))
        if old != new:
            first = [(settings.since - 1, before)] if len(old) >= LEAST_COHORTS else []
            steps[name] = [*first, (today, registry)]
    return _stood(steps, registry, settings, priors, progress, cache)


def published_by(registry: Registry, year: int) -> Registry:
    """The registry as it stood at the end of a year; a report without a year is the last."""
    last = max((study.citation.year or 0 for study in registry), default=0)
    return _part_of(registry, lambda study: (study.citation.year or last) <= year)


def published_before(registry: Registry, year: int) -> Registry:
    """The registry without the reports that are known to be published in a year or later.

    NotAnsweredError if that leaves out no report, or every one.
    """
    known = sorted(study.citation.year for study in registry if study.citation.year)
    if not known:
        raise NotAnsweredError("since: no report of the registry has a year of publication")
    if not known[0] < year <= known[-1]:
        raise NotAnsweredError(
            f"since: found {year}, expected a year from {known[0] + 1} to {known[-1]}: the reports "
            f"of the registry were published from {known[0]} to {known[-1]}"
        )
    return _part_of(registry, lambda study: (study.citation.year or 0) < year)


def _part_of(registry: Registry, keep: Callable[[Study], bool]) -> Registry:
    kept = {study.id: study for study in registry if keep(study)}
    fingerprints = {name: registry.fingerprints[name] for name in kept}
    return replace(registry, studies=kept, fingerprints=fingerprints)


def _counted(registry: Registry, endpoint: str, settings: Settings) -> set[str]:
    return {ref.id for ref in select(registry, endpoint, **settings.counting).counted}


def _steps(registry: Registry, endpoint: str, settings: Settings) -> Iterator[tuple[int, Registry]]:
    """Years in which something that is counted changed, with the registry of that year."""
    before: set[str] = set()
    for year in sorted({study.citation.year for study in registry if study.citation.year}):
        then = published_by(registry, year)
        counted = _counted(then, endpoint, settings)
        if counted != before and len(counted) >= LEAST_COHORTS:
            before = counted
            yield year, then


def _stood(
    steps: Mapping[str, Steps],
    registry: Registry,
    settings: Settings,
    priors: Priors | None,
    progress: Progress | None,
    cache: bool,
) -> Cumulative:
    """Pool the registries of each endpoint's years, by one compiled model."""
    settings = settings.of_one_family
    how = {"priors": priors, "settings": settings.sampler(), "cache": cache}
    every = (then for years in steps.values() for _, then in years)
    of_family = {"family_name": settings.family, "sizes": common_sizes(every, settings.counting)}
    rows: list[tuple[Any, ...]] = []
    verdicts = {}
    for name, years in steps.items():
        known: set[str] = set()
        for year, then in years:
            tell = {"progress": at_stage(progress, f"{name}, by {year}: ")}
            fit = fit_endpoint(then, settings.view(name), how | tell, **of_family)
            verdicts[f"{name}, {year}"] = fit.diagnosis.verdict
            share = histologies(fit, settings.reference_mix)["reference"]
            estimates = summaries(fit, endpoint_of(name).estimand, "mean_study", share)
            groups = named_groups(fit, registry.vocabulary)
            for own in groups:
                if own.is_class:
                    continue
                new = dict.fromkeys(ref.label for ref in own.cohorts if ref.id not in known)
                about = name, year, own.label, own.class_label
                estimate = vars(estimates[own.group]).values()
                rows.append((*about, *estimate, *own.sizes, ", ".join(new)))
            known |= {ref.id for own in groups for ref in own.cohorts}
    return Cumulative(settings, pd.DataFrame(rows, columns=CUMULATIVE_COLUMNS), verdicts)


# --- In words: year by year ----------------------------------------------------------------------

LEAD = (
    "Each answer rests on the reports that were published by the end of the year, read and pooled "
    "as all are today. A report counts from the year of its publication on, unless another one of "
    "the same patients goes before it."
)


def result(answer: Cumulative, registry: Registry) -> Result:
    """Say how the pooled answers moved over the years."""
    findings = [
        _finding(endpoint_of(name), table, answer.settings, registry)
        for name, table in answer.table.groupby("endpoint", sort=False)
    ]
    tables = {"cumulative": answer.table}
    title = "Pooled answers year by year"
    return Result("cumulative", title, (LEAD,), tuple(findings), tables, verdicts=answer.verdicts)


def told(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of treatments in years that brought a report, several each; most patients first."""
    rows = table[table["reports"] != ""]
    rows = rows[rows.groupby("treatment")["year"].transform("size") > 1]
    order = rows.groupby("treatment")["patients"].transform("max")
    return rows.assign(order=-order).sort_values(
        ["order", "treatment", "year"], kind="stable", ignore_index=True
    )[list(CUMULATIVE_COLUMNS)]


def _finding(
    endpoint: Endpoint, table: pd.DataFrame, settings: Settings, registry: Registry
) -> Finding:
    vocabulary, rows = registry.vocabulary, told(table)
    first, last = table["year"].min(), table["year"].max()
    quantity = numbers.capitalised(endpoint.quantity(vocabulary))
    mix = "" if endpoint.is_response else f", {numbers.mixed_share(settings.reference_mix)}"
    words = (
        f"{quantity} in {vocabulary.subject_words}, {endpoint.unit}: average study{mix}, with "
        f"{LEVEL} intervals, as known from {first} to {last}."
    )
    sentences = [_moved(own, endpoint) for _, own in rows.groupby("treatment", sort=False)]
    if not sentences:
        none = "No treatment has reports of several years."
        return Finding(endpoint.name(vocabulary), (words, none))
    written = table_of(
        "Years that brought a report of the treatment.",
        rows.itertuples(index=False),
        [
            ("By the end of", "num", lambda row: str(row.year)),
            (f"Estimate ({LEVEL})", "num", lambda row: numbers.written(row, endpoint.write)),
            ("Cohorts (patients)", "num", _size),
            ("New", "", lambda row: row.reports),
        ],
        group=lambda row: row.treatment,
    )
    picture = Picture(
        f"cumulative_{endpoint.id}",
        f"{endpoint.name(vocabulary)} year by year",
        f"{words[:-1]}, by the reports published by the end of each year. One survival family is "
        "fitted. A row is a year that brought a counted report of the treatment.",
        plot_cumulative,
        {"table": rows, "endpoint": endpoint.id},
        alt=" ".join(sentences[:_TOLD]),
        endpoint=endpoint.id,
    )
    return Finding(endpoint.name(vocabulary), (words, *sentences[:_TOLD]), (written,), (picture,))


def _moved(rows: pd.DataFrame, endpoint: Endpoint) -> str:
    sides = [
        f"{numbers.written(row, endpoint.write)} by {row.year} ({count(row.cohorts, 'cohort')})"
        for row in rows.iloc[[0, -1]].itertuples(index=False)
    ]
    return f"{rows['treatment'].iloc[0]}: {listed(sides)}."


def _size(row: Any) -> str:
    return numbers.size(row.cohorts, row.patients, row.compared)


# --- In words: since a year ----------------------------------------------------------------------


def since_result(answer: Cumulative, registry: Registry) -> Result:
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
        _since_finding(endpoint_of(name), answer, registry) for name in answer.settings.endpoints
    )
    title = f"What the evidence since {year} changed"
    tables = {"since": answer.table}
    return Result("since", title, (lead,), findings, tables, verdicts=answer.verdicts)


def _since_finding(endpoint: Endpoint, answer: Cumulative, registry: Registry) -> Finding:
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

    text = partial(numbers.written, write=endpoint.write)
    quantity = f"{numbers.capitalised(endpoint.quantity(vocabulary))}, {endpoint.unit}"
    columns = [
        ("Treatment", "keep", lambda row: row.treatment),
        (f"Before {year} ({LEVEL})", "num", earlier(text)),
        ("Cohorts (patients)", "num", earlier(_size)),
        (f"Today ({LEVEL})", "num", text),
        ("Cohorts (patients)", "num", _size),
        ("New", "wide", lambda row: row.reports),
    ]
    words = _others(now, before, endpoint)
    return Finding(heading, words, (table_of(f"{quantity}, average study.", rows, columns),))


def _others(now: pd.DataFrame, before: Mapping[str, Any], endpoint: Endpoint) -> tuple[str, ...]:
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
    old, new = (numbers.written(row, endpoint.write) for row in (before[most.treatment], most))
    return (
        "Treatments without a new report move with the others. The one that moved most is "
        f"{numbers.in_sentence(most.treatment)}: {old} before, {new} today.",
    )
