"""What a check of study files found, as lines of text and as plain data for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studies import Problem, Registry, RegistryError, load_registry
from studies.files import locate
from synthesis.text.plain import count, shown_path


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
