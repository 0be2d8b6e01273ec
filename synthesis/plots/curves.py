"""Survival curves: one panel a treatment, its pooled curve and band, and every reported point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.plots import marks, page, style
from synthesis.plots.inputs import number, require_columns, require_unique
from synthesis.plots.marks import Brush
from synthesis.plots.scales import dress_ticks
from synthesis.plots.style import PALE, Sheet, tint

if TYPE_CHECKING:
    import pandas as pd

CURVE_COLUMNS: tuple[str, ...] = (
    *("treatment", "treatment_class", "time", "survival", "lower", "upper"),
    *("last_printed", "cohorts", "patients"),
)
POINT_COLUMNS: tuple[str, ...] = (
    *("treatment", "study_id", "label", "kind", "time", "time_lower", "time_upper"),
    *("survival", "survival_lower", "survival_upper", "n"),
)

#: End of the axis, months.
HORIZON = 24.0
#: A treatment has a panel from so many cohorts, or so many patients.
COHORTS, PATIENTS = 2, 50
#: Beyond this many times the last reported point a curve is the model's alone and drawn faded.
FADE_AFTER = 2.0

_STEP = 0.5
_TICKS = (0, 6, 12, 18, 24)
_LEVELS = (0, 25, 50, 75, 100)
_FADED = 0.5
_BAND, _FADED_BAND = 0.22, 0.1
_THICKNESS = 1.2
# Landmarks of one time are set apart by this much on paper, altogether never by more than the
# second figure.
_APART, _APART_AT_MOST = 2.4, 9.0
_MOST_IN_A_ROW: Mapping[str, int] = {"one-column": 2, "two-column": 4, "slide": 5}
_BELOW = 8.0


@style.style_context()
def plot_curves(
    curves: pd.DataFrame,
    points: pd.DataFrame,
    *,
    endpoint: str = "os",
    reference: str = "",
    width: style.Width = "two-column",
    title: str | None = None,
    hues: Mapping[str, str] | None = None,
) -> Figure:
    """Draw pooled survival curves as small multiples, a panel for each treatment with enough data.

    Each panel shows the curve of the average study with its band, pale behind it the curve of the
    reference, reported medians on the 50 % line, and landmarks with their intervals. A curve is
    faded beyond `FADE_AFTER` times the last reported point of its treatment. Treatments with fewer
    than `COHORTS` cohorts and `PATIENTS` patients are counted in words, unless there are no others.

    Parameters
    ----------
    curves : DataFrame
        Columns `CURVE_COLUMNS`, times in months, probabilities as fractions.
    points : DataFrame
        Columns `POINT_COLUMNS`; ``kind`` is median or landmark. A time of infinity was not
        reached and becomes an arrow at the end of the axis.
    endpoint : str
        os or pfs.
    reference : str
        Treatment whose curve stands behind every other one; empty for none.
    width, title, hues
        As of `plot_forest`; two, four or five panels stand in a row.

    Returns
    -------
    Figure
        One Axes per treatment, in display order; its label is the treatment.

    Raises
    ------
    ValueError
        If a column is missing, a treatment has two curves, the endpoint, the reference or the
        width is unknown, or a class has no hue.
    """
    require_columns(curves, CURVE_COLUMNS, "plot_curves, curves")
    require_columns(points, POINT_COLUMNS, "plot_curves, points", may_be_empty=True)
    require_unique(curves, ("treatment", "time"), "plot_curves, curves")
    sheet, words = style.find_sheet(width), endpoint_of(endpoint)
    hues = style.choose_hues(hues, curves["treatment_class"], "plot_curves")
    drawn = {name: own.sort_values("time") for name, own in curves.groupby("treatment", sort=False)}
    if reference and reference not in drawn:
        raise ValueError(f"plot_curves: the reference {reference!r} has no curve")
    panels = [name for name, own in drawn.items() if _is_enough(own)] or list(drawn)
    legend, foot = _legend(reference, points), _foot(len(drawn) - len(panels))
    frame = page.make_frame(sheet, title, legend, foot)
    grid = _make_grid(sheet, frame.top, [_titles(drawn[name]) for name in panels])
    paper = frame.open(grid.bottom)
    for place, name in enumerate(panels):
        curve, gid = drawn[name], f"curves-panel-{place}"
        axes = _open_panel(paper, sheet, grid, place, _titles(curve))
        if reference and name != reference:
            _draw_reference(axes, drawn[reference], gid)
        hue = hues[curve["treatment_class"].iloc[0]]
        _draw_curve(axes, curve, hue, gid)
        _draw_points(axes, points[points["treatment"] == name], hue, gid)
    _label_axes(paper, sheet, grid, f"{words.name()}, %")
    return paper.figure


def _label_axes(paper: page.Page, sheet: Sheet, grid: _Grid, quantity: str) -> None:
    centre = (grid.lefts[0] + grid.lefts[-1] + grid.width) / 2
    bottom = grid.bottom - 0.6 * sheet.body
    page.put_text(paper, centre, bottom, "Months", sheet.text, align="center")
    middle = (grid.tops[0] + grid.tops[-1] + grid.height) / 2
    page.put_upright_text(paper, page.MARGIN + 0.6 * sheet.body, middle, quantity, sheet.text)


def _is_enough(curve: pd.DataFrame) -> bool:
    return bool(curve["cohorts"].iloc[0] >= COHORTS or curve["patients"].iloc[0] >= PATIENTS)


@dataclass(frozen=True)
class _Grid:
    """Sizes and places of the panels in points."""

    panels: int
    lefts: tuple[float, ...]
    tops: tuple[float, ...]
    width: float
    height: float
    bottom: float


def _titles(curve: pd.DataFrame) -> tuple[str, str]:
    """Treatment, and what stands behind its panel."""
    first = curve.iloc[0]
    cohorts, patients = int(first["cohorts"]), int(first["patients"])
    counts = f"{numbers.count(cohorts, 'cohort')}, {numbers.count(patients, 'patient')}"
    return str(first["treatment"]), counts


def _make_grid(sheet: Sheet, top: float, titles: Sequence[tuple[str, str]]) -> _Grid:
    """Place the panels so that rows are about equally full."""
    rows = math.ceil(len(titles) / _MOST_IN_A_ROW[sheet.name])
    columns = math.ceil(len(titles) / rows)
    left = page.MARGIN + 1.4 * sheet.body + page.text_width("100", sheet.text) + 6
    # Half of the last tick label stands to the right of the last panel.
    right = sheet.width - page.MARGIN - page.text_width("24", sheet.text) / 2
    gap = 1.5 * sheet.body
    width = min((right - left - (columns - 1) * gap) / columns, 190.0)
    height = min(0.8 * width, 105.0)
    tops = []
    for row in range(rows):
        own = titles[row * columns : (row + 1) * columns]
        lines = max(len(page.wrap(name, sheet.text.bold, width)) for name, _ in own)
        tops.append(top + lines * sheet.text.pitch + sheet.note.pitch + 3)
        top = tops[-1] + height + _BELOW
    lefts = tuple(left + place * (width + gap) for place in range(columns))
    bottom = tops[-1] + height + 6 + 2.3 * sheet.body
    return _Grid(len(titles), lefts, tuple(tops), width, height, bottom)


def _open_panel(
    paper: page.Page, sheet: Sheet, grid: _Grid, place: int, titles: tuple[str, str]
) -> Axes:
    """Axes of one panel with its title; tick labels only at the left and at the foot."""
    row, column = divmod(place, len(grid.lefts))
    left, top = grid.lefts[column], grid.tops[row]
    lines = page.wrap(titles[0], sheet.text.bold, grid.width)
    start = top - 3 - sheet.note.pitch - len(lines) * sheet.text.pitch
    start = page.put_lines(paper, left, start, lines, sheet.text.bold)
    page.put_lines(paper, left, start, titles[1:], sheet.note)
    axes = page.add_axes(paper, left, top, grid.width, grid.height, titles[0])
    axes.set_xlim(0, HORIZON)
    axes.set_ylim(0, 100)
    is_last = place + len(grid.lefts) >= grid.panels
    dress_ticks(axes, "x", sheet.text, _TICKS, labelbottom=is_last)
    dress_ticks(axes, "y", sheet.text, _LEVELS, labelleft=column == 0)
    return axes


def _sampled(curve: pd.DataFrame, times: np.ndarray) -> tuple[np.ndarray, ...]:
    known = curve["time"].to_numpy(dtype=float)
    names = ("survival", "lower", "upper")
    return tuple(100 * np.interp(times, known, curve[name].to_numpy(dtype=float)) for name in names)


def _draw_reference(axes: Axes, curve: pd.DataFrame, name: str) -> None:
    times = np.arange(0.0, HORIZON + _STEP, _STEP)
    (line,) = axes.plot(times, _sampled(curve, times)[0], color=PALE, lw=1.6, zorder=1.5)
    line.set_gid(f"{name}-reference")


def _draw_curve(axes: Axes, curve: pd.DataFrame, hue: str, name: str) -> None:
    """Curve and band, faded where no report has anything near."""
    last = number(curve["last_printed"].iloc[0])
    fade = HORIZON if math.isnan(last) else min(FADE_AFTER * last, HORIZON)
    # The two parts meet exactly at the point where the fading begins.
    times = np.unique([*np.arange(0.0, HORIZON + _STEP, _STEP), fade])
    line, lower, upper = _sampled(curve, times)
    faded = tint(hue, _FADED)
    parts = (
        ("", times <= fade, hue, _BAND, "-"),
        ("-faded", times >= fade, faded, _FADED_BAND, marks.DASHES),
    )
    for suffix, part, colour, share, dashes in parts:
        if part.sum() < 2:
            continue
        band = axes.fill_between(
            times[part], lower[part], upper[part], fc=tint(hue, share), ec="none", lw=0, zorder=1
        )
        band.set_gid(f"{name}-band{suffix}")
        (drawn,) = axes.plot(
            times[part], line[part], color=colour, lw=_THICKNESS, ls=dashes, zorder=2
        )
        drawn.set(gid=f"{name}-curve{suffix}", solid_capstyle="butt")


def _draw_points(axes: Axes, points: pd.DataFrame, hue: str, name: str) -> None:
    medians = points[points["kind"] == "median"].to_dict("records")
    for place, record in enumerate(medians):
        brush = Brush(axes, axes.transData, hue, f"{name}-median-{place}")
        _draw_median(brush, record)
    landmarks = points[(points["kind"] == "landmark") & (points["time"] <= HORIZON)]
    place = 0
    for _, together in landmarks.groupby("time"):
        records = together.to_dict("records")
        for record, shift in zip(records, _spread(len(records)), strict=True):
            brush = Brush(axes, axes.transData, hue, f"{name}-landmark-{place}")
            _draw_landmark(brush.shifted(shift, 0), record)
            place += 1


def _spread(count: int) -> Iterator[float]:
    """Offsets in points, symmetric about 0, that keep landmarks of one time apart."""
    step = min(_APART, _APART_AT_MOST / max(count - 1, 1))
    return (step * (place - (count - 1) / 2) for place in range(count))


def _draw_median(brush: Brush, record: Mapping[str, Any]) -> None:
    """A reported median on the line of half survival, or an arrow where it lies beyond."""
    time = number(record["time"])
    if time > HORIZON:
        marks.put_line(
            brush, "printed", (0.94 * HORIZON, HORIZON), 50, thickness=0.8, arrows=(False, True)
        )
    else:
        side = marks.square_side(number(record["n"]))
        marks.put_square(brush, time, 50, side, see_through=True)


def _draw_landmark(brush: Brush, record: Mapping[str, Any]) -> None:
    """Reported survival at a fixed time with its interval."""
    time = number(record["time"])
    limits = [100 * number(record[f"survival_{side}"]) for side in ("lower", "upper")]
    if not any(map(math.isnan, limits)):
        marks.put_upright(brush, "landmark", time, (limits[0], limits[1]))
    marks.put_landmark(brush, time, 100 * number(record["survival"]))


# --- Words around the panels ---------------------------------------------------------------------


def _legend(reference: str, points: pd.DataFrame) -> list[page.LegendEntry]:
    entries = [
        page.LegendEntry(f"average study, {numbers.LEVEL} CrI", _curve_sample(1.0)),
        page.LegendEntry("far beyond the last reported point", _curve_sample(_FADED)),
    ]
    if reference:
        entries.append(page.LegendEntry(numbers.in_sentence(reference), _reference_sample))
    medians = points[points["kind"] == "median"]
    if not medians.empty:
        entries.append(page.LegendEntry("reported median (area by n)", marks.square_sample))
    if (medians["time"] > HORIZON).any():
        entries.append(page.LegendEntry("not reached, or beyond the axis", marks.ARROW))
    if (points["kind"] == "landmark").any():
        entries.append(page.LegendEntry("reported survival at a fixed time", _landmark_sample))
    return entries


def _curve_sample(share: float) -> marks.Sample:
    def draw(brush: Brush, x: float, y: float) -> None:
        is_faded = share < 1.0
        marks.put_area(brush, (x - 8, x + 8), y, 5.2, _FADED_BAND if is_faded else _BAND)
        pale = brush.coloured(tint(brush.hue, share))
        marks.put_line(pale, "", (x - 8, x + 8), y, thickness=_THICKNESS, dashed=is_faded)

    return draw


def _reference_sample(brush: Brush, x: float, y: float) -> None:
    marks.put_line(brush.coloured(PALE), "", (x - 8, x + 8), y, thickness=1.6)


def _landmark_sample(brush: Brush, x: float, y: float) -> None:
    marks.put_upright(brush, "", x, (y - 4, y + 4))
    marks.put_landmark(brush, x, y)


def _foot(others: int) -> str:
    if not others:
        return "CrI, credible interval."
    fewer = f"with fewer than {COHORTS} cohorts and {PATIENTS} patients"
    verb = "is" if others == 1 else "are"
    return f"CrI, credible interval. {numbers.count(others, 'treatment')} {fewer} {verb} not drawn."
