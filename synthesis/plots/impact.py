"""What new studies change: pooled estimates without and with them, and how they were expected."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthesis import numbers
from synthesis.endpoints import Endpoint, endpoint_of
from synthesis.plots import marks, rows, style
from synthesis.plots.checks import TIMES
from synthesis.plots.page import LegendEntry
from synthesis.plots.rows import Quiet, Row, Words, flag, interval_of, number, word
from synthesis.plots.style import INK, PLAIN
from synthesis.result import names

IMPACT_COLUMNS = names(
    "endpoint treatment histology estimand target before before_lower before_upper after "
    "after_lower after_upper shift_in_sd before_basis after_basis new"
)
SURPRISE_COLUMNS = names(
    "endpoint cohort label group figure n printed value predicted lower upper lower_50 upper_50 p "
    "headline"
)
RANK_COLUMNS = names("endpoint treatment rank_before rank_after")

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

    A: pooled estimates of the average study at the reference mix without (open circle) and with the
    new studies (dot), treatments of the new studies first, then those that move most; their ranks
    stand beside. Below: reported figures of the new studies (open squares, area by patients) on
    what the fit without them expected (pale bar 95 %, dark bar 50 %, stroke the median), times and
    shares on axes of their own. Axes labelled ``impact-estimates values`` and, where there are such
    figures, ``impact-times values`` and ``impact-shares values``.

    `table` has the columns `IMPACT_COLUMNS`, months or fractions of 1; `surprise`, which may be
    empty, `SURPRISE_COLUMNS`: an infinite ``value`` was not reached and is drawn as an arrow,
    ``printed`` is the figure as reported, in words; `ranks` has `RANK_COLUMNS`: only treatments in
    it, or of the new studies, are drawn. The axis of os and pfs is logarithmic, in months, that of
    response linear, 0 to 100 %. `limit` is the most rows of A, and of the reported figures. `width`
    and `title` are as of `plot_forest`. ValueError if a column is missing, no treatment is left to
    draw, or the endpoint or the width is unknown.
    """
    rows.require(table, IMPACT_COLUMNS, "plot_impact, table")
    rows.require(surprise, SURPRISE_COLUMNS, "plot_impact, surprise", may_be_empty=True)
    rows.require(ranks, RANK_COLUMNS, "plot_impact, ranks", may_be_empty=True)
    sheet, about = style.find_sheet(width), endpoint_of(endpoint)
    estimates = _drawn_estimates(table, ranks, about, limit)
    if not estimates:
        raise ValueError(f"plot_impact: the table has no treatment for {endpoint} to draw")
    figures = _drawn_figures(surprise, endpoint, limit)
    blocks = [_estimate_block(estimates, about)]
    for is_share in (False, True):
        own = [row for row in figures if (word(row["figure"]) not in TIMES) == is_share]
        if own:
            blocks.append(_figure_block(own, is_share=is_share))
    legend, foot = _legend(has_figures=bool(figures)), _foot(estimates, figures)
    shares = (0.33, 0.3, 0.28)
    layout = rows.lay_out(blocks, sheet, title, legend, foot, shares=shares, between=2.0)
    return rows.draw_blocks(layout)


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
        & (table["new"].astype(bool) | table["treatment"].isin(ranked.index))
    ]
    order = entries["shift_in_sd"].abs().sort_values(ascending=False, kind="stable").index
    entries = entries.loc[order].sort_values("new", ascending=False, kind="stable").head(limit)
    places = ranked[[f"rank_{side}" for side in _SIDES]]
    return entries.join(places, on="treatment").to_dict("records")


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


def _estimate_block(records: Sequence[Mapping[str, Any]], endpoint: Endpoint) -> rows.Block:
    entries = []
    for new, words in ((True, "With new studies"), (False, "Other treatments")):
        own = [row for row in records if flag(row["new"]) == new]
        entries += [Row(words, kind="head")] if own else []
        entries += [_estimate_row(row, endpoint) for row in own]
    columns = [
        rows.value_axis(*rows.spans(records, *_SIDES), is_share=endpoint.is_response),
        Words("estimate", (numbers.capitalised(endpoint.unit), rows.INTERVAL)),
        Words("rank", ("Rank",)),
    ]
    title = f"Pooled {endpoint.quantity()} without and with the new studies"
    return rows.Block("impact-estimates", entries, columns, "Treatment", title)


def _estimate_row(record: Mapping[str, Any], endpoint: Endpoint) -> Row:
    # an asterisk where no cohort is behind an estimate
    before, after = (
        numbers.written(record, endpoint.write, side) + "*" * (not _is_known(record, side))
        for side in _SIDES
    )
    first, second = (numbers.value(number(record[f"rank_{side}"])) for side in _SIDES)
    texts = {"estimate": (Quiet(before), after), "rank": (Quiet(first), second)}

    def draw(spot: rows.Spot) -> None:
        for place, side in enumerate(_SIDES):
            values = interval_of(record, side, rows.factor_of(endpoint))
            look = {"y": spot.line(place, 2), "name": side, "fill": side == "after"}
            rows.put_estimate(spot, "values", values, **look)

    return Row(word(record["treatment"]), texts=texts, draw=draw)


def _is_known(record: Mapping[str, Any], side: str) -> bool:
    return word(record[f"{side}_basis"]) == _KNOWN


# --- Reported figures on what was expected -------------------------------------------------------


def _figure_block(records: Sequence[Mapping[str, Any]], *, is_share: bool) -> rows.Block:
    name, what = ("shares", "shares of patients") if is_share else ("times", "times")
    inside, ends = (
        [number(row[key]) for row in records for key in keys]
        for keys in (("value", "predicted"), ("lower", "upper"))
    )
    columns = [
        rows.value_axis(inside, ends, is_share=is_share),
        Words("reported", ("Reported",), "left", most=0.2),
        Words("p", ("Two-", "sided p")),
    ]
    entries, factor = [], 100.0 if is_share else 1.0
    for _, own in itertools.groupby(records, lambda row: (word(row["label"]), word(row["cohort"]))):
        own = list(own)
        entries.append(Row(word(own[0]["label"]), kind="head"))
        entries += [_figure_row(row, factor) for row in own]
    title = f"Reported {what} on what was expected without the new studies"
    return rows.Block(f"impact-{name}", entries, columns, "Report, figure", title)


def _figure_row(record: Mapping[str, Any], factor: float) -> Row:
    group = "" if word(record["group"]) == "whole" else f"{word(record['group'])}, "
    detail = f"{group}n = {int(record['n']):,}"
    texts = {"reported": word(record["printed"]), "p": numbers.chance(record["p"])}
    draw = partial(_put_figure, record, factor)
    return Row(word(record["figure"]), detail, texts, draw, level=1)


def _put_figure(record: Mapping[str, Any], factor: float, spot: rows.Spot) -> None:
    """A reported figure on the bars of its expectation."""
    names = ("predicted", "lower", "upper", "lower_50", "upper_50", "value")
    middle, lower, upper, low, high, value = (factor * number(record[name]) for name in names)
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


def _legend(*, has_figures: bool) -> list[LegendEntry]:
    entries = [
        ("without the new studies", marks.line_sample(marks.point_sample(fill=False))),
        ("with them", marks.estimate_sample()),
        ("reported (area by n)", marks.square_sample),
        ("expected, 95 %, 50 % and median", _expectation_sample),
    ]
    return entries if has_figures else entries[:2]


def _expectation_sample(brush: marks.Brush, x: float, y: float) -> None:
    marks.put_area(brush, (x - 8, x + 8), y, 5.0, _OUTER)
    marks.put_area(brush, (x - 3.5, x + 3.5), y, 5.0, _INNER)
    marks.put_upright(brush, "", x, (y - 3.5, y + 3.5))


def _foot(estimates: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]]) -> str:
    """Explain the abbreviations and signs in use."""
    words = ["CrI, credible interval"]
    if any("NR" in word(row["printed"]) for row in figures):
        words.append("NR, not reached")
    if not all(_is_known(row, side) for row in estimates for side in _SIDES):
        words.append("*, no cohort behind it: expected of a new treatment")
    return "; ".join([*words, "rank 1, the longest or highest by mean rank"]) + "."
