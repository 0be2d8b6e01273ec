"""A curve read off a picture: the points, the falling curve through them, and what is printed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthesis.endpoints import endpoint_of
from synthesis.plots import marks, page, style
from synthesis.plots.marks import Brush
from synthesis.plots.page import Scale
from synthesis.plots.rows import interval_of, number, require
from synthesis.plots.style import HUES, INK, PALE, POINTS_PER_MM

CURVE_COLUMNS: tuple[str, ...] = ("time", "survival")
POINT_COLUMNS: tuple[str, ...] = ("kind", "time", "time_lower", "time_upper", "survival")
KINDS: Mapping[str, str] = {
    "read": "Read off the picture",
    "median": "Reported median and its limits",
    "landmark": "Reported survival",
}
# Of what the report prints, beside what was read off its picture.
_PRINTED = HUES[7]
_SAMPLES: Mapping[str, marks.Sample] = {
    "read": marks.point_sample(hue=PALE),
    "median": marks.reported_sample(_PRINTED),
    "landmark": lambda brush, x, y: marks.put_landmark(brush.coloured(_PRINTED), x, y),
}


@style.style_context()
def plot_digitised(
    curve: pd.DataFrame,
    points: pd.DataFrame,
    at_risk: pd.DataFrame,
    *,
    endpoint: str = "os",
    unit: str = "months",
    width: style.Width = "one-column",
    title: str | None = None,
) -> Figure:
    """Draw what was read off a Kaplan-Meier curve beside what its report prints.

    The points as they were read, pale, the falling curve through them in steps, and, in a colour of
    their own, the reported median with its limits and reported survival. One Axes, labelled
    ``digitised``; patients at risk stand below it.

    `curve` has the columns `CURVE_COLUMNS`, a fraction at a time in `unit`; each row holds until
    the next. `points` has `POINT_COLUMNS`: ``kind`` is one of `KINDS`, a limit of infinity was not
    reached. `at_risk`, which may be empty, has ``time, n``. `endpoint` is os or pfs, `unit` that of
    all times; `width` and `title` are as of `plot_forest`. ValueError if a column is missing, there
    is no curve, or a kind, the endpoint or the width is unknown.
    """
    require(curve, CURVE_COLUMNS, "plot_digitised, curve")
    require(points, POINT_COLUMNS, "plot_digitised, points", known={"kind": KINDS})
    require(at_risk, ("time", "n"), "plot_digitised, at risk", may_be_empty=True)
    sheet = style.find_sheet(width)
    kinds = set(points["kind"])
    legend = [(words, _SAMPLES[kind]) for kind, words in KINDS.items() if kind in kinds]
    frame = page.make_frame(sheet, title, legend)
    body, height = sheet.body, sheet.choose(56, 70, 90) * POINTS_PER_MM
    left, top = page.MARGIN + page.text_width("100", sheet.text) + 7 + 1.6 * body, frame.top + 6
    across = sheet.width - page.MARGIN - page.text_width("00", sheet.text) - left
    below = 2.8 * body + (body + 1.8 * sheet.note.pitch if len(at_risk) else 0.0)
    paper = frame.open(top + height + below)
    end = float(max(curve["time"].max(), *points.loc[np.isfinite(points["time"]), "time"]))
    ticks = [float(tick) for tick in _ticks(end)]
    scales = Scale(0.0, max(ticks[-1], end), ticks), Scale(0.0, 100.0, (0, 25, 50, 75, 100))
    place = (left, top), (across, height)
    axes = page.add_axes(paper, *place, "digitised", sheet.text, *scales)
    look = {"color": INK, "lw": 1.0, "zorder": 2, "gid": "digitised-curve"}
    axes.step(curve["time"], 100.0 * curve["survival"], where="post", **look)
    is_read = points["kind"] == "read"
    read = points.loc[is_read, "time"], 100.0 * points.loc[is_read, "survival"]
    look = {"ls": "none", "marker": "o", "ms": 2.6, "mew": 0, "clip_on": False}
    axes.plot(*read, color=PALE, zorder=1.5, gid="digitised-read", **look)
    for order, row in enumerate(points[~is_read].to_dict("records")):
        _put(Brush(axes, axes.transData, _PRINTED, f"digitised-{row['kind']}-{order}"), row, end)
    line, words = top + height + 2.2 * body, f"{endpoint_of(endpoint).name()}, %"
    page.put_text(paper, left + across / 2, line, unit.capitalize(), sheet.text, align="center")
    page.put_upright_text(paper, page.MARGIN + 0.6 * body, top + height / 2, words, sheet.text)
    _put_at_risk(paper, sheet, axes, at_risk, (left, across), line + 1.4 * body)
    return paper.figure


def _ticks(end: float) -> np.ndarray:
    """Four to eight even times up to the end."""
    steps = np.array([1, 2, 3, 5, 6]) * 10.0 ** np.arange(-2, 5)[:, None]
    step = min(step for step in [*steps.ravel(), 12.0, 24.0] if end / step <= 8.0)
    return step * np.arange(int(end / step + 1e-9) + 1)


def _put(brush: Brush, row: Mapping[str, object], end: float) -> None:
    survival = 100.0 * number(row["survival"])
    time, low, high = interval_of(row, "time")
    if row["kind"] == "landmark":
        marks.put_landmark(brush, time, survival)
        return
    if not math.isnan(low):
        beyond = high > end
        look = {"ends": (True, not beyond), "arrows": (False, beyond)}
        marks.put_line(brush, "limits", (low, min(high, end)), survival, **look)
    if time <= end:
        marks.put_square(brush, time, survival, 4.0)


def _put_at_risk(
    paper: page.Page,
    sheet: style.Sheet,
    axes: Axes,
    at_risk: pd.DataFrame,
    room: tuple[float, float],
    line: float,
) -> None:
    """Write the patients at risk below their times, as far as they do not touch."""
    if at_risk.empty:
        return
    left, width = room
    page.put_text(paper, page.MARGIN, line, "At risk", sheet.note)
    taken = 0.0
    for time, n in at_risk.sort_values("time")[["time", "n"]].itertuples(index=False):
        text = str(int(n))
        half = page.text_width(text, sheet.note) / 2
        x = left + width * time / axes.get_xlim()[1]
        if x - half > taken and x <= left + width:
            page.put_text(paper, x, line + sheet.note.pitch, text, sheet.note, align="center")
            taken = x + half + 3
