"""The years that a text names."""

from __future__ import annotations

import re

YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_OPEN_ENDED = re.compile(r"\b(?:since|from|after)\b|[-–]\s*$", re.IGNORECASE)


def enrolment_years(text: str | None) -> tuple[int, int | None] | None:
    """Return the first and last year of enrolment that a text names.

    Parameters
    ----------
    text : str or None
        As printed: ``2011-2018``, ``Apr 2015-May 2016``, ``since 2008``.

    Returns
    -------
    (int, int or None) or None
        The last year is None where only a beginning is named; None where no year is named.
    """
    years = [int(year) for year in YEAR.findall(text or "")]
    if not years:
        return None
    open_ended = len(years) == 1 and _OPEN_ENDED.search(text or "")
    return min(years), None if open_ended else max(years)
