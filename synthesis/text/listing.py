"""Cohorts, reports left out, overlaps and findings of a check as lines of text.

Reads nothing but the registry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studies import (
    Cohort,
    Problem,
    Registry,
    RegistryError,
    Study,
    UnknownWordError,
    Vocabulary,
    load_registry,
)
from studies.figures import RESPONSE, CohortRef, View, endpoints_of, study_label
from studies.files import locate
from studies.problems import closest
from studies.registry import Excluded, references
from studies.schema import NOT_STATED
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
from studies.vocabulary import fold
from synthesis.numbers import count
from synthesis.text.plain import aligned, labelled, shown_path

_HEAD = ("STUDY", "COHORT", "YEAR", "DESIGN", "TREATMENT", "N", "PRINTS", "COUNTS")
_EXCLUDED_HEAD = ("REPORT", "YEAR", "N", "WHY IT WAS LEFT OUT")
_SHORT_DESIGNS = {
    "prospective_single_arm": "single arm",
    "case_series": "cases",
    "pooled_literature": "literature",
}
_ENDPOINT_WIDTH, _VERDICT_WIDTH = 10, 11
# Why a cohort has nothing to count for an endpoint; such a cohort stands in nobody's way.
_NO_FIGURE = ("no_figure", "subgroup_only", "response_not_a_count", "event_status", "not_verified")
_RULE = (
    "Patients count once for each endpoint. Of cohorts that share patients, only those with a "
    "figure of the endpoint are compared: a report that prints none of it displaces nobody. They "
    "are taken in this order, and each is counted unless it shares patients with one that is "
    "counted already:"
)
Years = tuple[int | None, int | None]


@dataclass(frozen=True)
class Wanted:
    """Which cohorts are looked for; None: any."""

    treatment: str | None = None
    """By any of its names."""
    treatment_class: str | None = None
    """By identifier or label."""
    endpoint: str | None = None
    """Cohorts that print something of it; ``"response"`` is one."""
    design: str | None = None
    """Word of the vocabulary, as `disease`."""
    years: Years = (None, None)
    """First and last year of publication, None where open; no year is found only by both open."""
    status: str | None = None
    """Of the report, verified or secondary."""
    disease: str | None = None


def known_words(vocabulary: Vocabulary) -> Mapping[str, tuple[str, ...]]:
    """Return the words that each kind of `Wanted` can hold, as they are written."""
    return {
        "treatment": tuple(entry.id for entry in vocabulary.treatments),
        "class": tuple(entry.id for entry in vocabulary.classes),
        "endpoint": tuple(dict.fromkeys([*(e.id for e in vocabulary.endpoints), RESPONSE])),
        "design": tuple(dict.fromkeys([*vocabulary.designs, NOT_STATED])),
        "disease": tuple(vocabulary.diseases),
    }


def find_cohorts(registry: Registry, wanted: Wanted) -> tuple[tuple[Study, Cohort], ...]:
    """Return the cohorts that are looked for, in the order of the registry.

    Raises
    ------
    studies.UnknownWordError
        For a word that the vocabulary does not know.
    """
    wanted = _in_words_of(registry.vocabulary, wanted)
    return tuple(
        (study, cohort)
        for study in registry
        if _study_fits(study, wanted)
        for cohort in study.cohorts
        if _cohort_fits(cohort, wanted, registry.vocabulary)
    )


def _in_words_of(vocabulary: Vocabulary, wanted: Wanted) -> Wanted:
    """Return the same with every word as the vocabulary writes it."""
    words = known_words(vocabulary)

    def word(kind: str, given: str | None) -> str | None:
        if given is None:
            return None
        written = {fold(name): name for name in words[kind]}
        if fold(given) not in written:
            raise UnknownWordError(kind, given, closest(given, words[kind]))
        return written[fold(given)]

    name, group = wanted.treatment, wanted.treatment_class
    labels = {fold(entry.label): entry.id for entry in vocabulary.classes}
    return Wanted(
        treatment=None if name is None else vocabulary.treatment(name).id,
        treatment_class=None if group is None else word("class", labels.get(fold(group), group)),
        endpoint=word("endpoint", wanted.endpoint),
        design=word("design", wanted.design),
        years=wanted.years,
        status=wanted.status,
        disease=word("disease", wanted.disease),
    )


def _study_fits(study: Study, wanted: Wanted) -> bool:
    return (
        wanted.design in (None, study.design)
        and wanted.status in (None, study.status)
        and _in_years(study.citation.year, wanted.years)
    )


def _in_years(year: int | None, years: Years) -> bool:
    first, last = years
    if first is None and last is None:
        return True
    return year is not None and (first or year) <= year <= (last or year)


def _cohort_fits(cohort: Cohort, wanted: Wanted, vocabulary: Vocabulary) -> bool:
    return (
        wanted.treatment in (None, cohort.treatment)
        and wanted.treatment_class in (None, vocabulary.treatment(cohort.treatment).class_)
        and wanted.disease in (None, cohort.disease or vocabulary.main_disease)
        and (wanted.endpoint is None or wanted.endpoint in endpoints_of(cohort))
    )


def cohort_lines(
    registry: Registry, cohorts: Collection[tuple[Study, Cohort]], *, width: int | None = None
) -> list[str]:
    """List cohorts in aligned columns, one on a line, and their number.

    The name of a cohort that is that of its treatment is left out; ``COUNTS`` names the endpoints
    for which the cohort is counted. `width` is that of the terminal, if there is one.
    """
    counted = {
        (ref.study.id, ref.cohort.id, endpoint)
        for endpoint in (ENDPOINTS if cohorts else ())
        for ref in select(registry, endpoint).counted
    }
    rows = [_row(study, cohort, counted) for study, cohort in cohorts]
    named = any(row[1] for row in rows)
    table = [row if named else (row[0], *row[2:]) for row in (_HEAD, *rows)]
    total = f"{count(len(rows), 'cohort')} of {count(len({row[0] for row in rows}), 'report')}"
    return [*aligned(table, right={table[0].index("N")}, width=width), "", total]


def _row(
    study: Study, cohort: Cohort, counted: Collection[tuple[str, str, str]]
) -> tuple[str, ...]:
    return (
        study.id,
        "" if cohort.id == cohort.treatment else cohort.id,
        str(study.citation.year or "-"),
        _SHORT_DESIGNS.get(study.design, study.design),
        cohort.treatment,
        "-" if cohort.n is None else str(cohort.n),
        " ".join(endpoints_of(cohort)) or "-",
        " ".join(name for name in ENDPOINTS if (study.id, cohort.id, name) in counted) or "-",
    )


def excluded_in(registry: Registry, years: Years = (None, None)) -> tuple[Excluded, ...]:
    """Return the reports that were left out, of some years of publication."""
    return tuple(report for report in registry.excluded if _in_years(report.citation.year, years))


def excluded_lines(excluded: Iterable[Excluded], *, width: int | None = None) -> list[str]:
    """List reports that were left out, one on a line, with the reason, and their number."""
    rows = [
        (
            report.id,
            str(report.citation.year or "-"),
            ", ".join(str(number) for number in report.n) or "-",
            " ".join(report.reason.split()),
        )
        for report in excluded
    ]
    lines = aligned([_EXCLUDED_HEAD, *rows], width=width)
    return [*lines, "", f"{count(len(rows), 'report')} left out"]


# --- Overlaps ------------------------------------------------------------------------------------


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
    return lines if study_id is not None else [*lines, "", _counts_of(groups)]


def _counts_of(groups: Collection[OverlapGroup]) -> str:
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


# --- What a check found --------------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    reports: int
    cohorts: int
    """How many were looked at; 0 where an error kept the registry from being read."""
    beside: int
    """Reports of the registry that they were read together with."""
    errors: tuple[Problem, ...] = ()
    """What cannot be used as it is."""
    warnings: tuple[Problem, ...] = ()
    """What looks like a slip."""
    notes: tuple[Problem, ...] = ()
    """What is worth knowing."""
    acknowledged: tuple[tuple[Problem, str], ...] = ()
    """Warnings that a study file accepts, with its reason."""

    @property
    def clean(self) -> bool:
        """Whether nothing is left to repair or to acknowledge."""
        return not self.errors and not self.warnings


def check(
    paths: Sequence[Path],
    *,
    folders: Sequence[Path] = (),
    alone: bool = False,
    lines_of_notes: bool = False,
) -> tuple[Registry | None, Checked]:
    """Check study files together with the registry that they will stand in.

    Parameters
    ----------
    paths : sequence of Path
        Study files and folders of them; empty: the whole registry.
    folders : sequence of Path
        Folders of the registry beside the shipped one.
    alone : bool
        Without the shipped registry.
    lines_of_notes : bool
        Look up the lines of notes too: there are some for most files, and each is read again.

    Returns
    -------
    registry : Registry or None
        The registry with the files in it; None where an error keeps it from being read.
    checked : Checked
        What was found. Errors are told of every file, for one broken file stops all; warnings and
        notes of `paths` only.
    """
    try:
        registry = load_registry(*folders, *paths, alone=alone)
    except RegistryError as error:
        return None, Checked(0, 0, 0, errors=tuple(map(placed, error.problems)))
    from studies.plausibility import review  # help does not wait for it

    names = {study_id for study_id in registry.studies if _among(registry, study_id, paths)}
    reviewed = review(registry)

    def chosen(problems: Iterable[Problem], *, lines: bool = True) -> tuple[Problem, ...]:
        here = [problem for problem in problems if Path(problem.file).stem in names]
        return tuple(map(placed, locate(here) if lines else here))

    accepted = [pair for pair in reviewed.acknowledged if Path(pair[0].file).stem in names]
    excused = chosen((problem for problem, _ in accepted), lines=lines_of_notes)
    return registry, Checked(
        reports=len(names),
        cohorts=sum(len(registry.studies[name].cohorts) for name in names),
        beside=len(registry) - len(names),
        errors=chosen(reviewed.stale),
        warnings=chosen(reviewed.warnings),
        notes=chosen(reviewed.notes, lines=lines_of_notes),
        acknowledged=tuple(zip(excused, (reason for _, reason in accepted), strict=True)),
    )


def _among(registry: Registry, study_id: str, paths: Sequence[Path]) -> bool:
    """Return whether a study was read from one of these files or folders."""
    file = registry.files[study_id].absolute()
    return not paths or any(path.absolute() in (file, file.parent) for path in paths)


def placed(problem: Problem) -> Problem:
    """Return a problem whose file can be opened from here."""
    if not problem.folder:
        return problem
    return replace(problem, file=shown_path(Path(problem.folder) / problem.file), folder="")


def checked_lines(checked: Checked, *, notes: bool = False) -> Iterator[str]:
    """Set out errors, warnings and counts, one problem on a line; `notes` and what is accepted."""
    yield from _section("Errors", map(_line, checked.errors))
    yield from _section("Warnings", map(_line, checked.warnings))
    if checked.warnings:
        check, field = checked.warnings[0].check, checked.warnings[0].field
        yield from (
            "A figure that does stand like that in the report stays as it is; say so in its file:",
            "  [[acknowledged]]",
            f'  check = "{check}"',
            f'  field = "{field}"',
            '  reason = "..."',
            "",
        )
    if notes:
        yield from _section("Notes", map(_line, checked.notes))
        accepted = (
            f"{_line(problem)} Acknowledged: {' '.join(reason.split())}"
            for problem, reason in checked.acknowledged
        )
        yield from _section("Acknowledged warnings", accepted)
    yield _counts(checked, notes)


def _section(title: str, lines: Iterable[str]) -> list[str]:
    body = list(lines)
    return [title, *body, ""] if body else []


def _line(problem: Problem) -> str:
    # A warning names its check where it says how it is acknowledged.
    check = f" [{problem.check}]" if problem.check and problem.severity == "note" else ""
    return " ".join(f"{problem}{check}".split())


def _counts(checked: Checked, notes: bool) -> str:
    if checked.errors and not checked.reports:
        return f"{count(len(checked.errors), 'error')}; warnings are looked for when none is left."
    what = f"{count(checked.reports, 'report')} with {count(checked.cohorts, 'cohort')} checked"
    if checked.beside:
        what += f" beside {checked.beside} of the registry"
    errors, warnings = (
        count(len(problems), noun) if problems else f"no {noun}"
        for noun, problems in (("error", checked.errors), ("warning", checked.warnings))
    )
    others = (("acknowledged warning", checked.acknowledged), ("note", checked.notes))
    aside = ", ".join(count(len(problems), noun) for noun, problems in others if problems)
    more = f"; {aside}" + ("" if notes else " (--notes shows them)") if aside else ""
    return f"{what}: {errors}, {warnings}{more}."


def checked_record(checked: Checked) -> Mapping[str, Any]:
    """Return what a check found as plain data: counts, and lists of problems by severity."""
    return {
        "reports": checked.reports,
        "cohorts": checked.cohorts,
        **{
            key: list(map(_record, getattr(checked, key)))
            for key in ("errors", "warnings", "notes")
        },
        "acknowledged": [
            _record(problem) | {"reason": reason} for problem, reason in checked.acknowledged
        ],
    }


def _record(problem: Problem) -> dict[str, Any]:
    keys = ("file", "line", "field", "severity", "check", "found", "expected", "action")
    return {key: getattr(problem, key) for key in keys}
