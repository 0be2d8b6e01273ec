"""What new studies change: pooled estimates without and with them, and how they were expected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis.plots import marks, samples
from synthesis.plots.cells import require_columns
from synthesis.plots.impact_rows import (
    HEADING_SPACE,
    Line,
    Part,
    estimate_lines,
    estimate_rows,
    figure_lines,
    figure_rows,
    fit_parts,
    has_expectation,
)
from synthesis.plots.page import (
    MARGIN,
    LegendEntry,
    Page,
    add_axes,
    flow_legend,
    legend_pitch,
    open_page,
    put_legend,
    put_lines,
    put_rule,
    put_text,
    wrap,
)
from synthesis.plots.scales import Scale, apply_scale, month_scale, percent_scale
from synthesis.plots.style import INK, MUTED, Sheet, Width, choose_hues, find_sheet, style_context

IMPACT_COLUMNS: tuple[str, ...] = (
    "endpoint",
    "treatment",
    "treatment_class",
    "histology",
    "estimand",
    "target",
    "before",
    "before_lower",
    "before_upper",
    "after",
    "after_lower",
    "after_upper",
    "shift_in_sd",
    "before_basis",
    "after_basis",
    "new",
)
SURPRISE_COLUMNS: tuple[str, ...] = (
    "endpoint",
    "cohort",
    "label",
    "treatment_class",
    "group",
    "figure",
    "n",
    "printed",
    "value",
    "predicted",
    "lower",
    "upper",
    "lower_50",
    "upper_50",
    "p",
    "headline",
)
RANK_COLUMNS: tuple[str, ...] = ("endpoint", "treatment", "rank_before", "rank_after")

_TITLES: Mapping[str, str] = {
    "os": "median overall survival",
    "pfs": "median progression-free survival",
    "response": "objective response",
}
# Share of the hue in the bars of an expectation, 95 % and 50 %, and their height in points.
_OUTER_SHARE, _INNER_SHARE, _BAR = 0.22, 0.55, 6.0
_AXIS_ROOM = 4.0
# Length of an axis, in parts of the type size, on which every tick of 0 to 100 % has room.
_ROOMY = 12.0


def plot_impact(
    table: pd.DataFrame,
    surprise: pd.DataFrame,
    ranks: pd.DataFrame,
    *,
    endpoint: str = "os",
    width: Width = "two-column",
    title: str | None = None,
    level: float = 0.95,
    hues: Mapping[str, str] | None = None,
    limit: int = 9,
) -> Figure:
    """Draw what new studies change for one endpoint.

    A: pooled estimates of the average study at the reference mix without (open circle) and with
    the new studies (filled dot), treatments of the new studies first, then those that move most;
    their ranks stand beside. B: printed figures of the new studies (open squares, area by
    patients) on what the fit without them expected (pale bar 95 %, dark bar 50 %, stroke the
    median). In one column B stands below A. Nothing is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `IMPACT_COLUMNS`; months, or fractions of 1.
    surprise : DataFrame
        Columns `SURPRISE_COLUMNS`; may be empty, then B is left out. An infinite ``value`` was
        not reached and is drawn as an arrow.
    ranks : DataFrame
        Columns `RANK_COLUMNS`; only treatments in it, or of the new studies, are drawn.
    endpoint : str
        os, pfs (logarithmic axis in months) or response (linear axis, 0 to 100 %).
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above both parts.
    level : float
        Level of the intervals, for headings and legend.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.
    limit : int
        Most rows of A, and of B.

    Returns
    -------
    Figure
        Axes labelled ``estimates`` and, where there are such figures, ``times`` and ``shares``;
        their vertical coordinate is points below the first row.

    Raises
    ------
    ValueError
        If a column is missing, no treatment is left to draw, the endpoint or the width is
        unknown, or a class has no hue.
    """
    require_columns(table, IMPACT_COLUMNS, "plot_impact, table")
    require_columns(surprise, SURPRISE_COLUMNS, "plot_impact, surprise", may_be_empty=True)
    require_columns(ranks, RANK_COLUMNS, "plot_impact, ranks", may_be_empty=True)
    if endpoint not in _TITLES:
        known = ", ".join(_TITLES)
        raise ValueError(f"plot_impact: endpoint is {endpoint!r}; expected one of {known}")
    sheet = find_sheet(width)
    estimates = estimate_rows(table, ranks, endpoint, limit)
    if not estimates:
        raise ValueError(f"plot_impact: the table has no treatment for {endpoint} to draw")
    times, shares = figure_rows(surprise, endpoint, limit)
    classes = [str(row["treatment_class"]) for row in [*estimates, *times, *shares]]
    hues = choose_hues(hues, classes, "plot_impact")
    with style_context():
        return _draw(_make_plan(estimates, (times, shares), sheet, endpoint, title, level, hues))


@dataclass(frozen=True)
class _Band:
    """Rows that share an axis."""

    name: str
    part: Part
    lines: tuple[Line, ...]
    scale: Scale
    unit: str

    @property
    def height(self) -> float:
        return self.lines[-1].top + self.lines[-1].height + 2


@dataclass(frozen=True)
class _Plan:
    """Everything decided before the first artist is made: parts A and B with their bands."""

    sheet: Sheet
    endpoint: str
    title: str | None
    hues: Mapping[str, str]
    parts: tuple[tuple[Part, tuple[_Band, ...]], ...]
    legend: tuple[LegendEntry, ...]
    foot: str


def _make_plan(
    estimates: Sequence[Mapping[str, object]],
    figures: tuple[Sequence[Mapping[str, object]], Sequence[Mapping[str, object]]],
    sheet: Sheet,
    endpoint: str,
    title: str | None,
    level: float,
    hues: Mapping[str, str],
) -> _Plan:
    percent = endpoint == "response"
    what = _TITLES[endpoint]
    headings = (
        f"Pooled {what}, average study, without and with the new studies",
        "Printed figures on what was expected without them",
    )
    interval = f"({100 * level:g}% CrI)"
    every = [*figures[0], *figures[1]]
    left, right = fit_parts(estimates, every, sheet, percent, headings, interval)
    lines = estimate_lines(estimates, left, sheet, percent)
    unit = "%" if percent else "Months (log scale)"
    bands = (_Band("estimates", left, lines, _fit_scale(lines, left, sheet, percent), unit),)
    parts = [(left, bands)]
    if right is not None:
        shown = "% responding" if percent else "% event-free"
        own = []
        for name, rows, unit in zip(
            ("times", "shares"), figures, ("Months (log scale)", shown), strict=True
        ):
            if rows:
                lines = figure_lines(rows, right, sheet)
                scale = _fit_scale(lines, right, sheet, name == "shares")
                own.append(_Band(name, right, lines, scale, unit))
        parts.append((right, tuple(own)))
    return _Plan(
        sheet=sheet,
        endpoint=endpoint,
        title=title,
        hues=hues,
        parts=tuple(parts),
        legend=tuple(_legend_entries(parts, hues, level)),
        foot=_foot_words(parts, has_expectation(estimates)),
    )


def _fit_scale(lines: Sequence[Line], part: Part, sheet: Sheet, percent: bool) -> Scale:
    width = part.plot_right - part.plot_left
    if percent:
        full = percent_scale()
        return full if width > _ROOMY * sheet.body else replace(full, ticks=(0, 50, 100))
    spans = [span for line in lines for span in line.spans]
    inside = [span.middle for span in spans] + [line.printed for line in lines]
    ends = [end for span in spans for end in (span.lower, span.upper)]
    return month_scale(inside, ends, width, sheet.body)


def _draw(plan: _Plan) -> Figure:
    sheet = plan.sheet
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    legend = flow_legend(plan.legend, sheet.small, inner)
    foot = wrap(plan.foot, sheet.small, inner)
    start = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0)
    aside = len(plan.parts) > 1 and plan.parts[1][0].left > plan.parts[0][0].left
    tops, bottom = [], start
    for part, bands in plan.parts:
        top = start if aside else bottom + (8 if tops else 0)
        tops.append(top)
        bottom = max(bottom, top + _part_height(part, bands, sheet))
    legend_top = bottom + 5
    foot_top = legend_top + len(legend) * legend_pitch(sheet.small) + 2
    height = foot_top + len(foot) * 1.3 * sheet.small + MARGIN
    page = open_page(sheet.width, height)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    for number, (top, (part, bands)) in enumerate(zip(tops, plan.parts, strict=True)):
        _draw_part(page, plan, "AB"[number], part, bands, top)
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    put_lines(page, MARGIN, foot_top, foot, sheet.small, pitch=1.3 * sheet.small, color=MUTED)
    return page.figure


def _rows_offset(part: Part, sheet: Sheet) -> float:
    """Distance in points from the top of a part to its first row."""
    return len(part.heading) * 1.25 * sheet.body + part.head_lines * 1.22 * sheet.body + 10


def _axis_height(sheet: Sheet) -> float:
    return _AXIS_ROOM + 2.8 * sheet.body


def _part_height(part: Part, bands: Sequence[_Band], sheet: Sheet) -> float:
    rows = sum(band.height + _axis_height(sheet) for band in bands)
    return _rows_offset(part, sheet) + rows + 5 * (len(bands) - 1)


def _draw_part(
    page: Page, plan: _Plan, letter: str, part: Part, bands: Sequence[_Band], top: float
) -> None:
    """Draw one part: heading, column heads, and its rows on their axes."""
    sheet, size = plan.sheet, plan.sheet.body
    pitch = 1.22 * size
    put_text(page, part.left, top + 0.625 * size, letter, size, weight="bold")
    heading_left = part.left + 1.4 * size
    head_top = put_lines(
        page, heading_left, top, part.heading, size, pitch=1.25 * size, weight="bold"
    )
    put_rule(page, part.left, part.right, head_top + 2, 0.8)
    for left, lines in part.heads:
        start = head_top + 4 + (part.head_lines - len(lines)) * pitch
        put_lines(page, left, start, lines, size, pitch=pitch, weight="bold")
    put_rule(page, part.left, part.right, head_top + 4 + part.head_lines * pitch + 2, 0.5)
    rows_top = top + _rows_offset(part, sheet)
    for band in bands:
        _draw_band(page, plan, band, rows_top)
        rows_top += band.height + _axis_height(sheet) + 5


def _draw_band(page: Page, plan: _Plan, band: _Band, top: float) -> None:
    part, size = band.part, plan.sheet.body
    width = part.plot_right - part.plot_left
    axes = add_axes(page, part.plot_left, top, width, band.height)
    axes.set_label(band.name)
    axes.set_ylim(band.height, 0)
    axes.yaxis.set_visible(False)
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    apply_scale(axes, band.scale, size)
    for line in band.lines:
        _draw_words(page, plan, part, line, top)
        if not line.is_heading:
            draw = _draw_estimates if band.name == "estimates" else _draw_expectation
            draw(axes, plan, band, line)
    centre = (part.plot_left + part.plot_right) / 2
    unit_top = top + band.height + _AXIS_ROOM + 1.9 * size
    put_text(page, centre, unit_top, band.unit, size, align="center")


def _draw_words(page: Page, plan: _Plan, part: Part, line: Line, top: float) -> None:
    """Set label, values and ranks of one row."""
    sheet, size = plan.sheet, plan.sheet.body
    if line.is_heading:
        start = top + line.top + HEADING_SPACE
        put_lines(page, part.left, start, line.label, size, pitch=sheet.pitch, weight="bold")
        return
    middle = top + line.middle
    tall = len(line.label) * sheet.pitch + len(line.detail) * 1.2 * sheet.small
    below = put_lines(page, part.left, middle - tall / 2, line.label, size, pitch=sheet.pitch)
    put_lines(
        page, part.left, below, line.detail, sheet.small, pitch=1.2 * sheet.small, color=MUTED
    )
    # what was before, and the p value, stand back behind what is now and what was printed
    quiet = 0 if line.ranks else 1
    for column, texts in ((part.values, line.values), (part.ranks, line.ranks)):
        start = middle - len(texts) * sheet.pitch / 2
        for number, text in enumerate(texts):
            x = column.start(text, size) if line.ranks else column.left
            y = start + (number + 0.5) * sheet.pitch
            put_text(page, x, y, text, size, color=MUTED if number == quiet else INK)


def _draw_estimates(axes: Axes, plan: _Plan, band: _Band, line: Line) -> None:
    hue = plan.hues[line.treatment_class]
    for number, (span, name) in enumerate(zip(line.spans, ("before", "after"), strict=True)):
        y = line.middle + (number - 0.5) * plan.sheet.pitch
        gid = f"impact-{plan.endpoint}-{line.index}-{name}"
        brush = marks.Brush(axes, axes.transData, hue, gid)
        ends, beyond = band.scale.clip(span.lower, span.upper)
        marks.put_line(brush, "interval", ends, y, arrows=beyond)
        (marks.put_ring if name == "before" else marks.put_dot)(brush, span.middle, y)


def _draw_expectation(axes: Axes, plan: _Plan, band: _Band, line: Line) -> None:
    hue, scale, y = plan.hues[line.treatment_class], band.scale, line.middle
    (span,) = line.spans
    gid = f"impact-{plan.endpoint}-{band.name}-{line.index}"
    brush = marks.Brush(axes, axes.transData, hue, gid)
    outer, beyond = scale.clip(span.lower, span.upper)
    inner, _ = scale.clip(span.lower_50, span.upper_50)
    wide = marks.Brush(axes, axes.transData, hue, f"{gid}-95")
    dark = marks.Brush(axes, axes.transData, hue, f"{gid}-50")
    marks.put_area(wide, outer, y, _BAR, _OUTER_SHARE)
    marks.put_area(dark, inner, y, _BAR, _INNER_SHARE)
    marks.put_arrows(brush, "expected", outer, y, beyond)
    marks.put_upright(brush, "expected-median", span.middle, (y - _BAR / 2 - 1, y + _BAR / 2 + 1))
    ink = marks.Brush(axes, axes.transData, INK, gid)
    if math.isinf(line.printed):
        shaft = (scale.at_share(0.9), scale.upper)
        marks.put_line(ink, "printed", shaft, y, thickness=0.6, arrows=(False, True))
    else:
        marks.put_square(ink, line.printed, y, marks.square_side(line.patients))


def _legend_entries(
    parts: Sequence[tuple[Part, Sequence[_Band]]], hues: Mapping[str, str], level: float
) -> list[LegendEntry]:
    interval = f"{100 * level:g}% CrI"
    entries = [
        LegendEntry(f"A: without the new studies, {interval}", samples.sample_ring),
        LegendEntry(f"A: with them, {interval}", samples.sample_model),
    ]
    if len(parts) > 1:
        entries.append(LegendEntry("B: printed (area by n)", samples.sample_square))
        entries.append(LegendEntry("B: expected, 95% and 50%, median", sample_expectation))
    lines = [line for _, bands in parts for band in bands for line in band.lines]
    classes = dict.fromkeys(line.treatment_class for line in lines if not line.is_heading)
    return entries + [LegendEntry(name, samples.Swatch(hues[name])) for name in classes]


def sample_expectation(page: Page, x: float, y: float) -> None:
    """Draw an expectation: sample for the legend."""
    brush = marks.Brush(page.figure, page.transform, INK)
    marks.put_area(brush, (x - 8, x + 8), y, _BAR - 1, _OUTER_SHARE)
    marks.put_area(brush, (x - 3.5, x + 3.5), y, _BAR - 1, _INNER_SHARE)
    marks.put_upright(brush, "", x, (y - _BAR / 2, y + _BAR / 2))


def _foot_words(parts: Sequence[tuple[Part, Sequence[_Band]]], starred: bool) -> str:
    """Explain the abbreviations and signs in use."""
    lines = [line for _, bands in parts for band in bands for line in band.lines]
    words = ["CrI, credible interval"]
    if any("NR" in text for line in lines for text in line.values):
        words.append("NR, not reached")
    if starred:
        words.append("*, no cohort behind it: expected of a new treatment")
    return "; ".join([*words, "rank 1, the longest or highest by mean rank"]) + "."
