"""Single results: what each report that gives both histologies says alone, and once pooled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.plots import histology, inputs, marks, rows, style
from synthesis.plots.inputs import number, word
from synthesis.plots.page import LegendEntry

if TYPE_CHECKING:
    import pandas as pd

#: Column that tells the results apart; the other tables have it in place of their endpoint.
RESULT = "result"
SINGLE_REPORTED_COLUMNS = (RESULT, *histology.REPORTED_COLUMNS)
SINGLE_EFFECT_COLUMNS = (RESULT, *histology.EFFECT_COLUMNS[1:])
SINGLE_DENSITY_COLUMNS = (RESULT, *histology.DENSITY_COLUMNS[1:])
SHOWN_COLUMNS: tuple[str, ...] = (RESULT, "truth", "true_ratio", "shown_ratio", "power")

# Height of the strip of a density in points: many stand above each other.
_STRIP = 23.0

#: ``truth`` of the row whose true ratio is drawn from the pool.
POOLED = "as pooled"


@style.style_context()
def plot_singles(
    density: pd.DataFrame,
    effects: pd.DataFrame,
    reported: pd.DataFrame,
    shown: pd.DataFrame,
    *,
    width: style.Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw all single results, a panel each: reported, alone, pooled, and how results exaggerate.

    Above, the ratio that the report gives and the densities of what it says alone and once
    pooled. Below, what significant results of studies of the same size show at stated true ratios.
    Nothing is computed but positions.

    Parameters
    ----------
    density, effects, reported : DataFrame
        As of `plot_effects`, with a column ``result`` that tells the results apart; only
        ``reported``, one row a result, has the endpoint. The first effect of a result is what the
        report says alone.
    shown : DataFrame
        Columns `SHOWN_COLUMNS`: true ratio (``truth`` is `POOLED` for the pooled one), the ratio
        that significant results show (missing: none), and the share that is significant.
    width, title
        As of `plot_forest`.

    Returns
    -------
    Figure
        An Axes a result, labelled ``single-0 ratio``.

    Raises
    ------
    ValueError
        If a column or a density is missing, there is no result, two rows report one result, or
        the width is unknown.
    """
    for frame, columns, name in (
        (density, SINGLE_DENSITY_COLUMNS, "density"),
        (effects, SINGLE_EFFECT_COLUMNS, "effects"),
        (reported, SINGLE_REPORTED_COLUMNS, "reported"),
        (shown, SHOWN_COLUMNS, "shown"),
    ):
        inputs.require_columns(
            frame, columns, f"plot_singles, {name}", may_be_empty=name == "shown"
        )
    inputs.require_unique(reported, (RESULT,), "plot_singles, reported")
    sheet = style.find_sheet(width)
    frames = {"density": density, "effects": effects, "shown": shown}
    blocks = [
        _block(reported.iloc[[place]], place, frames, sheet) for place in range(len(reported))
    ]
    legend = [
        *histology.effect_legend(reported=True),
        LegendEntry("true ratio", marks.point_sample(fill=False)),
        LegendEntry("ratio that significant results show on average", marks.point_sample()),
    ]
    share = histology.EFFECT_SHARES[sheet.name]
    layout = rows.lay_out(blocks, sheet, label_share=share, between=0.6)
    return rows.draw_blocks(layout, title, legend, histology.EFFECT_FOOT)


def _block(
    reported: pd.DataFrame, place: int, frames: Mapping[str, pd.DataFrame], sheet: style.Sheet
) -> rows.Block:
    """Panel of one result."""
    record = reported.iloc[0]
    own = {name: frame[frame[RESULT] == record[RESULT]] for name, frame in frames.items()}
    density, shown = own["density"], own["shown"]
    first, *entries = histology.effect_rows(
        own["effects"], density, sheet, "plot_singles", strip=_STRIP
    )
    first = _with_report(first, histology.reported_rows(reported)[0])
    entries = [first, *entries, *_shown_rows(shown)]
    ratios = [*shown["true_ratio"], *shown["shown_ratio"]]
    columns = histology.effect_columns(density, reported, sheet, also=ratios)
    heading = f"{word(record['label'])}, {endpoint_of(record['endpoint']).words()}"
    return rows.Block(f"single-{place}", entries, columns, "Mixed against pure", heading)


def _with_report(alone: rows.Row, report: rows.Row) -> rows.Row:
    """What the report says by itself, with the ratio that it gives."""

    def draw(spot: rows.Spot) -> None:
        alone.draw(spot)
        report.draw(spot)

    detail = "; ".join(filter(None, (alone.detail, report.detail)))
    return replace(alone, detail=detail, texts={**alone.texts, **report.texts}, draw=draw)


def _shown_rows(shown: pd.DataFrame) -> list[rows.Row]:
    if shown.empty:
        return []
    entries = [rows.Row("Significant results of a study of this size", kind="head")]
    for record in shown.to_dict("records"):
        true, seen = number(record["true_ratio"]), number(record["shown_ratio"])
        pooled = "as pooled" if record["truth"] == POOLED else "true"
        power = f"{numbers.percent(number(record['power']))} % are significant"
        texts = {} if math.isnan(seen) else {"posterior": f"shown as {numbers.ratio(seen)}"}
        label = f"{numbers.capitalised(pooled)} {numbers.ratio(true)}"
        entries.append(rows.Row(label, power, texts, _shown_marks(true, seen)))
    return entries


def _shown_marks(true: float, seen: float):
    def draw(spot: rows.Spot) -> None:
        brush = spot.brush("ratio")
        if not math.isnan(seen):
            marks.put_line(brush, "drawn-out", (true, seen), spot.middle)
            marks.put_point(brush, seen, spot.middle, "shown")
        marks.put_point(brush, true, spot.middle, "true", fill=False)

    return draw
