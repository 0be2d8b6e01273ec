"""A registry: a folder with one file for each published report, read and checked as a whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studies.checks import overlap_findings, study_findings, word_findings
from studies.problems import Problem, RegistryError, closest, show
from studies.reading import TomlFile, Validated, placed, read_toml, validate
from studies.schema import Study
from studies.values import FrozenDict
from studies.vocabulary import (
    SHIPPED_VOCABULARY,
    UnknownWordError,
    Vocabulary,
    read_vocabulary,
)

SHIPPED_FOLDER = Path(__file__).parent / "data"
VOCABULARY_FILE = "vocabulary.toml"
EXCLUDED_FILE = "excluded.toml"
_NOT_STUDIES = (VOCABULARY_FILE, EXCLUDED_FILE)
# Stand in for keys that are missing or refused, so that the figures are checked all the same.
_STAND_INS = {"id": "unknown", "status": "secondary", "citation": {}}
_LOST_COHORT = re.compile(r"cohorts\[\d+\](\.id)?")


@dataclass(frozen=True)
class Registry:
    """Published reports with the words that they use.

    Attributes
    ----------
    studies : mapping of str to Study
        By identifier, in alphabetical order.
    vocabulary : Vocabulary
        The words.
    fingerprints : mapping of str to str
        SHA-256 of each study file, hexadecimal, by identifier of the study.
    vocabulary_fingerprint : str
        SHA-256 of the vocabulary file.
    folder : Path
        Where the files stand.
    fingerprint : str
        SHA-256 over all of these: the same for two registries with the same files.
    """

    studies: Mapping[str, Study]
    vocabulary: Vocabulary
    fingerprints: Mapping[str, str]
    vocabulary_fingerprint: str
    folder: Path
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        """Order the studies and derive the fingerprint of the whole."""
        ordered = {key: self.studies[key] for key in sorted(self.studies)}
        prints = {key: self.fingerprints[key] for key in ordered}
        lines = [f"{key} {value}" for key, value in prints.items()]
        whole = hashlib.sha256("\n".join([*lines, self.vocabulary_fingerprint]).encode())
        object.__setattr__(self, "studies", FrozenDict(ordered))
        object.__setattr__(self, "fingerprints", FrozenDict(prints))
        object.__setattr__(self, "fingerprint", whole.hexdigest())

    def __len__(self) -> int:
        """Return the number of studies."""
        return len(self.studies)

    def __iter__(self) -> Iterator[Study]:
        """Iterate over the studies by identifier."""
        return iter(self.studies.values())

    def study(self, study_id: str) -> Study:
        """Return one study.

        Parameters
        ----------
        study_id : str
            Its identifier.

        Returns
        -------
        Study
            The study.

        Raises
        ------
        UnknownWordError
            Where the registry does not hold it; the message names the closest identifier.
        """
        if study_id not in self.studies:
            raise UnknownWordError("study", study_id, closest(study_id, self.studies))
        return self.studies[study_id]


def load_registry(path: Path | str | None = None) -> Registry:
    """Load a registry, and check every figure of every file.

    Parameters
    ----------
    path : Path, str or None
        Folder with one TOML file for each study. A ``vocabulary.toml`` beside them is used instead
        of the shipped vocabulary. None: the registry that comes with this package.

    Returns
    -------
    Registry
        The registry.

    Raises
    ------
    RegistryError
        With every problem of every file.
    """
    folder = SHIPPED_FOLDER if path is None else Path(path)
    files = _study_files(folder)
    own = folder / VOCABULARY_FILE
    vocabulary, found, vocabulary_file = read_vocabulary(
        own if own.exists() else SHIPPED_VOCABULARY
    )
    problems = list(found)
    read = [read_toml(file) for file in files]
    validated = {
        file.name: validate(file.content, Study, file.name, _STAND_INS)
        for file in read
        if file.content is not None
    }
    studies = {
        result.record.id: result.record
        for result in validated.values()
        if result.record is not None
    }
    files_by_id = _files_by_id(read)
    for file in read:
        problems += file.problems
        problems += _identity_problems(file, files_by_id)
        if file.name in validated:
            words = None if found else vocabulary
            problems += _content_problems(validated[file.name], file.name, words, studies)
    if problems or vocabulary is None:
        raise RegistryError(sorted(problems, key=_place_of))
    return Registry(
        studies=studies,
        vocabulary=vocabulary,
        fingerprints={Path(file.name).stem: file.fingerprint for file in read},
        vocabulary_fingerprint=vocabulary_file.fingerprint,
        folder=folder,
    )


def _place_of(problem: Problem) -> tuple[bool, str, list[tuple[int, str]]]:
    """Return the sorting key of a problem: the vocabulary first, then by file and field."""
    parts = re.findall(r"\d+|[^\d]+", problem.field)
    field = [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
    return problem.file != VOCABULARY_FILE, problem.file, field


def _study_files(folder: Path) -> list[Path]:
    """Return the study files of a folder; hidden files, which editors leave behind, are none."""
    expected = "a folder with one TOML file for each study"
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        found = {
            FileNotFoundError: "no such folder",
            NotADirectoryError: "a file",
        }.get(type(error), f"a folder that cannot be read ({error.strerror})")
        action = "give the path of the folder that holds the study files"
        raise RegistryError([Problem(str(folder), "", found, expected, action)]) from None
    files = [
        entry
        for entry in entries
        if entry.suffix.lower() == ".toml"
        and not entry.name.startswith(".")
        and entry.name not in _NOT_STUDIES
    ]
    if not files:
        below = [entry for entry in entries if entry.is_dir() and any(entry.glob("*.toml"))]
        action = (
            f"give the path of the folder {below[0].name} in it, which has such files"
            if below
            else "put a study file into it, or give the path of another folder"
        )
        raise RegistryError([Problem(str(folder), "", "no study file", expected, action)])
    return files


def _files_by_id(files: list[TomlFile]) -> dict[str, list[str]]:
    """Return the names of the files in which each identifier stands."""
    by_id: dict[str, list[str]] = {}
    for file in files:
        study_id = file.content.get("id") if file.content is not None else None
        if isinstance(study_id, str):
            by_id.setdefault(study_id, []).append(file.name)
    return by_id


def _identity_problems(file: TomlFile, files_by_id: Mapping[str, list[str]]) -> Iterator[Problem]:
    """Yield a problem where a study has not the identifier of its file, or that of another."""
    stem = Path(file.name).stem
    for study_id, names in files_by_id.items():
        if file.name not in names or study_id == stem:
            continue
        others = [name for name in names if name != file.name]
        expected = f'the name of the file, "{stem}"'
        if others:
            expected += f", since {' and '.join(others)} has the same id"
            action = f'write id = "{stem}", or remove one of the files'
        else:
            action = f'write id = "{stem}", or rename the file to {study_id}.toml'
        yield Problem(file.name, "id", show(study_id), expected, action)


def _content_problems(
    validated: Validated[Study],
    name: str,
    vocabulary: Vocabulary | None,
    studies: Mapping[str, Study],
) -> Iterator[Problem]:
    """Yield everything that is wrong within one file and between it and the others.

    Words are not checked where the vocabulary itself is broken: most would be missed by mistake.
    """
    yield from validated.problems
    study = validated.record
    if study is None:
        return
    findings = [*study_findings(study), *overlap_findings(study, studies)]
    # A study that lost a cohort to a mistake cannot be blamed for pointing to it.
    if any(_LOST_COHORT.fullmatch(place) for place in validated.removed):
        findings = [f for f in findings if "part_of" not in f.path and "pairs" not in f.path]
    if vocabulary is not None:
        findings += word_findings(study, vocabulary)
    yield from placed(findings, validated, name)


def unresolved_overlaps(registry: Registry) -> tuple[tuple[str, str], ...]:
    """Return the declared overlaps with reports that the registry does not hold.

    Parameters
    ----------
    registry : Registry
        The registry.

    Returns
    -------
    tuple of (str, str)
        Study that declares the overlap, and the identifier that it names.
    """
    return tuple(
        (study.id, overlap.with_)
        for study in registry
        for overlap in study.overlaps
        if overlap.with_ not in registry.studies
    )
