"""What each report says of pure, mixed, transformed or incidental tumours, and what of it counts.

A report says it in words of its own. Those of a group are shown as they are, with the figures, with
how they are read, and with what of it counts or why it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from studies import Registry
from studies.figures import (
    HISTOLOGY,
    ORIGIN,
    RESPONSE,
    endpoints_of,
    histology_of,
    may_read_origin,
    reads,
)
from studies.schema import Cohort, Comparison, Study, Subgroup
from studies.selection import LeftOut
from synthesis.model.observations import SurvivalData
from synthesis.numbers import count, listed
from synthesis.reported import comparison_words, group_words
from synthesis.result import Finding, Table, names, table_of

REPORT_COLUMNS = names(
    "study label by endpoint endpoint_label groups patients figures read_as counts reason"
)

#: Of an endpoint: its observations, and the cohorts that were left out.
Observed = Mapping[str, tuple[SurvivalData, tuple[LeftOut, ...]]]

_FACTORS = {"histology": HISTOLOGY, "origin": ORIGIN}
_UNSEEN = "No figure, and no direction, was seen."
_ON_REQUEST = "Its groups are read so on request alone."


@dataclass(frozen=True)
class _Group:
    """A group of patients in the words of its report: its cohort, and what prints its figures."""

    cohort: str
    words: str
    names: frozenset[str]
    n: int | None = None
    holder: Cohort | Subgroup | None = None

    @property
    def endpoints(self) -> list[str]:
        """Endpoints of which it has figures of its own."""
        if isinstance(self.holder, Cohort):
            return [*endpoints_of(self.holder)]
        if self.holder is None:
            return []
        found = [own.endpoint for own in (*self.holder.survival, *self.holder.landmarks)]
        return found + [RESPONSE] * (self.holder.response is not None)

    @property
    def declared(self) -> str | None:
        """What a declared reading takes it for."""
        return self.holder.read_as.histology if self.holder and self.holder.read_as else None


def reports_table(registry: Registry, observed: Observed) -> pd.DataFrame:
    """What every report says by histology or by origin, a row for each endpoint.

    :data:`REPORT_COLUMNS`, reports with outcomes first. ``by`` is histology or origin; ``endpoint``
    is empty where only patients are told; ``patients`` are those of the groups, else of the cohort;
    ``figures`` are as printed; ``counts`` says whether any of it enters the analysis, and
    ``reason`` what of it, or why not.
    """
    told = (_Told(study, by, registry, observed) for study in registry for by in _FACTORS)
    table = pd.DataFrame([row for own in told for row in own.rows()], columns=REPORT_COLUMNS)
    table = table.assign(silent=table["endpoint"] == "")
    table = table.sort_values(["silent", "counts", "label"], ascending=[True, False, True])
    types = {"patients": "Int64", "counts": bool}
    return table.drop(columns="silent").astype(types).reset_index(drop=True)


@dataclass(frozen=True)
class _Told:
    """What one report says by histology, or by origin."""

    study: Study
    by: str
    registry: Registry
    observed: Observed

    @cached_property
    def groups(self) -> list[_Group]:
        """Groups by histology, or by origin, in the order of the report."""
        return [group for cohort in self.study.cohorts for group in _groups_of(cohort, self.by)]

    def rows(self) -> Iterator[tuple]:
        study, groups = self.study, self.groups
        known = frozenset(_FACTORS[self.by]).union(*(group.names for group in groups))
        compared = [own for own in study.comparisons if known & {*map(str.casefold, own.groups)}]
        told = dict.fromkeys(name for group in groups for name in group.endpoints)
        told |= dict.fromkeys(own.endpoint for own in compared)
        if not told and not groups:
            return
        words = dict.fromkeys(
            own.words if own.n is None else f"{own.words} ({own.n})" for own in groups
        )
        words = words or dict.fromkeys(name for own in compared for name in own.groups)
        defined = [own.histology.definition for own in study.cohorts if own.histology]
        apart = any(isinstance(group.holder, Subgroup) for group in groups)
        tails = [f"; {text}" for text in defined if text and self.by == "histology" and not apart]
        sizes = [group.n for group in groups if group.holder is not None]
        whole = max((own.n or 0 for own in study.cohorts), default=0) or None
        patients = sum(sizes) if sizes and None not in sizes else whole
        about = (study.id, self.registry.labels[study.id], self.by)
        labels = {own.id: own.label for own in self.registry.vocabulary.endpoints}
        for endpoint in sorted(told, key=[*self.observed, *told].index) or ("",):
            own = [each for each in compared if each.endpoint == endpoint]
            label = labels.get(endpoint, endpoint.replace("_", " ").capitalize())
            figures = [
                f"{group.words}: {text}"
                for group in groups
                if group.holder is not None and (text := group_words(group.holder, endpoint))
            ]
            yield (
                *(*about, endpoint, label, "; ".join(words) + "".join(tails), patients),
                "; ".join([*figures, *map(comparison_words, own)]),
                self.read_as(own, endpoint),
                *self.standing(own, endpoint, label),
            )

    def read_as(self, compared: list[Comparison], endpoint: str) -> str:
        """How the groups are read: by the words of the report, by a declared reading, or not."""
        use = self.observed[endpoint][0].use_read_as if endpoint in self.observed else False
        if self.by == "origin":
            mapped = "transformed as mixed, de novo as pure"
            if not compared:
                return "origin"
            if not may_read_origin(self.study):
                return "origin; never as histology, which the report itself tells"
            return mapped if reads("origin", use) else f"origin; on request {mapped}"
        declared = [f"{own.words} as {own.declared}" for own in self.groups if own.declared]
        if declared:
            return ("" if reads("groups", use) else "on request ") + listed(declared)
        holders = [own.holder for own in self.groups if isinstance(own.holder, Subgroup)]
        told = {name for own in self.groups for name in own.names} | {*map(histology_of, holders)}
        told |= {name for own in compared for name in own.groups}
        own = [name for name in HISTOLOGY if name in told]
        return f"{' and '.join(own)}, by the report" if own else "not read"

    def standing(self, compared: list[Comparison], endpoint: str, label: str) -> tuple[bool, str]:
        """Whether what a report says enters the analysis; how, or why not."""
        if not endpoint:
            share = any(self.entered(data, compared) for data, _ in self.observed.values())
            words = "the share in the cohort counts" if share else "its cohort does not count"
            return share, f"No outcome by it is printed; {words}."
        if endpoint not in self.observed:
            return False, f"{label} is not analysed by histology."
        data, left_out = self.observed[endpoint]
        if entered := self.entered(data, compared):
            return True, entered
        cohorts = {group.cohort for group in self.groups} or {own.id for own in self.study.cohorts}
        reasons = []
        if compared and all((own.p, own.hr, own.longer) == (None, None, None) for own in compared):
            reasons.append(_UNSEEN)
        if any(group.declared for group in self.groups) and not reads("groups", data.use_read_as):
            reasons.append(_ON_REQUEST)
        reasons += [
            own.reason
            for own in left_out
            if own.study_id == self.study.id and own.cohort_id in cohorts
        ]
        reasons = reasons or ["The cohort counts as a whole; its groups cannot be set apart."]
        return False, " ".join(dict.fromkeys(reasons))

    def entered(self, data: SurvivalData, compared: list[Comparison]) -> str:
        """What of a report enters the observations of an endpoint; empty for nothing."""
        own = [arm for arm in data.groups if data.refs[arm.cohort].study.id == self.study.id]
        apart = [arm for arm in own if data.of_both_histologies(arm)]
        if self.by == "origin":
            if any(item.printed is printed for item in data.comparisons for printed in compared):
                return f"Their comparison counts{', as one of mixed and pure' if apart else ''}."
            told = data.telling("transformed")
            counts = any(f"{self.study.id}:{cohort.id}" in told for cohort in self.study.cohorts)
            return "The share counts." if counts and not compared else ""
        if apart:
            figures = any(arm.record for arm in apart)
            return "Figures of both groups count." if figures else "Their comparison counts."
        return "They count as whole cohorts." if any(a.share is not None for a in own) else ""


def _groups_of(cohort: Cohort, by: str) -> Iterator[_Group]:
    """Subgroups of a cohort; without any, the cohort itself, or the groups it was counted by."""
    apart = [
        group
        for group in cohort.subgroups
        if group.factor == by or (by == "histology" and histology_of(group) is not None)
    ]
    for group in apart:
        called = frozenset(map(str.casefold, filter(None, (group.level, group.label))))
        yield _Group(cohort.id, group.label or group.level, called, group.n, group)
    if apart:
        return
    if by == "origin":
        for own in cohort.characteristics:
            if own.name in ORIGIN and own.statistic == "count":
                yield _Group(cohort.id, own.name, frozenset({own.name}), int(own.value))
    elif cohort.read_as is not None:
        names = frozenset({cohort.id.casefold()})
        yield _Group(cohort.id, cohort.id.replace("_", " "), names, cohort.n, cohort)
    elif (split := cohort.histology) is not None:
        told = {"pure": split.pure, "mixed": split.mixed, **split.other}
        for name, n in told.items():
            percent = getattr(split, f"{name}_percent", None)
            words = f"{name} ({percent} %)" if n is None else name
            holder = cohort if n is not None and n == cohort.n else None
            if n is not None or percent is not None:
                yield _Group(cohort.id, words, frozenset({name.casefold()}), n, holder)


# --- In words ------------------------------------------------------------------------------------


def reports_words(table: pd.DataFrame) -> tuple[str, ...]:
    """How many reports print outcomes by histology or origin, and how many count."""
    told = table[table["endpoint"] != ""]
    if told.empty:
        return ()
    counted, total = told.loc[told["counts"], "study"].nunique(), told["study"].nunique()
    others, silent = total - counted, table["study"].nunique() - total
    words = (
        f"{count(total, 'report')} print{'s' if total == 1 else ''} outcomes by histology or by "
        f"origin: {counted} count{'s' if counted == 1 else ''}, {others} "
        f"do{'es' if others == 1 else ''} not; histology_reports.csv has the words, the figures "
        "and the reason of each."
    )
    verb = "tells" if silent == 1 else "tell"
    return (words + (f" {count(silent, 'other')} {verb} patients alone." if silent else ""),)


def reports_finding(table: pd.DataFrame) -> Finding:
    """Every report that says something by histology or by origin."""
    told, counts = table["endpoint"] != "", table["counts"]
    parts = {
        "Outcomes that count.": table[told & counts],
        "Outcomes that do not count.": table[told & ~counts],
        "Patients alone.": table[~told],
    }
    tables = tuple(_table(title, rows) for title, rows in parts.items() if len(rows))
    return Finding("Reports by histology and by origin", (), tables, folded=True)


def _table(title: str, rows: pd.DataFrame) -> Table:
    outcomes = (
        ("Outcome", "", lambda row: row.endpoint_label),
        ("As printed", "wide", lambda row: row.figures),
    )
    return table_of(
        title,
        rows.itertuples(index=False),
        [
            ("Report", "", lambda row: row.label),
            ("Groups, in its words", "wide", lambda row: row.groups),
            ("Patients", "num", lambda row: row.patients),
            *(outcomes if (rows["endpoint"] != "").all() else ()),
            ("Read as", "", lambda row: row.read_as),
            ("What counts, or why nothing does", "wide", lambda row: row.reason),
        ],
    )
