"""How the numbers of comparisons are written: tables, pictures, sentences and terminal alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

_SURE = 0.995


def ratio_text(value: float) -> str:
    """A ratio to two decimals, ``1.62``; one from 10 on."""
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def months_text(value: float) -> str:
    """A difference in months to one decimal; no minus before a zero."""
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text


def points_text(value: float) -> str:
    """A difference of rates in whole percentage points; no minus before a zero."""
    text = f"{100 * value:.0f}"
    return "0" if text == "-0" else text


def chance_text(value: float) -> str:
    """A probability to two decimals; never a certainty that draws cannot give."""
    if math.isnan(value):
        return ""
    if value >= _SURE:
        return ">0.99"
    return "<0.01" if value < 1.0 - _SURE else f"{value:.2f}"


#: How the values of an estimand are written, by its name.
WRITERS: dict[str, Callable[[float], str]] = {
    "ratio_of_medians": ratio_text,
    "average_hazard_ratio": ratio_text,
    "difference_median_months": months_text,
    "difference_rmst_12m": months_text,
    "difference_rmst_24m": months_text,
    "difference_response_rate": points_text,
}


def spread_text(estimate: float, lower: float, upper: float, estimand: str) -> str:
    """An estimate with its interval, ``1.62 (0.94-2.84)`` or ``1.7 (-0.3 to 3.3)``."""
    write = WRITERS[estimand]
    ends = write(lower), write(upper)
    between = " to " if ends[0].startswith("-") else "-"
    return f"{write(estimate)} ({between.join(ends)})"


def with_texts(forest: pd.DataFrame) -> pd.DataFrame:
    """Add ``estimate_text``, ``gain_text`` and ``p_text`` to rows that are to be drawn."""
    rows = list(forest.itertuples(index=False))
    return forest.assign(
        estimate_text=[
            ""
            if row.is_reference
            else spread_text(row.estimate, row.lower, row.upper, row.estimand)
            for row in rows
        ],
        gain_text=[
            ""
            if math.isnan(row.gain)
            else spread_text(row.gain, row.gain_lower, row.gain_upper, "difference_median_months")
            for row in rows
        ],
        p_text=[chance_text(row.p_gain) for row in rows],
    )


def league_rows(league: pd.DataFrame) -> pd.DataFrame:
    """The rows of a league table that are drawn, with ``estimate_text`` and ``interval_text``.

    One contrast a pair: the ratio of medians, or the difference of response rates.
    """
    drawn = league["estimand"].isin(["ratio_of_medians", "difference_response_rate"])
    rows = league[drawn].reset_index(drop=True)
    texts = [
        spread_text(row.estimate, row.lower, row.upper, row.estimand)
        for row in rows.itertuples(index=False)
    ]
    return rows.assign(
        estimate_text=[text.partition(" (")[0] for text in texts],
        interval_text=[text.partition(" (")[2].rstrip(")") for text in texts],
    )
