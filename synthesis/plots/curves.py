"""Survival curves: one panel per treatment, pooled curve, band, and every printed point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from synthesis.plots import marks, samples
from synthesis.plots.cells import (
    as_flag,
    as_number,
    as_numbers,
    as_text,
    require_columns,
    require_unique,
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
    put_text,
    text_width,
    wrap,
)
from synthesis.plots.style import (
    GRID,
    INK,
    MUTED,
    Sheet,
    Width,
    choose_hues,
    find_sheet,
    style_context,
    tint,
)

CURVE_COLUMNS: tuple[str, ...] = (
    "treatment",
    "treatment_class",
    "time",
    "survival",
    "lower",
    "upper",
    "last_printed",
)
POINT_COLUMNS: tuple[str, ...] = (
    "treatment",
    "study_id",
    "label",
    "kind",
    "time",
    "time_lower",
    "time_upper",
    "survival",
    "survival_lower",
    "survival_upper",
    "n",
)

# Beyond this many times the last printed point a curve is the model's alone and drawn faded.
FADE_AFTER = 2.0

# Points of one height (medians) or one time (landmarks) are set apart by this much on paper,
# altogether never by more than the second figure, so that each stays visible and in its place.
_APART = 2.2
_APART_AT_MOST = 9.0

# White space in points between a panel and the title of the next.
_BELOW = 7.0

# Distance between two lines of a panel title, in parts of the type size.
_TITLE_PITCH = 1.25

_PANELS_PER_ROW: Mapping[str, int] = {"one-column": 2, "two-column": 4, "slide": 5}

_SHORT_TICKS: tuple[int, ...] = (0, 6, 12, 18, 24)
_LONG_TICKS: tuple[int, ...] = (0, 12, 24, 36, 48, 60)


def plot_curves(
    curves: pd.DataFrame,
    points: pd.DataFrame,
    *,
    width: Width = "two-column",
    title: str | None = None,
    endpoint: str = "Overall survival",
    horizon: float | None = None,
    minimum_cohorts: int = 1,
    level: float = 0.95,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw pooled survival curves as small multiples, one panel per treatment.

    Each panel shows the curve of the mean study with its band, printed medians with their
    intervals at a survival of 50 %, and landmarks with theirs. A curve is faded beyond
    `FADE_AFTER` times the last printed point of its treatment.

    Parameters
    ----------
    curves : DataFrame
        Columns `CURVE_COLUMNS`, in display order of treatments; times in months, survival as
        fractions. Columns ``cohorts`` and ``patients``, where present, go into the panel
        titles; otherwise the cohorts and patients behind `points` are counted.
    points : DataFrame
        Columns `POINT_COLUMNS`; ``kind`` is median or landmark. A time or upper limit of
        infinity, or a true ``time_upper_not_reached``, becomes an arrow to the end of the axis;
        NaN: nothing was printed. Cohorts of one study differ by ``cohort_id`` or else label.
    width : str
        one-column (85 mm, two panels a row), two-column (174 mm, four) or slide (254 mm, five).
    title : str, optional
        Set above the panels.
    endpoint : str
        What survival means here, for the vertical axis.
    horizon : float, optional
        End of the axis in months; by default 24, or 60 where a printed time lies beyond 24.
    minimum_cohorts : int
        Treatments with points from fewer cohorts get no panel.
    level : float
        Level of the band, for the legend.
    hues : mapping of str to str, optional
        Colour of each treatment class, as from `class_hues`.

    Returns
    -------
    Figure
        One Axes per treatment, in display order; its label is the treatment.

    Raises
    ------
    ValueError
        If a column is missing, a treatment has two curves, the width is unknown, a class has
        no hue, or no treatment has enough cohorts.
    """
    require_columns(curves, CURVE_COLUMNS, "plot_curves, curves")
    require_columns(points, POINT_COLUMNS, "plot_curves, points")
    require_unique(curves, ("treatment", "time"), "plot_curves, curves")
    sheet = find_sheet(width)
    hues = choose_hues(hues, curves["treatment_class"], "plot_curves")
    panels = _make_panels(curves, points, minimum_cohorts, hues)
    if not panels:
        raise ValueError(
            f"plot_curves: no treatment has points from at least {minimum_cohorts} cohorts"
        )
    if horizon is None:
        horizon = _find_horizon(panels)
    with style_context():
        return _draw(_Plan(sheet, title, endpoint, horizon, level, panels))


@dataclass(frozen=True)
class _Panel:
    """One treatment."""

    treatment: str
    treatment_class: str
    hue: str
    counts: str
    curve: pd.DataFrame
    points: pd.DataFrame


@dataclass(frozen=True)
class _Plan:
    sheet: Sheet
    title: str | None
    endpoint: str
    horizon: float
    level: float
    panels: tuple[_Panel, ...]

    @property
    def columns(self) -> int:
        return min(_PANELS_PER_ROW[self.sheet.name], len(self.panels))

    @property
    def ticks(self) -> tuple[int, ...]:
        ticks = _SHORT_TICKS if self.horizon <= _SHORT_TICKS[-1] else _LONG_TICKS
        return tuple(tick for tick in ticks if tick <= self.horizon)


@dataclass(frozen=True)
class _Grid:
    """Sizes in points that all panels share."""

    lefts: tuple[float, ...]
    panel_width: float
    panel_height: float
    title_height: float
    top: float
    row_height: float


def _make_panels(
    curves: pd.DataFrame, points: pd.DataFrame, minimum_cohorts: int, hues: Mapping[str, str]
) -> tuple[_Panel, ...]:
    panels: list[_Panel] = []
    for treatment, curve in curves.groupby("treatment", sort=False):
        own = points[points["treatment"] == treatment]
        cohorts = own.drop_duplicates(_cohort_key(own))
        if len(cohorts) < minimum_cohorts:
            continue
        treatment_class = as_text(curve["treatment_class"].iloc[0])
        panels.append(
            _Panel(
                treatment=str(treatment),
                treatment_class=treatment_class,
                hue=hues[treatment_class],
                counts=_count_words(curve, cohorts),
                curve=curve.sort_values("time"),
                points=own,
            )
        )
    return tuple(panels)


def _cohort_key(points: pd.DataFrame) -> list[str]:
    return ["study_id", "cohort_id" if "cohort_id" in points.columns else "label"]


def _count_words(curve: pd.DataFrame, cohorts: pd.DataFrame) -> str:
    """Say how many cohorts and patients stand behind a panel."""
    if {"cohorts", "patients"} <= set(curve.columns):
        count, patients = int(curve["cohorts"].iloc[0]), int(curve["patients"].iloc[0])
    else:
        count, patients = len(cohorts), int(np.nansum(as_numbers(cohorts["n"])))
    plural = "" if count == 1 else "s"
    return f"{count} cohort{plural}, {patients} patients"


def _find_horizon(panels: Sequence[_Panel]) -> float:
    printed = [time for panel in panels for time in as_numbers(panel.points["time"])]
    reach = any(math.isfinite(time) and time > _SHORT_TICKS[-1] for time in printed)
    return float((_LONG_TICKS if reach else _SHORT_TICKS)[-1])


def _draw(plan: _Plan) -> Figure:
    sheet = plan.sheet
    inner = sheet.width - 2 * MARGIN
    title = wrap(plan.title or "", sheet.title, inner, "bold")
    top = MARGIN + len(title) * 1.4 * sheet.title + (3 if title else 0)
    grid = _make_grid(plan, top)
    legend = flow_legend(_legend_entries(plan), sheet.small, inner)
    rows = math.ceil(len(plan.panels) / plan.columns)
    axis_bottom = top + rows * grid.row_height - _BELOW + 6 + 2.2 * sheet.body
    legend_top = axis_bottom + 5
    height = legend_top + len(legend) * legend_pitch(sheet.small) + MARGIN

    page = open_page(sheet.width, height)
    put_lines(page, MARGIN, MARGIN, title, sheet.title, pitch=1.4 * sheet.title, weight="bold")
    for number, panel in enumerate(plan.panels):
        _draw_panel(page, plan, grid, number, panel)
    centre = (grid.lefts[0] + grid.lefts[-1] + grid.panel_width) / 2
    put_text(page, centre, axis_bottom - 0.6 * sheet.body, "Months", sheet.body, align="center")
    middle = top + rows * grid.row_height / 2
    page.figure.text(
        MARGIN + 0.6 * sheet.body,
        middle,
        f"{plan.endpoint}, %",
        size=sheet.body,
        rotation=90,
        ha="center",
        va="center",
        transform=page.transform,
    )
    put_legend(page, MARGIN, legend_top, legend, sheet.small)
    return page.figure


def _make_grid(plan: _Plan, top: float) -> _Grid:
    sheet, columns = plan.sheet, plan.columns
    left = MARGIN + 1.4 * sheet.body + text_width("100", sheet.body) + 6
    # Half of the last tick label stands to the right of the last panel.
    right = sheet.width - MARGIN - text_width("60", sheet.body) / 2
    gap = 1.4 * sheet.body
    panel_width = (right - left - (columns - 1) * gap) / columns
    title_lines = max(
        len(lines) + len(counts)
        for lines, counts in (_title_lines(panel, sheet, panel_width) for panel in plan.panels)
    )
    title_height = title_lines * _TITLE_PITCH * sheet.body + 3
    panel_height = min(0.85 * panel_width, 105.0)
    return _Grid(
        lefts=tuple(left + number * (panel_width + gap) for number in range(columns)),
        panel_width=panel_width,
        panel_height=panel_height,
        title_height=title_height,
        top=top,
        row_height=title_height + panel_height + _BELOW,
    )


def _draw_panel(page: Page, plan: _Plan, grid: _Grid, number: int, panel: _Panel) -> None:
    row, column = divmod(number, plan.columns)
    left = grid.lefts[column]
    top = grid.top + row * grid.row_height + grid.title_height
    _draw_title(page, plan.sheet, panel, left, top, grid.panel_width)
    axes = add_axes(page, left, top, grid.panel_width, grid.panel_height)
    axes.set_label(panel.treatment)
    last_in_column = number + plan.columns >= len(plan.panels)
    _dress(axes, plan, first=column == 0, last=last_in_column)
    name = f"curves-panel-{number}"
    _draw_curve(axes, plan, panel, name)
    _draw_points(axes, plan, panel, name)


def _title_lines(
    panel: _Panel, sheet: Sheet, width: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Set treatment and counts in lines."""
    return (
        wrap(panel.treatment, sheet.body, width, "bold"),
        wrap(panel.counts, sheet.small, width),
    )


def _draw_title(
    page: Page, sheet: Sheet, panel: _Panel, left: float, panel_top: float, width: float
) -> None:
    """Set treatment and counts above a panel, the last line on one height in all panels."""
    pitch = _TITLE_PITCH * sheet.body
    lines, counts = _title_lines(panel, sheet, width)
    top = panel_top - 3 - (len(lines) + len(counts)) * pitch
    top = put_lines(page, left, top, lines, sheet.body, pitch=pitch, weight="bold")
    put_lines(page, left, top, counts, sheet.small, pitch=pitch, color=MUTED)


def _dress(axes: Axes, plan: _Plan, *, first: bool, last: bool) -> None:
    """Give a panel the common axes; labels only at the left and at the foot."""
    axes.set_xlim(0, plan.horizon)
    axes.set_ylim(0, 100)
    axes.xaxis.set_major_locator(FixedLocator(plan.ticks))
    axes.xaxis.set_major_formatter(FixedFormatter([str(tick) for tick in plan.ticks]))
    levels = (0, 25, 50, 75, 100)
    axes.yaxis.set_major_locator(FixedLocator(levels))
    axes.yaxis.set_major_formatter(FixedFormatter([str(tick) for tick in levels]))
    axes.tick_params(
        length=2.5,
        width=0.6,
        pad=1.5,
        labelsize=plan.sheet.body,
        color=INK,
        labelcolor=INK,
        labelleft=first,
        labelbottom=last,
    )
    axes.grid(color=GRID, linewidth=0.5, linestyle="-")
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)


def _draw_curve(axes: Axes, plan: _Plan, panel: _Panel, name: str) -> None:
    """Draw curve and band, faded where no report printed anything near."""
    curve = panel.curve
    time = curve["time"].to_numpy(dtype=float)
    last = as_number(curve["last_printed"].iloc[0])
    fade = plan.horizon if math.isnan(last) else min(FADE_AFTER * last, plan.horizon)
    # The two parts meet exactly at the point where the fading begins.
    if time[0] < fade < time[-1] and fade not in time:
        time = np.insert(time, np.searchsorted(time, fade), fade)
    known = curve["time"].to_numpy(dtype=float)
    line, lower, upper = (
        100 * np.interp(time, known, curve[column].to_numpy(dtype=float))
        for column in ("survival", "lower", "upper")
    )
    parts = (
        ("", time <= fade, panel.hue, marks.BAND_SHARE, "-"),
        (
            "-faded",
            time >= fade,
            tint(panel.hue, marks.FADED_CURVE_SHARE),
            marks.FADED_BAND_SHARE,
            marks.FADED_DASHES,
        ),
    )
    for suffix, part, hue, share, style in parts:
        if part.sum() < 2:
            continue
        band = axes.fill_between(
            time[part],
            lower[part],
            upper[part],
            fc=tint(panel.hue, share),
            ec="none",
            lw=0,
            zorder=1,
        )
        band.set_gid(f"{name}-band{suffix}")
        (drawn,) = axes.plot(
            time[part], line[part], color=hue, lw=marks.CURVE_WIDTH, ls=style, zorder=2
        )
        drawn.set_gid(f"{name}-curve{suffix}")
        drawn.set_solid_capstyle("butt")


def _draw_points(axes: Axes, plan: _Plan, panel: _Panel, name: str) -> None:
    medians = panel.points[panel.points["kind"] == "median"].to_dict("records")
    shifts = _spread(len(medians))
    for number, (record, shift) in enumerate(zip(medians, shifts, strict=True)):
        brush = marks.Brush(axes, axes.transData, panel.hue, f"{name}-median-{number}")
        _draw_median(brush.shifted(0, shift), record, plan.horizon)
    landmarks = panel.points[panel.points["kind"] == "landmark"]
    number = 0
    for _, together in landmarks.groupby("time"):
        records = together.to_dict("records")
        for record, shift in zip(records, _spread(len(records)), strict=True):
            if as_number(record["time"]) <= plan.horizon:
                brush = marks.Brush(axes, axes.transData, panel.hue, f"{name}-landmark-{number}")
                _draw_landmark(brush.shifted(shift, 0), record)
            number += 1


def _spread(count: int) -> list[float]:
    """Offsets in points, symmetric about 0, that keep marks of one position apart."""
    if count < 2:
        return [0.0] * count
    step = min(_APART, _APART_AT_MOST / (count - 1))
    return [step * (number - (count - 1) / 2) for number in range(count)]


def _draw_median(brush: marks.Brush, record: Mapping[str, object], horizon: float) -> None:
    """Draw a printed median and its interval at half survival."""
    height = 100 * as_number(record["survival"])
    time = as_number(record["time"])
    lower, upper = as_number(record["time_lower"]), as_number(record["time_upper"])
    start, end = _median_span(record)
    if math.isinf(start):
        # Nothing but the arrow: a short shaft shows where it points.
        start = 0.94 * horizon
    if start < min(end, horizon):
        marks.put_line(
            brush,
            "printed",
            (start, min(end, horizon)),
            height,
            thickness=0.6,
            ends=(not math.isnan(lower), not math.isnan(upper)),
            arrows=(False, end > horizon),
        )
    if time <= horizon:
        marks.put_square(brush, time, height, marks.square_side(as_number(record["n"])))


def _median_span(record: Mapping[str, object]) -> tuple[float, float]:
    """Give the ends in months of a printed interval; infinity where it was not reached."""
    time = as_number(record["time"])
    lower, upper = as_number(record["time_lower"]), as_number(record["time_upper"])
    if math.isinf(time) or as_flag(record.get("time_upper_not_reached")):
        upper = math.inf
    return (time if math.isnan(lower) else lower, time if math.isnan(upper) else upper)


def _draw_landmark(brush: marks.Brush, record: Mapping[str, object]) -> None:
    """Draw printed survival at a fixed time with its interval."""
    time = as_number(record["time"])
    limits = [100 * as_number(record[f"survival_{side}"]) for side in ("lower", "upper")]
    if not any(math.isnan(limit) for limit in limits):
        marks.put_upright(brush, "landmark", time, (limits[0], limits[1]))
    marks.put_landmark(brush, time, 100 * as_number(record["survival"]))


def _legend_entries(plan: _Plan) -> list[LegendEntry]:
    interval = f"{100 * plan.level:g}%"
    entries = [
        LegendEntry(f"pooled curve, mean study, {interval} CrI", samples.sample_curve),
        LegendEntry("beyond twice the last printed point", samples.sample_faded_curve),
        LegendEntry("printed median and interval (area by n)", samples.sample_printed),
        LegendEntry("printed landmark and interval", samples.sample_landmark),
    ]
    medians = [
        record
        for panel in plan.panels
        for record in panel.points[panel.points["kind"] == "median"].to_dict("records")
    ]
    if any(_median_span(record)[1] > plan.horizon for record in medians):
        entries.append(LegendEntry("not reached or beyond the axis", samples.sample_arrow))
    classes = dict.fromkeys((panel.treatment_class, panel.hue) for panel in plan.panels)
    entries += [LegendEntry(label, samples.Swatch(hue)) for label, hue in classes]
    return entries
