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

from synthesis import numbers
from synthesis.plots import marks, page, rows, style
from synthesis.plots.histology import answer_columns, effect_legend, effect_rows
from synthesis.plots.marks import Brush
from synthesis.plots.page import Scale, ratio_scale
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
    entries = list(effect_rows(_side_by_side(effects), density, sheet, "plot_bias"))
    legend = effect_legend(reported=False)
    if not reports.empty:
        words = "Whole bias of each retrospective report, common and its own"
        entries += [rows.Row(words, kind="head"), *map(_report_row, reports.to_dict("records"))]
        legend.append((f"report, {numbers.LEVEL} CrI", marks.estimate_sample()))
    # the axis reaches at least from half to twice: a bias within it is to be seen as one
    inside = [0.5, 2.0, *reports["estimate"]]
    ends = [*rows.visible(density), *reports["lower"], *reports["upper"]]
    unit = "Ratio of medians to a prospective study (log scale)"
    axis = rows.Axis("ratio", unit, partial(ratio_scale, inside, ends), null=1.0)
    block = rows.Block("bias", entries, [axis, *answer_columns(sheet)], "Bias")
    share = sheet.choose(0.36, 0.36, 0.34)
    foot = (
        "Right of 1: optimistic. The spread is the factor that one report in forty exceeds. "
        "Share assumed: how much of the answer is prior. CrI, credible interval."
    )
    frame = page.make_frame(sheet, title, legend, foot)
    return rows.draw_blocks(rows.lay_out([block], frame, label_share=share, between=1.5))


def _side_by_side(effects: pd.DataFrame) -> pd.DataFrame:
    """Prior and posterior of an effect in one row, as `effect_rows` reads them."""
    effects, of_each = effects.rename(columns={"effect": "parameter"}), []
    for which in ("prior", "posterior"):
        ends = {"estimate": which, "lower": f"{which}_lower", "upper": f"{which}_upper"}
        of_each.append(effects[effects["which"] == which].rename(columns=ends))
    prior, posterior = of_each
    return posterior.merge(prior[["parameter", *names("prior prior_lower prior_upper")]])


def _report_row(record: Mapping[str, Any]) -> rows.Row:
    values = interval_of(record)
    detail = f"n = {int(record['patients']):,}, {numbers.in_sentence(word(record['treatment']))}"
    texts = {"posterior": numbers.interval(*values, numbers.ratio)}
    draw = rows.estimate_marks("ratio", PLAIN, values)
    return rows.Row(word(record["cohort_label"]), detail, texts, draw)


# --- Funnel --------------------------------------------------------------------------------------

# Shape and fill of the mark of each kind of report; a circle holds more ink than a diamond.
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
    scale = ratio_scale([point.ratio for point in points], [end, 1.0 / end], across, sheet.text)
    height = sheet.choose(0.95, 0.58, 0.52) * across
    field = _Field(left, top, across, height, scale, deepest)
    unit = page.wrap("Reported over expected median (log scale)", sheet.text, across)
    unit_top = top + height + 4 + 1.4 * sheet.body
    paper = frame.open(unit_top + len(unit) * sheet.text.pitch)
    axes = _open(paper, field, sheet)
    _draw_limits(axes, field, spread)
    for place, point in enumerate(points):
        gid = f"funnel-{place}-{point.kind.replace(' ', '-')}"
        axes.add_line(_mark(point.kind, point.ratio, point.error, PLAIN, gid=gid))
    _put_names(paper, field, points, sheet)
    page.put_lines(paper, left + across / 2, unit_top, unit, sheet.text, align="center")
    words, middle = "Standard error of the log median", top + height / 2
    page.put_upright_text(paper, page.MARGIN + 0.6 * sheet.body, middle, words, sheet.text)
    return paper.figure


class _Point(NamedTuple):
    """One reported median; `name` is empty where it is not named."""

    ratio: float
    error: float
    kind: str
    name: str


class _Field(NamedTuple):
    """The plot: its place on the page in points and its scales."""

    left: float
    top: float
    width: float
    height: float
    scale: Scale
    deepest: float

    def place(self, point: _Point) -> tuple[float, float]:
        """Where a median stands, in points from the upper left corner of the plot."""
        span = math.log(self.scale.upper / self.scale.lower)
        across = math.log(point.ratio / self.scale.lower) / span * self.width
        return across, point.error / self.deepest * self.height


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


def _open(paper: page.Page, field: _Field, sheet: Sheet) -> Axes:
    axes = page.add_axes(paper, field.left, field.top, field.width, field.height, "funnel")
    page.apply_scale(axes, field.scale, sheet.text, grid=False)
    axes.set_ylim(field.deepest, 0.0)
    step = next((own for own in _STEPS if field.deepest / own <= _MOST_TICKS), _STEPS[-1])
    ticks = [round(place * step, 6) for place in range(int(field.deepest / step) + 1)]
    page.dress_ticks(axes, "y", sheet.text, ticks, grid=False)
    axes.axvline(1.0, color=INK, lw=0.6, zorder=1, gid="funnel-null")
    return axes


def _draw_limits(axes: Axes, field: _Field, spread: float) -> None:
    """Lines within which 95 % of the medians of a standard error lie."""
    errors = np.linspace(0.0, field.deepest, 60)
    for name, extra in (("sampling", 0.0), ("studies", spread)):
        for side, sign in (("left", -1.0), ("right", 1.0)):
            across = np.exp(sign * _LIMIT * np.hypot(errors, extra))
            look = {"color": MUTED, "lw": 0.8, "ls": _LIMITS[name], "gid": f"funnel-{name}-{side}"}
            axes.plot(across, errors, zorder=1.5, **look)


def _mark(kind: str, x: float, y: float, hue: str, **more: object) -> Line2D:
    marker, size, filled = _MARKS[kind]
    edge = {"mec": "white", "mew": 0.4} if filled else {"mec": hue, "mew": 1.0}
    fill, more = hue if filled else "white", edge | more
    return Line2D([x], [y], marker=marker, ls="none", ms=size, mfc=fill, zorder=4, **more)


# Left, top, right and bottom in points from the upper left corner of the plot.
_Box = tuple[float, float, float, float]


def _put_names(paper: page.Page, field: _Field, points: Sequence[_Point], sheet: Sheet) -> None:
    """Name the points outside of the limits, where no mark and no other name is in the way."""
    taken: list[_Box] = []
    for point in points:
        x, y = field.place(point)
        half = _MARKS[point.kind][1] / 2 + _CLEAR
        taken.append((x - half, y - half, x + half, y + half))
    for place, point in enumerate(points):
        first, bracket, rest = point.name.partition(" (")
        lines = (first, f"({rest}") if bracket else (point.name,)
        free = (
            one
            for one in _candidates(field, point, lines, sheet)
            if not any(
                one[0] < box[2] and box[0] < one[2] and one[1] < box[3] and box[1] < one[3]
                for box in taken
            )
        )
        box = next(free, None) if point.name else None
        if box:
            taken.append(box)
            left, top = field.left + box[0], field.top + box[1]
            page.put_box(paper, left, top, box[2] - box[0], box[3] - box[1], "white", zorder=2)
            face = replace(sheet.note, color=INK)
            page.put_lines(paper, left, top, lines, face, gid=f"funnel-name-{place}")


def _candidates(field: _Field, point: _Point, lines: Sequence[str], sheet: Sheet) -> Iterator[_Box]:
    """Boxes for a name inside the plot, the best first: outwards, inwards, above, below."""
    x, y = field.place(point)
    width = max(page.text_width(line, sheet.note) for line in lines)
    height = len(lines) * sheet.note.pitch
    for reach in _REACHES:
        sides = [(x + reach, y - height / 2), (x - reach - width, y - height / 2)]
        sides = sides if point.ratio > 1.0 else sides[::-1]
        levels = (y - reach + 2.0 - height, y + reach - 2.0)
        corners = [(start, top) for top in levels for start in (x - width - 2.0, x + 2.0)]
        for start, top in [*sides, *corners]:
            box = (start, top, start + width, top + height)
            if box[0] >= 1.0 and box[1] >= 0.0 and box[2] <= field.width and box[3] <= field.height:
                yield box


def _legend(points: Sequence[_Point]) -> list[page.LegendEntry]:
    def mark(kind: str, brush: Brush, x: float, y: float) -> None:
        marks.put(brush, _mark(kind, x, y, INK), "")

    def limit(name: str, brush: Brush, x: float, y: float) -> None:
        line = Line2D((x - 8, x + 8), (y, y), color=MUTED, lw=0.8, ls=_LIMITS[name])
        marks.put(brush, line, "")

    there = {point.kind for point in points}
    words = {"not stated": "design not stated"}
    return [
        *((words.get(kind, kind), partial(mark, kind)) for kind in _MARKS if kind in there),
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
