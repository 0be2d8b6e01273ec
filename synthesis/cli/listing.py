"""Cohorts, reports left out, overlaps and findings of a check as lines of text.

Reads nothing but the registry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap
from typing import Any

from studies import Cohort, Registry, Study, UnknownWordError, Vocabulary, load_registry
from studies.figures import RESPONSE, CohortRef, View, endpoints_of
from studies.files import locate
from studies.problems import Problem, RegistryError, closest
from studies.registry import Excluded, references
from studies.schema import NOT_STATED
from studies.selection import (
    OVERLAP_RULE,
    OverlapGroup,
    Selection,
    overlap_groups,
    why_first,
)
from studies.vocabulary import fold
from synthesis.cli import terminal
from synthesis.counting import select
from synthesis.endpoints import ENDPOINTS, survival_endpoints
from synthesis.numbers import count, in_sentence

WIDTH = 100
# Blanks between two columns of a table; the least width of folded words.
_GAP, _NARROW = 2, 12

_HEAD = ("STUDY", "COHORT", "YEAR", "DESIGN", "TREATMENT", "N", "PRINTS", "COUNTS")
_SHORT_DESIGNS = {
    "prospective_single_arm": "single arm",
    "case_series": "cases",
    "pooled_literature": "literature",
}
# Why a cohort has nothing to count for an endpoint; such a cohort stands in nobody's way.
_NO_FIGURE = ("no_figure", "subgroup_only", "response_not_a_count", "event_status", "not_verified")
_RULE = (
    "Patients count once for each endpoint. Of cohorts that share patients, only those with a "
    "figure of the endpoint are compared: a report that prints none of it displaces nobody. They "
    "are taken in this order, and each is counted unless it shares patients with one that is "
    "counted already:"
)
Years = tuple[int | None, int | None]


def aligned(
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[str] = (),
    width: int | None = None,
    drop: Sequence[str] = (),
) -> list[str]:
    """Set rows of cells in columns below the first, their heads; those of `right` flush right.

    Where they are wider than `width`, that of the terminal, columns of words are folded, but for
    the first; where that is not enough, those of `drop` are left out, one after the other.
    """
    table = list(rows)
    kept = table[0]
    for name in (None, *drop):
        kept = [head for head in kept if head != name]
        places = [table[0].index(head) for head in kept]
        shown = [[row[place] for place in places] for row in table]
        columns = list(zip(*shown, strict=True))
        widths = [max(map(len, column)) for column in columns]
        least = [widths[0], *map(_least, columns[1:], widths[1:])]
        gaps = _GAP * (len(kept) - 1)
        if width is None or sum(least) + gaps <= width:
            break
    if width is not None and sum(widths) + gaps > width:
        return _folded(shown, right, least, width)
    set_in = [str.rjust if head in right else str.ljust for head in kept]
    lines = []
    for row in shown:
        cells = (put(cell, own) for put, cell, own in zip(set_in, row, widths, strict=True))
        lines.append((" " * _GAP).join(cells).rstrip())
    return lines


def _least(column: Sequence[str], width: int) -> int:
    """Width that a column needs: of words so much that they can be folded, of numbers its own."""
    head, *cells = column
    words = any(len(cell) > _NARROW and not cell[0].isdigit() for cell in cells)
    return max(_NARROW, len(head)) if words else width


def _folded(
    rows: Sequence[Sequence[str]], right: Collection[str], least: Sequence[int], width: int
) -> list[str]:
    """Fit rows into the width of a terminal; a cell goes on in lines of its own."""
    from rich.console import Console
    from rich.table import Table

    grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    for head, own in zip(rows[0], least, strict=True):
        justify = "right" if head in right else "left"
        grid.add_column(justify=justify, overflow="fold", min_width=own)
    for row in rows:
        grid.add_row(*row)
    plain = {"color_system": None, "markup": False, "highlight": False, "emoji": False}
    console = Console(**terminal.size(width), **plain)
    with console.capture() as lines:
        console.print(grid)
    return [line.rstrip() for line in lines.get().splitlines()]


def labelled(label: str, text: str, *, indent: int = 0, width: int = 14) -> list[str]:
    """Set a text, wrapped at `WIDTH` or the terminal, behind its label of `width` columns."""
    room, first = min(WIDTH, terminal.width()), " " * indent + f"{label:<{width}}"
    return wrap(
        " ".join(text.split()),
        room,
        initial_indent=first if first.endswith(" ") or not first else f"{first} ",
        subsequent_indent=" " * (indent + width),
        break_long_words=room < WIDTH,  # only an identifier or an address is so long
        break_on_hyphens=False,
    )


def shown_path(path: Path) -> str:
    """Return a path as a reader finds it from here: relative where it lies below this folder."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


# --- Cohorts and reports left out ----------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """Which cohorts are looked for; None: any.

    Treatments by any of their names, a class by identifier or label, other words by those of the
    vocabulary; `years` are the first and the last one, None where open: only both open find a
    report without a year.
    """

    treatment: tuple[str, ...] = ()
    treatment_class: str | None = None
    endpoint: str | None = None
    design: str | None = None
    years: Years = (None, None)
    status: str | None = None
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
    """Return the cohorts that are looked for; `UnknownWordError` for an unknown word."""
    vocabulary, words = registry.vocabulary, known_words(registry.vocabulary)

    def written(kind: str) -> str | None:
        word, known = getattr(wanted, kind), {fold(each): each for each in words[kind]}
        if word is not None and fold(word) not in known:
            raise UnknownWordError(kind, word, closest(word, words[kind]))
        return word and known[fold(word)]

    endpoint, design, disease = map(written, ("endpoint", "design", "disease"))
    group = wanted.treatment_class
    group = None if group is None else vocabulary.treatment_class(group).id
    treatments = {vocabulary.treatment(name).id for name in wanted.treatment}
    return tuple(
        (study, cohort)
        for study in registry
        for cohort in study.cohorts
        if design in (None, study.design)
        and wanted.status in (None, study.status)
        and _in_years(study.citation.year, wanted.years)
        and (not treatments or cohort.treatment in treatments)
        and group in (None, vocabulary.treatment(cohort.treatment).class_)
        and disease in (None, cohort.disease or vocabulary.main_disease)
        and endpoint in (None, *endpoints_of(cohort))
    )


def _in_years(year: int | None, years: Years) -> bool:
    first, last = years
    if year is None:
        return first is None and last is None
    return (first or year) <= year <= (last or year)


def cohort_lines(
    registry: Registry, cohorts: Collection[tuple[Study, Cohort]], *, width: int | None = None
) -> list[str]:
    """List cohorts in aligned columns, one on a line, and their number.

    The name of a cohort that is that of its treatment is left out; ``COUNTS`` names the endpoints
    for which the cohort is counted. `width` is that of the terminal, if there is one.
    """
    counted = {name: {ref.id for ref in select(registry, name).counted} for name in ENDPOINTS}
    rows = [
        (
            study.id,
            "" if cohort.id == cohort.treatment else cohort.id,
            str(study.citation.year or "-"),
            _SHORT_DESIGNS.get(study.design, study.design),
            cohort.treatment,
            "-" if cohort.n is None else str(cohort.n),
            " ".join(endpoints_of(cohort)) or "-",
            " ".join(e for e in ENDPOINTS if f"{study.id}:{cohort.id}" in counted[e]) or "-",
        )
        for study, cohort in cohorts
    ]
    named = any(row[1] for row in rows)
    table = [row if named else (row[0], *row[2:]) for row in (_HEAD, *rows)]
    total = f"{count(len(rows), 'cohort')} of {count(len({row[0] for row in rows}), 'report')}"
    lines = aligned(table, right={"N"}, width=width, drop=("PRINTS", "DESIGN", "COHORT", "YEAR"))
    return [*lines, "", total]


def excluded_in(registry: Registry, years: Years = (None, None)) -> tuple[Excluded, ...]:
    """Return the reports that were left out, of some years of publication."""
    return tuple(report for report in registry.excluded if _in_years(report.citation.year, years))


def excluded_lines(excluded: Iterable[Excluded], *, width: int | None = None) -> list[str]:
    """List reports that were left out, one on a line, with the reason, and their number."""
    rows = [
        (
            report.id,
            str(report.citation.year or "-"),
            ", ".join(map(str, report.n)) or "-",
            " ".join(report.reason.split()),
        )
        for report in excluded
    ]
    head = ("REPORT", "YEAR", "N", "WHY IT WAS LEFT OUT")
    return [*aligned([head, *rows], width=width), "", f"{count(len(rows), 'report')} left out"]


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
    """Set out the reports that share patients: one line a group, with how many cohorts count.

    `study_id` gives the group of one report, at length; `endpoint` only one. At length (`verbose`)
    stand the overlaps with their reasons, and for each endpoint the cohorts that are counted, those
    that gave way, to whom and by which criterion, and those without a figure of it. `width` is that
    of the terminal, if there is one.
    """
    groups = [g for g in overlap_groups(registry) if study_id in (None, *g.studies)]
    chosen = {name: select(registry, name) for name in ([endpoint] if endpoint else ENDPOINTS)}
    if study_id is not None and not groups:
        alone = f"{_name(registry, study_id)} shares patients with no other report."
        return [*labelled("", alone, width=0), *_verdict_lines(registry, chosen, (study_id,))]
    lines: list[str] = []
    if verbose or study_id is not None:
        for group in groups:
            lines += [""] if lines else []
            lines += _group_lines(group, registry)
            lines += _verdict_lines(registry, chosen, group.studies)
    else:
        head = ("REPORTS", *(name.upper() for name in chosen), "WHO SHARE PATIENTS")
        rows = [_summary(group, chosen) for group in groups]
        lines += aligned([head, *rows], right=head[:-1], width=width)
    if study_id is not None:
        return lines
    reports = count(sum(len(group.studies) for group in groups), "report")
    edges = count(sum(len(group.edges) for group in groups), "overlap")
    return [*lines, "", f"{count(len(groups), 'group')} of {reports}, {edges}"]


def _name(registry: Registry, study_id: str) -> str:
    label = registry.labels[study_id]
    return study_id if label == study_id else f"{study_id} ({label})"


def _group_lines(group: OverlapGroup, registry: Registry) -> Iterator[str]:
    """Yield each overlap once, below the report that has the most of them."""
    partners: dict[str, dict[str, str]] = {name: {} for name in group.studies}
    for edge in group.edges:
        partners[edge.one][edge.other] = partners[edge.other][edge.one] = edge.reason
    shown: set[str] = set()
    for name in sorted(group.studies, key=lambda name: (-len(partners[name]), name)):
        known = {other: why for other, why in sorted(partners[name].items()) if other not in shown}
        reasons = {_name(registry, other): why for other, why in known.items()}
        unknown = [edge for edge in sorted(group.unknown) if edge.one == name]
        reasons |= {f"{edge.other} (not in the registry)": edge.reason for edge in unknown}
        if reasons:
            yield from labelled("", f"{_name(registry, name)} shares patients with", width=0)
        for other, why in reasons.items():
            yield from labelled("-", f"{other}: {why.rstrip('.')}", indent=2, width=2)
        shown.add(name)


def _summary(group: OverlapGroup, chosen: Mapping[str, Selection]) -> tuple[str, ...]:
    """Return how many cohorts of a group are counted, by endpoint, beside its reports."""
    counted = [
        sum(ref.study.id in group.studies for ref in selection.counted)
        for selection in chosen.values()
    ]
    unknown = [f"{edge.other} (not here)" for edge in group.unknown]
    names = ", ".join(dict.fromkeys([*group.studies, *unknown]))
    return (*map(str, (len(group.studies), *counted)), names)


def _verdict_lines(
    registry: Registry, chosen: Mapping[str, Selection], studies: Collection[str]
) -> Iterator[str]:
    """Yield for each endpoint which cohorts count, and why others do not."""
    refs = {ref.id: ref for ref in references(registry)}
    verdicts = {name: _verdicts(name, own, refs, studies) for name, own in chosen.items()}
    left_out = [set(own) for own in verdicts.values()]
    # one reason keeps these out of every endpoint
    never = {each for each in set.intersection(*left_out) if each[0] == "left out"}
    shown = {"any": [each for each in next(iter(verdicts.values())) if each in never]}
    shown |= {name: [each for each in own if each not in never] for name, own in verdicts.items()}
    for name, own in shown.items():
        for number, (verdict, text) in enumerate(own):
            label = "" if number else name
            yield from labelled(f"{label:<10}{verdict:<11}", text, indent=2, width=21)


def _verdicts(
    endpoint: str, selection: Selection, refs: Mapping[str, CohortRef], studies: Collection[str]
) -> list[tuple[str, str]]:
    """Return which cohorts count for an endpoint, which gave way, have no figure, are left out."""
    counted = [ref.id for ref in selection.counted if ref.study.id in studies]
    gave_way, without, out = [], [], []
    for entry in selection.left_out:
        name = f"{entry.study_id}:{entry.cohort_id}"
        if entry.study_id not in studies:
            continue
        if entry.gave_way_to is not None:
            why = why_first(refs[entry.gave_way_to], refs[name], View(endpoint, False, True))
            gave_way.append(("gave way", f"{name} to {entry.gave_way_to}: {why}"))
        elif entry.kind in _NO_FIGURE:
            without.append(name)
        else:
            out.append(("left out", f"{name}: {entry.reason}"))
    words = f"{', '.join(without)} (nothing to count, so it displaces nobody)"
    no_figure = [("no figure", words)] if without else []
    return [("counted", ", ".join(counted) or "none"), *gave_way, *no_figure, *out]


# --- What a check found --------------------------------------------------------------------------


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    reports: int = 0
    cohorts: int = 0
    """How many of both were checked; 0 where an error kept the registry from being read."""
    beside: int = 0
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
    """Check study files, or a whole registry, together with the registry they will stand in.

    `folders` are those of the registry beside the shipped one, which `alone` leaves out. Lines of
    notes are looked up on request: there are some for most files, and each is read again.

    Returns the registry with the files in it, None where an error keeps it from being read; and
    errors of every file, for one broken file stops all, warnings and notes of `paths` only.
    """
    try:
        registry = load_registry(*folders, *paths, alone=alone)
    except RegistryError as error:
        return None, Checked(errors=tuple(map(placed, error.problems)))
    from studies.plausibility import review  # help does not wait for it

    asked = {path.absolute() for path in paths}
    files = {study_id: registry.files[study_id].absolute() for study_id in registry.studies}
    names = {own for own, file in files.items() if not asked or asked & {file, file.parent}}
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
        errors=chosen([*reviewed.stale, *_contradictions(registry, names)]),
        warnings=chosen(reviewed.warnings),
        notes=chosen(reviewed.notes, lines=lines_of_notes),
        acknowledged=tuple(zip(excused, (reason for _, reason in accepted), strict=True)),
    )


def _contradictions(registry: Registry, names: Collection[str]) -> Iterator[Problem]:
    """Yield the cohorts of some reports whose points are those of no single curve."""
    for endpoint in survival_endpoints():
        for own in select(registry, endpoint, use_formed=True).left_out:
            if own.kind == "contradiction" and own.study_id in names:
                cohorts = [cohort.id for cohort in registry.studies[own.study_id].cohorts]
                field = f"cohorts[{cohorts.index(own.cohort_id)}]"
                found = in_sentence(own.reason).rstrip(".")
                action = f"correct one of them; until then the cohort is left out of {endpoint}"
                file = registry.files[own.study_id]
                words = field, f"that {found}", "points of one falling curve", action
                yield Problem(file.name, *words, folder=str(file.parent))


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
        first = checked.warnings[0]
        yield "A figure that does stand like that in the report stays as it is; say so in its file:"
        yield from ("  [[acknowledged]]", f'  check = "{first.check}"')
        yield from (f'  field = "{first.field}"', '  reason = "..."', "")
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


_SEVERITIES = ("errors", "warnings", "notes")


def checked_record(checked: Checked) -> Mapping[str, Any]:
    """Return what a check found as plain data: counts, and lists of problems by severity."""
    accepted = [_record(problem) | {"reason": reason} for problem, reason in checked.acknowledged]
    found = {name: list(map(_record, getattr(checked, name))) for name in _SEVERITIES}
    counts = {"reports": checked.reports, "cohorts": checked.cohorts}
    return counts | found | {"acknowledged": accepted}


def _record(problem: Problem) -> dict[str, Any]:
    keys = ("file", "line", "field", "severity", "check", "found", "expected", "action")
    return {key: getattr(problem, key) for key in keys}
