"""The words a registry may use, and what they mean.

A vocabulary is one file, ``vocabulary.toml``, in this form. Every identifier is unique within its
list; ``role`` is one of systemic, supportive, local, mixed; ``order`` is the place of the class in
tables and plots::

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
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, PlainSerializer

from studies.problems import Finding, Problem, RegistryError, closest, one_of, show
from studies.reading import TomlFile, placed, read_toml, validate
from studies.values import FrozenDict, Histology, Record, Text, Unit

Role = Literal["systemic", "supportive", "local", "mixed"]
SHIPPED_VOCABULARY = Path(__file__).parent / "vocabulary.toml"

Words = Annotated[
    Mapping[Text, Text],
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
    """A group of treatments that are displayed, and partly pooled, together.

    Attributes
    ----------
    id, label : str
        Identifier and display text.
    role : {"systemic", "supportive", "local", "mixed"}
        mixed: patients of one cohort had different treatments.
    order : int
        Place in tables and plots, smallest first.
    meaning : str or None
        What belongs to the class.
    """

    id: Text
    label: Text
    role: Role
    order: Annotated[int, Field(strict=True)]
    meaning: Text | None = None


class Treatment(Record):
    """A treatment.

    Attributes
    ----------
    id, label : str
        Identifier and display text.
    class_ : str
        Identifier of its class (key ``class`` in the file).
    synonyms : tuple of str
        Other names, unique across treatments.
    meaning : str or None
        What belongs to the treatment.
    """

    id: Text
    label: Text
    class_: Text = Field(alias="class")
    synonyms: tuple[Text, ...] = ()
    meaning: Text | None = None


class Endpoint(Record):
    """An outcome that reports print.

    Attributes
    ----------
    id, label, meaning : str
        Identifier, display text, and what is counted from when to when.
    """

    id: Text
    label: Text
    meaning: Text


class Vocabulary(Record):
    """Every word that a registry may use.

    Attributes
    ----------
    classes, treatments, endpoints
        In the order of the file.
    designs, lines, time_origins, diseases, histologies, units : mapping of str to str
        Word and what it means.
    """

    classes: tuple[TreatmentClass, ...]
    treatments: tuple[Treatment, ...]
    endpoints: tuple[Endpoint, ...]
    designs: Words
    lines: Words
    time_origins: Words
    diseases: Words
    histologies: Words = FrozenDict()
    units: Words = FrozenDict()

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
        """Return a treatment by its identifier, label or synonym.

        Parameters
        ----------
        name : str
            Any of its names.

        Returns
        -------
        Treatment
            The treatment.

        Raises
        ------
        UnknownWordError
            Where no treatment has that name; the message names the closest one.
        """
        found = self._treatments_by_name.get(fold(name))
        if found is None:
            names = [n for item in self.treatments for n in (item.id, item.label, *item.synonyms)]
            nearest = closest(name, names)
            suggestion = None if nearest is None else self._treatments_by_name[fold(nearest)].id
            raise UnknownWordError("treatment", name, suggestion)
        return found

    def treatment_class(self, name: str) -> TreatmentClass:
        """Return a class by its identifier.

        Parameters
        ----------
        name : str
            Identifier of the class.

        Returns
        -------
        TreatmentClass
            The class.

        Raises
        ------
        UnknownWordError
            Where there is no such class; the message names the closest one.
        """
        found = self._classes_by_id.get(fold(name))
        if found is None:
            raise UnknownWordError("class", name, closest(name, [c.id for c in self.classes]))
        return found

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint by its identifier.

        Parameters
        ----------
        name : str
            Identifier of the endpoint.

        Returns
        -------
        Endpoint
            The endpoint.

        Raises
        ------
        UnknownWordError
            Where there is no such endpoint; the message names the closest one.
        """
        for item in self.endpoints:
            if fold(item.id) == fold(name):
                return item
        raise UnknownWordError("endpoint", name, closest(name, [e.id for e in self.endpoints]))


def fold(name: str) -> str:
    """Return a name without what does not matter: case, and blanks around or doubled."""
    return " ".join(name.split()).casefold()


def load_vocabulary(path: Path | str | None = None) -> Vocabulary:
    """Load a vocabulary.

    Parameters
    ----------
    path : Path, str or None
        The file; None: the vocabulary that comes with the registry.

    Returns
    -------
    Vocabulary
        The vocabulary.

    Raises
    ------
    RegistryError
        With every problem of the file.
    """
    vocabulary, problems, _ = read_vocabulary(
        Path(path) if path is not None else SHIPPED_VOCABULARY
    )
    if vocabulary is None or problems:
        raise RegistryError(problems)
    return vocabulary


def read_vocabulary(path: Path) -> tuple[Vocabulary | None, tuple[Problem, ...], TomlFile]:
    """Read a vocabulary and everything that is wrong with it, without raising on bad content.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    vocabulary : Vocabulary or None
        What could be read.
    problems : tuple of Problem
        What is wrong.
    file : TomlFile
        The file, with its fingerprint.
    """
    file = read_toml(path)
    if file.content is None:
        return None, file.problems, file
    validated = validate(file.content, Vocabulary, file.name)
    problems = list(validated.problems)
    if validated.record is not None:
        findings = _inconsistencies(validated.record)
        if any(place.startswith("classes[") for place in validated.removed):
            # A class that was refused cannot be missed by its treatments.
            findings = (finding for finding in findings if finding.path[-1] != "class")
        problems += placed(findings, validated, file.name)
    return validated.record, tuple(problems), file


def _inconsistencies(vocabulary: Vocabulary) -> Iterator[Finding]:
    """Yield a finding for words that clash or point nowhere."""
    for kind in ("classes", "treatments", "endpoints"):
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
    classes = [item.id for item in vocabulary.classes]
    for position, item in enumerate(vocabulary.treatments):
        if item.class_ not in classes:
            nearest = closest(item.class_, classes)
            yield Finding(
                ("treatments", position, "class"),
                show(item.class_),
                "the id of one of the classes of this file",
                f"write {nearest}" if nearest else "correct it, or add the class under [[classes]]",
            )
    yield from _clashing_synonyms(vocabulary)
    allowed = {"histologies": get_args(Histology), "units": get_args(Unit)}
    for kind, words in allowed.items():
        for word in getattr(vocabulary, kind):
            if word not in words:
                yield Finding(
                    (kind, word), f"the word {word}", one_of(words), "remove it, or correct it"
                )


def _clashing_synonyms(vocabulary: Vocabulary) -> Iterator[Finding]:
    """Yield the names by which two treatments would be found."""
    owners: dict[str, str] = {fold(item.id): item.id for item in vocabulary.treatments}
    for position, item in enumerate(vocabulary.treatments):
        names = [(("label",), item.label)]
        names += [(("synonyms", place), name) for place, name in enumerate(item.synonyms)]
        for location, name in names:
            owner = owners.setdefault(fold(name), item.id)
            if owner != item.id:
                yield Finding(
                    ("treatments", position, *location),
                    show(name),
                    f"a name that {owner} does not have already",
                    "keep it with one of the two treatments",
                )
