"""Reports that were found and left out, each with the reason.

They stand in one file, ``excluded.toml``, in the folder of the study files or beside that folder::

    [[excluded]]
    id = "baek2017"
    n = [329]                           # patients of each printed group; may be left out
    reason = "The abstract prints no median and no survival rate."

    [excluded.citation]                 # as in a study file
    authors = ["Baek SK", "Lee MC"]
    year = 2017
    title = "Role of surgery in the management of anaplastic thyroid carcinoma"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from studies.checks import citation_findings, identifier_findings
from studies.files import placed, read_toml, validate
from studies.problems import Finding, Problem, in_folder, show
from studies.schema import Citation, PatientCount, Record, Text


class Excluded(Record):
    """A report that was found and left out."""

    id: Text
    """Identifier, which no study of the registry has."""
    n: tuple[PatientCount, ...] = ()
    """Patients of each printed group; empty where no number is printed."""
    reason: Text
    """Why it is left out."""
    citation: Citation
    """Bibliographic record."""


class _ExcludedFile(Record):
    excluded: tuple[Excluded, ...] = ()


def read_excluded(
    lists: Mapping[Path, Mapping[str, Path]], known: Iterable[Excluded] = ()
) -> tuple[tuple[Excluded, ...], tuple[Problem, ...]]:
    """Read lists of excluded reports and everything that is wrong with them."""
    entries = {entry.id: entry for entry in known}
    places = dict.fromkeys(entries, "an earlier list of reports that were left out")
    problems: list[Problem] = []
    for path in {path.resolve(): path for path in lists}.values():
        file = read_toml(path)
        problems += file.problems
        if file.content is None:
            continue
        validated = validate(file.content, _ExcludedFile, file.name)
        found = list(validated.problems)
        if validated.record is not None:
            here = validated.record.excluded
            owners = {name: str(study) for name, study in lists[path].items()}
            owners |= {
                entry.id: places[entry.id]
                for entry in here
                if entry.id in entries and entries[entry.id] != entry
            }
            found += placed(_findings(here, owners), validated, file.name)
            for place, entry in enumerate(here):
                entries.setdefault(entry.id, entry)
                places.setdefault(entry.id, f"excluded[{place}] of {path}")
        problems += in_folder(found, path.parent)
    return tuple(entries.values()), tuple(problems)


def _findings(entries: tuple[Excluded, ...], owners: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is wrong with the reports of one file."""
    action = "remove one of the two, or give them different ids"
    first: dict[str, int] = {}
    for place, entry in enumerate(entries):
        path = ("excluded", place)
        yield from identifier_findings(entry.id, (*path, "id"))
        yield from citation_findings(entry.citation, (*path, "citation"))
        if first.setdefault(entry.id, place) != place:
            expected, other = "an id that {other} does not have", ("excluded", first[entry.id])
            yield Finding((*path, "id"), show(entry.id), expected, action, other)
        elif entry.id in owners:
            expected = f"an id of its own, which {owners[entry.id]} has already"
            yield Finding((*path, "id"), show(entry.id), expected, action)
