"""The studies behind a page and behind each of its figures, with their citations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from studies import Registry, Study
from studies.figures import study_label

if TYPE_CHECKING:
    from synthesis.run import Analysis

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
    return f"ref-{study_id}"


def cited_studies(
    analysis: Analysis, stem: str | None = None, *, treatment: str | None = None
) -> tuple[str, ...]:
    """Decide which studies a figure of the report, or the whole report, used.

    Parameters
    ----------
    analysis : Analysis
        The finished analysis.
    stem : str or None
        Name of the figure's files; None: every figure and table of the page. A figure rests on all
        cohorts that were counted for its endpoint, the last word of its name: each of them moves
        its pooled estimates.
    treatment : str or None
        Label of the only treatment that a forest plot shows: the studies with a row in it.

    Returns
    -------
    tuple of str
        Identifiers, in the order of the reference list.
    """
    used = analysis.cohorts
    if stem is not None:
        used = used[used["endpoint"] == stem.rpartition("_")[2]]
    if treatment is not None:
        used = used[used["treatment"] == treatment]
    return tuple(entry.id for entry in references(analysis.registry, used["study"]))


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
