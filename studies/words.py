"""The words of a vocabulary as frozen records, and how one is found by any of its names.

The form of the file, and reading it, are the business of `studies.vocabulary`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StrictBool

from studies.problems import closest
from studies.values import FrozenDict, PrintedPair, Record, Text, distinct_names

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
    requires : str or None
        The alteration that a tumour must carry for the treatment to be given, ``BRAF V600E``:
        whoever is given it was selected by it. None: given to anybody.
    """

    id: Text
    label: Text
    class_: Text = Field(alias="class")
    synonyms: tuple[Text, ...] = ()
    meaning: Text | None = None
    requires: Text | None = None


class Endpoint(Record):
    """An outcome that reports print.

    Attributes
    ----------
    id, label, meaning : str
        Identifier, display text, and what is counted from when to when.
    usual_median_months : (Decimal, Decimal) or None
        Between which months a median is expected; one outside is looked at again for a slip of the
        unit. None: no such range, or no time at all.
    """

    id: Text
    label: Text
    meaning: Text
    usual_median_months: PrintedPair | None = None


class Conversion(Record):
    """Whether figures of one endpoint may be read as another, and what that reading costs.

    Attributes
    ----------
    from_, to : str
        Identifiers of the endpoint that is printed (key ``from`` in the file) and of the one that
        it would be read as.
    allowed : {"never", "on request"}
        Nothing is ever read as something else without being asked for.
    reason : str
        Why not; or, on request, in which direction the reading errs. A full sentence.
    """

    from_: Text = Field(alias="from")
    to: Text
    allowed: Allowed
    reason: Text


class Vocabulary(Record):
    """Every word that a registry may use.

    Attributes
    ----------
    disease : str or None
        The disease of a cohort that names none; None: the first of `diseases`.
    subject : str or None
        That disease as running text says it; None: the word itself.
    extends : bool
        Whether the file adds its words to those of the shipped vocabulary.
    classes, treatments, endpoints
        In the order of the file.
    designs, lines, time_origins, diseases, histologies, units : mapping of str to str
        Word and what it means.
    conversions : tuple of Conversion
        Which endpoint may be read as which other.
    """

    disease: Text | None = None
    subject: Text | None = None
    extends: StrictBool = False
    classes: tuple[TreatmentClass, ...]
    treatments: tuple[Treatment, ...]
    endpoints: tuple[Endpoint, ...]
    designs: Words
    lines: Words
    time_origins: Words
    diseases: Words
    histologies: Words = FrozenDict()
    units: Words = FrozenDict()
    conversions: tuple[Conversion, ...] = ()

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

    @cached_property
    def selecting(self) -> frozenset[str]:
        """Identifiers of the treatments that require an alteration of the tumour."""
        return frozenset(item.id for item in self.treatments if item.requires is not None)

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
