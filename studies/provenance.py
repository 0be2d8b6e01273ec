"""Where a report and its figures come from, and with which other reports it shares patients."""

from __future__ import annotations

from pydantic import Field

from studies.values import Count, Record, Text


class Citation(Record):
    """Bibliographic record of the report.

    Attributes
    ----------
    authors : tuple of str
        Authors as printed, "Family Initials" each, in order; empty when not seen.
    year : int or None
        Year of publication.
    title, journal : str or None
        As printed.
    volume_pages : str or None
        Volume, number and pages as printed, for instance ``28(1):15-26``.
    doi : str or None
        Bare DOI, ``10.1530/ERC-20-0106``.
    pmid : str or None
        PubMed identifier, digits in quotation marks.
    trial_registration : str or None
        Identifier in a trial register.
    label : str or None
        How tables and figures call the report, where its authors are not known.
    unverified : tuple of str
        Items of this citation that still need a look, one phrase each.
    """

    authors: tuple[Text, ...] = ()
    year: Count | None = None
    title: Text | None = None
    journal: Text | None = None
    volume_pages: Text | None = None
    doi: Text | None = None
    pmid: Text | None = None
    trial_registration: Text | None = None
    label: Text | None = None
    unverified: tuple[Text, ...] = ()


class Source(Record):
    """Where the figures were seen.

    Attributes
    ----------
    kind : str
        What was read: abstract, full text, registry page, report about it, ...
    url, doi : str or None
        Where it stands.
    """

    kind: Text
    url: Text | None = None
    doi: Text | None = None


class Overlap(Record):
    """Another report that counts some of the same patients.

    Attributes
    ----------
    with_ : str
        Identifier of the other study (key ``with`` in the file).
    reason : str
        Why they share patients: same trial at an earlier cut, same hospital and years, ...
    pairs : tuple of (str, str)
        Cohorts that share patients, ``[own cohort, other cohort]`` each. Empty: the default rule of
        `studies.selection` decides by treatment.
    """

    with_: Text = Field(alias="with")
    reason: Text
    pairs: tuple[tuple[Text, Text], ...] = ()
