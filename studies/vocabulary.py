"""The words a registry may use, and what they mean.

A vocabulary is one file, ``vocabulary.toml``, whose keys are the fields of `Vocabulary`;
``studies/README.md`` shows a whole one.

Every identifier is unique within its list. Lookups ignore case and surrounding or repeated blanks.
A vocabulary with ``extends = true`` may leave out every table, and adds only what is not there yet:
a word that would mean something else is refused, since the shipped files rely on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StrictBool

from studies.files import PRIORS_FILE, TomlFile, locate, placed, read_toml, validate
from studies.kinds import FrozenDict, PrintedPair, Record, Text, distinct_names
from studies.problems import (
    Finding,
    Problem,
    RegistryError,
    closest,
    correction,
    in_folder,
    odd,
    one_of,
    repeats,
    show,
)
from studies.schema import Histology, Unit

Role = Literal["systemic", "supportive", "local", "mixed"]
Allowed = Literal["never", "on request"]

Words = Annotated[
    Mapping[Text, Text],
    BeforeValidator(distinct_names),
    AfterValidator(FrozenDict),
    PlainSerializer(dict),
]


class UnknownWordError(ValueError):
    """A word that the vocabulary does not hold, with the closest one that it holds, if any.

    `kind` is what the word should have named: treatment, class, endpoint, ...
    """

    def __init__(self, kind: str, word: str, suggestion: str | None) -> None:
        self.kind, self.word, self.suggestion = kind, word, suggestion
        hint = f'; did you mean "{suggestion}"?' if suggestion else ""
        super().__init__(f'unknown {kind} "{word}"{hint}')


class TreatmentClass(Record):
    """A group of treatments that are displayed, and partly pooled, together."""

    id: Text
    label: Text
    role: Role
    """mixed: patients of one cohort had different treatments."""
    order: Annotated[int, Field(strict=True)]
    """Place in tables and plots, smallest first."""
    meaning: Text | None = None
    """What belongs to the class."""


class Treatment(Record):
    """A treatment."""

    id: Text
    label: Text
    class_: Text = Field(alias="class")
    """Identifier of its class (key ``class`` in the file)."""
    synonyms: tuple[Text, ...] = ()
    """Other names, unique across treatments."""
    meaning: Text | None = None
    """What belongs to the treatment."""
    requires: Text | None = None
    """The alteration that a tumour must carry, ``BRAF V600E``, which selects the patients."""


class Endpoint(Record):
    """An outcome that reports print."""

    id: Text
    label: Text
    meaning: Text
    """What is counted from when to when."""
    usual_median_months: PrintedPair | None = None
    """Between which months a median is expected: one outside may be a slip of the unit."""


class Conversion(Record):
    """Whether figures of one endpoint may be read as another, and what that reading costs."""

    from_: Text = Field(alias="from")
    to: Text
    """The endpoint that is printed (key ``from`` in the file), and the one it would be read as."""
    allowed: Allowed
    """Nothing is ever read as something else without being asked for."""
    reason: Text
    """Why not; or, on request, in which direction the reading errs. A full sentence."""


class Vocabulary(Record):
    """Every word that a registry may use."""

    disease: Text | None = None
    """The disease of a cohort that names none; None: the first of `diseases`."""
    subject: Text | None = None
    """That disease as running text says it; None: the word itself."""
    extends: StrictBool = False
    """Whether the file adds its words to those of the shipped vocabulary."""
    classes: tuple[TreatmentClass, ...]
    treatments: tuple[Treatment, ...]
    endpoints: tuple[Endpoint, ...]
    """In the order of the file."""
    designs: Words
    lines: Words
    time_origins: Words
    diseases: Words
    apart: Words = FrozenDict()
    """Diseases that are pooled as populations beside the main one, each as running text says it."""
    histologies: Words = FrozenDict()
    units: Words = FrozenDict()
    """Word and what it means."""
    conversions: tuple[Conversion, ...] = ()
    """Which endpoint may be read as which other."""

    @property
    def main_disease(self) -> str:
        """The disease of every cohort that names none."""
        return self.disease or next(iter(self.diseases), "")

    @property
    def subject_words(self) -> str:
        """The main disease as titles and sentences say it."""
        return self.subject or self.main_disease

    @cached_property
    def _treatments_by_name(self) -> Mapping[str, Treatment]:
        names = {fold(name): t for t in self.treatments for name in (*t.synonyms, t.label)}
        return names | {fold(t.id): t for t in self.treatments}

    def treatment(self, name: str) -> Treatment:
        """Return a treatment by id, label or synonym; `UnknownWordError` names the closest."""
        treatment = self._treatments_by_name.get(fold(name))
        if treatment is None:
            names = [n for t in self.treatments for n in (t.id, t.label, *t.synonyms)]
            nearest = closest(name, names)
            suggestion = None if nearest is None else self._treatments_by_name[fold(nearest)].id
            raise UnknownWordError("treatment", name, suggestion)
        return treatment

    @cached_property
    def selecting(self) -> frozenset[str]:
        """Identifiers of the treatments that require an alteration of the tumour."""
        return frozenset(entry.id for entry in self.treatments if entry.requires is not None)

    def treatment_class(self, name: str) -> TreatmentClass:
        """Return a class by its identifier or label; `UnknownWordError` names the closest."""
        by_label = {fold(entry.label): entry.id for entry in self.classes}
        return _entry("class", by_label.get(fold(name), name), self.classes)

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint by its identifier; `UnknownWordError` names the closest."""
        return _entry("endpoint", name, self.endpoints)


def _entry(kind: str, name: str, entries: Iterable[Any]) -> Any:
    for entry in entries:
        if fold(entry.id) == fold(name):
            return entry
    raise UnknownWordError(kind, name, closest(name, [entry.id for entry in entries]))


def fold(name: str) -> str:
    """Return a name without what does not matter: case, and blanks around or doubled."""
    return " ".join(name.split()).casefold()


SHIPPED_VOCABULARY = Path(__file__).parent / "vocabulary.toml"

_LISTS = ("classes", "treatments", "endpoints")
_TABLES = ("designs", "lines", "time_origins", "diseases", "apart", "histologies", "units")
_NOTHING: dict[str, Any] = {key: [] for key in _LISTS} | {key: {} for key in _TABLES}


@dataclass(frozen=True)
class WordsRead:
    """What one or more files say about the words of a registry, and what is wrong with them."""

    vocabulary: Vocabulary | None
    """All words together; None where nothing could be read."""
    problems: tuple[Problem, ...]
    fingerprint: str
    """SHA-256, hexadecimal: of the one file, or over the fingerprints of all."""
    stands_alone: bool
    """Whether one of the files replaces the shipped vocabulary."""
    priors: Path | None = None
    """The file of priors beside that one."""


def load_vocabulary(path: Path | str | None = None) -> Vocabulary:
    """Load a vocabulary; `RegistryError` holds every problem of the file.

    None is the shipped vocabulary; a file that extends it is loaded together with it.
    """
    read = read_vocabulary([SHIPPED_VOCABULARY if path is None else Path(path)])
    if read.vocabulary is None or read.problems:
        raise RegistryError(locate(read.problems))
    return read.vocabulary


def read_vocabulary(paths: Iterable[Path], onto: tuple[Vocabulary, str] | None = None) -> WordsRead:
    """Read vocabularies and everything that is wrong with them, without raising on bad content.

    `onto` is a vocabulary with its fingerprint, to which words are added.
    """
    files = {file.fingerprint or str(file.path): file for file in map(read_toml, paths)}
    adding = [file for file in files.values() if _extends(file)]
    alone = [] if onto is not None else [file for file in files.values() if not _extends(file)]
    first = alone[0] if alone else read_toml(SHIPPED_VOCABULARY)
    vocabulary, problems = (onto[0], ()) if onto else _read_one(first, None)
    fingerprint = onto[1] if onto else first.fingerprint
    found = "a second vocabulary that stands alone"
    fix = (
        "write extends = true in the one whose words are to be added, or give one folder at a time"
    )
    for file in alone[1:]:
        expected, folder = f"one for all folders, as {first.path} is", str(file.path.parent)
        problems += (Problem(file.name, "extends", found, expected, fix, folder=folder),)
    for file in adding:
        more, wrong = _read_one(file, vocabulary)
        problems += wrong
        both = f"{fingerprint}\n{file.fingerprint}"
        fingerprint = hashlib.sha256(both.encode()).hexdigest()
        if vocabulary is not None and more is not None:
            vocabulary = _merged(vocabulary, more)
    beside = alone[0].path.with_name(PRIORS_FILE) if alone else None
    priors = beside if beside is not None and beside.exists() else None
    return WordsRead(vocabulary, problems, fingerprint, bool(alone), priors)


def _extends(file: TomlFile) -> bool:
    return file.content is not None and file.content.get("extends") is True


def _read_one(
    file: TomlFile, base: Vocabulary | None
) -> tuple[Vocabulary | None, tuple[Problem, ...]]:
    """Read one file; `base` holds the words to which those of an extending file are added."""
    if file.content is None:
        return None, file.problems
    content = file.content if base is None else _NOTHING | file.content
    validated = validate(content, Vocabulary, file.name)
    problems = list(validated.problems)
    if validated.record is not None:
        findings = _inconsistencies(validated.record, base)
        for kind, keys in (("classes", ("class",)), ("endpoints", ("from", "to"))):
            if any(place[0] == kind and place[1:] for place in validated.removed):
                # An entry that was refused cannot be missed by those that point to it.
                findings = [finding for finding in findings if finding.path[-1] not in keys]
        problems += placed(findings, validated, file.name)
    return validated.record, tuple(in_folder(problems, file.path.parent))


def _merged(base: Vocabulary, more: Vocabulary) -> Vocabulary:
    fields: dict[str, Any] = {"disease": base.main_disease, "subject": base.subject_words}
    for kind in (*_LISTS, "conversions"):
        here = getattr(base, kind)
        fields[kind] = (*here, *(entry for entry in getattr(more, kind) if entry not in here))
    for kind in _TABLES:
        fields[kind] = FrozenDict({**getattr(base, kind), **getattr(more, kind)})
    return Vocabulary.model_construct(**fields)


def _inconsistencies(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    for kind in _LISTS:
        ids = [entry.id for entry in getattr(vocabulary, kind)]
        for place, first in repeats(map(fold, ids)):
            expected = "an identifier that {other} does not have"
            action = "give each entry its own identifier, or remove one of the two"
            yield odd((kind, place, "id"), ids[place], expected, action, (kind, first))
    if base is not None:
        yield from _changed_words(vocabulary, base)
    classes = [group.id for part in (base, vocabulary) if part for group in part.classes]
    for place, treatment in enumerate(vocabulary.treatments):
        if treatment.class_ not in classes:
            otherwise = "correct it, or add the class under [[classes]]"
            action = correction(treatment.class_, classes, otherwise, quoted=False)
            expected = "the id of one of the classes of this file"
            path = ("treatments", place, "class")
            yield odd(path, treatment.class_, expected, action)
    yield from _clashing_names(vocabulary, base)
    yield from _main_disease(vocabulary, base)
    yield from _set_apart(vocabulary, base)
    yield from _endpoint_findings(vocabulary, base)
    for kind, allowed in (("histologies", get_args(Histology)), ("units", get_args(Unit))):
        for word in getattr(vocabulary, kind):
            if word not in allowed:
                action = "remove it, or correct it"
                yield Finding((kind, word), f"the word {word}", one_of(allowed), action)


def _changed_words(vocabulary: Vocabulary, base: Vocabulary) -> Iterator[Finding]:
    action = "choose another word, or remove extends and keep every word in this file"
    before = {key: meaning for key, meaning, _, _ in _meanings(base)}
    for key, meaning, path, word in _meanings(vocabulary):
        if before.get(key, meaning) != meaning:
            another = f"{show(word)} with another meaning than in the vocabulary that is extended"
            yield Finding(path, another, "words that are not there yet", action)


def _meanings(vocabulary: Vocabulary) -> Iterator[tuple[Any, Any, tuple[str | int, ...], str]]:
    """Yield every word: what tells it from others, its meaning, its place and how it is written."""
    for kind in _LISTS:
        for place, entry in enumerate(getattr(vocabulary, kind)):
            yield (kind, fold(entry.id)), entry, (kind, place, "id"), entry.id
    for kind in _TABLES:
        for word, meaning in getattr(vocabulary, kind).items():
            yield (kind, word), meaning, (kind, word), word
    for place, entry in enumerate(vocabulary.conversions):
        pair = f"{entry.from_} to {entry.to}"
        yield ("conversions", pair), entry, ("conversions", place), pair


def _clashing_names(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    owners = {} if base is None else {n: t.id for n, t in base._treatments_by_name.items()}
    for entry in vocabulary.treatments:
        owners.setdefault(fold(entry.id), entry.id)
    for place, entry in enumerate(vocabulary.treatments):
        names = {("id",): entry.id, ("label",): entry.label}
        names |= {("synonyms", number): name for number, name in enumerate(entry.synonyms)}
        for field, name in names.items():
            owner = owners.setdefault(fold(name), entry.id)
            if fold(owner) != fold(entry.id):
                expected = f"a name that {owner} does not have already"
                action = "keep it with one of the two treatments"
                yield odd(("treatments", place, *field), name, expected, action)


def _main_disease(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    if base is not None:
        action = (
            "remove the key; a registry of another disease needs a vocabulary of its own, without "
            "extends"
        )
        for key, word in (("disease", base.main_disease), ("subject", base.subject_words)):
            if getattr(vocabulary, key) not in (None, word):
                expected = f"{show(word)}, as in the vocabulary that is extended"
                yield odd((key,), getattr(vocabulary, key), expected, action)
    elif not vocabulary.diseases:
        action = "add the disease of the registry"
        yield Finding(("diseases",), "no word", "one or more diseases", action)
    elif vocabulary.disease not in (None, *vocabulary.diseases):
        word, words = vocabulary.disease, vocabulary.diseases
        action = ", or ".join(filter(None, (correction(word, words), "add it under [diseases]")))
        yield odd(("disease",), word, one_of(words), action)


def _set_apart(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    main = (base or vocabulary).main_disease
    others = {*vocabulary.diseases, *(base.diseases if base else ())} - {main}
    for word in vocabulary.apart:
        if word not in others:
            action = correction(word, others, "add it under [diseases], or remove it here")
            expected = f"a word of [diseases], other than {main}"
            yield Finding(("apart", word), f"the word {word}", expected, action)


def _endpoint_findings(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    for place, endpoint in enumerate(vocabulary.endpoints):
        usual = endpoint.usual_median_months
        if usual is not None and not 0 <= usual[0] < usual[1]:
            path = ("endpoints", place, "usual_median_months")
            expected = "two times in months, the shorter first"
            yield odd(path, usual, expected, "write for example [1, 60]")
    endpoints = [endpoint.id for part in (base, vocabulary) if part for endpoint in part.endpoints]
    pairs = [(pair.from_, pair.to) for pair in vocabulary.conversions]
    for place, first in repeats(pairs):
        again = f"{' to '.join(pairs[place])} again"
        path, other = ("conversions", place), ("conversions", first)
        yield Finding(path, again, "each pair once, as in {other}", "remove one of the two", other)
    for place, pair in enumerate(vocabulary.conversions):
        here = ("conversions", place)
        for key, word in (("from", pair.from_), ("to", pair.to)):
            if word not in endpoints:
                otherwise = "correct it, or add the endpoint"
                action = correction(word, endpoints, otherwise, quoted=False)
                yield odd((*here, key), word, "the id of an endpoint", action)
        if pair.from_ == pair.to:
            expected = f"another endpoint than {pair.from_}"
            yield odd((*here, "to"), pair.to, expected, "remove the conversion")
