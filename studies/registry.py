"""A registry: one file for each published report, read from folders and checked as a whole.

Reports that were found and left out stand in one file, ``excluded.toml``, in the folder of the
study files or beside that folder.

One endpoint is read as another only where the vocabulary allows it, and only on request: a time to
progression is no progression-free survival. An analysis may ask for it to see how much hangs on it;
every cohort that is read so carries a caution.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count, product
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, NamedTuple

from studies import checks, files
from studies.figures import CohortRef, endpoints_of, study_label
from studies.kinds import FrozenDict, PatientCount, Record, Text
from studies.problems import (
    Finding,
    Problem,
    RegistryError,
    closest,
    dotted,
    in_folder,
    odd,
    repeats,
    show,
)
from studies.schema import Citation, Cohort, Study, Subgroup
from studies.vocabulary import (
    Conversion,
    UnknownWordError,
    Vocabulary,
    WordsRead,
    fold,
    read_vocabulary,
)

if TYPE_CHECKING:
    import pandas as pd

SHIPPED_FOLDER = Path(__file__).parent / "data"
# Stand in for keys that are missing or refused, so that the figures are checked all the same.
_STAND_INS = {"id": "unknown", "status": "secondary", "citation": {}}


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


class ConvertedEndpoint(NamedTuple):
    """A reading of one endpoint as another, which somebody asked for."""

    from_: str
    to: str
    """The printed endpoint, and what it is read as."""
    cohorts: tuple[str, ...]
    """``study:cohort`` each."""


def _endings() -> Iterator[str]:
    """Yield a to z, then aa, ab and so on."""
    for length in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=length))


@dataclass(frozen=True)
class Registry:
    """Published reports with the words that they use."""

    studies: Mapping[str, Study]
    """By identifier, in alphabetical order."""
    vocabulary: Vocabulary
    fingerprints: Mapping[str, str]
    """SHA-256 of each study file, hexadecimal, by identifier of the study."""
    vocabulary_fingerprint: str
    """SHA-256 of the vocabulary file, or over those of several."""
    folders: tuple[Path, ...]
    """The folders and the single files that were read, as they were given."""
    files: Mapping[str, Path]
    """Where each study stands, by its identifier."""
    excluded: tuple[Excluded, ...] = ()
    """Reports that were found and left out."""
    taken_in: tuple[Excluded, ...] = ()
    """Reports that an earlier folder lists as left out and a later one has a study file of."""
    replaced: tuple[tuple[str, Path], ...] = ()
    """Studies of which a later folder has another version, and that folder."""
    conversions: tuple[ConvertedEndpoint, ...] = ()
    """Endpoints that are read as others; empty as read from the files."""
    min_quality: int = 0
    """Items of its appraisal, of ten, that a report must have answered yes to be counted."""
    priors: Path | None = None
    """The file of priors beside a vocabulary that stands alone."""
    own_words: bool = False
    """Whether the vocabulary is not the shipped one, and so the disease another."""
    beside: Registry | None = None
    """That of the main disease, of which this one is of another disease."""
    fingerprint: str = field(init=False)
    """SHA-256 over files and what was asked of them: the same for the same content."""

    def __post_init__(self) -> None:
        for name in ("studies", "fingerprints", "files"):
            held = getattr(self, name)
            ordered = FrozenDict({key: held[key] for key in sorted(self.studies)})
            object.__setattr__(self, name, ordered)
        lines = [f"{key} {value}" for key, value in self.fingerprints.items()]
        lines.append(self.vocabulary_fingerprint)
        lines += [f"{reading.from_} as {reading.to}" for reading in self.conversions]
        lines += [f"quality {self.min_quality}"] if self.min_quality else []
        whole = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        object.__setattr__(self, "fingerprint", whole)

    def __len__(self) -> int:
        return len(self.studies)

    def __iter__(self) -> Iterator[Study]:
        return iter(self.studies.values())

    def __contains__(self, study: object) -> bool:
        return study in self.studies or study in self.studies.values()

    def __repr__(self) -> str:
        cohorts = sum(len(study.cohorts) for study in self)
        folders = ", ".join(map(str, self.folders))
        return f"Registry of {len(self)} reports with {cohorts} cohorts, from {folders}"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.to_frame()._repr_html_()

    def to_frame(self) -> pd.DataFrame:
        """Every cohort and endpoint as a row (:func:`studies.documents.registry_frame`)."""
        from studies.documents import registry_frame

        return registry_frame(self)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """How a report is called, by its identifier: "Pennell 2008", "Iyer 2018b".

        No two have one label; reports that were left out have labels, too.
        """
        every = {report.id: study_label(report) for report in (*self, *self.excluded)}
        times = Counter(every.values())
        taken, named = {label for label in times if times[label] == 1}, {}
        endings = {label: _endings() for label in times if times[label] > 1}
        for own, label in every.items():
            if label in endings:
                ended = (f"{label}{ending}" for ending in endings[label])
                label = next(each for each in ended if each not in taken)
            named[own] = label
        return FrozenDict(named)

    @property
    def folder(self) -> Path:
        """The first of the folders."""
        return self.folders[0]

    def study(self, study_id: str) -> Study:
        """Return one study; `UnknownWordError` names the closest identifier."""
        if study_id not in self.studies:
            raise UnknownWordError("study", study_id, closest(study_id, self.studies))
        return self.studies[study_id]

    __getitem__ = study


def load_registry(*folders: Path | str | None, alone: bool = False) -> Registry:
    """Load a registry, and check every figure of every file.

    Parameters
    ----------
    *folders : Path, str or None
        Folders with one TOML file for each study, or single study files. They add to the registry
        that comes with this package, and a study with the identifier of an earlier one replaces
        it. A folder with a ``vocabulary.toml`` stands alone instead, unless that says ``extends =
        true``: then its words are added. A ``priors.toml`` beside one that stands alone holds the
        priors of its disease. None, or nothing at all: the shipped registry.
    alone : bool
        Leave out the shipped studies in any case; its vocabulary serves where no folder has one.

    Raises
    ------
    RegistryError
        With every problem of every file.
    """
    given = [folder for folder in folders if folder is not None]
    sources = files.sources_of(given)
    words = read_vocabulary(source.vocabulary for source in sources if source.vocabulary)
    if not sources or not (alone or words.stands_alone):
        sources = files.sources_of([SHIPPED_FOLDER, *given])
    return _assemble(sources, words, None)


def add_studies(registry: Registry, paths: Iterable[Path | str]) -> Registry:
    """Return a registry with more studies, checked as those of a registry are.

    What `registry` reads as another endpoint is read so in the new studies too.

    Parameters
    ----------
    registry : Registry
        The registry, which stays as it is.
    paths : iterable of Path or str
        Study files, or folders of them. A study with the identifier of one that is there replaces
        it. Vocabularies beside them that say ``extends = true`` add their words.

    Raises
    ------
    RegistryError
        With every problem of the new files, and of what they do to those that are there.
    """
    sources = files.sources_of(paths)
    words = registry.vocabulary, registry.vocabulary_fingerprint
    beside = (source.vocabulary for source in sources if source.vocabulary)
    return _read_as(_assemble(sources, read_vocabulary(beside, words), registry))


def add_tables(
    registry: Registry | None, files: Mapping[str, Mapping[str, Any]], place: Path
) -> Registry:
    """Return a registry with studies that have no file, from their checked tables.

    None is a registry of no study with the shipped words; `place` stands where a file would.
    `RegistryError` holds every identifier that is there already.
    """
    before = _assemble((), read_vocabulary(()), None) if registry is None else registry
    own = {str(tables["id"]): tables for tables in files.values()}
    known = {*before.studies, *(report.id for report in before.excluded)}
    expected, action = "an identifier that the registry does not have", "write another one"
    if known & own.keys():
        clashes = (show(name) for name in own if name in known)
        raise RegistryError(Problem(place.name, "study", w, expected, action) for w in clashes)
    texts = {name: json.dumps(tables, default=str).encode() for name, tables in own.items()}
    prints = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
    larger = replace(
        before,
        studies={**before.studies, **{n: Study.model_validate(t) for n, t in own.items()}},
        fingerprints={**before.fingerprints, **prints},
        files={**before.files, **dict.fromkeys(own, place)},
        folders=(*before.folders, place),
    )
    return _read_as(larger)


def _read_as(registry: Registry) -> Registry:
    """Return a registry to which studies were added, with the readings of the others for these."""
    pairs = [f"{reading.from_}:{reading.to}" for reading in registry.conversions]
    return convert_endpoints(registry, pairs) if pairs else registry


class _Report(NamedTuple):
    """One study file, with the place of its folder among those that were given."""

    file: files.TomlFile
    layer: int
    validated: files.Validated[Study]

    @property
    def study(self) -> Study | None:
        return self.validated.record

    @property
    def lost_cohort(self) -> bool:
        """Whether a cohort was refused, so that nobody can be blamed for pointing to it."""
        removed = self.validated.removed
        lost = {place[2:] for place in removed if place[0] == "cohorts" and place[1:]}
        return bool(lost & {(), ("id",)})


def _assemble(
    sources: Sequence[files.Source], words: WordsRead, before: Registry | None
) -> Registry:
    """Read the files of some sources and check them, together with a registry that is there."""
    earlier = {} if before is None else before.files
    layers, replaced = files.choose(sources, earlier)
    reports = []
    for path, layer in layers.items():
        file = files.read_toml(path)
        reports.append(_Report(file, layer, _validated(file, Study, _STAND_INS)))
    paths = {report.file.path.stem: report.file.path for report in reports}
    left_out = () if before is None else before.excluded
    excluded, about_excluded = _read_excluded(sources, layers, earlier, left_out)
    problems = [*words.problems, *about_excluded]
    problems += _content_problems(reports, None if words.problems else words.vocabulary)
    problems += _overlap_problems(reports, before)
    priors = words.priors if before is None else before.priors
    problems += _stray_priors(sources, priors)
    if problems or words.vocabulary is None:
        raise RegistryError(files.locate(sorted(problems, key=_place_of)))
    new = Registry(
        studies={report.study.id: report.study for report in reports if report.study is not None},
        vocabulary=words.vocabulary,
        fingerprints={report.file.path.stem: report.file.fingerprint for report in reports},
        vocabulary_fingerprint=words.fingerprint,
        folders=tuple(source.path for source in sources),
        files=paths,
        excluded=tuple(entry for entry in excluded if entry.id not in paths),
        taken_in=tuple(entry for entry in excluded if entry.id in paths),
        replaced=replaced,
        priors=priors,
        own_words=words.stands_alone if before is None else before.own_words,
    )
    return new if before is None else _joined(before, new)


def _stray_priors(sources: Sequence[files.Source], used: Path | None) -> Iterator[Problem]:
    """Yield the files of priors that stand beside no vocabulary of their own."""
    for source in sources:
        path = source.path / files.PRIORS_FILE
        if path.exists() and (used is None or not path.samefile(used)):
            found = "priors of no disease of their own"
            expected = f"them beside a {files.VOCABULARY_FILE} that stands alone"
            action = f"give them with --priors {path}, under another name or in another folder"
            yield Problem(path.name, "", found, expected, action, folder=str(source.path))


def _read_excluded(
    sources: Sequence[files.Source],
    layers: Mapping[Path, int],
    earlier: Mapping[str, Path],
    known: Iterable[Excluded],
) -> tuple[tuple[Excluded, ...], tuple[Problem, ...]]:
    """Read the lists of excluded reports and everything that is wrong with them.

    A list must not name the studies of its folder and of earlier ones; a later folder may have a
    study file of a report that was left out before.
    """
    entries = {entry.id: entry for entry in known}
    places = dict.fromkeys(entries, "an earlier list of reports that were left out")
    problems: list[Problem] = []
    last = {source.excluded: i for i, source in enumerate(sources) if source.excluded is not None}
    for path in {path.resolve(): path for path in sorted(last)}.values():
        file = files.read_toml(path)
        validated = _validated(file, _ExcludedFile)
        here = () if validated.record is None else validated.record.excluded
        held = {study.stem: study for study, layer in layers.items() if layer <= last[path]}
        owners = {name: str(study) for name, study in {**earlier, **held}.items()}
        owners |= {e.id: places[e.id] for e in here if entries.get(e.id, e) != e}
        about = files.placed(_about_excluded(here, owners), validated, file.name)
        problems += in_folder([*validated.problems, *about], path.parent)
        for place, entry in enumerate(here):
            entries.setdefault(entry.id, entry)
            places.setdefault(entry.id, f"excluded[{place}] of {path}")
    return tuple(entries.values()), tuple(problems)


def _validated(
    file: files.TomlFile, model: type[Record], stand_ins: Mapping[str, Any] = FrozenDict()
) -> files.Validated[Any]:
    if file.content is None:
        return files.Validated(None, file.problems)
    return files.validate(file.content, model, file.name, stand_ins)


def _about_excluded(entries: tuple[Excluded, ...], owners: Mapping[str, str]) -> Iterator[Finding]:
    action = "remove one of the two, or give them different ids"
    repeated = dict(repeats(entry.id for entry in entries))
    for place, entry in enumerate(entries):
        path = ("excluded", place)
        yield from checks.identifier_findings(entry.id, (*path, "id"))
        yield from checks.citation_findings(entry.citation, (*path, "citation"))
        if place in repeated:
            expected, other = "an id that {other} does not have", ("excluded", repeated[place])
            yield odd((*path, "id"), entry.id, expected, action, other)
        elif entry.id in owners:
            expected = f"an id of its own, which {owners[entry.id]} has already"
            yield odd((*path, "id"), entry.id, expected, action)


def _joined(before: Registry, new: Registry) -> Registry:
    def kept(reading: ConvertedEndpoint) -> ConvertedEndpoint:
        names = (name for name in reading.cohorts if name.partition(":")[0] not in new.files)
        return reading._replace(cohorts=tuple(names))

    return replace(
        new,
        conversions=tuple(map(kept, before.conversions)),
        min_quality=before.min_quality,
        studies={**before.studies, **new.studies},
        fingerprints={**before.fingerprints, **new.fingerprints},
        files={**before.files, **new.files},
        folders=(*before.folders, *new.folders),
        taken_in=(*before.taken_in, *new.taken_in),
        replaced=(*before.replaced, *new.replaced),
    )


def _place_of(problem: Problem) -> tuple[bool, str, str, list[tuple[int, str]]]:
    """Return the sorting key of a problem: the vocabulary first, then by file and field."""
    parts = re.findall(r"\d+|[^\d]+", problem.field)
    field = [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
    return problem.file != files.VOCABULARY_FILE, problem.file, problem.folder, field


def _content_problems(
    reports: Sequence[_Report], vocabulary: Vocabulary | None
) -> Iterator[Problem]:
    """Yield everything that is wrong within single files.

    Words are not checked where the vocabulary itself is broken: most would be missed by mistake.
    """
    names: dict[str, list[str]] = {}
    for report in reports:
        names.setdefault(_written_id(report.file) or "", []).append(report.file.name)
    for report in reports:
        problems = [*_identity_problems(report.file, names), *report.validated.problems]
        if report.study is not None:
            findings = checks.study_findings(report.study, vocabulary)
            if report.lost_cohort:
                findings = (own for own in findings if not {"part_of", "pairs"} & {*own.path})
            problems += files.placed(findings, report.validated, report.file.name)
        yield from in_folder(problems, report.file.path.parent)


def _written_id(file: files.TomlFile) -> str | None:
    study_id = file.content.get("id") if file.content is not None else None
    return study_id if isinstance(study_id, str) else None


def _identity_problems(file: files.TomlFile, names: Mapping[str, list[str]]) -> Iterator[Problem]:
    """Yield a problem where a study has not the identifier of its file, or that of another."""
    stem, study_id = file.path.stem, _written_id(file)
    if study_id is None or study_id == stem:
        return
    others = [name for name in names[study_id] if name != file.name]
    expected = f'the name of the file, "{stem}"'
    if others:
        expected += f", since {' and '.join(others)} has the same id"
        action = f'write id = "{stem}", or remove one of the files'
    else:
        action = f'write id = "{stem}", or rename the file to {study_id}.toml'
    yield Problem(file.name, "id", show(study_id), expected, action)


def _overlap_problems(reports: Sequence[_Report], before: Registry | None) -> Iterator[Problem]:
    new = {report.file.path.stem for report in reports}
    held = [
        # studies that were there and stay, as if their files had been read again
        _Report(files.TomlFile(before.files[study.id], None, ""), -1, files.Validated(study))
        for study in before or ()
        if study.id not in new
    ]
    sound = [own for own in (*held, *reports) if own.study is not None and not own.lost_cohort]
    by_id = {report.study.id: report for report in sound}
    studies = {name: report.study for name, report in by_id.items()}
    for report in sound:
        path, here = report.file.path, []
        for finding in checks.overlap_findings(report.study, studies):
            other = by_id[report.study.overlaps[finding.path[1]].with_]
            if other.layer > report.layer:
                yield _missed(finding, path, other.file.path)
            else:
                here.append(finding)
        yield from in_folder(files.placed(here, report.validated, path.name), path.parent)


def _missed(finding: Finding, declaring: Path, other: Path) -> Problem:
    """Say that a study of a later folder lacks a cohort that an earlier study pairs with its own.

    The earlier file was sound before: what has to change stands in the later one.
    """
    expected = f"one, since {dotted(finding.path)} of {declaring} says that it shares patients"
    action = (
        f"give the cohort of these patients this id, or put a copy of {declaring.name} into your "
        "folder and correct the pair there"
    )
    missing, folder = f"no cohort {finding.found}", str(other.parent)
    return Problem(other.name, "cohorts", missing, expected, action, folder=folder)


def of_disease(registry: Registry, name: str) -> Registry:
    """Return the reports on another disease, to be pooled as a population beside the main one.

    A cohort counts by the rules of any other, and also where its patients had various treatments;
    one that names no disease keeps that of `registry`.

    Parameters
    ----------
    registry : Registry
        The registry, which stays as it is.
    name : str
        A disease that its vocabulary sets apart; `UnknownWordError` for another.
    """
    words = registry.vocabulary
    known = {fold(word): word for word in words.apart}
    word = known.get(fold(name))
    if word is None:
        raise UnknownWordError("disease pooled apart", name, closest(name, words.apart))
    cohorts = {
        study.id: [
            own.model_copy(update={"disease": own.disease or words.main_disease})
            for own in study.cohorts
        ]
        for study in registry
    }
    return replace(
        registry,
        studies={
            name: registry.studies[name].model_copy(update={"cohorts": tuple(own)})
            for name, own in cohorts.items()
            if any(each.disease == word for each in own)
        },
        vocabulary=words.model_copy(update={"disease": word, "subject": words.apart[word]}),
        vocabulary_fingerprint=f"{registry.vocabulary_fingerprint} {word}",
        beside=registry,
    )


class ConversionError(ValueError):
    """A reading of one endpoint as another that is not possible, or not allowed."""


def convert_endpoints(registry: Registry, wanted: Sequence[str]) -> Registry:
    """Read printed figures of one endpoint as figures of another, in copies of the studies.

    Each cohort concerned gets a caution. A cohort of which the report prints the wanted endpoint,
    be it for a subgroup only, keeps all figures as they are.

    Parameters
    ----------
    registry : Registry
        The registry, which stays as it is.
    wanted : sequence of str
        The readings, ``"ttp:pfs"`` each. Where two lead to the same endpoint, the first that a
        cohort prints is used; no figure is read twice.

    Raises
    ------
    ConversionError
        For a pair that the vocabulary does not allow; the message holds its reason.
    UnknownWordError
        For an endpoint that the vocabulary does not hold.
    """
    pairs = dict.fromkeys(_allowed(text, registry.vocabulary) for text in wanted)
    # What was read as another endpoint is not read on as a third.
    settled = {(name, before.to) for before in registry.conversions for name in before.cohorts}
    read = {(before.from_, before.to): [*before.cohorts] for before in registry.conversions}
    studies = {}
    for pair in pairs:
        read.setdefault((pair.from_, pair.to), [])
    for study in registry:
        cohorts = []
        for cohort in study.cohorts:
            name = f"{study.id}:{cohort.id}"
            possible = [pair for pair in pairs if (name, pair.from_) not in settled]
            chosen = _chosen(cohort, possible)
            for pair in chosen:
                read[pair.from_, pair.to].append(name)
            cohorts.append(_converted(cohort, chosen, registry.vocabulary))
        same = all(new is old for new, old in zip(cohorts, study.cohorts, strict=True))
        studies[study.id] = study if same else study.model_copy(update={"cohorts": tuple(cohorts)})
    conversions = (ConvertedEndpoint(*key, tuple(dict.fromkeys(n))) for key, n in read.items())
    return replace(registry, studies=studies, conversions=tuple(conversions))


def _allowed(text: str, vocabulary: Vocabulary) -> Conversion:
    """Return what the vocabulary says of a wanted reading, if it allows it."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 2 or not all(parts):
        raise ConversionError(
            f'"{text}" names no two endpoints: write the printed one and the one that it is read '
            "as, for example ttp:pfs."
        )
    from_, to = (vocabulary.endpoint(part).id for part in parts)
    pairs = {(pair.from_, pair.to): pair for pair in vocabulary.conversions}
    if (from_, to) not in pairs:
        possible = [f"{a}:{b}" for (a, b), pair in pairs.items() if pair.allowed == "on request"]
        raise ConversionError(
            f"The vocabulary does not say that {from_} may be read as {to}; possible: "
            f"{', '.join(possible) or 'nothing'}."
        )
    pair = pairs[from_, to]
    if pair.allowed == "never":
        raise ConversionError(f"{from_} is never read as {to}. {as_sentence(pair.reason)}")
    return pair


def _chosen(cohort: Cohort, pairs: Sequence[Conversion]) -> tuple[Conversion, ...]:
    """Return the readings that apply to a cohort: those of what it prints as what it does not."""
    printed = set(endpoints_of(cohort))
    taken: set[str] = set()
    chosen = []
    for pair in pairs:
        if pair.from_ in printed - taken and pair.to not in printed | taken:
            chosen.append(pair)
            taken |= {pair.from_, pair.to}
    return tuple(chosen)


def _converted(cohort: Cohort, chosen: Sequence[Conversion], vocabulary: Vocabulary) -> Cohort:
    if not chosen:
        return cohort
    names = {pair.from_: pair.to for pair in chosen}
    cautions = [] if cohort.caution is None else [as_sentence(cohort.caution)]
    for pair in chosen:
        printed, read_as = vocabulary.endpoint(pair.from_), vocabulary.endpoint(pair.to)
        cautions.append(
            f"{printed.label} ({printed.id}) is printed and read as {read_as.label.lower()} "
            f"({read_as.id}). {as_sentence(pair.reason)}"
        )
    groups = (group.model_copy(update=_renamed(group, names)) for group in cohort.subgroups)
    changes = {"subgroups": tuple(groups), "caution": " ".join(cautions)}
    return cohort.model_copy(update=_renamed(cohort, names) | changes)


def _renamed(arm: Cohort | Subgroup, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        kind: tuple(
            figure.model_copy(update={"endpoint": names.get(figure.endpoint, figure.endpoint)})
            for figure in getattr(arm, kind)
        )
        for kind in ("survival", "landmarks")
    }


def as_sentence(text: str) -> str:
    """Return a reason as a full sentence."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def references(registry: Registry) -> list[CohortRef]:
    """Return every cohort of a registry, in its order."""
    vocabulary = registry.vocabulary
    words = {t.id: vocabulary.treatment_class(t.class_) for t in vocabulary.treatments}
    groups = {name: (group.id, group.role) for name, group in words.items()}
    return [
        CohortRef(s, cohort, *groups[cohort.treatment], registry.labels[s.id])
        for s in registry
        for cohort in s.cohorts
    ]
