"""How the pooled answers stood after each year: what was known when, and which report moved it.

For a year the registry holds the reports that were published by then; of overlapping reports that
one counts which would have counted then. A year that changes nothing of what is counted has no fit
of its own. One survival family is fitted, by one compiled model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import pandas as pd

from priors import Priors
from studies import Registry, Study
from synthesis import numbers
from synthesis.choices import STACKED
from synthesis.counting import select
from synthesis.endpoints import Endpoint, endpoint_of
from synthesis.estimands import Fit, histologies, named_groups, summaries
from synthesis.fits import DEFAULT_FAMILY, fit_response, fit_survival, survival_observations
from synthesis.model.arrays import sizes_for
from synthesis.model.sampler import Progress
from synthesis.numbers import LEVEL, count, listed
from synthesis.plots.cumulative import plot_cumulative
from synthesis.result import Finding, NotAnsweredError, Picture, Result, names, table_of
from synthesis.settings import Settings

__all__ = ["Cumulative", "cumulative", "result"]

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
    counting = counting_of(settings)
    steps = {name: list(_steps(registry, name, counting)) for name in settings.endpoints}
    if not any(steps.values()):
        raise NotAnsweredError(
            f"fewer than {LEAST_COHORTS} cohorts count for {' or '.join(steps)}: there is no "
            "answer to follow through the years"
        )
    return stood(steps, registry, settings, priors=priors, progress=progress, cache=cache)


def stood(
    steps: Mapping[str, Sequence[tuple[int, Registry]]],
    registry: Registry,
    settings: Settings,
    *,
    priors: Priors | None = None,
    progress: Progress | None = None,
    cache: bool = True,
) -> Cumulative:
    """Pool registries of several years; the other parameters are those of :func:`cumulative`.

    `steps`: endpoint -> years, in order, each with the registry of its end.
    """
    if settings.family == STACKED:
        settings = replace(settings, family=DEFAULT_FAMILY)
    tell, counting = progress or (lambda _: None), counting_of(settings)
    # room for every year of every endpoint: one compiled model
    every = (survival_observations(r, **counting) for own in steps.values() for _, r in own)
    sizes = sizes_for([data for observed in every for data, _ in observed.values()])
    common = {"priors": priors, "settings": settings.sampler(), "cache": cache} | counting
    rows: list[tuple[Any, ...]] = []
    verdicts = {}
    for name, years in steps.items():
        known: set[str] = set()
        for year, then in years:
            about = {"progress": lambda words, n=name, y=year: tell(f"{n}, by {y}: {words}")}
            if endpoint_of(name).is_response:
                fit: Fit = fit_response(then, **common, **about)
            else:
                of_family = {"family_name": settings.family, "sizes": sizes}
                fit = fit_survival(then, name, **of_family, **common, **about)
            verdicts[f"{name}, {year}"] = fit.diagnosis.verdict
            rows += _rows(name, year, fit, registry, settings.reference_mix, known)
            groups = named_groups(fit, registry.vocabulary)
            known |= {ref.id for group in groups for ref in group.cohorts}
    return Cumulative(settings, pd.DataFrame(rows, columns=CUMULATIVE_COLUMNS), verdicts)


def counting_of(settings: Settings) -> dict[str, bool]:
    """How cohorts are counted under some settings."""
    return {"verified_only": settings.verified_only, "use_read_as": settings.use_read_as}


def published_by(registry: Registry, year: int) -> Registry:
    """The registry as it stood at the end of a year; a report without a year is the last."""
    last = max((study.citation.year or 0 for study in registry), default=0)
    return part_of(registry, lambda study: (study.citation.year or last) <= year)


def part_of(registry: Registry, keep: Callable[[Study], bool]) -> Registry:
    """The registry with the reports that `keep` is true of."""
    kept = {study.id: study for study in registry if keep(study)}
    fingerprints = {name: registry.fingerprints[name] for name in kept}
    return replace(registry, studies=kept, fingerprints=fingerprints)


def _steps(
    registry: Registry, endpoint: str, counting: Mapping[str, bool]
) -> Iterator[tuple[int, Registry]]:
    """Years in which something that is counted changed, with the registry of that year."""
    before: set[str] = set()
    for year in sorted({study.citation.year for study in registry if study.citation.year}):
        then = published_by(registry, year)
        counted = {ref.id for ref in select(then, endpoint, **counting).counted}
        if counted != before and len(counted) >= LEAST_COHORTS:
            before = counted
            yield year, then


def _rows(
    endpoint: str, year: int, fit: Fit, registry: Registry, mix: float, known: set[str]
) -> Iterator[tuple[Any, ...]]:
    share = histologies(fit, mix)["reference"]
    estimates = summaries(fit, endpoint_of(endpoint).estimand, "mean_study", share)
    for own in named_groups(fit, registry.vocabulary):
        if not own.is_class:
            new = dict.fromkeys(ref.label for ref in own.cohorts if ref.id not in known)
            about = endpoint, year, own.label, own.class_label, *vars(estimates[own.group]).values()
            yield (*about, *own.sizes, ", ".join(new))


# --- In words ------------------------------------------------------------------------------------

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
    sizes = attrgetter("cohorts", "patients", "compared")
    written = table_of(
        "Years that brought a report of the treatment.",
        rows.itertuples(index=False),
        [
            ("By the end of", "num", lambda row: str(row.year)),
            (f"Estimate ({LEVEL})", "num", lambda row: _text(row, endpoint)),
            ("Cohorts (patients)", "num", lambda row: numbers.size(*sizes(row))),
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
        f"{_text(row, endpoint)} by {row.year} ({count(row.cohorts, 'cohort')})"
        for row in rows.iloc[[0, -1]].itertuples(index=False)
    ]
    return f"{rows['treatment'].iloc[0]}: {listed(sides)}."


def _text(row: Any, endpoint: Endpoint) -> str:
    return numbers.interval(row.estimate, row.lower, row.upper, endpoint.write)
