"""A specification curve: one conclusion under every choice, and the choices below it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from synthesis.plots import marks, page, rows, style
from synthesis.plots.page import Scale, difference_scale, month_scale, ratio_scale
from synthesis.plots.rows import interval_of, number, word
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
_UNITS: Mapping[str, str] = {
    "ratio_of_medians": "Ratio of medians",
    "prognostic_ratio": "Ratio of medians",
    "predictive_ratio": "Ratio of ratios",
    "difference_median_months": "Difference, months",
    "median_months": "Median, months",
    "p_gain": "Probability",
}
_CHANCES = Scale(-0.03, 1.03, (0.0, 0.25, 0.5, 0.75, 1.0))

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
    what, known = "plot_specification", {"kind": _UNITS}
    unique = ("specification",)
    rows.require(table, SPECIFICATION_COLUMNS, what, unique=unique, known=known)
    sheet, kind = style.find_sheet(width), word(table["kind"].iloc[0])
    listed = [row for row in table.to_dict("records") if not math.isnan(number(row["estimate"]))]
    choices = sorted(listed, key=lambda row: (row["estimate"], not _is_base(row)))
    if not any(map(_is_base, choices)):
        raise ValueError(f"{what}: found no row named {BASE!r} with an estimate; add the base")
    matrix = rows.Axis("matrix", "", lambda *_: Scale(-1.0, float(len(choices)), ()))
    entries = _aspect_rows(listed, choices)
    block = rows.Block("specification", entries, [matrix], "Chosen otherwise")
    levels = max(_levels(choices, sheet, sheet.width).values(), default=0)
    room = (levels + 1) * sheet.note.pitch + 1.4 * sheet.body

    def draw_curve(paper: page.Page, top: float, span: tuple[float, float]) -> None:
        _draw_curve(paper, sheet, choices, kind, span, top + room)

    above = rows.Panels(room + _HEIGHT + 5, 0, draw_curve)
    share = sheet.choose(0.42, 0.36, 0.34)
    marked = sorted((row for row in choices if word(row["mark"])), key=lambda row: int(row["mark"]))
    key = "; ".join(f"{word(row['mark'])} {word(row['label'])}" for row in marked)
    frame = page.make_frame(sheet, title, _legend(choices), key)
    layout = rows.lay_out([block], frame, label_share=share, between=0.6, above=above)
    return rows.draw_blocks(layout)


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
            marker = _MARKERS[int(choice["direction"])]
            _put(axes, choice, "choice", (place, spot.middle), marker, len(choices))


def _draw_curve(
    paper: page.Page,
    sheet: Sheet,
    choices: Sequence[Choice],
    kind: str,
    span: tuple[float, float],
    top: float,
) -> None:
    """Estimates in order, with their intervals; numbers of the choices that have one above."""
    left, width = span[0], span[1] - span[0]
    scale = _scale(choices, kind, sheet)
    axes = page.add_axes(paper, left, top, width, _HEIGHT, "curve")
    axes.set_yscale("log" if scale.log else "linear")
    axes.set_xlim(-1, len(choices))
    axes.set_ylim(scale.lower, scale.upper)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    page.dress_ticks(axes, "y", sheet.text, scale.ticks)
    if _UNITS[kind].startswith(("Ratio", "Difference")):
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
        marker = "D" if _is_base(choice) else "o"
        _put(axes, choice, "mark", (order, middle), marker, len(choices))
    page.put_text(paper, page.MARGIN, top + 0.5 * sheet.body, _UNITS[kind], sheet.text)
    for order, level in _levels(choices, sheet, width).items():
        x, y = left + spacing * (order + 1), top - (level + 0.8) * sheet.note.pitch
        page.put_text(paper, x, y, word(choices[order]["mark"]), sheet.note, align="center")


def _scale(choices: Sequence[Choice], kind: str, sheet: Sheet) -> Scale:
    inside, *ends = zip(*map(interval_of, choices), strict=True)
    if kind == "p_gain":
        return _CHANCES
    make = {"difference_median_months": difference_scale, "median_months": month_scale}
    return make.get(kind, ratio_scale)(inside, [*ends[0], *ends[1]], _HEIGHT, sheet.text)


def _levels(choices: Sequence[Choice], sheet: Sheet, width: float) -> dict[int, int]:
    """On which line above the curve the number of a choice stands, so that none touch."""
    ends: list[float] = []
    levels = {}
    for place, choice in enumerate(choices):
        if word(choice["mark"]):
            half = page.text_width(word(choice["mark"]), sheet.note) / 2
            x = place * width / (len(choices) + 1)
            free = (level for level, end in enumerate(ends) if x - half > end + 1.5)
            level = next(free, len(ends))
            ends[level : level + 1] = [x + half]
            levels[place] = level
    return levels


def _put(
    axes: Axes, choice: Choice, role: str, at: tuple[float, float], marker: str, of: int
) -> None:
    """A mark that does not touch its neighbours, as far as it can be seen."""
    spacing = axes.get_position().width * axes.figure.get_figwidth() * 72 / (of + 1)
    size = 3.2 if _is_base(choice) else min(3.0, max(1.5, 0.85 * spacing))
    hue = _hue(choice, INK)
    fill = hue if _is_base(choice) or choice["changes"] else "white"
    mark = Line2D(*([value] for value in at), marker=marker, ms=size, ls="none", mec=hue, mew=0.5)
    mark.set(markerfacecolor=fill, zorder=4, gid=f"{choice['specification']}-{role}")
    axes.add_line(mark)


def _legend(choices: Sequence[Choice]) -> list[page.LegendEntry]:
    changed = any(choice["changes"] for choice in choices)
    directed = any(choice["direction"] for choice in choices)
    entries = (
        (True, "base", "D", INK, INK),
        (True, "same conclusion", "o", INK, "white"),
        (changed, "conclusion changes", "o", _CHANGED, _CHANGED),
        (directed, "less", "v", INK, "white"),
        (directed, "more", "^", INK, "white"),
    )
    return [(words, partial(_sample, *look)) for is_drawn, words, *look in entries if is_drawn]


def _sample(marker: str, hue: str, fill: str, brush: marks.Brush, x: float, y: float) -> None:
    look = {"marker": marker, "ms": 3.2, "mec": hue, "mfc": fill, "mew": 0.5}
    marks.put(brush, Line2D([x], [y], ls="none", **look), "")
