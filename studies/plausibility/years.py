"""The years that a text names."""

from __future__ import annotations

import re

YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_OPEN_ENDED = re.compile(r"\b(?:since|from|after)\b|[-–]\s*$", re.IGNORECASE)


def enrolment_years(text: str | None) -> tuple[int, int | None] | None:
    """Return the first and last year of enrolment that a text names."""
    years = [int(year) for year in YEAR.findall(text or "")]
    if not years:
        return None
    open_ended = len(years) == 1 and _OPEN_ENDED.search(text or "")
    return min(years), None if open_ended else max(years)
