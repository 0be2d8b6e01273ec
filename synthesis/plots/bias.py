"""Biases of retrospective reports, and the funnel of reported medians."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from synthesis import numbers
from synthesis.plots import histology, marks, page, rows, style
from synthesis.plots.marks import Brush
from synthesis.plots.rows import flag, interval_of, number, word
from synthesis.plots.style import INK, MUTED, PLAIN, Sheet
from synthesis.result import names

BIAS_COLUMNS = names("effect label which estimate lower upper prior_share cohorts patients")
DENSITY_COLUMNS = names("parameter which x density")
REPORT_COLUMNS = names("cohort_label treatment patients estimate lower upper")
FUNNEL_COLUMNS = names("cohort_label kind ratio standard_error study_sd beyond_sampling")


@style.style_context()
def plot_bias(
    density: pd.DataFrame,
    effects: pd.DataFrame,
    reports: pd.DataFrame,
    *,
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw the common bias, the spread of biases and, below, the bias of each report.

    A strip for each of the two with prior (broken outline) and posterior (filled), then a row a
    report. Each strip has one vertical scale. One Axes, labelled ``bias ratio``.

    `density` has the columns `DENSITY_COLUMNS`: ``which`` is prior or posterior, ``x`` a ratio or a
    factor, ``density`` per unit of its logarithm. `effects`, in display order, has `BIAS_COLUMNS`,
    a prior and a posterior row of each; the name of an ``effect`` is the ``parameter`` of its
    density, ``prior_share`` a fraction. `reports`, in display order and perhaps empty, has
    `REPORT_COLUMNS`: ratios of medians. ValueError if a column, an effect or its density is
    missing, or the width is unknown.
    """
    rows.require(density, DENSITY_COLUMNS, "plot_bias, density")
    rows.require(effects, BIAS_COLUMNS, "plot_bias, effects", unique=("effect", "which"))
    rows.require(reports, REPORT_COLUMNS, "plot_bias, reports", may_be_empty=True)
    sheet = style.find_sheet(width)
    entries = list(histology.effect_rows(_side_by_side(effects), density, sheet, "plot_bias"))
    legend = histology.effect_legend(reported=False)
    if not reports.empty:
        words = "Whole bias of each retrospective report, common and its own"
        entries += [rows.Row(words, kind="head"), *map(_report_row, reports.to_dict("records"))]
        legend.append((f"report, {numbers.LEVEL} CrI", marks.estimate_sample()))
    # the axis reaches at least from half to twice: a bias within it is to be seen as one
    inside = [0.5, 2.0, *reports["estimate"]]
    ends = [*rows.visible(density), *reports["lower"], *reports["upper"]]
    unit = "Ratio of medians to a prospective study (log scale)"
    axis = rows.Axis("ratio", unit, partial(page.ratio_scale, inside, ends), null=1.0)
    block = rows.Block("bias", entries, [axis, *histology.answer_columns(sheet)], "Bias")
    foot = (
        "Right of 1: optimistic. The spread is the factor that one report in forty exceeds. "
        "Share assumed: how much of the answer is prior. CrI, credible interval."
    )
    shares = (0.36, 0.36, 0.34)
    layout = rows.lay_out([block], sheet, title, legend, foot, shares=shares, between=1.5)
    return rows.draw_blocks(layout)


def _side_by_side(effects: pd.DataFrame) -> pd.DataFrame:
    """Prior and posterior of an effect in one row, as `histology.effect_rows` reads them."""
    effects, of_each = effects.rename(columns={"effect": "parameter"}), []
    for which in ("prior", "posterior"):
        ends = {"estimate": which, "lower": f"{which}_lower", "upper": f"{which}_upper"}
        of_each.append(effects[effects["which"] == which].rename(columns=ends))
    prior, posterior = of_each
    return posterior.merge(prior[["parameter", *names("prior prior_lower prior_upper")]])


def _report_row(record: Mapping[str, Any]) -> rows.Row:
    detail = f"n = {int(record['patients']):,}, {numbers.in_sentence(word(record['treatment']))}"
    texts = {"posterior": numbers.written(record, numbers.ratio)}
    draw = partial(rows.put_estimate, column="ratio", values=interval_of(record))
    return rows.Row(word(record["cohort_label"]), detail, texts, draw)


# --- Funnel --------------------------------------------------------------------------------------

# Shape, size and fill of the mark of each kind of report; a circle holds more ink than a diamond.
_MARKS: Mapping[str, tuple[str, float, bool]] = {
    "retrospective": ("o", 4.4, True),
    "prospective": ("D", 4.2, False),
    "not stated": ("s", 4.0, False),
}
_LIMITS: Mapping[str, object] = {"sampling": (0, (4.0, 2.0)), "studies": (0, (1.0, 1.6))}

# Standard deviations of a normal distribution within which 95 % lie.
_LIMIT = 1.96
_STEPS = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_MOST_TICKS = 6

# White space in points around a mark, and the distances at which a name is tried from its own.
_CLEAR, _REACHES = 1.5, (4.5, 9.0, 14.0)


class _Point(NamedTuple):
    """One reported median; `name` is empty where it is not named."""

    ratio: float
    error: float
    kind: str
    name: str


@style.style_context()
def plot_funnel(
    table: pd.DataFrame, *, width: style.Width = "two-column", title: str | None = None
) -> Figure:
    """Draw the funnel of reported medians.

    Horizontally the reported median over the expected one, on a log scale, vertically the standard
    error of the log median, 0 on top. Marks tell the kind of report. Broken lines are the 95 %
    limits by sampling error alone, dotted ones with the spread of studies added; a median outside
    of the former is named. One Axes, labelled ``funnel``. The table has the columns
    `FUNNEL_COLUMNS`, a row a reported median, ``study_sd`` the same in every row; `width` and
    `title` are as of `plot_forest`. ValueError if a column is missing, there is no row, a kind or
    the width is unknown, or a number is missing or not positive.
    """
    rows.require(table, FUNNEL_COLUMNS, "plot_funnel", known={"kind": _MARKS})
    points = list(_points(table))
    sheet = style.find_sheet(width)
    spread = number(table["study_sd"].iloc[0])
    frame = page.make_frame(sheet, title, _legend(points), _foot(points))
    top = frame.top + 0.8 * sheet.body
    left = page.MARGIN + 1.9 * sheet.body + page.text_width("0.00", sheet.text) + 4
    across = sheet.width - page.MARGIN - left - sheet.body
    # scales that hold every point, and the limits as far as the axis may reach
    deepest = 1.06 * max(point.error for point in points)
    end = math.exp(_LIMIT * math.hypot(deepest, spread))
    ratios = [point.ratio for point in points]
    scale = page.ratio_scale(ratios, [end, 1.0 / end], across, sheet.text)
    step = next((own for own in _STEPS if deepest / own <= _MOST_TICKS), _STEPS[-1])
    ticks = [round(place * step, 6) for place in range(int(deepest / step) + 1)]
    height = sheet.choose(0.95, 0.58, 0.52) * across
    unit = page.wrap("Reported over expected median (log scale)", sheet.text, across)
    unit_top = top + height + 4 + 1.4 * sheet.body
    paper = frame.open(unit_top + len(unit) * sheet.text.pitch)
    place, depth = ((left, top), (across, height)), page.Scale(deepest, 0.0, ticks)
    axes = page.add_axes(paper, *place, "funnel", sheet.text, scale, depth, grid=False)
    axes.axvline(1.0, color=INK, lw=0.6, zorder=1, gid="funnel-null")
    _draw_limits(axes, deepest, spread)
    for order, point in enumerate(points):
        brush = Brush(axes, axes.transData, PLAIN, f"funnel-{order}")
        _put_mark(point.kind, brush, point.ratio, point.error)
    _put_names(paper, Bbox.from_bounds(left, top, across, height), axes, points, sheet)
    page.put_lines(paper, left + across / 2, unit_top, unit, sheet.text, align="center")
    words, middle = "Standard error of the log median", top + height / 2
    page.put_upright_text(paper, page.MARGIN + 0.6 * sheet.body, middle, words, sheet.text)
    return paper.figure


def _points(table: pd.DataFrame) -> Iterator[_Point]:
    for record in table.to_dict("records"):
        label = word(record["cohort_label"])
        ratio, error = number(record["ratio"]), number(record["standard_error"])
        if not (0.0 < ratio < math.inf and 0.0 < error < math.inf):
            raise ValueError(
                f"plot_funnel: ratio and standard error of {label} are {ratio:g} and {error:g}; "
                "expected numbers above zero"
            )
        name = label if flag(record["beyond_sampling"]) else ""
        yield _Point(ratio, error, word(record["kind"]), name)


def _draw_limits(axes: Axes, deepest: float, spread: float) -> None:
    """Lines within which 95 % of the medians of a standard error lie."""
    errors = np.linspace(0.0, deepest, 60)
    for name, extra in (("sampling", 0.0), ("studies", spread)):
        for side, sign in (("left", -1.0), ("right", 1.0)):
            across = np.exp(sign * _LIMIT * np.hypot(errors, extra))
            look = {"color": MUTED, "lw": 0.8, "ls": _LIMITS[name], "gid": f"funnel-{name}-{side}"}
            axes.plot(across, errors, zorder=1.5, **look)


def _put_mark(kind: str, brush: Brush, x: float, y: float) -> None:
    marker, size, filled = _MARKS[kind]
    look = {"mec": "white", "mew": 0.4} if filled else {"mfc": "white", "mew": 1.0}
    marks.put_marker(brush, kind.replace(" ", "-"), x, y, marker, size, **look)


def _put_names(
    paper: page.Page, field: Bbox, axes: Axes, points: Sequence[_Point], sheet: Sheet
) -> None:
    """Name the points outside of the limits, where no mark and no other name is in the way."""
    to_points = axes.transData + paper.transform.inverted()
    places = to_points.transform([(point.ratio, point.error) for point in points])
    taken = []
    for place, point in zip(places, points, strict=True):
        half = _MARKS[point.kind][1] / 2 + _CLEAR
        taken.append(Bbox([place - half, place + half]))
    for order, (place, point) in enumerate(zip(places, points, strict=True)):
        if not point.name:
            continue
        first, bracket, rest = point.name.partition(" (")
        lines = (first, f"({rest}") if bracket else (point.name,)
        size = page.widest(lines, sheet.note), len(lines) * sheet.note.pitch
        boxes = _candidates(field, *place, *size, outwards=point.ratio > 1.0)
        box = next((own for own in boxes if not own.count_overlaps(taken)), None)
        if box:
            taken.append(box)
            page.put_box(paper, *box.bounds, "white", zorder=2)
            face = replace(sheet.note, color=INK)
            page.put_lines(paper, box.x0, box.y0, lines, face, gid=f"funnel-name-{order}")


def _candidates(
    field: Bbox, x: float, y: float, width: float, height: float, *, outwards: bool
) -> Iterator[Bbox]:
    """Boxes for a name inside the plot, the best first: outwards, inwards, above, below."""
    for reach in _REACHES:
        sides = [(x + reach, y - height / 2), (x - reach - width, y - height / 2)]
        sides = sides if outwards else sides[::-1]
        levels = (y - reach + 2.0 - height, y + reach - 2.0)
        corners = [(start, top) for top in levels for start in (x - width - 2.0, x + 2.0)]
        for start, top in [*sides, *corners]:
            box = Bbox.from_bounds(start, top, width, height)
            within = box.x0 >= field.x0 + 1.0 and box.x1 <= field.x1
            if within and box.y0 >= field.y0 and box.y1 <= field.y1:
                yield box


def _legend(points: Sequence[_Point]) -> list[page.LegendEntry]:
    def limit(name: str, brush: Brush, x: float, y: float) -> None:
        line = Line2D((x - 8, x + 8), (y, y), color=MUTED, lw=0.8, ls=_LIMITS[name])
        marks.put(brush, line, "")

    there = {point.kind for point in points}
    words = {"not stated": "design not stated"}
    return [
        *((words.get(kind, kind), partial(_put_mark, kind)) for kind in _MARKS if kind in there),
        ("95 % limits, sampling error alone", partial(limit, "sampling")),
        ("with the spread of studies", partial(limit, "studies")),
    ]


def _foot(points: Sequence[_Point]) -> str:
    words = (
        "Expected: median of the average study of the same treatment, histology and kind of "
        "population, as the other cohorts have it. Right of 1: longer than expected."
    )
    if any(point.name for point in points):
        words += " Named where there is room: outside of the limits by sampling error alone."
    return words
