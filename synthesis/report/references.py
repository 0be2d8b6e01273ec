"""Reference list of the studies used, from the citations of the registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from studies import Registry, Study

AUTHORS_SHOWN = 6


@dataclass(frozen=True)
class Reference:
    """One entry of the reference list.

    Attributes
    ----------
    anchor : str
        Identifier of the entry in the page.
    text : str
        Authors, title, journal, year and pages, as far as known.
    doi, doi_url, pmid, unverified : str
        Empty where there is none.
    """

    anchor: str
    text: str
    doi: str = ""
    doi_url: str = ""
    pmid: str = ""
    unverified: str = ""


def anchor(study_id: str) -> str:
    """Return the identifier of a study's entry in the page."""
    return f"ref-{study_id}"


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
    return tuple(_reference(study) for study in sorted(cited, key=_sort_key))


def _sort_key(study: Study) -> tuple[str, int, str]:
    first = study.citation.authors[0] if study.citation.authors else study.id
    return first.casefold(), study.citation.year or 0, study.id


def _reference(study: Study) -> Reference:
    citation = study.citation
    authors = list(citation.authors[:AUTHORS_SHOWN])
    if len(citation.authors) > AUTHORS_SHOWN:
        authors.append("et al")
    place = " ".join(part for part in (citation.journal, str(citation.year or "")) if part)
    if citation.volume_pages:
        place = f"{place}; {citation.volume_pages}" if place else citation.volume_pages
    parts = [", ".join(authors) or study.id, citation.title, place, citation.trial_registration]
    sentences = [part.rstrip(". ") + ("" if part.endswith("?") else ".") for part in parts if part]
    doi = citation.doi or ""
    return Reference(
        anchor=anchor(study.id),
        text=" ".join(sentences),
        doi=doi,
        doi_url=f"https://doi.org/{quote(doi, safe='/')}" if doi else "",
        pmid=citation.pmid or "",
        unverified=", ".join(citation.unverified),
    )
