"""Model check: how reported figures lie in their predictions, and the most extreme of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, endpoint_of
from synthesis.plots import marks, page, rows, style
from synthesis.plots.page import Scale
from synthesis.plots.rows import Row, flag, number, word
from synthesis.plots.style import INK, MUTED, Sheet, tint
from synthesis.result import names

POSITION_COLUMNS = names("endpoint position share lower upper")
EXTREME_COLUMNS = names(
    "endpoint label treatment histology n figure value predicted lower upper pit within"
)
#: Figures that are times; all others are shares of the patients.
TIMES = ("median", "lower limit", "upper limit")
#: So many of the most extreme figures of each endpoint are drawn.
MOST = 5

_CENTRAL = (0.025, 0.975)
_HEIGHT, _BAND = 100.0, 0.2
_STEP = 10  # percentage points: ends of the scale of a panel


@style.style_context()
def plot_checks(
    positions: pd.DataFrame,
    extremes: pd.DataFrame,
    *,
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw the model check of all endpoints.

    Above, a panel an endpoint: the share of the reported figures at or below a position in their
    prediction less that of uniform ones, with the band that holds the whole line. Below, the
    figures furthest out; open where outside of 95 %. Axes labelled ``spread os`` and ``checks-os
    position`` for each endpoint.

    `positions` has the columns `POSITION_COLUMNS`, each from 0 to 1; `extremes` has
    `EXTREME_COLUMNS`: figures in months or fractions of 1, an infinite ``value`` was not reached,
    and `MOST` of each endpoint are drawn, the most extreme first. `width` and `title` are as of
    `plot_forest`. ValueError if a column is missing, there is no row, or an endpoint or the width
    is unknown.
    """
    known = {"endpoint": ENDPOINTS}
    rows.require(positions, POSITION_COLUMNS, "plot_checks, positions", known=known)
    rows.require(extremes, EXTREME_COLUMNS, "plot_checks, extremes", known=known)
    sheet = style.find_sheet(width)
    panels = list(positions.groupby("endpoint", sort=False))
    per_row = 1 if sheet.is_narrow else len(panels)
    step = _HEIGHT + 5.2 * sheet.body

    def draw_panels(paper: page.Page, top: float, _: object) -> None:
        wide = (sheet.width - 2 * page.MARGIN) / per_row
        for place, (name, own) in enumerate(panels):
            row, column = divmod(place, per_row)
            heading = f"{chr(ord('A') + place)} {endpoint_of(name).name()}"
            corner = (page.MARGIN + column * wide, top + row * step)
            _draw_spread(paper, sheet, corner, wide, heading, own)

    above = rows.Panels(math.ceil(len(panels) / per_row) * step + 6, len(panels), draw_panels)
    legend = [
        ("reported figures", marks.line_sample(thickness=1.1)),
        ("95 % of data sets drawn from the model", marks.area_sample(_BAND)),
        ("reported figure inside its 95 % prediction", marks.point_sample()),
        ("outside", marks.point_sample(fill=False)),
    ]
    foot = "Position: share of predicted figures below the reported one. NR, not reached."
    blocks, look = list(_blocks(extremes, sheet)), {"shares": (0.42, 0.4, 0.4), "between": 0.8}
    return rows.draw_blocks(rows.lay_out(blocks, sheet, title, legend, foot, above=above, **look))


def _draw_spread(
    paper: page.Page,
    sheet: Sheet,
    corner: tuple[float, float],
    wide: float,
    heading: str,
    positions: pd.DataFrame,
) -> None:
    """How far the distribution of the positions of one endpoint is from a uniform one."""
    size, endpoint = sheet.body, positions["endpoint"].iloc[0]
    x, low, high, line = positions[["position", "lower", "upper", "share"]].to_numpy(float).T
    low, high, line = (100.0 * (own - x) for own in (low, high, line))
    reach = _STEP * math.ceil(max(np.abs([low, high, line]).max(), 1.0) / _STEP)
    left = corner[0] + 1.6 * size + page.text_width(f"{numbers.MINUS}00", sheet.text) + 4
    top = corner[1] + 1.6 * size
    width = min(corner[0] + wide - left - 1.5 * size, 1.35 * _HEIGHT)
    page.put_text(paper, left, corner[1] + 0.7 * size, heading, sheet.text.bold)
    ends = (-reach, 0, reach)
    labels = [numbers.points(at / 100.0) for at in ends]
    scales = Scale(0.0, 1.0, (0.0, 0.5, 1.0)), Scale(-reach, reach, ends, labels=labels)
    place = (left, top), (width, _HEIGHT)
    axes = page.add_axes(paper, *place, f"spread {endpoint}", sheet.text, *scales)
    look = {"fc": tint(INK, _BAND), "ec": "none", "lw": 0, "gid": f"spread-{endpoint}-band"}
    axes.fill_between(x, low, high, zorder=1, **look)
    axes.axhline(0.0, color=MUTED, lw=0.6, ls=marks.DASHES, zorder=2)
    axes.plot(x, line, color=INK, lw=1.1, zorder=3, gid=f"spread-{endpoint}-line")
    bottom, words = top + _HEIGHT + 2.6 * size, "Figures in excess, %"
    page.put_text(paper, left + width / 2, bottom, "Position", sheet.text, align="center")
    page.put_upright_text(paper, corner[0] + 0.7 * size, top + _HEIGHT / 2, words, sheet.text)


def _blocks(extremes: pd.DataFrame, sheet: Sheet) -> Iterator[rows.Block]:
    ticks = (0.0, 0.5, 1.0) if sheet.is_narrow else (0.0, 0.25, 0.5, 0.75, 1.0)
    columns = [
        rows.Words("reported", ("Reported",)),
        rows.Words("predicted", ("Predicted", f"({numbers.LEVEL})")),
        rows.Axis("position", "Position in the prediction", lambda *_: Scale(-0.025, 1.025, ticks)),
    ]
    for name, own in extremes.groupby("endpoint", sort=False):
        away = (own["pit"].astype(float) - 0.5).abs()
        order = away.sort_values(ascending=False, kind="stable").index[:MOST]
        entries = [_row(record) for record in own.loc[order].to_dict("records")]
        title = f"{endpoint_of(name).name()}: the most extreme figures"
        yield rows.Block(f"checks-{name}", entries, columns, "Study, figure", title)


def _row(record: Mapping[str, Any]) -> Row:
    figure, value = word(record["figure"]), number(record["value"])
    write, unit = (numbers.months, "mo") if figure in TIMES else (numbers.percent, "%")
    texts = {
        "reported": "NR" if math.isinf(value) else f"{write(value)} {unit}",
        "predicted": numbers.interval(record["predicted"], record["lower"], record["upper"], write),
    }
    histology, n = word(record["histology"]), record["n"]
    who = f"{histology} tumours, " if histology in ("pure", "mixed") else ""
    size = "" if numbers.is_missing(n) else f", n = {int(n):,}"
    detail = f"{who}{figure}{size}; {numbers.in_sentence(word(record['treatment']))}"

    def draw(spot: rows.Spot) -> None:
        brush, pit = spot.brush("position"), number(record["pit"])
        marks.put_area(brush, _CENTRAL, spot.middle, 5.0, _BAND)
        marks.put_point(brush, pit, spot.middle, "position", fill=flag(record["within"]))

    return Row(word(record["label"]), detail, texts, draw)
