"""Survival curves: one panel a treatment, its pooled curve and band, and every reported point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.plots import marks, page, style
from synthesis.plots.marks import Brush
from synthesis.plots.page import Scale
from synthesis.plots.rows import interval_of, number, require, size_of
from synthesis.plots.style import INK, PALE, tint
from synthesis.result import names

CURVE_COLUMNS = names(
    "treatment treatment_class time survival lower upper last_printed cohorts patients compared"
)
POINT_COLUMNS = names(
    "treatment study_id label kind time time_lower time_upper survival survival_lower "
    "survival_upper n"
)

#: End of the axis, months.
HORIZON = 24.0
#: A treatment has a panel from so many cohorts, or so many patients.
COHORTS, PATIENTS = 2, 50
#: Beyond this many times the last reported point a curve is the model's alone and drawn faded.
FADE_AFTER = 2.0

_TIMES = np.arange(0.0, HORIZON + 0.5, 0.5)
_FADED, _BAND, _FADED_BAND = 0.5, 0.22, 0.1
_THICKNESS, _STEPS = 1.2, 0.6
# Landmarks of one time are set apart by this much on paper, altogether never by more than the
# second figure.
_APART, _APART_AT_MOST = 2.4, 9.0
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
    """Draw pooled survival curves, a panel for each treatment with enough data.

    A panel has the curve of the average study with its band, pale behind it that of the reference,
    reported medians on the 50 % line, landmarks with their intervals, and steps of the patients
    that a report lists. A curve is faded beyond `FADE_AFTER` times the last reported point.
    Treatments with fewer than `COHORTS` cohorts and `PATIENTS` patients are counted in words,
    unless there are no others. An Axes per treatment, labelled by it.

    `curves` has the columns `CURVE_COLUMNS`, times in months, probabilities as fractions. `points`
    has `POINT_COLUMNS`: ``kind`` is median, landmark or listed, a step of the curve of listed
    patients that bear its label; a time of infinity was not reached and becomes an arrow at the end
    of the axis. `endpoint` is os or pfs, `reference` the treatment whose curve stands behind every
    other one, empty for none. `width`, `title` and `hues` are as of `plot_forest`. ValueError if a
    column is missing, a treatment has two curves, the endpoint, the reference or the width is
    unknown, or a class has no hue.
    """
    require(curves, CURVE_COLUMNS, "plot_curves, curves", unique=("treatment", "time"))
    require(points, POINT_COLUMNS, "plot_curves, points", may_be_empty=True)
    sheet, quantity = style.find_sheet(width), endpoint_of(endpoint).name()
    hues = style.choose_hues(hues, curves["treatment_class"], "plot_curves")
    drawn = {name: own.sort_values("time") for name, own in curves.groupby("treatment", sort=False)}
    if reference and reference not in drawn:
        raise ValueError(f"plot_curves: the reference {reference!r} has no curve")
    enough = curves[(curves["cohorts"] >= COHORTS) | (curves["patients"] >= PATIENTS)]
    panels = list(enough["treatment"].unique()) or list(drawn)
    is_late = (points["kind"] == "landmark") & (points["time"] > HORIZON)
    points = points[points["treatment"].isin(panels) & ~is_late]
    foot = _foot(len(drawn) - len(panels))
    frame = page.make_frame(sheet, title, _legend(reference, points), foot)
    behind = [size_of(drawn[name].iloc[0], numbers.size_words) for name in panels]
    figure = _open_panels(frame, panels, behind, f"{quantity}, %")
    for place, (name, axes) in enumerate(zip(panels, figure.axes, strict=True)):
        curve, gid = drawn[name], f"curves-panel-{place}"
        if reference and name != reference:
            line = _sampled(drawn[reference], _TIMES)[0]
            axes.plot(_TIMES, line, color=PALE, lw=1.6, zorder=1.5, gid=f"{gid}-reference")
        hue = hues[curve["treatment_class"].iloc[0]]
        _draw_curve(axes, curve, hue, gid)
        _draw_points(axes, points[points["treatment"] == name], hue, gid)
    return figure


def _open_panels(
    frame: page.Frame, treatments: Sequence[str], behind: Sequence[str], quantity: str
) -> Figure:
    """Axes with their titles, the rows about equally full; labels at the left and foot alone."""
    sheet = frame.sheet
    rows = math.ceil(len(treatments) / sheet.choose(2, 4, 5))
    columns = math.ceil(len(treatments) / rows)
    left = page.MARGIN + 1.4 * sheet.body + page.text_width("100", sheet.text) + 6
    # Half of the last tick label stands to the right of the last panel.
    right = sheet.width - page.MARGIN - page.text_width("24", sheet.text) / 2
    gap = 1.5 * sheet.body
    width = min((right - left - (columns - 1) * gap) / columns, 190.0)
    height = min(0.8 * width, 105.0)
    titles = [page.wrap(name, sheet.text.bold, width) for name in treatments]
    tops, top = [], frame.top
    for row in range(rows):
        lines = max(map(len, titles[row * columns : (row + 1) * columns]))
        tops.append(top + lines * sheet.text.pitch + sheet.note.pitch + 3)
        top = tops[-1] + height + _BELOW
    bottom = tops[-1] + height + 6 + 2.3 * sheet.body
    paper = frame.open(bottom)
    for place, (name, title, more) in enumerate(zip(treatments, titles, behind, strict=True)):
        row, column = divmod(place, columns)
        x, y = left + column * (width + gap), tops[row]
        start = y - 3 - sheet.note.pitch - len(title) * sheet.text.pitch
        start = page.put_lines(paper, x, start, title, sheet.text.bold)
        page.put_lines(paper, x, start, (more,), sheet.note)
        labels = None if place + columns >= len(treatments) else ()
        months = Scale(0, HORIZON, (0, 6, 12, 18, 24), labels=labels)
        percent = Scale(0, 100, (0, 25, 50, 75, 100), labels=None if column == 0 else ())
        page.add_axes(paper, (x, y), (width, height), name, sheet.text, months, percent)
    centre = left + (columns * (width + gap) - gap) / 2
    bottom -= 0.6 * sheet.body
    page.put_text(paper, centre, bottom, "Months", sheet.text, align="center")
    middle, left = (tops[0] + tops[-1] + height) / 2, page.MARGIN + 0.6 * sheet.body
    page.put_upright_text(paper, left, middle, quantity, sheet.text)
    return paper.figure


def _sampled(curve: pd.DataFrame, times: np.ndarray) -> list[np.ndarray]:
    """Curve and limits in per cent at some times."""
    columns = (curve[name].to_numpy(float) for name in ("survival", "lower", "upper"))
    return [100 * np.interp(times, curve["time"].to_numpy(float), known) for known in columns]


def _draw_curve(axes: Axes, curve: pd.DataFrame, hue: str, name: str) -> None:
    """Curve and band, faded where no report has anything near."""
    last = number(curve["last_printed"].iloc[0])
    fade = HORIZON if math.isnan(last) else min(FADE_AFTER * last, HORIZON)
    # The two parts meet exactly at the point where the fading begins.
    times = np.unique([*_TIMES, fade])
    line, lower, upper = _sampled(curve, times)
    for suffix, part, colour, share, dashes in (
        ("", times <= fade, hue, _BAND, "-"),
        ("-faded", times >= fade, tint(hue, _FADED), _FADED_BAND, marks.DASHES),
    ):
        if part.sum() < 2:
            continue
        look = {"fc": tint(hue, share), "ec": "none", "lw": 0, "gid": f"{name}-band{suffix}"}
        axes.fill_between(times[part], lower[part], upper[part], zorder=1, **look)
        look = {"color": colour, "lw": _THICKNESS, "ls": dashes, "gid": f"{name}-curve{suffix}"}
        axes.plot(times[part], line[part], zorder=2, solid_capstyle="butt", **look)


def _draw_points(axes: Axes, points: pd.DataFrame, hue: str, name: str) -> None:
    """Listed patients as steps, reported medians, and landmarks, of one time beside each other."""
    listed = points[points["kind"] == "listed"]
    for place, (_, own) in enumerate(listed.groupby(["study_id", "label"], sort=False)):
        look = {"color": INK, "lw": _STEPS, "zorder": 2.5, "gid": f"{name}-listed-{place}"}
        axes.step(own["time"], 100 * own["survival"], where="post", **look)
    medians = points[points["kind"] == "median"].to_dict("records")
    for place, record in enumerate(medians):
        _draw_median(Brush(axes, axes.transData, hue, f"{name}-median-{place}"), record)
    landmarks = points[points["kind"] == "landmark"]
    together = landmarks.groupby("time")["time"]
    step = (_APART_AT_MOST / (together.transform("size") - 1).clip(lower=1)).clip(upper=_APART)
    shifts = step * (together.cumcount() - (together.transform("size") - 1) / 2)
    ordered = landmarks.assign(shift=shifts).sort_values("time", kind="stable")
    for place, record in enumerate(ordered.to_dict("records")):
        brush = Brush(axes, axes.transData, hue, f"{name}-landmark-{place}")
        middle, *span = interval_of(record, "survival", 100)
        marks.put_landmark(brush.shifted(record["shift"]), number(record["time"]), middle, span)


def _draw_median(brush: Brush, record: Mapping[str, Any]) -> None:
    """A reported median on the line of half survival, or an arrow where it lies beyond."""
    time, shaft = number(record["time"]), (0.94 * HORIZON, HORIZON)
    if time > HORIZON:
        marks.put_line(brush, "printed", shaft, 50, thickness=0.8, arrows=(False, True))
    else:
        marks.put_square(brush, time, 50, marks.square_side(number(record["n"])), see_through=True)


# --- Words around the panels ---------------------------------------------------------------------


def _legend(reference: str, points: pd.DataFrame) -> list[page.LegendEntry]:
    medians = points[points["kind"] == "median"]
    entries = {
        f"average study, {numbers.LEVEL} CrI": _curve_sample(1.0),
        "far beyond the last reported point": _curve_sample(_FADED),
    }
    if reference:
        pale = marks.line_sample(hue=PALE, thickness=1.6)
        entries[numbers.in_sentence(reference)] = pale
    if not medians.empty:
        entries["reported median (area by n)"] = marks.square_sample
    if (medians["time"] > HORIZON).any():
        entries["not reached, or beyond the axis"] = marks.ARROW
    if (points["kind"] == "listed").any():
        entries["patients listed one by one"] = marks.line_sample(thickness=_STEPS)
    if (points["kind"] == "landmark").any():
        entries["reported survival at a fixed time"] = _landmark_sample
    return list(entries.items())


def _curve_sample(share: float) -> marks.Sample:
    is_faded = share < 1.0

    def draw(brush: Brush, x: float, y: float) -> None:
        marks.put_area(brush, (x - 8, x + 8), y, 5.2, _FADED_BAND if is_faded else _BAND)
        pale = brush.coloured(tint(brush.hue, share))
        marks.put_line(pale, "", (x - 8, x + 8), y, thickness=_THICKNESS, dashed=is_faded)

    return draw


def _landmark_sample(brush: Brush, x: float, y: float) -> None:
    marks.put_landmark(brush, x, y, (y - 4, y + 4))


def _foot(others: int) -> str:
    if not others:
        return "CrI, credible interval."
    fewer = f"with fewer than {COHORTS} cohorts and {PATIENTS} patients"
    verb = "is" if others == 1 else "are"
    return f"CrI, credible interval. {numbers.count(others, 'treatment')} {fewer} {verb} not drawn."
