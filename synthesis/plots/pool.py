"""A random-effects meta-analysis: studies as reported and given the others, mean, new study."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.plots import marks, page, rows, style
from synthesis.plots.rows import INTERVAL, Row, Words, interval_of, word
from synthesis.result import names

POOL_COLUMNS = names("kind label reported reported_lower reported_upper estimate lower upper")


def two_digits(value: float) -> str:
    """A difference, on whatever scale."""
    return numbers.decimal(value, 2)


# Differences are of any size: no interval is cut, and ticks are round numbers of its size.
_ROUND = tuple(m * 10.0**e for e in range(-9, 10) for m in (1, 2, 5))
_differences = partial(
    page.difference_scale, steps=_ROUND, reach=(-math.inf, math.inf), least=10.0**-9
)


def _shares(_inside: Any, _ends: Any, width: float, face: style.Face) -> page.Scale:
    return page.percent_scale(0.0, 100.0, width, face)


@dataclass(frozen=True)
class Kind:
    """How one kind of estimate is written and drawn; at `null` stands a line of no effect."""

    unit: str
    write: numbers.Writer
    scale: Callable[..., page.Scale]
    null: float | None = None
    factor: float = 1.0


#: What can be pooled.
KINDS: Mapping[str, Kind] = {
    "difference": Kind("Effect", two_digits, _differences, null=0.0),
    "ratio": Kind("Ratio (log scale)", numbers.ratio, page.ratio_scale, null=1.0),
    "proportion": Kind("%", numbers.percent, _shares, factor=100.0),
}


@style.style_context()
def plot_pool(
    table: pd.DataFrame,
    *,
    scale: str = "difference",
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw a random-effects meta-analysis.

    The table has the columns `POOL_COLUMNS`: ``kind`` study, mean, new_study or sd (not drawn);
    ratios, fractions of one, or differences, as `scale` says: ratio, proportion or difference.
    `width` and `title` are as of `plot_forest`; in one column the reported figures are marks
    without words. ValueError if a column is missing, there is no row, or the width or the scale is
    unknown.
    """
    sheet = style.find_sheet(width)
    rows.require(table, POOL_COLUMNS, "plot_pool")
    if scale not in KINDS:
        raise ValueError(f"scale is {scale!r}; expected one of {', '.join(KINDS)}")
    about = KINDS[scale]
    drawn = table[table["kind"] != "sd"]
    inside = drawn[["estimate", "lower", "upper", "reported"]]
    ends = drawn[["lower", "upper", "reported_lower", "reported_upper"]]
    reach = [about.factor * own.to_numpy(float).ravel() for own in (inside, ends)]
    columns = [
        Words("reported", ("As reported", f"({numbers.LEVEL})")),
        rows.Axis("values", about.unit, partial(about.scale, *reach), null=about.null),
        Words("estimate", ("Given the others", INTERVAL)),
    ]
    if sheet.is_narrow:
        del columns[0]
    legend = [
        (f"as reported, {numbers.LEVEL} CI", marks.estimate_sample("square", style.MUTED)),
        (f"given the others, {numbers.LEVEL} CrI", marks.estimate_sample(hue=style.PLAIN)),
    ]
    entries = [_row(own, about, sheet) for own in drawn.to_dict("records")]
    block = rows.Block("pool", entries, columns, "Study")
    return rows.draw_blocks(rows.lay_out([block], sheet, title, legend, shares=(0.34, 0.26, 0.26)))


def _row(own: Mapping[str, Any], about: Kind, sheet: style.Sheet) -> Row:
    """A study as reported and given the others, or the mean or a new study."""
    is_study = own["kind"] == "study"
    pooled, reported = (interval_of(own, name, about.factor) for name in ("", "reported"))
    texts = {"estimate": numbers.written(own, about.write)}
    if is_study:
        texts["reported"] = numbers.written(own, about.write, "reported")

    def draw(spot: rows.Spot) -> None:
        if not is_study:
            rows.put_estimate(spot, "values", pooled, shape="diamond")
            return
        look = {"hue": style.MUTED, "name": "reported", "shape": "square"}
        rows.put_estimate(spot, "values", reported, y=spot.line(0, 2), **look)
        rows.put_estimate(spot, "values", pooled, y=spot.line(1, 2))

    kind = "row" if is_study else "band"
    return Row(word(own["label"]), texts=texts, draw=draw, kind=kind, least=2 * sheet.body)
