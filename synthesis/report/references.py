"""The studies behind a page and behind each of its figures, with their citations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote

from studies import Registry, Study
from studies.figures import study_label

AUTHORS_SHOWN = 6


@dataclass(frozen=True)
class Reference:
    """One entry of the reference list.

    Attributes
    ----------
    id : str
        The study.
    anchor : str
        Identifier of the entry in the page.
    label : str
        How tables and figures call the study; with its identifier where another has that name.
    text : str
        Authors, title, journal, year and pages, as far as known.
    doi, doi_url, pmid, unverified : str
        Empty where there is none.
    """

    id: str
    anchor: str
    label: str
    text: str
    doi: str = ""
    doi_url: str = ""
    pmid: str = ""
    unverified: str = ""

    @property
    def in_full(self) -> str:
        """The whole citation as one line of text."""
        marks = [f"doi:{self.doi}" if self.doi else "", f"PMID {self.pmid}" if self.pmid else ""]
        return " ".join(filter(None, [self.text, *marks]))


def anchor(study_id: str) -> str:
    """Return the identifier of a study's entry in the page."""
    return f"study-{study_id}"


def references(registry: Registry, study_ids: Iterable[str]) -> tuple[Reference, ...]:
    """List the citations of the given studies by first author and year.

    Parameters
    ----------
    registry : Registry
        Where the citations stand.
    study_ids : iterable of str
        Studies that the analysis used; each is listed once.

    Returns
    -------
    tuple of Reference
    """
    cited = [registry.studies[name] for name in set(study_ids)]
    entries = [_reference(study) for study in sorted(cited, key=_sort_key)]
    times = Counter(entry.label for entry in entries)
    return tuple(
        entry if times[entry.label] == 1 else replace(entry, label=f"{entry.label} ({entry.id})")
        for entry in entries
    )


def _sort_key(study: Study) -> tuple[str, int, str]:
    return _first_words(study).casefold(), study.citation.year or 0, study.id


def _first_words(study: Study) -> str:
    citation = study.citation
    return citation.authors[0] if citation.authors else citation.label or study.id


def _reference(study: Study) -> Reference:
    citation = study.citation
    authors = list(citation.authors[:AUTHORS_SHOWN])
    if len(citation.authors) > AUTHORS_SHOWN:
        authors.append("et al")
    place = " ".join(part for part in (citation.journal, str(citation.year or "")) if part)
    if citation.volume_pages:
        place = f"{place}; {citation.volume_pages}" if place else citation.volume_pages
    who = ", ".join(authors) or _first_words(study)
    parts = [who, citation.title, place, citation.trial_registration]
    sentences = [part.rstrip(". ") + ("" if part.endswith("?") else ".") for part in parts if part]
    doi = citation.doi or ""
    return Reference(
        id=study.id,
        anchor=anchor(study.id),
        label=study_label(study),
        text=" ".join(sentences),
        doi=doi,
        doi_url=f"https://doi.org/{quote(doi, safe='/')}" if doi else "",
        pmid=citation.pmid or "",
        unverified=", ".join(citation.unverified),
    )
