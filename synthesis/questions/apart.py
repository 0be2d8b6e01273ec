"""Another disease beside the main one, pooled as a population of its own: never in its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from studies import Registry
from studies.registry import references
from synthesis import estimands, numbers
from synthesis.counting import select
from synthesis.endpoints import endpoint_of
from synthesis.estimands import Fit
from synthesis.numbers import LEVEL, capitalised, count
from synthesis.reported import cohort_names, cohort_words
from synthesis.result import Finding, Result, Table, names, table_of
from synthesis.settings import Settings

APART_COLUMNS = names(
    "disease endpoint treatment estimand target estimate lower upper cohorts patients verdict"
)
#: Counted cohorts from which on there is an answer: fewer leave little but the priors.
LEAST_COHORTS = 3
#: What is told of a population.
SHOWN = ("median_months", "survival_12m")


@dataclass(frozen=True)
class Apart:
    """A population beside the main one."""

    registry: Registry
    """Of :func:`studies.registry.of_disease`."""
    settings: Settings
    fits: Mapping[str, Fit]
    """Survival endpoint -> its fit."""


def endpoints_of(registry: Registry, settings: Settings) -> tuple[str, ...]:
    """Survival endpoints of the settings with :data:`LEAST_COHORTS` counted cohorts."""
    return tuple(
        name
        for name in settings.survival_endpoints
        if len(select(registry, name, **settings.counting).counted) >= LEAST_COHORTS
    )


def apart_table(populations: tuple[Apart, ...]) -> pd.DataFrame:
    """Pooled estimates of each population: :data:`APART_COLUMNS`; months, or fractions of one."""
    rows = [
        (own.registry.vocabulary.main_disease, name, *row)
        for own in populations
        for name, fit in own.fits.items()
        for row in _rows(fit, own)
    ]
    return pd.DataFrame(rows, columns=APART_COLUMNS)


def _rows(fit: Fit, own: Apart) -> Iterator[tuple[Any, ...]]:
    share = estimands.histologies(fit, own.settings.reference_mix)["reference"]
    for named in estimands.named_groups(fit, own.registry.vocabulary):
        for estimand in () if named.is_class else SHOWN:
            for target in estimands.TARGETS:
                found = estimands.summaries(fit, estimand, target, share)[named.group]
                size = len(named.cohorts), named.patients
                verdict = fit.diagnosis.verdict
                yield named.label, estimand, target, *vars(found).values(), *size, verdict


# --- In words ------------------------------------------------------------------------------------


def result(populations: tuple[Apart, ...], registry: Registry) -> Result:
    """Say how long patients with other diseases live; `registry` is that of the main one."""
    table = apart_table(populations)
    findings = tuple(_finding(own, table, registry) for own in populations)
    return Result("apart", "Other diseases", findings=findings, tables={"apart": table})


def _finding(own: Apart, table: pd.DataFrame, registry: Registry) -> Finding:
    words = own.registry.vocabulary
    subject = capitalised(words.subject_words)
    main = registry.vocabulary.subject_words
    text = (
        f"{words.diseases[words.main_disease].rstrip('.')}. It is pooled on its own, by the same "
        f"model, and no answer on {main} rests on it."
    )
    return Finding(
        f"{subject}, apart from {main}",
        (text, *map(_limits, own.fits.values())),
        (_estimates(own, table), _cohorts(own)),
    )


def _limits(fit: Fit) -> str:
    """What an answer cannot tell."""
    sizes = estimands.patients_of(fit)
    largest = max(fit.data.cohorts, key=lambda ref: sizes[ref.id])
    mixed = sum(ref.role == "mixed" for ref in fit.data.cohorts)
    return (
        f"Its limits: {mixed} of {count(len(sizes), 'cohort')} are of patients with various "
        f"treatments, and {sizes[largest.id]} of {count(sum(sizes.values()), 'patient')} stand in "
        f"{largest.label}. So it tells how long patients live, not what a treatment does. Like "
        "every pooled answer it is that of a prospective study of first-line treatment with time "
        "from its start, and the priors are those of the main disease."
    )


def _estimates(own: Apart, table: pd.DataFrame) -> Table:
    of = table[table["disease"] == own.registry.vocabulary.main_disease]
    by = of.set_index(["endpoint", "treatment", "estimand", "target"]).sort_index()

    def written(estimand: str, target: str) -> Any:
        def say(row: Any) -> str:
            one = by.loc[(row.endpoint, row.treatment, estimand, target)]
            return numbers.written(one, estimands.ESTIMANDS[estimand].write)

        return say

    vocabulary = own.registry.vocabulary
    columns = [
        ("Endpoint", "keep", lambda row: endpoint_of(row.endpoint).name(vocabulary)),
        ("Treatment", "keep", lambda row: row.treatment),
        ("Cohorts (patients)", "num", lambda row: numbers.size(row.cohorts, row.patients)),
        *(
            (f"{head} ({LEVEL})", "num", written(estimand, target))
            for estimand, label in zip(SHOWN, ("Median, months", "At 12 months, %"), strict=True)
            for target, head in (("mean_study", label), ("new_study", f"{label}: new study"))
        ),
        ("Fit", "verdict", lambda row: row.verdict),
    ]
    once = of.drop_duplicates(["endpoint", "treatment"])
    return table_of("Pooled.", once.itertuples(index=False), columns)


def _cohorts(own: Apart) -> Table:
    """Every cohort of the disease as reported, and whether it counts."""
    registry, labels = own.registry, cohort_names(own.registry)
    left: dict[str, list[str]] = {}
    for fit in own.fits.values():
        for each in fit.left_out:
            left.setdefault(f"{each.study_id}:{each.cohort_id}", []).append(each.reason)
    rows = [
        ref
        for ref in references(registry)
        if ref.cohort.disease == registry.vocabulary.main_disease
    ]
    columns = [
        ("Report", "keep", lambda ref: labels[ref.id]),
        ("Patients", "num", lambda ref: ref.cohort.n),
        (
            *("As reported", "wide"),
            lambda ref: "; ".join(filter(None, (cohort_words(ref.cohort, e) for e in own.fits))),
        ),
        ("Counts?", "wide", lambda ref: " ".join(dict.fromkeys(left.get(ref.id, ["Counted."])))),
    ]
    return table_of("Cohorts.", rows, columns)
