"""The words of a vocabulary as frozen records, and how one is found by any of its names.

The form of the file, and reading it, are the business of `studies.vocabulary`.


The words a registry may use, and what they mean.

A vocabulary is one file, ``vocabulary.toml``, in this form. Every identifier is unique within its
list; ``role`` is one of systemic, supportive, local, mixed; ``order`` is the place of the class in
tables and plots::

    disease = "ATC"                     # of a cohort that names none; else the first of [diseases]
    subject = "anaplastic thyroid cancer"    # the same in titles and sentences; else the word
    extends = false                     # true: add these words to the shipped vocabulary

    [[classes]]
    id = "mki"
    label = "Multikinase inhibitor"
    role = "systemic"
    order = 10

    [[treatments]]
    id = "lenvatinib"
    label = "Lenvatinib"
    class = "mki"                       # id of a class above
    synonyms = ["Lenvima", "E7080"]     # may be left out

    [[endpoints]]
    id = "os"
    label = "Overall survival"
    meaning = "Time from the origin to death from any cause."
    usual_median_months = [1, 60]       # may be left out; a median outside is looked at again

    [[endpoints]]
    id = "dss"
    label = "Disease-specific survival"
    meaning = "Time from the origin to death from the cancer."

    [[conversions]]                     # may one endpoint be read as another?
    from = "dss"
    to = "os"
    allowed = "on request"              # or "never"; nothing is converted without being asked for
    reason = "Deaths from other causes are no event, so that it errs upwards."

    [designs]                           # word = "a sentence that says what it means"
    retrospective = "Patients identified after the fact from hospital records."

    [lines]
    first-line = "..."

    [time_origins]
    "treatment start" = "..."           # a word with a blank stands in quotation marks

    [diseases]
    ATC = "..."

    [histologies]                       # optional; only pure and mixed exist
    pure = "..."

    [units]                             # optional; only days, weeks, months and years exist
    days = "..."

Synonyms help a person who looks for a treatment; study files use the identifier, and keep the words
of the report in ``treatment_as_printed``. Lookups ignore case and surrounding or repeated blanks.
A treatment that is given only where the tumour carries an alteration says which, ``requires = "BRAF
V600E"``: its patients were selected by it.

A vocabulary with ``extends = true`` may leave out every table, and adds only what is not there yet:
a word that would mean something else is refused, since the shipped files rely on it. The usual
medians are no limits of what is possible; they catch weeks that were entered as months.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StrictBool

from studies.files import TomlFile, locate, placed, read_toml, validate
from studies.problems import Finding, Problem, RegistryError, closest, in_folder, one_of, show
from studies.schema import FrozenDict, Histology, PrintedPair, Record, Text, Unit, distinct_names

Role = Literal["systemic", "supportive", "local", "mixed"]
Allowed = Literal["never", "on request"]

Words = Annotated[
    Mapping[Text, Text],
    BeforeValidator(distinct_names),
    AfterValidator(FrozenDict),
    PlainSerializer(dict),
]


class UnknownWordError(ValueError):
    """A word that the vocabulary does not hold.

    Attributes
    ----------
    kind : str
        What the word should have named: treatment, class, endpoint, ...
    word : str
        The word.
    suggestion : str or None
        The closest word that the vocabulary holds.
    """

    def __init__(self, kind: str, word: str, suggestion: str | None) -> None:
        self.kind, self.word, self.suggestion = kind, word, suggestion
        hint = f'; did you mean "{suggestion}"?' if suggestion else ""
        super().__init__(f'unknown {kind} "{word}"{hint}')


class TreatmentClass(Record):
    """A group of treatments that are displayed, and partly pooled, together."""

    id: Text
    label: Text
    """Identifier and display text."""
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
    """Identifier and display text."""
    class_: Text = Field(alias="class")
    """Identifier of its class (key ``class`` in the file)."""
    synonyms: tuple[Text, ...] = ()
    """Other names, unique across treatments."""
    meaning: Text | None = None
    """What belongs to the treatment."""
    requires: Text | None = None
    """The alteration that a tumour must carry for the treatment to be given, ``BRAF V600E``:
    whoever is given it was selected by it. None: given to anybody.
    """


class Endpoint(Record):
    """An outcome that reports print."""

    id: Text
    label: Text
    meaning: Text
    """Identifier, display text, and what is counted from when to when."""
    usual_median_months: PrintedPair | None = None
    """Between which months a median is expected; one outside is looked at again for a slip of the
    unit. None: no such range, or no time at all.
    """


class Conversion(Record):
    """Whether figures of one endpoint may be read as another, and what that reading costs."""

    from_: Text = Field(alias="from")
    to: Text
    """Identifiers of the endpoint that is printed (key ``from`` in the file) and of the one that it
    would be read as.
    """
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
        names = {
            fold(name): item for item in self.treatments for name in (*item.synonyms, item.label)
        }
        return names | {fold(item.id): item for item in self.treatments}

    @cached_property
    def _classes_by_id(self) -> Mapping[str, TreatmentClass]:
        return {fold(item.id): item for item in self.classes}

    def treatment(self, name: str) -> Treatment:
        """Return a treatment by id, label or synonym; `UnknownWordError` names the closest."""
        found = self._treatments_by_name.get(fold(name))
        if found is None:
            names = [n for item in self.treatments for n in (item.id, item.label, *item.synonyms)]
            nearest = closest(name, names)
            suggestion = None if nearest is None else self._treatments_by_name[fold(nearest)].id
            raise UnknownWordError("treatment", name, suggestion)
        return found

    @cached_property
    def selecting(self) -> frozenset[str]:
        """Identifiers of the treatments that require an alteration of the tumour."""
        return frozenset(item.id for item in self.treatments if item.requires is not None)

    def treatment_class(self, name: str) -> TreatmentClass:
        """Return a class by its identifier; `UnknownWordError` names the closest."""
        found = self._classes_by_id.get(fold(name))
        if found is None:
            raise UnknownWordError("class", name, closest(name, [c.id for c in self.classes]))
        return found

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint by its identifier; `UnknownWordError` names the closest."""
        for item in self.endpoints:
            if fold(item.id) == fold(name):
                return item
        raise UnknownWordError("endpoint", name, closest(name, [e.id for e in self.endpoints]))


def fold(name: str) -> str:
    """Return a name without what does not matter: case, and blanks around or doubled."""
    return " ".join(name.split()).casefold()


SHIPPED_VOCABULARY = Path(__file__).parent / "vocabulary.toml"

_LISTS = ("classes", "treatments", "endpoints")
_TABLES = ("designs", "lines", "time_origins", "diseases", "histologies", "units")
_NOTHING: dict[str, Any] = {key: [] for key in _LISTS} | {key: {} for key in _TABLES}


@dataclass(frozen=True)
class VocabularyRead:
    """What one or more files say about the words of a registry."""

    vocabulary: Vocabulary | None
    """All words together; None where nothing could be read."""
    problems: tuple[Problem, ...]
    """What is wrong."""
    fingerprint: str
    """SHA-256, hexadecimal: of the one file, or over the fingerprints of all."""
    stands_alone: bool
    """Whether one of the files replaces the shipped vocabulary."""


def load_vocabulary(path: Path | str | None = None) -> Vocabulary:
    """Load a vocabulary.

    Parameters
    ----------
    path : Path, str or None
        The file; None: the vocabulary that comes with the registry. A file that extends the shipped
        vocabulary is loaded together with it.

    Raises
    ------
    RegistryError
        With every problem of the file.
    """
    read = read_vocabulary([SHIPPED_VOCABULARY if path is None else Path(path)])
    if read.vocabulary is None or read.problems:
        raise RegistryError(locate(read.problems))
    return read.vocabulary


def read_vocabulary(paths: Iterable[Path], onto: VocabularyRead | None = None) -> VocabularyRead:
    """Read vocabularies and everything that is wrong with them, without raising on bad content."""
    files = {file.fingerprint or str(file.path): file for file in map(read_toml, paths)}
    adding = [file for file in files.values() if _extends(file)]
    alone = [] if onto is not None else [file for file in files.values() if not _extends(file)]
    read = onto or _read_one(alone[0] if alone else read_toml(SHIPPED_VOCABULARY), None)
    problems = [_second(file, alone[0]) for file in alone[1:]]
    fingerprint, vocabulary = read.fingerprint, read.vocabulary
    for file in adding:
        more = _read_one(file, vocabulary)
        problems += more.problems
        both = f"{fingerprint}\n{more.fingerprint}"
        fingerprint = hashlib.sha256(both.encode()).hexdigest()
        if vocabulary is not None and more.vocabulary is not None:
            vocabulary = _merged(vocabulary, more.vocabulary)
    return VocabularyRead(vocabulary, (*read.problems, *problems), fingerprint, bool(alone))


def _extends(file: TomlFile) -> bool:
    """Return whether a file says that it adds to another vocabulary."""
    return file.content is not None and file.content.get("extends") is True


def _second(file: TomlFile, first: TomlFile) -> Problem:
    """Say that two vocabularies would each replace the shipped one."""
    return Problem(
        file.name,
        "extends",
        "a second vocabulary that stands alone",
        f"one for all folders, as {first.path} is",
        "write extends = true in the one whose words are to be added, or give one folder at a time",
        folder=str(file.path.parent),
    )


def _read_one(file: TomlFile, base: Vocabulary | None) -> VocabularyRead:
    """Read one file; `base` holds the words to which those of an extending file are added."""
    if file.content is None:
        return VocabularyRead(None, file.problems, file.fingerprint, base is None)
    content = file.content if base is None else _NOTHING | file.content
    validated = validate(content, Vocabulary, file.name)
    problems = list(validated.problems)
    if validated.record is not None:
        findings = _inconsistencies(validated.record, base)
        for kind, keys in (("classes", ("class",)), ("endpoints", ("from", "to"))):
            if any(place.startswith(f"{kind}[") for place in validated.removed):
                # An entry that was refused cannot be missed by those that point to it.
                findings = [finding for finding in findings if finding.path[-1] not in keys]
        problems += placed(findings, validated, file.name)
    return VocabularyRead(
        validated.record,
        tuple(in_folder(problems, file.path.parent)),
        file.fingerprint,
        base is None,
    )


def _merged(base: Vocabulary, more: Vocabulary) -> Vocabulary:
    """Return two vocabularies as one; where both have a word, it says the same."""
    fields: dict[str, Any] = {"disease": base.main_disease, "subject": base.subject_words}
    for kind in (*_LISTS, "conversions"):
        here = getattr(base, kind)
        fields[kind] = (*here, *(item for item in getattr(more, kind) if item not in here))
    for kind in _TABLES:
        fields[kind] = FrozenDict({**getattr(base, kind), **getattr(more, kind)})
    return Vocabulary.model_construct(**fields)


def _inconsistencies(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    """Yield a finding for words that clash or point nowhere."""
    for kind in _LISTS:
        seen: dict[str, int] = {}
        for position, item in enumerate(getattr(vocabulary, kind)):
            first = seen.setdefault(fold(item.id), position)
            if first != position:
                yield Finding(
                    (kind, position, "id"),
                    show(item.id),
                    "an identifier that {other} does not have",
                    "give each entry its own identifier, or remove one of the two",
                    (kind, first),
                )
    if base is not None:
        yield from _changed_words(vocabulary, base)
    classes = [item.id for part in (base, vocabulary) if part for item in part.classes]
    for position, item in enumerate(vocabulary.treatments):
        if item.class_ not in classes:
            nearest = closest(item.class_, classes)
            yield Finding(
                ("treatments", position, "class"),
                show(item.class_),
                "the id of one of the classes of this file",
                f"write {nearest}" if nearest else "correct it, or add the class under [[classes]]",
            )
    yield from _clashing_synonyms(vocabulary, base)
    yield from _main_disease(vocabulary, base)
    yield from _endpoint_findings(vocabulary, base)
    allowed = {"histologies": get_args(Histology), "units": get_args(Unit)}
    for kind, words in allowed.items():
        for word in getattr(vocabulary, kind):
            if word not in words:
                yield Finding(
                    (kind, word), f"the word {word}", one_of(words), "remove it, or correct it"
                )


def _changed_words(vocabulary: Vocabulary, base: Vocabulary) -> Iterator[Finding]:
    """Yield the words to which an extending file would give another meaning."""
    places: list[tuple[tuple[str | int, ...], str]] = []
    for kind in _LISTS:
        known = {fold(item.id): item for item in getattr(base, kind)}
        for position, item in enumerate(getattr(vocabulary, kind)):
            if known.get(fold(item.id), item) != item:
                places.append(((kind, position, "id"), item.id))
    for kind in _TABLES:
        known = getattr(base, kind)
        for word, meaning in getattr(vocabulary, kind).items():
            if known.get(word, meaning) != meaning:
                places.append(((kind, word), word))
    pairs = {(item.from_, item.to): item for item in base.conversions}
    for position, item in enumerate(vocabulary.conversions):
        if pairs.get((item.from_, item.to), item) != item:
            places.append((("conversions", position), f"{item.from_} to {item.to}"))
    for path, word in places:
        yield Finding(
            path,
            f"{show(word)} with another meaning than in the vocabulary that is extended",
            "words that are not there yet",
            "choose another word, or remove extends and keep every word in this file",
        )


def _clashing_synonyms(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    """Yield the names by which two treatments would be found."""
    owners: dict[str, str] = {}
    if base is not None:
        for item in base.treatments:
            owners |= {fold(name): item.id for name in (item.id, item.label, *item.synonyms)}
    for item in vocabulary.treatments:
        owners.setdefault(fold(item.id), item.id)
    for position, item in enumerate(vocabulary.treatments):
        names = [(("id",), item.id), (("label",), item.label)]
        names += [(("synonyms", place), name) for place, name in enumerate(item.synonyms)]
        for location, name in names:
            owner = owners.setdefault(fold(name), item.id)
            if fold(owner) != fold(item.id):
                yield Finding(
                    ("treatments", position, *location),
                    show(name),
                    f"a name that {owner} does not have already",
                    "keep it with one of the two treatments",
                )


def _main_disease(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    """Yield a finding where the main disease is no disease, or another one than is extended."""
    if base is not None:
        expected = {"disease": base.main_disease, "subject": base.subject_words}
        for key, word in expected.items():
            found = getattr(vocabulary, key)
            if found not in (None, word):
                yield Finding(
                    (key,),
                    show(found),
                    f"{show(word)}, as in the vocabulary that is extended",
                    "remove the key; a registry of another disease needs a vocabulary of its own, "
                    "without extends",
                )
        return
    if not vocabulary.diseases:
        yield Finding(
            ("diseases",), "no word", "one or more diseases", "add the disease of the registry"
        )
    elif vocabulary.disease is not None and vocabulary.disease not in vocabulary.diseases:
        nearest = closest(vocabulary.disease, vocabulary.diseases)
        add = "add it under [diseases]"
        yield Finding(
            ("disease",),
            show(vocabulary.disease),
            one_of(vocabulary.diseases),
            f"write {show(nearest)}, or {add}" if nearest else add,
        )


def _endpoint_findings(vocabulary: Vocabulary, base: Vocabulary | None) -> Iterator[Finding]:
    """Yield ranges of medians that are none, and conversions between endpoints that are none."""
    for position, item in enumerate(vocabulary.endpoints):
        usual = item.usual_median_months
        if usual is not None and not 0 <= usual[0] < usual[1]:
            path = ("endpoints", position, "usual_median_months")
            expected = "two times in months, the shorter first"
            yield Finding(path, show(usual), expected, "write for example [1, 60]")
    known = [item.id for part in (base, vocabulary) if part for item in part.endpoints]
    first: dict[tuple[str, str], int] = {}
    for position, item in enumerate(vocabulary.conversions):
        here = ("conversions", position)
        for key, word in (("from", item.from_), ("to", item.to)):
            if word not in known:
                nearest = closest(word, known)
                action = f"write {nearest}" if nearest else "correct it, or add the endpoint"
                yield Finding((*here, key), show(word), "the id of an endpoint", action)
        if item.from_ == item.to:
            expected = f"another endpoint than {item.from_}"
            yield Finding((*here, "to"), show(item.to), expected, "remove the conversion")
        if first.setdefault((item.from_, item.to), position) != position:
            found, expected = f"{item.from_} to {item.to} again", "each pair once, as in {other}"
            other = ("conversions", first[item.from_, item.to])
            yield Finding(here, found, expected, "remove one of the two", other)
