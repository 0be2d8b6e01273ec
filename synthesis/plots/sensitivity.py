"""A specification curve: one conclusion under every choice, and the choices below it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthesis.plots import marks, page, rows, style
from synthesis.plots.marks import Brush
from synthesis.plots.page import Scale
from synthesis.plots.rows import interval_of, word
from synthesis.plots.style import HUES, INK, MUTED, Sheet
from synthesis.result import names

SPECIFICATION_COLUMNS = names(
    "specification group heading aspect direction label kind estimate lower upper changes mark"
)
#: Name of the specification that all others are set against.
BASE = "base"

_CHANGED = HUES[7]  # what it says is said by the fill, too
_QUIET = "#8c8c8c"
_HEIGHT = 150.0  # of the curve, points
_MARKERS: Mapping[int, str] = {-1: "v", 0: "o", 1: "^"}
# What each kind of conclusion is in, and the axis that it has.
_KINDS: Mapping[str, tuple[str, Any]] = {
    "ratio_of_medians": ("Ratio of medians", page.ratio_scale),
    "prognostic_ratio": ("Ratio of medians", page.ratio_scale),
    "predictive_ratio": ("Ratio of ratios", page.ratio_scale),
    "difference_median_months": ("Difference, months", page.difference_scale),
    "median_months": ("Median, months", page.month_scale),
    "p_gain": ("Probability", lambda *_: Scale(-0.03, 1.03, (0.0, 0.25, 0.5, 0.75, 1.0))),
}

Choice = Mapping[str, Any]


@style.style_context()
def plot_specification(
    table: pd.DataFrame, *, width: style.Width = "two-column", title: str | None = None
) -> Figure:
    """Draw one conclusion under every choice, and what is chosen otherwise.

    Above: estimates in order with their intervals, a line through that of the base, and where there
    is one the value of no effect. Below: one row for each aspect of the analysis, with a mark under
    every estimate for which that aspect is chosen otherwise (Simonsohn, Simmons & Nelson 2020, doi
    10.1038/s41562-020-0912-z). Axes labelled ``curve`` and ``specification matrix``; their
    horizontal coordinate is the place of a choice in order of the estimates.

    The table has the columns `SPECIFICATION_COLUMNS`, one row a choice, one of them named `BASE`;
    ratios, months or probabilities (without limits). ``mark`` is a number that names a choice in
    the key, or empty. A choice without an estimate is left out. `width` and `title` are as of
    `plot_forest`. ValueError if a column is missing, a choice is there twice, the base is not there
    or has no estimate, or the width or the kind of conclusion is unknown.
    """
    what, known = "plot_specification", {"kind": _KINDS}
    unique = ("specification",)
    rows.require(table, SPECIFICATION_COLUMNS, what, unique=unique, known=known)
    sheet = style.find_sheet(width)
    listed = table[table["estimate"].notna()].to_dict("records")
    choices = sorted(listed, key=lambda row: (row["estimate"], not _is_base(row)))
    if not any(map(_is_base, choices)):
        raise ValueError(f"{what}: found no row named {BASE!r} with an estimate; add the base")
    across = Scale(-1.0, float(len(choices)))
    matrix = rows.Axis("matrix", "", lambda *_: across)
    entries = _aspect_rows(listed, choices)
    block = rows.Block("specification", entries, [matrix], "Chosen otherwise")
    levels = max(_levels(choices, sheet, sheet.width).values(), default=0)
    room = (levels + 1) * sheet.note.pitch + 1.4 * sheet.body

    def draw_curve(paper: page.Page, top: float, span: tuple[float, float]) -> None:
        _draw_curve(paper, sheet, choices, span, top + room)

    above = rows.Panels(room + _HEIGHT + 5, 0, draw_curve)
    marked = sorted((row for row in choices if word(row["mark"])), key=lambda row: int(row["mark"]))
    key = "; ".join(f"{word(row['mark'])} {word(row['label'])}" for row in marked)
    look = {"shares": (0.42, 0.36, 0.34), "between": 0.6, "above": above}
    return rows.draw_blocks(rows.lay_out([block], sheet, title, _legend(choices), key, **look))


def _is_base(choice: Choice) -> bool:
    return word(choice["specification"]) == BASE


def _hue(choice: Choice, otherwise: str) -> str:
    return INK if _is_base(choice) else _CHANGED if choice["changes"] else otherwise


def _aspect_rows(listed: Sequence[Choice], choices: Sequence[Choice]) -> list[rows.Row]:
    """A row for each aspect, below headings, in order of the table."""
    headings: dict[str, dict[str, rows.Row]] = {}
    for row in listed:
        if not _is_base(row):
            heading, aspect = word(row["heading"]), word(row["aspect"])
            draw = partial(_put_choices, heading, aspect, choices)
            aspects = headings.setdefault(heading, {"": rows.Row(heading, kind="head")})
            aspects.setdefault(aspect, rows.Row(aspect, draw=draw))
    return [row for aspects in headings.values() for row in aspects.values()]


def _put_choices(heading: str, aspect: str, choices: Sequence[Choice], spot: rows.Spot) -> None:
    """A mark under every estimate for which an aspect is chosen otherwise."""
    axes = spot.axes["matrix"]
    for place, choice in enumerate(choices):
        if _is_base(choice):
            line = Line2D([place] * 2, [spot.top, spot.top + spot.height], color=MUTED, lw=0.6)
            axes.add_line(line)
        elif (word(choice["heading"]), word(choice["aspect"])) == (heading, aspect):
            brush = Brush(axes, axes.transData, name=choice["specification"])
            marker = _MARKERS[int(choice["direction"])]
            _put_choice(brush, choice, "choice", (place, spot.middle), marker)


def _draw_curve(
    paper: page.Page,
    sheet: Sheet,
    choices: Sequence[Choice],
    span: tuple[float, float],
    top: float,
) -> None:
    """Estimates in order, with their intervals; numbers of the choices that have one above."""
    left, width = span[0], span[1] - span[0]
    unit, make = _KINDS[word(choices[0]["kind"])]
    scale = make(*rows.spans(choices), _HEIGHT, sheet.text)
    place, across = ((left, top), (width, _HEIGHT)), Scale(-1.0, float(len(choices)))
    axes = page.add_axes(paper, *place, "curve", sheet.text, across, scale)
    axes.spines["bottom"].set_visible(False)
    if unit.startswith(("Ratio", "Difference")):
        axes.axhline(1.0 if scale.log else 0.0, color=INK, lw=0.7, gid="null")
    base = next(choice for choice in choices if _is_base(choice))
    axes.axhline(base["estimate"], color=MUTED, lw=0.7, ls=marks.DASHES, gid="base-line")
    spacing = width / (len(choices) + 1)
    for order, choice in enumerate(choices):
        middle, lower, upper = interval_of(choice)
        if not math.isnan(lower):
            strong = _is_base(choice) or choice["changes"]
            thick = min(1.4 if strong else 0.8, 0.55 * spacing)
            ends, _ = scale.clip(lower, upper)
            bar = Line2D([order] * 2, ends, color=_hue(choice, _QUIET), lw=thick)
            bar.set(solid_capstyle="butt", gid=f"{choice['specification']}-interval")
            axes.add_line(bar)
        brush = Brush(axes, axes.transData, name=choice["specification"])
        marker = "D" if _is_base(choice) else "o"
        _put_choice(brush, choice, "mark", (order, middle), marker)
    page.put_text(paper, page.MARGIN, top + 0.5 * sheet.body, unit, sheet.text)
    for order, level in _levels(choices, sheet, width).items():
        x, y = left + spacing * (order + 1), top - (level + 0.8) * sheet.note.pitch
        page.put_text(paper, x, y, word(choices[order]["mark"]), sheet.note, align="center")


def _levels(choices: Sequence[Choice], sheet: Sheet, width: float) -> dict[int, int]:
    """On which line above the curve the number of a choice stands, so that none touch."""
    spacing, spans = width / (len(choices) + 1), {}
    for place, choice in enumerate(choices):
        if word(choice["mark"]):
            half = page.text_width(word(choice["mark"]), sheet.note) / 2
            spans[place] = (place * spacing - half, place * spacing + half)
    return dict(zip(spans, rows.free_lines(spans.values(), 1.5), strict=True))


def _put_choice(
    brush: Brush, choice: Choice, role: str, at: tuple[float, float], marker: str
) -> None:
    """A mark that does not touch its neighbours, as far as it can be seen."""
    first, last = brush.host.get_xlim()
    spacing = brush.host.bbox.width * 72 / brush.host.figure.dpi / (last - first)
    size = 3.2 if _is_base(choice) else min(3.0, max(1.5, 0.85 * spacing))
    fill = _is_base(choice) or choice["changes"]
    _put(brush.coloured(_hue(choice, INK)), role, at, marker, size, fill=fill)


def _put(
    brush: Brush, role: str, at: tuple[float, float], marker: str, size: float, *, fill: bool
) -> None:
    look = {"mew": 0.5} if fill else {"mew": 0.5, "mfc": "white"}
    marks.put_marker(brush, role, *at, marker, size, **look)


def _legend(choices: Sequence[Choice]) -> list[page.LegendEntry]:
    changed = any(choice["changes"] for choice in choices)
    directed = any(choice["direction"] for choice in choices)
    entries = (
        (True, "base", "D", INK, True),
        (True, "same conclusion", "o", INK, False),
        (changed, "conclusion changes", "o", _CHANGED, True),
        (directed, "less", "v", INK, False),
        (directed, "more", "^", INK, False),
    )
    return [(words, partial(_sample, *look)) for is_drawn, words, *look in entries if is_drawn]


def _sample(marker: str, hue: str, fill: bool, brush: Brush, x: float, y: float) -> None:
    _put(brush.coloured(hue), "", (x, y), marker, 3.2, fill=fill)
