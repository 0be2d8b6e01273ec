"""Which reports share patients, and who is counted for each endpoint, as lines of text."""

from __future__ import annotations

from collections.abc import Collection, Iterator
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
from synthesis.text.plain import aligned, count, labelled

_ENDPOINT_WIDTH, _VERDICT_WIDTH = 10, 11
# Why a cohort has nothing to count for an endpoint; such a cohort stands in nobody's way.
_NO_FIGURE = ("no_figure", "subgroup_only", "response_not_a_count", "event_status", "not_verified")
_RULE = (
    "Patients count once for each endpoint. Of cohorts that share patients, only those with a "
    "figure of the endpoint are compared: a report that prints none of it displaces nobody. They "
    "are taken in this order, and each is counted unless it shares patients with one that is "
    "counted already:"
)


def rule_lines() -> list[str]:
    """Set out the order of precedence among cohorts that share patients."""
    lines = labelled("", _RULE, width=0)
    for number, rule in enumerate(OVERLAP_RULE, 1):
        lines += labelled(f"{number}.", rule, indent=2, width=3)
    return lines


def overlap_lines(
    registry: Registry,
    *,
    study_id: str | None = None,
    endpoint: str | None = None,
    verbose: bool = False,
    width: int | None = None,
) -> list[str]:
    """Set out the reports that share patients.

    Parameters
    ----------
    registry : Registry
        The registry.
    study_id : str, optional
        Only the group of this report, at length.
    endpoint : {"os", "pfs", "response"}, optional
        Only this endpoint.
    verbose : bool
        At length: the overlaps with their reasons; for each endpoint the cohorts that are counted,
        those that gave way, to whom and by which criterion, and those without a figure of it.
        Otherwise one line a group: how many of its cohorts are counted for each endpoint.
    width : int, optional
        Columns of the terminal, if there is one.
    """
    groups = overlap_groups(registry)
    if study_id is not None:
        groups = tuple(group for group in groups if study_id in group.studies)
    endpoints = ENDPOINTS if endpoint is None else (endpoint,)
    state = _State(
        {ref.id: ref for ref in references(registry)},
        {name: select(registry, name) for name in endpoints},
    )
    lines: list[str] = []
    if study_id is not None and not groups:
        lines = [f"{_name(registry, study_id)} shares patients with no other report."]
        lines += state.lines((study_id,))
    elif verbose or study_id is not None:
        for number, group in enumerate(groups):
            lines += [""] if number else []
            lines += [*_group_lines(group, registry), *state.lines(group.studies)]
    else:
        head = ("REPORTS", *(name.upper() for name in endpoints), "WHO SHARE PATIENTS")
        rows = [state.summary(group) for group in groups]
        lines += aligned([head, *rows], right=range(len(head) - 1), width=width)
    return lines if study_id is not None else [*lines, "", _counts(groups)]


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
        reasons = {
            _name(registry, other): why
            for other, why in sorted(partners[name].items())
            if other not in shown
        } | {
            f"{edge.other} (not in the registry)": edge.reason
            for edge in sorted(group.unknown)
            if edge.one == name
        }
        if reasons:
            yield f"{_name(registry, name)} shares patients with"
        for other, why in reasons.items():
            yield from labelled("-", f"{other}: {why.rstrip('.')}", indent=2, width=2)
        shown.add(name)


@dataclass(frozen=True)
class _State:
    """Who is counted for each endpoint."""

    refs: dict[str, CohortRef]
    chosen: dict[str, Selection]

    def summary(self, group: OverlapGroup) -> tuple[str, ...]:
        """Return how many cohorts of a group are counted, by endpoint, beside its reports."""
        counted = (
            sum(ref.study.id in group.studies for ref in chosen.counted)
            for chosen in self.chosen.values()
        )
        unknown = [f"{edge.other} (not here)" for edge in group.unknown]
        names = ", ".join(dict.fromkeys([*group.studies, *unknown]))
        return (str(len(group.studies)), *map(str, counted), names)

    def lines(self, studies: Collection[str]) -> Iterator[str]:
        """Yield what becomes of the cohorts of some reports."""
        never = self._never(studies)
        verdicts = [("any", "left out", f"{name}: {reason}") for name, reason in never.items()]
        for endpoint in self.chosen:
            verdicts += [
                (endpoint, *verdict) for verdict in self._verdicts(endpoint, studies, never)
            ]
        before = ""
        for endpoint, verdict, text in verdicts:
            label = "" if endpoint == before else endpoint
            first = f"{label:<{_ENDPOINT_WIDTH}}{verdict:<{_VERDICT_WIDTH}}"
            yield from labelled(first, text, indent=2, width=_ENDPOINT_WIDTH + _VERDICT_WIDTH)
            before = endpoint

    def _never(self, studies: Collection[str]) -> dict[str, str]:
        """Return the cohorts that one reason keeps out of every endpoint, with the reason."""
        left_out = [
            {_id(entry): entry.reason for entry in chosen.left_out if not _gives_way(entry)}
            for chosen in self.chosen.values()
        ]
        return {
            name: reason
            for name, reason in left_out[0].items()
            if self.refs[name].study.id in studies
            and all(reasons.get(name) == reason for reasons in left_out)
        }

    def _verdicts(
        self, endpoint: str, studies: Collection[str], never: Collection[str]
    ) -> Iterator[tuple[str, str]]:
        chosen, view = self.chosen[endpoint], View(endpoint, False, True)
        counted = [ref.id for ref in chosen.counted if ref.study.id in studies]
        yield "counted", ", ".join(counted) or "none"
        left_out = {
            _id(entry): entry
            for entry in chosen.left_out
            if entry.study_id in studies and _id(entry) not in never
        }
        for name, entry in left_out.items():
            if entry.gave_way_to is not None:
                why = why_first(self.refs[entry.gave_way_to], self.refs[name], view)
                yield "gave way", f"{name} to {entry.gave_way_to}: {why}"
        without = [name for name, entry in left_out.items() if entry.kind in _NO_FIGURE]
        if without:
            yield "no figure", f"{', '.join(without)} (nothing to count, so it displaces nobody)"
        for name, entry in left_out.items():
            if not _gives_way(entry):
                yield "left out", f"{name}: {entry.reason}"


def _id(entry: LeftOut) -> str:
    return f"{entry.study_id}:{entry.cohort_id}"


def _gives_way(entry: LeftOut) -> bool:
    """Return whether a cohort is left out for another one, or for want of a figure."""
    return entry.gave_way_to is not None or entry.kind in _NO_FIGURE
