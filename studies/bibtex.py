"""The citations of a registry as BibTeX, for the reference manager of whoever writes about it.

Accents stay as they are (UTF-8, as biber and every present engine reads it); the signs that TeX
takes for commands are escaped, except in addresses. The key of an entry is the identifier of the
study.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from studies.figures import surname
from studies.provenance import Citation
from studies.schema import Study

_ESCAPES = {
    "\\": r"\textbackslash{}",
    # A brace alone, even behind a backslash, would never close for BibTeX.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
} | {sign: f"\\{sign}" for sign in "&%$#_"}
_OTHERS = re.compile(r"et al\.?|and others", re.IGNORECASE)
# 28(1):15-26, 2019:8218949, 10(2), (6):1028-1034; the volume or the number may be missing. A number
# alone may be a volume or a page.
_PLACE = re.compile(
    r"(?P<volume>\d+)?(?:\((?P<number>[^()]+)\))?(?::(?P<pages>[A-Za-z]*\d[\w-]*))?"
)
_PAGES = re.compile(r"[A-Za-z]?\d+-[A-Za-z]?\d+")


def bibtex(studies: Iterable[Study]) -> str:
    """Write the citations of studies as BibTeX.

    Parameters
    ----------
    studies : iterable of Study
        The studies.

    Returns
    -------
    str
        One entry for each, in the order of the identifiers; what was not seen is left out, and
        what still needs a look stands in the note.
    """
    ordered = sorted(studies, key=lambda study: study.id)
    return "\n".join(_entry(study) for study in ordered)


def _entry(study: Study) -> str:
    citation = study.citation
    kind = "article" if citation.journal and citation.title else "misc"
    fields = [(key, value) for key, value in _fields(study) if value]
    lines = [f"  {key} = {{{value}}},\n" for key, value in fields]
    return f"@{kind}{{{study.id},\n{''.join(lines)}}}\n"


def _fields(study: Study) -> Iterator[tuple[str, str | None]]:
    """Yield names and values, in the order in which they are written."""
    citation = study.citation
    place = _place(citation.volume_pages)
    yield "author", _authors(citation.authors)
    # A second pair of braces keeps the capitals of names and abbreviations.
    title = citation.title or (None if citation.authors else citation.label)
    yield "title", f"{{{_escaped(title)}}}" if title else None
    yield "journal", _escaped(citation.journal)
    yield "year", None if citation.year is None else str(citation.year)
    for key in ("volume", "number", "pages"):
        yield key, place.get(key)
    yield "doi", _verbatim(citation.doi)
    yield "pmid", _escaped(citation.pmid)
    yield "url", None if citation.doi else _url(study)
    yield "note", _note(citation, parsed=bool(place))


def _authors(authors: tuple[str, ...]) -> str | None:
    """Return authors as "Family, Initials" joined by "and"."""
    return " and ".join(map(_author, authors)) or None


def _author(author: str) -> str:
    if _OTHERS.fullmatch(author):
        return "others"
    family = surname(author)
    initials = author.replace(",", " ").split()[len(family.split()) :]
    if not initials:
        # Braces: a group of investigators is no person with given names.
        return f"{{{_escaped(family)}}}" if " " in family else _escaped(family)
    given = " ".join(_spelt(word) for word in initials)
    return f"{_escaped(family)}, {_escaped(given)}"


def _spelt(initials: str) -> str:
    """Return initials as BibTeX tells them apart: "K. B." for "KB"."""
    if not initials.isalpha():
        return initials
    return " ".join(f"{letter}." for letter in initials)


def _place(printed: str | None) -> dict[str, str]:
    """Return volume, number and pages, or nothing where they are written in another way."""
    match = _PLACE.fullmatch(printed or "")
    if match is None or (printed or "").isdigit():
        alone = _PAGES.fullmatch(printed or "")
        return {"pages": printed.replace("-", "--")} if alone else {}
    found = {key: _escaped(value) for key, value in match.groupdict().items() if value}
    if _PAGES.fullmatch(match["pages"] or ""):
        found["pages"] = found["pages"].replace("-", "--")
    return found


def _url(study: Study) -> str | None:
    """Return the first address at which the figures were seen."""
    return _verbatim(next((source.url for source in study.sources if source.url), None))


def _note(citation: Citation, *, parsed: bool) -> str | None:
    """Return what has no field of its own: a register, an odd volume, what was not verified."""
    parts = []
    if citation.volume_pages and not parsed:
        parts.append(citation.volume_pages)
    if citation.trial_registration:
        parts.append(f"Trial registration: {citation.trial_registration}")
    if citation.unverified:
        parts.append(f"Not verified: {', '.join(citation.unverified)}")
    return _escaped(". ".join(parts))


def _verbatim(address: str | None) -> str | None:
    """Return an address as it is, since styles set it verbatim; braces and backslashes encoded."""
    if address is None:
        return None
    return re.sub(r"[{}\\\s]", lambda match: f"%{ord(match[0]):02X}", address)


def _escaped(text: str | None) -> str | None:
    """Return a text in which TeX finds no commands, on one line."""
    if text is None:
        return None
    return "".join(_ESCAPES.get(character, character) for character in " ".join(text.split()))
