"""The folders and files that make up a registry: what is read, and what a later one replaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.problems import Problem, RegistryError

VOCABULARY_FILE = "vocabulary.toml"
EXCLUDED_FILE = "excluded.toml"
_NOT_STUDIES = (VOCABULARY_FILE, EXCLUDED_FILE)


@dataclass(frozen=True)
class Source:
    """A folder of study files, or a single study file.

    Attributes
    ----------
    path : Path
        The folder or the file, as it was given.
    files : tuple of Path
        The study files.
    vocabulary : Path or None
        The vocabulary beside them.
    excluded : Path or None
        The list of reports that were left out, in the folder or beside it; of a single file: None.
    """

    path: Path
    files: tuple[Path, ...]
    vocabulary: Path | None = None
    excluded: Path | None = None


@dataclass(frozen=True)
class Chosen:
    """Which files are read.

    Attributes
    ----------
    layers : mapping of Path to int
        The files, each with the position of its source.
    replaced : tuple of (str, Path)
        Identifier of a study of which a later source has another version, and that source.
    """

    layers: Mapping[Path, int]
    replaced: tuple[tuple[str, Path], ...]


def sources_of(paths: Iterable[Path | str]) -> tuple[Source, ...]:
    """Return what stands at some paths.

    Parameters
    ----------
    paths : iterable of Path or str
        Folders, or single study files, which end in ``.toml``.

    Returns
    -------
    tuple of Source
        One for each path.

    Raises
    ------
    RegistryError
        For every path without study files.
    """
    sources: list[Source] = []
    problems: list[Problem] = []
    for path in map(Path, paths):
        try:
            single = path.suffix.lower() == ".toml" and not path.is_dir()
            sources.append(_file_source(path) if single else _folder_source(path))
        except RegistryError as error:
            problems += error.problems
    if problems:
        raise RegistryError(problems)
    return tuple(sources)


def _file_source(path: Path) -> Source:
    """Return a single study file."""
    expected = "a study file"
    if path.name in _NOT_STUDIES:
        action = "give the path of the folder that it belongs to"
        raise RegistryError(
            [Problem(str(path), "", "a file of words or of reasons", expected, action)]
        )
    if not path.exists():
        action = "give the path of a study file, or of a folder of study files"
        raise RegistryError([Problem(str(path), "", "no such file", expected, action)])
    beside = path.parent / VOCABULARY_FILE
    return Source(path, (path,), beside if beside.is_file() else None)


def _folder_source(folder: Path) -> Source:
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
    files = tuple(
        entry
        for entry in entries
        if entry.suffix.lower() == ".toml"
        and not entry.name.startswith(".")
        and entry.name not in _NOT_STUDIES
    )
    if not files:
        below = [entry for entry in entries if entry.is_dir() and any(entry.glob("*.toml"))]
        action = (
            f"give the path of the folder {below[0].name} in it, which has such files"
            if below
            else "put a study file into it, or give the path of another folder"
        )
        raise RegistryError([Problem(str(folder), "", "no study file", expected, action)])
    own = folder / VOCABULARY_FILE
    lists = (folder / EXCLUDED_FILE, folder.parent / EXCLUDED_FILE)
    excluded = next((path for path in lists if path.is_file()), None)
    return Source(folder, files, own if own.exists() else None, excluded)


def without_repeats(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return sources without those that were given before.

    Parameters
    ----------
    sources : iterable of Source
        In the order in which they were given.

    Returns
    -------
    tuple of Source
        The first of each path.
    """
    found: dict[Path, Source] = {}
    for source in sources:
        found.setdefault(source.path.resolve(), source)
    return tuple(found.values())


def choose(sources: Sequence[Source], known: Mapping[str, Path]) -> Chosen:
    """Return which files are read: of two files with one name, that of the later source.

    Parameters
    ----------
    sources : sequence of Source
        Folders and files, in order.
    known : mapping of str to Path
        Files of studies that are there already, by identifier.

    Returns
    -------
    Chosen
        The files, and what they replace.
    """
    by_study: dict[str, list[Path]] = {name: [path] for name, path in known.items()}
    layers: dict[Path, int] = {}
    replaced: dict[str, Path] = {}
    for position, source in enumerate(sources):
        own: dict[str, list[Path]] = {}
        for path in source.files:
            own.setdefault(path.stem, []).append(path)
        for name, paths in own.items():
            earlier = by_study.get(name, [])
            if earlier and not _same(earlier, paths):
                replaced[name] = source.path
            for path in earlier:
                layers.pop(path, None)
            by_study[name] = paths
            layers |= dict.fromkeys(paths, position)
    return Chosen(layers, tuple(replaced.items()))


def _same(earlier: Sequence[Path], later: Sequence[Path]) -> bool:
    """Return whether paths lead to the same files."""
    return {path.resolve() for path in earlier} == {path.resolve() for path in later}
