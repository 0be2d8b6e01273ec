"""Every digit, plural and interval that a person reads: one style for page, terminal and figures.

A minus is U+2212, limits of an interval are joined by an en dash, or by "to" where one of them is
negative or missing. What is missing is an en dash.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
#: Level of every interval, in words.
LEVEL = "95 %"

_SURE = 0.995
_LARGE_RATIO = 9.995
_LARGE_MONTHS = 99.95

Writer = Callable[[float], str]


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, pandas' missing value or an empty text."""
    if value is None or (isinstance(value, str) and not value):
        return True
    try:
        return bool(value != value)
    except TypeError:  # pandas.NA has no truth value
        return True


def decimal(value: float, digits: int) -> str:
    """A number with so many decimals; no minus before a zero."""
    text = f"{value:.{digits}f}"
    if not text.startswith("-"):
        return text
    return f"{MINUS}{text[1:]}" if text.strip("-0.") else text[1:]


def months(value: float) -> str:
    """A time in months: one decimal, none from 100 on."""
    return decimal(value, 0 if abs(value) >= _LARGE_MONTHS else 1)


def months_words(number: float) -> str:
    """A stated number of months: ``1 month``, ``2.5 months``."""
    return f"{number:g} month{'' if number == 1 else 's'}".replace("-", MINUS)


def percent(value: float) -> str:
    """A fraction as a whole percentage without its sign, with one decimal below 1 %."""
    return decimal(100 * value, 1 if 0 < value < 0.01 else 0)


def points(value: float) -> str:
    """A difference of fractions in whole percentage points."""
    return decimal(100 * value, 0)


def ratio(value: float) -> str:
    """A ratio to two decimals, ``1.62``; one from 10 on."""
    return decimal(value, 1 if abs(value) >= _LARGE_RATIO else 2)


def chance(value: float) -> str:
    """A probability to two decimals; never a certainty that draws cannot give."""
    if is_missing(value):
        return MISSING
    if value >= _SURE:
        return ">0.99"
    return "<0.01" if value < 1.0 - _SURE else decimal(value, 2)


def chance_pair(as_is: float, adjusted: float) -> str:
    """A probability with that allowing for confounding, ``0.98 / 0.91``."""
    return MISSING if is_missing(as_is) else f"{chance(as_is)} / {chance(adjusted)}"


def printed_p(p: Decimal | str) -> str:
    """A printed p value with its sign: "p = 0.026", "p <0.001"; any other words as they are."""
    text = str(p)
    if text.startswith(("<", ">", "≤", "≥")):
        return f"p {text}"
    return f"p = {text}" if text[:1].isdigit() else text


def p_value(p: float) -> str:
    """A p value with its sign, to two decimals, three below 0.1: "p = 0.004"."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {decimal(p, 3 if p < 0.1 else 2)}"


def ordinal(number: int) -> str:
    """A whole number as an ordinal: "1st", "12th", "52nd"."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 <= number % 100 <= 13 else suffix}"


def interval(estimate: Any, lower: Any, upper: Any, write: Writer) -> str:
    """An estimate with its limits: ``1.62 (0.94–2.84)`` or ``1.7 (−0.3 to 3.3)``.

    Parameters
    ----------
    estimate, lower, upper : float
        NaN or None for what is not there; an infinite limit counts as not there.
    write : callable
        How one number is written: `months`, `percent`, `points` or `ratio`.
    """
    if is_missing(estimate):
        return MISSING
    limits = limits_of(lower, upper, write)
    return f"{write(estimate)} ({limits})" if limits else write(estimate)


def columns_of(name: str = "") -> tuple[str, str, str]:
    """Columns of an estimate and its limits: `name` and ``name_lower``, ``name_upper``.

    Without a name, ``estimate``, ``lower`` and ``upper``.
    """
    return (name, f"{name}_lower", f"{name}_upper") if name else ("estimate", "lower", "upper")


def written(row: Any, write: Writer, name: str = "") -> str:
    """The estimate of a record, a mapping or a row of a table with its limits, as `interval`."""
    read = row.__getitem__ if hasattr(row, "keys") else partial(getattr, row)
    return interval(*map(read, columns_of(name)), write)


def limits_of(lower: Any, upper: Any, write: Writer) -> str:
    """The limits of an interval without parentheses; empty where neither is there."""
    ends = [MISSING if is_missing(end) or math.isinf(end) else write(end) for end in (lower, upper)]
    if ends == [MISSING, MISSING]:
        return ""
    apart = any(end.startswith((MINUS, MISSING)) for end in ends)
    return (" to " if apart else "\N{EN DASH}").join(ends)


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 cohort", "1,204 patients", "3 studies"."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def patients(own: int, compared: int = 0) -> str:
    """Patients of a treatment: "280"; "2,023 (adjusted)" of one known from adjusted ratios alone.

    `compared` are the patients of the reports of these ratios.
    """
    return f"{own:,}" if own or not compared else f"{compared:,} (adjusted)"


def size(cohorts: int, own: int, compared: int = 0) -> str:
    """Cohorts and `patients` of a treatment: "8 (280)", "2 (2,023 adjusted)"."""
    inside = f"{own:,}" if own or not compared else f"{compared:,} adjusted"
    return f"{cohorts:,} ({inside})"


def size_words(cohorts: int, own: int, compared: int = 0, noun: str = "patient") -> str:
    """The same in words: "8 cohorts, 280 patients", "2 reports, 2,023 patients (adjusted)"."""
    if own or not compared:
        return f"{count(cohorts, 'cohort')}, {count(own, noun)}"
    return f"{count(cohorts, 'report')}, {count(compared, noun)} (adjusted)"


def plural(noun: str) -> str:
    """The plural of a regular noun."""
    return f"{noun[:-1]}ies" if noun[-1:] == "y" and noun[-2:-1] not in "aeiou" else f"{noun}s"


def listed(words: Iterable[str], conjunction: str = "and") -> str:
    """Words in a row: "a", "a and b", "a, b and c"."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def capitalised(text: str) -> str:
    """A text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def in_sentence(label: str) -> str:
    """A label within a sentence: a small initial, but for an abbreviation or a number."""
    return label if label[1:2].isupper() or label[1:2].isdigit() else label[:1].lower() + label[1:]


def mixed_share(share: float) -> str:
    """A share of mixed histology: "40 % mixed histology"."""
    return f"{percent(share)} % mixed histology"


def value(entry: Any) -> str:
    """Any value of a table: whole numbers whole, others to four figures, a dash for none."""
    if isinstance(entry, bool):
        return "yes" if entry else "no"
    if isinstance(entry, dict):
        return "; ".join(f"{name}: {value(part)}" for name, part in entry.items()) or MISSING
    if isinstance(entry, list | tuple | set | frozenset):
        return ", ".join(value(part) for part in entry) or MISSING
    if is_missing(entry):
        return MISSING
    if isinstance(entry, float):
        text = f"{entry:.0f}" if entry.is_integer() else f"{entry:.4g}"
        return text.replace("-", MINUS) if text.startswith("-") else text
    return str(entry)
