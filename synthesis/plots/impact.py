"""What new studies change: pooled estimates without and with them, and how they were expected."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import ENDPOINTS, Endpoint, endpoint_of
from synthesis.plots import inputs, marks, rows, style
from synthesis.plots.checks import TIMES
from synthesis.plots.inputs import flag, interval_of, number, word
from synthesis.plots.page import LegendEntry
from synthesis.plots.scales import Scale, month_scale, percent_scale
from synthesis.plots.style import INK, PLAIN, Sheet

if TYPE_CHECKING:
    import pandas as pd

IMPACT_COLUMNS: tuple[str, ...] = (
    *("endpoint", "treatment", "histology", "estimand", "target"),
    *("before", "before_lower", "before_upper", "after", "after_lower", "after_upper"),
    *("shift_in_sd", "before_basis", "after_basis", "new"),
)
SURPRISE_COLUMNS: tuple[str, ...] = (
    *("endpoint", "cohort", "label", "group", "figure", "n", "printed"),
    *("value", "predicted", "lower", "upper", "lower_50", "upper_50", "p", "headline"),
)
RANK_COLUMNS: tuple[str, ...] = ("endpoint", "treatment", "rank_before", "rank_after")

_LABEL_SHARES = {"one-column": 0.33, "two-column": 0.3, "slide": 0.28}
_SIDES = ("before", "after")
_KNOWN = "its cohorts"
# Shares of the hue in the bars of an expectation, 95 % and 50 %, and their height in points.
_OUTER, _INNER, _BAR = 0.2, 0.5, 6.0


@style.style_context()
def plot_impact(
    table: pd.DataFrame,
    surprise: pd.DataFrame,
    ranks: pd.DataFrame,
    *,
    endpoint: str = "os",
    width: style.Width = "two-column",
    title: str | None = None,
    limit: int = 9,
) -> Figure:
    """Draw what new studies change for one endpoint.

    A: pooled estimates of the average study at the reference mix without (open circle) and with
    the new studies (dot), treatments of the new studies first, then those that move most; their
    ranks stand beside. Below: reported figures of the new studies (open squares, area by patients)
    on what the fit without them expected (pale bar 95 %, dark bar 50 %, stroke the median), times
    and shares on axes of their own. Nothing is computed but positions.

    Parameters
    ----------
    table : DataFrame
        Columns `IMPACT_COLUMNS`; months, or fractions of 1.
    surprise : DataFrame
        Columns `SURPRISE_COLUMNS`; may be empty. An infinite ``value`` was not reached and is
        drawn as an arrow; ``printed`` is the figure as reported, in words.
    ranks : DataFrame
        Columns `RANK_COLUMNS`; only treatments in it, or of the new studies, are drawn.
    endpoint : str
        os, pfs (logarithmic axis in months) or response (linear axis, 0 to 100 %).
    width, title
        As of `plot_forest`.
    limit : int
        Most rows of A, and of the reported figures.

    Returns
    -------
    Figure
        Axes labelled ``impact-estimates values`` and, where there are such figures,
        ``impact-times values`` and ``impact-shares values``.

    Raises
    ------
    ValueError
        If a column is missing, no treatment is left to draw, or the endpoint or the width is
        unknown.
    """
    inputs.require_columns(table, IMPACT_COLUMNS, "plot_impact, table")
    inputs.require_columns(surprise, SURPRISE_COLUMNS, "plot_impact, surprise", may_be_empty=True)
    inputs.require_columns(ranks, RANK_COLUMNS, "plot_impact, ranks", may_be_empty=True)
    inputs.require_known([endpoint], ENDPOINTS, "plot_impact: endpoint")
    sheet, about = style.find_sheet(width), endpoint_of(endpoint)
    estimates = _drawn_estimates(table, ranks, about, limit)
    if not estimates:
        raise ValueError(f"plot_impact: the table has no treatment for {endpoint} to draw")
    figures = _drawn_figures(surprise, endpoint, limit)
    blocks = [_estimate_block(estimates, about, sheet)]
    for name, unit, is_time in (("times", "Months (log scale)", True), ("shares", "%", False)):
        own = [row for row in figures if (word(row["figure"]) in TIMES) == is_time]
        if own:
            blocks.append(_figure_block(name, own, unit, sheet))
    layout = rows.lay_out(blocks, sheet, label_share=_LABEL_SHARES[sheet.name], between=2.0)
    return rows.draw_blocks(
        layout, title, _legend(has_figures=bool(figures)), _foot(estimates, figures)
    )


def _drawn_estimates(
    table: pd.DataFrame, ranks: pd.DataFrame, endpoint: Endpoint, limit: int
) -> list[dict[str, Any]]:
    """Treatments of the new studies, then those that move most; with their ranks."""
    ranked = ranks[ranks["endpoint"] == endpoint.id].set_index("treatment")
    entries = table[
        (table["endpoint"] == endpoint.id)
        & (table["histology"] == "reference")
        & (table["estimand"] == endpoint.estimand)
        & (table["target"] == "mean_study")
    ]
    entries = entries[entries["new"].astype(bool) | entries["treatment"].isin(ranked.index)]
    order = entries["shift_in_sd"].abs().sort_values(ascending=False, kind="stable").index
    entries = entries.loc[order].sort_values("new", ascending=False, kind="stable").head(limit)
    drawn = []
    for row in entries.to_dict("records"):
        own = ranked.loc[row["treatment"]] if row["treatment"] in ranked.index else {}
        values = (number(own.get(f"rank_{side}")) for side in _SIDES)
        drawn.append(row | {"ranks": tuple(numbers.value(value) for value in values)})
    return drawn


def _drawn_figures(surprise: pd.DataFrame, endpoint: str, limit: int) -> list[dict[str, Any]]:
    """Reported figures of the new studies.

    Where there are more than fit, those that speak for a cohort come first, then the others by p.
    """
    own = surprise[surprise["endpoint"] == endpoint]
    if len(own) > limit:
        first = own.sort_values(["headline", "p"], ascending=[False, True], kind="stable")
        own = own.loc[sorted(first.head(limit).index)]
    return own.to_dict("records")


# --- Estimates without and with the new studies --------------------------------------------------


def _estimate_block(
    records: Sequence[Mapping[str, Any]], endpoint: Endpoint, sheet: Sheet
) -> rows.Block:
    entries = []
    for new, words in ((True, "With new studies"), (False, "Other treatments")):
        own = [row for row in records if flag(row["new"]) == new]
        if own:
            entries.append(rows.Row(words, kind="head"))
        entries += [_estimate_row(row, endpoint) for row in own]
    factor = 100.0 if endpoint.is_response else 1.0
    values = [interval_of(row, side, factor) for row in records for side in _SIDES]

    def scale(width: float) -> Scale:
        if endpoint.is_response:
            return percent_scale(width, sheet.text)
        middles, *ends = zip(*values, strict=True)
        return month_scale(middles, [end for side in ends for end in side], width, sheet.text)

    unit = "%" if endpoint.is_response else "Months (log scale)"
    columns = [
        rows.Axis("values", unit, scale),
        rows.Words("estimate", (numbers.capitalised(endpoint.unit), f"({numbers.LEVEL} CrI)")),
        rows.Words("rank", ("Rank",)),
    ]
    title = f"Pooled {endpoint.quantity()} without and with the new studies"
    return rows.Block("impact-estimates", entries, columns, "Treatment", title)


def _estimate_row(record: Mapping[str, Any], endpoint: Endpoint) -> rows.Row:
    before, after = (_estimate_text(record, side, endpoint) for side in _SIDES)
    first, second = record["ranks"]
    texts = {"estimate": (rows.Quiet(before), after), "rank": (rows.Quiet(first), second)}
    factor = 100.0 if endpoint.is_response else 1.0

    def draw(spot: rows.Spot) -> None:
        for place, side in enumerate(_SIDES):
            values = interval_of(record, side, factor)
            brush = spot.brush("values", PLAIN, side)
            y = spot.line(place, 2)
            rows.put_estimate(brush, spot.scales["values"], values, y, fill=side == "after")

    return rows.Row(word(record["treatment"]), texts=texts, draw=draw)


def _estimate_text(record: Mapping[str, Any], side: str, endpoint: Endpoint) -> str:
    """An estimate with its interval; an asterisk where no cohort is behind it."""
    text = numbers.interval(*interval_of(record, side), endpoint.write)
    return text if _is_known(record, side) else f"{text}*"


def _is_known(record: Mapping[str, Any], side: str) -> bool:
    return word(record[f"{side}_basis"]) == _KNOWN


# --- Reported figures on what was expected -------------------------------------------------------


def _figure_block(
    name: str, records: Sequence[Mapping[str, Any]], unit: str, sheet: Sheet
) -> rows.Block:
    factor = 1.0 if name == "times" else 100.0

    def scale(width: float) -> Scale:
        if name == "shares":
            return percent_scale(width, sheet.text)
        inside = [number(row[key]) for row in records for key in ("value", "predicted")]
        ends = [number(row[key]) for row in records for key in ("lower", "upper")]
        return month_scale(inside, ends, width, sheet.text)

    columns = [
        rows.Axis("values", unit, scale),
        rows.Words("reported", ("Reported",), "left", most=0.2),
    ]
    columns.append(rows.Words("p", ("Two-", "sided p")))
    entries = list(_figure_rows(records, factor))
    what = "times" if name == "times" else "shares of patients"
    title = f"Reported {what} on what was expected without the new studies"
    return rows.Block(f"impact-{name}", entries, columns, "Report, figure", title)


def _figure_rows(records: Sequence[Mapping[str, Any]], factor: float) -> Iterator[rows.Row]:
    """Figures below a heading for each cohort."""
    last = None
    for record in records:
        cohort = (word(record["label"]), word(record["cohort"]))
        if cohort != last:
            yield rows.Row(cohort[0], kind="head")
        last = cohort
        group = "" if word(record["group"]) == "whole" else f"{word(record['group'])}, "
        detail = f"{group}n = {int(record['n']):,}"
        texts = {"reported": word(record["printed"]), "p": numbers.chance(record["p"])}
        draw = _figure_marks(record, factor)
        yield rows.Row(word(record["figure"]), detail, texts, draw, level=1)


def _figure_marks(record: Mapping[str, Any], factor: float) -> rows.Draw:
    names = ("predicted", "lower", "upper", "lower_50", "upper_50", "value")
    middle, lower, upper, low, high, value = (factor * number(record[name]) for name in names)

    def draw(spot: rows.Spot) -> None:
        scale, y = spot.scales["values"], spot.middle
        brush, ink = spot.brush("values", PLAIN), spot.brush("values", INK)
        ends, beyond = scale.clip(lower, upper)
        marks.put_area(brush.named("95"), ends, y, _BAR, _OUTER)
        marks.put_area(brush.named("50"), scale.clip(low, high)[0], y, _BAR, _INNER)
        marks.put_arrows(brush, "expected", ends, y, beyond)
        marks.put_upright(brush, "expected-median", middle, (y - 4, y + 4))
        if math.isinf(value):
            shaft = (scale.at_share(0.9), scale.upper)
            marks.put_line(ink, "printed", shaft, y, thickness=0.6, arrows=(False, True))
        else:
            marks.put_square(ink, value, y, marks.square_side(number(record["n"])))

    return draw


def _legend(*, has_figures: bool) -> list[LegendEntry]:
    entries = [
        LegendEntry("without the new studies", marks.line_sample(marks.point_sample(fill=False))),
        LegendEntry("with them", marks.estimate_sample()),
    ]
    if has_figures:
        entries.append(LegendEntry("reported (area by n)", marks.square_sample))
        entries.append(LegendEntry("expected, 95 %, 50 % and median", _expectation_sample))
    return entries


def _expectation_sample(brush: marks.Brush, x: float, y: float) -> None:
    marks.area_sample(_OUTER, inner=_INNER)(brush, x, y)
    marks.put_upright(brush, "", x, (y - 3.5, y + 3.5))


def _foot(estimates: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]]) -> str:
    """Explain the abbreviations and signs in use."""
    words = ["CrI, credible interval"]
    if any("NR" in word(row["printed"]) for row in figures):
        words.append("NR, not reached")
    if not all(_is_known(row, side) for row in estimates for side in _SIDES):
        words.append("*, no cohort behind it: expected of a new treatment")
    return "; ".join([*words, "rank 1, the longest or highest by mean rank"]) + "."
