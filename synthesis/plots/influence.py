"""Influence: what an answer would be without each cohort."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from synthesis.plots import marks, samples
from synthesis.plots.benefit import put_estimate, sample_open
from synthesis.plots.cells import as_flag, as_number, as_text, in_sentence, require_columns
from synthesis.plots.page import LegendEntry
from synthesis.plots.panels import Axis, Drawn, Place, Row, Words, draw_rows, numbers
from synthesis.plots.scales import month_scale, ratio_scale
from synthesis.plots.style import INK, Sheet, Width, find_sheet, style_context, tint

INFLUENCE_COLUMNS: tuple[str, ...] = (
    "quantity",
    "heading",
    "unit",
    "cohort_label",
    "treatment",
    "patients",
    "estimate",
    "lower",
    "upper",
    "without",
    "without_lower",
    "without_upper",
    "estimate_text",
    "without_text",
    "pareto_k",
    "reliable",
)

_LABEL_SHARES: Mapping[str, float] = {"one-column": 0.36, "two-column": 0.34, "slide": 0.34}
_UNITS = {"ratio": "Ratio of medians (log scale)", "months": "Months (log scale)"}


def plot_influence(
    table: pd.DataFrame,
    *,
    most: int = 8,
    level: float = 0.95,
    width: Width = "two-column",
    title: str | None = None,
) -> Figure:
    """Draw each quantity with all cohorts, and without those that move it most.

    Under a heading for each quantity: its estimate with every cohort (diamond; a grey line through
    the rows below), then a row a cohort with the estimate without it, an open circle where the
    draws cannot be weighted so far. Nothing is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `INFLUENCE_COLUMNS`, by quantity, in display order; all of one ``unit``, ratio or
        months. A row without an estimate (``without`` missing) is left out.
    most : int
        Cohorts that are shown of each quantity.
    level : float
        Level of the intervals, for headings and legend.
    width : str
        one-column (85 mm), two-column (174 mm) or slide (254 mm). In one column the Pareto k is
        left out.
    title : str, optional
        Set above the columns.

    Returns
    -------
    Figure
        One Axes, labelled ``influence``.

    Raises
    ------
    ValueError
        If a column is missing, there is no row, the unit is unknown or there are several, or the
        width is unknown.
    """
    require_columns(table, INFLUENCE_COLUMNS, "plot_influence")
    units = list(table["unit"].unique())
    if len(units) != 1 or units[0] not in _UNITS:
        raise ValueError(
            f"plot_influence: units are {', '.join(map(str, units))}; expected ratio or months"
        )
    sheet = find_sheet(width)
    shown = table[table["without"].notna()].groupby("quantity", sort=False).head(most)
    rows, records = _rows(shown)
    columns = _columns(shown, str(units[0]), level, sheet)
    foot = "CrI, credible interval."
    if sheet.name == "one-column":
        columns.pop()
    else:
        foot += " Pareto k: how far the draws could be weighted; low is good."
    with style_context():
        drawn = draw_rows(
            rows,
            columns,
            sheet,
            head="Left out",
            label_share=_LABEL_SHARES[sheet.name],
            title=title,
            legend=_legend(shown, level),
            foot=foot,
        )
        _draw(drawn, records)
    return drawn.figure


_ENDS = ("lower", "upper", "without_lower", "without_upper")


def _columns(table: pd.DataFrame, unit: str, level: float, sheet: Sheet) -> list[Words | Axis]:
    inside = [float(v) for name in ("estimate", "without") for v in table[name]]
    ends = [float(v) for name in _ENDS for v in table[name]]
    scale = ratio_scale if unit == "ratio" else month_scale
    return [
        Axis(
            "influence",
            (),
            _UNITS[unit],
            lambda span: scale(inside, ends, span, sheet.body),
            null=1.0 if unit == "ratio" else None,
        ),
        Words("value", ("Estimate", f"({100 * level:g}% CrI)")),
        Words("k", ("Pareto", "k")),
    ]


def _rows(table: pd.DataFrame) -> tuple[list[Row], list[Mapping[str, object]]]:
    rows, records = [], []
    for _, own in table.groupby("quantity", sort=False):
        first, *_ = listed = own.to_dict("records")
        rows.append(Row(as_text(first["heading"]), heading=True))
        rows.append(Row("None", texts={"value": (as_text(first["estimate_text"]),)}))
        records += [{}, {"whole": True, "rows": len(listed), **first}]
        for record in listed:
            k = as_number(record["pareto_k"])
            texts = {
                "value": (as_text(record["without_text"]),),
                "k": (f"{k:.2f}" if math.isfinite(k) else "?",),
            }
            detail = (
                f"n = {as_text(record['patients'])}, {in_sentence(as_text(record['treatment']))}"
            )
            rows.append(Row(as_text(record["cohort_label"]), detail, texts))
            records.append(record)
    return rows, records


def _draw(drawn: Drawn, records: Sequence[Mapping[str, object]]) -> None:
    axes, scale = drawn.axes["influence"], drawn.scales["influence"]
    pairs = list(zip(records, drawn.places, strict=True))
    for number, (record, place) in enumerate(pairs):
        brush = marks.Brush(axes, axes.transData, INK, f"influence-{number}")
        if record.get("whole"):
            last = pairs[number + int(record["rows"])][1]
            _draw_whole(drawn, record, place, last, brush)
        elif record:
            values = numbers(record, "without", "without_lower", "without_upper")
            reliable = as_flag(record["reliable"])
            put_estimate(brush, scale, values, place.middle, is_open=not reliable)


def _draw_whole(
    drawn: Drawn, record: Mapping[str, object], place: Place, last: Place, brush: marks.Brush
) -> None:
    """Draw the estimate with every cohort, and a line through those without one."""
    lower, middle, upper = numbers(record, "lower", "estimate", "upper")
    (low, high), beyond = drawn.scales["influence"].clip(lower, upper)
    pale = marks.Brush(brush.host, brush.transform, tint(INK, 0.35), f"{brush.name}-through")
    marks.put_upright(pale, "", middle, (place.middle, last.top + last.height))
    marks.put_diamond(brush, (low, middle, high), place.middle)
    marks.put_arrows(brush, "beyond", (low, high), place.middle, beyond)


def _legend(table: pd.DataFrame, level: float) -> list[LegendEntry]:
    entries = [
        LegendEntry(f"every cohort, {100 * level:g}% CrI", samples.sample_diamond),
        LegendEntry(f"without the cohort, {100 * level:g}% CrI", samples.sample_model),
    ]
    if not table["reliable"].map(as_flag).all():
        entries.append(LegendEntry("the same, not reliable: refit to know", sample_open))
    return entries
