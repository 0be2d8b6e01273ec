"""Which reports share patients, and who is counted for each endpoint, as lines of text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from studies import Registry
from studies.figures import CohortRef, View, study_label
from studies.registry import references
from studies.selection import (
    ENDPOINTS,
    OVERLAP_RULE,
    LeftOut,
    OverlapGroup,
    Selection,
    overlap_groups,
    select,
    why_first,
)
from synthesis.text.plain import count, labelled

_INDENT = 2
_ENDPOINT_WIDTH = 10
_VERDICT_WIDTH = 11
# Why a cohort has nothing to count for an endpoint; such a cohort stands in nobody's way.
_NO_FIGURE = ("no_figure", "subgroup_only", "response_not_a_count", "event_status", "not_verified")


def rule_lines() -> list[str]:
    """Set out the order of precedence among cohorts that share patients.

    Returns
    -------
    list of str
        What is compared, and the criteria in their order.
    """
    lines = labelled(
        "",
        "Patients count once for each endpoint. Of cohorts that share patients, only those with a "
        "figure of the endpoint are compared: a report that prints none of it displaces nobody. "
        "They are taken in this order, and each is counted unless it shares patients with one "
        "that is counted already:",
        width=0,
    )
    for number, rule in enumerate(OVERLAP_RULE, 1):
        lines += labelled(f"{number}.", rule, indent=_INDENT, width=3)
    return lines


def overlap_lines(
    registry: Registry, *, study_id: str | None = None, endpoint: str | None = None
) -> list[str]:
    """Set out the reports that share patients.

    Parameters
    ----------
    registry : Registry
        The registry.
    study_id : str, optional
        Only the group of this report.
    endpoint : {"os", "pfs", "response"}, optional
        Only this endpoint.

    Returns
    -------
    list of str
        For each group of reports: the overlaps with their reasons; for each endpoint the cohorts
        that are counted, those that gave way, to whom and by which criterion, and those that have
        no figure of it.
    """
    groups = overlap_groups(registry)
    if study_id is not None:
        groups = tuple(group for group in groups if study_id in group.studies)
    asked = ENDPOINTS if endpoint is None else (endpoint,)
    state = _State.of(registry, asked)
    lines: list[str] = []
    if study_id is not None and not groups:
        lines += [f"{_name(registry, study_id)} shares patients with no other report."]
        lines += state.lines((study_id,))
    for number, group in enumerate(groups):
        lines += [""] if number else []
        lines += [*_group_lines(group, registry), *state.lines(group.studies)]
    if study_id is None:
        lines += ["", _counts(groups)]
    return lines


def _counts(groups: Collection[OverlapGroup]) -> str:
    reports = sum(len(group.studies) for group in groups)
    edges = sum(len(group.edges) for group in groups)
    return f"{count(len(groups), 'group')} of {count(reports, 'report')}, {count(edges, 'overlap')}"


def _name(registry: Registry, study_id: str) -> str:
    label = study_label(registry.study(study_id))
    return study_id if label == study_id else f"{study_id} ({label})"


def _group_lines(group: OverlapGroup, registry: Registry) -> Iterator[str]:
    """Yield each overlap once, below the report that has the most of them."""
    partners: dict[str, dict[str, str]] = {name: {} for name in group.studies}
    for edge in group.edges:
        partners[edge.one][edge.other] = partners[edge.other][edge.one] = edge.reason
    shown: set[str] = set()
    for name in sorted(group.studies, key=lambda name: (-len(partners[name]), name)):
        rest = {other: why for other, why in partners[name].items() if other not in shown}
        missing = {edge.other: edge.reason for edge in group.unknown if edge.one == name}
        if rest or missing:
            yield f"{_name(registry, name)} shares patients with"
        for other, why in sorted(rest.items()):
            text = f"{_name(registry, other)}: {why.rstrip('.')}"
            yield from labelled("-", text, indent=_INDENT, width=2)
        for other, why in sorted(missing.items()):
            text = f"{other} (not in the registry): {why.rstrip('.')}"
            yield from labelled("-", text, indent=_INDENT, width=2)
        shown.add(name)


@dataclass(frozen=True)
class _State:
    """Who is counted for each endpoint."""

    refs: dict[str, CohortRef]
    chosen: dict[str, Selection]

    @classmethod
    def of(cls, registry: Registry, endpoints: Sequence[str]) -> _State:
        refs = {ref.id: ref for ref in references(registry)}
        return cls(refs, {endpoint: select(registry, endpoint) for endpoint in endpoints})

    def lines(self, studies: Collection[str]) -> Iterator[str]:
        """Yield what becomes of the cohorts of some reports."""
        never = self._never(studies)
        for place, (cohort, reason) in enumerate(never.items()):
            yield from _verdict("" if place else "any", "left out", f"{cohort}: {reason}")
        for endpoint in self.chosen:
            label = endpoint
            for verdict, text in self._verdicts(endpoint, studies, never):
                yield from _verdict(label, verdict, text)
                label = ""

    def _never(self, studies: Collection[str]) -> dict[str, str]:
        """Return the cohorts that one reason keeps out of every endpoint, with the reason."""
        reasons: dict[str, set[str]] = {}
        for chosen in self.chosen.values():
            for entry in chosen.left_out:
                if entry.study_id in studies and not _gives_way(entry):
                    reasons.setdefault(_id(entry), set()).add(entry.reason)
        left_out = [
            {_id(entry) for entry in chosen.left_out if not _gives_way(entry)}
            for chosen in self.chosen.values()
        ]
        return {
            name: next(iter(found))
            for name, found in reasons.items()
            if len(found) == 1 and all(name in names for names in left_out)
        }

    def _verdicts(
        self, endpoint: str, studies: Collection[str], never: Collection[str]
    ) -> Iterator[tuple[str, str]]:
        chosen, view = self.chosen[endpoint], View(endpoint, False, True)
        counted = [ref.id for ref in chosen.counted if ref.study.id in studies]
        yield "counted", ", ".join(counted) or "none"
        left_out = [
            entry
            for entry in chosen.left_out
            if entry.study_id in studies and _id(entry) not in never
        ]
        for entry in left_out:
            if entry.gave_way_to is not None:
                why = why_first(self.refs[entry.gave_way_to], self.refs[_id(entry)], view)
                yield "gave way", f"{_id(entry)} to {entry.gave_way_to}: {why}"
        without = [_id(entry) for entry in left_out if entry.kind in _NO_FIGURE]
        if without:
            yield "no figure", f"{', '.join(without)} (nothing to count, so it displaces nobody)"
        for entry in left_out:
            if entry.gave_way_to is None and entry.kind not in _NO_FIGURE:
                yield "left out", f"{_id(entry)}: {entry.reason}"


def _id(entry: LeftOut) -> str:
    return f"{entry.study_id}:{entry.cohort_id}"


def _gives_way(entry: LeftOut) -> bool:
    """Return whether a cohort is left out for another one, or for want of a figure."""
    return entry.gave_way_to is not None or entry.kind in _NO_FIGURE


def _verdict(endpoint: str, verdict: str, text: str) -> list[str]:
    first = f"{endpoint:<{_ENDPOINT_WIDTH}}{verdict:<{_VERDICT_WIDTH}}"
    return labelled(first, text, indent=_INDENT, width=_ENDPOINT_WIDTH + _VERDICT_WIDTH)
