"""Forest plot: what each report printed, what the model makes of it, and both pooled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis.plots import marks, samples
from synthesis.plots.cells import dashes, require_columns
from synthesis.plots.forest_entries import Entry, read_entries
from synthesis.plots.forest_rows import (
    CLEAR,
    Columns,
    Plan,
    Row,
    fit_columns,
    list_abbreviations,
    make_rows,
)
from synthesis.plots.forest_text import HEADING_PITCH, draw_header, draw_row_text, make_headings
from synthesis.plots.page import (
    MARGIN,
    LegendEntry,
    add_axes,
    flow_legend,
    legend_pitch,
    open_page,
    put_legend,
    put_lines,
    put_text,
    wrap,
)
from synthesis.plots.scales import Scale, apply_scale, month_scale, percent_scale
from synthesis.plots.style import (
    MUTED,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
)

FOREST_COLUMNS: tuple[str, ...] = (
    "kind",
    "treatment_class",
    "treatment",
    "label",
    "year",
    "design",
    "country",
    "n",
    "events",
    "printed",
    "printed_value",
    "printed_lower",
    "printed_upper",
    "printed_not_reached",
    "printed_upper_not_reached",
    "estimate",
    "lower",
    "upper",
    "estimate_text",
)

_AXIS_TITLES: Mapping[str, str] = {
    "os": "Median overall survival",
    "pfs": "Median progression-free survival",
    "response": "Objective response",
}


def plot_forest(
    table: pd.DataFrame,
    *,
    endpoint: str = "os",
    width: Width = "two-column",
    title: str | None = None,
    level: float = 0.95,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the forest plot of one endpoint.

    From left to right: study, design and country, patients (events), plot, value as printed,
    estimate of the model. Each study has two marks: an open square for the printed value, its
    area by the number of patients, with the printed interval; below it a filled dot for the
    model's estimate. Each treatment ends in a diamond (mean study) and a bar (new study).
    Nothing is computed but positions: every figure and every text comes from the table.

    Parameters
    ----------
    table : DataFrame
        Rows in display order with the columns `FOREST_COLUMNS`. Times in months (response:
        fractions of 1). ``kind`` is class, treatment, cohort, mean_study, new_study or
        heterogeneity; class rows are drawn where the class has several treatments; the label
        of a heterogeneity row is set at the foot. ``printed_not_reached`` and
        ``printed_upper_not_reached`` make arrows at the end of the axis.
    endpoint : str
        os, pfs (logarithmic axis in months) or response (linear axis, 0 to 100 %).
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column design and
        country are left out and the printed value stands above the model's.
    title : str, optional
        Set above the columns.
    level : float
        Level of the model's intervals, for the heading.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`; by default given by the classes
        of this table.

    Returns
    -------
    Figure
        One Axes, whose vertical coordinate is points below the first row. The height follows
        from the number of rows.

    Raises
    ------
    ValueError
        If a column is missing, the table has no cohort or pooled row, the endpoint or the
        width is unknown, or a class has no hue.
    """
    require_columns(table, FOREST_COLUMNS, "plot_forest")
    if endpoint not in _AXIS_TITLES:
        known = ", ".join(_AXIS_TITLES)
        raise ValueError(f"plot_forest: endpoint is {endpoint!r}; expected one of {known}")
    sheet = find_sheet(width)
    with style_context():
        return _draw(_make_plan(table, endpoint, sheet, title, level, hues))


def _make_plan(
    table: pd.DataFrame,
    endpoint: str,
    sheet: Sheet,
    title: str | None,
    level: float,
    hues: Mapping[str, str] | None,
) -> Plan:
    percent = endpoint == "response"
    entries = read_entries(table, 100.0 if percent else 1.0)
    if not any(entry.level == 2 for entry in entries):
        raise ValueError("plot_forest: the table has no cohort and no pooled row to draw")
    classes = [entry.treatment_class for entry in entries]
    columns = fit_columns(entries, sheet, percent, level)
    return Plan(
        endpoint=endpoint,
        title=title,
        level=level,
        sheet=sheet,
        columns=columns,
        rows=make_rows(entries, columns, sheet),
        scale=_fit_scale(entries, columns, percent, sheet),
        hues=choose_hues(hues, classes, "plot_forest"),
        words=_foot_words(table, entries, columns),
    )


def _fit_scale(entries: Sequence[Entry], columns: Columns, percent: bool, sheet: Sheet) -> Scale:
    if percent:
        return percent_scale()
    inside: list[float] = []
    ends: list[float] = []
    for entry in entries:
        values = entry.values
        inside += [values.printed, values.estimate]
        ends += [values.printed_lower, values.printed_upper, values.lower, values.upper]
    width = columns.plot_right - columns.plot_left
    return month_scale(inside, ends, width, sheet.body)


def _foot_words(table: pd.DataFrame, entries: Sequence[Entry], columns: Columns) -> tuple[str, ...]:
    """Give the sentences under the legend: heterogeneity, then abbreviations."""
    said = [dashes(str(label)) for label in table.loc[table["kind"] == "heterogeneity", "label"]]
    return (*said, "; ".join(list_abbreviations(entries, columns)) + ".")


def _draw(plan: Plan) -> Figure:
    sheet, columns = plan.sheet, plan.columns
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    legend = flow_legend(_legend_entries(plan), sheet.small, inner)
    foot = [wrap(words, sheet.small, inner) for words in plan.words]

    header_top = MARGIN + len(title) * 1.4 * sheet.title + (2 if title else 0)
    headings = make_headings(plan, _AXIS_TITLES[plan.endpoint])
    header_height = max(len(lines) for lines in headings.values()) * HEADING_PITCH * sheet.body
    axis_room = 5 + sheet.body
    rows_top = header_top + header_height + 7 + (axis_room if plan.long else 0)
    rows_height = plan.rows[-1].top + plan.rows[-1].height + 2 * CLEAR
    axis_bottom = rows_top + rows_height + axis_room + 1.35 * sheet.body
    legend_top = axis_bottom + 5
    foot_top = legend_top + len(legend) * legend_pitch(sheet.small) + 2
    foot_pitch = 1.3 * sheet.small
    height = foot_top + sum(len(lines) for lines in foot) * foot_pitch + MARGIN

    page = open_page(sheet.width, height)
    put_lines(
        page,
        MARGIN,
        MARGIN,
        title,
        sheet.title,
        pitch=1.4 * sheet.title,
        weight="bold",
        gid=f"forest-{plan.endpoint}-title",
    )
    draw_header(page, plan, headings, header_top, header_height)
    axes = add_axes(
        page, columns.plot_left, rows_top, columns.plot_right - columns.plot_left, rows_height
    )
    _dress(axes, plan, rows_height)
    for row in plan.rows:
        draw_row_text(page, plan, row, rows_top)
        if row.entry.level < 2:
            continue
        _draw_row_marks(axes, plan, row)
    put_text(
        page,
        (columns.plot_left + columns.plot_right) / 2,
        axis_bottom - 0.6 * sheet.body,
        "%" if plan.percent else "Months (log scale)",
        sheet.body,
        align="center",
        gid=f"forest-{plan.endpoint}-axis",
    )
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    for lines in foot:
        foot_top = put_lines(
            page, MARGIN, foot_top, lines, sheet.small, pitch=foot_pitch, color=MUTED
        )
    return page.figure


def _dress(axes: Axes, plan: Plan, height: float) -> None:
    """Give the axes their scale, faint grid and vertical coordinate in points."""
    axes.set_ylim(height - CLEAR, -CLEAR)
    axes.yaxis.set_visible(False)
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    if plan.long:
        axes.spines["top"].set_visible(True)
    apply_scale(axes, plan.scale, plan.sheet.body, top=plan.long)


def _draw_row_marks(axes: Axes, plan: Plan, row: Row) -> None:
    entry, values = row.entry, row.entry.values
    name = f"forest-{plan.endpoint}-row-{entry.index}"
    brush = marks.Brush(axes, axes.transData, plan.hues[entry.treatment_class], name)
    limits = (_or(values.lower, values.estimate), _or(values.upper, values.estimate))
    span, beyond = plan.scale.clip(*limits)
    if entry.kind in ("mean_study", "new_study"):
        if math.isnan(values.estimate):
            return
        put = marks.put_diamond if entry.kind == "mean_study" else marks.put_bar
        put(brush, (span[0], values.estimate, span[1]), row.middle)
        marks.put_arrows(brush, entry.kind.replace("_", "-"), span, row.middle, beyond)
        return
    printed_y, model_y = _mark_heights(plan, row)
    if values.has_printed:
        _draw_printed(brush, plan.scale, entry, printed_y)
    if not math.isnan(values.estimate):
        marks.put_line(brush, "model", span, model_y, arrows=beyond)
        marks.put_dot(brush, values.estimate, model_y)


def _mark_heights(plan: Plan, row: Row) -> tuple[float, float]:
    """Give the heights of the printed and the model's mark: beside their texts, or just apart."""
    if not row.entry.values.has_printed:
        return row.middle, row.middle
    apart = 0.46 * plan.sheet.pitch if plan.columns.stacked else 0.25 * plan.sheet.pitch
    return row.middle - apart, row.middle + apart


def _draw_printed(brush: marks.Brush, scale: Scale, entry: Entry, y: float) -> None:
    """Draw value and interval as printed; what was not reached goes to the end of the axis."""
    values = entry.values
    middle = scale.upper if values.not_reached else values.printed
    open_end = values.not_reached or values.upper_not_reached
    lower = _or(values.printed_lower, middle)
    upper = math.inf if open_end else _or(values.printed_upper, middle)
    if values.not_reached and math.isnan(values.printed_lower):
        # Nothing but the arrow: a short shaft shows where it points.
        lower = scale.at_share(0.94)
    span, beyond = scale.clip(lower, upper)
    ends = (not math.isnan(values.printed_lower), not math.isnan(values.printed_upper))
    if span[0] < span[1]:
        marks.put_line(brush, "printed", span, y, thickness=0.6, ends=ends, arrows=beyond)
    if not values.not_reached:
        marks.put_square(brush, values.printed, y, marks.square_side(values.patients))


def _or(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


def _legend_entries(plan: Plan) -> list[LegendEntry]:
    printed = "printed proportion" if plan.percent else "printed median and interval"
    interval = f"{100 * plan.level:g}%"
    entries = [
        LegendEntry(f"{printed} (area by n)", samples.sample_printed),
        LegendEntry(f"model estimate, {interval} CrI", samples.sample_model),
        LegendEntry(f"pooled, mean study, {interval} CrI", samples.sample_diamond),
        LegendEntry(f"new study, {interval} prediction interval", samples.sample_bar),
    ]
    if not plan.percent:
        entries.append(LegendEntry("not reached or beyond the axis", samples.sample_arrow))
    return entries
