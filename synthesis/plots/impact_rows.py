"""The layout of the impact figure: its two parts measured, their rows in lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from synthesis.plots.cells import as_flag, as_number, as_text, dashes
from synthesis.plots.forest_rows import ValueColumn, fit_values
from synthesis.plots.page import MARGIN, text_width, widest, wrap
from synthesis.plots.style import Sheet

# White space in points below each row, above a heading, and below it.
_BETWEEN, HEADING_SPACE, _BELOW_HEADING = 3.5, 4.0, 1.5

# Share of the width of the left part where both stand side by side, and of the labels in a part.
_LEFT_SHARE = 0.56
_LABEL_SHARE = 0.34

_KNOWN = "its cohorts"


@dataclass(frozen=True)
class Part:
    """Horizontal layout of one part in points.

    `marks` is the column between plot and values: ranks (left part) or nothing.
    """

    left: float
    right: float
    label_width: float
    plot_left: float
    plot_right: float
    values: ValueColumn
    ranks: ValueColumn | None
    heading: tuple[str, ...]
    heads: tuple[tuple[float, tuple[str, ...]], ...]

    @property
    def head_lines(self) -> int:
        """Number of lines of the tallest column heading."""
        return max(len(lines) for _, lines in self.heads)


@dataclass(frozen=True)
class Span:
    """An estimate or prediction with its intervals; NaN for what is not there."""

    middle: float
    lower: float
    upper: float
    lower_50: float = math.nan
    upper_50: float = math.nan


@dataclass(frozen=True)
class Line:
    """One row set in lines; `top` and `height` in points below the first row of its axes.

    A heading has a label only. A row of the left part has the spans without and with the new
    studies; one of the right part the prediction, and the printed value.
    """

    label: tuple[str, ...]
    detail: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    ranks: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    printed: float = math.nan
    patients: float = math.nan
    treatment_class: str = ""
    is_heading: bool = False
    index: int = 0
    top: float = 0.0
    height: float = 0.0

    @property
    def middle(self) -> float:
        """Height of the centre of the row."""
        return self.top + (self.height - _BETWEEN) / 2


def estimate_rows(
    table: pd.DataFrame, ranks: pd.DataFrame, endpoint: str, limit: int
) -> list[dict[str, object]]:
    """Treatments of the new studies, then those that move most; with their ranks."""
    own = ranks[ranks["endpoint"] == endpoint].set_index("treatment")
    estimand = "response_rate" if endpoint == "response" else "median_months"
    rows = table[
        (table["endpoint"] == endpoint)
        & (table["histology"] == "reference")
        & (table["estimand"] == estimand)
        & (table["target"] == "mean_study")
    ]
    ranked = rows["treatment"].isin(own.index)
    rows = rows[rows["new"].astype(bool) | ranked]
    moved = rows["shift_in_sd"].abs()
    order = moved.sort_values(ascending=False, kind="stable").index
    rows = rows.loc[order].sort_values("new", ascending=False, kind="stable").head(limit)
    found = []
    for row in rows.to_dict("records"):
        rank = own.loc[row["treatment"]] if row["treatment"] in own.index else {}
        pair = tuple(as_text(rank.get(f"rank_{name}")) for name in ("before", "after"))
        found.append(row | {"ranks": pair})
    return found


def figure_rows(
    surprise: pd.DataFrame, endpoint: str, limit: int
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Printed figures of the new studies: times in months, and fractions.

    Where there are more than fit, those that speak for a cohort come first, then the others by p.
    """
    own = surprise[surprise["endpoint"] == endpoint]
    if len(own) > limit:
        first = own.sort_values(["headline", "p"], ascending=[False, True], kind="stable")
        own = own.loc[sorted(first.head(limit).index)]
    rows = own.to_dict("records")
    times = [row for row in rows if is_time(row)]
    return times, [row for row in rows if not is_time(row)]


def is_time(row: Mapping[str, object]) -> bool:
    """Whether a printed figure is a time."""
    return as_text(row["figure"]) in ("median", "lower limit", "upper limit")


def fit_parts(
    estimates: Sequence[Mapping[str, object]],
    figures: Sequence[Mapping[str, object]],
    sheet: Sheet,
    percent: bool,
    headings: tuple[str, str],
    interval: str,
) -> tuple[Part, Part | None]:
    """Divide the width between the two parts, and each part between its columns."""
    inner = sheet.width - 2 * MARGIN
    whole = (MARGIN, MARGIN + inner)
    spans = (whole, whole)
    if sheet.name != "one-column" and figures:
        middle = MARGIN + _LEFT_SHARE * inner
        spans = ((MARGIN, middle - sheet.gap), (middle + sheet.gap, MARGIN + inner))
    values = [text for row in estimates for text in _estimate_texts(row, percent)]
    unit = "%" if percent else "Months"
    left = _fit_part(
        spans[0],
        sheet,
        headings[0],
        ("Treatment", [as_text(row["treatment"]) for row in estimates]),
        ((unit, interval), values),
        [text for row in estimates for text in row["ranks"]],
    )
    if not figures:
        return left, None
    right = _fit_part(
        spans[1],
        sheet,
        headings[1],
        ("Report, figure", [as_text(row[name]) for row in figures for name in ("label", "figure")]),
        (("Printed,", "two-sided p"), [text for row in figures for text in _printed_texts(row)]),
        None,
    )
    return left, right


def _fit_part(
    span: tuple[float, float],
    sheet: Sheet,
    heading: str,
    labels: tuple[str, Sequence[str]],
    values: tuple[tuple[str, ...], Sequence[str]],
    ranks: Sequence[str] | None,
) -> Part:
    left, right = span
    size, gap = sheet.body, sheet.gap
    label_width = min(widest(labels[1], size, "bold"), _LABEL_SHARE * (right - left))
    label_width = max(label_width, widest([labels[0]], size, "bold"))
    edge, rank_column = right, None
    heads = [(left, (labels[0],))]
    if ranks is not None:
        fitted = fit_values(ranks, ("Rank",), size)
        rank_column = replace(fitted, left=edge - fitted.width)
        heads.append((rank_column.left, ("Rank",)))
        edge -= fitted.width + gap
    fitted = fit_values(values[1], values[0], size)
    if ranks is None:  # texts of many kinds: nothing to align but their beginnings
        fitted = ValueColumn(0.0, max(widest(values[1], size), fitted.width), 0.0)
    value_column = replace(fitted, left=edge - fitted.width)
    heads.append((value_column.left, values[0]))
    return Part(
        left=left,
        right=right,
        label_width=label_width,
        plot_left=left + label_width + gap,
        plot_right=value_column.left - gap,
        values=value_column,
        ranks=rank_column,
        heading=wrap(heading, size, right - left - 1.4 * size, "bold"),
        heads=tuple(heads),
    )


def estimate_lines(
    rows: Sequence[Mapping[str, object]], part: Part, sheet: Sheet, percent: bool
) -> tuple[Line, ...]:
    """Rows of the left part under two headings: new studies' treatments, and the others."""
    lines: list[Line] = []
    factor = 100.0 if percent else 1.0
    for new, words in ((True, "With new studies"), (False, "Other treatments")):
        own = [row for row in rows if as_flag(row["new"]) == new]
        if own:
            lines.append(_heading(words, part, sheet))
        for row in own:
            spans = tuple(
                Span(*(factor * as_number(row[f"{name}{end}"]) for end in ("", "_lower", "_upper")))
                for name in ("before", "after")
            )
            line = Line(
                label=wrap(as_text(row["treatment"]), sheet.body, part.label_width),
                values=_estimate_texts(row, percent),
                ranks=tuple(row["ranks"]),
                spans=spans,
                treatment_class=as_text(row["treatment_class"]),
            )
            lines.append(_with_height(line, sheet))
    return _stack(lines)


def figure_lines(
    rows: Sequence[Mapping[str, object]], part: Part, sheet: Sheet
) -> tuple[Line, ...]:
    """Rows of the right part: the printed figures under a heading for each cohort."""
    lines: list[Line] = []
    last = None
    for row in rows:
        cohort = (as_text(row["label"]), as_text(row["cohort"]))
        if cohort != last:
            lines.append(_heading(cohort[0], part, sheet))
        last = cohort
        factor = 1.0 if is_time(row) else 100.0
        ends = ("predicted", "lower", "upper", "lower_50", "upper_50")
        line = Line(
            label=wrap(as_text(row["figure"]), sheet.body, part.label_width),
            detail=_group_lines(row, part.label_width, sheet.small),
            values=_printed_texts(row),
            spans=(Span(*(factor * as_number(row[name]) for name in ends)),),
            printed=factor * as_number(row["value"]),
            patients=as_number(row["n"]),
            treatment_class=as_text(row["treatment_class"]),
        )
        lines.append(_with_height(line, sheet))
    return _stack(lines)


def has_expectation(rows: Sequence[Mapping[str, object]]) -> bool:
    """Whether an estimate rests on no cohort of its treatment."""
    return any(as_text(row[f"{name}_basis"]) != _KNOWN for row in rows for name in _SIDES)


_SIDES = ("before", "after")


def _heading(words: str, part: Part, sheet: Sheet) -> Line:
    label = wrap(words, sheet.body, part.label_width, "bold")
    height = len(label) * sheet.pitch + HEADING_SPACE + _BELOW_HEADING
    return Line(label, is_heading=True, height=height)


def _with_height(line: Line, sheet: Sheet) -> Line:
    words = len(line.label) * sheet.pitch + len(line.detail) * 1.2 * sheet.small
    return replace(line, height=max(words, len(line.values) * sheet.pitch) + _BETWEEN)


def _stack(lines: Sequence[Line]) -> tuple[Line, ...]:
    stacked: list[Line] = []
    top = 0.0
    for index, line in enumerate(lines):
        stacked.append(replace(line, index=index, top=top))
        top += line.height
    return tuple(stacked)


def _group_lines(row: Mapping[str, object], width: float, size: float) -> tuple[str, ...]:
    """Group and number of patients, on two lines where one is too short."""
    group, number = as_text(row["group"]), f"n = {as_text(row['n'])}"
    if group == "whole":
        return (number,)
    together = f"{group}, {number}"
    return (together,) if text_width(together, size) <= width else (f"{group},", number)


def _estimate_texts(row: Mapping[str, object], percent: bool) -> tuple[str, ...]:
    """Estimates without and with the new studies; an asterisk where no cohort is behind one."""
    texts = []
    for name in _SIDES:
        values = [as_number(row[f"{name}{end}"]) for end in ("", "_lower", "_upper")]
        middle, lower, upper = (_write(100 * v, 0) if percent else _write(v, 1) for v in values)
        star = "" if as_text(row[f"{name}_basis"]) == _KNOWN else "*"
        texts.append(f"{middle} ({lower}\N{EN DASH}{upper}){star}")
    return tuple(texts)


def _write(value: float, decimals: int) -> str:
    return f"{value:.{decimals if abs(value) < 99.95 else 0}f}"


def _printed_texts(row: Mapping[str, object]) -> tuple[str, str]:
    printed = as_text(row["printed"])
    # of a survival probability the label says the time, of a median the words about follow-up
    printed = printed.rpartition(": ")[2].partition(",")[0].partition(" from ")[0]
    return dashes(printed), _p_text(as_number(row["p"]))


def _p_text(p: float) -> str:
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
