"""Model check: how reported figures lie in their predictions, and the most extreme of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, endpoint_of
from synthesis.plots import marks
from synthesis.plots.inputs import flag, number, require_columns, require_known, word
from synthesis.plots.page import (
    MARGIN,
    LegendEntry,
    Page,
    add_axes,
    put_text,
    put_upright_text,
    text_width,
)
from synthesis.plots.rows import (
    Axis,
    Block,
    Panels,
    Row,
    Spot,
    Words,
    draw_blocks,
    lay_out,
)
from synthesis.plots.scales import Scale, dress_ticks
from synthesis.plots.style import INK, MUTED, Sheet, Width, find_sheet, style_context, tint

if TYPE_CHECKING:
    import pandas as pd

POSITION_COLUMNS: tuple[str, ...] = ("endpoint", "position", "share", "lower", "upper")
EXTREME_COLUMNS: tuple[str, ...] = (
    "endpoint",
    "label",
    "treatment",
    "histology",
    "n",
    "figure",
    "value",
    "predicted",
    "lower",
    "upper",
    "pit",
    "within",
)

#: Figures that are times; all others are shares of the patients.
TIMES = ("median", "lower limit", "upper limit")
#: So many of the most extreme figures of each endpoint are drawn.
MOST = 5

_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.42, "two-column": 0.4, "slide": 0.4}
_POSITIONS = Scale(-0.025, 1.025, (0.0, 0.25, 0.5, 0.75, 1.0), log=False)
_NARROW_POSITIONS = Scale(-0.025, 1.025, (0.0, 0.5, 1.0), log=False)
_CENTRAL = (0.025, 0.975)
_SPREAD_HEIGHT = 100.0
_BAND_SHARE = 0.2


def plot_checks(
    positions: pd.DataFrame,
    extremes: pd.DataFrame,
    *,
    width: Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw the model check of all endpoints.

    Above, a panel an endpoint: which share of the reported figures lies at or below a position in
    its prediction, with the band that holds the whole line. Below, the figures that lie furthest
    out: as reported, as predicted, and their position; open where it is outside of 95 %. Nothing
    is computed but positions.

    Parameters
    ----------
    positions : DataFrame
        Columns `POSITION_COLUMNS`, each from 0 to 1.
    extremes : DataFrame
        Columns `EXTREME_COLUMNS`: figures in months or fractions of 1, an infinite ``value`` was
        not reached; `MOST` of each endpoint are drawn, the most extreme first.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm).
    title : str, optional
        Set above the panels.

    Returns
    -------
    Figure
        Axes labelled ``spread os`` for each endpoint, then ``checks-os position``.

    Raises
    ------
    ValueError
        If a column is missing, there is no position, or an endpoint or the width is unknown.
    """
    require_columns(positions, POSITION_COLUMNS, "plot_checks, positions")
    require_columns(extremes, EXTREME_COLUMNS, "plot_checks, extremes", may_be_empty=True)
    for frame in (positions, extremes):
        require_known(frame["endpoint"], ENDPOINTS, "plot_checks: endpoint")
    sheet = find_sheet(width)
    blocks = list(_blocks(extremes, sheet))
    panels = [(name, own) for name, own in positions.groupby("endpoint", sort=False)]
    per_row = 1 if sheet.is_narrow else len(panels)
    height = math.ceil(len(panels) / per_row) * _panel_height(sheet) + 6

    def draw_panels(page: Page, top: float) -> None:
        wide = (sheet.width - 2 * MARGIN) / per_row
        for place, (name, own) in enumerate(panels):
            row, column = divmod(place, per_row)
            corner = (MARGIN + column * wide, top + row * _panel_height(sheet))
            _draw_spread(page, sheet, corner, wide, str(name), chr(ord("A") + place), own)

    foot = "Position: share of predicted figures below the reported one. NR, not reached."
    with style_context():
        layout = lay_out(
            blocks,
            sheet,
            label_share=_LABEL_SHARES[sheet.name],
            between=0.8,
            first_letter=len(panels),
        )
        above = Panels(height, draw_panels)
        return draw_blocks(layout, title=title, legend=_legend(), foot=foot, above=above)


def _legend() -> list[LegendEntry]:
    return [
        LegendEntry("reported figures", marks.line_sample(thickness=1.1)),
        LegendEntry("95 % of data sets drawn from the model", marks.area_sample(_BAND_SHARE)),
        LegendEntry("reported figure inside its 95 % prediction", marks.point_sample()),
        LegendEntry("outside", marks.point_sample(fill=False)),
    ]


# --- Positions -----------------------------------------------------------------------------------


def _panel_height(sheet: Sheet) -> float:
    return _SPREAD_HEIGHT + 5.2 * sheet.body


def _draw_spread(
    page: Page,
    sheet: Sheet,
    corner: tuple[float, float],
    wide: float,
    endpoint: str,
    letter: str,
    positions: pd.DataFrame,
) -> None:
    """How the positions of one endpoint are spread: their distribution in its band."""
    size = sheet.body
    left, top = corner[0] + 1.6 * size + text_width("100", size) + 4, corner[1] + 1.6 * size
    width = min(corner[0] + wide - left - 1.5 * size, 1.35 * _SPREAD_HEIGHT)
    label = f"{letter}  {endpoint_of(endpoint).name()}"
    put_text(page, left, corner[1] + 0.7 * size, label, size, weight="bold")
    axes = add_axes(page, left, top, width, _SPREAD_HEIGHT, f"spread {endpoint}")
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 100.0)
    axes.xaxis.set_major_locator(FixedLocator([0.0, 0.5, 1.0]))
    axes.xaxis.set_major_formatter(FixedFormatter(["0", "0.5", "1"]))
    axes.yaxis.set_major_locator(FixedLocator([0, 50, 100]))
    axes.yaxis.set_major_formatter(FixedFormatter(["0", "50", "100"]))
    for axis in ("x", "y"):
        dress_ticks(axes, axis, size)
    for side in ("right", "top"):
        axes.spines[side].set_visible(False)
    x = positions["position"].to_numpy(float)
    low, high, line = (
        100 * positions[name].to_numpy(float) for name in ("lower", "upper", "share")
    )
    band = axes.fill_between(x, low, high, step="post", fc=tint(INK, _BAND_SHARE), ec="none", lw=0)
    band.set(gid=f"spread-{endpoint}-band", zorder=1)
    even = Line2D([0, 1], [0, 100], color=MUTED, lw=0.6, ls=marks.DASHES, zorder=2)
    axes.add_line(even)
    (drawn,) = axes.step(x, line, where="post", color=INK, lw=1.1, zorder=3)
    drawn.set_gid(f"spread-{endpoint}-line")
    bottom = top + _SPREAD_HEIGHT + 2.6 * size
    put_text(page, left + width / 2, bottom, "Position", size, align="center")
    middle = top + _SPREAD_HEIGHT / 2
    put_upright_text(page, corner[0] + 0.7 * size, middle, "Figures at or below, %", size)


# --- The most extreme figures --------------------------------------------------------------------


def _blocks(extremes: pd.DataFrame, sheet: Sheet) -> Iterator[Block]:
    for name, own in extremes.groupby("endpoint", sort=False):
        away = (own["pit"].astype(float) - 0.5).abs()
        order = away.sort_values(ascending=False, kind="stable").index[:MOST]
        rows = [_row(record) for record in own.loc[order].to_dict("records")]
        scale = _NARROW_POSITIONS if sheet.is_narrow else _POSITIONS
        predicted = ("Predicted", f"({numbers.LEVEL})")
        columns = [
            Words("reported", ("Reported",)),
            Words("predicted", predicted),
            Axis("position", "Position in the prediction", lambda width, own=scale: own),
        ]
        title = f"{endpoint_of(name).name()}: the most extreme figures"
        yield Block(f"checks-{name}", rows, columns, "Study, figure", title)


def _row(record: Mapping[str, Any]) -> Row:
    figure, n = word(record["figure"]), record["n"]
    is_time = figure in TIMES
    write = numbers.months if is_time else numbers.percent
    unit = " mo" if is_time else " %"
    value = number(record["value"])
    reported = "NR" if math.isinf(value) else f"{write(value)}{unit}"
    limits = (number(record[name]) for name in ("predicted", "lower", "upper"))
    size = "" if numbers.is_missing(n) else f", n = {int(n):,}"
    own = word(record["histology"])
    who = f"{own} tumours, " if own in ("pure", "mixed") else ""
    texts = {"reported": reported, "predicted": numbers.interval(*limits, write)}
    detail = f"{who}{figure}{size}; {numbers.in_sentence(word(record['treatment']))}"
    return Row(word(record["label"]), detail, texts, _marks(record))


def _marks(record: Mapping[str, Any]):
    pit, inside = number(record["pit"]), flag(record["within"])

    def draw(spot: Spot) -> None:
        brush = spot.brush("position")
        marks.put_area(brush, _CENTRAL, spot.middle, 5.0, _BAND_SHARE)
        marks.put_point(brush, pit, spot.middle, "position", fill=inside)

    return draw
